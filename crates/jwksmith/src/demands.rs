//! What `verify` can demand beyond issuer, audience and algorithm: the kind of token, and the values of its claims.
//!
//! What each demand means is decided by `jwksmith_jose`; contradictions among them come back with its codes.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jwksmith_jose::{Policy, PolicyError, Profile};

use crate::at;

/// What else is demanded.
#[derive(Args)]
pub(crate) struct DemandArgs {
    /// The kind of token that is expected, with all that it demands [default: access-token]
    #[arg(long, value_name = "KIND", value_parser = profiles())]
    profile: Option<Profile>,

    /// The scope that must be granted, in `scope` or `permissions`; repeated, each of them
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,

    /// The claim that must be there, and be this string; repeated, each of them
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    claim: Vec<(String, String)>,

    /// The nonce that was sent with the request for an ID token
    #[arg(long, value_name = "NONCE")]
    nonce: Option<String>,

    /// How long ago the user of an ID token may have signed in: 1h, 90m, or plain seconds
    #[arg(long, value_name = "DURATION", value_parser = at::parse_seconds)]
    max_age: Option<u64>,

    /// The organization that the user must have signed in to: its id (`org_…`) or its name
    #[arg(long, value_name = "ORG")]
    organization: Option<String>,
}

/// How each kind of token is called on the command line.
const PROFILES: [(&str, Profile); 6] = [
    ("access-token", Profile::AccessToken),
    ("auth0-access-token", Profile::Auth0AccessToken),
    ("rfc9068-access-token", Profile::Rfc9068AccessToken),
    ("id-token", Profile::IdToken),
    ("logout-token", Profile::LogoutToken),
    ("client-assertion", Profile::ClientAssertion),
];

impl DemandArgs {
    /// The policy with these demands.
    pub(crate) fn add_to(&self, policy: Policy) -> Result<Policy, PolicyError> {
        // The kind first: it decides which of the others make sense.
        let mut policy = policy.profile(self.profile.unwrap_or_default())?;
        for scope in &self.scope {
            policy = policy.scope(scope)?;
        }
        for (name, value) in &self.claim {
            policy = policy.claim(name, value)?;
        }
        if let Some(nonce) = &self.nonce {
            policy = policy.nonce(nonce)?;
        }
        if let Some(seconds) = self.max_age {
            policy = policy.max_age(seconds)?;
        }
        match &self.organization {
            Some(organization) => policy.organization(organization),
            None => Ok(policy),
        }
    }
}

fn profiles() -> impl TypedValueParser<Value = Profile> {
    PossibleValuesParser::new(PROFILES.map(|(name, _)| name)).try_map(|name| {
        let row = PROFILES.iter().find(|(known, _)| *known == name);
        row.map(|(_, profile)| *profile).ok_or("this kind of token is not known")
    })
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').ok_or("expected a name and its value, as org_id=org_123")?;
    Ok((parts.0.to_owned(), parts.1.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{PROFILES, name_and_value};
    use jwksmith_jose::Profile;

    #[test]
    fn every_profile_can_be_named() {
        assert!(Profile::all().eq(PROFILES.map(|(_, profile)| profile)));
    }

    #[test]
    fn claim_is_split_at_its_first_equals_sign() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let parts = name_and_value(text).ok();
            assert_eq!(
                parts.as_ref().map(|(name, value)| (name.as_str(), value.as_str())),
                expected,
                "{text}"
            );
        };
        check("a=b", Some(("a", "b")));
        check("a=", Some(("a", "")));
        check("=b", Some(("", "b")));
        check("a=b=c", Some(("a", "b=c")));
        check("https://x.example/role=admin", Some(("https://x.example/role", "admin")));
        check("a", None);
        check("", None);
    }
}
