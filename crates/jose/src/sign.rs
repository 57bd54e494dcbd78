//! Private keys: making them, and signing tokens with them (RFC 7515 §5.1).
//!
//! A [`SigningKey`] is parsed once and signs many tokens. Its nonces and new keys come from the crypto library's own
//! generator; there is no other randomness in this crate. Neither type here can be printed, compared or serialized.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaEncoding, RsaKeyPair};
use aws_lc_rs::{error, hmac};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::algorithm::{RSA_GENERATED, Scheme};
use crate::certificate::{PublicNumbers, ec_numbers, rsa_numbers_of};
use crate::{Algorithm, Certificate, PublicJwk, base64url};

/// Bytes that nobody may see: a private key or a shared secret. Wiped from memory when dropped.
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// The bytes themselves. Never log them, never compare them with `==`.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

/// Why a private key cannot be made or used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    /// The bytes are no private key of the algorithm's kind, or the secret is too short for it.
    #[error("the private key is not one for {0}")]
    KeyRejected(Algorithm),
    /// The crypto library failed, as when the system has no randomness.
    #[error("the crypto library could not make a key or a signature")]
    Crypto,
    /// The claims do not serialize.
    #[error("the claims cannot be written as JSON")]
    Claims,
}

impl From<error::Unspecified> for SigningError {
    fn from(_: error::Unspecified) -> Self {
        Self::Crypto
    }
}

/// A private key that is ready to sign.
pub struct SigningKey {
    algorithm: Algorithm,
    pair: Pair,
}

enum Pair {
    Rsa { pair: RsaKeyPair, encoding: &'static dyn RsaEncoding },
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Secret(Box<hmac::Key>),
}

/// The header of a token that is about to be signed, in the order in which it is written.
#[derive(Serialize)]
struct SignedHeader<'a> {
    alg: &'static str,
    typ: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

impl SigningKey {
    /// Makes a new private key: PKCS#8 (RSA 2048, the algorithm's curve), or a secret of the hash's length.
    ///
    /// An RSA key takes a tenth of a second and more: not on a request's path.
    ///
    /// # Errors
    /// [`SigningError::Crypto`].
    pub fn generate(algorithm: Algorithm) -> Result<SecretBytes, SigningError> {
        let row = algorithm.row();
        let bytes = match &row.scheme {
            Scheme::Rsa { .. } => RsaKeyPair::generate(RSA_GENERATED)?.as_der()?.as_ref().to_vec(),
            Scheme::Ecdsa { sign, .. } => EcdsaKeyPair::generate(sign)?.to_pkcs8v1()?.as_ref().to_vec(),
            Scheme::Ed25519 => Ed25519KeyPair::generate()?.to_pkcs8v1()?.as_ref().to_vec(),
            Scheme::Hmac(_) => random_bytes(row.secret_bytes_min)?,
        };
        Ok(bytes.into())
    }

    /// Parses what [`Self::generate`] made, or any PKCS#8 key or shared secret for this algorithm.
    ///
    /// # Errors
    /// [`SigningError::KeyRejected`].
    pub fn from_private(algorithm: Algorithm, private: &SecretBytes) -> Result<Self, SigningError> {
        let row = algorithm.row();
        let bytes = private.expose();
        let rejected = SigningError::KeyRejected(algorithm);
        let pair = match &row.scheme {
            Scheme::Rsa { sign, .. } => {
                RsaKeyPair::from_pkcs8(bytes).map(|pair| Pair::Rsa { pair, encoding: *sign })
            }
            Scheme::Ecdsa { sign, .. } => EcdsaKeyPair::from_pkcs8(sign, bytes).map(Pair::Ecdsa),
            Scheme::Ed25519 => Ed25519KeyPair::from_pkcs8(bytes).map(Pair::Ed25519),
            Scheme::Hmac(_) if bytes.len() < row.secret_bytes_min => return Err(rejected),
            Scheme::Hmac(hash) => Ok(Pair::Secret(Box::new(hmac::Key::new(*hash, bytes)))),
        };
        Ok(Self { algorithm, pair: pair.map_err(|_| rejected)? })
    }

    /// The algorithm that this key signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public half as a JWK; nothing for a shared secret.
    pub fn public_jwk(&self, key_id: &str) -> Option<PublicJwk> {
        let numbers = match &self.pair {
            Pair::Rsa { pair, .. } => rsa_numbers_of(pair.public_key()),
            Pair::Ecdsa(pair) => ec_numbers(pair.public_key().as_ref()).ok()?,
            Pair::Ed25519(pair) => PublicNumbers::Ed25519 { x: pair.public_key().as_ref().to_vec() },
            Pair::Secret(_) => return None,
        };
        Some(PublicJwk::from_numbers(key_id, self.algorithm, &numbers))
    }

    /// Whether `certificate` is for this key: two halves that were stored apart must still belong together.
    pub fn belongs_to(&self, certificate: &Certificate) -> bool {
        let public = match &self.pair {
            Pair::Rsa { pair, .. } => pair.public_key().as_der().map(|der| der.as_ref().to_vec()),
            Pair::Ecdsa(pair) => pair.public_key().as_der().map(|der| der.as_ref().to_vec()),
            Pair::Ed25519(pair) => pair.public_key().as_der().map(|der| der.as_ref().to_vec()),
            Pair::Secret(_) => return false,
        };
        public.is_ok_and(|public| public == certificate.public_key_der())
    }

    /// Signs a token: header, claims, signature, in the compact form.
    ///
    /// # Errors
    /// [`SigningError`] if the claims do not serialize or the crypto library fails.
    pub fn sign_token<C: Serialize>(
        &self,
        key_id: Option<&str>,
        token_type: &str,
        claims: &C,
    ) -> Result<String, SigningError> {
        let header = SignedHeader { alg: self.algorithm.name(), typ: token_type, kid: key_id };
        let mut token = encoded(&header)?;
        token.push('.');
        token.push_str(&encoded(claims)?);
        let signature = self.sign(token.as_bytes())?;
        token.push('.');
        token.push_str(&base64url::encode(signature));
        Ok(token)
    }

    /// Signs bytes (RFC 7515 §5.1 step 5).
    ///
    /// # Errors
    /// [`SigningError::Crypto`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let random = SystemRandom::new();
        Ok(match &self.pair {
            Pair::Rsa { pair, encoding } => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature)?;
                signature
            }
            Pair::Ecdsa(pair) => pair.sign(&random, message)?.as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.try_sign(message)?.as_ref().to_vec(),
            Pair::Secret(key) => hmac::sign(key, message).as_ref().to_vec(),
        })
    }
}

fn encoded(value: &impl Serialize) -> Result<String, SigningError> {
    Ok(base64url::encode(serde_json::to_vec(value).map_err(|_| SigningError::Claims)?))
}

fn random_bytes(len: usize) -> Result<Vec<u8>, SigningError> {
    let mut bytes = vec![0; len];
    aws_lc_rs::rand::fill(&mut bytes)?;
    Ok(bytes)
}
