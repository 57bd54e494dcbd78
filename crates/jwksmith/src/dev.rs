//! `jwksmith dev`: an authority on this machine, with an embedded database, ready for a first token.
//!
//! Keys, tenants and tokens are the business of the authority and the server; this module sets them up and says what to do
//! next.

use std::path::PathBuf;
use std::str::FromStr;

use jwksmith_jose::Algorithm;

use crate::exit::ExitStatus;

/// What `jwksmith dev` is asked for.
#[derive(clap::Args, Debug)]
pub(crate) struct DevArgs {
    /// The port to listen on; 0 takes any free one
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,

    /// The folder that the database, the keys and `dev.env` are kept in
    #[arg(long, value_name = "DIR", default_value = "./jwksmith-data")]
    pub(crate) data: PathBuf,

    /// An API to create, and the algorithm of its tokens: RS256, ES256 or HS256 (may be repeated)
    #[arg(long = "api", value_name = "AUDIENCE=ALG")]
    pub(crate) apis: Vec<ApiArg>,
}

/// One `--api AUDIENCE=ALG`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ApiArg {
    /// The audience that tokens for this API name
    pub(crate) audience: String,
    /// What they are signed with
    pub(crate) algorithm: Algorithm,
}

impl FromStr for ApiArg {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The last `=`: an audience is usually a URL, and may hold one.
        let (audience, name) =
            text.rsplit_once('=').ok_or("expected AUDIENCE=ALG, as https://api.example/=RS256")?;
        let algorithm = Algorithm::from_name(name)
            .filter(|algorithm| matches!(algorithm, Algorithm::RS256 | Algorithm::ES256 | Algorithm::HS256))
            .ok_or("the algorithm must be RS256, ES256 or HS256")?;
        if audience.is_empty() {
            return Err("the audience is empty");
        }
        Ok(Self { audience: audience.to_owned(), algorithm })
    }
}

/// Runs until it is interrupted.
pub(crate) async fn run(args: DevArgs) -> anyhow::Result<ExitStatus> {
    anyhow::bail!("`jwksmith dev` is not there yet, so nothing is kept in {}", args.data.display())
}
