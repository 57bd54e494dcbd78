//! Who may call the management API: the bearer of a token that this same tenant issued for it (RFC 6750 §2.1).

use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use jwksmith_authority::{TenantSnapshot, management_audience};
use jwksmith_jose::{AccessClaims, Algorithm, Policy, PolicyError, UnixTime, Verified, verify};
use jwksmith_verifier::bearer_token;

use crate::problem::ManagementError;
use crate::state::{ServerState, Tenant};

/// Stands in front of an endpoint.
#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) state: ServerState,
    pub(crate) required: &'static [&'static str],
}

/// Lets a request through if its token is good and has every required scope.
pub(crate) async fn check(
    State(guard): State<Guard>,
    request: Request,
    next: Next,
) -> Result<Response, ManagementError> {
    let (mut parts, body) = request.into_parts();
    let Tenant(tenant) = Tenant::from_request_parts(&mut parts, &guard.state).await?;
    let token = authenticate(&tenant, &parts.headers, guard.state.now())?;
    if !guard.required.iter().all(|scope| token.claims().has_scope(scope)) {
        return Err(ManagementError::insufficient_scope(guard.required));
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}

fn authenticate(
    tenant: &TenantSnapshot,
    headers: &HeaderMap,
    now: UnixTime,
) -> Result<Verified<AccessClaims>, ManagementError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(ManagementError::unauthorized(
            "token_missing",
            "Missing or repeated Authorization header",
        ));
    };
    let token = bearer_token(value.as_bytes()).ok_or_else(|| {
        ManagementError::unauthorized("token_malformed", "The Authorization header must be: Bearer TOKEN")
    })?;
    let refused =
        |code, message: String| ManagementError::unauthorized(code, &format!("Invalid token: {message}"));
    let policy = policy(tenant).map_err(|error| refused(error.code(), error.to_string()))?;
    verify(token, tenant.key_set(), &policy, now).map_err(|error| refused(error.code(), error.to_string()))
}

/// Tokens of this tenant, for its management API, and no other kind (RFC 9068 §4).
fn policy(tenant: &TenantSnapshot) -> Result<Policy, PolicyError> {
    let issuer = &tenant.tenant().issuer;
    Policy::new(issuer.as_str(), management_audience(issuer), [Algorithm::RS256])?.token_type("at+jwt")
}
