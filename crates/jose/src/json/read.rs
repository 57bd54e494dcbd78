//! Reads an object in one pass: its form is decided, its registered members are put in their places, and the caller's type
//! takes what it wants.
//!
//! The scan leads, and the type follows: each member is scanned to its end before the type sees it. So nothing that a type
//! does, and no error of its own, can change what the scan finds.

use std::borrow::Cow;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::de::{Misfit, Name, Variant, transparent};
use super::scan::{Duplicates, Members, Scanner};
use super::value::Value;
use super::{JsonError, told};

/// Places for the registered members of an object.
pub(crate) trait Places<'a> {
    /// The place of the member of this name, if it is registered. One that is taken already makes the member a duplicate.
    fn place(&mut self, name: &str) -> Option<&mut Option<Value<'a>>>;
}

/// No member is registered.
pub(crate) struct NoPlaces;

impl<'a> Places<'a> for NoPlaces {
    fn place(&mut self, _: &str) -> Option<&mut Option<Value<'a>>> {
        None
    }
}

/// Reads one strict object: its registered members, and the object as `T` or in words why `T` does not fit.
pub(crate) fn read<'a, T: Deserialize<'a>>(
    text: &'a str,
    places: &mut impl Places<'a>,
) -> Result<Result<T, String>, JsonError> {
    let mut scanner = Scanner::new(text, Duplicates::Refused);
    let value = scanner.open().map(|members| {
        let mut object = Object { scanner: &mut scanner, members, places, value: None };
        let value = T::deserialize(&mut object);
        object.drain();
        value
    });
    scanner.finish()?;
    let misfit = || Err(Misfit("there is no object".to_owned()));
    Ok(value.unwrap_or_else(misfit).map_err(|Misfit(words)| told(&words)))
}

/// The outermost object under way.
struct Object<'s, 'de, P> {
    scanner: &'s mut Scanner<'de>,
    members: Members<'de>,
    places: &'s mut P,
    /// The value that belongs to the name just read.
    value: Option<Value<'de>>,
}

impl<'de, P: Places<'de>> Object<'_, 'de, P> {
    #[inline]
    fn next(&mut self) -> Option<(Cow<'de, str>, Value<'de>)> {
        self.scanner.next_of(&mut self.members, self.places)
    }

    /// Goes on to the end, whatever the type has left.
    fn drain(&mut self) {
        while self.next().is_some() {}
    }
}

impl<'de, P: Places<'de>> Deserializer<'de> for &mut Object<'_, 'de, P> {
    type Error = Misfit;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let value = visitor.visit_map(&mut *self)?;
        // A visitor that has enough must not make the rest vanish.
        if self.next().is_some() {
            Err(de::Error::custom("the object has too many members"))
        } else {
            Ok(value)
        }
    }

    transparent!();

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match (self.next(), self.next()) {
            (Some((name, content)), None) => visitor.visit_enum(Variant { name, content }),
            _ => Err(de::Error::custom("expected an object with one member, to name a variant")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier
    }
}

impl<'de, P: Places<'de>> MapAccess<'de> for Object<'_, 'de, P> {
    type Error = Misfit;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        let Some((name, value)) = self.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(Name(name)).map(Some)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Misfit> {
        let value = self
            .value
            .take()
            .ok_or_else(|| <Misfit as de::Error>::custom("a value was asked for before its name"))?;
        seed.deserialize(value)
    }
}
