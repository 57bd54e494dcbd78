//! `jwksmith verify` with a kind of token and with the values of claims: each option changes what is accepted.

use jwksmith_jose::Algorithm;
use serde_json::{Value, json};

use crate::support::{
    ISSUER, Key, KeyFile, NOW_SECONDS, VerifyArgs, claims, claims_with, claims_without, key_set, run,
};

const VALID: (i32, Value) = (0, Value::Null);

struct House {
    key: Key,
    file: KeyFile,
}

impl House {
    fn new() -> Self {
        let key = Key::new(Algorithm::ES256, "es-1");
        let file = KeyFile::new(key_set(&[&key]));
        Self { key, file }
    }

    /// Options, the token's `typ` and its claims, and what must be answered: nothing, or the code of a refusal.
    fn check(&self, options: &[(&str, &str)], token_type: &str, claims: &Value, code: Option<&str>) {
        let expected = code.map_or(VALID, |code| (1, json!(code)));
        let token = self.key.typed_token(token_type, claims);
        assert_eq!(self.args(options).decide(&token), expected, "{options:?} {token_type} {claims}");
    }

    fn check_fault(&self, options: &[(&str, &str)], code: &str) {
        assert_eq!(self.args(options).decide("x"), (2, json!(code)), "{options:?}");
    }

    fn args(&self, options: &[(&str, &str)]) -> VerifyArgs {
        let offline = VerifyArgs::offline(&self.file.path);
        options.iter().fold(offline, |args, (option, value)| args.with(option, value))
    }
}

fn claims_and(more: Value) -> Value {
    let mut claims = claims();
    let Value::Object(more) = more else { panic!("{more} is no object") };
    claims.as_object_mut().unwrap().extend(more);
    claims
}

#[test]
fn profile_decides_which_kind_of_token_is_accepted() {
    let house = House::new();
    let check = |profile: &str, token_type: &str, claims: &Value, code: Option<&str>| {
        house.check(&[("--profile", profile)], token_type, claims, code);
    };
    let of_auth0 = claims_with("azp", "client-1");
    let of_rfc9068 = claims_and(json!({"client_id": "client-1", "jti": "t-1"}));
    let logout = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    let of_logout = claims_and(json!({"jti": "t-1", "events": logout}));
    let of_client =
        claims_and(json!({"jti": "t-1", "sub": ISSUER, "exp": NOW_SECONDS + 60, "iat": NOW_SECONDS}));
    check("access-token", "any", &claims(), None);
    check("auth0-access-token", "JWT", &of_auth0, None);
    check("auth0-access-token", "any", &of_auth0, Some("typ_mismatch"));
    check("auth0-access-token", "JWT", &claims(), Some("claim_missing"));
    check("rfc9068-access-token", "at+jwt", &of_rfc9068, None);
    check("rfc9068-access-token", "JWT", &of_rfc9068, Some("typ_mismatch"));
    check("rfc9068-access-token", "at+jwt", &of_auth0, Some("claim_missing"));
    check("id-token", "JWT", &claims(), None);
    check("id-token", "JWT", &claims_without("sub"), Some("claim_missing"));
    check("id-token", "JWT", &of_logout, Some("claim_forbidden"));
    check("logout-token", "logout+jwt", &of_logout, None);
    check("logout-token", "logout+jwt", &claims_with("jti", "t-1"), Some("claim_missing"));
    check("client-assertion", "JWT", &of_client, None);
    check("client-assertion", "JWT", &claims_with("jti", "t-1"), Some("claim_mismatch"));
}

#[test]
fn leeway_unless_given_is_that_of_the_profile() {
    let house = House::new();
    let late = |seconds: u64| {
        let expired = NOW_SECONDS - seconds;
        claims_and(json!({"jti": "t-1", "sub": ISSUER, "exp": expired, "iat": expired - 60}))
    };
    let assertion = ("--profile", "client-assertion");
    house.check(&[], "JWT", &late(29), None);
    house.check(&[], "JWT", &late(30), Some("token_expired"));
    house.check(&[assertion], "JWT", &late(9), None);
    house.check(&[assertion], "JWT", &late(10), Some("token_expired"));
    house.check(&[assertion, ("--leeway", "11s")], "JWT", &late(10), None);
}

#[test]
fn each_demand_changes_what_is_accepted() {
    let house = House::new();
    let check = |options: &[(&str, &str)], claims: &Value, code: Option<&str>| {
        house.check(options, "JWT", claims, code);
    };
    let orders = claims();
    check(&[("--scope", "read:orders")], &orders, None);
    check(&[("--scope", "read:orders"), ("--scope", "write:orders")], &orders, None);
    check(&[("--scope", "read:orders"), ("--scope", "delete:orders")], &orders, Some("scope_missing"));
    check(&[("--scope", "read")], &orders, Some("scope_missing"));
    check(&[("--claim", "sub=orders-app")], &orders, None);
    check(&[("--claim", "sub=orders-app"), ("--claim", "scope=x")], &orders, Some("claim_mismatch"));
    check(&[("--claim", "sub=")], &orders, Some("claim_mismatch"));
    check(&[("--claim", "tier=gold")], &orders, Some("claim_missing"));
    check(&[("--claim", "tier=gold=best")], &claims_with("tier", "gold=best"), None);

    let id = ("--profile", "id-token");
    check(&[id, ("--nonce", "n-1")], &claims_with("nonce", "n-1"), None);
    check(&[id, ("--nonce", "n-1")], &claims_with("nonce", "n-2"), Some("claim_mismatch"));
    check(&[id, ("--nonce", "n-1")], &orders, Some("claim_missing"));
    let signed_in = claims_with("auth_time", NOW_SECONDS - 3_600);
    check(&[id, ("--max-age", "1h")], &signed_in, None);
    check(&[id, ("--max-age", "3500")], &signed_in, Some("auth_time_too_old"));
    check(&[id, ("--max-age", "1h")], &orders, Some("claim_missing"));
    let of_organization = claims_and(json!({"org_id": "org_1", "org_name": "acme"}));
    check(&[id, ("--organization", "org_1")], &of_organization, None);
    check(&[id, ("--organization", "acme")], &of_organization, None);
    check(&[id, ("--organization", "org_2")], &of_organization, Some("claim_mismatch"));
    check(&[id, ("--organization", "org_1")], &orders, Some("claim_missing"));
}

#[test]
fn demands_that_contradict_each_other_are_a_fault() {
    let house = House::new();
    let check = |options: &[(&str, &str)], code: &str| house.check_fault(options, code);
    check(&[("--nonce", "n-1")], "config_setting_of_other_profile");
    check(&[("--max-age", "1h")], "config_setting_of_other_profile");
    check(&[("--organization", "org_1")], "config_setting_of_other_profile");
    check(&[("--profile", "id-token"), ("--scope", "x")], "config_setting_of_other_profile");
    check(&[("--scope", "x"), ("--profile", "logout-token")], "config_setting_of_other_profile");
    check(&[("--profile", "client-assertion"), ("--algorithm", "HS256")], "config_alg_of_other_profile");
    check(&[("--scope", "")], "config_value_malformed");
    check(&[("--scope", "read:orders write:orders")], "config_value_malformed");
    check(&[("--claim", "=x")], "config_value_malformed");
    check(&[("--profile", "id-token"), ("--nonce", "")], "config_value_malformed");
    check(&[("--profile", "id-token"), ("--organization", "")], "config_value_malformed");
}

#[test]
fn demand_that_cannot_be_read_exits_with_2() {
    let check = |option: &str, value: &str, hint: &str| {
        let outcome = run(&["verify", "x", "--issuer", "i", "--audience", "a", option, value]);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
        assert!(outcome.stderr.contains(hint), "{hint}: {outcome:?}");
    };
    check("--profile", "refresh-token", "[possible values: access-token, auth0-access-token, ");
    check("--claim", "tier", "expected a name and its value");
    check("--max-age", "soon", "expected whole seconds");
}
