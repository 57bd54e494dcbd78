//! Strict JSON (RFC 8259) for everything that a decision depends on.
//!
//! A JSON text is taken only if it is one UTF-8 object in which no member name stands twice, at any depth, however it is
//! spelt (`"alg"` and `"\u0061lg"` are one name). RFC 7515 §4 and RFC 7519 §4 leave a parser that choice, and two parsers
//! that choose differently are how tokens mean one thing to the gateway and another to the service behind it. Nesting and
//! member counts are bounded. Nothing here passes through a generic JSON value.
//!
//! One pass (`scan`) decides about the text. On its way it puts the registered members in their places and offers every
//! member to the caller's own type, which may borrow (`read`); a type that has enough, or does not fit, does not cut the
//! pass short. What was scanned can be looked into afterwards as a `value`.

mod de;
mod names;
mod plain;
mod read;
mod scan;
mod usual;
mod value;

use serde::Deserialize;

use crate::limits::{JSON_BYTES_MAX, JSON_DEPTH_MAX, JSON_MEMBERS_MAX};

pub(crate) use plain::is_plain;
pub(crate) use read::{NoPlaces, Places, read};
pub(crate) use scan::Duplicates;
pub(crate) use value::{Kind, Value};

/// Why a JSON text was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The bytes are not UTF-8 (RFC 8259 §8.1).
    #[error("it is not UTF-8")]
    NotUtf8,
    /// It is not well-formed (RFC 8259 §2), or it goes on after its end.
    #[error("it is no well-formed JSON: {expected} is expected at byte {at}")]
    Malformed {
        /// Where, in bytes from the start.
        at: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// It is well-formed, and something else than an object.
    #[error("it is {0}, and not an object")]
    NotAnObject(&'static str),
    /// A member name stands twice in one object.
    #[error("the member {} stands twice", crate::quoted(.0))]
    DuplicateMember(String),
    /// A member name that some JSON libraries take as an order to reshape the object around it.
    #[error("the member {} has a name that no document may use", crate::quoted(.0))]
    ReservedMember(String),
    /// Objects and arrays nest deeper than [`JSON_DEPTH_MAX`].
    #[error("it nests deeper than {JSON_DEPTH_MAX} levels")]
    TooDeep,
    /// An object has more members than [`JSON_MEMBERS_MAX`].
    #[error("one of its objects has more than {JSON_MEMBERS_MAX} members")]
    TooManyMembers,
    /// Longer than [`JSON_BYTES_MAX`].
    #[error("it has {bytes} bytes, more than the {JSON_BYTES_MAX} that are accepted")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// It is an object, but not of the expected shape.
    #[error("{0}")]
    Shape(String),
}

/// Parses one JSON object into `T`, strictly.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Named<'a> {
///     name: &'a str,
/// }
///
/// let named: Named<'_> = jwksmith_jose::json::from_slice(br#"{"name":"tenant","more":[1]}"#)?;
/// assert_eq!(named.name, "tenant");
/// assert!(jwksmith_jose::json::from_slice::<Named<'_>>(br#"{"name":"a","n\u0061me":"b"}"#).is_err());
/// # Ok::<(), jwksmith_jose::json::JsonError>(())
/// ```
///
/// # Errors
/// As [`JsonError`] says; `Shape` when the object is well-formed but `T` does not fit it.
pub fn from_slice<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, JsonError> {
    if bytes.len() > JSON_BYTES_MAX {
        return Err(JsonError::TooLarge { bytes: bytes.len() });
    }
    read(utf8(bytes)?, &mut NoPlaces)?.map_err(JsonError::Shape)
}

/// Bytes as text (RFC 8259 §8.1).
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, JsonError> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)
}

/// Checks that the text is one strict JSON object.
pub(crate) fn check(text: &str) -> Result<Value<'_>, JsonError> {
    scan(text, Duplicates::Refused)
}

/// The same, for who looks for members that stand twice part by part if they are allowed.
pub(crate) fn scan(text: &str, duplicates: Duplicates) -> Result<Value<'_>, JsonError> {
    let mut scanner = scan::Scanner::new(text, duplicates);
    if let Some(mut members) = scanner.open() {
        while scanner.next_of(&mut members, &mut NoPlaces).is_some() {}
    }
    scanner.finish()?;
    Ok(Value::object(text))
}

/// The value of the first member of this name in the object that a text is.
///
/// What stands behind it is not looked at, nor whether a name stands twice: nothing may be decided on the answer.
pub(crate) fn first_member<'a>(text: &'a str, name: &str) -> Result<Option<Value<'a>>, JsonError> {
    let mut scanner = scan::Scanner::new(text, Duplicates::Allowed);
    if let Some(mut members) = scanner.open() {
        while let Some((found, value)) = scanner.next_of(&mut members, &mut NoPlaces) {
            if found == name {
                return Ok(Some(value));
            }
        }
    }
    scanner.finish().map(|()| None)
}

/// How much of a reader's own words is passed on, in characters: it repeats outside text, however long.
const TOLD_CHARS_MAX: usize = 160;

/// A reader's words for a message: shortened, control characters escaped.
pub(crate) fn told(words: &str) -> String {
    let mut told = String::new();
    for c in words.chars().take(TOLD_CHARS_MAX) {
        if c == '"' || c == '\'' { told.push(c) } else { told.extend(c.escape_debug()) }
    }
    if words.chars().nth(TOLD_CHARS_MAX).is_some() {
        told.push('…');
    }
    told
}

#[cfg(test)]
mod tests;
