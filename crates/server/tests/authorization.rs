//! Who may call what: every endpoint of the server's list, with every kind of caller.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where its set-up fails")]

use std::sync::Arc;

use jwksmith_jose::Algorithm;
use jwksmith_server::routes::{Access, ROUTES, Route};
use jwksmith_testkit::{ManualClock, TestApp, TestKey};
use jwksmith_verifier::UnixTime;
use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, WWW_AUTHENTICATE};

const START: UnixTime = UnixTime::from_seconds(1_800_000_000);

/// Who is expected to be allowed where; an endpoint that is missing here, or only here, fails the test.
const EXPECTED: [(&str, &str, Access); 13] = [
    ("GET", "/.well-known/jwks.json", Access::Public),
    ("GET", "/.well-known/openid-configuration", Access::Public),
    ("GET", "/.well-known/oauth-authorization-server", Access::Public),
    ("GET", "/pem", Access::Public),
    ("GET", "/cer", Access::Public),
    ("GET", "/rawpem", Access::Public),
    ("GET", "/pb7", Access::Public),
    ("GET", "/fingerprint", Access::Public),
    ("POST", "/oauth/token", Access::Client),
    ("GET", "/api/v2/keys/signing", Access::Scopes(&["read:signing_keys"])),
    ("GET", "/api/v2/keys/signing/{kid}", Access::Scopes(&["read:signing_keys"])),
    ("POST", "/api/v2/keys/signing/rotate", Access::Scopes(&["create:signing_keys", "update:signing_keys"])),
    ("PUT", "/api/v2/keys/signing/{kid}/revoke", Access::Scopes(&["update:signing_keys"])),
];

#[test]
fn list_of_endpoints_is_the_expected_one() {
    let listed: Vec<_> =
        ROUTES.iter().map(|route| (route.method.as_str(), route.path, route.access)).collect();
    assert_eq!(listed, EXPECTED);
}

fn request(app: &TestApp, route: &Route) -> RequestBuilder {
    let path = route.path.replace("{kid}", "unknown");
    app.http().request(route.method.clone(), app.url(path.trim_start_matches('/')))
}

fn guarded() -> impl Iterator<Item = (&'static Route, &'static [&'static str])> {
    ROUTES.iter().filter_map(|route| match route.access {
        Access::Scopes(scopes) => Some((route, scopes)),
        Access::Public | Access::Client => None,
    })
}

#[tokio::test]
async fn callers_without_a_good_token_are_turned_away_everywhere() {
    let clock = Arc::new(ManualClock::new(START));
    let app = TestApp::start(Arc::clone(&clock)).await;
    let audience = app.management_audience();
    let good = app.token(&audience).await;
    let stranger = TestKey::generate(Algorithm::RS256, "stranger");
    let mut claims = TestKey::claims(app.issuer(), &audience, START);
    claims["scope"] = "read:signing_keys create:signing_keys update:signing_keys".into();
    let own_kid = app.key_set().await["keys"][0]["kid"].as_str().unwrap().to_owned();
    let headers = [
        (None, "token_missing"),
        (Some(String::new()), "token_malformed"),
        (Some("Bearer".to_owned()), "token_malformed"),
        (Some(format!("bearer {good}")), "token_malformed"),
        (Some(format!("Bearer  {good}")), "token_malformed"),
        (Some(format!("Bearer\t{good}")), "token_malformed"),
        (Some(format!("Basic {good}")), "token_malformed"),
        (Some("Bearer x.y.z".to_owned()), "token_encoding"),
        (Some(format!("Bearer {}", app.token(TestApp::AUDIENCE).await)), "aud_mismatch"),
        (Some(format!("Bearer {}", stranger.sign(&claims))), "kid_unknown"),
        (Some(format!("Bearer {}", stranger.sign_as(Some(&own_kid), &claims))), "signature_invalid"),
        (Some(format!("Bearer {}", &good[..good.len() - 2])), "signature_invalid"),
    ];
    for (route, _) in guarded() {
        for (header, code) in &headers {
            let mut request = request(&app, route);
            if let Some(header) = header {
                request = request.header(AUTHORIZATION, header);
            }
            let response = request.send().await.unwrap();
            let challenge = response.headers()[WWW_AUTHENTICATE].to_str().unwrap().to_owned();
            let expected = if *code == "token_missing" { "Bearer" } else { "Bearer error=\"invalid_token\"" };
            assert_eq!(
                (response.status().as_u16(), challenge.as_str()),
                (401, expected),
                "{} {code}",
                route.path
            );
            let body: serde_json::Value = response.json().await.unwrap();
            assert_eq!(body["errorCode"], *code, "{} {body}", route.path);
        }
    }
    clock.advance(86_400 + 60);
    for (route, _) in guarded() {
        let response = request(&app, route).bearer_auth(&good).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 401, "{} with an expired token", route.path);
    }
}

#[tokio::test]
async fn every_missing_scope_is_noticed() {
    let app = TestApp::start(Arc::new(ManualClock::new(START))).await;
    let all = ["read:signing_keys", "create:signing_keys", "update:signing_keys"];
    for (route, required) in guarded() {
        for missing in required {
            let rest: Vec<_> = all.into_iter().filter(|scope| scope != missing).collect();
            let token = app.scoped_token(&app.management_audience(), Some(&rest.join(" "))).await;
            let response = request(&app, route).bearer_auth(token).send().await.unwrap();
            let challenge = response.headers()[WWW_AUTHENTICATE].to_str().unwrap().to_owned();
            assert_eq!(response.status().as_u16(), 403, "{} without {missing}", route.path);
            assert_eq!(
                challenge,
                format!("Bearer error=\"insufficient_scope\", scope=\"{}\"", required.join(" "))
            );
        }
        let token = app.scoped_token(&app.management_audience(), Some(&required.join(" "))).await;
        let status = request(&app, route).bearer_auth(token).send().await.unwrap().status().as_u16();
        assert!(![401, 403].contains(&status), "{} with its scopes: {status}", route.path);
    }
}

#[tokio::test]
async fn token_of_a_revoked_key_is_refused_at_once() {
    let app = TestApp::start(Arc::new(ManualClock::new(START))).await;
    let old = app.token(&app.management_audience()).await;
    let old_kid = app.key_set().await["keys"][0]["kid"].as_str().unwrap().to_owned();
    app.rotate().await;
    let list = || app.http().get(app.url("api/v2/keys/signing")).bearer_auth(&old).send();
    assert_eq!(list().await.unwrap().status().as_u16(), 200);
    app.revoke(&old_kid).await;
    assert_eq!(list().await.unwrap().status().as_u16(), 401);
}
