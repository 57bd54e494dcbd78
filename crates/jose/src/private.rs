//! Private keys as data: made, read from a JWK, PKCS#8, PKCS#1 or SEC 1, and written in each form that has room for them
//! (RFC 7517 §9.3, RFC 7518 §6, RFC 5958, RFC 8017 appendix A.1.2, RFC 5915, RFC 8410 §7, RFC 9881 §6).
//!
//! A [`PrivateKey`] is a key whose halves belong together: the crypto library computed the public half from the private one,
//! or compared them. It is kept as PKCS#8, the form that [`SigningKey`] is made from. Every buffer that holds a private
//! number is wiped, and nothing here can be printed, compared or serialized: what is written comes out as [`SecretBytes`].

use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _, EcPrivateKeyBin};
use aws_lc_rs::rsa::{KeyPairComponents, KeySize};
use aws_lc_rs::signature::{
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, PqdsaKeyPair, PqdsaSigningAlgorithm,
    RsaKeyPair, RsaPublicKeyComponents,
};
use zeroize::Zeroizing;

use crate::algorithm::Scheme;
use crate::form::KeyForm;
use crate::key::VerifyingKey;
use crate::public::{Label, PublicNumbers};
use crate::{
    Algorithm, Family, KeyError, PublicKey, SecretBytes, SigningError, SigningKey, SkipReason, base64url,
    der, pem,
};

/// A private key or a shared secret that can be used.
pub struct PrivateKey {
    family: Family,
    /// PKCS#8; of a secret its own bytes.
    bytes: SecretBytes,
    /// Nothing for a secret.
    public: Option<PublicNumbers>,
    label: Label,
}

/// The private numbers of an RSA key: d, p, q, dp, dq, qi.
pub(crate) type RsaNumbers<'a> = [&'a [u8]; 6];

impl PrivateKey {
    /// Makes a key for an algorithm: RSA with 2048 bits, the algorithm's curve, or a secret of the hash's length.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] if the system has no randomness.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let bytes = SigningKey::generate(algorithm).map_err(|_| KeyError::Crypto)?;
        let key = match algorithm.family() {
            Family::Secret => Self::from_secret(bytes)?,
            _ => Self::from_pkcs8_der(bytes.expose())?,
        };
        key.for_algorithm(algorithm.name())
    }

    /// Makes an RSA key of this size for an algorithm.
    ///
    /// # Errors
    /// [`KeyError::Bits`] for a size that is not made, [`KeyError::AlgorithmUnfit`] if the algorithm takes other keys.
    pub fn generate_rsa(algorithm: Algorithm, bits: usize) -> Result<Self, KeyError> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            8192 => KeySize::Rsa8192,
            other => return Err(KeyError::Bits(other)),
        };
        if algorithm.family() != Family::Rsa {
            return Err(KeyError::AlgorithmUnfit { algorithm, family: Family::Rsa });
        }
        Self::of_rsa(&RsaKeyPair::generate(size)?)?.for_algorithm(algorithm.name())
    }

    /// Takes a shared secret, which must be long enough for one hash at least (RFC 7518 §3.2).
    ///
    /// # Errors
    /// [`KeyError::Key`] for a shorter one.
    pub fn from_secret(secret: SecretBytes) -> Result<Self, KeyError> {
        let algorithms: Vec<_> = Family::Secret.algorithms().collect();
        VerifyingKey::from_secret(&secret, &algorithms)?;
        Ok(Self { family: Family::Secret, bytes: secret, public: None, label: Label::default() })
    }

    /// Reads PKCS#8 in DER (RFC 5958): any kind of key.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let info = der::pkcs8(der)?;
        match info.family.scheme() {
            Some(Scheme::Rsa { .. }) => Self::from_pkcs1_der(info.private),
            Some(Scheme::Ecdsa { sign, .. }) => {
                der::ec_private(info.private)?;
                let pair = EcdsaKeyPair::from_pkcs8(sign, der).map_err(|_| KeyError::Inconsistent)?;
                Self::of_ec(info.family, sign, &pair)
            }
            Some(Scheme::Ed25519) => {
                let seed = der::seed(info.family, info.private);
                let seed = seed.ok_or(KeyError::Der(der::Structure::Pkcs8.name()))?;
                Self::from_ed25519(seed, info.public)
            }
            Some(Scheme::MlDsa { sign, .. }) => {
                let pair = PqdsaKeyPair::from_pkcs8(sign, der).map_err(|_| KeyError::Inconsistent)?;
                Self::of_ml_dsa(info.family, &pair)
            }
            Some(Scheme::Hmac(_)) | None => Err(KeyError::Der(der::Structure::Pkcs8.name())),
        }
    }

    /// Reads an RSA private key of PKCS#1 in DER.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, KeyError> {
        let [n, e, private @ ..] = der::rsa_private(der)?;
        Self::from_rsa(n, e, private)
    }

    /// Reads an elliptic-curve private key of SEC 1 in DER, which must name its curve.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_sec1_der(der: &[u8]) -> Result<Self, KeyError> {
        let malformed = KeyError::Der(der::Structure::EcPrivate.name());
        let (_, family) = der::ec_private(der)?;
        let family = family.ok_or_else(|| malformed.clone())?;
        let Some(Scheme::Ecdsa { sign, .. }) = family.scheme() else { return Err(malformed) };
        let pair = EcdsaKeyPair::from_private_key_der(sign, der).map_err(|_| KeyError::Inconsistent)?;
        Self::of_ec(family, sign, &pair)
    }

    /// From the numbers of an RSA key; the crypto library proves that they belong together.
    pub(crate) fn from_rsa(
        modulus: &[u8],
        exponent: &[u8],
        [d, p, q, dp, dq, qi]: RsaNumbers<'_>,
    ) -> Result<Self, KeyError> {
        // First the public half, so that a weak key is told from a broken one.
        let public = PublicNumbers::Rsa { n: modulus.to_vec(), e: exponent.to_vec() };
        PublicKey::new(public, Label::default())?;
        let public_key = RsaPublicKeyComponents { n: modulus, e: exponent };
        let components = KeyPairComponents { public_key, d, p, q, dP: dp, dQ: dq, qInv: qi };
        Self::of_rsa(&RsaKeyPair::from_components(&components).map_err(|_| KeyError::Inconsistent)?)
    }

    /// From the numbers of an elliptic-curve key, both halves.
    pub(crate) fn from_ec(
        family: Family,
        sign: &'static EcdsaSigningAlgorithm,
        private: &[u8],
        (x, y): (&[u8], &[u8]),
    ) -> Result<Self, KeyError> {
        let point = [&[4], x, y].concat();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(sign, private, &point);
        let pair = pair.map_err(|_| KeyError::Inconsistent)?;
        let public = PublicNumbers::from_point(family, pair.public_key().as_ref())?;
        Ok(Self::proven(pair.to_pkcs8v1()?.as_ref(), public))
    }

    /// From the seed of an Ed25519 key, and its public half where there is one.
    pub(crate) fn from_ed25519(seed: &[u8], public: Option<&[u8]>) -> Result<Self, KeyError> {
        let pair = match public {
            Some(public) => Ed25519KeyPair::from_seed_and_public_key(seed, public),
            None => Ed25519KeyPair::from_seed_unchecked(seed),
        };
        let pair = pair.map_err(|_| KeyError::Inconsistent)?;
        let public = PublicNumbers::Ed25519 { x: pair.public_key().as_ref().to_vec() };
        Ok(Self::proven(pair.to_pkcs8v1()?.as_ref(), public))
    }

    /// From the seed of an ML-DSA key and its public half (RFC 9964 §4).
    pub(crate) fn from_ml_dsa(
        family: Family,
        sign: &'static PqdsaSigningAlgorithm,
        seed: &[u8],
        public: &[u8],
    ) -> Result<Self, KeyError> {
        let pair = PqdsaKeyPair::from_seed(sign, seed).map_err(|_| KeyError::Inconsistent)?;
        if pair.public_key().as_ref() != public {
            return Err(KeyError::Inconsistent);
        }
        Self::of_ml_dsa(family, &pair)
    }

    fn of_rsa(pair: &RsaKeyPair) -> Result<Self, KeyError> {
        Ok(Self::proven(pair.as_der()?.as_ref(), PublicNumbers::of_rsa(pair.public_key())))
    }

    /// Made anew from its numbers: a pair that was read writes its point as it came, compressed or in the hybrid form, and
    /// one key would be written in several ways.
    fn of_ec(
        family: Family,
        sign: &'static EcdsaSigningAlgorithm,
        pair: &EcdsaKeyPair,
    ) -> Result<Self, KeyError> {
        let private: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes()?;
        let point = PublicNumbers::from_point(family, pair.public_key().as_ref())?;
        let PublicNumbers::Ec { x, y, .. } = &point else { return Err(KeyError::Crypto) };
        Self::from_ec(family, sign, private.as_ref(), (x, y))
    }

    fn of_ml_dsa(family: Family, pair: &PqdsaKeyPair) -> Result<Self, KeyError> {
        let public = PublicNumbers::MlDsa { family, public: pair.public_key().as_ref().to_vec() };
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| KeyError::SeedMissing)?;
        Ok(Self::proven(pkcs8.as_ref(), public))
    }

    fn proven(pkcs8: &[u8], public: PublicNumbers) -> Self {
        let family = public.family();
        let (bytes, label) = (pkcs8.to_vec().into(), Label::default().completed(family));
        Self { family, bytes, public: Some(public), label }
    }

    /// The same key under this `kid`.
    #[must_use]
    pub fn named(mut self, key_id: &str) -> Self {
        self.label.key_id = Some(key_id.to_owned());
        self
    }

    /// The same key for the algorithm of this name only.
    ///
    /// # Errors
    /// [`KeyError::AlgorithmUnfit`]; [`KeyError::Key`] for a name that is not supported, or a secret too short for it.
    pub fn for_algorithm(mut self, name: &str) -> Result<Self, KeyError> {
        self.label = self.label.for_algorithm(name, self.family)?;
        let short = |algorithm: Algorithm| self.bytes.expose().len() < algorithm.row().secret_bytes_min;
        if Algorithm::from_name(name).is_some_and(short) {
            return Err(SkipReason::Weak("the secret is shorter than its hash").into());
        }
        Ok(self)
    }

    pub(crate) fn labelled(self, label: Label) -> Self {
        let label = label.completed(self.family);
        Self { label, ..self }
    }

    /// What kind of key it is.
    pub fn family(&self) -> Family {
        self.family
    }

    /// `kid`, if it came with one or was given one.
    pub fn key_id(&self) -> Option<&str> {
        self.label.key_id.as_deref()
    }

    /// `alg`, if it came with one or was given one.
    pub fn algorithm_name(&self) -> Option<&'static str> {
        self.label.algorithm
    }

    /// The public half, with the same names; nothing for a shared secret.
    pub fn public_key(&self) -> Option<PublicKey> {
        Some(PublicKey::proven(self.public.clone()?, self.label.clone()))
    }

    pub(crate) fn numbers(&self) -> Option<&PublicNumbers> {
        self.public.as_ref()
    }

    /// The key ready to sign with an algorithm of its kind.
    ///
    /// # Errors
    /// [`SigningError::KeyRejected`] if the algorithm takes other keys, or a longer secret.
    pub fn signing_key(&self, algorithm: Algorithm) -> Result<SigningKey, SigningError> {
        SigningKey::from_private(algorithm, &self.bytes)
    }

    /// What [`SigningKey::from_private`] takes: PKCS#8, or a secret's own bytes.
    pub fn secret_bytes(&self) -> &SecretBytes {
        &self.bytes
    }

    /// The key in this form, private half included. Whoever writes it somewhere must keep others from reading it.
    ///
    /// # Errors
    /// [`KeyError::FormUnavailable`] if the form has no room for it.
    pub fn export(&self, form: KeyForm) -> Result<SecretBytes, KeyError> {
        let unavailable = || KeyError::FormUnavailable { form: form.name(), family: self.family };
        let der = match form {
            KeyForm::Jwk => return self.jwk(),
            KeyForm::Pkcs8Pem | KeyForm::Pkcs8Der if self.public.is_some() => {
                Zeroizing::new(self.bytes.expose().to_vec())
            }
            KeyForm::Pkcs1Pem | KeyForm::Pkcs1Der if self.family == Family::Rsa => {
                Zeroizing::new(der::pkcs8(self.bytes.expose())?.private.to_vec())
            }
            KeyForm::Sec1Pem | KeyForm::Sec1Der => self.sec1_der().ok_or_else(unavailable)?,
            _ => return Err(unavailable()),
        };
        Ok(match form {
            KeyForm::Pkcs8Pem => pem::write("PRIVATE KEY", &der).into(),
            KeyForm::Pkcs1Pem => pem::write("RSA PRIVATE KEY", &der).into(),
            KeyForm::Sec1Pem => pem::write("EC PRIVATE KEY", &der).into(),
            _ => der.into(),
        })
    }

    fn sec1_der(&self) -> Option<Zeroizing<Vec<u8>>> {
        let Some(Scheme::Ecdsa { sign, .. }) = self.family.scheme() else { return None };
        let pair = EcdsaKeyPair::from_pkcs8(sign, self.bytes.expose()).ok()?;
        Some(Zeroizing::new(pair.private_key().as_der().ok()?.as_ref().to_vec()))
    }

    /// The private members of the JWK, with the names that it gives them.
    fn members(&self) -> Result<Vec<(&'static str, &[u8])>, KeyError> {
        if self.family == Family::Secret {
            return Ok(vec![("k", self.bytes.expose())]);
        }
        let private = der::pkcs8(self.bytes.expose())?.private;
        let seed = || der::seed(self.family, private).ok_or(KeyError::SeedMissing);
        Ok(match self.family {
            Family::Rsa => {
                let [_, _, d, p, q, dp, dq, qi] = der::rsa_private(private)?;
                vec![("d", d), ("p", p), ("q", q), ("dp", dp), ("dq", dq), ("qi", qi)]
            }
            Family::Ed25519 => vec![("d", seed()?)],
            _ if self.family.is_named_by_algorithm() => vec![("priv", seed()?)],
            _ => vec![("d", der::ec_private(private)?.0)],
        })
    }

    /// The private JWK, written member by member into a buffer that is wiped.
    fn jwk(&self) -> Result<SecretBytes, KeyError> {
        let mut json = Json::new();
        json.text("kty", self.family.key_type())?;
        json.text("use", "sig")?;
        if let Some(curve) = self.family.curve() {
            json.text("crv", curve)?;
        }
        let public = self.public.as_ref().map(PublicNumbers::members).unwrap_or_default();
        public.into_iter().chain(self.members()?).for_each(|(name, bytes)| json.bytes(name, bytes));
        if let Some(key_id) = self.key_id() {
            json.text("kid", key_id)?;
        }
        if let Some(algorithm) = self.algorithm_name() {
            json.text("alg", algorithm)?;
        }
        Ok(json.finish())
    }
}

/// A JSON object being written.
struct Json(Zeroizing<Vec<u8>>);

impl Json {
    /// More than the JWK of an 8192-bit RSA key with the longest `kid` takes, so that the buffer never grows: growing would
    /// leave a copy behind.
    const ROOM_BYTES: usize = 16 * 1024;

    fn new() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(Self::ROOM_BYTES)))
    }

    fn name(&mut self, name: &str) {
        let before = if self.0.is_empty() { b"{\"" } else { b",\"" };
        self.0.extend_from_slice(before);
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    /// A member of text that is no secret.
    fn text(&mut self, name: &str, text: &str) -> Result<(), KeyError> {
        self.name(name);
        serde_json::to_writer(&mut *self.0, text).map_err(|_| KeyError::Crypto)
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) {
        self.name(name);
        self.0.push(b'"');
        base64url::append(&mut self.0, bytes);
        self.0.push(b'"');
    }

    fn finish(mut self) -> SecretBytes {
        self.0.push(b'}');
        self.0.into()
    }
}
