//! What an issuer was asked, and what it answered: a transport that remembers.
//!
//! So a person sees the very answers that the verifier acted on, and nothing is asked twice to be shown.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jwksmith_verifier::{
    Clock as _, FetchSettings, Fetching, HttpTransport, IssuerError, Request, Response, SystemClock,
    Transport,
};
use url::Url;

use crate::verdict::Fault;

/// A transport over HTTP that remembers every exchange.
pub(crate) struct Recorder {
    transport: HttpTransport,
    clock: SystemClock,
    exchanges: Mutex<Vec<Exchange>>,
}

/// One GET.
#[derive(Clone)]
pub(crate) struct Exchange {
    /// What was asked for
    pub(crate) url: Url,
    /// How long it took
    pub(crate) took: Duration,
    /// What came of it
    pub(crate) outcome: Result<Response, IssuerError>,
}

impl Recorder {
    pub(crate) fn new(settings: FetchSettings) -> Result<Arc<Self>, Fault> {
        let transport = HttpTransport::new(settings)?;
        Ok(Arc::new(Self { transport, clock: SystemClock::new(), exchanges: Mutex::default() }))
    }

    /// Everything so far, in the order in which it ended.
    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks, and remembers what came of it.
    pub(crate) async fn ask(&self, request: &Request) -> Exchange {
        let begun = self.clock.monotonic();
        let outcome = self.transport.get(request).await;
        let took = self.clock.monotonic().saturating_sub(begun);
        let exchange = Exchange { url: request.url.clone(), took, outcome };
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).push(exchange.clone());
        exchange
    }
}

impl Transport for Recorder {
    fn get<'a>(&'a self, request: &'a Request) -> Fetching<'a> {
        Box::pin(async move { self.ask(request).await.outcome })
    }
}

impl Exchange {
    /// A header of the answer, as it was sent.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.outcome.as_ref().ok()?.headers.get(name)?.to_str().ok()
    }

    /// The body of the answer; empty if there was none.
    pub(crate) fn body(&self) -> &[u8] {
        self.outcome.as_ref().map(|response| response.body.as_slice()).unwrap_or_default()
    }

    /// The status of the answer, if there was one.
    pub(crate) fn status(&self) -> Option<u16> {
        self.outcome.as_ref().ok().map(|response| response.status)
    }

    /// The status, or that there was none to be had.
    pub(crate) fn in_a_word(&self) -> String {
        self.status().map_or_else(|| "no answer".to_owned(), |status| format!("status {status}"))
    }
}
