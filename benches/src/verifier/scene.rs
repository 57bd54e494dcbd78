//! The issuer on the loopback interface, its key and its tokens.

use std::sync::Arc;

use anyhow::Context;
use jwksmith_benches::claims::{AUDIENCE, IssuedClaims, LEEWAY_SECONDS, TOKEN_TYPE};
use jwksmith_benches::material::{Material, ROWS, encoded};
use jwksmith_testkit::{FakeIssuer, Reply};
use jwksmith_verifier::{Algorithm, KeySet, Policy};
use serde_json::{Value, json};

/// What everything here is signed with: RS256, 2048 bits, the algorithm of almost every issuer.
pub(crate) const ALGORITHM: Algorithm = Algorithm::RS256;

/// A fresh key for it.
pub(crate) fn key() -> anyhow::Result<Material> {
    let row = ROWS.iter().find(|row| row.name == ALGORITHM.name()).context("no row makes such keys")?;
    Material::generate(row)
}

/// What every verifier here demands of a token.
pub(crate) fn policy(issuer: &str) -> anyhow::Result<Policy> {
    Ok(Policy::new(issuer, AUDIENCE, [ALGORITHM])?.leeway(LEEWAY_SECONDS)?.token_type(TOKEN_TYPE)?)
}

/// An issuer with one key.
pub(crate) struct Scene {
    pub(crate) issuer: FakeIssuer,
    pub(crate) material: Arc<Material>,
    pub(crate) now: u64,
    claims: IssuedClaims,
}

impl Scene {
    pub(crate) async fn new(material: &Arc<Material>, now: u64) -> anyhow::Result<Self> {
        let issuer = FakeIssuer::start().await;
        let claims = material.claims_of(issuer.issuer().to_owned(), now)?;
        let scene = Self { issuer, material: Arc::clone(material), now, claims };
        scene.issuer.serve(FakeIssuer::KEY_SET, scene.key_set_reply());
        Ok(scene)
    }

    pub(crate) fn policy(&self) -> anyhow::Result<Policy> {
        policy(self.issuer.issuer())
    }

    /// The key set as it is served.
    pub(crate) fn key_set_reply(&self) -> Reply {
        Reply::json(&self.key_set_json())
    }

    /// The key set as jose reads it.
    pub(crate) fn key_set(&self) -> anyhow::Result<KeySet> {
        Ok(KeySet::parse(&serde_json::to_vec(&self.key_set_json())?)?)
    }

    fn key_set_json(&self) -> Value {
        json!({ "keys": [self.material.jwk] })
    }

    /// The good token, of 900 bytes.
    pub(crate) fn token(&self) -> anyhow::Result<String> {
        self.material.token(&self.claims)
    }

    /// Tokens that are bad in one thing each, and the things.
    pub(crate) fn bad_tokens(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        const HOUR: u64 = 3_600;
        let (good, stranger) = (&self.claims, "https://stranger.example/");
        let claims = [
            ("a strange issuer", IssuedClaims { iss: stranger.into(), ..good.clone() }),
            ("a strange audience", IssuedClaims { aud: [stranger, stranger], ..good.clone() }),
            ("an expiry in the past", IssuedClaims { exp: self.now - HOUR, ..good.clone() }),
            ("a beginning in the future", IssuedClaims { nbf: self.now + HOUR, ..good.clone() }),
        ];
        let mut bad = Vec::new();
        for (what, claims) in claims {
            bad.push((what, self.material.token(&claims)?));
        }
        let (token, other) = (self.token()?, key()?.token(&self.claims)?);
        let (_, signature) = other.rsplit_once('.').context("a token has a signature")?;
        let (signing_input, _) = token.rsplit_once('.').context("a token has a signature")?;
        bad.push(("the signature of another key", format!("{signing_input}.{signature}")));
        Ok(bad)
    }

    /// Good tokens, no two alike.
    pub(crate) fn tokens(&self, count: u64) -> anyhow::Result<Vec<String>> {
        let issued = |ago| IssuedClaims { iat: self.now - ago, ..self.claims.clone() };
        (0..count).map(|ago| self.material.token(&issued(ago))).collect()
    }

    /// Tokens that are good but for their keys, which nobody has published. Their signature is never looked at.
    pub(crate) fn tokens_of_unknown_keys(&self, count: usize) -> anyhow::Result<Vec<String>> {
        let good = self.token()?;
        let (_, signature) = good.rsplit_once('.').context("a token has a signature")?;
        let claims = encoded(serde_json::to_string(&self.claims)?);
        let of = |number| {
            let header = encoded(self.material.header(&format!("made-up-{number:013}")));
            format!("{header}.{claims}.{signature}")
        };
        Ok((0..count).map(of).collect())
    }

    /// How often the discovery document and the key set were asked for.
    pub(crate) fn fetches(&self) -> Fetches {
        Fetches {
            discovery: self.issuer.requests(FakeIssuer::DISCOVERY),
            key_set: self.issuer.requests(FakeIssuer::KEY_SET),
        }
    }
}

/// What an issuer was asked for.
#[derive(Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Fetches {
    pub(crate) discovery: usize,
    pub(crate) key_set: usize,
}
