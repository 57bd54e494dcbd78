//! base64url as JOSE wants it (RFC 7515 §2): no padding, no white space, no line breaks, trailing bits zero.
//!
//! The engine is strict, so that one value has exactly one spelling: a lax decoder would let two different token texts
//! stand for one token.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

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
    use super::decode;

    fn check(text: &str, expected: Option<&[u8]>) {
        assert_eq!(decode(text).as_deref(), expected, "{text:?}");
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
