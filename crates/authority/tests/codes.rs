//! `docs/errors.md` against the codes of this crate: each is documented, and each documented one exists.
//!
//! One code may come from several types, which pass it on. It is documented once, and the whole document is held to that
//! here.

#![allow(clippy::unwrap_used, reason = "a test stops where its set-up fails")]

// One reader of the two texts for all crates, so that they cannot come to read them differently.
#[path = "../../jose/tests/common/codes.rs"]
#[expect(dead_code, reason = "the JOSE core uses the rest of this module")]
mod codes;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// Every type with a `code()`: its file, its name, and the heading of the table that its own codes stand under.
const TYPES: [(&str, &str, &str); 11] = [
    ("error.rs", "AuthorityError", "AuthorityError"),
    ("error.rs", "OpenError", "OpenError"),
    ("error.rs", "TenantError", "TenantError"),
    ("error.rs", "MintError", "MintError"),
    ("error.rs", "IssueError", "IssueError"),
    ("lifecycle.rs", "LifecycleError", "LifecycleError"),
    ("api.rs", "SettingsError", "SettingsError"),
    // The verifier has an `IssuerError` too.
    ("issuer.rs", "IssuerError", "jwksmith_authority::IssuerError"),
    ("seal.rs", "SealError", "SealError"),
    // These two share a heading.
    ("store.rs", "StoreError", "StoreError"),
    ("store.rs", "Conflict", "StoreError"),
];

/// The one code that is no arm of a `match`, because its type has only the one value; it stands under `SealError`.
const KEY_ENCRYPTION_KEY_MALFORMED: &str = "key_encryption_key_malformed";

/// Who must act, as the second column says it.
const AT_FAULT: [&str; 5] = ["request", "application", "operator", "configuration", "nobody"];

fn source_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// What the types under this heading return, passed on or not.
fn returned_under(heading: &str) -> BTreeSet<String> {
    let mut returned = BTreeSet::new();
    for (file, type_name, _) in TYPES.iter().filter(|(_, _, under)| *under == heading) {
        let source = fs::read_to_string(source_folder().join(file)).unwrap();
        let codes = codes::in_source(&source, type_name);
        assert!(!codes.is_empty(), "no codes found for {type_name}");
        returned.extend(codes.into_iter().map(str::to_owned));
        if *type_name == "SealError" && source.contains(&format!("\"{KEY_ENCRYPTION_KEY_MALFORMED}\"")) {
            returned.insert(KEY_ENCRYPTION_KEY_MALFORMED.to_owned());
        }
    }
    returned
}

#[test]
fn documented_code_is_returned_by_a_type_of_its_heading() {
    for (_, _, heading) in TYPES {
        let documented = codes::in_document(codes::DOCUMENT, heading);
        assert!(!documented.is_empty(), "docs/errors.md has no codes under {heading}");
        let returned = returned_under(heading);
        let invented: Vec<_> = documented.iter().filter(|code| !returned.contains(**code)).collect();
        assert!(
            invented.is_empty(),
            "docs/errors.md has, under {heading}, what does not exist: {invented:?}"
        );
    }
}

#[test]
fn returned_code_is_documented() {
    let headings = TYPES.iter().map(|(_, _, heading)| heading);
    let documented: BTreeSet<_> =
        headings.flat_map(|heading| codes::in_document(codes::DOCUMENT, heading)).collect();
    for (_, _, heading) in TYPES {
        let mut returned = returned_under(heading);
        returned.retain(|code| !documented.contains(code.as_str()));
        assert!(returned.is_empty(), "docs/errors.md lacks, of {heading}: {returned:?}");
    }
}

#[test]
fn type_with_codes_cannot_be_forgotten() {
    let files = fs::read_dir(source_folder()).unwrap().map(|entry| entry.unwrap().path());
    let texts = files.filter(|path| path.is_file()).map(|path| fs::read_to_string(path).unwrap());
    let found: usize = texts.map(|text| text.matches("pub fn code(").count()).sum();
    assert_eq!(found, TYPES.len() + 1, "add the type to TYPES; only the one with a single code is not there");
}

#[test]
fn code_stands_once_in_the_whole_document() {
    let rows = codes::DOCUMENT.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut seen = BTreeSet::new();
    for code in rows {
        assert!(seen.insert(code), "{code} stands twice");
    }
    assert!(seen.len() > 100, "only {} codes were found", seen.len());
}

#[test]
fn row_says_who_is_at_fault_and_what_to_do() {
    for (_, _, heading) in TYPES {
        for row in codes::rows(codes::DOCUMENT, heading) {
            let [code, at_fault, meaning, what_to_do] = row[..] else { panic!("{row:?}") };
            assert!(AT_FAULT.contains(&at_fault), "{code}: {at_fault}");
            assert!(meaning.len() > 10 && what_to_do.len() > 10, "{row:?}");
        }
    }
}
