//! Keys that sign whatever a test wants signed.

use jwksmith_jose::{Algorithm, PublicJwk, SigningKey, UnixTime};
use serde_json::{Value, json};

/// How far the clock of an issuer is off, in seconds: ahead if above zero. Each time of a token may have its own error.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Skew {
    /// Of the time of issue.
    pub iat: i64,
    /// Of the time from which it is valid.
    pub nbf: i64,
    /// Of the time at which it expires.
    pub exp: i64,
}

impl Skew {
    /// The same error in all of them: the clock is wrong.
    pub const fn of(seconds: i64) -> Self {
        Self { iat: seconds, nbf: seconds, exp: seconds }
    }
}

/// A private key with its `kid`.
pub struct TestKey {
    key_id: String,
    key: SigningKey,
}

impl TestKey {
    /// A new key. ES256 and EdDSA take microseconds, RSA a tenth of a second.
    pub fn generate(algorithm: Algorithm, key_id: &str) -> Self {
        let private = SigningKey::generate(algorithm).expect("the system has randomness");
        let key = SigningKey::from_private(algorithm, &private).expect("a generated key parses");
        Self { key_id: key_id.to_owned(), key }
    }

    /// Its `kid`.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The public half.
    pub fn jwk(&self) -> PublicJwk {
        self.key.public_jwk(&self.key_id).expect("test keys are asymmetric")
    }

    /// Signs these claims under this key's `kid`.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(Some(&self.key_id), claims)
    }

    /// Signs these claims under any `kid`, or none.
    pub fn sign_as(&self, key_id: Option<&str>, claims: &Value) -> String {
        self.key.sign_token(key_id, "at+jwt", claims).expect("JSON claims can be signed")
    }

    /// Signs an ordinary access token that is valid for an hour.
    pub fn access_token(&self, issuer: &str, audience: &str, now: UnixTime) -> String {
        self.sign(&Self::claims(issuer, audience, now))
    }

    /// The claims of an ordinary access token that is valid for an hour.
    pub fn claims(issuer: &str, audience: &str, now: UnixTime) -> Value {
        json!({
            "iss": issuer, "sub": "client", "aud": audience, "client_id": "client", "jti": "1", "scope": "read:things",
            "iat": now.as_seconds(), "exp": now.saturating_add(3600).as_seconds(),
        })
    }

    /// Signs an access token that is valid for an hour by a clock that is wrong.
    pub fn skewed_token(&self, issuer: &str, audience: &str, now: UnixTime, skew: Skew) -> String {
        self.sign(&Self::skewed_claims(issuer, audience, now, skew))
    }

    /// The claims of such a token. It has an `nbf`, which an ordinary one has not.
    pub fn skewed_claims(issuer: &str, audience: &str, now: UnixTime, skew: Skew) -> Value {
        let mut claims = Self::claims(issuer, audience, now);
        claims["iat"] = shifted(now, skew.iat).into();
        claims["nbf"] = shifted(now, skew.nbf).into();
        claims["exp"] = shifted(now.saturating_add(3600), skew.exp).into();
        claims
    }
}

fn shifted(time: UnixTime, seconds: i64) -> u64 {
    time.as_seconds().saturating_add_signed(seconds)
}
