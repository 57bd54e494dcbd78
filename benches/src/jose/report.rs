//! The figures of a run, and how they are told: tables in Markdown that read as well in a terminal.
//!
//! A ratio is the raw cryptography's time over the contestant's, so that 1.00 is free and more is better.

use std::fmt;

use serde::Serialize;

use crate::contestants::{ENTRIES, JWKSMITH, RAW};
use crate::hostile::{self, REFUSAL_NANOSECONDS_MAX, Refused};
use jwksmith_benches::measure::{Spread, TURNS};
use jwksmith_benches::setting::Setting;
use jwksmith_benches::table::{Table, count, none};

/// Heap allocations that a verification with borrowed claims may make.
const ALLOCATIONS_MAX: f64 = 2.0;

#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) setting: Setting,
    pub(crate) verify: Vec<Line>,
    pub(crate) sign: Vec<Line>,
    pub(crate) hostile: Vec<Refused>,
}

/// One algorithm, verified or signed with.
#[derive(Serialize)]
pub(crate) struct Line {
    pub(crate) algorithm: &'static str,
    pub(crate) token_bytes: usize,
    pub(crate) target: Option<f64>,
    pub(crate) figures: Vec<Figure>,
}

/// One contestant with one algorithm.
#[derive(Serialize)]
pub(crate) struct Figure {
    pub(crate) contestant: &'static str,
    pub(crate) nanoseconds: Spread,
    /// Raw time over this time, round by round.
    pub(crate) ratio: Spread,
    /// Heap allocations of one call; not counted for the raw cryptography, which makes none of ours.
    pub(crate) allocations: Option<f64>,
}

impl Line {
    pub(crate) fn figure(&self, contestant: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.contestant == contestant)
    }

    /// Whether jwksmith reaches the target, where there are both.
    fn met(&self) -> Option<bool> {
        Some(self.figure(JWKSMITH)?.ratio.median >= self.target?)
    }
}

/// Everybody who is set against the raw cryptography.
pub(crate) fn compared() -> impl Iterator<Item = &'static str> + Clone {
    ENTRIES.iter().map(|entry| entry.name).filter(|name| *name != RAW)
}

impl Report {
    /// The page in `docs/benchmarks/`.
    pub(crate) fn page(&self) -> String {
        format!(
            "# jwksmith-jose, measured\n\n\
             `cargo xtask bench jose` writes this page and the chart; nobody edits them.\n\n\
             ![Ratios to the raw cryptography](jose.svg)\n\n{self}"
        )
    }

    fn setting(&self, text: &mut impl fmt::Write) -> fmt::Result {
        let Setting { date, machine, compiler, rounds, batch_milliseconds, contestants } = &self.setting;
        writeln!(text, "{date}, on {machine}, with {compiler}.\n")?;
        writeln!(
            text,
            "{rounds} rounds; in each, everybody is timed for about {batch_milliseconds} ms in {TURNS} turns whose median counts, and another begins. \
             Before that each has accepted the good token and refused a tampered one, and each but the raw cryptography \
             tokens with a wrong `iss`, `aud`, `exp` and `nbf`. The payload is the same for every algorithm.\n"
        )?;
        for used in contestants {
            writeln!(text, "* **{}** ({} {}): {}", used.contestant, used.package, used.version, used.note)?;
        }
        writeln!(text)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.setting(f)?;
        writeln!(f, "## Verifying an access token\n\n{RATIO_TOLD}\n")?;
        writeln!(f, "{}\n{}", ratios(&self.verify), spreads(&self.verify))?;
        writeln!(f, "Time of one verification, median, in microseconds:\n\n{}", times(&self.verify))?;
        writeln!(f, "## Signing an access token\n\n{RATIO_TOLD}\n")?;
        writeln!(f, "{}\n{}", ratios(&self.sign), spreads(&self.sign))?;
        writeln!(f, "Time of one signature, median, in microseconds:\n\n{}", times(&self.sign))?;
        writeln!(f, "## Heap allocations of one verification\n\n{ALLOCATIONS_TOLD}\n")?;
        writeln!(f, "{}", allocations(&self.verify))?;
        writeln!(f, "## Hostile inputs\n\n{}\n\n{}", verdict(&self.hostile), refusals(&self.hostile))
    }
}

const RATIO_TOLD: &str =
    "Ratio to the raw cryptography, median of the rounds: 1.00 is free, more is better, – is not supported.";

const ALLOCATIONS_TOLD: &str = "Allocations and reallocations of Rust code only: what AWS-LC and OpenSSL allocate in C is counted for nobody.";

fn ratios(lines: &[Line]) -> Table {
    let mut table = Table::new(["algorithm", "token bytes", "raw µs"]);
    table.head.extend(compared().map(str::to_owned));
    table.head.extend(["target", "met"].map(str::to_owned));
    for line in lines {
        let mut row =
            vec![line.algorithm.to_owned(), line.token_bytes.to_string(), microseconds(line.figure(RAW))];
        row.extend(
            compared().map(|name| cell(line.figure(name), |figure| format!("{:.3}", figure.ratio.median))),
        );
        row.push(line.target.map_or_else(none, |target| target.to_string()));
        row.push(line.met().map_or_else(none, |met| if met { "yes" } else { "**no**" }.to_owned()));
        table.rows.push(row);
    }
    table
}

fn spreads(lines: &[Line]) -> String {
    let spread = |figure: &Figure| format!("{:.3}–{:.3}", figure.ratio.min, figure.ratio.max);
    format!("Least and greatest ratio of the rounds:\n\n{}", by_contestant(lines, &compared(), spread))
}

fn times(lines: &[Line]) -> Table {
    let everybody = ENTRIES.iter().map(|entry| entry.name);
    by_contestant(lines, &everybody, |figure| microseconds(Some(figure)))
}

fn allocations(lines: &[Line]) -> Table {
    let mut table = by_contestant(lines, &compared(), |figure| figure.allocations.map_or_else(none, count));
    table.head.extend(["target", "met"].map(str::to_owned));
    for (row, line) in table.rows.iter_mut().zip(lines) {
        let made = line.figure(JWKSMITH).and_then(|figure| figure.allocations);
        row.push(format!("≤ {ALLOCATIONS_MAX}"));
        row.push(
            made.map_or_else(none, |made| if made <= ALLOCATIONS_MAX { "yes" } else { "**no**" }.to_owned()),
        );
    }
    table
}

fn by_contestant(
    lines: &[Line],
    contestants: &(impl Iterator<Item = &'static str> + Clone),
    told: impl Fn(&Figure) -> String,
) -> Table {
    let mut table = Table::new(["algorithm"]);
    table.head.extend(contestants.clone().map(str::to_owned));
    for line in lines {
        let cells = contestants.clone().map(|name| cell(line.figure(name), &told));
        table.rows.push(std::iter::once(line.algorithm.to_owned()).chain(cells).collect());
    }
    table
}

fn refusals(refused: &[Refused]) -> Table {
    let mut table = Table::new(["input", "bytes", "answer", "median µs", "slowest µs"]);
    for Refused { input, bytes, answer, nanoseconds, .. } in refused {
        let [median, slowest] =
            [nanoseconds.median, nanoseconds.max].map(|time| format!("{:.2}", time / 1e3));
        table.rows.push(vec![input.clone(), bytes.to_string(), answer.clone(), median, slowest]);
    }
    table
}

fn verdict(refused: &[Refused]) -> String {
    let Some(worst) = hostile::worst(refused) else { return "No input of 8 MiB was tried.".to_owned() };
    let (time, limit) = (worst.nanoseconds.median / 1e3, REFUSAL_NANOSECONDS_MAX / 1e3);
    let met = if worst.nanoseconds.median < REFUSAL_NANOSECONDS_MAX { "met" } else { "**not met**" };
    format!(
        "The worst input of 8 MiB is \"{}\", refused in {time:.2} µs (median); target: under {limit} µs, {met}.",
        worst.input
    )
}

fn cell(figure: Option<&Figure>, told: impl Fn(&Figure) -> String) -> String {
    figure.map_or_else(none, told)
}

fn microseconds(figure: Option<&Figure>) -> String {
    cell(figure, |figure| format!("{:.2}", figure.nanoseconds.median / 1e3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(target: Option<f64>, ratio: f64) -> Line {
        let spread = |value| Spread { median: value, min: value, max: value };
        let figure = |contestant, ratio| Figure {
            contestant,
            nanoseconds: spread(1_000.0),
            ratio: spread(ratio),
            allocations: Some(2.0),
        };
        let figures = vec![figure(RAW, 1.0), figure(JWKSMITH, ratio)];
        Line { algorithm: "RS256", token_bytes: 900, target, figures }
    }

    #[test]
    fn target_is_met_at_it_and_not_below_it() {
        assert_eq!(line(Some(0.95), 0.95).met(), Some(true));
        assert_eq!(line(Some(0.95), 0.949).met(), Some(false));
        assert_eq!(line(None, 0.949).met(), None);
        assert_eq!(Line { figures: Vec::new(), ..line(Some(0.95), 1.0) }.met(), None);
    }

    #[test]
    fn table_tells_who_is_not_supported() {
        let text = ratios(&[line(Some(0.95), 0.5)]).to_string();
        let mut lines = text.lines();
        assert_eq!(
            lines.next().unwrap(),
            "| algorithm | token bytes | raw µs | jwksmith | jsonwebtoken | josekit | jwt-simple | jwt-compact | target |    met |"
        );
        assert_eq!(
            lines.nth(1).unwrap(),
            "| RS256     |         900 |   1.00 |    0.500 |            – |       – |          – |           – |   0.95 | **no** |"
        );
    }
}
