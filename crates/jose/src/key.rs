//! A key that is ready to verify: parsed and checked once, used for every token (RFC 7518 §6, RFC 8037 §2).

use aws_lc_rs::digest::digest;
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{self as sig, ParsedPublicKey, RsaPublicKeyComponents};

use crate::algorithm::Scheme;
use crate::ecdsa::DerSignature;
use crate::limits::{RSA_BITS_MAX, RSA_BITS_MIN, RSA_EXPONENT_BYTES_MAX};
use crate::public::PublicNumbers;
use crate::sign::SecretBytes;
use crate::{Algorithm, Family, SkipReason, roca};

/// One key with everything prepared, for each algorithm that it may be used with.
pub(crate) struct VerifyingKey {
    family: Family,
    /// One entry per algorithm: a JWK without `alg` fits every algorithm of its family.
    prepared: Vec<(Algorithm, Prepared)>,
}

enum Prepared {
    Public(ParsedPublicKey),
    /// Boxed: it is twenty times the size of the other.
    Secret(Box<hmac::Key>),
}

impl VerifyingKey {
    /// Checks and prepares a public key for `algorithms`, which must be of its family.
    pub(crate) fn from_public(numbers: &PublicNumbers, algorithms: &[Algorithm]) -> Result<Self, SkipReason> {
        refuse_weak(numbers)?;
        let prepare = |algorithm: &Algorithm| Ok((*algorithm, Prepared::Public(parse(numbers, *algorithm)?)));
        let prepared = algorithms.iter().map(prepare).collect::<Result<_, SkipReason>>()?;
        Ok(Self { family: numbers.family(), prepared })
    }

    /// Prepares a shared secret for `algorithms`; those that it is too short for are left out.
    pub(crate) fn from_secret(secret: &SecretBytes, algorithms: &[Algorithm]) -> Result<Self, SkipReason> {
        let bytes = secret.expose();
        let prepared: Vec<_> = algorithms
            .iter()
            // RFC 7518 §3.2: a key of the hash's length or more MUST be used.
            .filter(|algorithm| bytes.len() >= algorithm.row().secret_bytes_min)
            .filter_map(|algorithm| match algorithm.row().scheme {
                Scheme::Hmac(hash) => {
                    Some((*algorithm, Prepared::Secret(Box::new(hmac::Key::new(hash, bytes)))))
                }
                _ => None,
            })
            .collect();
        if prepared.is_empty() {
            return Err(SkipReason::Weak("the secret is shorter than its hash"));
        }
        Ok(Self { family: Family::Secret, prepared })
    }

    pub(crate) fn family(&self) -> Family {
        self.family
    }

    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        self.prepared.iter().any(|(prepared, _)| *prepared == algorithm)
    }

    /// Whether `signature` is this key's over `message`.
    pub(crate) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        // One to six entries: shorter than any table that would have to be kept per key.
        let Some((_, prepared)) = self.prepared.iter().find(|(prepared, _)| *prepared == algorithm) else {
            return false;
        };
        // Fixed-width signatures have one length (RFC 7518 §3.4): longer ones would be a second spelling of the first.
        if algorithm.row().signature_bytes.is_some_and(|bytes| bytes != signature.len()) {
            return false;
        }
        match prepared {
            Prepared::Public(key) => verify_public(key, &algorithm.row().scheme, message, signature),
            Prepared::Secret(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

fn verify_public(key: &ParsedPublicKey, scheme: &Scheme, message: &[u8], signature: &[u8]) -> bool {
    let verified = match scheme {
        Scheme::Rsa { hash, .. } => key.verify_digest_sig(&digest(hash, message), signature),
        Scheme::Ecdsa { hash, .. } => {
            key.verify_digest_sig(&digest(hash, message), DerSignature::from_fixed(signature).as_bytes())
        }
        _ => key.verify_sig(message, signature),
    };
    verified.is_ok()
}

/// The key ready to check signatures of one algorithm.
pub(crate) fn parse(numbers: &PublicNumbers, algorithm: Algorithm) -> Result<ParsedPublicKey, SkipReason> {
    let parsed = match (numbers, &algorithm.row().scheme) {
        (PublicNumbers::Rsa { n, e }, Scheme::Rsa { verify, .. }) => {
            RsaPublicKeyComponents { n, e }.to_parsed_public_key(verify)
        }
        (PublicNumbers::Ec { x, y, .. }, Scheme::Ecdsa { verify, .. }) => {
            ParsedPublicKey::new(*verify, [&[4], x.as_slice(), y.as_slice()].concat())
        }
        (PublicNumbers::Ed25519 { x }, Scheme::Ed25519) => ParsedPublicKey::new(&sig::ED25519, x),
        (PublicNumbers::MlDsa { public, .. }, Scheme::MlDsa { verify, .. }) => {
            ParsedPublicKey::new(*verify, public)
        }
        _ => return Err(SkipReason::Algorithm(algorithm.name().to_owned())),
    };
    parsed.map_err(|_| SkipReason::Invalid)
}

/// What the crypto library would let through, or refuse only when a token comes.
fn refuse_weak(numbers: &PublicNumbers) -> Result<(), SkipReason> {
    match numbers {
        PublicNumbers::Rsa { n, e } => refuse_weak_rsa(n, e),
        PublicNumbers::Ed25519 { x } if is_small_order(x) => Err(SkipReason::Weak("a point of small order")),
        _ => Ok(()),
    }
}

fn refuse_weak_rsa(n: &[u8], e: &[u8]) -> Result<(), SkipReason> {
    match (n.first(), e.first()) {
        // RFC 7518 §6.3.1: no leading zero octets.
        (None | Some(0), _) => return Err(SkipReason::MemberEncoding("n")),
        (_, None | Some(0)) => return Err(SkipReason::MemberEncoding("e")),
        _ => {}
    }
    let bits = bit_length(n);
    if bits < RSA_BITS_MIN {
        return Err(SkipReason::Weak("an RSA key under 2048 bits"));
    }
    if bits > RSA_BITS_MAX {
        return Err(SkipReason::Weak("an RSA key over 8192 bits"));
    }
    let odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
    if !odd(n) || !odd(e) || e == [1] || e.len() > RSA_EXPONENT_BYTES_MAX {
        return Err(SkipReason::Weak("an RSA modulus or exponent that no honest key has"));
    }
    if roca::has_fingerprint(n) {
        return Err(SkipReason::Weak("an RSA modulus whose factors can be found (ROCA, CVE-2017-15361)"));
    }
    Ok(())
}

pub(crate) fn bit_length(number: &[u8]) -> usize {
    let leading = number.first().map_or(0, |byte| byte.leading_zeros());
    let unused = usize::try_from(leading).unwrap_or(0);
    number.len().saturating_mul(8).saturating_sub(unused)
}

/// Whether the point has small order: under such a key a signature can be made for any message without a private key
/// (RFC 8032 §8.7 leaves the check to the caller; the usual libraries do not make it). The sign bit does not matter.
fn is_small_order(x: &[u8]) -> bool {
    let Some((last, head)) = x.split_last() else { return false };
    SMALL_ORDER_Y
        .iter()
        .any(|y| y.split_last().is_some_and(|(y_last, y_head)| head == y_head && last & 0x7f == *y_last))
}

/// The y coordinates, little-endian, of every point whose order divides 8, with the spellings at or above the prime.
const SMALL_ORDER_Y: [[u8; 32]; 7] = {
    const fn filled(first: u8, middle: u8, last: u8) -> [u8; 32] {
        let mut y = [middle; 32];
        y[0] = first;
        y[31] = last;
        y
    }
    [
        filled(0, 0, 0),          // order 4
        filled(1, 0, 0),          // order 1
        filled(0xec, 0xff, 0x7f), // order 2
        filled(0xed, 0xff, 0x7f), // 0, spelt as the prime
        filled(0xee, 0xff, 0x7f), // 1, spelt as the prime plus one
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
            0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ], // order 8
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
            0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ], // order 8
    ]
};
