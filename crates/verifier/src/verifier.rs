//! The verifier: one policy, one issuer, one cache.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::cache::{Cache, CacheSettings, Snapshot};
use crate::clock::{Clock, SystemClock};
use crate::discovery::Discovery;
use crate::error::{ConfigError, Undecided, VerifyError};
use crate::fetch::FetchSettings;
use crate::source::Source;
use jwksmith_jose::{
    KeySet, Policy, Refusal, UnixTime, Verified, VerifiedToken, preflight, verify, verify_token,
};

/// Verifies the tokens of one issuer.
pub struct Verifier {
    policy: Policy,
    cache: Cache,
    clock: Arc<dyn Clock>,
}

/// Sets up a [`Verifier`] in other ways than the default.
pub struct VerifierBuilder {
    policy: Policy,
    cache: CacheSettings,
    fetch: FetchSettings,
    clock: Arc<dyn Clock>,
}

/// What was located: where the key set is, and what it holds.
#[derive(Clone, Debug)]
pub struct Located {
    /// The issuer's discovery document.
    pub discovery: Discovery,
    /// The key set.
    pub keys: Arc<KeySet>,
}

impl Verifier {
    /// A verifier with the default settings. It asks the issuer for nothing until the first token, or [`Self::preload`].
    ///
    /// # Errors
    /// [`ConfigError`] if the policy's issuer is no URL that may be fetched from.
    pub fn new(policy: Policy) -> Result<Self, ConfigError> {
        Self::builder(policy).build()
    }

    /// Begins a verifier with other settings.
    pub fn builder(policy: Policy) -> VerifierBuilder {
        VerifierBuilder {
            policy,
            cache: CacheSettings::default(),
            fetch: FetchSettings::default(),
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// Verifies a compact token and reads its claims as `T`.
    ///
    /// With a fresh key set at hand this only computes. It waits for the issuer when there is no key set yet, when the set is
    /// past its freshness and refreshes have not failed yet, and once when the token names an unknown key or its signature
    /// does not fit. A token that could not be accepted whatever the keys causes no fetch.
    ///
    /// # Errors
    /// [`VerifyError::Refused`] if the token is at fault; [`VerifyError::Undecided`] if the issuer's keys are not to be had.
    pub async fn verify<T: DeserializeOwned>(&self, token: &str) -> Result<Verified<T>, VerifyError> {
        self.decide(token, verify).await
    }

    /// Verifies a compact token and keeps its claims as they were signed, for who wants claims that borrow.
    ///
    /// # Errors
    /// As [`Self::verify`], but for the shape of the claims.
    pub async fn verify_token(&self, token: &str) -> Result<VerifiedToken, VerifyError> {
        self.decide(token, verify_token).await
    }

    /// Fetches the key set now, unless there is a usable one: call it at start, so that the first request does not wait.
    ///
    /// # Errors
    /// [`Undecided`] if the issuer's keys are not to be had.
    pub async fn preload(&self) -> Result<Located, Undecided> {
        self.cache.current().await.map(|snapshot| located(&snapshot))
    }

    /// What is known of the issuer, without asking it.
    pub fn located(&self) -> Option<Located> {
        self.cache.latest().map(|snapshot| located(&snapshot))
    }

    /// Lets `check` decide: with the set at hand, and if newer keys could cure a refusal, exactly once more.
    async fn decide<R>(&self, token: &str, check: Check<R>) -> Result<R, VerifyError> {
        let snapshot = self.snapshot_for(token).await?;
        match self.check(token, &snapshot, check) {
            Ok(verified) => {
                self.cache.refresh_if_due(&snapshot);
                Ok(verified)
            }
            Err(refusal) if refusal.may_be_cured_by_newer_keys() => {
                self.retry(token, &snapshot, refusal, check).await
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    async fn snapshot_for(&self, token: &str) -> Result<Arc<Snapshot>, VerifyError> {
        if let Some(at_hand) = self.cache.at_hand() {
            return Ok(at_hand);
        }
        // A token that no key could save must not cause a fetch.
        preflight(token, &self.policy, self.clock.now())?;
        Ok(self.cache.current().await?)
    }

    /// The one more try, with a newer set if there is one.
    async fn retry<R>(
        &self,
        token: &str,
        seen: &Snapshot,
        refusal: Refusal,
        check: Check<R>,
    ) -> Result<R, VerifyError> {
        let known_key = refusal == Refusal::Signature;
        if let Err(claims) = preflight(token, &self.policy, self.clock.now()) {
            // Of a forged token nothing more is said than that it is forged.
            return Err(if known_key { refusal } else { claims }.into());
        }
        match self.cache.newer_than(seen).await {
            Ok(Some(newer)) => Ok(self.check(token, &newer, check)?),
            Ok(None) => Err(refusal.into()),
            // The issuer's silence says nothing for a signature that does not fit a key that it did publish.
            Err(_) if known_key => Err(refusal.into()),
            Err(undecided) => Err(undecided.into()),
        }
    }

    fn check<R>(&self, token: &str, snapshot: &Snapshot, check: Check<R>) -> Result<R, Refusal> {
        check(token, &snapshot.keys, &self.policy, self.clock.now())
    }
}

/// What decides about a token, given keys.
type Check<R> = fn(&str, &KeySet, &Policy, UnixTime) -> Result<R, Refusal>;

impl VerifierBuilder {
    /// When the key set is fetched.
    #[must_use]
    pub fn cache(mut self, settings: CacheSettings) -> Self {
        self.cache = settings;
        self
    }

    /// How each fetch is bounded.
    #[must_use]
    pub fn fetch(mut self, settings: FetchSettings) -> Self {
        self.fetch = settings;
        self
    }

    /// Another clock, as tests and the `--at` of the command line need.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The verifier.
    ///
    /// # Errors
    /// [`ConfigError`] if the issuer is no URL that may be fetched from, or if settings contradict each other.
    pub fn build(self) -> Result<Verifier, ConfigError> {
        let source = Source::new(self.policy.issuer(), &self.fetch)?;
        let cache = Cache::new(source, self.cache.checked()?, Arc::clone(&self.clock));
        Ok(Verifier { policy: self.policy, cache, clock: self.clock })
    }
}

fn located(snapshot: &Snapshot) -> Located {
    Located { discovery: snapshot.discovery.clone(), keys: Arc::clone(&snapshot.keys) }
}
