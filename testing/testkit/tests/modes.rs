//! The catalogue of modes: each does on the wire what its row says, and a verifier that does everything the easy way is
//! caught by those that are traps. It also shows how a test over all of them is written.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on says where")]

use std::io::Read as _;
use std::time::Duration;

use jwksmith_jose::{Algorithm, KeySet, Policy, Token, UnixTime, verify_token};
use jwksmith_testkit::modes::{MODES, Mode, Probe, Stage, Verdict};
use jwksmith_testkit::{DiscoveryForm, FakeIssuer};
use reqwest::{Client, Response, redirect};
use serde_json::{Value, json};

const AUDIENCE: &str = "https://api.example/";
const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

/// How a careless verifier fares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Careless {
    Passes,
    IsCaught,
}

use Careless::{IsCaught, Passes};

/// A mode, what is to be seen of it, and how it serves a careless verifier. `D` is the discovery document, `K` the key set
/// and `T` the key set after the turn.
type Case = (&'static str, Careless, &'static [&'static str]);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("iss-mismatch", IsCaught, &[r#"D "issuer":"https://other.example/","jwks_uri":"ISSUER/.well-known/jwks.json""#]),
    ("iss-slash", IsCaught, &[r#"D "issuer":"ISSUER","#]),
    ("iss-missing", IsCaught, &[r#"D "jwks_uri":"ISSUER/.well-known/jwks.json""#]),
    ("iss-array", IsCaught, &[r#"D "issuer":["ISSUER/","https://other.example/"],"#]),
    ("disco-dup", IsCaught, &[r#","jwks_uri":"ELSEWHERE/.well-known/jwks.json","jwks_uri":"ISSUER/.well-known/jwks.json""#]),
    ("jwks-file", Passes, &[r#","jwks_uri":"file:///etc/passwd""#]),
    ("jwks-data", Passes, &[r#","jwks_uri":"data:application/json;base64,"#]),
    ("jwks-meta", Passes, &[r#","jwks_uri":"http://169.254.169.254/latest/meta-data/""#]),
    ("jwks-relative", Passes, &[r#","jwks_uri":"/.well-known/jwks.json""#]),
    ("jwks-num", Passes, &[r#","jwks_uri":1"#]),
    ("jwks-missing", Passes, &[r#"D "issuer":"ISSUER/" ."#]),
    ("jwks-userinfo", IsCaught, &[r#","jwks_uri":"http://user:pass@127.0.0.1:"#]),
    ("redir-same", IsCaught, &["K 302", "K location: ISSUER/moved"]),
    ("redir-host", IsCaught, &["K 302", "K location: ELSEWHERE/.well-known/jwks.json"]),
    ("redir-file", Passes, &["K 302", "K location: file:///etc/passwd"]),
    ("redir-loop", IsCaught, &["K 302", "K location: ISSUER/.well-known/jwks.json"]),
    ("disco-redirect", IsCaught, &["D 302", "D location: ELSEWHERE/.well-known/openid-configuration"]),
    ("hang", Passes, &["K no answer in time"]),
    ("slow", Passes, &["K 200", "K stopped in time"]),
    ("reset", Passes, &["K no answer"]),
    ("truncated", IsCaught, &["K 200", "K kids first", "K broken off"]),
    ("big", IsCaught, &["K 200", "K transfer-encoding: chunked", "K 16777216 bytes", "K kids first ."]),
    ("gzipbomb", IsCaught, &["K content-encoding: gzip", "K inflates to 16777216 bytes", "K kids first ."]),
    ("manykeys", IsCaught, &["K 200", "K 10001 kids"]),
    ("500", IsCaught, &["K 500", "K kids first"]),
    ("404", IsCaught, &["K 404", "K kids first"]),
    ("204", Passes, &["K 204", "K 0 bytes"]),
    ("304-without-cache", Passes, &["K 304", "K 0 bytes"]),
    ("ct-text", Passes, &["K 200", "K content-type: text/plain ."]),
    ("ct-html", Passes, &["K 200", "K content-type: text/html; charset=utf-8 ."]),
    ("ct-none", Passes, &["K 200", "K no content-type", "K kids first"]),
    ("ct-jwks", Passes, &["K 200", "K content-type: application/jwk-set+json", "K kids first"]),
    ("accept-jwks", IsCaught, &["K 406"]),
    ("good-then-500", IsCaught, &["K 200", "K kids first", "T 500"]),
    ("good-then-empty", IsCaught, &["K kids first", "T 200", "T kids ."]),
    ("good-then-garbage", IsCaught, &["K kids first", "T 200", "T content-type: text/html", "T no key set"]),
    ("good-then-reset", IsCaught, &["K kids first", "T no answer"]),
    ("rotate", Passes, &["K kids first", "T kids second ."]),
    ("maxage0", IsCaught, &["K cache-control: max-age=0 ."]),
    ("nostore", IsCaught, &["K cache-control: no-store ."]),
    ("maxage-huge", Passes, &["K cache-control: max-age=100000000000000000000 .", "T kids second ."]),
    ("etag", Passes, &["K etag: \"1\"", "T 304"]),
    ("wrong-etag", Passes, &["K etag: \"1\"", "T 304"]),
    ("odd-etag", Passes, &["K etag: 1, \"2 .", "K kids first"]),
    ("flapping", IsCaught, &["K kids first ."]),
    ("unknown-kid-flood", IsCaught, &["K kids first"]),
    ("unknown-kid-flood-empty", IsCaught, &["K 200", "K kids ."]),
    ("two-issuers-same-kid", Passes, &["K kids first"]),
    ("clock-skew", Passes, &["K date: "]),
];

#[tokio::test]
async fn each_mode_is_on_the_wire_what_its_row_says() {
    for (name, _, facts) in CASES {
        let seen = seen(&Mode::named(name).unwrap().start().await).await;
        for fact in *facts {
            assert!(seen.contains(fact), "{name}: no {fact:?} in\n{seen}");
        }
    }
}

#[tokio::test]
async fn careless_verifier_is_caught_by_every_trap() {
    for (name, expected, _) in CASES {
        let stage = Mode::named(name).unwrap().start().await;
        let complaints = complaints(&stage).await;
        let fares = if complaints.is_empty() { Passes } else { IsCaught };
        assert_eq!(fares, *expected, "{name}: {complaints:?}");
    }
}

#[test]
fn every_mode_has_a_case() {
    let names: Vec<_> = MODES.iter().map(|mode| mode.name).collect();
    let cases: Vec<_> = CASES.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, cases);
}

#[tokio::test]
async fn modes_work_at_an_issuer_with_a_path_and_another_algorithm() {
    let issuer = FakeIssuer::builder().path("/t/1").start().await;
    let stage = Mode::named("iss-slash").unwrap().start_on(issuer, Algorithm::EdDSA).await;
    let seen = seen(&stage).await;
    assert!(
        seen.contains(r#"D "issuer":"ISSUER/t/1/","jwks_uri":"ISSUER/t/1/.well-known/jwks.json""#),
        "{seen}"
    );
    let token = stage.token(AUDIENCE, NOW);
    assert_eq!(Token::parse(&token).unwrap().header().algorithm(), Algorithm::EdDSA);
}

/// Gives the probes to a careless verifier, as a test of a real one would.
async fn complaints(stage: &Stage) -> Vec<String> {
    let verifier = CarelessVerifier::of(stage);
    if stage.mode.turns() {
        assert!(verifier.accepts(&stage.token(AUDIENCE, NOW)).await, "{} begins well", stage.mode.name);
        stage.turn();
    }
    let (mut complaints, fetches) = (Vec::new(), stage.fetches());
    for Probe { what, token, verdict } in stage.probes(AUDIENCE, NOW) {
        let accepted = verifier.accepts(&token).await;
        if verdict != Verdict::Either && accepted != (verdict == Verdict::Verifies) {
            complaints.push(format!("{what}: accepted {accepted}"));
        }
    }
    complaints.append(&mut stage.complaints(fetches));
    complaints
}

/// Fetches everything for every token, follows wherever it is sent on this machine, takes whatever comes, and looks at
/// nothing but the one key that it wants.
struct CarelessVerifier {
    client: Client,
    issuer: String,
}

impl CarelessVerifier {
    fn of(stage: &Stage) -> Self {
        let client = Client::builder().no_proxy().timeout(patience(stage)).build().unwrap();
        Self { client, issuer: stage.issuer.issuer().to_owned() }
    }

    async fn accepts(&self, token: &str) -> bool {
        let policy = Policy::new(&self.issuer, AUDIENCE, [Algorithm::ES256]).unwrap();
        let key = self.key(Token::parse(token).unwrap().header().key_id().unwrap()).await;
        key.is_some_and(|key| verify_token(token, &key, &policy, NOW).is_ok())
    }

    async fn key(&self, kid: &str) -> Option<KeySet> {
        let document = self.json(&format!("{}.well-known/openid-configuration", self.issuer)).await?;
        let set = self.json(document["jwks_uri"].as_str()?).await?;
        let key = set["keys"].as_array()?.iter().find(|key| key["kid"] == kid)?;
        KeySet::parse(json!({ "keys": [key] }).to_string().as_bytes()).ok()
    }

    async fn json(&self, url: &str) -> Option<Value> {
        // It is careless with what is on this machine only.
        let here = ["http://127.0.0.1:", "http://localhost:", "http://user:pass@127.0.0.1:"];
        here.iter().find(|start| url.starts_with(**start))?;
        let response = self.client.get(url).header("accept", "application/json").send().await.ok()?;
        let (body, _) = read(response).await;
        serde_json::from_slice(&inflated(&body)).ok()
    }
}

/// Long for an answer that comes from this machine, and short for one that never will.
fn patience(stage: &Stage) -> Duration {
    match stage.mode.name {
        "hang" | "slow" => Duration::from_millis(500),
        _ => Duration::from_mins(1),
    }
}

/// What came of a body, and how it ended.
async fn read(mut response: Response) -> (Vec<u8>, &'static str) {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return (body, "whole"),
            Err(error) if error.is_timeout() => return (body, "stopped in time"),
            Err(_) => return (body, "broken off"),
        }
    }
}

fn inflated(body: &[u8]) -> Vec<u8> {
    let mut inflated = Vec::new();
    let compressed = flate2::read::GzDecoder::new(body).read_to_end(&mut inflated).is_ok();
    if compressed { inflated } else { body.to_vec() }
}

/// All that there is to see of a mode, as text.
async fn seen(stage: &Stage) -> String {
    let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(patience(stage));
    let client = client.build().unwrap();
    let issuer = &stage.issuer;
    let document = client.get(issuer.url(&issuer.discovery_path(DiscoveryForm::OpenId))).send().await;
    let keys = || client.get(issuer.url(issuer.key_set_path())).header("accept", "application/json");
    let mut text = described('D', document).await + &described('K', keys().send().await).await;
    if stage.mode.turns() {
        stage.turn();
        text += &described('T', keys().header("if-none-match", "\"1\"").send().await).await;
    }
    text.replace(&issuer.url(""), "ISSUER").replace(&stage.elsewhere.url(""), "ELSEWHERE")
}

/// One line for each fact, which ends with a dot of its own so that a case can say where a fact ends.
async fn described(letter: char, answer: reqwest::Result<Response>) -> String {
    let facts = match answer {
        Ok(response) => facts(response).await,
        Err(error) if error.is_timeout() => vec!["no answer in time".to_owned()],
        Err(_) => vec!["no answer".to_owned()],
    };
    let lines: Vec<_> = facts.iter().map(|fact| format!("{letter} {fact} .\n")).collect();
    lines.concat()
}

async fn facts(response: Response) -> Vec<String> {
    let mut facts = vec![response.status().as_u16().to_string()];
    let headers = response.headers();
    facts.extend(headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())));
    if !headers.contains_key("content-type") {
        facts.push("no content-type".to_owned());
    }
    let (body, end) = read(response).await;
    facts.extend([format!("{} bytes", body.len()), end.to_owned()]);
    facts.extend(content(&inflated(&body)));
    facts
}

fn content(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body);
    let members = text.trim_end().trim_start_matches('{').trim_end_matches('}');
    match serde_json::from_slice::<Value>(body).map(|set| set["keys"].as_array().cloned()) {
        Ok(Some(keys)) => {
            let kids: Vec<_> = keys.iter().filter_map(|key| key["kid"].as_str()).collect();
            let named = format!("kids {}", kids.join(",")).trim_end().to_owned();
            vec![format!("inflates to {} bytes", body.len()), format!("{} kids", kids.len()), named]
        }
        _ => vec!["no key set".to_owned(), members.to_owned()],
    }
}
