//! The `jwksmith` command from the outside: the real binary, its exit statuses, its codes and its words.
//!
//! Decisions are asserted by exit status and code; what people read is compared with snapshots. Nothing here needs a network
//! beyond this machine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what goes wrong in a test's own helpers fails that test, at the line"
)]

mod demands;
#[cfg(unix)]
mod docs;
mod explain;
mod inspect;
mod key;
mod lines;
mod lint;
mod lint_online;
mod locate;
mod network;
mod online;
mod support;
mod verify;
#[cfg(unix)]
mod watch;
