//! The settings of a fetch: what each bounds, its default, and why that is safe.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::SpkiPin;
use crate::error::ConfigError;

/// How fetches are bounded, and where they may lead.
///
/// | setting | default | because |
/// | --- | --- | --- |
/// | `timeout` | 5 s | a refresh ends, whatever the issuer does |
/// | `connect_timeout` | 2 s | leaves time for the answer, and for another source |
/// | `body_bytes_max` | 256 KiB | counted after decompression; no honest key set comes near |
/// | `redirects_max` | 0 | a redirect could lead anywhere; those within one origin can be allowed |
/// | `private_addresses` | no | a name that leads into this network could be used to reach what only it can reach |
/// | `jwks_uri_same_origin` | no | large issuers publish their keys at another host than their document |
/// | `json_content_type_only` | no | many issuers serve key sets as text or octets; the strict reading decides |
/// | `proxy` | none | a proxy of the environment would see, and could answer, what was not meant for it |
/// | `root_certificates_file` | none | the system's roots are trusted |
/// | `spki_pins` | none | a certificate of a trusted root is enough; pins break when a server's key changes |
/// | `client_identity_file` | none | for issuers that demand a certificate (mTLS) |
/// | `bearer_token_file` | none | for issuers that demand a token, as the API server of Kubernetes |
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FetchSettings {
    /// For everything that one refresh does, from locating the issuer to the last byte of its key set.
    pub timeout: Duration,
    /// For the connection alone.
    pub connect_timeout: Duration,
    /// The largest body, after decompression.
    pub body_bytes_max: usize,
    /// How many redirects are followed, each within the origin (scheme, host and port) of what was asked for.
    pub redirects_max: usize,
    /// Whether names and addresses of a private network may be dialled (RFC 1918, RFC 4193, RFC 6598). Never allowed are
    /// link-local addresses, where clouds keep their metadata, and this machine itself, unless the issuer's URL says
    /// `localhost` or a loopback address.
    pub private_addresses: bool,
    /// Whether a discovery document may name a key set at its own origin only (scheme, host and port).
    pub jwks_uri_same_origin: bool,
    /// Whether the answer must call itself `application/json`, `application/jwk-set+json` or some `+json`.
    pub json_content_type_only: bool,
    /// An HTTP proxy, as `http://proxy.example:3128`. It resolves names, so it has to guard private addresses itself.
    pub proxy: Option<Url>,
    /// Certificates (PEM) that are trusted instead of the system's roots. Read again when the file changes.
    pub root_certificates_file: Option<PathBuf>,
    /// Keys of which every TLS server must have one, beside a good certificate.
    pub spki_pins: Vec<SpkiPin>,
    /// A certificate chain and its private key (PEM) that are shown to the configured origin. Read again when the file
    /// changes.
    pub client_identity_file: Option<PathBuf>,
    /// A bearer token that is sent to the configured origin, and to no other. Read for each fetch, since such tokens rotate,
    /// as those of Kubernetes service accounts.
    pub bearer_token_file: Option<PathBuf>,
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(2),
            body_bytes_max: jwksmith_jose::limits::KEY_SET_BYTES_MAX,
            redirects_max: 0,
            private_addresses: false,
            jwks_uri_same_origin: false,
            json_content_type_only: false,
            proxy: None,
            root_certificates_file: None,
            spki_pins: Vec::new(),
            client_identity_file: None,
            bearer_token_file: None,
        }
    }
}

impl FetchSettings {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let contradictions = [
            (self.timeout.is_zero(), "a `timeout` of zero fetches nothing"),
            (self.connect_timeout.is_zero(), "a `connect_timeout` of zero connects to nothing"),
            (self.body_bytes_max == 0, "a `body_bytes_max` of zero takes no key set"),
            (
                self.proxy.as_ref().is_some_and(|proxy| !matches!(proxy.scheme(), "http" | "https")),
                "`proxy` is neither http nor https",
            ),
        ];
        match contradictions.into_iter().find(|(holds, _)| *holds) {
            Some((_, contradiction)) => Err(ConfigError::Fetch(contradiction)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictory_settings_are_refused() {
        let sound = FetchSettings::default;
        let refused = [
            FetchSettings { timeout: Duration::ZERO, ..sound() },
            FetchSettings { connect_timeout: Duration::ZERO, ..sound() },
            FetchSettings { body_bytes_max: 0, ..sound() },
            FetchSettings { proxy: Some(Url::parse("socks5://proxy.example:1080").unwrap()), ..sound() },
        ];
        for settings in refused {
            assert!(settings.check().is_err(), "{settings:?}");
        }
        let proxied = Some(Url::parse("http://proxy.example:3128").unwrap());
        let accepted = [sound(), FetchSettings { proxy: proxied, body_bytes_max: 1, ..sound() }];
        for settings in accepted {
            assert!(settings.check().is_ok(), "{settings:?}");
        }
    }
}
