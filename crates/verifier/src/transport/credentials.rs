//! What a fetch shows and trusts beyond the system's own: files that somebody else renews.

use std::path::Path;
use std::time::SystemTime;

use jwksmith_jose::SecretBytes;
use reqwest::header::HeaderValue;
use reqwest::{Certificate, ClientBuilder, Identity};

use super::{FetchSettings, read_file};
use crate::error::IssuerError;

/// The largest file of credentials; a bundle of all the roots of a system has about 200 KiB.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Which state of the files a client was made from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Stamp(Vec<(SystemTime, u64)>);

impl Stamp {
    /// Of the files that a client is made from, as they are now.
    pub(super) async fn now(settings: &FetchSettings) -> Result<Self, IssuerError> {
        let mut stamps = Vec::new();
        for path in [&settings.root_certificates_file, &settings.client_identity_file].into_iter().flatten() {
            let metadata = tokio::fs::metadata(path).await.map_err(|error| unreadable(path, &error))?;
            stamps.push((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len()));
        }
        Ok(Self(stamps))
    }
}

/// Trusts the configured roots and no others.
pub(super) async fn with_roots(
    client: ClientBuilder,
    settings: &FetchSettings,
) -> Result<ClientBuilder, IssuerError> {
    let Some(path) = &settings.root_certificates_file else { return Ok(client) };
    let pem = read(path).await?;
    let roots = Certificate::from_pem_bundle(pem.expose()).map_err(|error| unreadable(path, &error))?;
    if roots.is_empty() {
        return Err(unreadable(path, &"it holds no certificate (PEM)"));
    }
    Ok(client.tls_certs_only(roots))
}

/// The configured certificate and key.
pub(super) async fn identity(path: &Path) -> Result<Identity, IssuerError> {
    let pem = read(path).await?;
    Identity::from_pem(pem.expose())
        .map_err(|_| unreadable(path, &"it holds no certificate with its private key (PEM)"))
}

/// `Authorization` with the configured token (RFC 6750 §2.1).
pub(super) async fn bearer(path: &Path) -> Result<HeaderValue, IssuerError> {
    let token = read(path).await?;
    let token = token.expose().trim_ascii();
    if token.is_empty() {
        return Err(unreadable(path, &"it is empty"));
    }
    let mut value = HeaderValue::from_bytes(&[b"Bearer ", token].concat())
        .map_err(|_| unreadable(path, &"it holds no token of visible characters"))?;
    value.set_sensitive(true);
    Ok(value)
}

async fn read(path: &Path) -> Result<SecretBytes, IssuerError> {
    read_file(path, FILE_BYTES_MAX).await.map(SecretBytes::from).map_err(|reason| unreadable(path, &reason))
}

fn unreadable(path: &Path, reason: &dyn std::fmt::Display) -> IssuerError {
    IssuerError::Credentials { path: path.to_owned(), reason: reason.to_string() }
}
