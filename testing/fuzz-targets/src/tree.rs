//! JSON read as types of many shapes, to compare what two readers make of one text.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jwksmith_jose::Audience;
use jwksmith_jose::limits::{JSON_DEPTH_MAX, JSON_MEMBERS_MAX};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value with everything in it as it came: members in their order, and as often as they stand there.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    Null,
    Bool(bool),
    Whole(i128),
    Fraction(f64),
    Text(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl PartialEq for Tree {
    /// Fractions are equal if they are neighbours: `serde_json` rounds the last bit either way unless it is told not to.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Whole(one), Self::Whole(other)) => one == other,
            (Self::Fraction(one), Self::Fraction(other)) => is_near(*one, *other),
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::Array(one), Self::Array(other)) => one == other,
            (Self::Object(one), Self::Object(other)) => one == other,
            _ => false,
        }
    }
}

fn is_near(one: f64, other: f64) -> bool {
    one.is_sign_negative() == other.is_sign_negative()
        && one.abs().to_bits().abs_diff(other.abs().to_bits()) <= 4
}

/// What the strict reader refuses and `serde_json` takes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Strictness {
    NoObject,
    Duplicate,
    Reserved,
    Depth,
    Members,
}

#[cfg(test)]
impl Strictness {
    pub(crate) const ALL: [Self; 5] =
        [Self::NoObject, Self::Duplicate, Self::Reserved, Self::Depth, Self::Members];
}

impl Tree {
    /// Every reason for which the whole text is to be refused.
    pub(crate) fn reasons(&self) -> BTreeSet<Strictness> {
        let mut reasons = BTreeSet::new();
        if !matches!(self, Self::Object(_)) {
            reasons.insert(Strictness::NoObject);
        }
        self.note(1, &mut reasons);
        reasons
    }

    fn note(&self, depth: usize, reasons: &mut BTreeSet<Strictness>) {
        if matches!(self, Self::Array(_) | Self::Object(_)) && depth > JSON_DEPTH_MAX {
            reasons.insert(Strictness::Depth);
        }
        match self {
            Self::Array(elements) => note_all(elements.iter(), depth, reasons),
            Self::Object(members) => {
                note_names(members, reasons);
                note_all(members.iter().map(|(_, one)| one), depth, reasons);
            }
            _ => {}
        }
    }
}

fn note_all<'t>(inside: impl Iterator<Item = &'t Tree>, depth: usize, reasons: &mut BTreeSet<Strictness>) {
    for one in inside {
        one.note(depth + 1, reasons);
    }
}

fn note_names(members: &[(String, Tree)], reasons: &mut BTreeSet<Strictness>) {
    let names: BTreeSet<_> = members.iter().map(|(name, _)| name).collect();
    let found = [
        (names.len() < members.len(), Strictness::Duplicate),
        (names.iter().any(|name| name.starts_with("$serde_json::private::")), Strictness::Reserved),
        (members.len() > JSON_MEMBERS_MAX, Strictness::Members),
    ];
    reasons.extend(found.into_iter().filter(|(is_there, _)| *is_there).map(|(_, reason)| reason));
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Whole(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Whole(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Fraction(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Tree, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element()? {
            array.push(element);
        }
        Ok(Tree::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Tree::Object(object))
    }
}

/// A caller's type with a member of every kind, each of which may be absent.
#[derive(Default, PartialEq, Debug, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Caller<'a> {
    text: Option<&'a str>,
    #[serde(borrow)]
    cow: Option<Cow<'a, str>>,
    owned: Option<String>,
    letter: Option<char>,
    whole: Option<u64>,
    small: Option<i8>,
    wide: Option<i128>,
    flag: Option<bool>,
    nothing: Option<()>,
    list: Option<Vec<u32>>,
    pair: Option<(u8, String)>,
    kind: Option<Kind>,
    tagged: Option<Tagged>,
    numbered: Option<BTreeMap<i16, bool>>,
    wrapped: Option<Wrapped>,
    inner: Option<Box<Self>>,
    aud: Option<Audience>,
    any: Option<Tree>,
}

/// An enum as serde writes it unless told otherwise.
#[derive(PartialEq, Debug, serde::Deserialize)]
pub(crate) enum Kind {
    Unit,
    Newtype(u16),
    Tuple(u8, bool),
    Struct { a: u8 },
}

#[derive(PartialEq, Debug, serde::Deserialize)]
#[serde(tag = "t")]
enum Tagged {
    A { a: i32 },
    B,
}

#[derive(PartialEq, Debug, serde::Deserialize)]
struct Wrapped(u32);

/// Members that are not known go into a map.
#[derive(PartialEq, Debug, serde::Deserialize)]
pub(crate) struct Flat {
    sub: Option<String>,
    #[serde(flatten)]
    rest: BTreeMap<String, Tree>,
}
