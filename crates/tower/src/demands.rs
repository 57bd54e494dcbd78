//! What a token must grant beyond being good: scopes (RFC 6749 §3.3) and permissions, as Auth0 writes them.

use std::borrow::Cow;

use jwksmith_verifier::VerifiedToken;
use serde::Deserialize;

use crate::text::checked_scope;
use crate::{ProtectionError, Rejection};

/// All of these must be met.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demands(Vec<Demand>);

#[derive(Clone, Debug)]
enum Demand {
    /// One of these in `scope` or in `permissions`; there is a first.
    AnyScope(Vec<String>),
    /// This one in `permissions`.
    Permission(String),
}

/// What a token grants. Claims of another type refuse the token: what cannot be read grants nothing.
#[derive(Deserialize)]
struct Granted<'t> {
    #[serde(borrow, default)]
    scope: Option<Cow<'t, str>>,
    #[serde(borrow, default)]
    permissions: Option<Vec<Cow<'t, str>>>,
}

impl Demands {
    pub(crate) fn add_scopes<T: Into<String>>(
        &mut self,
        scopes: impl IntoIterator<Item = T>,
    ) -> Result<(), ProtectionError> {
        let scopes = scopes.into_iter().map(checked_scope).collect::<Result<Vec<_>, _>>()?;
        if scopes.is_empty() {
            return Err(ProtectionError::ScopesEmpty);
        }
        self.0.push(Demand::AnyScope(scopes));
        Ok(())
    }

    pub(crate) fn add_permission(&mut self, permission: impl Into<String>) -> Result<(), ProtectionError> {
        self.0.push(Demand::Permission(checked_scope(permission)?));
        Ok(())
    }

    /// Fails with the first demand that the token does not meet.
    pub(crate) fn check(&self, token: &VerifiedToken) -> Result<(), Rejection> {
        if self.0.is_empty() {
            return Ok(());
        }
        let granted: Granted<'_> = token.claims()?;
        self.0.iter().try_for_each(|demand| demand.check(&granted))
    }

    /// The scopes to ask for. Where one of several would do, the first.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(|demand| match demand {
            Demand::AnyScope(scopes) => scopes.first().cloned(),
            Demand::Permission(_) => None,
        })
    }
}

impl Demand {
    fn check(&self, granted: &Granted<'_>) -> Result<(), Rejection> {
        match self {
            Self::AnyScope(scopes) if scopes.iter().any(|scope| granted.has_scope(scope)) => Ok(()),
            Self::AnyScope(scopes) => {
                Err(Rejection::insufficient_scope(scopes.first().map_or("", String::as_str)))
            }
            Self::Permission(permission) if granted.has_permission(permission) => Ok(()),
            Self::Permission(permission) => Err(Rejection::insufficient_permission(permission)),
        }
    }
}

impl Granted<'_> {
    /// As a `Policy` that demands a scope looks for it.
    fn has_scope(&self, scope: &str) -> bool {
        self.scope.as_deref().is_some_and(|granted| granted.split(' ').any(|one| one == scope))
            || self.has_permission(scope)
    }

    fn has_permission(&self, permission: &str) -> bool {
        self.permissions.iter().flatten().any(|one| one == permission)
    }
}
