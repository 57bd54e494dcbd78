//! The one table of signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1, RFC 8812 §3.2, RFC 9864 §2, RFC 9964 §3).
//!
//! Code below takes a row and never asks for a name. Another algorithm is another row, and another kind of key a row of the
//! second table. What is registered and not supported has a table too ([`crate::registry`]).

use aws_lc_rs::{digest, hmac, signature as sig};
use std::fmt;

use crate::registry;

/// Defines an enum and the row of each variant from one list, so that neither can miss what the other has.
macro_rules! table {
    (
        $(#[$about:meta])* $enum:ident -> $row:ident;
        $($(#[$variant_about:meta])* $variant:ident => $value:expr,)+
    ) => {
        $(#[$about])*
        pub enum $enum {
            $($(#[$variant_about])* $variant,)+
        }

        impl $enum {
            const ALL: &[Self] = &[$(Self::$variant),+];

            /// The compiler turns this into one read of an array of addresses.
            pub(crate) fn row(self) -> &'static $row {
                match self {
                    $(Self::$variant => {
                        static ROW: $row = $value;
                        &ROW
                    })+
                }
            }
        }
    };
}

table! {
    /// A signature algorithm that jwksmith verifies and signs with.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    #[non_exhaustive]
    Algorithm -> Row;

    /// RSASSA-PKCS1-v1_5 with SHA-256
    RS256 => rsa_row(&["RS256"], &digest::SHA256, &sig::RSA_PKCS1_2048_8192_SHA256, &sig::RSA_PKCS1_SHA256),
    /// RSASSA-PKCS1-v1_5 with SHA-384
    RS384 => rsa_row(&["RS384"], &digest::SHA384, &sig::RSA_PKCS1_2048_8192_SHA384, &sig::RSA_PKCS1_SHA384),
    /// RSASSA-PKCS1-v1_5 with SHA-512
    RS512 => rsa_row(&["RS512"], &digest::SHA512, &sig::RSA_PKCS1_2048_8192_SHA512, &sig::RSA_PKCS1_SHA512),
    /// RSASSA-PSS with SHA-256
    PS256 => rsa_row(&["PS256"], &digest::SHA256, &sig::RSA_PSS_2048_8192_SHA256, &sig::RSA_PSS_SHA256),
    /// RSASSA-PSS with SHA-384
    PS384 => rsa_row(&["PS384"], &digest::SHA384, &sig::RSA_PSS_2048_8192_SHA384, &sig::RSA_PSS_SHA384),
    /// RSASSA-PSS with SHA-512
    PS512 => rsa_row(&["PS512"], &digest::SHA512, &sig::RSA_PSS_2048_8192_SHA512, &sig::RSA_PSS_SHA512),
    /// ECDSA on P-256 with SHA-256
    ES256 => ecdsa_row(
        &["ES256"],
        (Family::P256, 64),
        (&digest::SHA256, &sig::ECDSA_P256_SHA256_ASN1),
        &sig::ECDSA_P256_SHA256_FIXED_SIGNING,
    ),
    /// ECDSA on P-384 with SHA-384
    ES384 => ecdsa_row(
        &["ES384"],
        (Family::P384, 96),
        (&digest::SHA384, &sig::ECDSA_P384_SHA384_ASN1),
        &sig::ECDSA_P384_SHA384_FIXED_SIGNING,
    ),
    /// ECDSA on P-521 with SHA-512
    ES512 => ecdsa_row(
        &["ES512"],
        (Family::P521, 132),
        (&digest::SHA512, &sig::ECDSA_P521_SHA512_ASN1),
        &sig::ECDSA_P521_SHA512_FIXED_SIGNING,
    ),
    /// ECDSA on secp256k1 with SHA-256
    ES256K => ecdsa_row(
        &["ES256K"],
        (Family::Secp256k1, 64),
        (&digest::SHA256, &sig::ECDSA_P256K1_SHA256_ASN1),
        &sig::ECDSA_P256K1_SHA256_FIXED_SIGNING,
    ),
    /// Ed25519, under its names `EdDSA` (RFC 8037) and `Ed25519` (RFC 9864)
    EdDSA => row(&["EdDSA", "Ed25519"], Family::Ed25519, Scheme::Ed25519, 64),
    /// ML-DSA-44, a signature that quantum computers are not known to forge (FIPS 204)
    MlDsa44 => ml_dsa_row(
        &["ML-DSA-44"], (Family::MlDsa44, 2420), &sig::ML_DSA_44, &sig::ML_DSA_44_SIGNING,
    ),
    /// ML-DSA-65 (FIPS 204)
    MlDsa65 => ml_dsa_row(
        &["ML-DSA-65"], (Family::MlDsa65, 3309), &sig::ML_DSA_65, &sig::ML_DSA_65_SIGNING,
    ),
    /// ML-DSA-87 (FIPS 204)
    MlDsa87 => ml_dsa_row(
        &["ML-DSA-87"], (Family::MlDsa87, 4627), &sig::ML_DSA_87, &sig::ML_DSA_87_SIGNING,
    ),
    /// HMAC with SHA-256
    HS256 => hmac_row(&["HS256"], hmac::HMAC_SHA256, 32),
    /// HMAC with SHA-384
    HS384 => hmac_row(&["HS384"], hmac::HMAC_SHA384, 48),
    /// HMAC with SHA-512
    HS512 => hmac_row(&["HS512"], hmac::HMAC_SHA512, 64),
}

table! {
    /// What kind of key an algorithm takes: `kty`, and `crv` where there is one.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    #[non_exhaustive]
    Family -> FamilyRow;

    /// `kty: RSA`
    Rsa => FamilyRow { key_type: "RSA", curve: None, number_bytes: 0 },
    /// `kty: EC`, `crv: P-256`
    P256 => FamilyRow { key_type: "EC", curve: Some("P-256"), number_bytes: 32 },
    /// `kty: EC`, `crv: P-384`
    P384 => FamilyRow { key_type: "EC", curve: Some("P-384"), number_bytes: 48 },
    /// `kty: EC`, `crv: P-521`
    P521 => FamilyRow { key_type: "EC", curve: Some("P-521"), number_bytes: 66 },
    /// `kty: EC`, `crv: secp256k1` (RFC 8812 §3.1)
    Secp256k1 => FamilyRow { key_type: "EC", curve: Some("secp256k1"), number_bytes: 32 },
    /// `kty: OKP`, `crv: Ed25519`
    Ed25519 => FamilyRow { key_type: "OKP", curve: Some("Ed25519"), number_bytes: 32 },
    /// `kty: AKP`, `alg: ML-DSA-44` (RFC 9964 §4)
    MlDsa44 => FamilyRow { key_type: "AKP", curve: None, number_bytes: 1312 },
    /// `kty: AKP`, `alg: ML-DSA-65`
    MlDsa65 => FamilyRow { key_type: "AKP", curve: None, number_bytes: 1952 },
    /// `kty: AKP`, `alg: ML-DSA-87`
    MlDsa87 => FamilyRow { key_type: "AKP", curve: None, number_bytes: 2592 },
    /// `kty: oct`: a shared secret
    Secret => FamilyRow { key_type: "oct", curve: None, number_bytes: 0 },
}

/// How a signature is checked and made: the crypto library's own descriptions.
pub(crate) enum Scheme {
    Rsa {
        hash: Hash,
        verify: &'static sig::RsaParameters,
        sign: &'static dyn sig::RsaEncoding,
    },
    Ecdsa {
        hash: Hash,
        /// Of signatures in DER: what JOSE writes is rewritten first ([`crate::ecdsa`]).
        verify: &'static sig::EcdsaVerificationAlgorithm,
        sign: &'static sig::EcdsaSigningAlgorithm,
    },
    Ed25519,
    MlDsa {
        verify: &'static sig::PqdsaVerificationAlgorithm,
        sign: &'static sig::PqdsaSigningAlgorithm,
    },
    Hmac(hmac::Algorithm),
}

/// What is signed instead of the message. It is taken here and not by the verification, which spares the crypto library a
/// set-up for every signature.
pub(crate) type Hash = &'static digest::Algorithm;

/// An algorithm.
pub(crate) struct Row {
    /// Every registered name; the first is the one that is written.
    names: &'static [&'static str],
    pub(crate) family: Family,
    pub(crate) scheme: Scheme,
    /// The exact length of a signature in bytes, where it does not depend on the key.
    pub(crate) signature_bytes: Option<usize>,
    /// The shortest secret in bytes: RFC 7518 §3.2 wants at least the hash's length.
    pub(crate) secret_bytes_min: usize,
}

/// A kind of key.
pub(crate) struct FamilyRow {
    key_type: &'static str,
    curve: Option<&'static str>,
    /// The fixed width of each number of a public key, in bytes, where there is one (RFC 7518 §6.2.1.2, RFC 8037 §2,
    /// FIPS 204 §4).
    number_bytes: usize,
}

const fn row(names: &'static [&'static str], family: Family, scheme: Scheme, signature_bytes: usize) -> Row {
    Row { names, family, scheme, signature_bytes: Some(signature_bytes), secret_bytes_min: 0 }
}

const fn rsa_row(
    names: &'static [&'static str],
    hash: Hash,
    verify: &'static sig::RsaParameters,
    sign: &'static dyn sig::RsaEncoding,
) -> Row {
    let scheme = Scheme::Rsa { hash, verify, sign };
    Row { names, family: Family::Rsa, scheme, signature_bytes: None, secret_bytes_min: 0 }
}

const fn ecdsa_row(
    names: &'static [&'static str],
    (family, signature_bytes): (Family, usize),
    (hash, verify): (Hash, &'static sig::EcdsaVerificationAlgorithm),
    sign: &'static sig::EcdsaSigningAlgorithm,
) -> Row {
    row(names, family, Scheme::Ecdsa { hash, verify, sign }, signature_bytes)
}

const fn ml_dsa_row(
    names: &'static [&'static str],
    (family, signature_bytes): (Family, usize),
    verify: &'static sig::PqdsaVerificationAlgorithm,
    sign: &'static sig::PqdsaSigningAlgorithm,
) -> Row {
    row(names, family, Scheme::MlDsa { verify, sign }, signature_bytes)
}

const fn hmac_row(names: &'static [&'static str], hash: hmac::Algorithm, hash_bytes: usize) -> Row {
    Row {
        names,
        family: Family::Secret,
        scheme: Scheme::Hmac(hash),
        signature_bytes: Some(hash_bytes),
        secret_bytes_min: hash_bytes,
    }
}

impl Algorithm {
    /// Every algorithm, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied()
    }

    /// Every algorithm whose verification key may be public: all but HMAC.
    pub fn asymmetric() -> impl Iterator<Item = Self> {
        Self::all().filter(|algorithm| !algorithm.is_symmetric())
    }

    /// The algorithm of a registered name. Names are case-sensitive (RFC 7515 §4.1.1).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|algorithm| algorithm.names().contains(&name))
    }

    /// The name as it is written in `alg`.
    pub fn name(self) -> &'static str {
        self.names().first().copied().unwrap_or_default()
    }

    /// Every registered name; the first is the one that is written unless another is asked for.
    pub fn names(self) -> &'static [&'static str] {
        self.row().names
    }

    /// The kind of key that this algorithm takes.
    pub fn family(self) -> Family {
        self.row().family
    }

    /// Whether whoever can verify can also sign (HMAC).
    pub fn is_symmetric(self) -> bool {
        self.family() == Family::Secret
    }

    /// What a name stands for that is known and not supported, in words that follow it: `Ed448 is ...`.
    pub(crate) fn why_unsupported(name: &str) -> &'static str {
        registry::algorithm(name).unwrap_or("is no registered signature algorithm")
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Family {
    /// Every kind of key, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied()
    }

    /// `kty` as JWKs spell it.
    pub fn key_type(self) -> &'static str {
        self.row().key_type
    }

    /// `crv` as JWKs spell it, where the key type has curves.
    pub fn curve(self) -> Option<&'static str> {
        self.row().curve
    }

    /// What people call it: its curve, its only algorithm, or its key type.
    pub fn name(self) -> &'static str {
        let only = self.is_named_by_algorithm().then(|| self.algorithms().next().map(Algorithm::name));
        self.curve().or(only.flatten()).unwrap_or(self.key_type())
    }

    /// The algorithms that take this kind of key.
    pub fn algorithms(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::all().filter(move |algorithm| algorithm.family() == self)
    }

    /// The width of each number of a public key in bytes, where it is fixed; else 0.
    pub(crate) fn number_bytes(self) -> usize {
        self.row().number_bytes
    }

    /// How signatures of such keys are made, by the first algorithm that takes them.
    pub(crate) fn scheme(self) -> Option<&'static Scheme> {
        self.algorithms().next().map(|algorithm| &algorithm.row().scheme)
    }

    /// Whether the key is a point with two coordinates.
    pub(crate) fn is_weierstrass(self) -> bool {
        self.key_type() == "EC"
    }

    /// Whether the kind of key is told by `alg` alone (RFC 9964 §4: it is mandatory there).
    pub(crate) fn is_named_by_algorithm(self) -> bool {
        self.key_type() == "AKP"
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, Family};
    use crate::limits::SIGNATURE_BYTES_MAX;
    use std::collections::BTreeSet;

    #[test]
    fn row_is_the_one_of_its_name() {
        let mut names = BTreeSet::new();
        for algorithm in Algorithm::all() {
            for name in algorithm.names() {
                assert!(names.insert(*name), "{name} stands twice");
                assert_eq!(Algorithm::from_name(name), Some(algorithm));
            }
            assert!(algorithm.family().algorithms().any(|other| other == algorithm));
            let variant = format!("{algorithm:?}").replace("MlDsa", "ML-DSA-");
            assert_eq!(algorithm.name(), variant);
        }
        assert_eq!(names.len(), Algorithm::all().count() + 1, "Ed25519 has two names");
    }

    #[test]
    fn kind_of_key_is_told_by_key_type_and_curve_or_algorithm() {
        let mut told = BTreeSet::new();
        for family in Family::all() {
            let algorithm = family.is_named_by_algorithm().then(|| family.algorithms().next());
            assert!(told.insert((family.key_type(), family.curve(), algorithm)), "{family:?}");
            assert!(family.algorithms().next().is_some(), "{family:?}");
        }
    }

    #[test]
    fn signature_of_every_algorithm_is_within_the_limit() {
        let longest = Algorithm::all().filter_map(|algorithm| algorithm.row().signature_bytes).max();
        assert_eq!(longest, Some(SIGNATURE_BYTES_MAX));
    }

    #[test]
    fn from_name_is_exact() {
        assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDSA));
        for refused in [
            "none",
            "None",
            "NONE",
            "rs256",
            "RS256 ",
            "",
            "HS1",
            "RS1",
            "es256k",
            "Ed448",
            "RSA1_5",
            "ED25519",
            "ML-DSA",
            "ml-dsa-44",
            "ML-DSA-44 ",
        ] {
            assert_eq!(Algorithm::from_name(refused), None, "{refused:?}");
        }
    }
}
