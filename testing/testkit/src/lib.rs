//! What tests of key-set software need: an issuer that misbehaves on command, a clock that moves on command, keys, and a
//! whole authority on a real socket.
//!
//! Everything listens on 127.0.0.1, on a port of its own, and ends with the value that started it. Nothing here needs the
//! internet, and a test that uses it need not sleep.
//!
//! # An issuer that does as it is told
//!
//! A [`FakeIssuer`] begins with a good discovery document. The test says what it answers, and afterwards what it was asked:
//!
//! ```
//! use jwksmith_jose::{Algorithm, UnixTime};
//! use jwksmith_testkit::{FakeIssuer, Gate, Reply, TestKey};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let issuer = FakeIssuer::start().await;
//! let key = TestKey::generate(Algorithm::ES256, "first");
//! issuer.publish(&[&key]);
//! let token = key.access_token(issuer.issuer(), "https://api.example/", UnixTime::from_seconds(1_800_000_000));
//! // … the verifier under test takes `token`, and then the key set fails twice:
//! let failing = [Reply::status(503).retry_after("120"), Reply::reset(), Reply::keys(&[&key])];
//! issuer.serve_in_turn(FakeIssuer::KEY_SET, failing);
//! // … or is held back until the test lets it go:
//! let gate = Gate::closed();
//! issuer.serve(FakeIssuer::KEY_SET, Reply::keys(&[&key]).behind(&gate));
//! gate.open();
//! // … or the issuer is gone, and comes back on its port:
//! issuer.unreachable().await;
//! issuer.recover().await;
//! assert_eq!(issuer.requests(FakeIssuer::KEY_SET), 0);
//! # }
//! ```
//!
//! [`Reply`] is one answer and all that can be wrong with it; [`Answers`] says which of them a request gets.
//! [`FakeIssuer::builder`] makes issuers with a path, over TLS, for clients with a certificate or a token; [`FakeProxy`]
//! stands between.
//!
//! # Everything that can go wrong
//!
//! [`modes`] is a catalogue of it, with the right behaviour beside each: one loop tests a verifier against them all. For a
//! verifier in another language, `cargo run -p jwksmith-testkit --example fake-issuer -- --list` runs the same issuers.
//!
//! # Features
//!
//! `authority`, on by default, brings `TestApp`. Who tests a verifier of their own does without it:
//! `default-features = false`.

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
pub mod modes;
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
