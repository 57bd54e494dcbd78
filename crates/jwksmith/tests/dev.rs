//! `jwksmith dev` as its users run it: the real program, a real folder, real signals.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where its set-up fails")]

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

const KEY_VARIABLE: &str = "JWKSMITH_KEY_ENCRYPTION_KEY";

/// A running `dev`; stopped when dropped.
struct Dev {
    child: Child,
    said: String,
    env: HashMap<String, String>,
}

fn command(data: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jwksmith"));
    command.args(["dev", "--data"]).arg(data).args(args).env_remove(KEY_VARIABLE);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Dev {
    fn start(data: &Path, args: &[&str]) -> Self {
        Self::of(command(data, args), data)
    }

    /// Reads what it says until it is ready; if it ends before, its last words are the failure.
    fn of(mut command: Command, data: &Path) -> Self {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = String::new();
        while !said.lines().last().is_some_and(|line| line.starts_with("ready")) {
            match lines.next() {
                Some(line) => said += &(line.unwrap() + "\n"),
                None => panic!("not ready: {said}{}", last_words(&mut child)),
            }
        }
        let env = fs::read_to_string(data.join("dev.env")).unwrap();
        let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { child, said, env: env.lines().filter_map(pair).collect() }
    }

    fn issuer(&self) -> &str {
        &self.env["ISSUER"]
    }

    fn port(&self) -> String {
        self.issuer().trim_end_matches('/').rsplit(':').next().unwrap().to_owned()
    }

    fn token(&self, audience: &str) -> String {
        let request = json!({
            "grant_type": "client_credentials", "client_id": self.env["CLIENT_ID"],
            "client_secret": self.env["CLIENT_SECRET"], "audience": audience,
        });
        let answer = post(&format!("{}oauth/token", self.issuer()), &request);
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    fn kids(&self) -> Vec<String> {
        let key_set = get(&format!("{}.well-known/jwks.json", self.issuer()));
        let kid = |key: &Value| key["kid"].as_str().unwrap().to_owned();
        key_set["keys"].as_array().unwrap().iter().map(kid).collect()
    }

    /// Ends it as a service manager would; its exit status.
    fn stop(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn last_words(child: &mut Child) -> String {
    let mut words = String::new();
    child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    words
}

fn post(url: &str, body: &Value) -> Value {
    runtime()
        .block_on(async { reqwest::Client::new().post(url).json(body).send().await?.json().await })
        .unwrap()
}

fn get(url: &str) -> Value {
    runtime().block_on(async { reqwest::get(url).await?.json().await }).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Runs `dev` where it must not start; status and what it said on standard error.
fn refused(mut command: Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert_eq!(String::from_utf8(stdout).unwrap(), "");
    (status.code(), String::from_utf8(stderr).unwrap())
}

fn verify(dev: &Dev, token: &str, audience: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jwksmith"));
    command.args(["verify", token, "--issuer", dev.issuer(), "--audience", audience]).args(more);
    command.output().unwrap()
}

#[test]
fn first_start_makes_everything_and_second_start_finds_it_again() {
    let data = TempDir::new().unwrap();
    let data = data.path().join("made/by/dev");
    let first = Dev::start(&data, &["--port", "0"]);
    assert_eq!(first.kids().len(), 2);
    let token = first.token(&first.env["AUDIENCE"]);
    assert!(verify(&first, &token, &first.env["AUDIENCE"], &["--typ", "at+jwt"]).status.success());
    let (issuer, env, kids) = (first.issuer().to_owned(), first.env.clone(), first.kids());
    assert_eq!(first.stop(), Some(0));

    let second = Dev::start(&data, &[]);
    assert_eq!((second.issuer(), &second.env, second.kids()), (issuer.as_str(), &env, kids));
    assert!(verify(&second, &token, &env["AUDIENCE"], &[]).status.success(), "a token of the first start");
}

#[test]
fn printed_commands_work_as_they_stand() {
    let data = TempDir::new().unwrap();
    let dev = Dev::start(data.path(), &["--port", "0"]);
    for url in [".well-known/openid-configuration", ".well-known/jwks.json"] {
        assert!(dev.said.contains(&format!("{}{url}", dev.issuer())), "{}", dev.said);
    }
    let indented =
        dev.said.split_once("Get a token:").unwrap().1.lines().filter(|line| line.starts_with("  "));
    let script = indented.collect::<Vec<_>>().join("\n");
    let output = Command::new("sh").args(["-euc", &script]).output().unwrap();
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success() && stdout.starts_with("valid\n"), "{script}\n{stdout}{stderr}");
}

#[test]
fn files_are_for_their_owner_only() {
    let data = TempDir::new().unwrap();
    let data = data.path().join("private");
    let _dev = Dev::start(&data, &["--port", "0", "--api", "https://hs256.example/=HS256"]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let mut files: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    for name in ["authority.db", "dev.env", "hs256.example.jwks.json", "key-encryption-key"] {
        assert!(files.contains(&data.join(name)), "{name}");
    }
}

#[test]
fn every_algorithm_of_an_api_is_issued_and_verified() {
    let data = TempDir::new().unwrap();
    let apis =
        ["--port", "0", "--api", "https://es256.example/=ES256", "--api", "https://hs256.example/=HS256"];
    let dev = Dev::start(data.path(), &apis);
    let token = dev.token("https://es256.example/");
    assert!(verify(&dev, &token, "https://es256.example/", &["--algorithm", "ES256"]).status.success());
    let file = data.path().join("hs256.example.jwks.json");
    let shared = ["--algorithm", "HS256", "--jwks", file.to_str().unwrap()];
    let token = dev.token("https://hs256.example/");
    assert!(verify(&dev, &token, "https://hs256.example/", &shared).status.success());
    assert_eq!(
        verify(&dev, &token, "https://hs256.example/", &[]).status.code(),
        Some(1),
        "not without the secret"
    );
    dev.stop();
    let again = Dev::start(data.path(), &[]);
    assert!(again.said.contains("https://es256.example/ (ES256)"), "an API stays: {}", again.said);
}

#[test]
fn lost_credentials_are_replaced_by_a_new_application() {
    let data = TempDir::new().unwrap();
    let first = Dev::start(data.path(), &["--port", "0"]);
    let before = first.env.clone();
    first.stop();
    fs::remove_file(data.path().join("dev.env")).unwrap();
    let second = Dev::start(data.path(), &[]);
    assert_eq!(second.env["ISSUER"], before["ISSUER"]);
    assert_ne!(second.env["CLIENT_ID"], before["CLIENT_ID"]);
    second.token(&before["AUDIENCE"]);
}

#[test]
fn contradictions_are_refused_with_what_to_do() {
    let data = TempDir::new().unwrap();
    let dev = Dev::start(data.path(), &["--port", "0"]);
    let port = dev.port();

    let other = TempDir::new().unwrap();
    let (status, said) = refused(command(other.path(), &["--port", &port]));
    assert!(status == Some(2) && said.contains("choose another one with --port"), "{said}");
    dev.stop();

    let (status, said) = refused(command(data.path(), &["--port", "1"]));
    assert!(status == Some(2) && said.contains(&format!("start with --port {port}")), "{said}");
    let (status, said) = refused(command(data.path(), &["--api", "https://api.example/=ES256"]));
    assert!(status == Some(2) && said.contains("another audience"), "{said}");
    let (status, said) = refused(command(data.path(), &["--api", "https://api.example/=none"]));
    assert!(status == Some(2) && said.contains("RS256, ES256 or HS256"), "{said}");
    let file = data.path().join("dev.env");
    let (status, said) = refused(command(&file, &[]));
    assert!(status == Some(2) && said.contains("cannot be made"), "{said}");
}

#[test]
fn second_process_on_a_folder_is_refused() {
    let data = TempDir::new().unwrap();
    let first = Dev::start(data.path(), &["--port", "0"]);
    let (status, said) = refused(command(data.path(), &["--port", "0"]));
    assert!(status == Some(2) && said.contains("another jwksmith uses"), "{said}");
    first.stop();
    Dev::start(data.path(), &[]);
}

#[test]
fn unfit_api_is_refused_and_spoils_no_later_start() {
    let data = TempDir::new().unwrap();
    let dev = Dev::start(data.path(), &["--port", "0", "--api", "https://a.example/x=HS256"]);
    let management = format!("{}api/v2/=RS256", dev.issuer());
    dev.stop();
    let long = format!("{}=HS256", "a".repeat(201));
    let unfit = [
        (management.as_str(), "management API"),
        (long.as_str(), "no file name"),
        ("///=HS256", "no file name"),
        ("https://a.example-x=HS256", "in one file"),
        ("a\nb=RS256", "control"),
    ];
    for (api, hint) in unfit {
        let (status, said) = refused(command(data.path(), &["--api", api]));
        assert!(status == Some(2) && said.contains(hint), "{hint}: {said}");
    }
    let dev = Dev::start(data.path(), &[]);
    dev.token(&format!("{}api/v2/", dev.issuer()));
    dev.token("https://a.example/x");
}

#[test]
fn left_over_files_and_open_folders_do_not_leak() {
    let data = TempDir::new().unwrap();
    let elsewhere = data.path().join("elsewhere");
    fs::write(&elsewhere, "").unwrap();
    std::os::unix::fs::symlink(&elsewhere, data.path().join("dev.new")).unwrap();
    let dev = Dev::start(data.path(), &["--port", "0"]);
    let mode = fs::symlink_metadata(data.path().join("dev.env")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "", "the link was not followed");
    dev.stop();
    fs::set_permissions(data.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let (status, said) = refused(command(data.path(), &[]));
    assert!(status == Some(2) && said.contains("chmod go-w"), "{said}");
}

#[test]
fn proxy_of_the_environment_is_not_asked() {
    let data = TempDir::new().unwrap();
    let mut proxied = command(data.path(), &["--port", "0"]);
    for variable in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        proxied.env(variable, "http://127.0.0.1:9");
    }
    Dev::of(proxied, data.path());
}

#[test]
fn client_that_never_finishes_its_request_does_not_hold_up_the_stop() {
    use std::io::Write as _;
    let data = TempDir::new().unwrap();
    let mut dev = Dev::start(data.path(), &["--port", "0"]);
    let mut client = std::net::TcpStream::connect(format!("127.0.0.1:{}", dev.port())).unwrap();
    client.write_all(b"GET /pem HT").unwrap();
    let id = dev.child.id().to_string();
    let terminate = || assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let mut talk = BufReader::new(dev.child.stderr.take().unwrap()).lines();
    terminate();
    assert_eq!(talk.next().unwrap().unwrap(), "stopping: a second signal ends at once");
    terminate();
    assert_eq!(dev.child.wait().unwrap().code(), Some(0));
    assert!(talk.next().is_none(), "it ended at once, and not because its patience did");
}

#[test]
fn wrong_or_missing_key_encryption_key_stops_the_start_and_replaces_nothing() {
    let data = TempDir::new().unwrap();
    let first = Dev::start(data.path(), &["--port", "0"]);
    let (port, kids) = (first.port(), first.kids());
    first.stop();
    let key_file = data.path().join("key-encryption-key");
    let right = fs::read_to_string(&key_file).unwrap();
    let wrong = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    let mut other_key = command(data.path(), &[]);
    other_key.env(KEY_VARIABLE, wrong);
    let (status, said) = refused(other_key);
    assert!(status == Some(2) && said.contains("key-encryption key"), "{said}");
    assert!(!said.contains(wrong), "a key is never repeated: {said}");

    for (text, mode, hint) in
        [(wrong, 0o600, "sealed under"), ("short", 0o600, "43 characters"), (&right, 0o644, "chmod 600")]
    {
        fs::write(&key_file, text).unwrap();
        fs::set_permissions(&key_file, fs::Permissions::from_mode(mode)).unwrap();
        let (status, said) = refused(command(data.path(), &[]));
        assert!(status == Some(2) && said.contains(hint), "{hint}: {said}");
    }
    fs::remove_file(&key_file).unwrap();
    let (status, said) = refused(command(data.path(), &[]));
    assert!(status == Some(2) && said.contains("put it back"), "{said}");
    assert!(!key_file.exists(), "no new key is made for old data");

    let mut from_environment = command(data.path(), &["--port", &port]);
    from_environment.env(KEY_VARIABLE, right.trim());
    let second = Dev::of(from_environment, data.path());
    assert_eq!(second.kids(), kids, "with the right key everything is as it was");
    assert!(!key_file.exists(), "the environment's key is not written down");
}
