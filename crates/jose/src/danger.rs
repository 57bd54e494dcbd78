//! Reading a token that nobody has verified.
//!
//! Everybody can write such a token, so nothing in it may decide anything. [`decode_unverified`] is for debugging tools;
//! [`issuer`] is for finding the policy that the token is then verified with.

use std::borrow::Cow;

use crate::limits::{HEADER_BYTES_MAX, TOKEN_BYTES_MAX};
use crate::token::{Part, Segments, decode_text};
use crate::{Memory, Refusal, base64url, claims, json};

/// The decoded header and claims of a token, as JSON texts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnverifiedToken {
    /// The header, as it was written
    pub header: String,
    /// The claims, as they were written
    pub claims: String,
}

/// Decodes a token without verifying anything.
///
/// # Errors
/// A [`Refusal`] if the text is not of a token's form, or if its header or claims are not strict JSON objects.
pub fn decode_unverified(token: &str) -> Result<UnverifiedToken, Refusal> {
    let segments = Segments::split(token, TOKEN_BYTES_MAX)?;
    Ok(UnverifiedToken {
        header: text(Part::Header, segments.header, HEADER_BYTES_MAX)?,
        claims: text(Part::Claims, segments.claims, TOKEN_BYTES_MAX)?,
    })
}

/// Whom a token says that it was issued by, to find the policy of that issuer among those that are configured.
///
/// It proves nothing, and what it leaves unread may be malformed. Only [`crate::verify`] with that policy decides: of a token
/// that it accepts, this is an issuer of the policy ([`crate::Policy::issuer_matches`]).
///
/// ```
/// use jwksmith_jose::{Memory, Policy, danger};
///
/// # fn demo<'p>(token: &str, policies: &'p [Policy]) -> Result<Option<&'p Policy>, jwksmith_jose::Refusal> {
/// let mut memory = Memory::new();
/// let issuer = danger::issuer(token, &mut memory)?;
/// let policy = policies.iter().find(|policy| policy.issuer_matches(&issuer));
/// # Ok(policy)
/// # }
/// ```
///
/// # Errors
/// A [`Refusal`] if the text is not of a token's form, if its claims cannot be read up to `iss`, or if there is none that is a
/// string.
pub fn issuer<'m>(token: &str, memory: &'m mut Memory) -> Result<Cow<'m, str>, Refusal> {
    let segments = Segments::split(token, TOKEN_BYTES_MAX)?;
    let of_claims = base64url::decoded_bytes_max(segments.claims.len());
    let (head, whole) = memory.room(base64url::decoded_bytes_max(HEAD_CHARACTERS), of_claims);
    let found = match issuer_in_head(segments.claims, head) {
        Some(found) => Some(found),
        None => json::utf8(segments.decode_claims(whole)?)
            .and_then(|text| json::first_member(text, "iss"))
            .map_err(|error| Refusal::Json { part: Part::Claims, error })?,
    };
    claims::text("iss", found.ok_or(Refusal::ClaimMissing("iss"))?)
}

/// How much of the claims is decoded at first, in characters. Most issuers write `iss` among the first claims.
const HEAD_CHARACTERS: usize = 256;

/// `iss`, if the head of the claims has the whole of it. Whatever else there is to find is left to a reader of all claims.
fn issuer_in_head<'m>(claims: &str, memory: &'m mut [u8]) -> Option<json::Value<'m>> {
    let head = claims.as_bytes().get(..HEAD_CHARACTERS)?;
    let length = base64url::decode_into(head, memory)?;
    json::first_member(leading_text(memory.get(..length)?), "iss").ok()?
}

/// The text that the bytes begin with: they may end within a character.
fn leading_text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let whole = bytes.get(..error.valid_up_to()).map(std::str::from_utf8);
            whole.and_then(Result::ok).unwrap_or_default()
        }
    }
}

fn text(part: Part, segment: &str, bytes_max: usize) -> Result<String, Refusal> {
    let text = decode_text(part, segment, bytes_max)?;
    json::check(&text).map_err(|error| Refusal::Json { part, error })?;
    Ok(text)
}
