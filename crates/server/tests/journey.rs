//! A token's whole journey over real sockets: publish, issue, locate, verify, rotate, revoke, restart.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where its set-up fails")]

use std::sync::Arc;
use std::time::Duration;

use jwksmith_server::self_check;
use jwksmith_testkit::{ManualClock, TestApp};
use jwksmith_verifier::{AccessClaims, Algorithm, CacheSettings, Policy, TrustedIssuer, UnixTime, Verifier};
use serde_json::Value;

const START: UnixTime = UnixTime::from_seconds(1_800_000_000);
const FLOOR: u64 = 10;
const KEY_SET: &str = "/.well-known/jwks.json";

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(START))
}

fn verifier(app: &TestApp, clock: &Arc<ManualClock>, algorithm: Algorithm, audience: &str) -> Verifier {
    let policy = Policy::new(app.issuer(), audience, [algorithm]).unwrap().token_type("at+jwt").unwrap();
    let cache = CacheSettings { floor: Duration::from_secs(FLOOR), ..CacheSettings::default() };
    let clock = Arc::clone(clock);
    Verifier::builder(TrustedIssuer::new(policy).cache(cache)).clock(clock).build().unwrap()
}

async fn verdict(verifier: &Verifier, token: &str) -> &'static str {
    match verifier.verify::<AccessClaims>(token).await {
        Ok(_) => "ok",
        Err(error) => error.code(),
    }
}

fn kids(key_set: &Value) -> Vec<String> {
    let keys = key_set["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn signing_kid(token: &str) -> String {
    let header = jwksmith_jose::danger::decode_unverified(token).unwrap().header;
    let header: Value = serde_json::from_str(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn journey_from_publication_to_revocation_across_restarts() {
    let clock = clock();
    let app = TestApp::start(Arc::clone(&clock)).await;
    let verifier = verifier(&app, &clock, Algorithm::RS256, TestApp::AUDIENCE);

    let fresh = kids(&app.key_set().await);
    assert_eq!(fresh.len(), 2, "a fresh tenant publishes its current and its next key");
    let first = app.token(TestApp::AUDIENCE).await;
    assert_eq!(signing_kid(&first), fresh[0]);
    assert_eq!(verdict(&verifier, &first).await, "ok");

    let next = app.rotate().await;
    let rotated = kids(&app.key_set().await);
    let fetches = app.requests(KEY_SET);
    assert_eq!(rotated, [fresh[1].clone(), next.clone(), fresh[0].clone()], "current, next, previous");
    let second = app.token(TestApp::AUDIENCE).await;
    assert_eq!(signing_kid(&second), fresh[1], "the published next key signs now");
    assert_eq!(verdict(&verifier, &first).await, "ok");
    assert_eq!(verdict(&verifier, &second).await, "ok");
    assert_eq!(app.requests(KEY_SET), fetches, "the verifier needed no fetch");

    let app = app.restart().await;
    assert_eq!(kids(&app.key_set().await), rotated, "a restart finds everything again");
    let third = app.token(TestApp::AUDIENCE).await;
    assert_eq!(signing_kid(&third), fresh[1]);
    assert_eq!(verdict(&verifier, &third).await, "ok");

    app.revoke(&fresh[0]).await;
    assert_eq!(kids(&app.key_set().await), [fresh[1].clone(), next], "the revoked key is out at once");
    assert_eq!(verdict(&verifier, &first).await, "ok", "the verifier's set is fresh, and still has it");
    clock.advance(300);
    assert_eq!(verdict(&verifier, &first).await, "kid_unknown", "after the refresh the old token is refused");
    assert_eq!(verdict(&verifier, &second).await, "ok");

    let app = app.restart().await;
    assert_eq!(verdict(&verifier, &app.token(TestApp::AUDIENCE).await).await, "ok");
}

#[tokio::test]
async fn rotation_twice_is_found_by_the_one_more_try() {
    let clock = clock();
    let app = TestApp::start(Arc::clone(&clock)).await;
    let verifier = verifier(&app, &clock, Algorithm::RS256, TestApp::AUDIENCE);
    assert_eq!(verdict(&verifier, &app.token(TestApp::AUDIENCE).await).await, "ok");
    app.rotate().await;
    app.rotate().await;
    clock.advance(FLOOR);
    assert_eq!(verdict(&verifier, &app.token(TestApp::AUDIENCE).await).await, "ok");
}

#[tokio::test]
async fn thousand_unknown_kids_cost_what_burst_and_floor_allow_while_good_tokens_pass() {
    let clock = clock();
    let app = TestApp::start(Arc::clone(&clock)).await;
    let verifier = verifier(&app, &clock, Algorithm::RS256, TestApp::AUDIENCE);
    let good = app.token(TestApp::AUDIENCE).await;
    assert_eq!(verdict(&verifier, &good).await, "ok");

    let forger = jwksmith_testkit::TestKey::generate(Algorithm::RS256, "unused");
    let claims = jwksmith_testkit::TestKey::claims(app.issuer(), TestApp::AUDIENCE, START);
    for n in 0..1_000 {
        if n % 250 == 0 {
            clock.advance(FLOOR);
        }
        let made_up = forger.sign_as(Some(&format!("made-up-{n}")), &claims);
        assert_eq!(verdict(&verifier, &made_up).await, "kid_unknown");
        assert_eq!(verdict(&verifier, &good).await, "ok");
    }
    let burst = usize::try_from(CacheSettings::default().burst).unwrap();
    assert_eq!(app.requests(KEY_SET), burst + 4, "the burst, and one for each floor that passed");
}

#[tokio::test]
async fn every_api_algorithm_is_issued_and_verified() {
    let clock = clock();
    let app = TestApp::start(Arc::clone(&clock)).await;
    let (es256, hs256) = ("https://es256.example/", "https://hs256.example/");
    app.add_api(es256, Algorithm::ES256).await;
    app.add_api(hs256, Algorithm::HS256).await;

    let token = app.token(es256).await;
    assert_eq!(verdict(&verifier(&app, &clock, Algorithm::ES256, es256), &token).await, "ok");
    let key_set = app.key_set().await;
    let algorithms: Vec<_> =
        key_set["keys"].as_array().unwrap().iter().map(|key| key["alg"].clone()).collect();
    assert_eq!(algorithms, ["RS256", "RS256", "ES256", "ES256"], "RSA first: some clients look no further");

    // A shared secret is in no key set: whoever has it verifies with it.
    let token = app.token(hs256).await;
    let tenant = app.authority().tenant(app.tenant()).unwrap();
    let secret = app.authority().api_secret(&tenant, hs256).unwrap();
    let jwk = serde_json::json!({ "kty": "oct", "alg": "HS256", "k": jwksmith_jose::base64url_encode(secret.expose()) });
    let local =
        jwksmith_jose::KeySet::parse_local(serde_json::json!({ "keys": [jwk] }).to_string().as_bytes())
            .unwrap();
    let policy = Policy::new(app.issuer(), hs256, [Algorithm::HS256]).unwrap();
    assert!(jwksmith_jose::verify::<AccessClaims>(&token, &local, &policy, START).is_ok());
    let asymmetric = verifier(&app, &clock, Algorithm::RS256, hs256);
    assert_eq!(verdict(&asymmetric, &token).await, "alg_not_allowed");
}

#[tokio::test]
async fn self_check_sees_the_issuer_as_its_users_do() {
    let app = TestApp::start(Arc::new(ManualClock::new(now()))).await;
    let tenant = app.authority().tenant(app.tenant()).unwrap();
    let (client_id, client_secret) = app.credentials();
    let request = jwksmith_authority::TokenRequest {
        client_id,
        client_secret,
        audience: TestApp::AUDIENCE,
        scope: None,
    };
    let token = app.authority().issue(&tenant, &request, now()).unwrap();
    self_check(app.issuer(), TestApp::AUDIENCE, Algorithm::RS256, &token).await.unwrap();
    assert!(self_check(app.issuer(), "https://other.example/", Algorithm::RS256, &token).await.is_err());
    assert!(self_check("http://localhost:1/", TestApp::AUDIENCE, Algorithm::RS256, &token).await.is_err());
}

/// The self-check goes by the system's clock.
fn now() -> UnixTime {
    use jwksmith_verifier::Clock as _;
    jwksmith_verifier::SystemClock::new().now()
}
