//! The facts of keys and certificates, for good, odd and hostile documents.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper that fails is a failed test")]

mod common;

use base64::Engine as _;
use common::{ED25519, P256, RSA_A, TestKey, certificate, key_set, with};
use jwksmith_jose::describe::{self, DescribedKey};
use jwksmith_jose::{AnyKey, Certificate, KeySet, PublicJwk, SkipReason, ThumbprintHash};

fn described(elements: &[&str]) -> Vec<DescribedKey> {
    describe::keys(key_set(elements).as_bytes()).unwrap()
}

fn certified(key: &TestKey) -> String {
    let certificate = Certificate::from_der(&certificate(key)).unwrap();
    serde_json::to_string(&PublicJwk::new(key.key_id, key.algorithm, &certificate)).unwrap()
}

#[test]
fn key_has_its_facts() {
    let check = |key: &TestKey, kind: &str, bits: usize| {
        let keys = described(&[&key.jwk()]);
        let fact = &keys[0];
        let public = AnyKey::read(key.jwk().as_bytes()).unwrap().into_public().unwrap();
        assert_eq!((fact.key_id.as_deref(), fact.kind.as_deref()), (Some(key.key_id), Some(kind)));
        assert_eq!(
            (fact.algorithm.as_deref(), fact.public_key_use.as_deref()),
            (Some(key.algorithm.name()), Some("sig"))
        );
        assert_eq!((fact.bits, fact.skipped.clone()), (Some(bits), None));
        assert_eq!(fact.thumbprint, Some(public.thumbprint(ThumbprintHash::Sha256)));
        assert!(fact.certificates.is_empty());
        assert_eq!(describe::keys(key.jwk().as_bytes()).unwrap(), keys, "a JWK by itself is described alike");
    };
    check(&RSA_A, "RSA", 2048);
    check(&P256, "EC P-256", 256);
    check(&ED25519, "OKP Ed25519", 256);
}

/// What is told of a key is what the reader of key sets says of it.
#[test]
fn key_that_is_not_used_has_its_reason_and_what_else_is_known() {
    let check = |element: &str, code: Option<&str>, bits: Option<usize>| {
        let keys = described(&[&RSA_A.jwk(), element]);
        assert_eq!(keys[1].skipped.as_ref().map(SkipReason::code), code, "{element}");
        assert_eq!((keys[1].bits, keys[1].thumbprint.is_some()), (bits, bits.is_some()), "{element}");
        let set = KeySet::parse_local(key_set(&[&RSA_A.jwk(), element]).as_bytes()).unwrap();
        assert_eq!(set.skipped().first().map(|key| &key.reason), keys[1].skipped.as_ref());
    };
    check(&P256.jwk(), None, Some(256));
    check(&P256.jwk_with(&[("use", "\"enc\"")]), Some("jwk_use"), Some(256));
    check(&P256.jwk_with(&[("alg", "null")]), Some("jwk_malformed"), Some(256));
    check(&P256.jwk_with(&[("kid", "\"\"")]), Some("jwk_kid"), Some(256));
    check(&P256.jwk_with(&[("y", "")]), Some("jwk_member_missing"), None);
    check(&RSA_A.jwk_with(&[("n", "\"AQAB\"")]), Some("jwk_weak"), None);
    check(&common::prefixed(&P256.jwk(), r#""kid":"x""#), Some("jwk_duplicate_member"), None);
    check(&P256.jwk_with(&[("d", "\"AQAB\"")]), Some("jwk_private_member"), Some(256));
    check("7", Some("jwk_malformed"), None);
    check("{}", Some("jwk_member_missing"), None);
}

#[test]
fn shared_secret_is_not_told_anything_of() {
    let secret = r#"{"kty":"oct","kid":"s","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U"}"#;
    let key = &described(&[secret])[0];
    assert_eq!(
        (key.kind.as_deref(), key.bits, &key.thumbprint, &key.skipped),
        (Some("oct"), None, &None, &None)
    );
    assert!(!format!("{key:?}").contains("c2Vj"));
}

#[test]
fn certificates_are_those_that_stand_there() {
    let key = &described(&[&certified(&RSA_A)])[0];
    let subjects: Vec<_> = key.certificates.iter().map(|found| found.as_ref().unwrap().sha1()).collect();
    assert_eq!(subjects, [Certificate::from_der(&certificate_in(&certified(&RSA_A))).unwrap().sha1()]);
    let of_another =
        with(&certified(&RSA_A), &[("n", &format!("{:?}", common::member(&common::RSA_B.jwk(), "n")))]);
    let key = &described(&[&of_another])[0];
    assert_eq!(
        (key.certificates.len(), key.skipped.as_ref().map(SkipReason::code)),
        (1, Some("jwk_certificate_mismatch"))
    );
    let check = |object: &str, expected: &[bool]| {
        let readable: Vec<_> = describe::certificates(object).iter().map(Result::is_ok).collect();
        assert_eq!(readable, expected, "{object}");
    };
    check(&certified(&RSA_A), &[true]);
    check(r#"{"x5c":["AAAA","!"]}"#, &[false, false]);
    check(r#"{"x5c":[]}"#, &[]);
    check(r#"{"x5c":"AAAA"}"#, &[]);
    check(r#"{"x5c":[1]}"#, &[]);
    check("{}", &[]);
    check("{", &[]);
    check("", &[]);
    check(&format!(r#"{{"x5c":[{}]}}"#, ["\"AAAA\""; 10].join(",")), &[false; 10]);
    check(&format!(r#"{{"x5c":[{}]}}"#, ["\"AAAA\""; 11].join(",")), &[false; 10]);
}

fn certificate_in(jwk: &str) -> Vec<u8> {
    let members: serde_json::Value = serde_json::from_str(jwk).unwrap();
    base64::engine::general_purpose::STANDARD.decode(members["x5c"][0].as_str().unwrap()).unwrap()
}

#[test]
fn document_that_is_no_key_set_is_refused() {
    let check = |document: &str, code: Option<&str>| {
        let refused = describe::keys(document.as_bytes()).err();
        assert_eq!(refused.map(|error| error.code()), code, "{}", document.len());
    };
    check("", Some("key_set_malformed"));
    check("[]", Some("key_set_malformed"));
    check("{}", Some("key_set_keys_missing"));
    check(r#"{"keys":{}}"#, Some("key_set_keys_missing"));
    check(r#"{"keys":[]}"#, None);
    check(&format!(r#"{{"keys":[{}]}}"#, ["1"; 100].join(",")), None);
    check(&format!(r#"{{"keys":[{}]}}"#, ["1"; 101].join(",")), Some("key_set_too_many_keys"));
    check(&format!(r#"{{"keys":[]{}}}"#, " ".repeat(256 * 1024 - 11)), None);
    check(&format!(r#"{{"keys":[]{}}}"#, " ".repeat(256 * 1024 - 10)), Some("key_set_too_large"));
}
