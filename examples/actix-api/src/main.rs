//! An actix-web API that is protected by the tokens of any issuer.
//!
//! ```sh
//! # in one terminal: an issuer to try it with
//! cargo run --release -- dev
//!
//! # in a second one: this API, which knows nothing of the issuer but its URL
//! set -a; . ./jwksmith-data/dev.env; set +a
//! cargo run -p example-actix-api -- "$ISSUER" "$AUDIENCE"
//!
//! # in a third one: a caller
//! set -a; . ./jwksmith-data/dev.env; set +a
//! TOKEN=$(curl -s "${ISSUER}oauth/token" -d grant_type=client_credentials \
//!   -d client_id="$CLIENT_ID" -d client_secret="$CLIENT_SECRET" -d audience="$AUDIENCE" |
//!   sed 's/.*"access_token":"\([^"]*\)".*/\1/')
//! curl http://localhost:3002/public                                      # 200: everybody may
//! curl http://localhost:3002/things                                      # 401: no token
//! curl http://localhost:3002/things -H "Authorization: Bearer $TOKEN"    # 200: what the token says of its caller
//! curl http://localhost:3002/admin -H "Authorization: Bearer $TOKEN"     # 403: the token lacks the scope
//! ```

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::rt::System;
use actix_web::web::{self, Json, ServiceConfig};
use actix_web::{App, HttpServer};
use anyhow::Context as _;
use jwksmith_actix::{Bearer, Claims, Protect, RequireToken};
use jwksmith_verifier::{AccessClaims, Algorithm, Policy, Verifier};
use serde_json::{Value, json};

/// Workers share one verifier, and so one key set.
const WORKERS: usize = 2;

#[expect(clippy::disallowed_methods, reason = "an example is a binary of its own, and reads its arguments")]
fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: example-actix-api ISSUER AUDIENCE";
    let (issuer, audience) = (args.next().context(usage)?, args.next().context(usage)?);
    System::new().block_on(run(issuer, audience))
}

#[expect(clippy::print_stdout, reason = "an example talks")]
async fn run(issuer: String, audience: String) -> anyhow::Result<()> {
    let policy = Policy::new(issuer, audience, [Algorithm::RS256, Algorithm::ES256])?;
    let verifier = Arc::new(Verifier::new(policy)?);
    // Not needed, but an issuer that cannot be found should be noticed now and not by the first caller.
    verifier.preload().await.context("the issuer's key set cannot be located")?;

    let listener = TcpListener::bind("127.0.0.1:3002")?;
    println!("listening on http://localhost:3002/things");
    Ok(server(listener, &verifier)?.await?)
}

fn server(listener: TcpListener, verifier: &Arc<Verifier>) -> anyhow::Result<Server> {
    let api = Api::new(verifier)?;
    let server = HttpServer::new(move || App::new().configure(|app| api.configure(app)));
    Ok(server.workers(WORKERS).listen(listener)?.run())
}

/// What every worker's application is made of.
#[derive(Clone)]
struct Api {
    verifier: Arc<Verifier>,
    admins: RequireToken,
}

impl Api {
    fn new(verifier: &Arc<Verifier>) -> anyhow::Result<Self> {
        let admins = RequireToken::new(Arc::clone(verifier)).scope("admin")?;
        Ok(Self { verifier: Arc::clone(verifier), admins })
    }

    fn configure(&self, app: &mut ServiceConfig) {
        app.app_data(web::Data::from(Arc::clone(&self.verifier)))
            .route("/public", web::get().to(async || "everybody may read this"))
            .route("/things", web::get().to(things))
            .service(web::resource("/admin").wrap(Protect(self.admins.clone())).get(admin));
    }
}

/// For every caller with a good token.
async fn things(Bearer(token): Bearer<AccessClaims>) -> Json<Value> {
    let claims = token.claims();
    Json(json!({ "caller": claims.sub, "application": claims.client_id, "scope": claims.scope }))
}

/// For callers with one more scope, which the middleware has looked at.
async fn admin(Claims(claims): Claims<AccessClaims>) -> String {
    format!("welcome, {}", claims.sub.unwrap_or_default())
}

#[cfg(test)]
mod tests;
