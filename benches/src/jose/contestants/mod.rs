//! Who takes part: the raw cryptography, jwksmith, and the peers, each behind the same two closures.
//!
//! A contestant verifies a token with every check that it offers (issuer, audience, expiry, not before) into typed claims,
//! and signs the same claims. [`prove`] holds each to that before anything is timed.

mod josekit;
mod jsonwebtoken;
mod jwksmith;
mod jwt_compact;
mod jwt_simple;
mod raw;

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use jwksmith_benches::claims::IssuedClaims;
use jwksmith_benches::material::Material;

/// A token, with the parts that the raw verification starts from.
pub(crate) struct Sample {
    pub(crate) token: String,
    signing_input_bytes: usize,
    signature: Vec<u8>,
}

/// Whether a token is accepted.
pub(crate) type Verify = Box<dyn FnMut(&Sample) -> bool>;

/// A signed token; the raw cryptography has none, and answers nothing.
pub(crate) type Sign = Box<dyn FnMut() -> anyhow::Result<Option<String>>>;

/// What a contestant can do with a key; nothing where it does not support the algorithm.
type Parts = (Option<Verify>, Option<Sign>);

/// One contestant with one key.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) verify: Option<Verify>,
    pub(crate) sign: Option<Sign>,
}

/// A contestant's part: its name, how it is described, and how it is set up.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    /// The package in the lock file whose version is told.
    pub(crate) package: &'static str,
    /// What it does in this comparison that the reader must know.
    pub(crate) note: &'static str,
    set_up: fn(&Material, &IssuedClaims) -> anyhow::Result<Parts>,
}

/// Everybody, the measure of all first. A new contestant is a row.
pub(crate) const ENTRIES: [Entry; 6] = [
    Entry {
        name: RAW,
        package: "aws-lc-rs",
        note: "a prepared key, the signing input, the decoded signature; no JSON, no base64, no claims",
        set_up: raw::set_up,
    },
    Entry { name: JWKSMITH, package: "jwksmith-jose", note: jwksmith::NOTE, set_up: jwksmith::set_up },
    Entry {
        name: "jsonwebtoken",
        package: "jsonwebtoken",
        note: "with `aws_lc_rs`; owned claims, as it cannot lend them; reads the clock itself",
        set_up: jsonwebtoken::set_up,
    },
    Entry {
        name: "josekit",
        package: "josekit",
        note: "with OpenSSL, vendored; its own map of claims, as it has no typed ones",
        set_up: josekit::set_up,
    },
    Entry {
        name: "jwt-simple",
        package: "jwt-simple",
        note: "with its `pure-rust` backend (RSA would be faster with BoringSSL, whose symbols collide with OpenSSL's); \
               owned claims; takes its options by value",
        set_up: jwt_simple::set_up,
    },
    Entry {
        name: "jwt-compact",
        package: "jwt-compact",
        note: "with the RustCrypto backends; owned claims; issuer and audience are compared by the caller",
        set_up: jwt_compact::set_up,
    },
];

pub(crate) const RAW: &str = "raw aws-lc-rs";
pub(crate) const JWKSMITH: &str = "jwksmith";

impl Sample {
    pub(crate) fn of(token: String) -> anyhow::Result<Self> {
        let (signing_input, signature) = token.rsplit_once('.').unwrap_or_default();
        let (signing_input_bytes, signature) = (signing_input.len(), URL_SAFE_NO_PAD.decode(signature)?);
        Ok(Self { token, signing_input_bytes, signature })
    }

    fn signing_input(&self) -> &[u8] {
        &self.token.as_bytes()[..self.signing_input_bytes]
    }
}

/// Everybody with this key, each proven to verify and to sign.
pub(crate) fn set_up(material: &Material, now: u64) -> anyhow::Result<Vec<Contestant>> {
    let claims = material.claims(now)?;
    let mut contestants = Vec::new();
    for entry in &ENTRIES {
        let (verify, sign) = (entry.set_up)(material, &claims)?;
        let sign = sign.filter(|_| material.row.sign);
        let mut contestant = Contestant { name: entry.name, verify, sign };
        prove(&mut contestant, material, &claims)?;
        contestants.push(contestant);
    }
    Ok(contestants)
}

/// The good token is accepted and every bad one refused, or its times mean nothing.
fn prove(contestant: &mut Contestant, material: &Material, claims: &IssuedClaims) -> anyhow::Result<()> {
    let name = format!("{} with {}", contestant.name, material.row.name);
    if let Some(verify) = &mut contestant.verify {
        let good = Sample::of(material.token(claims)?)?;
        ensure!(verify(&good), "{name} refuses the good token");
        for (what, bad) in tampered(&good)? {
            ensure!(!verify(&bad), "{name} accepts a token with {what}");
        }
        // The raw cryptography has no opinion about claims.
        if contestant.name != RAW {
            for (what, bad) in unacceptable(claims) {
                ensure!(!verify(&Sample::of(material.token(&bad)?)?), "{name} accepts a token with {what}");
            }
        }
        ensure!(verify(&good), "{name} refuses the good token after bad ones");
    }
    if let Some(sign) = &mut contestant.sign
        && let Some(token) = sign()?
    {
        let signed = Sample::of(token)?;
        let verified = material.verifier.verify(signed.signing_input(), &signed.signature);
        ensure!(verified, "{name} signs what does not verify");
    }
    Ok(())
}

/// The token with one character of its claims, and one of its signature, changed.
fn tampered(good: &Sample) -> anyhow::Result<[(&'static str, Sample); 2]> {
    let in_claims = good.token.find('.').unwrap_or_default() + 20;
    let in_signature = good.signing_input_bytes + 20;
    Ok([
        ("tampered claims", Sample::of(with_other_character(&good.token, in_claims))?),
        ("a tampered signature", Sample::of(with_other_character(&good.token, in_signature))?),
    ])
}

fn with_other_character(token: &str, at: usize) -> String {
    let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}

/// Claims that are signed well and must be refused all the same.
fn unacceptable(good: &IssuedClaims) -> [(&'static str, IssuedClaims); 4] {
    const HOUR: u64 = 3_600;
    let stranger = "https://stranger.example/";
    [
        ("a strange issuer", IssuedClaims { iss: stranger.into(), ..good.clone() }),
        ("a strange audience", IssuedClaims { aud: [stranger, stranger], ..good.clone() }),
        ("an expiry in the past", IssuedClaims { exp: good.iat - HOUR, ..good.clone() }),
        ("a beginning in the future", IssuedClaims { nbf: good.iat + HOUR, ..good.clone() }),
    ]
}
