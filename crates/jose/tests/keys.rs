//! Keys as data: every form is read and written, every wrong file gets an answer that says what it is, and the two halves of a
//! key belong together (RFC 7517, RFC 5958, RFC 8017, RFC 5915, RFC 9964).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a table row that cannot be built is a failed test"
)]

mod common;

use std::collections::BTreeSet;

use common::{
    ED25519, ML_DSA_44, ML_DSA_87, P256, P384, P521, RSA_A, RSA_B, SECP256K1, TestKey, certificate, codes,
    decode, digits, hex, key_set, member, with,
};
use jwksmith_jose::limits::KEY_BYTES_MAX;
use jwksmith_jose::{
    Algorithm, AnyKey, Certificate, Family, KeyError, KeyForm, KeySet, PrivateKey, PublicKey, Thumbprint,
    ThumbprintHash, base64url_encode,
};
use proptest::prelude::*;
use static_assertions::assert_not_impl_any;

assert_not_impl_any!(PrivateKey: std::fmt::Debug, std::fmt::Display, Clone, Copy, PartialEq, serde::Serialize);
assert_not_impl_any!(AnyKey: std::fmt::Debug, std::fmt::Display, Clone, Copy, PartialEq, serde::Serialize);
assert_not_impl_any!(PrivateKey: AsRef<[u8]>, std::ops::Deref, serde::de::DeserializeOwned);

fn private(key: &TestKey) -> PrivateKey {
    AnyKey::read(key.private.expose()).and_then(AnyKey::into_private).unwrap()
}

fn exported(key: &TestKey, form: KeyForm) -> Vec<u8> {
    private(key).export(form).unwrap().expose().to_vec()
}

fn text(key: &TestKey, form: KeyForm) -> String {
    String::from_utf8(exported(key, form)).unwrap()
}

/// The private JWK with members changed as [`with`] does.
fn jwk_with(key: &TestKey, changes: &[(&str, &str)]) -> String {
    with(&text(key, KeyForm::Jwk), changes)
}

fn code_of(input: &[u8]) -> Option<&'static str> {
    AnyKey::read(input).err().map(|error| error.code())
}

/// What a file holds, and the code of the answer.
type Row = (&'static str, Vec<u8>, &'static str);

fn wrong_files() -> Vec<Row> {
    let row = |what, text: &str, code| (what, text.as_bytes().to_vec(), code);
    let pem = |label: &str| format!("-----BEGIN {label}-----\nAQID\n-----END {label}-----\n");
    let pkcs8 = text(&P256, KeyForm::Pkcs8Pem);
    let sec1 = text(&P256, KeyForm::Sec1Pem);
    let encrypted = sec1.replace("-----\nM", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nM");
    let curve = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    // What `openssl genpkey -aes256` and PKCS#10 begin with; the rest does not matter.
    let encrypted_der = hex("3007 3003 0601 2a 0400");
    let request = hex("3010 3009 020100 3000 3000 a000 3000 030100");
    vec![
        row("nothing", "", "key_unrecognized"),
        row("a word", "secret", "key_unrecognized"),
        row("a token", "eyJhbGciOiJub25lIn0.e30.", "key_unrecognized"),
        ("zeros", vec![0; 100], "key_unrecognized"),
        ("a file past the limit", vec![b' '; KEY_BYTES_MAX + 1], "key_too_large"),
        ("a file at the limit", vec![b' '; KEY_BYTES_MAX], "key_unrecognized"),
        row("an encrypted key", &pem("ENCRYPTED PRIVATE KEY"), "key_encrypted"),
        row("a key that is encrypted the old way", &encrypted, "key_encrypted"),
        ("an encrypted key in DER", encrypted_der, "key_encrypted"),
        row("an OpenSSH private key", &pem("OPENSSH PRIVATE KEY"), "key_openssh"),
        row("an OpenSSH public key", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB me@host", "key_openssh"),
        row("an OpenSSH EC key", "ecdsa-sha2-nistp256 AAAA me@host\n", "key_openssh"),
        row("curve parameters", curve, "key_parameters_only"),
        row("curve parameters before the key", &format!("{curve}{sec1}"), "key_pem_several"),
        row("two keys", &pkcs8.repeat(2), "key_pem_several"),
        row("a key and then junk", &format!("{pkcs8}junk"), "key_pem"),
        row("junk and then a key", &format!("junk\n{pkcs8}"), "key_pem"),
        row("a key cut short", &pkcs8[..pkcs8.len() / 2], "key_pem"),
        row("a key with a broken line", &pkcs8.replacen('M', "-", 1), "key_pem"),
        row("a certificate request", &pem("CERTIFICATE REQUEST"), "key_unsuitable"),
        ("a certificate request in DER", request, "key_unsuitable"),
        row("a certificate bundle", &pem("PKCS7"), "key_unsuitable"),
        row("a revocation list", &pem("X509 CRL"), "key_unsuitable"),
        row("an OpenPGP key", &pem("PGP PRIVATE KEY BLOCK"), "key_unsuitable"),
        row("a key set", &key_set(&[P256.jwk()]), "key_unsuitable"),
        row("an unknown label", &pem("SECRET"), "key_pem_label"),
        row("a label of bells", &pem("\u{7}\u{1b}[31m"), "key_pem_label"),
        row("a certificate that is none", &pem("CERTIFICATE"), "key_certificate"),
    ]
}

fn broken_structures() -> Vec<Row> {
    let pem = |label: &str, der: &[u8]| {
        use base64::Engine as _;
        let body = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n").into_bytes()
    };
    let der = |key, form| exported(key, form);
    let (pkcs8, rsa) = (der(&P256, KeyForm::Pkcs8Der), der(&RSA_A, KeyForm::Pkcs1Der));
    let spki = private(&P256).public_key().unwrap().export(KeyForm::SpkiDer).unwrap();
    let longer = |der: &[u8]| [der, &[0]].concat();
    // A key on a Brainpool curve, and one of Ed448: the structure is sound, the kind is not supported.
    let ed448 = hex(&format!("3047 020100 3005 06032b6571 043b 0439 {}", "07".repeat(57)));
    let brainpool = hex("301a 3014 0607 2a8648ce3d0201 0609 2b2403030208010107 0302 0004");
    vec![
        ("PKCS#8 as SEC 1", pem("EC PRIVATE KEY", &pkcs8), "key_der"),
        ("PKCS#1 as PKCS#8", pem("PRIVATE KEY", &rsa), "key_der"),
        ("SubjectPublicKeyInfo as PKCS#8", pem("PRIVATE KEY", &spki), "key_der"),
        ("PKCS#8 as SubjectPublicKeyInfo", pem("PUBLIC KEY", &pkcs8), "key_der"),
        ("a private key as a public one", pem("RSA PUBLIC KEY", &rsa), "key_der"),
        ("PKCS#8 and a byte", pem("PRIVATE KEY", &longer(&pkcs8)), "key_der"),
        ("PKCS#8 without its last byte", pem("PRIVATE KEY", &pkcs8[..pkcs8.len() - 1]), "key_der"),
        ("PKCS#1 and a byte", pem("RSA PRIVATE KEY", &longer(&rsa)), "key_der"),
        ("SubjectPublicKeyInfo and a byte", pem("PUBLIC KEY", &longer(&spki)), "key_der"),
        ("DER and a byte", longer(&pkcs8), "key_unrecognized"),
        ("Ed448", ed448, "key_type"),
        ("a Brainpool curve", brainpool, "key_type"),
    ]
}

fn broken_jwks() -> Vec<Row> {
    let row = |what, json: String, code| (what, json.into_bytes(), code);
    let spelt = |bytes: &[u8]| format!("{:?}", base64url_encode(bytes));
    let d = decode(&member(&text(&P256, KeyForm::Jwk), "d"));
    let other = |key: &TestKey, name: &str| format!("{:?}", member(&text(key, KeyForm::Jwk), name));
    let zeros = |bytes: usize| spelt(&vec![0; bytes]);
    vec![
        row("no JSON", "{".to_owned(), "key_json"),
        row("a member twice", P256.jwk().replacen('{', "{\"kty\":\"EC\",", 1), "key_json"),
        row("an empty object", "{}".to_owned(), "jwk_member_missing"),
        row("no key type", jwk_with(&P256, &[("kty", "1")]), "jwk_malformed"),
        row("Ed448", r#"{"kty":"OKP","crv":"Ed448","x":"AA","d":"AA"}"#.to_owned(), "jwk_key_type"),
        row("an encryption key", jwk_with(&RSA_A, &[("use", "\"enc\"")]), "jwk_use"),
        row("a key for RSA-OAEP", jwk_with(&RSA_A, &[("alg", "\"RSA-OAEP\"")]), "jwk_alg"),
        row(
            "a private key that only verifies",
            jwk_with(&P256, &[("key_ops", "[\"verify\"]")]),
            "jwk_key_ops",
        ),
        row("a public key that only signs", P256.jwk_with(&[("key_ops", "[\"sign\"]")]), "jwk_key_ops"),
        row("an empty kid", jwk_with(&P256, &[("kid", "\"\"")]), "jwk_kid"),
        row("d a byte narrower", jwk_with(&P256, &[("d", &spelt(&d[1..]))]), "jwk_member_encoding"),
        row(
            "d a byte wider",
            jwk_with(&P256, &[("d", &spelt(&[&[0], &d[..]].concat()))]),
            "jwk_member_encoding",
        ),
        row("d zero", jwk_with(&P256, &[("d", &zeros(32))]), "key_private_invalid"),
        row("d past the order", jwk_with(&P256, &[("d", &spelt(&[0xff; 32]))]), "key_private_invalid"),
        row("d of another point", jwk_with(&P256, &[("d", &spelt(&[7; 32]))]), "key_private_invalid"),
        row("a point off the curve", jwk_with(&P256, &[("y", &zeros(32))]), "key_private_invalid"),
        row("an Ed25519 seed of another", jwk_with(&ED25519, &[("d", &zeros(32))]), "key_private_invalid"),
        row("an Ed25519 seed too short", jwk_with(&ED25519, &[("d", &zeros(31))]), "jwk_member_encoding"),
        row(
            "an ML-DSA seed of another",
            jwk_with(&ML_DSA_44, &[("priv", &zeros(32))]),
            "key_private_invalid",
        ),
        row("an expanded ML-DSA key", jwk_with(&ML_DSA_44, &[("priv", &zeros(2560))]), "jwk_member_encoding"),
        row("an ML-DSA key without alg", jwk_with(&ML_DSA_44, &[("alg", "")]), "jwk_member_missing"),
        row("RSA with d only", jwk_with(&RSA_A, &[("p", ""), ("q", "")]), "jwk_member_missing"),
        row("RSA without qi", jwk_with(&RSA_A, &[("qi", "")]), "jwk_member_missing"),
        row("RSA with more primes", jwk_with(&RSA_A, &[("oth", "[]")]), "jwk_malformed"),
        row(
            "RSA with the d of another",
            jwk_with(&RSA_A, &[("d", &other(&RSA_B, "d"))]),
            "key_private_invalid",
        ),
        row(
            "RSA with the p of another",
            jwk_with(&RSA_A, &[("p", &other(&RSA_B, "p"))]),
            "key_private_invalid",
        ),
        row(
            "RSA with the n of another",
            jwk_with(&RSA_A, &[("n", &other(&RSA_B, "n"))]),
            "key_private_invalid",
        ),
        row(
            "RSA with the dp of another",
            jwk_with(&RSA_A, &[("dp", &other(&RSA_B, "dp"))]),
            "key_private_invalid",
        ),
        row(
            "RSA with the qi of another",
            jwk_with(&RSA_A, &[("qi", &other(&RSA_B, "qi"))]),
            "key_private_invalid",
        ),
        row("RSA with e = 1", jwk_with(&RSA_A, &[("e", "\"AQ\"")]), "jwk_weak"),
        row("RSA with 1024 bits", jwk_with(&RSA_A, &[("n", &spelt(&[0xff; 128]))]), "jwk_weak"),
        row("a short secret", r#"{"kty":"oct","k":"AAAA"}"#.to_owned(), "jwk_weak"),
        row(
            "a secret too short for its alg",
            format!(r#"{{"kty":"oct","alg":"HS512","k":{}}}"#, zeros(63)),
            "jwk_weak",
        ),
        row(
            "a secret with a certificate",
            format!(r#"{{"kty":"oct","k":{},"x5c":["AAAA"]}}"#, zeros(32)),
            "jwk_certificate_mismatch",
        ),
    ]
}

/// What is asked of a key that it cannot give.
fn refused_exports() -> Vec<(&'static str, KeyError)> {
    let secret = || PrivateKey::from_secret(vec![7; 64].into()).unwrap();
    let public = |key: &TestKey| private(key).public_key().unwrap();
    vec![
        ("PKCS#1 of an EC key", private(&P256).export(KeyForm::Pkcs1Pem).err().unwrap()),
        ("SEC 1 of an RSA key", private(&RSA_A).export(KeyForm::Sec1Der).err().unwrap()),
        ("SEC 1 of an Ed25519 key", private(&ED25519).export(KeyForm::Sec1Pem).err().unwrap()),
        ("a public form of a private key", private(&P256).export(KeyForm::SpkiPem).err().unwrap()),
        ("PKCS#8 of a secret", secret().export(KeyForm::Pkcs8Der).err().unwrap()),
        ("PKCS#8 of a public key", public(&P256).export(KeyForm::Pkcs8Pem).err().unwrap()),
        ("SEC 1 of a public key", public(&P256).export(KeyForm::Sec1Pem).err().unwrap()),
        ("PKCS#1 of a public EC key", public(&P256).export(KeyForm::Pkcs1Der).err().unwrap()),
    ]
}

fn check(rows: Vec<Row>) -> BTreeSet<&'static str> {
    for (what, input, code) in &rows {
        let error = AnyKey::read(input).err();
        assert_eq!(error.as_ref().map(KeyError::code), Some(*code), "{what}: {error:?}");
        let message = error.unwrap().to_string();
        assert!(message.len() < 300 && !message.contains(char::is_control), "{what}: {message:?}");
    }
    rows.into_iter().map(|(_, _, code)| code).collect()
}

#[test]
fn file_that_is_no_key_is_told_by_what_it_is() {
    check(wrong_files());
}

#[test]
fn broken_structure_is_refused() {
    check(broken_structures());
}

#[test]
fn broken_private_jwk_is_refused() {
    check(broken_jwks());
}

#[test]
fn form_without_room_for_a_key_is_refused() {
    for (what, error) in refused_exports() {
        assert_eq!(error.code(), "key_form_unavailable", "{what}");
    }
}

#[test]
fn key_for_another_algorithm_is_refused() {
    let code = |result: Result<PrivateKey, KeyError>| result.err().map(|error| error.code());
    assert_eq!(code(private(&P256).for_algorithm("RS256")), Some("key_algorithm_unfit"));
    assert_eq!(code(private(&P256).for_algorithm("ES384")), Some("key_algorithm_unfit"));
    assert_eq!(code(private(&P256).for_algorithm("Ed448")), Some("jwk_alg"));
    assert_eq!(
        code(PrivateKey::from_secret(vec![7; 48].into()).unwrap().for_algorithm("HS512")),
        Some("jwk_weak")
    );
    assert_eq!(code(PrivateKey::generate_rsa(Algorithm::ES256, 2048)), Some("key_algorithm_unfit"));
    for bits in [0, 512, 1024, 2047, 2049, 16384, usize::MAX] {
        assert_eq!(code(PrivateKey::generate_rsa(Algorithm::RS256, bits)), Some("key_bits"), "{bits}");
    }
    assert_eq!(private(&ED25519).for_algorithm("Ed25519").unwrap().algorithm_name(), Some("Ed25519"));
    assert!(private(&P256).signing_key(Algorithm::ES384).is_err());
}

#[test]
fn tables_meet_every_documented_code() {
    let mut met: BTreeSet<_> =
        [wrong_files(), broken_structures(), broken_jwks()].into_iter().flat_map(check).collect();
    met.retain(|code| code.starts_with("key_"));
    // Met by other tests of this file; nothing here can take the system's randomness away.
    met.extend(["key_form_unavailable", "key_algorithm_unfit", "key_bits", "key_seed_missing", "key_crypto"]);
    codes::check_coverage(&met, "KeyError");
}

/// RFC 9881 appendix C shows such keys; this one is made by taking the seed of a good one away.
#[test]
fn ml_dsa_key_without_its_seed_is_refused() {
    use aws_lc_rs::encoding::AsRawBytes as _;
    use aws_lc_rs::signature::{ML_DSA_44_SIGNING, PqdsaKeyPair};
    let pair = PqdsaKeyPair::from_pkcs8(&ML_DSA_44_SIGNING, ML_DSA_44.private.expose()).unwrap();
    let expanded = pair.private_key().as_raw_bytes().unwrap();
    let inner = [&hex("0482 0a00")[..], expanded.as_ref()].concat();
    let algorithm = hex("020100 300b 0609 608648016503040311 0482 0a04");
    let der = [&hex("3082 0a18")[..], &algorithm, &inner].concat();
    assert_eq!(der.len(), 4 + 0x0a18);
    assert_eq!(code_of(&der), Some("key_seed_missing"));
}

#[test]
fn other_kind_of_input_than_is_needed_is_told() {
    let expected = |input: &[u8]| {
        let Err(KeyError::Unsuitable { found, expected }) = AnyKey::read(input).unwrap().into_private()
        else {
            return None;
        };
        Some((found, expected))
    };
    assert_eq!(expected(P256.jwk().as_bytes()), Some(("a public key", "a private key")));
    assert_eq!(expected(&certificate(&P256)), Some(("a certificate (X.509)", "a private key")));
    let secret = AnyKey::read(format!(r#"{{"kty":"oct","k":"{}"}}"#, base64url_encode([7; 32])).as_bytes());
    assert_eq!(secret.unwrap().into_public().err().map(|error| error.code()), Some("key_unsuitable"));
}

#[test]
fn certificate_gives_its_key() {
    for key in [&*RSA_A, &*P256, &*P384, &*P521, &*ED25519] {
        let public = AnyKey::read(&certificate(key)).and_then(AnyKey::into_public).unwrap();
        assert_eq!(public, private(key).public_key().unwrap(), "{}", key.key_id);
        let parsed = Certificate::from_der(&certificate(key)).unwrap();
        assert_eq!(PublicKey::from_certificate(&parsed).unwrap(), public);
    }
}

#[test]
fn generated_key_fits_its_algorithm() {
    for algorithm in Algorithm::all() {
        let key = PrivateKey::generate(algorithm).unwrap();
        assert_eq!((key.family(), key.algorithm_name()), (algorithm.family(), Some(algorithm.name())));
        assert!(key.signing_key(algorithm).is_ok(), "{algorithm}");
    }
    for bits in [2048, 3072, 4096] {
        let key = PrivateKey::generate_rsa(Algorithm::PS384, bits).unwrap();
        assert_eq!(key.public_key().unwrap().bits(), bits);
        assert_eq!(key.algorithm_name(), Some("PS384"));
    }
}

#[test]
fn bits_of_a_key_are_those_that_people_name() {
    for (key, bits) in
        [(&*RSA_A, 2048), (&*P256, 256), (&*P384, 384), (&*P521, 521), (&*SECP256K1, 256), (&*ED25519, 256)]
    {
        assert_eq!(private(key).public_key().unwrap().bits(), bits, "{}", key.key_id);
    }
}

fn thumbprint(json: &str) -> Thumbprint {
    AnyKey::read(json.as_bytes()).and_then(AnyKey::into_public).unwrap().thumbprint(ThumbprintHash::Sha256)
}

/// RFC 7638 §3.1.
const RFC_7638_KEY: &str = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;

/// RFC 8037 appendix A.1 and A.2.
const RFC_8037_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

#[test]
fn thumbprint_is_that_of_the_examples() {
    assert_eq!(thumbprint(RFC_7638_KEY).to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    // RFC 9278 §4 shows this URI for the same key.
    let uri = "urn:ietf:params:oauth:jwk-thumbprint:sha-256:NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    assert_eq!(thumbprint(RFC_7638_KEY).uri(), uri);
    // RFC 8037 appendix A.3.
    assert_eq!(thumbprint(RFC_8037_KEY).to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    // RFC 9964 appendix A: the ML-DSA-44 key whose seed is zeros, here in the PKCS#8 of RFC 9881 §6.
    let zeros = hex(&format!("3034 020100 300b 0609 608648016503040311 0422 8020 {}", "00".repeat(32)));
    let key = AnyKey::read(&zeros).and_then(AnyKey::into_private).unwrap();
    assert_eq!(
        key.thumbprint(ThumbprintHash::Sha256).to_string(),
        "T4xl70S7MT6Zeq6r9V9fPJGVn76wfnXJ21-gyo0Gu6o"
    );
}

#[test]
fn thumbprint_depends_on_the_numbers_alone() {
    for key in [&*RSA_A, &*P256, &*P521, &*SECP256K1, &*ED25519, &*ML_DSA_87] {
        let plain = thumbprint(&key.jwk());
        for changes in [&[("kid", "\"other\"")][..], &[("use", ""), ("kid", "")], &[("extra", "[1]")]] {
            assert_eq!(thumbprint(&key.jwk_with(changes)), plain, "{}", key.key_id);
        }
    }
    assert_ne!(thumbprint(&RSA_A.jwk()), thumbprint(&RSA_B.jwk()));
    assert_ne!(thumbprint(&P256.jwk()), thumbprint(&SECP256K1.jwk()));
}

#[test]
fn hash_of_a_thumbprint_can_be_chosen() {
    let key = private(&P256);
    for (hash, bytes, name) in [
        (ThumbprintHash::Sha256, 32, "sha-256"),
        (ThumbprintHash::Sha384, 48, "sha-384"),
        (ThumbprintHash::Sha512, 64, "sha-512"),
    ] {
        let thumbprint = key.thumbprint(hash);
        assert_eq!(thumbprint.as_bytes().len(), bytes);
        assert_eq!(thumbprint.uri(), format!("urn:ietf:params:oauth:jwk-thumbprint:{name}:{thumbprint}"));
    }
}

#[test]
fn form_has_a_name_of_its_own() {
    let names: BTreeSet<_> = KeyForm::all().map(KeyForm::name).collect();
    assert_eq!(names.len(), KeyForm::all().count());
    for form in KeyForm::all() {
        assert_eq!(KeyForm::from_name(form.name()), Some(form));
        assert_eq!(form.is_text(), !form.name().contains("der"));
    }
    assert_eq!(KeyForm::from_name("JWK"), None);
}

/// A key whose private half is derived from `seed`, of one of the kinds.
fn derived(kind: usize, seed: [u8; 32]) -> PrivateKey {
    let digits = digits(&seed);
    // Below the order of each curve, and not zero.
    let number = format!("01{}", &digits[2..]);
    let der = match kind {
        0 => RSA_A.private.expose().to_vec(),
        1 => hex(&format!("3031 020101 0420 {number} a00a 0608 2a8648ce3d030107")),
        2 => hex(&format!("302e 020101 0420 {number} a007 0605 2b8104000a")),
        3 => hex(&format!("302e 020100 3005 06032b6570 0422 0420 {digits}")),
        4 => hex(&format!("3034 020100 300b 0609 608648016503040311 0422 8020 {digits}")),
        5 => P384.private.expose().to_vec(),
        6 => P521.private.expose().to_vec(),
        _ => return PrivateKey::from_secret([seed, seed].concat().into()).unwrap(),
    };
    AnyKey::read(&der).and_then(AnyKey::into_private).unwrap()
}

/// A text by which two private keys are compared: the JWK without its names.
fn essence(key: &PrivateKey) -> String {
    let jwk = key.export(KeyForm::Jwk).unwrap();
    with(std::str::from_utf8(jwk.expose()).unwrap(), &[("kid", ""), ("alg", "")])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn key_survives_every_form(kind in 0_usize..8, seed: [u8; 32], key_id in "\\PC{1,40}") {
        let key = derived(kind, seed).named(&key_id);
        let algorithm = key.family().algorithms().next().unwrap();
        let mut forms = 0;
        for form in KeyForm::all() {
            let Ok(written) = key.export(form) else { continue };
            forms += 1;
            let read = AnyKey::read(written.expose()).and_then(AnyKey::into_private).unwrap();
            prop_assert_eq!(essence(&read), essence(&key), "{}", form.name());
            prop_assert_eq!(read.thumbprint(ThumbprintHash::Sha256), key.thumbprint(ThumbprintHash::Sha256));
            prop_assert_eq!(read.key_id(), (form == KeyForm::Jwk).then_some(key_id.as_str()));
            prop_assert!(read.signing_key(algorithm).is_ok());
            prop_assert_eq!(read.public_key().map(|key| key.spki_der()), key.public_key().map(|key| key.spki_der()));
        }
        let expected = match key.family() {
            Family::Secret => 1,
            Family::Rsa | Family::P256 | Family::P384 | Family::P521 | Family::Secp256k1 => 5,
            _ => 3,
        };
        prop_assert_eq!(forms, expected);
    }

    #[test]
    fn public_key_survives_every_form(kind in 0_usize..7, seed: [u8; 32], key_id in "\\PC{1,40}") {
        let key = derived(kind, seed).named(&key_id).public_key().unwrap();
        for form in KeyForm::all() {
            let Ok(written) = key.export(form) else { continue };
            let read = AnyKey::read(&written).and_then(AnyKey::into_public).unwrap();
            prop_assert_eq!(read.spki_der(), key.spki_der(), "{}", form.name());
            prop_assert_eq!(read.thumbprint(ThumbprintHash::Sha256), key.thumbprint(ThumbprintHash::Sha256));
            prop_assert_eq!(read.key_id(), (form == KeyForm::Jwk).then_some(key_id.as_str()));
        }
        // What is published is what a verifier takes.
        let jwk = String::from_utf8(key.export(KeyForm::Jwk).unwrap()).unwrap();
        let keys = KeySet::parse(key_set(&[jwk]).as_bytes()).unwrap();
        prop_assert_eq!(keys.keys()[0].family(), key.family());
    }

    /// Whatever is damaged in a good key, the answer is a key or an error, and never a panic.
    #[test]
    fn damaged_key_is_answered(kind in 0_usize..7, seed: [u8; 32], form in 0_usize..9, at: prop::sample::Index, byte: u8) {
        let key = derived(kind, seed);
        let form = KeyForm::all().nth(form).unwrap();
        if let Ok(written) = key.export(form) {
            let mut damaged = written.expose().to_vec();
            let at = at.index(damaged.len());
            damaged[at] = byte;
            if let Ok(read) = AnyKey::read(&damaged).and_then(AnyKey::into_private) {
                prop_assert!(read.export(KeyForm::Jwk).is_ok());
            }
        }
    }
}

/// SEC 1 in DER of a key on a curve of 256 bits, its public point in this form or left out.
fn sec1_with(d: &[u8], curve: &str, point: &[u8]) -> Vec<u8> {
    let element = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
    let public = match point {
        [] => vec![],
        point => element(0xa1, &element(0x03, &[&[0], point].concat())),
    };
    let content = [hex("020101"), element(0x04, d), element(0xa0, &hex(curve)), public].concat();
    element(0x30, &content)
}

#[test]
fn elliptic_curve_key_is_one_key_however_its_point_is_written() {
    for (key, curve) in [(&*P256, "0608 2a8648ce3d030107"), (&*SECP256K1, "0605 2b8104000a")] {
        let jwk = text(key, KeyForm::Jwk);
        let [d, x, y] = ["d", "x", "y"].map(|name| decode(&member(&jwk, name)));
        let odd = y[31] & 1;
        let points = [
            [&[4], &x[..], &y].concat(),
            [&[2 | odd], &x[..]].concat(),
            [&[6 | odd], &x[..], &y].concat(),
            vec![],
        ];
        for point in points {
            let read = AnyKey::read(&sec1_with(&d, curve, &point)).and_then(AnyKey::into_private);
            let read = read.map_err(|error| error.code());
            let same = |form| read.as_ref().map(|read| read.export(form).unwrap().expose().to_vec());
            for form in [KeyForm::Pkcs8Der, KeyForm::Sec1Der] {
                assert_eq!(same(form), Ok(exported(key, form)), "{} {point:02x?}", key.key_id);
            }
        }
        let other_sign = [&[2 | (odd ^ 1)], &x[..]].concat();
        assert_eq!(code_of(&sec1_with(&d, curve, &other_sign)), Some("key_private_invalid"));
    }
}
