//! The layer around a service, against a scripted issuer: who gets in, with what, and what everybody else is answered.
//!
//! What makes a token good or bad is tried in the crates below, and each kind of bad header and refusal in the tests of
//! `jwksmith-axum`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where its set-up fails")]

use std::cell::Cell;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use jwksmith_testkit::{FakeIssuer, ManualClock, Reply, TestKey};
use jwksmith_tower::{Anonymous, ChallengeSettings, ProtectionError, RequireToken};
use jwksmith_verifier::{Algorithm, Clock as _, Policy, UnixTime, VerifiedToken, Verifier};
use serde::Deserialize;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

const AUDIENCE: &str = "https://api.example/";
const METADATA: &str = "https://api.example/.well-known/oauth-protected-resource";

/// An issuer with one key, and a verifier that believes it.
struct Scene {
    issuer: FakeIssuer,
    clock: Arc<ManualClock>,
    key: TestKey,
    verifier: Arc<Verifier>,
    /// How often the service inside ran.
    calls: Arc<AtomicUsize>,
}

/// What every token of these tests has, whatever else is wrong with it.
#[derive(Deserialize)]
struct Subject {
    sub: String,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

#[derive(Deserialize)]
struct Problem {
    status: u16,
    detail: String,
    code: String,
}

impl Scene {
    async fn new() -> Self {
        let issuer = FakeIssuer::start().await;
        let clock = Arc::new(ManualClock::new(UnixTime::from_seconds(1_800_000_000)));
        let key = TestKey::generate(Algorithm::ES256, "first");
        issuer.publish(&[&key]);
        let policy = Policy::new(issuer.issuer(), AUDIENCE, [Algorithm::ES256]).unwrap();
        let verifier = Arc::new(Verifier::builder(policy).clock(clock.clone()).build().unwrap());
        Self { issuer, clock, key, verifier, calls: Arc::default() }
    }

    fn require(&self) -> RequireToken {
        RequireToken::new(Arc::clone(&self.verifier))
    }

    fn token(&self) -> String {
        self.token_with(&serde_json::json!({}))
    }

    /// A token with some claims changed before it was signed.
    fn token_with(&self, changes: &serde_json::Value) -> String {
        let mut claims = TestKey::claims(self.issuer.issuer(), AUDIENCE, self.clock.now());
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        self.key.sign(&claims)
    }

    async fn bearer(&self, require: &RequireToken, token: &str) -> Answer {
        self.call(require, &[&format!("Bearer {token}")]).await
    }

    /// A request with these `Authorization` headers.
    async fn call(&self, require: &RequireToken, authorization: &[&str]) -> Answer {
        let calls = Arc::clone(&self.calls);
        let inside = service_fn(move |request: Request<Cell<u8>>| {
            calls.fetch_add(1, Ordering::SeqCst);
            async move { Ok::<_, Infallible>(Response::new(Full::from(caller(&request)))) }
        });
        // A body that threads cannot share, as those of frameworks are.
        let mut request = Request::new(Cell::new(7));
        for value in authorization {
            request.headers_mut().append(AUTHORIZATION, value.parse().unwrap());
        }
        let response = require.layer(inside).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body).unwrap() }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

/// Whom the service inside takes the caller for; the body must have come through.
fn caller(request: &Request<Cell<u8>>) -> String {
    assert_eq!(request.body().get(), 7);
    assert!(request.extensions().get::<ChallengeSettings>().is_some());
    let token = request.extensions().get::<VerifiedToken>();
    let anonymous = request.extensions().get::<Anonymous>();
    match (token, anonymous) {
        (Some(token), None) => token.claims::<Subject>().unwrap().sub,
        (None, Some(Anonymous)) => "nobody".to_owned(),
        _ => panic!("one of the two"),
    }
}

impl Answer {
    /// Nothing if there is no such header.
    fn header(&self, name: http::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn problem(&self) -> Problem {
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let problem: Problem = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem.status, self.status.as_u16());
        problem
    }

    fn check(&self, status: u16, code: &str, case: &str) {
        assert_eq!(self.status, status, "{case}: {}", self.body);
        assert_eq!(self.problem().code, code, "{case}");
    }
}

#[tokio::test]
async fn good_token_reaches_the_service_with_its_claims() {
    let scene = Scene::new().await;
    let answer = scene.bearer(&scene.require(), &scene.token()).await;
    assert_eq!((answer.status, answer.body.as_str(), scene.calls()), (StatusCode::OK, "client", 1));
}

#[tokio::test]
async fn bad_credentials_reach_no_service() {
    let scene = Scene::new().await;
    let token = scene.token();
    let good = format!("Bearer {token}");
    let stranger = TestKey::generate(Algorithm::ES256, "first");
    let forged =
        format!("Bearer {}", stranger.access_token(scene.issuer.issuer(), AUDIENCE, scene.clock.now()));
    let cases: [(&[&str], &str); 6] = [
        (&[], "token_missing"),
        (&[""], "token_malformed"),
        (&["Basic eDp5"], "token_malformed"),
        (&[&good, &good], "token_malformed"),
        (&["Bearer a.b"], "token_malformed"),
        (&[&forged], "signature_invalid"),
    ];
    let optional = scene.require().optional();
    for (authorization, code) in cases {
        scene.call(&scene.require(), authorization).await.check(401, code, code);
        if !authorization.is_empty() {
            scene.call(&optional, authorization).await.check(401, code, code);
        }
    }
    scene.clock.advance(2 * 3600);
    for require in [scene.require(), optional] {
        scene.bearer(&require, &token).await.check(401, "token_expired", "an hour too late");
    }
    assert_eq!(scene.calls(), 0);
}

#[tokio::test]
async fn optional_layer_lets_nobody_through_as_nobody() {
    let scene = Scene::new().await;
    let optional = scene.require().scope("admin").unwrap().optional();
    let answer = scene.call(&optional, &[]).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "nobody"));
    let answer = scene.bearer(&optional, &scene.token_with(&serde_json::json!({ "scope": "admin" }))).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "client"));
    scene.bearer(&optional, &scene.token()).await.check(
        403,
        "insufficient_scope",
        "a token that lacks the scope",
    );
    assert_eq!(scene.calls(), 2);
}

type Demanding = fn(RequireToken) -> Result<RequireToken, ProtectionError>;

/// Demands, what the token has for `scope` and for `permissions`, and the code of the answer: none if it gets in.
const DEMANDS: &[(Demanding, &str, &str, &str)] = &[
    (|require| require.scope("a"), r#""a""#, "[]", ""),
    (|require| require.scope("a"), r#""b a c""#, "[]", ""),
    (|require| require.scope("a"), r#""""#, r#"["b","a"]"#, ""),
    (|require| require.scope("a"), "null", r#"["a"]"#, ""),
    (|require| require.scope("a"), r#""""#, "[]", "insufficient_scope"),
    (|require| require.scope("a"), "null", "null", "insufficient_scope"),
    (|require| require.scope("a"), r#""A aa a:b b,a""#, r#"["A","a b"]"#, "insufficient_scope"),
    (|require| require.scope("a")?.scope("b"), r#""b a""#, "[]", ""),
    (|require| require.scope("a")?.scope("b"), r#""a""#, r#"["b"]"#, ""),
    (|require| require.scope("a")?.scope("b"), r#""a""#, "[]", "insufficient_scope"),
    (|require| require.scope("a")?.scope("b"), r#""b""#, "[]", "insufficient_scope"),
    (|require| require.any_scope(["a", "b"]), r#""b""#, "[]", ""),
    (|require| require.any_scope(["a", "b"]), r#""c""#, r#"["a"]"#, ""),
    (|require| require.any_scope(["a", "b"]), r#""c""#, "[]", "insufficient_scope"),
    (|require| require.any_scope(["a", "b"])?.scope("c"), r#""b""#, "[]", "insufficient_scope"),
    (|require| require.any_scope(["a", "b"])?.scope("c"), r#""c b""#, "[]", ""),
    (|require| require.permission("a"), r#""""#, r#"["a"]"#, ""),
    (|require| require.permission("a"), r#""a""#, "[]", "insufficient_permission"),
    (|require| require.permission("a"), r#""a""#, r#"["A","b"]"#, "insufficient_permission"),
    (|require| require.permission("a")?.permission("b"), r#""""#, r#"["a"]"#, "insufficient_permission"),
    (|require| require.permission("a")?.scope("b"), r#""b""#, r#"["a"]"#, ""),
    (|require| require.permission("a")?.scope("b"), r#""c""#, r#"["a"]"#, "insufficient_scope"),
    // What cannot be read grants nothing.
    (|require| require.scope("a"), r#"["a"]"#, "[]", "claims_shape"),
    (|require| require.scope("a"), r#""a""#, r#""a""#, "claims_shape"),
    (|require| require.permission("a"), r#""""#, r#"["a",1]"#, "claims_shape"),
    // And what is not asked for is not looked at.
    (Ok, r#"["a"]"#, r#""a""#, ""),
];

#[tokio::test]
async fn scopes_and_permissions_are_demanded_before_the_service_runs() {
    let scene = Scene::new().await;
    for (at, (demanding, scope, permissions, code)) in DEMANDS.iter().enumerate() {
        let require = demanding(scene.require()).unwrap();
        let claims = format!("{{\"scope\":{scope},\"permissions\":{permissions}}}");
        let calls = scene.calls();
        let answer = scene.bearer(&require, &scene.token_with(&serde_json::from_str(&claims).unwrap())).await;
        let case = format!("{at}: {claims}");
        match *code {
            "" => assert_eq!(answer.status, StatusCode::OK, "{case}: {}", answer.body),
            "claims_shape" => answer.check(401, code, &case),
            _ => answer.check(403, code, &case),
        }
        assert_eq!(scene.calls() - calls, usize::from(code.is_empty()), "{case}");
    }
}

#[tokio::test]
async fn demand_that_no_token_could_meet_is_refused_when_it_is_made() {
    let scene = Scene::new().await;
    let cases: [(Demanding, &str); 6] = [
        (|require| require.scope(""), "config_scope_malformed"),
        (|require| require.scope("a b"), "config_scope_malformed"),
        (|require| require.any_scope(["a", "\""]), "config_scope_malformed"),
        (|require| require.any_scope([""; 0]), "config_scopes_empty"),
        (|require| require.permission(""), "config_scope_malformed"),
        (|require| require.permission("a b"), "config_scope_malformed"),
    ];
    for (demanding, code) in cases {
        assert_eq!(demanding(scene.require()).err().map(|error| error.code()), Some(code));
    }
}

#[tokio::test]
async fn challenge_says_what_the_resource_needs_and_where_its_metadata_is() {
    let scene = Scene::new().await;
    let settings = ChallengeSettings::new().realm("things").unwrap().resource_metadata(METADATA).unwrap();
    let require = scene.require().challenge(settings).scope("a").unwrap().any_scope(["b", "c"]).unwrap();
    let needed = format!("scope=\"a b\", resource_metadata=\"{METADATA}\"");
    let missing = scene.call(&require, &[]).await;
    assert_eq!(missing.header(WWW_AUTHENTICATE), format!("Bearer realm=\"things\", {needed}"));
    let cases = [("x".to_owned(), "invalid_token"), (scene.token(), "insufficient_scope")];
    for (token, error) in cases {
        let answer = scene.bearer(&require, &token).await;
        let challenge = answer.header(WWW_AUTHENTICATE);
        let start = format!("Bearer realm=\"things\", error=\"{error}\", error_description=\"");
        assert!(challenge.starts_with(&start) && challenge.ends_with(&needed), "{challenge}");
    }
    let plain = scene.call(&scene.require(), &[]).await;
    assert_eq!(plain.header(WWW_AUTHENTICATE), "Bearer");
}

#[tokio::test]
async fn permission_is_not_asked_for_as_a_scope() {
    let scene = Scene::new().await;
    let require = scene.require().permission("read:things").unwrap();
    let answer = scene.bearer(&require, &scene.token()).await;
    let challenge = answer.header(WWW_AUTHENTICATE);
    assert!(challenge.starts_with("Bearer error=\"insufficient_scope\", error_description="), "{challenge}");
    assert!(!challenge.contains(" scope="), "{challenge}");
    assert!(answer.problem().detail.contains("read:things"));
}

#[tokio::test]
async fn issuer_that_is_down_is_unavailable_for_tokens_only() {
    let scene = Scene::new().await;
    scene.issuer.serve(FakeIssuer::KEY_SET, Reply::status(503).header("retry-after", "77"));
    for require in [scene.require(), scene.require().optional()] {
        let answer = scene.bearer(&require, &scene.token()).await;
        answer.check(503, "issuer_unavailable", "no keys");
        assert_eq!((answer.header(RETRY_AFTER), answer.header(WWW_AUTHENTICATE)), ("77", ""));
    }
    assert_eq!(scene.calls(), 0);
    let answer = scene.call(&scene.require().optional(), &[]).await;
    assert_eq!((answer.status, scene.calls()), (StatusCode::OK, 1), "nobody's request needs no keys");
}

/// Ready once for each poll; its clones are not.
struct OncePolled {
    is_ready: bool,
}

impl Clone for OncePolled {
    fn clone(&self) -> Self {
        Self { is_ready: false }
    }
}

impl Service<Request<()>> for OncePolled {
    type Response = Response<Full<bytes::Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called without having been polled ready");
        std::future::ready(Ok(Response::default()))
    }
}

#[tokio::test]
async fn service_that_was_polled_ready_is_the_one_that_is_called() {
    let scene = Scene::new().await;
    let mut protected = scene.require().layer(OncePolled { is_ready: false });
    for _ in 0..2 {
        let request = Request::get("/").header(AUTHORIZATION, format!("Bearer {}", scene.token()));
        let response = protected.ready().await.unwrap().call(request.body(()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
}
