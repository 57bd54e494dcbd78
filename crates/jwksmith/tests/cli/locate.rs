//! `jwksmith locate`: where an issuer's keys are, and what came of looking for them.

use insta::{assert_snapshot, with_settings};
use jwksmith_jose::{Algorithm, UnixTime};
use jwksmith_testkit::{DiscoveryForm, FakeIssuer, Reply};
use serde_json::{Value, json};

use crate::support::{DESERTED, FILTERS, Key, Outcome, run};

const EC_KEY: &str = r#"{"kty":"EC","use":"sig","crv":"P-256","x":"hUcbwBbWlPnf5D-8xhTn6LHxiNFmJTtq__K_xe-GYdU","y":"-UQDx82Ghf9pz9XNazm6mjWZGAtZevprV4E8MlIfUHQ","kid":"2027-01","alg":"ES256"}"#;

/// A good key, and a secret that no verifier takes from a network.
fn set() -> Value {
    let key: Value = serde_json::from_str(EC_KEY).unwrap();
    json!({"keys": [key, {"kty": "oct", "kid": "secret", "alg": "HS256", "k": "c2VjcmV0"}]})
}

async fn issuer() -> FakeIssuer {
    let issuer = FakeIssuer::start().await;
    issuer.serve(FakeIssuer::KEY_SET, Reply::json(&set()));
    issuer
}

fn locate(issuer: &str, options: &[&str]) -> Outcome {
    run(&[&["locate", issuer], options].concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_in_words_with_their_way_and_their_life() {
    let issuer =
        FakeIssuer::builder().path("/tenants/one").discovery_at(&[DiscoveryForm::OAuth]).start().await;
    let mut document = issuer.discovery();
    document["token_endpoint"] = json!(issuer.url("/token"));
    document["id_token_signing_alg_values_supported"] = json!(["ES256", "RS256"]);
    document["response_types_supported"] = json!([]);
    document["scopes_supported"] = json!(7);
    issuer.serve(&issuer.discovery_path(DiscoveryForm::OAuth), Reply::json(&document));
    let keys = Reply::json(&set()).cache_control("public, max-age=600").age(90).etag("\"one\"");
    issuer.serve(issuer.key_set_path(), keys.last_modified(UnixTime::from_seconds(1_800_000_000)));
    with_settings!({filters => FILTERS}, {
        assert_snapshot!(locate(issuer.issuer(), &[]).seen(), @r#"
    status 0
    [ISSUER]/tenants/one

    discovery document
      not at                                 [ISSUER]/tenants/one/.well-known/openid-configuration (status 404)
      place                                  [ISSUER]/.well-known/oauth-authorization-server/tenants/one
      issuer                                 [ISSUER]/tenants/one
      jwks_uri                               [ISSUER]/tenants/one/.well-known/jwks.json
      token_endpoint                         [ISSUER]/token
      id_token_signing_alg_values_supported  ES256, RS256

    key set
      place          [ISSUER]/tenants/one/.well-known/jwks.json
      cache-control  public, max-age=600
      age            90
      etag           "one"
      last-modified  Fri, 15 Jan 2027 08:00:00 GMT

    in a verifier with default settings
      fresh          for 8 min 30 s
      usable         for 12 h 8 min while no newer set is to be had
      withdrawn key  refused within 1 h, or 13 h while the issuer cannot be reached

    key 0
      kid         2027-01
      kind        EC P-256
      alg         ES256
      use         sig
      bits        256
      thumbprint  sdiETJlHr9jQ5GN3W8Z_iqCe_9iXjzrC36Y2b7dsxw4

    key 1
      kid         secret
      kind        oct
      alg         HS256
      use         -
      bits        -
      thumbprint  -
      not used: it holds private key material (`k`): if it was published, the issuer must withdraw it at once (jwk_private_member)
    "#);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_at_a_fixed_place_in_words() {
    let issuer = issuer().await;
    issuer.serve("/elsewhere", Reply::json(&set()));
    let outcome = locate("https://tenant.example/", &["--jwks-uri", &issuer.url("/elsewhere")]);
    with_settings!({filters => FILTERS}, {
        assert_snapshot!(outcome.seen(), @r"
    status 0
    https://tenant.example/

    key set
      place    [ISSUER]/elsewhere
      caching  the answer says nothing about it

    in a verifier with default settings
      fresh          for 5 min
      usable         for 12 h 5 min while no newer set is to be had
      withdrawn key  refused within 1 h, or 13 h while the issuer cannot be reached

    key 0
      kid         2027-01
      kind        EC P-256
      alg         ES256
      use         sig
      bits        256
      thumbprint  sdiETJlHr9jQ5GN3W8Z_iqCe_9iXjzrC36Y2b7dsxw4

    key 1
      kid         secret
      kind        oct
      alg         HS256
      use         -
      bits        -
      thumbprint  -
      not used: it holds private key material (`k`): if it was published, the issuer must withdraw it at once (jwk_private_member)
    ");
    });
    assert_eq!(issuer.requests_seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn place_of_the_document_or_the_keys_can_be_given() {
    let issuer = issuer().await;
    let mut elsewhere = issuer.discovery();
    elsewhere["jwks_uri"] = json!(issuer.url("/elsewhere"));
    issuer.serve("/document", Reply::json(&elsewhere));
    issuer.serve("/elsewhere", Reply::keys(&[]).with_status(200));
    issuer.serve("/elsewhere", Reply::json(&set()));
    let check = |options: &[&str], source: &str, document: Option<&str>, keys: &str| {
        let answer = locate(issuer.issuer(), &[options, &["--json"]].concat()).json();
        assert_eq!(answer["source"], source, "{answer}");
        assert_eq!(answer["discovery"]["place"].as_str(), document.map(|path| issuer.url(path)).as_deref());
        assert_eq!(answer["key_set"]["place"], issuer.url(keys), "{answer}");
    };
    check(&[], "discovery", Some(FakeIssuer::DISCOVERY), FakeIssuer::KEY_SET);
    check(&["--discovery-at", &issuer.url("/document")], "discovery_at", Some("/document"), "/elsewhere");
    check(&["--jwks-uri", &issuer.url("/elsewhere")], "jwks_uri", None, "/elsewhere");
    let both =
        locate(issuer.issuer(), &["--jwks-uri", "https://a.example", "--discovery-at", "https://a.example"]);
    assert_eq!((both.status, both.stdout.as_str()), (2, ""), "{both:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_as_json_with_the_document_as_it_was_written() {
    let issuer = issuer().await;
    let text = issuer.discovery().to_string().replace('{', "{ \"number\": 123456789012345678901234567890, ");
    issuer.serve(FakeIssuer::DISCOVERY, Reply::text(&text).content_type("application/json"));
    let outcome = locate(issuer.issuer(), &["--json"]);
    assert!(
        outcome.stdout.contains(r#""document":{"number":123456789012345678901234567890,"#),
        "{outcome:?}"
    );
    let answer = outcome.json();
    assert_eq!((outcome.status, &answer["located"], &answer["nothing_at"]), (0, &json!(true), &json!([])));
    let usable: Vec<_> =
        answer["keys"].as_array().unwrap().iter().map(|key| (&key["kid"], &key["code"])).collect();
    assert_eq!(usable, [(&json!("2027-01"), &Value::Null), (&json!("secret"), &json!("jwk_private_member"))]);
    assert_eq!(
        answer["life"],
        json!({
            "fresh_for": 300, "usable_for": 300 + 43_200,
            "withdrawn_key_refused_within": 3_600, "withdrawn_key_refused_within_if_unreachable": 46_800,
        })
    );
    let set = &answer["key_set"];
    assert_eq!(
        (&set["status"], &set["content_type"], &set["etag"]),
        (&json!(200), &json!("application/json"), &Value::Null)
    );
}

#[test]
fn certificates_of_keys_are_shown() {
    let keys = Key::new(Algorithm::ES256, "a").certified_key_set();
    let issuer = crate::support::TinyIssuer::new(&keys);
    let outcome = locate(&issuer.url, &[]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("\ncertificate\n  subject      CN=tenant.example\n"), "{outcome:?}");
    assert_eq!(
        locate(&issuer.url, &["--json"]).json()["keys"][0]["certificates"][0]["subject"],
        "CN=tenant.example"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn issuer_at_fault_is_told_with_all_that_was_asked() {
    let issuer = issuer().await;
    issuer.serve(FakeIssuer::KEY_SET, Reply::status(503));
    let outcome = locate(issuer.issuer(), &[]);
    with_settings!({filters => FILTERS}, {
        assert_snapshot!(outcome.seen(), @r"
    status 3
    not located: [ISSUER]/.well-known/jwks.json answered with status 503
    code: issuer_status
    asked: [ISSUER]/.well-known/openid-configuration: status 200
    asked: [ISSUER]/.well-known/jwks.json: status 503
    ");
    });
    let answer = locate(issuer.issuer(), &["--json"]);
    assert_eq!(answer.status, 3);
    let answer = answer.json();
    assert_eq!((&answer["located"], &answer["code"]), (&json!(false), &json!("issuer_status")));
    let statuses: Vec<_> = answer["asked"].as_array().unwrap().iter().map(|asked| &asked["status"]).collect();
    assert_eq!(statuses, [&json!(200), &json!(503)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hint_names_the_option_that_may_help() {
    let issuer = issuer().await;
    let check = |reply: Reply, status: i32, code: &str, hint: Option<&str>| {
        issuer.serve(FakeIssuer::DISCOVERY, reply);
        let outcome = locate(issuer.issuer(), &[]);
        assert!(outcome.stderr.contains(&format!("\ncode: {code}\n")), "{outcome:?}");
        let found = outcome.stderr.lines().find_map(|line| line.strip_prefix("hint: "));
        assert_eq!((outcome.status, outcome.stdout.as_str()), (status, ""));
        assert_eq!(
            found.is_some_and(|found| hint.is_some_and(|hint| found.contains(hint))),
            hint.is_some(),
            "{outcome:?}"
        );
    };
    check(Reply::status(404), 3, "discovery_missing", Some("--jwks-uri"));
    check(Reply::status(500), 3, "issuer_status", None);
    check(Reply::text("<html>"), 3, "discovery_malformed", None);
    check(Reply::reset(), 3, "issuer_unreachable", None);
    let private = locate("https://10.255.255.1/", &[]);
    assert!(
        private.stderr.contains("\ncode: issuer_address_refused\nhint: `--private-addresses`"),
        "{private:?}"
    );
    let linked = locate("https://169.254.169.254/", &[]);
    assert!(
        linked.stderr.contains("issuer_address_refused") && !linked.stderr.contains("hint"),
        "{linked:?}"
    );
    let deserted = locate(DESERTED, &[]);
    assert!(deserted.stderr.ends_with(".well-known/openid-configuration: no answer\n"), "{deserted:?}");
}

#[test]
fn issuer_that_cannot_be_meant_is_a_fault() {
    let check = |args: &[&str], code: &str| {
        let outcome = locate(args[0], &args[1..]);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
        assert!(outcome.stderr.ends_with(&format!("\ncode: {code}\n")), "{outcome:?}");
        let answer = locate(args[0], &[&args[1..], &["--json"]].concat());
        assert_eq!((answer.status, answer.stderr.as_str()), (2, ""));
        assert_eq!(answer.json()["code"], code);
    };
    check(&["tenant.example"], "config_issuer");
    check(&["http://tenant.example/"], "config_issuer");
    check(&[""], "config_issuer_empty");
    check(&["https://tenant.example/", "--jwks-uri", "file:///etc/passwd"], "config_source");
    check(&["https://tenant.example/", "--discovery-at", "x"], "config_source");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_of_an_issuer_never_reaches_the_terminal_raw() {
    let issuer = issuer().await;
    let mut document = issuer.discovery();
    document["token_endpoint"] = json!("https://x\u{9b}2J\n\u{202e}");
    issuer.serve(FakeIssuer::DISCOVERY, Reply::json(&document));
    let kid = "\u{9b}2J\n\u{202e}";
    let mut set = set();
    set["keys"][0]["kid"] = json!(kid);
    issuer.serve(FakeIssuer::KEY_SET, Reply::json(&set));
    let raw = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    for options in [&[][..], &["--json"]] {
        let outcome = locate(issuer.issuer(), options);
        assert!(outcome.status == 0 && !outcome.stdout.contains(raw), "{outcome:?}");
    }
    document["issuer"] = json!(kid);
    issuer.serve(FakeIssuer::DISCOVERY, Reply::json(&document));
    for options in [&[][..], &["--json"]] {
        let outcome = locate(issuer.issuer(), options);
        assert!(outcome.status == 3 && !(outcome.stdout + &outcome.stderr).contains(raw), "{options:?}");
    }
}
