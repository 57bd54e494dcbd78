//! One fetch on its way, and what becomes of the cache when it lands.

use std::sync::Arc;
use std::time::Duration;

use jwksmith_jose::{Certificate, KeySet, PublishedKey, UnixTime, chain, quoted};

use super::admission::{Admitted, Change, is_same};
use super::snapshot::Snapshot;
use super::state::{CacheState, Event, Lifetime};
use super::unknown::KidDigest;
use super::{Guarded, Shared, Wanted};
use crate::error::IssuerError;
use crate::event::EventKind;
use crate::saved::Saved;
use crate::source::{Delivery, Document, KeySource, Locate, SourceInUse};
use crate::transport::Caching;

/// A fetch on its way. If it is dropped before it lands (its task panicked, or the runtime ended), it counts as failed,
/// so that nobody waits for it for ever.
pub(super) struct Flight {
    shared: Arc<Shared>,
    missed: Option<Missed>,
    landed: bool,
}

/// The key that a fetch was begun for.
pub(super) struct Missed {
    digest: KidDigest,
    /// Nothing if the key is there, and another was hoped for
    kid: Option<String>,
}

impl Missed {
    pub(super) fn new(digest: KidDigest, wanted: Wanted<'_>) -> Self {
        let kid = if let Wanted::Kid(kid) = wanted { Some(kid.to_owned()) } else { None };
        Self { digest, kid }
    }

    fn is_missed_in(&self, keys: &KeySet) -> bool {
        // Hoping for another key: had it come, the memory would be emptied by the change anyway.
        self.kid.as_ref().is_none_or(|kid| !keys.knows(kid))
    }
}

impl Flight {
    pub(super) fn new(shared: Arc<Shared>, missed: Option<Missed>) -> Self {
        Self { shared, missed, landed: false }
    }

    pub(super) async fn run(mut self, locate: Locate) {
        let known = self.shared.snapshot.load_full().map(|snapshot| snapshot.known());
        let begun = self.shared.now();
        let outcome = self.shared.parts.sources.fetch(known, locate).await;
        let took = self.shared.now().saturating_sub(begun);
        self.shared.metrics.fetched(outcome.as_ref().err(), took);
        let missed = self.missed.take();
        let snapshot = match outcome {
            Ok(delivery) => self.shared.accept(delivery, missed),
            Err(error) => {
                self.shared.reject(error);
                None
            }
        };
        self.landed = true;
        if let Some(snapshot) = snapshot {
            self.shared.keep(&snapshot).await;
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.landed {
            self.shared.reject(IssuerError::Abandoned);
        }
    }
}

impl Shared {
    /// Takes a delivery in: the new set replaces the old one whole.
    fn accept(&self, delivery: Delivery, missed: Option<Missed>) -> Option<Arc<Snapshot>> {
        let (snapshot, events) = match self.take_in(delivery, missed) {
            Ok(taken) => taken,
            Err(error) => {
                self.reject(error);
                return None;
            }
        };
        snapshot.tell();
        for event in events {
            self.tell(event);
        }
        Some(snapshot)
    }

    fn take_in(
        &self,
        delivery: Delivery,
        missed: Option<Missed>,
    ) -> Result<(Arc<Snapshot>, Vec<EventKind>), IssuerError> {
        let (now, time) = (self.now(), self.parts.clock.now());
        // 304 to a question that was not asked has no set.
        let mut next = Next::of(delivery, self.snapshot.load().as_deref()).ok_or(IssuerError::Abandoned)?;
        let vouched = self.vouched(&next.published, time)?;
        let mut state = self.lock();
        // Only now: a key may have been evicted meanwhile.
        let before = self.snapshot.load_full();
        // While nobody asked, or nobody answered, a withdrawn key must not gain time: the stale time counts.
        let stale_for = state.machine.stale_for(now);
        let confirmed_after = self.settings.absence_confirmed_after.saturating_sub(stale_for);
        let before_keys = before.as_ref().map(|before| &*before.keys);
        let admitted = state.admission.admit(before_keys, vouched, confirmed_after, now);
        let change = next.admit(before.as_deref(), admitted);
        let changed = before.is_none() || !change.is_none();
        let lifetime = next.lifetime(self.settings.fresh_default);
        state.machine.step(Event::Fetched { lifetime, chance: self.chance() }, now);
        if changed {
            state.machine.step(Event::Changed, now);
        }
        if let Some(missed) = missed.filter(|missed| missed.is_missed_in(&next.keys)) {
            state.machine.step(Event::StillUnknown { kid: missed.digest }, now);
        }
        let events = events(before.as_deref(), &next, change, state.outage_since.take(), now);
        let generation = before.map_or(0, |before| before.generation).saturating_add(u64::from(changed));
        let snapshot = self.put(&mut state, next.snapshot(generation, time), now);
        self.ended.notify_waiters();
        Ok((snapshot, events))
    }

    /// A copy of the set with the keys that may be used: all, or those whose certificates lead to a given root.
    fn vouched(&self, published: &KeySet, time: UnixTime) -> Result<KeySet, IssuerError> {
        let Some(roots) = &self.parts.roots else { return Ok(published.without(|_| false)) };
        let vouched = published.without(|key| !is_vouched(key, roots, time));
        if vouched.keys().is_empty() { Err(IssuerError::Unvouched) } else { Ok(vouched) }
    }

    /// Puts a snapshot in the place of the one before.
    fn put(&self, state: &mut Guarded, mut snapshot: Snapshot, now: Duration) -> Arc<Snapshot> {
        snapshot.records = state.records.note(&snapshot.keys, self.parts.clock.now());
        self.metrics.key_set(snapshot.keys.keys().len());
        let snapshot = Arc::new(snapshot);
        self.snapshot.store(Some(Arc::clone(&snapshot)));
        self.hush(state, now);
        snapshot
    }

    fn reject(&self, error: IssuerError) {
        tracing::warn!(issuer = %self.parts.issuer, code = error.code(), %error, "the key set could not be refreshed");
        let now = self.now();
        let mut state = self.lock();
        state.machine.step(Event::Failed { retry_after: error.retry_after(), chance: self.chance() }, now);
        let cause = Arc::new(error);
        state.last_error = Arc::clone(&cause);
        let began = state.outage_since.is_none();
        state.outage_since.get_or_insert(now);
        self.hush(&state, now);
        self.ended.notify_waiters();
        drop(state);
        if began {
            self.tell(EventKind::OutageBegan { cause });
        }
    }

    /// Takes a key out; the snapshot without it, if there was one.
    pub(super) fn evict(&self, kid: &str) -> Option<Arc<Snapshot>> {
        let now = self.now();
        let mut state = self.lock();
        let before = self.snapshot.load_full()?;
        let evicted: Vec<_> =
            before.keys.keys().iter().filter(|key| key.key_id() == Some(kid)).cloned().collect();
        if evicted.is_empty() {
            return None;
        }
        for key in evicted {
            state.admission.evict(key);
        }
        let keys = Arc::new(before.keys.without(|key| key.key_id() == Some(kid)));
        state.machine.step(Event::Changed, now);
        let generation = before.generation.saturating_add(1);
        Some(self.put(&mut state, Snapshot { keys, generation, ..Snapshot::clone_of(&before) }, now))
    }

    pub(super) fn restore(&self, saved: &Saved) -> Result<(), &'static str> {
        let (now, time) = (self.now(), self.parts.clock.now());
        let published = Arc::new(saved.keys()?);
        let vouched = self.vouched(&published, time).map_err(|_| "no given root vouches for its keys")?;
        let in_use = saved.in_use(self.parts.sources.configured());
        let in_use = Arc::new(in_use.ok_or("its source is not configured any more")?);
        let caching = saved.caching();
        let mut state = self.lock();
        state.machine = self.aged(&state.machine, lifetime(&in_use, &caching), saved.age(time), now)?;
        for key in published.keys().iter().filter(|key| saved.has_evicted(key)) {
            state.admission.evict(key.clone());
        }
        let keys = Arc::new(state.admission.admit(None, vouched, Duration::ZERO, now).keys);
        let (json, fetched_at, records) = (saved.json(), saved.fetched_at(), Arc::new([]));
        let snapshot =
            Snapshot { keys, records, in_use, generation: 1, json, published, caching, fetched_at };
        self.put(&mut state, snapshot, now);
        Ok(())
    }

    /// The machine with a set of this age, unless it has one already or this one is too old.
    fn aged(
        &self,
        machine: &CacheState,
        lifetime: Lifetime,
        age: Option<Duration>,
        now: Duration,
    ) -> Result<CacheState, &'static str> {
        let age = age.ok_or("it was fetched in the future")?;
        if self.snapshot.load().is_some() {
            return Err("a key set is there already");
        }
        let mut aged = machine.clone();
        aged.step(Event::Restored { lifetime, age }, now);
        if aged.is_usable(now) { Ok(aged) } else { Err("it is older than `fresh_max` and `stale_max` allow") }
    }

    pub(super) fn saved(&self) -> Option<Saved> {
        let snapshot = self.snapshot.load_full()?;
        let evicted = self.lock().admission.evicted().collect();
        Some(Saved::new(&self.parts.issuer, &snapshot, evicted))
    }

    /// Leaves the set to a later process, if one is to have it.
    pub(super) async fn keep(&self, snapshot: &Snapshot) {
        let Some(store) = self.parts.store.clone() else { return };
        // Only what came from far away can be out of reach one day.
        if matches!(snapshot.in_use.source, KeySource::File(_) | KeySource::Static(_)) {
            return;
        }
        let _alone = self.saving.lock().await;
        let Some(bytes) = self.saved().map(|saved| saved.to_bytes()) else { return };
        let issuer = Arc::clone(&self.parts.issuer);
        let stored = tokio::task::spawn_blocking(move || store.save(&issuer, &bytes)).await;
        if let Ok(Err(reason)) = stored {
            tracing::warn!(issuer = %self.parts.issuer, %reason, "the key set could not be saved for a restart");
        }
    }
}

/// A snapshot that is being made.
struct Next {
    keys: Arc<KeySet>,
    published: Arc<KeySet>,
    json: Arc<[u8]>,
    in_use: Arc<SourceInUse>,
    caching: Caching,
    confirm_within: Option<Duration>,
}

impl Next {
    /// What a delivery and the snapshot before make together; nothing if neither has a set.
    fn of(delivery: Delivery, before: Option<&Snapshot>) -> Option<Self> {
        let Delivery { in_use, document, mut caching } = delivery;
        let (json, published) = match (document, before) {
            // The same words need not be read again, and keep what was prepared and remembered for them.
            (Some(Document { json, .. }), Some(before)) if json == before.json => {
                (Arc::clone(&before.json), Arc::clone(&before.published))
            }
            (Some(Document { json, keys }), _) => (json, Arc::new(keys)),
            (None, Some(before)) => {
                caching.inherit(&before.caching);
                (Arc::clone(&before.json), Arc::clone(&before.published))
            }
            (None, None) => return None,
        };
        Some(Self { keys: Arc::clone(&published), published, json, in_use, caching, confirm_within: None })
    }

    /// Takes over which keys may be used, and what has changed by that.
    fn admit(&mut self, before: Option<&Snapshot>, admitted: Admitted) -> Change {
        let Admitted { keys, change, confirm_within } = admitted;
        self.confirm_within = confirm_within;
        // What was prepared and remembered for a set is kept for as long as it stays the same.
        let kept =
            before.filter(|before| change.is_none() && Arc::ptr_eq(&before.published, &self.published));
        self.keys = match kept {
            Some(before) => Arc::clone(&before.keys),
            None if has_same_keys(&keys, &self.published) => Arc::clone(&self.published),
            None => Arc::new(keys),
        };
        change
    }

    fn lifetime(&self, fresh_default: Duration) -> Lifetime {
        match (lifetime(&self.in_use, &self.caching), self.confirm_within) {
            (Lifetime::Said(said), Some(within)) => {
                Lifetime::AtMost(said.unwrap_or(fresh_default).min(within))
            }
            (lifetime, _) => lifetime,
        }
    }

    fn snapshot(self, generation: u64, fetched_at: UnixTime) -> Snapshot {
        let Self { keys, published, json, in_use, caching, .. } = self;
        Snapshot { keys, records: Arc::new([]), in_use, generation, json, published, caching, fetched_at }
    }
}

fn has_same_keys(one: &KeySet, other: &KeySet) -> bool {
    let (one, other) = (one.keys(), other.keys());
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
}

fn is_vouched(key: &PublishedKey, roots: &[Certificate], time: UnixTime) -> bool {
    let chain = key.certificate().and_then(|leaf| leaf.chain().ok()).unwrap_or_default();
    let outcome = chain::verify(&chain, roots, time);
    if let Err(error) = &outcome {
        tracing::warn!(kid = %quoted(&super::name(key)), code = error.code(), %error, "key not used");
    }
    outcome.is_ok()
}

impl Snapshot {
    fn clone_of(before: &Self) -> Self {
        Self {
            keys: Arc::clone(&before.keys),
            records: Arc::clone(&before.records),
            in_use: Arc::clone(&before.in_use),
            generation: before.generation,
            json: Arc::clone(&before.json),
            published: Arc::clone(&before.published),
            caching: before.caching.clone(),
            fetched_at: before.fetched_at,
        }
    }
}

/// How long a set of this source is fresh.
fn lifetime(in_use: &SourceInUse, caching: &Caching) -> Lifetime {
    match &in_use.source {
        // A better source may be back soon.
        _ if in_use.position > 0 => Lifetime::AtMost(Duration::ZERO),
        KeySource::File(_) => Lifetime::Floor,
        KeySource::Static(_) => Lifetime::Said(Some(Duration::MAX)),
        _ => Lifetime::Said(caching.fresh_for),
    }
}

/// What a new snapshot has to tell.
fn events(
    before: Option<&Snapshot>,
    next: &Next,
    change: Change,
    outage_since: Option<Duration>,
    now: Duration,
) -> Vec<EventKind> {
    let mut events = Vec::new();
    if let Some(since) = outage_since {
        events.push(EventKind::OutageEnded { lasted: now.saturating_sub(since) });
    }
    let Some(before) = before else {
        events.push(EventKind::Loaded { kids: next.keys.keys().iter().map(super::name).collect() });
        return events;
    };
    let (from, to) = (before.in_use.position, next.in_use.position);
    if from != to {
        events.push(EventKind::SourceChanged { from, to, place: next.in_use.place() });
    }
    if let (Some(from), Some(to)) = (&before.in_use.discovery, &next.in_use.discovery)
        && from.jwks_uri() != to.jwks_uri()
    {
        events.push(EventKind::KeySetMoved {
            from: from.jwks_uri().to_string(),
            to: to.jwks_uri().to_string(),
        });
    }
    let Change { added, removed, replaced, nothing_kept } = change;
    events.extend(replaced.into_iter().map(|kid| EventKind::KeyReplaced { kid }));
    if nothing_kept {
        events.push(EventKind::AllKeysReplaced);
    }
    if !added.is_empty() || !removed.is_empty() {
        events.push(EventKind::KeysChanged { added, removed });
    }
    events
}
