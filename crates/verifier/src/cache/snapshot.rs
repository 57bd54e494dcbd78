//! A key set as it was found, immutable.

use std::sync::Arc;

use jwksmith_jose::{KeySet, UnixTime, quoted};

use crate::record::Kept;
use crate::source::{Known, SourceInUse};
use crate::transport::Caching;
use crate::verifier::Located;

/// A key set as it was found, immutable, with all that is known of where it came from.
pub(crate) struct Snapshot {
    /// What tokens are verified with
    pub(crate) keys: Arc<KeySet>,
    /// The record of each of these keys, in their order
    pub(crate) records: Arc<[Arc<Kept>]>,
    pub(crate) in_use: Arc<SourceInUse>,
    /// Grows with every set that has other keys than the one before
    pub(crate) generation: u64,
    /// The key set as the source wrote it
    pub(crate) json: Arc<[u8]>,
    /// The key set as the source wrote it, read. Other than `keys` where a key was evicted, or waits to be confirmed gone
    pub(crate) published: Arc<KeySet>,
    pub(crate) caching: Caching,
    pub(crate) fetched_at: UnixTime,
}

impl Snapshot {
    /// Where to look for the next one.
    pub(crate) fn known(&self) -> Known {
        Known { in_use: Arc::clone(&self.in_use), caching: self.caching.clone() }
    }

    pub(crate) fn located(&self) -> Located {
        let (keys, json) = (Arc::clone(&self.keys), Arc::clone(&self.json));
        Located { in_use: (*self.in_use).clone(), keys, json, fetched_at: self.fetched_at }
    }

    /// A token was verified with the key of this name, or the only key there is.
    pub(crate) fn used(&self, kid: Option<&str>, now: UnixTime) {
        let used = match (kid, &*self.records) {
            (Some(kid), records) => records.iter().find(|kept| kept.key().key_id() == Some(kid)),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        if let Some(kept) = used {
            kept.used(now);
        }
    }

    /// Tells the log what was found, and why keys are not used.
    pub(crate) fn tell(&self) {
        let (keys, skipped) = (self.keys.keys().len(), self.keys.skipped().len());
        tracing::debug!(place = %self.in_use.place(), keys, skipped, generation = self.generation, "key set at hand");
        for key in self.keys.skipped() {
            let kid = key.key_id.as_deref().unwrap_or_default();
            tracing::debug!(index = key.index, kid = %quoted(kid), reason = %key.reason, "key skipped");
        }
    }
}
