//! Whose fault it is that a scenario did not pass: decided from its result alone, with what shows it.
//!
//! The words are for whoever has to do something about it in the morning: the team of the product, who
//! runs the target, who keeps the harness, or whoever can say which of contract and backend is right.

use super::diagnosis::causes;
use super::figures::Figures;
use super::result::ScenarioResult;
pub use super::verdict::Class;
use super::verdict::{Finding, Severity, Subject, Verdict};

/// Whose fault something is, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    /// Whose fault.
    pub class: Class,
    /// What shows it, in one line.
    pub evidence: String,
}

/// Rules that compare what the backend says with what the contract says that it does.
const FORM: [&str; 5] = ["SYNC-13", "API-2", "API-5", "API-10", "API-12"];

/// Whose fault it is that this did not pass; nothing for what passed, was left out, or proves nothing
/// without anybody's fault.
#[must_use]
pub fn classify(own: &ScenarioResult) -> Option<Classified> {
    let is = |class, evidence: &str| {
        let evidence = evidence.to_owned();
        Some(Classified { class, evidence })
    };
    if let (Some(why), Verdict::Inconclusive(_)) = (&own.down, &own.outcome.verdict) {
        return is(Class::TargetDown, why);
    }
    match &own.outcome.verdict {
        Verdict::Passed | Verdict::Skipped(_) | Verdict::Inconclusive(_) => None,
        Verdict::Flaky(why) => is(Class::Flaky, why),
        Verdict::KnownFailure(why) | Verdict::UnexpectedPass(why) => is(Class::Known, why),
        Verdict::Errored(why) | Verdict::Misconfigured(why) => is(Class::Harness, why),
        Verdict::Failed => Some(of_findings(&own.outcome.findings)),
    }
}

/// Whose fault it is that something failed: that of its likely causes.
fn of_findings(findings: &[Finding]) -> Classified {
    let roots = causes(findings).into_iter().map(|own| &findings[own.root]);
    let roots: Vec<&Finding> = roots.filter(|own| is_violation(own)).collect();
    let all = |is: &dyn Fn(&Finding) -> bool| roots.iter().all(|root| is(root));
    let class = if all(&|own| own.subject == Subject::Harness) && !roots.is_empty() {
        Class::Harness
    } else if all(&is_of_form) && !roots.is_empty() {
        Class::Drift
    } else {
        Class::Product
    };
    let evidence = match roots.split_first() {
        None => "no finding says why".to_owned(),
        Some((first, rest)) => {
            let more = match rest.len() {
                0 => String::new(),
                1 => ", and 1 cause more".to_owned(),
                more => format!(", and {more} causes more"),
            };
            let (rule, subject) = (&first.rule, first.subject.name());
            format!("{rule} ({subject}): {}{more}", first.message)
        }
    };
    Classified { class, evidence }
}

fn is_violation(finding: &Finding) -> bool {
    finding.severity > Severity::Information
}

fn is_of_form(finding: &Finding) -> bool {
    finding.subject == Subject::Backend && FORM.contains(&finding.rule.as_str())
}

/// What shows that a target was down: of all that was asked of it nothing was answered. Nothing where
/// anything was, or where nothing was asked.
#[must_use]
pub fn unanswered(figures: &Figures) -> Option<String> {
    let routes = figures.routes.values();
    let (answered, lost) = routes.fold((0, 0), |(answered, lost), route| {
        (answered + route.answered, lost + route.lost)
    });
    (answered == 0 && lost > 0).then(|| {
        let noun = if lost == 1 { "request" } else { "requests" };
        format!("the target answered none of {lost} {noun}")
    })
}

/// Takes a scenario whose target was down for one that proves nothing; what a rule says of the app stands.
pub fn forgive_if_down(own: &mut ScenarioResult) {
    let Some(why) = own.down.clone().or_else(|| unanswered(&own.figures)) else {
        return;
    };
    let is_of_the_app = |finding: &Finding| {
        is_violation(finding) && finding.subject == Subject::App && finding.is_of_a_rule()
    };
    let counts = match &own.outcome.verdict {
        Verdict::Failed => !own.outcome.findings.iter().any(is_of_the_app),
        Verdict::Errored(_) | Verdict::Inconclusive(_) => true,
        _ => false,
    };
    if counts {
        own.outcome.verdict = Verdict::Inconclusive(why.clone());
        own.down = Some(why);
    }
}

#[cfg(test)]
mod tests;
