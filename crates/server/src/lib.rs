//! The authority over HTTP: well-known documents, certificates, the token endpoint and the management API.
//!
//! [`routes::ROUTES`] is the list of everything that is served and of who may call it; the router is built from that list
//! and from nothing else. [`problem`] is the only place that decides on a status code for a refusal.
//!
//! The wire shapes are those of Auth0's public documentation where that has one, so that existing clients work unchanged.

mod authorization;
mod certificates;
mod management;
pub mod problem;
pub mod routes;
mod self_check;
mod state;
mod token;
mod well_known;

pub use self_check::{SelfCheckError, self_check};
pub use state::ServerState;
pub use well_known::KEY_SET_CACHE_CONTROL;

use std::future::Future;

use tokio::net::TcpListener;

/// Serves until `shutdown` is ready, then lets the requests under way finish.
///
/// # Errors
/// Those of the listening socket.
pub async fn serve(
    listener: TcpListener,
    state: ServerState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, routes::router(state)).with_graceful_shutdown(shutdown).await
}
