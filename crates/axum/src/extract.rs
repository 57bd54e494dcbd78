//! Extractors: a token that is verified here, and the claims of one that a layer has verified.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use axum::http::Extensions;
use axum::http::request::Parts;
use jwksmith_tower::{Anonymous, ChallengeSettings, Credentials};
use jwksmith_verifier::{Verified, VerifiedToken, Verifier};
use serde::de::DeserializeOwned;

use crate::Rejection;

/// The verified token of a request, with its claims read as `T`. It needs an `Arc<Verifier>` in the router's state.
///
/// `Option<Bearer<T>>` lets requests without a token through; a token that is sent must be as good as ever. Challenges say
/// what the [`ChallengeSettings`] among the request's extensions say: put them there with `axum::Extension`.
pub struct Bearer<T>(pub Verified<T>);

/// The claims of the token that a [`RequireToken`](crate::RequireToken) around this route has verified, read as `T`.
///
/// `Option<Claims<T>>` is for a layer that is [optional](crate::RequireToken::optional). Without the layer every request is
/// answered with 500: a route that was left unprotected must not look like one that nobody may call.
pub struct Claims<T>(pub T);

impl<S, T> FromRequestParts<S> for Bearer<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
    Arc<Verifier>: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let verified = verified(Credentials::in_headers(&parts.headers), state).await;
        Ok(Self(verified.map_err(|rejection| worded(rejection, &parts.extensions))?))
    }
}

impl<S, T> OptionalFromRequestParts<S> for Bearer<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
    Arc<Verifier>: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Rejection> {
        if matches!(Credentials::in_headers(&parts.headers), Credentials::Missing) {
            return Ok(None);
        }
        <Self as FromRequestParts<S>>::from_request_parts(parts, state).await.map(Some)
    }
}

impl<S, T> FromRequestParts<S> for Claims<T>
where
    S: Sync,
    T: DeserializeOwned,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let claims = left_by_the_layer(&parts.extensions);
        let claims = claims.and_then(|claims| claims.ok_or_else(jwksmith_tower::Rejection::missing));
        Ok(Self(claims.map_err(|rejection| worded(rejection, &parts.extensions))?))
    }
}

impl<S, T> OptionalFromRequestParts<S> for Claims<T>
where
    S: Sync,
    T: DeserializeOwned,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        let claims = left_by_the_layer(&parts.extensions);
        Ok(claims.map_err(|rejection| worded(rejection, &parts.extensions))?.map(Self))
    }
}

async fn verified<S, T>(
    credentials: Credentials<'_>,
    state: &S,
) -> Result<Verified<T>, jwksmith_tower::Rejection>
where
    T: DeserializeOwned,
    Arc<Verifier>: FromRef<S>,
{
    let verifier = Arc::<Verifier>::from_ref(state);
    Ok(verifier.verify(credentials.token()?).await?)
}

/// The claims of the layer's token, or nothing if it let the request through without one.
fn left_by_the_layer<T: DeserializeOwned>(
    extensions: &Extensions,
) -> Result<Option<T>, jwksmith_tower::Rejection> {
    match (extensions.get::<VerifiedToken>(), extensions.get::<Anonymous>()) {
        (Some(token), _) => Ok(Some(token.claims()?)),
        (None, Some(Anonymous)) => Ok(None),
        (None, None) => Err(jwksmith_tower::Rejection::misconfigured("put RequireToken around this route")),
    }
}

fn worded(rejection: jwksmith_tower::Rejection, extensions: &Extensions) -> Rejection {
    match extensions.get::<ChallengeSettings>() {
        Some(settings) => rejection.with_challenge(settings).into(),
        None => rejection.into(),
    }
}
