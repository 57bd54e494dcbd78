//! What the `Authorization` headers of a request hold (RFC 6750 §2.1). A token in a body or a query is not looked for.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use jwksmith_verifier::bearer_token;

use crate::Rejection;

/// The credentials of a request.
///
/// There is no `Debug`: a token is not for the log.
#[derive(Clone, Copy)]
pub enum Credentials<'h> {
    /// No header at all.
    Missing,
    /// Anything but one header of the form `Bearer TOKEN`.
    Malformed,
    /// A token, of which nothing is known yet.
    Token(&'h str),
}

impl<'h> Credentials<'h> {
    /// Reads the values of all `Authorization` headers.
    pub fn of(authorization: impl IntoIterator<Item = &'h [u8]>) -> Self {
        let mut values = authorization.into_iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Missing,
            (Some(value), None) => bearer_token(value).map_or(Self::Malformed, Self::Token),
            // Two headers: whichever the proxy looked at, it may have been the other one.
            (Some(_), Some(_)) => Self::Malformed,
        }
    }

    /// The same from the headers of a request.
    pub fn in_headers(headers: &'h HeaderMap) -> Self {
        Self::of(headers.get_all(AUTHORIZATION).iter().map(http::HeaderValue::as_bytes))
    }

    /// The token, which must be there.
    ///
    /// # Errors
    /// A 401 that says what is missing. RFC 6750 §3.1 would have 400 for repeated credentials; they get the answer of all
    /// credentials that are not valid (RFC 9110 §15.5.2), which clients know to act upon.
    pub fn token(self) -> Result<&'h str, Rejection> {
        match self {
            Self::Missing => Err(Rejection::missing()),
            Self::Malformed => Err(Rejection::malformed()),
            Self::Token(token) => Ok(token),
        }
    }
}
