//! A scenario in plain text, for formats that have no form of their own for evidence, and how its
//! verdict stands among the few that such formats know.

use std::fmt::Write as _;

use super::text::{moment, visible};
use super::timeline::Timeline;
use crate::domain::diagnosis;
use crate::domain::result::ScenarioResult;
use crate::domain::verdict::{Finding, Severity, Verdict};

/// What most formats can say of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It passed.
    Passed,
    /// The app or the backend failed.
    Failed,
    /// The environment or the harness failed.
    Errored,
    /// Nothing was proven; whoever reads only colours must not take it for green.
    Unproven,
    /// It was not played.
    Skipped,
    /// It failed, as announced.
    Announced,
    /// It failed, and passed when it was tried again.
    Flaky,
}

/// How a verdict stands.
pub(super) fn standing(verdict: &Verdict) -> Standing {
    match verdict {
        Verdict::Passed => Standing::Passed,
        Verdict::Failed | Verdict::UnexpectedPass(_) => Standing::Failed,
        Verdict::Errored(_) | Verdict::Misconfigured(_) => Standing::Errored,
        Verdict::Inconclusive(_) => Standing::Unproven,
        Verdict::Skipped(_) => Standing::Skipped,
        Verdict::KnownFailure(_) => Standing::Announced,
        Verdict::Flaky(_) => Standing::Flaky,
    }
}

/// Why a scenario did not simply pass, in one line: its gravest finding, or its verdict's reason.
pub(super) fn headline(scenario: &ScenarioResult) -> String {
    let outcome = &scenario.outcome;
    let causes = diagnosis::causes(&outcome.findings);
    let roots = causes.iter().map(|cause| &outcome.findings[cause.root]);
    let mut roots = roots.filter(|finding| finding.severity > Severity::Information);
    let line = match (outcome.verdict.reason(), roots.next()) {
        (Some(reason), _) => reason.to_owned(),
        (None, Some(finding)) => said(finding),
        (None, None) => String::new(),
    };
    visible(&line).into_owned()
}

/// A finding in one line.
pub(super) fn said(finding: &Finding) -> String {
    let (rule, subject) = (&finding.rule, finding.subject.name());
    format!("{rule} ({subject}): {}", finding.message)
}

/// Everything about a scenario that a reader of its failure needs, line by line.
pub(super) fn account(scenario: &ScenarioResult) -> String {
    let outcome = &scenario.outcome;
    let timeline = Timeline::new(&scenario.excerpt);
    let mut text = String::new();
    // Writing to a String cannot fail.
    let mut line = |indent: usize, said: &str| {
        let _ = writeln!(text, "{:indent$}{}", "", visible(said));
    };
    if let Some(reason) = outcome.verdict.reason() {
        line(0, &format!("{}: {reason}", outcome.verdict.name()));
    }
    for finding in &outcome.findings {
        line(0, &said(finding));
        line(2, &format!("expected  {}", finding.expected));
        line(2, &format!("observed  {}", finding.observed));
        for id in &finding.evidence {
            match timeline.get(*id) {
                Some(entry) => {
                    let (at, told) = (moment(entry.at), timeline.line(entry));
                    line(4, &format!("#{} {at} {told}", id.0));
                }
                None => line(4, &format!("#{}", id.0)),
            }
        }
        if !finding.request_ids.is_empty() {
            line(2, &format!("requests  {}", finding.request_ids.join(", ")));
        }
    }
    for (rule, why) in &outcome.not_judged {
        line(0, &format!("{rule} not judged: {why}"));
    }
    for (about, remark) in &outcome.remarks {
        line(0, &format!("{about}: {remark}"));
    }
    text
}

/// At most so many bytes, as `cost` counts them, cut between characters and said to be.
pub(super) fn cut(text: &str, most: usize, cost: impl Fn(char) -> usize) -> String {
    const CUT: &str = "… (cut; the run file has all of it)\n";
    let mut used = 0;
    let room = most.saturating_sub(CUT.len());
    let mut end = text.len();
    for (at, char) in text.char_indices() {
        used += cost(char);
        if used <= room {
            continue;
        }
        end = end.min(at);
        if used > most {
            return format!("{}{CUT}", &text[..end]);
        }
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_between_characters_and_says_so() {
        let text = "ä".repeat(100);
        let short = cut(&text, 101, char::len_utf8);
        assert!(
            short.len() <= 101 && short.ends_with("all of it)\n"),
            "{short}"
        );
        assert_eq!(cut(&text, 200, char::len_utf8), text);
    }
}
