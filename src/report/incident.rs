//! The incident report of a run, for whoever answers for it: what happened when, what to do, what shows
//! it, how to see it again, whom it reached. Labels stand for secrets, as in the journal.

use std::time::Duration;

use super::document::{Block, Document, Line, Tone, markdown};
use super::history::moment as minute;
use super::html::render_document;
use super::replay::replay;
use super::rollback::{advice, named, together};
use super::text::{count, moment, shell_word};
use super::timeline::Timeline;
use super::{About, rfc3339, title};
use crate::domain::incident::{Case, Scene, Story, Word, word};
use crate::domain::result::{RunResult, ScenarioResult};
use crate::domain::runbook::{Check, State};
use crate::domain::verdict::{Finding, Verdict};

/// How many scenarios of one cause are told in full.
const TOLD: usize = 3;
/// How many reasons of one kind are listed.
const LISTED: usize = 40;

/// What an incident report is made from.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// What the run came to.
    pub result: &'a RunResult,
    /// What is known of it beside that.
    pub about: &'a About,
    /// What went wrong, by cause.
    pub cases: &'a [Case],
    /// What is wrong with the run file, if anything is.
    pub flaw: Option<&'a str>,
}

/// What the report says, in a line.
#[must_use]
pub fn headline(result: &RunResult) -> String {
    let told = match word(result) {
        Word::Incident => "an incident",
        Word::None => "no incident",
        Word::Unknown => "no incident was seen, but not everything was judged",
    };
    match advice(&result.runbook) {
        Some(advice) => format!("{told}: {advice}"),
        None => told.to_owned(),
    }
}

/// The report as Markdown.
#[must_use]
pub fn markdown(told: Told<'_>) -> Vec<u8> {
    markdown::render(&document(told))
}

/// The report as a page.
#[must_use]
pub fn html(told: Told<'_>) -> Vec<u8> {
    render_document(&document(told))
}

fn document(told: Told<'_>) -> Document {
    let (result, about) = (told.result, told.about);
    let day = format!("{} UTC", minute(about.started.as_secs()));
    let mut document = Document {
        title: format!("Incident report – {} – {day}", result.target),
        ..Document::default()
    };
    document.heading(1, format!("Incident report: {} on {day}", result.target));
    let tone = match word(result) {
        Word::Incident => Tone::Bad,
        Word::None => Tone::Good,
        Word::Unknown => Tone::Odd,
    };
    document.put(Block::Banner(tone, headline(result)));
    if let Some(flaw) = told.flaw {
        document.say(format!("The run file is partial: {flaw}."));
    }
    triggers(&mut document, result);
    for (at, case) in told.cases.iter().enumerate() {
        cause(&mut document, told, at + 1, case);
    }
    checks(&mut document, &result.runbook.checks);
    requests(&mut document, told.cases);
    reached(&mut document, told.cases);
    open(&mut document, result);
    known(&mut document, result, about);
    document
}

fn triggers(document: &mut Document, result: &RunResult) {
    for trigger in result.runbook.triggers_in(State::Fired) {
        document.heading(2, named(trigger));
        let actions = trigger.actions.iter().map(|own| Line::from(own.as_str()));
        document.put(Block::List {
            ordered: true,
            items: actions.collect(),
        });
        let because: Vec<Line> = match trigger.evidence.is_empty() {
            true => trigger.reasons.iter().map(Line::from).collect(),
            false => together(&trigger.evidence)
                .into_iter()
                .map(Line::from)
                .collect(),
        };
        document.say("Because:");
        document.put(Block::List {
            ordered: false,
            items: because,
        });
    }
}

fn cause(document: &mut Document, told: Told<'_>, number: usize, case: &Case) {
    let what = title(&case.rule).unwrap_or_default();
    let broke = format!(
        "{number}. {} broken by the {}",
        case.rule,
        case.subject.name()
    );
    document.heading(2, broke);
    let mut line = Line::from(format!("{what}. Seen in "));
    line = line.strong(count(case.scenes.len() as u64, "scenario"));
    if !case.triggers.is_empty() {
        line = line.and(format!("; it fired {}", case.triggers.join(", ")));
    }
    document.say(line.and("."));
    for scene in case.scenes.iter().take(TOLD) {
        self::scene(document, told, scene);
    }
    let rest = case.scenes.iter().skip(TOLD).map(|scene| {
        let first = scene.findings.first().map_or("", |own| &own.message);
        Line::default()
            .code(&scene.scenario)
            .and(format!(" {first}"))
    });
    let rest: Vec<Line> = rest.collect();
    if !rest.is_empty() {
        document.heading(3, "Seen as well in");
        document.put(Block::List {
            ordered: false,
            items: rest,
        });
    }
}

fn scene(document: &mut Document, told: Told<'_>, scene: &Scene) {
    document.heading(3, format!("{}: {}", scene.scenario, scene.name));
    let mut kept = told.result.scenarios.iter();
    let kept = kept.find(|own| own.id == scene.scenario);
    for finding in &scene.findings {
        self::finding(document, finding, kept);
    }
    story(document, told.result, &scene.story, &scene.findings);
    if let Some(kept) = kept {
        let words = replay(kept, told.result, &told.about.again);
        let words: Vec<_> = words.iter().map(|own| shell_word(own)).collect();
        document.heading(4, "The same again");
        document.put(Block::Command(format!("rehearsal {}", words.join(" "))));
    }
}

fn finding(document: &mut Document, finding: &Finding, kept: Option<&ScenarioResult>) {
    let line = Line::default()
        .strong(format!("{} ({})", finding.rule, finding.subject.name()))
        .and(format!(": {}", finding.message));
    document.say(line);
    let timeline = Timeline::new(kept.map_or(&[][..], |own| &own.excerpt));
    let shows = finding.evidence.iter().map(|id| match timeline.get(*id) {
        Some(entry) => format!("#{} {}", id.0, timeline.line(entry)),
        None => format!("#{}", id.0),
    });
    let mut facts = vec![
        ("expected".to_owned(), Line::from(&finding.expected)),
        ("observed".to_owned(), Line::from(&finding.observed)),
        (
            "shown by".to_owned(),
            Line::from(shows.collect::<Vec<_>>().join("; ")),
        ),
    ];
    if !finding.request_ids.is_empty() {
        let ids = Line::default().code(finding.request_ids.join(" "));
        facts.push(("requests".to_owned(), ids));
    }
    document.put(Block::Facts(facts));
}

/// What happened when, up to the moment that decides, and what was switched then.
fn story(document: &mut Document, result: &RunResult, story: &Story, findings: &[Finding]) {
    if story.moments.is_empty() {
        return;
    }
    let clock = match (story.epoch, result.virtual_time) {
        (Some(epoch), false) => Some(Duration::from_secs(epoch)),
        _ => None,
    };
    document.heading(4, "What happened when");
    if story.left_out > 0 {
        let left = count(story.left_out as u64, "earlier moment");
        document.say(format!("{left} left out; the journal has all of them."));
    }
    let timeline = Timeline::new(&story.moments);
    let is_cited = |id| findings.iter().any(|own| own.evidence.contains(&id));
    let items = story.moments.iter().map(|entry| {
        let at = match clock {
            Some(epoch) => rfc3339(epoch + entry.at),
            None => moment(entry.at),
        };
        let told = format!(" #{} {}", entry.id.0, timeline.line(entry));
        match is_cited(entry.id) {
            true => Line::default().code(at).and(" ").strong(told.trim_start()),
            false => Line::default().code(at).and(told),
        }
    });
    document.put(Block::List {
        ordered: false,
        items: items.collect(),
    });
    let switched = story.switched.iter().map(|own| timeline.line(own));
    let switched: Vec<String> = switched.collect();
    let (word, devices) = (
        match switched.is_empty() {
            true => "nothing".to_owned(),
            false => switched.join("; "),
        },
        story.devices.join(", "),
    );
    let mut facts = vec![("switched then".to_owned(), Line::from(word))];
    if !devices.is_empty() {
        facts.push(("devices".to_owned(), Line::from(devices)));
    }
    document.put(Block::Facts(facts));
}

fn checks(document: &mut Document, checks: &[Check]) {
    let red: Vec<&Check> = checks.iter().filter(|own| own.is_red()).collect();
    if red.is_empty() {
        return;
    }
    document.heading(2, "Checks that are red");
    for check in red {
        let line = Line::default().strong(&check.name);
        document.say(line.and(format!(" {}", check.ended)));
        let lines = std::iter::once(format!("$ {}", check.command));
        let lines: Vec<String> = lines.chain(check.output.iter().cloned()).collect();
        document.put(Block::Command(lines.join("\n")));
    }
}

fn requests(document: &mut Document, cases: &[Case]) {
    let rows = cases.iter().filter_map(|case| {
        let ids = case.request_ids();
        (!ids.is_empty()).then(|| (case.rule.clone(), Line::default().code(ids.join(" "))))
    });
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        document.heading(2, "Every request that is involved");
        document.put(Block::Facts(rows));
    }
}

fn reached(document: &mut Document, cases: &[Case]) {
    if cases.is_empty() {
        return;
    }
    document.heading(2, "Whom it reached");
    let rows = cases.iter().map(|case| {
        let mut accounts: Vec<&str> = Vec::new();
        let told = case.scenes.iter().flat_map(|own| &own.story.accounts);
        for account in told {
            if !accounts.contains(&account.as_str()) {
                accounts.push(account);
            }
        }
        let line = match accounts.is_empty() {
            true => Line::from("nobody who had signed in"),
            false => Line::default().code(accounts.join(" ")),
        };
        (case.rule.clone(), line)
    });
    document.put(Block::Facts(rows.collect()));
    document.say("These are accounts of the configuration. Whom a build in the field reached, this run cannot know.");
}

/// What nobody can say anything of.
fn open(document: &mut Document, result: &RunResult) {
    let mut items: Vec<Line> = Vec::new();
    for trigger in result.runbook.triggers_in(State::NotJudged) {
        let why = trigger.reasons.first().map_or("", String::as_str);
        items.push(
            Line::default()
                .strong(named(trigger))
                .and(format!(": {why}")),
        );
    }
    for scenario in &result.scenarios {
        let verdict = &scenario.outcome.verdict;
        if let (
            Verdict::Errored(why)
            | Verdict::Misconfigured(why)
            | Verdict::Inconclusive(why)
            | Verdict::Skipped(why),
            name,
        ) = (verdict, verdict.name())
        {
            items.push(
                Line::default()
                    .code(&scenario.id)
                    .and(format!(" {name}: {why}")),
            );
        }
    }
    for (rule, why, scenarios) in not_judged(result) {
        let told = format!(" {why} (in {})", count(scenarios, "scenario"));
        items.push(Line::default().code(rule).and(told));
    }
    if items.is_empty() {
        return;
    }
    document.heading(2, "What was not judged");
    let more = items.len().saturating_sub(LISTED);
    items.truncate(LISTED);
    if more > 0 {
        items.push(Line::from(format!(
            "and {more} more in the report of the run"
        )));
    }
    document.put(Block::List {
        ordered: false,
        items,
    });
}

/// Rules that were not judged, each reason once, with how many scenarios it is said of.
fn not_judged(result: &RunResult) -> Vec<(&str, &str, u64)> {
    let mut all: Vec<(&str, &str, u64)> = Vec::new();
    let told = result.scenarios.iter();
    for (rule, why) in told.flat_map(|own| &own.outcome.not_judged) {
        match all.iter_mut().find(|own| own.0 == rule && own.1 == why) {
            Some(own) => own.2 += 1,
            None => all.push((rule, why, 1)),
        }
    }
    all
}

/// Which run it was, by which versions.
fn known(document: &mut Document, result: &RunResult, about: &About) {
    document.heading(2, "The run");
    let time = if result.virtual_time {
        "virtual"
    } else {
        "real"
    };
    let fact = |name: &str, line: Line| (name.to_owned(), line);
    let mut facts = vec![
        fact("run", Line::default().code(&about.id)),
        fact("began", about.moment(Duration::ZERO).into()),
        fact("verdict", result.verdict.name().into()),
        fact(
            "target",
            Line::from(&result.target).and(format!(", {time} time")),
        ),
        fact("seed", Line::default().code(result.seed.to_string())),
    ];
    let known = about.known.iter();
    facts.extend(known.map(|(name, told)| fact(name, told.into())));
    if !result.quirks.is_empty() || !result.defects.is_empty() {
        let wrong = [&result.quirks[..], &result.defects[..]].concat();
        facts.push(fact("misbehaving on purpose", wrong.join(" ").into()));
    }
    let hashes = about.files.iter().chain(&about.run_file);
    facts.extend(hashes.map(|(name, hash)| (name.clone(), Line::default().code(hash))));
    document.put(Block::Facts(facts));
}

#[cfg(test)]
mod tests;
