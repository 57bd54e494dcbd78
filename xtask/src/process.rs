//! Programs that the commands start: said before they run, with nothing on their standard input, and judged by their
//! exit status.
//!
//! This is the one place of this crate that prints. Whatever a program prints is streamed as it comes.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "these commands talk to the person or the CI log that started them"
)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// Says one line.
pub(crate) fn say(line: &str) {
    println!("{line}");
    // What a started program prints goes past our buffer, so ours must not lag behind.
    std::io::stdout().flush().ok();
}

/// Says why a command could not do its work.
pub(crate) fn complain(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

/// Runs a program to its end, or fails with its name and status.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    say(&format!("$ {}", line_of(command)));
    let status = command.stdin(Stdio::null()).status().with_context(|| cannot_start(command))?;
    conclude(command, status.success())
}

/// The same for a program whose standard output is what somebody wants, as JSON: it is announced on standard error.
pub(crate) fn run_for_its_output(command: &mut Command) -> anyhow::Result<()> {
    eprintln!("$ {}", line_of(command));
    let status = command.stdin(Stdio::null()).status().with_context(|| cannot_start(command))?;
    conclude(command, status.success())
}

/// Runs a program to its end and shows each line of its standard output to `listen` after streaming it.
pub(crate) fn run_listening(command: &mut Command, mut listen: impl FnMut(&str)) -> anyhow::Result<()> {
    say(&format!("$ {}", line_of(command)));
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().with_context(|| cannot_start(command))?;
    let output = child.stdout.take().context("the standard output was piped above")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("reading what the program prints")?;
        // A test may print bytes that are no text; the log must go on all the same.
        let line = String::from_utf8_lossy(&line);
        say(&line);
        listen(&line);
    }
    let status = child.wait().context("waiting for the program to end")?;
    conclude(command, status.success())
}

/// Whether a program is there and answers with success; nothing that it prints is shown.
pub(crate) fn answers(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> bool {
    asked(Command::new(program).args(arguments)).is_some()
}

/// What a program answers on its standard output, if it is there and ends with success.
pub(crate) fn asked(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn conclude(command: &Command, success: bool) -> anyhow::Result<()> {
    if success {
        return Ok(());
    }
    bail!("`{}` failed", line_of(command))
}

fn cannot_start(command: &Command) -> String {
    format!("`{}` cannot be started: is it installed and on PATH?", command.get_program().display())
}

fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_is_heard_line_by_line() {
        let mut heard = Vec::new();
        run_listening(&mut shell("echo one; echo two"), |line| heard.push(line.to_owned())).unwrap();
        assert_eq!(heard, ["one", "two"]);
    }

    #[test]
    fn failing_program_is_an_error_that_names_it_and_its_output_is_heard() {
        let mut heard = Vec::new();
        let error = run_listening(&mut shell("echo last words; exit 3"), |line| heard.push(line.to_owned()));
        assert!(error.unwrap_err().to_string().contains("sh -c"));
        assert_eq!(heard, ["last words"]);
    }

    #[test]
    fn program_that_is_not_there_is_an_error_that_says_so() {
        let error = run(&mut Command::new("no-such-program-anywhere")).unwrap_err();
        assert!(error.to_string().contains("is it installed"), "{error}");
    }

    #[test]
    fn standard_input_is_empty() {
        let mut heard = Vec::new();
        run_listening(&mut shell("cat; echo end"), |line| heard.push(line.to_owned())).unwrap();
        assert_eq!(heard, ["end"]);
    }

    #[test]
    fn answers_is_false_for_a_missing_or_failing_program() {
        assert!(answers("sh", &["-c", "exit 0"]));
        assert!(!answers("sh", &["-c", "exit 1"]));
        assert!(!answers("no-such-program-anywhere", &[]));
    }
}
