//! The routes of a resource's metadata (RFC 9728 §3).

use axum::Router;
use jwksmith_tower::ResourceMetadata;

/// Routes that answer with the metadata at its well-known path. Merge them outside of any layer that demands a token:
/// whoever has none yet is who needs them.
///
/// ```
/// use axum::Router;
/// use jwksmith_axum::{ResourceMetadata, metadata_routes};
///
/// # fn demo() -> Result<(), jwksmith_axum::ProtectionError> {
/// let metadata = ResourceMetadata::new("https://api.example/")?.authorization_server("https://tenant.example/")?;
/// let app: Router = Router::new().merge(metadata_routes(&metadata));
/// # Ok(())
/// # }
/// ```
pub fn metadata_routes<S: Clone + Send + Sync + 'static>(metadata: &ResourceMetadata) -> Router<S> {
    // The path is a resource's own, and not a pattern of an old version of axum.
    Router::new().without_v07_checks().route_service(metadata.path(), metadata.service())
}
