//! The examples of the RFCs, as they are printed: each signature fits its key, and each text gets the answer it deserves.
//!
//! The files under `vectors/` hold the data and name the sections. Hardly any example is a token that an API should take
//! (RFC 7515 has no audience, RFC 7520 signs a sentence), so each row says which check answers: that it is one of the
//! claims shows that the signature has passed. What is not the compact form is refused whole, and its signature is
//! checked by itself.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a vector that cannot be read is a failed test"
)]

mod common;

use common::{decode, with};
use jwksmith_jose::{
    AccessClaims, Algorithm, AnyKey, KeySet, Policy, Refusal, ThumbprintHash, UnixTime, base64url_encode,
    verify,
};
use serde::Deserialize;
use serde_json::Value;

/// One signature of an RFC.
#[derive(Deserialize)]
struct Example {
    section: String,
    algorithm: String,
    key: Value,
    protected: String,
    payload: String,
    signature: String,
    /// The printed text, where it is not the compact form of these three
    text: Option<String>,
    answer: String,
}

/// A text of an RFC that is refused before a signature is looked at.
#[derive(Deserialize)]
struct Refused {
    section: String,
    text: String,
    answer: String,
}

#[derive(Deserialize)]
struct Vectors {
    signatures: Vec<Example>,
    #[serde(default)]
    refused: Vec<Refused>,
}

impl Example {
    fn algorithm(&self) -> Algorithm {
        Algorithm::from_name(&self.algorithm).unwrap()
    }

    /// The key's public half, or the secret, as the operator's own file has it.
    fn keys(&self) -> KeySet {
        let private = ["d", "p", "q", "dp", "dq", "qi"].map(|name| (name, ""));
        let jwk = with(&self.key.to_string(), &private);
        KeySet::parse_local(set_of(&jwk).as_bytes()).unwrap()
    }

    /// RFC 7515 §5.2 step 8, and RFC 7797 §3 where the payload is not encoded.
    fn signing_input(&self) -> String {
        format!("{}.{}", self.protected, self.payload)
    }

    fn fits(&self, input: &str, signature: &[u8]) -> bool {
        self.keys().keys()[0].verifies(self.algorithm(), input.as_bytes(), signature)
    }

    fn printed(&self) -> String {
        let compact = || format!("{}.{}", self.signing_input(), self.signature);
        self.text.clone().unwrap_or_else(compact)
    }

    fn answer(&self, text: &str) -> &'static str {
        code_of(text, &self.keys(), [self.algorithm()])
    }
}

fn set_of(jwk: &str) -> String {
    format!("{{\"keys\":[{jwk}]}}")
}

/// The code that refuses a text of "joe", who issues the tokens of RFC 7515, at the time when they were good.
fn code_of(text: &str, keys: &KeySet, algorithms: impl IntoIterator<Item = Algorithm>) -> &'static str {
    let policy = Policy::new("joe", "https://api.example/", algorithms).unwrap();
    let answer = verify::<AccessClaims>(text, keys, &policy, UnixTime::from_seconds(1_300_819_000));
    answer.err().as_ref().map_or("accepted", Refusal::code)
}

fn check(json: &str, signatures: usize) -> Vec<Example> {
    let vectors: Vectors = serde_json::from_str(json).unwrap();
    assert_eq!(vectors.signatures.len(), signatures);
    for vector in &vectors.signatures {
        check_signature(vector);
        assert_eq!(vector.answer(&vector.printed()), vector.answer, "{}", vector.section);
    }
    for refused in &vectors.refused {
        let keys = vectors.signatures[0].keys();
        let answer = code_of(&refused.text, &keys, Algorithm::asymmetric());
        assert_eq!(answer, refused.answer, "{}", refused.section);
    }
    vectors.signatures
}

/// The signature fits what was signed, and neither another text nor another signature does.
fn check_signature(vector: &Example) {
    let (input, mut signature) = (vector.signing_input(), decode(&vector.signature));
    assert!(vector.fits(&input, &signature), "{}", vector.section);
    assert!(!vector.fits(&format!("{input}A"), &signature), "{}: another text", vector.section);
    *signature.last_mut().unwrap() ^= 1;
    assert!(!vector.fits(&input, &signature), "{}: another signature", vector.section);
    if vector.text.is_none() {
        let forged = format!("{input}.{}", base64url_encode(&signature));
        assert_eq!(vector.answer(&forged), "signature_invalid", "{}", vector.section);
    }
}

#[test]
fn signatures_of_rfc_7515_fit() {
    check(include_str!("vectors/rfc7515.json"), 7);
}

#[test]
fn signatures_of_rfc_7520_fit() {
    // The kids of §4.8 have four dots between them, so its text is told to be an encrypted token. It is refused at least.
    check(include_str!("vectors/rfc7520.json"), 10);
}

#[test]
fn signatures_over_unencoded_payloads_fit_and_their_tokens_are_refused() {
    check(include_str!("vectors/rfc7797.json"), 3);
}

#[test]
fn signature_of_rfc_8037_fits() {
    check(include_str!("vectors/rfc8037.json"), 1);
}

#[test]
fn signatures_of_rfc_9964_fit() {
    let vectors = check(include_str!("vectors/rfc9964.json"), 3);
    // Each kid is the thumbprint of its key.
    for vector in vectors {
        let key = AnyKey::read(vector.key.to_string().as_bytes()).unwrap().into_public().unwrap();
        let thumbprint = key.thumbprint(ThumbprintHash::Sha256).to_string();
        assert_eq!(Some(thumbprint.as_str()), key.key_id(), "{}", vector.section);
    }
}

/// The algorithms that have one signature only for a message and a key.
const DETERMINISTIC: [&str; 3] = ["RS256", "HS256", "EdDSA"];

#[test]
fn private_key_of_an_example_signs_as_it_is_printed() {
    let files = [
        include_str!("vectors/rfc7515.json"),
        include_str!("vectors/rfc7520.json"),
        include_str!("vectors/rfc7797.json"),
        include_str!("vectors/rfc8037.json"),
    ];
    let read = |file: &str| serde_json::from_str::<Vectors>(file).unwrap().signatures;
    for vector in files.into_iter().flat_map(read) {
        let key = AnyKey::read(vector.key.to_string().as_bytes()).unwrap().into_private().unwrap();
        let input = vector.signing_input();
        let signature = key.signing_key(vector.algorithm()).unwrap().sign(input.as_bytes()).unwrap();
        assert!(vector.fits(&input, &signature), "{}", vector.section);
        let printed = base64url_encode(&signature) == vector.signature;
        assert_eq!(printed, DETERMINISTIC.contains(&vector.algorithm.as_str()), "{}", vector.section);
    }
}

#[test]
fn key_of_one_algorithm_verifies_no_other() {
    let vectors: Vectors = serde_json::from_str(include_str!("vectors/rfc7520.json")).unwrap();
    for vector in &vectors.signatures {
        let (keys, signature) = (vector.keys(), decode(&vector.signature));
        for other in Algorithm::all().filter(|other| *other != vector.algorithm()) {
            let fits = keys.keys()[0].verifies(other, vector.signing_input().as_bytes(), &signature);
            assert!(!fits, "{} as {other}", vector.section);
        }
    }
}

/// What becomes of each key of a set: the code of the reason to skip it, or nothing.
fn codes_of(set: &str, local: bool) -> Vec<Option<&'static str>> {
    let keys: Vec<Value> = serde_json::from_str::<Keys>(set).unwrap().keys;
    keys.iter().map(|key| skip_code(&key.to_string(), local)).collect()
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Value>,
}

/// The code of one key, beside a good one so that the set is read either way.
fn skip_code(jwk: &str, local: bool) -> Option<&'static str> {
    let set = common::key_set(&[jwk, &common::P256.jwk()]);
    let parse = if local { KeySet::parse_local } else { KeySet::parse };
    parse(set.as_bytes()).unwrap().skipped().first().map(|skipped| skipped.reason.code())
}

#[derive(Deserialize)]
struct KeyExamples {
    public: Value,
    private: Value,
    symmetric: Value,
    certificate: Value,
}

fn rfc_7517() -> KeyExamples {
    serde_json::from_str(include_str!("vectors/rfc7517.json")).unwrap()
}

#[test]
fn keys_of_rfc_7517_are_read_as_they_are_meant() {
    let examples = rfc_7517();
    // A.1: the first is for encryption.
    assert_eq!(codes_of(&examples.public.to_string(), false), [Some("jwk_use"), None]);
    // A.2: private keys have no place in a published set, nor in a file of keys to verify with.
    let disclosed = [Some("jwk_private_member"); 2];
    assert_eq!(codes_of(&examples.private.to_string(), false), disclosed);
    assert_eq!(codes_of(&examples.private.to_string(), true), disclosed);
    // A.3: the secret is published by nobody; the one for key wrapping signs nothing, wherever it stands.
    let published = codes_of(&examples.symmetric.to_string(), false);
    assert!(published.iter().all(Option::is_some), "{published:?}");
    assert_eq!(published[1], Some("jwk_private_member"));
    assert_eq!(codes_of(&examples.symmetric.to_string(), true), [Some("jwk_alg"), None]);
}

#[test]
fn certificate_of_rfc_7517_belongs_to_its_key() {
    let set = set_of(&rfc_7517().certificate.to_string());
    let keys = KeySet::parse(set.as_bytes()).unwrap();
    let certificate = keys.keys()[0].certificate().unwrap();
    assert!(certificate.subject().contains("CN=Brian Campbell"), "{}", certificate.subject());
    // The certificate alone says the same key.
    let alone = with(&rfc_7517().certificate.to_string(), &[("n", ""), ("e", "")]);
    assert_eq!(skip_code(&alone, false), None);
}

#[derive(Deserialize)]
struct MoreKeys {
    public: Value,
    encryption_secret: Value,
}

#[test]
fn keys_of_rfc_7520_are_read_as_they_are_meant() {
    let examples: MoreKeys = serde_json::from_str(include_str!("vectors/rfc7520.json")).unwrap();
    // §3.1 and §3.3: an EC and an RSA key; §3.6: a secret to encrypt with.
    assert_eq!(codes_of(&examples.public.to_string(), false), [None, None]);
    assert_eq!(skip_code(&examples.encryption_secret.to_string(), true), Some("jwk_use"));
}

#[test]
fn key_of_rfc_8037_for_agreement_is_refused_by_name() {
    // A.6: an X25519 key, and the header of a token that is encrypted to it.
    let jwk = include_str!("vectors/rfc8037.json");
    let x25519 = serde_json::from_str::<Value>(jwk).unwrap()["x25519"].to_string();
    assert_eq!(skip_code(&x25519, false), Some("jwk_key_type"));
    let header = base64url_encode(r#"{"alg":"ECDH-ES+A128KW","enc":"A128GCM"}"#);
    let keys = KeySet::parse(common::key_set(&[common::P256.jwk()]).as_bytes()).unwrap();
    assert_eq!(code_of(&format!("{header}.AAAA.AAAA"), &keys, Algorithm::asymmetric()), "alg_unsupported");
}
