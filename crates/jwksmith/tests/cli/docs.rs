//! The user guide says what really happens: every `console` block of `docs/cli.md` is run, and its output compared.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

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
    let outputs = run(&steps);
    assert_eq!(outputs.len(), steps.len());
    for (step, output) in steps.iter().zip(outputs) {
        assert_eq!(output, step.expected, "$ {}", step.command);
    }
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
fn run(steps: &[Step]) -> Vec<String> {
    let commands = steps.iter().map(|step| {
        format!("(exit \"$status\")\n{{ {}\n}} 2>&1\nstatus=$?\nprintf '{MARK}'\n", step.command)
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
