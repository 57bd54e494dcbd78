//! Clients in other languages: their packages are installed below `target/`, their scripts run against the same issuer,
//! and their figures read. Where one cannot be had, the reason takes the place of its figures.

use std::convert::Infallible;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use jwksmith_benches::claims::{AUDIENCE, LEEWAY_SECONDS};
use jwksmith_benches::measure::Pace;
use serde::Deserialize;
use serde_json::json;

use crate::cold::CALLERS;
use crate::scene::Scene;
use crate::token_cache;

/// How many made-up `kid`s a client is sent: enough to tell one that fetches for each.
const MADE_UP: usize = 1_000;

const INSTALLED_WITHIN: Duration = Duration::from_mins(5);
const MEASURED_WITHIN: Duration = Duration::from_mins(3);

/// A client: its package, its script, and what runs it.
struct Client {
    name: &'static str,
    note: &'static str,
    /// When it asks again for a `kid` that its key set lacks; nothing if it fetches none.
    asks_again: Option<&'static str>,
    script: &'static str,
    host: Host,
}

#[derive(Clone, Copy)]
enum Host {
    Node,
    Python,
}

/// A new client is a row.
const CLIENTS: [Client; 3] = [
    Client {
        name: "jose (npm)",
        note: "`createRemoteJWKSet` and `jwtVerify` in Node; the key set's URL is given, as it does no discovery",
        asks_again: Some("30 s"),
        script: "jose.mjs",
        host: Host::Node,
    },
    Client {
        name: "fast-jwt (npm)",
        note: "its cache of verified tokens in Node, with a fixed key, as it fetches none",
        asks_again: None,
        script: "fast-jwt.mjs",
        host: Host::Node,
    },
    Client {
        name: "PyJWT (PyPI)",
        note: "`PyJWKClient` and `jwt.decode` in Python, 32 threads at cold start; the key set's URL is given, as it does no \
               discovery",
        asks_again: Some("30 s"),
        script: "pyjwt.py",
        host: Host::Python,
    },
];

/// A client, and what came of it.
pub(crate) struct Outcome {
    pub(crate) client: &'static str,
    pub(crate) note: &'static str,
    pub(crate) asks_again: Option<&'static str>,
    /// The reason if it was not measured.
    pub(crate) figures: Result<Figures, String>,
}

/// What a script prints: one line of JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Printed {
    pub(crate) version: String,
    pub(crate) verification_ns: Vec<f64>,
    pub(crate) cold_ms: Option<f64>,
    pub(crate) flood: Option<Flood>,
    #[serde(default)]
    pub(crate) hits: Vec<Hit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Flood {
    pub(crate) sent: u64,
    pub(crate) refusal_ns: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hit {
    pub(crate) live_tokens: usize,
    pub(crate) way: String,
    pub(crate) ns: Vec<f64>,
}

/// What a script printed, and what the issuer saw of it.
pub(crate) struct Figures {
    pub(crate) printed: Printed,
    pub(crate) cold_fetches: usize,
    pub(crate) flood_fetches: usize,
}

/// Each client in turn. Not within a runtime, as it waits for programs.
pub(crate) fn measure(scene: &Scene, tokens: &[String], pace: Pace) -> Vec<Outcome> {
    let outcome = |client: &Client| Outcome {
        client: client.name,
        note: client.note,
        asks_again: client.asks_again,
        figures: figures(client, scene, tokens, pace).map_err(|error| told_of(client, &error)),
    };
    CLIENTS.iter().map(outcome).collect()
}

/// The page gets the reason; what led to it, with the paths and hosts of this machine, is for whoever watches.
fn told_of(client: &Client, error: &anyhow::Error) -> String {
    eprintln!("{} is not measured: {error:#}", client.name);
    error.to_string()
}

/// Where a client finds the key set for a part of its script: each has a place of its own, so that fetches can be told apart.
fn path(client: &Client, part: &str) -> String {
    format!("/{}/{part}.json", client.script)
}

fn figures(client: &Client, scene: &Scene, tokens: &[String], pace: Pace) -> anyhow::Result<Figures> {
    let [program, script] = client.prepared()?;
    for part in ["warm", "cold", "flood"] {
        scene.issuer.serve(&path(client, part), scene.key_set_reply());
    }
    let written = script.with_file_name(format!("{}.scene.json", client.script));
    fs::write(&written, told(client, scene, tokens, pace)?).context("writing the scene")?;
    let stdout = run_within(Command::new(program).arg(&script).arg(&written), MEASURED_WITHIN)?;
    let printed = serde_json::from_str(&stdout).context("the script did not print its figures")?;
    let fetches = |part| scene.issuer.requests(&path(client, part));
    Ok(Figures { printed, cold_fetches: fetches("cold"), flood_fetches: fetches("flood") })
}

/// The scene as a script reads it.
fn told(client: &Client, scene: &Scene, tokens: &[String], pace: Pace) -> anyhow::Result<String> {
    let url = |part| scene.issuer.url(&path(client, part));
    let live: Vec<_> = token_cache::ROWS.iter().map(|(live, _)| live).collect();
    let told = json!({
        "issuer": scene.issuer.issuer(),
        "audience": AUDIENCE,
        "leeway": LEEWAY_SECONDS,
        "jwk": scene.material.jwk,
        "token": scene.token()?,
        "tokens": tokens,
        "live": live,
        "made_up": scene.tokens_of_unknown_keys(MADE_UP)?,
        "callers": CALLERS,
        "warm": url("warm"),
        "cold": url("cold"),
        "flood": url("flood"),
        "rounds": pace.rounds,
        "batch_milliseconds": u64::try_from(pace.batch.as_millis())?,
    });
    Ok(told.to_string())
}

impl Client {
    /// What runs the script, and the script, with its packages installed.
    fn prepared(&self) -> anyhow::Result<[PathBuf; 2]> {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
        let below = below_target()?.join("scripts");
        match self.host {
            Host::Node => {
                let folder = below.join("node");
                install_node(&sources.join("node"), &folder).context("installing the npm packages")?;
                Ok(["node".into(), folder.join(self.script)])
            }
            Host::Python => {
                let folder = below.join("python");
                install_python(&sources.join("python"), &folder).context("installing the PyPI packages")?;
                Ok([folder.join("bin/python"), folder.join(self.script)])
            }
        }
    }
}

/// Where this program was built, which is no part of the sources.
fn below_target() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("finding this program")?;
    Ok(program.ancestors().nth(2).context("it was not built by cargo")?.to_owned())
}

fn install_node(sources: &Path, folder: &Path) -> anyhow::Result<()> {
    copy_files(sources, folder)?;
    installed_once(folder, &sources.join("package-lock.json"), || {
        // No package needs its install script, so no stranger's script runs here.
        let words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        run_within(Command::new("npm").args(words).current_dir(folder), INSTALLED_WITHIN).map(drop)
    })
}

fn install_python(sources: &Path, folder: &Path) -> anyhow::Result<()> {
    copy_files(sources, folder)?;
    let requirements = sources.join("requirements.txt");
    installed_once(folder, &requirements, || {
        run_within(Command::new("python3").args(["-m", "venv"]).arg(folder), INSTALLED_WITHIN)?;
        let words = ["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--quiet", "-r"];
        let mut pip = Command::new(folder.join("bin/python"));
        run_within(pip.args(words).arg(&requirements), INSTALLED_WITHIN).map(drop)
    })
}

/// Installs unless this was installed from the same list before; the mark is set only when it is whole.
fn installed_once(
    folder: &Path,
    list: &Path,
    install: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (mark, wanted) = (folder.join(".installed"), fs::read(list)?);
    if fs::read(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    fs::remove_file(&mark).ok();
    install()?;
    Ok(fs::write(mark, wanted)?)
}

/// Copies every file of a flat folder.
fn copy_files(sources: &Path, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(sources)? {
        let path = entry?.path();
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            fs::copy(&path, folder.join(name)).with_context(|| format!("copying {}", path.display()))?;
        }
    }
    Ok(())
}

/// The standard output of a program that ends well, in time.
fn run_within(command: &mut Command, bound: Duration) -> anyhow::Result<String> {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().display().to_string();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("starting {program}"))?;
    // Nothing is ever sent: that both senders are gone says that both outputs have ended.
    let (open, ended) = mpsc::channel::<Infallible>();
    let stdout = collect(child.stdout.take(), open.clone());
    let stderr = collect(child.stderr.take(), open);
    if ended.recv_timeout(bound) != Err(RecvTimeoutError::Disconnected) {
        child.kill().ok();
        child.wait().ok();
        bail!("{program} took longer than {} s", bound.as_secs());
    }
    let (status, stdout, stderr) = (child.wait()?, text(stdout)?, text(stderr)?);
    let last = stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    if status.success() { Ok(stdout) } else { Err(anyhow!("{last}").context(format!("{program} failed"))) }
}

fn collect(
    pipe: Option<impl Read + Send + 'static>,
    open: Sender<Infallible>,
) -> JoinHandle<std::io::Result<String>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let result = pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes));
        drop(open);
        result.map(|_| String::from_utf8_lossy(&bytes).into_owned())
    })
}

fn text(collector: JoinHandle<std::io::Result<String>>) -> anyhow::Result<String> {
    let result = collector.join().map_err(|_| anyhow!("reading the output panicked"))?;
    result.context("reading the output")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_that_cannot_be_started_says_so() {
        let error = run_within(&mut Command::new("no-such-client"), INSTALLED_WITHIN).unwrap_err();
        assert!(error.to_string().contains("no-such-client"), "{error}");
    }

    #[test]
    fn every_client_has_its_script_and_its_list_of_packages() {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
        for client in &CLIENTS {
            let (folder, list) = match client.host {
                Host::Node => ("node", "package-lock.json"),
                Host::Python => ("python", "requirements.txt"),
            };
            for file in [client.script, list] {
                assert!(sources.join(folder).join(file).is_file(), "{}: {file}", client.name);
            }
        }
    }
}
