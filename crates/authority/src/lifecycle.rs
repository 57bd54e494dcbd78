//! The life of signing keys as a pure state machine: facts about a tenant's keys and a wish in, transitions or a refusal out.
//!
//! ```text
//!             rotate           rotate             revoke
//!   (fresh) ─────────► next ─────────► current ─┐
//!                                       rotate  ▼
//!                                           previous ───► revoked
//! ```
//!
//! Nothing here seals, stores, or knows a clock; whoever calls carries the transitions out. In the steady state a tenant has
//! one current and one next key per algorithm, so that an emergency waits for nothing.

use jwksmith_jose::{Algorithm, UnixTime, quoted};

use crate::key::{KeyState, SigningKeyRecord};

/// How many published keys a tenant may have. Verifiers bound the key sets that they read, and every previous key costs
/// each of them two kilobytes.
pub const PUBLISHED_KEYS_MAX: usize = 64;

/// What the state machine must know of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyFacts<'a> {
    /// Names the key
    pub kid: &'a str,
    /// What it signs with
    pub algorithm: Algorithm,
    /// Where it stands
    pub state: KeyState,
}

impl<'a> From<&'a SigningKeyRecord> for KeyFacts<'a> {
    fn from(key: &'a SigningKeyRecord) -> Self {
        Self { kid: key.kid(), algorithm: key.algorithm(), state: key.state() }
    }
}

/// One key goes from one state to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transition {
    /// Names the key
    pub kid: String,
    /// Where it stood; nothing for a fresh key
    pub from: Option<KeyState>,
    /// Where it stands now
    pub to: KeyState,
    /// Since when
    pub at: UnixTime,
}

/// Why a transition is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LifecycleError {
    /// No key of the tenant has this `kid`.
    #[error("there is no signing key {}: list the keys and take the `kid` from there", quoted(kid))]
    KeyUnknown {
        /// What was asked for.
        kid: String,
    },
    /// The current key cannot be revoked, because nothing would sign.
    #[error("the signing key {} is the current one: rotate first, then revoke it", quoted(kid))]
    KeyIsCurrent {
        /// The key.
        kid: String,
    },
    /// The next key cannot be revoked, because an emergency would find no other one published.
    #[error(
        "the signing key {} is the next one and has signed nothing: rotate twice, then revoke it",
        quoted(kid)
    )]
    KeyIsNext {
        /// The key.
        kid: String,
    },
    /// Revoked is revoked.
    #[error("the signing key {} is revoked already: there is nothing left to do", quoted(kid))]
    AlreadyRevoked {
        /// The key.
        kid: String,
    },
    /// The fresh key's `kid` has been used. A `kid` never changes its key.
    #[error("the `kid` {} has been used before: make the fresh key anew", quoted(kid))]
    KidUsed {
        /// The fresh key.
        kid: String,
    },
    /// Not exactly one current and one next key of the algorithm.
    #[error(
        "{algorithm} has {current} current and {next} next keys instead of one each, so it cannot rotate: restore the data from a backup"
    )]
    KeysIncomplete {
        /// The algorithm.
        algorithm: Algorithm,
        /// How many current keys there are.
        current: usize,
        /// How many next keys there are.
        next: usize,
    },
    /// One more key would be more than [`PUBLISHED_KEYS_MAX`].
    #[error(
        "the tenant would have more than {PUBLISHED_KEYS_MAX} published keys, and verifiers read no larger key sets: revoke previous keys whose tokens have expired, then rotate"
    )]
    TooManyPublished,
}

impl LifecycleError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::KeyUnknown { .. } => "key_unknown",
            Self::KeyIsCurrent { .. } => "key_is_current",
            Self::KeyIsNext { .. } => "key_is_next",
            Self::AlreadyRevoked { .. } => "key_already_revoked",
            Self::KidUsed { .. } => "kid_used",
            Self::KeysIncomplete { .. } => "keys_incomplete",
            Self::TooManyPublished => "too_many_published_keys",
        }
    }
}

/// Whether keys in this state are in the key set.
pub fn published(state: KeyState) -> bool {
    matches!(state, KeyState::Current | KeyState::Next | KeyState::Previous)
}

/// Whether keys in this state sign.
pub fn signs(state: KeyState) -> bool {
    state == KeyState::Current
}

/// Rotates one algorithm: next becomes current, current becomes previous, and the fresh key enters as next.
///
/// The transitions stand in an order in which no algorithm ever has two current or two next keys.
///
/// # Errors
/// [`LifecycleError`].
pub fn rotate(
    keys: &[KeyFacts<'_>],
    algorithm: Algorithm,
    fresh_next_kid: &str,
    now: UnixTime,
) -> Result<Vec<Transition>, LifecycleError> {
    let (current, next) = steady(keys, algorithm)?;
    if keys.iter().any(|key| key.kid == fresh_next_kid) {
        return Err(LifecycleError::KidUsed { kid: fresh_next_kid.to_owned() });
    }
    if keys.iter().filter(|key| published(key.state)).count() >= PUBLISHED_KEYS_MAX {
        return Err(LifecycleError::TooManyPublished);
    }
    Ok(vec![
        to(current.kid, Some(KeyState::Current), KeyState::Previous, now),
        to(next.kid, Some(KeyState::Next), KeyState::Current, now),
        to(fresh_next_kid, None, KeyState::Next, now),
    ])
}

/// Withdraws a previous key at once, whatever it signed.
///
/// # Errors
/// [`LifecycleError`].
pub fn revoke(keys: &[KeyFacts<'_>], kid: &str, now: UnixTime) -> Result<Vec<Transition>, LifecycleError> {
    let known = keys.iter().find(|key| key.kid == kid);
    let kid = kid.to_owned();
    match known.map(|key| key.state) {
        None => Err(LifecycleError::KeyUnknown { kid }),
        Some(KeyState::Current) => Err(LifecycleError::KeyIsCurrent { kid }),
        Some(KeyState::Next) => Err(LifecycleError::KeyIsNext { kid }),
        Some(KeyState::Revoked) => Err(LifecycleError::AlreadyRevoked { kid }),
        Some(KeyState::Previous) => Ok(vec![to(&kid, Some(KeyState::Previous), KeyState::Revoked, now)]),
    }
}

/// The one current and the one next key of an algorithm.
///
/// # Errors
/// [`LifecycleError::KeysIncomplete`].
pub fn steady<'k>(
    keys: &[KeyFacts<'k>],
    algorithm: Algorithm,
) -> Result<(KeyFacts<'k>, KeyFacts<'k>), LifecycleError> {
    let of = |state| -> Vec<KeyFacts<'k>> {
        keys.iter().filter(|key| key.algorithm == algorithm && key.state == state).copied().collect()
    };
    match (of(KeyState::Current).as_slice(), of(KeyState::Next).as_slice()) {
        ([current], [next]) => Ok((*current, *next)),
        (current, next) => {
            let (current, next) = (current.len(), next.len());
            Err(LifecycleError::KeysIncomplete { algorithm, current, next })
        }
    }
}

fn to(kid: &str, from: Option<KeyState>, to: KeyState, at: UnixTime) -> Transition {
    Transition { kid: kid.to_owned(), from, to, at }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

    type Keys = Vec<(String, Algorithm, KeyState)>;

    fn facts(keys: &Keys) -> Vec<KeyFacts<'_>> {
        keys.iter()
            .map(|(kid, algorithm, state)| KeyFacts { kid, algorithm: *algorithm, state: *state })
            .collect()
    }

    /// One key in each state, for each of two algorithms: `RS256-current` and so on.
    fn steady_keys() -> Keys {
        let algorithms = [Algorithm::RS256, Algorithm::ES256];
        algorithms
            .into_iter()
            .flat_map(|algorithm| {
                KeyState::all().map(move |state| (format!("{algorithm}-{state}"), algorithm, state))
            })
            .collect()
    }

    fn apply(keys: &mut Keys, algorithm: Algorithm, transitions: Vec<Transition>) {
        for step in transitions {
            assert_eq!(step.at, NOW);
            match step.from {
                None => keys.push((step.kid, algorithm, step.to)),
                Some(from) => {
                    let key = keys.iter_mut().find(|(kid, _, _)| *kid == step.kid).unwrap();
                    assert_eq!(key.2, from, "{}", step.kid);
                    key.2 = step.to;
                }
            }
            assert_at_most_one(keys);
        }
    }

    fn count(keys: &Keys, algorithm: Algorithm, state: KeyState) -> usize {
        keys.iter().filter(|key| key.1 == algorithm && key.2 == state).count()
    }

    fn assert_at_most_one(keys: &Keys) {
        for algorithm in [Algorithm::RS256, Algorithm::ES256] {
            assert!(count(keys, algorithm, KeyState::Current) <= 1, "{keys:?}");
            assert!(count(keys, algorithm, KeyState::Next) <= 1, "{keys:?}");
        }
    }

    fn assert_steady(keys: &Keys) {
        for algorithm in [Algorithm::RS256, Algorithm::ES256] {
            assert!(steady(&facts(keys), algorithm).is_ok(), "{keys:?}");
        }
        let unique: std::collections::HashSet<_> = keys.iter().map(|key| &key.0).collect();
        assert_eq!(unique.len(), keys.len(), "no `kid` twice: {keys:?}");
    }

    fn check_revoke(state: KeyState, expected: Result<(), &str>) {
        let keys = steady_keys();
        let kid = format!("RS256-{state}");
        let found = revoke(&facts(&keys), &kid, NOW);
        assert_eq!(found.as_ref().map(|_| ()).map_err(LifecycleError::code), expected, "{state}");
        if let Ok(transitions) = found {
            assert_eq!(transitions, [to(&kid, Some(state), KeyState::Revoked, NOW)]);
        }
    }

    #[test]
    fn revoke_takes_previous_keys_only() {
        check_revoke(KeyState::Previous, Ok(()));
        check_revoke(KeyState::Current, Err("key_is_current"));
        check_revoke(KeyState::Next, Err("key_is_next"));
        check_revoke(KeyState::Revoked, Err("key_already_revoked"));
        for unknown in ["", "RS256", "rs256-previous", "RS256-previous "] {
            let error = revoke(&facts(&steady_keys()), unknown, NOW).unwrap_err();
            assert_eq!(error.code(), "key_unknown");
        }
        assert_eq!(revoke(&[], "x", NOW).unwrap_err().code(), "key_unknown");
    }

    #[test]
    fn rotate_moves_each_key_one_step_and_leaves_the_rest() {
        let keys = steady_keys();
        let expected = [
            to("RS256-current", Some(KeyState::Current), KeyState::Previous, NOW),
            to("RS256-next", Some(KeyState::Next), KeyState::Current, NOW),
            to("fresh", None, KeyState::Next, NOW),
        ];
        assert_eq!(rotate(&facts(&keys), Algorithm::RS256, "fresh", NOW).unwrap(), expected);
    }

    /// Every combination of up to two keys, in every state: only one current with one next rotates.
    #[test]
    fn rotate_needs_one_current_and_one_next() {
        let states: Vec<Option<KeyState>> = KeyState::all().map(Some).chain([None]).collect();
        for a in &states {
            for b in &states {
                for c in &states {
                    check_rotate(&[*a, *b, *c]);
                }
            }
        }
    }

    fn check_rotate(states: &[Option<KeyState>]) {
        let present = states.iter().flatten().enumerate();
        let keys: Keys = present.map(|(i, state)| (i.to_string(), Algorithm::RS256, *state)).collect();
        let of = |state| count(&keys, Algorithm::RS256, state);
        let expected = (of(KeyState::Current), of(KeyState::Next));
        let found = rotate(&facts(&keys), Algorithm::RS256, "fresh", NOW);
        if expected == (1, 1) {
            assert_eq!(found.map(|transitions| transitions.len()), Ok(3), "{states:?}");
        } else {
            let algorithm = Algorithm::RS256;
            let (current, next) = expected;
            assert_eq!(found, Err(LifecycleError::KeysIncomplete { algorithm, current, next }), "{states:?}");
        }
        let other = rotate(&facts(&keys), Algorithm::ES256, "fresh", NOW);
        assert_eq!(other.unwrap_err().code(), "keys_incomplete", "another algorithm's keys do not count");
    }

    #[test]
    fn rotate_never_takes_a_used_kid() {
        let keys = steady_keys();
        for (kid, _, _) in &keys {
            let error = rotate(&facts(&keys), Algorithm::RS256, kid, NOW).unwrap_err();
            assert_eq!(error, LifecycleError::KidUsed { kid: kid.clone() });
        }
    }

    #[test]
    fn rotate_stops_at_the_published_limit() {
        let mut keys: Keys = vec![
            ("c".into(), Algorithm::RS256, KeyState::Current),
            ("n".into(), Algorithm::RS256, KeyState::Next),
        ];
        for number in 0..PUBLISHED_KEYS_MAX - 2 {
            let fresh = format!("fresh-{number}");
            let transitions = rotate(&facts(&keys), Algorithm::RS256, &fresh, NOW).unwrap();
            apply(&mut keys, Algorithm::RS256, transitions);
        }
        assert_eq!(keys.len(), PUBLISHED_KEYS_MAX);
        let refused = rotate(&facts(&keys), Algorithm::RS256, "more", NOW);
        assert_eq!(refused, Err(LifecycleError::TooManyPublished));
        let revoked = revoke(&facts(&keys), "c", NOW).unwrap();
        apply(&mut keys, Algorithm::RS256, revoked);
        assert!(rotate(&facts(&keys), Algorithm::RS256, "more", NOW).is_ok(), "revoked keys do not count");
    }

    /// Every sequence of five wishes: rotate either algorithm, or revoke the first key that can be.
    #[test]
    fn any_sequence_keeps_the_house_in_order() {
        for sequence in 0..3_usize.pow(5) {
            let mut keys = steady_keys();
            for step in 0..5_u32 {
                walk(&mut keys, sequence / 3_usize.pow(step) % 3, step);
                assert_steady(&keys);
            }
        }
    }

    fn walk(keys: &mut Keys, wish: usize, step: u32) {
        let revoked_before = revoked(keys);
        if wish == 2 {
            let Some(kid) = keys.iter().find(|key| key.2 == KeyState::Previous).map(|key| key.0.clone())
            else {
                return;
            };
            let transitions = revoke(&facts(keys), &kid, NOW).unwrap();
            apply(keys, Algorithm::RS256, transitions);
            assert_eq!(revoke(&facts(keys), &kid, NOW).unwrap_err().code(), "key_already_revoked");
        } else {
            let algorithm = [Algorithm::RS256, Algorithm::ES256][wish];
            let transitions = rotate(&facts(keys), algorithm, &format!("fresh-{step}"), NOW).unwrap();
            apply(keys, algorithm, transitions);
        }
        assert!(revoked_before.is_subset(&revoked(keys)), "revoked never comes back");
    }

    fn revoked(keys: &Keys) -> std::collections::HashSet<String> {
        keys.iter().filter(|key| key.2 == KeyState::Revoked).map(|key| key.0.clone()).collect()
    }

    #[test]
    fn states_publish_and_sign_as_the_design_says() {
        for (state, is_published, does_sign) in [
            (KeyState::Next, true, false),
            (KeyState::Current, true, true),
            (KeyState::Previous, true, false),
            (KeyState::Revoked, false, false),
        ] {
            assert_eq!((published(state), signs(state)), (is_published, does_sign), "{state}");
            assert_eq!(KeyState::from_name(state.name()), Some(state));
        }
        assert_eq!(KeyState::from_name("Current"), None);
        assert_eq!(KeyState::from_name(""), None);
    }
}
