//! The port through which the authority keeps things. It knows no SQL; `jwksmith-store` implements it.
//!
//! Whoever implements it keeps these promises: every method is one transaction; a tenant's version grows by one with each
//! change; a `kid` is never used twice, in no tenant; there is at most one current and one next key per tenant and
//! algorithm; and what cannot be read is an error, never left out.

use async_trait::async_trait;

use crate::api::Api;
use crate::application::{Application, Grant};
use crate::key::SigningKeyRecord;
use crate::seal::Sealed;
use crate::tenant::{Tenant, TenantId, TenantRecord};

/// A tenant that is about to be created, with its first keys and APIs.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// The tenant itself
    pub tenant: Tenant,
    /// Its first keys
    pub keys: Vec<SigningKeyRecord>,
    /// Its first APIs
    pub apis: Vec<Api>,
}

/// A change of a tenant's keys.
#[derive(Clone, Default, Debug)]
pub struct KeyChange {
    /// Keys that were not there
    pub inserted: Vec<SigningKeyRecord>,
    /// Keys whose state changed; their key material never does
    pub updated: Vec<SigningKeyRecord>,
}

/// What became of a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitOutcome {
    /// It is kept.
    Done {
        /// The tenant's version now: the expected one and one more.
        version: u64,
    },
    /// The tenant has another version than was expected: load it and decide again.
    Conflict,
}

/// Where the authority keeps everything.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The record that proves the key-encryption key.
    async fn check_record(&self) -> Result<Option<Sealed>, StoreError>;

    /// Keeps the check record, unless there is one already: the first one stays.
    async fn put_check_record(&self, record: &Sealed) -> Result<(), StoreError>;

    /// Every tenant, the oldest first.
    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError>;

    /// Keeps a new tenant with its keys and APIs, all or nothing.
    ///
    /// # Errors
    /// [`Conflict::TenantExists`] if the id, the issuer, or the issuer's host and port is taken.
    async fn create_tenant(&self, new: &NewTenant) -> Result<(), StoreError>;

    /// Everything of a tenant, as of one moment.
    async fn load_tenant(&self, tenant: &TenantId) -> Result<Option<TenantRecord>, StoreError>;

    /// Changes keys if the tenant still has the expected version: compare-and-swap.
    ///
    /// # Errors
    /// [`Conflict::KidUsed`] and [`Conflict::KeyStates`], with nothing changed.
    async fn commit_keys(
        &self,
        tenant: &TenantId,
        expected_version: u64,
        change: &KeyChange,
    ) -> Result<CommitOutcome, StoreError>;

    /// Keeps an API, or new settings of one. Its algorithm and its secret never change; the same again changes nothing.
    ///
    /// # Errors
    /// [`Conflict::ApiAlgorithm`].
    async fn put_api(&self, tenant: &TenantId, api: &Api) -> Result<(), StoreError>;

    /// Keeps a new application.
    ///
    /// # Errors
    /// [`Conflict::ApplicationExists`].
    async fn put_application(&self, tenant: &TenantId, application: &Application) -> Result<(), StoreError>;

    /// Keeps a grant, in the place of the one for the same application and API. The same again changes nothing.
    ///
    /// # Errors
    /// [`Conflict::GrantParty`].
    async fn put_grant(&self, tenant: &TenantId, grant: &Grant) -> Result<(), StoreError>;
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The storage cannot be reached or does not work. The operator must act; trying again may help.
    #[error("the storage does not work: check that it runs, has space, and may be written")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored cannot be what was written. Nothing of it is used, and nothing is made in its place.
    #[error("the storage is damaged: {what}; restore it from a backup")]
    Corrupt {
        /// The table, the row, and what is wrong with it.
        what: String,
    },
    /// Another version wrote it, or another program. Nothing of it was changed.
    #[error(
        "the storage is not one of this version of jwksmith: start the version that wrote it, or a later one"
    )]
    Incompatible(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no such tenant.
    #[error("there is no tenant {0}")]
    TenantUnknown(TenantId),
    /// The change contradicts what is stored.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// A value that cannot be stored, as a time millions of years ahead.
    #[error("{0} cannot be stored: it is out of range")]
    OutOfRange(&'static str),
}

/// Which rule of the store a change would break.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Conflict {
    /// The issuer, its host and port, or the tenant's id is taken.
    #[error("there is a tenant with this issuer, or at its host and port, already")]
    TenantExists,
    /// A `kid` is never used twice.
    #[error("the `kid` of a new key has been used before")]
    KidUsed,
    /// There would be two current or two next keys of one algorithm, or the changed key is not there or revoked.
    #[error(
        "the key change would leave two current or two next keys, or would change a key that is not there"
    )]
    KeyStates,
    /// An API never changes its algorithm.
    #[error("the API exists with another algorithm, which never changes")]
    ApiAlgorithm,
    /// The client id is taken.
    #[error("there is an application with this client id already")]
    ApplicationExists,
    /// The grant's application or API does not exist.
    #[error("the grant names an application or an API that does not exist")]
    GrantParty,
}

impl StoreError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "store_unavailable",
            Self::Corrupt { .. } => "store_corrupt",
            Self::Incompatible(_) => "store_incompatible",
            Self::TenantUnknown(_) => "tenant_unknown",
            Self::Conflict(conflict) => conflict.code(),
            Self::OutOfRange(_) => "store_out_of_range",
        }
    }
}

impl Conflict {
    /// The stable code of this error.
    pub fn code(self) -> &'static str {
        match self {
            Self::TenantExists => "tenant_exists",
            Self::KidUsed => "kid_used",
            Self::KeyStates => "key_states_conflict",
            Self::ApiAlgorithm => "api_algorithm_fixed",
            Self::ApplicationExists => "application_exists",
            Self::GrantParty => "grant_party_unknown",
        }
    }
}
