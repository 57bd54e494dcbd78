//! The forms in which a key is read and written, each with the name that it has on a command line, and how one is told from
//! another.

use crate::der::Structure;
use crate::jwk::{self, Origin};
use crate::limits::KEY_BYTES_MAX;
use crate::{Certificate, KeyError, PrivateKey, PublicKey, pem};

/// A form in which a key can be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum KeyForm {
    /// JSON Web Key (RFC 7517)
    Jwk,
    /// PKCS#8 in PEM: any private key
    Pkcs8Pem,
    /// PKCS#8 in DER
    Pkcs8Der,
    /// PKCS#1 in PEM: RSA keys, private or public
    Pkcs1Pem,
    /// PKCS#1 in DER
    Pkcs1Der,
    /// SEC 1 in PEM: elliptic-curve private keys
    Sec1Pem,
    /// SEC 1 in DER
    Sec1Der,
    /// SubjectPublicKeyInfo in PEM: any public key
    SpkiPem,
    /// SubjectPublicKeyInfo in DER
    SpkiDer,
}

const NAMES: [(KeyForm, &str); 9] = [
    (KeyForm::Jwk, "jwk"),
    (KeyForm::Pkcs8Pem, "pkcs8-pem"),
    (KeyForm::Pkcs8Der, "pkcs8-der"),
    (KeyForm::Pkcs1Pem, "pkcs1-pem"),
    (KeyForm::Pkcs1Der, "pkcs1-der"),
    (KeyForm::Sec1Pem, "sec1-pem"),
    (KeyForm::Sec1Der, "sec1-der"),
    (KeyForm::SpkiPem, "spki-pem"),
    (KeyForm::SpkiDer, "spki-der"),
];

impl KeyForm {
    /// Every form.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.into_iter().map(|(form, _)| form)
    }

    /// The form of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.into_iter().find(|(_, known)| *known == name).map(|(form, _)| form)
    }

    /// Its name, as `pkcs8-pem`.
    pub fn name(self) -> &'static str {
        NAMES.into_iter().find(|(form, _)| *form == self).map(|(_, name)| name).unwrap_or_default()
    }

    /// Whether it is text: JSON or PEM.
    pub fn is_text(self) -> bool {
        !self.name().ends_with("-der")
    }
}

/// What a file that somebody calls a key turned out to be.
// Boxed where it is large; a private key has no `Debug`, so neither has this.
#[allow(clippy::large_enum_variant, reason = "one is read and taken apart at once")]
pub enum AnyKey {
    /// A private key, or a shared secret
    Private(PrivateKey),
    /// A public key
    Public(PublicKey),
    /// A certificate
    Certificate(Certificate),
}

impl AnyKey {
    /// Reads a key or certificate in whatever form it is: a JWK, PEM or DER.
    ///
    /// # Errors
    /// [`KeyError`], which says what the input looks like.
    pub fn read(input: &[u8]) -> Result<Self, KeyError> {
        if input.len() > KEY_BYTES_MAX {
            return Err(KeyError::TooLarge { bytes: input.len() });
        }
        // DER is no text, but a short structure may look like one.
        match std::str::from_utf8(input) {
            Ok(text) if Structure::of(input).is_none() => Self::from_text(text),
            _ => Self::from_der(input),
        }
    }

    fn from_text(text: &str) -> Result<Self, KeyError> {
        const OPENSSH: [&str; 4] = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];
        let text = text.trim();
        if text.starts_with('{') {
            return jwk::read_one(text.as_bytes(), Origin::Local);
        }
        if pem::is_armoured(text) {
            return Self::from_pem(text);
        }
        Err(if OPENSSH.iter().any(|prefix| text.starts_with(prefix)) {
            KeyError::OpenSsh
        } else {
            KeyError::Unrecognized
        })
    }

    /// Reads one PEM block.
    fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = pem::read(text)?;
        let der = &block.der;
        match block.label {
            "PRIVATE KEY" => PrivateKey::from_pkcs8_der(der).map(Self::Private),
            "RSA PRIVATE KEY" => PrivateKey::from_pkcs1_der(der).map(Self::Private),
            "EC PRIVATE KEY" => PrivateKey::from_sec1_der(der).map(Self::Private),
            "PUBLIC KEY" => PublicKey::from_spki_der(der).map(Self::Public),
            "RSA PUBLIC KEY" => PublicKey::from_pkcs1_der(der).map(Self::Public),
            "CERTIFICATE" => Ok(Self::Certificate(Certificate::from_der(der)?)),
            other => Err(foreign_label(other)),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let structure = Structure::of(der).ok_or(KeyError::Unrecognized)?;
        match structure {
            Structure::Pkcs8 => PrivateKey::from_pkcs8_der(der).map(Self::Private),
            Structure::RsaPrivate => PrivateKey::from_pkcs1_der(der).map(Self::Private),
            Structure::EcPrivate => PrivateKey::from_sec1_der(der).map(Self::Private),
            Structure::Spki => PublicKey::from_spki_der(der).map(Self::Public),
            Structure::RsaPublic => PublicKey::from_pkcs1_der(der).map(Self::Public),
            Structure::Certificate => Ok(Self::Certificate(Certificate::from_der(der)?)),
            Structure::Encrypted => Err(KeyError::Encrypted),
            Structure::Request => Err(unsuitable(structure.name())),
        }
    }

    /// The private key, if it is one.
    ///
    /// # Errors
    /// [`KeyError::Unsuitable`], which says what it is instead.
    pub fn into_private(self) -> Result<PrivateKey, KeyError> {
        let found = match self {
            Self::Private(key) => return Ok(key),
            Self::Public(_) => "a public key",
            Self::Certificate(_) => Structure::Certificate.name(),
        };
        Err(KeyError::Unsuitable { found, expected: "a private key" })
    }

    /// The public key: of a private key its public half, of a certificate the key that it is for.
    ///
    /// # Errors
    /// [`KeyError::Unsuitable`] for a shared secret, which has no public half.
    pub fn into_public(self) -> Result<PublicKey, KeyError> {
        match self {
            Self::Public(key) => Ok(key),
            Self::Certificate(certificate) => PublicKey::from_certificate(&certificate),
            Self::Private(key) => key.public_key().ok_or(KeyError::Unsuitable {
                found: "a shared secret, which has no public half",
                expected: "another kind of key",
            }),
        }
    }
}

/// What a PEM label says that is not read here.
fn foreign_label(label: &str) -> KeyError {
    match label {
        "ENCRYPTED PRIVATE KEY" => KeyError::Encrypted,
        "OPENSSH PRIVATE KEY" | "SSH2 PUBLIC KEY" => KeyError::OpenSsh,
        "EC PARAMETERS" | "DH PARAMETERS" | "DSA PARAMETERS" => KeyError::ParametersOnly,
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => unsuitable(Structure::Request.name()),
        "PKCS7" | "CMS" => unsuitable("a bundle of certificates (PKCS#7)"),
        "X509 CRL" => unsuitable("a list of revoked certificates"),
        "PGP PRIVATE KEY BLOCK" | "PGP PUBLIC KEY BLOCK" => unsuitable("an OpenPGP key"),
        other => KeyError::Label(other.to_owned()),
    }
}

fn unsuitable(found: &'static str) -> KeyError {
    KeyError::Unsuitable { found, expected: "a key or a certificate" }
}
