//! The socket of a scripted issuer: it accepts, it can be shut so that connections are refused, and it opens again on the
//! same port.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::reply::{Ending, send};
use crate::requests::Requests;
use crate::script::Script;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// What a connection is served with.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) script: Arc<Mutex<Script>>,
}

/// The way in.
pub(crate) enum Door {
    Open(Serving),
    /// The port is bound, so that nobody else gets it, and nobody listens, so that connections are refused.
    Shut(TcpSocket),
    /// Between the two.
    Moving,
}

/// Dropped, it ends the listener and every connection.
pub(crate) struct Serving {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Door {
    pub(crate) fn open(listener: TcpListener, host: Host) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(accept(listener, host, stopped));
        Self::Open(Serving { stop, task })
    }

    /// Refuses connections from when this returns, and breaks those that were made.
    pub(crate) async fn shut(&mut self, address: SocketAddr) {
        match std::mem::replace(self, Self::Moving) {
            Self::Open(Serving { stop, task }) => {
                drop(stop);
                task.await.expect("accepting ends in good order");
                *self = Self::Shut(bound(address).expect("the port is free again"));
            }
            other => *self = other,
        }
    }

    /// Accepts connections again.
    pub(crate) fn reopen(&mut self, host: Host) {
        match std::mem::replace(self, Self::Moving) {
            Self::Shut(socket) => {
                *self = Self::open(socket.listen(BACKLOG).expect("a bound socket can listen"), host);
            }
            other => *self = other,
        }
    }
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // The connections that were just broken linger on this port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn accept(listener: TcpListener, host: Host, mut stopped: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(serve(stream, host.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn serve(mut stream: TcpStream, host: Host) {
    // Head and pieces leave when they are written, not when the client has confirmed the one before.
    let _ = stream.set_nodelay(true);
    // A broken connection is the client's affair, and often the test's wish.
    if let Ok(Ending::Reset) = converse(&mut stream, &host).await {
        let _ = stream.set_zero_linger();
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, host: &Host) -> io::Result<Ending> {
    let mut requests = Requests::default();
    while let Some(seen) = requests.next(stream).await? {
        let reply = lock(&host.script).answer(seen.clone());
        match send(&reply, &seen, stream).await? {
            Ending::KeepAlive => {}
            Ending::Close => break,
            Ending::Reset => return Ok(Ending::Reset),
        }
    }
    stream.shutdown().await?;
    Ok(Ending::Close)
}

pub(crate) fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().expect("nothing panics while it holds the lock")
}
