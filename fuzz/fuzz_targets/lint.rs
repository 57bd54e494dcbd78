//! Gives the fuzzer's inputs to the target `lint`, which says what it does with them.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| jwksmith_fuzz_targets::lint(input));
