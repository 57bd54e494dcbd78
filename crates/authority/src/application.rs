//! Applications (OAuth clients), their secrets, and what they are granted.
//!
//! A client secret is shown once, when it is made. What is kept is its SHA-256: the secret has 256 random bits, so that a
//! slow password hash would protect nothing more and would let anybody make us work.

use aws_lc_rs::constant_time;
use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroizing;

use crate::api::{SettingsError, check_name, check_scopes};
use crate::random::{self, RandomnessUnavailable};

/// A client that may ask for tokens.
#[derive(Clone, Debug)]
pub struct Application {
    client_id: String,
    name: String,
    secret_digest: SecretDigest,
}

impl Application {
    /// An application with this secret's digest.
    ///
    /// # Errors
    /// [`SettingsError::Name`].
    pub fn new(
        client_id: impl Into<String>,
        name: impl Into<String>,
        secret_digest: SecretDigest,
    ) -> Result<Self, SettingsError> {
        let name = name.into();
        check_name(&name)?;
        Ok(Self { client_id: client_id.into(), name, secret_digest })
    }

    /// How it names itself.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// For people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its secret is compared with.
    pub fn secret_digest(&self) -> &SecretDigest {
        &self.secret_digest
    }
}

/// A client secret: 256 random bits as base64url. It cannot be printed or compared, and is wiped when dropped.
pub struct ClientSecret(Zeroizing<String>);

impl ClientSecret {
    pub(crate) fn generate() -> Result<Self, RandomnessUnavailable> {
        Ok(Self(Zeroizing::new(jwksmith_jose::base64url_encode(random::secret()?.as_slice()))))
    }

    /// The secret itself: to be shown once to whoever made the application. Never log it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn digest(&self) -> SecretDigest {
        SecretDigest::of(&self.0)
    }
}

/// The SHA-256 of a client secret.
#[derive(Clone)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// The digest of a presented secret.
    pub fn of(secret: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
        Self(bytes)
    }

    /// The stored digest; it must have 32 bytes.
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().map(Self).ok()
    }

    /// The digest, to be stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether two digests are the same, in a time that does not depend on where they differ.
    pub fn matches(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }

    /// Compared with when there is no such client, so that the answer takes as long as for one with another secret.
    pub(crate) fn of_nobody() -> Self {
        Self([0; 32])
    }
}

impl std::fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretDigest(..)")
    }
}

/// For which API, and with which scopes, an application may ask for tokens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    client_id: String,
    audience: String,
    scopes: Vec<String>,
}

impl Grant {
    /// A grant.
    ///
    /// # Errors
    /// [`SettingsError`] if a scope is none, or stands twice.
    pub fn new(
        client_id: impl Into<String>,
        audience: impl Into<String>,
        scopes: Vec<String>,
    ) -> Result<Self, SettingsError> {
        check_scopes(&scopes)?;
        Ok(Self { client_id: client_id.into(), audience: audience.into(), scopes })
    }

    /// Who may ask.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// For which API.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// With which scopes.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_not_impl_any!(ClientSecret: std::fmt::Debug, PartialEq, Clone, serde::Serialize);

    #[test]
    fn secret_matches_only_its_own_digest() {
        let (secret, other) = (ClientSecret::generate().unwrap(), ClientSecret::generate().unwrap());
        assert_eq!(secret.expose().len(), 43);
        let stored = SecretDigest::from_stored(secret.digest().as_bytes()).unwrap();
        assert!(stored.matches(&SecretDigest::of(secret.expose())));
        for presented in [other.expose(), "", &secret.expose()[..42], &format!("{} ", secret.expose())] {
            assert!(!stored.matches(&SecretDigest::of(presented)));
            assert!(!SecretDigest::of_nobody().matches(&SecretDigest::of(presented)));
        }
        assert!(SecretDigest::from_stored(&[0; 31]).is_none());
        assert!(SecretDigest::from_stored(&[0; 33]).is_none());
        assert_eq!(format!("{stored:?}"), "SecretDigest(..)");
    }
}
