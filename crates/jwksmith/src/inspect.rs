//! `jwksmith inspect`: what a token, a key set or a certificate says, which proves nothing.
//!
//! It shows whatever can be shown, also of tokens and keys that nobody would accept, and says which those are. Whether a token is
//! valid is the business of `verify`; what is wrong with a key set, that of `lint`.

mod certificate;
pub(crate) mod keys;
mod token;

use anyhow::Context as _;
use jwksmith_verifier::Clock as _;
use serde::Serialize;

use crate::args::InspectArgs;
use crate::at::CommandClock;
use crate::exit::ExitStatus;
use crate::input::{self, Content};
use crate::output;
use crate::verdict::{Fault, Refused, object};

/// What is shown: one of the two, as it was asked for.
struct Shown {
    text: String,
    json: String,
    /// What a person should know beside it
    warning: Option<String>,
}

/// Shows a token, a key set or certificates.
///
/// # Errors
/// If standard input or output fails.
pub(crate) fn run(args: &InspectArgs) -> anyhow::Result<ExitStatus> {
    let content = match input::content(&args.input) {
        Ok(content) => content,
        Err(error) => return refuse_file(&args.input, &error, args.json),
    };
    let now = CommandClock::new(args.at).now();
    let shown = match content {
        Content::Token(given) => token::shown(given, now),
        Content::Json(bytes) => keys::shown(&bytes, now),
        Content::Certificates(bytes) => certificate::shown(&bytes, now),
    };
    match shown {
        Ok(shown) => {
            write(if args.json { &shown.json } else { &shown.text })?;
            shown.warning.iter().for_each(|warning| output::talk(&output::printable(warning)));
            Ok(ExitStatus::Valid)
        }
        Err(refused) => refuse(&refused, args.json),
    }
}

fn refuse(refused: &Refused, json: bool) -> anyhow::Result<ExitStatus> {
    if json {
        write(&object(&Unreadable { verified: false, code: refused.code, reason: &refused.reason }))?;
    } else {
        output::talk(&refused.text());
    }
    Ok(ExitStatus::Refused)
}

fn refuse_file(file: &str, error: &std::io::Error, json: bool) -> anyhow::Result<ExitStatus> {
    let reason = format!("{} cannot be read: {error}", input::name(file));
    let Fault { code, reason } = Fault { code: "config_document_unreadable", reason };
    if json {
        write(&object(&Unreadable { verified: false, code, reason: &reason }))?;
    } else {
        output::talk(&Fault { code, reason }.text());
    }
    Ok(ExitStatus::Usage)
}

/// The answer to a program about something that cannot be shown.
#[derive(Serialize)]
struct Unreadable<'a> {
    verified: bool,
    code: &'a str,
    reason: &'a str,
}

fn write(text: &str) -> anyhow::Result<()> {
    output::data(text).context("what was found cannot be written to standard output")?;
    Ok(())
}
