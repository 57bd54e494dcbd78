//! The rules for an issuer's metadata: OpenID Connect Discovery §3, RFC 8414 §2, RFC 7636 for PKCE.
//!
//! Which of the two standards a document follows shows in its members: those that only OpenID Connect has. Members that nobody
//! registered are left alone, since both standards invite them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Severity::{self, Error, Note, Warning};
use super::url::Url;
use super::{Finding, Rule, WRITE_ONCE, readable};
use crate::json::{self, JsonError, Kind, Value};
use crate::{Algorithm, quoted};

/// Looks for whatever is wrong with a discovery document.
///
/// ```
/// use jwksmith_jose::lint;
///
/// let findings = lint::discovery(br#"{"issuer":"http://tenant.example/"}"#);
/// assert!(findings.iter().any(|finding| finding.rule.code == "url_not_https" && finding.place == "issuer"));
/// ```
pub fn discovery(bytes: &[u8]) -> Vec<Finding> {
    let document = match readable(bytes) {
        Ok(document) => document,
        Err(finding) => return vec![finding],
    };
    let metadata = Metadata::read(document);
    RULES.iter().flat_map(|row| row.findings(&metadata)).collect()
}

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().map(|row| &row.rule)
}

/// A discovery document under the lens.
struct Metadata<'a> {
    document: Value<'a>,
    /// Of members that stand twice, the last.
    members: BTreeMap<String, Value<'a>>,
}

/// A rule: it names members and what is wrong with each.
struct DiscoveryRule {
    rule: Rule,
    check: fn(&Metadata<'_>) -> Vec<Problem>,
}

/// A member, and what is wrong with it.
type Problem = (&'static str, String);

const fn row(
    severity: Severity,
    code: &'static str,
    section: &'static str,
    advice: &'static str,
    check: fn(&Metadata<'_>) -> Vec<Problem>,
) -> DiscoveryRule {
    DiscoveryRule { rule: Rule::new(severity, code, section, advice), check }
}

static RULES: [DiscoveryRule; 20] = [
    row(Error, "metadata_duplicate_member", "RFC 8259 §4", WRITE_ONCE, duplicate_members),
    row(
        Error,
        "metadata_member_type",
        "OpenID Connect Discovery §3, RFC 8414 §2",
        "write the type that the standard gives it",
        members_of_other_types,
    ),
    row(
        Error,
        "metadata_member_missing",
        "OpenID Connect Discovery §3, RFC 8414 §2",
        "add it: the standard requires it",
        missing_members,
    ),
    row(
        Error,
        "jwks_uri_missing",
        "OpenID Connect Discovery §3",
        "name the place of the key set: verifiers find it through this member",
        missing_key_set,
    ),
    row(
        Error,
        "url_malformed",
        "RFC 3986 §4.3",
        "write an absolute URL with its scheme and host",
        malformed_urls,
    ),
    row(
        Error,
        "url_not_https",
        "OpenID Connect Discovery §3, RFC 8414 §2",
        "serve it with TLS: whoever changes it on the way forges every token",
        unprotected_urls,
    ),
    row(
        Note,
        "url_plain_to_this_machine",
        "OpenID Connect Discovery §3",
        "good for development only",
        plain_urls_to_this_machine,
    ),
    row(Error, "url_user_info", "RFC 3986 §3.2.1", "leave user name and password out", user_infos),
    row(
        Error,
        "url_fragment",
        "RFC 8414 §2, RFC 6749 §3.1",
        "leave the fragment out: it never reaches a server",
        fragments,
    ),
    row(
        Error,
        "issuer_query",
        "OpenID Connect Discovery §3, RFC 8414 §2",
        "leave the query out",
        query_of_issuer,
    ),
    row(
        Note,
        "issuer_trailing_slash",
        "RFC 7519 §4.1.1",
        "write the slash in every `iss` and every setting too: they are compared byte for byte",
        slash_of_issuer,
    ),
    row(
        Note,
        "url_other_origin",
        "RFC 8414 §6.2",
        "check that this host is meant: it speaks for the issuer",
        other_origins,
    ),
    row(
        Error,
        "rs256_missing",
        "OpenID Connect Discovery §3",
        "sign ID tokens with RS256 too: clients may count on it",
        missing_rs256,
    ),
    row(
        Error,
        "none_for_client_authentication",
        "OpenID Connect Discovery §3, RFC 8414 §2",
        "leave \"none\" out: an unsigned assertion proves nothing",
        none_for_clients,
    ),
    row(
        Warning,
        "none_for_tokens",
        "OpenID Connect Core §2, RFC 8725 §3.2",
        "leave \"none\" out: some clients take their list of allowed algorithms from here",
        none_for_tokens,
    ),
    row(
        Warning,
        "hmac_beside_public_keys",
        "RFC 8725 §3.1",
        "leave HMAC out: clients that allow the whole list take the public key for a secret",
        hmac_beside_public_keys,
    ),
    row(
        Note,
        "algorithm_unknown",
        "RFC 7518 §3.1",
        "check its spelling: names are case-sensitive",
        unknown_algorithms,
    ),
    row(
        Note,
        "pkce_plain",
        "RFC 7636 §4.2",
        "offer S256 only: a plain challenge shows the secret",
        plain_challenge,
    ),
    row(Note, "list_empty", "RFC 8414 §3.2", "leave the member out", empty_lists),
    row(Note, "list_value_twice", "RFC 8414 §2", "write each value once", values_twice),
];

/// The members that are URLs.
const URLS: [&str; 17] = [
    ISSUER,
    KEY_SET,
    "authorization_endpoint",
    TOKEN_ENDPOINT,
    "userinfo_endpoint",
    "registration_endpoint",
    "revocation_endpoint",
    "introspection_endpoint",
    "end_session_endpoint",
    "device_authorization_endpoint",
    "pushed_authorization_request_endpoint",
    "backchannel_authentication_endpoint",
    "mfa_challenge_endpoint",
    "check_session_iframe",
    "service_documentation",
    "op_policy_uri",
    "op_tos_uri",
];

/// URLs that people read: they may be anywhere.
const PAGES: [&str; 3] = ["service_documentation", "op_policy_uri", "op_tos_uri"];

const ISSUER: &str = "issuer";
const KEY_SET: &str = "jwks_uri";
const TOKEN_ENDPOINT: &str = "token_endpoint";
const GRANTS: &str = "grant_types_supported";
const ID_TOKEN_ALGORITHMS: &str = "id_token_signing_alg_values_supported";
const CLIENT_ALGORITHMS: &str = "token_endpoint_auth_signing_alg_values_supported";

/// The members that are arrays of strings.
const LISTS: [&str; 18] = [
    "response_types_supported",
    "subject_types_supported",
    ID_TOKEN_ALGORITHMS,
    CLIENT_ALGORITHMS,
    "userinfo_signing_alg_values_supported",
    "request_object_signing_alg_values_supported",
    GRANTS,
    "scopes_supported",
    "response_modes_supported",
    "acr_values_supported",
    "display_values_supported",
    "claim_types_supported",
    "claims_supported",
    "claims_locales_supported",
    "ui_locales_supported",
    "token_endpoint_auth_methods_supported",
    "code_challenge_methods_supported",
    "dpop_signing_alg_values_supported",
];

/// The lists of signature algorithms.
const ALGORITHM_LISTS: [&str; 5] = [
    ID_TOKEN_ALGORITHMS,
    CLIENT_ALGORITHMS,
    "userinfo_signing_alg_values_supported",
    "request_object_signing_alg_values_supported",
    "dpop_signing_alg_values_supported",
];

/// The members that are true or false.
const FLAGS: [&str; 6] = [
    "claims_parameter_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
    "require_request_uri_registration",
    "backchannel_logout_supported",
    "backchannel_logout_session_supported",
];

/// Members that only OpenID Connect has, and documents of RFC 8414 have no use for.
const OF_OPENID: [&str; 6] = [
    "subject_types_supported",
    ID_TOKEN_ALGORITHMS,
    "userinfo_endpoint",
    "claims_supported",
    "claims_parameter_supported",
    "acr_values_supported",
];

impl DiscoveryRule {
    fn findings(&'static self, metadata: &Metadata<'_>) -> impl Iterator<Item = Finding> {
        (self.check)(metadata).into_iter().map(|(member, problem)| self.rule.at(member, problem))
    }
}

impl<'a> Metadata<'a> {
    fn read(document: Value<'a>) -> Self {
        let members = document.members().map(|(name, value)| (name.into_owned(), value)).collect();
        Self { document, members }
    }

    fn has(&self, member: &str) -> bool {
        self.members.contains_key(member)
    }

    fn text(&self, member: &str) -> Option<String> {
        self.members.get(member)?.as_text().map(Cow::into_owned)
    }

    fn list(&self, member: &str) -> Vec<String> {
        let elements = self.members.get(member).into_iter().flat_map(|value| value.elements());
        elements.filter_map(Value::as_text).map(Cow::into_owned).collect()
    }

    /// The lists that are there and are lists.
    fn lists(&self, names: &'static [&'static str]) -> impl Iterator<Item = (&'static str, Vec<String>)> {
        let is_list =
            |name: &&str| self.members.get(*name).is_some_and(|value| value.kind() == Kind::TextArray);
        names.iter().copied().filter(is_list).map(|name| (name, self.list(name)))
    }

    /// What is wrong with any of the URLs that can be taken apart.
    fn each_url(&self, problem: impl Fn(&'static str, Url<'_>) -> Option<String>) -> Vec<Problem> {
        let found = |member: &'static str| {
            let text = self.text(member)?;
            Some((member, problem(member, Url::of(&text)?)?))
        };
        URLS.into_iter().filter_map(found).collect()
    }

    fn is_of_openid(&self) -> bool {
        OF_OPENID.into_iter().any(|member| self.has(member))
    }

    /// Whether a client may ask in this way. Both standards have the first two as their default.
    fn offers(&self, grants: &[&str]) -> bool {
        if self.has(GRANTS) {
            self.list(GRANTS).iter().any(|grant| grants.contains(&grant.as_str()))
        } else {
            grants.iter().any(|grant| ["authorization_code", "implicit"].contains(grant))
        }
    }
}

/// A name at any depth, told once; places deeper down have no name of their own here.
fn duplicate_members(metadata: &Metadata<'_>) -> Vec<Problem> {
    match json::check(metadata.document.raw()) {
        Err(JsonError::DuplicateMember(name)) => {
            vec![("", format!("the member {} stands twice", quoted(&name)))]
        }
        _ => vec![],
    }
}

fn members_of_other_types(metadata: &Metadata<'_>) -> Vec<Problem> {
    let texts = URLS.into_iter().map(|name| (name, "a string"));
    let lists = LISTS.into_iter().map(|name| (name, "an array of strings"));
    let flags = FLAGS.into_iter().map(|name| (name, "true or false"));
    let wrong = |(name, expected)| {
        let kind = metadata.members.get(name)?.kind();
        let fits = match expected {
            "a string" => kind.is_text(),
            "true or false" => matches!(kind, Kind::True | Kind::False),
            _ => kind == Kind::TextArray,
        };
        (!fits).then(|| (name, format!("it is {}, and must be {expected}", kind.in_words())))
    };
    texts.chain(lists).chain(flags).filter_map(wrong).collect()
}

fn missing_members(metadata: &Metadata<'_>) -> Vec<Problem> {
    let of_openid = metadata.is_of_openid();
    let has_users = metadata.offers(&["authorization_code", "implicit"]);
    let required = [
        (ISSUER, true),
        ("response_types_supported", true),
        ("authorization_endpoint", has_users),
        (TOKEN_ENDPOINT, !metadata.has(GRANTS) || metadata.list(GRANTS) != ["implicit"]),
        ("subject_types_supported", of_openid),
        (ID_TOKEN_ALGORITHMS, of_openid),
    ];
    let missing = required.into_iter().filter(|(name, is_required)| *is_required && !metadata.has(name));
    missing.map(|(name, _)| (name, "it is missing".to_owned())).collect()
}

fn missing_key_set(metadata: &Metadata<'_>) -> Vec<Problem> {
    problem_if(!metadata.has(KEY_SET), KEY_SET, "it is missing")
}

fn malformed_urls(metadata: &Metadata<'_>) -> Vec<Problem> {
    let malformed = |member: &'static str| {
        let text = metadata.text(member).filter(|text| Url::of(text).is_none())?;
        // What stands before an `@` may be a password: it is not repeated.
        let shown = text.rsplit('@').next().unwrap_or_default();
        Some((member, format!("{} is no absolute URL", quoted(shown))))
    };
    URLS.into_iter().filter_map(malformed).collect()
}

fn unprotected_urls(metadata: &Metadata<'_>) -> Vec<Problem> {
    metadata.each_url(|_, url| {
        let is_bad = !url.is_https() && !url.is_plain_to_this_machine();
        is_bad.then(|| format!("its scheme is {}", quoted(url.scheme)))
    })
}

fn plain_urls_to_this_machine(metadata: &Metadata<'_>) -> Vec<Problem> {
    metadata.each_url(|_, url| {
        url.is_plain_to_this_machine().then(|| "it is plain HTTP, to this machine".to_owned())
    })
}

fn user_infos(metadata: &Metadata<'_>) -> Vec<Problem> {
    // What stands there may be a password: it is not repeated.
    metadata.each_url(|_, url| url.user_info.map(|_| "it has a user name".to_owned()))
}

fn fragments(metadata: &Metadata<'_>) -> Vec<Problem> {
    metadata.each_url(|member, url| {
        let fragment = url.fragment.filter(|_| !PAGES.contains(&member))?;
        Some(format!("it has the fragment {}", quoted(fragment)))
    })
}

fn query_of_issuer(metadata: &Metadata<'_>) -> Vec<Problem> {
    metadata.each_url(|member, url| {
        let query = url.query.filter(|_| member == ISSUER)?;
        Some(format!("it has the query {}", quoted(query)))
    })
}

fn slash_of_issuer(metadata: &Metadata<'_>) -> Vec<Problem> {
    let ends_so = metadata.text(ISSUER).is_some_and(|issuer| issuer.ends_with('/'));
    problem_if(ends_so, ISSUER, "it ends with a slash")
}

fn other_origins(metadata: &Metadata<'_>) -> Vec<Problem> {
    let issuer = metadata.text(ISSUER).unwrap_or_default();
    let Some(issuer) = Url::of(&issuer) else { return vec![] };
    metadata.each_url(|member, url| {
        let is_other = !PAGES.contains(&member) && !url.has_origin_of(issuer);
        is_other.then(|| format!("it is at {}, and the issuer at {}", quoted(url.host), quoted(issuer.host)))
    })
}

fn missing_rs256(metadata: &Metadata<'_>) -> Vec<Problem> {
    let lists = metadata.lists(&[ID_TOKEN_ALGORITHMS]);
    let without = lists.filter(|(_, names)| !names.is_empty() && !contains(names, "RS256"));
    without.map(|(member, _)| (member, "it lacks RS256".to_owned())).collect()
}

fn none_for_clients(metadata: &Metadata<'_>) -> Vec<Problem> {
    with_none(metadata, &[CLIENT_ALGORITHMS])
}

fn none_for_tokens(metadata: &Metadata<'_>) -> Vec<Problem> {
    with_none(metadata, &[ID_TOKEN_ALGORITHMS, "userinfo_signing_alg_values_supported"])
}

fn with_none(metadata: &Metadata<'_>, members: &'static [&'static str]) -> Vec<Problem> {
    let with = metadata.lists(members).filter(|(_, names)| contains(names, "none"));
    with.map(|(member, _)| (member, "it names \"none\"".to_owned())).collect()
}

/// Live tenants of Auth0 list HS256 here, beside RS256.
fn hmac_beside_public_keys(metadata: &Metadata<'_>) -> Vec<Problem> {
    let mixed = |(member, names): (&'static str, Vec<String>)| {
        let known = || names.iter().filter_map(|name| Algorithm::from_name(name));
        let hmac = known().find(|algorithm| algorithm.is_symmetric())?;
        let public = known().find(|algorithm| !algorithm.is_symmetric())?;
        Some((member, format!("it names {hmac} beside {public}")))
    };
    metadata.lists(&[ID_TOKEN_ALGORITHMS]).filter_map(mixed).collect()
}

/// Registered names beside those of the table of algorithms (RFC 7518 §3.1, RFC 9864 §2.2).
const OTHER_ALGORITHMS: [&str; 2] = ["none", "Ed448"];

fn unknown_algorithms(metadata: &Metadata<'_>) -> Vec<Problem> {
    let is_known =
        |name: &String| Algorithm::from_name(name).is_some() || OTHER_ALGORITHMS.contains(&name.as_str());
    let unknown = |(member, names): (&'static str, Vec<String>)| {
        let name = names.into_iter().find(|name| !is_known(name))?;
        Some((member, format!("it names {}, which no standard knows", quoted(&name))))
    };
    metadata.lists(&ALGORITHM_LISTS).filter_map(unknown).collect()
}

fn plain_challenge(metadata: &Metadata<'_>) -> Vec<Problem> {
    let member = "code_challenge_methods_supported";
    problem_if(contains(&metadata.list(member), "plain"), member, "it names \"plain\"")
}

fn empty_lists(metadata: &Metadata<'_>) -> Vec<Problem> {
    let empty = metadata.lists(&LISTS).filter(|(_, values)| values.is_empty());
    empty.map(|(member, _)| (member, "it is empty".to_owned())).collect()
}

fn values_twice(metadata: &Metadata<'_>) -> Vec<Problem> {
    let twice = |(member, mut values): (&'static str, Vec<String>)| {
        values.sort_unstable();
        let value = values.windows(2).find(|pair| pair.first() == pair.last())?.first()?;
        Some((member, format!("{} stands twice", quoted(value))))
    };
    metadata.lists(&LISTS).filter_map(twice).collect()
}

fn contains(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known == name)
}

fn problem_if(is_so: bool, member: &'static str, problem: &str) -> Vec<Problem> {
    is_so.then(|| (member, problem.to_owned())).into_iter().collect()
}
