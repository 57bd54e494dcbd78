//! Why a text or file is no key that can be used.
//!
//! What is wrong with the numbers of a key is said by [`SkipReason`], whatever form the key came in: the rules are those of
//! key sets. Here is what is wrong with the form. No message repeats anything of a key.

use crate::json::JsonError;
use crate::limits::KEY_BYTES_MAX;
use crate::{Algorithm, Family, SkipReason, quoted};

/// Why a key cannot be read, written or made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Longer than [`KEY_BYTES_MAX`].
    #[error(
        "it has {bytes} bytes, more than the {KEY_BYTES_MAX} that a key may have: check which file it is"
    )]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Neither JSON, PEM nor DER.
    #[error("it is neither a JWK, PEM nor DER: check which file it is")]
    Unrecognized,
    /// Something else than what is needed.
    #[error("it is {found}, and {expected} is needed")]
    Unsuitable {
        /// What it looks like, with its article.
        found: &'static str,
        /// What would do, with its article.
        expected: &'static str,
    },
    /// Behind a password.
    #[error("the private key is encrypted: decrypt it first, as with `openssl pkey -in FILE`")]
    Encrypted,
    /// In OpenSSH's own form.
    #[error("it is in OpenSSH's own form: convert it first, as with `ssh-keygen -p -m PKCS8 -f FILE`")]
    OpenSsh,
    /// Parameters of a curve or group, and no key.
    #[error("it holds the parameters of a key and no key: look for the block that ends in PRIVATE KEY")]
    ParametersOnly,
    /// The PEM armour is broken, or something stands around it.
    #[error("its PEM armour is broken: {0}")]
    Pem(&'static str),
    /// More than one PEM block.
    #[error("it holds several PEM blocks ({} and {}): leave the one that is meant", quoted(&.labels[0]), quoted(&.labels[1]))]
    SeveralBlocks {
        /// What the first two say that they are.
        labels: [String; 2],
    },
    /// A PEM block that is not known.
    #[error("its PEM label is {}, which is no key or certificate", quoted(.0))]
    Label(String),
    /// The DER structure is broken.
    #[error("it looks like {0} and is broken: check that the whole file was copied")]
    Der(&'static str),
    /// A kind of key that is not supported, by its object identifier.
    #[error(
        "keys of the kind {0} (object identifier) are not supported: use RSA, P-256, P-384, P-521, secp256k1, Ed25519 or ML-DSA"
    )]
    KeyType(String),
    /// Not one strict JSON object.
    #[error("it cannot be read as a JWK: {0}")]
    Json(#[from] JsonError),
    /// The key itself is at fault, by the rules of key sets.
    #[error("the key cannot be used: {0}")]
    Key(#[from] SkipReason),
    /// The certificate cannot be read.
    #[error("the certificate cannot be used: {0}")]
    Certificate(#[from] crate::CertificateError),
    /// The private part is none, or does not belong to the public part.
    #[error("the private part of the key is no valid one, or belongs to another public part")]
    Inconsistent,
    /// An ML-DSA key in its expanded form, without the seed that everything here is written from.
    #[error("the ML-DSA key has no seed: export it with its seed, as RFC 9964 demands for a JWK")]
    SeedMissing,
    /// A form that does not exist for this kind of key.
    #[error("a key of the kind {family} cannot be written as {form}")]
    FormUnavailable {
        /// The form.
        form: &'static str,
        /// The kind of key.
        family: Family,
    },
    /// A key of this kind is not for the algorithm.
    #[error("a key of the kind {family} is not for {algorithm}")]
    AlgorithmUnfit {
        /// The algorithm.
        algorithm: Algorithm,
        /// The kind of key.
        family: Family,
    },
    /// A size that RSA keys are not made in.
    #[error("RSA keys are made with 2048, 3072, 4096 or 8192 bits, not {0}")]
    Bits(usize),
    /// The crypto library failed, as when the system has no randomness.
    #[error("the crypto library could not make the key")]
    Crypto,
}

impl KeyError {
    /// The stable code of this error; that of the [`SkipReason`] where the key itself is at fault.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "key_too_large",
            Self::Unrecognized => "key_unrecognized",
            Self::Unsuitable { .. } => "key_unsuitable",
            Self::Encrypted => "key_encrypted",
            Self::OpenSsh => "key_openssh",
            Self::ParametersOnly => "key_parameters_only",
            Self::Pem(_) => "key_pem",
            Self::SeveralBlocks { .. } => "key_pem_several",
            Self::Label(_) => "key_pem_label",
            Self::Der(_) => "key_der",
            Self::KeyType(_) => "key_type",
            Self::Json(_) => "key_json",
            Self::Key(reason) => reason.code(),
            Self::Certificate(_) => "key_certificate",
            Self::Inconsistent => "key_private_invalid",
            Self::SeedMissing => "key_seed_missing",
            Self::FormUnavailable { .. } => "key_form_unavailable",
            Self::AlgorithmUnfit { .. } => "key_algorithm_unfit",
            Self::Bits(_) => "key_bits",
            Self::Crypto => "key_crypto",
        }
    }
}

impl From<aws_lc_rs::error::Unspecified> for KeyError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Crypto
    }
}
