//! One test for each client, so that results are listed by client; all of them are rows of one table.
//!
//! Each test has a server of its own, with a data folder of its own, on a free port of localhost. `cargo xtask test
//! interop` installs the clients' packages and runs these tests. Two variables change where things are found:
//! `JWKSMITH_INTEROP_DIR`, the folder with the installed clients (`target/interop` if unset), and `JWKSMITH_BIN`, the
//! server's binary (built by `cargo build -p jwksmith` if unset).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, ensure};
use jwksmith_interop::script::{Report, run_within};
use jwksmith_interop::server::Server;
use serde::Deserialize;

/// How long a script may take. It is far more than any needs, so that a busy machine fails nothing.
const SCRIPT_TIME_MAX: Duration = Duration::from_mins(2);

/// The second API, whose tokens make every client tell algorithms apart.
const ES256_AUDIENCE: &str = "https://es256.interop.example/";

/// One `#[test]` for each row, so that no row can be left without its test.
macro_rules! clients {
    ($($test:ident: $runtime:ident $script:literal, $package:literal, $checks:literal checks;)*) => {$(
        #[test]
        #[ignore = "needs node and python packages: run cargo xtask test interop"]
        fn $test() {
            check(Runtime::$runtime, $script, $package, $checks);
        }
    )*};
}

clients! {
    jose_follows_rotation_and_revocation: Node "jose.mjs", "jose", 13 checks;
    jwks_rsa_follows_rotation_and_revocation: Node "jwks-rsa.mjs", "jwks-rsa", 13 checks;
    openid_client_discovers_and_is_granted_tokens: Node "openid-client.mjs", "openid-client", 18 checks;
    pyjwt_follows_rotation_and_revocation: Python "pyjwt_client.py", "PyJWT", 13 checks;
    joserfc_follows_rotation_and_revocation: Python "joserfc_client.py", "joserfc", 13 checks;
    cryptography_reads_every_certificate: Python "certificates.py", "cryptography", 21 checks;
}

#[derive(Clone, Copy)]
enum Runtime {
    Node,
    Python,
}

fn check(runtime: Runtime, script: &str, package: &str, checks: u32) {
    let report = report(runtime, script).unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!((report.client.as_str(), report.checks), (package, checks), "{report:?}");
}

fn report(runtime: Runtime, script: &str) -> anyhow::Result<Report> {
    let mut command = runtime.command(script)?;
    let server = Server::start(binary(), &["--api", &format!("{ES256_AUDIENCE}=ES256")])?;
    command.envs(server.settings()).env("ES256_AUDIENCE", ES256_AUDIENCE);
    // A proxy of the surroundings must not come between two processes of one machine.
    command.env("no_proxy", "localhost").env("NO_PROXY", "localhost");
    let finished = run_within(&mut command, SCRIPT_TIME_MAX).context(server.log())?;
    ensure!(finished.status.success(), "{}\nThe server said:\n{}", finished.stderr, server.log());
    Report::parse(&finished.stdout)
}

impl Runtime {
    fn command(self, script: &str) -> anyhow::Result<Command> {
        let (program, folder, needed) = match self {
            Self::Node => ("node".into(), installed("node"), installed("node/node_modules")),
            Self::Python => {
                let python = installed("python/bin/python");
                (python.clone(), Path::new(env!("CARGO_MANIFEST_DIR")).join("python"), python)
            }
        };
        ensure!(needed.exists(), "{} is missing: run `cargo xtask test interop`", needed.display());
        let mut command = Command::new(program);
        // Python would otherwise leave its bytecode in the source tree.
        command.arg(script).current_dir(folder).env("PYTHONDONTWRITEBYTECODE", "1");
        Ok(command)
    }
}

fn installed(path: &str) -> PathBuf {
    let folder = variable("JWKSMITH_INTEROP_DIR").unwrap_or_else(|| workspace().join("target/interop"));
    folder.join(path)
}

/// The server, built once for all tests of this run.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        variable("JWKSMITH_BIN").unwrap_or_else(|| build().unwrap_or_else(|error| panic!("{error:#}")))
    })
}

/// The lines of `cargo build --message-format=json` that matter here.
#[derive(Deserialize)]
struct Artifact {
    executable: Option<PathBuf>,
}

/// Cargo tells a test where the binaries of its own package are, but not those of another.
fn build() -> anyhow::Result<PathBuf> {
    let cargo = variable("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments =
        ["build", "--locked", "--package", "jwksmith", "--bin", "jwksmith", "--message-format=json"];
    let output =
        Command::new(cargo).args(arguments).current_dir(workspace()).output().context("running cargo")?;
    ensure!(output.status.success(), "building the server: {}", String::from_utf8_lossy(&output.stderr));
    let artifacts =
        output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let mut executables = artifacts.filter_map(|artifact: Artifact| artifact.executable);
    executables.next_back().context("cargo named no executable")
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn variable(name: &str) -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "where the clients and the server are is the caller's to say"
    )]
    std::env::var_os(name).map(PathBuf::from)
}
