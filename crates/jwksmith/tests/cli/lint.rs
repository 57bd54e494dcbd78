//! `jwksmith lint`: findings in words and as JSON, and the exit status that a script goes by.

use insta::assert_snapshot;
use jwksmith_jose::Algorithm;
use serde_json::{Value, json};

use crate::support::{Key, KeyFile, NOW, Outcome, key_set, run, run_reading};

fn lint(document: &str, options: &[&str]) -> Outcome {
    run_reading(&[&["lint", "-", "--at", NOW], options].concat(), document.as_bytes())
}

fn clean_set() -> String {
    key_set(&[&Key::new(Algorithm::ES256, "a"), &Key::new(Algorithm::ES256, "b")])
}

/// A clean set with a member of the first key changed.
fn set_with(member: &str, value: Value) -> String {
    let mut set: Value = serde_json::from_str(&clean_set()).unwrap();
    set["keys"][0][member] = value;
    set.to_string()
}

/// A key set with an error, a warning and a note.
fn bad_set() -> Value {
    let mut good = Key::new(Algorithm::ES256, "a").jwk();
    good["colour"] = json!("blue");
    json!({"keys": [good, {"kty": "oct", "k": "c2VjcmV0", "kid": "s", "use": "sig"}]})
}

#[test]
fn findings_in_words_begin_with_the_gravest() {
    assert_snapshot!(lint(&bad_set().to_string(), &[]).seen(), @r"
    status 1
    standard input: key set

    error keys[1]: it publishes private key material (`k`)
      withdraw this key at once: whoever read the set can sign with it
      jwk_private_member, RFC 7517 §9.2

    warning keys[1].alg: it has no `alg`
      name the one algorithm that it is for
      alg_missing, RFC 7517 §4.4, RFC 8725 §3.1

    note keys: there is one key only
      publish the next key before it signs, so that a rotation surprises nobody
      single_key, OpenID Connect Core §10.1.1

    note keys[0].colour: no standard gives it a meaning
      leave it out if nobody reads it
      jwk_member_unknown, RFC 7517 §4

    1 error, 1 warning, 2 notes
    ");
}

#[test]
fn discovery_document_in_words() {
    let document = json!({
        "issuer": "https://tenant.example/",
        "token_endpoint": "https://tenant.example/token",
        "jwks_uri": "http://me:secret@keys.example/keys",
        "response_types_supported": ["token"],
        "grant_types_supported": ["client_credentials"],
    });
    assert_snapshot!(lint(&document.to_string(), &[]).seen(), @r#"
    status 1
    standard input: discovery document

    error jwks_uri: its scheme is "http"
      serve it with TLS: whoever changes it on the way forges every token
      url_not_https, OpenID Connect Discovery §3, RFC 8414 §2

    error jwks_uri: it has a user name
      leave user name and password out
      url_user_info, RFC 3986 §3.2.1

    note issuer: it ends with a slash
      write the slash in every `iss` and every setting too: they are compared byte for byte
      issuer_trailing_slash, RFC 7519 §4.1.1

    note jwks_uri: it is at "keys.example", and the issuer at "tenant.example"
      check that this host is meant: it speaks for the issuer
      url_other_origin, RFC 8414 §6.2

    2 errors, 2 notes
    "#);
}

#[test]
fn document_without_findings_in_words() {
    assert_snapshot!(lint(&clean_set(), &[]).seen(), @r"
    status 0
    standard input: key set

    nothing found
    ");
}

#[test]
fn findings_as_json() {
    let outcome = lint(&bad_set().to_string(), &["--json"]);
    let answer = outcome.json();
    let counts = ["errors", "warnings", "notes"].map(|count| answer[count].as_u64().unwrap());
    assert_eq!((outcome.status, &answer["kind"], counts), (1, &json!("key_set"), [1, 1, 2]));
    assert_eq!(
        answer["findings"][0],
        json!({
            "severity": "error",
            "code": "jwk_private_member",
            "place": "keys[1]",
            "problem": "it publishes private key material (`k`)",
            "advice": "withdraw this key at once: whoever read the set can sign with it",
            "section": "RFC 7517 §9.2",
        })
    );
    let answer = lint(&clean_set(), &["--json"]).json();
    assert_eq!(answer, json!({"kind": "key_set", "errors": 0, "warnings": 0, "notes": 0, "findings": []}));
    assert_eq!(lint("{", &["--json"]).json()["kind"], Value::Null);
}

#[test]
fn exit_status_follows_the_gravest_finding() {
    let check = |document: &str, lax: i32, strict: i32| {
        let status = |options: &[&str]| lint(document, options).status;
        assert_eq!((status(&[]), status(&["--strict"])), (lax, strict), "{document}");
        assert_eq!((status(&["--json"]), status(&["--json", "--strict"])), (lax, strict), "{document}");
    };
    check(&clean_set(), 0, 0);
    check(&set_with("colour", json!("blue")), 0, 0);
    check(&set_with("kid", json!("a\n")), 0, 1);
    check(&set_with("kid", json!("")), 1, 1);
    check("{", 1, 1);
    check("", 1, 1);
    check(&" ".repeat(256 * 1024 + 1), 1, 1);
    check("{}", 2, 2);
    check(r#"{"iss":"https://tenant.example/"}"#, 2, 2);
}

#[test]
fn certificates_are_judged_at_the_given_time() {
    let key = Key::new(Algorithm::ES256, "a");
    let file = KeyFile::new(key.certified_key_set());
    let codes = |at: &str| {
        let answer = run(&["lint", file.path.to_str().unwrap(), "--json", "--at", at]).json();
        let findings = answer["findings"].as_array().unwrap();
        findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(codes(NOW), ["single_key"]);
    assert_eq!(codes("2000-01-01T00:00:00Z"), ["certificate_not_yet_valid", "single_key"]);
    assert_eq!(codes("2027-12-20T00:00:00Z"), ["certificate_expires_soon", "single_key"]);
    assert_eq!(codes("2030-01-01T00:00:00Z"), ["certificate_expired", "single_key"]);
}

#[test]
fn file_that_cannot_be_judged_is_a_fault() {
    let folder = KeyFile::new("{}");
    let check = |file: &str, code: &str| {
        let outcome = run(&["lint", file]);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
        assert!(outcome.stderr.ends_with(&format!("\ncode: {code}\n")), "{outcome:?}");
        let outcome = run(&["lint", file, "--json"]);
        assert_eq!((outcome.status, outcome.json()["code"].clone()), (2, json!(code)));
    };
    check("/nowhere/keys.json", "config_document_unreadable");
    check(folder.path.parent().unwrap().to_str().unwrap(), "config_document_unreadable");
    check(folder.path.to_str().unwrap(), "config_document_unknown");
}

#[test]
fn text_of_a_document_never_reaches_the_terminal_raw() {
    for document in [
        set_with("\u{9b}31m\u{202e}", json!(1)),
        set_with("kid", json!("\u{9b}2J\n\u{202e}")),
        set_with("kty", json!("\u{9b}2J\u{202e}")),
        r#"{"issuer":"\u009b2J\u202e","\u009b":1,"\u009b":2}"#.to_owned(),
    ] {
        for options in [&[][..], &["--json"]] {
            let outcome = lint(&document, options);
            let raw = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!outcome.stdout.contains(raw) && !outcome.stderr.contains(raw), "{outcome:?}");
        }
    }
}

#[test]
fn colours_are_used_when_they_are_asked_for() {
    let styled = |options: &[&str]| lint(&bad_set().to_string(), options).stdout.contains("\u{1b}[");
    assert!(!styled(&[]));
    assert!(!styled(&["--color", "never"]));
    assert!(styled(&["--color", "always"]));
    assert!(!styled(&["--color", "always", "--json"]));
}
