//! `jwksmith lint ISSUER`: an issuer is asked, and how it answers is looked at beside what it says.

use insta::{assert_snapshot, with_settings};
use jwksmith_jose::Algorithm;
use jwksmith_testkit::{DiscoveryForm, FakeIssuer, Reply};
use serde_json::json;

use crate::support::{DESERTED, FILTERS, Key, KeyFile, NOW, Outcome, key_set, run};

/// An issuer without findings but those that every issuer on this machine has.
async fn issuer() -> FakeIssuer {
    let issuer = FakeIssuer::builder().path("/one").discovery_at(&DiscoveryForm::ALL).start().await;
    let mut document = issuer.discovery();
    document["token_endpoint"] = json!(issuer.url("/token"));
    document["grant_types_supported"] = json!(["client_credentials"]);
    document["response_types_supported"] = json!(["token"]);
    for form in DiscoveryForm::ALL {
        issuer.serve(&issuer.discovery_path(form), Reply::json(&document));
    }
    let keys = [Key::new(Algorithm::ES256, "a"), Key::new(Algorithm::ES256, "b")];
    issuer.serve(issuer.key_set_path(), kept(&key_set(&[&keys[0], &keys[1]])));
    issuer
}

fn kept(text: &str) -> Reply {
    Reply::text(text).content_type("application/json").cache_control("max-age=300").etag("\"1\"")
}

fn lint(issuer: &str, options: &[&str]) -> Outcome {
    run(&[&["lint", issuer, "--at", NOW], options].concat())
}

/// The exit status and the codes of warnings and errors, each once.
fn grave(issuer: &str, options: &[&str]) -> (i32, Vec<String>) {
    let outcome = lint(issuer, &[options, &["--json"]].concat());
    let answer = outcome.json();
    let findings = answer["findings"].as_array().unwrap().iter();
    let grave = findings.filter(|finding| finding["severity"] != "note");
    let mut codes: Vec<_> = grave.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect();
    codes.dedup();
    (outcome.status, codes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_issuer_in_words() {
    let issuer = issuer().await;
    with_settings!({filters => FILTERS}, {
        assert_snapshot!(lint(issuer.issuer(), &[]).seen(), @r"
    status 0
    [ISSUER]/one: issuer: nothing found

    [ISSUER]/one/.well-known/openid-configuration: discovery document

    note issuer: it is plain HTTP, to this machine
      good for development only
      url_plain_to_this_machine, OpenID Connect Discovery §3

    note jwks_uri: it is plain HTTP, to this machine
      good for development only
      url_plain_to_this_machine, OpenID Connect Discovery §3

    note token_endpoint: it is plain HTTP, to this machine
      good for development only
      url_plain_to_this_machine, OpenID Connect Discovery §3

    [ISSUER]/one/.well-known/jwks.json: key set: nothing found

    3 notes
    ");
    });
    assert_eq!(grave(issuer.issuer(), &["--strict"]), (0, vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_issuer_in_words() {
    let issuer = FakeIssuer::start().await;
    let mut document = issuer.discovery();
    document["issuer"] = json!("https://tenant.example/");
    document["id_token_signing_alg_values_supported"] = json!(["RS256"]);
    issuer.serve(FakeIssuer::DISCOVERY, Reply::json(&document).content_type("text/plain"));
    let oauth = issuer.discovery_path(DiscoveryForm::OAuth);
    issuer.serve(&oauth, Reply::redirect(302, "https://www.tenant.example/"));
    let key = r#"{"keys":[{"kty":"oct","kid":"secret","alg":"HS256","k":"c2VjcmV0"}]}"#;
    issuer.serve(FakeIssuer::KEY_SET, kept(key).cache_control("no-store"));
    with_settings!({filters => FILTERS}, {
        assert_snapshot!(lint(issuer.issuer(), &[]).seen(), @r#"
    status 1
    [ISSUER]/: issuer

    error issuer: it is "https://tenant.example/", and was asked for as "[ISSUER]/"
      make both the same, byte for byte: verifiers refuse the document
      issuer_mismatch, OpenID Connect Discovery §4.3, RFC 8414 §3.3

    error [ISSUER]/.well-known/oauth-authorization-server: it redirects to "https://www.tenant.example/" with status 302
      answer at this very place: a redirect could lead anywhere, so verifiers follow none
      answer_redirects, OpenID Connect Discovery §4.2, RFC 8414 §3.2

    error [ISSUER]/.well-known/openid-configuration: its content type is "text/plain"
      say `Content-Type: application/json`
      document_content_type, OpenID Connect Discovery §4.2, RFC 8414 §3.2

    warning [ISSUER]/.well-known/jwks.json: its `Cache-Control` says `no-store`
      let it be kept for some minutes: readers ask for every token, or do not obey
      caching_forbidden, RFC 9111 §5.2.2.4, §5.2.2.5

    [ISSUER]/.well-known/openid-configuration: discovery document

    error response_types_supported: it is missing
      add it: the standard requires it
      metadata_member_missing, OpenID Connect Discovery §3, RFC 8414 §2

    error authorization_endpoint: it is missing
      add it: the standard requires it
      metadata_member_missing, OpenID Connect Discovery §3, RFC 8414 §2

    error token_endpoint: it is missing
      add it: the standard requires it
      metadata_member_missing, OpenID Connect Discovery §3, RFC 8414 §2

    error subject_types_supported: it is missing
      add it: the standard requires it
      metadata_member_missing, OpenID Connect Discovery §3, RFC 8414 §2

    note jwks_uri: it is plain HTTP, to this machine
      good for development only
      url_plain_to_this_machine, OpenID Connect Discovery §3

    note issuer: it ends with a slash
      write the slash in every `iss` and every setting too: they are compared byte for byte
      issuer_trailing_slash, RFC 7519 §4.1.1

    note jwks_uri: it is at "[HOST]", and the issuer at "tenant.example"
      check that this host is meant: it speaks for the issuer
      url_other_origin, RFC 8414 §6.2

    [ISSUER]/.well-known/jwks.json: key set

    error keys: no key in it can verify a signature
      publish at least one key for signatures
      no_usable_key, RFC 7517 §5

    error keys[0]: it publishes private key material (`k`)
      withdraw this key at once: whoever read the set can sign with it
      jwk_private_member, RFC 7517 §9.2

    note keys[0].use: it has neither `use` nor `key_ops`
      say "sig"
      use_missing, RFC 7517 §4.2

    9 errors, 1 warning, 4 notes
    "#);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_judged() {
    let good = issuer().await;
    let place = good.discovery_path(DiscoveryForm::OAuth);
    let set = key_set(&[&Key::new(Algorithm::ES256, "a"), &Key::new(Algorithm::ES256, "b")]);
    let check = |path: &str, reply: Reply, status: i32, code: &str| {
        good.serve(path, reply);
        assert_eq!(grave(good.issuer(), &[]), (status, vec![code.to_owned()]), "{path}");
    };
    let keys = good.key_set_path();
    check(keys, Reply::text(&set).content_type("application/json").etag("\"1\""), 0, "caching_unsaid");
    check(keys, kept(&set).cache_control("no-store"), 0, "caching_forbidden");
    check(keys, kept(&set).cache_control("max-age=5"), 0, "caching_short");
    check(keys, kept(&set).cache_control("max-age=604800"), 0, "caching_long");
    check(keys, kept(&set).age(300), 0, "caching_spent");
    check(keys, kept(&set).content_type("text/plain"), 0, "key_set_content_type");
    check(keys, kept(&set).with_status(503), 1, "answer_status");
    check(keys, Reply::redirect(301, "/elsewhere"), 1, "answer_redirects");
    check(keys, Reply::reset(), 1, "answer_missing");
    check(keys, kept(&set).huge(256 * 1024 + 1), 1, "answer_too_large");
    assert_eq!(grave(good.issuer(), &["--strict"]).0, 1);
    good.serve(keys, kept(&set));
    check(&place, Reply::text("<html>").content_type("application/json"), 0, "well_known_differs");
    let mut other = good.discovery();
    other["jwks_uri"] = json!(good.url("/other"));
    check(&place, Reply::json(&other), 1, "well_known_other_keys");
    assert_eq!(grave(&format!("{}/", good.issuer()), &[]).1[0], "issuer_mismatch");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_set_is_fetched_only_from_where_a_verifier_would() {
    let issuer = FakeIssuer::start().await;
    let mut document = issuer.discovery();
    for refused in ["file:///etc/passwd", "http://tenant.example/keys", "keys"] {
        document["jwks_uri"] = json!(refused);
        issuer.serve(FakeIssuer::DISCOVERY, Reply::json(&document));
        let answer = lint(issuer.issuer(), &["--json"]).json();
        let findings = answer["findings"].as_array().unwrap();
        assert!(findings.iter().any(|finding| finding["code"] == "jwks_uri_refused"), "{refused}: {answer}");
    }
    assert_eq!(issuer.requests(FakeIssuer::KEY_SET), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn findings_as_json_name_their_document() {
    let issuer = issuer().await;
    issuer.serve(issuer.key_set_path(), kept(r#"{"keys":[]}"#).cache_control("max-age=1"));
    let answer = lint(issuer.issuer(), &["--json"]).json();
    assert_eq!(
        (&answer["kind"], &answer["errors"], &answer["warnings"]),
        (&json!("issuer"), &json!(1), &json!(1))
    );
    let document = |code: &str| {
        let findings = answer["findings"].as_array().unwrap();
        findings.iter().find(|finding| finding["code"] == code).unwrap()["document"].clone()
    };
    assert_eq!(document("caching_short"), issuer.issuer());
    assert_eq!(document("no_usable_key"), issuer.url(issuer.key_set_path()));
    assert_eq!(
        document("url_plain_to_this_machine"),
        issuer.url(&issuer.discovery_path(DiscoveryForm::OpenId))
    );
}

#[test]
fn issuer_without_an_answer_is_not_judged() {
    let outcome = lint(DESERTED, &[]);
    with_settings!({filters => FILTERS}, {
        assert_snapshot!(outcome.seen(), @r"
    status 3
    [ISSUER]/: issuer

    error [ISSUER]/.well-known/openid-configuration: Connection refused
      check the name, the port, the certificate and the firewall
      answer_missing, OpenID Connect Discovery §4.2, RFC 8414 §3.2

    error [ISSUER]/.well-known/oauth-authorization-server: Connection refused
      check the name, the port, the certificate and the firewall
      answer_missing, OpenID Connect Discovery §4.2, RFC 8414 §3.2

    2 errors
    ");
    });
    let private = lint("https://10.255.255.1/", &[]);
    assert_eq!(
        (private.status, private.stderr.as_str()),
        (3, "hint: `--private-addresses` reaches into private networks\n")
    );
}

#[test]
fn issuer_that_cannot_be_meant_is_a_fault() {
    let check = |args: &[&str], code: &str| {
        let outcome = run(&[&["lint"], args].concat());
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
        assert!(outcome.stderr.ends_with(&format!("\ncode: {code}\n")), "{outcome:?}");
        let answer = run(&[&["lint", "--json"], args].concat());
        assert_eq!((answer.status, answer.json()["code"].clone()), (2, json!(code)));
    };
    check(&["https://tenant.example/?a=b"], "config_issuer");
    check(&["http://user@tenant.example/"], "config_issuer");
    check(&["https://"], "config_issuer");
    check(&["https://tenant.example/", "--timeout", "0"], "config_fetch");
    check(&["https://tenant.example/", "--ca", "/nowhere/ca.pem"], "fetch_credentials");
    let file = KeyFile::new("{}");
    check(&[file.name(), "--timeout", "1s"], "config_network_unused");
    check(&[file.name(), "--private-addresses"], "config_network_unused");
}
