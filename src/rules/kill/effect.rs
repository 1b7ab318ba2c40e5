//! KILL-2 and -7: no data flows while the kill-switch is on.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::contract::{FailMode, KillSwitch, Role};
use crate::domain::duration::show;
use crate::domain::journal::{
    Answerer, AppFact, Direction, Entry, EntryId, Fact, Frame, HarnessFact, Heard, Question,
    ScreenName, Sender,
};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Ended, Moment, Scene, Told, client_request, is_blocked, is_success};
use crate::rules::{JudgedFrom, Rule, RuleInfo};

pub(super) static EFFECT: RuleInfo = RuleInfo {
    id: "KILL-2",
    title: "A kill takes effect in time, and after that nothing asks for data: REST, socket, polling",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire],
    source: "runbook S4.1",
    explanation: "The switch is there to take load and eyes off a backend in trouble; a socket or a poller that goes on behind the maintenance screen defeats it. Judged from the moment the app was told (two seconds are left to it, and to an app that says that it shows its maintenance screen only what two requests on their way may be), or from the lever's moment plus the agreed time when a running, visible app that could ask was never told. From then on no request for data, no poll of the feed and no event on a joined socket may be seen.",
    fix: "On *blocked* close the socket, stop every timer and drop queued requests; keep asking for the status only.",
    parameters: &["kill_switch.takes_effect_within", "kill_switch.fail_mode"],
};

pub(super) static ENFORCED: RuleInfo = RuleInfo {
    id: "KILL-7",
    title: "The server enforces the kill-switch too: data is refused while it is on",
    subject: Subject::Backend,
    judged_from: &[JudgedFrom::Wire, JudgedFrom::Probe],
    source: "runbook S4.1; defence in depth",
    explanation: "An old app version or a broken one does not ask. Where the contract says how data requests are answered during maintenance, one that is answered with success while the backend itself says *blocked* shows that the switch binds only the polite, and one that is refused by another status says something else to the app: 401 signs people out. The client's own requests are judged, and the harness asks for the status and then for every resource while the lever is on, and listens to the feed; two seconds are left to a backend whose parts have to hear of it.",
    fix: "Check the switch in a middleware in front of every data route and of the socket's namespace.",
    parameters: &["kill_switch.data_refusal"],
};

/// How long an app that was told may take to stop what was on its way.
const REACTION: Duration = Duration::from_secs(2);
/// How many requests may have been on their way when the app showed its maintenance screen.
const ON_THEIR_WAY: usize = 2;
/// How long the parts of a backend may disagree about the switch.
const SPREAD: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Effect {
    /// Whether this blockade was counted as an occasion.
    counted: bool,
    /// Since when the app says that it shows its maintenance screen, and what it asked for since.
    shown: Option<(Moment, Vec<(EntryId, u64)>)>,
}

impl Rule for Effect {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        let Some(switch) = &scene.contract.kill_switch else {
            ledger.unable(&EFFECT, "the contract has no kill-switch");
            return;
        };
        let Some((since, limit)) = limit(scene, switch) else {
            self.counted = false;
            self.shown = None;
            return;
        };
        self.behind_the_screen(entry, ledger);
        if entry.at <= limit {
            return;
        }
        if !std::mem::replace(&mut self.counted, true) {
            ledger.occasion(&EFFECT);
        }
        if let Some(request) = client_request(entry)
            && request.role.as_ref().is_some_and(Role::is_data)
        {
            let what = format!("{} {} {}", request.method, request.service, request.target);
            breach(since, entry, what, Some(request.exchange), ledger);
        } else if let Fact::Frame {
            direction: Direction::Down,
            packet: Frame::Event { name, .. },
            socket,
            ..
        } = &entry.fact
            && scene
                .sockets
                .get(*socket)
                .is_some_and(|own| own.connected.is_some())
            && entry.at > limit + SPREAD
        {
            breach(
                since,
                entry,
                format!("`{name}` on a socket that is still joined"),
                None,
                ledger,
            );
        }
    }

    fn end(&mut self, scene: &Scene, ledger: &mut Ledger) {
        let Some(switch) = &scene.contract.kill_switch else {
            return;
        };
        if let Some((since, limit)) = limit(scene, switch)
            && scene.now > limit + SPREAD
            && scene.world.running
            && let Some(joined) = scene
                .sockets
                .iter()
                .find_map(|(_, socket)| socket.connected)
        {
            ledger.breach(
                &EFFECT,
                Breach {
                    evidence: vec![joined.id, since.id],
                    ..seen("a socket that is still joined".to_owned())
                },
            );
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }
}

impl Effect {
    /// An app that shows its maintenance screen knows; what it asks for afterwards needs no grace.
    fn behind_the_screen(&mut self, entry: &Entry, ledger: &mut Ledger) {
        if let Fact::App(AppFact::Screen { screen }) = &entry.fact {
            self.shown =
                (*screen == ScreenName::Maintenance).then(|| (Moment::of(entry), Vec::new()));
        }
        let (Some((shown, asked)), Some(request)) = (&mut self.shown, client_request(entry)) else {
            return;
        };
        if !matches!(request.role, Some(Role::Resource(_))) {
            return;
        }
        asked.push((entry.id, request.exchange));
        if asked.len() == ON_THEIR_WAY + 1 {
            let (ids, exchanges): (Vec<EntryId>, Vec<u64>) = asked.iter().copied().unzip();
            let evidence = std::iter::once(shown.id).chain(ids).collect();
            let observed = format!("{} requests behind the maintenance screen", asked.len());
            ledger.breach(
                &EFFECT,
                Breach {
                    evidence,
                    exchanges,
                    ..seen(observed)
                },
            );
        }
    }
}

/// Since when the app is blocked, and from when on no data may be asked for.
fn limit(scene: &Scene, switch: &KillSwitch) -> Option<(Moment, Duration)> {
    let lever = scene.world.maintenance;
    if let Some(told) = scene.switch.told {
        let lifted = lever.is_some_and(|(on, moment)| !on && moment.id > told.moment.id);
        let may_go_on = switch.fail_mode == FailMode::Open
            && scene
                .switch
                .failed
                .is_some_and(|failed| failed.id > told.moment.id);
        let grace = switch.takes_effect_within.min(REACTION);
        return (!lifted && !may_go_on).then_some((told.moment, told.moment.at + grace));
    }
    let (true, lever) = lever? else {
        return None;
    };
    // An app that asked in vain, or that could not ask, cannot know.
    if scene
        .switch
        .failed
        .is_some_and(|failed| failed.id > lever.id)
        || !scene.app_is_awake()
        || scene.world.is_blind()
        || scene.world.is_disturbed()
    {
        return None;
    }
    let world = &scene.world;
    let contradicted = scene
        .switch
        .open
        .filter(|(asked, _)| asked.id > lever.id)
        .map(|(_, answered)| answered);
    let from = [
        Some(lever),
        world.launched,
        world.foreground,
        world.network,
        contradicted,
    ]
    .into_iter()
    .flatten()
    .map(|moment| moment.at)
    .max()?;
    // A status request under way may still tell.
    let asking = scene
        .under_way()
        .any(|(_, request)| request.role == Some(Role::Status));
    (!asking).then_some((lever, from + switch.takes_effect_within))
}

fn breach(since: Moment, entry: &Entry, what: String, exchange: Option<u64>, ledger: &mut Ledger) {
    let observed = format!("{what}, {} after the kill", show(entry.at - since.at));
    ledger.breach(
        &EFFECT,
        Breach {
            evidence: vec![since.id, entry.id],
            exchanges: exchange.into_iter().collect(),
            ..seen(observed)
        },
    );
}

fn seen(observed: String) -> Breach {
    Breach {
        kind: "data while blocked".to_owned(),
        message: "the app goes on with data although the kill-switch is on".to_owned(),
        expected: "no request for data and no joined socket while the kill-switch is on".to_owned(),
        observed,
        ..Breach::default()
    }
}

/// Whether the feed goes on: by an event that came to a socket of the harness's own.
fn listened(entry: &Entry, heard: &Heard, told: Told, ledger: &mut Ledger) {
    if heard.question != Question::DataInMaintenance || entry.at < told.moment.at + SPREAD {
        return;
    }
    if !heard.joined {
        ledger.occasion(&ENFORCED);
    } else if !heard.events.is_empty() {
        ledger.breach(
            &ENFORCED,
            Breach {
                kind: "feed".to_owned(),
                message: "the backend goes on with the live feed although its kill-switch is on"
                    .to_owned(),
                expected: "no socket is let in, or none is sent anything".to_owned(),
                observed: heard.words(),
                evidence: vec![told.moment.id, entry.id],
                ..Breach::default()
            },
        );
    }
}

/// Whether a refusal may have another reason than the kill-switch: too many requests, a proxy without
/// its backend, a token that may be over.
fn is_excused(ended: &Ended<'_>, scene: &Scene) -> bool {
    match ended.status() {
        Some(401 | 403) => {
            let of_the_harness = ended.request.sender == Sender::Probe;
            let label = ended.opened.credential.as_deref();
            let token = label.and_then(|label| scene.session.token(label));
            let holds = token.is_some_and(|token| {
                let expired = scene.world.tokens_expired;
                let now = scene.unix(ended.opened.at());
                token
                    .ends
                    .zip(now)
                    .is_some_and(|(ends, now)| now + 5 < ends)
                    && expired.is_none_or(|moment| moment.at < token.issued.at)
            });
            // The harness has signed in just before the switch was moved.
            !of_the_harness && !holds
        }
        Some(408 | 429 | 502 | 504) | None => true,
        Some(_) => false,
    }
}

#[derive(Default)]
pub(super) struct Enforced {
    /// What the harness was told when it asked for the status itself.
    told: Option<Told>,
}

impl Enforced {
    /// Follows what the harness is told: *blocked* since the lever was moved, or nothing.
    fn ask(&mut self, entry: &Entry, scene: &Scene, switch: &KillSwitch) {
        if let Some((Question::StatusInMaintenance, ended)) = scene.answered(entry) {
            let lever = scene.world.maintenance.filter(|(on, _)| *on);
            self.told = ended
                .answer
                .filter(|answer| {
                    answer.from == Answerer::Backend && is_blocked(switch, answer) == Some(true)
                })
                .zip(lever)
                .map(|(answer, (_, moment))| Told {
                    moment,
                    by_backend: true,
                    exchange: answer.exchange,
                });
        } else if entry.fact.change().is_some_and(|own| own.lever().is_some()) {
            self.told = None;
        }
    }
}

impl Rule for Enforced {
    fn hears_probes(&self) -> bool {
        true
    }

    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        let Some(switch) = &scene.contract.kill_switch else {
            return;
        };
        self.ask(entry, scene, switch);
        let by_backend = |told: &Told| told.by_backend;
        let Some(told) = self.told.or(scene.switch.told).filter(by_backend) else {
            return;
        };
        let Some(refusal) = switch.data_refusal else {
            ledger.unable(
                &ENFORCED,
                "the contract does not say how data is refused while the kill-switch is on",
            );
            return;
        };
        if let Fact::Harness(HarnessFact::Listened(heard)) = &entry.fact {
            listened(entry, heard, told, ledger);
        }
        // Also while the parts of the backend still hear of it.
        let lifted = scene
            .world
            .maintenance
            .is_some_and(|(on, moment)| !on && told.moment.at <= moment.at + SPREAD);
        let Some(ended) = scene.ended(entry).filter(|_| !lifted) else {
            return;
        };
        let data = matches!(ended.request.role, Some(Role::Resource(_)));
        if !data || ended.opened.at() < told.moment.at + SPREAD {
            return;
        }
        let Some(answer) = ended.by_backend() else {
            return;
        };
        ledger.occasion(&ENFORCED);
        let wrong = if is_success(answer.status) || answer.status == 304 {
            Some((
                "data",
                "the backend answers data requests although its kill-switch is on",
            ))
        } else {
            (answer.status != refusal && !is_excused(&ended, scene)).then_some((
                "refusal",
                "the backend refuses data during maintenance otherwise than agreed",
            ))
        };
        if let Some((kind, message)) = wrong {
            let Told {
                moment, exchange, ..
            } = told;
            ledger.breach(
                &ENFORCED,
                Breach {
                    kind: kind.to_owned(),
                    message: message.to_owned(),
                    expected: format!("data requests are refused with {refusal}"),
                    observed: format!(
                        "{} {} was answered with {}",
                        ended.request.method, ended.request.target, answer.status
                    ),
                    evidence: vec![moment.id, ended.opened.id(), entry.id],
                    exchanges: vec![exchange, answer.exchange],
                    ..Breach::default()
                },
            );
        }
    }
}
