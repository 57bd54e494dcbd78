//! Finds the end of the plain part of a JSON string, sixteen bytes at a time: nearly all of a token is strings.

use wide::u8x16;

/// Where the next quote, backslash or control character stands, or the end of the text.
#[inline]
pub(super) fn end_of_plain(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        if let Some(ahead) = first_special(chunk) {
            return at.wrapping_add(ahead);
        }
        at = at.wrapping_add(chunk.len());
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at.wrapping_add(rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len()))
}

/// Whether a whole string is plain. What is left behind its last sixteen bytes is looked at with some of them once more.
#[inline]
pub(crate) fn is_plain(text: &[u8]) -> bool {
    let Some(last) = text.last_chunk() else { return !text.iter().any(|byte| is_special(*byte)) };
    let (chunks, _) = text.as_chunks();
    chunks.iter().chain([last]).all(|chunk| first_special(chunk).is_none())
}

#[inline]
fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

#[inline]
fn first_special(chunk: &[u8; 16]) -> Option<usize> {
    let bytes = u8x16::new(*chunk);
    let is = |byte: u8| bytes.simd_eq(u8x16::splat(byte));
    let is_control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
    let marks = (is_control | is(b'"') | is(b'\\')).to_bitmask();
    usize::try_from(marks.trailing_zeros()).ok().filter(|_| marks != 0)
}

#[cfg(test)]
mod tests {
    use super::{end_of_plain, is_plain, is_special};

    #[test]
    fn plain_text_ends_at_the_first_special_byte() {
        for special in (0..0x20).chain([b'"', b'\\']) {
            for at in 0..40 {
                let mut bytes = vec![b'a'; 40];
                bytes[at] = special;
                assert_eq!(end_of_plain(&bytes, 0), at, "{special} at {at}");
                assert_eq!(end_of_plain(&bytes, at), at);
                bytes[39] = b'"';
                assert_eq!(end_of_plain(&bytes, 0), at, "{special} at {at}, a quote at the end");
            }
        }
    }

    #[test]
    fn text_is_plain_if_it_has_no_special_byte_anywhere() {
        for length in 0..50 {
            assert!(is_plain(&vec![b'a'; length]));
            for at in 0..length {
                for byte in 0..=255 {
                    let mut bytes = vec![b'a'; length];
                    bytes[at] = byte;
                    assert_eq!(is_plain(&bytes), !is_special(byte), "{byte} at {at} of {length}");
                }
            }
        }
    }

    #[test]
    fn plain_text_holds_everything_else() {
        let plain: Vec<u8> = (0x20..=0xff).filter(|byte| !is_special(*byte)).collect();
        for start in 0..plain.len() {
            assert_eq!(end_of_plain(&plain, start), plain.len(), "from {start}");
        }
        assert_eq!(end_of_plain(b"", 0), 0);
    }
}
