//! The registered members of one JSON object, each as whatever it is before its type is judged.
//!
//! A member of the wrong type must be told apart from an absent one (a `kid` of 1 is no missing `kid`), and the answer must
//! name the member. Strictness is [`crate::json`]'s.

use std::borrow::Cow;

use crate::json::{Kind, Value};

/// An object with a place for each of its registered members.
pub(crate) trait Members<'a>: Default {
    /// The place of the member of this name, if it is registered.
    fn place(&mut self, name: &str) -> Option<&mut Loose<'a>>;

    /// Puts each registered member in its place and leaves the others.
    fn sorted(members: impl Iterator<Item = (Cow<'a, str>, Value<'a>)>) -> Self {
        let mut sorted = Self::default();
        for (name, value) in members {
            if let Some(place) = sorted.place(&name) {
                *place = Loose::from(value);
            }
        }
        sorted
    }
}

/// The value of a registered member before its type is judged.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) enum Loose<'a> {
    #[default]
    Absent,
    Null,
    Bool,
    Number,
    Text(Cow<'a, str>),
    /// An array of strings only.
    TextList(Vec<Cow<'a, str>>),
    Array,
    Object,
}

impl Loose<'_> {
    /// What was found, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Absent => "nothing",
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::Text(_) => "a string",
            Self::TextList(_) => "an array of strings",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl<'a> From<Value<'a>> for Loose<'a> {
    fn from(value: Value<'a>) -> Self {
        match value.kind() {
            Kind::Null => Self::Null,
            Kind::True | Kind::False => Self::Bool,
            Kind::Number => Self::Number,
            Kind::Text | Kind::EscapedText => Self::Text(value.as_text().unwrap_or_default()),
            Kind::TextArray => Self::TextList(value.elements().filter_map(Value::as_text).collect()),
            Kind::Array => Self::Array,
            Kind::Object => Self::Object,
        }
    }
}
