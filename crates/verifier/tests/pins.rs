//! Pinned keys of TLS servers: without the right one not even the request is sent.

#![allow(clippy::unwrap_used, reason = "a test stops where its set-up fails")]

use std::path::PathBuf;

use jwksmith_testkit::{FakeIssuer, TestKey};
use jwksmith_verifier::{
    AccessClaims, Algorithm, Clock as _, FetchSettings, Policy, SpkiPin, SystemClock, TrustedIssuer, Verifier,
};

const AUDIENCE: &str = "https://api.example/";

struct Scene {
    issuer: FakeIssuer,
    key: TestKey,
    roots: PathBuf,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let issuer = FakeIssuer::builder().tls().start().await;
        let key = TestKey::generate(Algorithm::ES256, "first");
        issuer.publish(&[&key]);
        let folder = tempfile::tempdir().unwrap();
        let roots = folder.path().join("roots.pem");
        std::fs::write(&roots, issuer.ca_pem()).unwrap();
        Self { issuer, key, roots, _folder: folder }
    }

    /// `ok`, or the whole error.
    async fn verdict(&self, spki_pins: Vec<SpkiPin>) -> String {
        let policy = Policy::new(self.issuer.issuer(), AUDIENCE, [Algorithm::ES256]).unwrap();
        let root_certificates_file = Some(self.roots.clone());
        let fetch = FetchSettings { spki_pins, root_certificates_file, ..FetchSettings::default() };
        let verifier = Verifier::builder(TrustedIssuer::new(policy).fetch(fetch)).build().unwrap();
        let token = self.key.access_token(self.issuer.issuer(), AUDIENCE, SystemClock::new().now());
        match verifier.verify::<AccessClaims>(&token).await {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.to_string(),
        }
    }
}

#[tokio::test]
async fn server_is_asked_only_if_it_has_a_pinned_key() {
    let scene = Scene::new().await;
    let other: SpkiPin = "sha256/LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=".parse().unwrap();
    let refused = scene.verdict(vec![other]).await;
    let found = refused.split_whitespace().find(|word| word.starts_with("sha256/"));
    let found: SpkiPin = found.unwrap_or_else(|| panic!("{refused}")).parse().unwrap();
    assert!(scene.issuer.requests_seen().is_empty(), "nothing was sent");
    assert_eq!(scene.verdict(vec![found]).await, "ok");
    assert_eq!(scene.verdict(vec![other, found]).await, "ok");
    assert_eq!(scene.verdict(Vec::new()).await, "ok");
}

#[tokio::test]
async fn pin_does_not_replace_a_trusted_certificate() {
    let scene = Scene::new().await;
    let refused =
        scene.verdict(vec!["sha256/LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=".parse().unwrap()]).await;
    let found: SpkiPin =
        refused.split_whitespace().find(|word| word.starts_with("sha256/")).unwrap().parse().unwrap();
    // Roots of another authority: the key is the pinned one, and nobody vouches for it.
    std::fs::write(&scene.roots, FakeIssuer::builder().tls().start().await.ca_pem()).unwrap();
    assert!(scene.verdict(vec![found]).await.contains("cannot be reached"));
    assert!(scene.issuer.requests_seen().is_empty());
}
