//! The layer, the extractor behind it and the routes of the metadata in a real router.
//!
//! Who gets in is tried in `jwksmith-tower`; here it is how the pieces fit together.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where its set-up fails")]

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::get;
use axum::{Extension, Router};
use jwksmith_axum::{
    Bearer, ChallengeSettings, Claims, Rejection, RequireToken, ResourceMetadata, metadata_routes,
};
use jwksmith_testkit::{FakeIssuer, TestKey};
use jwksmith_verifier::{AccessClaims, Algorithm, Clock as _, Policy, SystemClock, Verifier};
use serde::Deserialize;
use tower::ServiceExt as _;

const AUDIENCE: &str = "http://localhost:3000/v1";
const METADATA: &str = "http://localhost:3000/.well-known/oauth-protected-resource/v1";
const BODY_BYTES_MAX: usize = 4096;

struct Scene {
    issuer: FakeIssuer,
    key: TestKey,
    app: Router,
}

/// Claims that ordinary tokens do not have.
#[derive(Deserialize)]
struct Staff {
    #[expect(dead_code, reason = "it is there to be missing")]
    employee_number: u64,
}

impl Scene {
    async fn new() -> Self {
        let issuer = FakeIssuer::start().await;
        let key = TestKey::generate(Algorithm::ES256, "first");
        issuer.publish(&[&key]);
        let policy = Policy::new(issuer.issuer(), AUDIENCE, [Algorithm::ES256]).unwrap();
        let app = app(&Arc::new(Verifier::new(policy).unwrap()));
        Self { issuer, key, app }
    }

    fn token(&self, scope: &str) -> String {
        let mut claims = TestKey::claims(self.issuer.issuer(), AUDIENCE, SystemClock::new().now());
        claims["scope"] = scope.into();
        self.key.sign(&claims)
    }

    /// Status, headers and body of an answer; no `Authorization` header if there is no token.
    async fn get(&self, path: &str, token: &str) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        if !token.is_empty() {
            request.headers_mut().insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        }
        let (parts, body) = self.app.clone().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap().to_vec();
        (parts.status, parts.headers, String::from_utf8(body).unwrap())
    }
}

fn app(verifier: &Arc<Verifier>) -> Router {
    let metadata =
        ResourceMetadata::new(AUDIENCE).unwrap().authorization_server("https://tenant.example/").unwrap();
    let challenge = ChallengeSettings::new().resource_metadata(metadata.url()).unwrap();
    let require = RequireToken::new(Arc::clone(verifier)).challenge(challenge.clone());
    let readers = Router::new()
        .route("/layer", get(caller))
        .route("/layer/staff", get(async |_: Claims<Staff>| "staff"))
        .route("/layer/admin", get(admin))
        .route_layer(require.clone().scope("read:things").unwrap());
    let anyone = Router::new().route("/anyone", get(caller_or_nobody)).route("/anyone/claims", get(caller));
    let bearer = Router::new()
        .route("/bearer", get(async |Bearer(token): Bearer<AccessClaims>| token.into_claims().sub.unwrap()))
        .route("/bearer/anyone", get(bearer_or_nobody))
        .layer(Extension(challenge));
    Router::new()
        .merge(readers)
        .merge(anyone.route_layer(require.optional()))
        .merge(bearer)
        .route("/unprotected", get(caller))
        .route("/unprotected/anyone", get(caller_or_nobody))
        .merge(metadata_routes(&metadata))
        .with_state(Arc::clone(verifier))
}

async fn caller(Claims(claims): Claims<AccessClaims>) -> String {
    claims.sub.unwrap_or_default()
}

async fn caller_or_nobody(claims: Option<Claims<AccessClaims>>) -> String {
    claims.and_then(|Claims(claims)| claims.sub).unwrap_or_else(|| "nobody".to_owned())
}

async fn bearer_or_nobody(token: Option<Bearer<AccessClaims>>) -> String {
    token.and_then(|Bearer(token)| token.into_claims().sub).unwrap_or_else(|| "nobody".to_owned())
}

async fn admin(
    Claims(claims): Claims<AccessClaims>,
    Extension(challenge): Extension<ChallengeSettings>,
) -> Result<&'static str, Rejection> {
    if !claims.has_scope("admin") {
        return Err(Rejection::insufficient_scope("admin").with_challenge(&challenge));
    }
    Ok("welcome")
}

/// A path, the scope of the token (`-` for no token, `!` for a bad one), the status, and what the body says.
const ANSWERS: &[(&str, &str, u16, &str)] = &[
    ("/layer", "read:things", 200, "client"),
    ("/layer", "-", 401, "token_missing"),
    ("/layer", "!", 401, "token_malformed"),
    ("/layer", "other", 403, "insufficient_scope"),
    ("/layer/staff", "read:things", 401, "claims_shape"),
    ("/layer/admin", "read:things", 403, "insufficient_scope"),
    ("/layer/admin", "admin", 403, "insufficient_scope"),
    ("/layer/admin", "read:things admin", 200, "welcome"),
    ("/anyone", "-", 200, "nobody"),
    ("/anyone", "!", 401, "token_malformed"),
    ("/anyone", "other", 200, "client"),
    ("/anyone/claims", "-", 401, "token_missing"),
    ("/anyone/claims", "other", 200, "client"),
    ("/bearer", "other", 200, "client"),
    ("/bearer", "-", 401, "token_missing"),
    ("/bearer", "!", 401, "token_malformed"),
    ("/bearer/anyone", "-", 200, "nobody"),
    ("/bearer/anyone", "!", 401, "token_malformed"),
    ("/bearer/anyone", "other", 200, "client"),
    ("/unprotected", "-", 500, "protection_missing"),
    ("/unprotected", "read:things", 500, "protection_missing"),
    ("/unprotected/anyone", "-", 500, "protection_missing"),
];

#[tokio::test]
async fn route_answers_by_what_protects_it() {
    let scene = Scene::new().await;
    for (path, scope, status, says) in ANSWERS {
        let token = match *scope {
            "-" => String::new(),
            "!" => "not-a-token".to_owned(),
            scope => scene.token(scope),
        };
        let (answered, headers, body) = scene.get(path, &token).await;
        assert_eq!(answered, *status, "{path} {scope}: {body}");
        assert!(body.contains(says), "{path} {scope}: {body}");
        let challenge = headers.get(WWW_AUTHENTICATE).map_or("", |value| value.to_str().unwrap());
        let is_challenged = challenge.contains(&format!("resource_metadata=\"{METADATA}\""));
        assert_eq!(is_challenged, [401, 403].contains(status), "{path} {scope}: {challenge}");
    }
}

#[tokio::test]
async fn metadata_is_served_where_the_challenge_says_to_whoever_has_no_token() {
    let scene = Scene::new().await;
    let path = METADATA.strip_prefix("http://localhost:3000").unwrap();
    let (status, headers, body) = scene.get(path, "").await;
    assert_eq!((status, &headers["content-type"]), (StatusCode::OK, &"application/json".parse().unwrap()));
    assert_eq!(
        body,
        format!(
            r#"{{"resource":"{AUDIENCE}","authorization_servers":["https://tenant.example/"],"bearer_methods_supported":["header"]}}"#
        )
    );
    for elsewhere in ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/v2"] {
        assert_eq!(scene.get(elsewhere, "").await.0, StatusCode::NOT_FOUND, "{elsewhere}");
    }
}

#[tokio::test]
async fn resource_whose_path_looks_like_a_pattern_is_routed_as_it_is_written() {
    for resource in ["https://api.example/:id", "https://api.example/*all"] {
        let metadata = ResourceMetadata::new(resource).unwrap();
        let app: Router = metadata_routes(&metadata);
        for (path, status) in [(metadata.path(), StatusCode::OK), ("/.well-known/x", StatusCode::NOT_FOUND)] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            assert_eq!(app.clone().oneshot(request).await.unwrap().status(), status, "{resource}: {path}");
        }
    }
}
