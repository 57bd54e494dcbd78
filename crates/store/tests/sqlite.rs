//! What only SQLite can do or suffer: files, their modes, other versions, and rows that somebody changed by hand. And the
//! authority on a real file, across restarts.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jwksmith_authority::{
    Authority, Issuer, KeyEncryptionKey, NewApi, OpenError, Store, StoreError, TenantId, TokenRequest,
};
use jwksmith_jose::{Algorithm, SigningKey, UnixTime};
use jwksmith_store::SqliteStore;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, SqliteConnection};

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);
const AUDIENCE: &str = "https://api.example/";

fn key(byte: u8) -> KeyEncryptionKey {
    KeyEncryptionKey::from_bytes(&[byte; 32]).unwrap()
}

async fn open(path: &Path, byte: u8) -> Result<Authority, OpenError> {
    let store = SqliteStore::open(path).await?;
    Authority::open(Arc::new(store), key(byte)).await
}

/// A file with one tenant that has everything: two algorithms, a shared secret, an application, a revoked key.
struct Furnished {
    _folder: tempfile::TempDir,
    path: PathBuf,
    tenant: TenantId,
    client_id: String,
    client_secret: String,
}

impl Furnished {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authority.db");
        let authority = open(&path, 1).await.unwrap();
        let issuer = Issuer::try_from("https://tenant.example/").unwrap();
        let first = authority.create_tenant(&issuer, NOW).await.unwrap();
        let tenant = first.tenant().id.clone();
        for (audience, algorithm) in [(AUDIENCE, Algorithm::ES256), ("urn:hs", Algorithm::HS256)] {
            let api = NewApi { scopes: vec!["a".into()], ..NewApi::new(audience, algorithm) };
            authority.ensure_api(&tenant, api, NOW).await.unwrap();
        }
        let (client_id, secret) = authority.create_application(&tenant, "App").await.unwrap();
        authority.grant(&tenant, &client_id, AUDIENCE, &["a"]).await.unwrap();
        authority.rotate(&tenant, NOW).await.unwrap();
        let old = first.current(Algorithm::RS256).unwrap().kid().to_owned();
        authority.revoke(&tenant, &old, NOW).await.unwrap();
        let client_secret = secret.expose().to_owned();
        Self { _folder: folder, path, tenant, client_id, client_secret }
    }

    /// The same in another file: furnishing makes RSA keys, which takes its time.
    async fn copy(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authority.db");
        let mut raw = self.raw().await;
        sqlx::query("VACUUM INTO ?").bind(path.to_str().unwrap()).execute(&mut raw).await.unwrap();
        raw.close().await.unwrap();
        let (client_id, client_secret) = (self.client_id.clone(), self.client_secret.clone());
        Self { _folder: folder, path, tenant: self.tenant.clone(), client_id, client_secret }
    }

    async fn raw(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(&self.path).foreign_keys(false).connect().await.unwrap()
    }

    /// Changes rows past the rules of the tables.
    async fn damage(&self, sql: &'static str) {
        let mut raw = self.raw().await;
        sqlx::query("PRAGMA ignore_check_constraints = ON").execute(&mut raw).await.unwrap();
        let done = sqlx::query(sql).execute(&mut raw).await.unwrap();
        assert!(done.rows_affected() > 0, "{sql}");
        raw.close().await.unwrap();
    }

    /// Every value of every table.
    async fn dump(&self) -> String {
        let mut raw = self.raw().await;
        let mut dump = String::new();
        for table in ["check_record", "tenants", "signing_keys", "apis", "applications", "grants"] {
            let columns = sqlx::query("SELECT group_concat('quote(' || name || ')', ' || '','' || ') AS list FROM pragma_table_info(?)")
                .bind(table)
                .fetch_one(&mut raw)
                .await
                .unwrap();
            let columns: String = columns.get("list");
            let query = format!("SELECT {columns} AS line FROM {table} ORDER BY line");
            for row in sqlx::query(AssertSqlSafe(query)).fetch_all(&mut raw).await.unwrap() {
                dump.extend([table, ": ", row.get("line"), "\n"]);
            }
        }
        raw.close().await.unwrap();
        dump
    }
}

#[tokio::test]
async fn restart_finds_everything_again() {
    let house = Furnished::new().await;
    let (first, second) = (open(&house.path, 1).await.unwrap(), open(&house.path, 1).await.unwrap());
    let (a, b) = (first.tenant(&house.tenant).unwrap(), second.tenant(&house.tenant).unwrap());
    assert_eq!(a.published(), b.published());
    assert_eq!(a.keys(), b.keys());
    assert_eq!(a.keys().len(), 6);
    assert_eq!(a.key_set().keys().len(), 5, "one of them is revoked");
    let request = TokenRequest {
        client_id: &house.client_id,
        client_secret: &house.client_secret,
        audience: AUDIENCE,
        scope: None,
    };
    assert_eq!(second.issue(&b, &request, NOW).unwrap().scope.as_deref(), Some("a"));
    let secrets = [&first, &second].map(|one| one.api_secret(&a, "urn:hs").unwrap().expose().to_vec());
    assert_eq!(secrets[0], secrets[1]);
}

#[tokio::test]
async fn two_nodes_on_one_file_rotate_in_turns() {
    let house = Furnished::new().await;
    let (first, second) = (open(&house.path, 1).await.unwrap(), open(&house.path, 1).await.unwrap());
    let (one, other) = tokio::join!(first.rotate(&house.tenant, NOW), second.rotate(&house.tenant, NOW));
    // Either both rotated, one after the other, or one found that the other had done it.
    let keys = open(&house.path, 1).await.unwrap().tenant(&house.tenant).unwrap().keys().len();
    let expected = if one.unwrap().kid() == other.unwrap().kid() { 8 } else { 10 };
    assert_eq!(keys, expected);
}

#[tokio::test]
async fn wrong_key_encryption_key_changes_nothing() {
    let house = Furnished::new().await;
    let before = house.dump().await;
    assert!(before.contains("signing_keys: "), "{before}");
    let error = open(&house.path, 2).await.unwrap_err();
    assert_eq!(error.code(), "key_encryption_key_wrong");
    assert_eq!(house.dump().await, before);
}

#[tokio::test]
async fn no_secret_rests_unsealed() {
    let house = Furnished::new().await;
    let authority = open(&house.path, 1).await.unwrap();
    let shared = authority.api_secret(&authority.tenant(&house.tenant).unwrap(), "urn:hs").unwrap();
    // The outermost bytes of any RSA or P-256 key in PKCS #8: version, then the algorithm's identifier.
    let rsa =
        [0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    let ec = [0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    let file =
        [std::fs::read(&house.path).unwrap(), std::fs::read(house.path.with_extension("db-wal")).unwrap()];
    let holds = |bytes: &[u8], sought: &[u8]| bytes.windows(sought.len()).any(|window| window == sought);
    for (algorithm, head) in [(Algorithm::RS256, &rsa[..]), (Algorithm::ES256, &ec)] {
        assert!(holds(SigningKey::generate(algorithm).unwrap().expose(), head), "that is how they begin");
    }
    assert!(holds(&file.concat(), house.client_id.as_bytes()), "the search finds what is there");
    for secret in [house.client_secret.as_bytes(), shared.expose(), &rsa, &ec] {
        assert!(!holds(&file.concat(), secret), "{secret:?}");
    }
}

async fn check_damage(house: &Furnished, sql: &'static str, table: &str, detail: &str) {
    let house = house.copy().await;
    house.damage(sql).await;
    let before = house.dump().await;
    let store = SqliteStore::open(&house.path).await.unwrap();
    let loaded = match store.tenants().await {
        Ok(_) => store.load_tenant(&house.tenant).await.map(|_| ()),
        Err(error) => Err(error),
    };
    let error = loaded.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{sql}: {text}");
    assert!(text.contains(&format!("table {table}, row \"")) && text.contains(detail), "{sql}: {text}");
    assert_eq!(open(&house.path, 1).await.unwrap_err().code(), "store_corrupt", "{sql}");
    assert_eq!(house.dump().await, before, "{sql}");
}

#[tokio::test]
async fn rows_that_do_not_parse_are_refused_by_name() {
    let damages = [
        ("UPDATE signing_keys SET state = 'curent' WHERE state = 'current'", "signing_keys", "state"),
        ("UPDATE signing_keys SET state = 'previous' WHERE state = 'next'", "signing_keys", "times"),
        ("UPDATE signing_keys SET sealed_private = NULL WHERE state = 'current'", "signing_keys", "private"),
        ("UPDATE signing_keys SET sealed_private = x'00' WHERE state = 'revoked'", "signing_keys", "private"),
        ("UPDATE signing_keys SET algorithm = 'RS1' WHERE algorithm = 'RS256'", "signing_keys", "algorithm"),
        (
            "UPDATE signing_keys SET algorithm = 'HS256' WHERE algorithm = 'ES256'",
            "signing_keys",
            "certificate",
        ),
        ("UPDATE signing_keys SET certificate = x'3000'", "signing_keys", "certificate"),
        ("UPDATE signing_keys SET created_at = -1", "signing_keys", "created_at"),
        ("UPDATE signing_keys SET created_at = 'today'", "signing_keys", "created_at"),
        ("UPDATE tenants SET issuer = 'https://tenant.example'", "tenants", "issuer"),
        ("UPDATE tenants SET version = -1", "tenants", "version"),
        ("UPDATE apis SET algorithm = 'none'", "apis", "algorithm"),
        ("UPDATE apis SET token_lifetime_seconds = -5", "apis", "token_lifetime_seconds"),
        ("UPDATE apis SET token_lifetime_seconds = 99999999", "apis", "live"),
        ("UPDATE apis SET scopes = 'a  b'", "apis", "scope"),
        ("UPDATE apis SET sealed_secret = NULL WHERE algorithm = 'HS256'", "apis", "secret"),
        ("UPDATE applications SET secret_digest = x'00'", "applications", "secret_digest"),
        ("UPDATE applications SET name = ''", "applications", "name"),
        ("UPDATE grants SET scopes = 'a a'", "grants", "scopes"),
    ];
    let house = Furnished::new().await;
    for (sql, table, detail) in damages {
        check_damage(&house, sql, table, detail).await;
    }
}

#[tokio::test]
async fn tables_refuse_what_the_lifecycle_never_does() {
    let house = Furnished::new().await;
    let mut raw = house.raw().await;
    for sql in [
        "UPDATE signing_keys SET state = 'unknown'",
        "UPDATE signing_keys SET state = 'current' WHERE state = 'next'",
        "UPDATE signing_keys SET state = 'next', current_since = NULL WHERE state = 'current'",
        "UPDATE signing_keys SET sealed_private = NULL WHERE state = 'previous'",
        "UPDATE signing_keys SET state = 'previous', revoked_at = NULL WHERE state = 'revoked'",
        "UPDATE signing_keys SET kid = 'same'",
        "INSERT INTO check_record (id, sealed) VALUES (2, x'00')",
        "UPDATE tenants SET version = 0",
        "UPDATE applications SET secret_digest = x'00'",
    ] {
        assert!(sqlx::query(sql).execute(&mut raw).await.is_err(), "{sql}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let house = Furnished::new().await;
    let _open = open(&house.path, 1).await.unwrap();
    let folder = std::fs::read_dir(house.path.parent().unwrap()).unwrap();
    let files: Vec<_> = folder.map(Result::unwrap).collect();
    assert!(files.len() >= 3, "the file and its logs: {files:?}");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[tokio::test]
async fn files_that_are_no_database_of_ours_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let code = async |path: PathBuf| SqliteStore::open(path).await.map(drop).map_err(|error| error.code());
    let missing = folder.path().join("no-folder").join("a.db");
    assert_eq!(code(missing).await, Err("store_unavailable"));
    let text = folder.path().join("text.db");
    std::fs::write(&text, "no database at all, but long enough to look like the head of one".repeat(20))
        .unwrap();
    assert_eq!(code(text).await, Err("store_corrupt"));
    for (number, sql) in
        ["UPDATE _sqlx_migrations SET version = 999", "UPDATE _sqlx_migrations SET checksum = x'00'"]
            .into_iter()
            .enumerate()
    {
        let path = folder.path().join(format!("{number}.db"));
        SqliteStore::open(&path).await.unwrap().close().await;
        let mut raw = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
        sqlx::query(sql).execute(&mut raw).await.unwrap();
        raw.close().await.unwrap();
        assert_eq!(code(path).await, Err("store_incompatible"), "{sql}");
    }
}
