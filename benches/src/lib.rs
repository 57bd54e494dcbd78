//! What the benchmarks of this package share: the token, its keys in every form, the clock, the allocator, the tables.
//!
//! `jose` compares with the cryptography and with other libraries; `verifier` with other verifiers of an issuer's tokens.

pub mod allocations;
pub mod claims;
pub mod material;
pub mod measure;
pub mod setting;
pub mod table;
