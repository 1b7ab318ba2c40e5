//! The runbook as it is asked for: which version of it, and what people vouch for.

use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::exit::Exit;
use super::problem::Problem;
use crate::domain::runbook::{Attestation, Runbook};
use crate::net::Clock;
use crate::suite::attestations::{ATTESTATIONS_FILE, ReadBy, read_attestations};
use crate::suite::config::Config;
use crate::suite::{Problems, Source, Suite};

/// Lets a suite's runbook answer the version that is asked for, with what people vouch for.
pub(super) fn complete(
    suite: &mut Suite,
    config: &Config,
    version: Option<&str>,
) -> Result<(), Problem> {
    let book = &mut suite.runbook;
    if let Some(version) = version {
        if !book.versions().any(|own| own == version) {
            return Err(Problem::Unknown {
                kind: "version of the runbook",
                name: version.to_owned(),
                known: book.versions().map(str::to_owned).collect(),
                exit: Exit::Usage,
            });
        }
        book.asked = Some(version.to_owned());
    }
    let all = attestations(config, &[book], false).map_err(Problem::Config)?;
    let own = all.into_iter().filter(|one| is_of(book, one));
    suite.runbook.attestations = own.collect();
    Ok(())
}

/// Whether somebody vouches for an item of this runbook.
pub(super) fn is_of(book: &Runbook, one: &Attestation) -> bool {
    one.runbook.as_ref().is_none_or(|name| *name == book.name)
}

/// Everything that people vouch for, in all runbooks; nothing where nobody ever did.
pub(super) fn attestations(
    config: &Config,
    runbooks: &[&Runbook],
    strict: bool,
) -> Result<Vec<Attestation>, Problems> {
    let file = file(config);
    if !file.exists() {
        return Ok(Vec::new());
    }
    let source = Source::read(&file, "what people vouch for")?;
    let by = ReadBy {
        runbooks,
        today: today(),
        strict,
    };
    read_attestations(&source, by)
}

/// The file beside the configuration, or here if there is none.
pub(super) fn file(config: &Config) -> PathBuf {
    let folder = config.file.as_deref().and_then(Path::parent);
    folder.unwrap_or(Path::new("")).join(ATTESTATIONS_FILE)
}

/// The day, by the clock of this machine, in UTC: the same wherever a report is read.
pub(super) fn today() -> Date {
    let seconds = Clock::real_time().unix().as_secs();
    let moment = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let moment = moment.unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.to_zoned(jiff::tz::TimeZone::UTC).date()
}
