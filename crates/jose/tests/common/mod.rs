//! What the test tables of this crate share: keys made once per test binary, and hostile texts made from harmless ones.
//!
//! Everything here writes JSON as text, so that a table can hold what no serializer would ever write.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "each test binary uses its own part of this module, and a helper that fails is a failed test"
)]

pub(crate) mod codes;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jwksmith_jose::{Algorithm, SecretBytes, SigningKey, base64url_encode};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://tenant.example/";
pub(crate) const AUDIENCE: &str = "https://api.example/";

/// The header of a token that [`RSA_A`] signed.
pub(crate) const HEADER: &str = r#"{"alg":"RS256","typ":"at+jwt","kid":"rsa-a"}"#;

/// Claims that every policy of these tests accepts at [`NOW`].
pub(crate) const CLAIMS: &str = r#"{
    "iss":"https://tenant.example/", "sub":"client-1", "aud":"https://api.example/",
    "exp":1800003600, "nbf":1799999940, "iat":1799999940, "jti":"token-1"
}"#;

/// A private key and the name under which the key sets of these tests publish it.
pub(crate) struct TestKey {
    pub(crate) key_id: &'static str,
    pub(crate) algorithm: Algorithm,
    pub(crate) private: SecretBytes,
    pub(crate) signing: SigningKey,
}

pub(crate) static RSA_A: LazyLock<TestKey> = LazyLock::new(|| TestKey::new("rsa-a", Algorithm::RS256));
pub(crate) static RSA_B: LazyLock<TestKey> = LazyLock::new(|| TestKey::new("rsa-b", Algorithm::RS256));
pub(crate) static P256: LazyLock<TestKey> = LazyLock::new(|| TestKey::new("p256", Algorithm::ES256));
pub(crate) static P384: LazyLock<TestKey> = LazyLock::new(|| TestKey::new("p384", Algorithm::ES384));
pub(crate) static P521: LazyLock<TestKey> = LazyLock::new(|| TestKey::new("p521", Algorithm::ES512));
pub(crate) static ED25519: LazyLock<TestKey> = LazyLock::new(|| TestKey::new("ed25519", Algorithm::EdDSA));
pub(crate) static SECP256K1: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::new("secp256k1", Algorithm::ES256K));
pub(crate) static ML_DSA_44: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::new("ml-dsa-44", Algorithm::MlDsa44));
pub(crate) static ML_DSA_65: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::new("ml-dsa-65", Algorithm::MlDsa65));
pub(crate) static ML_DSA_87: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::new("ml-dsa-87", Algorithm::MlDsa87));

impl TestKey {
    fn new(key_id: &'static str, algorithm: Algorithm) -> Self {
        let private = SigningKey::generate(algorithm).unwrap();
        let signing = SigningKey::from_private(algorithm, &private).unwrap();
        Self { key_id, algorithm, private, signing }
    }

    /// The same private key, signing with another algorithm of its family.
    pub(crate) fn signing_with(&self, algorithm: Algorithm) -> SigningKey {
        SigningKey::from_private(algorithm, &self.private).unwrap()
    }

    /// The public JWK under the key's own name.
    pub(crate) fn jwk(&self) -> String {
        serde_json::to_string(&self.signing.public_jwk(self.key_id).unwrap()).unwrap()
    }

    /// The public JWK with members changed as [`with`] does.
    pub(crate) fn jwk_with(&self, changes: &[(&str, &str)]) -> String {
        with(&self.jwk(), changes)
    }

    /// A token whose header names this key, with the claims changed.
    pub(crate) fn token(&self, header: &[(&str, &str)], claims: &[(&str, &str)]) -> String {
        let (alg, kid) = (format!("{:?}", self.algorithm.name()), format!("{:?}", self.key_id));
        let own = with(HEADER, &[("alg", &alg), ("kid", &kid)]);
        sign(&self.signing, with(&own, header), with(CLAIMS, claims))
    }
}

/// A self-signed certificate for the key, DER.
pub(crate) fn certificate(key: &TestKey) -> Vec<u8> {
    let pair = rcgen::KeyPair::try_from(key.private.expose()).unwrap();
    let parameters = rcgen::CertificateParams::new(["tenant.example".to_owned()]).unwrap();
    parameters.self_signed(&pair).unwrap().der().to_vec()
}

/// A JSON object with members replaced or added as raw JSON, and removed where the raw text is empty.
///
/// Neither names nor values are checked, so they may be spelt with escapes or be no JSON at all.
pub(crate) fn with(object: &str, changes: &[(&str, &str)]) -> String {
    let members: BTreeMap<String, serde_json::Value> = serde_json::from_str(object).unwrap();
    let mut members: BTreeMap<String, String> =
        members.into_iter().map(|(name, value)| (name, value.to_string())).collect();
    for (name, raw) in changes {
        members.remove(*name);
        if !raw.is_empty() {
            members.insert((*name).to_owned(), (*raw).to_owned());
        }
    }
    let members: Vec<String> = members.iter().map(|(name, raw)| format!("\"{name}\":{raw}")).collect();
    format!("{{{}}}", members.join(","))
}

/// A JSON object with raw text put in front of its first member, to make one stand twice.
pub(crate) fn prefixed(object: &str, raw: &str) -> String {
    object.replacen('{', &format!("{{{raw},"), 1)
}

/// A member of an object, as text.
pub(crate) fn member(object: &str, name: &str) -> String {
    let members: BTreeMap<String, serde_json::Value> = serde_json::from_str(object).unwrap();
    members[name].as_str().unwrap().to_owned()
}

/// A key set of these elements, each raw JSON.
pub(crate) fn key_set<S: AsRef<str>>(elements: &[S]) -> String {
    let elements: Vec<&str> = elements.iter().map(AsRef::as_ref).collect();
    format!("{{\"keys\":[{}]}}", elements.join(","))
}

/// The compact form of any header and payload, well signed.
pub(crate) fn sign(key: &SigningKey, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    let input = signing_input(header, payload);
    let signature = key.sign(input.as_bytes()).unwrap();
    compact(&input, signature)
}

pub(crate) fn signing_input(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    format!("{}.{}", base64url_encode(header), base64url_encode(payload))
}

pub(crate) fn compact(signing_input: &str, signature: impl AsRef<[u8]>) -> String {
    format!("{signing_input}.{}", base64url_encode(signature))
}

/// The three segments of a token.
pub(crate) fn segments(token: &str) -> [&str; 3] {
    let mut all = token.split('.');
    [all.next().unwrap(), all.next().unwrap(), all.next().unwrap()]
}

/// The decoded signature of a token.
pub(crate) fn signature_of(token: &str) -> Vec<u8> {
    decode(segments(token)[2])
}

pub(crate) fn decode(base64url: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(base64url).unwrap()
}

/// The same token with another signature.
pub(crate) fn resigned(token: &str, signature: impl AsRef<[u8]>) -> String {
    compact(token.rsplit_once('.').unwrap().0, signature)
}

/// Bytes from hexadecimal digits; white space is skipped.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        digits.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit.try_into().unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
}

/// The public key, in every form that somebody has taken for an HMAC secret (CVE-2015-9235 and its successors).
pub(crate) fn public_forms() -> Vec<(&'static str, Vec<u8>)> {
    let pair = RsaKeyPair::from_pkcs8(RSA_A.private.expose()).unwrap();
    let spki = pair.public_key().as_der().unwrap().as_ref().to_vec();
    let pkcs1 = pair.public_key().as_ref().to_vec();
    let (jwk, modulus) = (RSA_A.jwk(), member(&RSA_A.jwk(), "n"));
    let spki_pem = pem("PUBLIC KEY", &spki);
    vec![
        ("nothing", Vec::new()),
        ("one zero byte", vec![0]),
        ("32 zero bytes", vec![0; 32]),
        ("null", b"null".to_vec()),
        ("undefined", b"undefined".to_vec()),
        ("the JWK", jwk.clone().into_bytes()),
        ("the JWK set", key_set(&[&jwk]).into_bytes()),
        ("the JWK set behind a BOM", format!("\u{feff}{}", key_set(&[&jwk])).into_bytes()),
        ("the key information, DER", spki.clone()),
        ("the key information, base64", STANDARD.encode(&spki).into_bytes()),
        ("the key information, PEM", spki_pem.clone().into_bytes()),
        ("the PEM without its last line break", spki_pem.trim_end().as_bytes().to_vec()),
        ("the PEM behind white space", format!(" \n{spki_pem}").into_bytes()),
        ("the PEM with CRLF", spki_pem.replace('\n', "\r\n").into_bytes()),
        ("the PKCS#1 key, DER", pkcs1.clone()),
        ("the PKCS#1 key, PEM", pem("RSA PUBLIC KEY", &pkcs1).into_bytes()),
        ("the modulus, as text", modulus.clone().into_bytes()),
        ("the modulus", decode(&modulus)),
        ("the exponent", vec![1, 0, 1]),
        ("the SSH key", ssh_line(&modulus).into_bytes()),
        ("the certificate, PEM", pem("CERTIFICATE", &certificate(&RSA_A)).into_bytes()),
        ("the key's name", RSA_A.key_id.as_bytes().to_vec()),
    ]
}

/// RFC 4253 §6.6: the name, the exponent and the modulus, each behind its length.
fn ssh_line(modulus: &str) -> String {
    let field = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let blob = [field(b"ssh-rsa"), field(&[1, 0, 1]), field(&[&[0], &decode(modulus)[..]].concat())];
    format!("ssh-rsa {} somebody@somewhere", STANDARD.encode(blob.concat()))
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// The order of P-256 (SEC 2 §2.4.2).
pub(crate) const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

/// The signature as OpenSSL writes it: a sequence of two integers.
pub(crate) fn der_signature(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let digits: Vec<u8> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign = if digits[0] >= 0x80 { vec![0] } else { Vec::new() };
        [vec![2, u8::try_from(sign.len() + digits.len()).unwrap()], sign, digits].concat()
    };
    let body = [integer(r), integer(s)].concat();
    [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat()
}

/// The same residue once more: a second spelling of one Ed25519 signature, little-endian.
pub(crate) fn past_the_order(s: &[u8]) -> Vec<u8> {
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut carry = 0;
    let sum = s.iter().zip(&order).map(|(a, b)| {
        let digit = u16::from(*a) + u16::from(*b) + carry;
        carry = digit >> 8;
        u8::try_from(digit & 0xff).unwrap()
    });
    sum.collect()
}

/// Upper-case hexadecimal digits.
pub(crate) fn digits(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)).map(|c| c.to_ascii_uppercase()).collect()
}
