//! The suites of a green build: what each runs, cheapest first.
//!
//! Their order, their timing and what is said about them is `test.rs`.

use clap::ValueEnum;

use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{interop, process, tidy};

/// One part of what a green build means, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// The sources are formatted.
    Fmt,
    /// The sources keep the invariants of the design.
    Tidy,
    /// Clippy has nothing to say.
    Clippy,
    /// The documentation builds without a warning.
    Doc,
    /// Unit, integration and documentation tests.
    Unit,
    /// Real clients in other languages against a real server; installs them first.
    Interop,
    /// Licences, banned crates and sources of the dependencies.
    Deny,
}

/// How a suite ended that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    /// Nothing was checked, and why.
    Skipped(String),
}

impl Suite {
    /// The word for it on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Runs it, streams what it prints and adds its tests to `tally`. An error means that it failed.
    pub(crate) fn run(self, workspace: &Workspace, tally: &mut Tally) -> anyhow::Result<Verdict> {
        match self {
            Self::Fmt => process::run(&mut workspace.cargo(&["fmt", "--all", "--check"]))?,
            Self::Tidy => anyhow::ensure!(tidy::run(workspace)?, "the tree breaks its own rules"),
            Self::Clippy => clippy(workspace)?,
            Self::Doc => doc(workspace)?,
            Self::Unit => unit(workspace, tally)?,
            Self::Interop => interop::run(workspace, tally)?,
            Self::Deny => return deny(workspace),
        }
        Ok(Verdict::Passed)
    }
}

fn clippy(workspace: &Workspace) -> anyhow::Result<()> {
    let lint = |features: &[&str]| {
        let mut command = workspace.cargo(&["clippy", "--workspace", "--all-targets", "--locked"]);
        process::run(command.args(features).args(["--", "-D", "warnings"]))
    };
    lint(&[])?;
    if workspace.packages.iter().any(|package| package.has_features) {
        lint(&["--all-features"])?;
    }
    Ok(())
}

fn doc(workspace: &Workspace) -> anyhow::Result<()> {
    let mut command = workspace.cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
    process::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

/// The interop crate is left to its own suite, which prepares what it needs; here its tests would only count as skipped.
fn unit(workspace: &Workspace, tally: &mut Tally) -> anyhow::Result<()> {
    let arguments = ["test", "--workspace", "--exclude", interop::PACKAGE, "--locked", "--no-fail-fast"];
    process::run_listening(&mut workspace.cargo(&arguments), |line| tally.hear(line))
}

fn deny(workspace: &Workspace) -> anyhow::Result<Verdict> {
    if !process::answers("cargo-deny", &["--version"]) {
        let reason = "cargo-deny is not installed; `cargo install cargo-deny --locked` gets it";
        return Ok(Verdict::Skipped(reason.to_owned()));
    }
    // A warning of two lines, not of a hundred; `cargo tree --invert CRATE` tells who brings a crate.
    let arguments = ["deny", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"];
    process::run(&mut workspace.cargo(&arguments))?;
    Ok(Verdict::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_run_cheapest_first_and_are_named_as_documented() {
        let names: Vec<_> = Suite::value_variants().iter().map(|suite| suite.name()).collect();
        assert_eq!(names, ["fmt", "tidy", "clippy", "doc", "unit", "interop", "deny"]);
    }
}
