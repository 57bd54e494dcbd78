//! [`jwksmith_tower::Rejection`] as an axum response.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use jwksmith_tower::ChallengeSettings;
use jwksmith_verifier::VerifyError;

/// Why a request was turned away; answers as RFC 6750 §3 and RFC 9457 say.
#[derive(Clone, Debug)]
pub struct Rejection(jwksmith_tower::Rejection);

impl Rejection {
    /// 403: the token is good, and does not allow this. `scope` is what it would need, several separated by spaces.
    ///
    /// A text that is no scope of RFC 6749 §3.3 could not stand in the challenge without changing what it says; it is left
    /// out of the header then.
    pub fn insufficient_scope(scope: &str) -> Self {
        jwksmith_tower::Rejection::insufficient_scope(scope).into()
    }

    /// The same with a challenge that says this, too.
    #[must_use]
    pub fn with_challenge(self, settings: &ChallengeSettings) -> Self {
        self.0.with_challenge(settings).into()
    }

    /// The stable code of this rejection; those of refused tokens are in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        self.0.code()
    }
}

impl From<jwksmith_tower::Rejection> for Rejection {
    fn from(rejection: jwksmith_tower::Rejection) -> Self {
        Self(rejection)
    }
}

impl From<VerifyError> for Rejection {
    fn from(error: VerifyError) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.0.into_response::<Body>()
    }
}
