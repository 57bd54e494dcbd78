//! Times contestants against each other: in every round each has its turn, and the order rotates from round to round.
//!
//! Each has several short turns in a round, and the median turn is its time in that round: whatever else the machine does
//! hits all of them alike, and a turn that was interrupted does not count. A turn is sized by time, so that a slow
//! contestant does not stretch the run. What is compared in the end are ratios within one round.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::time::{Duration, Instant};

use serde::Serialize;

/// How often, and how long at a stretch.
#[derive(Clone, Copy)]
pub struct Pace {
    pub rounds: usize,
    /// How long one contestant is timed in one round, over all its turns.
    pub batch: Duration,
}

/// How many turns a contestant has in one round.
pub const TURNS: u32 = 16;

/// Median and extremes.
#[derive(Clone, Copy, Serialize)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// Of at least one value.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        Self { median: median(&values), min: values[0], max: values[values.len() - 1] }
    }
}

fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) }
}

/// Nanoseconds per call, of each operation in each round.
pub fn interleaved(operations: &mut [&mut dyn FnMut()], pace: Pace) -> Vec<Vec<f64>> {
    let turn = pace.batch / TURNS;
    let calls: Vec<_> = operations.iter_mut().map(|operation| calibrated(operation, turn)).collect();
    let mut times = vec![Vec::with_capacity(pace.rounds); operations.len()];
    for first in 0..pace.rounds {
        for (times, elapsed) in times.iter_mut().zip(round(operations, &calls, first)) {
            times.push(elapsed);
        }
    }
    times
}

/// One round, begun by another contestant each time: nanoseconds per call of each operation.
fn round(operations: &mut [&mut dyn FnMut()], calls: &[u32], first: usize) -> Vec<f64> {
    let mut turns = vec![Vec::new(); operations.len()];
    for _ in 0..TURNS {
        for place in 0..operations.len() {
            let at = (first + place) % operations.len();
            turns[at].push(nanoseconds(timed(operations[at], calls[at])) / f64::from(calls[at]));
        }
    }
    turns.into_iter().map(|turns| Spread::of(turns).median).collect()
}

/// How many calls fill a turn; finding that out is the warm-up too.
fn calibrated(operation: &mut dyn FnMut(), turn: Duration) -> u32 {
    let mut calls = 1_u32;
    loop {
        let elapsed = timed(operation, calls);
        if elapsed >= turn / 2 {
            let one = (elapsed / calls).as_nanos().max(1);
            return u32::try_from(turn.as_nanos() / one).unwrap_or(1).max(1);
        }
        calls = calls.saturating_mul(2);
    }
}

fn nanoseconds(elapsed: Duration) -> f64 {
    elapsed.as_secs_f64() * 1e9
}

fn timed(operation: &mut dyn FnMut(), calls: u32) -> Duration {
    let begin = Instant::now();
    for _ in 0..calls {
        operation();
    }
    begin.elapsed()
}

/// Nanoseconds of each of `repeats` single calls.
pub fn singly(operation: &mut dyn FnMut(), repeats: usize) -> Vec<f64> {
    (0..repeats).map(|_| nanoseconds(timed(operation, 1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_the_middle_and_the_extremes() {
        let spread = Spread::of([3.0, 1.0, 2.0]);
        assert_eq!(
            [spread.min, spread.median, spread.max].map(f64::to_bits),
            [1.0, 2.0, 3.0].map(f64::to_bits)
        );
        assert!((Spread::of([1.0, 2.0]).median - 1.5).abs() < 1e-9);
    }

    #[test]
    fn interleaved_gives_everybody_a_turn_in_each_round() {
        let (mut first, mut second) = (0_u32, 0_u32);
        let pace = Pace { rounds: 5, batch: Duration::from_micros(50) };
        let times = interleaved(&mut [&mut || first += 1, &mut || second += 1], pace);
        assert_eq!(times.iter().map(Vec::len).collect::<Vec<_>>(), [5, 5]);
        assert!(first >= 5 && second >= 5);
    }
}
