//! One finding, told like a good bug report; what follows from it in a line each.

use std::io::{self, Write};

use super::{BAD, Detail, FAINT, OPEN, STRONG, Terminal};
use crate::domain::diagnosis;
use crate::domain::journal::EntryId;
use crate::domain::result::ScenarioResult;
use crate::domain::verdict::{Finding, Severity};
use crate::report::text::{clip, moment};
use crate::report::timeline::Timeline;
use crate::report::title;
use crate::rules;

/// How many journal entries one finding shows.
const ENTRIES: usize = 12;
const ENTRIES_VERBOSE: usize = 60;
/// How far the parts of a finding are indented.
const INDENT: usize = 4;

impl<W: Write> Terminal<W> {
    pub(super) fn findings(&mut self, scenario: &ScenarioResult) -> io::Result<()> {
        let timeline = Timeline::new(&scenario.excerpt);
        let findings = &scenario.outcome.findings;
        for cause in diagnosis::causes(findings) {
            let finding = &findings[cause.root];
            let remark = finding.severity == Severity::Information;
            if remark && self.look.detail != Detail::Verbose {
                continue;
            }
            self.heading(finding)?;
            let before = self.told.get(&finding.rule).cloned();
            match before.filter(|_| self.look.detail != Detail::Verbose) {
                Some(before) if before == scenario.id => self.finding(finding, &timeline)?,
                Some(before) => self.again(finding, &before)?,
                None => {
                    self.finding(finding, &timeline)?;
                    self.advice(finding)?;
                }
            }
            if rules::find(&finding.rule).is_some() {
                let rule = finding.rule.clone();
                self.told.entry(rule).or_insert_with(|| scenario.id.clone());
            }
            let symptoms = cause.symptoms.iter().map(|at| &findings[*at]);
            if self.look.detail == Detail::Verbose {
                for symptom in symptoms {
                    self.heading(symptom)?;
                    self.finding(symptom, &timeline)?;
                    self.advice(symptom)?;
                    self.field(INDENT, "cause", &finding.rule)?;
                }
                continue;
            }
            for (at, symptom) in symptoms.enumerate() {
                let word = if at == 0 { "with it" } else { "" };
                let told = format!(
                    "{}: {}; {}",
                    symptom.rule, symptom.message, symptom.observed
                );
                self.field(INDENT, word, &told)?;
            }
        }
        Ok(())
    }

    /// A rule that was broken in an earlier scenario, too: only what is different here.
    fn again(&mut self, finding: &Finding, before: &str) -> io::Result<()> {
        self.who(finding)?;
        self.field(INDENT, "what", &finding.message)?;
        self.field(INDENT, "observed", &finding.observed)?;
        self.field(INDENT, "as in", before)
    }

    fn who(&mut self, finding: &Finding) -> io::Result<()> {
        let grave = match finding.severity {
            Severity::Information => ", a remark",
            Severity::Violation => "",
            Severity::ForbiddenWrite => ", FORBIDDEN WRITE",
        };
        self.field(INDENT, "who", &format!("{}{grave}", finding.subject.name()))
    }

    fn heading(&mut self, finding: &Finding) -> io::Result<()> {
        let style = match finding.severity {
            Severity::Information => OPEN,
            Severity::Violation | Severity::ForbiddenWrite => BAD,
        };
        let title = title(&finding.rule);
        let heading = clip(
            &title.unwrap_or_default(),
            self.look.width.saturating_sub(finding.rule.len() + 4),
        );
        writeln!(self.out)?;
        writeln!(
            self.out,
            "  {style}{}{style:#}  {STRONG}{heading}{STRONG:#}",
            finding.rule
        )
    }

    fn finding(&mut self, finding: &Finding, timeline: &Timeline<'_>) -> io::Result<()> {
        self.who(finding)?;
        self.field(INDENT, "what", &finding.message)?;
        self.field(INDENT, "expected", &finding.expected)?;
        self.field(INDENT, "observed", &finding.observed)?;
        if !finding.request_ids.is_empty() {
            self.field(INDENT, "requests", &finding.request_ids.join(", "))?;
        }
        self.excerpt(&finding.evidence, timeline)
    }

    fn advice(&mut self, finding: &Finding) -> io::Result<()> {
        if let Some(rule) = rules::find(&finding.rule) {
            self.field(INDENT, "to fix", &rule.fix())?;
            self.field(INDENT, "source", &rule.source())?;
            let explain = format!("rehearsal rules {}", finding.rule);
            self.field(INDENT, "explain", &explain)?;
        }
        Ok(())
    }

    /// The journal around the evidence: what is cited is marked, the decisive entry strongest.
    fn excerpt(&mut self, evidence: &[EntryId], timeline: &Timeline<'_>) -> io::Result<()> {
        let limit = match self.look.detail {
            Detail::Verbose => ENTRIES_VERBOSE,
            Detail::Quiet | Detail::Normal => ENTRIES,
        };
        let entries = timeline.around(evidence, limit);
        let Some(last) = entries.last() else {
            return Ok(());
        };
        let (number, time) = (last.id.to_string().len(), moment(last.at).len());
        let room = self
            .look
            .width
            .saturating_sub(INDENT + 2 + number + 2 + time + 2);
        let mut before: Option<EntryId> = None;
        for entry in entries {
            if before.is_some_and(|before| before.0 + 1 != entry.id.0) {
                writeln!(self.out, "{:1$}{FAINT}⋮{FAINT:#}", "", INDENT + 2)?;
            }
            before = Some(entry.id);
            let (mark, style) = if evidence.last() == Some(&entry.id) {
                ('▸', BAD)
            } else if evidence.contains(&entry.id) {
                ('▸', STRONG)
            } else {
                (' ', FAINT)
            };
            writeln!(
                self.out,
                "{:INDENT$}{style}{mark} {:>number$}  {:>time$}  {}{style:#}",
                "",
                entry.id.to_string(),
                moment(entry.at),
                clip(&timeline.line(entry), room),
            )?;
        }
        Ok(())
    }
}
