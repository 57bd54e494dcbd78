//! The port on SQLite.

use std::path::Path;

use async_trait::async_trait;
use jwksmith_authority::{
    Api, Application, CommitOutcome, Grant, KeyChange, NewTenant, Sealed, Store, StoreError, Tenant,
    TenantId, TenantRecord,
};

/// Everything in one SQLite file.
pub struct SqliteStore {}

#[expect(clippy::unused_async, clippy::todo, unused_variables, reason = "the skeleton")]
impl SqliteStore {
    /// Opens the database file, or makes it.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        todo!()
    }

    /// A database that lives as long as this value, for tests.
    pub async fn in_memory() -> Result<Self, StoreError> {
        todo!()
    }
}

#[expect(clippy::todo, unused_variables, reason = "the skeleton")]
#[async_trait]
impl Store for SqliteStore {
    async fn check_record(&self) -> Result<Option<Sealed>, StoreError> {
        todo!()
    }
    async fn put_check_record(&self, record: &Sealed) -> Result<(), StoreError> {
        todo!()
    }
    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        todo!()
    }
    async fn create_tenant(&self, new: &NewTenant) -> Result<(), StoreError> {
        todo!()
    }
    async fn load_tenant(&self, tenant: &TenantId) -> Result<Option<TenantRecord>, StoreError> {
        todo!()
    }
    async fn commit_keys(
        &self,
        tenant: &TenantId,
        expected_version: u64,
        change: &KeyChange,
    ) -> Result<CommitOutcome, StoreError> {
        todo!()
    }
    async fn put_api(&self, tenant: &TenantId, api: &Api) -> Result<(), StoreError> {
        todo!()
    }
    async fn put_application(&self, tenant: &TenantId, application: &Application) -> Result<(), StoreError> {
        todo!()
    }
    async fn put_grant(&self, tenant: &TenantId, grant: &Grant) -> Result<(), StoreError> {
        todo!()
    }
}
