//! What many issuers take: counted by the allocator, as the bytes that come back when the verifier is dropped.
//!
//! AWS-LC keeps its half of a key in C, which no allocator of ours sees. So the growth of what is resident is told too.

use std::sync::Arc;

use anyhow::Context;
use jwksmith_benches::allocations::Tally;
use jwksmith_testkit::{FakeIssuer, Reply};
use jwksmith_verifier::{FetchSettings, HttpTransport, Transport, Verifier};
use serde::Serialize;

use crate::in_process::{self, InProcess, KEY_SET};

pub(crate) const ISSUERS: usize = 1_000;

/// What all of them may take.
pub(crate) const BYTES_MAX: f64 = 32e6;

/// How many issuers are enough where each has a transport of its own.
const WITH_OWN_TRANSPORT: usize = 20;

#[derive(Serialize)]
pub(crate) struct Memory {
    pub(crate) transport: &'static str,
    pub(crate) issuers: usize,
    /// Of Rust code: what came back when the verifier was dropped
    pub(crate) bytes: f64,
    /// What the process grew by, where that can be told from noise; with what AWS-LC keeps in C
    pub(crate) resident_bytes: Option<f64>,
}

impl Memory {
    pub(crate) fn per_issuer(&self) -> f64 {
        self.bytes / count(self.issuers)
    }
}

pub(crate) async fn measure(transport: &Arc<InProcess>) -> anyhow::Result<Vec<Memory>> {
    let issuers = in_process::issuers(ISSUERS);
    let resident = resident_bytes();
    let (mut in_memory, verifier) =
        held("in process", &issuers, in_process::verifier(&issuers, transport)?).await?;
    in_memory.resident_bytes = resident.zip(resident_bytes()).map(|(before, after)| after - before);
    in_memory.bytes = given_back(verifier).await;

    let site = FakeIssuer::start().await;
    let tenants = tenants(&site, transport);
    let (mut shared, verifier) =
        held("HTTP, shared (the default)", &tenants, in_process::build(&tenants, |issuer| issuer)?).await?;
    shared.bytes = given_back(verifier).await;

    let few = &tenants[..WITH_OWN_TRANSPORT];
    let (mut own, verifier) = held("HTTP, each with its own", few, with_own_transports(few)?).await?;
    own.bytes = given_back(verifier).await;
    Ok(vec![in_memory, shared, own])
}

fn with_own_transports(issuers: &[String]) -> anyhow::Result<Verifier> {
    let transports = issuers.iter().map(|_| HttpTransport::new(FetchSettings::default()));
    let transports = transports.collect::<Result<Vec<_>, _>>()?;
    let transports = std::cell::RefCell::new(transports);
    in_process::build(issuers, |issuer| match transports.borrow_mut().pop() {
        Some(transport) => issuer.transport(Arc::new(transport) as Arc<dyn Transport>),
        None => issuer,
    })
}

/// The verifier with the key set of each issuer, one after the other, so that a transport needs one connection.
async fn held(
    transport: &'static str,
    issuers: &[String],
    verifier: Verifier,
) -> anyhow::Result<(Memory, Verifier)> {
    for issuer in issuers {
        verifier.locate(issuer).await.with_context(|| format!("locating {issuer}"))?;
    }
    let memory = Memory { transport, issuers: issuers.len(), bytes: 0.0, resident_bytes: None };
    Ok((memory, verifier))
}

/// The bytes that dropping the verifier gives back, with its connections.
async fn given_back(verifier: Verifier) -> f64 {
    /// The tasks of connections end on their own.
    const ENDED_AFTER_YIELDS: u32 = 10_000;
    let tally = Tally::begin();
    drop(verifier);
    for _ in 0..ENDED_AFTER_YIELDS {
        tokio::task::yield_now().await;
    }
    bytes(-tally.live_bytes())
}

/// Issuers that one site hosts, each below a path of its own.
fn tenants(site: &FakeIssuer, transport: &InProcess) -> Vec<String> {
    let tenants: Vec<_> = (0..ISSUERS).map(|number| site.url(&format!("/tenant-{number:04}/"))).collect();
    for tenant in &tenants {
        let path = tenant.strip_prefix(&site.url("")).unwrap_or_default();
        let [discovery, key_set] = transport.documents(tenant);
        site.serve(&format!("{path}.well-known/openid-configuration"), Reply::json(&discovery));
        site.serve(&format!("{path}{KEY_SET}"), Reply::json(&key_set));
    }
    tenants
}

/// What of this process is in memory; nothing where the system does not say it like Linux.
fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u32 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(f64::from(kibibytes) * 1024.0)
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn bytes(number: i64) -> f64 {
    f64::from(i32::try_from(number).unwrap_or(i32::MAX))
}
