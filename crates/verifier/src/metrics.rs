//! Metrics, through the `metrics` facade: without a recorder they cost nothing.
//!
//! | metric | kind | labels |
//! | --- | --- | --- |
//! | `jwksmith_verifications_total` | counter | `issuer`, `outcome`: `accepted`, `refused`, `undecided` |
//! | `jwksmith_refusals_total` | counter | `issuer`, `code`: those of `docs/errors.md` |
//! | `jwksmith_refreshes_total` | counter | `issuer`, `outcome`: `ok`, or the code of the failure |
//! | `jwksmith_refresh_seconds` | histogram | `issuer` |
//! | `jwksmith_key_set_keys` | gauge | `issuer` |
//! | `jwksmith_events_total` | counter | `issuer`, `kind`: [`EventKind::name`](crate::EventKind::name) |
//! | `jwksmith_token_cache_total` | counter | `outcome`: `hit`, `miss` |
//!
//! Every label has few values: issuers are those configured, `none` where a token names no such, and no text of a token is one.
//! A recorder must be installed before the verifier is built.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::error::{IssuerError, VerifyError};
use crate::event::EventKind;

/// The metrics of one issuer, looked up once.
pub(crate) struct IssuerMetrics {
    issuer: Arc<str>,
    accepted: Counter,
    refresh_seconds: Histogram,
    keys: Gauge,
}

impl IssuerMetrics {
    pub(crate) fn new(issuer: &Arc<str>) -> Self {
        let label = || Arc::clone(issuer);
        Self {
            issuer: label(),
            accepted: counter!("jwksmith_verifications_total", "issuer" => label(), "outcome" => "accepted"),
            refresh_seconds: histogram!("jwksmith_refresh_seconds", "issuer" => label()),
            keys: gauge!("jwksmith_key_set_keys", "issuer" => label()),
        }
    }

    pub(crate) fn accepted(&self) {
        self.accepted.increment(1);
    }

    pub(crate) fn refused(&self, error: &VerifyError) {
        tell_refused(Arc::clone(&self.issuer), error);
    }

    pub(crate) fn fetched(&self, error: Option<&IssuerError>, took: Duration) {
        let outcome = error.map_or("ok", IssuerError::code);
        counter!("jwksmith_refreshes_total", "issuer" => Arc::clone(&self.issuer), "outcome" => outcome)
            .increment(1);
        self.refresh_seconds.record(took);
    }

    pub(crate) fn key_set(&self, keys: usize) {
        self.keys.set(f64::from(u32::try_from(keys).unwrap_or(u32::MAX)));
    }

    pub(crate) fn event(&self, kind: &EventKind) {
        counter!("jwksmith_events_total", "issuer" => Arc::clone(&self.issuer), "kind" => kind.name())
            .increment(1);
    }
}

/// Of a token that names no configured issuer.
pub(crate) fn refused_by_nobody(error: &VerifyError) {
    tell_refused("none".into(), error);
}

#[cold]
fn tell_refused(issuer: Arc<str>, error: &VerifyError) {
    let (outcome, code) = match error {
        VerifyError::Refused(refusal) => ("refused", Some(refusal.code())),
        VerifyError::Undecided(_) => ("undecided", None),
    };
    tracing::debug!(%issuer, outcome, code = error.code(), "token not accepted");
    if let Some(code) = code {
        counter!("jwksmith_refusals_total", "issuer" => Arc::clone(&issuer), "code" => code).increment(1);
    }
    counter!("jwksmith_verifications_total", "issuer" => issuer, "outcome" => outcome).increment(1);
}
