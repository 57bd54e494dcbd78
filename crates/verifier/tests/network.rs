//! What goes over the network: where a fetch may lead, how much it takes, how long it lasts, and what the issuer says of caching.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where its set-up fails")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{
    AUDIENCE, FLOOR, FRESH, NOW, Scene, build, cache_settings, cached, clock, key, policy, status, trusted,
    verdict,
};
use jwksmith_testkit::{Answers, FakeIssuer, FakeProxy, Gate, Reply, TestKey};
use jwksmith_verifier::{
    AccessClaims, Age, CacheSettings, Clock as _, FetchSettings, KeySource, TrustedIssuer, UnixTime,
    VerifyError,
};
use serde_json::json;

fn fetch_settings() -> FetchSettings {
    FetchSettings::default()
}

/// The verdict on a good token of this issuer by a verifier of its own.
async fn fetched(issuer: &FakeIssuer, key: &TestKey, fetch: FetchSettings) -> &'static str {
    let verifier = build(trusted(issuer).fetch(fetch), &clock());
    verdict(&verifier, &key.access_token(issuer.issuer(), AUDIENCE, NOW)).await
}

/// An issuer with one key.
async fn issuer() -> (FakeIssuer, TestKey) {
    let (issuer, key) = (FakeIssuer::start().await, key("first"));
    issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&key])));
    (issuer, key)
}

// Where a fetch may lead

#[tokio::test]
async fn redirects_are_followed_as_far_as_allowed_and_within_the_origin() {
    for status in [301, 302, 303, 307, 308] {
        for (redirects_max, hops, expected) in [
            (0, 0, "ok"),
            (0, 1, "issuer_redirect"),
            (1, 1, "ok"),
            (1, 2, "issuer_redirect"),
            (2, 2, "ok"),
            (2, 3, "issuer_redirect"),
        ] {
            let (issuer, key) = issuer().await;
            for hop in 0..hops {
                let from = if hop == 0 { FakeIssuer::KEY_SET.to_owned() } else { format!("/hop-{hop}") };
                issuer.serve(&from, Reply::redirect(status, &format!("/hop-{}", hop + 1)));
                issuer.serve(&format!("/hop-{}", hop + 1), Reply::keys(&[&key]));
            }
            let fetch = FetchSettings { redirects_max, ..fetch_settings() };
            let verdict = fetched(&issuer, &key, fetch).await;
            assert_eq!(verdict, expected, "{status}: {hops} hops of {redirects_max}");
        }
    }
}

#[tokio::test]
async fn redirect_to_another_origin_is_never_followed() {
    let (issuer, key) = issuer().await;
    let other_port = FakeIssuer::start().await;
    other_port.publish(&[&key]);
    issuer.serve("/keys", Reply::keys(&[&key]));
    let (here, there) = (issuer.url("/keys"), other_port.url(FakeIssuer::KEY_SET));
    let places = [
        there.clone(),
        here.replace("127.0.0.1", "localhost"),
        here.replace("http:", "https:"),
        there.trim_start_matches("http:").to_owned(),
        "file:///etc/passwd".to_owned(),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "not a URL at all: \u{1}".to_owned(),
        String::new(),
    ];
    for documents in [FakeIssuer::DISCOVERY, FakeIssuer::KEY_SET] {
        for place in &places {
            issuer.serve(FakeIssuer::DISCOVERY, Reply::json(&issuer.discovery()));
            issuer.serve(documents, Reply::redirect(302, place));
            let fetch = FetchSettings { redirects_max: 5, ..fetch_settings() };
            let verdict = fetched(&issuer, &key, fetch).await;
            assert!(verdict.starts_with("issuer_"), "{documents} to {place}: {verdict}");
        }
    }
    assert_eq!((other_port.requests_seen().len(), issuer.requests("/keys")), (0, 0));
}

#[tokio::test]
async fn origin_is_compared_at_each_hop() {
    let (issuer, key) = issuer().await;
    let other = FakeIssuer::start().await;
    other.publish(&[&key]);
    issuer.serve(FakeIssuer::KEY_SET, Reply::redirect(302, "/hop"));
    issuer.serve("/hop", Reply::redirect(302, &other.url(FakeIssuer::KEY_SET)));
    let fetch = FetchSettings { redirects_max: 5, ..fetch_settings() };
    assert_eq!(fetched(&issuer, &key, fetch).await, "issuer_redirect");
    assert_eq!((issuer.requests("/hop"), other.requests_seen().len()), (1, 0));
}

#[tokio::test]
async fn addresses_that_lead_inside_are_not_dialled() {
    // Asked for them, this proxy would dial nothing: it is there to tell whether it was asked.
    let proxy = FakeProxy::start_for("somebody", "else").await;
    let check = async |url: &str, private_addresses: bool, expected: &'static str| {
        let before = proxy.requests();
        let proxy_url = Some(proxy.url().parse().unwrap());
        let fetch = FetchSettings { private_addresses, proxy: proxy_url, ..fetch_settings() };
        let issuer = TrustedIssuer::new(policy("https://issuer.example/"));
        let issuer = issuer.sources([KeySource::JwksUri(url.to_owned())]).fetch(fetch);
        let token = key("first").access_token("https://issuer.example/", AUDIENCE, NOW);
        let verdict = verdict(&build(issuer, &clock()), &token).await;
        assert_eq!(verdict, expected, "{url}, private {private_addresses}");
        assert_eq!(proxy.requests() - before, usize::from(expected == "issuer_unreachable"), "{url}");
    };
    let private =
        ["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "[fd12:3456::1]", "[::ffff:10.0.0.1]"];
    for host in private {
        check(&format!("https://{host}/keys"), false, "issuer_address_refused").await;
        check(&format!("https://{host}/keys"), true, "issuer_unreachable").await;
    }
    let never = [
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "0.0.0.0",
        "[::]",
        "255.255.255.255",
        "224.0.0.1",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "0xa9fea9fe",
        "2852039166",
        "0251.0376.0251.0376",
    ];
    for host in never {
        for private_addresses in [false, true] {
            check(&format!("https://{host}/keys"), private_addresses, "issuer_address_refused").await;
        }
    }
}

#[tokio::test]
async fn document_of_an_issuer_here_may_not_lead_to_the_metadata_of_a_cloud() {
    let (issuer, key) = issuer().await;
    for jwks_uri in ["https://169.254.169.254/keys", "https://10.0.0.1/keys", "https://[fe80::1]/keys"] {
        let document = json!({ "issuer": issuer.issuer(), "jwks_uri": jwks_uri });
        issuer.serve(FakeIssuer::DISCOVERY, Reply::json(&document));
        assert_eq!(fetched(&issuer, &key, fetch_settings()).await, "issuer_address_refused", "{jwks_uri}");
    }
}

#[tokio::test]
async fn name_that_resolves_to_this_machine_is_not_dialled_unless_it_is_localhost() {
    let (issuer, key) = issuer().await;
    let port = issuer.issuer().rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    // With the dot of the root it is another name, which resolves to this machine as well; some resolvers know neither.
    for host in ["localhost.", "here.localhost"] {
        let source = KeySource::JwksUri(format!("https://{host}:{port}{}", FakeIssuer::KEY_SET));
        let verifier = build(trusted(&issuer).sources([source]), &clock());
        let code = verdict(&verifier, &key.access_token(issuer.issuer(), AUDIENCE, NOW)).await;
        assert!(["issuer_address_refused", "issuer_unreachable"].contains(&code), "{host}: {code}");
    }
    assert_eq!(issuer.requests_seen().len(), 0);
    let by_name = issuer.url(FakeIssuer::KEY_SET).replace("127.0.0.1", "localhost");
    let verifier = build(trusted(&issuer).sources([KeySource::JwksUri(by_name)]), &clock());
    assert_eq!(verdict(&verifier, &key.access_token(issuer.issuer(), AUDIENCE, NOW)).await, "ok");
}

// How much, of what, and for how long

#[tokio::test]
async fn body_limit_counts_what_is_sent_and_what_comes_out() {
    const MAX: u64 = 4_096;
    let body_bytes_max = usize::try_from(MAX).unwrap();
    let (issuer, key) = issuer().await;
    let good = || Reply::keys(&[&key]);
    let cases = [
        ("at the limit", good().huge(MAX), "ok"),
        ("one past it", good().huge(MAX + 1), "issuer_body_too_large"),
        ("huge", good().huge(1 << 30), "issuer_body_too_large"),
        ("compressed, at the limit", good().gzip_bomb(MAX), "ok"),
        ("compressed, one past it", good().gzip_bomb(MAX + 1), "issuer_body_too_large"),
        ("a bomb", good().gzip_bomb(1 << 28), "issuer_body_too_large"),
        ("compressed, and small", good().gzip(), "ok"),
    ];
    for (what, reply, expected) in cases {
        for document in [false, true] {
            // The document has the same limit; what is too long as a key set is too long as a document.
            let path = if document { FakeIssuer::DISCOVERY } else { FakeIssuer::KEY_SET };
            issuer.serve(FakeIssuer::DISCOVERY, Reply::json(&issuer.discovery()));
            let expected = if document && expected == "ok" { "discovery_member_missing" } else { expected };
            issuer.serve(path, reply.clone());
            let fetch = FetchSettings { body_bytes_max, ..fetch_settings() };
            assert_eq!(fetched(&issuer, &key, fetch).await, expected, "{what} at {path}");
            issuer.publish(&[&key]);
        }
    }
}

#[tokio::test]
async fn body_that_is_not_what_it_says_is_no_key_set() {
    let (issuer, key) = issuer().await;
    let good = || Reply::keys(&[&key]);
    let length = json!({ "keys": [key.jwk()] }).to_string().len();
    let cases = [
        ("cut off", good().truncated(length - 1)),
        ("cut off behind its end", good().truncated(length)),
        ("no gzip though it says so", good().header("content-encoding", "gzip")),
        ("another compression", good().header("content-encoding", "br")),
        ("a length beyond its end", good().header("content-length", "100000")),
    ];
    for (what, reply) in cases {
        issuer.serve(FakeIssuer::KEY_SET, reply);
        let fetch = FetchSettings { timeout: Duration::from_secs(1), ..fetch_settings() };
        let verdict = fetched(&issuer, &key, fetch).await;
        // A body in a coding that is not asked for is read as it came, and is no JSON only if it was truly coded.
        let is_plain = what == "another compression";
        assert_eq!(verdict, if is_plain { "ok" } else { "issuer_unreachable" }, "{what}");
    }
}

#[tokio::test]
async fn content_type_counts_where_only_json_is_taken() {
    let (issuer, key) = issuer().await;
    let keys = || Reply::keys(&[&key]);
    let untyped = Reply::text(&json!({ "keys": [key.jwk()] }).to_string());
    let cases = [
        (keys(), "ok"),
        (keys().content_type("application/jwk-set+json"), "ok"),
        (keys().content_type("application/json; charset=utf-8"), "ok"),
        (keys().content_type("text/plain"), "issuer_content_type"),
        (keys().content_type("text/html; x=application/json"), "issuer_content_type"),
        (keys().content_type("application/octet-stream"), "issuer_content_type"),
        (untyped, "issuer_content_type"),
    ];
    for (reply, expected) in cases {
        issuer.serve(FakeIssuer::KEY_SET, reply);
        let strict = FetchSettings { json_content_type_only: true, ..fetch_settings() };
        assert_eq!(fetched(&issuer, &key, strict).await, expected);
        assert_eq!(fetched(&issuer, &key, fetch_settings()).await, "ok");
    }
    issuer.publish(&[&key]);
    issuer.serve(FakeIssuer::DISCOVERY, Reply::text(&issuer.discovery().to_string()));
    let strict = FetchSettings { json_content_type_only: true, ..fetch_settings() };
    assert_eq!(fetched(&issuer, &key, strict).await, "issuer_content_type", "the document too");
}

#[tokio::test]
async fn deadline_is_for_the_whole_refresh_and_not_for_each_read() {
    let (issuer, key) = issuer().await;
    let trickling = || Reply::keys(&[&key]).trickle(1, Duration::from_millis(20));
    let fetch = || FetchSettings { timeout: Duration::from_millis(200), ..fetch_settings() };
    for path in [FakeIssuer::DISCOVERY, FakeIssuer::KEY_SET] {
        issuer.serve(FakeIssuer::DISCOVERY, Reply::json(&issuer.discovery()));
        for reply in [trickling(), Reply::hang(), Reply::text("{}").pieces_behind(1, &Gate::closed())] {
            issuer.serve(path, reply);
            assert_eq!(fetched(&issuer, &key, fetch()).await, "issuer_unreachable", "{path}");
        }
    }
}

#[tokio::test]
async fn timeout_changes_for_how_long_an_answer_is_waited_for() {
    let (issuer, key) = issuer().await;
    let set = json!({ "keys": [key.jwk()] }).to_string().len();
    // In four pieces, each after 50 ms.
    let slow = Reply::keys(&[&key]).trickle(set.div_ceil(4), Duration::from_millis(50));
    issuer.serve(FakeIssuer::KEY_SET, slow);
    for (timeout, expected) in [(100, "issuer_unreachable"), (10_000, "ok")] {
        let fetch = FetchSettings { timeout: Duration::from_millis(timeout), ..fetch_settings() };
        assert_eq!(fetched(&issuer, &key, fetch).await, expected);
    }
}

#[tokio::test]
async fn faults_of_the_connection_are_the_issuers() {
    let (issuer, key) = issuer().await;
    for reply in [Reply::reset(), Reply::status(101), Reply::text("{}").header("transfer-encoding", "x")] {
        issuer.serve(FakeIssuer::KEY_SET, reply);
        let fetch = FetchSettings { timeout: Duration::from_millis(500), ..fetch_settings() };
        let verdict = fetched(&issuer, &key, fetch).await;
        assert!(["issuer_unreachable", "issuer_status"].contains(&verdict), "{verdict}");
    }
    issuer.unreachable().await;
    assert_eq!(fetched(&issuer, &key, fetch_settings()).await, "issuer_unreachable");
}

#[tokio::test]
async fn only_200_brings_a_key_set() {
    let (issuer, key) = issuer().await;
    for status in [201, 202, 203, 204, 206, 300, 304, 305, 400, 401, 404, 410, 429, 500, 503, 599] {
        issuer.serve(FakeIssuer::KEY_SET, Reply::keys(&[&key]).with_status(status));
        let expected =
            if (300..400).contains(&status) && status != 304 { "issuer_redirect" } else { "issuer_status" };
        assert_eq!(fetched(&issuer, &key, fetch_settings()).await, expected, "{status}");
    }
}

// What is asked

#[tokio::test]
async fn requests_say_what_they_want_and_nothing_of_the_token() {
    let scene = Scene::new().await;
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    scene.clock.advance(FLOOR);
    assert_eq!(scene.verdict(&scene.made_up("made-up-by-a-stranger")).await, "kid_unknown");
    let seen = scene.issuer.requests_seen();
    assert_eq!(seen.len(), 4, "a document and a key set, twice");
    for request in seen {
        assert_eq!((request.method(), request.query()), ("GET", None));
        assert!(request.header("user-agent").unwrap().starts_with("jwksmith-verifier/"));
        assert!(request.accepts("application/json"));
        assert_eq!(
            request.path() == FakeIssuer::KEY_SET,
            request.header("accept").unwrap().contains("jwk-set+json")
        );
        for absent in ["authorization", "cookie", "referer", "if-none-match", "if-modified-since"] {
            assert_eq!(request.header(absent), None, "{absent}");
        }
        let text = format!("{request:?}");
        assert!(!text.contains("made-up") && !text.contains("first"), "{text}");
    }
}

#[tokio::test]
async fn proxy_is_used_where_it_is_set_and_only_there() {
    let (issuer, key) = issuer().await;
    let proxy = FakeProxy::start().await;
    assert_eq!(fetched(&issuer, &key, fetch_settings()).await, "ok");
    assert_eq!(proxy.requests(), 0);
    let through = FetchSettings { proxy: Some(proxy.url().parse().unwrap()), ..fetch_settings() };
    assert_eq!(fetched(&issuer, &key, through).await, "ok");
    let targets: Vec<_> = proxy.requests_seen().iter().map(|seen| seen.target().to_owned()).collect();
    assert_eq!(targets, [issuer.url(FakeIssuer::DISCOVERY), issuer.url(FakeIssuer::KEY_SET)]);

    let closed = FakeProxy::start_for("user", "secret").await;
    let with = |user: &str| closed.url().replacen("http://", &format!("http://{user}"), 1).parse().unwrap();
    for (user, expected) in [("", "issuer_status"), ("user:wrong@", "issuer_status"), ("user:secret@", "ok")]
    {
        let through = FetchSettings { proxy: Some(with(user)), ..fetch_settings() };
        assert_eq!(fetched(&issuer, &key, through).await, expected, "{user}");
    }
}

// What the issuer says of caching

/// For how many seconds the set of this answer is fresh, within 10 s and an hour.
async fn freshness(key: &TestKey, reply: Reply) -> u64 {
    let (issuer, clock) = (FakeIssuer::start().await, clock());
    issuer.serve(FakeIssuer::KEY_SET, reply);
    let verifier = build(trusted(&issuer), &clock);
    assert_eq!(verdict(&verifier, &key.access_token(issuer.issuer(), AUDIENCE, NOW)).await, "ok");
    while status(&verifier).age != Age::Stale {
        clock.advance(1);
    }
    clock.monotonic().as_secs()
}

#[tokio::test]
async fn freshness_is_what_the_issuer_says_within_the_settings() {
    let key = key("first");
    let keys = || Reply::keys(&[&key]);
    let later = |seconds| NOW.saturating_add(seconds);
    let cases = [
        ("nothing", keys(), 300),
        ("max-age", keys().cache_control("max-age=60"), 60),
        ("max-age, and an age", keys().cache_control("max-age=60").age(20), 40),
        ("max-age, and an age beyond it", keys().cache_control("max-age=60").age(100), 10),
        ("under the least", keys().cache_control("max-age=9"), 10),
        ("none", keys().cache_control("no-cache"), 10),
        ("over the most", keys().cache_control("max-age=86400"), 3_600),
        ("a date", keys().date(NOW).expires(later(90)), 90),
        ("a date, and an age", keys().date(NOW).expires(later(90)).age(30), 60),
        ("a date by a clock that is wrong", keys().date(later(1_000)).expires(later(1_090)), 90),
        ("a date that is past", keys().date(NOW).expires(NOW.saturating_sub(1)), 10),
        ("a date that is none", keys().date(NOW).header("expires", "0"), 10),
        ("a date, and max-age", keys().date(NOW).expires(later(90)).cache_control("max-age=50"), 50),
    ];
    for (what, reply, expected) in cases {
        assert_eq!(freshness(&key, reply).await, expected, "{what}");
    }
}

/// What the last request for the key set had for `If-None-Match` and `If-Modified-Since`.
fn asked_with(issuer: &FakeIssuer) -> (Option<String>, Option<String>) {
    let seen = issuer.requests_seen();
    let last = seen.iter().rfind(|seen| seen.path() == FakeIssuer::KEY_SET).unwrap();
    let header = |name| last.header(name).map(str::to_owned);
    (header("if-none-match"), header("if-modified-since"))
}

#[tokio::test]
async fn due_refresh_asks_whether_the_set_has_changed() {
    let text = |text: &str| Some(text.to_owned());
    let date = "Fri, 15 Jan 2027 08:00:00 GMT";
    let odd = "yesterday";
    let scene = Scene::new().await;
    let keys = || cached(Reply::keys(&[&scene.key]));
    let cases = [
        ("nothing", keys(), (None, None)),
        ("an entity tag", keys().etag("\"1\""), (text("\"1\""), None)),
        ("a weak one", keys().etag("W/\"1\""), (text("W/\"1\""), None)),
        ("a date", keys().last_modified(NOW), (None, text(date))),
        ("both", keys().etag("\"1\"").last_modified(NOW), (text("\"1\""), text(date))),
        ("a date that is none, sent back as it came", keys().header("last-modified", odd), (None, text(odd))),
        ("an empty tag", keys().header("etag", ""), (text(""), None)),
    ];
    for (what, reply, expected) in cases {
        let (issuer, clock) = (FakeIssuer::start().await, clock());
        issuer.serve(FakeIssuer::KEY_SET, reply);
        let verifier = build(trusted(&issuer), &clock);
        for round in 0..3 {
            let token = scene.key.access_token(issuer.issuer(), AUDIENCE, clock.now());
            assert_eq!(verdict(&verifier, &token).await, "ok", "{what}");
            let expected = if round == 0 { (None, None) } else { expected.clone() };
            assert_eq!(asked_with(&issuer), expected, "{what}, round {round}");
            clock.advance(FRESH);
        }
        // A key that is missed is looked for without.
        let made_up = scene.key.sign_as(Some("x"), &TestKey::claims(issuer.issuer(), AUDIENCE, clock.now()));
        assert_eq!(verdict(&verifier, &made_up).await, "kid_unknown");
        clock.advance(FLOOR);
        let made_up = scene.key.sign_as(Some("y"), &TestKey::claims(issuer.issuer(), AUDIENCE, clock.now()));
        assert_eq!(verdict(&verifier, &made_up).await, "kid_unknown");
        assert_eq!(asked_with(&issuer), (None, None), "{what}");
    }
}

#[tokio::test]
async fn confirmation_by_date_keeps_the_set() {
    let scene = Scene::new().await;
    let keys = cached(Reply::keys(&[&scene.key])).last_modified(NOW);
    let unchanged = |seen: &jwksmith_testkit::Seen| seen.header("if-modified-since").is_some();
    let confirmed = cached(Reply::status(304));
    scene.issuer.serve(FakeIssuer::KEY_SET, Answers::when(unchanged, confirmed, keys));
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    let before = scene.located().unwrap();
    for round in 1..4 {
        scene.clock.advance(FRESH);
        assert_eq!(scene.verdict(&scene.token()).await, "ok");
        assert_eq!(scene.fetches(), 1 + round);
    }
    let after = scene.located().unwrap();
    assert!(Arc::ptr_eq(&before.keys, &after.keys) && after.fetched_at > before.fetched_at);
}

// When the issuer asks to be left alone

#[tokio::test]
async fn retry_after_is_honoured_up_to_the_longest_pause() {
    let later = NOW.saturating_add(120);
    let busy = || Reply::status(503);
    let at = |time: UnixTime| {
        let date = std::time::UNIX_EPOCH + Duration::from_secs(time.as_seconds());
        httpdate::fmt_http_date(date)
    };
    let cases = [
        ("seconds", busy().retry_after("120"), 120),
        ("a date", busy().retry_after(&at(later)).date(NOW), 120),
        (
            "a date by the issuer's own clock",
            busy().retry_after(&at(later)).date(later.saturating_sub(60)),
            60,
        ),
        ("a date that is past", busy().retry_after(&at(NOW)).date(later), 10),
        ("less than the first pause", busy().retry_after("1"), 10),
        ("more than the longest pause", busy().retry_after("86400"), 300),
        ("more than any number", busy().retry_after("99999999999999999999999"), 300),
        ("no number", busy().retry_after("soon"), 10),
        ("nothing", busy(), 10),
        ("too many requests", Reply::status(429).retry_after("60"), 60),
    ];
    for (what, reply, expected) in cases {
        let scene = Scene::new().await;
        scene.issuer.serve(FakeIssuer::KEY_SET, reply);
        let error = scene.verifier.verify::<AccessClaims>(&scene.token()).await.unwrap_err();
        let VerifyError::Undecided(undecided) = error else { panic!("{what}: {error}") };
        let told = undecided.retry_after_seconds();
        // A pause of its own is shortened by chance, by a quarter at most.
        let is_own = expected == FLOOR;
        let range = if is_own { expected * 3 / 4..=expected } else { expected..=expected };
        assert!(range.contains(&told), "{what}: {told}");
        scene.clock.advance(told - 1);
        assert_eq!(scene.verdict(&scene.token()).await, "issuer_status", "{what}");
        let before = scene.fetches();
        scene.clock.advance(if is_own { FLOOR } else { 1 });
        assert_eq!(scene.verdict(&scene.token()).await, "issuer_status", "{what}");
        assert_eq!((before, scene.fetches()), (1, 2), "{what}");
    }
}

#[tokio::test]
async fn issuer_that_fails_is_asked_less_and_less() {
    let settings = CacheSettings {
        burst: 100,
        floor: Duration::from_secs(1),
        backoff_min: Duration::from_secs(2),
        ..cache_settings()
    };
    let scene = Scene::with(settings).await;
    scene.issuer.outage();
    let mut pauses = Vec::new();
    for _ in 0..10 {
        let error = scene.verifier.verify::<AccessClaims>(&scene.token()).await.unwrap_err();
        let VerifyError::Undecided(undecided) = error else { panic!("{error}") };
        pauses.push(undecided.retry_after_seconds());
        scene.clock.advance(undecided.retry_after_seconds());
    }
    assert_eq!(scene.issuer.requests(FakeIssuer::DISCOVERY), 10);
    for (pause, longest) in pauses.iter().zip([2, 4, 8, 16, 32, 64, 128, 256, 300, 300]) {
        assert!((longest * 3 / 4..=longest).contains(pause), "{pauses:?}");
    }
    scene.issuer.recover().await;
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    scene.issuer.outage();
    scene.clock.advance(FRESH);
    assert_eq!(scene.verdict(&scene.token()).await, "ok");
    let pause = scene.status().next_refresh_in;
    assert!(pause <= Duration::from_secs(2), "a success begins the count anew: {pause:?}");
}
