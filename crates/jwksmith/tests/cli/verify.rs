//! `jwksmith verify` with a key set from a file: what is accepted, what is refused, and how it is said.

use insta::assert_snapshot;
use jwksmith_jose::Algorithm;
use serde_json::{Value, json};

use crate::support::{
    AUDIENCE, ISSUER, Key, KeyFile, NOW_SECONDS, VerifyArgs, claims, claims_with, claims_without, key_set,
    run, run_reading, unsigned,
};

const VALID: (i32, Value) = (0, Value::Null);

fn refused(code: &str) -> (i32, Value) {
    (1, json!(code))
}

fn faulty(code: &str) -> (i32, Value) {
    (2, json!(code))
}

fn es256() -> (Key, KeyFile) {
    let key = Key::new(Algorithm::ES256, "es-1");
    let file = KeyFile::new(key_set(&[&key]));
    (key, file)
}

#[test]
fn valid_token_in_words() {
    let (key, file) = es256();
    let outcome =
        VerifyArgs::offline(&file.path).with_only("--at", "1800000030").arg(&key.token(&claims())).run();
    assert_snapshot!(outcome.seen(), @r"
    status 0
    valid
      issuer     https://tenant.example/
      audience   https://api.example/
      subject    orders-app
      algorithm  ES256
      kid        es-1
      expires    2027-01-16T08:00:00Z (in 23 h 59 min)
      scope      read:orders write:orders
    ");
}

#[test]
fn valid_token_with_the_least_claims_in_words() {
    let (key, file) = es256();
    let claims = json!({"iss": ISSUER, "aud": ["x", AUDIENCE], "exp": NOW_SECONDS - 5, "scope": 7, "permissions": null});
    assert_snapshot!(VerifyArgs::offline(&file.path).arg(&key.token(&claims)).run().seen(), @r"
    status 0
    valid
      issuer     https://tenant.example/
      audience   x, https://api.example/
      algorithm  ES256
      kid        es-1
      expires    2027-01-15T07:59:55Z (5 s ago)
    ");
}

#[test]
fn valid_token_as_json_shows_what_was_signed() {
    let (key, file) = es256();
    let outcome = VerifyArgs::offline(&file.path).arg("--json").arg(&key.token(&claims())).run();
    let expected =
        json!({"valid": true, "claims": claims(), "header": {"alg": "ES256", "typ": "JWT", "kid": "es-1"}});
    assert_eq!((outcome.status, outcome.json(), outcome.stderr.as_str()), (0, expected, ""));
}

#[test]
fn refused_token_in_words() {
    let (key, file) = es256();
    let expired = key.token(&claims_with("exp", NOW_SECONDS - 90));
    let future = key.token(&claims_with("nbf", NOW_SECONDS + 90));
    let args = VerifyArgs::offline(&file.path);
    assert_snapshot!(args.clone().arg(&expired).run().seen(), @r"
    status 1
    refused: the token expired at 1799999910, the clock says 1800000000 (leeway 30 s): request a new one, and check both clocks if it is fresh
    code: token_expired
    expired: 2027-01-15T07:58:30Z (1 min 30 s ago)
    ");
    assert_snapshot!(args.clone().arg(&future).run().seen(), @r"
    status 1
    refused: the token's `nbf` is 1800000090, the clock says 1800000000 (leeway 30 s): check both clocks
    code: token_not_yet_valid
    valid from: 2027-01-15T08:01:30Z (in 1 min 30 s)
    ");
    let other = args.clone().with("--algorithm", "RS256").arg(&key.token(&claims()));
    assert_snapshot!(other.run().seen(), @r"
    status 1
    refused: the token is signed with ES256, which is not among the allowed algorithms: allow it only if the issuer documents it
    code: alg_not_allowed
    hint: `--algorithm ES256` allows it
    ");
    assert_snapshot!(args.arg("Bearer").run().seen(), @r"
    status 1
    refused: a signed token has three segments separated by dots, this text has 1: check that the whole token was copied, without `Bearer`
    code: token_malformed
    ");
}

#[test]
fn refused_token_as_json() {
    let (key, file) = es256();
    let expired = key.token(&claims_with("exp", NOW_SECONDS - 90));
    let outcome = VerifyArgs::offline(&file.path).arg("--json").arg(&expired).run();
    assert_snapshot!(outcome.seen(), @r#"
    status 1
    {"valid":false,"code":"token_expired","reason":"the token expired at 1799999910, the clock says 1800000000 (leeway 30 s): request a new one, and check both clocks if it is fresh"}
    "#);
}

#[test]
fn token_is_refused_with_the_code_of_its_fault() {
    let (key, file) = es256();
    let stranger = Key::new(Algorithm::ES256, "es-1");
    let unknown = Key::new(Algorithm::ES256, "es-2");
    let check = |token: &str, code: &str| {
        assert_eq!(VerifyArgs::offline(&file.path).decide(token), refused(code), "{token}");
    };
    let signed = |claims: &Value| key.token(claims);
    check(&signed(&claims_with("exp", NOW_SECONDS - 30)), "token_expired");
    check(&signed(&claims_with("nbf", NOW_SECONDS + 31)), "token_not_yet_valid");
    check(&signed(&claims_with("iat", NOW_SECONDS + 31)), "token_not_yet_valid");
    check(&signed(&claims_with("iss", "https://tenant.example")), "iss_mismatch");
    check(&signed(&claims_with("aud", "https://api.example")), "aud_mismatch");
    check(&signed(&claims_with("aud", json!([]))), "aud_mismatch");
    check(&signed(&claims_with("exp", "never")), "claim_type");
    check(&signed(&claims_without("exp")), "claim_missing");
    check(&signed(&claims_without("iss")), "claim_missing");
    check(&signed(&claims_without("aud")), "claim_missing");
    check(&stranger.token(&claims()), "signature_invalid");
    check(&unknown.token(&claims()), "kid_unknown");
    check(&Key::new(Algorithm::HS256, "es-1").token(&claims()), "alg_not_allowed");
    check(&unsigned(r#"{"alg":"none"}"#, &claims().to_string()), "alg_none");
    check(&format!("Bearer {}", signed(&claims())), "token_encoding");
    check("a.b.c.d.e", "token_encrypted");
    check("", "token_malformed");
    check("a", "token_malformed");
    check(&"a".repeat(16 * 1024), "token_malformed");
    check(&"a".repeat(16 * 1024 + 1), "token_too_large");
}

#[test]
fn each_option_changes_what_is_accepted() {
    let (key, file) = es256();
    let args = || VerifyArgs::offline(&file.path);
    let token = key.token(&claims());
    assert_eq!(args().decide(&token), VALID);
    assert_eq!(
        args().with_only("--issuer", "https://tenant.example").decide(&token),
        refused("iss_mismatch")
    );
    assert_eq!(args().with_only("--audience", "b").decide(&token), refused("aud_mismatch"));
    assert_eq!(args().with_only("--audience", "b").with("--audience", AUDIENCE).decide(&token), VALID);
    assert_eq!(args().with("--algorithm", "RS256").decide(&token), refused("alg_not_allowed"));
    assert_eq!(args().with("--algorithm", "RS256").with("--algorithm", "ES256").decide(&token), VALID);
    assert_eq!(args().with("--typ", "at+jwt").decide(&token), refused("typ_mismatch"));
    assert_eq!(args().with("--typ", "at+jwt").decide(&key.typed_token("at+jwt", &claims())), VALID);
    assert_eq!(args().with_only("--at", "1800086429").decide(&token), VALID);
    assert_eq!(args().with_only("--at", "1800086430").decide(&token), refused("token_expired"));
    assert_eq!(args().with_only("--at", "2027-01-16T09:00:29+01:00").decide(&token), VALID);
    assert_eq!(
        args().with_only("--at", "2027-01-16T09:00:30+01:00").decide(&token),
        refused("token_expired")
    );
    let other = KeyFile::new(key_set(&[&Key::new(Algorithm::ES256, "es-2")]));
    let other = other.path.to_str().unwrap();
    assert_eq!(args().with_only("--jwks", other).decide(&token), refused("kid_unknown"));
}

#[test]
fn leeway_is_read_in_each_spelling_and_is_exact() {
    let (key, file) = es256();
    let check = |leeway: &str, late: u64, expected: (i32, Value)| {
        let token = key.token(&claims_with("exp", NOW_SECONDS - late));
        let args = VerifyArgs::offline(&file.path).with("--leeway", leeway);
        assert_eq!(args.decide(&token), expected, "{leeway} {late}");
    };
    check("1s", 0, VALID);
    check("0s", 0, refused("token_expired"));
    check("0", 0, refused("token_expired"));
    check("90", 89, VALID);
    check("90", 90, refused("token_expired"));
    check("2m", 119, VALID);
    check("2m", 120, refused("token_expired"));
    check("5m", 299, VALID);
    check("300", 300, refused("token_expired"));
    check("301s", 0, faulty("config_leeway_too_large"));
    check("18446744073709551615", 0, faulty("config_leeway_too_large"));
}

#[test]
fn every_algorithm_is_accepted_when_it_is_named() {
    for algorithm in Algorithm::all() {
        let key = Key::new(algorithm, "k");
        let file = KeyFile::new(key_set(&[&key]));
        let token = key.token(&claims());
        let args = VerifyArgs::offline(&file.path);
        let unnamed = if algorithm.is_symmetric() { refused("alg_not_allowed") } else { VALID };
        assert_eq!(args.decide(&token), unnamed, "{algorithm}");
        assert_eq!(args.with("--algorithm", algorithm.name()).decide(&token), VALID, "{algorithm}");
    }
    let key = Key::new(Algorithm::EdDSA, "k");
    let file = KeyFile::new(key_set(&[&key]));
    let args = VerifyArgs::offline(&file.path).with("--algorithm", "Ed25519");
    assert_eq!(args.decide(&key.token(&claims())), VALID);
}

#[test]
fn configuration_that_cannot_be_meant_is_a_fault() {
    let (key, file) = es256();
    let token = key.token(&claims());
    let check =
        |args: VerifyArgs, code: &str| assert_eq!(args.decide(&token), faulty(code), "{:?}", args.list());
    let args = || VerifyArgs::offline(&file.path);
    check(args().with_only("--issuer", ""), "config_issuer_empty");
    check(args().with_only("--audience", ""), "config_audience_empty");
    check(args().with("--audience", ""), "config_audience_empty");
    check(args().with("--typ", ""), "config_typ_empty");
    check(args().with("--algorithm", "HS256").with("--algorithm", "RS256"), "config_algorithms_mixed");
    check(args().without("--jwks").with("--algorithm", "HS512"), "config_hmac_without_jwks");
    check(args().without("--jwks").with_only("--issuer", "tenant.example"), "config_issuer");
    check(args().without("--jwks").with_only("--issuer", "http://tenant.example/"), "config_issuer");
    check(args().with_only("--jwks", "/nowhere/keys.json"), "config_jwks_unreadable");
    check(
        args().with_only("--jwks", file.path.parent().unwrap().to_str().unwrap()),
        "config_jwks_unreadable",
    );
}

#[test]
fn key_file_that_is_no_key_set_is_a_fault() {
    let token = es256().0.token(&claims());
    let check = |content: &[u8], code: &str| {
        let file = KeyFile::new(content);
        assert_eq!(VerifyArgs::offline(&file.path).decide(&token), faulty(code));
    };
    check(b"", "key_set_malformed");
    check(b"\xff", "key_set_malformed");
    check(b"{}", "key_set_keys_missing");
    check(br#"{"keys":[]}"#, "key_set_no_usable_key");
    check(br#"{"keys":[],"keys":[]}"#, "key_set_duplicate_member");
    check(&vec![b' '; 256 * 1024], "key_set_malformed");
    check(&vec![b' '; 256 * 1024 + 1], "key_set_too_large");
}

#[test]
fn configuration_fault_in_words() {
    let args = || VerifyArgs::online(ISSUER);
    assert_snapshot!(args().with("--algorithm", "HS256").arg("x").run().seen(), @r"
    status 2
    error: HS256 takes a shared secret, which no issuer can publish: give the secret in a key set with `--jwks FILE`
    code: config_hmac_without_jwks
    ");
    assert_snapshot!(args().with("--leeway", "10m").arg("x").run().seen(), @r"
    status 2
    error: the leeway of 600 s is over 300 s: correct the clocks instead
    code: config_leeway_too_large
    ");
    assert_snapshot!(args().with("--jwks", "nowhere.json").arg("x").run().seen(), @r"
    status 2
    error: the key set nowhere.json cannot be read: No such file or directory (os error 2)
    code: config_jwks_unreadable
    ");
}

#[test]
fn command_line_that_cannot_be_read_exits_with_2_and_says_nothing_on_stdout() {
    let check = |args: &[&str], hint: &str| {
        let outcome = run(args);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
        assert!(outcome.stderr.contains(hint), "{hint}: {outcome:?}");
    };
    check(&[], "Usage: jwksmith");
    check(&["verifi"], "a similar subcommand exists: 'verify'");
    check(&["verify", "x", "--audience", "a"], "--issuer <URL>");
    check(&["verify", "x", "--issuer", "i"], "--audience <AUD>");
    check(&["verify", "--issuer", "i", "--audience", "a"], "<TOKEN>");
    check(&["verify", "x", "--lines", "--issuer", "i", "--audience", "a"], "cannot be used with '--lines'");
    check(&["verify", "--lines", "--explain", "--issuer", "i", "--audience", "a"], "cannot be used with");
    check(
        &["verify", "x", "--issuer", "i", "--audience", "a", "--algorithm", "none"],
        "[possible values: RS256, ",
    );
    check(&["verify", "x", "--issuer", "i", "--audience", "a", "--leeway=-1s"], "expected whole seconds");
    check(&["verify", "x", "--issuer", "i", "--audience", "a", "--leeway", "soon"], "expected whole seconds");
    check(&["verify", "x", "--issuer", "i", "--audience", "a", "--at", "noon"], "expected RFC 3339");
    check(&["verify", "x", "--issuer", "i", "--audience", "a", "--at", "1800000000000"], "not milliseconds");
    check(&["verify", "x", "--issuer", "i", "--audience", "a", "--log", "a=b=c"], "config_log_filter");
}

#[test]
fn token_is_read_from_standard_input() {
    let (key, file) = es256();
    let check = |stdin: &[u8], expected: (i32, Value)| {
        let args = VerifyArgs::offline(&file.path).arg("--json").arg("-");
        let outcome = run_reading(args.list(), stdin);
        assert_eq!((outcome.status, outcome.json()["code"].clone()), expected);
    };
    let token = key.token(&claims());
    check(token.as_bytes(), VALID);
    check(format!("\n {token}\r\n\n").as_bytes(), VALID);
    check(b"", refused("token_malformed"));
    check(b"\xff\xfe", refused("token_malformed"));
    check(format!("{token}\n{token}\n").as_bytes(), refused("token_malformed"));
    check(&vec![b'a'; 1 << 20], refused("token_too_large"));
}

#[test]
fn blanks_around_the_argument_are_dropped() {
    let (key, file) = es256();
    let token = format!(" {}\n", key.token(&claims()));
    assert_eq!(VerifyArgs::offline(&file.path).decide(&token), VALID);
}

#[test]
fn text_of_a_token_never_reaches_the_terminal_raw() {
    let key = Key::new(Algorithm::ES256, "\u{1b}[31mred\u{202e}\nvalid");
    let file = KeyFile::new(key_set(&[&key]));
    let token = key.token(&claims_with("sub", "\u{9b}2J\nexpires    never"));
    let args = VerifyArgs::offline(&file.path);
    assert_snapshot!(args.clone().arg(&token).run().seen(), @r"
    status 0
    valid
      issuer     https://tenant.example/
      audience   https://api.example/
      subject    \u{9b}2J\nexpires    never
      algorithm  ES256
      kid        \u{1b}[31mred\u{202e}\nvalid
      expires    2027-01-16T08:00:00Z (in 1 d)
      scope      read:orders write:orders
    ");
    let raw = args.arg("--json").arg(&token).run();
    assert!(!raw.stdout.trim_end().chars().any(|c| c.is_control() || c == '\u{202e}'), "{raw:?}");
    assert_eq!(raw.json()["claims"]["sub"], "\u{9b}2J\nexpires    never");
}

#[cfg(target_os = "linux")]
#[test]
fn answer_that_cannot_be_written_is_an_error() {
    let (key, file) = es256();
    let args = VerifyArgs::offline(&file.path).arg(&key.token(&claims()));
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = crate::support::binary().args(args.list()).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be written"));
}

#[test]
fn answer_that_nobody_reads_changes_no_verdict() {
    let (key, file) = es256();
    let args = VerifyArgs::offline(&file.path).arg(&key.token(&claims()));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = crate::support::binary().args(args.list()).stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}
