//! `jwksmith key`: makes keys, turns one form into another, and names what is in a file.
//!
//! What a key is, and which forms there are, is decided by `jwksmith_jose`; here keys come from files and go to files. A
//! private key goes to standard output or to a file that only its owner can read, and nowhere else.

mod args;
mod file;

use std::collections::BTreeSet;

use jwksmith_jose::{
    Algorithm, AnyKey, Family, KeyError, KeyForm, PrivateKey, PublicJwk, PublicKey, Thumbprint,
    ThumbprintHash,
};
use serde::Serialize;

pub(crate) use args::KeyArgs;
use args::{ConvertArgs, KeyCommand, NewArgs, Output, PublicArgs, ThumbprintArgs};
use file::Content;

use crate::exit::ExitStatus;
use crate::output;
use crate::verdict::Fault;

/// Runs one of the commands below `key`.
///
/// # Errors
/// If standard output fails. What is wrong with a key or a file is said, and is no error.
pub(crate) fn run(args: &KeyArgs) -> anyhow::Result<ExitStatus> {
    let (content, out) = match &args.command {
        KeyCommand::New(args) => (new(args), &args.output),
        KeyCommand::Public(args) => (public(args), &args.output),
        KeyCommand::Convert(args) => (convert(args), &args.output),
        KeyCommand::Thumbprint(args) => (thumbprint(args), Output::STANDARD),
    };
    match content.and_then(|content| file::keep(content, out)) {
        Ok(None) => Ok(ExitStatus::Valid),
        Ok(Some(content)) => content.print().map(|()| ExitStatus::Valid),
        Err(fault) => {
            output::talk(&fault.text());
            Ok(ExitStatus::Usage)
        }
    }
}

fn new(args: &NewArgs) -> Result<Content, Fault> {
    let name = args.algorithm.as_str();
    let made = made(name, args.bits).and_then(|key| key.for_algorithm(name));
    let made = made.map_err(|error| not_made(name, args.bits, &error))?;
    let key_id = args.kid.clone().unwrap_or_else(|| made.thumbprint(ThumbprintHash::Sha256).to_string());
    written(&made.named(&key_id), args.format)
}

/// Only the command line knows that the size was asked for, and not the kind of key.
fn not_made(name: &str, bits: Option<usize>, error: &KeyError) -> Fault {
    let is_of_one_size = bits.is_some() && matches!(error, KeyError::AlgorithmUnfit { .. });
    let reason = if is_of_one_size {
        format!("`--bits` is the size of an RSA key, and keys for {name} have one size: leave it out")
    } else {
        error.to_string()
    };
    Fault { code: error.code(), reason }
}

fn made(name: &str, bits: Option<usize>) -> Result<PrivateKey, KeyError> {
    // The command line takes the names of the table only.
    let algorithm = Algorithm::from_name(name).ok_or(KeyError::Unrecognized)?;
    bits.map_or_else(|| PrivateKey::generate(algorithm), |bits| PrivateKey::generate_rsa(algorithm, bits))
}

fn written(key: &PrivateKey, form: KeyForm) -> Result<Content, Fault> {
    Ok(Content { bytes: key.export(form).map_err(fault)?, form, is_private: true })
}

/// What is published of several keys.
#[derive(Serialize)]
struct KeySet {
    keys: Vec<PublicJwk>,
}

fn public(args: &PublicArgs) -> Result<Content, Fault> {
    if args.set {
        return key_set(args);
    }
    let [file] = args.files.as_slice() else {
        return Err(files("several files make a key set: say so with `--set`"));
    };
    let published = published(file, args)?;
    match args.format {
        KeyForm::Jwk => json(&published.jwk),
        form => Ok(Content::public(published.key.export(form).map_err(fault)?, form)),
    }
}

fn key_set(args: &PublicArgs) -> Result<Content, Fault> {
    if args.kid.is_some() && args.files.len() > 1 {
        return Err(files("one `kid` cannot name several keys: leave `--kid` out"));
    }
    let keys: Vec<_> = args.files.iter().map(|file| published(file, args)).collect::<Result<_, _>>()?;
    let names: BTreeSet<_> = keys.iter().filter_map(|published| published.key.key_id()).collect();
    if names.len() < keys.len() {
        return Err(files("two of the files have the same `kid`, and a key set needs one for each key"));
    }
    json(&KeySet { keys: keys.into_iter().map(|published| published.jwk).collect() })
}

fn json(value: &impl Serialize) -> Result<Content, Fault> {
    let json = serde_json::to_vec(value).map_err(|_| fault(KeyError::Crypto))?;
    Ok(Content::public(json, KeyForm::Jwk))
}

fn files(reason: &str) -> Fault {
    Fault { code: "config_key_files", reason: reason.to_owned() }
}

/// A key as it is published.
struct Published {
    key: PublicKey,
    jwk: PublicJwk,
}

fn published(file: &str, args: &PublicArgs) -> Result<Published, Fault> {
    let of_file = |error| file::fault(file, &error);
    let (key, certificate) = match file::read(file)? {
        AnyKey::Certificate(certificate) => {
            (PublicKey::from_certificate(&certificate).map_err(of_file)?, Some(certificate))
        }
        other => (other.into_public().map_err(of_file)?, None),
    };
    let key_id = args.kid.as_deref().or(key.key_id()).map(str::to_owned);
    let key_id = key_id.unwrap_or_else(|| key.thumbprint(ThumbprintHash::Sha256).to_string());
    let mut key = key.named(&key_id);
    if let Some(name) = &args.algorithm {
        key = key.for_algorithm(name).map_err(of_file)?;
    }
    let jwk = certificate.and_then(|certificate| key.certified_jwk(&certificate));
    Ok(Published { jwk: jwk.unwrap_or_else(|| key.jwk()), key })
}

fn convert(args: &ConvertArgs) -> Result<Content, Fault> {
    let of_file = |error| file::fault(&args.file, &error);
    match file::read(&args.file)? {
        AnyKey::Private(key) if is_public(args.to, key.family()) => {
            let key = key.public_key().ok_or_else(|| of_file(unavailable(args.to, key.family())))?;
            Ok(Content::public(key.export(args.to).map_err(of_file)?, args.to))
        }
        AnyKey::Private(key) => {
            Ok(Content { bytes: key.export(args.to).map_err(of_file)?, form: args.to, is_private: true })
        }
        other => {
            let key = other.into_public().map_err(of_file)?;
            Ok(Content::public(key.export(args.to).map_err(of_file)?, args.to))
        }
    }
}

/// Whether a form has no room for a private key.
fn is_public(form: KeyForm, family: Family) -> bool {
    matches!(form, KeyForm::SpkiPem | KeyForm::SpkiDer) && family != Family::Secret
}

fn unavailable(form: KeyForm, family: Family) -> KeyError {
    KeyError::FormUnavailable { form: form.name(), family }
}

fn thumbprint(args: &ThumbprintArgs) -> Result<Content, Fault> {
    let thumbprint: Thumbprint = match file::read(&args.file)? {
        AnyKey::Private(key) => key.thumbprint(args.hash),
        other => {
            let key = other.into_public().map_err(|error| file::fault(&args.file, &error))?;
            key.thumbprint(args.hash)
        }
    };
    let text = if args.uri { thumbprint.uri() } else { thumbprint.to_string() };
    Ok(Content::public(text.into_bytes(), KeyForm::Jwk))
}

/// What is wrong with what was asked for, when no file is to blame.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` calls")]
fn fault(error: KeyError) -> Fault {
    Fault { code: error.code(), reason: error.to_string() }
}
