//! An issuer under the lens: every well-known place and the key set are asked, and what came is handed to the rules.
//!
//! Verifiers stop at the first thing that is wrong; here the looking goes on as far as it safely can. A key set is fetched only
//! from where a verifier would.

use std::sync::Arc;

use jwksmith_jose::json;
use jwksmith_jose::lint::wire::{self, Answer, KeySetExchange, Outcome, Wire};
use jwksmith_jose::lint::{self, Kind};
use jwksmith_verifier::{Clock as _, ConfigError, Discovery, IssuerError, Request, Verifier};
use serde::Deserialize;
use url::Url;

use super::LintArgs;
use super::report::{Part, Report};
use crate::asked::{Exchange, Recorder};
use crate::at::CommandClock;
use crate::network::{NetworkArgs, policy_without_tokens};
use crate::verdict::{Fault, how_to_reach};

const DOCUMENT_ACCEPT: &str = "application/json, */*;q=0.1";
/// As verifiers ask: a server may give a key set only to whoever names its type.
const KEY_SET_ACCEPT: &str = "application/jwk-set+json, application/json;q=0.9, */*;q=0.1";

/// Asks an issuer for everything, and says what is found.
pub(super) async fn report(args: &LintArgs) -> Result<Report, Fault> {
    let published = Published::fetch(&args.input, &args.network).await?;
    let now = CommandClock::new(args.at).now();
    let answers = Part::of_answers(&args.input, wire::wire(&published.wire(&args.input)));
    let document = published.document().map(|document| {
        Part::new(document.url.as_str(), Some(Kind::Discovery), lint::discovery(document.body()))
    });
    let keys = published
        .keys()
        .map(|keys| Part::new(keys.url.as_str(), Some(Kind::KeySet), lint::key_set(keys.body(), now)));
    let parts = [Some(answers), document, keys].into_iter().flatten().collect();
    Ok(Report::of_issuer(parts, published.is_silent(), published.hint()))
}

/// What an issuer publishes, and how.
struct Published {
    documents: Vec<Exchange>,
    key_set: KeySet,
}

/// What came of asking for the key set.
enum KeySet {
    Unnamed,
    Refused { url: String, reason: &'static str },
    Asked(Exchange),
}

impl Published {
    async fn fetch(issuer: &str, network: &NetworkArgs) -> Result<Self, Fault> {
        let asking = Asking::new(issuer, network)?;
        let mut documents = Vec::new();
        for place in Discovery::places(&asking.url) {
            documents.push(asking.ask(place, DOCUMENT_ACCEPT).await?);
        }
        let mut published = Self { documents, key_set: KeySet::Unnamed };
        if let Some(url) = published.document().and_then(named_key_set) {
            published.key_set = match Discovery::of(issuer, &url) {
                Err(reason) => KeySet::Refused { url, reason },
                Ok(found) => KeySet::Asked(asking.ask(found.jwks_uri().clone(), KEY_SET_ACCEPT).await?),
            };
        }
        Ok(published)
    }

    /// The document that verifiers take.
    fn document(&self) -> Option<&Exchange> {
        self.documents.iter().find(|document| document.status() == Some(200))
    }

    fn keys(&self) -> Option<&Exchange> {
        match &self.key_set {
            KeySet::Asked(asked) if asked.status() == Some(200) => Some(asked),
            _ => None,
        }
    }

    fn is_silent(&self) -> bool {
        self.documents.iter().all(|document| document.status().is_none())
    }

    fn hint(&self) -> Option<&'static str> {
        let mut errors = self.documents.iter().filter_map(|document| document.outcome.as_ref().err());
        errors.find_map(how_to_reach)
    }

    fn wire<'a>(&'a self, issuer: &'a str) -> Wire<'a> {
        let key_set = match &self.key_set {
            KeySet::Unnamed => KeySetExchange::Unnamed,
            KeySet::Refused { url, reason } => KeySetExchange::Refused { url, reason },
            KeySet::Asked(asked) => KeySetExchange::Asked(exchange(asked)),
        };
        Wire { issuer, documents: self.documents.iter().map(exchange).collect(), key_set }
    }
}

/// How an issuer is asked.
struct Asking {
    url: Url,
    recorder: Arc<Recorder>,
    /// Whether what the command line gives it may be shown on the way there
    is_private: bool,
}

impl Asking {
    fn new(issuer: &str, network: &NetworkArgs) -> Result<Self, Fault> {
        let could_be_asked = |issuer: &str| -> Result<(), Fault> {
            Verifier::builder(network.issuer(policy_without_tokens(issuer)?)).build()?;
            Ok(())
        };
        // That it is not https is a finding, and no reason not to look; whatever else is wrong with the URL is.
        could_be_asked(
            &issuer.split_once("://").map_or_else(String::new, |(_, rest)| format!("https://{rest}")),
        )?;
        let refused = |_| ConfigError::Issuer { issuer: issuer.to_owned(), reason: "it is no absolute URL" };
        let url = Url::parse(issuer).map_err(refused)?;
        let recorder = Recorder::new(network.fetch())?;
        Ok(Self { url, recorder, is_private: could_be_asked(issuer).is_ok() })
    }

    async fn ask(&self, url: Url, accept: &'static str) -> Result<Exchange, Fault> {
        let with_credentials = self.is_private && url.origin() == self.url.origin();
        let request = Request { url, accept, etag: None, last_modified: None, with_credentials };
        let exchange = self.recorder.ask(&request).await;
        match &exchange.outcome {
            // Files of the command line: nothing is known about the issuer then.
            Err(error @ (IssuerError::Credentials { .. } | IssuerError::Client(_))) => {
                Err(Fault { code: error.code(), reason: error.to_string() })
            }
            _ => Ok(exchange),
        }
    }
}

#[derive(Deserialize)]
struct Named {
    jwks_uri: Option<String>,
}

fn named_key_set(document: &Exchange) -> Option<String> {
    json::from_slice::<Named>(document.body()).ok()?.jwks_uri
}

fn exchange(asked: &Exchange) -> wire::Exchange<'_> {
    let milliseconds = u64::try_from(asked.took.as_millis()).unwrap_or(u64::MAX);
    wire::Exchange { url: asked.url.as_str(), milliseconds, outcome: outcome(asked) }
}

fn outcome(asked: &Exchange) -> Outcome<'_> {
    match &asked.outcome {
        Err(IssuerError::TooLarge { max, .. }) => Outcome::TooLarge { bytes_max: *max },
        Err(IssuerError::Unreachable { reason, .. }) => Outcome::Missing { reason },
        Err(IssuerError::AddressRefused { reason, .. }) => Outcome::Missing { reason },
        Err(error) => Outcome::Missing { reason: error.code() },
        Ok(response) => Outcome::Answer(Answer {
            status: response.status,
            location: asked.header("location"),
            content_type: asked.header("content-type"),
            cache_control: asked.header("cache-control"),
            age: asked.header("age"),
            expires: asked.header("expires"),
            etag: asked.header("etag"),
            last_modified: asked.header("last-modified"),
            body: &response.body,
        }),
    }
}
