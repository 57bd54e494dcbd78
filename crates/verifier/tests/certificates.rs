//! Roots that must vouch for the keys of an issuer: a key whose chain leads elsewhere, or nowhere, is not used.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where its set-up fails")]

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jwksmith_jose::SigningKey;
use jwksmith_testkit::{FakeIssuer, Reply, TestKey};
use jwksmith_verifier::{
    AccessClaims, Algorithm, Certificate, Clock as _, EventKind, Policy, SystemClock, TrustedIssuer, Verifier,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};

const AUDIENCE: &str = "https://api.example/";

/// An authority that certifies keys.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn root(&self) -> Certificate {
        Certificate::from_der(self.0.der()).unwrap()
    }

    /// A key, and the JWK that carries its certificate.
    fn certified(&self, kid: &str) -> (SigningKey, Value) {
        let pair = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, kid);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let certificate = params.signed_by(&pair, &self.0).unwrap();
        let key = SigningKey::from_private(Algorithm::ES256, &pair.serialize_der().into()).unwrap();
        let mut jwk = serde_json::to_value(key.public_jwk(kid).unwrap()).unwrap();
        jwk["x5c"] = json!([STANDARD.encode(certificate.der())]);
        (key, jwk)
    }
}

fn plain(kid: &str) -> (SigningKey, Value) {
    let private = SigningKey::generate(Algorithm::ES256).unwrap();
    let key = SigningKey::from_private(Algorithm::ES256, &private).unwrap();
    let jwk = serde_json::to_value(key.public_jwk(kid).unwrap()).unwrap();
    (key, jwk)
}

fn verifier(issuer: &FakeIssuer, roots: Vec<Certificate>) -> Verifier {
    let policy = Policy::new(issuer.issuer(), AUDIENCE, [Algorithm::ES256]).unwrap();
    Verifier::builder(TrustedIssuer::new(policy).certificate_roots(roots)).build().unwrap()
}

async fn verdict(verifier: &Verifier, issuer: &FakeIssuer, key: &SigningKey, kid: &str) -> &'static str {
    let claims = TestKey::claims(issuer.issuer(), AUDIENCE, SystemClock::new().now());
    let token = key.sign_token(Some(kid), "at+jwt", &claims).unwrap();
    verifier.verify::<AccessClaims>(&token).await.map_or_else(|error| error.code(), |_| "ok")
}

#[tokio::test]
async fn only_keys_that_a_given_root_vouches_for_are_used() {
    let issuer = FakeIssuer::start().await;
    let (own, foreign) = (Authority::new("own"), Authority::new("foreign"));
    let (good, other, bare) = (own.certified("good"), foreign.certified("other"), plain("bare"));
    issuer.serve(FakeIssuer::KEY_SET, Reply::json(&json!({ "keys": [&good.1, &other.1, &bare.1] })));

    let strict = verifier(&issuer, vec![own.root()]);
    assert_eq!(verdict(&strict, &issuer, &good.0, "good").await, "ok");
    assert_eq!(verdict(&strict, &issuer, &other.0, "other").await, "kid_unknown");
    assert_eq!(verdict(&strict, &issuer, &bare.0, "bare").await, "kid_unknown");

    let both = verifier(&issuer, vec![foreign.root(), own.root()]);
    assert_eq!(verdict(&both, &issuer, &good.0, "good").await, "ok");
    assert_eq!(verdict(&both, &issuer, &other.0, "other").await, "ok");

    let policy = Policy::new(issuer.issuer(), AUDIENCE, [Algorithm::ES256]).unwrap();
    let trusting = Verifier::new(policy).unwrap();
    assert_eq!(verdict(&trusting, &issuer, &bare.0, "bare").await, "ok", "without roots none is asked for");
}

#[tokio::test]
async fn set_that_no_root_vouches_for_never_replaces_a_good_one() {
    let issuer = FakeIssuer::start().await;
    let (own, foreign) = (Authority::new("own"), Authority::new("foreign"));
    let (good, other) = (own.certified("good"), foreign.certified("other"));
    let keys = |jwk: &Value| Reply::json(&json!({ "keys": [jwk] }));
    issuer.serve(FakeIssuer::KEY_SET, keys(&other.1));
    let strict = verifier(&issuer, vec![own.root()]);
    assert_eq!(verdict(&strict, &issuer, &good.0, "good").await, "key_set_unvouched");

    let strict = Arc::new(verifier(&issuer, vec![own.root()]));
    issuer.serve(FakeIssuer::KEY_SET, keys(&good.1));
    assert_eq!(verdict(&strict, &issuer, &good.0, "good").await, "ok");
    let mut events = strict.subscribe();
    issuer.serve(FakeIssuer::KEY_SET, keys(&other.1));
    assert_eq!(strict.refresh(issuer.issuer()).await.unwrap_err().cause.code(), "key_set_unvouched");
    assert!(matches!(events.next().await.unwrap().kind, EventKind::OutageBegan { .. }));
    assert_eq!(verdict(&strict, &issuer, &good.0, "good").await, "ok");
}
