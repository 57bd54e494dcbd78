//! Verifiers and their caches against scripted issuers, on virtual time, from one seed.
//!
//! A [`World`] is drawn from a seed: issuers with their rotations, outages, replicas and shared caches, hosts with their
//! verifiers, and what callers and operators do when. [`run`] lives it: the real [`Verifier`](jwksmith_verifier::Verifier) on one
//! thread, whose clock moves only when everybody waits, so a day takes milliseconds and happens in the same way each time.
//! [`judge`] then holds what happened against the contract below. It looks at questions and answers only, at the transport and at
//! the callers, and never into a verifier; the state machine's own tests are beside it.
//!
//! # The contract
//!
//! What an issuer *publishes* is what its edge answers, whichever replica or shared cache that is: a key is published from the
//! moment at which every answer has it, and withdrawn from the moment at which none has. The issuer is *fair* while each of its
//! answers is sound and comes within an eighth of the fetch timeout. Settings are meant by their names, and `timeout` is that of
//! a fetch.
//!
//! 1. **A valid token is accepted while its key is published.** A known key never waits while the set is younger than
//!    `fresh_min`, and is used for `stale_max` longer while refreshes fail. A key that is not known is found, or the call that
//!    looks for it outlasts `wait_max`, if nothing forbids a refresh: the last one began a `floor` ago, and did not fail so lately
//!    that its pause lasts, and none was in vain for this `kid` within `unknown_kid_for` while the set did not change. In any
//!    case it is once the key has been published, and the issuer fair, for longer than
//!    `timeout + max(floor, backoff_max, unknown_kid_for)`. Until then the token may be refused, as `kid_unknown`.
//!    Of an issuer that gives a known `kid` to another key, `signature_invalid` may be said too; and if that key is of another
//!    algorithm, it is not looked for.
//! 2. **A withdrawn key is refused.** At once after a refresh that has begun since has succeeded; at the latest
//!    `revocation_bound().reachable` after the withdrawal unless the last refresh failed, and
//!    `revocation_bound().unreachable` after it whatever happens. An absence that is to be confirmed is in those bounds. An
//!    evicted key is refused from that moment on. What a process takes over from another is as old as the host's clock says, in
//!    whole seconds since the end of its fetch; a clock that was set back makes it younger by that. A token is refused out of its
//!    time whatever is remembered of it.
//! 3. **An issuer is not asked too often.** Of one verifier at most `burst + t / floor` refreshes begin in any time `t`, one at
//!    a time; after a failure the pause is at least three quarters of what is due, and what `Retry-After` asks for up to
//!    `backoff_max`.
//! 4. **Every call ends** within `wait_max`, and so does what an operator waits for. Whoever gives up strands nobody.
//! 5. **Issuers are apart.** A token is accepted only with a key that its own issuer has under the `kid` that it names.
//! 6. **A verifier says that it cannot decide when that is so, and only then.** A key is `kid_unknown` only if the last refresh
//!    succeeded. That a fetch takes too long, while one is under way, and
//!    after `wait_max`. Anything else, when the last refresh failed and none may begin yet, which is within
//!    `timeout + max(floor, backoff_max, unknown_kid_for)` of a moment at which the issuer was not fair. Never of a token
//!    that is out of its time.
//!
//! A failing seed says how to run it again: [`rerun`].

#![allow(
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    reason = "a simulation that cannot go on stops, and says why"
)]

mod chance;
mod clock;
mod edge;
mod history;
mod judge;
mod keys;
mod run;
mod transport;
mod world;

pub use history::History;
pub use judge::{Judgement, Rule, Violation, judge};
pub use run::run;
pub use world::World;

/// [`Policy::leeway`](jwksmith_verifier::Policy::leeway) of every host.
const LEEWAY_SECONDS: u64 = 5;

/// A way in which reality is other than the world says: what the judge must see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// None: everything is as the world says
    None,
    /// A key that was withdrawn stays in the answers
    WithdrawnStays,
    /// No new key is ever in them
    NewStaysAway,
    /// Nothing is reachable
    NetworkCut,
    /// Issuers publish each other's keys under their own names
    KeysSwapped,
    /// Verifiers have ten permits more than they say
    BurstOfTen,
    /// Callers wait for hours
    PatienceOfHours,
    /// Key sets are served without end
    StaleForDays,
    /// An eviction is noted and not done
    EvictionIgnored,
}

/// What came of one world.
pub struct Outcome {
    /// What the judge found
    pub judgement: Judgement,
    /// How many verifiers lived
    pub verifiers: usize,
    /// How many calls were made
    pub calls: usize,
    /// The same each time this seed is run
    pub trace: u64,
}

/// Draws the world of this seed, lives it and judges it.
pub fn simulate(seed: u64, fault: Fault) -> Outcome {
    let world = World::drawn(seed);
    let history = run(&world, fault);
    let judgement = judge(&world, &history);
    Outcome { judgement, verifiers: history.verifiers(), calls: history.calls(), trace: history.trace() }
}

/// The command that runs this seed again.
pub fn rerun(seed: u64) -> String {
    format!("cargo xtask simulate --seeds 1 --from {seed}")
}
