//! Adds up what `cargo test` says at the end of each test binary.

use std::fmt;
use std::ops::AddAssign;

/// How many tests passed, failed and were not run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// Takes in one line of output; any line but a `test result:` one is nothing to it.
    pub(crate) fn hear(&mut self, line: &str) {
        if let Some(heard) = Self::parse(line) {
            *self += heard;
        }
    }

    /// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s`.
    fn parse(line: &str) -> Option<Self> {
        let (_, figures) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
        let figure = |word: &str| {
            figures.split(';').find_map(|part| part.trim().strip_suffix(word)?.trim().parse().ok())
        };
        Some(Self { passed: figure("passed")?, failed: figure("failed")?, skipped: figure("ignored")? })
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    /// The form that tools which read a build's log look for; it stands alone on its line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], expected: &str) {
        let mut tally = Tally::default();
        for line in lines {
            tally.hear(line);
        }
        assert_eq!(tally.to_string(), expected, "{lines:?}");
    }

    #[test]
    fn result_lines_are_summed() {
        let ok =
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        let bad = "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 5 filtered out; finished in 1.5s";
        check(&[ok], "3 passed, 0 failed, 1 skipped");
        check(&["running 12 tests", bad, "", ok], "13 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn other_lines_count_nothing() {
        check(&[], "0 passed, 0 failed, 0 skipped");
        check(
            &["test token::parses ... ok", "9 passed; 1 failed; 2 ignored"],
            "0 passed, 0 failed, 0 skipped",
        );
        check(&["test result: ok. many passed; 0 failed; 0 ignored;"], "0 passed, 0 failed, 0 skipped");
        check(&["test result: ok"], "0 passed, 0 failed, 0 skipped");
    }
}
