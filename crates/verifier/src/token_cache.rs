//! The memory of verified tokens: off unless asked for.
//!
//! A token is found again only if it is the same to the last byte, was verified under this verifier's policy for its issuer, and
//! with the key set that is in use now: with another set nothing that was remembered counts, so a withdrawn key takes its tokens
//! along. Times are looked at on every hit. Tokens that are refused are never remembered.
//!
//! It pays where the same token comes many times and its signature is dear. It is not for tokens that must be seen once only.

use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jwksmith_jose::limits::TOKEN_BYTES_MAX;
use jwksmith_jose::{Refusal, VerifiedToken};
use metrics::{Counter, counter};
use quick_cache::sync::{Cache, DefaultLifecycle, GuardResult};
use quick_cache::{DefaultHashBuilder, Weighter};

use crate::case::Recall;
use crate::error::ConfigError;

/// How the memory of verified tokens is bounded.
///
/// | setting | default | because |
/// | --- | --- | --- |
/// | `bytes_max` | 16 MiB | about 7,000 tokens of 900 bytes |
/// | `token_bytes_max` | 4 KiB | few tokens are longer, and those would take the room of many |
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TokenCacheSettings {
    /// What all that is remembered may take, with the tokens' own texts. Beyond it, what is used least is forgotten.
    pub bytes_max: usize,
    /// A longer token is verified each time.
    pub token_bytes_max: usize,
}

impl Default for TokenCacheSettings {
    fn default() -> Self {
        Self { bytes_max: 16 * 1024 * 1024, token_bytes_max: 4 * 1024 }
    }
}

/// How full the memory of verified tokens is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TokenCacheUse {
    /// How many tokens are remembered
    pub tokens: usize,
    /// What they take
    pub bytes: u64,
}

/// For how long a call waits for another that verifies the same token; a verification takes a fraction of it.
const SHARED_WAIT_MAX: Duration = Duration::from_millis(5);

/// What an entry takes beside the token and its claims: both tables of the library, and the head of the allocation.
const ENTRY_BYTES: usize = 128;

/// What one token takes as a rule, to size the tables: its text, and the claims in it.
const TOKEN_BYTES_USUAL: usize = 2048;

pub(crate) struct TokenCache {
    entries: Cache<String, Entry, Weight, ByTheEnd>,
    token_bytes_max: usize,
    shared_wait_max: Duration,
    /// For each issuer the generation of the set that its entries were verified with.
    generations: Vec<AtomicU64>,
    hits: Counter,
    misses: Counter,
}

#[derive(Clone)]
struct Entry {
    token: VerifiedToken,
    issuer: usize,
    generation: u64,
}

#[derive(Clone, Copy)]
struct Weight;

impl TokenCache {
    pub(crate) fn new(settings: TokenCacheSettings, issuers: usize) -> Result<Self, ConfigError> {
        let TokenCacheSettings { bytes_max, token_bytes_max } = settings;
        if token_bytes_max == 0 || token_bytes_max > TOKEN_BYTES_MAX {
            return Err(ConfigError::TokenCache("`token_bytes_max` must be between 1 byte and 16 KiB"));
        }
        if bytes_max < token_bytes_max.saturating_mul(16) {
            return Err(ConfigError::TokenCache(
                "`bytes_max` has no room for 16 tokens of `token_bytes_max`",
            ));
        }
        let capacity = u64::try_from(bytes_max).unwrap_or(u64::MAX);
        Ok(Self {
            entries: Cache::with(
                bytes_max / TOKEN_BYTES_USUAL,
                capacity,
                Weight,
                ByTheEnd::default(),
                DefaultLifecycle::default(),
            ),
            token_bytes_max,
            shared_wait_max: SHARED_WAIT_MAX,
            generations: (0..issuers).map(|_| AtomicU64::new(0)).collect(),
            hits: counter!("jwksmith_token_cache_total", "outcome" => "hit"),
            misses: counter!("jwksmith_token_cache_total", "outcome" => "miss"),
        })
    }

    /// The token as it was verified before, or as `verify` finds it now. Simultaneous callers with one token share one
    /// verification.
    pub(crate) fn once(
        &self,
        token: &str,
        to: Recall<'_>,
        verify: impl FnOnce() -> Result<VerifiedToken, Refusal>,
    ) -> Result<VerifiedToken, Refusal> {
        if token.len() > self.token_bytes_max {
            return verify();
        }
        self.forget_other_generations(to);
        match self.entries.get_value_or_guard(token, Some(self.shared_wait_max)) {
            GuardResult::Value(entry) if entry.is_bound(to) => self.hit(token, entry, to),
            GuardResult::Guard(guard) => {
                self.misses.increment(1);
                let token = verify()?;
                // Another token may have pushed it out already, which is no matter.
                let _ = guard.insert(Entry::new(&token, to));
                Ok(token)
            }
            GuardResult::Value(_) | GuardResult::Timeout => {
                self.misses.increment(1);
                let verified = verify()?;
                self.entries.insert(token.to_owned(), Entry::new(&verified, to));
                Ok(verified)
            }
        }
    }

    fn hit(&self, token: &str, entry: Entry, to: Recall<'_>) -> Result<VerifiedToken, Refusal> {
        self.hits.increment(1);
        let Err(refusal) = entry.token.check_times(to.policy, to.now) else { return Ok(entry.token) };
        self.entries.remove(token);
        Err(refusal)
    }

    /// Gives the memory back that tokens of another key set take; they would not be found anyway.
    fn forget_other_generations(&self, to: Recall<'_>) {
        let Some(known) = self.generations.get(to.place) else { return };
        let before = known.load(Ordering::Relaxed);
        let is_first = before < to.generation
            && known.compare_exchange(before, to.generation, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if is_first && before > 0 {
            self.entries.retain(|_, entry| entry.issuer != to.place || entry.generation == to.generation);
        }
    }

    pub(crate) fn in_use(&self) -> TokenCacheUse {
        TokenCacheUse { tokens: self.entries.len(), bytes: self.entries.weight() }
    }
}

impl Entry {
    fn new(token: &VerifiedToken, to: Recall<'_>) -> Self {
        Self { token: token.clone(), issuer: to.place, generation: to.generation }
    }

    fn is_bound(&self, to: Recall<'_>) -> bool {
        self.issuer == to.place && self.generation == to.generation
    }
}

impl Weighter<String, Entry> for Weight {
    fn weight(&self, token: &String, entry: &Entry) -> u64 {
        let bytes = token.len().saturating_add(entry.token.bytes()).saturating_add(ENTRY_BYTES);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// How much of a token's end is hashed.
const HASHED_BYTES: usize = 24;

/// Hashes a token by its end: the signature, in which good tokens differ as much as random bytes do. What is found is still
/// compared to the last byte, and only good tokens are kept: nobody can fill the table with others that collide.
#[derive(Clone, Default)]
struct ByTheEnd(DefaultHashBuilder);

struct EndHasher(<DefaultHashBuilder as BuildHasher>::Hasher);

impl BuildHasher for ByTheEnd {
    type Hasher = EndHasher;

    fn build_hasher(&self) -> EndHasher {
        EndHasher(self.0.build_hasher())
    }
}

impl Hasher for EndHasher {
    fn write(&mut self, bytes: &[u8]) {
        let begin = bytes.len().saturating_sub(HASHED_BYTES);
        self.0.write(bytes.get(begin..).unwrap_or_default());
    }

    fn write_u8(&mut self, _: u8) {
        // The end that `str` marks for tuples of texts; a key is one text.
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use jwksmith_jose::{Algorithm, KeySet, Policy, SigningKey, UnixTime, verify_token};
    use serde_json::json;

    const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

    /// A token and what is needed to verify it.
    struct Scene {
        token: String,
        keys: KeySet,
        policy: Policy,
    }

    impl Scene {
        fn new() -> Self {
            let private = SigningKey::generate(Algorithm::EdDSA).unwrap();
            let key = SigningKey::from_private(Algorithm::EdDSA, &private).unwrap();
            let jwk = serde_json::to_value(key.public_jwk("a").unwrap()).unwrap();
            let claims = json!({ "iss": "https://i.example/", "aud": "a", "exp": NOW.saturating_add(60).as_seconds() });
            Self {
                token: key.sign_token(Some("a"), "at+jwt", &claims).unwrap(),
                keys: KeySet::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap(),
                policy: Policy::new("https://i.example/", "a", [Algorithm::EdDSA]).unwrap(),
            }
        }

        fn to(&self, place: usize, generation: u64) -> Recall<'_> {
            Recall { place, policy: &self.policy, generation, now: NOW }
        }

        fn verify(&self) -> Result<VerifiedToken, Refusal> {
            verify_token(&self.token, &self.keys, &self.policy, NOW)
        }

        /// Whether the token had to be verified.
        fn verifies(&self, cache: &TokenCache, to: Recall<'_>) -> bool {
            let mut verified = false;
            let outcome = cache.once(&self.token, to, || {
                verified = true;
                self.verify()
            });
            assert!(outcome.is_ok());
            verified
        }
    }

    fn cache() -> TokenCache {
        TokenCache::new(TokenCacheSettings::default(), 2).unwrap()
    }

    #[test]
    fn token_is_found_again_for_its_issuer_and_its_key_set_only() {
        let (scene, cache) = (Scene::new(), cache());
        assert!(scene.verifies(&cache, scene.to(0, 1)));
        assert!(!scene.verifies(&cache, scene.to(0, 1)));
        assert!(scene.verifies(&cache, scene.to(1, 1)), "another issuer");
        assert!(!scene.verifies(&cache, scene.to(1, 1)));
        assert!(scene.verifies(&cache, scene.to(1, 2)), "another key set");
        assert!(!scene.verifies(&cache, scene.to(1, 2)));
        assert!(scene.verifies(&cache, scene.to(1, 1)), "a caller who was slow, with the key set before");
    }

    #[test]
    fn tokens_of_another_key_set_give_their_memory_back() {
        let (scene, cache) = (Scene::new(), cache());
        scene.verifies(&cache, scene.to(0, 1));
        assert_eq!(cache.in_use().tokens, 1);
        let long = "x".repeat(TokenCacheSettings::default().token_bytes_max + 1);
        assert!(cache.once(&long, scene.to(0, 2), || scene.verify()).is_ok());
        assert_eq!(cache.in_use().tokens, 1, "a token that is too long to be kept asks for nothing");
        assert!(cache.once("other", scene.to(0, 2), || scene.verify()).is_ok());
        assert_eq!(cache.in_use().tokens, 1, "the one before is gone");
    }

    #[test]
    fn refused_token_is_verified_each_time() {
        let (scene, cache) = (Scene::new(), cache());
        for _ in 0..2 {
            let mut verified = false;
            let outcome = cache.once(&scene.token, scene.to(0, 1), || {
                verified = true;
                Err(Refusal::Signature)
            });
            assert!(outcome.is_err() && verified);
        }
        assert_eq!(cache.in_use().tokens, 0);
    }

    #[test]
    fn simultaneous_callers_share_one_verification() {
        const CALLERS: usize = 8;
        let scene = Scene::new();
        let cache = TokenCache { shared_wait_max: Duration::from_mins(1), ..cache() };
        let (calling, verified) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let call = || {
            calling.fetch_add(1, Ordering::SeqCst);
            let outcome = cache.once(&scene.token, scene.to(0, 1), || {
                verified.fetch_add(1, Ordering::SeqCst);
                // Until all have called, so that they find this one at work.
                while calling.load(Ordering::SeqCst) < CALLERS {
                    thread::yield_now();
                }
                scene.verify()
            });
            assert!(outcome.is_ok());
        };
        thread::scope(|scope| (0..CALLERS).for_each(|_| drop(scope.spawn(call))));
        assert_eq!(verified.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn settings_without_room_are_refused() {
        let refused =
            [(0, 1024), (16 * 1024, 0), (16 * 1024 * 17, TOKEN_BYTES_MAX + 1), (16 * 1024 - 1, 1024)];
        for (bytes_max, token_bytes_max) in refused {
            assert!(
                TokenCache::new(TokenCacheSettings { bytes_max, token_bytes_max }, 1).is_err(),
                "{bytes_max}"
            );
        }
        let smallest = TokenCacheSettings { bytes_max: 16 * 1024, token_bytes_max: 1024 };
        assert!(TokenCache::new(smallest, 1).is_ok());
    }
}
