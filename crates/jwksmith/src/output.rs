//! The only module that prints: data on standard output, talk on standard error.
//!
//! A program that reads the data may leave at any time (`| head -1`): that ends the printing and changes no verdict.

use std::io::{self, Write};

/// Prints data for whoever called the command, with a line end.
///
/// # Errors
/// If standard output cannot be written, except when nobody reads it any more.
pub(crate) fn data(text: &str) -> io::Result<()> {
    match line_to(&mut io::stdout().lock(), text) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

/// Says something to the person in front of the terminal, with a line end.
pub(crate) fn talk(text: &str) {
    // Nobody is left to be told that standard error is closed.
    let _ = line_to(&mut io::stderr().lock(), text);
}

/// Says why a command could not do its work: the error and its causes.
pub(crate) fn error(error: &anyhow::Error) {
    talk(&format!("error: {error:#}"));
}

fn line_to(to: &mut impl Write, text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes())?;
    to.write_all(b"\n")?;
    to.flush()
}
