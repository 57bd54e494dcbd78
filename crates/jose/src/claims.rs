//! The registered claims (RFC 7519 §4.1), each with the type that the RFC gives it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::json::{Kind, Places, Value};
use crate::limits::NUMERIC_DATE_SECONDS_MAX;
use crate::{Refusal, UnixTime};

/// `aud`: one string or several (RFC 7519 §4.1.3).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// A single string
    One(String),
    /// An array of strings
    Many(Vec<String>),
}

impl Audience {
    /// Every audience named.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(one) => std::slice::from_ref(one).iter(),
            Self::Many(many) => many.iter(),
        }
        .map(String::as_str)
    }
}

/// The claims of an access token that most APIs need (RFC 9068 §2.2, and `permissions` as Auth0 issues it).
///
/// A starting point: [`crate::verify`] takes any type that deserializes.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct AccessClaims {
    /// The issuer
    pub iss: String,
    /// Whom the token is about: a user, or the application itself
    pub sub: Option<String>,
    /// The APIs that the token is for
    pub aud: Audience,
    /// The application that asked for the token (RFC 9068)
    pub client_id: Option<String>,
    /// The same in tokens of other profiles
    pub azp: Option<String>,
    /// What was granted, separated by spaces (RFC 6749 §3.3)
    pub scope: Option<String>,
    /// What the subject may do, where the issuer says so
    #[serde(default)]
    pub permissions: Vec<String>,
    /// The token's own identifier
    pub jti: Option<String>,
}

impl AccessClaims {
    /// Whether `scope` holds this one.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scope.as_deref().is_some_and(|granted| granted.split(' ').any(|one| one == scope))
    }
}

/// The claims that policies decide on, each as it came.
#[derive(Default)]
pub(crate) struct RawClaims<'a> {
    values: [Option<Value<'a>>; REGISTERED.len()],
}

/// Their names: RFC 7519 §4.1, RFC 9068 §2.2, OpenID Connect Core §2 and Back-Channel Logout §2.4, and Auth0's and Microsoft's
/// own.
const REGISTERED: [&str; 19] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "azp",
    "sid",
    "nonce",
    "scope",
    "events",
    "c_hash",
    "at_hash",
    "client_id",
    "auth_time",
    "org_id",
    "permissions",
    "tid",
];

/// The places of those that are typed whoever asks.
const ISS: usize = 0;
const SUB: usize = 1;
const AUD: usize = 2;
const EXP: usize = 3;
const NBF: usize = 4;
const IAT: usize = 5;
const JTI: usize = 6;
const AUTH_TIME: usize = 15;

/// The place of a name in [`REGISTERED`]. Most have three letters; comparing them letter by letter is a short tree of
/// choices, and not one comparison after the other.
#[inline]
fn registered(name: &str) -> Option<usize> {
    Some(match name.as_bytes() {
        [b'i', b's', b's'] => ISS,
        [b's', b'u', b'b'] => SUB,
        [b'a', b'u', b'd'] => AUD,
        [b'e', b'x', b'p'] => EXP,
        [b'n', b'b', b'f'] => NBF,
        [b'i', b'a', b't'] => IAT,
        [b'j', b't', b'i'] => JTI,
        [b'a', b'z', b'p'] => 7,
        [b's', b'i', b'd'] => 8,
        [b't', b'i', b'd'] => 18,
        [_, _, _] => return None,
        _ => return registered_long(name),
    })
}

fn registered_long(name: &str) -> Option<usize> {
    Some(match name {
        "nonce" => 9,
        "scope" => 10,
        "events" => 11,
        "c_hash" => 12,
        "at_hash" => 13,
        "client_id" => 14,
        "auth_time" => AUTH_TIME,
        "org_id" => 16,
        "permissions" => 17,
        _ => return None,
    })
}

impl<'a> Places<'a> for RawClaims<'a> {
    #[inline]
    fn place(&mut self, name: &str) -> Option<&mut Option<Value<'a>>> {
        self.values.get_mut(registered(name)?)
    }
}

impl<'a> RawClaims<'a> {
    #[inline]
    fn at(&self, place: usize) -> Option<Value<'a>> {
        *self.values.get(place)?
    }

    #[inline]
    fn check_text(&self, place: usize, claim: &'static str) -> Result<(), Refusal> {
        match self.at(place) {
            Some(value) if !value.kind().is_text() => Err(wrong_type(claim, "a string", value)),
            _ => Ok(()),
        }
    }

    #[inline]
    fn check_audience(&self) -> Result<(), Refusal> {
        match self.at(AUD) {
            Some(value) if !value.kind().is_text() && value.kind() != Kind::TextArray => {
                Err(wrong_type("aud", "a string or an array of strings", value))
            }
            _ => Ok(()),
        }
    }

    #[inline]
    fn time(&self, place: usize, claim: &'static str, round: Round) -> Result<Option<UnixTime>, Refusal> {
        self.at(place).map(|value| time(claim, value, round)).transpose()
    }
}

/// The claims that a policy decides on, typed. One of a wrong type is refused, whether or not the policy looks at it.
pub(crate) struct Claims<'r, 'a> {
    raw: &'r RawClaims<'a>,
    /// The whole object, for what is not registered.
    text: &'a str,
    pub(crate) times: Times,
}

/// All that a later look at the same claims could judge otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Times {
    pub(crate) expires_at: Option<UnixTime>,
    pub(crate) not_before: Option<UnixTime>,
    pub(crate) issued_at: Option<UnixTime>,
    /// `auth_time`, if it is a time: only some policies demand that.
    pub(crate) authenticated_at: Option<UnixTime>,
}

impl<'r, 'a> Claims<'r, 'a> {
    /// Types the registered claims of `text`, which was read to get them.
    #[inline]
    pub(crate) fn typed(raw: &'r RawClaims<'a>, text: &'a str) -> Result<Self, Refusal> {
        raw.check_text(ISS, "iss")?;
        raw.check_text(SUB, "sub")?;
        raw.check_audience()?;
        let times = Times {
            expires_at: raw.time(EXP, "exp", Round::Down)?,
            not_before: raw.time(NBF, "nbf", Round::Up)?,
            issued_at: raw.time(IAT, "iat", Round::Up)?,
            // What lies in the past is rounded down.
            authenticated_at: raw.time(AUTH_TIME, "auth_time", Round::Down).unwrap_or_default(),
        };
        raw.check_text(JTI, "jti")?;
        Ok(Self { raw, text, times })
    }

    /// `iss`, which is a string.
    #[inline]
    pub(crate) fn issuer(&self) -> Option<Value<'a>> {
        self.raw.at(ISS)
    }

    /// `sub`, which is a string.
    pub(crate) fn subject(&self) -> Option<Value<'a>> {
        self.raw.at(SUB)
    }

    /// `jti`, which is a string.
    pub(crate) fn token_id(&self) -> Option<Value<'a>> {
        self.raw.at(JTI)
    }

    /// `aud`, which is a string or an array of strings.
    #[inline]
    pub(crate) fn audience(&self) -> Option<Value<'a>> {
        self.raw.at(AUD)
    }

    /// Everyone that `aud` names, if it is there.
    pub(crate) fn audiences(&self) -> Vec<String> {
        let named =
            self.audience().into_iter().flat_map(|value| value.as_text().into_iter().chain(texts(value)));
        named.map(Cow::into_owned).collect()
    }

    /// Whether `aud` names one of these.
    pub(crate) fn is_for(&self, accepted: &[String]) -> bool {
        let is_accepted = |named: Value<'_>| accepted.iter().any(|accepted| named.reads(accepted));
        self.audience().is_some_and(|value| is_accepted(value) || value.elements().any(is_accepted))
    }

    /// Another claim, as it came.
    pub(crate) fn other(&self, name: &str) -> Option<Value<'a>> {
        match registered(name) {
            Some(place) => self.raw.at(place),
            None => Value::object(self.text).find(name),
        }
    }

    /// Another claim, which must be a string if it is there.
    pub(crate) fn other_text(&self, name: &'static str) -> Result<Option<Cow<'a, str>>, Refusal> {
        self.other(name).map(|value| text(name, value)).transpose()
    }

    /// When the user proved who they are, which must be told, as a time.
    pub(crate) fn authenticated_at(&self) -> Result<UnixTime, Refusal> {
        self.raw.time(AUTH_TIME, "auth_time", Round::Down)?.ok_or(Refusal::ClaimMissing("auth_time"))
    }
}

/// A claim that must be a string.
pub(crate) fn text<'a>(claim: &'static str, value: Value<'a>) -> Result<Cow<'a, str>, Refusal> {
    value.as_text().ok_or_else(|| wrong_type(claim, "a string", value))
}

/// The strings of an array.
fn texts(value: Value<'_>) -> impl Iterator<Item = Cow<'_, str>> {
    value.elements().filter_map(Value::as_text)
}

#[cold]
fn wrong_type(claim: &'static str, expected: &'static str, value: Value<'_>) -> Refusal {
    Refusal::ClaimType { claim, expected, found: value.kind().in_words() }
}

/// A `NumericDate` may have a fraction (RFC 7519 §2); it is rounded to the side that is stricter.
#[derive(Clone, Copy)]
enum Round {
    Down,
    Up,
}

#[inline]
fn time(claim: &'static str, value: Value<'_>, round: Round) -> Result<UnixTime, Refusal> {
    let seconds = match value.as_whole() {
        Some(seconds) => Some(seconds),
        None => value.as_number().and_then(|seconds| whole_seconds(seconds, round)),
    };
    match seconds {
        Some(seconds) if seconds <= NUMERIC_DATE_SECONDS_MAX => Ok(UnixTime::from_seconds(seconds)),
        _ => Err(wrong_type(claim, "a number of seconds between 1970 and the year 9999", value)),
    }
}

#[expect(clippy::as_conversions, reason = "the bounds below keep both conversions exact")]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the same"
)]
fn whole_seconds(seconds: f64, round: Round) -> Option<u64> {
    let whole = match round {
        Round::Down => seconds.floor(),
        Round::Up => seconds.ceil(),
    };
    (0.0..=NUMERIC_DATE_SECONDS_MAX as f64).contains(&whole).then_some(whole as u64)
}

#[cfg(test)]
mod tests {
    use super::{REGISTERED, registered};

    #[test]
    fn every_registered_name_has_its_own_place() {
        for (at, name) in REGISTERED.iter().enumerate() {
            assert_eq!(registered(name), Some(at), "{name}");
        }
        assert_eq!(registered("tenant"), None);
    }
}
