//! Protects an actix-web API with the tokens of any issuer.
//!
//! There are two ways, and both answer whoever is turned away as `jwksmith-tower` says (RFC 6750 §3, RFC 9457):
//!
//! * ask for [`Bearer`] in a handler, with a [`Verifier`](jwksmith_verifier::Verifier) in the application's data;
//! * wrap routes in [`Protect`], which demands scopes before any handler runs, and ask for [`Claims`] in those handlers that
//!   want to know who called.
//!
//! ```
//! use std::sync::Arc;
//!
//! use actix_web::web::{self, ServiceConfig};
//! use jwksmith_actix::{Bearer, Claims, Protect, ProtectionError, Rejection, RequireToken};
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
//! fn configure(app: &mut ServiceConfig, verifier: Arc<Verifier>) -> Result<(), ProtectionError> {
//!     let admins = RequireToken::new(Arc::clone(&verifier)).scope("admin")?;
//!     app.app_data(web::Data::from(verifier))
//!         .service(web::resource("/things").get(things))
//!         .service(web::resource("/admin").wrap(Protect(admins)).get(admin));
//!     Ok(())
//! }
//! ```
//!
//! Make one verifier before the server and give its `Arc` to every worker: it is the cache. A whole API stands in
//! `examples/actix-api`.

mod extract;
mod metadata;
mod protect;
mod rejection;

pub use extract::{Bearer, Claims, OptionalClaims};
pub use jwksmith_tower::{Anonymous, ChallengeSettings, ProtectionError, RequireToken, ResourceMetadata};
pub use metadata::metadata_resource;
pub use protect::{Protect, ProtectedService};
pub use rejection::Rejection;
