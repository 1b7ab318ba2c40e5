//! SESSION-2 and -3: how the live feed is authenticated.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::domain::contract::{Realtime, Role, Token};
use crate::domain::duration::show;
use crate::domain::journal::{Content, Direction, Entry, Fact, Frame};
use crate::rules::context::Context;
use crate::rules::labels;
use crate::rules::rule::{Rule, rule};
use crate::rules::state::Token as Issued;
use crate::rules::violation::Violation;

rule! {
    /// The socket's token travels in the CONNECT payload, not in the query
    ///
    /// # Why
    /// The query of the Engine.IO requests is logged like any URL and is fixed when the manager is
    /// made, so it also goes stale. CONNECT's payload is neither.
    ///
    /// # How it is judged
    /// Judged on the feed's handshakes and polls (no token in the query) and on its CONNECT (the
    /// token where the contract says it stands).
    ///
    /// # How to keep it
    /// Give `socket.io-client` the token by `auth: (send) => send({ token })`, never by `query`.
    ///
    /// # Source
    /// Socket.IO client options (`auth` against `query`); RFC 9700 §4.3.2
    pub(super) IN_QUERY: "SESSION-2", App, from [Wire],
        needs [Feed],
        set by ["realtime.auth"]
}

rule! {
    /// Every connect uses the current token, and a refused one is not sent again and again
    ///
    /// # Why
    /// A token captured when the socket was made is sent for ever, so the first reconnect after its
    /// expiry is refused, and so is each one after it.
    ///
    /// # How it is judged
    /// Judged on each CONNECT: its token is the one handed out last, and no token is sent a third
    /// time after the server refused it, unless it had ended when it was handed out or does not say
    /// when it ends.
    ///
    /// # How to keep it
    /// Evaluate the token in the `auth` function at each connect; on `connect_error` refresh before
    /// connecting again.
    ///
    /// # Source
    /// seen as an endless loop in public issues of socket.io-client
    pub(super) CURRENT: "SESSION-3", App, from [Wire],
        needs [Feed],
        set by ["realtime.auth"]
}

/// How long a client that has just received a token may still be seen to use the one before: its
/// answer and the client's CONNECT may cross.
const TURNOVER: Duration = Duration::from_secs(1);
/// How much later than the renewal's answer its token may be noticed.
const NOTICED: Duration = Duration::from_secs(5);
/// How often a refused token may be sent until it is a loop.
const REFUSALS: u32 = 3;

#[derive(Default)]
pub(super) struct SocketToken {
    /// The token of the last CONNECT on each socket.
    sent: BTreeMap<u64, String>,
    /// The token that was refused last, and how often.
    refused: Option<(String, u32)>,
}

impl Rule for SocketToken {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        let Some(feed) = &context.contract.realtime else {
            context.unable(&IN_QUERY, "the contract has no live feed");
            context.unable(&CURRENT, "the contract has no live feed");
            return;
        };
        if let Some(request) = context.request()
            && request.role == Some(Role::Realtime)
        {
            context.exercised(&IN_QUERY);
            let query = request
                .target
                .split_once('?')
                .map_or("", |(_, query)| query);
            if let Some(label) = labels::first(query) {
                in_query(entry, request.exchange, label, &request.target, context);
            }
        }
        if let Some((socket, Frame::Connect { namespace, payload })) = context.packet_up()
            && *namespace == feed.namespace
        {
            self.connect(entry, socket, payload, feed, context);
        }
        match &entry.fact {
            Fact::Frame {
                socket,
                direction: Direction::Down,
                packet: Frame::ConnectError { namespace, .. },
                ..
            } if *namespace == feed.namespace => {
                if let Some(token) = self.sent.get(socket) {
                    let before = match &self.refused {
                        Some((own, times)) if own == token => *times,
                        _ => 0,
                    };
                    self.refused = Some((token.clone(), before + 1));
                }
            }
            Fact::Frame {
                direction: Direction::Down,
                packet: Frame::Connect { namespace, .. },
                ..
            } if *namespace == feed.namespace => self.refused = None,
            Fact::SocketClosed { socket, .. } => {
                self.sent.remove(socket);
            }
            _ => {}
        }
    }
}

impl SocketToken {
    fn connect(
        &mut self,
        entry: &Arc<Entry>,
        socket: u64,
        payload: &Content,
        feed: &Realtime,
        context: &Context<'_>,
    ) {
        let wants_token = feed.auth.names().iter().any(|name| name == "access-token");
        if !wants_token {
            return;
        }
        if context.session.open && !carries(&feed.auth.0, payload.json()) {
            context.violated(
                &IN_QUERY,
                Violation::new("the socket's CONNECT does not carry the access token")
                    .kind("token outside CONNECT")
                    .expected(
                        "the access token in CONNECT's payload, where the contract says it stands",
                    )
                    .observed("a CONNECT without it although a session is open")
                    .evidence([entry.id]),
            );
        }
        let Some(label) = labels::in_content(payload).map(labels::bare) else {
            return;
        };
        context.exercised(&CURRENT);
        self.sent.insert(socket, label.to_owned());
        if let Some((refused, times)) = &self.refused
            && refused == label
            && *times >= REFUSALS
            && !is_dead(refused, context)
        {
            context.violated(
                &CURRENT,
                Violation::new("the app keeps sending a token that the server refused")
                    .kind("refused token")
                    .expected("a refresh, or no further attempt, after a refusal")
                    .observed(format!("‹{label}› sent again after {times} refusals"))
                    .evidence([entry.id]),
            );
        }
        let (Some(current), Some(renewed)) = (context.session.current(), context.session.renewed)
        else {
            return;
        };
        let outdated = current.label != label
            && context
                .session
                .token(label)
                .is_some_and(|own| own.issued.id < current.issued.id);
        // A renewal whose answer did not reach the client does not count.
        let settled = renewed.at + TURNOVER < entry.at && current.issued.at <= renewed.at + NOTICED;
        if outdated && settled && context.world.same_process_since(renewed.id) {
            context.violated(
                &CURRENT,
                Violation::new("the socket connects with an outdated token")
                    .kind("outdated token")
                    .expected(format!(
                        "CONNECT with ‹{}›, handed out {} before",
                        current.label,
                        show(entry.at - current.issued.at)
                    ))
                    .observed(format!("CONNECT with ‹{label}›"))
                    .evidence([current.issued.id, entry.id]),
            );
        }
    }
}

/// Whether a token was worth nothing when it was handed out: it had ended, or does not say when it
/// ends although the contract has tokens that do. A client can then do nothing with any other.
fn is_dead(label: &str, context: &Context<'_>) -> bool {
    let (Some(token), Token::Jwt(_)) = (
        context.session.token(label),
        &context.contract.session.token,
    ) else {
        return context.session.token(label).is_some_and(Issued::is_over);
    };
    token.ends.is_none() || token.is_over()
}

fn in_query(entry: &Arc<Entry>, exchange: u64, label: &str, target: &str, context: &Context<'_>) {
    context.violated(
        &IN_QUERY,
        Violation::new(format!(
            "{label} stands in the query of the socket's requests"
        ))
        .kind("token outside CONNECT")
        .expected("the token in CONNECT's payload, and nowhere in a URL")
        .observed(target.to_owned())
        .evidence([entry.id])
        .exchanges([exchange]),
    );
}

/// Whether a payload has something at each place where the template has the access token.
fn carries(template: &Value, payload: Option<&Value>) -> bool {
    match template {
        Value::String(text) if text.contains("{access-token}") => payload
            .and_then(Value::as_str)
            .is_some_and(|text| !text.is_empty()),
        Value::Object(fields) => fields
            .iter()
            .all(|(key, field)| carries(field, payload.and_then(|payload| payload.get(key)))),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .all(|(at, item)| carries(item, payload.and_then(|payload| payload.get(at)))),
        _ => true,
    }
}
