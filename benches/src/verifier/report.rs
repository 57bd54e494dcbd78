//! The figures of a run, and how they are told: what was promised first, and then each table.

use std::fmt;

use jwksmith_benches::measure::{Spread, TURNS};
use jwksmith_benches::setting::Setting;
use jwksmith_benches::table::{Table, count, none};
use serde::Serialize;

use crate::cold::{CALLERS, Cold};
use crate::contestants::JWKSMITH;
use crate::flood::{FLOOD_PER_SECOND, Flood, GOOD_PER_SECOND, Stretches};
use crate::memory::{self, Memory};
use crate::scripts::{Figures, Outcome};
use crate::selection::Selection;
use crate::token_cache::{self, Hits};
use crate::warm::{self, Scaling, Warm};

/// What a verification may cost beyond jose's own.
const ADDED_NANOSECONDS_MAX: f64 = 150.0;

/// What two threads must do in the time of one.
const TWO_THREADS_MIN: f64 = 1.9;

#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) setting: Setting,
    pub(crate) warm: Warm,
    pub(crate) token_cache: Vec<Hits>,
    pub(crate) stretches: Stretches,
    pub(crate) stretch_milliseconds: u128,
    pub(crate) floods: Vec<Flood>,
    pub(crate) memory: Vec<Memory>,
    pub(crate) cold: Vec<Cold>,
    pub(crate) selection: Vec<Selection>,
    pub(crate) clients: Vec<Client>,
    /// Contestants in Rust that failed at something, and why.
    pub(crate) failures: Vec<String>,
}

/// A client in another language.
#[derive(Serialize)]
pub(crate) struct Client {
    name: &'static str,
    note: &'static str,
    asks_again: Option<&'static str>,
    version: Option<String>,
    not_measured: Option<String>,
    verification_nanoseconds: Option<Spread>,
    cold_milliseconds: Option<f64>,
    cold_fetches: Option<usize>,
    flood_sent: Option<u64>,
    flood_fetches: Option<usize>,
    refusal_nanoseconds: Option<f64>,
    hits: Vec<ClientHits>,
}

#[derive(Serialize)]
struct ClientHits {
    live_tokens: usize,
    way: String,
    nanoseconds: Spread,
}

/// Something that was promised, and whether it is kept.
#[derive(Serialize)]
struct Promise {
    what: String,
    target: String,
    measured: String,
    met: bool,
}

impl Client {
    pub(crate) fn of(outcome: Outcome) -> Self {
        let Outcome { client, note, asks_again, figures } = outcome;
        let mut told = Self {
            name: client,
            note,
            asks_again,
            version: None,
            not_measured: None,
            verification_nanoseconds: None,
            cold_milliseconds: None,
            cold_fetches: None,
            flood_sent: None,
            flood_fetches: None,
            refusal_nanoseconds: None,
            hits: Vec::new(),
        };
        match figures {
            Ok(figures) => told.take(figures),
            Err(reason) => told.not_measured = Some(reason),
        }
        told
    }

    fn take(&mut self, figures: Figures) {
        let Figures { printed, cold_fetches, flood_fetches } = figures;
        self.version = Some(printed.version);
        self.verification_nanoseconds = Some(Spread::of(printed.verification_ns));
        self.cold_milliseconds = printed.cold_ms;
        self.cold_fetches = printed.cold_ms.map(|_| cold_fetches);
        self.flood_sent = printed.flood.as_ref().map(|flood| flood.sent);
        self.flood_fetches = printed.flood.as_ref().map(|_| flood_fetches);
        self.refusal_nanoseconds = printed.flood.as_ref().map(|flood| flood.refusal_ns);
        let hits = printed.hits.into_iter().map(|hit| ClientHits {
            live_tokens: hit.live_tokens,
            way: hit.way,
            nanoseconds: Spread::of(hit.ns),
        });
        self.hits = hits.collect();
    }
}

impl Report {
    /// The page in `docs/benchmarks/`.
    pub(crate) fn page(&self) -> String {
        format!(
            "# jwksmith-verifier, measured\n\n\
             `cargo xtask bench verifier` writes this page; nobody edits it.\n\n{self}"
        )
    }

    /// The figures and the verdicts, for programs.
    pub(crate) fn json(&self) -> serde_json::Result<String> {
        let mut value = serde_json::to_value(self)?;
        value["promises"] = serde_json::to_value(self.promises())?;
        serde_json::to_string_pretty(&value)
    }

    fn promises(&self) -> Vec<Promise> {
        let mut promises = self.warm_promises();
        promises.extend(self.token_cache_promises());
        promises.extend(self.flood_promises());
        promises.extend(self.memory.iter().take(1).map(memory_promise));
        let ours = self.cold.iter().filter(|cold| cold.contestant == JWKSMITH);
        promises.extend(ours.map(cold_promise));
        promises
    }

    fn warm_promises(&self) -> Vec<Promise> {
        let mut promises = Vec::new();
        let jose = self.warm.line(warm::JOSE).map_or(0.0, |line| line.allocations);
        for way in [warm::VERIFY, warm::TRY_VERIFY] {
            let Some(line) = self.warm.line(way) else { continue };
            let (added, own) = (line.added_nanoseconds.median, line.allocations - jose);
            promises.push(Promise {
                what: format!("`{way}` beyond jose's own"),
                target: format!("≤ {ADDED_NANOSECONDS_MAX} ns"),
                measured: format!("{added:.0} ns"),
                met: added <= ADDED_NANOSECONDS_MAX,
            });
            promises.push(Promise {
                what: format!("heap allocations of `{way}`'s own"),
                target: "0".to_owned(),
                measured: count(own),
                met: own <= 0.0,
            });
        }
        let scaling = self.warm.threads.iter().find(|scaling| scaling.way == warm::TRY_VERIFY);
        promises.extend(scaling.map(|Scaling { ratio, .. }| Promise {
            what: "two threads against one".to_owned(),
            target: format!("≥ {TWO_THREADS_MIN}"),
            measured: format!("{:.2} (median; {:.2} to {:.2})", ratio.median, ratio.min, ratio.max),
            met: ratio.median >= TWO_THREADS_MIN,
        }));
        promises
    }

    fn token_cache_promises(&self) -> impl Iterator<Item = Promise> {
        let rows = self.token_cache.iter().zip(token_cache::ROWS);
        rows.filter_map(|(hits, (live, target))| {
            let line = hits.lines.iter().find(|line| line.way == token_cache::VERIFY_TOKEN)?;
            let worth = line.hits_in_a_verification.median;
            Some(Promise {
                what: format!("a hit among {live} verified tokens, of one verification"),
                target: format!("≤ 1/{target}"),
                measured: format!("1/{worth:.0}"),
                met: worth >= target,
            })
        })
    }

    fn flood_promises(&self) -> Vec<Promise> {
        let Some(flood) = self.floods.iter().find(|flood| flood.contestant == JWKSMITH) else {
            return Vec::new();
        };
        let (fetched, allowed) = (flood.fetches.key_set, flood.allowed.unwrap_or_default());
        let (p99, max) = (flood.flooded.p99.median, flood.p99_max());
        vec![
            Promise {
                what: format!("fetches of the key set in {:.1} s, the flood in half of them", flood.seconds),
                target: format!("{allowed}, as burst and floor allow"),
                measured: fetched.to_string(),
                met: u64::try_from(fetched).is_ok_and(|fetched| fetched == allowed),
            },
            Promise {
                what: "p99 of the good tokens under flood".to_owned(),
                target: format!("≤ {max:.1} µs: 1.5 × the quiet one, and one refusal"),
                measured: format!("{p99:.1} µs"),
                met: p99 <= max,
            },
        ]
    }

    fn setting(&self, text: &mut impl fmt::Write) -> fmt::Result {
        let Setting { date, machine, compiler, rounds, batch_milliseconds, contestants } = &self.setting;
        writeln!(text, "{date}, on {machine}, with {compiler}.\n")?;
        writeln!(
            text,
            "RS256 with 2048 bits, a token of {} bytes, the issuer on the loopback interface, the system's clock. {rounds} \
             rounds; in each, everybody is timed for about {batch_milliseconds} ms in {TURNS} turns whose median counts, \
             and another begins. What is added is the difference within one round.\n",
            self.warm.token_bytes
        )?;
        for used in contestants {
            writeln!(text, "* **{}** ({} {}): {}", used.contestant, used.package, used.version, used.note)?;
        }
        for client in &self.clients {
            let Client { name, note, version, not_measured, .. } = client;
            match (version, not_measured) {
                (Some(version), _) => writeln!(text, "* **{name}** ({version}): {note}")?,
                (_, reason) => writeln!(
                    text,
                    "* **{name}**: not measured: {}",
                    reason.as_deref().unwrap_or("no reason is known")
                )?,
            }
        }
        for failure in &self.failures {
            writeln!(text, "* not measured: {failure}")?;
        }
        writeln!(text)
    }

    fn all_tables(&self) -> [(&'static str, String, Table); 8] {
        let flood = format!(
            "{} pairs of a quiet stretch and one of flood, {} ms each. One thread sends {FLOOD_PER_SECOND} tokens a second \
             with made-up `kid`s, open loop: each is a task that begins when it is due. Another verifies {GOOD_PER_SECOND} \
             good tokens a second. Latencies are those of the good tokens in microseconds, the median of the stretches. \
             Fetches are those of the key set, the first load included. How soon a `kid` that a key set lacks causes another \
             fetch is what each documents, and how long a rotated key may wait. Clients in other languages are sent so many \
             tokens one after the other, and have no latency beside it. \"Behind\" is what was still to be settled at the \
             end.",
            self.stretches.pairs, self.stretch_milliseconds
        );
        let cold = format!(
            "{CALLERS} simultaneous callers and no key set yet; the issuer holds its key set back until all have asked. \
             (It does not wait for the clients in other languages.) The most fetches of any round, and the time from the \
             first call to the last answer."
        );
        [
            ("What was promised", String::new(), self.promise_table()),
            ("With the key set at hand", WARM.to_owned(), self.warm_table()),
            ("Two threads", THREADS.to_owned(), self.thread_table()),
            ("Verified tokens, remembered", HITS.to_owned(), self.hit_table()),
            ("A flood of made-up `kid`s", flood, self.flood_table()),
            ("Cold start", cold, self.cold_table()),
            ("Memory", MEMORY.to_owned(), memory_table(&self.memory)),
            ("Several issuers", SELECTION.to_owned(), selection_table(&self.selection)),
        ]
    }

    fn promise_table(&self) -> Table {
        let mut table = Table::new(["what", "target", "measured", "met"]);
        for Promise { what, target, measured, met } in self.promises() {
            table.rows.push(vec![what, target, measured, if met { "yes" } else { "**no**" }.to_owned()]);
        }
        table
    }

    fn warm_table(&self) -> Table {
        let mut table = Table::new(["", "µs", "added ns", "least", "greatest", "allocations"]);
        for line in &self.warm.lines {
            let mut row = vec![line.way.to_owned(), microseconds(line.nanoseconds.median)];
            row.extend(added_cells(line.way, line.added_nanoseconds));
            row.push(count(line.allocations));
            table.rows.push(row);
        }
        for client in &self.clients {
            let Some(spread) = client.verification_nanoseconds else { continue };
            let dashes = std::iter::repeat_with(none).take(4);
            let row = [client.name.to_owned(), microseconds(spread.median)];
            table.rows.push(row.into_iter().chain(dashes).collect());
        }
        table
    }

    fn thread_table(&self) -> Table {
        let mut table = Table::new(["", "one thread, 1/s", "two against one", "least", "greatest"]);
        for Scaling { way, per_second, ratio } in &self.warm.threads {
            let mut row = vec![(*way).to_owned(), format!("{:.0}", per_second.median)];
            row.extend(spread_cells(*ratio, |value| format!("{value:.2}")));
            table.rows.push(row);
        }
        table
    }

    fn hit_table(&self) -> Table {
        let mut table = Table::new(["", "live tokens", "ns", "of a verification", "of its own"]);
        for hits in &self.token_cache {
            for line in &hits.lines {
                let part = format!("1/{:.0}", line.hits_in_a_verification.median);
                let nanoseconds = format!("{:.0}", line.nanoseconds.median);
                let live = hits.live_tokens.to_string();
                table.rows.push(vec![line.way.to_owned(), live, nanoseconds, part.clone(), part]);
            }
        }
        let jose = self.token_cache.first().map(|hits| hits.verification_nanoseconds.median);
        for client in &self.clients {
            for hits in &client.hits {
                let nanoseconds = hits.nanoseconds.median;
                let part = |whole: Option<f64>| whole.map_or_else(none, |whole| part(whole / nanoseconds));
                table.rows.push(vec![
                    format!("{}, {}", client.name, hits.way),
                    hits.live_tokens.to_string(),
                    format!("{nanoseconds:.0}"),
                    part(jose),
                    part(client.verification_nanoseconds.map(|own| own.median)),
                ]);
            }
        }
        table
    }

    fn flood_table(&self) -> Table {
        let mut table = Table::new([
            "",
            "sent",
            "fetches",
            "asks again after",
            "quiet p50",
            "quiet p99",
            "flood p50",
            "flood p99",
            "one refusal",
            "behind ms",
        ]);
        for flood in &self.floods {
            let latency = [&flood.quiet.p50, &flood.quiet.p99, &flood.flooded.p50, &flood.flooded.p99];
            let mut row =
                vec![flood.contestant.to_owned(), flood.sent.to_string(), flood.fetches.key_set.to_string()];
            row.push(flood.asks_again.to_owned());
            row.extend(latency.map(|spread| format!("{:.1}", spread.median)));
            row.push(microseconds(flood.refusal_nanoseconds.median));
            row.push(format!("{:.1}", flood.behind_milliseconds));
            table.rows.push(row);
        }
        for client in &self.clients {
            let (Some(sent), Some(fetches)) = (client.flood_sent, client.flood_fetches) else { continue };
            let mut row = vec![client.name.to_owned(), sent.to_string(), fetches.to_string()];
            row.push(client.asks_again.map_or_else(none, str::to_owned));
            row.extend(std::iter::repeat_with(none).take(4));
            row.push(client.refusal_nanoseconds.map_or_else(none, microseconds));
            row.push(none());
            table.rows.push(row);
        }
        table
    }

    fn cold_table(&self) -> Table {
        let mut table = Table::new(["", "discovery", "key set", "ms", "least", "greatest"]);
        for cold in &self.cold {
            let fetches = [cold.fetches.discovery, cold.fetches.key_set].map(|fetches| fetches.to_string());
            let mut row = vec![cold.contestant.to_owned()];
            row.extend(fetches);
            row.extend(spread_cells(cold.milliseconds, |value| format!("{value:.1}")));
            table.rows.push(row);
        }
        for client in &self.clients {
            let (Some(fetches), Some(time)) = (client.cold_fetches, client.cold_milliseconds) else {
                continue;
            };
            let time = format!("{time:.1}");
            table.rows.push(vec![client.name.to_owned(), none(), fetches.to_string(), time, none(), none()]);
        }
        table
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.setting(f)?;
        let told = self.all_tables().into_iter().filter(|(.., table)| !table.rows.is_empty());
        for (at, (title, words, table)) in told.enumerate() {
            let between = if at == 0 { "" } else { "\n" };
            let words = if words.is_empty() { words } else { format!("{words}\n\n") };
            write!(f, "{between}## {title}\n\n{words}{table}")?;
        }
        Ok(())
    }
}

const WARM: &str = "One verification, median of the rounds. Ours and `jose::verify` read `AccessClaims`, all its lists \
                    included, and so does jwt-authorizer; allocations are those of Rust code, and what AWS-LC and ring do in C is \
                    counted for nobody. Clients in other languages have their rounds to themselves.";

const THREADS: &str = "Each thread verifies in a loop of its own, for as long as the other. What the machine gives to two \
                       threads is in the first row, which shares nothing but the key.";

const HITS: &str = "A token that was verified before, asked for again, out of a buffer that was just written; the tokens come \
                    in an order that no prefetcher foresees. As a part of one verification through `jose::verify`, and of the library's own.";

const MEMORY: &str = "Issuers with 5 RSA keys of 2048 bits each, and their key sets loaded: the bytes of Rust code that come \
                      back when the verifier is dropped. AWS-LC's half of a key is in C and not among them; it is in what is \
                      resident.";

const SELECTION: &str = "The token's issuer is found among several; what is added is beyond `jose::verify`, which is handed \
                         each token's keys. With the tokens of a thousand issuers in turn, no key is in the processor's \
                         cache.";

fn memory_promise(memory: &Memory) -> Promise {
    Promise {
        what: format!("{} issuers with 5 keys each", memory.issuers),
        target: format!("≤ {:.0} MB", memory::BYTES_MAX / 1e6),
        measured: format!("{:.1} MB", memory.bytes / 1e6),
        met: memory.bytes <= memory::BYTES_MAX,
    }
}

fn cold_promise(cold: &Cold) -> Promise {
    let fetches = cold.fetches;
    Promise {
        what: format!("fetches of {CALLERS} simultaneous callers at a cold start"),
        target: "1 discovery and 1 key set".to_owned(),
        measured: format!("{} and {}", fetches.discovery, fetches.key_set),
        met: (fetches.discovery, fetches.key_set) == (1, 1),
    }
}

fn memory_table(memory: &[Memory]) -> Table {
    let mut table = Table::new(["transport", "issuers", "MB", "kB for each", "resident MB"]);
    for held in memory {
        table.rows.push(vec![
            held.transport.to_owned(),
            held.issuers.to_string(),
            format!("{:.1}", held.bytes / 1e6),
            format!("{:.1}", held.per_issuer() / 1e3),
            held.resident_bytes.map_or_else(none, |bytes| format!("{:.1}", bytes / 1e6)),
        ]);
    }
    table
}

fn selection_table(selections: &[Selection]) -> Table {
    let mut table = Table::new(["", "issuers", "tokens", "µs", "added ns", "least", "greatest"]);
    for selection in selections {
        let mut row = vec![selection.way.to_owned(), selection.issuers.to_string()];
        row.extend([selection.tokens.to_owned(), microseconds(selection.nanoseconds.median)]);
        row.extend(added_cells(selection.way, selection.added_nanoseconds));
        table.rows.push(row);
    }
    table
}

/// Beyond jose, which is the measure itself.
fn added_cells(way: &str, added: Spread) -> [String; 3] {
    if way == warm::JOSE {
        [none(), none(), none()]
    } else {
        spread_cells(added, |value| format!("{value:.0}"))
    }
}

/// Median, least and greatest.
fn spread_cells(spread: Spread, told: impl Fn(f64) -> String) -> [String; 3] {
    [spread.median, spread.min, spread.max].map(told)
}

fn microseconds(nanoseconds: f64) -> String {
    format!("{:.2}", nanoseconds / 1e3)
}

/// A part of something, as one over how often it fits in.
fn part(times: f64) -> String {
    if times < 10.0 { format!("1/{times:.1}") } else { format!("1/{times:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Fetches;

    #[test]
    fn memory_is_kept_to_at_its_limit_and_not_past_it() {
        let of = |bytes| {
            memory_promise(&Memory { transport: "in process", issuers: 1_000, bytes, resident_bytes: None })
        };
        assert!(of(memory::BYTES_MAX).met);
        assert!(!of(memory::BYTES_MAX + 1.0).met);
    }

    #[test]
    fn cold_start_is_one_fetch_of_each_and_nothing_else() {
        let spread = Spread { median: 1.0, min: 1.0, max: 1.0 };
        let of = |discovery, key_set| {
            let fetches = Fetches { discovery, key_set };
            cold_promise(&Cold { contestant: JWKSMITH, fetches, milliseconds: spread }).met
        };
        assert!(of(1, 1));
        assert!(!of(1, 2) && !of(2, 1) && !of(0, 1));
    }

    #[test]
    fn part_is_told_as_precisely_as_it_matters() {
        assert_eq!([3.12, 93.6].map(part), ["1/3.1", "1/94"]);
    }
}
