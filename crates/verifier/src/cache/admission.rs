//! What becomes of a key set that was fetched, beside the one before it: pure.
//!
//! A set that does not parse, is empty or has no usable key never comes here: it is a failed fetch. Here a key that was
//! evicted stays out, a key that one answer lacks may be kept until another confirms it, and what changed is told, above all
//! what no honest issuer does: another key under a known `kid`, and nothing kept at all.

use std::time::Duration;

use jwksmith_jose::{KeySet, PublishedKey};

/// How many evicted keys are kept out; beyond it the oldest are forgotten. An issuer has 100 keys at most.
pub(crate) const EVICTED_KEYS_MAX: usize = 128;

/// Keys with a past, beside the set in use.
#[derive(Default)]
pub(super) struct Admission {
    evicted: Vec<PublishedKey>,
    /// Keys that are kept although the last answers lacked them, and until when.
    absent: Vec<(PublishedKey, Duration)>,
}

/// A set as it may be used.
pub(super) struct Admitted {
    pub(super) keys: KeySet,
    pub(super) change: Change,
    /// A key waits for the confirmation that it is gone, for so long.
    pub(super) confirm_within: Option<Duration>,
}

/// How two sets differ. A key without a `kid` is named by its thumbprint.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Change {
    pub(crate) added: Vec<String>,
    pub(crate) removed: Vec<String>,
    /// Another key, or the same for other algorithms, under a `kid` that was there
    pub(crate) replaced: Vec<String>,
    /// No key of the set before is in the new one
    pub(crate) nothing_kept: bool,
}

impl Admission {
    /// Keeps this key out from now on.
    pub(super) fn evict(&mut self, key: PublishedKey) {
        self.absent.retain(|(absent, _)| !is_same(absent, &key));
        if self.evicted.len() >= EVICTED_KEYS_MAX {
            self.evicted.remove(0);
        }
        self.evicted.push(key);
    }

    /// The thumbprints of the keys that are kept out: by its `kid` a successor would be kept out too.
    pub(super) fn evicted(&self) -> impl Iterator<Item = String> {
        self.evicted.iter().map(|key| key.thumbprint().to_string())
    }

    /// Makes of a fetched set what may be used, at this monotonic reading. A key that this answer is the first to lack is kept
    /// until another lacks it that comes so much later.
    pub(super) fn admit(
        &mut self,
        before: Option<&KeySet>,
        fetched: KeySet,
        confirmed_after: Duration,
        now: Duration,
    ) -> Admitted {
        let fetched = self.without_evicted(fetched);
        let Some(before) = before else {
            return Admitted { keys: fetched, change: Change::default(), confirm_within: None };
        };
        self.note_absent(before, &fetched, confirmed_after, now);
        let kept: Vec<_> = self.absent.iter().map(|(key, _)| key.clone()).collect();
        let keys = if kept.is_empty() { fetched } else { fetched.with_also(kept) };
        let change = Change::between(before, &keys);
        Admitted { keys, change, confirm_within: self.confirm_within(now) }
    }

    fn without_evicted(&self, fetched: KeySet) -> KeySet {
        let is_evicted = |key: &PublishedKey| self.evicted.iter().any(|evicted| is_same(evicted, key));
        if fetched.keys().iter().any(is_evicted) { fetched.without(is_evicted) } else { fetched }
    }

    /// Keys that the fetched set lacks, and whose absence nothing has confirmed yet.
    fn note_absent(&mut self, before: &KeySet, fetched: &KeySet, confirmed_after: Duration, now: Duration) {
        let was_absent = std::mem::take(&mut self.absent);
        // Of two keys under one `kid` the issuer's last word counts.
        let is_lacking = |key: &&PublishedKey| match key.key_id() {
            Some(kid) => !fetched.knows(kid),
            None => !fetched.keys().iter().any(|fetched| fetched.same_key(key)),
        };
        let evicted = &self.evicted;
        let is_in = |key: &&PublishedKey| !evicted.iter().any(|evicted| is_same(evicted, key));
        for key in before.keys().iter().filter(is_lacking).filter(is_in) {
            let known = was_absent.iter().find(|(absent, _)| is_same(absent, key));
            let until = known.map_or(now.saturating_add(confirmed_after), |(_, until)| *until);
            if now < until {
                self.absent.push((key.clone(), until));
            }
        }
    }

    fn confirm_within(&self, now: Duration) -> Option<Duration> {
        self.absent.iter().map(|(_, until)| until.saturating_sub(now)).min()
    }
}

impl Change {
    pub(super) fn between(before: &KeySet, after: &KeySet) -> Self {
        let has = |set: &KeySet, key: &PublishedKey| set.keys().iter().any(|other| is_same(other, key));
        let names = |set: &KeySet, key: &PublishedKey| {
            key.key_id().is_some_and(|kid| set.keys().iter().any(|other| other.key_id() == Some(kid)))
        };
        let mut change = Self::default();
        for key in after.keys().iter().filter(|key| !has(before, key)) {
            if names(before, key) { &mut change.replaced } else { &mut change.added }.push(name(key));
        }
        for key in before.keys().iter().filter(|key| !has(after, key) && !names(after, key)) {
            change.removed.push(name(key));
        }
        let is_kept = |key: &PublishedKey| has(after, key) || names(after, key);
        change.nothing_kept = !before.keys().is_empty() && !before.keys().iter().any(is_kept);
        change
    }

    pub(super) fn is_none(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.replaced.is_empty()
    }
}

/// What a key is called where people read it.
pub(crate) fn name(key: &PublishedKey) -> String {
    key.key_id().map_or_else(|| key.thumbprint().to_string(), str::to_owned)
}

/// The same name, the same material, for the same algorithms.
pub(crate) fn is_same(one: &PublishedKey, other: &PublishedKey) -> bool {
    one.key_id() == other.key_id() && one.same_key(other) && one.algorithms().eq(other.algorithms())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwksmith_jose::{Algorithm, SigningKey};

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Keys by letter: the first is the `kid`, further ones tell keys of one `kid` apart.
    struct Keys(Vec<(&'static str, SigningKey)>);

    impl Keys {
        fn new() -> Self {
            let names = ["a", "a2", "b", "c", "d"];
            Self(names.map(|name| (name, generated())).into())
        }

        fn set(&self, names: &[&str]) -> KeySet {
            let jwk = |name: &&str| {
                let (_, key) = self.0.iter().find(|(known, _)| known == name).unwrap();
                serde_json::to_value(key.public_jwk(&name[..1]).unwrap()).unwrap()
            };
            let keys: Vec<_> = names.iter().map(jwk).collect();
            KeySet::parse(serde_json::json!({ "keys": keys }).to_string().as_bytes()).unwrap()
        }
    }

    fn generated() -> SigningKey {
        let private = SigningKey::generate(Algorithm::ES256).unwrap();
        SigningKey::from_private(Algorithm::ES256, &private).unwrap()
    }

    fn kids(set: &KeySet) -> Vec<&str> {
        set.keys().iter().filter_map(PublishedKey::key_id).collect()
    }

    #[test]
    fn change_is_told_key_by_key() {
        let keys = Keys::new();
        let check = |before: &[&str],
                     after: &[&str],
                     [added, removed, replaced]: [&[&str]; 3],
                     nothing_kept| {
            let change = Change::between(&keys.set(before), &keys.set(after));
            let told = [&change.added, &change.removed, &change.replaced].map(|names| names.concat());
            assert_eq!(told, [added.concat(), removed.concat(), replaced.concat()], "{before:?} {after:?}");
            assert_eq!(change.nothing_kept, nothing_kept, "{before:?} {after:?}");
        };
        check(&["a", "b"], &["b", "a"], [&[], &[], &[]], false);
        check(&["a"], &["a", "b"], [&["b"], &[], &[]], false);
        check(&["a", "b"], &["b", "c"], [&["c"], &["a"], &[]], false);
        check(&["a", "b"], &["a2", "b"], [&[], &[], &["a"]], false);
        check(&["a", "b"], &["c", "d"], [&["c", "d"], &["a", "b"], &[]], true);
    }

    #[test]
    fn absent_key_is_kept_until_a_later_answer_lacks_it_too() {
        let keys = Keys::new();
        let mut admission = Admission::default();
        let mut before = keys.set(&["a", "b"]);
        let mut check = |answer: &[&str], now, usable: &[&str], confirm_within: Option<u64>| {
            let admitted = admission.admit(Some(&before), keys.set(answer), at(30), at(now));
            assert_eq!(kids(&admitted.keys), usable, "{answer:?} at {now}");
            assert_eq!(admitted.confirm_within, confirm_within.map(at), "{answer:?} at {now}");
            before = admitted.keys;
        };
        check(&["b", "c"], 100, &["b", "c", "a"], Some(30));
        check(&["b", "c"], 129, &["b", "c", "a"], Some(1));
        check(&["a", "b", "c"], 130, &["a", "b", "c"], None);
        check(&["b", "c"], 131, &["b", "c", "a"], Some(30));
        check(&["b", "c"], 161, &["b", "c"], None);
        check(&["c"], 170, &["c", "b"], Some(30));
        check(&["c"], 1_000, &["c"], None);
    }

    #[test]
    fn absence_is_confirmed_by_when_it_was_first_seen_whatever_is_asked_for_later() {
        let keys = Keys::new();
        let mut admission = Admission::default();
        let before = keys.set(&["a", "b"]);
        let mut usable = |confirmed_after, now| {
            let admitted = admission.admit(Some(&before), keys.set(&["b"]), at(confirmed_after), at(now));
            admitted.keys.keys().len()
        };
        assert_eq!((usable(10, 100), usable(30, 109), usable(0, 109), usable(30, 110)), (2, 2, 2, 1));
    }

    #[test]
    fn absence_is_believed_at_once_where_nothing_is_asked_for() {
        let keys = Keys::new();
        let admitted =
            Admission::default().admit(Some(&keys.set(&["a", "b"])), keys.set(&["b"]), at(0), at(5));
        assert_eq!((kids(&admitted.keys), admitted.change.removed), (vec!["b"], vec!["a".to_owned()]));
    }

    #[test]
    fn replaced_key_is_never_kept_beside_its_successor() {
        let keys = Keys::new();
        let admitted =
            Admission::default().admit(Some(&keys.set(&["a", "b"])), keys.set(&["a2", "b"]), at(30), at(5));
        assert_eq!(admitted.keys.keys().len(), 2);
        assert_eq!(admitted.change.replaced, ["a"]);
    }

    #[test]
    fn evicted_key_stays_out_and_its_successor_does_not() {
        let keys = Keys::new();
        let mut admission = Admission::default();
        let before = keys.set(&["a", "b"]);
        admission.evict(before.keys()[0].clone());
        let mut answer = |names: &[&str]| admission.admit(Some(&before), keys.set(names), at(30), at(5)).keys;
        assert_eq!(kids(&answer(&["a", "b"])), ["b"]);
        assert_eq!(kids(&answer(&["a2", "b"])), ["a", "b"]);
        assert_eq!(
            kids(&answer(&["a"])),
            ["b"],
            "the last one out is kept as absent, the evicted one is not"
        );
        assert_eq!(admission.evicted().collect::<Vec<_>>(), [before.keys()[0].thumbprint().to_string()]);
    }

    #[test]
    fn evicted_keys_are_bounded() {
        let keys = Keys::new();
        let mut admission = Admission::default();
        let (first, other) = (keys.set(&["a"]).keys()[0].clone(), keys.set(&["b"]).keys()[0].clone());
        let thumbprint = first.thumbprint().to_string();
        admission.evict(first);
        (1..EVICTED_KEYS_MAX).for_each(|_| admission.evict(other.clone()));
        assert!(admission.evicted().any(|evicted| evicted == thumbprint));
        admission.evict(other);
        assert!(!admission.evicted().any(|evicted| evicted == thumbprint));
        assert_eq!(admission.evicted().count(), EVICTED_KEYS_MAX);
    }
}
