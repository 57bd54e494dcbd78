//! What is said about a token, and about a command line that nothing can be said with: for people and for programs.
//!
//! The three shapes are text, one JSON object with everything in it (`--json`), and one short JSON object per token
//! (`--lines`). Codes are those of the libraries; this module words nothing anew that they have said. What goes where is
//! decided by `output` and its callers.

use std::time::Duration;

use jwksmith_jose::{Algorithm, PolicyError, Refusal, UnixTime};
use jwksmith_verifier::{ConfigError, IssuerError, Undecided};
use serde::Serialize;

use crate::claims::{Fact, ShownClaims};
use crate::exit::ExitStatus;
use crate::output::printable;
use crate::{at, json};

/// What is said about one token.
pub(crate) enum Verdict {
    /// It is valid.
    Valid(Accepted),
    /// It is not.
    Refused(Refused),
    /// That cannot be said now.
    Undecided(Unknown),
}

/// A token that was verified.
pub(crate) struct Accepted {
    /// The header, as it was signed
    pub(crate) header: String,
    /// The claims, as they were signed
    pub(crate) claims: String,
    /// What it was signed with
    pub(crate) algorithm: Algorithm,
    /// The key that it names
    pub(crate) key_id: Option<String>,
    /// When it was verified
    pub(crate) now: UnixTime,
}

/// Why a token is not acceptable.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The stable code
    pub(crate) code: &'static str,
    /// What is wrong and what to do
    pub(crate) reason: String,
    /// More that helps a person
    notes: Vec<Fact>,
}

/// Why nothing can be said about a token.
pub(crate) struct Unknown {
    /// The stable code
    pub(crate) code: &'static str,
    /// What is wrong and what to do
    pub(crate) reason: String,
    /// What may help
    hint: Option<&'static str>,
    retry_after: Duration,
}

/// Why nothing can be said about any token: the command line or a file that it names is at fault.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The stable code
    pub(crate) code: &'static str,
    /// What is wrong and what to do
    pub(crate) reason: String,
}

impl Verdict {
    /// The exit status that says it.
    pub(crate) fn status(&self) -> ExitStatus {
        match self {
            Self::Valid(_) => ExitStatus::Valid,
            Self::Refused(_) => ExitStatus::Refused,
            Self::Undecided(_) => ExitStatus::Undecided,
        }
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Valid(accepted) => accepted.text(),
            Self::Refused(refused) => refused.text(),
            Self::Undecided(unknown) => unknown.text(),
        }
    }

    /// One JSON object with everything that is known.
    pub(crate) fn json(&self) -> String {
        match self {
            Self::Valid(accepted) => accepted.json(),
            Self::Refused(_) => self.line(),
            Self::Undecided(unknown) => {
                object(&Patient { short: self.short(), retry_after: whole_seconds_up(unknown.retry_after) })
            }
        }
    }

    /// One JSON object with the same three members whatever the verdict.
    pub(crate) fn line(&self) -> String {
        object(&self.short())
    }

    /// How many seconds to wait before the next try, if nothing can be said now.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Undecided(unknown) => Some(whole_seconds_up(unknown.retry_after)),
            _ => None,
        }
    }

    /// What every JSON answer says.
    pub(crate) fn short(&self) -> Short<'_> {
        match self {
            Self::Valid(_) => Short { valid: Some(true), code: None, reason: None },
            Self::Refused(refused) => Short::not(Some(false), refused.code, &refused.reason),
            Self::Undecided(unknown) => Short::not(None, unknown.code, &unknown.reason),
        }
    }
}

impl Accepted {
    fn text(&self) -> String {
        let claims = ShownClaims::read(&self.claims);
        let mut facts = claims.parties();
        facts.push(("algorithm", self.algorithm.to_string()));
        facts.extend(self.key_id.clone().map(|key_id| ("kid", key_id)));
        facts.extend(claims.grant(self.now));
        format!("valid\n{}", table(&facts))
    }

    fn json(&self) -> String {
        let (claims, header) = (json::compact(&self.claims), json::compact(&self.header));
        format!(r#"{{"valid":true,"claims":{claims},"header":{header}}}"#)
    }
}

impl Refused {
    /// A refusal that only the command line knows.
    pub(crate) fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), notes: Vec::new() }
    }

    /// A refusal of the libraries.
    pub(crate) fn by(refusal: &Refusal) -> Self {
        Self { code: refusal.code(), reason: refusal.to_string(), notes: notes(refusal) }
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let facts = [("refused", self.reason.clone()), ("code", self.code.to_owned())];
        said(facts.iter().chain(&self.notes))
    }
}

impl Unknown {
    /// What the verifier says of an issuer whose keys are not to be had.
    pub(crate) fn by(undecided: &Undecided) -> Self {
        let cause = &undecided.cause;
        let retry_after = undecided.retry_after;
        Self { code: cause.code(), reason: cause.to_string(), hint: how_to_reach(cause), retry_after }
    }

    fn text(&self) -> String {
        let wait = whole_seconds_up(self.retry_after);
        let again = (wait > 0).then(|| ("try again", format!("in {}", at::in_words(wait))));
        said(self.facts("cannot decide").iter().chain(&again))
    }

    /// What is known, where no token is judged.
    pub(crate) fn text_of(&self, label: &'static str) -> String {
        said(&self.facts(label))
    }

    fn facts(&self, label: &'static str) -> Vec<Fact> {
        let hint = self.hint.map(|hint| ("hint", hint.to_owned()));
        [(label, self.reason.clone()), ("code", self.code.to_owned())].into_iter().chain(hint).collect()
    }
}

impl Fault {
    /// For people.
    pub(crate) fn text(&self) -> String {
        said(&[("error", self.reason.clone()), ("code", self.code.to_owned())])
    }

    /// One JSON object about a token.
    pub(crate) fn json(&self) -> String {
        object(&Short::not(None, self.code, &self.reason))
    }

    /// One JSON object where no token is.
    pub(crate) fn brief(&self) -> String {
        object(&Brief { code: self.code, reason: &self.reason })
    }
}

impl From<ConfigError> for Fault {
    fn from(error: ConfigError) -> Self {
        Self { code: error.code(), reason: error.to_string() }
    }
}

impl From<PolicyError> for Fault {
    fn from(error: PolicyError) -> Self {
        Self { code: error.code(), reason: error.to_string() }
    }
}

/// The members that every JSON answer shares.
#[derive(Serialize)]
pub(crate) struct Short<'a> {
    valid: Option<bool>,
    code: Option<&'a str>,
    reason: Option<&'a str>,
}

/// What is wrong, and no more.
#[derive(Serialize)]
struct Brief<'a> {
    code: &'a str,
    reason: &'a str,
}

/// The same, and when to try again, in seconds.
#[derive(Serialize)]
struct Patient<'a> {
    #[serde(flatten)]
    short: Short<'a>,
    retry_after: u64,
}

impl<'a> Short<'a> {
    fn not(valid: Option<bool>, code: &'a str, reason: &'a str) -> Self {
        Self { valid, code: Some(code), reason: Some(reason) }
    }
}

/// Facts as lines below a heading, the values under each other. Nothing that stands in a token can begin a line of its own.
pub(crate) fn table(facts: &[Fact]) -> String {
    let width = facts.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
    let lines = facts.iter().map(|(label, value)| format!("  {label:width$}  {}", printable(value)));
    lines.collect::<Vec<_>>().join("\n")
}

/// A value as one JSON object on one line, with nothing in it that a terminal would obey.
pub(crate) fn object(value: &impl Serialize) -> String {
    // Strings, numbers and nothing else: there is no way for this to fail.
    json::compact(&serde_json::to_string(value).unwrap_or_default())
}

fn said<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> String {
    let lines = facts.into_iter().map(|(label, value)| format!("{label}: {}", printable(value)));
    lines.collect::<Vec<_>>().join("\n")
}

/// What a person asks next.
fn notes(refusal: &Refusal) -> Vec<Fact> {
    match refusal {
        Refusal::Expired { expired_at, now, .. } => vec![("expired", at::described(*expired_at, *now))],
        Refusal::NotYetValid { time, now, .. } => vec![("valid from", at::described(*time, *now))],
        Refusal::AlgorithmNotAllowed { algorithm } => vec![("hint", how_to_allow(*algorithm))],
        _ => Vec::new(),
    }
}

/// The option that may help with an issuer.
pub(crate) fn how_to_reach(error: &IssuerError) -> Option<&'static str> {
    match error {
        IssuerError::DiscoveryMissing { .. } => {
            Some("`--jwks-uri URL` names the key set of an issuer without one")
        }
        IssuerError::Status { status: 401 | 403, .. } => {
            Some("`--bearer-token-file FILE` or `--client-identity FILE` shows the issuer who asks")
        }
        // The setting stands in the reason where it would have helped.
        IssuerError::AddressRefused { reason, .. } if reason.contains("`private_addresses`") => {
            Some("`--private-addresses` reaches into private networks")
        }
        _ => None,
    }
}

fn how_to_allow(algorithm: Algorithm) -> String {
    if algorithm.is_symmetric() {
        format!(
            "{algorithm} takes a shared secret: `--algorithm {algorithm} --jwks FILE`, with the secret in FILE"
        )
    } else {
        format!("`--algorithm {algorithm}` allows it")
    }
}

/// Rounded up: whoever waits that long must not come too early.
fn whole_seconds_up(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::{Duration, Refused, Unknown, Verdict, whole_seconds_up};

    #[test]
    fn whole_seconds_up_is_never_too_early() {
        let check = |millis, expected| assert_eq!(whole_seconds_up(Duration::from_millis(millis)), expected);
        check(0, 0);
        check(1, 1);
        check(1000, 1);
        check(9_001, 10);
    }

    #[test]
    fn no_text_from_outside_begins_a_line_of_its_own() {
        let reason = "x\nvalid\u{1b}[2J\u{202e}";
        let refused = Verdict::Refused(Refused::new("token_malformed", reason));
        assert_eq!(refused.text(), "refused: x\\nvalid\\u{1b}[2J\\u{202e}\ncode: token_malformed");
        let reason_json = r#""reason":"x\nvalid\u001b[2J\u202e"}"#;
        assert!(refused.line().ends_with(reason_json), "{}", refused.line());
    }

    #[test]
    fn unknown_says_when_to_try_again_only_if_there_is_a_wait() {
        let text = |retry_after| {
            Unknown { code: "issuer_unreachable", reason: "it is away".to_owned(), hint: None, retry_after }
                .text()
        };
        assert_eq!(text(Duration::ZERO), "cannot decide: it is away\ncode: issuer_unreachable");
        assert!(text(Duration::from_millis(90_500)).ends_with("\ntry again: in 1 min 31 s"));
    }
}
