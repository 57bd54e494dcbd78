//! `jwksmith inspect`: shows whatever can be shown, and never lets it look verified.

use insta::assert_snapshot;
use jwksmith_jose::{Algorithm, base64url_encode};
use serde_json::json;

use crate::support::{Key, NOW, claims, claims_with, run, run_reading, unsigned};

const BANNER: &str = "NOT VERIFIED: anybody can write such a token.";

#[test]
fn token_in_words() {
    let token = Key::new(Algorithm::RS256, "rs-1").token(&claims_with("nbf", 1_799_999_940.5));
    assert_snapshot!(run(&["inspect", &token, "--at", NOW]).seen(), @r#"
    status 0
    NOT VERIFIED: anybody can write such a token. Use `jwksmith verify` to learn whether it is valid.

    header
    {
      "alg": "RS256",
      "typ": "JWT",
      "kid": "rs-1"
    }

    claims
    {
      "aud": "https://api.example/",
      "exp": 1800086400,
      "iat": 1800000000,
      "iss": "https://tenant.example/",
      "nbf": 1799999940.5,
      "scope": "read:orders write:orders",
      "sub": "orders-app"
    }

    times
      issued      2027-01-15T08:00:00Z (now)
      not before  2027-01-15T07:59:00Z (1 min ago)
      expires     2027-01-16T08:00:00Z (in 1 d)
    "#);
}

#[test]
fn token_as_json_keeps_what_was_written() {
    let claims = r#"{"z": 1.10, "big": 123456789012345678901234567890, "a": [ ], "sub": "é"}"#;
    let outcome = run(&["inspect", "--json", &unsigned(r#"{"typ": "x", "alg": "RS256"}"#, claims)]);
    let expected = r#"{"verified":false,"header":{"typ":"x","alg":"RS256"},"claims":{"z":1.10,"big":123456789012345678901234567890,"a":[],"sub":"é"}}"#;
    assert_eq!((outcome.status, outcome.stdout.trim_end(), outcome.stderr.as_str()), (0, expected, ""));
}

#[test]
fn token_that_nobody_would_accept_is_shown_with_a_warning() {
    let check = |header: &str, code: &str| {
        let outcome = run(&["inspect", &unsigned(header, &claims().to_string())]);
        assert_eq!(outcome.status, 0, "{outcome:?}");
        assert!(outcome.stdout.starts_with(BANNER) && outcome.stdout.contains("orders-app"), "{outcome:?}");
        assert!(
            outcome.stderr.starts_with("warning: ") && outcome.stderr.ends_with(&format!("({code})\n")),
            "{outcome:?}"
        );
    };
    check(r#"{"alg":"none"}"#, "alg_none");
    check(r#"{"alg":"nOnE"}"#, "alg_none");
    check(r#"{"alg":"Ed448"}"#, "alg_unsupported");
    check("{}", "header_member_type");
    check(r#"{"alg":"RS256","crit":["exp"]}"#, "crit_unsupported");
    check(r#"{"alg":"RS256","jwk":{"kty":"RSA"}}"#, "header_embedded_key");
    check(r#"{"alg":"RS256","kid":""}"#, "kid_invalid");
}

#[test]
fn text_that_is_no_token_is_refused_with_its_code() {
    let check = |text: &str, code: &str| {
        let outcome = run(&["inspect", text]);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
        assert!(outcome.stderr.starts_with("refused: "), "{outcome:?}");
        assert!(outcome.stderr.ends_with(&format!("\ncode: {code}\n")), "{outcome:?}");
        let outcome = run(&["inspect", "--json", text]);
        let answer = outcome.json();
        assert_eq!((outcome.status, &answer["verified"], &answer["code"]), (1, &json!(false), &json!(code)));
        assert!(answer["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    };
    check("", "token_malformed");
    check("a.b", "token_malformed");
    check("a.b.c.d.e", "token_encrypted");
    check("a.b.c.d.e.f", "token_malformed");
    check("=.=.=", "token_encoding");
    check(&unsigned("[]", "{}"), "header_malformed");
    check(&unsigned("{}", "\"x\""), "claims_malformed");
    check(&unsigned(r#"{"alg":"none","alg":"RS256"}"#, "{}"), "header_duplicate_member");
    check(&unsigned("{}", r#"{"sub":"a","sub":"b"}"#), "claims_duplicate_member");
    check(&"a".repeat(16 * 1024 + 1), "token_too_large");
}

#[test]
fn encrypted_token_in_words() {
    assert_snapshot!(run(&["inspect", "a.b.c.d.e"]).seen(), @r"
    status 1
    refused: this is an encrypted token (five segments), which only its addressee can read: request a token for an API by naming its audience
    code: token_encrypted
    ");
}

#[test]
fn token_is_read_from_standard_input() {
    let token = unsigned(r#"{"alg":"RS256"}"#, "{}");
    let outcome = run_reading(&["inspect", "-", "--json"], format!("{token}\n").as_bytes());
    assert_eq!((outcome.status, outcome.json()["claims"].clone()), (0, json!({})));
    assert_eq!(run_reading(&["inspect", "-"], b"\xff").status, 1);
}

#[test]
fn times_that_are_none_are_left_out() {
    let shown = |claims: &str| run(&["inspect", "--at", NOW, &unsigned(r#"{"alg":"RS256"}"#, claims)]).stdout;
    assert!(!shown("{}").contains("times"));
    assert!(!shown(r#"{"exp":"never","iat":-1,"nbf":{}}"#).contains("times"));
    assert!(shown(r#"{"exp":1800000060}"#).ends_with("times\n  expires  2027-01-15T08:01:00Z (in 1 min)\n"));
}

#[test]
fn text_of_a_token_never_reaches_the_terminal_raw() {
    let claims = "{\"sub\":\"\u{7f}\u{9b}2J\u{202e}\",\"x\":\"\\u001b[31m\"}";
    let token = format!("{}.{}.x", base64url_encode("{\"alg\":\"\u{9b}31m\"}"), base64url_encode(claims));
    let outcome = run(&["inspect", &token]);
    let raw = |text: &str| text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}');
    assert!(!raw(&outcome.stdout) && !raw(&outcome.stderr), "{outcome:?}");
    assert!(outcome.stdout.contains(r#""sub": "\u007f\u009b2J\u202e""#), "{outcome:?}");
}
