//! The least contract that a gateway needs to know the server's live feed.

use std::time::Duration;

use rehearsal::internals::domain::contract::{
    Body, Contract, Operation, Promises, Queries, Realtime, Retry, Scope, Service, Session,
    SessionRequest, SocketClient, Token, TokenAnswer, TokenChecked, TrafficFloor,
};
use rehearsal::internals::domain::selector::{Selector, Template};
use serde_json::json;

/// The name of the one service.
pub(super) const SERVICE: &str = "trading";

pub(super) fn contract() -> Contract {
    let second = Duration::from_secs(1);
    Contract {
        name: "Interop".to_owned(),
        services: vec![Service {
            name: SERVICE.to_owned(),
            variable: None,
            base_path: String::new(),
        }],
        request_id: None,
        secrecy: Default::default(),
        session: Session {
            reuse_grace: std::time::Duration::ZERO,
            sign_out_ends_access: false,
            expired_by: vec![401],
            other_audience: None,
            user_parameters: Vec::new(),
            rotates: false,
            sign_in: SessionRequest {
                operation: Operation {
                    method: "POST".to_owned(),
                    service: SERVICE.to_owned(),
                    path: "/sign-in".to_owned(),
                    query: Vec::new(),
                    headers: Vec::new(),
                    body: Body::Empty,
                    authorized: false,
                },
                answer: TokenAnswer {
                    access_token: Selector::Pointer("/token".to_owned()),
                    refresh_token: None,
                    expiry: None,
                },
            },
            refresh: None,
            sign_out: None,
            authorize: ("authorization".to_owned(), "{access-token}".to_owned()),
            ended_by: Vec::new(),
            refused_by: Vec::new(),
            refresh_ahead: second,
            token: Token::Opaque,
            identity: None,
        },
        kill_switch: None,
        health: Vec::new(),
        promises: Promises::default(),
        resources: Vec::new(),
        screens: Vec::new(),
        realtime: Some(Realtime {
            service: SERVICE.to_owned(),
            path: "/socket.io/".to_owned(),
            namespace: super::TRADING.to_owned(),
            auth: Template(json!({"token": "{access-token}"})),
            query: Vec::new(),
            client: SocketClient::default(),
            subscribe: Vec::new(),
            events: Vec::new(),
            live_within: second,
            refused_by: None,
            token_checked: TokenChecked::Expiry,
            renewal: None,
        }),
        polling: None,
        retry: Retry {
            attempts: 1,
            delay: second,
            delay_max: second,
            jitter: 0.0,
        },
        request_timeout: second,
        stale_after: second,
        limits: Vec::new(),
        parity: None,
        scope: Scope {
            forbid: Vec::new(),
            allow: Vec::new(),
            allow_emits: vec!["echo".to_owned()],
            forbid_emits: Vec::new(),
            forbid_namespaces: vec!["/admin".to_owned()],
            queries: Queries::Any,
            bodies: Queries::Any,
            reads_needed: false,
            floor: TrafficFloor { requests: 1 },
        },
    }
}
