//! What the rules found, folded: one cause is one finding, however often it was seen.

use std::collections::{BTreeMap, VecDeque};

use super::{Judged, RuleInfo, catalogue};
use crate::domain::journal::{Entry, EntryId, Fact};
use crate::domain::scenario::Waiver;
use crate::domain::verdict::{Finding, ScopeTally, Severity, Subject};

/// How many request ids one finding names.
const IDS_KEPT: usize = 8;
/// How many answered exchanges are remembered by their request id.
const ANSWERS_KEPT: usize = 256;

/// One violation, as a rule sees it.
pub(super) struct Breach {
    /// What tells causes apart within a rule: breaches of one kind become one finding.
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) expected: String,
    pub(super) observed: String,
    /// The entries that show it, the decisive one last.
    pub(super) evidence: Vec<EntryId>,
    /// The exchanges whose request ids belong to it, answered already or not.
    pub(super) exchanges: Vec<u64>,
    pub(super) severity: Severity,
    /// Who broke it, for a rule that binds both sides.
    pub(super) by: Option<Subject>,
}

impl Default for Breach {
    fn default() -> Self {
        Self {
            kind: String::new(),
            message: String::new(),
            expected: String::new(),
            observed: String::new(),
            evidence: Vec::new(),
            exchanges: Vec::new(),
            severity: Severity::Violation,
            by: None,
        }
    }
}

struct Folded {
    rule: &'static RuleInfo,
    first: Breach,
    last: Option<Breach>,
    count: u64,
    request_ids: Vec<String>,
}

/// What the rules found.
#[derive(Default)]
pub(super) struct Ledger {
    waived: Vec<Waiver>,
    findings: Vec<Folded>,
    index: BTreeMap<(&'static str, String), usize>,
    unable: BTreeMap<&'static str, String>,
    /// Rules for which nothing was asked, with why.
    unprobed: BTreeMap<String, String>,
    occasions: BTreeMap<&'static str, u64>,
    /// Request ids of recent answers, and findings that wait for one.
    answered: VecDeque<(u64, String)>,
    awaiting: BTreeMap<u64, Vec<usize>>,
}

impl Ledger {
    pub(super) fn new(waived: Vec<Waiver>) -> Self {
        Self {
            waived,
            ..Self::default()
        }
    }

    /// Remembers request ids for the findings that name their exchanges.
    pub(super) fn note(&mut self, entry: &Entry) {
        match &entry.fact {
            Fact::Answer(answer) => {
                let waiting = self.awaiting.remove(&answer.exchange);
                let Some(id) = &answer.request_id else {
                    return;
                };
                for finding in waiting.into_iter().flatten() {
                    self.findings[finding].add_id(id);
                }
                if self.answered.len() == ANSWERS_KEPT {
                    self.answered.pop_front();
                }
                self.answered.push_back((answer.exchange, id.clone()));
            }
            Fact::Lost { exchange, .. } => {
                self.awaiting.remove(exchange);
            }
            _ => {}
        }
    }

    /// Says that something put the rule to the test.
    pub(super) fn occasion(&mut self, rule: &'static RuleInfo) {
        *self.occasions.entry(rule.id).or_default() += 1;
    }

    /// Says that the rule could not be judged, and why; the first reason counts.
    pub(super) fn unable(&mut self, rule: &'static RuleInfo, why: impl Into<String>) {
        self.unable.entry(rule.id).or_insert_with(|| why.into());
    }

    /// Says that the harness asked nothing for a rule, and why. It counts where nothing else put
    /// the rule to the test.
    pub(super) fn unprobed(&mut self, rule: &str, why: &str) {
        self.unprobed
            .entry(rule.to_owned())
            .or_insert_with(|| why.to_owned());
    }

    /// Writes a violation down.
    pub(super) fn breach(&mut self, rule: &'static RuleInfo, breach: Breach) {
        self.occasion(rule);
        let exchanges = breach.exchanges.clone();
        let at = match self.index.get(&(rule.id, breach.kind.clone())) {
            Some(at) => {
                let folded = &mut self.findings[*at];
                folded.count += 1;
                folded.last = Some(breach);
                *at
            }
            None => {
                let at = self.findings.len();
                self.index.insert((rule.id, breach.kind.clone()), at);
                self.findings.push(Folded {
                    rule,
                    first: breach,
                    last: None,
                    count: 1,
                    request_ids: Vec::new(),
                });
                at
            }
        };
        for exchange in exchanges {
            let known = self.answered.iter().find(|(own, _)| *own == exchange);
            match known {
                Some((_, id)) => self.findings[at].add_id(id),
                None if self.findings[at].request_ids.len() < IDS_KEPT => {
                    self.awaiting.entry(exchange).or_default().push(at);
                }
                None => {}
            }
        }
    }

    /// The result, the gravest first; of equals, the earlier first.
    pub(super) fn close(&mut self) -> Judged {
        let mut not_judged: Vec<(String, String)> = self
            .waived
            .iter()
            .map(|waiver| (waiver.rule.clone(), format!("waived: {}", waiver.reason)))
            .collect();
        let waived = |id: &str| self.waived.iter().any(|waiver| waiver.rule == id);
        let mut findings: Vec<Finding> = self
            .findings
            .iter()
            .filter(|folded| !waived(folded.rule.id))
            .map(Folded::finding)
            .collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let broken = |id: &str| findings.iter().any(|finding| finding.rule == id);
        not_judged.extend(
            self.unable
                .iter()
                .filter(|(id, _)| !waived(id) && !broken(id))
                .map(|(id, why)| ((*id).to_owned(), why.clone())),
        );
        let unprobed = self.unprobed.iter().filter(|(id, _)| {
            !waived(id)
                && !self.unable.contains_key(id.as_str())
                && !self.occasions.contains_key(id.as_str())
        });
        not_judged.extend(unprobed.map(|(id, why)| (id.clone(), why.clone())));
        let no_occasion = catalogue()
            .map(|rule| rule.id)
            .filter(|id| {
                !self.occasions.contains_key(id)
                    && !not_judged.iter().any(|(unable, _)| unable == id)
            })
            .collect();
        Judged {
            findings,
            not_judged,
            no_occasion,
            tally: ScopeTally::default(),
        }
    }
}

impl Folded {
    fn add_id(&mut self, id: &str) {
        if self.request_ids.len() < IDS_KEPT && !self.request_ids.iter().any(|own| own == id) {
            self.request_ids.push(id.to_owned());
        }
    }

    fn finding(&self) -> Finding {
        let mut evidence = self.first.evidence.clone();
        if let Some(last) = &self.last {
            evidence.retain(|id| !last.evidence.contains(id));
            evidence.extend(&last.evidence);
        }
        let times = match self.count {
            1 => String::new(),
            count => format!(" ({count} times)"),
        };
        let decisive = self.last.as_ref().unwrap_or(&self.first);
        Finding {
            rule: self.rule.id.to_owned(),
            subject: self.first.by.unwrap_or(self.rule.subject),
            message: format!("{}{times}", self.first.message),
            expected: self.first.expected.clone(),
            observed: self.first.observed.clone(),
            evidence,
            request_ids: self.request_ids.clone(),
            severity: decisive.severity.max(self.first.severity),
        }
    }
}
