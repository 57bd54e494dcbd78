//! The checks of a policy, one small function each, in the order in which they are made.
//!
//! [`crate::verify`] stops at the first that refuses; [`crate::explain`] runs the same ones and tells of each.

use std::borrow::Cow;

use super::{Policy, template, times};
use crate::claims::Claims;
use crate::json::{Kind, Value};
use crate::limits::ASSERTION_TEXT_CHARACTERS_MAX;
use crate::profile::Profile;
use crate::token::Header;
use crate::{Refusal, UnixTime};

/// Whether the policy demanded anything; if it did, it was met.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Demanded {
    Yes,
    No,
}

pub(super) type Outcome = Result<Demanded, Refusal>;

/// One check of the claims.
pub(crate) struct ClaimCheck {
    /// What is checked.
    pub(crate) name: &'static str,
    /// Who says that it must be.
    pub(crate) source: &'static str,
    pub(crate) run: fn(&Policy, &Claims<'_, '_>, UnixTime) -> Outcome,
}

/// The checks of the claims that every token has to pass, in their order.
pub(crate) static COMMON_CHECKS: [ClaimCheck; 5] = [
    ClaimCheck { name: "iss", source: "RFC 7519 §4.1.1", run: issuer },
    ClaimCheck { name: "aud", source: "RFC 7519 §4.1.3", run: audience },
    ClaimCheck {
        name: "exp",
        source: "RFC 7519 §4.1.4",
        run: |policy, claims, now| times::expiry(policy, &claims.times, now),
    },
    ClaimCheck {
        name: "nbf",
        source: "RFC 7519 §4.1.5",
        run: |policy, claims, now| times::not_before(policy, &claims.times, now),
    },
    ClaimCheck {
        name: "iat",
        source: "RFC 7519 §4.1.6",
        run: |policy, claims, now| times::issued_at(policy, &claims.times, now),
    },
];

/// The checks that follow, of what only some policies demand.
pub(crate) static FURTHER_CHECKS: [ClaimCheck; 11] = [
    ClaimCheck { name: "tenant", source: "Microsoft, issuer validation", run: template::tenant },
    ClaimCheck { name: "claims of the profile", source: "RFC 8725 §3.12", run: profile_claims },
    ClaimCheck { name: "sub", source: "OpenID Connect Core §2, RFC 7523 §3", run: subject },
    ClaimCheck { name: "azp", source: "OpenID Connect Core §3.1.3.7", run: authorized_party },
    ClaimCheck { name: "nonce", source: "OpenID Connect Core §3.1.3.7", run: nonce },
    ClaimCheck { name: "organization", source: "Auth0, ID token validation", run: organization },
    ClaimCheck { name: "auth_time", source: "OpenID Connect Core §3.1.3.7", run: authentication_time },
    ClaimCheck { name: "events", source: "OpenID Connect Back-Channel Logout §2.4", run: logout_event },
    ClaimCheck { name: "assertion bounds", source: "RFC 7523 §3", run: assertion },
    ClaimCheck { name: "scope", source: "RFC 6749 §3.3", run: scopes },
    ClaimCheck { name: "claims of the caller", source: "RFC 7519 §4.3", run: caller_claims },
];

impl Policy {
    /// RFC 8725 §3.1: the caller's list decides, never the token.
    pub(crate) fn check_algorithm(&self, header: &Header) -> Result<(), Refusal> {
        let algorithm = header.algorithm();
        if self.algorithms.contains(&algorithm) {
            Ok(())
        } else {
            Err(Refusal::AlgorithmNotAllowed { algorithm })
        }
    }

    /// RFC 8725 §3.11.
    pub(crate) fn check_type(&self, header: &Header) -> Outcome {
        let demands = self.demands();
        let own = self.token_type.as_deref();
        let accepted: &[&str] = own.as_ref().map_or(demands.types, std::slice::from_ref);
        let is_required = own.is_some() || demands.type_is_required;
        match header.token_type() {
            _ if accepted.is_empty() => Ok(Demanded::No),
            None if !is_required => Ok(Demanded::No),
            Some(found) if accepted.iter().any(|accepted| is_same_type(found, accepted)) => Ok(Demanded::Yes),
            found => Err(Refusal::TypeMismatch {
                expected: accepted.join(" or "),
                found: found.map(str::to_owned),
            }),
        }
    }
}

fn issuer(policy: &Policy, claims: &Claims<'_, '_>, _: UnixTime) -> Outcome {
    let Some(found) = claims.issuer() else { return Err(Refusal::ClaimMissing("iss")) };
    let is_expected = match &policy.template {
        None => found.reads(&policy.issuer),
        Some(template) => template.tenant(&text(Some(found))).is_some(),
    };
    if is_expected { Ok(Demanded::Yes) } else { Err(policy.issuer_mismatch(&text(Some(found)))) }
}

fn audience(policy: &Policy, claims: &Claims<'_, '_>, _: UnixTime) -> Outcome {
    if claims.audience().is_none() {
        return Err(Refusal::ClaimMissing("aud"));
    }
    if claims.is_for(&policy.audiences) {
        return Ok(Demanded::Yes);
    }
    Err(Refusal::AudienceMismatch { expected: policy.audiences.clone(), found: claims.audiences() })
}

/// A string that was found to be one; an absent one is empty.
pub(super) fn text(value: Option<Value<'_>>) -> Cow<'_, str> {
    value.and_then(Value::as_text).unwrap_or_default()
}

/// What the kind of token must have, and what it must not have because another kind has it.
fn profile_claims(policy: &Policy, claims: &Claims<'_, '_>, _: UnixTime) -> Outcome {
    let demands = policy.demands();
    let is_there = |name: &&&str| claims.other(name).is_some();
    if let Some(missing) = demands.required.iter().find(|name| !is_there(name)) {
        return Err(Refusal::ClaimMissing(missing));
    }
    if !demands.one_of.is_empty() && !demands.one_of.iter().any(|name| is_there(&name)) {
        return Err(Refusal::ClaimsMissing(demands.one_of));
    }
    if let Some(claim) = demands.forbidden.iter().find(is_there) {
        return Err(Refusal::ClaimForbidden { claim, profile: policy.profile });
    }
    Ok(if policy.profile == Profile::AccessToken { Demanded::No } else { Demanded::Yes })
}

fn subject(policy: &Policy, claims: &Claims<'_, '_>, _: UnixTime) -> Outcome {
    let Some(subject) = claims.subject() else { return Ok(Demanded::No) };
    match policy.profile {
        Profile::AccessToken => Ok(Demanded::No),
        // It says whom the token is about; an empty one would be about everybody.
        _ if subject.reads("") => Err(Refusal::ClaimEmpty("sub")),
        // RFC 7523 §3: the client speaks for itself.
        Profile::ClientAssertion => is_equal("sub", &policy.issuer, &text(claims.subject())),
        _ => Ok(Demanded::Yes),
    }
}

/// OpenID Connect Core §3.1.3.7, steps 4 and 5: with several audiences, whom of them the token was issued to.
fn authorized_party(policy: &Policy, claims: &Claims<'_, '_>, _: UnixTime) -> Outcome {
    if policy.profile != Profile::IdToken {
        return Ok(Demanded::No);
    }
    let several = claims.audiences().len() > 1;
    match claims.other_text("azp")? {
        None if several => Err(Refusal::ClaimMissing("azp")),
        None => Ok(Demanded::No),
        Some(party) if policy.audiences.iter().any(|accepted| *accepted == party) => Ok(Demanded::Yes),
        Some(party) => Err(mismatch("azp", &policy.audiences.join(" or "), &party)),
    }
}

fn nonce(policy: &Policy, claims: &Claims<'_, '_>, _: UnixTime) -> Outcome {
    match &policy.nonce {
        Some(expected) => is_demanded(claims, "nonce", expected),
        None => Ok(Demanded::No),
    }
}

fn organization(policy: &Policy, claims: &Claims<'_, '_>, _: UnixTime) -> Outcome {
    match &policy.organization {
        Some(id) if id.starts_with("org_") => is_demanded(claims, "org_id", id),
        Some(name) => is_demanded(claims, "org_name", &name.to_lowercase()),
        None => Ok(Demanded::No),
    }
}

fn authentication_time(policy: &Policy, claims: &Claims<'_, '_>, now: UnixTime) -> Outcome {
    if policy.max_age.is_some() {
        claims.authenticated_at()?;
    }
    times::authentication(policy, &claims.times, now)
}

const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

fn logout_event(policy: &Policy, claims: &Claims<'_, '_>, _: UnixTime) -> Outcome {
    if policy.profile != Profile::LogoutToken {
        return Ok(Demanded::No);
    }
    let events = claims.other("events");
    let event = events.and_then(|events| events.members().find(|(name, _)| name == LOGOUT_EVENT));
    match event.map(|(_, value)| value.kind()) {
        Some(Kind::Object) => Ok(Demanded::Yes),
        _ => Err(Refusal::EventMissing(LOGOUT_EVENT)),
    }
}

/// An assertion lives shortly and is for one server only: whoever sees one must not be able to use it elsewhere or later.
fn assertion(policy: &Policy, claims: &Claims<'_, '_>, now: UnixTime) -> Outcome {
    if policy.profile != Profile::ClientAssertion {
        return Ok(Demanded::No);
    }
    let found = claims.audiences();
    if found.len() > 1 {
        return Err(Refusal::AudienceNotSole { found });
    }
    for (claim, value) in [("iss", claims.issuer()), ("sub", claims.subject()), ("jti", claims.token_id())] {
        let characters = text(value).chars().count();
        if characters > ASSERTION_TEXT_CHARACTERS_MAX {
            return Err(Refusal::ClaimTooLong { claim, characters, max: ASSERTION_TEXT_CHARACTERS_MAX });
        }
    }
    if claims.token_id().is_some_and(|value| value.reads("")) {
        return Err(Refusal::ClaimEmpty("jti"));
    }
    times::lifetime(policy, &claims.times, now)
}

fn scopes(policy: &Policy, claims: &Claims<'_, '_>, _: UnixTime) -> Outcome {
    if policy.scopes.is_empty() {
        return Ok(Demanded::No);
    }
    let scope = claims.other_text("scope")?.unwrap_or_default();
    let permissions = claims.other("permissions");
    let is_granted = |wanted: &&String| {
        let permitted = permissions.into_iter().flat_map(Value::elements).filter_map(Value::as_text);
        scope.split(' ').any(|one| one == **wanted) || permitted.into_iter().any(|one| one == **wanted)
    };
    match policy.scopes.iter().find(|wanted| !is_granted(wanted)) {
        Some(scope) => Err(Refusal::ScopeMissing { scope: scope.clone() }),
        None => Ok(Demanded::Yes),
    }
}

fn caller_claims(policy: &Policy, claims: &Claims<'_, '_>, _: UnixTime) -> Outcome {
    for (name, expected) in &policy.claims {
        is_text(claims, name, expected)?;
    }
    Ok(if policy.claims.is_empty() { Demanded::No } else { Demanded::Yes })
}

/// The same of a claim that the caller named: whatever is no string is another value.
pub(super) fn is_text(claims: &Claims<'_, '_>, name: &str, expected: &str) -> Outcome {
    let value = claims.other(name).ok_or_else(|| Refusal::DemandedClaimMissing(name.to_owned()))?;
    if value.reads(expected) {
        return Ok(Demanded::Yes);
    }
    let found = value.as_text().unwrap_or_else(|| value.kind().in_words().into());
    Err(mismatch(name, expected, &found))
}

/// Expecting a claim makes it mandatory.
fn is_demanded(claims: &Claims<'_, '_>, claim: &'static str, expected: &str) -> Outcome {
    let found = claims.other_text(claim)?.ok_or(Refusal::ClaimMissing(claim))?;
    is_equal(claim, expected, &found)
}

fn is_equal(claim: &'static str, expected: &str, found: &str) -> Outcome {
    if found == expected { Ok(Demanded::Yes) } else { Err(mismatch(claim, expected, found)) }
}

fn mismatch(claim: &str, expected: &str, found: &str) -> Refusal {
    Refusal::ClaimMismatch { claim: claim.to_owned(), expected: expected.to_owned(), found: found.to_owned() }
}

/// RFC 7515 §4.1.9: `typ` is a media type whose `application/` may be left out; media types have no case.
fn is_same_type(one: &str, other: &str) -> bool {
    one == other || media_type(one).eq_ignore_ascii_case(media_type(other))
}

fn media_type(token_type: &str) -> &str {
    const PREFIX: &str = "application/";
    match token_type.get(..PREFIX.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => {
            token_type.get(PREFIX.len()..).unwrap_or_default()
        }
        _ => token_type,
    }
}
