//! The report for people: a line as each scenario ends, then what went wrong, then the sum.
//!
//! It writes styled text to whatever it is given; whether colours reach the screen is decided by
//! the stream around it. Nothing is wider than the width, down to 60 columns.

mod figures;
mod finding;
mod rollback;
mod runbook;
mod summary;

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::replay::replay;
use super::text::{clip, shell_word, took, wrap};
use crate::domain::class::classify;
use crate::domain::result::{RunResult, ScenarioResult};
use crate::domain::runbook::Check;
use crate::domain::verdict::Verdict;

const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const OPEN: Style = AnsiColor::Yellow.on_default();
const FAINT: Style = Style::new().dimmed();
const STRONG: Style = Style::new().bold();

/// The narrowest layout; a narrower terminal breaks lines itself.
const NARROWEST: usize = 60;
/// The widest layout: beyond it, lines are hard to read.
const WIDEST: usize = 120;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// Only what went wrong, and one line for the whole.
    Quiet,
    /// Every scenario, what went wrong, and the sum.
    #[default]
    Normal,
    /// Also remarks that change no verdict, rules that were not judged, and the whole runbook.
    Verbose,
}

/// How a report looks.
#[derive(Debug, Clone)]
pub struct Look {
    /// How much is said.
    pub detail: Detail,
    /// The columns of the terminal.
    pub width: usize,
    /// How a person has the same again.
    pub again: Again,
}

/// How what is reported can be had again.
#[derive(Debug, Clone)]
pub enum Again {
    /// By playing it, with these arguments beside those that the result itself tells: the suite's
    /// path, the configuration.
    Play(Vec<String>),
    /// By judging a journal, with these arguments.
    Judge(Vec<String>),
    /// By the command that was typed just now: it judges, and plays nothing.
    Typed,
    /// By the same test, with the seed that is told.
    Test,
    /// Not at all: what an app did was not written down.
    Unrecorded,
}

/// What is known before the first scenario ends.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The target's name.
    pub target: String,
    /// The seed.
    pub seed: u64,
    /// Whether time is virtual.
    pub virtual_time: bool,
    /// The ids of the selected scenarios, which decide the layout.
    pub scenarios: Vec<String>,
    /// Quirks and defects in force, by name.
    pub deviations: Vec<String>,
}

/// Writes the report of one run.
#[derive(Debug)]
pub struct Terminal<W> {
    out: W,
    look: Look,
    id_width: usize,
    virtual_time: bool,
    /// Where a finding of a rule was told in full first, by the rule.
    told: BTreeMap<String, String>,
}

impl<W: Write> Terminal<W> {
    /// A report that has said nothing yet.
    pub fn new(out: W, mut look: Look) -> Self {
        look.width = look.width.clamp(NARROWEST, WIDEST);
        Self {
            out,
            look,
            id_width: 16,
            virtual_time: true,
            told: BTreeMap::new(),
        }
    }

    /// What it has written to.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// Says what is about to happen.
    ///
    /// # Errors
    /// When the stream takes no more.
    pub fn begin(&mut self, opening: &Opening) -> io::Result<()> {
        let longest = opening.scenarios.iter().map(|id| id.chars().count()).max();
        self.id_width = longest.unwrap_or(0).clamp(4, self.look.width / 3);
        self.virtual_time = opening.virtual_time;
        if self.look.detail == Detail::Quiet {
            return Ok(());
        }
        let time = if opening.virtual_time {
            "virtual time"
        } else {
            "real time"
        };
        let number = opening.scenarios.len() as u64;
        let first = match self.look.again {
            Again::Play(_) | Again::Test => format!(
                "rehearsal · target {} · {} · {time} · seed {}",
                opening.target,
                super::text::count(number, "scenario"),
                opening.seed
            ),
            Again::Judge(_) | Again::Typed | Again::Unrecorded => {
                format!("rehearsal · {}", super::text::count(number, "journal"))
            }
        };
        self.paragraph(0, STRONG, &first)?;
        if !opening.deviations.is_empty() {
            let told = format!("misbehaving on purpose: {}", opening.deviations.join(", "));
            self.paragraph(0, OPEN, &told)?;
        }
        writeln!(self.out)
    }

    /// Says how a scenario ended, in one line, as soon as it has.
    ///
    /// # Errors
    /// When the stream takes no more.
    pub fn scenario(&mut self, scenario: &ScenarioResult) -> io::Result<()> {
        let verdict = &scenario.outcome.verdict;
        if self.look.detail == Detail::Quiet && !is_worth_telling(verdict) {
            return Ok(());
        }
        let mut times = format!("{:>8}", took(scenario.duration_wall));
        if self.virtual_time {
            times = format!("{:>8}{times}", took(scenario.outcome.duration));
        }
        if matches!(verdict, Verdict::Skipped(_)) {
            times = format!("{:>1$}", "skipped", times.chars().count());
        }
        let (symbol, style) = symbol(verdict);
        let id = clip(&scenario.id, self.id_width);
        let room = self.look.width - self.id_width - times.chars().count() - 6;
        let name = clip(&scenario.name, room);
        writeln!(
            self.out,
            "  {style}{symbol}{style:#} {STRONG}{id:<id_width$}{STRONG:#}  {name:<room$}{FAINT}{times}{FAINT:#}",
            id_width = self.id_width,
        )?;
        match verdict.reason() {
            Some(why) if self.look.detail != Detail::Quiet && !is_worth_telling(verdict) => {
                self.paragraph(4, FAINT, why)?;
            }
            _ => {}
        }
        // A person who watches a slow run sees each line when it is true.
        self.out.flush()
    }

    /// Says how a check of the team's own project ended; of one that is red, its last lines.
    ///
    /// # Errors
    /// When the stream takes no more.
    pub fn check(&mut self, check: &Check) -> io::Result<()> {
        if self.look.detail == Detail::Quiet && check.is_green() {
            return Ok(());
        }
        let (name, ended) = (&check.name, &check.ended);
        let style = match (check.is_green(), check.is_red()) {
            (true, _) => GOOD,
            (_, true) => BAD,
            _ => OPEN,
        };
        let line = format!("check {name} {ended} in {}", took(check.duration));
        self.paragraph(2, style, &line)?;
        if !check.is_green() {
            for line in &check.output {
                self.paragraph(4, FAINT, line)?;
            }
        }
        self.out.flush()
    }

    /// Says what went wrong and what it all comes to.
    ///
    /// # Errors
    /// When the stream takes no more.
    pub fn end(&mut self, result: &RunResult) -> io::Result<()> {
        self.virtual_time = result.virtual_time;
        self.rollback(&result.runbook)?;
        for scenario in &result.scenarios {
            if self.is_told(scenario) {
                self.account(scenario, result)?;
            }
        }
        self.summary(result)?;
        self.out.flush()
    }

    fn is_told(&self, scenario: &ScenarioResult) -> bool {
        let remarks =
            !scenario.outcome.findings.is_empty() || !scenario.outcome.not_judged.is_empty();
        is_worth_telling(&scenario.outcome.verdict) || (self.is_thorough() && remarks)
    }

    /// Whether remarks are told, and what was not judged.
    fn is_thorough(&self) -> bool {
        self.look.detail == Detail::Verbose
    }

    /// Everything about one scenario that did not simply pass.
    fn account(&mut self, scenario: &ScenarioResult, result: &RunResult) -> io::Result<()> {
        let verdict = &scenario.outcome.verdict;
        let (symbol, style) = symbol(verdict);
        let room = self
            .look
            .width
            .saturating_sub(scenario.id.chars().count() + 4);
        let name = clip(&scenario.name, room);
        let id = clip(&scenario.id, self.look.width / 2);
        writeln!(self.out)?;
        writeln!(
            self.out,
            "{style}{symbol} {id}{style:#}  {STRONG}{name}{STRONG:#}"
        )?;
        let mut place = scenario.file.clone();
        if !scenario.runbook.is_empty() {
            let separator = if place.is_empty() { "" } else { " · " };
            let items = scenario.runbook.join(", ");
            place.push_str(&format!("{separator}runbook {items}"));
        }
        if !place.is_empty() {
            self.paragraph(2, FAINT, &place)?;
        }
        if let Some(why) = verdict.reason() {
            self.field(2, verdict.name(), why)?;
        }
        self.class(scenario)?;
        self.findings(scenario)?;
        if self.is_thorough() {
            for (rule, why) in &scenario.outcome.not_judged {
                self.field(2, &format!("{rule} not judged"), why)?;
            }
            if !scenario.levers.is_empty() {
                self.field(2, "levers", &scenario.levers.join(", "))?;
            }
        }
        if is_worth_telling(verdict) {
            writeln!(self.out)?;
            let (how, command) = match &self.look.again {
                Again::Play(beside) => ("replay with:", replay(scenario, result, beside)),
                Again::Judge(words) => ("judge again with:", words.clone()),
                Again::Typed => return Ok(()),
                Again::Test => {
                    let advice =
                        format!("the same again: this test, with the seed {}", result.seed);
                    return self.paragraph(2, FAINT, &advice);
                }
                Again::Unrecorded => {
                    let advice = "no journal was kept: --journal FILE writes one, to judge again";
                    return self.paragraph(2, FAINT, advice);
                }
            };
            // A command is never broken into lines: it is there to be copied.
            let command: Vec<_> = command.iter().map(|word| shell_word(word)).collect();
            writeln!(
                self.out,
                "  {FAINT}{how}{FAINT:#} rehearsal {}",
                command.join(" ")
            )?;
        }
        Ok(())
    }

    /// Whose fault it is, and by what, unless that is said already.
    fn class(&mut self, scenario: &ScenarioResult) -> io::Result<()> {
        let Some(own) = classify(scenario) else {
            return Ok(());
        };
        let class = own.class.word();
        match scenario.outcome.verdict.reason() {
            Some(reason) if reason == own.evidence => self.field(2, "class", class),
            _ => self.field(2, "class", &format!("{class}, by {}", own.evidence)),
        }
    }

    /// Text over the whole width.
    fn paragraph(&mut self, indent: usize, style: Style, text: &str) -> io::Result<()> {
        for line in wrap(text, self.look.width - indent) {
            writeln!(self.out, "{:indent$}{style}{line}{style:#}", "")?;
        }
        Ok(())
    }

    /// A word and what belongs to it, lines below each other.
    fn field(&mut self, indent: usize, word: &str, text: &str) -> io::Result<()> {
        let column = word.chars().count().max(8) + 2;
        for (at, line) in wrap(text, self.look.width - indent - column)
            .iter()
            .enumerate()
        {
            let word = if at == 0 { word } else { "" };
            writeln!(
                self.out,
                "{:indent$}{FAINT}{word:<column$}{FAINT:#}{line}",
                ""
            )?;
        }
        Ok(())
    }
}

/// Whether a verdict needs somebody's attention.
fn is_worth_telling(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Passed | Verdict::Skipped(_) | Verdict::KnownFailure(_) => false,
        Verdict::Failed
        | Verdict::Inconclusive(_)
        | Verdict::Errored(_)
        | Verdict::Misconfigured(_)
        | Verdict::UnexpectedPass(_)
        | Verdict::Flaky(_) => true,
    }
}

fn symbol(verdict: &Verdict) -> (char, Style) {
    match verdict {
        Verdict::Passed => ('✓', GOOD),
        Verdict::Failed => ('✗', BAD),
        Verdict::Inconclusive(_) => ('?', OPEN),
        Verdict::Errored(_) | Verdict::Misconfigured(_) => ('!', BAD),
        Verdict::Skipped(_) => ('-', FAINT),
        Verdict::KnownFailure(_) => ('~', OPEN),
        Verdict::UnexpectedPass(_) => ('!', OPEN),
        Verdict::Flaky(_) => ('≈', OPEN),
    }
}

#[cfg(test)]
mod tests;
