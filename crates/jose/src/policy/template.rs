//! Issuers of many tenants, each of which has an `iss` of its own: one text with a placeholder stands for all of them.
//!
//! Microsoft documents this for its tenant-independent metadata ("Access tokens in the Microsoft identity platform",
//! *Multi-tenant applications* and *Validate the signing key issuer*): the issuer is
//! `https://login.microsoftonline.com/{tenantid}/v2.0`; a token's `iss` must be that with its `tid` in the placeholder's
//! place; and a published key whose member `issuer` names one tenant is for the tokens of that tenant only.

use super::Policy;
use super::checks::{Demanded, Outcome, is_text, text};
use crate::claims::Claims;
use crate::limits::TENANT_BYTES_MAX;
use crate::{PolicyError, PublishedKey, Refusal, UnixTime};

/// An issuer with a placeholder, taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Template {
    before: String,
    behind: String,
    /// Whether the placeholder is a label of the host, where a dot would begin another label.
    is_in_host: bool,
    /// The claim that names the tenant.
    claim: String,
    /// The tenants whose tokens are accepted, or none for all of them.
    tenants: Vec<String>,
}

impl Template {
    pub(super) fn new(issuer: &str, claim: String) -> Result<Self, PolicyError> {
        let (before, behind) = around_placeholder(issuer).map_err(PolicyError::IssuerTemplate)?;
        let is_in_host = is_in_host(before, behind).map_err(PolicyError::IssuerTemplate)?;
        let (before, behind) = (before.to_owned(), behind.to_owned());
        Ok(Self { before, behind, is_in_host, claim, tenants: Vec::new() })
    }

    pub(super) fn with_tenants(self, tenants: Vec<String>) -> Result<Self, PolicyError> {
        if tenants.is_empty() || !tenants.iter().all(|tenant| self.is_tenant(tenant)) {
            return Err(PolicyError::ValueMalformed("tenants"));
        }
        Ok(Self { tenants, ..self })
    }

    /// What stands in the placeholder's place, if this is an issuer of the template.
    pub(super) fn tenant<'i>(&self, issuer: &'i str) -> Option<&'i str> {
        let value = issuer.strip_prefix(self.before.as_str())?.strip_suffix(self.behind.as_str())?;
        self.is_tenant(value).then_some(value)
    }

    pub(super) fn allows(&self, tenant: &str) -> bool {
        self.tenants.is_empty() || self.tenants.iter().any(|allowed| allowed == tenant)
    }

    /// Few characters, none of which can end a segment of a path or begin an escape; and no segment that leads elsewhere.
    fn is_tenant(&self, value: &str) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let is_fit = (1..=TENANT_BYTES_MAX).contains(&value.len()) && value.bytes().all(is_plain);
        is_fit && !matches!(value, "." | "..") && !(self.is_in_host && value.contains('.'))
    }
}

/// The texts before and behind the only placeholder, which is a name in braces.
fn around_placeholder(issuer: &str) -> Result<(&str, &str), &'static str> {
    let (before, rest) = issuer.split_once('{').ok_or("it has no placeholder")?;
    let (name, behind) = rest.split_once('}').ok_or("a brace is not closed")?;
    if name.is_empty() {
        return Err("its placeholder has no name");
    }
    if [before, name, behind].iter().any(|part| part.contains(['{', '}'])) {
        return Err("it has more than one placeholder");
    }
    Ok((before, behind))
}

/// Whether the placeholder is in the host of the URL; else it is in the path, or where no tenant's name can be.
fn is_in_host(before: &str, behind: &str) -> Result<bool, &'static str> {
    let (_, before) = before.split_once("://").ok_or("its placeholder does not stand behind a scheme")?;
    if before.contains(['?', '#']) {
        return Err("its placeholder stands behind the path");
    }
    if before.contains('/') {
        return Ok(false);
    }
    let host = behind.split(['/', '?', '#']).next().unwrap_or_default();
    let is_label = (before.is_empty() || before.ends_with('.')) && host.len() > 1 && host.starts_with('.');
    if is_label && !before.contains('@') && !host.contains('@') {
        Ok(true)
    } else {
        Err("its placeholder is in the host, and is not a whole label with others behind it")
    }
}

impl Policy {
    /// Whether this is an issuer whose tokens may be accepted: the very text, or one of the template's.
    ///
    /// It chooses the policy of a token that nobody has verified ([`crate::danger::issuer`]), and proves nothing.
    pub fn issuer_matches(&self, issuer: &str) -> bool {
        match &self.template {
            None => self.issuer == issuer,
            Some(template) => template.tenant(issuer).is_some_and(|tenant| template.allows(tenant)),
        }
    }

    /// Whether a published key may verify the tokens of this issuer, which is one of the template's: it names none, this
    /// very one, or all of them.
    pub(crate) fn check_key_issuer(&self, key: &PublishedKey, claims: &Claims<'_, '_>) -> Outcome {
        let (Some(_), Some(key_issuer)) = (&self.template, key.issuer()) else { return Ok(Demanded::No) };
        let issuer = text(claims.issuer());
        if key_issuer == issuer || key_issuer == self.issuer {
            return Ok(Demanded::Yes);
        }
        Err(Refusal::KeyIssuerMismatch { key_issuer: key_issuer.to_owned(), issuer: issuer.into_owned() })
    }
}

/// The claim that names the tenant says what `iss` says, and the tenant is one that is wanted.
pub(super) fn tenant(policy: &Policy, claims: &Claims<'_, '_>, _: UnixTime) -> Outcome {
    let Some(template) = &policy.template else { return Ok(Demanded::No) };
    let issuer = text(claims.issuer());
    let tenant = template.tenant(&issuer).ok_or_else(|| policy.issuer_mismatch(&issuer))?;
    is_text(claims, &template.claim, tenant)?;
    if template.allows(tenant) {
        return Ok(Demanded::Yes);
    }
    Err(Refusal::ClaimMismatch {
        claim: template.claim.clone(),
        expected: template.tenants.join(" or "),
        found: tenant.to_owned(),
    })
}
