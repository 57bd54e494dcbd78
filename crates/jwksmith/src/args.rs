//! The command line: every command, every option, and the help that explains them.
//!
//! What an option means is decided by the module of its command; here it only gets its name and its form.

use clap::{Parser, Subcommand};

use crate::dev::DevArgs;

/// One command for JSON Web Key Sets: run an authority, verify and inspect tokens.
#[derive(Parser, Debug)]
#[command(name = "jwksmith", version, about, propagate_version = true)]
pub(crate) struct Cli {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run an authority on this machine, with everything set up for a first token
    Dev(DevArgs),
}
