//! APIs (resource servers): an audience, the algorithm of its tokens, their lifetime, and the scopes it knows.

use jwksmith_jose::{Algorithm, quoted};

use crate::issuer::Issuer;
use crate::seal::Sealed;

/// The algorithms that an API may have its tokens signed with.
pub const API_ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::HS256];

/// How long a token lives unless its API says otherwise, in seconds: a day.
pub const TOKEN_LIFETIME_SECONDS_DEFAULT: u32 = 86_400;

/// The longest life of a token, in seconds: thirty days. A previous key must stay published for as long.
pub const TOKEN_LIFETIME_SECONDS_MAX: u32 = 2_592_000;

/// The longest audience, in bytes.
pub const AUDIENCE_BYTES_MAX: usize = 600;

/// The longest name of an API or an application, in bytes.
pub const NAME_BYTES_MAX: usize = 200;

/// How many scopes an API may have. A token with all of them still fits `jwksmith_jose::limits::TOKEN_BYTES_MAX`.
pub const API_SCOPES_MAX: usize = 100;

/// The longest scope, in bytes; see [`API_SCOPES_MAX`].
pub const SCOPE_BYTES_MAX: usize = 96;

/// The scopes of the management API, each guarding what it names.
pub const MANAGEMENT_SCOPES: [&str; 3] = ["read:signing_keys", "create:signing_keys", "update:signing_keys"];

/// The audience of a tenant's own management API.
pub fn management_audience(issuer: &Issuer) -> String {
    format!("{issuer}api/v2/")
}

/// What an API is to be.
///
/// ```
/// use jwksmith_authority::NewApi;
/// use jwksmith_jose::Algorithm;
///
/// let scopes = vec!["read:orders".to_owned()];
/// let api = NewApi { scopes, ..NewApi::new("https://orders.example/", Algorithm::RS256) };
/// assert_eq!(api.token_lifetime_seconds, 86_400);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewApi {
    /// What stands in `aud`; any text without control characters, usually a URL
    pub audience: String,
    /// For people
    pub name: String,
    /// One of [`API_ALGORITHMS`]
    pub algorithm: Algorithm,
    /// 1 to [`TOKEN_LIFETIME_SECONDS_MAX`]
    pub token_lifetime_seconds: u32,
    /// The scopes that may be granted
    pub scopes: Vec<String>,
}

impl NewApi {
    /// An API without scopes, named after its audience, with the default lifetime.
    pub fn new(audience: impl Into<String>, algorithm: Algorithm) -> Self {
        let audience = audience.into();
        let name = audience.chars().take(NAME_BYTES_MAX / 4).collect();
        let token_lifetime_seconds = TOKEN_LIFETIME_SECONDS_DEFAULT;
        Self { audience, name, algorithm, token_lifetime_seconds, scopes: Vec::new() }
    }

    /// The management API of a tenant.
    pub fn management(issuer: &Issuer) -> Self {
        let scopes = MANAGEMENT_SCOPES.map(str::to_owned).to_vec();
        let name = "Management API".to_owned();
        Self { name, scopes, ..Self::new(management_audience(issuer), Algorithm::RS256) }
    }
}

/// An API whose settings were checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Api {
    settings: NewApi,
    sealed_secret: Option<Sealed>,
}

/// Why an API or an application cannot be as it was asked for. Whoever asked must ask for something else.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Empty, too long, or with control characters.
    #[error("the audience {} must have 1 to {AUDIENCE_BYTES_MAX} bytes, none of them control characters", quoted(.0))]
    Audience(String),
    /// Empty, too long, or with control characters.
    #[error("the name {} must have 1 to {NAME_BYTES_MAX} bytes, none of them control characters", quoted(.0))]
    Name(String),
    /// Not one of [`API_ALGORITHMS`].
    #[error("an API's tokens cannot be signed with {0}: choose RS256, ES256 or HS256")]
    Algorithm(Algorithm),
    /// Zero, or over [`TOKEN_LIFETIME_SECONDS_MAX`].
    #[error("a token cannot live for {0} seconds: choose 1 to {TOKEN_LIFETIME_SECONDS_MAX}")]
    TokenLifetime(u32),
    /// More than [`API_SCOPES_MAX`].
    #[error("there are {0} scopes, more than the {API_SCOPES_MAX} that fit into a token")]
    TooManyScopes(usize),
    /// No scope token of RFC 6749 §3.3, or too long.
    #[error(
        "the scope {} must have 1 to {SCOPE_BYTES_MAX} printable ASCII characters, no space, quote or backslash",
        quoted(.0)
    )]
    Scope(String),
    /// The same scope twice.
    #[error("the scope {} stands twice", quoted(.0))]
    ScopeTwice(String),
    /// A secret for a public-key algorithm, or none for a shared-secret one.
    #[error("an API has a shared secret exactly if its algorithm is HS256")]
    Secret,
}

impl SettingsError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Audience(_) => "audience_invalid",
            Self::Name(_) => "name_invalid",
            Self::Algorithm(_) => "api_algorithm_unsupported",
            Self::TokenLifetime(_) => "token_lifetime_invalid",
            Self::TooManyScopes(_) => "too_many_scopes",
            Self::Scope(_) => "scope_malformed",
            Self::ScopeTwice(_) => "scope_twice",
            Self::Secret => "api_secret_inconsistent",
        }
    }
}

impl Api {
    /// Checks the settings. `sealed_secret` is there exactly if the algorithm is a shared-secret one.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn new(settings: NewApi, sealed_secret: Option<Sealed>) -> Result<Self, SettingsError> {
        check_settings(&settings)?;
        if sealed_secret.is_some() != settings.algorithm.is_symmetric() {
            return Err(SettingsError::Secret);
        }
        Ok(Self { settings, sealed_secret })
    }

    /// The settings.
    pub fn settings(&self) -> &NewApi {
        &self.settings
    }

    /// What stands in `aud`.
    pub fn audience(&self) -> &str {
        &self.settings.audience
    }

    /// For people.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// What its tokens are signed with.
    pub fn algorithm(&self) -> Algorithm {
        self.settings.algorithm
    }

    /// How long its tokens live.
    pub fn token_lifetime_seconds(&self) -> u32 {
        self.settings.token_lifetime_seconds
    }

    /// The scopes that may be granted.
    pub fn scopes(&self) -> &[String] {
        &self.settings.scopes
    }

    /// The shared secret of an HS256 API.
    pub fn sealed_secret(&self) -> Option<&Sealed> {
        self.sealed_secret.as_ref()
    }
}

pub(crate) fn check_settings(api: &NewApi) -> Result<(), SettingsError> {
    if !is_plain_text(&api.audience, AUDIENCE_BYTES_MAX) {
        return Err(SettingsError::Audience(api.audience.clone()));
    }
    check_name(&api.name)?;
    if !API_ALGORITHMS.contains(&api.algorithm) {
        return Err(SettingsError::Algorithm(api.algorithm));
    }
    if !(1..=TOKEN_LIFETIME_SECONDS_MAX).contains(&api.token_lifetime_seconds) {
        return Err(SettingsError::TokenLifetime(api.token_lifetime_seconds));
    }
    check_scopes(&api.scopes)
}

pub(crate) fn check_name(name: &str) -> Result<(), SettingsError> {
    if is_plain_text(name, NAME_BYTES_MAX) { Ok(()) } else { Err(SettingsError::Name(name.to_owned())) }
}

pub(crate) fn check_scopes(scopes: &[String]) -> Result<(), SettingsError> {
    if scopes.len() > API_SCOPES_MAX {
        return Err(SettingsError::TooManyScopes(scopes.len()));
    }
    for (index, scope) in scopes.iter().enumerate() {
        if !is_scope(scope) {
            return Err(SettingsError::Scope(scope.clone()));
        }
        if scopes.iter().take(index).any(|earlier| earlier == scope) {
            return Err(SettingsError::ScopeTwice(scope.clone()));
        }
    }
    Ok(())
}

fn is_plain_text(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// RFC 6749 §3.3: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`.
fn is_scope(scope: &str) -> bool {
    (1..=SCOPE_BYTES_MAX).contains(&scope.len())
        && scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut NewApi), expected: Result<(), &str>) {
        let mut api = NewApi::new("https://api.example/", Algorithm::RS256);
        change(&mut api);
        let shown = format!("{api:?}");
        let found = Api::new(api, None).map(|_| ()).map_err(|error| error.code());
        assert_eq!(found, expected, "{shown:.200}");
    }

    fn scopes(count: usize, bytes: usize) -> Vec<String> {
        (0..count).map(|number| format!("{number:0bytes$}")).collect()
    }

    #[test]
    fn api_settings_are_checked() {
        check(|_| {}, Ok(()));
        check(|api| api.audience = "urn:orders".into(), Ok(()));
        check(|api| api.audience = "a".repeat(AUDIENCE_BYTES_MAX), Ok(()));
        check(|api| api.audience = "a".repeat(AUDIENCE_BYTES_MAX + 1), Err("audience_invalid"));
        check(|api| api.audience.clear(), Err("audience_invalid"));
        check(|api| api.audience = "a\nb".into(), Err("audience_invalid"));
        check(|api| api.name = "n".repeat(NAME_BYTES_MAX), Ok(()));
        check(|api| api.name = "n".repeat(NAME_BYTES_MAX + 1), Err("name_invalid"));
        check(|api| api.name.clear(), Err("name_invalid"));
        check(|api| api.algorithm = Algorithm::ES256, Ok(()));
        check(|api| api.algorithm = Algorithm::HS256, Err("api_secret_inconsistent"));
        for refused in Algorithm::all().filter(|algorithm| !API_ALGORITHMS.contains(algorithm)) {
            check(|api| api.algorithm = refused, Err("api_algorithm_unsupported"));
        }
        check(|api| api.token_lifetime_seconds = 0, Err("token_lifetime_invalid"));
        check(|api| api.token_lifetime_seconds = 1, Ok(()));
        check(|api| api.token_lifetime_seconds = TOKEN_LIFETIME_SECONDS_MAX, Ok(()));
        check(
            |api| api.token_lifetime_seconds = TOKEN_LIFETIME_SECONDS_MAX + 1,
            Err("token_lifetime_invalid"),
        );
        check(|api| api.scopes = scopes(API_SCOPES_MAX, SCOPE_BYTES_MAX), Ok(()));
        check(|api| api.scopes = scopes(API_SCOPES_MAX + 1, 4), Err("too_many_scopes"));
        check(|api| api.scopes = scopes(1, SCOPE_BYTES_MAX + 1), Err("scope_malformed"));
        for refused in ["", "a b", "a\"b", "a\\b", "é", "a\u{7f}"] {
            check(|api| api.scopes = vec![refused.into()], Err("scope_malformed"));
        }
        check(|api| api.scopes = vec!["a".into(), "b".into(), "a".into()], Err("scope_twice"));
    }

    #[test]
    fn api_with_a_secret_must_be_hs256() {
        let secret = || Some(Sealed::from(vec![1]));
        let api = |algorithm| NewApi::new("a", algorithm);
        assert!(Api::new(api(Algorithm::HS256), secret()).is_ok());
        assert_eq!(Api::new(api(Algorithm::RS256), secret()), Err(SettingsError::Secret));
    }

    #[test]
    fn management_api_is_an_ordinary_one() {
        let issuer = Issuer::try_from("https://tenant.example/").unwrap();
        let api = Api::new(NewApi::management(&issuer), None).unwrap();
        assert_eq!(api.audience(), "https://tenant.example/api/v2/");
        assert_eq!(api.token_lifetime_seconds(), 86_400);
        assert_eq!(api.scopes(), MANAGEMENT_SCOPES);
    }
}
