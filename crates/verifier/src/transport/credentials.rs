//! What a fetch shows and trusts beyond the system's own: files that somebody else renews.

use std::path::Path;
use std::time::SystemTime;

use jwksmith_jose::SecretBytes;
use reqwest::header::HeaderValue;
use reqwest::{Certificate, Client, ClientBuilder, Identity};

use super::http::innermost;
use super::{FetchSettings, pins};
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

/// A client with the configured roots, pins and identity.
pub(super) async fn client(
    builder: ClientBuilder,
    settings: &FetchSettings,
    with_identity: bool,
) -> Result<Client, IssuerError> {
    let roots = read_if_set(settings.root_certificates_file.as_deref()).await?;
    let identity = settings.client_identity_file.as_deref().filter(|_| with_identity);
    let identity = read_if_set(identity).await?;
    let builder = if settings.spki_pins.is_empty() {
        with_identity_and_roots(builder, settings, roots.as_ref(), identity.as_ref())?
    } else {
        let (roots, identity) =
            (roots.as_ref().map(SecretBytes::expose), identity.as_ref().map(SecretBytes::expose));
        let tls = pins::client(settings.spki_pins.clone(), roots, identity);
        builder.tls_backend_preconfigured(tls.map_err(|error| IssuerError::Client(error.to_string()))?)
    };
    builder.build().map_err(|error| IssuerError::Client(innermost(&error)))
}

fn with_identity_and_roots(
    mut builder: ClientBuilder,
    settings: &FetchSettings,
    roots: Option<&SecretBytes>,
    identity: Option<&SecretBytes>,
) -> Result<ClientBuilder, IssuerError> {
    if let (Some(pem), Some(path)) = (roots, &settings.root_certificates_file) {
        let roots = Certificate::from_pem_bundle(pem.expose()).map_err(|error| unreadable(path, &error))?;
        if roots.is_empty() {
            return Err(unreadable(path, &"it holds no certificate (PEM)"));
        }
        builder = builder.tls_certs_only(roots);
    }
    if let (Some(pem), Some(path)) = (identity, &settings.client_identity_file) {
        let reason = "it holds no certificate with its private key (PEM)";
        builder = builder.identity(Identity::from_pem(pem.expose()).map_err(|_| unreadable(path, &reason))?);
    }
    Ok(builder)
}

async fn read_if_set(path: Option<&Path>) -> Result<Option<SecretBytes>, IssuerError> {
    match path {
        Some(path) => read(path).await.map(Some),
        None => Ok(None),
    }
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
    let metadata = tokio::fs::metadata(path).await.map_err(|error| unreadable(path, &error))?;
    if metadata.len() > FILE_BYTES_MAX {
        return Err(unreadable(path, &format_args!("it has over {FILE_BYTES_MAX} bytes")));
    }
    let bytes = tokio::fs::read(path).await.map_err(|error| unreadable(path, &error))?;
    Ok(SecretBytes::from(bytes))
}

fn unreadable(path: &Path, reason: &dyn std::fmt::Display) -> IssuerError {
    IssuerError::Credentials { path: path.to_owned(), reason: reason.to_string() }
}
