//! The target `token`: a compact token, as it is, or made of a header and claims that the target signs.
//!
//! An input that begins with `{` is the header up to the first line break, and behind it the claims. Nobody finds a
//! signature by trying, so this is how what comes after the signature is reached.

use jwksmith_jose::{KeySet, Token, base64url_encode, danger, preflight, verify};
use serde::de::IgnoredAny;

use crate::agreement::judged;
use crate::fixed::{DEMANDS, Demand, KEYS, NOW, SIGNERS, Signer, signers};
use crate::messages::is_fit_for_a_log_about;

/// Judges a token by every policy, and in every way.
pub fn token(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    match parts(text) {
        Some((header, claims)) => of_parts(header, claims),
        None => as_it_is(text, &KEYS),
    }
}

/// The header and the claims, if the input has them apart.
pub(crate) fn parts(text: &str) -> Option<(&str, &str)> {
    text.starts_with('{').then(|| text.split_once('\n'))?
}

fn as_it_is(token: &str, keys: &KeySet) {
    let read = Token::parse(token).map(drop);
    if let Err(refusal) = &read {
        is_fit_for_a_log_about(&refusal.to_string(), token);
    }
    if let Err(refusal) = danger::decode_unverified(token) {
        is_fit_for_a_log_about(&refusal.to_string(), token);
    }
    for Demand { policy, .. } in &*DEMANDS {
        if let Err(refusal) = preflight(token, policy, NOW) {
            is_fit_for_a_log_about(&refusal.to_string(), token);
        }
        let judged = judged(token, keys, policy);
        assert!(judged.is_err() || read.is_ok(), "accepted without the form of a token");
    }
}

fn of_parts(header: &str, claims: &str) {
    let (signing_input, signer, keys) = (signing_input(header, claims), signer_for(header), signers());
    as_it_is(&signed_parts(header, claims), &keys);
    let others = SIGNERS.iter().filter(|other| other.algorithm != signer.algorithm);
    let others = others.map(|other| other.signature(&signing_input));
    for signature in others.chain(alterations(&signer.signature(&signing_input))) {
        is_refused(&format!("{signing_input}.{}", base64url_encode(signature)), &keys);
    }
}

fn signing_input(header: &str, claims: &str) -> String {
    format!("{}.{}", base64url_encode(header), base64url_encode(claims))
}

/// The token of this header and these claims.
pub(crate) fn signed_parts(header: &str, claims: &str) -> String {
    let signing_input = signing_input(header, claims);
    let signature = signer_for(header).signature(&signing_input);
    format!("{signing_input}.{}", base64url_encode(signature))
}

/// The signer for the algorithm that the header names, or the first.
fn signer_for(header: &str) -> &'static Signer {
    let header = Token::parse(&format!("{}.e30.AA", base64url_encode(header)));
    let algorithm = header.map(|token| token.header().algorithm());
    let [first, ..] = &*SIGNERS;
    SIGNERS.iter().find(|signer| algorithm == Ok(signer.algorithm)).unwrap_or(first)
}

/// Signatures that are near the right one.
fn alterations(right: &[u8]) -> [Vec<u8>; 4] {
    let (last, head) = right.split_last().expect("a signature has bytes");
    let flipped = [head, &[last ^ 1]].concat();
    [Vec::new(), head.to_vec(), [right, &[0]].concat(), flipped]
}

/// The keys remember the header from the good signature by now, which must not help another one.
fn is_refused(token: &str, keys: &KeySet) {
    for Demand { policy, .. } in &*DEMANDS {
        let answer = verify::<IgnoredAny>(token, keys, policy, NOW);
        assert!(answer.is_err(), "another signature was accepted");
    }
}
