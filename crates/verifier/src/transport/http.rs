//! The transport over the network: the only place where a verifier touches it.
//!
//! Nothing is dialled that [`guard`] refuses, whatever name led there. No redirect leaves the origin, the whole exchange has
//! one deadline, and a body over its limit is dropped while it streams in, after it was decompressed.

use std::error::Error as _;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use ::http::header::{ACCEPT, AUTHORIZATION, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, ClientBuilder, redirect};
use url::{Host, Url};

use super::credentials::{self, Stamp};
use super::guard::Place;
use super::{FetchSettings, Fetching, Request, Response, Transport};
use crate::error::{ConfigError, IssuerError};

/// Fetches over HTTP, as [`FetchSettings`] allow.
pub struct HttpTransport {
    settings: FetchSettings,
    clients: Mutex<Option<Clients>>,
}

/// The clients that were made from one state of the files.
#[derive(Clone)]
struct Clients {
    stamp: Stamp,
    plain: Client,
    /// With the configured certificate, for the configured origin only.
    known: Client,
}

impl HttpTransport {
    /// A transport with these bounds.
    ///
    /// # Errors
    /// [`ConfigError`] if the settings contradict each other, or if the system has no certificates.
    pub fn new(settings: FetchSettings) -> Result<Self, ConfigError> {
        settings.check()?;
        let transport = Self { settings, clients: Mutex::new(None) };
        // Files may come later, as secrets that are mounted; what the system lacks, it lacks from the beginning.
        if transport.settings.root_certificates_file.is_none() && transport.settings.spki_pins.is_empty() {
            let client =
                transport.builder().build().map_err(|error| ConfigError::Client(innermost(&error)))?;
            if transport.settings.client_identity_file.is_none() {
                let clients = Clients { stamp: Stamp::default(), plain: client.clone(), known: client };
                transport.keep(clients);
            }
        }
        Ok(transport)
    }

    async fn exchange(&self, request: &Request) -> Result<Response, IssuerError> {
        self.check_literal(&request.url)?;
        let sent = self.prepared(request).await?.send().await;
        let mut response = sent.map_err(|error| failed(&request.url, &error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        let max = self.settings.body_bytes_max;
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&request.url, &error))? {
            if body.len().saturating_add(chunk.len()) > max {
                return Err(IssuerError::TooLarge { url: request.url.to_string(), max });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status: status.as_u16(), headers, body })
    }

    async fn prepared(&self, request: &Request) -> Result<reqwest::RequestBuilder, IssuerError> {
        let clients = self.clients().await?;
        let client = if request.with_credentials { clients.known } else { clients.plain };
        let mut prepared = client.get(request.url.clone()).header(ACCEPT, request.accept);
        if let Some(etag) = &request.etag {
            prepared = prepared.header(IF_NONE_MATCH, etag);
        }
        if let Some(date) = &request.last_modified {
            prepared = prepared.header(IF_MODIFIED_SINCE, date);
        }
        match &self.settings.bearer_token_file {
            Some(path) if request.with_credentials => {
                Ok(prepared.header(AUTHORIZATION, credentials::bearer(path).await?))
            }
            _ => Ok(prepared),
        }
    }

    /// An address in the URL itself is resolved by nobody.
    fn check_literal(&self, url: &Url) -> Result<(), IssuerError> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            _ => return Ok(()),
        };
        let place = Place::of(address);
        // That this machine was meant, its literal address says itself; who may say so was decided with the URL.
        match place.refused(self.settings.private_addresses).filter(|_| place != Place::Loopback) {
            Some(reason) => Err(IssuerError::AddressRefused { url: url.to_string(), address, reason }),
            None => Ok(()),
        }
    }

    /// The clients; made again when a file that they were made from has changed.
    async fn clients(&self) -> Result<Clients, IssuerError> {
        let stamp = Stamp::now(&self.settings).await?;
        let kept = self.clients.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(clients) = kept.filter(|clients| clients.stamp == stamp) {
            return Ok(clients);
        }
        let plain = self.client(false).await?;
        let known = if self.settings.client_identity_file.is_some() {
            self.client(true).await?
        } else {
            plain.clone()
        };
        Ok(self.keep(Clients { stamp, plain, known }))
    }

    fn keep(&self, clients: Clients) -> Clients {
        *self.clients.lock().unwrap_or_else(PoisonError::into_inner) = Some(clients.clone());
        clients
    }

    async fn client(&self, with_identity: bool) -> Result<Client, IssuerError> {
        credentials::client(self.builder(), &self.settings, with_identity).await
    }

    fn builder(&self) -> ClientBuilder {
        let settings = &self.settings;
        let builder = Client::builder()
            .redirect(redirects(settings.redirects_max))
            // A proxy out of the environment would see, and could answer, what was promised to stay on this machine.
            .no_proxy()
            .timeout(settings.timeout)
            .connect_timeout(settings.connect_timeout)
            .user_agent(concat!("jwksmith-verifier/", env!("CARGO_PKG_VERSION")));
        let proxy = settings.proxy.clone().and_then(|proxy| reqwest::Proxy::all(proxy).ok());
        match proxy {
            // It is the proxy that resolves and dials then.
            Some(proxy) => builder.proxy(proxy),
            None => builder.dns_resolver(GuardedResolver { private_addresses: settings.private_addresses }),
        }
    }
}

impl Transport for HttpTransport {
    fn get<'a>(&'a self, request: &'a Request) -> Fetching<'a> {
        Box::pin(self.exchange(request))
    }
}

/// Redirects within the origin, as many as allowed; the first that is not is handed back as the answer.
fn redirects(max: usize) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        let same_origin =
            attempt.previous().last().is_some_and(|from| from.origin() == attempt.url().origin());
        if same_origin && attempt.previous().len() <= max { attempt.follow() } else { attempt.stop() }
    })
}

/// Resolves names, and gives the addresses that may be dialled.
struct GuardedResolver {
    private_addresses: bool,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let private_addresses = self.private_addresses;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed = allowed(name.as_str(), found, private_addresses)?;
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

/// The addresses of a name that may be dialled; the error tells of the first that may not, if that is all there is.
fn allowed(
    name: &str,
    found: impl Iterator<Item = SocketAddr>,
    private_addresses: bool,
) -> Result<Vec<SocketAddr>, Refused> {
    let mut refused = None;
    let mut allowed = Vec::new();
    for address in found {
        let place = Place::of(address.ip());
        // RFC 6761 §6.3: this name means this machine and nothing else.
        let is_meant = if name == "localhost" {
            place == Place::Loopback
        } else {
            place.refused(private_addresses).is_none()
        };
        if is_meant {
            allowed.push(address);
        } else {
            let reason = place.refused(private_addresses).unwrap_or("`localhost` must lead to this machine");
            refused = refused.or(Some(Refused { address: address.ip(), reason }));
        }
    }
    match refused {
        Some(refused) if allowed.is_empty() => Err(refused),
        _ => Ok(allowed),
    }
}

/// An address that must not be dialled, on its way through the layers of the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Refused {
    address: IpAddr,
    reason: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not dialled: {}", self.address, self.reason)
    }
}

impl std::error::Error for Refused {}

fn failed(url: &Url, error: &reqwest::Error) -> IssuerError {
    let url = url.to_string();
    match refused_address(error) {
        Some(Refused { address, reason }) => IssuerError::AddressRefused { url, address, reason },
        None => IssuerError::Unreachable { url, reason: innermost(error) },
    }
}

fn refused_address(error: &reqwest::Error) -> Option<Refused> {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            return Some(*refused);
        }
        next = cause.source();
    }
    None
}

/// The innermost cause says what happened ("connection refused"); the outer ones only that something did.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "the deadline passed".to_owned();
    }
    let mut innermost = None;
    let mut next = error.source();
    while let Some(cause) = next {
        innermost = Some(cause.to_string());
        next = cause.source();
    }
    innermost.unwrap_or_else(|| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_a_name_are_those_that_may_be_dialled() {
        let check = |name: &str, found: &[&str], private, expected: Result<&[&str], &str>| {
            let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
                texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 443)).collect()
            };
            let outcome = allowed(name, addresses(found).into_iter(), private);
            let expected = expected.map(addresses).map_err(|address| address.parse::<IpAddr>().unwrap());
            assert_eq!(outcome.map_err(|refused| refused.address), expected, "{name} {found:?}");
        };
        check("issuer.example", &["1.1.1.1", "2606:4700::1"], false, Ok(&["1.1.1.1", "2606:4700::1"]));
        check("issuer.example", &["10.0.0.1", "1.1.1.1"], false, Ok(&["1.1.1.1"]));
        check("issuer.example", &["10.0.0.1", "127.0.0.1"], false, Err("10.0.0.1"));
        check("issuer.example", &["10.0.0.1"], true, Ok(&["10.0.0.1"]));
        check("issuer.example", &["127.0.0.1"], true, Err("127.0.0.1"));
        check("issuer.example", &["169.254.169.254"], true, Err("169.254.169.254"));
        check("issuer.example", &["::ffff:169.254.169.254"], true, Err("::ffff:169.254.169.254"));
        check("localhost", &["127.0.0.1", "::1"], false, Ok(&["127.0.0.1", "::1"]));
        check("localhost", &["1.1.1.1"], false, Err("1.1.1.1"));
        check("issuer.example", &[], false, Ok(&[]));
    }

    #[test]
    fn address_in_the_url_is_checked_too() {
        let check = |url: &str, private_addresses, refused: bool| {
            let settings = FetchSettings { private_addresses, ..FetchSettings::default() };
            let outcome = HttpTransport::new(settings).unwrap().check_literal(&Url::parse(url).unwrap());
            assert_eq!(outcome.is_err(), refused, "{url}: {outcome:?}");
        };
        check("https://1.1.1.1/", false, false);
        check("https://10.0.0.1/", false, true);
        check("https://10.0.0.1/", true, false);
        check("https://0xa9fea9fe/", true, true);
        check("https://[::ffff:a9fe:a9fe]/", true, true);
        check("https://[fd00:ec2::254]/", true, true);
        check("http://127.0.0.1/", false, false);
        check("https://issuer.example/", false, false);
    }
}
