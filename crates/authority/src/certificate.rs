//! The self-signed certificates of signing keys (RFC 5280), and the forms in which people download them.
//!
//! The certificate carries the key; nobody builds a chain from it. Its shape is that of Auth0's tenants, so that whoever
//! pinned or configured one of those finds what they know.

use std::fmt::Write as _;

use cms::content_info::ContentInfo;
use jwksmith_jose::{Algorithm, Certificate, SecretBytes, UnixTime};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose};
use time::OffsetDateTime;
use x509_cert::der::pem::{self, LineEnding};
use x509_cert::der::{Decode as _, Encode as _};
use zeroize::Zeroizing;

use crate::random::{self, RandomnessUnavailable};

/// How long a certificate is valid, in days. Nobody's rotation depends on it, so it outlives every key.
pub const CERTIFICATE_DAYS: u64 = 5000;

/// RFC 5280 §4.1.2.2 allows 20; 16 random ones never meet.
const SERIAL_BYTES: usize = 16;

/// A certificate could not be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFailed {
    /// No certificate can be made for keys of this algorithm.
    #[error("there are no certificates for {0} keys")]
    Algorithm(Algorithm),
    /// The time is beyond what a certificate can say (RFC 5280 §4.1.2.5).
    #[error("the time {0} cannot stand in a certificate: check the clock")]
    Time(UnixTime),
    /// The library refused the key or the name.
    #[error("the certificate could not be made: {0}")]
    Library(String),
    /// No serial number.
    #[error(transparent)]
    Randomness(#[from] RandomnessUnavailable),
}

/// Makes the certificate of a private key: subject and issuer are `CN={host}`, valid for [`CERTIFICATE_DAYS`] from `now`.
///
/// # Errors
/// [`CertificateFailed`].
pub fn self_signed(
    algorithm: Algorithm,
    private: &SecretBytes,
    host: &str,
    now: UnixTime,
) -> Result<Certificate, CertificateFailed> {
    let failed = |error: rcgen::Error| CertificateFailed::Library(error.to_string());
    let scheme = scheme(algorithm)?;
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&private.expose().into(), scheme).map_err(failed)?;
    // The pair keeps a copy of the private key in plain bytes.
    let pair = Zeroizing::new(pair);
    let certificate = parameters(host, now)?.self_signed(&*pair).map_err(failed)?;
    Certificate::from_der(certificate.der()).map_err(|error| CertificateFailed::Library(error.to_string()))
}

fn scheme(algorithm: Algorithm) -> Result<&'static rcgen::SignatureAlgorithm, CertificateFailed> {
    match algorithm {
        Algorithm::RS256 => Ok(&rcgen::PKCS_RSA_SHA256),
        Algorithm::ES256 => Ok(&rcgen::PKCS_ECDSA_P256_SHA256),
        other => Err(CertificateFailed::Algorithm(other)),
    }
}

fn parameters(host: &str, now: UnixTime) -> Result<CertificateParams, CertificateFailed> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, host);
    parameters.not_before = date(now)?;
    parameters.not_after = date(now.saturating_add(CERTIFICATE_DAYS * 86_400))?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
    parameters.serial_number = Some(serial()?);
    Ok(parameters)
}

fn date(time: UnixTime) -> Result<OffsetDateTime, CertificateFailed> {
    let seconds = i64::try_from(time.as_seconds()).ok();
    // Without the crate's feature `large-dates`, it ends with the year 9999, as certificates do.
    seconds
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or(CertificateFailed::Time(time))
}

/// RFC 5280 §4.1.2.2: positive, and never shorter than it looks: the first bit is clear, the next one set.
fn serial() -> Result<rcgen::SerialNumber, RandomnessUnavailable> {
    let mut serial = random::bytes::<SERIAL_BYTES>()?;
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    Ok(serial.to_vec().into())
}

/// The certificate in PEM (RFC 7468 §5), with CRLF line ends as Auth0 writes them.
pub fn certificate_pem(certificate: &Certificate) -> String {
    armoured("CERTIFICATE", certificate.der())
}

/// The certificate as a `SignedData` without signers (RFC 5652 §5.1), in PEM (RFC 7468 §8), with CRLF line ends.
///
/// # Errors
/// [`CertificateFailed::Library`] if the certificate cannot be written again.
pub fn pkcs7_pem(certificate: &Certificate) -> Result<String, CertificateFailed> {
    let bundle = x509_cert::Certificate::from_der(certificate.der())
        .and_then(ContentInfo::try_from)
        .and_then(|bundle| bundle.to_der());
    let der = bundle.map_err(|error| CertificateFailed::Library(error.to_string()))?;
    Ok(armoured("PKCS7", &der))
}

/// SHA-1 of the certificate in upper-case hex, bytes separated by colons: what people compare by eye.
pub fn fingerprint(certificate: &Certificate) -> String {
    hex(&certificate.sha1(), ":")
}

/// SHA-1 of the certificate in upper-case hex.
pub fn thumbprint(certificate: &Certificate) -> String {
    hex(&certificate.sha1(), "")
}

fn armoured(label: &'static str, der: &[u8]) -> String {
    // Cannot fail: the two labels are valid, and the library measures before it writes.
    pem::encode_string(label, LineEnding::CRLF, der).unwrap_or_default()
}

fn hex(bytes: &[u8], separator: &str) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(3));
    for byte in bytes {
        if !text.is_empty() {
            text.push_str(separator);
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02X}");
    }
    text
}

#[cfg(test)]
mod tests {
    use jwksmith_jose::SigningKey;
    use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages, SubjectKeyIdentifier};

    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

    fn made(algorithm: Algorithm) -> (SecretBytes, Certificate) {
        let private = SigningKey::generate(algorithm).unwrap();
        let certificate = self_signed(algorithm, &private, "tenant.example", NOW).unwrap();
        (private, certificate)
    }

    fn check(algorithm: Algorithm) {
        let (private, certificate) = made(algorithm);
        assert!(SigningKey::from_private(algorithm, &private).unwrap().belongs_to(&certificate));
        assert_eq!(certificate.subject(), "CN=tenant.example");
        let parsed = x509_cert::Certificate::from_der(certificate.der()).unwrap().tbs_certificate;
        assert_eq!(parsed.issuer, parsed.subject);
        let (from, until) = (parsed.validity.not_before, parsed.validity.not_after);
        assert_eq!(from.to_unix_duration().as_secs(), NOW.as_seconds());
        assert_eq!(until.to_unix_duration().as_secs() - NOW.as_seconds(), 5000 * 86_400);
        assert_eq!(parsed.serial_number.as_bytes().len(), 16);
        let (critical, constraints) = parsed.get::<BasicConstraints>().unwrap().unwrap();
        assert!(critical && constraints.ca);
        let (critical, usage) = parsed.get::<KeyUsage>().unwrap().unwrap();
        assert!(critical);
        assert_eq!(usage.0, KeyUsages::DigitalSignature | KeyUsages::KeyCertSign);
        assert!(parsed.get::<SubjectKeyIdentifier>().unwrap().is_some());
    }

    #[test]
    fn certificate_has_the_expected_shape() {
        check(Algorithm::RS256);
        check(Algorithm::ES256);
    }

    #[test]
    fn certificates_of_one_key_have_different_serials() {
        let private = SigningKey::generate(Algorithm::ES256).unwrap();
        let make = || self_signed(Algorithm::ES256, &private, "tenant.example", NOW).unwrap();
        assert_ne!(make().der(), make().der());
    }

    #[test]
    fn certificate_is_refused_for_other_keys_and_times() {
        let (private, _) = made(Algorithm::ES256);
        let refused = |algorithm, now| self_signed(algorithm, &private, "tenant.example", now).unwrap_err();
        assert!(matches!(refused(Algorithm::RS256, NOW), CertificateFailed::Library(_)));
        assert!(matches!(refused(Algorithm::HS256, NOW), CertificateFailed::Algorithm(_)));
        for late in [u64::MAX, 253_402_300_800, 253_402_300_799] {
            let late = UnixTime::from_seconds(late);
            assert!(matches!(refused(Algorithm::ES256, late), CertificateFailed::Time(_)));
        }
    }

    #[test]
    fn downloads_have_their_form() {
        let (_, certificate) = made(Algorithm::ES256);
        let pem_text = certificate_pem(&certificate);
        assert!(pem_text.starts_with("-----BEGIN CERTIFICATE-----\r\n"));
        assert!(pem_text.ends_with("-----END CERTIFICATE-----\r\n"));
        assert_eq!(pem_text.matches('\n').count(), pem_text.matches("\r\n").count());
        let (label, der) = pem::decode_vec(pem_text.as_bytes()).unwrap();
        assert_eq!((label, der.as_slice()), ("CERTIFICATE", certificate.der()));

        let bundle = pkcs7_pem(&certificate).unwrap();
        let (label, der) = pem::decode_vec(bundle.as_bytes()).unwrap();
        assert_eq!(label, "PKCS7");
        assert!(der.windows(certificate.der().len()).any(|window| window == certificate.der()));

        assert_eq!(thumbprint(&certificate).len(), 40);
        assert_eq!(fingerprint(&certificate).replace(':', ""), thumbprint(&certificate));
        assert_eq!(hex(&[0, 0xab, 0xf], ":"), "00:AB:0F");
    }
}
