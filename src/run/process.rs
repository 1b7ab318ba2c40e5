//! Runs a program that the configuration names: in a group of its own, to its end or that of its time.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, PipeReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::interrupt::Interrupt;
use crate::domain::runbook::CheckEnd;
use crate::domain::secrets::Vault;

/// How many of its last lines are kept.
pub(super) const LINES: usize = 20;
/// How much of a line is kept.
const LINE: usize = 500;
/// How much is read before a line counts as one that never ends.
const LONGEST: u64 = 64 * 1024;
/// How long what was written is waited for once the command has ended: what it left running may hold its
/// output open for ever.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What is run, and how long.
pub(super) struct Program<'i> {
    pub(super) command: Command,
    pub(super) timeout: Duration,
    /// What ends it early, with all that it has started.
    pub(super) interrupt: Option<&'i Interrupt>,
    /// What is looked for in the lines that it writes.
    pub(super) says: Option<String>,
}

/// What came of a program.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) ended: CheckEnd,
    /// The last lines of what it wrote, as it wrote them.
    lines: Vec<String>,
    /// Whether a line of it held what was looked for.
    pub(super) said: bool,
}

impl Ran {
    /// The last lines of what it wrote, without these secrets.
    pub(super) fn last(&self, vault: &Vault) -> Vec<String> {
        // Before a line is cut: half a secret is not known for one.
        let lines = self.lines.iter().map(|line| vault.redact(line));
        lines
            .map(|line| line.chars().take(LINE).collect())
            .collect()
    }
}

/// What is heard while a program runs.
enum News {
    Ended(std::io::Result<ExitStatus>),
    Interrupted,
}

/// Runs a program. It is over when this returns, and so is all that it has started if its time was up.
pub(super) fn run(program: Program<'_>) -> Ran {
    let (child, output) = match start(program.command) {
        Ok(started) => started,
        Err(error) => {
            return Ran {
                ended: CheckEnd::NotStarted(error.to_string()),
                lines: Vec::new(),
                said: false,
            };
        }
    };
    let group = child.id();
    let tail = Tail::of(output, program.says);
    let ended = wait(child, group, program.timeout, program.interrupt);
    let (lines, said) = tail.end();
    Ran { ended, lines, said }
}

/// Starts it in a group of its own, so that it can be ended with all that it starts.
fn start(mut command: Command) -> std::io::Result<(Child, PipeReader)> {
    let (read, write) = std::io::pipe()?;
    let child = command
        .stdin(Stdio::null())
        .stdout(write.try_clone()?)
        .stderr(write)
        .process_group(0)
        .spawn()?;
    Ok((child, read))
}

fn wait(
    mut child: Child,
    group: u32,
    timeout: Duration,
    interrupt: Option<&Interrupt>,
) -> CheckEnd {
    let (tell, news) = mpsc::channel();
    if let Some(interrupt) = interrupt {
        let heard = tell.clone();
        interrupt.on_trigger(move || {
            let _ = heard.send(News::Interrupted);
        });
    }
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

/// The last lines of what a program writes, read while it runs.
struct Tail {
    seen: Arc<Mutex<Seen>>,
    end: mpsc::Receiver<()>,
}

#[derive(Default)]
struct Seen {
    lines: VecDeque<String>,
    said: bool,
}

impl Tail {
    fn of(output: PipeReader, says: Option<String>) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (ended, end) = mpsc::channel();
        let kept = Arc::clone(&seen);
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while (&mut output)
                .take(LONGEST)
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                let text = String::from_utf8_lossy(&line);
                let mut kept = lock(&kept);
                kept.said |= says.as_ref().is_some_and(|says| text.contains(says));
                let text = text.trim_end().to_owned();
                line.clear();
                if text.is_empty() {
                    continue;
                }
                if kept.lines.len() == LINES {
                    kept.lines.pop_front();
                }
                kept.lines.push_back(text);
            }
            let _ = ended.send(());
        });
        Self { seen, end }
    }

    fn end(self) -> (Vec<String>, bool) {
        let _ = self.end.recv_timeout(LAST_WORDS);
        let seen = lock(&self.seen);
        (seen.lines.iter().cloned().collect(), seen.said)
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
