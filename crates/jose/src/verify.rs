//! From a text to a [`Verified`] value: the one way to get one.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::json::{self, Document, Member};
use crate::keyset::PublishedKey;
use crate::token::{Header, Part, Segments, SignatureMemory};
use crate::{Algorithm, KeySet, Policy, Refusal, UnixTime};

/// Claims of a token whose signature and claims were checked. Nothing else makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified<T> {
    claims: T,
    algorithm: Algorithm,
    key_id: Option<String>,
}

impl<T> Verified<T> {
    /// The claims.
    pub fn claims(&self) -> &T {
        &self.claims
    }

    /// The claims, taken out.
    pub fn into_claims(self) -> T {
        self.claims
    }

    /// The algorithm that the token was signed with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `kid` that the token named.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }
}

/// Verifies a compact token against a key set at `now`, and reads its claims as `T`.
///
/// # Errors
/// The first [`Refusal`], in this order: form, header, key, signature, claims. Nothing about the claims is said before the
/// signature has proved that they are the issuer's.
pub fn verify<T: DeserializeOwned>(
    token: &str,
    keys: &KeySet,
    policy: &Policy,
    now: UnixTime,
) -> Result<Verified<T>, Refusal> {
    verify_token(token, keys, policy, now)?.into_verified()
}

/// Verifies a compact token against a key set at `now`, and keeps its claims as they were signed.
///
/// This is for who wants claims that borrow instead of copies:
///
/// ```
/// use jwksmith_jose::{KeySet, Policy, UnixTime, verify_token};
///
/// #[derive(serde::Deserialize)]
/// struct Claims<'t> {
///     sub: &'t str,
/// }
///
/// # fn demo(token: &str, keys: &KeySet, policy: &Policy, now: UnixTime) -> Result<(), Box<dyn std::error::Error>> {
/// let token = verify_token(token, keys, policy, now)?;
/// let claims: Claims<'_> = token.claims()?;
/// println!("called by {}", claims.sub);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`verify`], but for the shape of the claims.
pub fn verify_token(
    token: &str,
    keys: &KeySet,
    policy: &Policy,
    now: UnixTime,
) -> Result<VerifiedToken, Refusal> {
    let segments = policy.split(token)?;
    match keys.recall(segments.header) {
        Some((header, key)) => verify_segments(&segments, header, |_| Ok(key), policy, now),
        None => {
            let header = Header::parse(segments.header)?;
            let token = verify_segments(&segments, &header, |header| keys.select(header), policy, now)?;
            // Only now: what nobody has signed shall not fill the memory.
            keys.remember(segments.header, header);
            Ok(token)
        }
    }
}

/// Checks what can be checked without keys: a refusal is final, whatever the keys; anything else proves nothing.
///
/// It spares a fetch for a token that no key could save.
///
/// # Errors
/// A [`Refusal`] about the form, the header or the claims.
pub fn preflight(token: &str, policy: &Policy, now: UnixTime) -> Result<(), Refusal> {
    let segments = policy.split(token)?;
    let header = Header::parse(segments.header)?;
    let claims = segments.decode_claims(0)?;
    segments.decode_signature(&mut SignatureMemory::default())?;
    policy.check_header(&header)?;
    let text = json::utf8(&claims).map_err(claims_json)?;
    let mut members = Vec::new();
    json::index(text, &mut members).map_err(claims_json)?;
    policy.check_claims(Document::new(text, &members), now)
}

/// A token whose signature and claims were checked, with its claims as they were signed. Nothing else makes one.
pub struct VerifiedToken {
    /// The claims, and behind them the `kid`: one piece of memory for both.
    text: String,
    claims_bytes: usize,
    members: Vec<Member>,
    algorithm: Algorithm,
    has_key_id: bool,
}

impl VerifiedToken {
    /// The claims as the caller's own type, which may borrow from this token.
    ///
    /// ```compile_fail
    /// # use jwksmith_jose::VerifiedToken;
    /// fn outlives(token: VerifiedToken) -> std::collections::BTreeMap<&'static str, u64> {
    ///     token.claims().unwrap() // does not compile: the claims are the token's
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Refusal::ClaimsShape`] if `T` does not fit the claims.
    pub fn claims<'t, T: Deserialize<'t>>(&'t self) -> Result<T, Refusal> {
        Document::new(self.claims_json(), &self.members).deserialize().map_err(Refusal::ClaimsShape)
    }

    /// The claims as the JSON text that was signed.
    pub fn claims_json(&self) -> &str {
        self.text.get(..self.claims_bytes).unwrap_or_default()
    }

    /// The algorithm that the token was signed with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `kid` that the token named.
    pub fn key_id(&self) -> Option<&str> {
        self.text.get(self.claims_bytes..).filter(|_| self.has_key_id)
    }

    /// The claims as a type of its own.
    ///
    /// # Errors
    /// [`Refusal::ClaimsShape`] if `T` does not fit the claims.
    pub fn into_verified<T: DeserializeOwned>(self) -> Result<Verified<T>, Refusal> {
        let claims = self.claims()?;
        Ok(Verified { claims, algorithm: self.algorithm, key_id: self.key_id().map(str::to_owned) })
    }
}

impl fmt::Debug for VerifiedToken {
    /// Shows no claim: they are the subject's own affair, and not the log's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedToken")
            .field("algorithm", &self.algorithm)
            .field("key_id", &self.key_id())
            .finish_non_exhaustive()
    }
}

/// So many members of a token are indexed without a second piece of memory.
const MEMBERS_USUAL: usize = 16;

fn verify_segments<'k, 'h>(
    segments: &Segments<'_>,
    header: &'h Header,
    select: impl FnOnce(&'h Header) -> Result<&'k PublishedKey, Refusal>,
    policy: &Policy,
    now: UnixTime,
) -> Result<VerifiedToken, Refusal> {
    let key_id = header.key_id();
    let claims = segments.decode_claims(key_id.map_or(0, str::len))?;
    let mut memory = SignatureMemory::default();
    let signature = segments.decode_signature(&mut memory)?;
    policy.check_header(header)?;
    select(header)?.check_signature(header.algorithm(), segments.signing_input, signature)?;
    let mut text = String::from_utf8(claims).map_err(|_| claims_json(json::JsonError::NotUtf8))?;
    let mut members = Vec::with_capacity(MEMBERS_USUAL);
    json::index(&text, &mut members).map_err(claims_json)?;
    policy.check_claims(Document::new(&text, &members), now)?;
    let claims_bytes = text.len();
    text.push_str(key_id.unwrap_or_default());
    let algorithm = header.algorithm();
    Ok(VerifiedToken { text, claims_bytes, members, algorithm, has_key_id: key_id.is_some() })
}

fn claims_json(error: json::JsonError) -> Refusal {
    Refusal::Json { part: Part::Claims, error }
}
