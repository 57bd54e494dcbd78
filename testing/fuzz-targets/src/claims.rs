//! The target `claims`: any bytes as the claims of a token that is in order otherwise, for every kind of token, read as
//! types of many shapes.

use std::collections::BTreeMap;
use std::fmt::Debug;

use jwksmith_jose::{AccessClaims, Memory, Verified, VerifiedToken, base64url_encode, verify, verify_in};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::agreement::judged;
use crate::fixed::{DEMANDS, Demand, NOW, signers};
use crate::messages::is_fit_for_a_log_about;
use crate::tree::{Caller, Tree};

/// Signs the bytes as claims, and judges them by every policy.
pub fn claims(input: &[u8]) {
    let keys = signers();
    for demand in &*DEMANDS {
        let (token, policy) = (signed(demand, input), &demand.policy);
        let Ok(kept) = judged(&token, &keys, policy) else { continue };
        assert_eq!(kept.claims_json().as_bytes(), input, "the claims are what was signed");
        is_read_alike(&kept, &token);
        let owned = verify::<AccessClaims>(&token, &keys, policy, NOW).map(Verified::into_claims);
        assert_eq!(owned, kept.claims(), "verified and kept");
        let mut memory = Memory::new();
        let borrowed = verify_in::<Caller<'_>>(&mut memory, &token, &keys, policy, NOW);
        assert_eq!(borrowed.map(Verified::into_claims), kept.claims(), "borrowed and kept");
    }
}

/// A token with these claims that is in order otherwise.
pub(crate) fn signed(demand: &Demand, claims: &[u8]) -> String {
    let Demand { signer, token_type, .. } = demand;
    let (algorithm, key_id) = (signer.algorithm.name(), signer.key_id);
    let header = format!(r#"{{"alg":"{algorithm}","kid":"{key_id}","typ":"{token_type}"}}"#);
    let signing_input = format!("{}.{}", base64url_encode(header), base64url_encode(claims));
    format!("{signing_input}.{}", base64url_encode(signer.signature(&signing_input)))
}

/// Whatever type a caller reads the claims as, it gets what `serde_json` would give it.
fn is_read_alike(kept: &VerifiedToken, token: &str) {
    is_read_alike_as::<AccessClaims>(kept, token);
    is_read_alike_as::<Caller<'_>>(kept, token);
    is_read_alike_as::<Tree>(kept, token);
    is_read_alike_as::<BTreeMap<String, String>>(kept, token);
    kept.claims::<IgnoredAny>().expect("nothing is wanted of the claims");
}

fn is_read_alike_as<'t, T: Deserialize<'t> + PartialEq + Debug>(kept: &'t VerifiedToken, token: &str) {
    let reference = serde_json::from_str::<T>(kept.claims_json());
    match kept.claims::<T>() {
        Ok(claims) => assert_eq!(Some(claims), reference.ok(), "read as something else"),
        Err(refusal) => {
            is_fit_for_a_log_about(&refusal.to_string(), token);
            assert!(reference.is_err(), "only serde_json finds that it fits: {refusal}");
        }
    }
}
