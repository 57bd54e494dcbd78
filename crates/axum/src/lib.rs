//! Protects an axum API with the tokens of any issuer.
//!
//! Put an [`Arc<Verifier>`](jwksmith_verifier::Verifier) into the router's state and ask for [`Bearer`] in a handler. The
//! handler runs only for a token that was verified; everybody else gets the right answer:
//!
//! | what | status | `WWW-Authenticate` (RFC 6750 §3) |
//! | --- | --- | --- |
//! | no token | 401 | `Bearer` |
//! | a refused token | 401 | `Bearer error="invalid_token"` |
//! | a token without the needed scope | 403 | `Bearer error="insufficient_scope"` |
//! | the issuer's keys are not to be had | 503, with `Retry-After` | |
//!
//! ```
//! use std::sync::Arc;
//!
//! use axum::{Router, routing::get};
//! use jwksmith_axum::{Bearer, BearerRejection};
//! use jwksmith_verifier::{AccessClaims, Verifier};
//!
//! async fn things(Bearer(token): Bearer<AccessClaims>) -> Result<String, BearerRejection> {
//!     if !token.claims().has_scope("read:things") {
//!         return Err(BearerRejection::insufficient_scope("read:things"));
//!     }
//!     Ok(format!("things of {:?}", token.claims().sub))
//! }
//!
//! fn app(verifier: Arc<Verifier>) -> Router {
//!     Router::new().route("/things", get(things)).with_state(verifier)
//! }
//! ```
//!
//! A whole API stands in `examples/protected-api`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jwksmith_verifier::{Refusal, Undecided, Verified, Verifier, VerifyError, bearer_token};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The verified token of a request, with its claims read as `T`.
pub struct Bearer<T>(pub Verified<T>);

impl<S, T> FromRequestParts<S> for Bearer<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
    Arc<Verifier>: FromRef<S>,
{
    type Rejection = BearerRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, BearerRejection> {
        let verifier = Arc::<Verifier>::from_ref(state);
        let token = only_bearer(&parts.headers)?;
        Ok(Self(verifier.verify(token).await?))
    }
}

fn only_bearer(headers: &HeaderMap) -> Result<&str, BearerRejection> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(BearerRejection::missing()),
        (Some(value), None) => bearer_token(value.as_bytes()).ok_or_else(BearerRejection::malformed),
        // Two headers: whichever the proxy looked at, it may have been the other one.
        (Some(_), Some(_)) => Err(BearerRejection::malformed()),
    }
}

/// RFC 6749 §3.3: scope tokens of `%x21 / %x23-5B / %x5D-7E`, separated by spaces. Quotes would end the parameter.
fn is_scope(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
}

/// Why a request was turned away; answers as RFC 6750 §3 and RFC 9457 say.
#[derive(Clone, Debug)]
pub struct BearerRejection {
    status: StatusCode,
    challenge: Option<HeaderValue>,
    retry_after: Option<u64>,
    code: &'static str,
    detail: String,
}

#[derive(Serialize)]
struct ProblemBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
}

impl BearerRejection {
    /// 403: the token is good, and does not allow this. `scope` is what it would need, several separated by spaces.
    ///
    /// A text that is no scope of RFC 6749 §3.3 could not stand in the challenge without changing what it says; it is left
    /// out of the header then.
    pub fn insufficient_scope(scope: &str) -> Self {
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
        Self {
            status: StatusCode::FORBIDDEN,
            challenge: HeaderValue::try_from(challenge).ok().filter(|_| is_scope(scope)),
            retry_after: None,
            code: "insufficient_scope",
            detail: format!("the token lacks the scope {scope}: request a token with it"),
        }
    }

    /// The stable code of this rejection; those of refused tokens are in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        self.code
    }

    fn missing() -> Self {
        Self::unauthorized("Bearer", "token_missing", "send a token: Authorization: Bearer TOKEN".to_owned())
    }

    fn malformed() -> Self {
        let detail = "there must be one Authorization header, and it must read: Bearer TOKEN".to_owned();
        Self::unauthorized("Bearer error=\"invalid_token\"", "token_malformed", detail)
    }

    fn unauthorized(challenge: &'static str, code: &'static str, detail: String) -> Self {
        let challenge = Some(HeaderValue::from_static(challenge));
        Self { status: StatusCode::UNAUTHORIZED, challenge, retry_after: None, code, detail }
    }
}

impl From<VerifyError> for BearerRejection {
    fn from(error: VerifyError) -> Self {
        let code = error.code();
        match error {
            VerifyError::Refused(Refusal::ScopeMissing { scope }) => Self::insufficient_scope(&scope),
            VerifyError::Refused(refusal) => {
                Self::unauthorized("Bearer error=\"invalid_token\"", code, refusal.to_string())
            }
            VerifyError::Undecided(undecided) => Self::unavailable(code, &undecided),
        }
    }
}

impl BearerRejection {
    /// The issuer's fault is not the caller's business; the log has it.
    fn unavailable(code: &'static str, undecided: &Undecided) -> Self {
        tracing::warn!(code, error = %undecided, "a token could not be judged");
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            challenge: None,
            retry_after: Some(undecided.retry_after_seconds().max(1)),
            code: "issuer_unavailable",
            detail: "the issuer's keys are not available at the moment: try again later".to_owned(),
        }
    }
}

impl IntoResponse for BearerRejection {
    fn into_response(self) -> Response {
        let body = ProblemBody {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(challenge) = self.challenge {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
