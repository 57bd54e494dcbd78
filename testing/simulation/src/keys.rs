//! Keys, made once for each process: making one costs more than a whole call of a verifier.

use std::sync::OnceLock;

use jwksmith_jose::{Algorithm, SigningKey};
use serde_json::Value;

/// How many keys there are. No two issuers of a world share one.
const KEYS: usize = 64;

/// A private key, which any issuer may take for its own under any `kid`.
pub(crate) struct PoolKey(SigningKey);

/// The algorithms of these keys.
pub(crate) const ALGORITHMS: [Algorithm; 2] = [Algorithm::ES256, Algorithm::EdDSA];

/// Every key.
pub(crate) fn pool() -> &'static [PoolKey] {
    static POOL: OnceLock<Vec<PoolKey>> = OnceLock::new();
    POOL.get_or_init(|| ALGORITHMS.into_iter().cycle().take(KEYS).map(generated).collect())
}

fn generated(algorithm: Algorithm) -> PoolKey {
    let private = SigningKey::generate(algorithm).expect("the system has randomness");
    PoolKey(SigningKey::from_private(algorithm, &private).expect("a generated key parses"))
}

impl PoolKey {
    /// The public half, as JSON.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let jwk = self.0.public_jwk(kid).expect("the keys of the pool are asymmetric");
        serde_json::to_value(jwk).expect("a public key is plain JSON")
    }

    pub(crate) fn sign(&self, kid: &str, claims: &Value) -> String {
        self.0.sign_token(Some(kid), "at+jwt", claims).expect("JSON claims can be signed")
    }
}
