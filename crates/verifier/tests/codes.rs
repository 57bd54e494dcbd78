//! `docs/errors.md` against the codes of this crate: each is documented, and each documented one exists.
//!
//! The codes that a verifier passes on from the JOSE core are checked there.

// One reader of the two texts for both crates, so that they cannot come to read them differently.
#[path = "../../jose/tests/common/codes.rs"]
#[expect(dead_code, reason = "the JOSE core uses the rest of this module")]
mod codes;

const SOURCE: &str = include_str!("../src/error.rs");

#[test]
fn codes_of_this_crate_agree_with_the_document() {
    for type_name in ["IssuerError", "ConfigError"] {
        codes::check(SOURCE, type_name);
    }
}

#[test]
fn row_says_who_is_at_fault_and_what_to_do() {
    for (type_name, at_fault) in [("IssuerError", "issuer"), ("ConfigError", "configuration")] {
        for row in codes::rows(codes::DOCUMENT, type_name) {
            assert_eq!(row.len(), 4, "{row:?}");
            assert_eq!(row[1], at_fault, "{row:?}");
        }
    }
}
