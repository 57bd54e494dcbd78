//! JSON Web Keys (RFC 7517 §4): reading what an issuer publishes, and writing what an authority publishes.
//!
//! Reading is tolerant of whatever a key set may hold besides usable keys, and strict with each key that is used: the
//! outcome is a key or a [`SkipReason`], never an error that takes the other keys along.

use std::fmt;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::certificate::PublicNumbers;
use crate::json::{Name, Names, visit_other_kinds};
use crate::key::VerifyingKey;
use crate::limits::{KID_BYTES_MAX, X5C_CERTIFICATES_MAX};
use crate::members::Loose;
use crate::sign::SecretBytes;
use crate::{Algorithm, Certificate, Family, SkipReason, base64url};

/// One key as an authority publishes it. It is built from public numbers, so private material cannot get into it.
///
/// The members stand in the order that Auth0's tenants use; RFC 7517 §4 gives no order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PublicJwk {
    kty: &'static str,
    #[serde(rename = "use")]
    public_key_use: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(rename = "pub", skip_serializing_if = "Option::is_none")]
    public: Option<String>,
    kid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    x5t: Option<String>,
    #[serde(rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    x5t_s256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x5c: Option<[String; 1]>,
    alg: &'static str,
}

impl PublicJwk {
    /// The published form of the key in `certificate`.
    pub fn new(key_id: &str, algorithm: Algorithm, certificate: &Certificate) -> Self {
        let mut jwk = Self::from_numbers(key_id, algorithm.name(), certificate.public_key());
        jwk.x5t = Some(base64url::encode(certificate.sha1()));
        jwk.x5t_s256 = Some(base64url::encode(certificate.sha256()));
        jwk.x5c = Some([certificate.x5c()]);
        jwk
    }

    pub(crate) fn from_numbers(key_id: &str, alg: &'static str, numbers: &PublicNumbers) -> Self {
        let number = |wanted| {
            let mut members = numbers.members().into_iter();
            members.find(|(name, _)| *name == wanted).map(|(_, number)| base64url::encode(number))
        };
        Self {
            kty: numbers.family().key_type(),
            public_key_use: "sig",
            n: number("n"),
            e: number("e"),
            crv: numbers.family().curve(),
            x: number("x"),
            y: number("y"),
            public: number("pub"),
            kid: key_id.to_owned(),
            x5t: None,
            x5t_s256: None,
            x5c: None,
            alg,
        }
    }
}

/// One element of `keys`, as it came: every registered member with its kind, nothing refused yet.
#[derive(Default)]
pub(crate) struct RawJwk<'a> {
    /// What the element is, if it is no object.
    not_an_object: Option<&'static str>,
    duplicate: Option<String>,
    private: Option<&'static str>,
    kty: Loose<'a>,
    crv: Loose<'a>,
    kid: Loose<'a>,
    alg: Loose<'a>,
    public_key_use: Loose<'a>,
    key_ops: Loose<'a>,
    n: Loose<'a>,
    e: Loose<'a>,
    x: Loose<'a>,
    y: Loose<'a>,
    public: Loose<'a>,
    k: Loose<'a>,
    x5c: Loose<'a>,
}

/// Whether shared secrets may be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From an issuer, over the network: a secret there is published, and so none.
    Published,
    /// From the operator's own file.
    Local,
}

/// A key that can be used.
pub(crate) struct UsableJwk {
    pub(crate) key_id: Option<String>,
    pub(crate) key: VerifyingKey,
    pub(crate) certificate: Option<Certificate>,
}

impl RawJwk<'_> {
    /// The `kid`, if it is a string: to name the key in reports.
    pub(crate) fn key_id(&self) -> Option<String> {
        match &self.kid {
            Loose::Text(kid) => Some(kid.to_string()),
            _ => None,
        }
    }

    /// The key, ready to verify, or why not.
    pub(crate) fn usable(&self, origin: Origin) -> Result<UsableJwk, SkipReason> {
        self.refuse_malformed()?;
        let key_id = self.checked_key_id()?;
        self.refuse_other_use()?;
        let family = self.checked_family()?;
        let algorithms = self.algorithms(family)?;
        if family == Family::Secret {
            let key = self.secret_key(origin, &algorithms)?;
            // A certificate is never for a secret.
            let certificate =
                if self.x5c.is_absent() { None } else { return Err(SkipReason::CertificateMismatch) };
            return Ok(UsableJwk { key_id, key, certificate });
        }
        let numbers = self.public_numbers(family)?;
        let key = VerifyingKey::from_public(&numbers, &algorithms)?;
        let certificate = self.checked_certificate(&numbers)?;
        Ok(UsableJwk { key_id, key, certificate })
    }

    fn refuse_malformed(&self) -> Result<(), SkipReason> {
        if let Some(kind) = self.not_an_object {
            return Err(SkipReason::Malformed(format!("it is {kind}")));
        }
        if let Some(name) = &self.duplicate {
            return Err(SkipReason::DuplicateMember(name.clone()));
        }
        // RFC 7517 §9.2: private members in a published key are a disclosed private key.
        self.private.map_or(Ok(()), |member| Err(SkipReason::PrivateMember(member)))
    }

    fn checked_key_id(&self) -> Result<Option<String>, SkipReason> {
        match optional_text("kid", &self.kid)? {
            Some(kid) if kid.is_empty() || kid.len() > KID_BYTES_MAX => Err(SkipReason::KeyId),
            kid => Ok(kid.map(str::to_owned)),
        }
    }

    fn refuse_other_use(&self) -> Result<(), SkipReason> {
        // RFC 7517 §4.2: absent `use` leaves the key open to any.
        if let Some(other) = optional_text("use", &self.public_key_use)?.filter(|name| *name != "sig") {
            return Err(SkipReason::Use(other.to_owned()));
        }
        match &self.key_ops {
            Loose::Absent => Ok(()),
            Loose::TextList(operations) if operations.iter().any(|operation| operation == "verify") => Ok(()),
            Loose::TextList(_) => Err(SkipReason::KeyOperations),
            other => Err(wrong_type("key_ops", other)),
        }
    }

    fn checked_family(&self) -> Result<Family, SkipReason> {
        let key_type = optional_text("kty", &self.kty)?.ok_or(SkipReason::MemberMissing("kty"))?;
        let curve = optional_text("crv", &self.crv)?;
        let mut families = Family::all().filter(|family| family.key_type() == key_type).peekable();
        match families.peek() {
            None => Err(foreign(key_type, curve)),
            Some(first) if first.is_named_by_algorithm() => self.family_of_algorithm(),
            // RFC 7517 §4: members that the key type does not know are ignored, a curve among them.
            Some(first) if first.curve().is_none() => Ok(*first),
            Some(_) => {
                let curve = curve.ok_or(SkipReason::MemberMissing("crv"))?;
                families
                    .find(|family| family.curve() == Some(curve))
                    .ok_or_else(|| foreign(key_type, Some(curve)))
            }
        }
    }

    /// RFC 9964 §4: `alg` is mandatory for this key type, and says what the key is.
    fn family_of_algorithm(&self) -> Result<Family, SkipReason> {
        let name = optional_text("alg", &self.alg)?.ok_or(SkipReason::MemberMissing("alg"))?;
        let family = Algorithm::from_name(name).map(Algorithm::family);
        family
            .filter(|family| family.is_named_by_algorithm())
            .ok_or_else(|| SkipReason::Algorithm(name.to_owned()))
    }

    /// The one algorithm that `alg` names, or every algorithm of the family.
    fn algorithms(&self, family: Family) -> Result<Vec<Algorithm>, SkipReason> {
        let Some(name) = optional_text("alg", &self.alg)? else {
            return Ok(family.algorithms().collect());
        };
        match Algorithm::from_name(name).filter(|algorithm| algorithm.family() == family) {
            Some(algorithm) => Ok(vec![algorithm]),
            None => Err(SkipReason::Algorithm(name.to_owned())),
        }
    }

    fn public_numbers(&self, family: Family) -> Result<PublicNumbers, SkipReason> {
        let width = family.number_bytes();
        let fixed = |member, value| coordinate(member, value, width);
        Ok(match family {
            Family::Rsa => PublicNumbers::Rsa { n: number("n", &self.n)?, e: number("e", &self.e)? },
            Family::Ed25519 => PublicNumbers::Ed25519 { x: fixed("x", &self.x)? },
            _ if family.is_named_by_algorithm() => {
                PublicNumbers::MlDsa { family, public: fixed("pub", &self.public)? }
            }
            _ => PublicNumbers::Ec { family, x: fixed("x", &self.x)?, y: fixed("y", &self.y)? },
        })
    }

    fn secret_key(&self, origin: Origin, algorithms: &[Algorithm]) -> Result<VerifyingKey, SkipReason> {
        if origin == Origin::Published {
            return Err(SkipReason::PrivateMember("k"));
        }
        let secret = SecretBytes::from(number("k", &self.k)?);
        VerifyingKey::from_secret(&secret, algorithms)
    }

    /// RFC 7517 §4.7: "The key in the first certificate MUST match the public key represented by other members".
    fn checked_certificate(&self, numbers: &PublicNumbers) -> Result<Option<Certificate>, SkipReason> {
        let chain = match &self.x5c {
            Loose::Absent => return Ok(None),
            Loose::TextList(chain) if chain.len() <= X5C_CERTIFICATES_MAX => chain,
            _ => return Err(SkipReason::Certificate),
        };
        let der = chain.first().and_then(|leaf| base64url::decode_standard(leaf));
        let leaf = der.and_then(|der| Certificate::from_der(&der).ok()).ok_or(SkipReason::Certificate)?;
        if leaf.public_key() != numbers {
            return Err(SkipReason::CertificateMismatch);
        }
        Ok(Some(leaf))
    }
}

fn foreign(key_type: &str, curve: Option<&str>) -> SkipReason {
    SkipReason::KeyType(curve.map_or_else(|| key_type.to_owned(), |curve| format!("{key_type} {curve}")))
}

fn optional_text<'v>(member: &'static str, value: &'v Loose<'_>) -> Result<Option<&'v str>, SkipReason> {
    match value {
        Loose::Absent => Ok(None),
        Loose::Text(text) => Ok(Some(text)),
        other => Err(wrong_type(member, other)),
    }
}

fn wrong_type(member: &str, value: &Loose<'_>) -> SkipReason {
    SkipReason::Malformed(format!("its `{member}` is {}", value.kind()))
}

fn number(member: &'static str, value: &Loose<'_>) -> Result<Vec<u8>, SkipReason> {
    let text = optional_text(member, value)?.ok_or(SkipReason::MemberMissing(member))?;
    base64url::decode(text).filter(|bytes| !bytes.is_empty()).ok_or(SkipReason::MemberEncoding(member))
}

/// RFC 7518 §6.2.1.2: a coordinate has the full width of its curve, leading zeros included.
fn coordinate(member: &'static str, value: &Loose<'_>, width: usize) -> Result<Vec<u8>, SkipReason> {
    let bytes = number(member, value)?;
    if bytes.len() == width { Ok(bytes) } else { Err(SkipReason::MemberEncoding(member)) }
}

impl<'de> Deserialize<'de> for RawJwk<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawJwkVisitor)
    }
}

struct RawJwkVisitor;

impl<'de> Visitor<'de> for RawJwkVisitor {
    type Value = RawJwk<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JWK")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawJwk<'de>, A::Error> {
        let mut jwk = RawJwk::default();
        let mut seen = Names::default();
        while let Some(Name(name)) = map.next_key()? {
            match jwk.member(&name) {
                Some(member) => *member = map.next_value()?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
            jwk.note_private(&name);
            if let Some(twice) = seen.insert(name) {
                jwk.duplicate.get_or_insert_with(|| twice.into_owned());
            }
        }
        Ok(jwk)
    }

    // An element that is no object spoils only itself.
    visit_other_kinds!(RawJwk<'de>, array, text, scalars => |_, kind| Ok(RawJwk::not(kind)));
}

impl<'a> RawJwk<'a> {
    fn not(kind: &'static str) -> Self {
        Self { not_an_object: Some(kind), ..Self::default() }
    }

    fn member(&mut self, name: &str) -> Option<&mut Loose<'a>> {
        Some(match name {
            "kty" => &mut self.kty,
            "crv" => &mut self.crv,
            "kid" => &mut self.kid,
            "alg" => &mut self.alg,
            "use" => &mut self.public_key_use,
            "key_ops" => &mut self.key_ops,
            "n" => &mut self.n,
            "e" => &mut self.e,
            "x" => &mut self.x,
            "y" => &mut self.y,
            "pub" => &mut self.public,
            "k" => &mut self.k,
            "x5c" => &mut self.x5c,
            _ => return None,
        })
    }

    /// The private members of RFC 7518 §6.2.2 and §6.3.2 and RFC 8037 §2.
    fn note_private(&mut self, name: &str) {
        const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"];
        if let Some(member) = PRIVATE.into_iter().find(|member| *member == name) {
            self.private.get_or_insert(member);
        }
    }
}
