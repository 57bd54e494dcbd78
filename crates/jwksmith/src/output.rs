//! The only module that prints: data on standard output, talk on standard error.
//!
//! Text may hold the styles of `style`; they are dropped where nobody would see colours.
//!
//! A program that reads the data may leave at any time (`| head -1`): that ends the printing and changes no verdict.

use std::io::{self, Write};

/// Whether anybody still reads standard output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reader {
    /// Somebody does.
    Present,
    /// Nobody does, so nothing more need be printed.
    Gone,
}

/// Prints data for whoever called the command, with a line end, and passes it on at once.
///
/// # Errors
/// If standard output cannot be written, except when nobody reads it any more.
pub(crate) fn data(text: &str) -> io::Result<Reader> {
    reader(line_to(&mut anstream::stdout().lock(), text))
}

/// Prints data that is no text, as it is.
///
/// # Errors
/// As [`data`].
pub(crate) fn bytes(bytes: &[u8]) -> io::Result<Reader> {
    let mut stdout = io::stdout().lock();
    reader(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

fn reader(written: io::Result<()>) -> io::Result<Reader> {
    match written {
        Ok(()) => Ok(Reader::Present),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(error),
    }
}

/// Says something to the person in front of the terminal, with a line end.
pub(crate) fn talk(text: &str) {
    // Nobody is left to be told that standard error is closed.
    let _ = line_to(&mut anstream::stderr().lock(), text);
}

/// Says why a command could not do its work: the error and its causes.
pub(crate) fn error(error: &anyhow::Error) {
    talk(&printable(&format!("error: {error:#}")));
}

/// The text on one line, with everything escaped that a terminal would obey or hide instead of showing it.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unprintable(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// Control characters, line separators, and the invisible ones that reorder or hide text.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn line_to(to: &mut impl Write, text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes())?;
    to.write_all(b"\n")?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn printable_escapes_what_a_terminal_would_obey() {
        let check = |text: &str, expected: &str| assert_eq!(printable(text), expected);
        check("plain é 漢 \"quoted\" \\", "plain é 漢 \"quoted\" \\");
        check("\u{1b}[31mred", "\\u{1b}[31mred");
        check("a\r\nvalid", "a\\r\\nvalid");
        check("\u{9b}2J\u{7f}\u{202e}\u{feff}\u{e0041}", "\\u{9b}2J\\u{7f}\\u{202e}\\u{feff}\\u{e0041}");
    }
}
