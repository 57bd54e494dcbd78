//! The key set cache of one issuer: the thin async driver around [`state`].
//!
//! Readers take an atomic pointer to an immutable snapshot and need nothing else while it is fresh. A fetch runs in a
//! task of its own, so that a caller who gives up strands nobody, and everybody who needs its outcome waits for the same one.
//! No lock is held across an await.

mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use jwksmith_jose::{KeySet, quoted};
use tokio::sync::watch;

use self::state::{CacheState, Effect, Event};
use crate::clock::Clock;
use crate::discovery::Discovery;
use crate::error::{IssuerError, Undecided};
use crate::fetch::Caching;
use crate::source::{Delivery, Known, Locate, Source};

pub use self::state::CacheSettings;

/// A key set as it was found, immutable.
pub(crate) struct Snapshot {
    pub(crate) keys: Arc<KeySet>,
    pub(crate) discovery: Discovery,
    /// Grows with every set that replaced another.
    pub(crate) generation: u64,
    etag: Option<String>,
    /// What the issuer said of its freshness.
    fresh_for: Option<Duration>,
    /// Until this monotonic reading nobody needs to ask the state machine.
    quiet_until: Duration,
}

impl Snapshot {
    /// Tells the log what was found, and why keys are not used.
    fn tell(&self) {
        let (keys, skipped) = (self.keys.keys().len(), self.keys.skipped().len());
        tracing::debug!(url = %self.discovery.jwks_uri(), keys, skipped, generation = self.generation, "key set at hand");
        for key in self.keys.skipped() {
            let kid = key.key_id.as_deref().unwrap_or_default();
            tracing::debug!(index = key.index, kid = %quoted(kid), reason = %key.reason, "key skipped");
        }
    }
}

/// One issuer's cache.
pub(crate) struct Cache {
    shared: Arc<Shared>,
}

struct Shared {
    source: Source,
    clock: Arc<dyn Clock>,
    snapshot: ArcSwapOption<Snapshot>,
    state: Mutex<Guarded>,
    /// Told about the end of every fetch, under the lock of `state`.
    ended: watch::Sender<()>,
}

/// What the state machine and its callers share under one short lock.
struct Guarded {
    machine: CacheState,
    last_error: Arc<IssuerError>,
}

impl Cache {
    pub(crate) fn new(source: Source, settings: CacheSettings, clock: Arc<dyn Clock>) -> Self {
        let state =
            Guarded { machine: CacheState::new(settings), last_error: Arc::new(IssuerError::Abandoned) };
        Self {
            shared: Arc::new(Shared {
                source,
                clock,
                snapshot: ArcSwapOption::empty(),
                state: Mutex::new(state),
                ended: watch::Sender::new(()),
            }),
        }
    }

    /// The snapshot, if nobody needs to wait for another: while it is fresh without a lock.
    pub(crate) fn at_hand(&self) -> Option<Arc<Snapshot>> {
        let now = self.shared.clock.monotonic();
        let snapshot = self.latest()?;
        let served = now < snapshot.quiet_until || self.shared.lock().machine.serves_at_once(now);
        served.then_some(snapshot)
    }

    /// Begins a refresh beside whoever was served from this snapshot, if one is due.
    pub(crate) fn refresh_if_due(&self, snapshot: &Snapshot) {
        if self.shared.clock.monotonic() < snapshot.quiet_until {
            return;
        }
        if let (Effect::ServeAndFetch | Effect::FetchAndWait, _) = self.step(Event::KeyWanted) {
            self.begin_fetch(self.where_to_look());
        }
    }

    /// The snapshot whatever its age.
    pub(crate) fn latest(&self) -> Option<Arc<Snapshot>> {
        self.shared.snapshot.load_full()
    }

    /// A snapshot that may be verified with. Waits for a fetch if there is none, or if it is past its freshness; in that
    /// case it does for as long as fetches fail.
    pub(crate) async fn current(&self) -> Result<Arc<Snapshot>, Undecided> {
        let (effect, ended) = self.step(Event::KeyWanted);
        match effect {
            Effect::Serve | Effect::TooSoon { .. } | Effect::None => {}
            Effect::ServeAndFetch => self.begin_fetch(self.where_to_look()),
            Effect::FetchAndWait => {
                self.begin_fetch(self.where_to_look());
                self.end(ended).await;
            }
            Effect::Join => self.end(ended).await,
        }
        self.usable().ok_or_else(|| self.undecided())
    }

    /// A snapshot newer than `seen`, if one can be had now; nothing if the floor forbids a fetch or the fetch brought
    /// nothing new.
    pub(crate) async fn newer_than(&self, seen: &Snapshot) -> Result<Option<Arc<Snapshot>>, Undecided> {
        // Somebody's fetch may have ended since the caller took its snapshot.
        let newer = || self.latest().filter(|latest| latest.generation > seen.generation);
        if let Some(newer) = newer() {
            return Ok(Some(newer));
        }
        let (effect, ended) = self.step(Event::NewerWanted);
        match effect {
            Effect::FetchAndWait => {
                self.begin_fetch(Locate::Anew);
                self.end(ended).await;
            }
            Effect::Join => self.end(ended).await,
            Effect::TooSoon { .. } | Effect::Serve | Effect::ServeAndFetch | Effect::None => {}
        }
        // Within the floor the set at hand is as good as a new one, unless the issuer has been failing.
        let failing = self.shared.lock().machine.is_failing();
        match newer() {
            Some(newer) => Ok(Some(newer)),
            None if failing => Err(self.undecided()),
            None => Ok(None),
        }
    }

    /// A place that failed is not the first to be asked again: it may be gone, and not even say so.
    fn where_to_look(&self) -> Locate {
        if self.shared.lock().machine.is_failing() { Locate::Anew } else { Locate::IfNeeded }
    }

    /// Waits for the end of the fetch under way.
    async fn end(&self, mut ended: watch::Receiver<()>) {
        // The sender lives as long as `self`, so this ends with a change and never with an error.
        let _ = ended.changed().await;
    }

    fn usable(&self) -> Option<Arc<Snapshot>> {
        let usable = self.shared.lock().machine.is_usable(self.shared.clock.monotonic());
        self.latest().filter(|_| usable)
    }

    fn undecided(&self) -> Undecided {
        let now = self.shared.clock.monotonic();
        let state = self.shared.lock();
        Undecided { cause: Arc::clone(&state.last_error), retry_after: state.machine.retry_after(now) }
    }

    /// Steps the machine, and begins to listen for the end of a fetch in the same breath: a fetch that ends right after
    /// is heard, and one that ended right before is not.
    fn step(&self, event: Event) -> (Effect, watch::Receiver<()>) {
        let now = self.shared.clock.monotonic();
        let mut state = self.shared.lock();
        (state.machine.step(event, now), self.shared.ended.subscribe())
    }

    /// Runs the fetch that the state machine has just counted, in a task of its own.
    fn begin_fetch(&self, locate: Locate) {
        let flight = Flight { shared: Arc::clone(&self.shared), landed: false };
        tokio::spawn(flight.run(locate));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Guarded> {
        // The guarded values are replaced whole, so a panic elsewhere cannot have left them half-made.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a delivery in: the new set replaces the old one whole.
    fn accept(&self, mut delivery: Delivery) {
        let mut state = self.lock();
        let before = self.snapshot.load_full();
        let generation = before.as_ref().map_or(0, |before| before.generation);
        let (keys, generation) = match (delivery.keys.take(), &before) {
            (Some(keys), _) => (Arc::new(keys), generation.saturating_add(1)),
            // RFC 9111 §4.3.4: a 304 updates what is kept, and what it does not say stays.
            (None, Some(before)) => {
                delivery.caching.inherit(before.fresh_for, before.etag.as_deref());
                (Arc::clone(&before.keys), generation)
            }
            // 304 to a question that was not asked.
            (None, None) => {
                drop(state);
                return self.reject(IssuerError::Abandoned);
            }
        };
        let Delivery { discovery, caching: Caching { fresh_for, etag }, .. } = delivery;
        state.machine.step(Event::Fetched { fresh_for }, self.clock.monotonic());
        let quiet_until = state.machine.quiet_until();
        let snapshot = Arc::new(Snapshot { keys, discovery, generation, etag, fresh_for, quiet_until });
        self.snapshot.store(Some(Arc::clone(&snapshot)));
        self.ended.send_replace(());
        drop(state);
        snapshot.tell();
    }

    fn reject(&self, error: IssuerError) {
        tracing::warn!(code = error.code(), %error, "the key set could not be refreshed");
        let mut state = self.lock();
        state.machine.step(Event::Failed { retry_after: error.retry_after() }, self.clock.monotonic());
        state.last_error = Arc::new(error);
        self.ended.send_replace(());
    }
}

/// One fetch on its way. If it is dropped before it lands (its task panicked, or the runtime ended), it counts as failed,
/// so that nobody waits for it for ever.
struct Flight {
    shared: Arc<Shared>,
    landed: bool,
}

impl Flight {
    async fn run(mut self, locate: Locate) {
        let snapshot = self.shared.snapshot.load_full();
        let known = snapshot.map(|set| Known { discovery: set.discovery.clone(), etag: set.etag.clone() });
        let outcome = self.shared.source.fetch(known, locate).await;
        match outcome {
            Ok(delivery) => self.shared.accept(delivery),
            Err(error) => self.shared.reject(error),
        }
        self.landed = true;
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.landed {
            self.shared.reject(IssuerError::Abandoned);
        }
    }
}
