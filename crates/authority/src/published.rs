//! The documents that everybody may read, rendered once per change into bytes with a strong validator.
//!
//! The key set is RFC 7517 §5; the metadata is RFC 8414 §2 and OpenID Connect Discovery §3. Everything here is built from
//! certificates and names, so that no private material can get in. How a document is served (status, caching, CORS) is the
//! server's matter.

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use jwksmith_jose::PublicJwk;
use serde::Serialize;

use crate::issuer::Issuer;
use crate::lifecycle::{published, signs};
use crate::snapshot::KeyView;

/// A rendered document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// The body, JSON
    pub body: Bytes,
    /// A strong entity tag in its quotes, as it stands in `ETag` (RFC 9110 §8.8.3)
    pub etag: String,
}

/// Everything that a tenant publishes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublishedTenant {
    /// `/.well-known/jwks.json`
    pub key_set: Document,
    /// `/.well-known/openid-configuration`
    pub openid_configuration: Document,
    /// `/.well-known/oauth-authorization-server`
    pub authorization_server: Document,
}

impl PublishedTenant {
    /// Renders the documents from keys in the order in which they are to be published; the others are left out.
    pub(crate) fn render(issuer: &Issuer, keys: &[KeyView]) -> Self {
        let in_set = keys.iter().filter(|key| published(key.state()));
        let key_set = RenderedKeySet {
            keys: in_set.map(|key| PublicJwk::new(key.kid(), key.algorithm(), key.certificate())).collect(),
        };
        let current =
            keys.iter().filter(|key| signs(key.state())).map(|key| key.algorithm().name()).collect();
        Self {
            key_set: Document::render(&key_set),
            openid_configuration: Document::render(&OpenIdConfiguration {
                metadata: Metadata::of(issuer),
                subject_types_supported: ["public"],
                id_token_signing_alg_values_supported: current,
                claims_supported: ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope"],
            }),
            authorization_server: Document::render(&Metadata::of(issuer)),
        }
    }
}

impl Document {
    fn render(value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("structs of texts and lists serialize");
        let etag = format!("\"{}\"", jwksmith_jose::base64url_encode(digest(&SHA256, &body)));
        Self { body: body.into(), etag }
    }
}

#[derive(Serialize)]
struct RenderedKeySet {
    keys: Vec<PublicJwk>,
}

/// RFC 8414 §2. Only what exists is named.
#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a str,
    token_endpoint: String,
    jwks_uri: String,
    grant_types_supported: [&'static str; 1],
    /// Required (RFC 8414 §2, Discovery §3), though there is no authorization endpoint to respond. RFC 8414 §3.2 wants
    /// empty members left out, but readers that look for required ones are many, and none minds an empty list.
    response_types_supported: [&'static str; 0],
    token_endpoint_auth_methods_supported: [&'static str; 2],
}

/// OpenID Connect Discovery §3: the metadata and what that document requires besides.
#[derive(Serialize)]
struct OpenIdConfiguration<'a> {
    #[serde(flatten)]
    metadata: Metadata<'a>,
    subject_types_supported: [&'static str; 1],
    /// Clients take their list of allowed algorithms from here, so it holds the algorithms of published keys and no HMAC.
    id_token_signing_alg_values_supported: Vec<&'static str>,
    claims_supported: [&'static str; 8],
}

impl<'a> Metadata<'a> {
    fn of(issuer: &'a Issuer) -> Self {
        Self {
            issuer: issuer.as_str(),
            token_endpoint: format!("{issuer}oauth/token"),
            jwks_uri: format!("{issuer}.well-known/jwks.json"),
            grant_types_supported: ["client_credentials"],
            response_types_supported: [],
            token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
        }
    }
}
