//! tmp
use jwksmith_simulation::{Fault, World, judge, run};
#[test]
fn first() {
    let from: u64 = std::env::var("SIM_FROM").ok().and_then(|t| t.parse().ok()).unwrap_or(0);
    let n: u64 = std::env::var("SIM_N").ok().and_then(|t| t.parse().ok()).unwrap_or(100);
    let rule = std::env::var("SIM_RULE").unwrap_or_default();
    let started = std::time::Instant::now();
    let mut seen = std::collections::BTreeMap::new();
    let mut rules = std::collections::BTreeMap::new();
    let (mut calls, mut verifiers) = (0, 0);
    for seed in from..from + n {
        if seed % 500 == 0 {
            println!("at {seed} {:?}", started.elapsed());
        }
        let world = World::drawn(seed);
        let history = run(&world, Fault::None);
        calls += history.calls();
        verifiers += history.verifiers();
        if history.trace() != run(&World::drawn(seed), Fault::None).trace() {
            println!("seed {seed} differs");
        }
        let judgement = judge(&world, &history);
        for (what, times) in judgement.seen {
            *seen.entry(what).or_insert(0) += times;
        }
        for v in &judgement.violations {
            *rules.entry(v.rule).or_insert(0) += 1;
        }
        for v in judgement.violations.iter().filter(|v| format!("{:?}", v.rule).starts_with(&rule)).take(2) {
            println!("seed {seed}: {v}");
        }
    }
    println!("{calls} calls {verifiers} verifiers {:?}", started.elapsed());
    println!("{seen:#?} {rules:#?}");
}
