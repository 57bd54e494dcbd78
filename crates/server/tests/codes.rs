//! `docs/errors.md` against the codes of this crate: each is documented, and each documented one exists.
//!
//! The codes that the server passes on from the authority and from the JOSE core are checked there.

#![allow(clippy::unwrap_used, reason = "a test stops where its set-up fails")]

// One reader of the document for all crates, so that they cannot come to read it differently.
#[path = "../../jose/tests/common/codes.rs"]
#[expect(dead_code, reason = "the JOSE core uses the rest of this module")]
mod codes;
#[path = "common/literals.rs"]
mod literals;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PROBLEM: &str = include_str!("../src/problem.rs");
const AUTHORIZATION: &str = include_str!("../src/authorization.rs");

/// The headings whose codes are this crate's own.
const HEADINGS: [&str; 2] = ["Problem", "TokenError"];

/// Every code in the first column of any table.
fn documented() -> BTreeSet<&'static str> {
    codes::DOCUMENT.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

fn written() -> BTreeSet<&'static str> {
    literals::code_like(PROBLEM).into_iter().chain(literals::code_like(AUTHORIZATION)).collect()
}

#[test]
fn code_that_is_answered_is_documented() {
    let undocumented: Vec<_> = written().difference(&documented()).copied().collect();
    assert!(undocumented.is_empty(), "docs/errors.md lacks {undocumented:?}");
    assert!(written().len() >= 14, "the reader of sources lost some: {:?}", written());
}

#[test]
fn documented_code_is_answered() {
    for heading in HEADINGS {
        let documented = codes::in_document(codes::DOCUMENT, heading);
        assert!(!documented.is_empty(), "docs/errors.md has no codes under {heading}");
        let invented: Vec<_> = documented.difference(&written()).copied().collect();
        assert!(
            invented.is_empty(),
            "docs/errors.md has, under {heading}, what does not exist: {invented:?}"
        );
    }
}

/// Else the two files above would not be all that there is to read.
#[test]
fn other_modules_choose_no_code() {
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap() {
        let path = entry.unwrap().path();
        let source = fs::read_to_string(&path).unwrap();
        let allowed = [PROBLEM, AUTHORIZATION].contains(&source.as_str());
        assert!(allowed || !source.contains("ManagementError::unauthorized("), "{}", path.display());
    }
}

#[test]
fn row_says_who_is_at_fault_and_what_to_do() {
    for heading in HEADINGS {
        for row in codes::rows(codes::DOCUMENT, heading) {
            let [code, at_fault, meaning, what_to_do] = row[..] else { panic!("{row:?}") };
            assert!(["request", "application", "operator"].contains(&at_fault), "{code}: {at_fault}");
            assert!(meaning.len() > 10 && what_to_do.len() > 10, "{row:?}");
        }
    }
}

#[test]
fn reader_of_literals_finds_codes_only() {
    let source = "// \"a_comment\"\n  f(\"a_code\", \"Not a code\", \"word\", \"\", \"x_Y\");\ng(\"b_code\")";
    assert_eq!(literals::code_like(source).into_iter().collect::<Vec<_>>(), ["a_code", "b_code"]);
    assert!(literals::code_like("let t = \"scope=\\\"in_header\\\"\";").is_empty());
}
