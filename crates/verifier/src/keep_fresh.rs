//! Refreshing without requests: for services that are quiet for hours, and for callers that cannot wait.
//!
//! Under traffic a verifier needs none of this: requests refresh ahead of time. Without traffic a set passes its freshness, and
//! the next token waits for one refresh; here it does not, at the price of one refresh per freshness and issuer for as long as
//! the task runs.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::verifier::Verifier;

/// The shortest and the longest pause between two looks at what is due.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Keeps the key sets of a verifier fresh until it is dropped, or the verifier is.
#[must_use = "refreshing ends when this is dropped"]
pub struct KeepFresh {
    task: JoinHandle<()>,
}

impl Verifier {
    /// Refreshes every key set ahead of time, requests or not, in a task of the current tokio runtime.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn keep_fresh(self: &Arc<Self>) -> KeepFresh {
        KeepFresh { task: tokio::spawn(run(Arc::downgrade(self))) }
    }

    /// Begins what is due, and says how long it is until something else may be.
    fn refresh_what_is_due(&self) -> Duration {
        let now = self.clock().monotonic();
        let mut pause = PAUSE_MAX;
        for cache in self.caches() {
            let due_in = cache.refresh_due_at().saturating_sub(now);
            if due_in.is_zero() {
                cache.begin_if_allowed();
            }
            pause = pause.min(due_in);
        }
        pause.max(PAUSE_MIN)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one timer of a verifier; what is due is decided by the clock"
)]
async fn run(verifier: Weak<Verifier>) {
    loop {
        let Some(pause) = verifier.upgrade().map(|verifier| verifier.refresh_what_is_due()) else { return };
        tokio::time::sleep(pause).await;
    }
}

impl Drop for KeepFresh {
    fn drop(&mut self) {
        self.task.abort();
    }
}
