//! Keeps the example running: its server on a real socket, a real client, and a scripted issuer.

use std::sync::Arc;

use jwksmith_testkit::{FakeIssuer, ManualClock, Reply, TestKey};
use jwksmith_verifier::{Algorithm, Clock as _, Policy, UnixTime, Verifier};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const AUDIENCE: &str = "https://api.example/";
const METADATA: &str = "http://localhost:3001/.well-known/oauth-protected-resource";

struct Scene {
    issuer: FakeIssuer,
    clock: Arc<ManualClock>,
    key: TestKey,
    url: String,
    server: JoinHandle<()>,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Scene {
    async fn new() -> Self {
        let issuer = FakeIssuer::start().await;
        let clock = Arc::new(ManualClock::new(UnixTime::from_seconds(1_800_000_000)));
        let key = TestKey::generate(Algorithm::ES256, "first");
        issuer.publish(&[&key]);
        let policy = Policy::new(issuer.issuer(), AUDIENCE, [Algorithm::ES256]).unwrap();
        let verifier = Arc::new(Verifier::builder(policy).clock(clock.clone()).build().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = super::app(verifier, issuer.issuer()).unwrap();
        let server = tokio::spawn(async move { super::serve(listener, app).await.unwrap() });
        Self { issuer, clock, key, url, server }
    }

    fn token(&self, scope: &str) -> String {
        let mut claims = TestKey::claims(self.issuer.issuer(), AUDIENCE, self.clock.now());
        claims["scope"] = scope.into();
        self.key.sign(&claims)
    }

    async fn get(&self, path: &str, token: Option<&str>) -> reqwest::Response {
        let request = reqwest::Client::new().get(format!("{}{path}", self.url));
        let request = token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        request.send().await.unwrap()
    }

    async fn status(&self, path: &str, token: Option<&str>) -> u16 {
        self.get(path, token).await.status().as_u16()
    }
}

#[tokio::test]
async fn things_are_for_callers_with_a_good_token() {
    let scene = Scene::new().await;
    let token = scene.token("read:things");
    let response = scene.get("/things", Some(&token)).await;
    assert_eq!(response.status(), 200);
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(body, json!({ "caller": "client", "application": "client", "scope": "read:things" }));

    for refused in [None, Some("not-a-token"), Some(&token[1..]), Some(&token[..token.len() - 2])] {
        assert_eq!(scene.status("/things", refused).await, 401, "{refused:?}");
    }
    scene.clock.advance(2 * 3600);
    assert_eq!(scene.status("/things", Some(&token)).await, 401, "it has expired");
}

#[tokio::test]
async fn admin_path_is_for_callers_with_its_scope() {
    let scene = Scene::new().await;
    assert_eq!(scene.status("/admin", None).await, 401);
    for scope in ["", "read:things", "administrator"] {
        assert_eq!(scene.status("/admin", Some(&scene.token(scope))).await, 403, "{scope}");
    }
    let response = scene.get("/admin", Some(&scene.token("read:things admin"))).await;
    assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (200, "welcome"));
}

#[tokio::test]
async fn whoever_has_no_token_is_told_where_to_get_one() {
    let scene = Scene::new().await;
    let response = scene.get("/things", None).await;
    let expected = format!("Bearer resource_metadata=\"{METADATA}\"");
    assert_eq!(response.headers()["www-authenticate"], expected);
    let response = scene.get("/.well-known/oauth-protected-resource", None).await;
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(body["authorization_servers"], json!([scene.issuer.issuer()]));
    assert_eq!(scene.status("/elsewhere", None).await, 404);
}

#[tokio::test]
async fn issuer_that_is_down_is_unavailable() {
    let scene = Scene::new().await;
    scene.issuer.serve(FakeIssuer::KEY_SET, Reply::status(503).header("retry-after", "77"));
    let response = scene.get("/things", Some(&scene.token("read:things"))).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (503, &"77".parse().unwrap())
    );
    assert_eq!(scene.status("/things", None).await, 401);
}
