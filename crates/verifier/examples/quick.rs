#![allow(warnings)]
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use jwksmith_jose::{verify, verify_token, Algorithm, KeySet};
use jwksmith_testkit::{FakeIssuer, TestKey};
use jwksmith_verifier::*;
use serde_json::json;
const AUD: &str = "https://api.example/orders";
fn main() {
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    rt.block_on(run());
}
async fn run() {
    let issuer = FakeIssuer::start().await;
    let key = TestKey::generate(Algorithm::RS256, "b0PzQ3mT1rXw8LkVn5uYs");
    issuer.publish(&[&key]);
    let now = SystemClock::new().now();
    let claims = |n: usize| { let mut c = TestKey::claims(issuer.issuer(), AUD, now); c["jti"] = json!(format!("{n}")); c["permissions"] = json!((0..20).map(|i| format!("read:thing-{i}-{n}")).collect::<Vec<_>>()); c };
    let tokens: Vec<String> = (0..10_000).map(|n| key.sign(&claims(n))).collect();
    println!("token bytes {}", tokens[0].len());
    let policy = Policy::new(issuer.issuer(), AUD, [Algorithm::RS256]).unwrap();
    let keys = KeySet::parse(&serde_json::to_vec(&json!({"keys":[key.jwk()]})).unwrap()).unwrap();
    let plain = Arc::new(Verifier::new(policy.clone()).unwrap());
    plain.verify::<AccessClaims>(&tokens[0]).await.unwrap();
    let cached = Verifier::builder(policy.clone()).token_cache(TokenCacheSettings{ bytes_max: 64<<20, ..Default::default()}).build().unwrap();
    let mut diffs = vec![]; let mut base = vec![];
    for _ in 0..60 {
        let n = 300;
        let t = Instant::now(); for i in 0..n { black_box(verify::<AccessClaims>(black_box(&tokens[i]), &keys, &policy, now).unwrap()); } let a = t.elapsed()/n as u32;
        let t = Instant::now(); for i in 0..n { black_box(plain.verify::<AccessClaims>(black_box(&tokens[i])).await.unwrap()); } let b = t.elapsed()/n as u32;
        diffs.push(b.as_nanos() as i64 - a.as_nanos() as i64); base.push(a.as_nanos());
    }
    diffs.sort(); base.sort(); println!("jose {} ns, verifier adds {} ns (min {} max {})", base[30], diffs[30], diffs[0], diffs[59]);
    for live in [100usize, 10_000] {
        for t in &tokens[..live] { cached.verify_token(t).await.unwrap(); }
        let mut hits = vec![];
        for _ in 0..30 { let t = Instant::now(); let mut n=0u32; for i in (0..live).cycle().take(20_000) { black_box(cached.verify_token(black_box(&tokens[(i*7919)%live])).await.unwrap()); n+=1; } hits.push(t.elapsed().as_nanos()/n as u128); }
        hits.sort(); println!("hit with {live}: {} ns; 1/{:.1}; use {:?}", hits[15], base[30] as f64/hits[15] as f64, cached.token_cache());
    }
    // two threads
    let per = |threads: usize| { let t = Instant::now(); let hs: Vec<_> = (0..threads).map(|_| { let v = plain.clone(); let toks = tokens[..300].to_vec(); std::thread::spawn(move || { let mut n=0u64; let t=Instant::now(); while t.elapsed()<Duration::from_secs(1) { for x in &toks { black_box(v.try_verify::<AccessClaims>(x).unwrap()); n+=1; } } n as f64 / t.elapsed().as_secs_f64() }) }).collect(); hs.into_iter().map(|h| h.join().unwrap()).sum::<f64>() };
    for _ in 0..3 { let (one,two)=(per(1),per(2)); println!("one {one:.0}/s two {two:.0}/s ratio {:.2}", two/one); }
}
