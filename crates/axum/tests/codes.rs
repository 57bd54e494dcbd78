//! `docs/errors.md` against the codes of this crate: each is documented, and each documented one exists.
//!
//! The codes of refused tokens are passed on, and checked where they come from.

// One reader of the texts for all crates, so that they cannot come to read them differently.
#[path = "../../jose/tests/common/codes.rs"]
#[expect(dead_code, reason = "the JOSE core uses the rest of this module")]
mod codes;
#[path = "../../server/tests/common/literals.rs"]
mod literals;

const SOURCE: &str = include_str!("../src/lib.rs");
const HEADING: &str = "BearerRejection";

/// Said of a header that holds no token, as the JOSE core says it of a text that is none.
const PASSED_ON: &str = "token_malformed";

#[test]
fn codes_of_this_crate_agree_with_the_document() {
    let mut written = literals::code_like(SOURCE);
    assert!(written.remove(PASSED_ON));
    assert!(codes::in_document(codes::DOCUMENT, "Refusal").contains(PASSED_ON));
    assert_eq!(written, codes::in_document(codes::DOCUMENT, HEADING));
}

#[test]
fn row_says_who_is_at_fault_and_what_to_do() {
    for row in codes::rows(codes::DOCUMENT, HEADING) {
        let [code, at_fault, meaning, what_to_do] = row[..] else { panic!("{row:?}") };
        assert!(["token", "issuer"].contains(&at_fault), "{code}: {at_fault}");
        assert!(meaning.len() > 10 && what_to_do.len() > 10, "{row:?}");
    }
}
