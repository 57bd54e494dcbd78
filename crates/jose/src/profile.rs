//! The kinds of token, and what each demands beyond its signature, issuer, audience and times.
//!
//! One row each: RFC 9068 §2 and §4 and Auth0's dialect (access tokens), OpenID Connect Core §2 and §3.1.3.7 (ID tokens),
//! OpenID Connect Back-Channel Logout §2.4 and §2.6 (logout tokens), RFC 7523 §3 (client assertions). One kind must never
//! pass for another (RFC 8725 §3.12).

use crate::limits::{ASSERTION_BYTES_MAX, TOKEN_BYTES_MAX};

/// What kind of token is expected.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Profile {
    /// An access token of any issuer: nothing is demanded beyond issuer, audience and times.
    #[default]
    AccessToken,
    /// An access token of an Auth0 tenant, in either of its dialects: also `typ`, `iat`, `sub`, and `azp` or `client_id`.
    Auth0AccessToken,
    /// An access token as RFC 9068 defines it: also `typ: at+jwt`, `iat`, `sub`, `client_id` and `jti`.
    Rfc9068AccessToken,
    /// An ID token (OpenID Connect Core); the audience is the application's client id. Also `iat` and a `sub` that is
    /// not empty, `azp` if there are several audiences, and what [`crate::Policy::nonce`], [`crate::Policy::max_age`]
    /// and [`crate::Policy::organization`] say.
    IdToken,
    /// A logout token (OpenID Connect Back-Channel Logout): also `iat`, `jti`, `sub` or `sid`, and `events`; no `nonce`.
    /// Whether the `jti` was seen before is for the caller to remember.
    LogoutToken,
    /// A client's assertion of its identity (RFC 7523, `private_key_jwt`). The issuer is the client's id, the audience the
    /// authorization server; also `sub` that equals `iss`, `jti`, one audience only, and an `exp` that is near.
    /// Whether the `jti` was seen before is for the caller to remember.
    ClientAssertion,
}

/// One row of the table.
pub(crate) struct Demands {
    profile: Profile,
    pub(crate) name: &'static str,
    /// The values of `typ`, one of which it must have if it is there; none means any.
    pub(crate) types: &'static [&'static str],
    pub(crate) type_is_required: bool,
    /// Claims that must be there, besides `iss`, `aud` and `exp`.
    pub(crate) required: &'static [&'static str],
    /// One of these must be there, if there are any.
    pub(crate) one_of: &'static [&'static str],
    /// Claims of other kinds of token.
    pub(crate) forbidden: &'static [&'static str],
    pub(crate) token_bytes_max: usize,
    /// How far clocks may differ unless the caller says otherwise.
    pub(crate) leeway_seconds: u64,
}

const ANY: Demands = Demands {
    profile: Profile::AccessToken,
    name: "an access token",
    types: &[],
    type_is_required: false,
    required: &[],
    one_of: &[],
    forbidden: &[],
    token_bytes_max: TOKEN_BYTES_MAX,
    leeway_seconds: 30,
};

static TABLE: [Demands; 6] = [
    ANY,
    Demands {
        profile: Profile::Auth0AccessToken,
        name: "an access token of Auth0",
        types: &["JWT", "at+jwt"],
        type_is_required: true,
        required: &["iat", "sub"],
        one_of: &["azp", "client_id"],
        forbidden: &["nonce", "at_hash", "c_hash", "events"],
        ..ANY
    },
    Demands {
        profile: Profile::Rfc9068AccessToken,
        name: "an access token as RFC 9068 defines it",
        types: &["at+jwt"],
        type_is_required: true,
        required: &["iat", "sub", "client_id", "jti"],
        ..ANY
    },
    Demands {
        profile: Profile::IdToken,
        name: "an ID token",
        types: &["JWT"],
        required: &["iat", "sub"],
        forbidden: &["events"],
        ..ANY
    },
    Demands {
        profile: Profile::LogoutToken,
        name: "a logout token",
        types: &["logout+jwt", "JWT"],
        required: &["iat", "jti", "events"],
        one_of: &["sub", "sid"],
        forbidden: &["nonce"],
        ..ANY
    },
    Demands {
        profile: Profile::ClientAssertion,
        name: "a client assertion",
        types: &["JWT", "client-authentication+jwt"],
        required: &["sub", "jti"],
        forbidden: &["nonce", "events"],
        token_bytes_max: ASSERTION_BYTES_MAX,
        leeway_seconds: 10,
        ..ANY
    },
];

impl Profile {
    /// Every profile.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.profile)
    }

    pub(crate) fn is_access_token(self) -> bool {
        matches!(self, Self::AccessToken | Self::Auth0AccessToken | Self::Rfc9068AccessToken)
    }

    pub(crate) fn demands(self) -> &'static Demands {
        TABLE.iter().find(|row| row.profile == self).unwrap_or(&ANY)
    }
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.demands().name)
    }
}

#[cfg(test)]
mod tests {
    use super::Profile;

    #[test]
    fn every_profile_has_its_own_row() {
        let last = Profile::ClientAssertion;
        assert_eq!(Profile::all().last(), Some(last), "a profile without a row would be after the last one");
        for profile in Profile::all() {
            assert_eq!(profile.demands().profile, profile);
        }
    }
}
