//! The one strict pass over a JSON text (RFC 8259).
//!
//! Form, bounds and names are decided here and nowhere else; what reads values afterwards may rely on them.

use std::borrow::Cow;

use super::JsonError;
use super::names::Names;
use super::plain::end_of_plain;
use super::read::Places;
use super::usual::{usual_member, usual_value};
use super::value::{Kind, Value};
use crate::limits::{JSON_DEPTH_MAX, JSON_MEMBERS_MAX};

/// What to do about a member name that stands twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duplicates {
    Refused,
    Allowed,
}

/// What stands at a place of a text; of a string, what stands between its quotes.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: Kind,
}

/// A member of an object.
#[derive(Clone, Copy)]
pub(super) struct Member {
    pub(super) name: Found,
    pub(super) value: Found,
}

/// A JSON text under way. Its functions give nothing when the text is at fault, and the fault is noted.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    duplicates: Duplicates,
    fault: Option<JsonError>,
}

impl<'a> Scanner<'a> {
    /// Begins a text.
    pub(super) fn new(text: &'a str, duplicates: Duplicates) -> Self {
        Self { text, at: 0, duplicates, fault: None }
    }

    /// For what is inside the brackets of a value that was scanned before.
    pub(super) fn inside(text: &'a str) -> Self {
        Self { text, at: 1, duplicates: Duplicates::Allowed, fault: None }
    }

    /// The next element of an array that was scanned before.
    #[inline]
    pub(super) fn next_element(&mut self) -> Option<Value<'a>> {
        self.reach_next()?;
        self.value(0).map(|found| Value::at(self.text, found))
    }

    /// The next member of an object that was scanned before: its name and its value.
    pub(super) fn next_member(&mut self) -> Option<(Value<'a>, Value<'a>)> {
        self.reach_next()?;
        let Member { name, value } = self.member(0)?;
        Some((Value::at(self.text, name), Value::at(self.text, value)))
    }

    #[inline]
    fn reach_next(&mut self) -> Option<()> {
        self.blanks();
        self.take(b',');
        self.blanks();
        self.byte().filter(|byte| !matches!(byte, b']' | b'}')).map(drop)
    }

    /// Opens the object that the text is, past its bracket.
    pub(super) fn open(&mut self) -> Option<Members<'a>> {
        self.blanks();
        if self.byte() == Some(b'{') {
            self.enter(0)?;
            return Some(Members { names: Names::default(), count: 0, is_closed: self.take(b'}') });
        }
        let value = self.value(0)?;
        self.end()?;
        self.refuse(JsonError::NotAnObject(value.kind.in_words()))
    }

    /// The next member of the object that [`Self::open`] opened, put in its place if it has one. Nothing at the object's
    /// end, or if there is a fault.
    #[inline]
    pub(super) fn next_of(
        &mut self,
        members: &mut Members<'a>,
        places: &mut impl Places<'a>,
    ) -> Option<(Cow<'a, str>, Value<'a>)> {
        if members.is_closed || self.fault.is_some() {
            return None;
        }
        let Member { name, value } = self.member(1)?;
        let (name, value) = (Value::at(self.text, name), Value::at(self.text, value));
        members.count = members.count.wrapping_add(1);
        if members.count > JSON_MEMBERS_MAX {
            return self.refuse(JsonError::TooManyMembers);
        }
        let read = name.as_text()?;
        match places.place(&read) {
            Some(place @ None) => *place = Some(value),
            // A registered name is known to stand twice by its place, and needs no other list.
            Some(Some(_)) => return self.refuse(JsonError::DuplicateMember(read.into_owned())),
            None => self.admit(&mut members.names, name, &read)?,
        }
        members.is_closed = self.closes(b'}', "`,` or `}`")?;
        Some((read, value))
    }

    /// Whether the whole text was scanned to its end, and was in order.
    pub(super) fn finish(mut self) -> Result<(), JsonError> {
        if self.fault.is_none() {
            self.end();
        }
        self.fault.map_or(Ok(()), Err)
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn advance(&mut self, bytes: usize) {
        self.at = self.at.wrapping_add(bytes);
    }

    #[inline]
    fn take(&mut self, wanted: u8) -> bool {
        let is_there = self.byte() == Some(wanted);
        self.advance(usize::from(is_there));
        is_there
    }

    #[inline]
    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.advance(1);
        }
    }

    /// What stands from `start` up to here.
    #[inline]
    fn found(&self, kind: Kind, start: usize) -> Found {
        Found { start, end: self.at, kind }
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    #[cold]
    fn refuse<T>(&mut self, fault: JsonError) -> Option<T> {
        self.fault = Some(fault);
        None
    }

    #[cold]
    fn malformed<T>(&mut self, expected: &'static str) -> Option<T> {
        self.refuse(JsonError::Malformed { at: self.at, expected })
    }

    /// RFC 8259 §2: one value, and nothing after it.
    fn end(&mut self) -> Option<()> {
        self.blanks();
        if self.byte().is_some() { self.malformed("the end") } else { Some(()) }
    }

    /// One value; `depth` objects and arrays are open around it.
    #[inline]
    fn value(&mut self, depth: usize) -> Option<Found> {
        match usual_value(self.text.as_bytes(), self.at, depth) {
            Some((value, end)) => {
                self.at = end;
                Some(value)
            }
            None => self.any_value(depth),
        }
    }

    fn any_value(&mut self, depth: usize) -> Option<Found> {
        let start = self.at;
        let kind = match self.byte() {
            Some(b'"') => return self.string(),
            Some(b'-' | b'0'..=b'9') => return self.number(),
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b't') => self.word("true", Kind::True)?,
            Some(b'f') => self.word("false", Kind::False)?,
            Some(b'n') => self.word("null", Kind::Null)?,
            _ => return self.malformed("a value"),
        };
        Some(self.found(kind, start))
    }

    fn object(&mut self, depth: usize) -> Option<Kind> {
        let inner = self.enter(depth)?;
        if self.take(b'}') {
            return Some(Kind::Object);
        }
        let mut names = Names::default();
        for _ in 0..JSON_MEMBERS_MAX {
            let member = self.member(inner)?;
            let name = Value::at(self.text, member.name);
            self.admit(&mut names, name, &name.as_text()?)?;
            if self.closes(b'}', "`,` or `}`")? {
                return Some(Kind::Object);
            }
        }
        self.refuse(JsonError::TooManyMembers)
    }

    fn array(&mut self, depth: usize) -> Option<Kind> {
        let inner = self.enter(depth)?;
        if self.take(b']') {
            return Some(Kind::TextArray);
        }
        let mut kind = Kind::TextArray;
        loop {
            if !self.value(inner)?.kind.is_text() {
                kind = Kind::Array;
            }
            if self.closes(b']', "`,` or `]`")? {
                return Some(kind);
            }
        }
    }

    /// Past an opening bracket and the blanks behind it.
    #[inline]
    fn enter(&mut self, depth: usize) -> Option<usize> {
        if depth >= JSON_DEPTH_MAX {
            return self.refuse(JsonError::TooDeep);
        }
        self.advance(1);
        self.blanks();
        Some(depth.wrapping_add(1))
    }

    /// Past a value: whether the bracket closes, or another value follows.
    #[inline]
    fn closes(&mut self, bracket: u8, expected: &'static str) -> Option<bool> {
        self.blanks();
        if self.take(b',') {
            self.blanks();
            return Some(false);
        }
        if self.take(bracket) { Some(true) } else { self.malformed(expected) }
    }

    #[inline]
    fn member(&mut self, depth: usize) -> Option<Member> {
        match usual_member(self.text.as_bytes(), self.at, depth) {
            Some((member, end)) => {
                self.at = end;
                Some(member)
            }
            None => self.any_member(depth),
        }
    }

    fn any_member(&mut self, depth: usize) -> Option<Member> {
        if self.byte() != Some(b'"') {
            return self.malformed("a member name");
        }
        let name = self.string()?;
        self.blanks();
        if !self.take(b':') {
            return self.malformed("`:`");
        }
        self.blanks();
        Some(Member { name, value: self.value(depth)? })
    }

    #[inline]
    fn admit(&mut self, names: &mut Names<'a>, name: Value<'a>, read: &str) -> Option<()> {
        if self.duplicates == Duplicates::Allowed {
            return Some(());
        }
        let is_new =
            if name.kind() == Kind::Text { names.insert(name.raw()) } else { names.insert_owned(read) };
        match (read.starts_with(RESERVED), is_new) {
            (false, true) => Some(()),
            (true, _) => self.refuse(JsonError::ReservedMember(read.to_owned())),
            _ => self.refuse(JsonError::DuplicateMember(read.to_owned())),
        }
    }

    /// RFC 8259 §7. Stands at the opening quote, ends behind the closing one.
    fn string(&mut self) -> Option<Found> {
        self.advance(1);
        let start = self.at;
        self.at = end_of_plain(self.text.as_bytes(), start);
        if self.byte() != Some(b'"') {
            return self.escaped_string(start);
        }
        let found = self.found(Kind::Text, start);
        self.advance(1);
        Some(found)
    }

    /// A string that has something else in it than plain text, or no end.
    #[cold]
    fn escaped_string(&mut self, start: usize) -> Option<Found> {
        loop {
            match self.byte() {
                Some(b'"') => {
                    let found = self.found(Kind::EscapedText, start);
                    self.advance(1);
                    return Some(found);
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return self.malformed("an escape, because a control character"),
                None => return self.malformed("a closing quote"),
            }
            self.at = end_of_plain(self.text.as_bytes(), self.at);
        }
    }

    fn escape(&mut self) -> Option<()> {
        self.advance(1);
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.advance(1);
                Some(())
            }
            Some(b'u') => self.unicode_escape(),
            _ => self.malformed("an escape"),
        }
    }

    /// RFC 8259 §8.2 warns of half a surrogate pair: no two readers agree on what it is.
    fn unicode_escape(&mut self) -> Option<()> {
        match self.code_unit()? {
            0xd800..=0xdbff => match (self.take(b'\\'), self.byte() == Some(b'u')) {
                (true, true) if matches!(self.code_unit()?, 0xdc00..=0xdfff) => Some(()),
                _ => self.malformed("the second half of a surrogate pair"),
            },
            0xdc00..=0xdfff => self.malformed("the first half of a surrogate pair"),
            _ => Some(()),
        }
    }

    /// The four digits behind `u`.
    fn code_unit(&mut self) -> Option<u16> {
        self.advance(1);
        let digits = self.text.as_bytes().get(self.at..self.at.saturating_add(4));
        let Some(unit) = digits.and_then(hex4) else { return self.malformed("four hexadecimal digits") };
        self.advance(4);
        Some(unit)
    }

    fn word(&mut self, word: &'static str, kind: Kind) -> Option<Kind> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return self.malformed("a value");
        }
        self.advance(word.len());
        Some(kind)
    }

    /// RFC 8259 §6, within the range of a double (RFC 7493 §2.2).
    fn number(&mut self) -> Option<Found> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        let is_whole = !matches!(self.byte(), Some(b'.' | b'e' | b'E'));
        if is_whole && self.at.wrapping_sub(start) <= DIGITS_ALWAYS_FINITE {
            return Some(self.found(Kind::Number, start));
        }
        self.long_number(start)
    }

    fn long_number(&mut self, start: usize) -> Option<Found> {
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        if is_finite(self.since(start)) {
            return Some(self.found(Kind::Number, start));
        }
        self.at = start;
        self.malformed("a number within the range of a double")
    }

    #[inline]
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.advance(1);
        }
        if self.at == start { self.malformed("a digit") } else { Some(()) }
    }
}

/// The outermost object under way.
pub(super) struct Members<'a> {
    names: Names<'a>,
    count: usize,
    is_closed: bool,
}

/// The names by which `serde_json` passes numbers and raw texts through its own types; an object that uses one would
/// become something else in a caller's `serde_json::Value`.
const RESERVED: &str = "$serde_json::private::";

/// So many digits are below 1e308 whatever they are.
pub(super) const DIGITS_ALWAYS_FINITE: usize = 300;

fn is_finite(number: &str) -> bool {
    number.parse::<f64>().is_ok_and(f64::is_finite)
}

pub(super) fn hex4(digits: &[u8]) -> Option<u16> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let value = digits.iter().try_fold(0, |value: u32, byte| Some(value << 4 | digit(byte)?))?;
    u16::try_from(value).ok().filter(|_| digits.len() == 4)
}

#[cfg(test)]
mod tests {
    use super::hex4;

    #[test]
    fn hex4_takes_four_digits_only() {
        assert_eq!(hex4(b"00fF"), Some(0xff));
        for refused in [&b""[..], b"0ff", b"000ff", b"+0ff", b"00g0", b" 0ff"] {
            assert_eq!(hex4(refused), None, "{refused:?}");
        }
    }
}
