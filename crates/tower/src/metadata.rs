//! OAuth 2.0 Protected Resource Metadata (RFC 9728): the document, its place, and a service that answers with it.
//!
//! Metadata in a signed JWT (§2.2) is left out.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW,
    CACHE_CONTROL, CONTENT_TYPE,
};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use tower_service::Service;

use crate::ProtectionError;
use crate::text::{checked_scope, checked_url};

/// RFC 9728 §3.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// How long caches may keep the document: it changes when the API is set up anew.
const METADATA_CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=300");

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// What a client that knows nothing but the API's URL needs to get a token for it (RFC 9728 §2).
///
/// ```
/// use jwksmith_tower::ResourceMetadata;
///
/// # fn main() -> Result<(), jwksmith_tower::ProtectionError> {
/// let metadata = ResourceMetadata::new("https://api.example/v1")?
///     .authorization_server("https://tenant.example/")?
///     .resource_name("Things");
/// assert_eq!(metadata.url(), "https://api.example/.well-known/oauth-protected-resource/v1");
/// assert_eq!(
///     metadata.to_json(),
///     r#"{"resource":"https://api.example/v1","authorization_servers":["https://tenant.example/"],"#.to_owned()
///         + r#""bearer_methods_supported":["header"],"resource_name":"Things"}"#
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ResourceMetadata {
    resource: String,
    // §3.2: a member with no values is left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_servers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<String>,
    bearer_methods_supported: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_documentation: Option<String>,
    #[serde(skip)]
    url: String,
    #[serde(skip)]
    path: String,
}

impl ResourceMetadata {
    /// The metadata of a resource: its URL, which usually is the audience of its tokens.
    ///
    /// # Errors
    /// [`ProtectionError::UrlRefused`] if it is no `https` URL (`http` is for this machine only), or has a fragment, a user
    /// name or a query, which §1.2 advises against.
    pub fn new(resource: impl Into<String>) -> Result<Self, ProtectionError> {
        let resource = resource.into();
        let uri = checked_url("resource", &resource)?;
        if uri.query().is_some() {
            let reason = "it has a query";
            return Err(ProtectionError::UrlRefused { setting: "resource", url: resource, reason });
        }
        // §3.1: inserted between host and path; the slash of an otherwise empty path goes.
        let rest = Some(uri.path()).filter(|path| *path != "/").unwrap_or_default();
        let path = format!("{WELL_KNOWN}{rest}");
        let (scheme, authority) = (uri.scheme_str(), uri.authority().map(http::uri::Authority::as_str));
        let url = format!("{}://{}{path}", scheme.unwrap_or_default(), authority.unwrap_or_default());
        Ok(Self {
            resource,
            authorization_servers: Vec::new(),
            scopes_supported: Vec::new(),
            bearer_methods_supported: ["header"],
            resource_name: None,
            resource_documentation: None,
            url,
            path,
        })
    }

    /// Names one more issuer whose tokens the resource accepts, exactly as its `iss`.
    ///
    /// # Errors
    /// [`ProtectionError::UrlRefused`] if it is no `https` URL; `http` is for this machine only.
    pub fn authorization_server(mut self, issuer: impl Into<String>) -> Result<Self, ProtectionError> {
        let issuer = issuer.into();
        checked_url("authorization server", &issuer)?;
        self.authorization_servers.push(issuer);
        Ok(self)
    }

    /// Names the scopes that the resource knows. It need not name all.
    ///
    /// # Errors
    /// [`ProtectionError::ScopeMalformed`] if one of them is none.
    pub fn scopes_supported<T: Into<String>>(
        mut self,
        scopes: impl IntoIterator<Item = T>,
    ) -> Result<Self, ProtectionError> {
        self.scopes_supported = scopes.into_iter().map(checked_scope).collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// A name that people are shown.
    #[must_use]
    pub fn resource_name(mut self, name: impl Into<String>) -> Self {
        self.resource_name = Some(name.into());
        self
    }

    /// A page for developers.
    ///
    /// # Errors
    /// [`ProtectionError::UrlRefused`] if it is no `https` URL; `http` is for this machine only.
    pub fn resource_documentation(mut self, url: impl Into<String>) -> Result<Self, ProtectionError> {
        let url = url.into();
        checked_url("resource documentation", &url)?;
        self.resource_documentation = Some(url);
        Ok(self)
    }

    /// Where clients look for the document (§3.1); [`crate::ChallengeSettings::resource_metadata`] takes it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The path of that URL, for a router.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The document.
    pub fn to_json(&self) -> String {
        // Texts and lists of texts: there is nothing in it that cannot be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// A service that answers with the document, at whichever path it is put.
    pub fn service(&self) -> MetadataService {
        MetadataService { document: self.to_json().into() }
    }
}

/// Answers `GET` and `HEAD` with the document. It is public, so that pages of any origin may read it (CORS).
#[derive(Clone, Debug)]
pub struct MetadataService {
    document: Bytes,
}

impl MetadataService {
    /// The answer to a method, for frameworks that have services of their own. Servers drop the body of an answer to `HEAD`.
    pub fn answer(&self, method: &str) -> Response<Bytes> {
        let (status, body) = match method {
            "GET" | "HEAD" => (StatusCode::OK, self.document.clone()),
            "OPTIONS" => (StatusCode::NO_CONTENT, Bytes::new()),
            _ => (StatusCode::METHOD_NOT_ALLOWED, Bytes::new()),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        describe(status, response.headers_mut());
        response
    }
}

fn describe(status: StatusCode, headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    match status {
        StatusCode::OK => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(CACHE_CONTROL, METADATA_CACHE_CONTROL);
        }
        StatusCode::NO_CONTENT => {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
        }
        _ => drop(headers.insert(ALLOW, METHODS)),
    }
}

impl<B> Service<Request<B>> for MetadataService {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.answer(request.method().as_str()).map(Full::new)))
    }
}
