//! What the corpora must reach, because a target that accepts nothing finds nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use jwksmith_jose::{AnyKey, Family, KeySet, Token, chain, lint, verify};
use serde::de::IgnoredAny;

use crate::certificate::{ROOT, in_der};
use crate::claims::signed;
use crate::fixed::{DEMANDS, NOW, SIGNERS, signers};
use crate::token::{parts, signed_parts};
use crate::tree::{Strictness, Tree};

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

#[test]
fn claims_satisfy_every_policy() {
    let (inputs, keys) = (corpus("claims"), signers());
    for (index, demand) in DEMANDS.iter().enumerate() {
        let is_accepted = |input: &Vec<u8>| {
            verify::<IgnoredAny>(&signed(demand, input), &keys, &demand.policy, NOW).is_ok()
        };
        assert!(inputs.iter().any(is_accepted), "policy {index}: {:?}", demand.policy);
    }
}

#[test]
fn tokens_are_signed_by_every_signer_and_accepted() {
    let (inputs, keys) = (corpus("token"), signers());
    let texts = inputs.iter().filter_map(|input| str::from_utf8(input).ok());
    let tokens: Vec<_> =
        texts.filter_map(parts).map(|(header, claims)| signed_parts(header, claims)).collect();
    for signer in &*SIGNERS {
        let is_accepted = |token: &String| {
            let is_its_own =
                Token::parse(token).is_ok_and(|read| read.header().algorithm() == signer.algorithm);
            let accepts = |demand: &crate::fixed::Demand| {
                verify::<IgnoredAny>(token, &keys, &demand.policy, NOW).is_ok()
            };
            is_its_own && DEMANDS.iter().any(accepts)
        };
        assert!(tokens.iter().any(is_accepted), "{}", signer.algorithm);
    }
}

#[test]
fn keys_of_every_kind_are_read() {
    let (mut private, mut public) = (Vec::new(), Vec::new());
    for input in corpus("jwk") {
        match AnyKey::read(&input) {
            Ok(AnyKey::Private(key)) => private.push(key.family()),
            Ok(AnyKey::Public(key)) => public.push(key.family()),
            _ => {}
        }
    }
    for family in Family::all() {
        assert!(private.contains(&family), "no private key of the kind {family}");
        assert!(public.contains(&family) || family == Family::Secret, "no public key of the kind {family}");
    }
}

#[test]
fn key_sets_have_several_keys_and_skip_some() {
    let sets: Vec<_> = corpus("key_set").iter().filter_map(|input| KeySet::parse_local(input).ok()).collect();
    assert!(sets.iter().any(|set| set.keys().len() > 2 && !set.skipped().is_empty()));
    assert!(sets.iter().any(|set| set.keys().iter().any(|key| key.certificate().is_some())));
}

#[test]
fn documents_break_half_of_the_rules() {
    let documents = corpus("lint");
    let found =
        documents.iter().flat_map(|input| [lint::key_set(input, NOW), lint::discovery(input)].concat());
    let broken: BTreeSet<_> = found.map(|finding| finding.rule.code).collect();
    assert!(broken.len() * 2 >= lint::rules().count(), "only {}: {broken:?}", broken.len());
}

#[test]
fn certificates_lead_to_the_root() {
    let chains: Vec<_> = corpus("certificate").iter().map(|input| in_der(input)).collect();
    let is_trusted = |chain: &Vec<_>| chain::verify(chain, std::slice::from_ref(&*ROOT), NOW).is_ok();
    assert!(chains.iter().any(|chain| chain.len() > 1 && is_trusted(chain)));
}

#[test]
fn texts_are_refused_for_every_reason() {
    let trees: Vec<_> =
        corpus("json").iter().filter_map(|input| serde_json::from_slice::<Tree>(input).ok()).collect();
    let reasons: BTreeSet<_> = trees.iter().flat_map(Tree::reasons).collect();
    assert_eq!(reasons, BTreeSet::from(Strictness::ALL));
    assert!(trees.iter().any(|tree| tree.reasons().is_empty()));
}
