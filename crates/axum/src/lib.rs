//! Protects an axum API with the tokens of any issuer.
//!
//! There are two ways, and both answer whoever is turned away as `jwksmith-tower` says (RFC 6750 §3, RFC 9457):
//!
//! * ask for [`Bearer`] in a handler, with an [`Arc<Verifier>`](jwksmith_verifier::Verifier) in the router's state;
//! * put [`RequireToken`] around routes, which demands scopes before any handler runs, and ask for [`Claims`] in those
//!   handlers that want to know who called.
//!
//! ```
//! use std::sync::Arc;
//!
//! use axum::{Router, routing::get};
//! use jwksmith_axum::{Bearer, Claims, ProtectionError, Rejection, RequireToken};
//! use jwksmith_verifier::{AccessClaims, Verifier};
//!
//! async fn things(Bearer(token): Bearer<AccessClaims>) -> Result<String, Rejection> {
//!     if !token.claims().has_scope("read:things") {
//!         return Err(Rejection::insufficient_scope("read:things"));
//!     }
//!     Ok(format!("things of {:?}", token.claims().sub))
//! }
//!
//! async fn admin(Claims(claims): Claims<AccessClaims>) -> String {
//!     format!("welcome, {:?}", claims.sub)
//! }
//!
//! fn app(verifier: Arc<Verifier>) -> Result<Router, ProtectionError> {
//!     let admins = RequireToken::new(Arc::clone(&verifier)).scope("admin")?;
//!     Ok(Router::new()
//!         .route("/admin", get(admin))
//!         .route_layer(admins)
//!         .route("/things", get(things))
//!         .with_state(verifier))
//! }
//! ```
//!
//! A whole API stands in `examples/protected-api`.

mod extract;
mod metadata;
mod rejection;

pub use extract::{Bearer, Claims};
pub use jwksmith_tower::{Anonymous, ChallengeSettings, ProtectionError, RequireToken, ResourceMetadata};
pub use metadata::metadata_routes;
pub use rejection::Rejection;
