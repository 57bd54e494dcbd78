//! The list of every endpoint: method, path, who may call it, handler. The router is this list.

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use tower_http::cors::{Any, CorsLayer};

use crate::authorization;
use crate::problem::Problem;
use crate::state::ServerState;
use crate::{certificates, management, token, well_known};

/// The largest request body, in bytes. A token request has a few hundred.
pub const REQUEST_BYTES_MAX: usize = 16 * 1024;

/// How long a request may take from its header to its answer, in seconds. The slowest thing here, a rotation, takes one.
pub const REQUEST_SECONDS_MAX: u64 = 30;

/// Who may call an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Everybody, from any web page too (CORS)
    Public,
    /// An application that proves itself with its own credentials in the request
    Client,
    /// The bearer of this tenant's management token with all of these scopes
    Scopes(&'static [&'static str]),
}

/// One endpoint.
pub struct Route {
    /// GET also answers HEAD
    pub method: Method,
    /// As axum writes paths
    pub path: &'static str,
    /// Who may call it
    pub access: Access,
    handler: fn(MethodFilter) -> MethodRouter<ServerState>,
}

const READ: Access = Access::Scopes(&["read:signing_keys"]);
const ROTATE: Access = Access::Scopes(&["create:signing_keys", "update:signing_keys"]);
const REVOKE: Access = Access::Scopes(&["update:signing_keys"]);

macro_rules! route {
    ($method:ident, $path:literal, $access:expr, $handler:path) => {
        Route {
            method: Method::$method,
            path: $path,
            access: $access,
            handler: |filter| endpoint(filter, $handler),
        }
    };
}

/// Every endpoint of this server.
pub static ROUTES: [Route; 13] = [
    route!(GET, "/.well-known/jwks.json", Access::Public, well_known::key_set),
    route!(GET, "/.well-known/openid-configuration", Access::Public, well_known::openid_configuration),
    route!(GET, "/.well-known/oauth-authorization-server", Access::Public, well_known::authorization_server),
    route!(GET, "/pem", Access::Public, certificates::pem),
    route!(GET, "/cer", Access::Public, certificates::cer),
    route!(GET, "/rawpem", Access::Public, certificates::raw_pem),
    route!(GET, "/pb7", Access::Public, certificates::pb7),
    route!(GET, "/fingerprint", Access::Public, certificates::fingerprint),
    route!(POST, "/oauth/token", Access::Client, token::issue),
    route!(GET, "/api/v2/keys/signing", READ, management::list),
    route!(GET, "/api/v2/keys/signing/{kid}", READ, management::show),
    route!(POST, "/api/v2/keys/signing/rotate", ROTATE, management::rotate),
    route!(PUT, "/api/v2/keys/signing/{kid}/revoke", REVOKE, management::revoke),
];

/// The router over [`ROUTES`].
pub fn router(state: ServerState) -> Router {
    let routes =
        ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, route.guarded(&state)));
    routes
        .fallback(async || Problem::PathUnknown)
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .layer(middleware::from_fn(in_time))
        .with_state(state)
}

/// Gives up on a request that trickles in.
async fn in_time(request: Request, next: Next) -> Result<Response, Problem> {
    let time = Duration::from_secs(REQUEST_SECONDS_MAX);
    tokio::time::timeout(time, next.run(request)).await.map_err(|_| Problem::TooSlow)
}

impl Route {
    fn guarded(&self, state: &ServerState) -> MethodRouter<ServerState> {
        let filter = MethodFilter::try_from(self.method.clone()).expect(
            "the methods of ROUTES are ordinary ones, as the router's construction in every test shows",
        );
        // Set before the layers, so that CORS sees the preflight and a wrong method needs no token.
        let handler = (self.handler)(filter).fallback(async || Problem::MethodNotAllowed);
        match self.access {
            Access::Public => handler.layer(cors()),
            Access::Client => handler,
            Access::Scopes(required) => {
                let guard = authorization::Guard { state: state.clone(), required };
                handler.route_layer(middleware::from_fn_with_state(guard, authorization::check))
            }
        }
    }
}

fn endpoint<H, T>(filter: MethodFilter, handler: H) -> MethodRouter<ServerState>
where
    H: Handler<T, ServerState>,
    T: 'static,
{
    on(filter, handler)
}

/// Public documents may be read by any web page; they carry no credentials and take none.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([axum::http::header::IF_NONE_MATCH])
        .expose_headers([axum::http::header::ETAG])
        // The answer is the same for every origin: a `Vary` would only split what caches hold.
        .vary([])
}
