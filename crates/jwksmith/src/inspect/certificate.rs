//! The facts of certificates: from a file, from `x5c` of a token, from keys (RFC 5280 §4.1).

use jwksmith_jose::{Certificate, CertificateError, UnixTime};
use serde::Serialize;

use super::Shown;
use crate::at;
use crate::facts::{Fact, lines};
use crate::style::{self, paint};
use crate::verdict::{Refused, object};

/// A certificate, or why it cannot be read.
pub(super) type Found = Result<Certificate, CertificateError>;

/// Certificates from a file, PEM or DER.
pub(super) fn shown(bytes: &[u8], now: UnixTime) -> Result<Shown, Refused> {
    let read = match std::str::from_utf8(bytes) {
        Ok(text) => Certificate::all_from_pem(text).map_err(|error| (error.code(), error.to_string())),
        Err(_) => Certificate::from_der(bytes)
            .map(|certificate| vec![certificate])
            .map_err(|error| ("certificate_malformed", error.to_string())),
    };
    let found = read.map_err(|(code, reason)| Refused::new(code, reason))?;
    let found: Vec<Found> = found.into_iter().map(Ok).collect();
    let json = object(&WireCertificates { certificates: wire(&found, now) });
    Ok(Shown { text: text(&found, now), json, warning: None })
}

/// All of them, each under a heading of its own.
pub(super) fn text(found: &[Found], now: UnixTime) -> String {
    let one = |(index, found): (usize, &Found)| {
        let heading = match index {
            0 => "certificate".to_owned(),
            index => format!("certificate {} of the chain", index.saturating_add(1)),
        };
        format!("{}\n{}", paint(style::HEADING, heading), described(found, now))
    };
    found.iter().enumerate().map(one).collect::<Vec<_>>().join("\n\n")
}

/// The facts of one.
pub(super) fn described(found: &Found, now: UnixTime) -> String {
    match found {
        Ok(certificate) => lines(&facts(certificate, now)),
        Err(error) => format!("  {}", paint(style::BAD, error)),
    }
}

fn facts(certificate: &Certificate, now: UnixTime) -> Vec<Fact> {
    let (from, until) = (certificate.not_before(), certificate.not_after());
    let issuer =
        if certificate.is_self_signed() { "itself (self-signed)".to_owned() } else { certificate.issuer() };
    vec![
        Fact::new("subject", certificate.subject()),
        Fact::new("issuer", issuer),
        Fact::new("serial", certificate.serial()),
        Fact::time("valid from", from, now).marked(now < from, "not yet valid"),
        Fact::time("valid until", until, now).marked(until < now, "expired"),
        Fact::new("key", format!("{}, {} bits", certificate.key_family(), certificate.key_bits())),
        Fact::new("signed with", certificate.signature_algorithm()),
        Fact::new("SHA-1", fingerprint(&certificate.sha1())),
        Fact::new("SHA-256", fingerprint(&certificate.sha256())),
    ]
}

/// As people compare them: pairs of digits with colons between.
fn fingerprint(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[derive(Serialize)]
struct WireCertificates {
    certificates: Vec<WireCertificate>,
}

/// One certificate for programs, or why it cannot be read.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum WireCertificate {
    Readable(Box<Readable>),
    Unreadable { error: String },
}

#[derive(Serialize)]
pub(crate) struct Readable {
    subject: String,
    issuer: String,
    serial: String,
    not_before: String,
    not_after: String,
    valid: bool,
    key: String,
    bits: usize,
    signature_algorithm: String,
    self_signed: bool,
    sha1: String,
    sha256: String,
}

/// All of them for programs.
pub(super) fn wire(found: &[Found], now: UnixTime) -> Vec<WireCertificate> {
    let one = |found: &Found| match found {
        Ok(certificate) => WireCertificate::Readable(Box::new(Readable {
            subject: certificate.subject().to_owned(),
            issuer: certificate.issuer(),
            serial: certificate.serial(),
            not_before: at::rfc3339(certificate.not_before()),
            not_after: at::rfc3339(certificate.not_after()),
            valid: certificate.is_valid_at(now),
            key: certificate.key_family().to_string(),
            bits: certificate.key_bits(),
            signature_algorithm: certificate.signature_algorithm(),
            self_signed: certificate.is_self_signed(),
            sha1: fingerprint(&certificate.sha1()),
            sha256: fingerprint(&certificate.sha256()),
        })),
        Err(error) => WireCertificate::Unreadable { error: error.to_string() },
    };
    found.iter().map(one).collect()
}
