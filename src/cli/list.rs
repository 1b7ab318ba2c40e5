//! `rehearsal list`, and a run that is only told: the scenarios, what they need, and why one would be skipped.

use std::io::{self, Write};

use anstyle::Style;
use serde::Serialize;

use super::arguments::ScenariosArguments;
use super::console;
use super::exit::Exit;
use super::files;
use super::problem::Problem;
use super::settings::{self, Environment};
use super::target::{SuiteOnTarget, TargetRequest};
use crate::domain::runbook::{Proof, Runbook};
use crate::domain::scenario::Scenario;
use crate::report::text::{count, wrap};
use crate::run::{Plan, Selection, skipped};

const STRONG: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// A scenario for programs.
#[derive(Debug, Serialize)]
struct Card<'p> {
    id: &'p str,
    name: &'p str,
    file: &'p str,
    tags: &'p [String],
    /// The levers that it moves.
    needs: Vec<String>,
    /// The items of the runbook that it has to do with.
    runbook: Vec<&'p str>,
    /// Why it would be skipped at the target, if it would.
    skipped: Option<String>,
    /// Whether it is played when nobody names it.
    usual: bool,
}

/// Lists the scenarios of a suite as they would be at a target; nobody's secrets are needed.
pub(super) fn list(arguments: &ScenariosArguments) -> Result<Exit, Problem> {
    let environment: Environment<'_> = &settings::environment;
    let config = files::config_of(&arguments.files, environment)?;
    let request = TargetRequest {
        files: &arguments.files,
        target: arguments.target.as_deref(),
        defects: &[],
        runbook: None,
    };
    let SuiteOnTarget { suite, target, .. } = request.outlined(&config, environment)?;
    let chosen = &arguments.selection;
    let patterns = chosen.patterns();
    let selection = Selection {
        patterns: &patterns,
        tags: &chosen.tags,
        skipped: &chosen.skipped,
    };
    let mut plan = Plan::of(suite, target, 0);
    plan.scenarios = match chosen.is_everything() {
        true => plan.suite.scenarios.clone(),
        false => selection.of(&plan.suite.scenarios)?,
    };
    let cards = cards(&plan);
    let mut out = console::out();
    if arguments.json {
        serde_json::to_writer_pretty(&mut out, &cards).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        show(&mut out, &cards)?;
    }
    Ok(Exit::Passed)
}

/// Says what a run would play.
pub(super) fn foretell(plan: &Plan) -> Result<Exit, Problem> {
    let cards = cards(plan);
    let mut out = console::out();
    let (target, seed) = (plan.target.name(), plan.seed);
    let time = match plan.virtual_time() {
        true => "virtual time",
        false => "real time",
    };
    let suite = &plan.suite.origin;
    writeln!(
        out,
        "would play {suite} at the target `{target}` in {time}, seed {seed}, {} at once\n",
        plan.jobs
    )?;
    show(&mut out, &cards)?;
    Ok(Exit::Passed)
}

fn cards(plan: &Plan) -> Vec<Card<'_>> {
    let scenarios = plan.scenarios.iter();
    let cards = scenarios.map(|scenario| Card {
        id: &scenario.id,
        name: &scenario.name,
        file: &scenario.file,
        tags: &scenario.tags,
        needs: scenario.needs.iter().map(ToString::to_string).collect(),
        runbook: items(&plan.suite.runbook, scenario),
        skipped: skipped(plan, scenario),
        usual: scenario.is_usual(),
    });
    cards.collect()
}

/// The items that a scenario proves as a whole or by one of its expectations.
fn items<'p>(book: &'p Runbook, scenario: &Scenario) -> Vec<&'p str> {
    let proves = |proof: &Proof| proof.scenario() == Some(&scenario.id);
    let items = book
        .items
        .iter()
        .filter(|item| item.proofs.iter().any(proves) || scenario.runbook.contains(&item.id));
    items.map(|item| item.id.as_str()).collect()
}

fn show(out: &mut impl Write, cards: &[Card<'_>]) -> io::Result<()> {
    let column = cards.iter().map(|card| card.id.len()).max().unwrap_or(0);
    let width = console::width().clamp(60, 100);
    let mut put = |word: &str, text: &str, style: Style| {
        for (at, line) in wrap(text, width - column - 2).iter().enumerate() {
            let word = if at == 0 { word } else { "" };
            writeln!(
                out,
                "{STRONG}{word:<column$}{STRONG:#}  {style}{line}{style:#}"
            )?;
        }
        Ok::<_, io::Error>(())
    };
    for card in cards {
        put(card.id, card.name, Style::new())?;
        let mut more = Vec::new();
        for (word, all) in [("tags", card.tags), ("needs", &card.needs)] {
            if !all.is_empty() {
                more.push(format!("{word} {}", all.join(", ")));
            }
        }
        if !card.runbook.is_empty() {
            more.push(format!("runbook {}", card.runbook.join(", ")));
        }
        if !more.is_empty() {
            put("", &more.join(" · "), FAINT)?;
        }
        match &card.skipped {
            Some(why) => put("", &format!("skipped: {why}"), Style::new())?,
            None if !card.usual => put("", "only when it is asked for", Style::new())?,
            None => {}
        }
    }
    let skipped = cards.iter().filter(|card| card.skipped.is_some()).count();
    let all = count(cards.len() as u64, "scenario");
    let rest = match skipped {
        0 => String::new(),
        some => format!(", {some} of them would be skipped"),
    };
    writeln!(out, "\n{all}{rest}")
}
