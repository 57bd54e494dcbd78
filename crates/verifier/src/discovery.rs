//! Discovery: where an issuer says what it is (OIDC Discovery 1.0 §4, RFC 8414 §3).

use std::net::IpAddr;

use serde::Deserialize;
use url::{Host, Url};

use crate::error::IssuerError;
use jwksmith_jose::json;

/// Where OpenID Connect puts the document, after the issuer (OIDC Discovery §4).
const WELL_KNOWN_OPENID: &str = "/.well-known/openid-configuration";

/// Where RFC 8414 puts it, between the host and the issuer's path (§3.1).
const WELL_KNOWN_OAUTH: &str = "/.well-known/oauth-authorization-server";

/// The part of a discovery document that a verifier acts on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Discovery {
    issuer: String,
    jwks_uri: Url,
}

#[derive(Deserialize)]
struct RawDiscovery {
    issuer: Option<String>,
    jwks_uri: Option<String>,
}

impl Discovery {
    /// Reads the document found at `url`, which must speak for exactly `issuer`.
    ///
    /// # Errors
    /// [`IssuerError`] if it is malformed, speaks for another issuer, or names a key set that may not be fetched.
    pub(crate) fn parse(url: &str, body: &[u8], issuer: &str) -> Result<Self, IssuerError> {
        let raw: RawDiscovery =
            json::from_slice(body).map_err(|error| IssuerError::Discovery { url: url.to_owned(), error })?;
        let found = raw.issuer.ok_or(IssuerError::DiscoveryMember("issuer"))?;
        // OIDC Discovery §4.3 and RFC 8414 §3.3: MUST be identical, or anybody could speak for the issuer.
        if found != issuer {
            return Err(IssuerError::IssuerMismatch { expected: issuer.to_owned(), found });
        }
        let jwks_uri = raw.jwks_uri.ok_or(IssuerError::DiscoveryMember("jwks_uri"))?;
        let jwks_uri = fetchable_for(issuer, &jwks_uri)
            .map_err(|reason| IssuerError::JwksUriRefused { url: jwks_uri.clone(), reason })?;
        Ok(Self { issuer: found, jwks_uri })
    }

    /// What a document says that was read elsewhere, as by an earlier process. It was compared with the issuer there.
    ///
    /// # Errors
    /// Why no key set may be fetched from `jwks_uri` on the word of this issuer.
    pub fn of(issuer: &str, jwks_uri: &str) -> Result<Self, &'static str> {
        Ok(Self { issuer: issuer.to_owned(), jwks_uri: fetchable_for(issuer, jwks_uri)? })
    }

    /// The places where an issuer's document may be, in the order in which a verifier tries them.
    ///
    /// For an issuer without a path the second form of RFC 8414 is the same as the first of OpenID Connect.
    pub fn places(issuer: &Url) -> Vec<Url> {
        well_known_urls(issuer)
    }

    /// The issuer, exactly as configured.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where the key set is.
    pub fn jwks_uri(&self) -> &Url {
        &self.jwks_uri
    }
}

pub(crate) fn well_known_urls(issuer: &Url) -> Vec<Url> {
    let path = issuer.path().trim_end_matches('/');
    let mut urls = vec![with_path(issuer, &format!("{path}{WELL_KNOWN_OPENID}"))];
    for form in [WELL_KNOWN_OAUTH, WELL_KNOWN_OPENID] {
        let url = with_path(issuer, &format!("{form}{path}"));
        if !urls.contains(&url) {
            urls.push(url);
        }
    }
    urls
}

fn with_path(issuer: &Url, path: &str) -> Url {
    let mut url = issuer.clone();
    url.set_path(path);
    url
}

/// The URL, if keys may be fetched from it: https, or http to this machine itself.
pub(crate) fn fetchable(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "it is no absolute URL")?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err("plain http is accepted for this machine itself only: use https"),
        _ => return Err("only https URLs are fetched"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it carries a user name or password");
    }
    if url.fragment().is_some() {
        return Err("it carries a fragment");
    }
    Ok(url)
}

/// The same for a URL that this issuer's document names: an issuer elsewhere may not send us to this machine, nor to an
/// address that only this link knows, such as a cloud's metadata service.
fn fetchable_for(issuer: &str, text: &str) -> Result<Url, &'static str> {
    let url = fetchable(text)?;
    let issuer_is_here = fetchable(issuer).is_ok_and(|issuer| is_loopback(&issuer));
    if !issuer_is_here && (is_loopback(&url) || is_local_name(&url) || is_link_local(&url)) {
        return Err("it leads to this machine or its link, and the issuer is elsewhere");
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

/// RFC 6761 §6.3: whatever ends in `localhost` is this machine, with or without the dot of the root.
fn is_local_name(url: &Url) -> bool {
    let name = url.domain().unwrap_or_default();
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

fn is_link_local(url: &Url) -> bool {
    // An IPv4 address may come in the clothes of an IPv6 one (RFC 4291 §2.5.5.2).
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => address.to_canonical(),
        _ => return false,
    };
    match address {
        // RFC 1122 §3.2.1.3: all of 0/8 is "this host on this network".
        IpAddr::V4(address) => address.is_link_local() || address.octets().first() == Some(&0),
        IpAddr::V6(address) => address.is_unicast_link_local() || address.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Discovery, fetchable, well_known_urls};
    use crate::error::IssuerError;

    const ISSUER: &str = "https://issuer.example/";

    fn check(body: &str, expected: Result<&str, &str>) {
        let parsed = Discovery::parse("https://issuer.example/x", body.as_bytes(), ISSUER);
        let outcome =
            parsed.as_ref().map(|discovery| discovery.jwks_uri().as_str()).map_err(IssuerError::code);
        assert_eq!(outcome, expected, "{body}: {parsed:?}");
    }

    #[test]
    fn parse_takes_the_issuers_own_document() {
        let extra =
            r#"{"issuer":"https://issuer.example/","jwks_uri":"https://keys.example/k","x":[{"y":1}]}"#;
        check(extra, Ok("https://keys.example/k"));
        let here = r#"{"issuer":"http://localhost:1/","jwks_uri":"http://127.0.0.1:1/k"}"#;
        let parsed = Discovery::parse("http://localhost:1/x", here.as_bytes(), "http://localhost:1/");
        assert_eq!(parsed.unwrap().jwks_uri().as_str(), "http://127.0.0.1:1/k");
    }

    #[test]
    fn parse_refuses_other_issuers_and_bad_documents() {
        let named = |issuer: &str| format!(r#"{{"issuer":{issuer},"jwks_uri":"https://keys.example/k"}}"#);
        check(&named(r#""https://issuer.example""#), Err("discovery_issuer_mismatch"));
        check(&named(r#""https://issuer.example//""#), Err("discovery_issuer_mismatch"));
        check(&named(r#""HTTPS://issuer.example/""#), Err("discovery_issuer_mismatch"));
        check(&named(r#""https://other.example/""#), Err("discovery_issuer_mismatch"));
        check(&named(r#"["https://issuer.example/"]"#), Err("discovery_malformed"));
        check(&named("null"), Err("discovery_member_missing"));
        check(r#"{"jwks_uri":"https://keys.example/k"}"#, Err("discovery_member_missing"));
        check(r#"{"issuer":"https://issuer.example/"}"#, Err("discovery_member_missing"));
        check("<html>", Err("discovery_malformed"));
        check("", Err("discovery_malformed"));
        let twice = r#"{"issuer":"https://issuer.example/","jwks_uri":"https://a.example/","jwks_uri":"https://b.example/"}"#;
        check(twice, Err("discovery_duplicate_member"));
    }

    #[test]
    fn parse_refuses_key_sets_from_odd_places() {
        let refused = [
            "file:///etc/passwd",
            "data:application/json,{}",
            "http://169.254.169.254/latest",
            "https://169.254.169.254/latest",
            "https://[fe80::1]/k",
            "https://[::ffff:127.0.0.1]/k",
            "https://[::ffff:169.254.169.254]/k",
            "https://[::ffff:0:0]/k",
            "https://localhost./k",
            "https://x.localhost/k",
            "https://0.1.2.3/k",
            "https://0.0.0.0/k",
            "https://[::]/k",
            "http://127.0.0.1:1/k",
            "https://127.0.0.1/k",
            "https://localhost/k",
            "https://[::1]/k",
            "http://keys.example/k",
            "/keys",
            "keys.json",
            "https://user:pass@keys.example/k",
            "https://user@keys.example/k",
            "https://keys.example/k#x",
            "ftp://keys.example/k",
            "http://localhost.example/k",
            "",
        ];
        for url in refused {
            check(
                &format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"{url}"}}"#),
                Err("discovery_jwks_uri_refused"),
            );
        }
        check(&format!(r#"{{"issuer":"{ISSUER}","jwks_uri":1}}"#), Err("discovery_malformed"));
    }

    #[test]
    fn well_known_urls_follow_both_standards() {
        let urls = |issuer: &str| -> Vec<String> {
            well_known_urls(&fetchable(issuer).unwrap()).into_iter().map(String::from).collect()
        };
        assert_eq!(
            urls("https://a.example/"),
            [
                "https://a.example/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server"
            ]
        );
        assert_eq!(
            urls("https://a.example/t/1"),
            [
                "https://a.example/t/1/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server/t/1",
                "https://a.example/.well-known/openid-configuration/t/1"
            ]
        );
    }
}
