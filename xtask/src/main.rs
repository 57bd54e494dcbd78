//! The project's own commands: what a green build means, what the design promises, how fast it is.
//!
//! `cargo xtask test` runs every suite, `cargo xtask tidy` holds the sources to the design, `cargo xtask bench` measures,
//! `cargo xtask simulate` looks for trouble in made-up worlds.
//! Only the command line is read here; each command lives in its own module. What the product does is never decided in
//! this crate, and no crate of the product knows it.

mod bench;
mod interop;
mod process;
mod simulate;
mod suite;
mod tally;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::suite::Suite;
use crate::workspace::Workspace;

/// The commands of the project itself.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything that a green build means, or only the suites that are named.
    Test {
        /// Suites to run, in this order. None means all of them, cheapest first.
        suites: Vec<Suite>,
    },
    /// Hold the sources to the invariants of the design.
    Tidy,
    /// Run one benchmark.
    Bench {
        /// Which one.
        #[arg(default_value = bench::DEFAULT, value_parser = bench::names())]
        name: String,
        /// Arguments for the benchmark itself.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Simulate verifiers against scripted issuers on virtual time, for longer than the tests do.
    Simulate {
        /// How many worlds, each from a seed of its own.
        #[arg(long, default_value_t = simulate::SEEDS)]
        seeds: u64,
        /// The first seed.
        #[arg(long, default_value_t = 0)]
        from: u64,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            process::complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// Whether the command found everything in order; what was not has been said by then.
fn run(command: Command) -> anyhow::Result<bool> {
    let workspace = Workspace::load()?;
    match command {
        Command::Test { suites } => Ok(test::run(&workspace, &suites)),
        Command::Tidy => tidy::run(&workspace),
        Command::Bench { name, arguments } => bench::run(&workspace, &name, &arguments).map(|()| true),
        Command::Simulate { seeds, from } => simulate::run(&workspace, from, seeds).map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn bench_without_a_name_is_the_default_one() {
        let parsed = Arguments::try_parse_from(["xtask", "bench", "--", "--quick"]).unwrap();
        let Command::Bench { name, arguments } = parsed.command else { panic!("not a bench") };
        assert_eq!((name.as_str(), arguments), (bench::DEFAULT, vec!["--quick".to_owned()]));
    }

    #[test]
    fn suite_that_does_not_exist_is_refused() {
        assert!(Arguments::try_parse_from(["xtask", "test", "unknown"]).is_err());
    }

    #[test]
    fn simulation_takes_what_a_failing_seed_says() {
        let parsed = Arguments::try_parse_from(["xtask", "simulate", "--seeds", "1", "--from", "7"]).unwrap();
        let Command::Simulate { seeds, from } = parsed.command else { panic!("not a simulation") };
        assert_eq!((seeds, from), (1, 7));
        assert!(Arguments::try_parse_from(["xtask", "simulate", "--from", "-1"]).is_err());
    }

    #[test]
    fn bench_that_does_not_exist_is_refused() {
        assert!(Arguments::try_parse_from(["xtask", "bench", "unknown"]).is_err());
    }
}
