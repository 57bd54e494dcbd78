//! What tests of key-set software need: an issuer that misbehaves on command, a clock that moves on command, keys, and a
//! whole authority on a real socket.
//!
//! Everything listens on 127.0.0.1, on a port of its own, and ends with the value that started it.

#![expect(
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    reason = "helpers of a test panic when the test cannot go on, and say why"
)]

#[cfg(feature = "authority")]
mod app;
mod builder;
mod clock;
mod gate;
mod gzip;
mod issuer;
mod key;
mod proxy;
mod reply;
mod requests;
mod script;
mod seen;
mod server;
mod tls;

#[cfg(feature = "authority")]
pub use app::TestApp;
pub use builder::{DiscoveryForm, FakeIssuerBuilder};
pub use clock::ManualClock;
pub use gate::Gate;
pub use issuer::FakeIssuer;
pub use key::{Skew, TestKey};
pub use proxy::FakeProxy;
pub use reply::Reply;
pub use script::Answers;
pub use seen::Seen;
