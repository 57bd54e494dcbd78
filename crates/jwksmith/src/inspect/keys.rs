//! The keys of a set, or one JWK: what each is, and why it is not used if it is not.

use jwksmith_jose::UnixTime;
use jwksmith_jose::describe::{self, DescribedKey};
use serde::Serialize;

use super::Shown;
use super::certificate::{self, WireCertificate};
use crate::facts::{Fact, lines};
use crate::output::printable;
use crate::style::{self, paint};
use crate::verdict::{Refused, object};

pub(super) fn shown(bytes: &[u8], now: UnixTime) -> Result<Shown, Refused> {
    let keys = describe::keys(bytes).map_err(|error| Refused::new(error.code(), error.to_string()))?;
    Ok(Shown { text: text(&keys, now), json: json(&keys, now), warning: None })
}

/// Each key under a heading of its own, its certificates below it.
pub(crate) fn text(keys: &[DescribedKey], now: UnixTime) -> String {
    if keys.is_empty() {
        return "the key set is empty".to_owned();
    }
    let one = |(index, key): (usize, &DescribedKey)| {
        let heading = paint(style::HEADING, format_args!("key {index}"));
        let certificates = match key.certificates.as_slice() {
            [] => String::new(),
            found => format!("\n\n{}", certificate::text(found, now)),
        };
        format!("{heading}\n{}{}{certificates}", lines(&facts(key)), unusable(key))
    };
    keys.iter().enumerate().map(one).collect::<Vec<_>>().join("\n\n")
}

fn facts(key: &DescribedKey) -> Vec<Fact> {
    let given = [
        ("kid", key.key_id.clone()),
        ("kind", key.kind.clone()),
        ("alg", key.algorithm.clone()),
        ("use", key.public_key_use.clone()),
        ("bits", key.bits.map(|bits| bits.to_string())),
        ("thumbprint", key.thumbprint.as_ref().map(ToString::to_string)),
    ];
    given
        .into_iter()
        .map(|(label, value)| Fact::new(label, value.unwrap_or_else(|| "-".to_owned())))
        .collect()
}

/// Why no token can be verified with it.
fn unusable(key: &DescribedKey) -> String {
    let Some(reason) = &key.skipped else { return String::new() };
    let reason = printable(&format!("{reason} ({})", reason.code()));
    format!("\n  {} {reason}", paint(style::BAD, "not used:"))
}

fn json(keys: &[DescribedKey], now: UnixTime) -> String {
    object(&WireKeys { keys: wire(keys, now) })
}

/// Each key for programs.
pub(crate) fn wire(keys: &[DescribedKey], now: UnixTime) -> Vec<WireKey<'_>> {
    keys.iter().enumerate().map(|(index, key)| WireKey::new(index, key, now)).collect()
}

#[derive(Serialize)]
struct WireKeys<'a> {
    keys: Vec<WireKey<'a>>,
}

/// A key for programs; what it does not have is null.
#[derive(Serialize)]
pub(crate) struct WireKey<'a> {
    index: usize,
    kid: Option<&'a str>,
    kind: Option<&'a str>,
    alg: Option<&'a str>,
    #[serde(rename = "use")]
    public_key_use: Option<&'a str>,
    bits: Option<usize>,
    thumbprint: Option<String>,
    usable: bool,
    code: Option<&'static str>,
    reason: Option<String>,
    certificates: Vec<WireCertificate>,
}

impl<'a> WireKey<'a> {
    fn new(index: usize, key: &'a DescribedKey, now: UnixTime) -> Self {
        let skipped = key.skipped.as_ref();
        Self {
            index,
            kid: key.key_id.as_deref(),
            kind: key.kind.as_deref(),
            alg: key.algorithm.as_deref(),
            public_key_use: key.public_key_use.as_deref(),
            bits: key.bits,
            thumbprint: key.thumbprint.as_ref().map(ToString::to_string),
            usable: skipped.is_none(),
            code: skipped.map(jwksmith_jose::SkipReason::code),
            reason: skipped.map(ToString::to_string),
            certificates: certificate::wire(&key.certificates, now),
        }
    }
}
