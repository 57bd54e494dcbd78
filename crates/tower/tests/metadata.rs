//! Protected resource metadata (RFC 9728): where it is, what it says, and how it is answered.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where its set-up fails")]

use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use jwksmith_tower::{ProtectionError, ResourceMetadata};
use tower::ServiceExt as _;

/// A resource, and the URL and the path of its metadata (§3.1).
const PLACES: &[(&str, &str, &str)] = &[
    (
        "https://api.example",
        "https://api.example/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource",
    ),
    (
        "https://api.example/",
        "https://api.example/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource",
    ),
    (
        "https://api.example:8443/v1/things",
        "https://api.example:8443/.well-known/oauth-protected-resource/v1/things",
        "/.well-known/oauth-protected-resource/v1/things",
    ),
    (
        "http://localhost:3000/a%20b/",
        "http://localhost:3000/.well-known/oauth-protected-resource/a%20b/",
        "/.well-known/oauth-protected-resource/a%20b/",
    ),
];

#[test]
fn metadata_is_at_the_well_known_path_between_host_and_path() {
    for (resource, url, path) in PLACES {
        let metadata = ResourceMetadata::new(*resource).unwrap();
        assert_eq!((metadata.url(), metadata.path()), (*url, *path), "{resource}");
        assert_eq!(
            metadata.to_json(),
            format!(r#"{{"resource":"{resource}","bearer_methods_supported":["header"]}}"#)
        );
    }
}

#[test]
fn document_says_what_it_was_given() {
    let metadata = ResourceMetadata::new("https://api.example/").unwrap();
    let metadata = metadata.authorization_server("https://one.example/").unwrap();
    let metadata = metadata.authorization_server("http://localhost:4455/").unwrap();
    let metadata = metadata.scopes_supported(["read:things", "admin"]).unwrap();
    let metadata =
        metadata.resource_name("\"Things\" \u{e9}").resource_documentation("https://docs.example/").unwrap();
    let document: serde_json::Value = serde_json::from_str(&metadata.to_json()).unwrap();
    let expected = serde_json::json!({
        "resource": "https://api.example/",
        "authorization_servers": ["https://one.example/", "http://localhost:4455/"],
        "scopes_supported": ["read:things", "admin"],
        "bearer_methods_supported": ["header"],
        "resource_name": "\"Things\" \u{e9}",
        "resource_documentation": "https://docs.example/",
    });
    assert_eq!(document, expected);
}

#[test]
fn metadata_that_clients_could_not_use_is_refused() {
    type Making = fn() -> Result<ResourceMetadata, ProtectionError>;
    let good = || ResourceMetadata::new("https://api.example/");
    assert!(good().is_ok());
    let cases: [(Making, &str); 9] = [
        (|| ResourceMetadata::new(""), "config_url_refused"),
        (|| ResourceMetadata::new("things"), "config_url_refused"),
        (|| ResourceMetadata::new("http://api.example/"), "config_url_refused"),
        (|| ResourceMetadata::new("https://api.example/?a=b"), "config_url_refused"),
        (|| ResourceMetadata::new("https://api.example/#a"), "config_url_refused"),
        (|| ResourceMetadata::new("https://api.example/{id}"), "config_url_refused"),
        (|| ResourceMetadata::new("https://a.example/")?.authorization_server("a"), "config_url_refused"),
        (|| ResourceMetadata::new("https://a.example/")?.resource_documentation("a"), "config_url_refused"),
        (
            || ResourceMetadata::new("https://a.example/")?.scopes_supported(["a", "b c"]),
            "config_scope_malformed",
        ),
    ];
    for (at, (making, code)) in cases.into_iter().enumerate() {
        assert_eq!(making().err().map(|error| error.code()), Some(code), "case {at}");
    }
}

#[tokio::test]
async fn service_answers_readers_of_any_origin_and_nobody_who_writes() {
    let metadata = ResourceMetadata::new("https://api.example/").unwrap();
    let document = metadata.to_json();
    let cases = [
        (Method::GET, StatusCode::OK, document.as_str()),
        (Method::HEAD, StatusCode::OK, document.as_str()),
        (Method::OPTIONS, StatusCode::NO_CONTENT, ""),
        (Method::POST, StatusCode::METHOD_NOT_ALLOWED, ""),
        (Method::DELETE, StatusCode::METHOD_NOT_ALLOWED, ""),
    ];
    for (method, status, body) in cases {
        let request = Request::builder().method(&method).uri(metadata.path()).body(()).unwrap();
        let (parts, answered) = metadata.service().oneshot(request).await.unwrap().into_parts();
        assert_eq!(parts.status, status, "{method}");
        assert_eq!(answered.collect().await.unwrap().to_bytes(), body, "{method}");
        assert_eq!(parts.headers["access-control-allow-origin"], "*", "{method}");
        let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let is_read = status == StatusCode::OK;
        assert_eq!(header("content-type").as_deref(), is_read.then_some("application/json"), "{method}");
        assert_eq!(header("allow").is_some(), status == StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(
            header("access-control-allow-methods").is_some(),
            status == StatusCode::NO_CONTENT,
            "{method}"
        );
    }
}
