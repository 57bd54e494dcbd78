//! `jwksmith lint`: what is wrong, risky or odd about a key set or a discovery document.
//!
//! The rules are `jwksmith_jose`'s. Here a document is read from a file, never fetched, and the findings are told, the gravest
//! first.

use std::cmp::Reverse;

use anyhow::Context as _;
use clap::Args;
use jwksmith_jose::UnixTime;
use jwksmith_jose::lint::{self, Finding, Kind, Severity};
use jwksmith_verifier::Clock as _;
use serde::Serialize;

use crate::at::{self, CommandClock};
use crate::exit::ExitStatus;
use crate::output::printable;
use crate::style::{self, paint};
use crate::verdict::{Fault, object};
use crate::{input, output};

/// Say what is wrong with a key set or a discovery document
///
/// What a document is shows in its members. Each finding has a severity, a code, its place, what is wrong, what to do, and the
/// standard that says so. Nothing is fetched.
#[derive(Args)]
#[command(after_long_help = EPILOGUE)]
pub(crate) struct LintArgs {
    /// The file; `-` reads standard input
    ///
    /// At most 256 KiB are read.
    #[arg(value_name = "FILE")]
    file: String,

    /// Let warnings count as errors
    #[arg(long)]
    strict: bool,

    /// Answer with one JSON object on standard output
    #[arg(long)]
    json: bool,

    /// Judge certificates as if it were this time: RFC 3339, or seconds since 1970
    #[arg(long, value_name = "TIME", value_parser = at::parse_time)]
    at: Option<UnixTime>,
}

const EPILOGUE: &str = "\
Exit status:
  0  nothing is wrong; there may be warnings and notes
  1  there are errors, or with --strict warnings
  2  the command line or the file is at fault

Examples:
  Look over what an issuer publishes:
    curl -s https://issuer.example/.well-known/jwks.json | jwksmith lint -

  Stop a deployment that would publish a bad key set:
    jwksmith lint --strict jwks.json";

/// Says what is found in a document.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn run(args: &LintArgs) -> anyhow::Result<ExitStatus> {
    let report = match Report::of(args) {
        Ok(report) => report,
        Err(fault) => return refuse(&fault, args.json),
    };
    output::data(&if args.json { report.json() } else { report.text(&args.file) })
        .context("the findings cannot be written to standard output")?;
    let grave = if args.strict { Severity::Warning } else { Severity::Error };
    let is_grave = report.findings.iter().any(|finding| finding.rule.severity >= grave);
    Ok(if is_grave { ExitStatus::Refused } else { ExitStatus::Valid })
}

fn refuse(fault: &Fault, json: bool) -> anyhow::Result<ExitStatus> {
    if json {
        output::data(&fault.brief()).context("the answer cannot be written to standard output")?;
    } else {
        output::talk(&fault.text());
    }
    Ok(ExitStatus::Usage)
}

/// What was found.
struct Report {
    kind: Option<Kind>,
    findings: Vec<Finding>,
}

impl Report {
    fn of(args: &LintArgs) -> Result<Self, Fault> {
        let name = input::name(&args.file);
        let bytes = input::document(&args.file).map_err(|error| Fault {
            code: "config_document_unreadable",
            reason: format!("{name} cannot be read: {error}"),
        })?;
        let kind = Kind::of(&bytes);
        let mut findings = match kind {
            Some(Kind::Discovery) => lint::discovery(&bytes),
            // Of what cannot be read, both rule sets say the same.
            Some(Kind::KeySet) | None => lint::key_set(&bytes, CommandClock::new(args.at).now()),
        };
        if kind.is_none() && findings.iter().all(|finding| !finding.rule.code.starts_with("document_")) {
            let reason = format!("{name} is neither a key set (`keys`) nor a discovery document (`issuer`)");
            return Err(Fault { code: "config_document_unknown", reason });
        }
        findings.sort_by_key(|finding| Reverse(finding.rule.severity));
        Ok(Self { kind, findings })
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.rule.severity == severity).count()
    }

    fn text(&self, file: &str) -> String {
        let kind = match self.kind {
            Some(Kind::KeySet) => "key set",
            Some(Kind::Discovery) => "discovery document",
            None => "unreadable document",
        };
        let heading = format!("{}: {kind}", printable(input::name(file)));
        let heading = paint(style::HEADING, heading);
        let findings = self.findings.iter().map(said);
        let parts: Vec<_> = [heading].into_iter().chain(findings).chain([self.summary()]).collect();
        parts.join("\n\n")
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

    fn json(&self) -> String {
        object(&Wire {
            kind: self.kind.map(|kind| match kind {
                Kind::KeySet => "key_set",
                Kind::Discovery => "discovery",
            }),
            errors: self.count(Severity::Error),
            warnings: self.count(Severity::Warning),
            notes: self.count(Severity::Note),
            findings: self.findings.iter().map(WireFinding::from).collect(),
        })
    }
}

/// A finding over three lines: where, what, and what to do.
fn said(finding: &Finding) -> String {
    let rule = finding.rule;
    let style = match rule.severity {
        Severity::Error => style::BAD,
        Severity::Warning => style::DOUBTFUL,
        Severity::Note => style::HEADING,
    };
    let place = if finding.place.is_empty() { "the document" } else { &finding.place };
    let source = paint(style::ASIDE, format!("{}, {}", rule.code, rule.section));
    format!(
        "{} {}: {}\n  {}\n  {source}",
        paint(style, rule.severity.word()),
        printable(place),
        printable(&finding.problem),
        rule.advice
    )
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
    place: &'a str,
    problem: &'a str,
    advice: &'static str,
    section: &'static str,
}

impl<'a> From<&'a Finding> for WireFinding<'a> {
    fn from(finding: &'a Finding) -> Self {
        let lint::Rule { code, severity, section, advice } = finding.rule;
        let severity = severity.word();
        Self { severity, code, place: &finding.place, problem: &finding.problem, advice, section }
    }
}
