//! `jwksmith verify` against an issuer: located through discovery, and told apart from its tokens when it is at fault.

use insta::{assert_snapshot, with_settings};
use jwksmith_jose::Algorithm;
use serde_json::{Value, json};

use crate::support::{
    AUDIENCE, DESERTED, FILTERS, Key, NOW, TinyIssuer, VerifyArgs, binary, claims_with, key_set,
};

fn issuer_and_token() -> (TinyIssuer, String) {
    let key = Key::new(Algorithm::RS256, "rs-1");
    let issuer = TinyIssuer::new(&key_set(&[&key]));
    let token = key.token(&claims_with("iss", issuer.url.as_str()));
    (issuer, token)
}

fn args(issuer: &str) -> VerifyArgs {
    VerifyArgs::online(issuer).with("--at", NOW)
}

#[test]
fn token_is_verified_starting_from_the_issuer_alone() {
    let (issuer, token) = issuer_and_token();
    let outcome = args(&issuer.url).arg(&token).run();
    with_settings!({filters => FILTERS}, {
        assert_snapshot!(outcome.seen(), @r"
    status 0
    valid
      issuer     [ISSUER]/
      audience   https://api.example/
      subject    orders-app
      algorithm  RS256
      kid        rs-1
      expires    2027-01-16T08:00:00Z (in 1 d)
      scope      read:orders write:orders
    ");
    });
    assert_eq!(issuer.requests(), 2, "discovery and key set");
}

#[test]
fn clock_of_the_system_judges_without_at() {
    let (issuer, _) = issuer_and_token();
    let key = Key::new(Algorithm::ES256, "es-1");
    issuer.publish("/keys", &key_set(&[&key]));
    let until = |exp: u64| {
        let claims = json!({"iss": issuer.url, "aud": AUDIENCE, "exp": exp});
        VerifyArgs::online(&issuer.url).decide(&key.token(&claims))
    };
    assert_eq!(until(1_000_000_000), (1, json!("token_expired")));
    assert_eq!(until(253_402_300_799), (0, Value::Null));
}

#[test]
fn unreachable_issuer_in_words_and_as_json() {
    let token = Key::new(Algorithm::ES256, "es-1").token(&claims_with("iss", DESERTED));
    let outcome = args(DESERTED).arg(&token).run();
    with_settings!({filters => FILTERS}, {
        assert_snapshot!(outcome.seen(), @r"
    status 3
    cannot decide: [ISSUER]/.well-known/openid-configuration cannot be reached: Connection refused
    code: issuer_unreachable
    try again: in [WAIT]
    ");
    });
    let answer = args(DESERTED).arg("--json").arg(&token).run();
    assert_eq!(answer.status, 3);
    let answer = answer.json();
    assert_eq!((&answer["valid"], &answer["code"]), (&Value::Null, &json!("issuer_unreachable")));
    assert!(answer["retry_after"].as_u64().is_some_and(|seconds| (1..=10).contains(&seconds)), "{answer}");
}

#[test]
fn issuer_at_fault_leaves_the_token_undecided() {
    let check = |path: &str, body: &str, code: &str| {
        let (issuer, token) = issuer_and_token();
        issuer.publish(path, &body.replace("ISSUER", &issuer.url));
        assert_eq!(args(&issuer.url).decide(&token), (3, json!(code)), "{path} {body}");
    };
    let discovery = "/.well-known/openid-configuration";
    check(
        discovery,
        r#"{"issuer":"https://other.example/","jwks_uri":"ISSUERkeys"}"#,
        "discovery_issuer_mismatch",
    );
    check(discovery, r#"{"issuer":"ISSUER/","jwks_uri":"ISSUERkeys"}"#, "discovery_issuer_mismatch");
    check(discovery, r#"{"issuer":"ISSUER"}"#, "discovery_member_missing");
    check(discovery, r#"{"issuer":"ISSUER","jwks_uri":"file:///etc/passwd"}"#, "discovery_jwks_uri_refused");
    check(discovery, r#"{"issuer":"ISSUER","jwks_uri":"ISSUERnowhere"}"#, "issuer_status");
    check(discovery, "<html>", "discovery_malformed");
    check("/keys", "<html>", "key_set_malformed");
    check("/keys", r#"{"keys":[]}"#, "key_set_no_usable_key");
    check("/keys", r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#, "key_set_no_usable_key");
}

#[test]
fn token_that_no_key_could_save_is_refused_without_asking() {
    let (issuer, token) = issuer_and_token();
    assert_eq!(args(&issuer.url).with_only("--audience", "b").decide(&token), (1, json!("aud_mismatch")));
    assert_eq!(args(&issuer.url).with_only("--at", "1900000000").decide(&token), (1, json!("token_expired")));
    assert_eq!(args(&issuer.url).decide("a.b"), (1, json!("token_malformed")));
    assert_eq!(issuer.requests(), 0);
}

#[test]
fn log_is_told_on_standard_error_to_whoever_asks() {
    let (issuer, token) = issuer_and_token();
    issuer.publish("/keys", "<html>");
    let check = |option: &str, filter: Option<&str>, expected: bool| {
        let args = args(&issuer.url).arg("--json").arg(&token);
        let mut command = binary();
        command.args(args.list()).args((!option.is_empty()).then_some(option));
        command.envs(filter.map(|filter| ("JWKSMITH_LOG", filter)));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(told.contains("could not be refreshed"), expected, "{option} {filter:?}: {told}");
        assert!(expected || told.is_empty(), "{told}");
    };
    check("", None, false);
    check("-v", None, true);
    check("-vv", None, true);
    check("", Some("jwksmith_verifier=warn"), true);
    check("", Some("off"), false);
    check("-v", Some("off"), true);
    check("--log=warn", Some("off"), true);
}
