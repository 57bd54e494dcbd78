//! Where tokens come from: the command line, standard input as a whole, or standard input line by line; and documents, which
//! come from files.
//!
//! Whatever is sent, no more than [`INPUT_BYTES_MAX`] bytes of it are kept at a time. Whether a text is a token is decided by
//! `jwksmith_jose`; here only what is no text at all is refused.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal as _, Read};
use std::path::Path;

use jwksmith_jose::Refusal;
use jwksmith_jose::limits::{KEY_SET_BYTES_MAX, TOKEN_BYTES_MAX};

use crate::output;
use crate::verdict::Refused;

/// The most that is kept of one token with the blanks around it, in bytes: the longest token and 1 KiB more.
const INPUT_BYTES_MAX: usize = TOKEN_BYTES_MAX + 1024;

/// How a token is written that stands on standard input.
const STANDARD_INPUT: &str = "-";

/// A token as it was given, without the blanks around it, or why it cannot be one.
pub(crate) type Given = Result<String, Refused>;

/// The token of the command line; `-` reads standard input.
///
/// # Errors
/// If standard input cannot be read.
pub(crate) fn token(argument: &str) -> io::Result<Given> {
    if argument != STANDARD_INPUT {
        return Ok(Ok(argument.trim().to_owned()));
    }
    let stdin = io::stdin().lock();
    if stdin.is_terminal() {
        output::talk("reading a token from standard input: paste it, press Enter, then Ctrl-D");
    }
    whole(stdin)
}

/// What somebody wants to look into.
pub(crate) enum Content {
    /// A token, or what should be one
    Token(Given),
    /// A JSON object
    Json(Vec<u8>),
    /// Certificates, PEM or DER
    Certificates(Vec<u8>),
}

/// The content of the file of this name, or of standard input (`-`); any other text is a token itself.
///
/// # Errors
/// If the file or standard input cannot be read.
pub(crate) fn content(argument: &str) -> io::Result<Content> {
    if argument == STANDARD_INPUT || Path::new(argument).exists() {
        Content::of(document(argument)?)
    } else {
        Ok(Content::Token(Ok(argument.trim().to_owned())))
    }
}

impl Content {
    /// What it is shows in how it begins.
    fn of(bytes: Vec<u8>) -> io::Result<Self> {
        /// A SEQUENCE with a length of two bytes (X.690 §8.9), as every certificate begins.
        const DER: &[u8] = &[0x30, 0x82];
        let text = bytes.trim_ascii_start();
        Ok(if text.starts_with(b"{") {
            Self::Json(bytes)
        } else if text.starts_with(b"-----BEGIN") || bytes.starts_with(DER) {
            Self::Certificates(bytes)
        } else {
            Self::Token(whole(bytes.as_slice())?)
        })
    }
}

/// The document in a file; `-` reads standard input.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn document(file: &str) -> io::Result<Vec<u8>> {
    if file != STANDARD_INPUT {
        return bounded(File::open(file)?);
    }
    let stdin = io::stdin().lock();
    if stdin.is_terminal() {
        output::talk("reading a document from standard input: paste it, press Enter, then Ctrl-D");
    }
    bounded(stdin)
}

/// One byte more than a document may have: whoever judges it then says that it is too large.
pub(crate) fn bounded(input: impl Read) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(KEY_SET_BYTES_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    input.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// How a file is called in messages.
pub(crate) fn name(file: &str) -> &str {
    if file == STANDARD_INPUT { "standard input" } else { file }
}

fn whole(input: impl BufRead) -> io::Result<Given> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(INPUT_BYTES_MAX).unwrap_or(u64::MAX);
    input.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > INPUT_BYTES_MAX {
        let reason = format!(
            "standard input holds more than {INPUT_BYTES_MAX} bytes, and a token has {TOKEN_BYTES_MAX} at most: send one token"
        );
        return Ok(Err(Refused::new("token_too_large", reason)));
    }
    Ok(text(bytes).and_then(one_line))
}

fn one_line(token: String) -> Given {
    if token.contains('\n') {
        let reason = "standard input holds several lines, and `-` reads one token: `verify --lines` reads one per line";
        return Err(Refused::new("token_malformed", reason));
    }
    Ok(token)
}

/// Tokens from standard input, one per line.
pub(crate) struct Lines<R> {
    input: R,
}

/// One line, cut short if it is too long.
#[derive(Default)]
struct Line {
    kept: Vec<u8>,
    bytes: usize,
}

impl<R: BufRead> Lines<R> {
    /// Reads from `input`.
    pub(crate) fn new(input: R) -> Self {
        Self { input }
    }

    /// The next line, or nothing at the end of the input. The last line needs no line end.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(crate) fn next(&mut self) -> io::Result<Option<Given>> {
        let mut line = Line::default();
        loop {
            let buffer = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                outcome => outcome?,
            };
            if buffer.is_empty() {
                return Ok((line.bytes > 0).then(|| line.given()));
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
            line.push(part);
            let consumed = part.len().saturating_add(usize::from(end.is_some()));
            self.input.consume(consumed);
            if end.is_some() {
                return Ok(Some(line.given()));
            }
        }
    }
}

impl Line {
    fn push(&mut self, part: &[u8]) {
        let room = INPUT_BYTES_MAX.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(part.get(..room).unwrap_or(part));
        self.bytes = self.bytes.saturating_add(part.len());
    }

    fn given(self) -> Given {
        if self.bytes > INPUT_BYTES_MAX {
            return Err(Refused::by(&Refusal::TooLarge { bytes: self.bytes, max: TOKEN_BYTES_MAX }));
        }
        text(self.kept)
    }
}

fn text(bytes: Vec<u8>) -> Given {
    let text = String::from_utf8(bytes).map_err(|_| {
        Refused::new(
            "token_malformed",
            "a token is ASCII text, and this is not even UTF-8: check what was sent",
        )
    })?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Given, INPUT_BYTES_MAX, Lines, whole};
    use std::io::BufReader;

    /// Through a small buffer, so that lines span several fills.
    fn lines(input: &[u8]) -> Vec<Given> {
        let mut lines = Lines::new(BufReader::with_capacity(7, input));
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    fn check(input: &[u8], expected: &[Result<&str, &str>]) {
        let given = lines(input);
        let given: Vec<_> =
            given.iter().map(|line| line.as_deref().map_err(|refused| refused.code)).collect();
        assert_eq!(given, expected, "{:?}", String::from_utf8_lossy(input));
    }

    #[test]
    fn lines_end_with_their_line_end_or_the_input() {
        check(b"", &[]);
        check(b"\n", &[Ok("")]);
        check(b"a\nb", &[Ok("a"), Ok("b")]);
        check(b"a\r\n\n  b \t\n", &[Ok("a"), Ok(""), Ok("b")]);
        check(b"longer than the buffer\nnext\n", &[Ok("longer than the buffer"), Ok("next")]);
    }

    #[test]
    fn lines_go_on_after_one_that_is_no_text() {
        check(b"a\n\xff\xfe\nb\n", &[Ok("a"), Err("token_malformed"), Ok("b")]);
        check(b"\xff", &[Err("token_malformed")]);
    }

    #[test]
    fn lines_go_on_after_one_that_is_too_long() {
        let at_limit = "a".repeat(INPUT_BYTES_MAX);
        check(format!("{at_limit}\nb").as_bytes(), &[Ok(&at_limit), Ok("b")]);
        check(format!("{at_limit}a\nb").as_bytes(), &[Err("token_too_large"), Ok("b")]);
        check(format!("{at_limit}a").as_bytes(), &[Err("token_too_large")]);
        check(format!("{}\nb\n", at_limit.repeat(9)).as_bytes(), &[Err("token_too_large"), Ok("b")]);
    }

    #[test]
    fn line_keeps_no_more_than_its_limit() {
        let mut line = super::Line::default();
        for _ in 0..9 {
            line.push(&[b'a'; 4000]);
        }
        assert_eq!((line.kept.len(), line.bytes), (INPUT_BYTES_MAX, 36_000));
    }

    #[test]
    fn whole_input_is_one_token_without_the_blanks_around_it() {
        let check = |input: &[u8], expected: Result<&str, &str>| {
            let given = whole(input).unwrap();
            assert_eq!(given.as_deref().map_err(|refused| refused.code), expected);
        };
        check(b"", Ok(""));
        check(b" a.b.c\r\n\n", Ok("a.b.c"));
        check(b"a\nb\n", Err("token_malformed"));
        check(b"\xff", Err("token_malformed"));
        check(&vec![b' '; INPUT_BYTES_MAX], Ok(""));
        check(&vec![b' '; INPUT_BYTES_MAX + 1], Err("token_too_large"));
    }
}
