//! An issuer that is trusted: its policy, where its keys come from, and how they are kept.

use std::sync::Arc;

use jwksmith_jose::{Certificate, Policy};

use crate::cache::CacheSettings;
use crate::source::KeySource;
use crate::transport::{FetchSettings, Transport};

/// An issuer whose tokens are accepted, with all that is its own: policy, sources of keys, settings and state. No key of one
/// issuer ever verifies a token of another.
///
/// ```
/// use jwksmith_verifier::{Algorithm, KeySource, Policy, TrustedIssuer};
///
/// # fn demo() -> Result<(), jwksmith_verifier::PolicyError> {
/// let policy = Policy::new("https://issuer.example/", "https://api.example/", [Algorithm::RS256])?;
/// let with_a_spare = TrustedIssuer::new(policy)
///     .sources([KeySource::Discovery, KeySource::File("/etc/issuer/jwks.json".into())]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TrustedIssuer {
    pub(crate) policy: Policy,
    pub(crate) sources: Vec<KeySource>,
    pub(crate) cache: CacheSettings,
    pub(crate) fetch: FetchSettings,
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) roots: Option<Arc<[Certificate]>>,
}

impl TrustedIssuer {
    /// The issuer of this policy, located through discovery, with the default settings.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            sources: vec![KeySource::Discovery],
            cache: CacheSettings::default(),
            fetch: FetchSettings::default(),
            transport: None,
            roots: None,
        }
    }

    /// Where its keys come from: each refresh asks them in this order, and takes the first that delivers.
    #[must_use]
    pub fn sources(mut self, sources: impl IntoIterator<Item = KeySource>) -> Self {
        self.sources = sources.into_iter().collect();
        self
    }

    /// When its key set is fetched.
    #[must_use]
    pub fn cache(mut self, settings: CacheSettings) -> Self {
        self.cache = settings;
        self
    }

    /// How each fetch is bounded, and where it may lead.
    #[must_use]
    pub fn fetch(mut self, settings: FetchSettings) -> Self {
        self.fetch = settings;
        self
    }

    /// Uses only keys whose certificates (`x5c`) lead to one of these roots at the time of each refresh. Without this, a key is
    /// trusted because its issuer publishes it, and its certificate must only be for that key.
    #[must_use]
    pub fn certificate_roots(mut self, roots: impl IntoIterator<Item = Certificate>) -> Self {
        self.roots = Some(roots.into_iter().collect());
        self
    }

    /// Fetches through another transport than HTTP by reqwest. Of the fetch settings only `timeout` and
    /// `json_content_type_only` have an effect then.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }
}

impl From<Policy> for TrustedIssuer {
    fn from(policy: Policy) -> Self {
        Self::new(policy)
    }
}
