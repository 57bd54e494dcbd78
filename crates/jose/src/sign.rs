//! Private keys: making them, and signing tokens with them (RFC 7515 §5.1).
//!
//! A [`SigningKey`] is parsed once and signs many tokens; a [`TokenSigner`] has the header ready too. Nonces and new keys
//! come from the crypto library's own generator; there is no other randomness in this crate. No type here that holds a
//! secret can be printed, compared or serialized.
//!
//! Beside the signature itself a token costs two allocations: the claims as JSON, and the token.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, PqdsaKeyPair, RsaEncoding, RsaKeyPair,
};
use aws_lc_rs::{error, hmac, rsa};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::algorithm::Scheme;
use crate::limits::RSA_BITS_MAX;
use crate::public::{Label, PublicNumbers};
use crate::{Algorithm, Certificate, PublicJwk, base64url, json_writer};

/// Bytes that nobody may see: a private key or a shared secret. Wiped from memory when dropped.
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// The bytes themselves. Never log them, never compare them with `==`.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Zeroizing<Vec<u8>>> for SecretBytes {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
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
    /// One of the algorithm's names: what `alg` says.
    name: &'static str,
    pair: Pair,
}

enum Pair {
    Rsa { pair: RsaKeyPair, encoding: &'static dyn RsaEncoding },
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair),
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
            Scheme::Rsa { .. } => RsaKeyPair::generate(rsa::KeySize::Rsa2048)?.as_der()?.as_ref().to_vec(),
            Scheme::Ecdsa { sign, .. } => EcdsaKeyPair::generate(sign)?.to_pkcs8v1()?.as_ref().to_vec(),
            Scheme::Ed25519 => Ed25519KeyPair::generate()?.to_pkcs8v1()?.as_ref().to_vec(),
            Scheme::MlDsa { sign, .. } => PqdsaKeyPair::generate(sign)?.to_pkcs8v1()?.as_ref().to_vec(),
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
            Scheme::MlDsa { sign, .. } => PqdsaKeyPair::from_pkcs8(sign, bytes).map(Pair::MlDsa),
            Scheme::Hmac(_) if bytes.len() < row.secret_bytes_min => return Err(rejected),
            Scheme::Hmac(hash) => Ok(Pair::Secret(Box::new(hmac::Key::new(*hash, bytes)))),
        };
        Ok(Self { algorithm, name: algorithm.name(), pair: pair.map_err(|_| rejected)? })
    }

    /// The same key, signing under another registered name of its algorithm, as `Ed25519` (RFC 9864) instead of `EdDSA`.
    ///
    /// # Errors
    /// [`SigningError::KeyRejected`] if the algorithm has no such name.
    pub fn under_name(self, name: &str) -> Result<Self, SigningError> {
        let registered = self.algorithm.names().iter().find(|registered| **registered == name);
        let name = registered.ok_or(SigningError::KeyRejected(self.algorithm))?;
        Ok(Self { name, ..self })
    }

    /// The algorithm that this key signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What `alg` says in the header of a token and in the published key.
    pub fn algorithm_name(&self) -> &'static str {
        self.name
    }

    /// The public half as a JWK; nothing for a shared secret.
    pub fn public_jwk(&self, key_id: &str) -> Option<PublicJwk> {
        let label = Label { key_id: Some(key_id.to_owned()), algorithm: Some(self.name) };
        Some(PublicJwk::from_numbers(&label, &self.public_numbers()?))
    }

    fn public_numbers(&self) -> Option<PublicNumbers> {
        match &self.pair {
            Pair::Rsa { pair, .. } => Some(PublicNumbers::of_rsa(pair.public_key())),
            Pair::Ecdsa(pair) => {
                PublicNumbers::from_point(self.algorithm.family(), pair.public_key().as_ref()).ok()
            }
            Pair::Ed25519(pair) => Some(PublicNumbers::Ed25519 { x: pair.public_key().as_ref().to_vec() }),
            Pair::MlDsa(pair) => {
                let public = pair.public_key().as_ref().to_vec();
                Some(PublicNumbers::MlDsa { family: self.algorithm.family(), public })
            }
            Pair::Secret(_) => None,
        }
    }

    /// Whether `certificate` is for this key: two halves that were stored apart must still belong together.
    pub fn belongs_to(&self, certificate: &Certificate) -> bool {
        self.public_numbers().is_some_and(|numbers| numbers == *certificate.public_key())
    }

    /// This key with the header of its tokens ready: the fast way to sign many tokens of one kind.
    ///
    /// # Errors
    /// [`SigningError::Claims`] never in practice: text always serializes.
    pub fn into_token_signer(
        self,
        key_id: Option<&str>,
        token_type: &str,
    ) -> Result<TokenSigner, SigningError> {
        let header = self.encoded_header(key_id, token_type)?;
        Ok(TokenSigner { key: self, header })
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
        self.sign_under(&self.encoded_header(key_id, token_type)?, claims)
    }

    fn encoded_header(&self, key_id: Option<&str>, token_type: &str) -> Result<Vec<u8>, SigningError> {
        let json = json(&SignedHeader { alg: self.name, typ: token_type, kid: key_id }, HEADER_BYTES)?;
        let mut encoded = Vec::with_capacity(base64url::encoded_len(json.len()));
        base64url::append(&mut encoded, &json);
        Ok(encoded)
    }

    /// The token is written in place: its length is known before it is signed.
    fn sign_under<C: Serialize>(&self, header: &[u8], claims: &C) -> Result<String, SigningError> {
        let claims = json(claims, CLAIMS_BYTES)?;
        let mut token = Vec::with_capacity(self.token_bytes(header, &claims));
        token.extend_from_slice(header);
        token.push(b'.');
        base64url::append(&mut token, &claims);
        let signed = token.len();
        token.resize(token.capacity(), b'.');
        let (input, rest) = token.split_at_mut(signed);
        let end = self.with_signature(input, |signature| base64url::write(rest.get_mut(1..)?, signature))?;
        token.truncate(end.ok_or(SigningError::Crypto)?.saturating_add(signed).saturating_add(1));
        // All of it is base64url and dots.
        String::from_utf8(token).map_err(|_| SigningError::Crypto)
    }

    fn token_bytes(&self, header: &[u8], claims: &[u8]) -> usize {
        let [claims, signature] = [claims.len(), self.signature_bytes()].map(base64url::encoded_len);
        [header.len(), claims, signature, "..".len()].into_iter().fold(0, usize::saturating_add)
    }

    /// Signs bytes (RFC 7515 §5.1 step 5).
    ///
    /// # Errors
    /// [`SigningError::Crypto`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        self.with_signature(message, <[u8]>::to_vec)
    }

    /// Signs, and hands the signature over where it is: on the stack, but for the long ones of ML-DSA.
    fn with_signature<T>(&self, message: &[u8], take: impl FnOnce(&[u8]) -> T) -> Result<T, SigningError> {
        let random = SystemRandom::new();
        Ok(match &self.pair {
            Pair::Rsa { pair, encoding } => {
                let mut buffer = [0; RSA_BYTES_MAX];
                let signature = buffer.get_mut(..pair.public_modulus_len()).ok_or(SigningError::Crypto)?;
                pair.sign(*encoding, &random, message, signature)?;
                take(signature)
            }
            // The library's type has room for the longest signature of all: it is read where it is, and not moved.
            Pair::Ecdsa(pair) => take(pair.sign(&random, message).as_ref().map_err(|&error| error)?.as_ref()),
            Pair::Ed25519(pair) => take(pair.try_sign(message).as_ref().map_err(|&error| error)?.as_ref()),
            Pair::MlDsa(pair) => {
                let mut signature = vec![0; self.signature_bytes()];
                pair.sign(message, &mut signature)?;
                take(&signature)
            }
            Pair::Secret(key) => take(hmac::sign(key, message).as_ref()),
        })
    }

    fn signature_bytes(&self) -> usize {
        match &self.pair {
            Pair::Rsa { pair, .. } => pair.public_modulus_len(),
            _ => self.algorithm.row().signature_bytes.unwrap_or_default(),
        }
    }
}

/// A private key with the header of its tokens ready.
pub struct TokenSigner {
    key: SigningKey,
    /// The first segment of every token.
    header: Vec<u8>,
}

impl TokenSigner {
    /// The key.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Signs a token with these claims.
    ///
    /// # Errors
    /// As [`SigningKey::sign_token`].
    pub fn sign<C: Serialize>(&self, claims: &C) -> Result<String, SigningError> {
        self.key.sign_under(&self.header, claims)
    }
}

/// The longest RSA signature.
const RSA_BYTES_MAX: usize = RSA_BITS_MAX / 8;

/// What a header takes at most, as a rule.
const HEADER_BYTES: usize = 128;

/// What claims take at most, as a rule: more costs another allocation and nothing else.
const CLAIMS_BYTES: usize = 1024;

fn json(value: &impl Serialize, bytes: usize) -> Result<Vec<u8>, SigningError> {
    json_writer::write(value, bytes).map_err(|_| SigningError::Claims)
}

fn random_bytes(len: usize) -> Result<Vec<u8>, SigningError> {
    let mut bytes = vec![0; len];
    aws_lc_rs::rand::fill(&mut bytes)?;
    Ok(bytes)
}
