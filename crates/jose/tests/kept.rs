//! A verified token that is kept: its times looked at again answer as a new verification would, and it still proves what it
//! proved.

#![allow(clippy::unwrap_used, reason = "a table row that cannot be built is a failed test")]

mod common;

use std::sync::LazyLock;

use common::{ED25519, NOW, key_set, sign, with};
use jwksmith_jose::{
    AccessClaims, Algorithm, KeySet, Policy, Profile, Refusal, UnixTime, VerifiedToken, verify, verify_token,
};
use proptest::prelude::*;

static KEYS: LazyLock<KeySet> =
    LazyLock::new(|| KeySet::parse(key_set(&[ED25519.jwk()]).as_bytes()).unwrap());

/// Issuer, subject and audience at once, so that one token fits every kind.
const WHO: &str = "client-1";

fn policy(profile: Profile, leeway: u64, max_age: Option<u64>) -> Policy {
    let policy = Policy::new(WHO, WHO, [Algorithm::EdDSA]).unwrap().profile(profile).unwrap();
    let policy = policy.leeway(leeway).unwrap();
    match max_age.filter(|_| profile == Profile::IdToken) {
        Some(seconds) => policy.max_age(seconds).unwrap(),
        None => policy,
    }
}

/// A token of the kind with these times, raw; an empty one is left out.
fn token(profile: Profile, times: [&str; 4]) -> String {
    let typ = match profile {
        Profile::Rfc9068AccessToken => "at+jwt",
        _ => "JWT",
    };
    let events = match profile {
        Profile::LogoutToken => r#"{"http://schemas.openid.net/event/backchannel-logout":{}}"#,
        _ => "",
    };
    let claims = format!(r#"{{"iss":"{WHO}","sub":"{WHO}","aud":"{WHO}","jti":"j","client_id":"{WHO}"}}"#);
    let [exp, nbf, iat, auth_time] = times;
    let own = [("events", events), ("exp", exp), ("nbf", nbf), ("iat", iat), ("auth_time", auth_time)];
    sign(&ED25519.signing, format!(r#"{{"alg":"EdDSA","kid":"ed25519","typ":"{typ}"}}"#), with(&claims, &own))
}

fn verified(token: &str, policy: &Policy, now: u64) -> Result<VerifiedToken, Refusal> {
    verify_token(token, &KEYS, policy, UnixTime::from_seconds(now))
}

/// What time the token of these times is kept at and asked at, and the code of the answer, which must be that of a
/// verification then.
fn check(profile: Profile, times: [u64; 4], (kept_at, asked_at): (u64, u64), expected: Option<&str>) {
    let policy = policy(profile, 10, Some(100));
    let token = token(profile, times.map(|time| time.to_string()).each_ref().map(String::as_str));
    let kept = verified(&token, &policy, kept_at).unwrap();
    let answer = kept.check_times(&policy, UnixTime::from_seconds(asked_at)).err();
    assert_eq!(answer.as_ref().map(Refusal::code), expected, "{profile} at {asked_at}");
    assert_eq!(answer, verified(&token, &policy, asked_at).err(), "{profile} at {asked_at}");
}

#[test]
fn kept_token_is_refused_once_time_has_turned_it() {
    let times = [NOW + 60, NOW, NOW, NOW];
    for profile in Profile::all() {
        check(profile, times, (NOW, NOW), None);
        check(profile, times, (NOW, NOW + 69), None);
        check(profile, times, (NOW, NOW + 70), Some("token_expired"));
        check(profile, times, (NOW, u64::MAX), Some("token_expired"));
        check(profile, times, (NOW, NOW - 10), None);
        check(profile, times, (NOW, NOW - 11), Some("token_not_yet_valid"));
        check(profile, times, (NOW, 0), Some("token_not_yet_valid"));
        check(profile, [NOW + 60, NOW - 50, NOW, NOW], (NOW, NOW - 11), Some("token_not_yet_valid"));
    }
    let long = [NOW + 300, 0, 0, NOW];
    check(Profile::IdToken, long, (NOW, NOW + 110), None);
    check(Profile::IdToken, long, (NOW, NOW + 111), Some("auth_time_too_old"));
    check(Profile::AccessToken, long, (NOW, NOW + 111), None);
    check(Profile::ClientAssertion, long, (NOW, NOW - 10), None);
    check(Profile::ClientAssertion, long, (NOW, NOW - 11), Some("lifetime_too_long"));
    check(Profile::AccessToken, long, (NOW, NOW - 11), None);
}

#[test]
fn kept_token_does_not_pass_for_what_it_did_not_tell() {
    let token = token(Profile::IdToken, [&(NOW + 60).to_string(), "", &NOW.to_string(), ""]);
    let kept = verified(&token, &policy(Profile::IdToken, 0, None), NOW).unwrap();
    let stricter = policy(Profile::IdToken, 0, Some(1000));
    let answer = kept.check_times(&stricter, UnixTime::from_seconds(NOW));
    assert_eq!(answer, Err(Refusal::ClaimMissing("auth_time")));
}

/// A time near [`NOW`], perhaps with a fraction.
fn time(ahead: std::ops::Range<i64>) -> impl Strategy<Value = String> {
    let near = |ahead: i64| NOW.saturating_add_signed(ahead);
    (ahead, prop_oneof![Just(""), Just(".5"), Just("e0")])
        .prop_map(move |(ahead, fraction)| format!("{}{fraction}", near(ahead)))
}

fn optional(time: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop_oneof![3 => time, 1 => Just(String::new())]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn kept_token_is_answered_for_as_it_would_be_verified(
        kind in 0_usize..6,
        leeway in 0_u64..60,
        max_age in prop::option::of(0_u64..200),
        exp in time(1..400),
        nbf in optional(time(-300..10)),
        iat in time(-300..10),
        auth_time in prop_oneof![6 => time(-300..10), 1 => Just("\"then\"".to_owned())],
        (kept_at, asked_at) in (-100_i64..100, -700_i64..700),
    ) {
        let profile = Profile::all().nth(kind).unwrap();
        let policy = policy(profile, leeway, max_age);
        let token = token(profile, [&exp, &nbf, &iat, &auth_time]);
        let [kept_at, asked_at] = [kept_at, asked_at].map(|ahead| NOW.saturating_add_signed(ahead));
        let kept = verified(&token, &policy, kept_at);
        prop_assume!(kept.is_ok());
        let answer = kept.unwrap().check_times(&policy, UnixTime::from_seconds(asked_at));
        prop_assert_eq!(answer, verified(&token, &policy, asked_at).map(drop));
    }
}

#[test]
fn kept_token_gives_what_its_verification_gives() {
    let policy = policy(Profile::AccessToken, 0, None);
    let token = token(Profile::AccessToken, [&(NOW + 60).to_string(), "", "", ""]);
    let now = UnixTime::from_seconds(NOW);
    let kept = verified(&token, &policy, NOW).unwrap();
    assert_eq!(kept.verified::<AccessClaims>(), verify::<AccessClaims>(&token, &KEYS, &policy, now));
    let misfit = kept.verified::<[u8; 2]>();
    assert_eq!(misfit.as_ref().err().map(Refusal::code), Some("claims_shape"));
    assert_eq!(misfit, verify::<[u8; 2]>(&token, &KEYS, &policy, now));
}

#[test]
fn kept_token_shares_its_claims_with_its_clones() {
    let policy = policy(Profile::AccessToken, 0, None);
    let exp = (NOW + 60).to_string();
    let kept = verified(&token(Profile::AccessToken, [&exp, "", "", ""]), &policy, NOW).unwrap();
    let clone = kept.clone();
    assert_eq!(clone.claims_json().as_ptr(), kept.claims_json().as_ptr());
    assert_eq!((clone.key_id(), clone.algorithm()), (Some("ed25519"), Algorithm::EdDSA));
    let least = kept.claims_json().len() + size_of::<VerifiedToken>();
    assert!((least..least + 100).contains(&kept.bytes()), "{} bytes, at least {least}", kept.bytes());
}
