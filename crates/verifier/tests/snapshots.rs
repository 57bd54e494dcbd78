//! Key sets that outlive their process: what a restart may start from, for how long, and what it must not take.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where its set-up fails")]

mod common;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{
    AUDIENCE, FLOOR, FRESH, NOW, STALE, cached, clock, key, policy, status, trusted, until, verdict,
};
use jwksmith_testkit::{FakeIssuer, ManualClock, Reply, TestKey};
use jwksmith_verifier::{
    Age, Clock as _, KeySource, SnapshotFolder, SnapshotStore, TrustedIssuer, UnixTime, Verifier,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// An issuer, and the folder in which processes that verify its tokens leave its key set to each other.
struct Scene {
    issuer: FakeIssuer,
    key: TestKey,
    folder: TempDir,
}

/// One of those processes. Each has a clock of its own, whose monotonic reading begins at zero.
struct Process {
    clock: Arc<ManualClock>,
    verifier: Verifier,
}

impl Scene {
    async fn new() -> Self {
        let (issuer, key) = (FakeIssuer::start().await, key("first"));
        issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&key])));
        Self { issuer, key, folder: tempfile::tempdir().unwrap() }
    }

    /// The folder after a process has saved its set at [`NOW`].
    async fn saved() -> Self {
        let scene = Self::new().await;
        let process = scene.process(NOW);
        assert_eq!(scene.verdict(&process).await, "ok");
        scene.until_saved("\"fetched_at\"").await;
        scene
    }

    fn process(&self, now: UnixTime) -> Process {
        self.process_of(trusted(&self.issuer), now)
    }

    fn process_of(&self, issuer: TrustedIssuer, now: UnixTime) -> Process {
        let clock = Arc::new(ManualClock::new(now));
        let store = Arc::new(SnapshotFolder::new(self.folder.path()).unwrap());
        let verifier = Verifier::builder(issuer).snapshots(store).clock(clock.clone()).build().unwrap();
        Process { clock, verifier }
    }

    async fn verdict(&self, process: &Process) -> &'static str {
        self.verdict_of(process, &self.key).await
    }

    async fn verdict_of(&self, process: &Process, key: &TestKey) -> &'static str {
        let token = key.access_token(self.issuer.issuer(), AUDIENCE, process.clock.now());
        verdict(&process.verifier, &token).await
    }

    fn file(&self) -> PathBuf {
        let mut entries = std::fs::read_dir(self.folder.path()).unwrap();
        let file = entries.next().unwrap().unwrap().path();
        assert!(entries.next().is_none(), "one file for one issuer");
        file
    }

    /// The saved set is written beside whoever was served.
    async fn until_saved(&self, text: &str) {
        let has = |path: &Path| {
            std::fs::read(path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text))
        };
        until(|| {
            let entries = std::fs::read_dir(self.folder.path()).unwrap();
            entries.filter_map(Result::ok).any(|entry| {
                entry.path().extension().is_some_and(|extension| extension == "jwks") && has(&entry.path())
            })
        })
        .await;
    }

    /// Writes the saved set again with another head.
    fn change_head(&self, change: impl FnOnce(&mut Value)) {
        let file = self.file();
        let text = std::fs::read_to_string(&file).unwrap();
        let (head, set) = text.split_once('\n').unwrap();
        let mut head = serde_json::from_str(head).unwrap();
        change(&mut head);
        std::fs::write(&file, format!("{head}\n{set}")).unwrap();
    }
}

#[tokio::test]
async fn restart_with_the_issuer_down_verifies() {
    let scene = Scene::saved().await;
    scene.issuer.unreachable().await;
    let process = scene.process(NOW.saturating_add(50));
    assert_eq!(scene.verdict(&process).await, "ok");
    let located = process.verifier.located(scene.issuer.issuer()).unwrap();
    assert_eq!(located.fetched_at, NOW, "a restart makes nothing younger");
    assert_eq!(located.in_use.place(), scene.issuer.url(FakeIssuer::KEY_SET));
    until(|| status(&process.verifier).failing.is_some()).await;
    assert_eq!(scene.verdict(&process).await, "ok");
    assert_eq!(scene.verdict_of(&process, &key("other")).await, "issuer_unreachable");
}

#[tokio::test]
async fn restart_refreshes_at_once_beside_whoever_is_served() {
    let scene = Scene::saved().await;
    let second = key("second");
    scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&second])));
    let process = scene.process(NOW.saturating_add(50));
    assert_eq!(status(&process.verifier).age, Age::Ahead);
    assert_eq!(scene.verdict(&process).await, "ok");
    until(|| status(&process.verifier).generation == 2).await;
    assert_eq!(scene.verdict(&process).await, "kid_unknown");
    assert_eq!(scene.verdict_of(&process, &second).await, "ok");
}

#[tokio::test]
async fn restart_asks_with_what_was_saved_of_the_entity_tag() {
    let scene = Scene::new().await;
    scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&scene.key])).etag("\"1\""));
    let process = scene.process(NOW);
    assert_eq!(scene.verdict(&process).await, "ok");
    scene.until_saved("\"etag\":\"\\\"1\\\"\"").await;
    let process = scene.process(NOW.saturating_add(FRESH));
    assert_eq!(scene.verdict(&process).await, "ok");
    assert_eq!(scene.issuer.confirmations(FakeIssuer::KEY_SET), 1);
    assert_eq!(scene.issuer.requests(FakeIssuer::DISCOVERY), 1, "its place is known");
}

#[tokio::test]
async fn saved_set_is_used_no_longer_than_the_settings_allow() {
    let scene = Scene::saved().await;
    scene.issuer.unreachable().await;
    for (age, expected) in [
        (0, "ok"),
        (FRESH + STALE - 1, "ok"),
        (FRESH + STALE, "issuer_unreachable"),
        (1_000_000_000, "issuer_unreachable"),
    ] {
        let process = scene.process(NOW.saturating_add(age));
        assert_eq!(scene.verdict(&process).await, expected, "{age} s");
    }
    // And it ages on in the later process.
    let process = scene.process(NOW.saturating_add(FRESH + STALE - 2));
    assert_eq!(scene.verdict(&process).await, "ok");
    process.clock.advance(1);
    assert_eq!(scene.verdict(&process).await, "ok");
    process.clock.advance(1);
    assert_eq!(scene.verdict(&process).await, "issuer_unreachable");
}

#[tokio::test]
async fn later_settings_bound_what_was_saved_under_earlier_ones() {
    let scene = Scene::saved().await;
    scene.issuer.unreachable().await;
    let shorter = jwksmith_verifier::CacheSettings {
        fresh_max: Duration::from_secs(20),
        stale_max: Duration::from_secs(30),
        ..common::cache_settings()
    };
    for (age, expected) in [(49, "ok"), (50, "issuer_unreachable")] {
        let issuer = trusted(&scene.issuer).cache(shorter.clone());
        let process = scene.process_of(issuer, NOW.saturating_add(age));
        assert_eq!(scene.verdict(&process).await, expected, "{age} s");
    }
}

#[tokio::test]
async fn evicted_key_stays_out_after_a_restart() {
    let scene = Scene::new().await;
    let second = key("second");
    scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&scene.key, &second])));
    let process = scene.process(NOW);
    assert_eq!(scene.verdict(&process).await, "ok");
    scene.until_saved("\"evicted\":[]").await;
    assert!(process.verifier.evict(scene.issuer.issuer(), "first"));
    scene.until_saved("\"evicted\":[\"").await;

    let process = scene.process(NOW.saturating_add(20));
    for _ in 0..2 {
        assert_eq!(scene.verdict(&process).await, "kid_unknown");
        assert_eq!(scene.verdict_of(&process, &second).await, "ok");
        // After a refresh by the later process, too.
        process.clock.advance(FRESH);
    }
}

#[tokio::test]
async fn successor_of_an_evicted_key_is_used_after_a_restart_too() {
    let scene = Scene::new().await;
    let process = scene.process(NOW);
    assert_eq!(scene.verdict(&process).await, "ok");
    scene.until_saved("\"evicted\":[]").await;
    assert!(process.verifier.evict(scene.issuer.issuer(), "first"));
    scene.until_saved("\"evicted\":[\"").await;
    let successor = key("first");
    scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&successor])).etag("\"successor\""));
    process.clock.advance(FLOOR);
    process.verifier.refresh(scene.issuer.issuer()).await.unwrap();
    assert_eq!(scene.verdict_of(&process, &successor).await, "ok");
    scene.until_saved("successor").await;
    scene.issuer.unreachable().await;
    let process = scene.process(NOW.saturating_add(20));
    assert_eq!(scene.verdict_of(&process, &successor).await, "ok");
    assert_ne!(scene.verdict(&process).await, "ok");
}

#[tokio::test]
async fn saved_set_that_cannot_be_trusted_is_not_used_and_the_issuer_is_asked() {
    type Tamper = fn(&Scene);
    let cases: [(&str, Tamper); 14] = [
        ("of another issuer", |scene| {
            scene.change_head(|head| head["issuer"] = "https://other.example/".into());
        }),
        ("from the future", |scene| {
            scene.change_head(|head| head["fetched_at"] = (NOW.as_seconds() + 1_000).into());
        }),
        ("of another version", |scene| scene.change_head(|head| head["version"] = 99.into())),
        ("of a source that is not configured", |scene| scene.change_head(|head| head["source"] = 1.into())),
        ("of another kind of source", |scene| scene.change_head(|head| head["jwks_uri"] = Value::Null)),
        ("from a place that may not be fetched", |scene| {
            scene.change_head(|head| head["jwks_uri"] = "http://other.example/".into());
        }),
        ("without a head", |scene| std::fs::write(scene.file(), r#"{"keys":[]}"#).unwrap()),
        ("empty", |scene| std::fs::write(scene.file(), "").unwrap()),
        ("garbage", |scene| std::fs::write(scene.file(), b"\x00\xff\n\xfe").unwrap()),
        ("cut off", |scene| {
            let bytes = std::fs::read(scene.file()).unwrap();
            std::fs::write(scene.file(), &bytes[..bytes.len() - 1]).unwrap();
        }),
        ("without its set", |scene| {
            let text = std::fs::read_to_string(scene.file()).unwrap();
            std::fs::write(scene.file(), text.split_inclusive('\n').next().unwrap()).unwrap();
        }),
        ("with a set of no use", |scene| {
            let text = std::fs::read_to_string(scene.file()).unwrap();
            let head = text.split('\n').next().unwrap();
            std::fs::write(scene.file(), format!("{head}\n{{\"keys\":[]}}")).unwrap();
        }),
        ("huge", |scene| {
            let mut bytes = std::fs::read(scene.file()).unwrap();
            bytes.resize(2 * 1024 * 1024, b' ');
            std::fs::write(scene.file(), bytes).unwrap();
        }),
        ("a folder", |scene| {
            let file = scene.file();
            std::fs::remove_file(&file).unwrap();
            std::fs::create_dir(file).unwrap();
        }),
    ];
    for (what, tamper) in cases {
        let scene = Scene::saved().await;
        tamper(&scene);
        let process = scene.process(NOW.saturating_add(50));
        assert!(process.verifier.located(scene.issuer.issuer()).is_none(), "{what}");
        assert_eq!(scene.verdict(&process).await, "ok", "{what}: the issuer is up");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn saved_set_that_others_can_write_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let allow = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    for (mode, expected) in
        [(0o600, "ok"), (0o644, "ok"), (0o620, "issuer_unreachable"), (0o666, "issuer_unreachable")]
    {
        let scene = Scene::saved().await;
        scene.issuer.unreachable().await;
        allow(&scene.file(), mode);
        let process = scene.process(NOW.saturating_add(50));
        assert_eq!(scene.verdict(&process).await, expected, "{mode:o}");
    }
    let scene = Scene::saved().await;
    allow(scene.folder.path(), 0o777);
    assert_eq!(
        SnapshotFolder::new(scene.folder.path()).err().unwrap().code(),
        "config_snapshot_folder",
        "nor a folder"
    );
    allow(scene.folder.path(), 0o700);
}

#[tokio::test]
async fn only_what_comes_from_far_away_is_saved() {
    let (scene, folder) = (Scene::new().await, tempfile::tempdir().unwrap());
    let set = json!({ "keys": [scene.key.jwk()] }).to_string();
    let file = folder.path().join("keys.json");
    std::fs::write(&file, &set).unwrap();
    let sources = [KeySource::File(file), KeySource::Static(set.into_bytes().into())];
    let near = |source: &KeySource, n| {
        TrustedIssuer::new(policy(&format!("https://near-{n}.example/"))).sources([source.clone()])
    };
    let saved = Arc::new(InMemory::default());
    let builder = Verifier::builder(near(&sources[0], 0)).trust(near(&sources[1], 1));
    let builder = builder.trust(trusted(&scene.issuer)).snapshots(saved.clone());
    let verifier = builder.clock(clock()).build().unwrap();
    for n in 0..2 {
        let token = scene.key.access_token(&format!("https://near-{n}.example/"), AUDIENCE, NOW);
        assert_eq!(verdict(&verifier, &token).await, "ok");
    }
    verifier.preload().await.unwrap();
    until(|| !saved.0.lock().unwrap().is_empty()).await;
    let of: Vec<_> = saved.0.lock().unwrap().iter().map(|(issuer, _)| issuer.clone()).collect();
    assert_eq!(of, [scene.issuer.issuer()]);
}

/// A store that a host of this crate might bring.
#[derive(Default)]
struct InMemory(Mutex<Vec<(String, Vec<u8>)>>);

impl SnapshotStore for InMemory {
    fn load(&self, issuer: &str) -> Result<Option<Vec<u8>>, String> {
        let saved = self.0.lock().unwrap();
        Ok(saved.iter().rfind(|(of, _)| of == issuer).map(|(_, saved)| saved.clone()))
    }

    fn save(&self, issuer: &str, saved: &[u8]) -> Result<(), String> {
        self.0.lock().unwrap().push((issuer.to_owned(), saved.to_owned()));
        Ok(())
    }
}

/// A store that is out of order.
struct Broken;

impl SnapshotStore for Broken {
    fn load(&self, _: &str) -> Result<Option<Vec<u8>>, String> {
        Err("the disk is gone".to_owned())
    }

    fn save(&self, _: &str, _: &[u8]) -> Result<(), String> {
        Err("the disk is full".to_owned())
    }
}

#[tokio::test]
async fn store_that_fails_stops_nothing() {
    let scene = Scene::new().await;
    let clock = clock();
    let builder = Verifier::builder(trusted(&scene.issuer)).snapshots(Arc::new(Broken));
    let process = Process { verifier: builder.clock(clock.clone()).build().unwrap(), clock };
    for _ in 0..3 {
        assert_eq!(scene.verdict(&process).await, "ok");
        process.clock.advance(FRESH);
    }
}

#[tokio::test]
async fn each_issuer_has_a_saved_set_of_its_own() {
    let (one, two) = (Scene::new().await, Scene::new().await);
    let saved = Arc::new(InMemory::default());
    let both = |now| {
        let builder = Verifier::builder(trusted(&one.issuer)).trust(trusted(&two.issuer));
        let clock = Arc::new(ManualClock::new(now));
        let builder = builder.snapshots(saved.clone()).clock(clock.clone());
        Process { verifier: builder.build().unwrap(), clock }
    };
    both(NOW).verifier.preload().await.unwrap();
    until(|| saved.0.lock().unwrap().len() == 2).await;
    one.issuer.unreachable().await;
    two.issuer.unreachable().await;
    let process = both(NOW.saturating_add(50));
    assert!(process.verifier.readiness().is_ready());
    assert_eq!((one.verdict(&process).await, two.verdict(&process).await), ("ok", "ok"));
    let crossed = two.key.access_token(one.issuer.issuer(), AUDIENCE, process.clock.now());
    assert_ne!(verdict(&process.verifier, &crossed).await, "ok");
}

#[test]
fn folder_that_cannot_be_used_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below"), PathBuf::new()] {
        let error = SnapshotFolder::new(&path).err().unwrap();
        assert_eq!(error.code(), "config_snapshot_folder", "{}", path.display());
    }
    assert!(SnapshotFolder::new(folder.path().join("made/on/the/way")).is_ok());
}

// From hand to hand

#[tokio::test]
async fn exported_set_is_taken_over_by_whoever_has_none() {
    let scene = Scene::new().await;
    let alone = |now| {
        let clock = Arc::new(ManualClock::new(now));
        let builder = Verifier::builder(trusted(&scene.issuer)).clock(clock.clone());
        Process { verifier: builder.build().unwrap(), clock }
    };
    let first = alone(NOW);
    assert_eq!(first.verifier.export(scene.issuer.issuer()), None, "there is none yet");
    assert_eq!(scene.verdict(&first).await, "ok");
    let exported = first.verifier.export(scene.issuer.issuer()).unwrap();
    assert_eq!(first.verifier.export("https://other.example/"), None);
    assert!(first.verifier.import(&exported).is_err(), "it has one already");

    scene.issuer.unreachable().await;
    let second = alone(NOW.saturating_add(50));
    second.verifier.import(&exported).unwrap();
    assert_eq!(scene.verdict(&second).await, "ok");
    let cut = &exported[..exported.len() - 1];
    for (what, bytes, now) in [
        ("nothing", [].as_slice(), NOW),
        ("a part", cut, NOW),
        ("too old", &exported, NOW.saturating_add(FRESH + STALE)),
        ("from the future", &exported, NOW.saturating_sub(1)),
    ] {
        let process = alone(now);
        assert!(process.verifier.import(bytes).is_err(), "{what}");
        assert_eq!(scene.verdict(&process).await, "issuer_unreachable", "{what}");
    }
    let stranger = Verifier::builder(policy("https://other.example/")).build().unwrap();
    assert!(stranger.import(&exported).is_err());
}

#[tokio::test]
async fn exported_set_takes_its_evictions_along() {
    let scene = Scene::new().await;
    let first = scene.process(NOW);
    assert_eq!(scene.verdict(&first).await, "ok");
    assert!(first.verifier.evict(scene.issuer.issuer(), "first"));
    let exported = first.verifier.export(scene.issuer.issuer()).unwrap();
    scene.issuer.unreachable().await;
    let second = Verifier::builder(trusted(&scene.issuer)).clock(clock()).build().unwrap();
    second.import(&exported).unwrap();
    let token = scene.key.access_token(scene.issuer.issuer(), AUDIENCE, NOW);
    assert_ne!(verdict(&second, &token).await, "ok");
}
// FAILS: cache/flight.rs::keep spawns its save beside that of the flight before: the older may end last and win.
/// A store whose first save takes until it is let go.
struct SlowAtFirst {
    saved: InMemory,
    go: Mutex<Option<std::sync::mpsc::Receiver<()>>>,
}

impl SnapshotStore for SlowAtFirst {
    fn load(&self, issuer: &str) -> Result<Option<Vec<u8>>, String> {
        self.saved.load(issuer)
    }

    fn save(&self, issuer: &str, saved: &[u8]) -> Result<(), String> {
        let go = self.go.lock().unwrap().take();
        if let Some(go) = go {
            go.recv().unwrap();
        }
        self.saved.save(issuer, saved)
    }
}

#[tokio::test]
async fn save_that_takes_long_does_not_overwrite_a_later_one() {
    let scene = Scene::new().await;
    let (release, go) = std::sync::mpsc::channel();
    let store = Arc::new(SlowAtFirst { saved: InMemory::default(), go: Mutex::new(Some(go)) });
    let clock = clock();
    let builder = Verifier::builder(trusted(&scene.issuer)).snapshots(store.clone());
    let process = Process { verifier: builder.clock(clock.clone()).build().unwrap(), clock };
    assert_eq!(scene.verdict(&process).await, "ok");
    until(|| store.go.lock().unwrap().is_none()).await;
    scene.issuer.serve(FakeIssuer::KEY_SET, cached(Reply::keys(&[&key("second")])));
    process.clock.advance(FLOOR);
    process.verifier.refresh(scene.issuer.issuer()).await.unwrap();
    let has_second = |saved: &[u8]| String::from_utf8_lossy(saved).contains("\"second\"");
    for _ in 0..1_000 {
        // Where the second save does not wait for the first, it gets its chance.
        tokio::task::yield_now().await;
    }
    release.send(()).unwrap();
    until(|| store.saved.0.lock().unwrap().len() == 2).await;
    assert!(has_second(&store.load(scene.issuer.issuer()).unwrap().unwrap()));
}
