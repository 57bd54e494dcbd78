//! Verifies tokens of an issuer, knowing nothing but its URL.
//!
//! A [`Verifier`] locates the issuer's key set through discovery, keeps it fresh, and verifies tokens against it. When a
//! token names an unknown key, or a signature does not fit, it refreshes the set and tries exactly once more; however many
//! such tokens come, the issuer sees at most one fetch per floor ([`CacheSettings::floor`]).
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
//! Keep one `Verifier` per issuer for the life of the process: it is the cache. It runs on tokio.
//!
//! The errors say who must act: [`VerifyError::Refused`] is the token's fault (answer 401), [`VerifyError::Undecided`] is
//! the issuer's (answer 503), [`ConfigError`] is ours.
//!
//! What decides is `cache::state`, a pure state machine; `cache` carries its decisions out; `source` locates and
//! `fetch` fetches. Signatures and claims are the business of `jwksmith-jose`.

mod bearer;
mod cache;
mod clock;
mod discovery;
mod error;
mod fetch;
mod source;
mod verifier;

pub use bearer::bearer_token;
pub use cache::CacheSettings;
pub use clock::{Clock, SystemClock};
pub use discovery::Discovery;
pub use error::{ConfigError, IssuerError, Undecided, VerifyError};
pub use fetch::FetchSettings;
pub use jwksmith_jose::{
    AccessClaims, Algorithm, Audience, KeySet, Policy, PolicyError, Profile, Refusal, UnixTime, Verified,
    VerifiedToken,
};
pub use verifier::{Located, Verifier, VerifierBuilder};

/// The README's example must compile.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct ReadMe;
