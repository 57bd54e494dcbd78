//! Certificates: their facts, and chains that lead to a root or do not, each with its code (RFC 5280 §6.1).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a table row that cannot be built is a failed test"
)]

mod common;

use std::collections::BTreeSet;

use common::{
    ED25519, ML_DSA_65, NOW, P256, P384, P521, RSA_A, RSA_B, TestKey, codes, decode, digits, hex, key_set,
    member,
};
use jwksmith_jose::limits::X5C_CERTIFICATES_MAX;
use jwksmith_jose::{Certificate, ChainError, Family, KeySet, UnixTime, chain};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyUsagePurpose,
    date_time_ymd,
};

/// What a certificate says, before it is signed.
type Change = fn(&mut CertificateParams);

fn parameters(subject: &str, change: Change) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, subject);
    parameters.not_before = date_time_ymd(2026, 1, 1);
    parameters.not_after = date_time_ymd(2028, 1, 1);
    parameters.serial_number = Some(vec![0x12, 0xab].into());
    change(&mut parameters);
    parameters
}

fn leaf(parameters: &mut CertificateParams) {
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
}

fn authority(parameters: &mut CertificateParams) {
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
}

fn pair(key: &TestKey) -> rcgen::KeyPair {
    rcgen::KeyPair::try_from(key.private.expose()).unwrap()
}

/// Issued by the authority of this name and key.
fn issued(subject: (&str, &TestKey), issuer: (&str, &TestKey), change: Change) -> Certificate {
    let above = parameters(issuer.0, authority);
    let above = Issuer::from_params(&above, pair(issuer.1));
    let der = parameters(subject.0, change).signed_by(&pair(subject.1), &above).unwrap();
    Certificate::from_der(der.der()).unwrap()
}

fn root() -> Certificate {
    issued(("root", &P384), ("root", &P384), authority)
}

fn middle(change: Change) -> Certificate {
    issued(("middle", &RSA_A), ("root", &P384), change)
}

/// A leaf under [`middle`].
fn end(change: Change) -> Certificate {
    issued(("leaf", &P256), ("middle", &RSA_A), change)
}

/// A certificate with bytes replaced by others of the same length, which spoils its signature.
fn altered(certificate: &Certificate, from: &str, to: &str) -> Certificate {
    let (from, to) = (hex(from), hex(to));
    let mut der = certificate.der().to_vec();
    let places: Vec<_> = (0..der.len() - from.len()).filter(|at| der[*at..].starts_with(&from)).collect();
    assert!(!places.is_empty());
    for at in places {
        der[at..at + to.len()].copy_from_slice(&to);
    }
    Certificate::from_der(&der).unwrap()
}

type Row = (&'static str, Vec<Certificate>, Option<&'static str>);

fn good_chains() -> Vec<Row> {
    let mut rows = vec![
        ("a leaf, an authority, and the root outside", vec![end(leaf), middle(authority)], None),
        ("the root in the chain", vec![end(leaf), middle(authority), root()], None),
        ("a leaf without key usage", vec![end(|_| {}), middle(authority)], None),
        (
            "an authority that allows none below, and none is",
            vec![
                end(leaf),
                middle(|parameters| {
                    authority(parameters);
                    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
                }),
            ],
            None,
        ),
        (
            "what comes after the root does not matter",
            vec![end(leaf), middle(authority), root(), end(leaf)],
            None,
        ),
    ];
    for key in [&*RSA_B, &*P256, &*P521, &*ED25519] {
        rows.push(("a leaf of each kind", vec![issued(("leaf", key), ("root", &P384), leaf)], None));
    }
    rows
}

fn bad_links() -> Vec<Row> {
    let sha1 = |certificate| altered(&certificate, "2a864886f70d01010b", "2a864886f70d010105");
    let stranger = issued(("stranger", &P521), ("stranger", &P521), authority);
    let mut endless = vec![end(leaf)];
    endless.resize(X5C_CERTIFICATES_MAX + 1, middle(authority));
    vec![
        ("no certificate", vec![], Some("chain_length")),
        ("one too many", endless, Some("chain_length")),
        ("no authority between", vec![end(leaf)], Some("chain_untrusted")),
        (
            "another root",
            vec![issued(("leaf", &P256), ("stranger", &P521), leaf), stranger],
            Some("chain_untrusted"),
        ),
        (
            "a leaf that signed itself",
            vec![issued(("leaf", &P256), ("leaf", &P256), leaf)],
            Some("chain_untrusted"),
        ),
        ("the order turned", vec![middle(authority), end(leaf)], Some("chain_key_usage")),
        ("a link left out", vec![end(leaf), root()], Some("chain_name")),
        (
            "signed by another of that name",
            vec![issued(("leaf", &P256), ("middle", &RSA_B), leaf), middle(authority)],
            Some("chain_signature"),
        ),
        (
            "the root's name on another key",
            vec![issued(("leaf", &P256), ("root", &RSA_B), leaf)],
            Some("chain_signature_algorithm"),
        ),
        (
            "the root's name on another key of its kind",
            vec![altered(&issued(("leaf", &P256), ("root", &P384), leaf), "6c656166", "6c656165")],
            Some("chain_signature"),
        ),
        (
            "a leaf signed with SHA-1",
            vec![sha1(end(leaf)), middle(authority)],
            Some("chain_signature_algorithm"),
        ),
        (
            "two algorithms named",
            vec![one_place(&end(leaf)), middle(authority)],
            Some("chain_signature_algorithm"),
        ),
    ]
}

/// The inner algorithm changed, the outer one not.
fn one_place(certificate: &Certificate) -> Certificate {
    let mut der = certificate.der().to_vec();
    let oid = hex("2a864886f70d01010b");
    let at = (0..der.len()).find(|at| der[*at..].starts_with(&oid)).unwrap();
    der[at + oid.len() - 1] = 0x0c;
    Certificate::from_der(&der).unwrap()
}

fn bad_certificates() -> Vec<Row> {
    let with_end = |change| vec![end(change), middle(authority)];
    let with_middle = |change| vec![end(leaf), middle(change)];
    let below = issued(("lower", &RSA_B), ("middle", &RSA_A), authority);
    let three = vec![
        issued(("leaf", &P256), ("lower", &RSA_B), leaf),
        below,
        middle(|parameters| {
            authority(parameters);
            parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        }),
    ];
    vec![
        (
            "an expired leaf",
            with_end(|parameters| parameters.not_after = date_time_ymd(2027, 1, 1)),
            Some("chain_not_valid_now"),
        ),
        (
            "a leaf of tomorrow",
            with_end(|parameters| parameters.not_before = date_time_ymd(2027, 2, 1)),
            Some("chain_not_valid_now"),
        ),
        (
            "an expired authority",
            with_middle(|parameters| {
                authority(parameters);
                parameters.not_after = date_time_ymd(2027, 1, 1);
            }),
            Some("chain_not_valid_now"),
        ),
        ("an authority that is none", with_middle(leaf), Some("chain_not_authority")),
        (
            "an authority that says so",
            with_middle(|parameters| parameters.is_ca = IsCa::ExplicitNoCa),
            Some("chain_not_authority"),
        ),
        (
            "an authority that may not sign",
            with_middle(|parameters| {
                authority(parameters);
                parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            }),
            Some("chain_key_usage"),
        ),
        (
            "a leaf that may not sign",
            with_end(|parameters| parameters.key_usages = vec![KeyUsagePurpose::KeyEncipherment]),
            Some("chain_key_usage"),
        ),
        ("more authorities than allowed", three, Some("chain_path_length")),
        (
            "a critical extension",
            with_end(|parameters| {
                let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 1], vec![5, 0]);
                extension.set_criticality(true);
                parameters.custom_extensions.push(extension);
            }),
            Some("chain_critical_extension"),
        ),
        (
            "an extension twice",
            with_end(|parameters| {
                leaf(parameters);
                let usage = CustomExtension::from_oid_content(&[2, 5, 29, 15], vec![3, 2, 7, 128]);
                parameters.custom_extensions.push(usage);
            }),
            Some("chain_extension"),
        ),
        ("a key that nobody should use", vec![small_order(), root()], Some("chain_key")),
    ]
}

/// An Ed25519 point of small order, under which anybody can sign.
fn small_order() -> Certificate {
    let certificate = issued(("leaf", &ED25519), ("root", &P384), leaf);
    let key = decode(&member(&ED25519.jwk(), "x"));
    altered(&certificate, &digits(&key), &"00".repeat(32))
}

fn answer(chain: &[Certificate]) -> Result<(), ChainError> {
    chain::verify(chain, &[root()], UnixTime::from_seconds(NOW))
}

fn check(rows: Vec<Row>) -> BTreeSet<&'static str> {
    for (what, chain, expected) in &rows {
        let answer = answer(chain);
        assert_eq!(answer.as_ref().err().map(ChainError::code), *expected, "{what}: {answer:?}");
        let message = answer.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(message.len() < 200, "{what}: {message}");
    }
    rows.into_iter().filter_map(|(.., code)| code).collect()
}

#[test]
fn chain_that_leads_to_a_root_is_trusted() {
    check(good_chains());
}

#[test]
fn chain_with_a_bad_link_is_refused() {
    check(bad_links());
}

#[test]
fn chain_with_a_bad_certificate_is_refused() {
    check(bad_certificates());
}

#[test]
fn tables_meet_every_documented_code() {
    let met = check([bad_links(), bad_certificates()].into_iter().flatten().collect());
    codes::check_coverage(&met, "ChainError");
}

#[test]
fn chain_without_any_root_is_refused() {
    let chain = [end(leaf), middle(authority), root()];
    let error = chain::verify(&chain, &[], UnixTime::from_seconds(NOW)).unwrap_err();
    assert_eq!(error, ChainError::Untrusted { issuer: "CN=root".to_owned() });
}

#[test]
fn issuer_of_an_untrusted_chain_is_named_in_printable_words() {
    let check = |name: &str, words: &str| {
        let error = answer(&[issued(("leaf", &P256), (name, &RSA_A), leaf)]).unwrap_err();
        let expected = format!("no trusted root has issued the chain: give the root of \"{words}\"");
        assert_eq!(error.to_string(), expected);
    };
    check("middle", "CN=middle");
    check("a\u{85}b\u{202e}c", "CN=a\\u{85}b\\u{202e}c");
    check(&"x".repeat(1000), &format!("CN={}…", "x".repeat(61)));
}

#[test]
fn copy_of_a_root_does_not_allow_more_than_the_root() {
    let check = |what: &str, change: Change, chain: &[Certificate], expected: Option<&str>| {
        let roots = [issued(("root", &P384), ("root", &P384), change)];
        let answer = chain::verify(chain, &roots, UnixTime::from_seconds(NOW));
        assert_eq!(answer.as_ref().err().map(ChainError::code), expected, "{what}: {answer:?}");
    };
    // The key and the name are the root's; the rest, and the signature, are whatever its maker liked.
    let copy = altered(&root(), "12ab", "12ac");
    let under_copy = [end(leaf), middle(authority), copy];
    let expired: Change = |parameters| {
        authority(parameters);
        parameters.not_after = date_time_ymd(2027, 1, 1);
    };
    let none_below: Change = |parameters| {
        authority(parameters);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    };
    check("a good root", authority, &under_copy, None);
    check("an expired root", expired, &under_copy, Some("chain_not_valid_now"));
    check("a root for leaves only", none_below, &under_copy, Some("chain_path_length"));
    check("a root that is no authority", leaf, &under_copy, Some("chain_not_authority"));
    let signing: Change = |parameters| {
        authority(parameters);
        parameters.key_usages.push(KeyUsagePurpose::DigitalSignature);
    };
    let itself = [issued(("root", &P384), ("root", &P384), signing)];
    check("the root itself", signing, &itself, None);
    check("a root that signs certificates only", authority, &itself, Some("chain_key_usage"));
    // The same without a copy.
    let alone = &under_copy[..2];
    check("an expired root", expired, alone, Some("chain_not_valid_now"));
    check("a root for leaves only", none_below, alone, Some("chain_path_length"));
    check("a root that is no authority", leaf, alone, Some("chain_not_authority"));
}

/// A certificate of the first second of 2026 to the first of 2028.
#[test]
fn times_of_a_certificate_are_its_first_and_last_second() {
    let (first, last) = (1_767_225_600, 1_830_297_600);
    let certificate = root();
    assert_eq!((certificate.not_before().as_seconds(), certificate.not_after().as_seconds()), (first, last));
    for (now, valid) in [(first - 1, false), (first, true), (last, true), (last + 1, false)] {
        assert_eq!(certificate.is_valid_at(UnixTime::from_seconds(now)), valid, "{now}");
    }
}

#[test]
fn facts_of_a_certificate_are_what_it_says() {
    let facts = |certificate: &Certificate| {
        let names = (certificate.subject().to_owned(), certificate.issuer());
        let key = (certificate.key_family(), certificate.key_bits());
        (names, key, certificate.signature_algorithm(), certificate.is_self_signed())
    };
    let names = |subject: &str, issuer: &str| (format!("CN={subject}"), format!("CN={issuer}"));
    assert_eq!(
        facts(&root()),
        (names("root", "root"), (Family::P384, 384), "ECDSA with SHA-384".to_owned(), true)
    );
    assert_eq!(
        facts(&middle(authority)),
        (names("middle", "root"), (Family::Rsa, 2048), "ECDSA with SHA-384".to_owned(), false)
    );
    assert_eq!(
        facts(&end(leaf)),
        (names("leaf", "middle"), (Family::P256, 256), "RSA with SHA-256".to_owned(), false)
    );
    assert_eq!(root().serial(), "12AB");
    // A name that is its own issuer's is no proof.
    assert!(!issued(("root", &P384), ("root", &RSA_A), authority).is_self_signed());
}

#[test]
fn chain_of_a_key_set_can_be_verified() {
    let chain = [end(leaf), middle(authority)];
    let x5c = |certificates: &[&str]| {
        let texts: Vec<String> = certificates.iter().map(|text| format!("{text:?}")).collect();
        format!("[{}]", texts.join(","))
    };
    let [first, second] = [chain[0].x5c(), chain[1].x5c()];
    let published = |raw: &str| {
        let set = key_set(&[P256.jwk_with(&[("x5c", raw)])]);
        KeySet::parse(set.as_bytes()).unwrap().keys()[0].certificate().unwrap().chain()
    };
    let code = |raw: &str| answer(&published(raw).unwrap()).err().map(|error| error.code());
    assert_eq!(published(&x5c(&[&first, &second])).unwrap(), chain);
    assert_eq!(code(&x5c(&[&first, &second])), None);
    assert_eq!(code(&x5c(&[&first])), Some("chain_untrusted"));
    assert_eq!(code(&x5c(&[&first, "not base64"])), Some("chain_untrusted"));
    assert!(published(&x5c(&[&first, "AAAA"])).is_err());
}

#[test]
fn certificates_of_a_pem_file_are_read_together() {
    use base64::Engine as _;
    let pem = |certificate: &Certificate| {
        let body = base64::engine::general_purpose::STANDARD.encode(certificate.der());
        format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
    };
    let chain = [end(leaf), middle(authority), root()];
    let text: String = chain.iter().map(pem).collect();
    assert_eq!(Certificate::all_from_pem(&text).unwrap(), chain);
    let key = text.replacen("CERTIFICATE", "PRIVATE KEY", 2);
    assert_eq!(Certificate::all_from_pem(&key).err().map(|error| error.code()), Some("key_pem_label"));
}

/// Made by `openssl req -x509 -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32`.
const PSS: &str = "\
    MIIDZTCCAhmgAwIBAgIUBki6OBm/N7qLlAMaYNJDNx03fmAwQQYJKoZIhvcNAQEKMDSgDzANBglghkgBZQMEAgEFAKEcMBoG \
    CSqGSIb3DQEBCDANBglghkgBZQMEAgEFAKIDAgEgMA4xDDAKBgNVBAMMA3BzczAeFw0yNjExMjUxMzMyNTFaFw0zNjExMjIx \
    MzMyNTFaMA4xDDAKBgNVBAMMA3BzczCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAJgH9xiLjhnTNLAGMXzgGSpz \
    y64JJjJe3A9/H1KFGgLaFuV8yodYFofiyjdhT0ldYn9XBHKk852JHD4yNyOBcznoe18UvHogl8Qek0WP5R4La1gjEkoL2g2Z \
    kYdQGTh+q53+XHiD/sSwIU1Xyo1jVv3dxOygB3Komk9tjI3t9G8e0zOoJEuGZa3Ot7Fnd6/TW7ohZptT3bxzLNPx0ZOHczeT \
    86Ik5xkQIO9LSZVoTWiEVafHNNO54PhZkyXCjfLPOK8eh6o1Uv6mTcH0xm3lSSKME3/FL3ga7mdRjr+4cNJnAp5VCNSmDg1x \
    isi/tqkGcgcHmIkLmIK4JG+5MfwEqRkCAwEAAaNTMFEwHQYDVR0OBBYEFIL1L66j3gLD8Cno9xj64uaxm3i6MB8GA1UdIwQY \
    MBaAFIL1L66j3gLD8Cno9xj64uaxm3i6MA8GA1UdEwEB/wQFMAMBAf8wQQYJKoZIhvcNAQEKMDSgDzANBglghkgBZQMEAgEF \
    AKEcMBoGCSqGSIb3DQEBCDANBglghkgBZQMEAgEFAKIDAgEgA4IBAQAlJyx2j7eIEUnHu/bZyzqwKO2VPYVQ9+/lPnAWDW4d \
    R6I+PAoBgXbodJyAmip1+e/lFDkrtwqLA7VVbedtJpy7aqZ4YfS2V0vM6d8zo/jay1/pbxkX9iPhP/johPt5HQKEROlSgHf3 \
    E0uh2PtNEvIKetUxkvuS8KBPHC3f/k88V+grkfX3nl0mMQDI/ZBEhgEQWq0G/eCrZmHgqBjrDg8hcT01dmRDNsG3evbYTrTy \
    0nYzHrl+4tKTTihJPwBLzEfDnXtMaKAWbImVOchEpqXOWjCisyi+hXJnxUkxHXCICYz5ofG3rh3aXpDzTwrVnKv6s20omvrS \
    f4JZFMTg3INu";

/// The same with a salt of 20 bytes, which does not go with SHA-256.
const PSS_SHORT_SALT: &str = "\
    MIIDWzCCAhSgAwIBAgIUPCln8FtlaFdNyocOkbZ8q0L4+7kwPAYJKoZIhvcNAQEKMC+gDzANBglghkgBZQMEAgEFAKEcMBoG \
    CSqGSIb3DQEBCDANBglghkgBZQMEAgEFADAOMQwwCgYDVQQDDANwc3MwHhcNMjYxMTI1MTMzMjUxWhcNMzYxMTIyMTMzMjUx \
    WjAOMQwwCgYDVQQDDANwc3MwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQCYB/cYi44Z0zSwBjF84Bkqc8uuCSYy \
    XtwPfx9ShRoC2hblfMqHWBaH4so3YU9JXWJ/VwRypPOdiRw+MjcjgXM56HtfFLx6IJfEHpNFj+UeC2tYIxJKC9oNmZGHUBk4 \
    fqud/lx4g/7EsCFNV8qNY1b93cTsoAdyqJpPbYyN7fRvHtMzqCRLhmWtzrexZ3ev01u6IWabU928cyzT8dGTh3M3k/OiJOcZ \
    ECDvS0mVaE1ohFWnxzTTueD4WZMlwo3yzzivHoeqNVL+pk3B9MZt5UkijBN/xS94Gu5nUY6/uHDSZwKeVQjUpg4NcYrIv7ap \
    BnIHB5iJC5iCuCRvuTH8BKkZAgMBAAGjUzBRMB0GA1UdDgQWBBSC9S+uo94Cw/Ap6PcY+uLmsZt4ujAfBgNVHSMEGDAWgBSC \
    9S+uo94Cw/Ap6PcY+uLmsZt4ujAPBgNVHRMBAf8EBTADAQH/MDwGCSqGSIb3DQEBCjAvoA8wDQYJYIZIAWUDBAIBBQChHDAa \
    BgkqhkiG9w0BAQgwDQYJYIZIAWUDBAIBBQADggEBAFfBMhJJLaH/JqSCeVeK57/gWN93WkxDNwO3JT6SN/qqPaSICLhNO7wF \
    xgKnp/ueSvo5fr4Pei6Vxr4bzrSDSFy/BAxRyDkC64lKlpiuDpyuvLTVGVpmNoHq98wVu9rG4TgbT1nrMgB9BGxlXpUgODRY \
    1MaV6LFMERAa9YFRa+GiI9On8ztyAt9bjpQs8KxHXzcCwlh0SdpGWlncySFPDdK8C13e/7UXnrlGnhv9Zn0Q+gypN+Rm8RQf \
    BdiyYnQZRhYOFitQWTRCRcHlNVYF4/KWI6xxPOC2/m8PNWzofkMjyw1aWV9eLyqCAy46cjdRmaqTUnIrQ07z8oh/IvwFY2g=";

#[test]
fn certificate_signed_with_rsa_pss_is_checked() {
    use base64::Engine as _;
    let read = |base64: &str| {
        let base64: String = base64.split_whitespace().collect();
        let der = base64::engine::general_purpose::STANDARD.decode(base64).unwrap();
        Certificate::from_der(&der).unwrap()
    };
    let (good, short_salt) = (read(PSS), read(PSS_SHORT_SALT));
    assert_eq!((good.signature_algorithm(), good.is_self_signed()), ("RSA-PSS".to_owned(), true));
    assert!(!short_salt.is_self_signed());
    let other_hash = altered(&good, "608648016503040201", "608648016503040202");
    assert!(!other_hash.is_self_signed());
}

/// ML-DSA certificates (RFC 9881) are not made by the library of these tests; the crypto library checks their signatures.
#[test]
fn key_that_no_certificate_is_for_belongs_to_none() {
    assert!(!ML_DSA_65.signing.belongs_to(&root()));
    assert!(P384.signing.belongs_to(&root()));
}
