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
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(base64url).unwrap()
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

/// Upper-case hexadecimal digits.
pub(crate) fn digits(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)).map(|c| c.to_ascii_uppercase()).collect()
}
