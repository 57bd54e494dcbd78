//! The verifier against a scripted issuer on a real socket, on a clock that only the test moves.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where its set-up fails")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{AUDIENCE, FLOOR, Scene, build, cache_settings, cached, trusted, until, verdict};
use jwksmith_testkit::{FakeIssuer, Gate, ManualClock, Reply, TestKey};
use jwksmith_verifier::{
    AccessClaims, Algorithm, CacheSettings, Clock as _, FetchSettings, Policy, TrustedIssuer, UnixTime,
    Verifier, VerifyError,
};
use serde_json::json;

fn verifier(issuer: &FakeIssuer, clock: &Arc<ManualClock>) -> Verifier {
    build(trusted(issuer), clock)
}

/// Preloads for as long as it takes: the fetch goes on when a call gives up.
async fn until_ready(verifier: &Verifier) {
    while verifier.preload().await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn first_token_locates_the_key_set_and_the_next_needs_no_request() {
    let scene = Scene::new().await;
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    assert_eq!((scene.issuer.requests(FakeIssuer::DISCOVERY), scene.fetches()), (1, 1));
    for _ in 0..100 {
        assert_eq!(scene.verdict(&scene.token()).await, "ok");
    }
    assert_eq!((scene.issuer.requests(FakeIssuer::DISCOVERY), scene.fetches()), (1, 1));
}

#[tokio::test]
async fn hopeless_tokens_cause_no_request() {
    let scene = Scene::new().await;
    let now = scene.clock.now();
    let issuer = scene.issuer.issuer();
    let other_algorithm = TestKey::generate(Algorithm::EdDSA, "first");
    let hopeless = [
        ("", "token_malformed"),
        ("a.b", "token_malformed"),
        (&other_algorithm.access_token(issuer, AUDIENCE, now), "alg_not_allowed"),
        (&scene.key.access_token("https://other.example/", AUDIENCE, now), "iss_mismatch"),
        (&scene.key.access_token(issuer, "https://other.example/", now), "aud_mismatch"),
        (&scene.key.access_token(issuer, AUDIENCE, now.saturating_sub(7_200)), "token_expired"),
        (&scene.key.access_token(issuer, AUDIENCE, now.saturating_add(7_200)), "token_not_yet_valid"),
    ];
    for (token, code) in hopeless {
        assert_eq!(scene.verdict(token).await, code);
    }
    assert_eq!((scene.issuer.requests(FakeIssuer::DISCOVERY), scene.fetches()), (0, 0));

    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    for (seconds, age) in [(85, "ahead"), (20, "stale"), (2_000, "expired")] {
        scene.clock.advance(seconds);
        let stranger = scene.key.access_token("https://other.example/", AUDIENCE, scene.clock.now());
        assert_eq!(scene.verdict(&stranger).await, "iss_mismatch");
        assert_eq!(scene.fetches(), 1, "{age}");
    }
}

#[tokio::test]
async fn unknown_key_is_fetched_once_and_found() {
    let scene = Scene::new().await;
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    let second = TestKey::generate(Algorithm::ES256, "second");
    scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&second, &scene.key])));

    assert_eq!(scene.verdict(&scene.token_of(&second)).await, "kid_unknown", "the floor has not passed");
    assert_eq!(scene.fetches(), 1);
    scene.clock.advance(FLOOR);
    assert_eq!(scene.verdict(&scene.token_of(&second)).await, "ok");
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    assert_eq!(scene.fetches(), 2);
}

#[tokio::test]
async fn verified_token_lends_its_claims_and_has_its_one_more_try_too() {
    #[derive(serde::Deserialize)]
    struct Borrowed<'t> {
        iss: &'t str,
    }
    let scene = Scene::new().await;
    let second = TestKey::generate(Algorithm::ES256, "second");
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    scene.clock.advance(FLOOR);
    scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&scene.key, &second])));
    let token = scene.verifier.verify_token(&scene.token_of(&second)).await.unwrap();
    assert_eq!((token.key_id(), scene.fetches()), (Some("second"), 2));
    assert_eq!(token.claims::<Borrowed<'_>>().unwrap().iss, scene.issuer.issuer());
    assert!(token.claims_json().contains("\"iss\""));
    let forged = scene.token_of(&TestKey::generate(Algorithm::ES256, "third"));
    assert_eq!(scene.verifier.verify_token(&forged).await.unwrap_err().code(), "kid_unknown");
}

#[tokio::test]
async fn flood_of_unknown_keys_costs_one_fetch_per_floor_while_good_tokens_pass() {
    let scene = Scene::new().await;
    let good = scene.token();
    assert_eq!(scene.verdict(&good).await, "ok");
    let claims = TestKey::claims(scene.issuer.issuer(), AUDIENCE, scene.clock.now());
    for n in 0..1_000 {
        if n % 250 == 0 {
            scene.clock.advance(FLOOR);
        }
        let made_up = scene.key.sign_as(Some(&format!("made-up-{n}")), &claims);
        assert_eq!(scene.verdict(&made_up).await, "kid_unknown");
        assert_eq!(scene.verdict(&good).await, "ok");
    }
    assert_eq!(scene.fetches(), 1 + 4, "the first fetch, and one for each floor that passed");
}

#[tokio::test]
async fn flood_of_forged_signatures_costs_one_fetch_per_floor() {
    let scene = Scene::new().await;
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    let forger = TestKey::generate(Algorithm::ES256, scene.key.key_id());
    scene.clock.advance(FLOOR);
    for _ in 0..100 {
        assert_eq!(scene.verdict(&scene.token_of(&forger)).await, "signature_invalid");
    }
    assert_eq!(scene.fetches(), 2);
}

#[tokio::test]
async fn key_replaced_under_its_old_kid_is_found_by_the_one_more_try() {
    let scene = Scene::new().await;
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    let replaced = TestKey::generate(Algorithm::ES256, scene.key.key_id());
    scene.issuer.publish(&[&replaced]);
    scene.clock.advance(FLOOR);
    assert_eq!(scene.verdict(&scene.token_of(&replaced)).await, "ok");
    assert_eq!(scene.verdict(&scene.token()).await, "signature_invalid");
}

#[tokio::test]
async fn simultaneous_first_callers_share_one_fetch() {
    let scene = Scene::new().await;
    let gate = Gate::closed();
    scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&scene.key])).behind(&gate));
    let callers: Vec<_> = (0..200)
        .map(|_| {
            let (verifier, token) = (Arc::clone(&scene.verifier), scene.token());
            tokio::spawn(async move { verdict(&verifier, &token).await })
        })
        .collect();
    until(|| scene.fetches() == 1).await;
    gate.open();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "ok");
    }
    assert_eq!((scene.issuer.requests(FakeIssuer::DISCOVERY), scene.fetches()), (1, 1));
}

#[tokio::test]
async fn caller_that_gives_up_strands_nobody() {
    let scene = Scene::new().await;
    let gate = Gate::closed();
    scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&scene.key])).behind(&gate));
    let call = || {
        let (verifier, token) = (Arc::clone(&scene.verifier), scene.token());
        tokio::spawn(async move { verdict(&verifier, &token).await })
    };
    let leader = call();
    until(|| scene.fetches() == 1).await;
    let follower = call();
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    gate.open();
    assert_eq!(follower.await.unwrap(), "ok");
    assert_eq!(scene.fetches(), 1);
}

#[tokio::test]
async fn known_key_never_waits_for_a_fetch() {
    let scene = Scene::new().await;
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    let gate = Gate::closed();
    scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&scene.key])).behind(&gate));
    scene.clock.advance(80);
    assert_eq!(scene.verdict(&scene.token()).await, "ok", "ahead of time, with a fetch that hangs");
    scene.clock.advance(19);
    assert_eq!(scene.verdict(&scene.token()).await, "ok", "still fresh, with a fetch that hangs");
    until(|| scene.fetches() == 2).await;
    gate.open();
}

#[tokio::test]
async fn withdrawn_key_is_refused_after_a_quiet_time() {
    let scene = Scene::new().await;
    let second = TestKey::generate(Algorithm::ES256, "second");
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&second])));
    scene.clock.advance(100);
    assert_eq!(
        scene.verdict(&scene.token()).await,
        "kid_unknown",
        "past its freshness the set is refreshed first"
    );
}

#[tokio::test]
async fn withdrawn_key_gains_no_time_by_silence_where_its_absence_is_to_be_confirmed() {
    // Fresh for 100 s, and so much later is the first token after the key was withdrawn.
    for (quiet, expected) in [(50, "ok"), (129, "ok"), (130, "kid_unknown"), (1_000, "kid_unknown")] {
        let scene = Scene::new().await;
        let policy = Policy::new(scene.issuer.issuer(), AUDIENCE, [Algorithm::ES256]).unwrap();
        let settings = CacheSettings { absence_confirmed_after: Duration::from_secs(30), ..cache_settings() };
        let clock = Arc::clone(&scene.clock);
        let verifier = Verifier::builder(TrustedIssuer::new(policy).cache(settings)).clock(clock);
        let verifier = verifier.build().unwrap();
        assert_eq!(verdict(&verifier, &scene.token()).await, "ok");
        let second = TestKey::generate(Algorithm::ES256, "second");
        scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&second])));
        scene.clock.advance(quiet);
        assert_eq!(verdict(&verifier, &scene.token()).await, expected, "after {quiet} s");
    }
}

#[tokio::test]
async fn evicted_key_stays_out_after_a_restart_and_its_successor_does_not() {
    let scene = Scene::new().await;
    let issuer = scene.issuer.issuer();
    let taken_over = || {
        let next = verifier(&scene.issuer, &scene.clock);
        next.import(&scene.verifier.export(issuer).unwrap()).unwrap();
        next
    };
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    assert!(scene.verifier.evict(issuer, "first"));
    assert_ne!(verdict(&taken_over(), &scene.token()).await, "ok");

    let successor = TestKey::generate(Algorithm::ES256, "first");
    scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&successor])));
    scene.clock.advance(FLOOR);
    assert_eq!(scene.verdict(&scene.token_of(&successor)).await, "ok");
    let next = taken_over();
    assert_eq!(verdict(&next, &scene.token_of(&successor)).await, "ok");
    assert_ne!(verdict(&next, &scene.token()).await, "ok");
}

#[tokio::test]
async fn signature_that_does_not_fit_is_undecided_while_the_refresh_outlasts_the_call() {
    let scene = Scene::new().await;
    let policy = Policy::new(scene.issuer.issuer(), AUDIENCE, [Algorithm::ES256]).unwrap();
    let settings = CacheSettings { wait_max: Duration::from_millis(50), ..cache_settings() };
    let clock = Arc::clone(&scene.clock);
    let verifier =
        Verifier::builder(TrustedIssuer::new(policy).cache(settings)).clock(clock).build().unwrap();
    // The first set is there before the patience of a call matters.
    until_ready(&verifier).await;
    let replaced = scene.token_of(&TestKey::generate(Algorithm::ES256, scene.key.key_id()));
    let gate = Gate::closed();
    scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&scene.key])).behind(&gate));
    scene.clock.advance(FLOOR);
    assert_eq!(verdict(&verifier, &replaced).await, "fetch_pending");
    gate.open();
}

#[tokio::test]
async fn refresh_ahead_happens_in_the_background_and_withdraws_a_key() {
    let scene = Scene::new().await;
    let second = TestKey::generate(Algorithm::ES256, "second");
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&second])));

    scene.clock.advance(69);
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    assert_eq!(scene.fetches(), 1, "still fresh");
    scene.clock.advance(11);
    assert_eq!(scene.verdict(&scene.token()).await, "ok", "served while it is refreshed");
    until(|| scene.located().is_some_and(|located| located.keys.knows("second"))).await;
    assert_eq!(scene.verdict(&scene.token()).await, "kid_unknown", "the withdrawn key is gone");
    assert_eq!(scene.verdict(&scene.token_of(&second)).await, "ok");
    assert_eq!(scene.fetches(), 2);
}

#[tokio::test]
async fn outage_is_survived_until_the_stale_limit() {
    let scene = Scene::new().await;
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    scene.issuer.serve(FakeIssuer::KEY_SET, Reply::status(500));
    scene.issuer.serve(FakeIssuer::DISCOVERY, Reply::status(500));
    scene.clock.advance(1_099);
    assert_eq!(scene.verdict(&scene.token()).await, "ok", "stale");
    assert_eq!(scene.fetches(), 2, "served only after a refresh has failed");
    scene.clock.advance(1);
    assert_eq!(scene.verdict(&scene.token()).await, "issuer_status", "expired");

    scene.issuer.serve(FakeIssuer::DISCOVERY, Reply::json(&scene.issuer.discovery()));
    scene.issuer.publish(&[&scene.key]);
    scene.clock.advance(300);
    assert_eq!(scene.verdict(&scene.token()).await, "ok", "the issuer is back");
}

#[tokio::test]
async fn bad_answers_never_replace_a_good_set() {
    let big = "x".repeat(300 * 1024);
    let bad = [
        Reply::status(500),
        Reply::status(404),
        Reply::status(204),
        Reply::status(304),
        Reply::text(""),
        Reply::text("<html>"),
        Reply::text("{}"),
        Reply::text(r#"{"keys":[]}"#),
        Reply::text(r#"{"keys":[null]}"#),
        Reply::text(r#"{"keys":[],"keys":[]}"#),
        Reply::text(&big),
        Reply::status(302).header("location", "https://other.example/"),
    ];
    let scene = Scene::new().await;
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    let mut claims = TestKey::claims(scene.issuer.issuer(), AUDIENCE, scene.clock.now());
    claims["exp"] = json!(scene.clock.now().saturating_add(86_400).as_seconds());
    let made_up = scene.key.sign_as(Some("made-up"), &claims);
    let good = scene.key.sign(&claims);
    for (n, reply) in bad.into_iter().enumerate() {
        scene.issuer.serve(FakeIssuer::KEY_SET, reply);
        let before = scene.fetches();
        // Past the longest backoff, and well within the stale limit.
        scene.clock.advance(300);
        let verdict = scene.verdict(&made_up).await;
        assert!(!["ok", "kid_unknown"].contains(&verdict), "answer {n}: undecided, not refused: {verdict}");
        assert_eq!(scene.fetches(), before + 1, "answer {n}");
        assert_eq!(scene.verdict(&good).await, "ok", "answer {n}");
        scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&scene.key])));
        scene.clock.advance(300);
        assert_eq!(scene.verdict(&made_up).await, "kid_unknown");
    }
}

#[tokio::test]
async fn unreachable_issuer_is_asked_once_per_floor_and_then_less() {
    let scene = Scene::new().await;
    scene.issuer.serve(FakeIssuer::DISCOVERY, Reply::status(503));
    for _ in 0..100 {
        assert_eq!(scene.verdict(&scene.token()).await, "issuer_status");
    }
    assert_eq!(scene.issuer.requests(FakeIssuer::DISCOVERY), 1);
    scene.clock.advance(FLOOR);
    assert_eq!(scene.verdict(&scene.token()).await, "issuer_status");
    scene.clock.advance(FLOOR);
    assert_eq!(scene.verdict(&scene.token()).await, "issuer_status");
    assert_eq!(scene.issuer.requests(FakeIssuer::DISCOVERY), 2, "after two failures the floor has doubled");
}

#[tokio::test]
async fn retry_after_of_the_issuer_is_honoured_and_passed_on() {
    let scene = Scene::new().await;
    scene.issuer.serve(FakeIssuer::DISCOVERY, Reply::status(429).header("retry-after", "120"));
    let error = scene.verifier.verify::<AccessClaims>(&scene.token()).await.unwrap_err();
    let VerifyError::Undecided(undecided) = error else { panic!("{error}") };
    assert_eq!(undecided.retry_after, Duration::from_mins(2));
    scene.clock.advance(119);
    assert_eq!(scene.verdict(&scene.token()).await, "issuer_status");
    assert_eq!(scene.issuer.requests(FakeIssuer::DISCOVERY), 1);
    scene.clock.advance(1);
    assert_eq!(scene.verdict(&scene.token()).await, "issuer_status");
    assert_eq!(scene.issuer.requests(FakeIssuer::DISCOVERY), 2);
}

#[tokio::test]
async fn unchanged_set_is_confirmed_by_its_entity_tag() {
    let scene = Scene::new().await;
    scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&scene.key])).header("etag", "\"1\""));
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    let before = scene.located().unwrap();
    scene.clock.advance(100);
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    assert_eq!((scene.fetches(), scene.issuer.confirmations(FakeIssuer::KEY_SET)), (2, 1));
    let after = scene.located().unwrap();
    assert!(Arc::ptr_eq(&before.keys, &after.keys), "304 keeps the parsed keys");
}

#[tokio::test]
async fn entity_tag_belongs_to_the_set_that_had_it() {
    let scene = Scene::new().await;
    let second = TestKey::generate(Algorithm::ES256, "second");
    let tagged = || cached(Reply::keys(&[&scene.key])).header("etag", "\"first\"");
    scene.issuer.serve(FakeIssuer::KEY_SET, tagged());
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&second])));
    scene.clock.advance(100);
    assert_eq!(scene.verdict(&scene.token_of(&second)).await, "ok");
    // Back to the first set: its tag must not make the second one look current.
    scene.issuer.serve(FakeIssuer::KEY_SET, tagged());
    scene.clock.advance(100);
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    assert_eq!(scene.verdict(&scene.token_of(&second)).await, "kid_unknown");
}

#[tokio::test]
async fn confirmation_without_caching_keeps_the_freshness_said_before() {
    let scene = Scene::new().await;
    scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&scene.key])).header("etag", "\"1\""));
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    for fetches in 2..4 {
        scene.clock.advance(100);
        assert_eq!(scene.verdict(&scene.token()).await, "ok");
        assert_eq!(scene.fetches(), fetches, "a 304 of the scripted issuer has no Cache-Control");
    }
}

#[tokio::test]
async fn key_set_that_moved_and_left_its_old_keys_behind_is_found() {
    let scene = Scene::new().await;
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    let second = TestKey::generate(Algorithm::ES256, "second");
    let moved = json!({ "issuer": scene.issuer.issuer(), "jwks_uri": scene.issuer.url("/moved") });
    scene.issuer.serve(FakeIssuer::DISCOVERY, Reply::json(&moved));
    scene.issuer.serve("/moved", Reply::keys(&[&second]));
    scene.clock.advance(FLOOR);
    assert_eq!(scene.verdict(&scene.token_of(&second)).await, "ok");
    assert_eq!((scene.fetches(), scene.issuer.requests("/moved")), (1, 1));
}

/// A verifier that gives up a refresh after a moment of real time.
fn impatient(scene: &Scene) -> Verifier {
    let policy = Policy::new(scene.issuer.issuer(), AUDIENCE, [Algorithm::ES256]).unwrap();
    let fetch = FetchSettings { timeout: Duration::from_secs(1), ..FetchSettings::default() };
    let clock = Arc::clone(&scene.clock);
    Verifier::builder(TrustedIssuer::new(policy).fetch(fetch).cache(cache_settings()))
        .clock(clock)
        .build()
        .unwrap()
}

#[tokio::test]
async fn key_set_that_moved_and_hangs_at_its_old_place_is_found() {
    let scene = Scene::new().await;
    let verifier = impatient(&scene);
    assert_eq!(verdict(&verifier, &scene.token()).await, "ok");
    let moved = json!({ "issuer": scene.issuer.issuer(), "jwks_uri": scene.issuer.url("/moved") });
    scene.issuer.serve(FakeIssuer::DISCOVERY, Reply::json(&moved));
    scene.issuer.serve(FakeIssuer::KEY_SET, Reply::status(200).behind(&Gate::closed()));
    scene.issuer.serve("/moved", Reply::keys(&[&scene.key]));
    scene.clock.advance(2_000);
    assert_eq!(
        verdict(&verifier, &scene.token()).await,
        "issuer_unreachable",
        "the old place is asked first"
    );
    scene.clock.advance(FLOOR);
    assert_eq!(verdict(&verifier, &scene.token()).await, "ok");
}

#[tokio::test]
async fn discovery_that_hangs_leaves_time_for_the_known_key_set() {
    let scene = Scene::new().await;
    let verifier = impatient(&scene);
    assert_eq!(verdict(&verifier, &scene.token()).await, "ok");
    scene.issuer.serve(FakeIssuer::DISCOVERY, Reply::status(200).behind(&Gate::closed()));
    let second = TestKey::generate(Algorithm::ES256, "second");
    scene.clock.advance(FLOOR);
    assert_eq!(verdict(&verifier, &scene.token_of(&second)).await, "kid_unknown");
    assert_eq!(verdict(&verifier, &scene.token()).await, "ok");
}

#[tokio::test]
async fn moved_key_set_is_located_again() {
    let scene = Scene::new().await;
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    let second = TestKey::generate(Algorithm::ES256, "second");
    let moved = json!({ "issuer": scene.issuer.issuer(), "jwks_uri": scene.issuer.url("/moved") });
    scene.issuer.serve(FakeIssuer::KEY_SET, Reply::status(410));
    scene.issuer.serve(FakeIssuer::DISCOVERY, Reply::json(&moved));
    scene.issuer.serve("/moved", Reply::keys(&[&scene.key, &second]));
    scene.clock.advance(100);
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    assert_eq!(scene.verdict(&scene.token_of(&second)).await, "ok");
    assert_eq!(scene.issuer.requests("/moved"), 1);
}

#[tokio::test]
async fn issuer_with_oauth_metadata_only_is_located() {
    let scene = Scene::new().await;
    scene.issuer.serve(FakeIssuer::DISCOVERY, Reply::status(404));
    scene.issuer.serve("/.well-known/oauth-authorization-server", Reply::json(&scene.issuer.discovery()));
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
}

#[tokio::test]
async fn faults_of_the_issuer_have_their_own_codes() {
    let scene = Scene::new().await;
    let issuer = scene.issuer.issuer();
    let keys = scene.issuer.url(FakeIssuer::KEY_SET);
    let redirect = Reply::status(302).header("location", &scene.issuer.url("/elsewhere"));
    let discovery = [
        (
            Reply::json(&json!({ "issuer": "https://other.example/", "jwks_uri": keys })),
            "discovery_issuer_mismatch",
        ),
        (
            Reply::json(&json!({ "issuer": issuer.trim_end_matches('/'), "jwks_uri": keys })),
            "discovery_issuer_mismatch",
        ),
        (Reply::json(&json!({ "jwks_uri": keys })), "discovery_member_missing"),
        (Reply::json(&json!({ "issuer": issuer })), "discovery_member_missing"),
        (
            Reply::json(&json!({ "issuer": issuer, "jwks_uri": "file:///etc/passwd" })),
            "discovery_jwks_uri_refused",
        ),
        (
            Reply::json(&json!({ "issuer": issuer, "jwks_uri": "http://192.0.2.1/" })),
            "discovery_jwks_uri_refused",
        ),
        (Reply::text("not JSON"), "discovery_malformed"),
        (Reply::text(r#"{"issuer":"a","issuer":"b"}"#), "discovery_duplicate_member"),
        (Reply::status(404), "discovery_missing"),
        (Reply::status(500), "issuer_status"),
        (redirect.clone(), "issuer_redirect"),
        (Reply::text(&"x".repeat(300 * 1024)), "issuer_body_too_large"),
    ];
    for (reply, code) in discovery {
        scene.issuer.serve(FakeIssuer::DISCOVERY, reply);
        assert_eq!(verdict(&verifier(&scene.issuer, &scene.clock), &scene.token()).await, code);
    }
    assert_eq!(scene.fetches(), 0, "no key set is fetched that a bad document names");

    scene.issuer.serve(FakeIssuer::DISCOVERY, Reply::json(&scene.issuer.discovery()));
    let hundred_and_one: Vec<_> = (0..101).map(|_| json!({})).collect();
    let key_set = [
        (Reply::status(404), "issuer_status"),
        (redirect, "issuer_redirect"),
        (Reply::text("<html>"), "key_set_malformed"),
        (Reply::text("[]"), "key_set_malformed"),
        (Reply::text(r#"{"keys":[],"keys":[]}"#), "key_set_duplicate_member"),
        (Reply::text("{}"), "key_set_keys_missing"),
        (Reply::json(&json!({ "keys": hundred_and_one })), "key_set_too_many_keys"),
        (Reply::text(r#"{"keys":[]}"#), "key_set_no_usable_key"),
        (
            Reply::json(&json!({ "keys": [{ "kty": "oct", "k": "AAAA", "kid": "first" }] })),
            "key_set_no_usable_key",
        ),
        (Reply::text(&"x".repeat(300 * 1024)), "issuer_body_too_large"),
    ];
    for (reply, code) in key_set {
        scene.issuer.serve(FakeIssuer::KEY_SET, reply);
        assert_eq!(verdict(&verifier(&scene.issuer, &scene.clock), &scene.token()).await, code);
    }
    assert_eq!(scene.issuer.requests("/elsewhere"), 0, "no redirect is followed");
}

#[tokio::test]
async fn deadline_of_a_fetch_is_kept() {
    let scene = Scene::new().await;
    let gate = Gate::closed();
    scene.issuer.serve(FakeIssuer::DISCOVERY, Reply::status(200).behind(&gate));
    let policy = Policy::new(scene.issuer.issuer(), AUDIENCE, [Algorithm::ES256]).unwrap();
    let fetch = FetchSettings { timeout: Duration::from_millis(50), ..FetchSettings::default() };
    let clock = Arc::clone(&scene.clock);
    let impatient = Verifier::builder(TrustedIssuer::new(policy).fetch(fetch)).clock(clock).build().unwrap();
    assert_eq!(verdict(&impatient, &scene.token()).await, "issuer_unreachable");
}

#[tokio::test]
async fn body_limit_holds_at_the_limit_and_one_past_it() {
    let scene = Scene::new().await;
    let body_bytes = serde_json::to_vec(&json!({ "keys": [scene.key.jwk()] })).unwrap().len();
    for (body_bytes_max, expected) in [(body_bytes, "ok"), (body_bytes - 1, "issuer_body_too_large")] {
        let policy = Policy::new(scene.issuer.issuer(), AUDIENCE, [Algorithm::ES256]).unwrap();
        let fetch = FetchSettings { body_bytes_max, ..FetchSettings::default() };
        let clock = Arc::clone(&scene.clock);
        let verifier =
            Verifier::builder(TrustedIssuer::new(policy).fetch(fetch)).clock(clock).build().unwrap();
        assert_eq!(verdict(&verifier, &scene.token()).await, expected);
    }
}

#[tokio::test]
async fn two_issuers_with_one_kid_stay_apart() {
    let (one, two) = (Scene::new().await, Scene::new().await);
    assert_eq!(one.verdict(&one.token()).await, "ok");
    assert_eq!(two.verdict(&two.token()).await, "ok");
    let crossed = two.key.access_token(one.issuer.issuer(), AUDIENCE, one.clock.now());
    assert_eq!(one.verdict(&crossed).await, "signature_invalid");
    assert_eq!(one.verdict(&two.token()).await, "signature_invalid");
}

#[tokio::test]
async fn correcting_the_clock_does_not_age_the_cache() {
    let scene = Scene::new().await;
    let token = scene.token();
    assert_eq!(scene.verdict(&token).await, "ok");
    scene.clock.correct(UnixTime::from_seconds(1_900_000_000));
    assert_eq!(scene.verdict(&token).await, "token_expired");
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    assert_eq!(scene.fetches(), 1);
}

#[test]
fn unusable_issuers_are_refused_when_the_verifier_is_made() {
    let refused = [
        "issuer.example",
        "http://issuer.example/",
        "file:///etc/",
        "https://user@issuer.example/",
        "https://issuer.example/?a=b",
        "https://issuer.example/#a",
        "ftp://issuer.example/",
    ];
    for issuer in refused {
        let policy = Policy::new(issuer, AUDIENCE, [Algorithm::RS256]).unwrap();
        let error = Verifier::new(policy).err().unwrap_or_else(|| panic!("{issuer} was taken"));
        assert_eq!(error.code(), "config_issuer", "{issuer}");
    }
    for issuer in
        ["https://issuer.example", "https://issuer.example/a/b", "http://localhost:1/", "http://[::1]:1/"]
    {
        assert!(
            Verifier::new(Policy::new(issuer, AUDIENCE, [Algorithm::RS256]).unwrap()).is_ok(),
            "{issuer}"
        );
    }
    let settings = CacheSettings { floor: Duration::ZERO, ..CacheSettings::default() };
    let policy = Policy::new("https://issuer.example/", AUDIENCE, [Algorithm::RS256]).unwrap();
    assert_eq!(
        Verifier::builder(TrustedIssuer::new(policy).cache(settings)).build().err().unwrap().code(),
        "config_cache"
    );
}
