//! Puts an answer on the wire (RFC 9112), with all that is wrong with it.

use std::io;

use jwksmith_verifier::{Clock as _, SystemClock};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::{Framing, Manner, Pace, Reply, http_date};
use crate::Seen;

/// What becomes of the connection after an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    KeepAlive,
    Close,
    Reset,
}

/// What pads a body. Written as often as it takes.
const SPACES: &[u8] = &[b' '; 16 * 1024];

/// Answers one request. The time that passes meanwhile is the answer's own wish.
pub(crate) async fn send<W: AsyncWrite + Unpin>(
    reply: &Reply,
    seen: &Seen,
    wire: &mut W,
) -> io::Result<Ending> {
    if let Some(gate) = &reply.gate {
        gate.pass().await;
    }
    match reply.manner {
        Manner::Answers => {}
        Manner::Hangs => std::future::pending().await,
        Manner::Resets => return Ok(Ending::Reset),
    }
    wire.write_all(head(reply, seen).as_bytes()).await?;
    wire.flush().await?;
    if seen.method() != "HEAD" && has_body(reply) {
        body(reply, wire).await?;
    }
    Ok(ending(reply, seen))
}

fn head(reply: &Reply, seen: &Seen) -> String {
    let mut head = format!("HTTP/1.1 {} \r\n", reply.status);
    let mut line = |name: &str, value: &str| head.extend([name, ": ", value, "\r\n"]);
    for (name, value) in &reply.headers {
        line(name, value);
    }
    // RFC 9112 §9.6: or the client would ask its next question of a connection that is being closed.
    if ending(reply, seen) == Ending::Close && reply.value_of("connection").is_none() {
        line("connection", "close");
    }
    if reply.value_of("date").is_none() {
        line("date", &http_date(SystemClock::new().now()));
    }
    if has_body(reply) && !lies_about_length(reply) {
        match reply.framing {
            Framing::ContentLength => line("content-length", &reply.length().to_string()),
            Framing::Chunked => line("transfer-encoding", "chunked"),
            Framing::CutAt(bytes) => line("content-length", &promise(reply, bytes).to_string()),
        }
    }
    head + "\r\n"
}

/// A cut past the end is a promise of one byte that never comes.
fn promise(reply: &Reply, cut_at: usize) -> u64 {
    let cut_at = u64::try_from(cut_at).expect("a length fits in 64 bits");
    reply.length().max(cut_at.saturating_add(1))
}

/// RFC 9110 §6.4.1: these never have one.
fn has_body(reply: &Reply) -> bool {
    !matches!(reply.status, 100..=199 | 204 | 304)
}

async fn body<W: AsyncWrite + Unpin>(reply: &Reply, wire: &mut W) -> io::Result<()> {
    let chunked = matches!(reply.framing, Framing::Chunked) && !lies_about_length(reply);
    for piece in Pieces::of(reply) {
        wait_for_turn(&reply.pace).await;
        if chunked {
            wire.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
        }
        wire.write_all(piece).await?;
        if chunked {
            wire.write_all(b"\r\n").await?;
        }
        wire.flush().await?;
    }
    if chunked {
        wire.write_all(b"0\r\n\r\n").await?;
    }
    wire.flush().await
}

#[expect(clippy::disallowed_methods, reason = "a slow answer is the one thing here that takes real time")]
async fn wait_for_turn(pace: &Pace) {
    match pace {
        Pace::AtOnce => {}
        Pace::Gated { gate, .. } => gate.pass().await,
        Pace::Trickle { pause, .. } => tokio::time::sleep(*pause).await,
    }
}

fn ending(reply: &Reply, seen: &Seen) -> Ending {
    if seen.keeps_alive && !is_cut(reply) && !lies_about_length(reply) {
        Ending::KeepAlive
    } else {
        Ending::Close
    }
}

fn is_cut(reply: &Reply) -> bool {
    matches!(reply.framing, Framing::CutAt(_))
}

fn lies_about_length(reply: &Reply) -> bool {
    reply.value_of("content-length").is_some()
}

/// A body as it is cut up for sending.
struct Pieces<'a> {
    rest: &'a [u8],
    padding_bytes: u64,
    piece_bytes: usize,
}

impl<'a> Pieces<'a> {
    fn of(reply: &'a Reply) -> Self {
        let piece_bytes = match reply.pace {
            Pace::AtOnce => SPACES.len(),
            Pace::Gated { bytes_per_piece, .. } | Pace::Trickle { bytes_per_piece, .. } => bytes_per_piece,
        };
        let piece_bytes = piece_bytes.clamp(1, SPACES.len());
        match reply.framing {
            Framing::CutAt(bytes) => {
                let rest = reply.body.get(..bytes).unwrap_or(&reply.body);
                Self { rest, padding_bytes: 0, piece_bytes }
            }
            _ => Self { rest: &reply.body, padding_bytes: reply.padding_bytes, piece_bytes },
        }
    }

    fn padding(&mut self) -> Option<&'a [u8]> {
        let bytes = usize::try_from(self.padding_bytes).unwrap_or(usize::MAX).min(self.piece_bytes);
        self.padding_bytes = self.padding_bytes.saturating_sub(u64::try_from(bytes).ok()?);
        SPACES.get(..bytes).filter(|piece| !piece.is_empty())
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return self.padding();
        }
        let (piece, rest) = self.rest.split_at(self.rest.len().min(self.piece_bytes));
        self.rest = rest;
        Some(piece)
    }
}
