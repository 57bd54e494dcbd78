//! Times contestants against each other: in every round each has its turn, and the order rotates from round to round.
//!
//! Whatever else the machine does then hits all of them alike, and a round's ratio is what counts. A turn is a batch that
//! is sized by time, so that a slow contestant does not stretch the run.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::time::{Duration, Instant};

use serde::Serialize;

/// How often, and how long at a stretch.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) rounds: usize,
    pub(crate) batch: Duration,
}

/// Median and extremes.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Of at least one value.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
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
pub(crate) fn interleaved(operations: &mut [&mut dyn FnMut()], pace: Pace) -> Vec<Vec<f64>> {
    let calls: Vec<_> = operations.iter_mut().map(|operation| calibrated(operation, pace.batch)).collect();
    let mut times = vec![Vec::with_capacity(pace.rounds); operations.len()];
    for round in 0..pace.rounds {
        for turn in 0..operations.len() {
            let at = (turn + round) % operations.len();
            times[at].push(nanoseconds_per_call(operations[at], calls[at]));
        }
    }
    times
}

/// How many calls fill `batch`; finding that out is the warm-up too.
fn calibrated(operation: &mut dyn FnMut(), batch: Duration) -> u32 {
    let mut calls = 1_u32;
    loop {
        let elapsed = timed(operation, calls);
        if elapsed >= batch / 4 {
            let one = (elapsed / calls).as_nanos().max(1);
            return u32::try_from(batch.as_nanos() / one).unwrap_or(u32::MAX).max(1);
        }
        calls = calls.saturating_mul(2);
    }
}

fn nanoseconds_per_call(operation: &mut dyn FnMut(), calls: u32) -> f64 {
    timed(operation, calls).as_secs_f64() * 1e9 / f64::from(calls)
}

fn timed(operation: &mut dyn FnMut(), calls: u32) -> Duration {
    let begin = Instant::now();
    for _ in 0..calls {
        operation();
    }
    begin.elapsed()
}

/// Nanoseconds of each of `repeats` single calls.
pub(crate) fn singly(operation: &mut dyn FnMut(), repeats: usize) -> Vec<f64> {
    (0..repeats).map(|_| nanoseconds_per_call(operation, 1)).collect()
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
