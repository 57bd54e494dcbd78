//! `danger::issuer`: whatever a policy accepts, it names that policy's issuer; and it reads no more than it must.

#![allow(clippy::unwrap_used, reason = "a table row that cannot be built is a failed test")]

mod common;

use common::{AUDIENCE, ED25519, ISSUER, NOW, key_set, sign};
use jwksmith_jose::limits::TOKEN_BYTES_MAX;
use jwksmith_jose::{Algorithm, KeySet, Memory, Policy, UnixTime, base64url_encode, danger, verify_token};
use proptest::prelude::*;

const HEADER: &str = r#"{"alg":"EdDSA","kid":"ed25519"}"#;

/// What every policy wants beside the issuer.
const REST: &str = r#""aud":"https://api.example/","exp":1800003600"#;

/// The issuer or the code of the refusal, with memory that is used for every row.
fn issuer(token: &str, memory: &mut Memory) -> Result<String, &'static str> {
    danger::issuer(token, memory).map(String::from).map_err(|refusal| refusal.code())
}

fn is_accepted(token: &str) -> bool {
    let keys = KeySet::parse(key_set(&[ED25519.jwk()]).as_bytes()).unwrap();
    let policy = Policy::new(ISSUER, AUDIENCE, [Algorithm::EdDSA]).unwrap();
    verify_token(token, &keys, &policy, UnixTime::from_seconds(NOW)).is_ok()
}

/// Signs each of these claims: what becomes of it, and whether it must be accepted.
fn check(cases: &[(&str, String, Result<&str, &'static str>, bool)]) {
    let mut memory = Memory::new();
    for (what, claims, expected, accepted) in cases {
        let token = sign(&ED25519.signing, HEADER, claims);
        let found = issuer(&token, &mut memory);
        assert_eq!(found.as_deref().map_err(|code| *code), *expected, "{what}");
        assert_eq!(is_accepted(&token), *accepted, "{what}");
    }
}

#[test]
fn issuer_is_found_wherever_and_however_it_is_written() {
    let long = "x".repeat(2000);
    let of = |text: String| text.replace("$ISS", r#""iss":"https://tenant.example/""#).replace("$REST", REST);
    let cases = [
        ("the first", "{$ISS,$REST}".to_owned()),
        ("the last", "{$REST,$ISS}".to_owned()),
        ("the last of many", format!(r#"{{$REST,"x":"{long}",$ISS}}"#)),
        ("the first of many", format!(r#"{{$ISS,$REST,"x":"{long}"}}"#)),
        ("an escaped name", r#"{"\u0069s\u0073":"https://tenant.example/",$REST}"#.to_owned()),
        ("an escaped text", r#"{"iss":"https:\/\/ten\u0061nt.example\/",$REST}"#.to_owned()),
        ("escaped and late", format!(r#"{{$REST,"x":"{long}","is\u0073":"https:\/\/tenant.example/"}}"#)),
        ("blanks", "\t{ \"iss\" :\n\"https://tenant.example/\" , $REST }\r\n".to_owned()),
        (
            "another in an object before it",
            r#"{"act":{"iss":"https://other.example/"},$ISS,$REST}"#.to_owned(),
        ),
        (
            "another in an array before it",
            r#"{"x":[{"iss":"https://other.example/"}],$ISS,$REST}"#.to_owned(),
        ),
        ("another within a text", r#"{"x":"\",\"iss\":\"https://other.example/",$ISS,$REST}"#.to_owned()),
        ("names that resemble it", r#"{"ISS":"a","iss ":"b","\"iss":"c","is":"d",$ISS,$REST}"#.to_owned()),
    ];
    check(&cases.map(|(what, claims)| (what, of(claims), Ok(ISSUER), true)));
}

/// The head that is decoded first ends within each byte of it in turn.
#[test]
fn issuer_is_found_across_the_end_of_what_is_decoded_first() {
    for filling in ["x", "é", "\u{10348}"] {
        let cases: Vec<_> = (0..260 / filling.len())
            .map(|length| {
                let claims = format!(r#"{{"x":"{}","iss":"{ISSUER}",{REST}}}"#, filling.repeat(length));
                ("a filling", claims, Ok(ISSUER), true)
            })
            .collect();
        check(&cases);
    }
}

#[test]
fn issuer_that_is_none_is_refused() {
    let long = format!(r#""x":"{}""#, "x".repeat(400));
    let late = |iss: &str| format!("{{{REST},{long},{iss}}}");
    check(&[
        ("none", format!("{{{REST}}}"), Err("claim_missing"), false),
        ("none among many", format!("{{{REST},{long}}}"), Err("claim_missing"), false),
        ("none, and no claim", "{}".to_owned(), Err("claim_missing"), false),
        ("only a nested one", format!(r#"{{"x":{{"iss":"{ISSUER}"}},{REST}}}"#), Err("claim_missing"), false),
        ("a number", format!(r#"{{"iss":1,{REST}}}"#), Err("claim_type"), false),
        ("null", format!(r#"{{"iss":null,{REST}}}"#), Err("claim_type"), false),
        ("an array", format!(r#"{{"iss":["{ISSUER}"],{REST}}}"#), Err("claim_type"), false),
        ("an object", late(r#""iss":{}"#), Err("claim_type"), false),
        ("an empty text", format!(r#"{{"iss":"",{REST}}}"#), Ok(""), false),
        ("no JSON", "iss".to_owned(), Err("claims_malformed"), false),
        ("an array", format!(r#"[{{"iss":"{ISSUER}"}}]"#), Err("claims_malformed"), false),
        ("nothing", String::new(), Err("claims_malformed"), false),
        ("an open text", format!(r#"{{"iss":"{ISSUER}"#), Err("claims_malformed"), false),
        ("an open object", format!(r#"{{"iss":"{ISSUER}""#), Err("claims_malformed"), false),
        (
            "malformed before it",
            format!(r#"{{"x":01,"iss":"{ISSUER}",{REST}}}"#),
            Err("claims_malformed"),
            false,
        ),
        ("malformed before it, late", late(r#""x":01,"iss":"a""#), Err("claims_malformed"), false),
    ]);
}

/// What it leaves unread is for the verification, which reads all.
#[test]
fn issuer_is_told_of_what_is_never_accepted() {
    check(&[
        ("another behind it", format!(r#"{{"iss":"a","iss":"{ISSUER}",{REST}}}"#), Ok("a"), false),
        ("another before it", format!(r#"{{"iss":"{ISSUER}","\u0069ss":"a",{REST}}}"#), Ok(ISSUER), false),
        ("malformed behind it", format!(r#"{{"iss":"{ISSUER}",x"#), Ok(ISSUER), false),
        (
            "one of another",
            format!(r#"{{"iss":"https://other.example/",{REST}}}"#),
            Ok("https://other.example/"),
            false,
        ),
    ]);
}

#[test]
fn text_that_is_no_token_has_no_issuer() {
    let good = base64url_encode(format!(r#"{{"iss":"{ISSUER}"}}"#));
    let of_length = |bytes: usize| format!(".{good}.{}", "A".repeat(bytes - good.len() - 2));
    let mut memory = Memory::new();
    for (what, text, expected) in [
        ("nothing", String::new(), Err("token_malformed")),
        ("two segments", format!("{good}.{good}"), Err("token_malformed")),
        ("five segments", format!("{good}.{good}.{good}.{good}.{good}"), Err("token_encrypted")),
        ("padding", format!("{good}.{good}=.{good}"), Err("token_encoding")),
        ("no UTF-8", format!(".{}.", base64url_encode(b"{\"iss\":\"\xff\"}")), Err("claims_malformed")),
        ("no header and no signature", format!(".{good}."), Ok(ISSUER)),
        ("as long as a token may be", of_length(TOKEN_BYTES_MAX), Ok(ISSUER)),
        ("longer", of_length(TOKEN_BYTES_MAX + 1), Err("token_too_large")),
    ] {
        let found = issuer(&text, &mut memory);
        assert_eq!(found.as_deref().map_err(|code| *code), expected, "{what}");
    }
}

#[test]
fn usual_issuer_is_borrowed() {
    let mut memory = Memory::new();
    let token = sign(&ED25519.signing, HEADER, format!(r#"{{"iss":"{ISSUER}",{REST}}}"#));
    assert!(matches!(danger::issuer(&token, &mut memory), Ok(std::borrow::Cow::Borrowed(ISSUER))));
}

/// Members that no policy of these tests looks at.
fn other_member() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(r#"{"iss":"https://other.example/"}"#.to_owned()),
        Just(r#"[[],{"iss":{"iss":1}},"iss"]"#.to_owned()),
        Just("-1.5e3".to_owned()),
        r#"[a-z"\\é\u{10348}:,{}]{0,300}"#.prop_map(|text| serde_json::to_string(&text).unwrap()),
    ]
}

fn issuer_member() -> impl Strategy<Value = String> {
    let spellings = [
        r#""iss":"https://tenant.example/""#,
        r#""\u0069ss" : "https:\/\/tenant.example/""#,
        "\"is\\u0073\":\t\"https://tenant.\\u0065xample/\"",
    ];
    prop::sample::select(spellings.to_vec()).prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn issuer_is_that_of_the_policy_that_accepts(
        iss in issuer_member(),
        others in prop::collection::vec(other_member(), 0..8),
        order in any::<u64>(),
    ) {
        let mut members = vec![iss, REST.to_owned()];
        members.extend(others.iter().enumerate().map(|(n, value)| format!("\"m{n}\":{value}")));
        let places = u64::try_from(members.len()).unwrap();
        members.rotate_left(usize::try_from(order % places).unwrap());
        members.swap(0, usize::try_from(order / places % places).unwrap());
        let token = sign(&ED25519.signing, HEADER, format!("{{{}}}", members.join(",")));
        prop_assert!(is_accepted(&token));
        prop_assert_eq!(issuer(&token, &mut Memory::new()), Ok(ISSUER.to_owned()));
    }
}

/// Whatever bytes the claims are: if the whole policy accepts them, this is its issuer.
#[test]
fn answer_needs_no_strictness_to_agree() {
    let pieces =
        [r#""iss":"https://tenant.example/""#, r#""iss":"https://other.example/""#, REST, "\"x\":{}", ""];
    let mut accepted = 0;
    for first in pieces {
        for second in pieces {
            for third in pieces {
                let token = sign(&ED25519.signing, HEADER, format!("{{{first},{second},{third}}}"));
                if is_accepted(&token) {
                    accepted += 1;
                    assert_eq!(issuer(&token, &mut Memory::new()).as_deref(), Ok(ISSUER));
                }
            }
        }
    }
    assert_eq!(accepted, 6, "the orders of the three that are good together");
}
