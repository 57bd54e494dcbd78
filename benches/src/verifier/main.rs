//! `cargo xtask bench verifier`: what jwksmith-verifier costs beyond jose, and what it does in a flood, at a cold start and
//! with a thousand issuers, beside other verifiers of an issuer's tokens.
//!
//! Prints tables, or JSON with `--json`; a run without options also writes `docs/benchmarks/verifier.md`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark talks to whoever started it")]

mod cold;
mod contestants;
mod flood;
mod in_process;
mod memory;
mod report;
mod scene;
mod scripts;
mod selection;
mod token_cache;
mod warm;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use jwksmith_benches::material::Material;
use jwksmith_benches::measure::Pace;
use jwksmith_benches::setting::{self, Setting, Used};
use tokio::runtime::Runtime;

use crate::contestants::{ENTRIES, Entry, JWKSMITH};
use crate::flood::Stretches;
use crate::in_process::InProcess;
use crate::report::{Client, Report};
use crate::scene::Scene;

/// Measures jwksmith-verifier beside jose and beside other verifiers.
#[derive(Parser)]
#[command(name = "cargo xtask bench verifier --")]
struct Arguments {
    /// Fewer and shorter rounds, for a look; writes nothing.
    #[arg(long)]
    quick: bool,
    /// Print the figures as JSON instead of tables; writes nothing.
    #[arg(long)]
    json: bool,
    /// Leave out the clients in Node and Python; writes nothing.
    #[arg(long)]
    only_rust: bool,
    /// How many rounds.
    #[arg(long, default_value_t = 21, value_parser = clap::value_parser!(u16).range(9..=999))]
    rounds: u16,
    /// The day that the page is dated, as 2026-01-31. Today unless set.
    #[arg(long)]
    date: Option<String>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let report = Bench::new(&arguments)?.report(&arguments)?;
    if arguments.json {
        println!("{}", report.json()?);
    } else {
        print!("{report}");
    }
    if arguments.is_whole() { setting::write_page("verifier.md", &report.page()) } else { Ok(()) }
}

impl Arguments {
    fn pace(&self) -> Pace {
        if self.quick {
            return Pace { rounds: 5, batch: Duration::from_millis(8) };
        }
        Pace { rounds: self.rounds.into(), batch: Duration::from_millis(32) }
    }

    /// Beyond the floor of ten seconds, so that it shows; a quick run ends within the burst.
    fn stretches(&self) -> Stretches {
        if self.quick {
            return Stretches { pairs: 2, stretch: Duration::from_millis(500) };
        }
        Stretches { pairs: 6, stretch: Duration::from_secs(1) }
    }

    fn cold_rounds(&self) -> usize {
        if self.quick { 2 } else { 9 }
    }

    fn is_whole(&self) -> bool {
        !self.quick && !self.json && !self.only_rust
    }
}

/// What every part starts from.
struct Bench {
    runtime: Runtime,
    material: Arc<Material>,
    pace: Pace,
    now: u64,
}

impl Bench {
    fn new(arguments: &Arguments) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Ok(Self {
            runtime: runtime.context("making a runtime")?,
            material: Arc::new(scene::key()?),
            pace: arguments.pace(),
            now: setting::now()?,
        })
    }

    /// Part after part, each alone on the machine.
    fn report(&self, arguments: &Arguments) -> anyhow::Result<Report> {
        let contestants = ENTRIES.iter().map(|entry| Used::locked(entry.name, entry.package, entry.note));
        let setting = Setting::here(arguments.date.as_deref(), self.pace, contestants)?;
        let scene = self.scene()?;
        let tokens = scene.tokens(u64::try_from(token_cache::TOKENS_MAX)?)?;
        let site = self.site()?;
        let stretches = arguments.stretches();
        let mut failures = Vec::new();
        self.prove(&scene)?;
        Ok(Report {
            setting,
            // First, while the heap is as a young process has it.
            memory: self.runtime.block_on(memory::measure(&site))?,
            warm: self.runtime.block_on(warm::set_up(&scene))?.measure(self.pace)?,
            token_cache: self.token_cache(&scene, &tokens)?,
            stretches,
            stretch_milliseconds: stretches.stretch.as_millis(),
            floods: each(&mut failures, |entry| {
                flood::measure(&self.runtime, entry, &self.scene()?, stretches, self.pace)
            })?,
            cold: each(&mut failures, |entry| {
                let rounds = arguments.cold_rounds();
                self.runtime.block_on(cold::measure(entry, &self.material, self.now, rounds))
            })?,
            selection: self.runtime.block_on(selection::measure(&site, self.now, self.pace))?,
            clients: self.clients(arguments, &scene, &tokens),
            failures,
        })
    }

    fn prove(&self, scene: &Scene) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            for entry in &ENTRIES {
                entry.prove(scene).await?;
            }
            Ok(())
        })
    }

    fn scene(&self) -> anyhow::Result<Scene> {
        self.runtime.block_on(Scene::new(&self.material, self.now))
    }

    /// The site of a thousand issuers.
    fn site(&self) -> anyhow::Result<Arc<InProcess>> {
        let keys = (0..in_process::KEYS).map(|_| scene::key().map(Arc::new));
        let _within = self.runtime.enter();
        Ok(InProcess::new(keys.collect::<anyhow::Result<_>>()?))
    }

    fn token_cache(&self, scene: &Scene, tokens: &[String]) -> anyhow::Result<Vec<token_cache::Hits>> {
        let of = |live| self.runtime.block_on(token_cache::measure(scene, tokens, live, self.pace));
        token_cache::ROWS.iter().map(|(live, _)| of(*live)).collect()
    }

    fn clients(&self, arguments: &Arguments, scene: &Scene, tokens: &[String]) -> Vec<Client> {
        if arguments.only_rust {
            return Vec::new();
        }
        scripts::measure(scene, tokens, self.pace).into_iter().map(Client::of).collect()
    }
}

/// What each contestant does; a peer that fails is told of, and does not end the run.
fn each<T>(
    failures: &mut Vec<String>,
    measure: impl Fn(&Entry) -> anyhow::Result<T>,
) -> anyhow::Result<Vec<T>> {
    let mut measured = Vec::new();
    for entry in &ENTRIES {
        match measure(entry) {
            Ok(figures) => measured.push(figures),
            Err(error) if entry.name == JWKSMITH => return Err(error),
            Err(error) => {
                eprintln!("{} is not measured: {error:#}", entry.name);
                failures.push(format!("{}: {error}", entry.name));
            }
        }
    }
    Ok(measured)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn command_line_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn fewer_than_nine_rounds_are_refused() {
        assert!(Arguments::try_parse_from(["verifier", "--rounds", "9"]).is_ok());
        assert!(Arguments::try_parse_from(["verifier", "--rounds", "8"]).is_err());
    }

    #[test]
    fn version_of_every_contestant_is_in_the_lock_file() {
        for entry in &ENTRIES {
            let used = Used::locked(entry.name, entry.package, entry.note);
            assert_ne!(used.version, "unknown", "{}", entry.package);
        }
    }

    #[test]
    fn every_contestant_accepts_the_good_token_and_refuses_bad_ones() {
        let bench = Bench::new(&Arguments::parse_from(["verifier", "--quick"])).unwrap();
        let scene = bench.scene().unwrap();
        bench.prove(&scene).unwrap();
    }
}
