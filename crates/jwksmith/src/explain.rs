//! `jwksmith verify --explain`: what came of every check and of every key, for people and for programs.
//!
//! It lays out what `jwksmith_jose::explain` found, and finds out nothing itself.

use jwksmith_jose::{Check, Considered, Explanation, Fitness, Outcome};
use serde::Serialize;

use crate::output::printable;
use crate::style::{self, paint};
use crate::verdict::{Short, Unknown, Verdict, object};

/// What there is to explain. Nothing, of a text that is no token at all.
#[derive(Default)]
pub(crate) struct Explained {
    checks: Vec<Check>,
    keys: Vec<Considered>,
    /// Why there were no keys
    keys_missing: Option<Unknown>,
}

impl Explained {
    /// With the keys that the token was held against.
    pub(crate) fn with_keys(explanation: Explanation) -> Self {
        let Explanation { checks, keys } = explanation;
        Self { checks, keys, keys_missing: None }
    }

    /// Without keys, because the issuer's are not to be had.
    pub(crate) fn without_keys(explanation: Explanation, why: Unknown) -> Self {
        Self { keys_missing: Some(why), ..Self::with_keys(explanation) }
    }

    /// For people, with a blank line at its end: the verdict comes below.
    pub(crate) fn text(&self) -> String {
        let heading = |text: &str| paint(style::HEADING, text);
        let mut lines = vec![heading("checks")];
        let width = self.checks.iter().map(|check| check.name.len()).max().unwrap_or_default();
        lines.extend(self.checks.iter().flat_map(|check| check_lines(check, width)));
        lines.extend([String::new(), heading("keys")]);
        lines.extend(self.key_lines());
        lines.push(String::new());
        lines.join("\n")
    }

    fn key_lines(&self) -> Vec<String> {
        if let Some(Unknown { code, reason, .. }) = &self.keys_missing {
            return vec![format!("  {}  {}", paint(style::BAD, "not to be had"), with_code(reason, code))];
        }
        if self.keys.is_empty() {
            return vec!["  none was looked at: the header cannot be read".to_owned()];
        }
        self.keys.iter().map(key_line).collect()
    }

    /// One JSON object with the verdict in it.
    pub(crate) fn json(&self, verdict: &Verdict) -> String {
        object(&Wire {
            short: verdict.short(),
            retry_after: verdict.retry_after(),
            checks: self.checks.iter().map(WireCheck::from).collect(),
            keys: self.keys.iter().map(WireKey::from).collect(),
            keys_missing: self.keys_missing.as_ref().map(|why| WireFault::new(why.code, &why.reason)),
        })
    }
}

fn check_lines(check: &Check, width: usize) -> Vec<String> {
    let word = check.outcome.word();
    let style = match check.outcome {
        Outcome::Passed => style::GOOD,
        Outcome::Refused(_) => style::BAD,
        Outcome::NotDemanded | Outcome::NotReached => style::ASIDE,
    };
    let padding = " ".repeat(OUTCOME_WIDTH.saturating_sub(word.len()));
    let (word, source) = (paint(style, word), paint(style::ASIDE, check.source));
    let mut lines = vec![format!("  {word}{padding}  {:width$}  {source}", check.name)];
    if let Outcome::Refused(refusal) = &check.outcome {
        lines.push(format!("    {}", with_code(&refusal.to_string(), refusal.code())));
    }
    lines
}

/// The longest word for an outcome: "not demanded".
const OUTCOME_WIDTH: usize = 12;

fn key_line(key: &Considered) -> String {
    let name = key.key_id.as_deref().map_or_else(|| "(no kid)".to_owned(), printable);
    let said = match &key.fitness {
        Fitness::Skipped(reason) => {
            format!("cannot be used: {}", with_code(&reason.to_string(), reason.code()))
        }
        other => other.to_string(),
    };
    let style = match key.fitness {
        Fitness::Chosen => style::GOOD,
        Fitness::Ambiguous | Fitness::Skipped(_) => style::BAD,
        Fitness::OtherKeyId | Fitness::OtherAlgorithm => style::ASIDE,
    };
    format!("  {}  {name}: {}", key.index, paint(style, said))
}

fn with_code(reason: &str, code: &str) -> String {
    format!("{} ({code})", printable(reason))
}

/// The whole answer to a program.
#[derive(Serialize)]
struct Wire<'a> {
    #[serde(flatten)]
    short: Short<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    checks: Vec<WireCheck>,
    keys: Vec<WireKey<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys_missing: Option<WireFault>,
}

#[derive(Serialize)]
struct WireCheck {
    name: &'static str,
    source: &'static str,
    outcome: &'static str,
    #[serde(flatten)]
    fault: Option<WireFault>,
}

#[derive(Serialize)]
struct WireKey<'a> {
    index: usize,
    kid: Option<&'a str>,
    fitness: &'static str,
    #[serde(flatten)]
    fault: Option<WireFault>,
}

/// What is wrong: absent where nothing is.
#[derive(Serialize)]
struct WireFault {
    code: &'static str,
    reason: String,
}

impl WireFault {
    fn new(code: &'static str, reason: &impl ToString) -> Self {
        Self { code, reason: reason.to_string() }
    }
}

impl From<&Check> for WireCheck {
    fn from(check: &Check) -> Self {
        let fault = match &check.outcome {
            Outcome::Refused(refusal) => Some(WireFault::new(refusal.code(), refusal)),
            _ => None,
        };
        Self { name: check.name, source: check.source, outcome: check.outcome.word(), fault }
    }
}

impl<'a> From<&'a Considered> for WireKey<'a> {
    fn from(key: &'a Considered) -> Self {
        let fault = match &key.fitness {
            Fitness::Skipped(reason) => Some(WireFault::new(reason.code(), reason)),
            _ => None,
        };
        Self { index: key.index, kid: key.key_id.as_deref(), fitness: key.fitness.word(), fault }
    }
}
