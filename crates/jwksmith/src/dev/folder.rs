//! The data folder of `dev`: its files, who may read them, and that one process at a time works on them.
//!
//! | file | mode | holds |
//! | --- | --- | --- |
//! | `authority.db` | 0600 | tenants, applications, sealed keys; `-wal` and `-shm` beside it are SQLite's |
//! | `key-encryption-key` | 0600 | what the keys are sealed under, unless the environment holds it |
//! | `dev.env` | 0600 | issuer, audience and credentials, for scripts |
//! | `*.jwks.json` | 0600 | the shared secret of one HS256 API |
//! | `dev.lock` | 0600 | nothing; whoever runs on the folder has it locked |
//!
//! The key-encryption key is made once, with the folder. It is never made for a database that is there already, which
//! it could not open.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use jwksmith_authority::KeyEncryptionKey;
use jwksmith_jose::{Algorithm, SecretBytes, base64url_encode};

/// Holds the key-encryption key instead of the file, where it is set.
const KEY_VARIABLE: &str = "JWKSMITH_KEY_ENCRYPTION_KEY";

/// The data folder, for this process alone.
pub(super) struct Folder {
    path: PathBuf,
    /// Held until the process ends, however it ends.
    _lock: File,
}

/// What the application proves itself with.
pub(super) struct Credentials {
    pub(super) client_id: String,
    pub(super) client_secret: Box<str>,
}

impl Folder {
    /// Opens the folder; makes it, for its owner only, if it is not there.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        make_private_folder(path)
            .with_context(|| format!("the data folder {} cannot be made", path.display()))?;
        refuse_writable_by_others(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock(path)? })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path.join("authority.db")
    }

    pub(super) fn env(&self) -> PathBuf {
        self.path.join("dev.env")
    }

    fn key(&self) -> PathBuf {
        self.path.join("key-encryption-key")
    }

    /// The file that holds the shared secret of an HS256 API.
    pub(super) fn secret(&self, audience: &str) -> PathBuf {
        self.path.join(secret_name(audience).unwrap_or_default())
    }

    /// The key-encryption key, from the environment or the file; a new one for a new folder.
    pub(super) fn key_encryption_key(&self) -> anyhow::Result<KeyEncryptionKey> {
        if let Some(text) = key_from_environment()? {
            return KeyEncryptionKey::parse(&text).with_context(|| format!("{KEY_VARIABLE} cannot be used"));
        }
        let path = self.key();
        match fs::read_to_string(&path) {
            Ok(text) => {
                refuse_readable_by_others(&path)?;
                KeyEncryptionKey::parse(&text).with_context(|| format!("{} cannot be used", path.display()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.make_key(&path),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    fn make_key(&self, path: &Path) -> anyhow::Result<KeyEncryptionKey> {
        if self.database().exists() {
            bail!(
                "{} is missing, and {} is sealed under it: put it back, or set {KEY_VARIABLE}; a new key could open nothing",
                path.display(),
                self.database().display()
            );
        }
        let (key, text) = KeyEncryptionKey::generate()?;
        // Whole or not at all: half a key would stop every later start.
        replace(path, text.expose().as_bytes())?;
        Ok(key)
    }

    /// The application that an earlier start wrote down.
    pub(super) fn credentials(&self) -> anyhow::Result<Option<Credentials>> {
        let path = self.env();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        };
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        Ok(value("CLIENT_ID").zip(value("CLIENT_SECRET")).map(|(client_id, client_secret)| Credentials {
            client_id: client_id.to_owned(),
            client_secret: client_secret.into(),
        }))
    }

    /// Writes `dev.env`, for scripts to source.
    pub(super) fn write_env(
        &self,
        issuer: &str,
        audience: &str,
        credentials: &Credentials,
    ) -> anyhow::Result<()> {
        let Credentials { client_id, client_secret } = credentials;
        let text = format!(
            "ISSUER={issuer}\nAUDIENCE={audience}\nCLIENT_ID={client_id}\nCLIENT_SECRET={client_secret}\n"
        );
        replace(&self.env(), text.as_bytes())
    }

    /// Writes the shared secret of an API as a key set that `jwksmith verify --jwks` takes.
    pub(super) fn write_secret(
        &self,
        audience: &str,
        algorithm: Algorithm,
        secret: &SecretBytes,
    ) -> anyhow::Result<()> {
        let secret = base64url_encode(secret.expose());
        let text = format!(
            "{{\"keys\":[{{\"kty\":\"oct\",\"use\":\"sig\",\"alg\":\"{algorithm}\",\"k\":\"{secret}\"}}]}}\n"
        );
        replace(&self.secret(audience), text.as_bytes())
    }
}

/// The name of the file for the shared secret of this API: the audience without its scheme, in letters, digits and dots.
/// Nothing if that leaves nothing, or is too long.
pub(super) fn secret_name(audience: &str) -> Option<String> {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    let (_, bare) = audience.split_once("://").unwrap_or(("", audience));
    let name: String = bare.chars().map(safe).collect();
    let name = name.trim_matches(['-', '.']);
    (!name.is_empty() && name.len() <= SECRET_NAME_BYTES_MAX).then(|| format!("{name}.jwks.json"))
}

/// File systems take 255 bytes; the ending and the one of the new file beside it need some.
const SECRET_NAME_BYTES_MAX: usize = 200;

/// Two processes on one folder would make two of everything.
fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join("dev.lock");
    let lock = private_file().create(true).open(&path);
    let lock = lock.with_context(|| format!("{} cannot be written", path.display()))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            bail!(
                "another jwksmith uses the data folder {}: stop it, or choose another --data",
                folder.display()
            )
        }
        Err(TryLockError::Error(error)) => {
            let hint = "choose a --data on a file system of this machine";
            return Err(error).with_context(|| format!("{} cannot be locked: {hint}", path.display()));
        }
    }
    Ok(lock)
}

#[expect(clippy::disallowed_methods, reason = "the binary is the one place that reads the environment")]
fn key_from_environment() -> anyhow::Result<Option<String>> {
    match std::env::var(KEY_VARIABLE) {
        Ok(text) => Ok(Some(text)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => bail!("{KEY_VARIABLE} is not text"),
    }
}

/// Puts a whole file in the place of another one: a crash leaves the old one or the new one.
fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let new = path.with_extension("new");
        // What an interrupted start left behind goes: its mode, or what it links to, may be another.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private_file().create_new(true).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(unix)]
fn private_file() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    options
}

#[cfg(unix)]
fn make_private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(unix)]
#[expect(clippy::verbose_bit_mask, reason = "octal digits are how people know file modes")]
fn refuse_readable_by_others(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path)?.permissions().mode();
    ensure!(mode & 0o077 == 0, "{0} can be read by others: chmod 600 {0}", path.display());
    Ok(())
}

#[cfg(not(unix))]
fn refuse_readable_by_others(_: &Path) -> anyhow::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn refuse_writable_by_others(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path)?.permissions().mode();
    ensure!(
        mode & 0o022 == 0,
        "the data folder {0} can be written by others: chmod go-w {0}",
        path.display()
    );
    Ok(())
}

#[cfg(not(unix))]
fn refuse_writable_by_others(_: &Path) -> anyhow::Result<()> {
    Ok(())
}
