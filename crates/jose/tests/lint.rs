//! The rules of `lint`: each has rows that trigger it and nothing else, and clean documents trigger nothing.
//!
//! `docs/lint.md` is held to the tables of rules both ways.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper that fails is a failed test")]

mod common;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{
    ED25519, NOW, P256, P521, RSA_A, RSA_B, TestKey, certificate, decode, key_set, member, prefixed, with,
};
use jwksmith_jose::limits::{MEMBER_TOLD_BYTES_MAX, MEMBERS_TOLD_MAX};
use jwksmith_jose::lint::{self, Finding, Kind, Severity};
use jwksmith_jose::{Algorithm, Certificate, PublicJwk, UnixTime, base64url_encode};

const DOCUMENT: &str = include_str!("../../../docs/lint.md");

/// A document, and what is found in it: codes and places, in the order of the findings.
struct Row {
    name: String,
    findings: Vec<Finding>,
    expected: Vec<(&'static str, &'static str)>,
}

impl Row {
    /// What differs, if anything does.
    fn fault(&self) -> Option<String> {
        let found: Vec<_> =
            self.findings.iter().map(|finding| (finding.rule.code, finding.place.as_str())).collect();
        (found != self.expected)
            .then(|| format!("{}\n  found    {found:?}\n  expected {:?}", self.name, self.expected))
    }
}

type Expected<'e> = &'e [(&'static str, &'static str)];

fn lint_set(document: &str) -> Vec<Finding> {
    lint::key_set(document.as_bytes(), UnixTime::from_seconds(NOW))
}

fn set_row(document: impl Into<String>, expected: Expected<'_>) -> Row {
    let name = document.into();
    Row { findings: lint_set(&name), name, expected: expected.to_vec() }
}

/// A set of two good keys and this element.
fn among(element: &str) -> String {
    key_set(&[&RSA_B.jwk(), &P256.jwk(), element])
}

fn element_row(element: impl AsRef<str>, expected: Expected<'_>) -> Row {
    set_row(among(element.as_ref()), expected)
}

/// A good key with changed members, behind two good ones.
fn key_row(key: &TestKey, changes: &[(&str, &str)], expected: Expected<'_>) -> Row {
    element_row(key.jwk_with(changes), expected)
}

fn text(value: impl AsRef<str>) -> String {
    format!("{:?}", value.as_ref())
}

/// The published form of a key with a certificate that is valid between these times.
fn certified(key: &TestKey, days: (i64, i64)) -> String {
    let pair = rcgen::KeyPair::try_from(key.private.expose()).unwrap();
    let mut parameters = rcgen::CertificateParams::new(["tenant.example".to_owned()]).unwrap();
    let day = |day: i64| {
        let now = time::OffsetDateTime::from_unix_timestamp(NOW.try_into().unwrap()).unwrap();
        now + time::Duration::days(day)
    };
    (parameters.not_before, parameters.not_after) = (day(days.0), day(days.1));
    let der = parameters.self_signed(&pair).unwrap().der().to_vec();
    published(key, &der)
}

fn published(key: &TestKey, der: &[u8]) -> String {
    let certificate = Certificate::from_der(der).unwrap();
    serde_json::to_string(&PublicJwk::new(key.key_id, key.algorithm, &certificate)).unwrap()
}

static CERTIFIED: LazyLock<String> = LazyLock::new(|| published(&RSA_A, &certificate(&RSA_A)));

fn certified_row(changes: &[(&str, &str)], expected: Expected<'_>) -> Row {
    element_row(with(&CERTIFIED, changes), expected)
}

fn rows_of_sets() -> Vec<Row> {
    let (a, b) = (RSA_A.jwk(), RSA_B.jwk());
    let many = |count: usize| {
        let keys: Vec<_> = (0..count).map(|n| RSA_A.jwk_with(&[("kid", &text(format!("k{n}")))])).collect();
        key_set(&keys)
    };
    let two = key_set(&[&a, &b]);
    let at_limit = format!("{two}{}", " ".repeat(256 * 1024 - two.len()));
    vec![
        set_row(&two, &[]),
        set_row(&at_limit, &[]),
        set_row(format!("{at_limit} "), &[("document_too_large", "")]),
        set_row("", &[("document_malformed", "")]),
        set_row("[]", &[("document_malformed", "")]),
        set_row("\u{feff}{\"keys\":[]}", &[("document_malformed", "")]),
        set_row(format!("{two}x"), &[("document_malformed", "")]),
        set_row("{}", &[("keys_missing", "")]),
        set_row(&a, &[("keys_missing", "")]),
        set_row(r#"{"keys":{}}"#, &[("keys_missing", "keys")]),
        set_row(r#"{"keys":[]}"#, &[("no_usable_key", "keys")]),
        set_row(
            prefixed(&two, r#""k\u0065ys":[]"#),
            &[("set_duplicate_member", "keys"), ("no_usable_key", "keys")],
        ),
        set_row(prefixed(&two, r#""legal":"x""#), &[("set_member_unknown", "legal")]),
        set_row(prefixed(&two, r#""a b.c":1"#), &[("set_member_unknown", "\"a b.c\"")]),
        set_row(key_set(&[&a, &a]), &[("kid_twice", "keys[1].kid")]),
        set_row(key_set(&[&a]), &[("single_key", "keys")]),
        set_row(many(100), &[]),
        set_row(many(101), &[("too_many_keys", "keys")]),
        set_row(key_set(&[&P256.jwk(), &a]), &[("rsa_not_first", "keys[0]")]),
        set_row(key_set(&[&ED25519.jwk(), &a]), &[("rsa_not_first", "keys[0]"), ("kind_is_rare", "keys[0]")]),
        set_row(key_set(&[&P256.jwk(), &ED25519.jwk()]), &[]),
    ]
}

fn rows_of_keys() -> Vec<Row> {
    let kid_of = |characters: usize| text("k".repeat(characters));
    let wide = |name: &str| format!(r#"{{"kty":{name},"kid":"w","alg":"x","use":"sig"}}"#);
    let exotic = |kind: &str, expected: Expected<'_>| {
        element_row(format!(r#"{{{kind},"x":"AA","kid":"e","alg":"x","use":"sig"}}"#), expected)
    };
    vec![
        key_row(&RSA_A, &[], &[]),
        element_row("7", &[("jwk_malformed", "keys[2]")]),
        element_row("null", &[("jwk_malformed", "keys[2]")]),
        element_row(prefixed(&RSA_A.jwk(), r#""kid":"x""#), &[("jwk_duplicate_member", "keys[2]")]),
        key_row(&RSA_A, &[("alg", "null")], &[("jwk_member_type", "keys[2].alg")]),
        key_row(&RSA_A, &[("kid", "7")], &[("jwk_member_type", "keys[2].kid")]),
        key_row(
            &RSA_A,
            &[("x5t", "[]")],
            &[("x5t_s256_missing", "keys[2].x5t#S256"), ("jwk_member_type", "keys[2].x5t")],
        ),
        key_row(&RSA_A, &[("colour", "1")], &[("jwk_member_unknown", "keys[2].colour")]),
        key_row(&RSA_A, &[("ext", "true"), ("iat", "1")], &[]),
        key_row(&RSA_A, &[("d", "\"AQAB\"")], &[("jwk_private_member", "keys[2]")]),
        key_row(&RSA_A, &[("d", "\"AQAB\""), ("oth", "[]")], &[("jwk_private_member", "keys[2]")]),
        element_row(
            r#"{"kty":"oct","k":"AAAA","kid":"s","alg":"HS256","use":"sig"}"#,
            &[("jwk_private_member", "keys[2]")],
        ),
        element_row(
            r#"{"kty":"oct","kid":"s","alg":"HS256","use":"sig"}"#,
            &[("jwk_private_member", "keys[2]")],
        ),
        element_row(wide("\"XYZ\""), &[("jwk_key_type", "keys[2].kty")]),
        exotic(r#""kty":"AKP""#, &[("jwk_alg", "keys[2].alg"), ("kind_breaks_clients", "keys[2]")]),
        exotic(
            r#""kty":"OKP","crv":"X25519""#,
            &[("jwk_key_type", "keys[2].kty"), ("kind_breaks_clients", "keys[2]")],
        ),
        exotic(
            r#""kty":"OKP","crv":"Ed448""#,
            &[("jwk_key_type", "keys[2].kty"), ("kind_breaks_clients", "keys[2]")],
        ),
        exotic(r#""kty":"EC","crv":"secp256k1""#, &[("jwk_alg", "keys[2].alg"), ("kind_is_rare", "keys[2]")]),
        key_row(&P521, &[], &[("kind_is_rare", "keys[2]")]),
        key_row(&ED25519, &[("alg", "\"EdDSA\"")], &[("kind_is_rare", "keys[2]")]),
        key_row(
            &ED25519,
            &[("alg", "\"Ed25519\"")],
            &[("alg_ed25519", "keys[2].alg"), ("kind_is_rare", "keys[2]")],
        ),
        key_row(&RSA_A, &[("alg", "\"RSA-OAEP\"")], &[("jwk_alg", "keys[2].alg")]),
        key_row(&RSA_A, &[("alg", "\"ES256\"")], &[("jwk_alg", "keys[2].alg")]),
        key_row(&RSA_A, &[("use", "\"enc\"")], &[("jwk_use", "keys[2].use")]),
        key_row(&RSA_A, &[("use", "\"Sig\"")], &[("jwk_use", "keys[2].use"), ("use_unknown", "keys[2].use")]),
        key_row(&RSA_A, &[("use", "")], &[("use_missing", "keys[2].use")]),
        key_row(&RSA_A, &[("use", ""), ("key_ops", r#"["verify"]"#)], &[]),
        key_row(&RSA_A, &[("use", ""), ("key_ops", r#"["encrypt"]"#)], &[("jwk_key_ops", "keys[2].key_ops")]),
        key_row(
            &RSA_A,
            &[("use", ""), ("key_ops", r#"["verify","verify"]"#)],
            &[("key_ops_twice", "keys[2].key_ops")],
        ),
        key_row(&RSA_A, &[("use", ""), ("key_ops", "\"verify\"")], &[("jwk_member_type", "keys[2].key_ops")]),
        key_row(&RSA_A, &[("key_ops", r#"["verify"]"#)], &[("use_beside_key_ops", "keys[2].key_ops")]),
        key_row(
            &RSA_A,
            &[("key_ops", r#"["verify","wrapKey"]"#)],
            &[("use_beside_key_ops", "keys[2].key_ops"), ("use_contradicts_key_ops", "keys[2].key_ops")],
        ),
        key_row(
            &RSA_A,
            &[("use", "\"enc\""), ("key_ops", r#"["verify"]"#)],
            &[
                ("jwk_use", "keys[2].use"),
                ("use_beside_key_ops", "keys[2].key_ops"),
                ("use_contradicts_key_ops", "keys[2].key_ops"),
            ],
        ),
        key_row(&RSA_A, &[("kid", "")], &[("kid_missing", "keys[2].kid")]),
        key_row(&RSA_A, &[("kid", "\"\"")], &[("jwk_kid", "keys[2].kid")]),
        key_row(&RSA_A, &[("kid", &kid_of(256))], &[]),
        key_row(&RSA_A, &[("kid", &kid_of(257))], &[("jwk_kid", "keys[2].kid")]),
        key_row(&RSA_A, &[("kid", r#""a\n""#)], &[("kid_control_character", "keys[2].kid")]),
        key_row(&RSA_A, &[("kid", r#""\u009b""#)], &[("kid_control_character", "keys[2].kid")]),
        key_row(&RSA_A, &[("alg", "")], &[("alg_missing", "keys[2].alg")]),
    ]
}

fn rows_of_numbers() -> Vec<Row> {
    let n = decode(&member(&RSA_A.jwk(), "n"));
    let short_n = text(base64url_encode(&n[..128]));
    let zero_n = text(base64url_encode([&[0], n.as_slice()].concat()));
    let x = decode(&member(&P256.jwk(), "x"));
    let (short_x, long_x) =
        (text(base64url_encode(&x[1..])), text(base64url_encode([&[0], x.as_slice()].concat())));
    let off_curve = text(base64url_encode([7; 32]));
    let p256 = |changes: &[(&str, &str)], expected: Expected<'_>| {
        element_row(with(&P256.jwk_with(&[("kid", "\"other\"")]), changes), expected)
    };
    vec![
        key_row(&RSA_A, &[("n", "")], &[("jwk_member_missing", "keys[2]")]),
        key_row(&RSA_A, &[("n", "\"A=\"")], &[("jwk_member_encoding", "keys[2]")]),
        key_row(&RSA_A, &[("n", &short_n)], &[("jwk_weak", "keys[2]")]),
        key_row(&RSA_A, &[("e", "\"AQ\"")], &[("jwk_weak", "keys[2]")]),
        key_row(&RSA_A, &[("n", &zero_n)], &[("number_leading_zero", "keys[2]")]),
        key_row(&RSA_A, &[("e", "\"AAEAAQ\"")], &[("number_leading_zero", "keys[2]")]),
        key_row(&RSA_A, &[("e", "\"Aw\"")], &[("rsa_exponent_unusual", "keys[2].e")]),
        p256(&[], &[]),
        p256(&[("x", &short_x)], &[("jwk_member_encoding", "keys[2]")]),
        p256(&[("x", &long_x)], &[("jwk_member_encoding", "keys[2]")]),
        p256(&[("x", &off_curve)], &[("jwk_invalid", "keys[2]")]),
        p256(&[("crv", "")], &[("jwk_member_missing", "keys[2]")]),
    ]
}

fn rows_of_certificates() -> Vec<Row> {
    let der = certificate(&RSA_A);
    let chain = |text: &str| format!("[{text:?}]");
    let base64 = STANDARD.encode(&der);
    let broken = format!("{}\n{}", &base64[..64], &base64[64..]);
    let sha1 = Certificate::from_der(&der).unwrap().sha1();
    let hex = |upper: bool| {
        let digits: String = sha1
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|half| char::from(b"0123456789abcdef"[usize::from(half)]))
            .collect();
        text(base64url_encode(if upper { digits.to_uppercase() } else { digits }))
    };
    let other = text(base64url_encode([7; 20]));
    let other_hex = text(base64url_encode("00".repeat(20)));
    let many = format!("[{}]", vec![text(&base64); 11].join(","));
    let mut rows = vec![
        element_row(CERTIFIED.as_str(), &[]),
        certified_row(&[("x5c", "[]")], &[("jwk_certificate", "keys[2].x5c")]),
        certified_row(&[("x5c", "\"x\"")], &[("jwk_member_type", "keys[2].x5c")]),
        certified_row(&[("x5c", &chain("AAAA"))], &[("jwk_certificate", "keys[2].x5c")]),
        certified_row(&[("x5c", &many)], &[("jwk_certificate", "keys[2].x5c")]),
        certified_row(&[("x5c", &chain(&base64url_encode(&der)))], &[("x5c_base64url", "keys[2].x5c")]),
        certified_row(&[("x5c", &chain(&broken))], &[("x5c_blanks", "keys[2].x5c")]),
        certified_row(
            &[("x5c", &chain(&format!("-----BEGIN CERTIFICATE-----{base64}-----END CERTIFICATE-----")))],
            &[("x5c_blanks", "keys[2].x5c")],
        ),
        certified_row(&[("x5t", &other)], &[("jwk_thumbprint_mismatch", "keys[2].x5t")]),
        certified_row(&[("x5t", &other_hex)], &[("jwk_thumbprint_mismatch", "keys[2].x5t")]),
        certified_row(&[("x5t", &hex(true))], &[("x5t_hex", "keys[2].x5t")]),
        certified_row(&[("x5t", &hex(false))], &[("x5t_hex", "keys[2].x5t")]),
        certified_row(&[("x5t#S256", &other)], &[("jwk_thumbprint_mismatch", "keys[2].x5t#S256")]),
        certified_row(&[("x5t#S256", "")], &[("x5t_s256_missing", "keys[2].x5t#S256")]),
        certified_row(&[("x5t", "")], &[]),
        certified_row(&[("x5u", "\"https://a.example/\"")], &[("x5u_present", "keys[2].x5u")]),
    ];
    let strange = with(&CERTIFIED, &[("n", &text(member(&RSA_B.jwk(), "n")))]);
    rows.push(element_row(strange, &[("jwk_certificate_mismatch", "keys[2].x5c")]));
    let timed = |days, expected: Expected<'_>| element_row(certified(&RSA_A, days), expected);
    rows.extend([
        timed((-10, 31), &[]),
        timed((-10, 30), &[("certificate_expires_soon", "keys[2].x5c")]),
        timed((-10, 0), &[("certificate_expires_soon", "keys[2].x5c")]),
        timed((-10, -1), &[("certificate_expired", "keys[2].x5c")]),
        timed((0, 90), &[]),
        timed((1, 90), &[("certificate_not_yet_valid", "keys[2].x5c")]),
    ]);
    rows
}

/// A clean document of OpenID Connect.
const OPENID: &str = r#"{
    "issuer":"https://tenant.example",
    "authorization_endpoint":"https://tenant.example/authorize",
    "token_endpoint":"https://tenant.example/token?tenant=1",
    "jwks_uri":"https://tenant.example/keys",
    "response_types_supported":["code"],
    "subject_types_supported":["public"],
    "id_token_signing_alg_values_supported":["RS256","ES256","ES256K"],
    "token_endpoint_auth_signing_alg_values_supported":["RS256"],
    "code_challenge_methods_supported":["S256"],
    "request_parameter_supported":false,
    "service_documentation":"https://docs.example/#start",
    "x_something":[{"of":"its own"}]
}"#;

/// A clean document of RFC 8414.
const OAUTH: &str = r#"{
    "issuer":"https://tenant.example",
    "token_endpoint":"https://tenant.example/token",
    "jwks_uri":"https://tenant.example/keys",
    "response_types_supported":["token"],
    "grant_types_supported":["client_credentials"]
}"#;

fn discovery_row(document: impl Into<String>, expected: Expected<'_>) -> Row {
    let name = document.into();
    Row { findings: lint::discovery(name.as_bytes()), name, expected: expected.to_vec() }
}

fn rows_of_discovery() -> Vec<Row> {
    let openid =
        |changes: &[(&str, &str)], expected: Expected<'_>| discovery_row(with(OPENID, changes), expected);
    let oauth =
        |changes: &[(&str, &str)], expected: Expected<'_>| discovery_row(with(OAUTH, changes), expected);
    let id_tokens = "id_token_signing_alg_values_supported";
    let clients = "token_endpoint_auth_signing_alg_values_supported";
    vec![
        openid(&[], &[]),
        oauth(&[], &[]),
        discovery_row("{", &[("document_malformed", "")]),
        discovery_row(" ".repeat(256 * 1024 + 1), &[("document_too_large", "")]),
        discovery_row(
            prefixed(OAUTH, r#""jwks\u005furi":"https://tenant.example/keys""#),
            &[("metadata_duplicate_member", "")],
        ),
        openid(&[("x_something", r#"{"a":1,"a":2}"#)], &[("metadata_duplicate_member", "")]),
        openid(&[("issuer", "7")], &[("metadata_member_type", "issuer")]),
        openid(&[("issuer", r#"["https://tenant.example"]"#)], &[("metadata_member_type", "issuer")]),
        openid(&[("jwks_uri", "null")], &[("metadata_member_type", "jwks_uri")]),
        openid(
            &[("response_types_supported", "\"code\"")],
            &[("metadata_member_type", "response_types_supported")],
        ),
        openid(&[("subject_types_supported", "[1]")], &[("metadata_member_type", "subject_types_supported")]),
        openid(
            &[("request_parameter_supported", "\"false\"")],
            &[("metadata_member_type", "request_parameter_supported")],
        ),
        openid(&[("issuer", "")], &[("metadata_member_missing", "issuer")]),
        openid(&[("jwks_uri", "")], &[("jwks_uri_missing", "jwks_uri")]),
        openid(&[("authorization_endpoint", "")], &[("metadata_member_missing", "authorization_endpoint")]),
        openid(&[("token_endpoint", "")], &[("metadata_member_missing", "token_endpoint")]),
        openid(&[("token_endpoint", ""), ("grant_types_supported", r#"["implicit"]"#)], &[]),
        openid(
            &[("response_types_supported", "")],
            &[("metadata_member_missing", "response_types_supported")],
        ),
        openid(&[("subject_types_supported", "")], &[("metadata_member_missing", "subject_types_supported")]),
        openid(&[(id_tokens, "")], &[("metadata_member_missing", id_tokens)]),
        oauth(&[("grant_types_supported", "")], &[("metadata_member_missing", "authorization_endpoint")]),
        oauth(
            &[("grant_types_supported", r#"["client_credentials","authorization_code"]"#)],
            &[("metadata_member_missing", "authorization_endpoint")],
        ),
        oauth(&[("jwks_uri", "\"/keys\"")], &[("url_malformed", "jwks_uri")]),
        oauth(&[("jwks_uri", "\"file:///etc/keys\"")], &[("url_malformed", "jwks_uri")]),
        oauth(&[("issuer", "\"tenant.example\"")], &[("url_malformed", "issuer")]),
        oauth(&[("issuer", "\"\"")], &[("url_malformed", "issuer")]),
        oauth(
            &[("token_endpoint", "\"https://tenant.example/to ken\"")],
            &[("url_malformed", "token_endpoint")],
        ),
        oauth(
            &[("jwks_uri", "\"http://tenant.example/keys\"")],
            &[("url_not_https", "jwks_uri"), ("url_other_origin", "jwks_uri")],
        ),
        oauth(
            &[("jwks_uri", "\"ftp://tenant.example/keys\"")],
            &[("url_not_https", "jwks_uri"), ("url_other_origin", "jwks_uri")],
        ),
        oauth(&[("jwks_uri", "\"HTTPS://TENANT.example/keys\"")], &[]),
        oauth(
            &[("jwks_uri", "\"http://localhost/keys\"")],
            &[("url_plain_to_this_machine", "jwks_uri"), ("url_other_origin", "jwks_uri")],
        ),
        oauth(&[("jwks_uri", "\"https://me:secret@tenant.example/keys\"")], &[("url_user_info", "jwks_uri")]),
        oauth(&[("jwks_uri", "\"https://tenant.example/keys#a\"")], &[("url_fragment", "jwks_uri")]),
        oauth(&[("issuer", "\"https://tenant.example#\"")], &[("url_fragment", "issuer")]),
        oauth(&[("issuer", "\"https://tenant.example?a\"")], &[("issuer_query", "issuer")]),
        oauth(&[("issuer", "\"https://tenant.example/\"")], &[("issuer_trailing_slash", "issuer")]),
        oauth(&[("jwks_uri", "\"https://cdn.example/keys\"")], &[("url_other_origin", "jwks_uri")]),
        oauth(&[("jwks_uri", "\"https://tenant.example:444/keys\"")], &[("url_other_origin", "jwks_uri")]),
        openid(&[(id_tokens, r#"["ES256"]"#)], &[("rs256_missing", id_tokens)]),
        openid(&[(id_tokens, r#"["RS256","none"]"#)], &[("none_for_tokens", id_tokens)]),
        openid(&[(clients, r#"["RS256","none"]"#)], &[("none_for_client_authentication", clients)]),
        openid(&[(id_tokens, r#"["HS256","RS256"]"#)], &[("hmac_beside_public_keys", id_tokens)]),
        openid(&[(clients, r#"["HS256","RS256"]"#)], &[]),
        openid(&[(clients, r#"["RS256","rs384"]"#)], &[("algorithm_unknown", clients)]),
        openid(
            &[("code_challenge_methods_supported", r#"["S256","plain"]"#)],
            &[("pkce_plain", "code_challenge_methods_supported")],
        ),
        openid(&[("response_types_supported", "[]")], &[("list_empty", "response_types_supported")]),
        openid(&[("scopes_supported", r#"["a","b","a"]"#)], &[("list_value_twice", "scopes_supported")]),
    ]
}

fn all_rows() -> Vec<Row> {
    [rows_of_sets(), rows_of_keys(), rows_of_numbers(), rows_of_certificates(), rows_of_discovery()]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn each_document_has_exactly_its_findings() {
    let faults: Vec<_> = all_rows().iter().filter_map(Row::fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_rule_has_a_document_that_triggers_it() {
    let rows = all_rows();
    let triggered: BTreeSet<_> =
        rows.iter().flat_map(|row| &row.findings).map(|finding| finding.rule.code).collect();
    // Those that need the wire are tested in `lint_wire`.
    let of_the_wire: BTreeSet<_> = lint::wire::rules().map(|rule| rule.code).collect();
    let all = lint::rules().map(|rule| rule.code).filter(|code| !of_the_wire.contains(code));
    let all: BTreeSet<_> = all.collect();
    assert_eq!(all.difference(&triggered).collect::<Vec<_>>(), Vec::<&&str>::new());
    assert_eq!(triggered.difference(&all).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn code_names_one_rule_only() {
    let codes: Vec<_> = lint::rules().map(|rule| rule.code).collect();
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
}

/// Whatever keeps a key from being used has a finding, under the code of its reason; some have a more exact one.
#[test]
fn every_reason_to_skip_a_key_is_a_rule() {
    let codes: BTreeSet<_> = lint::rules().map(|rule| rule.code).collect();
    for reason in common::codes::in_document(common::codes::DOCUMENT, "SkipReason") {
        assert!(codes.contains(reason), "no rule finds {reason}");
    }
}

#[test]
fn documents_are_recognised_by_their_members() {
    let check = |document: &str, expected| assert_eq!(Kind::of(document.as_bytes()), expected, "{document}");
    check(&among(&RSA_A.jwk()), Some(Kind::KeySet));
    check(&RSA_A.jwk(), Some(Kind::KeySet));
    check(r#"{"keys":7}"#, Some(Kind::KeySet));
    check(OPENID, Some(Kind::Discovery));
    check(r#"{"jwks_uri":7}"#, Some(Kind::Discovery));
    check("{}", None);
    check(r#"{"Keys":[]}"#, None);
    check("", None);
    check("[]", None);
}

#[test]
fn finding_says_everything_in_one_line() {
    let findings = lint_set(&among(&RSA_A.jwk_with(&[("kid", "\"a\\n\\u202e\"")])));
    let said = findings[0].to_string();
    assert_eq!(
        said,
        r#"warning: keys[2].kid: it is "a\n\u{202e}", with control characters: use printable ASCII: a `kid` gets into logs and queries [kid_control_character, RFC 8725 §3.10]"#
    );
    assert_eq!(findings[0].rule.severity, Severity::Warning);
}

/// Nothing secret is repeated, wherever it was written by mistake.
#[test]
fn finding_repeats_no_secret() {
    let secret = "c2VjcmV0c2VjcmV0c2VjcmV0";
    let quoted = text(secret);
    let set = among(&RSA_A.jwk_with(&[("d", &quoted), ("p", &quoted)]));
    let url = with(OAUTH, &[("jwks_uri", &format!("\"https://me:{secret}@tenant.example/keys\""))]);
    let broken = with(OAUTH, &[("jwks_uri", &format!("\"https://me:{secret}@ten ant.example/keys\""))]);
    let of_urls = [url, broken].into_iter().flat_map(|document| lint::discovery(document.as_bytes()));
    for finding in lint_set(&set).into_iter().chain(of_urls) {
        assert!(!finding.to_string().contains(secret), "{finding}");
    }
}

/// A document cannot make its findings much larger than itself.
#[test]
fn findings_are_bounded() {
    let members = |count: usize| (0..count).map(|n| format!("\"m{n:03}\":1,")).collect::<Vec<_>>().concat();
    let unknown = |document: &str| lint_set(document).len();
    let of_a_key = |count| unknown(&among(&RSA_A.jwk().replacen('{', &format!("{{{}", members(count)), 1)));
    let of_the_set = |count| {
        unknown(&key_set(&[&RSA_A.jwk(), &RSA_B.jwk()]).replacen('{', &format!("{{{}", members(count)), 1))
    };
    for (count, told) in [(15, 15), (MEMBERS_TOLD_MAX, 16), (MEMBERS_TOLD_MAX + 1, 16), (400, 16)] {
        assert_eq!((of_a_key(count), of_the_set(count)), (told, told), "{count}");
    }
    let place = |bytes: usize| {
        let finding =
            lint_set(&among(&prefixed(&RSA_A.jwk(), &format!("\"{}\":1", "m".repeat(bytes))))).remove(0);
        finding.place.len() - "keys[2].".len()
    };
    assert_eq!(place(MEMBER_TOLD_BYTES_MAX), MEMBER_TOLD_BYTES_MAX);
    assert!(place(MEMBER_TOLD_BYTES_MAX + 1) > MEMBER_TOLD_BYTES_MAX + 1, "quoted from here on");
    assert!(place(100_000) < 200);
}

#[test]
fn any_bytes_have_an_answer() {
    let documents = [among(&CERTIFIED), OPENID.to_owned()];
    for document in &documents {
        for end in 0..document.len().min(400) {
            let bytes = &document.as_bytes()[..end];
            assert!(!lint::key_set(bytes, UnixTime::from_seconds(0)).is_empty());
            assert!(!lint::discovery(bytes).is_empty());
        }
    }
    for odd in [&b"\xff"[..], b"{\"keys\":[[[]]]}", b"{\"keys\":[{\"x5c\":[[]],\"kty\":{}}]}"] {
        assert!(!lint::key_set(odd, UnixTime::from_seconds(u64::MAX)).is_empty());
    }
}

/// Both ways: every rule has a row with its very words, and every row a rule.
#[test]
fn documentation_agrees_with_the_rules() {
    let rows = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
    let rows: Vec<Vec<_>> = rows.map(|row| row.split(" | ").collect()).collect();
    for rule in lint::rules() {
        let row = rows.iter().find(|row| row[0].trim_end_matches('`') == rule.code);
        let row = row.unwrap_or_else(|| panic!("docs/lint.md lacks {}", rule.code));
        assert_eq!(row[1..], [rule.severity.word(), row[2], rule.advice, rule.section], "{}", rule.code);
        assert!(row[2].len() > 10, "{row:?}");
    }
    assert_eq!(rows.len(), lint::rules().count(), "docs/lint.md has a row that is no rule");
}

#[test]
fn every_algorithm_of_the_table_is_a_known_one() {
    let names: Vec<_> = Algorithm::asymmetric().map(|algorithm| text(algorithm.name())).collect();
    let list = format!("[{}]", names.join(","));
    let document = with(OPENID, &[("id_token_signing_alg_values_supported", &list)]);
    assert_eq!(lint::discovery(document.as_bytes()), []);
}
