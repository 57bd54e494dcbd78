//! The target `jwk`: one key in any form, private or public. A key that is read can be written in the forms that it has, read
//! again from each, and is the same key.

use jwksmith_jose::{
    Algorithm, AnyKey, Family, KeyError, KeyForm, KeySet, KeySetError, PrivateKey, PublicKey, PublishedKey,
    SkipReason, ThumbprintHash,
};

use crate::messages::is_fit_for_a_log;

/// Reads a key, and writes and reads it in every form.
pub fn jwk(input: &[u8]) {
    match AnyKey::read(input) {
        Ok(AnyKey::Private(key)) => private(&key, input),
        Ok(AnyKey::Public(key)) => public(&key, input),
        Ok(AnyKey::Certificate(certificate)) => {
            if let Ok(key) = PublicKey::from_certificate(&certificate) {
                is_one_key(&key);
            }
        }
        Err(error) => is_fit_for_a_log(&error.to_string()),
    }
}

fn private(key: &PrivateKey, input: &[u8]) {
    let mut forms = 0;
    for form in KeyForm::all() {
        match key.export(form) {
            Ok(written) => {
                forms += 1;
                let read = AnyKey::read(written.expose()).and_then(AnyKey::into_private);
                is_same_private(key, &read.expect("a written key can be read"), form);
            }
            Err(error) => is_fit_for_a_log(&error.to_string()),
        }
    }
    assert!(forms >= 1, "a key without a form");
    signs(key);
    match key.public_key() {
        Some(public) => {
            assert_eq!(thumbprints(|hash| public.thumbprint(hash)), thumbprints(|hash| key.thumbprint(hash)));
            is_one_key(&public);
        }
        None => assert_eq!(key.family(), Family::Secret),
    }
    if is_json(input) {
        is_never_published(input);
    }
}

fn is_same_private(key: &PrivateKey, read: &PrivateKey, form: KeyForm) {
    assert_eq!(key.family(), read.family(), "{}", form.name());
    assert_eq!(thumbprints(|hash| key.thumbprint(hash)), thumbprints(|hash| read.thumbprint(hash)));
    assert!(key.secret_bytes().expose() == read.secret_bytes().expose(), "another key from {}", form.name());
    if form == KeyForm::Jwk {
        assert_eq!(key.key_id(), read.key_id());
        assert_eq!(key.algorithm_name(), read.algorithm_name());
    }
}

/// It signs, and its public half agrees.
fn signs(key: &PrivateKey) {
    let named = key.algorithm_name().and_then(Algorithm::from_name);
    let algorithm = named.or_else(|| key.family().algorithms().next()).expect("every kind has one");
    let Ok(signing) = key.signing_key(algorithm) else {
        return assert_eq!(key.family(), Family::Secret, "a key that cannot sign");
    };
    let signature = signing.sign(b"a message").expect("it signs");
    let jwk = match key.public_key() {
        Some(public) => public.export(KeyForm::Jwk),
        None => key.export(KeyForm::Jwk).map(|secret| secret.expose().to_vec()),
    };
    let set =
        set_of(&jwk.expect("every key has this form"), KeySet::parse_local).expect("it is usable in a set");
    let mut keys = set.keys().iter();
    assert!(keys.any(|key| key.verifies(algorithm, b"a message", &signature)), "its own signature");
}

/// RFC 7517 §9.2: in a published set it is no key, but a disclosed one.
fn is_never_published(input: &[u8]) {
    match set_of(input, KeySet::parse) {
        // The set around it may make it too deep.
        Err(
            KeySetError::NoUsableKey { first: Some(SkipReason::PrivateMember(_)), .. } | KeySetError::Json(_),
        ) => {}
        other => panic!("a published private key is answered with {other:?}"),
    }
}

fn public(key: &PublicKey, input: &[u8]) {
    is_one_key(key);
    if is_json(input) {
        match set_of(input, KeySet::parse) {
            Ok(set) => {
                assert_eq!(set.keys().iter().map(PublishedKey::family).collect::<Vec<_>>(), [key.family()]);
            }
            // The set around it may make it too deep.
            Err(KeySetError::Json(_)) => {}
            Err(error) => panic!("a key by itself that is none in a set: {error}"),
        }
    }
}

fn is_one_key(key: &PublicKey) {
    for form in KeyForm::all() {
        match key.export(form) {
            Ok(written) => {
                let read =
                    AnyKey::read(&written).and_then(AnyKey::into_public).expect("a written key can be read");
                assert_eq!(
                    thumbprints(|hash| key.thumbprint(hash)),
                    thumbprints(|hash| read.thumbprint(hash))
                );
                assert_eq!(key.bits(), read.bits());
                assert!(form != KeyForm::Jwk || *key == read, "another key from its JWK");
            }
            Err(KeyError::FormUnavailable { .. }) => {}
            Err(error) => panic!("{} cannot be written: {error}", form.name()),
        }
    }
}

fn thumbprints(of: impl Fn(ThumbprintHash) -> jwksmith_jose::Thumbprint) -> Vec<String> {
    ThumbprintHash::ALL.into_iter().map(|hash| of(hash).uri()).collect()
}

fn is_json(input: &[u8]) -> bool {
    input.trim_ascii_start().starts_with(b"{")
}

fn set_of(jwk: &[u8], parse: fn(&[u8]) -> Result<KeySet, KeySetError>) -> Result<KeySet, KeySetError> {
    parse(&[br#"{"keys":["#, jwk, b"]}"].concat())
}
