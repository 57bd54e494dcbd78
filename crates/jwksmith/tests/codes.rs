//! `docs/errors.md` against the codes of the command line: each is documented, and each documented one exists.
//!
//! The codes that it passes on are checked where they come from.

#![allow(clippy::unwrap_used, reason = "a test stops where its set-up fails")]

// One reader of the document for all crates, so that they cannot come to read it differently.
#[path = "../../jose/tests/common/codes.rs"]
#[expect(dead_code, reason = "the JOSE core uses the rest of this module")]
mod codes;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const HEADING: &str = "jwksmith";

/// What stands right behind `code: ` in the sources, above their tests.
fn written() -> BTreeSet<String> {
    let mut written = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            let source = source.split("#[cfg(test)]").next().unwrap_or_default();
            let codes = source.split("code: \"").skip(1).filter_map(|rest| rest.split('"').next());
            written.extend(codes.map(str::to_owned));
        }
    }
    written
}

#[test]
fn codes_of_the_command_line_agree_with_the_document() {
    let documented = codes::in_document(codes::DOCUMENT, HEADING);
    assert!(!documented.is_empty(), "docs/errors.md has no codes under {HEADING}");
    assert_eq!(written(), documented.into_iter().map(str::to_owned).collect());
}

#[test]
fn row_says_who_is_at_fault_and_what_to_do() {
    for row in codes::rows(codes::DOCUMENT, HEADING) {
        let [code, at_fault, meaning, what_to_do] = row[..] else { panic!("{row:?}") };
        assert_eq!(at_fault, "configuration", "{code}");
        assert!(meaning.len() > 10 && what_to_do.len() > 10, "{row:?}");
    }
}
