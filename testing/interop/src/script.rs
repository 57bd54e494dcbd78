//! Runs a program to its end within a bound, and reads the report that a client's script prints.
//!
//! What was installed, and where, is left to the caller.

use std::convert::Infallible;
use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;

/// The line of JSON that a script prints once all its checks have passed.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The package under test.
    pub client: String,
    /// The version that is installed, as the package itself says.
    pub version: String,
    /// How many checks passed. A script that skips some by mistake is found out by this number.
    pub checks: u32,
}

impl Report {
    /// Reads the only line of a script's standard output.
    pub fn parse(stdout: &str) -> anyhow::Result<Self> {
        serde_json::from_str(stdout).with_context(|| format!("not a report of one line of JSON: {stdout:?}"))
    }
}

/// What a program left behind.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

/// Runs `command` to its end; one that takes longer than `bound` is killed, which is an error.
pub fn run_within(command: &mut Command, bound: Duration) -> anyhow::Result<Finished> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("starting {program}"))?;

    // Nothing is ever sent: that both senders are gone says that both outputs have ended.
    let (open, ended) = mpsc::channel::<Infallible>();
    let stdout = collect(child.stdout.take(), open.clone());
    let stderr = collect(child.stderr.take(), open);
    let in_time = ended.recv_timeout(bound) == Err(RecvTimeoutError::Disconnected);
    if !in_time {
        child.kill().with_context(|| format!("killing {program}"))?;
    }

    let status = child.wait().with_context(|| format!("waiting for {program}"))?;
    let finished = Finished { status, stdout: text(stdout)?, stderr: text(stderr)? };
    if !in_time {
        bail!("{program} was killed because it took longer than {bound:?}; {}", finished.stderr);
    }
    Ok(finished)
}

type Collector = JoinHandle<std::io::Result<String>>;

fn collect(pipe: Option<impl Read + Send + 'static>, open: Sender<Infallible>) -> Collector {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let result = pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes));
        drop(open);
        result.map(|_| String::from_utf8_lossy(&bytes).into_owned())
    })
}

fn text(collector: Collector) -> anyhow::Result<String> {
    let result =
        collector.join().map_err(|_| anyhow::anyhow!("the thread that reads the output panicked"))?;
    result.context("reading the output")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_of_one_line_is_read() {
        let report = Report::parse("{\"client\":\"jose\",\"version\":\"6.2.17\",\"checks\":13}\n").unwrap();
        assert_eq!(report, Report { client: "jose".into(), version: "6.2.17".into(), checks: 13 });
    }

    #[test]
    fn report_that_is_no_single_line_of_json_is_refused() {
        let line = r#"{"client":"jose","version":"6","checks":1}"#;
        let cases = [
            String::new(),
            "13 checks".into(),
            format!("{line}\n{line}"),
            format!("a warning\n{line}"),
            line.replace("1}", "-1}"),
            line.replace("1}", "\"1\"}"),
            line.replace(r#","checks":1"#, ""),
            line.replace("1}", "1,\"skipped\":4}"),
        ];
        for case in cases {
            assert!(Report::parse(&case).is_err(), "{case}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn program_that_ends_leaves_status_and_output() {
        let script = "echo out; echo err >&2; exit 3";
        let finished = run_within(Command::new("sh").args(["-c", script]), Duration::from_mins(1)).unwrap();
        let Finished { status, stdout, stderr } = finished;
        assert_eq!((status.code(), stdout.as_str(), stderr.as_str()), (Some(3), "out\n", "err\n"));
    }

    #[cfg(unix)]
    #[test]
    fn program_that_never_ends_is_killed() {
        let error = run_within(Command::new("tail").args(["-f", "/dev/null"]), Duration::ZERO).unwrap_err();
        assert!(error.to_string().contains("was killed"), "{error}");
    }

    #[test]
    fn program_that_does_not_exist_is_named() {
        let error = run_within(&mut Command::new("no-such-client"), Duration::ZERO).unwrap_err();
        assert!(error.to_string().contains("no-such-client"), "{error}");
    }
}
