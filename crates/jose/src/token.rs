//! The compact form of a signed token (RFC 7515 §3.1 and §7.1, RFC 7519 §7.2), read and not yet verified.
//!
//! Here is refused whatever no key set and no policy could make acceptable. What is read proves the form only; claims stay
//! closed until [`crate::verify`] has checked the signature, or somebody opens [`crate::danger`].

use std::fmt;

use crate::json;
use crate::limits::{HEADER_BYTES_MAX, KID_BYTES_MAX, SIGNATURE_BYTES_MAX, TOKEN_BYTES_MAX};
use crate::members::{Loose, Members};
use crate::{Algorithm, Memory, Refusal, base64url};

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

    /// Reads the first segment of a token.
    pub(crate) fn parse(segment: &str) -> Result<Self, Refusal> {
        let text = decode_text(Part::Header, segment, HEADER_BYTES_MAX)?;
        let object = json::check(&text).map_err(|error| Refusal::Json { part: Part::Header, error })?;
        Self::try_from(RawHeader::sorted(object.members()))
    }
}

/// The header of a well-formed token that nobody has verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    header: Header,
}

impl Token {
    /// Reads the compact form: all three segments must be well-formed, and the header one that can be acceptable.
    ///
    /// # Errors
    /// A [`Refusal`] about the token's form, its header, or an algorithm that nothing here supports.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let segments = Segments::split(text, TOKEN_BYTES_MAX)?;
        let header = Header::parse(segments.header)?;
        segments.decode(&mut Memory::new())?;
        Ok(Self { header })
    }

    /// The header, which nobody has verified.
    pub fn header(&self) -> &Header {
        &self.header
    }
}

/// The three segments of a compact token, still encoded.
pub(crate) struct Segments<'a> {
    pub(crate) header: &'a str,
    pub(crate) claims: &'a str,
    signature: &'a str,
    /// The first two segments with the dot between: what was signed (RFC 7515 §5.2).
    pub(crate) signing_input: &'a str,
}

/// Counting stops here: a text of a million dots is not worth more.
const SEGMENTS_COUNTED_MAX: usize = 6;

impl<'a> Segments<'a> {
    pub(crate) fn split(text: &'a str, bytes_max: usize) -> Result<Self, Refusal> {
        if text.len() > bytes_max {
            return Err(Refusal::TooLarge { bytes: text.len(), max: bytes_max });
        }
        Self::between_dots(text).ok_or_else(|| wrong_segments(text))
    }

    /// The segments, if there are just two dots.
    fn between_dots(text: &'a str) -> Option<Self> {
        let (first, last) = (memchr::memchr(b'.', text.as_bytes())?, memchr::memrchr(b'.', text.as_bytes())?);
        let (header, claims) = (text.get(..first)?, text.get(first.checked_add(1)?..last)?);
        let (signing_input, signature) = (text.get(..last)?, text.get(last.checked_add(1)?..)?);
        let is_one = memchr::memchr(b'.', claims.as_bytes()).is_none();
        is_one.then_some(Self { header, claims, signature, signing_input })
    }

    /// The claims' bytes and the signature's, decoded into `memory`.
    pub(crate) fn decode<'m>(&self, memory: &'m mut Memory) -> Result<(&'m [u8], &'m [u8]), Refusal> {
        let [of_claims, of_signature] =
            [self.claims, self.signature].map(|segment| base64url::decoded_bytes_max(segment.len()));
        let (claims, signature) = memory.room(of_claims, of_signature);
        Ok((self.decode_claims(claims)?, self.decode_signature(signature)?))
    }

    /// The claims' bytes alone.
    pub(crate) fn claims_bytes(&self) -> Result<Vec<u8>, Refusal> {
        let mut memory = vec![0; base64url::decoded_bytes_max(self.claims.len())];
        self.decode_claims(&mut memory).map(<[u8]>::to_vec)
    }

    /// The signature's bytes alone.
    pub(crate) fn signature_bytes(&self) -> Result<Vec<u8>, Refusal> {
        let mut memory = vec![0; base64url::decoded_bytes_max(self.signature.len())];
        self.decode_signature(&mut memory).map(<[u8]>::to_vec)
    }

    /// The claims' bytes, in `memory` that has room for them.
    pub(crate) fn decode_claims<'m>(&self, memory: &'m mut [u8]) -> Result<&'m [u8], Refusal> {
        decode_part(Part::Claims, self.claims, TOKEN_BYTES_MAX, memory)
    }

    fn decode_signature<'m>(&self, memory: &'m mut [u8]) -> Result<&'m [u8], Refusal> {
        decode_part(Part::Signature, self.signature, SIGNATURE_BYTES_MAX, memory)
    }
}

fn decode_part<'m>(
    part: Part,
    segment: &str,
    bytes_max: usize,
    memory: &'m mut [u8],
) -> Result<&'m [u8], Refusal> {
    let Some(length) = base64url::decode_into(segment.as_bytes(), memory) else {
        return Err(Refusal::Encoding(part));
    };
    bounded(part, length, bytes_max)?;
    Ok(memory.get(..length).unwrap_or_default())
}

#[cold]
fn wrong_segments(text: &str) -> Refusal {
    // RFC 7515 §7.2: the JSON serialization has dots where its texts have some, and is no encrypted token for that.
    let is_json = text.trim_start().starts_with('{');
    match text.split('.').take(SEGMENTS_COUNTED_MAX).count() {
        5 if !is_json => Refusal::Encrypted,
        found => Refusal::Segments { found },
    }
}

/// A segment as text.
pub(crate) fn decode_text(part: Part, segment: &str, bytes_max: usize) -> Result<String, Refusal> {
    let bytes = base64url::decode(segment).ok_or(Refusal::Encoding(part))?;
    bounded(part, bytes.len(), bytes_max)?;
    String::from_utf8(bytes).map_err(|_| Refusal::Json { part, error: json::JsonError::NotUtf8 })
}

fn bounded(part: Part, bytes: usize, max: usize) -> Result<(), Refusal> {
    if bytes > max { Err(Refusal::PartTooLarge { part, bytes, max }) } else { Ok(()) }
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

impl TryFrom<RawHeader<'_>> for Header {
    type Error = Refusal;

    fn try_from(raw: RawHeader<'_>) -> Result<Self, Refusal> {
        refuse_extensions(&raw)?;
        let algorithm = algorithm(raw.alg)?;
        let key_id = optional_text("kid", raw.kid)?;
        if key_id.as_ref().is_some_and(|kid| kid.is_empty() || kid.len() > KID_BYTES_MAX) {
            return Err(Refusal::KeyIdInvalid);
        }
        Ok(Self { algorithm, key_id, token_type: optional_text("typ", raw.typ)? })
    }
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
