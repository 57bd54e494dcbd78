//! Breaks every rule on a made-up repository, and shows what each of them leaves alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::layers::LAYERS;
use super::secrets::SECRETS;
use super::*;
use crate::workspace::Dependency;

/// A repository that exists only here; as it comes it keeps every rule.
#[derive(Clone)]
struct Made {
    files: BTreeMap<String, String>,
    packages: Vec<Package>,
}

impl Made {
    fn clean() -> Self {
        let mut made = Self { files: BTreeMap::new(), packages: Vec::new() };
        for layer in LAYERS {
            made = made.with_crate(layer.name, layer.directory, layer.may_know);
        }
        let all: Vec<_> = LAYERS.iter().map(|layer| layer.name).collect();
        made = made.with_crate("jwksmith-testkit", "testing/testkit", &all).with_crate("xtask", "xtask", &[]);
        for (directory, name) in SECRETS {
            made = made.appended(
                &format!("crates/{directory}/src/keys.rs"),
                &format!("#[derive(Clone)]\npub struct {name}(Vec<u8>);\n"),
            );
        }
        let rooms: Vec<_> = made.packages.iter().map(|package| format!("{}/", package.directory)).collect();
        made.with("ARCHITECTURE.md", &format!("crates/ testing/ {}", rooms.join("\n")))
    }

    fn with(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.to_owned());
        self
    }

    /// A Rust file with a header and then `code`.
    fn with_code(self, path: &str, code: &str) -> Self {
        self.with(path, &format!("//! Made up.\n{code}\n"))
    }

    fn appended(mut self, path: &str, text: &str) -> Self {
        self.files.entry(path.to_owned()).or_insert_with(|| "//! Made up.\n".to_owned()).push_str(text);
        self
    }

    fn replaced(mut self, path: &str, from: &str, to: &str) -> Self {
        let text = self.files.get_mut(path).unwrap();
        assert!(text.contains(from), "{path} has no {from}");
        *text = text.replace(from, to);
        self
    }

    fn without(mut self, path: &str) -> Self {
        self.files.remove(path).unwrap();
        self
    }

    fn with_crate(mut self, name: &str, directory: &str, dependencies: &[&str]) -> Self {
        let dependencies: Vec<_> = dependencies.iter().map(|name| dependency(name, false)).collect();
        self.packages.push(Package {
            name: name.to_owned(),
            directory: directory.to_owned(),
            dependencies,
            has_features: false,
        });
        let manifest = format!("[package]\nname = \"{name}\"\n\n[lints]\nworkspace = true\n");
        self.with(&format!("{directory}/Cargo.toml"), &manifest)
            .with_code(&format!("{directory}/src/lib.rs"), "")
    }

    fn depends(self, package: &str, on: &str) -> Self {
        self.with_dependency(package, dependency(on, false))
    }

    fn dev_depends(self, package: &str, on: &str) -> Self {
        self.with_dependency(package, dependency(on, true))
    }

    fn with_dependency(mut self, package: &str, dependency: Dependency) -> Self {
        self.packages.iter_mut().find(|known| known.name == package).unwrap().dependencies.push(dependency);
        self
    }

    fn without_crate(mut self, name: &str) -> Self {
        self.packages.retain(|package| package.name != name);
        self
    }

    fn findings(self) -> Vec<Finding> {
        check(&Tree::of(self.files), &self.packages)
    }
}

fn dependency(name: &str, dev: bool) -> Dependency {
    Dependency { name: name.to_owned(), dev }
}

/// A repository that breaks one rule once, and where.
type Breach = (&'static str, &'static str, usize, fn(Made) -> Made);

#[rustfmt::skip]
const BREACHES: &[Breach] = &[
    ("layers", "crates/jose/Cargo.toml", 1, |made| made.depends("jwksmith-jose", "jwksmith-axum")),
    ("layers", "crates/store/Cargo.toml", 1, |made| made.depends("jwksmith-store", "jwksmith-server")),
    ("layers", "crates/verifier/Cargo.toml", 1, |made| made.depends("jwksmith-verifier", "jwksmith-testkit")),
    ("layers", "crates/server/Cargo.toml", 1, |made| made.depends("jwksmith-server", "xtask")),
    ("layers", "crates/jwksmith/Cargo.toml", 1, |made| made.depends("jwksmith", "jwksmith-axum")),
    ("layers", "crates/gate/Cargo.toml", 1, |made| made.with_crate("jwksmith-gate", "crates/gate", &[]).appended("ARCHITECTURE.md", "gate/")),
    ("layers", "Cargo.toml", 1, |made| made.without_crate("jwksmith-axum")),
    ("jose-pure", "crates/jose/Cargo.toml", 1, |made| made.depends("jwksmith-jose", "tokio")),
    ("jose-pure", "crates/jose/Cargo.toml", 1, |made| made.depends("jwksmith-jose", "futures-util")),
    ("jose-pure", "crates/jose/src/token.rs", 2, |made| made.with_code("crates/jose/src/token.rs", "pub async fn parse() {}")),
    ("jose-pure", "crates/jose/src/token.rs", 3, |made| made.with_code("crates/jose/src/token.rs", "\nfn now() -> u64 { SystemTime::now() }")),
    ("jose-pure", "crates/jose/src/token.rs", 2, |made| made.with_code("crates/jose/src/token.rs", "use std::{fmt, fs};")),
    ("jose-pure", "crates/jose/src/token.rs", 2, |made| made.with_code("crates/jose/src/token.rs", "let x = load().await;")),
    ("verifier-authority-apart", "crates/verifier/Cargo.toml", 1, |made| made.dev_depends("jwksmith-verifier", "jwksmith-authority")),
    ("verifier-authority-apart", "crates/authority/Cargo.toml", 1, |made| made.dev_depends("jwksmith-authority", "jwksmith-verifier")),
    ("authority-no-http-no-sql", "crates/authority/Cargo.toml", 1, |made| made.depends("jwksmith-authority", "axum")),
    ("authority-no-http-no-sql", "crates/authority/Cargo.toml", 1, |made| made.dev_depends("jwksmith-authority", "tower-http")),
    ("authority-no-http-no-sql", "crates/authority/Cargo.toml", 1, |made| made.depends("jwksmith-authority", "http")),
    ("sql-only-in-store", "crates/server/Cargo.toml", 1, |made| made.depends("jwksmith-server", "sqlx")),
    ("sql-only-in-store", "testing/testkit/Cargo.toml", 1, |made| made.depends("jwksmith-testkit", "sqlx")),
    ("sql-only-in-store", "crates/server/src/x.rs", 2, |made| made.with_code("crates/server/src/x.rs", r#"run("SELECT kid FROM keys");"#)),
    ("sql-only-in-store", "crates/server/src/x.rs", 2, |made| made.with_code("crates/server/src/x.rs", "run(\"\\\n   INSERT INTO keys VALUES (1)\");")),
    ("sql-only-in-store", "crates/server/src/x.rs", 2, |made| made.with_code("crates/server/src/x.rs", "run(r#\"UPDATE keys\n SET state = 1\"#);")),
    ("sql-only-in-store", "crates/server/src/x.rs", 2, |made| made.with_code("crates/server/src/x.rs", r#"run("DELETE FROM keys");"#)),
    ("sql-only-in-store", "crates/server/src/x.rs", 2, |made| made.with_code("crates/server/src/x.rs", r#"run("CREATE TABLE keys (kid)");"#)),
    ("store-no-backend-branch", "crates/store/src/x.rs", 2, |made| made.with_code("crates/store/src/x.rs", "if pool.is_sqlite() {}")),
    ("store-no-backend-branch", "crates/store/src/x.rs", 2, |made| made.with_code("crates/store/src/x.rs", "match b { Backend::Postgres => {} }")),
    ("status-codes", "crates/store/src/x.rs", 2, |made| made.with_code("crates/store/src/x.rs", "use http::StatusCode;")),
    ("status-codes", "crates/jwksmith/src/x.rs", 2, |made| made.with_code("crates/jwksmith/src/x.rs", "let x = StatusCode::OK;")),
    ("status-codes", "crates/verifier/src/cache.rs", 2, |made| made.with_code("crates/verifier/src/cache.rs", "let x = StatusCode::OK;")),
    ("only-the-binary-talks", "crates/server/src/x.rs", 2, |made| made.with_code("crates/server/src/x.rs", r#"println!("hello");"#)),
    ("only-the-binary-talks", "crates/server/src/x.rs", 2, |made| made.with_code("crates/server/src/x.rs", r#"eprint!("hello");"#)),
    ("only-the-binary-talks", "crates/server/src/x.rs", 2, |made| made.with_code("crates/server/src/x.rs", r#"std::env::var("PORT");"#)),
    ("only-the-binary-talks", "crates/server/src/x.rs", 2, |made| made.with_code("crates/server/src/x.rs", "use std::{env, fmt};")),
    ("no-value-in-security-json", "crates/jose/src/x.rs", 2, |made| made.with_code("crates/jose/src/x.rs", "fn f(x: serde_json::Value) {}")),
    ("no-value-in-security-json", "crates/verifier/src/x.rs", 2, |made| made.with_code("crates/verifier/src/x.rs", "use serde_json::{Map, Value};")),
    ("no-value-in-security-json", "crates/authority/src/x.rs", 2, |made| made.with_code("crates/authority/src/x.rs", "use serde_json::value::Value;")),
    ("one-json-reader", "crates/jose/src/x.rs", 2, |made| made.with_code("crates/jose/src/x.rs", "fn f() { serde_json::from_str::<u8>(x); }")),
    ("one-json-reader", "crates/jose/src/x.rs", 2, |made| made.with_code("crates/jose/src/x.rs", "use serde_json::{Deserializer, to_vec};")),
    ("names", "crates/server/src/x.rs", 2, |made| made.with_code("crates/server/src/x.rs", "pub fn get_key() {}")),
    ("allow-reason", "crates/server/src/x.rs", 2, |made| made.with_code("crates/server/src/x.rs", "#[allow(dead_code)]\nfn f() {}")),
    ("allow-reason", "crates/server/src/x.rs", 2, |made| made.with_code("crates/server/src/x.rs", "#[expect(\n    dead_code,\n)]\nfn f() {}")),
    ("allow-reason", "xtask/src/x.rs", 2, |made| made.with_code("xtask/src/x.rs", "#![allow(dead_code)]")),
    ("allow-reason", "crates/jose/tests/x.rs", 2, |made| made.with_code("crates/jose/tests/x.rs", "#![cfg_attr(test, allow(dead_code))]")),
    ("header", "crates/server/src/x.rs", 1, |made| made.with("crates/server/src/x.rs", "fn f() {}")),
    ("header", "testing/testkit/tests/x.rs", 1, |made| made.with("testing/testkit/tests/x.rs", "// A remark.\n//! Too late.")),
    ("header", "fuzz/x.rs", 1, |made| made.with("fuzz/x.rs", "").appended("ARCHITECTURE.md", "fuzz/")),
    ("architecture", "ARCHITECTURE.md", 1, |made| made.without("ARCHITECTURE.md")),
    ("architecture", "ARCHITECTURE.md", 1, |made| made.replaced("ARCHITECTURE.md", "crates/verifier/", "")),
    ("architecture", "ARCHITECTURE.md", 1, |made| made.with("docs/rotation.md", "How keys rotate.")),
    ("no-outside", "README.md", 2, |made| made.with("README.md", concat!("See\n../", "shared/DESIGN.md"))),
    ("no-outside", "crates/jose/src/x.rs", 2, |made| made.with_code("crates/jose/src/x.rs", concat!("// in /wo", "rk/main"))),
    ("no-outside", "deny.toml", 1, |made| made.with("deny.toml", concat!("path = \"/ro", "ot/x\""))),
];

fn check_breach((rule, file, line, breach): Breach) {
    let findings = breach(Made::clean()).findings();
    let places: Vec<_> = findings.iter().map(|found| (found.rule, found.file.as_str(), found.line)).collect();
    assert_eq!(places, [(rule, file, line)], "{findings:#?}");
}

fn check_clean(made: Made) {
    assert_eq!(made.findings(), []);
}

#[test]
fn breach_of_a_rule_is_exactly_its_finding() {
    BREACHES.iter().copied().for_each(check_breach);
}

#[test]
fn every_rule_is_broken_by_a_test() {
    let broken: BTreeSet<_> = BREACHES.iter().map(|(rule, ..)| *rule).chain(["secrets"]).collect();
    assert_eq!(broken, RULES.iter().map(|(rule, _)| *rule).collect());
}

#[test]
fn made_up_repository_keeps_every_rule() {
    check_clean(Made::clean());
}

/// For every secret of the table, every way to let it out.
#[test]
fn secret_that_can_leak_is_found() {
    for (directory, name) in SECRETS {
        let (path, other) =
            (&format!("crates/{directory}/src/keys.rs"), &format!("crates/{directory}/src/x.rs"));
        let definition = format!("#[derive(Clone)]\npub struct {name}(");
        let leaks = [
            Made::clean().replaced(path, &definition, &definition.replace("Clone", "Clone, Debug")),
            Made::clean().replaced(path, &definition, &definition.replace("Clone", "serde::Serialize")),
            Made::clean().replaced(path, &definition, &definition.replace("Clone", "PartialEq")),
            Made::clean().replaced(
                path,
                &definition,
                &format!("#[derive(Eq)]\n/// Doc.\n#[must_use]\npub enum {name}("),
            ),
            Made::clean().appended(path, &format!("impl std::fmt::Debug for {name} {{}}")),
            Made::clean().with_code(other, &format!("impl<T> PartialEq<T> for {name} {{}}")),
            Made::clean().with_code(other, &format!("impl fmt::Display for super::{name} {{}}")),
            Made::clean().replaced(path, &format!("struct {name}("), "struct Renamed("),
        ];
        for (number, leak) in leaks.into_iter().enumerate() {
            let rules: Vec<_> = leak.findings().iter().map(|finding| finding.rule).collect();
            assert_eq!(rules, ["secrets"], "{name}, leak {number}");
        }
    }
}

#[test]
fn what_a_rule_does_not_mean_is_left_alone() {
    let harmless: &[(&str, &str)] = &[
        ("crates/jose/src/x.rs", "// SystemTime, std::net and .await have no place here\nfn instant() {}"),
        (
            "crates/jose/src/x.rs",
            "#[cfg(test)]\nmod tests {\n use std::fs;\n fn x(v: serde_json::Value) {}\n}",
        ),
        ("crates/server/src/x.rs", "use axum::http::StatusCode; fn f(x: serde_json::Value) {}"),
        ("crates/tower/src/x.rs", "use http::StatusCode;"),
        ("crates/server/tests/x.rs", "use std::env; fn get_answers() { println!(); StatusCode::OK; }"),
        ("crates/jwksmith/src/x.rs", "use std::env; println!(\"SELECTED\");"),
        (
            "crates/server/src/x.rs",
            "fail(\"Select a key\"); fail(\"UPDATE the client\"); let budget_x = forget_it();",
        ),
        ("crates/server/src/x.rs", "#[cfg(test)]\nfn f() { run(\"SELECT 1\"); }"),
        ("crates/store/src/x.rs", "run(\"SELECT kid FROM keys\"); let backend = 1;"),
        ("crates/server/src/x.rs", "#[expect(dead_code, reason = \"why\")]\nfn f() { x.expect(\"held\"); }"),
        (
            "crates/server/src/x.rs",
            "let text = \"#[allow(dead_code)]\"; #[should_panic(expected = \"x\")] fn f() {}",
        ),
        ("crates/jose/src/x.rs", "#[derive(Debug)] pub struct SigningKeyId; impl Debug for PublicKey {}"),
        ("crates/jose/src/x.rs", "impl From<SigningKey> for PublicKey { fn x() -> impl Debug {} }"),
        ("xtask/src/x.rs", "fn get_it() { println!(); }"),
    ];
    for (path, code) in harmless {
        check_clean(Made::clean().with_code(path, code));
    }
}

#[test]
fn words_that_only_resemble_an_outside_path_are_left_alone() {
    for text in [
        concat!("src/", "work/x"),
        "https://example.com/root/x",
        concat!("./", "work/x"),
        "a workplace/",
        "shared/x",
    ] {
        check_clean(Made::clean().with("README.md", text));
    }
}

#[test]
fn tests_may_depend_on_any_crate_and_crates_around_the_product_know_all() {
    check_clean(
        Made::clean().dev_depends("jwksmith-jose", "jwksmith-testkit").dev_depends("jwksmith-jose", "tokio"),
    );
    check_clean(Made::clean().dev_depends("jwksmith-server", "jwksmith-axum").depends("xtask", "jwksmith"));
}

#[test]
fn finding_points_at_the_line_of_the_dependency() {
    let manifest = "[dependencies]\nsqlx-core.workspace = true\nsqlx.workspace = true\n";
    let findings = Made::clean()
        .with("crates/server/Cargo.toml", manifest)
        .depends("jwksmith-server", "sqlx")
        .findings();
    let shown: Vec<_> = findings.iter().map(ToString::to_string).collect();
    let expected = "crates/server/Cargo.toml:3: [sql-only-in-store] jwksmith-server depends on sqlx: \
                    only jwksmith-store speaks SQL; add what you need to the Store port";
    assert_eq!(shown, [expected]);
}

/// The whole way: files on disk, dependencies as cargo reports them.
#[test]
fn repository_on_disk_that_breaks_a_layer_is_found() {
    let clean = workspace_on_disk("");
    assert_eq!(check_on_disk(clean.path()), [""; 0]);
    let broken = workspace_on_disk("[dependencies]\njwksmith-server = { path = \"../server\" }\n");
    assert_eq!(check_on_disk(broken.path()), ["layers crates/jose/Cargo.toml:7"]);
    let tested =
        workspace_on_disk("[dev-dependencies]\njwksmith-testkit = { path = \"../../testing/testkit\" }\n");
    assert_eq!(check_on_disk(tested.path()), [""; 0]);
}

/// The clean repository as files, with `dependencies` at the end of the manifest of `jwksmith-jose`.
fn workspace_on_disk(dependencies: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let members = "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\", \"testing/*\", \"xtask\"]\n";
    let mut made = Made::clean().with("Cargo.toml", members);
    for (path, text) in &mut made.files {
        if path.ends_with("/Cargo.toml") {
            *text = text.replace("[lints]\nworkspace = true\n", "edition = \"2024\"\n");
        }
    }
    made = made.appended("crates/jose/Cargo.toml", &format!("\n{dependencies}"));
    for (path, text) in made.files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn check_on_disk(root: &Path) -> Vec<String> {
    let workspace = Workspace::at(root).unwrap();
    let findings = check(&Tree::load(&workspace.root).unwrap(), &workspace.packages);
    findings.iter().map(|found| format!("{} {}:{}", found.rule, found.file, found.line)).collect()
}
