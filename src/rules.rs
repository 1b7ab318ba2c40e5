//! The judge: documented invariants over a journal, always on in every scenario.
//!
//! Judging is a fold. The judge is shown each entry once, as it is written, and keeps only what
//! its rules need, so a run of days costs no more memory than one of minutes. A rule knows the
//! contract and what was observed; it never knows which app, backend or quirk it looks at.
//!
//! Reading order: `info` says what a rule tells people, `context` what it is shown and where it
//! tells, `rule` how it is judged. `state` holds what several rules ask for (who is signed in, which
//! exchanges are under way, whether the network is there), `collector` what they found. Then comes a
//! folder a family.

use std::cell::RefCell;
use std::sync::Arc;

use crate::domain::contract::Contract;
use crate::domain::coverage::Coverage;
use crate::domain::journal::{Entry, Fact, HarnessFact, StepPhase};
use crate::domain::scenario::Waiver;
use crate::domain::verdict::{Finding, ScopeTally};

mod moment;

mod info;
mod need;
mod timed;
mod violation;

mod ruling;

mod collector;
mod crossing;
mod exchange;
mod flattened;
mod labels;
mod placeholders;
mod socket_owners;
mod state;
mod survey;
mod template;

mod context;
mod rule;
mod unread;

mod session;

mod kill;
mod net;
mod sync;

mod scope;

mod api;
mod data;
mod tenant;

mod figure;
#[cfg(test)]
mod tests;

pub use info::{JudgedFrom, RuleInfo};
pub use need::Need;
pub use ruling::Ruling;
pub use timed::is_timed;

use collector::Collector;
use context::Context;
use figure::Meter;
use rule::{Registration, Rule};
use state::State;
use survey::Survey;

/// What is judged, family by family. Figures come after them: they are measured whatever is judged.
const FAMILIES: [&[Registration]; 8] = [
    session::RULES,
    kill::RULES,
    net::RULES,
    sync::RULES,
    scope::RULES,
    tenant::RULES,
    data::RULES,
    api::RULES,
];

/// Every rule that is judged, family by family and by number.
pub fn catalogue() -> impl Iterator<Item = &'static RuleInfo> {
    let families = FAMILIES.into_iter().flat_map(|family| {
        let mut rules: Vec<&RuleInfo> = family
            .iter()
            .flat_map(|(judged, _)| *judged)
            .copied()
            .collect();
        rules.sort_by_key(|rule| number(rule.id));
        rules.dedup();
        rules
    });
    families.chain(figure::RULES)
}

/// The number in an id: 4 of `SESSION-4`.
fn number(id: &str) -> u32 {
    let digits = id.rsplit('-').next().unwrap_or_default();
    digits.parse().unwrap_or(u32::MAX)
}

/// The rule of this id, in any case.
#[must_use]
pub fn find(id: &str) -> Option<&'static RuleInfo> {
    catalogue().find(|rule| rule.id.eq_ignore_ascii_case(id))
}

/// What of a contract there is to be put to the test, before anything was.
#[must_use]
pub fn untested(contract: &Arc<Contract>) -> Coverage {
    let mut judge = Judge::new(Arc::clone(contract), JudgeSettings::default());
    judge.finish().coverage
}

/// How a scenario wants to be judged.
#[derive(Debug, Clone, Default)]
pub struct JudgeSettings {
    /// Rules that are not judged, with the reason.
    pub waived: Vec<Waiver>,
    /// What of it is judged.
    pub part: Part,
}

/// Which rules judge what is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// All: it is one client's.
    #[default]
    Whole,
    /// Those that take what they see for one client's: it is what concerns one device of several.
    OneDevice,
    /// Those that compare accounts, whoever uses them: it is what all devices together did.
    AcrossDevices,
}

impl Part {
    fn has(self, rule: &dyn Rule) -> bool {
        match self {
            Self::Whole => true,
            Self::OneDevice => !rule.compares_accounts(),
            Self::AcrossDevices => rule.compares_accounts(),
        }
    }
}

/// Judges a journal while it grows.
pub struct Judge {
    state: State,
    rules: Vec<Box<dyn Rule>>,
    /// The rules, by index, that want to hear routine packets too.
    following: Vec<usize>,
    survey: Survey,
    last: Option<Arc<Entry>>,
    collector: RefCell<Collector>,
}

impl Judge {
    /// A judge that has seen nothing yet.
    #[must_use]
    pub fn new(contract: Arc<Contract>, settings: JudgeSettings) -> Self {
        let mut collector = Collector::new(settings.waived);
        for rule in catalogue() {
            if let Some(why) = rule.unmet(&contract) {
                collector.inapplicable(rule, why);
            }
        }
        let mut rules: Vec<Box<dyn Rule>> = vec![Box::new(Meter::default())];
        for (judged, begin) in FAMILIES.into_iter().flatten() {
            if judged.iter().any(|rule| rule.unmet(&contract).is_none()) {
                rules.push(begin(&contract));
            }
        }
        rules.retain(|rule| settings.part.has(rule.as_ref()));
        let following = (0..rules.len())
            .filter(|rule| rules[*rule].hears_routine())
            .collect();
        Self {
            survey: Survey::new(&contract),
            state: State::new(contract),
            rules,
            following,
            last: None,
            collector: RefCell::new(collector),
        }
    }

    /// What is found, given that the journal has ended. It is asked once, at the end: rules that
    /// wait for something draw their conclusions here.
    #[must_use]
    pub fn finish(&mut self) -> Ruling {
        let over = self.state.world.ended;
        self.end(|rule| !over || rule.hears_probes());
        let mut ruling = Ruling {
            tally: self.state.tally,
            coverage: self.survey.coverage(),
            ..self.collector.get_mut().close(catalogue())
        };
        ruling.figures.by_harness = self.survey.by_harness;
        let collector = self.collector.get_mut();
        collector.cover(catalogue(), &ruling.not_judged, &mut ruling.coverage);
        ruling
    }

    /// What the scope saw so far.
    #[must_use]
    pub fn tally(&self) -> ScopeTally {
        self.state.tally
    }

    /// What was found so far, in the order in which it was, but for the first `known` findings. Rules that wait for
    /// something may find more at the end.
    #[must_use]
    pub fn found(&self, known: usize) -> Vec<Finding> {
        self.collector.borrow().found(known)
    }

    /// Is shown every entry once, in order.
    pub fn observe(&mut self, entry: &Arc<Entry>) {
        self.last = Some(Arc::clone(entry));
        self.survey.see(entry);
        if self.state.world.ended {
            self.see_probes(entry);
            return;
        }
        if matches!(&entry.fact, Fact::Act(_)) || entry.fact.change().is_some() {
            self.let_time_pass(entry);
        }
        if let Fact::Act(act) = &entry.fact
            && self.state.world.is_so_already(act)
        {
            return;
        }
        self.state.sockets.hear(entry);
        if entry.fact.is_heartbeat() {
            self.state.now = entry.at;
            return;
        }
        if entry.fact.is_routine() {
            self.state.now = entry.at;
            let context = Context::new(entry, &self.state, &self.collector);
            for rule in &self.following {
                self.rules[*rule].see(&context);
            }
            return;
        }
        self.take_in(entry);
        let own = self.state.is_of_the_harness(entry);
        self.show(entry, |rule| !own || rule.hears_probes());
        if self.state.world.ended {
            // What follows says nothing about the client, and time goes on without it.
            self.end(|rule| !rule.hears_probes());
        }
    }

    /// Shows the rules the moment of an entry that is about to change the world. What nobody did by
    /// then was not done in time, also where the entry ends what it was wanted for.
    fn let_time_pass(&mut self, entry: &Arc<Entry>) {
        self.state.now = entry.at;
        let moment = Arc::new(Entry {
            id: entry.id,
            at: entry.at,
            device: entry.device.clone(),
            fact: Fact::Harness(HarnessFact::Step {
                step: 0,
                text: String::new(),
                phase: StepPhase::Began,
            }),
        });
        let context = Context::new(&moment, &self.state, &self.collector);
        for rule in &mut self.rules {
            rule.time_passes(&context);
        }
    }

    /// The client is gone; what the harness asks on its own account is still judged.
    fn see_probes(&mut self, entry: &Arc<Entry>) {
        self.state.afterwards(entry);
        let asked = match &entry.fact {
            Fact::Harness(HarnessFact::Probe { .. } | HarnessFact::Listened(_)) => true,
            Fact::Harness(HarnessFact::NotProbed { .. }) => {
                self.note_unprobed(entry);
                false
            }
            _ => self.state.is_of_the_harness(entry),
        };
        if asked {
            self.take_in(entry);
            self.show(entry, |rule| rule.hears_probes());
        }
    }

    fn take_in(&mut self, entry: &Arc<Entry>) {
        self.state.before(entry);
        self.collector.get_mut().note(entry);
        self.note_unprobed(entry);
    }

    fn note_unprobed(&mut self, entry: &Entry) {
        if let Fact::Harness(HarnessFact::NotProbed {
            rule,
            why,
            suspicious,
        }) = &entry.fact
        {
            let collector = self.collector.get_mut();
            collector.unprobed(rule, why);
            if *suspicious && let Some(rule) = find(rule) {
                collector.remark(rule, format!("not judged by a question: {why}"));
            }
        }
    }

    fn show(&mut self, entry: &Arc<Entry>, to: impl Fn(&dyn Rule) -> bool) {
        let context = Context::new(entry, &self.state, &self.collector);
        unread::say(&context);
        for rule in self.rules.iter_mut().filter(|rule| to(rule.as_ref())) {
            rule.see(&context);
        }
        self.state.after(entry);
    }

    /// A journal without entries has no end that says anything.
    fn end(&mut self, of: impl Fn(&dyn Rule) -> bool) {
        let Some(last) = &self.last else {
            return;
        };
        let context = Context::new(last, &self.state, &self.collector);
        for rule in self.rules.iter_mut().filter(|rule| of(rule.as_ref())) {
            rule.end(&context);
        }
    }
}
