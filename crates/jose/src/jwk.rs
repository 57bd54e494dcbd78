//! JSON Web Keys (RFC 7517 §4): reading what an issuer publishes, and writing what an authority publishes.
//!
//! Reading is tolerant of whatever a key set may hold besides usable keys, and strict with each key that is used: the
//! outcome is a key or a [`SkipReason`], never an error that takes the other keys along.

use serde::Serialize;

use crate::certificate::PublicNumbers;
use crate::json::{self, JsonError, Kind, Value};
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
        let mut jwk = Self::from_numbers(key_id, algorithm, certificate.public_key());
        jwk.x5t = Some(base64url::encode(certificate.sha1()));
        jwk.x5t_s256 = Some(base64url::encode(certificate.sha256()));
        jwk.x5c = Some([certificate.x5c()]);
        jwk
    }

    pub(crate) fn from_numbers(key_id: &str, algorithm: Algorithm, numbers: &PublicNumbers) -> Self {
        let encoded = |number: &[u8]| Some(base64url::encode(number));
        let (n, e, x, y) = match numbers {
            PublicNumbers::Rsa { n, e } => (encoded(n), encoded(e), None, None),
            PublicNumbers::Ec { x, y, .. } => (None, None, encoded(x), encoded(y)),
            PublicNumbers::Ed25519 { x } => (None, None, encoded(x), None),
        };
        Self {
            kty: numbers.family().key_type(),
            public_key_use: "sig",
            n,
            e,
            crv: numbers.family().curve(),
            x,
            y,
            kid: key_id.to_owned(),
            x5t: None,
            x5t_s256: None,
            x5c: None,
            alg: algorithm.name(),
        }
    }
}

/// One element of `keys`, as it came: every registered member with its kind, nothing refused yet.
#[derive(Default)]
pub(crate) struct RawJwk<'a> {
    /// What the element is, if it is no object.
    not_an_object: Option<&'static str>,
    /// What keeps it from being one strict object
    fault: Option<JsonError>,
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
        let key = match family {
            Family::Secret => self.secret_key(origin, &algorithms)?,
            _ => VerifyingKey::from_public(&self.public_numbers(family)?, &algorithms)?,
        };
        let certificate = self.checked_certificate(&key)?;
        Ok(UsableJwk { key_id, key, certificate })
    }

    fn refuse_malformed(&self) -> Result<(), SkipReason> {
        if let Some(kind) = self.not_an_object {
            return Err(SkipReason::Malformed(format!("it is {kind}")));
        }
        match &self.fault {
            Some(JsonError::DuplicateMember(name)) => return Err(SkipReason::DuplicateMember(name.clone())),
            Some(other) => return Err(SkipReason::Malformed(other.to_string())),
            None => {}
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
        match (key_type, curve) {
            ("RSA", _) => Ok(Family::Rsa),
            ("oct", _) => Ok(Family::Secret),
            ("EC" | "OKP", None) => Err(SkipReason::MemberMissing("crv")),
            ("EC", Some("P-256")) => Ok(Family::P256),
            ("EC", Some("P-384")) => Ok(Family::P384),
            ("EC", Some("P-521")) => Ok(Family::P521),
            ("OKP", Some("Ed25519")) => Ok(Family::Ed25519),
            (key_type, None) => Err(SkipReason::KeyType(key_type.to_owned())),
            (key_type, Some(curve)) => Err(SkipReason::KeyType(format!("{key_type} {curve}"))),
        }
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
        let width = family.coordinate_bytes();
        Ok(match family {
            Family::Rsa => PublicNumbers::Rsa { n: number("n", &self.n)?, e: number("e", &self.e)? },
            Family::Ed25519 => PublicNumbers::Ed25519 { x: coordinate("x", &self.x, width)? },
            _ => {
                let (x, y) = (coordinate("x", &self.x, width)?, coordinate("y", &self.y, width)?);
                PublicNumbers::Ec { family, x, y }
            }
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
    fn checked_certificate(&self, key: &VerifyingKey) -> Result<Option<Certificate>, SkipReason> {
        let chain = match &self.x5c {
            Loose::Absent => return Ok(None),
            Loose::TextList(chain) if chain.len() <= X5C_CERTIFICATES_MAX => chain,
            _ => return Err(SkipReason::Certificate),
        };
        let der = chain.first().and_then(|leaf| base64url::decode_standard(leaf));
        let leaf = der.and_then(|der| Certificate::from_der(&der).ok()).ok_or(SkipReason::Certificate)?;
        if key.public_key_der().as_deref() != Some(leaf.public_key_der()) {
            return Err(SkipReason::CertificateMismatch);
        }
        Ok(Some(leaf))
    }
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

impl<'a> RawJwk<'a> {
    /// Reads one element of `keys`, whatever it is.
    pub(crate) fn read(element: Value<'a>) -> Self {
        let mut jwk = Self::default();
        if element.kind() != Kind::Object {
            jwk.not_an_object = Some(element.kind().in_words());
            return jwk;
        }
        // What stands twice, at any depth, spoils this key and no other.
        jwk.fault = json::check(element.raw()).err();
        for (name, value) in element.members() {
            if let Some(member) = jwk.member(&name) {
                *member = Loose::from(value);
            }
            jwk.note_private(&name);
        }
        jwk
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
