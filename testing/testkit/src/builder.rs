//! Sets up a scripted issuer in other ways than the default: its name, its path, TLS, and what its key set costs.
//!
//! The socket comes first, because the issuer's URL has its port.

use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;

use crate::script::{Guard, Script};
use crate::server::{Door, Host};
use crate::tls::{Demand, Identity};
use crate::{FakeIssuer, Reply};

/// Begins a [`FakeIssuer`].
#[derive(Clone)]
pub struct FakeIssuerBuilder {
    host: String,
    port: u16,
    path: String,
    discovery: Vec<DiscoveryForm>,
    tls: Option<Demand>,
    key_set_token: Option<String>,
}

/// Where an issuer's discovery document is. Without a path, the first two differ in their name alone and the third is the
/// first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiscoveryForm {
    /// `{issuer}/.well-known/openid-configuration` (OIDC Discovery 1.0 §4).
    OpenId,
    /// `/.well-known/oauth-authorization-server{path}` (RFC 8414 §3.1).
    OAuth,
    /// `/.well-known/openid-configuration{path}` (RFC 8414 §5).
    OpenIdBeforePath,
}

impl DiscoveryForm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OpenId, Self::OAuth, Self::OpenIdBeforePath];

    /// The path of the document of an issuer with this path.
    pub(crate) fn path(self, issuer_path: &str) -> String {
        let path = issuer_path.trim_end_matches('/');
        match self {
            Self::OpenId => format!("{path}/.well-known/openid-configuration"),
            Self::OAuth => format!("/.well-known/oauth-authorization-server{path}"),
            Self::OpenIdBeforePath => format!("/.well-known/openid-configuration{path}"),
        }
    }
}

impl FakeIssuerBuilder {
    pub(crate) fn new() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            path: "/".to_owned(),
            discovery: vec![DiscoveryForm::OpenId],
            tls: None,
            key_set_token: None,
        }
    }

    /// The name by which it calls itself; `127.0.0.1` unless said, and `localhost` is the other one that leads to it.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// The port; a free one unless said.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The path of the issuer's URL, exactly: `/` unless said, `/tenants/one` or `/tenants/one/` for one of many tenants,
    /// nothing for an issuer without a slash.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Where the discovery document is to be found; at [`DiscoveryForm::OpenId`] unless said.
    #[must_use]
    pub fn discovery_at(mut self, forms: &[DiscoveryForm]) -> Self {
        self.discovery = forms.to_vec();
        self
    }

    /// Over TLS, with a certificate of an authority made for it: [`FakeIssuer::ca_pem`].
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = Some(Demand::Nothing);
        self
    }

    /// The same, and only for clients with a certificate of that authority: [`FakeIssuer::client_identity_pem`].
    #[must_use]
    pub fn mutual_tls(mut self) -> Self {
        self.tls = Some(Demand::ClientCertificate);
        self
    }

    /// Gives the key set to who sends this bearer token, and 401 to others (RFC 6750).
    #[must_use]
    pub fn key_set_for_bearer(mut self, token: &str) -> Self {
        self.key_set_token = Some(token.to_owned());
        self
    }

    /// Starts it, with a good discovery document and no keys yet.
    pub async fn start(self) -> FakeIssuer {
        let address = ("127.0.0.1", self.port);
        let listener = TcpListener::bind(address).await.expect("a port on the loopback interface");
        let address = listener.local_addr().expect("a bound socket has an address");
        let identity = self.tls.map(Identity::new);
        let tls = identity.as_ref().map(|identity| identity.acceptor.clone());
        let scheme = if tls.is_some() { "https" } else { "http" };
        let origin = format!("{scheme}://{}:{}", self.host, address.port());
        let guard = self.key_set_token.as_deref().map(|token| Guard::new(self.key_set_path(), token));
        let script = Script { guard, ..Script::default() };
        let host = Host { script: Arc::new(Mutex::new(script)), tls };
        let door = tokio::sync::Mutex::new(Door::open(listener, host.clone()));
        let (issuer, key_set_path) = (format!("{origin}{}", self.path), self.key_set_path());
        let issuer = FakeIssuer { issuer, origin, key_set_path, address, host, door, identity };
        for form in self.discovery {
            issuer.serve(&form.path(&self.path), Reply::json(&issuer.discovery()));
        }
        issuer
    }

    fn key_set_path(&self) -> String {
        format!("{}{}", self.path.trim_end_matches('/'), FakeIssuer::KEY_SET)
    }
}
