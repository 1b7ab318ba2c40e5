//! The judge: documented invariants over a journal, always on in every scenario.
//!
//! Judging is a fold. The judge is shown each entry once, as it is written, and keeps only what
//! its rules need, so a run of days costs no more memory than one of minutes. A rule knows the
//! contract and what was observed; it never knows which app, backend or quirk it looks at.
//!
//! `Scene` holds what several rules ask for (who is signed in, which exchanges are
//! under way, whether the network is there), `Ledger` what they found.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::contract::Contract;
use crate::domain::journal::{
    AppFact, DataSource, Direction, Entry, Fact, Frame, HarnessFact, Observer,
};
use crate::domain::scenario::Waiver;
use crate::domain::verdict::{Finding, ScopeTally, Subject};

mod data;
mod kill;
mod labels;
mod ledger;
mod net;
mod scene;
mod scope;
mod session;
mod sync;
mod tenant;
#[cfg(test)]
mod tests;

use ledger::Ledger;
use scene::Scene;

/// What a rule says, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleInfo {
    /// Its stable id: `SESSION-4`.
    pub id: &'static str,
    /// What it asks for, in one sentence.
    pub title: &'static str,
    /// Who breaks it.
    pub subject: Subject,
    /// What it is judged from.
    pub judged_from: &'static [JudgedFrom],
    /// Where it comes from: an RFC, a protocol, an issue in public, the runbook.
    pub source: &'static str,
    /// Why it matters and how it is judged.
    pub explanation: &'static str,
    /// How to keep it.
    pub fix: &'static str,
    /// The places of the contract that set its numbers.
    pub parameters: &'static [&'static str],
}

/// What a rule is judged from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum JudgedFrom {
    /// What the gateway saw.
    Wire,
    /// What the simulated app says about itself.
    Sim,
    /// What the harness asked on its own account.
    Probe,
}

impl JudgedFrom {
    /// The word for reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wire => "wire",
            Self::Sim => "sim",
            Self::Probe => "probe",
        }
    }
}

/// Every rule that is judged, family by family.
pub fn catalogue() -> impl Iterator<Item = &'static RuleInfo> {
    [
        session::RULES,
        kill::RULES,
        net::RULES,
        sync::RULES,
        scope::RULES,
        tenant::RULES,
        data::RULES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The rule of this id, in any case.
#[must_use]
pub fn find(id: &str) -> Option<&'static RuleInfo> {
    catalogue().find(|rule| rule.id.eq_ignore_ascii_case(id))
}

/// How a scenario wants to be judged.
#[derive(Debug, Clone, Default)]
pub struct JudgeSettings {
    /// Rules that are not judged, with the reason.
    pub waived: Vec<Waiver>,
}

/// What the judge says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// Every violation, the gravest first.
    pub findings: Vec<Finding>,
    /// Rules that could not be judged although there was reason to, with why.
    pub not_judged: Vec<(String, String)>,
    /// Rules that nothing in the run put to the test.
    pub no_occasion: Vec<&'static str>,
    /// What the scope saw.
    pub tally: ScopeTally,
}

/// Judges a journal while it grows. Clones are handles on one judge: one is given to the journal
/// as its observer, another asked for the result.
#[derive(Clone)]
pub struct Judge(Arc<Mutex<Bench>>);

impl Judge {
    /// A judge that has seen nothing yet.
    #[must_use]
    pub fn new(contract: Arc<Contract>, settings: JudgeSettings) -> Self {
        let rules: Vec<Box<dyn Rule>> = [
            session::rules(&contract),
            kill::rules(&contract),
            net::rules(&contract),
            sync::rules(&contract),
            scope::rules(),
            tenant::rules(&contract),
            data::rules(),
        ]
        .into_iter()
        .flatten()
        .collect();
        let hearing = (0..rules.len())
            .filter(|rule| rules[*rule].hears_routine())
            .collect();
        Self(Arc::new(Mutex::new(Bench {
            scene: Scene::new(contract),
            rules,
            hearing,
            ledger: Ledger::new(settings.waived),
        })))
    }

    /// A handle on this judge for [`Journal::watch`](crate::domain::journal::Journal::watch).
    #[must_use]
    pub fn observer(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }

    /// What is found, given that the journal has ended. It is asked once, at the end: rules that
    /// wait for something draw their conclusions here.
    #[must_use]
    pub fn finish(&self) -> Judged {
        let bench = &mut *self.bench();
        let over = bench.scene.world.ended;
        bench.end(|rule| !over || rule.hears_probes());
        Judged {
            tally: bench.scene.tally,
            ..bench.ledger.close()
        }
    }

    /// What the scope saw so far.
    #[must_use]
    pub fn tally(&self) -> ScopeTally {
        self.bench().scene.tally
    }

    fn bench(&self) -> MutexGuard<'_, Bench> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Judge {
    fn observe(&mut self, entry: &Arc<Entry>) {
        self.bench().see(entry);
    }
}

struct Bench {
    scene: Scene,
    rules: Vec<Box<dyn Rule>>,
    /// The rules, by index, that want to hear routine packets too.
    hearing: Vec<usize>,
    ledger: Ledger,
}

impl Bench {
    fn see(&mut self, entry: &Arc<Entry>) {
        if self.scene.world.ended {
            self.see_probes(entry);
            return;
        }
        self.scene.sockets.hear(entry);
        if is_heartbeat(&entry.fact) {
            self.scene.now = entry.at;
            return;
        }
        if is_routine(&entry.fact) {
            self.scene.now = entry.at;
            for rule in &self.hearing {
                self.rules[*rule].see(entry, &self.scene, &mut self.ledger);
            }
            return;
        }
        self.scene.before(entry);
        self.ledger.note(entry);
        if let Fact::Harness(HarnessFact::NotProbed { rule, why }) = &entry.fact {
            self.ledger.unprobed(rule, why);
        }
        let own = self.scene.is_of_the_harness(entry);
        for rule in &mut self.rules {
            if !own || rule.hears_probes() {
                rule.see(entry, &self.scene, &mut self.ledger);
            }
        }
        self.scene.after(entry);
        if self.scene.world.ended {
            // What follows says nothing about the client, and time goes on without it.
            self.end(|rule| !rule.hears_probes());
        }
    }

    /// The client is gone; what the harness asks on its own account is still judged.
    fn see_probes(&mut self, entry: &Arc<Entry>) {
        self.scene.afterwards(entry);
        let asked = match &entry.fact {
            Fact::Harness(HarnessFact::Probe { .. } | HarnessFact::Listened(_)) => true,
            Fact::Harness(HarnessFact::NotProbed { rule, why }) => {
                self.ledger.unprobed(rule, why);
                false
            }
            _ => self.scene.is_of_the_harness(entry),
        };
        if asked {
            self.scene.before(entry);
            self.ledger.note(entry);
            for rule in self.rules.iter_mut().filter(|rule| rule.hears_probes()) {
                rule.see(entry, &self.scene, &mut self.ledger);
            }
            self.scene.after(entry);
        }
    }

    fn end(&mut self, of: impl Fn(&dyn Rule) -> bool) {
        for rule in self.rules.iter_mut().filter(|rule| of(rule.as_ref())) {
            rule.end(&self.scene, &mut self.ledger);
        }
    }
}

/// Packets that only keep a connection alive.
fn is_heartbeat(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Frame {
            packet: Frame::Ping { probe: false } | Frame::Pong { probe: false } | Frame::Noop,
            ..
        }
    )
}

/// Facts that come by the thousand: data on its way down, and its being shown.
fn is_routine(fact: &Fact) -> bool {
    match fact {
        Fact::Frame {
            direction: Direction::Down,
            packet: Frame::Event { .. },
            ..
        } => true,
        Fact::App(AppFact::Shown { source, .. }) => *source == DataSource::Event,
        _ => false,
    }
}

/// One rule, as a fold over entries.
trait Rule: Send {
    /// Is shown one entry, with the scene as it is once the entry has happened.
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger);

    /// Is told that nothing more will come.
    fn end(&mut self, _scene: &Scene, _ledger: &mut Ledger) {}

    /// Whether it wants to hear routine packets too.
    fn hears_routine(&self) -> bool {
        false
    }

    /// Whether it wants to hear what the harness itself asks, and is answered.
    fn hears_probes(&self) -> bool {
        false
    }
}
