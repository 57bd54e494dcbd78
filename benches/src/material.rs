//! The table of algorithms, and for each row one fresh key in every form that a contestant may ask for.
//!
//! Keys come from AWS-LC; the same key signs and verifies for everybody. A new row is one line of [`ROWS`].

use std::borrow::Cow;
use std::sync::Arc;

use anyhow::{Context, bail};
use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _, Curve25519SeedBin, EcPrivateKeyBin};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self as sig, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, Ed25519KeyPair,
    KeyPair as _, ParsedPublicKey, PqdsaKeyPair, PqdsaSigningAlgorithm, PqdsaVerificationAlgorithm,
    RsaEncoding, RsaKeyPair, RsaParameters,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::claims::{ISSUER, IssuedClaims, KEY_ID, TOKEN_TYPE};

/// One algorithm.
pub struct Row {
    /// As `alg` spells it.
    pub name: &'static str,
    /// What the row is called, where the name alone does not say it.
    pub label: &'static str,
    scheme: Scheme,
    /// The least that jwksmith may reach of the raw verification; nothing where no target is set.
    pub verify_target: Option<f64>,
    /// The same for signing; where there is nothing at all, signing is not measured.
    pub sign_target: Option<f64>,
    pub sign: bool,
}

/// How large the measured tokens are.
const TOKEN_BYTES: usize = 900;

#[derive(Clone, Copy)]
enum Scheme {
    Rsa(KeySize, &'static dyn RsaEncoding, &'static RsaParameters),
    Ecdsa(&'static str, &'static EcdsaSigningAlgorithm, &'static EcdsaVerificationAlgorithm),
    Ed25519,
    Hmac(hmac::Algorithm, usize),
    MlDsa(&'static PqdsaSigningAlgorithm, &'static PqdsaVerificationAlgorithm),
}

const RS256: Scheme = Scheme::Rsa(KeySize::Rsa2048, &sig::RSA_PKCS1_SHA256, &sig::RSA_PKCS1_2048_8192_SHA256);
const PS256: Scheme = Scheme::Rsa(KeySize::Rsa2048, &sig::RSA_PSS_SHA256, &sig::RSA_PSS_2048_8192_SHA256);
const RS512: Scheme = Scheme::Rsa(KeySize::Rsa4096, &sig::RSA_PKCS1_SHA512, &sig::RSA_PKCS1_2048_8192_SHA512);
const ES256: Scheme =
    Scheme::Ecdsa("P-256", &sig::ECDSA_P256_SHA256_FIXED_SIGNING, &sig::ECDSA_P256_SHA256_FIXED);
const ES384: Scheme =
    Scheme::Ecdsa("P-384", &sig::ECDSA_P384_SHA384_FIXED_SIGNING, &sig::ECDSA_P384_SHA384_FIXED);
const ES256K: Scheme =
    Scheme::Ecdsa("secp256k1", &sig::ECDSA_P256K1_SHA256_FIXED_SIGNING, &sig::ECDSA_P256K1_SHA256_FIXED);
const HS256: Scheme = Scheme::Hmac(hmac::HMAC_SHA256, 32);
const ML_DSA_65: Scheme = Scheme::MlDsa(&sig::ML_DSA_65_SIGNING, &sig::ML_DSA_65);

/// Every algorithm that is measured: name, label, how it is made, the targets of verifying and of signing.
#[rustfmt::skip]
pub static ROWS: [Row; 9] = [
    row("RS256", "RS256", RS256, Some(0.95), Some(0.97)),
    row("PS256", "PS256", PS256, Some(0.95), None),
    row("RS512", "RS512 (4096)", RS512, Some(0.985), None),
    row("ES256", "ES256", ES256, Some(0.985), Some(0.95)),
    row("EdDSA", "EdDSA", Scheme::Ed25519, Some(0.975), Some(0.95)),
    Row { sign: true, ..row("HS256", "HS256", HS256, Some(0.50), None) },
    row("ES384", "ES384", ES384, None, None),
    row("ES256K", "ES256K", ES256K, None, None),
    row("ML-DSA-65", "ML-DSA-65", ML_DSA_65, None, None),
];

const fn row(
    name: &'static str,
    label: &'static str,
    scheme: Scheme,
    verify_target: Option<f64>,
    sign_target: Option<f64>,
) -> Row {
    Row { name, label, scheme, verify_target, sign_target, sign: sign_target.is_some() }
}

/// One key in every form.
pub struct Material {
    pub row: &'static Row,
    pub pair: Arc<Pair>,
    /// The prepared key of the raw verification.
    pub verifier: Arc<RawVerifier>,
    /// What a verifier is given: the public JWK, or the shared secret as one.
    pub jwk: Value,
    /// The private half as PKCS#8; the bytes of a shared secret.
    pub private: Vec<u8>,
    /// The private scalar or seed, where the algorithm has one.
    pub scalar: Option<Vec<u8>>,
}

/// The key pair in the crypto library's own form.
pub enum Pair {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Hmac(Box<hmac::Key>),
    MlDsa(PqdsaKeyPair),
}

/// What raw verification needs, prepared.
pub enum RawVerifier {
    Public(ParsedPublicKey),
    Secret(Box<hmac::Key>),
}

impl RawVerifier {
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Public(key) => key.verify_sig(message, signature).is_ok(),
            Self::Secret(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

impl Pair {
    pub fn sign(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        let random = SystemRandom::new();
        Ok(match self {
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature)?;
                signature
            }
            Self::Ecdsa(pair) => pair.sign(&random, message)?.as_ref().to_vec(),
            Self::Ed25519(pair) => pair.try_sign(message)?.as_ref().to_vec(),
            Self::Hmac(key) => hmac::sign(key, message).as_ref().to_vec(),
            Self::MlDsa(pair) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                pair.sign(message, &mut signature)?;
                signature
            }
        })
    }
}

impl Material {
    pub fn generate(row: &'static Row) -> anyhow::Result<Self> {
        match row.scheme {
            Scheme::Rsa(size, encoding, parameters) => Self::rsa(row, size, encoding, parameters),
            Scheme::Ecdsa(curve, signing, verification) => Self::ecdsa(row, curve, signing, verification),
            Scheme::Ed25519 => Self::ed25519(row),
            Scheme::Hmac(hash, bytes) => Self::hmac(row, hash, bytes),
            Scheme::MlDsa(signing, verification) => Self::ml_dsa(row, signing, verification),
        }
        .with_context(|| format!("making a key for {}", row.name))
    }

    /// The claims of a token of [`TOKEN_BYTES`], or of more where the signature alone takes most of it.
    pub fn claims(&self, now: u64) -> anyhow::Result<IssuedClaims> {
        self.claims_of(ISSUER, now)
    }

    /// The same of another issuer.
    pub fn claims_of(&self, issuer: impl Into<Cow<'static, str>>, now: u64) -> anyhow::Result<IssuedClaims> {
        let mut claims = IssuedClaims::at(issuer, now);
        let missing = TOKEN_BYTES.saturating_sub(self.token(&claims)?.len());
        claims.grant(missing * 3 / 4);
        Ok(claims)
    }

    /// The compact token of these claims, signed by the raw key.
    pub fn token(&self, claims: &IssuedClaims) -> anyhow::Result<String> {
        self.token_of(&self.header(KEY_ID), &serde_json::to_string(claims)?)
    }

    /// The header that names a key.
    pub fn header(&self, key_id: &str) -> String {
        format!(r#"{{"alg":"{}","typ":"{TOKEN_TYPE}","kid":"{key_id}"}}"#, self.row.name)
    }

    /// The compact token of these texts, whatever they are, signed by the raw key.
    pub fn token_of(&self, header: &str, claims: &str) -> anyhow::Result<String> {
        let signing_input = format!("{}.{}", encoded(header), encoded(claims));
        loop {
            let signature = self.pair.sign(signing_input.as_bytes())?;
            if self.suits_everybody(&signature) {
                return Ok(format!("{signing_input}.{}", encoded(signature)));
            }
        }
    }

    /// On secp256k1 jwt-simple takes only the lower of the two values that `s` can have, which RFC 8812 does not ask for.
    fn suits_everybody(&self, signature: &[u8]) -> bool {
        const S_AT: usize = 32;
        !matches!(self.row.scheme, Scheme::Ecdsa("secp256k1", ..)) || signature[S_AT] < 0x7f
    }

    /// The private half as a PEM text.
    pub fn private_pem(&self) -> String {
        let text = STANDARD.encode(&self.private);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
    }

    fn rsa(
        row: &'static Row,
        size: KeySize,
        encoding: &'static dyn RsaEncoding,
        parameters: &'static RsaParameters,
    ) -> anyhow::Result<Self> {
        let pair = RsaKeyPair::generate(size)?;
        let public = pair.public_key();
        let (n, e) = (
            public.modulus().big_endian_without_leading_zero(),
            public.exponent().big_endian_without_leading_zero(),
        );
        let components = sig::RsaPublicKeyComponents { n, e };
        Ok(Self {
            row,
            verifier: Arc::new(RawVerifier::Public(components.to_parsed_public_key(parameters)?)),
            jwk: jwk(row, json!({ "kty": "RSA", "n": encoded(n), "e": encoded(e) })),
            private: pair.as_der()?.as_ref().to_vec(),
            scalar: None,
            pair: Arc::new(Pair::Rsa(pair, encoding)),
        })
    }

    fn ecdsa(
        row: &'static Row,
        curve: &'static str,
        signing: &'static EcdsaSigningAlgorithm,
        verification: &'static EcdsaVerificationAlgorithm,
    ) -> anyhow::Result<Self> {
        let pair = EcdsaKeyPair::generate(signing)?;
        let point = pair.public_key().as_ref();
        let [4, coordinates @ ..] = point else { bail!("the point is compressed") };
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        let scalar: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes()?;
        Ok(Self {
            row,
            verifier: Arc::new(RawVerifier::Public(ParsedPublicKey::new(verification, point)?)),
            jwk: jwk(row, json!({ "kty": "EC", "crv": curve, "x": encoded(x), "y": encoded(y) })),
            private: pair.to_pkcs8v1()?.as_ref().to_vec(),
            scalar: Some(scalar.as_ref().to_vec()),
            pair: Arc::new(Pair::Ecdsa(pair)),
        })
    }

    fn ed25519(row: &'static Row) -> anyhow::Result<Self> {
        let pair = Ed25519KeyPair::generate()?;
        let x = pair.public_key().as_ref();
        let seed: Curve25519SeedBin<'_> = pair.seed()?.as_be_bytes()?;
        Ok(Self {
            row,
            verifier: Arc::new(RawVerifier::Public(ParsedPublicKey::new(&sig::ED25519, x)?)),
            jwk: jwk(row, json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(x) })),
            private: pair.to_pkcs8v1()?.as_ref().to_vec(),
            scalar: Some(seed.as_ref().to_vec()),
            pair: Arc::new(Pair::Ed25519(pair)),
        })
    }

    fn hmac(row: &'static Row, hash: hmac::Algorithm, bytes: usize) -> anyhow::Result<Self> {
        let mut secret = vec![0; bytes];
        aws_lc_rs::rand::fill(&mut secret)?;
        Ok(Self {
            row,
            verifier: Arc::new(RawVerifier::Secret(Box::new(hmac::Key::new(hash, &secret)))),
            jwk: jwk(row, json!({ "kty": "oct", "k": encoded(&secret) })),
            pair: Arc::new(Pair::Hmac(Box::new(hmac::Key::new(hash, &secret)))),
            private: secret,
            scalar: None,
        })
    }

    fn ml_dsa(
        row: &'static Row,
        signing: &'static PqdsaSigningAlgorithm,
        verification: &'static PqdsaVerificationAlgorithm,
    ) -> anyhow::Result<Self> {
        let pair = PqdsaKeyPair::generate(signing)?;
        let public = pair.public_key().as_ref();
        Ok(Self {
            row,
            verifier: Arc::new(RawVerifier::Public(ParsedPublicKey::new(verification, public)?)),
            // RFC 9964: the key type of algorithm key pairs.
            jwk: jwk(row, json!({ "kty": "AKP", "pub": encoded(public) })),
            private: pair.to_pkcs8v1()?.as_ref().to_vec(),
            scalar: None,
            pair: Arc::new(Pair::MlDsa(pair)),
        })
    }
}

fn jwk(row: &Row, mut members: Value) -> Value {
    for (name, value) in [("kid", KEY_ID), ("alg", row.name), ("use", "sig")] {
        members[name] = value.into();
    }
    members
}

/// Base64url without padding.
pub fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_has_900_bytes_unless_its_signature_is_long() {
        for row in &ROWS {
            let material = Material::generate(row).unwrap();
            let bytes = material.token(&material.claims(1_800_000_000).unwrap()).unwrap().len();
            let is_long = material.pair.sign(b"message").unwrap().len() > 256;
            // The last character but one of base64url cannot always be had.
            assert!(
                if is_long { bytes > TOKEN_BYTES } else { (898..=900).contains(&bytes) },
                "{}: {bytes}",
                row.name
            );
        }
    }

    #[test]
    fn signature_of_every_row_verifies_and_fits_no_other_message() {
        for row in &ROWS {
            let material = Material::generate(row).unwrap();
            let signature = material.pair.sign(b"message").unwrap();
            assert!(material.verifier.verify(b"message", &signature), "{}", row.name);
            assert!(!material.verifier.verify(b"massage", &signature), "{}", row.name);
        }
    }
}
