//! The thumbprint of a key: a name that follows from its numbers alone (RFC 7638), and the URI form of it (RFC 9278).
//!
//! It is the same for both halves of a key, and whatever form the key came in. Of a shared secret it is a digest of the
//! secret: nobody finds a good secret from it, but whoever guesses one can check the guess (RFC 7638 §7).

use std::fmt;

use aws_lc_rs::digest;
use zeroize::Zeroizing;

use crate::public::PublicNumbers;
use crate::{Family, PrivateKey, PublicKey, SecretBytes, base64url};

/// The hash of a thumbprint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum ThumbprintHash {
    /// SHA-256: the one that everybody means
    #[default]
    Sha256,
    /// SHA-384
    Sha384,
    /// SHA-512
    Sha512,
}

impl ThumbprintHash {
    /// Every hash.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// Its name in the registry "Named Information Hash Algorithm", as `sha-256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

/// A thumbprint; its text is base64url.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thumbprint {
    hash: ThumbprintHash,
    digest: Vec<u8>,
}

impl Thumbprint {
    /// The digest itself.
    pub fn as_bytes(&self) -> &[u8] {
        &self.digest
    }

    /// The URI form (RFC 9278 §3), as `urn:ietf:params:oauth:jwk-thumbprint:sha-256:…`.
    pub fn uri(&self) -> String {
        format!("urn:ietf:params:oauth:jwk-thumbprint:{}:{self}", self.hash.name())
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&base64url::encode(&self.digest))
    }
}

impl PublicKey {
    /// The thumbprint of this key.
    pub fn thumbprint(&self, hash: ThumbprintHash) -> Thumbprint {
        of_public(self.numbers(), hash)
    }
}

impl PrivateKey {
    /// The thumbprint of this key, which is that of its public half.
    pub fn thumbprint(&self, hash: ThumbprintHash) -> Thumbprint {
        match self.numbers() {
            Some(numbers) => of_public(numbers, hash),
            None => of_secret(self.secret_bytes(), hash),
        }
    }
}

/// The thumbprint of a shared secret.
pub(crate) fn of_secret(secret: &SecretBytes, hash: ThumbprintHash) -> Thumbprint {
    compute(hash, vec![("k", Value::Bytes(secret.expose()))], Family::Secret)
}

fn of_public(numbers: &PublicNumbers, hash: ThumbprintHash) -> Thumbprint {
    let family = numbers.family();
    let mut members: Vec<_> =
        numbers.members().into_iter().map(|(name, number)| (name, Value::Bytes(number))).collect();
    if let Some(curve) = family.curve() {
        members.push(("crv", Value::Text(curve)));
    }
    // RFC 9964 §5: `alg` is required of such a key, and so part of its thumbprint.
    if let Some(algorithm) = family.algorithms().next().filter(|_| family.is_named_by_algorithm()) {
        members.push(("alg", Value::Text(algorithm.name())));
    }
    compute(hash, members, family)
}

/// A required member.
enum Value<'a> {
    Text(&'static str),
    Bytes(&'a [u8]),
}

/// RFC 7638 §3.3: the required members in lexicographic order, without blanks. None of them needs an escape.
fn compute(hash: ThumbprintHash, mut members: Vec<(&'static str, Value<'_>)>, family: Family) -> Thumbprint {
    members.push(("kty", Value::Text(family.key_type())));
    members.sort_by_key(|(name, _)| *name);
    let mut digest = digest::Context::new(hash.algorithm());
    let mut before = "{\"";
    for (name, value) in members {
        // A secret is among the values: what it is written into is wiped.
        let value = Zeroizing::new(match value {
            Value::Text(text) => text.to_owned(),
            Value::Bytes(bytes) => base64url::encode(bytes),
        });
        for part in [before, name, "\":\"", &value, "\""] {
            digest.update(part.as_bytes());
        }
        before = ",\"";
    }
    digest.update(b"}");
    Thumbprint { hash, digest: digest.finish().as_ref().to_vec() }
}
