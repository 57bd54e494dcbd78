//! Errors, grouped by who must act.
//!
//! * [`Refusal`]: the token is at fault. Whoever sent it needs another one.
//! * [`KeySetError`] and [`SkipReason`]: the published key set is at fault, as a whole or in one key.
//! * [`PolicyError`]: our own configuration is at fault.
//!
//! Each variant has a stable `code()`, which never changes once released and is listed in `docs/errors.md`. Messages say
//! what to do. Text that comes from outside is shortened and escaped by [`quoted`], so that no message breaks a log line.

use std::fmt;

use crate::json::JsonError;
use crate::limits;
use crate::registry;
use crate::token::Part;
use crate::{Algorithm, Profile, UnixTime};

/// Outside text for a message: at most 64 characters, control characters escaped, in quotes.
///
/// ```
/// assert_eq!(jwksmith_jose::quoted("a\r\nb").to_string(), r#""a\r\nb""#);
/// ```
pub fn quoted(text: &str) -> impl fmt::Display + '_ {
    Quoted(text)
}

struct Quoted<'a>(&'a str);

/// How much outside text a message repeats, in characters.
const QUOTED_CHARS_MAX: usize = 64;

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.chars();
        write!(f, "\"")?;
        for c in rest.by_ref().take(QUOTED_CHARS_MAX) {
            write!(f, "{}", c.escape_debug())?;
        }
        f.write_str(if rest.next().is_some() { "…\"" } else { "\"" })
    }
}

/// Why a token was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Longer than [`limits::TOKEN_BYTES_MAX`], or than its kind may be.
    #[error(
        "the token has {bytes} bytes, more than the {max} that are accepted: ask for a smaller one (fewer claims)"
    )]
    TooLarge {
        /// The token's length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// Not three segments separated by dots (RFC 7515 §3.1).
    #[error(
        "a signed token has three segments separated by dots, this text has {found}: check that the whole token was copied, without `Bearer`"
    )]
    Segments {
        /// How many segments there are; counting stops at six.
        found: usize,
    },
    /// Five segments: a JWE, which is encrypted (RFC 7516 §3.1).
    #[error(
        "this is an encrypted token (five segments), which only its addressee can read: request a token for an API by naming its audience"
    )]
    Encrypted,
    /// A segment is not canonical, unpadded base64url (RFC 7515 §2).
    #[error(
        "the {0} segment is not unpadded base64url: check that the whole token was copied, without `Bearer`, quotes or line breaks"
    )]
    Encoding(Part),
    /// A decoded segment is longer than its limit.
    #[error("the {part} has {bytes} bytes, more than the {max} that are accepted")]
    PartTooLarge {
        /// Which segment.
        part: Part,
        /// Its decoded length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The header or the claims are not one strict JSON object (RFC 7519 §7.2).
    #[error("the {part} cannot be read: {error}")]
    Json {
        /// Which segment.
        part: Part,
        /// What is wrong with it.
        error: JsonError,
    },
    /// A header member is absent or of the wrong type (RFC 7515 §4.1).
    #[error("the header's `{member}` must be a string, and is {found}")]
    HeaderType {
        /// The member.
        member: &'static str,
        /// What was found.
        found: &'static str,
    },
    /// `alg` is `none` in some spelling (RFC 8725 §3.1, §3.2).
    #[error("the token is not signed (`alg` is \"none\"): only signed tokens are accepted")]
    AlgorithmNone,
    /// `alg` names nothing that is supported.
    #[error(
        "the algorithm {} {}: have the issuer sign with RS256 or ES256",
        quoted(name),
        Algorithm::why_unsupported(name)
    )]
    AlgorithmUnknown {
        /// The header's `alg`.
        name: String,
    },
    /// `alg` is not on the caller's list (RFC 8725 §3.1).
    #[error(
        "the token is signed with {algorithm}, which is not among the allowed algorithms: allow it only if the issuer documents it"
    )]
    AlgorithmNotAllowed {
        /// The header's `alg`.
        algorithm: Algorithm,
    },
    /// The header demands extensions (RFC 7515 §4.1.11: what is not understood must be refused).
    #[error("the header demands an extension through `{0}`, and none is supported")]
    CriticalExtension(&'static str),
    /// The header brings its own key or a place to fetch one (RFC 8725 §3.10).
    #[error(
        "the header carries `{0}`, which would let the token choose its own key: keys come from the issuer's key set only"
    )]
    EmbeddedKey(&'static str),
    /// `typ` is not the expected one (RFC 8725 §3.11).
    #[error("the token's `typ` is {}, expected {}: this is another kind of token", found.as_deref().map_or_else(|| "absent".to_owned(), |found| quoted(found).to_string()), quoted(expected))]
    TypeMismatch {
        /// What the policy expects.
        expected: String,
        /// What the header has.
        found: Option<String>,
    },
    /// `kid` is empty or longer than [`limits::KID_BYTES_MAX`].
    #[error("the header's `kid` is empty or longer than {} bytes", limits::KID_BYTES_MAX)]
    KeyIdInvalid,
    /// No `kid`, and the key set has not exactly one key that fits (OIDC Core §10.1).
    #[error(
        "the token names no key (`kid`), and {candidates} published keys fit it: have the issuer send a `kid`"
    )]
    KeyIdRequired {
        /// How many keys would fit.
        candidates: usize,
    },
    /// No published key has this `kid`.
    #[error(
        "no published key has the `kid` {}: the key was withdrawn, or the token comes from another issuer",
        quoted(key_id)
    )]
    KeyUnknown {
        /// The header's `kid`.
        key_id: String,
    },
    /// Several keys of the set have this `kid` and fit the algorithm.
    #[error(
        "several published keys have the `kid` {}: the issuer must give each key its own",
        quoted(key_id)
    )]
    KeyAmbiguous {
        /// The header's `kid`.
        key_id: String,
    },
    /// The key with this `kid` is in the set but cannot be used.
    #[error("the published key {} cannot be used: {reason}", quoted(key_id))]
    KeyUnusable {
        /// The header's `kid`.
        key_id: String,
        /// Why the key was skipped.
        reason: SkipReason,
    },
    /// The key with this `kid` is for another algorithm (RFC 8725 §3.1).
    #[error("the published key {} is not for {algorithm}", quoted(key_id))]
    KeyAlgorithm {
        /// The header's `kid`.
        key_id: String,
        /// The header's `alg`.
        algorithm: Algorithm,
    },
    /// The signature does not fit the key.
    #[error(
        "the signature does not fit the published key: the token was altered, or signed by somebody else"
    )]
    Signature,
    /// An expected claim is absent.
    #[error("the claim `{0}` is missing")]
    ClaimMissing(&'static str),
    /// One of several claims is expected, and all are absent.
    #[error("the claims have none of {}", join_names(.0))]
    ClaimsMissing(&'static [&'static str]),
    /// A claim that the caller demands is absent.
    #[error("the claim {} is missing, which this API demands", quoted(.0))]
    DemandedClaimMissing(String),
    /// A claim that must name somebody is empty.
    #[error("the claim `{0}` is empty")]
    ClaimEmpty(&'static str),
    /// A claim has another value than the expected one.
    #[error("the claim {} is {}, expected {}", quoted(claim), quoted(found), quoted(expected))]
    ClaimMismatch {
        /// The claim.
        claim: String,
        /// The expected value.
        expected: String,
        /// The token's value.
        found: String,
    },
    /// A claim that only another kind of token has (RFC 8725 §3.12).
    #[error("the claim `{claim}` does not belong in {profile}: this is another kind of token")]
    ClaimForbidden {
        /// The claim.
        claim: &'static str,
        /// The expected kind.
        profile: Profile,
    },
    /// A claim is longer than its limit.
    #[error("the claim `{claim}` has {characters} characters, more than the {max} that are accepted")]
    ClaimTooLong {
        /// The claim.
        claim: &'static str,
        /// Its length.
        characters: usize,
        /// The limit.
        max: usize,
    },
    /// `events` does not hold the expected event.
    #[error("the claim `events` has no object {}: this is no logout token", quoted(.0))]
    EventMissing(&'static str),
    /// `aud` names others besides the one that it may name.
    #[error("the token is meant for {}: a client assertion names one audience only", join(found))]
    AudienceNotSole {
        /// The token's `aud`.
        found: Vec<String>,
    },
    /// `exp` is further ahead than it may be.
    #[error(
        "the token is valid for {seconds} s more, which is over {max} s: have the client make a new one for each use"
    )]
    LifetimeTooLong {
        /// From now to `exp`.
        seconds: u64,
        /// The limit.
        max: u64,
    },
    /// The user proved who they are longer ago than the caller wants (OpenID Connect Core §3.1.3.7).
    #[error(
        "the user signed in at {authenticated_at}, over {max_age} s before {now} (leeway {leeway} s): have them sign in again"
    )]
    AuthenticationTooOld {
        /// `auth_time`.
        authenticated_at: UnixTime,
        /// The time of the check.
        now: UnixTime,
        /// The most that may have passed, in seconds.
        max_age: u64,
        /// The leeway in seconds.
        leeway: u64,
    },
    /// A scope was not granted. The token is good; it is just not enough.
    #[error("the token does not grant {}: ask for a token with this scope", quoted(scope))]
    ScopeMissing {
        /// The demanded scope.
        scope: String,
    },
    /// A claim has the wrong type (RFC 7519 §4.1).
    #[error("the claim `{claim}` must be {expected}, and is {found}")]
    ClaimType {
        /// The claim.
        claim: &'static str,
        /// What RFC 7519 wants.
        expected: &'static str,
        /// What was found.
        found: &'static str,
    },
    /// `iss` is not the expected issuer, byte for byte (RFC 7519 §4.1.1).
    #[error(
        "the token was issued by {}, expected {} (compared byte for byte: mind the trailing slash)",
        quoted(found),
        quoted(expected)
    )]
    IssuerMismatch {
        /// The expected issuer.
        expected: String,
        /// The token's `iss`.
        found: String,
    },
    /// The key is published for the tokens of another tenant ([`crate::Policy::issuer_template`]).
    #[error(
        "the token was issued by {}, and the key that signed it is published for {}: treat it as an attack",
        quoted(issuer),
        quoted(key_issuer)
    )]
    KeyIssuerMismatch {
        /// The key's member `issuer`.
        key_issuer: String,
        /// The token's `iss`.
        issuer: String,
    },
    /// `aud` names none of the accepted audiences (RFC 7519 §4.1.3).
    #[error(
        "the token is meant for {}, expected {}: request a token for this API",
        join(found),
        join(expected)
    )]
    AudienceMismatch {
        /// The accepted audiences.
        expected: Vec<String>,
        /// The token's `aud`.
        found: Vec<String>,
    },
    /// `exp` has passed (RFC 7519 §4.1.4).
    #[error(
        "the token expired at {expired_at}, the clock says {now} (leeway {leeway} s): request a new one, and check both clocks if it is fresh"
    )]
    Expired {
        /// `exp`.
        expired_at: UnixTime,
        /// The time of the check.
        now: UnixTime,
        /// The leeway in seconds.
        leeway: u64,
    },
    /// `nbf` or `iat` is still to come (RFC 7519 §4.1.5, §4.1.6).
    #[error("the token's `{claim}` is {time}, the clock says {now} (leeway {leeway} s): check both clocks")]
    NotYetValid {
        /// `nbf` or `iat`.
        claim: &'static str,
        /// Its value.
        time: UnixTime,
        /// The time of the check.
        now: UnixTime,
        /// The leeway in seconds.
        leeway: u64,
    },
    /// The claims are fine, but the caller's type does not fit them.
    #[error("the claims do not have the expected shape: {0}")]
    ClaimsShape(String),
}

impl Refusal {
    /// The stable code of this refusal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::PartTooLarge { .. } => "token_too_large",
            Self::Segments { .. } => "token_malformed",
            Self::Encrypted => "token_encrypted",
            Self::Encoding(_) => "token_encoding",
            Self::Json { part, error } => json_code(*part, error),
            Self::HeaderType { .. } => "header_member_type",
            Self::AlgorithmNone => "alg_none",
            Self::AlgorithmUnknown { .. } => "alg_unsupported",
            Self::AlgorithmNotAllowed { .. } => "alg_not_allowed",
            Self::CriticalExtension(_) => "crit_unsupported",
            Self::EmbeddedKey(_) => "header_embedded_key",
            Self::TypeMismatch { .. } => "typ_mismatch",
            Self::KeyIdInvalid => "kid_invalid",
            Self::KeyIdRequired { .. } => "kid_required",
            Self::KeyUnknown { .. } => "kid_unknown",
            Self::KeyAmbiguous { .. } => "kid_ambiguous",
            Self::KeyUnusable { .. } => "key_unusable",
            Self::KeyAlgorithm { .. } => "key_alg_mismatch",
            Self::Signature => "signature_invalid",
            Self::ClaimMissing(_) | Self::ClaimsMissing(_) | Self::DemandedClaimMissing(_) => "claim_missing",
            Self::ClaimEmpty(_) => "claim_empty",
            Self::ClaimMismatch { .. } => "claim_mismatch",
            Self::ClaimForbidden { .. } => "claim_forbidden",
            Self::ClaimTooLong { .. } => "claim_too_long",
            Self::EventMissing(_) => "event_missing",
            Self::AudienceNotSole { .. } => "aud_not_sole",
            Self::LifetimeTooLong { .. } => "lifetime_too_long",
            Self::AuthenticationTooOld { .. } => "auth_time_too_old",
            Self::ScopeMissing { .. } => "scope_missing",
            Self::ClaimType { .. } => "claim_type",
            Self::IssuerMismatch { .. } => "iss_mismatch",
            Self::KeyIssuerMismatch { .. } => "key_issuer_mismatch",
            Self::AudienceMismatch { .. } => "aud_mismatch",
            Self::Expired { .. } => "token_expired",
            Self::NotYetValid { .. } => "token_not_yet_valid",
            Self::ClaimsShape(_) => "claims_shape",
        }
    }

    /// Whether a newer key set could change the answer: an unknown `kid`, or a signature that does not fit.
    pub fn may_be_cured_by_newer_keys(&self) -> bool {
        matches!(self, Self::KeyUnknown { .. } | Self::KeyIdRequired { candidates: 0 } | Self::Signature)
    }
}

fn json_code(part: Part, error: &JsonError) -> &'static str {
    match (part, error) {
        (Part::Header, JsonError::DuplicateMember(_)) => "header_duplicate_member",
        (_, JsonError::DuplicateMember(_)) => "claims_duplicate_member",
        (Part::Header, _) => "header_malformed",
        _ => "claims_malformed",
    }
}

fn join_names(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}

fn join(values: &[String]) -> String {
    let shown: Vec<String> = values.iter().take(5).map(|value| quoted(value).to_string()).collect();
    if shown.is_empty() { "nobody".to_owned() } else { shown.join(" or ") }
}

/// Why a whole key set was refused. A set that is refused never replaces another one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// Longer than [`limits::KEY_SET_BYTES_MAX`].
    #[error("the key set has {bytes} bytes, more than the {} that are accepted", limits::KEY_SET_BYTES_MAX)]
    TooLarge {
        /// The document's length.
        bytes: usize,
    },
    /// Not one strict JSON object.
    #[error("the key set cannot be read: {0}")]
    Json(#[from] JsonError),
    /// No `keys` array (RFC 7517 §5).
    #[error("the key set has no array `keys`: check that the URL is the issuer's `jwks_uri`")]
    KeysMissing,
    /// More than [`limits::KEYS_MAX`] keys.
    #[error("the key set has more than {} keys", limits::KEYS_MAX)]
    TooManyKeys,
    /// Not one key can be used to verify signatures.
    #[error("the key set has no usable signing key ({skipped} skipped{}): check that the URL is the issuer's `jwks_uri`", first.as_ref().map(|reason| format!(", the first because {reason}")).unwrap_or_default())]
    NoUsableKey {
        /// How many keys were skipped.
        skipped: usize,
        /// Why the first was skipped.
        first: Option<SkipReason>,
    },
}

impl KeySetError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "key_set_too_large",
            Self::Json(JsonError::DuplicateMember(_)) => "key_set_duplicate_member",
            Self::Json(_) => "key_set_malformed",
            Self::KeysMissing => "key_set_keys_missing",
            Self::TooManyKeys => "key_set_too_many_keys",
            Self::NoUsableKey { .. } => "key_set_no_usable_key",
        }
    }
}

/// Why one key of a set is not used. The others of the set are (RFC 7517 §5).
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SkipReason {
    /// The element is not a JWK object, or a member has the wrong type.
    #[error("it is no well-formed JWK: {0}")]
    Malformed(String),
    /// A member stands twice.
    #[error("its member {} stands twice", quoted(.0))]
    DuplicateMember(String),
    /// `kty` (or its curve) is not supported.
    #[error("its key type {} {}", quoted(.0), registry::key_type(.0))]
    KeyType(String),
    /// `alg` is not a supported signature algorithm, or is for another key type.
    #[error(
        "its `alg` {} {}", quoted(.0),
        registry::algorithm(.0).unwrap_or("is no supported signature algorithm of its key type")
    )]
    Algorithm(String),
    /// `use` is not `sig` (RFC 7517 §4.2).
    #[error("its `use` is {}, not \"sig\"", quoted(.0))]
    Use(String),
    /// `key_ops` does not contain `verify`, or `sign` for a private key (RFC 7517 §4.3).
    #[error("its `key_ops` does not contain \"{0}\"")]
    KeyOperations(&'static str),
    /// A private member, or a symmetric key, in a published set.
    #[error(
        "it holds private key material (`{0}`): if it was published, the issuer must withdraw it at once"
    )]
    PrivateMember(&'static str),
    /// A member that the key type needs is absent.
    #[error("its member `{0}` is missing")]
    MemberMissing(&'static str),
    /// A number is not canonical base64url, or of the wrong width (RFC 7518 §6).
    #[error("its member `{0}` is not base64url of the right width")]
    MemberEncoding(&'static str),
    /// The key is outside the accepted sizes, or weak.
    #[error("it is weak: {0}")]
    Weak(&'static str),
    /// The crypto library refuses the key, for example a point that is not on its curve.
    #[error("it is no valid key")]
    Invalid,
    /// `kid` is empty or too long.
    #[error("its `kid` is empty or longer than {} bytes", limits::KID_BYTES_MAX)]
    KeyId,
    /// `x5c` cannot be read (RFC 7517 §4.7).
    #[error("its certificate (`x5c`) cannot be read")]
    Certificate,
    /// The first certificate of `x5c` is for another key (RFC 7517 §4.7: it MUST match).
    #[error("its certificate (`x5c`) is for another key")]
    CertificateMismatch,
    /// `x5t` or `x5t#S256` is not that of the first certificate of `x5c` (RFC 7517 §4.8, §4.9).
    #[error("its `{0}` is not the thumbprint of its certificate (`x5c`)")]
    ThumbprintMismatch(&'static str),
}

impl SkipReason {
    /// The stable code of this reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "jwk_malformed",
            Self::DuplicateMember(_) => "jwk_duplicate_member",
            Self::KeyType(_) => "jwk_key_type",
            Self::Algorithm(_) => "jwk_alg",
            Self::Use(_) => "jwk_use",
            Self::KeyOperations(_) => "jwk_key_ops",
            Self::PrivateMember(_) => "jwk_private_member",
            Self::MemberMissing(_) => "jwk_member_missing",
            Self::MemberEncoding(_) => "jwk_member_encoding",
            Self::Weak(_) => "jwk_weak",
            Self::Invalid => "jwk_invalid",
            Self::KeyId => "jwk_kid",
            Self::Certificate => "jwk_certificate",
            Self::CertificateMismatch => "jwk_certificate_mismatch",
            Self::ThumbprintMismatch(_) => "jwk_thumbprint_mismatch",
        }
    }
}

/// A policy that cannot be meant.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// No issuer.
    #[error("no issuer is configured: name the one whose tokens are accepted")]
    IssuerEmpty,
    /// The issuer was said to be a template, and cannot be one.
    #[error(
        "the issuer is no template of tenants: {0}; write one name in braces, as https://login.example/{{tenant}}/"
    )]
    IssuerTemplate(&'static str),
    /// No audience, or an empty one.
    #[error("no audience is configured: name the API that the tokens must be meant for")]
    AudienceEmpty,
    /// No algorithm.
    #[error("no algorithm is allowed: name at least one, as RS256")]
    AlgorithmsEmpty,
    /// HMAC beside public-key algorithms (RFC 8725 §3.1: a key is for one algorithm).
    #[error(
        "HMAC and public-key algorithms are allowed together, which invites key confusion: use a policy for each"
    )]
    AlgorithmsMixed,
    /// A leeway over [`limits::LEEWAY_SECONDS_MAX`].
    #[error("the leeway of {0} s is over {max} s: correct the clocks instead", max = limits::LEEWAY_SECONDS_MAX)]
    LeewayTooLarge(u64),
    /// A setting that the expected kind of token has no use for.
    #[error(
        "`{setting}` is set, and {profile} is expected, which has no use for it: name the right profile first"
    )]
    SettingOfOtherProfile {
        /// The setting.
        setting: &'static str,
        /// The expected kind.
        profile: Profile,
    },
    /// An algorithm that the expected kind of token is not signed with.
    #[error("{algorithm} is allowed, and {profile} is expected, which is never signed with it: allow others")]
    AlgorithmOfOtherProfile {
        /// The algorithm.
        algorithm: Algorithm,
        /// The expected kind.
        profile: Profile,
    },
    /// A demanded value that no token could have.
    #[error("the demanded `{0}` is empty, or is none: give one, or leave the setting out")]
    ValueMalformed(&'static str),
    /// An empty `typ`.
    #[error("the expected token type is empty: name one, as at+jwt, or leave the setting out")]
    TypeEmpty,
}

impl PolicyError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::IssuerEmpty => "config_issuer_empty",
            Self::IssuerTemplate(_) => "config_issuer_template",
            Self::AudienceEmpty => "config_audience_empty",
            Self::AlgorithmsEmpty => "config_algorithms_empty",
            Self::AlgorithmsMixed => "config_algorithms_mixed",
            Self::LeewayTooLarge(_) => "config_leeway_too_large",
            Self::SettingOfOtherProfile { .. } => "config_setting_of_other_profile",
            Self::AlgorithmOfOtherProfile { .. } => "config_alg_of_other_profile",
            Self::ValueMalformed(_) => "config_value_malformed",
            Self::TypeEmpty => "config_typ_empty",
        }
    }
}
