//! [`RequireToken`] as an actix-web middleware.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Extensions, Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::{Error, HttpMessage as _, ResponseError as _};
use jwksmith_tower::{Anonymous, RequireToken};
use jwksmith_verifier::VerifiedToken;

use crate::Rejection;
use crate::extract::credentials;

/// Lets only requests with a good token through: `.wrap(Protect(require))`.
///
/// Handlers find the [`VerifiedToken`] and the [`ChallengeSettings`](crate::ChallengeSettings) among the request's
/// extensions; [`Claims`](crate::Claims) reads the token there.
#[derive(Clone)]
pub struct Protect(pub RequireToken);

/// A service that runs only for requests that [`Protect`] lets through.
pub struct ProtectedService<S> {
    inner: Rc<S>,
    require: RequireToken,
}

impl<S, B> Transform<S, ServiceRequest> for Protect
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = ProtectedService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(ProtectedService { inner: Rc::new(inner), require: self.0.clone() }))
    }
}

impl<S, B> Service<ServiceRequest> for ProtectedService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        Box::pin(guarded(self.require.clone(), Rc::clone(&self.inner), request))
    }
}

async fn guarded<S, B>(
    require: RequireToken,
    inner: Rc<S>,
    request: ServiceRequest,
) -> Result<ServiceResponse<EitherBody<B>>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    match require.check(credentials(request.headers())).await {
        Ok(token) => {
            mark(&mut request.extensions_mut(), &require, token);
            Ok(inner.call(request).await?.map_into_left_body())
        }
        // An answer and no error, so that middlewares around this one see it as any other.
        Err(rejection) => {
            let response = Rejection::from(rejection).error_response();
            Ok(request.into_response(response).map_into_right_body())
        }
    }
}

/// Leaves among a request's extensions what it was let through for, and how to word what the handlers refuse.
fn mark(extensions: &mut Extensions, require: &RequireToken, token: Option<VerifiedToken>) {
    extensions.insert(require.challenge_settings().clone());
    match token {
        Some(token) => drop(extensions.insert(token)),
        None => drop(extensions.insert(Anonymous)),
    }
}
