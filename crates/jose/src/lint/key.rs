//! The rules for one key of a set (RFC 7517 §4, RFC 7518 §6).
//!
//! A row whose check is [`skipped`] finds what keeps verifiers from using the key, under the code of that reason.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Severity::{self, Error, Note, Warning};
use super::{Finding, Rule, WRITE_ONCE, quoted_name};
use crate::base64url;
use crate::json::{Kind, Value};
use crate::jwk::{Origin, RawJwk};
use crate::limits::{KID_BYTES_MAX, MEMBERS_TOLD_MAX};
use crate::{Certificate, Family, SkipReason, UnixTime, quoted};

/// One element of `keys` under the lens.
pub(super) struct Key<'a> {
    pub(super) index: usize,
    element: Value<'a>,
    /// Of members that stand twice, the last.
    members: BTreeMap<String, Value<'a>>,
    /// Why verifiers do not use it, or what kind of key it is.
    pub(super) usable: Result<Family, SkipReason>,
    /// The first of `x5c`, whether or not it is for this key.
    certificate: Option<Certificate>,
    /// Whether the set also has RSA keys that can be used.
    pub(super) is_beside_rsa: bool,
    now: UnixTime,
}

/// A rule about one member of each key, or about each whole key.
struct KeyRule {
    rule: Rule,
    member: &'static str,
    check: fn(&Key<'_>, &Rule) -> Option<String>,
}

/// A rule about any member of each key: it names the members and what is wrong with each.
struct MemberRule {
    rule: Rule,
    check: fn(&Key<'_>) -> Vec<(String, String)>,
}

const fn row(
    severity: Severity,
    code: &'static str,
    section: &'static str,
    advice: &'static str,
    member: &'static str,
    check: fn(&Key<'_>, &Rule) -> Option<String>,
) -> KeyRule {
    KeyRule { rule: Rule::new(severity, code, section, advice), member, check }
}

static KEY_RULES: [KeyRule; 35] = [
    row(
        Error,
        "jwk_private_member",
        "RFC 7517 §9.2",
        "withdraw this key at once: whoever read the set can sign with it",
        "",
        private_member,
    ),
    row(
        Error,
        "jwk_malformed",
        "RFC 7517 §4",
        "write each key as one JSON object of registered members",
        "",
        malformed,
    ),
    row(Error, "jwk_duplicate_member", "RFC 7517 §4", WRITE_ONCE, "", skipped),
    row(Warning, "jwk_key_type", "RFC 7517 §5", "expect most verifiers to ignore this key", "kty", skipped),
    row(
        Warning,
        "jwk_alg",
        "RFC 7517 §4.4",
        "name a signature algorithm of the key's type; mark other keys with `use`",
        "alg",
        skipped,
    ),
    row(
        Note,
        "jwk_use",
        "RFC 7517 §4.2",
        "nothing, if it is not for signatures: verifiers leave it alone",
        "use",
        skipped,
    ),
    row(
        Note,
        "jwk_key_ops",
        "RFC 7517 §4.3",
        "add `verify` if it is for signatures: verifiers leave it alone",
        "key_ops",
        skipped,
    ),
    row(
        Error,
        "jwk_member_missing",
        "RFC 7518 §6",
        "write every member that the key type needs",
        "",
        skipped,
    ),
    row(
        Error,
        "jwk_member_encoding",
        "RFC 7518 §6, RFC 7515 §2",
        "write it as unpadded base64url, of the full width of the curve",
        "",
        badly_encoded,
    ),
    row(
        Error,
        "number_leading_zero",
        "RFC 7518 §6.3.1",
        "write the number without leading zero octets",
        "",
        leading_zero,
    ),
    row(
        Error,
        "jwk_weak",
        "RFC 7518 §3.3, RFC 8725 §3.5",
        "replace it by a key that nobody can break",
        "",
        skipped,
    ),
    row(
        Error,
        "jwk_invalid",
        "RFC 8725 §3.4",
        "check how it was made: such a point or modulus is no key",
        "",
        skipped,
    ),
    row(
        Note,
        "rsa_exponent_unusual",
        "RFC 8017 §3.1",
        "use 65537 (\"AQAB\") for the next key: some readers take no other",
        "e",
        unusual_exponent,
    ),
    row(
        Error,
        "jwk_kid",
        "RFC 7517 §4.5",
        "choose a short `kid`, as the thumbprint of RFC 7638",
        "kid",
        skipped,
    ),
    row(
        Warning,
        "kid_missing",
        "RFC 7517 §4.5",
        "give it one: most clients refuse to work without",
        "kid",
        |key, _| key.lacks("kid").then(|| "it has no `kid`".to_owned()),
    ),
    row(
        Warning,
        "kid_control_character",
        "RFC 8725 §3.10",
        "use printable ASCII: a `kid` gets into logs and queries",
        "kid",
        control_characters,
    ),
    row(
        Warning,
        "alg_missing",
        "RFC 7517 §4.4, RFC 8725 §3.1",
        "name the one algorithm that it is for",
        "alg",
        |key, _| key.lacks("alg").then(|| "it has no `alg`".to_owned()),
    ),
    row(
        Note,
        "alg_ed25519",
        "RFC 9864 §2.2",
        "\"EdDSA\" is what more clients know today",
        "alg",
        |key, _| (key.text("alg")? == "Ed25519").then(|| "its `alg` has the new name \"Ed25519\"".to_owned()),
    ),
    row(Note, "use_missing", "RFC 7517 §4.2", "say \"sig\"", "use", |key, _| {
        (key.lacks("use") && key.lacks("key_ops")).then(|| "it has neither `use` nor `key_ops`".to_owned())
    }),
    row(
        Warning,
        "use_unknown",
        "RFC 7517 §4.2",
        "say \"sig\" or \"enc\": some clients refuse the whole set for another word",
        "use",
        unknown_use,
    ),
    row(Warning, "use_beside_key_ops", "RFC 7517 §4.3", "keep one of the two", "key_ops", |key, _| {
        (key.has("use") && key.has("key_ops")).then(|| "it stands beside `use`".to_owned())
    }),
    row(
        Error,
        "use_contradicts_key_ops",
        "RFC 7517 §4.3",
        "make both say the same, or keep one of the two",
        "key_ops",
        contradicting_use,
    ),
    row(Error, "key_ops_twice", "RFC 7517 §4.3", "name each operation once", "key_ops", operation_twice),
    row(
        Error,
        "jwk_certificate",
        "RFC 7517 §4.7",
        "write DER in ordinary, padded base64, at most 10 of them",
        "x5c",
        unreadable_certificate,
    ),
    row(
        Error,
        "x5c_base64url",
        "RFC 7517 §4.7",
        "write ordinary base64 (`+`, `/` and `=`), unlike everywhere else in a JWK",
        "x5c",
        certificate_in_base64url,
    ),
    row(
        Error,
        "x5c_blanks",
        "RFC 7517 §4.7",
        "write it on one line, without PEM's frame",
        "x5c",
        certificate_with_blanks,
    ),
    row(
        Error,
        "jwk_certificate_mismatch",
        "RFC 7517 §4.7",
        "put the certificate of this very key first",
        "x5c",
        skipped,
    ),
    row(
        Warning,
        "certificate_expired",
        "RFC 5280 §4.1.2.5",
        "certify the key anew, or leave the certificate out",
        "x5c",
        expired_certificate,
    ),
    row(
        Warning,
        "certificate_not_yet_valid",
        "RFC 5280 §4.1.2.5",
        "check the clock that it was made by",
        "x5c",
        future_certificate,
    ),
    row(
        Warning,
        "certificate_expires_soon",
        "RFC 5280 §4.1.2.5",
        "rotate the key, or certify it anew",
        "x5c",
        expiring_certificate,
    ),
    row(
        Note,
        "x5t_hex",
        "RFC 7517 §4.8",
        "write the base64url of the 20 bytes, not of their hexadecimal digits",
        "x5t",
        hexadecimal_sha1,
    ),
    row(
        Note,
        "x5t_s256_missing",
        "RFC 7517 §4.9",
        "add it: SHA-1 is on its way out",
        "x5t#S256",
        |key, _| {
            (key.has("x5t") && key.lacks("x5t#S256"))
                .then(|| "there is an `x5t` and no `x5t#S256`".to_owned())
        },
    ),
    row(
        Note,
        "x5u_present",
        "RFC 8725 §3.10",
        "leave it out: no verifier should fetch what a document points at",
        "x5u",
        |key, _| key.has("x5u").then(|| "it points at a certificate elsewhere".to_owned()),
    ),
    row(
        Warning,
        "kind_breaks_clients",
        "measured with 32 clients",
        "publish it in a second set: some clients refuse the RSA keys beside it",
        "",
        kind_that_breaks_clients,
    ),
    row(
        Note,
        "kind_is_rare",
        "measured with 32 clients",
        "know that a few clients refuse the RSA keys beside it",
        "",
        kind_that_is_rare,
    ),
];

static MEMBER_RULES: [MemberRule; 3] = [
    MemberRule {
        rule: Rule::new(
            Error,
            "jwk_thumbprint_mismatch",
            "RFC 7517 §4.8, §4.9",
            "write the base64url of the SHA-1 (`x5t`) and SHA-256 (`x5t#S256`) of the certificate's DER",
        ),
        check: thumbprints_of_others,
    },
    MemberRule {
        rule: Rule::new(
            Error,
            "jwk_member_type",
            "RFC 7517 §4",
            "write the type that the standard gives it, or leave it out",
        ),
        check: members_of_other_types,
    },
    MemberRule {
        rule: Rule::new(Note, "jwk_member_unknown", "RFC 7517 §4", "leave it out if nobody reads it"),
        check: unknown_members,
    },
];

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    KEY_RULES.iter().map(|row| &row.rule).chain(MEMBER_RULES.iter().map(|row| &row.rule))
}

impl KeyRule {
    fn finding(&'static self, key: &Key<'_>) -> Option<Finding> {
        (self.check)(key, &self.rule).map(|problem| self.rule.at(key.place(self.member), problem))
    }
}

impl MemberRule {
    fn findings(&'static self, key: &Key<'_>) -> impl Iterator<Item = Finding> {
        let found = (self.check)(key).into_iter();
        found.map(|(member, problem)| self.rule.at(key.place(&member), problem))
    }
}

impl<'a> Key<'a> {
    pub(super) fn read(index: usize, element: Value<'a>, now: UnixTime) -> Self {
        let usable = RawJwk::read(element).usable(Origin::Published).map(|jwk| jwk.key.family());
        let members: BTreeMap<_, _> =
            element.members().map(|(name, value)| (name.into_owned(), value)).collect();
        let leaf = members.get("x5c").and_then(|chain| chain.elements().next()).and_then(Value::as_text);
        let der = leaf.and_then(|leaf| base64url::decode_standard(&leaf));
        let certificate = der.and_then(|der| Certificate::from_der(&der).ok());
        Self { index, element, members, usable, certificate, is_beside_rsa: false, now }
    }

    pub(super) fn place(&self, member: &str) -> String {
        match member {
            "" => format!("keys[{}]", self.index),
            member => format!("keys[{}].{}", self.index, quoted_name(member)),
        }
    }

    fn has(&self, member: &str) -> bool {
        self.members.contains_key(member)
    }

    /// Whether it is an object without this member.
    fn lacks(&self, member: &str) -> bool {
        self.element.kind() == Kind::Object && !self.has(member)
    }

    pub(super) fn text(&self, member: &str) -> Option<String> {
        self.members.get(member)?.as_text().map(Cow::into_owned)
    }

    fn bytes(&self, member: &str) -> Option<Vec<u8>> {
        base64url::decode(self.text(member)?)
    }

    fn texts(&self, member: &str) -> Vec<String> {
        let elements = self.members.get(member).into_iter().flat_map(|value| value.elements());
        elements.filter_map(Value::as_text).map(Cow::into_owned).collect()
    }

    /// The key type with its curve, as `EC P-256`.
    pub(super) fn kind(&self) -> String {
        let names = ["kty", "crv"].into_iter().filter_map(|member| self.text(member));
        names.collect::<Vec<_>>().join(" ")
    }

    /// Everything that is found, in the order of the tables.
    pub(super) fn findings(&self) -> impl Iterator<Item = Finding> {
        let of_rows = KEY_RULES.iter().filter_map(|row| row.finding(self));
        of_rows.chain(MEMBER_RULES.iter().flat_map(|row| row.findings(self)))
    }
}

/// RFC 7518 §6.2.2, §6.3.2 and §6.4, RFC 8037 §2, RFC 9964 §4.
const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

fn private_member(key: &Key<'_>, rule: &Rule) -> Option<String> {
    let published: Vec<_> = PRIVATE.into_iter().filter(|member| key.has(member)).collect();
    if published.is_empty() {
        // A key of the kind that is always secret, even if its secret was left out.
        return skipped(key, rule);
    }
    Some(format!("it publishes private key material (`{}`)", published.join("`, `")))
}

/// What the reader of key sets says of it, if it is what the rule is named after.
fn skipped(key: &Key<'_>, rule: &Rule) -> Option<String> {
    let reason = key.usable.as_ref().err().filter(|reason| reason.code() == rule.code)?;
    Some(reason.to_string())
}

fn malformed(key: &Key<'_>, rule: &Rule) -> Option<String> {
    // A member of another type has a rule of its own.
    skipped(key, rule).filter(|_| members_of_other_types(key).is_empty())
}

fn badly_encoded(key: &Key<'_>, rule: &Rule) -> Option<String> {
    skipped(key, rule).filter(|_| leading_zero(key, rule).is_none())
}

fn leading_zero(key: &Key<'_>, _: &Rule) -> Option<String> {
    let is_rsa = key.text("kty")? == "RSA";
    let starts_with_zero =
        |member: &&str| is_rsa && key.bytes(member).is_some_and(|bytes| bytes.first() == Some(&0));
    let member = ["n", "e"].into_iter().find(starts_with_zero)?;
    Some(format!("its `{member}` begins with a zero octet"))
}

fn unusual_exponent(key: &Key<'_>, _: &Rule) -> Option<String> {
    let exponent = key.bytes("e").filter(|_| key.usable == Ok(Family::Rsa))?;
    let value = exponent
        .iter()
        .try_fold(0_u64, |value, byte| value.checked_mul(256)?.checked_add(u64::from(*byte)))?;
    (value != 65_537).then(|| format!("its exponent is {value}, not 65537"))
}

fn control_characters(key: &Key<'_>, _: &Rule) -> Option<String> {
    let key_id = key.text("kid").filter(|key_id| key_id.len() <= KID_BYTES_MAX)?;
    key_id
        .chars()
        .any(char::is_control)
        .then(|| format!("it is {}, with control characters", quoted(&key_id)))
}

fn unknown_use(key: &Key<'_>, _: &Rule) -> Option<String> {
    let named = key.text("use").filter(|named| named != "sig" && named != "enc")?;
    Some(format!("it is {}", quoted(&named)))
}

fn contradicting_use(key: &Key<'_>, _: &Rule) -> Option<String> {
    let operations = key.texts("key_ops");
    let fitting: &[&str] = match key.text("use")?.as_str() {
        "sig" => &["sign", "verify"],
        "enc" => &["encrypt", "decrypt", "wrapKey", "unwrapKey", "deriveKey", "deriveBits"],
        _ => return None,
    };
    let other = operations.iter().find(|operation| !fitting.contains(&operation.as_str()))?;
    Some(format!("{} contradicts `use`", quoted(other)))
}

fn operation_twice(key: &Key<'_>, _: &Rule) -> Option<String> {
    let mut operations = key.texts("key_ops");
    operations.sort_unstable();
    let twice = operations.windows(2).find(|pair| pair.first() == pair.last())?.first()?;
    Some(format!("{} stands twice", quoted(twice)))
}

fn unreadable_certificate(key: &Key<'_>, rule: &Rule) -> Option<String> {
    // What is more exactly known is told by another rule.
    let is_told = key.members.get("x5c").is_some_and(|chain| chain.kind() != Kind::TextArray)
        || certificate_in_base64url(key, rule).is_some()
        || certificate_with_blanks(key, rule).is_some();
    skipped(key, rule).filter(|_| !is_told)
}

fn certificate_in_base64url(key: &Key<'_>, _: &Rule) -> Option<String> {
    let chain = key.texts("x5c");
    let is_base64url = |text: &String| {
        !text.contains("-----")
            && (text.contains(['-', '_']) || base64url::decode_standard(text).is_none())
            && base64url::decode(text).is_some()
    };
    chain.iter().any(is_base64url).then(|| "it is base64url, not base64".to_owned())
}

fn certificate_with_blanks(key: &Key<'_>, _: &Rule) -> Option<String> {
    let has_blanks = |text: &String| text.contains(char::is_whitespace) || text.contains("-----");
    key.texts("x5c").iter().any(has_blanks).then(|| "it has line breaks, or the frame of PEM".to_owned())
}

/// How long before its end a certificate is spoken of, in seconds: 30 days.
const SOON_SECONDS: u64 = 30 * 86_400;

fn expired_certificate(key: &Key<'_>, _: &Rule) -> Option<String> {
    let ago = key.now.seconds_since(key.certificate.as_ref()?.not_after());
    (ago > 0).then(|| format!("its certificate expired {} ago", days(ago)))
}

fn future_certificate(key: &Key<'_>, _: &Rule) -> Option<String> {
    let ahead = key.certificate.as_ref()?.not_before().seconds_since(key.now);
    (ahead > 0).then(|| format!("its certificate is valid from {} ahead", days(ahead)))
}

fn expiring_certificate(key: &Key<'_>, rule: &Rule) -> Option<String> {
    let ahead = key.certificate.as_ref()?.not_after().seconds_since(key.now);
    let is_soon = ahead <= SOON_SECONDS && expired_certificate(key, rule).is_none();
    is_soon.then(|| format!("its certificate expires in {}", days(ahead)))
}

fn days(seconds: u64) -> String {
    match seconds / 86_400 {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

fn thumbprints_of_others(key: &Key<'_>) -> Vec<(String, String)> {
    let Some(certificate) = &key.certificate else { return vec![] };
    let is_other = |member: &&str| {
        let expected = if *member == "x5t" { certificate.sha1() } else { certificate.sha256() };
        let given = key.bytes(member);
        let legacy = given.as_deref().and_then(from_hex).filter(|_| *member == "x5t");
        key.text(member).is_some() && ![given, legacy].contains(&Some(expected))
    };
    let others = ["x5t", "x5t#S256"].into_iter().filter(is_other);
    others
        .map(|member| (member.to_owned(), "it is not that of the certificate in `x5c`".to_owned()))
        .collect()
}

/// As some older tenants of Auth0 publish it.
fn hexadecimal_sha1(key: &Key<'_>, _: &Rule) -> Option<String> {
    let bytes = from_hex(&key.bytes("x5t")?)?;
    let contradicts = key.certificate.as_ref().is_some_and(|certificate| certificate.sha1() != bytes);
    (bytes.len() == SHA1_BYTES && !contradicts).then(|| "it holds hexadecimal digits".to_owned())
}

const SHA1_BYTES: usize = 20;

fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    digits.chunks(2).map(byte).collect()
}

fn kind_that_breaks_clients(key: &Key<'_>, _: &Rule) -> Option<String> {
    let kind = key.kind();
    let breaks = kind.starts_with("AKP") || ["OKP X25519", "OKP X448", "OKP Ed448"].contains(&kind.as_str());
    (breaks && key.is_beside_rsa)
        .then(|| format!("it is a key of the kind {} beside RSA keys", quoted(&kind)))
}

fn kind_that_is_rare(key: &Key<'_>, _: &Rule) -> Option<String> {
    let kind = key.kind();
    let is_rare = ["EC secp256k1", "EC P-521", "OKP Ed25519"].contains(&kind.as_str());
    (is_rare && key.is_beside_rsa)
        .then(|| format!("it is a key of the kind {} beside RSA keys", quoted(&kind)))
}

/// The members whose values are strings (RFC 7517 §4, RFC 7518 §6, RFC 9964 §4).
const TEXTS: [&str; 13] =
    ["kty", "use", "alg", "kid", "x5u", "x5t", "x5t#S256", "crv", "x", "y", "n", "e", "pub"];

/// Other registered members of keys, of any type.
const OTHERS: [&str; 7] = ["key_ops", "x5c", "ext", "iat", "nbf", "exp", "revoked"];

fn members_of_other_types(key: &Key<'_>) -> Vec<(String, String)> {
    let wrong = |(name, value): (&String, &Value<'_>)| {
        let kind = value.kind();
        let expected = match name.as_str() {
            name if TEXTS.contains(&name) && !kind.is_text() => "a string",
            "key_ops" | "x5c" if kind != Kind::TextArray => "an array of strings",
            _ => return None,
        };
        Some((name.clone(), format!("it is {}, and must be {expected}", kind.in_words())))
    };
    key.members.iter().filter_map(wrong).collect()
}

fn unknown_members(key: &Key<'_>) -> Vec<(String, String)> {
    let is_known =
        |name: &str| [TEXTS.as_slice(), &OTHERS, &PRIVATE].iter().any(|names| names.contains(&name));
    let unknown = key.members.keys().filter(|name| !is_known(name)).take(MEMBERS_TOLD_MAX);
    unknown.map(|name| (name.clone(), "no standard gives it a meaning".to_owned())).collect()
}
