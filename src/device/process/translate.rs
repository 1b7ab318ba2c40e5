//! Between the words of the app and those of the transports.

use crate::app::{Answer, DisconnectReason, Event, RequestFailure, RequestId, SocketEvent};
use crate::device::http::Outcome;
use crate::device::socket::News;
use crate::domain::contract::{SocketClient, TransportName};
use crate::protocol::client::{
    self, AckOutcome, Backoff, ConnectError, Options, Reconnection, Transport,
};

/// How a request ended, as the app hears it.
pub(super) fn outcome(request: RequestId, outcome: Outcome) -> Event {
    let failure = match outcome {
        Outcome::Answered(answer) => {
            let answer = Answer {
                status: answer.status,
                headers: answer.headers,
                body: answer.body,
            };
            return Event::Answered { request, answer };
        }
        Outcome::NotSent { why } => RequestFailure::NotSent(why),
        Outcome::Broken { why } => RequestFailure::Broken(why),
        Outcome::Switched(_) => RequestFailure::Broken("it became something else".to_owned()),
        Outcome::TimedOut => RequestFailure::TimedOut,
    };
    Event::RequestFailed { request, failure }
}

/// What a socket has to say, as the app hears it; nothing of what it need not know.
pub(super) fn news(news: News) -> Option<SocketEvent> {
    let event = match news {
        News::AuthWanted { namespace } => return Some(SocketEvent::AuthWanted { namespace }),
        News::Event(event) => event,
    };
    Some(match event {
        client::Event::Connected {
            namespace,
            recovered,
            transport,
            ..
        } => SocketEvent::Connected {
            namespace,
            recovered,
            transport: transport_name(transport),
        },
        client::Event::Upgraded { transport } => SocketEvent::Upgraded {
            transport: transport_name(transport),
        },
        client::Event::Received {
            namespace,
            name,
            args,
            ..
        } => SocketEvent::Received {
            namespace,
            name,
            args: args.values,
        },
        client::Event::Ack {
            token,
            outcome: AckOutcome::Answered(args),
            ..
        } => SocketEvent::Acked {
            token,
            args: args.values,
        },
        client::Event::ConnectError { namespace, error } => connect_error(namespace, error),
        client::Event::Disconnected { namespace, reason } => SocketEvent::Disconnected {
            namespace,
            reason: disconnect_reason(reason),
        },
        client::Event::Ack { .. }
        | client::Event::UpgradeFailed
        | client::Event::ReconnectScheduled { .. }
        | client::Event::ReconnectAttempt { .. }
        | client::Event::Reconnected { .. }
        | client::Event::ReconnectFailed => return None,
    })
}

fn connect_error(namespace: String, error: ConnectError) -> SocketEvent {
    let why = match error {
        ConnectError::Refused(refusal) => {
            return SocketEvent::Refused {
                namespace,
                message: refusal.message,
                data: refusal.data,
            };
        }
        ConnectError::Transport(transport) => format!("{} error", transport.name()),
        ConnectError::Timeout => "timeout".to_owned(),
        ConnectError::OldServer => "the server speaks an older protocol".to_owned(),
    };
    SocketEvent::ConnectFailed { why }
}

/// How a socket connects.
pub(super) fn options(
    path: String,
    query: Vec<(String, String)>,
    client: &SocketClient,
    seed: u64,
) -> Options {
    let transport = |name: &TransportName| match name {
        TransportName::Polling => Transport::Polling,
        TransportName::Websocket => Transport::WebSocket,
    };
    Options {
        path,
        query,
        transports: client.transports.iter().map(transport).collect(),
        upgrade: client.upgrade,
        remember_upgrade: client.remember_upgrade,
        try_all_transports: client.try_all_transports,
        connect_timeout: Some(client.timeout),
        reconnection: Reconnection {
            backoff: Backoff {
                min: client.delay,
                max: client.delay_max,
                jitter: client.jitter,
                ..Backoff::default()
            },
            ..Reconnection::default()
        },
        seed,
        ..Options::default()
    }
}

fn transport_name(transport: Transport) -> TransportName {
    match transport {
        Transport::Polling => TransportName::Polling,
        Transport::WebSocket => TransportName::Websocket,
    }
}

fn disconnect_reason(reason: client::DisconnectReason) -> DisconnectReason {
    match reason {
        client::DisconnectReason::TransportClose => DisconnectReason::TransportClose,
        client::DisconnectReason::TransportError => DisconnectReason::TransportError,
        client::DisconnectReason::PingTimeout => DisconnectReason::PingTimeout,
        client::DisconnectReason::ParseError => DisconnectReason::ParseError,
        client::DisconnectReason::IoServerDisconnect => DisconnectReason::IoServerDisconnect,
        client::DisconnectReason::IoClientDisconnect | client::DisconnectReason::ForcedClose => {
            DisconnectReason::IoClientDisconnect
        }
    }
}
