//! Reads the caller's own types from a scanned text, through serde. Strings without escapes are borrowed.
//!
//! It is serde's data model as `serde_json` maps it to JSON, so that types behave as their authors expect; of what
//! `serde_json` adds for its own types (`RawValue`, numbers of any precision) there is nothing.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::StringDeserializer;
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

use super::value::{Kind, Value};

/// What `Option` and newtypes see of something that is never null: the thing itself.
macro_rules! transparent {
    () => {
        fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            visitor.visit_some(self)
        }

        fn deserialize_newtype_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            visitor: V,
        ) -> Result<V::Value, Misfit> {
            visitor.visit_newtype_struct(self)
        }
    };
}
pub(super) use transparent;

/// Why a type does not fit.
#[derive(Debug)]
pub(crate) struct Misfit(pub(super) String);

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(words: T) -> Self {
        Self(words.to_string())
    }
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::True => visitor.visit_bool(true),
            Kind::False => visitor.visit_bool(false),
            Kind::Number => self.visit_number(visitor),
            Kind::Text => visitor.visit_borrowed_str(self.text),
            Kind::EscapedText => visitor.visit_string(self.as_text().unwrap_or_default().into_owned()),
            Kind::TextArray | Kind::Array => visit_seq(self.elements(), visitor),
            Kind::Object => visit_map(self.members(), visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.kind == Kind::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.as_text() {
            Some(variant) => visitor.visit_enum(StringDeserializer::<Misfit>::new(variant.into_owned())),
            None => visit_variant(self.members(), visitor),
        }
    }

    // Beyond 64 bits, where only these two can tell a number exactly.
    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.number() {
            Some(number) => visitor.visit_i128(number),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.number() {
            Some(number) => visitor.visit_u128(number),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct
        map struct identifier
    }
}

impl Value<'_> {
    /// The number as `T`, if it is one.
    fn number<T: std::str::FromStr>(self) -> Option<T> {
        self.text.parse().ok().filter(|_| self.kind == Kind::Number)
    }

    fn visit_number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if let Some(number) = self.as_whole().or_else(|| self.number()) {
            return visitor.visit_u64(number);
        }
        match self.number::<i64>() {
            // RFC 8259 has a negative zero, which is no whole number here.
            Some(number) if number != 0 => visitor.visit_i64(number),
            _ => visitor.visit_f64(self.as_number().unwrap_or(f64::NAN)),
        }
    }
}

fn visit_seq<'de, V: Visitor<'de>>(
    elements: impl Iterator<Item = Value<'de>>,
    visitor: V,
) -> Result<V::Value, Misfit> {
    let mut elements = Elements(elements);
    let value = visitor.visit_seq(&mut elements)?;
    // A visitor that has enough must not make the rest vanish.
    if elements.0.next().is_some() {
        Err(de::Error::custom("the array has too many elements"))
    } else {
        Ok(value)
    }
}

fn visit_map<'de, V: Visitor<'de>>(
    members: impl Iterator<Item = (Cow<'de, str>, Value<'de>)>,
    visitor: V,
) -> Result<V::Value, Misfit> {
    let mut members = Members { members, value: None };
    let value = visitor.visit_map(&mut members)?;
    if members.members.next().is_some() {
        Err(de::Error::custom("the object has too many members"))
    } else {
        Ok(value)
    }
}

/// An enum's variant with its content: the only member of an object.
fn visit_variant<'de, V: Visitor<'de>>(
    mut members: impl Iterator<Item = (Cow<'de, str>, Value<'de>)>,
    visitor: V,
) -> Result<V::Value, Misfit> {
    match (members.next(), members.next()) {
        (Some((name, content)), None) => visitor.visit_enum(Variant { name, content }),
        _ => Err(de::Error::custom("expected a string, or an object with one member, to name a variant")),
    }
}

struct Elements<I>(I);

impl<'de, I: Iterator<Item = Value<'de>>> SeqAccess<'de> for Elements<I> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        self.0.next().map(|element| seed.deserialize(element)).transpose()
    }
}

struct Members<'de, I> {
    members: I,
    /// The value that belongs to the name just read.
    value: Option<Value<'de>>,
}

impl<'de, I: Iterator<Item = (Cow<'de, str>, Value<'de>)>> MapAccess<'de> for Members<'de, I> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        let Some((name, value)) = self.members.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(Name(name)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Misfit> {
        let value =
            self.value.take().ok_or_else(|| de::Error::custom("a value was asked for before its name"))?;
        seed.deserialize(value)
    }
}

/// A member name. As the key of a map it may also be read as a number.
pub(super) struct Name<'de>(pub(super) Cow<'de, str>);

macro_rules! numeric_names {
    ($($deserialize:ident $visit:ident $number:ty),+) => {
        $(fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            match self.0.parse::<$number>() {
                // In one spelling only: "1", "01" and "+1" are three names, which must not become one key of a map.
                Ok(number) if number.to_string() == self.0 => visitor.$visit(number),
                _ => self.deserialize_any(visitor),
            }
        })+
    };
}

impl<'de> Deserializer<'de> for Name<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Cow::Borrowed(name) => visitor.visit_borrowed_str(name),
            Cow::Owned(name) => visitor.visit_string(name),
        }
    }

    numeric_names!(
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64, deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64
    );

    transparent!();

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_enum(StringDeserializer::<Misfit>::new(self.0.into_owned()))
    }

    forward_to_deserialize_any! {
        bool i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

pub(super) struct Variant<'de> {
    pub(super) name: Cow<'de, str>,
    pub(super) content: Value<'de>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Misfit;
    type Variant = Value<'de>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Value<'de>), Misfit> {
        Ok((seed.deserialize(Name(self.name))?, self.content))
    }
}

impl<'de> VariantAccess<'de> for Value<'de> {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        <()>::deserialize(self)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Misfit> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_any(visitor)
    }
}
