//! `/api/v2/keys/signing`: the signing keys of a tenant, in the wire shapes of Auth0's Management API.

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use jiff::Timestamp;
use jwksmith_authority::lifecycle::LifecycleError;
use jwksmith_authority::{AuthorityError, KeyState, KeyView};
use jwksmith_jose::UnixTime;
use serde::Serialize;

use crate::problem::{ManagementError, no_store};
use crate::state::{ServerState, Tenant};

/// A signing key as it is listed. A flag that does not hold is left out.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the wire shape has one flag for each state")]
struct SigningKeyBody<'a> {
    kid: &'a str,
    cert: &'a str,
    pkcs7: &'a str,
    #[serde(skip_serializing_if = "is_false")]
    current: bool,
    #[serde(skip_serializing_if = "is_false")]
    next: bool,
    #[serde(skip_serializing_if = "is_false")]
    previous: bool,
    #[serde(skip_serializing_if = "is_false")]
    revoked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
    fingerprint: &'a str,
    thumbprint: &'a str,
}

/// What rotating and revoking answer.
#[derive(Serialize)]
struct ChangedKeyBody<'a> {
    cert: &'a str,
    kid: &'a str,
}

/// The `kid` of the path. One that is not UTF-8 names no key.
pub(crate) struct Kid(String);

impl FromRequestParts<ServerState> for Kid {
    type Rejection = ManagementError;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, ManagementError> {
        let kid = Path::<String>::from_request_parts(parts, state).await;
        kid.map(|Path(kid)| Self(kid)).map_err(|_| key_unknown(parts.uri.path()))
    }
}

fn key_unknown(kid: &str) -> ManagementError {
    AuthorityError::Lifecycle(LifecycleError::KeyUnknown { kid: kid.to_owned() }).into()
}

pub(crate) async fn list(Tenant(tenant): Tenant) -> impl IntoResponse {
    let keys: Vec<_> = tenant.keys().iter().map(body).collect();
    (no_store(), Json(keys)).into_response()
}

pub(crate) async fn show(
    Tenant(tenant): Tenant,
    Kid(kid): Kid,
) -> Result<impl IntoResponse, ManagementError> {
    let key = tenant.key(&kid).ok_or_else(|| key_unknown(&kid))?;
    Ok((no_store(), Json(body(key))).into_response())
}

/// Answers with the fresh next key, as Auth0's API description says.
pub(crate) async fn rotate(
    State(state): State<ServerState>,
    Tenant(tenant): Tenant,
) -> Result<impl IntoResponse, ManagementError> {
    let next = state.authority().rotate(&tenant.tenant().id, state.now()).await?;
    Ok((StatusCode::CREATED, no_store(), Json(changed(&next))).into_response())
}

pub(crate) async fn revoke(
    State(state): State<ServerState>,
    Tenant(tenant): Tenant,
    Kid(kid): Kid,
) -> Result<impl IntoResponse, ManagementError> {
    let revoked = state.authority().revoke(&tenant.tenant().id, &kid, state.now()).await?;
    Ok((no_store(), Json(changed(&revoked))).into_response())
}

fn body(key: &KeyView) -> SigningKeyBody<'_> {
    let is = |state| key.state() == state;
    SigningKeyBody {
        kid: key.kid(),
        cert: key.certificate_pem(),
        pkcs7: key.pkcs7_pem(),
        current: is(KeyState::Current),
        next: is(KeyState::Next),
        previous: is(KeyState::Previous),
        revoked: is(KeyState::Revoked),
        current_since: key.current_since().and_then(date_time),
        current_until: key.current_until().and_then(date_time),
        revoked_at: key.revoked_at().and_then(date_time),
        fingerprint: key.fingerprint(),
        thumbprint: key.thumbprint(),
    }
}

fn changed(key: &KeyView) -> ChangedKeyBody<'_> {
    ChangedKeyBody { cert: key.certificate_pem(), kid: key.kid() }
}

/// RFC 3339 with milliseconds, as Auth0 writes it.
fn date_time(time: UnixTime) -> Option<String> {
    let seconds = i64::try_from(time.as_seconds()).ok()?;
    let timestamp = Timestamp::from_second(seconds).ok()?;
    Some(format!("{timestamp:.3}"))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}
