//! Issuer identifiers (RFC 8414 §2, OpenID Connect Discovery §3): one spelling each, since `iss` is compared byte for byte.

use std::fmt;

use url::{Host, Url};

use jwksmith_jose::quoted;

/// The longest issuer that is accepted, in bytes: scheme, the longest host name, port, slash.
pub const ISSUER_BYTES_MAX: usize = 270;

/// The URL that stands in `iss`: `http(s)://host[:port]/`, in its canonical spelling.
///
/// ```
/// use jwksmith_authority::Issuer;
///
/// let issuer = Issuer::try_from("http://localhost:8080/")?;
/// assert_eq!((issuer.host(), issuer.authority()), ("localhost", "localhost:8080"));
/// assert!(Issuer::try_from("http://tenant.example/").is_err(), "plain http is for loopback only");
/// # Ok::<(), jwksmith_authority::IssuerError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Issuer {
    url: String,
    host: String,
    authority: String,
    default_port: u16,
}

/// Why a text cannot be an issuer. The operator must write another one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// No absolute URL with a host.
    #[error("the issuer {} is no absolute URL: write it as https://tenant.example/", quoted(.0))]
    NotAUrl(String),
    /// Longer than [`ISSUER_BYTES_MAX`].
    #[error("the issuer has {0} bytes, more than the {ISSUER_BYTES_MAX} that are accepted")]
    TooLong(usize),
    /// Neither `https` nor `http`.
    #[error("the issuer {} must begin with https://", quoted(.0))]
    Scheme(String),
    /// `http` for a host that is not this machine.
    #[error("the issuer {} must begin with https://, since plain http is for loopback hosts only", quoted(.0))]
    PlainHttp(String),
    /// User name, path, query or fragment.
    #[error(
        "the issuer {} has a {part}: it must be https://host/ or https://host:port/ only",
        quoted(issuer)
    )]
    Superfluous {
        /// What was given.
        issuer: String,
        /// What must go.
        part: &'static str,
    },
    /// The same URL has a canonical spelling, and this is another.
    #[error("write the issuer {} as {}: clients compare it byte for byte", quoted(issuer), quoted(canonical))]
    NotCanonical {
        /// What was given.
        issuer: String,
        /// How to write it.
        canonical: String,
    },
}

impl IssuerError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAUrl(_) => "issuer_not_a_url",
            Self::TooLong(_) => "issuer_too_long",
            Self::Scheme(_) => "issuer_scheme",
            Self::PlainHttp(_) => "issuer_plain_http",
            Self::Superfluous { .. } => "issuer_superfluous_part",
            Self::NotCanonical { .. } => "issuer_not_canonical",
        }
    }
}

impl Issuer {
    /// The issuer as it stands in `iss`, with its trailing slash.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The host without its port: the subject of the certificates.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `host[:port]` as a `Host` header carries it, lower case, without a default port (RFC 9110 §7.2).
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The port that a client may leave out, or write out, with this issuer's scheme.
    pub(crate) fn default_port(&self) -> u16 {
        self.default_port
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

impl TryFrom<&str> for Issuer {
    type Error = IssuerError;

    fn try_from(text: &str) -> Result<Self, IssuerError> {
        if text.len() > ISSUER_BYTES_MAX {
            return Err(IssuerError::TooLong(text.len()));
        }
        let not_a_url = || IssuerError::NotAUrl(text.to_owned());
        let url = Url::parse(text).map_err(|_| not_a_url())?;
        let default_port = checked_scheme(text, &url)?;
        refuse_superfluous(text, &url)?;
        if url.as_str() != text {
            return Err(IssuerError::NotCanonical { issuer: text.to_owned(), canonical: url.into() });
        }
        let host = url.host_str().ok_or_else(not_a_url)?.to_owned();
        let authority = url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        Ok(Self { url: url.into(), host, authority, default_port })
    }
}

fn checked_scheme(text: &str, url: &Url) -> Result<u16, IssuerError> {
    match url.scheme() {
        "https" => Ok(443),
        // RFC 8414 §2 wants https; nobody sits between two processes of one machine.
        "http" if is_loopback(url) => Ok(80),
        "http" => Err(IssuerError::PlainHttp(text.to_owned())),
        _ => Err(IssuerError::Scheme(text.to_owned())),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
        None => false,
    }
}

fn refuse_superfluous(text: &str, url: &Url) -> Result<(), IssuerError> {
    let parts = [
        ("user name", !url.username().is_empty() || url.password().is_some()),
        // RFC 8414 §2: "no query or fragment components".
        ("query", url.query().is_some()),
        ("fragment", url.fragment().is_some()),
        ("path", url.path() != "/"),
    ];
    match parts.into_iter().find(|(_, present)| *present) {
        Some((part, _)) => Err(IssuerError::Superfluous { issuer: text.to_owned(), part }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(&str, &str), &str>) {
        let parsed = Issuer::try_from(text);
        let found = parsed.as_ref().map(|issuer| (issuer.host(), issuer.authority()));
        assert_eq!(found.map_err(IssuerError::code), expected, "{text:?}");
        if let Ok(issuer) = &parsed {
            assert_eq!(issuer.as_str(), text);
        }
    }

    #[test]
    fn issuer_has_one_spelling() {
        check("https://tenant.example/", Ok(("tenant.example", "tenant.example")));
        check("https://tenant.example:8443/", Ok(("tenant.example", "tenant.example:8443")));
        check("http://localhost:8080/", Ok(("localhost", "localhost:8080")));
        check("http://127.0.0.1/", Ok(("127.0.0.1", "127.0.0.1")));
        check("http://[::1]:80/", Err("issuer_not_canonical"));
        check("http://[::1]:81/", Ok(("[::1]", "[::1]:81")));
        check("https://[2001:db8::1]/", Ok(("[2001:db8::1]", "[2001:db8::1]")));
        check("https://tenant.example", Err("issuer_not_canonical"));
        check("https://tenant.example:443/", Err("issuer_not_canonical"));
        check("https://Tenant.example/", Err("issuer_not_canonical"));
        check("HTTPS://tenant.example/", Err("issuer_not_canonical"));
        check(" https://tenant.example/", Err("issuer_not_canonical"));
        check("https://bücher.example/", Err("issuer_not_canonical"));
        check("https:tenant.example/", Err("issuer_not_canonical"));
        check("https://tenant.example/a/..", Err("issuer_not_canonical"));
        check("http://2130706433/", Err("issuer_not_canonical"));
        check("http://tenant.example/", Err("issuer_plain_http"));
        check("http://localhost.example/", Err("issuer_plain_http"));
        check("http://127.0.0.2/", Err("issuer_plain_http"));
        check("http://10.0.0.1/", Err("issuer_plain_http"));
        check("https://tenant.example/path/", Err("issuer_superfluous_part"));
        check("https://tenant.example/?q", Err("issuer_superfluous_part"));
        check("https://tenant.example/?", Err("issuer_superfluous_part"));
        check("https://tenant.example/#", Err("issuer_superfluous_part"));
        check("https://user@tenant.example/", Err("issuer_superfluous_part"));
        check("https://:secret@tenant.example/", Err("issuer_superfluous_part"));
        check("ftp://tenant.example/", Err("issuer_scheme"));
        check("file:///", Err("issuer_scheme"));
        check("data:text/plain,a", Err("issuer_scheme"));
        check("tenant.example", Err("issuer_not_a_url"));
        check("//tenant.example/", Err("issuer_not_a_url"));
        check("https://", Err("issuer_not_a_url"));
        check("", Err("issuer_not_a_url"));
    }

    #[test]
    fn issuer_length_is_bounded() {
        let of_length = |bytes: usize| {
            let fixed = "https://".len() + ".example/".len();
            format!("https://{}.example/", "a".repeat(bytes - fixed))
        };
        check(&of_length(ISSUER_BYTES_MAX + 1), Err("issuer_too_long"));
        assert!(Issuer::try_from(of_length(ISSUER_BYTES_MAX).as_str()).is_ok());
    }
}
