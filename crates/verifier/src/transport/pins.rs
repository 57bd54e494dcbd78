//! Pinned keys of TLS servers: beside a good certificate, the server must have a key that was named beforehand (the
//! "SPKI fingerprint" of RFC 7469 §2.4).
//!
//! Checked within the handshake, before anything is sent: a server with another key sees no request and no credentials.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// The SHA-256 digest of a server's public key, as `sha256/` and its base64.
///
/// `openssl x509 -in server.pem -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64`
/// prints it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpkiPin([u8; 32]);

impl FromStr for SpkiPin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digest = text.strip_prefix("sha256/").ok_or("a pin begins with `sha256/`")?;
        let bytes = STANDARD.decode(digest).map_err(|_| "what follows `sha256/` is no base64")?;
        Ok(Self(bytes.try_into().map_err(|_| "a SHA-256 digest has 32 bytes")?))
    }
}

impl fmt::Display for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpkiPin({self})")
    }
}

/// A TLS client that also demands one of these keys. Roots (PEM) take the place of the system's, the identity (PEM) is shown.
pub(super) fn client(
    pins: Vec<SpkiPin>,
    roots: Option<&[u8]>,
    identity: Option<&[u8]>,
) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Arc::new(Pinned { pins, inner: inner(roots, &provider)? });
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.dangerous().with_custom_certificate_verifier(verifier);
    match identity {
        None => Ok(config.with_no_client_auth()),
        Some(pem) => config.with_client_auth_cert(certificates(pem)?, private_key(pem)?),
    }
}

fn inner(roots: Option<&[u8]>, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let provider = Arc::clone(provider);
    let Some(pem) = roots else { return Ok(Arc::new(rustls_platform_verifier::Verifier::new(provider)?)) };
    let mut store = RootCertStore::empty();
    for root in certificates(pem)? {
        store.add(root)?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider).build();
    Ok(verifier.map_err(|error| Error::General(error.to_string()))?)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>();
    found.map_err(|error| Error::General(error.to_string()))
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| Error::General(error.to_string()))
}

/// Certificates as usual, and one of the pinned keys.
#[derive(Debug)]
struct Pinned {
    pins: Vec<SpkiPin>,
    inner: Arc<dyn ServerCertVerifier>,
}

impl Pinned {
    fn check_key(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        let parsed = ParsedCertificate::try_from(certificate)?;
        let found = digest::digest(&digest::SHA256, parsed.subject_public_key_info().as_ref());
        if self.pins.iter().any(|pin| pin.0 == found.as_ref()) {
            return Ok(());
        }
        let found = STANDARD.encode(found.as_ref());
        Err(Error::General(format!("the server's key sha256/{found} is not one of those that are pinned")))
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        self.check_key(end_entity)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pin_is_read_in_one_form() {
        let pin = "sha256/LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
        assert_eq!(pin.parse::<SpkiPin>().unwrap().to_string(), pin);
        let refused = [
            "",
            "sha256/",
            "sha256/AAAA",
            "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
            "sha256/!",
            "sha1/LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
            "sha256/LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
        ];
        for text in refused {
            assert!(text.parse::<SpkiPin>().is_err(), "{text}");
        }
    }
}
