//! Which answer a request gets, and what has been asked so far.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::{Reply, Seen};

/// The answers of one path of a [`FakeIssuer`](crate::FakeIssuer), one of them for each request.
///
/// They nest: each place that takes a [`Reply`] takes further `Answers`.
///
/// ```
/// use jwksmith_testkit::{Answers, Reply};
///
/// let fails_twice = Answers::in_turn([Reply::status(503), Reply::reset(), Reply::text("{}")]);
/// let picky = Answers::when_accepts("application/jwk-set+json", fails_twice, Reply::status(406));
/// ```
pub struct Answers(Choice);

enum Choice {
    Always(Reply),
    InTurn { answers: Vec<Answers>, next: usize, then: Then },
    When { holds: Box<Condition>, then: Box<Answers>, otherwise: Box<Answers> },
}

/// What follows the last of some answers in turn.
#[derive(Clone, Copy)]
enum Then {
    TheLastAgain,
    TheFirstAgain,
}

type Condition = dyn Fn(&Seen) -> bool + Send + Sync;

impl Answers {
    /// One after the other; the last one stays.
    pub fn in_turn<A: Into<Self>>(answers: impl IntoIterator<Item = A>) -> Self {
        Self::turning(answers, Then::TheLastAgain)
    }

    /// One after the other for ever, as replicas behind a load balancer that do not agree.
    pub fn flapping<A: Into<Self>>(answers: impl IntoIterator<Item = A>) -> Self {
        Self::turning(answers, Then::TheFirstAgain)
    }

    /// As the request is.
    pub fn when(
        holds: impl Fn(&Seen) -> bool + Send + Sync + 'static,
        then: impl Into<Self>,
        otherwise: impl Into<Self>,
    ) -> Self {
        let (then, otherwise) = (Box::new(then.into()), Box::new(otherwise.into()));
        Self(Choice::When { holds: Box::new(holds), then, otherwise })
    }

    /// By whether the request has a header with exactly this value.
    pub fn when_header(name: &str, value: &str, then: impl Into<Self>, otherwise: impl Into<Self>) -> Self {
        let (name, value) = (name.to_owned(), value.to_owned());
        Self::when(move |seen| seen.header(&name) == Some(&value), then, otherwise)
    }

    /// By whether the request's `Accept` allows this media type, as the Kubernetes API server asks for its key set.
    pub fn when_accepts(media_type: &str, then: impl Into<Self>, otherwise: impl Into<Self>) -> Self {
        let media_type = media_type.to_owned();
        Self::when(move |seen| seen.accepts(&media_type), then, otherwise)
    }

    fn turning<A: Into<Self>>(answers: impl IntoIterator<Item = A>, then: Then) -> Self {
        let answers: Vec<_> = answers.into_iter().map(Into::into).collect();
        assert!(!answers.is_empty(), "there is nothing to answer with");
        Self(Choice::InTurn { answers, next: 0, then })
    }

    fn answer(&mut self, seen: &Seen) -> Reply {
        match &mut self.0 {
            Choice::Always(reply) => reply.clone(),
            Choice::InTurn { answers, next, then } => {
                let current = *next;
                *next = then.after(current, answers.len());
                answers[current].answer(seen)
            }
            Choice::When { holds, then, otherwise } => {
                if holds(seen) {
                    then.answer(seen)
                } else {
                    otherwise.answer(seen)
                }
            }
        }
    }
}

impl From<Reply> for Answers {
    fn from(reply: Reply) -> Self {
        Self(Choice::Always(reply))
    }
}

impl Then {
    fn after(self, current: usize, count: usize) -> usize {
        match self {
            Self::TheLastAgain => (current + 1).min(count - 1),
            Self::TheFirstAgain => (current + 1) % count,
        }
    }
}

/// All that an issuer answers, and all that it was asked.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) answers: HashMap<String, Answers>,
    pub(crate) seen: Vec<Arc<Seen>>,
    pub(crate) confirmations: HashMap<String, usize>,
    pub(crate) guard: Option<Guard>,
    /// Every path answers 503.
    pub(crate) outage: bool,
    pub(crate) watchers: Vec<mpsc::UnboundedSender<Arc<Seen>>>,
}

/// Demands a bearer token for one path, whatever it answers.
pub(crate) struct Guard {
    path: String,
    authorization: String,
}

impl Guard {
    pub(crate) fn new(path: String, token: &str) -> Self {
        Self { path, authorization: format!("Bearer {token}") }
    }

    fn refuses(&self, seen: &Seen) -> bool {
        seen.path() == self.path && seen.header("authorization") != Some(&self.authorization)
    }
}

impl Script {
    pub(crate) fn answer(&mut self, seen: Seen) -> Reply {
        let seen = self.record(seen);
        if self.outage {
            return Reply::status(503);
        }
        if self.guard.as_ref().is_some_and(|guard| guard.refuses(&seen)) {
            return Reply::status(401).header("www-authenticate", "Bearer");
        }
        let answers = self.answers.get_mut(seen.path());
        let reply = answers.map_or_else(|| Reply::status(404), |answers| answers.answer(&seen));
        if !reply.confirmable_by().is_some_and(|etag| seen.has(etag)) {
            return reply;
        }
        *self.confirmations.entry(seen.path().to_owned()).or_default() += 1;
        reply.confirmation()
    }

    fn record(&mut self, seen: Seen) -> Arc<Seen> {
        let seen = Arc::new(seen);
        self.seen.push(Arc::clone(&seen));
        self.watchers.retain(|watcher| watcher.send(Arc::clone(&seen)).is_ok());
        seen
    }
}
