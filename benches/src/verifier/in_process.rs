//! Many issuers without a network: a transport that answers from memory, and their tokens.

use std::sync::Arc;

use anyhow::ensure;
use http::HeaderMap;
use jwksmith_benches::material::Material;
use jwksmith_verifier::{Fetching, Request, Response, Transport, TrustedIssuer, Verifier, VerifierBuilder};
use serde_json::{Value, json};

use crate::scene;

/// How many keys an issuer publishes: two that sign, two that did, and one to come.
pub(crate) const KEYS: usize = 5;

/// Answers for every issuer: each publishes the same keys under names of its own.
pub(crate) struct InProcess {
    keys: Vec<Arc<Material>>,
}

impl InProcess {
    pub(crate) fn new(keys: Vec<Arc<Material>>) -> Arc<Self> {
        Arc::new(Self { keys })
    }

    /// The discovery document and the key set of an issuer.
    pub(crate) fn documents(&self, issuer: &str) -> [Value; 2] {
        let keys: Vec<_> =
            self.keys.iter().enumerate().map(|(at, key)| named(&key.jwk, at, issuer)).collect();
        [json!({ "issuer": issuer, "jwks_uri": format!("{issuer}{KEY_SET}") }), json!({ "keys": keys })]
    }

    /// A good token of an issuer.
    pub(crate) fn token(&self, issuer: &str, now: u64) -> anyhow::Result<String> {
        ensure!(!self.keys.is_empty(), "there is no key to sign with");
        let key = &self.keys[0];
        let claims = serde_json::to_string(&key.claims_of(issuer.to_owned(), now)?)?;
        key.token_of(&key.header(&key_id(0, issuer)), &claims)
    }

    fn answer(&self, request: &Request) -> Response {
        let mut issuer = request.url.clone();
        issuer.set_path("/");
        let [discovery, key_set] = self.documents(issuer.as_str());
        let document = if request.url.path().ends_with(KEY_SET) { key_set } else { discovery };
        Response { status: 200, headers: HeaderMap::new(), body: document.to_string().into_bytes() }
    }
}

impl Transport for InProcess {
    fn get<'a>(&'a self, request: &'a Request) -> Fetching<'a> {
        Box::pin(async move { Ok(self.answer(request)) })
    }
}

/// Where an issuer's key set is, below its URL.
pub(crate) const KEY_SET: &str = ".well-known/jwks.json";

fn named(jwk: &Value, at: usize, issuer: &str) -> Value {
    let mut jwk = jwk.clone();
    jwk["kid"] = key_id(at, issuer).into();
    jwk
}

fn key_id(at: usize, issuer: &str) -> String {
    // As long as those of the large providers; the number of the issuer is at the end of its URL.
    let digits: Vec<_> = issuer.chars().filter(char::is_ascii_digit).collect();
    let number: String = digits.iter().rev().take(12).rev().collect();
    format!("b0PzQ3mT{number:0>12}{at}")
}

/// Names of issuers.
pub(crate) fn issuers(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("https://tenant-{number:04}.eu.example/")).collect()
}

/// A verifier that trusts them all.
pub(crate) fn verifier(issuers: &[String], transport: &Arc<InProcess>) -> anyhow::Result<Verifier> {
    let transport: Arc<dyn Transport> = Arc::clone(transport) as _;
    build(issuers, |issuer| issuer.transport(Arc::clone(&transport)))
}

/// A verifier of issuers that `set_up` finishes.
pub(crate) fn build(
    issuers: &[String],
    set_up: impl Fn(TrustedIssuer) -> TrustedIssuer,
) -> anyhow::Result<Verifier> {
    let mut builder: Option<VerifierBuilder> = None;
    for issuer in issuers {
        let trusted = set_up(TrustedIssuer::new(scene::policy(issuer)?));
        builder = Some(match builder {
            None => Verifier::builder(trusted),
            Some(builder) => builder.trust(trusted),
        });
    }
    let builder = builder.ok_or_else(|| anyhow::anyhow!("there are no issuers"))?;
    Ok(builder.build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_ids_of_issuers_differ() {
        let [first, second] = ["https://tenant-0001.eu.example/", "https://tenant-0002.eu.example/"];
        assert_ne!(key_id(0, first), key_id(0, second));
        assert_ne!(key_id(0, first), key_id(1, first));
    }
}
