//! What it costs to find a token's issuer among several.
//!
//! A thousand issuers asked in turn are too many for the processor's caches, whoever asks: `jose::verify`, which is handed each
//! token's keys and policy and has nothing to find, is timed with them too.

use std::hint::black_box;
use std::sync::Arc;

use jwksmith_benches::measure::{self, Pace, Spread};
use jwksmith_verifier::{AccessClaims, KeySet, Policy, UnixTime, Verifier};
use serde::Serialize;

use crate::in_process::{self, InProcess};
use crate::scene;
use crate::warm::{JOSE, TRY_VERIFY};

/// How many issuers are trusted.
const COUNTS: [usize; 3] = [1, 2, MANY];

const MANY: usize = 1_000;

#[derive(Serialize)]
pub(crate) struct Selection {
    pub(crate) way: &'static str,
    pub(crate) issuers: usize,
    pub(crate) tokens: &'static str,
    pub(crate) nanoseconds: Spread,
    /// Beyond jose with the tokens of as many issuers, round by round.
    pub(crate) added_nanoseconds: Spread,
}

type Verify<'a> = Box<dyn Fn(usize, &str) + 'a>;

/// Somebody who is asked about tokens in turn.
struct Asked<'a> {
    way: &'static str,
    issuers: usize,
    tokens: &'a [String],
    /// Which of the tokens, and the token
    verify: Verify<'a>,
}

pub(crate) async fn measure(
    transport: &Arc<InProcess>,
    now: u64,
    pace: Pace,
) -> anyhow::Result<Vec<Selection>> {
    let names = in_process::issuers(MANY);
    let tokens = names.iter().map(|name| transport.token(name, now)).collect::<Result<Vec<_>, _>>()?;
    let known = names.iter().map(|name| known(name, transport)).collect::<Result<Vec<_>, _>>()?;
    let first = std::slice::from_ref(&tokens[0]);
    let mut asked = vec![jose(first, &known, now)];
    for count in COUNTS {
        asked.push(verifier(count, first, verifier_of(&names[..count], transport).await?));
    }
    asked.push(jose(&tokens, &known, now));
    asked.push(verifier(MANY, &tokens, verifier_of(&names, transport).await?));
    Ok(timed(&asked, pace))
}

fn timed(asked: &[Asked<'_>], pace: Pace) -> Vec<Selection> {
    let mut calls: Vec<_> = asked.iter().map(Asked::call).collect();
    let mut turns: Vec<&mut dyn FnMut()> = Vec::new();
    for call in &mut calls {
        turns.push(call);
    }
    let times = measure::interleaved(&mut turns, pace);
    let base = |of: &Asked<'_>| {
        let is_base =
            |other: &&Asked<'_>| other.way == JOSE && (other.tokens.len() > 1) == (of.tokens.len() > 1);
        asked.iter().position(|other| is_base(&other)).unwrap_or_default()
    };
    let told = |(asked, taken): (&Asked<'_>, &Vec<f64>)| Selection {
        way: asked.way,
        issuers: asked.issuers,
        tokens: if asked.tokens.len() > 1 { "of all in turn" } else { "of one" },
        nanoseconds: Spread::of(taken.iter().copied()),
        added_nanoseconds: Spread::of(taken.iter().zip(&times[base(asked)]).map(|(time, jose)| time - jose)),
    };
    asked.iter().zip(&times).map(told).collect()
}

/// What jose is handed for an issuer.
fn known(issuer: &str, transport: &InProcess) -> anyhow::Result<(KeySet, Policy)> {
    let [_, key_set] = transport.documents(issuer);
    Ok((KeySet::parse(&serde_json::to_vec(&key_set)?)?, scene::policy(issuer)?))
}

fn jose<'a>(tokens: &'a [String], known: &'a [(KeySet, Policy)], now: u64) -> Asked<'a> {
    let now = UnixTime::from_seconds(now);
    let verify = move |at: usize, token: &str| {
        let (keys, policy) = &known[at];
        drop(black_box(jwksmith_jose::verify::<AccessClaims>(token, keys, policy, now).expect(GOOD)));
    };
    Asked { way: JOSE, issuers: tokens.len(), tokens, verify: Box::new(verify) }
}

fn verifier(issuers: usize, tokens: &[String], verifier: Verifier) -> Asked<'_> {
    let verify = move |_, token: &str| {
        drop(black_box(verifier.try_verify::<AccessClaims>(token).expect(GOOD)));
    };
    Asked { way: TRY_VERIFY, issuers, tokens, verify: Box::new(verify) }
}

const GOOD: &str = "the token is good, and the key set at hand";

async fn verifier_of(issuers: &[String], transport: &Arc<InProcess>) -> anyhow::Result<Verifier> {
    let verifier = in_process::verifier(issuers, transport)?;
    verifier.preload().await?;
    Ok(verifier)
}

impl Asked<'_> {
    fn call(&self) -> impl FnMut() {
        let mut at = 0;
        move || {
            at = (at + 1) % self.tokens.len();
            (self.verify)(at, black_box(&self.tokens[at]));
        }
    }
}
