//! Every input of the committed corpora, given to its target: what a fuzzer once took interest in, without a fuzzer.

#![allow(clippy::unwrap_used, reason = "a corpus that cannot be read is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

use jwksmith_fuzz_targets::TARGETS;

/// How large all corpora together may be, in bytes: they are cloned with the repository.
const CORPORA_BYTES_MAX: u64 = 300 * 1024;

/// A corpus of fewer inputs was not meant.
const INPUTS_MIN: usize = 12;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn input_of_a_corpus_has_no_finding() {
    for (name, target) in TARGETS {
        let inputs = entries(&fuzz().join("corpus").join(name));
        assert!(inputs.len() >= INPUTS_MIN, "{name} has {} inputs", inputs.len());
        for input in inputs {
            println!("{}", input.display());
            target(&fs::read(&input).unwrap());
        }
    }
}

#[test]
fn every_target_has_its_program_and_its_corpus() {
    let names = |folder: &str| -> Vec<String> {
        let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        entries(&fuzz().join(folder)).into_iter().map(stem).collect()
    };
    let targets = TARGETS.map(|(name, _)| name);
    assert_eq!(names("fuzz_targets"), targets);
    assert_eq!(names("corpus"), targets);
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in targets {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is not built");
    }
}

#[test]
fn corpora_are_small() {
    let corpora = entries(&fuzz().join("corpus"));
    let inputs = corpora.iter().flat_map(|corpus| entries(corpus));
    let bytes: u64 = inputs.map(|input| fs::metadata(input).unwrap().len()).sum();
    assert!(bytes <= CORPORA_BYTES_MAX, "the corpora have {bytes} bytes");
}
