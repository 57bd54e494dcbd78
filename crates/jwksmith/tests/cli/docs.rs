//! The user guide says what really happens: every `console` block of `docs/cli.md` is run, and its output compared.
//!
//! The issuer of the guide is one on this machine: its URL is put in for the guide's, and taken out of what comes.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::TinyIssuer;

/// The issuer in the guide's commands, but for the slash at its end.
const ISSUER: &str = "http://localhost:8080";
/// The time at which the guide's events happen.
const TIME: &str = "2027-01-15T08:00:00Z";
const GUIDE: &str = include_str!("../../../../docs/cli.md");
/// Printed between commands; nothing else prints it.
const MARK: &str = "\u{1}";

/// A command with its continuation lines, and the output below it.
struct Step {
    command: String,
    expected: String,
}

#[test]
fn guide_shows_real_output() {
    let steps = steps(GUIDE);
    assert!(steps.len() > 5, "the guide has lost its examples");
    let issuer = TinyIssuer::new(KEYS);
    let url = issuer.url.trim_end_matches('/');
    let discovery = DISCOVERY.replace(ISSUER, url);
    issuer.publish("/.well-known/openid-configuration", &discovery);
    let outputs = run(&steps, url);
    assert_eq!(outputs.len(), steps.len());
    for (step, output) in steps.iter().zip(outputs) {
        assert_eq!(settled(&output, url), step.expected, "$ {}", step.command);
    }
}

/// The key set of the guide, and one that no verifier uses.
const KEYS: &str = r#"{"keys":[{"kty":"EC","use":"sig","crv":"P-256","x":"hUcbwBbWlPnf5D-8xhTn6LHxiNFmJTtq__K_xe-GYdU","y":"-UQDx82Ghf9pz9XNazm6mjWZGAtZevprV4E8MlIfUHQ","kid":"2027-01","alg":"ES256"},{"kty":"EC","use":"enc","crv":"P-256","x":"hUcbwBbWlPnf5D-8xhTn6LHxiNFmJTtq__K_xe-GYdU","y":"-UQDx82Ghf9pz9XNazm6mjWZGAtZevprV4E8MlIfUHQ","kid":"mail"}]}"#;
const DISCOVERY: &str = r#"{"issuer":"http://localhost:8080/","jwks_uri":"http://localhost:8080/keys","token_endpoint":"http://localhost:8080/token","grant_types_supported":["client_credentials"],"response_types_supported":["token"]}"#;

/// An output without what differs from run to run: the port, times at the beginning of a line, and how long a run took.
fn settled(output: &str, issuer: &str) -> String {
    let settle = |line: &str| match (line.split_once("Z  "), line.split_once(':')) {
        (Some((time, rest)), _) if time.len() + 1 == TIME.len() => format!("{TIME}  {rest}\n"),
        (_, Some((watched, rest))) if watched.starts_with("watched ") => {
            format!("{}:{rest}\n", watched.split(" for ").next().unwrap_or_default())
        }
        _ => format!("{line}\n"),
    };
    output.replace(issuer, ISSUER).lines().map(settle).collect()
}

fn steps(guide: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in guide.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            steps.push(Step { command: command.to_owned(), expected: String::new() });
        } else if let Some(step) = steps.last_mut().filter(|_| inside) {
            match line.strip_prefix("> ") {
                Some(more) => step.command.extend(["\n", more]),
                None => step.expected.extend([line, "\n"]),
            }
        }
    }
    steps
}

/// Runs the commands in one shell, so that each finds the variables, files and exit status of those before it.
fn run(steps: &[Step], issuer: &str) -> Vec<String> {
    let commands = steps.iter().map(|step| {
        format!(
            "(exit \"$status\")\n{{ {}\n}} 2>&1\nstatus=$?\nprintf '{MARK}'\n",
            step.command.replace(ISSUER, issuer)
        )
    });
    let script: String = std::iter::once("status=0\n".to_owned()).chain(commands).collect();
    let folder = TempDir::new().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_jwksmith"));
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", binary.parent().unwrap().display());
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    output.split_terminator(MARK).map(str::to_owned).collect()
}
