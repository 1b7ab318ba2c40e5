//! The contract of the journals: a harbour's ship monitor.

use std::time::Duration;

use serde_json::json;

use crate::domain::contract::{
    AfterChange, AnswersTo, Apply, AsOf, Body, Condition, Contract, Counterpart, Emit, ErrorForm,
    EventPromise, EventRule, FailMode, FeedWhileOn, HeaderPromise, Identity, ItemOrder, JwtPolicy,
    KillSwitch, NextPage, Operation, Paging, Parity, Polling, Promises, Queries, Realtime,
    RequestPattern, Resource, Retry, Scope, Screen, Service, Session, SessionRequest, SocketClient,
    Token, TokenAnswer, TokenChecked, TokenRenewal, TrafficFloor,
};
use crate::domain::figures::{Bound, Figure, Limit, Of, Quantile};
use crate::domain::selector::{Selector, Template};

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn at(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

fn operation(method: &str, service: &str, path: &str, authorized: bool) -> Operation {
    Operation {
        method: method.to_owned(),
        service: service.to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: Body::Empty,
        authorized,
    }
}

fn tokens() -> TokenAnswer {
    TokenAnswer {
        access_token: at("/pass"),
        refresh_token: Some(at("/stub")),
        expiry: None,
    }
}

fn resource(name: &str, path: &str) -> Resource {
    Resource::plain(name, operation("GET", "deck", path, true))
}

/// The contract for a journal of this name. Some are written under another agreement, which is what
/// their names end in: `KILL-3.keeps-closed.jsonl`.
pub(crate) fn agreed_in(journal: &str) -> Contract {
    let mut contract = harbour();
    let stem = journal.trim_end_matches(".jsonl");
    let kind = stem.split_once('.').map_or("", |(_, kind)| kind);
    let agreement = kind.split_once('-').map_or("", |(_, agreement)| agreement);
    let agreement = agreement.trim_end_matches(|sign: char| sign == '-' || sign.is_ascii_digit());
    if agreement == "promised" {
        promised(&mut contract);
    } else if agreement == "limited" {
        contract.limits = limits();
    } else if let Some(switch) = &mut contract.kill_switch {
        match agreement {
            "hinted" => {
                let leave = contract.session.sign_out.as_mut().unwrap();
                leave.body = Body::Form(vec![
                    ("token".to_owned(), "{refresh-token}".to_owned()),
                    ("token_type_hint".to_owned(), "refresh_token".to_owned()),
                ]);
                contract.realtime.as_mut().unwrap().subscribe[0].ack = true;
            }
            "called" => called(&mut contract.resources),
            "own-header" => contract.session.authorize.0 = "x-pass".to_owned(),
            "ended" => switch.feed = Some(FeedWhileOn::Ended),
            "refused" => switch.feed = Some(FeedWhileOn::Refused),
            "moves" => contract.resources[1].moves = Some(at("/knots")),
            "more" => {
                let log = contract.resources[2].paging.as_mut().unwrap();
                if let NextPage::Cursor { more, .. } = &mut log.next {
                    *more = Some(at("/more"));
                }
            }
            "rotates" => contract.session.rotates = true,
            "rotates-by-cookie" => {
                contract.session.rotates = true;
                let renew = contract.session.refresh.as_mut().unwrap();
                renew.operation.body = Body::Empty;
                let cookie = ("cookie".to_owned(), "stub={refresh-token}".to_owned());
                renew.operation.headers.push(cookie);
            }
            "needed" => {
                contract.scope.reads_needed = true;
                contract.resources[0].conditional = true;
                contract.polling = None;
            }
            "compared" => contract.parity = Some(compared(&contract.resources)),
            "declares" => contract.scope.bodies = Queries::Declared,
            "worth" => worth(&mut contract),
            "renews" => renews(contract.realtime.as_mut().unwrap()),
            "open" => switch.fail_mode = FailMode::Open,
            "unvaried" => switch.jitter = false,
            "closed" => switch.fail_mode = FailMode::Closed,
            "by-status" => {
                switch.blocked_when = Condition::Status(vec![503]);
                switch.status_on = 503;
            }
            other => assert_eq!(other, "", "{journal}"),
        }
    }
    contract
}

/// One path for what is read, and the body says what.
fn called(resources: &mut [Resource]) {
    for resource in &mut resources[..2] {
        resource.operation = Operation {
            body: Body::Json(Template(json!({"read": resource.name}))),
            ..operation("POST", "deck", "/v2/call", true)
        };
    }
}

/// The tide speaks at least every twenty seconds and after each landing, and what it and the list of
/// ships say is at most ten seconds old.
fn worth(contract: &mut Contract) {
    let as_of = || AsOf {
        at: at("/as_of"),
        at_most: seconds(10),
    };
    contract.resources[1].as_of = Some(as_of());
    contract.realtime.as_mut().unwrap().events[0].promise = EventPromise {
        at_least_every: Some(seconds(20)),
        after: vec![AfterChange {
            lever: "landing".to_owned(),
            within: seconds(8),
        }],
        as_of: Some(as_of()),
    };
}

/// The harbour sets a limit to every figure.
fn limits() -> Vec<Limit> {
    let any = |figure, bound| Limit {
        figure,
        of: Of::Any,
        bound,
    };
    let each = |figure, bound| Limit {
        figure,
        of: Of::Each,
        bound,
    };
    let longest = |number| Bound::Time(Quantile::Max, seconds(number));
    vec![
        any(Figure::SignInFailures, Bound::Number(0)),
        any(Figure::SignInRefusals, Bound::Percent(100.0)),
        any(Figure::RefreshFailures, Bound::Number(0)),
        any(Figure::Errors401, Bound::Percent(10.0)),
        any(Figure::Errors403, Bound::Number(0)),
        any(Figure::Errors5xx, Bound::Percent(5.0)),
        any(
            Figure::Latency,
            Bound::Time(Quantile::P50, Duration::from_millis(400)),
        ),
        each(Figure::Latency, longest(3)),
        each(Figure::RequestsPerMinute, Bound::Number(20)),
        any(Figure::SocketConnectsPerSecond, Bound::Number(1)),
        any(Figure::TimePolling, Bound::Percent(30.0)),
        any(Figure::TimeStale, Bound::Percent(10.0)),
        Limit {
            figure: Figure::Freshness,
            of: Of::Route("ships".to_owned()),
            bound: longest(90),
        },
        any(Figure::TimeToFallback, longest(12)),
        any(Figure::TimeToReturn, longest(3)),
        any(Figure::KillLatency, longest(5)),
    ]
}

/// The harbour office looks at the ships, too, and at the log as the sailors do.
fn compared(resources: &[Resource]) -> Parity {
    let counterpart = |resource: Resource| Counterpart {
        of: resource.name.clone(),
        resource,
        renamed: Vec::new(),
        apart: Vec::new(),
    };
    Parity {
        sign_in: None,
        resources: vec![
            Counterpart {
                renamed: vec![("/knots".to_owned(), "/speed".to_owned())],
                apart: vec!["/mark".to_owned()],
                ..counterpart(Resource {
                    items: Some(at("/rows")),
                    key: Some(at("/imo")),
                    ..resource("ships", "/office/ships")
                })
            },
            counterpart(resources[2].clone()),
        ],
    }
}

/// A ship that stays at the tide hands its new pass over.
fn renews(feed: &mut Realtime) {
    feed.renewal = Some(TokenRenewal {
        emit: Emit {
            event: "relieve".to_owned(),
            args: vec![Template(json!({"pass": "{access-token}"}))],
            ack: false,
        },
        ahead: Some(seconds(20)),
    });
}

/// The harbour promises more of its answers than usual.
fn promised(contract: &mut Contract) {
    let header = |header: &str, on: u16, holds: &[&str]| HeaderPromise {
        header: header.to_owned(),
        on: vec![on],
        of: vec![AnswersTo::Data],
        holds: holds.iter().map(|text| (*text).to_owned()).collect(),
    };
    contract.promises.headers = vec![
        header("www-authenticate", 401, &[]),
        header("retry-after", 503, &[]),
        header("cache-control", 200, &["no-store", "private"]),
    ];
    contract.promises.errors = Some(ErrorForm {
        schema: json!({"type": "object", "required": ["code"]}),
        except: vec![502],
    });
    contract.resources[1].order = Some(ItemOrder {
        by: at("/knots"),
        descending: true,
    });
    contract.session.refused_by = vec![401];
    contract.session.user_parameters = vec!["berth".to_owned()];
    contract.session.reuse_grace = seconds(10);
    if let Some(feed) = &mut contract.realtime {
        feed.refused_by = Some(Condition::OneOf(
            at("/message"),
            vec![json!("pass refused")],
        ));
        feed.subscribe[0].ack = true;
    }
}

pub(crate) fn harbour() -> Contract {
    Contract {
        name: "harbour".to_owned(),
        services: ["gate", "deck"]
            .map(|name| Service {
                name: name.to_owned(),
                variable: None,
                base_path: String::new(),
            })
            .into(),
        request_id: Some("x-trace".to_owned()),
        secrecy: Default::default(),
        session: session(),
        kill_switch: Some(beacon()),
        health: vec![operation("GET", "gate", "/pulse", false)],
        promises: Promises::default(),
        resources: resources(),
        screens: vec![
            Screen {
                name: "bridge".to_owned(),
                resources: vec!["ships".to_owned(), "sailor".to_owned()],
            },
            Screen {
                name: "logbook".to_owned(),
                resources: vec!["log".to_owned()],
            },
        ],
        realtime: Some(tide()),
        polling: Some(Polling {
            after: seconds(10),
            every: seconds(15),
            floor: seconds(10),
            resources: vec!["ships".to_owned()],
        }),
        retry: Retry {
            attempts: 3,
            delay: Duration::from_millis(500),
            delay_max: seconds(8),
            jitter: 0.5,
        },
        request_timeout: seconds(10),
        stale_after: seconds(60),
        limits: Vec::new(),
        parity: None,
        scope: Scope {
            forbid: vec![RequestPattern::parse("POST deck /v2/orders").unwrap()],
            allow: Vec::new(),
            allow_emits: Vec::new(),
            forbid_emits: vec!["scuttle".to_owned()],
            forbid_namespaces: vec!["/captain".to_owned()],
            queries: Queries::Any,
            bodies: Queries::Any,
            reads_needed: false,
            floor: TrafficFloor { requests: 3 },
        },
    }
}

fn resources() -> Vec<Resource> {
    vec![
        resource("sailor", "/v2/sailor"),
        Resource {
            items: Some(at("/ships")),
            key: Some(at("/imo")),
            sequence: Some(at("/count")),
            schema: Some(
                json!({"type": "object", "required": ["ships"], "properties": {"ships": {"type": "array", "items": {"type": "object", "required": ["imo", "knots"], "properties": {"knots": {"type": "number"}}}}}}),
            ),
            ..resource("ships", "/v2/ships")
        },
        Resource {
            items: Some(at("/entries")),
            key: Some(at("/no")),
            paging: Some(Paging {
                size: Some(("count".to_owned(), 2)),
                next: NextPage::Cursor {
                    query: "after".to_owned(),
                    from: at("/next"),
                    more: None,
                },
                total: Some(at("/total")),
                refused_by: vec![400],
            }),
            ..resource("log", "/v2/log")
        },
    ]
}

fn session() -> Session {
    let request = |path: &str| SessionRequest {
        operation: operation("POST", "gate", path, false),
        answer: tokens(),
    };
    let mut board = request("/board");
    board.operation.body = Body::Json(Template(
        json!({"mail": "{username}", "password": "{password}"}),
    ));
    let mut renew = request("/renew");
    renew.operation.body = Body::Json(Template(json!({"stub": "{refresh-token}"})));
    Session {
        sign_in: board,
        refresh: Some(renew),
        sign_out: Some(operation("POST", "gate", "/leave", true)),
        authorize: (
            "authorization".to_owned(),
            "Bearer {access-token}".to_owned(),
        ),
        ended_by: vec![401],
        refused_by: vec![403],
        refresh_ahead: seconds(60),
        token: Token::Jwt(Box::new(JwtPolicy {
            keys: Some(operation("GET", "gate", "/keys", false)),
            issuer: Some("https://gate.example".to_owned()),
            audience: Some("deck".to_owned()),
            algorithms: vec!["ES256".to_owned()],
            claims: vec![("/watch".to_owned(), json!("port"))],
            leeway: seconds(5),
        })),
        identity: Some(Identity {
            resource: "sailor".to_owned(),
            subject: Some(at("/id")),
            claim: "/sub".to_owned(),
            username: Some(at("/mail")),
        }),
        reuse_grace: Duration::ZERO,
        rotates: false,
        sign_out_ends_access: true,
        expired_by: vec![401],
        other_audience: None,
        user_parameters: Vec::new(),
    }
}

fn beacon() -> KillSwitch {
    KillSwitch {
        operation: operation("GET", "gate", "/beacon", false),
        blocked_when: Condition::OneOf(at("/harbour"), vec![json!("closed")]),
        absent: None,
        answer_off: json!({"harbour": "open"}),
        answer_on: json!({"harbour": "closed"}),
        status_on: 200,
        data_refusal: Some(503),
        every: seconds(30),
        fresh_for: seconds(20),
        takes_effect_within: seconds(10),
        jitter: true,
        fail_mode: FailMode::LastKnown,
        feed: None,
    }
}

fn tide() -> Realtime {
    Realtime {
        service: "deck".to_owned(),
        path: "/wire/".to_owned(),
        namespace: "/tide".to_owned(),
        auth: Template(json!({"pass": "{access-token}"})),
        query: Vec::new(),
        client: SocketClient::default(),
        subscribe: vec![Emit {
            event: "watch".to_owned(),
            args: Vec::new(),
            ack: false,
        }],
        events: vec![EventRule {
            name: "ship_moved".to_owned(),
            updates: Some("ships".to_owned()),
            apply: Apply::Merge,
            items: None,
            removed: None,
            into: None,
            key: None,
            sequence: Some(at("/count")),
            schema: Some(json!({"type": "object", "required": ["imo"]})),
            promise: EventPromise::default(),
        }],
        live_within: seconds(10),
        refused_by: None,
        token_checked: TokenChecked::Expiry,
        renewal: None,
    }
}
