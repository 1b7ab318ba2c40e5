//! No name of a service, path, resource, screen, event or account means anything to a rule: a journal
//! and its contract under other names are judged the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fastrand::Rng;

use super::{JudgeSettings, Ruling, agreed_in, journals, judge_by};
use crate::domain::change::{Change, RequestMatch};
use crate::domain::contract::renamed::Renaming;
use crate::domain::contract::{Contract, Role};
use crate::domain::journal::{
    Act, AppFact, Entry, EntryId, Fact, Frame, HarnessFact, Question, Report, Request, ScreenName,
    Unreadable,
};
use crate::domain::verdict::{Severity, Subject};

/// Renamings of each journal.
const EACH: u64 = 4;

/// Words that levers, faults, sources, questions and the harness itself use.
const WORDS: [&str; 36] = [
    "refuse",
    "refused-orders",
    "stop",
    "stop-loss",
    "stopped",
    "running",
    "off",
    "on",
    "no",
    "down",
    "false",
    "untrusted",
    "network",
    "network-offline",
    "socket",
    "websocket",
    "websocket-blocked",
    "event",
    "request",
    "storage",
    "backend",
    "push",
    "fault",
    "black-hole",
    "expire-tokens",
    "cursor",
    "id",
    "name",
    "mock",
    "gateway",
    "lost",
    "corrupt",
    "sid",
    "probe",
    "canary",
    "password",
];

/// What no contract may call a resource or a screen besides.
const SPACED: [&str; 8] = [
    "backend stopped",
    "on off",
    "refuse on any",
    "untrusted on any",
    "socket blocked",
    "network off",
    "push event",
    "stop loss",
];

/// New names for these, all different, taken from `words`.
fn draw(rng: &mut Rng, names: BTreeSet<String>, words: &[&str]) -> BTreeMap<String, String> {
    let mut words = words.to_vec();
    rng.shuffle(&mut words);
    let words = words.into_iter().map(str::to_owned);
    assert!(names.len() <= words.len(), "{names:?}");
    names.into_iter().zip(words).collect()
}

fn drawn(rng: &mut Rng, contract: &Contract) -> Renaming {
    let feed = contract.realtime.as_ref().unwrap();
    let all = [&WORDS[..], &SPACED[..]].concat();
    let paths = contract
        .operations()
        .map(|(_, operation)| operation.path.clone())
        .chain(contract.scope.forbid.iter().map(|own| own.path.to_string()))
        .chain([feed.path.clone()]);
    let segments = paths
        .flat_map(|path| path.split('/').map(str::to_owned).collect::<Vec<_>>())
        .filter(|segment| !segment.is_empty());
    let events = feed.events.iter().map(|rule| &rule.name);
    let emits = feed.emits().map(|emit| &emit.event);
    let events = events.chain(emits).chain(&contract.scope.forbid_emits);
    let services = contract.services.iter().map(|service| &service.name);
    let resources = contract.resources.iter().map(|own| &own.name);
    let screens = contract.screens.iter().map(|screen| &screen.name);
    Renaming {
        services: draw(rng, services.cloned().collect(), &WORDS),
        segments: draw(rng, segments.collect(), &WORDS),
        resources: draw(rng, resources.cloned().collect(), &all),
        screens: draw(rng, screens.cloned().collect(), &all),
        events: draw(rng, events.cloned().collect(), &all),
        accounts: draw(rng, ["ada", "bob"].map(str::to_owned).into(), &all),
    }
}

impl Renaming {
    fn entry(&self, entry: &Entry) -> Entry {
        // Labels of passwords stand in every body and header.
        let mut text = serde_json::to_string(entry).unwrap();
        for (old, new) in &self.accounts {
            text = text.replace(&format!("‹password {old}›"), &format!("‹password {new}›"));
        }
        let mut entry: Entry = serde_json::from_str(&text).unwrap();
        match &mut entry.fact {
            Fact::Request(request) => self.request(request),
            Fact::Answer(answer) => {
                let renamed = answer.headers.iter().map(|(name, value)| {
                    let mut value = value.to_owned();
                    if ["location", "link"].contains(&name) {
                        self.path(&mut value);
                    }
                    (name.to_owned(), value)
                });
                answer.headers = renamed.collect::<Vec<_>>().into();
            }
            Fact::Limited { service, .. }
            | Fact::TlsRefused { service, .. }
            | Fact::Unreadable(Unreadable { service, .. })
            | Fact::SocketOpened { service, .. } => {
                self.service(service);
            }
            Fact::Frame {
                packet: Frame::Event { name, .. },
                ..
            } => self.event(name),
            Fact::App(fact) => self.app(fact),
            Fact::Act(Act::SignIn { account }) => self.account(account),
            Fact::Act(Act::Open { screen }) => self.screen(screen),
            Fact::Act(Act::LoadMore { resource }) => self.resource(resource),
            Fact::Harness(HarnessFact::Changed(changed)) => self.change(&mut changed.change),
            Fact::Harness(HarnessFact::Listened(heard)) => {
                heard.events.iter_mut().for_each(|event| self.event(event));
            }
            Fact::Harness(HarnessFact::Probe {
                question: Question::Compared { resource, .. },
            }) => self.resource(resource),
            Fact::Frame { .. }
            | Fact::Act(_)
            | Fact::Harness(_)
            | Fact::Uploaded { .. }
            | Fact::Lost { .. }
            | Fact::TokenIssued(_)
            | Fact::SocketUpgraded { .. }
            | Fact::SocketClosed { .. } => {}
        }
        entry
    }

    fn request(&self, request: &mut Request) {
        self.service(&mut request.service);
        self.path(&mut request.target);
        self.path(&mut request.path);
        if let Some(role) = &mut request.role {
            self.role(role);
        }
    }

    fn role(&self, role: &mut Role) {
        if let Role::Resource(name) = role {
            self.resource(name);
        }
    }

    fn app(&self, fact: &mut AppFact) {
        match fact {
            AppFact::Screen {
                screen: ScreenName::Own(name),
            }
            | AppFact::Reported(Report::Screen(ScreenName::Own(name))) => self.screen(name),
            AppFact::Reported(Report::User(name)) => self.account(name),
            AppFact::Shown { resource, .. } | AppFact::Stale { resource, .. } => {
                self.resource(resource);
            }
            AppFact::Exchange(exchange) => {
                self.service(&mut exchange.service);
                self.path(&mut exchange.path);
            }
            AppFact::Emitted { event, .. } => self.event(event),
            AppFact::Screen { .. }
            | AppFact::Link { .. }
            | AppFact::Feed { .. }
            | AppFact::Session { .. }
            | AppFact::Notice { .. }
            | AppFact::Unexpected { .. }
            | AppFact::Reported(_) => {}
        }
    }

    fn change(&self, change: &mut Change) {
        match change {
            Change::Backend {
                service: Some(service),
                ..
            } => self.service(service),
            Change::Push { event, .. } => self.event(event),
            Change::Malform { resource, .. } => self.resource(resource),
            Change::Fault { on, .. } => match on {
                RequestMatch::Role(role) => self.role(role),
                RequestMatch::Pattern(pattern) => self.pattern(pattern),
                RequestMatch::Data | RequestMatch::Writes | RequestMatch::Any => {}
            },
            _ => {}
        }
    }
}

/// What a judge says, without a name: rule, culprit, gravity and evidence; and what was not judged.
type Said = (
    Vec<(String, Subject, Severity, Vec<EntryId>, Vec<String>)>,
    Vec<String>,
    Vec<&'static str>,
);

fn said(judged: Ruling) -> Said {
    let findings = judged.findings.into_iter();
    let findings = findings.map(|own| {
        (
            own.rule,
            own.subject,
            own.severity,
            own.evidence,
            own.request_ids,
        )
    });
    let not_judged = judged.not_judged.into_iter().map(|(rule, _)| rule);
    (
        findings.collect(),
        not_judged.collect(),
        judged.not_exercised,
    )
}

#[test]
fn no_name_changes_what_a_broken_journal_is_found_to_break() {
    for (_, journal, entries) in journals("breaks") {
        let contract = agreed_in(&journal);
        let judged = |contract, entries: &[Arc<Entry>]| {
            said(judge_by(contract, entries, JudgeSettings::default()))
        };
        let found = judged(contract.clone(), &entries);
        for seed in 0..EACH {
            let names = drawn(&mut Rng::with_seed(seed), &contract);
            let renamed: Vec<Arc<Entry>> = entries
                .iter()
                .map(|entry| Arc::new(names.entry(entry)))
                .collect();
            let found_then = judged(names.contract(&contract), &renamed);
            assert_eq!(found_then, found, "{journal} with seed {seed}: {names:#?}");
        }
    }
}
