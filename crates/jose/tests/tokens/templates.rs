//! Issuers of many tenants: what an `iss` must be, what must agree with it, and which key may have signed it.

use std::sync::LazyLock;

use jwksmith_jose::limits::TENANT_BYTES_MAX;
use jwksmith_jose::{Algorithm, KeySet, Memory, Policy, PolicyError, Profile, PublishedKey, danger};

use super::common::{AUDIENCE, ED25519, P256, P384, RSA_A, RSA_B, TestKey, key_set};
use super::{Case, accepted, check, refused};

/// Every table of this module.
pub(crate) const TABLES: &[fn() -> Vec<Case>] = &[issuers, tenants, hosts, keys];

const ISSUER: &str = "https://login.example/{tenantid}/v2.0";
const ONE: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const TWO: &str = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";

fn policy(issuer: &str) -> Result<Policy, PolicyError> {
    let policy = Policy::new(issuer, AUDIENCE, Algorithm::asymmetric()).unwrap().leeway(0).unwrap();
    policy.issuer_template("tid")
}

/// A key for all tenants, one for each of two, one of another issuer's, one that says nothing and one that says nonsense.
static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let bound = |key: &TestKey, issuer: &str| key.jwk_with(&[("issuer", issuer)]);
    let of = |tenant: &str| format!("\"https://login.example/{tenant}/v2.0\"");
    KeySet::parse(
        key_set(&[
            bound(&RSA_A, &of("{tenantid}")),
            bound(&RSA_B, &of(ONE)),
            bound(&P256, "\"https://other.example/{tenantid}/v2.0\""),
            P384.jwk(),
            bound(&ED25519, &format!("[{}]", of(ONE))),
        ])
        .as_bytes(),
    )
    .unwrap()
});

/// A token of the key with this `iss` and this `tid`, both raw; an empty one is left out.
fn token(key: &TestKey, iss: &str, tid: &str) -> String {
    key.token(&[], &[("iss", iss), ("tid", tid)])
}

/// The rows under one policy: what the token's `iss` and `tid` are, raw, and the code.
fn rows(key: &TestKey, policy: &Policy, rows: &[(&str, &str, &str, Option<&'static str>)]) -> Vec<Case> {
    let row = |(what, iss, tid, code): &(&str, &str, &str, Option<&'static str>)| {
        let token = token(key, iss, tid);
        let case = code.map_or_else(|| accepted(*what, &token), |code| refused(code, *what, &token));
        case.keys(&KEYS).policy(policy.clone())
    };
    rows.iter().map(row).collect()
}

fn issuers() -> Vec<Case> {
    let policy = policy(ISSUER).unwrap();
    let (longest, longer) = ("a".repeat(TENANT_BYTES_MAX), "a".repeat(TENANT_BYTES_MAX + 1));
    let named = |tenant: &str, code| {
        let (iss, tid) = (format!("\"https://login.example/{tenant}/v2.0\""), format!("\"{tenant}\""));
        rows(&RSA_A, &policy, &[(tenant, &iss, &tid, code)])
    };
    let good = [ONE, TWO, "a", "A", "0", "-", "_", "...", ".a", "a.b_c-d", &longest];
    let bad = [
        "",
        ".",
        "..",
        &longer,
        "{tenantid}",
        "%61",
        "a%2fb",
        "a/b",
        "a//",
        "a/",
        "/a",
        "a?",
        "a#",
        "a:b",
        "a@b",
        "a;b",
        "a b",
        " a",
        "a\\n",
        "a\\u0000",
        "\u{e9}",
        "a\u{301}",
        "\u{ff41}",
        "*",
        "a+b",
        "a~b",
        "a\\\\b",
        "a\\\"b",
    ];
    let good = good.iter().flat_map(|tenant| named(tenant, None));
    let bad = bad.iter().flat_map(|tenant| named(tenant, Some("iss_mismatch")));
    let (one, mismatch) = (format!("\"{ONE}\""), Some("iss_mismatch"));
    let url = |before: &str, behind: &str| format!("\"{before}{ONE}{behind}\"");
    let others = [
        ("no slash", url("https://login.example", "/v2.0")),
        ("one more at its end", url("https://login.example/", "/v2.0/")),
        ("one less at its end", url("https://login.example/", "/v2.")),
        ("another version", url("https://login.example/", "/v1.0")),
        ("another scheme", url("http://login.example/", "/v2.0")),
        ("another host", url("https://login.example.evil/", "/v2.0")),
        ("another host before it", url("https://evil/https://login.example/", "/v2.0")),
        ("a port", url("https://login.example:443/", "/v2.0")),
        ("upper case in the host", url("https://LOGIN.example/", "/v2.0")),
        ("both ends at once", "\"https://login.example/v2.0\"".to_owned()),
        ("the name alone", one.clone()),
        ("an empty text", "\"\"".to_owned()),
    ];
    let others = others.iter().flat_map(|(what, iss)| rows(&RSA_A, &policy, &[(what, iss, &one, mismatch)]));
    good.chain(bad).chain(others).collect()
}

fn tenants() -> Vec<Case> {
    let policy = policy(ISSUER).unwrap();
    let listed = policy.clone().tenants([TWO, "a"]).unwrap();
    let [iss, escaped] =
        ["/", "\\/"].map(|slash| format!("\"https:{slash}{slash}login.example/{ONE}/v2.0\""));
    let (one, two) = (format!("\"{ONE}\""), format!("\"{TWO}\""));
    let (upper, list) = (one.to_uppercase(), format!("[{one}]"));
    let iss_of_two = iss.replace(ONE, TWO);
    let mismatch = Some("claim_mismatch");
    let any = rows(
        &RSA_A,
        &policy,
        &[
            ("the same", &iss, &one, None),
            ("the same, escaped", &escaped, &one.replace('-', "\\u002d"), None),
            ("no issuer", "", &one, Some("claim_missing")),
            ("no tenant", &iss, "", Some("claim_missing")),
            ("another tenant", &iss, &two, mismatch),
            ("the same in upper case", &iss, &upper, mismatch),
            ("an empty tenant", &iss, "\"\"", mismatch),
            ("no text", &iss, "null", mismatch),
            ("a list", &iss, &list, mismatch),
            ("the placeholder", &iss, "\"{tenantid}\"", mismatch),
        ],
    );
    let some = rows(
        &RSA_A,
        &listed,
        &[
            ("one that is listed", &iss_of_two, &two, None),
            ("one that is not listed", &iss, &one, mismatch),
            ("one that is not listed, and another", &iss, &two, mismatch),
            ("a name that another begins with", "\"https://login.example/aa/v2.0\"", "\"aa\"", mismatch),
        ],
    );
    any.into_iter().chain(some).collect()
}

fn hosts() -> Vec<Case> {
    let policy = policy("https://{tenant}.login.example/").unwrap();
    let mismatch = Some("iss_mismatch");
    // This key says nothing of an issuer.
    rows(
        &P384,
        &policy,
        &[
            ("a label", "\"https://one.login.example/\"", "\"one\"", None),
            ("two labels", "\"https://one.two.login.example/\"", "\"one.two\"", mismatch),
            ("a dot", "\"https://..login.example/\"", "\".\"", mismatch),
            ("none", "\"https://login.example/\"", "\"\"", mismatch),
            ("user information", "\"https://a@one.login.example/\"", "\"a@one\"", mismatch),
        ],
    )
}

fn keys() -> Vec<Case> {
    let template = policy(ISSUER).unwrap();
    let plain =
        Policy::new(format!("https://login.example/{ONE}/v2.0"), AUDIENCE, Algorithm::asymmetric()).unwrap();
    let mismatch = Some("key_issuer_mismatch");
    let of = |key: &TestKey, tenant: &str| {
        token(key, &format!("\"https://login.example/{tenant}/v2.0\""), &format!("\"{tenant}\""))
    };
    let rows = [
        ("a key for all", of(&RSA_A, TWO), &template, None),
        ("a key for this one", of(&RSA_B, ONE), &template, None),
        ("a key for another", of(&RSA_B, TWO), &template, mismatch),
        ("a key for another, upper case", of(&RSA_B, &ONE.to_uppercase()), &template, mismatch),
        ("a key for another issuer", of(&P256, ONE), &template, mismatch),
        ("a key for whom it may concern", of(&P384, ONE), &template, None),
        ("a key for nobody", of(&ED25519, ONE), &template, mismatch),
        ("a key for another, of one who does not ask", of(&P256, ONE), &plain, None),
        ("a key for nobody, of one who does not ask", of(&ED25519, ONE), &plain, None),
    ];
    rows.into_iter()
        .map(|(what, token, policy, code)| {
            let case = code.map_or_else(|| accepted(what, &token), |code| refused(code, what, &token));
            case.keys(&KEYS).policy(policy.clone())
        })
        .collect()
}

/// Policies that cannot be meant, with their codes.
pub(crate) fn refused_policies() -> Vec<(Result<Policy, PolicyError>, &'static str)> {
    let template = "config_issuer_template";
    let malformed = "config_value_malformed";
    let of = || policy(ISSUER).unwrap();
    let in_host = || policy("https://{t}.example/").unwrap();
    let new = |issuer: &str| Policy::new(issuer, AUDIENCE, Algorithm::asymmetric()).unwrap();
    let of_client = new(ISSUER).profile(Profile::ClientAssertion).unwrap();
    let longer = "a".repeat(TENANT_BYTES_MAX + 1);
    let issuers = [
        "https://login.example/",
        "{t}",
        "{t}://login.example/",
        "https:{t}//login.example/",
        "https:/{t}/login.example/",
        "https://login.example/{}/",
        "https://login.example/{t",
        "https://login.example/t}",
        "https://login.example/}t{",
        "https://login.example/{{t}}/",
        "https://login.example/{t}/{t}",
        "https://{t}.login.example/{u}",
        "https://{t}",
        "https://{t}/",
        "https://{t}:443/",
        "https://{t}./",
        "https://login.{t}/",
        "https://login.{t}:443/",
        "https://login-{t}.example/",
        "https://{t}-login.example/",
        "https://{t}@login.example/",
        "https://{t}.a@login.example/",
        "https://a@{t}.example/",
        "https://a@b.{t}.example/",
        "https://login.example:{t}/",
        "https://login.example?{t}",
        "https://login.example/?t={t}",
        "https://login.example/#{t}",
    ];
    let issuers = issuers.into_iter().map(|issuer| (policy(issuer), template));
    let others = [
        (new(ISSUER).issuer_template(""), malformed),
        (new(ISSUER).tenants([ONE]), template),
        (of().tenants([""; 0]), malformed),
        (of().tenants([""]), malformed),
        (of().tenants([ONE, ".."]), malformed),
        (of().tenants(["{tenantid}"]), malformed),
        (of().tenants([longer]), malformed),
        (in_host().tenants(["a.b"]), malformed),
        (of().profile(Profile::ClientAssertion), "config_setting_of_other_profile"),
        (of_client.issuer_template("tid"), "config_setting_of_other_profile"),
    ];
    issuers.chain(others).collect()
}

#[test]
fn token_beside_its_tenant_is_refused() {
    check(&issuers());
    check(&tenants());
    check(&hosts());
}

#[test]
fn token_of_another_tenants_key_is_refused() {
    check(&keys());
}

/// Whoever chooses a policy by the unverified issuer never loses a token that the policy accepts.
#[test]
fn issuer_of_an_accepted_token_matches_its_policy() {
    let mut memory = Memory::new();
    for case in TABLES.iter().flat_map(|table| table()) {
        let found = danger::issuer(&case.token, &mut memory);
        let is_matched = found.as_ref().is_ok_and(|issuer| case.policy.issuer_matches(issuer));
        match case.expected {
            None | Some("key_issuer_mismatch") => assert!(is_matched, "{}", case.what),
            Some("iss_mismatch") => assert!(!is_matched, "{}", case.what),
            Some(_) => {}
        }
    }
}

#[test]
fn issuer_matches_as_the_policy_says() {
    let plain = Policy::new(ISSUER, AUDIENCE, [Algorithm::RS256]).unwrap();
    let any = policy(ISSUER).unwrap();
    let listed = policy(ISSUER).unwrap().tenants([ONE]).unwrap();
    let of = |tenant: &str| format!("https://login.example/{tenant}/v2.0");
    for (tenant, expected) in [
        ("{tenantid}", [true, false, false]),
        (ONE, [false, true, true]),
        (TWO, [false, true, false]),
        ("", [false; 3]),
    ] {
        let matches = [&plain, &any, &listed].map(|policy| policy.issuer_matches(&of(tenant)));
        assert_eq!(matches, expected, "{tenant}");
    }
    assert_eq!([&plain, &any].map(Policy::issuer), [ISSUER, ISSUER]);
}

#[test]
fn key_tells_its_issuer_as_it_is_published() {
    let issuers: Vec<_> = KEYS.keys().iter().map(PublishedKey::issuer).collect();
    let bound = format!("https://login.example/{ONE}/v2.0");
    let other = "https://other.example/{tenantid}/v2.0";
    assert_eq!(issuers, [Some(ISSUER), Some(&bound), Some(other), None, Some("an array of strings")]);
}
