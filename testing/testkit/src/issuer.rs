//! An issuer that answers whatever a test tells it to, and remembers what it was asked.
//!
//! How an answer is broken is `reply`'s, which one is given `script`'s, and the socket `server`'s.

use std::net::SocketAddr;
use std::sync::{Arc, MutexGuard};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::script::{Answers, Script};
use crate::server::{Door, Host, lock};
use crate::tls::Identity;
use crate::{DiscoveryForm, FakeIssuerBuilder, Reply, Seen, TestKey};

/// A scripted issuer on a real socket. It ends when it is dropped, with every connection.
pub struct FakeIssuer {
    pub(crate) issuer: String,
    /// Its URL without any path.
    pub(crate) origin: String,
    pub(crate) key_set_path: String,
    pub(crate) address: SocketAddr,
    pub(crate) host: Host,
    pub(crate) door: tokio::sync::Mutex<Door>,
    pub(crate) identity: Option<Identity>,
}

impl FakeIssuer {
    /// The path of the key set that the discovery document names, after the issuer's own path if it has one.
    pub const KEY_SET: &'static str = "/.well-known/jwks.json";
    /// The path of the discovery document of an issuer without a path.
    pub const DISCOVERY: &'static str = "/.well-known/openid-configuration";

    /// Starts an issuer with a good discovery document and no keys yet, over plain HTTP at `http://127.0.0.1:PORT/`.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Begins an issuer that differs from that.
    pub fn builder() -> FakeIssuerBuilder {
        FakeIssuerBuilder::new()
    }

    /// The issuer's URL, exactly as tokens have it in `iss`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The absolute URL of one of its paths.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// The path of its key set.
    pub fn key_set_path(&self) -> &str {
        &self.key_set_path
    }

    /// The path of its discovery document in this form.
    pub fn discovery_path(&self, form: DiscoveryForm) -> String {
        form.path(self.issuer.strip_prefix(&self.origin).unwrap_or_default())
    }

    /// The good discovery document.
    pub fn discovery(&self) -> Value {
        json!({ "issuer": self.issuer, "jwks_uri": self.url(&self.key_set_path) })
    }

    /// The certificate of the authority that its own certificate is from, for a client to trust.
    pub fn ca_pem(&self) -> &str {
        &self.identity().ca_pem
    }

    /// A client certificate that it accepts and its private key, one PEM after the other.
    pub fn client_identity_pem(&self) -> &str {
        &self.identity().client_pem
    }

    /// Publishes exactly these keys from now on.
    pub fn publish(&self, keys: &[&TestKey]) {
        self.serve(&self.key_set_path, Reply::keys(keys));
    }

    /// Answers `path` like this from now on. What nobody scripted is answered with 404.
    pub fn serve(&self, path: &str, answers: impl Into<Answers>) {
        self.script().answers.insert(path.to_owned(), answers.into());
    }

    /// Answers `path` with one reply after the other; the last one stays.
    pub fn serve_in_turn(&self, path: &str, replies: impl IntoIterator<Item = Reply>) {
        self.serve(path, Answers::in_turn(replies));
    }

    /// Answers `path` with one reply after the other for ever, as replicas that do not agree.
    pub fn flapping(&self, path: &str, replies: impl IntoIterator<Item = Reply>) {
        self.serve(path, Answers::flapping(replies));
    }

    /// Answers every path with 503, until it recovers.
    pub fn outage(&self) {
        self.script().outage = true;
    }

    /// Refuses connections from when this returns, and breaks those that there are. The port stays its own.
    pub async fn unreachable(&self) {
        self.door.lock().await.shut(self.address).await;
    }

    /// Ends an [`Self::outage`], and being [`Self::unreachable`].
    pub async fn recover(&self) {
        self.script().outage = false;
        self.door.lock().await.reopen(self.host.clone());
    }

    /// How often `path` was asked for.
    pub fn requests(&self, path: &str) -> usize {
        self.script().seen.iter().filter(|seen| seen.path() == path).count()
    }

    /// Every request so far, in the order in which they came.
    pub fn requests_seen(&self) -> Vec<Seen> {
        self.script().seen.iter().map(|seen| Seen::clone(seen)).collect()
    }

    /// Every request from now on, as it comes.
    pub fn watch(&self) -> mpsc::UnboundedReceiver<Arc<Seen>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.script().watchers.push(sender);
        receiver
    }

    /// How often `path` was answered with 304 because the client named its entity tag.
    pub fn confirmations(&self, path: &str) -> usize {
        self.script().confirmations.get(path).copied().unwrap_or_default()
    }

    fn identity(&self) -> &Identity {
        self.identity.as_ref().expect("the issuer was started with TLS")
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        lock(&self.host.script)
    }
}
