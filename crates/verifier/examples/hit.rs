#![allow(warnings)]
use std::hint::black_box;
use std::time::{Duration, Instant};
use jwksmith_jose::Algorithm;
use jwksmith_testkit::{FakeIssuer, TestKey};
use jwksmith_verifier::*;
use serde_json::json;
const AUD: &str = "https://api.example/orders";
#[tokio::main(flavor="current_thread")]
async fn main() {
    let issuer = FakeIssuer::start().await;
    let key = TestKey::generate(Algorithm::ES256, "b0PzQ3mT1rXw8LkVn5uYs");
    issuer.publish(&[&key]);
    let now = SystemClock::new().now();
    let claims = |n: usize| { let mut c = TestKey::claims(issuer.issuer(), AUD, now); c["jti"] = json!(format!("{n}")); c["permissions"] = json!((0..10).map(|i| format!("read:thing-{i}-{n}")).collect::<Vec<_>>()); c };
    let live: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let tokens: Vec<String> = (0..live).map(|n| key.sign(&claims(n))).collect();
    let policy = Policy::new(issuer.issuer(), AUD, [Algorithm::ES256]).unwrap();
    let cached = Verifier::builder(policy.clone()).token_cache(TokenCacheSettings{ bytes_max: 64<<20, ..Default::default()}).build().unwrap();
    for t in &tokens[..live] { cached.verify_token(t).await.unwrap(); }
    let mut hits = vec![]; let mut syncs = vec![];
    for _ in 0..200 { let t = Instant::now(); let mut n=0u32; for i in (0..live).cycle().take(20_000) { black_box(cached.verify_token(black_box(&tokens[(i*7919)%live])).await.unwrap()); n+=1; } hits.push(t.elapsed().as_nanos()/n as u128);
     let t = Instant::now(); let mut n=0u32; for i in (0..live).cycle().take(20_000) { black_box(cached.try_verify_token(black_box(&tokens[(i*7919)%live])).unwrap()); n+=1; } syncs.push(t.elapsed().as_nanos()/n as u128); }
    hits.sort(); syncs.sort(); println!("{} bytes, hit with {live}: {} ns min {}; sync {} min {}", tokens[0].len(), hits[100], hits[0], syncs[100], syncs[0]);
    let c = SystemClock::new(); let t=Instant::now(); for _ in 0..1_000_000 { black_box(c.now()); black_box(c.monotonic()); } println!("clocks {} ns", t.elapsed().as_nanos()/1_000_000);
    println!("size VerifiedToken {} Refusal {} VerifyError {}", size_of::<VerifiedToken>(), size_of::<Refusal>(), size_of::<VerifyError>());
}
