//! The verifiers in Rust, each behind the same interface: opened for an issuer's URL, and asked about tokens.
//!
//! Each is set up as its documentation shows, with its own defaults, and demands the same issuer, audience, algorithm and
//! leeway. Clients in other languages are `scripts`'.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use anyhow::{Context as _, anyhow, ensure};
use jwksmith_benches::claims::{AUDIENCE, LEEWAY_SECONDS};
use jwksmith_verifier::{AccessClaims, Verifier, VerifyError};
use jwt_authorizer::{Authorizer, AuthorizerBuilder, Validation};
use oauth_resource_server::{KeyNaming, OAuthConfig, OAuthValidator};

use crate::scene::{self, Scene};

pub(crate) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a verifier says of a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Accepted,
    Refused,
    /// The issuer's keys were not to be had
    Undecided,
}

/// A verifier that was opened for an issuer.
pub(crate) trait Opened: Send + Sync {
    /// The verdict if it needs no waiting: the future is made, asked once and dropped.
    fn at_once(&self, token: &str) -> Option<Verdict>;

    /// The verdict, on this thread: a lock that another holds is waited for.
    fn here(&self, token: &str) -> Verdict;

    /// The verdict.
    fn ask(self: Arc<Self>, token: Arc<str>) -> Boxed<Verdict>;
}

/// A verifier: its name, how it is described, and how it is opened.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    /// The package in the lock file whose version is told.
    pub(crate) package: &'static str,
    pub(crate) note: &'static str,
    /// When it asks again for a `kid` that its key set lacks, as its documentation says.
    pub(crate) asks_again: &'static str,
    open: fn(String) -> Opening,
}

type Opening = Boxed<anyhow::Result<Arc<dyn Opened>>>;

pub(crate) const JWKSMITH: &str = "jwksmith";

/// Everybody in Rust, ours first. A new contestant is a row.
pub(crate) const ENTRIES: [Entry; 3] = [
    Entry {
        name: JWKSMITH,
        package: "jwksmith-verifier",
        note: "discovery, the default settings, `AccessClaims`",
        asks_again: "3 at once, 10 s each",
        open: |issuer| Box::pin(async move { open_jwksmith(&issuer) }),
    },
    Entry {
        name: "oauth-resource-server",
        package: "oauth-resource-server",
        note: "discovery, its default settings, its own map of claims; jsonwebtoken 9 on ring",
        asks_again: "60 s",
        open: |issuer| Box::pin(async move { open_resource_server(issuer) }),
    },
    Entry {
        name: "jwt-authorizer",
        package: "jwt-authorizer",
        note: "discovery (when it is built), its default settings, `AccessClaims`; jsonwebtoken 9 on ring",
        asks_again: "10 min",
        open: |issuer| Box::pin(open_authorizer(issuer)),
    },
];

impl Entry {
    /// Opens one for an issuer.
    pub(crate) async fn open(&self, issuer: &str) -> anyhow::Result<Arc<dyn Opened>> {
        (self.open)(issuer.to_owned()).await.with_context(|| format!("opening {}", self.name))
    }

    /// The same, with the key set at hand: `token` is verified first.
    pub(crate) async fn open_warm(&self, issuer: &str, token: &str) -> anyhow::Result<Arc<dyn Opened>> {
        let opened = self.open(issuer).await?;
        let verdict = Arc::clone(&opened).ask(token.into()).await;
        if verdict == Verdict::Accepted {
            Ok(opened)
        } else {
            Err(anyhow!("{} says of the good token: {verdict:?}", self.name))
        }
    }

    /// The good token is accepted and every bad one refused, or its times mean nothing.
    pub(crate) async fn prove(&self, scene: &Scene) -> anyhow::Result<()> {
        let opened = self.open_warm(scene.issuer.issuer(), &scene.token()?).await?;
        for (what, bad) in scene.bad_tokens()? {
            let verdict = Arc::clone(&opened).ask(bad.into()).await;
            ensure!(verdict == Verdict::Refused, "{} says of a token with {what}: {verdict:?}", self.name);
        }
        Ok(())
    }
}

/// What a future says when it is asked once.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(found) => Some(found),
        Poll::Pending => None,
    }
}

/// What a future says in the end, when only other threads hold it up.
fn here<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(found) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return found;
        }
        std::thread::yield_now();
    }
}

fn open_jwksmith(issuer: &str) -> anyhow::Result<Arc<dyn Opened>> {
    Ok(Arc::new(Verifier::new(scene::policy(issuer)?)?))
}

impl Opened for Verifier {
    fn at_once(&self, token: &str) -> Option<Verdict> {
        at_once(self.verify::<AccessClaims>(token)).map(|found| verdict(&found))
    }

    fn here(&self, token: &str) -> Verdict {
        verdict(&here(self.verify::<AccessClaims>(token)))
    }

    fn ask(self: Arc<Self>, token: Arc<str>) -> Boxed<Verdict> {
        Box::pin(async move { verdict(&self.verify::<AccessClaims>(&token).await) })
    }
}

fn verdict<T>(found: &Result<T, VerifyError>) -> Verdict {
    match found {
        Ok(_) => Verdict::Accepted,
        Err(VerifyError::Undecided(_)) => Verdict::Undecided,
        Err(_) => Verdict::Refused,
    }
}

fn open_resource_server(issuer: String) -> anyhow::Result<Arc<dyn Opened>> {
    let config = OAuthConfig {
        enabled: true,
        issuer,
        audience: AUDIENCE.to_owned(),
        resource: AUDIENCE.to_owned(),
        algorithms: vec![scene::ALGORITHM.name().to_owned()],
        leeway_secs: LEEWAY_SECONDS,
        allow_unscoped_tokens: true,
        ..OAuthConfig::default()
    };
    let resolved = config.resolve(KeyNaming::Dotted("oauth"))?.context("it is enabled")?;
    Ok(Arc::new(OAuthValidator::new(&resolved)?))
}

impl Opened for OAuthValidator {
    fn at_once(&self, token: &str) -> Option<Verdict> {
        at_once(self.validate(token)).map(|found| accepted(found.is_ok()))
    }

    fn here(&self, token: &str) -> Verdict {
        accepted(here(self.validate(token)).is_ok())
    }

    fn ask(self: Arc<Self>, token: Arc<str>) -> Boxed<Verdict> {
        Box::pin(async move { accepted(self.validate(&token).await.is_ok()) })
    }
}

async fn open_authorizer(issuer: String) -> anyhow::Result<Arc<dyn Opened>> {
    let validation = Validation::new().iss(&[&issuer]).aud(&[AUDIENCE]).nbf(true).leeway(LEEWAY_SECONDS);
    let builder = AuthorizerBuilder::<AccessClaims>::from_oidc(&issuer).validation(validation);
    let authorizer = builder.build().await.map_err(|error| anyhow!("{error:?}"))?;
    Ok(Arc::new(authorizer))
}

impl Opened for Authorizer<AccessClaims> {
    fn at_once(&self, token: &str) -> Option<Verdict> {
        at_once(self.check_auth(token)).map(|found| accepted(found.is_ok()))
    }

    fn here(&self, token: &str) -> Verdict {
        accepted(here(self.check_auth(token)).is_ok())
    }

    fn ask(self: Arc<Self>, token: Arc<str>) -> Boxed<Verdict> {
        Box::pin(async move { accepted(self.check_auth(&token).await.is_ok()) })
    }
}

fn accepted(is_accepted: bool) -> Verdict {
    if is_accepted { Verdict::Accepted } else { Verdict::Refused }
}
