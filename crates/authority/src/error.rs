//! The errors of the authority, grouped by who must act.
//!
//! * [`AuthorityError`]: one operation was refused or failed; [`AuthorityError::fault`] says whose it is.
//! * [`OpenError`] and [`TenantError`]: the operator must act before anything starts.
//! * [`IssueError`]: the application that asked for a token, except for `Internal`.
//!
//! The errors of single parts are beside them: [`crate::IssuerError`], [`crate::SettingsError`], [`crate::SealError`],
//! [`crate::lifecycle::LifecycleError`], [`crate::StoreError`]. Each has a stable `code()`. No message holds a secret.

use jwksmith_jose::{Algorithm, KeySetError, SigningError, quoted};

use crate::api::SettingsError;
use crate::certificate::CertificateFailed;
use crate::issuer::Issuer;
use crate::key::KeyInconsistent;
use crate::lifecycle::LifecycleError;
use crate::random::RandomnessUnavailable;
use crate::seal::SealError;
use crate::store::StoreError;
use crate::tenant::TenantId;

/// A task was lost.
#[derive(Debug)]
pub(crate) struct Interrupted;

/// Why an operation of the authority was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// There is no such tenant.
    #[error("there is no tenant {0}")]
    TenantUnknown(TenantId),
    /// The issuer, or its host and port, is taken.
    #[error("there is a tenant at {0} already: choose another host or port")]
    TenantExists(Issuer),
    /// The key cannot make this transition.
    #[error(transparent)]
    Lifecycle(#[from] LifecycleError),
    /// A name, a scope, an audience or the like is not acceptable.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// An API never changes its algorithm, because its tokens and verifiers rely on it.
    #[error(
        "the API {} is there already and signs with {algorithm}: make another API with another audience",
        quoted(audience)
    )]
    ApiAlgorithmFixed {
        /// The API.
        audience: String,
        /// What it signs with.
        algorithm: Algorithm,
    },
    /// There is no such application.
    #[error("there is no application {}", quoted(.0))]
    ApplicationUnknown(String),
    /// There is no such API.
    #[error("there is no API with the audience {}", quoted(.0))]
    ApiUnknown(String),
    /// The API does not have this scope, so that it cannot be granted.
    #[error("the API {} has no scope {}: add it to the API, then grant it", quoted(audience), quoted(scope))]
    ScopeUnknown {
        /// The API.
        audience: String,
        /// The scope.
        scope: String,
    },
    /// Other nodes changed the tenant each time that this one tried to.
    #[error("the tenant was changed by others {0} times in a row: try again")]
    Contended(usize),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// What is stored of the tenant cannot be used. It is not replaced.
    #[error("the tenant {issuer} cannot be used")]
    Tenant {
        /// The tenant.
        issuer: Issuer,
        /// Why.
        #[source]
        source: Box<TenantError>,
    },
    /// A key or a secret could not be made.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The work was lost, because the program is shutting down or has a defect.
    #[error("the work was not finished: the program is shutting down, or has a defect")]
    Interrupted,
}

/// Who must act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// What was named is not there
    Unknown,
    /// What was asked for contradicts what is there
    Conflict,
    /// What was asked for is not acceptable in any state
    Request,
    /// Nobody: trying again may help
    Temporary,
    /// The operator of this authority
    Operator,
}

impl AuthorityError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TenantUnknown(_) => "tenant_unknown",
            Self::TenantExists(_) => "tenant_exists",
            Self::Lifecycle(error) => error.code(),
            Self::Settings(error) => error.code(),
            Self::ApiAlgorithmFixed { .. } => "api_algorithm_fixed",
            Self::ApplicationUnknown(_) => "application_unknown",
            Self::ApiUnknown(_) => "api_unknown",
            Self::ScopeUnknown { .. } => "scope_unknown",
            Self::Contended(_) => "tenant_contended",
            Self::Store(error) => error.code(),
            Self::Tenant { source, .. } => source.code(),
            Self::Mint(error) => error.code(),
            Self::Interrupted => "interrupted",
        }
    }

    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::TenantUnknown(_)
            | Self::ApplicationUnknown(_)
            | Self::ApiUnknown(_)
            | Self::Lifecycle(LifecycleError::KeyUnknown { .. }) => Fault::Unknown,
            Self::Lifecycle(LifecycleError::KeysIncomplete { .. }) => Fault::Operator,
            Self::TenantExists(_)
            | Self::ApiAlgorithmFixed { .. }
            | Self::Lifecycle(_)
            | Self::Store(StoreError::Conflict(_)) => Fault::Conflict,
            Self::Settings(_) | Self::ScopeUnknown { .. } => Fault::Request,
            Self::Contended(_) | Self::Interrupted | Self::Store(StoreError::Unavailable(_)) => {
                Fault::Temporary
            }
            Self::Store(_) | Self::Tenant { .. } | Self::Mint(_) => Fault::Operator,
        }
    }
}

impl From<StoreError> for AuthorityError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::TenantUnknown(tenant) => Self::TenantUnknown(tenant),
            other => Self::Store(other),
        }
    }
}

impl From<Interrupted> for AuthorityError {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

impl From<Interrupted> for OpenError {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

/// Why the authority does not start. It made nothing and changed nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key-encryption key is not the one that the data was sealed under, or the check record is damaged.
    #[error("the key-encryption key does not open the data")]
    KeyEncryptionKey(#[source] SealError),
    /// There are tenants, but nothing to prove the key-encryption key with.
    #[error(
        "the record that proves the key-encryption key is missing although there are tenants: restore the data from a backup"
    )]
    CheckRecordMissing,
    /// What is stored of a tenant cannot be used.
    #[error("the tenant {issuer} cannot be opened")]
    Tenant {
        /// The tenant.
        issuer: Issuer,
        /// Why.
        #[source]
        source: Box<TenantError>,
    },
    /// Two tenants answer at the same host and port.
    #[error("two tenants answer at {0}: restore the data from a backup")]
    TenantTwice(Issuer),
    /// The check record could not be made.
    #[error(transparent)]
    Randomness(#[from] RandomnessUnavailable),
    /// The work was lost, because the program is shutting down or has a defect.
    #[error("the work was not finished: the program is shutting down, or has a defect")]
    Interrupted,
}

impl OpenError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::KeyEncryptionKey(SealError::OtherKey { .. }) => "key_encryption_key_wrong",
            Self::KeyEncryptionKey(error) => error.code(),
            Self::CheckRecordMissing => "check_record_missing",
            Self::Tenant { source, .. } => source.code(),
            Self::TenantTwice(_) => "tenant_twice",
            Self::Randomness(_) => "randomness_unavailable",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Why what is stored of a tenant cannot be used. The operator must act; nothing is made in its place.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TenantError {
    /// A private key does not open.
    #[error("the private half of the signing key {} does not open", quoted(kid))]
    KeySealed {
        /// The key.
        kid: String,
        /// Why.
        #[source]
        source: SealError,
    },
    /// What opened is no private key.
    #[error("the private half of the signing key {} is none: restore the data from a backup", quoted(kid))]
    KeyRejected {
        /// The key.
        kid: String,
        /// Why.
        #[source]
        source: SigningError,
    },
    /// The private half belongs to another certificate.
    #[error(
        "the private half of the signing key {} does not belong to its certificate: restore the data from a backup",
        quoted(kid)
    )]
    KeyMismatch {
        /// The key.
        kid: String,
    },
    /// An algorithm has not exactly one current and one next key.
    #[error(transparent)]
    KeysIncomplete(#[from] LifecycleError),
    /// A shared secret does not open.
    #[error("the secret of the API {} does not open", quoted(audience))]
    SecretSealed {
        /// The API.
        audience: String,
        /// Why.
        #[source]
        source: SealError,
    },
    /// What opened is no secret for the API's algorithm.
    #[error("the secret of the API {} is none: restore the data from a backup", quoted(audience))]
    SecretRejected {
        /// The API.
        audience: String,
        /// Why.
        #[source]
        source: SigningError,
    },
    /// The key set that was rendered is none that a verifier would read.
    #[error("its key set cannot be published")]
    KeySet(#[from] KeySetError),
    /// The certificate cannot be written in the forms in which people download it.
    #[error("the certificate of the signing key {} cannot be written", quoted(kid))]
    Certificate {
        /// The key.
        kid: String,
        /// Why.
        #[source]
        source: CertificateFailed,
    },
    /// A change contradicts the key's record.
    #[error(transparent)]
    KeyInconsistent(#[from] KeyInconsistent),
}

impl TenantError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::KeySealed { .. } => "key_sealed",
            Self::KeyRejected { .. } => "key_rejected",
            Self::KeyMismatch { .. } => "key_mismatch",
            Self::KeysIncomplete(_) => "keys_incomplete",
            Self::SecretSealed { .. } => "api_secret_sealed",
            Self::SecretRejected { .. } => "api_secret_rejected",
            Self::KeySet(_) => "key_set_unpublishable",
            Self::Certificate { .. } => "certificate_unwritable",
            Self::KeyInconsistent(_) => "key_inconsistent",
        }
    }
}

/// Why a key, a secret or an identifier could not be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// No randomness.
    #[error(transparent)]
    Randomness(#[from] RandomnessUnavailable),
    /// The crypto library failed.
    #[error(transparent)]
    Key(#[from] SigningError),
    /// No certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateFailed),
    /// A new key contradicts itself.
    #[error(transparent)]
    KeyInconsistent(#[from] KeyInconsistent),
}

impl MintError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Randomness(_) => "randomness_unavailable",
            Self::Key(_) => "key_not_made",
            Self::Certificate(_) => "certificate_not_made",
            Self::KeyInconsistent(_) => "key_inconsistent",
        }
    }
}

/// Why no token was issued.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// Unknown application or wrong secret; which of them is not said.
    #[error("the client id or the client secret is wrong")]
    InvalidClient,
    /// There is no API with this audience.
    #[error("there is no API with the audience {}: check `audience`", quoted(audience))]
    UnknownAudience {
        /// What was asked for.
        audience: String,
    },
    /// The application may not ask for tokens for this API.
    #[error("the application {} has no grant for the API {}", quoted(client_id), quoted(audience))]
    NotGranted {
        /// The application.
        client_id: String,
        /// The API.
        audience: String,
    },
    /// A requested scope is not granted (RFC 6749 §5.2 `invalid_scope`).
    #[error("the scope {} is not granted: ask for granted scopes only, or leave `scope` out", quoted(scope))]
    InvalidScope {
        /// The scope.
        scope: String,
    },
    /// The authority is at fault.
    #[error("the token could not be signed")]
    Internal(#[from] MintError),
}

impl IssueError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidClient => "invalid_client",
            Self::UnknownAudience { .. } => "unknown_audience",
            Self::NotGranted { .. } => "not_granted",
            Self::InvalidScope { .. } => "invalid_scope",
            Self::Internal(_) => "internal",
        }
    }
}
