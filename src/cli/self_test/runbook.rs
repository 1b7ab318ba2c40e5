//! Which misbehaviours turn which items of the runbook: an item that none turns is proven by nothing
//! that was ever seen to notice.

use std::io::{self, Write};

use serde::Serialize;

use super::{BAD, FAINT, GOOD};
use crate::cli::console;
use crate::domain::runbook::{Proof, Runbook};
use crate::report::text::wrap;
use crate::run::{Misbehaviour, Trial};

/// An item, and what turns it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Turned<'a> {
    id: &'a str,
    /// The misbehaviours, those that turn the fewest other items first.
    by: Vec<&'static str>,
    /// Whether only a person, or a check of the team's own project, can vouch for it.
    person: bool,
}

/// Every item with the misbehaviours that turn it.
pub(super) fn turned<'a>(book: &'a Runbook, trials: &[Trial]) -> Vec<Turned<'a>> {
    let items = book.items.iter().map(|item| {
        let turns = trials
            .iter()
            .filter(|trial| trial.violated.contains(&item.id));
        let mut turns: Vec<(usize, &'static str)> = turns
            .filter_map(|trial| Some((trial.violated.len(), trial.misbehaviour?.name())))
            .collect();
        turns.sort_unstable();
        turns.dedup();
        Turned {
            id: &item.id,
            by: turns.into_iter().map(|(_, name)| name).collect(),
            person: item.proofs.iter().all(Proof::is_of_the_team),
        }
    });
    items.collect()
}

/// Tells them, and at the end which items nothing turns.
pub(super) fn tell(out: &mut impl Write, book: &Runbook, trials: &[Trial]) -> io::Result<()> {
    let items = turned(book, trials);
    writeln!(out)?;
    for item in items.iter().filter(|item| !item.by.is_empty()) {
        for (at, line) in wrap(&item.by.join(", "), console::width().max(40) - 14)
            .iter()
            .enumerate()
        {
            let (mark, id) = if at == 0 { ('✓', item.id) } else { (' ', "") };
            writeln!(
                out,
                "  {GOOD}{mark}{GOOD:#} {id:<8}  {FAINT}{line}{FAINT:#}"
            )?;
        }
    }
    let without = |person: bool| {
        let none = items
            .iter()
            .filter(|item| item.by.is_empty() && item.person == person);
        none.map(|item| item.id).collect::<Vec<_>>()
    };
    let (people, none) = (without(true), without(false));
    let seen = items.len() - people.len() - none.len();
    let misbehaviours = Misbehaviour::all().count();
    writeln!(
        out,
        "\n{seen} of {} items are violated by at least one of {misbehaviours} misbehaviours",
        items.len()
    )?;
    if !none.is_empty() {
        writeln!(out, "{BAD}by none{BAD:#}: {}", none.join(", "))?;
    }
    if !people.is_empty() {
        writeln!(out, "{FAINT}a person's{FAINT:#}: {}", people.join(", "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::verdict::Verdict;
    use crate::suite::Suite;

    #[test]
    fn an_item_that_nothing_turns_is_named_and_one_of_a_person_apart() {
        let book = Suite::shipped().unwrap().runbook;
        let first = Misbehaviour::all().next();
        let trial = Trial {
            misbehaviour: first,
            stage: "sign-in".to_owned(),
            verdict: Verdict::Failed,
            findings: Vec::new(),
            violated: vec!["S2.1".to_owned()],
        };
        let mut out = Vec::new();
        tell(&mut out, &book, &[trial]).unwrap();
        let told = anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string();
        let name = first.unwrap().name();
        assert!(told.contains(&format!("✓ S2.1      {name}")), "{told}");
        assert!(told.contains("1 of 55 items are violated"), "{told}");
        assert!(told.contains("by none: P.3, "), "{told}");
        assert!(told.contains("a person's: P.1, P.2, "), "{told}");
    }
}
