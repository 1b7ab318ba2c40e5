//! The two questions: does it conform, and did it.

use std::path::{Path, PathBuf};

use super::{Error, Plan, Report, Suite};
use crate::report::terminal::{Again, Opening};
use crate::run::{self, JudgedBy};

/// Plays a plan, and fails the test unless everything held: with the report that the command shows in
/// the terminal. What failed as its scenario announces by `known-failure` does not count.
///
/// # Panics
/// With the report, when anything did not hold or proves nothing; with what is wrong, when nothing
/// could be played.
///
/// ```should_panic
/// # let suite = rehearsal::Suite::shipped().unwrap();
/// let misbehaving = rehearsal::Plan::of(&suite).scenario("sign-in").quirk("token-in-query");
/// rehearsal::assert_conforms(&misbehaving);
/// ```
#[track_caller]
pub fn assert_conforms(plan: &Plan) {
    match plan.perform() {
        Ok(report) => report.assert_conforms(),
        Err(error) => panic!("nothing could be played:\n{error}"),
    }
}

/// Judges a recorded journal by a suite's contract and runbook: the same findings as in the run that
/// wrote it. What should be known before they are believed, such as that another version of the
/// contract wrote it, stands before the report.
///
/// # Errors
/// When it cannot be read or is no journal.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let suite = rehearsal::Suite::shipped()?;
/// let plan = rehearsal::Plan::of(&suite).scenario("sign-in").journals(folder.path());
/// let live = plan.perform()?;
/// let judged = rehearsal::judge(folder.path().join("sign-in.jsonl"), &suite)?;
/// assert_eq!(judged.verdict(), live.verdict());
/// # Ok::<(), rehearsal::Error>(())
/// ```
pub fn judge(journal: impl AsRef<Path>, suite: &Suite) -> Result<Report, Error> {
    let files: Vec<PathBuf> = vec![journal.as_ref().to_owned()];
    let suite = &suite.inner;
    let by = JudgedBy {
        contract: &suite.contract,
        fingerprint: &suite.fingerprint,
        runbook: &suite.runbook,
    };
    let (result, remarks) = run::judge(&files, by, &mut |_| {})?;
    let opening = Opening {
        target: String::new(),
        seed: 0,
        virtual_time: true,
        scenarios: result.scenarios.iter().map(|own| own.id.clone()).collect(),
        deviations: Vec::new(),
    };
    let words = vec!["judge".to_owned(), files[0].display().to_string()];
    Ok(Report::of(result, &opening, Again::Judge(words), &remarks))
}
