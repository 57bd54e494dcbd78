//! Judges a history by the contract of the [crate], from the world and from what was asked and answered.
//!
//! It never looks into a verifier. What it cannot know for certain, as the order of two things at one moment, it counts in
//! the verifier's favour.

mod call;
mod fetches;
mod line;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use self::call::Scene;
use self::line::Line;
use crate::edge::Content;
use crate::history::{Bears, Call, History};
use crate::world::World;

/// A time that may lie before the beginning of the world, in milliseconds.
type Millis = i64;

/// The rules of the contract, in its words.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Rule {
    /// A valid token whose key can be had is accepted
    ValidIsAccepted,
    /// A withdrawn or evicted key, or a token out of its time, is not accepted
    WithdrawnIsRefused,
    /// Refreshes keep the floor, the burst and the pauses
    FetchesAreBounded,
    /// Every call ends in time
    CallsEnd,
    /// A key of one issuer verifies no token of another
    IssuersAreApart,
    /// A verifier says that it cannot decide only when that is so
    UndecidedIsTrue,
}

/// A rule that was broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which
    pub rule: Rule,
    /// When, from the beginning of the world
    pub at: Duration,
    /// By whom and how
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} at {:?}: {}", self.rule, self.at, self.what)
    }
}

/// What a judge found.
#[derive(Default, Debug)]
pub struct Judgement {
    /// Every rule that was broken
    pub violations: Vec<Violation>,
    /// What happened how often, by name
    pub seen: BTreeMap<&'static str, u64>,
}

impl Judgement {
    pub(crate) fn saw(&mut self, what: &'static str) {
        self.saw_times(what, 1);
    }

    pub(crate) fn saw_times(&mut self, what: &'static str, times: usize) {
        *self.seen.entry(what).or_default() += u64::try_from(times).unwrap_or(u64::MAX);
    }

    fn broken(&mut self, rule: Rule, at: Duration, what: String) {
        self.violations.push(Violation { rule, at, what });
    }
}

/// Judges what happened in a world.
pub fn judge(world: &World, history: &History) -> Judgement {
    let mut judgement = Judgement::default();
    let lines = lines(world, history);
    for (process, lines) in lines.iter().enumerate() {
        for (issuer, line) in lines.iter().enumerate() {
            fetches::judge(world, process, issuer, line, &mut judgement);
        }
    }
    let asked = asked(world, history);
    for call in &history.calls {
        let issuer = match call.bears {
            Bears::Token(token) => world.tokens[token].issuer,
            Bears::MadeUp { issuer } => issuer,
        };
        let trusts = &world.hosts[history.processes[call.process].host].trusts;
        let line = trusts.contains(&issuer).then(|| &lines[call.process][issuer]);
        if let Some(line) = line {
            Scene { world, history, asked: &asked, line, call, issuer }.judge(&mut judgement);
        }
    }
    judge_waits(world, history, &mut judgement);
    look_around(history, &mut judgement);
    judgement
}

fn lines(world: &World, history: &History) -> Vec<Vec<Line>> {
    let mut lines: Vec<Vec<Line>> = Vec::new();
    for process in 0..history.processes.len() {
        let issuers = 0..world.issuers.len();
        let of = issuers.map(|issuer| Line::of(world, history, process, issuer, &lines)).collect();
        lines.push(of);
    }
    lines
}

/// By process, issuer and name: the calls that asked for a key of this name.
type Asked<'h> = BTreeMap<(usize, usize, &'h str), Vec<&'h Call>>;

fn asked<'h>(world: &'h World, history: &'h History) -> Asked<'h> {
    let mut asked = Asked::new();
    for call in &history.calls {
        if let Bears::Token(token) = call.bears {
            let token = &world.tokens[token];
            asked.entry((call.process, token.issuer, token.kid.as_str())).or_default().push(call);
        }
    }
    asked
}

/// What the operator waits for ends too.
fn judge_waits(world: &World, history: &History, judgement: &mut Judgement) {
    for wait in &history.waits {
        let latest = wait.from + world.settings.wait_max * wait.issuers;
        if wait.until.is_none_or(|until| until > latest) {
            let what = format!("process {} waited until {:?} for a refresh", wait.process, wait.until);
            judgement.broken(Rule::CallsEnd, wait.from, what);
        }
    }
}

fn look_around(history: &History, judgement: &mut Judgement) {
    judgement.saw_times("refreshes asked for by the operator, or preloaded", history.waits.len());
    let jumps: usize = history.clocks.iter().map(|clock| clock.len() - 1).sum();
    judgement.saw_times("clocks set to another time", jumps);
    for request in &history.requests {
        if let Some(Content::KeySet { confirmed, aged, .. }) = request.content {
            judgement.saw_times("answers confirmed without a body", usize::from(confirmed));
            judgement.saw_times("answers of a shared cache that were old", usize::from(aged));
        }
    }
    for process in &history.processes {
        judgement.saw_times("tokens remembered", process.remembered);
        for takeover in &process.takeovers {
            judgement.saw(if takeover.accepted { "key sets taken over" } else { "key sets not taken over" });
        }
        let found = process.evictions.iter().filter(|eviction| eviction.found);
        judgement.saw_times("keys evicted", found.count());
    }
}
