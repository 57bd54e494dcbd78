//! Remembers the token headers of a key set's keys by their exact bytes.
//!
//! An issuer writes the same header into every token of a key, so reading it once is enough. Only headers of tokens whose
//! signature was good are remembered, at most [`HEADERS_REMEMBERED_MAX`] of them; each slot is written once and read
//! without a lock, and all of it goes when the key set is replaced.

use std::sync::OnceLock;

use crate::limits::{HEADER_REMEMBERED_BYTES_MAX, HEADERS_REMEMBERED_MAX};
use crate::token::Header;

/// The headers met so far, and the place of each one's key in its set.
#[derive(Default)]
pub(crate) struct Headers {
    slots: [OnceLock<Remembered>; HEADERS_REMEMBERED_MAX],
}

struct Remembered {
    segment: Box<str>,
    header: Header,
    key: usize,
}

impl Headers {
    /// What was remembered of a header segment, spelt exactly so.
    pub(crate) fn recall(&self, segment: &str) -> Option<(&Header, usize)> {
        let mut known = self.slots.iter().map_while(OnceLock::get);
        known.find(|known| *known.segment == *segment).map(|known| (&known.header, known.key))
    }

    /// Remembers a header, while there is room.
    pub(crate) fn remember(&self, segment: &str, header: &Header, key: usize) {
        let is_full = self.slots.iter().all(|slot| slot.get().is_some());
        if is_full || segment.len() > HEADER_REMEMBERED_BYTES_MAX {
            return;
        }
        let mut remembered = Remembered { segment: segment.into(), header: header.clone(), key };
        for slot in &self.slots {
            match slot.set(remembered) {
                Ok(()) => return,
                Err(refused) => remembered = refused,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HEADER_REMEMBERED_BYTES_MAX, HEADERS_REMEMBERED_MAX, Headers};
    use crate::base64url;
    use crate::token::Header;

    fn segment(kid: &str) -> String {
        base64url::encode(format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#))
    }

    fn remember(headers: &Headers, segment: &str, key: usize) {
        headers.remember(segment, &Header::parse(segment).unwrap(), key);
    }

    #[test]
    fn header_is_recalled_by_its_exact_bytes() {
        let headers = Headers::default();
        assert!(headers.recall(&segment("a")).is_none());
        remember(&headers, &segment("a"), 3);
        remember(&headers, &segment("b"), 4);
        let recalled =
            |kid: &str| headers.recall(&segment(kid)).map(|(header, key)| (header.key_id().unwrap(), key));
        assert_eq!(recalled("a"), Some(("a", 3)));
        assert_eq!(recalled("b"), Some(("b", 4)));
        assert_eq!(recalled("c"), None);
        assert!(headers.recall(&segment("a")[1..]).is_none());
        assert!(headers.recall("").is_none());
    }

    #[test]
    fn header_past_the_number_that_is_kept_is_not_remembered() {
        let headers = Headers::default();
        for n in 0..=HEADERS_REMEMBERED_MAX {
            remember(&headers, &segment(&format!("k{n}")), n);
        }
        assert!(headers.recall(&segment(&format!("k{}", HEADERS_REMEMBERED_MAX - 1))).is_some());
        assert!(headers.recall(&segment(&format!("k{HEADERS_REMEMBERED_MAX}"))).is_none());
    }

    #[test]
    fn header_past_the_length_that_is_kept_is_not_remembered() {
        let of = |characters: usize| {
            let spaces = " ".repeat(characters / 4 * 3 - r#"{"alg":"RS256"}"#.len());
            base64url::encode(format!(r#"{{"alg":"RS256"{spaces}}}"#))
        };
        let (at_limit, past_it) = (of(HEADER_REMEMBERED_BYTES_MAX), of(HEADER_REMEMBERED_BYTES_MAX + 4));
        assert_eq!(
            (at_limit.len(), past_it.len()),
            (HEADER_REMEMBERED_BYTES_MAX, HEADER_REMEMBERED_BYTES_MAX + 4)
        );
        let headers = Headers::default();
        remember(&headers, &past_it, 1);
        assert!(headers.recall(&past_it).is_none());
        remember(&headers, &at_limit, 1);
        assert!(headers.recall(&at_limit).is_some());
    }
}
