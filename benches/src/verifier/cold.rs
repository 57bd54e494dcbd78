//! The first moment: a thousand callers at once, and no key set yet.
//!
//! The issuer holds its key set back until all of them have asked, so that none comes late.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::ensure;
use jwksmith_benches::material::Material;
use jwksmith_benches::measure::Spread;
use jwksmith_testkit::{FakeIssuer, Gate};
use serde::Serialize;
use tokio::task::{JoinSet, yield_now};

use crate::contestants::{Entry, Opened, Verdict};
use crate::scene::{Fetches, Scene};

pub(crate) const CALLERS: usize = 1_000;

#[derive(Serialize)]
pub(crate) struct Cold {
    pub(crate) contestant: &'static str,
    /// The most in any round
    pub(crate) fetches: Fetches,
    /// From the first call to the last answer
    pub(crate) milliseconds: Spread,
}

pub(crate) async fn measure(
    entry: &Entry,
    material: &Arc<Material>,
    now: u64,
    rounds: usize,
) -> anyhow::Result<Cold> {
    let mut fetches = Fetches { discovery: 0, key_set: 0 };
    let mut times = Vec::new();
    for _ in 0..rounds {
        let (time, asked_for) = round(entry, &Scene::new(material, now).await?).await?;
        times.push(time);
        fetches.discovery = fetches.discovery.max(asked_for.discovery);
        fetches.key_set = fetches.key_set.max(asked_for.key_set);
    }
    Ok(Cold { contestant: entry.name, fetches, milliseconds: Spread::of(times) })
}

async fn round(entry: &Entry, scene: &Scene) -> anyhow::Result<(f64, Fetches)> {
    let gate = Gate::closed();
    scene.issuer.serve(FakeIssuer::KEY_SET, scene.key_set_reply().behind(&gate));
    let opened = entry.open(scene.issuer.issuer()).await?;
    let token: Arc<str> = scene.token()?.into();
    let asking = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(call(Arc::clone(&opened), Arc::clone(&token), Arc::clone(&asking)));
    }
    while asking.load(Ordering::Relaxed) < CALLERS {
        yield_now().await;
    }
    gate.open();
    let verdicts = callers.join_all().await;
    let time = begin.elapsed().as_secs_f64() * 1e3;
    let accepted = verdicts.iter().filter(|verdict| **verdict == Verdict::Accepted).count();
    ensure!(accepted == CALLERS, "{} accepts {accepted} of {CALLERS}", entry.name);
    Ok((time, scene.fetches()))
}

async fn call(opened: Arc<dyn Opened>, token: Arc<str>, asking: Arc<AtomicUsize>) -> Verdict {
    asking.fetch_add(1, Ordering::Relaxed);
    opened.ask(token).await
}
