//! Reads a Rust file just well enough to ask what its code says: comments and the insides of literals are blanked, and
//! the items under `#[cfg(test)]` are known.
//!
//! This is no parser. It keeps lines in place, so that a finding points at the right one, and leaves all judgement to the
//! rules.

use std::ops::RangeInclusive;
use std::str::Chars;

/// One Rust file.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// Line by line what the file was, with comments and the insides of literals blanked.
    code: Vec<String>,
    literals: Vec<Literal>,
    imports: Vec<Import>,
    tests: Vec<TestItem>,
}

/// A string literal as it is written, escapes and all.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Literal {
    pub(super) line: usize,
    pub(super) text: String,
}

/// One path of a `use`, with its braces opened.
#[derive(Debug)]
struct Import {
    line: usize,
    path: String,
}

/// An item under `#[cfg(test)]`.
#[derive(Debug)]
struct TestItem {
    lines: RangeInclusive<usize>,
    /// The file it names, if it is `mod name;`.
    module: Option<String>,
}

impl Source {
    pub(super) fn read(text: &str) -> Self {
        let Lexed { code, literals } = Lexer::new(text).run();
        let tests = test_items(&code);
        let imports = imports(&code);
        Self { code: code.lines().map(str::to_owned).collect(), literals, imports, tests }
    }

    /// Lines that say `pattern` as a whole word or path, outside tests, whether in code or opened from a `use`.
    pub(super) fn shipped_mentions(&self, pattern: &str) -> Vec<usize> {
        let written = self.lines().filter(|(_, line)| mentions(line, pattern)).map(|(number, _)| number);
        let imported =
            self.imports.iter().filter(|import| mentions(&import.path, pattern)).map(|import| import.line);
        let mut lines: Vec<_> = written.chain(imported).collect();
        lines.retain(|line| !self.is_test(*line));
        lines.sort_unstable();
        lines.dedup();
        lines
    }

    /// String literals outside tests.
    pub(super) fn shipped_literals(&self) -> impl Iterator<Item = &Literal> {
        self.literals.iter().filter(|literal| !self.is_test(literal.line))
    }

    /// The whole blanked code, for what spans lines.
    pub(super) fn code(&self) -> String {
        self.code.join("\n")
    }

    /// The modules in files of their own that only tests have.
    pub(super) fn test_modules(&self) -> impl Iterator<Item = &str> {
        self.tests.iter().filter_map(|item| item.module.as_deref())
    }

    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.code.iter().map(String::as_str))
    }

    fn is_test(&self, line: usize) -> bool {
        self.tests.iter().any(|item| item.lines.contains(&line))
    }
}

/// Whether `text` says `pattern`, not as a part of a longer name.
pub(super) fn mentions(text: &str, pattern: &str) -> bool {
    positions(text, pattern).next().is_some()
}

/// Where `text` says `pattern`, not as a part of a longer name. A trailing `*` stands for the rest of a name.
pub(super) fn positions<'a>(text: &'a str, pattern: &'a str) -> impl Iterator<Item = usize> + 'a {
    let (pattern, any_rest) = pattern.strip_suffix('*').map_or((pattern, false), |stem| (stem, true));
    let open_left = !pattern.starts_with(is_word);
    let open_right = any_rest || !pattern.ends_with(is_word);
    text.match_indices(pattern).map(|(at, _)| at).filter(move |at| {
        let before = text.get(..*at).and_then(|text| text.chars().next_back());
        let after = text.get(at + pattern.len()..).and_then(|text| text.chars().next());
        (open_left || !before.is_some_and(is_word)) && (open_right || !after.is_some_and(is_word))
    })
}

/// The line that a position of `text` is on, counted from 1.
pub(super) fn line_at(text: &str, at: usize) -> usize {
    text.get(..at).map_or(1, |before| before.matches('\n').count() + 1)
}

/// From its opening bracket to the matching closing one, both included; to the end if it is never closed.
pub(super) fn bracketed(text: &str) -> &str {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        depth = deeper(depth, character);
        if depth == 0 {
            return text.get(..=at).unwrap_or(text);
        }
    }
    text
}

pub(super) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn deeper(depth: usize, character: char) -> usize {
    match character {
        '(' | '[' | '{' => depth + 1,
        ')' | ']' | '}' => depth.saturating_sub(1),
        _ => depth,
    }
}

/// The items under `#[cfg(test)]`, or all of the file under `#![cfg(test)]`.
fn test_items(code: &str) -> Vec<TestItem> {
    if code.contains("#![cfg(test)]") {
        return vec![TestItem { lines: 1..=usize::MAX, module: None }];
    }
    let items = code.match_indices("#[cfg(test)]").filter_map(|(at, attribute)| {
        let item = item(code.get(at + attribute.len()..)?);
        let first = line_at(code, at);
        let last = line_at(code, at + attribute.len() + item.len());
        Some(TestItem { lines: first..=last, module: module_file(item) })
    });
    items.collect()
}

/// The item that `text` starts with: to its closing brace, or to its semicolon.
fn item(text: &str) -> &str {
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        depth = deeper(depth, character);
        if depth == 0 && matches!(character, '}' | ';') {
            return text.get(..=at).unwrap_or(text);
        }
    }
    text
}

fn module_file(item: &str) -> Option<String> {
    let (before, name) = item.trim().strip_suffix(';')?.rsplit_once(char::is_whitespace)?;
    mentions(before, "mod").then(|| name.to_owned())
}

/// Every path of every `use`, with its braces opened.
fn imports(code: &str) -> Vec<Import> {
    let mut imports = Vec::new();
    for at in positions(code, "use") {
        let rest = code.get(at + "use".len()..).unwrap_or_default();
        // `use<'a>` in a type captures lifetimes and imports nothing.
        let Some((tree, _)) = rest.split_once(';').filter(|(tree, _)| tree.starts_with(char::is_whitespace))
        else {
            continue;
        };
        let line = line_at(code, at);
        let compact: String = tree.split_whitespace().collect::<Vec<_>>().join(" ");
        imports.extend(open_braces(&compact).into_iter().map(|path| Import { line, path }));
    }
    imports
}

/// `a::{b, c::{d, e}}` → `a::b`, `a::c::d`, `a::c::e`.
fn open_braces(tree: &str) -> Vec<String> {
    let Some((stem, rest)) = tree.split_once('{') else { return vec![tree.trim().to_owned()] };
    let inside = rest.rsplit_once('}').map_or(rest, |(inside, _)| inside);
    let branches = at_top_commas(inside).into_iter().flat_map(open_braces);
    branches.map(|branch| format!("{}{branch}", stem.trim())).collect()
}

fn at_top_commas(text: &str) -> Vec<&str> {
    let mut depth = 0;
    text.split(|character| {
        depth = deeper(depth, character);
        depth == 0 && character == ','
    })
    .collect()
}

struct Lexed {
    code: String,
    literals: Vec<Literal>,
}

/// Walks the text once, keeping code and blanking the rest.
struct Lexer<'a> {
    rest: Chars<'a>,
    line: usize,
    previous: char,
    code: String,
    literals: Vec<Literal>,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str) -> Self {
        let rest = text.chars();
        Self { rest, line: 1, previous: '\n', code: String::with_capacity(text.len()), literals: Vec::new() }
    }

    fn run(mut self) -> Lexed {
        while let Some(character) = self.peek(0) {
            match character {
                '/' if self.peek(1) == Some('/') => self.line_comment(),
                '/' if self.peek(1) == Some('*') => self.block_comment(),
                '"' => self.string(),
                '\'' => self.quote(),
                _ => match self.raw_hashes() {
                    Some(hashes) => self.raw_string(hashes),
                    None => self.keep(),
                },
            }
        }
        Lexed { code: self.code, literals: self.literals }
    }

    /// The character `ahead` of the next one.
    fn peek(&self, ahead: usize) -> Option<char> {
        self.rest.clone().nth(ahead)
    }

    fn keep(&mut self) {
        if let Some(character) = self.take() {
            self.code.push(character);
        }
    }

    fn blank(&mut self) -> Option<char> {
        let character = self.take()?;
        self.code.push(if character == '\n' { '\n' } else { ' ' });
        Some(character)
    }

    fn take(&mut self) -> Option<char> {
        let character = self.rest.next()?;
        self.line += usize::from(character == '\n');
        self.previous = character;
        Some(character)
    }

    fn line_comment(&mut self) {
        while self.peek(0).is_some_and(|character| character != '\n') {
            self.blank();
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth = depth.saturating_sub(1),
                (Some(_), _) => {
                    self.blank();
                    continue;
                }
                (None, _) => return,
            }
            self.blank();
            self.blank();
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        let line = self.line;
        self.keep();
        let mut text = String::new();
        while let Some(character) = self.peek(0).filter(|character| *character != '"') {
            text.push(character);
            self.blank();
            if character == '\\' {
                text.extend(self.blank());
            }
        }
        self.keep();
        self.literals.push(Literal { line, text });
    }

    /// A character literal, or the quote of a lifetime.
    fn quote(&mut self) {
        let (first, second) = (self.peek(1), self.peek(2));
        self.keep();
        if first != Some('\\') && second != Some('\'') {
            return;
        }
        // What follows the backslash may itself be a quote.
        if self.blank() == Some('\\') {
            self.blank();
        }
        while self.blank().is_some_and(|character| character != '\'') {}
    }

    /// How many `#` open the raw string that starts here, if one does.
    fn raw_hashes(&self) -> Option<usize> {
        let mut ahead = self.rest.clone().skip_while(|character| matches!(character, 'b' | 'c'));
        if is_word(self.previous) || ahead.next() != Some('r') {
            return None;
        }
        let tail: String = ahead.take_while(|character| matches!(character, '#' | '"')).collect();
        let (hashes, _) = tail.split_once('"')?;
        Some(hashes.len())
    }

    fn raw_string(&mut self, hashes: usize) {
        let line = self.line;
        while self.peek(0).is_some_and(|character| character != '"') {
            self.keep();
        }
        self.keep();
        let end = format!("\"{}", "#".repeat(hashes));
        let mut text = String::new();
        while !text.ends_with(&end) {
            let Some(character) = self.blank() else { break };
            text.push(character);
        }
        text.truncate(text.len().saturating_sub(end.len()));
        self.literals.push(Literal { line, text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_shipped(text: &str, pattern: &str, lines: &[usize]) {
        assert_eq!(Source::read(text).shipped_mentions(pattern), lines, "{pattern} in {text}");
    }

    #[test]
    fn code_is_found_on_its_line() {
        check_shipped("a\nlet x = Target::new();\n", "Target", &[2]);
        check_shipped("let c = b'\"'; Target", "Target", &[1]);
        check_shipped("let c = '\\''; Target", "Target", &[1]);
        check_shipped("fn f<'a>(x: &'a str) { Target }", "Target", &[1]);
        check_shipped("let r = \"\n\"; Target", "Target", &[2]);
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        check_shipped("// Target\n/// Target\n/* Target /* Target */\n Target */", "Target", &[]);
        check_shipped("let x = \"Target\";", "Target", &[]);
        check_shipped(r#"let x = "\"Target";"#, "Target", &[]);
        check_shipped("let x = r#\"Target\" Target\"#;", "Target", &[]);
        check_shipped("let x = br\"Target\\\"; Target", "Target", &[1]);
    }

    #[test]
    fn part_of_a_longer_name_is_not_a_mention() {
        check_shipped("TargetList, MyTarget, _Target, Target2", "Target", &[]);
        check_shipped("eprintln!()", "println!", &[]);
        check_shipped("fn get_x()", "fn get_", &[]);
        check_shipped("fn get_x()", "fn get_*", &[1]);
        check_shipped("Target, x::Target::y, (Target)", "Target", &[1]);
    }

    #[test]
    fn items_under_cfg_test_are_not_shipped_and_what_follows_is() {
        check_shipped("#[cfg(test)]\nuse x::Target;\nTarget", "Target", &[3]);
        check_shipped("#[cfg(test)]\nmod tests {\n fn f() { Target }\n}\nTarget", "Target", &[5]);
        check_shipped("#[cfg(test)]\nfn f(x: [u8; 4]) {\n Target }", "Target", &[]);
        check_shipped("#![cfg(test)]\nTarget", "Target", &[]);
        check_shipped("#[cfg(any(test, unix))]\nmod x { Target }", "Target", &[2]);
        check_shipped("// #[cfg(test)]\nTarget", "Target", &[2]);
    }

    #[test]
    fn grouped_imports_are_opened() {
        check_shipped("use std::{fmt, net::TcpStream};", "std::net", &[1]);
        check_shipped("use std::{\n    fmt::{self, Debug},\n    env as e,\n};", "std::env", &[1]);
        check_shipped("use std::{fmt, io::{self, net}};", "std::net", &[]);
        check_shipped("#[cfg(test)]\nuse std::{net, fmt};", "std::net", &[]);
    }

    #[test]
    fn literals_keep_their_text_and_line() {
        let source = Source::read("\nf(\"one\"); g(r#\"two \"2\"\"#);\n#[cfg(test)]\nf(\"three\");");
        let literals: Vec<_> =
            source.shipped_literals().map(|literal| (literal.line, literal.text.as_str())).collect();
        assert_eq!(literals, [(2, "one"), (2, "two \"2\"")]);
    }

    #[test]
    fn modules_of_tests_in_their_own_files_are_named() {
        let source = Source::read(
            "#[cfg(test)]\nmod tests;\n#[cfg(test)] pub(crate) mod fake;\n#[cfg(test)] mod x {}",
        );
        assert_eq!(source.test_modules().collect::<Vec<_>>(), ["tests", "fake"]);
    }
}
