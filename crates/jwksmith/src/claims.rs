//! The few claims that people are shown in words (RFC 7519 §4.1), read without any demand.
//!
//! Nothing is decided here: a claim of an odd type is left out of the words and stands in the JSON as it is. What a policy
//! decides on is read by `jwksmith_jose`.

use jiff::SignedDuration;
use jwksmith_jose::UnixTime;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::at;

/// What is shown of a token's claims.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct ShownClaims {
    iss: Texts,
    sub: Texts,
    aud: Texts,
    scope: Texts,
    iat: Seconds,
    nbf: Seconds,
    exp: Seconds,
    auth_time: Seconds,
    updated_at: Seconds,
}

/// A label and what stands beside it.
pub(crate) type Fact = (&'static str, String);

/// A string, or several.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Texts {
    One(String),
    Many(Vec<String>),
    Other(IgnoredAny),
}

/// A `NumericDate` (RFC 7519 §2).
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Whole(u64),
    Fraction(f64),
    Other(IgnoredAny),
}

impl ShownClaims {
    /// Reads them from the claims' JSON text.
    pub(crate) fn read(claims: &str) -> Self {
        serde_json::from_str(claims).unwrap_or_default()
    }

    /// For whom the token is, from whom and about whom.
    pub(crate) fn parties(&self) -> Vec<Fact> {
        facts([
            ("issuer", self.iss.joined(", ")),
            ("audience", self.aud.joined(", ")),
            ("subject", self.sub.joined(", ")),
        ])
    }

    /// When the token expires, and what was granted with it.
    pub(crate) fn grant(&self, now: UnixTime) -> Vec<Fact> {
        facts([("expires", self.exp.described(now)), ("scope", self.scope.joined(" "))])
    }

    /// Every time that the token names (RFC 7519 §4.1, OpenID Connect Core §2 and §5.1).
    pub(crate) fn times(&self) -> Vec<(&'static str, UnixTime)> {
        let times = [
            ("issued", &self.iat),
            ("not before", &self.nbf),
            ("expires", &self.exp),
            ("signed in", &self.auth_time),
            ("user updated", &self.updated_at),
        ];
        times.into_iter().filter_map(|(label, seconds)| Some((label, seconds.time()?))).collect()
    }
}

impl Texts {
    /// All of them as one text; nothing for another type.
    pub(crate) fn joined(&self, separator: &str) -> Option<String> {
        match self {
            Self::One(text) => Some(text.clone()),
            Self::Many(texts) => Some(texts.join(separator)),
            Self::Other(IgnoredAny) => None,
        }
    }
}

impl Seconds {
    fn described(&self, now: UnixTime) -> Option<String> {
        self.time().map(|time| at::described(time, now))
    }

    fn time(&self) -> Option<UnixTime> {
        let seconds = match self {
            Self::Whole(seconds) => Some(*seconds),
            Self::Fraction(seconds) => whole_seconds(*seconds),
            Self::Other(IgnoredAny) => None,
        };
        seconds.map(UnixTime::from_seconds)
    }
}

impl Default for Texts {
    fn default() -> Self {
        Self::Other(IgnoredAny)
    }
}

impl Default for Seconds {
    fn default() -> Self {
        Self::Other(IgnoredAny)
    }
}

fn whole_seconds(seconds: f64) -> Option<u64> {
    let duration = SignedDuration::try_from_secs_f64(seconds).ok()?;
    u64::try_from(duration.as_secs()).ok()
}

fn facts<const N: usize>(found: [(&'static str, Option<String>); N]) -> Vec<Fact> {
    found.into_iter().filter_map(|(label, value)| Some((label, value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::ShownClaims;
    use jwksmith_jose::UnixTime;

    fn check(claims: &str, expected: &[(&str, &str)]) {
        let (shown, now) = (ShownClaims::read(claims), UnixTime::from_seconds(1_800_000_000));
        let facts: Vec<_> = [shown.parties(), shown.grant(now)].concat();
        let facts: Vec<_> = facts.iter().map(|(label, value)| (*label, value.as_str())).collect();
        assert_eq!(facts, expected, "{claims}");
    }

    #[test]
    fn shown_claims_are_those_of_their_usual_types() {
        check(
            r#"{"iss":"i","aud":["a","b"],"scope":"x y"}"#,
            &[("issuer", "i"), ("audience", "a, b"), ("scope", "x y")],
        );
        check(r#"{"sub":"s","scope":["x","y"]}"#, &[("subject", "s"), ("scope", "x y")]);
        check(r#"{"exp":1800000060}"#, &[("expires", "2027-01-15T08:01:00Z (in 1 min)")]);
        check(r#"{"exp":1800000060.9}"#, &[("expires", "2027-01-15T08:01:00Z (in 1 min)")]);
    }

    #[test]
    fn odd_claims_are_left_out() {
        for claims in [
            "{}",
            "{",
            r#"{"iss":null,"sub":1,"aud":{},"scope":[1],"exp":"soon"}"#,
            r#"{"exp":-1}"#,
            r#"{"exp":1e300}"#,
            r#"{"exp":null}"#,
        ] {
            check(claims, &[]);
        }
    }
}
