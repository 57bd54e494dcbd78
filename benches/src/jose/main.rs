//! `cargo xtask bench jose`: what jwksmith-jose costs beyond the signature, beside the raw cryptography and other libraries.
//!
//! Verifies and signs one access token with every contestant in one run, counts what a verification allocates, and times
//! the refusal of hostile inputs. Prints tables, or JSON with `--json`; a run without options also writes
//! `docs/benchmarks/`.

#![expect(clippy::print_stdout, reason = "a benchmark talks to whoever started it")]

mod chart;
mod contestants;
mod hostile;
mod report;

use std::hint::black_box;
use std::time::Duration;

use anyhow::bail;
use clap::Parser;

use jwksmith_benches::material::{Material, ROWS, Row};
use jwksmith_benches::measure::{Pace, Spread};
use jwksmith_benches::setting::{Setting, Used};
use jwksmith_benches::{allocations, measure, setting};

use crate::contestants::{Contestant, ENTRIES, RAW, Sample};
use crate::report::{Figure, Line, Report};

/// Compares jwksmith-jose with the raw cryptography and with other JWT libraries.
#[derive(Parser)]
#[command(name = "cargo xtask bench jose --")]
struct Arguments {
    /// Fewer and shorter rounds, for a look; writes nothing.
    #[arg(long)]
    quick: bool,
    /// Print the figures as JSON instead of tables; writes nothing.
    #[arg(long)]
    json: bool,
    /// Only this algorithm, as `alg` spells it; may be repeated. Writes nothing.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// How many rounds.
    #[arg(long, default_value_t = 21, value_parser = clap::value_parser!(u16).range(9..=999))]
    rounds: u16,
    /// The day that the page is dated, as 2026-01-31. Today unless set.
    #[arg(long)]
    date: Option<String>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let rows = selected(&arguments.only)?;
    let pace = arguments.pace();
    let now = setting::now()?;
    let contestants = ENTRIES.iter().map(|entry| Used::locked(entry.name, entry.package, entry.note));
    let setting = Setting::here(arguments.date.as_deref(), pace, contestants)?;
    let mut report = Report { setting, verify: Vec::new(), sign: Vec::new(), hostile: Vec::new() };
    for row in rows {
        measure_row(row, now, pace, &mut report)?;
    }
    report.hostile = hostile::measure(now)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    if arguments.is_whole() { write(&report) } else { Ok(()) }
}

impl Arguments {
    fn pace(&self) -> Pace {
        if self.quick {
            return Pace { rounds: 5, batch: Duration::from_millis(8) };
        }
        Pace { rounds: self.rounds.into(), batch: Duration::from_millis(32) }
    }

    fn is_whole(&self) -> bool {
        !self.quick && !self.json && self.only.is_empty()
    }
}

fn selected(only: &[String]) -> anyhow::Result<Vec<&'static Row>> {
    let known = |name: &String| ROWS.iter().any(|row| row.name == name);
    if let Some(unknown) = only.iter().find(|name| !known(name)) {
        let names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        bail!("no algorithm {unknown:?} is measured; there are {}", names.join(", "));
    }
    Ok(ROWS.iter().filter(|row| only.is_empty() || only.iter().any(|name| name == row.name)).collect())
}

fn measure_row(row: &'static Row, now: u64, pace: Pace, report: &mut Report) -> anyhow::Result<()> {
    let material = Material::generate(row)?;
    let mut contestants = contestants::set_up(&material, now)?;
    let sample = Sample::of(material.token(&material.claims(now)?)?)?;
    report.verify.push(verifying(row, &sample, &mut contestants, pace));
    if row.sign {
        report.sign.push(signing(row, &sample, &mut contestants, pace));
    }
    Ok(())
}

/// One contestant's turn.
struct Operation<'a> {
    contestant: &'static str,
    call: Box<dyn FnMut() + 'a>,
}

fn verifying(row: &Row, sample: &Sample, contestants: &mut [Contestant], pace: Pace) -> Line {
    let mut operations = Vec::new();
    for Contestant { name, verify, .. } in contestants {
        let Some(verify) = verify else { continue };
        let call = Box::new(|| assert!(verify(sample), "a proven contestant refuses the token"));
        operations.push(Operation { contestant: name, call });
    }
    line(row, sample, row.verify_target, operations, pace)
}

fn signing(row: &Row, sample: &Sample, contestants: &mut [Contestant], pace: Pace) -> Line {
    let mut operations = Vec::new();
    for Contestant { name, sign, .. } in contestants {
        let Some(sign) = sign else { continue };
        let call = Box::new(|| drop(black_box(sign().expect("a proven contestant signs"))));
        operations.push(Operation { contestant: name, call });
    }
    line(row, sample, row.sign_target, operations, pace)
}

/// Times the operations in turns and sets each round's time against the raw time of the same round.
fn line(
    row: &Row,
    sample: &Sample,
    target: Option<f64>,
    mut operations: Vec<Operation<'_>>,
    pace: Pace,
) -> Line {
    let allocations: Vec<_> =
        operations.iter_mut().map(|operation| allocations::per_call(&mut operation.call)).collect();
    let mut calls: Vec<&mut dyn FnMut()> = Vec::new();
    for operation in &mut operations {
        calls.push(&mut operation.call);
    }
    let times = measure::interleaved(&mut calls, pace);
    let raw = times.first().cloned().unwrap_or_default();
    let figures =
        operations.iter().zip(&times).zip(allocations).map(|((operation, times), allocations)| Figure {
            contestant: operation.contestant,
            nanoseconds: Spread::of(times.iter().copied()),
            ratio: Spread::of(raw.iter().zip(times).map(|(raw, time)| raw / time)),
            allocations: (operation.contestant != RAW).then_some(allocations),
        });
    Line { algorithm: row.label, token_bytes: sample.token.len(), target, figures: figures.collect() }
}

/// The page and its picture, into the repository that this was built from.
fn write(report: &Report) -> anyhow::Result<()> {
    setting::write_page("jose.md", &report.page())?;
    setting::write_page("jose.svg", &chart::svg(report))
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
    fn algorithm_that_is_not_measured_is_refused() {
        assert!(selected(&["RS256".to_owned()]).is_ok_and(|rows| rows.len() == 1));
        assert!(selected(&["rs256".to_owned()]).is_err());
    }

    #[test]
    fn fewer_than_nine_rounds_are_refused() {
        assert!(Arguments::try_parse_from(["jose", "--rounds", "9"]).is_ok());
        assert!(Arguments::try_parse_from(["jose", "--rounds", "8"]).is_err());
    }

    #[test]
    fn version_of_every_contestant_is_in_the_lock_file() {
        for entry in &ENTRIES {
            let used = Used::locked(entry.name, entry.package, entry.note);
            assert_ne!(used.version, "unknown", "{}", entry.package);
        }
    }

    #[test]
    fn every_contestant_is_proven_with_every_algorithm() {
        for row in &ROWS {
            // Making a 4096-bit RSA key takes seconds.
            if row.label == row.name {
                let material = Material::generate(row).unwrap();
                contestants::set_up(&material, setting::now().unwrap()).unwrap();
            }
        }
    }
}
