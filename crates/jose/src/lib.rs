//! Keys, key sets, signatures and tokens: the JOSE core of jwksmith.
//!
//! Everything here is synchronous and pure: no network, no clock, no async. Time is an argument, [`UnixTime`]. What a
//! verifier and an authority share is in this crate, and nothing else is.
//!
//! ```
//! use jwksmith_jose::{Algorithm, KeySet, Policy, UnixTime, verify};
//!
//! # fn demo(token: &str, key_set_json: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! let keys = KeySet::parse(key_set_json)?;
//! let policy = Policy::new("https://tenant.example/", "https://api.example/", [Algorithm::RS256])?;
//! let token = verify::<jwksmith_jose::AccessClaims>(token, &keys, &policy, UnixTime::from_seconds(1_800_000_000))?;
//! println!("called by {:?}", token.claims().sub);
//! # Ok(())
//! # }
//! ```
//!
//! The way of a token is its form, its header against the [`Policy`], [`KeySet::select`], the signature, and the claims
//! against the policy; [`verify`] walks it, [`explain`] tells of each step. A [`Verified`] value can be had in no other
//! way. Reading a token that nobody verified is possible in [`danger`] only.
//!
//! Keys are read from any form by [`AnyKey`], made and kept by [`PrivateKey`], published by [`PublicKey`]. A certificate is
//! trusted for nothing unless somebody asks [`chain::verify`].
//!
//! Standards: RFC 7515 (JWS), 7517 (JWK), 7518 (JWA), 7519 (JWT), 7638 and 9278 (thumbprints), 8037 (EdDSA), 8725 (best
//! practices), 8812 (secp256k1), 9068 (access tokens), 9864 (fully specified algorithm names), 9964 (ML-DSA).

// What everything rests on: bounds, faults, bytes and texts, time.
mod base64url;
mod error;
pub mod json;
mod json_writer;
pub mod limits;
mod members;
mod memory;
mod time;

// Algorithms: the table, what is registered and not supported, and what the crypto library wants to be told otherwise.
mod algorithm;
mod ecdsa;
mod registry;
mod roca;

// Keys: as data and in every form, ready to verify or to sign, in sets.
mod der;
mod form;
mod headers;
mod jwk;
mod key;
mod key_error;
mod keyset;
mod pem;
mod private;
mod public;
mod sign;
mod thumbprint;

// Certificates.
mod certificate;
pub mod chain;

// Tokens: their form, what is demanded of them, and the one way to a verified one.
mod claims;
mod explain;
mod key_id;
mod policy;
mod profile;
mod token;
mod verify;

// For people who look into things; nothing here decides.
pub mod danger;
pub mod describe;
pub mod lint;

pub use algorithm::{Algorithm, Family};
pub use base64url::encode as base64url_encode;
pub use certificate::{Certificate, CertificateError};
pub use chain::ChainError;
pub use claims::{AccessClaims, Audience};
pub use error::{KeySetError, PolicyError, Refusal, SkipReason, quoted};
pub use explain::{Check, Considered, Explanation, Fitness, Outcome, explain, explain_without_keys};
pub use form::{AnyKey, KeyForm};
pub use jwk::PublicJwk;
pub use key_error::KeyError;
pub use keyset::{KeySet, PublishedKey, SkippedKey};
pub use memory::Memory;
pub use policy::Policy;
pub use private::PrivateKey;
pub use profile::Profile;
pub use public::PublicKey;
pub use sign::{SecretBytes, SigningError, SigningKey, TokenSigner};
pub use thumbprint::{Thumbprint, ThumbprintHash};
pub use time::UnixTime;
pub use token::{Header, Part, Token};
pub use verify::{Verified, VerifiedToken, preflight, verify, verify_in, verify_token};
