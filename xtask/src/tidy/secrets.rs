//! Private material stays private: the types that hold it never print, compare or serialize themselves.
//!
//! A type that leaks would have to be given one of these traits first, and that is what fails here; even a redacted
//! `Debug` does, because it invites the secret into structs that are logged. Whether memory is wiped is the types' own
//! affair and their tests'.

use super::source::{bracketed, is_word, line_at, positions};
use super::tree::File;
use super::{House, Violation};

/// The types that hold private material, with the crate of each below `crates/`. A new secret is a row.
pub(super) const SECRETS: &[(&str, &str)] = &[
    ("jose", "SigningKey"),
    ("jose", "SecretBytes"),
    ("jose", "TokenSigner"),
    ("jose", "PrivateKey"),
    ("jose", "AnyKey"),
    ("authority", "KeyEncryptionKey"),
    ("authority", "KeyEncryptionKeyText"),
    ("authority", "ClientSecret"),
];

const FORBIDDEN: [&str; 5] = ["Debug", "Display", "Serialize", "PartialEq", "Eq"];

/// Each secret of the table still exists, and has none of the traits that would let it out.
pub(super) fn secrets(house: &House<'_>) -> Vec<Violation> {
    SECRETS.iter().flat_map(|(directory, name)| secret(house, directory, name)).collect()
}

fn secret(house: &House<'_>, directory: &str, name: &str) -> Vec<Violation> {
    let files: Vec<_> = house.tree.rust().filter(|file| file.crate_directory() == Some(directory)).collect();
    let Some((file, at)) = files.iter().find_map(|file| Some((file, definition(file, name)?))) else {
        let message = format!("the secret type {name} is not in this crate; correct the table of secrets");
        return vec![Violation::at(&format!("crates/{directory}/src"), 1, message)];
    };
    let mut violations = derived(file, name, at);
    violations.extend(files.iter().flat_map(|file| implemented(file, name)));
    violations
}

/// Where the type is defined.
fn definition(file: &File, name: &str) -> Option<usize> {
    let code = file.source.code();
    ["struct", "enum"].iter().find_map(|keyword| positions(&code, &format!("{keyword} {name}")).next())
}

/// Forbidden traits in the `derive`s above the definition.
fn derived(file: &File, name: &str, at: usize) -> Vec<Violation> {
    let code = file.source.code();
    let before = code.get(..at).unwrap_or_default();
    let attributes = before.rsplit([';', '{', '}']).next().unwrap_or_default();
    let derives =
        positions(attributes, "derive").filter_map(|at| attributes.get(at + "derive".len()..)).map(bracketed);
    let traits = derives.flat_map(|list| list.split(|character| !is_word(character)));
    let forbidden = traits.filter(|name| FORBIDDEN.contains(name));
    forbidden.map(|derived| violation(file, line_at(&code, at), name, derived)).collect()
}

/// Forbidden traits that are implemented by hand.
fn implemented(file: &File, name: &str) -> Vec<Violation> {
    let code = file.source.code();
    let headers = positions(&code, "impl").filter_map(|at| Some((at, implementation(code.get(at..)?)?)));
    let forbidden = headers.filter(|(_, (of, on))| *on == name && FORBIDDEN.contains(of));
    forbidden.map(|(at, (of, _))| violation(file, line_at(&code, at), name, of)).collect()
}

/// Trait and type of `impl<…> path::Trait<…> for path::Type<…> {`.
fn implementation(text: &str) -> Option<(&str, &str)> {
    let header = text.split(['{', ';']).next()?.strip_prefix("impl")?;
    let (of, on) = after_generics(header).split_once(" for ")?;
    Some((last_name(of), last_name(on)))
}

fn after_generics(text: &str) -> &str {
    if !text.starts_with('<') {
        return text;
    }
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return text.get(at + 1..).unwrap_or_default();
        }
    }
    text
}

/// `Name` of `&path::Name<…> where …`.
fn last_name(path: &str) -> &str {
    let path = path.trim().trim_start_matches('&');
    let path =
        path.split(|character: char| !is_word(character) && character != ':').next().unwrap_or_default();
    path.rsplit(':').next().unwrap_or_default()
}

fn violation(file: &File, line: usize, name: &str, forbidden: &str) -> Violation {
    let message = format!(
        "{name} holds private material and must not have {forbidden}; expose what is public by a method that says so"
    );
    Violation::at(&file.path, line, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn implementation_header_gives_trait_and_type() {
        let check = |header: &str, expected| assert_eq!(implementation(header), expected, "{header}");
        check("impl Debug for Key {", Some(("Debug", "Key")));
        check(
            "impl<T: Into<Vec<u8>>> std::cmp::PartialEq<T> for crate::Key<T> where T: Copy {",
            Some(("PartialEq", "Key")),
        );
        check("impl fmt::Debug for &Key {", Some(("Debug", "Key")));
        check("impl<'a> From<Key> for Other<'a> {", Some(("From", "Other")));
        check("impl Key {", None);
        check("impl Fn(u8) -> Key; fn x() for y {", None);
    }
}
