//! The target `certificate`: one certificate in DER, or a chain in PEM, or several in DER one after the other.
//!
//! The root is fixed, and its private key is gone: whatever it certifies that is not among the certificates beside it would be
//! forged.

use std::sync::LazyLock;

use jwksmith_jose::{AnyKey, Certificate, KeyForm, KeySet, PublicKey, ThumbprintHash, UnixTime, chain};

use crate::fixed::NOW;
use crate::messages::is_fit_for_a_log;

pub(crate) static ROOT: LazyLock<Certificate> = LazyLock::new(|| {
    let mut root = Certificate::all_from_pem(include_str!("certificates/root.pem")).unwrap();
    root.pop().unwrap()
});

/// A certificate and the intermediate that certified it, the intermediate, and one that the root certified itself.
static CERTIFIED: LazyLock<Vec<Certificate>> =
    LazyLock::new(|| Certificate::all_from_pem(include_str!("certificates/certified.pem")).unwrap());

/// How many certificates of one input are looked at.
const CERTIFICATES_MAX: usize = 12;

/// Reads certificates, asks everything of each, and checks what they certify.
pub fn certificate(input: &[u8]) {
    let certificates = match str::from_utf8(input) {
        Ok(text) if text.contains("-----") => in_pem(text),
        _ => in_der(input),
    };
    certificates.iter().for_each(has_consistent_facts);
    is_certified_rightly(&certificates);
}

fn in_pem(text: &str) -> Vec<Certificate> {
    let certificates = Certificate::all_from_pem(text).unwrap_or_else(|error| {
        is_fit_for_a_log(&error.to_string());
        Vec::new()
    });
    certificates.into_iter().take(CERTIFICATES_MAX).collect()
}

/// As many as there are, each with the length that it says.
pub(crate) fn in_der(input: &[u8]) -> Vec<Certificate> {
    let (mut certificates, mut rest) = (Vec::new(), input);
    while let Some((der, behind)) = element(rest).filter(|_| certificates.len() < CERTIFICATES_MAX) {
        match Certificate::from_der(der) {
            Ok(certificate) => certificates.push(certificate),
            Err(error) => is_fit_for_a_log(&error.to_string()),
        }
        rest = behind;
    }
    if let Err(error) = Certificate::from_der(input) {
        is_fit_for_a_log(&error.to_string());
    }
    certificates
}

/// A structure with a length of two bytes, as all certificates have it, and what follows.
fn element(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let [0x30, 0x82, high, low, ..] = input else { return None };
    input.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])).checked_add(4)?)
}

fn has_consistent_facts(certificate: &Certificate) {
    let again = Certificate::from_der(certificate.der()).expect("it was read before");
    assert_eq!(again, *certificate);
    let longer = [certificate.der(), &[0]].concat();
    assert!(Certificate::from_der(&longer).is_err(), "what stands behind it was not seen");
    assert!(certificate.serial().bytes().all(|digit| digit.is_ascii_hexdigit()));
    assert_eq!((certificate.sha1().len(), certificate.sha256().len()), (20, 32));
    is_fit_for_a_log(&certificate.signature_algorithm());
    assert!(certificate.key_bits() > 0);
    let (first, last) = (certificate.not_before(), certificate.not_after());
    assert_eq!(certificate.is_valid_at(first), first <= last);
    assert!(!certificate.is_valid_at(last.saturating_add(1)));
    assert_eq!(certificate.chain().map(|chain| chain.len()), Ok(1));
    let shown = [certificate.subject().to_owned(), certificate.issuer()].concat();
    assert!(!shown.chars().any(|c| c.is_ascii_control()), "a name that moves the cursor: {shown:?}");
    holds_its_key(certificate);
}

fn holds_its_key(certificate: &Certificate) {
    let read = AnyKey::read(certificate.der()).and_then(AnyKey::into_public);
    let key = match (PublicKey::from_certificate(certificate), read) {
        (Ok(key), Ok(read)) => {
            assert_eq!(key, read);
            key
        }
        // Nobody should use it, or the certificate is larger than a file of a key may be.
        (Err(error), _) | (Ok(_), Err(error)) => return is_fit_for_a_log(&error.to_string()),
    };
    assert_eq!((key.family(), key.bits()), (certificate.key_family(), certificate.key_bits()));
    let bare = key.export(KeyForm::SpkiDer).expect("every public key has this form");
    let bare = PublicKey::from_spki_der(&bare).expect("a written key can be read");
    let hash = ThumbprintHash::Sha256;
    assert_eq!(bare.thumbprint(hash), key.thumbprint(hash));
    let jwk = key.certified_jwk(certificate).expect("it is its own certificate");
    let set = format!(r#"{{"keys":[{}]}}"#, serde_json::to_string(&jwk).unwrap());
    match KeySet::parse(set.as_bytes()) {
        Ok(set) => {
            let found = set.keys().first().and_then(|key| key.certificate());
            assert_eq!(found.map(Certificate::der), Some(certificate.der()));
        }
        Err(error) => assert!(set.len() > jwksmith_jose::limits::KEY_SET_BYTES_MAX, "{error}"),
    }
}

fn is_certified_rightly(certificates: &[Certificate]) {
    for now in [NOW, UnixTime::from_seconds(2_500_000_000)] {
        match chain::verify(certificates, std::slice::from_ref(&*ROOT), now) {
            Ok(()) => assert!(certificates.first().is_some_and(is_the_roots), "forged"),
            Err(error) => is_fit_for_a_log(&error.to_string()),
        }
    }
    for certificate in certificates {
        let alone = std::slice::from_ref(certificate);
        match chain::verify(alone, alone, NOW) {
            Ok(()) => assert!(certificate.is_valid_at(NOW), "trusted at any time"),
            Err(error) => is_fit_for_a_log(&error.to_string()),
        }
        let _ = certificate.is_self_signed();
    }
}

/// Whether it is the root, by name and key, or was certified by it: what was signed is known.
fn is_the_roots(certificate: &Certificate) -> bool {
    let key = |certificate: &Certificate| PublicKey::from_certificate(certificate).ok();
    let is_root = certificate.subject() == ROOT.subject() && key(certificate) == key(&ROOT);
    is_root || CERTIFIED.iter().any(|known| signed_part(known) == signed_part(certificate))
}

/// The first element of the structure. Its signature may have a second spelling.
fn signed_part(certificate: &Certificate) -> Option<&[u8]> {
    element(certificate.der().get(4..)?).map(|(signed, _)| signed)
}
