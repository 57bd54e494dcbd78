//! The memory of verified tokens: it changes how long a verdict takes, and no verdict.

#![allow(clippy::unwrap_used, reason = "a test stops where its set-up fails")]

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};

use common::{
    AUDIENCE, FLOOR, FRESH, NOW, Scene, cache_settings, cached, clock, key, policy, trusted, verdict,
};
use jwksmith_testkit::{FakeIssuer, Reply, TestKey};
use jwksmith_verifier::{
    AccessClaims, Algorithm, Clock as _, Policy, TokenCacheSettings, TokenCacheUse, TrustedIssuer, Verifier,
};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

async fn scene(settings: TokenCacheSettings) -> Scene {
    Scene::built(|issuer| issuer.cache(cache_settings()), |builder| builder.token_cache(settings)).await
}

fn remembered(verifier: &Verifier) -> usize {
    verifier.token_cache().unwrap().tokens
}

#[tokio::test]
async fn memory_is_off_unless_asked_for() {
    let scene = Scene::new().await;
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    assert!(scene.verifier.token_cache().is_none());
}

#[tokio::test]
async fn good_token_is_remembered_once_and_claims_of_any_type_are_read_from_it() {
    #[derive(Debug, serde::Deserialize)]
    struct Other {
        #[expect(dead_code, reason = "it never gets there")]
        missing: String,
    }
    let scene = scene(TokenCacheSettings::default()).await;
    let token = scene.token();
    assert_eq!(scene.verifier.token_cache(), Some(TokenCacheUse { tokens: 0, bytes: 0 }));
    for _ in 0..3 {
        assert_eq!(scene.verdict(&token).await, "ok");
        let verified = scene.verifier.verify::<AccessClaims>(&token).await.unwrap();
        assert_eq!(verified.claims().sub.as_deref(), Some("client"));
        assert_eq!(verified.key_id(), Some("first"));
        let other = scene.verifier.try_verify::<serde_json::Value>(&token).unwrap();
        assert_eq!(other.claims()["scope"], "read:things");
        assert_eq!(remembered(&scene.verifier), 1);
    }
    let error = scene.verifier.verify::<Other>(&token).await.unwrap_err();
    assert_eq!(error.code(), "claims_shape", "a hit is read as any other token is");
}

#[tokio::test]
async fn refused_tokens_are_never_remembered() {
    let scene = scene(TokenCacheSettings::default()).await;
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    let now = scene.clock.now();
    let refused = [
        (key("first").access_token(scene.name(), AUDIENCE, now), "signature_invalid"),
        (scene.made_up("made-up"), "kid_unknown"),
        (scene.key.access_token(scene.name(), "https://other.example/", now), "aud_mismatch"),
        (scene.key.access_token(scene.name(), AUDIENCE, now.saturating_sub(7_200)), "token_expired"),
    ];
    for (token, code) in &refused {
        for _ in 0..2 {
            assert_eq!(scene.verdict(token).await, *code);
        }
    }
    assert_eq!(remembered(&scene.verifier), 1);
}

#[tokio::test]
async fn tokens_that_share_a_part_are_kept_apart() {
    let scene = scene(TokenCacheSettings::default()).await;
    let (good, other) = (scene.token(), scene.token_for(&scene.key, 1_800));
    for token in [&good, &other] {
        assert_eq!(scene.verdict(token).await, "ok");
    }
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (other_signed, other_signature) = other.rsplit_once('.').unwrap();
    let forged = [
        ("its beginning", format!("{signed}.{other_signature}")),
        ("its end", format!("{other_signed}.{signature}")),
        ("all but the last byte", good[..good.len() - 1].to_owned()),
        ("all, and a byte more", format!("{good}A")),
        ("all, after a byte", format!("A{good}")),
        ("all, and a part more", format!("{good}.")),
        ("nothing", String::new()),
    ];
    for (what, token) in &forged {
        for _ in 0..2 {
            assert_ne!(scene.verdict(token).await, "ok", "{what}");
        }
    }
    assert_eq!(remembered(&scene.verifier), 2);
    assert_eq!(scene.verdict(&good).await, "ok");
}

#[tokio::test]
async fn remembered_token_expires_in_its_time() {
    let scene = scene(TokenCacheSettings::default()).await;
    let (token, leeway) = (scene.token_for(&scene.key, 50), 30);
    assert_eq!(scene.verdict(&token).await, "ok");
    scene.clock.advance(50 + leeway - 1);
    assert_eq!(scene.verdict(&token).await, "ok");
    assert_eq!(remembered(&scene.verifier), 1);
    scene.clock.advance(1);
    for _ in 0..2 {
        assert_eq!(scene.verdict(&token).await, "token_expired");
    }
    assert_eq!(remembered(&scene.verifier), 0, "it goes when it is found expired");
}

#[tokio::test]
async fn clock_that_is_set_back_makes_a_remembered_token_too_young() {
    let scene = scene(TokenCacheSettings::default()).await;
    let token = scene.token();
    assert_eq!(scene.verdict(&token).await, "ok");
    scene.clock.correct(NOW.saturating_sub(3_600));
    assert_eq!(scene.verdict(&token).await, "token_not_yet_valid");
}

/// How a key ceases to be used.
#[derive(Clone, Copy, Debug)]
enum Ends {
    Withdrawn,
    Replaced,
    Evicted,
}

#[tokio::test]
async fn tokens_of_a_key_go_with_it() {
    let cases = [
        (Ends::Withdrawn, "kid_unknown"),
        (Ends::Replaced, "signature_invalid"),
        (Ends::Evicted, "kid_unknown"),
    ];
    for (ends, expected) in cases {
        let scene = scene(TokenCacheSettings::default()).await;
        let second = key("second");
        scene.publish(&[&scene.key, &second]);
        let (token, kept) = (scene.token(), scene.token_of(&second));
        assert_eq!((scene.verdict(&token).await, scene.verdict(&kept).await), ("ok", "ok"));
        assert_eq!(remembered(&scene.verifier), 2);
        scene.clock.advance(FLOOR);
        match ends {
            Ends::Withdrawn => scene.publish(&[&second]),
            Ends::Replaced => scene.publish(&[&key("first"), &second]),
            Ends::Evicted => assert!(scene.verifier.evict(scene.name(), "first")),
        }
        let _ = scene.verifier.refresh(scene.name()).await.unwrap();
        assert_eq!(scene.verdict(&token).await, expected, "{ends:?}");
        assert_eq!(scene.verdict(&kept).await, "ok", "{ends:?}");
        assert_eq!(remembered(&scene.verifier), 1, "{ends:?}: the memory is given back");
    }
}

#[tokio::test]
async fn set_that_is_not_served_any_more_serves_no_remembered_token() {
    let scene = scene(TokenCacheSettings::default()).await;
    let token = scene.token();
    assert_eq!(scene.verdict(&token).await, "ok");
    scene.issuer.outage();
    scene.clock.advance(FRESH + common::STALE);
    assert_eq!(scene.verdict(&token).await, "issuer_status");
}

#[tokio::test]
async fn confirmed_set_keeps_what_was_remembered() {
    let scene = scene(TokenCacheSettings::default()).await;
    scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&scene.key])).etag("\"1\""));
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    scene.clock.advance(FRESH);
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    assert_eq!(scene.issuer.confirmations(FakeIssuer::KEY_SET), 1);
    assert_eq!(remembered(&scene.verifier), 2);
}

#[tokio::test]
async fn remembered_token_of_one_issuer_says_nothing_to_another() {
    // Both have the very same key, which is as near as two issuers can come.
    let (one, two) = (FakeIssuer::start().await, FakeIssuer::start().await);
    let key = key("same");
    one.publish(&[&key]);
    two.publish(&[&key]);
    let of_two = Policy::new(two.issuer(), "https://two.example/", [Algorithm::ES256]).unwrap();
    let settings = TokenCacheSettings::default();
    let builder = Verifier::builder(trusted(&one)).trust(of_two).token_cache(settings);
    let verifier = builder.clock(clock()).build().unwrap();
    let alone = Verifier::builder(policy(two.issuer())).token_cache(settings).clock(clock()).build().unwrap();
    let token = key.access_token(one.issuer(), AUDIENCE, NOW);
    let of_two = key.access_token(two.issuer(), AUDIENCE, NOW);
    assert_eq!(verdict(&verifier, &token).await, "ok");
    assert_eq!(verdict(&alone, &token).await, "iss_mismatch");
    assert_eq!(verdict(&alone, &of_two).await, "ok");
    assert_eq!(verdict(&verifier, &of_two).await, "aud_mismatch", "another policy, and a memory of its own");
}

#[tokio::test]
async fn tokens_up_to_their_limit_are_remembered_and_longer_ones_are_not() {
    let (issuer, key) = (FakeIssuer::start().await, key("first"));
    issuer.publish(&[&key]);
    let token = key.access_token(issuer.issuer(), AUDIENCE, NOW);
    for (token_bytes_max, expected) in [(token.len(), 1), (token.len() - 1, 0)] {
        let settings = TokenCacheSettings { token_bytes_max, ..TokenCacheSettings::default() };
        let builder = Verifier::builder(trusted(&issuer)).token_cache(settings);
        let verifier = builder.clock(clock()).build().unwrap();
        for _ in 0..2 {
            assert_eq!(verdict(&verifier, &token).await, "ok");
        }
        assert_eq!(remembered(&verifier), expected, "{token_bytes_max}");
    }
}

#[tokio::test]
async fn memory_stays_within_its_bytes() {
    let settings = TokenCacheSettings { bytes_max: 16 * 1_024, token_bytes_max: 1_024 };
    let scene = scene(settings).await;
    let mut fullest = 0;
    for n in 0..200 {
        let token = scene.token_for(&scene.key, 600 + n);
        assert_eq!(scene.verdict(&token).await, "ok");
        let TokenCacheUse { tokens, bytes } = scene.verifier.token_cache().unwrap();
        assert!(bytes <= 16 * 1_024, "{tokens} tokens take {bytes} bytes");
        fullest = fullest.max(tokens);
    }
    assert!((4..32).contains(&fullest), "{fullest} tokens at most");
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let sound = TokenCacheSettings { bytes_max: 16 * 1_024, token_bytes_max: 1_024 };
    let refused = [
        TokenCacheSettings { bytes_max: sound.bytes_max - 1, ..sound },
        TokenCacheSettings { token_bytes_max: 0, ..sound },
        TokenCacheSettings { token_bytes_max: 16 * 1_024 + 1, bytes_max: usize::MAX },
        TokenCacheSettings { bytes_max: 0, ..sound },
    ];
    let build = |settings| {
        let issuer = TrustedIssuer::new(policy("https://issuer.example/"));
        Verifier::builder(issuer).token_cache(settings).build()
    };
    for settings in refused {
        assert_eq!(build(settings).err().unwrap().code(), "config_token_cache", "{settings:?}");
    }
    let largest = TokenCacheSettings { token_bytes_max: 16 * 1_024, ..TokenCacheSettings::default() };
    for settings in [sound, largest, TokenCacheSettings::default()] {
        assert!(build(settings).is_ok(), "{settings:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_duplicates_share_one_verification() {
    const CALLERS: u64 = 8;
    const TOKENS: u64 = 20;
    let recorder = DebuggingRecorder::new();
    let counted = recorder.snapshotter();
    let scene = {
        let issuer = FakeIssuer::start().await;
        let (clock, key) = (clock(), TestKey::generate(Algorithm::RS256, "first"));
        issuer.publish(&[&key]);
        let policy = Policy::new(issuer.issuer(), AUDIENCE, [Algorithm::RS256]).unwrap();
        let builder = Verifier::builder(policy).token_cache(TokenCacheSettings::default());
        let builder = builder.clock(clock.clone());
        let verifier = metrics::with_local_recorder(&recorder, || builder.build()).unwrap();
        Scene { issuer, clock, key, verifier: Arc::new(verifier) }
    };
    scene.verifier.preload().await.unwrap();
    let tokens: Vec<_> = (0..TOKENS).map(|n| scene.token_for(&scene.key, 600 + n)).collect();
    let start = Arc::new(Barrier::new(8));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (verifier, tokens, start) = (Arc::clone(&scene.verifier), tokens.clone(), Arc::clone(&start));
            std::thread::spawn(move || {
                for token in &tokens {
                    start.wait();
                    assert!(verifier.try_verify_token(token).is_ok());
                }
            })
        })
        .collect();
    for caller in callers {
        caller.join().unwrap();
    }
    let outcomes = counted.snapshot().into_vec().into_iter().filter_map(|(key, _, _, value)| match value {
        DebugValue::Counter(count) if key.key().name() == "jwksmith_token_cache_total" => {
            Some((key.key().labels().next().unwrap().value().to_owned(), count))
        }
        _ => None,
    });
    let outcomes: BTreeMap<_, _> = outcomes.collect();
    assert_eq!(outcomes["hit"] + outcomes["miss"], TOKENS * CALLERS, "{outcomes:?}");
    // One for each as a rule; on a busy machine a caller may wait for longer than it is ready to, and look for itself.
    assert!((TOKENS..TOKENS * CALLERS / 2).contains(&outcomes["miss"]), "{outcomes:?}");
}
