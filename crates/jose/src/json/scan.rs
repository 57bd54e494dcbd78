//! The one strict pass over a JSON text (RFC 8259), which leaves an index of the outermost members.
//!
//! Form, bounds and names are decided here and nowhere else; what reads values afterwards may rely on them. A string is
//! looked at eight bytes at a time, because nearly all of a token is strings.

use super::JsonError;
use super::names::Names;
use super::value::{Kind, Value};
use crate::limits::{JSON_DEPTH_MAX, JSON_MEMBERS_MAX};

/// What to do about a member name that stands twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duplicates {
    Refused,
    Allowed,
}

/// What stands at a place of a text; of a string, what stands between its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// One member of the outermost object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(super) name: Found,
    pub(super) value: Found,
}

/// Scans a whole text, which must be one object, and appends its members to `members`.
pub(super) fn document(
    text: &str,
    duplicates: Duplicates,
    members: &mut Vec<Member>,
) -> Result<(), JsonError> {
    let mut scanner = Scanner { text, at: 0, duplicates };
    scanner.blanks();
    if scanner.byte() != Some(b'{') {
        let value = scanner.value(0)?;
        scanner.end()?;
        return Err(JsonError::NotAnObject(value.kind.in_words()));
    }
    scanner.object(0, |member| members.push(member))?;
    scanner.end()
}

/// A JSON text under way.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    duplicates: Duplicates,
}

impl<'a> Scanner<'a> {
    /// For what is inside the brackets of a value that was scanned before.
    pub(super) fn inside(text: &'a str) -> Self {
        Self { text, at: 1, duplicates: Duplicates::Allowed }
    }

    /// The next element of an array that was scanned before.
    pub(super) fn next_element(&mut self) -> Option<Value<'a>> {
        self.to_next()?;
        self.value(0).ok().map(|found| Value::at(self.text, found))
    }

    /// The next member of an object that was scanned before: its name and its value.
    pub(super) fn next_member(&mut self) -> Option<(Value<'a>, Value<'a>)> {
        self.to_next()?;
        let Member { name, value } = self.member(0).ok()?;
        Some((Value::at(self.text, name), Value::at(self.text, value)))
    }

    fn to_next(&mut self) -> Option<()> {
        self.blanks();
        self.take(b',');
        self.blanks();
        self.byte().filter(|byte| !matches!(byte, b']' | b'}')).map(drop)
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn advance(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    fn take(&mut self, wanted: u8) -> bool {
        let is_there = self.byte() == Some(wanted);
        self.advance(usize::from(is_there));
        is_there
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.advance(1);
        }
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    #[cold]
    fn malformed(&self, expected: &'static str) -> JsonError {
        JsonError::Malformed { at: self.at, expected }
    }

    /// RFC 8259 §2: one value, and nothing after it.
    fn end(&mut self) -> Result<(), JsonError> {
        self.blanks();
        if self.byte().is_some() { Err(self.malformed("the end")) } else { Ok(()) }
    }

    /// One value; `depth` objects and arrays are open around it.
    fn value(&mut self, depth: usize) -> Result<Found, JsonError> {
        let start = self.at;
        let kind = match self.byte() {
            Some(b'"') => return self.string(),
            Some(b'{') => self.object(depth, |_| ())?,
            Some(b'[') => self.array(depth)?,
            Some(b't') => self.word("true", Kind::True)?,
            Some(b'f') => self.word("false", Kind::False)?,
            Some(b'n') => self.word("null", Kind::Null)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => return Err(self.malformed("a value")),
        };
        Ok(Found { kind, start, end: self.at })
    }

    fn object(&mut self, depth: usize, mut each: impl FnMut(Member)) -> Result<Kind, JsonError> {
        let inner = self.enter(depth)?;
        if self.take(b'}') {
            return Ok(Kind::Object);
        }
        let mut names = Names::default();
        for _ in 0..JSON_MEMBERS_MAX {
            let member = self.member(inner)?;
            if self.duplicates == Duplicates::Refused {
                admit(&mut names, Value::at(self.text, member.name))?;
            }
            each(member);
            if self.closes(b'}', "`,` or `}`")? {
                return Ok(Kind::Object);
            }
        }
        Err(JsonError::TooManyMembers)
    }

    fn array(&mut self, depth: usize) -> Result<Kind, JsonError> {
        let inner = self.enter(depth)?;
        if self.take(b']') {
            return Ok(Kind::Array);
        }
        loop {
            self.value(inner)?;
            if self.closes(b']', "`,` or `]`")? {
                return Ok(Kind::Array);
            }
        }
    }

    /// Past an opening bracket and the blanks behind it.
    fn enter(&mut self, depth: usize) -> Result<usize, JsonError> {
        if depth >= JSON_DEPTH_MAX {
            return Err(JsonError::TooDeep);
        }
        self.advance(1);
        self.blanks();
        Ok(depth.saturating_add(1))
    }

    /// Past a value: whether the bracket closes, or another value follows.
    fn closes(&mut self, bracket: u8, expected: &'static str) -> Result<bool, JsonError> {
        self.blanks();
        if self.take(b',') {
            self.blanks();
            return Ok(false);
        }
        if self.take(bracket) { Ok(true) } else { Err(self.malformed(expected)) }
    }

    fn member(&mut self, depth: usize) -> Result<Member, JsonError> {
        if self.byte() != Some(b'"') {
            return Err(self.malformed("a member name"));
        }
        let name = self.string()?;
        self.blanks();
        if !self.take(b':') {
            return Err(self.malformed("`:`"));
        }
        self.blanks();
        Ok(Member { name, value: self.value(depth)? })
    }

    /// RFC 8259 §7. Stands at the opening quote, ends behind the closing one.
    fn string(&mut self) -> Result<Found, JsonError> {
        self.advance(1);
        let start = self.at;
        let mut kind = Kind::Text;
        loop {
            self.at = end_of_plain(self.text.as_bytes(), self.at);
            match self.byte() {
                Some(b'"') => {
                    let end = self.at;
                    self.advance(1);
                    return Ok(Found { kind, start, end });
                }
                Some(b'\\') => {
                    kind = Kind::EscapedText;
                    self.escape()?;
                }
                Some(_) => return Err(self.malformed("an escape, because a control character")),
                None => return Err(self.malformed("a closing quote")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        self.advance(1);
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.advance(1);
                Ok(())
            }
            Some(b'u') => self.unicode_escape(),
            _ => Err(self.malformed("an escape")),
        }
    }

    /// RFC 8259 §8.2 warns of half a surrogate pair: no two readers agree on what it is.
    fn unicode_escape(&mut self) -> Result<(), JsonError> {
        match self.code_unit()? {
            0xd800..=0xdbff => match (self.take(b'\\'), self.byte() == Some(b'u')) {
                (true, true) if matches!(self.code_unit()?, 0xdc00..=0xdfff) => Ok(()),
                _ => Err(self.malformed("the second half of a surrogate pair")),
            },
            0xdc00..=0xdfff => Err(self.malformed("the first half of a surrogate pair")),
            _ => Ok(()),
        }
    }

    /// The four digits behind `u`.
    fn code_unit(&mut self) -> Result<u16, JsonError> {
        self.advance(1);
        let digits = self.text.as_bytes().get(self.at..self.at.saturating_add(4));
        let unit = digits.and_then(hex4).ok_or_else(|| self.malformed("four hexadecimal digits"))?;
        self.advance(4);
        Ok(unit)
    }

    fn word(&mut self, word: &'static str, kind: Kind) -> Result<Kind, JsonError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(self.malformed("a value"));
        }
        self.advance(word.len());
        Ok(kind)
    }

    /// RFC 8259 §6, within the range of a double (RFC 7493 §2.2).
    fn number(&mut self) -> Result<Kind, JsonError> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        let whole_end = self.at;
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let is_long = self.at.saturating_sub(start) > DIGITS_ALWAYS_FINITE;
        if (self.at != whole_end || is_long) && !is_finite(self.since(start)) {
            self.at = start;
            return Err(self.malformed("a number within the range of a double"));
        }
        Ok(Kind::Number)
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.advance(1);
        }
        if self.at == start { Err(self.malformed("a digit")) } else { Ok(()) }
    }
}

/// The names by which `serde_json` passes numbers and raw texts through its own types; an object that uses one would
/// become something else in a caller's `serde_json::Value`.
const RESERVED: &str = "$serde_json::private::";

fn admit<'a>(names: &mut Names<'a>, name: Value<'a>) -> Result<(), JsonError> {
    let name = name.as_text().unwrap_or_default();
    if name.starts_with(RESERVED) {
        return Err(JsonError::ReservedMember(name.into_owned()));
    }
    names.insert(name).map_err(|twice| JsonError::DuplicateMember(twice.into_owned()))
}

/// So many digits are below 1e308 whatever they are.
const DIGITS_ALWAYS_FINITE: usize = 300;

fn is_finite(number: &str) -> bool {
    number.parse::<f64>().is_ok_and(f64::is_finite)
}

pub(super) fn hex4(digits: &[u8]) -> Option<u16> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let value = digits.iter().try_fold(0, |value: u32, byte| Some(value << 4 | digit(byte)?))?;
    u16::try_from(value).ok().filter(|_| digits.len() == 4)
}

/// Where the string's next quote, backslash or control character stands, or the end of the text.
fn end_of_plain(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let marks = specials(u64::from_le_bytes(*chunk));
        if marks != 0 {
            let ahead = usize::try_from(marks.trailing_zeros() / 8).unwrap_or_default();
            return at.saturating_add(ahead);
        }
        at = at.saturating_add(8);
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
    at.saturating_add(plain.unwrap_or(rest.len()))
}

/// The top bit of each of eight bytes that is a quote, a backslash or a control character. The lowest mark is exact;
/// those above it may be false, because a subtraction borrows.
fn specials(bytes: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = u64::from_le_bytes([0x80; 8]);
    const CONTROLS: u64 = u64::from_le_bytes([0x20; 8]);
    const QUOTES: u64 = u64::from_le_bytes([b'"'; 8]);
    const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; 8]);
    let zeros = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes;
    let controls = bytes.wrapping_sub(CONTROLS) & !bytes;
    (controls | zeros(bytes ^ QUOTES) | zeros(bytes ^ BACKSLASHES)) & TOPS
}

#[cfg(test)]
mod tests {
    use super::{end_of_plain, hex4};

    #[test]
    fn plain_text_ends_at_the_first_special_byte() {
        for special in (0..0x20).chain([b'"', b'\\']) {
            for at in 0..20 {
                let mut bytes = vec![b'a'; 20];
                bytes[at] = special;
                assert_eq!(end_of_plain(&bytes, 0), at, "{special} at {at}");
                assert_eq!(end_of_plain(&bytes, at), at);
                bytes[19] = b'"';
                assert_eq!(end_of_plain(&bytes, 0), at, "{special} at {at}, a quote at the end");
            }
        }
    }

    #[test]
    fn plain_text_holds_everything_else() {
        let plain: Vec<u8> = (0x20..=0xff).filter(|byte| !matches!(byte, b'"' | b'\\')).collect();
        for start in 0..plain.len() {
            assert_eq!(end_of_plain(&plain, start), plain.len(), "from {start}");
        }
        assert_eq!(end_of_plain(b"", 0), 0);
    }

    #[test]
    fn hex4_takes_four_digits_only() {
        assert_eq!(hex4(b"00fF"), Some(0xff));
        for refused in [&b""[..], b"0ff", b"000ff", b"+0ff", b"00g0", b" 0ff"] {
            assert_eq!(hex4(refused), None, "{refused:?}");
        }
    }
}
