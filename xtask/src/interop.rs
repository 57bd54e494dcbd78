//! Prepares the clients in other languages under `target/interop` and runs the interop tests against them.
//!
//! Nothing is installed into the source tree: the Node scripts and their lock file are copied to `target/interop/node`,
//! and Python gets an environment of its own in `target/interop/python`. Both are kept until what they were installed
//! from changes. The tests themselves, and the scripts, belong to `testing/interop`.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::process::{self, say};
use crate::tally::Tally;
use crate::workspace::Workspace;

/// The crate that holds the interop tests.
pub(crate) const PACKAGE: &str = "jwksmith-interop";

/// Tells the tests where the clients were prepared, for a build whose target directory is elsewhere.
const DIRECTORY_VARIABLE: &str = "JWKSMITH_INTEROP_DIR";

/// The Debian packages that bring the tools.
const DEBIAN_PACKAGES: [&str; 4] = ["nodejs", "npm", "python3", "python3-venv"];

/// The clients' own packages ask for no less than these versions.
const NODE_CHECK: &str = "\
    const [major, minor] = process.versions.node.split('.').map(Number);
    process.exit(major > 20 || (major == 20 && minor >= 19) ? 0 : 1)";

/// Debian ships `venv` without what it needs to make an environment; `ensurepip` is the part that tells.
const PYTHON_CHECK: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";

/// Prepares the clients and runs the tests that need them.
pub(crate) fn run(workspace: &Workspace, tally: &mut Tally) -> anyhow::Result<()> {
    let directory = prepare(workspace)?;
    let mut command = workspace.cargo(&["test", "--package", PACKAGE, "--locked", "--", "--include-ignored"]);
    process::run_listening(command.env(DIRECTORY_VARIABLE, directory), |line| tally.hear(line))
}

/// Installs whatever is missing; answers the folder with `node` and `python` in it.
fn prepare(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    ensure_tools()?;
    let sources = workspace.root.join("testing/interop");
    let directory = workspace.target.join("interop");
    prepare_node(&sources.join("node"), &directory.join("node")).context("preparing the Node clients")?;
    prepare_python(&sources.join("python"), &directory.join("python"))
        .context("preparing the Python clients")?;
    Ok(directory)
}

fn prepare_node(sources: &Path, destination: &Path) -> anyhow::Result<()> {
    copy_files(sources, destination)?;
    let stamp = Stamp::of(destination, &[&sources.join("package-lock.json"), &sources.join("package.json")])?;
    if stamp.is_current() && destination.join("node_modules").is_dir() {
        return Ok(());
    }
    stamp.forget();
    // The clients need none of their packages' install scripts, so no stranger's script runs here.
    let mut install = Command::new("npm");
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(destination);
    process::run(&mut install)?;
    stamp.write()
}

fn prepare_python(sources: &Path, destination: &Path) -> anyhow::Result<()> {
    let requirements = sources.join("requirements.txt");
    let python = destination.join("bin/python");
    let stamp = Stamp::of(destination, &[&requirements])?;
    // An environment dies with the Python it was made from, so its stamp alone proves nothing.
    if stamp.is_current() && process::answers(&python, &["--version"]) {
        return Ok(());
    }
    stamp.forget();
    process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(destination))?;
    let pip =
        ["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--quiet", "--requirement"];
    process::run(Command::new(python).args(pip).arg(requirements))?;
    stamp.write()
}

/// Copies every file of a flat folder.
fn copy_files(sources: &Path, destination: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(destination).with_context(|| format!("creating {}", destination.display()))?;
    for entry in fs::read_dir(sources).with_context(|| format!("reading {}", sources.display()))? {
        let path = entry?.path();
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            fs::copy(&path, destination.join(name)).with_context(|| format!("copying {}", path.display()))?;
        }
    }
    Ok(())
}

/// Remembers beside an installation what it was installed from.
struct Stamp {
    path: PathBuf,
    value: String,
}

impl Stamp {
    fn of(installation: &Path, sources: &[&Path]) -> anyhow::Result<Self> {
        let mut hasher = DefaultHasher::new();
        for source in sources {
            hasher.write(&fs::read(source).with_context(|| format!("reading {}", source.display()))?);
        }
        Ok(Self { path: installation.join(".installed"), value: format!("{:016x}\n", hasher.finish()) })
    }

    fn is_current(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|written| written == self.value)
    }

    /// Before an installation starts, so that a broken one never passes for an earlier one that was whole.
    fn forget(&self) {
        fs::remove_file(&self.path).ok();
    }

    /// Only after the installation is whole, so that an interrupted one is done again.
    fn write(&self) -> anyhow::Result<()> {
        fs::write(&self.path, &self.value).with_context(|| format!("writing {}", self.path.display()))
    }
}

/// Makes sure of Node and Python, by installing them where that needs no question.
fn ensure_tools() -> anyhow::Result<()> {
    if missing_tools().is_empty() {
        return Ok(());
    }
    if !may_install() {
        bail!("{}", advice(&missing_tools()));
    }
    say(&format!(
        "missing: {}; installing them with apt-get, because this runs as root",
        missing_tools().join(", ")
    ));
    apt_get(&["update"])?;
    apt_get(&[&["install", "-y", "--no-install-recommends"], DEBIAN_PACKAGES.as_slice()].concat())?;
    match missing_tools() {
        missing if missing.is_empty() => Ok(()),
        missing => bail!("{}", advice(&missing)),
    }
}

fn apt_get(arguments: &[&str]) -> anyhow::Result<()> {
    process::run(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}

fn missing_tools() -> Vec<&'static str> {
    let tools: [(&str, &str, &[&str]); 3] = [
        ("Node 20.19 or newer", "node", &["-e", NODE_CHECK]),
        ("npm", "npm", &["--version"]),
        ("Python 3.11 or newer with venv", "python3", &["-c", PYTHON_CHECK]),
    ];
    let missing = tools.iter().filter(|(_, program, arguments)| !process::answers(program, arguments));
    missing.map(|(name, ..)| *name).collect()
}

fn may_install() -> bool {
    let user = process::asked(Command::new("id").arg("-u"));
    user.is_some_and(|id| id.trim() == "0") && process::answers("apt-get", &["--version"])
}

fn advice(missing: &[&str]) -> String {
    format!(
        "the interop tests need {}, which this machine lacks. Install it (on Debian: `apt-get install {}`), or run the \
         other suites by name",
        missing.join(" and "),
        DEBIAN_PACKAGES.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp_for(folder: &Path, content: &str) -> Stamp {
        let source = folder.join("lock");
        fs::write(&source, content).unwrap();
        Stamp::of(folder, &[&source]).unwrap()
    }

    #[test]
    fn stamp_is_current_only_after_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = stamp_for(folder.path(), "one");
        assert!(!stamp.is_current());
        stamp.write().unwrap();
        assert!(stamp_for(folder.path(), "one").is_current());
    }

    #[test]
    fn stamp_of_another_content_is_not_current() {
        let folder = tempfile::tempdir().unwrap();
        stamp_for(folder.path(), "one").write().unwrap();
        assert!(!stamp_for(folder.path(), "two").is_current());
    }

    #[test]
    fn stamp_that_was_forgotten_is_not_current() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = stamp_for(folder.path(), "one");
        stamp.write().unwrap();
        stamp.forget();
        assert!(!stamp.is_current());
    }

    #[test]
    fn copy_takes_the_files_and_leaves_folders() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(from.path().join("verify.mjs"), "new").unwrap();
        fs::write(to.path().join("verify.mjs"), "old").unwrap();
        fs::create_dir(from.path().join("node_modules")).unwrap();
        copy_files(from.path(), to.path()).unwrap();
        assert_eq!(fs::read_to_string(to.path().join("verify.mjs")).unwrap(), "new");
        assert!(!to.path().join("node_modules").exists());
    }

    #[test]
    fn advice_names_what_is_missing_and_what_to_install() {
        let text = advice(&["npm"]);
        assert!(
            text.contains("need npm, which") && text.contains("nodejs npm python3 python3-venv"),
            "{text}"
        );
    }
}
