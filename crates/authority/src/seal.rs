//! Sealing: how secrets rest. AES-256-GCM (NIST SP 800-38D) under one key-encryption key.
//!
//! A sealed secret is bound to its place: tenant, purpose and name are authenticated along with it, so that it opens nowhere
//! else. It names the key it was sealed under, so that a wrong key and damaged bytes are told apart. Where the
//! key-encryption key comes from is the caller's matter.
//!
//! The form: version (1 byte), key id (8), nonce (12, random), ciphertext, tag (16). Random nonces are safe for 2³² seals
//! under one key; a rotation every minute takes four thousand years to get there.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{Context, SHA256};
use jwksmith_jose::SecretBytes;
use zeroize::Zeroizing;

use crate::random::{self, RandomnessUnavailable, SECRET_BYTES};

const VERSION: u8 = 1;
const KEY_ID_BYTES: usize = 8;
const HEADER_BYTES: usize = 1 + KEY_ID_BYTES + NONCE_LEN;

/// Keep these two from ever meaning the same bytes in another use of the same key.
const SEAL_DOMAIN: &[u8] = b"jwksmith sealed secret v1";
const KEY_ID_DOMAIN: &[u8] = b"jwksmith key-encryption key id v1";

/// The key that all other secrets rest under. It cannot be printed, compared or serialized; the crypto library wipes it.
pub struct KeyEncryptionKey {
    cipher: LessSafeKey,
    id: KeyEncryptionKeyId,
}

/// Names a key-encryption key without telling anything about it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyEncryptionKeyId([u8; KEY_ID_BYTES]);

/// A secret as it rests.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

/// What a sealed secret is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// The private half of a signing key, named by its `kid`
    SigningKey,
    /// The shared secret of an API, named by its audience
    ApiSecret,
    /// Nothing but the proof that the key-encryption key is the right one
    Check,
}

/// Where a sealed secret belongs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) purpose: Purpose,
    pub(crate) name: &'a str,
}

/// Why a sealed secret does not open. Nothing is ever made in its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Another key-encryption key is needed.
    #[error(
        "it is sealed under the key-encryption key {sealed_under}, and {offered} was given: start with the one that it was sealed under"
    )]
    OtherKey {
        /// The key that it names.
        sealed_under: KeyEncryptionKeyId,
        /// The key that was tried.
        offered: KeyEncryptionKeyId,
    },
    /// The key is the right one, but the bytes were changed, or moved here from another place.
    #[error(
        "it was altered, or moved from another tenant or key, after it was sealed: restore the data from a backup"
    )]
    Damaged,
    /// These are not the bytes of a sealed secret.
    #[error("it has not the form of a sealed secret: restore the data from a backup, or update jwksmith")]
    Malformed,
}

impl SealError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OtherKey { .. } => "sealed_under_other_key",
            Self::Damaged => "sealed_damaged",
            Self::Malformed => "sealed_malformed",
        }
    }
}

/// A text that is no key-encryption key. It is not repeated here, since it may be a mistyped one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the key-encryption key must be 32 random bytes as unpadded base64url, 43 characters: check that the whole key was given"
)]
pub struct KeyEncryptionKeyMalformed;

impl KeyEncryptionKeyMalformed {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        "key_encryption_key_malformed"
    }
}

impl KeyEncryptionKey {
    /// A new key, and its text for a file that nobody else may read.
    ///
    /// # Errors
    /// [`RandomnessUnavailable`].
    pub fn generate() -> Result<(Self, KeyEncryptionKeyText), RandomnessUnavailable> {
        let bytes = random::secret()?;
        let text = Zeroizing::new(jwksmith_jose::base64url_encode(bytes.as_slice()));
        Ok((Self::from_bytes(&bytes).map_err(|_| RandomnessUnavailable)?, KeyEncryptionKeyText(text)))
    }

    /// Reads the text that [`Self::generate`] made; white space around it is fine.
    ///
    /// # Errors
    /// [`KeyEncryptionKeyMalformed`].
    pub fn parse(text: &str) -> Result<Self, KeyEncryptionKeyMalformed> {
        let bytes = decode(text.trim()).ok_or(KeyEncryptionKeyMalformed)?;
        Self::from_bytes(&bytes)
    }

    /// The key in these bytes, which the caller wipes.
    ///
    /// # Errors
    /// None in practice: every 32 bytes are a key.
    pub fn from_bytes(bytes: &[u8; SECRET_BYTES]) -> Result<Self, KeyEncryptionKeyMalformed> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| KeyEncryptionKeyMalformed)?;
        Ok(Self { cipher: LessSafeKey::new(key), id: KeyEncryptionKeyId::of(bytes) })
    }

    /// Names this key.
    pub fn id(&self) -> KeyEncryptionKeyId {
        self.id
    }

    pub(crate) fn seal(
        &self,
        place: Place<'_>,
        secret: &SecretBytes,
    ) -> Result<Sealed, RandomnessUnavailable> {
        let nonce = random::bytes::<NONCE_LEN>()?;
        let header = self.header(nonce);
        let mut ciphertext = Zeroizing::new(secret.expose().to_vec());
        self.cipher
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.associated_data(&header)),
                &mut *ciphertext,
            )
            .map_err(|_| RandomnessUnavailable)?;
        Ok(Sealed([header.as_slice(), ciphertext.as_slice()].concat()))
    }

    pub(crate) fn open(&self, place: Place<'_>, sealed: &Sealed) -> Result<SecretBytes, SealError> {
        let (header, ciphertext) = sealed.0.split_at_checked(HEADER_BYTES).ok_or(SealError::Malformed)?;
        let (sealed_under, nonce) = read_header(header)?;
        if sealed_under != self.id {
            return Err(SealError::OtherKey { sealed_under, offered: self.id });
        }
        let mut secret = Zeroizing::new(ciphertext.to_vec());
        let opened = self
            .cipher
            .open_in_place(nonce, Aad::from(place.associated_data(header)), &mut secret)
            .map_err(|_| SealError::Damaged)?;
        Ok(opened.to_vec().into())
    }

    fn header(&self, nonce: [u8; NONCE_LEN]) -> Vec<u8> {
        [&[VERSION], self.id.0.as_slice(), &nonce].concat()
    }
}

/// The text of a new key-encryption key; wiped when dropped.
pub struct KeyEncryptionKeyText(Zeroizing<String>);

impl KeyEncryptionKeyText {
    /// The text itself: for the file, and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl KeyEncryptionKeyId {
    /// A digest of 256 random bits tells nothing about them.
    fn of(bytes: &[u8; SECRET_BYTES]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(KEY_ID_DOMAIN);
        context.update(bytes);
        let mut id = [0; KEY_ID_BYTES];
        for (to, from) in id.iter_mut().zip(context.finish().as_ref()) {
            *to = *from;
        }
        Self(id)
    }
}

impl fmt::Display for KeyEncryptionKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyEncryptionKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Sealed {
    /// The bytes, to be stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Sealed {
    /// Stored bytes. Whether they are any good shows when they are opened.
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::SigningKey => "signing-key",
            Self::ApiSecret => "api-secret",
            Self::Check => "check",
        }
    }
}

impl Place<'_> {
    /// Each part with its length before it, so that no two places have the same bytes.
    fn associated_data(&self, header: &[u8]) -> Vec<u8> {
        let parts = [
            SEAL_DOMAIN,
            header,
            self.tenant.as_bytes(),
            self.purpose.name().as_bytes(),
            self.name.as_bytes(),
        ];
        let mut data = Vec::new();
        for part in parts {
            data.extend_from_slice(&part.len().to_be_bytes());
            data.extend_from_slice(part);
        }
        data
    }
}

fn read_header(header: &[u8]) -> Result<(KeyEncryptionKeyId, Nonce), SealError> {
    let rest = header.strip_prefix(&[VERSION]).ok_or(SealError::Malformed)?;
    let (id, nonce) = rest.split_first_chunk::<KEY_ID_BYTES>().ok_or(SealError::Malformed)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Malformed)?;
    Ok((KeyEncryptionKeyId(*id), nonce))
}

fn decode(text: &str) -> Option<Zeroizing<[u8; SECRET_BYTES]>> {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let bytes = Zeroizing::new(engine.decode(text).ok()?);
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_not_impl_any!(KeyEncryptionKey: fmt::Debug, Clone, PartialEq, serde::Serialize);
    static_assertions::assert_not_impl_any!(KeyEncryptionKeyText: fmt::Debug, Clone, PartialEq, serde::Serialize);

    const SECRET: &[u8] = b"the private half";
    const PLACE: Place<'_> = Place { tenant: "t1", purpose: Purpose::SigningKey, name: "k1" };

    fn key(byte: u8) -> KeyEncryptionKey {
        KeyEncryptionKey::from_bytes(&[byte; 32]).unwrap()
    }

    fn sealed() -> Sealed {
        key(1).seal(PLACE, &SECRET.to_vec().into()).unwrap()
    }

    fn opened(key: &KeyEncryptionKey, place: Place<'_>, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        key.open(place, sealed).map(|secret| secret.expose().to_vec())
    }

    #[test]
    fn sealed_secret_opens_in_its_own_place_only() {
        assert_eq!(opened(&key(1), PLACE, &sealed()), Ok(SECRET.to_vec()));
        let elsewhere = [
            Place { tenant: "t2", ..PLACE },
            Place { tenant: "", ..PLACE },
            Place { name: "k2", ..PLACE },
            Place { name: "", ..PLACE },
            Place { purpose: Purpose::ApiSecret, ..PLACE },
            Place { purpose: Purpose::Check, ..PLACE },
            // The same letters, cut elsewhere.
            Place { tenant: "t", purpose: Purpose::SigningKey, name: "1k1" },
        ];
        for place in elsewhere {
            assert_eq!(opened(&key(1), place, &sealed()), Err(SealError::Damaged), "{place:?}");
        }
    }

    #[test]
    fn sealed_secret_under_another_key_names_both() {
        let error = opened(&key(2), PLACE, &sealed()).unwrap_err();
        assert_eq!(error, SealError::OtherKey { sealed_under: key(1).id(), offered: key(2).id() });
        assert!(error.to_string().contains(&key(1).id().to_string()), "{error}");
    }

    #[test]
    fn sealed_secret_with_any_bit_changed_does_not_open() {
        let sealed = sealed();
        for index in 0..sealed.0.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed.0[index] ^= 1 << bit;
                let expected = match index {
                    0 => "sealed_malformed",
                    1..=8 => "sealed_under_other_key",
                    _ => "sealed_damaged",
                };
                let error = opened(&key(1), PLACE, &changed).unwrap_err();
                assert_eq!(error.code(), expected, "byte {index} bit {bit}");
            }
        }
    }

    #[test]
    fn sealed_secret_of_another_length_does_not_open() {
        let sealed = sealed();
        for length in 0..sealed.0.len() {
            let cut = Sealed(sealed.0[..length].to_vec());
            let expected = if length < HEADER_BYTES { SealError::Malformed } else { SealError::Damaged };
            assert_eq!(opened(&key(1), PLACE, &cut), Err(expected), "{length} bytes");
        }
        let longer = Sealed([sealed.0.as_slice(), &[0]].concat());
        assert_eq!(opened(&key(1), PLACE, &longer), Err(SealError::Damaged));
    }

    #[test]
    fn sealing_twice_gives_different_bytes() {
        assert_ne!(sealed(), sealed());
        assert!(!sealed().as_bytes().windows(SECRET.len()).any(|window| window == SECRET));
        assert_eq!(format!("{:?}", sealed()), "Sealed(53 bytes)");
    }

    #[test]
    fn key_text_is_read_back_and_nothing_else_is() {
        let (key, text) = KeyEncryptionKey::generate().unwrap();
        let text = text.expose();
        for good in [text.to_owned(), format!("{text}\n"), format!("  {text}\r\n")] {
            assert!(KeyEncryptionKey::parse(&good).unwrap().id() == key.id());
        }
        let bad = [
            String::new(),
            "\n".to_owned(),
            text[1..].to_owned(),
            format!("{text}A"),
            format!("{text}="),
            format!("{} {}", &text[..20], &text[20..]),
            "/".repeat(43),
            "f".repeat(64),
        ];
        for bad in bad {
            assert!(KeyEncryptionKey::parse(&bad).is_err(), "{} characters", bad.len());
        }
    }
}
