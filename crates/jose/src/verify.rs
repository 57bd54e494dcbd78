//! From a text to a [`Verified`] value: the one way to get one.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::claims::{RawClaims, Times};
use crate::json;
use crate::key_id::KeyId;
use crate::keyset::PublishedKey;
use crate::token::{Header, Part, Segments};
use crate::{Algorithm, KeySet, Memory, Policy, Refusal, UnixTime};

/// Claims of a token whose signature and claims were checked. Nothing else makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified<T> {
    claims: T,
    algorithm: Algorithm,
    key_id: Option<KeyId>,
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
        self.key_id.as_ref().map(KeyId::as_str)
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
    verify_in(&mut Memory::new(), token, keys, policy, now)
}

/// The same with claims that borrow, from memory that is used again for the next token. This is the fastest way.
///
/// ```
/// use jwksmith_jose::{KeySet, Memory, Policy, UnixTime, verify_in};
///
/// #[derive(serde::Deserialize)]
/// struct Claims<'m> {
///     sub: &'m str,
/// }
///
/// # fn demo(tokens: &[&str], keys: &KeySet, policy: &Policy, now: UnixTime) -> Result<(), Box<dyn std::error::Error>> {
/// let mut memory = Memory::new();
/// for token in tokens {
///     let verified = verify_in::<Claims<'_>>(&mut memory, token, keys, policy, now)?;
///     println!("called by {}", verified.claims().sub);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`verify`].
pub fn verify_in<'m, T: Deserialize<'m>>(
    memory: &'m mut Memory,
    token: &str,
    keys: &KeySet,
    policy: &Policy,
    now: UnixTime,
) -> Result<Verified<T>, Refusal> {
    checked(memory, token, (keys, policy, now), |header, judged| {
        let claims = judged.claims.map_err(Refusal::ClaimsShape)?;
        Ok(Verified { claims, algorithm: header.algorithm(), key_id: header.key_id().map(KeyId::from) })
    })
}

/// Verifies a compact token against a key set at `now`, and keeps its claims as they were signed.
///
/// ```
/// # use jwksmith_jose::{KeySet, Policy, UnixTime, verify_token};
/// # fn demo(token: &str, keys: &KeySet, policy: &Policy, now: UnixTime) -> Result<(), Box<dyn std::error::Error>> {
/// let token = verify_token(token, keys, policy, now)?;
/// println!("{}", token.claims_json());
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
    checked(&mut Memory::new(), token, (keys, policy, now), |header, judged: Judged<'_, IgnoredAny>| {
        Ok(VerifiedToken {
            claims_json: judged.text.into(),
            times: judged.times,
            algorithm: header.algorithm(),
            key_id: header.key_id().map(KeyId::from),
        })
    })
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
    let mut memory = Memory::new();
    let (claims, _) = segments.decode(&mut memory)?;
    policy.check_header(&header)?;
    check_claims::<IgnoredAny>(claims, None, (policy, now)).map(drop)
}

/// A token whose signature and claims were checked, with its claims as they were signed. Nothing else makes one.
///
/// It can be kept, and its clones share the claims: whoever shows the same token again need not wait for a signature to be
/// checked, as long as [`Self::check_times`] is content and the key is still published.
#[derive(Clone)]
pub struct VerifiedToken {
    claims_json: Arc<str>,
    times: Times,
    algorithm: Algorithm,
    key_id: Option<KeyId>,
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
        json::read(&self.claims_json, &mut json::NoPlaces).map_err(claims_json)?.map_err(Refusal::ClaimsShape)
    }

    /// The claims as the caller's own type, in the proof that they were verified.
    ///
    /// # Errors
    /// [`Refusal::ClaimsShape`] if `T` does not fit the claims.
    pub fn verified<'t, T: Deserialize<'t>>(&'t self) -> Result<Verified<T>, Refusal> {
        Ok(Verified { claims: self.claims()?, algorithm: self.algorithm, key_id: self.key_id.clone() })
    }

    /// Checks at `now` what time alone can have turned since the token was verified with this policy: `exp`, `nbf`, `iat`,
    /// and what the kind of token demands of `auth_time` and of its lifetime. It takes a few nanoseconds.
    ///
    /// That the policy was another one, or that the key was withdrawn, it cannot find out.
    ///
    /// ```
    /// # use jwksmith_jose::{Policy, Refusal, UnixTime, VerifiedToken};
    /// # fn demo(kept: &VerifiedToken, policy: &Policy, now: UnixTime) -> Result<(), Refusal> {
    /// kept.check_times(policy, now)?;
    /// println!("still good: {}", kept.claims_json());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The [`Refusal`] with which [`verify`] would refuse the token at `now`.
    pub fn check_times(&self, policy: &Policy, now: UnixTime) -> Result<(), Refusal> {
        policy.check_times(&self.times, now)
    }

    /// About how much memory it takes, in bytes, with the claims that its clones share.
    pub fn bytes(&self) -> usize {
        let elsewhere = self.claims_json.len().saturating_add(self.key_id().map_or(0, str::len));
        size_of::<Self>().saturating_add(SHARED_BYTES).saturating_add(elsewhere)
    }

    /// The claims as the JSON text that was signed.
    pub fn claims_json(&self) -> &str {
        &self.claims_json
    }

    /// The algorithm that the token was signed with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `kid` that the token named.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_ref().map(KeyId::as_str)
    }
}

/// What sharing takes: two counters.
const SHARED_BYTES: usize = 2 * size_of::<usize>();

impl fmt::Debug for VerifiedToken {
    /// Shows no claim: they are the subject's own affair, and not the log's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedToken")
            .field("algorithm", &self.algorithm)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// The claims of a token that is in order.
struct Judged<'m, T> {
    text: &'m str,
    /// In words why `T` does not fit, if it does not.
    claims: Result<T, String>,
    times: Times,
}

/// Lets `finish` make something of a token that is in order.
fn checked<'m, T: Deserialize<'m>, R>(
    memory: &'m mut Memory,
    token: &str,
    (keys, policy, now): (&KeySet, &Policy, UnixTime),
    finish: impl FnOnce(&Header, Judged<'m, T>) -> Result<R, Refusal>,
) -> Result<R, Refusal> {
    let segments = policy.split(token)?;
    if let Some((header, key)) = keys.recall(segments.header) {
        let judged = judged(memory, &segments, header, |_| Ok(key), (policy, now))?;
        return finish(header, judged);
    }
    let header = Header::parse(segments.header)?;
    let judged = judged(memory, &segments, &header, |header| keys.select(header), (policy, now))?;
    // Only now: what nobody has signed shall not fill the memory.
    keys.remember(segments.header, &header);
    finish(&header, judged)
}

#[inline]
fn judged<'m, 'k, 'h, T: Deserialize<'m>>(
    memory: &'m mut Memory,
    segments: &Segments<'_>,
    header: &'h Header,
    select: impl FnOnce(&'h Header) -> Result<&'k PublishedKey, Refusal>,
    (policy, now): (&Policy, UnixTime),
) -> Result<Judged<'m, T>, Refusal> {
    let (claims, signature) = segments.decode(memory)?;
    policy.check_header(header)?;
    let key = select(header)?;
    key.check_signature(header.algorithm(), segments.signing_input, signature)?;
    check_claims(claims, Some(key), (policy, now))
}

#[inline]
fn check_claims<'m, T: Deserialize<'m>>(
    claims: &'m [u8],
    key: Option<&PublishedKey>,
    (policy, now): (&Policy, UnixTime),
) -> Result<Judged<'m, T>, Refusal> {
    let text = json::utf8(claims).map_err(claims_json)?;
    let mut registered = RawClaims::default();
    let claims = json::read(text, &mut registered).map_err(claims_json)?;
    let times = policy.check_claims(&registered, text, key, now)?;
    Ok(Judged { text, claims, times })
}

#[cold]
fn claims_json(error: json::JsonError) -> Refusal {
    Refusal::Json { part: Part::Claims, error }
}
