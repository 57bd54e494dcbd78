//! The facts of keys and certificates for people who look into a document.
//!
//! Nothing is decided here, and nothing secret is told: of a private key it is said that it is one, of a shared secret not even
//! its length. What can be used to verify is [`crate::KeySet`]'s to say, and is repeated here with its reasons.

use std::borrow::Cow;

use crate::base64url;
use crate::json::{self, Duplicates, Kind, Value};
use crate::jwk::{Origin, RawJwk};
use crate::limits::{KEY_SET_BYTES_MAX, KEYS_MAX, X5C_CERTIFICATES_MAX};
use crate::{Certificate, CertificateError, KeySetError, PublicKey, SkipReason, Thumbprint, ThumbprintHash};

/// One key of a set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DescribedKey {
    /// `kid`
    pub key_id: Option<String>,
    /// `kty`, with `crv` where there is one
    pub kind: Option<String>,
    /// `alg`
    pub algorithm: Option<String>,
    /// `use`
    pub public_key_use: Option<String>,
    /// How many bits it has, if it is one that is supported, and no shared secret
    pub bits: Option<usize>,
    /// Its RFC 7638 thumbprint, under the same conditions
    pub thumbprint: Option<Thumbprint>,
    /// The certificates of `x5c`, its own first
    pub certificates: Vec<Result<Certificate, CertificateError>>,
    /// Why verifiers do not use it; nothing if they do
    pub skipped: Option<SkipReason>,
}

/// The facts of each key of a key set, or of a JWK by itself.
///
/// ```
/// let set = br#"{"keys":[{"kty":"EC","crv":"P-256","kid":"2027-01"}]}"#;
/// let keys = jwksmith_jose::describe::keys(set)?;
/// assert_eq!(keys[0].kind.as_deref(), Some("EC P-256"));
/// assert_eq!(keys[0].skipped.as_ref().map(|reason| reason.code()), Some("jwk_member_missing"));
/// # Ok::<(), jwksmith_jose::KeySetError>(())
/// ```
///
/// # Errors
/// [`KeySetError`] if it is neither, or more than is read. A set without one usable key is none.
pub fn keys(json: &[u8]) -> Result<Vec<DescribedKey>, KeySetError> {
    if json.len() > KEY_SET_BYTES_MAX {
        return Err(KeySetError::TooLarge { bytes: json.len() });
    }
    let document = json::scan(json::utf8(json)?, Duplicates::Allowed)?;
    match document.find("keys").filter(|keys| keys.kind().is_array()) {
        Some(keys) if keys.elements().count() > KEYS_MAX => Err(KeySetError::TooManyKeys),
        Some(keys) => Ok(keys.elements().map(described).collect()),
        None if document.find("kty").is_some() => Ok(vec![described(document)]),
        None => Err(KeySetError::KeysMissing),
    }
}

/// The certificates of `x5c` in a JSON object, as the header of a token (RFC 7515 §4.1.6). They prove nothing.
pub fn certificates(object: &str) -> Vec<Result<Certificate, CertificateError>> {
    json::scan(object, Duplicates::Allowed).map(certificates_of).unwrap_or_default()
}

fn described(element: Value<'_>) -> DescribedKey {
    let jwk = RawJwk::read(element);
    let text = |member: &str| element.find(member).and_then(Value::as_text).map(Cow::into_owned);
    let names: Vec<_> = ["kty", "crv"].into_iter().filter_map(text).collect();
    let public = jwk.public_key().ok();
    DescribedKey {
        key_id: text("kid"),
        kind: (!names.is_empty()).then(|| names.join(" ")),
        algorithm: text("alg"),
        public_key_use: text("use"),
        bits: public.as_ref().map(PublicKey::bits),
        thumbprint: public.as_ref().map(|key| key.thumbprint(ThumbprintHash::Sha256)),
        certificates: certificates_of(element),
        skipped: jwk.usable(Origin::Local).err(),
    }
}

fn certificates_of(object: Value<'_>) -> Vec<Result<Certificate, CertificateError>> {
    let chain = object.find("x5c").filter(|chain| chain.kind() == Kind::TextArray);
    let texts = chain.into_iter().flat_map(Value::elements).filter_map(Value::as_text);
    let der = texts.take(X5C_CERTIFICATES_MAX).map(|text| base64url::decode_standard(&text));
    der.map(|der| Certificate::from_der(&der.ok_or(CertificateError::Malformed)?)).collect()
}
