//! A `kid` that is kept without asking the system for memory, as long as it is of a usual length.

use std::fmt;

/// A thumbprint has 43 bytes (RFC 7638 with SHA-256, in base64url), and few issuers use longer names.
const SHORT_BYTES_MAX: usize = 46;

/// A key's name, as a token gave it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum KeyId {
    Short { length: u8, bytes: [u8; SHORT_BYTES_MAX] },
    Long(Box<str>),
}

impl KeyId {
    /// The name as text.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Short { length, bytes } => {
                let bytes = bytes.get(..usize::from(*length)).unwrap_or_default();
                std::str::from_utf8(bytes).unwrap_or_default()
            }
            Self::Long(name) => name,
        }
    }
}

impl From<&str> for KeyId {
    #[inline]
    fn from(name: &str) -> Self {
        let mut bytes = [0; SHORT_BYTES_MAX];
        match (bytes.get_mut(..name.len()), u8::try_from(name.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(name.as_bytes());
                Self::Short { length, bytes }
            }
            _ => Self::Long(name.into()),
        }
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyId, SHORT_BYTES_MAX};

    #[test]
    fn name_is_kept_at_every_length() {
        for length in 0..SHORT_BYTES_MAX * 3 {
            let name = "é".repeat(length / 2) + &"k".repeat(length % 2);
            let kept = KeyId::from(name.as_str());
            assert_eq!(kept.as_str(), name);
            assert_eq!(matches!(kept, KeyId::Short { .. }), length <= SHORT_BYTES_MAX, "{length}");
        }
    }
}
