//! An API that is protected by the tokens of any issuer.
//!
//! ```sh
//! cargo run --release -- dev                                    # in one terminal: an issuer to try it with
//! set -a; . jwksmith-data/dev.env; set +a
//! cargo run -p example-protected-api -- "$ISSUER" "$AUDIENCE"   # in another one
//! curl http://localhost:3000/things                             # 401
//! curl http://localhost:3000/things -H "Authorization: Bearer $TOKEN"
//! ```

use std::sync::Arc;

use anyhow::Context as _;
use axum::routing::get;
use axum::{Json, Router};
use jwksmith_axum::{Bearer, BearerRejection};
use jwksmith_verifier::{AccessClaims, Algorithm, Policy, Verifier};
use serde_json::{Value, json};

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "an example is a binary of its own, and reads its arguments")]
#[expect(clippy::print_stdout, reason = "an example talks")]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: example-protected-api ISSUER AUDIENCE";
    let (issuer, audience) = (args.next().context(usage)?, args.next().context(usage)?);

    let policy = Policy::new(issuer, audience, [Algorithm::RS256, Algorithm::ES256])?;
    let verifier = Arc::new(Verifier::new(policy)?);
    // Not needed, but an issuer that cannot be found should be noticed now and not by the first caller.
    verifier.preload().await.context("the issuer's key set cannot be located")?;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://localhost:3000/things");
    Ok(axum::serve(listener, app(verifier)).await?)
}

fn app(verifier: Arc<Verifier>) -> Router {
    Router::new()
        .route("/public", get(async || "everybody may read this"))
        .route("/things", get(things))
        .route("/admin", get(admin))
        .with_state(verifier)
}

/// For every caller with a good token.
async fn things(Bearer(token): Bearer<AccessClaims>) -> Json<Value> {
    let claims = token.claims();
    Json(json!({ "caller": claims.sub, "application": claims.client_id, "scope": claims.scope }))
}

/// For callers with one more scope.
async fn admin(Bearer(token): Bearer<AccessClaims>) -> Result<&'static str, BearerRejection> {
    if !token.claims().has_scope("admin") {
        return Err(BearerRejection::insufficient_scope("admin"));
    }
    Ok("welcome")
}
