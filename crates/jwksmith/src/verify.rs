//! `jwksmith verify`: whether a token is valid, for an issuer on the network or with a key set from a file.
//!
//! It sets up who judges, and carries tokens there and verdicts back. The judging itself is done by `jwksmith_verifier`
//! and `jwksmith_jose`.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use jwksmith_jose::{Algorithm, KeySet, Policy, Verified, danger, explain, explain_without_keys, verify};
use jwksmith_verifier::{Clock as _, Verifier, VerifyError};
use serde::de::IgnoredAny;

use crate::args::VerifyArgs;
use crate::at::CommandClock;
use crate::exit::ExitStatus;
use crate::explain::Explained;
use crate::input::{self, Given, Lines};
use crate::output::{self, Reader};
use crate::verdict::{Accepted, Fault, Refused, Unknown, Verdict};

/// Verifies one token, or each line of standard input.
///
/// # Errors
/// If standard input or output fails.
pub(crate) async fn run(args: &VerifyArgs) -> anyhow::Result<ExitStatus> {
    match (Judge::new(args), &args.token) {
        (Err(fault), token) => refuse_to_start(&fault, args.json && token.is_some()),
        (Ok(judge), Some(token)) => verify_one(&judge, token, args).await,
        (Ok(judge), None) => verify_lines(&judge).await,
    }
}

/// A program that reads lines gets one answer per token and nothing else, so a fault is then said on standard error only.
fn refuse_to_start(fault: &Fault, json: bool) -> anyhow::Result<ExitStatus> {
    if json {
        write(&fault.json())?;
    } else {
        output::talk(&fault.text());
    }
    Ok(ExitStatus::Usage)
}

async fn verify_one(judge: &Judge, token: &str, args: &VerifyArgs) -> anyhow::Result<ExitStatus> {
    let given = input::token(token).context("standard input cannot be read")?;
    let token = given.as_ref().ok().filter(|_| args.explain).cloned();
    let verdict = judge.verdict(given).await;
    match (token, args.json) {
        (None, false) => say(&verdict)?,
        (None, true) if args.explain => drop(write(&Explained::default().json(&verdict))?),
        (None, true) => drop(write(&verdict.json())?),
        (Some(token), false) => {
            write(&judge.explained(&token).await.text())?;
            say(&verdict)?;
        }
        (Some(token), true) => drop(write(&judge.explained(&token).await.json(&verdict))?),
    }
    Ok(verdict.status())
}

fn say(verdict: &Verdict) -> anyhow::Result<()> {
    match verdict {
        Verdict::Valid(_) => drop(write(&verdict.text())?),
        _ => output::talk(&verdict.text()),
    }
    Ok(())
}

/// Standard input is read in the way of this task: the runtime's other threads carry the fetches on meanwhile.
async fn verify_lines(judge: &Judge) -> anyhow::Result<ExitStatus> {
    let mut lines = Lines::new(io::stdin().lock());
    let mut worst = ExitStatus::Valid;
    while let Some(given) = lines.next().context("standard input cannot be read")? {
        let verdict = judge.verdict(given).await;
        worst = worst.max(verdict.status());
        if write(&verdict.line())? == Reader::Gone {
            break;
        }
    }
    Ok(worst)
}

fn write(text: &str) -> anyhow::Result<Reader> {
    output::data(text).context("the answer cannot be written to standard output")
}

/// Who judges tokens: one cache for all of them.
struct Judge {
    keys: Keys,
    policy: Policy,
    clock: Arc<CommandClock>,
}

/// Where the keys come from.
enum Keys {
    /// From the issuer, located and kept fresh
    Located(Box<Verifier>),
    /// From a file
    Given(Box<KeySet>),
}

impl Judge {
    fn new(args: &VerifyArgs) -> Result<Self, Fault> {
        let clock = Arc::new(CommandClock::new(args.at));
        let policy = policy(args)?;
        let keys = match &args.jwks {
            Some(file) => Keys::Given(Box::new(read_keys(file)?)),
            None => Keys::Located(Box::new(verifier(args, policy.clone(), &clock)?)),
        };
        Ok(Self { keys, policy, clock })
    }

    async fn verdict(&self, given: Given) -> Verdict {
        let token = match given {
            Ok(token) => token,
            Err(refused) => return Verdict::Refused(refused),
        };
        match self.accepted(&token).await {
            Ok(accepted) => Verdict::Valid(accepted),
            Err(VerifyError::Refused(refusal)) => Verdict::Refused(Refused::by(&refusal)),
            Err(VerifyError::Undecided(undecided)) => Verdict::Undecided(Unknown::by(&undecided)),
        }
    }

    async fn accepted(&self, token: &str) -> Result<Accepted, VerifyError> {
        // No demand on the shape of the claims: an issuer's own ones are its affair.
        let verified: Verified<IgnoredAny> = match &self.keys {
            Keys::Located(verifier) => verifier.verify(token).await?,
            Keys::Given(keys) => verify(token, keys, &self.policy, self.clock.now())?,
        };
        // The signature covers the texts as they stand, so they may be shown as they stand.
        let texts = danger::decode_unverified(token)?;
        Ok(Accepted {
            header: texts.header,
            claims: texts.claims,
            algorithm: verified.algorithm(),
            key_id: verified.key_id().map(str::to_owned),
            now: self.clock.now(),
        })
    }

    /// What came of every check, with the keys that the verdict was found with.
    async fn explained(&self, token: &str) -> Explained {
        let now = self.clock.now();
        let with = |keys: &KeySet| Explained::with_keys(explain(token, keys, &self.policy, now));
        let verifier = match &self.keys {
            Keys::Given(keys) => return with(keys),
            Keys::Located(verifier) => verifier,
        };
        match verifier.locate(self.policy.issuer()).await {
            Ok(located) => with(&located.keys),
            Err(undecided) => {
                let explanation = explain_without_keys(token, &self.policy, now);
                Explained::without_keys(explanation, Unknown::by(&undecided))
            }
        }
    }
}

fn policy(args: &VerifyArgs) -> Result<Policy, Fault> {
    let mut audiences = args.audience.iter();
    let first = audiences.next().cloned().unwrap_or_default();
    let mut policy = Policy::new(&args.issuer, first, algorithms(args))?;
    for audience in audiences {
        policy = policy.or_audience(audience)?;
    }
    if let Some(seconds) = args.leeway {
        policy = policy.leeway(seconds)?;
    }
    if let Some(token_type) = &args.typ {
        policy = policy.token_type(token_type)?;
    }
    Ok(args.demands.add_to(policy)?)
}

fn algorithms(args: &VerifyArgs) -> Vec<Algorithm> {
    if args.algorithm.is_empty() { Algorithm::asymmetric().collect() } else { args.algorithm.clone() }
}

fn verifier(args: &VerifyArgs, policy: Policy, clock: &Arc<CommandClock>) -> Result<Verifier, Fault> {
    refuse_hmac(&policy)?;
    let issuer = args.network.issuer(policy).sources([args.place.source()]);
    Ok(Verifier::builder(issuer).clock(Arc::<CommandClock>::clone(clock)).build()?)
}

fn refuse_hmac(policy: &Policy) -> Result<(), Fault> {
    let Some(algorithm) = policy.algorithms().iter().find(|algorithm| algorithm.is_symmetric()) else {
        return Ok(());
    };
    let reason = format!(
        "{algorithm} takes a shared secret, which no issuer can publish: give the secret in a key set with `--jwks FILE`"
    );
    Err(Fault { code: "config_hmac_without_jwks", reason })
}

fn read_keys(file: &Path) -> Result<KeySet, Fault> {
    let bytes = File::open(file).and_then(input::bounded).map_err(|error| Fault {
        code: "config_jwks_unreadable",
        reason: format!("the key set {} cannot be read: {error}", file.display()),
    })?;
    KeySet::parse_local(&bytes).map_err(|error| Fault {
        code: error.code(),
        reason: format!("the key set {} is refused: {error}", file.display()),
    })
}
