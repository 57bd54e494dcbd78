//! Holds answers back until a test lets them go, so that no test needs to sleep.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Holds answers, or the pieces of one, back until it is opened or lets one pass.
#[derive(Clone)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    /// A closed gate.
    pub fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets everything pass from now on.
    pub fn open(&self) {
        self.0.close();
    }

    /// Lets one pass: whoever waits already, or whoever comes next.
    pub fn step(&self) {
        self.0.add_permits(1);
    }

    pub(crate) async fn pass(&self) {
        // A closed semaphore is an open gate: every waiter returns at once.
        if let Ok(step) = self.0.acquire().await {
            step.forget();
        }
    }
}
