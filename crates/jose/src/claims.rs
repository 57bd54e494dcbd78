//! The registered claims (RFC 7519 §4.1), each with the type that the RFC gives it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::json::{Document, Kind, Value};
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

/// The claims that a policy decides on, typed. One of a wrong type is refused, whether or not the policy looks at it.
pub(crate) struct Claims<'a> {
    document: Document<'a>,
    pub(crate) issuer: Option<Cow<'a, str>>,
    pub(crate) subject: Option<Cow<'a, str>>,
    audience: Option<Value<'a>>,
    pub(crate) expires_at: Option<UnixTime>,
    pub(crate) not_before: Option<UnixTime>,
    pub(crate) issued_at: Option<UnixTime>,
    pub(crate) token_id: Option<Cow<'a, str>>,
}

impl<'a> Claims<'a> {
    /// Reads the registered claims.
    pub(crate) fn read(document: Document<'a>) -> Result<Self, Refusal> {
        let mut claims = Self {
            document,
            issuer: None,
            subject: None,
            audience: None,
            expires_at: None,
            not_before: None,
            issued_at: None,
            token_id: None,
        };
        // All of them have three letters, and most others have not.
        for (name, value) in document.members_of(3) {
            claims.take(&name, value)?;
        }
        Ok(claims)
    }

    fn take(&mut self, name: &str, value: Value<'a>) -> Result<(), Refusal> {
        match name {
            "iss" => self.issuer = Some(text("iss", value)?),
            "sub" => self.subject = Some(text("sub", value)?),
            "aud" => self.audience = Some(audience(value)?),
            "exp" => self.expires_at = Some(time("exp", value, Round::Down)?),
            "nbf" => self.not_before = Some(time("nbf", value, Round::Up)?),
            "iat" => self.issued_at = Some(time("iat", value, Round::Up)?),
            "jti" => self.token_id = Some(text("jti", value)?),
            _ => {}
        }
        Ok(())
    }

    /// Everyone that `aud` names, if it is there.
    pub(crate) fn audiences(&self) -> Option<impl Iterator<Item = Cow<'a, str>>> {
        let value = self.audience?;
        Some(value.as_text().into_iter().chain(value.elements().filter_map(Value::as_text)))
    }

    /// Another claim, as it came.
    pub(crate) fn other(&self, name: &str) -> Option<Value<'a>> {
        self.document.find(name)
    }

    /// Another claim, which must be a string if it is there.
    pub(crate) fn other_text(&self, name: &'static str) -> Result<Option<Cow<'a, str>>, Refusal> {
        self.other(name).map(|value| text(name, value)).transpose()
    }

    /// Another claim, which must be a time if it is there; one that lies in the past is rounded down.
    pub(crate) fn other_time(&self, name: &'static str) -> Result<Option<UnixTime>, Refusal> {
        self.other(name).map(|value| time(name, value, Round::Down)).transpose()
    }
}

fn text<'a>(claim: &'static str, value: Value<'a>) -> Result<Cow<'a, str>, Refusal> {
    value.as_text().ok_or_else(|| wrong_type(claim, "a string", value))
}

fn audience(value: Value<'_>) -> Result<Value<'_>, Refusal> {
    let fits = value.kind().is_text() || value.kind() == Kind::TextArray;
    if fits { Ok(value) } else { Err(wrong_type("aud", "a string or an array of strings", value)) }
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

fn time(claim: &'static str, value: Value<'_>, round: Round) -> Result<UnixTime, Refusal> {
    let number = Some(value.raw()).filter(|_| value.kind() == Kind::Number);
    let seconds = number.and_then(|number| match short_whole(number) {
        Some(seconds) => Some(seconds).filter(|seconds| *seconds <= NUMERIC_DATE_SECONDS_MAX),
        None => whole_seconds(number.parse().ok()?, round),
    });
    let expected = "a number of seconds between 1970 and the year 9999";
    seconds.map(UnixTime::from_seconds).ok_or_else(|| wrong_type(claim, expected, value))
}

/// How many digits the latest time has.
const NUMERIC_DATE_DIGITS_MAX: usize = 12;

/// A whole number of as many digits as any time has, which nearly all are.
fn short_whole(number: &str) -> Option<u64> {
    if number.len() > NUMERIC_DATE_DIGITS_MAX {
        return None;
    }
    let digit = |byte: u8| Some(byte.wrapping_sub(b'0')).filter(|digit| *digit < 10);
    number
        .bytes()
        .try_fold(0, |whole: u64, byte| Some(whole.wrapping_mul(10).wrapping_add(digit(byte)?.into())))
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
