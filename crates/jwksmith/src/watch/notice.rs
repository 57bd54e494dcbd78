//! One thing that is told: for people on a line, for programs as one JSON object, and counted.

use std::collections::BTreeMap;
use std::time::Duration;

use jwksmith_jose::UnixTime;
use jwksmith_verifier::{Event, EventKind};
use serde::Serialize;

use crate::at;
use crate::output::printable;
use crate::style::{self, paint};
use crate::verdict::object;

/// How many keys a line names.
const KIDS_TOLD_MAX: usize = 8;

/// Something to be told.
pub(super) struct Notice {
    pub(super) issuer: String,
    pub(super) at: UnixTime,
    pub(super) what: What,
}

/// What there is to be told of.
pub(super) enum What {
    /// Something happened
    Happened(EventKind),
    /// A certificate of a key is near its end, or past it
    Certificate { kid: String, expires: UnixTime, is_over: bool },
}

impl Notice {
    pub(super) fn of(event: &Event) -> Self {
        Self { issuer: event.issuer.to_string(), at: event.at, what: What::Happened(event.kind.clone()) }
    }

    /// A stable name.
    pub(super) fn kind(&self) -> &'static str {
        match &self.what {
            What::Happened(kind) => kind.name(),
            What::Certificate { is_over: true, .. } => "certificate_expired",
            What::Certificate { .. } => "certificate_expires",
        }
    }

    pub(super) fn is_alarm(&self) -> bool {
        match &self.what {
            What::Happened(kind) => kind.is_alarm(),
            What::Certificate { .. } => true,
        }
    }

    /// A line for people.
    pub(super) fn text(&self, now: UnixTime) -> String {
        let (time, said) = (paint(style::ASIDE, at::rfc3339(self.at)), printable(&self.said(now)));
        let said = match &self.what {
            _ if self.is_alarm() => format!("{}: {said}", paint(style::BAD, "alarm")),
            What::Happened(EventKind::OutageBegan { .. }) => paint(style::DOUBTFUL, said),
            What::Happened(EventKind::OutageEnded { .. }) => paint(style::GOOD, said),
            _ => said,
        };
        format!("{time}  {}  {said}", printable(&self.issuer))
    }

    fn said(&self, now: UnixTime) -> String {
        match &self.what {
            What::Certificate { kid, expires, is_over } => {
                let verb = if *is_over { "has expired" } else { "expires" };
                format!("the certificate of the key {kid} {verb}: {}", at::described(*expires, now))
            }
            What::Happened(kind) => happened(kind),
        }
    }

    /// An object for programs.
    pub(super) fn json(&self) -> String {
        let mut wire = Wire {
            time: at::rfc3339(self.at),
            issuer: &self.issuer,
            kind: self.kind(),
            alarm: self.is_alarm(),
            ..Wire::default()
        };
        match &self.what {
            What::Certificate { kid, expires, .. } => {
                wire.kid = Some(kid);
                wire.expires = Some(at::rfc3339(*expires));
            }
            What::Happened(kind) => wire.add(kind),
        }
        object(&wire)
    }
}

fn happened(kind: &EventKind) -> String {
    match kind {
        EventKind::Loaded { kids } => format!("loaded: {}", named(kids)),
        EventKind::KeysChanged { added, removed } => match (added.as_slice(), removed.as_slice()) {
            (added, []) => format!("keys changed: {} came", named(added)),
            ([], removed) => format!("keys changed: {} went", named(removed)),
            (added, removed) => format!("keys changed: {} came, {} went", named(added), named(removed)),
        },
        EventKind::KeyReplaced { kid } => format!("another key has come under the kid {kid}"),
        EventKind::AllKeysReplaced => "not one key of the set before is in the new one".to_owned(),
        EventKind::OutageBegan { cause } => format!("outage began: {cause} ({})", cause.code()),
        EventKind::OutageEnded { lasted } => format!("outage ended after {}", in_words(*lasted)),
        EventKind::KeySetMoved { from, to } => format!("the key set has moved from {from} to {to}"),
        EventKind::Missed { events } => format!("{events} events came too fast to be told"),
        other => other.name().to_owned(),
    }
}

fn named(kids: &[String]) -> String {
    let names = kids.iter().take(KIDS_TOLD_MAX).cloned().collect::<Vec<_>>().join(", ");
    match kids.len().saturating_sub(KIDS_TOLD_MAX) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

fn in_words(duration: Duration) -> String {
    at::in_words(duration.as_secs())
}

/// What a kind has not is left out.
#[derive(Serialize, Default)]
struct Wire<'a> {
    time: String,
    issuer: &'a str,
    kind: &'static str,
    alarm: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    kids: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    added: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lasted_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<u64>,
}

impl<'a> Wire<'a> {
    fn add(&mut self, kind: &'a EventKind) {
        match kind {
            EventKind::Loaded { kids } => self.kids = Some(kids),
            EventKind::KeysChanged { added, removed } => {
                self.added = Some(added);
                self.removed = Some(removed);
            }
            EventKind::KeyReplaced { kid } | EventKind::KeyEvicted { kid } => self.kid = Some(kid),
            EventKind::OutageBegan { cause } => {
                (self.code, self.reason) = (Some(cause.code()), Some(cause.to_string()));
            }
            EventKind::OutageEnded { lasted } => self.lasted_seconds = Some(lasted.as_secs()),
            EventKind::KeySetMoved { from, to } => {
                self.from = Some(from);
                self.to = Some(to);
            }
            EventKind::Missed { events } => self.events = Some(*events),
            _ => {}
        }
    }
}

/// How often each kind of thing was told, of each issuer.
#[derive(Default)]
pub(super) struct Tally {
    told: BTreeMap<(String, &'static str), u64>,
    alarms: u64,
}

impl Tally {
    pub(super) fn count(&mut self, notice: &Notice) {
        let told = self.told.entry((notice.issuer.clone(), notice.kind())).or_default();
        *told = told.saturating_add(1);
        self.alarms = self.alarms.saturating_add(u64::from(notice.is_alarm()));
    }

    pub(super) fn alarms(&self) -> u64 {
        self.alarms
    }

    /// Issuer, kind and count.
    pub(super) fn told(&self) -> impl Iterator<Item = (&str, &'static str, u64)> {
        self.told.iter().map(|((issuer, kind), count)| (issuer.as_str(), *kind, *count))
    }

    /// What a person wants to know at the end.
    pub(super) fn summary(&self, issuers: usize, lasted: Duration) -> String {
        let of = |kind: &str| self.told().filter(|(_, told, _)| *told == kind).map(|(.., count)| count).sum();
        let watched = [
            counted(of("keys_changed"), "rotation"),
            counted(self.alarms, "alarm"),
            counted(of("outage_began"), "outage"),
        ];
        let issuers = counted(u64::try_from(issuers).unwrap_or(u64::MAX), "issuer");
        let span = match lasted.as_secs() {
            0 => String::new(),
            seconds => format!(" for {}", at::in_words(seconds)),
        };
        format!("watched {issuers}{span}: {}", watched.join(", "))
    }
}

fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwksmith_verifier::IssuerError;
    use std::sync::Arc;

    const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

    fn check(kind: EventKind, text: &str, json: &str) {
        let notice = Notice { issuer: "https://a.example/".to_owned(), at: NOW, what: What::Happened(kind) };
        let line = anstream::adapter::strip_str(&notice.text(NOW)).to_string();
        assert_eq!(line, format!("2027-01-15T08:00:00Z  https://a.example/  {text}"));
        let start = r#"{"time":"2027-01-15T08:00:00Z","issuer":"https://a.example/","kind":""#;
        assert_eq!(notice.json(), format!("{start}{json}}}"));
    }

    fn kids(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn changes_are_told_in_words_and_as_json() {
        let changed = |added: &[&str], removed: &[&str]| EventKind::KeysChanged {
            added: kids(added),
            removed: kids(removed),
        };
        check(
            EventKind::Loaded { kids: kids(&["a", "b"]) },
            "loaded: a, b",
            r#"loaded","alarm":false,"kids":["a","b"]"#,
        );
        check(
            changed(&["c"], &["a"]),
            "keys changed: c came, a went",
            r#"keys_changed","alarm":false,"added":["c"],"removed":["a"]"#,
        );
        check(
            changed(&["c"], &[]),
            "keys changed: c came",
            r#"keys_changed","alarm":false,"added":["c"],"removed":[]"#,
        );
        check(
            changed(&[], &["a\n"]),
            "keys changed: a\\n went",
            r#"keys_changed","alarm":false,"added":[],"removed":["a\n"]"#,
        );
        check(
            EventKind::OutageEnded { lasted: Duration::from_secs(61) },
            "outage ended after 1 min 1 s",
            r#"outage_ended","alarm":false,"lasted_seconds":61"#,
        );
        check(
            EventKind::KeySetMoved { from: "https://a/".to_owned(), to: "https://b/".to_owned() },
            "the key set has moved from https://a/ to https://b/",
            r#"key_set_moved","alarm":false,"from":"https://a/","to":"https://b/""#,
        );
        check(
            EventKind::Missed { events: 3 },
            "3 events came too fast to be told",
            r#"missed","alarm":false,"events":3"#,
        );
    }

    #[test]
    fn outage_is_told_with_its_cause() {
        let cause = IssuerError::Redirect { url: "https://x/".to_owned() };
        let reason = cause.to_string();
        let json = format!(r#"outage_began","alarm":false,"code":"issuer_redirect","reason":"{reason}""#);
        let kind = EventKind::OutageBegan { cause: Arc::new(cause) };
        let notice = Notice { issuer: "i".to_owned(), at: NOW, what: What::Happened(kind.clone()) };
        assert!(notice.text(NOW).contains(&format!("outage began: {reason} (issuer_redirect)")));
        assert!(notice.json().ends_with(&format!("\"kind\":\"{json}}}")), "{}", notice.json());
    }

    #[test]
    fn alarms_are_counted_and_nothing_else_is_one() {
        let notice = |what| Notice { issuer: "i".to_owned(), at: NOW, what };
        let mut tally = Tally::default();
        let certificate = |is_over| What::Certificate { kid: "a".to_owned(), expires: NOW, is_over };
        for (what, is_alarm, kind) in [
            (What::Happened(EventKind::KeyReplaced { kid: "a".to_owned() }), true, "key_replaced"),
            (What::Happened(EventKind::AllKeysReplaced), true, "all_keys_replaced"),
            (certificate(false), true, "certificate_expires"),
            (certificate(true), true, "certificate_expired"),
            (What::Happened(EventKind::Loaded { kids: vec![] }), false, "loaded"),
            (
                What::Happened(EventKind::KeysChanged { added: vec![], removed: vec![] }),
                false,
                "keys_changed",
            ),
        ] {
            let notice = notice(what);
            assert_eq!((notice.is_alarm(), notice.kind()), (is_alarm, kind));
            tally.count(&notice);
        }
        assert_eq!(tally.alarms(), 4);
        let summary = tally.summary(2, Duration::from_secs(90));
        assert_eq!(summary, "watched 2 issuers for 1 min 30 s: 1 rotation, 4 alarms, 0 outages");
    }

    #[test]
    fn line_names_so_many_keys_and_counts_the_rest() {
        let many = |count: usize| named(&vec!["k".to_owned(); count]);
        assert_eq!(many(KIDS_TOLD_MAX), ["k"; KIDS_TOLD_MAX].join(", "));
        assert_eq!(many(KIDS_TOLD_MAX + 1), format!("{} and 1 more", ["k"; KIDS_TOLD_MAX].join(", ")));
    }
}
