//! base64url as JOSE wants it (RFC 7515 §2): no padding, no white space, no line breaks, trailing bits zero.
//!
//! The engine is strict, so that one value has exactly one spelling: a lax decoder would let two different token texts
//! stand for one token.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{NO_PAD, STANDARD, URL_SAFE_NO_PAD};

/// The fastest engine of this machine, found once.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static FASTEST: LazyLock<base64::engine::Simd> = LazyLock::new(|| base64::engine::Simd::url_safe(NO_PAD));
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static FASTEST: LazyLock<base64::engine::GeneralPurpose> =
    LazyLock::new(|| base64::engine::GeneralPurpose::new(&base64::alphabet::URL_SAFE, NO_PAD));

/// How long the encoded form of so many bytes is.
pub(crate) const fn encoded_len(bytes: usize) -> usize {
    // Without padding, so it is never out of range before the memory is.
    bytes.div_ceil(3).saturating_mul(4).saturating_sub((3 - bytes % 3) % 3)
}

/// Appends the encoded form of the bytes.
pub(crate) fn append(text: &mut Vec<u8>, bytes: &[u8]) {
    let start = text.len();
    text.resize(start.saturating_add(encoded_len(bytes.len())), 0);
    let written = write(text.get_mut(start..).unwrap_or_default(), bytes);
    debug_assert_eq!(written, Some(encoded_len(bytes.len())), "the room was measured");
}

/// Writes the encoded form of the bytes, and says how long it is; nothing if there is not room enough.
pub(crate) fn write(room: &mut [u8], bytes: &[u8]) -> Option<usize> {
    FASTEST.encode_slice(bytes, room).ok()
}

/// Decodes unpadded, canonical base64url.
pub(crate) fn decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Encodes as unpadded base64url.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes the ordinary, padded base64 of `x5c` (RFC 7517 §4.7: "not base64url-encoded").
pub(crate) fn decode_standard(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Encodes as the ordinary, padded base64 of `x5c`.
pub(crate) fn encode_standard(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::{append, decode, encode};

    fn check(text: &str, expected: Option<&[u8]>) {
        assert_eq!(decode(text).as_deref(), expected, "{text:?}");
    }

    #[test]
    fn append_writes_what_encode_returns() {
        for length in 0..200 {
            let bytes: Vec<u8> = (0..length).map(|n: u8| n.wrapping_mul(7)).collect();
            let mut text = b"x.".to_vec();
            append(&mut text, &bytes);
            assert_eq!(text, format!("x.{}", encode(&bytes)).as_bytes(), "{length} bytes");
        }
    }

    #[test]
    fn decode_takes_one_spelling_only() {
        check("", Some(b""));
        check("AQAB", Some(&[1, 0, 1]));
        check("-_8", Some(&[0xfb, 0xff]));
        for refused in ["AQ==", "AQ=", "AR", "AQA\n", " AQAB", "AQ AB", "+/8", "A", "AQAB.", "AQA\u{e9}"] {
            check(refused, None);
        }
    }
}
