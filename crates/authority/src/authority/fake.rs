//! A store in memory that keeps the port's promises, counts what is written, and lets a test step in between.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Mutex;

use async_trait::async_trait;

use super::*;

type Interruption = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Default)]
pub(super) struct FakeStore {
    check_record: Mutex<Option<Sealed>>,
    tenants: Mutex<BTreeMap<TenantId, TenantRecord>>,
    writes: Mutex<usize>,
    /// Each runs once, right before a change of keys is looked at.
    before_commit: Mutex<Vec<Interruption>>,
}

impl FakeStore {
    pub(super) fn writes(&self) -> usize {
        *self.writes.lock().unwrap()
    }

    pub(super) fn dump(&self) -> String {
        format!("{:?} {:?}", self.check_record.lock().unwrap(), self.tenants.lock().unwrap())
    }

    pub(super) fn before_commit(&self, what: impl Future<Output = ()> + Send + 'static) {
        self.before_commit.lock().unwrap().push(Box::pin(what));
    }

    pub(super) fn forget_check_record(&self) {
        *self.check_record.lock().unwrap() = None;
    }

    /// Changes what is stored behind everybody's back.
    pub(super) fn tamper(&self, tenant: &TenantId, how: impl FnOnce(&mut TenantRecord)) {
        how(self.tenants.lock().unwrap().get_mut(tenant).unwrap());
    }

    fn change<T>(
        &self,
        tenant: &TenantId,
        how: impl FnOnce(&mut TenantRecord) -> T,
    ) -> Result<T, StoreError> {
        let mut tenants = self.tenants.lock().unwrap();
        let record = tenants.get_mut(tenant).ok_or_else(|| StoreError::TenantUnknown(tenant.clone()))?;
        record.tenant.version += 1;
        *self.writes.lock().unwrap() += 1;
        Ok(how(record))
    }
}

#[async_trait]
impl Store for FakeStore {
    async fn check_record(&self) -> Result<Option<Sealed>, StoreError> {
        Ok(self.check_record.lock().unwrap().clone())
    }

    async fn put_check_record(&self, record: &Sealed) -> Result<(), StoreError> {
        *self.writes.lock().unwrap() += 1;
        self.check_record.lock().unwrap().get_or_insert(record.clone());
        Ok(())
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        Ok(self.tenants.lock().unwrap().values().map(|record| record.tenant.clone()).collect())
    }

    async fn create_tenant(&self, new: &NewTenant) -> Result<(), StoreError> {
        let mut tenants = self.tenants.lock().unwrap();
        let authority = new.tenant.issuer.authority();
        if tenants.values().any(|known| known.tenant.issuer.authority() == authority) {
            return Err(Conflict::TenantExists.into());
        }
        *self.writes.lock().unwrap() += 1;
        let NewTenant { tenant, keys, apis } = new.clone();
        let (applications, grants) = (Vec::new(), Vec::new());
        tenants.insert(tenant.id.clone(), TenantRecord { tenant, keys, apis, applications, grants });
        Ok(())
    }

    async fn load_tenant(&self, tenant: &TenantId) -> Result<Option<TenantRecord>, StoreError> {
        Ok(self.tenants.lock().unwrap().get(tenant).cloned())
    }

    async fn commit_keys(
        &self,
        tenant: &TenantId,
        expected_version: u64,
        change: &KeyChange,
    ) -> Result<CommitOutcome, StoreError> {
        let interruption = self.before_commit.lock().unwrap().pop();
        if let Some(interruption) = interruption {
            interruption.await;
        }
        let version = self.load_tenant(tenant).await?.map(|record| record.tenant.version);
        if version != Some(expected_version) {
            return Ok(CommitOutcome::Conflict);
        }
        self.change(tenant, |record| {
            record.keys.retain(|key| change.updated.iter().all(|updated| updated.kid() != key.kid()));
            record.keys.extend(change.updated.iter().chain(&change.inserted).cloned());
            CommitOutcome::Done { version: record.tenant.version }
        })
    }

    async fn put_api(&self, tenant: &TenantId, api: &Api) -> Result<(), StoreError> {
        self.change(tenant, |record| {
            record.apis.retain(|known| known.audience() != api.audience());
            record.apis.push(api.clone());
        })
    }

    async fn put_application(&self, tenant: &TenantId, application: &Application) -> Result<(), StoreError> {
        self.change(tenant, |record| record.applications.push(application.clone()))
    }

    async fn put_grant(&self, tenant: &TenantId, grant: &Grant) -> Result<(), StoreError> {
        self.change(tenant, |record| {
            let same = |known: &Grant| {
                (known.client_id(), known.audience()) == (grant.client_id(), grant.audience())
            };
            record.grants.retain(|known| !same(known));
            record.grants.push(grant.clone());
        })
    }
}
