//! Runs an issuer that misbehaves on 127.0.0.1, so that a verifier in any language can be pointed at it.
//!
//! ```text
//! cargo run -p jwksmith-testkit --example fake-issuer -- --list
//! cargo run -p jwksmith-testkit --example fake-issuer -- --mode flapping --port 4000
//! ```
//!
//! What a test needs (the issuer, tokens and what should become of them) goes to standard output, the requests as they come
//! to standard error.

#![expect(clippy::print_stderr, reason = "it talks to people")]

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgGroup, Parser};
use jwksmith_jose::{Algorithm, UnixTime};
use jwksmith_testkit::modes::{FRESH_SECONDS, MODES, Mode, Probe, Stage, Verdict};
use jwksmith_testkit::{FakeIssuer, Seen};
use jwksmith_verifier::{Clock as _, SystemClock};
use tokio::sync::mpsc::UnboundedReceiver;

/// So many tokens are shown. A flood has more, all alike.
const SHOWN: usize = 10;

/// Runs an issuer that misbehaves, for verifiers in any language
#[derive(Parser)]
#[command(name = "fake-issuer", group = ArgGroup::new("what").required(true))]
struct Options {
    /// How to misbehave: a name out of --list
    #[arg(long, value_name = "NAME", group = "what", value_parser = mode)]
    mode: Option<&'static Mode>,

    /// Shows every mode with what a verifier should do about it, and ends
    #[arg(long, group = "what")]
    list: bool,

    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// What the keys are for: ES256, RS256, EdDSA, …
    #[arg(long, value_name = "ALG", default_value = "ES256", value_parser = algorithm)]
    algorithm: Algorithm,

    /// The audience of the tokens
    #[arg(long, value_name = "AUD", default_value = "https://api.example/")]
    audience: String,

    /// When a mode that begins well goes wrong, in seconds from the start
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    turn_after: u64,

    /// When to end, in seconds from the start; Ctrl-C ends it earlier
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 600)]
    seconds: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let options = Options::parse();
    let Some(mode) = options.mode else {
        return MODES.iter().for_each(describe);
    };
    describe(mode);
    let issuer = FakeIssuer::builder().port(options.port).start().await;
    let stage = mode.start_on(issuer, options.algorithm).await;
    let log = log(stage.issuer.watch(), "");
    let log_elsewhere = self::log(stage.elsewhere.watch(), "elsewhere: ");
    let end = Duration::from_secs(options.seconds);
    let run = async { tokio::join!(act(&stage, &options), log, log_elsewhere) };
    // Running out of time is how it ends.
    let _ = tokio::time::timeout(end, run).await;
}

fn mode(name: &str) -> Result<&'static Mode, String> {
    Mode::named(name).ok_or_else(|| "no mode has that name; --list shows them all".to_owned())
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    // The keys of an HMAC are nobody's to publish.
    let published = Algorithm::from_name(name).filter(|algorithm| !algorithm.name().starts_with("HS"));
    published.ok_or_else(|| "no signature algorithm that a key set can be for".to_owned())
}

fn describe(mode: &Mode) {
    say(mode.name);
    say(&format!("    issuer    {}", mode.does));
    say(&format!("    verifier  {}", mode.right));
    say(&format!("    expected  {:?}", mode.expected));
}

/// Shows what there is to verify, before the turn and after it.
async fn act(stage: &Stage, options: &Options) {
    say(&format!("    url       {}", stage.issuer.issuer()));
    say(&format!("    audience  {}", options.audience));
    if stage.mode.turns() {
        say(&format!("    token     {}", stage.token(&options.audience, now())));
        say(&format!("              verifies now; the issuer turns in {} s", options.turn_after));
        pause(options.turn_after).await;
        stage.turn();
        say(&format!("    turned    what was fetched before is fresh for {FRESH_SECONDS} s at most"));
    }
    let probes = stage.probes(&options.audience, now());
    for probe in probes.iter().take(SHOWN) {
        show(probe);
    }
    if let Some(max) = stage.mode.fetches_max {
        say(&format!("    fetches   of the key set for all of these: {max} at most"));
    }
}

fn show(probe: &Probe) {
    let verdict = match probe.verdict {
        Verdict::Verifies => "must verify",
        Verdict::Refused => "must be refused",
        Verdict::Either => "may verify or not",
    };
    say(&format!("    token     {}\n              {}: {verdict}", probe.token, probe.what));
}

async fn log(mut requests: UnboundedReceiver<Arc<Seen>>, place: &str) {
    while let Some(seen) = requests.recv().await {
        let headers: Vec<_> = seen.headers().iter().map(|(name, value)| format!("{name}: {value}")).collect();
        eprintln!("{place}{} {}  [{}]", seen.method(), seen.target(), headers.join(" | "));
    }
}

/// Whoever reads may leave before the end, as `head` does.
fn say(line: &str) {
    if writeln!(std::io::stdout(), "{line}").is_err() {
        std::process::exit(0);
    }
}

fn now() -> UnixTime {
    SystemClock::new().now()
}

#[expect(clippy::disallowed_methods, reason = "who watches has a clock on the wall")]
async fn pause(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}
