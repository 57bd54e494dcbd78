//! `jwksmith verify --lines`: one answer per line, in order, whatever stands on the lines.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use jwksmith_jose::Algorithm;
use serde_json::{Value, json};

use crate::support::{
    DESERTED, Key, KeyFile, NOW, NOW_SECONDS, TinyIssuer, VerifyArgs, binary, claims, claims_with, key_set,
    run_reading,
};

fn es256() -> (Key, KeyFile) {
    let key = Key::new(Algorithm::ES256, "es-1");
    let file = KeyFile::new(key_set(&[&key]));
    (key, file)
}

/// The exit status, and `valid` and `code` of each answer.
fn answers(args: VerifyArgs, stdin: &[u8]) -> (i32, Vec<(Value, Value)>) {
    let outcome = run_reading(args.arg("--lines").list(), stdin);
    assert_eq!(outcome.stderr, "");
    let answers = outcome.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let pairs = answers.map(|answer| {
        let members: Vec<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["code", "reason", "valid"], "{answer}");
        assert_eq!(answer["reason"].is_null(), answer["valid"] == true, "{answer}");
        (answer["valid"].clone(), answer["code"].clone())
    });
    (outcome.status, pairs.collect())
}

fn valid() -> (Value, Value) {
    (json!(true), Value::Null)
}

fn refused(code: &str) -> (Value, Value) {
    (json!(false), json!(code))
}

#[test]
fn each_line_is_answered_in_order_whatever_stands_on_it() {
    let (key, file) = es256();
    let good = key.token(&claims());
    let expired = key.token(&claims_with("exp", NOW_SECONDS - 90));
    let mut input = format!("{good}\n{expired}\n\n  {good}\r\n{}\n", "a".repeat(16 * 1024 + 1)).into_bytes();
    input.extend_from_slice(&vec![b'x'; 1 << 20]);
    input.extend_from_slice(format!("\n\u{0}\n{good} x\n").as_bytes());
    input.extend_from_slice(b"\xff\xfe\n");
    input.extend_from_slice(format!("Bearer {good}\n{good}").as_bytes());
    let expected = vec![
        valid(),
        refused("token_expired"),
        refused("token_malformed"),
        valid(),
        refused("token_too_large"),
        refused("token_too_large"),
        refused("token_malformed"),
        refused("token_encoding"),
        refused("token_malformed"),
        refused("token_encoding"),
        valid(),
    ];
    assert_eq!(answers(VerifyArgs::offline(&file.path), &input), (1, expected));
}

#[test]
fn exit_status_is_that_of_the_worst_line() {
    let (key, file) = es256();
    let good = key.token(&claims());
    let offline = || VerifyArgs::offline(&file.path);
    assert_eq!(answers(offline(), b""), (0, vec![]));
    assert_eq!(answers(offline(), format!("{good}\n{good}\n").as_bytes()), (0, vec![valid(), valid()]));
    assert_eq!(answers(offline(), format!("x\n{good}\n").as_bytes()).0, 1);
    let online = VerifyArgs::online(DESERTED).with("--at", NOW);
    let undecided = key.token(&claims_with("iss", DESERTED));
    let (status, lines) = answers(online, format!("x\n{undecided}\nx\n").as_bytes());
    assert_eq!((status, lines[1].clone()), (3, (Value::Null, json!("issuer_unreachable"))));
}

#[test]
fn each_answer_is_passed_on_before_the_next_line_is_read() {
    let (key, file) = es256();
    let args = VerifyArgs::offline(&file.path).arg("--lines");
    let mut child = binary().args(args.list()).stdin(Stdio::piped()).spawn().unwrap();
    let mut ask = child.stdin.take().unwrap();
    let mut heard = BufReader::new(child.stdout.take().unwrap()).lines();
    for (line, expected) in
        [(key.token(&claims()), true), ("x".to_owned(), false), (key.token(&claims()), true)]
    {
        writeln!(ask, "{line}").unwrap();
        let answer: Value = serde_json::from_str(&heard.next().unwrap().unwrap()).unwrap();
        assert_eq!(answer["valid"], expected);
    }
    drop(ask);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn key_set_is_fetched_once_for_all_lines() {
    let key = Key::new(Algorithm::ES256, "es-1");
    let issuer = TinyIssuer::new(&key_set(&[&key]));
    let token = key.token(&claims_with("iss", issuer.url.as_str()));
    let args = VerifyArgs::online(&issuer.url).with("--at", NOW);
    let (status, lines) = answers(args, format!("{token}\n").repeat(50).as_bytes());
    assert_eq!((status, lines.len(), issuer.requests()), (0, 50, 2));
}

#[test]
fn configuration_fault_answers_no_line() {
    let (_, file) = es256();
    let args = VerifyArgs::offline(&file.path).with("--leeway", "1h").arg("--lines").arg("--json");
    let outcome = run_reading(args.list(), b"x\n");
    assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""));
    assert!(outcome.stderr.contains("config_leeway_too_large"), "{outcome:?}");
}

#[test]
fn reader_that_leaves_ends_the_run_quietly() {
    let (_, file) = es256();
    let args = VerifyArgs::offline(&file.path).arg("--lines");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = binary().args(args.list()).stdin(Stdio::piped()).stdout(writer).spawn().unwrap();
    // Standard input stays open: only the answer that nobody reads can end the run.
    let mut ask = child.stdin.take().unwrap();
    ask.write_all(b"x\n").unwrap();
    let status = child.wait().unwrap();
    drop(ask);
    assert_eq!(status.code(), Some(1));
}
