//! The network of a world: a transport that asks the edge, and takes virtual time for it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jwksmith_verifier::{Fetching, IssuerError, Request, Response, Transport};
use tokio::time::Instant;

use crate::chance::Chance;
use crate::clock::{elapsed, sleep};
use crate::edge::{Answer, Content, Edge};
use crate::history::{self, Record};

pub(crate) struct SimTransport {
    /// The issuer that answers
    pub(crate) edge: Arc<Edge>,
    pub(crate) record: Arc<Record>,
    pub(crate) origin: Instant,
    pub(crate) process: usize,
    /// The issuer that the verifier believes it asks
    pub(crate) issuer: usize,
    pub(crate) fetch_timeout: Duration,
    pub(crate) chance: Mutex<Chance>,
    /// Whether issuers answer only by saying that they cannot
    pub(crate) is_cut: bool,
}

/// What chance says of one request: which replica it reaches, and how long both ways take.
struct Journey {
    replica: usize,
    there: Duration,
    back: Duration,
}

impl Transport for SimTransport {
    fn get<'a>(&'a self, request: &'a Request) -> Fetching<'a> {
        Box::pin(self.fetch(request))
    }
}

impl SimTransport {
    async fn fetch(&self, request: &Request) -> Result<Response, IssuerError> {
        let under_way = UnderWay::begin(self);
        let Journey { replica, there, back } = self.journey();
        sleep(there).await;
        let refused =
            || IssuerError::Unreachable { url: request.url.to_string(), reason: "refused".to_owned() };
        let answer = if self.is_cut {
            Answer::Refused
        } else {
            self.edge.answer(request, elapsed(self.origin), replica)
        };
        match answer {
            Answer::Never => std::future::pending().await,
            Answer::Late => {
                sleep(self.fetch_timeout * 2).await;
                Err(refused())
            }
            Answer::Refused => {
                under_way.ended(Content::Nothing { come_back: None });
                Err(refused())
            }
            Answer::Reply(response, content) => {
                sleep(back).await;
                under_way.ended(content);
                Ok(response)
            }
        }
    }

    /// A refresh asks four times at most, and half of its time is for finding the place; so an issuer that answers as it
    /// should does within an eighth.
    fn journey(&self) -> Journey {
        let mut chance = self.chance.lock().expect("nothing panics while it draws");
        let half = self.fetch_timeout / 16;
        let mut way = || if chance.one_in(3) { Duration::ZERO } else { chance.between(Duration::ZERO, half) };
        let (there, back) = (way(), way());
        Journey { replica: chance.count(0..=11), there, back }
    }
}

/// A request until it is answered, or nobody waits for it any more.
struct UnderWay<'t> {
    transport: &'t SimTransport,
    number: usize,
}

impl<'t> UnderWay<'t> {
    fn begin(transport: &'t SimTransport) -> Self {
        let number = transport.record.request(history::Request {
            process: transport.process,
            issuer: transport.issuer,
            task: tokio::task::try_id(),
            from: elapsed(transport.origin),
            until: None,
            content: None,
        });
        Self { transport, number }
    }

    fn ended(&self, content: Content) {
        self.transport.record.lock().requests[self.number].content = Some(content);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let now = elapsed(self.transport.origin);
        // What is dropped after the end of the world is no part of its history.
        if let Some(request) = self.transport.record.lock().requests.get_mut(self.number) {
            request.until = Some(now);
        }
    }
}
