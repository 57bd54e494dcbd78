//! The stable codes, as the sources define them and as `docs/errors.md` promises them.
//!
//! Both are read from their texts, so that a code can neither be added in silence nor be documented without existing.

#![allow(clippy::indexing_slicing, reason = "a row without cells is a failed test")]

use std::collections::BTreeSet;

/// The documentation of every code.
pub(crate) const DOCUMENT: &str = include_str!("../../../../docs/errors.md");

/// The codes that `impl type_name` and what stands below it, up to the next inherent `impl`, return.
pub(crate) fn in_source<'s>(source: &'s str, type_name: &str) -> BTreeSet<&'s str> {
    let start = source.split(&format!("\nimpl {type_name} {{")).nth(1).unwrap_or_default();
    let end = start.find("\nimpl ").unwrap_or(start.len());
    let arms = start[..end].split("=>").skip(1).filter_map(|arm| arm.trim_start().strip_prefix('"'));
    arms.filter_map(|literal| literal.split('"').next()).filter(|literal| is_code(literal)).collect()
}

/// The codes in the first column of the table under the heading that names the type.
pub(crate) fn in_document<'d>(document: &'d str, type_name: &str) -> BTreeSet<&'d str> {
    rows(document, type_name).map(|cells| cells[0]).collect()
}

/// The rows of that table, a slice of trimmed cells each.
pub(crate) fn rows<'d>(document: &'d str, type_name: &str) -> impl Iterator<Item = Vec<&'d str>> {
    let heading = format!("`{type_name}`");
    let named = move |section: &&str| section.lines().next().is_some_and(|line| line.contains(&heading));
    let section = document.split("\n## ").find(named).unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| row.trim_end_matches(" |").split(" | ").map(|cell| cell.trim_matches('`')).collect())
}

/// Fails unless the sources and the document name the same codes.
pub(crate) fn check(source: &str, type_name: &str) {
    let (defined, documented) = (in_source(source, type_name), in_document(DOCUMENT, type_name));
    assert!(!defined.is_empty(), "no codes found for {type_name}");
    let undocumented: Vec<_> = defined.difference(&documented).collect();
    let invented: Vec<_> = documented.difference(&defined).collect();
    assert!(undocumented.is_empty(), "docs/errors.md lacks, under {type_name}: {undocumented:?}");
    assert!(invented.is_empty(), "docs/errors.md has, under {type_name}, what does not exist: {invented:?}");
}

/// Fails unless a table met every documented code of the type, and nothing else.
pub(crate) fn check_coverage(met: &BTreeSet<&str>, type_name: &str) {
    let documented = in_document(DOCUMENT, type_name);
    assert!(!documented.is_empty(), "docs/errors.md has no codes under {type_name}");
    assert_eq!(*met, documented, "the tables and docs/errors.md differ for {type_name}");
}

fn is_code(literal: &str) -> bool {
    !literal.is_empty()
        && literal.bytes().all(|byte| byte.is_ascii_lowercase() || b"_0123456789".contains(&byte))
}
