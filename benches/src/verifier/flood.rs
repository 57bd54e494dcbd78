//! A flood of tokens with made-up `kid`s, and what it does to the good ones and to the issuer.
//!
//! One thread sends the flood, open loop: each token is a task of its own, begun when it is due, whatever became of those
//! before. Another verifies the good token at a steady rate. Quiet stretches and stretches of flood take turns, and in the
//! quiet ones the sender paces just so and sends nothing: what differs between the two is the flood alone.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use jwksmith_benches::measure::{self, Pace, Spread};
use jwksmith_verifier::CacheSettings;
use serde::Serialize;
use tokio::task::yield_now;

use crate::contestants::{Entry, JWKSMITH, Opened, Verdict};
use crate::scene::{Fetches, Scene};

/// Made-up tokens in a second.
pub(crate) const FLOOD_PER_SECOND: u32 = 50_000;
/// Good tokens in a second.
pub(crate) const GOOD_PER_SECOND: u32 = 2_000;

/// How many made-up `kid`s there are. Each comes again only when sixteen times as many others as a verifier remembers
/// have come since.
const MADE_UP: usize = 16_384;

/// How long those that still wait at the end may take.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);

/// How often, and how long at a stretch.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Stretches {
    /// Pairs of a quiet stretch and one of flood
    pub(crate) pairs: u32,
    #[serde(skip)]
    pub(crate) stretch: Duration,
}

#[derive(Serialize)]
pub(crate) struct Flood {
    pub(crate) contestant: &'static str,
    pub(crate) asks_again: &'static str,
    pub(crate) sent: u64,
    pub(crate) refused: u64,
    /// What the issuer was asked for, from the first token to the last.
    pub(crate) fetches: Fetches,
    /// What burst and floor allow in that time; nothing for those that have neither.
    pub(crate) allowed: Option<u64>,
    pub(crate) seconds: f64,
    /// What was sent last was settled so much after the last stretch.
    pub(crate) behind_milliseconds: f64,
    pub(crate) quiet: Latency,
    pub(crate) flooded: Latency,
    /// The cost of one refusal.
    pub(crate) refusal_nanoseconds: Spread,
}

/// Of the good tokens, in microseconds; the spread is that of the stretches.
#[derive(Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: Spread,
    pub(crate) p99: Spread,
}

impl Flood {
    /// One and a half of the quiet one, and one refusal that the good token may stand behind.
    pub(crate) fn p99_max(&self) -> f64 {
        1.5 * self.quiet.p99.median + self.refusal_nanoseconds.median / 1e3
    }
}

/// Floods one contestant. Not within a runtime: both threads bring their own, and the issuer has another.
pub(crate) fn measure(
    runtime: &tokio::runtime::Runtime,
    entry: &Entry,
    scene: &Scene,
    stretches: Stretches,
    pace: Pace,
) -> anyhow::Result<Flood> {
    let token: Arc<str> = scene.token()?.into();
    let made_up = scene.tokens_of_unknown_keys(MADE_UP)?.into_iter().map(Arc::from).collect::<Vec<_>>();
    let begun = Instant::now();
    let opened = runtime.block_on(entry.open_warm(scene.issuer.issuer(), &token))?;
    let schedule = Schedule { begin: Instant::now() + Duration::from_millis(50), stretches };
    let (sent, good) = std::thread::scope(|scope| {
        let (flooded, quiet) = (Arc::clone(&opened), Arc::clone(&opened));
        let sender = scope.spawn(|| on_own_runtime(send(flooded, &made_up, schedule)));
        let good = scope.spawn(|| on_own_runtime(verify_steadily(quiet, &token, schedule)));
        (sender.join(), good.join())
    });
    let (sent, good) = (joined(sent)?, joined(good)?);
    let seconds = sent.ended.duration_since(begun).as_secs_f64();
    let fetches = scene.fetches();
    ensure!(sent.count == sent.refused, "{} refused {} of {}", entry.name, sent.refused, sent.count);
    Ok(Flood {
        contestant: entry.name,
        asks_again: entry.asks_again,
        sent: sent.count,
        refused: sent.refused,
        fetches,
        allowed: (entry.name == JWKSMITH).then(|| allowed(sent.last.duration_since(begun))),
        seconds,
        behind_milliseconds: sent.behind.as_secs_f64() * 1e3,
        quiet: Latency::of(&good.quiet)?,
        flooded: Latency::of(&good.flooded)?,
        refusal_nanoseconds: refusals(&*opened, &made_up, pace),
    })
}

/// In any time `t` at most `burst + t / floor` refreshes begin, and this flood leaves no chance out.
fn allowed(time: Duration) -> u64 {
    let CacheSettings { burst, floor, .. } = CacheSettings::default();
    u64::from(burst) + time.as_secs() / floor.as_secs()
}

/// The cost of one refusal, when all the fetches that may be have been.
fn refusals(opened: &dyn Opened, made_up: &[Arc<str>], pace: Pace) -> Spread {
    let mut next = 0;
    let mut refuse = || {
        next = (next + 1) % made_up.len();
        // A permit may have come back: then one is not refused at once.
        assert_ne!(opened.at_once(&made_up[next]), Some(Verdict::Accepted), "nobody has published its key");
    };
    let times = measure::interleaved(&mut [&mut refuse], pace);
    Spread::of(times.into_iter().flatten())
}

fn joined<T>(outcome: std::thread::Result<anyhow::Result<T>>) -> anyhow::Result<T> {
    outcome.map_err(|_| anyhow!("a thread of the flood panicked"))?
}

fn on_own_runtime<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("making a runtime")?.block_on(work)
}

/// Which stretch is when: the even ones are quiet.
#[derive(Clone, Copy)]
struct Schedule {
    begin: Instant,
    stretches: Stretches,
}

impl Schedule {
    /// When each stretch begins, and whether it is one of flood.
    fn all(self) -> impl Iterator<Item = (Instant, bool)> {
        let Stretches { pairs, stretch } = self.stretches;
        (0..2 * pairs).map(move |number| (self.begin + stretch * number, number % 2 == 1))
    }

    /// When the events of a stretch are due.
    fn due(self, begin: Instant, per_second: u32) -> impl Iterator<Item = Instant> {
        let every = Duration::from_secs(1) / per_second;
        let count = self.stretches.stretch.as_nanos() / every.as_nanos();
        (0..u32::try_from(count).unwrap_or(u32::MAX)).map(move |number| begin + every * number)
    }
}

/// What the sender knows at the end.
struct Sent {
    count: u64,
    refused: u64,
    last: Instant,
    ended: Instant,
    behind: Duration,
}

async fn send(opened: Arc<dyn Opened>, made_up: &[Arc<str>], schedule: Schedule) -> anyhow::Result<Sent> {
    let (settled, refused) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tokens = made_up.iter().cycle();
    let (mut count, mut last) = (0_u64, schedule.begin);
    for (begin, is_flood) in schedule.all() {
        for due in schedule.due(begin, FLOOD_PER_SECOND) {
            until(due).await;
            if let Some(token) = tokens.next().filter(|_| is_flood) {
                count += 1;
                last = Instant::now();
                let verdict = Arc::clone(&opened).ask(Arc::clone(token));
                drop(tokio::spawn(tallied(verdict, Arc::clone(&settled), Arc::clone(&refused))));
            }
        }
    }
    let end = Instant::now();
    while settled.load(Ordering::Relaxed) < count && end.elapsed() < SETTLED_WITHIN {
        yield_now().await;
    }
    let refused = refused.load(Ordering::Relaxed);
    Ok(Sent { count, refused, last, ended: Instant::now(), behind: end.elapsed() })
}

async fn tallied(verdict: impl Future<Output = Verdict>, settled: Arc<AtomicU64>, refused: Arc<AtomicU64>) {
    if verdict.await == Verdict::Refused {
        refused.fetch_add(1, Ordering::Relaxed);
    }
    settled.fetch_add(1, Ordering::Relaxed);
}

/// The latencies of each stretch, in microseconds.
#[derive(Default)]
struct Good {
    quiet: Vec<Vec<f64>>,
    flooded: Vec<Vec<f64>>,
}

async fn verify_steadily(
    opened: Arc<dyn Opened>,
    token: &Arc<str>,
    schedule: Schedule,
) -> anyhow::Result<Good> {
    let mut good = Good::default();
    for (begin, is_flood) in schedule.all() {
        let mut latencies = Vec::new();
        for due in schedule.due(begin, GOOD_PER_SECOND) {
            until(due).await;
            let asked = Instant::now();
            let verdict = Arc::clone(&opened).ask(Arc::clone(token)).await;
            latencies.push(asked.elapsed().as_secs_f64() * 1e6);
            ensure!(verdict == Verdict::Accepted, "the good token is {verdict:?}");
        }
        if is_flood { &mut good.flooded } else { &mut good.quiet }.push(latencies);
    }
    Ok(good)
}

/// Lets other tasks run until then.
async fn until(due: Instant) {
    while Instant::now() < due {
        yield_now().await;
    }
}

impl Latency {
    fn of(stretches: &[Vec<f64>]) -> anyhow::Result<Self> {
        ensure!(!stretches.is_empty() && stretches.iter().all(|stretch| !stretch.is_empty()), "no latencies");
        let at = |hundredths| Spread::of(stretches.iter().map(|latencies| percentile(latencies, hundredths)));
        Ok(Self { p50: at(50), p99: at(99) })
    }
}

/// The least value that so many hundredths of all do not exceed.
fn percentile(values: &[f64], hundredths: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted[(sorted.len() * hundredths).div_ceil(100).saturating_sub(1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentile_is_a_value_that_was_measured() {
        let values: Vec<_> = (1..=200).rev().map(f64::from).collect();
        assert_eq!([50, 99].map(|at| percentile(&values, at).to_bits()), [100.0, 198.0].map(f64::to_bits));
        assert_eq!(percentile(&[7.0], 99).to_bits(), 7.0_f64.to_bits());
    }

    #[test]
    fn allowed_is_the_burst_and_one_for_each_floor() {
        let allowed = |seconds| allowed(Duration::from_secs(seconds));
        assert_eq!([allowed(0), allowed(9), allowed(10), allowed(25)], [3, 3, 4, 5]);
    }

    #[test]
    fn schedule_is_as_long_as_its_stretches() {
        let stretches = Stretches { pairs: 2, stretch: Duration::from_millis(100) };
        let schedule = Schedule { begin: Instant::now(), stretches };
        let kinds: Vec<_> = schedule.all().map(|(_, is_flood)| is_flood).collect();
        assert_eq!(kinds, [false, true, false, true]);
        assert_eq!(schedule.due(schedule.begin, 50_000).count(), 5_000);
    }
}
