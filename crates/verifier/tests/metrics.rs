//! The metrics, as `src/metrics.rs` documents them: names, labels, and that no stranger chooses a label.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where its set-up fails")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{AUDIENCE, FLOOR, NOW, Scene, cache_settings, cached, clock, key, trusted, verdict};
use jwksmith_testkit::{FakeIssuer, Reply};
use jwksmith_verifier::{Clock as _, TokenCacheSettings, Verifier};
use metrics::set_default_local_recorder;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

/// What was counted: `name{label=value,…}`, with the issuers' URLs as they were given names. A histogram has its count.
fn counted(snapshotter: &Snapshotter, issuers: &[(&str, &str)]) -> BTreeMap<String, u64> {
    let measured = snapshotter.snapshot().into_vec().into_iter().map(|(key, _, _, value)| {
        let labels: Vec<_> =
            key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let mut name = format!("{}{{{}}}", key.key().name(), labels.join(","));
        for (issuer, told) in issuers {
            name = name.replace(issuer, told);
        }
        let value = match value {
            DebugValue::Counter(count) => count,
            DebugValue::Gauge(level) => format!("{level:.0}").parse().unwrap(),
            DebugValue::Histogram(values) => u64::try_from(values.len()).unwrap(),
        };
        (name, value)
    });
    measured.collect()
}

/// The table of the module that documents them: each metric, with the names of its labels.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let rows = include_str!("../src/metrics.rs").lines().filter_map(|line| line.strip_prefix("//! | `"));
    let row = |row: &str| {
        let (name, rest) = row.split_once('`').unwrap();
        let labels = rest.split('|').nth(2).unwrap();
        // Behind a colon are the values of the label before it.
        let labels = labels.split(':').next().unwrap().split('`').skip(1).step_by(2).map(str::to_owned);
        (name.to_owned(), labels.collect())
    };
    rows.map(row).collect()
}

#[test]
fn documented_table_is_read() {
    let documented = documented();
    assert_eq!(documented.len(), 7);
    let labels: Vec<_> = documented["jwksmith_refusals_total"].iter().map(String::as_str).collect();
    assert_eq!(labels, ["code", "issuer"]);
}

#[tokio::test]
async fn metrics_count_what_they_say() {
    let recorder = DebuggingRecorder::new();
    let _installed = set_default_local_recorder(&recorder);
    let scene = Scene::built(
        |issuer| issuer.cache(cache_settings()),
        |builder| builder.token_cache(TokenCacheSettings::default()),
    )
    .await;
    let second = key("second");
    let good = scene.token();
    assert_eq!(scene.verdict(&good).await, "ok");
    assert_eq!(scene.verdict(&good).await, "ok");
    assert_eq!(scene.verdict(&scene.made_up("made-up")).await, "kid_unknown");
    let stranger = scene.key.access_token("https://other.example/", AUDIENCE, NOW);
    assert_eq!(scene.verdict(&stranger).await, "iss_mismatch");
    scene.clock.advance(FLOOR);
    scene.publish(&[&scene.key, &second]);
    assert_eq!(scene.verdict(&scene.token_of(&second)).await, "ok");
    scene.clock.advance(FLOOR);
    scene.issuer.outage();
    assert_eq!(scene.verdict(&scene.made_up("made-up")).await, "issuer_status");

    let snapshotter = recorder.snapshotter();
    let expected = [
        ("jwksmith_events_total{issuer=ONE,kind=keys_changed}", 1),
        ("jwksmith_events_total{issuer=ONE,kind=loaded}", 1),
        ("jwksmith_events_total{issuer=ONE,kind=outage_began}", 1),
        ("jwksmith_key_set_keys{issuer=ONE}", 2),
        ("jwksmith_refresh_seconds{issuer=ONE}", 3),
        ("jwksmith_refreshes_total{issuer=ONE,outcome=issuer_status}", 1),
        ("jwksmith_refreshes_total{issuer=ONE,outcome=ok}", 2),
        ("jwksmith_refusals_total{issuer=ONE,code=iss_mismatch}", 1),
        ("jwksmith_refusals_total{issuer=ONE,code=kid_unknown}", 1),
        ("jwksmith_token_cache_total{outcome=hit}", 1),
        // The good one at first, the made-up one twice, the stranger's, and that of the second key with its one more try.
        ("jwksmith_token_cache_total{outcome=miss}", 6),
        ("jwksmith_verifications_total{issuer=ONE,outcome=accepted}", 3),
        ("jwksmith_verifications_total{issuer=ONE,outcome=refused}", 2),
        ("jwksmith_verifications_total{issuer=ONE,outcome=undecided}", 1),
    ];
    let counted = counted(&snapshotter, &[(scene.name(), "ONE")]);
    let counted: Vec<_> = counted.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(counted, expected);
}

#[tokio::test]
async fn metrics_and_labels_are_those_of_the_table() {
    let recorder = DebuggingRecorder::new();
    let _installed = set_default_local_recorder(&recorder);
    let scene =
        Scene::built(|issuer| issuer, |builder| builder.token_cache(TokenCacheSettings::default())).await;
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    assert_eq!(scene.verdict("").await, "token_malformed");
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (key, unit, _, _) in recorder.snapshotter().snapshot().into_vec() {
        assert_eq!(unit, None);
        let labels = key.key().labels().map(|label| label.key().to_owned());
        found.entry(key.key().name().to_owned()).or_default().extend(labels);
    }
    assert_eq!(found, documented());
}

#[tokio::test]
async fn flood_of_made_up_tokens_makes_no_new_label() {
    let recorder = DebuggingRecorder::new();
    let _installed = set_default_local_recorder(&recorder);
    let (one, two) = (FakeIssuer::start().await, FakeIssuer::start().await);
    let key = key("first");
    for issuer in [&one, &two] {
        issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&key])));
    }
    let clock = clock();
    let builder =
        Verifier::builder(trusted(&one)).trust(trusted(&two)).token_cache(TokenCacheSettings::default());
    let verifier = builder.clock(clock.clone()).build().unwrap();
    let snapshotter = recorder.snapshotter();
    let names = [(one.issuer(), "ONE"), (two.issuer(), "TWO")];
    let flood = async |n: usize| {
        let mut claims = jwksmith_testkit::TestKey::claims(one.issuer(), AUDIENCE, clock.now());
        let tokens = [
            key.sign_as(Some(&format!("made-up-{n}")), &claims),
            key.access_token(&format!("https://made-up-{n}.example/"), AUDIENCE, clock.now()),
            key.access_token(two.issuer(), &format!("https://made-up-{n}.example/"), clock.now()),
            {
                claims["scope"] = format!("made-up-{n}").into();
                claims["made-up"] = format!("made-up-{n}").into();
                key.sign(&claims)
            },
            format!("made-up-{n}"),
            format!("made-up.{n}.x"),
        ];
        for token in tokens {
            verdict(&verifier, &token).await;
        }
        clock.advance(FLOOR);
    };
    flood(0).await;
    flood(1).await;
    let before: Vec<_> = counted(&snapshotter, &names).into_keys().collect();
    for n in 2..100 {
        flood(n).await;
    }
    let after: Vec<_> = counted(&snapshotter, &names).into_keys().collect();
    assert_eq!(before, after);
    assert!(!format!("{after:?}").contains("made-up"), "{after:?}");
    let nobodys = after.iter().filter(|name| name.contains("issuer=none")).count();
    assert_eq!(nobodys, 4, "an outcome and three codes: {after:?}");
}

#[tokio::test]
async fn claims_of_another_shape_count_as_refused() {
    for remembers in [false, true] {
        let recorder = DebuggingRecorder::new();
        let _installed = set_default_local_recorder(&recorder);
        let settings = TokenCacheSettings::default();
        let scene = Scene::built(
            |issuer| issuer,
            |builder| if remembers { builder.token_cache(settings) } else { builder },
        )
        .await;
        let error = scene.verifier.verify::<Vec<u8>>(&scene.token()).await.unwrap_err();
        assert_eq!(error.code(), "claims_shape");
        let counted = counted(&recorder.snapshotter(), &[(scene.name(), "ONE")]);
        assert_eq!(
            counted.get("jwksmith_refusals_total{issuer=ONE,code=claims_shape}"),
            Some(&1),
            "{remembers}"
        );
        assert_eq!(counted["jwksmith_verifications_total{issuer=ONE,outcome=accepted}"], 0, "{remembers}");
    }
}
