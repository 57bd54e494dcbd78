//! The service: carries out what the pure parts decide, and keeps the snapshots that everybody reads.
//!
//! Reading takes no lock. Changing goes one at a time in this process, through the store first, where a compare-and-swap
//! orders it among other processes. A change of keys is decided on what the store has, opened as a snapshot, and only then
//! kept: what could not be served is never kept, and what is kept is served at once. Changes run in a task of their own, so
//! that a caller who goes away leaves nothing half done.

use std::borrow::Cow;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jwksmith_jose::{Algorithm, SecretBytes, UnixTime};
use tokio::sync::Mutex;
use tracing::{Instrument as _, info};

use crate::api::{Api, NewApi, check_settings};
use crate::application::{Application, ClientSecret, Grant};
use crate::error::{AuthorityError, Interrupted, IssueError, MintError, OpenError};
use crate::issue::{self, IssuedToken, TokenRequest};
use crate::issuer::Issuer;
use crate::key::{KeyInconsistent, KeyState, SigningKeyRecord};
use crate::lifecycle::{self, KeyFacts, Transition};
use crate::mint::Mint;
use crate::random;
use crate::seal::{KeyEncryptionKey, Place, Purpose, Sealed};
use crate::snapshot::{KeyView, TenantSnapshot, secret_place};
use crate::store::{CommitOutcome, Conflict, KeyChange, NewTenant, Store, StoreError};
use crate::tenant::{Tenant, TenantId, TenantRecord};

/// How often a change is decided anew because others changed the tenant meanwhile.
pub const COMMIT_ATTEMPTS_MAX: usize = 5;

/// The algorithm that every tenant has, and that an answer about a rotation is about.
const DEFAULT_ALGORITHM: Algorithm = Algorithm::RS256;

const VERSION_FIRST: u64 = 1;

/// The tenants of this node. Cheap to clone; all clones are one.
///
/// Its methods that change something must be called within a Tokio runtime.
#[derive(Clone)]
pub struct Authority {
    inner: Arc<Inner>,
}

impl Authority {
    /// Opens every tenant, after proving the key-encryption key.
    ///
    /// A wrong key, or a private key that does not open or does not belong to its certificate, stops the start. Nothing is
    /// ever made in its place; the only thing that a start makes is the check record of an empty store.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(store: Arc<dyn Store>, key: KeyEncryptionKey) -> Result<Self, OpenError> {
        let key = Arc::new(key);
        prove_key(store.as_ref(), &key).await?;
        let mut tenants = Tenants::default();
        for tenant in store.tenants().await? {
            let snapshot = open_tenant(store.as_ref(), tenant, &key).await?;
            if tenants.insert(Arc::clone(&snapshot)).is_some() {
                return Err(OpenError::TenantTwice(snapshot.tenant().issuer.clone()));
            }
        }
        let (tenants, turn) = (ArcSwap::from_pointee(tenants), Mutex::new(()));
        Ok(Self { inner: Arc::new(Inner { store, key, tenants, turn }) })
    }

    /// Every tenant, in the order of their issuers.
    pub fn tenants(&self) -> Vec<Arc<TenantSnapshot>> {
        let mut all: Vec<_> = self.inner.tenants.load().by_id.values().cloned().collect();
        all.sort_by(|a, b| a.tenant().issuer.as_str().cmp(b.tenant().issuer.as_str()));
        all
    }

    /// The tenant with this id.
    pub fn tenant(&self, id: &TenantId) -> Option<Arc<TenantSnapshot>> {
        self.inner.tenants.load().by_id.get(id).cloned()
    }

    /// The tenant that answers at this `Host`: `host[:port]`, in any case, its scheme's default port written or not
    /// (RFC 9110 §4.2.3).
    pub fn tenant_by_authority(&self, host_and_port: &str) -> Option<Arc<TenantSnapshot>> {
        self.inner.tenants.load().at(host_and_port).cloned()
    }

    /// Makes a tenant with a current and a next RS256 key and its management API.
    ///
    /// # Errors
    /// [`AuthorityError::TenantExists`], and failures of the store.
    pub async fn create_tenant(
        &self,
        issuer: &Issuer,
        now: UnixTime,
    ) -> Result<Arc<TenantSnapshot>, AuthorityError> {
        let issuer = issuer.clone();
        self.change(|inner| async move { inner.create_tenant(issuer, now).await }).await
    }

    /// Makes an API, or gives it these settings; the same again changes nothing.
    ///
    /// An ES256 API makes a current and a next ES256 key if the tenant has none. An HS256 API makes its secret, once.
    ///
    /// # Errors
    /// [`AuthorityError::ApiAlgorithmFixed`], [`AuthorityError::Settings`], and failures of the store.
    pub async fn ensure_api(
        &self,
        tenant: &TenantId,
        api: NewApi,
        now: UnixTime,
    ) -> Result<Arc<TenantSnapshot>, AuthorityError> {
        let tenant = tenant.clone();
        self.change(|inner| async move { inner.ensure_api(&tenant, api, now).await }).await
    }

    /// Makes an application; returns its client id and its secret, which nobody can read again.
    ///
    /// # Errors
    /// [`AuthorityError::Settings`], and failures of the store.
    pub async fn create_application(
        &self,
        tenant: &TenantId,
        name: &str,
    ) -> Result<(String, ClientSecret), AuthorityError> {
        let (tenant, name) = (tenant.clone(), name.to_owned());
        self.change(|inner| async move { inner.create_application(&tenant, name).await }).await
    }

    /// Lets an application ask for tokens for an API with these scopes, instead of those that it had.
    ///
    /// # Errors
    /// [`AuthorityError::ApplicationUnknown`], [`AuthorityError::ApiUnknown`], [`AuthorityError::ScopeUnknown`], and
    /// failures of the store.
    pub async fn grant(
        &self,
        tenant: &TenantId,
        client_id: &str,
        audience: &str,
        scopes: &[&str],
    ) -> Result<(), AuthorityError> {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let grant = Grant::new(client_id, audience, scopes)?;
        let tenant = tenant.clone();
        self.change(|inner| async move { inner.grant(&tenant, grant).await }).await
    }

    /// Rotates every algorithm of the tenant in one step; returns the fresh next key of RS256.
    ///
    /// If another node rotates at the same time, that is this rotation too.
    ///
    /// # Errors
    /// [`AuthorityError::Lifecycle`], [`AuthorityError::Contended`], and failures of the store.
    pub async fn rotate(&self, tenant: &TenantId, now: UnixTime) -> Result<KeyView, AuthorityError> {
        let tenant = tenant.clone();
        self.change(|inner| async move { inner.rotate(&tenant, now).await }).await
    }

    /// Withdraws a previous key at once and destroys its private half; returns the revoked key.
    ///
    /// # Errors
    /// [`AuthorityError::Lifecycle`], [`AuthorityError::Contended`], and failures of the store.
    pub async fn revoke(
        &self,
        tenant: &TenantId,
        kid: &str,
        now: UnixTime,
    ) -> Result<KeyView, AuthorityError> {
        let (tenant, kid) = (tenant.clone(), kid.to_owned());
        self.change(|inner| async move { inner.revoke(&tenant, kid, now).await }).await
    }

    /// Issues an access token from a snapshot: no I/O, no lock.
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn issue(
        &self,
        tenant: &TenantSnapshot,
        request: &TokenRequest<'_>,
        now: UnixTime,
    ) -> Result<IssuedToken, IssueError> {
        issue::issue(tenant, request, now)
    }

    /// The shared secret of an HS256 API, for the operator who hands it to that API. Never for an answer over the network.
    pub fn api_secret(&self, tenant: &TenantSnapshot, audience: &str) -> Option<SecretBytes> {
        let sealed = tenant.api(audience)?.sealed_secret()?;
        // It opened when the snapshot was built, under this same key.
        self.inner.key.open(secret_place(&tenant.tenant().id, audience), sealed).ok()
    }

    /// Runs a change to its end, whether or not the caller still waits: between keeping a change and serving it there must
    /// be no way out.
    async fn change<T, W>(&self, work: impl FnOnce(Arc<Inner>) -> W) -> Result<T, AuthorityError>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, AuthorityError>> + Send + 'static,
    {
        let work = work(Arc::clone(&self.inner)).in_current_span();
        tokio::spawn(work).await.map_err(|_| AuthorityError::Interrupted)?
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("tenants", &self.tenants()).finish_non_exhaustive()
    }
}

struct Inner {
    store: Arc<dyn Store>,
    key: Arc<KeyEncryptionKey>,
    tenants: ArcSwap<Tenants>,
    /// Whoever changes something waits for its turn. Readers never touch it, so it may be held while the store works.
    turn: Mutex<()>,
}

/// What is to happen to a tenant's keys.
enum KeyWish {
    /// Every algorithm goes one step on
    Rotate,
    /// This previous key is withdrawn
    Revoke(String),
    /// The algorithm gets its first two keys, if it has none
    Introduce(Algorithm),
}

/// Keys that were made for a change and wait until it is kept; a conflict does not make them anew.
#[derive(Default)]
struct FreshKeys(HashMap<Algorithm, Vec<SigningKeyRecord>>);

impl Inner {
    async fn create_tenant(
        &self,
        issuer: Issuer,
        now: UnixTime,
    ) -> Result<Arc<TenantSnapshot>, AuthorityError> {
        let _turn = self.turn.lock().await;
        // The store refuses it too, but only after keys were made for nothing.
        if self.tenants.load().at(issuer.authority()).is_some() {
            return Err(AuthorityError::TenantExists(issuer));
        }
        let id = TenantId::generate().map_err(MintError::from)?;
        let tenant = Tenant { id, issuer, version: VERSION_FIRST, created_at: now };
        let mint = self.mint(&tenant);
        let keys = off_thread(move || mint.first_keys(DEFAULT_ALGORITHM, now)).await??;
        let apis = vec![Api::new(NewApi::management(&tenant.issuer), None)?];
        self.keep_tenant(NewTenant { tenant, keys, apis }).await
    }

    async fn keep_tenant(&self, new: NewTenant) -> Result<Arc<TenantSnapshot>, AuthorityError> {
        let NewTenant { tenant, keys, apis } = new.clone();
        let (applications, grants) = (Vec::new(), Vec::new());
        let snapshot = self.build(TenantRecord { tenant, keys, apis, applications, grants }).await?;
        self.store.create_tenant(&new).await.map_err(|error| match error {
            StoreError::Conflict(Conflict::TenantExists) => AuthorityError::TenantExists(new.tenant.issuer),
            other => other.into(),
        })?;
        info!(tenant = %new.tenant.id, issuer = %snapshot.tenant().issuer, "tenant created");
        Ok(self.install(snapshot))
    }

    async fn ensure_api(
        &self,
        tenant: &TenantId,
        wanted: NewApi,
        now: UnixTime,
    ) -> Result<Arc<TenantSnapshot>, AuthorityError> {
        check_settings(&wanted)?;
        let _turn = self.turn.lock().await;
        let record = self.load(tenant).await?;
        let known = record.apis.iter().find(|api| api.audience() == wanted.audience).cloned();
        if let Some(known) = known.as_ref().filter(|known| known.algorithm() != wanted.algorithm) {
            let (audience, algorithm) = (wanted.audience, known.algorithm());
            return Err(AuthorityError::ApiAlgorithmFixed { audience, algorithm });
        }
        if known.as_ref().is_some_and(|known| *known.settings() == wanted) {
            return Ok(self.install(self.build(record).await?));
        }
        if !wanted.algorithm.is_symmetric() {
            self.change_keys(tenant, &KeyWish::Introduce(wanted.algorithm), now).await?;
        }
        let secret = self.api_secret(&record.tenant, known, &wanted)?;
        self.store.put_api(tenant, &Api::new(wanted, secret)?).await?;
        self.refresh(tenant).await
    }

    /// The secret that the API has, or a new one for a new HS256 API.
    fn api_secret(
        &self,
        tenant: &Tenant,
        known: Option<Api>,
        wanted: &NewApi,
    ) -> Result<Option<Sealed>, MintError> {
        match known {
            Some(known) => Ok(known.sealed_secret().cloned()),
            None if wanted.algorithm.is_symmetric() => {
                self.mint(tenant).api_secret(wanted.algorithm, &wanted.audience).map(Some)
            }
            None => Ok(None),
        }
    }

    async fn create_application(
        &self,
        tenant: &TenantId,
        name: String,
    ) -> Result<(String, ClientSecret), AuthorityError> {
        let secret = ClientSecret::generate().map_err(MintError::from)?;
        let client_id = random::client_id().map_err(MintError::from)?;
        let application = Application::new(client_id.clone(), name, secret.digest())?;
        let _turn = self.turn.lock().await;
        self.store.put_application(tenant, &application).await?;
        self.refresh(tenant).await?;
        Ok((client_id, secret))
    }

    async fn grant(&self, tenant: &TenantId, grant: Grant) -> Result<(), AuthorityError> {
        let _turn = self.turn.lock().await;
        check_grant(&self.load(tenant).await?, &grant)?;
        self.store.put_grant(tenant, &grant).await?;
        self.refresh(tenant).await?;
        Ok(())
    }

    async fn rotate(&self, tenant: &TenantId, now: UnixTime) -> Result<KeyView, AuthorityError> {
        let _turn = self.turn.lock().await;
        let snapshot = self.change_keys(tenant, &KeyWish::Rotate, now).await?;
        let next = in_snapshot(&snapshot, |key| {
            key.algorithm() == DEFAULT_ALGORITHM && key.state() == KeyState::Next
        })?;
        info!(tenant = %tenant, next = next.kid(), "signing keys rotated");
        Ok(next)
    }

    async fn revoke(&self, tenant: &TenantId, kid: String, now: UnixTime) -> Result<KeyView, AuthorityError> {
        let _turn = self.turn.lock().await;
        let snapshot = self.change_keys(tenant, &KeyWish::Revoke(kid.clone()), now).await?;
        info!(tenant = %tenant, kid, "signing key revoked");
        in_snapshot(&snapshot, |key| key.kid() == kid)
    }

    /// Decides on the tenant as it is stored now, and keeps the change if it is still so; else decides again.
    async fn change_keys(
        &self,
        tenant: &TenantId,
        wish: &KeyWish,
        now: UnixTime,
    ) -> Result<Arc<TenantSnapshot>, AuthorityError> {
        let mut fresh = FreshKeys::default();
        let mut seen_current: Option<String> = None;
        for _ in 0..COMMIT_ATTEMPTS_MAX {
            let record = self.load(tenant).await?;
            if wish.is_done(&record, seen_current.as_deref()) {
                return Ok(self.install(self.build(record).await?));
            }
            seen_current = seen_current.or_else(|| current_kid(&record));
            let change = self.decide(&record, wish, &mut fresh, now).await?;
            let expected_version = record.tenant.version;
            let snapshot = self.build(after(record, &change)).await?;
            if let CommitOutcome::Done { .. } =
                self.store.commit_keys(tenant, expected_version, &change).await?
            {
                return Ok(self.install(snapshot));
            }
        }
        Err(AuthorityError::Contended(COMMIT_ATTEMPTS_MAX))
    }

    async fn decide(
        &self,
        record: &TenantRecord,
        wish: &KeyWish,
        fresh: &mut FreshKeys,
        now: UnixTime,
    ) -> Result<KeyChange, AuthorityError> {
        let mint = self.mint(&record.tenant);
        match wish {
            KeyWish::Rotate => {
                let algorithms = algorithms_in_use(record);
                fresh.make(&algorithms, move |algorithm| Ok(vec![mint.next_key(algorithm, now)?])).await?;
                rotation(record, &algorithms, fresh, now)
            }
            KeyWish::Introduce(algorithm) => {
                fresh.make(&[*algorithm], move |algorithm| mint.first_keys(algorithm, now)).await?;
                Ok(KeyChange { inserted: fresh.of(*algorithm), updated: Vec::new() })
            }
            KeyWish::Revoke(kid) => {
                let transitions = lifecycle::revoke(&facts(&record.keys), kid, now)?;
                let updated = updated(&record.keys, &transitions).map_err(|error| damaged(record, error))?;
                Ok(KeyChange { inserted: Vec::new(), updated })
            }
        }
    }

    async fn load(&self, tenant: &TenantId) -> Result<TenantRecord, AuthorityError> {
        let record = self.store.load_tenant(tenant).await?;
        record.ok_or_else(|| AuthorityError::TenantUnknown(tenant.clone()))
    }

    async fn refresh(&self, tenant: &TenantId) -> Result<Arc<TenantSnapshot>, AuthorityError> {
        let record = self.load(tenant).await?;
        Ok(self.install(self.build(record).await?))
    }

    async fn build(&self, record: TenantRecord) -> Result<TenantSnapshot, AuthorityError> {
        let issuer = record.tenant.issuer.clone();
        let key = Arc::clone(&self.key);
        let built = off_thread(move || TenantSnapshot::build(record, &key)).await?;
        built.map_err(|source| AuthorityError::Tenant { issuer, source: Box::new(source) })
    }

    /// Serves a snapshot from now on. Whoever calls has the turn, so no newer one is replaced.
    fn install(&self, snapshot: TenantSnapshot) -> Arc<TenantSnapshot> {
        let snapshot = Arc::new(snapshot);
        let mut tenants = Tenants::clone(&self.tenants.load());
        tenants.insert(Arc::clone(&snapshot));
        self.tenants.store(Arc::new(tenants));
        snapshot
    }

    fn mint(&self, tenant: &Tenant) -> Mint {
        let (tenant, host) = (tenant.id.clone(), tenant.issuer.host().to_owned());
        Mint { tenant, host, key: Arc::clone(&self.key) }
    }
}

impl KeyWish {
    /// Whether the wish is fulfilled already, without our doing. `seen_current` is the key that signed when we first looked.
    fn is_done(&self, record: &TenantRecord, seen_current: Option<&str>) -> bool {
        match (self, seen_current) {
            (Self::Rotate, Some(seen)) => current_kid(record).as_deref() != Some(seen),
            // Somebody else revoked it while we tried to. On the first look it is for the state machine to say.
            (Self::Revoke(kid), Some(_)) => {
                record.keys.iter().any(|key| key.kid() == kid && key.state() == KeyState::Revoked)
            }
            (Self::Introduce(algorithm), _) => record.keys.iter().any(|key| key.algorithm() == *algorithm),
            (_, None) => false,
        }
    }
}

impl FreshKeys {
    /// Makes the keys of the algorithms that have none yet.
    async fn make(
        &mut self,
        algorithms: &[Algorithm],
        make: impl Fn(Algorithm) -> Result<Vec<SigningKeyRecord>, MintError> + Send + 'static,
    ) -> Result<(), AuthorityError> {
        let missing: Vec<Algorithm> =
            algorithms.iter().filter(|algorithm| !self.0.contains_key(algorithm)).copied().collect();
        let work = off_thread(move || {
            missing
                .into_iter()
                .map(|algorithm| Ok((algorithm, make(algorithm)?)))
                .collect::<Result<Vec<_>, MintError>>()
        });
        self.0.extend(work.await??);
        Ok(())
    }

    fn of(&self, algorithm: Algorithm) -> Vec<SigningKeyRecord> {
        self.0.get(&algorithm).cloned().unwrap_or_default()
    }
}

/// The snapshots of one moment.
#[derive(Clone, Default)]
struct Tenants {
    by_id: HashMap<TenantId, Arc<TenantSnapshot>>,
    by_authority: HashMap<String, Arc<TenantSnapshot>>,
}

impl Tenants {
    /// Gives back what stood at the same host and port before.
    fn insert(&mut self, snapshot: Arc<TenantSnapshot>) -> Option<Arc<TenantSnapshot>> {
        let tenant = snapshot.tenant();
        let (id, authority) = (tenant.id.clone(), tenant.issuer.authority().to_owned());
        self.by_id.insert(id, Arc::clone(&snapshot));
        self.by_authority.insert(authority, snapshot)
    }

    fn at(&self, host_and_port: &str) -> Option<&Arc<TenantSnapshot>> {
        let sought = lower_case(host_and_port);
        self.by_authority.get(sought.as_ref()).or_else(|| {
            let (host, port) = sought.rsplit_once(':')?;
            let tenant = self.by_authority.get(host)?;
            Some(tenant).filter(|tenant| tenant.tenant().issuer.default_port().to_string() == port)
        })
    }
}

fn lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        text.to_ascii_lowercase().into()
    } else {
        text.into()
    }
}

/// The check record belongs to no tenant.
const CHECK_PLACE: Place<'_> = Place { tenant: "", purpose: Purpose::Check, name: "" };

/// Opens the check record, or makes it if the store is empty.
async fn prove_key(store: &dyn Store, key: &KeyEncryptionKey) -> Result<(), OpenError> {
    let record = match store.check_record().await? {
        Some(record) => record,
        None if store.tenants().await?.is_empty() => first_check_record(store, key).await?,
        None => return Err(OpenError::CheckRecordMissing),
    };
    key.open(CHECK_PLACE, &record).map(drop).map_err(OpenError::KeyEncryptionKey)
}

async fn first_check_record(store: &dyn Store, key: &KeyEncryptionKey) -> Result<Sealed, OpenError> {
    store.put_check_record(&key.seal(CHECK_PLACE, &Vec::new().into())?).await?;
    // Another node may have been first, with another key: what counts is what stays.
    let kept = store.check_record().await?;
    kept.ok_or_else(|| StoreError::Corrupt { what: "the check record was not kept".to_owned() }.into())
}

async fn open_tenant(
    store: &dyn Store,
    tenant: Tenant,
    key: &Arc<KeyEncryptionKey>,
) -> Result<Arc<TenantSnapshot>, OpenError> {
    let record = store.load_tenant(&tenant.id).await?.ok_or_else(|| StoreError::Corrupt {
        what: format!("the tenant {} is listed and cannot be loaded", tenant.id),
    })?;
    let key = Arc::clone(key);
    let built = off_thread(move || TenantSnapshot::build(record, &key)).await?;
    built
        .map(Arc::new)
        .map_err(|source| OpenError::Tenant { issuer: tenant.issuer, source: Box::new(source) })
}

/// Work for the processor: making keys, and opening them.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Interrupted> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Interrupted)
}

fn check_grant(record: &TenantRecord, grant: &Grant) -> Result<(), AuthorityError> {
    let (client_id, audience) = (grant.client_id().to_owned(), grant.audience().to_owned());
    if !record.applications.iter().any(|application| application.client_id() == client_id) {
        return Err(AuthorityError::ApplicationUnknown(client_id));
    }
    let api = record.apis.iter().find(|api| api.audience() == audience);
    let api = api.ok_or_else(|| AuthorityError::ApiUnknown(audience.clone()))?;
    match grant.scopes().iter().find(|scope| !api.scopes().contains(scope)) {
        Some(scope) => Err(AuthorityError::ScopeUnknown { audience, scope: scope.clone() }),
        None => Ok(()),
    }
}

fn facts(keys: &[SigningKeyRecord]) -> Vec<KeyFacts<'_>> {
    keys.iter().map(KeyFacts::from).collect()
}

fn current_kid(record: &TenantRecord) -> Option<String> {
    let current =
        |key: &&SigningKeyRecord| key.algorithm() == DEFAULT_ALGORITHM && key.state() == KeyState::Current;
    record.keys.iter().find(current).map(|key| key.kid().to_owned())
}

fn algorithms_in_use(record: &TenantRecord) -> Vec<Algorithm> {
    let mut algorithms: Vec<Algorithm> = record.keys.iter().map(SigningKeyRecord::algorithm).collect();
    algorithms.sort_unstable();
    algorithms.dedup();
    algorithms
}

/// One step for every algorithm, each decided on what the one before left.
fn rotation(
    record: &TenantRecord,
    algorithms: &[Algorithm],
    fresh: &FreshKeys,
    now: UnixTime,
) -> Result<KeyChange, AuthorityError> {
    let mut change = KeyChange::default();
    let mut keys = record.keys.clone();
    for algorithm in algorithms {
        for key in fresh.of(*algorithm) {
            let transitions = lifecycle::rotate(&facts(&keys), *algorithm, key.kid(), now)?;
            change.updated.extend(updated(&keys, &transitions).map_err(|error| damaged(record, error))?);
            keys.push(key.clone());
            change.inserted.push(key);
        }
    }
    Ok(change)
}

/// The keys that the transitions change, changed. A fresh key is no change of one.
fn updated(
    keys: &[SigningKeyRecord],
    transitions: &[Transition],
) -> Result<Vec<SigningKeyRecord>, KeyInconsistent> {
    let changing = transitions
        .iter()
        .filter_map(|transition| Some((keys.iter().find(|key| key.kid() == transition.kid)?, transition)));
    changing.map(|(key, transition)| key.after(transition)).collect()
}

fn damaged(record: &TenantRecord, error: KeyInconsistent) -> AuthorityError {
    AuthorityError::Tenant { issuer: record.tenant.issuer.clone(), source: Box::new(error.into()) }
}

/// The tenant as it will be once the change is kept.
fn after(mut record: TenantRecord, change: &KeyChange) -> TenantRecord {
    record.tenant.version = record.tenant.version.saturating_add(1);
    for updated in &change.updated {
        record.keys.retain(|key| key.kid() != updated.kid());
    }
    record.keys.extend(change.updated.iter().chain(&change.inserted).cloned());
    record
}

/// A key that the change has just put there.
fn in_snapshot(
    snapshot: &TenantSnapshot,
    wanted: impl Fn(&KeyView) -> bool,
) -> Result<KeyView, AuthorityError> {
    snapshot.keys().iter().find(|key| wanted(key)).cloned().ok_or(AuthorityError::Interrupted)
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
