//! Issuing access tokens to applications (RFC 6749 §4.4, RFC 9068): authentication, grant, scopes, claims, signature.
//!
//! All from one snapshot, without I/O. Requests and answers in HTTP are the server's matter.

use jwksmith_jose::UnixTime;
use serde::Serialize;

use crate::api::Api;
use crate::application::{Application, SecretDigest};
use crate::error::{IssueError, MintError};
use crate::random;
use crate::snapshot::TenantSnapshot;

/// RFC 9068 §2.1.
pub(crate) const TOKEN_TYPE: &str = "at+jwt";

/// An application asks for a token.
#[derive(Clone, Copy)]
pub struct TokenRequest<'a> {
    /// Who asks
    pub client_id: &'a str,
    /// The secret that proves it
    pub client_secret: &'a str,
    /// For which API
    pub audience: &'a str,
    /// With which scopes, separated by spaces; all that are granted if it is left out
    pub scope: Option<&'a str>,
}

/// A token and what belongs to it (RFC 6749 §5.1).
pub struct IssuedToken {
    /// The token. A credential: never log it
    pub access_token: String,
    /// Its life in seconds
    pub expires_in: u32,
    /// The scopes in it, separated by spaces; nothing if there is none
    pub scope: Option<String>,
}

impl std::fmt::Debug for IssuedToken {
    /// Leaves the token out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedToken")
            .field("expires_in", &self.expires_in)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// RFC 9068 §2.2.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
    jti: String,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
}

pub(crate) fn issue(
    tenant: &TenantSnapshot,
    request: &TokenRequest<'_>,
    now: UnixTime,
) -> Result<IssuedToken, IssueError> {
    let application = authenticate(tenant, request)?;
    let api = tenant
        .api(request.audience)
        .ok_or_else(|| IssueError::UnknownAudience { audience: request.audience.to_owned() })?;
    let granted = granted_scopes(tenant, application, api)?;
    let scope = requested_scopes(&granted, request.scope)?.join(" ");
    let scope = Some(scope).filter(|scope| !scope.is_empty());
    let access_token = sign(tenant, application, api, scope.as_deref(), now)?;
    Ok(IssuedToken { access_token, expires_in: api.token_lifetime_seconds(), scope })
}

/// RFC 6749 §2.3.1. An unknown application costs as much as a wrong secret, and gets the same answer.
fn authenticate<'t>(
    tenant: &'t TenantSnapshot,
    request: &TokenRequest<'_>,
) -> Result<&'t Application, IssueError> {
    let application = tenant.application(request.client_id);
    let stored = application.map_or_else(SecretDigest::of_nobody, |known| known.secret_digest().clone());
    let matches = stored.matches(&SecretDigest::of(request.client_secret));
    application.filter(|_| matches).ok_or(IssueError::InvalidClient)
}

/// What the grant and the API agree on: a scope that the API has lost is granted no more.
fn granted_scopes<'t>(
    tenant: &'t TenantSnapshot,
    application: &Application,
    api: &Api,
) -> Result<Vec<&'t str>, IssueError> {
    let (client_id, audience) = (application.client_id(), api.audience());
    let grant = tenant.grant(client_id, audience).ok_or_else(|| IssueError::NotGranted {
        client_id: client_id.to_owned(),
        audience: audience.to_owned(),
    })?;
    Ok(grant.scopes().iter().filter(|scope| api.scopes().contains(scope)).map(String::as_str).collect())
}

/// RFC 6749 §3.3. An empty parameter counts as one that was left out (§3.2).
fn requested_scopes<'s>(granted: &[&'s str], requested: Option<&str>) -> Result<Vec<&'s str>, IssueError> {
    let Some(requested) = requested.filter(|scope| !scope.is_empty()) else {
        return Ok(granted.to_vec());
    };
    let mut scopes = Vec::new();
    for one in requested.split(' ') {
        let known = granted.iter().find(|scope| **scope == one);
        let known = known.ok_or_else(|| IssueError::InvalidScope { scope: one.to_owned() })?;
        if !scopes.contains(known) {
            scopes.push(*known);
        }
    }
    Ok(scopes)
}

fn sign(
    tenant: &TenantSnapshot,
    application: &Application,
    api: &Api,
    scope: Option<&str>,
    now: UnixTime,
) -> Result<String, MintError> {
    let signer = tenant.signer(api).ok_or(jwksmith_jose::SigningError::Crypto)?;
    let claims = Claims {
        iss: tenant.tenant().issuer.as_str(),
        sub: application.client_id(),
        aud: api.audience(),
        iat: now.as_seconds(),
        exp: now.saturating_add(api.token_lifetime_seconds().into()).as_seconds(),
        jti: random::token_id()?,
        client_id: application.client_id(),
        scope,
    };
    Ok(signer.sign(&claims)?)
}
