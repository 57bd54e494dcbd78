//! The benchmarks of the repository by name, so that nobody needs to remember which package holds which.
//!
//! What they measure and how they print it is their own affair.

use std::path::Path;

use clap::builder::PossibleValuesParser;

use crate::process;
use crate::workspace::Workspace;

/// The benchmark that is meant when none is named.
pub(crate) const DEFAULT: &str = "verifier";

/// The package of the benchmarks: outside the workspace, as it brings what the product's lock file must not hold.
const FOLDER: &str = "benches";

/// Their names, which are those of its programs. A new benchmark is a row.
const BENCHES: [&str; 2] = ["verifier", "jose"];

/// The names that the command line takes.
pub(crate) fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(BENCHES)
}

/// Runs one benchmark with its own `arguments`.
pub(crate) fn run(workspace: &Workspace, name: &str, arguments: &[String]) -> anyhow::Result<()> {
    let words = cargo_arguments(name, &workspace.target);
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    process::run_for_its_output(workspace.cargo(&words).arg("--").args(arguments))
}

/// What cargo is told, at the root; `target` is where the workspace builds.
fn cargo_arguments(name: &str, target: &Path) -> Vec<String> {
    let (manifest, target) = (format!("{FOLDER}/Cargo.toml"), target.join(FOLDER));
    let target = target.to_string_lossy();
    let words = ["run", "--locked", "--release", "--manifest-path", &manifest, "--target-dir"];
    words.into_iter().chain([&*target, "--bin", name]).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_is_a_row_of_the_table() {
        assert!(BENCHES.contains(&DEFAULT));
    }

    #[test]
    fn package_of_the_benchmarks_has_its_own_workspace_lock_file_and_programs() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let manifest = std::fs::read_to_string(root.join(FOLDER).join("Cargo.toml")).unwrap();
        assert!(manifest.lines().any(|line| line == "[workspace]"), "it has a workspace of its own");
        assert!(root.join(FOLDER).join("Cargo.lock").is_file(), "it has a lock file");
        for name in BENCHES {
            assert!(manifest.contains(&format!("[[bin]]\nname = \"{name}\"\n")), "it has the program {name}");
        }
        let product = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
        assert!(product.contains(&format!("exclude = [\"{FOLDER}\"")), "it is excluded at the root");
    }

    #[test]
    fn benchmark_is_built_from_its_lock_file_optimised_and_below_the_target() {
        assert_eq!(
            cargo_arguments("jose", Path::new("target")).join(" "),
            "run --locked --release --manifest-path benches/Cargo.toml --target-dir target/benches --bin jose"
        );
    }
}
