//! What a protected resource demands of a request, in one value that layers, middlewares and interceptors share.

use std::sync::Arc;

use jwksmith_verifier::{VerifiedToken, Verifier};

use crate::demands::Demands;
use crate::{ChallengeSettings, Credentials, ProtectionError, Rejection};

/// Lets only requests with a good token through: a `tower` layer, and what the other crates' middlewares are made of.
///
/// The service inside finds the [`VerifiedToken`] and the [`ChallengeSettings`] among the request's extensions. A bad token
/// is always refused, and an issuer that cannot be asked is always a 503. Put CORS around it: a preflight has no token.
/// Cheap to clone.
///
/// ```
/// # use std::sync::Arc;
/// # use jwksmith_tower::{ProtectionError, RequireToken};
/// # use jwksmith_verifier::Verifier;
/// # fn demo(verifier: Arc<Verifier>) -> Result<(), ProtectionError> {
/// let anyone = RequireToken::new(Arc::clone(&verifier));
/// let editors = RequireToken::new(verifier).scope("read:things")?.any_scope(["write:things", "admin"])?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RequireToken {
    verifier: Arc<Verifier>,
    terms: Arc<Terms>,
}

/// Stands among a request's extensions instead of a [`VerifiedToken`] if there was none, and none was needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Anonymous;

#[derive(Clone, Default)]
struct Terms {
    demands: Demands,
    challenge: ChallengeSettings,
    is_optional: bool,
}

impl RequireToken {
    /// Demands a token that this verifier accepts, and nothing more.
    pub fn new(verifier: Arc<Verifier>) -> Self {
        Self { verifier, terms: Arc::default() }
    }

    /// Demands this scope as well: in `scope`, or in `permissions`, as Auth0 writes them.
    ///
    /// # Errors
    /// [`ProtectionError::ScopeMalformed`] if no token can have it.
    pub fn scope(self, scope: impl Into<String>) -> Result<Self, ProtectionError> {
        self.any_scope([scope])
    }

    /// Demands one of these scopes as well. Challenges name the first, so put the least first.
    ///
    /// # Errors
    /// [`ProtectionError`] if there is none, or one that no token can have.
    pub fn any_scope<T: Into<String>>(
        mut self,
        scopes: impl IntoIterator<Item = T>,
    ) -> Result<Self, ProtectionError> {
        self.terms_mut().demands.add_scopes(scopes)?;
        Ok(self)
    }

    /// Demands this permission as well: in `permissions` only, which an issuer with roles fills by what the subject may do,
    /// whatever was asked for with the token.
    ///
    /// # Errors
    /// [`ProtectionError::ScopeMalformed`] if no token can have it.
    pub fn permission(mut self, permission: impl Into<String>) -> Result<Self, ProtectionError> {
        self.terms_mut().demands.add_permission(permission)?;
        Ok(self)
    }

    /// Lets requests without any `Authorization` header through, as [`Anonymous`], whatever scopes are demanded.
    /// A token that is sent must be as good as ever.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.terms_mut().is_optional = true;
        self
    }

    /// What the challenges say besides.
    #[must_use]
    pub fn challenge(mut self, settings: ChallengeSettings) -> Self {
        self.terms_mut().challenge = settings;
        self
    }

    /// Decides about a request: its verified token, or nothing if it needs none.
    ///
    /// # Errors
    /// The [`Rejection`] to answer.
    pub async fn check(&self, credentials: Credentials<'_>) -> Result<Option<VerifiedToken>, Rejection> {
        self.decide(credentials).await.map_err(|rejection| self.worded(rejection))
    }

    /// The same without waiting, for interceptors that are not async: where [`Self::check`] would wait for the issuer, this
    /// begins the refresh and answers 503. Fetch the keys before the first request, with `Verifier::preload`.
    ///
    /// # Errors
    /// The [`Rejection`] to answer.
    pub fn try_check(&self, credentials: Credentials<'_>) -> Result<Option<VerifiedToken>, Rejection> {
        self.try_decide(credentials).map_err(|rejection| self.worded(rejection))
    }

    /// What the challenges say besides.
    pub fn challenge_settings(&self) -> &ChallengeSettings {
        &self.terms.challenge
    }

    async fn decide(&self, credentials: Credentials<'_>) -> Result<Option<VerifiedToken>, Rejection> {
        let Some(token) = self.needed(credentials)? else { return Ok(None) };
        let token = self.verifier.verify_token(token).await?;
        self.terms.demands.check(&token)?;
        Ok(Some(token))
    }

    fn try_decide(&self, credentials: Credentials<'_>) -> Result<Option<VerifiedToken>, Rejection> {
        let Some(token) = self.needed(credentials)? else { return Ok(None) };
        let token = self.verifier.try_verify_token(token)?;
        self.terms.demands.check(&token)?;
        Ok(Some(token))
    }

    fn needed<'h>(&self, credentials: Credentials<'h>) -> Result<Option<&'h str>, Rejection> {
        match credentials {
            Credentials::Missing if self.terms.is_optional => Ok(None),
            other => other.token().map(Some),
        }
    }

    fn worded(&self, rejection: Rejection) -> Rejection {
        rejection.with_challenge(&self.terms.challenge).needing(self.terms.demands.scopes())
    }

    fn terms_mut(&mut self) -> &mut Terms {
        Arc::make_mut(&mut self.terms)
    }
}
