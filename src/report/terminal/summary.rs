//! What it all comes to: the last lines of a report.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::{Again, BAD, Detail, FAINT, GOOD, OPEN, Terminal};
use crate::domain::diagnosis;
use crate::domain::result::RunResult;
use crate::domain::verdict::Verdict;
use crate::report::changes;
use crate::report::text::{count, took, wrap};

/// Every verdict in the order in which they are counted.
const VERDICTS: [&str; 8] = [
    "passed",
    "failed",
    "unexpected-pass",
    "flaky",
    "errored",
    "inconclusive",
    "known-failure",
    "skipped",
];

impl<W: Write> Terminal<W> {
    pub(super) fn summary(&mut self, result: &RunResult) -> io::Result<()> {
        let counts = VERDICTS.iter().filter_map(|name| {
            let of_it =
                |one: &&crate::domain::result::ScenarioResult| one.outcome.verdict.name() == *name;
            let number = result.scenarios.iter().filter(of_it).count();
            (number > 0).then(|| format!("{number} {name}"))
        });
        let mut counts: Vec<String> = counts.collect();
        if counts.is_empty() {
            counts.push("nothing was played".to_owned());
        }
        let counts = format!("{} in {}", counts.join(", "), took(result.duration_wall));
        if self.look.detail == Detail::Quiet {
            return self.verdict(result, &format!("{counts}, seed {}", result.seed));
        }
        writeln!(self.out)?;
        self.changes(result)?;
        self.causes(result)?;
        self.remarks(result)?;
        self.not_judged(result)?;
        self.field(2, "scope", &scope(result))?;
        self.figures(result)?;
        self.coverage(&result.coverage)?;
        self.runbook(result)?;
        let imitated: BTreeSet<&str> = result
            .scenarios
            .iter()
            .flat_map(|scenario| &scenario.levers)
            .filter(|lever| lever.ends_with("(gateway)"))
            .filter_map(|lever| lever.split('=').next())
            .collect();
        if !imitated.is_empty() {
            let imitated: Vec<&str> = imitated.into_iter().collect();
            let told = format!("{} imitated at the gateway", imitated.join(", "));
            self.field(2, "levers", &told)?;
        }
        self.field(2, "seed", &result.seed.to_string())?;
        if result.interrupted {
            self.field(
                2,
                "stopped",
                "by a person before the end; this report is partial",
            )?;
        }
        writeln!(self.out)?;
        self.verdict(result, &counts)?;
        self.pulled(&result.runbook)
    }

    /// What changes no verdict and must be known before it is believed, each told once.
    fn remarks(&mut self, result: &RunResult) -> io::Result<()> {
        let told = result.scenarios.iter();
        let told = told.flat_map(|scenario| &scenario.outcome.remarks);
        let told: BTreeSet<&(String, String)> = told.collect();
        for (about, remark) in told {
            self.field(2, "remark", &format!("{about}: {remark}"))?;
        }
        Ok(())
    }

    /// How much was not judged. Of an app that others wrote not everything can be, and nobody should take
    /// that for kept; of our own, which can do all, the coverage says it.
    fn not_judged(&mut self, result: &RunResult) -> io::Result<()> {
        let is_own = matches!(self.look.again, Again::Play(_) | Again::Test);
        let rules = result.scenarios.iter();
        let rules = rules.flat_map(|scenario| &scenario.outcome.not_judged);
        let rules: BTreeSet<&str> = rules.map(|(rule, _)| rule.as_str()).collect();
        if is_own || rules.is_empty() || self.look.detail == Detail::Verbose {
            return Ok(());
        }
        let told = count(rules.len() as u64, "rule");
        self.field(2, "not judged", &format!("{told}; -v says of each why"))
    }

    /// What is new, fixed and still as it was, where earlier runs are remembered.
    fn changes(&mut self, result: &RunResult) -> io::Result<()> {
        let lines = result.changes.iter().flat_map(changes::lines);
        for (word, told) in lines {
            self.field(2, word, &told)?;
        }
        Ok(())
    }

    /// One line for each rule that is a likely cause of what failed, and where.
    fn causes(&mut self, result: &RunResult) -> io::Result<()> {
        for (at, cause) in diagnosis::of_run(result).iter().enumerate() {
            let word = if at == 0 { "causes" } else { "" };
            let told = format!(
                "{} ({}) in {}",
                cause.rule,
                cause.subject.name(),
                cause.scenarios.join(", ")
            );
            self.field(2, word, &told)?;
        }
        Ok(())
    }

    fn verdict(&mut self, result: &RunResult, counts: &str) -> io::Result<()> {
        let style = match &result.verdict {
            Verdict::Passed | Verdict::KnownFailure(_) => GOOD,
            Verdict::Failed
            | Verdict::Errored(_)
            | Verdict::Misconfigured(_)
            | Verdict::UnexpectedPass(_)
            | Verdict::Flaky(_) => BAD,
            Verdict::Inconclusive(_) | Verdict::Skipped(_) => OPEN,
        };
        let name = result.verdict.name();
        let room = self.look.width - name.len() - 2;
        let lines = wrap(counts, room);
        writeln!(self.out, "{style}{name}{style:#}: {}", lines[0])?;
        for line in &lines[1..] {
            writeln!(self.out, "{:1$}{line}", "", name.len() + 2)?;
        }
        match result.verdict.reason() {
            Some(why) if self.look.detail != Detail::Quiet => self.paragraph(2, FAINT, why),
            _ => Ok(()),
        }
    }
}

fn scope(result: &RunResult) -> String {
    let tally = result.scope;
    let canaries = if tally.canaries_sent == 0 {
        "no canary was sent".to_owned()
    } else {
        let noun = if tally.canaries_sent == 1 {
            "canary"
        } else {
            "canaries"
        };
        format!(
            "{noun} {}/{} caught",
            tally.canaries_caught, tally.canaries_sent
        )
    };
    let undeclared = match tally.undeclared {
        0 => String::new(),
        number => format!(", {}", count(number, "undeclared write")),
    };
    format!(
        "{} and {} judged, {} forbidden{undeclared}, {canaries}",
        count(tally.requests_judged, "request"),
        count(tally.frames_judged, "packet"),
        tally.forbidden,
    )
}
