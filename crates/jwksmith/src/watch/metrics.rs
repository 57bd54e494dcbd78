//! How everything stands, in the text format of Prometheus, in a file for the textfile collector of its node exporter.
//!
//! The file is replaced whole: a reader sees the old one or the new one.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jwksmith_jose::UnixTime;
use jwksmith_verifier::{IssuerStatus, KeyRecord, Verifier};

use super::certificates;
use super::notice::Tally;
use crate::verdict::Fault;

/// How many keys of an issuer are exported; those of the set come first.
const KEYS_EXPORTED_MAX: usize = 64;

/// The file.
pub(super) struct MetricsFile {
    path: PathBuf,
    /// Whether it could not be written the last time, which is said once
    is_failing: bool,
}

impl MetricsFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, is_failing: false }
    }

    /// Replaces it; says that it cannot be once for all that follow each other.
    pub(super) fn write(&mut self, text: &str) -> Result<(), Fault> {
        let written = replace(&self.path, text);
        let was_failing = std::mem::replace(&mut self.is_failing, written.is_err());
        match written {
            Err(error) if !was_failing => Err(Fault {
                code: "config_metrics_file",
                reason: format!("the metrics cannot be written to {}: {error}", self.path.display()),
            }),
            _ => Ok(()),
        }
    }
}

/// Beside it first, under a name that the collector does not read.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&new, path)
}

/// Everything, family by family as the format wants it.
pub(super) fn text(verifier: &Verifier, tally: &Tally, now: UnixTime) -> String {
    let issuers = verifier.readiness().issuers;
    let mut page = Page::default();
    of_issuers(&mut page, &issuers, now);
    of_keys(&mut page, &issuers);
    let certificates = certificates::of_all(verifier);
    let certificates = certificates.iter().map(|(issuer, kid, end)| {
        (vec![("issuer", issuer.as_str()), ("kid", kid.as_str())], end.as_seconds())
    });
    page.gauge(
        "certificate_expires_timestamp_seconds",
        "When the certificate of a key expires.",
        certificates,
    );
    let told = tally.told().map(|(issuer, kind, count)| (vec![("issuer", issuer), ("kind", kind)], count));
    page.family("counter", "events_total", "What was told of, by its kind.", told);
    page.text
}

fn of_issuers(page: &mut Page, issuers: &[IssuerStatus], now: UnixTime) {
    let mut gauge = |name: &str, help: &str, value: &dyn Fn(&IssuerStatus) -> Option<u64>| {
        let samples =
            issuers.iter().filter_map(|status| Some((vec![("issuer", &*status.issuer)], value(status)?)));
        page.gauge(name, help, samples);
    };
    gauge("usable", "Whether there are keys that may be used.", &|status| Some(status.usable.into()));
    gauge("failing", "Whether the last refresh failed.", &|status| Some(status.failing.is_some().into()));
    gauge("keys", "How many keys are used.", &|status| {
        let present = status.keys.iter().filter(|key| key.gone_since.is_none()).count();
        u64::try_from(present).ok()
    });
    gauge("last_success_timestamp_seconds", "When the keys were last fetched or confirmed.", &|status| {
        Some(status.fetched_at?.as_seconds())
    });
    gauge("age_seconds", "How long ago that was.", &|status| Some(now.seconds_since(status.fetched_at?)));
    gauge("next_refresh_timestamp_seconds", "When the next refresh is due.", &|status| {
        Some(now.saturating_add(status.next_refresh_in.as_secs()).as_seconds())
    });
}

fn of_keys(page: &mut Page, issuers: &[IssuerStatus]) {
    let mut gauge = |name: &str, help: &str, value: &dyn Fn(&KeyRecord) -> Option<UnixTime>| {
        let keys = issuers
            .iter()
            .flat_map(|status| status.keys.iter().take(KEYS_EXPORTED_MAX).map(|key| (&*status.issuer, key)));
        let samples = keys.filter_map(|(issuer, key)| {
            Some((vec![("issuer", issuer), ("kid", key.kid.as_str())], value(key)?.as_seconds()))
        });
        page.gauge(name, help, samples);
    };
    gauge("key_first_seen_timestamp_seconds", "When a key was first seen.", &|key| Some(key.first_seen));
    gauge("key_last_seen_timestamp_seconds", "When a key was last seen.", &|key| Some(key.last_seen));
    gauge("key_gone_timestamp_seconds", "Since when a key is gone.", &|key| key.gone_since);
}

/// A text that grows family by family.
#[derive(Default)]
struct Page {
    text: String,
}

type Labels<'a> = Vec<(&'static str, &'a str)>;

impl Page {
    fn gauge<'a>(&mut self, name: &str, help: &str, samples: impl Iterator<Item = (Labels<'a>, u64)>) {
        self.family("gauge", name, help, samples);
    }

    /// A family without samples is left out. Of samples with the same labels, as those of a key and the one that it replaced,
    /// the first is taken: the format forbids a second.
    fn family<'a>(
        &mut self,
        kind: &str,
        name: &str,
        help: &str,
        samples: impl Iterator<Item = (Labels<'a>, u64)>,
    ) {
        let mut seen = BTreeSet::new();
        for (labels, value) in samples {
            if seen.is_empty() {
                // Writing to a `String` cannot fail.
                let _ = writeln!(self.text, "# HELP jwksmith_watch_{name} {help}");
                let _ = writeln!(self.text, "# TYPE jwksmith_watch_{name} {kind}");
            }
            let labels = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
            let labels = labels.collect::<Vec<_>>().join(",");
            if !seen.contains(&labels) {
                let _ = writeln!(self.text, "jwksmith_watch_{name}{{{labels}}} {value}");
                seen.insert(labels);
            }
        }
    }
}

/// As the format wants the values of labels. Other control characters are of no use to anybody.
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' | '"' => escaped.extend(['\\', c]),
            '\n' => escaped.push_str("\\n"),
            c if c.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwksmith_jose::Algorithm;
    use jwksmith_verifier::Age;
    use std::time::Duration;

    fn status(keys: usize) -> IssuerStatus {
        let at = UnixTime::from_seconds;
        let key = |n: usize| KeyRecord {
            kid: format!("k{n}"),
            algorithms: vec![Algorithm::ES256],
            first_seen: at(100),
            last_seen: at(200),
            last_used: None,
            gone_since: (n == 1).then(|| at(150)),
        };
        IssuerStatus {
            issuer: "https://a.example/".into(),
            age: Age::Fresh,
            usable: true,
            failing: None,
            fetched_at: Some(at(200)),
            in_use: None,
            sources: vec![],
            next_refresh_in: Duration::from_secs(40),
            fresh_for: Duration::from_secs(50),
            usable_for: Duration::from_mins(1),
            generation: 1,
            keys: (0..keys).map(key).collect(),
        }
    }

    fn page(statuses: &[IssuerStatus]) -> String {
        let mut page = Page::default();
        of_issuers(&mut page, statuses, UnixTime::from_seconds(210));
        of_keys(&mut page, statuses);
        page.text
    }

    #[test]
    fn issuer_is_exported_family_by_family() {
        let samples: Vec<_> =
            page(&[status(2)]).lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
        let of = |name: &str, kid: &str, value: u64| {
            let kid = if kid.is_empty() { String::new() } else { format!(",kid=\"{kid}\"") };
            format!("jwksmith_watch_{name}{{issuer=\"https://a.example/\"{kid}}} {value}")
        };
        assert_eq!(
            samples,
            [
                of("usable", "", 1),
                of("failing", "", 0),
                of("keys", "", 1),
                of("last_success_timestamp_seconds", "", 200),
                of("age_seconds", "", 10),
                of("next_refresh_timestamp_seconds", "", 250),
                of("key_first_seen_timestamp_seconds", "k0", 100),
                of("key_first_seen_timestamp_seconds", "k1", 100),
                of("key_last_seen_timestamp_seconds", "k0", 200),
                of("key_last_seen_timestamp_seconds", "k1", 200),
                of("key_gone_timestamp_seconds", "k1", 150),
            ]
        );
    }

    #[test]
    fn replaced_key_is_exported_once() {
        let mut status = status(2);
        status.keys[1].kid = "k0".to_owned();
        status.keys[1].first_seen = UnixTime::from_seconds(50);
        let page = page(&[status]);
        assert_eq!(page.matches("key_first_seen_timestamp_seconds{").count(), 1, "{page}");
        assert!(page.contains("kid=\"k0\"} 100\n"), "the present one: {page}");
    }

    #[test]
    fn keys_are_exported_up_to_their_limit() {
        let exported = |keys| page(&[status(keys)]).matches("key_first_seen_timestamp_seconds{").count();
        assert_eq!(exported(KEYS_EXPORTED_MAX), KEYS_EXPORTED_MAX);
        assert_eq!(exported(KEYS_EXPORTED_MAX + 1), KEYS_EXPORTED_MAX);
    }

    #[test]
    fn issuer_without_keys_has_no_times() {
        let page = page(&[IssuerStatus { fetched_at: None, usable: false, ..status(0) }]);
        assert!(page.contains("jwksmith_watch_usable{issuer=\"https://a.example/\"} 0\n"), "{page}");
        assert!(
            !page.contains("last_success") && !page.contains("age_seconds") && !page.contains("key_"),
            "{page}"
        );
    }

    #[test]
    fn values_of_labels_are_escaped() {
        assert_eq!(escaped("a\"b\\c\nd\u{7f}é"), "a\\\"b\\\\c\\nd\u{fffd}é");
    }

    #[test]
    fn failure_to_write_is_said_once_in_a_row() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("later/jwksmith.prom");
        let mut file = MetricsFile::new(path.clone());
        assert_eq!(file.write("a").unwrap_err().code, "config_metrics_file");
        assert!(file.write("a").is_ok(), "it has been said");
        fs::create_dir(path.parent().unwrap()).unwrap();
        assert!(file.write("b").is_ok());
        assert_eq!(fs::read_to_string(&path).unwrap(), "b");
        fs::remove_file(&path).unwrap();
        fs::remove_dir(path.parent().unwrap()).unwrap();
        assert!(file.write("c").is_err(), "it worked in between");
    }
}
