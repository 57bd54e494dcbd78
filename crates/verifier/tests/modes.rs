//! The verifier against every way to misbehave that the test kit knows: one loop, and a row for each.

#![allow(clippy::unwrap_used, reason = "a test stops where its set-up fails")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{AUDIENCE, build, clock, policy, verdict};
use jwksmith_testkit::ManualClock;
use jwksmith_testkit::modes::{FRESH_SECONDS, MODES, Mode, Stage, Verdict};
use jwksmith_verifier::{CacheSettings, Clock as _, FetchSettings, TrustedIssuer, Verifier};

#[tokio::test]
async fn every_mode_is_met_as_its_row_says() {
    let mut complaints = Vec::new();
    for mode in MODES {
        complaints
            .extend(check(mode).await.into_iter().map(|complaint| format!("{}: {complaint}", mode.name)));
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// What is wrong with how the verifier fares.
async fn check(mode: &'static Mode) -> Vec<String> {
    let (stage, clock) = (mode.start().await, clock());
    let verifier = verifier(&stage, &clock);
    let mut complaints = Vec::new();
    if mode.turns() {
        let before = verdict(&verifier, &stage.token(AUDIENCE, clock.now())).await;
        complaints.extend((before != "ok").then(|| format!("{before} before the turn")));
        stage.turn();
        clock.advance(FRESH_SECONDS + 1);
    }
    let fetches = stage.fetches();
    for probe in stage.probes(AUDIENCE, clock.now()) {
        let code = verdict(&verifier, &probe.token).await;
        let is_right = match probe.verdict {
            Verdict::Verifies => code == "ok",
            Verdict::Refused => code != "ok",
            Verdict::Either => true,
        };
        complaints.extend((!is_right).then(|| format!("{code} for {}", probe.what)));
    }
    complaints.extend(stage.complaints(fetches));
    complaints
}

/// Patient for a moment, since some modes never answer, and with one permit beyond the floor, which is what the catalogue
/// grants for a key that is missed.
fn verifier(stage: &Stage, clock: &Arc<ManualClock>) -> Verifier {
    let trusted = |issuer: &str| {
        TrustedIssuer::new(policy(issuer))
            .fetch(FetchSettings { timeout: Duration::from_millis(500), ..FetchSettings::default() })
            .cache(CacheSettings { burst: 2, ..CacheSettings::default() })
    };
    if !stage.mode.two_issuers {
        return build(trusted(stage.issuer.issuer()), clock);
    }
    let both = Verifier::builder(trusted(stage.issuer.issuer())).trust(trusted(stage.elsewhere.issuer()));
    both.clock(clock.clone()).build().unwrap()
}
