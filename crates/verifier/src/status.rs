//! How a verifier stands: for readiness probes, dashboards and people.

use std::sync::Arc;
use std::time::Duration;

use jwksmith_jose::UnixTime;

use crate::cache::Age;
use crate::error::IssuerError;
use crate::record::KeyRecord;
use crate::source::{KeySource, SourceInUse};

/// Whether tokens can be verified.
#[derive(Clone, Debug)]
pub struct Readiness {
    /// How each issuer stands, in the order of configuration
    pub issuers: Vec<IssuerStatus>,
}

impl Readiness {
    /// Whether every issuer has a key set that may be used.
    pub fn is_ready(&self) -> bool {
        self.issuers.iter().all(|issuer| issuer.usable)
    }

    /// Whether any issuer cannot be refreshed at the moment, though its tokens may still verify.
    pub fn is_degraded(&self) -> bool {
        self.issuers.iter().any(|issuer| issuer.failing.is_some())
    }
}

/// How one issuer stands.
#[derive(Clone, Debug)]
pub struct IssuerStatus {
    /// The issuer, as configured
    pub issuer: Arc<str>,
    /// How old its key set is
    pub age: Age,
    /// Whether the set may be used, if no newer one is to be had
    pub usable: bool,
    /// Why the last refresh failed, if it did
    pub failing: Option<Arc<IssuerError>>,
    /// When the set was fetched or last confirmed
    pub fetched_at: Option<UnixTime>,
    /// Where the set came from
    pub in_use: Option<SourceInUse>,
    /// Every source, in the order in which they are asked
    pub sources: Vec<KeySource>,
    /// How long until a refresh is due
    pub next_refresh_in: Duration,
    /// How much longer the set is fresh
    pub fresh_for: Duration,
    /// How much longer it may be used if no newer one is to be had
    pub usable_for: Duration,
    /// Grows with every set that has other keys than the one before
    pub generation: u64,
    /// The record of each key: those of the set first, then those that are gone
    pub keys: Vec<KeyRecord>,
}

/// What came of a refresh.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refreshed {
    /// The set has other keys now
    Changed,
    /// It has the same keys as before
    Unchanged,
    /// The floor forbids a refresh yet; nothing was asked
    TooSoon {
        /// How long until one may begin
        retry_after: Duration,
    },
}
