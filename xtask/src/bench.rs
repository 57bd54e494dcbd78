//! The benchmarks of the repository by name, so that nobody needs to remember which package holds which.
//!
//! What they measure and how they print it is their own affair.

use std::path::Path;

use clap::builder::PossibleValuesParser;

use crate::process;
use crate::workspace::Workspace;

/// The benchmark that is meant when none is named.
pub(crate) const DEFAULT: &str = "verify";

/// Where a benchmark lives.
enum Home {
    /// A bench target of a crate of the workspace.
    Crate { package: &'static str, bench: &'static str },
    /// A program of a package outside the workspace, which brings what the product's lock file must not hold.
    Outside { folder: &'static str, program: &'static str },
}

/// Name and home. A new benchmark is a row.
const BENCHES: &[(&str, Home)] = &[
    ("verify", Home::Crate { package: "jwksmith-verifier", bench: "verify" }),
    ("jose", Home::Outside { folder: "benches", program: "jose" }),
];

/// The names that the command line takes.
pub(crate) fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(BENCHES.iter().map(|(name, _)| *name))
}

/// Runs one benchmark with its own `arguments`.
pub(crate) fn run(workspace: &Workspace, name: &str, arguments: &[String]) -> anyhow::Result<()> {
    for (_, home) in BENCHES.iter().filter(|(known, _)| *known == name) {
        let words = home.cargo_arguments(&workspace.target);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        process::run_for_its_output(workspace.cargo(&words).arg("--").args(arguments))?;
    }
    Ok(())
}

impl Home {
    /// What cargo is told, at the root; `target` is where the workspace builds.
    fn cargo_arguments(&self, target: &Path) -> Vec<String> {
        match self {
            Self::Crate { package, bench } => {
                ["bench", "--locked", "--package", package, "--bench", bench].map(str::to_owned).to_vec()
            }
            Self::Outside { folder, program } => {
                let (manifest, target) = (format!("{folder}/Cargo.toml"), target.join(folder));
                let target = target.to_string_lossy();
                let words = ["run", "--locked", "--release", "--manifest-path", &manifest, "--target-dir"];
                words.into_iter().chain([&*target, "--bin", program]).map(str::to_owned).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_is_a_row_of_the_table() {
        assert!(BENCHES.iter().any(|(name, _)| *name == DEFAULT));
    }

    #[test]
    fn every_benchmark_is_built_from_its_lock_file_and_optimised() {
        for (name, home) in BENCHES {
            let arguments = home.cargo_arguments(Path::new("target"));
            let says = |word: &str| arguments.iter().any(|argument| argument == word);
            assert!(says("--locked") && (says("bench") || says("--release")), "{name}: {arguments:?}");
        }
    }

    #[test]
    fn benchmark_outside_the_workspace_has_its_own_workspace_lock_file_and_program() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for (name, home) in BENCHES {
            let Home::Outside { folder, program } = home else { continue };
            let manifest = std::fs::read_to_string(root.join(folder).join("Cargo.toml")).unwrap();
            assert!(manifest.lines().any(|line| line == "[workspace]"), "{name} has a workspace of its own");
            assert!(manifest.contains(&format!("name = \"{program}\"")), "{name} has the program {program}");
            assert!(root.join(folder).join("Cargo.lock").is_file(), "{name} has a lock file");
            let product = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
            assert!(product.contains(&format!("exclude = [\"{folder}\"")), "{name} is excluded at the root");
        }
    }

    #[test]
    fn benchmark_outside_the_workspace_builds_below_its_target() {
        let home = Home::Outside { folder: "benches", program: "jose" };
        assert_eq!(
            home.cargo_arguments(Path::new("target")).join(" "),
            "run --locked --release --manifest-path benches/Cargo.toml --target-dir target/benches --bin jose"
        );
    }
}
