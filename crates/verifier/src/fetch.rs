//! One HTTP GET, bounded in every direction: the only place where a verifier touches the network.
//!
//! No redirect is followed, no compressed body is asked for (so a small answer stays small), the whole exchange has one
//! deadline, and a body over its limit is dropped while it streams in. Which status codes exist is known here only.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::{ACCEPT, AGE, CACHE_CONTROL, ETAG, HeaderMap, HeaderName, IF_NONE_MATCH, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};
use url::Url;

use crate::error::{ConfigError, IssuerError};

/// How fetches are bounded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FetchSettings {
    /// For everything that one refresh does, from locating the issuer to the last byte of its key set; 5 s. Nobody waits
    /// longer for a new key.
    pub timeout: Duration,
    /// For the connection alone; 2 s.
    pub connect_timeout: Duration,
    /// The largest body; 256 KiB.
    pub body_bytes_max: usize,
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(2),
            body_bytes_max: jwksmith_jose::limits::KEY_SET_BYTES_MAX,
        }
    }
}

/// Fetches documents.
pub(crate) struct Fetcher {
    client: Client,
    body_bytes_max: usize,
}

/// What a GET brought.
pub(crate) enum Fetched {
    /// A document.
    Document { body: Vec<u8>, caching: Caching },
    /// 304: the document that the entity tag names is still the current one.
    NotModified { caching: Caching },
}

/// What the answer says about keeping it (RFC 9111).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Caching {
    /// For how long it is fresh from now on: `max-age` less `Age`.
    pub(crate) fresh_for: Option<Duration>,
    pub(crate) etag: Option<String>,
}

impl Caching {
    /// Takes over what a 304 left unsaid.
    pub(crate) fn inherit(&mut self, fresh_for: Option<Duration>, etag: Option<&str>) {
        self.fresh_for = self.fresh_for.or(fresh_for);
        self.etag = self.etag.take().or_else(|| etag.map(str::to_owned));
    }
}

impl Fetcher {
    pub(crate) fn new(settings: &FetchSettings) -> Result<Self, ConfigError> {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            // A proxy out of the environment would see, and could answer, what was promised to stay on this machine.
            .no_proxy()
            .timeout(settings.timeout)
            .connect_timeout(settings.connect_timeout)
            .user_agent(concat!("jwksmith-verifier/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ConfigError::Client(chain(&error)))?;
        Ok(Self { client, body_bytes_max: settings.body_bytes_max })
    }

    /// GETs a document, unless it is still the one that `etag` names.
    pub(crate) async fn get(&self, url: &Url, etag: Option<&str>) -> Result<Fetched, IssuerError> {
        let mut request = self.client.get(url.clone()).header(ACCEPT, "application/json, */*;q=0.5");
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let response = request.send().await.map_err(|error| unreachable_by(url, &error))?;
        let caching = caching(response.headers());
        match response.status() {
            StatusCode::OK => Ok(Fetched::Document { body: self.body(url, response).await?, caching }),
            StatusCode::NOT_MODIFIED if etag.is_some() => Ok(Fetched::NotModified { caching }),
            status => Err(refused_status(url, status, response.headers())),
        }
    }

    async fn body(&self, url: &Url, mut response: Response) -> Result<Vec<u8>, IssuerError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unreachable_by(url, &error))? {
            if body.len().saturating_add(chunk.len()) > self.body_bytes_max {
                return Err(IssuerError::TooLarge { url: url.to_string(), max: self.body_bytes_max });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

fn refused_status(url: &Url, status: StatusCode, headers: &HeaderMap) -> IssuerError {
    let url = url.to_string();
    if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
        return IssuerError::Redirect { url };
    }
    IssuerError::Status { url, status: status.as_u16(), retry_after: seconds(headers, RETRY_AFTER) }
}

fn unreachable_by(url: &Url, error: &reqwest::Error) -> IssuerError {
    IssuerError::Unreachable { url: url.to_string(), reason: chain(error) }
}

/// The innermost causes say what happened ("connection refused"); the outer ones only that something did.
fn chain(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    match causes.last() {
        _ if error.is_timeout() => "the deadline passed".to_owned(),
        Some(innermost) => innermost.clone(),
        None => error.to_string(),
    }
}

fn caching(headers: &HeaderMap) -> Caching {
    let age = seconds(headers, AGE).unwrap_or_default();
    let max_age = max_age(headers).map(|max_age| max_age.saturating_sub(age));
    let etag = headers.get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
    Caching { fresh_for: max_age, etag }
}

/// `max-age` of a `Cache-Control` (RFC 9111 §5.2.2.1); `no-store` and `no-cache` count as none at all.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let mut found = None;
    for value in headers.get_all(CACHE_CONTROL) {
        for directive in value.to_str().ok()?.split(',') {
            let (name, argument) = directive.trim().split_once('=').unwrap_or((directive.trim(), ""));
            if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
                return Some(Duration::ZERO);
            }
            if name.eq_ignore_ascii_case("max-age") {
                found = delta_seconds(argument.trim_matches('"'));
            }
        }
    }
    found
}

fn seconds(headers: &HeaderMap, name: HeaderName) -> Option<Duration> {
    delta_seconds(headers.get(name)?.to_str().ok()?.trim())
}

/// RFC 9111 §1.2.2: digits only; a number too large to hold means "very long".
fn delta_seconds(text: &str) -> Option<Duration> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))))
}

#[cfg(test)]
mod tests {
    use super::{CACHE_CONTROL, HeaderMap, caching};
    use std::time::Duration;

    fn check(cache_control: &str, age: Option<&str>, expected: Option<u64>) {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, cache_control.parse().unwrap());
        if let Some(age) = age {
            headers.insert("age", age.parse().unwrap());
        }
        assert_eq!(caching(&headers).fresh_for, expected.map(Duration::from_secs), "{cache_control}");
    }

    #[test]
    fn caching_reads_max_age_less_age() {
        check("public, max-age=300", None, Some(300));
        check("Max-Age=300,public", Some("100"), Some(200));
        check("max-age=\"15\", stale-if-error=86400", None, Some(15));
        check("max-age=300", Some("1000"), Some(0));
        check("max-age=300, no-store", None, Some(0));
        check("no-cache", None, Some(0));
        check("public", None, None);
        check("max-age=-1", None, None);
        check("max-age=soon", None, None);
        check("s-maxage=5", None, None);
        check("max-age=100000000000000000000", None, Some(u64::from(u32::MAX)));
    }
}
