//! What is known about the runbook: how many items are proven, and why others are not.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::{BAD, Detail, FAINT, GOOD, OPEN, STRONG, Terminal};
use crate::domain::result::RunResult;
use crate::domain::runbook::{Answer, Answered, Attestation, Came, Status};
use crate::report::text::count;

/// As wide as the longest word that stands before items.
const WORD: usize = 12;

impl<W: Write> Terminal<W> {
    /// In one line what it comes to, and below it what is violated and what is open. The whole table is
    /// for those who ask for it.
    pub(super) fn runbook(&mut self, result: &RunResult) -> io::Result<()> {
        let answer = &result.runbook;
        self.field(2, "runbook", &counted(answer))?;
        if self.look.detail == Detail::Verbose {
            return self.table(answer);
        }
        for item in answer
            .items
            .iter()
            .filter(|own| own.status == Status::Violated)
        {
            let why = item.reason().unwrap_or_default();
            self.named(
                Status::Violated,
                &format!("{} {}: {why}", item.id, item.title),
            )?;
        }
        // Of a part of the scenarios the runbook is not the point.
        let unplayed = unplayed(result).len() as u64;
        if unplayed > 0 {
            let open = count(answer.count(Status::Inconclusive) as u64, "item");
            let unplayed = count(unplayed, "scenario");
            let told = format!("{open}: {unplayed} of theirs were not played; -v says of each why");
            return self.named(Status::Inconclusive, &told);
        }
        for (why, ids) in open(answer) {
            self.named(Status::Inconclusive, &format!("{}: {why}", ids.join(", ")))?;
        }
        Ok(())
    }

    fn named(&mut self, status: Status, text: &str) -> io::Result<()> {
        let word = format!("{:<WORD$}", status.name());
        self.field(4, &word, text)
    }

    /// Every item below its group.
    fn table(&mut self, answer: &Answer) -> io::Result<()> {
        for group in &answer.groups {
            let mut items = answer.items.iter().filter(|own| own.group == group.id);
            let Some(first) = items.next() else {
                continue;
            };
            writeln!(self.out)?;
            self.paragraph(2, STRONG, &format!("{} · {}", group.id, group.title))?;
            for item in std::iter::once(first).chain(items) {
                self.field(4, &item.id, &item.title)?;
                let style = match item.status {
                    Status::Proven | Status::Attested => GOOD,
                    Status::Violated => BAD,
                    Status::Inconclusive => OPEN,
                    Status::NotApplicable | Status::NotScored => FAINT,
                };
                self.paragraph(14, style, &known(item))?;
            }
        }
        writeln!(self.out)
    }
}

/// Which version is answered, and how many items are what.
fn counted(answer: &Answer) -> String {
    let counts = Status::ALL.iter().filter_map(|status| {
        let number = answer.count(*status);
        (number > 0 || *status == Status::Proven).then(|| format!("{number} {}", status.name()))
    });
    let counts: Vec<String> = counts.collect();
    let draft = if answer.published { "" } else { ", a draft" };
    let (name, version) = (&answer.name, &answer.version);
    format!("{name}, version {version}{draft}: {}", counts.join(", "))
}

/// The scenarios that open items wait for and that are no part of the run.
fn unplayed(result: &RunResult) -> BTreeSet<&str> {
    let played: BTreeSet<&str> = result.scenarios.iter().map(|own| own.id.as_str()).collect();
    let items = result.runbook.items.iter();
    let open = items.filter(|own| own.status == Status::Inconclusive);
    let named = open.flat_map(|own| &own.by);
    let named = named.filter_map(|ground| ground.proof.scenario());
    named.filter(|id| !played.contains(id)).collect()
}

/// Open items by the first reason of each, in the runbook's order.
fn open(answer: &Answer) -> Vec<(&str, Vec<&str>)> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    let open = answer
        .items
        .iter()
        .filter(|own| own.status == Status::Inconclusive);
    for item in open {
        let why = item.reasons.first().map_or("", String::as_str);
        match reasons.iter_mut().find(|(own, _)| *own == why) {
            Some((_, ids)) => ids.push(&item.id),
            None => reasons.push((why, vec![&item.id])),
        }
    }
    reasons
}

/// What is known about an item, and by what.
fn known(item: &Answered) -> String {
    let mut told = item.status.name().to_owned();
    if let Some(why) = item.reason() {
        told.push_str(&format!(": {why}"));
    } else {
        let kept = item.by.iter().filter(|ground| ground.came == Came::Kept);
        let kept: Vec<String> = kept.map(|ground| ground.proof.to_string()).collect();
        if !kept.is_empty() {
            told.push_str(&format!(" by {}", kept.join(", ")));
        }
    }
    if let (Status::Attested, Some(own)) = (item.status, &item.attested) {
        let separator = if told == Status::Attested.name() {
            " by "
        } else {
            ", and by "
        };
        told.push_str(&format!("{separator}{}", vouched(own)));
    }
    told
}

fn vouched(own: &Attestation) -> String {
    let until = own
        .until
        .map_or_else(String::new, |day| format!(" until {day}"));
    format!("{} on {}{until}: {}", own.by, own.on, own.note)
}
