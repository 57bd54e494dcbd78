//! Where and with what a run was made: the day, the machine, the compiler, the versions of everybody.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock, and looks at its machine")]

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use chrono::{DateTime, NaiveDate};
use serde::Serialize;

use crate::measure::Pace;

#[derive(Serialize)]
pub struct Setting {
    pub date: String,
    pub machine: String,
    pub compiler: String,
    pub rounds: usize,
    pub batch_milliseconds: u128,
    pub contestants: Vec<Used>,
}

/// A contestant's package as it was built.
#[derive(Serialize)]
pub struct Used {
    pub contestant: &'static str,
    pub package: &'static str,
    pub version: String,
    pub note: &'static str,
}

impl Setting {
    /// This machine, today unless a `date` is given.
    pub fn here(
        date: Option<&str>,
        pace: Pace,
        contestants: impl IntoIterator<Item = Used>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            date: date.map_or_else(today, checked)?,
            machine: machine(),
            compiler: answer("rustc", &["--version"]).unwrap_or_else(|| "unknown".to_owned()),
            rounds: pace.rounds,
            batch_milliseconds: pace.batch.as_millis(),
            contestants: contestants.into_iter().collect(),
        })
    }
}

impl Used {
    /// In the version that this was built with, from the lock file that it was built with.
    pub fn locked(contestant: &'static str, package: &'static str, note: &'static str) -> Self {
        let version = locked(include_str!("../Cargo.lock"), package).unwrap_or_else(|| "unknown".to_owned());
        Self { contestant, package, version, note }
    }
}

/// Writes a page of `docs/benchmarks/`, in the repository that this was built from.
pub fn write_page(name: &str, text: &str) -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks");
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let path = folder.join(name);
    std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}

/// Seconds since 1970.
pub fn now() -> anyhow::Result<u64> {
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

/// Of several versions the newest, which is the last: the older ones are other peers' own.
fn locked(lock: &str, package: &str) -> Option<String> {
    let (_, rest) = lock.rsplit_once(&format!("name = \"{package}\"\nversion = \""))?;
    rest.split('"').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_the_newest_that_is_locked() {
        let lock = "name = \"a\"\nversion = \"9.3.1\"\n\nname = \"a\"\nversion = \"11.1.0\"\n";
        assert_eq!(locked(lock, "a").as_deref(), Some("11.1.0"));
        assert_eq!(locked(lock, "b"), None);
    }

    #[test]
    fn date_that_is_none_is_refused() {
        assert!(checked("2026-01-31").is_ok());
        for refused in ["2026-02-31", "31.1.2026", "2026-1-31", ""] {
            assert!(checked(refused).is_err(), "{refused:?}");
        }
    }
}
