//! Memory for what is decoded of a token, used again for the next one.

use std::fmt;

/// Memory that verifications use one after the other, so that each need not ask the system for its own.
#[derive(Default)]
pub struct Memory {
    bytes: Vec<u8>,
}

impl Memory {
    /// Memory that grows to what the tokens need.
    pub fn new() -> Self {
        Self::default()
    }

    /// Room for so many bytes, and for so many others.
    #[inline]
    pub(crate) fn room(&mut self, first: usize, second: usize) -> (&mut [u8], &mut [u8]) {
        let needed = first.saturating_add(second);
        // What an earlier token left behind need not be wiped: only what is decoded now is looked at.
        if self.bytes.len() < needed {
            self.bytes.resize(needed, 0);
        }
        self.bytes.split_at_mut_checked(first).unwrap_or_default()
    }
}

impl fmt::Debug for Memory {
    /// Shows nothing: it holds what tokens say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}
