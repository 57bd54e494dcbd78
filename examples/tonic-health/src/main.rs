//! A gRPC service that is protected by the tokens of any issuer. It is the health service that comes with tonic, so that
//! nothing has to be generated; any other is protected alike.
//!
//! ```sh
//! # in one terminal: an issuer to try it with
//! cargo run --release -- dev
//!
//! # in a second one: this service, which knows nothing of the issuer but its URL
//! set -a; . ./jwksmith-data/dev.env; set +a
//! cargo run -p example-tonic-health -- "$ISSUER" "$AUDIENCE"
//!
//! # in a third one: a caller
//! set -a; . ./jwksmith-data/dev.env; set +a
//! TOKEN=$(curl -s "${ISSUER}oauth/token" -d grant_type=client_credentials \
//!   -d client_id="$CLIENT_ID" -d client_secret="$CLIENT_SECRET" -d audience="$AUDIENCE" |
//!   sed 's/.*"access_token":"\([^"]*\)".*/\1/')
//! cargo run -p example-tonic-health -- check             # Unauthenticated: no token
//! cargo run -p example-tonic-health -- check "$TOKEN"    # Serving
//! ```

use std::sync::Arc;

use anyhow::Context as _;
use jwksmith_tonic::{Protect, RequireToken};
use jwksmith_verifier::{Algorithm, Policy, Verifier};
use tokio::net::TcpListener;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

const ADDRESS: &str = "127.0.0.1:50051";

/// What tokens must grant; those of `jwksmith dev` do.
const SCOPE: &str = "read:things";

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "an example is a binary of its own, and reads its arguments")]
async fn main() -> anyhow::Result<()> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["check"] => tell(check(ADDRESS, None).await),
        ["check", token] => tell(check(ADDRESS, Some(token)).await),
        [issuer, audience] => run(issuer, audience).await?,
        _ => anyhow::bail!(
            "usage: example-tonic-health ISSUER AUDIENCE, or example-tonic-health check [TOKEN]"
        ),
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example talks")]
async fn run(issuer: &str, audience: &str) -> anyhow::Result<()> {
    let policy = Policy::new(issuer, audience, [Algorithm::RS256, Algorithm::ES256])?;
    let verifier = Arc::new(Verifier::new(policy)?);
    // An interceptor cannot wait: with the keys at hand the first call is answered, too.
    verifier.preload().await.context("the issuer's key set cannot be located")?;

    let listener = TcpListener::bind(ADDRESS).await?;
    println!("listening on {ADDRESS}");
    serve(listener, verifier).await
}

async fn serve(listener: TcpListener, verifier: Arc<Verifier>) -> anyhow::Result<()> {
    let (_, health) = tonic_health::server::health_reporter();
    let readers = RequireToken::new(verifier).scope(SCOPE)?;
    let protected = InterceptedService::new(health, Protect(readers));
    Ok(Server::builder().add_service(protected).serve_with_incoming(TcpIncoming::from(listener)).await?)
}

#[expect(clippy::print_stdout, reason = "an example talks")]
fn tell(answer: Result<ServingStatus, Status>) {
    match answer {
        Ok(status) => println!("{status:?}"),
        Err(status) => println!("{:?}: {}", status.code(), status.message()),
    }
}

/// Calls the service at this address.
async fn check(address: &str, token: Option<&str>) -> Result<ServingStatus, Status> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"));
    let channel = endpoint.map_err(|error| Status::invalid_argument(error.to_string()))?.connect_lazy();
    let mut request = Request::new(HealthCheckRequest::default());
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse();
        let value =
            value.map_err(|_| Status::invalid_argument("the token has characters that no token has"))?;
        request.metadata_mut().insert("authorization", value);
    }
    Ok(HealthClient::new(channel).check(request).await?.into_inner().status())
}

#[cfg(test)]
mod tests;
