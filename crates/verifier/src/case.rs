//! One token before its verifier: from memory if that is enough, and with newer keys exactly once more if not.

use crate::cache::{Cache, Current, Newer, Snapshot, Wanted};
use crate::clock::Clock;
use crate::error::{NeedsRefresh, TryVerifyError, Undecided, VerifyError};
use crate::token_cache::TokenCache;
use crate::verifier::Trusted;
use jwksmith_jose::{
    KeySet, Policy, Refusal, Token, UnixTime, Verified, VerifiedToken, preflight, verify, verify_token,
};
use serde::de::DeserializeOwned;

/// What a check finds of a good token.
pub(crate) trait Finding: Sized {
    /// The `kid` that the token named
    fn key_id(&self) -> Option<&str>;

    /// Checks a token with these keys
    fn check(token: &str, keys: &KeySet, policy: &Policy, now: UnixTime) -> Result<Self, Refusal>;

    /// The same, or finds the token among those that were
    fn once(tokens: &TokenCache, token: &str, keys: &KeySet, to: Recall<'_>) -> Result<Self, Refusal>;
}

/// What a remembered token is bound to.
#[derive(Clone, Copy)]
pub(crate) struct Recall<'a> {
    /// The place of the issuer among those of the verifier
    pub(crate) place: usize,
    pub(crate) policy: &'a Policy,
    pub(crate) generation: u64,
    pub(crate) now: UnixTime,
}

/// A token before the issuer that it says it is of.
pub(crate) struct Case<'v> {
    pub(crate) issuer: &'v Trusted,
    pub(crate) clock: &'v dyn Clock,
    pub(crate) tokens: Option<&'v TokenCache>,
    pub(crate) token: &'v str,
}

/// Why memory alone does not accept a token.
pub(crate) enum Doubt {
    /// It is refused whatever the keys
    Refused(Refusal),
    /// There are no keys that may be used without asking
    NoKeys,
    /// Newer keys than those of this generation could cure the refusal
    Newer { generation: u64, refusal: Refusal },
}

impl Case<'_> {
    /// The verdict of the keys at hand.
    pub(crate) fn verdict_at_hand<R: Finding>(&self) -> Result<R, Doubt> {
        let now = self.clock.monotonic();
        let at_hand = self.issuer.cache.at_hand(now);
        let snapshot = at_hand.as_deref().and_then(Option::as_ref).ok_or(Doubt::NoKeys)?;
        let found = self.judge(snapshot)?;
        self.issuer.cache.refresh_if_due(now);
        Ok(found)
    }

    fn judge<R: Finding>(&self, snapshot: &Snapshot) -> Result<R, Doubt> {
        let now = self.clock.now();
        let Trusted { place, policy, .. } = self.issuer;
        let to = Recall { place: *place, policy, generation: snapshot.generation, now };
        let found = match self.tokens {
            None => R::check(self.token, &snapshot.keys, policy, now),
            Some(tokens) => R::once(tokens, self.token, &snapshot.keys, to),
        };
        match found {
            Ok(found) => {
                snapshot.used(found.key_id(), now);
                self.issuer.cache.metrics().accepted();
                Ok(found)
            }
            Err(refusal) if refusal.may_be_cured_by_newer_keys() => {
                Err(Doubt::Newer { generation: snapshot.generation, refusal })
            }
            Err(refusal) => Err(Doubt::Refused(refusal)),
        }
    }

    /// Settles a doubt, waiting for keys where they could help.
    pub(crate) async fn settle<R: Finding>(&self, doubt: Doubt) -> Result<R, VerifyError> {
        match doubt {
            Doubt::Refused(refusal) => Err(refusal.into()),
            Doubt::Newer { generation, refusal } => self.retry(generation, refusal).await,
            Doubt::NoKeys => self.with_current().await,
        }
    }

    async fn with_current<R: Finding>(&self) -> Result<R, VerifyError> {
        // A token that no key could save must not cause a fetch.
        self.preflight()?;
        let Current { snapshot, asked } = self.issuer.cache.current().await?;
        match self.judge(&snapshot) {
            Ok(found) => Ok(found),
            // The issuer has just been asked.
            Err(Doubt::Newer { generation, refusal }) if asked => {
                Ok(self.once_more(self.issuer.cache.outcome(generation), refusal)?)
            }
            Err(Doubt::Newer { generation, refusal }) => self.retry(generation, refusal).await,
            Err(doubt) => Err(doubt.into_refusal().into()),
        }
    }

    async fn retry<R: Finding>(&self, generation: u64, refusal: Refusal) -> Result<R, VerifyError> {
        let refusal = self.worth_a_look(refusal)?;
        let forged = self.kid_if_forged(&refusal);
        let newer = self.issuer.cache.newer_than(generation, wanted(&refusal, forged.as_deref())).await;
        Ok(self.once_more(newer, refusal)?)
    }

    /// Settles a doubt without waiting; what could help is begun.
    pub(crate) fn settle_now<R: Finding>(&self, doubt: Doubt) -> Result<R, TryVerifyError> {
        match doubt {
            Doubt::Refused(refusal) => Err(refusal.into()),
            Doubt::Newer { generation, refusal } => self.retry_now(generation, refusal),
            Doubt::NoKeys => self.with_current_now(),
        }
    }

    fn with_current_now<R: Finding>(&self) -> Result<R, TryVerifyError> {
        self.preflight()?;
        let snapshot = match self.issuer.cache.current_soon() {
            Ok(snapshot) => snapshot,
            Err(Newer::Failing(undecided)) => return Err(undecided.into()),
            Err(_) => return Err(needs_refresh()),
        };
        self.judge(&snapshot).or_else(|doubt| match doubt {
            Doubt::Newer { generation, refusal } => self.retry_now(generation, refusal),
            doubt => Err(doubt.into_refusal().into()),
        })
    }

    fn retry_now<R: Finding>(&self, generation: u64, refusal: Refusal) -> Result<R, TryVerifyError> {
        let refusal = self.worth_a_look(refusal)?;
        let forged = self.kid_if_forged(&refusal);
        let newer = self.issuer.cache.newer_soon(generation, wanted(&refusal, forged.as_deref()));
        self.once_more(newer, refusal)
    }

    /// Whether any key could save the token. Of a forged one nothing more is said than that it is forged.
    fn worth_a_look(&self, refusal: Refusal) -> Result<Refusal, Refusal> {
        match self.preflight() {
            Ok(()) => Ok(refusal),
            Err(_) if refusal == Refusal::Signature => Err(refusal),
            Err(claims) => Err(claims),
        }
    }

    fn preflight(&self) -> Result<(), Refusal> {
        preflight(self.token, &self.issuer.policy, self.clock.now())
    }

    /// The one more try, with a newer set if there is one.
    fn once_more<R: Finding>(&self, newer: Newer, refusal: Refusal) -> Result<R, TryVerifyError> {
        match newer {
            Newer::Set(snapshot) => self.judge(&snapshot).map_err(|doubt| match doubt {
                // It may be newer for an eviction only, while refreshes fail.
                Doubt::Newer { refusal, .. } => last_word(refusal, self.issuer.cache.failing()),
                doubt => doubt.into_refusal().into(),
            }),
            Newer::Same => Err(refusal.into()),
            Newer::Failing(undecided) => Err(last_word(refusal, Some(undecided))),
            Newer::Pending => Err(needs_refresh()),
        }
    }

    /// Of a token whose signature does not fit, the key that it names.
    fn kid_if_forged(&self, refusal: &Refusal) -> Option<String> {
        let token = (*refusal == Refusal::Signature).then(|| Token::parse(self.token).ok()).flatten()?;
        token.header().key_id().map(str::to_owned)
    }
}

/// What is said of a token that nothing has cured, be it that refreshes fail.
fn last_word(refusal: Refusal, failing: Option<Undecided>) -> TryVerifyError {
    match failing {
        // The issuer's silence says nothing for a signature that does not fit a key that it did publish.
        Some(undecided) if refusal != Refusal::Signature => undecided.into(),
        _ => refusal.into(),
    }
}

fn needs_refresh() -> TryVerifyError {
    let Undecided { retry_after, .. } = Cache::pending();
    TryVerifyError::NeedsRefresh(NeedsRefresh { retry_after })
}

/// What could cure a refusal.
fn wanted<'t>(refusal: &'t Refusal, forged: Option<&'t str>) -> Wanted<'t> {
    match (refusal, forged) {
        (Refusal::KeyUnknown { key_id }, _) => Wanted::Kid(key_id),
        (_, Some(kid)) => Wanted::OtherKeyOf(kid),
        _ => Wanted::Any,
    }
}

impl Doubt {
    /// After the one more try there is no other.
    fn into_refusal(self) -> Refusal {
        match self {
            Self::Refused(refusal) | Self::Newer { refusal, .. } => refusal,
            Self::NoKeys => Refusal::KeyIdRequired { candidates: 0 },
        }
    }
}

impl<T: DeserializeOwned> Finding for Verified<T> {
    fn key_id(&self) -> Option<&str> {
        Self::key_id(self)
    }

    fn check(token: &str, keys: &KeySet, policy: &Policy, now: UnixTime) -> Result<Self, Refusal> {
        verify(token, keys, policy, now)
    }

    fn once(tokens: &TokenCache, token: &str, keys: &KeySet, to: Recall<'_>) -> Result<Self, Refusal> {
        VerifiedToken::once(tokens, token, keys, to)?.verified()
    }
}

impl Finding for VerifiedToken {
    fn key_id(&self) -> Option<&str> {
        Self::key_id(self)
    }

    fn check(token: &str, keys: &KeySet, policy: &Policy, now: UnixTime) -> Result<Self, Refusal> {
        verify_token(token, keys, policy, now)
    }

    fn once(tokens: &TokenCache, token: &str, keys: &KeySet, to: Recall<'_>) -> Result<Self, Refusal> {
        tokens.once(token, to, || verify_token(token, keys, to.policy, to.now))
    }
}
