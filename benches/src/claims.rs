//! The one payload that everybody signs and verifies, and the types that it is read into.
//!
//! It is what a user's access token of a large identity provider carries. Where the signature is short, more permissions
//! bring the token to the same size.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub const ISSUER: &str = "https://tenant-01.eu.example/";
pub const AUDIENCE: &str = "https://api.example/v2/orders";
pub const KEY_ID: &str = "b0PzQ3mT1rXw8LkVn5uYs";
pub const TOKEN_TYPE: &str = "at+jwt";
pub const LEEWAY_SECONDS: u64 = 30;

const LIFETIME_SECONDS: u64 = 86_400;

/// What the issuer writes.
#[derive(Clone, Serialize)]
pub struct IssuedClaims {
    pub iss: Cow<'static, str>,
    pub aud: [&'static str; 2],
    pub iat: u64,
    pub nbf: u64,
    pub exp: u64,
    pub sub: &'static str,
    pub azp: &'static str,
    pub scope: &'static str,
    pub permissions: Vec<String>,
}

/// The claims that libraries with typed registered claims call custom.
#[derive(Clone, Serialize)]
pub struct CustomClaims {
    pub sub: &'static str,
    pub azp: &'static str,
    pub scope: &'static str,
    pub permissions: Vec<String>,
}

impl IssuedClaims {
    /// The claims of a token that is issued at `now`.
    pub fn at(issuer: impl Into<Cow<'static, str>>, now: u64) -> Self {
        Self {
            iss: issuer.into(),
            aud: [AUDIENCE, "https://tenant-01.eu.example/userinfo"],
            iat: now,
            nbf: now,
            exp: now + LIFETIME_SECONDS,
            sub: "google-oauth2|1082042680333113745190",
            azp: "mXjVv8h0q3rT5yU7iO9pA1sD3fG5hJ7k",
            scope: "openid profile email read:orders write:orders",
            permissions: vec!["read:orders".to_owned(), "write:orders".to_owned()],
        }
    }

    /// Those that libraries with typed registered claims call custom.
    pub fn custom(&self) -> CustomClaims {
        let Self { sub, azp, scope, .. } = *self;
        CustomClaims { sub, azp, scope, permissions: self.permissions.clone() }
    }

    /// Grants more permissions, so many bytes of JSON in all.
    pub fn grant(&mut self, mut bytes: usize) {
        // A comma and two quotes for each.
        const AROUND: usize = 3;
        for number in 10.. {
            let permission = format!("read:invoices-{number}");
            let taken = permission.len() + AROUND;
            if bytes < taken + AROUND + 1 {
                break;
            }
            bytes -= taken;
            self.permissions.push(permission);
        }
        if bytes > AROUND {
            self.permissions.push("x".repeat(bytes - AROUND));
        }
    }
}

/// What an API reads, borrowed from the token's own bytes; a list would be an allocation of the type's own.
#[derive(Deserialize)]
#[expect(dead_code, reason = "reading the claims is what is measured; nobody looks at them")]
pub struct BorrowedClaims<'a> {
    sub: &'a str,
    azp: &'a str,
    scope: &'a str,
    iat: u64,
    exp: u64,
}

/// The same for libraries that cannot borrow.
#[derive(Deserialize)]
#[expect(dead_code, reason = "as above")]
pub struct OwnedClaims {
    sub: String,
    azp: String,
    scope: String,
    iat: u64,
    exp: u64,
}

/// The same for libraries that keep `iat` and `exp` to themselves: a type that asked for them again would not get them.
#[derive(Deserialize)]
#[expect(dead_code, reason = "as above")]
pub struct OwnedCustomClaims {
    azp: String,
    scope: String,
}
