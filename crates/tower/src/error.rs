//! Misconfiguration of a protected service: whoever wrote it must act, and it does not start.
//!
//! What a verifier cannot be meant as is `jwksmith_verifier::ConfigError`. Codes are stable and listed in `docs/errors.md`.

use jwksmith_jose::quoted;

/// A setting that could not be kept, or could not be said to a caller.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtectionError {
    /// A scope or a permission that no token can have (RFC 6749 §3.3).
    #[error(
        "{} is no scope or permission: it must have visible ASCII characters only, and no quotes or backslashes",
        quoted(scope)
    )]
    ScopeMalformed {
        /// What was demanded.
        scope: String,
    },
    /// One of several scopes was demanded, and none was named: no token could do.
    #[error("one of several scopes is demanded, but none is named")]
    ScopesEmpty,
    /// A realm that cannot stand between quotes.
    #[error(
        "the realm {} cannot be sent: use ASCII without quotes, backslashes and control characters",
        quoted(realm)
    )]
    RealmMalformed {
        /// The configured value.
        realm: String,
    },
    /// A URL that callers could not or should not follow.
    #[error("the {setting} {} cannot be used: {reason}", quoted(url))]
    UrlRefused {
        /// What it was given as.
        setting: &'static str,
        /// The configured value.
        url: String,
        /// Why.
        reason: &'static str,
    },
}

impl ProtectionError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ScopeMalformed { .. } => "config_scope_malformed",
            Self::ScopesEmpty => "config_scopes_empty",
            Self::RealmMalformed { .. } => "config_realm_malformed",
            Self::UrlRefused { .. } => "config_url_refused",
        }
    }
}
