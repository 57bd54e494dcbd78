//! What holds of every message that repeats something from outside.

/// How long a message may be, in bytes: one that repeats five audiences of 64 escaped characters still fits.
const MESSAGE_BYTES_MAX: usize = 8 * 1024;

/// Shorter segments may stand in a message by accident.
const TELLING_SEGMENT_BYTES: usize = 24;

/// A message that fits a line of a log: short, printable, and on one line.
pub(crate) fn is_fit_for_a_log(message: &str) {
    assert!(!message.is_empty(), "an error without a word");
    assert!(message.len() <= MESSAGE_BYTES_MAX, "a message of {} bytes", message.len());
    let odd = message.chars().find(|c| c.is_control() || is_invisible(*c));
    assert_eq!(odd, None, "not printable: {message:?}");
}

/// The same of a message about a token, which must not repeat a segment of it.
pub(crate) fn is_fit_for_a_log_about(message: &str, token: &str) {
    is_fit_for_a_log(message);
    tells_no_segment(message, token);
}

/// A text from which nobody could put the token together again.
pub(crate) fn tells_no_segment(text: &str, token: &str) {
    let is_encoded =
        |segment: &&str| segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    let mut segments = token.split('.').filter(|segment| segment.len() >= TELLING_SEGMENT_BYTES);
    let told = segments.find(|segment| is_encoded(segment) && text.contains(segment));
    assert_eq!(told, None, "a segment of the token is told: {text:?}");
}

/// What changes how the text around it is shown.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
