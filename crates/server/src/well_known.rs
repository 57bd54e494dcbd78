//! The well-known documents (RFC 8414 §3, OIDC Discovery §4, RFC 7517 §5): bytes that were rendered when a key changed.
//!
//! A request takes a pointer and compares an entity tag; it touches no database, no lock and no private key.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use jwksmith_authority::Document;

use crate::state::Tenant;

/// How long caches may keep a key set (RFC 9111, RFC 5861).
///
/// Five minutes fresh, one more while it is refreshed, and an hour through an outage: whoever honours it believes a revoked
/// key for 6 minutes while this server can be reached, and for 65 at the most.
pub const KEY_SET_CACHE_CONTROL: HeaderValue =
    HeaderValue::from_static("public, max-age=300, stale-while-revalidate=60, stale-if-error=3600");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(crate) async fn key_set(Tenant(tenant): Tenant, headers: HeaderMap) -> Response {
    answer(&tenant.published().key_set, &headers)
}

pub(crate) async fn openid_configuration(Tenant(tenant): Tenant, headers: HeaderMap) -> Response {
    answer(&tenant.published().openid_configuration, &headers)
}

pub(crate) async fn authorization_server(Tenant(tenant): Tenant, headers: HeaderMap) -> Response {
    answer(&tenant.published().authorization_server, &headers)
}

fn answer(document: &Document, headers: &HeaderMap) -> Response {
    let unchanged = headers.get_all(IF_NONE_MATCH).iter().any(|tags| names(tags, &document.etag));
    let mut response = Response::new(Body::empty());
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        *response.body_mut() = Body::from(document.body.clone());
        response.headers_mut().insert(CONTENT_TYPE, JSON);
    }
    // RFC 9110 §15.4.5: a 304 carries what the 200 would have carried of these.
    response.headers_mut().insert(CACHE_CONTROL, KEY_SET_CACHE_CONTROL);
    if let Ok(etag) = HeaderValue::from_str(&document.etag) {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}

/// Whether a list of entity tags names this one; compared weakly (RFC 9110 §13.1.2).
fn names(tags: &HeaderValue, etag: &str) -> bool {
    let Ok(tags) = tags.to_str() else { return false };
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
