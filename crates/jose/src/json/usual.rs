//! Short cuts through JSON as nearly every token writes it: without blanks, without escapes.
//!
//! Each gives what [`super::scan`] would have found, and where it ends. Anything else is nothing here, also what is
//! malformed: the scanner then looks at it from its beginning, and decides.

use super::plain::end_of_plain;
use super::scan::{DIGITS_ALWAYS_FINITE, Found, Member};
use super::value::Kind;
use crate::limits::JSON_DEPTH_MAX;

/// A member as `"name":"value"`, and where it ends.
#[inline]
pub(super) fn usual_member(bytes: &[u8], at: usize, depth: usize) -> Option<(Member, usize)> {
    let (name, colon) = usual_text(bytes, at)?;
    if bytes.get(colon) != Some(&b':') {
        return None;
    }
    let (value, end) = usual_value(bytes, colon.wrapping_add(1), depth)?;
    Some((Member { name, value }, end))
}

/// A string without escapes, a whole number that another member or the end follows, or an array of such strings.
#[inline]
pub(super) fn usual_value(bytes: &[u8], at: usize, depth: usize) -> Option<(Found, usize)> {
    match bytes.get(at)? {
        b'"' => usual_text(bytes, at),
        b'1'..=b'9' => usual_number(bytes, at),
        b'[' if depth < JSON_DEPTH_MAX => usual_texts(bytes, at),
        _ => None,
    }
}

/// An array of strings, as `aud` often is.
#[inline]
fn usual_texts(bytes: &[u8], start: usize) -> Option<(Found, usize)> {
    let mut at = start;
    loop {
        let (_, end) = usual_text(bytes, at.wrapping_add(1))?;
        match bytes.get(end)? {
            b',' => at = end,
            b']' => {
                let end = end.wrapping_add(1);
                return Some((Found { kind: Kind::TextArray, start, end }, end));
            }
            _ => return None,
        }
    }
}

#[inline]
fn usual_text(bytes: &[u8], at: usize) -> Option<(Found, usize)> {
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let start = at.wrapping_add(1);
    let end = end_of_plain(bytes, start);
    if bytes.get(end) != Some(&b'"') {
        return None;
    }
    Some((Found { kind: Kind::Text, start, end }, end.wrapping_add(1)))
}

#[inline]
fn usual_number(bytes: &[u8], start: usize) -> Option<(Found, usize)> {
    let mut end = start;
    while let Some(b'0'..=b'9') = bytes.get(end) {
        end = end.wrapping_add(1);
    }
    let is_usual =
        matches!(bytes.get(end), Some(b',' | b'}')) && end.wrapping_sub(start) < DIGITS_ALWAYS_FINITE;
    if !is_usual {
        return None;
    }
    Some((Found { kind: Kind::Number, start, end }, end))
}
