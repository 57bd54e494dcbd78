//! How issuers are reached: the options that all commands share which ask one, and where a key set is looked for.
//!
//! What the options mean for a fetch is `jwksmith_verifier`'s: which addresses are dialled, who is shown a token, when a file is
//! read again.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jwksmith_jose::{Algorithm, Policy};
use jwksmith_verifier::{CacheSettings, FetchSettings, KeySource, TrustedIssuer};
use url::Url;

use crate::at;
use crate::verdict::Fault;

/// How an issuer is reached.
#[derive(Args, Clone)]
pub(crate) struct NetworkArgs {
    /// Reach into private networks too (RFC 1918, RFC 4193, RFC 6598)
    ///
    /// Never reached are link-local addresses, where clouds keep their metadata, nor this machine unless the URL says so.
    #[arg(long)]
    private_addresses: bool,

    /// Trust the certificates in this file (PEM), and not those of the system
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Show the issuer the certificate in this file (PEM), which holds its private key too
    #[arg(long, value_name = "FILE")]
    client_identity: Option<PathBuf>,

    /// Send the issuer the bearer token in this file, and nobody whom it names
    #[arg(long, value_name = "FILE")]
    bearer_token_file: Option<PathBuf>,

    /// Go through this HTTP proxy, as `http://proxy.example:3128`; those of the environment are not used
    #[arg(long, value_name = "URL")]
    proxy: Option<Url>,

    /// How long all that is fetched at once may take: 30s, 1m, or plain seconds [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = at::parse_seconds)]
    timeout: Option<u64>,
}

impl NetworkArgs {
    /// Whether any of them is given.
    pub(crate) fn is_given(&self) -> bool {
        self.fetch() != FetchSettings::default()
    }

    /// The settings of a fetch.
    pub(crate) fn fetch(&self) -> FetchSettings {
        let settings = FetchSettings {
            private_addresses: self.private_addresses,
            root_certificates_file: self.ca.clone(),
            client_identity_file: self.client_identity.clone(),
            bearer_token_file: self.bearer_token_file.clone(),
            proxy: self.proxy.clone(),
            ..FetchSettings::default()
        };
        match self.timeout.map(Duration::from_secs) {
            // Whoever says how long to wait has said it of the connection too.
            Some(timeout) => FetchSettings { timeout, connect_timeout: timeout, ..settings },
            None => settings,
        }
    }

    /// An issuer that is reached this way, its key set found through discovery.
    pub(crate) fn issuer(&self, policy: Policy) -> TrustedIssuer {
        TrustedIssuer::new(policy).fetch(self.fetch()).cache(self.cache())
    }

    /// The settings of the cache, as far as they have to do with the network.
    pub(crate) fn cache(&self) -> CacheSettings {
        // A call waits a little longer than the fetch may take, so that it learns what came of it.
        let wait_max = self.fetch().timeout.saturating_add(Duration::from_secs(1));
        CacheSettings { wait_max, ..CacheSettings::default() }
    }
}

/// Where the key set is, if not where discovery says.
#[derive(Args)]
#[group(multiple = false)]
pub(crate) struct PlaceArgs {
    /// Take the key set from this URL, and ask for no discovery document
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,

    /// Take the discovery document from this URL, and not from a well-known place
    #[arg(long, value_name = "URL")]
    discovery_at: Option<String>,
}

impl PlaceArgs {
    /// Where that is.
    pub(crate) fn source(&self) -> KeySource {
        match (&self.jwks_uri, &self.discovery_at) {
            (Some(url), _) => KeySource::JwksUri(url.clone()),
            (None, Some(url)) => KeySource::DiscoveryAt(url.clone()),
            (None, None) => KeySource::Discovery,
        }
    }
}

/// The policy of an issuer whose tokens nobody asks about: for whom they would be, and signed with what, does not matter.
pub(crate) fn policy_without_tokens(issuer: &str) -> Result<Policy, Fault> {
    Ok(Policy::new(issuer, "nobody", Algorithm::asymmetric())?)
}
