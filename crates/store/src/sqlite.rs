//! The port on SQLite: one file, one writer at a time, readers beside it (write-ahead log).
//!
//! Each method of the port is one transaction. Writers begin with `BEGIN IMMEDIATE`, so that they wait for each other at the
//! door and never find out halfway that somebody else was faster.

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use jwksmith_authority::{
    Api, Application, CommitOutcome, Conflict, Grant, KeyChange, KeyState, NewTenant, Sealed,
    SigningKeyRecord, Store, StoreError, Tenant, TenantId, TenantRecord,
};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{SqlSafeStr as _, Sqlite, Transaction};

use crate::rows;

/// How long a writer waits for the one before it, in seconds.
const BUSY_TIMEOUT_SECONDS: u64 = 5;

/// How many connections there are at most. One writes; the others read.
const CONNECTIONS_MAX: u32 = 4;

/// Number, name and text; PostgreSQL will have the same numbers and names.
const MIGRATIONS: [(i64, &str, &str); 1] =
    [(1, "first", include_str!("../migrations/sqlite/0001_first.sql"))];

/// Everything in one SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    pool: SqlitePool,
}

impl SqliteStore {
    /// Opens the database file, or makes it, readable for its owner only. Its folder must exist.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file cannot be opened, or is no database of this version or an earlier one.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        make_private(path.as_ref()).map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // A rotation that was answered must survive a power cut, and writes are rare.
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS_MAX);
        Self::connect(pool, options).await
    }

    /// A database that lives as long as this value, for tests.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn in_memory() -> Result<Self, StoreError> {
        // The database is in the connection: there must be one, and it must stay.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None);
        Self::connect(pool, SqliteConnectOptions::new().in_memory(true)).await
    }

    async fn connect(pool: SqlitePoolOptions, options: SqliteConnectOptions) -> Result<Self, StoreError> {
        let options = options.foreign_keys(true).busy_timeout(Duration::from_secs(BUSY_TIMEOUT_SECONDS));
        let pool = pool.connect_with(options).await.map_err(unavailable)?;
        migrator().run(&pool).await.map_err(not_migrated)?;
        Ok(Self { pool })
    }

    /// Finishes what is under way and closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn write(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn check_record(&self) -> Result<Option<Sealed>, StoreError> {
        let row = sqlx::query("SELECT id, sealed FROM check_record").fetch_optional(&self.pool).await;
        row.map_err(unavailable)?.as_ref().map(rows::check_record).transpose()
    }

    async fn put_check_record(&self, record: &Sealed) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO check_record (id, sealed) VALUES (1, ?) ON CONFLICT (id) DO NOTHING")
            .bind(record.as_bytes())
            .execute(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(())
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        let all = sqlx::query("SELECT id, issuer, version, created_at FROM tenants ORDER BY created_at, id")
            .fetch_all(&self.pool)
            .await;
        read_all(&all.map_err(unavailable)?, rows::tenant)
    }

    async fn create_tenant(&self, new: &NewTenant) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        insert_tenant(&mut transaction, &new.tenant).await?;
        for key in &new.keys {
            insert_key(&mut transaction, &new.tenant.id, key).await?;
        }
        for api in &new.apis {
            insert_api(&mut transaction, &new.tenant.id, api).await?;
        }
        transaction.commit().await.map_err(unavailable)
    }

    async fn load_tenant(&self, tenant: &TenantId) -> Result<Option<TenantRecord>, StoreError> {
        // One transaction, so that all tables are read as of one moment.
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        let Some(found) = tenant_row(&mut transaction, tenant).await? else { return Ok(None) };
        let record = TenantRecord {
            tenant: rows::tenant(&found)?,
            keys: read_all(&of_tenant(&mut transaction, KEYS, tenant).await?, rows::signing_key)?,
            apis: read_all(&of_tenant(&mut transaction, APIS, tenant).await?, rows::api)?,
            applications: read_all(
                &of_tenant(&mut transaction, APPLICATIONS, tenant).await?,
                rows::application,
            )?,
            grants: read_all(&of_tenant(&mut transaction, GRANTS, tenant).await?, rows::grant)?,
        };
        transaction.commit().await.map_err(unavailable)?;
        Ok(Some(record))
    }

    async fn commit_keys(
        &self,
        tenant: &TenantId,
        expected_version: u64,
        change: &KeyChange,
    ) -> Result<CommitOutcome, StoreError> {
        let mut transaction = self.write().await?;
        let version = version_of(&mut transaction, tenant).await?;
        if version != expected_version {
            return Ok(CommitOutcome::Conflict);
        }
        let mut updated: Vec<&SigningKeyRecord> = change.updated.iter().collect();
        // Who leaves a place goes before who takes it, since the database checks each step.
        updated.sort_by_key(|key| match key.state() {
            KeyState::Revoked => 0,
            KeyState::Previous => 1,
            KeyState::Current => 2,
            KeyState::Next => 3,
        });
        for key in updated {
            update_key(&mut transaction, tenant, key).await?;
        }
        for key in &change.inserted {
            insert_key(&mut transaction, tenant, key).await?;
        }
        let version = bump_version(&mut transaction, tenant).await?;
        transaction.commit().await.map_err(unavailable)?;
        Ok(CommitOutcome::Done { version })
    }

    async fn put_api(&self, tenant: &TenantId, api: &Api) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        version_of(&mut transaction, tenant).await?;
        match known_api(&mut transaction, tenant, api.audience()).await? {
            None => insert_api(&mut transaction, tenant, api).await?,
            Some(known) if known.algorithm() != api.algorithm() => return Err(Conflict::ApiAlgorithm.into()),
            Some(known) if known.settings() == api.settings() => return Ok(()),
            Some(_) => update_api(&mut transaction, tenant, api).await?,
        }
        bump_version(&mut transaction, tenant).await?;
        transaction.commit().await.map_err(unavailable)
    }

    async fn put_application(&self, tenant: &TenantId, application: &Application) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        bump_version(&mut transaction, tenant).await?;
        sqlx::query(
            "INSERT INTO applications (client_id, tenant_id, name, secret_digest) VALUES (?, ?, ?, ?)",
        )
        .bind(application.client_id())
        .bind(tenant.as_str())
        .bind(application.name())
        .bind(application.secret_digest().as_bytes())
        .execute(&mut *transaction)
        .await
        .map_err(|error| conflict_or(error, |_| Conflict::ApplicationExists))?;
        transaction.commit().await.map_err(unavailable)
    }

    async fn put_grant(&self, tenant: &TenantId, grant: &Grant) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        bump_version(&mut transaction, tenant).await?;
        let done = sqlx::query(
            "INSERT INTO grants (tenant_id, client_id, audience, scopes) VALUES (?, ?, ?, ?) \
             ON CONFLICT (tenant_id, client_id, audience) \
             DO UPDATE SET scopes = excluded.scopes WHERE scopes <> excluded.scopes",
        )
        .bind(tenant.as_str())
        .bind(grant.client_id())
        .bind(grant.audience())
        .bind(grant.scopes().join(" "))
        .execute(&mut *transaction)
        .await
        .map_err(|error| conflict_or(error, |_| Conflict::GrantParty))?;
        if done.rows_affected() == 0 {
            // The same again: the version must not grow, so nothing is committed.
            return Ok(());
        }
        transaction.commit().await.map_err(unavailable)
    }
}

const KEYS: &str = "SELECT kid, algorithm, state, certificate, sealed_private, \
     created_at, current_since, current_until, revoked_at \
     FROM signing_keys WHERE tenant_id = ? ORDER BY created_at, kid";

const APIS: &str = "SELECT audience, name, algorithm, token_lifetime_seconds, scopes, sealed_secret \
     FROM apis WHERE tenant_id = ? ORDER BY audience";

const APPLICATIONS: &str =
    "SELECT client_id, name, secret_digest FROM applications WHERE tenant_id = ? ORDER BY client_id";

const GRANTS: &str =
    "SELECT client_id, audience, scopes FROM grants WHERE tenant_id = ? ORDER BY client_id, audience";

/// The file is made by us and not by SQLite, which would let everybody read it; its log files take over its mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn migrator() -> Migrator {
    let migration = |(number, name, sql): (i64, &'static str, &'static str)| {
        let sql = sql.into_sql_str();
        Migration::new(number, Cow::Borrowed(name), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(MIGRATIONS.map(migration).to_vec())
}

fn not_migrated(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => unavailable(error),
        // A later version's migrations, or others under the same numbers.
        other => StoreError::Incompatible(Box::new(other)),
    }
}

fn unavailable(error: sqlx::Error) -> StoreError {
    if is_corruption(&error) {
        return StoreError::Corrupt { what: error.to_string() };
    }
    StoreError::Unavailable(Box::new(error))
}

/// `SQLITE_CORRUPT` and `SQLITE_NOTADB`, the low byte of the extended result code.
fn is_corruption(error: &sqlx::Error) -> bool {
    const CORRUPT: u32 = 11;
    const NOT_A_DATABASE: u32 = 26;
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    code.is_some_and(|code| [CORRUPT, NOT_A_DATABASE].contains(&(code & 0xff)))
}

/// A broken rule of the database is a conflict, which its message names; all else is a failure.
fn conflict_or(error: sqlx::Error, conflict: impl FnOnce(&str) -> Conflict) -> StoreError {
    match error.as_database_error() {
        Some(broken) if broken.is_unique_violation() || broken.is_foreign_key_violation() => {
            conflict(broken.message()).into()
        }
        _ => unavailable(error),
    }
}

fn read_all<T>(
    rows: &[SqliteRow],
    read: impl Fn(&SqliteRow) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    rows.iter().map(read).collect()
}

async fn of_tenant(
    connection: &mut SqliteConnection,
    query: &'static str,
    tenant: &TenantId,
) -> Result<Vec<SqliteRow>, StoreError> {
    sqlx::query(query).bind(tenant.as_str()).fetch_all(connection).await.map_err(unavailable)
}

async fn tenant_row(
    connection: &mut SqliteConnection,
    tenant: &TenantId,
) -> Result<Option<SqliteRow>, StoreError> {
    sqlx::query("SELECT id, issuer, version, created_at FROM tenants WHERE id = ?")
        .bind(tenant.as_str())
        .fetch_optional(connection)
        .await
        .map_err(unavailable)
}

async fn version_of(connection: &mut SqliteConnection, tenant: &TenantId) -> Result<u64, StoreError> {
    let row = tenant_row(connection, tenant).await?;
    let row = row.ok_or_else(|| StoreError::TenantUnknown(tenant.clone()))?;
    Ok(rows::tenant(&row)?.version)
}

async fn bump_version(connection: &mut SqliteConnection, tenant: &TenantId) -> Result<u64, StoreError> {
    sqlx::query("UPDATE tenants SET version = version + 1 WHERE id = ?")
        .bind(tenant.as_str())
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    version_of(connection, tenant).await
}

async fn insert_tenant(connection: &mut SqliteConnection, tenant: &Tenant) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO tenants (id, issuer, authority, version, created_at) VALUES (?, ?, ?, ?, ?)")
        .bind(tenant.id.as_str())
        .bind(tenant.issuer.as_str())
        .bind(tenant.issuer.authority())
        .bind(rows::version(tenant.version)?)
        .bind(rows::seconds(tenant.created_at)?)
        .execute(connection)
        .await
        .map_err(|error| conflict_or(error, |_| Conflict::TenantExists))?;
    Ok(())
}

async fn insert_key(
    connection: &mut SqliteConnection,
    tenant: &TenantId,
    key: &SigningKeyRecord,
) -> Result<(), StoreError> {
    let parts = key.parts();
    sqlx::query(
        "INSERT INTO signing_keys (kid, tenant_id, algorithm, state, certificate, sealed_private, \
         created_at, current_since, current_until, revoked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(key.kid())
    .bind(tenant.as_str())
    .bind(key.algorithm().name())
    .bind(key.state().name())
    .bind(key.certificate().der())
    .bind(key.sealed_private().map(Sealed::as_bytes))
    .bind(rows::seconds(parts.created_at)?)
    .bind(rows::optional_seconds(parts.current_since)?)
    .bind(rows::optional_seconds(parts.current_until)?)
    .bind(rows::optional_seconds(parts.revoked_at)?)
    .execute(connection)
    .await
    .map_err(|error| conflict_or(error, key_conflict))?;
    Ok(())
}

/// Changes what a transition may change. A `kid` never changes its key, and revoked stays revoked.
async fn update_key(
    connection: &mut SqliteConnection,
    tenant: &TenantId,
    key: &SigningKeyRecord,
) -> Result<(), StoreError> {
    let parts = key.parts();
    let done = sqlx::query(
        "UPDATE signing_keys SET state = ?, sealed_private = ?, current_since = ?, current_until = ?, \
         revoked_at = ? WHERE kid = ? AND tenant_id = ? AND algorithm = ? AND certificate = ? AND state <> 'revoked'",
    )
    .bind(key.state().name())
    .bind(key.sealed_private().map(Sealed::as_bytes))
    .bind(rows::optional_seconds(parts.current_since)?)
    .bind(rows::optional_seconds(parts.current_until)?)
    .bind(rows::optional_seconds(parts.revoked_at)?)
    .bind(key.kid())
    .bind(tenant.as_str())
    .bind(key.algorithm().name())
    .bind(key.certificate().der())
    .execute(connection)
    .await
    .map_err(|error| conflict_or(error, key_conflict))?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Conflict::KeyStates.into()) }
}

fn key_conflict(message: &str) -> Conflict {
    if message.contains("signing_keys.kid") { Conflict::KidUsed } else { Conflict::KeyStates }
}

async fn known_api(
    connection: &mut SqliteConnection,
    tenant: &TenantId,
    audience: &str,
) -> Result<Option<Api>, StoreError> {
    let known = read_all(&of_tenant(connection, APIS, tenant).await?, rows::api)?;
    Ok(known.into_iter().find(|api| api.audience() == audience))
}

async fn insert_api(
    connection: &mut SqliteConnection,
    tenant: &TenantId,
    api: &Api,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO apis (tenant_id, audience, name, algorithm, token_lifetime_seconds, scopes, sealed_secret) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(tenant.as_str())
    .bind(api.audience())
    .bind(api.name())
    .bind(api.algorithm().name())
    .bind(api.token_lifetime_seconds())
    .bind(api.scopes().join(" "))
    .bind(api.sealed_secret().map(Sealed::as_bytes))
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(())
}

/// The algorithm and the secret stay as they are.
async fn update_api(
    connection: &mut SqliteConnection,
    tenant: &TenantId,
    api: &Api,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE apis SET name = ?, token_lifetime_seconds = ?, scopes = ? WHERE tenant_id = ? AND audience = ?",
    )
    .bind(api.name())
    .bind(api.token_lifetime_seconds())
    .bind(api.scopes().join(" "))
    .bind(tenant.as_str())
    .bind(api.audience())
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(())
}
