//! Keeps the example running: its server on a real socket, a real client, and a scripted issuer.

use std::sync::Arc;

use jwksmith_testkit::{FakeIssuer, ManualClock, Reply, TestKey};
use jwksmith_verifier::{Algorithm, Clock as _, Policy, UnixTime, Verifier};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::{Code, Status};
use tonic_health::pb::health_check_response::ServingStatus;

const AUDIENCE: &str = "https://api.example/";

struct Scene {
    issuer: FakeIssuer,
    clock: Arc<ManualClock>,
    key: TestKey,
    verifier: Arc<Verifier>,
    address: String,
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
        let address = listener.local_addr().unwrap().to_string();
        let serving = super::serve(listener, Arc::clone(&verifier));
        let server = tokio::spawn(async move { serving.await.unwrap() });
        Self { issuer, clock, key, verifier, address, server }
    }

    fn token(&self, scope: &str) -> String {
        let mut claims = TestKey::claims(self.issuer.issuer(), AUDIENCE, self.clock.now());
        claims["scope"] = scope.into();
        self.key.sign(&claims)
    }

    async fn check(&self, token: Option<&str>) -> Result<ServingStatus, Status> {
        super::check(&self.address, token).await
    }

    /// Fails unless the call is ended with this status and this stable code.
    async fn refused(&self, token: Option<&str>, code: Code, stable_code: &str) -> Status {
        let status = self.check(token).await.unwrap_err();
        assert_eq!(status.code(), code, "{status}");
        assert_eq!(status.metadata().get("jwksmith-code").unwrap(), stable_code, "{status}");
        status
    }
}

#[tokio::test]
async fn service_is_for_callers_with_a_good_token() {
    let scene = Scene::new().await;
    scene.verifier.preload().await.unwrap();
    let token = scene.token("read:things");
    assert_eq!(scene.check(Some(&token)).await.unwrap(), ServingStatus::Serving);
    scene.refused(None, Code::Unauthenticated, "token_missing").await;
    scene.refused(Some("not-a-token"), Code::Unauthenticated, "token_malformed").await;
    scene.refused(Some(""), Code::Unauthenticated, "token_malformed").await;
    scene.clock.advance(2 * 3600);
    scene.verifier.preload().await.unwrap();
    scene.refused(Some(&token), Code::Unauthenticated, "token_expired").await;
}

#[tokio::test]
async fn service_is_for_callers_with_its_scope() {
    let scene = Scene::new().await;
    scene.verifier.preload().await.unwrap();
    for scope in ["", "write:things", "read:things:all"] {
        let token = scene.token(scope);
        scene.refused(Some(&token), Code::PermissionDenied, "insufficient_scope").await;
    }
    assert!(scene.check(Some(&scene.token("a read:things"))).await.is_ok());
}

#[tokio::test]
async fn issuer_that_is_down_is_unavailable() {
    let scene = Scene::new().await;
    scene.issuer.serve(FakeIssuer::KEY_SET, Reply::status(503).header("retry-after", "77"));
    scene.verifier.preload().await.unwrap_err();
    let token = scene.token("read:things");
    let status = scene.refused(Some(&token), Code::Unavailable, "issuer_unavailable").await;
    assert_eq!(status.metadata().get("retry-after").unwrap(), "77");
    scene.refused(None, Code::Unauthenticated, "token_missing").await;
}
