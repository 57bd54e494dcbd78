//! josekit on OpenSSL.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use josekit::jwk::Jwk;
use josekit::jws::{
    ES256, ES256K, ES384, EdDSA, HS256, JwsHeader, JwsSigner, JwsVerifier, PS256, RS256, RS512,
};
use josekit::jwt::{self, JwtPayload, JwtPayloadValidator};
use serde_json::Value;

use super::{Parts, Sample, Sign, Verify};
use jwksmith_benches::claims::{AUDIENCE, ISSUER, IssuedClaims, KEY_ID, LEEWAY_SECONDS, TOKEN_TYPE};
use jwksmith_benches::material::Material;

pub(super) fn set_up(material: &Material, claims: &IssuedClaims) -> anyhow::Result<Parts> {
    let Some(verifier) = verifier(material)? else { return Ok((None, None)) };
    let validator = validator(claims.iat);
    let verify: Verify = Box::new(move |sample| verify(sample, &*verifier, &validator));
    let sign = if material.row.sign { signer(material)? } else { None };
    let Some(sign) = sign else { return Ok((Some(verify), None)) };
    let (payload, header) = (payload(claims)?, header());
    let sign: Sign =
        Box::new(move || Ok(Some(jwt::encode_with_signer(black_box(&payload), &header, &*sign)?)));
    Ok((Some(verify), Some(sign)))
}

fn verify(sample: &Sample, verifier: &dyn JwsVerifier, validator: &JwtPayloadValidator) -> bool {
    match jwt::decode_with_verifier(black_box(&sample.token), verifier) {
        Ok((payload, _)) => validator.validate(black_box(&payload)).is_ok(),
        Err(_) => false,
    }
}

fn verifier(material: &Material) -> anyhow::Result<Option<Box<dyn JwsVerifier>>> {
    let Ok(jwk) = Jwk::from_bytes(material.jwk.to_string()) else { return Ok(None) };
    Ok(Some(match material.row.name {
        "RS256" => Box::new(RS256.verifier_from_jwk(&jwk)?),
        "RS512" => Box::new(RS512.verifier_from_jwk(&jwk)?),
        "PS256" => Box::new(PS256.verifier_from_jwk(&jwk)?),
        "ES256" => Box::new(ES256.verifier_from_jwk(&jwk)?),
        "ES384" => Box::new(ES384.verifier_from_jwk(&jwk)?),
        "ES256K" => Box::new(ES256K.verifier_from_jwk(&jwk)?),
        "EdDSA" => Box::new(EdDSA.verifier_from_jwk(&jwk)?),
        "HS256" => Box::new(HS256.verifier_from_jwk(&jwk)?),
        _ => return Ok(None),
    }))
}

fn signer(material: &Material) -> anyhow::Result<Option<Box<dyn JwsSigner>>> {
    Ok(Some(match material.row.name {
        "RS256" => Box::new(RS256.signer_from_der(&material.private)?),
        "ES256" => Box::new(ES256.signer_from_der(&material.private)?),
        "EdDSA" => Box::new(EdDSA.signer_from_der(&material.private)?),
        "HS256" => Box::new(HS256.signer_from_bytes(&material.private)?),
        _ => return Ok(None),
    }))
}

fn validator(now: u64) -> JwtPayloadValidator {
    let mut validator = JwtPayloadValidator::new();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
    validator.set_base_time(now);
    validator.set_max_issued_time(now + Duration::from_secs(LEEWAY_SECONDS));
    validator.set_issuer(ISSUER);
    validator.set_audience(AUDIENCE);
    validator
}

fn payload(claims: &IssuedClaims) -> anyhow::Result<JwtPayload> {
    let Value::Object(members) = serde_json::to_value(claims)? else { unreachable!("claims are an object") };
    Ok(JwtPayload::from_map(members)?)
}

fn header() -> JwsHeader {
    let mut header = JwsHeader::new();
    header.set_token_type(TOKEN_TYPE);
    header.set_key_id(KEY_ID);
    header
}
