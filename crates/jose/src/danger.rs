//! Reading a token that nobody has verified.
//!
//! For debugging tools only. Everybody can write such a token; nothing in it may decide anything.

use crate::limits::{HEADER_BYTES_MAX, TOKEN_BYTES_MAX};
use crate::token::{Part, Segments, decode_text};
use crate::{Refusal, json};

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

fn text(part: Part, segment: &str, bytes_max: usize) -> Result<String, Refusal> {
    let text = decode_text(part, segment, bytes_max)?;
    json::check(&text).map_err(|error| Refusal::Json { part, error })?;
    Ok(text)
}
