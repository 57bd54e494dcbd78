//! `WWW-Authenticate: Bearer …` (RFC 6750 §3, RFC 9728 §5.1): what may stand in it, and how it is written.
//!
//! Every parameter is a quoted string of characters that need no escape, so that nothing a caller sent can end one.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::ProtectionError;
use crate::text::{checked_url, is_quotable};

/// How much of a message is repeated in `error_description`; the whole of it is in the body.
pub(crate) const DESCRIPTION_BYTES_MAX: usize = 256;

/// What all challenges of a protected resource say alike. Cheap to clone; share one among layers and extractors.
///
/// ```
/// use jwksmith_tower::ChallengeSettings;
///
/// # fn main() -> Result<(), jwksmith_tower::ProtectionError> {
/// let settings = ChallengeSettings::new()
///     .realm("things")?
///     .resource_metadata("https://api.example/.well-known/oauth-protected-resource")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChallengeSettings {
    realm: Option<Arc<str>>,
    resource_metadata: Option<Arc<str>>,
}

impl ChallengeSettings {
    /// Challenges that name neither a realm nor metadata.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the protection space (RFC 9110 §11.5).
    ///
    /// # Errors
    /// [`ProtectionError::RealmMalformed`] if it has other characters than ASCII ones that a quoted string holds as they are.
    pub fn realm(mut self, realm: &str) -> Result<Self, ProtectionError> {
        if !realm.chars().all(is_quotable) {
            return Err(ProtectionError::RealmMalformed { realm: realm.to_owned() });
        }
        self.realm = Some(realm.into());
        Ok(self)
    }

    /// Says where the resource's metadata is (RFC 9728 §5.1), as [`crate::ResourceMetadata::url`] has it.
    ///
    /// # Errors
    /// [`ProtectionError::UrlRefused`] if it is no `https` URL; `http` is for this machine only.
    pub fn resource_metadata(mut self, url: &str) -> Result<Self, ProtectionError> {
        checked_url("resource metadata URL", url)?;
        self.resource_metadata = Some(url.into());
        Ok(self)
    }
}

/// One challenge.
#[derive(Clone, Debug, Default)]
pub(crate) struct Challenge {
    pub(crate) settings: ChallengeSettings,
    pub(crate) error: Option<&'static str>,
    pub(crate) scopes: Vec<String>,
}

impl Challenge {
    /// The value of the header.
    pub(crate) fn to_value(&self, description: &str) -> String {
        let scopes = self.scopes.join(" ");
        // RFC 6750 §3.1: to a request without credentials no error is told.
        let description = self.error.map(|_| described(description));
        let parameters = [
            ("realm", self.settings.realm.as_deref()),
            ("error", self.error),
            ("error_description", description.as_deref()),
            ("scope", Some(scopes.as_str()).filter(|scopes| !scopes.is_empty())),
            ("resource_metadata", self.settings.resource_metadata.as_deref()),
        ];
        let present = parameters.into_iter().filter_map(|(name, value)| Some((name, value?)));
        written(present)
    }
}

fn written<'p>(parameters: impl Iterator<Item = (&'static str, &'p str)>) -> String {
    let mut value = "Bearer".to_owned();
    let mut separator = " ";
    for (name, text) in parameters {
        // Writing to a string does not fail.
        let _ = write!(value, "{separator}{name}=\"{text}\"");
        separator = ", ";
    }
    value
}

/// RFC 6750 §3: `error_description` has no other characters than `%x20-21 / %x23-5B / %x5D-7E`.
fn described(text: &str) -> String {
    let replaced = text.chars().map(|character| match character {
        '"' | '`' => '\'',
        other if is_quotable(other) => other,
        _ => '?',
    });
    // All of it is ASCII now: characters are bytes.
    replaced.take(DESCRIPTION_BYTES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenge_says_what_there_is_to_say_and_no_more() {
        let settings = ChallengeSettings::new().realm("my things").unwrap();
        let settings = settings.resource_metadata("https://api.example/metadata").unwrap();
        let scopes = vec!["a".to_owned(), "b:c".to_owned()];
        let cases = [
            (Challenge::default(), "Bearer"),
            (
                Challenge { error: Some("invalid_token"), ..Challenge::default() },
                "Bearer error=\"invalid_token\", error_description=\"it's old\"",
            ),
            (Challenge { scopes: scopes.clone(), ..Challenge::default() }, "Bearer scope=\"a b:c\""),
            (
                Challenge { settings, error: Some("insufficient_scope"), scopes },
                "Bearer realm=\"my things\", error=\"insufficient_scope\", error_description=\"it's old\", \
                 scope=\"a b:c\", resource_metadata=\"https://api.example/metadata\"",
            ),
        ];
        for (challenge, expected) in cases {
            assert_eq!(challenge.to_value("it's old"), expected);
        }
    }

    #[test]
    fn realm_that_would_leave_its_quotes_is_refused() {
        for realm in ["", "things", "a b", "things, and more = fun"] {
            assert!(ChallengeSettings::new().realm(realm).is_ok(), "{realm}");
        }
        for realm in ["\"", "a\", error=\"x", "a\\", "a\r\nset-cookie: x=1", "a\0", "\u{7f}", "\u{e9}"] {
            let error = ChallengeSettings::new().realm(realm).unwrap_err();
            assert_eq!(error.code(), "config_realm_malformed", "{realm:?}");
        }
    }

    #[test]
    fn description_cannot_leave_its_quotes_and_is_cut_at_its_limit() {
        let cases = [
            ("plain: (text) [100 %]", "plain: (text) [100 %]"),
            ("expected \"a\", use `b`", "expected 'a', use 'b'"),
            ("a\\\"b\r\nc\0d\u{e9}\u{7f}e…", "a?'b??c?d??e?"),
        ];
        for (text, expected) in cases {
            assert_eq!(described(text), expected);
        }
        for (length, expected) in [(256, 256), (257, 256), (10_000, 256)] {
            assert_eq!(described(&"é".repeat(length)).len(), expected, "{length}");
        }
    }
}
