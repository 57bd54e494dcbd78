//! The target `key_set`: a key set as an issuer publishes it, and as the operator's own file. Each key is used or skipped, and
//! which one a token names follows from `kid` and algorithm alone.

use jwksmith_jose::limits::KEYS_MAX;
use jwksmith_jose::{
    Algorithm, Family, Fitness, KeySet, PublishedKey, Token, base64url_encode, chain, explain,
};

use crate::fixed::{DEMANDS, NOW};
use crate::messages::is_fit_for_a_log;

/// How many keys of a set are chosen by token: each choice looks at all of them.
const KEYS_CHOSEN_MAX: usize = 8;

/// Reads a key set both ways, and chooses its keys.
pub fn key_set(input: &[u8]) {
    let (published, local) = (KeySet::parse(input), KeySet::parse_local(input));
    for error in [published.as_ref().err(), local.as_ref().err()].into_iter().flatten() {
        is_fit_for_a_log(&error.to_string());
    }
    for set in [&published, &local].into_iter().flatten() {
        is_whole(set);
        set.keys().iter().take(KEYS_CHOSEN_MAX).for_each(|key| is_chosen_rightly(set, key));
    }
    match (&published, &local) {
        (Ok(published), Ok(local)) => differ_in_secrets_only(published, local),
        (Ok(_), Err(error)) => panic!("published, and no key set: {error}"),
        (Err(_), Ok(local)) => {
            assert!(local.keys().iter().all(|key| key.family() == Family::Secret), "one's own only");
        }
        (Err(_), Err(_)) => {}
    }
}

fn places(set: &KeySet) -> Vec<usize> {
    let usable = set.keys().iter().map(PublishedKey::index);
    let mut places: Vec<_> = usable.chain(set.skipped().iter().map(|key| key.index)).collect();
    places.sort_unstable();
    places
}

/// Each element is a key or has its reason.
fn is_whole(set: &KeySet) {
    let places = places(set);
    assert!(!set.keys().is_empty() && places.len() <= KEYS_MAX);
    assert_eq!(places, (0..places.len()).collect::<Vec<_>>());
    for skipped in set.skipped() {
        is_fit_for_a_log(&skipped.reason.to_string());
        assert!(skipped.key_id.as_deref().is_none_or(|key_id| set.knows(key_id)));
    }
    for key in set.keys() {
        assert!(key.key_id().is_none_or(|key_id| !key_id.is_empty() && set.knows(key_id)));
        assert!(key.algorithms().next().is_some(), "a key for no algorithm");
        if let Some(certificate) = key.certificate() {
            assert_eq!(certificate.key_family(), key.family());
            let chain = certificate.chain().unwrap_or_default();
            let _ = chain::verify(&chain, std::slice::from_ref(certificate), NOW)
                .map_err(|error| is_fit_for_a_log(&error.to_string()));
        }
    }
}

fn differ_in_secrets_only(published: &KeySet, local: &KeySet) {
    assert_eq!(places(published), places(local));
    let public = local.keys().iter().filter(|key| key.family() != Family::Secret);
    let names = |key: &PublishedKey| (key.index(), key.key_id().map(str::to_owned), key.family());
    assert_eq!(published.keys().iter().map(names).collect::<Vec<_>>(), public.map(names).collect::<Vec<_>>());
}

/// The key is chosen for each of its algorithms unless another one fits as well.
fn is_chosen_rightly(set: &KeySet, key: &PublishedKey) {
    for algorithm in key.algorithms() {
        let fits = |other: &&PublishedKey| {
            let is_named = key.key_id().is_none_or(|key_id| other.key_id() == Some(key_id));
            is_named && other.algorithms().any(|own| own == algorithm)
        };
        let fitting = set.keys().iter().filter(fits).count();
        let text = unsigned(algorithm, key.key_id());
        let token = Token::parse(&text).expect("the `kid` of a usable key may stand in a header");
        match set.select(token.header()) {
            Ok(chosen) => assert_eq!((chosen.index(), fitting), (key.index(), 1)),
            Err(refusal) => {
                assert!(fitting > 1, "the only key that fits: {refusal}");
                is_fit_for_a_log(&refusal.to_string());
            }
        }
        let considered = explain(&text, set, &DEMANDS.first().expect("there are some").policy, NOW).keys;
        let are = |fitness: &Fitness| considered.iter().filter(|key| key.fitness == *fitness).count();
        assert_eq!(considered.len(), places(set).len());
        assert_eq!(
            (are(&Fitness::Chosen), are(&Fitness::Ambiguous)),
            if fitting == 1 { (1, 0) } else { (0, fitting) }
        );
    }
}

fn unsigned(algorithm: Algorithm, key_id: Option<&str>) -> String {
    let alg = algorithm.name();
    let header = match key_id {
        Some(key_id) => format!(r#"{{"alg":"{alg}","kid":{}}}"#, serde_json::to_string(key_id).unwrap()),
        None => format!(r#"{{"alg":"{alg}"}}"#),
    };
    format!("{}.e30.AA", base64url_encode(header))
}
