//! jwt-simple with its backend in Rust.

use std::collections::HashSet;
use std::hint::black_box;

use jwt_simple::prelude::*;

use super::{Parts, Sign, Verify};
use jwksmith_benches::claims::{
    AUDIENCE, CustomClaims, ISSUER, IssuedClaims, KEY_ID, LEEWAY_SECONDS, OwnedCustomClaims, TOKEN_TYPE,
};
use jwksmith_benches::material::Material;

pub(super) fn set_up(material: &Material, claims: &IssuedClaims) -> anyhow::Result<Parts> {
    let options = options(claims.iat);
    let jwk = material.jwk.to_string();
    /// The methods have one name, but each kind of key has them from a trait of its own.
    macro_rules! verify {
        ($key:expr) => {{
            let key = $key;
            Box::new(move |sample: &super::Sample| {
                let token = black_box(&sample.token);
                black_box(key.verify_token::<OwnedCustomClaims>(token, Some(options.clone()))).is_ok()
            })
        }};
    }
    let verify: Verify = match material.row.name {
        "RS256" => verify!(RS256PublicKey::from_jwk(&jwk)?),
        "RS512" => verify!(RS512PublicKey::from_jwk(&jwk)?),
        "PS256" => verify!(PS256PublicKey::from_jwk(&jwk)?),
        "ES256" => verify!(ES256PublicKey::from_jwk(&jwk)?),
        "ES384" => verify!(ES384PublicKey::from_jwk(&jwk)?),
        "ES256K" => verify!(ES256kPublicKey::from_jwk(&jwk)?),
        "EdDSA" => verify!(Ed25519PublicKey::from_jwk(&jwk)?),
        "HS256" => verify!(HS256Key::from_bytes(&material.private)),
        "ML-DSA-65" => verify!(MLDSA65PublicKey::from_jwk(&jwk)?),
        _ => return Ok((None, None)),
    };
    Ok((Some(verify), signer(material, claims)?))
}

fn signer(material: &Material, claims: &IssuedClaims) -> anyhow::Result<Option<Sign>> {
    let claims = jwt_claims(claims);
    let header = HeaderOptions { signature_type: Some(TOKEN_TYPE.to_owned()), ..HeaderOptions::default() };
    macro_rules! sign {
        ($key:expr, $method:ident) => {{
            let key = $key.with_key_id(KEY_ID);
            // Claims are taken by value, so that a caller who signs them twice copies them once.
            Box::new(move || Ok(Some(key.$method(black_box(claims.clone()), &header)?)))
        }};
    }
    Ok(Some(match material.row.name {
        "RS256" => sign!(RS256KeyPair::from_pem(&material.private_pem())?, sign_with_options),
        "ES256" => sign!(ES256KeyPair::from_der(&material.private)?, sign_with_options),
        "EdDSA" => sign!(Ed25519KeyPair::from_der(&material.private)?, sign_with_options),
        "HS256" => sign!(HS256Key::from_bytes(&material.private), authenticate_with_options),
        _ => return Ok(None),
    }))
}

fn options(now: u64) -> VerificationOptions {
    VerificationOptions {
        allowed_issuers: Some(HashSet::from([ISSUER.to_owned()])),
        allowed_audiences: Some(HashSet::from([AUDIENCE.to_owned()])),
        required_signature_type: Some(TOKEN_TYPE.to_owned()),
        time_tolerance: Some(Duration::from_secs(LEEWAY_SECONDS)),
        artificial_time: Some(UnixTimeStamp::from_secs(now)),
        ..VerificationOptions::default()
    }
}

fn jwt_claims(issued: &IssuedClaims) -> JWTClaims<CustomClaims> {
    let lifetime = Duration::from_secs(issued.exp - issued.iat);
    let mut claims = Claims::with_custom_claims(issued.custom(), lifetime).with_issuer(&issued.iss);
    claims = claims.with_audiences(HashSet::from(issued.aud.map(str::to_owned)));
    claims.issued_at = Some(UnixTimeStamp::from_secs(issued.iat));
    claims.invalid_before = Some(UnixTimeStamp::from_secs(issued.nbf));
    claims.expires_at = Some(UnixTimeStamp::from_secs(issued.exp));
    claims
}
