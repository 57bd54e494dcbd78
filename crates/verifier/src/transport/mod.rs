//! How documents are fetched, as a port: one bounded GET.
//!
//! [`HttpTransport`] is the one over the network. Another can be given to a
//! [`TrustedIssuer`](crate::TrustedIssuer::transport), as tests, simulations and hosts without reqwest need. The rules of
//! what may be fetched, how often, and what is done with the answer are not a transport's business.

mod caching;
mod credentials;
mod guard;
mod http;
mod pins;
mod settings;

use std::future::Future;
use std::pin::Pin;

use ::http::HeaderMap;
use url::Url;

use crate::error::IssuerError;

pub(crate) use self::caching::{Caching, retry_after};
pub use self::http::HttpTransport;
pub use self::pins::SpkiPin;
pub use self::settings::FetchSettings;

/// One GET.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// What is fetched
    pub url: Url,
    /// The `Accept` header
    pub accept: &'static str,
    /// `If-None-Match`: the entity tag of what is known
    pub etag: Option<String>,
    /// `If-Modified-Since`, as the issuer wrote it in `Last-Modified`
    pub last_modified: Option<String>,
    /// Whether the issuer's credentials may be shown there: only to the origin that was configured, and never to one
    /// that a document names.
    pub with_credentials: bool,
}

/// What the answer was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Response {
    /// The status code
    pub status: u16,
    /// The headers
    pub headers: HeaderMap,
    /// The body, not compressed, and no longer than the transport allows
    pub body: Vec<u8>,
}

/// The future of a [`Transport`].
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Response, IssuerError>> + Send + 'a>>;

/// Fetches documents.
///
/// A transport must bound what it takes, in bytes and in time, and must not follow redirects to another origin. Whatever status
/// comes is an answer; an error is that none came.
pub trait Transport: Send + Sync + 'static {
    /// Does one GET.
    fn get<'a>(&'a self, request: &'a Request) -> Fetching<'a>;
}
