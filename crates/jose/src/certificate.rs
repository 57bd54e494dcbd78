//! X.509 certificates as far as JWKs carry them (RFC 7517 §4.7 to §4.9): the key inside and the thumbprints.
//!
//! No chain is built and nothing is trusted because of a certificate: a key is trusted because the issuer's key set
//! holds it. The certificate must only agree with that key.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{RsaPublicKeyComponents, RsaSubjectPublicKey};
use x509_cert::der::{Decode as _, Encode as _, oid::ObjectIdentifier};

use crate::{Family, base64url};

/// A certificate that could not be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Not a DER-encoded X.509 certificate.
    #[error("it is no DER-encoded X.509 certificate")]
    Malformed,
    /// The key inside is of a type that is not supported.
    #[error("its key is neither RSA nor on a supported curve")]
    KeyType,
}

/// A parsed certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    der: Vec<u8>,
    /// SubjectPublicKeyInfo, DER: what is compared with the JWK's own numbers.
    public_key_der: Vec<u8>,
    public_key: PublicNumbers,
    subject: String,
}

/// The numbers of a public key, big-endian, without leading zeros (RSA) or of fixed width (curves).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum PublicNumbers {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { family: Family, x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: Vec<u8> },
}

impl Certificate {
    /// Parses one DER-encoded certificate.
    ///
    /// # Errors
    /// [`CertificateError`] if it is none, or holds a key that is not supported.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let parsed = x509_cert::Certificate::from_der(der).map_err(|_| CertificateError::Malformed)?;
        let key = &parsed.tbs_certificate.subject_public_key_info;
        Ok(Self {
            der: der.to_vec(),
            public_key_der: key.to_der().map_err(|_| CertificateError::Malformed)?,
            public_key: public_numbers(key)?,
            subject: parsed.tbs_certificate.subject.to_string(),
        })
    }

    /// The certificate itself, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The subject's distinguished name, as `CN=tenant.example`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// SHA-1 of the certificate: `x5t`, and the fingerprint that people compare by eye. Identifies, proves nothing.
    pub fn sha1(&self) -> Vec<u8> {
        digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &self.der).as_ref().to_vec()
    }

    /// SHA-256 of the certificate: `x5t#S256`.
    pub fn sha256(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, &self.der).as_ref().to_vec()
    }

    /// The certificate as one element of `x5c`.
    pub fn x5c(&self) -> String {
        base64url::encode_standard(&self.der)
    }

    pub(crate) fn public_key_der(&self) -> &[u8] {
        &self.public_key_der
    }

    pub(crate) fn public_key(&self) -> &PublicNumbers {
        &self.public_key
    }
}

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

fn public_numbers(
    key: &x509_cert::spki::SubjectPublicKeyInfoOwned,
) -> Result<PublicNumbers, CertificateError> {
    let bits = key.subject_public_key.as_bytes().ok_or(CertificateError::Malformed)?;
    match key.algorithm.oid {
        RSA_ENCRYPTION => rsa_numbers(bits),
        EC_PUBLIC_KEY => ec_numbers(bits),
        ED25519 => Ok(PublicNumbers::Ed25519 { x: bits.to_vec() }),
        _ => Err(CertificateError::KeyType),
    }
}

pub(crate) fn rsa_numbers_of(key: &RsaSubjectPublicKey) -> PublicNumbers {
    let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(key);
    PublicNumbers::Rsa { n, e }
}

fn rsa_numbers(bits: &[u8]) -> Result<PublicNumbers, CertificateError> {
    let key = RsaSubjectPublicKey::from_der(bits).map_err(|_| CertificateError::Malformed)?;
    Ok(rsa_numbers_of(&key))
}

/// An uncompressed point (SEC 1 §2.3.3): 4, x, y. The width tells the curve, and the caller compares the whole key
/// information, curve included.
pub(crate) fn ec_numbers(bits: &[u8]) -> Result<PublicNumbers, CertificateError> {
    let coordinates = bits.strip_prefix(&[4]).ok_or(CertificateError::KeyType)?;
    let width = coordinates.len() / 2;
    let family = [Family::P256, Family::P384, Family::P521]
        .into_iter()
        .find(|family| family.coordinate_bytes() == width && coordinates.len() == width * 2)
        .ok_or(CertificateError::KeyType)?;
    let (x, y) = coordinates.split_at(width);
    Ok(PublicNumbers::Ec { family, x: x.to_vec(), y: y.to_vec() })
}
