//! The compact form of a signed token (RFC 7515 §3.1 and §7.1, RFC 7519 §7.2), read and not yet verified.
//!
//! [`Token::parse`] refuses whatever no key set and no policy could make acceptable. What it returns proves the form only;
//! its claims stay closed until [`crate::verify_parsed`] has checked the signature, or somebody opens [`crate::danger`].

use std::fmt;

use crate::json;
use crate::limits::{HEADER_BYTES_MAX, KID_BYTES_MAX, SIGNATURE_BYTES_MAX, TOKEN_BYTES_MAX};
use crate::members::{self, Loose, Members};
use crate::{Algorithm, Refusal, base64url};

/// A segment of a compact token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The first: the JOSE header
    Header,
    /// The second: the claims
    Claims,
    /// The third: the signature
    Signature,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Claims => "claims",
            Self::Signature => "signature",
        })
    }
}

/// The registered header members that matter (RFC 7515 §4.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    algorithm: Algorithm,
    key_id: Option<String>,
    token_type: Option<String>,
}

impl Header {
    /// `alg`.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// `kid`: names the key, chosen by the sender of the token, never to be trusted for more.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// `typ`, as it was sent.
    pub fn token_type(&self) -> Option<&str> {
        self.token_type.as_deref()
    }
}

/// A well-formed token that nobody has verified.
pub struct Token<'a> {
    header: Header,
    /// The first two segments with the dot between: what was signed (RFC 7515 §5.2).
    signing_input: &'a str,
    claims: String,
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Reads the compact form.
    ///
    /// # Errors
    /// A [`Refusal`] about the token's form, its header, or an algorithm that nothing here supports.
    pub fn parse(text: &'a str) -> Result<Self, Refusal> {
        let segments = Segments::split(text)?;
        let header = read_header(&decode_text(Part::Header, segments.header, HEADER_BYTES_MAX)?)?;
        Ok(Self {
            header,
            signing_input: segments.signing_input,
            claims: decode_text(Part::Claims, segments.claims, TOKEN_BYTES_MAX)?,
            signature: decode(Part::Signature, segments.signature, SIGNATURE_BYTES_MAX)?,
        })
    }

    /// The header, which nobody has verified.
    pub fn header(&self) -> &Header {
        &self.header
    }

    pub(crate) fn claims(&self) -> &str {
        &self.claims
    }

    pub(crate) fn signing_input(&self) -> &[u8] {
        self.signing_input.as_bytes()
    }

    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl fmt::Debug for Token<'_> {
    /// Shows the header only: a token is a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("header", &self.header).finish_non_exhaustive()
    }
}

/// The three segments of a compact token, still encoded.
pub(crate) struct Segments<'a> {
    pub(crate) header: &'a str,
    pub(crate) claims: &'a str,
    signature: &'a str,
    signing_input: &'a str,
}

/// Counting stops here: a text of a million dots is not worth more.
const SEGMENTS_COUNTED_MAX: usize = 6;

impl<'a> Segments<'a> {
    pub(crate) fn split(text: &'a str) -> Result<Self, Refusal> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(Refusal::TooLarge { bytes: text.len() });
        }
        let (signing_input, signature) = text.rsplit_once('.').ok_or(Refusal::Segments { found: 1 })?;
        match signing_input.split_once('.') {
            Some((header, claims)) if !claims.contains('.') => {
                Ok(Self { header, claims, signature, signing_input })
            }
            _ => Err(wrong_segments(text)),
        }
    }
}

fn wrong_segments(text: &str) -> Refusal {
    match text.split('.').take(SEGMENTS_COUNTED_MAX).count() {
        5 => Refusal::Encrypted,
        found => Refusal::Segments { found },
    }
}

pub(crate) fn decode_text(part: Part, segment: &str, bytes_max: usize) -> Result<String, Refusal> {
    json::utf8(decode(part, segment, bytes_max)?).map_err(|error| Refusal::Json { part, error })
}

fn decode(part: Part, segment: &str, bytes_max: usize) -> Result<Vec<u8>, Refusal> {
    let bytes = base64url::decode(segment).ok_or(Refusal::Encoding(part))?;
    if bytes.len() > bytes_max {
        return Err(Refusal::PartTooLarge { part, bytes: bytes.len(), max: bytes_max });
    }
    Ok(bytes)
}

#[derive(Default)]
struct RawHeader<'a> {
    alg: Loose<'a>,
    kid: Loose<'a>,
    typ: Loose<'a>,
    crit: Loose<'a>,
    b64: Loose<'a>,
    jwk: Loose<'a>,
    jku: Loose<'a>,
    x5u: Loose<'a>,
}

impl<'a> Members<'a> for RawHeader<'a> {
    fn place(&mut self, name: &str) -> Option<&mut Loose<'a>> {
        Some(match name {
            "alg" => &mut self.alg,
            "kid" => &mut self.kid,
            "typ" => &mut self.typ,
            "crit" => &mut self.crit,
            "b64" => &mut self.b64,
            "jwk" => &mut self.jwk,
            "jku" => &mut self.jku,
            "x5u" => &mut self.x5u,
            _ => return None,
        })
    }
}

fn read_header(text: &str) -> Result<Header, Refusal> {
    let raw: RawHeader<'_> =
        members::read(text).map_err(|error| Refusal::Json { part: Part::Header, error })?;
    refuse_extensions(&raw)?;
    let algorithm = algorithm(raw.alg)?;
    let key_id = optional_text("kid", raw.kid)?;
    if key_id.as_ref().is_some_and(|kid| kid.is_empty() || kid.len() > KID_BYTES_MAX) {
        return Err(Refusal::KeyIdInvalid);
    }
    Ok(Header { algorithm, key_id, token_type: optional_text("typ", raw.typ)? })
}

fn refuse_extensions(raw: &RawHeader<'_>) -> Result<(), Refusal> {
    // RFC 7515 §4.1.11: an extension that is not understood makes the token invalid, and an empty list is invalid too.
    // RFC 7797 §6 demands `crit` with `b64`; without it two readers would sign different bytes.
    for (member, value) in [("crit", &raw.crit), ("b64", &raw.b64)] {
        if !value.is_absent() {
            return Err(Refusal::CriticalExtension(member));
        }
    }
    // RFC 8725 §3.10: a key, or the place of one, that the token itself names proves nothing.
    for (member, value) in [("jwk", &raw.jwk), ("jku", &raw.jku), ("x5u", &raw.x5u)] {
        if !value.is_absent() {
            return Err(Refusal::EmbeddedKey(member));
        }
    }
    Ok(())
}

fn algorithm(alg: Loose<'_>) -> Result<Algorithm, Refusal> {
    // RFC 7515 §4.1.1: `alg` MUST be present, a case-sensitive string.
    let Loose::Text(name) = alg else {
        return Err(Refusal::HeaderType { member: "alg", found: alg.kind() });
    };
    match Algorithm::from_name(&name) {
        Some(algorithm) => Ok(algorithm),
        // Refused in every spelling, since some readers compare it without case (RFC 8725 §3.2).
        None if name.eq_ignore_ascii_case("none") => Err(Refusal::AlgorithmNone),
        None => Err(Refusal::AlgorithmUnknown { name: name.into_owned() }),
    }
}

fn optional_text(member: &'static str, value: Loose<'_>) -> Result<Option<String>, Refusal> {
    match value {
        Loose::Absent => Ok(None),
        Loose::Text(text) => Ok(Some(text.into_owned())),
        other => Err(Refusal::HeaderType { member, found: other.kind() }),
    }
}
