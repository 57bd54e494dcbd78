//! The key set cache of one issuer: the thin async driver around [`state`].
//!
//! Readers take an atomic pointer to an immutable snapshot and need nothing else while a known key is served anyway. A fetch
//! runs in a task of its own, so that a caller who gives up strands nobody, and everybody who needs its outcome waits for the
//! same one. No lock is held across an await, but for that in which saves of the set stand in line.

mod admission;
mod flight;
mod settings;
mod snapshot;
mod state;
mod unknown;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use jwksmith_jose::Certificate;
use tokio::runtime::Handle;
use tokio::sync::futures::OwnedNotified;
use tokio::sync::{Notify, broadcast};
use tracing::Instrument as _;

use self::admission::Admission;
use self::flight::Flight;
use self::state::{CacheState, Chance, Effect};
use crate::clock::Clock;
use crate::error::{IssuerError, Undecided};
use crate::event::{Event, EventKind};
use crate::metrics::IssuerMetrics;
use crate::record::Records;
use crate::saved::{Saved, SnapshotStore};
use crate::source::{Locate, Sources};
use crate::status::{IssuerStatus, Refreshed};

pub(crate) use self::admission::{EVICTED_KEYS_MAX, is_same, name};
pub use self::settings::{CacheSettings, RevocationBound};
pub(crate) use self::snapshot::Snapshot;
pub use self::state::Age;

/// How soon a caller who did not wait for a fetch to end should ask again.
const FETCH_PENDING_RETRY: Duration = Duration::from_secs(1);

/// One issuer's cache.
pub(crate) struct Cache {
    shared: Arc<Shared>,
}

/// What a cache is made of, beside its settings.
pub(crate) struct Parts {
    pub(crate) issuer: Arc<str>,
    pub(crate) sources: Sources,
    /// Who must vouch for the certificate of a key, if anybody must
    pub(crate) roots: Option<Arc<[Certificate]>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) store: Option<Arc<dyn SnapshotStore>>,
    /// Where fetches run that are begun outside of any runtime
    pub(crate) runtime: Option<Handle>,
    /// Where chance comes from
    pub(crate) seed: u64,
}

pub(crate) struct Shared {
    parts: Parts,
    settings: CacheSettings,
    metrics: IssuerMetrics,
    snapshot: ArcSwapOption<Snapshot>,
    /// Until this monotonic reading, in nanoseconds, nobody needs to ask the state machine for a known key.
    quiet_until: AtomicU64,
    state: Mutex<Guarded>,
    /// Told about the end of every fetch, under the lock of `state`. Whoever came first wakes first, so that a run can be
    /// repeated.
    ended: Arc<Notify>,
    chances: AtomicU64,
    digests: RandomState,
    /// Saves happen one after the other, each of what is the latest then. Savers wait without holding a thread.
    saving: tokio::sync::Mutex<()>,
}

/// What the state machine and its callers share under one short lock.
struct Guarded {
    machine: CacheState,
    last_error: Arc<IssuerError>,
    admission: Admission,
    records: Records,
    /// Since when refreshes fail
    outage_since: Option<Duration>,
}

/// What a token misses in the set at hand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Wanted<'t> {
    /// A key of this name
    Kid(&'t str),
    /// Another key of this name than the one that is there
    OtherKeyOf(&'t str),
    /// A key that fits; the token names none
    Any,
}

/// A snapshot that may be verified with.
pub(crate) struct Current {
    pub(crate) snapshot: Arc<Snapshot>,
    /// Whether the issuer was asked for it just now, so that asking again would tell nothing new
    pub(crate) asked: bool,
}

/// What came of looking for a newer set.
pub(crate) enum Newer {
    /// This one is newer
    Set(Arc<Snapshot>),
    /// The set at hand is the issuer's last word, or as good as that
    Same,
    /// Refreshes fail
    Failing(Undecided),
    /// A refresh is under way that nobody waits for here
    Pending,
}

impl Cache {
    pub(crate) fn new(parts: Parts, settings: CacheSettings) -> Self {
        let state = Guarded {
            machine: CacheState::new(settings.clone()),
            last_error: Arc::new(IssuerError::Abandoned),
            admission: Admission::default(),
            records: Records::default(),
            outage_since: None,
        };
        let metrics = IssuerMetrics::new(&parts.issuer);
        let chances = AtomicU64::new(parts.seed);
        let shared = Shared {
            parts,
            settings,
            metrics,
            snapshot: ArcSwapOption::empty(),
            quiet_until: AtomicU64::new(0),
            state: Mutex::new(state),
            ended: Arc::new(Notify::new()),
            chances,
            digests: RandomState::new(),
            saving: tokio::sync::Mutex::new(()),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The snapshot, if a known key is served from it without waiting: as a rule without a lock.
    pub(crate) fn at_hand(&self, now: Duration) -> Option<Guard<Option<Arc<Snapshot>>>> {
        let is_served = self.is_quiet(now) || self.shared.lock().machine.serves_at_once(now);
        is_served.then(|| self.shared.snapshot.load()).filter(|snapshot| snapshot.is_some())
    }

    fn is_quiet(&self, now: Duration) -> bool {
        nanoseconds(now) < self.shared.quiet_until.load(Ordering::Acquire)
    }

    /// Begins a refresh beside whoever was served, if one is due.
    pub(crate) fn refresh_if_due(&self, now: Duration) {
        if !self.is_quiet(now) {
            self.begin_if_allowed();
        }
    }

    /// Begins a refresh if the set needs one and one may begin, and waits for nothing.
    pub(crate) fn begin_if_allowed(&self) {
        let _ = self.want_key();
    }

    /// Begins what a wanted key needs; whoever has no key then waits for the end of it.
    fn want_key(&self) -> Option<OwnedNotified> {
        let (effect, ended) = self.step(state::Event::KeyWanted);
        match effect {
            Effect::ServeAndFetch => {
                self.begin_fetch(self.where_to_look(), None);
                None
            }
            Effect::FetchAndWait => self.begin_fetch(self.where_to_look(), None).then_some(ended),
            Effect::Join => Some(ended),
            Effect::Serve | Effect::TooSoon { .. } | Effect::NotThere | Effect::None => None,
        }
    }

    /// The snapshot whatever its age.
    pub(crate) fn latest(&self) -> Option<Arc<Snapshot>> {
        self.shared.snapshot.load_full()
    }

    /// A snapshot that may be verified with. Waits for a fetch if there is none, or if it is past its freshness; in that
    /// case it does for as long as fetches fail.
    pub(crate) async fn current(&self) -> Result<Current, Undecided> {
        let ended = self.want_key();
        let asked = ended.is_some();
        if let Some(ended) = ended {
            self.end(ended).await?;
        }
        let snapshot = self.usable().ok_or_else(|| self.undecided())?;
        Ok(Current { snapshot, asked })
    }

    /// The same without waiting: begins what is needed, and says how it stands.
    pub(crate) fn current_soon(&self) -> Result<Arc<Snapshot>, Newer> {
        match self.want_key() {
            Some(_) => Err(Newer::Pending),
            None => self.usable().ok_or_else(|| Newer::Failing(self.undecided())),
        }
    }

    /// A snapshot newer than the one of generation `seen`, if one can be had now.
    pub(crate) async fn newer_than(&self, seen: u64, wanted: Wanted<'_>) -> Newer {
        if let Some(newer) = self.newer(seen) {
            return Newer::Set(newer);
        }
        if let Some(ended) = self.look_for(wanted)
            && self.end(ended).await.is_err()
        {
            return Newer::Pending;
        }
        self.outcome(seen)
    }

    /// The same without waiting.
    pub(crate) fn newer_soon(&self, seen: u64, wanted: Wanted<'_>) -> Newer {
        if let Some(newer) = self.newer(seen) {
            return Newer::Set(newer);
        }
        match self.look_for(wanted) {
            Some(_) => Newer::Pending,
            None => self.outcome(seen),
        }
    }

    /// Somebody's fetch may have ended since the caller took its snapshot.
    fn newer(&self, seen: u64) -> Option<Arc<Snapshot>> {
        self.latest().filter(|latest| latest.generation > seen)
    }

    /// Begins a refresh, or joins one; nothing if none may begin, or if none would help.
    fn look_for(&self, wanted: Wanted<'_>) -> Option<OwnedNotified> {
        let kid = self.shared.digest(wanted);
        let (effect, ended) = self.step(state::Event::NewerWanted { kid });
        match effect {
            Effect::FetchAndWait => {
                let missed = kid.map(|kid| flight::Missed::new(kid, wanted));
                self.begin_fetch(Locate::Anew, missed).then_some(ended)
            }
            Effect::Join => Some(ended),
            _ => None,
        }
    }

    /// How it stands after a refresh, or without one that was possible.
    pub(crate) fn outcome(&self, seen: u64) -> Newer {
        // Within the floor the set at hand is as good as a new one, unless the issuer has been failing.
        match (self.newer(seen), self.failing()) {
            (Some(newer), _) => Newer::Set(newer),
            (None, Some(undecided)) => Newer::Failing(undecided),
            (None, None) => Newer::Same,
        }
    }

    /// What is told while refreshes fail.
    pub(crate) fn failing(&self) -> Option<Undecided> {
        let failing = self.shared.lock().machine.is_failing();
        failing.then(|| self.undecided())
    }

    /// Refreshes now, if the floor allows it.
    pub(crate) async fn refresh(&self) -> Result<Refreshed, Undecided> {
        let before = self.latest().map_or(0, |snapshot| snapshot.generation);
        let (effect, ended) = self.step(state::Event::NewerWanted { kid: None });
        match effect {
            Effect::FetchAndWait => {
                self.begin_fetch(Locate::Anew, None);
                self.end(ended).await?;
            }
            Effect::Join => self.end(ended).await?,
            Effect::TooSoon { retry_after } => return Ok(Refreshed::TooSoon { retry_after }),
            Effect::Serve | Effect::ServeAndFetch | Effect::NotThere | Effect::None => {}
        }
        match self.outcome(before) {
            Newer::Set(_) => Ok(Refreshed::Changed),
            Newer::Same => Ok(Refreshed::Unchanged),
            Newer::Failing(undecided) => Err(undecided),
            Newer::Pending => Err(Self::pending()),
        }
    }

    /// Takes a key out, whatever the issuer says, for as long as this process lives. Whether there was one.
    pub(crate) fn evict(&self, kid: &str) -> bool {
        let evicted = self.shared.evict(kid);
        if let Some(snapshot) = &evicted {
            self.shared.tell(EventKind::KeyEvicted { kid: kid.to_owned() });
            let (shared, snapshot) = (Arc::clone(&self.shared), Arc::clone(snapshot));
            // A later process must not begin with the key.
            self.spawn(async move { shared.keep(&snapshot).await });
        }
        evicted.is_some()
    }

    /// Takes over what an earlier process saved, unless a set is there already.
    pub(crate) fn restore(&self, saved: &Saved) -> Result<(), &'static str> {
        self.shared.restore(saved)
    }

    /// What this process would leave to a later one.
    pub(crate) fn save(&self) -> Option<Saved> {
        self.shared.saved()
    }

    pub(crate) fn revocation_bound(&self) -> RevocationBound {
        self.shared.settings.revocation_bound()
    }

    /// When a refresh is due that nobody asked for, as a monotonic reading.
    pub(crate) fn refresh_due_at(&self) -> Duration {
        self.shared.lock().machine.refresh_due_at()
    }

    pub(crate) fn metrics(&self) -> &IssuerMetrics {
        &self.shared.metrics
    }

    pub(crate) fn status(&self) -> IssuerStatus {
        let now = self.shared.now();
        let snapshot = self.latest();
        let state = self.shared.lock();
        IssuerStatus {
            issuer: Arc::clone(&self.shared.parts.issuer),
            age: state.machine.age(now),
            usable: state.machine.is_usable(now),
            failing: state.machine.is_failing().then(|| Arc::clone(&state.last_error)),
            fetched_at: snapshot.as_ref().map(|snapshot| snapshot.fetched_at),
            in_use: snapshot.as_ref().map(|snapshot| (*snapshot.in_use).clone()),
            sources: self.shared.parts.sources.configured().cloned().collect(),
            next_refresh_in: state.machine.refresh_due_at().saturating_sub(now),
            fresh_for: state.machine.fresh_for(now),
            usable_for: state.machine.usable_for(now),
            generation: snapshot.as_ref().map_or(0, |snapshot| snapshot.generation),
            keys: state.records.told(),
        }
    }

    /// A place that failed is not the first to be asked again: it may be gone, and not even say so.
    fn where_to_look(&self) -> Locate {
        if self.shared.lock().machine.is_failing() { Locate::Anew } else { Locate::IfNeeded }
    }

    /// Waits for the end of the fetch under way, for as long as a call may.
    async fn end(&self, ended: OwnedNotified) -> Result<(), Undecided> {
        let waited = tokio::time::timeout(self.shared.settings.wait_max, ended).await;
        waited.map_err(|_| Self::pending())
    }

    /// What a caller is told who does not wait for the fetch under way.
    pub(crate) fn pending() -> Undecided {
        Undecided { cause: Arc::new(IssuerError::StillFetching), retry_after: FETCH_PENDING_RETRY }
    }

    fn usable(&self) -> Option<Arc<Snapshot>> {
        let usable = self.shared.lock().machine.is_usable(self.shared.now());
        self.latest().filter(|_| usable)
    }

    fn undecided(&self) -> Undecided {
        let now = self.shared.now();
        let state = self.shared.lock();
        Undecided { cause: Arc::clone(&state.last_error), retry_after: state.machine.retry_after(now) }
    }

    /// Steps the machine, and begins to listen for the end of a fetch in the same breath: a fetch that ends right after
    /// is heard, and one that ended right before is not.
    fn step(&self, event: state::Event) -> (Effect, OwnedNotified) {
        let now = self.shared.now();
        let mut state = self.shared.lock();
        let effect = state.machine.step(event, now);
        self.shared.hush(&state, now);
        (effect, Arc::clone(&self.shared.ended).notified_owned())
    }

    /// Runs the fetch that the state machine has just counted, in a task of its own; whether it could be begun.
    fn begin_fetch(&self, locate: Locate, missed: Option<flight::Missed>) -> bool {
        let flight = Flight::new(Arc::clone(&self.shared), missed);
        let span = tracing::debug_span!("refresh", issuer = %self.shared.parts.issuer);
        let begun = self.spawn(flight.run(locate).instrument(span));
        if !begun {
            // The flight was dropped, which counts as a failed fetch.
            tracing::error!("there is no tokio runtime to fetch the key set in");
        }
        begun
    }

    /// Runs a task in the runtime of the caller, or in the one that the verifier was built in; whether there is one.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        let runtime = Handle::try_current().ok().or_else(|| self.shared.parts.runtime.clone());
        runtime.map(|runtime| runtime.spawn(task)).is_some()
    }
}

impl Shared {
    fn now(&self) -> Duration {
        self.parts.clock.monotonic()
    }

    fn lock(&self) -> MutexGuard<'_, Guarded> {
        // The guarded values are replaced whole, so a panic elsewhere cannot have left them half-made.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets readers go on without the machine for as long as it would say the same.
    fn hush(&self, state: &Guarded, now: Duration) {
        self.quiet_until.store(nanoseconds(state.machine.quiet_until(now)), Ordering::Release);
    }

    fn tell(&self, kind: EventKind) {
        let event = Event { issuer: Arc::clone(&self.parts.issuer), at: self.parts.clock.now(), kind };
        self.metrics.event(&event.kind);
        let (issuer, kind, detail) = (&event.issuer, event.kind.name(), &event.kind);
        if event.kind.is_alarm() {
            tracing::warn!(%issuer, kind, ?detail, "the issuer's keys changed as no sound issuer changes them");
        } else {
            tracing::info!(%issuer, kind, ?detail, "key set event");
        }
        // Nobody may be listening.
        let _ = self.parts.events.send(event);
    }

    /// A chance for the next event (a Weyl sequence, mixed as SplitMix64 does): it spreads, and guards nothing.
    fn chance(&self) -> Chance {
        let mut mixed = self.chances.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let [byte, ..] = (mixed ^ (mixed >> 31)).to_le_bytes();
        Chance(byte)
    }

    /// Nothing for a token that names no key: what it needs may be anything.
    fn digest(&self, wanted: Wanted<'_>) -> Option<unknown::KidDigest> {
        (wanted != Wanted::Any).then(|| self.digests.hash_one(wanted))
    }
}

fn nanoseconds(reading: Duration) -> u64 {
    // Five centuries fit.
    u64::try_from(reading.as_nanos()).unwrap_or(u64::MAX)
}
