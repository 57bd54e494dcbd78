//! The verifier: issuers, each with its policy and its cache, and the way of a token to a verdict.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::broadcast;
use tracing::Instrument as _;

use crate::builder::VerifierBuilder;
use crate::cache::{Cache, RevocationBound};
use crate::case::{Case, Doubt, Finding};
use crate::clock::Clock;
use crate::error::{ConfigError, IssuerError, NotReady, TryVerifyError, Undecided, VerifyError};
use crate::event::{Event, Events};
use crate::metrics;
use crate::saved::Saved;
use crate::source::SourceInUse;
use crate::status::{Readiness, Refreshed};
use crate::token_cache::{TokenCache, TokenCacheUse};
use crate::trusted::TrustedIssuer;
use jwksmith_jose::{KeySet, Memory, Policy, Refusal, UnixTime, Verified, VerifiedToken, danger};

/// Verifies the tokens of the issuers that it trusts.
pub struct Verifier {
    issuers: Vec<Trusted>,
    /// Where in `issuers` the one of this name is
    by_name: HashMap<Arc<str>, usize>,
    /// Where in `issuers` those are that stand for many
    templates: Vec<usize>,
    clock: Arc<dyn Clock>,
    events: broadcast::Sender<Event>,
    tokens: Option<TokenCache>,
}

/// An issuer, ready.
pub(crate) struct Trusted {
    /// Its place among the issuers
    pub(crate) place: usize,
    pub(crate) name: Arc<str>,
    pub(crate) policy: Policy,
    pub(crate) cache: Cache,
}

impl Trusted {
    fn is_template(&self) -> bool {
        is_template(&self.policy)
    }
}

/// What stands for the issuers of many tenants is none itself.
pub(crate) fn is_template(policy: &Policy) -> bool {
    !policy.issuer_matches(policy.issuer())
}

/// What was located: where the key set is, and what it holds.
#[derive(Clone, Debug)]
pub struct Located {
    /// Where it came from
    pub in_use: SourceInUse,
    /// The key set that tokens are verified with
    pub keys: Arc<KeySet>,
    /// The key set as the source wrote it, as JSON
    pub json: Arc<[u8]>,
    /// When it was fetched or last confirmed
    pub fetched_at: UnixTime,
}

impl Verifier {
    /// A verifier with the default settings. It asks the issuer for nothing until the first token, or [`Self::preload`].
    ///
    /// # Errors
    /// [`ConfigError`] if the policy's issuer is no URL that may be fetched from.
    pub fn new(policy: Policy) -> Result<Self, ConfigError> {
        Self::builder(policy).build()
    }

    /// Begins a verifier of one issuer or several, with other settings.
    pub fn builder(first: impl Into<TrustedIssuer>) -> VerifierBuilder {
        VerifierBuilder::new(first.into())
    }

    pub(crate) fn of(
        issuers: Vec<Trusted>,
        clock: Arc<dyn Clock>,
        events: broadcast::Sender<Event>,
        tokens: Option<TokenCache>,
    ) -> Result<Self, ConfigError> {
        let mut by_name = HashMap::new();
        for (place, issuer) in issuers.iter().enumerate() {
            if by_name.insert(Arc::clone(&issuer.name), place).is_some() {
                return Err(ConfigError::IssuerTwice(issuer.name.to_string()));
            }
        }
        let stand_for_many = |place: &usize| issuers.get(*place).is_some_and(Trusted::is_template);
        let templates = (0..issuers.len()).filter(stand_for_many).collect();
        Ok(Self { issuers, by_name, templates, clock, events, tokens })
    }

    /// Verifies a compact token and reads its claims as `T`.
    ///
    /// With a fresh key set at hand this only computes. It waits for the issuer when there is no key set yet, when the set is
    /// past its freshness and refreshes have not failed yet, and once when the token names an unknown key or its signature
    /// does not fit. A token that could not be accepted whatever the keys causes no fetch. Giving up waiting (dropping the
    /// future) harms nobody: the fetch goes on.
    ///
    /// # Errors
    /// [`VerifyError::Refused`] if the token is at fault; [`VerifyError::Undecided`] if the issuer's keys are not to be had.
    pub async fn verify<T: DeserializeOwned>(&self, token: &str) -> Result<Verified<T>, VerifyError> {
        self.decide(token).await
    }

    /// Verifies a compact token and keeps its claims as they were signed, for who wants claims that borrow.
    ///
    /// # Errors
    /// As [`Self::verify`], but for the shape of the claims.
    pub async fn verify_token(&self, token: &str) -> Result<VerifiedToken, VerifyError> {
        self.decide(token).await
    }

    /// Verifies from memory, without waiting: for interceptors and threads that are not async.
    ///
    /// Where [`Self::verify`] would wait, this begins the refresh and answers [`TryVerifyError::NeedsRefresh`]: ask again soon.
    ///
    /// # Errors
    /// [`TryVerifyError`].
    pub fn try_verify<T: DeserializeOwned>(&self, token: &str) -> Result<Verified<T>, TryVerifyError> {
        self.try_decide(token)
    }

    /// The same for claims as they were signed.
    ///
    /// # Errors
    /// As [`Self::try_verify`], but for the shape of the claims.
    pub fn try_verify_token(&self, token: &str) -> Result<VerifiedToken, TryVerifyError> {
        self.try_decide(token)
    }

    async fn decide<R: Finding>(&self, token: &str) -> Result<R, VerifyError> {
        let case = self.case(token)?;
        match case.verdict_at_hand() {
            Ok(found) => Ok(found),
            // In a box, so that a call that does not wait does not carry the room for waiting along.
            Err(doubt) => {
                let span = tracing::debug_span!("verify", issuer = %case.issuer.name);
                Box::pin(self.settle(case, doubt).instrument(span)).await
            }
        }
    }

    async fn settle<R: Finding>(&self, case: Case<'_>, doubt: Doubt) -> Result<R, VerifyError> {
        case.settle(doubt).await.inspect_err(|error| case.issuer.cache.metrics().refused(error))
    }

    fn try_decide<R: Finding>(&self, token: &str) -> Result<R, TryVerifyError> {
        let case = self.case(token)?;
        let settled = case.verdict_at_hand().or_else(|doubt| case.settle_now(doubt));
        settled.inspect_err(|error| {
            if let Some(error) = error.as_final() {
                case.issuer.cache.metrics().refused(&error);
            }
        })
    }

    fn case<'v>(&'v self, token: &'v str) -> Result<Case<'v>, VerifyError> {
        let issuer =
            self.issuer_of(token).map_err(VerifyError::from).inspect_err(metrics::refused_by_nobody)?;
        Ok(Case { issuer, clock: &*self.clock, tokens: self.tokens.as_ref(), token })
    }

    /// Whose token it says it is. That only selects among configured issuers; the claim is checked after the signature.
    fn issuer_of(&self, token: &str) -> Result<&Trusted, Refusal> {
        if let [only] = self.issuers.as_slice() {
            return Ok(only);
        }
        let mut memory = Memory::new();
        let found = danger::issuer(token, &mut memory)?;
        self.named(&found).ok_or_else(|| self.not_trusted(&found))
    }

    fn named(&self, issuer: &str) -> Option<&Trusted> {
        if let Some(place) = self.by_name.get(issuer) {
            return self.issuers.get(*place);
        }
        let mut templates = self.templates.iter().filter_map(|place| self.issuers.get(*place));
        templates.find(|trusted| trusted.policy.issuer_matches(issuer))
    }

    #[cold]
    fn not_trusted(&self, found: &str) -> Refusal {
        /// How many issuers an error names.
        const TOLD_MAX: usize = 3;
        let names: Vec<_> = self.issuers.iter().take(TOLD_MAX).map(|trusted| &*trusted.name).collect();
        let more = if self.issuers.len() > TOLD_MAX { " or another" } else { "" };
        Refusal::IssuerMismatch { expected: format!("{}{more}", names.join(" or ")), found: found.to_owned() }
    }

    /// Fetches the key set of every issuer that has none yet: call it at start, so that the first request does not wait.
    ///
    /// To fail fast, stop on its error. To start degraded, ignore it and answer your readiness probe from
    /// [`Self::readiness`]. To wait, there is [`Self::wait_until_ready`].
    ///
    /// # Errors
    /// [`NotReady`] with the first issuer whose keys are not to be had.
    pub async fn preload(&self) -> Result<(), NotReady> {
        let now = self.clock.monotonic();
        // All at once, and then one after the other is waited for.
        self.issuers.iter().for_each(|issuer| issuer.cache.refresh_if_due(now));
        for issuer in &self.issuers {
            let not_ready = |undecided| NotReady { issuer: Arc::clone(&issuer.name), undecided };
            issuer.cache.current().await.map_err(not_ready)?;
        }
        Ok(())
    }

    /// Waits until every issuer has a key set that may be used, for `patience` at most.
    ///
    /// # Errors
    /// [`NotReady`] with the last reason, if the patience ends first.
    pub async fn wait_until_ready(&self, patience: Duration) -> Result<(), NotReady> {
        let mut last = None;
        let ready = tokio::time::timeout(patience, async {
            while let Err(not_ready) = self.preload().await {
                pause(not_ready.undecided.retry_after).await;
                last = Some(not_ready);
            }
        });
        match (ready.await, last) {
            (Err(_), Some(not_ready)) => Err(not_ready),
            // The first fetch was still under way.
            (Err(_), None) => self.preload_outcome(),
            (Ok(()), _) => Ok(()),
        }
    }

    fn preload_outcome(&self) -> Result<(), NotReady> {
        let not_ready = self.issuers.iter().find(|issuer| !issuer.cache.status().usable);
        let told =
            |issuer: &Trusted| NotReady { issuer: Arc::clone(&issuer.name), undecided: Cache::pending() };
        not_ready.map_or(Ok(()), |issuer| Err(told(issuer)))
    }

    /// The issuers, as configured.
    pub fn issuers(&self) -> impl Iterator<Item = &str> {
        self.issuers.iter().map(|issuer| &*issuer.name)
    }

    /// An issuer's keys; fetched if there are none yet that may be used.
    ///
    /// # Errors
    /// [`Undecided`] if they are not to be had, with [`IssuerError::NotConfigured`](crate::IssuerError::NotConfigured) if there
    /// is no such issuer.
    pub async fn locate(&self, issuer: &str) -> Result<Located, Undecided> {
        Ok(self.expected(issuer)?.cache.current().await?.snapshot.located())
    }

    /// What is known of an issuer's keys, without asking it.
    pub fn located(&self, issuer: &str) -> Option<Located> {
        Some(self.configured(issuer)?.cache.latest()?.located())
    }

    /// How every issuer stands, for a readiness probe or a dashboard.
    pub fn readiness(&self) -> Readiness {
        Readiness { issuers: self.issuers.iter().map(|issuer| issuer.cache.status()).collect() }
    }

    /// Refreshes the key set of an issuer now, if its floor allows it.
    ///
    /// # Errors
    /// [`Undecided`] if the refresh failed, or there is no such issuer.
    pub async fn refresh(&self, issuer: &str) -> Result<Refreshed, Undecided> {
        self.expected(issuer)?.cache.refresh().await
    }

    /// Takes a key out of use at once, whatever the issuer publishes, for the life of this process. Whether there was one.
    ///
    /// Another key that the issuer publishes under this `kid` later is used.
    pub fn evict(&self, issuer: &str, kid: &str) -> bool {
        self.configured(issuer).is_some_and(|issuer| issuer.cache.evict(kid))
    }

    /// For how long a withdrawn key may live on here; nothing if there is no such issuer.
    pub fn revocation_bound(&self, issuer: &str) -> Option<RevocationBound> {
        Some(self.configured(issuer)?.cache.revocation_bound())
    }

    /// Rotations, alarms and outages from now on.
    pub fn subscribe(&self) -> Events {
        Events::new(self.events.subscribe())
    }

    /// The key set of an issuer for another process, in the form of [`SnapshotStore`](crate::SnapshotStore).
    pub fn export(&self, issuer: &str) -> Option<Vec<u8>> {
        Some(self.configured(issuer)?.cache.save()?.to_bytes())
    }

    /// Takes over what [`Self::export`] gave, for the issuer that it is of, unless there is a key set already.
    ///
    /// These bytes are trusted as the issuer's own word is: whoever can change them can sign.
    ///
    /// # Errors
    /// Why it is not used: another issuer, another version, too old, or unreadable.
    pub fn import(&self, exported: &[u8]) -> Result<(), &'static str> {
        let issuer = Saved::issuer_of(exported).ok_or("it cannot be read")?;
        let trusted = self.configured(&issuer).ok_or("it is of an issuer that is not configured")?;
        trusted.cache.restore(&Saved::parse(&issuer, exported)?)
    }

    /// How full the memory of verified tokens is, if there is one.
    pub fn token_cache(&self) -> Option<TokenCacheUse> {
        Some(self.tokens.as_ref()?.in_use())
    }

    pub(crate) fn caches(&self) -> impl Iterator<Item = &Cache> {
        self.issuers.iter().map(|issuer| &issuer.cache)
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    fn expected(&self, issuer: &str) -> Result<&Trusted, Undecided> {
        self.configured(issuer).ok_or_else(|| Undecided {
            cause: Arc::new(IssuerError::NotConfigured { issuer: issuer.to_owned() }),
            retry_after: Duration::ZERO,
        })
    }

    fn configured(&self, issuer: &str) -> Option<&Trusted> {
        self.issuers.get(*self.by_name.get(issuer)?)
    }
}

/// Waits as long as an issuer must not be asked; a moment, where that is not told.
#[expect(clippy::disallowed_methods, reason = "waiting is what was asked for")]
async fn pause(retry_after: Duration) {
    tokio::time::sleep(retry_after.max(Duration::from_millis(20))).await;
}
