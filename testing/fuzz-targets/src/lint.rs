//! The target `lint`: a document under the lens, as a key set and as an issuer's metadata, and its keys described.
//!
//! Whatever keeps a verifier from using a key is found, by the verifier's own name for it or one that is more exact; and
//! nothing that is found tells a secret.

use std::collections::BTreeSet;

use jwksmith_jose::limits::KEYS_MAX;
use jwksmith_jose::lint::{self, Finding, Severity};
use jwksmith_jose::{KeySet, SkippedKey, describe};
use serde::Deserialize;

use crate::fixed::NOW;
use crate::messages::is_fit_for_a_log;

/// How many findings a document may have: a few for each of its keys and members.
const FINDINGS_MAX: usize = 64 * KEYS_MAX;

/// Looks at a document in every way.
pub fn lint(input: &[u8]) {
    let as_key_set = lint::key_set(input, NOW);
    let as_metadata = lint::discovery(input);
    assert_eq!(lint::key_set(input, NOW), as_key_set, "another look");
    for findings in [&as_key_set, &as_metadata] {
        are_told_well(findings, input);
    }
    finds_what_verifiers_do(input, &as_key_set);
    is_described_rightly(input);
    if let Ok(text) = str::from_utf8(input) {
        describe::certificates(text)
            .iter()
            .flatten()
            .for_each(|certificate| assert!(!certificate.der().is_empty()));
    }
}

fn are_told_well(findings: &[Finding], input: &[u8]) {
    assert!(findings.len() <= FINDINGS_MAX, "{} findings", findings.len());
    let secrets = secrets(input);
    for finding in findings {
        let told = finding.to_string();
        is_fit_for_a_log(&told);
        assert!(lint::rules().any(|rule| rule == finding.rule), "a rule that is not in the list: {told}");
        assert_eq!(secrets.iter().find(|secret| told.contains(*secret)), None, "a secret is told");
    }
}

/// What a verifier refuses or skips is found.
fn finds_what_verifiers_do(input: &[u8], findings: &[Finding]) {
    match KeySet::parse(input) {
        Ok(set) => set.skipped().iter().for_each(|skipped| is_found(skipped, findings)),
        Err(error) => {
            let is_grave = |finding: &Finding| finding.rule.severity == Severity::Error;
            assert!(findings.iter().any(is_grave), "nobody can read it, and nothing is found: {error}");
        }
    }
}

fn is_found(SkippedKey { index, reason, .. }: &SkippedKey, findings: &[Finding]) {
    let place = format!("keys[{index}]");
    // These are more exact than the reason.
    let exact = ["jwk_member_type", "number_leading_zero", "x5c_base64url", "x5c_blanks"];
    let is_it = |finding: &Finding| finding.rule.code == reason.code() || exact.contains(&finding.rule.code);
    let mut found = findings.iter().filter(|finding| finding.place.starts_with(&place));
    assert!(found.any(is_it), "{place}: {reason} is not found");
}

/// The keys are described as the operator's own file would be read.
fn is_described_rightly(input: &[u8]) {
    let (described, local) = (describe::keys(input), KeySet::parse_local(input));
    let Ok(local) = local else { return };
    let described = described.expect("a key set can be described");
    assert_eq!(described.len(), local.keys().len() + local.skipped().len());
    for (index, key) in described.iter().enumerate() {
        let skipped = local.skipped().iter().find(|skipped| skipped.index == index);
        assert_eq!(key.skipped.as_ref(), skipped.map(|skipped| &skipped.reason), "keys[{index}]");
        assert_eq!(key.bits.is_some(), key.thumbprint.is_some());
    }
}

/// Shorter ones may stand somewhere by accident.
const SECRET_BYTES_MIN: usize = 24;

/// The private numbers of the document's keys, if it is one that is read, and which stand in it but once.
fn secrets(input: &[u8]) -> BTreeSet<String> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<std::collections::BTreeMap<String, serde_json::Value>>,
    }
    let Ok(set) = serde_json::from_slice::<Set>(input) else { return BTreeSet::new() };
    let text = String::from_utf8_lossy(input);
    let is_private = |name: &str| ["d", "p", "q", "dp", "dq", "qi", "k", "priv"].contains(&name);
    let private = set.keys.into_iter().flatten().filter(|(name, _)| is_private(name));
    let texts = private.filter_map(|(_, value)| value.as_str().map(str::to_owned));
    texts
        .filter(|secret| secret.len() >= SECRET_BYTES_MIN && text.matches(secret.as_str()).count() == 1)
        .collect()
}
