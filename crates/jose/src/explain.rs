//! Every check of a token in its order, with what came of each, and every key of the set with why it was not chosen.
//!
//! The checks are those of [`crate::verify`], in the same order and by the same functions; where verification stops at the
//! first refusal, here the rest is looked at too. It is for finding out, not for deciding: it gives no [`crate::Verified`].
//! Without a key set the same can be told but for the key and the signature. Of the token it repeats what its refusals repeat, never a segment of it, and of keys nothing but their `kid`.

use std::fmt;

use serde::de::IgnoredAny;

use crate::claims::{Claims, RawClaims};
use crate::json;
use crate::keyset::Unfit;
use crate::policy::{COMMON_CHECKS, Demanded, FURTHER_CHECKS};
use crate::token::{Header, Part, Segments};
use crate::{KeySet, Policy, PublishedKey, Refusal, SkipReason, UnixTime, quoted};

/// All that there is to say about a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explanation {
    /// The checks in the order in which they are made
    pub checks: Vec<Check>,
    /// The keys of the set in their order, if the header could be read
    pub keys: Vec<Considered>,
}

/// One check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// What is checked: a stable name
    pub name: &'static str,
    /// Who says that it must be
    pub source: &'static str,
    /// What came of it
    pub outcome: Outcome,
}

/// What came of a check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It was met.
    Passed,
    /// It was not, and why. The first of these is the answer of [`crate::verify`].
    Refused(Refusal),
    /// The policy demands nothing here, or the token has nothing to check.
    NotDemanded,
    /// It could not be made, because an earlier check left nothing to look at.
    NotReached,
}

/// One key of the set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Considered {
    /// Its place in `keys`, from 0
    pub index: usize,
    /// Its `kid`, if it has one
    pub key_id: Option<String>,
    /// Whether it is the token's key
    pub fitness: Fitness,
}

/// Whether a key is the token's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fitness {
    /// It is.
    Chosen,
    /// It fits, and so do others.
    Ambiguous,
    /// It has another `kid` than the token names.
    OtherKeyId,
    /// It is for other algorithms than the token's.
    OtherAlgorithm,
    /// It cannot be used at all.
    Skipped(SkipReason),
}

/// Explains what [`crate::verify`] answers, and everything that it did not come to.
///
/// ```
/// # use jwksmith_jose::{KeySet, Policy, UnixTime, explain};
/// # fn demo(token: &str, keys: &KeySet, policy: &Policy, now: UnixTime) {
/// let explanation = explain(token, keys, policy, now);
/// println!("{explanation}");
/// if let Some(refusal) = explanation.refusal() {
///     println!("refused: {refusal}");
/// }
/// # }
/// ```
pub fn explain(token: &str, keys: &KeySet, policy: &Policy, now: UnixTime) -> Explanation {
    Explanation::of(token, Some(keys), policy, now)
}

/// Explains what can be explained while the key set is not to be had: the key and the signature are not reached.
pub fn explain_without_keys(token: &str, policy: &Policy, now: UnixTime) -> Explanation {
    Explanation::of(token, None, policy, now)
}

impl Explanation {
    /// Why the token is refused, if it is: the first refusal of all.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.checks.iter().find_map(|check| match &check.outcome {
            Outcome::Refused(refusal) => Some(refusal),
            _ => None,
        })
    }

    fn of(token: &str, keys: Option<&KeySet>, policy: &Policy, now: UnixTime) -> Self {
        let mut explanation = Self { checks: Vec::new(), keys: Vec::new() };
        explanation.walk(token, keys, policy, now);
        explanation
    }

    /// In the order of `verify`: form, header, key, signature, claims.
    fn walk(&mut self, token: &str, keys: Option<&KeySet>, policy: &Policy, now: UnixTime) {
        let segments = self.made("segments", "RFC 7515 §7.1", policy.split(token));
        let header = segments.as_ref().map(|segments| Header::parse(segments.header));
        let header = self.reached("header", "RFC 7515 §4, RFC 8725 §3.10", header);
        let claims = segments.as_ref().map(Segments::claims_bytes);
        let claims = self.reached("claims encoding", "RFC 7515 §2", claims);
        let signature = segments.as_ref().map(Segments::signature_bytes);
        let signature = self.reached("signature encoding", "RFC 7515 §2", signature);
        self.check_header(policy, header.as_ref());
        let key = self.check_key(keys, segments.as_ref(), header.as_ref(), signature.as_deref());
        self.check_claims(policy, claims.as_deref(), key, now);
    }

    fn check_header(&mut self, policy: &Policy, header: Option<&Header>) {
        self.reached("algorithm", "RFC 8725 §3.1", header.map(|header| policy.check_algorithm(header)));
        self.demanded("typ", "RFC 8725 §3.11", header.map(|header| policy.check_type(header)));
    }

    fn check_key<'k>(
        &mut self,
        keys: Option<&'k KeySet>,
        segments: Option<&Segments<'_>>,
        header: Option<&Header>,
        signature: Option<&[u8]>,
    ) -> Option<&'k PublishedKey> {
        let asked = keys.zip(header);
        self.keys = asked.map(|(keys, header)| considered(keys, header)).unwrap_or_default();
        let key = self.reached("key", "RFC 7515 §4.1.4", asked.map(|(keys, header)| keys.select(header)));
        let parts = key.zip(header).zip(segments.zip(signature));
        let checked = parts.map(|((key, header), (segments, signature))| {
            key.check_signature(header.algorithm(), segments.signing_input, signature)
        });
        self.reached("signature", "RFC 7515 §5.2", checked);
        key
    }

    fn check_claims(
        &mut self,
        policy: &Policy,
        bytes: Option<&[u8]>,
        key: Option<&PublishedKey>,
        now: UnixTime,
    ) {
        let read = bytes.map(raw_claims);
        let read = self.reached("claims", "RFC 7519 §7.2", read);
        let claims = read.as_ref().map(|(raw, text)| Claims::typed(raw, text));
        let claims = self.reached("claim types", "RFC 7519 §4.1", claims);
        for check in COMMON_CHECKS.iter().chain(&FURTHER_CHECKS) {
            let outcome = claims.as_ref().map(|claims| (check.run)(policy, claims, now));
            self.demanded(check.name, check.source, outcome);
        }
        let outcome = claims.zip(key).map(|(claims, key)| policy.check_key_issuer(key, &claims));
        self.demanded("key issuer", "Microsoft, signing key issuer", outcome);
    }

    /// Notes a check that could be made, and gives back what it found.
    fn made<T>(&mut self, name: &'static str, source: &'static str, result: Result<T, Refusal>) -> Option<T> {
        self.reached(name, source, Some(result))
    }

    /// The same of a check that was perhaps not reached.
    fn reached<T>(
        &mut self,
        name: &'static str,
        source: &'static str,
        result: Option<Result<T, Refusal>>,
    ) -> Option<T> {
        let (outcome, found) = match result {
            None => (Outcome::NotReached, None),
            Some(Ok(found)) => (Outcome::Passed, Some(found)),
            Some(Err(refusal)) => (Outcome::Refused(refusal), None),
        };
        self.checks.push(Check { name, source, outcome });
        found
    }

    /// The same of a check that the policy perhaps does not demand.
    fn demanded(
        &mut self,
        name: &'static str,
        source: &'static str,
        result: Option<Result<Demanded, Refusal>>,
    ) {
        if self.reached(name, source, result) == Some(Demanded::No)
            && let Some(check) = self.checks.last_mut()
        {
            check.outcome = Outcome::NotDemanded;
        }
    }
}

fn raw_claims(bytes: &[u8]) -> Result<(RawClaims<'_>, &str), Refusal> {
    let read = json::utf8(bytes).and_then(|text| {
        let mut raw = RawClaims::default();
        json::read::<IgnoredAny>(text, &mut raw)?.ok();
        Ok((raw, text))
    });
    read.map_err(|error| Refusal::Json { part: Part::Claims, error })
}

fn considered(keys: &KeySet, header: &Header) -> Vec<Considered> {
    let is_only = keys.select(header).is_ok();
    let usable = keys.keys().iter().map(|key| Considered {
        index: key.index(),
        key_id: key.key_id().map(str::to_owned),
        fitness: match key.fit(header) {
            Ok(()) if is_only => Fitness::Chosen,
            Ok(()) => Fitness::Ambiguous,
            Err(Unfit::KeyId) => Fitness::OtherKeyId,
            Err(Unfit::Algorithm) => Fitness::OtherAlgorithm,
        },
    });
    let skipped = keys.skipped().iter().map(|key| Considered {
        index: key.index,
        key_id: key.key_id.clone(),
        fitness: Fitness::Skipped(key.reason.clone()),
    });
    let mut considered: Vec<_> = usable.chain(skipped).collect();
    considered.sort_by_key(|key| key.index);
    considered
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "checks")?;
        for Check { name, source, outcome } in &self.checks {
            writeln!(f, "  {:<13} {name} ({source}){outcome}", outcome.word())?;
        }
        write!(f, "keys")?;
        if self.keys.is_empty() {
            write!(f, "\n  none was looked at")?;
        }
        for Considered { index, key_id, fitness } in &self.keys {
            write!(f, "\n  {index}: ")?;
            match key_id {
                Some(key_id) => write!(f, "kid {}: {fitness}", quoted(key_id))?,
                None => write!(f, "no kid: {fitness}")?,
            }
        }
        Ok(())
    }
}

impl Outcome {
    /// The outcome in a word, which programs may rely on.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Refused(_) => "refused",
            Self::NotDemanded => "not demanded",
            Self::NotReached => "not reached",
        }
    }
}

impl fmt::Display for Outcome {
    /// What there is to say beyond the word.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, ": {refusal} [{}]", refusal.code()),
            _ => Ok(()),
        }
    }
}

impl Fitness {
    /// The fitness in a word, which programs may rely on.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Ambiguous => "ambiguous",
            Self::OtherKeyId => "other_kid",
            Self::OtherAlgorithm => "other_alg",
            Self::Skipped(_) => "skipped",
        }
    }
}

impl fmt::Display for Fitness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen => f.write_str("the token's key"),
            Self::Ambiguous => f.write_str("fits, and is not the only one"),
            Self::OtherKeyId => f.write_str("not the `kid` that the token names"),
            Self::OtherAlgorithm => f.write_str("not for the token's algorithm"),
            Self::Skipped(reason) => write!(f, "cannot be used: {reason} [{}]", reason.code()),
        }
    }
}
