//! The command line: every command, every option, and the help that explains them.
//!
//! What an option means is decided by the module of its command; here it only gets its name and its form. None of these
//! types can be printed: a token is a credential.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use jwksmith_jose::{Algorithm, UnixTime};

use crate::at;
use crate::demands::DemandArgs;
use crate::dev::DevArgs;
use crate::key::KeyArgs;
use crate::lint::LintArgs;
use crate::locate::LocateArgs;
use crate::network::{NetworkArgs, PlaceArgs};
use crate::watch::WatchArgs;

/// One command for JSON Web Key Sets: run an authority, verify and inspect tokens
#[derive(Parser)]
#[command(name = "jwksmith", version, propagate_version = true)]
pub(crate) struct Cli {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,

    /// What to tell of the inside
    #[command(flatten)]
    pub(crate) log: LogArgs,

    /// When to use colours; `auto` means on a terminal, and heeds `NO_COLOR` and `CLICOLOR_FORCE`
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", display_order = 902)]
    pub(crate) color: clap::ColorChoice,
}

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run an authority on this machine, with everything set up for a first token
    Dev(DevArgs),
    /// Say whether a token is valid
    Verify(Box<VerifyArgs>),
    /// Say where an issuer's keys are, what they are, and for how long a verifier keeps them
    Locate(LocateArgs),
    /// Show what a token, a key set or a certificate says, without verifying anything
    Inspect(InspectArgs),
    /// Say what is wrong with an issuer, a key set or a discovery document
    Lint(LintArgs),
    /// Tell what changes in issuers' keys, and when they are not to be had
    Watch(WatchArgs),
    /// Make keys, convert them, and name what is in a file
    Key(KeyArgs),
}

/// What to tell of the inside.
#[derive(Args)]
pub(crate) struct LogArgs {
    /// Tell on standard error what happens inside; twice tells more
    #[arg(short, long, global = true, action = clap::ArgAction::Count, display_order = 900)]
    pub(crate) verbose: u8,

    /// Tell what this filter lets through, as `jwksmith_verifier=debug`; `-v` is stronger
    #[arg(
        long,
        global = true,
        value_name = "FILTER",
        env = "JWKSMITH_LOG",
        hide_env_values = true,
        display_order = 901
    )]
    pub(crate) log: Option<String>,
}

/// Say whether a token is valid
///
/// The issuer's key set is located through discovery, starting from nothing but --issuer. The token must be signed by one
/// of its keys, with an allowed algorithm, be meant for --audience, and be within its times.
#[derive(Args)]
#[command(after_long_help = VERIFY_EPILOGUE)]
pub(crate) struct VerifyArgs {
    /// The token; `-` reads it from standard input, which keeps it out of the shell's history
    ///
    /// At most 16 KiB; blanks around it are dropped.
    #[arg(value_name = "TOKEN", required_unless_present = "lines", conflicts_with = "lines")]
    pub(crate) token: Option<String>,

    /// The issuer, exactly as in `iss`: compared byte for byte, so mind the trailing slash
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: String,

    /// The API that the token must be meant for; repeated, one of them is enough
    #[arg(long, value_name = "AUD", required = true)]
    pub(crate) audience: Vec<String>,

    /// An allowed signature algorithm; repeated, each of them [default: every one but HMAC]
    ///
    /// HS256, HS384 and HS512 take a shared secret and so need --jwks.
    #[arg(long, value_name = "ALG", value_parser = algorithms())]
    pub(crate) algorithm: Vec<Algorithm>,

    /// How far the issuer's clock and this one may differ: 30s, 2m, or plain seconds; at most 5m
    ///
    /// 30s unless given, and 10s for client assertions.
    #[arg(long, value_name = "DURATION", value_parser = at::parse_seconds)]
    pub(crate) leeway: Option<u64>,

    /// The kind of token that is expected, its `typ`, as at+jwt
    #[arg(long, value_name = "TYP")]
    pub(crate) typ: Option<String>,

    /// What else is demanded
    #[command(flatten)]
    pub(crate) demands: DemandArgs,

    /// Verify as if it were this time: RFC 3339, or seconds since 1970
    #[arg(long, value_name = "TIME", value_parser = at::parse_time)]
    pub(crate) at: Option<UnixTime>,

    /// Verify with the key set in this file, asking nobody; it may hold shared secrets (`"kty":"oct"`)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["PlaceArgs", "NetworkArgs"])]
    pub(crate) jwks: Option<PathBuf>,

    /// Where the key set is, if not where discovery says
    #[command(flatten)]
    pub(crate) place: PlaceArgs,

    /// Tell of every check and every key what came of it, also beyond the first refusal
    ///
    /// The verdict and the exit status stay the same. The key set is fetched even for a token that no key could save; if it is
    /// not to be had, the checks that need no key are told.
    #[arg(long, conflicts_with = "lines")]
    pub(crate) explain: bool,

    /// Answer with one JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,

    /// Read one token per line from standard input, and answer each with one line of JSON
    ///
    /// The members are always `valid` (true, false, or null if nothing can be said), `code` and `reason`. Each answer is
    /// flushed, so that a program can hold a conversation; the key set is kept between lines.
    #[arg(long)]
    pub(crate) lines: bool,

    /// How the issuer is reached
    #[command(flatten, next_help_heading = "Network")]
    pub(crate) network: NetworkArgs,
}

/// Show what a token, a key set or a certificate says, without verifying anything
///
/// Anybody can write such a token. This is for looking into one, also into one that no verifier would accept. What a file or
/// standard input holds shows in how it begins.
#[derive(Args)]
#[command(after_long_help = INSPECT_EPILOGUE)]
pub(crate) struct InspectArgs {
    /// The token, or a file with a token, a key set, a JWK, or certificates (PEM, DER); `-` reads standard input
    ///
    /// A token has at most 16 KiB, and blanks around it are dropped; a key set has at most 256 KiB.
    #[arg(value_name = "TOKEN|FILE")]
    pub(crate) input: String,

    /// Answer with one JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,

    /// Say how far times are from this one: RFC 3339, or seconds since 1970
    #[arg(long, value_name = "TIME", value_parser = at::parse_time)]
    pub(crate) at: Option<UnixTime>,
}

const VERIFY_EPILOGUE: &str = "\
Exit status:
  0  the token is valid
  1  the token is refused
  2  the command line, the configuration or a file is at fault
  3  cannot decide: the issuer's keys are not to be had
  With --lines: 3 if any token could not be decided, else 1 if any was refused, else 0.

Examples:
  Verify a token of any issuer:
    jwksmith verify \"$TOKEN\" --issuer https://issuer.example/ --audience https://api.example/

  Find out why a login's ID token is refused:
    jwksmith verify \"$ID_TOKEN\" --issuer https://issuer.example/ --audience \"$CLIENT_ID\" \\
      --profile id-token --nonce \"$NONCE\" --explain

  Verify offline, as of yesterday noon, for a script:
    jwksmith verify - --issuer https://issuer.example/ --audience https://api.example/ \\
      --jwks keys.json --at 2027-01-14T12:00:00Z --json < token.txt";

const INSPECT_EPILOGUE: &str = "\
Exit status:
  0  it was shown, which says nothing about its validity
  1  it is no token, key set or certificate that can be shown
  2  the command line or the file is at fault

Examples:
  Look into a token:
    jwksmith inspect \"$TOKEN\"

  Look at the keys and certificates that an issuer publishes:
    curl -s https://issuer.example/.well-known/jwks.json | jwksmith inspect -

  Take one claim out for a script:
    jwksmith inspect - --json < token.txt | jq -r .claims.sub";

/// Every name of the algorithm table, each under the name that it is written with.
fn algorithms() -> impl TypedValueParser<Value = Algorithm> {
    let written = Algorithm::all().map(|algorithm| PossibleValue::new(algorithm.name()));
    let also_known = Algorithm::all().flat_map(|algorithm| algorithm.names().iter().skip(1));
    let also_known = also_known.map(|name| PossibleValue::new(*name).hide(true));
    PossibleValuesParser::new(written.chain(also_known))
        .try_map(|name| Algorithm::from_name(&name).ok_or("this algorithm is not supported"))
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory as _;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
