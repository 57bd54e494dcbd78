//! What each endpoint answers, with good and with bad requests.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where its set-up fails")]

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jwksmith_jose::{Certificate, danger};
use jwksmith_testkit::{ManualClock, TestApp};
use jwksmith_verifier::UnixTime;
use reqwest::header::{self, HeaderMap};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

const START: UnixTime = UnixTime::from_seconds(1_800_000_000);

async fn app() -> TestApp {
    TestApp::start(Arc::new(ManualClock::new(START))).await
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }
}

async fn get(app: &TestApp, path: &str) -> Answer {
    Answer::of(app.http().get(app.url(path))).await
}

fn members(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn key_set_has_the_documented_shape_and_nothing_private() {
    let app = app().await;
    let answer = get(&app, ".well-known/jwks.json").await;
    assert_eq!((answer.status, answer.header(header::CONTENT_TYPE)), (200, "application/json"));
    for key in answer.json()["keys"].as_array().unwrap() {
        assert_eq!(members(key), ["alg", "e", "kid", "kty", "n", "use", "x5c", "x5t", "x5t#S256"]);
        assert_eq!((&key["kty"], &key["use"], &key["alg"]), (&"RSA".into(), &"sig".into(), &"RS256".into()));
        let der = STANDARD.decode(key["x5c"][0].as_str().unwrap()).unwrap();
        assert_eq!(Certificate::from_der(&der).unwrap().subject(), "CN=localhost");
    }
    let order =
        ["\"kty\"", "\"use\"", "\"n\"", "\"e\"", "\"kid\"", "\"x5t\"", "\"x5t#S256\"", "\"x5c\"", "\"alg\""];
    let places: Vec<_> = order.iter().map(|member| answer.text().find(member).unwrap()).collect();
    assert!(places.is_sorted(), "{}", answer.text());
}

#[tokio::test]
async fn key_set_is_cacheable_conditional_and_open_to_web_pages() {
    let app = app().await;
    let url = app.url(".well-known/jwks.json");
    let full = get(&app, ".well-known/jwks.json").await;
    let etag = full.header(header::ETAG).to_owned();
    assert!(etag.starts_with('"') && etag.len() > 20, "a strong entity tag: {etag}");
    let cache_control = "public, max-age=300, stale-while-revalidate=60, stale-if-error=3600";
    assert_eq!(full.header(header::CACHE_CONTROL), cache_control);
    assert_eq!((full.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), full.header(header::VARY)), ("*", ""));

    let conditional = |tags: &str| Answer::of(app.http().get(&url).header(header::IF_NONE_MATCH, tags));
    for tags in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
        let unchanged = conditional(&tags).await;
        assert_eq!((unchanged.status, unchanged.body.len()), (304, 0), "{tags}");
        assert_eq!(
            (unchanged.header(header::ETAG), unchanged.header(header::CACHE_CONTROL)),
            (&*etag, cache_control)
        );
    }
    for tags in ["\"other\"", etag.trim_matches('"'), ""] {
        assert_eq!(conditional(tags).await.status, 200, "{tags}");
    }
    let head = Answer::of(app.http().head(&url)).await;
    assert_eq!((head.status, head.header(header::ETAG), head.body.len()), (200, &*etag, 0));
    let preflight = app.http().request(Method::OPTIONS, &url).header(header::ORIGIN, "https://page.example");
    let preflight = preflight.header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET");
    let preflight = preflight.header(header::ACCESS_CONTROL_REQUEST_HEADERS, "if-none-match");
    let preflight = Answer::of(preflight).await;
    assert_eq!(
        (preflight.status, preflight.header(header::ACCESS_CONTROL_ALLOW_HEADERS)),
        (200, "if-none-match")
    );

    app.rotate().await;
    let changed = conditional(&etag).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header(header::ETAG), etag);
}

#[tokio::test]
async fn metadata_names_only_what_is_there() {
    let app = app().await;
    let issuer = app.issuer();
    let oauth = json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}oauth/token"),
        "jwks_uri": format!("{issuer}.well-known/jwks.json"),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    });
    let mut openid = oauth.clone();
    openid["subject_types_supported"] = json!(["public"]);
    openid["id_token_signing_alg_values_supported"] = json!(["RS256"]);
    openid["claims_supported"] = json!(["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope"]);
    for (path, expected) in
        [(".well-known/oauth-authorization-server", oauth), (".well-known/openid-configuration", openid)]
    {
        let answer = get(&app, path).await;
        assert_eq!(answer.json(), expected);
        assert_eq!(answer.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), "*");
        let endpoints = expected.as_object().unwrap().values().filter_map(Value::as_str);
        for url in endpoints.filter(|url| *url != issuer) {
            let status = app.http().get(url).send().await.unwrap().status();
            assert!(status == StatusCode::OK || status == StatusCode::METHOD_NOT_ALLOWED, "{url}: {status}");
        }
    }
}

#[tokio::test]
async fn certificate_is_the_same_in_every_form() {
    let app = app().await;
    let key_set = app.key_set().await;
    let base64 = key_set["keys"][0]["x5c"][0].as_str().unwrap();
    let der = STANDARD.decode(base64).unwrap();

    let cer = get(&app, "cer").await;
    assert_eq!(
        (cer.body.as_slice(), cer.header(header::CONTENT_TYPE)),
        (der.as_slice(), "application/pkix-cert")
    );
    let raw = get(&app, "rawpem").await;
    assert_eq!((raw.text(), raw.header(header::CONTENT_TYPE)), (base64, "text/plain; charset=utf-8"));
    let pem = get(&app, "pem").await;
    let lines: Vec<_> = pem.text().split("\r\n").collect();
    assert_eq!(
        (lines[0], lines[lines.len() - 2]),
        ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----")
    );
    assert_eq!(lines[1..lines.len() - 2].concat(), base64);
    let pb7 = get(&app, "pb7").await;
    let armour = pb7.text().replace("\r\n", "");
    let body =
        armour.strip_prefix("-----BEGIN PKCS7-----").unwrap().strip_suffix("-----END PKCS7-----").unwrap();
    let pkcs7 = STANDARD.decode(body).unwrap();
    assert!(pkcs7.windows(der.len()).any(|window| window == der), "the PKCS#7 holds the certificate");
    let fingerprint = get(&app, "fingerprint").await;
    let sha1 = Certificate::from_der(&der).unwrap().sha1();
    let hex: Vec<_> = sha1.iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(fingerprint.text(), hex.join(":"));

    app.rotate().await;
    assert_ne!(get(&app, "cer").await.body, der, "always the current key's");
}

/// A token request in the form that is written, with changes.
struct TokenRequest {
    form: Vec<(&'static str, String)>,
}

impl TokenRequest {
    fn good(app: &TestApp) -> Self {
        let (id, secret) = app.credentials();
        let form = vec![
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", id.to_owned()),
            ("client_secret", secret.to_owned()),
            ("audience", TestApp::AUDIENCE.to_owned()),
        ];
        Self { form }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.form.retain(|(other, _)| *other != name);
        self.form.push((name, value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.form.retain(|(other, _)| *other != name);
        self
    }

    fn and(mut self, name: &'static str, value: &str) -> Self {
        self.form.push((name, value.to_owned()));
        self
    }

    fn request(&self, app: &TestApp) -> RequestBuilder {
        app.http().post(app.url("oauth/token")).form(&self.form)
    }
}

#[tokio::test]
async fn token_is_issued_for_every_way_to_ask() {
    let app = app().await;
    let (id, secret) = app.credentials();
    let form = TokenRequest::good(&app);
    let bare = TokenRequest::good(&app).without("client_id").without("client_secret");
    let as_json: Value =
        form.form.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))).collect();
    let resource = TokenRequest::good(&app).without("audience").and("resource", TestApp::AUDIENCE);
    let ways = [
        form.request(&app),
        bare.request(&app).basic_auth(id, Some(secret)),
        app.http().post(app.url("oauth/token")).json(&as_json),
        resource.request(&app),
        TokenRequest::good(&app).and("unknown", "ignored").and("unknown", "twice").request(&app),
        TokenRequest::good(&app).and("scope", "read:things").request(&app),
    ];
    for (n, way) in ways.into_iter().enumerate() {
        let answer = Answer::of(way).await;
        assert_eq!(
            (answer.status, answer.header(header::CACHE_CONTROL)),
            (200, "no-store"),
            "way {n}: {}",
            answer.text()
        );
        let body = answer.json();
        assert_eq!(members(&body), ["access_token", "expires_in", "scope", "token_type"]);
        assert_eq!(
            (&body["token_type"], &body["expires_in"], &body["scope"]),
            (&"Bearer".into(), &86_400.into(), &"read:things".into())
        );
        let token = danger::decode_unverified(body["access_token"].as_str().unwrap()).unwrap();
        let (header, claims): (Value, Value) =
            (serde_json::from_str(&token.header).unwrap(), serde_json::from_str(&token.claims).unwrap());
        assert_eq!((&header["alg"], &header["typ"]), (&"RS256".into(), &"at+jwt".into()));
        assert_eq!(members(&claims), ["aud", "client_id", "exp", "iat", "iss", "jti", "scope", "sub"]);
        assert_eq!((&claims["iss"], &claims["aud"]), (&app.issuer().into(), &TestApp::AUDIENCE.into()));
        assert_eq!((&claims["sub"], &claims["client_id"]), (&id.into(), &id.into()));
        let start = START.as_seconds();
        assert_eq!((&claims["iat"], &claims["exp"]), (&start.into(), &(start + 86_400).into()));
    }
}

#[tokio::test]
async fn bad_token_requests_are_refused_in_the_words_of_rfc_6749() {
    let app = app().await;
    let (id, secret) = app.credentials();
    let good = || TokenRequest::good(&app);
    let bare = || good().without("client_id").without("client_secret");
    let post = || app.http().post(app.url("oauth/token"));
    let raw =
        |media_type: &str, body: &str| post().header(header::CONTENT_TYPE, media_type).body(body.to_owned());
    let large = "x".repeat(jwksmith_server::routes::REQUEST_BYTES_MAX);
    let cases = [
        (good().without("grant_type").request(&app), 400, "invalid_request"),
        (good().with("grant_type", "password").request(&app), 400, "unsupported_grant_type"),
        (good().with("grant_type", "").request(&app), 400, "unsupported_grant_type"),
        (good().and("audience", TestApp::AUDIENCE).request(&app), 400, "invalid_request"),
        (good().and("client_secret", secret).request(&app), 400, "invalid_request"),
        (good().without("audience").request(&app), 400, "invalid_request"),
        (good().and("resource", "https://other.example/").request(&app), 400, "invalid_request"),
        (good().with("client_secret", "wrong").request(&app), 401, "invalid_client"),
        (good().with("client_secret", "").request(&app), 401, "invalid_client"),
        (good().with("client_id", "nobody").request(&app), 401, "invalid_client"),
        (bare().request(&app), 401, "invalid_client"),
        (good().without("client_secret").request(&app), 401, "invalid_client"),
        (bare().request(&app).basic_auth(id, Some("wrong")), 401, "invalid_client"),
        (bare().request(&app).basic_auth(id, None::<&str>), 401, "invalid_client"),
        (bare().request(&app).header(header::AUTHORIZATION, "Basic !!!"), 401, "invalid_client"),
        (bare().request(&app).bearer_auth(secret), 401, "invalid_client"),
        (good().request(&app).basic_auth(id, Some(secret)), 400, "invalid_request"),
        (bare().and("client_id", "other").request(&app).basic_auth(id, Some(secret)), 400, "invalid_request"),
        (
            bare().request(&app).basic_auth(id, Some(secret)).header(header::AUTHORIZATION, "Basic eDp5"),
            400,
            "invalid_request",
        ),
        (good().with("audience", "https://unknown.example/").request(&app), 403, "access_denied"),
        (good().and("scope", "read:things write:things").request(&app), 400, "invalid_scope"),
        (good().and("scope", "read:\u{e9}").request(&app), 400, "invalid_scope"),
        (raw("application/json", "{"), 400, "invalid_request"),
        (raw("application/json", "[]"), 400, "invalid_request"),
        (
            raw("application/json", r#"{"grant_type":"client_credentials","grant_type":"x"}"#),
            400,
            "invalid_request",
        ),
        (raw("application/json", r#"{"grant_type":1}"#), 400, "invalid_request"),
        (raw("text/plain", "grant_type=client_credentials"), 400, "invalid_request"),
        (post(), 400, "invalid_request"),
        (raw("application/x-www-form-urlencoded", &large), 400, "invalid_request"),
        (raw("application/x-www-form-urlencoded", &(large.clone() + "x")), 413, "invalid_request"),
    ];
    for (n, (request, status, error)) in cases.into_iter().enumerate() {
        let answer = Answer::of(request).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (status, &error.into()),
            "case {n}: {}",
            answer.text()
        );
        assert_eq!(members(&answer.json()), ["error", "error_description"], "case {n}");
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store", "case {n}");
        assert!(!answer.text().contains(secret), "case {n} repeats the secret");
    }
}

#[tokio::test]
async fn client_that_used_basic_is_challenged_with_it() {
    let app = app().await;
    let bare = TokenRequest::good(&app).without("client_id").without("client_secret");
    let refused = Answer::of(bare.request(&app).basic_auth("nobody", Some("wrong"))).await;
    assert_eq!(
        (refused.status, refused.header(header::WWW_AUTHENTICATE)),
        (401, "Basic realm=\"oauth/token\"")
    );
    let refused = Answer::of(TokenRequest::good(&app).with("client_secret", "wrong").request(&app)).await;
    assert_eq!((refused.status, refused.header(header::WWW_AUTHENTICATE)), (401, ""));
}

#[tokio::test]
async fn basic_credentials_are_form_decoded() {
    let app = app().await;
    let (id, secret) = app.credentials();
    let encoded = id.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    let bare = TokenRequest::good(&app).without("client_id").without("client_secret");
    let answer = Answer::of(bare.request(&app).basic_auth(encoded, Some(secret))).await;
    assert_eq!(answer.status, 200, "RFC 6749 §2.3.1: {}", answer.text());
}

async fn management(app: &TestApp, method: Method, path: &str) -> Answer {
    let token = app.token(&app.management_audience()).await;
    Answer::of(app.http().request(method, app.url(path)).bearer_auth(token)).await
}

#[tokio::test]
async fn signing_keys_are_listed_shown_rotated_and_revoked() {
    let app = app().await;
    let list = management(&app, Method::GET, "api/v2/keys/signing").await.json();
    let (current, next) = (&list[0], &list[1]);
    assert_eq!(list.as_array().unwrap().len(), 2);
    let common = ["cert", "fingerprint", "kid", "pkcs7", "thumbprint"];
    let expected = |role: &[&'static str]| {
        let mut expected = [&common[..], role].concat();
        expected.sort_unstable();
        expected
    };
    assert_eq!(members(current), expected(&["current", "current_since"]));
    assert_eq!(members(next), expected(&["next"]));
    assert_eq!(
        (&current["current"], &current["current_since"]),
        (&true.into(), &"2027-01-15T08:00:00.000Z".into())
    );
    let fingerprint = current["fingerprint"].as_str().unwrap();
    assert_eq!(fingerprint.replace(':', ""), current["thumbprint"].as_str().unwrap());
    assert_eq!(fingerprint, get(&app, "fingerprint").await.text());
    let first = current["kid"].as_str().unwrap().to_owned();
    let second = next["kid"].as_str().unwrap().to_owned();
    let one = management(&app, Method::GET, &format!("api/v2/keys/signing/{first}")).await;
    assert_eq!(one.json(), *current);

    let rotated = management(&app, Method::POST, "api/v2/keys/signing/rotate").await;
    assert_eq!((rotated.status, members(&rotated.json())), (201, vec!["cert", "kid"]));
    let list = management(&app, Method::GET, "api/v2/keys/signing").await.json();
    let role = |kid: &Value, role: &str| {
        let key = list.as_array().unwrap().iter().find(|key| key["kid"] == *kid).unwrap();
        assert_eq!(key[role], true, "{kid} is {role}");
    };
    role(&rotated.json()["kid"], "next");
    role(&second.clone().into(), "current");
    role(&first.clone().into(), "previous");

    let revoke = |kid: String| {
        let app = &app;
        async move { management(app, Method::PUT, &format!("api/v2/keys/signing/{kid}/revoke")).await }
    };
    let revoked = revoke(first.clone()).await;
    assert_eq!((revoked.status, &revoked.json()["kid"]), (200, &first.clone().into()));
    let one = management(&app, Method::GET, &format!("api/v2/keys/signing/{first}")).await.json();
    assert_eq!(members(&one), expected(&["current_since", "current_until", "revoked", "revoked_at"]));

    let refused = [
        (first, 409, "key_already_revoked"),
        (second, 409, "key_is_current"),
        (rotated.json()["kid"].as_str().unwrap().to_owned(), 409, "key_is_next"),
        ("unknown".to_owned(), 404, "key_unknown"),
        ("%27%3B%20DROP%20TABLE%20signing_keys".to_owned(), 404, "key_unknown"),
        ("%FF".to_owned(), 404, "key_unknown"),
        ("..%2F..%2Fpem".to_owned(), 404, "key_unknown"),
    ];
    for (kid, status, code) in refused {
        let answer = revoke(kid.clone()).await;
        let body = answer.json();
        assert_eq!((answer.status, &body["errorCode"]), (status, &code.into()), "{kid}: {body}");
        assert_eq!(members(&body), ["error", "errorCode", "message", "statusCode"]);
        assert_eq!(body["statusCode"], status);
    }
    let unknown = management(&app, Method::GET, "api/v2/keys/signing/unknown").await;
    assert_eq!((unknown.status, &unknown.json()["errorCode"]), (404, &"key_unknown".into()));
}

#[tokio::test]
async fn strange_requests_get_a_problem_that_says_what_to_do() {
    let app = app().await;
    let host = |host: &str| app.http().get(app.url("pem")).header(header::HOST, host);
    let cases = [
        (app.http().get(app.url("nowhere")), 404, "path_unknown"),
        (app.http().post(app.url("pem")), 405, "method_not_allowed"),
        (app.http().get(app.url("oauth/token")), 405, "method_not_allowed"),
        (host("other.example"), 404, "tenant_unknown"),
        (host("localhost"), 404, "tenant_unknown"),
    ];
    for (request, status, code) in cases {
        let answer = Answer::of(request).await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &code.into()), "{}", answer.text());
        assert_eq!(answer.header(header::CONTENT_TYPE), "application/problem+json");
        assert_eq!(members(&answer.json()), ["code", "detail", "status", "title", "type"]);
    }
}

/// Sends a request as it stands; the status of the answer.
async fn raw_status(app: &TestApp, request: &str) -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = app.issuer().trim_start_matches("http://").trim_end_matches('/');
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn host_is_one_and_a_target_in_absolute_form_goes_before_it() {
    let app = app().await;
    let here = app.issuer().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let close = "Connection: close\r\n\r\n";
    let cases = [
        (format!("GET /pem HTTP/1.1\r\nHost: {here}\r\n{close}"), 200),
        (format!("GET /pem HTTP/1.1\r\nHost: {}\r\n{close}", here.to_uppercase()), 200),
        (format!("GET /pem HTTP/1.1\r\nHost: {here}\r\nHost: {here}\r\n{close}"), 400),
        (format!("GET /pem HTTP/1.1\r\nHost: {here}\r\nHost: evil.example\r\n{close}"), 400),
        (format!("GET http://{here}/pem HTTP/1.1\r\nHost: evil.example\r\n{close}"), 200),
        (format!("GET http://evil.example/pem HTTP/1.1\r\nHost: {here}\r\n{close}"), 404),
        (format!("GET /pem HTTP/1.0\r\n{close}"), 400),
    ];
    for (request, status) in cases {
        assert_eq!(raw_status(&app, &request).await, status, "{request}");
    }
}

#[tokio::test]
async fn request_that_trickles_in_is_given_up_at_its_limit() {
    let app = app().await;
    let host = app.issuer().trim_start_matches("http://").trim_end_matches('/').to_owned();
    // From here on time passes only while everybody waits, and then at once.
    tokio::time::pause();
    let begin = tokio::time::Instant::now();
    let unfinished = format!(
        "POST /oauth/token HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{{"
    );
    assert_eq!(raw_status(&app, &unfinished).await, 408);
    assert!(begin.elapsed().as_secs() >= jwksmith_server::routes::REQUEST_SECONDS_MAX);
}
