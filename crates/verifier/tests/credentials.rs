//! What a fetch shows and trusts: private authorities, certificates and tokens of clients, all in files that somebody renews.

#![allow(clippy::unwrap_used, reason = "a test stops where its set-up fails")]

mod common;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use common::{AUDIENCE, FRESH, build, cached, clock, key, policy, trusted, verdict};
use jwksmith_testkit::{Answers, FakeIssuer, FakeProxy, ManualClock, Reply, TestKey};
use jwksmith_verifier::{
    Clock as _, FetchSettings, IssuerError, KeySource, TrustedIssuer, Verifier, VerifyError,
};
use serde_json::json;
use tempfile::TempDir;

/// Files of credentials that a test writes.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn fetch_settings() -> FetchSettings {
    FetchSettings { timeout: Duration::from_secs(2), ..FetchSettings::default() }
}

async fn verdict_of(
    verifier: &Verifier,
    issuer: &FakeIssuer,
    key: &TestKey,
    clock: &ManualClock,
) -> &'static str {
    verdict(verifier, &key.access_token(issuer.issuer(), AUDIENCE, clock.now())).await
}

// The API server of Kubernetes

/// An API server as Kubernetes has it: a private authority, documents for who shows a token, and a key set for who takes its
/// media type.
struct ApiServer {
    issuer: FakeIssuer,
    key: TestKey,
    files: Files,
    clock: Arc<ManualClock>,
}

const JWK_SET: &str = "application/jwk-set+json";

impl ApiServer {
    async fn new() -> Self {
        let issuer = FakeIssuer::builder().path("").tls().start().await;
        let server = Self { issuer, key: key("first"), files: Files::new(), clock: clock() };
        server.files.write("ca.pem", server.issuer.ca_pem());
        server.rotate_token("one");
        server
    }

    /// From now on this token counts, and it is in the file.
    fn rotate_token(&self, token: &str) {
        self.files.write("token", format!("{token}\n"));
        self.admit(token);
    }

    /// From now on this token counts.
    fn admit(&self, token: &str) {
        let keys = cached(Reply::keys(&[&self.key])).content_type(JWK_SET);
        let keys = Answers::when_accepts(JWK_SET, keys, Reply::status(406));
        let bearer = format!("Bearer {token}");
        let barred = || Reply::status(401).header("www-authenticate", "Bearer");
        self.issuer
            .serve(FakeIssuer::KEY_SET, Answers::when_header("authorization", &bearer, keys, barred()));
        let document = Reply::json(&self.issuer.discovery());
        let document = Answers::when_header("authorization", &bearer, document, barred());
        self.issuer.serve(FakeIssuer::DISCOVERY, document);
    }

    fn fetch(&self) -> FetchSettings {
        FetchSettings {
            root_certificates_file: Some(self.files.path("ca.pem")),
            bearer_token_file: Some(self.files.path("token")),
            ..fetch_settings()
        }
    }

    fn verifier(&self, fetch: FetchSettings) -> Verifier {
        build(trusted(&self.issuer).fetch(fetch), &self.clock)
    }

    async fn verdict(&self, verifier: &Verifier) -> &'static str {
        verdict_of(verifier, &self.issuer, &self.key, &self.clock).await
    }
}

#[tokio::test]
async fn api_server_of_kubernetes_gives_its_keys_for_a_token_that_rotates() {
    let server = ApiServer::new().await;
    let verifier = server.verifier(server.fetch());
    for token in ["one", "two", "three"] {
        server.rotate_token(token);
        assert_eq!(server.verdict(&verifier).await, "ok", "{token}");
        let last = server.issuer.requests_seen().pop().unwrap();
        assert_eq!(last.header("authorization"), Some(format!("Bearer {token}").as_str()));
        server.clock.advance(FRESH);
    }
    server.admit("four");
    assert_eq!(server.verdict(&verifier).await, "ok", "stale");
    let failing = common::status(&verifier).failing.unwrap();
    assert!(matches!(&*failing, IssuerError::Status { status: 401, .. }), "{failing}");
}

#[tokio::test]
async fn api_server_refuses_who_lacks_a_part() {
    let server = ApiServer::new().await;
    let cases = [
        ("nothing", server.fetch(), "ok"),
        ("the token", FetchSettings { bearer_token_file: None, ..server.fetch() }, "issuer_status"),
        (
            "the authority",
            FetchSettings { root_certificates_file: None, ..server.fetch() },
            "issuer_unreachable",
        ),
    ];
    for (lacking, fetch, expected) in cases {
        assert_eq!(server.verdict(&server.verifier(fetch)).await, expected, "{lacking}");
    }
}

#[tokio::test]
async fn token_is_shown_to_the_configured_origin_and_to_no_other() {
    let server = ApiServer::new().await;
    let elsewhere = FakeIssuer::start().await;
    elsewhere.publish(&[&server.key]);
    for jwks_uri in [
        elsewhere.url(FakeIssuer::KEY_SET),
        elsewhere.url(FakeIssuer::KEY_SET).replace("127.0.0.1", "localhost"),
    ] {
        let document = json!({ "issuer": server.issuer.issuer(), "jwks_uri": jwks_uri });
        server.issuer.serve(FakeIssuer::DISCOVERY, Reply::json(&document));
        let verifier = server.verifier(server.fetch());
        assert_eq!(server.verdict(&verifier).await, "ok");
        let shown = elsewhere.requests_seen().pop().unwrap();
        assert_eq!(shown.header("authorization"), None, "{jwks_uri}");
        let shown = server.issuer.requests_seen().pop().unwrap();
        assert_eq!(shown.header("authorization"), Some("Bearer one"));
    }
    assert_eq!(elsewhere.requests_seen().len(), 2);
}

#[tokio::test]
async fn token_goes_to_the_place_that_is_configured_and_not_to_the_issuers_own() {
    let server = ApiServer::new().await;
    let at = FakeIssuer::start().await;
    let document =
        json!({ "issuer": server.issuer.issuer(), "jwks_uri": server.issuer.url(FakeIssuer::KEY_SET) });
    at.serve("/document", Reply::json(&document));
    server.issuer.serve(FakeIssuer::KEY_SET, Reply::keys(&[&server.key]));
    let source = KeySource::DiscoveryAt(at.url("/document"));
    let verifier = build(trusted(&server.issuer).sources([source]).fetch(server.fetch()), &server.clock);
    assert_eq!(server.verdict(&verifier).await, "ok");
    assert_eq!(at.requests_seen().pop().unwrap().header("authorization"), Some("Bearer one"));
    assert_eq!(server.issuer.requests_seen().pop().unwrap().header("authorization"), None);
}

// Certificates

/// An issuer that speaks to clients with a certificate only.
async fn mutual() -> (FakeIssuer, TestKey) {
    let (issuer, key) = (FakeIssuer::builder().mutual_tls().start().await, key("first"));
    issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&key])));
    (issuer, key)
}

#[tokio::test]
async fn certificate_is_shown_to_who_demands_it() {
    let (issuer, key) = mutual().await;
    let files = Files::new();
    let root_certificates_file = Some(files.write("ca.pem", issuer.ca_pem()));
    let client_identity_file = Some(files.write("client.pem", issuer.client_identity_pem()));
    let fetch = FetchSettings { root_certificates_file, client_identity_file, ..fetch_settings() };
    for (with, expected) in [(true, "ok"), (false, "issuer_unreachable")] {
        let client_identity_file = fetch.client_identity_file.clone().filter(|_| with);
        let fetch = FetchSettings { client_identity_file, ..fetch.clone() };
        let clock = clock();
        let verifier = build(trusted(&issuer).fetch(fetch), &clock);
        assert_eq!(verdict_of(&verifier, &issuer, &key, &clock).await, expected, "with it: {with}");
    }
}

#[tokio::test]
async fn certificate_is_not_shown_to_another_origin() {
    // The certificate is one that the other host would take; only the place that is configured may see it.
    let (elsewhere, key) = mutual().await;
    let issuer = FakeIssuer::builder().tls().start().await;
    let document = json!({ "issuer": issuer.issuer(), "jwks_uri": elsewhere.url(FakeIssuer::KEY_SET) });
    issuer.serve(FakeIssuer::DISCOVERY, Reply::json(&document));
    let files = Files::new();
    let fetch = FetchSettings {
        root_certificates_file: Some(
            files.write("ca.pem", format!("{}{}", issuer.ca_pem(), elsewhere.ca_pem())),
        ),
        client_identity_file: Some(files.write("client.pem", elsewhere.client_identity_pem())),
        ..fetch_settings()
    };
    let named_by_the_document = KeySource::Discovery;
    let configured = KeySource::JwksUri(elsewhere.url(FakeIssuer::KEY_SET));
    let cases = [(named_by_the_document, "issuer_unreachable", 0), (configured, "ok", 1)];
    for (source, expected, requests) in cases {
        let clock = clock();
        let verifier = build(trusted(&issuer).sources([source.clone()]).fetch(fetch.clone()), &clock);
        assert_eq!(verdict_of(&verifier, &issuer, &key, &clock).await, expected, "{source:?}");
        assert_eq!(elsewhere.requests_seen().len(), requests, "{source:?}");
    }
}

#[tokio::test]
async fn files_are_read_again_when_they_change() {
    // Two hosts with authorities of their own take turns behind one source, as one host whose certificates are renewed.
    let (one, key) = mutual().await;
    let (two, _) = mutual().await;
    two.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&key])));
    let files = Files::new();
    let fetch = FetchSettings {
        root_certificates_file: Some(files.path("ca.pem")),
        client_identity_file: Some(files.path("client.pem")),
        ..fetch_settings()
    };
    let clock = clock();
    let sources = [&one, &two].map(|issuer| KeySource::JwksUri(issuer.url(FakeIssuer::KEY_SET)));
    let verifier = build(trusted(&one).sources(sources).fetch(fetch), &clock);
    assert_eq!(verdict_of(&verifier, &one, &key, &clock).await, "fetch_credentials", "not there yet");
    clock.advance(FRESH);
    for (issuer, position) in [(&two, 1), (&one, 0), (&two, 1)] {
        files.write("ca.pem", issuer.ca_pem());
        files.write("client.pem", issuer.client_identity_pem());
        assert_eq!(verdict_of(&verifier, &one, &key, &clock).await, "ok");
        assert_eq!(common::status(&verifier).in_use.unwrap().position, position);
        clock.advance(FRESH);
    }
}

#[tokio::test]
async fn private_authority_takes_the_place_of_the_systems() {
    let (issuer, other) =
        (FakeIssuer::builder().tls().start().await, FakeIssuer::builder().tls().start().await);
    let key = key("first");
    issuer.publish(&[&key]);
    let files = Files::new();
    let both = format!("{}{}", other.ca_pem(), issuer.ca_pem());
    let cases = [
        ("its own", issuer.ca_pem(), "ok"),
        ("among others", both.as_str(), "ok"),
        ("another's", other.ca_pem(), "issuer_unreachable"),
    ];
    for (what, roots, expected) in cases {
        let root_certificates_file = Some(files.write("ca.pem", roots));
        let fetch = FetchSettings { root_certificates_file, ..fetch_settings() };
        let clock = clock();
        let verifier = build(trusted(&issuer).fetch(fetch), &clock);
        assert_eq!(verdict_of(&verifier, &issuer, &key, &clock).await, expected, "{what}");
    }
}

#[tokio::test]
async fn certificate_must_be_for_the_host_that_was_asked() {
    // The certificates of the test kit are for `localhost` and 127.0.0.1, and this is neither.
    let issuer = FakeIssuer::builder().tls().start().await;
    let key = key("first");
    issuer.publish(&[&key]);
    let files = Files::new();
    let fetch = FetchSettings {
        root_certificates_file: Some(files.write("ca.pem", issuer.ca_pem())),
        ..fetch_settings()
    };
    let url = |host: &str| issuer.url(FakeIssuer::KEY_SET).replace("127.0.0.1", host);
    for (host, expected) in [("localhost", "ok"), ("127.0.0.2", "issuer_unreachable")] {
        let clock = clock();
        let issuer_at = trusted(&issuer).sources([KeySource::JwksUri(url(host))]).fetch(fetch.clone());
        let verifier = build(issuer_at, &clock);
        assert_eq!(verdict_of(&verifier, &issuer, &key, &clock).await, expected, "{host}");
    }
}

// Files that are not what they should be

/// One setting of a file.
type Setting = fn(&mut FetchSettings, PathBuf);

const SETTINGS: [(&str, Setting); 3] = [
    ("bearer_token_file", |fetch, path| fetch.bearer_token_file = Some(path)),
    ("client_identity_file", |fetch, path| fetch.client_identity_file = Some(path)),
    ("root_certificates_file", |fetch, path| fetch.root_certificates_file = Some(path)),
];

#[tokio::test]
async fn broken_files_are_told_and_fetch_nothing() {
    let (tls, plain) = (FakeIssuer::builder().mutual_tls().start().await, FakeIssuer::start().await);
    let key = key("first");
    plain.publish(&[&key]);
    let files = Files::new();
    files.write("empty", "");
    files.write("blank", " \n\t\n");
    files.write("garbage", b"\x00\xff\xfe\n");
    files.write("two lines", "secret-1\nsecret-2");
    files.write("huge", vec![b'a'; 1024 * 1024 + 1]);
    files.write("certificate", tls.ca_pem());
    files.write("no certificate", tls.client_identity_pem().replace("CERTIFICATE", "OTHER"));
    files.write("cut off", tls.client_identity_pem().get(..200).unwrap());
    std::fs::create_dir(files.path("folder")).unwrap();
    let of_all = ["missing", "empty", "blank", "garbage", "huge", "folder"].as_slice();
    let of_each =
        [["two lines"].as_slice(), &["certificate", "no certificate", "cut off"], &["no certificate"]];
    for ((setting, set), more) in SETTINGS.iter().zip(of_each) {
        for name in of_all.iter().chain(more) {
            let mut fetch = fetch_settings();
            set(&mut fetch, files.path(name));
            let verifier = build(trusted(&plain).fetch(fetch), &clock());
            let token = key.access_token(plain.issuer(), AUDIENCE, common::NOW);
            let error = verifier.verify_token(&token).await.unwrap_err();
            assert_eq!(error.code(), "fetch_credentials", "{setting} = {name}: {error}");
            let VerifyError::Undecided(undecided) = &error else { panic!("{error}") };
            let IssuerError::Credentials { path, .. } = &*undecided.cause else { panic!("{error}") };
            assert_eq!(path, &files.path(name));
            let told = format!("{error} {error:?}");
            assert!(!told.contains("secret-"), "{told}");
        }
    }
    assert_eq!(plain.requests_seen().len(), 0);
}

#[tokio::test]
async fn broken_file_is_no_reason_to_drop_a_good_set() {
    let server = ApiServer::new().await;
    let verifier = server.verifier(server.fetch());
    assert_eq!(server.verdict(&verifier).await, "ok");
    for name in ["token", "ca.pem"] {
        server.files.write(name, "\u{0}");
        server.clock.advance(300);
        let error = verifier.refresh(server.issuer.issuer()).await.unwrap_err();
        let IssuerError::Credentials { path, .. } = &*error.cause else { panic!("{error}") };
        assert_eq!(path, &server.files.path(name));
        assert_eq!(server.verdict(&verifier).await, "ok", "{name}");
    }
    server.files.write("ca.pem", server.issuer.ca_pem());
    server.rotate_token("two");
    server.clock.advance(300);
    assert!(verifier.refresh(server.issuer.issuer()).await.is_ok());
}

#[tokio::test]
async fn file_of_credentials_at_its_limit_is_read() {
    let issuer = FakeIssuer::builder().tls().start().await;
    let key = key("first");
    issuer.publish(&[&key]);
    let mut roots = issuer.ca_pem().as_bytes().to_vec();
    roots.resize(1024 * 1024, b'\n');
    let files = Files::new();
    let fetch =
        FetchSettings { root_certificates_file: Some(files.write("ca.pem", roots)), ..fetch_settings() };
    let clock = clock();
    let verifier = build(trusted(&issuer).fetch(fetch), &clock);
    assert_eq!(verdict_of(&verifier, &issuer, &key, &clock).await, "ok");
}

// Through a proxy

#[tokio::test]
async fn proxy_sees_neither_token_nor_keys_of_an_issuer_over_tls() {
    let server = ApiServer::new().await;
    let proxy = FakeProxy::start().await;
    let fetch = FetchSettings { proxy: Some(proxy.url().parse().unwrap()), ..server.fetch() };
    assert_eq!(server.verdict(&server.verifier(fetch)).await, "ok");
    let seen = proxy.requests_seen();
    assert!(!seen.is_empty() && seen.iter().all(|seen| seen.method() == "CONNECT"), "{seen:?}");
    assert!(!format!("{seen:?}").contains("Bearer"));
}

#[tokio::test]
async fn secrets_of_the_settings_are_not_told_by_errors() {
    // A proxy that is not there, with a password.
    let issuer = TrustedIssuer::new(policy("https://issuer.example/"));
    let proxy = "http://user:pass-word@127.0.0.1:9/".parse().unwrap();
    let fetch = FetchSettings { proxy: Some(proxy), ..fetch_settings() };
    let verifier = build(issuer.fetch(fetch), &clock());
    let token = key("first").access_token("https://issuer.example/", AUDIENCE, common::NOW);
    let error = verifier.verify_token(&token).await.unwrap_err();
    assert_eq!(error.code(), "issuer_unreachable");
    let told = format!("{error} {error:?} {:?}", verifier.readiness());
    assert!(!told.contains("pass-word"), "{told}");
}
