//! Every way to judge a token must come to the same answer.

use jwksmith_jose::{
    Explanation, KeySet, Memory, Outcome, Policy, Refusal, Token, VerifiedToken, danger, explain,
    explain_without_keys, preflight, verify_in, verify_token,
};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::fixed::{AUDIENCE, ISSUER, NOW};
use crate::messages::{is_fit_for_a_log_about, tells_no_segment};

/// Judges a token in every way, and gives back the answer.
pub(crate) fn judged(token: &str, keys: &KeySet, policy: &Policy) -> Result<VerifiedToken, Refusal> {
    let mut memory = Memory::new();
    let first = verify_in::<IgnoredAny>(&mut memory, token, keys, policy, NOW).map(drop);
    // Now the header may be remembered, and the memory is used.
    let again = verify_in::<IgnoredAny>(&mut memory, token, keys, policy, NOW).map(drop);
    assert_eq!(again, first, "again");
    let kept = verify_token(token, keys, policy, NOW);
    assert_eq!(kept.as_ref().map(drop).map_err(Clone::clone), first, "kept");
    let explanation = explain(token, keys, policy, NOW);
    assert_eq!(explanation.refusal(), first.as_ref().err(), "explained");
    is_told_well(&explanation, token);
    let hopeless = preflight(token, policy, NOW).err();
    assert!(first.is_err() || hopeless.is_none(), "refused without its key");
    assert_eq!(
        explain_without_keys(token, policy, NOW).refusal(),
        hopeless.as_ref(),
        "explained without keys"
    );
    match &kept {
        Ok(verified) => is_rightly_accepted(verified, token),
        Err(refusal) => is_fit_for_a_log_about(&refusal.to_string(), token),
    }
    kept
}

/// An explanation that can be shown: each of its lines is printable, and each refusal has its code.
fn is_told_well(explanation: &Explanation, token: &str) {
    let text = explanation.to_string();
    tells_no_segment(&text, token);
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "not printable: {text:?}");
    for check in &explanation.checks {
        if let Outcome::Refused(refusal) = &check.outcome {
            is_fit_for_a_log_about(&refusal.to_string(), token);
            assert!(text.contains(&format!("[{}]", refusal.code())), "without its code: {text:?}");
        }
    }
}

/// What is accepted is what was signed, and says what the policy wants, as another JSON reader finds it.
fn is_rightly_accepted(verified: &VerifiedToken, token: &str) {
    let read = Token::parse(token).expect("an accepted token has the form of one");
    assert_eq!(read.header().algorithm(), verified.algorithm());
    assert_eq!(read.header().key_id(), verified.key_id());
    let decoded = danger::decode_unverified(token).expect("an accepted token can be decoded");
    assert_eq!(decoded.claims, verified.claims_json());
    let claims: Value = serde_json::from_str(verified.claims_json()).expect("accepted claims are JSON");
    let is_named = |value: &Value| value == AUDIENCE || value == "second";
    let audience = claims.get("aud").expect("`aud` is mandatory");
    assert!(is_named(audience) || audience.as_array().is_some_and(|many| many.iter().any(is_named)));
    assert_eq!(claims.get("iss").and_then(Value::as_str), Some(ISSUER));
    let time = |name: &str| claims.get(name).map(|value| value.as_f64().expect("a time is a number"));
    let leeway = 30.0;
    let now = 1_800_000_000.0;
    assert!(time("exp").expect("`exp` is mandatory") > now - leeway, "expired");
    assert!(["nbf", "iat"].into_iter().filter_map(time).all(|time| time <= now + leeway), "of the future");
}
