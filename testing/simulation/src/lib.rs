//! tmp
#![allow(
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    reason = "a simulation that cannot go on stops, and says why"
)]

mod chance;
mod clock;
mod edge;
mod history;
mod keys;
mod run;
mod transport;
mod world;

pub use history::History;
pub use run::run;
pub use world::World;

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
    /// The issuers' answers come to the wrong ones
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
mod judge;
pub use judge::{Judgement, Rule, Violation, judge};
