//! Protects an HTTP service with the tokens of any issuer: everything that is HTTP and no framework.
//!
//! [`RequireToken`] is a `tower` layer. The service inside runs only for a token that was verified, and finds it among the
//! request's extensions as a [`VerifiedToken`](jwksmith_verifier::VerifiedToken); everybody else gets the right answer:
//!
//! | what | status | `WWW-Authenticate` (RFC 6750 §3) |
//! | --- | --- | --- |
//! | no token | 401 | `Bearer` |
//! | a refused token | 401 | `Bearer error="invalid_token"` |
//! | a token without the needed scope or permission | 403 | `Bearer error="insufficient_scope"` |
//! | the issuer's keys are not to be had | 503, with `Retry-After` | |
//! | nothing is set up that could verify a token | 500 | |
//!
//! The body is a problem document (RFC 9457) with a stable code; [`ChallengeSettings`] adds a realm and the place of the
//! resource's metadata (RFC 9728 §5.1), which [`ResourceMetadata`] renders and serves.
//!
//! ```
//! use std::sync::Arc;
//!
//! use jwksmith_tower::{ChallengeSettings, ProtectionError, RequireToken, ResourceMetadata};
//! use jwksmith_verifier::Verifier;
//!
//! # fn demo(verifier: Arc<Verifier>) -> Result<(), ProtectionError> {
//! let metadata = ResourceMetadata::new("https://api.example/")?
//!     .authorization_server("https://tenant.example/")?
//!     .scopes_supported(["read:things", "write:things"])?;
//! let challenge = ChallengeSettings::new().resource_metadata(metadata.url())?;
//!
//! let readers = RequireToken::new(verifier).challenge(challenge).scope("read:things")?;
//! # let service = tower::service_fn(async |_: http::Request<()>| Ok::<_, ()>(http::Response::new(String::new())));
//! let protected = tower_layer::Layer::layer(&readers, service);
//! # Ok(())
//! # }
//! ```
//!
//! A whole server stands in `examples/tower-service`. For axum, actix-web and tonic there are crates that build on this one.
//!
//! Which tokens are good is the business of `jwksmith-verifier`; transport, routing and CORS are the framework's.

mod challenge;
mod credentials;
mod demands;
mod error;
mod layer;
mod metadata;
mod rejection;
mod require;
mod text;

pub use challenge::ChallengeSettings;
pub use credentials::Credentials;
pub use error::ProtectionError;
pub use layer::{ProtectedBody, ProtectedService};
pub use metadata::{MetadataService, ResourceMetadata};
pub use rejection::Rejection;
pub use require::{Anonymous, RequireToken};
