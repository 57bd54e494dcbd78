//! The one table of signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2).
//!
//! Code below takes a row and never asks for a name. Another algorithm is another row.

use aws_lc_rs::{hmac, rsa, signature as sig};
use std::fmt;

/// A signature algorithm that jwksmith verifies and signs with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512
    RS512,
    /// RSASSA-PSS with SHA-256
    PS256,
    /// RSASSA-PSS with SHA-384
    PS384,
    /// RSASSA-PSS with SHA-512
    PS512,
    /// ECDSA on P-256 with SHA-256
    ES256,
    /// ECDSA on P-384 with SHA-384
    ES384,
    /// ECDSA on P-521 with SHA-512
    ES512,
    /// Ed25519, under its names `EdDSA` (RFC 8037) and `Ed25519` (RFC 9864)
    EdDSA,
    /// HMAC with SHA-256
    HS256,
    /// HMAC with SHA-384
    HS384,
    /// HMAC with SHA-512
    HS512,
}

/// What kind of key an algorithm takes: `kty`, and `crv` where there is one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Family {
    /// `kty: RSA`
    Rsa,
    /// `kty: EC`, `crv: P-256`
    P256,
    /// `kty: EC`, `crv: P-384`
    P384,
    /// `kty: EC`, `crv: P-521`
    P521,
    /// `kty: OKP`, `crv: Ed25519`
    Ed25519,
    /// `kty: oct`: a shared secret
    Secret,
}

/// How a signature is checked and made: the crypto library's own descriptions.
pub(crate) enum Scheme {
    Rsa { verify: &'static sig::RsaParameters, sign: &'static dyn sig::RsaEncoding },
    Ecdsa { verify: &'static sig::EcdsaVerificationAlgorithm, sign: &'static sig::EcdsaSigningAlgorithm },
    Ed25519,
    Hmac(hmac::Algorithm),
}

/// One row of the table.
pub(crate) struct Row {
    algorithm: Algorithm,
    /// Every registered name; the first is the one that is written.
    names: &'static [&'static str],
    pub(crate) family: Family,
    pub(crate) scheme: Scheme,
    /// The exact length of a signature in bytes, where it does not depend on the key.
    pub(crate) signature_bytes: Option<usize>,
    /// The shortest secret in bytes: RFC 7518 §3.2 wants at least the hash's length.
    pub(crate) secret_bytes_min: usize,
}

const fn rsa_row(
    algorithm: Algorithm,
    names: &'static [&'static str],
    verify: &'static sig::RsaParameters,
    sign: &'static dyn sig::RsaEncoding,
) -> Row {
    let scheme = Scheme::Rsa { verify, sign };
    Row { algorithm, names, family: Family::Rsa, scheme, signature_bytes: None, secret_bytes_min: 0 }
}

const fn ecdsa_row(
    algorithm: Algorithm,
    names: &'static [&'static str],
    (family, signature_bytes): (Family, usize),
    verify: &'static sig::EcdsaVerificationAlgorithm,
    sign: &'static sig::EcdsaSigningAlgorithm,
) -> Row {
    let scheme = Scheme::Ecdsa { verify, sign };
    Row { algorithm, names, family, scheme, signature_bytes: Some(signature_bytes), secret_bytes_min: 0 }
}

const fn hmac_row(
    algorithm: Algorithm,
    names: &'static [&'static str],
    hash: hmac::Algorithm,
    hash_bytes: usize,
) -> Row {
    Row {
        algorithm,
        names,
        family: Family::Secret,
        scheme: Scheme::Hmac(hash),
        signature_bytes: Some(hash_bytes),
        secret_bytes_min: hash_bytes,
    }
}

static TABLE: [Row; 13] = [
    rsa_row(Algorithm::RS256, &["RS256"], &sig::RSA_PKCS1_2048_8192_SHA256, &sig::RSA_PKCS1_SHA256),
    rsa_row(Algorithm::RS384, &["RS384"], &sig::RSA_PKCS1_2048_8192_SHA384, &sig::RSA_PKCS1_SHA384),
    rsa_row(Algorithm::RS512, &["RS512"], &sig::RSA_PKCS1_2048_8192_SHA512, &sig::RSA_PKCS1_SHA512),
    rsa_row(Algorithm::PS256, &["PS256"], &sig::RSA_PSS_2048_8192_SHA256, &sig::RSA_PSS_SHA256),
    rsa_row(Algorithm::PS384, &["PS384"], &sig::RSA_PSS_2048_8192_SHA384, &sig::RSA_PSS_SHA384),
    rsa_row(Algorithm::PS512, &["PS512"], &sig::RSA_PSS_2048_8192_SHA512, &sig::RSA_PSS_SHA512),
    ecdsa_row(
        Algorithm::ES256,
        &["ES256"],
        (Family::P256, 64),
        &sig::ECDSA_P256_SHA256_FIXED,
        &sig::ECDSA_P256_SHA256_FIXED_SIGNING,
    ),
    ecdsa_row(
        Algorithm::ES384,
        &["ES384"],
        (Family::P384, 96),
        &sig::ECDSA_P384_SHA384_FIXED,
        &sig::ECDSA_P384_SHA384_FIXED_SIGNING,
    ),
    ecdsa_row(
        Algorithm::ES512,
        &["ES512"],
        (Family::P521, 132),
        &sig::ECDSA_P521_SHA512_FIXED,
        &sig::ECDSA_P521_SHA512_FIXED_SIGNING,
    ),
    Row {
        algorithm: Algorithm::EdDSA,
        names: &["EdDSA", "Ed25519"],
        family: Family::Ed25519,
        scheme: Scheme::Ed25519,
        signature_bytes: Some(64),
        secret_bytes_min: 0,
    },
    hmac_row(Algorithm::HS256, &["HS256"], hmac::HMAC_SHA256, 32),
    hmac_row(Algorithm::HS384, &["HS384"], hmac::HMAC_SHA384, 48),
    hmac_row(Algorithm::HS512, &["HS512"], hmac::HMAC_SHA512, 64),
];

impl Algorithm {
    /// Every algorithm, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.algorithm)
    }

    /// Every algorithm whose verification key may be public: all but HMAC.
    pub fn asymmetric() -> impl Iterator<Item = Self> {
        Self::all().filter(|algorithm| !algorithm.is_symmetric())
    }

    /// The algorithm of a registered name. Names are case-sensitive (RFC 7515 §4.1.1).
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.names.contains(&name)).map(|row| row.algorithm)
    }

    /// The name as it is written in `alg`.
    pub fn name(self) -> &'static str {
        self.row().names.first().copied().unwrap_or_default()
    }

    /// The kind of key that this algorithm takes.
    pub fn family(self) -> Family {
        self.row().family
    }

    /// Whether whoever can verify can also sign (HMAC).
    pub fn is_symmetric(self) -> bool {
        self.family() == Family::Secret
    }

    pub(crate) fn row(self) -> &'static Row {
        TABLE
            .iter()
            .find(|row| row.algorithm == self)
            .expect("the table has a row for each algorithm: `table_has_a_row_for_each` checks it")
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Family {
    /// `kty` as JWKs spell it.
    pub fn key_type(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::P256 | Self::P384 | Self::P521 => "EC",
            Self::Ed25519 => "OKP",
            Self::Secret => "oct",
        }
    }

    /// `crv` as JWKs spell it, where the key type has curves.
    pub fn curve(self) -> Option<&'static str> {
        match self {
            Self::P256 => Some("P-256"),
            Self::P384 => Some("P-384"),
            Self::P521 => Some("P-521"),
            Self::Ed25519 => Some("Ed25519"),
            Self::Rsa | Self::Secret => None,
        }
    }

    /// The algorithms that take this kind of key.
    pub fn algorithms(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::all().filter(move |algorithm| algorithm.family() == self)
    }

    /// The width of one coordinate in bytes, fixed by RFC 7518 §6.2.1.2 and RFC 8037 §2.
    pub(crate) fn coordinate_bytes(self) -> usize {
        match self {
            Self::P256 | Self::Ed25519 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
            Self::Rsa | Self::Secret => 0,
        }
    }
}

/// The size of a freshly made RSA key.
pub(crate) const RSA_GENERATED: rsa::KeySize = rsa::KeySize::Rsa2048;

#[cfg(test)]
mod tests {
    use super::Algorithm;

    #[test]
    fn table_has_a_row_for_each() {
        for algorithm in Algorithm::all() {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
            assert!(algorithm.family().algorithms().any(|other| other == algorithm));
        }
        let last = Algorithm::HS512;
        assert_eq!(
            Algorithm::all().last(),
            Some(last),
            "a variant without a row would be after the last one"
        );
    }

    #[test]
    fn from_name_is_exact() {
        assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDSA));
        for refused in
            ["none", "None", "NONE", "rs256", "RS256 ", "", "HS1", "RS1", "ES256K", "Ed448", "RSA1_5"]
        {
            assert_eq!(Algorithm::from_name(refused), None, "{refused:?}");
        }
    }
}
