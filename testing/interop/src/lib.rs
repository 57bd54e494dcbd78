//! Real clients in other languages against a real server: what the tests in `tests/clients.rs` are made of.
//!
//! [`server`] starts the binary on a free port with a data folder of its own, [`script`] runs a client to its end
//! within a bound and reads what it reports. What a client does and checks is in its script, under `node/` and
//! `python/`; which environment variables choose where things are is known to the tests alone.

pub mod script;
pub mod server;
