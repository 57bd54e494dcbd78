//! The service against a store in memory: what it keeps, what it publishes, what it refuses.

use jwksmith_jose::{AccessClaims, KeySet, Policy, Refusal, Token, limits, verify};

use super::fake::FakeStore;
use super::*;
use crate::application::SecretDigest;
use crate::error::{Fault, TenantError};
use crate::key::KeyParts;
use crate::lifecycle::LifecycleError;
use crate::random::SECRET_BYTES;
use crate::seal::SealError;
use crate::snapshot::key_place;

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);
const ISSUER: &str = "https://tenant.example/";
const AUDIENCE: &str = "https://api.example/";

fn key(byte: u8) -> KeyEncryptionKey {
    KeyEncryptionKey::from_bytes(&[byte; SECRET_BYTES]).unwrap()
}

fn issuer() -> Issuer {
    Issuer::try_from(ISSUER).unwrap()
}

async fn open(store: &Arc<FakeStore>) -> Result<Authority, OpenError> {
    open_under(store, 1).await
}

async fn open_under(store: &Arc<FakeStore>, byte: u8) -> Result<Authority, OpenError> {
    Authority::open(Arc::<FakeStore>::clone(store), key(byte)).await
}

/// An authority with one tenant.
struct House {
    store: Arc<FakeStore>,
    authority: Authority,
    id: TenantId,
}

impl House {
    async fn new() -> Self {
        let store = Arc::<FakeStore>::default();
        let authority = open(&store).await.unwrap();
        let id = authority.create_tenant(&issuer(), NOW).await.unwrap().tenant().id.clone();
        Self { store, authority, id }
    }

    fn tenant(&self) -> Arc<TenantSnapshot> {
        self.authority.tenant(&self.id).unwrap()
    }

    fn kids(&self, state: KeyState) -> Vec<String> {
        let tenant = self.tenant();
        tenant.keys().iter().filter(|key| key.state() == state).map(|key| key.kid().to_owned()).collect()
    }

    async fn api(
        &self,
        algorithm: Algorithm,
        scopes: &[&str],
    ) -> Result<Arc<TenantSnapshot>, AuthorityError> {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let api = NewApi { scopes, ..NewApi::new(AUDIENCE, algorithm) };
        self.authority.ensure_api(&self.id, api, NOW).await
    }

    /// An application that may ask for tokens with all scopes of the API.
    async fn client(&self, scopes: &[&str]) -> Client {
        let (client_id, secret) = self.authority.create_application(&self.id, "App").await.unwrap();
        self.authority.grant(&self.id, &client_id, AUDIENCE, scopes).await.unwrap();
        Client { client_id, secret }
    }

    fn issue(&self, client: &Client) -> IssuedToken {
        self.authority.issue(&self.tenant(), &client.request(), NOW).unwrap()
    }

    fn check_token(&self, token: &str, algorithm: Algorithm) -> Result<AccessClaims, Refusal> {
        let policy = Policy::new(ISSUER, AUDIENCE, [algorithm]).unwrap().token_type("at+jwt").unwrap();
        Ok(verify(token, self.tenant().key_set(), &policy, NOW)?.into_claims())
    }
}

struct Client {
    client_id: String,
    secret: ClientSecret,
}

impl Client {
    fn request(&self) -> TokenRequest<'_> {
        let (client_id, client_secret) = (self.client_id.as_str(), self.secret.expose());
        TokenRequest { client_id, client_secret, audience: AUDIENCE, scope: None }
    }
}

#[tokio::test]
async fn new_tenant_publishes_two_keys_and_true_metadata() {
    let house = House::new().await;
    let tenant = house.tenant();
    let states: Vec<KeyState> = tenant.keys().iter().map(KeyView::state).collect();
    assert_eq!(states, [KeyState::Current, KeyState::Next]);
    assert_eq!(tenant.key_set().keys().len(), 2);
    let current = tenant.current(Algorithm::RS256).unwrap();
    assert_eq!(tenant.key_set().keys()[0].key_id(), Some(current.kid()));
    assert_eq!(current.certificate().subject(), "CN=tenant.example");
    assert_eq!(tenant.apis().map(Api::audience).collect::<Vec<_>>(), ["https://tenant.example/api/v2/"]);
    let text = |document: &crate::Document| String::from_utf8(document.body.to_vec()).unwrap();
    assert_eq!(
        text(&tenant.published().authorization_server),
        r#"{"issuer":"https://tenant.example/","token_endpoint":"https://tenant.example/oauth/token","jwks_uri":"https://tenant.example/.well-known/jwks.json","grant_types_supported":["client_credentials"],"response_types_supported":[],"token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"]}"#
    );
    let openid = text(&tenant.published().openid_configuration);
    let metadata = text(&tenant.published().authorization_server);
    let added = r#","subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"],"claims_supported":["iss","sub","aud","exp","iat","jti","client_id","scope"]}"#;
    assert_eq!(openid, format!("{}{added}", metadata.trim_end_matches('}')));
}

#[tokio::test]
async fn key_set_holds_public_members_only_and_its_etag_follows_it() {
    let house = House::new().await;
    let before = house.tenant().published().key_set.clone();
    let body = String::from_utf8(before.body.to_vec()).unwrap();
    for private in ["\"d\"", "\"p\"", "\"q\"", "\"dp\"", "\"dq\"", "\"qi\"", "\"k\"", "\"oct\""] {
        assert!(!body.contains(private), "{private}");
    }
    for public in ["kty", "use", "n", "e", "kid", "x5t", "x5t#S256", "x5c", "alg"] {
        assert_eq!(body.matches(&format!("\"{public}\":")).count(), 2, "{public}");
    }
    assert!(before.etag.starts_with('"') && before.etag.ends_with('"') && before.etag.len() == 45);
    house.api(Algorithm::RS256, &[]).await.unwrap();
    assert_eq!(
        house.tenant().published().key_set,
        before,
        "the key set did not change, and so not its bytes"
    );
    house.authority.rotate(&house.id, NOW).await.unwrap();
    assert_ne!(house.tenant().published().key_set.etag, before.etag);
}

#[tokio::test]
async fn rotation_and_revocation_keep_what_they_promise() {
    let house = House::new().await;
    house.api(Algorithm::RS256, &["read:orders"]).await.unwrap();
    let client = house.client(&["read:orders"]).await;
    let before = house.tenant();
    let (old_current, old_next) = (house.kids(KeyState::Current), house.kids(KeyState::Next));
    let old_token = house.issue(&client).access_token;

    let fresh = house.authority.rotate(&house.id, NOW).await.unwrap();
    assert_eq!(house.kids(KeyState::Previous), old_current);
    assert_eq!(house.kids(KeyState::Current), old_next);
    assert_eq!(house.kids(KeyState::Next), [fresh.kid()]);
    assert_eq!(house.tenant().key_set().keys().len(), 3);
    let new_token = house.issue(&client).access_token;
    assert!(house.check_token(&old_token, Algorithm::RS256).is_ok());
    assert!(house.check_token(&new_token, Algorithm::RS256).is_ok());
    let policy = Policy::new(ISSUER, AUDIENCE, [Algorithm::RS256]).unwrap();
    let with_old_set = verify::<AccessClaims>(&new_token, before.key_set(), &policy, NOW);
    assert!(with_old_set.is_ok(), "who had the set before needs no new one");

    let revoked = house.authority.revoke(&house.id, &old_current[0], NOW).await.unwrap();
    assert_eq!((revoked.state(), revoked.revoked_at()), (KeyState::Revoked, Some(NOW)));
    let refusal = house.check_token(&old_token, Algorithm::RS256).unwrap_err();
    assert_eq!(refusal.code(), "kid_unknown");
    assert!(house.check_token(&new_token, Algorithm::RS256).is_ok());
    let record = house.store.load_tenant(&house.id).await.unwrap().unwrap();
    let key = record.keys.iter().find(|key| key.kid() == old_current[0]).unwrap();
    assert!(key.sealed_private().is_none(), "the private half is destroyed");
    assert_eq!(house.tenant().tenant().version, record.tenant.version);

    let reopened = open(&house.store).await.unwrap();
    let again = reopened.tenant(&house.id).unwrap();
    assert_eq!(again.keys(), house.tenant().keys());
    assert_eq!(again.published(), house.tenant().published());
}

#[tokio::test]
async fn published_keys_stand_in_their_order() {
    let house = House::new().await;
    house.api(Algorithm::ES256, &[]).await.unwrap();
    for step in 1..=2 {
        house.authority.rotate(&house.id, NOW.saturating_add(step)).await.unwrap();
    }
    let tenant = house.tenant();
    let shown: Vec<(KeyState, Algorithm, Option<u64>)> = tenant
        .keys()
        .iter()
        .map(|key| (key.state(), key.algorithm(), key.current_until().map(UnixTime::as_seconds)))
        .collect();
    let (rs, es) = (Algorithm::RS256, Algorithm::ES256);
    let until = |step| Some(NOW.as_seconds() + step);
    let expected = [
        (KeyState::Current, rs, None),
        (KeyState::Next, rs, None),
        (KeyState::Previous, rs, until(2)),
        (KeyState::Previous, rs, until(1)),
        (KeyState::Current, es, None),
        (KeyState::Next, es, None),
        (KeyState::Previous, es, until(2)),
        (KeyState::Previous, es, until(1)),
    ];
    assert_eq!(shown, expected);
    let published: Vec<_> = tenant.key_set().keys().iter().map(|key| key.key_id().unwrap()).collect();
    assert_eq!(published, tenant.keys().iter().map(KeyView::kid).collect::<Vec<_>>());
    let openid = String::from_utf8(tenant.published().openid_configuration.body.to_vec()).unwrap();
    assert!(openid.contains(r#""id_token_signing_alg_values_supported":["RS256","ES256"]"#), "{openid}");
}

#[tokio::test]
async fn revoking_what_is_not_previous_is_refused_and_changes_nothing() {
    let house = House::new().await;
    let before = house.store.dump();
    for (kid, code, fault) in [
        (house.kids(KeyState::Current)[0].as_str(), "key_is_current", Fault::Conflict),
        (house.kids(KeyState::Next)[0].as_str(), "key_is_next", Fault::Conflict),
        ("unknown", "key_unknown", Fault::Unknown),
    ] {
        let error = house.authority.revoke(&house.id, kid, NOW).await.unwrap_err();
        assert_eq!((error.code(), error.fault()), (code, fault));
    }
    let nobody = TenantId::from("nobody".to_owned());
    assert_eq!(house.authority.revoke(&nobody, "k", NOW).await.unwrap_err().code(), "tenant_unknown");
    assert_eq!(house.authority.rotate(&nobody, NOW).await.unwrap_err().fault(), Fault::Unknown);
    assert_eq!(house.store.dump(), before);
}

#[tokio::test]
async fn token_says_what_rfc_9068_wants() {
    let house = House::new().await;
    for (algorithm, audience) in
        [(Algorithm::RS256, AUDIENCE), (Algorithm::ES256, "urn:es"), (Algorithm::HS256, "urn:hs")]
    {
        let api = NewApi {
            scopes: vec!["a".into(), "b".into()],
            token_lifetime_seconds: 600,
            ..NewApi::new(audience, algorithm)
        };
        let tenant = house.authority.ensure_api(&house.id, api, NOW).await.unwrap();
        let (client_id, secret) = house.authority.create_application(&house.id, "App").await.unwrap();
        house.authority.grant(&house.id, &client_id, audience, &["a", "b"]).await.unwrap();
        let client = Client { client_id, secret };
        let request = TokenRequest { audience, ..client.request() };
        let issued = house.authority.issue(&house.tenant(), &request, NOW).unwrap();
        assert_eq!((issued.expires_in, issued.scope.as_deref()), (600, Some("a b")));
        assert!(!format!("{issued:?}").contains(&issued.access_token));

        let kid = Token::parse(&issued.access_token).unwrap().header().key_id().map(str::to_owned);
        let current = tenant.current(algorithm).map(|key| key.kid().to_owned());
        assert_eq!(kid, current, "{algorithm}");
        let policy = Policy::new(ISSUER, audience, [algorithm]).unwrap().token_type("at+jwt").unwrap();
        let secret = house.authority.api_secret(&tenant, audience);
        assert_eq!(secret.is_some(), algorithm == Algorithm::HS256);
        let local = secret.map(|secret| local_key_set(&secret));
        let keys = local.as_ref().unwrap_or(tenant.key_set());
        let at = |seconds| {
            verify::<AccessClaims>(&issued.access_token, keys, &policy, NOW.saturating_add(seconds))
        };
        let claims = at(0).unwrap().into_claims();
        assert_eq!(claims.sub.as_deref(), Some(client.client_id.as_str()));
        assert_eq!(claims.client_id, claims.sub);
        assert_eq!(claims.scope.as_deref(), Some("a b"));
        assert_eq!(claims.jti.unwrap().len(), 22);
        assert!(at(600 - 1).is_ok());
        assert_eq!(at(600 + 31).unwrap_err().code(), "token_expired");
    }
}

fn local_key_set(secret: &SecretBytes) -> KeySet {
    let k = jwksmith_jose::base64url_encode(secret.expose());
    KeySet::parse_local(format!(r#"{{"keys":[{{"kty":"oct","k":"{k}","alg":"HS256"}}]}}"#).as_bytes())
        .unwrap()
}

#[tokio::test]
async fn token_is_refused_to_whoever_may_not_have_it() {
    let house = House::new().await;
    house.api(Algorithm::RS256, &["a", "b", "c"]).await.unwrap();
    let client = house.client(&["a", "b"]).await;
    let other = house.client(&[]).await;
    let tenant = house.tenant();
    let check = |request: TokenRequest<'_>, expected: Result<Option<&str>, &str>| {
        let found = house.authority.issue(&tenant, &request, NOW);
        let found = found.as_ref().map(|issued| issued.scope.as_deref()).map_err(IssueError::code);
        assert_eq!(found, expected);
    };
    let ask = client.request();
    check(ask, Ok(Some("a b")));
    check(TokenRequest { scope: Some(""), ..ask }, Ok(Some("a b")));
    check(TokenRequest { scope: Some("b"), ..ask }, Ok(Some("b")));
    check(TokenRequest { scope: Some("b a b"), ..ask }, Ok(Some("b a")));
    for refused in ["c", "a c", "a  b", " a", "A", "a,b", "read:signing_keys"] {
        check(TokenRequest { scope: Some(refused), ..ask }, Err("invalid_scope"));
    }
    for client_secret in ["", "x", &client.client_id, other.secret.expose()] {
        check(TokenRequest { client_secret, ..ask }, Err("invalid_client"));
    }
    for client_id in ["", "nobody", &other.client_id] {
        check(TokenRequest { client_id, ..ask }, Err("invalid_client"));
    }
    for audience in ["", "https://other.example/", "https://api.example"] {
        check(TokenRequest { audience, ..ask }, Err("unknown_audience"));
        // Who cannot prove who it is learns nothing about the APIs.
        check(TokenRequest { audience, client_secret: "x", ..ask }, Err("invalid_client"));
    }
    check(TokenRequest { audience: "https://tenant.example/api/v2/", ..ask }, Err("not_granted"));
    let scopeless = house.authority.issue(&tenant, &other.request(), NOW).unwrap();
    assert_eq!(scopeless.scope, None);
    assert!(house.check_token(&scopeless.access_token, Algorithm::RS256).unwrap().scope.is_none());
    // A scope that the API has lost is granted no more.
    let fewer = house.api(Algorithm::RS256, &["b"]).await.unwrap();
    assert_eq!(house.authority.issue(&fewer, &client.request(), NOW).unwrap().scope.as_deref(), Some("b"));
}

#[tokio::test]
async fn largest_token_still_fits() {
    let house = House::new().await;
    let audience = "a".repeat(crate::AUDIENCE_BYTES_MAX);
    let scopes: Vec<String> =
        (0..crate::API_SCOPES_MAX).map(|n| format!("{n:0width$}", width = crate::SCOPE_BYTES_MAX)).collect();
    let refs: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let api = NewApi { scopes: scopes.clone(), ..NewApi::new(audience.clone(), Algorithm::RS256) };
    house.authority.ensure_api(&house.id, api, NOW).await.unwrap();
    let (client_id, secret) = house.authority.create_application(&house.id, "App").await.unwrap();
    house.authority.grant(&house.id, &client_id, &audience, &refs).await.unwrap();
    let client = Client { client_id, secret };
    let request = TokenRequest { audience: &audience, ..client.request() };
    let token = house.authority.issue(&house.tenant(), &request, NOW).unwrap().access_token;
    let longest_issuer = (crate::ISSUER_BYTES_MAX - ISSUER.len()) * 4 / 3;
    assert!(token.len() + longest_issuer <= limits::TOKEN_BYTES_MAX, "{} bytes", token.len());
}

#[tokio::test]
async fn ensuring_an_api_is_idempotent_and_never_changes_its_algorithm() {
    let house = House::new().await;
    let first = house.api(Algorithm::ES256, &["a"]).await.unwrap();
    assert_eq!(first.key_set().keys().len(), 4);
    let writes = house.store.writes();
    let again = house.api(Algorithm::ES256, &["a"]).await.unwrap();
    assert_eq!((house.store.writes(), again.keys()), (writes, first.keys()), "nothing new is made");
    let changed = house.api(Algorithm::ES256, &["a", "b"]).await.unwrap();
    assert_eq!(changed.api(AUDIENCE).unwrap().scopes(), ["a", "b"]);
    assert_eq!(changed.keys(), first.keys());
    for other in [Algorithm::RS256, Algorithm::HS256] {
        let error = house.api(other, &["a"]).await.unwrap_err();
        assert_eq!((error.code(), error.fault()), ("api_algorithm_fixed", Fault::Conflict));
    }
    let error = house.api(Algorithm::PS256, &[]).await.unwrap_err();
    assert_eq!((error.code(), error.fault()), ("api_algorithm_unsupported", Fault::Request));

    let shared = NewApi::new("urn:hs", Algorithm::HS256);
    let tenant = house.authority.ensure_api(&house.id, shared.clone(), NOW).await.unwrap();
    let secret = house.authority.api_secret(&tenant, "urn:hs").unwrap();
    assert_eq!(secret.expose().len(), 32);
    let renamed = NewApi { name: "other".into(), ..shared };
    let tenant = house.authority.ensure_api(&house.id, renamed, NOW).await.unwrap();
    assert_eq!(tenant.api("urn:hs").unwrap().name(), "other");
    let kept = house.authority.api_secret(&tenant, "urn:hs").unwrap();
    assert_eq!(kept.expose(), secret.expose(), "the secret stays");
    assert!(house.authority.api_secret(&tenant, AUDIENCE).is_none());
    assert!(house.authority.api_secret(&tenant, "urn:nothing").is_none());
}

#[tokio::test]
async fn grants_need_an_application_an_api_and_its_scopes() {
    let house = House::new().await;
    house.api(Algorithm::RS256, &["a"]).await.unwrap();
    let (client_id, _) = house.authority.create_application(&house.id, "App").await.unwrap();
    let writes = house.store.writes();
    for (client, audience, scopes, code) in [
        ("nobody", AUDIENCE, &["a"][..], "application_unknown"),
        (&client_id, "urn:nothing", &["a"], "api_unknown"),
        (&client_id, AUDIENCE, &["a", "b"], "scope_unknown"),
        (&client_id, AUDIENCE, &["a", "a"], "scope_twice"),
        (&client_id, AUDIENCE, &["a b"], "scope_malformed"),
    ] {
        let refused = house.authority.grant(&house.id, client, audience, scopes).await;
        assert_eq!(refused.unwrap_err().code(), code);
    }
    let unnamed = house.authority.create_application(&house.id, "").await;
    assert_eq!(unnamed.err().map(|error| error.code()), Some("name_invalid"));
    assert_eq!(house.store.writes(), writes);
    let stored = house.store.dump();
    let (_, secret) = house.authority.create_application(&house.id, "App").await.unwrap();
    assert!(!stored.contains(secret.expose()));
    let digest = house.tenant().application(&client_id).unwrap().secret_digest().clone();
    assert!(!digest.matches(&SecretDigest::of(secret.expose())), "each has its own");
}

#[tokio::test]
async fn tenant_is_found_by_its_host_and_port() {
    let house = House::new().await;
    let local = Issuer::try_from("http://localhost:8080/").unwrap();
    house.authority.create_tenant(&local, NOW).await.unwrap();
    let found = |host: &str| {
        house.authority.tenant_by_authority(host).map(|tenant| tenant.tenant().issuer.as_str().to_owned())
    };
    for host in ["tenant.example", "TENANT.example", "tenant.example:443"] {
        assert_eq!(found(host).as_deref(), Some(ISSUER), "{host}");
    }
    assert_eq!(found("localhost:8080").as_deref(), Some("http://localhost:8080/"));
    for host in [
        "",
        ":",
        ":443",
        "tenant.example:",
        "tenant.example:80",
        "tenant.example:0443",
        "tenant.example:+443",
        "localhost",
        "localhost:80",
        "localhost:8081",
        "a.tenant.example",
        "tenant.example.",
        "tenant.example/",
    ] {
        assert_eq!(found(host), None, "{host}");
    }
    let issuers: Vec<String> =
        house.authority.tenants().iter().map(|tenant| tenant.tenant().issuer.to_string()).collect();
    assert_eq!(issuers, ["http://localhost:8080/", ISSUER]);
    let again = house.authority.create_tenant(&issuer(), NOW).await.unwrap_err();
    assert_eq!((again.code(), again.fault()), ("tenant_exists", Fault::Conflict));
}

#[tokio::test]
async fn wrong_key_encryption_key_stops_the_start_and_mints_nothing() {
    let house = House::new().await;
    let (before, writes) = (house.store.dump(), house.store.writes());
    let refused = open_under(&house.store, 2).await.unwrap_err();
    assert_eq!(refused.code(), "key_encryption_key_wrong");
    assert!(matches!(refused, OpenError::KeyEncryptionKey(SealError::OtherKey { .. })));
    assert_eq!((house.store.dump(), house.store.writes()), (before, writes));
}

#[tokio::test]
async fn empty_store_remembers_its_key_encryption_key() {
    let store = Arc::<FakeStore>::default();
    open(&store).await.unwrap();
    open(&store).await.unwrap();
    assert_eq!(store.writes(), 1, "one check record and nothing else");
    let refused = open_under(&store, 2).await.unwrap_err();
    assert_eq!(refused.code(), "key_encryption_key_wrong");
}

#[tokio::test]
async fn missing_check_record_beside_tenants_stops_the_start() {
    let house = House::new().await;
    house.store.forget_check_record();
    let writes = house.store.writes();
    assert_eq!(open(&house.store).await.unwrap_err().code(), "check_record_missing");
    assert_eq!(house.store.writes(), writes);
}

/// Changes the parts of the tenant's first two keys.
fn tamper(house: &House, how: impl FnOnce(&mut KeyParts, &mut KeyParts)) {
    house.store.tamper(&house.id, |record| {
        let mut parts: Vec<KeyParts> = record.keys.iter().map(|key| key.parts().clone()).collect();
        let [first, second] = &mut parts[..] else { panic!("two keys") };
        how(first, second);
        record.keys = parts.into_iter().map(|parts| parts.try_into().unwrap()).collect();
    });
}

async fn check_tampered(how: impl FnOnce(&House), expected: &str) {
    let house = House::new().await;
    house.api(Algorithm::HS256, &[]).await.unwrap();
    how(&house);
    let (before, writes) = (house.store.dump(), house.store.writes());
    let error = open(&house.store).await.unwrap_err();
    assert_eq!(error.code(), expected, "{error}");
    assert!(error.to_string().contains(ISSUER), "{error}");
    assert_eq!((house.store.dump(), house.store.writes()), (before, writes), "nothing is minted");
    // A running authority takes nothing of it over either.
    let serving = house.tenant().published().clone();
    let error = house.authority.rotate(&house.id, NOW).await.unwrap_err();
    assert_eq!((error.code(), error.fault()), (expected, Fault::Operator));
    assert_eq!(*house.tenant().published(), serving);
    assert_eq!(house.store.writes(), writes);
}

#[tokio::test]
async fn tampered_private_key_stops_the_start() {
    let flip = |sealed: &mut Option<Sealed>| {
        let mut bytes = sealed.as_ref().unwrap().as_bytes().to_vec();
        bytes[40] ^= 1;
        *sealed = Some(bytes.into());
    };
    check_tampered(|house| tamper(house, |first, _| flip(&mut first.sealed_private)), "key_sealed").await;
}

#[tokio::test]
async fn swapped_sealed_keys_stop_the_start() {
    let swap =
        |a: &mut KeyParts, b: &mut KeyParts| std::mem::swap(&mut a.sealed_private, &mut b.sealed_private);
    check_tampered(|house| tamper(house, swap), "key_sealed").await;
}

#[tokio::test]
async fn swapped_private_halves_stop_the_start() {
    check_tampered(|house| tamper(house, |a, b| swap_halves(&house.id, a, b)), "key_mismatch").await;
}

/// As somebody who has the key-encryption key would: each half sealed for the other's place.
fn swap_halves(tenant: &TenantId, a: &mut KeyParts, b: &mut KeyParts) {
    let opened = |parts: &KeyParts| {
        key(1).open(key_place(tenant, &parts.kid), parts.sealed_private.as_ref().unwrap()).unwrap()
    };
    let (half_a, half_b) = (opened(a), opened(b));
    a.sealed_private = Some(key(1).seal(key_place(tenant, &a.kid), &half_b).unwrap());
    b.sealed_private = Some(key(1).seal(key_place(tenant, &b.kid), &half_a).unwrap());
}

#[tokio::test]
async fn swapped_certificates_stop_the_start() {
    let swap = |a: &mut KeyParts, b: &mut KeyParts| std::mem::swap(&mut a.certificate, &mut b.certificate);
    check_tampered(|house| tamper(house, swap), "key_mismatch").await;
}

#[tokio::test]
async fn private_key_of_another_kind_stops_the_start() {
    let replace = |house: &House| {
        tamper(house, |first, _| {
            let other = jwksmith_jose::SigningKey::generate(Algorithm::ES256).unwrap();
            first.sealed_private = Some(key(1).seal(key_place(&house.id, &first.kid), &other).unwrap());
        });
    };
    check_tampered(replace, "key_rejected").await;
}

#[tokio::test]
async fn missing_keys_stop_the_start() {
    check_tampered(
        |house| house.store.tamper(&house.id, |record| drop(record.keys.pop())),
        "keys_incomplete",
    )
    .await;
    check_tampered(|house| house.store.tamper(&house.id, |record| record.keys.clear()), "keys_incomplete")
        .await;
}

#[tokio::test]
async fn tampered_api_secret_stops_the_start() {
    let replace = |house: &House, sealed: Sealed| {
        house.store.tamper(&house.id, |record| {
            let api = record.apis.iter_mut().find(|api| api.audience() == AUDIENCE).unwrap();
            *api = Api::new(api.settings().clone(), Some(sealed)).unwrap();
        });
    };
    check_tampered(|house| replace(house, vec![1, 2, 3].into()), "api_secret_sealed").await;
    let short = |house: &House| key(1).seal(secret_place(&house.id, AUDIENCE), &vec![7; 31].into()).unwrap();
    check_tampered(|house| replace(house, short(house)), "api_secret_rejected").await;
}

#[tokio::test]
async fn rotation_by_another_node_meanwhile_is_success() {
    let house = House::new().await;
    let other = open(&house.store).await.unwrap();
    let (id, node) = (house.id.clone(), other.clone());
    house.store.before_commit(async move { drop(node.rotate(&id, NOW).await.unwrap()) });
    let next = house.authority.rotate(&house.id, NOW).await.unwrap();
    assert_eq!(house.tenant().keys(), other.tenant(&house.id).unwrap().keys());
    assert_eq!(house.kids(KeyState::Next), [next.kid()]);
    assert_eq!(house.tenant().keys().len(), 3, "one rotation, not two");
}

#[tokio::test]
async fn other_change_meanwhile_is_decided_anew() {
    let house = House::new().await;
    let other = open(&house.store).await.unwrap();
    let (id, node) = (house.id.clone(), other.clone());
    let api = NewApi::new("urn:es", Algorithm::ES256);
    house.store.before_commit(async move {
        node.ensure_api(&id, api, NOW).await.unwrap();
    });
    house.authority.rotate(&house.id, NOW).await.unwrap();
    let tenant = house.tenant();
    assert_eq!(tenant.keys().len(), 6, "three of each algorithm: the new one is rotated too");
    assert!(tenant.api("urn:es").is_some());
    assert_eq!(house.store.load_tenant(&house.id).await.unwrap().unwrap().tenant, *tenant.tenant());
}

#[tokio::test]
async fn endless_conflicts_end_in_an_error() {
    let house = House::new().await;
    for attempts in [COMMIT_ATTEMPTS_MAX - 1, COMMIT_ATTEMPTS_MAX] {
        for _ in 0..attempts {
            let (store, id) = (Arc::clone(&house.store), house.id.clone());
            house.store.before_commit(async move { store.tamper(&id, |record| record.tenant.version += 1) });
        }
        let outcome = house.authority.rotate(&house.id, NOW).await.map(|key| key.state());
        if attempts < COMMIT_ATTEMPTS_MAX {
            assert_eq!(outcome.unwrap(), KeyState::Next);
        } else {
            assert_eq!(outcome.unwrap_err().fault(), Fault::Temporary);
        }
    }
}

#[tokio::test]
async fn caller_who_goes_away_leaves_nothing_half_done() {
    let house = House::new().await;
    let (started, go_on) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (tell, wait) = (Arc::clone(&started), Arc::clone(&go_on));
    house.store.before_commit(async move {
        tell.notify_one();
        wait.notified().await;
    });
    tokio::select! {
        _ = house.authority.rotate(&house.id, NOW) => panic!("it waits"),
        () = started.notified() => {}
    }
    assert_eq!(house.tenant().keys().len(), 2);
    go_on.notify_one();
    // Waits for its turn, and changes nothing itself.
    house.authority.revoke(&house.id, "unknown", NOW).await.unwrap_err();
    assert_eq!(house.tenant().keys().len(), 3, "kept, and so served");
}

#[tokio::test]
async fn rotation_stops_before_verifiers_would_refuse_the_key_set() {
    let house = House::new().await;
    let fill = |record: &mut TenantRecord| {
        let model = record.keys.iter().find(|key| key.state() == KeyState::Current).unwrap().parts().clone();
        for number in 0..lifecycle::PUBLISHED_KEYS_MAX - 2 {
            let kid = format!("old-{number}");
            let place = key_place(&record.tenant.id, &model.kid);
            let private = key(1).open(place, model.sealed_private.as_ref().unwrap()).unwrap();
            let sealed = key(1).seal(key_place(&record.tenant.id, &kid), &private).unwrap();
            let parts = KeyParts {
                kid,
                state: KeyState::Previous,
                sealed_private: Some(sealed),
                current_until: Some(NOW),
                ..model.clone()
            };
            record.keys.push(parts.try_into().unwrap());
        }
    };
    house.store.tamper(&house.id, fill);
    let reopened = open(&house.store).await.unwrap();
    assert_eq!(reopened.tenant(&house.id).unwrap().key_set().keys().len(), lifecycle::PUBLISHED_KEYS_MAX);
    let refused = reopened.rotate(&house.id, NOW).await.unwrap_err();
    assert!(matches!(refused, AuthorityError::Lifecycle(LifecycleError::TooManyPublished)));
    reopened.revoke(&house.id, "old-0", NOW).await.unwrap();
    reopened.rotate(&house.id, NOW).await.unwrap();
}

#[test]
fn inconsistent_keys_are_no_records() {
    let mint = Mint { tenant: TenantId::from("t".to_owned()), host: "h".to_owned(), key: Arc::new(key(1)) };
    let good = mint.next_key(Algorithm::ES256, NOW).unwrap().parts().clone();
    let check = |change: &dyn Fn(&mut KeyParts)| {
        let mut parts = good.clone();
        change(&mut parts);
        let error = TenantError::from(SigningKeyRecord::try_from(parts).unwrap_err());
        assert_eq!(error.code(), "key_inconsistent");
    };
    check(&|parts| parts.kid.clear());
    check(&|parts| parts.kid = "k".repeat(limits::KID_BYTES_MAX + 1));
    check(&|parts| parts.algorithm = Algorithm::HS256);
    check(&|parts| parts.sealed_private = None);
    check(&|parts| parts.current_since = Some(NOW));
    check(&|parts| parts.current_until = Some(NOW));
    check(&|parts| parts.revoked_at = Some(NOW));
    for state in [KeyState::Current, KeyState::Previous, KeyState::Revoked] {
        check(&|parts| parts.state = state);
    }
    let record = SigningKeyRecord::try_from(good).unwrap();
    let step = |kid: &str, from, to| Transition { kid: kid.to_owned(), from, to, at: NOW };
    assert!(record.after(&step("other", Some(KeyState::Next), KeyState::Current)).is_err());
    assert!(record.after(&step(record.kid(), Some(KeyState::Current), KeyState::Previous)).is_err());
    assert!(record.after(&step(record.kid(), None, KeyState::Next)).is_err());
    assert!(record.after(&step(record.kid(), Some(KeyState::Next), KeyState::Revoked)).is_err());
}
