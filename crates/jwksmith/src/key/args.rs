//! The command line of `jwksmith key`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use jwksmith_jose::limits::KID_BYTES_MAX;
use jwksmith_jose::{Algorithm, KeyForm, ThumbprintHash};

/// Make keys, convert them, and name what is in a file
#[derive(Args)]
pub(crate) struct KeyArgs {
    /// What to do with a key
    #[command(subcommand)]
    pub(super) command: KeyCommand,
}

/// The commands below `key`.
#[derive(Subcommand)]
pub(super) enum KeyCommand {
    /// Make a private key or a shared secret
    New(NewArgs),
    /// Write what may be published of keys: a public key, or a key set
    Public(PublicArgs),
    /// Write a key in another form
    Convert(ConvertArgs),
    /// Say the thumbprint of a key (RFC 7638)
    Thumbprint(ThumbprintArgs),
}

/// Make a private key or a shared secret
///
/// RSA keys have 2048 bits unless more are asked for; the others have the size of their algorithm.
#[derive(Args)]
#[command(after_long_help = NEW_EPILOGUE)]
pub(super) struct NewArgs {
    /// What the key signs with
    #[arg(long, value_name = "ALG", value_parser = algorithm_names())]
    pub(super) algorithm: String,

    /// The size of an RSA key: 2048, 3072, 4096 or 8192
    #[arg(long, value_name = "N")]
    pub(super) bits: Option<usize>,

    /// The `kid` in the JWK [default: the thumbprint of the key]
    #[arg(long, value_name = "ID", value_parser = key_id)]
    pub(super) kid: Option<String>,

    /// The form to write
    #[arg(long, value_name = "FORM", default_value = "jwk", value_parser = forms())]
    pub(super) format: KeyForm,

    #[command(flatten)]
    pub(super) output: Output,
}

/// Write what may be published of keys: a public key, or a key set
///
/// The file may be a private key, a public key or a certificate, as a JWK, PEM or DER; which it is shows from its content.
#[derive(Args)]
#[command(after_long_help = PUBLIC_EPILOGUE)]
pub(super) struct PublicArgs {
    /// The key; `-` reads it from standard input
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<String>,

    /// Write a key set of all the files
    #[arg(long, conflicts_with = "format")]
    pub(super) set: bool,

    /// The `kid` in the JWK [default: its own, or the thumbprint of the key]
    #[arg(long, value_name = "ID", value_parser = key_id)]
    pub(super) kid: Option<String>,

    /// The `alg` in the JWK [default: its own, or none]
    #[arg(long, value_name = "ALG", value_parser = algorithm_names())]
    pub(super) algorithm: Option<String>,

    /// The form to write
    #[arg(long, value_name = "FORM", default_value = "jwk", value_parser = forms())]
    pub(super) format: KeyForm,

    #[command(flatten)]
    pub(super) output: Output,
}

/// Write a key in another form
///
/// A private key stays private, except in the forms that have room for public keys only.
#[derive(Args)]
#[command(after_long_help = CONVERT_EPILOGUE)]
pub(super) struct ConvertArgs {
    /// The key; `-` reads it from standard input
    #[arg(value_name = "FILE")]
    pub(super) file: String,

    /// The form to write
    #[arg(long, value_name = "FORM", value_parser = forms())]
    pub(super) to: KeyForm,

    #[command(flatten)]
    pub(super) output: Output,
}

/// Say the thumbprint of a key (RFC 7638)
///
/// It is the same for both halves of a key, and in whatever form the key is.
#[derive(Args)]
pub(super) struct ThumbprintArgs {
    /// The key; `-` reads it from standard input
    #[arg(value_name = "FILE")]
    pub(super) file: String,

    /// Write it as a URI (RFC 9278)
    #[arg(long)]
    pub(super) uri: bool,

    /// The hash
    #[arg(long, value_name = "HASH", default_value = "sha-256", value_parser = hashes())]
    pub(super) hash: ThumbprintHash,
}

/// Where a key goes.
#[derive(Args)]
pub(super) struct Output {
    /// Write to this file, which must not be there yet; a private key's can be read by its owner only
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,

    /// Replace the file of --out if it is there
    #[arg(long, requires = "out")]
    pub(super) force: bool,
}

impl Output {
    /// Standard output.
    pub(super) const STANDARD: &Self = &Self { out: None, force: false };
}

const NEW_EPILOGUE: &str = "\
Examples:
  A key for ES256, and the key set to publish:
    jwksmith key new --algorithm ES256 --out key.json
    jwksmith key public key.json --set --out jwks.json

  An RSA key for another program:
    jwksmith key new --algorithm RS256 --bits 4096 --format pkcs8-pem --out key.pem";

const PUBLIC_EPILOGUE: &str = "\
Examples:
  A key set of two keys, the first made elsewhere:
    jwksmith key public key.pem next.json --set

  The key of a certificate, in PEM:
    jwksmith key public certificate.pem --format spki-pem";

const CONVERT_EPILOGUE: &str = "\
Examples:
  An EC key from the form of old OpenSSL to the one that everything reads:
    jwksmith key convert ec.pem --to pkcs8-pem --out key.pem";

/// Every name of an algorithm, as it is to be written into `alg`.
fn algorithm_names() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(Algorithm::all().flat_map(|algorithm| algorithm.names().iter().copied()))
}

fn forms() -> impl TypedValueParser<Value = KeyForm> {
    PossibleValuesParser::new(KeyForm::all().map(|form| PossibleValue::new(form.name())))
        .try_map(|name| KeyForm::from_name(&name).ok_or("this form is not known"))
}

fn hashes() -> impl TypedValueParser<Value = ThumbprintHash> {
    PossibleValuesParser::new(ThumbprintHash::ALL.map(ThumbprintHash::name)).try_map(|name| {
        let hash = ThumbprintHash::ALL.into_iter().find(|hash| hash.name() == name);
        hash.ok_or("this hash is not known")
    })
}

fn key_id(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > KID_BYTES_MAX {
        return Err(format!("a kid has 1 to {KID_BYTES_MAX} bytes"));
    }
    Ok(text.to_owned())
}
