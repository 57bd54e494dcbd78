//! `docs/errors.md` against the codes of this crate: each is documented, and each documented one exists.
//!
//! The codes of refused tokens are passed on, and checked where they come from.

// One reader of the texts for all crates, so that they cannot come to read them differently.
#[path = "../../jose/tests/common/codes.rs"]
#[expect(dead_code, reason = "the JOSE core uses the rest of this module")]
mod codes;
#[path = "../../server/tests/common/literals.rs"]
mod literals;

const REJECTION: &str = include_str!("../src/rejection.rs");
const ERROR: &str = include_str!("../src/error.rs");

/// Said of a header that holds no token, as the JOSE core says it of a text that is none.
const PASSED_ON: &str = "token_malformed";

/// A word of RFC 6750 §3.1, which is no code of ours; its other word is one, too.
const WORD_OF_THE_CHALLENGE: &str = "invalid_token";

#[test]
fn codes_of_rejections_agree_with_the_document() {
    let mut written = literals::code_like(REJECTION);
    assert!(written.remove(PASSED_ON) && written.remove(WORD_OF_THE_CHALLENGE));
    assert!(codes::in_document(codes::DOCUMENT, "Refusal").contains(PASSED_ON));
    assert_eq!(written, codes::in_document(codes::DOCUMENT, "Rejection"));
}

#[test]
fn codes_of_misconfiguration_agree_with_the_document() {
    codes::check(ERROR, "ProtectionError");
}

#[test]
fn row_says_who_is_at_fault_and_what_to_do() {
    let tables =
        [("Rejection", &["token", "issuer", "configuration"][..]), ("ProtectionError", &["configuration"])];
    for (type_name, may_be_at_fault) in tables {
        for row in codes::rows(codes::DOCUMENT, type_name) {
            let [code, at_fault, meaning, what_to_do] = row[..] else { panic!("{row:?}") };
            assert!(may_be_at_fault.contains(&at_fault), "{code}: {at_fault}");
            assert!(meaning.len() > 10 && what_to_do.len() > 10, "{row:?}");
        }
    }
}
