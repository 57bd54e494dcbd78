//! A tenant at one moment, ready to publish and to sign: immutable, shared, replaced whole.
//!
//! Building one opens every private key and compares it with its certificate. That is the only place where stored keys are
//! opened, so whatever is wrong with them shows here, and nothing is ever made in their place.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use jwksmith_jose::{Algorithm, Certificate, KeySet, SigningKey, TokenSigner, UnixTime};

use crate::api::Api;
use crate::application::{Application, Grant};
use crate::certificate;
use crate::error::TenantError;
use crate::issue::TOKEN_TYPE;
use crate::key::{KeyParts, KeyState, SigningKeyRecord};
use crate::lifecycle::{self, KeyFacts};
use crate::published::PublishedTenant;
use crate::seal::{KeyEncryptionKey, Place, Purpose, SealError};
use crate::tenant::{Tenant, TenantId, TenantRecord};

/// A tenant at one moment.
pub struct TenantSnapshot {
    tenant: Tenant,
    keys: Vec<KeyView>,
    published: PublishedTenant,
    key_set: KeySet,
    /// The current key of each algorithm.
    signers: BTreeMap<Algorithm, TokenSigner>,
    apis: BTreeMap<String, ApiEntry>,
    applications: HashMap<String, Application>,
    /// By client id and audience.
    grants: HashMap<(String, String), Grant>,
}

struct ApiEntry {
    api: Api,
    /// The shared secret of an HS256 API. It has no `kid`: its verifier has only the one.
    secret: Option<TokenSigner>,
}

impl TenantSnapshot {
    /// Opens a tenant.
    ///
    /// # Errors
    /// [`TenantError`] if any private key or secret does not open or does not fit, or an algorithm lacks a key.
    pub(crate) fn build(record: TenantRecord, key: &KeyEncryptionKey) -> Result<Self, TenantError> {
        let TenantRecord { tenant, keys, apis, applications, grants } = record;
        refuse_incomplete(&keys, &apis)?;
        let signers = open_signers(&tenant.id, &keys, key)?;
        let keys = key_views(&keys)?;
        let published = PublishedTenant::render(&tenant.issuer, &keys);
        // What is published is read back as a verifier reads it.
        let key_set = KeySet::parse(&published.key_set.body)?;
        let apis = apis.into_iter().map(|api| open_api(&tenant.id, api, key)).collect::<Result<_, _>>()?;
        let applications = applications.into_iter().map(|app| (app.client_id().to_owned(), app)).collect();
        let grants =
            grants.into_iter().map(|grant| (grant_key(grant.client_id(), grant.audience()), grant)).collect();
        Ok(Self { tenant, keys, published, key_set, signers, apis, applications, grants })
    }

    /// The tenant.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The documents that everybody may read.
    pub fn published(&self) -> &PublishedTenant {
        &self.published
    }

    /// Every key, revoked ones included: RSA before EC, and of each algorithm current, next, previous, revoked, the newest
    /// first.
    pub fn keys(&self) -> &[KeyView] {
        &self.keys
    }

    /// The key with this `kid`, in whatever state.
    pub fn key(&self, kid: &str) -> Option<&KeyView> {
        self.keys.iter().find(|key| key.kid() == kid)
    }

    /// The key that signs with this algorithm.
    pub fn current(&self, algorithm: Algorithm) -> Option<&KeyView> {
        self.in_state(algorithm, KeyState::Current)
    }

    /// The published key set, parsed: to verify this tenant's own tokens without fetching anything.
    pub fn key_set(&self) -> &KeySet {
        &self.key_set
    }

    /// The APIs, by audience.
    pub fn apis(&self) -> impl Iterator<Item = &Api> {
        self.apis.values().map(|entry| &entry.api)
    }

    /// The API with this audience.
    pub fn api(&self, audience: &str) -> Option<&Api> {
        self.apis.get(audience).map(|entry| &entry.api)
    }

    /// The application with this client id.
    pub fn application(&self, client_id: &str) -> Option<&Application> {
        self.applications.get(client_id)
    }

    /// What an application is granted for an API.
    pub fn grant(&self, client_id: &str, audience: &str) -> Option<&Grant> {
        self.grants.get(&grant_key(client_id, audience))
    }

    /// What signs the tokens for an API.
    pub(crate) fn signer(&self, api: &Api) -> Option<&TokenSigner> {
        let secret = self.apis.get(api.audience()).and_then(|entry| entry.secret.as_ref());
        secret.or_else(|| self.signers.get(&api.algorithm()))
    }

    fn in_state(&self, algorithm: Algorithm, state: KeyState) -> Option<&KeyView> {
        self.keys.iter().find(|key| key.algorithm() == algorithm && key.state() == state)
    }
}

impl std::fmt::Debug for TenantSnapshot {
    /// Shows which tenant it is, and nothing that could hold a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TenantSnapshot").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// The place of a signing key's private half.
pub(crate) fn key_place<'a>(tenant: &'a TenantId, kid: &'a str) -> Place<'a> {
    Place { tenant: tenant.as_str(), purpose: Purpose::SigningKey, name: kid }
}

/// The place of an API's shared secret.
pub(crate) fn secret_place<'a>(tenant: &'a TenantId, audience: &'a str) -> Place<'a> {
    Place { tenant: tenant.as_str(), purpose: Purpose::ApiSecret, name: audience }
}

fn grant_key(client_id: &str, audience: &str) -> (String, String) {
    (client_id.to_owned(), audience.to_owned())
}

/// The algorithms that must have keys: RS256, those of the APIs, and those that have any key.
fn refuse_incomplete(keys: &[SigningKeyRecord], apis: &[Api]) -> Result<(), TenantError> {
    let facts: Vec<KeyFacts<'_>> = keys.iter().map(KeyFacts::from).collect();
    let of_apis = apis.iter().map(Api::algorithm).filter(|algorithm| !algorithm.is_symmetric());
    let of_keys = keys.iter().map(SigningKeyRecord::algorithm);
    for algorithm in of_apis.chain(of_keys).chain([Algorithm::RS256]) {
        lifecycle::steady(&facts, algorithm)?;
    }
    Ok(())
}

/// Opens and checks every private key, and keeps those that sign.
fn open_signers(
    tenant: &TenantId,
    keys: &[SigningKeyRecord],
    key_encryption_key: &KeyEncryptionKey,
) -> Result<BTreeMap<Algorithm, TokenSigner>, TenantError> {
    let mut signers = BTreeMap::new();
    for record in keys {
        let Some(key) = open_key(tenant, record, key_encryption_key)? else { continue };
        if lifecycle::signs(record.state()) {
            let signer = key.into_token_signer(Some(record.kid()), TOKEN_TYPE);
            let rejected = |source| TenantError::KeyRejected { kid: record.kid().to_owned(), source };
            signers.insert(record.algorithm(), signer.map_err(rejected)?);
        }
    }
    Ok(signers)
}

fn open_key(
    tenant: &TenantId,
    record: &SigningKeyRecord,
    key: &KeyEncryptionKey,
) -> Result<Option<SigningKey>, TenantError> {
    let Some(sealed) = record.sealed_private() else { return Ok(None) };
    let kid = || record.kid().to_owned();
    let private = key
        .open(key_place(tenant, record.kid()), sealed)
        .map_err(|source| TenantError::KeySealed { kid: kid(), source })?;
    let signing_key = SigningKey::from_private(record.algorithm(), &private)
        .map_err(|source| TenantError::KeyRejected { kid: kid(), source })?;
    if !signing_key.belongs_to(record.certificate()) {
        return Err(TenantError::KeyMismatch { kid: kid() });
    }
    Ok(Some(signing_key))
}

fn open_api(tenant: &TenantId, api: Api, key: &KeyEncryptionKey) -> Result<(String, ApiEntry), TenantError> {
    let audience = api.audience().to_owned();
    let secret = match api.sealed_secret() {
        None => None,
        Some(sealed) => {
            let sealed_error =
                |source: SealError| TenantError::SecretSealed { audience: audience.clone(), source };
            let secret = key.open(secret_place(tenant, &audience), sealed).map_err(sealed_error)?;
            let signer = SigningKey::from_private(api.algorithm(), &secret)
                .and_then(|key| key.into_token_signer(None, TOKEN_TYPE))
                .map_err(|source| TenantError::SecretRejected { audience: audience.clone(), source })?;
            Some(signer)
        }
    };
    Ok((audience, ApiEntry { api, secret }))
}

fn key_views(records: &[SigningKeyRecord]) -> Result<Vec<KeyView>, TenantError> {
    let mut keys: Vec<KeyView> = records.iter().map(KeyView::of).collect::<Result<_, _>>()?;
    // The algorithms' table has RSA before EC, and some clients give up at the first key that they do not know.
    keys.sort_by_key(|key| {
        let ended = Reverse((key.current_until(), key.current_since(), key.created_at()));
        (key.algorithm(), key.state(), ended, key.kid().to_owned())
    });
    Ok(keys)
}

/// A signing key as it may be shown: its public parts only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyView {
    /// Without the sealed private half.
    public: KeyParts,
    certificate_pem: String,
    pkcs7_pem: String,
    fingerprint: String,
    thumbprint: String,
}

impl KeyView {
    fn of(record: &SigningKeyRecord) -> Result<Self, TenantError> {
        let certificate = record.certificate();
        let pkcs7_pem = certificate::pkcs7_pem(certificate)
            .map_err(|source| TenantError::Certificate { kid: record.kid().to_owned(), source })?;
        Ok(Self {
            public: KeyParts { sealed_private: None, ..record.parts().clone() },
            certificate_pem: certificate::certificate_pem(certificate),
            pkcs7_pem,
            fingerprint: certificate::fingerprint(certificate),
            thumbprint: certificate::thumbprint(certificate),
        })
    }

    /// Names the key.
    pub fn kid(&self) -> &str {
        &self.public.kid
    }

    /// The one algorithm that it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.public.algorithm
    }

    /// Where it stands.
    pub fn state(&self) -> KeyState {
        self.public.state
    }

    /// Its self-signed certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.public.certificate
    }

    /// The certificate in PEM, with CRLF line ends.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The certificate as a PKCS #7 bundle, PEM with CRLF line ends.
    pub fn pkcs7_pem(&self) -> &str {
        &self.pkcs7_pem
    }

    /// SHA-1 of the certificate, upper-case hex with colons.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// SHA-1 of the certificate, upper-case hex.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// When it was made.
    pub fn created_at(&self) -> UnixTime {
        self.public.created_at
    }

    /// When it began to sign.
    pub fn current_since(&self) -> Option<UnixTime> {
        self.public.current_since
    }

    /// When it ceased to sign.
    pub fn current_until(&self) -> Option<UnixTime> {
        self.public.current_until
    }

    /// When it was withdrawn.
    pub fn revoked_at(&self) -> Option<UnixTime> {
        self.public.revoked_at
    }
}
