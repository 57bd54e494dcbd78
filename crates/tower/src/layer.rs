//! [`RequireToken`] as a `tower` layer.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Extensions, Request, Response};
use http_body_util::{Either, Full};
use jwksmith_verifier::VerifiedToken;
use tower_layer::Layer;
use tower_service::Service;

use crate::{Anonymous, Credentials, RequireToken};

/// A service that runs only for requests that [`RequireToken`] lets through.
#[derive(Clone)]
pub struct ProtectedService<S> {
    inner: S,
    require: RequireToken,
}

/// The body of the service inside, or of a rejection.
pub type ProtectedBody<B> = Either<B, Full<Bytes>>;

impl<S> Layer<S> for RequireToken {
    type Service = ProtectedService<S>;

    fn layer(&self, inner: S) -> ProtectedService<S> {
        ProtectedService { inner, require: self.clone() }
    }
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for ProtectedService<S>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>> + Clone + Send + 'static,
    S::Future: Send,
    RequestBody: Send + 'static,
    ResponseBody: 'static,
{
    type Response = Response<ProtectedBody<ResponseBody>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        // The service that was polled ready is the one to be called; its clone may not be ready.
        let clone = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, clone);
        Box::pin(guarded(self.require.clone(), ready, request))
    }
}

async fn guarded<S, RequestBody, ResponseBody>(
    require: RequireToken,
    mut inner: S,
    request: Request<RequestBody>,
) -> Result<Response<ProtectedBody<ResponseBody>>, S::Error>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
{
    // Only the head is looked at while it waits: a body need not be shareable between threads.
    let (mut parts, body) = request.into_parts();
    match require.check(Credentials::in_headers(&parts.headers)).await {
        Ok(token) => {
            mark(&mut parts.extensions, &require, token);
            Ok(inner.call(Request::from_parts(parts, body)).await?.map(Either::Left))
        }
        Err(rejection) => Ok(rejection.into_response::<Full<Bytes>>().map(Either::Right)),
    }
}

/// Leaves among a request's extensions what it was let through for, and how to word what the service inside refuses.
fn mark(extensions: &mut Extensions, require: &RequireToken, token: Option<VerifiedToken>) {
    extensions.insert(require.challenge_settings().clone());
    match token {
        Some(token) => drop(extensions.insert(token)),
        None => drop(extensions.insert(Anonymous)),
    }
}
