//! KILL-4: when the kill-switch is lifted, the app comes back by itself.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::contract::{KillSwitch, Role};
use crate::domain::duration::show;
use crate::domain::journal::{Act, AppFact, Entry, EntryId, Fact, SessionState};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Moment, Scene, client_request};
use crate::rules::{JudgedFrom, Rule, RuleInfo};

pub(super) static RECOVERY: RuleInfo = RuleInfo {
    id: "KILL-4",
    title: "When the kill-switch is lifted the app recovers without relaunch and without sign-in",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire],
    source: "runbook S4.2",
    explanation: "A maintenance that ends with every user at the sign-in screen, or with apps that must be killed, costs more than it saved. Judged for an app that had a session when it was told *blocked* and stays visible: after the switch is lifted it asks for data again within one and a quarter status intervals, a status request under way apart, or within ten seconds of being told so; and it neither ends its session nor signs in.",
    fix: "Keep the session and the status timer while blocked; on the first open answer load and connect as at a start.",
    parameters: &["kill_switch.every"],
};

/// How long an app that was told may take to come back.
const REACTION: Duration = Duration::from_secs(10);
/// What queues and latencies may add.
const SLACK: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Recovery {
    /// Whether this process asked for data with its session; a simulated app says that it has one.
    active: bool,
    blocked: Option<Blocked>,
}

#[derive(Clone, Copy)]
struct Blocked {
    told: EntryId,
    at: Duration,
    /// Since when it could be known that the switch is off.
    lifted: Option<Moment>,
    /// Since when the app was told so.
    known: Option<Moment>,
}

impl Rule for Recovery {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        let Some(switch) = &scene.contract.kill_switch else {
            ledger.unable(&RECOVERY, "the contract has no kill-switch");
            return;
        };
        match &entry.fact {
            Fact::Act(Act::Launch | Act::Kill) => {
                self.active = false;
                self.blocked = None;
                return;
            }
            Fact::Act(Act::Background) => self.blocked = None,
            _ => {}
        }
        self.follow(entry, scene);
        self.ended(entry, scene, ledger);
        if let Some(request) = client_request(entry) {
            match &request.role {
                Some(Role::Resource(_)) => self.data(ledger),
                Some(Role::Realtime) if request.is_handshake() => self.data(ledger),
                Some(Role::SignIn) => self.sign_in(entry, request.exchange, scene, ledger),
                _ => {}
            }
        }
        self.overdue(scene, switch, ledger);
    }

    fn end(&mut self, scene: &Scene, ledger: &mut Ledger) {
        if let Some(switch) = &scene.contract.kill_switch {
            self.overdue(scene, switch, ledger);
        }
    }
}

impl Recovery {
    fn follow(&mut self, entry: &Entry, scene: &Scene) {
        let now = Moment::of(entry);
        let lever = scene.world.maintenance;
        let lever_off = lever.is_some_and(|(on, _)| !on);
        match (&mut self.blocked, scene.switch.told) {
            (None, Some(told))
                if told.moment.id == entry.id
                    && (self.active || scene.world.simulated)
                    && scene.session.open =>
            {
                self.blocked = Some(Blocked {
                    told: entry.id,
                    at: entry.at,
                    // What the app was told may be older than the lever's last move.
                    lifted: lever_off.then_some(now),
                    known: None,
                });
            }
            (Some(blocked), told) => {
                if told.is_some() {
                    blocked.known = None;
                }
                if lever.is_some_and(|(on, _)| on) && told.is_some() {
                    blocked.lifted = None;
                } else if told.is_none() && blocked.known.is_none() {
                    blocked.known = Some(now);
                    blocked.lifted.get_or_insert(now);
                } else if (lever_off && blocked.lifted.is_none())
                    || (blocked.lifted.is_some() && cannot_ask(now, scene))
                {
                    blocked.lifted = Some(now);
                }
            }
            (None, _) => {}
        }
    }

    /// A session that the backend ended is no matter of the kill-switch; one that the app gave up is.
    fn ended(&mut self, entry: &Entry, scene: &Scene, ledger: &mut Ledger) {
        let Some(blocked) = self.blocked else {
            return;
        };
        let refused = scene.session.refused;
        if scene.session.wants_out || refused.is_some_and(|refused| refused.id > blocked.told) {
            self.blocked = None;
            return;
        }
        let given_up = match &entry.fact {
            Fact::App(AppFact::Session {
                state: SessionState::Ended { .. },
            }) => true,
            // Without marks nobody knows whether it was the user who signed out.
            _ => {
                scene.world.acts_marked
                    && client_request(entry)
                        .is_some_and(|request| request.role == Some(Role::SignOut))
            }
        };
        if given_up {
            self.blocked = None;
            breach(entry, blocked, None, "the session was ended", ledger);
        }
    }

    fn data(&mut self, ledger: &mut Ledger) {
        self.active = true;
        if self.blocked.is_some_and(|blocked| blocked.lifted.is_some()) {
            ledger.occasion(&RECOVERY);
            self.blocked = None;
        }
    }

    fn sign_in(&mut self, entry: &Entry, exchange: u64, scene: &Scene, ledger: &mut Ledger) {
        let Some(blocked) = self.blocked.take() else {
            return;
        };
        if scene.session.wants_out {
            return;
        }
        breach(entry, blocked, Some(exchange), "a sign-in", ledger);
    }

    fn overdue(&mut self, scene: &Scene, switch: &KillSwitch, ledger: &mut Ledger) {
        let Some(Blocked {
            told,
            lifted: Some(lifted),
            known,
            ..
        }) = self.blocked
        else {
            return;
        };
        // Once the app was told, no interval has to pass any more.
        let (from, limit) = match known {
            Some(known) => (known, REACTION),
            None => (lifted, switch.every.mul_f64(1.25) + SLACK),
        };
        let asking = scene
            .under_way()
            .any(|(_, request)| request.role == Some(Role::Status));
        if scene.now <= from.at + limit || asking || !scene.app_is_awake() || scene.world.is_blind()
        {
            return;
        }
        self.blocked = None;
        ledger.breach(
            &RECOVERY,
            Breach {
                kind: "recovery".to_owned(),
                message: "the app did not come back after the kill-switch was lifted".to_owned(),
                expected: format!("a request for data within {}", show(limit)),
                observed: format!("none for {}", show(scene.now - from.at)),
                evidence: vec![told, lifted.id],
                ..Breach::default()
            },
        );
    }
}

fn breach(entry: &Entry, blocked: Blocked, exchange: Option<u64>, what: &str, ledger: &mut Ledger) {
    ledger.breach(
        &RECOVERY,
        Breach {
            kind: "session".to_owned(),
            message: "the app does not keep its session through a maintenance".to_owned(),
            expected: "the session outlives the maintenance".to_owned(),
            observed: format!(
                "{what}, {} after the app was told to block",
                show(entry.at - blocked.at)
            ),
            evidence: vec![blocked.told, entry.id],
            exchanges: exchange.into_iter().collect(),
            ..Breach::default()
        },
    );
}

/// Whether the app cannot learn that the switch was lifted, or was just told otherwise.
fn cannot_ask(now: Moment, scene: &Scene) -> bool {
    scene.world.is_blind()
        || scene.world.is_disturbed()
        || scene.world.backend_is_stopped()
        || scene
            .switch
            .failed
            .is_some_and(|failed| failed.id == now.id)
        || scene.switch.told.is_some()
            && scene
                .switch
                .answered
                .is_some_and(|answered| answered.id == now.id)
}
