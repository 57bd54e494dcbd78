//! Rows to domain types and back. A row that does not parse is [`StoreError::Corrupt`], naming its table and key: never a
//! panic, and never left out, because a key that silently disappears looks like one that was never there.

use std::fmt::Display;

use jwksmith_authority::{
    Api, Application, Grant, Issuer, KeyParts, KeyState, NewApi, Sealed, SecretDigest, SigningKeyRecord,
    StoreError, Tenant, TenantId,
};
use jwksmith_jose::{Algorithm, Certificate, UnixTime};
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row as _, Sqlite, Type};

/// Reads the columns of one row, and knows how to name the row in an error.
struct Reader<'r> {
    row: &'r SqliteRow,
    table: &'static str,
    /// The column that names the row.
    named_by: &'static str,
}

impl<'r> Reader<'r> {
    fn column<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self, column: &'static str) -> Result<T, StoreError> {
        self.row.try_get(column).map_err(|error| self.corrupt(column, &error))
    }

    fn text(&self, column: &'static str) -> Result<&'r str, StoreError> {
        self.column(column)
    }

    fn time(&self, column: &'static str) -> Result<UnixTime, StoreError> {
        let seconds: i64 = self.column(column)?;
        u64::try_from(seconds).map(UnixTime::from_seconds).map_err(|error| self.corrupt(column, &error))
    }

    fn optional_time(&self, column: &'static str) -> Result<Option<UnixTime>, StoreError> {
        match self.column::<Option<i64>>(column)? {
            Some(_) => self.time(column).map(Some),
            None => Ok(None),
        }
    }

    fn optional_sealed(&self, column: &'static str) -> Result<Option<Sealed>, StoreError> {
        Ok(self.column::<Option<Vec<u8>>>(column)?.map(Sealed::from))
    }

    fn algorithm(&self) -> Result<Algorithm, StoreError> {
        let name = self.text("algorithm")?;
        Algorithm::from_name(name).ok_or_else(|| self.corrupt("algorithm", &"it is none"))
    }

    fn scopes(&self) -> Result<Vec<String>, StoreError> {
        let scopes = self.text("scopes")?;
        Ok(scopes.split(' ').filter(|_| !scopes.is_empty()).map(str::to_owned).collect())
    }

    fn corrupt(&self, what: &str, why: &dyn Display) -> StoreError {
        let name: Option<String> = self.row.try_get(self.named_by).ok();
        let name = jwksmith_jose::quoted(name.as_deref().unwrap_or("?")).to_string();
        StoreError::Corrupt { what: format!("table {}, row {name}, {what}: {why}", self.table) }
    }
}

pub(crate) fn check_record(row: &SqliteRow) -> Result<Sealed, StoreError> {
    let reader = Reader { row, table: "check_record", named_by: "id" };
    Ok(reader.column::<Vec<u8>>("sealed")?.into())
}

pub(crate) fn tenant(row: &SqliteRow) -> Result<Tenant, StoreError> {
    let reader = Reader { row, table: "tenants", named_by: "id" };
    let version: i64 = reader.column("version")?;
    Ok(Tenant {
        id: TenantId::from(reader.text("id")?.to_owned()),
        issuer: Issuer::try_from(reader.text("issuer")?).map_err(|error| reader.corrupt("issuer", &error))?,
        version: u64::try_from(version).map_err(|error| reader.corrupt("version", &error))?,
        created_at: reader.time("created_at")?,
    })
}

pub(crate) fn signing_key(row: &SqliteRow) -> Result<SigningKeyRecord, StoreError> {
    let reader = Reader { row, table: "signing_keys", named_by: "kid" };
    let certificate: &[u8] = reader.column("certificate")?;
    let parts = KeyParts {
        kid: reader.column("kid")?,
        algorithm: reader.algorithm()?,
        state: KeyState::from_name(reader.text("state")?)
            .ok_or_else(|| reader.corrupt("state", &"it is none"))?,
        certificate: Certificate::from_der(certificate)
            .map_err(|error| reader.corrupt("certificate", &error))?,
        sealed_private: reader.optional_sealed("sealed_private")?,
        created_at: reader.time("created_at")?,
        current_since: reader.optional_time("current_since")?,
        current_until: reader.optional_time("current_until")?,
        revoked_at: reader.optional_time("revoked_at")?,
    };
    parts.try_into().map_err(|error| reader.corrupt("as a whole", &error))
}

pub(crate) fn api(row: &SqliteRow) -> Result<Api, StoreError> {
    let reader = Reader { row, table: "apis", named_by: "audience" };
    let settings = NewApi {
        audience: reader.column("audience")?,
        name: reader.column("name")?,
        algorithm: reader.algorithm()?,
        token_lifetime_seconds: reader.column("token_lifetime_seconds")?,
        scopes: reader.scopes()?,
    };
    let secret = reader.optional_sealed("sealed_secret")?;
    Api::new(settings, secret).map_err(|error| reader.corrupt("as a whole", &error))
}

pub(crate) fn application(row: &SqliteRow) -> Result<Application, StoreError> {
    let reader = Reader { row, table: "applications", named_by: "client_id" };
    let digest: &[u8] = reader.column("secret_digest")?;
    let digest = SecretDigest::from_stored(digest)
        .ok_or_else(|| reader.corrupt("secret_digest", &"it has not 32 bytes"))?;
    Application::new(reader.text("client_id")?, reader.text("name")?, digest)
        .map_err(|error| reader.corrupt("name", &error))
}

pub(crate) fn grant(row: &SqliteRow) -> Result<Grant, StoreError> {
    let reader = Reader { row, table: "grants", named_by: "client_id" };
    Grant::new(reader.text("client_id")?, reader.text("audience")?, reader.scopes()?)
        .map_err(|error| reader.corrupt("scopes", &error))
}

/// A time as it is stored.
pub(crate) fn seconds(time: UnixTime) -> Result<i64, StoreError> {
    i64::try_from(time.as_seconds()).map_err(|_| StoreError::OutOfRange("a time"))
}

/// A time that may be absent, as it is stored.
pub(crate) fn optional_seconds(time: Option<UnixTime>) -> Result<Option<i64>, StoreError> {
    time.map(seconds).transpose()
}

/// A tenant's version as it is stored.
pub(crate) fn version(version: u64) -> Result<i64, StoreError> {
    i64::try_from(version).map_err(|_| StoreError::OutOfRange("a version"))
}
