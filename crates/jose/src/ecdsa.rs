//! ECDSA signatures: from the form of JOSE (RFC 7518 §3.4: r and s, each of the full width of its curve) to the form that
//! the crypto library reads without another conversion of its own (SEC 1 §C.5: a DER sequence of two integers).
//!
//! Whether r and s are in their range is for the library to say.

/// The longest: a sequence of two numbers of P-521, with their headers and signs.
const DER_BYTES_MAX: usize = 3 + 2 * (2 + 1 + 66);

/// A signature in DER, on the stack.
pub(crate) struct DerSignature {
    bytes: [u8; DER_BYTES_MAX],
    length: usize,
}

impl DerSignature {
    /// Rewrites a signature that has the width of its curve.
    pub(crate) fn from_fixed(signature: &[u8]) -> Self {
        let (r, s) = signature.split_at(signature.len() / 2);
        let (r, s) = (significant(r), significant(s));
        let content = integer_bytes(r).saturating_add(integer_bytes(s));
        let mut der = Self { bytes: [0; DER_BYTES_MAX], length: 0 };
        // X.690 §8.1.3: lengths over 127 take a byte that says how many follow.
        der.push(if content > 127 { &[0x30, 0x81] } else { &[0x30] });
        der.push(&[byte(content)]);
        der.push_integer(r);
        der.push_integer(s);
        der
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn push_integer(&mut self, number: &[u8]) {
        self.push(&[0x02, byte(number.len().saturating_add(usize::from(is_signed(number))))]);
        if is_signed(number) {
            self.push(&[0]);
        }
        self.push(number);
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.length.saturating_add(bytes.len());
        if let Some(place) = self.bytes.get_mut(self.length..end) {
            place.copy_from_slice(bytes);
            self.length = end;
        }
    }
}

/// X.690 §8.3.2: no leading zeros, but zero itself has one byte.
fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros.min(number.len().saturating_sub(1))..).unwrap_or_default()
}

/// Whether the first bit is set, which would make the number a negative one.
fn is_signed(number: &[u8]) -> bool {
    number.first().is_some_and(|byte| *byte >= 0x80)
}

fn integer_bytes(number: &[u8]) -> usize {
    number.len().saturating_add(2).saturating_add(usize::from(is_signed(number)))
}

fn byte(length: usize) -> u8 {
    // The longest signature has 136 bytes inside.
    u8::try_from(length).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::{DER_BYTES_MAX, DerSignature};

    fn check(r: &[u8], s: &[u8], expected: &[u8]) {
        let der = DerSignature::from_fixed(&[r, s].concat());
        assert_eq!(der.as_bytes(), expected, "{r:02x?} {s:02x?}");
    }

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        check(&[1, 2], &[3, 4], &[0x30, 8, 2, 2, 1, 2, 2, 2, 3, 4]);
        check(&[0, 2], &[0, 0x7f], &[0x30, 6, 2, 1, 2, 2, 1, 0x7f]);
        check(&[0, 0], &[0, 0], &[0x30, 6, 2, 1, 0, 2, 1, 0]);
        check(&[0x80, 0], &[0, 0x80], &[0x30, 9, 2, 3, 0, 0x80, 0, 2, 2, 0, 0x80]);
        check(&[0xff, 0xff], &[1, 0], &[0x30, 9, 2, 3, 0, 0xff, 0xff, 2, 2, 1, 0]);
    }

    #[test]
    fn longest_signature_has_room() {
        let (r, s) = ([0xff; 66], [0x80; 66]);
        let integer = |number: &[u8; 66]| [&[2, 67, 0], &number[..]].concat();
        let content = [integer(&r), integer(&s)].concat();
        check(&r, &s, &[&[0x30, 0x81, 138], &content[..]].concat());
        assert_eq!(content.len() + 3, DER_BYTES_MAX);
        // One byte of content less than what needs a long length, and one more.
        let of = |width: usize| DerSignature::from_fixed(&vec![1; width * 2]).as_bytes()[..2].to_vec();
        assert_eq!((of(61), of(62)), (vec![0x30, 126], vec![0x30, 0x81]));
    }

    #[test]
    fn nothing_is_two_empty_numbers() {
        check(&[], &[], &[0x30, 4, 2, 0, 2, 0]);
    }
}
