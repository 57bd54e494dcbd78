//! Runs a world: real verifiers on one thread, on a clock that moves only when everybody waits.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwksmith_verifier::{
    AccessClaims, CacheSettings, FetchSettings, Policy, TokenCacheSettings, TrustedIssuer, TryVerifyError,
    Undecided, Verified, Verifier, VerifyError,
};
use serde_json::json;
use tokio::runtime::Builder;
use tokio::time::Instant;

use crate::chance::Chance;
use crate::clock::{BEGINNING, SimClock, elapsed, sleep, sleep_until};
use crate::edge::Edge;
use crate::history::{Bears, Call, Eviction, History, Process, Record, Takeover, Verdict, Wait};
use crate::keys::{ALGORITHMS, pool};
use crate::transport::SimTransport;
use crate::world::{Act, Manner, TokenPlan, World};
use crate::{Fault, LEEWAY_SECONDS};

const AUDIENCE: &str = "https://api.example/";

/// Lives a world to its end. With a fault, reality is other than the world says, and the judge must see it.
pub fn run(world: &World, fault: Fault) -> History {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without I/O can be made");
    runtime.block_on(async {
        let mut stage = Stage::new(world, fault);
        for (at, act) in &world.script {
            sleep_until(stage.origin, *at).await;
            stage.act(act);
        }
        // By then everybody has an answer, or never gets one.
        sleep_until(stage.origin, world.ends + world.patience()).await;
        stage.close()
    })
}

impl World {
    /// Longer than any call may take.
    fn patience(&self) -> Duration {
        self.settings.wait_max * 8 + self.fetch_timeout * 2 + Duration::from_secs(10)
    }
}

/// A world that is being lived.
struct Stage<'w> {
    world: &'w World,
    fault: Fault,
    origin: Instant,
    edges: Vec<Arc<Edge>>,
    tokens: Vec<Arc<str>>,
    hosts: Vec<Running>,
    record: Arc<Record>,
    chance: Chance,
}

/// A host and the process that runs on it.
struct Running {
    clock: Arc<SimClock>,
    verifier: Arc<Verifier>,
    process: usize,
    /// Dropped with the process
    _keeps_fresh: Option<jwksmith_verifier::KeepFresh>,
}

impl<'w> Stage<'w> {
    fn new(world: &'w World, fault: Fault) -> Self {
        let mut stage = Self {
            world,
            fault,
            origin: Instant::now(),
            edges: (0..world.issuers.len()).map(|issuer| Arc::new(fault.bends(world, issuer))).collect(),
            tokens: world.tokens.iter().map(|plan| signed(world, plan).into()).collect(),
            hosts: Vec::new(),
            record: Arc::new(Record::default()),
            chance: Chance::of(world.seed.wrapping_add(1)),
        };
        for host in 0..world.hosts.len() {
            let clock = Arc::new(SimClock::new(stage.origin));
            stage.record.lock().clocks.push(vec![(Duration::ZERO, 0)]);
            let running = stage.started(host, clock);
            stage.hosts.push(running);
        }
        stage
    }

    fn started(&mut self, host: usize, clock: Arc<SimClock>) -> Running {
        let process = {
            let mut history = self.record.lock();
            history.processes.push(Process {
                host,
                takeovers: Vec::new(),
                evictions: Vec::new(),
                remembered: 0,
            });
            history.processes.len() - 1
        };
        let plan = &self.world.hosts[host];
        let mut issuers: Vec<_> = plan.trusts.iter().map(|issuer| self.trusted(*issuer, process)).collect();
        let mut builder = Verifier::builder(issuers.remove(0));
        for issuer in issuers {
            builder = builder.trust(issuer);
        }
        if plan.remembers_tokens {
            builder = builder.token_cache(TokenCacheSettings::default());
        }
        let seed = plan.seed.wrapping_add(u64::try_from(process).unwrap_or_default());
        let verifier = builder.clock(Arc::<SimClock>::clone(&clock)).seed(seed).build();
        let verifier = Arc::new(verifier.expect("the settings of a world are sound"));
        let keeps_fresh = plan.keeps_fresh.then(|| verifier.keep_fresh());
        Running { clock, verifier, process, _keeps_fresh: keeps_fresh }
    }

    fn trusted(&mut self, issuer: usize, process: usize) -> TrustedIssuer {
        let edge = &self.edges[issuer];
        let policy = Policy::new(edge.issuer.clone(), AUDIENCE, ALGORITHMS);
        let policy = policy.and_then(|policy| policy.leeway(LEEWAY_SECONDS));
        let transport = SimTransport {
            edge: Arc::clone(edge),
            record: Arc::clone(&self.record),
            origin: self.origin,
            process,
            issuer,
            fetch_timeout: self.world.fetch_timeout,
            chance: Mutex::new(self.chance.fork()),
            is_cut: self.fault == Fault::NetworkCut,
        };
        let fetch = FetchSettings { timeout: self.world.fetch_timeout, ..FetchSettings::default() };
        TrustedIssuer::new(policy.expect("the policies of a world are sound"))
            .cache(self.fault.loosens(&self.world.settings))
            .fetch(fetch)
            .transport(Arc::new(transport))
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Call { host, token, manner } => self.call(host, token, manner),
            Act::Flood { host, issuer, tokens, each_milli } => self.flood(host, issuer, tokens, each_milli),
            Act::Evict { host, issuer, identity } => self.evict(host, issuer, identity),
            Act::Refresh { host, issuer } => self.refresh(host, issuer),
            Act::Preload { host } => self.preload(host),
            Act::Restart { host, takes_over } => self.restart(host, takes_over),
            Act::Clock { host, error_millis } => {
                let now = elapsed(self.origin);
                self.hosts[host].clock.set_error(error_millis);
                self.record.lock().clocks[host].push((now, error_millis));
            }
        }
    }

    fn caller(&self, host: usize) -> Caller {
        let Running { verifier, process, .. } = &self.hosts[host];
        Caller {
            verifier: Arc::clone(verifier),
            process: *process,
            record: Arc::clone(&self.record),
            origin: self.origin,
        }
    }

    fn call(&self, host: usize, token: usize, manner: Manner) {
        self.caller(host).call(Bears::Token(token), Arc::clone(&self.tokens[token]), manner);
    }

    fn flood(&self, host: usize, issuer: usize, tokens: usize, each_milli: usize) {
        let genuine = self.world.tokens.iter().position(|plan| plan.issuer == issuer);
        let Some(genuine) = genuine.map(|number| Arc::clone(&self.tokens[number])) else { return };
        let caller = self.caller(host);
        tokio::spawn(async move {
            for number in 0..tokens {
                let token = renamed(&genuine, &format!("made-up-{number}"));
                let manner = if number % 7 == 0 { Manner::Now } else { Manner::Waits };
                caller.call(Bears::MadeUp { issuer }, token.into(), manner);
                if number % each_milli == 0 {
                    sleep(Duration::from_millis(1)).await;
                }
            }
        });
    }

    fn evict(&self, host: usize, issuer: usize, identity: usize) {
        let Running { verifier, process, .. } = &self.hosts[host];
        let Edge { issuer: name, identities, .. } = &*self.edges[issuer];
        let kid = identities[identity].kid.clone();
        let found = match self.fault {
            Fault::EvictionIgnored => true,
            _ => verifier.evict(name, &kid),
        };
        let at = elapsed(self.origin);
        self.record.lock().processes[*process].evictions.push(Eviction { issuer, kid, at, found });
    }

    fn refresh(&self, host: usize, issuer: usize) {
        let (caller, name) = (self.caller(host), self.edges[issuer].issuer.clone());
        tokio::spawn(async move {
            let wait = caller.waits(1);
            // What comes of it shows in the calls.
            let _ = caller.verifier.refresh(&name).await;
            caller.waited(wait);
        });
    }

    fn preload(&self, host: usize) {
        let (caller, issuers) = (self.caller(host), self.world.hosts[host].trusts.len());
        tokio::spawn(async move {
            let wait = caller.waits(issuers);
            let _ = caller.verifier.preload().await;
            caller.waited(wait);
        });
    }

    fn restart(&mut self, host: usize, takes_over: bool) {
        let clock = Arc::clone(&self.hosts[host].clock);
        let next = self.started(host, clock);
        let before = std::mem::replace(&mut self.hosts[host], next);
        if takes_over {
            let trusts = &self.world.hosts[host].trusts;
            for issuer in trusts {
                self.take_over(&before, &self.hosts[host], *issuer);
            }
        }
        self.note_remembered(&before);
    }

    fn take_over(&self, before: &Running, next: &Running, issuer: usize) {
        let Some(saved) = before.verifier.export(&self.edges[issuer].issuer) else { return };
        // Every version says its number; what a stranger published is no version.
        let Some(version) = Edge::version_of(&saved) else { return };
        let accepted = next.verifier.import(&saved).is_ok();
        let at = elapsed(self.origin);
        let takeover = Takeover { issuer, at, of: before.process, version, accepted };
        self.record.lock().processes[next.process].takeovers.push(takeover);
    }

    fn note_remembered(&self, running: &Running) {
        let remembered = running.verifier.token_cache().map_or(0, |in_use| in_use.tokens);
        self.record.lock().processes[running.process].remembered = remembered;
    }

    fn close(self) -> History {
        self.hosts.iter().for_each(|running| self.note_remembered(running));
        self.record.taken()
    }
}

/// Whoever calls a verifier.
struct Caller {
    verifier: Arc<Verifier>,
    process: usize,
    record: Arc<Record>,
    origin: Instant,
}

impl Caller {
    fn call(&self, bears: Bears, token: Arc<str>, manner: Manner) {
        let (process, from) = (self.process, elapsed(self.origin));
        let number = self.record.call(Call { process, bears, manner, from, end: None });
        let (verifier, record, origin) = (Arc::clone(&self.verifier), Arc::clone(&self.record), self.origin);
        tokio::spawn(async move {
            let verdict = match manner {
                Manner::Now => verdict_now(&verifier, &token),
                Manner::Waits => verdict(&verifier, &token).await,
                Manner::GivesUp(patience) => {
                    let answer = tokio::time::timeout(patience, verdict(&verifier, &token)).await;
                    answer.unwrap_or(Verdict::GaveUp)
                }
            };
            record.answered(number, elapsed(origin), verdict);
        });
    }

    fn waits(&self, issuers: usize) -> usize {
        let mut history = self.record.lock();
        let issuers = u32::try_from(issuers).unwrap_or(u32::MAX);
        history.waits.push(Wait { process: self.process, issuers, from: elapsed(self.origin), until: None });
        history.waits.len() - 1
    }

    fn waited(&self, wait: usize) {
        self.record.lock().waits[wait].until = Some(elapsed(self.origin));
    }
}

async fn verdict(verifier: &Verifier, token: &str) -> Verdict {
    match verifier.verify::<AccessClaims>(token).await {
        Ok(good) => accepted(&good),
        Err(VerifyError::Refused(refusal)) => Verdict::Refused(refusal.code()),
        Err(VerifyError::Undecided(undecided)) => cannot_say(&undecided),
    }
}

fn verdict_now(verifier: &Verifier, token: &str) -> Verdict {
    match verifier.try_verify::<AccessClaims>(token) {
        Ok(good) => accepted(&good),
        Err(TryVerifyError::Refused(refusal)) => Verdict::Refused(refusal.code()),
        Err(TryVerifyError::Undecided(undecided)) => cannot_say(&undecided),
        Err(TryVerifyError::NeedsRefresh(_)) => Verdict::NeedsRefresh,
    }
}

fn accepted(good: &Verified<AccessClaims>) -> Verdict {
    Verdict::Accepted { issuer: good.claims().iss.clone(), kid: good.key_id().map(str::to_owned) }
}

fn cannot_say(undecided: &Undecided) -> Verdict {
    Verdict::Undecided { code: undecided.cause.code(), retry_after: undecided.retry_after }
}

fn signed(world: &World, plan: &TokenPlan) -> String {
    let issued = BEGINNING + plan.issued.as_secs();
    let claims = json!({
        "iss": world.issuers[plan.issuer].issuer, "sub": "client", "aud": AUDIENCE, "client_id": "client",
        "jti": "1", "iat": issued, "exp": issued + plan.lifetime.as_secs(),
    });
    pool()[plan.key].sign(&plan.kid, &claims)
}

/// A token with another `kid`: its signature fits nothing.
fn renamed(token: &str, kid: &str) -> String {
    let rest = token.split_once('.').map_or("", |(_, rest)| rest);
    let header = json!({ "alg": ALGORITHMS[0].name(), "typ": "at+jwt", "kid": kid }).to_string();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
}

impl Fault {
    /// What issuers do in truth.
    fn bends(self, world: &World, issuer: usize) -> Edge {
        let edge = &world.issuers[issuer];
        let mut bent = edge.copied_whole();
        match self {
            Self::WithdrawnStays => {
                for number in 1..bent.versions.len() {
                    let before = bent.versions[number - 1].keys.clone();
                    let version = &mut bent.versions[number].keys;
                    version
                        .extend(before.into_iter().filter(|key| !edge.versions[number].keys.contains(key)));
                    version.dedup();
                }
            }
            Self::NewStaysAway => {
                let first = bent.versions[0].keys.clone();
                bent.versions.iter_mut().for_each(|version| version.keys.clone_from(&first));
            }
            Self::KeysSwapped => {
                for (number, identity) in bent.identities.iter_mut().enumerate() {
                    identity.key = world.counterpart(issuer, number);
                }
            }
            _ => return bent,
        }
        bent.complete()
    }

    /// What verifiers are set up with in truth.
    fn loosens(self, settings: &CacheSettings) -> CacheSettings {
        let settings = settings.clone();
        match self {
            Self::BurstOfTen => CacheSettings { burst: settings.burst + 10, ..settings },
            Self::PatienceOfHours => CacheSettings { wait_max: Duration::from_hours(9), ..settings },
            Self::StaleForDays => CacheSettings { stale_max: Duration::from_hours(900), ..settings },
            _ => settings,
        }
    }
}
