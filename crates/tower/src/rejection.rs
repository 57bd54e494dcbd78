//! Why a request was turned away, as an answer: status, challenge, `Retry-After` and a problem document (RFC 6750 §3,
//! RFC 9457). Every status code of a protected service is decided here.

use std::fmt;

use http::{HeaderName, HeaderValue, Response, StatusCode};
use jwksmith_verifier::{NeedsRefresh, Refusal, TryVerifyError, Undecided, VerifyError};
use serde::Serialize;

use crate::ChallengeSettings;
use crate::challenge::Challenge;
use crate::text::is_scope;

/// Why a request was turned away, and what it is answered.
///
/// ```
/// use jwksmith_tower::Rejection;
///
/// let rejection = Rejection::insufficient_scope("read:things");
/// assert_eq!((rejection.status(), rejection.code()), (403, "insufficient_scope"));
/// let response: http::Response<String> = rejection.into_response();
/// ```
#[derive(Clone, Debug)]
pub struct Rejection {
    status: StatusCode,
    code: &'static str,
    detail: String,
    // Boxed, because every `Result` of a handler is as large as this.
    challenge: Option<Box<Challenge>>,
    retry_after_seconds: Option<u64>,
}

impl Rejection {
    /// 403: the token is good, and does not allow this. `scope` is what it would need, several separated by spaces.
    ///
    /// A text that is no scope of RFC 6749 §3.3 could not stand in the challenge without changing what it says; it is left
    /// out of the header then.
    pub fn insufficient_scope(scope: &str) -> Self {
        let detail = format!("the token lacks the scope {scope}: request a token with it");
        Self::forbidden("insufficient_scope", detail).needing(scope.split(' ').map(str::to_owned))
    }

    /// 403: the token is good, and its `permissions` do not hold this one.
    ///
    /// The challenge is that of a scope (RFC 6750 §3.1 has no other), and names none: permissions are granted to a user or
    /// an application, and cannot be asked for with the token.
    pub fn insufficient_permission(permission: &str) -> Self {
        let detail = format!("the token lacks the permission {permission}: it must be granted first");
        Self::forbidden("insufficient_permission", detail)
    }

    /// 401: there is no token.
    pub fn missing() -> Self {
        let detail = "send a token: Authorization: Bearer TOKEN".to_owned();
        Self::challenging(StatusCode::UNAUTHORIZED, None, "token_missing", detail)
    }

    /// 500: nothing is set up here that could verify a token. That is our own fault, and the log says what is missing.
    pub fn misconfigured(missing: &'static str) -> Self {
        let code = "protection_missing";
        tracing::error!(code, missing, "a protected path cannot verify tokens");
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code,
            detail: "this service is not set up to verify tokens".to_owned(),
            challenge: None,
            retry_after_seconds: None,
        }
    }

    /// The same with a challenge that says this, too.
    #[must_use]
    pub fn with_challenge(mut self, settings: &ChallengeSettings) -> Self {
        if let Some(challenge) = &mut self.challenge {
            challenge.settings = settings.clone();
        }
        self
    }

    /// The status code: 401, 403, 500 or 503.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The stable code of this rejection; those of refused tokens are in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What is wrong and what to do, for whoever sent the request.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// When to try again at the earliest, if nothing is known against the token.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after_seconds
    }

    /// The headers of the answer, for whoever has another type for them.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let challenge = self.challenge.as_ref().map(|challenge| challenge.to_value(&self.detail));
        let headers = [
            ("content-type", Some("application/problem+json".to_owned())),
            ("www-authenticate", challenge),
            ("retry-after", self.retry_after_seconds.map(|seconds| seconds.to_string())),
        ];
        headers.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }

    /// The problem document.
    pub fn body(&self) -> String {
        let problem = Problem {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
        };
        // Texts and a number: there is nothing in it that cannot be written.
        serde_json::to_string(&problem).unwrap_or_default()
    }

    /// The whole answer.
    pub fn into_response<B: From<String>>(self) -> Response<B> {
        let mut response = Response::new(self.body().into());
        *response.status_mut() = self.status;
        let headers =
            self.headers().filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?)));
        response.headers_mut().extend(headers.map(|(name, value)| (HeaderName::from_static(name), value)));
        response
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        match &refusal {
            Refusal::ScopeMissing { scope } => Self::insufficient_scope(scope),
            other => Self::invalid_token(refusal.code(), other.to_string()),
        }
    }
}

impl From<Undecided> for Rejection {
    fn from(undecided: Undecided) -> Self {
        tracing::warn!(code = undecided.cause.code(), error = %undecided, "a token could not be judged");
        Self::unavailable(undecided.retry_after_seconds())
    }
}

impl From<NeedsRefresh> for Rejection {
    /// It is nobody's fault: keys are refreshed now and then.
    fn from(pending: NeedsRefresh) -> Self {
        let more = u64::from(pending.retry_after.subsec_nanos() > 0);
        Self::unavailable(pending.retry_after.as_secs().saturating_add(more))
    }
}

impl From<TryVerifyError> for Rejection {
    fn from(error: TryVerifyError) -> Self {
        match error {
            TryVerifyError::Refused(refusal) => refusal.into(),
            TryVerifyError::Undecided(undecided) => undecided.into(),
            TryVerifyError::NeedsRefresh(pending) => pending.into(),
        }
    }
}

impl From<VerifyError> for Rejection {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Refused(refusal) => refusal.into(),
            VerifyError::Undecided(undecided) => undecided.into(),
        }
    }
}

impl Rejection {
    /// 401: there are credentials, and no token can be read from them.
    pub(crate) fn malformed() -> Self {
        let detail = "there must be one Authorization header, and it must read: Bearer TOKEN".to_owned();
        Self::invalid_token("token_malformed", detail)
    }

    /// The same for a resource that needs these scopes as well. One that no challenge can carry is left out with its
    /// companions: the rest would say something else.
    pub(crate) fn needing(mut self, scopes: impl IntoIterator<Item = String>) -> Self {
        let Some(challenge) = &mut self.challenge else { return self };
        let scopes: Vec<_> = scopes.into_iter().filter(|scope| !challenge.scopes.contains(scope)).collect();
        if scopes.iter().all(|scope| is_scope(scope)) {
            challenge.scopes.extend(scopes);
        }
        self
    }

    fn invalid_token(code: &'static str, detail: String) -> Self {
        Self::challenging(StatusCode::UNAUTHORIZED, Some("invalid_token"), code, detail)
    }

    fn forbidden(code: &'static str, detail: String) -> Self {
        Self::challenging(StatusCode::FORBIDDEN, Some("insufficient_scope"), code, detail)
    }

    fn challenging(
        status: StatusCode,
        error: Option<&'static str>,
        code: &'static str,
        detail: String,
    ) -> Self {
        let challenge = Some(Box::new(Challenge { error, ..Challenge::default() }));
        Self { status, code, detail, challenge, retry_after_seconds: None }
    }

    /// The issuer's fault is not the caller's business; the log has it.
    fn unavailable(retry_after_seconds: u64) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "issuer_unavailable",
            detail: "the issuer's keys are not available at the moment: try again later".to_owned(),
            challenge: None,
            retry_after_seconds: Some(retry_after_seconds.max(1)),
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Rejection {}

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
}
