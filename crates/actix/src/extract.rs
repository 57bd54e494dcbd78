//! Extractors: a token that is verified here, and the claims of one that a middleware has verified.

use std::future::{Ready, ready};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use jwksmith_tower::{Anonymous, ChallengeSettings, Credentials};
use jwksmith_verifier::{Verified, VerifiedToken, Verifier};
use serde::de::DeserializeOwned;

use crate::Rejection;

/// The verified token of a request, with its claims read as `T`.
///
/// It needs a `web::Data<Verifier>` in the application's data, which `web::Data::from` makes of an `Arc<Verifier>`; without
/// it every request is answered with 500. Challenges say what a `web::Data<ChallengeSettings>` there says.
///
/// Do not ask for `Option<Bearer<T>>`: actix-web makes `None` of every rejection, those of bad tokens included. Ask for
/// [`OptionalClaims`] behind an [optional](crate::RequireToken::optional) [`Protect`](crate::Protect).
pub struct Bearer<T>(pub Verified<T>);

/// The claims of the token that a [`Protect`](crate::Protect) around this route has verified, read as `T`.
///
/// Without the middleware every request is answered with 500: a route that was left unprotected must not look like one that
/// nobody may call.
pub struct Claims<T>(pub T);

/// The same behind an [optional](crate::RequireToken::optional) [`Protect`](crate::Protect): nothing if it let the request
/// through without a token.
pub struct OptionalClaims<T>(pub Option<T>);

impl<T: DeserializeOwned + 'static> FromRequest for Bearer<T> {
    type Error = Rejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Rejection>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { verified(&request).await.map(Self).map_err(|error| worded(error, &request)) })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Claims<T> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let claims = left_by_the_middleware(request);
        let claims = claims.and_then(|claims| claims.ok_or_else(jwksmith_tower::Rejection::missing));
        ready(claims.map(Self).map_err(|error| worded(error, request)))
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for OptionalClaims<T> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(left_by_the_middleware(request).map(Self).map_err(|error| worded(error, request)))
    }
}

pub(crate) fn credentials(headers: &HeaderMap) -> Credentials<'_> {
    Credentials::of(headers.get_all(AUTHORIZATION).map(HeaderValue::as_bytes))
}

async fn verified<T: DeserializeOwned>(
    request: &HttpRequest,
) -> Result<Verified<T>, jwksmith_tower::Rejection> {
    let Some(verifier) = request.app_data::<Data<Verifier>>() else {
        return Err(jwksmith_tower::Rejection::misconfigured(
            "put a web::Data<Verifier> into the application's data",
        ));
    };
    Ok(verifier.verify(credentials(request.headers()).token()?).await?)
}

/// The claims of the middleware's token, or nothing if it let the request through without one.
fn left_by_the_middleware<T: DeserializeOwned>(
    request: &HttpRequest,
) -> Result<Option<T>, jwksmith_tower::Rejection> {
    let extensions = request.extensions();
    match (extensions.get::<VerifiedToken>(), extensions.get::<Anonymous>()) {
        (Some(token), _) => Ok(Some(token.claims()?)),
        (None, Some(Anonymous)) => Ok(None),
        (None, None) => Err(jwksmith_tower::Rejection::misconfigured("wrap this route in Protect")),
    }
}

/// In the words of the middleware around this route, or else of the application.
fn worded(rejection: jwksmith_tower::Rejection, request: &HttpRequest) -> Rejection {
    let extensions = request.extensions();
    let application = || request.app_data::<Data<ChallengeSettings>>().map(Data::get_ref);
    match extensions.get::<ChallengeSettings>().or_else(application) {
        Some(settings) => rejection.with_challenge(settings).into(),
        None => rejection.into(),
    }
}
