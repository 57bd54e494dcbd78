//! A hyper server without a framework, protected by a `tower` layer with the tokens of any issuer.
//!
//! ```sh
//! # in one terminal: an issuer to try it with
//! cargo run --release -- dev
//!
//! # in a second one: this server, which knows nothing of the issuer but its URL
//! set -a; . ./jwksmith-data/dev.env; set +a
//! cargo run -p example-tower-service -- "$ISSUER" "$AUDIENCE"
//!
//! # in a third one: a caller
//! set -a; . ./jwksmith-data/dev.env; set +a
//! TOKEN=$(curl -s "${ISSUER}oauth/token" -d grant_type=client_credentials \
//!   -d client_id="$CLIENT_ID" -d client_secret="$CLIENT_SECRET" -d audience="$AUDIENCE" |
//!   sed 's/.*"access_token":"\([^"]*\)".*/\1/')
//! curl -i http://localhost:3001/things                                   # 401, and where the metadata is
//! curl http://localhost:3001/.well-known/oauth-protected-resource        # 200: who issues tokens for this
//! curl http://localhost:3001/things -H "Authorization: Bearer $TOKEN"    # 200: what the token says of its caller
//! curl http://localhost:3001/admin -H "Authorization: Bearer $TOKEN"     # 403: the token lacks the scope
//! ```

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use jwksmith_tower::{
    ChallengeSettings, MetadataService, ProtectedBody, ProtectionError, RequireToken, ResourceMetadata,
};
use jwksmith_verifier::{AccessClaims, Algorithm, Policy, VerifiedToken, Verifier};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tower::util::BoxCloneSyncService;
use tower::{Layer as _, ServiceExt as _, service_fn};

/// What this server is called by its callers.
const RESOURCE: &str = "http://localhost:3001/";

type Body = ProtectedBody<Full<Bytes>>;
type Route = BoxCloneSyncService<Request<Incoming>, Response<Body>, Infallible>;

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "an example is a binary of its own, and reads its arguments")]
#[expect(clippy::print_stdout, reason = "an example talks")]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: example-tower-service ISSUER AUDIENCE";
    let (issuer, audience) = (args.next().context(usage)?, args.next().context(usage)?);

    let policy = Policy::new(issuer.as_str(), audience, [Algorithm::RS256, Algorithm::ES256])?;
    let verifier = Arc::new(Verifier::new(policy)?);
    // Not needed, but an issuer that cannot be found should be noticed now and not by the first caller.
    verifier.preload().await.context("the issuer's key set cannot be located")?;

    let listener = TcpListener::bind("127.0.0.1:3001").await?;
    println!("listening on {RESOURCE}things");
    serve(listener, app(verifier, &issuer)?).await
}

/// The routes, each a service of its own.
#[derive(Clone)]
struct App {
    things: Route,
    admin: Route,
    metadata: MetadataService,
}

fn app(verifier: Arc<Verifier>, issuer: &str) -> Result<App, ProtectionError> {
    let metadata =
        ResourceMetadata::new(RESOURCE)?.authorization_server(issuer)?.scopes_supported(["admin"])?;
    let challenge = ChallengeSettings::new().resource_metadata(metadata.url())?;
    let anyone = RequireToken::new(verifier).challenge(challenge);
    let admins = anyone.clone().scope("admin")?;
    Ok(App {
        things: Route::new(anyone.layer(service_fn(things))),
        admin: Route::new(admins.layer(service_fn(admin))),
        metadata: metadata.service(),
    })
}

impl App {
    async fn answer(self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        match request.uri().path() {
            "/things" => self.things.oneshot(request).await,
            "/admin" => self.admin.oneshot(request).await,
            // For everybody: whoever has no token yet is who needs it.
            "/.well-known/oauth-protected-resource" => {
                Ok(self.metadata.oneshot(request).await?.map(Body::Left))
            }
            _ => Ok(nothing_there()),
        }
    }
}

/// For every caller with a good token, which the layer has left among the extensions.
async fn things(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let claims = request.extensions().get::<VerifiedToken>().map(VerifiedToken::claims::<AccessClaims>);
    let Some(Ok(claims)) = claims else { return Ok(Response::default()) };
    let body = json!({ "caller": claims.sub, "application": claims.client_id, "scope": claims.scope });
    Ok(Response::new(Full::from(body.to_string())))
}

/// For callers with one more scope, which the layer has looked at.
async fn admin(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::from("welcome")))
}

fn nothing_there() -> Response<Body> {
    let mut response = Response::new(Body::Left(Full::default()));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

async fn serve(listener: TcpListener, app: App) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve_connection(stream, app.clone()));
    }
}

async fn serve_connection(stream: TcpStream, app: App) {
    let service = service_fn(move |request| app.clone().answer(request));
    // With a timer, a caller that never finishes its headers is given up after half a minute.
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new());
    // How a connection ends is its caller's affair.
    let _ = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)).await;
}

#[cfg(test)]
mod tests;
