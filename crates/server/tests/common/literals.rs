//! The codes that a source writes as plain literals, rather than as the arms of one `code()`.

use std::collections::BTreeSet;

/// Every string literal of the source, outside of its comments, that has the form of a code: `two_words`, or more.
///
/// It may find a literal that is none; whoever compares the set with a document learns of it.
pub(crate) fn code_like(source: &str) -> BTreeSet<&str> {
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| line.split('"').skip(1).step_by(2)).filter(|text| is_code(text)).collect()
}

fn is_code(text: &str) -> bool {
    text.contains('_') && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
