//! `cargo xtask tidy`: the invariants of the design, as a check that fails when one is broken.
//!
//! `check` is pure: a tree of files and a list of crates go in, findings come out, so the tests at the end break every rule
//! on a repository that they make up. The rules live in the modules beside it: `layers` for who may know whom, `sources`
//! for what code may say where, `secrets` for what private material may never do, `documents` for the written word.
//! Whatever a compiler lint can check is left to the lints.

mod documents;
mod layers;
mod secrets;
mod source;
mod sources;
mod tree;

use std::fmt;

use crate::process::say;
use crate::workspace::{Package, Workspace};
use tree::Tree;

/// One place where the repository breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) rule: &'static str,
    pub(crate) file: String,
    pub(crate) line: usize,
    /// What is wrong and what to do.
    pub(crate) message: String,
}

/// What the rules judge.
struct House<'a> {
    tree: &'a Tree,
    packages: &'a [Package],
}

/// A finding that does not know yet which rule it broke.
struct Violation {
    file: String,
    line: usize,
    message: String,
}

/// A rule: its name, and what it finds.
type Rule = (&'static str, fn(&House<'_>) -> Vec<Violation>);

/// Every rule. A new one is a row here and a case in the tests below.
const RULES: &[Rule] = &[
    ("layers", layers::layers),
    ("jose-pure", layers::jose_pure),
    ("verifier-authority-apart", layers::verifier_authority_apart),
    ("authority-no-http-no-sql", layers::authority_no_http_no_sql),
    ("sql-only-in-store", sources::sql_only_in_store),
    ("store-no-backend-branch", sources::store_no_backend_branch),
    ("status-codes", sources::status_codes),
    ("only-the-binary-talks", sources::only_the_binary_talks),
    ("no-value-in-security-json", sources::no_value_in_security_json),
    ("one-json-reader", sources::one_json_reader),
    ("names", sources::names),
    ("allow-reason", sources::allow_reason),
    ("header", sources::header),
    ("secrets", secrets::secrets),
    ("architecture", documents::architecture),
    ("no-outside", documents::no_outside),
];

/// Checks the repository and says what it found; whether it found nothing.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<bool> {
    let tree = Tree::load(&workspace.root)?;
    let findings = check(&tree, &workspace.packages);
    for finding in &findings {
        say(&finding.to_string());
    }
    say(&format!("tidy: {} rules, {} files, {} findings", RULES.len(), tree.files().count(), findings.len()));
    Ok(findings.is_empty())
}

/// Everything in which this repository breaks a rule.
fn check(tree: &Tree, packages: &[Package]) -> Vec<Finding> {
    let house = House { tree, packages };
    let judge = |(rule, find): &Rule| -> Vec<Finding> {
        find(&house).into_iter().map(|violation| violation.of(rule)).collect()
    };
    RULES.iter().flat_map(judge).collect()
}

impl Violation {
    fn at(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into() }
    }

    fn of(self, rule: &'static str) -> Finding {
        Finding { rule, file: self.file, line: self.line, message: self.message }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: [{}] {}", self.file, self.line, self.rule, self.message)
    }
}

#[cfg(test)]
mod tests;
