//! Simulates worlds from a seed on, on every processor, until one breaks a rule: what `cargo xtask simulate` runs.
//!
//! `jwksmith-simulation FROM SEEDS`; the command of the project itself reads the command line for people.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "this program talks to the person who started it, and tells how fast it is"
)]

use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use jwksmith_simulation::{Fault, Outcome, rerun, simulate};

/// How many broken rules of one world are told.
const TOLD_MAX: usize = 5;

/// How often it tells how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let [from, seeds] = numbers.as_slice() else {
        eprintln!("usage: jwksmith-simulation FROM SEEDS");
        return ExitCode::FAILURE;
    };
    let progress = Mutex::new(Progress::new(*from, from.saturating_add(*seeds)));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| work(&progress));
        }
    });
    let progress = progress.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    progress.tell();
    if progress.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

struct Progress {
    next: u64,
    end: u64,
    started: Instant,
    told: Instant,
    worlds: u32,
    verifiers: usize,
    calls: usize,
    failed: bool,
}

fn work(progress: &Mutex<Progress>) {
    let taken = || progress.lock().ok()?.take();
    while let Some(seed) = taken() {
        let outcome = simulate(seed, Fault::None);
        let Ok(mut progress) = progress.lock() else { return };
        progress.note(seed, &outcome);
    }
}

impl Progress {
    fn new(next: u64, end: u64) -> Self {
        let now = Instant::now();
        Self { next, end, started: now, told: now, worlds: 0, verifiers: 0, calls: 0, failed: false }
    }

    /// The next seed, as long as no world has broken a rule.
    fn take(&mut self) -> Option<u64> {
        let seed = Some(self.next).filter(|seed| *seed < self.end && !self.failed)?;
        self.next += 1;
        Some(seed)
    }

    fn note(&mut self, seed: u64, outcome: &Outcome) {
        self.worlds += 1;
        self.verifiers += outcome.verifiers;
        self.calls += outcome.calls;
        let violations = &outcome.judgement.violations;
        if !violations.is_empty() {
            self.failed = true;
            println!("seed {seed} breaks {} rules; run it again with\n    {}", violations.len(), rerun(seed));
            violations.iter().take(TOLD_MAX).for_each(|violation| println!("{violation}"));
        }
        if self.told.elapsed() >= TOLD_EVERY {
            self.told = Instant::now();
            self.tell();
        }
    }

    fn tell(&self) {
        let Self { worlds, verifiers, calls, next, .. } = self;
        let rate = f64::from(*worlds) / self.started.elapsed().as_secs_f64();
        println!("{worlds} worlds ({rate:.1}/s), {verifiers} verifiers, {calls} calls; next seed {next}");
    }
}
