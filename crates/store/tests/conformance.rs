//! What every implementation of the `Store` port must do: one suite, run on each backend with a fresh database per check.
//!
//! What only one backend can do or suffer (files, raw SQL) is in its own test file.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may panic as tests do")]

use std::sync::Arc;

use jwksmith_authority::{
    Api, Application, CommitOutcome, Grant, Issuer, KeyChange, KeyParts, KeyState, NewApi, NewTenant, Sealed,
    SecretDigest, SigningKeyRecord, Store, StoreError, Tenant, TenantId, TenantRecord, certificate,
};
use jwksmith_jose::{Algorithm, Certificate, SigningKey, UnixTime};
use jwksmith_store::SqliteStore;

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);
const AUDIENCE: &str = "https://api.example/";

#[tokio::test]
async fn sqlite_in_memory_keeps_the_promises() {
    suite(async || SqliteStore::in_memory().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_in_a_file_keeps_the_promises() {
    let folder = tempfile::tempdir().unwrap();
    let count = std::sync::atomic::AtomicUsize::new(0);
    suite(async || {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        SqliteStore::open(folder.path().join(format!("{number}.db"))).await.unwrap()
    })
    .await;
}

async fn suite<S: Store>(fresh: impl AsyncFn() -> S) {
    check_record_stays_the_first(&fresh().await).await;
    created_tenant_is_loaded_again(&fresh().await).await;
    taken_issuers_are_refused(&fresh().await).await;
    failed_creation_leaves_nothing(&fresh().await).await;
    key_change_needs_the_expected_version(&fresh().await).await;
    current_and_next_are_unique(&fresh().await).await;
    kids_are_never_used_twice(&fresh().await).await;
    keys_keep_their_material_and_stay_revoked(&fresh().await).await;
    apis_keep_algorithm_and_secret(&fresh().await).await;
    applications_and_grants_are_kept(&fresh().await).await;
    unknown_tenants_are_named(&fresh().await).await;
    unstorable_times_are_refused(&fresh().await).await;
    concurrent_commits_have_one_winner(Arc::new(fresh().await)).await;
}

async fn check_record_stays_the_first(store: &impl Store) {
    assert_eq!(store.check_record().await.unwrap(), None);
    for record in [vec![1, 2, 3], vec![4]] {
        store.put_check_record(&Sealed::from(record)).await.unwrap();
    }
    assert_eq!(store.check_record().await.unwrap(), Some(vec![1, 2, 3].into()));
}

async fn created_tenant_is_loaded_again(store: &impl Store) {
    assert!(store.tenants().await.unwrap().is_empty());
    let (older, newer) = (new_tenant("a", 10), new_tenant("b", 20));
    store.create_tenant(&newer).await.unwrap();
    store.create_tenant(&older).await.unwrap();
    assert_eq!(store.tenants().await.unwrap(), [older.tenant.clone(), newer.tenant.clone()]);
    for new in [older, newer] {
        let record = load(store, &new).await;
        assert_eq!(record.tenant, new.tenant);
        assert_eq!(by_kid(record.keys), by_kid(new.keys));
        assert_eq!(record.apis, new.apis);
        assert!(record.applications.is_empty() && record.grants.is_empty());
    }
}

async fn taken_issuers_are_refused(store: &impl Store) {
    let first = new_tenant("a", 10);
    store.create_tenant(&first).await.unwrap();
    let mut same_issuer = new_tenant("b", 10);
    same_issuer.tenant.issuer = first.tenant.issuer.clone();
    refused(store.create_tenant(&same_issuer).await, "tenant_exists");
    let mut same_id = new_tenant("b", 10);
    same_id.tenant.id = first.tenant.id.clone();
    refused(store.create_tenant(&same_id).await, "tenant_exists");
    // Two issuers that one `Host` header would mean.
    let mut secure = new_tenant("b", 10);
    secure.tenant.issuer = Issuer::try_from("https://localhost/").unwrap();
    store.create_tenant(&secure).await.unwrap();
    let mut plain = new_tenant("c", 10);
    plain.tenant.issuer = Issuer::try_from("http://localhost/").unwrap();
    refused(store.create_tenant(&plain).await, "tenant_exists");
    assert_eq!(store.tenants().await.unwrap().len(), 2);
}

async fn failed_creation_leaves_nothing(store: &impl Store) {
    let mut twice = new_tenant("a", 10);
    twice.keys.push(key("a-another", Algorithm::RS256, KeyState::Current));
    refused(store.create_tenant(&twice).await, "key_states_conflict");
    assert!(store.tenants().await.unwrap().is_empty());
    store.create_tenant(&new_tenant("a", 10)).await.unwrap();
}

async fn key_change_needs_the_expected_version(store: &impl Store) {
    let new = created(store, "a").await;
    let change = rotation(&new, "a-fresh");
    for wrong in [0, 2, u64::MAX] {
        let outcome = store.commit_keys(&new.tenant.id, wrong, &change).await.unwrap();
        assert_eq!(outcome, CommitOutcome::Conflict, "version {wrong}");
    }
    assert_eq!(by_kid(load(store, &new).await.keys), by_kid(new.keys.clone()));
    let outcome = store.commit_keys(&new.tenant.id, 1, &change).await.unwrap();
    assert_eq!(outcome, CommitOutcome::Done { version: 2 });
    let record = load(store, &new).await;
    assert_eq!(record.tenant.version, 2);
    let expected = change.updated.iter().chain(&change.inserted).cloned().collect();
    assert_eq!(by_kid(record.keys), by_kid(expected));
    let again = store.commit_keys(&new.tenant.id, 1, &KeyChange::default()).await.unwrap();
    assert_eq!(again, CommitOutcome::Conflict);
}

async fn current_and_next_are_unique(store: &impl Store) {
    let new = created(store, "a").await;
    for state in [KeyState::Current, KeyState::Next] {
        let inserted = vec![key("second", Algorithm::RS256, state)];
        let change = KeyChange { inserted, updated: Vec::new() };
        refused(store.commit_keys(&new.tenant.id, 1, &change).await, "key_states_conflict");
    }
    // Half a rotation: the next key becomes current beside the current one.
    let half = KeyChange { inserted: Vec::new(), updated: vec![promoted(&new.keys[1])] };
    refused(store.commit_keys(&new.tenant.id, 1, &half).await, "key_states_conflict");
    unchanged(store, &new).await;
    let inserted = [KeyState::Current, KeyState::Next]
        .map(|state| key(&format!("es-{state}"), Algorithm::ES256, state))
        .to_vec();
    let other_algorithm = KeyChange { inserted, updated: Vec::new() };
    let outcome = store.commit_keys(&new.tenant.id, 1, &other_algorithm).await.unwrap();
    assert_eq!(outcome, CommitOutcome::Done { version: 2 });
}

async fn kids_are_never_used_twice(store: &impl Store) {
    let (a, b) = (created(store, "a").await, created(store, "b").await);
    for (tenant, kid) in [(&a, "a-current"), (&a, "b-current"), (&b, "a-next")] {
        let inserted = vec![key(kid, Algorithm::ES256, KeyState::Next)];
        let change = KeyChange { inserted, updated: Vec::new() };
        refused(store.commit_keys(&tenant.tenant.id, 1, &change).await, "kid_used");
        unchanged(store, tenant).await;
    }
    let mut stolen = new_tenant("c", 10);
    stolen.keys[0] = key("a-current", Algorithm::RS256, KeyState::Current);
    refused(store.create_tenant(&stolen).await, "kid_used");
}

async fn keys_keep_their_material_and_stay_revoked(store: &impl Store) {
    let (a, b) = (created(store, "a").await, created(store, "b").await);
    let id = &a.tenant.id;
    let update = |key: SigningKeyRecord| KeyChange { inserted: Vec::new(), updated: vec![key] };
    let other_certificate = changed(&a.keys[0], |parts| parts.certificate = new_certificate());
    let other_algorithm = changed(&a.keys[0], |parts| parts.algorithm = Algorithm::ES256);
    let unknown = changed(&a.keys[0], |parts| parts.kid = "unknown".into());
    for key in [other_certificate, other_algorithm, unknown, b.keys[0].clone()] {
        refused(store.commit_keys(id, 1, &update(key)).await, "key_states_conflict");
    }
    unchanged(store, &a).await;
    store.commit_keys(id, 1, &rotation(&a, "a-fresh")).await.unwrap();
    let previous = demoted(&a.keys[0]);
    let revoked = changed(&previous, |parts| {
        parts.state = KeyState::Revoked;
        parts.revoked_at = Some(NOW);
        parts.sealed_private = None;
    });
    store.commit_keys(id, 2, &update(revoked.clone())).await.unwrap();
    for back in [previous, a.keys[0].clone(), revoked.clone()] {
        refused(store.commit_keys(id, 3, &update(back)).await, "key_states_conflict");
    }
    let kept = load(store, &a).await.keys.into_iter().find(|key| key.kid() == revoked.kid());
    assert_eq!(kept, Some(revoked));
}

async fn apis_keep_algorithm_and_secret(store: &impl Store) {
    let new = created(store, "a").await;
    let id = &new.tenant.id;
    let api = |name: &str, scopes: &[&str], secret: u8| {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let settings = NewApi { name: name.to_owned(), scopes, ..NewApi::new(AUDIENCE, Algorithm::HS256) };
        Api::new(settings, Some(vec![secret].into())).unwrap()
    };
    store.put_api(id, &api("first", &["a", "b"], 1)).await.unwrap();
    assert_eq!(stored_api(store, &new).await, (2, api("first", &["a", "b"], 1)));
    store.put_api(id, &api("first", &["a", "b"], 2)).await.unwrap();
    assert_eq!(stored_api(store, &new).await, (2, api("first", &["a", "b"], 1)), "the same again");
    store.put_api(id, &api("second", &[], 2)).await.unwrap();
    assert_eq!(stored_api(store, &new).await, (3, api("second", &[], 1)), "the secret stays");
    let other = Api::new(NewApi::new(AUDIENCE, Algorithm::RS256), None).unwrap();
    refused(store.put_api(id, &other).await, "api_algorithm_fixed");
    assert_eq!(stored_api(store, &new).await, (3, api("second", &[], 1)));
    // The same audience in another tenant is another API.
    let b = created(store, "b").await;
    store.put_api(&b.tenant.id, &other).await.unwrap();
}

async fn stored_api(store: &impl Store, new: &NewTenant) -> (u64, Api) {
    let record = load(store, new).await;
    let api = record.apis.into_iter().find(|api| api.audience() == AUDIENCE).unwrap();
    (record.tenant.version, api)
}

async fn applications_and_grants_are_kept(store: &impl Store) {
    let (a, b) = (created(store, "a").await, created(store, "b").await);
    let id = &a.tenant.id;
    let audience = a.apis[0].audience();
    let digest = SecretDigest::of("secret");
    let application = |id: &str| Application::new(id, "App", digest.clone()).unwrap();
    store.put_application(id, &application("app")).await.unwrap();
    refused(store.put_application(id, &application("app")).await, "application_exists");
    refused(store.put_application(&b.tenant.id, &application("app")).await, "application_exists");
    let grant = |client: &str, audience: &str, scopes: &[&str]| {
        Grant::new(client, audience, scopes.iter().map(|scope| (*scope).to_owned()).collect()).unwrap()
    };
    for unknown in [grant("nobody", audience, &[]), grant("app", "urn:nothing", &[])] {
        refused(store.put_grant(id, &unknown).await, "grant_party_unknown");
    }
    // An application of one tenant gets nothing in another.
    let elsewhere = grant("app", b.apis[0].audience(), &[]);
    refused(store.put_grant(&b.tenant.id, &elsewhere).await, "grant_party_unknown");
    assert_eq!(load(store, &a).await.tenant.version, 2);
    for (scopes, version) in [(&["a", "b"][..], 3), (&["a", "b"], 3), (&[], 4), (&["c"], 5)] {
        store.put_grant(id, &grant("app", audience, scopes)).await.unwrap();
        let record = load(store, &a).await;
        assert_eq!(record.tenant.version, version, "{scopes:?}");
        assert_eq!(record.grants, [grant("app", audience, scopes)]);
    }
    let kept = load(store, &a).await.applications;
    assert_eq!((kept.len(), kept[0].client_id(), kept[0].name()), (1, "app", "App"));
    assert!(kept[0].secret_digest().matches(&digest));
    unchanged(store, &b).await;
}

async fn unknown_tenants_are_named(store: &impl Store) {
    let nobody = TenantId::from("nobody".to_owned());
    assert!(store.load_tenant(&nobody).await.unwrap().is_none());
    refused(store.commit_keys(&nobody, 1, &KeyChange::default()).await, "tenant_unknown");
    let api = Api::new(NewApi::new(AUDIENCE, Algorithm::RS256), None).unwrap();
    refused(store.put_api(&nobody, &api).await, "tenant_unknown");
    let application = Application::new("app", "App", SecretDigest::of("s")).unwrap();
    refused(store.put_application(&nobody, &application).await, "tenant_unknown");
    let grant = Grant::new("app", AUDIENCE, Vec::new()).unwrap();
    refused(store.put_grant(&nobody, &grant).await, "tenant_unknown");
}

async fn unstorable_times_are_refused(store: &impl Store) {
    let mut new = new_tenant("a", 10);
    new.tenant.created_at = UnixTime::from_seconds(u64::MAX);
    refused(store.create_tenant(&new).await, "store_out_of_range");
    assert!(store.tenants().await.unwrap().is_empty());
}

async fn concurrent_commits_have_one_winner<S: Store>(store: Arc<S>) {
    const RIVALS: usize = 8;
    let new = created(store.as_ref(), "a").await;
    let rivals: Vec<_> = (0..RIVALS)
        .map(|number| {
            let (store, id) = (Arc::clone(&store), new.tenant.id.clone());
            let change = rotation(&new, &format!("fresh-{number}"));
            tokio::spawn(async move { store.commit_keys(&id, 1, &change).await.unwrap() })
        })
        .collect();
    let mut outcomes = Vec::new();
    for rival in rivals {
        outcomes.push(rival.await.unwrap());
    }
    let winners = outcomes.iter().filter(|outcome| **outcome == CommitOutcome::Done { version: 2 }).count();
    let losers = outcomes.iter().filter(|outcome| **outcome == CommitOutcome::Conflict).count();
    assert_eq!((winners, losers), (1, RIVALS - 1));
    assert_eq!(load(store.as_ref(), &new).await.keys.len(), 3);
}

fn refused<T>(outcome: Result<T, StoreError>, code: &str) {
    assert_eq!(outcome.map(drop).map_err(|error| error.code()), Err(code));
}

async fn load(store: &impl Store, new: &NewTenant) -> TenantRecord {
    store.load_tenant(&new.tenant.id).await.unwrap().unwrap()
}

async fn unchanged(store: &impl Store, new: &NewTenant) {
    let record = load(store, new).await;
    assert_eq!(record.tenant, new.tenant);
    assert_eq!(by_kid(record.keys), by_kid(new.keys.clone()));
    assert_eq!(record.apis, new.apis);
}

async fn created(store: &impl Store, name: &str) -> NewTenant {
    let new = new_tenant(name, 10);
    store.create_tenant(&new).await.unwrap();
    new
}

/// A tenant with a current and a next key and its management API. The keys are no RSA keys: a store does not look.
fn new_tenant(name: &str, created_at: u64) -> NewTenant {
    let issuer = Issuer::try_from(format!("https://{name}.example/").as_str()).unwrap();
    let id = TenantId::from(name.to_owned());
    let apis = vec![Api::new(NewApi::management(&issuer), None).unwrap()];
    let tenant = Tenant { id, issuer, version: 1, created_at: UnixTime::from_seconds(created_at) };
    let keys = [KeyState::Current, KeyState::Next]
        .map(|state| key(&format!("{name}-{state}"), Algorithm::RS256, state))
        .to_vec();
    NewTenant { tenant, keys, apis }
}

fn key(kid: &str, algorithm: Algorithm, state: KeyState) -> SigningKeyRecord {
    let parts = KeyParts {
        kid: kid.to_owned(),
        algorithm,
        state,
        certificate: new_certificate(),
        sealed_private: Some(kid.as_bytes().to_vec().into()),
        created_at: NOW,
        current_since: Some(NOW.saturating_add(1)).filter(|_| state == KeyState::Current),
        current_until: None,
        revoked_at: None,
    };
    parts.try_into().unwrap()
}

fn new_certificate() -> Certificate {
    let private = SigningKey::generate(Algorithm::ES256).unwrap();
    certificate::self_signed(Algorithm::ES256, &private, "tenant.example", NOW).unwrap()
}

fn changed(key: &SigningKeyRecord, how: impl FnOnce(&mut KeyParts)) -> SigningKeyRecord {
    let mut parts = key.parts().clone();
    how(&mut parts);
    parts.try_into().unwrap()
}

fn promoted(next: &SigningKeyRecord) -> SigningKeyRecord {
    changed(next, |parts| (parts.state, parts.current_since) = (KeyState::Current, Some(NOW)))
}

fn demoted(current: &SigningKeyRecord) -> SigningKeyRecord {
    changed(current, |parts| (parts.state, parts.current_until) = (KeyState::Previous, Some(NOW)))
}

/// The promotion stands before the demotion: the store must find the order that its rules allow.
fn rotation(new: &NewTenant, fresh: &str) -> KeyChange {
    KeyChange {
        inserted: vec![key(fresh, Algorithm::RS256, KeyState::Next)],
        updated: vec![promoted(&new.keys[1]), demoted(&new.keys[0])],
    }
}

fn by_kid(mut keys: Vec<SigningKeyRecord>) -> Vec<SigningKeyRecord> {
    keys.sort_by(|a, b| a.kid().cmp(b.kid()));
    keys
}
