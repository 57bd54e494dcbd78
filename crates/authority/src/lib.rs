//! Tenants, the life of their signing keys, and the issuing of tokens: the authority of jwksmith.
//!
//! [`Authority`] is the door. It keeps everything through the [`Store`] port, seals secrets under a [`KeyEncryptionKey`],
//! and gives out [`TenantSnapshot`]s: immutable, read without a lock, with the published documents rendered and the keys
//! parsed.
//!
//! What decides is pure: [`lifecycle`] for keys, the issuing of a token from a snapshot. Time is an argument. This crate
//! knows no HTTP and no SQL, and no verifier.
//!
//! ```no_run
//! use std::sync::Arc;
//! use jwksmith_authority::{Authority, Issuer, KeyEncryptionKey, NewApi, Store, TokenRequest};
//! use jwksmith_jose::{Algorithm, UnixTime};
//!
//! # async fn demo(store: Arc<dyn Store>, key: KeyEncryptionKey, now: UnixTime) -> Result<(), Box<dyn std::error::Error>> {
//! let authority = Authority::open(store, key).await?;
//! let tenant = authority.create_tenant(&Issuer::try_from("https://tenant.example/")?, now).await?;
//! let id = &tenant.tenant().id;
//! let tenant = authority.ensure_api(id, NewApi::new("https://api.example/", Algorithm::RS256), now).await?;
//! println!("{}", String::from_utf8_lossy(&tenant.published().key_set.body));
//! # Ok(())
//! # }
//! ```
//!
//! Standards: RFC 7517 (key sets), 8414 (metadata), 6749 §4.4 (client credentials), 9068 (access tokens), 5280
//! (certificates).

mod api;
mod application;
mod authority;
pub mod certificate;
mod error;
mod issue;
mod issuer;
mod key;
pub mod lifecycle;
mod mint;
mod published;
mod random;
mod seal;
mod snapshot;
mod store;
mod tenant;

pub use api::{
    API_ALGORITHMS, API_SCOPES_MAX, AUDIENCE_BYTES_MAX, Api, MANAGEMENT_SCOPES, NAME_BYTES_MAX, NewApi,
    SCOPE_BYTES_MAX, SettingsError, TOKEN_LIFETIME_SECONDS_DEFAULT, TOKEN_LIFETIME_SECONDS_MAX,
    management_audience,
};
pub use application::{Application, ClientSecret, Grant, SecretDigest};
pub use authority::{Authority, COMMIT_ATTEMPTS_MAX};
pub use error::{AuthorityError, Fault, IssueError, MintError, OpenError, TenantError};
pub use issue::{IssuedToken, TokenRequest};
pub use issuer::{ISSUER_BYTES_MAX, Issuer, IssuerError};
pub use key::{KeyInconsistent, KeyParts, KeyState, SigningKeyRecord};
pub use published::{Document, PublishedTenant};
pub use random::RandomnessUnavailable;
pub use seal::{
    KeyEncryptionKey, KeyEncryptionKeyId, KeyEncryptionKeyMalformed, KeyEncryptionKeyText, SealError, Sealed,
};
pub use snapshot::{KeyView, TenantSnapshot};
pub use store::{CommitOutcome, Conflict, KeyChange, NewTenant, Store, StoreError};
pub use tenant::{Tenant, TenantId, TenantRecord};
