//! The fixed part of every run: time, keys and policies. Nothing is random here, so that a finding can be seen again.
//!
//! The keys are those of RFC 7515 A.1 to A.3 and RFC 8037 A.1, which everybody knows.

use std::sync::LazyLock;

use jwksmith_jose::{Algorithm, AnyKey, KeySet, Policy, PolicyError, Profile, SigningKey, UnixTime};

pub(crate) const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);
pub(crate) const ISSUER: &str = "https://tenant.example/";
pub(crate) const AUDIENCE: &str = "https://api.example/";

const SECRET: &str = r#"{"kty":"oct","kid":"secret","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
const ED25519: &str =
    r#"{"kty":"OKP","crv":"Ed25519","kid":"ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const ED25519_PRIVATE: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;
const RSA: &str = r#"{"kty":"RSA","kid":"rsa","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#;
const P256: &str = r#"{"kty":"EC","crv":"P-256","kid":"p256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

/// The two keys that sign, read anew: a set that remembers no token's header.
pub(crate) fn signers() -> KeySet {
    KeySet::parse_local(format!(r#"{{"keys":[{SECRET},{ED25519}]}}"#).as_bytes()).unwrap()
}

/// Every key, and one that is skipped. The set is kept from one input to the next, as a server keeps it.
pub(crate) static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let set = format!(r#"{{"keys":[{SECRET},{ED25519},{RSA},{P256},{{"kty":"x","kid":"skipped"}}]}}"#);
    KeySet::parse_local(set.as_bytes()).unwrap()
});

/// An algorithm with its key, and the `kid` of that key.
pub(crate) struct Signer {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: &'static str,
    key: SigningKey,
}

impl Signer {
    fn new(algorithm: Algorithm, key_id: &'static str, jwk: &str) -> Self {
        let key = AnyKey::read(jwk.as_bytes()).and_then(AnyKey::into_private).unwrap();
        Self { algorithm, key_id, key: key.signing_key(algorithm).unwrap() }
    }

    pub(crate) fn signature(&self, signing_input: &str) -> Vec<u8> {
        self.key.sign(signing_input.as_bytes()).unwrap()
    }
}

/// The algorithms that are fast enough to sign every input with.
pub(crate) static SIGNERS: LazyLock<[Signer; 4]> = LazyLock::new(|| {
    [
        Signer::new(Algorithm::HS256, "secret", SECRET),
        Signer::new(Algorithm::HS384, "secret", SECRET),
        Signer::new(Algorithm::HS512, "secret", SECRET),
        Signer::new(Algorithm::EdDSA, "ed25519", ED25519_PRIVATE),
    ]
});

/// A policy, and what a token must be to have a chance.
pub(crate) struct Demand {
    pub(crate) policy: Policy,
    pub(crate) signer: &'static Signer,
    pub(crate) token_type: &'static str,
}

/// Each kind of token as it is demanded by itself, and with every setting that it has.
pub(crate) static DEMANDS: LazyLock<Vec<Demand>> = LazyLock::new(|| {
    let [hmac, .., eddsa] = &*SIGNERS;
    let all = Profile::all().flat_map(|profile| [demand(profile, hmac, Ok), demand(profile, hmac, further)]);
    let assertions =
        [demand(Profile::ClientAssertion, eddsa, Ok), demand(Profile::ClientAssertion, eddsa, further)];
    // A client assertion is never signed with HMAC.
    all.chain(assertions).flatten().collect()
});

fn demand(
    profile: Profile,
    signer: &'static Signer,
    settings: fn(Policy) -> Result<Policy, PolicyError>,
) -> Option<Demand> {
    let beside = |algorithm: &Algorithm| algorithm.is_symmetric() == signer.algorithm.is_symmetric();
    let policy = Policy::new(ISSUER, AUDIENCE, Algorithm::all().filter(beside)).unwrap();
    let policy = policy.profile(profile).ok()?;
    let token_type = match profile {
        Profile::Rfc9068AccessToken => "at+jwt",
        Profile::LogoutToken => "logout+jwt",
        _ => "JWT",
    };
    Some(Demand { policy: settings(policy).unwrap(), signer, token_type })
}

/// Every setting that the profile takes.
fn further(policy: Policy) -> Result<Policy, PolicyError> {
    let policy = policy.leeway(0)?.or_audience("second")?.claim("tenant", "a")?;
    let settings: [fn(Policy) -> Result<Policy, PolicyError>; 4] = [
        |policy| policy.scope("read"),
        |policy| policy.nonce("n-1"),
        |policy| policy.max_age(3600),
        |policy| policy.organization("Acme"),
    ];
    Ok(settings.into_iter().fold(policy, |policy, set| set(policy.clone()).unwrap_or(policy)))
}
