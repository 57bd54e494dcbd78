//! `jwksmith dev`: an authority on this machine, with an embedded database, ready for a first token.
//!
//! Keys, tenants and tokens are the business of the authority and the server; this module sets them up, proves that they
//! work from outside, and says what to do next. Where its files lie is `folder`'s business, what it says is `guide`'s.

mod folder;
mod guide;

use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use jwksmith_authority::{
    Api, Authority, Issuer, MANAGEMENT_SCOPES, NewApi, TenantId, TenantSnapshot, TokenRequest,
    management_audience,
};
use jwksmith_jose::Algorithm;
use jwksmith_server::{ServerState, self_check, serve};
use jwksmith_store::SqliteStore;
use jwksmith_verifier::{Clock, SystemClock};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use self::folder::{Credentials, Folder};
use crate::exit::ExitStatus;
use crate::output;
use crate::signals::Signals;

/// What `jwksmith dev` is asked for.
#[derive(clap::Args, Debug)]
pub(crate) struct DevArgs {
    /// The port to listen on; 0 takes any free one [default: 8080, or the one that the data folder was made for]
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,

    /// The folder that the database, the keys and `dev.env` are kept in
    ///
    /// The key-encryption key lies there too, readable for its owner only, unless JWKSMITH_KEY_ENCRYPTION_KEY holds it.
    #[arg(long, value_name = "DIR", default_value = "./jwksmith-data")]
    pub(crate) data: PathBuf,

    /// One more API that tokens can be had for, and the algorithm they are signed with: RS256, ES256 or HS256 (may be repeated)
    ///
    /// It stays: a later start need not name it again.
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
            .filter(|algorithm| jwksmith_authority::API_ALGORITHMS.contains(algorithm))
            .ok_or("the algorithm must be RS256, ES256 or HS256")?;
        if audience.is_empty() {
            return Err("the audience is empty");
        }
        Ok(Self { audience: audience.to_owned(), algorithm })
    }
}

const PORT_DEFAULT: u16 = 8080;

/// How long a stop waits for requests under way.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// The audience of the first API.
const AUDIENCE: &str = "https://api.example/";

/// What tokens for the APIs of `dev` may be granted.
const SCOPES: [&str; 2] = ["read:things", "write:things"];

/// Runs until it is interrupted.
pub(crate) async fn run(args: DevArgs) -> anyhow::Result<ExitStatus> {
    let mut signals = Signals::heard()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let folder = Folder::open(&args.data)?;
    let authority = open_authority(&folder).await?;
    let (listener, tenant) = listen(&args, &authority, &*clock).await?;
    let credentials = populate(&folder, &authority, &tenant, &args.apis, &*clock).await?;
    let tenant = authority.tenant(&tenant.tenant().id).context("the tenant is gone")?;

    let (stop, stopped) = oneshot::channel::<()>();
    let state = ServerState::new(Arc::clone(&authority), Arc::clone(&clock));
    let server = tokio::spawn(serve(listener, state, async {
        let _ = stopped.await;
    }));
    prove(&authority, &tenant, &credentials, &*clock).await?;
    output::data(&guide::text(&tenant, &folder, AUDIENCE))?;

    signals.next().await?;
    drop(stop);
    stopped_in_time(server, &mut signals).await?;
    Ok(ExitStatus::Valid)
}

/// Lets requests under way finish, but not for ever: a client that is half-way through one may never go on.
async fn stopped_in_time(
    server: JoinHandle<std::io::Result<()>>,
    signals: &mut Signals,
) -> anyhow::Result<()> {
    output::talk("stopping: a second signal ends at once");
    tokio::select! {
        ended = tokio::time::timeout(SHUTDOWN_GRACE, server) => match ended {
            Ok(ended) => ended.context("the server did not stop in good order")??,
            Err(_) => output::talk("stopped, with requests still under way"),
        },
        again = signals.next() => again?,
    }
    Ok(())
}

async fn open_authority(folder: &Folder) -> anyhow::Result<Arc<Authority>> {
    let key = folder.key_encryption_key()?;
    let store = SqliteStore::open(folder.database()).await;
    let store =
        store.with_context(|| format!("the database {} cannot be used", folder.database().display()))?;
    let authority = Authority::open(Arc::new(store), key).await;
    Ok(Arc::new(
        authority.with_context(|| format!("the data in {} cannot be used", folder.path().display()))?,
    ))
}

/// Binds the port and finds the tenant that belongs to it, or makes the first one.
async fn listen(
    args: &DevArgs,
    authority: &Authority,
    clock: &dyn Clock,
) -> anyhow::Result<(TcpListener, Arc<TenantSnapshot>)> {
    let mut tenants = authority.tenants().into_iter();
    let Some(tenant) = tenants.next() else { return listen_anew(args, authority, clock).await };
    ensure!(
        tenants.next().is_none(),
        "the data folder holds several tenants, and `dev` runs one: choose another --data"
    );
    let issuer = &tenant.tenant().issuer;
    let port = port_of(issuer)?;
    if args.port.is_some_and(|asked| asked != port && asked != 0) {
        bail!(
            "the data folder belongs to the issuer {issuer}: start with --port {port}, or choose another --data"
        );
    }
    Ok((bind(port).await?, tenant))
}

async fn listen_anew(
    args: &DevArgs,
    authority: &Authority,
    clock: &dyn Clock,
) -> anyhow::Result<(TcpListener, Arc<TenantSnapshot>)> {
    let listener = bind(args.port.unwrap_or(PORT_DEFAULT)).await?;
    let issuer = issuer_at(listener.local_addr()?.port())?;
    let tenant = authority.create_tenant(&issuer, clock.now()).await?;
    Ok((listener, tenant))
}

/// The port that http takes unless another is named; an issuer does not name it, since it has one spelling.
const HTTP_PORT: u16 = 80;

fn issuer_at(port: u16) -> anyhow::Result<Issuer> {
    let authority = if port == HTTP_PORT { "localhost".to_owned() } else { format!("localhost:{port}") };
    Ok(Issuer::try_from(format!("http://{authority}/").as_str())?)
}

fn port_of(issuer: &Issuer) -> anyhow::Result<u16> {
    let port = match issuer.authority().strip_prefix("localhost") {
        Some("") => Some(HTTP_PORT),
        Some(port) => port.strip_prefix(':').and_then(|port| port.parse().ok()),
        None => None,
    };
    port.with_context(|| {
        format!(
            "the data folder belongs to the issuer {issuer}, which is none of `dev`: choose another --data"
        )
    })
}

async fn bind(port: u16) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await;
    listener.with_context(|| {
        format!("cannot listen on port {port}: choose another one with --port, and with it another --data for a new issuer")
    })
}

/// Makes whatever is not there yet: the APIs, the application, and the files that scripts read.
async fn populate(
    folder: &Folder,
    authority: &Authority,
    tenant: &TenantSnapshot,
    apis: &[ApiArg],
    clock: &dyn Clock,
) -> anyhow::Result<Credentials> {
    let (id, issuer) = (&tenant.tenant().id, &tenant.tenant().issuer);
    check_apis(tenant, apis)?;
    let first = ApiArg { audience: AUDIENCE.to_owned(), algorithm: Algorithm::RS256 };
    let credentials = match folder.credentials()? {
        Some(known) if tenant.application(&known.client_id).is_some() => known,
        _ => make_application(authority, id).await?,
    };
    // At once: the secret is kept nowhere else.
    folder.write_env(issuer.as_str(), AUDIENCE, &credentials)?;
    let client_id = &credentials.client_id;
    authority.grant(id, client_id, &management_audience(issuer), &MANAGEMENT_SCOPES).await?;
    for api in std::iter::once(&first).chain(apis) {
        make_api(authority, id, client_id, api, clock).await?;
    }
    write_secrets(folder, authority, id)?;
    Ok(credentials)
}

/// Refuses an API before anything of it is stored: what is stored must be fit for every later start.
fn check_apis(tenant: &TenantSnapshot, apis: &[ApiArg]) -> anyhow::Result<()> {
    let management = management_audience(&tenant.tenant().issuer);
    ensure!(
        apis.iter().all(|api| api.audience != management),
        "{management} is the management API's own audience"
    );
    let known = tenant.apis().filter(|api| api.algorithm().is_symmetric()).map(Api::audience);
    let wanted = apis.iter().filter(|api| api.algorithm.is_symmetric()).map(|api| api.audience.as_str());
    let mut names = HashMap::new();
    for audience in known.chain(wanted) {
        let name = folder::secret_name(audience);
        let name = name.with_context(|| {
            format!("no file name can be made of {audience}: choose a shorter audience, with letters")
        })?;
        if let Some(other) = names.insert(name, audience).filter(|other| *other != audience) {
            bail!("the secrets of {other} and {audience} would lie in one file: choose another audience");
        }
    }
    Ok(())
}

/// Its secret is kept nowhere but in `dev.env`: without that file a new application takes its place.
async fn make_application(authority: &Authority, tenant: &TenantId) -> anyhow::Result<Credentials> {
    let (client_id, client_secret) = authority.create_application(tenant, "dev").await?;
    Ok(Credentials { client_id, client_secret: client_secret.expose().to_owned().into() })
}

async fn make_api(
    authority: &Authority,
    tenant: &TenantId,
    client_id: &str,
    api: &ApiArg,
    clock: &dyn Clock,
) -> anyhow::Result<()> {
    let scopes = SCOPES.map(str::to_owned).to_vec();
    let new = NewApi { scopes, ..NewApi::new(api.audience.as_str(), api.algorithm) };
    authority.ensure_api(tenant, new, clock.now()).await?;
    Ok(authority.grant(tenant, client_id, &api.audience, &SCOPES).await?)
}

/// A shared secret is in no published key set, so whoever verifies HS256 tokens needs it in a file.
fn write_secrets(folder: &Folder, authority: &Authority, tenant: &TenantId) -> anyhow::Result<()> {
    let tenant = authority.tenant(tenant).context("the tenant is gone")?;
    for api in tenant.apis().filter(|api| api.algorithm().is_symmetric()) {
        if let Some(secret) = authority.api_secret(&tenant, api.audience()) {
            folder.write_secret(api.audience(), api.algorithm(), &secret)?;
        }
    }
    Ok(())
}

/// Nothing is called ready before it was seen to work, over HTTP, as its users will see it.
async fn prove(
    authority: &Authority,
    tenant: &TenantSnapshot,
    credentials: &Credentials,
    clock: &dyn Clock,
) -> anyhow::Result<()> {
    let request = TokenRequest {
        client_id: &credentials.client_id,
        client_secret: &credentials.client_secret,
        audience: AUDIENCE,
        scope: None,
    };
    let token = authority.issue(tenant, &request, clock.now());
    let token = token
        .context("the application in dev.env gets no token: remove the file to get a new application")?;
    let issuer = tenant.tenant().issuer.as_str();
    self_check(issuer, AUDIENCE, Algorithm::RS256, &token).await.context("the authority does not work")
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, ApiArg};

    fn check(text: &str, expected: Option<(&str, Algorithm)>) {
        let parsed = text.parse::<ApiArg>().ok();
        assert_eq!(parsed.as_ref().map(|api| (api.audience.as_str(), api.algorithm)), expected, "{text}");
    }

    #[test]
    fn api_argument_is_audience_and_algorithm() {
        check("https://api.example/=RS256", Some(("https://api.example/", Algorithm::RS256)));
        check("https://api.example/?a=b=ES256", Some(("https://api.example/?a=b", Algorithm::ES256)));
        check("orders=HS256", Some(("orders", Algorithm::HS256)));
        for refused in ["", "=", "=RS256", "orders", "orders=", "orders=rs256", "orders=none", "orders=RS512"]
        {
            check(refused, None);
        }
    }
}
