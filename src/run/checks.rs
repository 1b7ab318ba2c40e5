//! Runs the commands by which a team checks its own project, one after the other.

use std::process::Command;
use std::time::Instant;

use super::interrupt::Interrupt;
use super::process::{self, Program, Ran};
use crate::domain::runbook::{Check, CheckEnd};
use crate::domain::secrets::Vault;
use crate::suite::config::CheckCommand;

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
            let ran = run(command, interrupt);
            let output = ran.last(vault);
            (ran.ended, output)
        };
        let check = Check {
            name: command.name.clone(),
            command: vault.redact(&command.command).into_owned(),
            ended,
            duration: began.elapsed(),
            output,
        };
        progress(&check);
        checks.push(check);
    }
    checks
}

fn run(command: &CheckCommand, interrupt: &Interrupt) -> Ran {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(&command.command);
    shell.current_dir(&command.folder);
    process::run(Program {
        command: shell,
        timeout: command.timeout,
        interrupt: Some(interrupt),
        says: None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::secrets::SecretKind;
    use crate::run::process::LINES;

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
