//! Making signing keys and shared secrets, sealed before they leave this module.
//!
//! An RSA key takes a tenth of a second and more, so all of this runs off the threads that answer requests.

use std::sync::Arc;

use jwksmith_jose::{Algorithm, SigningKey, UnixTime};

use crate::certificate;
use crate::error::MintError;
use crate::key::{KeyParts, KeyState, SigningKeyRecord};
use crate::lifecycle::Transition;
use crate::random;
use crate::seal::{KeyEncryptionKey, Sealed};
use crate::snapshot::{key_place, secret_place};
use crate::tenant::TenantId;

/// Makes what one tenant needs.
#[derive(Clone)]
pub(crate) struct Mint {
    pub(crate) tenant: TenantId,
    pub(crate) host: String,
    pub(crate) key: Arc<KeyEncryptionKey>,
}

impl Mint {
    /// A fresh next key.
    pub(crate) fn next_key(
        &self,
        algorithm: Algorithm,
        now: UnixTime,
    ) -> Result<SigningKeyRecord, MintError> {
        let kid = random::kid()?;
        let private = SigningKey::generate(algorithm)?;
        let certificate = certificate::self_signed(algorithm, &private, &self.host, now)?;
        let sealed = self.key.seal(key_place(&self.tenant, &kid), &private)?;
        let parts = KeyParts {
            kid,
            algorithm,
            state: KeyState::Next,
            certificate,
            sealed_private: Some(sealed),
            created_at: now,
            current_since: None,
            current_until: None,
            revoked_at: None,
        };
        Ok(parts.try_into()?)
    }

    /// The first two keys of an algorithm: a current and a next one. The current one was never published before, and need
    /// not be: no token of this algorithm exists that an older key set could not verify.
    pub(crate) fn first_keys(
        &self,
        algorithm: Algorithm,
        now: UnixTime,
    ) -> Result<Vec<SigningKeyRecord>, MintError> {
        let first = self.next_key(algorithm, now)?;
        let promotion = Transition {
            kid: first.kid().to_owned(),
            from: Some(KeyState::Next),
            to: KeyState::Current,
            at: now,
        };
        Ok(vec![first.after(&promotion)?, self.next_key(algorithm, now)?])
    }

    /// The shared secret of an API.
    pub(crate) fn api_secret(&self, algorithm: Algorithm, audience: &str) -> Result<Sealed, MintError> {
        let secret = SigningKey::generate(algorithm)?;
        Ok(self.key.seal(secret_place(&self.tenant, audience), &secret)?)
    }
}
