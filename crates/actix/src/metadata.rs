//! The route of a resource's metadata (RFC 9728 §3).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, Resource, web};
use jwksmith_tower::ResourceMetadata;

/// A resource that answers with the metadata at its well-known path. Put it outside of any scope that demands a token:
/// whoever has none yet is who needs it.
///
/// ```
/// use actix_web::App;
/// use jwksmith_actix::{ResourceMetadata, metadata_resource};
///
/// # fn demo() -> Result<(), jwksmith_actix::ProtectionError> {
/// let metadata = ResourceMetadata::new("https://api.example/")?.authorization_server("https://tenant.example/")?;
/// let app = App::new().service(metadata_resource(&metadata));
/// # Ok(())
/// # }
/// ```
pub fn metadata_resource(metadata: &ResourceMetadata) -> Resource {
    let service = metadata.service();
    web::resource(metadata.path()).to(move |request: HttpRequest| {
        let answer = service.answer(request.method().as_str());
        async move {
            // Every status of the service is one.
            let status =
                StatusCode::from_u16(answer.status().as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = HttpResponse::build(status);
            for (name, value) in answer.headers() {
                response.insert_header((name.as_str(), value.as_bytes()));
            }
            response.body(answer.into_body())
        }
    })
}
