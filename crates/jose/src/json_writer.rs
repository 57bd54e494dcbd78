//! Claims as JSON text (RFC 8259), byte for byte as `serde_json` writes them, and faster.
//!
//! Most of what a token costs beside its signature is this text. Here strings are looked at many bytes at a time, and what
//! claims are made of is written at once: objects, arrays, strings, whole numbers, booleans and null. Whatever else comes is
//! left to `serde_json`, which then writes the whole text.

use std::fmt::{self, Display};

use serde::ser::{self, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple};

use crate::json;

/// The value as JSON, in a buffer that begins with room for so many bytes.
pub(crate) fn write(value: &impl Serialize, bytes: usize) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = Vec::with_capacity(bytes);
    if value.serialize(Writer(&mut text)).is_err() {
        text.clear();
        serde_json::to_writer(&mut text, value)?;
    }
    Ok(text)
}

/// Something that is left to `serde_json`, if only for its words about what is wrong.
#[derive(Debug)]
struct Unusual;

impl Display for Unusual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("left to serde_json")
    }
}

impl std::error::Error for Unusual {}

impl ser::Error for Unusual {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

struct Writer<'t>(&'t mut Vec<u8>);

impl Writer<'_> {
    fn string(&mut self, text: &str) -> Result<(), Unusual> {
        // RFC 8259 §7. Nearly no string needs an escape.
        if !json::is_plain(text.as_bytes()) {
            return serde_json::to_writer(&mut *self.0, text).map_err(|_| Unusual);
        }
        self.0.reserve(text.len().saturating_add(2));
        self.0.push(b'"');
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'"');
        Ok(())
    }

    fn whole(&mut self, number: u64) {
        self.0.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }
}

/// Elements or members under way.
struct Items<'t> {
    text: &'t mut Vec<u8>,
    is_first: bool,
    end: u8,
}

impl<'t> Items<'t> {
    fn begin(text: &'t mut Vec<u8>, begin: u8, end: u8) -> Self {
        text.push(begin);
        Self { text, is_first: true, end }
    }

    fn separate(&mut self) {
        if !std::mem::replace(&mut self.is_first, false) {
            self.text.push(b',');
        }
    }

    fn element(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), Unusual> {
        self.separate();
        value.serialize(Writer(self.text))
    }

    fn member(&mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Result<(), Unusual> {
        self.separate();
        Writer(self.text).string(name)?;
        self.value(value)
    }

    fn value(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), Unusual> {
        self.text.push(b':');
        value.serialize(Writer(self.text))
    }

    fn finish(self) {
        self.text.push(self.end);
    }
}

/// Kinds of values that are left to `serde_json`.
macro_rules! unusual {
    ($($method:ident($kind:ty)),+ $(,)?) => {
        $(fn $method(self, _: $kind) -> Result<(), Unusual> {
            Err(Unusual)
        })+
    };
}

/// Whole numbers, by way of the widest of their kind.
macro_rules! whole {
    ($($method:ident($kind:ty)),+ $(,)?) => {
        $(fn $method(mut self, number: $kind) -> Result<(), Unusual> {
            self.whole(number.into());
            Ok(())
        })+
    };
}

macro_rules! signed {
    ($($method:ident($kind:ty)),+ $(,)?) => {
        $(fn $method(mut self, number: $kind) -> Result<(), Unusual> {
            let number = i64::from(number);
            if number < 0 {
                self.0.push(b'-');
            }
            self.whole(number.unsigned_abs());
            Ok(())
        })+
    };
}

impl<'t> ser::Serializer for Writer<'t> {
    type Ok = ();
    type Error = Unusual;
    type SerializeSeq = Items<'t>;
    type SerializeTuple = Items<'t>;
    type SerializeTupleStruct = Impossible<(), Unusual>;
    type SerializeTupleVariant = Impossible<(), Unusual>;
    type SerializeMap = Items<'t>;
    type SerializeStruct = Items<'t>;
    type SerializeStructVariant = Impossible<(), Unusual>;

    whole!(serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64));
    signed!(serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64));
    unusual!(serialize_f32(f32), serialize_f64(f64), serialize_char(char), serialize_bytes(&[u8]));

    fn serialize_bool(self, value: bool) -> Result<(), Unusual> {
        self.0.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_str(mut self, text: &str) -> Result<(), Unusual> {
        self.string(text)
    }

    fn serialize_none(self) -> Result<(), Unusual> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unusual> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unusual> {
        self.0.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unusual> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(mut self, _: &'static str, _: u32, name: &'static str) -> Result<(), Unusual> {
        self.string(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unusual> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unusual> {
        Err(Unusual)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'t>, Unusual> {
        Ok(Items::begin(self.0, b'[', b']'))
    }

    fn serialize_tuple(self, _: usize) -> Result<Items<'t>, Unusual> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Impossible<(), Unusual>, Unusual> {
        Err(Unusual)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<(), Unusual>, Unusual> {
        Err(Unusual)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Items<'t>, Unusual> {
        Ok(Items::begin(self.0, b'{', b'}'))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Items<'t>, Unusual> {
        // Its own types for numbers and raw text come as structs of such names.
        if name.starts_with("$serde_json") { Err(Unusual) } else { self.serialize_map(None) }
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<(), Unusual>, Unusual> {
        Err(Unusual)
    }
}

impl SerializeSeq for Items<'_> {
    type Ok = ();
    type Error = Unusual;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unusual> {
        self.element(value)
    }

    fn end(self) -> Result<(), Unusual> {
        self.finish();
        Ok(())
    }
}

impl SerializeTuple for Items<'_> {
    type Ok = ();
    type Error = Unusual;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unusual> {
        self.element(value)
    }

    fn end(self) -> Result<(), Unusual> {
        self.finish();
        Ok(())
    }
}

impl SerializeMap for Items<'_> {
    type Ok = ();
    type Error = Unusual;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), Unusual> {
        self.separate();
        let start = self.text.len();
        name.serialize(Writer(self.text))?;
        // A name is a string; `serde_json` knows how to make one of some other values.
        if self.text.get(start) == Some(&b'"') { Ok(()) } else { Err(Unusual) }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unusual> {
        self.value(value)
    }

    fn end(self) -> Result<(), Unusual> {
        self.finish();
        Ok(())
    }
}

impl SerializeStruct for Items<'_> {
    type Ok = ();
    type Error = Unusual;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unusual> {
        self.member(name, value)
    }

    fn end(self) -> Result<(), Unusual> {
        self.finish();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Writer, write};
    use proptest::prelude::*;
    use serde::Serialize;
    use std::collections::BTreeMap;

    #[derive(Serialize, Default)]
    struct Nothing;

    #[derive(Serialize)]
    enum Kinds {
        Unit,
        Newtype(u8),
        Tuple(u8, char),
        Struct { member: f64 },
    }

    #[derive(Serialize)]
    struct Claims<'a> {
        iss: &'a str,
        #[serde(rename = "a \"quoted\" name")]
        quoted: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        absent: Option<u64>,
        several: Vec<&'a str>,
        pair: (i8, bool),
        nothing: Nothing,
        #[serde(flatten)]
        others: BTreeMap<String, i64>,
    }

    /// As `serde_json` writes it; and whether that took its help.
    fn check<T: Serialize>(value: &T, expected_alone: bool) {
        assert_eq!(write(value, 0).unwrap(), serde_json::to_vec(value).unwrap());
        let alone = value.serialize(Writer(&mut Vec::new())).is_ok();
        assert_eq!(alone, expected_alone, "{}", serde_json::to_string(value).unwrap());
    }

    #[test]
    fn text_is_that_of_serde_json() {
        let claims = Claims {
            iss: "https://tenant.example/\u{7f}é漢\u{2028}",
            quoted: Some(u64::MAX),
            absent: None,
            several: vec!["", "\n", "a\\b", "12345678\""],
            pair: (i8::MIN, true),
            nothing: Nothing,
            others: [("x".to_owned(), i64::MIN), (String::new(), 0)].into(),
        };
        check(&claims, true);
        check(&Vec::<u8>::new(), true);
        check(&BTreeMap::<String, u8>::new(), true);
        check(&Kinds::Unit, true);
        check(&[Some(10_u64), None, Some(9), Some(100)], true);
        check(&Kinds::Newtype(1), false);
        check(&Kinds::Tuple(1, '"'), false);
        check(&Kinds::Struct { member: 1.5 }, false);
        check(&BTreeMap::from([(1, "number"), (-2, "as a name")]), false);
        check(&BTreeMap::from([(true, 1)]), false);
        check(&[1e300, f64::NAN], false);
        check(&'"', false);
        check(&u128::MAX, false);
        check(&BTreeMap::from([("half", vec![1.5])]), false);
    }

    #[test]
    fn value_that_cannot_be_written_is_an_error() {
        assert!(write(&BTreeMap::from([((1, 2), 3)]), 0).is_err());
        assert!(write(&BTreeMap::from([(vec![1], 3)]), 0).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn text_of_anything_is_that_of_serde_json(
            members in prop::collection::btree_map(any::<String>(), prop::collection::vec(any::<(String, i64, bool)>(), 0..4), 0..6),
            numbers: Vec<u64>,
        ) {
            prop_assert_eq!(write(&members, 64).unwrap(), serde_json::to_vec(&members).unwrap());
            prop_assert_eq!(write(&numbers, 64).unwrap(), serde_json::to_vec(&numbers).unwrap());
        }
    }
}
