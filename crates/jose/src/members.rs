//! The registered members of one JSON object, read in one strict pass.
//!
//! Members that are not registered are walked just as strictly ([`crate::json`]) and left behind.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::json::{self, Duplicates, JsonError, Strict};

/// An object with a place for each of its registered members.
pub(crate) trait Members<'a>: Default {
    /// The place of the member of this name, if it is registered.
    fn place(&mut self, name: &str) -> Option<&mut Loose<'a>>;
}

/// Reads the registered members of one strict JSON object.
pub(crate) fn read<'a, M: Members<'a>>(text: &'a str) -> Result<M, JsonError> {
    json::walk(text, Duplicates::Refused, |strict, json| {
        let mut members = M::default();
        json.deserialize_map(MembersVisitor { strict, members: &mut members })?;
        Ok(members)
    })
}

struct MembersVisitor<'f, 'm, M> {
    strict: Strict<'f>,
    members: &'m mut M,
}

impl<'de, M: Members<'de>> Visitor<'de> for MembersVisitor<'_, '_, M> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let members = self.members;
        self.strict.object(map, |name, inner, map| match members.place(name) {
            Some(place) => {
                *place = map.next_value_seed(LooseSeed(inner))?;
                Ok(())
            }
            None => map.next_value_seed(inner),
        })
    }
}

/// The value of a registered member before its type is checked.
///
/// A member of the wrong type must be told apart from an absent one (an `exp` that reads `"never"` is no missing
/// `exp`), and the answer must name the member. So registered members are first taken as whatever they are.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) enum Loose<'a> {
    #[default]
    Absent,
    Null,
    Bool,
    /// A whole number that is not negative.
    Whole(u64),
    /// Any other number.
    Number(f64),
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
            Self::Whole(_) | Self::Number(_) => "a number",
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

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        LooseSeed(Strict::lenient(&mut None)).deserialize(deserializer)
    }
}

/// Takes a value as whatever it is, and walks strictly through what is inside.
struct LooseSeed<'f>(Strict<'f>);

impl<'de> DeserializeSeed<'de> for LooseSeed<'_> {
    type Value = Loose<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Loose<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for LooseSeed<'_> {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Loose<'de>, E> {
        Ok(Loose::Null)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Loose<'de>, E> {
        Ok(Loose::Bool)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Loose<'de>, E> {
        Ok(Loose::Whole(number))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Loose<'de>, E> {
        // Only negative numbers come here, and none of ours may be negative: their size does not matter.
        Ok(Loose::Number(-1.0))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Loose<'de>, E> {
        Ok(Loose::Number(number))
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Loose<'de>, E> {
        Ok(Loose::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Loose<'de>, E> {
        Ok(Loose::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Loose<'de>, A::Error> {
        let mut texts = Some(Vec::new());
        self.0.array(|inner| {
            match (seq.next_element_seed(LooseSeed(inner))?, &mut texts) {
                (None, _) => return Ok(false),
                (Some(Loose::Text(text)), Some(texts)) => texts.push(text),
                (Some(_), _) => texts = None,
            }
            Ok(true)
        })?;
        Ok(texts.map_or(Loose::Array, Loose::TextList))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Loose<'de>, A::Error> {
        self.0.object(map, |_, inner, map| map.next_value_seed(inner))?;
        Ok(Loose::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::Loose;

    #[test]
    fn loose_keeps_the_kind_of_what_it_meets() {
        let kind = |json: &str| serde_json::from_str::<Loose<'_>>(json).unwrap().kind();
        assert_eq!(kind("null"), "null");
        assert_eq!(kind("1"), "a number");
        assert_eq!(kind("-1"), "a number");
        assert_eq!(kind("1.5"), "a number");
        assert_eq!(kind("true"), "a boolean");
        assert_eq!(kind("\"x\""), "a string");
        assert_eq!(kind("[\"x\"]"), "an array of strings");
        assert_eq!(kind("[\"x\",1]"), "an array");
        assert_eq!(kind("{\"$serde_json::private::Number\":\"1\"}"), "an object");
    }
}
