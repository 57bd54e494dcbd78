//! Where keys come from and go to: files, standard input and standard output.
//!
//! A private key is written for its owner only, and nothing is overwritten unless that was asked for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jwksmith_jose::limits::KEY_BYTES_MAX;
use jwksmith_jose::{AnyKey, KeyError, KeyForm, SecretBytes};

use super::args::Output;
use crate::output;
use crate::verdict::Fault;

/// How a key is written that stands on standard input.
const STANDARD_INPUT: &str = "-";

/// What is to be written.
pub(super) struct Content {
    /// The key, which may be private
    pub(super) bytes: SecretBytes,
    pub(super) form: KeyForm,
    pub(super) is_private: bool,
}

impl Content {
    pub(super) fn public(bytes: Vec<u8>, form: KeyForm) -> Self {
        Self { bytes: bytes.into(), form, is_private: false }
    }

    /// Prints it; text ends with one line end.
    pub(super) fn print(&self) -> anyhow::Result<()> {
        let printed = match std::str::from_utf8(self.bytes.expose()) {
            Ok(text) if self.form.is_text() => output::data(text.trim_end()),
            _ => output::bytes(self.bytes.expose()),
        };
        printed.context("the key cannot be written to standard output")?;
        Ok(())
    }
}

/// Reads the key in a file; `-` reads standard input.
pub(super) fn read(file: &str) -> Result<AnyKey, Fault> {
    let bytes = read_bytes(file).map_err(|error| Fault {
        code: "config_key_unreadable",
        reason: format!("{} cannot be read: {error}", name(file)),
    })?;
    AnyKey::read(bytes.expose()).map_err(|error| fault(file, &error))
}

/// What is wrong with the key in a file.
pub(super) fn fault(file: &str, error: &KeyError) -> Fault {
    Fault { code: error.code(), reason: format!("{}: {error}", name(file)) }
}

fn name(file: &str) -> &str {
    if file == STANDARD_INPUT { "standard input" } else { file }
}

fn read_bytes(file: &str) -> io::Result<SecretBytes> {
    if file != STANDARD_INPUT {
        return bounded(File::open(file)?);
    }
    let stdin = io::stdin().lock();
    if stdin.is_terminal() {
        output::talk("reading a key from standard input: paste it, press Enter, then Ctrl-D");
    }
    bounded(stdin)
}

/// One byte more than a key may have: the reader of keys then says that it is too large. The buffer has room for all of it
/// from the start, because one that grows leaves copies behind.
fn bounded(input: impl Read) -> io::Result<SecretBytes> {
    let limit = KEY_BYTES_MAX.saturating_add(1);
    let mut bytes = Vec::with_capacity(limit.saturating_add(1));
    input.take(u64::try_from(limit).unwrap_or(u64::MAX)).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// Writes to the file that was asked for, or gives back what is to be printed.
pub(super) fn keep(content: Content, output: &Output) -> Result<Option<Content>, Fault> {
    let Some(path) = &output.out else {
        if !content.form.is_text() && io::stdout().is_terminal() {
            let reason = "DER is not for a terminal: write it to a file with `--out FILE`".to_owned();
            return Err(Fault { code: "config_key_terminal", reason });
        }
        return Ok(Some(content));
    };
    let written = if output.force { replace(path, &content) } else { create(path, &content) };
    match written {
        Ok(()) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Fault {
            code: "config_key_exists",
            reason: format!("{} is there already: `--force` replaces it", path.display()),
        }),
        Err(error) => Err(Fault {
            code: "config_key_unwritable",
            reason: format!("{} cannot be written: {error}", path.display()),
        }),
    }
}

/// Puts a whole file in the place of another one: a crash leaves the old one or the new one.
fn replace(path: &Path, content: &Content) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    // What an interrupted command left behind goes: its mode, or what it links to, may be another.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    create(&new, content)?;
    fs::rename(&new, path)
}

fn create(path: &Path, content: &Content) -> io::Result<()> {
    let mut file = new_file(content.is_private).open(path)?;
    let bytes = content.bytes.expose();
    let line_end: &[u8] = if content.form.is_text() && !bytes.ends_with(b"\n") { b"\n" } else { b"" };
    let written =
        file.write_all(bytes).and_then(|()| file.write_all(line_end)).and_then(|()| file.sync_all());
    // Half a key is none, and would be in the way of the next try.
    written.inspect_err(|_| drop(fs::remove_file(path)))
}

#[cfg(unix)]
fn new_file(is_private: bool) -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(if is_private { 0o600 } else { 0o644 });
    options
}

#[cfg(not(unix))]
fn new_file(_: bool) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options
}
