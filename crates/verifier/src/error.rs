//! Errors, grouped by who must act.
//!
//! * [`VerifyError::Refused`]: the token. Its codes are those of [`Refusal`].
//! * [`VerifyError::Undecided`] and [`IssuerError`]: the issuer. Nothing is known against the token; try again later.
//! * [`ConfigError`]: whoever configured this verifier.
//!
//! Codes are stable and listed in `docs/errors.md`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jwksmith_jose::json::JsonError;
use jwksmith_jose::{KeySetError, PolicyError, Refusal, quoted};

/// Why [`crate::Verifier::verify`] returned no verified token.
#[derive(Clone, Debug, thiserror::Error)]
pub enum VerifyError {
    /// The token is not acceptable: 401.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Whether it is acceptable cannot be said now: 503.
    #[error(transparent)]
    Undecided(#[from] Undecided),
}

impl VerifyError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Undecided(undecided) => undecided.cause.code(),
        }
    }
}

/// Why [`crate::Verifier::try_verify`] returned no verified token.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TryVerifyError {
    /// The token is not acceptable: 401.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Whether it is acceptable cannot be said now: 503.
    #[error(transparent)]
    Undecided(#[from] Undecided),
    /// The keys must be refreshed first, which has been begun: ask again soon, or answer 503.
    #[error(transparent)]
    NeedsRefresh(#[from] NeedsRefresh),
}

impl TryVerifyError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Undecided(undecided) => undecided.cause.code(),
            Self::NeedsRefresh(_) => IssuerError::StillFetching.code(),
        }
    }

    /// The verdict, if it is one.
    pub(crate) fn as_final(&self) -> Option<VerifyError> {
        match self {
            Self::Refused(refusal) => Some(refusal.clone().into()),
            Self::Undecided(undecided) => Some(undecided.clone().into()),
            Self::NeedsRefresh(_) => None,
        }
    }
}

/// Who waits has waited: what is still under way then is said to be.
impl From<TryVerifyError> for VerifyError {
    fn from(error: TryVerifyError) -> Self {
        match error {
            TryVerifyError::Refused(refusal) => Self::Refused(refusal),
            TryVerifyError::Undecided(undecided) => Self::Undecided(undecided),
            TryVerifyError::NeedsRefresh(NeedsRefresh { retry_after }) => {
                Self::Undecided(Undecided { cause: Arc::new(IssuerError::StillFetching), retry_after })
            }
        }
    }
}

impl From<VerifyError> for TryVerifyError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Refused(refusal) => Self::Refused(refusal),
            VerifyError::Undecided(undecided) => Self::Undecided(undecided),
        }
    }
}

/// A refresh of the issuer's keys is under way, and what it brings decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the issuer's keys are being refreshed: ask again soon")]
pub struct NeedsRefresh {
    /// When to ask again, from now
    pub retry_after: Duration,
}

/// An issuer whose keys were not to be had at start.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the keys of {issuer} are not to be had: {}", .undecided.cause)]
pub struct NotReady {
    /// The issuer, as configured
    pub issuer: Arc<str>,
    /// Why, and when it will be asked again
    pub undecided: Undecided,
}

/// The issuer's keys are not to be had.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot decide: {cause}")]
pub struct Undecided {
    /// What went wrong the last time
    pub cause: Arc<IssuerError>,
    /// When the issuer will be asked again at the earliest, from now
    pub retry_after: Duration,
}

impl Undecided {
    /// The same in whole seconds for a `Retry-After`, rounded up: too early would be in vain.
    pub fn retry_after_seconds(&self) -> u64 {
        let more = u64::from(self.retry_after.subsec_nanos() > 0);
        self.retry_after.as_secs().saturating_add(more)
    }
}

/// What an issuer did that kept its key set from being used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// No answer: connection, name resolution, TLS, or the deadline.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// What was fetched.
        url: String,
        /// The chain of causes.
        reason: String,
    },
    /// An answer with another status than 200.
    #[error("{url} answered with status {status}")]
    Status {
        /// What was fetched.
        url: String,
        /// The status.
        status: u16,
        /// `Retry-After`, if it was sent: in seconds, or as a date.
        retry_after: Option<Duration>,
    },
    /// A redirect that is not followed: it leads to another origin, or no redirects are allowed.
    #[error("{url} redirects, which is not followed: configure the issuer's own URL")]
    Redirect {
        /// What was fetched.
        url: String,
    },
    /// A body over the limit.
    #[error("{url} sent more than {max} bytes")]
    TooLarge {
        /// What was fetched.
        url: String,
        /// The limit.
        max: usize,
    },
    /// No discovery document at any of the well-known places.
    #[error("the issuer has no discovery document at {}", .tried.join(" or "))]
    DiscoveryMissing {
        /// The places tried, in order.
        tried: Vec<String>,
    },
    /// The discovery document is not one strict JSON object of the right shape.
    #[error("the discovery document at {url} cannot be read: {error}")]
    Discovery {
        /// Where it is.
        url: String,
        /// What is wrong with it.
        error: JsonError,
    },
    /// The document speaks for another issuer (OIDC Discovery §4.3, RFC 8414 §3.3).
    #[error(
        "the discovery document names the issuer {}, expected {} (compared byte for byte: mind the trailing slash)",
        quoted(found),
        quoted(expected)
    )]
    IssuerMismatch {
        /// The configured issuer.
        expected: String,
        /// The document's.
        found: String,
    },
    /// A required member is absent.
    #[error("the discovery document has no `{0}`")]
    DiscoveryMember(&'static str),
    /// `jwks_uri` leads where no key set may come from.
    #[error("the discovery document's `jwks_uri` {} is refused: {reason}", quoted(url))]
    JwksUriRefused {
        /// The value.
        url: String,
        /// Why.
        reason: &'static str,
    },
    /// The key set is refused as a whole.
    #[error("the key set at {url} is refused: {error}")]
    KeySet {
        /// Where it is.
        url: String,
        /// Why.
        error: KeySetError,
    },
    /// No key of the set has a certificate that leads to a given root.
    #[error("no key of the set has certificates that the given roots vouch for")]
    Unvouched,
    /// An address that is not dialled: it is private, of this machine, or link-local.
    #[error("{url} leads to {address}, which is not dialled: {reason}")]
    AddressRefused {
        /// What was fetched.
        url: String,
        /// Where it led.
        address: IpAddr,
        /// Why not.
        reason: &'static str,
    },
    /// The answer does not call itself JSON, and only JSON is accepted.
    #[error("{url} sent the content type {}, and only JSON is accepted", quoted(found))]
    ContentType {
        /// What was fetched.
        url: String,
        /// `Content-Type`.
        found: String,
    },
    /// The file of a key set cannot be read.
    #[error("the key set in {} cannot be read: {reason}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A file that a fetch needs cannot be read: roots, a certificate or a token.
    #[error("{} cannot be used for a fetch: {reason}", .path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The HTTP client cannot be made from such files.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
    /// No such issuer is configured.
    #[error("the issuer {} is not configured", quoted(issuer))]
    NotConfigured {
        /// What was asked for.
        issuer: String,
    },
    /// The fetch is still under way, and the caller has waited long enough.
    #[error("the fetch of the key set takes longer than a call waits")]
    StillFetching,
    /// The fetch ended without an answer, as when the runtime shuts down.
    #[error("the fetch of the key set was given up")]
    Abandoned,
}

impl IssuerError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "issuer_unreachable",
            Self::Status { .. } => "issuer_status",
            Self::Redirect { .. } => "issuer_redirect",
            Self::TooLarge { .. } => "issuer_body_too_large",
            Self::DiscoveryMissing { .. } => "discovery_missing",
            Self::Discovery { error: JsonError::DuplicateMember(_), .. } => "discovery_duplicate_member",
            Self::Discovery { .. } => "discovery_malformed",
            Self::IssuerMismatch { .. } => "discovery_issuer_mismatch",
            Self::DiscoveryMember(_) => "discovery_member_missing",
            Self::JwksUriRefused { .. } => "discovery_jwks_uri_refused",
            Self::KeySet { error, .. } => error.code(),
            Self::Unvouched => "key_set_unvouched",
            Self::AddressRefused { .. } => "issuer_address_refused",
            Self::ContentType { .. } => "issuer_content_type",
            Self::File { .. } => "key_set_file",
            Self::Credentials { .. } => "fetch_credentials",
            Self::Client(_) => "fetch_client",
            Self::NotConfigured { .. } => "issuer_not_configured",
            Self::StillFetching => "fetch_pending",
            Self::Abandoned => "fetch_abandoned",
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// A verifier that cannot be meant as it was configured.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The policy contradicts itself.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The issuer cannot be fetched from.
    #[error("the issuer {} cannot be used: {reason}", quoted(issuer))]
    Issuer {
        /// The configured value.
        issuer: String,
        /// Why.
        reason: &'static str,
    },
    /// A source of keys cannot be used.
    #[error("the source of keys {} cannot be used: {reason}", quoted(place))]
    Source {
        /// The configured value, or the issuer.
        place: String,
        /// Why.
        reason: &'static str,
    },
    /// A key set that was given cannot be used.
    #[error("the given key set cannot be used: {error}")]
    KeySet {
        /// Why.
        error: KeySetError,
    },
    /// Two issuers have one name, so that a token's `iss` would not say which is meant.
    #[error("the issuer {} is configured twice", quoted(.0))]
    IssuerTwice(String),
    /// Two settings contradict each other.
    #[error("the cache settings contradict each other: {0}")]
    Cache(&'static str),
    /// The same of the settings of fetches.
    #[error("the fetch settings cannot be meant: {0}")]
    Fetch(&'static str),
    /// The same of the settings of the cache of verified tokens.
    #[error("the settings of the token cache cannot be meant: {0}")]
    TokenCache(&'static str),
    /// The folder of snapshots cannot be used.
    #[error("the folder of snapshots {} cannot be used: {reason}", .path.display())]
    SnapshotFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The HTTP client cannot be made, as when the system has no certificates.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
}

impl ConfigError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Policy(error) => error.code(),
            Self::Issuer { .. } => "config_issuer",
            Self::Source { .. } => "config_source",
            Self::KeySet { .. } => "config_key_set",
            Self::IssuerTwice(_) => "config_issuer_twice",
            Self::Cache(_) => "config_cache",
            Self::Fetch(_) => "config_fetch",
            Self::TokenCache(_) => "config_token_cache",
            Self::SnapshotFolder { .. } => "config_snapshot_folder",
            Self::Client(_) => "config_http_client",
        }
    }
}
