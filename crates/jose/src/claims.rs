//! The registered claims (RFC 7519 §4.1), each with the type that the RFC gives it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::limits::NUMERIC_DATE_SECONDS_MAX;
use crate::members::{self, Loose, Members};
use crate::token::Part;
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

/// The claims that a policy decides on, typed.
pub(crate) struct RegisteredClaims<'a> {
    pub(crate) issuer: Option<Cow<'a, str>>,
    pub(crate) audience: Option<Vec<Cow<'a, str>>>,
    pub(crate) expires_at: Option<UnixTime>,
    pub(crate) not_before: Option<UnixTime>,
    pub(crate) issued_at: Option<UnixTime>,
}

#[derive(Default)]
struct RawClaims<'a> {
    iss: Loose<'a>,
    sub: Loose<'a>,
    aud: Loose<'a>,
    exp: Loose<'a>,
    nbf: Loose<'a>,
    iat: Loose<'a>,
    jti: Loose<'a>,
}

impl<'a> Members<'a> for RawClaims<'a> {
    fn place(&mut self, name: &str) -> Option<&mut Loose<'a>> {
        Some(match name {
            "iss" => &mut self.iss,
            "sub" => &mut self.sub,
            "aud" => &mut self.aud,
            "exp" => &mut self.exp,
            "nbf" => &mut self.nbf,
            "iat" => &mut self.iat,
            "jti" => &mut self.jti,
            _ => return None,
        })
    }
}

impl<'a> RegisteredClaims<'a> {
    /// Reads the registered claims; one of a wrong type is refused, whether or not the policy looks at it.
    pub(crate) fn parse(json: &'a str) -> Result<Self, Refusal> {
        let raw: RawClaims<'a> =
            members::read(json).map_err(|error| Refusal::Json { part: Part::Claims, error })?;
        text("sub", raw.sub)?;
        text("jti", raw.jti)?;
        Ok(Self {
            issuer: text("iss", raw.iss)?,
            audience: audience(raw.aud)?,
            expires_at: time("exp", &raw.exp, Round::Down)?,
            not_before: time("nbf", &raw.nbf, Round::Up)?,
            issued_at: time("iat", &raw.iat, Round::Up)?,
        })
    }
}

fn text<'a>(claim: &'static str, value: Loose<'a>) -> Result<Option<Cow<'a, str>>, Refusal> {
    match value {
        Loose::Absent => Ok(None),
        Loose::Text(text) => Ok(Some(text)),
        other => Err(Refusal::ClaimType { claim, expected: "a string", found: other.kind() }),
    }
}

fn audience(value: Loose<'_>) -> Result<Option<Vec<Cow<'_, str>>>, Refusal> {
    match value {
        Loose::Absent => Ok(None),
        Loose::Text(one) => Ok(Some(vec![one])),
        Loose::TextList(many) => Ok(Some(many)),
        other => {
            let expected = "a string or an array of strings";
            Err(Refusal::ClaimType { claim: "aud", expected, found: other.kind() })
        }
    }
}

/// A `NumericDate` may have a fraction (RFC 7519 §2); it is rounded to the side that is stricter.
#[derive(Clone, Copy)]
enum Round {
    Down,
    Up,
}

fn time(claim: &'static str, value: &Loose<'_>, round: Round) -> Result<Option<UnixTime>, Refusal> {
    let seconds = match value {
        Loose::Absent => return Ok(None),
        Loose::Whole(seconds) => Some(*seconds).filter(|seconds| *seconds <= NUMERIC_DATE_SECONDS_MAX),
        Loose::Number(seconds) => whole_seconds(*seconds, round),
        _ => None,
    };
    let expected = "a number of seconds between 1970 and the year 9999";
    let wrong = Refusal::ClaimType { claim, expected, found: value.kind() };
    seconds.map(|seconds| Some(UnixTime::from_seconds(seconds))).ok_or(wrong)
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
