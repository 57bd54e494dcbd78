//! The authority's `Store` port on SQLite: the only crate with SQL.
//!
//! What is kept, and which promises hold, is said at [`jwksmith_authority::Store`]. The database enforces what it can by
//! itself: see the migrations.

mod rows;
mod sqlite;

pub use sqlite::SqliteStore;
