//! Reads requests from a connection, one after the other (RFC 9112), with bounds: the heads are parsed by `httparse`.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::Seen;

/// The largest head. A longer one is no request of a verifier.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The largest body. Nothing reads bodies; they are only stepped over.
const BODY_BYTES_MAX: usize = 1024 * 1024;
const HEADERS_MAX: usize = 128;

/// What came over a connection and was not read yet.
#[derive(Default)]
pub(crate) struct Requests {
    unread: Vec<u8>,
}

impl Requests {
    /// The next request, or nothing when the other side is done.
    ///
    /// # Errors
    /// If the connection breaks, or what comes over it is no HTTP/1 request within the bounds.
    pub(crate) async fn next<R: AsyncRead + Unpin>(&mut self, wire: &mut R) -> io::Result<Option<Seen>> {
        let seen = loop {
            if let Some(seen) = self.head()? {
                break seen;
            }
            if wire.read_buf(&mut self.unread).await? == 0 {
                return Ok(None);
            }
        };
        self.skip(seen.body_bytes(), wire).await?;
        Ok(Some(seen))
    }

    fn head(&mut self) -> io::Result<Option<Seen>> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&self.unread).map_err(malformed)? {
            httparse::Status::Complete(bytes) => {
                let seen = seen(&request);
                self.unread.drain(..bytes);
                Ok(Some(seen))
            }
            httparse::Status::Partial if self.unread.len() > HEAD_BYTES_MAX => {
                Err(malformed("a head without end"))
            }
            httparse::Status::Partial => Ok(None),
        }
    }

    async fn skip<R: AsyncRead + Unpin>(&mut self, bytes: usize, wire: &mut R) -> io::Result<()> {
        if bytes > BODY_BYTES_MAX {
            return Err(malformed("a body over its limit"));
        }
        while self.unread.len() < bytes {
            if wire.read_buf(&mut self.unread).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        self.unread.drain(..bytes);
        Ok(())
    }
}

fn seen(request: &httparse::Request<'_, '_>) -> Seen {
    let mut seen = Seen {
        method: request.method.unwrap_or_default().to_owned(),
        target: request.path.unwrap_or_default().to_owned(),
        headers: request.headers.iter().map(header).collect(),
        keeps_alive: false,
    };
    seen.keeps_alive = request.version == Some(1) && !is_last(&seen);
    seen
}

/// Whether nothing can be read after it: its sender says so, or its chunked body would be taken for the next request.
fn is_last(seen: &Seen) -> bool {
    let says = |name, value: &str| seen.header(name).is_some_and(|sent| sent.eq_ignore_ascii_case(value));
    says("connection", "close") || says("transfer-encoding", "chunked")
}

fn header(header: &httparse::Header<'_>) -> (String, String) {
    (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned())
}

fn malformed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
