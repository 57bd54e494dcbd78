//! Signing keys and their public halves: what is signed verifies, what is altered does not, and nothing private gets out
//! (RFC 7515 §5.1, RFC 7517 §4).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a table row that cannot be built is a failed test"
)]

mod common;

use common::{
    AUDIENCE, CLAIMS, ED25519, HEADER, ISSUER, ML_DSA_44, ML_DSA_65, ML_DSA_87, NOW, P256, P384, P521, RSA_A,
    RSA_B, SECP256K1, TestKey, certificate, key_set, resigned, segments, signature_of, with,
};
use jwksmith_jose::{
    AccessClaims, Algorithm, Certificate, Family, KeySet, Policy, PublicJwk, Refusal, SecretBytes,
    SigningError, SigningKey, TokenSigner, UnixTime, Verified, base64url_encode, verify,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};

// Whoever can print, copy, compare or serialize a secret will do so one day. They may cross threads, and nothing else.
assert_not_impl_any!(SecretBytes: std::fmt::Debug, std::fmt::Display, Clone, Copy, PartialEq, serde::Serialize);
assert_not_impl_any!(SigningKey: std::fmt::Debug, std::fmt::Display, Clone, Copy, PartialEq, serde::Serialize);
assert_not_impl_any!(TokenSigner: std::fmt::Debug, std::fmt::Display, Clone, Copy, PartialEq, serde::Serialize);
assert_not_impl_any!(SecretBytes: AsRef<[u8]>, std::ops::Deref, serde::de::DeserializeOwned);
assert_not_impl_any!(SigningKey: serde::de::DeserializeOwned);
assert_impl_all!(SecretBytes: Send, Sync);
assert_impl_all!(SigningKey: Send, Sync);

/// Every asymmetric test key.
fn pairs() -> [&'static TestKey; 9] {
    [&RSA_A, &P256, &P384, &P521, &SECP256K1, &ED25519, &ML_DSA_44, &ML_DSA_65, &ML_DSA_87]
}

/// Those that the library of the test certificates can certify.
fn certifiable() -> [&'static TestKey; 5] {
    [&RSA_A, &P256, &P384, &P521, &ED25519]
}

/// A private key for the algorithm; the RSA algorithms share one, which takes long to make.
fn private(algorithm: Algorithm) -> SecretBytes {
    match algorithm.family() {
        Family::Rsa => RSA_A.private.expose().to_vec().into(),
        _ => SigningKey::generate(algorithm).unwrap(),
    }
}

/// The key set that a verifier of this key has.
fn set_of(key: &SigningKey, private: &SecretBytes) -> KeySet {
    let jwk = match key.public_jwk("rsa-a") {
        Some(jwk) => serde_json::to_string(&jwk).unwrap(),
        None => format!(r#"{{"kty":"oct","kid":"rsa-a","k":"{}"}}"#, base64url_encode(private.expose())),
    };
    KeySet::parse_local(key_set(&[jwk]).as_bytes()).unwrap()
}

fn verified(token: &str, keys: &KeySet, algorithm: Algorithm) -> Result<Verified<AccessClaims>, Refusal> {
    let policy = Policy::new(ISSUER, AUDIENCE, [algorithm]).unwrap().token_type("at+jwt").unwrap();
    verify(token, keys, &policy, UnixTime::from_seconds(NOW))
}

fn claims() -> serde_json::Value {
    serde_json::from_str(CLAIMS).unwrap()
}

#[test]
fn token_that_was_signed_verifies_with_every_algorithm() {
    for algorithm in Algorithm::all() {
        let private = private(algorithm);
        let key = SigningKey::from_private(algorithm, &private).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        let token = key.sign_token(Some("rsa-a"), "at+jwt", &claims()).unwrap();
        let answer = verified(&token, &set_of(&key, &private), algorithm).unwrap();
        assert_eq!((answer.algorithm(), answer.key_id()), (algorithm, Some("rsa-a")));
        assert_eq!(answer.claims().sub.as_deref(), Some("client-1"));
        assert_eq!(answer.into_claims().jti.as_deref(), Some("token-1"));
    }
}

#[test]
fn token_that_was_altered_is_refused_with_every_algorithm() {
    for algorithm in Algorithm::all() {
        let private = private(algorithm);
        let key = SigningKey::from_private(algorithm, &private).unwrap();
        let keys = set_of(&key, &private);
        let token = key.sign_token(Some("rsa-a"), "at+jwt", &claims()).unwrap();
        for (what, altered) in alterations(&token, algorithm) {
            let code = verified(&altered, &keys, algorithm).err().map(|refusal| refusal.code());
            // One byte more than the longest of all is past the limit.
            let longest = algorithm == Algorithm::MlDsa87 && what == "the signature longer";
            let expected = if longest { "token_too_large" } else { "signature_invalid" };
            assert_eq!(code, Some(expected), "{algorithm}: {what}");
        }
    }
}

/// The token with each of its parts changed, one at a time.
fn alterations(token: &str, algorithm: Algorithm) -> Vec<(&'static str, String)> {
    let [header, payload, signature] = segments(token);
    let name = format!("{:?}", algorithm.name());
    let respelt = base64url_encode(format!("{} ", with(HEADER, &[("alg", &name)])));
    let promoted = base64url_encode(with(CLAIMS, &[("sub", "\"admin\"")]));
    let bytes = signature_of(token);
    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        resigned(token, bytes)
    };
    vec![
        ("the header", format!("{respelt}.{payload}.{signature}")),
        ("the claims", format!("{header}.{promoted}.{signature}")),
        ("the first byte of the signature", flipped(0)),
        ("the last byte of the signature", flipped(bytes.len() - 1)),
        ("the signature cut", resigned(token, &bytes[..bytes.len() - 1])),
        ("the signature longer", resigned(token, [&bytes[..], &[0]].concat())),
        ("no signature", resigned(token, "")),
        ("a signature of zeros", resigned(token, vec![0; bytes.len()])),
    ]
}

#[test]
fn header_of_a_signed_token_says_what_it_should() {
    let header = |key_id| {
        let token = P256.signing.sign_token(key_id, "at+jwt", &claims()).unwrap();
        String::from_utf8(common::decode(segments(&token)[0])).unwrap()
    };
    assert_eq!(header(Some("p256")), r#"{"alg":"ES256","typ":"at+jwt","kid":"p256"}"#);
    assert_eq!(header(None), r#"{"alg":"ES256","typ":"at+jwt"}"#);
    let token = ED25519.signing.sign_token(None, "JWT", &claims()).unwrap();
    assert_eq!(common::decode(segments(&token)[0]), br#"{"alg":"EdDSA","typ":"JWT"}"#);
}

#[test]
fn key_signs_and_is_published_under_each_name_of_its_algorithm() {
    for (name, expected) in
        [("Ed25519", Some("Ed25519")), ("EdDSA", Some("EdDSA")), ("ES256", None), ("", None)]
    {
        let key = SigningKey::from_private(Algorithm::EdDSA, &ED25519.private).unwrap().under_name(name);
        let Ok(key) = key else {
            assert_eq!(expected, None, "{name}");
            continue;
        };
        assert_eq!((Some(key.algorithm_name()), key.algorithm()), (expected, Algorithm::EdDSA));
        let token = key.sign_token(Some("ed25519"), "at+jwt", &claims()).unwrap();
        let header = format!(r#"{{"alg":"{name}","typ":"at+jwt","kid":"ed25519"}}"#);
        assert_eq!(common::decode(segments(&token)[0]), header.as_bytes());
        let jwk = serde_json::to_string(&key.public_jwk("ed25519").unwrap()).unwrap();
        assert_eq!(common::member(&jwk, "alg"), name);
        for published in [jwk, ED25519.jwk()] {
            let keys = KeySet::parse(key_set(&[published]).as_bytes()).unwrap();
            assert_eq!(verified(&token, &keys, Algorithm::EdDSA).err(), None, "{name}");
        }
    }
}

#[test]
fn signer_with_its_header_ready_signs_the_same_token() {
    let signer = |key_id| {
        let key = SigningKey::from_private(Algorithm::EdDSA, &ED25519.private).unwrap();
        key.into_token_signer(key_id, "at+jwt").unwrap()
    };
    // Ed25519 has no randomness in it, so that two tokens of one key and content are equal.
    for key_id in [Some("ed25519"), None] {
        let expected = ED25519.signing.sign_token(key_id, "at+jwt", &claims()).unwrap();
        assert_eq!(signer(key_id).sign(&claims()).unwrap(), expected);
        assert_eq!(signer(key_id).key().algorithm(), Algorithm::EdDSA);
    }
    let unwritable = std::collections::BTreeMap::from([((1, 2), 3)]);
    assert_eq!(signer(None).sign(&unwritable).err(), Some(SigningError::Claims));
}

#[test]
fn claims_that_do_not_serialize_are_an_error() {
    let unwritable = std::collections::BTreeMap::from([((1, 2), 3)]);
    assert_eq!(P256.signing.sign_token(None, "JWT", &unwritable).err(), Some(SigningError::Claims));
}

#[test]
fn private_key_of_another_kind_is_refused() {
    for algorithm in Algorithm::asymmetric() {
        for pair in pairs().into_iter().filter(|pair| pair.algorithm.family() != algorithm.family()) {
            refuse(algorithm, pair.key_id, pair.private.expose());
        }
        let own = pairs().into_iter().find(|pair| pair.algorithm.family() == algorithm.family()).unwrap();
        let der = own.private.expose();
        assert!(SigningKey::from_private(algorithm, &own.private).is_ok(), "{algorithm}");
        refuse(algorithm, "nothing", b"");
        refuse(algorithm, "32 bytes", &[7; 32]);
        refuse(algorithm, "its key, cut", &der[..der.len() - 1]);
        refuse(algorithm, "its key, without its first byte", &der[1..]);
        refuse(algorithm, "its public half", own.jwk().as_bytes());
        if certifiable().iter().any(|pair| pair.key_id == own.key_id) {
            refuse(algorithm, "its certificate", &certificate(own));
        }
    }
}

fn refuse(algorithm: Algorithm, what: &str, bytes: &[u8]) {
    let answer = SigningKey::from_private(algorithm, &bytes.to_vec().into());
    assert_eq!(answer.err(), Some(SigningError::KeyRejected(algorithm)), "{algorithm} from {what}");
}

#[test]
fn secret_under_the_length_of_its_hash_is_refused() {
    for (algorithm, bytes) in [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)] {
        refuse(algorithm, "nothing", b"");
        refuse(algorithm, "one byte too few", &vec![7; bytes - 1]);
        assert!(SigningKey::from_private(algorithm, &vec![7; bytes].into()).is_ok(), "{algorithm}");
        assert_eq!(SigningKey::generate(algorithm).unwrap().expose().len(), bytes);
    }
}

#[test]
fn generated_secrets_differ() {
    for algorithm in [Algorithm::HS256, Algorithm::ES256, Algorithm::EdDSA] {
        let [one, other] = [(); 2].map(|()| SigningKey::generate(algorithm).unwrap());
        assert!(one.expose() != other.expose(), "{algorithm}");
    }
}

/// The member names of a serialized object, in their order.
fn names(json: &str) -> Vec<String> {
    // Names of a JWK hold no escapes, and no value of one is an object: each name stands before a colon.
    let before_colons =
        json.split("\":").map(|piece| piece.rsplit('"').next().unwrap_or_default().to_owned());
    let mut names: Vec<String> = before_colons.collect();
    names.pop();
    names
}

#[test]
fn public_jwk_has_public_members_in_a_fixed_order() {
    let numbers = |family| match family {
        Family::Rsa => vec!["n", "e"],
        Family::Ed25519 => vec!["crv", "x"],
        Family::MlDsa44 | Family::MlDsa65 | Family::MlDsa87 => vec!["pub"],
        _ => vec!["crv", "x", "y"],
    };
    for pair in pairs() {
        let plain = [vec!["kty", "use"], numbers(pair.algorithm.family()), vec!["kid", "alg"]].concat();
        assert_eq!(names(&pair.jwk()), plain, "{}", pair.key_id);
        if certifiable().iter().all(|other| other.key_id != pair.key_id) {
            continue;
        }
        let certificate = Certificate::from_der(&certificate(pair)).unwrap();
        let jwk = serde_json::to_string(&PublicJwk::new(pair.key_id, pair.algorithm, &certificate)).unwrap();
        let thumbprints = vec!["kid", "x5t", "x5t#S256", "x5c", "alg"];
        let certified = [vec!["kty", "use"], numbers(pair.algorithm.family()), thumbprints].concat();
        assert_eq!(names(&jwk), certified, "{}", pair.key_id);
        // Both ways to the public half say the same, and a verifier takes them.
        let without = with(&jwk, &[("x5t", ""), ("x5t#S256", ""), ("x5c", "")]);
        assert_eq!(without, with(&pair.jwk(), &[]));
        let keys = KeySet::parse(key_set(&[jwk]).as_bytes()).unwrap();
        assert_eq!(keys.keys()[0].certificate().map(Certificate::der), Some(certificate.der()));
        let token = pair.signing.sign_token(Some(pair.key_id), "at+jwt", &claims()).unwrap();
        assert_eq!(verified(&token, &keys, pair.algorithm).err(), None, "{}", pair.key_id);
    }
}

#[test]
fn shared_secret_has_no_public_half() {
    let secret = SigningKey::from_private(Algorithm::HS256, &vec![7; 32].into()).unwrap();
    assert_eq!(secret.public_jwk("secret"), None);
    assert!(!secret.belongs_to(&Certificate::from_der(&certificate(&RSA_A)).unwrap()));
}

#[test]
fn certificate_belongs_to_its_own_key_only() {
    let all = [&*RSA_A, &*RSA_B, &*P256, &*P384, &*P521, &*ED25519];
    for pair in all {
        let certificate = Certificate::from_der(&certificate(pair)).unwrap();
        for other in all {
            let same = other.key_id == pair.key_id;
            assert_eq!(other.signing.belongs_to(&certificate), same, "{} and {}", pair.key_id, other.key_id);
        }
    }
}

#[test]
fn certificate_that_is_none_is_refused() {
    let der = certificate(&P256);
    for bytes in
        [&b""[..], b"x", &der[1..], &der[..der.len() - 1], &[&der[..], &[0]].concat(), P256.private.expose()]
    {
        assert!(Certificate::from_der(bytes).is_err(), "{} bytes", bytes.len());
    }
}

#[test]
fn error_says_nothing_about_the_key() {
    for error in [SigningError::KeyRejected(Algorithm::RS256), SigningError::Crypto, SigningError::Claims] {
        let message = error.to_string();
        assert!(!message.is_empty() && message.len() < 100, "{message}");
    }
}
