//! `jwksmith watch`: what is told, when it ends, and what it leaves behind.

use std::io::{BufRead as _, BufReader, Lines, Read as _};
use std::process::{Child, ChildStdout, Command};

use insta::{assert_snapshot, with_settings};
use jwksmith_jose::Algorithm;
use jwksmith_testkit::{FakeIssuer, Reply, TestKey};
use serde_json::{Value, json};

use crate::support::{DESERTED, FILTERS, Key, Outcome, TinyIssuer, binary, run};

/// What differs from run to run here.
const TIMES: [(&str, &str); 2] =
    [(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[TIME]"), (r" for (\d+ min )?\d+ s:", ":")];

fn key(kid: &str) -> TestKey {
    TestKey::generate(Algorithm::ES256, kid)
}

async fn issuer(keys: &[&TestKey]) -> FakeIssuer {
    let issuer = FakeIssuer::start().await;
    issuer.publish(keys);
    issuer
}

fn watch(args: &[&str]) -> Outcome {
    run(&[&["watch"], args].concat())
}

/// A run that is under way; ended when dropped.
struct Watching {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watching {
    fn begin(issuer: &str, options: &[&str]) -> Self {
        let mut command = binary();
        command.args(["watch", issuer, "--json", "--interval", "1s"]).args(options);
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next thing that it tells.
    fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }

    fn next_kind(&mut self, kind: &str) -> Value {
        let told = self.next();
        assert_eq!(told["kind"], kind, "{told}");
        told
    }

    /// Ends it as Ctrl-C does: its exit status, and what it says.
    fn interrupt(mut self) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let status = self.child.wait().unwrap().code();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (status, said)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_look_in_words() {
    let issuer = issuer(&[&key("a"), &key("b")]).await;
    let outcome = watch(&[issuer.issuer(), "--once"]);
    with_settings!({filters => FILTERS.into_iter().chain(TIMES).collect::<Vec<_>>()}, {
        assert_snapshot!(outcome.seen(), @r"
    status 0
    [TIME]  [ISSUER]/  loaded: a, b
    watched 1 issuer: 0 rotations, 0 alarms, 0 outages
    ");
    });
    let absent = watch(&[DESERTED, "--once"]);
    with_settings!({filters => FILTERS.into_iter().chain(TIMES).collect::<Vec<_>>()}, {
        assert_snapshot!(absent.seen(), @r"
    status 3
    [TIME]  [ISSUER]/  outage began: [ISSUER]/.well-known/openid-configuration cannot be reached: Connection refused (issuer_unreachable)
    watched 1 issuer: 0 rotations, 0 alarms, 1 outage
    ");
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_issuer_is_heard_of_in_one_look() {
    let (one, other) = (issuer(&[&key("a")]).await, issuer(&[&key("b")]).await);
    let outcome = watch(&[one.issuer(), DESERTED, other.issuer(), "--once", "--json"]);
    let mut told: Vec<_> =
        outcome.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect();
    told.sort_by_key(|told| told["issuer"].as_str() == Some(DESERTED));
    let kinds: Vec<_> = told.iter().map(|told| told["kind"].as_str().unwrap()).collect();
    assert_eq!((outcome.status, kinds), (3, vec!["loaded", "loaded", "outage_began"]));
    assert_eq!(told[2]["code"], "issuer_unreachable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotation_and_outage_are_told_as_they_happen() {
    let keys = [key("a"), key("b"), key("c")];
    let issuer = issuer(&[&keys[0], &keys[1]]).await;
    let mut watching = Watching::begin(issuer.issuer(), &[]);
    assert_eq!(watching.next_kind("loaded")["kids"], json!(["a", "b"]));
    issuer.publish(&[&keys[1], &keys[2]]);
    let changed = watching.next_kind("keys_changed");
    assert_eq!((&changed["added"], &changed["removed"]), (&json!(["c"]), &json!(["a"])));
    issuer.serve(FakeIssuer::KEY_SET, Reply::status(503));
    assert_eq!(watching.next_kind("outage_began")["code"], "issuer_status");
    issuer.publish(&[&keys[1], &keys[2]]);
    watching.next_kind("outage_ended");
    let (status, said) = watching.interrupt();
    assert_eq!(status, Some(0), "{said}");
    assert!(said.ends_with(": 1 rotation, 0 alarms, 1 outage\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replaced_key_is_an_alarm_and_so_the_exit_status() {
    let issuer = issuer(&[&key("a"), &key("b")]).await;
    let mut watching = Watching::begin(issuer.issuer(), &[]);
    watching.next_kind("loaded");
    issuer.publish(&[&key("a"), &key("b")]);
    let alarms = [watching.next(), watching.next()];
    assert!(alarms.iter().all(|told| told["alarm"] == true && told["kind"] == "key_replaced"), "{alarms:?}");
    let (status, said) = watching.interrupt();
    assert_eq!(status, Some(1), "{said}");
}

#[test]
fn certificate_is_told_of_in_time() {
    let issuer = TinyIssuer::new(&Key::new(Algorithm::ES256, "a").key_set_certified_until(2100));
    let check = |options: &[&str], status: i32, told: usize| {
        let outcome = watch(&[&[&issuer.url, "--once", "--json"], options].concat());
        let alarms = outcome.stdout.lines().filter(|line| line.contains(r#""kind":"certificate_expires""#));
        assert_eq!((outcome.status, alarms.count()), (status, told), "{options:?}: {outcome:?}");
    };
    check(&[], 0, 0);
    check(&["--certificate-days", "30"], 0, 0);
    check(&["--certificate-days", "36500"], 1, 1);
    let expired = TinyIssuer::new(&Key::new(Algorithm::ES256, "a").key_set_certified_until(2026));
    let outcome = watch(&[&expired.url, "--once", "--json", "--certificate-days", "0"]);
    assert!(outcome.status == 1 && outcome.stdout.contains(r#""kind":"certificate_expired""#), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_left_in_the_file() {
    let issuer = issuer(&[&key("a"), &key("b")]).await;
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("jwksmith.prom");
    let outcome = watch(&[issuer.issuer(), "--once", "--metrics-file", path.to_str().unwrap()]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let text = std::fs::read_to_string(&path).unwrap();
    let issuer = issuer.issuer();
    for sample in [
        format!("jwksmith_watch_keys{{issuer=\"{issuer}\"}} 2\n"),
        format!("jwksmith_watch_failing{{issuer=\"{issuer}\"}} 0\n"),
        format!("jwksmith_watch_events_total{{issuer=\"{issuer}\",kind=\"loaded\"}} 1\n"),
        format!("jwksmith_watch_key_first_seen_timestamp_seconds{{issuer=\"{issuer}\",kid=\"a\"}} 1"),
    ] {
        assert!(text.contains(&sample), "{sample} in {text}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn run_ends_after_its_time() {
    let issuer = issuer(&[&key("a")]).await;
    let outcome = watch(&[issuer.issuer(), "--for", "1s", "--interval", "1h"]);
    assert_eq!((outcome.status, outcome.stdout.lines().count()), (0, 1), "{outcome:?}");
    assert_eq!(issuer.requests(FakeIssuer::KEY_SET), 1, "the interval is longer");
}

#[test]
fn run_that_cannot_be_meant_is_a_fault() {
    let check = |args: &[&str], code: &str| {
        let outcome = watch(args);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
        assert!(outcome.stderr.ends_with(&format!("\ncode: {code}\n")), "{outcome:?}");
        let answer = watch(&[args, &["--json"]].concat());
        assert_eq!((answer.status, answer.json()["code"].clone()), (2, json!(code)));
    };
    check(&["tenant.example", "--once"], "config_issuer");
    check(&["", "--once"], "config_issuer_empty");
    check(&[DESERTED, DESERTED, "--once"], "config_issuer_twice");
    check(&[DESERTED, "--interval", "0", "--once"], "config_cache");
    check(&[DESERTED, "--once", "--metrics-file", "/nowhere/jwksmith.prom"], "config_metrics_file");
    for args in [&[][..], &[DESERTED, "--once", "--for", "1s"]] {
        assert_eq!(watch(args).status, 2, "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_of_an_issuer_never_reaches_the_terminal_raw() {
    let issuer = issuer(&[&key("\u{9b}2J\n\u{202e}")]).await;
    let raw = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    for options in [&[][..], &["--json"]] {
        let outcome = watch(&[&[issuer.issuer(), "--once"], options].concat());
        assert!(outcome.status == 0 && !outcome.stdout.contains(raw), "{outcome:?}");
        assert_eq!(outcome.stdout.lines().count(), 1);
    }
}
