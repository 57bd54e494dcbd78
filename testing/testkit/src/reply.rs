//! One answer, in any state of disrepair: what it says, and how it is sent.
//!
//! It is written byte by byte and not by an HTTP library, because a library would not lie about a length, stop in the middle
//! of a body, or leave without a word. Which answer a request gets is `script`'s.

use std::sync::Arc;
use std::time::Duration;

use jwksmith_jose::{Algorithm, UnixTime};
use serde_json::{Value, json};

use crate::{Gate, TestKey, gzip};

mod send;

pub(crate) use send::{Ending, send};

/// One answer of a [`FakeIssuer`](crate::FakeIssuer).
///
/// It begins with what it says ([`Self::json`], [`Self::keys`], [`Self::status`], …) and goes on with what is wrong with it.
///
/// ```
/// use jwksmith_testkit::{Gate, Reply};
///
/// let gate = Gate::closed();
/// let busy = Reply::status(503).retry_after("120");
/// let late = Reply::text(r#"{"keys":[]}"#).content_type("text/html").behind(&gate);
/// let lost = Reply::text(r#"{"keys":[]}"#).truncated(4);
/// ```
#[derive(Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Arc<[u8]>,
    /// So many spaces follow the body. They are never in memory.
    padding_bytes: u64,
    framing: Framing,
    pace: Pace,
    gate: Option<Gate>,
    manner: Manner,
}

/// How the reader can tell where the body ends.
#[derive(Clone, Copy)]
enum Framing {
    ContentLength,
    Chunked,
    /// By a `Content-Length` that is not kept: only so many bytes come.
    CutAt(usize),
}

#[derive(Clone)]
enum Pace {
    AtOnce,
    Gated { bytes_per_piece: usize, gate: Gate },
    Trickle { bytes_per_piece: usize, pause: Duration },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Answers,
    Hangs,
    Resets,
}

impl Reply {
    /// 200 with this JSON.
    pub fn json(value: &Value) -> Self {
        Self::text(&value.to_string()).content_type("application/json")
    }

    /// 200 with a key set.
    pub fn keys(keys: &[&TestKey]) -> Self {
        let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
        Self::json(&json!({ "keys": keys }))
    }

    /// 200 with this text and no content type.
    pub fn text(body: &str) -> Self {
        Self::bytes(body.as_bytes())
    }

    /// 200 with these bytes and no content type.
    pub fn bytes(body: &[u8]) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: body.into(),
            padding_bytes: 0,
            framing: Framing::ContentLength,
            pace: Pace::AtOnce,
            gate: None,
            manner: Manner::Answers,
        }
    }

    /// This status and nothing else.
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::text("") }
    }

    /// A redirect with this status to this place.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::status(status).header("location", location)
    }

    /// No answer at all: the request is read, and the connection stays open until the issuer ends.
    pub fn hang() -> Self {
        Self { manner: Manner::Hangs, ..Self::text("") }
    }

    /// No answer at all: the request is read, and the connection is reset (a TCP RST).
    pub fn reset() -> Self {
        Self { manner: Manner::Resets, ..Self::text("") }
    }

    /// With this status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// With this header, in place of one of the same name.
    ///
    /// A `Content-Length` is sent as it is given, whatever the length of the body; the connection is closed after it.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(present, _)| !present.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this `Content-Type`.
    #[must_use]
    pub fn content_type(self, media_type: &str) -> Self {
        self.header("content-type", media_type)
    }

    /// With this `Cache-Control`.
    #[must_use]
    pub fn cache_control(self, directives: &str) -> Self {
        self.header("cache-control", directives)
    }

    /// With this `ETag`, quotes included. A 200 with an entity tag answers a request that has it already with 304.
    #[must_use]
    pub fn etag(self, etag: &str) -> Self {
        self.header("etag", etag)
    }

    /// With this `Retry-After`: seconds, a date, or what a test wants to see refused.
    #[must_use]
    pub fn retry_after(self, value: &str) -> Self {
        self.header("retry-after", value)
    }

    /// With this `Age`: the answer comes from a cache that has had it for so long.
    #[must_use]
    pub fn age(self, seconds: u64) -> Self {
        self.header("age", &seconds.to_string())
    }

    /// With this `Last-Modified`.
    #[must_use]
    pub fn last_modified(self, time: UnixTime) -> Self {
        self.header("last-modified", &http_date(time))
    }

    /// With this `Expires`.
    #[must_use]
    pub fn expires(self, time: UnixTime) -> Self {
        self.header("expires", &http_date(time))
    }

    /// With this `Date` in place of the true one: the issuer's clock is wrong.
    #[must_use]
    pub fn date(self, time: UnixTime) -> Self {
        self.header("date", &http_date(time))
    }

    /// With so many more keys in its key set, which sign nothing. They share their material and differ in their `kid`.
    #[must_use]
    pub fn many_keys(mut self, count: usize) -> Self {
        let mut set: Value = serde_json::from_slice(&self.body).expect("many_keys follows a key set");
        let mut key = json!(TestKey::generate(Algorithm::ES256, "").jwk());
        let keys = set["keys"].as_array_mut().expect("many_keys follows a key set");
        keys.extend((0..count).map(|number| {
            key["kid"] = format!("extra-{number}").into();
            key.clone()
        }));
        self.body = set.to_string().into_bytes().into();
        self
    }

    /// Padded with spaces to this size and sent in chunks, so that no `Content-Length` warns of it.
    ///
    /// JSON stays JSON: who reads it all finds what the body says.
    #[must_use]
    pub fn huge(mut self, bytes: u64) -> Self {
        self.padding_bytes = bytes.saturating_sub(length(&self.body));
        self.framing = Framing::Chunked;
        self
    }

    /// Compressed.
    #[must_use]
    pub fn gzip(self) -> Self {
        self.gzip_bomb(0)
    }

    /// Padded with spaces to this size and compressed to a thousandth of it.
    #[must_use]
    pub fn gzip_bomb(mut self, inflated_bytes: u64) -> Self {
        let padding = inflated_bytes.saturating_sub(length(&self.body));
        self.body = gzip::compressed(&self.body, padding).into();
        self.header("content-encoding", "gzip")
    }

    /// Only the first `bytes` of the body come, though its `Content-Length` promises more; then the connection is closed.
    #[must_use]
    pub fn truncated(mut self, bytes: usize) -> Self {
        self.framing = Framing::CutAt(bytes);
        self
    }

    /// Held back, status and all, until the gate lets it pass.
    #[must_use]
    pub fn behind(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// The head comes at once, and each piece of the body when the gate lets one pass.
    #[must_use]
    pub fn pieces_behind(mut self, bytes_per_piece: usize, gate: &Gate) -> Self {
        self.pace = Pace::Gated { bytes_per_piece, gate: gate.clone() };
        self
    }

    /// The head comes at once, and each piece of the body after this pause, by the real clock.
    #[must_use]
    pub fn trickle(mut self, bytes_per_piece: usize, pause: Duration) -> Self {
        self.pace = Pace::Trickle { bytes_per_piece, pause };
        self
    }

    /// The 304 of a client that has this already. It says nothing else, and comes when this one would have come.
    pub(crate) fn confirmation(&self) -> Self {
        Self { gate: self.gate.clone(), ..Self::status(304) }
    }

    /// What a client may hold against the same answer later.
    pub(crate) fn confirmable_by(&self) -> Option<&str> {
        self.value_of("etag").filter(|_| self.status == 200)
    }

    fn value_of(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(present, _)| present.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn length(&self) -> u64 {
        length(&self.body).saturating_add(self.padding_bytes)
    }
}

fn length(body: &[u8]) -> u64 {
    u64::try_from(body.len()).expect("a length fits in 64 bits")
}

/// A time as HTTP writes it (RFC 9110 §5.6.7).
fn http_date(time: UnixTime) -> String {
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(time.as_seconds()))
}
