//! Every named limit, at the limit and one past it; and input past a limit is refused before anything else is looked at.
//!
//! The names are read from `src/limits.rs`, so that no limit can be added without a row here.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a row that cannot be built is a failed test"
)]

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{
    AUDIENCE, CLAIMS, HEADER, ISSUER, NOW, RSA_A, RSA_B, certificate, key_set, resigned, sign, signature_of,
    with,
};
use jwksmith_jose::danger::decode_unverified;
use jwksmith_jose::limits::{
    ASSERTION_BYTES_MAX, ASSERTION_LIFETIME_SECONDS_MAX, ASSERTION_TEXT_CHARACTERS_MAX, HEADER_BYTES_MAX,
    JSON_DEPTH_MAX, JSON_MEMBERS_MAX, KEY_BYTES_MAX, KEY_SET_BYTES_MAX, KEYS_MAX, KID_BYTES_MAX,
    LEEWAY_SECONDS_MAX, NUMERIC_DATE_SECONDS_MAX, RSA_BITS_MAX, RSA_BITS_MIN, RSA_EXPONENT_BYTES_MAX,
    SIGNATURE_BYTES_MAX, TENANT_BYTES_MAX, TOKEN_BYTES_MAX, X5C_CERTIFICATES_MAX,
};
use jwksmith_jose::{
    AccessClaims, Algorithm, AnyKey, KeyError, KeySet, Policy, Profile, Refusal, UnixTime, base64url_encode,
    explain, preflight, verify,
};

/// How a limit is shown to hold.
enum Shown {
    /// The answers at the limit and one past it, and the code that is expected of the second.
    Here(&'static str, &'static str, &'static str),
    /// By a test of another file.
    Elsewhere(&'static str),
}

use Shown::{Elsewhere, Here};

/// What stands for no refusal at all.
const ACCEPTED: &str = "accepted";

fn rows() -> Vec<(&'static str, Shown)> {
    let at_and_past =
        |answer: fn(usize) -> &'static str, limit: usize, code| Here(answer(limit), answer(limit + 1), code);
    vec![
        ("TOKEN_BYTES_MAX", at_and_past(token, TOKEN_BYTES_MAX, "token_too_large")),
        ("HEADER_BYTES_MAX", at_and_past(header, HEADER_BYTES_MAX, "token_too_large")),
        ("SIGNATURE_BYTES_MAX", at_and_past(signature, SIGNATURE_BYTES_MAX, "token_too_large")),
        ("KID_BYTES_MAX", at_and_past(key_id, KID_BYTES_MAX, "kid_invalid")),
        ("JSON_DEPTH_MAX", at_and_past(depth, JSON_DEPTH_MAX, "claims_malformed")),
        ("JSON_MEMBERS_MAX", at_and_past(members, JSON_MEMBERS_MAX, "claims_malformed")),
        (
            "JSON_BYTES_MAX",
            Elsewhere("crates/jose/src/json/tests.rs::text_past_its_limit_is_refused_for_its_size"),
        ),
        ("KEY_SET_BYTES_MAX", at_and_past(key_set_bytes, KEY_SET_BYTES_MAX, "key_set_too_large")),
        ("KEYS_MAX", at_and_past(keys, KEYS_MAX, "key_set_too_many_keys")),
        ("RSA_BITS_MIN", Here(modulus(RSA_BITS_MIN), modulus(RSA_BITS_MIN - 1), "jwk_weak")),
        ("RSA_BITS_MAX", at_and_past(modulus, RSA_BITS_MAX, "jwk_weak")),
        ("RSA_EXPONENT_BYTES_MAX", at_and_past(exponent, RSA_EXPONENT_BYTES_MAX, "jwk_weak")),
        ("X5C_CERTIFICATES_MAX", at_and_past(chain, X5C_CERTIFICATES_MAX, "jwk_certificate")),
        ("TENANT_BYTES_MAX", at_and_past(tenant, TENANT_BYTES_MAX, "iss_mismatch")),
        (
            "LEEWAY_SECONDS_MAX",
            Here(leeway(LEEWAY_SECONDS_MAX), leeway(LEEWAY_SECONDS_MAX + 1), "config_leeway_too_large"),
        ),
        (
            "NUMERIC_DATE_SECONDS_MAX",
            Here(expiry(NUMERIC_DATE_SECONDS_MAX), expiry(NUMERIC_DATE_SECONDS_MAX + 1), "claim_type"),
        ),
        (
            "HEADERS_REMEMBERED_MAX",
            Elsewhere("crates/jose/src/headers.rs::header_past_the_number_that_is_kept_is_not_remembered"),
        ),
        (
            "HEADER_REMEMBERED_BYTES_MAX",
            Elsewhere("crates/jose/src/headers.rs::header_past_the_length_that_is_kept_is_not_remembered"),
        ),
        ("KEY_BYTES_MAX", at_and_past(key_bytes, KEY_BYTES_MAX, "key_too_large")),
        ("ASSERTION_BYTES_MAX", at_and_past(assertion_bytes, ASSERTION_BYTES_MAX, "token_too_large")),
        (
            "ASSERTION_LIFETIME_SECONDS_MAX",
            Here(
                assertion_lifetime(ASSERTION_LIFETIME_SECONDS_MAX),
                assertion_lifetime(ASSERTION_LIFETIME_SECONDS_MAX + 1),
                "lifetime_too_long",
            ),
        ),
        (
            "ASSERTION_TEXT_CHARACTERS_MAX",
            at_and_past(assertion_text, ASSERTION_TEXT_CHARACTERS_MAX, "claim_too_long"),
        ),
        ("MEMBERS_TOLD_MAX", Elsewhere("crates/jose/tests/lint.rs::findings_are_bounded")),
        ("MEMBER_TOLD_BYTES_MAX", Elsewhere("crates/jose/tests/lint.rs::findings_are_bounded")),
    ]
}

#[test]
fn limit_holds_at_the_limit_and_one_past_it() {
    for (name, shown) in rows() {
        match shown {
            Here(at, past, code) => {
                assert_eq!((at, past), (ACCEPTED, code), "{name}");
            }
            Elsewhere(place) => assert!(is_shown_at(place, name), "{name} has no test {place}"),
        }
    }
}

#[test]
fn limit_cannot_be_added_without_a_row() {
    let source = include_str!("../src/limits.rs");
    let named: BTreeSet<&str> =
        source.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(':').next()).collect();
    let rows = rows();
    let shown: BTreeSet<&str> = rows.iter().map(|(name, _)| *name).collect();
    assert!(named.len() >= 10, "{named:?}");
    assert_eq!(named, shown);
    assert_eq!(shown.len(), rows.len(), "a limit stands twice");
}

/// Whether the file of `FILE::FUNCTION` has that function as a test, and speaks of the limit.
fn is_shown_at(place: &str, limit: &str) -> bool {
    let (file, function) = place.split_once("::").unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    let source = std::fs::read_to_string(path).unwrap();
    let (before, body) = source.split_once(&format!("fn {function}(")).unwrap_or_default();
    before.trim_end().ends_with("#[test]") && body.split("#[test]").next().unwrap().contains(limit)
}

fn good_keys() -> KeySet {
    KeySet::parse(key_set(&[RSA_A.jwk()]).as_bytes()).unwrap()
}

fn policy() -> Policy {
    Policy::new(ISSUER, AUDIENCE, [Algorithm::RS256]).unwrap()
}

fn answer(token: &str, keys: &KeySet, policy: &Policy) -> &'static str {
    let answer = verify::<AccessClaims>(token, keys, policy, UnixTime::from_seconds(NOW));
    answer.err().as_ref().map_or(ACCEPTED, Refusal::code)
}

/// What becomes of a token of the good key.
fn answer_to(token: &str) -> &'static str {
    answer(token, &good_keys(), &policy())
}

/// A well-signed text of so many bytes, one or two of which may be blanks of the header: no base64url text has a length
/// of 4n + 1.
fn token_of(bytes: usize, header: &str, claims: &str) -> String {
    let signature = signature_of(&RSA_A.token(&[], &[])).len().div_ceil(3) * 4 - 2;
    let fitting = (0..3).find_map(|blanks| {
        let header = format!("{header}{}", " ".repeat(blanks));
        let rest = bytes - base64url_encode(&header).len() - signature - 2;
        (rest % 4 != 1)
            .then(|| sign(&RSA_A.signing, header, format!("{claims:<width$}", width = rest * 3 / 4)))
    });
    let token = fitting.unwrap();
    assert_eq!(token.len(), bytes);
    token
}

fn token(bytes: usize) -> &'static str {
    answer_to(&token_of(bytes, HEADER, CLAIMS))
}

fn header(bytes: usize) -> &'static str {
    answer_to(&sign(&RSA_A.signing, format!("{HEADER:<bytes$}"), CLAIMS))
}

/// No key here makes signatures so long, so a signature within the limit is one that does not fit.
fn signature(bytes: usize) -> &'static str {
    match answer_to(&resigned(&RSA_A.token(&[], &[]), vec![1; bytes])) {
        "signature_invalid" => ACCEPTED,
        code => code,
    }
}

fn key_id(bytes: usize) -> &'static str {
    let text = format!("{:?}", "k".repeat(bytes));
    let published = RSA_A.jwk_with(&[("kid", &text)]);
    let keys = KeySet::parse(key_set(&[published, RSA_B.jwk()]).as_bytes()).unwrap();
    answer(&RSA_A.token(&[("kid", &text)], &[]), &keys, &policy())
}

fn tenant(bytes: usize) -> &'static str {
    let policy = Policy::new("https://{tenant}.example/", AUDIENCE, [Algorithm::RS256]).unwrap();
    let (name, policy) = ("t".repeat(bytes), policy.issuer_template("tid").unwrap());
    let (iss, tid) = (format!("\"https://{name}.example/\""), format!("\"{name}\""));
    answer(&RSA_A.token(&[], &[("iss", &iss), ("tid", &tid)]), &good_keys(), &policy)
}

/// The claims themselves are the first level.
fn depth(levels: usize) -> &'static str {
    let nested = format!("{}{}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    answer_to(&RSA_A.token(&[], &[("x", &nested)]))
}

fn members(count: usize) -> &'static str {
    let members: Vec<String> = (0..count).map(|n| format!("\"m{n}\":0")).collect();
    answer_to(&RSA_A.token(&[], &[("x", &format!("{{{}}}", members.join(",")))]))
}

/// What becomes of a good token with these keys, or of the keys.
fn answer_with(set: &str) -> &'static str {
    match KeySet::parse(set.as_bytes()) {
        Ok(keys) => answer(&RSA_A.token(&[], &[]), &keys, &policy()),
        Err(error) => error.code(),
    }
}

fn key_set_bytes(bytes: usize) -> &'static str {
    let set = key_set(&[RSA_A.jwk()]);
    answer_with(&format!("{set}{}", " ".repeat(bytes - set.len())))
}

fn keys(count: usize) -> &'static str {
    let mut elements = vec!["{}".to_owned(); count - 1];
    elements.push(RSA_A.jwk());
    answer_with(&key_set(&elements))
}

/// Whether a key is used, or the reason to skip it.
fn usable(jwk: String) -> &'static str {
    let keys = KeySet::parse(key_set(&[jwk, RSA_B.jwk()]).as_bytes()).unwrap();
    keys.skipped().first().map_or(ACCEPTED, |skipped| skipped.reason.code())
}

/// A number of exactly so many bits, all of them ones.
fn ones(bits: usize) -> Vec<u8> {
    let mut number = vec![0xff; bits.div_ceil(8)];
    number[0] >>= number.len() * 8 - bits;
    number
}

fn modulus(bits: usize) -> &'static str {
    usable(RSA_A.jwk_with(&[("n", &format!("{:?}", base64url_encode(ones(bits))))]))
}

fn exponent(bytes: usize) -> &'static str {
    usable(
        RSA_A
            .jwk_with(&[("e", &format!("{:?}", base64url_encode([&[1], &vec![1; bytes - 1][..]].concat())))]),
    )
}

fn chain(certificates: usize) -> &'static str {
    let one = format!("{:?}", STANDARD.encode(certificate(&RSA_A)));
    usable(RSA_A.jwk_with(&[("x5c", &format!("[{}]", vec![one; certificates].join(",")))]))
}

/// A single key in a file of its own, with blanks behind it.
fn key_bytes(bytes: usize) -> &'static str {
    let jwk = RSA_A.jwk();
    let text = format!("{jwk}{}", " ".repeat(bytes - jwk.len()));
    AnyKey::read(text.as_bytes()).err().as_ref().map_or(ACCEPTED, KeyError::code)
}

fn leeway(seconds: u64) -> &'static str {
    policy().leeway(seconds).map_or_else(|error| error.code(), |_| ACCEPTED)
}

fn expiry(seconds: u64) -> &'static str {
    answer_to(&RSA_A.token(&[], &[("exp", &seconds.to_string())]))
}

/// A good assertion of a client that is named "client-1", with claims changed.
fn assertion(changes: &[(&str, &str)]) -> String {
    let own =
        r#"{"iss":"client-1","sub":"client-1","aud":"https://tenant.example/","jti":"j","exp":1800000060}"#;
    with(own, changes)
}

fn answer_to_assertion(token: &str) -> &'static str {
    let policy = Policy::new("client-1", ISSUER, [Algorithm::RS256]).unwrap();
    answer(token, &good_keys(), &policy.profile(Profile::ClientAssertion).unwrap().leeway(0).unwrap())
}

const ASSERTION_HEADER: &str = r#"{"alg":"RS256","kid":"rsa-a"}"#;

fn assertion_bytes(bytes: usize) -> &'static str {
    answer_to_assertion(&token_of(bytes, ASSERTION_HEADER, &assertion(&[])))
}

fn assertion_lifetime(seconds: u64) -> &'static str {
    let expiry = (NOW + seconds).to_string();
    answer_to_assertion(&sign(&RSA_A.signing, ASSERTION_HEADER, assertion(&[("exp", &expiry)])))
}

fn assertion_text(characters: usize) -> &'static str {
    let text = format!("{:?}", "é".repeat(characters));
    answer_to_assertion(&sign(&RSA_A.signing, ASSERTION_HEADER, assertion(&[("jti", &text)])))
}

/// Eight megabytes, of what makes a careless reader work hardest.
const HUGE_BYTES: usize = 8_000_000;

fn huge(unit: &str) -> String {
    unit.repeat(HUGE_BYTES / unit.len())
}

#[test]
fn huge_token_is_refused_for_its_size_alone() {
    let good = RSA_A.token(&[], &[]);
    let (head, signature) = good.rsplit_once('.').unwrap();
    let now = UnixTime::from_seconds(NOW);
    // Each has other faults, which a reader that went on would name.
    for unit in [".", "A", "a.", "=", "\"", "é", "\0", "{\"a\":", "eyJhbGciOiJub25lIn0."] {
        let huge = huge(unit);
        for token in [
            huge.clone(),
            format!("{huge}.{head}.{signature}"),
            format!("{head}.{huge}"),
            format!("{good}{huge}"),
        ] {
            assert_eq!(answer_to(&token), "token_too_large", "{unit:?}");
            let refusals = [
                decode_unverified(&token).err(),
                preflight(&token, &policy(), now).err(),
                explain(&token, &good_keys(), &policy(), now).refusal().cloned(),
            ];
            for refusal in refusals.map(Option::unwrap) {
                assert_eq!(refusal.code(), "token_too_large", "{unit:?}");
                assert!(refusal.to_string().len() < 200, "{unit:?}");
            }
        }
    }
}

#[test]
fn huge_key_set_is_refused_for_its_size_alone() {
    let good = key_set(&[RSA_A.jwk()]);
    for unit in ["[", "{\"a\":", "{},", "\"", "\\", "0", "é", "\u{feff}", " ", "{\"keys\":["] {
        for set in [huge(unit), format!("{good}{}", huge(unit)), format!("{}{good}", huge(unit))] {
            let error = KeySet::parse(set.as_bytes()).unwrap_err();
            assert_eq!(error.code(), "key_set_too_large", "{unit:?}");
            assert!(error.to_string().len() < 200, "{unit:?}");
        }
    }
    let no_utf8 = KeySet::parse_local(&vec![0xff; HUGE_BYTES]).unwrap_err();
    assert_eq!(no_utf8.code(), "key_set_too_large");
}
