//! From a text to a [`Verified`] value: the one way to get one.

use serde::de::DeserializeOwned;

use crate::{Algorithm, KeySet, Policy, Refusal, Token, UnixTime, json};

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

/// Verifies a compact token against a key set at `now`.
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
    verify_parsed(&Token::parse(token)?, keys, policy, now)
}

/// Verifies a token that is parsed already.
///
/// # Errors
/// As [`verify`].
pub fn verify_parsed<T: DeserializeOwned>(
    token: &Token<'_>,
    keys: &KeySet,
    policy: &Policy,
    now: UnixTime,
) -> Result<Verified<T>, Refusal> {
    policy.check_header(token.header())?;
    keys.select(token.header())?.check_signature(token)?;
    policy.check_claims(token, now)?;
    let claims =
        serde_json::from_str(token.claims()).map_err(|error| Refusal::ClaimsShape(json::told(&error)))?;
    Ok(Verified {
        claims,
        algorithm: token.header().algorithm(),
        key_id: token.header().key_id().map(str::to_owned),
    })
}
