//! Public keys as data: read from a JWK, SubjectPublicKeyInfo, PKCS#1 or a certificate, and written in each form that has room
//! for them (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2, RFC 9964 §4).
//!
//! A [`PublicKey`] is a key: its numbers were checked by the rules of key sets, and by the crypto library, when it was made.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{RsaPublicKeyComponents, RsaSubjectPublicKey};

use crate::certificate::CertificateError;
use crate::form::KeyForm;
use crate::key::{self, VerifyingKey};
use crate::{Algorithm, Certificate, Family, KeyError, PublicJwk, SkipReason, der, pem};

/// The numbers of a public key, big-endian, without leading zeros (RSA) or of fixed width (all others).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum PublicNumbers {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { family: Family, x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: Vec<u8> },
    MlDsa { family: Family, public: Vec<u8> },
}

impl PublicNumbers {
    pub(crate) fn family(&self) -> Family {
        match self {
            Self::Rsa { .. } => Family::Rsa,
            Self::Ed25519 { .. } => Family::Ed25519,
            Self::Ec { family, .. } | Self::MlDsa { family, .. } => *family,
        }
    }

    /// The numbers with the names that JWKs give them, in the order in which they are written.
    pub(crate) fn members(&self) -> Vec<(&'static str, &[u8])> {
        match self {
            Self::Rsa { n, e } => vec![("n", n), ("e", e)],
            Self::Ec { x, y, .. } => vec![("x", x), ("y", y)],
            Self::Ed25519 { x } => vec![("x", x)],
            Self::MlDsa { public, .. } => vec![("pub", public)],
        }
    }

    pub(crate) fn bits(&self) -> usize {
        match self {
            Self::Rsa { n, .. } => key::bit_length(n),
            Self::Ec { family: Family::P521, .. } => 521,
            Self::Ed25519 { x } | Self::Ec { x, .. } => x.len().saturating_mul(8),
            Self::MlDsa { public, .. } => public.len().saturating_mul(8),
        }
    }

    /// From the bits of a SubjectPublicKeyInfo.
    pub(crate) fn from_bits(family: Family, bits: &[u8]) -> Result<Self, CertificateError> {
        match family {
            Family::Rsa => {
                let key = RsaSubjectPublicKey::from_der(bits).map_err(|_| CertificateError::Malformed)?;
                Ok(Self::of_rsa(&key))
            }
            _ if family.is_weierstrass() => Self::from_point(family, bits),
            _ if bits.len() != family.number_bytes() => Err(CertificateError::Malformed),
            Family::Ed25519 => Ok(Self::Ed25519 { x: bits.to_vec() }),
            _ => Ok(Self::MlDsa { family, public: bits.to_vec() }),
        }
    }

    pub(crate) fn of_rsa(key: &RsaSubjectPublicKey) -> Self {
        let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(key);
        Self::Rsa { n, e }
    }

    /// From an uncompressed point (SEC 1 §2.3.3): 4, x, y.
    pub(crate) fn from_point(family: Family, bits: &[u8]) -> Result<Self, CertificateError> {
        let coordinates = bits.strip_prefix(&[4]).ok_or(CertificateError::KeyType)?;
        if coordinates.len() != family.number_bytes().saturating_mul(2) {
            return Err(CertificateError::Malformed);
        }
        let (x, y) = coordinates.split_at(family.number_bytes());
        Ok(Self::Ec { family, x: x.to_vec(), y: y.to_vec() })
    }
}

/// What a JWK says of a key beside its numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Label {
    pub(crate) key_id: Option<String>,
    /// One of the names of an algorithm of the key's kind.
    pub(crate) algorithm: Option<&'static str>,
}

impl Label {
    /// With the algorithm filled in where the kind of key has but one and its JWK must say so (RFC 9964 §4).
    pub(crate) fn completed(mut self, family: Family) -> Self {
        if family.is_named_by_algorithm() {
            self.algorithm = family.algorithms().next().map(Algorithm::name);
        }
        self
    }

    /// With the algorithm of this name, which must be one for the kind of key.
    pub(crate) fn for_algorithm(mut self, name: &str, family: Family) -> Result<Self, KeyError> {
        let algorithm = Algorithm::from_name(name).ok_or_else(|| SkipReason::Algorithm(name.to_owned()))?;
        if algorithm.family() != family {
            return Err(KeyError::AlgorithmUnfit { algorithm, family });
        }
        self.algorithm = algorithm.names().iter().copied().find(|registered| *registered == name);
        Ok(self)
    }
}

/// A public key that can be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicKey {
    numbers: PublicNumbers,
    label: Label,
}

impl PublicKey {
    /// A key of these numbers, if they are one.
    pub(crate) fn new(numbers: PublicNumbers, label: Label) -> Result<Self, SkipReason> {
        let any: Vec<_> = numbers.family().algorithms().take(1).collect();
        VerifyingKey::from_public(&numbers, &any)?;
        Ok(Self::proven(numbers, label))
    }

    /// A key of numbers that were proven to be one.
    pub(crate) fn proven(numbers: PublicNumbers, label: Label) -> Self {
        let label = label.completed(numbers.family());
        Self { numbers, label }
    }

    /// Reads SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        let (family, bits) = der::spki(der)?;
        let numbers = PublicNumbers::from_bits(family, bits)?;
        Ok(Self::new(numbers, Label::default())?)
    }

    /// Reads an RSA public key of PKCS#1 in DER (RFC 8017 appendix A.1.1).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, KeyError> {
        let numbers = PublicNumbers::from_bits(Family::Rsa, der);
        let numbers = numbers.map_err(|_| KeyError::Der(der::Structure::RsaPublic.name()))?;
        Ok(Self::new(numbers, Label::default())?)
    }

    /// The key that a certificate is for.
    ///
    /// # Errors
    /// [`KeyError::Key`] if nobody should use it.
    pub fn from_certificate(certificate: &Certificate) -> Result<Self, KeyError> {
        Ok(Self::new(certificate.public_key().clone(), Label::default())?)
    }

    /// The same key under this `kid`.
    #[must_use]
    pub fn named(mut self, key_id: &str) -> Self {
        self.label.key_id = Some(key_id.to_owned());
        self
    }

    /// The same key for the algorithm of this name only.
    ///
    /// # Errors
    /// [`KeyError::AlgorithmUnfit`], or [`KeyError::Key`] for a name that is not supported.
    pub fn for_algorithm(self, name: &str) -> Result<Self, KeyError> {
        let family = self.family();
        Ok(Self { label: self.label.for_algorithm(name, family)?, ..self })
    }

    /// What kind of key it is.
    pub fn family(&self) -> Family {
        self.numbers.family()
    }

    /// `kid`, if it came with one or was given one.
    pub fn key_id(&self) -> Option<&str> {
        self.label.key_id.as_deref()
    }

    /// `alg`, if it came with one or was given one.
    pub fn algorithm_name(&self) -> Option<&'static str> {
        self.label.algorithm
    }

    /// How many bits it has: of the modulus (RSA), of a coordinate, or of the whole (ML-DSA).
    pub fn bits(&self) -> usize {
        self.numbers.bits()
    }

    /// The key as a JWK.
    pub fn jwk(&self) -> PublicJwk {
        PublicJwk::from_numbers(&self.label, &self.numbers)
    }

    /// The key as a JWK with its certificate; nothing if the certificate is for another key.
    pub fn certified_jwk(&self, certificate: &Certificate) -> Option<PublicJwk> {
        (*certificate.public_key() == self.numbers).then(|| self.jwk().certified_by(certificate))
    }

    pub(crate) fn numbers(&self) -> &PublicNumbers {
        &self.numbers
    }

    /// SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] if the crypto library fails.
    pub fn spki_der(&self) -> Result<Vec<u8>, KeyError> {
        let any = self.family().algorithms().next().ok_or(KeyError::Crypto)?;
        Ok(key::parse(&self.numbers, any)?.as_der()?.as_ref().to_vec())
    }

    /// The key in this form.
    ///
    /// # Errors
    /// [`KeyError::FormUnavailable`] if the form has no room for it.
    pub fn export(&self, form: KeyForm) -> Result<Vec<u8>, KeyError> {
        match form {
            KeyForm::Jwk => serde_json::to_vec(&self.jwk()).map_err(|_| KeyError::Crypto),
            KeyForm::SpkiDer => self.spki_der(),
            KeyForm::SpkiPem => Ok(pem::write("PUBLIC KEY", &self.spki_der()?).to_vec()),
            KeyForm::Pkcs1Der if self.family() == Family::Rsa => self.pkcs1_der(),
            KeyForm::Pkcs1Pem if self.family() == Family::Rsa => {
                Ok(pem::write("RSA PUBLIC KEY", &self.pkcs1_der()?).to_vec())
            }
            other => Err(KeyError::FormUnavailable { form: other.name(), family: self.family() }),
        }
    }

    fn pkcs1_der(&self) -> Result<Vec<u8>, KeyError> {
        let spki = self.spki_der()?;
        Ok(der::spki(&spki)?.1.to_vec())
    }
}
