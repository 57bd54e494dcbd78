//! An issuer that answers whatever a test tells it to, and counts what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::TestKey;

/// A scripted issuer on a real socket.
pub struct FakeIssuer {
    issuer: String,
    script: Arc<Mutex<Script>>,
    task: JoinHandle<()>,
}

/// One answer of a [`FakeIssuer`].
#[derive(Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    gate: Option<Gate>,
}

/// Holds answers back until it is opened.
#[derive(Clone)]
pub struct Gate(Arc<Semaphore>);

#[derive(Default)]
struct Script {
    replies: HashMap<String, Reply>,
    requests: HashMap<String, usize>,
    confirmations: HashMap<String, usize>,
}

impl FakeIssuer {
    /// The path of the key set that the discovery document names.
    pub const KEY_SET: &'static str = "/.well-known/jwks.json";
    /// The path of the discovery document.
    pub const DISCOVERY: &'static str = "/.well-known/openid-configuration";

    /// Starts an issuer with a good discovery document and no keys yet.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on the loopback interface");
        let address = listener.local_addr().expect("a bound socket has an address");
        let script = Arc::new(Mutex::new(Script::default()));
        let app = Router::new().fallback(answer).with_state(Arc::clone(&script));
        let task = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("serving ends with the task only");
        });
        let issuer = Self { issuer: format!("http://{address}/"), script, task };
        issuer.serve(Self::DISCOVERY, Reply::json(&issuer.discovery()));
        issuer
    }

    /// The issuer's URL, with its trailing slash.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The absolute URL of one of its paths.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.trim_end_matches('/'))
    }

    /// The good discovery document.
    pub fn discovery(&self) -> serde_json::Value {
        serde_json::json!({ "issuer": self.issuer, "jwks_uri": self.url(Self::KEY_SET) })
    }

    /// Publishes exactly these keys from now on.
    pub fn publish(&self, keys: &[&TestKey]) {
        self.serve(Self::KEY_SET, Reply::keys(keys));
    }

    /// Answers `path` like this from now on.
    pub fn serve(&self, path: &str, reply: Reply) {
        self.script().replies.insert(path.to_owned(), reply);
    }

    /// How often `path` was asked for.
    pub fn requests(&self, path: &str) -> usize {
        self.script().requests.get(path).copied().unwrap_or_default()
    }

    /// How often `path` was answered with 304.
    pub fn confirmations(&self, path: &str) -> usize {
        self.script().confirmations.get(path).copied().unwrap_or_default()
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        lock(&self.script)
    }
}

impl Drop for FakeIssuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reply {
    /// 200 with this JSON.
    pub fn json(value: &serde_json::Value) -> Self {
        Self::text(&value.to_string()).header("content-type", "application/json")
    }

    /// 200 with a key set.
    pub fn keys(keys: &[&TestKey]) -> Self {
        let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
        Self::json(&serde_json::json!({ "keys": keys }))
    }

    /// 200 with this text.
    pub fn text(body: &str) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.as_bytes().to_vec(), gate: None }
    }

    /// This status and nothing else.
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::text("") }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Held back until the gate opens.
    #[must_use]
    pub fn behind(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    fn response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).expect("a test names a real status");
        for (name, value) in self.headers {
            let name = HeaderName::try_from(name).expect("a test names a real header");
            response
                .headers_mut()
                .insert(name, HeaderValue::try_from(value).expect("a test sends a real value"));
        }
        response
    }
}

impl Gate {
    /// A closed gate.
    pub fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets everything pass from now on.
    pub fn open(&self) {
        self.0.close();
    }

    async fn pass(&self) {
        // A closed semaphore is an open gate: every waiter returns at once.
        let _ = self.0.acquire().await;
    }
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let etag = request.headers().get("if-none-match").cloned();
    let reply = {
        let mut script = lock(&script);
        *script.requests.entry(path.clone()).or_default() += 1;
        script.replies.get(&path).cloned().unwrap_or_else(|| Reply::status(404))
    };
    if let Some(gate) = &reply.gate {
        gate.pass().await;
    }
    let response = reply.response();
    if etag.is_some() && response.headers().get("etag") == etag.as_ref() {
        *lock(&script).confirmations.entry(path).or_default() += 1;
        return Reply::status(304).response();
    }
    response
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().expect("nothing panics while it holds the script")
}
