//! Keys, tokens, a tiny issuer, and runs of the real binary.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use jwksmith_jose::{Algorithm, Certificate, PublicJwk, SecretBytes, SigningKey, base64url_encode};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const ISSUER: &str = "https://tenant.example/";
pub(crate) const AUDIENCE: &str = "https://api.example/";
/// 2027-01-15T08:00:00Z
pub(crate) const NOW: &str = "1800000000";
pub(crate) const NOW_SECONDS: u64 = 1_800_000_000;

/// What differs from run to run, and from system to system.
pub(crate) const FILTERS: [(&str, &str); 4] = [
    (r"http://127\.0\.0\.1:\d+/", "[ISSUER]/"),
    (r#""127\.0\.0\.1:\d+""#, "\"[HOST]\""),
    (r" \(os error \d+\)", ""),
    (r"try again: in \d+ s", "try again: in [WAIT]"),
];

/// What a run of the binary left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Standard output, which must be one line holding one JSON object.
    pub(crate) fn json(&self) -> Value {
        assert!(self.stdout.ends_with('\n') && self.stdout.lines().count() == 1, "{self:?}");
        let value: Value = serde_json::from_str(&self.stdout).unwrap();
        assert!(value.is_object(), "{value}");
        value
    }

    /// Everything that a person sees, in the order data, talk.
    pub(crate) fn seen(&self) -> String {
        format!("status {}\n{}{}", self.status, self.stdout, self.stderr)
    }
}

/// The binary, without anything of the environment that could change what it does.
pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jwksmith"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn run<S: AsRef<str>>(args: &[S]) -> Outcome {
    run_reading(args, b"")
}

pub(crate) fn run_reading<S: AsRef<str>>(args: &[S], stdin: &[u8]) -> Outcome {
    let args = args.iter().map(AsRef::as_ref);
    let mut child = binary().args(args).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = stdin.to_vec();
    // In a thread of its own: the binary may answer before it has read everything, or never read at all.
    let writer = std::thread::spawn(move || drop(input.write_all(&bytes)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Outcome {
        status: output.status.code().expect("no signal ends the binary"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A key that signs, and its published form.
pub(crate) struct Key {
    algorithm: Algorithm,
    private: SecretBytes,
    signing: SigningKey,
    id: String,
    jwk: Value,
}

impl Key {
    pub(crate) fn new(algorithm: Algorithm, id: &str) -> Self {
        let private = SigningKey::generate(algorithm).unwrap();
        let signing = SigningKey::from_private(algorithm, &private).unwrap();
        let jwk = match signing.public_jwk(id) {
            Some(jwk) => serde_json::to_value(jwk).unwrap(),
            None => secret_jwk(algorithm, id, &private),
        };
        Self { algorithm, private, signing, id: id.to_owned(), jwk }
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.typed_token("JWT", claims)
    }

    pub(crate) fn typed_token(&self, token_type: &str, claims: &Value) -> String {
        self.signing.sign_token(Some(&self.id), token_type, claims).unwrap()
    }

    /// A key set with this key alone, and a certificate for it that is valid in 2026 and 2027.
    pub(crate) fn certified_key_set(&self) -> String {
        self.key_set_certified_until(2028)
    }

    /// The same, valid until this year begins.
    pub(crate) fn key_set_certified_until(&self, year: i32) -> String {
        let certificate = self.certificate_until(year);
        let jwk = PublicJwk::new(&self.id, self.algorithm, &certificate);
        json!({"keys": [jwk]}).to_string()
    }

    /// A certificate that the key signed itself, valid in 2026 and 2027.
    pub(crate) fn certificate(&self) -> Certificate {
        self.certificate_until(2028)
    }

    fn certificate_until(&self, year: i32) -> Certificate {
        let pair = rcgen::KeyPair::try_from(self.private.expose()).unwrap();
        let mut parameters = rcgen::CertificateParams::new(["tenant.example".to_owned()]).unwrap();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "tenant.example");
        parameters.serial_number = Some(rcgen::SerialNumber::from(0x1234_u64));
        parameters.not_before = rcgen::date_time_ymd(2026, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(year, 1, 1);
        Certificate::from_der(parameters.self_signed(&pair).unwrap().der()).unwrap()
    }

    pub(crate) fn jwk(&self) -> Value {
        self.jwk.clone()
    }
}

fn secret_jwk(algorithm: Algorithm, id: &str, secret: &SecretBytes) -> Value {
    json!({"kty": "oct", "kid": id, "alg": algorithm.name(), "k": base64url_encode(secret.expose())})
}

pub(crate) fn key_set(keys: &[&Key]) -> String {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()}).to_string()
}

/// Claims that everything agrees with at [`NOW`].
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "sub": "orders-app",
        "aud": AUDIENCE,
        "iat": NOW_SECONDS,
        "exp": NOW_SECONDS + 86_400,
        "scope": "read:orders write:orders",
    })
}

pub(crate) fn claims_with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

pub(crate) fn claims_without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// A token that nobody signed.
pub(crate) fn unsigned(header: &str, claims: &str) -> String {
    format!("{}.{}.", base64url_encode(header), base64url_encode(claims))
}

/// A folder with a key set in it.
pub(crate) struct KeyFile {
    _dir: TempDir,
    pub(crate) path: PathBuf,
}

impl KeyFile {
    pub(crate) fn new(content: impl AsRef<[u8]>) -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("keys.json");
        std::fs::write(&path, content).unwrap();
        Self { _dir: dir, path }
    }

    pub(crate) fn name(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

/// The arguments of one `verify`, each option by its name.
#[derive(Clone)]
pub(crate) struct VerifyArgs(Vec<String>);

impl VerifyArgs {
    pub(crate) fn online(issuer: &str) -> Self {
        Self(vec!["verify".to_owned()]).with("--issuer", issuer).with("--audience", AUDIENCE)
    }

    pub(crate) fn offline(jwks: &Path) -> Self {
        Self::online(ISSUER).with("--jwks", jwks.to_str().unwrap()).with("--at", NOW)
    }

    /// The option with this value, beside those that it has already.
    pub(crate) fn with(mut self, option: &str, value: &str) -> Self {
        self.0.extend([option.to_owned(), value.to_owned()]);
        self
    }

    /// The option with this value, instead of those that it has.
    pub(crate) fn with_only(self, option: &str, value: &str) -> Self {
        self.without(option).with(option, value)
    }

    pub(crate) fn without(mut self, option: &str) -> Self {
        while let Some(at) = self.0.iter().position(|argument| argument == option) {
            self.0.drain(at..=at + 1);
        }
        self
    }

    pub(crate) fn arg(mut self, argument: &str) -> Self {
        self.0.push(argument.to_owned());
        self
    }

    pub(crate) fn list(&self) -> &[String] {
        &self.0
    }

    pub(crate) fn run(&self) -> Outcome {
        run(&self.0)
    }

    /// Verifies with `--json` and gives the exit status and the code.
    pub(crate) fn decide(&self, token: &str) -> (i32, Value) {
        let outcome = self.clone().arg("--json").arg(token).run();
        assert_eq!(outcome.stderr, "", "{outcome:?}");
        let answer = outcome.json();
        let valid = match outcome.status {
            0 => json!(true),
            1 => json!(false),
            _ => Value::Null,
        };
        assert_eq!(answer["valid"], valid, "{outcome:?}");
        (outcome.status, answer["code"].clone())
    }
}

/// An issuer on this machine: one answer per path, whatever is asked; 404 elsewhere.
pub(crate) struct TinyIssuer {
    pub(crate) url: String,
    pages: Arc<Mutex<HashMap<String, String>>>,
    requests: Arc<AtomicUsize>,
}

impl TinyIssuer {
    /// An issuer that says of itself what it should, and publishes `keys`.
    pub(crate) fn new(keys: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let issuer = Self { url, pages: Arc::default(), requests: Arc::default() };
        let discovery = json!({"issuer": issuer.url, "jwks_uri": format!("{}keys", issuer.url)});
        issuer.publish("/.well-known/openid-configuration", &discovery.to_string());
        issuer.publish("/keys", keys);
        let (pages, requests) = (Arc::clone(&issuer.pages), Arc::clone(&issuer.requests));
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                requests.fetch_add(1, Ordering::SeqCst);
                answer(&stream, &pages.lock().unwrap());
            }
        });
        issuer
    }

    pub(crate) fn publish(&self, path: &str, body: &str) {
        self.pages.lock().unwrap().insert(path.to_owned(), body.to_owned());
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// An address on this machine where nobody listens: no system hands this port out by itself.
pub(crate) const DESERTED: &str = "http://127.0.0.1:1/";

fn answer(mut stream: &TcpStream, pages: &HashMap<String, String>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let Some(request) = lines.next() else { return };
    lines.for_each(drop);
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, body) = pages.get(path).map_or(("404 Not Found", ""), |body| ("200 OK", body.as_str()));
    let length = body.len();
    // The client may have gone; that is its business.
    let _ =
        write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
}
