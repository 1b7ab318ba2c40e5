//! Whether the build is pulled: the first that is said of a run.

use std::io::{self, Write};

use super::{BAD, Detail, FAINT, GOOD, OPEN, STRONG, Terminal};
use crate::domain::runbook::{Answer, Build, State};
use crate::report::rollback::{advice, because, named};

/// How many findings of one trigger are told; the scenarios below tell all of them.
const MOST: usize = 3;

impl<W: Write> Terminal<W> {
    /// What is to be done, and of what fired, the actions and the evidence.
    pub(super) fn rollback(&mut self, answer: &Answer) -> io::Result<()> {
        let (Some(build), Some(told)) = (answer.build(), advice(answer)) else {
            return Ok(());
        };
        let is_quiet = self.look.detail == Detail::Quiet;
        match build {
            Build::Pull if is_quiet => return self.paragraph(0, BAD, &told),
            Build::Pull => {}
            Build::Keep | Build::Open if is_quiet => return Ok(()),
            Build::Keep => return self.told(GOOD, &told),
            Build::Open => return self.told(OPEN, &told),
        }
        self.told(BAD, build.words())?;
        for trigger in answer.triggers_in(State::Fired) {
            self.paragraph(2, STRONG, &named(trigger))?;
            for action in &trigger.actions {
                self.field(4, "do", action)?;
            }
            let because = because(trigger);
            for line in because.iter().take(MOST) {
                self.field(4, "because", line)?;
            }
            if because.len() > MOST {
                let more = format!("and {} more findings below", because.len() - MOST);
                self.paragraph(14, FAINT, &more)?;
            }
        }
        let open: Vec<&str> = answer
            .triggers_in(State::NotJudged)
            .map(|own| own.id.as_str())
            .collect();
        if !open.is_empty() {
            self.field(2, "not judged", &open.join(", "))?;
        }
        Ok(())
    }

    /// A line with room before it.
    fn told(&mut self, style: anstyle::Style, line: &str) -> io::Result<()> {
        writeln!(self.out)?;
        self.paragraph(0, style, line)
    }

    /// The same in a line, for the end of a report that may be long.
    pub(super) fn pulled(&mut self, answer: &Answer) -> io::Result<()> {
        match (answer.build(), advice(answer)) {
            (Some(Build::Pull), Some(told)) => self.paragraph(0, BAD, &told),
            _ => Ok(()),
        }
    }
}
