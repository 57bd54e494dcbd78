//! The worst that can be sent: how long the public functions take to refuse it.
//!
//! The 8 MiB rows are what somebody without a limit in front would hand over. The rows at the limits are the largest that
//! is looked at instead of refused by its size, where a careless parser would show. Each is timed call by call.

use std::hint::black_box;

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwksmith_jose::limits::{HEADER_BYTES_MAX, KEY_SET_BYTES_MAX, TOKEN_BYTES_MAX};
use jwksmith_jose::{Algorithm, KeySet, Policy, UnixTime, danger, json, verify};
use serde::{Deserialize, Serialize};
use serde_json::json;

use jwksmith_benches::claims::{AUDIENCE, ISSUER, OwnedClaims};
use jwksmith_benches::material::{Material, ROWS};
use jwksmith_benches::measure::{Spread, singly};

const MEBIBYTE: usize = 1024 * 1024;
const HUGE: usize = 8 * MEBIBYTE;

/// The longest that a refusal of 8 MiB may take.
pub(crate) const REFUSAL_NANOSECONDS_MAX: f64 = 1e6;

const REPEATS: usize = 15;

/// One hostile input and what came of it.
#[derive(Serialize)]
pub(crate) struct Refused {
    pub(crate) input: String,
    pub(crate) bytes: usize,
    pub(crate) answer: String,
    pub(crate) nanoseconds: Spread,
    /// Whether it is one of those of 8 MiB, which the target is about.
    pub(crate) huge: bool,
}

/// One hostile input.
struct Input {
    door: Door,
    what: String,
    text: String,
    huge: bool,
}

/// What a discovery document is read into, as far as it matters here.
#[derive(Deserialize)]
#[expect(dead_code, reason = "reading it is what is measured")]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// Which public function is given the input.
#[derive(Clone, Copy)]
enum Door {
    Token,
    Unverified,
    KeySet,
    Discovery,
}

impl Door {
    fn name(self) -> &'static str {
        match self {
            Self::Token => "verify",
            Self::Unverified => "decode_unverified",
            Self::KeySet => "KeySet::parse",
            Self::Discovery => "json::from_slice",
        }
    }
}

/// Times every hostile input.
pub(crate) fn measure(now: u64) -> anyhow::Result<Vec<Refused>> {
    let scene = Scene::new(now)?;
    inputs(&scene.material)?.iter().map(|input| scene.refused(input)).collect()
}

/// The slowest of those that are as large as 8 MiB.
pub(crate) fn worst(refused: &[Refused]) -> Option<&Refused> {
    let huge = refused.iter().filter(|refused| refused.huge);
    huge.max_by(|left, right| left.nanoseconds.median.total_cmp(&right.nanoseconds.median))
}

const ACCEPTED: &str = "accepted";

struct Scene {
    material: Material,
    keys: KeySet,
    policy: Policy,
    now: UnixTime,
}

impl Scene {
    fn new(now: u64) -> anyhow::Result<Self> {
        let material = Material::generate(&ROWS[0])?;
        let keys = KeySet::parse(&serde_json::to_vec(&json!({ "keys": [material.jwk] }))?)?;
        let policy = Policy::new(ISSUER, AUDIENCE, [Algorithm::RS256])?;
        Ok(Self { material, keys, policy, now: UnixTime::from_seconds(now) })
    }

    fn refused(&self, input: &Input) -> anyhow::Result<Refused> {
        let Input { door, what, text, huge } = input;
        let answer = self.answer(*door, text);
        let input = format!("{}: {what}", door.name());
        ensure!(answer != ACCEPTED, "{input} is accepted");
        let times = singly(&mut || drop(black_box(self.answer(*door, black_box(text)))), REPEATS);
        Ok(Refused { input, bytes: text.len(), answer, nanoseconds: Spread::of(times), huge: *huge })
    }

    /// The code of the refusal.
    fn answer(&self, door: Door, text: &str) -> String {
        let refusal = match door {
            Door::Token => verify::<OwnedClaims>(text, &self.keys, &self.policy, self.now)
                .err()
                .map(|refusal| refusal.code().to_owned()),
            Door::Unverified => {
                danger::decode_unverified(text).err().map(|refusal| refusal.code().to_owned())
            }
            Door::KeySet => KeySet::parse(text.as_bytes()).err().map(|error| error.code().to_owned()),
            Door::Discovery => json::from_slice::<Discovery>(text.as_bytes())
                .err()
                .map(|error| first_words(&error.to_string())),
        };
        refusal.unwrap_or_else(|| ACCEPTED.to_owned())
    }
}

/// Strict JSON has no code of its own: its words are cut to what fits a table.
fn first_words(text: &str) -> String {
    text.split([':', ',']).next().unwrap_or_default().to_owned()
}

fn inputs(material: &Material) -> anyhow::Result<Vec<Input>> {
    let mut inputs = Vec::new();
    let mut add = |door, texts: Vec<(&str, String)>, size: &str| {
        inputs.extend(texts.into_iter().map(|(what, text)| Input {
            door,
            what: format!("{what}, {size}"),
            text,
            huge: size == HUGE_TOLD,
        }));
    };
    add(Door::Token, tokens(HUGE), HUGE_TOLD);
    add(Door::Unverified, tokens(HUGE), HUGE_TOLD);
    add(Door::KeySet, documents(HUGE), HUGE_TOLD);
    add(Door::KeySet, key_sets(HUGE), HUGE_TOLD);
    add(Door::Discovery, documents(HUGE), HUGE_TOLD);
    add(Door::Token, tokens(TOKEN_BYTES_MAX), LIMIT_TOLD);
    add(Door::Token, headers(), "the header's limit");
    add(Door::Token, signed(material)?, LIMIT_TOLD);
    add(Door::KeySet, documents(KEY_SET_BYTES_MAX), LIMIT_TOLD);
    add(Door::KeySet, key_sets(KEY_SET_BYTES_MAX), LIMIT_TOLD);
    Ok(inputs)
}

/// Tokens of exactly `bytes` bytes, or of a few less.
fn tokens(bytes: usize) -> Vec<(&'static str, String)> {
    let header = URL_SAFE_NO_PAD.encode(HEADER);
    let third = "A".repeat((bytes - 2) / 3);
    let header_bytes = (bytes - SIGNATURE_CHARS - 5) / 4 * 3;
    vec![
        ("a token of dots", ".".repeat(bytes)),
        ("a token of `A`", "A".repeat(bytes)),
        ("a token of three segments of `A`", format!("{third}.{third}.{third}")),
        ("a header of nested arrays", with_header(&nested(header_bytes))),
        ("a header of one member over and over", with_header(&repeated_member(header_bytes))),
        ("a header with a long `kid`", with_header(&long_string("kid", header_bytes))),
        ("claims of nested arrays", with_claims(&nested(claims_bytes(bytes)))),
        ("claims of one member over and over", with_claims(&repeated_member(claims_bytes(bytes)))),
        ("claims of one long number", with_claims(&long_number(claims_bytes(bytes)))),
        ("a long signature", format!("{header}.e30.{}", "A".repeat(bytes - header.len() - 5))),
    ]
}

/// Tokens whose header is the longest that is looked at.
fn headers() -> Vec<(&'static str, String)> {
    let of = documents(HEADER_BYTES_MAX).into_iter();
    of.map(|(what, json)| (what, with_header(&json))).collect()
}

/// Tokens of the greatest size whose signature is good, so that their claims are read.
fn signed(material: &Material) -> anyhow::Result<Vec<(&'static str, String)>> {
    let of = documents(claims_bytes(TOKEN_BYTES_MAX)).into_iter();
    of.map(|(what, json)| Ok((what, material.token_of(HEADER, &json)?))).collect()
}

const HUGE_TOLD: &str = "8 MiB";
const LIMIT_TOLD: &str = "the limit";
const HEADER: &str = r#"{"alg":"RS256","kid":"b0PzQ3mT1rXw8LkVn5uYs"}"#;
/// What a signature of a 2048-bit key takes.
const SIGNATURE_CHARS: usize = 342;

fn with_header(json: &str) -> String {
    format!("{}.e30.{}", URL_SAFE_NO_PAD.encode(json), "A".repeat(SIGNATURE_CHARS))
}

fn with_claims(json: &str) -> String {
    let [header, claims] = [HEADER, json].map(|json| URL_SAFE_NO_PAD.encode(json));
    format!("{header}.{claims}.{}", "A".repeat(SIGNATURE_CHARS))
}

/// How many bytes of claims fit a token of `bytes` bytes.
fn claims_bytes(bytes: usize) -> usize {
    (bytes - HEADER.len().div_ceil(3) * 4 - SIGNATURE_CHARS - 2) / 4 * 3
}

/// JSON objects of about `bytes` bytes that are no document.
fn documents(bytes: usize) -> Vec<(&'static str, String)> {
    vec![
        ("nested arrays", nested(bytes)),
        ("one member over and over", repeated_member(bytes)),
        ("many members", many_members(bytes)),
        ("one long string", long_string("keys", bytes)),
        ("one long string of escapes", escapes(bytes)),
        ("one long number", long_number(bytes)),
        ("white space", format!("{{{}}}", " ".repeat(bytes - 2))),
        ("an array of numbers", format!("{{\"a\":[{}0]}}", "0,".repeat((bytes - 9) / 2))),
    ]
}

fn key_sets(bytes: usize) -> Vec<(&'static str, String)> {
    let keys = |one: &str| {
        format!("{{\"keys\":[{}{one}]}}", format!("{one},").repeat((bytes - 20) / (one.len() + 1) - 1))
    };
    vec![
        ("many empty keys", keys("{}")),
        ("many short keys", keys(r#"{"kty":"RSA","kid":"1","n":"AQAB","e":"AQAB"}"#)),
        (
            "one key with a modulus as long as it gets",
            format!(r#"{{"keys":[{{"kty":"RSA","e":"AQAB","n":"{}"}}]}}"#, "A".repeat(bytes - 42)),
        ),
    ]
}

fn nested(bytes: usize) -> String {
    let depth = (bytes - 6) / 2;
    format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth))
}

fn repeated_member(bytes: usize) -> String {
    format!("{{{}\"a\":1}}", "\"a\":1,".repeat((bytes - 7) / 6))
}

fn many_members(bytes: usize) -> String {
    let members: Vec<_> = (0..(bytes - 2) / 13).map(|at| format!("\"{at:08}\":1")).collect();
    format!("{{{}}}", members.join(","))
}

fn long_string(name: &str, bytes: usize) -> String {
    format!("{{\"{name}\":\"{}\"}}", "x".repeat(bytes - name.len() - 7))
}

fn escapes(bytes: usize) -> String {
    format!("{{\"a\":\"{}\"}}", r"\u0061".repeat((bytes - 8) / 6))
}

fn long_number(bytes: usize) -> String {
    format!("{{\"exp\":{}}}", "9".repeat(bytes - 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_as_large_as_they_say() {
        let material = Material::generate(&ROWS[0]).unwrap();
        for Input { door, what, text, huge } in inputs(&material).unwrap() {
            let promised = match door {
                _ if huge => HUGE,
                Door::KeySet => KEY_SET_BYTES_MAX,
                _ if what.contains("header's") => HEADER_BYTES_MAX * 4 / 3 + SIGNATURE_CHARS + 5,
                _ => TOKEN_BYTES_MAX,
            };
            let (bytes, most) = (text.len(), promised + 1);
            assert!((most - 64..=most).contains(&bytes), "{what}: {bytes} of {promised} bytes");
        }
    }
}
