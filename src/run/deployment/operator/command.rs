//! Runs a program of the operator's, to its end or that of its time.

use std::path::Path;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use super::{Lookup, NotDone, Turn};
use crate::domain::runbook::CheckEnd;
use crate::domain::selector::fill_text;
use crate::run::process::{Program, run as carry_out};
use crate::suite::config::{Command, Target};

/// Runs a program when it has the turn. It comes to its end also when nobody waits for it any more.
pub(super) async fn run(
    target: &Target,
    turn: &Turn,
    timeout: Duration,
    command: &Command,
    lookup: Lookup<'_>,
) -> Result<(), NotDone> {
    let turn = Arc::clone(&turn.one).lock_owned().await;
    let prepared = prepare(command, lookup);
    let says = command.done.says.clone();
    let ran = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        carry_out(Program {
            command: prepared,
            timeout,
            interrupt: None,
            says,
        })
    });
    let ran = ran.await.map_err(NotDone::Broken)?;
    let last = || ran.last(&target.vault()).pop();
    match ran.ended {
        CheckEnd::NotStarted(why) => Err(NotDone::NotStarted {
            program: command.words[0].clone(),
            why,
        }),
        CheckEnd::Exited(code) if command.done.is_code(code) => match &command.done.says {
            Some(says) if !ran.said => Err(NotDone::NotSaid {
                says: says.clone(),
                last: last(),
            }),
            _ => Ok(()),
        },
        ref ended => Err(NotDone::Ended {
            ended: ended.clone(),
            last: last(),
        }),
    }
}

/// The program with everything filled in.
fn prepare(command: &Command, lookup: Lookup<'_>) -> process::Command {
    let mut words = command.words.iter().map(|word| fill_text(word, lookup));
    let mut prepared = process::Command::new(words.next().unwrap_or_default());
    prepared.args(words);
    for (name, value) in &command.environment {
        prepared.env(name, fill_text(value, lookup));
    }
    if command.folder != Path::new("") {
        prepared.current_dir(&command.folder);
    }
    prepared
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::domain::change::Change;
    use crate::run::deployment::operate;
    use crate::suite::Source;
    use crate::suite::config::{Config, LeverMeans};

    /// What moving maintenance by this call comes to, as whoever reads the report is told.
    fn moved(call: &str) -> Result<(), String> {
        let text = format!(
            "[targets.one]\nservices = {{ api = \"http://127.0.0.1:9\" }}\n\
             levers.maintenance = {{ on = {call}, off = {{ command = [\"true\"] }} }}\n"
        );
        let source = Source::new("rehearsal.toml", text);
        let config = Config::from_source(&source, Path::new(""), &[]).unwrap();
        let target = config.target("one", &|_| Some("s3cret-of-ops".into()));
        let target = target.unwrap();
        let lever = Change::Maintenance(true).lever().unwrap();
        let LeverMeans::Calls { set, reset, .. } = &target.levers[&lever] else {
            panic!("it is moved by calls");
        };
        let (turn, change) = (Turn::default(), Change::Maintenance(true));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let operated = operate(&target, &turn, &change, set, reset);
        let done = runtime.unwrap().block_on(operated);
        done.map(drop).map_err(|why| why.to_string())
    }

    #[test]
    fn a_command_counts_as_done_by_its_exit_code_and_by_what_it_says() {
        for (call, why) in [
            (r#"{ command = ["true"] }"#, None),
            (
                r#"{ command = ["false"] }"#,
                Some("false: it ended with 1, which is not what counts as done"),
            ),
            (
                r#"{ command = ["sh", "-c", "exit 3"], done = { exit = [0, 3] } }"#,
                None,
            ),
            (
                r#"{ command = ["sh", "-c", "echo scaled to 0; seq 100"], done = { output = "scaled" } }"#,
                None,
            ),
            (
                r#"{ command = ["echo", "nothing"], done = { output = "scaled" } }"#,
                Some("echo nothing: it never said `scaled`; its last line: nothing"),
            ),
            (
                r#"{ command = ["/nowhere/at/all"] }"#,
                Some("`/nowhere/at/all` could not be started: No such file or directory"),
            ),
        ] {
            match (moved(call), why) {
                (Ok(()), None) => {}
                (Err(said), Some(why)) => assert!(said.contains(why), "{said}"),
                (came, _) => panic!("{call}: {came:?}"),
            }
        }
    }

    #[test]
    fn arguments_and_environment_reach_a_command_and_no_secret_comes_back() {
        let call = r#"{ command = ["sh", "-c", "echo $STAGE $1 $2; exit 1", "sh", "{env:OPS_TOKEN}", "a b;c"], environment = { STAGE = "{env:STAGE}" } }"#;
        let said = moved(call).unwrap_err();
        assert!(said.ends_with(" a b;c"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }

    #[test]
    fn a_command_that_hangs_is_ended_with_all_that_it_started() {
        let began = Instant::now();
        let said =
            moved(r#"{ command = ["sh", "-c", "sleep 1000 & sleep 1000"], timeout = "50ms" }"#);
        assert!(said.unwrap_err().contains("it had not ended after 50ms"));
        assert!(began.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn a_command_is_repeated_until_it_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("again");
        let call = format!(
            r#"{{ command = ["sh", "-c", "test -e $0 || {{{{ touch $0; exit 1; }}}}", "{}"], repeat-for = "60s" }}"#,
            path.display()
        );
        moved(&call).unwrap();
    }
}
