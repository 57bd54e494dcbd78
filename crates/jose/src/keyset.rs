//! JSON Web Key Sets (RFC 7517 §5): parsed as a whole or not at all, key by key, and the choice of a token's key.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::headers::Headers;
use crate::json::{self, Duplicates, JsonError, Value};
use crate::jwk::{Origin, RawJwk, UsableJwk};
use crate::limits::{KEY_SET_BYTES_MAX, KEYS_MAX};
use crate::token::Header;
use crate::{Algorithm, Certificate, Family, KeySetError, PublicKey, Refusal, SkipReason, Thumbprint};

/// A key set, ready to verify with: every usable key is parsed, checked and prepared once.
pub struct KeySet {
    keys: Vec<PublishedKey>,
    skipped: Vec<SkippedKey>,
    headers: Headers,
}

/// One usable key of a set. A clone shares all that was prepared.
#[derive(Clone)]
pub struct PublishedKey {
    index: usize,
    jwk: Arc<UsableJwk>,
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
        let text = json::utf8(json)?;
        // A member that stands twice in one key spoils that key only, so duplicates are looked for key by key.
        let document = json::scan(text, Duplicates::Allowed)?;
        Self::from_elements(&elements(document)?, origin)
    }

    fn from_elements(elements: &[Value<'_>], origin: Origin) -> Result<Self, KeySetError> {
        let (mut keys, mut skipped) = (Vec::new(), Vec::new());
        for (index, element) in elements.iter().enumerate() {
            let jwk = RawJwk::read(*element);
            match jwk.usable(origin) {
                Ok(jwk) => keys.push(PublishedKey { index, jwk: Arc::new(jwk) }),
                Err(reason) => skipped.push(SkippedKey { index, key_id: jwk.key_id(), reason }),
            }
        }
        if keys.is_empty() {
            let first = skipped.first().map(|key| key.reason.clone());
            return Err(KeySetError::NoUsableKey { skipped: skipped.len(), first });
        }
        Ok(Self { keys, skipped, headers: Headers::default() })
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

    /// This set less the keys that are `gone`. With none left it verifies nothing.
    ///
    /// ```
    /// # use jwksmith_jose::KeySet;
    /// # fn demo(keys: &KeySet) {
    /// let others = keys.without(|key| key.key_id() == Some("compromised"));
    /// # }
    /// ```
    #[must_use]
    pub fn without(&self, gone: impl Fn(&PublishedKey) -> bool) -> Self {
        self.of_the_same_document(self.keys.iter().filter(|key| !gone(key)).cloned().collect())
    }

    /// This set with keys of another one, as long as it has room ([`KEYS_MAX`]).
    ///
    /// One that this set has too, of the same `kid` and the same material, is not taken twice: what this set says of it
    /// counts. One of the same `kid` and other material makes the tokens that name it ambiguous, and refused.
    #[must_use]
    pub fn with_also(&self, more: impl IntoIterator<Item = PublishedKey>) -> Self {
        let mut keys = self.keys.clone();
        for key in more {
            let is_there = |known: &PublishedKey| known.key_id() == key.key_id() && known.same_key(&key);
            if keys.len() < KEYS_MAX && !keys.iter().any(is_there) {
                keys.push(key);
            }
        }
        self.of_the_same_document(keys)
    }

    /// What is remembered of headers belongs to the keys, and is not taken along.
    fn of_the_same_document(&self, keys: Vec<PublishedKey>) -> Self {
        Self { keys, skipped: self.skipped.clone(), headers: Headers::default() }
    }

    /// The key that a token's header names (RFC 7515 §4.1.4): `kid`, and the algorithm must fit that key.
    ///
    /// Without a `kid` the set must hold exactly one key that fits (OIDC Core §10.1).
    ///
    /// # Errors
    /// A [`Refusal`] about the key.
    pub fn select(&self, header: &Header) -> Result<&PublishedKey, Refusal> {
        let mut fitting = self.keys.iter().filter(|key| key.fit(header).is_ok());
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => Err(self.why_several(header)),
            (None, _) => Err(self.why_none(header)),
        }
    }

    /// What is remembered of a token's header segment, spelt exactly so: the header, and the key that it selects.
    pub(crate) fn recall(&self, segment: &str) -> Option<(&Header, &PublishedKey)> {
        let (header, at) = self.headers.recall(segment)?;
        Some((header, self.keys.get(at)?))
    }

    /// Remembers the header segment of a token whose signature was good.
    pub(crate) fn remember(&self, segment: &str, header: &Header) {
        let mut fitting = self.keys.iter().enumerate().filter(|(_, key)| key.fit(header).is_ok());
        if let (Some((at, _)), None) = (fitting.next(), fitting.next()) {
            self.headers.remember(segment, header, at);
        }
    }

    #[cold]
    fn why_several(&self, header: &Header) -> Refusal {
        if let Some(key_id) = header.key_id() {
            return Refusal::KeyAmbiguous { key_id: key_id.to_owned() };
        }
        let candidates = self.keys.iter().filter(|key| key.fit(header).is_ok()).count();
        Refusal::KeyIdRequired { candidates }
    }

    #[cold]
    fn why_none(&self, header: &Header) -> Refusal {
        let Some(key_id) = header.key_id() else { return Refusal::KeyIdRequired { candidates: 0 } };
        let is_named = self.keys.iter().any(|key| key.key_id() == Some(key_id));
        let skipped = self.skipped.iter().find(|key| key.key_id.as_deref() == Some(key_id));
        let key_id = key_id.to_owned();
        match skipped {
            _ if is_named => Refusal::KeyAlgorithm { key_id, algorithm: header.algorithm() },
            Some(key) => Refusal::KeyUnusable { key_id, reason: key.reason.clone() },
            None => Refusal::KeyUnknown { key_id },
        }
    }
}

/// The elements of `keys`.
fn elements(document: Value<'_>) -> Result<Vec<Value<'_>>, KeySetError> {
    let mut names = BTreeSet::new();
    if let Some((twice, _)) = document.members().find(|(name, _)| !names.insert(name.clone())) {
        return Err(JsonError::DuplicateMember(twice.into_owned()).into());
    }
    let keys = document.find("keys").filter(|keys| keys.kind().is_array()).ok_or(KeySetError::KeysMissing)?;
    let elements: Vec<_> = keys.elements().take(KEYS_MAX.saturating_add(1)).collect();
    if elements.len() > KEYS_MAX { Err(KeySetError::TooManyKeys) } else { Ok(elements) }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet")
            .field("keys", &self.keys)
            .field("skipped", &self.skipped)
            .finish_non_exhaustive()
    }
}

/// Why a usable key is not the one that a header names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unfit {
    KeyId,
    Algorithm,
}

impl PublishedKey {
    /// Its place in `keys` of the document that it was read from, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Whether it may be the key that this header names (RFC 7515 §4.1.4, RFC 8725 §3.1).
    pub(crate) fn fit(&self, header: &Header) -> Result<(), Unfit> {
        if header.key_id().is_some_and(|key_id| self.key_id() != Some(key_id)) {
            return Err(Unfit::KeyId);
        }
        if self.jwk.key.fits(header.algorithm()) { Ok(()) } else { Err(Unfit::Algorithm) }
    }

    /// `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.jwk.key_id.as_deref()
    }

    /// Whether both are the same key, whatever they are called and for which algorithms they are.
    ///
    /// One `kid` for two keys is what nobody who publishes keys would do.
    pub fn same_key(&self, other: &Self) -> bool {
        self.thumbprint() == other.thumbprint()
    }

    /// Its thumbprint (RFC 7638, SHA-256). That of a shared secret lets anybody check a guess, and is not to be shown (§7).
    pub fn thumbprint(&self) -> &Thumbprint {
        &self.jwk.thumbprint
    }

    /// The key as data, to show it or to write it in another form; nothing of a shared secret.
    pub fn public_key(&self) -> Option<&PublicKey> {
        self.jwk.public.as_ref()
    }

    /// What kind of key it is.
    pub fn family(&self) -> Family {
        self.jwk.key.family()
    }

    /// The algorithms that it may be used with.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.family().algorithms().filter(|algorithm| self.jwk.key.fits(*algorithm))
    }

    /// Its certificate, if it has one; the key in it is this key.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.jwk.certificate.as_ref()
    }

    /// The member `issuer`, by which some issuers of many tenants say whose tokens the key is for; of one that is no text,
    /// what it is in words. Only policies with [`crate::Policy::issuer_template`] ask for it.
    pub fn issuer(&self) -> Option<&str> {
        self.jwk.issuer.as_deref()
    }

    /// Whether `signature` is this key's over `message`: the bare check, for what is no token.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.jwk.key.verify(algorithm, message, signature)
    }

    /// Checks the signature of a token.
    pub(crate) fn check_signature(
        &self,
        algorithm: Algorithm,
        signing_input: &str,
        signature: &[u8],
    ) -> Result<(), Refusal> {
        if self.jwk.key.verify(algorithm, signing_input.as_bytes(), signature) {
            Ok(())
        } else {
            Err(Refusal::Signature)
        }
    }
}

impl fmt::Debug for PublishedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishedKey")
            .field("key_id", &self.key_id())
            .field("family", &self.family())
            .finish_non_exhaustive()
    }
}
