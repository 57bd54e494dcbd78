//! The target `json`: the strict JSON reader beside `serde_json`.
//!
//! Whatever the strict reader takes, `serde_json` takes too, and finds the same in it. Whatever only `serde_json` takes has
//! one of the faults that the strict reader is strict about, and it names one that is there.

use std::collections::BTreeMap;
use std::fmt::Debug;

use jwksmith_jose::AccessClaims;
use jwksmith_jose::json::{JsonError, from_slice};
use jwksmith_jose::limits::JSON_BYTES_MAX;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::messages::is_fit_for_a_log;
use crate::tree::{Caller, Flat, Kind, Strictness, Tree};

/// Reads a text with both, as types of many shapes.
pub fn json(input: &[u8]) {
    let strict = from_slice::<Tree>(input);
    match (&strict, serde_json::from_slice::<Tree>(input)) {
        (Ok(tree), Ok(reference)) => {
            assert_eq!(*tree, reference, "read as something else");
            assert!(tree.reasons().is_empty(), "taken in spite of {:?}", tree.reasons());
        }
        (Ok(_), Err(error)) => assert!(is_at_the_edge(input), "only we take it: {error}"),
        (Err(error), Ok(reference)) => is_rightly_refused(error, &reference, input),
        (Err(_), Err(_)) => {}
    }
    if let Err(error) = &strict {
        is_fit_for_a_log(&error.to_string());
        assert_eq!(from_slice::<IgnoredAny>(input).err().as_ref(), Some(error), "a type changes the answer");
    } else {
        is_read_alike::<AccessClaims>(input);
        is_read_alike::<Caller<'_>>(input);
        is_read_alike::<Flat>(input);
        is_read_alike::<Kind>(input);
        is_read_alike::<Option<BTreeMap<i16, Tree>>>(input);
        is_read_alike::<BTreeMap<String, Option<u32>>>(input);
        is_read_alike::<BTreeMap<&str, Tree>>(input);
    }
}

fn is_rightly_refused(error: &JsonError, reference: &Tree, input: &[u8]) {
    let named = match error {
        JsonError::NotAnObject(_) => Strictness::NoObject,
        JsonError::DuplicateMember(_) => Strictness::Duplicate,
        JsonError::ReservedMember(_) => Strictness::Reserved,
        JsonError::TooDeep => Strictness::Depth,
        JsonError::TooManyMembers => Strictness::Members,
        JsonError::TooLarge { bytes } => return assert!(*bytes == input.len() && *bytes > JSON_BYTES_MAX),
        other => return assert!(is_at_the_edge(input), "only serde_json takes it: {other}"),
    };
    assert!(reference.reasons().contains(&named), "there is no such fault: {error}");
}

/// A caller's type fits, and gets the same, whoever reads the text.
fn is_read_alike<'a, T: Deserialize<'a> + PartialEq + Debug>(input: &'a [u8]) {
    match (from_slice::<T>(input), serde_json::from_slice::<T>(input)) {
        (Ok(strict), Ok(reference)) => assert_eq!(strict, reference, "read as something else"),
        (Err(JsonError::Shape(words)), Err(_)) => is_fit_for_a_log(&words),
        (strict, reference) => {
            assert!(is_at_the_edge(input), "it fits for one of two readers: {strict:?} and {reference:?}");
        }
    }
}

/// Whether a number is so near to the largest double that rounding decides: `serde_json` rounds either way.
fn is_at_the_edge(input: &[u8]) -> bool {
    let is_of_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let numbers = input.split(|byte| !is_of_number(byte)).filter_map(|number| str::from_utf8(number).ok());
    numbers.filter_map(|number| number.parse::<f64>().ok()).any(|number| number.abs() >= f64::MAX)
}
