//! Hand-made results for the reporters' tests: one scenario of every kind.

mod format;
mod runbook;

use std::sync::Arc;
use std::time::Duration;

use crate::domain::contract::{Role, TransportName};
use crate::domain::coverage::{Coverage, Kind};
use crate::domain::figures::{Attempts, Distribution, FeedTimes, Figures, Load, Route, Ways};
use crate::domain::journal::{
    Act, Answer, Answerer, AppFact, Class, Content, Direction, Entry, EntryId, Fact, Frame,
    HarnessFact, Headers, Judgement, Request, Sender, StepPhase,
};
use crate::domain::result::{RunResult, ScenarioResult};
use crate::domain::runbook::Shown;
use crate::domain::verdict::{Finding, Outcome, ScopeTally, Severity, Subject, Verdict};

pub(super) use format::{about, assert_valid, closed};

pub(super) fn entry(id: u64, at_ms: u64, fact: Fact) -> Arc<Entry> {
    Arc::new(Entry {
        id: EntryId(id),
        at: Duration::from_millis(at_ms),
        device: None,
        fact,
    })
}

fn request(exchange: u64, method: &str, target: &str, class: Class, reason: &str) -> Fact {
    let role = (class == Class::Allowed).then(|| Role::Resource("positions".to_owned()));
    Fact::Request(Box::new(Request {
        exchange,
        sender: Sender::Client,
        service: "orders".to_owned(),
        method: method.to_owned(),
        target: target.to_owned(),
        path: target.to_owned(),
        host: "orders.test".to_owned(),
        headers: vec![("authorization".to_owned(), "Bearer ‹access-1›".to_owned())].into(),
        body: Content::Empty,
        role,
        judgement: Judgement {
            class,
            reason: reason.to_owned(),
            non_canonical: None,
            unknown_name: false,
        },
        insecure: None,
    }))
}

fn answer(exchange: u64, status: u16, from: Answerer, request_id: Option<&str>) -> Fact {
    Fact::Answer(Answer {
        exchange,
        status,
        headers: Headers::default(),
        body: Content::Empty,
        from,
        request_id: request_id.map(str::to_owned),
        sent: Headers::default(),
        leads_past: Vec::new(),
    })
}

fn scenario(id: &str, name: &str, items: &[&str], verdict: Verdict) -> ScenarioResult {
    ScenarioResult {
        id: id.to_owned(),
        name: name.to_owned(),
        file: format!("suite/{id}.yaml"),
        runbook: items.iter().map(|item| (*item).to_owned()).collect(),
        shown: Shown::default(),
        outcome: Outcome {
            verdict,
            findings: Vec::new(),
            not_judged: Vec::new(),
            remarks: Vec::new(),
            scope: ScopeTally {
                requests_judged: 21,
                frames_judged: 7,
                canaries_sent: 1,
                canaries_caught: 1,
                ..ScopeTally::default()
            },
            duration: Duration::from_millis(12_400),
        },
        duration_wall: Duration::from_millis(38),
        excerpt: Vec::new(),
        journal_entries: 180,
        levers: Vec::new(),
        figures: measured(),
        coverage: Coverage::default(),
        attempts: Vec::new(),
        down: None,
    }
}

/// What one scenario was measured to be.
fn measured() -> Figures {
    let times = |all: &[u64]| {
        let mut times = Distribution::default();
        all.iter()
            .for_each(|millis| times.record(Duration::from_millis(*millis)));
        times
    };
    let load = |requests| Load {
        requests,
        peak_minute: requests,
    };
    let positions = Route {
        load: load(9),
        answered: 8,
        status_5xx: 1,
        provoked: 1,
        latency: times(&[12, 14, 15, 18, 22, 31, 40, 250]),
        ..Route::default()
    };
    Figures {
        watched: Duration::from_secs(75),
        sign_ins: Attempts {
            succeeded: 1,
            refused: 1,
            ..Attempts::default()
        },
        load: load(21),
        routes: [("positions".to_owned(), positions)].into(),
        feed: FeedTimes {
            all: Ways {
                live: Duration::from_secs(57),
                polling: Duration::from_secs(3),
                stale: Duration::ZERO,
            },
            ..FeedTimes::default()
        },
        ages: [("positions".to_owned(), times(&[900, 1_000]))].into(),
        fallback: times(&[5_000]),
        by_harness: 12,
        ..Figures::default()
    }
}

/// A contract of which some was put to the test.
fn covered() -> Coverage {
    let mut coverage = Coverage::default();
    let forbidden = "POST orders /v1/orders";
    for (kind, name) in [
        (Kind::Endpoints, "GET orders /v1/positions"),
        (Kind::Forbidden, forbidden),
        (Kind::Rules, "SESSION-4"),
        (Kind::Rules, "SYNC-9"),
    ] {
        coverage.expect(kind, name);
    }
    coverage.by_client(Kind::Endpoints, "GET orders /v1/positions", 9);
    coverage.by_harness(Kind::Forbidden, forbidden, 2);
    coverage.by_client(Kind::Rules, "SESSION-4", 3);
    coverage
}

fn run(scenarios: Vec<ScenarioResult>) -> RunResult {
    let mut scope = ScopeTally::default();
    let mut figures = Figures::default();
    for scenario in &scenarios {
        scope.add(scenario.outcome.scope);
        figures.add(&scenario.figures);
    }
    RunResult {
        seed: 42,
        target: "mock".to_owned(),
        virtual_time: true,
        quirks: Vec::new(),
        defects: Vec::new(),
        runbook: runbook::answered(&scenarios),
        verdict: Verdict::of_all(scenarios.iter().map(|one| &one.outcome.verdict)),
        scope,
        figures,
        coverage: covered(),
        interrupted: false,
        changes: None,
        duration_wall: Duration::from_millis(214),
        scenarios,
    }
}

/// Two scenarios that passed, one with a remark.
pub(super) fn passed() -> RunResult {
    let first = scenario(
        "sign-in",
        "A tester signs in and lands on the first tab",
        &["S2.1", "S2.3"],
        Verdict::Passed,
    );
    let mut second = scenario(
        "restore",
        "A killed app comes back without sign-in",
        &["S3.1"],
        Verdict::Passed,
    );
    second.levers = vec![
        "maintenance=on (mock)".to_owned(),
        "maintenance=off (mock)".to_owned(),
    ];
    second.outcome.findings.push(Finding {
        rule: "NET-1".to_owned(),
        subject: Subject::App,
        message: "the socket reconnects on the stock schedule".to_owned(),
        expected: "jitter on every delay".to_owned(),
        observed: "5s, 5s, 5s".to_owned(),
        evidence: Vec::new(),
        request_ids: Vec::new(),
        severity: Severity::Information,
    });
    second
        .outcome
        .not_judged
        .push(("SESSION-4".to_owned(), "no refresh was seen".to_owned()));
    run(vec![first, second])
}

fn two_refreshes() -> Vec<Arc<Entry>> {
    vec![
        entry(11, 900, Fact::Act(Act::Refresh)),
        entry(
            12,
            3_000,
            request(
                4,
                "GET",
                "/positions?page=1",
                Class::Allowed,
                "resource positions",
            ),
        ),
        entry(
            13,
            3_020,
            answer(4, 401, Answerer::Backend, Some("req-004")),
        ),
        entry(
            14,
            3_120,
            request(5, "POST", "/session/renew", Class::Allowed, "refresh"),
        ),
        entry(
            15,
            3_121,
            request(6, "POST", "/session/renew", Class::Allowed, "refresh"),
        ),
        entry(
            40,
            63_121,
            Fact::Harness(HarnessFact::Step {
                step: 4,
                text: "expect: { screen: overview }".to_owned(),
                phase: StepPhase::Unmet,
            }),
        ),
    ]
}

/// One scenario that failed by two rules.
pub(super) fn failed() -> RunResult {
    let mut one = scenario(
        "expiry",
        "An expired token is renewed once",
        &["S2.4"],
        Verdict::Failed,
    );
    one.excerpt = two_refreshes();
    one.outcome.findings = vec![
        Finding {
            rule: "SESSION-4".to_owned(),
            subject: Subject::App,
            message: "two refreshes were under way at the same time, because two requests that were refused each started their own".to_owned(),
            expected: "one refresh for all requests that need it".to_owned(),
            observed: "a second refresh 1 ms after the first".to_owned(),
            evidence: vec![EntryId(14), EntryId(15)],
            request_ids: vec!["req-005".to_owned(), "req-006".to_owned()],
            severity: Severity::Violation,
        },
        Finding {
            rule: "STEP".to_owned(),
            subject: Subject::App,
            message: "step 4 did not come true: expect: { screen: overview }".to_owned(),
            expected: "screen overview within 60s".to_owned(),
            observed: "screen signed-out".to_owned(),
            evidence: vec![EntryId(40)],
            request_ids: Vec::new(),
            severity: Severity::Violation,
        },
    ];
    run(vec![one])
}

/// One scenario in which a forbidden write was attempted, with a quirk in force.
pub(super) fn forbidden() -> RunResult {
    let mut one = scenario(
        "scope",
        "Nothing is ever written",
        &["S2.1"],
        Verdict::Failed,
    );
    one.excerpt = vec![
        entry(
            30,
            4_000,
            Fact::App(AppFact::Screen {
                screen: "positions".into(),
            }),
        ),
        entry(
            31,
            5_000,
            request(
                9,
                "DELETE",
                "/positions/\u{1b}[2J7",
                Class::Forbidden,
                "forbid * orders /positions/**",
            ),
        ),
        entry(32, 5_001, answer(9, 403, Answerer::Policy, None)),
        entry(
            33,
            5_002,
            Fact::Frame {
                socket: 1,
                direction: Direction::Up,
                transport: TransportName::Websocket,
                bytes: 20,
                packet: Frame::Event {
                    namespace: "/live".to_owned(),
                    name: "close".to_owned(),
                    args: Content::Empty,
                    ack: None,
                    attachments: 0,
                },
                judgement: Some(Judgement {
                    class: Class::UndeclaredWrite,
                    reason: "no rule names the event".to_owned(),
                    non_canonical: None,
                    unknown_name: false,
                }),
            },
        ),
    ];
    one.outcome.scope.forbidden = 1;
    one.outcome.scope.undeclared = 1;
    one.outcome.findings = vec![Finding {
        rule: "SCOPE-1".to_owned(),
        subject: Subject::App,
        message: "the app attempted a forbidden write".to_owned(),
        expected: "no call that the contract forbids".to_owned(),
        observed: "DELETE orders /positions/\u{1b}[2J7".to_owned(),
        evidence: vec![EntryId(31)],
        request_ids: Vec::new(),
        severity: Severity::ForbiddenWrite,
    }];
    let mut result = run(vec![one]);
    result.quirks = vec!["closes-positions".to_owned()];
    result
}

/// One of each: passed, failed, inconclusive, errored, skipped, known and unexpected.
pub(super) fn mixed() -> RunResult {
    let mut scenarios = passed().scenarios;
    scenarios.extend(failed().scenarios);
    let mut open = scenario(
        "quiet",
        "Nothing was seen",
        &["S4.1"],
        Verdict::Inconclusive(
            "2 requests were seen and 10 are the least that proves anything".to_owned(),
        ),
    );
    open.levers = vec!["maintenance=on (gateway)".to_owned()];
    scenarios.push(open);
    scenarios.push(scenario(
        "broken",
        "The backend went away",
        &[],
        Verdict::Errored("the backend refused the connection for 30s".to_owned()),
    ));
    scenarios.push(scenario(
        "skipped",
        "A lever that the target lacks",
        &["S4.3"],
        Verdict::Skipped("the target has no lever `backend`".to_owned()),
    ));
    scenarios.push(scenario(
        "known",
        "It is known to fail",
        &[],
        Verdict::KnownFailure("the fix is on its way".to_owned()),
    ));
    scenarios.push(scenario(
        "surprise",
        "It was announced to fail",
        &[],
        Verdict::UnexpectedPass("announced: the fix is on its way".to_owned()),
    ));
    let mut result = run(scenarios);
    result.interrupted = true;
    result
}
