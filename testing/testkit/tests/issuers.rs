//! Issuers of every shape, asked by an ordinary HTTP client: names and paths, TLS on both sides, tokens, proxies.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on says where")]

use jwksmith_jose::{Algorithm, UnixTime};
use jwksmith_testkit::{DiscoveryForm, FakeIssuer, FakeIssuerBuilder, FakeProxy, Skew, TestKey};
use reqwest::{Certificate, Client, ClientBuilder, Identity, Proxy};
use serde_json::{Value, json};

fn client(settings: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
    settings(Client::builder().no_proxy()).build().unwrap()
}

async fn json_at(client: &Client, url: &str) -> Value {
    let body = client.get(url).send().await.unwrap().error_for_status().unwrap().bytes().await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

async fn check_shape(builder: FakeIssuerBuilder, issuer: &str, jwks_path: &str) {
    let fake = builder.discovery_at(&DiscoveryForm::ALL).start().await;
    let port = fake.url("").rsplit(':').next().unwrap().to_owned();
    let expected = issuer.replace("PORT", &port);
    assert_eq!(fake.issuer(), expected);
    let client = client(|client| client);
    for form in DiscoveryForm::ALL {
        let document = json_at(&client, &fake.url(&fake.discovery_path(form))).await;
        assert_eq!(document["issuer"], expected, "{form:?}");
        assert_eq!(document["jwks_uri"], fake.url(jwks_path), "{form:?}");
    }
    fake.publish(&[]);
    assert_eq!(json_at(&client, &fake.url(jwks_path)).await, json!({ "keys": [] }));
    assert_eq!((fake.key_set_path(), fake.requests(jwks_path)), (jwks_path, 1));
}

#[tokio::test]
async fn issuer_has_the_name_and_path_that_it_was_given() {
    let builder = FakeIssuer::builder;
    check_shape(builder(), "http://127.0.0.1:PORT/", FakeIssuer::KEY_SET).await;
    check_shape(builder().host("localhost"), "http://localhost:PORT/", FakeIssuer::KEY_SET).await;
    check_shape(builder().path(""), "http://127.0.0.1:PORT", FakeIssuer::KEY_SET).await;
    check_shape(builder().path("/t/1"), "http://127.0.0.1:PORT/t/1", "/t/1/.well-known/jwks.json").await;
    check_shape(builder().path("/t/"), "http://127.0.0.1:PORT/t/", "/t/.well-known/jwks.json").await;
}

#[tokio::test]
async fn discovery_forms_put_the_path_where_their_standards_do() {
    let fake = FakeIssuer::builder().path("/t/1/").discovery_at(&[DiscoveryForm::OAuth]).start().await;
    let paths = DiscoveryForm::ALL.map(|form| fake.discovery_path(form));
    let expected = [
        "/t/1/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/t/1",
        "/.well-known/openid-configuration/t/1",
    ];
    assert_eq!(paths, expected);
    let client = client(|client| client);
    for (path, expected) in paths.iter().zip([404, 200, 404]) {
        assert_eq!(client.get(fake.url(path)).send().await.unwrap().status(), expected, "{path}");
    }
}

#[tokio::test]
async fn issuer_stays_on_the_port_that_it_was_given() {
    let first = FakeIssuer::start().await;
    let port: u16 = first.url("").rsplit(':').next().unwrap().parse().unwrap();
    first.unreachable().await;
    drop(first);
    let second = FakeIssuer::builder().port(port).start().await;
    assert_eq!(second.issuer(), format!("http://127.0.0.1:{port}/"));
}

#[tokio::test]
async fn tls_is_trusted_through_its_own_authority_only() {
    for host in ["localhost", "127.0.0.1"] {
        let fake = FakeIssuer::builder().host(host).tls().start().await;
        let other = FakeIssuer::builder().tls().start().await;
        let url = fake.url(FakeIssuer::DISCOVERY);
        assert!(url.starts_with("https://"));
        let trusting = |pem: &str| {
            let certificate = Certificate::from_pem(pem.as_bytes()).unwrap();
            client(|client| client.tls_certs_only([certificate]))
        };
        assert_eq!(json_at(&trusting(fake.ca_pem()), &url).await["issuer"], fake.issuer());
        assert!(trusting(other.ca_pem()).get(&url).send().await.is_err(), "another authority");
        assert_eq!(fake.requests(FakeIssuer::DISCOVERY), 1, "what fails in the handshake is no request");
    }
}

#[tokio::test]
async fn mutual_tls_demands_a_certificate_of_its_authority() {
    let fake = FakeIssuer::builder().mutual_tls().start().await;
    let other = FakeIssuer::builder().mutual_tls().start().await;
    let url = fake.url(FakeIssuer::DISCOVERY);
    let trusting = || Certificate::from_pem(fake.ca_pem().as_bytes()).unwrap();
    let named = |pem: &str| {
        let identity = Identity::from_pem(pem.as_bytes()).unwrap();
        client(|client| client.tls_certs_only([trusting()]).identity(identity))
    };
    assert_eq!(json_at(&named(fake.client_identity_pem()), &url).await["issuer"], fake.issuer());
    assert!(named(other.client_identity_pem()).get(&url).send().await.is_err(), "of another authority");
    let nameless = client(|client| client.tls_certs_only([trusting()]));
    assert!(nameless.get(&url).send().await.is_err(), "without a certificate");
    assert_eq!(fake.requests(FakeIssuer::DISCOVERY), 1);
}

#[tokio::test]
async fn key_set_for_a_bearer_is_for_nobody_else() {
    let fake = FakeIssuer::builder().key_set_for_bearer("x").start().await;
    fake.publish(&[]);
    let (client, url) = (client(|client| client), fake.url(FakeIssuer::KEY_SET));
    assert_eq!(client.get(fake.url(FakeIssuer::DISCOVERY)).send().await.unwrap().status(), 200);
    let refused = client.get(&url).send().await.unwrap();
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["www-authenticate"]),
        (401, &"Bearer".parse().unwrap())
    );
    assert_eq!(client.get(&url).bearer_auth("y").send().await.unwrap().status(), 401);
    assert_eq!(client.get(&url).bearer_auth("x").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn proxy_sees_plain_requests_and_tunnels() {
    let (plain, private) = (FakeIssuer::start().await, FakeIssuer::builder().tls().start().await);
    let proxy = FakeProxy::start().await;
    let ca = Certificate::from_pem(private.ca_pem().as_bytes()).unwrap();
    let through =
        Client::builder().proxy(Proxy::all(proxy.url()).unwrap()).tls_certs_only([ca]).build().unwrap();
    for fake in [&plain, &plain, &private] {
        assert_eq!(json_at(&through, &fake.url(FakeIssuer::DISCOVERY)).await["issuer"], fake.issuer());
    }
    let seen = proxy.requests_seen();
    let seen: Vec<_> = seen.iter().map(|seen| (seen.method(), seen.target())).collect();
    let plain_url = plain.url(FakeIssuer::DISCOVERY);
    let authority = private.url("").replace("https://", "");
    assert_eq!(seen, [("GET", plain_url.as_str()), ("GET", &plain_url), ("CONNECT", &authority)]);
    assert_eq!(plain.requests_seen()[0].target(), FakeIssuer::DISCOVERY, "what goes on is no proxy request");
}

#[tokio::test]
async fn proxy_with_a_password_is_closed_without_it() {
    let (fake, proxy) = (FakeIssuer::start().await, FakeProxy::start_for("user", "pass").await);
    let url = fake.url(FakeIssuer::DISCOVERY);
    let through = |proxy: Proxy| Client::builder().proxy(proxy).build().unwrap();
    let bare = || Proxy::all(proxy.url()).unwrap();
    assert_eq!(through(bare()).get(&url).send().await.unwrap().status(), 407);
    let wrong = through(bare().basic_auth("user", "wrong")).get(&url).send().await.unwrap();
    assert_eq!((wrong.status().as_u16(), fake.requests(FakeIssuer::DISCOVERY)), (407, 0));
    let right = through(bare().basic_auth("user", "pass")).get(&url).send().await.unwrap();
    assert_eq!((right.status().as_u16(), proxy.requests()), (200, 3));
    assert_eq!(
        fake.requests_seen()[0].header("proxy-authorization"),
        None,
        "the password stays with the proxy"
    );
}

#[tokio::test]
async fn proxy_says_when_the_other_side_is_gone() {
    let (fake, proxy) = (FakeIssuer::start().await, FakeProxy::start().await);
    fake.unreachable().await;
    let through = Client::builder().proxy(Proxy::all(proxy.url()).unwrap()).build().unwrap();
    assert_eq!(through.get(fake.url("/x")).send().await.unwrap().status(), 502);
    let direct = client(|client| client).get(format!("{}/x", proxy.url())).send().await.unwrap();
    assert_eq!(direct.status(), 400, "a proxy is no server");
}

#[test]
fn skewed_claims_move_each_time_by_its_own_error() {
    let now = UnixTime::from_seconds(1000);
    let times = |skew: Skew| {
        let claims = TestKey::skewed_claims("i", "a", now, skew);
        [&claims["iat"], &claims["nbf"], &claims["exp"]].map(|time| time.as_u64().unwrap())
    };
    assert_eq!(times(Skew::default()), [1000, 1000, 4600]);
    assert_eq!(times(Skew::of(30)), [1030, 1030, 4630]);
    assert_eq!(times(Skew { iat: -2000, nbf: 5, exp: -4000 }), [0, 1005, 600]);
    let token = TestKey::generate(Algorithm::ES256, "k").skewed_token("i", "a", now, Skew::of(1));
    assert_eq!(token.split('.').count(), 3);
}
