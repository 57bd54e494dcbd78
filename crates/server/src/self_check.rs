//! Before a server calls itself ready: its own issuer must work from outside, as its users will see it.

use jwksmith_authority::IssuedToken;
use jwksmith_verifier::{AccessClaims, Algorithm, ConfigError, Policy, PolicyError, Verifier, VerifyError};

/// What keeps this server from being of use.
#[derive(Debug, thiserror::Error)]
pub enum SelfCheckError {
    /// The policy of the check itself.
    #[error("the self-check cannot be set up")]
    Policy(#[from] PolicyError),
    /// The verifier of the check itself.
    #[error("the self-check cannot be set up")]
    Config(#[from] ConfigError),
    /// A token that was just issued does not verify against what is published.
    #[error("a token that this server issued does not verify against its own key set")]
    Verify(#[from] VerifyError),
}

/// Locates the key set of `issuer` through discovery, over HTTP, and verifies a token that was issued for `audience`.
///
/// # Errors
/// [`SelfCheckError`], if anything on that way does not work.
pub async fn self_check(
    issuer: &str,
    audience: &str,
    algorithm: Algorithm,
    token: &IssuedToken,
) -> Result<(), SelfCheckError> {
    let policy = Policy::new(issuer, audience, [algorithm])?.token_type("at+jwt")?;
    Verifier::new(policy)?.verify::<AccessClaims>(&token.access_token).await?;
    Ok(())
}
