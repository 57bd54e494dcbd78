//! The `jwksmith` command: reads the command line, starts the runtime, and hands over to one command.
//!
//! It decides nothing itself. Each command has a module; `output` is the only one that prints.

mod args;
mod asked;
mod at;
mod claims;
mod demands;
mod dev;
mod exit;
mod explain;
mod facts;
mod input;
mod inspect;
mod json;
mod key;
mod lint;
mod locate;
mod log;
mod network;
mod output;
mod signals;
mod style;
mod verdict;
mod verify;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Cli, Command};
use exit::ExitStatus;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(status) => status.into(),
        Err(error) => {
            output::error(&error);
            ExitStatus::Usage.into()
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitStatus> {
    style::choose(cli.color);
    if let Err(fault) = log::start(&cli.log) {
        output::talk(&fault.text());
        return Ok(ExitStatus::Usage);
    }
    match cli.command {
        Command::Dev(args) => dev::run(args).await,
        Command::Verify(args) => verify::run(&args).await,
        Command::Locate(args) => locate::run(&args).await,
        Command::Inspect(args) => inspect::run(&args),
        Command::Lint(args) => lint::run(&args).await,
        Command::Watch(args) => watch::run(&args).await,
        Command::Key(args) => key::run(&args),
    }
}
