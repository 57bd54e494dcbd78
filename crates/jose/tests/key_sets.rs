//! Malformed and hostile key sets, each with the stable code of its refusal, as a whole or key by key (RFC 7517, RFC 7518).
//!
//! Every key of the tables stands beside a good one, which must stay usable: one odd key never spoils a set.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a table row that cannot be built is a failed test"
)]

mod common;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{
    AUDIENCE, CLAIMS, ED25519, HEADER, ISSUER, ML_DSA_44, ML_DSA_65, ML_DSA_87, NOW, P256, P384, P521, RSA_A,
    RSA_B, SECP256K1, TestKey, certificate, codes, compact, decode, digits, hex, key_set, member, prefixed,
    sign, signing_input, with,
};
use jwksmith_jose::limits::{KEY_SET_BYTES_MAX, KEYS_MAX, KID_BYTES_MAX, RSA_BITS_MAX, X5C_CERTIFICATES_MAX};
use jwksmith_jose::{
    AccessClaims, Algorithm, AnyKey, KeySet, KeySetError, Policy, PublicKey, PublishedKey, Refusal,
    ThumbprintHash, UnixTime, base64url_encode, verify,
};

/// One element of `keys` and the code of the reason to skip it, or nothing if it is usable.
struct Element {
    what: String,
    json: String,
    local: bool,
    expected: Option<&'static str>,
}

impl Element {
    /// As part of the operator's own file.
    fn local(self) -> Self {
        Self { local: true, ..self }
    }

    /// What is wrong with the answer, if anything is.
    fn fault(&self) -> Option<String> {
        let set = key_set(&[&self.json, &RSA_B.jwk()]);
        let parsed =
            if self.local { KeySet::parse_local(set.as_bytes()) } else { KeySet::parse(set.as_bytes()) };
        let keys = match parsed {
            Ok(keys) => keys,
            Err(error) => return Some(format!("{}: the whole set is refused: {error:.200}", self.what)),
        };
        let code =
            keys.skipped().iter().find(|skipped| skipped.index == 0).map(|skipped| skipped.reason.code());
        if code != self.expected || keys.keys().len() + keys.skipped().len() != 2 {
            return Some(format!("{}: expected {:?}, got {:?}", self.what, self.expected, keys.skipped()));
        }
        if code_of(&keys, &RSA_B.token(&[], &[])).is_some() {
            return Some(format!("{}: the good key beside it is not usable", self.what));
        }
        let messages = keys.skipped().iter().map(|skipped| skipped.reason.to_string());
        unfit(&messages.collect::<String>()).map(|message| format!("{}: {message}", self.what))
    }
}

/// The message, if it is not fit for a log.
fn unfit(message: &str) -> Option<String> {
    let unfit = message.len() > 1000 || message.contains(char::is_control);
    unfit.then(|| format!("the message is not fit for a log: {message:.200?}"))
}

/// A key that is skipped with this code.
fn skipped(code: &'static str, what: impl Into<String>, json: impl Into<String>) -> Element {
    Element { expected: Some(code), ..usable(what, json) }
}

/// A key that is used.
fn usable(what: impl Into<String>, json: impl Into<String>) -> Element {
    Element { what: what.into(), json: json.into(), local: false, expected: None }
}

fn check(elements: &[Element]) {
    let faults: Vec<String> = elements.iter().filter_map(Element::fault).collect();
    assert!(faults.is_empty(), "{} of {} rows:\n{}", faults.len(), elements.len(), faults.join("\n"));
}

/// The code that refuses a token, or nothing. Every algorithm with a public key is allowed.
fn code_of(keys: &KeySet, token: &str) -> Option<&'static str> {
    let policy = Policy::new(ISSUER, AUDIENCE, Algorithm::asymmetric()).unwrap();
    let answer = verify::<AccessClaims>(token, keys, &policy, UnixTime::from_seconds(NOW));
    answer.err().as_ref().map(Refusal::code)
}

fn no_keys_at_all() -> Vec<Element> {
    let not_objects =
        ["null", "0", "1", "-1", "1.5", "1e3", "true", "\"text\"", "\"\"", "[]", "[null]", "[{}]", "[[[]]]"];
    let mut rows: Vec<Element> = not_objects
        .into_iter()
        .map(|json| skipped("jwk_malformed", format!("the element {json}"), json))
        .collect();
    rows.push(skipped("jwk_malformed", "a key in an array", format!("[{}]", RSA_A.jwk())));
    rows.push(skipped("jwk_malformed", "a key as text", format!("{:?}", RSA_A.jwk())));
    rows.push(skipped("jwk_member_missing", "an empty object", "{}"));
    rows.push(skipped("jwk_member_missing", "a key set in a key set", key_set(&[RSA_A.jwk()])));
    rows.push(skipped("jwk_malformed", "deep arrays", format!("{}{}", "[".repeat(25), "]".repeat(25))));
    rows
}

fn member_types() -> Vec<Element> {
    let mut rows = Vec::new();
    let wrong = ["null", "1", "1.5", "true", "[]", "[\"RSA\"]", "{}", "{\"a\":[1]}"];
    for name in ["kty", "kid", "alg", "use", "n", "e", "crv"] {
        rows.extend(
            wrong.map(|raw| {
                skipped("jwk_malformed", format!("{name} is {raw}"), RSA_A.jwk_with(&[(name, raw)]))
            }),
        );
    }
    for (key, name) in [(&*P256, "x"), (&*P256, "y"), (&*ED25519, "x")] {
        rows.extend(wrong.map(|raw| {
            skipped(
                "jwk_malformed",
                format!("{}'s {name} is {raw}", key.key_id),
                key.jwk_with(&[(name, raw)]),
            )
        }));
    }
    let operations = ["null", "1", "\"verify\"", "{}", "[1]", "[\"verify\",1]", "[null]"];
    rows.extend(operations.map(|raw| {
        skipped("jwk_malformed", format!("key_ops is {raw}"), RSA_A.jwk_with(&[("key_ops", raw)]))
    }));
    rows
}

fn members_twice() -> Vec<Element> {
    let raws = [
        "\"kty\":\"RSA\"",
        "\"kty\":\"oct\"",
        "\"k\\u0074y\":\"oct\"",
        "\"kid\":\"other\"",
        "\"alg\":\"none\"",
        "\"n\":\"AQAB\"",
        "\"\\u006e\":\"AQAB\"",
        "\"use\":\"sig\"",
        "\"unknown\":1,\"unknown\":1",
        "\"a\\r\\nb\":1,\"a\\r\\nb\":1",
        "\"d\":1,\"d\":1",
    ];
    let row =
        |raw: &str| skipped("jwk_duplicate_member", format!("{raw} twice"), prefixed(&RSA_A.jwk(), raw));
    raws.into_iter().map(row).collect()
}

fn key_types() -> Vec<Element> {
    let b64 = |bytes: usize| base64url_encode(vec![9; bytes]);
    let foreign = [
        ("AKP in small letters", ML_DSA_44.jwk_with(&[("kty", "\"akp\"")])),
        ("X25519", format!(r#"{{"kty":"OKP","crv":"X25519","x":"{}"}}"#, b64(32))),
        ("Ed448", format!(r#"{{"kty":"OKP","crv":"Ed448","x":"{}"}}"#, b64(57))),
        ("secp256r1", format!(r#"{{"kty":"EC","crv":"secp256r1","x":"{0}","y":"{0}"}}"#, b64(32))),
        ("P-256K", SECP256K1.jwk_with(&[("crv", "\"P-256K\"")])),
        ("Ed25519 as EC", ED25519.jwk_with(&[("kty", "\"EC\"")])),
        ("P-256 as OKP", P256.jwk_with(&[("kty", "\"OKP\"")])),
        ("rsa in small letters", RSA_A.jwk_with(&[("kty", "\"rsa\"")])),
        ("p-256 in small letters", P256.jwk_with(&[("crv", "\"p-256\"")])),
        ("an empty kty", RSA_A.jwk_with(&[("kty", "\"\"")])),
        ("an empty crv", P256.jwk_with(&[("crv", "\"\"")])),
        ("a kty with a line break", RSA_A.jwk_with(&[("kty", "\"RSA\\r\\n\"")])),
        ("an endless kty", RSA_A.jwk_with(&[("kty", &format!("\"{}\"", "\\u0007".repeat(9000)))])),
    ];
    let mut rows: Vec<Element> =
        foreign.into_iter().map(|(what, json)| skipped("jwk_key_type", what, json)).collect();
    let missing = [
        (&*RSA_A, "kty"),
        (&*RSA_A, "n"),
        (&*RSA_A, "e"),
        (&*P256, "crv"),
        (&*P256, "x"),
        (&*P256, "y"),
        (&*ED25519, "crv"),
        (&*ED25519, "x"),
        (&*SECP256K1, "y"),
        (&*ML_DSA_44, "alg"),
        (&*ML_DSA_65, "pub"),
    ];
    rows.extend(missing.map(|(key, name)| {
        skipped("jwk_member_missing", format!("{} without {name}", key.key_id), key.jwk_with(&[(name, "")]))
    }));
    let each =
        [&*RSA_A, &*P256, &*P384, &*P521, &*SECP256K1, &*ED25519, &*ML_DSA_44, &*ML_DSA_65, &*ML_DSA_87];
    rows.extend(each.map(|key| usable(key.key_id, key.jwk())));
    for (key, bytes) in [(&*ML_DSA_44, 1312), (&*ML_DSA_65, 1952), (&*ML_DSA_87, 2592)] {
        for (what, width) in [("a byte narrower", bytes - 1), ("a byte wider", bytes + 1), ("empty", 0)] {
            let json = key.jwk_with(&[("pub", &format!("\"{}\"", b64(width)))]);
            rows.push(skipped("jwk_member_encoding", format!("{} {what}", key.key_id), json));
        }
    }
    let other_size = ML_DSA_44.jwk_with(&[("alg", "\"ML-DSA-65\"")]);
    rows.push(skipped("jwk_member_encoding", "ML-DSA-44 as ML-DSA-65", other_size));
    rows.push(usable("an escaped spelling of RSA", RSA_A.jwk_with(&[("kty", "\"R\\u0053A\"")])));
    rows.push(usable(
        "unknown members",
        RSA_A.jwk_with(&[("x", "{\"y\":[1e3]}"), ("issuer", "1"), ("iat", "1")]),
    ));
    rows
}

fn uses() -> Vec<Element> {
    let mut rows = Vec::new();
    for other in ["enc", "SIG", "Sig", "sig ", "signature", "", "a\\r\\nb"] {
        let json = RSA_A.jwk_with(&[("use", &format!("\"{other}\""))]);
        rows.push(skipped("jwk_use", format!("use {other:?}"), json));
    }
    for other in ["[]", "[\"sign\"]", "[\"VERIFY\"]", "[\"encrypt\",\"wrapKey\"]", "[\"\"]"] {
        rows.push(skipped("jwk_key_ops", format!("key_ops {other}"), RSA_A.jwk_with(&[("key_ops", other)])));
    }
    for good in ["[\"verify\"]", "[\"sign\",\"verify\"]", "[\"verify\",\"x\"]"] {
        rows.push(usable(format!("key_ops {good}"), RSA_A.jwk_with(&[("key_ops", good)])));
    }
    rows.push(usable("neither use nor key_ops", RSA_A.jwk_with(&[("use", "")])));
    let both = RSA_A.jwk_with(&[("use", "\"enc\""), ("key_ops", "[\"verify\"]")]);
    rows.push(skipped("jwk_use", "use enc, though key_ops verify", both));
    let both = RSA_A.jwk_with(&[("key_ops", "[\"sign\"]")]);
    rows.push(skipped("jwk_key_ops", "use sig, though key_ops sign", both));
    rows
}

fn algorithms() -> Vec<Element> {
    let wrong = [
        (
            &*RSA_A,
            &[
                "RSA-OAEP", "RSA1_5", "ES256", "EdDSA", "HS256", "none", "rs256", "RS256 ", "", "RS257",
                "a\\r\\nb",
            ][..],
        ),
        (&*P256, &["ES384", "ES512", "ES256K", "RS256", "ECDH-ES", "EdDSA"]),
        (&*P384, &["ES256", "ES512"]),
        (&*P521, &["ES256", "ES521"]),
        (&*ED25519, &["ES256", "Ed448", "ED25519", "HS256"]),
        (&*SECP256K1, &["ES256", "ES256K-R", "es256k"]),
        (&*ML_DSA_44, &["EdDSA", "ML-DSA", "ml-dsa-44", "SLH-DSA-SHA2-128s", ""]),
    ];
    let mut rows = Vec::new();
    for (key, names) in wrong {
        rows.extend(names.iter().map(|name| {
            let json = key.jwk_with(&[("alg", &format!("\"{name}\""))]);
            skipped("jwk_alg", format!("{} with alg {name:?}", key.key_id), json)
        }));
    }
    for (key, name) in [(&*RSA_A, "PS512"), (&*ED25519, "EdDSA"), (&*ED25519, "Ed25519"), (&*P521, "ES512")] {
        rows.push(usable(
            format!("{} with alg {name}", key.key_id),
            key.jwk_with(&[("alg", &format!("\"{name}\""))]),
        ));
    }
    rows.extend(
        [&*RSA_A, &*P256, &*ED25519]
            .map(|key| usable(format!("{} without alg", key.key_id), key.jwk_with(&[("alg", "")]))),
    );
    rows
}

fn private_members() -> Vec<Element> {
    let mut rows = Vec::new();
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
        for raw in ["\"AQAB\"", "null"] {
            let json = RSA_A.jwk_with(&[(name, raw)]);
            rows.push(skipped("jwk_private_member", format!("RSA with {name} {raw}"), &*json));
            rows.push(skipped("jwk_private_member", format!("RSA with {name} {raw}, local"), json).local());
        }
    }
    rows.extend([
        skipped("jwk_private_member", "EC with d", P256.jwk_with(&[("d", "\"AQAB\"")])),
        skipped("jwk_private_member", "OKP with d", ED25519.jwk_with(&[("d", "\"AQAB\"")])),
        skipped("jwk_private_member", "an escaped d", RSA_A.jwk_with(&[("\\u0064", "\"AQAB\"")])),
        skipped(
            "jwk_private_member",
            "an encryption key with d",
            RSA_A.jwk_with(&[("use", "\"enc\""), ("d", "\"AQAB\"")]),
        ),
        skipped("jwk_private_member", "an ML-DSA key with priv", r#"{"kty":"AKP","priv":"AQAB"}"#),
        skipped("jwk_private_member", "a published secret", secret(32, "HS256")),
        skipped(
            "jwk_private_member",
            "a published secret for any",
            with(&secret(32, "HS256"), &[("alg", "")]),
        ),
        skipped("jwk_private_member", "an empty published secret", r#"{"kty":"oct","k":""}"#),
        skipped("jwk_private_member", "a published secret without its bytes", r#"{"kty":"oct"}"#),
    ]);
    rows
}

/// A shared secret of so many bytes.
fn secret(bytes: usize, algorithm: &str) -> String {
    let k = base64url_encode(vec![7; bytes]);
    format!(r#"{{"kty":"oct","kid":"secret","alg":"{algorithm}","k":"{k}"}}"#)
}

fn local_secrets() -> Vec<Element> {
    let any = |bytes| with(&secret(bytes, "HS256"), &[("alg", "")]);
    let mut rows = vec![
        usable("a secret for any, 32 bytes", any(32)),
        skipped("jwk_weak", "a secret for any, 31 bytes", any(31)),
        skipped("jwk_weak", "a secret of one byte", any(1)),
        skipped("jwk_member_encoding", "an empty secret", any(0)),
        skipped("jwk_member_missing", "a secret without its bytes", r#"{"kty":"oct"}"#),
        skipped("jwk_malformed", "a secret that is null", r#"{"kty":"oct","k":null}"#),
        skipped(
            "jwk_member_encoding",
            "a secret with padding",
            r#"{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}"#,
        ),
        skipped("jwk_alg", "a secret for RS256", secret(32, "RS256")),
        skipped("jwk_alg", "a secret for none", secret(32, "none")),
        skipped("jwk_alg", "a secret for key wrapping", secret(32, "A256KW")),
        skipped("jwk_use", "a secret for encryption", with(&secret(32, "HS256"), &[("use", "\"enc\"")])),
    ];
    for (algorithm, bytes) in [("HS256", 32), ("HS384", 48), ("HS512", 64)] {
        rows.push(usable(format!("{algorithm} with {bytes} bytes"), secret(bytes, algorithm)));
        rows.push(skipped(
            "jwk_weak",
            format!("{algorithm} with {} bytes", bytes - 1),
            secret(bytes - 1, algorithm),
        ));
    }
    rows.into_iter().map(Element::local).collect()
}

fn rsa_numbers() -> Vec<Element> {
    let n = decode(&member(&RSA_A.jwk(), "n"));
    let changed =
        |name: &str, bytes: &[u8]| RSA_A.jwk_with(&[(name, &format!("{:?}", base64url_encode(bytes)))]);
    let modulus = |bytes: usize, first: u8| changed("n", &[&[first], &vec![0xff; bytes - 1][..]].concat());
    let even = [&n[..255], &[n[255] & 0xfe]].concat();
    let spelt = |name: &str, text: &str| RSA_A.jwk_with(&[(name, &format!("{text:?}"))]);
    let mut rows = vec![
        skipped("jwk_weak", "a modulus of 8 bits", changed("n", &[0xff])),
        skipped("jwk_weak", "1024 bits", modulus(128, 0xff)),
        skipped("jwk_weak", "2047 bits", modulus(256, 0x7f)),
        usable("the most bits", modulus(RSA_BITS_MAX / 8, 0xff)),
        skipped("jwk_weak", "one bit more than the most", modulus(RSA_BITS_MAX / 8 + 1, 1)),
        skipped("jwk_weak", "16384 bits", modulus(2048, 0xff)),
        skipped("jwk_weak", "an even modulus", changed("n", &even)),
        skipped(
            "jwk_member_encoding",
            "a modulus with a leading zero",
            changed("n", &[&[0], &n[..]].concat()),
        ),
        skipped("jwk_member_encoding", "a modulus of zeros", changed("n", &[0; 256])),
        skipped("jwk_member_encoding", "an empty modulus", spelt("n", "")),
        skipped("jwk_weak", "exponent 1", changed("e", &[1])),
        skipped("jwk_weak", "exponent 2", changed("e", &[2])),
        skipped("jwk_weak", "an even exponent", changed("e", &[1, 0, 2])),
        usable("exponent 3", changed("e", &[3])),
        usable("an exponent of 4 bytes", changed("e", &[1, 0, 0, 1])),
        skipped("jwk_weak", "an exponent of 5 bytes", changed("e", &[1, 0, 0, 0, 1])),
        skipped("jwk_weak", "an exponent as wide as the modulus", changed("e", &[&n[..255], &[1]].concat())),
        skipped("jwk_member_encoding", "exponent 0", changed("e", &[0])),
        skipped("jwk_member_encoding", "an exponent with a leading zero", changed("e", &[0, 1, 0, 1])),
        skipped("jwk_member_encoding", "an empty exponent", spelt("e", "")),
        skipped(
            "jwk_member_encoding",
            "the modulus in ordinary base64",
            spelt("n", &STANDARD.encode([&[0xfb], &n[..255]].concat())),
        ),
    ];
    let spellings =
        ["AQAB=", "AQAB ", " AQAB", "AQ AB", "AQAB\\n", "AQB", "A", "65537", "0x10001", "+/8B", "é"];
    rows.extend(spellings.map(|text| {
        let json = RSA_A.jwk_with(&[("e", &format!("\"{text}\""))]);
        skipped("jwk_member_encoding", format!("exponent {text:?}"), json)
    }));
    rows
}

fn points() -> Vec<Element> {
    let mut rows = Vec::new();
    for (key, width) in [(&*P256, 32), (&*P384, 48), (&*P521, 66), (&*SECP256K1, 32)] {
        let [x, y] = ["x", "y"].map(|name| decode(&member(&key.jwk(), name)));
        let with_point = |x: &[u8], y: &[u8]| {
            let [x, y] = [x, y].map(|bytes| format!("{:?}", base64url_encode(bytes)));
            key.jwk_with(&[("x", &x), ("y", &y)])
        };
        let off = [&y[..width - 1], &[y[width - 1] ^ 1]].concat();
        let (zero, ones) = (vec![0; width], vec![0xff; width]);
        let (wider, narrower) = ([&[0], &x[..]].concat(), &x[1..]);
        let what = |what: &str| format!("{}: {what}", key.key_id);
        rows.extend([
            skipped("jwk_invalid", what("a point off the curve"), with_point(&x, &off)),
            skipped("jwk_invalid", what("x and y exchanged"), with_point(&y, &x)),
            skipped("jwk_invalid", what("zero"), with_point(&zero, &zero)),
            skipped("jwk_invalid", what("coordinates past the prime"), with_point(&ones, &ones)),
            skipped("jwk_member_encoding", what("x a byte wider"), with_point(&wider, &y)),
            skipped("jwk_member_encoding", what("x a byte narrower"), with_point(narrower, &y)),
            skipped("jwk_member_encoding", what("y a byte narrower"), with_point(&x, &y[1..])),
            skipped("jwk_member_encoding", what("y empty"), with_point(&x, &[])),
            skipped(
                "jwk_member_encoding",
                what("a compressed point as x"),
                with_point(&[&[2], &x[..]].concat(), &y),
            ),
        ]);
    }
    for (key, other) in [(&*P256, "secp256k1"), (&*SECP256K1, "P-256")] {
        let json = key.jwk_with(&[("crv", &format!("{other:?}")), ("alg", "")]);
        rows.push(skipped("jwk_invalid", format!("a point of {} on {other}", key.key_id), json));
    }
    let crossed = P256.jwk_with(&[("crv", "\"P-384\""), ("alg", "")]);
    rows.push(skipped("jwk_member_encoding", "P-256 coordinates on P-384", crossed));
    rows
}

/// y of the points of small order, little-endian, and their spellings past the prime (RFC 8032 §8.7 names the danger).
const SMALL_ORDER: [(&str, &str); 7] = [
    ("order 4", "0000000000000000000000000000000000000000000000000000000000000000"),
    ("order 1", "0100000000000000000000000000000000000000000000000000000000000000"),
    ("order 2", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("order 4, past the prime", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("order 1, past the prime", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    ("order 8, the other", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
];

fn edwards_points() -> Vec<Element> {
    let with_x = |bytes: &[u8]| ED25519.jwk_with(&[("x", &format!("{:?}", base64url_encode(bytes)))]);
    let mut rows = Vec::new();
    for (what, digits) in SMALL_ORDER {
        let mut y = hex(digits);
        rows.push(skipped("jwk_weak", what, with_x(&y)));
        y[31] |= 0x80;
        rows.push(skipped("jwk_weak", format!("{what}, sign bit set"), with_x(&y)));
    }
    let x = decode(&member(&ED25519.jwk(), "x"));
    rows.extend([
        skipped("jwk_member_encoding", "a byte narrower", with_x(&x[1..])),
        skipped("jwk_member_encoding", "a byte wider", with_x(&[&x[..], &[0]].concat())),
        skipped("jwk_member_encoding", "empty", with_x(&[])),
    ]);
    rows
}

fn certificates() -> Vec<Element> {
    let own = STANDARD.encode(certificate(&RSA_A));
    let with_x5c = |raw: &str| RSA_A.jwk_with(&[("x5c", raw)]);
    let chain = |first: &str| with_x5c(&format!("[{first:?}]"));
    let several = |count: usize| with_x5c(&format!("[{}]", vec![format!("{own:?}"); count].join(",")));
    let url_safe = own.replace('+', "-").replace('/', "_");
    assert_ne!(own, url_safe, "a certificate without + and / would prove nothing");
    let der = certificate(&RSA_A);
    let mut rows: Vec<Element> =
        ["null", "\"\"", "1", "{}", "[]", "[1]", "[null]", "[[]]", "[\"\"]", "[\"AAAA\"]", "[\"é\"]"]
            .into_iter()
            .map(|raw| skipped("jwk_certificate", format!("x5c is {raw}"), with_x5c(raw)))
            .collect();
    rows.extend([
        usable("its own certificate", chain(&own)),
        usable("another certificate of the same key", chain(&STANDARD.encode(certificate(&RSA_A)))),
        usable("as many certificates as may be", several(X5C_CERTIFICATES_MAX)),
        skipped("jwk_certificate", "one certificate more than may be", several(X5C_CERTIFICATES_MAX + 1)),
        skipped("jwk_certificate", "a text, not an array", with_x5c(&format!("{own:?}"))),
        skipped("jwk_certificate", "base64url", chain(&url_safe)),
        skipped(
            "jwk_certificate",
            "no padding where there must be",
            chain(&STANDARD.encode(&der[..der.len() - 1])),
        ),
        skipped("jwk_certificate", "PEM", chain(&format!("-----BEGIN CERTIFICATE-----\n{own}"))),
        skipped("jwk_certificate", "a line break inside", chain(&format!("{}\n{}", &own[..64], &own[64..]))),
        skipped("jwk_certificate", "cut", chain(&own[..own.len() / 8 * 4])),
        skipped("jwk_certificate", "a byte longer", chain(&STANDARD.encode([&der[..], &[0]].concat()))),
        skipped(
            "jwk_certificate_mismatch",
            "the certificate of another key",
            chain(&STANDARD.encode(certificate(&RSA_B))),
        ),
        skipped(
            "jwk_certificate_mismatch",
            "the certificate of another type",
            chain(&STANDARD.encode(certificate(&P256))),
        ),
        usable("EC with its own certificate", with_certificate(&P256, &P256)),
        skipped("jwk_certificate_mismatch", "EC with an RSA certificate", with_certificate(&P256, &RSA_A)),
        skipped("jwk_certificate_mismatch", "P-256 with a P-384 certificate", with_certificate(&P256, &P384)),
        usable("Ed25519 with its own certificate", with_certificate(&ED25519, &ED25519)),
        skipped(
            "jwk_certificate_mismatch",
            "Ed25519 with an EC certificate",
            with_certificate(&ED25519, &P256),
        ),
    ]);
    rows
}

fn thumbprints() -> Vec<Element> {
    let der = certificate(&RSA_A);
    let parsed = jwksmith_jose::Certificate::from_der(&der).unwrap();
    let (sha1, sha256) = (parsed.sha1(), parsed.sha256());
    let x5c = format!("[{:?}]", STANDARD.encode(&der));
    let with_member = |name: &str, value: &[u8]| {
        RSA_A.jwk_with(&[("x5c", &x5c), (name, &format!("{:?}", base64url_encode(value)))])
    };
    let mut rows = vec![
        usable("its x5t", with_member("x5t", &sha1)),
        usable(
            "its x5t in the old spelling, as hexadecimal digits",
            with_member("x5t", digits(&sha1).as_bytes()),
        ),
        usable("its x5t#S256", with_member("x5t#S256", &sha256)),
        usable("an x5t and no certificate", RSA_A.jwk_with(&[("x5t", "\"AAAA\"")])),
    ];
    let wrong: [(&str, &[u8]); 6] = [
        ("x5t", &[7; 20]),
        ("x5t", &sha1[1..]),
        ("x5t", &sha256),
        ("x5t#S256", &[7; 32]),
        ("x5t#S256", &sha1),
        ("x5t", b""),
    ];
    rows.extend(wrong.map(|(name, value)| {
        skipped("jwk_thumbprint_mismatch", format!("another {name}"), with_member(name, value))
    }));
    let old = with_member("x5t#S256", digits(&sha256).as_bytes());
    rows.push(skipped("jwk_thumbprint_mismatch", "an x5t#S256 in the old spelling", old));
    for raw in ["1", "null", "[]"] {
        let json = RSA_A.jwk_with(&[("x5c", &x5c), ("x5t", raw)]);
        rows.push(skipped("jwk_malformed", format!("x5t is {raw}"), json));
    }
    rows
}

fn certificates_alone() -> Vec<Element> {
    let alone = |key: &TestKey, changes: &[(&str, &str)]| {
        let gone = ["n", "e", "x", "y"].map(|name| (name, ""));
        with(&with_certificate(key, key), &[&gone, changes].concat())
    };
    let mut rows: Vec<Element> = [&*RSA_A, &*P256, &*P384, &*P521, &*ED25519]
        .map(|key| usable(format!("{} by its certificate alone", key.key_id), alone(key, &[])))
        .into();
    rows.extend([
        usable("EC by its certificate, without crv", alone(&P256, &[("crv", "")])),
        usable("RSA by its certificate, for any algorithm", alone(&RSA_A, &[("alg", "")])),
        skipped("jwk_certificate_mismatch", "an RSA certificate as EC", alone(&RSA_A, &[("kty", "\"EC\"")])),
        skipped("jwk_certificate_mismatch", "P-256 as P-384", alone(&P256, &[("crv", "\"P-384\"")])),
        skipped("jwk_member_missing", "a certificate without kty", alone(&P256, &[("kty", "")])),
        skipped("jwk_alg", "P-256 for ES384", alone(&P256, &[("alg", "\"ES384\"")])),
        skipped("jwk_certificate", "a certificate that is none", alone(&P256, &[("x5c", "[\"AAAA\"]")])),
        skipped("jwk_thumbprint_mismatch", "another x5t", alone(&P256, &[("x5t", "\"AAAA\"")])),
        skipped("jwk_member_missing", "half of the numbers", alone(&RSA_A, &[("e", "\"AQAB\"")])),
    ]);
    rows
}

fn with_certificate(key: &TestKey, certified: &TestKey) -> String {
    key.jwk_with(&[("x5c", &format!("[{:?}]", STANDARD.encode(certificate(certified))))])
}

fn key_ids() -> Vec<Element> {
    let kid = |text: &str| RSA_A.jwk_with(&[("kid", &format!("\"{text}\""))]);
    vec![
        skipped("jwk_kid", "an empty kid", kid("")),
        usable("a kid at its limit", kid(&"k".repeat(KID_BYTES_MAX))),
        skipped("jwk_kid", "a kid one past its limit", kid(&"k".repeat(KID_BYTES_MAX + 1))),
        skipped("jwk_kid", "a kid past its limit in bytes", kid(&"é".repeat(KID_BYTES_MAX / 2 + 1))),
        usable("no kid", RSA_A.jwk_with(&[("kid", "")])),
        usable("a kid with a line break", kid("a\\r\\nb")),
        usable("the kid of the key beside it", kid("rsa-b\\u0000")),
    ]
}

/// Every table, so that what they meet together can be compared with what is documented.
const TABLES: [fn() -> Vec<Element>; 15] = [
    no_keys_at_all,
    member_types,
    members_twice,
    key_types,
    uses,
    algorithms,
    private_members,
    local_secrets,
    rsa_numbers,
    points,
    edwards_points,
    certificates,
    thumbprints,
    certificates_alone,
    key_ids,
];

#[test]
fn tables_meet_every_documented_reason() {
    let met = TABLES.iter().flat_map(|table| table()).filter_map(|row| row.expected).collect();
    codes::check_coverage(&met, "SkipReason");
}

#[test]
fn element_that_is_no_key_is_skipped() {
    check(&no_keys_at_all());
}

#[test]
fn member_of_wrong_type_is_skipped() {
    check(&member_types());
}

#[test]
fn key_with_a_member_twice_is_skipped() {
    check(&members_twice());
}

#[test]
fn foreign_key_type_is_skipped() {
    check(&key_types());
}

#[test]
fn key_for_another_use_is_skipped() {
    check(&uses());
}

#[test]
fn key_for_another_algorithm_is_skipped() {
    check(&algorithms());
}

#[test]
fn published_private_key_is_skipped() {
    check(&private_members());
}

#[test]
fn short_local_secret_is_skipped() {
    check(&local_secrets());
}

#[test]
fn weak_rsa_key_is_skipped() {
    check(&rsa_numbers());
}

#[test]
fn point_off_its_curve_is_skipped() {
    check(&points());
}

#[test]
fn edwards_point_of_small_order_is_skipped() {
    check(&edwards_points());
}

#[test]
fn certificate_of_another_key_is_skipped() {
    check(&certificates());
}

#[test]
fn thumbprint_of_another_certificate_is_skipped() {
    check(&thumbprints());
}

#[test]
fn key_works_from_its_certificate_alone() {
    check(&certificates_alone());
}

#[test]
fn kid_past_its_limit_is_skipped() {
    check(&key_ids());
}

/// RFC 7493: what is no I-JSON stops one reader or another, so nobody may build on such a document.
#[test]
fn key_set_that_is_no_i_json_is_refused_whole() {
    for (name, raw) in
        [("kty", "1e400"), ("kid", "\"\\ud800\""), ("n", "1e400"), ("\\ud800", "1"), ("use", "[1e400]")]
    {
        let document = key_set(&[RSA_A.jwk_with(&[(name, raw)]), RSA_B.jwk()]);
        let code = KeySet::parse(document.as_bytes()).map_err(|error| error.code()).err();
        assert_eq!(code, Some("key_set_malformed"), "{name} is {raw}");
    }
}

/// Whole documents, each with the code that refuses it.
fn documents() -> Vec<(String, Vec<u8>, &'static str)> {
    let good = key_set(&[RSA_A.jwk()]);
    let malformed = [
        "",
        " ",
        "null",
        "1",
        "true",
        "\"keys\"",
        "[]",
        "<!DOCTYPE html><html></html>",
        "{",
        "{\"keys\"",
        "{\"keys\":[",
        "{\"keys\":[]",
        "{\"keys\":[,]}",
        "{\"keys\":[{}],}",
        "{'keys':[]}",
        "{\"keys\":[]} x",
        "{\"keys\":[]}{}",
        "// c\n{\"keys\":[]}",
        "{\"keys\":[NaN]}",
        "\u{feff}{\"keys\":[]}",
        "{\"keys\":[{]}",
    ];
    let mut rows: Vec<_> =
        malformed.into_iter().map(|text| (format!("{text:?}"), text.into(), "key_set_malformed")).collect();
    let mut add = |what: &str, bytes: Vec<u8>, code| rows.push((what.to_owned(), bytes, code));
    add("a bare array of keys", format!("[{}]", RSA_A.jwk()).into(), "key_set_malformed");
    add("a set twice", good.repeat(2).into(), "key_set_malformed");
    add("a set cut short", good[..good.len() - 1].into(), "key_set_malformed");
    add("bytes that are not UTF-8", [good.as_bytes(), b"\xff"].concat(), "key_set_malformed");
    add("UTF-16", good.encode_utf16().flat_map(u16::to_le_bytes).collect(), "key_set_malformed");
    add(
        "a hundred thousand brackets",
        format!("{{\"keys\":{}", "[".repeat(100_000)).into(),
        "key_set_malformed",
    );
    add("brackets in another member", format!("{{\"x\":{}", "[".repeat(100_000)).into(), "key_set_malformed");
    add("braces in a key", format!("{{\"keys\":[{}", "{\"x\":".repeat(20_000)).into(), "key_set_malformed");
    add("an empty object", b"{}".to_vec(), "key_set_keys_missing");
    add("a single key", RSA_A.jwk().into(), "key_set_keys_missing");
    add("a discovery document", br#"{"issuer":"x","jwks_uri":"y"}"#.to_vec(), "key_set_keys_missing");
    add("an error", br#"{"error":"not_found"}"#.to_vec(), "key_set_keys_missing");
    add("Keys in capitals", good.replace("keys", "Keys").into(), "key_set_keys_missing");
    for raw in ["\"keys\":[]", "\"k\\u0065ys\":[]", "\"x\":1,\"x\":1", "\"a\\n\":1,\"a\\n\":1"] {
        add(&format!("{raw} before keys"), prefixed(&good, raw).into(), "key_set_duplicate_member");
    }
    add("a byte too many", spaced(KEY_SET_BYTES_MAX + 1), "key_set_too_large");
    add("megabytes", vec![b'['; 10_000_000], "key_set_too_large");
    add("a key too many", key_set(&vec![RSA_A.jwk(); KEYS_MAX + 1]).into(), "key_set_too_many_keys");
    add(
        "a null too many",
        key_set(&[&vec!["null"; KEYS_MAX][..], &[&RSA_A.jwk()]].concat()).into(),
        "key_set_too_many_keys",
    );
    add("no keys", b"{\"keys\":[]}".to_vec(), "key_set_no_usable_key");
    add("nulls only", b"{\"keys\":[null,null]}".to_vec(), "key_set_no_usable_key");
    add(
        "a key for encryption only",
        key_set(&[RSA_A.jwk_with(&[("use", "\"enc\"")])]).into(),
        "key_set_no_usable_key",
    );
    add("a published secret only", key_set(&[secret(32, "HS256")]).into(), "key_set_no_usable_key");
    add("hostile text only", br#"{"keys":[{"kty":"\r\n\u001b"}]}"#.to_vec(), "key_set_no_usable_key");
    rows
}

/// A good set with white space up to so many bytes.
fn spaced(bytes: usize) -> Vec<u8> {
    let mut set = key_set(&[RSA_A.jwk()]).into_bytes();
    set.resize(bytes, b' ');
    set
}

#[test]
fn key_set_that_is_none_is_refused_whole() {
    let mut met = BTreeSet::new();
    for (what, bytes, code) in documents() {
        for parsed in [KeySet::parse(&bytes), KeySet::parse_local(&bytes)] {
            // The one set that is fine as the operator's own file.
            if what == "a published secret only" && parsed.is_ok() {
                continue;
            }
            let error = parsed.expect_err(&what);
            assert_eq!(error.code(), code, "{what}: {error:.200}");
            assert_eq!(unfit(&error.to_string()), None, "{what}");
        }
        met.insert(code);
    }
    codes::check_coverage(&met, "KeySetError");
}

#[test]
fn keys_that_is_no_array_is_reported_as_missing() {
    for raw in ["null", "1", "true", "\"text\"", "{}", "{\"rsa-a\":{}}"] {
        let code =
            KeySet::parse(format!("{{\"keys\":{raw}}}").as_bytes()).map_err(|error| error.code()).err();
        assert_eq!(code, Some("key_set_keys_missing"), "{raw}");
    }
}

#[test]
fn message_about_a_document_that_is_text_is_short() {
    for document in [format!("\"{}\"", "x".repeat(5000)), format!("{{\"keys\":\"{}\"}}", "x".repeat(5000))] {
        let message = KeySet::parse(document.as_bytes()).unwrap_err().to_string();
        assert!(message.len() < 500, "{} bytes", message.len());
    }
}

/// A good set with a key whose unknown member nests so deep, counted from the document.
fn nested(levels: usize) -> String {
    let inside = levels - 3;
    let deep = RSA_A.jwk_with(&[("x", &format!("{}{}", "[".repeat(inside), "]".repeat(inside)))]);
    key_set(&[deep, RSA_B.jwk()])
}

#[test]
fn key_set_nested_to_the_limit_is_read() {
    assert_eq!(KeySet::parse(nested(32).as_bytes()).unwrap().keys().len(), 2);
}

#[test]
fn key_set_nested_past_the_limit_is_refused() {
    assert_eq!(
        KeySet::parse(nested(33).as_bytes()).map_err(|error| error.code()).err(),
        Some("key_set_malformed")
    );
}

#[test]
fn key_with_too_many_members_is_not_used() {
    let members: Vec<String> = (0..513).map(|n| format!("\"m{n}\":0")).collect();
    let wide = prefixed(&RSA_A.jwk(), &members.join(","));
    let parsed = KeySet::parse(key_set(&[wide, RSA_B.jwk()]).as_bytes());
    assert!(parsed.is_err() || parsed.is_ok_and(|keys| keys.skipped().len() == 1));
}

#[test]
fn key_set_at_its_limits_is_read() {
    assert_eq!(KeySet::parse(&spaced(KEY_SET_BYTES_MAX)).unwrap().keys().len(), 1);
    let full = key_set(&vec![RSA_A.jwk(); KEYS_MAX]);
    assert_eq!(KeySet::parse(full.as_bytes()).unwrap().keys().len(), KEYS_MAX);
    let extended = prefixed(&key_set(&[RSA_A.jwk()]), "\"x\":[{\"keys\":1}],\"keys2\":null");
    assert_eq!(KeySet::parse(extended.as_bytes()).unwrap().keys().len(), 1);
}

#[test]
fn no_usable_key_counts_what_was_skipped() {
    let document = key_set(&[RSA_A.jwk_with(&[("use", "\"enc\"")]), "null".to_owned()]);
    let error = KeySet::parse(document.as_bytes()).unwrap_err();
    let KeySetError::NoUsableKey { skipped: 2, first: Some(reason) } = error else { panic!("{error:?}") };
    assert_eq!(reason.code(), "jwk_use");
}

/// Which key of a set a token gets: the elements, the token, and the code of its refusal.
type Selection = (&'static str, Vec<String>, String, Option<&'static str>);

fn named(key: &TestKey, kid: &str) -> String {
    key.jwk_with(&[("kid", &format!("{kid:?}"))])
}

fn encrypts(json: &str) -> String {
    with(json, &[("use", "\"enc\"")])
}

/// A token of the key with this `kid`, raw.
fn token(key: &TestKey, kid: &str) -> String {
    key.token(&[("kid", kid)], &[])
}

fn named_selections() -> Vec<Selection> {
    let shared = vec![named(&RSA_A, "k"), named(&P256, "k")];
    vec![
        ("one kid, two types: RSA", shared.clone(), token(&RSA_A, "\"k\""), None),
        ("one kid, two types: EC", shared.clone(), token(&P256, "\"k\""), None),
        ("one kid, two types: neither", shared, token(&ED25519, "\"k\""), Some("key_alg_mismatch")),
        (
            "one kid twice",
            vec![named(&RSA_A, "k"), named(&RSA_B, "k")],
            token(&RSA_A, "\"k\""),
            Some("kid_ambiguous"),
        ),
        ("one key twice", vec![RSA_A.jwk(), RSA_A.jwk()], RSA_A.token(&[], &[]), Some("kid_ambiguous")),
        (
            "one kid, one of them for encryption",
            vec![encrypts(&named(&RSA_B, "k")), named(&RSA_A, "k")],
            token(&RSA_A, "\"k\""),
            None,
        ),
        (
            "one kid, two algorithms",
            vec![RSA_A.jwk(), RSA_A.jwk_with(&[("alg", "\"PS256\"")])],
            RSA_A.token(&[], &[]),
            None,
        ),
        (
            "a skipped key's kid",
            vec![encrypts(&RSA_A.jwk()), RSA_B.jwk()],
            RSA_A.token(&[], &[]),
            Some("key_unusable"),
        ),
        (
            "an unknown kid beside an element that is no key",
            vec!["null".to_owned(), RSA_B.jwk()],
            RSA_A.token(&[], &[]),
            Some("kid_unknown"),
        ),
    ]
}

fn nameless_selections() -> Vec<Selection> {
    let nameless = |key: &TestKey| key.jwk_with(&[("kid", "")]);
    let any = |key: &TestKey| key.jwk_with(&[("alg", "")]);
    vec![
        ("no kid, one fits", vec![RSA_A.jwk(), P256.jwk()], token(&RSA_A, ""), None),
        ("no kid, two fit", vec![RSA_A.jwk(), RSA_B.jwk()], token(&RSA_A, ""), Some("kid_required")),
        (
            "no kid, one fits by alg and one for any",
            vec![RSA_A.jwk(), any(&RSA_B)],
            token(&RSA_A, ""),
            Some("kid_required"),
        ),
        ("no kid, none fits", vec![RSA_A.jwk(), P256.jwk()], token(&ED25519, ""), Some("kid_required")),
        (
            "no kid, the other is for encryption",
            vec![RSA_A.jwk(), encrypts(&RSA_B.jwk())],
            token(&RSA_A, ""),
            None,
        ),
        ("no kid anywhere", vec![nameless(&RSA_A)], token(&RSA_A, ""), None),
        (
            "a kid, and only a nameless key",
            vec![nameless(&RSA_A)],
            RSA_A.token(&[], &[]),
            Some("kid_unknown"),
        ),
        ("an EC key for any", vec![any(&P256)], P256.token(&[], &[]), None),
        (
            "an EC key for any, another curve's token",
            vec![any(&P256)],
            P256.token(&[("alg", "\"ES384\"")], &[]),
            Some("key_alg_mismatch"),
        ),
        (
            "an Ed25519 key by its new name",
            vec![ED25519.jwk_with(&[("alg", "\"Ed25519\"")])],
            ED25519.token(&[], &[]),
            None,
        ),
        (
            "an Ed25519 key by its old name",
            vec![ED25519.jwk()],
            ED25519.token(&[("alg", "\"Ed25519\"")], &[]),
            None,
        ),
    ]
}

#[test]
fn selection_takes_the_one_fitting_key() {
    for (what, elements, token, expected) in [named_selections(), nameless_selections()].concat() {
        let keys = KeySet::parse(key_set(&elements).as_bytes()).unwrap();
        assert_eq!(code_of(&keys, &token), expected, "{what}");
    }
}

#[test]
fn key_without_alg_is_for_every_algorithm_of_its_family() {
    let keys = KeySet::parse(key_set(&[RSA_A.jwk_with(&[("alg", "")])]).as_bytes()).unwrap();
    let names: Vec<_> = keys.keys()[0].algorithms().map(Algorithm::name).collect();
    assert_eq!(names, ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]);
    for name in names {
        let key = RSA_A.signing_with(Algorithm::from_name(name).unwrap());
        let token = sign(&key, with(HEADER, &[("alg", &format!("{name:?}"))]), CLAIMS);
        assert_eq!(code_of(&keys, &token), None, "{name}");
    }
}

#[test]
fn secret_without_alg_is_for_the_hashes_that_it_is_long_enough_for() {
    for (bytes, expected) in [(32, 1), (47, 1), (48, 2), (63, 2), (64, 3)] {
        let set = key_set(&[with(&secret(bytes, "HS256"), &[("alg", "")])]);
        let keys = KeySet::parse_local(set.as_bytes()).unwrap();
        assert_eq!(keys.keys()[0].algorithms().count(), expected, "{bytes} bytes");
    }
}

#[test]
fn set_knows_the_kids_of_used_and_skipped_keys() {
    let skipped = RSA_B.jwk_with(&[("use", "\"enc\"")]);
    let keys = KeySet::parse(key_set(&[RSA_A.jwk(), skipped, "null".to_owned()]).as_bytes()).unwrap();
    assert_eq!(["rsa-a", "rsa-b", "rsa-c", ""].map(|kid| keys.knows(kid)), [true, true, false, false]);
    assert_eq!(keys.skipped().iter().map(|skipped| skipped.index).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(keys.skipped()[0].key_id.as_deref(), Some("rsa-b"));
}

/// The kids of a set's keys, in its order.
fn names(keys: &KeySet) -> Vec<&str> {
    keys.keys().iter().filter_map(PublishedKey::key_id).collect()
}

#[test]
fn key_is_the_same_by_its_material_alone() {
    let renamed = RSA_A.jwk_with(&[("kid", "\"other\""), ("alg", "\"PS512\"")]);
    let certified = with_certificate(&P256, &P256);
    let (short, long) = (secret(32, "HS256"), secret(64, "HS512"));
    let unnamed = with(&short, &[("alg", ""), ("kid", "")]);
    for (what, one, other, is_same) in [
        ("itself", RSA_A.jwk(), RSA_A.jwk(), true),
        ("another name and another algorithm", RSA_A.jwk(), renamed, true),
        ("the name of another", RSA_A.jwk(), RSA_B.jwk_with(&[("kid", "\"rsa-a\"")]), false),
        ("with its certificate", P256.jwk(), certified, true),
        ("another curve", P256.jwk(), P384.jwk(), false),
        ("a secret", short.clone(), unnamed, true),
        ("another secret", short, long, false),
    ] {
        let keys = [one, other].map(|jwk| KeySet::parse_local(key_set(&[jwk]).as_bytes()).unwrap());
        let [one, other] = keys.each_ref().map(|keys| &keys.keys()[0]);
        assert_eq!((one.same_key(other), other.same_key(one)), (is_same, is_same), "{what}");
        assert!(one.clone().same_key(one), "{what}");
    }
}

#[test]
fn key_is_told_as_data_unless_it_is_a_secret() {
    let any = P384.jwk_with(&[("alg", "")]);
    let set = key_set(&[RSA_A.jwk(), any, secret(32, "HS256")]);
    let keys = KeySet::parse_local(set.as_bytes()).unwrap();
    for (key, jwk) in keys.keys().iter().zip([RSA_A.jwk(), P384.jwk()]) {
        let AnyKey::Public(expected) = AnyKey::read(jwk.as_bytes()).unwrap() else { panic!("{jwk}") };
        let told = key.public_key().unwrap();
        assert_eq!(*key.thumbprint(), expected.thumbprint(ThumbprintHash::Sha256));
        assert_eq!((told.key_id(), told.family()), (key.key_id(), key.family()));
        assert_eq!(told.spki_der().unwrap(), expected.spki_der().unwrap());
    }
    let algorithms = keys.keys().iter().filter_map(PublishedKey::public_key).map(PublicKey::algorithm_name);
    assert_eq!(algorithms.collect::<Vec<_>>(), [Some("RS256"), None]);
    let [.., of_a_secret] = keys.keys() else { panic!("no keys") };
    let AnyKey::Private(expected) = AnyKey::read(secret(32, "HS256").as_bytes()).unwrap() else {
        panic!("no secret")
    };
    assert_eq!(*of_a_secret.thumbprint(), expected.thumbprint(ThumbprintHash::Sha256));
    assert!(of_a_secret.public_key().is_none());
}

#[test]
fn set_without_a_key_knows_it_no_more() {
    let set = key_set(&[RSA_A.jwk(), encrypts(&P256.jwk()), RSA_B.jwk()]);
    let keys = KeySet::parse(set.as_bytes()).unwrap();
    let [of_a, of_b] = [&RSA_A, &RSA_B].map(|key| key.token(&[], &[]));
    // What the whole set remembers of the header must not outlive the key.
    assert_eq!((code_of(&keys, &of_a), code_of(&keys, &of_a)), (None, None));
    let fewer = keys.without(|key| key.key_id() == Some("rsa-a"));
    assert_eq!(names(&fewer), ["rsa-b"]);
    assert_eq!(fewer.keys()[0].index(), 2);
    assert_eq!(fewer.skipped(), keys.skipped());
    assert_eq!((code_of(&fewer, &of_a), code_of(&fewer, &of_b)), (Some("kid_unknown"), None));
    let none = fewer.without(|_| true);
    assert_eq!((code_of(&none, &of_a), code_of(&none, &of_b)), (Some("kid_unknown"), Some("kid_unknown")));
    assert_eq!(code_of(&none, &token(&RSA_A, "")), Some("kid_required"));
    assert_eq!(names(&keys.without(|_| false)), ["rsa-a", "rsa-b"]);
    assert_eq!(code_of(&keys, &of_a), None, "the set itself is as it was");
}

#[test]
fn set_with_also_other_keys_verifies_with_them() {
    let of = |elements: &[String]| KeySet::parse(key_set(elements).as_bytes()).unwrap();
    let twin = RSA_B.jwk_with(&[("kid", "\"rsa-a\"")]);
    let restricted = RSA_A.jwk_with(&[("alg", "\"PS256\"")]);
    for (what, others, expected, code) in [
        ("none", vec![], vec!["p256"], Some("kid_unknown")),
        ("one", vec![RSA_A.jwk()], vec!["p256", "rsa-a"], None),
        ("one twice", vec![RSA_A.jwk(), RSA_A.jwk()], vec!["p256", "rsa-a"], None),
        ("one that is there", vec![P256.jwk(), RSA_A.jwk()], vec!["p256", "rsa-a"], None),
        ("what counts first", vec![restricted, RSA_A.jwk()], vec!["p256", "rsa-a"], Some("key_alg_mismatch")),
        ("a twin", vec![RSA_A.jwk(), twin], vec!["p256", "rsa-a", "rsa-a"], Some("kid_ambiguous")),
    ] {
        let few = of(&[encrypts(&RSA_B.jwk()), P256.jwk()]);
        let others: Vec<PublishedKey> =
            others.into_iter().flat_map(|jwk| of(&[jwk]).keys().to_vec()).collect();
        let more = few.with_also(others);
        assert_eq!(names(&more), expected, "{what}");
        assert_eq!(code_of(&more, &RSA_A.token(&[], &[])), code, "{what}");
        assert_eq!(code_of(&more, &P256.token(&[], &[])), None, "{what}");
        assert_eq!(more.skipped(), few.skipped(), "{what}");
    }
}

#[test]
fn set_takes_no_more_keys_than_a_document_may_hold() {
    let called = |name: usize| RSA_A.jwk_with(&[("kid", &format!("\"{name}\""))]);
    let of = |names: std::ops::Range<usize>| {
        KeySet::parse(key_set(&names.map(called).collect::<Vec<_>>()).as_bytes()).unwrap()
    };
    let (most, two) = (of(0..KEYS_MAX - 1), of(KEYS_MAX..KEYS_MAX + 2));
    let full = most.with_also(two.keys().to_vec());
    assert_eq!(full.keys().len(), KEYS_MAX);
    assert_eq!(full.keys().last().and_then(PublishedKey::key_id), Some(KEYS_MAX.to_string().as_str()));
}

/// The crypto library takes any 32 bytes as an Ed25519 key; what matters is that nothing verifies under such a key.
#[test]
fn edwards_point_off_its_curve_verifies_nothing() {
    // No point of the curve has y = 2.
    let off = [&[2], &[0; 31][..]].concat();
    let keys = key_set(&[ED25519.jwk_with(&[("x", &format!("{:?}", base64url_encode(off)))])]);
    let keys = KeySet::parse(keys.as_bytes()).unwrap();
    let input = signing_input(with(HEADER, &[("alg", "\"EdDSA\""), ("kid", "\"ed25519\"")]), CLAIMS);
    let neutral = [&[1], &[0; 63][..]].concat();
    for signature in [vec![0; 64], neutral, ED25519.signing.sign(input.as_bytes()).unwrap()] {
        assert_eq!(code_of(&keys, &compact(&input, signature)), Some("signature_invalid"));
    }
}

#[test]
fn debug_of_a_set_shows_no_key() {
    let certified = with_certificate(&P256, &P256);
    let disclosed = RSA_B.jwk_with(&[("d", "\"c2VjcmV0IGV4cG9uZW50\"")]);
    let set = key_set(&[RSA_A.jwk(), certified, disclosed, secret(32, "HS256")]);
    let keys = KeySet::parse_local(set.as_bytes()).unwrap();
    let shown = format!("{keys:?} {keys:#?}");
    assert!(
        shown.contains("rsa-a") && shown.contains("jwk_private_member") || shown.contains("PrivateMember")
    );
    let numbers = [member(&RSA_A.jwk(), "n"), member(&P256.jwk(), "x"), base64url_encode([7; 32])];
    for number in numbers.iter().map(String::as_str).chain(["c2VjcmV0", "7, 7, 7", "48, 130", "0x"]) {
        assert!(!shown.contains(number), "{shown}");
    }
}
