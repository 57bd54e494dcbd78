//! `jwksmith inspect`: what a token says, which proves nothing.
//!
//! It shows whatever can be shown, also of tokens that nobody would accept, and says which those are. Whether a token is
//! valid is the business of `verify`.

use anyhow::Context as _;
use jwksmith_jose::danger::{UnverifiedToken, decode_unverified};
use jwksmith_jose::{Token, UnixTime};
use jwksmith_verifier::Clock as _;
use serde::Serialize;

use crate::args::InspectArgs;
use crate::at::CommandClock;
use crate::claims::ShownClaims;
use crate::exit::ExitStatus;
use crate::input::{self, Given};
use crate::verdict::{Refused, object, table};
use crate::{json, output};

/// The first line of every text: nobody shall take what follows for the truth.
const NOT_VERIFIED: &str =
    "NOT VERIFIED: anybody can write such a token. Use `jwksmith verify` to learn whether it is valid.";

/// Shows the header and the claims of a token.
///
/// # Errors
/// If standard input or output fails.
pub(crate) fn run(args: &InspectArgs) -> anyhow::Result<ExitStatus> {
    let given = input::token(&args.token).context("standard input cannot be read")?;
    match decoded(given) {
        Ok((token, texts)) => {
            let now = CommandClock::new(args.at).now();
            write(&if args.json { json(&texts) } else { text(&texts, now) })?;
            warn(&token);
            Ok(ExitStatus::Valid)
        }
        Err(refused) if args.json => {
            write(&object(&Unreadable { verified: false, code: refused.code, reason: &refused.reason }))?;
            Ok(ExitStatus::Refused)
        }
        Err(refused) => {
            output::talk(&refused.text());
            Ok(ExitStatus::Refused)
        }
    }
}

/// The answer to a program about a text that is no token.
#[derive(Serialize)]
struct Unreadable<'a> {
    verified: bool,
    code: &'a str,
    reason: &'a str,
}

fn decoded(given: Given) -> Result<(String, UnverifiedToken), Refused> {
    let token = given?;
    let texts = decode_unverified(&token).map_err(|refusal| Refused::by(&refusal))?;
    Ok((token, texts))
}

fn text(token: &UnverifiedToken, now: UnixTime) -> String {
    let (header, claims) = (json::pretty(&token.header), json::pretty(&token.claims));
    let times = table(&ShownClaims::read(&token.claims).times(now));
    let times = if times.is_empty() { times } else { format!("\n\ntimes\n{times}") };
    format!("{NOT_VERIFIED}\n\nheader\n{header}\n\nclaims\n{claims}{times}")
}

fn json(token: &UnverifiedToken) -> String {
    let (header, claims) = (json::compact(&token.header), json::compact(&token.claims));
    format!(r#"{{"verified":false,"header":{header},"claims":{claims}}}"#)
}

/// Says so if the token is one that no issuer, key or policy could make acceptable.
fn warn(token: &str) {
    if let Err(refusal) = Token::parse(token) {
        let warning =
            format!("warning: `jwksmith verify` refuses this token: {refusal} ({})", refusal.code());
        output::talk(&output::printable(&warning));
    }
}

fn write(text: &str) -> anyhow::Result<()> {
    output::data(text).context("the token cannot be written to standard output")?;
    Ok(())
}
