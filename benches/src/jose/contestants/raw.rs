//! The measure of all: one call of the crypto library with a prepared key, on the same bytes.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::ensure;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;

use super::{Parts, Sample, Sign, Verify};
use jwksmith_benches::claims::IssuedClaims;
use jwksmith_benches::material::{Material, Pair, RawVerifier};

pub(super) fn set_up(material: &Material, claims: &IssuedClaims) -> anyhow::Result<Parts> {
    let verifier = material.verifier.clone();
    let verify: Verify = Box::new(move |sample| verify(&verifier, sample));
    let message = Sample::of(material.token(claims)?)?.signing_input().to_vec();
    let signature = material.pair.sign(&message)?;
    ensure!(material.verifier.verify(&message, &signature), "the raw signature does not verify");
    Ok((Some(verify), Some(sign(material.pair.clone(), message, signature.len()))))
}

fn verify(verifier: &RawVerifier, sample: &Sample) -> bool {
    verifier.verify(black_box(sample.signing_input()), black_box(&sample.signature))
}

/// Signs into a buffer that is made once: the raw measure allocates nothing of its own.
fn sign(pair: Arc<Pair>, message: Vec<u8>, signature_bytes: usize) -> Sign {
    let random = SystemRandom::new();
    let mut signature = vec![0; signature_bytes];
    Box::new(move || {
        let message = black_box(message.as_slice());
        match &*pair {
            Pair::Rsa(pair, encoding) => pair.sign(*encoding, &random, message, &mut signature)?,
            Pair::Ecdsa(pair) => drop(black_box(pair.sign(&random, message)?)),
            Pair::Ed25519(pair) => drop(black_box(pair.try_sign(message)?)),
            Pair::Hmac(key) => drop(black_box(hmac::sign(key, message))),
            Pair::MlDsa(pair) => drop(black_box(pair.sign(message, &mut signature)?)),
        }
        black_box(&mut signature);
        Ok(None)
    })
}
