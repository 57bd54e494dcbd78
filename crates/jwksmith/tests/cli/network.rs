//! The network options: each of them changes what happens, for every command that asks an issuer.

use jwksmith_jose::Algorithm;
use jwksmith_testkit::{FakeIssuer, FakeProxy, Reply};

use crate::support::{AUDIENCE, Key, KeyFile, claims_with, key_set, run};

/// A key that signs, beside an issuer that publishes it.
struct Served {
    issuer: FakeIssuer,
    key: Key,
}

impl Served {
    fn new(issuer: FakeIssuer) -> Self {
        let key = Key::new(Algorithm::ES256, "es-1");
        let set = Reply::text(&key_set(&[&key])).content_type("application/json");
        issuer.serve(FakeIssuer::KEY_SET, set);
        Self { issuer, key }
    }

    /// The exit status of each command, and the code of what was at fault.
    fn outcomes(&self, options: &[&str]) -> Vec<(&'static str, i32, String)> {
        COMMANDS.iter().map(|command| self.outcome(command, options)).collect()
    }

    fn outcome(&self, command: &'static str, options: &[&str]) -> (&'static str, i32, String) {
        let issuer = self.issuer.issuer();
        let token = self.key.token(&claims_with("iss", issuer));
        let own = match command {
            "verify" => {
                vec![token.as_str(), "--issuer", issuer, "--audience", AUDIENCE, "--at", crate::support::NOW]
            }
            "watch" => {
                let (status, code) = watched(issuer, options);
                return (command, status, code);
            }
            "lint" => {
                let (status, code) = judged(issuer, options);
                return (command, status, code);
            }
            _ => vec![issuer],
        };
        let outcome = run(&[&[command], own.as_slice(), options].concat());
        let code = outcome.stderr.lines().find_map(|line| line.strip_prefix("code: ")).unwrap_or_default();
        (command, outcome.status, code.to_owned())
    }

    fn check(&self, options: &[&str], status: i32, code: &str) {
        for (command, found, found_code) in self.outcomes(options) {
            assert_eq!((found, found_code.as_str()), (status, code), "{command} {options:?}");
        }
    }
}

/// The commands with these options.
const COMMANDS: [&str; 4] = ["verify", "locate", "lint", "watch"];

/// Of `watch` what the others would say: it tells of what fails and goes on.
fn watched(issuer: &str, options: &[&str]) -> (i32, String) {
    let outcome = run(&[&["watch", issuer, "--once", "--json"], options].concat());
    let told: serde_json::Value = serde_json::from_str(outcome.stdout.trim()).unwrap();
    (outcome.status, told["code"].as_str().unwrap_or_default().to_owned())
}

/// Of `lint` what the others would say: it tells in findings what it got no answer from.
fn judged(issuer: &str, options: &[&str]) -> (i32, String) {
    let outcome = run(&[&["lint", issuer, "--json"], options].concat());
    let answer = outcome.json();
    let found = |code: &str| {
        let findings = answer["findings"].as_array().into_iter().flatten();
        findings.into_iter().any(|finding| finding["code"] == code)
    };
    match outcome.status {
        2 => (2, answer["code"].as_str().unwrap().to_owned()),
        _ if found("answer_missing") => (3, "issuer_unreachable".to_owned()),
        _ if found("answer_status") => (3, "issuer_status".to_owned()),
        _ => (0, String::new()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ca_is_trusted_and_nobody_else() {
    let served = Served::new(FakeIssuer::builder().tls().start().await);
    let other = FakeIssuer::builder().tls().start().await;
    let (own, other) = (KeyFile::new(served.issuer.ca_pem()), KeyFile::new(other.ca_pem()));
    served.check(&[], 3, "issuer_unreachable");
    served.check(&["--ca", own.name()], 0, "");
    served.check(&["--ca", other.name()], 3, "issuer_unreachable");
    for (command, _, code) in served.outcomes(&["--ca", "/nowhere/ca.pem"]) {
        assert_eq!(code, "fetch_credentials", "{command}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_identity_is_shown() {
    let served = Served::new(FakeIssuer::builder().mutual_tls().start().await);
    let ca = KeyFile::new(served.issuer.ca_pem());
    let identity = KeyFile::new(served.issuer.client_identity_pem());
    served.check(&["--ca", ca.name()], 3, "issuer_unreachable");
    served.check(&["--ca", ca.name(), "--client-identity", identity.name()], 0, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bearer_token_is_sent() {
    let served = Served::new(FakeIssuer::builder().key_set_for_bearer("t-1").start().await);
    let (right, wrong) = (KeyFile::new("t-1\n"), KeyFile::new("t-2"));
    served.check(&[], 3, "issuer_status");
    served.check(&["--bearer-token-file", right.name()], 0, "");
    served.check(&["--bearer-token-file", wrong.name()], 3, "issuer_status");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxy_sees_what_passes() {
    let served = Served::new(FakeIssuer::start().await);
    let proxy = FakeProxy::start().await;
    served.check(&[], 0, "");
    assert_eq!(proxy.requests(), 0);
    served.check(&["--proxy", proxy.url()], 0, "");
    assert_eq!(proxy.requests(), 2 + 2 + 3 + 2, "discovery and key set of each; `lint` asks at every place");
    served.check(&["--proxy", "socks5://127.0.0.1:1"], 2, "config_fetch");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timeout_ends_the_waiting() {
    let served = Served::new(FakeIssuer::start().await);
    served.check(&["--timeout", "0"], 2, "config_fetch");
    served.issuer.serve(FakeIssuer::KEY_SET, Reply::hang());
    // The default is longer than this by far: the issuer would be waited for.
    served.check(&["--timeout", "1s"], 3, "issuer_unreachable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_addresses_are_reached_where_that_is_allowed() {
    let refused = |options: &[&str]| {
        let outcome = run(&[&["locate", "https://10.255.255.1/", "--timeout", "1s"], options].concat());
        assert_eq!(outcome.status, 3, "{outcome:?}");
        outcome.stderr.contains("code: issuer_address_refused")
    };
    assert!(refused(&[]));
    assert!(!refused(&["--private-addresses"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_that_a_file_of_keys_has_no_use_for_are_refused() {
    let served = Served::new(FakeIssuer::start().await);
    let keys = KeyFile::new(key_set(&[&served.key]));
    let with = |options: &[&str]| served.outcome("verify", &[&["--jwks", keys.name()], options].concat()).1;
    assert_eq!(with(&[]), 0);
    for options in [["--timeout", "1s"], ["--ca", "ca.pem"], ["--jwks-uri", "https://a.example/"]] {
        assert_eq!(with(&options), 2, "{options:?}");
    }
    assert_eq!(with(&["--private-addresses"]), 2);
}
