//! Every published attack on this kind of software that the house knows of, and its neighbours, as data: `cases.toml`.
//!
//! The file says what each attack sends and which stable code must answer. `recipe.rs` reads it and makes the tokens and
//! key sets. What another crate must withstand is named there with the test that shows it, and this file checks that the
//! test exists. What nothing shows yet stands there as open.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a case that cannot be built is a failed test"
)]

#[path = "../common/mod.rs"]
mod common;
mod recipe;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use common::{AUDIENCE, ISSUER, NOW, RSA_A, codes, key_set};
use jwksmith_jose::{Algorithm, KeySet, Policy, Refusal, UnixTime, verify};
use recipe::{ACCEPTED, Answer, Attack, Case};

static ATTACKS: LazyLock<Vec<Attack>> = LazyLock::new(|| recipe::read(include_str!("cases.toml")));

/// Every case, with the id of its attack.
fn cases() -> impl Iterator<Item = (&'static str, &'static Case)> {
    ATTACKS.iter().flat_map(|attack| attack.cases.iter().map(|case| (attack.id.as_str(), case)))
}

/// What is wrong with the answer, if anything is.
fn fault(case: &Case, answer: &Answer) -> Option<String> {
    let expected = case.today.as_ref().unwrap_or(&case.expect);
    if answer.code == case.expect && case.today.is_some() {
        return Some("the fault is mended: take `today` out".to_owned());
    }
    if answer.code != *expected {
        return Some(format!("expected {expected}, got {}: {:.200}", answer.code, answer.message));
    }
    let message = &answer.message;
    let leaks = answer.token.split('.').any(|segment| segment.len() > 16 && message.contains(segment));
    let raw = message.chars().any(|c| c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c));
    let unfit = (message.is_empty() && answer.code != ACCEPTED) || message.len() > 1000;
    (leaks || raw || unfit).then(|| format!("the message is not fit for a log: {message:.200?}"))
}

#[test]
fn case_is_answered_with_its_code() {
    let told = |(id, case): (&str, &Case)| {
        let what = case.told();
        fault(case, &case.answer()).map(|fault| format!("{id}: {what}: {fault}"))
    };
    let faults: Vec<String> = cases().filter_map(told).collect();
    assert!(faults.is_empty(), "{} of {} cases:\n{}", faults.len(), cases().count(), faults.join("\n"));
}

#[test]
fn attack_is_listed_once_and_shown_somewhere() {
    let mut ids = BTreeSet::new();
    for attack in ATTACKS.iter() {
        assert!(ids.insert(attack.id.as_str()), "{} stands twice", attack.id);
        assert!(!attack.about.is_empty(), "{} does not say what it is about", attack.id);
        let shown = !attack.cases.is_empty() || !attack.elsewhere.is_empty();
        assert!(shown || attack.open.is_some(), "{} has no case, and does not say why", attack.id);
        let reason = attack.open.as_deref().unwrap_or("issue: none");
        assert!(reason.starts_with("issue"), "{}: an open end names the issue that closes it", attack.id);
    }
}

#[test]
fn case_expects_a_documented_code() {
    let types = ["Refusal", "SkipReason", "KeySetError", "PolicyError"];
    let documented: BTreeSet<&str> =
        types.iter().flat_map(|name| codes::in_document(codes::DOCUMENT, name)).collect();
    for (id, case) in cases() {
        let known = case.expect == ACCEPTED || documented.contains(case.expect.as_str());
        assert!(known, "{id} expects {}, which docs/errors.md does not have", case.expect);
    }
}

#[test]
fn cases_meet_most_codes_and_refuse_more_than_they_accept() {
    let met: BTreeSet<&str> = cases().map(|(_, case)| case.expect.as_str()).collect();
    assert!(met.len() >= 50, "the cases meet {} codes only: {met:?}", met.len());
    let accepted = cases().filter(|(_, case)| case.expect == ACCEPTED).count();
    assert!(accepted >= 20, "with {accepted} good tokens the recipes are hardly shown to work");
    assert!(accepted * 4 < cases().count(), "{accepted} of {} cases are no attacks", cases().count());
}

#[test]
fn test_that_is_named_elsewhere_exists() {
    for attack in ATTACKS.iter() {
        for place in &attack.elsewhere {
            assert!(has_test(place), "{}: there is no test {place}", attack.id);
        }
    }
}

/// Whether the file of `FILE::FUNCTION`, under the root of the workspace, has that function as a test.
fn has_test(place: &str) -> bool {
    let (file, function) = place.split_once("::").unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    let source = std::fs::read_to_string(path).unwrap_or_default();
    let before = source.split(&format!("fn {function}(")).next().filter(|before| before.len() < source.len());
    before.is_some_and(|before| before.lines().rev().take(3).any(|line| line.trim().ends_with("test]")))
}

/// RUSTSEC-2023-0071, RUSTSEC-2025-0144, RUSTSEC-2022-0093: the cryptography is aws-lc's, and nothing brings theirs along.
#[test]
fn crates_that_leak_secrets_are_no_dependency() {
    const LOCK: &str = include_str!("../../../../Cargo.lock");
    let names: BTreeSet<_> = LOCK.lines().filter_map(|line| line.strip_prefix("name = ")).collect();
    assert!(names.contains("\"aws-lc-rs\""), "the lock file is read as it is written");
    for leaky in ["\"rsa\"", "\"ml-dsa\"", "\"ed25519-dalek\""] {
        assert!(!names.contains(leaky), "{leaky}");
    }
}

#[test]
fn reader_of_sources_takes_tests_only() {
    let here = |function: &str| format!("crates/jose/tests/attacks/main.rs::{function}");
    assert!(has_test(&here("reader_of_sources_takes_tests_only")));
    assert!(!has_test(&here("has_test")), "a helper is no test");
    assert!(!has_test(&here("reader_of_sources")), "a part of a name is none");
    assert!(!has_test("crates/jose/tests/no_such_file.rs::x"));
}

#[test]
fn flag_that_is_no_boolean_is_refused() {
    // CVE-2026-55076: the claims are read into the caller's own type, which a text that says "false" does not fit.
    for raw in ["\"false\"", "\"true\"", "1", "null", "[]"] {
        assert_eq!(flag(raw).map_err(|refusal| refusal.code()), Err("claims_shape"), "{raw}");
    }
    assert_eq!(flag("false"), Ok(false));
    assert_eq!(flag("true"), Ok(true));
}

/// What a caller reads of a token with this `email_verified`.
fn flag(raw: &str) -> Result<bool, Refusal> {
    #[derive(serde::Deserialize)]
    struct Claims {
        email_verified: bool,
    }
    let token = RSA_A.token(&[], &[("email_verified", raw)]);
    let keys = KeySet::parse(key_set(&[RSA_A.jwk()]).as_bytes()).unwrap();
    let policy = Policy::new(ISSUER, AUDIENCE, [Algorithm::RS256]).unwrap();
    let claims = verify::<Claims>(&token, &keys, &policy, UnixTime::from_seconds(NOW))?;
    Ok(claims.claims().email_verified)
}
