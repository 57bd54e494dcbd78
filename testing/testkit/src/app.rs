//! A whole authority, as it runs in production, in this process: a real socket, a real SQLite file.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;

use jwksmith_authority::{
    Authority, Issuer, KeyEncryptionKey, MANAGEMENT_SCOPES, NewApi, TenantId, management_audience,
};
use jwksmith_jose::Algorithm;
use jwksmith_server::ServerState;
use jwksmith_server::routes::router;
use jwksmith_store::SqliteStore;
use jwksmith_verifier::Clock as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::ManualClock;

/// An authority with one tenant, one application, and one RS256 API with the scope `read:things`.
pub struct TestApp {
    clock: Arc<ManualClock>,
    issuer: Issuer,
    tenant: TenantId,
    client_id: String,
    client_secret: String,
    data: TempDir,
    running: Running,
    requests: Requests,
    http: reqwest::Client,
}

/// How often each path was asked for.
type Requests = Arc<Mutex<HashMap<String, usize>>>;

struct Running {
    authority: Arc<Authority>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl TestApp {
    /// The audience of its API.
    pub const AUDIENCE: &'static str = "https://api.example/";

    /// Starts one with fresh data, on a port of its own, by this clock.
    pub async fn start(clock: Arc<ManualClock>) -> Self {
        let data = TempDir::new().expect("a temporary folder");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on the loopback interface");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let issuer = format!("http://localhost:{port}/");
        let issuer = Issuer::try_from(issuer.as_str()).expect("a loopback URL is an issuer");
        let (key, text) = KeyEncryptionKey::generate().expect("the system has randomness");
        std::fs::write(data.path().join(KEK_FILE), text.expose())
            .expect("the temporary folder can be written");
        let authority = open(&data, key).await;
        let (tenant, client_id, client_secret) = populate(&authority, &issuer, &clock).await;
        let requests = Requests::default();
        let running = run(listener, authority, &clock, &requests);
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        let http = http.expect("an HTTP client can be made");
        let app = Self { clock, issuer, tenant, client_id, client_secret, data, running, requests, http };
        app.add_api(Self::AUDIENCE, Algorithm::RS256).await;
        app
    }

    /// Stops it, and starts it again on the same port from what it had stored.
    #[must_use]
    pub async fn restart(mut self) -> Self {
        let _ = self.running.stop.send(());
        self.running.task.await.expect("the server stops in good order");
        let port = self.issuer.authority().rsplit(':').next().and_then(|port| port.parse().ok());
        let address = ("127.0.0.1", port.expect("a test authority has a port"));
        let listener = TcpListener::bind(address).await.expect("the port is free again");
        let key = std::fs::read_to_string(self.data.path().join(KEK_FILE)).expect("the key file is there");
        let key = KeyEncryptionKey::parse(&key).expect("the key file is as it was written");
        self.running = run(listener, open(&self.data, key).await, &self.clock, &self.requests);
        self
    }

    /// Adds an API with the scope `read:things`, granted to the application.
    pub async fn add_api(&self, audience: &str, algorithm: Algorithm) {
        let scope = "read:things";
        let api = NewApi { scopes: vec![scope.to_owned()], ..NewApi::new(audience, algorithm) };
        let authority = self.authority();
        authority.ensure_api(&self.tenant, api, self.clock.now()).await.expect("an API can be made");
        authority
            .grant(&self.tenant, &self.client_id, audience, &[scope])
            .await
            .expect("a grant can be made");
    }

    /// The issuer's URL, with its trailing slash.
    pub fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    /// The tenant's id.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The authority itself.
    pub fn authority(&self) -> &Authority {
        &self.running.authority
    }

    /// The application's credentials: client id and secret.
    pub fn credentials(&self) -> (&str, &str) {
        (&self.client_id, &self.client_secret)
    }

    /// How often this path was asked for, by whomever, restarts included.
    pub fn requests(&self, path: &str) -> usize {
        self.requests.lock().expect("nothing panics while it counts").get(path).copied().unwrap_or_default()
    }

    /// An HTTP client that follows no redirects.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The absolute URL of a path, without its leading slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// The audience of the management API.
    pub fn management_audience(&self) -> String {
        management_audience(&self.issuer)
    }

    /// Requests a token for this API over HTTP, as the application.
    pub async fn token(&self, audience: &str) -> String {
        self.scoped_token(audience, None).await
    }

    /// The same with a `scope` parameter.
    pub async fn scoped_token(&self, audience: &str, scope: Option<&str>) -> String {
        let mut request = json!({
            "grant_type": "client_credentials", "client_id": self.client_id, "client_secret": self.client_secret,
            "audience": audience,
        });
        if let Some(scope) = scope {
            request["scope"] = scope.into();
        }
        let answer = self.http.post(self.url("oauth/token")).json(&request).send().await;
        let answer: Value = answer.expect("the server answers").json().await.expect("the answer is JSON");
        let token = answer["access_token"].as_str();
        token.unwrap_or_else(|| panic!("no token for {audience}: {answer}")).to_owned()
    }

    /// The published key set.
    pub async fn key_set(&self) -> Value {
        let answer = self.http.get(self.url(".well-known/jwks.json")).send().await;
        answer.expect("the server answers").json().await.expect("the key set is JSON")
    }

    /// Rotates over the management API; the `kid` of the fresh next key.
    pub async fn rotate(&self) -> String {
        let token = self.token(&self.management_audience()).await;
        let request = self.http.post(self.url("api/v2/keys/signing/rotate")).bearer_auth(token);
        let answer: Value = request.send().await.expect("the server answers").json().await.expect("JSON");
        answer["kid"].as_str().unwrap_or_else(|| panic!("no rotation: {answer}")).to_owned()
    }

    /// Revokes a key over the management API.
    pub async fn revoke(&self, kid: &str) {
        let token = self.token(&self.management_audience()).await;
        let request =
            self.http.put(self.url(&format!("api/v2/keys/signing/{kid}/revoke"))).bearer_auth(token);
        let answer: Value = request.send().await.expect("the server answers").json().await.expect("JSON");
        assert_eq!(answer["kid"], kid, "not revoked: {answer}");
    }
}

const KEK_FILE: &str = "key-encryption-key";

async fn open(data: &TempDir, key: KeyEncryptionKey) -> Arc<Authority> {
    let store = SqliteStore::open(&data.path().join("authority.db")).await.expect("the database opens");
    Arc::new(Authority::open(Arc::new(store), key).await.expect("the authority opens"))
}

async fn populate(authority: &Authority, issuer: &Issuer, clock: &ManualClock) -> (TenantId, String, String) {
    let now = clock.now();
    let tenant = authority.create_tenant(issuer, now).await.expect("a tenant can be made");
    let id = tenant.tenant().id.clone();
    let (client_id, secret) =
        authority.create_application(&id, "test").await.expect("an application can be made");
    let audience = management_audience(issuer);
    authority.grant(&id, &client_id, &audience, &MANAGEMENT_SCOPES).await.expect("a grant can be made");
    (id, client_id, secret.expose().to_owned())
}

fn run(
    listener: TcpListener,
    authority: Arc<Authority>,
    clock: &Arc<ManualClock>,
    requests: &Requests,
) -> Running {
    let (stop, stopped) = oneshot::channel();
    let clock = Arc::clone(clock);
    let count = middleware::from_fn_with_state(Arc::clone(requests), count);
    let router = router(ServerState::new(Arc::clone(&authority), clock)).layer(count);
    let task = tokio::spawn(async move {
        let shutdown = async {
            // A dropped sender stops the server too: the test is over.
            let _ = stopped.await;
        };
        let served = axum::serve(listener, router).with_graceful_shutdown(shutdown);
        served.await.expect("serving ends in good order");
    });
    Running { authority, stop, task }
}

async fn count(State(requests): State<Requests>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    *requests.lock().expect("nothing panics while it counts").entry(path).or_default() += 1;
    next.run(request).await
}
