//! A verification with the key set at hand: what it costs beyond jose's own, and what a second thread brings.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use anyhow::ensure;
use jwksmith_benches::allocations;
use jwksmith_benches::measure::{self, Pace, Spread};
use jwksmith_verifier::{AccessClaims, UnixTime, Verifier};
use serde::Serialize;

use crate::contestants::{ENTRIES, JWKSMITH, Opened, Verdict, at_once};
use crate::scene::Scene;

pub(crate) const JOSE: &str = "jose::verify";
pub(crate) const VERIFY: &str = "Verifier::verify";
pub(crate) const TRY_VERIFY: &str = "Verifier::try_verify";

/// How long one thread is timed for its throughput.
const STRETCH: Duration = Duration::from_millis(60);

#[derive(Serialize)]
pub(crate) struct Warm {
    pub(crate) token_bytes: usize,
    pub(crate) lines: Vec<Line>,
    pub(crate) threads: Vec<Scaling>,
}

/// One way of verifying the token.
#[derive(Serialize)]
pub(crate) struct Line {
    pub(crate) way: &'static str,
    pub(crate) nanoseconds: Spread,
    /// Beyond jose's own, round by round.
    pub(crate) added_nanoseconds: Spread,
    pub(crate) allocations: f64,
}

/// What two threads do in the time of one.
#[derive(Serialize)]
pub(crate) struct Scaling {
    pub(crate) way: &'static str,
    pub(crate) per_second: Spread,
    pub(crate) ratio: Spread,
}

impl Warm {
    pub(crate) fn line(&self, way: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.way == way)
    }
}

/// One way of verifying, for any number of threads.
struct Way {
    name: &'static str,
    call: Box<dyn Fn() + Sync>,
}

/// Everybody with the key set at hand.
pub(crate) async fn set_up(scene: &Scene) -> anyhow::Result<Ways> {
    let token: Arc<str> = scene.token()?.into();
    let (keys, policy, now) = (scene.key_set()?, scene.policy()?, UnixTime::from_seconds(scene.now));
    let mut ways = vec![way(JOSE, &token, move |token| {
        drop(black_box(jwksmith_jose::verify::<AccessClaims>(token, &keys, &policy, now).expect(GOOD)));
    })];
    for entry in &ENTRIES {
        if entry.name == JWKSMITH {
            let verifier = Arc::new(Verifier::new(scene.policy()?)?);
            verifier.verify::<AccessClaims>(&token).await?;
            let other = Arc::clone(&verifier);
            ways.push(way(VERIFY, &token, move |token| {
                let found = at_once(verifier.verify::<AccessClaims>(token)).expect(WARM);
                drop(black_box(found.expect(GOOD)));
            }));
            ways.push(way(TRY_VERIFY, &token, move |token| {
                drop(black_box(other.try_verify::<AccessClaims>(token).expect(GOOD)));
            }));
        } else {
            let opened = entry.open_warm(scene.issuer.issuer(), &token).await?;
            ways.push(way(entry.name, &token, move |token| accepts(&*opened, token)));
        }
    }
    Ok(Ways { token_bytes: token.len(), ways })
}

const GOOD: &str = "the token is good";
const WARM: &str = "the key set is at hand";

fn accepts(opened: &dyn Opened, token: &str) {
    assert_eq!(black_box(opened.here(token)), Verdict::Accepted, "{GOOD}");
}

fn way(name: &'static str, token: &Arc<str>, verify: impl Fn(&str) + Sync + 'static) -> Way {
    let token = Arc::clone(token);
    Way { name, call: Box::new(move || verify(black_box(&token))) }
}

/// Everybody, ready.
pub(crate) struct Ways {
    token_bytes: usize,
    ways: Vec<Way>,
}

impl Ways {
    pub(crate) fn measure(&self, pace: Pace) -> anyhow::Result<Warm> {
        ensure!(self.ways.first().is_some_and(|way| way.name == JOSE), "jose is the measure of all");
        Ok(Warm {
            token_bytes: self.token_bytes,
            lines: self.lines(pace),
            threads: self.scaling(pace.rounds),
        })
    }

    fn lines(&self, pace: Pace) -> Vec<Line> {
        let mut calls: Vec<_> = self.ways.iter().map(|way| || (way.call)()).collect();
        let allocations: Vec<_> = calls.iter_mut().map(allocations::per_call).collect();
        let mut turns: Vec<&mut dyn FnMut()> = Vec::new();
        for call in &mut calls {
            turns.push(call);
        }
        let times = measure::interleaved(&mut turns, pace);
        let jose = times.first().cloned().unwrap_or_default();
        let line = |((way, times), allocations): ((&Way, &Vec<f64>), f64)| Line {
            way: way.name,
            nanoseconds: Spread::of(times.iter().copied()),
            added_nanoseconds: Spread::of(times.iter().zip(&jose).map(|(time, jose)| time - jose)),
            allocations,
        };
        self.ways.iter().zip(&times).zip(allocations).map(line).collect()
    }

    fn scaling(&self, rounds: usize) -> Vec<Scaling> {
        let mut figures = vec![(Vec::new(), Vec::new()); self.ways.len()];
        for round in 0..rounds {
            for place in 0..self.ways.len() {
                let at = (round + place) % self.ways.len();
                let call = &*self.ways[at].call;
                let (one, two) = (per_second(1, call), per_second(2, call));
                figures[at].0.push(one);
                figures[at].1.push(two / one);
            }
        }
        let told = |(way, (one, ratio)): (&Way, (Vec<f64>, Vec<f64>))| Scaling {
            way: way.name,
            per_second: Spread::of(one),
            ratio: Spread::of(ratio),
        };
        self.ways.iter().zip(figures).map(told).collect()
    }
}

/// What so many threads do in a second, each in a loop of its own.
fn per_second(threads: usize, call: &(dyn Fn() + Sync)) -> f64 {
    let begin = Barrier::new(threads);
    let work = || {
        begin.wait();
        stretch(call)
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("no call panics")).sum()
    })
}

/// The calls per second of one thread. The clock is read once in 16 calls, which is no burden on any of them.
fn stretch(call: &(dyn Fn() + Sync)) -> f64 {
    let (begin, mut calls) = (Instant::now(), 0_u32);
    loop {
        for _ in 0..16 {
            call();
        }
        calls += 16;
        let elapsed = begin.elapsed();
        if elapsed >= STRETCH {
            return f64::from(calls) / elapsed.as_secs_f64();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_thread_counts() {
        let call = || {
            black_box(1);
        };
        assert!(per_second(1, &call) > 0.0 && per_second(2, &call) > 0.0);
    }
}
