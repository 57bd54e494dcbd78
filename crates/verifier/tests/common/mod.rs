//! What the tests of the verifier share: a scripted issuer, a verifier of its tokens, and a clock that only a test moves.

#![allow(dead_code, reason = "each test binary uses its part of this module")]
#![allow(clippy::indexing_slicing, reason = "claims are an object")]

use std::sync::Arc;
use std::time::Duration;

use jwksmith_testkit::{FakeIssuer, ManualClock, Reply, TestKey};
use jwksmith_verifier::{
    AccessClaims, Algorithm, CacheSettings, Clock as _, IssuerStatus, Located, Policy, TrustedIssuer,
    UnixTime, Verifier, VerifierBuilder, VerifyError,
};

pub(crate) const AUDIENCE: &str = "https://api.example/";
pub(crate) const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);
/// The floor and the first pause after a failure, in seconds.
pub(crate) const FLOOR: u64 = 10;
/// How long the sets of [`cached`] are fresh. They are refreshed ahead of time after 70 to 80 seconds.
pub(crate) const FRESH: u64 = 100;
/// How long a set is served beyond that while refreshes fail.
pub(crate) const STALE: u64 = 1_000;

/// An issuer with one key, and a verifier of its tokens.
pub(crate) struct Scene {
    pub(crate) issuer: FakeIssuer,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) key: TestKey,
    pub(crate) verifier: Arc<Verifier>,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(cache_settings()).await
    }

    pub(crate) async fn with(cache: CacheSettings) -> Self {
        Self::built(|issuer| issuer.cache(cache), |builder| builder).await
    }

    pub(crate) async fn built(
        trust: impl FnOnce(TrustedIssuer) -> TrustedIssuer,
        build: impl FnOnce(VerifierBuilder) -> VerifierBuilder,
    ) -> Self {
        let issuer = FakeIssuer::start().await;
        let (clock, key) = (clock(), key("first"));
        issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&key])));
        let builder = Verifier::builder(trust(trusted(&issuer))).clock(clock.clone());
        let verifier = Arc::new(build(builder).build().unwrap());
        Self { issuer, clock, key, verifier }
    }

    pub(crate) fn name(&self) -> &str {
        self.issuer.issuer()
    }

    /// Publishes these keys, fresh for [`FRESH`].
    pub(crate) fn publish(&self, keys: &[&TestKey]) {
        self.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(keys)));
    }

    pub(crate) fn token(&self) -> String {
        self.token_of(&self.key)
    }

    pub(crate) fn token_of(&self, key: &TestKey) -> String {
        key.access_token(self.name(), AUDIENCE, self.clock.now())
    }

    /// A token of this key that is valid for so many seconds.
    pub(crate) fn token_for(&self, key: &TestKey, seconds: u64) -> String {
        let mut claims = TestKey::claims(self.name(), AUDIENCE, self.clock.now());
        claims["exp"] = self.clock.now().saturating_add(seconds).as_seconds().into();
        key.sign(&claims)
    }

    /// A token under a `kid` that there never was.
    pub(crate) fn made_up(&self, kid: &str) -> String {
        self.key.sign_as(Some(kid), &TestKey::claims(self.name(), AUDIENCE, self.clock.now()))
    }

    /// `ok`, or the code of the error.
    pub(crate) async fn verdict(&self, token: &str) -> &'static str {
        verdict(&self.verifier, token).await
    }

    pub(crate) fn located(&self) -> Option<Located> {
        self.verifier.located(self.name())
    }

    pub(crate) fn status(&self) -> IssuerStatus {
        status(&self.verifier)
    }

    pub(crate) fn fetches(&self) -> usize {
        self.issuer.requests(FakeIssuer::KEY_SET)
    }
}

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(NOW))
}

pub(crate) fn key(kid: &str) -> TestKey {
    TestKey::generate(Algorithm::ES256, kid)
}

pub(crate) fn policy(issuer: &str) -> Policy {
    Policy::new(issuer, AUDIENCE, [Algorithm::ES256]).unwrap()
}

pub(crate) fn trusted(issuer: &FakeIssuer) -> TrustedIssuer {
    TrustedIssuer::new(policy(issuer.issuer())).cache(cache_settings())
}

pub(crate) fn build(issuer: TrustedIssuer, clock: &Arc<ManualClock>) -> Verifier {
    Verifier::builder(issuer).clock(clock.clone()).build().unwrap()
}

/// Nothing beyond the floor, unless a test is about that.
pub(crate) fn cache_settings() -> CacheSettings {
    CacheSettings {
        floor: Duration::from_secs(FLOOR),
        burst: 1,
        backoff_min: Duration::from_secs(FLOOR),
        fresh_min: Duration::from_secs(FLOOR),
        stale_max: Duration::from_secs(STALE),
        ..CacheSettings::default()
    }
}

pub(crate) fn cached(reply: Reply) -> Reply {
    reply.cache_control(&format!("public, max-age={FRESH}"))
}

/// `ok`, or the code of the error.
pub(crate) async fn verdict(verifier: &Verifier, token: &str) -> &'static str {
    code(&verifier.verify::<AccessClaims>(token).await)
}

pub(crate) fn code<T>(outcome: &Result<T, VerifyError>) -> &'static str {
    outcome.as_ref().map_or_else(VerifyError::code, |_| "ok")
}

/// How the first issuer stands.
pub(crate) fn status(verifier: &Verifier) -> IssuerStatus {
    verifier.readiness().issuers.remove(0)
}

/// Lets the tasks of this test's runtime run until a condition holds; no time passes on the test's clock meanwhile.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let patience = Duration::from_secs(20);
    let waited = tokio::time::timeout(patience, async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("the condition holds before the patience ends");
}
