//! `docs/http-api.md` against the list of endpoints, and against the limits and headers that it states.

use std::collections::BTreeSet;

use jwksmith_authority::certificate::CERTIFICATE_DAYS;
use jwksmith_authority::lifecycle::PUBLISHED_KEYS_MAX;
use jwksmith_authority::{
    API_SCOPES_MAX, AUDIENCE_BYTES_MAX, COMMIT_ATTEMPTS_MAX, ISSUER_BYTES_MAX, SCOPE_BYTES_MAX,
    TOKEN_LIFETIME_SECONDS_DEFAULT, TOKEN_LIFETIME_SECONDS_MAX,
};
use jwksmith_jose::limits::TOKEN_BYTES_MAX;
use jwksmith_server::KEY_SET_CACHE_CONTROL;
use jwksmith_server::routes::{Access, REQUEST_BYTES_MAX, REQUEST_SECONDS_MAX, ROUTES, Route};

const DOCUMENT: &str = include_str!("../../../docs/http-api.md");

/// What stands under the heading of each endpoint, with the heading: `METHOD /path`.
fn sections() -> Vec<(&'static str, &'static str)> {
    let parts = DOCUMENT.split("\n### `").skip(1);
    let sections = parts.map(|part| part.split("\n## ").next().unwrap_or_default());
    sections.filter_map(|section| section.split_once("`\n")).collect()
}

fn name(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}

fn section(route: &Route) -> &'static str {
    let section = sections().into_iter().find(|(heading, _)| *heading == name(route));
    section.unwrap_or_else(|| panic!("docs/http-api.md lacks {}", name(route))).1
}

#[test]
fn every_endpoint_has_a_section_and_every_section_an_endpoint() {
    let endpoints: BTreeSet<_> = ROUTES.iter().map(name).collect();
    let documented: Vec<_> = sections().into_iter().map(|(heading, _)| heading.to_owned()).collect();
    assert_eq!(documented.len(), endpoints.len(), "an endpoint stands twice, or not at all: {documented:?}");
    assert_eq!(documented.into_iter().collect::<BTreeSet<_>>(), endpoints);
}

#[test]
fn section_names_exactly_the_scopes_that_the_endpoint_asks_for() {
    let all = ["read:signing_keys", "create:signing_keys", "update:signing_keys"];
    for route in &ROUTES {
        let first_line = section(route).trim_start().lines().next().unwrap_or_default();
        let named: Vec<_> = all.into_iter().filter(|scope| first_line.contains(scope)).collect();
        let Access::Scopes(required) = route.access else {
            assert!(named.is_empty(), "{} asks for no scope", name(route));
            continue;
        };
        assert_eq!(named, required, "{}", name(route));
    }
}

#[test]
fn stated_limit_is_the_one_that_holds() {
    let limits = [
        ("REQUEST_SECONDS_MAX", REQUEST_SECONDS_MAX.to_string()),
        ("REQUEST_BYTES_MAX", REQUEST_BYTES_MAX.to_string()),
        ("TOKEN_BYTES_MAX", TOKEN_BYTES_MAX.to_string()),
        ("PUBLISHED_KEYS_MAX", PUBLISHED_KEYS_MAX.to_string()),
        ("TOKEN_LIFETIME_SECONDS_DEFAULT", TOKEN_LIFETIME_SECONDS_DEFAULT.to_string()),
        ("TOKEN_LIFETIME_SECONDS_MAX", TOKEN_LIFETIME_SECONDS_MAX.to_string()),
        ("API_SCOPES_MAX", API_SCOPES_MAX.to_string()),
        ("SCOPE_BYTES_MAX", SCOPE_BYTES_MAX.to_string()),
        ("AUDIENCE_BYTES_MAX", AUDIENCE_BYTES_MAX.to_string()),
        ("ISSUER_BYTES_MAX", ISSUER_BYTES_MAX.to_string()),
        ("COMMIT_ATTEMPTS_MAX", COMMIT_ATTEMPTS_MAX.to_string()),
        ("CERTIFICATE_DAYS", CERTIFICATE_DAYS.to_string()),
    ];
    for (name, value) in &limits {
        assert!(DOCUMENT.contains(&format!("\n| `{name}` | {value} |")), "{name} is {value}");
    }
    let uppercase = |line: &&str| {
        line.strip_prefix("| `").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
    };
    let stated = DOCUMENT.lines().filter(uppercase).filter(|line| !line.contains('/')).count();
    assert_eq!(stated, limits.len(), "a limit is stated that this test does not know");
}

#[test]
fn every_stated_cache_control_is_one_that_is_sent() {
    let public = KEY_SET_CACHE_CONTROL;
    let sent = [public.to_str().unwrap_or_default(), "no-store"];
    let stated: Vec<_> = DOCUMENT.lines().filter_map(|line| line.strip_prefix("cache-control: ")).collect();
    assert!(stated.len() > ROUTES.len() / 2, "{stated:?}");
    assert!(stated.iter().all(|value| sent.contains(value)), "{stated:?}");
}

#[test]
fn overview_names_every_path() {
    let overview = DOCUMENT.split("\n## ").next().unwrap_or_default();
    for route in &ROUTES {
        let path = route.path;
        assert!(overview.contains(&format!("{path}`")), "the table at the top lacks {path}");
    }
}
