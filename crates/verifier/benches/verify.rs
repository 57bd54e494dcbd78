//! What verifying a token costs beyond its signature: `cargo xtask bench`.
//!
//! One RS256 access token of about 900 bytes is verified over and over against a warm key set: by the crypto library alone
//! (a prepared key, the signing input, the signature), by `jose::verify`, and by `Verifier::verify`. The three take
//! turns within each round, so that whatever else the machine does hits all of them; what counts is each round's ratio.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark talks, and stops when its set-up fails"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwksmith_jose::{Algorithm, KeySet, verify};
use jwksmith_testkit::{FakeIssuer, ManualClock, TestKey};
use jwksmith_verifier::{AccessClaims, Clock as _, Policy, SystemClock, UnixTime, Verifier};
use serde_json::{Value, json};

const AUDIENCE: &str = "https://api.example/orders";
const ROUNDS: usize = 45;
/// How many verifications are timed at a stretch.
const BATCH: u32 = 300;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run());
}

async fn run() {
    let scene = Scene::new().await;
    scene.check().await;
    let mut ratios = [Vec::new(), Vec::new()];
    let mut raw_times = Vec::new();
    for _ in 0..ROUNDS {
        let raw = scene.time_raw();
        raw_times.push(raw);
        for (ratios, time) in ratios.iter_mut().zip([scene.time_jose(), scene.time_verifier().await]) {
            ratios.push(raw.as_secs_f64() / time.as_secs_f64());
        }
    }
    report(scene.token.len(), &mut raw_times, ratios);
}

fn report(token_bytes: usize, raw_times: &mut [Duration], ratios: [Vec<f64>; 2]) {
    raw_times.sort_unstable();
    let raw = raw_times[ROUNDS / 2] / BATCH;
    println!(
        "RS256, 2048 bits, a token of {token_bytes} bytes, {ROUNDS} rounds of {BATCH} verifications each"
    );
    println!("raw aws-lc-rs with a prepared key: {:.2} µs (median)\n", raw.as_secs_f64() * 1e6);
    println!("{:<20} {:>7} {:>7} {:>7}   ratio to raw, 1.00 is free", "", "median", "min", "max");
    for (name, mut ratios) in ["jose::verify", "Verifier::verify"].into_iter().zip(ratios) {
        ratios.sort_unstable_by(f64::total_cmp);
        println!("{name:<20} {:>7.3} {:>7.3} {:>7.3}", ratios[ROUNDS / 2], ratios[0], ratios[ROUNDS - 1]);
    }
}

struct Scene {
    token: String,
    raw_key: ParsedPublicKey,
    signature: Vec<u8>,
    keys: KeySet,
    policy: Policy,
    now: UnixTime,
    verifier: Verifier,
    _issuer: FakeIssuer,
}

impl Scene {
    async fn new() -> Self {
        let issuer = FakeIssuer::start().await;
        let key = TestKey::generate(Algorithm::RS256, "b0PzQ3mT1rXw8LkVn5uYs");
        issuer.publish(&[&key]);
        let now = SystemClock::new().now();
        let token = key.sign(&claims(issuer.issuer(), now));
        let policy = Policy::new(issuer.issuer(), AUDIENCE, [Algorithm::RS256]).unwrap();
        let clock = Arc::new(ManualClock::new(now));
        let jwk = serde_json::to_value(key.jwk()).unwrap();
        Self {
            raw_key: raw_key(&jwk),
            signature: decoded(token.rsplit('.').next().unwrap()),
            keys: KeySet::parse(&serde_json::to_vec(&json!({ "keys": [jwk] })).unwrap()).unwrap(),
            verifier: Verifier::builder(policy.clone()).clock(clock).build().unwrap(),
            token,
            policy,
            now,
            _issuer: issuer,
        }
    }

    /// All three must really verify, or their times mean nothing; this also warms the key set.
    async fn check(&self) {
        self.raw();
        self.jose();
        self.verifier.verify::<AccessClaims>(&self.token).await.unwrap();
    }

    fn raw(&self) {
        let (signing_input, _) = self.token.rsplit_once('.').unwrap();
        self.raw_key.verify_sig(black_box(signing_input).as_bytes(), &self.signature).unwrap();
    }

    fn jose(&self) {
        let verified = verify::<AccessClaims>(black_box(&self.token), &self.keys, &self.policy, self.now);
        black_box(verified.unwrap());
    }

    fn time_raw(&self) -> Duration {
        let begin = Instant::now();
        (0..BATCH).for_each(|_| self.raw());
        begin.elapsed()
    }

    fn time_jose(&self) -> Duration {
        let begin = Instant::now();
        (0..BATCH).for_each(|_| self.jose());
        begin.elapsed()
    }

    async fn time_verifier(&self) -> Duration {
        let begin = Instant::now();
        for _ in 0..BATCH {
            black_box(self.verifier.verify::<AccessClaims>(black_box(&self.token)).await.unwrap());
        }
        begin.elapsed()
    }
}

fn raw_key(jwk: &Value) -> ParsedPublicKey {
    let number = |name: &str| decoded(jwk[name].as_str().unwrap());
    let components = RsaPublicKeyComponents { n: number("n"), e: number("e") };
    components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).unwrap()
}

fn decoded(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// What a user's token of a large identity provider carries.
fn claims(issuer: &str, now: UnixTime) -> Value {
    json!({
        "iss": issuer,
        "sub": "auth0|6563c1e7a9f4d1b2c3d4e5f6",
        "aud": [AUDIENCE, format!("{issuer}userinfo")],
        "iat": now.as_seconds(),
        "exp": now.saturating_add(86_400).as_seconds(),
        "azp": "mXjVv8h0q3rT5yU7iO9pA1sD3fG5hJ7k",
        "scope": "openid profile email read:orders write:orders",
        "permissions": ["read:orders", "write:orders"],
    })
}
