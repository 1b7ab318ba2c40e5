//! A small contract that has one of everything.

use super::*;
use crate::domain::contract::EventPromise;

pub(super) fn at(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

fn operation(method: &str, service: &str, path: &str, authorized: bool) -> Operation {
    Operation {
        method: method.into(),
        service: service.into(),
        path: path.into(),
        query: vec![],
        headers: vec![],
        body: Body::Empty,
        authorized,
    }
}

fn resource(name: &str, list: bool) -> Resource {
    Resource {
        items: list.then(|| at("/items")),
        key: list.then(|| at("/id")),
        sequence: list.then(|| at("/seq")),
        ..Resource::plain(
            name,
            operation("GET", "trading", &format!("/api/{name}"), true),
        )
    }
}

fn session() -> Session {
    let answer = || TokenAnswer {
        access_token: at("/access"),
        refresh_token: Some(at("/refresh")),
        expiry: Some(Expiry::In(at("/expires_in"))),
    };
    let ask = |path: &str, body: Value| Operation {
        body: Body::Json(Template(body)),
        ..operation("POST", "platform", path, false)
    };
    Session {
        sign_in: SessionRequest {
            operation: ask(
                "/sign-in",
                json!({"user": "{username}", "password": "{password}"}),
            ),
            answer: answer(),
        },
        refresh: Some(SessionRequest {
            operation: ask("/refresh", json!({"token": "{refresh-token}"})),
            answer: answer(),
        }),
        sign_out: Some(ask("/sign-out", json!({"token": "{refresh-token}"}))),
        authorize: ("authorization".into(), "Bearer {access-token}".into()),
        ended_by: vec![401],
        refused_by: vec![401],
        refresh_ahead: seconds(60),
        token: Token::Opaque,
        identity: None,
        reuse_grace: Duration::ZERO,
        rotates: false,
        sign_out_ends_access: false,
        expired_by: vec![401],
        other_audience: None,
        user_parameters: Vec::new(),
    }
}

fn event(name: &str, updates: &str, apply: Apply) -> EventRule {
    EventRule {
        name: name.into(),
        updates: Some(updates.into()),
        apply,
        items: None,
        removed: None,
        into: None,
        key: None,
        sequence: (apply == Apply::Merge).then(|| at("/seq")),
        schema: None,
        promise: EventPromise::default(),
    }
}

fn kill_switch() -> KillSwitch {
    KillSwitch {
        operation: operation("GET", "platform", "/status", false),
        blocked_when: Condition::OneOf(at("/maintenance"), vec![json!(true)]),
        absent: None,
        answer_off: json!({"maintenance": false}),
        answer_on: json!({"maintenance": true}),
        status_on: 200,
        data_refusal: Some(503),
        every: seconds(30),
        fresh_for: seconds(60),
        takes_effect_within: seconds(40),
        jitter: false,
        fail_mode: FailMode::LastKnown,
        feed: None,
    }
}

fn realtime() -> Realtime {
    let mut positions = event("positions_changed", "positions", Apply::Merge);
    positions.items = Some(at("/changed"));
    Realtime {
        service: "trading".into(),
        path: "/socket.io/".into(),
        namespace: "/live".into(),
        auth: Template(json!({"token": "{access-token}"})),
        query: vec![],
        client: SocketClient::default(),
        subscribe: vec![Emit {
            event: "subscribe".into(),
            args: vec![Template(json!("positions"))],
            ack: true,
        }],
        events: vec![
            positions,
            event("trade_closed", "trades", Apply::Refetch),
            event("health", "account", Apply::Ignore),
        ],
        live_within: seconds(20),
        refused_by: None,
        token_checked: TokenChecked::Expiry,
        renewal: None,
    }
}

fn trades() -> Resource {
    let mut trades = resource("trades", true);
    trades.sequence = None;
    trades.paging = Some(Paging {
        size: Some(("limit".into(), 2)),
        next: NextPage::Cursor {
            query: "after".into(),
            from: at("/next"),
            more: None,
        },
        total: None,
        refused_by: Vec::new(),
    });
    trades
}

/// A small app: two tabs, a live feed for positions, paged trades.
pub(super) fn contract() -> Contract {
    Contract {
        name: "bench".into(),
        services: ["platform", "trading"]
            .map(|name| Service {
                name: name.into(),
                variable: None,
                base_path: String::new(),
            })
            .into(),
        request_id: None,
        secrecy: Default::default(),
        session: session(),
        kill_switch: Some(kill_switch()),
        health: Vec::new(),
        promises: Promises::default(),
        resources: vec![
            resource("positions", true),
            resource("account", false),
            trades(),
        ],
        screens: vec![
            Screen {
                name: "overview".into(),
                resources: vec!["positions".into(), "account".into()],
            },
            Screen {
                name: "history".into(),
                resources: vec!["trades".into()],
            },
        ],
        realtime: Some(realtime()),
        polling: Some(Polling {
            after: seconds(10),
            every: seconds(15),
            floor: seconds(5),
            resources: vec!["positions".into(), "account".into()],
        }),
        retry: Retry {
            attempts: 3,
            delay: seconds(1),
            delay_max: seconds(8),
            jitter: 0.25,
        },
        request_timeout: seconds(10),
        stale_after: seconds(45),
        limits: Vec::new(),
        parity: None,
        scope: Scope {
            forbid: vec![RequestPattern::parse("POST trading /api/trade").unwrap()],
            allow: vec![],
            allow_emits: vec![],
            forbid_emits: vec!["close_all".into()],
            forbid_namespaces: vec!["/admin".into()],
            queries: Queries::Any,
            bodies: Queries::Any,
            reads_needed: false,
            floor: TrafficFloor { requests: 1 },
        },
    }
}
