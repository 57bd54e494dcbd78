//! What happens inside, told on standard error to whoever asks for it: silent unless `-v` or a filter is given.
//!
//! Verdicts are never told here; they are `output`'s.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::args::LogArgs;
use crate::verdict::Fault;

/// Turns the log on if it is asked for; `-v` is stronger than the filter.
pub(crate) fn start(args: &LogArgs) -> Result<(), Fault> {
    let Some(directives) = directives(args) else { return Ok(()) };
    let filter = EnvFilter::builder().parse(directives).map_err(|error| Fault {
        code: "config_log_filter",
        reason: format!("the log filter cannot be read: {error}: write one as `jwksmith=debug`"),
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never)
        .init();
    Ok(())
}

/// Targets are compared by their beginning, so `jwksmith` is every crate of this house.
fn directives(args: &LogArgs) -> Option<&str> {
    match args.verbose {
        0 => args.log.as_deref(),
        1 => Some("jwksmith=debug"),
        _ => Some("debug"),
    }
}
