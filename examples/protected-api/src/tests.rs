//! Keeps the example running: its router, as it is served, against a scripted issuer.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::header::AUTHORIZATION;
use axum::http::{Request, StatusCode};
use jwksmith_testkit::{FakeIssuer, ManualClock, Reply, TestKey};
use jwksmith_verifier::{Algorithm, Clock as _, Policy, UnixTime, Verifier};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const AUDIENCE: &str = "https://api.example/";
const BODY_BYTES_MAX: usize = 4096;

struct Scene {
    issuer: FakeIssuer,
    clock: Arc<ManualClock>,
    key: TestKey,
    verifier: Arc<Verifier>,
}

impl Scene {
    async fn new() -> Self {
        let issuer = FakeIssuer::start().await;
        let clock = Arc::new(ManualClock::new(UnixTime::from_seconds(1_800_000_000)));
        let key = TestKey::generate(Algorithm::ES256, "first");
        issuer.publish(&[&key]);
        let policy = Policy::new(issuer.issuer(), AUDIENCE, [Algorithm::ES256]).unwrap();
        let verifier = Verifier::builder(policy).clock(clock.clone()).build().unwrap();
        Self { issuer, clock, key, verifier: Arc::new(verifier) }
    }

    fn token(&self, scope: &str) -> String {
        let mut claims = TestKey::claims(self.issuer.issuer(), AUDIENCE, self.clock.now());
        claims["scope"] = scope.into();
        self.key.sign(&claims)
    }

    /// The status and the body of the answer.
    async fn get(&self, path: &str, token: Option<&str>) -> (StatusCode, String) {
        let mut request = Request::get(path);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Body::empty()).unwrap();
        let app = super::app(Arc::clone(&self.verifier), self.issuer.issuer()).unwrap();
        let response = app.oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), BODY_BYTES_MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn status(&self, path: &str, token: Option<&str>) -> StatusCode {
        self.get(path, token).await.0
    }
}

#[tokio::test]
async fn public_path_is_for_everybody() {
    let scene = Scene::new().await;
    for token in [None, Some("not-a-token")] {
        let expected = (StatusCode::OK, "everybody may read this".to_owned());
        assert_eq!(scene.get("/public", token).await, expected);
    }
    assert_eq!(scene.issuer.requests(FakeIssuer::DISCOVERY), 0);
}

#[tokio::test]
async fn things_are_for_callers_with_a_good_token() {
    let scene = Scene::new().await;
    let token = scene.token("read:things");
    let (status, body) = scene.get("/things", Some(&token)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body, json!({ "caller": "client", "application": "client", "scope": "read:things" }));

    for refused in [None, Some(""), Some("not-a-token"), Some(&token[1..]), Some(&token[..token.len() - 2])] {
        assert_eq!(scene.status("/things", refused).await, StatusCode::UNAUTHORIZED, "{refused:?}");
    }
    scene.clock.advance(2 * 3600);
    assert_eq!(scene.status("/things", Some(&token)).await, StatusCode::UNAUTHORIZED, "it has expired");
}

#[tokio::test]
async fn admin_path_is_for_callers_with_its_scope() {
    let scene = Scene::new().await;
    assert_eq!(scene.status("/admin", None).await, StatusCode::UNAUTHORIZED);
    for scope in ["", "read:things", "administrator"] {
        let status = scene.status("/admin", Some(&scene.token(scope))).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{scope}");
    }
    let (status, body) = scene.get("/admin", Some(&scene.token("read:things admin"))).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "welcome, client"));
}

#[tokio::test]
async fn metadata_is_for_everybody() {
    let scene = Scene::new().await;
    let (status, body) = scene.get("/.well-known/oauth-protected-resource", None).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["authorization_servers"]), (StatusCode::OK, &json!([scene.issuer.issuer()])));
}

#[tokio::test]
async fn issuer_that_is_down_is_unavailable() {
    let scene = Scene::new().await;
    scene.issuer.serve(FakeIssuer::KEY_SET, Reply::status(503));
    for path in ["/things", "/admin"] {
        let status = scene.status(path, Some(&scene.token("admin"))).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(scene.status(path, None).await, StatusCode::UNAUTHORIZED, "{path}");
    }
}
