//! What rehearsal knows by itself: rules, quirks and defects, listed and explained.

use std::io::{self, Write};

use anstyle::Style;
use serde::Serialize;

use super::arguments::{ListArguments, RulesArguments};
use super::console;
use super::exit::Exit;
use super::problem::Problem;
use crate::domain::verdict::Subject;
use crate::domain::wildcard::matches;
use crate::report::text::wrap;
use crate::rules::{self, RuleInfo};
use crate::run::Misbehaviour;

const STRONG: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// A misbehaviour for programs.
#[derive(Debug, Clone, Copy, Serialize)]
struct Card {
    name: &'static str,
    what: &'static str,
    trips: &'static [&'static str],
    stage: &'static str,
}

impl Card {
    fn of(one: Misbehaviour) -> Self {
        Self {
            name: one.name(),
            what: one.what(),
            trips: one.trips(),
            stage: one.stage(),
        }
    }
}

fn cards(culprit: Subject) -> Vec<Card> {
    let all = Misbehaviour::all().filter(|one| one.culprit() == culprit);
    all.map(Card::of).collect()
}

/// `rehearsal quirks [NAME…]`.
pub(super) fn list_quirks(arguments: &ListArguments) -> Result<Exit, Problem> {
    list("quirk", cards(Subject::App), arguments)
}

/// `rehearsal defects [NAME…]`.
pub(super) fn list_defects(arguments: &ListArguments) -> Result<Exit, Problem> {
    list("defect", cards(Subject::Backend), arguments)
}

fn list(kind: &'static str, all: Vec<Card>, arguments: &ListArguments) -> Result<Exit, Problem> {
    for name in &arguments.names {
        if !all.iter().any(|one| matches(name, one.name)) {
            return Err(Problem::Unknown {
                kind,
                name: name.clone(),
                known: all.iter().map(|one| one.name.to_owned()).collect(),
                exit: Exit::Usage,
            });
        }
    }
    let is_meant = |one: &Card| {
        let mut names = arguments.names.iter();
        arguments.names.is_empty() || names.any(|name| matches(name, one.name))
    };
    let meant: Vec<Card> = all.into_iter().filter(is_meant).collect();
    let mut out = console::out();
    if arguments.json {
        json(&mut out, &meant)?;
        return Ok(Exit::Passed);
    }
    if let [one] = meant.as_slice() {
        portray(&mut out, kind, one)?;
        return Ok(Exit::Passed);
    }
    let column = longest(meant.iter().map(|one| one.name));
    for one in &meant {
        let mut told = one.what.to_owned();
        if !one.trips.is_empty() {
            told.push_str(&format!(" [{}]", one.trips.join(", ")));
        }
        row(&mut out, one.name, column, &told)?;
    }
    let last =
        format!("In brackets: the rules that notice it. Try one: rehearsal run --{kind} NAME");
    writeln!(out, "\n{FAINT}{last}{FAINT:#}")?;
    Ok(Exit::Passed)
}

/// One misbehaviour, with the rules that notice it.
fn portray(out: &mut impl Write, kind: &str, one: &Card) -> io::Result<()> {
    writeln!(out, "{STRONG}{}{STRONG:#}\n", one.name)?;
    let column = "noticed by".len();
    row(out, "does", column, one.what)?;
    for (at, id) in one.trips.iter().enumerate() {
        let title = rules::find(id).map(RuleInfo::title).unwrap_or_default();
        let word = if at == 0 { "noticed by" } else { "" };
        row(out, word, column, &format!("{id}: {title}"))?;
    }
    row(out, "shows in", column, one.stage)?;
    let again = format!("rehearsal run {} --{kind} {}", one.stage, one.name);
    row(out, "see it", column, &again)
}

/// `rehearsal rules [ID]`.
pub(super) fn rules(arguments: &RulesArguments) -> Result<Exit, Problem> {
    let mut out = console::out();
    let Some(id) = &arguments.id else {
        list_rules(
            &mut out,
            &rules::catalogue().collect::<Vec<_>>(),
            arguments.json,
        )?;
        return Ok(Exit::Passed);
    };
    let Some(rule) = rules::find(id) else {
        let family = family(id);
        if family.is_empty() {
            return Err(Problem::Unknown {
                kind: "rule",
                name: id.clone(),
                known: rules::catalogue().map(|rule| rule.id.to_owned()).collect(),
                exit: Exit::Usage,
            });
        }
        list_rules(&mut out, &family, arguments.json)?;
        return Ok(Exit::Passed);
    };
    if arguments.json {
        json(&mut out, &RuleDocument::of(rule))?;
    } else {
        explain(&mut out, rule)?;
    }
    Ok(Exit::Passed)
}

/// The rules of a family, as in `SESSION`, or those of a pattern, as in `SESSION-1?`.
fn family(word: &str) -> Vec<&'static RuleInfo> {
    let word = word.to_uppercase();
    let all = rules::catalogue();
    let of_it = all.filter(|rule| {
        let family = rule.id.rsplit_once('-').map(|(family, _)| family);
        family == Some(word.as_str()) || matches(&word, rule.id)
    });
    of_it.collect()
}

fn list_rules(out: &mut impl Write, all: &[&RuleInfo], as_json: bool) -> io::Result<()> {
    if as_json {
        let all = all.iter().map(|rule| RuleDocument::of(rule));
        return json(out, &all.collect::<Vec<_>>());
    }
    let column = longest(all.iter().map(|rule| rule.id));
    for rule in all {
        let told = format!("{} [{}]", rule.title(), rule.subject.name());
        row(out, rule.id, column, &told)?;
    }
    let last = "In brackets: who breaks it. Explain one: rehearsal rules ID";
    writeln!(out, "\n{FAINT}{last}{FAINT:#}")
}

fn explain(out: &mut impl Write, rule: &RuleInfo) -> io::Result<()> {
    let document = RuleDocument::of(rule);
    writeln!(out, "{STRONG}{}  {}{STRONG:#}\n", rule.id, document.title)?;
    let column = 11;
    row(out, "broken by", column, document.subject)?;
    row(out, "judged from", column, &document.judged_from.join(", "))?;
    row(out, "source", column, &document.source)?;
    if !rule.needs.is_empty() {
        row(out, "needs", column, &document.needs.join(", "))?;
    }
    if !rule.parameters.is_empty() {
        row(out, "contract", column, &rule.parameters.join(", "))?;
    }
    writeln!(out)?;
    row(out, "why", column, &document.why)?;
    row(out, "judged", column, &document.how_judged)?;
    row(out, "to keep it", column, &document.fix)?;
    let quirks = document.quirks.iter().map(|name| format!("--quirk {name}"));
    let defects = document
        .defects
        .iter()
        .map(|name| format!("--defect {name}"));
    for (at, flag) in quirks.chain(defects).enumerate() {
        if at == 0 {
            writeln!(out)?;
        }
        let word = if at == 0 { "see it trip" } else { "" };
        row(out, word, column, &format!("rehearsal run {flag}"))?;
    }
    Ok(())
}

/// A rule for programs.
#[derive(Serialize)]
struct RuleDocument {
    id: &'static str,
    title: String,
    subject: &'static str,
    judged_from: Vec<&'static str>,
    needs: Vec<&'static str>,
    source: String,
    why: String,
    how_judged: String,
    fix: String,
    parameters: &'static [&'static str],
    quirks: Vec<&'static str>,
    defects: Vec<&'static str>,
}

impl RuleDocument {
    fn of(rule: &RuleInfo) -> Self {
        let tripping = |culprit| {
            let cards = cards(culprit).into_iter();
            let trips = cards.filter(|card| card.trips.contains(&rule.id));
            trips.map(|card| card.name).collect()
        };
        Self {
            id: rule.id,
            title: rule.title(),
            subject: rule.subject.name(),
            judged_from: rule.judged_from.iter().map(|from| from.name()).collect(),
            needs: rule.needs.iter().map(|need| need.words()).collect(),
            source: rule.source(),
            why: rule.why(),
            how_judged: rule.how_judged(),
            fix: rule.fix(),
            parameters: rule.parameters,
            quirks: tripping(Subject::App),
            defects: tripping(Subject::Backend),
        }
    }
}

fn longest(words: impl Iterator<Item = &'static str>) -> usize {
    words.map(str::len).max().unwrap_or(0)
}

fn row(out: &mut impl Write, word: &str, column: usize, text: &str) -> io::Result<()> {
    let width = console::width().clamp(60, 100);
    for (at, line) in wrap(text, width - column - 2).iter().enumerate() {
        let word = if at == 0 { word } else { "" };
        writeln!(out, "{STRONG}{word:<column$}{STRONG:#}  {line}")?;
    }
    Ok(())
}

fn json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_misbehaviour_trips_rules_that_exist() {
        for one in Misbehaviour::all() {
            for rule in one.trips() {
                assert!(rules::find(rule).is_some(), "{} trips {rule}", one.name());
            }
        }
    }

    #[test]
    fn an_explained_rule_says_why_how_and_how_to_see_it() {
        let mut out = anstream::StripStream::new(Vec::new());
        let rule = rules::find("session-4").unwrap();
        explain(&mut out, rule).unwrap();
        let told = String::from_utf8(out.into_inner()).unwrap();
        for part in [
            rule.id,
            &rule.title(),
            "why",
            "to keep it",
            "rehearsal run --quirk ",
        ] {
            assert!(told.contains(part), "{part} is missing in\n{told}");
        }
    }
}
