//! The files of the repository as the rules see them: paths from the root, text, and for Rust files their code.
//!
//! Only `Tree::load` touches the disk. A test builds a tree from what it makes up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::source::Source;
use crate::process;
use crate::workspace::relative;

/// Every file that is part of the project.
#[derive(Debug)]
pub(crate) struct Tree {
    files: Vec<File>,
}

/// One file.
#[derive(Debug)]
pub(super) struct File {
    /// From the root, with `/` between its parts.
    pub(super) path: String,
    /// Empty if it is no text.
    pub(super) text: String,
    /// What a Rust file says; nothing for any other.
    pub(super) source: Source,
    /// Only tests have it.
    test_only: bool,
}

impl Tree {
    /// Reads what git tracks or would track, or everything but build output where there is no git.
    pub(crate) fn load(root: &Path) -> anyhow::Result<Self> {
        let paths = match listed_by_git(root) {
            Some(paths) => paths,
            None => walk(root, root)?,
        };
        // What git tracks may have been deleted in the working tree.
        let present = paths.into_iter().filter(|path| root.join(path).is_file());
        let files = present.map(|path| Ok((read_text(&root.join(&path))?, path)));
        Ok(Self::of(files.collect::<anyhow::Result<Vec<_>>>()?.into_iter().map(|(text, path)| (path, text))))
    }

    /// A tree of these paths and texts.
    pub(crate) fn of(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut files: Vec<_> = files.into_iter().map(|(path, text)| File::of(path, text)).collect();
        files.sort_by(|left, right| left.path.cmp(&right.path));
        let test_modules: Vec<_> = files.iter().flat_map(File::test_module_paths).collect();
        for file in &mut files {
            file.test_only = test_modules.iter().any(|module| file.is_module(module));
        }
        Self { files }
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.files().find(|file| file.path == path)
    }

    /// All Rust files.
    pub(super) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files().filter(|file| file.is_rust())
    }

    /// The Rust files of the product itself: `src` of the crates, without what only tests have.
    pub(super) fn shipped(&self) -> impl Iterator<Item = &File> {
        self.rust().filter(|file| file.crate_directory().is_some() && !file.test_only)
    }
}

impl File {
    fn of(path: String, text: String) -> Self {
        let source = if is_rust(&path) { Source::read(&text) } else { Source::default() };
        Self { path, text, source, test_only: false }
    }

    pub(super) fn is_rust(&self) -> bool {
        is_rust(&self.path)
    }

    /// `jose` for a file in `crates/jose/src`.
    pub(super) fn crate_directory(&self) -> Option<&str> {
        let (directory, inside) = self.path.strip_prefix("crates/")?.split_once('/')?;
        inside.starts_with("src/").then_some(directory)
    }

    /// The first folder of its path, unless it lies at the root.
    pub(super) fn top_folder(&self) -> Option<&str> {
        self.path.split_once('/').map(|(folder, _)| folder)
    }

    /// Paths, without `.rs`, of the modules that it declares for tests only.
    fn test_module_paths(&self) -> Vec<String> {
        let folder = self.module_folder();
        self.source.test_modules().map(|name| format!("{folder}/{name}")).collect()
    }

    /// Where the files of its modules are.
    fn module_folder(&self) -> &str {
        let stem = self.path.strip_suffix(".rs").unwrap_or(&self.path);
        match stem.rsplit_once('/') {
            Some((folder, "lib" | "main" | "mod")) => folder,
            _ => stem,
        }
    }

    /// Whether it is the module's file, or one below it.
    fn is_module(&self, module: &str) -> bool {
        self.path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    }
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

/// Tracked files and those that are neither tracked nor ignored: what the next commit may hold.
fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listing = process::asked(Command::new("git").args(arguments).current_dir(root))?;
    let paths: Vec<_> = listing.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    (!paths.is_empty()).then_some(paths)
}

fn walk(folder: &Path, root: &Path) -> anyhow::Result<Vec<String>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path: PathBuf = entry?.path();
        if path.is_file() {
            paths.push(relative(&path, root));
        } else if !is_build_output(&path) {
            paths.extend(walk(&path, root)?);
        }
    }
    Ok(paths)
}

fn is_build_output(folder: &Path) -> bool {
    [".git", "target", "node_modules"].iter().any(|name| folder.ends_with(name))
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(String::from_utf8(bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        Tree::of(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
    }

    fn shipped(files: &[(&str, &str)]) -> Vec<String> {
        tree(files).shipped().map(|file| file.path.clone()).collect()
    }

    #[test]
    fn shipped_is_the_source_of_the_crates_only() {
        let files = [
            ("crates/jose/src/lib.rs", ""),
            ("crates/jose/tests/token.rs", ""),
            ("crates/jose/benches/verify.rs", ""),
            ("crates/jose/Cargo.toml", ""),
            ("testing/testkit/src/lib.rs", ""),
            ("xtask/src/main.rs", ""),
        ];
        assert_eq!(shipped(&files), ["crates/jose/src/lib.rs"]);
    }

    #[test]
    fn modules_that_only_tests_have_are_not_shipped() {
        let files = [
            ("crates/jose/src/key.rs", "#[cfg(test)]\nmod fixtures;"),
            ("crates/jose/src/key/fixtures.rs", ""),
            ("crates/jose/src/key/fixtures/rsa.rs", ""),
            ("crates/jose/src/fixtures.rs", ""),
            ("crates/jose/src/lib.rs", "#[cfg(test)]\nmod tests;\nmod key;"),
            ("crates/jose/src/tests.rs", ""),
        ];
        let expected = ["crates/jose/src/fixtures.rs", "crates/jose/src/key.rs", "crates/jose/src/lib.rs"];
        assert_eq!(shipped(&files), expected);
    }

    #[test]
    fn load_reads_the_files_on_disk_without_build_output() {
        let root = tempfile::tempdir().unwrap();
        for (path, bytes) in [
            ("README.md", b"words".as_slice()),
            ("a/src/lib.rs", b"//! a"),
            ("a/picture.png", &[0xff, 0xfe]),
            ("target/debug/x.rs", b"built"),
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let tree = Tree::load(root.path()).unwrap();
        let read: Vec<_> = tree.files().map(|file| (file.path.as_str(), file.text.as_str())).collect();
        assert_eq!(read, [("README.md", "words"), ("a/picture.png", ""), ("a/src/lib.rs", "//! a")]);
    }
}
