//! The checks that time alone can turn: what was in order at one time is looked at again at another, without the token.

use super::Policy;
use super::checks::{Demanded, Outcome};
use crate::claims::Times;
use crate::limits::ASSERTION_LIFETIME_SECONDS_MAX;
use crate::profile::Profile;
use crate::{Refusal, UnixTime};

impl Policy {
    /// All of them, in the order in which they stand among the others.
    pub(crate) fn check_times(&self, times: &Times, now: UnixTime) -> Result<(), Refusal> {
        [expiry, not_before, issued_at, authentication, lifetime]
            .into_iter()
            .try_for_each(|check| check(self, times, now).map(drop))
    }
}

pub(super) fn expiry(policy: &Policy, times: &Times, now: UnixTime) -> Outcome {
    let leeway = policy.leeway_seconds();
    let Some(expired_at) = times.expires_at else { return Err(Refusal::ClaimMissing("exp")) };
    // RFC 7519 §4.1.4: not accepted "on or after" this time.
    if now < expired_at.saturating_add(leeway) {
        Ok(Demanded::Yes)
    } else {
        Err(Refusal::Expired { expired_at, now, leeway })
    }
}

pub(super) fn not_before(policy: &Policy, times: &Times, now: UnixTime) -> Outcome {
    is_past(policy, "nbf", times.not_before, now)
}

pub(super) fn issued_at(policy: &Policy, times: &Times, now: UnixTime) -> Outcome {
    is_past(policy, "iat", times.issued_at, now)
}

fn is_past(policy: &Policy, claim: &'static str, time: Option<UnixTime>, now: UnixTime) -> Outcome {
    let leeway = policy.leeway_seconds();
    match time {
        None => Ok(Demanded::No),
        Some(time) if time <= now.saturating_add(leeway) => Ok(Demanded::Yes),
        Some(time) => Err(Refusal::NotYetValid { claim, time, now, leeway }),
    }
}

/// How long ago the user proved who they are.
pub(super) fn authentication(policy: &Policy, times: &Times, now: UnixTime) -> Outcome {
    let Some(max_age) = policy.max_age else { return Ok(Demanded::No) };
    let authenticated_at = times.authenticated_at.ok_or(Refusal::ClaimMissing("auth_time"))?;
    let leeway = policy.leeway_seconds();
    if now <= authenticated_at.saturating_add(max_age).saturating_add(leeway) {
        Ok(Demanded::Yes)
    } else {
        Err(Refusal::AuthenticationTooOld { authenticated_at, now, max_age, leeway })
    }
}

/// How far ahead a client assertion expires: whoever sees one must not be able to use it much later.
pub(super) fn lifetime(policy: &Policy, times: &Times, now: UnixTime) -> Outcome {
    if policy.profile != Profile::ClientAssertion {
        return Ok(Demanded::No);
    }
    let latest = now.saturating_add(ASSERTION_LIFETIME_SECONDS_MAX).saturating_add(policy.leeway_seconds());
    match times.expires_at.filter(|expires_at| *expires_at > latest) {
        Some(expires_at) => Err(Refusal::LifetimeTooLong {
            seconds: expires_at.seconds_since(now),
            max: ASSERTION_LIFETIME_SECONDS_MAX,
        }),
        None => Ok(Demanded::Yes),
    }
}
