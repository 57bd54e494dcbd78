//! X.509 certificates as far as JWKs carry them (RFC 7517 §4.7 to §4.9): the key inside, the thumbprints, and the facts that
//! people ask for (RFC 5280 §4.1).
//!
//! Nothing is trusted because of a certificate: a key is trusted because the issuer's key set holds it, and the certificate
//! must only agree with that key. Whoever wants more asks [`crate::chain`].

use std::fmt::Write as _;

use aws_lc_rs::digest;
use x509_cert::der::Decode as _;
use x509_cert::der::referenced::OwnedToRef as _;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::Time;

use crate::limits::X5C_CERTIFICATES_MAX;
use crate::public::PublicNumbers;
use crate::{Family, KeyError, UnixTime, base64url, chain, der, pem};

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
    parsed: Box<x509_cert::Certificate>,
    /// What is compared with the JWK's own numbers.
    public_key: PublicNumbers,
    subject: String,
    /// The certificates that came with it, each said to certify the one before, not parsed yet.
    issuers: Vec<Vec<u8>>,
}

impl Certificate {
    /// Parses one DER-encoded certificate.
    ///
    /// # Errors
    /// [`CertificateError`] if it is none, or holds a key that is not supported.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let parsed = x509_cert::Certificate::from_der(der).map_err(|_| CertificateError::Malformed)?;
        Ok(Self {
            der: der.to_vec(),
            public_key: public_numbers(&parsed.tbs_certificate.subject_public_key_info)?,
            subject: parsed.tbs_certificate.subject.to_string(),
            parsed: Box::new(parsed),
            issuers: Vec::new(),
        })
    }

    /// Parses the certificates of a PEM text, one or a whole chain.
    ///
    /// # Errors
    /// [`KeyError`] if the text holds anything else, or a certificate that cannot be used.
    pub fn all_from_pem(text: &str) -> Result<Vec<Self>, KeyError> {
        let blocks = pem::read_all(text, "CERTIFICATE")?;
        blocks.iter().map(|der| Ok(Self::from_der(der)?)).collect()
    }

    pub(crate) fn with_issuers(self, issuers: Vec<Vec<u8>>) -> Self {
        Self { issuers, ..self }
    }

    /// This certificate and those that came with it in `x5c`, each said to certify the one before. [`chain::verify`]
    /// finds out whether it does.
    ///
    /// # Errors
    /// [`CertificateError`] of the first that cannot be parsed.
    pub fn chain(&self) -> Result<Vec<Self>, CertificateError> {
        let own = Self { issuers: Vec::new(), ..self.clone() };
        let issuers = self.issuers.iter().take(X5C_CERTIFICATES_MAX).map(|der| Self::from_der(der));
        std::iter::once(Ok(own)).chain(issuers).collect()
    }

    /// The certificate itself, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The subject's distinguished name, as `CN=tenant.example`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The issuer's distinguished name.
    pub fn issuer(&self) -> String {
        self.parsed.tbs_certificate.issuer.to_string()
    }

    /// The serial number in upper-case hex.
    pub fn serial(&self) -> String {
        upper_hex(self.parsed.tbs_certificate.serial_number.as_bytes())
    }

    /// The first second in which it is valid.
    pub fn not_before(&self) -> UnixTime {
        time(self.parsed.tbs_certificate.validity.not_before)
    }

    /// The last second in which it is valid.
    pub fn not_after(&self) -> UnixTime {
        time(self.parsed.tbs_certificate.validity.not_after)
    }

    /// Whether `now` is within its times. Key sets do not ask: a key is valid as long as its issuer publishes it.
    pub fn is_valid_at(&self, now: UnixTime) -> bool {
        (self.not_before()..=self.not_after()).contains(&now)
    }

    /// What kind of key it is for.
    pub fn key_family(&self) -> Family {
        self.public_key.family()
    }

    /// The bits of its key, as people count them.
    pub fn key_bits(&self) -> usize {
        self.public_key.bits()
    }

    /// The name of the algorithm that it was signed with, or the object identifier of one that is not known.
    pub fn signature_algorithm(&self) -> String {
        chain::signature_name(&self.parsed.signature_algorithm)
    }

    /// Whether it is signed by its own key, and so certified by nobody.
    pub fn is_self_signed(&self) -> bool {
        let names = &self.parsed.tbs_certificate;
        names.subject == names.issuer && chain::is_signed_by(self, self)
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

    pub(crate) fn parsed(&self) -> &x509_cert::Certificate {
        &self.parsed
    }
}

/// Hexadecimal digits as fingerprints have them.
pub(crate) fn upper_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(digits, "{byte:02X}");
        digits
    })
}

fn time(time: Time) -> UnixTime {
    UnixTime::from_seconds(time.to_unix_duration().as_secs())
}

fn public_numbers(key: &SubjectPublicKeyInfoOwned) -> Result<PublicNumbers, CertificateError> {
    let family = der::family_of(&key.algorithm.owned_to_ref()).ok_or(CertificateError::KeyType)?;
    let bits = key.subject_public_key.as_bytes().ok_or(CertificateError::Malformed)?;
    PublicNumbers::from_bits(family, bits)
}
