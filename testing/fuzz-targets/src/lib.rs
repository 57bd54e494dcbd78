//! What the fuzz targets do with an input: everything that the product would do with it, and then they compare the answers.
//!
//! A target takes any bytes and panics where something does not hold that must. `fuzz/` gives these functions to a fuzzer;
//! the test of this crate gives them every input of the committed corpora. Nothing here knows a fuzzer.

#![allow(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a panic is how a target reports a finding"
)]

mod agreement;
mod certificate;
mod claims;
mod fixed;
mod json;
mod jwk;
mod key_set;
mod lint;
mod messages;
#[cfg(test)]
mod reach;
mod token;
mod tree;

pub use certificate::certificate;
pub use claims::claims;
pub use json::json;
pub use jwk::jwk;
pub use key_set::key_set;
pub use lint::lint;
pub use token::token;

/// A fuzz target: the name of its file and of its corpus, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 7] = [
    ("certificate", certificate),
    ("claims", claims),
    ("json", json),
    ("jwk", jwk),
    ("key_set", key_set),
    ("lint", lint),
    ("token", token),
];
