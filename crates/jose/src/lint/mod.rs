//! What is wrong, risky or odd about a published document: a key set (RFC 7517 §5) or an issuer's metadata (OpenID Connect
//! Discovery §3, RFC 8414 §2); and about how an issuer answers, in [`mod@wire`].
//!
//! A rule is a row of a table: its code, how grave it is, who says so, what to do, and the small function that looks. Here
//! nothing is decided about any token: a verifier may well work with a document that has findings, and other readers may not.
//! Nothing is fetched; time is an argument, since certificates expire.

mod discovery;
mod key;
mod key_set;
mod url;
pub mod wire;

use std::fmt;

use crate::json::{self, Duplicates, JsonError, Value};
use crate::limits::{KEY_SET_BYTES_MAX, MEMBER_TOLD_BYTES_MAX};
use crate::quoted;

pub use discovery::discovery;
pub use key_set::key_set;

/// How grave a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// Good to know
    Note,
    /// Some readers will refuse it, or it will fail one day
    Warning,
    /// It breaks a standard, or discloses a secret, or cannot be used
    Error,
}

/// A fact that is looked for.
#[derive(PartialEq, Eq, Debug)]
pub struct Rule {
    /// A stable name
    pub code: &'static str,
    /// How grave it is
    pub severity: Severity,
    /// Who says so
    pub section: &'static str,
    /// What to do
    pub advice: &'static str,
}

/// A fact that was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The rule that found it
    pub rule: &'static Rule,
    /// Where, as `keys[2].alg`; empty for the whole document
    pub place: String,
    /// What is wrong there
    pub problem: String,
}

/// What a document is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A key set (RFC 7517 §5), or one key of it
    KeySet,
    /// The metadata of an issuer (OpenID Connect Discovery §3, RFC 8414 §2)
    Discovery,
}

impl Kind {
    /// What a document is, by its members; nothing if it is neither, or cannot be read.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let document = readable(bytes).ok()?;
        let has_any = |names: &[&str]| document.members().any(|(name, _)| names.contains(&&*name));
        if has_any(&["keys", "kty"]) {
            Some(Self::KeySet)
        } else if has_any(&["issuer", "jwks_uri", "token_endpoint", "authorization_endpoint"]) {
            Some(Self::Discovery)
        } else {
            None
        }
    }
}

/// Every rule, in the order of the tables.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    DOCUMENT_RULES.into_iter().chain(key_set::rules()).chain(discovery::rules()).chain(wire::rules())
}

static TOO_LARGE: Rule = Rule {
    code: "document_too_large",
    severity: Severity::Error,
    section: "RFC 8259 §9",
    advice: "publish less: verifiers stop reading somewhere",
};
static MALFORMED: Rule = Rule {
    code: "document_malformed",
    severity: Severity::Error,
    section: "RFC 8259 §2, RFC 7493",
    advice: "write it as one JSON object in UTF-8",
};

static DOCUMENT_RULES: [&Rule; 2] = [&TOO_LARGE, &MALFORMED];

/// What to do about a member that stands twice (RFC 8259 §4), wherever it does.
const WRITE_ONCE: &str = "write each member once: readers differ in which of them they take";

impl Rule {
    const fn new(
        severity: Severity,
        code: &'static str,
        section: &'static str,
        advice: &'static str,
    ) -> Self {
        Self { code, severity, section, advice }
    }

    fn at(&'static self, place: impl Into<String>, problem: impl Into<String>) -> Finding {
        Finding { rule: self, place: place.into(), problem: problem.into() }
    }
}

/// Names from outside must not break the place that they are part of.
fn quoted_name(member: &str) -> String {
    let is_plain = member.len() <= MEMBER_TOLD_BYTES_MAX
        && member.chars().all(|c| c.is_ascii_alphanumeric() || "_-#".contains(c));
    if is_plain { member.to_owned() } else { quoted(member).to_string() }
}

/// The document, if it can be looked into; members may stand twice.
fn readable(bytes: &[u8]) -> Result<Value<'_>, Finding> {
    if bytes.len() > KEY_SET_BYTES_MAX {
        let problem = format!("it has over {KEY_SET_BYTES_MAX} bytes");
        return Err(TOO_LARGE.at("", problem));
    }
    let read = json::utf8(bytes).and_then(|text| json::scan(text, Duplicates::Allowed));
    read.map_err(|error: JsonError| MALFORMED.at("", error.to_string()))
}

impl Severity {
    /// The severity in a word, which programs may rely on.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rule { code, severity, section, advice } = self.rule;
        let place = if self.place.is_empty() { "document" } else { &self.place };
        write!(f, "{}: {place}: {}: {advice} [{code}, {section}]", severity.word(), self.problem)
    }
}
