//! The interceptor against a scripted issuer: which calls it lets through, and with which status it ends the others.
//!
//! What makes a token good or bad is tried in the crates below; `examples/tonic-health` calls a protected service over a
//! real connection.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where its set-up fails")]

use std::sync::Arc;

use jwksmith_testkit::{FakeIssuer, ManualClock, Reply, TestKey};
use jwksmith_tonic::{ChallengeSettings, Protect, RequireToken, claims, insufficient_scope, optional_claims};
use jwksmith_verifier::{AccessClaims, Algorithm, Clock as _, Policy, UnixTime, Verifier};
use serde::Deserialize;
use tonic::service::Interceptor as _;
use tonic::{Code, Request, Status};

const AUDIENCE: &str = "https://api.example/";

/// An issuer with one key, and a verifier that believes it.
struct Scene {
    issuer: FakeIssuer,
    clock: Arc<ManualClock>,
    key: TestKey,
    verifier: Arc<Verifier>,
}

/// Claims that ordinary tokens do not have.
#[derive(Deserialize, Debug)]
struct Staff {
    #[expect(dead_code, reason = "it is there to be missing")]
    employee_number: u64,
}

impl Scene {
    /// A scene whose verifier has not asked for the keys yet.
    async fn new() -> Self {
        let issuer = FakeIssuer::start().await;
        let clock = Arc::new(ManualClock::new(UnixTime::from_seconds(1_800_000_000)));
        let key = TestKey::generate(Algorithm::ES256, "first");
        issuer.publish(&[&key]);
        let policy = Policy::new(issuer.issuer(), AUDIENCE, [Algorithm::ES256]).unwrap();
        let verifier = Arc::new(Verifier::builder(policy).clock(clock.clone()).build().unwrap());
        Self { issuer, clock, key, verifier }
    }

    async fn preloaded() -> Self {
        let scene = Self::new().await;
        scene.verifier.preload().await.unwrap();
        scene
    }

    fn require(&self) -> RequireToken {
        RequireToken::new(Arc::clone(&self.verifier))
    }

    fn token(&self) -> String {
        self.key.access_token(self.issuer.issuer(), AUDIENCE, self.clock.now())
    }
}

/// A call with this `authorization` metadata.
fn call(require: &RequireToken, authorization: &[&str]) -> Result<Request<()>, Status> {
    let mut request = Request::new(());
    for value in authorization {
        request.metadata_mut().append("authorization", value.parse().unwrap());
    }
    Protect(require.clone()).call(request)
}

fn bearer(require: &RequireToken, token: &str) -> Result<Request<()>, Status> {
    call(require, &[&format!("Bearer {token}")])
}

/// Nothing if there is no such metadata.
fn metadata<'s>(status: &'s Status, name: &str) -> &'s str {
    status.metadata().get(name).map_or("", |value| value.to_str().unwrap())
}

fn check(outcome: Result<Request<()>, Status>, code: Code, stable_code: &str, case: &str) -> Status {
    let status = outcome.expect_err(case);
    assert_eq!((status.code(), metadata(&status, "jwksmith-code")), (code, stable_code), "{case}: {status}");
    assert!(!status.message().is_empty(), "{case}");
    status
}

#[tokio::test]
async fn good_token_is_let_through_with_its_claims() {
    let scene = Scene::preloaded().await;
    let request = bearer(&scene.require(), &scene.token()).unwrap();
    let found: AccessClaims = claims(&request).unwrap();
    assert_eq!(found.sub.as_deref(), Some("client"));
    assert!(optional_claims::<AccessClaims, _>(&request).unwrap().is_some());
    let status = claims::<Staff, _>(&request).unwrap_err();
    assert_eq!((status.code(), metadata(&status, "jwksmith-code")), (Code::Unauthenticated, "claims_shape"));
}

#[tokio::test]
async fn bad_credentials_are_unauthenticated() {
    let scene = Scene::preloaded().await;
    let token = scene.token();
    let good = format!("Bearer {token}");
    let stranger = TestKey::generate(Algorithm::ES256, "first");
    let forged = stranger.access_token(scene.issuer.issuer(), AUDIENCE, scene.clock.now());
    // A signature that does not fit is worth one refresh, which is over then.
    check(bearer(&scene.require(), &forged), Code::Unavailable, "issuer_unavailable", "the key may be new");
    scene.verifier.verify_token(&forged).await.unwrap_err();
    let forged = format!("Bearer {forged}");
    let cases: [(&[&str], &str); 6] = [
        (&[""], "token_malformed"),
        (&[&token], "token_malformed"),
        (&["Basic eDp5"], "token_malformed"),
        (&[&good, &good], "token_malformed"),
        (&["Bearer a.b"], "token_malformed"),
        (&[&forged], "signature_invalid"),
    ];
    for (authorization, code) in cases {
        for require in [scene.require(), scene.require().optional()] {
            let status = check(call(&require, authorization), Code::Unauthenticated, code, code);
            assert!(metadata(&status, "www-authenticate").starts_with("Bearer"), "{code}");
            assert_eq!(metadata(&status, "retry-after"), "", "{code}");
        }
    }
    scene.clock.advance(2 * 3600);
    scene.verifier.preload().await.unwrap();
    check(bearer(&scene.require(), &token), Code::Unauthenticated, "token_expired", "an hour too late");
}

#[tokio::test]
async fn call_without_a_token_is_let_through_as_nobody_if_tokens_are_optional() {
    let scene = Scene::new().await;
    let request = call(&scene.require().optional(), &[]).unwrap();
    assert!(optional_claims::<AccessClaims, _>(&request).unwrap().is_none());
    let status = claims::<AccessClaims, _>(&request).unwrap_err();
    assert_eq!((status.code(), metadata(&status, "jwksmith-code")), (Code::Unauthenticated, "token_missing"));
    check(call(&scene.require(), &[]), Code::Unauthenticated, "token_missing", "not optional");
}

#[tokio::test]
async fn token_that_grants_too_little_is_denied() {
    let scene = Scene::preloaded().await;
    let metadata_url = "https://api.example/.well-known/oauth-protected-resource";
    let settings = ChallengeSettings::new().resource_metadata(metadata_url).unwrap();
    let admins = scene.require().challenge(settings).scope("admin").unwrap();
    let status =
        check(bearer(&admins, &scene.token()), Code::PermissionDenied, "insufficient_scope", "scope");
    let challenge = metadata(&status, "www-authenticate");
    assert!(
        challenge.ends_with(&format!("scope=\"admin\", resource_metadata=\"{metadata_url}\"")),
        "{challenge}"
    );
    let permitted = scene.require().permission("read:things").unwrap();
    let denied = bearer(&permitted, &scene.token());
    check(denied, Code::PermissionDenied, "insufficient_permission", "permission");
    assert!(bearer(&scene.require().scope("read:things").unwrap(), &scene.token()).is_ok());
    assert_eq!(insufficient_scope("admin").code(), Code::PermissionDenied);
}

#[tokio::test]
async fn call_before_the_keys_are_there_is_unavailable_and_has_them_fetched() {
    let scene = Scene::new().await;
    let status = check(
        bearer(&scene.require(), &scene.token()),
        Code::Unavailable,
        "issuer_unavailable",
        "no keys have been fetched",
    );
    assert!(metadata(&status, "retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(metadata(&status, "www-authenticate"), "", "nothing is known against the token");
    // This joins the fetch that the call has begun.
    scene.verifier.preload().await.unwrap();
    assert_eq!(scene.issuer.requests(FakeIssuer::KEY_SET), 1);
    assert!(bearer(&scene.require(), &scene.token()).is_ok());
    check(bearer(&scene.require(), "a.b"), Code::Unauthenticated, "token_malformed", "a bad one");
}

#[tokio::test]
async fn key_that_was_published_since_is_found_after_a_retry() {
    let scene = Scene::preloaded().await;
    let second = TestKey::generate(Algorithm::ES256, "second");
    scene.issuer.publish(&[&scene.key, &second]);
    scene.clock.advance(60);
    let token = second.access_token(scene.issuer.issuer(), AUDIENCE, scene.clock.now());
    check(bearer(&scene.require(), &token), Code::Unavailable, "issuer_unavailable", "an unknown key");
    // This waits for the refresh that the call has begun.
    scene.verifier.verify_token(&token).await.unwrap();
    assert!(bearer(&scene.require(), &token).is_ok());
}

#[tokio::test]
async fn issuer_that_is_down_is_unavailable_and_its_fault_stays_inside() {
    let scene = Scene::new().await;
    scene.issuer.serve(FakeIssuer::KEY_SET, Reply::status(503).header("retry-after", "77"));
    scene.verifier.preload().await.unwrap_err();
    let outcome = bearer(&scene.require(), &scene.token());
    let status = check(outcome, Code::Unavailable, "issuer_unavailable", "no keys");
    assert_eq!(metadata(&status, "retry-after"), "77");
    for inside in ["127.0.0.1", "http", "503"] {
        assert!(!status.message().contains(inside), "{inside}: {}", status.message());
    }
}

#[test]
fn service_that_nothing_protects_lets_nobody_in() {
    let request = Request::new(());
    let outcomes = [
        claims::<AccessClaims, _>(&request).map(drop),
        optional_claims::<AccessClaims, _>(&request).map(drop),
    ];
    for outcome in outcomes {
        let status = outcome.unwrap_err();
        assert_eq!(
            (status.code(), metadata(&status, "jwksmith-code")),
            (Code::Internal, "protection_missing")
        );
    }
}
