//! The rules of `lint::wire`: each has rows that trigger it and nothing else, and a good issuer triggers nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper that fails is a failed test")]

mod common;

use common::{P256, RSA_A, key_set};
use jwksmith_jose::limits::MEMBERS_TOLD_MAX;
use jwksmith_jose::lint::{Finding, wire};
use wire::{Answer, Exchange, KeySetExchange, Outcome, Wire};

const ISSUER: &str = "https://tenant.example/one";
const OPENID: &str = "https://tenant.example/one/.well-known/openid-configuration";
const OAUTH: &str = "https://tenant.example/.well-known/oauth-authorization-server/one";
const KEYS: &str = "https://tenant.example/one/keys";
const DOCUMENT: &str =
    r#"{"issuer":"https://tenant.example/one","jwks_uri":"https://tenant.example/one/keys"}"#;

/// A good answer.
fn json(body: &str) -> Answer<'_> {
    Answer { status: 200, content_type: Some("application/json"), body: body.as_bytes(), ..Answer::default() }
}

/// The same, and it may be kept.
fn kept(body: &str) -> Answer<'_> {
    Answer { cache_control: Some("public, max-age=300"), etag: Some("\"1\""), ..json(body) }
}

fn exchange<'a>(url: &'a str, answer: Answer<'a>) -> Exchange<'a> {
    Exchange { url, milliseconds: 20, outcome: Outcome::Answer(answer) }
}

fn found(documents: &[Exchange<'_>], key_set: KeySetExchange<'_>) -> Vec<Finding> {
    wire::wire(&Wire { issuer: ISSUER, documents: documents.to_vec(), key_set })
}

type Expected<'e> = &'e [(&'static str, &'static str)];

fn check(found: &[Finding], expected: Expected<'_>, case: &str) {
    let codes: Vec<_> = found.iter().map(|finding| (finding.rule.code, finding.place.as_str())).collect();
    assert_eq!(codes, expected, "{case}\n{found:#?}");
}

/// A good key set behind these two places.
fn check_documents(documents: [Outcome<'_>; 2], expected: Expected<'_>) {
    let set = key_set(&[&RSA_A.jwk(), &P256.jwk()]);
    let documents = [OPENID, OAUTH].into_iter().zip(documents);
    let documents: Vec<_> =
        documents.map(|(url, outcome)| Exchange { url, milliseconds: 20, outcome }).collect();
    let case = format!("{documents:?}");
    check(&found(&documents, KeySetExchange::Asked(exchange(KEYS, kept(&set)))), expected, &case);
}

/// This answer where the key set is.
fn check_key_set(change: impl Fn(Answer<'_>) -> Answer<'_>, expected: Expected<'_>) {
    let set = key_set(&[&RSA_A.jwk(), &P256.jwk()]);
    let answer = change(kept(&set));
    let documents = [exchange(OPENID, json(DOCUMENT)), exchange(OAUTH, json(DOCUMENT))];
    check(
        &found(&documents, KeySetExchange::Asked(exchange(KEYS, answer))),
        expected,
        &format!("{answer:?}"),
    );
}

fn answer(answer: Answer<'_>) -> Outcome<'_> {
    Outcome::Answer(answer)
}

fn document(body: &str) -> Outcome<'_> {
    answer(json(body))
}

fn status(status: u16) -> Outcome<'static> {
    answer(Answer { status, ..Answer::default() })
}

#[test]
fn good_issuer_has_no_findings() {
    check_documents([document(DOCUMENT), document(DOCUMENT)], &[]);
    let laid_out = "{ \"jwks_uri\": \"https:\\/\\/tenant.example\\/one\\/keys\",\n\"issuer\": \"https://tenant.example/one\" }";
    check_documents([document(DOCUMENT), document(laid_out)], &[]);
    check_key_set(|answer| answer, &[]);
}

#[test]
fn issuer_is_compared_byte_for_byte() {
    for other in
        ["https://tenant.example/one/", "https://tenant.example/One", "HTTPS://tenant.example/one", ""]
    {
        let text = DOCUMENT.replace("https://tenant.example/one\"", &format!("{other}\""));
        check_documents([document(&text), document(&text)], &[("issuer_mismatch", "issuer")]);
    }
    // Without a string there is nothing to compare: that is the business of the document's own rules.
    for odd in [r#"{"issuer":1}"#, "{}", "<html>"] {
        let found = found(&[exchange(OPENID, json(odd))], KeySetExchange::Unnamed);
        check(&found, &[], odd);
    }
}

#[test]
fn places_are_told_where_there_is_nothing_or_something_else() {
    check_documents([status(404), status(404)], &[("discovery_missing", "")]);
    check_documents([document(DOCUMENT), status(404)], &[("well_known_missing", "")]);
    check_documents([status(410), document(DOCUMENT)], &[("well_known_missing", "")]);
    check_documents([document(DOCUMENT), document("<html>")], &[("well_known_differs", OAUTH)]);
    let more = DOCUMENT.replace('{', r#"{"token_endpoint":"https://tenant.example/token","list":["a","b"],"#);
    // Each standard has members of its own.
    check_documents([document(DOCUMENT), document(&more)], &[]);
    check_documents([document(&more), document(DOCUMENT)], &[]);
    let elsewhere = more.replace("example/token", "example/other");
    check_documents([document(&more), document(&elsewhere)], &[("well_known_differs", OAUTH)]);
    let order = more.replace(r#"["a","b"]"#, r#"["b","a"]"#);
    check_documents([document(&more), document(&order)], &[("well_known_differs", OAUTH)]);
    let others =
        [DOCUMENT.replace("one/keys", "two/keys"), DOCUMENT.replace("one\"", "two\""), "{}".to_owned()];
    for other in &others {
        check_documents([document(DOCUMENT), document(other)], &[("well_known_other_keys", OAUTH)]);
    }
}

#[test]
fn values_are_the_same_however_they_are_laid_out() {
    let with = |value: &str| DOCUMENT.replace('{', &format!("{{\"x\":{value},"));
    let check = |one: &str, other: &str, same: bool| {
        let expected: Expected<'_> = if same { &[] } else { &[("well_known_differs", OAUTH)] };
        check_documents([document(&with(one)), document(&with(other))], expected);
    };
    check("[1, {\"a\":null}]", "[1,{\"a\" : null}]", true);
    check("{\"a\":1,\"b\":\"\\u0061\"}", "{\"b\":\"a\",\"a\":1}", true);
    check("[\"a\"]", "[ \"\\u0061\" ]", true);
    check("[]", "[ ]", true);
    for (one, other) in [
        ("1", "\"1\""),
        ("true", "false"),
        ("[1]", "[1,2]"),
        ("[1,2]", "[1]"),
        ("{\"a\":1}", "{\"a\":1,\"b\":2}"),
        ("{\"a\":1}", "{\"b\":1}"),
        ("1", "1.0"),
        ("[]", "{}"),
        ("null", "\"null\""),
    ] {
        check(one, other, false);
    }
}

#[test]
fn answers_that_verifiers_do_not_take_are_told() {
    let redirect = Answer { status: 302, location: Some("https://www.tenant.example/"), ..Answer::default() };
    check_documents([document(DOCUMENT), answer(redirect)], &[("answer_redirects", OAUTH)]);
    check_documents([document(DOCUMENT), status(304)], &[("answer_redirects", OAUTH)]);
    for other in [429, 500, 503, 204, 299, 600, 0] {
        check_documents([document(DOCUMENT), status(other)], &[("answer_status", OAUTH)]);
    }
    check_documents([document(DOCUMENT), Outcome::Missing { reason: "x" }], &[("answer_missing", OAUTH)]);
    check_documents([document(DOCUMENT), Outcome::TooLarge { bytes_max: 9 }], &[("answer_too_large", OAUTH)]);
    let failing = [("answer_missing", OPENID), ("answer_status", OAUTH)];
    check_documents([Outcome::Missing { reason: "x" }, status(500)], &failing);
    check_documents([status(404), status(500)], &[("answer_status", OAUTH)]);
    for other in [404, 401, 500] {
        check_key_set(|answer| Answer { status: other, ..answer }, &[("answer_status", KEYS)]);
    }
    check_key_set(|answer| Answer { status: 301, ..answer }, &[("answer_redirects", KEYS)]);
}

#[test]
fn answers_are_slow_beyond_a_second() {
    for (milliseconds, is_slow) in [(0, false), (1_000, false), (1_001, true), (u64::MAX, true)] {
        let slow = Exchange { milliseconds, ..exchange(OPENID, json(DOCUMENT)) };
        let found = found(&[slow], KeySetExchange::Unnamed);
        check(&found, if is_slow { &[("answer_slow", OPENID)] } else { &[] }, &milliseconds.to_string());
    }
    let missing = Exchange { url: OPENID, milliseconds: 5_000, outcome: Outcome::Missing { reason: "x" } };
    check(&found(&[missing], KeySetExchange::Unnamed), &[("answer_missing", OPENID)], "");
}

#[test]
fn content_types_are_those_of_the_standards() {
    let typed = |content_type| Answer { content_type, ..json(DOCUMENT) };
    let check_document = |content_type, is_good: bool| {
        let expected: Expected<'_> = if is_good { &[] } else { &[("document_content_type", OAUTH)] };
        check_documents([document(DOCUMENT), answer(typed(content_type))], expected);
    };
    let check_set = |content_type, is_good: bool| {
        let expected: Expected<'_> = if is_good { &[] } else { &[("key_set_content_type", KEYS)] };
        check_key_set(|answer| Answer { content_type, ..answer }, expected);
    };
    for good in ["application/json", "Application/JSON; charset=utf-8", "application/json;x"] {
        check_document(Some(good), true);
        check_set(Some(good), true);
    }
    for bad in ["text/html", "text/json", "application/octet-stream", "application/problem+json", ""] {
        check_document(Some(bad), false);
        check_set(Some(bad), false);
    }
    check_document(None, false);
    check_set(None, false);
    check_document(Some("application/jwk-set+json"), false);
    check_set(Some("application/jwk-set+json"), true);
}

#[test]
fn caching_is_neither_forbidden_nor_short_nor_long() {
    let check = |cache_control, code: Option<&'static str>| {
        let expected: Vec<_> = code.map(|code| (code, KEYS)).into_iter().collect();
        check_key_set(|answer| Answer { cache_control, ..answer }, &expected);
    };
    check(None, Some("caching_unsaid"));
    for (said, code) in [
        ("max-age=60", None),
        ("max-age=86400", None),
        ("Public , Max-Age=\"300\"", None),
        ("max-age=59", Some("caching_short")),
        ("max-age=0", Some("caching_short")),
        ("max-age=86401", Some("caching_long")),
        ("max-age=100000000000000000000", Some("caching_long")),
        ("no-store", Some("caching_forbidden")),
        ("no-cache, max-age=0", Some("caching_forbidden")),
        ("max-age=300, No-Store", Some("caching_forbidden")),
        ("public", Some("caching_unsaid")),
        ("", Some("caching_unsaid")),
        ("max-age=-1", Some("caching_unsaid")),
        ("max-age=soon", Some("caching_unsaid")),
        ("max-age", Some("caching_unsaid")),
        ("s-maxage=300", Some("caching_unsaid")),
    ] {
        check(Some(said), code);
    }
    let expires = Some("Fri, 15 Jan 2027 08:00:00 GMT");
    check_key_set(|answer| Answer { cache_control: None, expires, ..answer }, &[]);
}

#[test]
fn answer_of_a_cache_is_not_older_than_it_may_be() {
    for (age, is_spent) in [
        ("0", false),
        ("299", false),
        ("300", true),
        ("301", true),
        ("-1", false),
        ("old", false),
        (" 300 ", true),
    ] {
        let expected: Expected<'_> = if is_spent { &[("caching_spent", KEYS)] } else { &[] };
        check_key_set(|answer| Answer { age: Some(age), ..answer }, expected);
    }
    check_key_set(
        |answer| Answer { age: Some("0"), cache_control: Some("max-age=0"), ..answer },
        &[("caching_short", KEYS)],
    );
}

#[test]
fn one_validator_is_enough() {
    let date = Some("Fri, 15 Jan 2027 08:00:00 GMT");
    check_key_set(|answer| Answer { etag: None, last_modified: date, ..answer }, &[]);
    check_key_set(|answer| Answer { etag: None, ..answer }, &[("validators_missing", KEYS)]);
}

#[test]
fn key_set_that_is_not_fetched_is_told() {
    let refused = KeySetExchange::Refused { url: "http://keys.example/", reason: "x" };
    let found = found(&[exchange(OPENID, json(DOCUMENT))], refused);
    check(&found, &[("jwks_uri_refused", "jwks_uri")], "");
    assert!(found[0].problem.contains("\"http://keys.example/\""));
}

#[test]
fn algorithms_and_keys_belong_together() {
    let check = |announced: &str, expected: Expected<'_>| {
        let text =
            DOCUMENT.replace('{', &format!("{{\"id_token_signing_alg_values_supported\":{announced},"));
        let (rsa, ec) = (RSA_A.jwk_with(&[("alg", "\"RS256\"")]), P256.jwk());
        let set = key_set(&[&rsa, &ec]);
        let key_set = KeySetExchange::Asked(exchange(KEYS, kept(&set)));
        check(&found(&[exchange(OPENID, json(&text))], key_set), expected, announced);
    };
    let list = "id_token_signing_alg_values_supported";
    check(r#"["RS256","ES256"]"#, &[]);
    check(r#"["RS256","ES256","HS256","none","XX1"]"#, &[]);
    check(r#"["RS256","ES256","PS256"]"#, &[("algorithm_without_key", list)]);
    check(r#"["RS256"]"#, &[("key_without_algorithm", "keys[1]")]);
    check(
        r#"["ES384"]"#,
        &[
            ("algorithm_without_key", list),
            ("key_without_algorithm", "keys[0]"),
            ("key_without_algorithm", "keys[1]"),
        ],
    );
    check("[]", &[("key_without_algorithm", "keys[0]"), ("key_without_algorithm", "keys[1]")]);
    // A set that cannot be read has findings of its own.
    let text = DOCUMENT.replace('{', r#"{"id_token_signing_alg_values_supported":["RS256"],"#);
    let key_set = KeySetExchange::Asked(exchange(KEYS, kept("{\"keys\":[]}")));
    let found = found(&[exchange(OPENID, json(&text))], key_set);
    assert_eq!(found, []);
}

#[test]
fn differing_members_are_told_up_to_their_limit() {
    let members = |count: usize, value: u8| {
        let members = (0..count).map(|n| format!("\"m{n:03}\":{value},")).collect::<Vec<_>>().concat();
        DOCUMENT.replace('{', &format!("{{{members}"))
    };
    for (count, told) in [(15, 15), (MEMBERS_TOLD_MAX, 16), (MEMBERS_TOLD_MAX + 1, 16), (400, 16)] {
        let (one, other) = (members(count, 1), members(count, 2));
        let documents = [exchange(OPENID, json(&one)), exchange(OAUTH, json(&other))];
        let found = found(&documents, KeySetExchange::Unnamed);
        assert_eq!(found[0].problem.matches('`').count(), 2 * told, "{count}");
    }
}

/// A rule that stands in no case above does nothing, for all that is known.
#[test]
fn every_rule_has_a_case() {
    let cases = include_str!("lint_wire.rs");
    let untested = wire::rules().filter(|rule| !cases.contains(&format!("\"{}\"", rule.code)));
    assert_eq!(untested.map(|rule| rule.code).collect::<Vec<_>>(), [""; 0]);
}
