//! Defects that others of this kind have had, and the test that shows each of them absent here: [`DEFECTS`].
//!
//! The tests of this file are for those that no other file has a place for.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where its set-up fails")]

mod common;

use std::path::Path;
use std::sync::Arc;

use common::{AUDIENCE, FLOOR, NOW, Scene, build, cached, clock, key, until, verdict};
use jwksmith_testkit::{FakeIssuer, Gate, Reply, TestKey};
use jwksmith_verifier::{AccessClaims, Algorithm, Policy, TrustedIssuer, VerifyError};

/// What went wrong elsewhere, and where it is tested: `FILE::FUNCTION`, under the crates.
#[rustfmt::skip]
const DEFECTS: &[(&str, &[&str])] = &[
    ("the pause between fetches counts from successes only, so an outage costs a fetch for each request", &[
        "verifier/tests/verifier.rs::unreachable_issuer_is_asked_once_per_floor_and_then_less",
        "verifier/tests/network.rs::issuer_that_fails_is_asked_less_and_less",
    ]),
    ("a known key waits behind the fetch for an unknown one", &[
        "verifier/tests/defects.rs::known_key_is_served_while_an_unknown_one_is_looked_for",
        "verifier/tests/verifier.rs::known_key_never_waits_for_a_fetch",
    ]),
    ("nothing expires: a withdrawn key lives for ever, a stale set is served without limit", &[
        "verifier/tests/operation.rs::withdrawn_key_lives_as_long_as_the_revocation_bound_says",
        "verifier/tests/snapshots.rs::saved_set_is_used_no_longer_than_the_settings_allow",
    ]),
    ("another key comes under a known `kid`, and the old one is still used", &[
        "verifier/tests/verifier.rs::key_replaced_under_its_old_kid_is_found_by_the_one_more_try",
        "verifier/tests/token_cache.rs::tokens_of_a_key_go_with_it",
    ]),
    ("the first token after a rotation is refused though a fetch would have helped", &[
        "verifier/tests/verifier.rs::unknown_key_is_fetched_once_and_found",
        "verifier/tests/operation.rs::burst_lets_two_quick_rotations_through_and_not_a_third",
        "verifier/tests/modes.rs::every_mode_is_met_as_its_row_says",
    ]),
    ("each key or each worker fetches for itself", &[
        "verifier/tests/defects.rs::all_keys_of_a_set_cost_one_fetch",
        "verifier/tests/operation.rs::thousand_cold_callers_share_one_fetch_though_half_of_them_give_up",
    ]),
    ("whoever is limited is held up for a minute, or gets an error that blames the server", &[
        "verifier/tests/defects.rs::limited_caller_is_refused_at_once_and_by_type",
        "verifier/tests/operation.rs::caller_waits_no_longer_than_it_may_and_the_fetch_goes_on",
    ]),
    ("a bad signature under a known `kid` costs a fetch each time", &[
        "verifier/tests/verifier.rs::flood_of_forged_signatures_costs_one_fetch_per_floor",
    ]),
    ("keys of several places are pooled, and bound to no issuer", &[
        "verifier/tests/issuers.rs::token_is_verified_with_the_keys_of_its_issuer_only",
        "verifier/tests/issuers.rs::template_leaves_an_issuer_that_is_configured_by_name_its_own",
    ]),
    ("`use` must be there, or `use` and `key_ops` are not looked at", &[
        "jose/tests/key_sets.rs::key_for_another_use_is_skipped",
    ]),
    ("the `kid` is a hint, and other keys are tried", &[
        "jose/tests/tokens/main.rs::kid_without_one_fitting_key_is_refused",
        "verifier/tests/defects.rs::key_of_another_kid_is_not_tried",
    ]),
    ("a certificate is preferred to the key beside it, and the two are not compared", &[
        "jose/tests/key_sets.rs::certificate_of_another_key_is_skipped",
    ]),
    ("neither status nor content is looked at; an empty set replaces a good one", &[
        "verifier/tests/network.rs::only_200_brings_a_key_set",
        "verifier/tests/verifier.rs::bad_answers_never_replace_a_good_set",
        "verifier/tests/sources.rs::bad_file_never_replaces_a_good_set",
    ]),
    ("a body is limited once it is in memory, or not at all", &[
        "verifier/tests/network.rs::body_limit_counts_what_is_sent_and_what_comes_out",
        "verifier/src/transport/file.rs::file_without_an_end_or_a_length_is_bounded",
    ]),
    ("options are accepted and ignored", &[
        "verifier/src/cache/settings.rs::contradictory_settings_are_refused",
        "verifier/src/transport/settings.rs::contradictory_settings_are_refused",
        "verifier/tests/network.rs::freshness_is_what_the_issuer_says_within_the_settings",
        "verifier/tests/network.rs::timeout_changes_for_how_long_an_answer_is_waited_for",
        "verifier/tests/operation.rs::memory_of_unknown_kids_is_bounded",
    ]),
    ("a redirect leads anywhere; what a stranger writes is sent to the issuer", &[
        "verifier/tests/network.rs::origin_is_compared_at_each_hop",
        "verifier/tests/network.rs::requests_say_what_they_want_and_nothing_of_the_token",
    ]),
    ("a default that defeats caching", &[
        "verifier/tests/network.rs::freshness_is_what_the_issuer_says_within_the_settings",
        "verifier/tests/verifier.rs::first_token_locates_the_key_set_and_the_next_needs_no_request",
    ]),
    ("a wake-up is lost between looking and waiting", &[
        "verifier/tests/defects.rs::no_wake_up_is_lost",
    ]),
    ("`jwks_uri` is discovered once and never again", &[
        "verifier/tests/sources.rs::moved_key_set_is_discovered_again_whether_its_old_place_is_gone_or_stays",
    ]),
    ("a refresh ahead of time that failed is tried again by each request", &[
        "verifier/tests/defects.rs::failed_refresh_ahead_of_time_is_not_tried_again_by_each_request",
    ]),
    ("the memory of verified tokens outlives their key, or mixes tokens, issuers or policies up", &[
        "verifier/tests/token_cache.rs::tokens_of_a_key_go_with_it",
        "verifier/tests/token_cache.rs::tokens_that_share_a_part_are_kept_apart",
        "verifier/tests/token_cache.rs::remembered_token_of_one_issuer_says_nothing_to_another",
        "verifier/tests/token_cache.rs::remembered_token_expires_in_its_time",
    ]),
    ("claims of a wrong type pass; no `typ`, no `exp` and an unknown `crit` are accepted", &[
        "jose/tests/tokens/main.rs::claim_of_wrong_type_is_refused",
        "jose/tests/tokens/main.rs::token_type_beside_the_expected_is_refused",
        "jose/tests/tokens/main.rs::token_outside_its_time_is_refused",
        "jose/tests/tokens/main.rs::header_member_of_wrong_type_is_refused",
    ]),
    ("names that a JSON library uses inside reshape objects", &[
        "jose/src/json/tests.rs::check_refuses_names_that_reshape_objects",
    ]),
    ("an empty `kid` takes a way around the cache", &[
        "verifier/tests/defects.rs::empty_kid_takes_no_way_around_the_cache",
    ]),
    ("kinds of keys are mixed up or forgotten", &[
        "verifier/tests/defects.rs::key_of_every_algorithm_is_found_in_one_set",
        "jose/tests/key_sets.rs::selection_takes_the_one_fitting_key",
    ]),
    ("`Ed25519` (RFC 9864) is not taken where `EdDSA` is", &[
        "jose/tests/tokens/main.rs::algorithm_beside_policy_or_key_is_refused",
    ]),
    ("callers of a first fetch that fails repeat it one after the other", &[
        "verifier/tests/operation.rs::thousand_cold_callers_share_one_failure",
    ]),
    ("nothing starts while the issuer is down, or it starts and silently has no keys", &[
        "verifier/tests/operation.rs::preload_names_the_issuer_that_is_not_ready",
        "verifier/tests/snapshots.rs::restart_with_the_issuer_down_verifies",
        "verifier/tests/issuers.rs::thousand_issuers_cost_no_request_until_their_tokens_come",
    ]),
];

#[test]
fn every_defect_has_its_test() {
    for (defect, places) in DEFECTS {
        assert!(!places.is_empty(), "{defect}");
        for place in *places {
            assert!(has_test(place), "{defect}: there is no test {place}");
        }
    }
    assert!(!has_test("verifier/tests/defects.rs::has_test"), "a function that is no test");
    assert!(!has_test("verifier/tests/other.rs::no_wake_up_is_lost"), "a file that is none");
}

fn has_test(place: &str) -> bool {
    let (file, function) = place.split_once("::").unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let source = std::fs::read_to_string(path).unwrap_or_default();
    let found = source.split_once(&format!("fn {function}("));
    found.is_some_and(|(before, _)| {
        before.lines().rev().take(3).any(|line| {
            let line = line.trim();
            line.starts_with("#[test]") || line.starts_with("#[tokio::test")
        })
    })
}

#[tokio::test]
async fn eviction_during_a_refresh_that_fails_leaves_an_unknown_key_undecided() {
    let scene = Scene::new().await;
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    let (second, gate) = (key("second"), Gate::closed());
    scene.issuer.serve(FakeIssuer::KEY_SET, Reply::status(500).behind(&gate));
    scene.clock.advance(FLOOR);
    let (verifier, token) = (Arc::clone(&scene.verifier), scene.token_of(&second));
    let waiting = tokio::spawn(async move { verdict(&verifier, &token).await });
    until(|| scene.fetches() == 2).await;
    assert!(scene.verifier.evict(scene.name(), "first"));
    gate.open();
    assert_eq!(waiting.await.unwrap(), "issuer_status");
}

#[tokio::test]
async fn known_key_is_served_while_an_unknown_one_is_looked_for() {
    let scene = Scene::new().await;
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    let (second, gate) = (key("second"), Gate::closed());
    let both = cached(Reply::keys(&[&scene.key, &second])).behind(&gate);
    scene.issuer.serve(FakeIssuer::KEY_SET, both);
    scene.clock.advance(FLOOR);
    let (verifier, token) = (Arc::clone(&scene.verifier), scene.token_of(&second));
    let waiting = tokio::spawn(async move { verdict(&verifier, &token).await });
    until(|| scene.fetches() == 2).await;
    for _ in 0..10 {
        assert_eq!(scene.verdict(&scene.token()).await, "ok");
    }
    assert!(!waiting.is_finished());
    gate.open();
    assert_eq!(waiting.await.unwrap(), "ok");
}

#[tokio::test]
async fn all_keys_of_a_set_cost_one_fetch() {
    let scene = Scene::new().await;
    let keys: Vec<_> = (0..50).map(|n| key(&format!("key-{n}"))).collect();
    scene.publish(&keys.iter().collect::<Vec<_>>());
    for key in &keys {
        assert_eq!(scene.verdict(&scene.token_of(key)).await, "ok");
    }
    assert_eq!(scene.fetches(), 1);
}

#[tokio::test]
async fn limited_caller_is_refused_at_once_and_by_type() {
    let scene = Scene::new().await;
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    // An answer would never come: whoever waited for one would be held up.
    scene.issuer.serve(FakeIssuer::KEY_SET, Reply::hang());
    let error = scene.verifier.verify::<AccessClaims>(&scene.made_up("made-up")).await.unwrap_err();
    assert!(matches!(error, VerifyError::Refused(_)), "{error}");
    assert_eq!(scene.fetches(), 1);
}

#[tokio::test]
async fn key_of_another_kid_is_not_tried() {
    let scene = Scene::new().await;
    let second = key("second");
    scene.publish(&[&scene.key, &second]);
    let claims = TestKey::claims(scene.name(), AUDIENCE, NOW);
    let cases = [
        (scene.key.sign_as(Some("second"), &claims), "signature_invalid"),
        (scene.key.sign_as(Some("FIRST"), &claims), "kid_unknown"),
        (scene.key.sign_as(Some("first "), &claims), "kid_unknown"),
        (scene.key.sign_as(None, &claims), "kid_required"),
        (scene.key.sign_as(Some("first"), &claims), "ok"),
    ];
    for (token, expected) in &cases {
        assert_eq!(scene.verdict(token).await, *expected);
    }
    scene.publish(&[&scene.key]);
    let alone = build(common::trusted(&scene.issuer), &clock());
    assert_eq!(verdict(&alone, &cases[3].0).await, "ok", "where there is one key, none needs to be named");
}

/// Callers that begin to wait just as a fetch ends: one whose wake-up were lost would be told that the fetch still lasts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_wake_up_is_lost() {
    let scene = Scene::new().await;
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    for round in 0..100 {
        scene.clock.advance(FLOOR);
        let callers: Vec<_> = (0..16)
            .map(|n| {
                let (verifier, token) = (Arc::clone(&scene.verifier), scene.made_up(&format!("{round}-{n}")));
                tokio::spawn(async move { verdict(&verifier, &token).await })
            })
            .collect();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), "kid_unknown", "round {round}");
        }
    }
    assert_eq!(scene.fetches(), 101);
}

#[tokio::test]
async fn failed_refresh_ahead_of_time_is_not_tried_again_by_each_request() {
    let scene = Scene::new().await;
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    scene.issuer.outage();
    scene.clock.advance(80);
    for _ in 0..100 {
        assert_eq!(scene.verdict(&scene.token()).await, "ok");
        tokio::task::yield_now().await;
    }
    until(|| scene.status().failing.is_some()).await;
    for _ in 0..100 {
        assert_eq!(scene.verdict(&scene.token()).await, "ok");
        tokio::task::yield_now().await;
    }
    assert_eq!(scene.fetches(), 2);
    assert!(!scene.status().next_refresh_in.is_zero());
}

#[tokio::test]
async fn empty_kid_takes_no_way_around_the_cache() {
    let scene = Scene::new().await;
    for _ in 0..10 {
        assert_ne!(scene.verdict(&scene.made_up("")).await, "ok");
    }
    assert!(scene.fetches() <= 1);
    scene.clock.advance(FLOOR);
    for _ in 0..10 {
        assert_ne!(scene.verdict(&scene.made_up("")).await, "ok");
    }
    assert!(scene.fetches() <= 2);
}

#[tokio::test]
async fn key_of_every_algorithm_is_found_in_one_set() {
    let issuer = FakeIssuer::start().await;
    let asymmetric: Vec<_> = Algorithm::all().filter(|algorithm| !algorithm.is_symmetric()).collect();
    let keys: Vec<_> =
        asymmetric.iter().map(|algorithm| TestKey::generate(*algorithm, algorithm.name())).collect();
    issuer.publish(&keys.iter().collect::<Vec<_>>());
    let policy = Policy::new(issuer.issuer(), AUDIENCE, asymmetric).unwrap();
    let verifier = build(TrustedIssuer::new(policy), &clock());
    for key in &keys {
        let token = key.access_token(issuer.issuer(), AUDIENCE, NOW);
        assert_eq!(verdict(&verifier, &token).await, "ok", "{}", key.key_id());
    }
    assert!(keys.len() >= 8 && issuer.requests(FakeIssuer::KEY_SET) == 1);
}
