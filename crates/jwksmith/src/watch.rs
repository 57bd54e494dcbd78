//! `jwksmith watch`: tells what changes in issuers' keys, and when they are not to be had.
//!
//! The verifier watches. Here its events are told as they come, certificates are looked at beside them, and how everything stands
//! is left in a file for a monitoring system.

mod certificates;
mod metrics;
mod notice;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use jwksmith_verifier::{CacheSettings, Clock as _, Event, EventKind, Events, SystemClock, Verifier};

use self::certificates::Certificates;
use self::metrics::MetricsFile;
use self::notice::{Notice, Tally};
use crate::at;
use crate::exit::ExitStatus;
use crate::network::{NetworkArgs, policy_without_tokens};
use crate::output::{self, Reader};
use crate::signals::Signals;
use crate::verdict::Fault;

/// Tell what changes in issuers' keys, and when they are not to be had
///
/// Each line tells of one thing with its time: keys that came and went, a key that was replaced under its `kid`, an outage that
/// began or ended, a certificate that expires soon. It ends with Ctrl-C, and says then what it has seen.
#[derive(Args)]
#[command(after_long_help = EPILOGUE)]
pub(crate) struct WatchArgs {
    /// The issuers, exactly as in `iss`
    #[arg(value_name = "ISSUER", required = true)]
    issuers: Vec<String>,

    /// How often each issuer is asked, about: 30s, 5m, or plain seconds
    #[arg(long, value_name = "DURATION", value_parser = at::parse_seconds, default_value = "1m")]
    interval: u64,

    /// End after this time: 30s, 2h, or plain seconds
    #[arg(long = "for", value_name = "DURATION", value_parser = at::parse_seconds)]
    lasts: Option<u64>,

    /// Ask each issuer once, and end
    #[arg(long, conflicts_with = "lasts")]
    once: bool,

    /// How many days before its end a certificate of a key is told of
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    certificate_days: u32,

    /// Leave in this file how everything stands, for Prometheus' node exporter; replaced whole each time
    #[arg(long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,

    /// Tell with one JSON object per line
    #[arg(long)]
    json: bool,

    /// How the issuers are reached
    #[command(flatten, next_help_heading = "Network")]
    network: NetworkArgs,
}

const EPILOGUE: &str = "\
Exit status:
  0  nothing alarming was seen
  1  there was an alarm: a key was replaced under its kid, all keys were replaced at once, or a certificate expires
  2  the command line, the configuration or a file is at fault
  3  no alarm was seen, and at the end an issuer's keys are not to be had

Examples:
  Watch two issuers, and leave it to a dashboard too:
    jwksmith watch https://a.example/ https://b.example/ --metrics-file /var/lib/node_exporter/jwksmith.prom

  Let a nightly job fail when a certificate has two weeks left:
    jwksmith watch https://issuer.example/ --once --certificate-days 14

  Pass alarms on:
    jwksmith watch https://issuer.example/ --json | jq --unbuffered -r 'select(.alarm) | .kind'";

/// How often certificates are looked at and the file is written when nothing happens.
const TICK: Duration = Duration::from_secs(10);

/// Watches until it is told to end.
///
/// # Errors
/// If signals cannot be heard, or standard output cannot be written.
pub(crate) async fn run(args: &WatchArgs) -> anyhow::Result<ExitStatus> {
    let signals = Signals::heard().context("signals cannot be heard")?;
    let begun = Watch::new(args).and_then(|mut watch| watch.export().map(|()| watch));
    match begun {
        Ok(watch) => watch.run(args, signals).await,
        Err(fault) if args.json => {
            output::data(&fault.brief()).context("standard output cannot be written")?;
            Ok(ExitStatus::Usage)
        }
        Err(fault) => {
            output::talk(&fault.text());
            Ok(ExitStatus::Usage)
        }
    }
}

/// A verifier, and who listens to it.
struct Watch {
    verifier: Arc<Verifier>,
    events: Events,
    clock: SystemClock,
    certificates: Certificates,
    metrics: Option<MetricsFile>,
    tally: Tally,
    json: bool,
    reader: Reader,
}

impl Watch {
    fn new(args: &WatchArgs) -> Result<Self, Fault> {
        let verifier = Arc::new(verifier(args)?);
        Ok(Self {
            events: verifier.subscribe(),
            verifier,
            clock: SystemClock::new(),
            certificates: Certificates::within_days(args.certificate_days),
            metrics: args.metrics_file.clone().map(MetricsFile::new),
            tally: Tally::default(),
            json: args.json,
            reader: Reader::Present,
        })
    }

    async fn run(mut self, args: &WatchArgs, mut signals: Signals) -> anyhow::Result<ExitStatus> {
        let end = args.lasts.map(Duration::from_secs);
        let patience = args.network.cache().wait_max;
        let stopped = tokio::select! {
            begun = self.begin(patience) => { begun?; false }
            signal = signals.next() => { signal?; true }
        };
        if !args.once && !stopped {
            let _refreshing = self.verifier.keep_fresh();
            tokio::select! {
                watched = self.watch(end) => watched?,
                signal = signals.next() => signal?,
            }
        }
        self.tick()?;
        output::talk(&self.tally.summary(args.issuers.len(), self.clock.monotonic()));
        Ok(self.status())
    }

    /// Asks every issuer, and waits until each has keys or has failed.
    async fn begin(&mut self, patience: Duration) -> anyhow::Result<()> {
        // What fails is told by an event.
        let _ = self.verifier.preload().await;
        let mut unheard: Vec<String> = self.verifier.issuers().map(str::to_owned).collect();
        while !unheard.is_empty() {
            let Ok(Some(event)) = tokio::time::timeout(patience, self.events.next()).await else { break };
            if matches!(event.kind, EventKind::Loaded { .. } | EventKind::OutageBegan { .. }) {
                unheard.retain(|issuer| **issuer != *event.issuer);
            }
            self.tell_event(&event)?;
        }
        self.tick()
    }

    /// Tells what happens, until the end or until nobody reads it.
    async fn watch(&mut self, end: Option<Duration>) -> anyhow::Result<()> {
        while self.reader == Reader::Present {
            let left = end.map(|end| end.saturating_sub(self.clock.monotonic()));
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
            let pause = left.map_or(TICK, |left| left.min(TICK));
            match tokio::time::timeout(pause, self.events.next()).await {
                Ok(Some(event)) => self.tell_event(&event)?,
                Ok(None) => break,
                Err(_) => {}
            }
            self.tick()?;
        }
        Ok(())
    }

    fn tell_event(&mut self, event: &Event) -> anyhow::Result<()> {
        self.tell(&Notice::of(event))
    }

    /// Looks at certificates, and leaves everything in the file.
    fn tick(&mut self) -> anyhow::Result<()> {
        let now = self.clock.now();
        for notice in self.certificates.look(&self.verifier, now) {
            self.tell(&notice)?;
        }
        if let Err(fault) = self.export() {
            output::talk(&fault.text());
        }
        Ok(())
    }

    fn tell(&mut self, notice: &Notice) -> anyhow::Result<()> {
        self.tally.count(notice);
        let line = if self.json { notice.json() } else { notice.text(self.clock.now()) };
        if self.reader == Reader::Present {
            self.reader = output::data(&line).context("standard output cannot be written")?;
        }
        Ok(())
    }

    /// The file, if one is asked for.
    fn export(&mut self) -> Result<(), Fault> {
        let now = self.clock.now();
        match &mut self.metrics {
            Some(file) => file.write(&metrics::text(&self.verifier, &self.tally, now)),
            None => Ok(()),
        }
    }

    fn status(&self) -> ExitStatus {
        match self.tally.alarms() {
            0 if self.verifier.readiness().is_ready() => ExitStatus::Valid,
            0 => ExitStatus::Undecided,
            _ => ExitStatus::Refused,
        }
    }
}

fn verifier(args: &WatchArgs) -> Result<Verifier, Fault> {
    let cache = cache(args);
    let trusted = |issuer: &String| -> Result<_, Fault> {
        Ok(args.network.issuer(policy_without_tokens(issuer)?).cache(cache.clone()))
    };
    let mut issuers = args.issuers.iter();
    let first = trusted(issuers.next().unwrap_or(&String::new()))?;
    let mut builder = Verifier::builder(first);
    for issuer in issuers {
        builder = builder.trust(trusted(issuer)?);
    }
    Ok(builder.build()?)
}

/// Every issuer is asked in the same rhythm, whatever it says of caching, and looked for as often while it is away.
fn cache(args: &WatchArgs) -> CacheSettings {
    let interval = Duration::from_secs(args.interval);
    let defaults = args.network.cache();
    CacheSettings {
        floor: defaults.floor.min(interval),
        backoff_min: defaults.backoff_min.min(interval),
        backoff_max: interval,
        fresh_default: interval,
        fresh_min: interval,
        fresh_max: interval,
        ..defaults
    }
}
