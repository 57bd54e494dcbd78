//! The DER structures of keys: PKCS#8 (RFC 5958), PKCS#1 (RFC 8017 appendix A.1), SEC 1 (RFC 5915) and
//! SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), taken apart without being believed.
//!
//! Whether the numbers are a key is decided where a key is made of them; here only the structure is read, to its last byte.
//! Nothing is copied, so that a private key stays where it was.

use x509_cert::der::asn1::{AnyRef, BitStringRef, OctetStringRef, UintRef};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use x509_cert::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use crate::{Family, KeyError};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// The curves that the parameters of [`EC_PUBLIC_KEY`] name (RFC 5480 §2.1.1.1, SEC 2 §2.4).
const CURVES: [(ObjectIdentifier, Family); 4] = [
    (ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"), Family::P256),
    (ObjectIdentifier::new_unwrap("1.3.132.0.34"), Family::P384),
    (ObjectIdentifier::new_unwrap("1.3.132.0.35"), Family::P521),
    (ObjectIdentifier::new_unwrap("1.3.132.0.10"), Family::Secp256k1),
];

/// The kinds of key that need no parameters (RFC 8410 §3, RFC 9881 §2).
const PLAIN: [(ObjectIdentifier, Family); 4] = [
    (ObjectIdentifier::new_unwrap("1.3.101.112"), Family::Ed25519),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17"), Family::MlDsa44),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18"), Family::MlDsa65),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19"), Family::MlDsa87),
];

/// What a DER text is, told by the types of its first elements alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Structure {
    /// Any private key in PKCS#8
    Pkcs8,
    /// A PKCS#8 key behind a password
    Encrypted,
    /// An RSA private key in PKCS#1
    RsaPrivate,
    /// An RSA public key in PKCS#1
    RsaPublic,
    /// An elliptic-curve private key in SEC 1
    EcPrivate,
    /// Any public key in SubjectPublicKeyInfo
    Spki,
    /// An X.509 certificate
    Certificate,
    /// A request for a certificate (PKCS#10)
    Request,
}

impl Structure {
    /// What `der` looks like.
    pub(crate) fn of(der: &[u8]) -> Option<Self> {
        use Tag::{BitString, Integer, OctetString, Sequence};
        Some(match elements(der)?.as_slice() {
            [Integer, Sequence, OctetString, ..] => Self::Pkcs8,
            [Integer, OctetString, ..] => Self::EcPrivate,
            [Integer, Integer] => Self::RsaPublic,
            [Integer, Integer, Integer, ..] => Self::RsaPrivate,
            [Sequence, BitString] => Self::Spki,
            [Sequence, OctetString] => Self::Encrypted,
            [Sequence, Sequence, BitString] => signed(der)?,
            _ => return None,
        })
    }

    /// Its name for messages, with its article.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pkcs8 => "a private key (PKCS#8)",
            Self::Encrypted => "an encrypted private key (PKCS#8)",
            Self::RsaPrivate => "an RSA private key (PKCS#1)",
            Self::RsaPublic => "an RSA public key (PKCS#1)",
            Self::EcPrivate => "an elliptic-curve private key (SEC 1)",
            Self::Spki => "a public key (SubjectPublicKeyInfo)",
            Self::Certificate => "a certificate (X.509)",
            Self::Request => "a certificate request (PKCS#10)",
        }
    }
}

/// The types of the elements of one SEQUENCE.
fn elements(der: &[u8]) -> Option<Vec<Tag>> {
    /// An RSA private key has nine.
    const ELEMENTS_MAX: usize = 16;
    let outer = AnyRef::from_der(der).ok().filter(|outer| outer.tag() == Tag::Sequence)?;
    let mut inner = SliceReader::new(outer.value()).ok()?;
    let mut tags = Vec::new();
    while !inner.is_finished() && tags.len() < ELEMENTS_MAX {
        tags.push(AnyRef::decode(&mut inner).ok()?.tag());
    }
    Some(tags)
}

/// A certificate and a request for one are both a signed SEQUENCE; what is signed tells them apart.
fn signed(der: &[u8]) -> Option<Structure> {
    let mut outer = SliceReader::new(AnyRef::from_der(der).ok()?.value()).ok()?;
    match elements(outer.tlv_bytes().ok()?)?.as_slice() {
        [Tag::Integer, Tag::Sequence, Tag::Sequence, Tag::ContextSpecific { .. }] => Some(Structure::Request),
        _ => Some(Structure::Certificate),
    }
}

/// The kind of key that an algorithm identifier names, with its curve where it has one.
pub(crate) fn family_of(algorithm: &AlgorithmIdentifierRef<'_>) -> Option<Family> {
    match algorithm.oid {
        RSA_ENCRYPTION => Some(Family::Rsa),
        EC_PUBLIC_KEY => find(&CURVES, algorithm.parameters?.decode_as().ok()?),
        other => find(&PLAIN, other),
    }
}

fn find(table: &[(ObjectIdentifier, Family)], wanted: ObjectIdentifier) -> Option<Family> {
    table.iter().find(|(oid, _)| *oid == wanted).map(|(_, family)| *family)
}

fn known_family(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<Family, KeyError> {
    family_of(algorithm).ok_or_else(|| {
        let parameters = algorithm.parameters.and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
        KeyError::KeyType(parameters.unwrap_or(algorithm.oid).to_string())
    })
}

/// A private key in PKCS#8.
pub(crate) struct Pkcs8<'a> {
    pub(crate) family: Family,
    /// In the form of the key's own kind
    pub(crate) private: &'a [u8],
    /// The public half, which version 2 may carry
    pub(crate) public: Option<&'a [u8]>,
}

pub(crate) fn pkcs8(der: &[u8]) -> Result<Pkcs8<'_>, KeyError> {
    let (algorithm, private, rest) = whole(der, |reader| {
        u8::decode(reader)?;
        let algorithm = AlgorithmIdentifierRef::decode(reader)?;
        Ok((algorithm, OctetStringRef::decode(reader)?.as_bytes(), remaining(reader)?))
    })
    .ok_or(KeyError::Der(Structure::Pkcs8.name()))?;
    let public = context(&rest, 1).and_then(|element| element.value().split_first());
    Ok(Pkcs8 { family: known_family(&algorithm)?, private, public: public.map(|(_, bits)| bits) })
}

/// The numbers of an RSA private key: n, e, d, p, q, dp, dq, qi.
pub(crate) type RsaPrivate<'a> = [&'a [u8]; 8];

pub(crate) fn rsa_private(der: &[u8]) -> Result<RsaPrivate<'_>, KeyError> {
    whole(der, |reader| {
        let version = u8::decode(reader)?;
        let mut numbers = [&[][..]; 8];
        for number in &mut numbers {
            *number = UintRef::decode(reader)?.as_bytes();
        }
        // RFC 8017 appendix A.1.2: version 0 has two primes and nothing more.
        if version == 0 { Ok(numbers) } else { Err(Tag::Integer.value_error()) }
    })
    .ok_or(KeyError::Der(Structure::RsaPrivate.name()))
}

/// An elliptic-curve private key: its number, and its curve if it names one.
pub(crate) fn ec_private(der: &[u8]) -> Result<(&[u8], Option<Family>), KeyError> {
    let malformed = || KeyError::Der(Structure::EcPrivate.name());
    let (number, rest) = whole(der, |reader| {
        u8::decode(reader)?;
        Ok((OctetStringRef::decode(reader)?.as_bytes(), remaining(reader)?))
    })
    .ok_or_else(malformed)?;
    let Some(parameters) = context(&rest, 0) else { return Ok((number, None)) };
    let curve = ObjectIdentifier::from_der(parameters.value()).map_err(|_| malformed())?;
    let family = find(&CURVES, curve).ok_or_else(|| KeyError::KeyType(curve.to_string()))?;
    Ok((number, Some(family)))
}

/// The kind of a public key, and its bits in the form of that kind.
pub(crate) fn spki(der: &[u8]) -> Result<(Family, &[u8]), KeyError> {
    let malformed = || KeyError::Der(Structure::Spki.name());
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| malformed())?;
    let bits: BitStringRef<'_> = info.subject_public_key;
    Ok((known_family(&info.algorithm)?, bits.as_bytes().ok_or_else(malformed)?))
}

/// The seed of an Ed25519 key (RFC 8410 §7), and of an ML-DSA key that has it (RFC 9881 §6).
pub(crate) fn seed(family: Family, private: &[u8]) -> Option<&[u8]> {
    let element = AnyRef::from_der(private).ok()?;
    let expected = match family {
        Family::Ed25519 => Tag::OctetString,
        _ => Tag::ContextSpecific { constructed: false, number: TagNumber::N0 },
    };
    if element.tag() == expected { Some(element.value()) } else { None }
}

/// Reads one SEQUENCE that is the whole text.
fn whole<'a, T>(
    der: &'a [u8],
    read: impl FnOnce(&mut SliceReader<'a>) -> x509_cert::der::Result<T>,
) -> Option<T> {
    let outer = AnyRef::from_der(der).ok().filter(|outer| outer.tag() == Tag::Sequence)?;
    let mut inner = SliceReader::new(outer.value()).ok()?;
    let value = read(&mut inner).ok()?;
    inner.finish(value).ok()
}

fn remaining<'a>(reader: &mut SliceReader<'a>) -> x509_cert::der::Result<Vec<AnyRef<'a>>> {
    let mut elements = Vec::new();
    while !reader.is_finished() {
        let element = AnyRef::decode(reader)?;
        match element.tag() {
            Tag::ContextSpecific { .. } => elements.push(element),
            other => return Err(other.unexpected_error(None)),
        }
    }
    Ok(elements)
}

fn context<'a>(elements: &[AnyRef<'a>], wanted: u8) -> Option<AnyRef<'a>> {
    let wanted = TagNumber::new(wanted);
    elements.iter().copied().find(|element| element.tag().number() == wanted)
}
