//! What went wrong in a run, for whoever has to answer for it: by cause, with the moments that decide,
//! what was switched then, and whom it reached.

use std::sync::Arc;

use super::change::Change;
use super::diagnosis;
use super::journal::{Act, AppFact, Changed, Entry, EntryId, Fact, HarnessFact, StepPhase};
use super::result::{RunResult, ScenarioResult};
use super::runbook::{Build, State};
use super::subject::Subject;
use super::verdict::{Finding, Severity, Verdict};

/// The most moments that are told before the decisive one.
const MOST: usize = 30;

/// What a run says of incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Something went wrong.
    Incident,
    /// Nothing did.
    None,
    /// Nothing was seen to, and not everything was seen.
    Unknown,
}

/// What went wrong by one cause.
#[derive(Debug, Clone)]
pub struct Case {
    /// The rule that is the likely cause.
    pub rule: String,
    /// Who broke it.
    pub subject: Subject,
    /// The triggers that it fired, by their ids.
    pub triggers: Vec<String>,
    /// Where it was seen.
    pub scenes: Vec<Scene>,
}

/// One scenario in which it was seen.
#[derive(Debug, Clone, Default)]
pub struct Scene {
    /// The scenario's id.
    pub scenario: String,
    /// Its name.
    pub name: String,
    /// The finding that is the cause, then what follows from it.
    pub findings: Vec<Finding>,
    /// What its journal tells of them.
    pub story: Story,
}

/// What a journal tells up to the moment that decides.
#[derive(Debug, Clone, Default)]
pub struct Story {
    /// The run's clock at the journal's zero, in seconds since 1970, where it is known.
    pub epoch: Option<u64>,
    /// The decisive moments in order, the cited ones among them.
    pub moments: Vec<Arc<Entry>>,
    /// How many moments before them are left out.
    pub left_out: usize,
    /// The changes that were in force at the moment that decides.
    pub switched: Vec<Arc<Entry>>,
    /// The accounts that had signed in by then, by their names in the configuration.
    pub accounts: Vec<String>,
    /// The devices that had been heard of by then, where there were several.
    pub devices: Vec<String>,
}

/// What a run says of incidents as a whole.
#[must_use]
pub fn word(result: &RunResult) -> Word {
    let is_pulled = result.runbook.build() == Some(Build::Pull);
    let is_red = result
        .runbook
        .checks
        .iter()
        .any(super::runbook::Check::is_red);
    if is_pulled || is_red || !cases(result).is_empty() {
        return Word::Incident;
    }
    match &result.verdict {
        Verdict::Failed | Verdict::UnexpectedPass(_) | Verdict::Flaky(_) => Word::Incident,
        Verdict::Passed | Verdict::KnownFailure(_) if !result.interrupted => Word::None,
        _ => Word::Unknown,
    }
}

/// What went wrong, by cause: what fired a trigger first, then forbidden writes, then what was seen in
/// most scenarios. What failed as it was announced to is none, unless it fired a trigger. The stories are
/// empty: they stand in journals.
#[must_use]
pub fn cases(result: &RunResult) -> Vec<Case> {
    let mut all: Vec<Case> = Vec::new();
    for cause in diagnosis::of_run(result) {
        let fired = |scenario: &str| fired_by(result, cause.rule, scenario);
        let counts = |own: &&ScenarioResult| {
            cause.scenarios.contains(&own.id.as_str())
                && (!matches!(own.outcome.verdict, Verdict::KnownFailure(_))
                    || !fired(&own.id).is_empty())
        };
        let scenarios: Vec<&ScenarioResult> = result.scenarios.iter().filter(counts).collect();
        if scenarios.is_empty() {
            continue;
        }
        let mut triggers: Vec<String> = Vec::new();
        for id in scenarios.iter().flat_map(|own| fired(&own.id)) {
            if !triggers.contains(&id) {
                triggers.push(id);
            }
        }
        let scene = |own: &&ScenarioResult| Scene {
            scenario: own.id.clone(),
            name: own.name.clone(),
            findings: of_cause(own, cause.rule, cause.subject),
            story: Story::default(),
        };
        all.push(Case {
            rule: cause.rule.to_owned(),
            subject: cause.subject,
            triggers,
            scenes: scenarios.iter().map(scene).collect(),
        });
    }
    all.sort_by_key(|case| (case.triggers.is_empty(), !case.is_forbidden()));
    all
}

/// The triggers that a rule fired in a scenario.
fn fired_by(result: &RunResult, rule: &str, scenario: &str) -> Vec<String> {
    let is_of_it = |own: &super::runbook::Exhibit| own.rule == rule && own.scenario == scenario;
    let fired = result.runbook.triggers_in(State::Fired);
    let fired = fired.filter(|own| own.evidence.iter().any(is_of_it));
    fired.map(|own| own.id.clone()).collect()
}

/// The findings of a scenario that a rule is the root of, and what follows from them.
fn of_cause(scenario: &ScenarioResult, rule: &str, subject: Subject) -> Vec<Finding> {
    let findings = &scenario.outcome.findings;
    let causes = diagnosis::causes(findings).into_iter();
    let own = causes.filter(|cause| {
        let root = &findings[cause.root];
        root.rule == rule && root.subject == subject && root.severity > Severity::Information
    });
    let places = own.flat_map(|cause| std::iter::once(cause.root).chain(cause.symptoms));
    places.map(|at| findings[at].clone()).collect()
}

impl Case {
    fn is_forbidden(&self) -> bool {
        let mut findings = self.scenes.iter().flat_map(|own| &own.findings);
        findings.any(|own| own.severity == Severity::ForbiddenWrite)
    }

    /// Every id of a request that is involved, in order, each once.
    #[must_use]
    pub fn request_ids(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let cited = self.scenes.iter().flat_map(|scene| {
            let findings = scene.findings.iter().flat_map(|own| &own.request_ids);
            let answered = scene
                .story
                .moments
                .iter()
                .filter_map(|entry| match &entry.fact {
                    Fact::Answer(answer) => answer.request_id.as_ref(),
                    _ => None,
                });
            findings.chain(answered)
        });
        for id in cited {
            if !all.contains(id) {
                all.push(id.clone());
            }
        }
        all
    }
}

/// Reads a journal up to the moment that decides.
#[derive(Debug)]
pub struct Teller {
    cited: Vec<EntryId>,
    last: Option<EntryId>,
    story: Story,
}

impl Teller {
    /// One who looks for what these findings cite. `around` are entries that the run has kept of them:
    /// the requests that cited answers belong to are among those.
    #[must_use]
    pub fn new(findings: &[Finding], around: &[Arc<Entry>]) -> Self {
        let mut cited: Vec<EntryId> = findings
            .iter()
            .flat_map(|own| own.evidence.iter().copied())
            .collect();
        let exchanges: Vec<u64> = around
            .iter()
            .filter(|own| cited.contains(&own.id))
            .filter_map(|own| match &own.fact {
                Fact::Answer(answer) => Some(answer.exchange),
                Fact::Lost { exchange, .. } => Some(*exchange),
                _ => None,
            })
            .collect();
        let asked = around.iter().filter(|own| match &own.fact {
            Fact::Request(request) => exchanges.contains(&request.exchange),
            _ => false,
        });
        cited.extend(asked.map(|own| own.id));
        Self {
            last: cited.iter().max().copied(),
            cited,
            story: Story::default(),
        }
    }

    /// Where the journal's clock began.
    pub fn begins(&mut self, epoch: u64) {
        self.story.epoch = Some(epoch);
    }

    /// Takes the next entry, and says whether there is more to come.
    pub fn hear(&mut self, entry: &Arc<Entry>) -> bool {
        let Some(last) = self.last else {
            return false;
        };
        if entry.id > last {
            return false;
        }
        if let Some(device) = &entry.device
            && !self.story.devices.contains(device)
        {
            self.story.devices.push(device.clone());
        }
        match &entry.fact {
            Fact::Act(Act::SignIn { account }) if !self.story.accounts.contains(account) => {
                self.story.accounts.push(account.clone());
            }
            Fact::Harness(HarnessFact::Changed(changed)) => self.switch(entry, changed),
            _ => {}
        }
        if self.cited.contains(&entry.id) || is_decisive(&entry.fact) {
            self.story.moments.push(Arc::clone(entry));
        }
        true
    }

    /// What was told. Of many moments those before the first that is cited are left out first.
    #[must_use]
    pub fn told(mut self) -> Story {
        let moments = &mut self.story.moments;
        let first = moments.iter().position(|own| self.cited.contains(&own.id));
        let before = first.unwrap_or(moments.len()).saturating_sub(MOST / 2);
        self.story.left_out = before;
        moments.drain(..before);
        let is_cited = |own: &Arc<Entry>| self.cited.contains(&own.id);
        let more = moments.len().saturating_sub(2 * MOST);
        let mut gone = 0;
        moments.retain(|own| {
            let goes = gone < more && !is_cited(own);
            gone += usize::from(goes);
            !goes
        });
        self.story.left_out += gone;
        self.story
    }

    fn switch(&mut self, entry: &Arc<Entry>, changed: &Changed) {
        let change = &changed.change;
        let of_it = |own: &Arc<Entry>| match &own.fact {
            Fact::Harness(HarnessFact::Changed(earlier)) => ends(change, &earlier.change),
            _ => false,
        };
        self.story.switched.retain(|own| !of_it(own));
        if lasts(change) {
            self.story.switched.push(Arc::clone(entry));
        }
    }
}

/// What people who were there would tell: acts, what the app showed, what was switched, what did not come
/// true.
fn is_decisive(fact: &Fact) -> bool {
    match fact {
        Fact::Act(_) => true,
        Fact::App(own) => matches!(
            own,
            AppFact::Screen { .. }
                | AppFact::Link { .. }
                | AppFact::Feed { .. }
                | AppFact::Session { .. }
                | AppFact::Unexpected { .. }
        ),
        Fact::Harness(own) => match own {
            HarnessFact::Changed(_) | HarnessFact::Failed { .. } | HarnessFact::Interrupted => true,
            HarnessFact::Step { phase, .. } => {
                matches!(phase, StepPhase::Unmet | StepPhase::Failed)
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether a change is in force until another one ends it.
fn lasts(change: &Change) -> bool {
    match change {
        Change::Maintenance(is_on) => *is_on,
        Change::Backend { running, .. } => !running,
        Change::Malform { class, .. } => class.is_some(),
        Change::Network(is_there) | Change::Websocket(is_there) | Change::Socket(is_there) => {
            !is_there
        }
        Change::Fault { fault, .. } => fault.is_some(),
        Change::Push { .. }
        | Change::Own(_)
        | Change::ExpireTokens
        | Change::DropSockets
        | Change::ForgetSessions => false,
    }
}

/// Whether a change takes the place of an earlier one.
fn ends(change: &Change, earlier: &Change) -> bool {
    match (change, earlier) {
        (Change::Maintenance(_), Change::Maintenance(_))
        | (Change::Network(_), Change::Network(_))
        | (Change::Websocket(_), Change::Websocket(_))
        | (Change::Socket(_), Change::Socket(_)) => true,
        (
            Change::Malform { resource: one, .. },
            Change::Malform {
                resource: other, ..
            },
        ) => one == other,
        (Change::Fault { on: one, .. }, Change::Fault { on: other, .. }) => one == other,
        _ => change.puts_back(earlier),
    }
}

#[cfg(test)]
mod tests;
