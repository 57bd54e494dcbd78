//! JSON Web Key Sets (RFC 7517 §5): parsed as a whole or not at all, key by key, and the choice of a token's key.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::json::{self, JsonError, Name, Names, visit_other_kinds};
use crate::jwk::{Origin, RawJwk, UsableJwk};
use crate::key::VerifyingKey;
use crate::limits::{KEY_SET_BYTES_MAX, KEYS_MAX};
use crate::token::{Header, Token};
use crate::{Algorithm, Certificate, Family, KeySetError, Refusal, SkipReason};

/// A key set, ready to verify with: every usable key is parsed, checked and prepared once.
pub struct KeySet {
    keys: Vec<PublishedKey>,
    skipped: Vec<SkippedKey>,
}

/// One usable key of a set.
pub struct PublishedKey {
    key_id: Option<String>,
    key: VerifyingKey,
    certificate: Option<Certificate>,
}

/// One key of a set that is not used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SkippedKey {
    /// Its place in `keys`, from 0
    pub index: usize,
    /// Its `kid`, if it has one
    pub key_id: Option<String>,
    /// Why it is not used
    pub reason: SkipReason,
}

impl KeySet {
    /// Reads a key set as an issuer publishes it.
    ///
    /// A key that cannot be used is skipped with its reason; RFC 7517 §5 wants unknown kinds ignored. A document that is
    /// malformed, or has no usable key at all, is refused whole. So is one that is not I-JSON (RFC 7493): a number beyond
    /// the range of a double, or half a surrogate pair, stops every reader somewhere else.
    ///
    /// # Errors
    /// [`KeySetError`].
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        Self::parse_from(json, Origin::Published)
    }

    /// Reads a key set from the operator's own file, where shared secrets (`kty: oct`) are welcome.
    ///
    /// Never for a key set that came over the network: a published secret is no secret.
    ///
    /// # Errors
    /// [`KeySetError`].
    pub fn parse_local(json: &[u8]) -> Result<Self, KeySetError> {
        Self::parse_from(json, Origin::Local)
    }

    fn parse_from(json: &[u8], origin: Origin) -> Result<Self, KeySetError> {
        if json.len() > KEY_SET_BYTES_MAX {
            return Err(KeySetError::TooLarge { bytes: json.len() });
        }
        // A member that stands twice in one key spoils that key only, so duplicates are looked for key by key.
        let text = json::check_bounds(json)?;
        let raw: RawKeySet<'_> =
            serde_json::from_str(text).map_err(|error| JsonError::Shape(json::told(&error)))?;
        Self::from_raw(raw, origin)
    }

    fn from_raw(raw: RawKeySet<'_>, origin: Origin) -> Result<Self, KeySetError> {
        if let Some(name) = raw.duplicate {
            return Err(JsonError::DuplicateMember(name).into());
        }
        let raw_keys = match raw.keys {
            RawKeys::Absent | RawKeys::NotAnArray => return Err(KeySetError::KeysMissing),
            RawKeys::TooMany => return Err(KeySetError::TooManyKeys),
            RawKeys::Some(keys) => keys,
        };
        let (mut keys, mut skipped) = (Vec::new(), Vec::new());
        for (index, jwk) in raw_keys.iter().enumerate() {
            match jwk.usable(origin) {
                Ok(UsableJwk { key_id, key, certificate }) => {
                    keys.push(PublishedKey { key_id, key, certificate });
                }
                Err(reason) => skipped.push(SkippedKey { index, key_id: jwk.key_id(), reason }),
            }
        }
        if keys.is_empty() {
            let first = skipped.first().map(|key| key.reason.clone());
            return Err(KeySetError::NoUsableKey { skipped: skipped.len(), first });
        }
        Ok(Self { keys, skipped })
    }

    /// The usable keys, in the order of the document.
    pub fn keys(&self) -> &[PublishedKey] {
        &self.keys
    }

    /// The keys that are not used, each with its reason.
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }

    /// Whether a usable or a skipped key has this `kid`.
    pub fn knows(&self, key_id: &str) -> bool {
        let same = |known: Option<&str>| known == Some(key_id);
        self.keys.iter().any(|key| same(key.key_id()))
            || self.skipped.iter().any(|key| same(key.key_id.as_deref()))
    }

    /// The key that a token's header names (RFC 7515 §4.1.4): `kid`, and the algorithm must fit that key.
    ///
    /// Without a `kid` the set must hold exactly one key that fits (OIDC Core §10.1).
    ///
    /// # Errors
    /// A [`Refusal`] about the key.
    pub fn select(&self, header: &Header) -> Result<&PublishedKey, Refusal> {
        let algorithm = header.algorithm();
        match header.key_id() {
            Some(key_id) => self.select_by_id(key_id, algorithm),
            None => self.select_only(algorithm),
        }
    }

    fn select_by_id(&self, key_id: &str, algorithm: Algorithm) -> Result<&PublishedKey, Refusal> {
        let mut named = self.keys.iter().filter(|key| key.key_id() == Some(key_id)).peekable();
        if named.peek().is_none() {
            return Err(self.why_absent(key_id));
        }
        let key_id = || key_id.to_owned();
        let mut fitting = named.filter(|key| key.key.fits(algorithm));
        let key = fitting.next().ok_or_else(|| Refusal::KeyAlgorithm { key_id: key_id(), algorithm })?;
        match fitting.next() {
            Some(_) => Err(Refusal::KeyAmbiguous { key_id: key_id() }),
            None => Ok(key),
        }
    }

    fn select_only(&self, algorithm: Algorithm) -> Result<&PublishedKey, Refusal> {
        let fitting: Vec<_> = self.keys.iter().filter(|key| key.key.fits(algorithm)).collect();
        match fitting.as_slice() {
            [only] => Ok(only),
            several => Err(Refusal::KeyIdRequired { candidates: several.len() }),
        }
    }

    fn why_absent(&self, key_id: &str) -> Refusal {
        let skipped = self.skipped.iter().find(|key| key.key_id.as_deref() == Some(key_id));
        let key_id = key_id.to_owned();
        match skipped {
            Some(key) => Refusal::KeyUnusable { key_id, reason: key.reason.clone() },
            None => Refusal::KeyUnknown { key_id },
        }
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet").field("keys", &self.keys).field("skipped", &self.skipped).finish()
    }
}

impl PublishedKey {
    /// `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// What kind of key it is.
    pub fn family(&self) -> Family {
        self.key.family()
    }

    /// The algorithms that it may be used with.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.family().algorithms().filter(|algorithm| self.key.fits(*algorithm))
    }

    /// Its certificate, if it has one; the key in it is this key.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// Checks a token's signature.
    pub(crate) fn check_signature(&self, token: &Token<'_>) -> Result<(), Refusal> {
        let algorithm = token.header().algorithm();
        if self.key.verify(algorithm, token.signing_input(), token.signature()) {
            Ok(())
        } else {
            Err(Refusal::Signature)
        }
    }
}

impl fmt::Debug for PublishedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishedKey")
            .field("key_id", &self.key_id)
            .field("family", &self.family())
            .finish_non_exhaustive()
    }
}

/// The document before its keys are judged.
#[derive(Default)]
struct RawKeySet<'a> {
    keys: RawKeys<'a>,
    duplicate: Option<String>,
}

/// `keys`, as it came.
#[derive(Default)]
enum RawKeys<'a> {
    #[default]
    Absent,
    NotAnArray,
    /// More than [`KEYS_MAX`]
    TooMany,
    Some(Vec<RawJwk<'a>>),
}

impl<'de> Deserialize<'de> for RawKeySet<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RawKeySetVisitor)
    }
}

struct RawKeySetVisitor;

impl<'de> Visitor<'de> for RawKeySetVisitor {
    type Value = RawKeySet<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key set object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawKeySet<'de>, A::Error> {
        let mut set = RawKeySet::default();
        let mut seen = Names::default();
        while let Some(Name(name)) = map.next_key()? {
            if name == "keys" {
                set.keys = map.next_value()?;
            } else {
                // RFC 7517 §5: additional members are ignored.
                map.next_value::<IgnoredAny>()?;
            }
            if let Some(twice) = seen.insert(name) {
                set.duplicate.get_or_insert_with(|| twice.into_owned());
            }
        }
        Ok(set)
    }
}

impl<'de> Deserialize<'de> for RawKeys<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawKeysVisitor)
    }
}

struct RawKeysVisitor;

impl<'de> Visitor<'de> for RawKeysVisitor {
    type Value = RawKeys<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of keys in `keys`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawKeys<'de>, A::Error> {
        let mut keys = Vec::new();
        while keys.len() < KEYS_MAX {
            match seq.next_element::<RawJwk<'de>>()? {
                Some(jwk) => keys.push(jwk),
                None => return Ok(RawKeys::Some(keys)),
            }
        }
        let mut more = false;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            more = true;
        }
        Ok(if more { RawKeys::TooMany } else { RawKeys::Some(keys) })
    }

    visit_other_kinds!(RawKeys<'de>, object, text, scalars => |_, _| Ok(RawKeys::NotAnArray));
}
