//! What cargo knows about this workspace: where it is, its crates, and whom each of them depends on.
//!
//! The shapes here are our own and not those of `cargo metadata`, so that a test can make them up. Nothing is judged here.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use cargo_metadata::{DependencyKind, MetadataCommand};

/// The workspace that the current directory belongs to.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The repository root.
    pub(crate) root: PathBuf,
    /// Where cargo builds; `CARGO_TARGET_DIR` and cargo's configuration have been heeded.
    pub(crate) target: PathBuf,
    /// Its crates, by name.
    pub(crate) packages: Vec<Package>,
}

/// One crate of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Relative to the root, with `/` between the parts.
    pub(crate) directory: String,
    pub(crate) dependencies: Vec<Dependency>,
    /// Whether it has features that a build without `--all-features` leaves out.
    pub(crate) has_features: bool,
}

/// One line of a crate's dependency tables.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    /// The name of the package, whatever it was renamed to.
    pub(crate) name: String,
    /// Only its tests, examples and benchmarks depend on it.
    pub(crate) dev: bool,
}

impl Workspace {
    /// Asks cargo about the workspace of the current directory.
    pub(crate) fn load() -> anyhow::Result<Self> {
        Self::of(&mut MetadataCommand::new())
    }

    /// Asks cargo about the workspace at `root`.
    #[cfg(test)]
    pub(crate) fn at(root: &Path) -> anyhow::Result<Self> {
        Self::of(MetadataCommand::new().current_dir(root))
    }

    /// `cargo ARGUMENTS` at the root.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("cargo");
        command.args(arguments).current_dir(&self.root);
        command
    }

    fn of(command: &mut MetadataCommand) -> anyhow::Result<Self> {
        let metadata = command.no_deps().exec().context("cargo metadata: run this inside the repository")?;
        let root = metadata.workspace_root.clone().into_std_path_buf();
        let mut packages: Vec<_> =
            metadata.workspace_packages().into_iter().map(|package| Package::read(package, &root)).collect();
        packages.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(Self { root, target: metadata.target_directory.into_std_path_buf(), packages })
    }
}

impl Package {
    fn read(package: &cargo_metadata::Package, root: &Path) -> Self {
        Self {
            name: package.name.to_string(),
            directory: relative(package.manifest_path.parent().map_or(root, |path| path.as_std_path()), root),
            dependencies: package.dependencies.iter().map(Dependency::read).collect(),
            has_features: package.features.keys().any(|name| name != "default"),
        }
    }
}

impl Dependency {
    fn read(dependency: &cargo_metadata::Dependency) -> Self {
        Self { name: dependency.name.clone(), dev: dependency.kind == DependencyKind::Development }
    }
}

/// `path` as seen from `root`, with `/` between its parts on every system.
pub(crate) fn relative(path: &Path, root: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
