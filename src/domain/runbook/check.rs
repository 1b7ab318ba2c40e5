//! What came of the commands by which a team checks its own project.

use std::fmt;
use std::time::Duration;

/// What came of one configured check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name in the configuration.
    pub name: String,
    /// The command, as written there.
    pub command: String,
    /// What it came to.
    pub ended: CheckEnd,
    /// How long it took on the wall.
    pub duration: Duration,
    /// The last lines of what it wrote, without secrets.
    pub output: Vec<String>,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckEnd {
    /// With this exit code; 0 is success.
    Exited(i32),
    /// By a signal.
    Killed,
    /// It was ended, because it took longer than its configuration allows.
    TimedOut(Duration),
    /// It was ended with the run.
    Interrupted,
    /// It could not be started.
    NotStarted(String),
}

impl Check {
    /// Whether it says that the project is as it should be.
    #[must_use]
    pub fn is_green(&self) -> bool {
        self.ended == CheckEnd::Exited(0)
    }

    /// Whether it says that the project is not.
    #[must_use]
    pub fn is_red(&self) -> bool {
        match self.ended {
            CheckEnd::Exited(code) => code != 0,
            CheckEnd::Killed | CheckEnd::TimedOut(_) => true,
            CheckEnd::Interrupted | CheckEnd::NotStarted(_) => false,
        }
    }

    /// Whether it could not even be made.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        matches!(self.ended, CheckEnd::NotStarted(_))
    }
}

impl fmt::Display for CheckEnd {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(0) => out.write_str("passed"),
            Self::Exited(code) => write!(out, "ended with {code}"),
            Self::Killed => out.write_str("was ended by a signal"),
            Self::TimedOut(after) => {
                write!(
                    out,
                    "had not ended after {}",
                    crate::domain::duration::show(*after)
                )
            }
            Self::Interrupted => out.write_str("was ended with the run"),
            Self::NotStarted(why) => write!(out, "could not be started: {why}"),
        }
    }
}
