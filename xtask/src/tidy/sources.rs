//! What code may say, and where: SQL, status codes, the environment, loose JSON, names, reasons, headers.
//!
//! Text-based, on code whose comments and literals are blanked. What only tests have is exempt, but for the two rules
//! about every file (`header`, `allow-reason`).

use super::layers::Tests;
use super::source::{bracketed, line_at, mentions};
use super::tree::File;
use super::{House, Violation};

const STORE: &str = "jwksmith-store";

/// How a statement starts. Capitals, because that is how this house writes SQL and does not write messages.
const STATEMENTS: &[&str] = &[
    "SELECT ",
    "INSERT INTO ",
    "INSERT OR ",
    "REPLACE INTO ",
    "DELETE FROM ",
    "CREATE TABLE ",
    "CREATE INDEX ",
    "CREATE UNIQUE INDEX ",
    "ALTER TABLE ",
    "DROP TABLE ",
    "PRAGMA ",
];

const BACKEND_BRANCHES: &[&str] = &["is_sqlite", "is_postgres", "Backend::", "AnyKind"];

const TALKING: &[&str] = &["println!", "eprintln!", "print!", "eprint!", "std::env", "env::var", "env::args"];

/// Crates whose decisions rest on the JSON that they read.
const SECURITY_JSON: &[&str] = &["jose", "verifier", "authority"];

/// Folders of our own Rust files.
const RUST_FOLDERS: &[&str] = &["crates", "testing", "xtask", "examples", "fuzz", "benches"];

/// One crate speaks SQL; the others go through the Store port.
pub(super) fn sql_only_in_store(house: &House<'_>) -> Vec<Violation> {
    let why = "only jwksmith-store speaks SQL; add what you need to the Store port";
    let others = house.packages.iter().filter(|package| package.name != STORE);
    let mut violations: Vec<_> = others
        .flat_map(|package| house.dependencies_on(&package.name, &["sqlx*"], Tests::AreBound, why))
        .collect();
    let sources = house.tree.shipped().filter(|file| file.crate_directory() != Some("store"));
    violations.extend(sources.flat_map(|file| statements(file, why)));
    violations
}

/// The same code serves each database; what differs is the SQL text and lives in its backend's own module.
pub(super) fn store_no_backend_branch(house: &House<'_>) -> Vec<Violation> {
    let why = "no query branches on the backend; give each backend its own module with the same names";
    let store = house.tree.shipped().filter(|file| file.crate_directory() == Some("store"));
    store.flat_map(|file| file.bans(BACKEND_BRANCHES, why)).collect()
}

/// A status code is decided in one place on each side of the wire.
pub(super) fn status_codes(house: &House<'_>) -> Vec<Violation> {
    let why =
        "only the edge knows status codes; return an error that names the fact and let the edge translate it";
    let inner = house.tree.shipped().filter(|file| !knows_status_codes(file));
    inner.flat_map(|file| file.bans(&["StatusCode"], why)).collect()
}

/// Libraries return what they have to say and take their settings as arguments.
pub(super) fn only_the_binary_talks(house: &House<'_>) -> Vec<Violation> {
    let why = "only the binary prints and reads its environment; return the value, or take a setting";
    let libraries = house.tree.shipped().filter(|file| file.crate_directory() != Some("jwksmith"));
    libraries.flat_map(|file| once_a_line(file.bans(TALKING, why))).collect()
}

/// JSON that security rests on is parsed into types that refuse duplicate and unknown shapes.
pub(super) fn no_value_in_security_json(house: &House<'_>) -> Vec<Violation> {
    let why = "parse into a typed struct that refuses duplicate members";
    let readers = house.tree.shipped().filter(|file| is_in(file, SECURITY_JSON));
    readers.flat_map(|file| file.bans(&["serde_json::Value", "serde_json::value"], why)).collect()
}

/// One reader of JSON in `jwksmith-jose`: a second one would be a second opinion about what a token says.
pub(super) fn one_json_reader(house: &House<'_>) -> Vec<Violation> {
    let why = "jwksmith-jose reads JSON through its own `json` module only";
    let readers = [
        "serde_json::from_str",
        "serde_json::from_slice",
        "serde_json::from_reader",
        "serde_json::Deserializer",
    ];
    let sources = house.tree.shipped().filter(|file| file.crate_directory() == Some("jose"));
    sources.flat_map(|file| file.bans(&readers, why)).collect()
}

/// Accessors are named after what they return.
pub(super) fn names(house: &House<'_>) -> Vec<Violation> {
    let why = "name it after what it returns";
    house.tree.shipped().flat_map(|file| file.bans(&["fn get_*"], why)).collect()
}

/// A lint that is silenced says why.
pub(super) fn allow_reason(house: &House<'_>) -> Vec<Violation> {
    house.tree.rust().flat_map(silenced_without_reason).collect()
}

/// Every Rust file opens with what it is responsible for.
pub(super) fn header(house: &House<'_>) -> Vec<Violation> {
    let ours =
        house.tree.rust().filter(|file| file.top_folder().is_some_and(|top| RUST_FOLDERS.contains(&top)));
    let silent = ours.filter(|file| !file.text.starts_with("//!"));
    let message =
        "open the file with a `//!` header: its responsibility, the RFC section, what it leaves to others";
    silent.map(|file| Violation::at(&file.path, 1, message)).collect()
}

fn statements(file: &File, why: &str) -> Vec<Violation> {
    let found = file.source.shipped_literals().filter(|literal| is_statement(&literal.text));
    found.map(|literal| Violation::at(&file.path, literal.line, format!("a SQL statement: {why}"))).collect()
}

fn is_statement(literal: &str) -> bool {
    // A literal over several lines often starts with an escaped line end.
    let text = literal.trim_start_matches(|character: char| character.is_whitespace() || character == '\\');
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    STATEMENTS.iter().any(|start| text.starts_with(start))
        || text.starts_with("UPDATE ") && text.contains(" SET ")
}

/// Two crates answer over HTTP, and one passes answers on in types of its framework.
fn knows_status_codes(file: &File) -> bool {
    is_in(file, &["server", "tower", "actix"])
}

fn is_in(file: &File, crates: &[&str]) -> bool {
    file.crate_directory().is_some_and(|directory| crates.contains(&directory))
}

/// `std::env::var` is one fault, though two patterns see it.
fn once_a_line(mut violations: Vec<Violation>) -> Vec<Violation> {
    violations.sort_by_key(|violation| violation.line);
    violations.dedup_by_key(|violation| violation.line);
    violations
}

fn silenced_without_reason(file: &File) -> Vec<Violation> {
    let code = file.source.code();
    let attributes = code.match_indices(['#']).filter_map(|(at, _)| Some((at, attribute(code.get(at..)?)?)));
    let silent = attributes.filter(|(_, attribute)| silences(attribute) && !mentions(attribute, "reason"));
    let message = "say why: `reason = \"…\"`";
    silent.map(|(at, _)| Violation::at(&file.path, line_at(&code, at), message)).collect()
}

/// What stands between the brackets of `#[…]` or `#![…]`.
fn attribute(text: &str) -> Option<&str> {
    let text = text.strip_prefix('#')?;
    let text = text.strip_prefix('!').unwrap_or(text);
    text.starts_with('[').then(|| bracketed(text))
}

fn silences(attribute: &str) -> bool {
    let inside = attribute.trim_start_matches('[').trim_start();
    let direct = |text: &str| ["allow", "expect"].iter().any(|word| mentions(text, word));
    let head = inside.split('(').next().unwrap_or_default();
    direct(head) || head.trim() == "cfg_attr" && direct(inside)
}
