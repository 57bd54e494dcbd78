//! The rotation record: for each key of an issuer, when it was first seen, last seen and last used.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jwksmith_jose::{Algorithm, KeySet, PublishedKey, UnixTime};

use crate::cache::{is_same, name};

/// How many keys that are gone an issuer's record keeps; beyond it the oldest are forgotten.
pub const GONE_KEYS_MAX: usize = 32;

/// What is known of one key over time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRecord {
    /// Its `kid`; of a key without one, the thumbprint
    pub kid: String,
    /// What it may be used with
    pub algorithms: Vec<Algorithm>,
    /// When this process first saw it published
    pub first_seen: UnixTime,
    /// When the issuer last published it, or confirmed the set that has it
    pub last_seen: UnixTime,
    /// When a token was last verified with it, to the second
    pub last_used: Option<UnixTime>,
    /// When it was found missing, replaced or was evicted
    pub gone_since: Option<UnixTime>,
}

/// A record that is being kept. Written by every verification, so without locks, and rarely: once a second.
pub(crate) struct Kept {
    key: PublishedKey,
    first_seen: UnixTime,
    last_seen: AtomicU64,
    last_used: AtomicU64,
    gone_since: AtomicU64,
}

/// Not yet. The year 1970 is when no key was used.
const NEVER: u64 = 0;

impl Kept {
    fn new(key: &PublishedKey, now: UnixTime) -> Self {
        Self {
            key: key.clone(),
            first_seen: now,
            last_seen: AtomicU64::new(now.as_seconds()),
            last_used: AtomicU64::new(NEVER),
            gone_since: AtomicU64::new(NEVER),
        }
    }

    /// A token was verified with it.
    pub(crate) fn used(&self, now: UnixTime) {
        let now = now.as_seconds();
        // Reading is shared between processors, writing is not.
        if self.last_used.load(Ordering::Relaxed) != now {
            self.last_used.store(now, Ordering::Relaxed);
        }
    }

    pub(crate) fn key(&self) -> &PublishedKey {
        &self.key
    }

    fn told(&self) -> KeyRecord {
        let time = |seconds: &AtomicU64| match seconds.load(Ordering::Relaxed) {
            NEVER => None,
            seconds => Some(UnixTime::from_seconds(seconds)),
        };
        KeyRecord {
            kid: name(&self.key),
            algorithms: self.key.algorithms().collect(),
            first_seen: self.first_seen,
            last_seen: time(&self.last_seen).unwrap_or(self.first_seen),
            last_used: time(&self.last_used),
            gone_since: time(&self.gone_since),
        }
    }
}

/// The records of one issuer.
#[derive(Default)]
pub(crate) struct Records {
    /// Those of the set in use, in its order
    present: Vec<Arc<Kept>>,
    gone: Vec<Arc<Kept>>,
}

impl Records {
    /// Notes that this set is in use now, and gives the record of each of its keys, in the set's order.
    pub(crate) fn note(&mut self, keys: &KeySet, now: UnixTime) -> Arc<[Arc<Kept>]> {
        let before = std::mem::take(&mut self.present);
        for key in keys.keys() {
            let known = before.iter().chain(&self.gone).find(|kept| is_same(&kept.key, key)).cloned();
            let kept = known.unwrap_or_else(|| Arc::new(Kept::new(key, now)));
            kept.last_seen.store(now.as_seconds(), Ordering::Relaxed);
            kept.gone_since.store(NEVER, Ordering::Relaxed);
            self.present.push(kept);
        }
        let is_present = |kept: &Arc<Kept>| self.present.iter().any(|present| Arc::ptr_eq(present, kept));
        self.gone.retain(|kept| !is_present(kept));
        for kept in before.into_iter().filter(|kept| !is_present(kept)) {
            kept.gone_since.store(now.as_seconds(), Ordering::Relaxed);
            self.gone.push(kept);
        }
        let over = self.gone.len().saturating_sub(GONE_KEYS_MAX);
        self.gone.drain(..over);
        self.present.as_slice().into()
    }

    /// Present keys first, then those that are gone, the latest last.
    pub(crate) fn told(&self) -> Vec<KeyRecord> {
        self.present.iter().chain(&self.gone).map(|kept| kept.told()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwksmith_jose::SigningKey;

    fn set(kids: &[&str]) -> KeySet {
        let private = SigningKey::generate(Algorithm::EdDSA).unwrap();
        let key = SigningKey::from_private(Algorithm::EdDSA, &private).unwrap();
        let keys: Vec<_> =
            kids.iter().map(|kid| serde_json::to_value(key.public_jwk(kid).unwrap()).unwrap()).collect();
        KeySet::parse(serde_json::json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    const fn at(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    #[test]
    fn record_tells_when_a_key_came_was_used_and_went() {
        let (both, one) = (set(&["a", "b"]), set(&["c"]));
        let mut records = Records::default();
        let kept = records.note(&both, at(100));
        kept[1].used(at(105));
        records.note(&both, at(110));
        let told = |records: &Records| -> Vec<_> {
            let brief =
                |key: KeyRecord| (key.kid, key.first_seen, key.last_seen, key.last_used, key.gone_since);
            records.told().into_iter().map(brief).collect()
        };
        let a = |gone| ("a".to_owned(), at(100), at(110), None, gone);
        let b = |gone| ("b".to_owned(), at(100), at(110), Some(at(105)), gone);
        assert_eq!(told(&records), [a(None), b(None)]);
        records.note(&one, at(120));
        let c = ("c".to_owned(), at(120), at(120), None, None);
        assert_eq!(told(&records), [c, a(Some(at(120))), b(Some(at(120)))]);
        records.note(&both, at(130));
        assert_eq!(records.told()[1].last_used, Some(at(105)), "a key that comes back has its past");
        assert_eq!(records.told()[1].gone_since, None);
    }

    #[test]
    fn gone_keys_are_bounded() {
        let mut records = Records::default();
        for n in 0..=GONE_KEYS_MAX + 1 {
            records.note(&set(&[&format!("key-{n}")]), at(100));
        }
        assert_eq!(records.told().len(), GONE_KEYS_MAX + 1, "the present one, and so many of those before");
        assert_eq!(records.told()[1].kid, "key-1");
    }
}
