//! Rule 3: how often an issuer may be asked.

use std::time::Duration;

use super::line::{Line, Refresh};
use super::{Judgement, Rule};
use crate::edge::ComeBack;
use crate::world::World;

pub(super) fn judge(world: &World, process: usize, issuer: usize, line: &Line, judgement: &mut Judgement) {
    let mut broken = |at, what| {
        let what = format!("process {process}, issuer {issuer}: {what}");
        judgement.broken(Rule::FetchesAreBounded, at, what);
    };
    for (number, first) in line.refreshes.iter().enumerate() {
        for (count, last) in (1..).zip(&line.refreshes[number..]) {
            let allowed = allowed(world, last.begun.saturating_sub(first.begun));
            if count > allowed {
                broken(
                    last.begun,
                    format!("{count} refreshes since {:?}, and {allowed} may begin", first.begun),
                );
            }
        }
    }
    for pair in line.refreshes.windows(2) {
        let [before, after] = pair else { continue };
        let rested = before.ended.map(|ended| ended + pause_at_least(world, before));
        if rested.is_none_or(|rested| after.begun < rested) {
            broken(after.begun, format!("a refresh begins although {before:?} forbids it until {rested:?}"));
        }
    }
    look_around(world, line, judgement);
}

/// How many refreshes may begin in any time so long.
fn allowed(world: &World, time: Duration) -> u128 {
    u128::from(world.settings.burst) + time.as_nanos() / world.settings.floor.as_nanos()
}

/// How long the next one rests at least.
fn pause_at_least(world: &World, before: &Refresh) -> Duration {
    if before.brought.is_some() {
        return Duration::ZERO;
    }
    let asked_for = match before.come_back {
        // Of several answers it is not known which one counts.
        Some(ComeBack::Seconds(seconds) | ComeBack::Date(seconds)) if before.requests == 1 => {
            Duration::from_secs(seconds).min(world.settings.backoff_max)
        }
        _ => Duration::ZERO,
    };
    // By chance up to a quarter less.
    (backoff(world, before) * 3 / 4).saturating_sub(Duration::from_millis(1)).max(asked_for)
}

/// How long the next one rests at most.
pub(super) fn pause_at_most(world: &World, before: &Refresh) -> Duration {
    if before.brought.is_some() {
        return Duration::ZERO;
    }
    let asked_for = match before.come_back {
        None => Duration::ZERO,
        Some(ComeBack::Seconds(seconds) | ComeBack::Date(seconds)) => Duration::from_secs(seconds),
        // By the host's own clock, which may be wrong.
        Some(ComeBack::BareDate(_)) => Duration::MAX,
    };
    backoff(world, before).max(asked_for.min(world.settings.backoff_max))
}

fn backoff(world: &World, before: &Refresh) -> Duration {
    let doubled = 2_u32.saturating_pow(before.failures.saturating_sub(1));
    world.settings.backoff_min.saturating_mul(doubled).min(world.settings.backoff_max)
}

fn look_around(world: &World, line: &Line, judgement: &mut Judgement) {
    judgement.saw_times("refreshes", line.refreshes.len());
    for refresh in &line.refreshes {
        match (refresh.brought, refresh.come_back) {
            (None, Some(_)) => judgement.saw("refreshes that were told when to come back"),
            (None, None) => judgement.saw("refreshes that failed"),
            _ => {}
        }
    }
    let full = line.refreshes.windows(2).filter(|pair| match pair {
        [before, after] => after.begun < before.begun + world.settings.floor,
        _ => false,
    });
    judgement.saw_times("refreshes within the floor of another", full.count());
}
