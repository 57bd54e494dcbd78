//! The kinds of token and what each demands: OpenID Connect Core §3.1.3.7, OpenID Connect Back-Channel Logout §2.6,
//! RFC 7523 §3, RFC 9068 §4, and Auth0's dialects.

use jwksmith_jose::limits::{
    ASSERTION_BYTES_MAX, ASSERTION_LIFETIME_SECONDS_MAX, ASSERTION_TEXT_CHARACTERS_MAX,
};
use jwksmith_jose::{Algorithm, Policy, PolicyError, Profile};

use super::common::{AUDIENCE, HEADER, ISSUER, NOW, RSA_A, sign, with};
use super::{Case, accepted, check, refused};

/// Every table of this module.
pub(crate) const TABLES: &[fn() -> Vec<Case>] = &[
    auth0_tokens,
    rfc9068_tokens,
    id_tokens,
    id_token_demands,
    logout_tokens,
    assertions,
    demands,
    other_kinds,
];

const CLIENT: &str = "client-1";

fn policy(profile: Profile) -> Policy {
    let (issuer, audience) = match profile {
        Profile::IdToken | Profile::LogoutToken => (ISSUER, CLIENT),
        Profile::ClientAssertion => (CLIENT, ISSUER),
        _ => (ISSUER, AUDIENCE),
    };
    let policy = Policy::new(issuer, audience, [Algorithm::RS256]).unwrap();
    policy.profile(profile).unwrap().leeway(0).unwrap()
}

/// A good token of the kind.
fn claims(profile: Profile) -> String {
    let common = r#""exp":1800000120,"iat":1799999940"#;
    let own = match profile {
        Profile::Auth0AccessToken => {
            r#""iss":"https://tenant.example/","sub":"auth0|1","aud":"https://api.example/","azp":"client-1","gty":"x""#
        }
        Profile::IdToken => r#""iss":"https://tenant.example/","sub":"auth0|1","aud":"client-1""#,
        Profile::LogoutToken => {
            r#""iss":"https://tenant.example/","aud":"client-1","sub":"auth0|1","sid":"s","jti":"j",
               "events":{"http://schemas.openid.net/event/backchannel-logout":{}}"#
        }
        Profile::ClientAssertion => {
            r#""iss":"client-1","sub":"client-1","aud":"https://tenant.example/","jti":"j""#
        }
        _ => {
            r#""iss":"https://tenant.example/","sub":"auth0|1","aud":"https://api.example/","client_id":"c","jti":"j""#
        }
    };
    format!("{{{own},{common}}}")
}

fn token_type(profile: Profile) -> &'static str {
    match profile {
        Profile::Rfc9068AccessToken | Profile::AccessToken => "\"at+jwt\"",
        Profile::LogoutToken => "\"logout+jwt\"",
        _ => "\"JWT\"",
    }
}

/// A token of the kind with its `typ` and its claims changed.
fn token(profile: Profile, typ: &str, changes: &[(&str, &str)]) -> String {
    sign(&RSA_A.signing, with(HEADER, &[("typ", typ)]), with(&claims(profile), changes))
}

/// Rows about one kind of token.
struct Rows(Profile, Policy, Vec<Case>);

impl Rows {
    fn of(profile: Profile) -> Self {
        let rows = Self(profile, policy(profile), Vec::new());
        rows.good("as it should be", &[])
    }

    fn under(self, policy: Policy) -> Self {
        Self(self.0, policy, self.2)
    }

    fn good(self, what: &str, changes: &[(&str, &str)]) -> Self {
        let case = accepted(what, token(self.0, token_type(self.0), changes));
        self.row(case)
    }

    fn bad(self, code: &'static str, what: &str, changes: &[(&str, &str)]) -> Self {
        let case = refused(code, what, token(self.0, token_type(self.0), changes));
        self.row(case)
    }

    fn typ(self, code: Option<&'static str>, typ: &str) -> Self {
        let text = token(self.0, typ, &[]);
        let what = format!("typ {typ}");
        let case = match code {
            Some(code) => refused(code, what, text),
            None => accepted(what, text),
        };
        self.row(case)
    }

    fn at(mut self, now: u64) -> Self {
        self.2 = self.2.into_iter().map(|case| case.at(now)).collect();
        self
    }

    fn row(mut self, case: Case) -> Self {
        let Case { what, .. } = &case;
        let what = format!("{}: {what}", self.0);
        self.2.push(Case { what, ..case.policy(self.1.clone()) });
        self
    }
}

fn missing<const N: usize>(mut rows: Rows, claims: [&str; N]) -> Rows {
    for claim in claims {
        rows = rows.bad("claim_missing", &format!("without {claim}"), &[(claim, "")]);
    }
    rows
}

fn auth0_tokens() -> Vec<Case> {
    let rows = Rows::of(Profile::Auth0AccessToken)
        .typ(None, "\"at+jwt\"")
        .typ(None, "\"application/at+jwt\"")
        .typ(Some("typ_mismatch"), "")
        .typ(Some("typ_mismatch"), "\"id_token\"")
        .typ(Some("typ_mismatch"), "\"logout+jwt\"")
        .good("of the RFC 9068 dialect", &[("azp", ""), ("client_id", "\"c\"")])
        .bad("claim_missing", "of nobody", &[("azp", "")])
        .bad("claim_forbidden", "an ID token's nonce", &[("nonce", "\"n\"")])
        .bad("claim_forbidden", "an ID token's at_hash", &[("at_hash", "\"n\"")])
        .bad("claim_forbidden", "a logout token's events", &[("events", "{}")])
        .under(policy(Profile::Auth0AccessToken).organization("org_1").unwrap())
        .good("of the organization", &[("org_id", "\"org_1\"")])
        .bad("claim_mismatch", "of another organization", &[("org_id", "\"org_2\"")])
        .bad("claim_missing", "of no organization", &[]);
    missing(rows, ["iss", "sub", "aud", "exp", "iat"]).2
}

fn rfc9068_tokens() -> Vec<Case> {
    let rows = Rows::of(Profile::Rfc9068AccessToken)
        .typ(None, "\"AT+JWT\"")
        .typ(None, "\"application/at+jwt\"")
        .typ(Some("typ_mismatch"), "")
        .typ(Some("typ_mismatch"), "\"JWT\"")
        .typ(Some("typ_mismatch"), "\"at+jwt \"")
        .typ(Some("typ_mismatch"), "\"application/application/at+jwt\"");
    missing(rows, ["iss", "sub", "aud", "exp", "iat", "client_id", "jti"]).2
}

fn id_tokens() -> Vec<Case> {
    let rows = Rows::of(Profile::IdToken)
        .typ(None, "")
        .typ(Some("typ_mismatch"), "\"at+jwt\"")
        .typ(Some("typ_mismatch"), "\"logout+jwt\"")
        .bad("claim_empty", "of nobody", &[("sub", "\"\"")])
        .bad("claim_type", "of a number", &[("sub", "1")])
        .bad("aud_mismatch", "for an API", &[("aud", "\"https://api.example/\"")])
        .bad("claim_forbidden", "with events", &[("events", "{}")])
        .good("for the client", &[("azp", "\"client-1\"")])
        .bad("claim_mismatch", "for another client", &[("azp", "\"client-2\"")])
        .bad("claim_type", "for a number", &[("azp", "1")])
        .bad("claim_missing", "for two, and nobody's", &[("aud", "[\"client-1\",\"other\"]")])
        .good("for two", &[("aud", "[\"client-1\",\"other\"]"), ("azp", "\"client-1\"")])
        .bad("claim_mismatch", "for two", &[("aud", "[\"client-1\",\"other\"]"), ("azp", "\"other\"")])
        .good("with a nonce that nobody asks for", &[("nonce", "\"n\"")]);
    missing(rows, ["iss", "sub", "aud", "exp", "iat"]).2
}

fn id_token_demands() -> Vec<Case> {
    let nonce = policy(Profile::IdToken).nonce("n-1").unwrap();
    let id = policy(Profile::IdToken).organization("org_1").unwrap();
    let name = policy(Profile::IdToken).organization("ACME").unwrap();
    let age = policy(Profile::IdToken).max_age(60).unwrap();
    Rows(Profile::IdToken, nonce, Vec::new())
        .good("the nonce", &[("nonce", "\"n-1\"")])
        .good("the nonce, escaped", &[("nonce", "\"n\\u002d1\"")])
        .bad("claim_missing", "no nonce", &[])
        .bad("claim_mismatch", "another nonce", &[("nonce", "\"n-2\"")])
        .bad("claim_mismatch", "a longer nonce", &[("nonce", "\"n-1 \"")])
        .bad("claim_mismatch", "an empty nonce", &[("nonce", "\"\"")])
        .bad("claim_type", "nonces", &[("nonce", "[\"n-1\"]")])
        .under(id)
        .good("the organization", &[("org_id", "\"org_1\"")])
        .bad("claim_mismatch", "another organization", &[("org_id", "\"org_2\"")])
        .bad("claim_missing", "the organization's name only", &[("org_name", "\"org_1\"")])
        .under(name)
        .good("the organization's name", &[("org_name", "\"acme\"")])
        .bad("claim_mismatch", "another name", &[("org_name", "\"acme2\"")])
        .bad("claim_missing", "no name", &[("org_id", "\"acme\"")])
        .under(age)
        .good("a young login", &[("auth_time", "1800000000")])
        .good("a login at the limit", &[("auth_time", "1799999940")])
        .bad("auth_time_too_old", "a login one second past it", &[("auth_time", "1799999939")])
        .bad("auth_time_too_old", "a login half a second past it", &[("auth_time", "1799999939.5")])
        .bad("claim_missing", "no login", &[])
        .bad("claim_type", "a login in words", &[("auth_time", "\"1800000000\"")])
        .2
}

fn logout_tokens() -> Vec<Case> {
    let event =
        |content: &str| format!("{{\"http://schemas.openid.net/event/backchannel-logout\":{content}}}");
    let other = "{\"http://schemas.openid.net/event/other\":{}}";
    let rows = Rows::of(Profile::LogoutToken)
        .typ(None, "")
        .typ(None, "\"JWT\"")
        .typ(Some("typ_mismatch"), "\"at+jwt\"")
        .good("of a subject", &[("sid", "")])
        .good("of a session", &[("sub", "")])
        .bad("claim_missing", "of nothing", &[("sub", ""), ("sid", "")])
        .bad("claim_forbidden", "with a nonce", &[("nonce", "\"n\"")])
        .good("an event with content", &[("events", &event("{\"x\":1}"))])
        .bad("event_missing", "an event that is text", &[("events", &event("\"x\""))])
        .bad("event_missing", "an event that is null", &[("events", &event("null"))])
        .bad("event_missing", "another event", &[("events", other)])
        .bad("event_missing", "events that are a list", &[("events", "[\"backchannel-logout\"]")])
        .bad("event_missing", "no events", &[("events", "{}")]);
    missing(rows, ["iss", "aud", "exp", "iat", "jti", "events"]).2
}

fn assertions() -> Vec<Case> {
    let until = |seconds: u64| (NOW + seconds).to_string();
    let (at_limit, past_it) =
        (until(ASSERTION_LIFETIME_SECONDS_MAX), until(ASSERTION_LIFETIME_SECONDS_MAX + 1));
    let text = |characters: usize| format!("\"{}\"", "é".repeat(characters));
    let rows = Rows::of(Profile::ClientAssertion)
        .typ(None, "")
        .typ(None, "\"client-authentication+jwt\"")
        .typ(Some("typ_mismatch"), "\"at+jwt\"")
        .good("one audience in a list", &[("aud", "[\"https://tenant.example/\"]")])
        .bad(
            "aud_not_sole",
            "two audiences",
            &[("aud", "[\"https://tenant.example/\",\"https://evil.example/\"]")],
        )
        .bad(
            "aud_not_sole",
            "one twice",
            &[("aud", "[\"https://tenant.example/\",\"https://tenant.example/\"]")],
        )
        .bad("aud_mismatch", "without the slash", &[("aud", "\"https://tenant.example\"")])
        .bad("claim_mismatch", "of another subject", &[("sub", "\"client-2\"")])
        .bad("iss_mismatch", "of another client", &[("iss", "\"client-2\""), ("sub", "\"client-2\"")])
        .good("a lifetime at the limit", &[("exp", &at_limit)])
        .bad("lifetime_too_long", "a lifetime one past it", &[("exp", &past_it)])
        .good("a jti at the limit", &[("jti", &text(ASSERTION_TEXT_CHARACTERS_MAX))])
        .bad("claim_too_long", "a jti one past it", &[("jti", &text(ASSERTION_TEXT_CHARACTERS_MAX + 1))])
        .bad("claim_empty", "an empty jti", &[("jti", "\"\"")]);
    let mut cases = missing(rows, ["iss", "sub", "aud", "exp", "jti"]).2;
    for (bytes, code) in [(ASSERTION_BYTES_MAX, None), (ASSERTION_BYTES_MAX + 1, Some("token_too_large"))] {
        let policy = policy(Profile::ClientAssertion);
        let what = format!("an assertion of {bytes} bytes");
        cases.push(Case { expected: code, ..accepted(what, assertion_of(bytes)) }.policy(policy));
    }
    // The profile's own leeway, which is shorter than that of the others.
    let own =
        Policy::new(CLIENT, ISSUER, [Algorithm::RS256]).unwrap().profile(Profile::ClientAssertion).unwrap();
    let early = [("iat", "1800000010")];
    let late = [("iat", "1800000011")];
    let leeway = Rows(Profile::ClientAssertion, own, Vec::new()).good("issued at the leeway", &early).bad(
        "token_not_yet_valid",
        "issued past the leeway",
        &late,
    );
    cases.extend(leeway.at(NOW).2);
    cases
}

/// A good assertion of exactly so many bytes.
fn assertion_of(bytes: usize) -> String {
    let fitting = (0..3).find_map(|spaces| {
        let header = format!("{}{}", with(HEADER, &[("typ", "")]), " ".repeat(spaces));
        let claims = claims(Profile::ClientAssertion);
        let longest = (claims.len()..bytes).rev().find_map(|width| {
            let token = sign(&RSA_A.signing, &header, format!("{claims:<width$}"));
            (token.len() <= bytes).then_some(token)
        });
        longest.filter(|token| token.len() == bytes)
    });
    fitting.unwrap()
}

fn demands() -> Vec<Case> {
    let scopes = policy(Profile::AccessToken).scope("read:a").unwrap().scope("write:a").unwrap();
    let tenant = policy(Profile::AccessToken).claim("tenant", "one").unwrap();
    Rows(Profile::AccessToken, scopes, Vec::new())
        .good("both scopes", &[("scope", "\"read:a x write:a\"")])
        .good("both permissions", &[("permissions", "[\"write:a\",\"read:a\"]")])
        .good("one of each", &[("scope", "\"read:a\""), ("permissions", "[\"write:a\"]")])
        .bad("scope_missing", "no scope", &[])
        .bad("scope_missing", "one scope", &[("scope", "\"read:a\"")])
        .bad("scope_missing", "a longer scope", &[("scope", "\"read:a write:ab\"")])
        .bad("scope_missing", "other spaces", &[("scope", "\"read:a\\twrite:a\"")])
        .bad("scope_missing", "a permission of two", &[("permissions", "[\"read:a write:a\"]")])
        .bad("claim_type", "scopes in a list", &[("scope", "[\"read:a\",\"write:a\"]")])
        .under(tenant)
        .good("the demanded claim", &[("tenant", "\"one\"")])
        .bad("claim_missing", "no demanded claim", &[])
        .bad("claim_mismatch", "another value", &[("tenant", "\"two\"")])
        .bad("claim_mismatch", "values in a list", &[("tenant", "[\"one\"]")])
        .bad("claim_mismatch", "nothing", &[("tenant", "null")])
        .2
}

/// Each good token under the policy of each other kind, as far as the kinds exclude each other. An access token of Auth0
/// and an ID token have nothing apart but their audience, a client assertion and an ID token nothing but their issuer.
fn other_kinds() -> Vec<Case> {
    use Profile::{Auth0AccessToken, ClientAssertion, IdToken, LogoutToken, Rfc9068AccessToken};
    let apart = [
        (IdToken, Auth0AccessToken),
        (IdToken, Rfc9068AccessToken),
        (IdToken, LogoutToken),
        (IdToken, ClientAssertion),
        (Rfc9068AccessToken, IdToken),
        (LogoutToken, IdToken),
        (LogoutToken, Auth0AccessToken),
        (LogoutToken, Rfc9068AccessToken),
        (ClientAssertion, Rfc9068AccessToken),
    ];
    let confused = apart.map(|(is, expected)| {
        // With issuer and audience as expected, so that nothing but the kind is wrong.
        let good = claims(expected);
        let fit = ["iss", "aud"].map(|name| (name, format!("{:?}", super::common::member(&good, name))));
        let fit: Vec<_> = fit.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let case = accepted(format!("{is} as {expected}"), token(is, token_type(is), &fit));
        let case = case.policy(policy(expected));
        let code = case.refusal().map(|refusal| refusal.code());
        let is_of_kind = matches!(
            code,
            Some("typ_mismatch" | "claim_missing" | "claim_forbidden" | "claim_mismatch" | "event_missing")
        );
        assert!(is_of_kind, "{}: {code:?}", case.what);
        Case { expected: code, ..case }
    });
    confused.into()
}

/// Policies that cannot be meant, with their codes.
pub(crate) fn refused_policies() -> Vec<(Result<Policy, PolicyError>, &'static str)> {
    let of = |profile| policy(profile);
    let hmac = Policy::new(CLIENT, ISSUER, [Algorithm::HS256]).unwrap();
    let other = "config_setting_of_other_profile";
    let malformed = "config_value_malformed";
    vec![
        (of(Profile::AccessToken).nonce("n"), other),
        (of(Profile::Rfc9068AccessToken).nonce("n"), other),
        (of(Profile::LogoutToken).nonce("n"), other),
        (of(Profile::AccessToken).max_age(1), other),
        (of(Profile::AccessToken).organization("org_1"), other),
        (of(Profile::ClientAssertion).organization("org_1"), other),
        (of(Profile::IdToken).scope("a"), other),
        (of(Profile::IdToken).nonce("n").unwrap().profile(Profile::AccessToken), other),
        (of(Profile::AccessToken).scope("a").unwrap().profile(Profile::LogoutToken), other),
        (hmac.profile(Profile::ClientAssertion), "config_alg_of_other_profile"),
        (of(Profile::AccessToken).scope(""), malformed),
        (of(Profile::AccessToken).scope("a b"), malformed),
        (of(Profile::AccessToken).claim("", "x"), malformed),
        (of(Profile::IdToken).nonce(""), malformed),
        (of(Profile::IdToken).organization(""), malformed),
    ]
}

#[test]
fn access_token_beside_its_profile_is_refused() {
    check(&auth0_tokens());
    check(&rfc9068_tokens());
}

#[test]
fn id_token_beside_its_rules_is_refused() {
    check(&id_tokens());
    check(&id_token_demands());
}

#[test]
fn logout_token_beside_its_rules_is_refused() {
    check(&logout_tokens());
}

#[test]
fn assertion_beside_its_rules_is_refused() {
    check(&assertions());
}

#[test]
fn token_that_lacks_what_the_caller_demands_is_refused() {
    check(&demands());
}

#[test]
fn token_of_another_kind_is_refused() {
    check(&other_kinds());
}
