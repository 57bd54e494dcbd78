//! What it costs to find a token's issuer among several.

use std::hint::black_box;
use std::sync::Arc;

use jwksmith_benches::measure::{self, Pace, Spread};
use jwksmith_verifier::{AccessClaims, Verifier};
use serde::Serialize;

use crate::in_process::{self, InProcess};

/// How many issuers are trusted; one is the measure of the others.
const COUNTS: [usize; 3] = [1, 2, 1_000];

#[derive(Serialize)]
pub(crate) struct Selection {
    pub(crate) issuers: usize,
    pub(crate) tokens: &'static str,
    pub(crate) nanoseconds: Spread,
    /// Beyond a verifier of one issuer, round by round.
    pub(crate) added_nanoseconds: Spread,
}

/// A verifier and the tokens that it is asked about in turn.
struct Asked {
    issuers: usize,
    told: &'static str,
    verifier: Arc<Verifier>,
    tokens: Vec<String>,
}

pub(crate) async fn measure(
    transport: &Arc<InProcess>,
    now: u64,
    pace: Pace,
) -> anyhow::Result<Vec<Selection>> {
    let mut asked = Vec::new();
    for count in COUNTS {
        asked.append(&mut asked_of(count, transport, now).await?);
    }
    let mut calls: Vec<_> = asked.iter().map(Asked::call).collect();
    let mut turns: Vec<&mut dyn FnMut()> = Vec::new();
    for call in &mut calls {
        turns.push(call);
    }
    let times = measure::interleaved(&mut turns, pace);
    let one = times.first().cloned().unwrap_or_default();
    let told = |(asked, times): (&Asked, &Vec<f64>)| Selection {
        issuers: asked.issuers,
        tokens: asked.told,
        nanoseconds: Spread::of(times.iter().copied()),
        added_nanoseconds: Spread::of(times.iter().zip(&one).map(|(time, one)| time - one)),
    };
    Ok(asked.iter().zip(&times).map(told).collect())
}

async fn asked_of(issuers: usize, transport: &Arc<InProcess>, now: u64) -> anyhow::Result<Vec<Asked>> {
    let names = in_process::issuers(issuers);
    let verifier = Arc::new(in_process::verifier(&names, transport)?);
    verifier.preload().await?;
    let tokens = names.iter().map(|name| transport.token(name, now)).collect::<Result<Vec<_>, _>>()?;
    let of = |told, tokens| Asked { issuers, told, verifier: Arc::clone(&verifier), tokens };
    let mut asked = vec![of("of one issuer", vec![tokens[issuers / 2].clone()])];
    if issuers > 2 {
        // Their keys and tokens fit into no cache of the processor: that, and not the search, is what this adds.
        asked.push(of("of all in turn", tokens));
    }
    Ok(asked)
}

impl Asked {
    fn call(&self) -> impl FnMut() {
        let mut next = 0;
        move || {
            next = (next + 1) % self.tokens.len();
            let found = self.verifier.try_verify::<AccessClaims>(black_box(&self.tokens[next]));
            drop(black_box(found.expect("the token is good, and the key set at hand")));
        }
    }
}
