//! Values of a text that [`super::scan`] has taken: what they are, and what is inside, read from the text itself.

use std::borrow::Cow;
use std::iter;

use super::scan::{Found, Scanner, hex4};

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Null,
    True,
    False,
    Number,
    /// A string that is spelt as it reads.
    Text,
    /// A string with escapes in it.
    EscapedText,
    /// An array of strings only.
    TextArray,
    /// Any other array.
    Array,
    Object,
}

/// A value; of a string, what stands between its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
}

impl Kind {
    #[inline]
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::EscapedText)
    }

    pub(crate) fn is_array(self) -> bool {
        matches!(self, Self::TextArray | Self::Array)
    }

    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::True | Self::False => "a boolean",
            Self::Number => "a number",
            Self::Text | Self::EscapedText => "a string",
            Self::TextArray => "an array of strings",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

impl<'a> Value<'a> {
    /// What was found in `text`.
    #[inline]
    pub(super) fn at(text: &'a str, found: Found) -> Self {
        Self { kind: found.kind, text: text.get(found.start..found.end).unwrap_or_default() }
    }

    /// The object that a text is, which was scanned.
    pub(crate) fn object(text: &'a str) -> Self {
        Self { kind: Kind::Object, text: text.trim_ascii_start() }
    }

    #[inline]
    pub(crate) fn kind(self) -> Kind {
        self.kind
    }

    /// A number or a container as it is written; a string without its quotes.
    #[inline]
    pub(crate) fn raw(self) -> &'a str {
        self.text
    }

    /// A string as it reads.
    #[inline]
    pub(crate) fn as_text(self) -> Option<Cow<'a, str>> {
        match self.kind {
            Kind::Text => Some(Cow::Borrowed(self.text)),
            Kind::EscapedText => Some(Cow::Owned(unescaped(self.text))),
            _ => None,
        }
    }

    /// A whole number that is not negative, as nearly all are.
    #[inline]
    pub(crate) fn as_whole(self) -> Option<u64> {
        if self.kind != Kind::Number || self.text.len() > WHOLE_DIGITS_ALWAYS_FIT {
            return None;
        }
        let digit = |byte: u8| Some(byte.wrapping_sub(b'0')).filter(|digit| *digit < 10);
        let next = |whole: u64, byte| Some(whole.wrapping_mul(10).wrapping_add(digit(byte)?.into()));
        self.text.bytes().try_fold(0, next)
    }

    /// Any number, as near as a double comes to it.
    pub(crate) fn as_number(self) -> Option<f64> {
        self.text.parse().ok().filter(|_| self.kind == Kind::Number)
    }

    /// Whether it is this string, however it is spelt.
    #[inline]
    pub(crate) fn reads(self, expected: &str) -> bool {
        match self.kind {
            Kind::Text => self.text == expected,
            _ => self.as_text().is_some_and(|text| text == expected),
        }
    }

    /// The value of an object's member of this name.
    pub(crate) fn find(self, name: &str) -> Option<Self> {
        self.members().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// The elements of an array; nothing of anything else.
    #[inline]
    pub(crate) fn elements(self) -> impl Iterator<Item = Value<'a>> {
        let mut scanner = self.kind.is_array().then(|| Scanner::inside(self.text));
        iter::from_fn(move || scanner.as_mut()?.next_element())
    }

    /// The members of an object; nothing of anything else.
    pub(crate) fn members(self) -> impl Iterator<Item = (Cow<'a, str>, Value<'a>)> {
        let mut scanner = (self.kind == Kind::Object).then(|| Scanner::inside(self.text));
        iter::from_fn(move || {
            let (name, value) = scanner.as_mut()?.next_member()?;
            Some((name.as_text().unwrap_or_default(), value))
        })
    }
}

/// So many digits are below 2^64 whatever they are.
const WHOLE_DIGITS_ALWAYS_FIT: usize = 19;

/// RFC 8259 §7. The escapes were found well-formed before.
fn unescaped(raw: &str) -> String {
    let mut read = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        read.push_str(plain);
        let (character, bytes) = escaped_character(escape);
        read.push(character);
        rest = escape.get(bytes..).unwrap_or_default();
    }
    read.push_str(rest);
    read
}

/// The character of an escape, and how many bytes behind the backslash it takes.
fn escaped_character(escape: &str) -> (char, usize) {
    let short = match escape.as_bytes().first() {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_character(escape),
        Some(other) => char::from(*other),
        None => char::REPLACEMENT_CHARACTER,
    };
    (short, 1)
}

fn unicode_character(escape: &str) -> (char, usize) {
    // `uXXXX`, or `uXXXX\uXXXX` for a surrogate pair.
    let unit = |start: usize| escape.as_bytes().get(start..start.saturating_add(4)).and_then(hex4);
    let units = [unit(1), unit(7)];
    let decode = |count: usize| {
        let units = units.into_iter().take(count).flatten();
        char::decode_utf16(units).next().and_then(Result::ok)
    };
    match (decode(1), decode(2)) {
        (Some(character), _) => (character, 5),
        (None, pair) => (pair.unwrap_or(char::REPLACEMENT_CHARACTER), 11),
    }
}
