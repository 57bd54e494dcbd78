//! What every handler has at hand, and the choice of the tenant by the request's host.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;
use jwksmith_authority::{Authority, TenantSnapshot};
use jwksmith_verifier::{Clock, UnixTime};

use crate::problem::Problem;

/// The authority and the clock.
#[derive(Clone)]
pub struct ServerState {
    authority: Arc<Authority>,
    clock: Arc<dyn Clock>,
}

impl ServerState {
    /// Serves this authority by this clock.
    pub fn new(authority: Arc<Authority>, clock: Arc<dyn Clock>) -> Self {
        Self { authority, clock }
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.clock.now()
    }
}

/// The tenant that a request is for: the one whose issuer has the request's host and port (RFC 9110 §7.2).
pub(crate) struct Tenant(pub(crate) Arc<TenantSnapshot>);

impl FromRequestParts<ServerState> for Tenant {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, Problem> {
        let host = host(parts)?;
        let tenant = state.authority.tenant_by_authority(host);
        tenant.map(Self).ok_or_else(|| Problem::TenantUnknown { host: host.to_owned() })
    }
}

/// RFC 9112 §3.2: exactly one `Host`, and a target in absolute form goes before it (§3.2.2). Whoever stands in front of this
/// server and reads it differently would ask one tenant and get another.
fn host(parts: &Parts) -> Result<&str, Problem> {
    let mut headers = parts.headers.get_all(HOST).iter();
    let header = headers.next().map(|host| host.to_str().map_err(|_| Problem::HostMissing)).transpose()?;
    if headers.next().is_some() {
        return Err(Problem::HostRepeated);
    }
    let target = parts.uri.authority().map(axum::http::uri::Authority::as_str);
    target.or(header).ok_or(Problem::HostMissing)
}
