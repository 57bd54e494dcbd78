//! An API that is protected by the tokens of any issuer.
//!
//! ```sh
//! # in one terminal: an issuer to try it with
//! cargo run --release -- dev
//!
//! # in a second one: this API, which knows nothing of the issuer but its URL
//! set -a; . ./jwksmith-data/dev.env; set +a
//! cargo run -p example-protected-api -- "$ISSUER" "$AUDIENCE"
//!
//! # in a third one: a caller
//! set -a; . ./jwksmith-data/dev.env; set +a
//! TOKEN=$(curl -s "${ISSUER}oauth/token" -d grant_type=client_credentials \
//!   -d client_id="$CLIENT_ID" -d client_secret="$CLIENT_SECRET" -d audience="$AUDIENCE" |
//!   sed 's/.*"access_token":"\([^"]*\)".*/\1/')
//! curl http://localhost:3000/public                                      # 200: everybody may
//! curl -i http://localhost:3000/things                                   # 401, and where the metadata is
//! curl http://localhost:3000/.well-known/oauth-protected-resource        # 200: who issues tokens for this
//! curl http://localhost:3000/things -H "Authorization: Bearer $TOKEN"    # 200: what the token says of its caller
//! curl http://localhost:3000/admin -H "Authorization: Bearer $TOKEN"     # 403: the token lacks the scope
//! ```

use std::sync::Arc;

use anyhow::Context as _;
use axum::routing::get;
use axum::{Extension, Json, Router};
use jwksmith_axum::{
    Bearer, ChallengeSettings, Claims, ProtectionError, RequireToken, ResourceMetadata, metadata_routes,
};
use jwksmith_verifier::{AccessClaims, Algorithm, Policy, Verifier};
use serde_json::{Value, json};

/// What this API is called by its callers.
const RESOURCE: &str = "http://localhost:3000/";

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "an example is a binary of its own, and reads its arguments")]
#[expect(clippy::print_stdout, reason = "an example talks")]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: example-protected-api ISSUER AUDIENCE";
    let (issuer, audience) = (args.next().context(usage)?, args.next().context(usage)?);

    let policy = Policy::new(issuer.as_str(), audience, [Algorithm::RS256, Algorithm::ES256])?;
    let verifier = Arc::new(Verifier::new(policy)?);
    // Not needed, but an issuer that cannot be found should be noticed now and not by the first caller.
    verifier.preload().await.context("the issuer's key set cannot be located")?;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on {RESOURCE}things");
    Ok(axum::serve(listener, app(verifier, &issuer)?).await?)
}

fn app(verifier: Arc<Verifier>, issuer: &str) -> Result<Router, ProtectionError> {
    let metadata =
        ResourceMetadata::new(RESOURCE)?.authorization_server(issuer)?.scopes_supported(["admin"])?;
    let challenge = ChallengeSettings::new().resource_metadata(metadata.url())?;
    let admins = RequireToken::new(Arc::clone(&verifier)).challenge(challenge.clone()).scope("admin")?;
    Ok(Router::new()
        .route("/admin", get(admin))
        .route_layer(admins)
        .route("/public", get(async || "everybody may read this"))
        .route("/things", get(things))
        // What `Bearer` says to callers whom it turns away.
        .layer(Extension(challenge))
        .merge(metadata_routes(&metadata))
        .with_state(verifier))
}

/// For every caller with a good token.
async fn things(Bearer(token): Bearer<AccessClaims>) -> Json<Value> {
    let claims = token.claims();
    Json(json!({ "caller": claims.sub, "application": claims.client_id, "scope": claims.scope }))
}

/// For callers with one more scope, which the layer has looked at.
async fn admin(Claims(claims): Claims<AccessClaims>) -> String {
    format!("welcome, {}", claims.sub.unwrap_or_default())
}

#[cfg(test)]
mod tests;
