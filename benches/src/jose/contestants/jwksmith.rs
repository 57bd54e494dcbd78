//! jwksmith-jose, as a caller uses it: a parsed key set, a policy, a time.

use std::cell::RefCell;
use std::hint::black_box;

use anyhow::Context;
use jwksmith_jose::{Algorithm, KeySet, Memory, Policy, SecretBytes, SigningKey, UnixTime, verify_in};
use serde_json::json;

use super::{Parts, Sample, Sign, Verify};
use jwksmith_benches::claims::{
    AUDIENCE, BorrowedClaims, ISSUER, IssuedClaims, KEY_ID, LEEWAY_SECONDS, TOKEN_TYPE,
};
use jwksmith_benches::material::Material;

pub(super) const NOTE: &str =
    "borrowed claims; the type of every registered claim is checked too, and no member stands twice";

pub(super) fn set_up(material: &Material, claims: &IssuedClaims) -> anyhow::Result<Parts> {
    // An algorithm that is not in the table yet is not supported: its cell stays empty.
    let Some(algorithm) = Algorithm::from_name(material.row.name) else { return Ok((None, None)) };
    let sign = if material.row.sign { Some(signer(algorithm, material, claims)?) } else { None };
    Ok((Some(verifier(algorithm, material, claims.iat)?), sign))
}

fn verifier(algorithm: Algorithm, material: &Material, now: u64) -> anyhow::Result<Verify> {
    let key_set = serde_json::to_vec(&json!({ "keys": [material.jwk] }))?;
    let keys = KeySet::parse_local(&key_set).context("jwksmith refuses the key set")?;
    let policy =
        Policy::new(ISSUER, AUDIENCE, [algorithm])?.leeway(LEEWAY_SECONDS)?.token_type(TOKEN_TYPE)?;
    let now = UnixTime::from_seconds(now);
    let memory = RefCell::new(Memory::new());
    Ok(Box::new(move |sample| verify(sample, &mut memory.borrow_mut(), &keys, &policy, now)))
}

/// What is measured: the verification, and the claims as the caller's own type.
fn verify(sample: &Sample, memory: &mut Memory, keys: &KeySet, policy: &Policy, now: UnixTime) -> bool {
    black_box(verify_in::<BorrowedClaims<'_>>(memory, black_box(&sample.token), keys, policy, now)).is_ok()
}

fn signer(algorithm: Algorithm, material: &Material, claims: &IssuedClaims) -> anyhow::Result<Sign> {
    let key = SigningKey::from_private(algorithm, &SecretBytes::from(material.private.clone()))?;
    let (signer, claims) = (key.into_token_signer(Some(KEY_ID), TOKEN_TYPE)?, claims.clone());
    Ok(Box::new(move || Ok(Some(signer.sign(black_box(&claims))?))))
}
