//! The extractors, the middleware and the metadata in a real application, against a scripted issuer.
//!
//! Who gets in and in which words everybody else is answered is tried in `jwksmith-tower`; here it is that the same answers
//! leave an application of actix-web.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where its set-up fails")]

use std::sync::Arc;

use actix_web::App;
use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::rt::System;
use actix_web::test::{TestRequest, init_service, read_body};
use actix_web::web::{self, ReqData, ServiceConfig};
use jwksmith_actix::{
    Bearer, ChallengeSettings, Claims, OptionalClaims, Protect, Rejection, RequireToken, ResourceMetadata,
    metadata_resource,
};
use jwksmith_testkit::{FakeIssuer, Reply, TestKey};
use jwksmith_verifier::{AccessClaims, Algorithm, Clock as _, Policy, SystemClock, Verifier};
use serde::Deserialize;

const AUDIENCE: &str = "http://localhost:3000/v1";
const METADATA: &str = "http://localhost:3000/.well-known/oauth-protected-resource/v1";

/// An issuer with one key, and a verifier that believes it.
struct Scene {
    issuer: FakeIssuer,
    key: TestKey,
    verifier: Arc<Verifier>,
}

/// Claims that ordinary tokens do not have.
#[derive(Deserialize)]
struct Staff {
    #[expect(dead_code, reason = "it is there to be missing")]
    employee_number: u64,
}

#[derive(Deserialize)]
struct Problem {
    status: u16,
    code: String,
}

impl Scene {
    async fn new() -> Self {
        let issuer = FakeIssuer::start().await;
        let key = TestKey::generate(Algorithm::ES256, "first");
        issuer.publish(&[&key]);
        let policy = Policy::new(issuer.issuer(), AUDIENCE, [Algorithm::ES256]).unwrap();
        Self { issuer, key, verifier: Arc::new(Verifier::new(policy).unwrap()) }
    }

    fn token(&self, scope: &str) -> String {
        let mut claims = TestKey::claims(self.issuer.issuer(), AUDIENCE, SystemClock::new().now());
        claims["scope"] = scope.into();
        self.key.sign(&claims)
    }

    fn configure(&self, app: &mut ServiceConfig) {
        let challenge = ChallengeSettings::new().resource_metadata(METADATA).unwrap();
        let require = RequireToken::new(Arc::clone(&self.verifier)).challenge(challenge.clone());
        let readers = Protect(require.clone().scope("read:things").unwrap());
        let readers = web::scope("/middleware")
            .wrap(readers)
            .route("/things", web::get().to(caller))
            .route("/staff", web::get().to(async |_: Claims<Staff>| "staff"))
            .route("/admin", web::get().to(admin));
        let anyone = web::scope("/anyone")
            .wrap(Protect(require.optional()))
            .route("/maybe", web::get().to(caller_or_nobody))
            .route("/claims", web::get().to(caller));
        app.app_data(web::Data::from(Arc::clone(&self.verifier)))
            .app_data(web::Data::new(challenge))
            .service(readers)
            .service(anyone)
            .route("/bearer", web::get().to(bearer))
            .route("/unprotected", web::get().to(caller))
            .route("/unprotected/maybe", web::get().to(caller_or_nobody))
            .service(metadata_resource(&metadata()));
    }
}

fn metadata() -> ResourceMetadata {
    ResourceMetadata::new(AUDIENCE).unwrap().authorization_server("https://tenant.example/").unwrap()
}

async fn caller(Claims(claims): Claims<AccessClaims>) -> String {
    claims.sub.unwrap_or_default()
}

async fn caller_or_nobody(OptionalClaims(claims): OptionalClaims<AccessClaims>) -> String {
    claims.and_then(|claims| claims.sub).unwrap_or_else(|| "nobody".to_owned())
}

async fn bearer(Bearer(token): Bearer<AccessClaims>) -> String {
    token.into_claims().sub.unwrap_or_default()
}

async fn admin(
    Claims(claims): Claims<AccessClaims>,
    challenge: ReqData<ChallengeSettings>,
) -> Result<&'static str, Rejection> {
    if !claims.has_scope("admin") {
        return Err(Rejection::insufficient_scope("admin").with_challenge(&challenge));
    }
    Ok("welcome")
}

struct Answer {
    status: u16,
    headers: Vec<(HeaderName, String)>,
    body: String,
}

impl Answer {
    async fn of<B: MessageBody>(response: ServiceResponse<B>) -> Self {
        let status = response.status().as_u16();
        let text = |value: &actix_web::http::header::HeaderValue| value.to_str().unwrap().to_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.clone(), text(value))).collect();
        let body = String::from_utf8(read_body(response).await.to_vec()).unwrap();
        Self { status, headers, body }
    }

    /// Nothing if there is no such header.
    fn header(&self, name: &HeaderName) -> &str {
        self.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    fn check(&self, status: u16, says: &str, case: &str) {
        assert_eq!(self.status, status, "{case}: {}", self.body);
        if status == 200 {
            return assert_eq!(self.body, says, "{case}");
        }
        assert_eq!(self.header(&CONTENT_TYPE), "application/problem+json", "{case}");
        let problem: Problem = serde_json::from_str(&self.body).unwrap();
        assert_eq!((problem.status, problem.code.as_str()), (status, says), "{case}");
        let challenge = self.header(&WWW_AUTHENTICATE);
        let is_challenged = challenge.contains(&format!("resource_metadata=\"{METADATA}\""));
        assert_eq!(is_challenged, [401, 403].contains(&status), "{case}: {challenge}");
    }
}

/// A request with these `Authorization` headers.
fn request(path: &str, authorization: &[&str]) -> TestRequest {
    authorization
        .iter()
        .fold(TestRequest::get().uri(path), |request, value| request.append_header((AUTHORIZATION, *value)))
}

/// A path, the scope of the token (`-` for no token, `!` for a bad one), the status, and the code or the body.
const ANSWERS: &[(&str, &str, u16, &str)] = &[
    ("/middleware/things", "read:things", 200, "client"),
    ("/middleware/things", "-", 401, "token_missing"),
    ("/middleware/things", "!", 401, "token_malformed"),
    ("/middleware/things", "other", 403, "insufficient_scope"),
    ("/middleware/staff", "read:things", 401, "claims_shape"),
    ("/middleware/admin", "read:things", 403, "insufficient_scope"),
    ("/middleware/admin", "admin", 403, "insufficient_scope"),
    ("/middleware/admin", "read:things admin", 200, "welcome"),
    ("/anyone/maybe", "-", 200, "nobody"),
    ("/anyone/maybe", "!", 401, "token_malformed"),
    ("/anyone/maybe", "other", 200, "client"),
    ("/anyone/claims", "-", 401, "token_missing"),
    ("/anyone/claims", "other", 200, "client"),
    ("/bearer", "other", 200, "client"),
    ("/bearer", "-", 401, "token_missing"),
    ("/bearer", "!", 401, "token_malformed"),
    ("/unprotected", "-", 500, "protection_missing"),
    ("/unprotected", "read:things", 500, "protection_missing"),
    ("/unprotected/maybe", "-", 500, "protection_missing"),
];

#[test]
fn route_answers_by_what_protects_it() {
    System::new().block_on(async {
        let scene = Scene::new().await;
        let app = init_service(App::new().configure(|app| scene.configure(app))).await;
        for (path, scope, status, says) in ANSWERS {
            let authorization = match *scope {
                "-" => Vec::new(),
                "!" => vec!["Bearer not-a-token".to_owned()],
                scope => vec![format!("Bearer {}", scene.token(scope))],
            };
            let authorization: Vec<_> = authorization.iter().map(String::as_str).collect();
            Answer::of(request(path, &authorization).send_request(&app).await).await.check(
                *status,
                says,
                &format!("{path} {scope}"),
            );
        }
    });
}

#[test]
fn bad_credentials_reach_no_handler() {
    System::new().block_on(async {
        let scene = Scene::new().await;
        let app = init_service(App::new().configure(|app| scene.configure(app))).await;
        let token = scene.token("read:things");
        let good = format!("Bearer {token}");
        let bad: [&[&str]; 6] =
            [&[""], &["Basic eDp5"], &[&token], &[&good, &good], &["", &good], &["Bearer a", &good]];
        for authorization in bad {
            for path in ["/bearer", "/middleware/things", "/anyone/maybe"] {
                let case = format!("{path} {authorization:?}");
                Answer::of(request(path, authorization).send_request(&app).await).await.check(
                    401,
                    "token_malformed",
                    &case,
                );
            }
        }
        Answer::of(request("/bearer", &[&good]).send_request(&app).await).await.check(
            200,
            "client",
            "the good one",
        );
    });
}

#[test]
fn issuer_that_is_down_is_unavailable() {
    System::new().block_on(async {
        let scene = Scene::new().await;
        scene.issuer.serve(FakeIssuer::KEY_SET, Reply::status(503).header("retry-after", "77"));
        let app = init_service(App::new().configure(|app| scene.configure(app))).await;
        let bearer = format!("Bearer {}", scene.token("read:things"));
        for path in ["/bearer", "/middleware/things", "/anyone/maybe"] {
            let answer = Answer::of(request(path, &[&bearer]).send_request(&app).await).await;
            answer.check(503, "issuer_unavailable", path);
            let seconds: u64 = answer.header(&RETRY_AFTER).parse().unwrap();
            assert!((70..=77).contains(&seconds), "{path}: {seconds}");
        }
    });
}

#[test]
fn application_without_a_verifier_lets_nobody_in() {
    System::new().block_on(async {
        let scene = Scene::new().await;
        let app = init_service(App::new().route("/bearer", web::get().to(bearer))).await;
        for authorization in [vec![], vec![format!("Bearer {}", scene.token("a"))]] {
            let authorization: Vec<_> = authorization.iter().map(String::as_str).collect();
            Answer::of(request("/bearer", &authorization).send_request(&app).await).await.check(
                500,
                "protection_missing",
                "no verifier",
            );
        }
    });
}

#[test]
fn metadata_is_served_where_the_challenge_says_to_whoever_has_no_token() {
    System::new().block_on(async {
        let scene = Scene::new().await;
        let app = init_service(App::new().configure(|app| scene.configure(app))).await;
        let path = METADATA.strip_prefix("http://localhost:3000").unwrap();
        let answer = Answer::of(request(path, &[]).send_request(&app).await).await;
        answer.check(200, &metadata().to_json(), path);
        assert_eq!(answer.header(&CONTENT_TYPE), "application/json");
        assert_eq!(answer.header(&HeaderName::from_static("access-control-allow-origin")), "*");
        let written = TestRequest::post().uri(path).send_request(&app).await;
        assert_eq!(written.status().as_u16(), 405);
        assert_eq!(
            Answer::of(request("/.well-known/oauth-protected-resource", &[]).send_request(&app).await)
                .await
                .status,
            404
        );
    });
}
