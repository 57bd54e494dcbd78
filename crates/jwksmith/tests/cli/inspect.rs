//! `jwksmith inspect`: shows whatever can be shown, and never lets it look verified.

use insta::{assert_snapshot, with_settings};
use jwksmith_jose::{Algorithm, base64url_encode};
use serde_json::json;

use crate::support::{
    Key, KeyFile, NOW, NOW_SECONDS, claims, claims_with, key_set, run, run_reading, unsigned,
};

/// What differs from key to key.
const FILTERS: [(&str, &str); 3] = [
    (r"([0-9A-F]{2}:){31}[0-9A-F]{2}", "[SHA-256]"),
    (r"([0-9A-F]{2}:){19}[0-9A-F]{2}", "[SHA-1]"),
    (r"thumbprint  [-_0-9A-Za-z]{43}", "thumbprint  [THUMBPRINT]"),
];

/// A token whose header carries the certificate of a key.
fn token_with_certificate() -> String {
    let certificate = Key::new(Algorithm::ES256, "es-1").certificate();
    unsigned(&json!({"alg": "ES256", "x5c": [certificate.x5c(), "AAAA"]}).to_string(), "{}")
}

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

#[test]
fn every_registered_time_is_said_in_words_and_marked_if_it_is_wrong() {
    let claims = json!({
        "iat": NOW_SECONDS + 60, "nbf": NOW_SECONDS + 60, "exp": NOW_SECONDS, "auth_time": NOW_SECONDS - 3_600,
        "updated_at": NOW_SECONDS - 86_400,
    });
    let outcome = run(&["inspect", "--at", NOW, &unsigned(r#"{"alg":"RS256"}"#, &claims.to_string())]);
    let times = outcome.stdout.split("times\n").nth(1).unwrap();
    assert_snapshot!(times, @r"
      issued        2027-01-15T08:01:00Z (in 1 min): still to come
      not before    2027-01-15T08:01:00Z (in 1 min): not yet valid
      expires       2027-01-15T08:00:00Z (now): expired
      signed in     2027-01-15T07:00:00Z (1 h ago)
      user updated  2027-01-14T08:00:00Z (1 d ago)
    ");
}

#[test]
fn certificates_of_a_token_are_shown() {
    let token = token_with_certificate();
    let outcome = run(&["inspect", "--at", NOW, &token]);
    with_settings!({filters => FILTERS}, {
        assert_snapshot!(outcome.stdout.split_once("claims\n").unwrap().1, @r"
        {}

        certificate
          subject      CN=tenant.example
          issuer       itself (self-signed)
          serial       1234
          valid from   2026-01-01T00:00:00Z (379 d 8 h ago)
          valid until  2028-01-01T00:00:00Z (in 350 d 16 h)
          key          P-256, 256 bits
          signed with  ECDSA with SHA-256
          SHA-1        [SHA-1]
          SHA-256      [SHA-256]

        certificate 2 of the chain
          it is no DER-encoded X.509 certificate
        ");
    });
    let answer = run(&["inspect", "--at", NOW, "--json", &token]).json();
    let certificates = &answer["certificates"];
    assert_eq!(
        (&certificates[0]["subject"], &certificates[0]["valid"]),
        (&json!("CN=tenant.example"), &json!(true))
    );
    assert_eq!(certificates[0]["not_after"], "2028-01-01T00:00:00Z");
    assert!(certificates[1]["error"].is_string() && certificates[2].is_null(), "{answer}");
    assert_eq!(run(&["inspect", "--json", &unsigned("{}", "{}")]).json().get("certificates"), None);
}

#[test]
fn key_set_in_words() {
    let certified = Key::new(Algorithm::ES256, "2027-01").certified_key_set();
    let mut set: serde_json::Value = serde_json::from_str(&certified).unwrap();
    set["keys"].as_array_mut().unwrap().push(json!({"kty": "OKP", "crv": "X25519", "x": "AA"}));
    let file = KeyFile::new(set.to_string());
    let outcome = run(&["inspect", file.path.to_str().unwrap(), "--at", "2030-01-01T00:00:00Z"]);
    with_settings!({filters => FILTERS}, {
        assert_snapshot!(outcome.seen(), @r#"
        status 0
        key 0
          kid         2027-01
          kind        EC P-256
          alg         ES256
          use         sig
          bits        256
          thumbprint  [THUMBPRINT]

        certificate
          subject      CN=tenant.example
          issuer       itself (self-signed)
          serial       1234
          valid from   2026-01-01T00:00:00Z (1461 d ago)
          valid until  2028-01-01T00:00:00Z (731 d ago): expired
          key          P-256, 256 bits
          signed with  ECDSA with SHA-256
          SHA-1        [SHA-1]
          SHA-256      [SHA-256]

        key 1
          kid         -
          kind        OKP X25519
          alg         -
          use         -
          bits        -
          thumbprint  -
          not used: its key type "OKP X25519" is a key for encryption (RFC 8037) (jwk_key_type)
        "#);
    });
}

#[test]
fn key_set_as_json() {
    let (key, secret) = (Key::new(Algorithm::ES256, "es-1"), Key::new(Algorithm::HS256, "s"));
    let outcome = run_reading(&["inspect", "-", "--json"], key_set(&[&key, &secret]).as_bytes());
    let answer = outcome.json();
    assert_eq!((outcome.status, answer["keys"].as_array().unwrap().len()), (0, 2));
    let facts =
        ["index", "kid", "kind", "alg", "use", "bits", "usable", "code"].map(|fact| &answer["keys"][0][fact]);
    assert_eq!(
        facts.map(ToString::to_string),
        ["0", "\"es-1\"", "\"EC P-256\"", "\"ES256\"", "\"sig\"", "256", "true", "null"]
    );
    assert!(answer["keys"][1]["thumbprint"].is_null() && answer["keys"][1]["bits"].is_null());
    assert!(!outcome.stdout.contains(secret.jwk()["k"].as_str().unwrap()));
}

#[test]
fn certificate_is_recognised_in_each_form() {
    let certificate = Key::new(Algorithm::ES256, "es-1").certificate();
    let pem = |text: &str| format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    let check = |content: &[u8], status: i32, count: usize| {
        let file = KeyFile::new(content);
        for outcome in [
            run(&["inspect", file.path.to_str().unwrap(), "--json"]),
            run_reading(&["inspect", "-", "--json"], content),
        ] {
            assert_eq!(outcome.status, status, "{outcome:?}");
            let found = outcome.json()["certificates"].as_array().map_or(0, Vec::len);
            assert_eq!(found, count, "{outcome:?}");
        }
    };
    let one = pem(&certificate.x5c());
    check(one.as_bytes(), 0, 1);
    check(one.repeat(2).as_bytes(), 0, 2);
    check(certificate.der(), 0, 1);
    check(&certificate.der()[..100], 1, 0);
    check(pem("AAAA").as_bytes(), 1, 0);
    check(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 1, 0);
}

#[test]
fn file_is_read_by_its_name_and_anything_else_is_a_token() {
    let token = unsigned(r#"{"alg":"RS256"}"#, "{}");
    let file = KeyFile::new(format!("{token}\n"));
    let path = file.path.to_str().unwrap();
    assert_eq!(run(&["inspect", path, "--json"]).json()["claims"], json!({}));
    let outcome = run(&["inspect", file.path.parent().unwrap().to_str().unwrap(), "--json"]);
    assert_eq!((outcome.status, outcome.json()["code"].clone()), (2, json!("config_document_unreadable")));
    let outcome = run(&["inspect", &format!("{path}.gone"), "--json"]);
    assert_eq!((outcome.status, outcome.json()["code"].clone()), (1, json!("token_malformed")));
    for (content, code) in [("{}", "key_set_keys_missing"), ("{", "key_set_malformed")] {
        let outcome = run_reading(&["inspect", "-", "--json"], content.as_bytes());
        assert_eq!((outcome.status, outcome.json()["code"].clone()), (1, json!(code)));
    }
}

#[test]
fn colours_follow_the_option_and_the_environment() {
    let token = token_with_certificate();
    let styled = |options: &[&str], variables: &[(&str, &str)]| {
        let mut command = crate::support::binary();
        command.arg("inspect").args(options).arg(&token).envs(variables.iter().copied());
        String::from_utf8(command.output().unwrap().stdout).unwrap().contains("\u{1b}[")
    };
    assert!(!styled(&[], &[]));
    assert!(styled(&["--color", "always"], &[]));
    assert!(styled(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(styled(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!styled(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!styled(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!styled(&["--color", "always", "--json"], &[]));
}

/// Without its colours the text is the one that is printed without colours.
#[test]
fn colours_change_no_word() {
    let claims = r#"{"a\"b: ,":"x\\","n":-1.5,"t":[true,null,{"u":"\u0022: 1,"}],"e":{}}"#;
    let token = unsigned(r#"{"alg":"RS256"}"#, claims);
    let plain = run(&["inspect", &token]).stdout;
    let coloured = run(&["inspect", &token, "--color", "always"]).stdout;
    let mut parts = coloured.split("\u{1b}[");
    let first = parts.next().unwrap().to_owned();
    let stripped = parts.fold(first, |text, part| text + part.split_once('m').unwrap().1);
    assert!(coloured.len() > plain.len());
    assert_eq!(stripped, plain);
}
