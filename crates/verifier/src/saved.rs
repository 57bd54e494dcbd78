//! Key sets that outlive the process: after a restart with the issuer down, tokens verify.
//!
//! What is saved is public, and trusted when it is read again; so whoever can write it can sign. A store must keep it from
//! others' hands: [`SnapshotFolder`] checks owner and permissions. How long it may be used is decided by its age, as that of
//! any set: a restart makes nothing younger.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use jwksmith_jose::limits::KEY_SET_BYTES_MAX;
use jwksmith_jose::{KeySet, PublishedKey, SecretBytes, UnixTime, base64url_encode, json};
use serde::{Deserialize, Serialize};

use crate::cache::{EVICTED_KEYS_MAX, Snapshot};
use crate::discovery::Discovery;
use crate::error::ConfigError;
use crate::source::{KeySource, SourceInUse};
use crate::transport::Caching;

/// The largest head of a saved set: where it came from and what was evicted from it.
pub const SAVED_HEAD_BYTES_MAX: usize = 64 * 1024;

/// The form that is written, and the only one that is read.
const VERSION: u32 = 1;

/// Keeps the key sets of issuers beyond the life of a process: a folder, a database, a configuration map.
///
/// Both are called where they may block.
pub trait SnapshotStore: Send + Sync + 'static {
    /// What was saved last for this issuer, if anything.
    ///
    /// # Errors
    /// A reason, for the log: the verifier goes on without.
    fn load(&self, issuer: &str) -> Result<Option<Vec<u8>>, String>;

    /// Saves this for this issuer, whole or not at all, in the place of what was saved before.
    ///
    /// # Errors
    /// A reason, for the log: the verifier goes on without.
    fn save(&self, issuer: &str, saved: &[u8]) -> Result<(), String>;
}

/// A key set with all that is needed to take it over: one line of JSON, and the set as the issuer wrote it.
pub(crate) struct Saved {
    head: Head,
    json: Arc<[u8]>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    version: u32,
    issuer: String,
    source: usize,
    jwks_uri: Option<String>,
    fetched_at: u64,
    fresh_seconds: Option<u64>,
    etag: Option<String>,
    last_modified: Option<String>,
    evicted: Vec<String>,
}

impl Saved {
    pub(crate) fn new(issuer: &str, snapshot: &Snapshot, evicted: Vec<String>) -> Self {
        let Caching { fresh_for, etag, last_modified } = snapshot.caching.clone();
        let discovery = snapshot.in_use.discovery.as_ref();
        let head = Head {
            version: VERSION,
            issuer: issuer.to_owned(),
            source: snapshot.in_use.position,
            jwks_uri: discovery.map(|discovery| discovery.jwks_uri().to_string()),
            fetched_at: snapshot.fetched_at.as_seconds(),
            fresh_seconds: fresh_for.map(|fresh_for| fresh_for.as_secs()),
            etag,
            last_modified,
            evicted,
        };
        Self { head, json: Arc::clone(&snapshot.json) }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // Texts and numbers: this cannot fail, and an empty head would be refused by the reader.
        let mut bytes = serde_json::to_vec(&self.head).unwrap_or_default();
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.json);
        bytes
    }

    /// Reads what was saved for this issuer.
    pub(crate) fn parse(issuer: &str, bytes: &[u8]) -> Result<Self, &'static str> {
        let end = bytes.iter().take(SAVED_HEAD_BYTES_MAX).position(|byte| *byte == b'\n');
        let (head, set) = end.and_then(|end| bytes.split_at_checked(end)).ok_or("it has no head")?;
        let head: Head = json::from_slice(head).map_err(|_| "its head cannot be read")?;
        if head.version != VERSION {
            return Err("it was written by another version");
        }
        if head.issuer != issuer {
            return Err("it is of another issuer");
        }
        if head.evicted.len() > EVICTED_KEYS_MAX {
            return Err("it has too many evicted keys");
        }
        Ok(Self { head, json: set.get(1..).unwrap_or_default().into() })
    }

    /// The issuer that bytes say they are of.
    pub(crate) fn issuer_of(bytes: &[u8]) -> Option<String> {
        let end = bytes.iter().take(SAVED_HEAD_BYTES_MAX).position(|byte| *byte == b'\n')?;
        json::from_slice::<Head>(bytes.get(..end)?).ok().map(|head| head.issuer)
    }

    pub(crate) fn keys(&self) -> Result<KeySet, &'static str> {
        KeySet::parse(&self.json).map_err(|_| "its key set cannot be used")
    }

    pub(crate) fn json(&self) -> Arc<[u8]> {
        Arc::clone(&self.json)
    }

    pub(crate) fn fetched_at(&self) -> UnixTime {
        UnixTime::from_seconds(self.head.fetched_at)
    }

    /// How old it is; nothing if it comes from the future, where a clock was wrong.
    pub(crate) fn age(&self, now: UnixTime) -> Option<Duration> {
        now.as_seconds().checked_sub(self.head.fetched_at).map(Duration::from_secs)
    }

    pub(crate) fn has_evicted(&self, key: &PublishedKey) -> bool {
        self.head.evicted.iter().any(|evicted| Some(&**evicted) == key.key_id())
    }

    pub(crate) fn caching(&self) -> Caching {
        let Head { fresh_seconds, etag, last_modified, .. } = &self.head;
        let (etag, last_modified) = (etag.clone(), last_modified.clone());
        Caching { fresh_for: fresh_seconds.map(Duration::from_secs), etag, last_modified }
    }

    /// The source that it came from, if that is still one: what an old configuration trusted is not trusted for that.
    pub(crate) fn in_use<'s>(
        &self,
        mut configured: impl Iterator<Item = &'s KeySource>,
    ) -> Option<SourceInUse> {
        let (position, source) = (self.head.source, configured.nth(self.head.source)?.clone());
        let discovery = match (&source, &self.head.jwks_uri) {
            (KeySource::Discovery | KeySource::DiscoveryAt(_), Some(jwks_uri)) => {
                Some(Discovery::of(&self.head.issuer, jwks_uri).ok()?)
            }
            (KeySource::JwksUri(_), None) => None,
            _ => return None,
        };
        Some(SourceInUse { position, source, discovery })
    }
}

/// A folder with one file for each issuer.
///
/// Files are replaced whole. Neither the folder nor a file may be writable by anybody but its owner, who must be this
/// process's user or root; otherwise nothing is read.
pub struct SnapshotFolder {
    path: PathBuf,
    /// Authenticates what is written
    mac: Option<hmac::Key>,
}

/// The shortest secret that authenticates files (RFC 2104 §3: as long as the digest).
pub const SNAPSHOT_SECRET_BYTES_MIN: usize = 32;

/// How long the MAC is that stands before a key set.
const MAC_BYTES: usize = 32;

impl SnapshotFolder {
    /// Uses this folder, and makes it if it is not there.
    ///
    /// # Errors
    /// [`ConfigError::SnapshotFolder`] if it cannot be made, is no folder, or belongs to others.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        let path = path.into();
        let refused = |reason: String| ConfigError::SnapshotFolder { path: path.clone(), reason };
        make_folder(&path).map_err(|error| refused(error.to_string()))?;
        check_owner(&path).map_err(refused)?;
        Ok(Self { path, mac: None })
    }

    /// Writes a MAC (HMAC-SHA-256) beside each key set, and reads only what has one under this secret: for a folder on a volume
    /// that others may come to.
    ///
    /// # Errors
    /// [`ConfigError::SnapshotFolder`] if the secret is shorter than [`SNAPSHOT_SECRET_BYTES_MIN`].
    pub fn authenticated(mut self, secret: &SecretBytes) -> Result<Self, ConfigError> {
        if secret.expose().len() < SNAPSHOT_SECRET_BYTES_MIN {
            let reason = format!("the secret has fewer than {SNAPSHOT_SECRET_BYTES_MIN} bytes");
            return Err(ConfigError::SnapshotFolder { path: self.path, reason });
        }
        self.mac = Some(hmac::Key::new(hmac::HMAC_SHA256, secret.expose()));
        Ok(self)
    }

    /// What is written: the MAC, if there is one, and the set.
    fn sealed(&self, saved: &[u8]) -> Vec<u8> {
        match &self.mac {
            None => saved.to_vec(),
            Some(mac) => [hmac::sign(mac, saved).as_ref(), saved].concat(),
        }
    }

    fn opened(&self, mut bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        let Some(mac) = &self.mac else { return Ok(bytes) };
        let split = bytes.split_at_checked(MAC_BYTES);
        match split.map(|(tag, saved)| hmac::verify(mac, saved, tag)) {
            Some(Ok(())) => Ok(bytes.split_off(MAC_BYTES)),
            _ => Err("it was not written with this secret".to_owned()),
        }
    }

    /// The file of an issuer: named by a digest, since issuers are longer than file names may be.
    fn file(&self, issuer: &str) -> PathBuf {
        let digest = digest::digest(&digest::SHA256, issuer.as_bytes());
        self.path.join(format!("{}.jwks", base64url_encode(digest.as_ref())))
    }
}

impl SnapshotStore for SnapshotFolder {
    fn load(&self, issuer: &str) -> Result<Option<Vec<u8>>, String> {
        let file = self.file(issuer);
        let metadata = match std::fs::symlink_metadata(&file) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        check_owner(&self.path)?;
        check_owner(&file)?;
        let max = KEY_SET_BYTES_MAX.saturating_add(SAVED_HEAD_BYTES_MAX).saturating_add(MAC_BYTES);
        if metadata.len() > u64::try_from(max).unwrap_or(u64::MAX) {
            return Err(format!("{} has over {max} bytes", file.display()));
        }
        let bytes = std::fs::read(&file).map_err(|error| error.to_string())?;
        self.opened(bytes).map(Some)
    }

    fn save(&self, issuer: &str, saved: &[u8]) -> Result<(), String> {
        write_whole(&self.path, &self.file(issuer), &self.sealed(saved)).map_err(|error| error.to_string())
    }
}

/// Writes beside the file, and puts the whole in its place.
fn write_whole(folder: &Path, file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    // Made by `tempfile` for this user alone (0600), and removed if anything fails.
    let mut beside = tempfile::NamedTempFile::new_in(folder)?;
    beside.write_all(bytes)?;
    beside.as_file().sync_all()?;
    beside.persist(file)?;
    // The name, too, must survive a power cut.
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(unix)]
fn make_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_folder(path: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(path)
}

#[cfg(unix)]
fn check_owner(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    let (told, owner) = (path.display(), metadata.uid());
    if metadata.is_symlink() {
        return Err(format!("{told} is a symbolic link"));
    }
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(format!("{told} belongs to another user: whoever can write it can sign"));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(format!("{told} can be written by others: take that away (chmod go-w)"));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_owner(path: &Path) -> Result<(), String> {
    std::fs::metadata(path).map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://issuer.example/";

    fn head(changes: &[(&str, serde_json::Value)]) -> Vec<u8> {
        let mut head = serde_json::json!({
            "version": 1, "issuer": ISSUER, "source": 0, "jwks_uri": "https://issuer.example/k", "fetched_at": 100,
            "fresh_seconds": 60, "etag": "\"a\"", "last_modified": null, "evicted": ["b"],
        });
        for (name, value) in changes {
            head[*name] = value.clone();
        }
        [head.to_string().as_bytes(), b"\n{\"keys\":[]}"].concat()
    }

    #[test]
    fn saved_set_is_read_back() {
        let saved = Saved::parse(ISSUER, &head(&[])).unwrap();
        assert_eq!(&*saved.json(), b"{\"keys\":[]}");
        assert_eq!(saved.age(UnixTime::from_seconds(130)), Some(Duration::from_secs(30)));
        assert_eq!(saved.age(UnixTime::from_seconds(99)), None);
        assert_eq!(saved.caching().fresh_for, Some(Duration::from_mins(1)));
        let again = Saved::parse(ISSUER, &saved.to_bytes()).unwrap();
        assert_eq!(again.to_bytes(), saved.to_bytes());
        assert_eq!(Saved::issuer_of(&head(&[])).as_deref(), Some(ISSUER));
    }

    #[test]
    fn other_bytes_are_refused() {
        let json = |value: &str| serde_json::from_str::<serde_json::Value>(value).unwrap();
        let evicted: Vec<_> = (0..=EVICTED_KEYS_MAX).map(|n| n.to_string()).collect();
        let refused = [
            Vec::new(),
            b"\n".to_vec(),
            b"{\"keys\":[]}".to_vec(),
            vec![b'x'; SAVED_HEAD_BYTES_MAX + 10],
            head(&[("version", json("2"))]),
            head(&[("issuer", json("\"https://issuer.example\""))]),
            head(&[("fetched_at", json("-1"))]),
            head(&[("evicted", evicted.clone().into())]),
        ];
        for bytes in refused {
            assert!(Saved::parse(ISSUER, &bytes).is_err(), "{}", String::from_utf8_lossy(&bytes));
        }
        assert!(Saved::parse(ISSUER, &head(&[("evicted", evicted[1..].to_vec().into())])).is_ok());
    }

    #[test]
    fn source_must_still_be_configured() {
        let check = |changes: &[(&str, serde_json::Value)], configured: &[KeySource], expected: bool| {
            let saved = Saved::parse(ISSUER, &head(changes)).unwrap();
            assert_eq!(saved.in_use(configured.iter()).is_some(), expected, "{changes:?} {configured:?}");
        };
        let fixed = KeySource::JwksUri("https://issuer.example/k".to_owned());
        let none = serde_json::Value::Null;
        check(&[], &[KeySource::Discovery], true);
        check(&[], std::slice::from_ref(&fixed), false);
        check(&[("jwks_uri", none.clone())], std::slice::from_ref(&fixed), true);
        check(&[("jwks_uri", none)], &[KeySource::Discovery], false);
        check(&[("source", 1.into())], &[KeySource::Discovery], false);
        check(&[("source", 1.into())], &[fixed, KeySource::Discovery], true);
        check(&[("jwks_uri", "http://other.example/k".into())], &[KeySource::Discovery], false);
        check(&[("jwks_uri", "https://127.0.0.1/k".into())], &[KeySource::Discovery], false);
    }

    #[cfg(unix)]
    #[test]
    fn folder_that_others_can_write_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let allow =
            |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        let store = SnapshotFolder::new(folder.path().join("new/snapshots")).unwrap();
        store.save(ISSUER, b"saved").unwrap();
        store.save(ISSUER, b"saved again").unwrap();
        assert_eq!(store.load(ISSUER).unwrap().as_deref(), Some(b"saved again".as_slice()));
        assert_eq!(store.load("https://other.example/").unwrap(), None);
        let (file, place) = (store.file(ISSUER), folder.path().join("new/snapshots"));
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 1, "nothing is left beside it");
        for mode in [0o620, 0o602] {
            allow(&file, mode);
            assert!(store.load(ISSUER).is_err(), "{mode:o}");
        }
        allow(&file, 0o644);
        assert!(store.load(ISSUER).is_ok());
        allow(&place, 0o770);
        assert!(store.load(ISSUER).is_err() && SnapshotFolder::new(&place).is_err());
        allow(&place, 0o755);
        std::fs::rename(&file, folder.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &file).unwrap();
        assert!(store.load(ISSUER).is_err(), "a link");
        assert!(SnapshotFolder::new(folder.path().join("elsewhere")).is_err(), "a file");
    }

    #[test]
    fn authenticated_folder_reads_only_what_was_written_with_its_secret() {
        let folder = tempfile::tempdir().unwrap();
        let open = || SnapshotFolder::new(folder.path()).unwrap();
        let secret = |byte: u8, length: usize| SecretBytes::from(vec![byte; length]);
        let sealed = open().authenticated(&secret(1, SNAPSHOT_SECRET_BYTES_MIN)).unwrap();
        sealed.save(ISSUER, b"saved").unwrap();
        assert_eq!(sealed.load(ISSUER).unwrap().as_deref(), Some(b"saved".as_slice()));
        assert!(open().authenticated(&secret(2, 32)).unwrap().load(ISSUER).is_err(), "another secret");
        assert!(open().authenticated(&secret(1, SNAPSHOT_SECRET_BYTES_MIN - 1)).is_err(), "a short secret");
        let file = sealed.file(ISSUER);
        let written = std::fs::read(&file).unwrap();
        for at in 0..written.len() {
            let mut altered = written.clone();
            altered[at] ^= 1;
            std::fs::write(&file, altered).unwrap();
            assert!(sealed.load(ISSUER).is_err(), "byte {at}");
        }
        std::fs::write(&file, b"short").unwrap();
        assert!(sealed.load(ISSUER).is_err(), "no MAC at all");
        open().save(ISSUER, b"saved").unwrap();
        assert!(sealed.load(ISSUER).is_err(), "written without a secret");
    }

    #[test]
    fn file_over_its_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = SnapshotFolder::new(folder.path()).unwrap();
        let max = KEY_SET_BYTES_MAX + SAVED_HEAD_BYTES_MAX + MAC_BYTES;
        store.save(ISSUER, &vec![b' '; max]).unwrap();
        assert!(store.load(ISSUER).is_ok());
        store.save(ISSUER, &vec![b' '; max + 1]).unwrap();
        assert!(store.load(ISSUER).is_err());
    }
}
