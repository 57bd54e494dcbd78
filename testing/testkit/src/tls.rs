//! TLS with certificates that nobody trusts until a test says so: a private authority, a server, and a client if wanted.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// Whether clients must show a certificate too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    Nothing,
    ClientCertificate,
}

/// What a server with a private authority needs, and what its clients do.
pub(crate) struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    /// The authority's certificate.
    pub(crate) ca_pem: String,
    /// A client's certificate and its private key, one after the other.
    pub(crate) client_pem: String,
}

type PrivateAuthority = CertifiedIssuer<'static, KeyPair>;

impl Identity {
    pub(crate) fn new(demand: Demand) -> Self {
        let authority = private_authority();
        let (certificate, key) =
            certified(&authority, &["localhost", "127.0.0.1"], ExtendedKeyUsagePurpose::ServerAuth);
        let chain = vec![certificate.der().clone(), authority.der().clone()];
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider knows these versions")
            .with_client_cert_verifier(client_verifier(&authority, demand))
            .with_single_cert(chain, key)
            .expect("the key fits its certificate");
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            ca_pem: authority.pem(),
            client_pem: client_pem(&authority),
        }
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn private_authority() -> PrivateAuthority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // RFC 5280 §4.2.1.3: without it, strict clients take nothing that it signs.
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, "a scripted issuer's authority");
    CertifiedIssuer::self_signed(params, key()).expect("an authority can be made")
}

fn certified(
    authority: &PrivateAuthority,
    names: &[&str],
    usage: ExtendedKeyUsagePurpose,
) -> (rcgen::Certificate, KeyPair) {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("these are names");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.insert_extended_key_usage(usage);
    let key = key();
    let certificate = params.signed_by(&key, authority).expect("a certificate can be signed");
    (certificate, key)
}

fn client_pem(authority: &PrivateAuthority) -> String {
    let (certificate, key) = certified(authority, &["client.example"], ExtendedKeyUsagePurpose::ClientAuth);
    format!("{}{}", certificate.pem(), key.serialize_pem())
}

fn client_verifier(authority: &PrivateAuthority, demand: Demand) -> Arc<dyn ClientCertVerifier> {
    if demand == Demand::Nothing {
        return WebPkiClientVerifier::no_client_auth();
    }
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).expect("an authority is a root");
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    verifier.expect("one root is enough")
}

fn key() -> KeyPair {
    KeyPair::generate().expect("the system has randomness")
}
