//! The benchmarks of the workspace by name, so that nobody needs to remember which crate holds which.
//!
//! What they measure and how they print it is their own affair.

use clap::builder::PossibleValuesParser;

use crate::process;
use crate::workspace::Workspace;

/// The benchmark that is meant when none is named.
pub(crate) const DEFAULT: &str = "verify";

/// Name, package, bench target. A new benchmark is a row.
const BENCHES: &[(&str, &str, &str)] = &[("verify", "jwksmith-verifier", "verify")];

/// The names that the command line takes.
pub(crate) fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(BENCHES.iter().map(|(name, ..)| *name))
}

/// Runs one benchmark with its own `arguments`.
pub(crate) fn run(workspace: &Workspace, name: &str, arguments: &[String]) -> anyhow::Result<()> {
    for (_, package, bench) in BENCHES.iter().filter(|(known, ..)| *known == name) {
        let mut command =
            workspace.cargo(&["bench", "--locked", "--package", package, "--bench", bench, "--"]);
        process::run(command.args(arguments))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_is_a_row_of_the_table() {
        assert!(BENCHES.iter().any(|(name, ..)| *name == DEFAULT));
    }
}
