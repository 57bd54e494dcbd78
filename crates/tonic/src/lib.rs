//! Protects a gRPC service with the tokens of any issuer.
//!
//! [`Protect`] is a tonic interceptor: the service inside runs only for a token that was verified, and finds it among the
//! request's extensions; [`claims`] reads it there. Everybody else gets the status that gRPC clients know to act upon:
//!
//! | what | status |
//! | --- | --- |
//! | no token, or a refused one | `UNAUTHENTICATED` |
//! | a token without the needed scope or permission | `PERMISSION_DENIED` |
//! | the issuer's keys are not to be had, or are just being fetched | `UNAVAILABLE`, with `retry-after` |
//! | nothing is set up that could verify a token | `INTERNAL` |
//!
//! The metadata of the status has the stable code as `jwksmith-code`, and what an HTTP answer would have had as
//! `www-authenticate` and `retry-after`.
//!
//! ```
//! use std::sync::Arc;
//!
//! use jwksmith_tonic::{Protect, ProtectionError, RequireToken, claims};
//! use jwksmith_verifier::{AccessClaims, Verifier};
//! use tonic::service::interceptor::InterceptedService;
//! use tonic::{Request, Response, Status};
//!
//! fn protect<S>(service: S, verifier: Arc<Verifier>) -> Result<InterceptedService<S, Protect>, ProtectionError> {
//!     let readers = RequireToken::new(verifier).scope("read:things")?;
//!     Ok(InterceptedService::new(service, Protect(readers)))
//! }
//!
//! async fn things(request: Request<()>) -> Result<Response<String>, Status> {
//!     let claims: AccessClaims = claims(&request)?;
//!     Ok(Response::new(format!("things of {:?}", claims.sub)))
//! }
//! ```
//!
//! An interceptor cannot wait. A key set that must be fetched first is fetched in the background, and the call is answered
//! with `UNAVAILABLE`, which clients repeat; so call `Verifier::preload` before the server starts. A whole server stands in
//! `examples/tonic-health`.

use jwksmith_tower::{Anonymous, Credentials, Rejection};
use jwksmith_verifier::VerifiedToken;
use serde::de::DeserializeOwned;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::service::Interceptor;
use tonic::{Code, Request, Status};

pub use jwksmith_tower::{ChallengeSettings, ProtectionError, RequireToken};

/// Lets only calls with a good token through. Cheap to clone.
#[derive(Clone)]
pub struct Protect(pub RequireToken);

impl Interceptor for Protect {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let token = self.0.try_check(credentials(request.metadata()));
        match token.map_err(|rejection| status(&rejection))? {
            Some(token) => drop(request.extensions_mut().insert(token)),
            None => drop(request.extensions_mut().insert(Anonymous)),
        }
        Ok(request)
    }
}

/// The claims of the token that [`Protect`] has verified, read as `T`.
///
/// # Errors
/// `UNAUTHENTICATED` if the call came without a token, or if `T` does not fit the claims; `INTERNAL` if nothing protects this
/// service: one that was left unprotected must not look like one that nobody may call.
pub fn claims<T: DeserializeOwned, R>(request: &Request<R>) -> Result<T, Status> {
    let claims = optional_claims(request)?;
    claims.ok_or_else(|| status(&Rejection::missing()))
}

/// The same behind an [optional](RequireToken::optional) [`Protect`]: nothing if it let the call through without a token.
///
/// # Errors
/// As [`claims`], but for calls without a token.
pub fn optional_claims<T: DeserializeOwned, R>(request: &Request<R>) -> Result<Option<T>, Status> {
    let extensions = request.extensions();
    match (extensions.get::<VerifiedToken>(), extensions.get::<Anonymous>()) {
        (Some(token), _) => token.claims().map(Some).map_err(|refusal| status(&refusal.into())),
        (None, Some(Anonymous)) => Ok(None),
        (None, None) => Err(status(&Rejection::misconfigured("put Protect around this service"))),
    }
}

/// `PERMISSION_DENIED`: the token is good, and does not allow this. `scope` is what it would need.
pub fn insufficient_scope(scope: &str) -> Status {
    status(&Rejection::insufficient_scope(scope))
}

/// What a rejection is over gRPC: the code that the gRPC specification maps its HTTP status to, but for 500, which is our
/// own fault and no `UNKNOWN`.
fn status(rejection: &Rejection) -> Status {
    let code = match rejection.status() {
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        503 => Code::Unavailable,
        _ => Code::Internal,
    };
    let mut metadata = MetadataMap::new();
    metadata.insert("jwksmith-code", AsciiMetadataValue::from_static(rejection.code()));
    // The body is the status' own message.
    for (name, value) in rejection.headers().filter(|(name, _)| *name != "content-type") {
        if let Ok(value) = value.parse::<AsciiMetadataValue>() {
            metadata.insert(name, value);
        }
    }
    Status::with_metadata(code, rejection.detail(), metadata)
}

fn credentials(metadata: &MetadataMap) -> Credentials<'_> {
    Credentials::of(metadata.get_all("authorization").into_iter().map(AsciiMetadataValue::as_encoded_bytes))
}
