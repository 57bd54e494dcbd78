//! What a verifier tells of: rotations, alarms and outages, to whoever listens.

use std::sync::Arc;
use std::time::Duration;

use jwksmith_jose::UnixTime;
use tokio::sync::broadcast;

use crate::error::IssuerError;

/// How many events wait for a listener that is slow; beyond it the oldest are dropped, and [`EventKind::Missed`] says so.
pub const EVENTS_WAITING_MAX: usize = 256;

/// Something happened to an issuer's keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// The issuer, as configured
    pub issuer: Arc<str>,
    /// When
    pub at: UnixTime,
    /// What
    pub kind: EventKind,
}

/// What happened. Keys are named by their `kid`, or by their thumbprint if they have none.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// The first key set is there
    Loaded {
        /// Its keys
        kids: Vec<String>,
    },
    /// A rotation: keys came or went
    KeysChanged {
        /// Keys that came
        added: Vec<String>,
        /// Keys that went; their tokens are refused from now on
        removed: Vec<String>,
    },
    /// Alarm: another key, or the same for other algorithms, has come under a known `kid`. No sound issuer does that
    KeyReplaced {
        /// The `kid`
        kid: String,
    },
    /// Alarm: not one key of the set before is in the new one. A sound rotation keeps the old key for a while
    AllKeysReplaced,
    /// A key was evicted by this program
    KeyEvicted {
        /// The `kid`
        kid: String,
    },
    /// The first refresh failed after good ones
    OutageBegan {
        /// Why
        cause: Arc<IssuerError>,
    },
    /// The first refresh succeeded after failed ones
    OutageEnded {
        /// For how long none did
        lasted: Duration,
    },
    /// The discovery document names another place of the key set than before
    KeySetMoved {
        /// The place before
        from: String,
        /// The place now
        to: String,
    },
    /// The keys come from another source than before
    SourceChanged {
        /// The position of the source before
        from: usize,
        /// The position of the source now
        to: usize,
        /// Where that is
        place: String,
    },
    /// This listener was too slow for so many events
    Missed {
        /// How many
        events: u64,
    },
}

impl EventKind {
    /// Whether somebody should look into it.
    pub fn is_alarm(&self) -> bool {
        matches!(self, Self::KeyReplaced { .. } | Self::AllKeysReplaced)
    }

    /// A stable name, for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Loaded { .. } => "loaded",
            Self::KeysChanged { .. } => "keys_changed",
            Self::KeyReplaced { .. } => "key_replaced",
            Self::AllKeysReplaced => "all_keys_replaced",
            Self::KeyEvicted { .. } => "key_evicted",
            Self::OutageBegan { .. } => "outage_began",
            Self::OutageEnded { .. } => "outage_ended",
            Self::KeySetMoved { .. } => "key_set_moved",
            Self::SourceChanged { .. } => "source_changed",
            Self::Missed { .. } => "missed",
        }
    }
}

/// The events from the moment of [`Verifier::subscribe`](crate::Verifier::subscribe) on.
pub struct Events(broadcast::Receiver<Event>);

impl Events {
    pub(crate) fn new(receiver: broadcast::Receiver<Event>) -> Self {
        Self(receiver)
    }

    /// The next event; nothing once the verifier is gone. Giving up waiting loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(events)) => Some(missed(events)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }

    /// The next event that is there already.
    pub fn try_next(&mut self) -> Option<Event> {
        match self.0.try_recv() {
            Ok(event) => Some(event),
            Err(broadcast::error::TryRecvError::Lagged(events)) => Some(missed(events)),
            Err(_) => None,
        }
    }
}

/// Of several issuers it cannot be said whose events they were.
fn missed(events: u64) -> Event {
    Event { issuer: "".into(), at: UnixTime::from_seconds(0), kind: EventKind::Missed { events } }
}
