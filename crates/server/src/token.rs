//! `POST /oauth/token`: the client credentials grant (RFC 6749 §4.4).
//!
//! Takes a form, as the RFC says, or JSON, as Auth0's clients send it. A client authenticates in the body
//! (`client_secret_post`) or with HTTP Basic (`client_secret_basic`), not both (RFC 6749 §2.3).

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jwksmith_authority::TokenRequest;
use jwksmith_jose::json;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::problem::{TokenError, no_store};
use crate::routes::REQUEST_BYTES_MAX;
use crate::state::{ServerState, Tenant};

/// RFC 6749 §5.1.
#[derive(Serialize)]
struct TokenBody {
    access_token: String,
    token_type: &'static str,
    expires_in: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// The parameters that matter. Others are ignored (RFC 6749 §3.2), repeated ones are refused.
#[derive(Default, Deserialize)]
struct Parameters {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    audience: Option<String>,
    /// RFC 8707 §2: the standard's name for what Auth0 calls `audience`.
    resource: Option<String>,
    scope: Option<String>,
}

/// Who the client says it is.
struct Credentials {
    client_id: String,
    client_secret: String,
}

pub(crate) async fn issue(
    State(state): State<ServerState>,
    Tenant(tenant): Tenant,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, TokenError> {
    let body = body.map_err(|rejection| unreadable(&rejection))?;
    let parameters = parameters(&headers, &body)?;
    let basic = headers.contains_key(AUTHORIZATION);
    check_grant_type(&parameters)?;
    let audience = audience(&parameters)?;
    let credentials = credentials(&headers, &parameters).map_err(|error| error.with_basic(basic))?;
    let request = TokenRequest {
        client_id: &credentials.client_id,
        client_secret: &credentials.client_secret,
        audience,
        scope: parameters.scope.as_deref(),
    };
    let issued = state.authority().issue(&tenant, &request, state.now());
    let issued = issued.map_err(|error| TokenError::from(error).with_basic(basic))?;
    let body = TokenBody {
        access_token: issued.access_token,
        token_type: "Bearer",
        expires_in: issued.expires_in,
        scope: issued.scope,
    };
    Ok((no_store(), Json(body)).into_response())
}

fn unreadable(rejection: &BytesRejection) -> TokenError {
    match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            TokenError::too_large(REQUEST_BYTES_MAX)
        }
        _ => TokenError::invalid_request("the body of the request did not arrive whole"),
    }
}

fn parameters(headers: &HeaderMap, body: &[u8]) -> Result<Parameters, TokenError> {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => from_form(body),
        "application/json" => json::from_slice(body)
            .map_err(|error| TokenError::invalid_request(format!("the JSON body cannot be read: {error}"))),
        _ => Err(TokenError::invalid_request(
            "send the parameters as application/x-www-form-urlencoded or application/json",
        )),
    }
}

fn from_form(body: &[u8]) -> Result<Parameters, TokenError> {
    let mut parameters = Parameters::default();
    for (name, value) in form_urlencoded::parse(body) {
        let Some(parameter) = parameters.named(&name) else { continue };
        // RFC 6749 §3.2: "parameters MUST NOT be included more than once".
        if parameter.replace(value.into_owned()).is_some() {
            return Err(TokenError::invalid_request(format!("the parameter {name} stands twice")));
        }
    }
    Ok(parameters)
}

impl Parameters {
    fn named(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "grant_type" => &mut self.grant_type,
            "client_id" => &mut self.client_id,
            "client_secret" => &mut self.client_secret,
            "audience" => &mut self.audience,
            "resource" => &mut self.resource,
            "scope" => &mut self.scope,
            _ => return None,
        })
    }
}

fn check_grant_type(parameters: &Parameters) -> Result<(), TokenError> {
    match parameters.grant_type.as_deref() {
        Some("client_credentials") => Ok(()),
        Some(_) => Err(TokenError::unsupported_grant_type()),
        None => Err(TokenError::invalid_request("the parameter grant_type is missing")),
    }
}

fn audience(parameters: &Parameters) -> Result<&str, TokenError> {
    match (&parameters.audience, &parameters.resource) {
        (Some(audience), Some(resource)) if audience != resource => {
            Err(TokenError::invalid_request("audience and resource name two APIs: send one of them"))
        }
        (Some(audience), _) | (None, Some(audience)) => Ok(audience),
        (None, None) => Err(TokenError::invalid_request("name the API that the token is for, in `audience`")),
    }
}

fn credentials(headers: &HeaderMap, parameters: &Parameters) -> Result<Credentials, TokenError> {
    let mut headers = headers.get_all(AUTHORIZATION).iter();
    let Some(header) = headers.next() else { return from_body(parameters) };
    if headers.next().is_some() {
        return Err(TokenError::invalid_request("the request has several Authorization headers"));
    }
    if parameters.client_secret.is_some() {
        // RFC 6749 §2.3: "MUST NOT use more than one authentication method in each request".
        return Err(TokenError::invalid_request("the client secret stands in the header and in the body"));
    }
    let credentials = from_basic(header.as_bytes()).ok_or_else(|| {
        TokenError::invalid_client("the Authorization header must be: Basic base64(client_id:client_secret)")
    })?;
    match &parameters.client_id {
        Some(other) if *other != credentials.client_id => {
            Err(TokenError::invalid_request("the header and the body name two clients"))
        }
        _ => Ok(credentials),
    }
}

fn from_body(parameters: &Parameters) -> Result<Credentials, TokenError> {
    match (&parameters.client_id, &parameters.client_secret) {
        (Some(client_id), Some(client_secret)) => {
            Ok(Credentials { client_id: client_id.clone(), client_secret: client_secret.clone() })
        }
        _ => Err(TokenError::invalid_client(
            "authenticate with client_id and client_secret, or with HTTP Basic",
        )),
    }
}

/// RFC 6749 §2.3.1: both parts are form-urlencoded, then joined, then base64.
fn from_basic(header: &[u8]) -> Option<Credentials> {
    let (scheme, encoded) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (client_id, client_secret) = pair.split_once(':')?;
    Some(Credentials { client_id: form_decoded(client_id)?, client_secret: form_decoded(client_secret)? })
}

fn form_decoded(text: &str) -> Option<String> {
    // A text without `=` and `&` parses as one name with no value.
    let text = text.replace('=', "%3D").replace('&', "%26");
    let mut pairs = form_urlencoded::parse(text.as_bytes());
    match (pairs.next(), pairs.next()) {
        (Some((name, _)), None) => Some(name.into_owned()),
        _ => None,
    }
}
