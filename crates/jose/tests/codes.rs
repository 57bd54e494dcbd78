//! `docs/errors.md` against the codes of this crate: each is documented, each documented one exists, none means two things.

mod common;

use std::collections::BTreeMap;

use common::codes;

const ERROR: &str = include_str!("../src/error.rs");
const CHAIN: &str = include_str!("../src/chain.rs");
const KEY_ERROR: &str = include_str!("../src/key_error.rs");

/// The types that define codes, each with its source.
const TYPES: [(&str, &str); 6] = [
    ("Refusal", ERROR),
    ("SkipReason", ERROR),
    ("KeySetError", ERROR),
    ("PolicyError", ERROR),
    ("KeyError", KEY_ERROR),
    ("ChainError", CHAIN),
];

/// Who must act, as the second column says it.
const AT_FAULT: [&str; 7] =
    ["token", "issuer's key set", "issuer", "configuration", "key", "certificate", "operator"];

#[test]
fn codes_of_this_crate_agree_with_the_document() {
    for (type_name, source) in TYPES {
        codes::check(source, type_name);
    }
}

#[test]
fn code_has_one_meaning() {
    let mut owners = BTreeMap::new();
    for type_name in TYPES.map(|(name, _)| name).into_iter().chain(["IssuerError", "ConfigError"]) {
        for code in codes::in_document(codes::DOCUMENT, type_name) {
            assert_eq!(owners.insert(code, type_name), None, "{code} stands twice, again under {type_name}");
        }
    }
}

#[test]
fn row_says_who_is_at_fault_and_what_to_do() {
    for (type_name, _) in TYPES {
        for row in codes::rows(codes::DOCUMENT, type_name) {
            assert_eq!(row.len(), 4, "{row:?}");
            assert!(AT_FAULT.contains(&row[1]), "{row:?}");
            assert!(row[2..].iter().all(|cell| cell.len() > 10), "{row:?}");
        }
    }
}

#[test]
fn reader_of_sources_finds_arms_of_one_type_only() {
    let source = "\nimpl A {\n X => \"a_1\", Y =>\n \"b\", Z => { \"no\" } W => \"Not a code\" }\nfn f() { Q => \"c\" }\nimpl B {\n X => \"d\" }";
    assert_eq!(codes::in_source(source, "A").into_iter().collect::<Vec<_>>(), ["a_1", "b", "c"]);
    assert!(codes::in_source(source, "C").is_empty());
}
