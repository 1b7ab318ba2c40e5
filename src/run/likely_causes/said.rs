//! The likeliest cause of an expectation that failed, in a sentence, and whose it is.
//!
//! Only what stands in the journal counts. Where nothing there says why, the expectation itself may
//! have come too early, and nobody is blamed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::change::Change;
use crate::domain::contract::{Contract, Role};
use crate::domain::duration::show;
use crate::domain::journal::{
    Answer, Answerer, Direction, Entry, Fact, Frame, LossReason, Request, Sender, is_success,
};

/// How long an answer may take until it is said to be slow.
const SLOW: Duration = Duration::from_secs(3);
/// How long a joined socket is heard until it is said to be silent.
const SILENT: Duration = Duration::from_secs(15);
/// How much sooner than the server's own time a client may give it up.
const PING_SLACK: Duration = Duration::from_millis(500);

/// The likeliest cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::run) struct Cause {
    /// In a sentence without its full stop.
    pub(in crate::run) words: String,
}

/// What is known about a step when it failed.
pub(in crate::run) struct Circumstances<'a> {
    pub(in crate::run) contract: &'a Contract,
    /// Whether somebody was just told to sign in with a wrong password.
    pub(in crate::run) wrong_password: bool,
    /// Whether something is expected to come by the live feed.
    pub(in crate::run) awaits_feed: bool,
    /// When the expectation failed.
    pub(in crate::run) now: Duration,
}

/// What is gathered from the entries.
#[derive(Default)]
struct Seen<'a> {
    asked: BTreeMap<u64, (&'a Entry, &'a Request)>,
    refresh_refused: Option<u16>,
    signed_in: bool,
    feed_refused: Option<String>,
    failed: Option<String>,
    slow: Option<String>,
    /// What is wrong with the last answer for each resource, whenever it came: an app that was answered
    /// so leaves the resource alone for a while.
    unread: BTreeMap<&'a str, String>,
    /// Whether the last answer of the switch, by the backend, says *blocked*.
    told: Option<bool>,
    /// How the lever stands, as the backend was told itself.
    lever: Option<bool>,
    joined: BTreeSet<u64>,
    heard: Option<Duration>,
    joined_at: Option<Duration>,
    /// When the server last sent a ping, and how long it may be until the next, by its handshake.
    pinged: Option<(Duration, Duration)>,
    /// For how long no ping had come when a socket was closed for it.
    unpinged: Option<Duration>,
}

/// The likeliest cause among these entries, of which the last are about the step itself.
pub(in crate::run) fn likeliest<'a>(
    entries: impl Iterator<Item = &'a Entry>,
    since: u64,
    of: &Circumstances<'_>,
) -> Option<Cause> {
    let mut seen = Seen::default();
    for entry in entries {
        seen.take(entry, entry.id.0 >= since, of.contract);
    }
    seen.cause(of).map(|words| Cause { words })
}

impl<'a> Seen<'a> {
    fn take(&mut self, entry: &'a Entry, is_recent: bool, contract: &Contract) {
        match &entry.fact {
            Fact::Request(request) if request.sender == Sender::Client => {
                self.asked.insert(request.exchange, (entry, request));
            }
            Fact::Answer(answer) => self.answered(entry, answer, is_recent, contract),
            Fact::Lost { exchange, reason } => {
                if let Some((_, request)) = self.asked.remove(exchange)
                    && let LossReason::Upstream { detail } = reason
                    && is_recent
                {
                    self.failed = Some(format!("{} was not answered: {detail}", request.line()));
                }
            }
            Fact::Frame {
                socket,
                direction: Direction::Down,
                packet,
                ..
            } => self.heard(entry, *socket, packet, is_recent),
            Fact::SocketClosed { socket, .. } => {
                let was_joined = self.joined.remove(socket) && is_recent;
                self.unpinged = self.without_ping(entry.at).filter(|_| was_joined);
            }
            fact => {
                if let Some(Change::Maintenance(on)) = fact.change() {
                    self.lever = Some(*on);
                    self.told = None;
                }
            }
        }
    }

    fn answered(
        &mut self,
        entry: &'a Entry,
        answer: &Answer,
        is_recent: bool,
        contract: &Contract,
    ) {
        let Some((asked, request)) = self.asked.remove(&answer.exchange) else {
            return;
        };
        if request.role == Some(Role::Status)
            && answer.from == Answerer::Backend
            && let Some(switch) = &contract.kill_switch
        {
            self.told = answer.blocks(switch);
        }
        if answer.from != Answerer::Backend {
            return;
        }
        let wrong = wrong(request, answer);
        if let Some(Role::Resource(name)) = &request.role {
            match &wrong {
                Some(words) => self.unread.insert(name, words.clone()),
                None => self.unread.remove(name.as_str()),
            };
        }
        if !is_recent {
            return;
        }
        let line = || format!("{} was answered with {}", request.line(), answer.status);
        let took = entry.at - asked.at;
        if took >= SLOW && request.role != Some(Role::Realtime) {
            let line = request.line();
            self.slow = Some(format!("{line} was answered after {}", show(took)));
        }
        match request.role {
            Some(Role::Refresh) if answer.status >= 400 => {
                self.refresh_refused = Some(answer.status);
            }
            Some(Role::SignIn) if is_success(answer.status) => self.signed_in = true,
            Some(Role::Realtime) if answer.status >= 400 => self.feed_refused = Some(line()),
            _ if wrong.is_some() => self.failed = wrong,
            _ => {}
        }
    }

    fn heard(&mut self, entry: &Entry, socket: u64, packet: &Frame, is_recent: bool) {
        match packet {
            Frame::Open {
                ping_interval,
                ping_timeout,
            } => {
                let patience = ping_interval.saturating_add(*ping_timeout);
                self.pinged = Some((entry.at, Duration::from_millis(patience)));
            }
            Frame::Ping { .. } => {
                self.heard = Some(entry.at);
                if let Some((last, _)) = &mut self.pinged {
                    *last = entry.at;
                }
            }
            Frame::Connect { .. } => {
                self.joined.insert(socket);
                self.joined_at = Some(entry.at);
            }
            Frame::Event { .. } => self.heard = Some(entry.at),
            Frame::ConnectError { payload, .. } if is_recent => {
                let message = payload.json().and_then(|own| own.get("message")?.as_str());
                let why = message.map_or(String::new(), |why| format!(" with `{why}`"));
                self.feed_refused = Some(format!("CONNECT to the feed was refused{why}"));
            }
            Frame::Disconnect { .. } => {
                self.joined.remove(&socket);
            }
            _ => {}
        }
    }

    /// The plainest first: what names the step's own matter goes before what only happened too.
    fn cause(&self, of: &Circumstances<'_>) -> Option<String> {
        if of.wrong_password && self.signed_in {
            return Some("the backend accepted a wrong password".to_owned());
        }
        if let (Some(lever), Some(told)) = (self.lever, self.told)
            && lever != told
        {
            let (set, says) = if lever { ("on", "off") } else { ("off", "on") };
            return Some(format!(
                "the backend's kill-switch was set {set} and still says that it is {says}"
            ));
        }
        if let Some(status) = self.refresh_refused {
            return Some(format!(
                "a refresh of the session was refused with {status}"
            ));
        }
        let overdue = self.asked.values().find(|(entry, request)| {
            request.role != Some(Role::Realtime) && of.now.saturating_sub(entry.at) >= SLOW
        });
        self.feed_refused
            .clone()
            .or_else(|| self.failed.clone())
            .or_else(|| {
                let (entry, request) = overdue?;
                let waited = show(of.now.saturating_sub(entry.at));
                Some(format!(
                    "{} has not been answered for {waited}",
                    request.line()
                ))
            })
            .or_else(|| self.unread.values().next().cloned())
            .or_else(|| self.slow.clone())
            .or_else(|| self.silent(of))
    }

    /// A feed that is joined, from which nothing has come for long.
    fn silent(&self, of: &Circumstances<'_>) -> Option<String> {
        let limit = SILENT.min(of.contract.stale_after);
        // The client may have given the socket up before the gateway has seen it.
        let goes_on = self
            .without_ping(of.now)
            .filter(|_| !self.joined.is_empty());
        if let Some(silence) = self.unpinged.or(goes_on).filter(|_| of.awaits_feed) {
            return Some(format!("the server sent no ping for {}", show(silence)));
        }
        let silence = self.silence(of.now)?;
        let is_silent = of.awaits_feed && !self.joined.is_empty() && silence >= limit;
        is_silent.then(|| format!("the joined feed brought nothing for {}", show(silence)))
    }

    /// For how long no ping has come, if that is for as long as the server said itself.
    fn without_ping(&self, now: Duration) -> Option<Duration> {
        let (last, patience) = self.pinged?;
        let silence = now.saturating_sub(last);
        (silence + PING_SLACK >= patience).then_some(silence)
    }

    /// For how long nothing has come by the feed.
    fn silence(&self, now: Duration) -> Option<Duration> {
        let since = self.heard.max(self.joined_at)?;
        Some(now.saturating_sub(since))
    }
}

/// What is wrong with an answer that brings no data, in words.
fn wrong(request: &Request, answer: &Answer) -> Option<String> {
    let line = || format!("{} was answered with {}", request.line(), answer.status);
    let is_called = request.role.is_some() && request.role != Some(Role::Realtime);
    match answer.status {
        500.. => Some(line()),
        301 | 302 | 303 | 307 | 308 if is_called => Some(line()),
        _ if is_called && answer.is_page() => Some(format!("{}, a page instead of data", line())),
        401 => None,
        400.. if is_called => Some(line()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::contract::harbour::harbour;
    use crate::domain::journal::EntryId;

    /// The likeliest cause among these facts, a second apart, five seconds after the last.
    fn cause(facts: &[Value], wrong_password: bool) -> Option<String> {
        cause_since(0, facts, wrong_password)
    }

    fn cause_since(since: u64, facts: &[Value], wrong_password: bool) -> Option<String> {
        let entries: Vec<Entry> = (1..)
            .zip(facts)
            .map(|(id, fact)| Entry {
                id: EntryId(id),
                at: Duration::from_secs(id),
                device: None,
                fact: serde_json::from_value(fact.clone()).unwrap(),
            })
            .collect();
        let contract = harbour();
        let circumstances = Circumstances {
            contract: &contract,
            wrong_password,
            awaits_feed: true,
            now: Duration::from_secs(facts.len() as u64 + 5),
        };
        likeliest(entries.iter(), since, &circumstances).map(|cause| cause.words)
    }

    fn asked(role: &str, target: &str) -> Value {
        json!({"request": {"exchange": 1, "sender": "client", "service": "gate", "method": "POST", "target": target,
            "host": "gate.example", "headers": [], "role": role, "judgement": {"class": "allowed", "reason": "declared"}}})
    }

    fn answered(status: u16, body: &Value) -> Value {
        json!({"answer": {"exchange": 1, "status": status, "headers": [], "from": "backend",
            "body": {"json": {"value": body, "bytes": 9}}}})
    }

    #[test]
    fn what_the_backend_did_is_said_in_a_sentence() {
        let nothing = json!({});
        let refresh = [asked("refresh", "/renew"), answered(401, &nothing)];
        assert_eq!(
            cause(&refresh, false).unwrap(),
            "a refresh of the session was refused with 401"
        );
        let signed_in = [asked("sign-in", "/board"), answered(200, &nothing)];
        assert_eq!(
            cause(&signed_in, true).unwrap(),
            "the backend accepted a wrong password"
        );
        let feed = [asked("realtime", "/wire/"), answered(403, &nothing)];
        assert_eq!(
            cause(&feed, false).unwrap(),
            "POST gate /wire/ was answered with 403"
        );
        let lever =
            json!({"harness": {"changed": {"change": {"maintenance": false}, "how": "http"}}});
        let closed = json!({"harbour": "closed"});
        let switch = [lever, asked("status", "/beacon"), answered(200, &closed)];
        assert_eq!(
            cause(&switch, false).unwrap(),
            "the backend's kill-switch was set off and still says that it is on"
        );
        let slow = cause(&[asked("status", "/beacon")], false).unwrap();
        assert!(slow.contains("has not been answered for 5s"), "{slow}");
    }

    #[test]
    fn what_was_last_answered_for_a_resource_counts_whenever_it_came() {
        let role = json!({"resource": "ships"});
        let request = || {
            let mut asked = asked("status", "/v2/ships");
            asked["request"]["role"] = role.clone();
            asked
        };
        let refused = [request(), answered(404, &json!({}))];
        let long_after = cause_since(99, &refused, false).unwrap();
        assert_eq!(long_after, "POST gate /v2/ships was answered with 404");
        let good = json!({"ships": []});
        let then_well = [&refused[..], &[request(), answered(200, &good)]].concat();
        assert_eq!(cause_since(99, &then_well, false), None);
    }

    #[test]
    fn where_nothing_says_why_nothing_is_said() {
        let well = [
            asked("sign-in", "/board"),
            answered(200, &json!({"pass": "‹access-1›"})),
        ];
        assert_eq!(cause(&well, false), None);
        assert_eq!(cause(&[], false), None);
    }
}
