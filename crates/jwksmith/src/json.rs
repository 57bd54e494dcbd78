//! JSON text of a token, laid out anew and otherwise as it was written (RFC 8259).
//!
//! A number of thirty digits, the order of the members and every escape stay what they were, because nothing here is parsed
//! into values: whether a text is JSON at all has been decided before, by `jwksmith_jose`. What a terminal would obey or
//! hide instead of showing it is escaped, which in JSON changes nothing of its meaning.

use std::fmt::Write as _;

use crate::output::is_unprintable;
use crate::style::{self, paint};

/// On one line, without blanks.
pub(crate) fn compact(json: &str) -> String {
    Layout::new(false).of(json)
}

/// Over several lines, indented by two blanks.
pub(crate) fn pretty(json: &str) -> String {
    Layout::new(true).of(json)
}

/// The same with names, strings and numbers in their colours.
pub(crate) fn coloured(json: &str) -> String {
    pretty(json).lines().map(coloured_line).collect::<Vec<_>>().join("\n")
}

/// One line of a laid-out text: a member, an element, or a bracket.
fn coloured_line(line: &str) -> String {
    let content = line.trim_start();
    let indent = line.get(..line.len().saturating_sub(content.len())).unwrap_or_default();
    match string_end(content).and_then(|end| content.split_at_checked(end)) {
        Some((name, rest)) if rest.starts_with(':') => {
            let value = rest.strip_prefix(": ").unwrap_or_default();
            format!("{indent}{}: {}", paint(style::NAME, name), coloured_value(value))
        }
        _ => format!("{indent}{}", coloured_value(content)),
    }
}

fn coloured_value(value: &str) -> String {
    let (value, comma) = value.strip_suffix(',').map_or((value, ""), |value| (value, ","));
    match value.chars().next() {
        Some('"') => format!("{}{comma}", paint(style::TEXT, value)),
        Some('{' | '}' | '[' | ']') | None => format!("{value}{comma}"),
        Some(_) => format!("{}{comma}", paint(style::NUMBER, value)),
    }
}

/// Where the string at the beginning ends, quotes included.
fn string_end(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    let inner = text.strip_prefix('"')?;
    let end = inner.find(|c| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    })?;
    end.checked_add(2)
}

/// A text being laid out, character by character.
struct Layout {
    out: String,
    /// Whether it goes over several lines.
    tall: bool,
    depth: usize,
    /// Just after an opening bracket: the next character decides whether a line ends there.
    opened: bool,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Structure,
    String,
    /// After a backslash in a string.
    Escape,
}

impl Layout {
    fn new(tall: bool) -> Self {
        Self { out: String::new(), tall, depth: 0, opened: false, place: Place::Structure }
    }

    fn of(mut self, json: &str) -> String {
        for c in json.chars() {
            match self.place {
                Place::Structure => self.structure(c),
                Place::String | Place::Escape => self.string(c),
            }
        }
        self.out
    }

    fn string(&mut self, c: char) {
        self.place = match (self.place, c) {
            (Place::String, '\\') => Place::Escape,
            (Place::String, '"') => Place::Structure,
            _ => Place::String,
        };
        if is_unprintable(c) { push_escaped(&mut self.out, c) } else { self.out.push(c) }
    }

    fn structure(&mut self, c: char) {
        match c {
            ' ' | '\t' | '\r' | '\n' => {}
            '}' | ']' => self.close(c),
            ',' => {
                self.out.push(c);
                self.new_line();
            }
            ':' => self.out.push_str(if self.tall { ": " } else { ":" }),
            _ => self.begin_value(c),
        }
    }

    fn close(&mut self, bracket: char) {
        self.depth = self.depth.saturating_sub(1);
        if !self.opened {
            self.new_line();
        }
        self.opened = false;
        self.out.push(bracket);
    }

    fn begin_value(&mut self, c: char) {
        if self.opened {
            self.opened = false;
            self.new_line();
        }
        self.out.push(c);
        match c {
            '"' => self.place = Place::String,
            '{' | '[' => {
                self.depth = self.depth.saturating_add(1);
                self.opened = true;
            }
            _ => {}
        }
    }

    fn new_line(&mut self) {
        if self.tall {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", self.depth));
        }
    }
}

/// RFC 8259 §7: as UTF-16 code units.
fn push_escaped(out: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing to a `String` cannot fail.
        let _ = write!(out, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use super::{coloured, compact, pretty};

    #[test]
    fn compact_drops_blanks_outside_of_strings_only() {
        let check = |json: &str, expected: &str| assert_eq!(compact(json), expected);
        check("{}", "{}");
        check("{ \"a\" : [ 1 , 2 ] ,\r\n\t\"b\" : \" : , { \" }\n", r#"{"a":[1,2],"b":" : , { "}"#);
        check(r#"{"a":"\"}\\","b":"\\"}"#, r#"{"a":"\"}\\","b":"\\"}"#);
    }

    #[test]
    fn compact_keeps_numbers_and_order_as_written() {
        let json = r#"{"z":123456789012345678901234567890,"a":1.10,"m":1E+2}"#;
        assert_eq!(compact(json), json);
    }

    #[test]
    fn compact_escapes_what_a_terminal_would_obey() {
        let check = |json: &str, expected: &str| assert_eq!(compact(json), expected);
        check("{\"a\":\"\u{7f}\u{9b}31m\"}", r#"{"a":"\u007f\u009b31m"}"#);
        check("{\"a\u{202e}\":1}", r#"{"a\u202e":1}"#);
        check("{\"a\":\"\u{e0041}\"}", r#"{"a":"\udb40\udc41"}"#);
        check("{\"a\":\"\\u001b[31m é 漢\"}", r#"{"a":"\u001b[31m é 漢"}"#);
    }

    #[test]
    fn pretty_indents_and_keeps_empty_brackets_together() {
        let check = |json: &str, expected: &str| assert_eq!(pretty(json), expected);
        check("{ }", "{}");
        check(r#"{"a":[],"b":{}}"#, "{\n  \"a\": [],\n  \"b\": {}\n}");
        check(
            r#"{"a":[1,{"b":"x:y,z"}]}"#,
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x:y,z\"\n    }\n  ]\n}",
        );
    }

    #[test]
    fn coloured_paints_names_strings_and_numbers() {
        let check = |json: &str, expected: &str| {
            let shown = coloured(json).replace("\u{1b}[0m", ">").replace("\u{1b}[36m", "<n ");
            let shown = shown.replace("\u{1b}[32m", "<s ").replace("\u{1b}[33m", "<v ");
            assert_eq!(shown, expected);
        };
        check("{}", "{}");
        check(r#"{"a":1}"#, "{\n  <n \"a\">: <v 1>\n}");
        check(r#"{"a":"b","c":[]}"#, "{\n  <n \"a\">: <s \"b\">,\n  <n \"c\">: []\n}");
        check(r#"{"a":["b: c",null]}"#, "{\n  <n \"a\">: [\n    <s \"b: c\">,\n    <v null>\n  ]\n}");
        check(r#"{"a\": ":"\\"}"#, "{\n  <n \"a\\\": \">: <s \"\\\\\">\n}");
        check(r#"{"":","}"#, "{\n  <n \"\">: <s \",\">\n}");
    }
}
