//! What the server publishes stands before the rules that it is for others to be held to.

#![allow(clippy::unwrap_used, reason = "a test stops where its set-up fails")]

use std::sync::Arc;

use jwksmith_jose::lint::{self, Finding, Severity};
use jwksmith_testkit::{ManualClock, TestApp};
use jwksmith_verifier::{Clock as _, UnixTime};

/// The codes of the notes; graver findings fail.
fn notes(path: &str, findings: &[Finding]) -> Vec<&'static str> {
    let grave: Vec<_> = findings.iter().filter(|finding| finding.rule.severity > Severity::Note).collect();
    assert!(grave.is_empty(), "{path}: {grave:#?}");
    let mut codes: Vec<_> = findings.iter().map(|finding| finding.rule.code).collect();
    codes.dedup();
    codes
}

#[tokio::test]
async fn published_documents_are_without_errors_and_warnings() {
    let clock = Arc::new(ManualClock::new(UnixTime::from_seconds(1_800_000_000)));
    let app = TestApp::start(Arc::clone(&clock)).await;
    for _ in 0..2 {
        let key_set = page(&app, ".well-known/jwks.json").await;
        assert_eq!(notes("key set", &lint::key_set(&key_set, clock.now())), Vec::<&str>::new());
        for path in [".well-known/openid-configuration", ".well-known/oauth-authorization-server"] {
            let found = notes(path, &lint::discovery(&page(&app, path).await));
            assert_eq!(found, ["url_plain_to_this_machine", "issuer_trailing_slash", "list_empty"], "{path}");
        }
        app.rotate().await;
    }
}

async fn page(app: &TestApp, path: &str) -> Vec<u8> {
    app.http().get(app.url(path)).send().await.unwrap().bytes().await.unwrap().to_vec()
}
