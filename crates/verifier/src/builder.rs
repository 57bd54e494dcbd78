//! From settings to a verifier: what contradicts itself is refused here, before the first token.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::broadcast;

use crate::cache::{Cache, Parts};
use crate::clock::{Clock, SystemClock};
use crate::error::ConfigError;
use crate::event::EVENTS_WAITING_MAX;
use crate::saved::{Saved, SnapshotStore};
use crate::source::{Bounds, KeySource, Sources};
use crate::token_cache::{TokenCache, TokenCacheSettings};
use crate::transport::{FetchSettings, HttpTransport, Transport};
use crate::trusted::TrustedIssuer;
use crate::verifier::{Trusted, Verifier, is_template};

/// Sets up a [`Verifier`] in other ways than the default.
pub struct VerifierBuilder {
    issuers: Vec<TrustedIssuer>,
    clock: Arc<dyn Clock>,
    store: Option<Arc<dyn SnapshotStore>>,
    tokens: Option<TokenCacheSettings>,
    seed: u64,
}

impl VerifierBuilder {
    pub(crate) fn new(first: TrustedIssuer) -> Self {
        let seed = RandomState::new().hash_one(0_u8);
        Self { issuers: vec![first], clock: Arc::new(SystemClock::new()), store: None, tokens: None, seed }
    }

    /// Accepts tokens of this issuer too.
    #[must_use]
    pub fn trust(mut self, issuer: impl Into<TrustedIssuer>) -> Self {
        self.issuers.push(issuer.into());
        self
    }

    /// Keeps key sets there beyond the life of this process. What is there is read when the verifier is built.
    #[must_use]
    pub fn snapshots(mut self, store: Arc<dyn SnapshotStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Remembers tokens that were verified. Off unless asked for.
    #[must_use]
    pub fn token_cache(mut self, settings: TokenCacheSettings) -> Self {
        self.tokens = Some(settings);
        self
    }

    /// Another clock, as tests and the `--at` of the command line need.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Where the chance comes from that spreads refreshes; from the system unless set. A simulation sets it, so that it can be
    /// run again.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The verifier. Within a tokio runtime, fetches that are begun outside of any run in that one.
    ///
    /// # Errors
    /// [`ConfigError`] if an issuer or a source is no place that may be fetched from, if two issuers have one name, or if settings
    /// contradict each other.
    pub fn build(self) -> Result<Verifier, ConfigError> {
        let tokens = self.tokens.map(|settings| TokenCache::new(settings, self.issuers.len())).transpose()?;
        let shared = Building {
            clock: self.clock,
            store: self.store,
            events: broadcast::Sender::new(EVENTS_WAITING_MAX),
            runtime: Handle::try_current().ok(),
            seed: self.seed,
        };
        let mut transports = HashMap::new();
        let issuers = self.issuers.into_iter().enumerate();
        let issuers = issuers.map(|(place, issuer)| shared.trusted(place, issuer, &mut transports));
        let issuers = issuers.collect::<Result<Vec<_>, _>>()?;
        Verifier::of(issuers, shared.clock, shared.events, tokens)
    }
}

/// What all issuers of a verifier share.
struct Building {
    clock: Arc<dyn Clock>,
    store: Option<Arc<dyn SnapshotStore>>,
    events: broadcast::Sender<crate::event::Event>,
    runtime: Option<Handle>,
    seed: u64,
}

impl Building {
    fn trusted(
        &self,
        place: usize,
        issuer: TrustedIssuer,
        transports: &mut HashMap<FetchSettings, Arc<dyn Transport>>,
    ) -> Result<Trusted, ConfigError> {
        let TrustedIssuer { policy, sources, cache, fetch, transport, roots } = issuer;
        let bounds = Bounds::of(&fetch);
        fetch.check()?;
        if is_template(&policy) && sources.contains(&KeySource::Discovery) {
            let reason =
                "it stands for many tenants: say where its document is (`DiscoveryAt`), or its key set";
            return Err(ConfigError::Source { place: policy.issuer().to_owned(), reason });
        }
        let transport = transport.map_or_else(|| shared_transport(fetch, transports), Ok)?;
        let sources = Sources::new(policy.issuer(), sources, transport, Arc::clone(&self.clock), bounds)?;
        let name: Arc<str> = policy.issuer().into();
        let parts = Parts {
            issuer: Arc::clone(&name),
            sources,
            roots,
            clock: Arc::clone(&self.clock),
            events: self.events.clone(),
            store: self.store.clone(),
            runtime: self.runtime.clone(),
            // Each issuer goes its own way.
            seed: self.seed.wrapping_add(u64::try_from(place).unwrap_or_default() << 32),
        };
        let cache = Cache::new(parts, cache.checked()?);
        self.restore(&name, &cache);
        Ok(Trusted { place, name, policy, cache })
    }

    fn restore(&self, issuer: &str, cache: &Cache) {
        let Some(store) = &self.store else { return };
        let outcome = store.load(issuer).and_then(|bytes| match bytes {
            None => Ok(false),
            Some(bytes) => Saved::parse(issuer, &bytes)
                .and_then(|saved| cache.restore(&saved))
                .map(|()| true)
                .map_err(str::to_owned),
        });
        match outcome {
            Ok(restored) => tracing::info!(issuer, restored, "looked for a saved key set"),
            Err(reason) => tracing::warn!(issuer, reason, "the saved key set is not used"),
        }
    }
}

/// Issuers with the same settings share their connections and the roots that they trust.
fn shared_transport(
    settings: FetchSettings,
    transports: &mut HashMap<FetchSettings, Arc<dyn Transport>>,
) -> Result<Arc<dyn Transport>, ConfigError> {
    if let Some(transport) = transports.get(&settings) {
        return Ok(Arc::clone(transport));
    }
    let transport: Arc<dyn Transport> = Arc::new(HttpTransport::new(settings.clone())?);
    transports.insert(settings, Arc::clone(&transport));
    Ok(transport)
}
