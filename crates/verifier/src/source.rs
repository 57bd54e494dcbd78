//! Where one issuer's key set comes from: discovery first, then the `jwks_uri` that it names.

use std::time::Duration;

use url::Url;

use crate::discovery::{Discovery, fetchable, well_known_urls};
use crate::error::{ConfigError, IssuerError};
use crate::fetch::{Caching, FetchSettings, Fetched, Fetcher};
use jwksmith_jose::KeySet;

/// Locates and fetches the key set of one issuer.
pub(crate) struct Source {
    issuer: String,
    issuer_url: Url,
    fetcher: Fetcher,
    deadline: Duration,
}

/// Where the key set was found before, and the entity tag that it had there.
pub(crate) struct Known {
    pub(crate) discovery: Discovery,
    pub(crate) etag: Option<String>,
}

/// Whether a known place is good enough.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Locate {
    /// It is, as long as it answers
    IfNeeded,
    /// It is not
    Anew,
}

/// A key set that was fetched, or word that the known one is still current.
pub(crate) struct Delivery {
    pub(crate) discovery: Discovery,
    pub(crate) keys: Option<KeySet>,
    pub(crate) caching: Caching,
}

impl Source {
    pub(crate) fn new(issuer: &str, settings: &FetchSettings) -> Result<Self, ConfigError> {
        let refused = |reason| ConfigError::Issuer { issuer: issuer.to_owned(), reason };
        let issuer_url = fetchable(issuer).map_err(refused)?;
        // OIDC Discovery §3, RFC 8414 §2: an issuer has no query; with one, its well-known place would be nowhere.
        if issuer_url.query().is_some() {
            return Err(refused("it carries a query"));
        }
        let (issuer, fetcher) = (issuer.to_owned(), Fetcher::new(settings)?);
        Ok(Self { issuer, issuer_url, fetcher, deadline: settings.timeout })
    }

    /// Fetches the key set, all within the deadline.
    ///
    /// A known place is asked directly, and with its entity tag. The issuer is located anew when there is none, when that
    /// place fails, and when a key was missed: the issuer may have moved its keys and left the old ones behind.
    pub(crate) async fn fetch(&self, known: Option<Known>, locate: Locate) -> Result<Delivery, IssuerError> {
        let fetched = tokio::time::timeout(self.deadline, self.fetch_unbounded(known, locate));
        let late = || IssuerError::Unreachable {
            url: self.issuer_url.to_string(),
            reason: "the deadline for the whole refresh passed".to_owned(),
        };
        fetched.await.map_err(|_| late())?
    }

    async fn fetch_unbounded(&self, known: Option<Known>, locate: Locate) -> Result<Delivery, IssuerError> {
        let Some(known) = known else {
            return self.key_set(self.locate().await?, None).await;
        };
        if locate == Locate::Anew {
            // Half of the time: a document that does not come must leave enough of it for the known place.
            let located = tokio::time::timeout(self.deadline / 2, self.locate()).await;
            let discovery = located.ok().and_then(Result::ok);
            tracing::debug!(found = discovery.is_some(), issuer = self.issuer, "located anew");
            return self.key_set_at(discovery.unwrap_or_else(|| known.discovery.clone()), &known).await;
        }
        match self.key_set(known.discovery.clone(), known.etag.as_deref()).await {
            Err(error) => self.located_elsewhere(&known.discovery, error).await,
            delivered => delivered,
        }
    }

    /// The entity tag is that of one place, and says nothing at another.
    async fn key_set_at(&self, discovery: Discovery, known: &Known) -> Result<Delivery, IssuerError> {
        let etag = known.etag.as_deref().filter(|_| discovery == known.discovery);
        self.key_set(discovery, etag).await
    }

    async fn located_elsewhere(
        &self,
        before: &Discovery,
        error: IssuerError,
    ) -> Result<Delivery, IssuerError> {
        match self.locate().await {
            Ok(now) if now != *before => self.key_set(now, None).await,
            _ => Err(error),
        }
    }

    async fn key_set(&self, discovery: Discovery, etag: Option<&str>) -> Result<Delivery, IssuerError> {
        let url = discovery.jwks_uri();
        match self.fetcher.get(url, etag).await? {
            Fetched::NotModified { caching } => Ok(Delivery { discovery, keys: None, caching }),
            Fetched::Document { body, caching } => {
                let keys = KeySet::parse(&body)
                    .map_err(|error| IssuerError::KeySet { url: url.to_string(), error })?;
                Ok(Delivery { discovery, keys: Some(keys), caching })
            }
        }
    }

    /// Tries the well-known places in order, going on only where there is nothing (a 4xx status).
    async fn locate(&self) -> Result<Discovery, IssuerError> {
        let places = well_known_urls(&self.issuer_url);
        for url in &places {
            match self.fetcher.get(url, None).await {
                Ok(Fetched::Document { body, .. }) => {
                    return Discovery::parse(url.as_str(), &body, &self.issuer);
                }
                // 429 is no absence: it asks us to go away.
                Ok(Fetched::NotModified { .. })
                | Err(IssuerError::Status { status: 400..=428 | 430..=499, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(IssuerError::DiscoveryMissing { tried: places.into_iter().map(String::from).collect() })
    }
}
