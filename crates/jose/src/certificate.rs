//! X.509 certificates as far as JWKs carry them (RFC 7517 §4.7 to §4.9): the key inside and the thumbprints.
//!
//! No chain is built and nothing is trusted because of a certificate: a key is trusted because the issuer's key set
//! holds it. The certificate must only agree with that key.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{RsaPublicKeyComponents, RsaSubjectPublicKey};
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::spki::{AlgorithmIdentifier, SubjectPublicKeyInfoRef};

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
    /// What is compared with the JWK's own numbers.
    public_key: PublicNumbers,
    subject: String,
}

/// The numbers of a public key, big-endian, without leading zeros (RSA) or of fixed width (curves).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum PublicNumbers {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { family: Family, x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: Vec<u8> },
    MlDsa { family: Family, public: Vec<u8> },
}

impl Certificate {
    /// Parses one DER-encoded certificate.
    ///
    /// # Errors
    /// [`CertificateError`] if it is none, or holds a key that is not supported.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let parsed = x509_cert::Certificate::from_der(der).map_err(|_| CertificateError::Malformed)?;
        let key = parsed.tbs_certificate.subject_public_key_info.to_der();
        let key = key.map_err(|_| CertificateError::Malformed)?;
        let key = SubjectPublicKeyInfoRef::from_der(&key).map_err(|_| CertificateError::Malformed)?;
        Ok(Self {
            der: der.to_vec(),
            public_key: public_numbers(&key)?,
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

    pub(crate) fn public_key(&self) -> &PublicNumbers {
        &self.public_key
    }
}

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// The kinds of key that an algorithm identifier, or its curve, names (RFC 5480 §2.1.1.1, RFC 8410 §3, RFC 9881 §2).
const CURVES: [(ObjectIdentifier, Family); 4] = [
    (ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"), Family::P256),
    (ObjectIdentifier::new_unwrap("1.3.132.0.34"), Family::P384),
    (ObjectIdentifier::new_unwrap("1.3.132.0.35"), Family::P521),
    (ObjectIdentifier::new_unwrap("1.3.132.0.10"), Family::Secp256k1),
];
const PLAIN: [(ObjectIdentifier, Family); 4] = [
    (ObjectIdentifier::new_unwrap("1.3.101.112"), Family::Ed25519),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17"), Family::MlDsa44),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18"), Family::MlDsa65),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19"), Family::MlDsa87),
];

/// The kind of key that an algorithm identifier names, with its curve where it has one.
pub(crate) fn family_of(algorithm: &AlgorithmIdentifier<AnyRef<'_>>) -> Option<Family> {
    let find = |table: &[(ObjectIdentifier, Family)], wanted: ObjectIdentifier| {
        table.iter().find(|(oid, _)| *oid == wanted).map(|(_, family)| *family)
    };
    match algorithm.oid {
        RSA_ENCRYPTION => Some(Family::Rsa),
        EC_PUBLIC_KEY => find(&CURVES, algorithm.parameters?.decode_as().ok()?),
        other => find(&PLAIN, other),
    }
}

/// The numbers in a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
pub(crate) fn public_numbers(key: &SubjectPublicKeyInfoRef<'_>) -> Result<PublicNumbers, CertificateError> {
    let bits = key.subject_public_key.as_bytes().ok_or(CertificateError::Malformed)?;
    let family = family_of(&key.algorithm).ok_or(CertificateError::KeyType)?;
    match family {
        Family::Rsa => rsa_numbers(bits),
        _ if family.curve().is_some() && family != Family::Ed25519 => ec_numbers(family, bits),
        _ if bits.len() != family.number_bytes() => Err(CertificateError::Malformed),
        Family::Ed25519 => Ok(PublicNumbers::Ed25519 { x: bits.to_vec() }),
        _ => Ok(PublicNumbers::MlDsa { family, public: bits.to_vec() }),
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

/// An uncompressed point (SEC 1 §2.3.3): 4, x, y.
pub(crate) fn ec_numbers(family: Family, bits: &[u8]) -> Result<PublicNumbers, CertificateError> {
    let coordinates = bits.strip_prefix(&[4]).ok_or(CertificateError::KeyType)?;
    if coordinates.len() != family.number_bytes().saturating_mul(2) {
        return Err(CertificateError::Malformed);
    }
    let (x, y) = coordinates.split_at(family.number_bytes());
    Ok(PublicNumbers::Ec { family, x: x.to_vec(), y: y.to_vec() })
}
