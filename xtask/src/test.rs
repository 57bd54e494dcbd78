//! `cargo xtask test`: runs suites in order, times each, stops at the first that fails and sums up.
//!
//! What a suite does is `suite.rs`. Here it is only run, named and judged, and never called passed when it was skipped.

use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::process::say;
use crate::suite::{Suite, Verdict};
use crate::tally::Tally;
use crate::workspace::Workspace;

/// What became of one suite.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    suite: Suite,
    result: Result,
    took: Duration,
}

#[derive(Debug, PartialEq, Eq)]
enum Result {
    Passed,
    Failed,
    Skipped(String),
    /// An earlier suite failed.
    NotRun,
}

/// Runs `suites`, or all of them if none is named; whether none failed.
pub(crate) fn run(workspace: &Workspace, suites: &[Suite]) -> bool {
    let suites = if suites.is_empty() { Suite::value_variants() } else { suites };
    let mut tally = Tally::default();
    let entries = run_each(suites, |suite| suite.run(workspace, &mut tally));
    let green = entries.iter().all(|entry| entry.result != Result::Failed);
    say(&summary(&entries));
    // Last and alone on its line, because tools that read the log look for it there.
    say(&tally.to_string());
    green
}

/// Runs each suite until one fails; the ones after it are listed as not run.
fn run_each(suites: &[Suite], mut run: impl FnMut(Suite) -> anyhow::Result<Verdict>) -> Vec<Entry> {
    let mut failed = false;
    let mut judge = |suite| {
        if failed {
            return Entry { suite, result: Result::NotRun, took: Duration::ZERO };
        }
        let entry = run_one(suite, &mut run);
        failed = entry.result == Result::Failed;
        entry
    };
    suites.iter().map(|suite| judge(*suite)).collect()
}

fn run_one(suite: Suite, run: &mut impl FnMut(Suite) -> anyhow::Result<Verdict>) -> Entry {
    say(&format!("\n==> {}", suite.name()));
    let start = now();
    let result = match run(suite) {
        Ok(Verdict::Passed) => Result::Passed,
        Ok(Verdict::Skipped(reason)) => {
            say(&format!("skipped: {reason}"));
            Result::Skipped(reason)
        }
        Err(error) => {
            say(&format!("{} failed: {error:#}", suite.name()));
            say(&format!("run it alone with `cargo xtask test {}`", suite.name()));
            Result::Failed
        }
    };
    Entry { suite, result, took: start.elapsed() }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a suite took is for people; nothing is decided from it"
)]
fn now() -> Instant {
    Instant::now()
}

fn summary(entries: &[Entry]) -> String {
    let header = format!("\n{:<10}{:<10}{:>8}", "suite", "result", "seconds");
    std::iter::once(header).chain(entries.iter().map(row)).collect::<Vec<_>>().join("\n")
}

fn row(entry: &Entry) -> String {
    let (word, note) = match &entry.result {
        Result::Passed => ("passed", String::new()),
        Result::Failed => ("FAILED", String::new()),
        Result::Skipped(reason) => ("skipped", format!("  {reason}")),
        Result::NotRun => ("not run", String::new()),
    };
    format!("{:<10}{:<10}{:>8.1}{note}", entry.suite.name(), word, entry.took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(suites: &[Suite], run: impl FnMut(Suite) -> anyhow::Result<Verdict>) -> Vec<Result> {
        run_each(suites, run).into_iter().map(|entry| entry.result).collect()
    }

    #[test]
    fn suite_after_a_failed_one_is_not_run() {
        let mut ran = Vec::new();
        let results = results(&[Suite::Fmt, Suite::Clippy, Suite::Unit], |suite| {
            ran.push(suite);
            anyhow::ensure!(suite != Suite::Clippy, "a lint");
            Ok(Verdict::Passed)
        });
        assert_eq!(results, [Result::Passed, Result::Failed, Result::NotRun]);
        assert_eq!(ran, [Suite::Fmt, Suite::Clippy]);
    }

    #[test]
    fn skipped_suite_is_told_from_a_passed_one_and_stops_nothing() {
        let results = results(&[Suite::Deny, Suite::Fmt], |suite| {
            Ok(if suite == Suite::Deny { Verdict::Skipped("missing".to_owned()) } else { Verdict::Passed })
        });
        assert_eq!(results, [Result::Skipped("missing".to_owned()), Result::Passed]);
    }

    #[test]
    fn summary_has_a_row_for_each_suite_and_the_reason_of_a_skip() {
        let entry = |suite, result, millis| Entry { suite, result, took: Duration::from_millis(millis) };
        let text = summary(&[
            entry(Suite::Fmt, Result::Passed, 1230),
            entry(Suite::Unit, Result::Failed, 61_000),
            entry(Suite::Interop, Result::NotRun, 0),
            entry(Suite::Deny, Result::Skipped("cargo-deny is not installed".to_owned()), 0),
        ]);
        let expected = "
suite     result     seconds
fmt       passed         1.2
unit      FAILED        61.0
interop   not run        0.0
deny      skipped        0.0  cargo-deny is not installed";
        assert_eq!(text, expected);
    }
}
