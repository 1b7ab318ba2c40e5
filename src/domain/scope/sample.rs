//! A small contract for tests of this room and of the gateway.

use std::time::Duration;

use serde_json::json;

use crate::domain::contract::{
    Apply, Body, Condition, Contract, Emit, EventPromise, EventRule, FailMode, JwtPolicy,
    KillSwitch, NextPage, Operation, Paging, Promises, Queries, Realtime, RequestPattern, Resource,
    Retry, Scope, Service, Session, SessionRequest, SocketClient, Token, TokenAnswer, TokenChecked,
    TrafficFloor,
};
use crate::domain::selector::{Selector, Template};

fn operation(method: &str, service: &str, path: &str) -> Operation {
    Operation {
        method: method.to_owned(),
        service: service.to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: Body::Empty,
        authorized: service == "trading",
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn resource(name: &str, path: &str) -> Resource {
    Resource::plain(name, operation("GET", "trading", path))
}

fn tokens() -> TokenAnswer {
    TokenAnswer {
        access_token: Selector::Pointer("/data/access".to_owned()),
        refresh_token: Some(Selector::Pointer("/data/refresh".to_owned())),
        expiry: None,
    }
}

fn kill_switch() -> KillSwitch {
    KillSwitch {
        operation: operation("GET", "platform", "/status"),
        blocked_when: Condition::OneOf(
            Selector::Pointer("/maintenance".to_owned()),
            vec![json!(true)],
        ),
        absent: None,
        answer_off: json!({"maintenance": false}),
        answer_on: json!({"maintenance": true}),
        status_on: 200,
        data_refusal: Some(503),
        every: seconds(30),
        fresh_for: seconds(30),
        takes_effect_within: seconds(5),
        jitter: false,
        fail_mode: FailMode::LastKnown,
        feed: None,
    }
}

fn realtime() -> Realtime {
    Realtime {
        service: "trading".to_owned(),
        path: "/socket.io/".to_owned(),
        namespace: "/trading".to_owned(),
        auth: Template(json!({"token": "{access-token}"})),
        query: Vec::new(),
        client: SocketClient::default(),
        subscribe: vec![Emit {
            event: "subscribe".to_owned(),
            args: Vec::new(),
            ack: true,
        }],
        events: vec![EventRule {
            name: "positions_update".to_owned(),
            updates: Some("positions".to_owned()),
            apply: Apply::Merge,
            items: None,
            removed: None,
            into: None,
            key: None,
            sequence: None,
            schema: None,
            promise: EventPromise::default(),
        }],
        live_within: seconds(10),
        refused_by: None,
        token_checked: TokenChecked::Expiry,
        renewal: None,
    }
}

fn scope() -> Scope {
    let pattern = |text: &str| RequestPattern::parse(text).unwrap();
    Scope {
        forbid: vec![
            pattern("POST trading /api/trade"),
            pattern("POST trading /api/close"),
            pattern("* trading /internal/trading/**"),
            pattern("* trading /api/strategies/{id}/toggle"),
            pattern("DELETE trading /api/positions/{id}"),
            pattern("* trading /Admin/**"),
        ],
        allow: vec![
            pattern("POST trading /api/push-tokens"),
            pattern("POST trading /graphql"),
            pattern("GET trading /graphql"),
        ],
        allow_emits: vec!["ping_feed".to_owned()],
        forbid_emits: vec!["close_position".to_owned(), "execute_trade".to_owned()],
        forbid_namespaces: vec!["/admin".to_owned()],
        queries: Queries::Any,
        bodies: Queries::Any,
        reads_needed: false,
        floor: TrafficFloor { requests: 3 },
    }
}

fn session() -> Session {
    let mut sign_in = operation("POST", "platform", "/auth/login");
    sign_in.body = Body::Json(Template(
        json!({"user": "{username}", "password": "{password}"}),
    ));
    let mut refresh = operation("POST", "platform", "/auth/refresh");
    refresh.body = Body::Json(Template(json!({"refresh": "{refresh-token}"})));
    Session {
        sign_in: SessionRequest {
            operation: sign_in,
            answer: tokens(),
        },
        refresh: Some(SessionRequest {
            operation: refresh,
            answer: tokens(),
        }),
        sign_out: Some(operation("POST", "platform", "/auth/logout")),
        authorize: (
            "authorization".to_owned(),
            "Bearer {access-token}".to_owned(),
        ),
        ended_by: vec![401],
        refused_by: vec![401],
        refresh_ahead: seconds(60),
        token: Token::Jwt(Box::new(JwtPolicy {
            keys: Some(operation("GET", "platform", "/keys")),
            issuer: None,
            audience: None,
            algorithms: vec!["EdDSA".to_owned()],
            claims: Vec::new(),
            leeway: seconds(30),
        })),
        identity: None,
        reuse_grace: Duration::ZERO,
        rotates: false,
        sign_out_ends_access: false,
        expired_by: vec![401],
        other_audience: None,
        user_parameters: Vec::new(),
    }
}

/// A trading app with a platform service, a live feed and a scope.
pub(crate) fn contract() -> Contract {
    let mut history = resource("history", "/api/history");
    history.paging = Some(Paging {
        size: Some(("limit".to_owned(), 20)),
        next: NextPage::Cursor {
            query: "cursor".to_owned(),
            from: Selector::Pointer("/next".to_owned()),
            more: None,
        },
        total: None,
        refused_by: Vec::new(),
    });
    Contract {
        name: "Sample".to_owned(),
        services: ["platform", "trading"]
            .map(|name| Service {
                name: name.to_owned(),
                variable: None,
                base_path: String::new(),
            })
            .to_vec(),
        request_id: Some("x-request-id".to_owned()),
        secrecy: Default::default(),
        session: session(),
        kill_switch: Some(kill_switch()),
        health: vec![operation("GET", "trading", "/health/live")],
        promises: Promises::default(),
        resources: vec![
            resource("positions", "/api/positions"),
            resource("position", "/api/positions/{id}"),
            resource("strategies", "/api/strategies"),
            history,
        ],
        screens: Vec::new(),
        realtime: Some(realtime()),
        polling: None,
        retry: Retry {
            attempts: 3,
            delay: seconds(1),
            delay_max: seconds(8),
            jitter: 0.5,
        },
        request_timeout: seconds(10),
        stale_after: seconds(60),
        parity: None,
        scope: scope(),
        limits: Vec::new(),
    }
}
