//! `jwksmith lint`: what is wrong, risky or odd about a key set, a discovery document, or an issuer that is asked for both.
//!
//! The rules are `jwksmith_jose`'s. Here a document is read from a file, or `online` fetches what an issuer publishes, and
//! `report` tells the findings, the gravest first.

mod online;
mod report;

use anyhow::Context as _;
use clap::Args;
use jwksmith_jose::UnixTime;
use jwksmith_jose::lint::{self, Kind, Severity};
use jwksmith_verifier::Clock as _;

use self::report::{Part, Report};
use crate::at::{self, CommandClock};
use crate::exit::ExitStatus;
use crate::network::NetworkArgs;
use crate::verdict::Fault;
use crate::{input, output};

/// Say what is wrong with an issuer, a key set or a discovery document
///
/// Of an issuer every well-known place is asked, and the key set that its document names: how they answer, whether they agree,
/// and what both documents say. Of a file nothing is fetched; what it is shows in its members. Each finding has a severity, a
/// code, its place, what is wrong, what to do, and the standard that says so.
#[derive(Args)]
#[command(after_long_help = EPILOGUE)]
pub(crate) struct LintArgs {
    /// The issuer's URL, exactly as in `iss`; or a file, and `-` reads standard input
    ///
    /// At most 256 KiB are read of each document.
    #[arg(value_name = "ISSUER|FILE")]
    input: String,

    /// Let warnings count as errors
    #[arg(long)]
    strict: bool,

    /// Answer with one JSON object on standard output
    #[arg(long)]
    json: bool,

    /// Judge certificates as if it were this time: RFC 3339, or seconds since 1970
    #[arg(long, value_name = "TIME", value_parser = at::parse_time)]
    at: Option<UnixTime>,

    /// How the issuer is reached
    #[command(flatten, next_help_heading = "Network")]
    network: NetworkArgs,
}

const EPILOGUE: &str = "\
Exit status:
  0  nothing is wrong; there may be warnings and notes
  1  there are errors, or with --strict warnings
  2  the command line or the file is at fault
  3  the issuer gives no answer at all

Examples:
  Look over what an issuer publishes, and how:
    jwksmith lint https://issuer.example/

  Stop a deployment that would publish a bad key set:
    jwksmith lint --strict jwks.json

  Take out what a program should act on:
    jwksmith lint https://issuer.example/ --json | jq -r '.findings[] | select(.severity == \"error\").code'";

/// Says what is found.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) async fn run(args: &LintArgs) -> anyhow::Result<ExitStatus> {
    let report = if is_url(&args.input) { online::report(args).await } else { of_file(args) };
    let report = match report {
        Ok(report) => report,
        Err(fault) => return refuse(&fault, args.json),
    };
    output::data(&if args.json { report.json() } else { report.text() })
        .context("the findings cannot be written to standard output")?;
    report.hint.iter().for_each(|hint| output::talk(&format!("hint: {hint}")));
    Ok(report.status(if args.strict { Severity::Warning } else { Severity::Error }))
}

/// What begins as a URL is no file that anybody has.
fn is_url(input: &str) -> bool {
    let scheme = input.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    scheme.is_some_and(|scheme| scheme == "https" || scheme == "http")
}

fn refuse(fault: &Fault, json: bool) -> anyhow::Result<ExitStatus> {
    if json {
        output::data(&fault.brief()).context("the answer cannot be written to standard output")?;
    } else {
        output::talk(&fault.text());
    }
    Ok(ExitStatus::Usage)
}

fn of_file(args: &LintArgs) -> Result<Report, Fault> {
    let name = input::name(&args.input);
    if args.network.is_given() {
        let reason = format!(
            "{name} is a file, and options of the network are given: leave them out, or name an issuer"
        );
        return Err(Fault { code: "config_network_unused", reason });
    }
    let bytes = input::document(&args.input).map_err(|error| Fault {
        code: "config_document_unreadable",
        reason: format!("{name} cannot be read: {error}"),
    })?;
    let kind = Kind::of(&bytes);
    let findings = match kind {
        Some(Kind::Discovery) => lint::discovery(&bytes),
        // Of what cannot be read, both rule sets say the same.
        Some(Kind::KeySet) | None => lint::key_set(&bytes, CommandClock::new(args.at).now()),
    };
    if kind.is_none() && findings.iter().all(|finding| !finding.rule.code.starts_with("document_")) {
        let reason = format!("{name} is neither a key set (`keys`) nor a discovery document (`issuer`)");
        return Err(Fault { code: "config_document_unknown", reason });
    }
    Ok(Report::of_file(kind, Part::new(name, kind, findings)))
}
