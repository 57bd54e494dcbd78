//! Runs the simulation for longer than the tests do, or one seed of it again.
//!
//! What a world is, and which rules hold in it, is the affair of `testing/simulation`; here only its program is started, built
//! to be fast.

use crate::process;
use crate::workspace::Workspace;

/// The crate that holds the simulation.
const PACKAGE: &str = "jwksmith-simulation";

/// How many worlds are simulated unless it is said.
pub(crate) const SEEDS: u64 = 2_000;

/// Simulates the worlds of `seeds` seeds, beginning with `from`.
pub(crate) fn run(workspace: &Workspace, from: u64, seeds: u64) -> anyhow::Result<()> {
    let (from, seeds) = (from.to_string(), seeds.to_string());
    let words = ["run", "--locked", "--release", "--quiet", "--package", PACKAGE, "--", &from, &seeds];
    process::run(&mut workspace.cargo(&words))
}
