//! Starts `jwksmith dev` on a free port with a data folder of its own, and kills it when it is dropped.
//!
//! Everything that a client needs to know comes from the `dev.env` that the server writes for scripts. Which binary to
//! start is left to the caller.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;

/// How long a server may take until it says that it is ready, which includes making its first keys.
const READY_TIME_MAX: Duration = Duration::from_mins(1);

/// What `dev.env` has to say, in the names under which the scripts read it.
const SETTINGS: [&str; 4] = ["ISSUER", "AUDIENCE", "CLIENT_ID", "CLIENT_SECRET"];

/// A running authority.
#[derive(Debug)]
pub struct Server {
    child: Child,
    folder: TempDir,
    settings: Vec<(String, String)>,
}

impl Server {
    /// Starts `binary dev` with further `arguments` and waits until it says that it is ready.
    pub fn start(binary: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("making a folder for the server")?;
        let child = spawn(binary, arguments, folder.path())?;
        // From here on an early return drops the server, and so kills the process.
        let mut server = Self { child, folder, settings: Vec::new() };
        server.wait_until_ready()?;
        let path = data_folder(server.folder.path()).join("dev.env");
        let written = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        server.settings = parse_settings(&written)?;
        Ok(server)
    }

    /// The variables of `dev.env`, for the environment of a script.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Everything that the server has printed so far.
    pub fn log(&self) -> String {
        fs::read_to_string(log_file(self.folder.path())).unwrap_or_else(|error| format!("no log: {error}"))
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let stdout = self.child.stdout.take().context("the server's standard output is not piped")?;
        let log = append_to_log(self.folder.path())?;
        let (ready, told) = mpsc::channel();
        thread::spawn(move || follow(stdout, log, &ready));
        // Either the time is over or the output has ended, and with it the server.
        if told.recv_timeout(READY_TIME_MAX).is_err() {
            bail!("the server did not become ready within {READY_TIME_MAX:?}; it said:\n{}", self.log());
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails only for a process that has ended already, which is what is wanted.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn spawn(binary: &Path, arguments: &[&str], folder: &Path) -> anyhow::Result<Child> {
    Command::new(binary)
        .args(["dev", "--port", "0", "--data"])
        .arg(data_folder(folder))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(append_to_log(folder)?)
        .spawn()
        .with_context(|| format!("starting {}", binary.display()))
}

/// Reads to the end, and not only until the server is ready: a pipe that nobody empties would stop the server.
fn follow(stdout: impl Read, mut log: File, ready: &Sender<()>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        // A log that cannot be written and a test that waits no longer are no reason to stop reading.
        writeln!(log, "{line}").ok();
        if says_ready(&line) {
            ready.send(()).ok();
        }
    }
}

/// As a word of its own: a server that has found something "already there" is not ready.
fn says_ready(line: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric()).any(|word| word == "ready")
}

fn data_folder(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("server.log")
}

fn append_to_log(folder: &Path) -> anyhow::Result<File> {
    let path = log_file(folder);
    let file = File::options().create(true).append(true).open(&path);
    file.with_context(|| format!("opening {}", path.display()))
}

fn parse_settings(text: &str) -> anyhow::Result<Vec<(String, String)>> {
    SETTINGS.iter().map(|name| Ok(((*name).to_owned(), setting(text, name)?.to_owned()))).collect()
}

fn setting<'t>(text: &'t str, name: &str) -> anyhow::Result<&'t str> {
    let mut values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    match (values.next(), values.next()) {
        (Some(value), None) if !value.is_empty() => Ok(value),
        _ => bail!("dev.env has to set {name} exactly once"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str =
        "ISSUER=http://localhost:1/\nAUDIENCE=https://api.example/?a=b\nCLIENT_ID=id\nCLIENT_SECRET=s3\n";

    #[test]
    fn settings_that_are_whole_are_read() {
        let settings = parse_settings(WRITTEN).unwrap();
        let values: Vec<&str> = settings.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["http://localhost:1/", "https://api.example/?a=b", "id", "s3"]);
    }

    #[test]
    fn settings_that_miss_or_repeat_a_variable_are_refused() {
        let twice = WRITTEN.replace("CLIENT_ID=id", "CLIENT_ID=id\nCLIENT_ID=other");
        let prefixed = WRITTEN.replace("AUDIENCE", "OTHER_AUDIENCE");
        let cases = [("AUDIENCE", ""), ("CLIENT_SECRET", &WRITTEN.replace("s3", "")), ("CLIENT_ID", &twice)];
        for (name, text) in cases.into_iter().chain([("AUDIENCE", prefixed.as_str())]) {
            assert!(setting(text, name).is_err(), "{name} in {text:?}");
            assert!(parse_settings(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn line_says_ready_only_by_the_word() {
        for (line, ready) in
            [("ready", true), ("jwksmith: ready.", true), ("already there", false), ("", false)]
        {
            assert_eq!(says_ready(line), ready, "{line:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn server_that_ends_before_it_is_ready_is_an_error_with_its_words() {
        // `ls` knows no `--port`, says so and ends: all that matters here.
        let error = Server::start(Path::new("ls"), &[]).unwrap_err().to_string();
        assert!(error.contains("did not become ready") && error.contains("port"), "{error}");
    }
}
