//! Signing keys and their public halves: what is signed verifies, what is altered does not, and nothing private gets out
//! (RFC 7515 §5.1, RFC 7517 §4).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a table row that cannot be built is a failed test"
)]

mod common;

use common::{
    AUDIENCE, CLAIMS, ED25519, HEADER, ISSUER, NOW, P256, P384, P521, RSA_A, RSA_B, TestKey, certificate,
    key_set, resigned, segments, signature_of, with,
};
use jwksmith_jose::{
    AccessClaims, Algorithm, Certificate, Family, KeySet, Policy, PublicJwk, Refusal, SecretBytes,
    SigningError, SigningKey, UnixTime, Verified, base64url_encode, verify,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};

// Whoever can print, copy, compare or serialize a secret will do so one day. They may cross threads, and nothing else.
assert_not_impl_any!(SecretBytes: std::fmt::Debug, std::fmt::Display, Clone, Copy, PartialEq, serde::Serialize);
assert_not_impl_any!(SigningKey: std::fmt::Debug, std::fmt::Display, Clone, Copy, PartialEq, serde::Serialize);
assert_not_impl_any!(SecretBytes: AsRef<[u8]>, std::ops::Deref, serde::de::DeserializeOwned);
assert_not_impl_any!(SigningKey: serde::de::DeserializeOwned);
assert_impl_all!(SecretBytes: Send, Sync);
assert_impl_all!(SigningKey: Send, Sync);

/// Every asymmetric test key.
fn pairs() -> [&'static TestKey; 5] {
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
            assert_eq!(code, Some("signature_invalid"), "{algorithm}: {what}");
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
        refuse(algorithm, "nothing", b"");
        refuse(algorithm, "32 bytes", &[7; 32]);
        refuse(algorithm, "its key, cut", &der[..der.len() - 1]);
        refuse(algorithm, "its key, without its first byte", &der[1..]);
        refuse(algorithm, "its public half", own.jwk().as_bytes());
        refuse(algorithm, "its certificate", &certificate(own));
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
        _ => vec!["crv", "x", "y"],
    };
    for pair in pairs() {
        let plain = [vec!["kty", "use"], numbers(pair.algorithm.family()), vec!["kid", "alg"]].concat();
        assert_eq!(names(&pair.jwk()), plain, "{}", pair.key_id);
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
