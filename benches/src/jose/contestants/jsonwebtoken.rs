//! jsonwebtoken 11 on AWS-LC.

use std::hint::black_box;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};

use super::{Parts, Sign, Verify};
use jwksmith_benches::claims::{
    AUDIENCE, ISSUER, IssuedClaims, KEY_ID, LEEWAY_SECONDS, OwnedClaims, TOKEN_TYPE,
};
use jwksmith_benches::material::{Material, Pair};

pub(super) fn set_up(material: &Material, claims: &IssuedClaims) -> anyhow::Result<Parts> {
    let Ok(algorithm) = material.row.name.parse::<Algorithm>() else { return Ok((None, None)) };
    let jwk: Jwk = serde_json::from_value(material.jwk.clone())?;
    let key = DecodingKey::from_jwk(&jwk)?;
    let validation = validation(algorithm);
    let verify: Verify = Box::new(move |sample| {
        let verified = decode::<OwnedClaims>(black_box(&sample.token), &key, &validation);
        black_box(verified).is_ok()
    });
    Ok((Some(verify), Some(signer(algorithm, material, claims)?)))
}

fn validation(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.leeway = LEEWAY_SECONDS;
    validation.validate_nbf = true;
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation
}

fn signer(algorithm: Algorithm, material: &Material, claims: &IssuedClaims) -> anyhow::Result<Sign> {
    let key = match material.pair.as_ref() {
        Pair::Rsa(..) => EncodingKey::from_rsa_pem(material.private_pem().as_bytes())?,
        Pair::Hmac(_) => EncodingKey::from_secret(&material.private),
        Pair::Ed25519(_) => EncodingKey::from_ed_der(&material.private),
        Pair::Ecdsa(_) | Pair::MlDsa(_) => EncodingKey::from_ec_der(&material.private),
    };
    let mut header = Header::new(algorithm);
    header.kid = Some(KEY_ID.to_owned());
    header.typ = Some(TOKEN_TYPE.to_owned());
    let claims = claims.clone();
    Ok(Box::new(move || Ok(Some(encode(&header, black_box(&claims), &key)?))))
}
