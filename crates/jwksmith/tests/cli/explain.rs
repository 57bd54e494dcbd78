//! `jwksmith verify --explain`: every check and every key, with the verdict that would have been without it.

use insta::{assert_snapshot, with_settings};
use jwksmith_jose::Algorithm;
use serde_json::{Value, json};

use crate::support::{
    AUDIENCE, DESERTED, Key, KeyFile, NOW, NOW_SECONDS, TinyIssuer, VerifyArgs, claims, claims_with, key_set,
    unsigned,
};

/// What differs from run to run, and from system to system.
const FILTERS: [(&str, &str); 3] = [
    (r"http://127\.0\.0\.1:\d+/", "[ISSUER]/"),
    (r" \(os error \d+\)", ""),
    (r"try again: in \d+ s", "try again: in [WAIT]"),
];

struct Keys {
    old: Key,
    new: Key,
    file: KeyFile,
}

/// Two keys, and one that nobody can use.
fn keys() -> Keys {
    let (old, new) = (Key::new(Algorithm::RS256, "old"), Key::new(Algorithm::ES256, "new"));
    let set = json!({"keys": [old.jwk(), new.jwk(), {"kty": "OKP", "crv": "X25519", "x": "AA"}]});
    Keys { old, new, file: KeyFile::new(set.to_string()) }
}

fn check(value: &Value, name: &str) -> Value {
    let checks = value["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}: {value}")).clone()
}

#[test]
fn refused_token_in_words() {
    let Keys { new, file, .. } = keys();
    let mut claims = claims_with("exp", NOW_SECONDS - 90);
    claims["aud"] = json!("https://other.example/");
    let args = VerifyArgs::offline(&file.path).arg("--explain").arg(&new.token(&claims));
    assert_snapshot!(args.run().seen(), @r#"
    status 1
    checks
      passed        segments               RFC 7515 §7.1
      passed        header                 RFC 7515 §4, RFC 8725 §3.10
      passed        claims encoding        RFC 7515 §2
      passed        signature encoding     RFC 7515 §2
      passed        algorithm              RFC 8725 §3.1
      not demanded  typ                    RFC 8725 §3.11
      passed        key                    RFC 7515 §4.1.4
      passed        signature              RFC 7515 §5.2
      passed        claims                 RFC 7519 §7.2
      passed        claim types            RFC 7519 §4.1
      passed        iss                    RFC 7519 §4.1.1
      refused       aud                    RFC 7519 §4.1.3
        the token is meant for "https://other.example/", expected "https://api.example/": request a token for this API (aud_mismatch)
      refused       exp                    RFC 7519 §4.1.4
        the token expired at 1799999910, the clock says 1800000000 (leeway 30 s): request a new one, and check both clocks if it is fresh (token_expired)
      not demanded  nbf                    RFC 7519 §4.1.5
      passed        iat                    RFC 7519 §4.1.6
      not demanded  tenant                 Microsoft, issuer validation
      not demanded  claims of the profile  RFC 8725 §3.12
      not demanded  sub                    OpenID Connect Core §2, RFC 7523 §3
      not demanded  azp                    OpenID Connect Core §3.1.3.7
      not demanded  nonce                  OpenID Connect Core §3.1.3.7
      not demanded  organization           Auth0, ID token validation
      not demanded  auth_time              OpenID Connect Core §3.1.3.7
      not demanded  events                 OpenID Connect Back-Channel Logout §2.4
      not demanded  assertion bounds       RFC 7523 §3
      not demanded  scope                  RFC 6749 §3.3
      not demanded  claims of the caller   RFC 7519 §4.3
      not demanded  key issuer             Microsoft, signing key issuer

    keys
      0  old: not the `kid` that the token names
      1  new: the token's key
      2  (no kid): cannot be used: its key type "OKP X25519" is a key for encryption (RFC 8037) (jwk_key_type)

    refused: the token is meant for "https://other.example/", expected "https://api.example/": request a token for this API
    code: aud_mismatch
    "#);
}

#[test]
fn valid_token_in_words() {
    let Keys { old, file, .. } = keys();
    let args = VerifyArgs::offline(&file.path).arg("--explain").arg(&old.token(&claims()));
    assert_snapshot!(args.run().seen(), @r#"
    status 0
    checks
      passed        segments               RFC 7515 §7.1
      passed        header                 RFC 7515 §4, RFC 8725 §3.10
      passed        claims encoding        RFC 7515 §2
      passed        signature encoding     RFC 7515 §2
      passed        algorithm              RFC 8725 §3.1
      not demanded  typ                    RFC 8725 §3.11
      passed        key                    RFC 7515 §4.1.4
      passed        signature              RFC 7515 §5.2
      passed        claims                 RFC 7519 §7.2
      passed        claim types            RFC 7519 §4.1
      passed        iss                    RFC 7519 §4.1.1
      passed        aud                    RFC 7519 §4.1.3
      passed        exp                    RFC 7519 §4.1.4
      not demanded  nbf                    RFC 7519 §4.1.5
      passed        iat                    RFC 7519 §4.1.6
      not demanded  tenant                 Microsoft, issuer validation
      not demanded  claims of the profile  RFC 8725 §3.12
      not demanded  sub                    OpenID Connect Core §2, RFC 7523 §3
      not demanded  azp                    OpenID Connect Core §3.1.3.7
      not demanded  nonce                  OpenID Connect Core §3.1.3.7
      not demanded  organization           Auth0, ID token validation
      not demanded  auth_time              OpenID Connect Core §3.1.3.7
      not demanded  events                 OpenID Connect Back-Channel Logout §2.4
      not demanded  assertion bounds       RFC 7523 §3
      not demanded  scope                  RFC 6749 §3.3
      not demanded  claims of the caller   RFC 7519 §4.3
      not demanded  key issuer             Microsoft, signing key issuer

    keys
      0  old: the token's key
      1  new: not the `kid` that the token names
      2  (no kid): cannot be used: its key type "OKP X25519" is a key for encryption (RFC 8037) (jwk_key_type)

    valid
      issuer     https://tenant.example/
      audience   https://api.example/
      subject    orders-app
      algorithm  RS256
      kid        old
      expires    2027-01-16T08:00:00Z (in 1 d)
      scope      read:orders write:orders
    "#);
}

#[test]
fn explanation_as_json() {
    let Keys { new, file, .. } = keys();
    let args = VerifyArgs::offline(&file.path).with("--typ", "at+jwt").arg("--explain").arg("--json");
    let outcome = args.arg(&new.token(&claims_with("exp", NOW_SECONDS - 90))).run();
    let answer = outcome.json();
    assert_eq!((outcome.status, outcome.stderr.as_str()), (1, ""));
    assert_eq!((&answer["valid"], &answer["code"]), (&json!(false), &json!("typ_mismatch")));
    assert_eq!(
        check(&answer, "iss"),
        json!({"name": "iss", "source": "RFC 7519 §4.1.1", "outcome": "passed"})
    );
    assert_eq!(check(&answer, "nonce")["outcome"], "not demanded");
    assert_eq!(check(&answer, "typ")["code"], "typ_mismatch");
    assert_eq!(check(&answer, "exp")["code"], "token_expired");
    assert!(check(&answer, "exp")["reason"].as_str().is_some_and(|reason| reason.contains("expired at")));
    assert_eq!(
        answer["keys"],
        json!([
            {"index": 0, "kid": "old", "fitness": "other_kid"},
            {"index": 1, "kid": "new", "fitness": "chosen"},
            {"index": 2, "kid": null, "fitness": "skipped", "code": "jwk_key_type",
             "reason": "its key type \"OKP X25519\" is a key for encryption (RFC 8037)"},
        ])
    );
    let members: Vec<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["checks", "code", "keys", "reason", "valid"]);
}

/// With every kind of token: explaining changes nothing of what is decided.
#[test]
fn verdict_is_the_one_without_explanation() {
    let Keys { old, new, file } = keys();
    let stranger = Key::new(Algorithm::ES256, "new");
    let args = VerifyArgs::offline(&file.path);
    for token in [
        old.token(&claims()),
        new.token(&claims()),
        stranger.token(&claims_with("exp", 1)),
        Key::new(Algorithm::ES256, "gone").token(&claims()),
        new.token(&claims_with("aud", 7)),
        unsigned(r#"{"alg":"none"}"#, "{}"),
        unsigned(r#"{"alg":"ES256"}"#, "[]"),
        "a.b.c".to_owned(),
        "a.b.c.d.e".to_owned(),
        String::new(),
        "x".repeat(16 * 1024 + 1),
    ] {
        let expected = args.decide(&token);
        assert_eq!(args.clone().arg("--explain").decide(&token), expected, "{token}");
        let (plain, told) = (args.clone().arg(&token).run(), args.clone().arg("--explain").arg(&token).run());
        assert_eq!((plain.status, &plain.stderr), (told.status, &told.stderr));
        assert!(told.stdout.ends_with(&plain.stdout), "{told:?}");
    }
}

#[test]
fn issuer_is_asked_for_its_keys_also_for_a_hopeless_token() {
    let key = Key::new(Algorithm::RS256, "rs-1");
    let issuer = TinyIssuer::new(&key_set(&[&key]));
    let mut claims = claims_with("iss", issuer.url.as_str());
    claims["exp"] = json!(NOW_SECONDS - 90);
    let token = key.token(&claims);
    let args = VerifyArgs::online(&issuer.url).with("--at", NOW).arg("--json");
    assert_eq!(args.clone().arg(&token).run().json()["code"], "token_expired");
    assert_eq!(issuer.requests(), 0);
    let answer = args.arg("--explain").arg(&token).run().json();
    assert_eq!((&answer["code"], issuer.requests()), (&json!("token_expired"), 2));
    assert_eq!(answer["keys"], json!([{"index": 0, "kid": "rs-1", "fitness": "chosen"}]));
    assert_eq!(check(&answer, "signature")["outcome"], "passed");
}

#[test]
fn checks_that_need_no_key_are_told_when_the_issuer_is_away() {
    let key = Key::new(Algorithm::ES256, "es-1");
    let token = key.token(&claims_with("iss", DESERTED));
    let args = VerifyArgs::online(DESERTED).with("--at", NOW).arg("--explain");
    with_settings!({filters => FILTERS}, {
        assert_snapshot!(args.clone().arg(&token).run().seen(), @r"
        status 3
        checks
          passed        segments               RFC 7515 §7.1
          passed        header                 RFC 7515 §4, RFC 8725 §3.10
          passed        claims encoding        RFC 7515 §2
          passed        signature encoding     RFC 7515 §2
          passed        algorithm              RFC 8725 §3.1
          not demanded  typ                    RFC 8725 §3.11
          not reached   key                    RFC 7515 §4.1.4
          not reached   signature              RFC 7515 §5.2
          passed        claims                 RFC 7519 §7.2
          passed        claim types            RFC 7519 §4.1
          passed        iss                    RFC 7519 §4.1.1
          passed        aud                    RFC 7519 §4.1.3
          passed        exp                    RFC 7519 §4.1.4
          not demanded  nbf                    RFC 7519 §4.1.5
          passed        iat                    RFC 7519 §4.1.6
          not demanded  tenant                 Microsoft, issuer validation
          not demanded  claims of the profile  RFC 8725 §3.12
          not demanded  sub                    OpenID Connect Core §2, RFC 7523 §3
          not demanded  azp                    OpenID Connect Core §3.1.3.7
          not demanded  nonce                  OpenID Connect Core §3.1.3.7
          not demanded  organization           Auth0, ID token validation
          not demanded  auth_time              OpenID Connect Core §3.1.3.7
          not demanded  events                 OpenID Connect Back-Channel Logout §2.4
          not demanded  assertion bounds       RFC 7523 §3
          not demanded  scope                  RFC 6749 §3.3
          not demanded  claims of the caller   RFC 7519 §4.3
          not reached   key issuer             Microsoft, signing key issuer

        keys
          not to be had  [ISSUER]/.well-known/openid-configuration cannot be reached: Connection refused (issuer_unreachable)

        cannot decide: [ISSUER]/.well-known/openid-configuration cannot be reached: Connection refused
        code: issuer_unreachable
        try again: in [WAIT]
        ");
    });
    let outcome = args.clone().arg("--json").arg(&token).run();
    let answer = outcome.json();
    assert_eq!((outcome.status, &answer["valid"]), (3, &Value::Null));
    assert_eq!(answer["keys_missing"]["code"], "issuer_unreachable");
    assert_eq!((&answer["keys"], check(&answer, "aud")["outcome"].clone()), (&json!([]), json!("passed")));
    assert!(answer["retry_after"].is_u64());
    // What is wrong without any key stays the verdict.
    let other = key.token(&claims_with("iss", "https://other.example/"));
    let outcome = args.arg("--json").arg(&other).run();
    assert_eq!((outcome.status, outcome.json()["code"].clone()), (1, json!("iss_mismatch")));
    assert_eq!(outcome.json()["keys_missing"]["code"], "issuer_unreachable");
}

#[test]
fn colours_are_used_when_they_are_asked_for() {
    let Keys { new, file, .. } = keys();
    let args = VerifyArgs::offline(&file.path).arg("--explain").arg(&new.token(&claims()));
    let styled = |args: &VerifyArgs| args.run().stdout.contains("\u{1b}[");
    assert!(!styled(&args));
    assert!(!styled(&args.clone().with("--color", "never")));
    assert!(styled(&args.with("--color", "always")));
}

#[test]
fn text_from_outside_never_reaches_the_terminal_raw() {
    let key = Key::new(Algorithm::ES256, "\u{1b}[31mred\u{202e}\nvalid");
    let file = KeyFile::new(key_set(&[&key]));
    let args = VerifyArgs::offline(&file.path).arg("--explain");
    let outcome = args.arg(&key.token(&claims_with("aud", format!("{AUDIENCE}\u{9b}2J\nx")))).run();
    let raw = |text: &str| text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}');
    assert!(!raw(&outcome.stdout) && !raw(&outcome.stderr), "{outcome:?}");
    assert!(!outcome.stdout.lines().any(|line| line.starts_with("valid")), "{outcome:?}");
}

/// The log is styled as everything else is.
#[test]
fn colours_of_the_log_follow_the_option() {
    let key = Key::new(Algorithm::RS256, "rs-1");
    let issuer = TinyIssuer::new(&key_set(&[&key]));
    let token = key.token(&claims_with("iss", issuer.url.as_str()));
    let told = |color: &str| {
        let args = VerifyArgs::online(&issuer.url).with("--at", NOW).with("--color", color).arg("-v");
        args.arg(&token).run().stderr
    };
    assert!(told("always").contains("\u{1b}["));
    assert!(told("auto").contains("DEBUG") && !told("auto").contains("\u{1b}["));
}
