//! What goes wrong in ways that are expected: one message, a hint, and an exit code each.

use std::fmt::Write as _;

use super::exit::Exit;
use crate::history::Unusable;
use crate::mock::{LeverError, StartError, Unusable as UnusableState};
use crate::net::NoAuthority;
use crate::report::file::Unwritable;
use crate::run::{
    LeaseError, NotHeld, NotServed, ReplayFailed, Unjudgeable, Unplayable, Unselected,
};
use crate::runfile;
use crate::suite::{Problems, Rendering};

/// Something that a person can put right.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// A name that nobody knows.
    #[error("there is no {kind} `{name}`")]
    Unknown {
        /// What was meant to be named.
        kind: &'static str,
        /// The name as given.
        name: String,
        /// Every name there is.
        known: Vec<String>,
        /// How the process ends.
        exit: Exit,
    },
    /// A selection that leaves nothing.
    #[error("no scenario is left to play: {why}")]
    NothingSelected {
        /// How the selection came to be empty.
        why: String,
        /// Every scenario there is.
        known: Vec<String>,
    },
    /// A value that cannot be read.
    #[error("{place} is `{value}`: {why}")]
    Value {
        /// Where it stands: `REHEARSAL_SEED`.
        place: String,
        /// The value; never a secret.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// What is wrong with suite files.
    #[error("{0}")]
    Suite(Problems),
    /// What is wrong with the configuration.
    #[error("{0}")]
    Config(Problems),
    /// A suite without content for a mock.
    #[error("the suite `{origin}` has no world.yaml, so there is no mock of it")]
    NoWorld {
        /// The suite.
        origin: String,
    },
    /// A defect of the mock is asked for where there is no mock.
    #[error("defects are the mock's, and the target is `{target}`")]
    NotTheMock {
        /// The target.
        target: String,
    },
    /// Nothing can be played against the target.
    #[error(transparent)]
    Unplayable(#[from] Unplayable),
    /// A target that is in use, or could not be put back.
    #[error("{}", lines(.0))]
    Levers(Vec<LeaseError>),
    /// Nothing can be put before the target.
    #[error(transparent)]
    NotServed(#[from] NotServed),
    /// No fleet can be held against the target.
    #[error(transparent)]
    NotHeld(Box<NotHeld>),
    /// A certificate or key that cannot be used.
    #[error("the app cannot be served over TLS: {0}")]
    Tls(std::io::Error),
    /// A certificate cannot be made.
    #[error("the app cannot be served over TLS: {0}")]
    Authority(NoAuthority),
    /// A file that is no journal.
    #[error(transparent)]
    Journal(#[from] Unjudgeable),
    /// A recording that cannot be replayed.
    #[error(transparent)]
    Replay(#[from] ReplayFailed),
    /// The mock could not be started.
    #[error(transparent)]
    Mock(#[from] StartError),
    /// A report that could not be kept.
    #[error(transparent)]
    Report(#[from] Unwritable),
    /// A file that no report can be made from.
    #[error(transparent)]
    RunFile(#[from] runfile::Unreadable),
    /// A statement about a run file that nobody keeps.
    #[error("--in-toto vouches for a run file, and none is kept")]
    NothingToVouchFor,
    /// Runs that are no parts of one.
    #[error(transparent)]
    Unmergeable(#[from] runfile::Unmergeable),
    /// A run file that lacks something.
    #[error(transparent)]
    RunFileLacks(runfile::Unwritten),
    /// A history that cannot be used.
    #[error(transparent)]
    History(#[from] Unusable),
    /// A file or folder that cannot be read or written.
    #[error("cannot {verb} {}: {error}", path.display())]
    File {
        /// What was attempted, as in `cannot write`.
        verb: &'static str,
        /// The file or folder.
        path: std::path::PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A state that the mock cannot go on from.
    #[error("the mock cannot go on from {}: {why}", path.display())]
    State {
        /// The file.
        path: std::path::PathBuf,
        /// Why not.
        why: UnusableState,
    },
    /// What is to be switched from the beginning, and is not.
    #[error(transparent)]
    Lever(LeverError),
    /// A world of this name that cannot be had again.
    #[error("--restore: {0}")]
    Restore(LeverError),
    /// A world is to be had again, and there is no file that it could stand in.
    #[error("--restore takes a world from the file of --state, and none is named")]
    NothingToRestoreFrom,
    /// Variables of an app are asked for, and the contract names none.
    #[error("the contract `{contract}` names no variable of the app, so there is none to write")]
    NoVariables {
        /// The contract's name.
        contract: String,
    },
    /// A file that stands where one would be written.
    #[error("{} is there already", path.display())]
    InTheWay {
        /// The file.
        path: std::path::PathBuf,
    },
    /// The output cannot be written to.
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
}

fn lines(errors: &[LeaseError]) -> String {
    let lines: Vec<String> = errors.iter().map(LeaseError::to_string).collect();
    lines.join("\n")
}

impl From<Unselected> for Problem {
    fn from(why: Unselected) -> Self {
        match why {
            Unselected::Unknown { kind, name, known } => Self::Unknown {
                kind,
                name,
                known,
                exit: Exit::NothingSelected,
            },
            Unselected::Nothing { why, known } => Self::NothingSelected { why, known },
        }
    }
}

impl Problem {
    /// How the process ends.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Unknown { exit, .. } => *exit,
            Self::NothingSelected { .. } => Exit::NothingSelected,
            Self::Suite(_) => Exit::InvalidSuite,
            Self::Value { .. }
            | Self::Config(_)
            | Self::NoVariables { .. }
            | Self::State { .. }
            | Self::Restore(_)
            | Self::Lever(_)
            | Self::NothingToRestoreFrom
            | Self::NoWorld { .. }
            | Self::NotTheMock { .. }
            | Self::Report(_)
            | Self::Journal(_)
            | Self::RunFile(_)
            | Self::RunFileLacks(_)
            | Self::NothingToVouchFor
            | Self::Unmergeable(_)
            | Self::History(_)
            | Self::Tls(_)
            | Self::Authority(_)
            | Self::NotServed(NotServed::Control { .. })
            | Self::File { .. }
            | Self::InTheWay { .. } => Exit::Usage,
            // A port is what a person asked for; all else is between world and contract.
            Self::Mock(StartError::Bind { .. }) => Exit::Usage,
            Self::Mock(StartError::Key(_)) => Exit::Broken,
            Self::NotHeld(why) if why.is_asked_wrongly() => Exit::Usage,
            Self::Mock(_) => Exit::InvalidSuite,
            Self::Replay(_)
            | Self::Unplayable(_)
            | Self::Levers(_)
            | Self::NotServed(_)
            | Self::NotHeld(_)
            | Self::Output(_) => Exit::Broken,
        }
    }

    /// What to do about it.
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown {
                kind, name, known, ..
            } => Some(suggest(kind, name, known)),
            Self::NothingSelected { known, .. } => Some(suggest("scenario", "", known)),
            Self::InTheWay { .. } => {
                Some("nothing was written; choose another folder or move the file away".to_owned())
            }
            Self::Journal(_) => Some(
                "`rehearsal run --journal FOLDER` and `rehearsal proxy --journal FILE` write journals"
                    .to_owned(),
            ),
            Self::Report(_) => Some("choose another place for it".to_owned()),
            Self::RunFile(runfile::Unreadable::Foreign { .. }) => Some(
                "`rehearsal run` writes run files: with a configuration into `.rehearsal/runs/`, else where `--run-file` says"
                    .to_owned(),
            ),
            Self::NothingToVouchFor => Some("--run-file FILE says where to keep one".to_owned()),
            Self::RunFileLacks(_) => Some(
                "what was written before can be read; --run-file FILE chooses another place"
                    .to_owned(),
            ),
            Self::History(error) => way_out(error),
            Self::NoWorld { .. } => {
                Some("add one beside the contract, or choose a target with --target".to_owned())
            }
            Self::State { .. } => Some(
                "name another file, or move this one away: a new one begins with the world as its file has it"
                    .to_owned(),
            ),
            Self::NoVariables { .. } => Some(
                "write `variable: NAME` at each service whose URL the app is built with".to_owned(),
            ),
            Self::Tls(_) => Some(
                "--tls-cert takes the chain and --tls-key its key, both as PEM files".to_owned(),
            ),
            Self::Authority(why) => once_more(why),
            Self::NotServed(NotServed::Control { .. }) | Self::Mock(StartError::Bind { .. }) => {
                Some("choose another port, or none: any free one is taken then".to_owned())
            }
            Self::Suite(_)
            | Self::Config(_)
            | Self::NotTheMock { .. }
            | Self::Unplayable(_)
            | Self::Levers(_)
            | Self::NotServed(_)
            | Self::NotHeld(_)
            | Self::Replay(_)
            | Self::Mock(_)
            | Self::Value { .. }
            | Self::RunFile(_)
            | Self::Unmergeable(_)
            | Self::File { .. }
            | Self::Restore(_)
            | Self::Lever(_)
            | Self::NothingToRestoreFrom
            | Self::Output(_) => None,
        }
    }

    /// What is shown: the problem, and what to do about it.
    pub(super) fn message(&self, rendering: Rendering) -> String {
        if let Self::Suite(problems) | Self::Config(problems) = self {
            return problems.render(rendering);
        }
        let mut message = format!("error: {self}\n");
        if let Some(hint) = self.hint() {
            // Writing to a String cannot fail.
            let _ = writeln!(message, "  hint: {hint}");
        }
        message
    }
}

/// What to do about an authority that cannot be used.
fn once_more(why: &NoAuthority) -> Option<String> {
    let hint = match why {
        NoAuthority::File { .. } | NoAuthority::Unmade(_) => return None,
        NoAuthority::Expired(_) => {
            "move it and its key away: a new one is made, which clients have to trust anew"
        }
        NoAuthority::Broken { .. } | NoAuthority::NoKey { .. } | NoAuthority::Foreign { .. } => {
            "put the file back that was there, or move both away: a new authority is made, which clients have to trust anew"
        }
    };
    Some(hint.to_owned())
}

/// What to do about a history that cannot be used.
fn way_out(error: &Unusable) -> Option<String> {
    let hint = match error {
        Unusable::Missing { .. } => {
            "`rehearsal run` with a configuration keeps one, and `rehearsal history add RUN…` makes one of run files"
        }
        Unusable::Damaged { .. } => {
            "it was left as it is; move it away, and `rehearsal history add .rehearsal/runs/*` makes it anew"
        }
        Unusable::Foreign { .. } => {
            "it was left as it is; name another file with --database, or as `path` of `[history]`"
        }
        Unusable::Newer { .. } | Unusable::Refused { .. } => return None,
    };
    Some(hint.to_owned())
}

/// At most five names that were probably meant, the nearest first, and how to see all of them.
fn suggest(kind: &str, name: &str, known: &[String]) -> String {
    let near = near(name, known.iter().map(String::as_str));
    let near: Vec<String> = near.iter().map(|own| format!("`{own}`")).collect();
    let all = match (known.len(), lister(kind)) {
        (0, _) => return "there are none here".to_owned(),
        (1..=5, _) | (_, None) => format!("there are: {}", known.join(", ")),
        (many, Some(lister)) => format!("`{lister}` lists all {many}"),
    };
    match near.split_last() {
        None => all,
        Some((one, [])) => format!("did you mean {one}? {all}"),
        Some((last, others)) => {
            let others = others.join(", ");
            format!("did you mean {others} or {last}? {all}")
        }
    }
}

/// The command that lists everything of a kind.
fn lister(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "scenario" | "scenario with the tag" => "rehearsal list",
        "rule" => "rehearsal rules",
        "quirk" => "rehearsal quirks",
        "defect" => "rehearsal defects",
        _ => return None,
    })
}

/// The one name that was probably meant.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    near(name, known).first().copied()
}

/// The names that were probably meant, the nearest first and five at most: those that begin alike, and those
/// with few letters swapped, missing or too many.
fn near<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let name = name.to_lowercase();
    let scored = known.into_iter().filter_map(|known| {
        let other = known.to_lowercase();
        let alike = strsim::jaro_winkler(&name, &other);
        let edited = strsim::normalized_damerau_levenshtein(&name, &other);
        (alike > 0.85 || edited > 0.6).then_some((alike.max(edited), known))
    });
    let mut scored: Vec<(f64, &str)> = scored.collect();
    scored.sort_by(|(left, _), (right, _)| right.total_cmp(left));
    scored.truncate(5);
    scored.into_iter().map(|(_, known)| known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_and_all_others() {
        let problem = Problem::Unknown {
            kind: "quirk",
            name: "stale-tokn".to_owned(),
            known: vec!["poll-hard".to_owned(), "stale-token".to_owned()],
            exit: Exit::Usage,
        };
        insta::assert_snapshot!(problem.message(Rendering::Plain), @r"
        error: there is no quirk `stale-tokn`
          hint: did you mean `stale-token`? there are: poll-hard, stale-token
        ");
    }

    #[test]
    fn a_name_unlike_all_others_is_answered_with_the_list_alone() {
        let known = ["poll-hard".to_owned()];
        assert_eq!(suggest("quirk", "zzz", &known), "there are: poll-hard");
    }

    #[test]
    fn of_many_names_the_nearest_are_told_and_who_lists_all() {
        let known = ["sign-in", "sign-out", "a", "b", "c", "d"].map(str::to_owned);
        assert_eq!(
            suggest("scenario", "sing-in", &known),
            "did you mean `sign-in`? `rehearsal list` lists all 6"
        );
        assert_eq!(
            suggest("scenario", "zzz", &known),
            "`rehearsal list` lists all 6"
        );
    }

    #[test]
    fn no_more_than_five_names_are_offered_the_nearest_first() {
        let known: Vec<String> = (0..20).map(|at| format!("rule-{at}")).collect();
        let near = near("rule-7", known.iter().map(String::as_str));
        assert_eq!((near.len(), near[0]), (5, "rule-7"));
    }
}
