//! SYNC-9: an Engine.IO session that the server no longer knows is left for a new one.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::{Act, Answer, Entry, EntryId, Fact};
use crate::domain::verdict::Subject;
use crate::rules::ledger::{Breach, Ledger};
use crate::rules::scene::{Moment, Scene, client_request};
use crate::rules::{JudgedFrom, Rule, RuleInfo};

pub(super) static UNKNOWN_SESSION: RuleInfo = RuleInfo {
    id: "SYNC-9",
    title: "A session id that the server does not know is recovered from",
    subject: Subject::App,
    judged_from: &[JudgedFrom::Wire],
    source: "Engine.IO protocol: error code 1, `Session ID unknown`; Socket.IO troubleshooting (several servers without sticky sessions)",
    explanation: "A restart or a load balancer without sticky sessions leads a long-polling client to a server that has never heard of it: 400 with code 1. The only way on is a new handshake. Judged from that answer: requests that go on with the same session id, and a client that is awake, signed in and not blocked and makes no new handshake within twice the time in which the feed must be live, half a minute at least.",
    fix: "Let the client library reconnect, and do not treat a transport error as final; on the server side use sticky sessions, or WebSocket only.",
    parameters: &["realtime.live_within"],
};

/// How many requests with a dead session show that it is clung to.
const CLINGS: usize = 2;
/// However soon the feed must be live, a client has so long.
const LEAST: Duration = Duration::from_secs(30);
/// How lately an app must have asked for something to be known to be awake.
const LATELY: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(super) struct UnknownSession {
    lost: Option<Lost>,
    asked: Option<Duration>,
}

struct Lost {
    moment: Moment,
    exchange: u64,
    sid: String,
    again: Vec<EntryId>,
    /// From when on it could have been replaced.
    free: Duration,
}

impl Rule for UnknownSession {
    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        if scene.contract.realtime.is_none() {
            ledger.unable(&UNKNOWN_SESSION, "the contract has no live feed");
            return;
        }
        self.overdue(scene, ledger);
        if let Fact::Act(Act::Launch | Act::Kill | Act::SignOut) = &entry.fact {
            self.lost = None;
        }
        if let Some(request) = client_request(entry) {
            if request.is_handshake() {
                self.lost = None;
            } else if request.role == Some(Role::Realtime) {
                self.goes_on(entry, request.query("sid"), ledger);
            } else {
                self.asked = Some(entry.at);
            }
        }
        if let Some(ended) = scene.ended_by_client(entry)
            && ended.request.role == Some(Role::Realtime)
            && ended.answer.is_some_and(is_unknown_session)
            && let Some(sid) = ended.request.query("sid")
            && self.lost.as_ref().is_none_or(|lost| lost.sid != sid)
        {
            ledger.occasion(&UNKNOWN_SESSION);
            self.lost = Some(Lost {
                moment: Moment::of(entry),
                exchange: ended.request.exchange,
                sid: sid.to_owned(),
                again: Vec::new(),
                free: entry.at,
            });
        }
    }

    fn end(&mut self, scene: &Scene, ledger: &mut Ledger) {
        self.overdue(scene, ledger);
    }
}

impl UnknownSession {
    fn goes_on(&mut self, entry: &Entry, sid: Option<&str>, ledger: &mut Ledger) {
        let Some(lost) = self
            .lost
            .as_mut()
            .filter(|lost| Some(lost.sid.as_str()) == sid)
        else {
            return;
        };
        lost.again.push(entry.id);
        if lost.again.len() == CLINGS {
            let observed = format!("{CLINGS} more requests with it");
            let evidence = [lost.moment.id].into_iter().chain(lost.again.clone());
            breach(lost.exchange, evidence.collect(), observed, ledger);
            self.lost = None;
        }
    }

    fn overdue(&mut self, scene: &Scene, ledger: &mut Ledger) {
        let (Some(lost), Some(feed)) = (&mut self.lost, &scene.contract.realtime) else {
            return;
        };
        let free = scene.app_is_awake()
            && scene.session.is_wanted()
            && !scene.may_be_blocked()
            && !scene.world.is_blind();
        if !free {
            lost.free = scene.now;
            return;
        }
        if scene.now <= lost.free + LEAST.max(feed.live_within * 2) {
            return;
        }
        let seen = self.asked.is_some_and(|at| at + LATELY >= scene.now);
        if scene.world.acts_marked || seen {
            let observed = format!("no handshake for {}", show(scene.now - lost.moment.at));
            breach(lost.exchange, vec![lost.moment.id], observed, ledger);
        } else {
            ledger.unable(
                &UNKNOWN_SESSION,
                "no new session was opened, and nobody marked whether the app was in the foreground",
            );
        }
        self.lost = None;
    }
}

fn breach(exchange: u64, evidence: Vec<EntryId>, observed: String, ledger: &mut Ledger) {
    ledger.breach(
        &UNKNOWN_SESSION,
        Breach {
            kind: "not recovered".to_owned(),
            message: "the app does not recover from a session id that the server does not know"
                .to_owned(),
            expected: "a new handshake after 400 with code 1".to_owned(),
            observed,
            evidence,
            exchanges: vec![exchange],
            ..Breach::default()
        },
    );
}

/// Whether an answer is Engine.IO's error 1.
fn is_unknown_session(answer: &Answer) -> bool {
    answer.status == 400
        && answer
            .body
            .json()
            .and_then(|body| body.get("code"))
            .is_some_and(|code| *code == 1)
}
