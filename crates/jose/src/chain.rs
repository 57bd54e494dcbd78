//! Whether a certificate is certified, link by link, by a root that the caller trusts (RFC 5280 §6.1).
//!
//! This is for the certificates of signing keys: there is no server name and no extended key usage to ask for, and revocation
//! is for the issuer of the key set, who stops publishing a key. The chain is taken in the order in which it came; none is
//! searched for. What is not understood and critical is refused, name constraints and policies among it.

use aws_lc_rs::signature::{self as sig, UnparsedPublicKey, VerificationAlgorithm};
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier};
use x509_cert::der::referenced::OwnedToRef as _;
use x509_cert::der::{Decode as _, Reader as _, SliceReader};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef};

use crate::limits::X5C_CERTIFICATES_MAX;
use crate::{Certificate, Family, PublicKey, SkipReason, UnixTime, quoted};

/// Why a chain is not trusted. `index` counts from the leaf, which is 0; a root that was not in the chain comes after its end.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// No certificate at all, or more than [`X5C_CERTIFICATES_MAX`].
    #[error("a chain has 1 to {X5C_CERTIFICATES_MAX} certificates, this one has {0}")]
    Length(usize),
    /// Before its first second or past its last one.
    #[error("certificate {index} is valid from {not_before} to {not_after}, and the clock says {now}")]
    NotValidNow {
        /// Which certificate.
        index: usize,
        /// Its first second.
        not_before: UnixTime,
        /// Its last second.
        not_after: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// An extension that must be understood and is not (RFC 5280 §4.2).
    #[error("certificate {index} has the critical extension {extension}, which is not supported")]
    CriticalExtension {
        /// Which certificate.
        index: usize,
        /// Its object identifier.
        extension: String,
    },
    /// An extension that is there twice or cannot be read.
    #[error("an extension of certificate {index} cannot be read")]
    Extension {
        /// Which certificate.
        index: usize,
    },
    /// It certifies another one and may not (RFC 5280 §4.2.1.9).
    #[error("certificate {index} certifies another one and is not an authority's")]
    NotAuthority {
        /// Which certificate.
        index: usize,
    },
    /// More certificates below it than it allows (RFC 5280 §4.2.1.9).
    #[error("certificate {index} allows {allowed} authorities below it, and there are more")]
    PathLength {
        /// Which certificate.
        index: usize,
        /// How many it allows.
        allowed: u8,
    },
    /// Its key usage does not allow what its key was used for (RFC 5280 §4.2.1.3).
    #[error("the key usage of certificate {index} does not allow what its key is used for")]
    KeyUsage {
        /// Which certificate.
        index: usize,
    },
    /// The next certificate is not that of its issuer.
    #[error("certificate {index} was not issued by the next one: their names differ")]
    Name {
        /// Which certificate.
        index: usize,
    },
    /// Signed with an algorithm that is broken or not supported.
    #[error("certificate {index} is signed with {algorithm}, which is not accepted")]
    SignatureAlgorithm {
        /// Which certificate.
        index: usize,
        /// The algorithm's name or object identifier.
        algorithm: String,
    },
    /// The signature does not fit the issuer's key.
    #[error("the signature of certificate {index} does not fit the key of its issuer")]
    Signature {
        /// Which certificate.
        index: usize,
    },
    /// The key of a certificate is one that nobody should use.
    #[error("the key of certificate {index} cannot be used: {reason}")]
    Key {
        /// Which certificate.
        index: usize,
        /// Why.
        reason: SkipReason,
    },
    /// No root has issued the last certificate.
    #[error("no trusted root has issued the chain: give the root of {}", quoted(issuer))]
    Untrusted {
        /// The issuer that is missing.
        issuer: String,
    },
}

impl ChainError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Length(_) => "chain_length",
            Self::NotValidNow { .. } => "chain_not_valid_now",
            Self::CriticalExtension { .. } => "chain_critical_extension",
            Self::Extension { .. } => "chain_extension",
            Self::NotAuthority { .. } => "chain_not_authority",
            Self::PathLength { .. } => "chain_path_length",
            Self::KeyUsage { .. } => "chain_key_usage",
            Self::Name { .. } => "chain_name",
            Self::SignatureAlgorithm { .. } => "chain_signature_algorithm",
            Self::Signature { .. } => "chain_signature",
            Self::Key { .. } => "chain_key",
            Self::Untrusted { .. } => "chain_untrusted",
        }
    }
}

/// Checks that `chain`, the leaf first, leads to one of `roots` at `now`.
///
/// It ends with the first certificate that has the key and the name of a root, or whose issuer is one; then that root itself
/// must be valid and allow what is below it.
///
/// # Errors
/// The first [`ChainError`], from the leaf upwards.
pub fn verify(chain: &[Certificate], roots: &[Certificate], now: UnixTime) -> Result<(), ChainError> {
    if chain.is_empty() || chain.len() > X5C_CERTIFICATES_MAX {
        return Err(ChainError::Length(chain.len()));
    }
    for (index, certificate) in chain.iter().enumerate() {
        check_alone(certificate, index, now)?;
        if let Some(root) = roots.iter().find(|root| is_same_authority(root, certificate)) {
            // What came with the chain is a copy that anybody may have made, and perhaps one that allows more.
            return check_alone(root, index, now);
        }
        let above = index.saturating_add(1);
        if let Some(issuer) = chain.get(above) {
            check_link(certificate, issuer, index)?;
        } else if let Some(root) = root_of(certificate, roots) {
            check_link(certificate, root, index)?;
            return check_alone(root, above, now);
        }
    }
    Err(ChainError::Untrusted { issuer: chain.last().map(Certificate::issuer).unwrap_or_default() })
}

/// The root whose name is the issuer's; of several with that name, the one that signed.
fn root_of<'r>(certificate: &Certificate, roots: &'r [Certificate]) -> Option<&'r Certificate> {
    let issuer = &certificate.parsed().tbs_certificate.issuer;
    let mut named = roots.iter().filter(|root| root.parsed().tbs_certificate.subject == *issuer);
    let first = named.clone().next();
    named.find(|root| is_signed_by(certificate, root)).or(first)
}

fn is_same_authority(root: &Certificate, certificate: &Certificate) -> bool {
    let subject = |certificate: &Certificate| certificate.parsed().tbs_certificate.subject.clone();
    root.public_key() == certificate.public_key() && subject(root) == subject(certificate)
}

/// What can be said of one certificate without the others.
fn check_alone(certificate: &Certificate, index: usize, now: UnixTime) -> Result<(), ChainError> {
    if !certificate.is_valid_at(now) {
        let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
        return Err(ChainError::NotValidNow { index, not_before, not_after, now });
    }
    refuse_unknown_extensions(certificate, index)?;
    PublicKey::new(certificate.public_key().clone(), crate::public::Label::default())
        .map_err(|reason| ChainError::Key { index, reason })?;
    match index {
        0 => check_usage(certificate, index, KeyUsages::DigitalSignature),
        _ => check_authority(certificate, index),
    }
}

fn check_authority(certificate: &Certificate, index: usize) -> Result<(), ChainError> {
    let constraints = certificate.parsed().tbs_certificate.get::<BasicConstraints>();
    let constraints = constraints.map_err(|_| ChainError::Extension { index })?;
    let Some((_, BasicConstraints { ca: true, path_len_constraint })) = constraints else {
        return Err(ChainError::NotAuthority { index });
    };
    let authorities_below = index.saturating_sub(1);
    match path_len_constraint {
        Some(allowed) if authorities_below > usize::from(allowed) => {
            Err(ChainError::PathLength { index, allowed })
        }
        _ => check_usage(certificate, index, KeyUsages::KeyCertSign),
    }
}

fn check_usage(certificate: &Certificate, index: usize, needed: KeyUsages) -> Result<(), ChainError> {
    let usage = certificate.parsed().tbs_certificate.get::<KeyUsage>();
    match usage.map_err(|_| ChainError::Extension { index })? {
        Some((_, usage)) if !usage.0.contains(needed) => Err(ChainError::KeyUsage { index }),
        _ => Ok(()),
    }
}

/// Basic constraints and key usage, which are checked here; alternative names and extended key usage, which say nothing
/// about a signing key.
const UNDERSTOOD: [&str; 4] = ["2.5.29.19", "2.5.29.15", "2.5.29.17", "2.5.29.37"];

fn refuse_unknown_extensions(certificate: &Certificate, index: usize) -> Result<(), ChainError> {
    let extensions = certificate.parsed().tbs_certificate.extensions.iter().flatten();
    let mut critical = extensions.filter(|extension| extension.critical);
    match critical.find(|extension| !UNDERSTOOD.contains(&extension.extn_id.to_string().as_str())) {
        Some(unknown) => Err(ChainError::CriticalExtension { index, extension: unknown.extn_id.to_string() }),
        None => Ok(()),
    }
}

/// Whether `issuer` issued `certificate`.
fn check_link(certificate: &Certificate, issuer: &Certificate, index: usize) -> Result<(), ChainError> {
    let (below, above) = (certificate.parsed(), issuer.parsed());
    if below.tbs_certificate.issuer != above.tbs_certificate.subject {
        return Err(ChainError::Name { index });
    }
    // RFC 5280 §4.1.1.2: both places MUST name the same algorithm.
    let algorithm = &below.signature_algorithm;
    if *algorithm != below.tbs_certificate.signature || verifier(algorithm, issuer.key_family()).is_none() {
        let algorithm = signature_name(algorithm);
        return Err(ChainError::SignatureAlgorithm { index, algorithm });
    }
    if is_signed_by(certificate, issuer) { Ok(()) } else { Err(ChainError::Signature { index }) }
}

/// Whether the signature of `certificate` is that of the key in `issuer`, with an algorithm that is accepted.
pub(crate) fn is_signed_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    let parsed = certificate.parsed();
    let Some(verifier) = verifier(&parsed.signature_algorithm, issuer.key_family()) else { return false };
    let key = PublicKey::new(issuer.public_key().clone(), crate::public::Label::default());
    let key = key.ok().and_then(|key| key.spki_der().ok());
    let (Some(key), Some(signed), Some(signature)) =
        (key, signed_bytes(certificate.der()), parsed.signature.as_bytes())
    else {
        return false;
    };
    UnparsedPublicKey::new(verifier, key).verify(signed, signature).is_ok()
}

/// The bytes that were signed, as they came.
fn signed_bytes(der: &[u8]) -> Option<&[u8]> {
    SliceReader::new(AnyRef::from_der(der).ok()?.value()).ok()?.tlv_bytes().ok()
}

/// The hash of a signature.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// A signature algorithm as certificates name it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Signature {
    Rsa(Hash),
    /// RSASSA-PSS, whose hash is in the parameters
    RsaPss,
    Ecdsa(Hash),
    /// One that only keys of its own kind make
    Own(Family),
    /// On a broken hash
    Broken,
}

/// RFC 4055 §5, RFC 5758 §3.2, RFC 8410 §3, RFC 9881 §2.
const SIGNATURES: [(&str, &str, Signature); 15] = [
    ("1.2.840.113549.1.1.11", "RSA with SHA-256", Signature::Rsa(Hash::Sha256)),
    ("1.2.840.113549.1.1.12", "RSA with SHA-384", Signature::Rsa(Hash::Sha384)),
    ("1.2.840.113549.1.1.13", "RSA with SHA-512", Signature::Rsa(Hash::Sha512)),
    ("1.2.840.113549.1.1.10", "RSA-PSS", Signature::RsaPss),
    ("1.2.840.10045.4.3.2", "ECDSA with SHA-256", Signature::Ecdsa(Hash::Sha256)),
    ("1.2.840.10045.4.3.3", "ECDSA with SHA-384", Signature::Ecdsa(Hash::Sha384)),
    ("1.2.840.10045.4.3.4", "ECDSA with SHA-512", Signature::Ecdsa(Hash::Sha512)),
    ("1.3.101.112", "Ed25519", Signature::Own(Family::Ed25519)),
    ("2.16.840.1.101.3.4.3.17", "ML-DSA-44", Signature::Own(Family::MlDsa44)),
    ("2.16.840.1.101.3.4.3.18", "ML-DSA-65", Signature::Own(Family::MlDsa65)),
    ("2.16.840.1.101.3.4.3.19", "ML-DSA-87", Signature::Own(Family::MlDsa87)),
    ("1.2.840.113549.1.1.4", "RSA with MD5", Signature::Broken),
    ("1.2.840.113549.1.1.5", "RSA with SHA-1", Signature::Broken),
    ("1.2.840.10045.4.1", "ECDSA with SHA-1", Signature::Broken),
    ("1.2.840.113549.1.1.2", "RSA with MD2", Signature::Broken),
];

/// The name of a signature algorithm, or its object identifier.
pub(crate) fn signature_name(algorithm: &AlgorithmIdentifierOwned) -> String {
    let oid = algorithm.oid.to_string();
    SIGNATURES.iter().find(|(known, ..)| *known == oid).map_or(oid, |(_, name, _)| (*name).to_owned())
}

/// How a signature of this algorithm is checked with a key of this kind; nothing for a combination that is not accepted.
fn verifier(algorithm: &AlgorithmIdentifierOwned, key: Family) -> Option<&'static dyn VerificationAlgorithm> {
    let oid = algorithm.oid.to_string();
    let (.., signature) = SIGNATURES.iter().find(|(known, ..)| *known == oid)?;
    match signature {
        Signature::Rsa(hash) if key == Family::Rsa => Some(rsa(*hash)),
        Signature::RsaPss if key == Family::Rsa => Some(rsa_pss(pss_hash(&algorithm.owned_to_ref())?)),
        Signature::Ecdsa(hash) => ecdsa(key, *hash),
        Signature::Own(family) if *family == key => own(key),
        _ => None,
    }
}

fn rsa(hash: Hash) -> &'static dyn VerificationAlgorithm {
    match hash {
        Hash::Sha256 => &sig::RSA_PKCS1_2048_8192_SHA256,
        Hash::Sha384 => &sig::RSA_PKCS1_2048_8192_SHA384,
        Hash::Sha512 => &sig::RSA_PKCS1_2048_8192_SHA512,
    }
}

fn rsa_pss(hash: Hash) -> &'static dyn VerificationAlgorithm {
    match hash {
        Hash::Sha256 => &sig::RSA_PSS_2048_8192_SHA256,
        Hash::Sha384 => &sig::RSA_PSS_2048_8192_SHA384,
        Hash::Sha512 => &sig::RSA_PSS_2048_8192_SHA512,
    }
}

fn ecdsa(key: Family, hash: Hash) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (key, hash) {
        (Family::P256, Hash::Sha256) => &sig::ECDSA_P256_SHA256_ASN1,
        (Family::P256, Hash::Sha384) => &sig::ECDSA_P256_SHA384_ASN1,
        (Family::P256, Hash::Sha512) => &sig::ECDSA_P256_SHA512_ASN1,
        (Family::P384, Hash::Sha256) => &sig::ECDSA_P384_SHA256_ASN1,
        (Family::P384, Hash::Sha384) => &sig::ECDSA_P384_SHA384_ASN1,
        (Family::P384, Hash::Sha512) => &sig::ECDSA_P384_SHA512_ASN1,
        (Family::P521, Hash::Sha256) => &sig::ECDSA_P521_SHA256_ASN1,
        (Family::P521, Hash::Sha384) => &sig::ECDSA_P521_SHA384_ASN1,
        (Family::P521, Hash::Sha512) => &sig::ECDSA_P521_SHA512_ASN1,
        (Family::Secp256k1, Hash::Sha256) => &sig::ECDSA_P256K1_SHA256_ASN1,
        _ => return None,
    })
}

fn own(key: Family) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match key {
        Family::Ed25519 => &sig::ED25519,
        Family::MlDsa44 => &sig::ML_DSA_44,
        Family::MlDsa65 => &sig::ML_DSA_65,
        Family::MlDsa87 => &sig::ML_DSA_87,
        _ => return None,
    })
}

/// The hash of RSASSA-PSS-params (RFC 4055 §3.1); without one it is SHA-1, which is broken. The other parameters must be
/// those that go with the hash, or no signature will fit.
fn pss_hash(algorithm: &AlgorithmIdentifierRef<'_>) -> Option<Hash> {
    const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
    const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
    const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
    let mut parameters = SliceReader::new(algorithm.parameters?.value()).ok()?;
    let hash = AnyRef::decode(&mut parameters).ok()?;
    match AlgorithmIdentifierRef::from_der(hash.value()).ok()?.oid {
        SHA256 => Some(Hash::Sha256),
        SHA384 => Some(Hash::Sha384),
        SHA512 => Some(Hash::Sha512),
        _ => None,
    }
}
