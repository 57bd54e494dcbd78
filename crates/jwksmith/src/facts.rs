//! Facts under each other, with what deserves a look marked.

use jwksmith_jose::UnixTime;

use crate::at;
use crate::output::printable;
use crate::style::{self, paint};

/// A label and what stands beside it.
pub(crate) struct Fact {
    label: &'static str,
    value: String,
    /// What is wrong with it, in a word or two
    mark: Option<&'static str>,
    is_time: bool,
}

impl Fact {
    pub(crate) fn new(label: &'static str, value: impl Into<String>) -> Self {
        Self { label, value: value.into(), mark: None, is_time: false }
    }

    /// A time, and how far it is from `now`.
    pub(crate) fn time(label: &'static str, time: UnixTime, now: UnixTime) -> Self {
        Self { is_time: true, ..Self::new(label, at::described(time, now)) }
    }

    /// The same, marked if that is so.
    pub(crate) fn marked(self, is_so: bool, mark: &'static str) -> Self {
        Self { mark: is_so.then_some(mark), ..self }
    }
}

/// Facts as lines, indented by two blanks. Nothing from outside can begin a line of its own.
pub(crate) fn lines(facts: &[Fact]) -> String {
    let width = facts.iter().map(|fact| fact.label.len()).max().unwrap_or_default();
    let line = |fact: &Fact| {
        let label = paint(style::NAME, format_args!("{:width$}", fact.label));
        let value = printable(&fact.value);
        let value = if fact.is_time { paint(style::TIME, value) } else { value };
        let mark = fact.mark.map(|mark| format!(": {}", paint(style::BAD, mark)));
        format!("  {label}  {value}{}", mark.unwrap_or_default())
    };
    facts.iter().map(line).collect::<Vec<_>>().join("\n")
}
