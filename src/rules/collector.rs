//! What the rules found, folded: one cause is one finding, however often it was seen.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::info::{JudgedFrom, RuleInfo};
use super::ruling::Ruling;
use super::violation::Violation;
use crate::domain::coverage::{Coverage, Kind};
use crate::domain::figures::Figures;
use crate::domain::journal::{Entry, Fact};
use crate::domain::scenario::Waiver;
use crate::domain::verdict::{Finding, ScopeTally};

/// How many request ids one finding names.
const IDS_KEPT: usize = 8;
/// How many remarks are kept about one rule.
const REMARKS_KEPT: usize = 8;
/// How many reasons are kept why one rule was not judged.
const REASONS_KEPT: usize = 8;
/// How many answered exchanges are remembered by their request id.
const ANSWERS_KEPT: usize = 256;

struct Folded {
    rule: &'static RuleInfo,
    first: Violation,
    last: Option<Violation>,
    count: u64,
    request_ids: Vec<String>,
}

/// What the rules found.
#[derive(Default)]
pub(super) struct Collector {
    waived: Vec<Waiver>,
    findings: Vec<Folded>,
    index: BTreeMap<(&'static str, String), usize>,
    /// Why rules could not be judged, and how often each reason was met, in the order in which they came.
    unable: BTreeMap<&'static str, Vec<(String, u64)>>,
    /// Remarks by the rule that each is about.
    remarks: BTreeMap<&'static str, BTreeSet<String>>,
    inapplicable: BTreeSet<&'static str>,
    /// Rules for which nothing was asked, with why.
    unprobed: BTreeMap<String, String>,
    exercised: BTreeMap<&'static str, u64>,
    figures: Figures,
    /// Request ids of recent answers, and findings that wait for one.
    answered: VecDeque<(u64, String)>,
    awaiting: BTreeMap<u64, Vec<usize>>,
}

impl Collector {
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
    pub(super) fn exercised(&mut self, rule: &'static RuleInfo) {
        if !self.inapplicable.contains(rule.id) {
            *self.exercised.entry(rule.id).or_default() += 1;
        }
    }

    /// Says that the rule could not be judged, and why.
    pub(super) fn unable(&mut self, rule: &'static RuleInfo, why: String) {
        let reasons = self.unable.entry(rule.id).or_default();
        if let Some((_, times)) = reasons.iter_mut().find(|(known, _)| *known == why) {
            *times += 1;
        } else if reasons.len() < REASONS_KEPT {
            reasons.push((why, 1));
        }
    }

    /// Says that the rule could not be judged for a reason that whoever reads the verdict must know.
    pub(super) fn doubtful(&mut self, rule: &'static RuleInfo, why: String) {
        if !self.inapplicable.contains(rule.id) {
            self.remark(rule, why.clone());
            self.unable(rule, why);
        }
    }

    /// Says what changes no verdict and must be known before it is believed.
    pub(super) fn remark(&mut self, about: &'static RuleInfo, text: String) {
        let told = self.remarks.entry(about.id).or_default();
        if told.len() < REMARKS_KEPT {
            told.insert(text);
        }
    }

    /// Says that the contract lacks what the rule needs, so nothing counts that is said of it.
    pub(super) fn inapplicable(&mut self, rule: &'static RuleInfo, why: &str) {
        self.inapplicable.insert(rule.id);
        self.unable(rule, why.to_owned());
    }

    /// Takes down what was measured.
    pub(super) fn measured(&mut self, figures: Figures) {
        self.figures = figures;
    }

    /// Says that the harness asked nothing for a rule, and why. It counts where nothing else put
    /// the rule to the test.
    pub(super) fn unprobed(&mut self, rule: &str, why: &str) {
        self.unprobed
            .entry(rule.to_owned())
            .or_insert_with(|| why.to_owned());
    }

    /// Writes a violation down.
    pub(super) fn violated(&mut self, rule: &'static RuleInfo, violation: Violation) {
        if self.inapplicable.contains(rule.id) {
            return;
        }
        self.exercised(rule);
        let exchanges = violation.exchanges.clone();
        let at = match self.index.get(&(rule.id, violation.kind.clone())) {
            Some(at) => {
                let folded = &mut self.findings[*at];
                folded.count += 1;
                folded.last = Some(violation);
                *at
            }
            None => {
                let at = self.findings.len();
                self.index.insert((rule.id, violation.kind.clone()), at);
                self.findings.push(Folded {
                    rule,
                    first: violation,
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

    /// What was found after the first `known` findings. Waivers are not looked at.
    pub(super) fn found(&self, known: usize) -> Vec<Finding> {
        let later = self.findings.iter().skip(known);
        later.map(Folded::finding).collect()
    }

    /// Takes down which of the rules that the contract leaves room for were put to the test, and why
    /// the rest was not.
    pub(super) fn cover(
        &self,
        rules: impl Iterator<Item = &'static RuleInfo>,
        not_judged: &[(String, String)],
        coverage: &mut Coverage,
    ) {
        for rule in rules.filter(|rule| !self.inapplicable.contains(rule.id)) {
            coverage.expect(Kind::Rules, rule.id);
            let times = self.exercised.get(rule.id).copied().unwrap_or_default();
            if let Some((_, why)) = not_judged.iter().find(|(id, _)| id == rule.id) {
                coverage.because(Kind::Rules, rule.id, why);
            } else if rule.judged_from == [JudgedFrom::Probe] {
                coverage.by_harness(Kind::Rules, rule.id, times);
            } else {
                coverage.by_client(Kind::Rules, rule.id, times);
            }
        }
    }

    /// The result, the gravest first; of equals, the earlier first. Of all `rules`, those are named
    /// that nothing put to the test.
    pub(super) fn close(&mut self, rules: impl Iterator<Item = &'static RuleInfo>) -> Ruling {
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
        let unable = self.unable.iter();
        for (id, reasons) in unable.filter(|(id, _)| !waived(id) && !broken(id)) {
            let reasons = most_frequent_first(reasons);
            not_judged.extend(reasons.map(|why| ((*id).to_owned(), why.clone())));
        }
        let unprobed = self.unprobed.iter().filter(|(id, _)| {
            !waived(id)
                && !self.unable.contains_key(id.as_str())
                && !self.exercised.contains_key(id.as_str())
        });
        not_judged.extend(unprobed.map(|(id, why)| (id.clone(), why.clone())));
        let not_exercised = rules
            .map(|rule| rule.id)
            .filter(|id| {
                !self.exercised.contains_key(id)
                    && !not_judged.iter().any(|(unable, _)| unable == id)
            })
            .collect();
        let remarks = self.remarks.iter().filter(|(id, _)| !waived(id));
        let remarks = remarks.flat_map(|(id, told)| {
            let of_it = told.iter();
            of_it.map(|text| ((*id).to_owned(), text.clone()))
        });
        Ruling {
            remarks: remarks.collect(),
            findings,
            not_judged,
            not_exercised,
            tally: ScopeTally::default(),
            figures: std::mem::take(&mut self.figures),
            coverage: Coverage::default(),
        }
    }
}

/// What was met most often first; of equals, what came first.
fn most_frequent_first(reasons: &[(String, u64)]) -> impl Iterator<Item = &String> {
    let mut reasons: Vec<&(String, u64)> = reasons.iter().collect();
    reasons.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    reasons.into_iter().map(|(why, _)| why)
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
