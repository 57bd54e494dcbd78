//! JSON Web Keys (RFC 7517 §4): reading what an issuer publishes, and writing what an authority publishes.
//!
//! Reading is tolerant of whatever a key set may hold besides usable keys, and strict with each key that is used: the
//! outcome is a key or a [`SkipReason`], never an error that takes the other keys along.

use serde::Serialize;
use zeroize::Zeroizing;

use crate::algorithm::Scheme;
use crate::certificate::upper_hex;
use crate::json::{self, JsonError, Kind, Value};
use crate::key::VerifyingKey;
use crate::limits::{KID_BYTES_MAX, X5C_CERTIFICATES_MAX};
use crate::members::Loose;
use crate::public::{Label, PublicNumbers};
use crate::sign::SecretBytes;
use crate::{
    Algorithm, AnyKey, Certificate, Family, KeyError, PrivateKey, PublicKey, SkipReason, Thumbprint,
    ThumbprintHash, base64url, thumbprint,
};

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
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x5t: Option<String>,
    #[serde(rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    x5t_s256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x5c: Option<[String; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<&'static str>,
}

impl PublicJwk {
    /// The published form of the key in `certificate`.
    pub fn new(key_id: &str, algorithm: Algorithm, certificate: &Certificate) -> Self {
        let label = Label { key_id: Some(key_id.to_owned()), algorithm: Some(algorithm.name()) };
        Self::from_numbers(&label, certificate.public_key()).certified_by(certificate)
    }

    pub(crate) fn certified_by(self, certificate: &Certificate) -> Self {
        Self {
            x5t: Some(base64url::encode(certificate.sha1())),
            x5t_s256: Some(base64url::encode(certificate.sha256())),
            x5c: Some([certificate.x5c()]),
            ..self
        }
    }

    pub(crate) fn from_numbers(label: &Label, numbers: &PublicNumbers) -> Self {
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
            kid: label.key_id.clone(),
            x5t: None,
            x5t_s256: None,
            x5c: None,
            alg: label.algorithm,
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
    public: Loose<'a>,
    d: Loose<'a>,
    p: Loose<'a>,
    q: Loose<'a>,
    dp: Loose<'a>,
    dq: Loose<'a>,
    qi: Loose<'a>,
    oth: Loose<'a>,
    seed: Loose<'a>,
    k: Loose<'a>,
    x5c: Loose<'a>,
    x5t: Loose<'a>,
    x5t_s256: Loose<'a>,
    /// Whose tokens the key is for, as some issuers of many tenants say.
    issuer: Loose<'a>,
    /// Of a key set, which is no key.
    keys: Loose<'a>,
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
    /// The key as data, unless it is a shared secret.
    pub(crate) public: Option<PublicKey>,
    pub(crate) thumbprint: Thumbprint,
    pub(crate) certificate: Option<Certificate>,
    /// The member `issuer`, or in words what it is instead of a text.
    pub(crate) issuer: Option<String>,
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
        // RFC 7517 §9.2: private members in a published key are a disclosed private key.
        self.private.map_or(Ok(()), |member| Err(SkipReason::PrivateMember(member)))?;
        self.refuse_published_secret(origin)?;
        let key_id = self.checked_key_id()?;
        self.refuse_other_use("verify")?;
        let (family, leaf) = self.kind()?;
        let (algorithms, issuer) = (self.algorithms(family)?, self.issuer());
        if family == Family::Secret {
            let secret = self.secret(origin)?;
            let key = VerifyingKey::from_secret(&secret, &algorithms)?;
            let thumbprint = thumbprint::of_secret(&secret, ThumbprintHash::Sha256);
            return Ok(UsableJwk { key_id, key, public: None, thumbprint, certificate: None, issuer });
        }
        let (numbers, certificate) = self.certified_numbers(family, leaf)?;
        let key = VerifyingKey::from_public(&numbers, &algorithms)?;
        let label = Label { key_id: key_id.clone(), algorithm: self.algorithm_name(family)? };
        let public = PublicKey::proven(numbers, label);
        let thumbprint = public.thumbprint(ThumbprintHash::Sha256);
        Ok(UsableJwk { key_id, key, public: Some(public), thumbprint, certificate, issuer })
    }

    /// Not a registered member: RFC 7517 §4 wants it ignored where nobody knows it, whatever it is. Who asks for it must not
    /// take what is no text for an absent one.
    fn issuer(&self) -> Option<String> {
        match &self.issuer {
            Loose::Absent => None,
            Loose::Text(issuer) => Some(issuer.to_string()),
            other => Some(other.kind().to_owned()),
        }
    }

    /// RFC 7517 §9.2: a secret that is published is none, whatever it is for.
    fn refuse_published_secret(&self, origin: Origin) -> Result<(), SkipReason> {
        let is_secret = matches!(&self.kty, Loose::Text(kty) if kty == Family::Secret.key_type());
        if is_secret && origin == Origin::Published { Err(SkipReason::PrivateMember("k")) } else { Ok(()) }
    }

    /// The public key of its numbers, whatever it may be used for.
    pub(crate) fn public_key(&self) -> Result<PublicKey, SkipReason> {
        self.refuse_malformed()?;
        let (family, leaf) = self.kind()?;
        let (numbers, _) = self.certified_numbers(family, leaf)?;
        PublicKey::new(numbers, Label::default())
    }

    /// The one key of a text of its own.
    fn one(&self, origin: Origin) -> Result<AnyKey, KeyError> {
        if self.kty.is_absent() && !self.keys.is_absent() {
            return Err(KeyError::Unsuitable { found: "a key set (JWKS)", expected: "one key of it" });
        }
        self.refuse_malformed()?;
        let (family, leaf) = self.kind()?;
        let label = Label { key_id: self.checked_key_id()?, algorithm: self.algorithm_name(family)? };
        if family == Family::Secret {
            self.refuse_other_use("sign")?;
            let key = PrivateKey::from_secret(self.secret(origin)?)?;
            let key = match label.algorithm {
                // Not every secret is long enough for every hash.
                Some(name) => key.for_algorithm(name)?,
                None => key,
            };
            return Ok(AnyKey::Private(key.labelled(label)));
        }
        let (numbers, _) = self.certified_numbers(family, leaf)?;
        if self.private.is_none() {
            self.refuse_other_use("verify")?;
            return Ok(AnyKey::Public(PublicKey::new(numbers, label)?));
        }
        self.refuse_other_use("sign")?;
        Ok(AnyKey::Private(self.private_key(&numbers)?.labelled(label)))
    }

    /// The private key whose public half is `numbers`.
    fn private_key(&self, numbers: &PublicNumbers) -> Result<PrivateKey, KeyError> {
        if !self.oth.is_absent() {
            return Err(SkipReason::Malformed("it has more than two primes (`oth`)".to_owned()).into());
        }
        let family = numbers.family();
        match (numbers, family.scheme()) {
            (PublicNumbers::Rsa { n, e }, _) => {
                let [d, p, q, dp, dq, qi] = [
                    secret("d", &self.d)?,
                    secret("p", &self.p)?,
                    secret("q", &self.q)?,
                    secret("dp", &self.dp)?,
                    secret("dq", &self.dq)?,
                    secret("qi", &self.qi)?,
                ];
                PrivateKey::from_rsa(n, e, [&*d, &*p, &*q, &*dp, &*dq, &*qi])
            }
            (PublicNumbers::Ec { x, y, .. }, Some(Scheme::Ecdsa { sign, .. })) => {
                let d = fixed_secret("d", &self.d, family.number_bytes())?;
                PrivateKey::from_ec(family, sign, &d, (x, y))
            }
            (PublicNumbers::Ed25519 { x }, _) => {
                PrivateKey::from_ed25519(&fixed_secret("d", &self.d, SEED_BYTES)?, Some(x))
            }
            (PublicNumbers::MlDsa { public, .. }, Some(Scheme::MlDsa { sign, .. })) => {
                PrivateKey::from_ml_dsa(family, sign, &fixed_secret("priv", &self.seed, SEED_BYTES)?, public)
            }
            _ => Err(KeyError::Crypto),
        }
    }

    fn refuse_malformed(&self) -> Result<(), SkipReason> {
        if let Some(kind) = self.not_an_object {
            return Err(SkipReason::Malformed(format!("it is {kind}")));
        }
        match &self.fault {
            Some(JsonError::DuplicateMember(name)) => Err(SkipReason::DuplicateMember(name.clone())),
            Some(other) => Err(SkipReason::Malformed(other.to_string())),
            None => Ok(()),
        }
    }

    fn checked_key_id(&self) -> Result<Option<String>, SkipReason> {
        match optional_text("kid", &self.kid)? {
            Some(kid) if kid.is_empty() || kid.len() > KID_BYTES_MAX => Err(SkipReason::KeyId),
            kid => Ok(kid.map(str::to_owned)),
        }
    }

    fn refuse_other_use(&self, needed: &'static str) -> Result<(), SkipReason> {
        // RFC 7517 §4.2: absent `use` leaves the key open to any.
        if let Some(other) = optional_text("use", &self.public_key_use)?.filter(|name| *name != "sig") {
            return Err(SkipReason::Use(other.to_owned()));
        }
        match &self.key_ops {
            Loose::Absent => Ok(()),
            Loose::TextList(operations) if operations.iter().any(|operation| operation == needed) => Ok(()),
            Loose::TextList(_) => Err(SkipReason::KeyOperations(needed)),
            other => Err(wrong_type("key_ops", other)),
        }
    }

    /// The kind of key; and its certificate, where that alone has the numbers.
    fn kind(&self) -> Result<(Family, Option<Certificate>), SkipReason> {
        let numbers = [&self.n, &self.e, &self.x, &self.y, &self.public, &self.k];
        if self.x5c.is_absent() || !numbers.into_iter().all(Loose::is_absent) {
            return Ok((self.checked_family()?, None));
        }
        let key_type = optional_text("kty", &self.kty)?.ok_or(SkipReason::MemberMissing("kty"))?;
        let curve = optional_text("crv", &self.crv)?;
        let Some(leaf) = self.leaf()? else { return Ok((self.checked_family()?, None)) };
        let family = leaf.public_key().family();
        let named = !family.is_named_by_algorithm() || self.family_of_algorithm()? == family;
        if named && family.key_type() == key_type && (curve.is_none() || curve == family.curve()) {
            Ok((family, Some(leaf)))
        } else {
            Err(SkipReason::CertificateMismatch)
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
        let named = self.algorithm_name(family)?.and_then(Algorithm::from_name);
        Ok(named.map_or_else(|| family.algorithms().collect(), |algorithm| vec![algorithm]))
    }

    /// `alg`, as one of the registered names of an algorithm of the family.
    fn algorithm_name(&self, family: Family) -> Result<Option<&'static str>, SkipReason> {
        let Some(name) = optional_text("alg", &self.alg)? else { return Ok(None) };
        let registered = family.algorithms().flat_map(|algorithm| algorithm.names().iter().copied());
        let registered = registered.filter(|registered| *registered == name).last();
        registered.map(Some).ok_or_else(|| SkipReason::Algorithm(name.to_owned()))
    }

    /// The public numbers, and the certificate if there is one: the two agree.
    fn certified_numbers(
        &self,
        family: Family,
        leaf: Option<Certificate>,
    ) -> Result<(PublicNumbers, Option<Certificate>), SkipReason> {
        if let Some(leaf) = leaf {
            return Ok((leaf.public_key().clone(), Some(leaf)));
        }
        let numbers = self.public_numbers(family)?;
        let leaf = self.leaf()?;
        // RFC 7517 §4.7: "The key in the first certificate MUST match the public key represented by other members".
        if leaf.as_ref().is_some_and(|leaf| *leaf.public_key() != numbers) {
            return Err(SkipReason::CertificateMismatch);
        }
        Ok((numbers, leaf))
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

    fn secret(&self, origin: Origin) -> Result<SecretBytes, SkipReason> {
        if origin == Origin::Published {
            return Err(SkipReason::PrivateMember("k"));
        }
        // A certificate is never for a secret.
        if !self.x5c.is_absent() {
            return Err(SkipReason::CertificateMismatch);
        }
        Ok(secret("k", &self.k)?.into())
    }

    /// The first certificate of `x5c`, which the thumbprints beside it name.
    fn leaf(&self) -> Result<Option<Certificate>, SkipReason> {
        let chain = match &self.x5c {
            Loose::Absent => return Ok(None),
            Loose::TextList(chain) if chain.len() <= X5C_CERTIFICATES_MAX => chain,
            _ => return Err(SkipReason::Certificate),
        };
        let der = chain.first().and_then(|leaf| base64url::decode_standard(leaf));
        let leaf = der.and_then(|der| Certificate::from_der(&der).ok()).ok_or(SkipReason::Certificate)?;
        // RFC 7517 §4.8: the bytes. Tenants of some issuers publish their hexadecimal digits instead.
        let legacy = upper_hex(&leaf.sha1());
        refuse_other_thumbprint("x5t", &self.x5t, &[&leaf.sha1(), legacy.as_bytes()])?;
        refuse_other_thumbprint("x5t#S256", &self.x5t_s256, &[&leaf.sha256()])?;
        // A certificate that cannot be decoded certifies nobody; only who asks for the chain will miss it.
        let issuers = chain.iter().skip(1).filter_map(|text| base64url::decode_standard(text));
        Ok(Some(leaf.with_issuers(issuers.collect())))
    }
}

fn refuse_other_thumbprint(
    member: &'static str,
    value: &Loose<'_>,
    expected: &[&[u8]],
) -> Result<(), SkipReason> {
    let Some(text) = optional_text(member, value)? else { return Ok(()) };
    match base64url::decode(text) {
        Some(thumbprint) if expected.contains(&thumbprint.as_slice()) => Ok(()),
        _ => Err(SkipReason::ThumbprintMismatch(member)),
    }
}

/// Reads a text that is one JWK.
pub(crate) fn read_one(json: &[u8], origin: Origin) -> Result<AnyKey, KeyError> {
    RawJwk::read(json::check(json::utf8(json)?)?).one(origin)
}

/// How long the seed of an Ed25519 or ML-DSA key is (RFC 8032 §5.1.5, RFC 9964 §4).
const SEED_BYTES: usize = 32;

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

/// A private number, in a buffer that is wiped.
fn secret(member: &'static str, value: &Loose<'_>) -> Result<Zeroizing<Vec<u8>>, SkipReason> {
    number(member, value).map(Zeroizing::new)
}

fn fixed_secret(
    member: &'static str,
    value: &Loose<'_>,
    width: usize,
) -> Result<Zeroizing<Vec<u8>>, SkipReason> {
    coordinate(member, value, width).map(Zeroizing::new)
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
            "pub" => &mut self.public,
            "d" => &mut self.d,
            "p" => &mut self.p,
            "q" => &mut self.q,
            "dp" => &mut self.dp,
            "dq" => &mut self.dq,
            "qi" => &mut self.qi,
            "oth" => &mut self.oth,
            "priv" => &mut self.seed,
            "k" => &mut self.k,
            "x5c" => &mut self.x5c,
            "x5t" => &mut self.x5t,
            "x5t#S256" => &mut self.x5t_s256,
            "issuer" => &mut self.issuer,
            "keys" => &mut self.keys,
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
