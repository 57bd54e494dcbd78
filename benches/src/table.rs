//! Tables in Markdown that read as well in a terminal, and how their cells are written.

use std::fmt::{self, Write as _};

/// A Markdown table, its columns aligned.
pub struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new<const N: usize>(head: [&str; N]) -> Self {
        Self { head: head.map(str::to_owned).to_vec(), rows: Vec::new() }
    }

    fn widths(&self) -> Vec<usize> {
        let width = |at: usize| {
            let column = std::iter::once(&self.head).chain(&self.rows).filter_map(|row| row.get(at));
            column.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        (0..self.head.len()).map(width).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        writeln!(f, "{}", aligned(&self.head, &widths))?;
        // The first column is words, the others are figures and stand to the right.
        let rules = widths.iter().enumerate().map(|(at, width)| {
            let rule = "-".repeat(width.saturating_sub(usize::from(at > 0)));
            if at == 0 { rule } else { format!("{rule}:") }
        });
        writeln!(f, "| {} |", rules.collect::<Vec<_>>().join(" | "))?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{}", aligned(row, &widths)))
    }
}

fn aligned(row: &[String], widths: &[usize]) -> String {
    let mut text = String::from("|");
    for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
        let written =
            if at == 0 { write!(text, " {cell:<width$} |") } else { write!(text, " {cell:>width$} |") };
        written.expect("a string takes whatever is written to it");
    }
    text
}

/// The cell of what there is not.
pub fn none() -> String {
    "–".to_owned()
}

/// A whole number where it is one: an allocation that is made once in a while is a fraction.
pub fn count(allocations: f64) -> String {
    if allocations.fract().abs() < 1e-9 { format!("{allocations:.0}") } else { format!("{allocations:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_is_whole_where_it_can_be() {
        assert_eq!([2.0, 2.25].map(count), ["2", "2.25"]);
    }
}
