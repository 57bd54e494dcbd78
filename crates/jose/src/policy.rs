//! What a caller demands of a token: issuer, audience, algorithms, times, and the kind of token (RFC 8725 §3).

mod checks;
mod template;
mod times;

use crate::claims::{Claims, RawClaims, Times};
use crate::limits::LEEWAY_SECONDS_MAX;
use crate::profile::{Demands, Profile};
use crate::token::{Header, Segments};
use crate::{Algorithm, PolicyError, PublishedKey, Refusal, UnixTime};

use template::Template;

pub(crate) use checks::{COMMON_CHECKS, Demanded, FURTHER_CHECKS};

/// What a token must be to be accepted.
///
/// Issuer, audience and algorithms have no default: leaving one out is how most of this field's break-ins began.
/// `exp`, `iss` and `aud` are mandatory; `nbf` and `iat` are checked when present. A [`Profile`] demands more.
///
/// ```
/// use jwksmith_jose::{Algorithm, Policy, Profile};
///
/// let of_an_api = Policy::new("https://tenant.example/", "https://api.example/", [Algorithm::RS256])?
///     .leeway(30)?
///     .profile(Profile::Rfc9068AccessToken)?
///     .scope("read:orders")?;
/// let of_a_login = Policy::new("https://tenant.example/", "client-id", [Algorithm::RS256])?
///     .profile(Profile::IdToken)?
///     .nonce("n-0S6_WzA2Mj")?
///     .max_age(3600)?;
/// # Ok::<(), jwksmith_jose::PolicyError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    issuer: String,
    /// The same taken apart, if it has a placeholder.
    template: Option<Template>,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    profile: Profile,
    leeway: Option<u64>,
    token_type: Option<String>,
    scopes: Vec<String>,
    claims: Vec<(String, String)>,
    nonce: Option<String>,
    max_age: Option<u64>,
    organization: Option<String>,
}

impl Policy {
    /// A policy for tokens of `issuer`, meant for `audience`, signed with one of `algorithms`.
    ///
    /// The issuer is compared byte for byte (RFC 7519 §4.1.1): `https://a.example` and `https://a.example/` are two.
    ///
    /// # Errors
    /// [`PolicyError`] if one of the three is empty, or if HMAC is allowed beside public-key algorithms.
    pub fn new(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        algorithms: impl IntoIterator<Item = Algorithm>,
    ) -> Result<Self, PolicyError> {
        let issuer = issuer.into();
        if issuer.is_empty() {
            return Err(PolicyError::IssuerEmpty);
        }
        let algorithms = checked_algorithms(algorithms.into_iter().collect())?;
        let policy = Self {
            issuer,
            template: None,
            audiences: Vec::new(),
            algorithms,
            profile: Profile::default(),
            leeway: None,
            token_type: None,
            scopes: Vec::new(),
            claims: Vec::new(),
            nonce: None,
            max_age: None,
            organization: None,
        };
        policy.or_audience(audience)
    }

    /// Accepts tokens for this audience too.
    ///
    /// # Errors
    /// [`PolicyError::AudienceEmpty`].
    pub fn or_audience(mut self, audience: impl Into<String>) -> Result<Self, PolicyError> {
        let audience = audience.into();
        if audience.is_empty() {
            return Err(PolicyError::AudienceEmpty);
        }
        self.audiences.push(audience);
        Ok(self)
    }

    /// Expects this kind of token, with all that it demands. [`Profile::AccessToken`] unless set.
    ///
    /// # Errors
    /// [`PolicyError::SettingOfOtherProfile`] if a setting was made that the kind has no use for, and
    /// [`PolicyError::AlgorithmOfOtherProfile`] for client assertions with HMAC, which are another method.
    pub fn profile(mut self, profile: Profile) -> Result<Self, PolicyError> {
        self.profile = profile;
        self.checked()
    }

    /// Takes the issuer for a template: it has a placeholder in braces, in whose place each tenant's tokens have the name of
    /// that tenant, and the claim `claim`, as `tid`, must be the same name.
    ///
    /// A name has 1 to [`TENANT_BYTES_MAX`](crate::limits::TENANT_BYTES_MAX) bytes of `A-Z a-z 0-9 . _ -`, and no dot where
    /// the placeholder is a label of the host. A published key whose member `issuer` names one of the tenants is for the
    /// tokens of that tenant only.
    ///
    /// The tokens of every tenant are accepted, unless [`Self::tenants`] says whose; whoever accepts all of them must keep
    /// what belongs to one tenant apart from what belongs to another.
    ///
    /// ```
    /// use jwksmith_jose::{Algorithm, Policy};
    ///
    /// let issuer = "https://login.microsoftonline.com/{tenantid}/v2.0";
    /// let policy = Policy::new(issuer, "api://orders", [Algorithm::RS256])?.issuer_template("tid")?;
    /// let of = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
    /// assert!(policy.issuer_matches(&of("9188040d-6c67-4c5b-b112-36a304b66dad")));
    /// assert!(!policy.issuer_matches(&of("{tenantid}")));
    /// # Ok::<(), jwksmith_jose::PolicyError>(())
    /// ```
    ///
    /// # Errors
    /// [`PolicyError::IssuerTemplate`] if the issuer has not one placeholder, or has it where no tenant's name can be;
    /// [`PolicyError::ValueMalformed`] if the claim's name is empty; and [`PolicyError::SettingOfOtherProfile`].
    pub fn issuer_template(mut self, claim: impl Into<String>) -> Result<Self, PolicyError> {
        self.template = Some(Template::new(&self.issuer, demanded("claim", claim)?)?);
        self.checked()
    }

    /// Accepts the tokens of these tenants only, of all that [`Self::issuer_template`] stands for.
    ///
    /// # Errors
    /// [`PolicyError::ValueMalformed`] if there is none, or one that no issuer of the template has; and
    /// [`PolicyError::IssuerTemplate`] if the issuer was not said to be one.
    pub fn tenants(
        mut self,
        tenants: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, PolicyError> {
        let Some(template) = self.template else {
            return Err(PolicyError::IssuerTemplate("tenants are listed, and it was not said to be one"));
        };
        self.template = Some(template.with_tenants(tenants.into_iter().map(Into::into).collect())?);
        Ok(self)
    }

    /// How far the clocks may differ, in seconds; one setting for every time. 30 unless set, and 10 for client assertions.
    ///
    /// # Errors
    /// [`PolicyError::LeewayTooLarge`] over [`LEEWAY_SECONDS_MAX`].
    pub fn leeway(mut self, seconds: u64) -> Result<Self, PolicyError> {
        if seconds > LEEWAY_SECONDS_MAX {
            return Err(PolicyError::LeewayTooLarge(seconds));
        }
        self.leeway = Some(seconds);
        Ok(self)
    }

    /// Demands this `typ`, as `at+jwt` (RFC 9068 §2.1), instead of what the profile says. Expecting it makes it mandatory.
    ///
    /// # Errors
    /// [`PolicyError::TypeEmpty`].
    pub fn token_type(mut self, token_type: impl Into<String>) -> Result<Self, PolicyError> {
        let token_type = token_type.into();
        if token_type.is_empty() {
            return Err(PolicyError::TypeEmpty);
        }
        self.token_type = Some(token_type);
        Ok(self)
    }

    /// Demands that this scope was granted: in `scope` (RFC 6749 §3.3), or in `permissions`, as Auth0 writes them.
    /// Repeated, all of them.
    ///
    /// # Errors
    /// [`PolicyError::ValueMalformed`] if it is empty or holds a space, and [`PolicyError::SettingOfOtherProfile`].
    pub fn scope(mut self, scope: impl Into<String>) -> Result<Self, PolicyError> {
        let scope = demanded("scope", scope)?;
        if scope.contains(' ') {
            return Err(PolicyError::ValueMalformed("scope"));
        }
        self.scopes.push(scope);
        self.checked()
    }

    /// Demands that this claim is there, and is this string. Repeated, all of them.
    ///
    /// # Errors
    /// [`PolicyError::ValueMalformed`] if the name is empty.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<String>) -> Result<Self, PolicyError> {
        self.claims.push((demanded("claim", name)?, value.into()));
        Ok(self)
    }

    /// Demands the `nonce` that was sent with the request (OpenID Connect Core §3.1.3.7). For ID tokens only.
    ///
    /// # Errors
    /// [`PolicyError::ValueMalformed`] if it is empty, and [`PolicyError::SettingOfOtherProfile`].
    pub fn nonce(mut self, nonce: impl Into<String>) -> Result<Self, PolicyError> {
        self.nonce = Some(demanded("nonce", nonce)?);
        self.checked()
    }

    /// Demands that the user proved who they are at most so many seconds ago (`auth_time`). For ID tokens only.
    ///
    /// # Errors
    /// [`PolicyError::SettingOfOtherProfile`].
    pub fn max_age(mut self, seconds: u64) -> Result<Self, PolicyError> {
        self.max_age = Some(seconds);
        self.checked()
    }

    /// Demands the organization that was asked for: `org_id` if it begins with `org_`, else `org_name`, in lower case.
    ///
    /// # Errors
    /// [`PolicyError::ValueMalformed`] if it is empty, and [`PolicyError::SettingOfOtherProfile`].
    pub fn organization(mut self, organization: impl Into<String>) -> Result<Self, PolicyError> {
        self.organization = Some(demanded("organization", organization)?);
        self.checked()
    }

    /// The issuer whose tokens are accepted, with its placeholder if it is a template.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The allowed algorithms.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Checks what the header alone decides: the algorithm and the kind of token.
    pub(crate) fn check_header(&self, header: &Header) -> Result<(), Refusal> {
        self.check_algorithm(header)?;
        self.check_type(header).map(drop)
    }

    /// Checks the claims at `now`, and that they may be signed with `key`, if it is known. Before the signature is checked the answer can only refuse, never accept.
    pub(crate) fn check_claims(
        &self,
        claims: &RawClaims<'_>,
        text: &str,
        key: Option<&PublishedKey>,
        now: UnixTime,
    ) -> Result<Times, Refusal> {
        let claims = Claims::typed(claims, text)?;
        let further = if self.demands_further() { FURTHER_CHECKS.as_slice() } else { &[] };
        COMMON_CHECKS
            .iter()
            .chain(further)
            .try_for_each(|check| (check.run)(self, &claims, now).map(drop))?;
        key.map(|key| self.check_key_issuer(key, &claims)).transpose()?;
        Ok(claims.times)
    }

    /// Whether any of [`FURTHER_CHECKS`] has something to check; the other settings need a profile.
    fn demands_further(&self) -> bool {
        let is_plain = self.template.is_none() && self.scopes.is_empty() && self.claims.is_empty();
        self.profile != Profile::AccessToken || !is_plain
    }

    /// Splits a token that is no longer than its kind may be.
    pub(crate) fn split<'t>(&self, token: &'t str) -> Result<Segments<'t>, Refusal> {
        Segments::split(token, self.demands().token_bytes_max)
    }

    fn demands(&self) -> &'static Demands {
        self.profile.demands()
    }

    #[cold]
    fn issuer_mismatch(&self, found: &str) -> Refusal {
        Refusal::IssuerMismatch { expected: self.issuer.clone(), found: found.to_owned() }
    }

    fn leeway_seconds(&self) -> u64 {
        self.leeway.unwrap_or(self.demands().leeway_seconds)
    }

    /// Settings that the profile has no use for are refused; so the profile is named first.
    fn checked(self) -> Result<Self, PolicyError> {
        use Profile::{Auth0AccessToken, IdToken};
        let (is_id, is_auth0) = (self.profile == IdToken, self.profile == Auth0AccessToken);
        let settings = [
            // A client assertion is issued by its client, which has one name.
            ("issuer_template", self.template.is_some(), self.profile != Profile::ClientAssertion),
            ("nonce", self.nonce.is_some(), is_id),
            ("max_age", self.max_age.is_some(), is_id),
            ("organization", self.organization.is_some(), is_id || is_auth0),
            ("scope", !self.scopes.is_empty(), self.profile.is_access_token()),
        ];
        let misplaced = settings.into_iter().find(|(_, is_set, fits)| *is_set && !fits);
        match misplaced {
            Some((setting, ..)) => Err(PolicyError::SettingOfOtherProfile { setting, profile: self.profile }),
            None => self.checked_assertion(),
        }
    }

    fn checked_assertion(self) -> Result<Self, PolicyError> {
        let symmetric = self.algorithms.iter().find(|algorithm| algorithm.is_symmetric());
        match symmetric.filter(|_| self.profile == Profile::ClientAssertion) {
            Some(algorithm) => {
                Err(PolicyError::AlgorithmOfOtherProfile { algorithm: *algorithm, profile: self.profile })
            }
            None => Ok(self),
        }
    }
}

fn demanded(setting: &'static str, value: impl Into<String>) -> Result<String, PolicyError> {
    let value = value.into();
    if value.is_empty() { Err(PolicyError::ValueMalformed(setting)) } else { Ok(value) }
}

fn checked_algorithms(algorithms: Vec<Algorithm>) -> Result<Vec<Algorithm>, PolicyError> {
    let symmetric = algorithms.iter().filter(|algorithm| algorithm.is_symmetric()).count();
    if algorithms.is_empty() {
        return Err(PolicyError::AlgorithmsEmpty);
    }
    if symmetric != 0 && symmetric != algorithms.len() {
        return Err(PolicyError::AlgorithmsMixed);
    }
    Ok(algorithms)
}
