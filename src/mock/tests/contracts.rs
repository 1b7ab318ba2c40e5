//! Two contracts that mean the same and share no name.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::domain::contract::{
    Apply, Body, Condition, Contract, Emit, EventPromise, EventRule, Expiry, FailMode, Identity,
    JwtPolicy, KillSwitch, NextPage, Operation, Paging, Promises, Queries, Realtime,
    RequestPattern, Resource, Retry, Scope, Screen, Service, Session, SessionRequest, SocketClient,
    Token, TokenAnswer, TokenChecked, TrafficFloor,
};
use crate::domain::secret::Secret;
use crate::domain::selector::{Selector, Template};
use crate::domain::world::{Alteration, Feed, ItemMove, Live, Taken, User, World, WorldChange};

pub(super) const LIFETIME: Duration = Duration::from_secs(900);

pub(super) fn at(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

fn operation(request: &str, body: Body, authorized: bool) -> Operation {
    let words: Vec<&str> = request.split(' ').collect();
    Operation {
        method: words[0].to_owned(),
        service: words[1].to_owned(),
        path: words[2].to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body,
        authorized,
    }
}

fn resource(name: &str, request: &str) -> Resource {
    Resource::plain(name, operation(request, Body::Empty, true))
}

fn event(name: &str, updates: Option<&str>, apply: Apply) -> EventRule {
    EventRule {
        name: name.to_owned(),
        updates: updates.map(str::to_owned),
        apply,
        items: None,
        removed: None,
        into: None,
        key: None,
        sequence: None,
        schema: None,
        promise: EventPromise::default(),
    }
}

fn service(name: &str, base_path: &str) -> Service {
    Service {
        name: name.to_owned(),
        variable: None,
        base_path: base_path.to_owned(),
    }
}

fn switch(operation: Operation, off: Value, on: Value) -> KillSwitch {
    KillSwitch {
        operation,
        blocked_when: Condition::OneOf(at("/blocked"), vec![json!(true)]),
        absent: None,
        answer_off: off,
        answer_on: on,
        status_on: 200,
        data_refusal: Some(503),
        every: Duration::from_secs(30),
        fresh_for: Duration::from_secs(5),
        takes_effect_within: Duration::from_secs(35),
        jitter: false,
        fail_mode: FailMode::LastKnown,
        feed: None,
    }
}

fn frame(name: &str, services: Vec<Service>, session: Session) -> Contract {
    Contract {
        name: name.to_owned(),
        services,
        request_id: Some("x-request-id".to_owned()),
        secrecy: Default::default(),
        session,
        kill_switch: None,
        health: Vec::new(),
        promises: Promises::default(),
        resources: Vec::new(),
        screens: vec![Screen {
            name: "home".to_owned(),
            resources: Vec::new(),
        }],
        realtime: None,
        polling: None,
        retry: Retry {
            attempts: 3,
            delay: Duration::from_secs(1),
            delay_max: Duration::from_secs(4),
            jitter: 0.5,
        },
        request_timeout: Duration::from_secs(10),
        stale_after: Duration::from_secs(15),
        limits: Vec::new(),
        parity: None,
        scope: Scope {
            forbid: Vec::new(),
            allow: Vec::new(),
            allow_emits: Vec::new(),
            forbid_emits: Vec::new(),
            forbid_namespaces: Vec::new(),
            queries: Queries::Any,
            bodies: Queries::Any,
            reads_needed: false,
            floor: TrafficFloor { requests: 5 },
        },
    }
}

fn desk_session() -> Session {
    let json_body = |body: Value| Body::Json(Template(body));
    let answer = TokenAnswer {
        access_token: at("/tokens/access"),
        refresh_token: Some(at("/tokens/refresh")),
        expiry: Some(Expiry::In(at("/tokens/expiresIn"))),
    };
    Session {
        reuse_grace: std::time::Duration::ZERO,
        rotates: false,
        sign_out_ends_access: false,
        expired_by: vec![401],
        other_audience: None,
        user_parameters: Vec::new(),
        sign_in: SessionRequest {
            operation: operation(
                "POST id /login",
                json_body(json!({"email": "{username}", "password": "{password}"})),
                false,
            ),
            answer: answer.clone(),
        },
        refresh: Some(SessionRequest {
            operation: operation(
                "POST id /renew",
                json_body(json!({"token": "{refresh-token}"})),
                false,
            ),
            answer,
        }),
        sign_out: Some(operation("POST id /logout", Body::Empty, true)),
        authorize: (
            "authorization".to_owned(),
            "Bearer {access-token}".to_owned(),
        ),
        ended_by: vec![400],
        refused_by: vec![422],
        refresh_ahead: Duration::from_secs(60),
        token: Token::Jwt(Box::new(JwtPolicy {
            keys: Some(operation("GET id /keys", Body::Empty, false)),
            issuer: Some("https://id.example".to_owned()),
            audience: Some("desk".to_owned()),
            algorithms: vec!["RS256".to_owned()],
            claims: vec![("/product".to_owned(), json!("desk"))],
            leeway: Duration::from_secs(30),
        })),
        identity: Some(Identity {
            resource: "profile".to_owned(),
            subject: Some(at("/id")),
            claim: "/sub".to_owned(),
            username: None,
        }),
    }
}

fn desk_realtime() -> Realtime {
    let on_positions = |name: &str, apply: Apply| EventRule {
        items: Some(at("/rows")),
        sequence: Some(at("/seq")),
        ..event(name, Some("positions"), apply)
    };
    Realtime {
        service: "desk".to_owned(),
        path: "/live/".to_owned(),
        namespace: "/desk".to_owned(),
        auth: Template(json!({"token": "{access-token}"})),
        query: Vec::new(),
        client: SocketClient::default(),
        subscribe: vec![Emit {
            event: "watch".to_owned(),
            args: Vec::new(),
            ack: true,
        }],
        events: vec![
            on_positions("price", Apply::Merge),
            on_positions("positions", Apply::Replace),
            event("closed", Some("history"), Apply::Refetch),
        ],
        live_within: Duration::from_secs(10),
        refused_by: None,
        token_checked: TokenChecked::Expiry,
        renewal: None,
    }
}

/// A contract with bearer tokens in JSON, cursors and a live feed.
pub(super) fn desk() -> Contract {
    let mut contract = frame(
        "Desk",
        vec![service("id", ""), service("desk", "/edge")],
        desk_session(),
    );
    contract.kill_switch = Some(switch(
        operation("GET id /status", Body::Empty, false),
        json!({"blocked": false}),
        json!({"blocked": true}),
    ));
    contract.health = vec![operation("GET desk /health", Body::Empty, false)];
    let mut positions = resource("positions", "GET desk /positions");
    positions.items = Some(at("/rows"));
    positions.key = Some(at("/id"));
    positions.sequence = Some(at("/seq"));
    let mut history = resource("history", "GET desk /history");
    history.items = Some(at("/rows"));
    history.key = Some(at("/id"));
    history.paging = Some(Paging {
        total: None,
        refused_by: Vec::new(),
        size: Some(("limit".to_owned(), 2)),
        next: NextPage::Cursor {
            query: "cursor".to_owned(),
            from: at("/next"),
            more: None,
        },
    });
    contract.resources = vec![
        resource("flags", "GET desk /flags"),
        resource("profile", "GET desk /me"),
        positions,
        history,
    ];
    contract.realtime = Some(desk_realtime());
    contract.scope.forbid = ["POST desk /trade", "* desk /internal/**"]
        .map(|text| RequestPattern::parse(text).unwrap())
        .to_vec();
    contract.scope.forbid_emits = vec!["trade".to_owned()];
    contract.scope.forbid_namespaces = vec!["/admin".to_owned()];
    contract
}

fn user(name: &str, admin: bool) -> User {
    let rows = |count: usize, kind: &str| -> Vec<Value> {
        (0..count)
            .map(|at| json!({"id": format!("{name}-{kind}-{at}"), "price": 100.5}))
            .collect()
    };
    User {
        name: name.to_owned(),
        username: format!("{name}@example.org"),
        password: Secret::new(format!("{name}-secret")),
        subject: format!("subject-{name}"),
        claims: json!({"role": "tester"}),
        admin,
        data: [
            (
                "profile",
                json!({"id": format!("subject-{name}"), "age": 41}),
            ),
            ("positions", json!({"seq": 7, "rows": rows(3, "position")})),
            ("history", json!({"rows": rows(5, "trade"), "next": null})),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into(),
    }
}

/// What stands behind [`desk`].
pub(super) fn desk_world() -> World {
    World {
        users: vec![user("ann", false), user("bob", false), user("root", true)],
        shared: [("flags".to_owned(), json!({"flags": {"live": true}}))].into(),
        feeds: vec![Feed {
            event: "price".to_owned(),
            every: Duration::from_secs(1),
            drift: vec![at("/price")],
        }],
        changes: [(
            "close-trade".to_owned(),
            WorldChange {
                what: Alteration::Move(ItemMove {
                    from: Taken::Of("positions".to_owned()),
                    to: "history".to_owned(),
                    item: json!({"id": "closed-{/id}", "price": "{/price}", "at": "{now}"}),
                    most: None,
                }),
                emits: vec!["positions".to_owned(), "closed".to_owned()],
            },
        )]
        .into(),
        live: Live::default(),
        access_token_lifetime: LIFETIME,
        refresh_token_lifetime: Duration::from_secs(86_400),
    }
}

fn farm_session() -> Session {
    let form = |fields: &[(&str, &str)]| {
        Body::Form(
            fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    };
    let answer = TokenAnswer {
        access_token: at("header:x-session"),
        refresh_token: Some(at("cookie:renewal")),
        expiry: Some(Expiry::At(at("header:x-session-until"))),
    };
    let token_endpoint = "POST barn /oauth/token";
    Session {
        reuse_grace: std::time::Duration::ZERO,
        rotates: false,
        sign_out_ends_access: false,
        expired_by: vec![401],
        other_audience: None,
        user_parameters: Vec::new(),
        sign_in: SessionRequest {
            operation: operation(
                token_endpoint,
                form(&[
                    ("grant_type", "password"),
                    ("who", "{username}"),
                    ("key", "{password}"),
                ]),
                false,
            ),
            answer: answer.clone(),
        },
        refresh: Some(SessionRequest {
            operation: operation(
                token_endpoint,
                form(&[("grant_type", "refresh_token")]),
                false,
            ),
            answer,
        }),
        sign_out: Some(operation("DELETE barn /oauth/token", Body::Empty, true)),
        authorize: ("x-session".to_owned(), "{access-token}".to_owned()),
        ended_by: vec![403],
        refused_by: vec![418],
        refresh_ahead: Duration::from_secs(60),
        token: Token::Opaque,
        identity: None,
    }
}

/// A contract with opaque tokens in headers, a refresh cookie, forms, numbered pages and a feed
/// whose handshake carries the token.
pub(super) fn farm() -> Contract {
    let mut contract = frame("Farm", vec![service("barn", "/farm/v2")], farm_session());
    contract.request_id = Some("trace".to_owned());
    contract.kill_switch = Some(KillSwitch {
        status_on: 530,
        data_refusal: Some(530),
        ..switch(
            operation("POST barn /gate", Body::Empty, false),
            json!("open"),
            json!("shut"),
        )
    });
    let mut animals = resource("animals", "GET barn /herd/animals");
    animals.items = Some(at("$.payload.list"));
    animals.key = Some(at("/tag"));
    animals.paging = Some(Paging {
        total: None,
        refused_by: Vec::new(),
        size: Some(("per".to_owned(), 2)),
        next: NextPage::Page {
            query: "page".to_owned(),
            first: 1,
        },
    });
    contract.resources = vec![animals, resource("weather", "GET barn /weather")];
    contract.realtime = Some(Realtime {
        service: "barn".to_owned(),
        path: "/stable".to_owned(),
        namespace: "/".to_owned(),
        auth: Template(json!({})),
        query: Vec::new(),
        client: SocketClient::default(),
        subscribe: Vec::new(),
        events: vec![event("wind", Some("weather"), Apply::Merge)],
        live_within: Duration::from_secs(10),
        refused_by: None,
        token_checked: TokenChecked::Expiry,
        renewal: None,
    });
    contract
}

/// What stands behind [`farm`].
pub(super) fn farm_world() -> World {
    let animals: Vec<Value> = (1..=5).map(|tag| json!({"tag": tag})).collect();
    World {
        users: vec![User {
            name: "cow".to_owned(),
            username: "daisy".to_owned(),
            password: Secret::new("moo & more"),
            subject: "1".to_owned(),
            claims: Value::Null,
            admin: false,
            data: [("animals".to_owned(), json!({"payload": {"list": animals}}))].into(),
        }],
        shared: [("weather".to_owned(), json!({"wind": {"speed": "4.5"}}))].into(),
        feeds: vec![Feed {
            event: "wind".to_owned(),
            every: Duration::from_secs(60),
            drift: vec![at("/wind/speed")],
        }],
        changes: std::collections::BTreeMap::new(),
        access_token_lifetime: LIFETIME,
        live: Live::default(),
        refresh_token_lifetime: Duration::from_secs(86_400),
    }
}

pub(super) fn shared(contract: Contract) -> Arc<Contract> {
    Arc::new(contract)
}
