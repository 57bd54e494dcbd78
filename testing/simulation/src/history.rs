//! What happened in a world: who asked whom when, and what came of it. The judge knows nothing else.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::task;

use crate::edge::Content;
use crate::world::Manner;

/// Everything that happened.
#[derive(Default)]
pub struct History {
    pub(crate) processes: Vec<Process>,
    pub(crate) calls: Vec<Call>,
    pub(crate) requests: Vec<Request>,
    /// Refreshes that the operator asked for, and key sets that were preloaded
    pub(crate) waits: Vec<Wait>,
    /// For each host, when its clock was set to which error
    pub(crate) clocks: Vec<Vec<(Duration, i64)>>,
}

/// A verifier from its start to its end.
pub(crate) struct Process {
    pub(crate) host: usize,
    pub(crate) takeovers: Vec<Takeover>,
    pub(crate) evictions: Vec<Eviction>,
    /// How many tokens it remembered at last
    pub(crate) remembered: usize,
}

/// An exported key set that was imported.
pub(crate) struct Takeover {
    pub(crate) issuer: usize,
    pub(crate) at: Duration,
    /// The process that exported it
    pub(crate) of: usize,
    pub(crate) version: usize,
    pub(crate) accepted: bool,
}

pub(crate) struct Eviction {
    pub(crate) issuer: usize,
    pub(crate) kid: String,
    pub(crate) at: Duration,
    /// Whether there was such a key
    pub(crate) found: bool,
}

/// One caller with one token.
pub(crate) struct Call {
    pub(crate) process: usize,
    pub(crate) bears: Bears,
    pub(crate) manner: Manner,
    pub(crate) from: Duration,
    /// When it was answered, and what
    pub(crate) end: Option<(Duration, Verdict)>,
}

/// What a caller bears.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Bears {
    /// A token of the world
    Token(usize),
    /// A token with a made-up `kid` that says it is of this issuer
    MadeUp { issuer: usize },
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Verdict {
    Accepted { issuer: String, kid: Option<String> },
    Refused(&'static str),
    Undecided { code: &'static str, retry_after: Duration },
    NeedsRefresh,
    GaveUp,
}

/// One GET.
pub(crate) struct Request {
    pub(crate) process: usize,
    pub(crate) issuer: usize,
    /// The task that asks: each refresh runs in one of its own
    pub(crate) task: Option<task::Id>,
    pub(crate) from: Duration,
    /// When it ended; nothing while it is under way
    pub(crate) until: Option<Duration>,
    /// What it brought; nothing if none waited for the answer
    pub(crate) content: Option<Content>,
}

pub(crate) struct Wait {
    pub(crate) process: usize,
    pub(crate) issuers: u32,
    pub(crate) from: Duration,
    pub(crate) until: Option<Duration>,
}

impl History {
    /// A digest of all that is the same whenever this seed is run.
    pub fn trace(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for Call { process, bears, manner, from, end } in &self.calls {
            (process, bears, manner, from, end).hash(&mut hasher);
        }
        for Request { process, issuer, task: _, from, until, content } in &self.requests {
            (process, issuer, from, until, content).hash(&mut hasher);
        }
        for Process { takeovers, evictions, .. } in &self.processes {
            for Takeover { at, accepted, .. } in takeovers {
                (at, accepted).hash(&mut hasher);
            }
            for Eviction { at, found, .. } in evictions {
                (at, found).hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    /// How many verifiers lived.
    pub fn verifiers(&self) -> usize {
        self.processes.len()
    }

    /// How many calls were made.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }
}

/// A history that is being made.
#[derive(Default)]
pub(crate) struct Record(Mutex<History>);

impl Record {
    pub(crate) fn lock(&self) -> MutexGuard<'_, History> {
        self.0.lock().expect("nothing panics while it writes history")
    }

    /// Notes that something began, and gives its number.
    pub(crate) fn call(&self, call: Call) -> usize {
        let mut history = self.lock();
        history.calls.push(call);
        history.calls.len() - 1
    }

    pub(crate) fn answered(&self, call: usize, at: Duration, verdict: Verdict) {
        self.lock().calls[call].end = Some((at, verdict));
    }

    pub(crate) fn request(&self, request: Request) -> usize {
        let mut history = self.lock();
        history.requests.push(request);
        history.requests.len() - 1
    }

    pub(crate) fn taken(&self) -> History {
        std::mem::take(&mut self.lock())
    }
}
