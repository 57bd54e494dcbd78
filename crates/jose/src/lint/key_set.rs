//! The rules for a key set as a whole (RFC 7517 §5). Those for each key are in `key`.
//!
//! Whatever [`crate::KeySet::parse`] refuses or skips is found by the very functions that it asks; the rules beyond are about
//! other readers, and about what will fail one day. The rules on kinds of keys in one set come from running 32 clients in
//! five languages.

use std::collections::BTreeMap;

use super::Severity::{Error, Note};
use super::key::{self, Key};
use super::{Finding, Rule, WRITE_ONCE, quoted_name, readable};
use crate::json::Value;
use crate::limits::{KEYS_MAX, MEMBERS_TOLD_MAX};
use crate::{Family, UnixTime, quoted};

/// Looks for whatever is wrong with a key set at `now`, in the order of the document.
///
/// ```
/// use jwksmith_jose::{UnixTime, lint};
///
/// let findings = lint::key_set(br#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#, UnixTime::from_seconds(1_800_000_000));
/// assert!(findings.iter().any(|finding| finding.rule.code == "jwk_private_member"));
/// ```
pub fn key_set(bytes: &[u8], now: UnixTime) -> Vec<Finding> {
    let document = match readable(bytes) {
        Ok(document) => document,
        Err(finding) => return vec![finding],
    };
    let set = Set::read(document, now);
    let of_the_set = SET_RULES.iter().flat_map(|row| row.findings(&set));
    let of_the_keys = set.keys.iter().flat_map(Key::findings);
    of_the_set.chain(of_the_keys).collect()
}

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    let of_sets = SET_RULES.iter().map(|row| &row.rule);
    of_sets.chain(key::rules())
}

/// A key set under the lens.
struct Set<'a> {
    document: Value<'a>,
    keys: Vec<Key<'a>>,
    /// How many elements `keys` has, those not looked at included.
    length: Option<usize>,
}

/// A rule about the set: it names places and what is wrong there.
struct SetRule {
    rule: Rule,
    check: fn(&Set<'_>) -> Vec<(String, String)>,
}

static SET_RULES: [SetRule; 8] = [
    SetRule {
        rule: Rule::new(Error, "set_duplicate_member", "RFC 7517 §5", WRITE_ONCE),
        check: duplicate_members,
    },
    SetRule {
        rule: Rule::new(Error, "keys_missing", "RFC 7517 §5.1", "put the keys into an array: {\"keys\":[…]}"),
        check: keys_missing,
    },
    SetRule {
        rule: Rule::new(Error, "no_usable_key", "RFC 7517 §5", "publish at least one key for signatures"),
        check: no_usable_key,
    },
    SetRule {
        rule: Rule::new(Error, "too_many_keys", "RFC 7517 §5", "withdraw keys whose tokens have expired"),
        check: too_many_keys,
    },
    SetRule {
        rule: Rule::new(
            Error,
            "kid_twice",
            "RFC 7517 §4.5",
            "give each key a `kid` of its own, and never use one again",
        ),
        check: key_ids_twice,
    },
    SetRule {
        rule: Rule::new(
            Note,
            "single_key",
            "OpenID Connect Core §10.1.1",
            "publish the next key before it signs, so that a rotation surprises nobody",
        ),
        check: single_key,
    },
    SetRule {
        rule: Rule::new(
            Note,
            "rsa_not_first",
            "measured with 32 clients",
            "put the RSA keys first: some clients stop at a key that they do not know",
        ),
        check: rsa_not_first,
    },
    SetRule {
        rule: Rule::new(Note, "set_member_unknown", "RFC 7517 §5", "leave it out if nobody reads it"),
        check: unknown_members_of_set,
    },
];

impl SetRule {
    fn findings(&'static self, set: &Set<'_>) -> impl Iterator<Item = Finding> {
        (self.check)(set).into_iter().map(|(place, problem)| self.rule.at(place, problem))
    }
}

impl<'a> Set<'a> {
    fn read(document: Value<'a>, now: UnixTime) -> Self {
        let elements = document.find("keys").filter(|keys| keys.kind().is_array());
        let looked_at = elements.into_iter().flat_map(Value::elements).take(KEYS_MAX);
        let mut keys: Vec<_> =
            looked_at.enumerate().map(|(index, element)| Key::read(index, element, now)).collect();
        let has_rsa = keys.iter().any(|key| key.usable == Ok(Family::Rsa));
        for key in &mut keys {
            key.is_beside_rsa = has_rsa;
        }
        Self { document, keys, length: elements.map(|elements| elements.elements().count()) }
    }
}

fn duplicate_members(set: &Set<'_>) -> Vec<(String, String)> {
    let mut counts = BTreeMap::<_, usize>::new();
    for (name, _) in set.document.members() {
        let count = counts.entry(name).or_default();
        *count = count.saturating_add(1);
    }
    let twice = counts.into_iter().filter(|(_, count)| *count > 1);
    twice.take(MEMBERS_TOLD_MAX).map(|(name, _)| (quoted_name(&name), "it stands twice".to_owned())).collect()
}

fn keys_missing(set: &Set<'_>) -> Vec<(String, String)> {
    match set.document.find("keys") {
        Some(keys) if keys.kind().is_array() => vec![],
        Some(keys) => {
            vec![("keys".to_owned(), format!("it is {}, and not an array", keys.kind().in_words()))]
        }
        None if set.document.find("kty").is_some() => vec![whole("it is one key, and no key set")],
        None => vec![whole("it has no `keys`")],
    }
}

fn no_usable_key(set: &Set<'_>) -> Vec<(String, String)> {
    let is_usable = set.keys.iter().any(|key| key.usable.is_ok());
    match set.length {
        Some(0) => vec![("keys".to_owned(), "it is empty".to_owned())],
        Some(_) if !is_usable => vec![("keys".to_owned(), "no key in it can verify a signature".to_owned())],
        _ => vec![],
    }
}

fn too_many_keys(set: &Set<'_>) -> Vec<(String, String)> {
    let too_many = set.length.filter(|length| *length > KEYS_MAX);
    let problem = |length| format!("it holds {length} keys, and verifiers read {KEYS_MAX} at most");
    too_many.map(|length| ("keys".to_owned(), problem(length))).into_iter().collect()
}

fn key_ids_twice(set: &Set<'_>) -> Vec<(String, String)> {
    let mut first = BTreeMap::new();
    let mut found = Vec::new();
    for key in &set.keys {
        let Some(key_id) = key.text("kid") else { continue };
        match first.get(&key_id) {
            Some(earlier) => {
                let problem = format!("keys[{earlier}] has the same: {}", quoted(&key_id));
                found.push((key.place("kid"), problem));
            }
            None => drop(first.insert(key_id, key.index)),
        }
    }
    found
}

fn single_key(set: &Set<'_>) -> Vec<(String, String)> {
    let usable = set.keys.iter().filter(|key| key.usable.is_ok()).count();
    let found = (usable == 1).then(|| ("keys".to_owned(), "there is one key only".to_owned()));
    found.into_iter().collect()
}

fn rsa_not_first(set: &Set<'_>) -> Vec<(String, String)> {
    let is_rsa = |key: &&Key<'_>| key.text("kty").is_some_and(|key_type| key_type == "RSA");
    let first = set.keys.first().filter(|key| key.is_beside_rsa && !is_rsa(key));
    let problem =
        |key: &Key<'_>| format!("a key of the kind {} stands before the RSA keys", quoted(&key.kind()));
    first.map(|key| (key.place(""), problem(key))).into_iter().collect()
}

fn unknown_members_of_set(set: &Set<'_>) -> Vec<(String, String)> {
    let is_single_key = set.length.is_none();
    let unknown = set.document.members().filter(|(name, _)| name != "keys" && !is_single_key);
    let unknown = unknown.take(MEMBERS_TOLD_MAX);
    unknown.map(|(name, _)| (quoted_name(&name), "no standard gives it a meaning".to_owned())).collect()
}

fn whole(problem: &str) -> (String, String) {
    (String::new(), problem.to_owned())
}
