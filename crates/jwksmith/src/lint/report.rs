//! Findings for people and for programs.

use std::cmp::Reverse;

use jwksmith_jose::lint::{Finding, Kind, Rule, Severity};
use serde::Serialize;

use crate::exit::ExitStatus;
use crate::output::printable;
use crate::style::{self, paint};
use crate::verdict::object;

/// All that was found.
pub(super) struct Report {
    /// What was looked at, for programs
    kind: Option<&'static str>,
    parts: Vec<Part>,
    /// Whether it is an issuer that gave no answer
    is_silent: bool,
    /// The option that may help with it
    pub(super) hint: Option<&'static str>,
}

/// What was found in one document, or in how it was answered.
pub(super) struct Part {
    /// The file or the URL
    name: String,
    /// What it is
    what: &'static str,
    findings: Vec<Finding>,
}

impl Part {
    /// A document, the gravest findings first.
    pub(super) fn new(name: &str, kind: Option<Kind>, findings: Vec<Finding>) -> Self {
        let what = match kind {
            Some(Kind::KeySet) => "key set",
            Some(Kind::Discovery) => "discovery document",
            None => "unreadable document",
        };
        Self::called(name, what, findings)
    }

    /// How an issuer answers.
    pub(super) fn of_answers(issuer: &str, findings: Vec<Finding>) -> Self {
        Self::called(issuer, "issuer", findings)
    }

    fn called(name: &str, what: &'static str, mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| Reverse(finding.rule.severity));
        Self { name: name.to_owned(), what, findings }
    }

    fn heading(&self) -> String {
        paint(style::HEADING, format_args!("{}: {}", printable(&self.name), self.what))
    }

    /// The heading, and the findings below it.
    fn text(&self) -> String {
        if self.findings.is_empty() {
            return format!("{}: {}", self.heading(), paint(style::GOOD, "nothing found"));
        }
        let findings = self.findings.iter().map(|finding| self.said(finding));
        [self.heading()].into_iter().chain(findings).collect::<Vec<_>>().join("\n\n")
    }

    /// A finding over three lines: where, what, and what to do.
    fn said(&self, finding: &Finding) -> String {
        let rule = finding.rule;
        let style = match rule.severity {
            Severity::Error => style::BAD,
            Severity::Warning => style::DOUBTFUL,
            Severity::Note => style::HEADING,
        };
        let place = match finding.place.as_str() {
            "" if self.what == "issuer" => "the discovery document",
            "" => "the document",
            place => place,
        };
        let source = paint(style::ASIDE, format!("{}, {}", rule.code, rule.section));
        format!(
            "{} {}: {}\n  {}\n  {source}",
            paint(style, rule.severity.word()),
            printable(place),
            printable(&finding.problem),
            rule.advice
        )
    }
}

impl Report {
    pub(super) fn of_file(kind: Option<Kind>, part: Part) -> Self {
        let kind = kind.map(|kind| match kind {
            Kind::KeySet => "key_set",
            Kind::Discovery => "discovery",
        });
        Self { kind, parts: vec![part], is_silent: false, hint: None }
    }

    pub(super) fn of_issuer(parts: Vec<Part>, is_silent: bool, hint: Option<&'static str>) -> Self {
        Self { kind: Some("issuer"), parts, is_silent, hint }
    }

    /// What a script goes by, if findings count from this severity on.
    pub(super) fn status(&self, grave: Severity) -> ExitStatus {
        if self.is_silent {
            ExitStatus::Undecided
        } else if self.findings().any(|(_, finding)| finding.rule.severity >= grave) {
            ExitStatus::Refused
        } else {
            ExitStatus::Valid
        }
    }

    pub(super) fn text(&self) -> String {
        let parts = match self.parts.as_slice() {
            // Of one document without findings the last line says it.
            [only] if only.findings.is_empty() => vec![only.heading()],
            parts => parts.iter().map(Part::text).collect(),
        };
        parts.into_iter().chain([self.summary()]).collect::<Vec<_>>().join("\n\n")
    }

    pub(super) fn json(&self) -> String {
        object(&Wire {
            kind: self.kind,
            errors: self.count(Severity::Error),
            warnings: self.count(Severity::Warning),
            notes: self.count(Severity::Note),
            findings: self.findings().map(|(part, finding)| self.wire(part, finding)).collect(),
        })
    }

    fn findings(&self) -> impl Iterator<Item = (&Part, &Finding)> {
        self.parts.iter().flat_map(|part| part.findings.iter().map(move |finding| (part, finding)))
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings().filter(|(_, finding)| finding.rule.severity == severity).count()
    }

    fn summary(&self) -> String {
        let counted = |severity: Severity| match self.count(severity) {
            0 => None,
            1 => Some(format!("1 {}", severity.word())),
            count => Some(format!("{count} {}s", severity.word())),
        };
        let counts = [Severity::Error, Severity::Warning, Severity::Note].into_iter().filter_map(counted);
        let counts = counts.collect::<Vec<_>>().join(", ");
        if counts.is_empty() { paint(style::GOOD, "nothing found") } else { counts }
    }

    fn wire<'a>(&self, part: &'a Part, finding: &'a Finding) -> WireFinding<'a> {
        let Rule { code, severity, section, advice } = finding.rule;
        // A file is known to whoever named it.
        let document = (self.kind == Some("issuer")).then_some(part.name.as_str());
        WireFinding {
            severity: severity.word(),
            code,
            document,
            place: &finding.place,
            problem: &finding.problem,
            advice,
            section,
        }
    }
}

/// The answer to a program.
#[derive(Serialize)]
struct Wire<'a> {
    kind: Option<&'static str>,
    errors: usize,
    warnings: usize,
    notes: usize,
    findings: Vec<WireFinding<'a>>,
}

#[derive(Serialize)]
struct WireFinding<'a> {
    severity: &'static str,
    code: &'static str,
    /// The issuer, or the URL of the document
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'a str>,
    place: &'a str,
    problem: &'a str,
    advice: &'static str,
    section: &'static str,
}
