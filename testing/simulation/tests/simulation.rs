//! Worlds from fixed seeds, enough for every kind of trouble to happen; and proof that the judge can see a broken rule.

use std::collections::BTreeMap;
use std::thread;

use jwksmith_simulation::{Fault, Outcome, Rule, rerun, simulate};

/// Together thousands of verifiers.
const SEEDS: u64 = 500;

/// What must have happened in these worlds, or they would have shown nothing.
const SEEN: [&str; 35] = [
    "answers confirmed without a body",
    "answers of a shared cache that were old",
    "callers that gave up",
    "calls that a fetch outlasted",
    "calls that could not wait for a refresh",
    "calls that waited",
    "calls undecided",
    "clocks set to another time",
    "forgeries refused",
    "key sets not taken over",
    "key sets taken over",
    "keys evicted",
    "refreshes",
    "refreshes asked for by the operator, or preloaded",
    "refreshes that failed",
    "refreshes that were told when to come back",
    "refreshes within the floor of another",
    "tokens accepted",
    "tokens accepted although their key was withdrawn, and the issuer silent",
    "tokens accepted although their key was withdrawn, within the bound",
    "tokens accepted from an issuer that moved",
    "tokens accepted from replicas that differ",
    "tokens accepted while refreshes fail",
    "tokens accepted with a key that could be fetched at a new place only",
    "tokens accepted with a key that could be fetched, and was",
    "tokens accepted with a key whose absence was not confirmed",
    "tokens of a flood",
    "tokens of a key refused that was withdrawn longer ago than the bound",
    "tokens of a withdrawn key refused",
    "tokens of an evicted key refused",
    "tokens refused",
    "tokens refused out of their time",
    "tokens remembered",
    "valid tokens refused, their key being too new",
    "valid tokens refused, their key's namesake having another algorithm",
];

fn every<T: Send>(seeds: std::ops::Range<u64>, of: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let seeds: Vec<_> = seeds.collect();
    let of = &of;
    thread::scope(|scope| {
        let share = |worker| {
            let own = seeds.iter().skip(worker).step_by(workers);
            scope.spawn(move || own.map(|seed| of(*seed)).collect::<Vec<_>>())
        };
        let shares: Vec<_> = (0..workers).map(share).collect();
        shares
            .into_iter()
            .flat_map(|share| share.join().expect("a world that cannot go on says why above"))
            .collect()
    })
}

#[test]
fn rules_hold_in_every_world_and_every_trouble_happens() {
    let outcomes = every(0..SEEDS, |seed| (seed, simulate(seed, Fault::None)));
    let mut seen = BTreeMap::<_, u64>::new();
    for (seed, Outcome { judgement, .. }) in &outcomes {
        let told: Vec<_> = judgement.violations.iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "run it again with `{}`\n{}", rerun(*seed), told.join("\n"));
        for (what, times) in &judgement.seen {
            *seen.entry(*what).or_default() += times;
        }
    }
    seen.retain(|_, times| *times > 0);
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), SEEN, "{seen:#?}");
    let verifiers: usize = outcomes.iter().map(|(_, outcome)| outcome.verifiers).sum();
    let calls: usize = outcomes.iter().map(|(_, outcome)| outcome.calls).sum();
    println!("{verifiers} verifiers, {calls} calls: {seen:#?}");
    assert!(verifiers >= 2_000, "{verifiers} verifiers");
}

#[test]
fn seed_gives_the_same_history_each_time_and_another_gives_another() {
    let traces = every(0..30, |seed| {
        let trace = simulate(seed, Fault::None).trace;
        assert_eq!(trace, simulate(seed, Fault::None).trace, "seed {seed}");
        trace
    });
    let mut distinct = traces.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), traces.len());
}

/// Worlds until the judge sees this fault, by this rule.
fn check(fault: Fault, rule: Rule) {
    /// In how many worlds it must have happened.
    const WORLDS: u64 = 60;
    let breaks = |seed| simulate(seed, fault).judgement.violations.iter().any(|found| found.rule == rule);
    assert!((0..WORLDS).any(breaks), "{fault:?} passes for {rule:?}");
}

#[test]
fn withdrawn_key_that_stays_is_seen() {
    check(Fault::WithdrawnStays, Rule::WithdrawnIsRefused);
}

#[test]
fn set_that_is_served_without_end_is_seen() {
    check(Fault::StaleForDays, Rule::WithdrawnIsRefused);
}

#[test]
fn eviction_that_does_nothing_is_seen() {
    check(Fault::EvictionIgnored, Rule::WithdrawnIsRefused);
}

#[test]
fn new_key_that_stays_away_is_seen() {
    check(Fault::NewStaysAway, Rule::ValidIsAccepted);
}

#[test]
fn network_that_is_cut_unsaid_is_seen() {
    check(Fault::NetworkCut, Rule::UndecidedIsTrue);
}

#[test]
fn keys_of_another_issuer_are_seen() {
    check(Fault::KeysSwapped, Rule::IssuersAreApart);
}

#[test]
fn burst_beyond_the_settings_is_seen() {
    check(Fault::BurstOfTen, Rule::FetchesAreBounded);
}

#[test]
fn call_that_waits_too_long_is_seen() {
    check(Fault::PatienceOfHours, Rule::CallsEnd);
}
