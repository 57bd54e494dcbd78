//! Verifies tokens of an issuer, knowing nothing but its URL.
//!
//! A [`Verifier`] locates the issuer's key set through discovery, keeps it fresh, and verifies tokens against it. When a
//! token names an unknown key, or a signature does not fit, it refreshes the set and tries exactly once more; however many
//! such tokens come, the issuer sees no more refreshes than [`CacheSettings::burst`] and [`CacheSettings::floor`] allow.
//!
//! ```no_run
//! use jwksmith_verifier::{AccessClaims, Algorithm, Policy, Verifier};
//!
//! # async fn demo(bearer_token: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let policy = Policy::new("https://tenant.example/", "https://api.example/", [Algorithm::RS256])?;
//! let verifier = Verifier::new(policy)?;
//! let token = verifier.verify::<AccessClaims>(bearer_token).await?;
//! println!("called by {:?}", token.claims().sub);
//! # Ok(())
//! # }
//! ```
//!
//! Keep one `Verifier` for the life of the process: it is the cache. It runs on tokio. For several issuers, for other sources of
//! keys than discovery, and for every setting with its default and the reason, see [`Verifier::builder`], [`TrustedIssuer`],
//! [`CacheSettings`], [`FetchSettings`], and the guide in `docs/verifier.md`.
//!
//! The errors say who must act: [`VerifyError::Refused`] is the token's fault (answer 401), [`VerifyError::Undecided`] is
//! the issuer's (answer 503), [`ConfigError`] is ours.
//!
//! What decides about a key set is `cache::state`, a pure state machine, and `cache::admission`; `cache` carries their decisions
//! out. `case` takes one token to its verdict. `source` locates, `transport` fetches and guards. Signatures and claims are the
//! business of `jwksmith-jose`.

mod bearer;
mod builder;
mod cache;
mod case;
mod clock;
mod discovery;
mod error;
mod event;
mod keep_fresh;
mod metrics;
mod record;
mod saved;
mod source;
mod status;
mod token_cache;
mod transport;
mod trusted;
mod verifier;

pub use bearer::bearer_token;
pub use builder::VerifierBuilder;
pub use cache::{Age, CacheSettings, RevocationBound};
pub use clock::{Clock, SystemClock};
pub use discovery::Discovery;
pub use error::{ConfigError, IssuerError, NeedsRefresh, NotReady, TryVerifyError, Undecided, VerifyError};
pub use event::{EVENTS_WAITING_MAX, Event, EventKind, Events};
pub use jwksmith_jose::{
    AccessClaims, Algorithm, Audience, Certificate, KeySet, Policy, PolicyError, Profile, Refusal,
    SecretBytes, UnixTime, Verified, VerifiedToken,
};
pub use keep_fresh::KeepFresh;
pub use record::{GONE_KEYS_MAX, KeyRecord};
pub use saved::{SAVED_HEAD_BYTES_MAX, SNAPSHOT_SECRET_BYTES_MIN, SnapshotFolder, SnapshotStore};
pub use source::{KeySource, SourceInUse};
pub use status::{IssuerStatus, Readiness, Refreshed};
pub use token_cache::{TokenCacheSettings, TokenCacheUse};
pub use transport::{FetchSettings, Fetching, HttpTransport, Request, Response, SpkiPin, Transport};
pub use trusted::TrustedIssuer;
pub use verifier::{Located, Verifier};

/// The README's example must compile, and those of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
#[doc = include_str!("../../../docs/verifier.md")]
struct ReadMe;
