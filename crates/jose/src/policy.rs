//! What a caller demands of a token: issuer, audience, algorithms, times, and the kind of token (RFC 8725 §3).

use crate::claims::RegisteredClaims;
use crate::limits::LEEWAY_SECONDS_MAX;
use crate::token::{Header, Token};
use crate::{Algorithm, PolicyError, Refusal, UnixTime};

/// What a token must be to be accepted.
///
/// Issuer, audience and algorithms have no default: leaving one out is how most of this field's break-ins began.
/// `exp`, `iss` and `aud` are mandatory; `nbf` and `iat` are checked when present.
///
/// ```
/// use jwksmith_jose::{Algorithm, Policy};
///
/// let policy = Policy::new("https://tenant.example/", "https://api.example/", [Algorithm::RS256])?
///     .leeway(30)?
///     .token_type("at+jwt")?;
/// # Ok::<(), jwksmith_jose::PolicyError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    issuer: String,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    leeway: u64,
    token_type: Option<String>,
}

/// How far two clocks may differ unless the caller says otherwise, in seconds.
const LEEWAY_SECONDS_DEFAULT: u64 = 30;

impl Policy {
    /// A policy for tokens of `issuer`, meant for `audience`, signed with one of `algorithms`.
    ///
    /// The issuer is compared byte for byte (RFC 7519 §4.1.1): `https://a.example` and `https://a.example/` are two.
    ///
    /// # Errors
    /// [`PolicyError`] if one of the three is empty, or if HMAC is allowed beside public-key algorithms.
    pub fn new(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        algorithms: impl IntoIterator<Item = Algorithm>,
    ) -> Result<Self, PolicyError> {
        let issuer = issuer.into();
        if issuer.is_empty() {
            return Err(PolicyError::IssuerEmpty);
        }
        let algorithms = checked_algorithms(algorithms.into_iter().collect())?;
        Self { issuer, audiences: Vec::new(), algorithms, leeway: LEEWAY_SECONDS_DEFAULT, token_type: None }
            .or_audience(audience)
    }

    /// Accepts tokens for this audience too.
    ///
    /// # Errors
    /// [`PolicyError::AudienceEmpty`].
    pub fn or_audience(mut self, audience: impl Into<String>) -> Result<Self, PolicyError> {
        let audience = audience.into();
        if audience.is_empty() {
            return Err(PolicyError::AudienceEmpty);
        }
        self.audiences.push(audience);
        Ok(self)
    }

    /// How far the clocks may differ, in seconds; one setting for `exp`, `nbf` and `iat`. 30 unless set.
    ///
    /// # Errors
    /// [`PolicyError::LeewayTooLarge`] over [`LEEWAY_SECONDS_MAX`].
    pub fn leeway(mut self, seconds: u64) -> Result<Self, PolicyError> {
        if seconds > LEEWAY_SECONDS_MAX {
            return Err(PolicyError::LeewayTooLarge(seconds));
        }
        self.leeway = seconds;
        Ok(self)
    }

    /// Demands this `typ`, as `at+jwt` (RFC 9068 §2.1). Expecting it makes it mandatory.
    ///
    /// # Errors
    /// [`PolicyError::TypeEmpty`].
    pub fn token_type(mut self, token_type: impl Into<String>) -> Result<Self, PolicyError> {
        let token_type = token_type.into();
        if token_type.is_empty() {
            return Err(PolicyError::TypeEmpty);
        }
        self.token_type = Some(token_type);
        Ok(self)
    }

    /// The issuer whose tokens are accepted.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The allowed algorithms.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Checks what the header alone decides: the algorithm and the kind of token.
    pub fn check_header(&self, header: &Header) -> Result<(), Refusal> {
        let algorithm = header.algorithm();
        if !self.algorithms.contains(&algorithm) {
            return Err(Refusal::AlgorithmNotAllowed { algorithm });
        }
        self.check_type(header)
    }

    /// Checks the claims at `now`. Before the signature is checked the answer can only refuse, never accept.
    pub fn check_claims(&self, token: &Token<'_>, now: UnixTime) -> Result<(), Refusal> {
        let claims = RegisteredClaims::parse(token.claims())?;
        self.check_issuer(&claims)?;
        self.check_audience(&claims)?;
        self.check_times(&claims, now)
    }

    fn check_type(&self, header: &Header) -> Result<(), Refusal> {
        let Some(expected) = &self.token_type else { return Ok(()) };
        match header.token_type() {
            Some(found) if media_type(found).eq_ignore_ascii_case(media_type(expected)) => Ok(()),
            found => {
                Err(Refusal::TypeMismatch { expected: expected.clone(), found: found.map(str::to_owned) })
            }
        }
    }

    fn check_issuer(&self, claims: &RegisteredClaims<'_>) -> Result<(), Refusal> {
        let found = claims.issuer.as_ref().ok_or(Refusal::ClaimMissing("iss"))?;
        if *found == self.issuer {
            return Ok(());
        }
        Err(Refusal::IssuerMismatch { expected: self.issuer.clone(), found: found.to_string() })
    }

    fn check_audience(&self, claims: &RegisteredClaims<'_>) -> Result<(), Refusal> {
        let found = claims.audience.as_ref().ok_or(Refusal::ClaimMissing("aud"))?;
        if found.iter().any(|named| self.audiences.iter().any(|accepted| accepted == named)) {
            return Ok(());
        }
        let found = found.iter().map(ToString::to_string).collect();
        Err(Refusal::AudienceMismatch { expected: self.audiences.clone(), found })
    }

    fn check_times(&self, claims: &RegisteredClaims<'_>, now: UnixTime) -> Result<(), Refusal> {
        let leeway = self.leeway;
        let expired_at = claims.expires_at.ok_or(Refusal::ClaimMissing("exp"))?;
        // RFC 7519 §4.1.4: not accepted "on or after" this time.
        if now >= expired_at.saturating_add(leeway) {
            return Err(Refusal::Expired { expired_at, now, leeway });
        }
        for (claim, time) in [("nbf", claims.not_before), ("iat", claims.issued_at)] {
            if let Some(time) = time.filter(|time| *time > now.saturating_add(leeway)) {
                return Err(Refusal::NotYetValid { claim, time, now, leeway });
            }
        }
        Ok(())
    }
}

fn checked_algorithms(algorithms: Vec<Algorithm>) -> Result<Vec<Algorithm>, PolicyError> {
    let symmetric = algorithms.iter().filter(|algorithm| algorithm.is_symmetric()).count();
    if algorithms.is_empty() {
        return Err(PolicyError::AlgorithmsEmpty);
    }
    if symmetric != 0 && symmetric != algorithms.len() {
        return Err(PolicyError::AlgorithmsMixed);
    }
    Ok(algorithms)
}

/// RFC 7515 §4.1.9: `typ` is a media type whose `application/` may be left out; media types have no case.
fn media_type(token_type: &str) -> &str {
    const PREFIX: &str = "application/";
    match token_type.get(..PREFIX.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => {
            token_type.get(PREFIX.len()..).unwrap_or_default()
        }
        _ => token_type,
    }
}
