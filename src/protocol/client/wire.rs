//! What the engines of one client share: the queues of outputs and of signals, the numbering of requests and
//! sockets, the URLs.

use std::collections::VecDeque;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{DisconnectReason, Options, Output, RequestId, SocketId, Transport};

/// What `encodeURIComponent` escapes.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// What an engine tells its client.
#[derive(Debug)]
pub(super) enum Signal {
    /// The session is open; the client answers with `Engine::after_open`.
    Open,
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(bytes::Bytes),
    /// The session has moved to WebSocket.
    Upgraded,
    /// It stays on polling.
    UpgradeFailed,
    /// The transport failed; `Closed` follows.
    Failed(Transport),
    /// The session is over.
    Closed(DisconnectReason),
}

/// The queues and counters that outlive one engine.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) outputs: VecDeque<Output>,
    /// Polls and probes that are to follow the CONNECT whose auth payload is still awaited.
    behind_auth: VecDeque<Output>,
    /// How many auth payloads are awaited.
    pub(super) auth_wanted: usize,
    /// What engines have told their client, each by its number.
    pub(super) signals: VecDeque<(u64, Signal)>,
    pub(super) rng: fastrand::Rng,
    /// Whether a WebSocket has worked and nothing has failed since; what `remember_upgrade` remembers.
    pub(super) websocket_worked: bool,
    requests: u64,
    sockets: u64,
}

impl Wire {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            outputs: VecDeque::new(),
            behind_auth: VecDeque::new(),
            auth_wanted: 0,
            signals: VecDeque::new(),
            rng: fastrand::Rng::with_seed(seed),
            websocket_worked: false,
            requests: 0,
            sockets: 0,
        }
    }

    /// The real client evaluates auth and posts its CONNECT before it polls again. Here auth is evaluated by the
    /// caller, so what belongs behind the CONNECT waits until the payload has come or the caller has moved on.
    pub(super) fn release(&mut self) {
        self.auth_wanted = 0;
        self.outputs.append(&mut self.behind_auth);
    }

    pub(super) fn next_output(&mut self) -> Option<Output> {
        if self.outputs.is_empty() && self.auth_wanted == 0 {
            return self.behind_auth.pop_front();
        }
        self.outputs.pop_front()
    }

    pub(super) fn poll(&mut self, options: &Options, sid: Option<&str>) -> RequestId {
        let (request, target) = (self.request(), self.polling_target(options, sid));
        self.push_holdable(Output::Poll { request, target });
        request
    }

    pub(super) fn post(&mut self, options: &Options, sid: Option<&str>, body: String) -> RequestId {
        let (request, target) = (self.request(), self.polling_target(options, sid));
        self.outputs.push_back(Output::Post {
            request,
            target,
            body,
        });
        request
    }

    pub(super) fn open_socket(&mut self, options: &Options, sid: Option<&str>) -> SocketId {
        let socket = SocketId(self.sockets);
        self.sockets += 1;
        let mut target = base_target(options, Transport::WebSocket);
        push_session(&mut target, sid);
        self.push_holdable(Output::OpenWs { socket, target });
        socket
    }

    fn push_holdable(&mut self, output: Output) {
        if self.auth_wanted > 0 {
            self.behind_auth.push_back(output);
        } else {
            self.outputs.push_back(output);
        }
    }

    fn request(&mut self) -> RequestId {
        let request = RequestId(self.requests);
        self.requests += 1;
        request
    }

    /// The session comes behind the cache-busting parameter, since the real client learns it later.
    fn polling_target(&mut self, options: &Options, sid: Option<&str>) -> String {
        let mut target = base_target(options, Transport::Polling);
        target.push_str("&t=");
        for _ in 0..8 {
            target.push(self.rng.digit(36));
        }
        push_session(&mut target, sid);
        target
    }
}

fn base_target(options: &Options, transport: Transport) -> String {
    let path = options.path.strip_suffix('/').unwrap_or(&options.path);
    let mut target = format!("{path}/?");
    for (key, value) in &options.query {
        let key = utf8_percent_encode(key, ESCAPED);
        let value = utf8_percent_encode(value, ESCAPED);
        target.push_str(&format!("{key}={value}&"));
    }
    target.push_str("EIO=4&transport=");
    target.push_str(transport.name());
    target
}

fn push_session(target: &mut String, sid: Option<&str>) {
    if let Some(sid) = sid {
        target.push_str("&sid=");
        target.extend(utf8_percent_encode(sid, ESCAPED));
    }
}
