//! Where and with what a run was made: the day, the machine, the compiler, the versions of everybody.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock, and looks at its machine")]

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use chrono::{DateTime, NaiveDate};
use serde::Serialize;

use crate::contestants::ENTRIES;
use crate::measure::Pace;

#[derive(Serialize)]
pub(crate) struct Setting {
    pub(crate) date: String,
    pub(crate) machine: String,
    pub(crate) compiler: String,
    pub(crate) rounds: usize,
    pub(crate) batch_milliseconds: u128,
    pub(crate) contestants: Vec<Used>,
}

/// A contestant's package as it was built.
#[derive(Serialize)]
pub(crate) struct Used {
    pub(crate) contestant: &'static str,
    pub(crate) package: &'static str,
    pub(crate) version: String,
    pub(crate) note: &'static str,
}

impl Setting {
    pub(crate) fn here(date: Option<&str>, pace: Pace) -> anyhow::Result<Self> {
        Ok(Self {
            date: date.map_or_else(today, checked)?,
            machine: machine(),
            compiler: answer("rustc", &["--version"]).unwrap_or_else(|| "unknown".to_owned()),
            rounds: pace.rounds,
            batch_milliseconds: pace.batch.as_millis(),
            contestants: ENTRIES.iter().map(|entry| used(entry.name, entry.package, entry.note)).collect(),
        })
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> anyhow::Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?.as_secs())
}

fn today() -> anyhow::Result<String> {
    let now = DateTime::from_timestamp(i64::try_from(now()?)?, 0).context("the clock is beyond all dates")?;
    Ok(now.date_naive().to_string())
}

fn checked(date: &str) -> anyhow::Result<String> {
    let parsed: NaiveDate = date.parse().with_context(|| format!("{date:?} is no day like 2026-01-31"))?;
    ensure!(parsed.to_string() == date, "{date:?} is no day like 2026-01-31");
    Ok(date.to_owned())
}

fn machine() -> String {
    let processor = processor().unwrap_or_else(|| "an unknown processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{processor}, {cores} cores, {} {}", std::env::consts::OS, std::env::consts::ARCH)
}

fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok();
    let named =
        text.as_deref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("model name")));
    let named = named.map(|rest| rest.trim_start_matches([' ', '\t', ':']).to_owned());
    named.or_else(|| answer("sysctl", &["-n", "machdep.cpu.brand_string"]))
}

fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The version that this was built with, from the lock file that it was built with.
fn used(contestant: &'static str, package: &'static str, note: &'static str) -> Used {
    let version = locked(include_str!("../Cargo.lock"), package).unwrap_or_else(|| "unknown".to_owned());
    Used { contestant, package, version, note }
}

fn locked(lock: &str, package: &str) -> Option<String> {
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    rest.split('"').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_of_every_contestant_is_in_the_lock_file() {
        for entry in &ENTRIES {
            assert_ne!(used(entry.name, entry.package, entry.note).version, "unknown", "{}", entry.package);
        }
    }

    #[test]
    fn date_that_is_none_is_refused() {
        assert!(checked("2026-01-31").is_ok());
        for refused in ["2026-02-31", "31.1.2026", "2026-1-31", ""] {
            assert!(checked(refused).is_err(), "{refused:?}");
        }
    }
}
