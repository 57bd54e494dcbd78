//! A signing key as it is kept: public parts, the sealed private half, its state and times.
//!
//! When a key changes its state is [`crate::lifecycle`]'s matter; this module only keeps the parts consistent.

use std::fmt;

use jwksmith_jose::limits::KID_BYTES_MAX;
use jwksmith_jose::{Algorithm, Certificate, UnixTime, quoted};

use crate::lifecycle::Transition;
use crate::seal::Sealed;

/// Where a signing key stands in its life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyState {
    /// Published, signs. Exactly one per tenant and algorithm
    Current,
    /// Published, does not sign yet
    Next,
    /// Published, signs no more, verifies until its last token has expired
    Previous,
    /// Withdrawn at once, whatever it signed
    Revoked,
}

/// Every state with its name, in the order in which keys are listed.
const STATES: [(KeyState, &str); 4] = [
    (KeyState::Current, "current"),
    (KeyState::Next, "next"),
    (KeyState::Previous, "previous"),
    (KeyState::Revoked, "revoked"),
];

impl KeyState {
    /// Every state.
    pub fn all() -> impl Iterator<Item = Self> {
        STATES.iter().map(|(state, _)| *state)
    }

    /// The name of the state, as it is stored and shown.
    pub fn name(self) -> &'static str {
        STATES.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        STATES.iter().find(|(_, known)| *known == name).map(|(state, _)| *state)
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The parts of a signing key, as a store reads and writes them. [`SigningKeyRecord`] proves that they fit together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyParts {
    /// Names the key, in this tenant and in every other
    pub kid: String,
    /// The one algorithm that it signs with
    pub algorithm: Algorithm,
    /// Where it stands
    pub state: KeyState,
    /// Its self-signed certificate, which holds the public half
    pub certificate: Certificate,
    /// The private half; destroyed with revocation
    pub sealed_private: Option<Sealed>,
    /// When it was made
    pub created_at: UnixTime,
    /// When it began to sign
    pub current_since: Option<UnixTime>,
    /// When it ceased to sign
    pub current_until: Option<UnixTime>,
    /// When it was withdrawn
    pub revoked_at: Option<UnixTime>,
}

/// A signing key whose parts fit its state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SigningKeyRecord(KeyParts);

/// The parts of a key contradict each other. Whoever wrote the record did not take it from here.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the record of the {state} key {} is inconsistent: {fault}", quoted(kid))]
pub struct KeyInconsistent {
    /// The key.
    pub kid: String,
    /// Its state.
    pub state: KeyState,
    /// What does not fit.
    pub fault: &'static str,
}

impl SigningKeyRecord {
    /// The parts, to read.
    pub fn parts(&self) -> &KeyParts {
        &self.0
    }

    /// `kid`.
    pub fn kid(&self) -> &str {
        &self.0.kid
    }

    /// The one algorithm that it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    /// Where it stands.
    pub fn state(&self) -> KeyState {
        self.0.state
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.0.certificate
    }

    /// The sealed private half, unless it is destroyed.
    pub fn sealed_private(&self) -> Option<&Sealed> {
        self.0.sealed_private.as_ref()
    }

    /// This key after a transition that [`crate::lifecycle`] decided on.
    ///
    /// # Errors
    /// [`KeyInconsistent`] if the transition is not one of this key.
    pub fn after(&self, transition: &Transition) -> Result<Self, KeyInconsistent> {
        if transition.kid != self.0.kid || transition.from != Some(self.0.state) {
            return Err(inconsistent(&self.0, "the transition is for another key or another state"));
        }
        let mut parts = self.0.clone();
        parts.state = transition.to;
        match transition.to {
            KeyState::Next => {}
            KeyState::Current => parts.current_since = Some(transition.at),
            KeyState::Previous => parts.current_until = Some(transition.at),
            KeyState::Revoked => {
                parts.revoked_at = Some(transition.at);
                parts.sealed_private = None;
            }
        }
        parts.try_into()
    }
}

impl TryFrom<KeyParts> for SigningKeyRecord {
    type Error = KeyInconsistent;

    fn try_from(parts: KeyParts) -> Result<Self, KeyInconsistent> {
        match fault(&parts) {
            Some(fault) => Err(inconsistent(&parts, fault)),
            None => Ok(Self(parts)),
        }
    }
}

fn inconsistent(parts: &KeyParts, fault: &'static str) -> KeyInconsistent {
    KeyInconsistent { kid: parts.kid.clone(), state: parts.state, fault }
}

fn fault(parts: &KeyParts) -> Option<&'static str> {
    let began = parts.current_since.is_some();
    let ended = parts.current_until.is_some();
    let fits = match parts.state {
        KeyState::Next => !began && !ended,
        KeyState::Current => began && !ended,
        KeyState::Previous | KeyState::Revoked => began && ended,
    };
    let revoked = parts.state == KeyState::Revoked;
    let faults = [
        ("its `kid` is empty or too long", parts.kid.is_empty() || parts.kid.len() > KID_BYTES_MAX),
        ("a shared secret has no certificate", parts.algorithm.is_symmetric()),
        ("its times do not fit its state", !fits || parts.revoked_at.is_some() != revoked),
        ("only a revoked key has no private half", parts.sealed_private.is_none() != revoked),
    ];
    faults.into_iter().find(|(_, present)| *present).map(|(fault, _)| fault)
}
