//! The socket of a scripted issuer: it accepts, it can be shut so that connections are refused, and it opens again on the
//! same port.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::reply::{Ending, send};
use crate::requests::Requests;
use crate::script::Script;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// What a connection is served with.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) script: Arc<Mutex<Script>>,
    pub(crate) tls: Option<TlsAcceptor>,
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

impl Serving {
    /// Serves each connection in a task of its own.
    pub(crate) fn start<S>(listener: TcpListener, serve: impl Fn(TcpStream) -> S + Send + 'static) -> Self
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        Self { stop, task: tokio::spawn(accept(listener, serve, stopped)) }
    }

    /// Returns when the listener and every connection have ended.
    async fn stop(self) {
        drop(self.stop);
        self.task.await.expect("accepting ends in good order");
    }
}

impl Door {
    pub(crate) fn open(listener: TcpListener, host: Host) -> Self {
        Self::Open(Serving::start(listener, move |stream| serve(stream, host.clone())))
    }

    /// Refuses connections from when this returns, and breaks those that were made.
    pub(crate) async fn shut(&mut self, address: SocketAddr) {
        match std::mem::replace(self, Self::Moving) {
            Self::Open(serving) => {
                serving.stop().await;
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

pub(crate) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().expect("nothing panics while it holds the lock")
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // The connections that were just broken linger on this port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn accept<S>(listener: TcpListener, serve: impl Fn(TcpStream) -> S, mut stopped: oneshot::Receiver<()>)
where
    S: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            Ok((stream, _)) = listener.accept() => {
                // Head and pieces leave when they are written, not when the client has confirmed the one before.
                let _ = stream.set_nodelay(true);
                connections.spawn(serve(stream));
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

/// A broken connection is the client's affair, and often the test's wish: errors end it and nothing else.
async fn serve(mut stream: TcpStream, host: Host) {
    let Some(tls) = &host.tls else {
        let ending = converse(&mut stream, &host).await;
        return end(&stream, &ending);
    };
    if let Ok(mut stream) = tls.accept(stream).await {
        let ending = converse(&mut stream, &host).await;
        end(stream.get_ref().0, &ending);
    }
}

fn end(stream: &TcpStream, ending: &io::Result<Ending>) {
    if matches!(ending, Ok(Ending::Reset)) {
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
