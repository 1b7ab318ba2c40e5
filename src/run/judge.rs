//! Judges journals that were recorded before: the same fold, and so the same findings, as in the run
//! that wrote them.
//!
//! A file is read twice, from its beginning to its end: once to judge it, and once for the entries
//! that findings cite. Neither keeps what it has read, so a journal of days needs no more memory
//! than one of minutes.

mod excerpt;
mod reader;
#[cfg(test)]
mod tests;
mod unjudgeable;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::evaluation::{Evaluation, JournalFlaw};
use super::runbook::Book;
use super::summary::sum;
use crate::domain::contract::Contract;
use crate::domain::journal::Observer;
use crate::domain::journal::file::{Case, ContractMark, Header, VERSION};
use crate::domain::result::{RunResult, ScenarioResult};
use crate::domain::runbook::Runbook;
use reader::{End, Reader};
pub use unjudgeable::Unjudgeable;

/// A contract, and by what a journal that was written under it can be known.
#[derive(Debug, Clone, Copy)]
pub struct JudgedBy<'a> {
    /// What is judged by.
    pub contract: &'a Arc<Contract>,
    /// SHA-256 of its text, hex.
    pub fingerprint: &'a str,
    /// The runbook that is answered.
    pub runbook: &'a Runbook,
}

/// Judges files, each as one scenario, and shows each result as it comes. The second half of what
/// comes back are remarks: what should be known before the findings are believed.
///
/// # Errors
/// When a file cannot be judged at all. One that breaks off or is damaged further on can be, up to
/// there, and its verdict says so.
pub fn judge(
    files: &[PathBuf],
    by: JudgedBy<'_>,
    progress: &mut dyn FnMut(&ScenarioResult),
) -> Result<(RunResult, Vec<String>), Unjudgeable> {
    let began = Instant::now();
    // Whatever cannot be judged is found before the first file costs time.
    let mut readers = Vec::new();
    for path in files {
        readers.push(Reader::open(path)?);
    }
    let mut remarks = Vec::new();
    let headers: Vec<Header> = readers
        .iter()
        .zip(files)
        .map(|(reader, path)| {
            let found = reader.header.clone();
            if let Some(remark) = mismatch(path, found.as_ref(), by) {
                remarks.push(remark);
            }
            found.unwrap_or_else(|| bare_header(path))
        })
        .collect();
    let mut scenarios = Vec::new();
    for (reader, header) in readers.into_iter().zip(&headers) {
        let result = judge_one(reader, header, by.contract);
        progress(&result);
        scenarios.push(result);
    }
    let book = Book {
        runbook: by.runbook,
        contract: by.contract,
    };
    let first = headers
        .into_iter()
        .next()
        .unwrap_or_else(|| bare_header(Path::new("")));
    let result = RunResult {
        seed: first.seed,
        target: first.target,
        virtual_time: first.virtual_time,
        quirks: first.quirks,
        defects: first.defects,
        duration_wall: began.elapsed(),
        ..sum(scenarios, &book.basis())
    };
    Ok((result, remarks))
}

fn judge_one(mut reader: Reader, header: &Header, contract: &Arc<Contract>) -> ScenarioResult {
    let began = Instant::now();
    let mut evaluation = Evaluation::new(contract, &header.case);
    let end = reader.each(&mut |entry| evaluation.observe(entry));
    let flaw = match end {
        End::Whole if evaluation.is_whole() => None,
        End::Whole => Some(JournalFlaw::Unfinished),
        End::CutOff { line } => Some(JournalFlaw::CutOff { line }),
        End::Broken { line, why } => Some(JournalFlaw::Damaged {
            path: reader.path.clone(),
            line,
            why,
        }),
    };
    let mut result = evaluation.conclude(&header.case, flaw.as_ref(), |findings| {
        excerpt::excerpt(&mut reader, findings)
    });
    result.duration_wall = began.elapsed();
    result
}

/// What should be known about a file before its findings are believed.
fn mismatch(path: &Path, header: Option<&Header>, by: JudgedBy<'_>) -> Option<String> {
    let file = path.display();
    let Some(header) = header else {
        return Some(format!(
            "{file} has no header line, so nothing tells under which contract it was written"
        ));
    };
    (header.contract.sha256 != by.fingerprint).then(|| {
        if header.contract.name == by.contract.name {
            format!(
                "{file} was written under another version of the contract “{}” than the one it is judged by",
                header.contract.name
            )
        } else {
            format!(
                "{file} was written under the contract “{}” and is judged by “{}”; name the right one with --contract",
                header.contract.name, by.contract.name
            )
        }
    })
}

/// The header of a journal that has none.
fn bare_header(path: &Path) -> Header {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    Header {
        journal: VERSION,
        rehearsal: String::new(),
        contract: ContractMark::default(),
        target: "unknown".to_owned(),
        seed: 0,
        epoch: 0,
        virtual_time: false,
        enforced: true,
        quirks: Vec::new(),
        defects: Vec::new(),
        case: Case {
            id: stem.clone().into_owned(),
            name: format!("The journal {stem}"),
            file: path.display().to_string(),
            ..Case::default()
        },
    }
}
