//! A tenant: one issuer that this authority hosts, and everything that is kept of it.

use std::fmt;

use jwksmith_jose::UnixTime;

use crate::api::Api;
use crate::application::{Application, Grant};
use crate::issuer::Issuer;
use crate::key::SigningKeyRecord;
use crate::random::{self, RandomnessUnavailable};

/// Names a tenant in this authority: short, random, never reused.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TenantId(String);

impl TenantId {
    pub(crate) fn generate() -> Result<Self, RandomnessUnavailable> {
        random::tenant_id().map(Self)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for TenantId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One issuer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tenant {
    /// Names it in this authority
    pub id: TenantId,
    /// What stands in `iss`
    pub issuer: Issuer,
    /// Grows by one with every change of anything that belongs to the tenant
    pub version: u64,
    /// When it was made
    pub created_at: UnixTime,
}

/// Everything that is kept of a tenant.
#[derive(Clone, Debug)]
pub struct TenantRecord {
    /// The tenant itself
    pub tenant: Tenant,
    /// Its signing keys, in every state
    pub keys: Vec<SigningKeyRecord>,
    /// The APIs that it issues tokens for
    pub apis: Vec<Api>,
    /// Who may ask for tokens
    pub applications: Vec<Application>,
    /// Who may ask for which
    pub grants: Vec<Grant>,
}
