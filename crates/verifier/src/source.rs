//! Where one issuer's key set comes from: its sources in their order, of which the first that delivers is used.
//!
//! What a source is, and how it is asked, is decided here; whether it may be asked now, by [`crate::cache`]; how a document
//! is fetched, by [`crate::transport`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use url::{Origin, Url};

use crate::clock::Clock;
use crate::discovery::{Discovery, fetchable, well_known_urls};
use crate::error::{ConfigError, IssuerError};
use crate::transport::{Caching, FetchSettings, Request, Response, Transport, retry_after};
use jwksmith_jose::KeySet;
use jwksmith_jose::limits::KEY_SET_BYTES_MAX;

/// RFC 7517 §8.5.1. The API server of Kubernetes answers 406 to whoever takes `application/json` only.
const KEY_SET_ACCEPT: &str = "application/jwk-set+json, application/json;q=0.9, */*;q=0.1";

const DOCUMENT_ACCEPT: &str = "application/json, */*;q=0.1";

/// A place that a key set can be had from.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum KeySource {
    /// The key set that the issuer's discovery document names, at any of the places that OpenID Connect and RFC 8414 give it
    Discovery,
    /// The same, but the document is at this URL
    DiscoveryAt(String),
    /// The key set at this URL
    JwksUri(String),
    /// The key set in this file, which may change: it is looked at once per floor. It may hold shared secrets
    /// (`"kty":"oct"`)
    File(PathBuf),
    /// This key set, as JSON, for ever. It may hold shared secrets
    Static(Arc<[u8]>),
}

/// The source that a key set came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceInUse {
    /// Which of the issuer's sources, from 0
    pub position: usize,
    /// The source, as configured
    pub source: KeySource,
    /// The discovery document, if one led there
    pub discovery: Option<Discovery>,
}

impl SourceInUse {
    /// Where the key set is: a URL, a path, or `static`.
    pub fn place(&self) -> String {
        match (&self.discovery, &self.source) {
            (Some(discovery), _) => discovery.jwks_uri().to_string(),
            (None, KeySource::DiscoveryAt(url) | KeySource::JwksUri(url)) => url.clone(),
            (None, KeySource::File(path)) => path.display().to_string(),
            (None, KeySource::Discovery) => "discovery".to_owned(),
            (None, KeySource::Static(_)) => "static".to_owned(),
        }
    }
}

/// Fetches the key set of one issuer.
pub(crate) struct Sources {
    issuer: String,
    in_order: Vec<Prepared>,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    bounds: Bounds,
}

/// What bounds a refresh as a whole.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) timeout: Duration,
    pub(crate) json_content_type_only: bool,
    pub(crate) jwks_uri_same_origin: bool,
}

impl Bounds {
    pub(crate) fn of(settings: &FetchSettings) -> Self {
        let &FetchSettings { timeout, json_content_type_only, jwks_uri_same_origin, .. } = settings;
        Self { timeout, json_content_type_only, jwks_uri_same_origin }
    }
}

/// A source that can be asked.
struct Prepared {
    source: KeySource,
    /// Where its documents may be, in their order; none for what is no document
    documents: Vec<Url>,
    /// The fixed place of the key set
    jwks_uri: Option<Url>,
    /// Where credentials may be shown
    origin: Option<Origin>,
}

/// Where the key set was found before, and what told whether it has changed since.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) in_use: Arc<SourceInUse>,
    pub(crate) caching: Caching,
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
    pub(crate) in_use: Arc<SourceInUse>,
    pub(crate) document: Option<Document>,
    pub(crate) caching: Caching,
}

/// A key set, as it was written and as it was read.
pub(crate) struct Document {
    pub(crate) json: Arc<[u8]>,
    pub(crate) keys: KeySet,
}

impl Sources {
    pub(crate) fn new(
        issuer: &str,
        sources: Vec<KeySource>,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        bounds: Bounds,
    ) -> Result<Self, ConfigError> {
        if sources.is_empty() {
            return Err(ConfigError::Source { place: issuer.to_owned(), reason: "no source is given" });
        }
        let prepared = sources.into_iter().map(|source| Prepared::new(issuer, source));
        let in_order = prepared.collect::<Result<_, _>>()?;
        Ok(Self { issuer: issuer.to_owned(), in_order, transport, clock, bounds })
    }

    /// The sources as they were configured.
    pub(crate) fn configured(&self) -> impl Iterator<Item = &KeySource> {
        self.in_order.iter().map(|prepared| &prepared.source)
    }

    /// Fetches the key set from the first source that delivers, all within the deadline.
    ///
    /// # Errors
    /// What the first source said, if none delivers.
    pub(crate) async fn fetch(&self, known: Option<Known>, locate: Locate) -> Result<Delivery, IssuerError> {
        let mut first_error = None;
        let mut left = self.bounds.timeout;
        for (position, source) in self.in_order.iter().enumerate() {
            let known = known.clone().filter(|known| known.in_use.position == position);
            // Each leaves the others their part of the time.
            let others = u32::try_from(self.in_order.len().saturating_sub(position)).unwrap_or(u32::MAX);
            let part = left / others.max(1);
            left = left.saturating_sub(part);
            match self.ask(source, position, known, locate, part).await {
                Ok(delivery) => return Ok(delivery),
                Err(error) => {
                    tracing::debug!(issuer = self.issuer, position, code = error.code(), %error, "source failed");
                    first_error.get_or_insert(error);
                }
            }
        }
        Err(first_error.unwrap_or(IssuerError::Abandoned))
    }

    async fn ask(
        &self,
        prepared: &Prepared,
        position: usize,
        known: Option<Known>,
        locate: Locate,
        deadline: Duration,
    ) -> Result<Delivery, IssuerError> {
        let asking = Asking { sources: self, prepared, position, deadline };
        let fetched = tokio::time::timeout(deadline, asking.fetch(known, locate)).await;
        fetched.unwrap_or_else(|_| {
            let url = prepared.documents.first().or(prepared.jwks_uri.as_ref()).map(Url::to_string);
            let reason = "the deadline for the whole refresh passed".to_owned();
            Err(IssuerError::Unreachable { url: url.unwrap_or_else(|| self.issuer.clone()), reason })
        })
    }
}

impl Prepared {
    fn new(issuer: &str, source: KeySource) -> Result<Self, ConfigError> {
        let refused = |reason| ConfigError::Issuer { issuer: issuer.to_owned(), reason };
        let place = |text: &str| {
            fetchable(text).map_err(|reason| ConfigError::Source { place: text.to_owned(), reason })
        };
        let (mut documents, mut jwks_uri) = (Vec::new(), None);
        match &source {
            KeySource::Discovery => {
                let url = fetchable(issuer).map_err(refused)?;
                // OIDC Discovery §3, RFC 8414 §2: an issuer has no query; with one, its well-known place would be nowhere.
                if url.query().is_some() {
                    return Err(refused("it carries a query"));
                }
                documents = well_known_urls(&url);
            }
            KeySource::DiscoveryAt(url) => documents.push(place(url)?),
            KeySource::JwksUri(url) => jwks_uri = Some(place(url)?),
            KeySource::File(_) => {}
            KeySource::Static(json) => {
                KeySet::parse_local(json).map_err(|error| ConfigError::KeySet { error })?;
            }
        }
        let origin = documents.first().or(jwks_uri.as_ref()).map(Url::origin);
        Ok(Self { source, documents, jwks_uri, origin })
    }
}

/// One source, while it is asked.
struct Asking<'a> {
    sources: &'a Sources,
    prepared: &'a Prepared,
    position: usize,
    deadline: Duration,
}

impl Asking<'_> {
    /// A known place is asked directly, and with its validators. The issuer is located anew when there is none, when that
    /// place fails, and when a key was missed: the issuer may have moved its keys and left the old ones behind.
    async fn fetch(&self, known: Option<Known>, locate: Locate) -> Result<Delivery, IssuerError> {
        match &self.prepared.source {
            KeySource::Static(json) => self.local(Arc::clone(json)),
            KeySource::File(path) => self.local(read_file(path).await?.into()),
            KeySource::JwksUri(_) => {
                let known = known.filter(|_| locate == Locate::IfNeeded);
                self.key_set(None, known.map(|known| known.caching).as_ref()).await
            }
            KeySource::Discovery | KeySource::DiscoveryAt(_) => self.discovered(known, locate).await,
        }
    }

    fn local(&self, json: Arc<[u8]>) -> Result<Delivery, IssuerError> {
        let in_use = self.in_use(None);
        let keys =
            KeySet::parse_local(&json).map_err(|error| IssuerError::KeySet { url: in_use.place(), error })?;
        Ok(Delivery {
            in_use: Arc::new(in_use),
            document: Some(Document { json, keys }),
            caching: Caching::default(),
        })
    }

    async fn discovered(&self, known: Option<Known>, locate: Locate) -> Result<Delivery, IssuerError> {
        let before = known.and_then(|known| Some((known.in_use.discovery.clone()?, known.caching)));
        let Some((before, caching)) = before else {
            return self.key_set(Some(self.locate().await?), None).await;
        };
        if locate == Locate::Anew {
            // Half of the time: a document that does not come must leave enough of it for the known place.
            let located = tokio::time::timeout(self.deadline / 2, self.locate()).await;
            let located = located.ok().and_then(Result::ok);
            tracing::debug!(found = located.is_some(), issuer = self.sources.issuer, "located anew");
            // The validators are those of one place, and say nothing at another.
            let caching =
                Some(&caching).filter(|_| located.as_ref().is_none_or(|located| *located == before));
            return self.key_set(Some(located.unwrap_or(before)), caching).await;
        }
        match self.key_set(Some(before.clone()), Some(&caching)).await {
            Err(error) => self.located_elsewhere(&before, error).await,
            delivered => delivered,
        }
    }

    async fn located_elsewhere(
        &self,
        before: &Discovery,
        error: IssuerError,
    ) -> Result<Delivery, IssuerError> {
        match self.locate().await {
            Ok(now) if now != *before => self.key_set(Some(now), None).await,
            _ => Err(error),
        }
    }

    async fn key_set(
        &self,
        discovery: Option<Discovery>,
        caching: Option<&Caching>,
    ) -> Result<Delivery, IssuerError> {
        let named = discovery.as_ref().map(|discovery| discovery.jwks_uri().clone());
        let url = named.or_else(|| self.prepared.jwks_uri.clone()).ok_or(IssuerError::Abandoned)?;
        let in_use = Arc::new(self.in_use(discovery));
        let response = self.get(url.clone(), KEY_SET_ACCEPT, caching).await?;
        let caching = Caching::read(&response.headers);
        if response.status == 304 {
            return Ok(Delivery { in_use, document: None, caching });
        }
        let keys = KeySet::parse(&response.body)
            .map_err(|error| IssuerError::KeySet { url: url.to_string(), error })?;
        Ok(Delivery { in_use, document: Some(Document { json: response.body.into(), keys }), caching })
    }

    /// Tries the well-known places in order, going on only where there is nothing (a 4xx status).
    async fn locate(&self) -> Result<Discovery, IssuerError> {
        for url in &self.prepared.documents {
            match self.get(url.clone(), DOCUMENT_ACCEPT, None).await {
                Ok(Response { body, .. }) => {
                    return self.checked_origin(Discovery::parse(url.as_str(), &body, &self.sources.issuer)?);
                }
                // 429 is no absence: it asks us to go away.
                Err(IssuerError::Status { status: 400..=428 | 430..=499, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(IssuerError::DiscoveryMissing {
            tried: self.prepared.documents.iter().map(Url::to_string).collect(),
        })
    }

    fn checked_origin(&self, discovery: Discovery) -> Result<Discovery, IssuerError> {
        let is_elsewhere = self.prepared.origin != Some(discovery.jwks_uri().origin());
        if self.sources.bounds.jwks_uri_same_origin && is_elsewhere {
            let reason = "it has another origin than the document, and `jwks_uri_same_origin` forbids that";
            return Err(IssuerError::JwksUriRefused { url: discovery.jwks_uri().to_string(), reason });
        }
        Ok(discovery)
    }

    /// GETs a document: an answer is 200, or 304 to a question with validators.
    async fn get(
        &self,
        url: Url,
        accept: &'static str,
        caching: Option<&Caching>,
    ) -> Result<Response, IssuerError> {
        let request = Request {
            with_credentials: self.prepared.origin.as_ref() == Some(&url.origin()),
            url,
            accept,
            etag: caching.and_then(|caching| caching.etag.clone()),
            last_modified: caching.and_then(|caching| caching.last_modified.clone()),
        };
        let is_conditional = request.etag.is_some() || request.last_modified.is_some();
        let response = self.sources.transport.get(&request).await?;
        let url = request.url.to_string();
        match response.status {
            200 => self.checked_type(url, response),
            304 if is_conditional => Ok(response),
            300..=399 if response.status != 304 => Err(IssuerError::Redirect { url }),
            status => {
                let retry_after = retry_after(&response.headers, self.sources.clock.now());
                Err(IssuerError::Status { url, status, retry_after })
            }
        }
    }

    fn checked_type(&self, url: String, response: Response) -> Result<Response, IssuerError> {
        let found =
            response.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if self.sources.bounds.json_content_type_only && !is_json(found) {
            return Err(IssuerError::ContentType { url, found: found.to_owned() });
        }
        Ok(response)
    }

    fn in_use(&self, discovery: Option<Discovery>) -> SourceInUse {
        SourceInUse { position: self.position, source: self.prepared.source.clone(), discovery }
    }
}

/// RFC 6839 §3.1: `application/json`, or a type that ends in `+json`; parameters do not matter.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

async fn read_file(path: &Path) -> Result<Vec<u8>, IssuerError> {
    let failed = |reason: String| IssuerError::File { path: path.to_owned(), reason };
    let metadata = tokio::fs::metadata(path).await.map_err(|error| failed(error.to_string()))?;
    if metadata.len() > u64::try_from(KEY_SET_BYTES_MAX).unwrap_or(u64::MAX) {
        return Err(failed(format!("it has over {KEY_SET_BYTES_MAX} bytes")));
    }
    tokio::fs::read(path).await.map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::is_json;

    #[test]
    fn json_content_types_are_told_from_others() {
        for json in [
            "application/json",
            "application/jwk-set+json; charset=utf-8",
            "Application/JSON",
            "application/json;x",
        ] {
            assert!(is_json(json), "{json}");
        }
        for other in
            ["", "text/html", "text/json", "application/jsonp", "application/octet-stream", "text/x+json"]
        {
            assert!(!is_json(other), "{other}");
        }
    }
}
