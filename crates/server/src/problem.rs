//! Refusals over HTTP: every status code of this server is decided here.
//!
//! Three bodies, each in the dialect of its endpoint: RFC 6749 §5.2 at the token endpoint, Auth0's
//! `{statusCode, error, message, errorCode}` at the management API, RFC 9457 problems everywhere else, and wherever no
//! endpoint has got to see the request. What is inside (a
//! cause, a chain) is logged once and never sent.

use axum::Json;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jwksmith_authority::{AuthorityError, Fault, IssueError};
use serde::Serialize;

/// A refusal outside the token endpoint and the management API (RFC 9457).
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Problem {
    /// The request names no host.
    #[error("the request names no host: send a Host header")]
    HostMissing,
    /// The request names more than one host.
    #[error("the request has several Host headers: send one")]
    HostRepeated,
    /// The request was not finished in time.
    #[error("the request was not finished within {} seconds", crate::routes::REQUEST_SECONDS_MAX)]
    TooSlow,
    /// No tenant's issuer has this host and port.
    #[error(
        "no tenant is served under the host {}: use the issuer's own URL, exactly as it was configured",
        jwksmith_jose::quoted(host)
    )]
    TenantUnknown {
        /// The host and port that were asked for.
        host: String,
    },
    /// The tenant has no current RS256 key, which its opening rules out.
    #[error("the tenant has no current signing key: see the server's log")]
    NoCurrentKey,
    /// No such path.
    #[error("there is nothing at this path")]
    PathUnknown,
    /// The path is there, but not with this method.
    #[error("this path does not take this method")]
    MethodNotAllowed,
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

impl Problem {
    fn parts(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::HostMissing => (StatusCode::BAD_REQUEST, "host_missing", "Host missing"),
            Self::HostRepeated => (StatusCode::BAD_REQUEST, "host_repeated", "Several hosts"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "request_too_slow", "Request too slow"),
            Self::TenantUnknown { .. } => (StatusCode::NOT_FOUND, "tenant_unknown", "Unknown tenant"),
            Self::NoCurrentKey => {
                (StatusCode::INTERNAL_SERVER_ERROR, "no_current_key", "No current signing key")
            }
            Self::PathUnknown => (StatusCode::NOT_FOUND, "path_unknown", "Not found"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code, title) = self.parts();
        let detail = self.to_string();
        let body = ProblemBody { kind: "about:blank", title, status: status.as_u16(), detail: &detail, code };
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("application/problem+json")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        (status, headers, Json(body)).into_response()
    }
}

/// A refusal of the token endpoint (RFC 6749 §5.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenError {
    status: StatusCode,
    error: &'static str,
    description: String,
    /// The client authenticated with HTTP Basic, so a 401 must challenge with it.
    basic: bool,
}

#[derive(Serialize)]
struct TokenErrorBody<'a> {
    error: &'static str,
    error_description: &'a str,
}

impl TokenError {
    fn new(status: StatusCode, error: &'static str, description: impl Into<String>) -> Self {
        Self { status, error, description: description.into(), basic: false }
    }

    /// `invalid_request`.
    pub(crate) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    /// `invalid_request`, because the body is over its limit.
    pub(crate) fn too_large(bytes_max: usize) -> Self {
        let description = format!("the request has more than {bytes_max} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", description)
    }

    /// `unsupported_grant_type`.
    pub(crate) fn unsupported_grant_type() -> Self {
        let description = "only grant_type=client_credentials is supported";
        Self::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", description)
    }

    /// `invalid_client`, when the credentials cannot even be read.
    pub(crate) fn invalid_client(description: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_client", description)
    }

    /// RFC 6749 §5.2: a client that used HTTP Basic is challenged with it.
    #[must_use]
    pub(crate) fn with_basic(mut self, basic: bool) -> Self {
        self.basic = basic;
        self
    }
}

impl From<IssueError> for TokenError {
    fn from(error: IssueError) -> Self {
        let description = error.to_string();
        match error {
            IssueError::InvalidClient => Self::invalid_client(description),
            IssueError::InvalidScope { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "invalid_scope", description)
            }
            // As Auth0 answers; RFC 8707 §2 would say `invalid_target`.
            IssueError::UnknownAudience { .. } | IssueError::NotGranted { .. } => {
                Self::new(StatusCode::FORBIDDEN, "access_denied", description)
            }
            internal => {
                tracing::error!(code = internal.code(), error = %internal, "a token could not be issued");
                let description = "the token could not be issued: see the server's log";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", description)
            }
        }
    }
}

impl IntoResponse for TokenError {
    fn into_response(self) -> Response {
        let mut headers = no_store();
        if self.status == StatusCode::UNAUTHORIZED && self.basic {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"oauth/token\""));
        }
        let body = TokenErrorBody { error: self.error, error_description: &self.description };
        (self.status, headers, Json(body)).into_response()
    }
}

/// RFC 6749 §5.1: neither tokens nor what was said about credentials may be kept by a cache.
pub(crate) fn no_store() -> HeaderMap {
    HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("no-store"))])
}

/// A refusal of the management API.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ManagementError {
    status: StatusCode,
    error: &'static str,
    message: String,
    code: &'static str,
    challenge: Option<HeaderValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ManagementErrorBody<'a> {
    status_code: u16,
    error: &'static str,
    message: &'a str,
    error_code: &'static str,
}

impl ManagementError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let error = status.canonical_reason().unwrap_or_default();
        Self { status, error, message: message.into(), code, challenge: None }
    }

    /// 401: no token, or one that is refused (RFC 6750 §3).
    pub(crate) fn unauthorized(code: &'static str, message: &str) -> Self {
        let challenge = match code {
            "token_missing" => HeaderValue::from_static("Bearer"),
            _ => HeaderValue::from_static("Bearer error=\"invalid_token\""),
        };
        Self { challenge: Some(challenge), ..Self::new(StatusCode::UNAUTHORIZED, code, message) }
    }

    /// 403: the token is good and its scope is not (RFC 6750 §3.1).
    pub(crate) fn insufficient_scope(required: &[&str]) -> Self {
        let scope = required.join(" ");
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
        let message = format!("Insufficient scope, expected: {}", required.join(", "));
        Self {
            challenge: HeaderValue::try_from(challenge).ok(),
            ..Self::new(StatusCode::FORBIDDEN, "insufficient_scope", message)
        }
    }
}

impl From<AuthorityError> for ManagementError {
    fn from(error: AuthorityError) -> Self {
        let status = match error.fault() {
            Fault::Unknown => StatusCode::NOT_FOUND,
            // The request is well-formed, and the key's state forbids it.
            Fault::Conflict => StatusCode::CONFLICT,
            Fault::Request => StatusCode::BAD_REQUEST,
            Fault::Temporary => StatusCode::SERVICE_UNAVAILABLE,
            Fault::Operator => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            let cause: &dyn std::error::Error = &error;
            tracing::error!(code = error.code(), error = cause, "a management request failed");
            let message = "The request could not be carried out; nothing was changed. See the server's log.";
            return Self::new(status, error.code(), message);
        }
        Self::new(status, error.code(), error.to_string())
    }
}

impl From<Problem> for ManagementError {
    fn from(problem: Problem) -> Self {
        let (status, code, _) = problem.parts();
        Self::new(status, code, problem.to_string())
    }
}

impl IntoResponse for ManagementError {
    fn into_response(self) -> Response {
        let body = ManagementErrorBody {
            status_code: self.status.as_u16(),
            error: self.error,
            message: &self.message,
            error_code: self.code,
        };
        let mut headers = no_store();
        if let Some(challenge) = self.challenge {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        (self.status, headers, Json(body)).into_response()
    }
}
