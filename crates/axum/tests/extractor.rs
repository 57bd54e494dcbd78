//! The extractor in a real router, against a scripted issuer: who gets in, who is turned away, and in which words.
//!
//! What makes a token good or bad is tried in the crates below; here it is what the caller sees of it (RFC 6750 §3,
//! RFC 9457), and that no handler runs for a caller who was turned away.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where its set-up fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, to_bytes};
use axum::extract::{FromRef, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::get;
use axum::{Json, Router};
use jwksmith_axum::{Bearer, Rejection};
use jwksmith_testkit::{FakeIssuer, ManualClock, Reply, TestKey};
use jwksmith_verifier::{AccessClaims, Algorithm, Clock as _, Policy, PolicyError, UnixTime, Verifier};
use serde::Deserialize;
use tower::ServiceExt as _;

const AUDIENCE: &str = "https://api.example/";
const BODY_BYTES_MAX: usize = 4096;
const INVALID_TOKEN: &str = "Bearer error=\"invalid_token\"";

/// An issuer with one key, and an API that believes it.
struct Scene {
    issuer: FakeIssuer,
    clock: Arc<ManualClock>,
    key: TestKey,
    app: Router,
    calls: Arc<AtomicUsize>,
}

#[derive(Clone)]
struct AppState {
    verifier: Arc<Verifier>,
    /// How often a handler ran.
    calls: Arc<AtomicUsize>,
}

impl FromRef<AppState> for Arc<Verifier> {
    fn from_ref(state: &AppState) -> Self {
        Arc::clone(&state.verifier)
    }
}

/// Claims that ordinary tokens do not have.
#[derive(Deserialize)]
struct Staff {
    employee_number: u64,
}

impl Scene {
    async fn new() -> Self {
        Self::demanding(Ok).await
    }

    /// A scene whose policy demands more.
    async fn demanding(more: impl FnOnce(Policy) -> Result<Policy, PolicyError>) -> Self {
        let issuer = FakeIssuer::start().await;
        let clock = Arc::new(ManualClock::new(UnixTime::from_seconds(1_800_000_000)));
        let key = TestKey::generate(Algorithm::ES256, "first");
        issuer.publish(&[&key]);
        let policy = Policy::new(issuer.issuer(), AUDIENCE, [Algorithm::ES256]).unwrap();
        let verifier = Verifier::builder(more(policy).unwrap()).clock(clock.clone()).build().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let app = app(AppState { verifier: Arc::new(verifier), calls: Arc::clone(&calls) });
        Self { issuer, clock, key, app, calls }
    }

    fn token(&self) -> String {
        self.key.access_token(self.issuer.issuer(), AUDIENCE, self.clock.now())
    }

    /// A token with one claim changed before it was signed.
    fn token_with(&self, claim: &str, value: &str) -> String {
        let mut claims = TestKey::claims(self.issuer.issuer(), AUDIENCE, self.clock.now());
        claims[claim] = value.into();
        self.key.sign(&claims)
    }

    async fn bearer(&self, path: &str, token: &str) -> Answer {
        self.call(path, &[format!("Bearer {token}").as_bytes()]).await
    }

    /// A request with these `Authorization` headers.
    async fn call(&self, path: &str, authorization: &[&[u8]]) -> Answer {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        for value in authorization {
            request.headers_mut().append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        Answer::of(self.app.clone().oneshot(request).await.unwrap()).await
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

fn app(state: AppState) -> Router {
    Router::new()
        .route("/things", get(things))
        .route("/admin", get(admin))
        .route("/staff", get(staff))
        .with_state(state)
}

async fn things(State(state): State<AppState>, Bearer(token): Bearer<AccessClaims>) -> String {
    state.calls.fetch_add(1, Ordering::SeqCst);
    token.claims().sub.clone().unwrap_or_default()
}

async fn admin(Bearer(token): Bearer<AccessClaims>) -> Result<&'static str, Rejection> {
    if !token.claims().has_scope("admin") {
        return Err(Rejection::insufficient_scope("admin"));
    }
    Ok("welcome")
}

async fn staff(State(state): State<AppState>, Bearer(token): Bearer<Staff>) -> String {
    state.calls.fetch_add(1, Ordering::SeqCst);
    token.claims().employee_number.to_string()
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// RFC 9457 §3.1 and the code. Nothing else may be said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    detail: String,
    code: String,
}

impl Answer {
    async fn of(response: axum::response::Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap().to_vec();
        Self { status: parts.status, headers: parts.headers, body }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Nothing if there is no such header.
    fn header(&self, name: HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The problem document, which must agree with the answer that carries it.
    fn problem(&self) -> Problem {
        assert_eq!(self.header(CONTENT_TYPE), "application/problem+json", "{}", self.text());
        let Json(problem) = Json::<Problem>::from_bytes(&self.body).unwrap();
        assert_eq!((problem.status, problem.kind.as_str()), (self.status.as_u16(), "about:blank"));
        assert_eq!(Some(problem.title.as_str()), self.status.canonical_reason());
        problem
    }

    /// Fails unless this is a 401 with this challenge and this code.
    fn check_unauthorized(&self, challenge: &str, code: &str, case: &str) {
        assert_eq!(self.status, StatusCode::UNAUTHORIZED, "{case}: {}", self.text());
        assert_eq!(self.undescribed_challenge(), challenge, "{case}");
        assert_eq!(self.header(RETRY_AFTER), "", "{case}");
        assert_eq!(self.problem().code, code, "{case}");
    }

    /// The challenge without its `error_description`, which is for people and must be there for every error.
    fn undescribed_challenge(&self) -> String {
        let challenge = self.header(WWW_AUTHENTICATE);
        let Some((before, rest)) = challenge.split_once(", error_description=\"") else {
            assert!(!challenge.contains("error"), "{challenge}");
            return challenge.to_owned();
        };
        let (description, after) = rest.split_once('"').unwrap();
        assert!(description.len() > 10, "{challenge}");
        format!("{before}{after}")
    }
}

#[tokio::test]
async fn good_token_reaches_the_handler_with_its_claims() {
    let scene = Scene::new().await;
    let answer = scene.bearer("/things", &scene.token()).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, "client"));
    assert_eq!(scene.calls(), 1);
}

/// `TOKEN` stands for a good token in each of them.
const BAD_HEADERS: [&str; 16] = [
    "",
    "Bearer",
    "Bearer ",
    "bearer TOKEN",
    "BEARER TOKEN",
    "Bearer  TOKEN",
    "Bearer\tTOKEN",
    "Bearer TOKEN ",
    "Bearer TOKEN TOKEN",
    "Bearer TOKEN, Bearer TOKEN",
    "Bearer: TOKEN",
    " Bearer TOKEN",
    "TOKEN",
    "Basic TOKEN",
    "DPoP TOKEN",
    "Bearer \u{e9}",
];

#[tokio::test]
async fn bad_header_is_challenged_and_reaches_no_handler() {
    let scene = Scene::new().await;
    let token = scene.token();
    let header = |form: &str| form.replace("TOKEN", &token).into_bytes();
    for form in BAD_HEADERS {
        let answer = scene.call("/things", &[&header(form)]).await;
        answer.check_unauthorized(INVALID_TOKEN, "token_malformed", form);
    }
    let good = header("Bearer TOKEN");
    for repeated in [[&good[..], &good], [&good, b""], [b"Basic eDp5", &good]] {
        let answer = scene.call("/things", &repeated).await;
        answer.check_unauthorized(INVALID_TOKEN, "token_malformed", "repeated");
    }
    scene.call("/things", &[]).await.check_unauthorized("Bearer", "token_missing", "no header");
    assert_eq!(scene.calls(), 0);
    assert_eq!(scene.issuer.requests(FakeIssuer::KEY_SET), 0, "none of these is worth a fetch");
}

#[tokio::test]
async fn token_in_the_query_is_ignored() {
    let scene = Scene::new().await;
    let token = scene.token();
    for path in [format!("/things?access_token={token}"), format!("/things?token={token}")] {
        scene.call(&path, &[]).await.check_unauthorized("Bearer", "token_missing", &path);
        scene.bearer(&path, "a.b").await.check_unauthorized(INVALID_TOKEN, "token_malformed", &path);
    }
    assert_eq!(scene.calls(), 0);
}

#[tokio::test]
async fn refused_token_is_challenged_with_its_stable_code() {
    let scene = Scene::new().await;
    let token = scene.token();
    let stranger = TestKey::generate(Algorithm::ES256, "first");
    let unknown = TestKey::generate(Algorithm::ES256, "unknown");
    let claims = TestKey::claims(scene.issuer.issuer(), AUDIENCE, scene.clock.now());
    let (head, _) = token.split_once('.').unwrap();
    // With a key set at hand the signature is judged before the claims.
    assert_eq!(scene.bearer("/things", &token).await.status, StatusCode::OK);
    let cases = [
        ("not-a-token".to_owned(), "token_malformed"),
        (format!("{head}=.e30.AA"), "token_encoding"),
        ("eyJhbGciOiJub25lIn0.e30.".to_owned(), "alg_none"),
        ("eyJhbGciOiJIUzI1NiJ9.e30.AA".to_owned(), "alg_not_allowed"),
        (format!("{token}{}", "A".repeat(16 * 1024)), "token_too_large"),
        (format!("{head}.e30.AA"), "signature_invalid"),
        (stranger.sign(&claims), "signature_invalid"),
        (unknown.sign(&claims), "kid_unknown"),
        (scene.token_with("iss", "https://other.example/"), "iss_mismatch"),
        (scene.token_with("aud", "https://other.example/"), "aud_mismatch"),
        (scene.token_with("exp", "tomorrow"), "claim_type"),
    ];
    for (token, code) in &cases {
        let answer = scene.bearer("/things", token).await;
        answer.check_unauthorized(INVALID_TOKEN, code, code);
        let signature = token.rsplit('.').next().filter(|signature| signature.len() > 2);
        let repeated = signature.is_some_and(|signature| answer.text().contains(signature));
        assert!(!repeated || *code == "token_malformed", "{code} repeats the token: {}", answer.text());
    }
    scene.clock.advance(2 * 3600);
    let late = scene.bearer("/things", &token).await;
    late.check_unauthorized(INVALID_TOKEN, "token_expired", "an hour too late");
    assert_eq!(scene.calls(), 1, "for the good token only");
}

#[tokio::test]
async fn claims_that_do_not_fit_the_handler_refuse_the_token() {
    let scene = Scene::new().await;
    let cases = [scene.token(), scene.token_with("employee_number", "7")];
    for token in cases {
        let answer = scene.bearer("/staff", &token).await;
        answer.check_unauthorized(INVALID_TOKEN, "claims_shape", "no employee number");
    }
    assert_eq!(scene.calls(), 0);
    let mut claims = TestKey::claims(scene.issuer.issuer(), AUDIENCE, scene.clock.now());
    claims["employee_number"] = 7.into();
    let answer = scene.bearer("/staff", &scene.key.sign(&claims)).await;
    assert_eq!((answer.status, answer.text(), scene.calls()), (StatusCode::OK, "7", 1));
}

#[tokio::test]
async fn missing_scope_is_forbidden_and_named() {
    let scene = Scene::new().await;
    for scope in ["read:things", "administrator", "ADMIN", "read:admin", "admin,read:things", ""] {
        let answer = scene.bearer("/admin", &scene.token_with("scope", scope)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{scope}");
        let challenge = "Bearer error=\"insufficient_scope\", scope=\"admin\"";
        assert_eq!(answer.undescribed_challenge(), challenge, "{scope}");
        let problem = answer.problem();
        assert_eq!(problem.code, "insufficient_scope", "{scope}");
        assert!(problem.detail.contains("admin"), "{}", problem.detail);
    }
    let answer = scene.bearer("/admin", &scene.token_with("scope", "read:things admin")).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, "welcome"));
}

#[tokio::test]
async fn scope_that_the_policy_demands_is_forbidden_and_named_as_well() {
    let scene = Scene::demanding(|policy| policy.scope("read:things")).await;
    let answer = scene.bearer("/things", &scene.token_with("scope", "write:things")).await;
    assert_eq!((answer.status, scene.calls()), (StatusCode::FORBIDDEN, 0));
    assert_eq!(answer.undescribed_challenge(), "Bearer error=\"insufficient_scope\", scope=\"read:things\"");
    assert_eq!(answer.problem().code, "insufficient_scope");
    let answer = scene.bearer("/things", &scene.token_with("scope", "write:things read:things")).await;
    assert_eq!((answer.status, scene.calls()), (StatusCode::OK, 1));
}

#[tokio::test]
async fn issuer_that_is_down_is_unavailable_and_its_fault_stays_inside() {
    let failures = [
        (FakeIssuer::DISCOVERY, Reply::status(500)),
        (FakeIssuer::DISCOVERY, Reply::text("<html>we are down</html>")),
        (FakeIssuer::KEY_SET, Reply::status(503)),
        (FakeIssuer::KEY_SET, Reply::text("{}")),
    ];
    for (path, reply) in failures {
        let scene = Scene::new().await;
        scene.issuer.serve(path, reply);
        let answer = scene.bearer("/things", &scene.token()).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text());
        assert_eq!(answer.header(WWW_AUTHENTICATE), "", "nothing is known against the token");
        assert!(answer.header(RETRY_AFTER).parse::<u64>().unwrap() >= 1);
        let problem = answer.problem();
        assert_eq!(problem.code, "issuer_unavailable");
        for inside in ["127.0.0.1", "http", ".well-known", "500", "503", "html", "discovery"] {
            assert!(!problem.detail.contains(inside), "{inside}: {}", problem.detail);
        }
        assert_eq!(scene.calls(), 0);
    }
}

#[tokio::test]
async fn unavailable_answer_passes_on_how_long_to_wait() {
    let scene = Scene::new().await;
    scene.issuer.serve(FakeIssuer::KEY_SET, Reply::status(503).header("retry-after", "77"));
    let answer = scene.bearer("/things", &scene.token()).await;
    assert_eq!(answer.header(RETRY_AFTER), "77");
}

#[tokio::test]
async fn scope_that_no_header_can_carry_is_left_out_of_the_challenge() {
    for scope in ["a\nb", "a\r\nset-cookie: x=1", "a\0b", "a\u{7f}", "a\", error=\"x", "a\\", "\u{e9}"] {
        let answer = Answer::of(Rejection::insufficient_scope(scope).into_response()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{scope:?}");
        assert_eq!(answer.headers.len(), 2, "the content type and the challenge: {:?}", answer.headers);
        assert_eq!(answer.undescribed_challenge(), "Bearer error=\"insufficient_scope\"", "{scope:?}");
        assert_eq!(answer.problem().code, "insufficient_scope", "{scope:?}");
    }
}
