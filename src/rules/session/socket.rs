//! SESSION-2 and -3: how the live feed is authenticated.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::domain::contract::{Reason, Role, Token};
use crate::domain::duration::show;
use crate::domain::journal::{Content, Direction, Fact, Frame, Request};
use crate::rules::context::{Connect, Context};
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
    /// The feed's handshakes and polls have no token in the query, and its CONNECT has the token
    /// where the contract says it stands.
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
    /// The token of each CONNECT is the one handed out last, and no token is sent a third time
    /// after the server refused it for the token: by the contract's `realtime.refused-by`, else by
    /// words that name it. What was refused for something else, or for nobody knows what, does not
    /// count; nor does a token that had ended when it was handed out or does not say when
    /// it ends.
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
/// Why it cannot be told whether a refused token was sent again.
const UNCLEAR: &str = "CONNECT was refused again and again, and neither the refusal nor the \
    contract's `realtime.refused-by` says whether it was for the token";

#[derive(Default)]
pub(super) struct SocketToken {
    /// The token of the last CONNECT on each socket.
    sent: BTreeMap<u64, String>,
    /// The token that was refused last, and how often.
    refused: Option<(String, u32)>,
    /// How often a CONNECT was refused without saying why.
    unclear: u32,
}

impl Rule for SocketToken {
    fn see(&mut self, context: &Context<'_>) {
        if let Some(request) = context.request()
            && request.role == Some(Role::Realtime)
        {
            context.exercised(&IN_QUERY);
            judge_query(request, context);
        }
        if let Some(connect) = context.feed_connect()
            && context.feed_takes_token()
        {
            judge_payload(&connect, context);
            self.connect(&connect, context);
        }
        match &context.entry.fact {
            Fact::Frame {
                socket,
                direction: Direction::Down,
                packet,
                ..
            } => match packet {
                Frame::ConnectError { namespace, payload } if context.is_feed(namespace) => {
                    self.refused(*socket, payload, context);
                }
                Frame::Connect { namespace, .. } if context.is_feed(namespace) => {
                    self.refused = None;
                }
                _ => {}
            },
            Fact::SocketClosed { socket, .. } => {
                self.sent.remove(socket);
            }
            _ => {}
        }
    }
}

impl SocketToken {
    /// A CONNECT was refused: for its token, or for something that no token helps against.
    fn refused(&mut self, socket: u64, payload: &Content, context: &Context<'_>) {
        let feed = context.contract.realtime.as_ref();
        match feed.map(|feed| feed.refusal(payload.json())) {
            Some(Reason::Token) => {}
            Some(Reason::Unclear) => {
                self.unclear += 1;
                if self.unclear >= REFUSALS {
                    context.unable(&CURRENT, UNCLEAR);
                }
                return;
            }
            _ => return,
        }
        if let Some(token) = self.sent.get(&socket) {
            let before = match &self.refused {
                Some((own, times)) if own == token => *times,
                _ => 0,
            };
            self.refused = Some((token.clone(), before + 1));
        }
    }

    fn connect(&mut self, connect: &Connect<'_>, context: &Context<'_>) {
        let Some(label) = labels::in_content(connect.payload).map(labels::bare) else {
            return;
        };
        context.exercised(&CURRENT);
        self.sent.insert(connect.socket, label.to_owned());
        if let Some((refused, times)) = &self.refused
            && refused == label
            && *times >= REFUSALS
            && !is_dead(refused, context)
        {
            context.violated(
                &CURRENT,
                Violation::new("the app keeps sending a token that the server refused")
                    .expected("a refresh, or no further attempt, after a refusal")
                    .observed(format!("‹{label}› sent again after {times} refusals"))
                    .evidence([context.entry.id]),
            );
        }
        if let Some(current) = successor(label, context) {
            let age = context.entry.at - current.issued.at;
            context.violated(
                &CURRENT,
                Violation::new("the socket connects with an outdated token")
                    .expected(format!(
                        "CONNECT with ‹{}›, handed out {} before",
                        current.label,
                        show(age)
                    ))
                    .observed(format!("CONNECT with ‹{label}›"))
                    .evidence([current.issued.id, context.entry.id]),
            );
        }
    }
}

/// The token that this process was handed out after this one, and has had the time to use.
pub(super) fn successor<'a>(label: &str, context: &'a Context<'_>) -> Option<&'a Issued> {
    let current = context.session.current()?;
    let renewed = context.session.renewed?;
    let sent = context.session.token(label)?;
    let outdated = current.label != label && sent.issued.id < current.issued.id;
    // A renewal whose answer did not reach the client does not count.
    let settled =
        renewed.at + TURNOVER < context.entry.at && current.issued.at <= renewed.at + NOTICED;
    (outdated && settled && context.world.same_process_since(renewed.id)).then_some(current)
}

/// Whether a token was worth nothing when it was handed out: it had ended, or does not say when it
/// ends although the contract has tokens that do. A client can then do nothing with any other.
fn is_dead(label: &str, context: &Context<'_>) -> bool {
    let ends_known = matches!(context.contract.session.token, Token::Jwt(_));
    let token = context.session.token(label);
    token.is_some_and(|token| token.is_over() || ends_known && token.ends.is_none())
}

fn judge_query(request: &Request, context: &Context<'_>) {
    let query = request.target.split_once('?').map(|(_, query)| query);
    let Some(label) = query.and_then(labels::first) else {
        return;
    };
    context.violated(
        &IN_QUERY,
        Violation::new(format!(
            "{label} stands in the query of the socket's requests"
        ))
        .kind("token outside CONNECT")
        .expected("the token in CONNECT's payload, and nowhere in a URL")
        .observed(request.target.as_str())
        .evidence([context.entry.id])
        .exchanges([request.exchange]),
    );
}

fn judge_payload(connect: &Connect<'_>, context: &Context<'_>) {
    let Some(feed) = &context.contract.realtime else {
        return;
    };
    if !context.session.open || carries(&feed.auth.0, connect.payload.json()) {
        return;
    }
    context.violated(
        &IN_QUERY,
        Violation::new("the socket's CONNECT does not carry the access token")
            .kind("token outside CONNECT")
            .expected("the access token in CONNECT's payload, where the contract says it stands")
            .observed("a CONNECT without it although a session is open")
            .evidence([context.entry.id]),
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
