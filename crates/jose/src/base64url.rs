//! base64url as JOSE wants it (RFC 7515 §2): no padding, no white space, no line breaks, trailing bits zero.
//!
//! The engine is strict, so that one value has exactly one spelling: a lax decoder would let two different token texts
//! stand for one token. Where the processor has wide registers they are used; the answers are the same.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{NO_PAD, STANDARD};

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static URL_SAFE: LazyLock<base64::engine::Simd> = LazyLock::new(|| base64::engine::Simd::url_safe(NO_PAD));

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static URL_SAFE: LazyLock<base64::engine::GeneralPurpose> =
    LazyLock::new(|| base64::engine::GeneralPurpose::new(&base64::alphabet::URL_SAFE, NO_PAD));

/// Decodes unpadded, canonical base64url.
pub(crate) fn decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    URL_SAFE.decode(text).ok()
}

/// Decodes into `bytes`, which must have room for [`decoded_bytes_max`]; how many bytes there are.
pub(crate) fn decode_into(text: &[u8], bytes: &mut [u8]) -> Option<usize> {
    URL_SAFE.decode_slice(text, bytes).ok()
}

/// How many bytes a text of so many characters may stand for.
pub(crate) const fn decoded_bytes_max(characters: usize) -> usize {
    characters.div_ceil(4).saturating_mul(3)
}

/// Encodes as unpadded base64url.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE.encode(bytes)
}

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
    URL_SAFE.encode_slice(bytes, room).ok()
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
    use super::{append, decode, decode_into, decoded_bytes_max, encode};

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

    /// Long enough for the wide registers, with the odd character at every place.
    #[test]
    fn decode_is_as_strict_in_a_long_text() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text = encode(&bytes);
        check(&text, Some(&bytes));
        for at in 0..text.len() {
            for odd in ["=", "+", "/", " ", "\n", ".", "\0", "é"] {
                let mut altered = text.clone();
                altered.replace_range(at..=at, odd);
                check(&altered, None);
            }
        }
        let (head, last) = text.split_at(text.len() - 1);
        assert_eq!(last, "w");
        for unused_bits in ["x", "y", "z", "0"] {
            check(&format!("{head}{unused_bits}"), None);
        }
    }

    #[test]
    fn decode_into_needs_room_for_the_longest_reading() {
        for length in 0..200 {
            let text = encode(vec![7; length]);
            let mut room = vec![0; decoded_bytes_max(text.len())];
            assert_eq!(decode_into(text.as_bytes(), &mut room), Some(length));
        }
        assert_eq!(decode_into(b"AQAB", &mut [0; 2]), None);
    }
}
