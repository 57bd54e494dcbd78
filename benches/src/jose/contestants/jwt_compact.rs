//! jwt-compact with its backends in Rust.
//!
//! It knows `exp`, `nbf` and `iat`; issuer and audience are the caller's, who is this file.

use std::borrow::Cow;
use std::hint::black_box;

use chrono::{DateTime, Duration, Utc};
use jwt_compact::alg::{Ed25519, Es256, Es256k, Hs256, Hs256Key, Rsa, RsaPrivateKey, SigningKey};
use jwt_compact::jwk::JsonWebKey;
use jwt_compact::{Algorithm, AlgorithmExt as _, Claims, Header, TimeOptions, UntrustedToken};
use pkcs8::DecodePrivateKey as _;
use serde::Deserialize;

use super::{Parts, Sample, Sign, Verify};
use jwksmith_benches::claims::{
    AUDIENCE, ISSUER, IssuedClaims, KEY_ID, LEEWAY_SECONDS, OwnedCustomClaims, TOKEN_TYPE,
};
use jwksmith_benches::material::Material;

#[derive(Deserialize)]
struct CheckedClaims {
    iss: String,
    aud: Vec<String>,
    #[serde(flatten)]
    custom: OwnedCustomClaims,
}

pub(super) fn set_up(material: &Material, claims: &IssuedClaims) -> anyhow::Result<Parts> {
    let verify = match material.row.name {
        "RS256" => verifier(Rsa::rs256(), material, claims)?,
        "RS512" => verifier(Rsa::rs512(), material, claims)?,
        "PS256" => verifier(Rsa::ps256(), material, claims)?,
        "ES256" => verifier(Es256, material, claims)?,
        "ES256K" => verifier(<Es256k>::default(), material, claims)?,
        "EdDSA" => verifier(Ed25519, material, claims)?,
        "HS256" => verifier(Hs256, material, claims)?,
        _ => return Ok((None, None)),
    };
    let scalar = material.scalar.as_deref().unwrap_or_default();
    let sign = match material.row.name {
        "RS256" => signer(Rsa::rs256(), RsaPrivateKey::from_pkcs8_der(&material.private)?, claims)?,
        "ES256" => signer(Es256, SigningKey::<Es256>::from_slice(scalar)?, claims)?,
        "EdDSA" => signer(Ed25519, SigningKey::<Ed25519>::from_slice(scalar)?, claims)?,
        "HS256" => signer(Hs256, Hs256Key::new(&material.private), claims)?,
        _ => return Ok((Some(verify), None)),
    };
    Ok((Some(verify), Some(sign)))
}

fn verifier<A>(algorithm: A, material: &Material, claims: &IssuedClaims) -> anyhow::Result<Verify>
where
    A: Algorithm + 'static,
    A::VerifyingKey: for<'a, 'b> TryFrom<&'a JsonWebKey<'b>, Error: std::fmt::Display> + 'static,
{
    let jwk: JsonWebKey<'_> = serde_json::from_value(material.jwk.clone())?;
    let key = A::VerifyingKey::try_from(&jwk).map_err(|error| anyhow::anyhow!("{error}"))?;
    let now = date(claims.iat)?;
    let times = TimeOptions::new(Duration::seconds(i64::try_from(LEEWAY_SECONDS)?), move || now);
    Ok(Box::new(move |sample| verify(sample, &algorithm, &key, &times).is_some()))
}

fn verify<A: Algorithm>(
    sample: &Sample,
    algorithm: &A,
    key: &A::VerifyingKey,
    times: &TimeOptions<impl Fn() -> DateTime<Utc>>,
) -> Option<()> {
    let token = UntrustedToken::new(black_box(sample.token.as_str())).ok()?;
    let token = algorithm.validator::<CheckedClaims>(key).validate(&token).ok()?;
    let claims = token.claims();
    claims.validate_expiration(times).ok()?.validate_maturity(times).ok()?;
    let accepted = claims.custom.iss == ISSUER && claims.custom.aud.iter().any(|named| named == AUDIENCE);
    black_box(&claims.custom.custom);
    accepted.then_some(())
}

fn signer<A>(algorithm: A, key: A::SigningKey, issued: &IssuedClaims) -> anyhow::Result<Sign>
where
    A: Algorithm + 'static,
    A::SigningKey: 'static,
{
    /// The claims beside the times, as the issuer writes them.
    #[derive(serde::Serialize)]
    struct Rest {
        iss: Cow<'static, str>,
        aud: [&'static str; 2],
        #[serde(flatten)]
        custom: jwksmith_benches::claims::CustomClaims,
    }
    let mut claims = Claims::new(Rest { iss: issued.iss.clone(), aud: issued.aud, custom: issued.custom() });
    claims.issued_at = Some(date(issued.iat)?);
    claims.not_before = Some(date(issued.nbf)?);
    claims.expiration = Some(date(issued.exp)?);
    let header = Header::empty().with_key_id(KEY_ID).with_token_type(TOKEN_TYPE);
    Ok(Box::new(move || Ok(Some(algorithm.token(&header, black_box(&claims), &key)?))))
}

fn date(seconds: u64) -> anyhow::Result<DateTime<Utc>> {
    DateTime::from_timestamp(i64::try_from(seconds)?, 0)
        .ok_or_else(|| anyhow::anyhow!("not a time: {seconds}"))
}
