//! A forward proxy that remembers what went through it: plain requests (RFC 9112 §3.2.2) and tunnels (RFC 9110 §9.3.6).
//!
//! Bodies of plain requests are not passed on: nobody fetches a key set with a body.

use std::io;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::reply::send;
use crate::requests::Requests;
use crate::server::{Serving, lock};
use crate::{Reply, Seen};

/// A proxy on a real socket, for tests of proxy settings. It ends when it is dropped.
///
/// It goes wherever it is asked to, and that is meant to be this machine.
pub struct FakeProxy {
    url: String,
    passing: Arc<Passing>,
    /// Dropped, it ends the proxy.
    _serving: Serving,
}

struct Passing {
    /// The `Proxy-Authorization` without which nothing passes.
    authorization: Option<String>,
    seen: Mutex<Vec<Seen>>,
}

impl FakeProxy {
    /// Starts a proxy for everybody.
    pub async fn start() -> Self {
        Self::start_with(None).await
    }

    /// Starts a proxy that answers 407 to who does not name this user and password (RFC 7617).
    pub async fn start_for(user: &str, password: &str) -> Self {
        let credentials = STANDARD.encode(format!("{user}:{password}"));
        Self::start_with(Some(format!("Basic {credentials}"))).await
    }

    /// Its URL, for a client's settings.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many requests and tunnels it was asked for, those it refused included.
    pub fn requests(&self) -> usize {
        lock(&self.passing.seen).len()
    }

    /// Each of them: a request with an absolute URL for its target, or `CONNECT` with a host and port.
    pub fn requests_seen(&self) -> Vec<Seen> {
        lock(&self.passing.seen).clone()
    }

    async fn start_with(authorization: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on the loopback interface");
        let address = listener.local_addr().expect("a bound socket has an address");
        let passing = Arc::new(Passing { authorization, seen: Mutex::default() });
        let shared = Arc::clone(&passing);
        let serving = Serving::start(listener, move |client| serve(client, Arc::clone(&shared)));
        Self { url: format!("http://{address}"), passing, _serving: serving }
    }
}

/// A broken connection ends itself and nothing else.
async fn serve(mut client: TcpStream, passing: Arc<Passing>) {
    let _ = pass(&mut client, &passing).await;
}

async fn pass(client: &mut TcpStream, passing: &Passing) -> io::Result<()> {
    let Some(seen) = Requests::default().next(client).await? else {
        return Ok(());
    };
    lock(&passing.seen).push(seen.clone());
    if let Some(refusal) = passing.refusal(&seen) {
        return refuse(&refusal, &seen, client).await;
    }
    let (authority, path) = destination(&seen);
    let Ok(mut upstream) = TcpStream::connect(authority).await else {
        return refuse(&Reply::status(502), &seen, client).await;
    };
    if seen.method() == "CONNECT" {
        client.write_all(b"HTTP/1.1 200 \r\n\r\n").await?;
    } else {
        upstream.write_all(forwarded(&seen, path).as_bytes()).await?;
    }
    copy_bidirectional(client, &mut upstream).await.map(|_| ())
}

impl Passing {
    fn refusal(&self, seen: &Seen) -> Option<Reply> {
        let known = self.authorization.as_deref();
        if known.is_some() && seen.header("proxy-authorization") != known {
            return Some(Reply::status(407).header("proxy-authenticate", "Basic realm=\"proxy\""));
        }
        let for_a_proxy = seen.method() == "CONNECT" || seen.target().starts_with("http://");
        (!for_a_proxy).then(|| Reply::status(400))
    }
}

async fn refuse(reply: &Reply, seen: &Seen, client: &mut TcpStream) -> io::Result<()> {
    send(reply, seen, client).await?;
    client.shutdown().await
}

/// The host and port to connect to, and what to ask for there.
fn destination(seen: &Seen) -> (String, &str) {
    let target = seen.target().trim_start_matches("http://");
    let (authority, path) = target.split_at(target.find('/').unwrap_or(target.len()));
    let port = if authority.contains(':') { "" } else { ":80" };
    (format!("{authority}{port}"), if path.is_empty() { "/" } else { path })
}

/// The request as it goes on: without what was for the proxy, and alone on its connection, so that the next is seen too.
fn forwarded(seen: &Seen, path: &str) -> String {
    let mut head = format!("{} {path} HTTP/1.1\r\n", seen.method());
    let kept = seen.headers().iter().filter(|(name, _)| !name.starts_with("proxy-") && name != "connection");
    for (name, value) in kept {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head + "connection: close\r\n\r\n"
}
