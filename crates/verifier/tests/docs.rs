//! `docs/verifier.md` and the tables beside the settings, against the defaults in the code.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where its set-up fails")]

use std::collections::BTreeMap;
use std::time::Duration;

use jwksmith_verifier::{CacheSettings, FetchSettings, TokenCacheSettings};

const GUIDE: &str = include_str!("../../../docs/verifier.md");
const SOURCES: [&str; 3] = [
    include_str!("../src/cache/settings.rs"),
    include_str!("../src/transport/settings.rs"),
    include_str!("../src/token_cache.rs"),
];

/// The default of each setting, as the tables write it.
fn defaults() -> BTreeMap<&'static str, String> {
    let time = |time: Duration| match time.as_secs() {
        0 => "0 s".to_owned(),
        seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    };
    let size = |bytes: usize| match bytes {
        bytes if bytes % (1024 * 1024) == 0 => format!("{} MiB", bytes / (1024 * 1024)),
        bytes => format!("{} KiB", bytes / 1024),
    };
    let switch = |on: bool| if on { "yes" } else { "no" }.to_owned();
    let absent = |is_none: bool| if is_none { "none" } else { "some" }.to_owned();
    // Taken apart whole, so that a new setting does not compile without a row.
    let CacheSettings {
        floor,
        burst,
        backoff_min,
        backoff_max,
        fresh_default,
        fresh_min,
        fresh_max,
        stale_max,
        wait_max,
        unknown_kid_for,
        unknown_kids_max,
        absence_confirmed_after,
    } = CacheSettings::default();
    let FetchSettings {
        timeout,
        connect_timeout,
        body_bytes_max,
        redirects_max,
        private_addresses,
        json_content_type_only,
        jwks_uri_same_origin,
        proxy,
        root_certificates_file,
        spki_pins,
        client_identity_file,
        bearer_token_file,
    } = FetchSettings::default();
    let TokenCacheSettings { bytes_max, token_bytes_max } = TokenCacheSettings::default();
    BTreeMap::from([
        ("floor", time(floor)),
        ("burst", burst.to_string()),
        ("backoff_min", time(backoff_min)),
        ("backoff_max", time(backoff_max)),
        ("fresh_default", time(fresh_default)),
        ("fresh_min", time(fresh_min)),
        ("fresh_max", time(fresh_max)),
        ("stale_max", time(stale_max)),
        ("wait_max", time(wait_max)),
        ("unknown_kid_for", time(unknown_kid_for)),
        ("unknown_kids_max", unknown_kids_max.to_string()),
        ("absence_confirmed_after", time(absence_confirmed_after)),
        ("timeout", time(timeout)),
        ("connect_timeout", time(connect_timeout)),
        ("body_bytes_max", size(body_bytes_max)),
        ("redirects_max", redirects_max.to_string()),
        ("private_addresses", switch(private_addresses)),
        ("jwks_uri_same_origin", switch(jwks_uri_same_origin)),
        ("json_content_type_only", switch(json_content_type_only)),
        ("proxy", absent(proxy.is_none())),
        ("root_certificates_file", absent(root_certificates_file.is_none())),
        ("spki_pins", absent(spki_pins.is_empty())),
        ("client_identity_file", absent(client_identity_file.is_none())),
        ("bearer_token_file", absent(bearer_token_file.is_none())),
        ("bytes_max", size(bytes_max)),
        ("token_bytes_max", size(token_bytes_max)),
    ])
}

/// Name and default of every row of a table of settings.
fn rows(text: &'static str) -> BTreeMap<&'static str, String> {
    let lines = text.lines().map(|line| line.trim_start_matches("/// ").trim());
    let mut rows = BTreeMap::new();
    let mut is_settings = false;
    for line in lines {
        is_settings = line.starts_with("| setting |") || (is_settings && line.starts_with('|'));
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        if let (true, Some(name)) = (is_settings, cells.get(1).and_then(|cell| cell.strip_prefix('`'))) {
            rows.insert(name.trim_end_matches('`'), cells[2].to_owned());
        }
    }
    rows
}

#[test]
fn guide_tells_every_default() {
    assert_eq!(rows(GUIDE), defaults());
}

#[test]
fn tables_beside_the_settings_tell_every_default() {
    let told: BTreeMap<_, _> = SOURCES.into_iter().flat_map(rows).collect();
    assert_eq!(told, defaults());
}

#[test]
fn guide_tells_every_metric() {
    const METRICS: &str = include_str!("../src/metrics.rs");
    let is_name = |part: &&str| part.starts_with("jwksmith_") && !part.contains(' ');
    let in_code: Vec<_> = METRICS.split('"').filter(is_name).collect();
    assert!(in_code.len() >= 6, "{in_code:?}");
    for name in in_code.into_iter().chain(["jwksmith_token_cache_total"]) {
        assert!(GUIDE.contains(&format!("`{name}`")), "docs/verifier.md lacks {name}");
        assert!(METRICS.contains(&format!("//! | `{name}`")), "the table of metrics.rs lacks {name}");
    }
}
