//! The current signing certificate in the forms that people download: `/pem`, `/cer`, `/rawpem`, `/pb7`, `/fingerprint`.
//!
//! Always the one of RS256, the algorithm that every tenant signs with.

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use jwksmith_authority::{KeyView, TenantSnapshot};
use jwksmith_jose::Algorithm;

use crate::problem::Problem;
use crate::state::Tenant;
use crate::well_known::KEY_SET_CACHE_CONTROL;

pub(crate) async fn pem(Tenant(tenant): Tenant) -> Result<Response, Problem> {
    let pem = current(&tenant)?.certificate_pem().to_owned();
    Ok(download("application/x-pem-file", "pem", pem))
}

/// The certificate alone, DER (RFC 2585 §3).
pub(crate) async fn cer(Tenant(tenant): Tenant) -> Result<Response, Problem> {
    let der = current(&tenant)?.certificate().der().to_vec();
    Ok(download("application/pkix-cert", "cer", der))
}

/// The base64 of the PEM form, without its armour and on one line: what goes into an environment variable.
pub(crate) async fn raw_pem(Tenant(tenant): Tenant) -> Result<Response, Problem> {
    Ok(text(current(&tenant)?.certificate().x5c()))
}

pub(crate) async fn pb7(Tenant(tenant): Tenant) -> Result<Response, Problem> {
    let pkcs7 = current(&tenant)?.pkcs7_pem().to_owned();
    Ok(download("application/x-pkcs7-certificates", "p7b", pkcs7))
}

pub(crate) async fn fingerprint(Tenant(tenant): Tenant) -> Result<Response, Problem> {
    Ok(text(current(&tenant)?.fingerprint().to_owned()))
}

fn current(tenant: &TenantSnapshot) -> Result<&KeyView, Problem> {
    tenant.current(Algorithm::RS256).ok_or(Problem::NoCurrentKey)
}

fn text(body: String) -> Response {
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    ([(CONTENT_TYPE, plain), (CACHE_CONTROL, KEY_SET_CACHE_CONTROL)], body).into_response()
}

fn download(media_type: &'static str, extension: &'static str, body: impl IntoResponse) -> Response {
    let disposition = format!("attachment; filename=\"signing-certificate.{extension}\"");
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, KEY_SET_CACHE_CONTROL);
    if let Ok(disposition) = HeaderValue::try_from(disposition) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    response
}
