//! Strict JSON (RFC 8259) for everything that a decision depends on.
//!
//! A JSON text is taken only if it is one UTF-8 object in which no member name stands twice, at any depth, however it is
//! spelt (`"alg"` and `"\u0061lg"` are one name). RFC 7515 §4 and RFC 7519 §4 leave a parser that choice, and two parsers
//! that choose differently are how tokens mean one thing to the gateway and another to the service behind it. Nesting and
//! member counts are bounded. Nothing here passes through a generic JSON value.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::limits::{JSON_DEPTH_MAX, JSON_MEMBERS_MAX};

/// The visits of values that are of no use where they stand; each is handed its kind in words.
macro_rules! visit_other_kinds {
    ($value:ty, $($kind:ident),+ => $other:expr) => {
        $(crate::json::visit_other_kinds!(@ $kind $value, $other);)+
    };
    (@ text $value:ty, $other:expr) => {
        fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<$value, E> {
            $other(self, "a string")
        }
    };
    (@ array $value:ty, $other:expr) => {
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<$value, A::Error> {
            while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {}
            $other(self, "an array")
        }
    };
    (@ object $value:ty, $other:expr) => {
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$value, A::Error> {
            while map.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
            $other(self, "an object")
        }
    };
    (@ scalars $value:ty, $other:expr) => {
        fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<$value, E> {
            $other(self, "a boolean")
        }

        fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<$value, E> {
            $other(self, "a number")
        }

        fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<$value, E> {
            $other(self, "a number")
        }

        fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<$value, E> {
            $other(self, "a number")
        }

        fn visit_unit<E: serde::de::Error>(self) -> Result<$value, E> {
            $other(self, "null")
        }
    };
}
pub(crate) use visit_other_kinds;

/// Why a JSON text was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The bytes are not UTF-8 (RFC 8259 §8.1).
    #[error("it is not UTF-8")]
    NotUtf8,
    /// It is not one well-formed JSON object.
    #[error("it is not one JSON object: {0}")]
    NotAnObject(String),
    /// A member name stands twice in one object.
    #[error("the member {} stands twice", crate::quoted(.0))]
    DuplicateMember(String),
    /// Objects and arrays nest deeper than [`JSON_DEPTH_MAX`].
    #[error("it nests deeper than {JSON_DEPTH_MAX} levels")]
    TooDeep,
    /// An object has more members than [`JSON_MEMBERS_MAX`].
    #[error("one of its objects has more than {JSON_MEMBERS_MAX} members")]
    TooManyMembers,
    /// It is an object, but not of the expected shape.
    #[error("{0}")]
    Shape(String),
}

/// Parses one JSON object into `T`, strictly.
///
/// # Errors
/// As [`JsonError`] says; `Shape` when the object is well-formed but `T` does not fit it.
pub fn from_slice<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, JsonError> {
    let text = check(bytes)?;
    serde_json::from_str(text).map_err(|error| JsonError::Shape(told(&error)))
}

/// The bytes as text.
pub(crate) fn utf8(bytes: Vec<u8>) -> Result<String, JsonError> {
    String::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)
}

/// Checks that the bytes are one strict JSON object, and gives them back as text.
pub(crate) fn check(bytes: &[u8]) -> Result<&str, JsonError> {
    checked(bytes, Duplicates::Refused)
}

/// Checks everything but the uniqueness of members, for who looks at that part by part.
pub(crate) fn check_bounds(bytes: &[u8]) -> Result<&str, JsonError> {
    checked(bytes, Duplicates::Allowed)
}

fn checked(bytes: &[u8], duplicates: Duplicates) -> Result<&str, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
    walk(text, duplicates, |strict, json| strict.deserialize(json))?;
    Ok(text)
}

/// The JSON text under way.
pub(crate) type Json<'a> = serde_json::Deserializer<serde_json::de::StrRead<'a>>;

/// Walks a whole text, and tells what the strict reader found apart from what the parser found.
pub(crate) fn walk<'a, T>(
    text: &'a str,
    duplicates: Duplicates,
    reader: impl FnOnce(Strict<'_>, &mut Json<'a>) -> Result<T, serde_json::Error>,
) -> Result<T, JsonError> {
    let mut fault = None;
    let mut json = serde_json::Deserializer::from_str(text);
    let strict = Strict { depth: 0, duplicates, fault: &mut fault };
    let outcome = reader(strict, &mut json).and_then(|value| json.end().map(|()| value));
    match (fault, outcome) {
        (Some(fault), _) => Err(fault),
        (None, outcome) => outcome.map_err(|error| JsonError::NotAnObject(told(&error))),
    }
}

/// How much of a parser's own words is passed on, in characters: it repeats outside text, however long.
const TOLD_CHARS_MAX: usize = 160;

/// A parser's words for a message: shortened, control characters escaped.
pub(crate) fn told(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let mut told = String::new();
    for c in words.chars().take(TOLD_CHARS_MAX) {
        if c == '"' || c == '\'' { told.push(c) } else { told.extend(c.escape_debug()) }
    }
    if words.chars().nth(TOLD_CHARS_MAX).is_some() {
        told.push('…');
    }
    told
}

/// What to do about a member name that stands twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duplicates {
    Refused,
    Allowed,
}

/// Walks a JSON text without keeping anything but the member names of the open objects.
pub(crate) struct Strict<'f> {
    depth: usize,
    duplicates: Duplicates,
    /// What was found, kept beside serde's own error so that it can be told apart.
    fault: &'f mut Option<JsonError>,
}

impl<'f> Strict<'f> {
    /// For a value inside an object whose nesting was checked before.
    pub(crate) fn lenient(fault: &'f mut Option<JsonError>) -> Self {
        Strict { depth: 1, duplicates: Duplicates::Allowed, fault }
    }

    /// For what is inside of this.
    pub(crate) fn inner(&mut self) -> Strict<'_> {
        Strict { depth: self.depth.saturating_add(1), duplicates: self.duplicates, fault: self.fault }
    }

    /// Walks the members of an object; `each` takes the value of the one named.
    pub(crate) fn object<'de, A: MapAccess<'de>>(
        mut self,
        mut map: A,
        mut each: impl FnMut(&str, Strict<'_>, &mut A) -> Result<(), A::Error>,
    ) -> Result<(), A::Error> {
        self.enter()?;
        let mut seen = Names::default();
        while let Some(Name(name)) = map.next_key()? {
            each(&name, self.inner(), &mut map)?;
            if seen.count >= JSON_MEMBERS_MAX {
                return Err(self.refuse(JsonError::TooManyMembers));
            }
            if let Some(twice) = seen.insert(name).filter(|_| self.duplicates == Duplicates::Refused) {
                return Err(self.refuse(JsonError::DuplicateMember(twice.into_owned())));
            }
        }
        Ok(())
    }

    /// Walks the elements of an array; `each` takes the next one and says whether there was one.
    pub(crate) fn array<E: de::Error>(
        mut self,
        mut each: impl FnMut(Strict<'_>) -> Result<bool, E>,
    ) -> Result<(), E> {
        self.enter()?;
        while each(self.inner())? {}
        Ok(())
    }

    fn refuse<E: de::Error>(&mut self, fault: JsonError) -> E {
        let error = E::custom(&fault);
        *self.fault = Some(fault);
        error
    }

    fn enter<E: de::Error>(&mut self) -> Result<(), E> {
        if self.depth >= JSON_DEPTH_MAX { Err(self.refuse(JsonError::TooDeep)) } else { Ok(()) }
    }

    /// A scalar is fine anywhere but at the top.
    fn scalar<E: de::Error>(&self, found: &str) -> Result<(), E> {
        if self.depth == 0 { Err(E::custom(format_args!("it is {found}"))) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        // At the top only an object will do; below it, anything.
        if self.depth == 0 { deserializer.deserialize_map(self) } else { deserializer.deserialize_any(self) }
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.object(map, |_, inner, map| map.next_value_seed(inner))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.array(|inner| Ok(seq.next_element_seed(inner)?.is_some()))
    }

    visit_other_kinds!((), text, scalars => |this: Self, found| this.scalar(found));
}

/// A member name, borrowed unless it is spelt with escapes.
pub(crate) struct Name<'de>(pub(crate) Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }
}

/// How many names are compared one by one before hashing them is cheaper.
const LINEAR_NAMES: usize = 16;

/// The member names of one object.
#[derive(Default)]
pub(crate) struct Names<'de> {
    few: Vec<Cow<'de, str>>,
    many: HashSet<Cow<'de, str>>,
    count: usize,
}

impl<'de> Names<'de> {
    /// Gives a name back that was there already.
    pub(crate) fn insert(&mut self, name: Cow<'de, str>) -> Option<Cow<'de, str>> {
        self.count = self.count.saturating_add(1);
        if self.few.contains(&name) || self.many.contains(&name) {
            return Some(name);
        }
        if self.few.len() >= LINEAR_NAMES {
            self.many.insert(name);
            return None;
        }
        if self.few.is_empty() {
            self.few.reserve_exact(LINEAR_NAMES);
        }
        self.few.push(name);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{JsonError, check};
    use crate::limits::{JSON_DEPTH_MAX, JSON_MEMBERS_MAX};

    fn fault(text: &str) -> Option<JsonError> {
        check(text.as_bytes()).err()
    }

    #[test]
    fn check_takes_one_object() {
        for taken in
            ["{}", r#"{"a":1,"b":{"a":[1,{"a":null}]},"c":"\u0061"}"#, " {\"a\" : 1.5e3 }\n", r#"{"":0}"#]
        {
            assert_eq!(fault(taken), None, "{taken}");
        }
    }

    #[test]
    fn check_refuses_what_is_no_object() {
        let refused = [
            "",
            " ",
            "null",
            "1",
            "\"x\"",
            "[]",
            "[{}]",
            "{",
            "{}}",
            "{} {}",
            "{\"a\":NaN}",
            "{\"a\":Infinity}",
            "{'a':1}",
            "{a:1}",
            "{\"a\":1,}",
            "{\"a\":01}",
            "{\"a\":1e400}",
            "{\"a\":\"\n\"}",
            "{\"a\":\"\\ud800\"}",
            "\u{feff}{}",
            "{\"a\":tru}",
            "{\"a\":1}x",
            "{// x\n}",
        ];
        for text in refused {
            assert!(matches!(fault(text), Some(JsonError::NotAnObject(_))), "{text:?}: {:?}", fault(text));
        }
        assert_eq!(check(b"{\"a\":\"\xff\"}").err(), Some(JsonError::NotUtf8));
    }

    #[test]
    fn check_refuses_duplicate_members_at_any_depth_in_any_spelling() {
        let refused = [
            (r#"{"alg":"none","alg":"RS256"}"#, "alg"),
            (r#"{"alg":1,"\u0061lg":2}"#, "alg"),
            (r#"{"a":{"b":1,"c":2,"b":3}}"#, "b"),
            (r#"{"a":[[{"x":1,"x":1}]]}"#, "x"),
            (r#"{"":1,"":2}"#, ""),
        ];
        for (text, name) in refused {
            assert_eq!(fault(text), Some(JsonError::DuplicateMember(name.to_owned())), "{text}");
        }
        let many: Vec<String> = (0..40).map(|n| format!("\"m{n}\":0")).collect();
        assert_eq!(
            fault(&format!("{{{},\"m39\":1}}", many.join(","))),
            Some(JsonError::DuplicateMember("m39".to_owned()))
        );
    }

    #[test]
    fn check_bounds_nesting_at_the_limit_and_one_past_it() {
        let nested = |depth: usize| format!("{}{}", "{\"a\":".repeat(depth - 1) + "{", "}".repeat(depth));
        assert_eq!(fault(&nested(JSON_DEPTH_MAX)), None);
        assert_eq!(fault(&nested(JSON_DEPTH_MAX + 1)), Some(JsonError::TooDeep));
        assert_eq!(fault(&format!("{{\"a\":{}", "[".repeat(100_000))), Some(JsonError::TooDeep));
    }

    #[test]
    fn check_bounds_members_at_the_limit_and_one_past_it() {
        let object = |members: usize| {
            let members: Vec<String> = (0..members).map(|n| format!("\"m{n}\":0")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert_eq!(fault(&object(JSON_MEMBERS_MAX)), None);
        assert_eq!(fault(&object(JSON_MEMBERS_MAX + 1)), Some(JsonError::TooManyMembers));
    }
}
