//! The memory of verified tokens: what a hit costs beside one verification, with few and with many live tokens.
//!
//! A token comes out of a buffer that was just written, as from a connection: neither is it the very text that is remembered,
//! nor must it be fetched from far away. What writing it costs is measured alone and taken off, round by round.

use std::hint::black_box;

use anyhow::{bail, ensure};
use jwksmith_benches::measure::{self, Pace, Spread};
use jwksmith_verifier::{AccessClaims, TokenCacheSettings, UnixTime, Verifier};
use serde::Serialize;

use crate::contestants::at_once;
use crate::scene::Scene;

/// How many tokens live, and what part of one verification a hit may cost.
pub(crate) const ROWS: [(usize, f64); 2] = [(100, 80.0), (10_000, 30.0)];

/// The most tokens of any row.
pub(crate) const TOKENS_MAX: usize = ROWS[1].0;

/// Room for all of them; the default has it for some 7,000.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// The tokens are asked for in an order that no prefetcher foresees.
const STEP: usize = 7_919;

#[derive(Serialize)]
pub(crate) struct Hits {
    pub(crate) live_tokens: usize,
    pub(crate) verification_nanoseconds: Spread,
    pub(crate) lines: Vec<Line>,
}

/// One way of asking.
#[derive(Serialize)]
pub(crate) struct Line {
    pub(crate) way: &'static str,
    pub(crate) nanoseconds: Spread,
    /// How many hits one verification is worth, round by round.
    pub(crate) hits_in_a_verification: Spread,
}

pub(crate) const VERIFY_TOKEN: &str = "Verifier::verify_token";
pub(crate) const VERIFY: &str = "Verifier::verify";

/// Of a verifier that has verified the first `live` of `tokens`.
pub(crate) async fn measure(
    scene: &Scene,
    tokens: &[String],
    live: usize,
    pace: Pace,
) -> anyhow::Result<Hits> {
    let tokens = &tokens[..live];
    let settings = TokenCacheSettings { bytes_max: BYTES_MAX, ..TokenCacheSettings::default() };
    let verifier = Verifier::builder(scene.policy()?).token_cache(settings).build()?;
    for token in tokens {
        verifier.verify_token(token).await?;
    }
    let in_use = || verifier.token_cache().map(|in_use| in_use.tokens);
    ensure!(in_use() == Some(live), "{:?} of {live} tokens are remembered", in_use());
    let hits = timed(scene, &verifier, tokens, pace)?;
    ensure!(in_use() == Some(live), "{:?} of {live} tokens are remembered at the end", in_use());
    Ok(hits)
}

fn timed(scene: &Scene, verifier: &Verifier, tokens: &[String], pace: Pace) -> anyhow::Result<Hits> {
    let (keys, policy, now) = (scene.key_set()?, scene.policy()?, UnixTime::from_seconds(scene.now));
    let good = scene.token()?;
    let mut jose = || {
        let found = jwksmith_jose::verify::<AccessClaims>(black_box(&good), &keys, &policy, now);
        drop(black_box(found.expect("the token is good")));
    };
    let mut arriving = Turn::of(tokens);
    let (mut first, mut second) = (Turn::of(tokens), Turn::of(tokens));
    let mut arrive = || {
        black_box(arriving.next());
    };
    let mut verify_token = || {
        let found = at_once(verifier.verify_token(first.next())).expect("a hit does not wait");
        drop(black_box(found.expect("the token is good")));
    };
    let mut verify = || {
        let found = at_once(verifier.verify::<AccessClaims>(second.next())).expect("a hit does not wait");
        drop(black_box(found.expect("the token is good")));
    };
    let mut turns: [&mut dyn FnMut(); 4] = [&mut jose, &mut arrive, &mut verify_token, &mut verify];
    let times = measure::interleaved(&mut turns, pace);
    let [jose, arrivals, hits @ ..] = times.as_slice() else { bail!("not everybody was timed") };
    let line = |(way, hits): (&'static str, &Vec<f64>)| {
        let hits: Vec<_> = hits.iter().zip(arrivals).map(|(hit, arrival)| hit - arrival).collect();
        Line {
            way,
            nanoseconds: Spread::of(hits.iter().copied()),
            hits_in_a_verification: Spread::of(jose.iter().zip(hits).map(|(jose, hit)| jose / hit)),
        }
    };
    Ok(Hits {
        live_tokens: tokens.len(),
        verification_nanoseconds: Spread::of(jose.iter().copied()),
        lines: [VERIFY_TOKEN, VERIFY].into_iter().zip(hits).map(line).collect(),
    })
}

/// One token after the other, for ever, each as it arrives.
struct Turn<'a> {
    tokens: &'a [String],
    at: usize,
    buffer: String,
}

impl<'a> Turn<'a> {
    fn of(tokens: &'a [String]) -> Self {
        Self { tokens, at: 0, buffer: String::new() }
    }

    fn next(&mut self) -> &str {
        self.at = (self.at + STEP) % self.tokens.len();
        self.buffer.clear();
        self.buffer.push_str(&self.tokens[self.at]);
        black_box(&self.buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn turn_comes_to_every_token_of_every_row() {
        for (live, _) in ROWS {
            let tokens: Vec<_> = (0..live).map(|number| number.to_string()).collect();
            let mut turn = Turn::of(&tokens);
            assert_eq!((0..live).map(|_| turn.next().to_owned()).collect::<HashSet<_>>().len(), live);
        }
    }
}
