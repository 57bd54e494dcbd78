//! Who may know whom: the crates of the product, the direction between them, and what some must never depend on.
//!
//! It reads the dependency tables as cargo reports them. What sources say is `sources.rs`, but for the purity of
//! `jwksmith-jose`, whose two halves are one promise.

use super::tree::File;
use super::{House, Violation};
use crate::workspace::{Dependency, Package};

/// One crate of the product.
pub(super) struct Layer {
    pub(super) name: &'static str,
    pub(super) directory: &'static str,
    /// The crates of this workspace that its code may use. Its tests may use any.
    pub(super) may_know: &'static [&'static str],
}

const JOSE: &str = "jwksmith-jose";
const VERIFIER: &str = "jwksmith-verifier";
const AUTHORITY: &str = "jwksmith-authority";
const STORE: &str = "jwksmith-store";
const SERVER: &str = "jwksmith-server";
const TOWER: &str = "jwksmith-tower";

/// From the inside out. A new crate is a row here and a place in ARCHITECTURE.md.
#[rustfmt::skip]
pub(super) const LAYERS: &[Layer] = &[
    Layer { name: JOSE, directory: "crates/jose", may_know: &[] },
    Layer { name: VERIFIER, directory: "crates/verifier", may_know: &[JOSE] },
    Layer { name: AUTHORITY, directory: "crates/authority", may_know: &[JOSE] },
    Layer { name: STORE, directory: "crates/store", may_know: &[AUTHORITY, JOSE] },
    Layer { name: TOWER, directory: "crates/tower", may_know: &[VERIFIER, JOSE] },
    Layer { name: "jwksmith-axum", directory: "crates/axum", may_know: &[TOWER, VERIFIER, JOSE] },
    Layer { name: "jwksmith-actix", directory: "crates/actix", may_know: &[TOWER, VERIFIER, JOSE] },
    Layer { name: "jwksmith-tonic", directory: "crates/tonic", may_know: &[TOWER, VERIFIER, JOSE] },
    Layer { name: SERVER, directory: "crates/server", may_know: &[AUTHORITY, STORE, VERIFIER, JOSE] },
    Layer { name: "jwksmith", directory: "crates/jwksmith", may_know: &[SERVER, STORE, AUTHORITY, VERIFIER, JOSE] },
];

/// Folders whose crates may know any other, and which no crate of the product may know.
const AROUND_THE_PRODUCT: [&str; 3] = ["testing", "examples", "xtask"];

/// What would give `jwksmith-jose` a clock, a network or a scheduler. A trailing `*` stands for any rest.
const IMPURE_CRATES: &[&str] = &["tokio*", "reqwest", "hyper*", "axum*", "sqlx*", "async-*", "futures*"];

const IMPURE_CODE: &[&str] = &[
    "async fn",
    "async move",
    ".await",
    "std::net",
    "std::fs",
    "std::env",
    "SystemTime",
    "Instant::",
    "std::thread",
];

const HTTP_AND_SQL: &[&str] = &["axum*", "http", "http-*", "hyper*", "reqwest*", "tower*", "sqlx*"];

/// Dependencies between the crates go inward only.
pub(super) fn layers(house: &House<'_>) -> Vec<Violation> {
    let product = house.packages.iter().filter(|package| !is_around_the_product(package));
    let mut violations: Vec<_> = product.flat_map(|package| layer_of(house, package)).collect();
    violations.extend(LAYERS.iter().filter(|layer| house.package(layer.name).is_none()).map(|layer| {
        let message =
            format!("{} is not in the workspace; take its row out of the table of layers", layer.name);
        Violation::at("Cargo.toml", 1, message)
    }));
    violations
}

/// No I/O, no clock and no async in `jwksmith-jose`: time is an argument, and callers fetch.
pub(super) fn jose_pure(house: &House<'_>) -> Vec<Violation> {
    let why = "jwksmith-jose does no I/O, knows no clock and is not async; take the value as an argument";
    let mut violations = house.dependencies_on(JOSE, IMPURE_CRATES, Tests::MayDiffer, why);
    let sources = house.tree.shipped().filter(|file| file.crate_directory() == Some("jose"));
    violations.extend(sources.flat_map(|file| file.bans(IMPURE_CODE, why)));
    violations
}

/// The two halves share `jwksmith-jose` and nothing else, in their tests too.
pub(super) fn verifier_authority_apart(house: &House<'_>) -> Vec<Violation> {
    let why =
        "the verifier and the authority never know each other; what they share belongs in jwksmith-jose";
    let mut violations = house.dependencies_on(VERIFIER, &[AUTHORITY], Tests::AreBound, why);
    violations.extend(house.dependencies_on(AUTHORITY, &[VERIFIER], Tests::AreBound, why));
    violations
}

/// The authority decides; how that is said over HTTP or kept in a database is another crate's affair.
pub(super) fn authority_no_http_no_sql(house: &House<'_>) -> Vec<Violation> {
    let why = "the authority knows no HTTP and no SQL; return an error of its own and let server or store translate it";
    let mut violations = house.dependencies_on(AUTHORITY, HTTP_AND_SQL, Tests::AreBound, why);
    let sources = house.tree.shipped().filter(|file| file.crate_directory() == Some("authority"));
    violations.extend(sources.flat_map(|file| file.bans(&["StatusCode"], why)));
    violations
}

/// Whether a rule about dependencies looks at those of the tests too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tests {
    AreBound,
    MayDiffer,
}

impl House<'_> {
    pub(super) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }

    /// A violation for each dependency of `package` that is in `banned`.
    pub(super) fn dependencies_on(
        &self,
        package: &str,
        banned: &[&str],
        tests: Tests,
        why: &str,
    ) -> Vec<Violation> {
        let Some(package) = self.package(package) else { return Vec::new() };
        let bound =
            package.dependencies.iter().filter(|dependency| tests == Tests::AreBound || !dependency.dev);
        let found = bound.filter(|dependency| banned.iter().any(|pattern| fits(&dependency.name, pattern)));
        found.map(|dependency| self.dependency_violation(package, dependency, why)).collect()
    }

    fn dependency_violation(&self, package: &Package, dependency: &Dependency, why: &str) -> Violation {
        let manifest = format!("{}/Cargo.toml", package.directory);
        let line = self.tree.file(&manifest).map_or(1, |file| line_of(file, &dependency.name));
        Violation::at(&manifest, line, format!("{} depends on {}: {why}", package.name, dependency.name))
    }
}

impl File {
    /// A violation for each line that ships and says one of `patterns`.
    pub(super) fn bans(&self, patterns: &[&str], why: &str) -> Vec<Violation> {
        let found = patterns.iter().flat_map(|pattern| {
            let lines = self.source.shipped_mentions(pattern);
            lines.into_iter().map(move |line| Violation::at(&self.path, line, format!("`{pattern}`: {why}")))
        });
        found.collect()
    }
}

fn layer_of(house: &House<'_>, package: &Package) -> Vec<Violation> {
    let manifest = format!("{}/Cargo.toml", package.directory);
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == package.name) else {
        let message = format!("{} has no layer; say in the table of layers who may know it", package.name);
        return vec![Violation::at(&manifest, 1, message)];
    };
    let mut violations = outward_dependencies(house, package, layer);
    if package.directory != layer.directory {
        let message = format!(
            "{} belongs in {}, or its row in the table of layers changes",
            layer.name, layer.directory
        );
        violations.push(Violation::at(&manifest, 1, message));
    }
    violations
}

fn outward_dependencies(house: &House<'_>, package: &Package, layer: &Layer) -> Vec<Violation> {
    let why = match layer.may_know {
        [] => "it may know no other crate of this workspace".to_owned(),
        known => format!("it may know only {}; dependencies go inward", known.join(", ")),
    };
    let outward: Vec<_> = house.packages.iter().map(|other| other.name.as_str()).collect();
    let outward: Vec<_> = outward.into_iter().filter(|name| !layer.may_know.contains(name)).collect();
    house.dependencies_on(&package.name, &outward, Tests::MayDiffer, &why)
}

fn is_around_the_product(package: &Package) -> bool {
    AROUND_THE_PRODUCT.iter().any(|folder| package.directory.split('/').next() == Some(folder))
}

fn fits(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(stem) => name.starts_with(stem),
        None => name == pattern,
    }
}

fn line_of(manifest: &File, dependency: &str) -> usize {
    let mut lines = (1..).zip(manifest.text.lines());
    let found = lines.find(|(_, line)| {
        let rest = line.trim_start().strip_prefix(dependency);
        rest.is_some_and(|rest| rest.starts_with([' ', '.', '=']))
    });
    found.map_or(1, |(number, _)| number)
}
