//! What is registered for JOSE, or often met, and not supported: refused by name, so that a message can say what it is.
//!
//! Source: the registry "JSON Object Signing and Encryption (JOSE)" of IANA, and the registry of COSE for names that stray
//! into tokens from there. Nothing here makes a decision; it explains one.

/// Names with the words that follow them.
type Known = (&'static [&'static str], &'static str);

const ALGORITHMS: &[Known] = &[
    (&["none"], "means that nothing is signed, and is never accepted (RFC 8725 §3.1)"),
    (&["Ed448"], "is a registered signature algorithm (RFC 9864) that is not supported"),
    (&["HS1", "RS1"], "is a registered algorithm on SHA-1, which is broken, and is never accepted"),
    (
        &["RSA1_5", "RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512"],
        "encrypts keys and signs nothing (RFC 7518 §4)",
    ),
    (
        &["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"],
        "agrees on keys for encryption and signs nothing (RFC 7518 §4.6)",
    ),
    (
        &["A128KW", "A192KW", "A256KW", "A128GCMKW", "A192GCMKW", "A256GCMKW", "dir"],
        "is for the keys of encryption and signs nothing (RFC 7518 §4)",
    ),
    (
        &["PBES2-HS256+A128KW", "PBES2-HS384+A192KW", "PBES2-HS512+A256KW"],
        "encrypts with a password and signs nothing (RFC 7518 §4.8)",
    ),
    (
        &["A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "A128GCM", "A192GCM", "A256GCM"],
        "encrypts content and signs nothing (RFC 7518 §5)",
    ),
    (
        &["A128CBC", "A192CBC", "A256CBC", "A128CTR", "A192CTR", "A256CTR"],
        "is registered for Web Cryptography only, and signs nothing",
    ),
    (
        &["ESP256", "ESP384", "ESP512"],
        "is the name of COSE (RFC 9864) for what JOSE calls ES256, ES384 and ES512",
    ),
    (
        &["ESB256", "ESB320", "ESB384", "ESB512"],
        "is a signature algorithm of COSE on a Brainpool curve (RFC 9864) that is not supported",
    ),
    (
        &["ES256K-R"],
        "is a signature of secp256k1 that names its own key, never registered, and is not supported",
    ),
    (
        &["SLH-DSA-SHA2-128s", "SLH-DSA-SHAKE-128s", "SLH-DSA-SHA2-128f"],
        "is a signature algorithm (FIPS 205) that is not supported",
    ),
];

const KEY_TYPES: &[Known] = &[
    (&["OKP X25519", "OKP X448"], "is a key for encryption (RFC 8037)"),
    (&["OKP Ed448"], "is a registered signature key (RFC 8037) that is not supported"),
    (
        &[
            "EC BP-256",
            "EC BP-320",
            "EC BP-384",
            "EC BP-512",
            "EC brainpoolP256r1",
            "EC brainpoolP384r1",
            "EC brainpoolP512r1",
        ],
        "is on a Brainpool curve, which is not supported",
    ),
];

/// What an algorithm's name stands for.
pub(crate) fn algorithm(name: &str) -> Option<&'static str> {
    find(ALGORITHMS, name)
}

/// What a key type, with its curve, stands for.
pub(crate) fn key_type(name: &str) -> &'static str {
    find(KEY_TYPES, name).unwrap_or("is not supported")
}

fn find(known: &[Known], name: &str) -> Option<&'static str> {
    known.iter().find(|(names, _)| names.contains(&name)).map(|(_, words)| *words)
}

#[cfg(test)]
mod tests {
    use super::{ALGORITHMS, KEY_TYPES, algorithm};
    use crate::{Algorithm, Family, Refusal, SkipReason};
    use std::collections::BTreeSet;

    #[test]
    fn name_is_known_once_and_not_supported() {
        let mut seen = BTreeSet::new();
        for name in ALGORITHMS.iter().chain(KEY_TYPES).flat_map(|(names, _)| *names) {
            assert!(seen.insert(*name), "{name} stands twice");
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
        for family in Family::all() {
            let name = format!("{} {}", family.key_type(), family.curve().unwrap_or_default());
            assert!(!seen.contains(name.as_str()), "{name}");
        }
    }

    #[test]
    fn message_says_what_a_name_stands_for() {
        let token = |name: &str| Refusal::AlgorithmUnknown { name: name.to_owned() }.to_string();
        assert!(
            token("Ed448").contains("\"Ed448\" is a registered signature algorithm (RFC 9864) that is not")
        );
        assert!(token("RSA-OAEP").contains("\"RSA-OAEP\" encrypts keys and signs nothing"));
        assert!(token("HS257").contains("\"HS257\" is no registered signature algorithm"));
        let key = |name: &str| SkipReason::KeyType(name.to_owned()).to_string();
        assert_eq!(key("OKP X25519"), "its key type \"OKP X25519\" is a key for encryption (RFC 8037)");
        assert_eq!(key("XYZ"), "its key type \"XYZ\" is not supported");
        let algorithm = SkipReason::Algorithm("ECDH-ES".to_owned()).to_string();
        assert!(algorithm.contains("\"ECDH-ES\" agrees on keys for encryption"), "{algorithm}");
    }

    #[test]
    fn name_is_told_from_what_it_resembles() {
        assert!(algorithm("Ed448").is_some_and(|words| words.contains("signature algorithm")));
        assert!(algorithm("RSA-OAEP").is_some_and(|words| words.contains("encrypts")));
        for unknown in ["", "ed448", "Ed448 ", "RS256", "RSA-OAEP-1"] {
            assert_eq!(algorithm(unknown), None, "{unknown:?}");
        }
    }
}
