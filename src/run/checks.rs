//! Runs the commands by which a team checks its own project, one after the other.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, PipeReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::interrupt::Interrupt;
use crate::domain::runbook::{Check, CheckEnd};
use crate::domain::secrets::Vault;
use crate::suite::config::CheckCommand;

/// How many of its last lines are kept.
const LINES: usize = 20;
/// How much of a line is kept.
const LINE: usize = 500;
/// How much is read before a line counts as one that never ends.
const LONGEST: u64 = 64 * 1024;
/// How long what was written is waited for once the command has ended: what it left running may hold its
/// output open for ever.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What is heard while a check runs.
enum News {
    Ended(std::io::Result<ExitStatus>),
    Interrupted,
}

/// Runs each, and shows it when it has ended. None is begun once the run is interrupted.
pub fn run_checks(
    commands: &[CheckCommand],
    vault: &Vault,
    interrupt: &Interrupt,
    progress: &mut dyn FnMut(&Check),
) -> Vec<Check> {
    let mut checks = Vec::new();
    for command in commands {
        let began = Instant::now();
        let (ended, output) = if interrupt.is_triggered() {
            (CheckEnd::Interrupted, Vec::new())
        } else {
            run(command, interrupt)
        };
        // Before a line is cut: half a secret is not known for one.
        let output = output.iter().map(|line| {
            let line = vault.redact(line);
            line.trim_end().chars().take(LINE).collect()
        });
        let check = Check {
            name: command.name.clone(),
            command: vault.redact(&command.command).into_owned(),
            ended,
            duration: began.elapsed(),
            output: output.collect(),
        };
        progress(&check);
        checks.push(check);
    }
    checks
}

fn run(command: &CheckCommand, interrupt: &Interrupt) -> (CheckEnd, Vec<String>) {
    let (child, output) = match start(command) {
        Ok(started) => started,
        Err(error) => return (CheckEnd::NotStarted(error.to_string()), Vec::new()),
    };
    let group = child.id();
    let tail = Tail::of(output);
    let ended = wait(child, group, command.timeout, interrupt);
    (ended, tail.lines())
}

/// Starts it in a group of its own, so that it can be ended with all that it starts.
fn start(command: &CheckCommand) -> std::io::Result<(Child, PipeReader)> {
    let (read, write) = std::io::pipe()?;
    let child = Command::new("sh")
        .arg("-c")
        .arg(&command.command)
        .current_dir(&command.folder)
        .stdin(Stdio::null())
        .stdout(write.try_clone()?)
        .stderr(write)
        .process_group(0)
        .spawn()?;
    Ok((child, read))
}

fn wait(mut child: Child, group: u32, timeout: Duration, interrupt: &Interrupt) -> CheckEnd {
    let (tell, news) = mpsc::channel();
    let heard = tell.clone();
    interrupt.on_trigger(move || {
        let _ = heard.send(News::Interrupted);
    });
    thread::spawn(move || {
        let _ = tell.send(News::Ended(child.wait()));
    });
    let early = match news.recv_timeout(timeout) {
        Ok(News::Ended(status)) => return exited(status),
        Ok(News::Interrupted) => CheckEnd::Interrupted,
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            CheckEnd::TimedOut(timeout)
        }
    };
    // The shell has it built in, where no program of that name may be installed. What cannot be ended has
    // ended by itself.
    let _ = Command::new("sh")
        .args(["-c", &format!("kill -KILL -{group}")])
        .stderr(Stdio::null())
        .status();
    early
}

fn exited(status: std::io::Result<ExitStatus>) -> CheckEnd {
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => CheckEnd::Exited(code),
            (None, _) => CheckEnd::Killed,
        },
        Err(error) => CheckEnd::NotStarted(error.to_string()),
    }
}

/// The last lines of what a check writes, read while it runs.
struct Tail {
    lines: Arc<Mutex<VecDeque<String>>>,
    end: mpsc::Receiver<()>,
}

impl Tail {
    fn of(output: PipeReader) -> Self {
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        let (ended, end) = mpsc::channel();
        let kept = Arc::clone(&lines);
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while (&mut output)
                .take(LONGEST)
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                line.clear();
                if text.is_empty() {
                    continue;
                }
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() == LINES {
                    kept.pop_front();
                }
                kept.push_back(text);
            }
            let _ = ended.send(());
        });
        Self { lines, end }
    }

    fn lines(self) -> Vec<String> {
        let _ = self.end.recv_timeout(LAST_WORDS);
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secrets::SecretKind;

    fn checked(command: &str, timeout: Duration) -> Check {
        let mut vault = Vault::new();
        vault.learn(SecretKind::PasswordOf("ada"), "heron-41-of-ada");
        let command = CheckCommand {
            name: "verify".to_owned(),
            command: command.to_owned(),
            timeout,
            folder: std::env::temp_dir(),
        };
        run_checks(&[command], &vault, &Interrupt::new(), &mut |_| {}).remove(0)
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_check_is_known_by_its_exit_code_and_its_last_lines() {
        let green = checked("echo out; echo err >&2", MINUTE);
        assert!(green.is_green());
        assert_eq!(green.output, ["out", "err"]);
        let red = checked("for i in $(seq 50); do echo line $i; done; exit 3", MINUTE);
        assert_eq!(red.ended, CheckEnd::Exited(3));
        assert!(red.is_red());
        assert_eq!(red.output.len(), LINES);
        assert_eq!(red.output.last().map(String::as_str), Some("line 50"));
    }

    #[test]
    fn no_secret_stands_in_what_a_check_wrote() {
        let check = checked("echo signing in with heron-41-of-ada", MINUTE);
        assert_eq!(check.output, ["signing in with ‹password ada›"]);
        assert!(!check.command.contains("heron"), "{}", check.command);
    }

    #[test]
    fn a_check_that_does_not_end_is_ended_with_all_that_it_started() {
        let check = checked("sleep 1000 & sleep 1000", Duration::from_millis(50));
        assert_eq!(check.ended, CheckEnd::TimedOut(Duration::from_millis(50)));
        assert!(check.is_red() && check.duration < MINUTE);
    }

    #[test]
    fn what_cannot_be_started_or_was_interrupted_is_neither_green_nor_red() {
        let nowhere = CheckCommand {
            name: "verify".to_owned(),
            command: "true".to_owned(),
            timeout: MINUTE,
            folder: "/nowhere/at/all".into(),
        };
        let interrupt = Interrupt::new();
        let run = |interrupt: &Interrupt| {
            let commands = std::slice::from_ref(&nowhere);
            run_checks(commands, &Vault::new(), interrupt, &mut |_| {}).remove(0)
        };
        let check = run(&interrupt);
        assert!(matches!(check.ended, CheckEnd::NotStarted(_)), "{check:?}");
        interrupt.trigger();
        let cut = run(&interrupt);
        assert_eq!(cut.ended, CheckEnd::Interrupted);
        assert!(!check.is_green() && !check.is_red() && !cut.is_green() && !cut.is_red());
    }
}
