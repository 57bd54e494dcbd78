//! The service: carries out what the pure parts decide, and keeps the snapshots that everybody reads.
//!
//! Reading takes no lock. Changing goes one at a time, through the store first; a snapshot is built before the change is
//! kept wherever possible, so that a change that could not be served is never kept.

use std::sync::Arc;

use jwksmith_jose::{SecretBytes, UnixTime};

use crate::api::NewApi;
use crate::application::ClientSecret;
use crate::error::{AuthorityError, IssueError, OpenError};
use crate::issue::{self, IssuedToken, TokenRequest};
use crate::issuer::Issuer;
use crate::seal::KeyEncryptionKey;
use crate::snapshot::{KeyView, TenantSnapshot};
use crate::store::Store;
use crate::tenant::TenantId;

/// How often a change is decided anew because others changed the tenant meanwhile.
pub const COMMIT_ATTEMPTS_MAX: usize = 5;

/// The tenants of this node. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Authority {
    inner: Arc<Inner>,
}

struct Inner {}

#[expect(clippy::unused_async, clippy::todo, reason = "the skeleton")]
#[expect(unused_variables, reason = "the skeleton")]
impl Authority {
    /// Opens every tenant, after proving the key-encryption key.
    pub async fn open(store: Arc<dyn Store>, key: KeyEncryptionKey) -> Result<Self, OpenError> {
        todo!()
    }

    /// Every tenant, by issuer.
    pub fn tenants(&self) -> Vec<Arc<TenantSnapshot>> {
        todo!()
    }

    /// The tenant with this id.
    pub fn tenant(&self, id: &TenantId) -> Option<Arc<TenantSnapshot>> {
        todo!()
    }

    /// The tenant that answers at this `Host`: `host[:port]`.
    pub fn tenant_by_authority(&self, host_and_port: &str) -> Option<Arc<TenantSnapshot>> {
        todo!()
    }

    /// Makes a tenant with a current and a next RS256 key and its management API.
    pub async fn create_tenant(
        &self,
        issuer: &Issuer,
        now: UnixTime,
    ) -> Result<Arc<TenantSnapshot>, AuthorityError> {
        todo!()
    }

    /// Makes an API, or changes its settings.
    pub async fn ensure_api(
        &self,
        tenant: &TenantId,
        api: NewApi,
        now: UnixTime,
    ) -> Result<Arc<TenantSnapshot>, AuthorityError> {
        todo!()
    }

    /// Makes an application; returns its client id and its secret.
    pub async fn create_application(
        &self,
        tenant: &TenantId,
        name: &str,
    ) -> Result<(String, ClientSecret), AuthorityError> {
        todo!()
    }

    /// Lets an application ask for tokens for an API with these scopes, instead of what it had.
    pub async fn grant(
        &self,
        tenant: &TenantId,
        client_id: &str,
        audience: &str,
        scopes: &[&str],
    ) -> Result<(), AuthorityError> {
        todo!()
    }

    /// Rotates every algorithm of the tenant; returns the fresh next RS256 key.
    pub async fn rotate(&self, tenant: &TenantId, now: UnixTime) -> Result<KeyView, AuthorityError> {
        todo!()
    }

    /// Withdraws a previous key at once.
    pub async fn revoke(
        &self,
        tenant: &TenantId,
        kid: &str,
        now: UnixTime,
    ) -> Result<KeyView, AuthorityError> {
        todo!()
    }

    /// Issues an access token from a snapshot.
    pub fn issue(
        &self,
        tenant: &TenantSnapshot,
        request: &TokenRequest<'_>,
        now: UnixTime,
    ) -> Result<IssuedToken, IssueError> {
        issue::issue(tenant, request, now)
    }

    /// The shared secret of an HS256 API.
    pub fn api_secret(&self, tenant: &TenantSnapshot, audience: &str) -> Option<SecretBytes> {
        todo!()
    }
}
