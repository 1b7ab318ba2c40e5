//! Figures are the client's own: what the harness asks and what it provokes are none, and too little
//! is not judged.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Play, agreed_in, journals, plainly};
use crate::domain::coverage::Kind;
use crate::domain::figures::{Bound, Figure, Limit, OTHER, Of, Quantile};
use crate::rules::Ruling;

/// A play in which nobody is limited but by these.
fn play(limits: &[(Figure, Bound)]) -> Play {
    let mut contract = agreed_in("");
    let any = |(figure, bound): &(Figure, Bound)| Limit {
        figure: *figure,
        of: Of::Any,
        bound: *bound,
    };
    contract.limits = limits.iter().map(any).collect();
    let mut play = Play::of(contract);
    play.fact(json!({"act": "launch"}));
    play.signs_in("client", "ada", json!("sailor-7"));
    play
}

fn ships(status: u16) -> Value {
    json!({"status": status, "body": {"json": {"value": {"ships": []}, "bytes": 9}}})
}

fn not_judged<'r>(ruling: &'r Ruling, rule: &str) -> Option<&'r str> {
    let mut told = ruling.not_judged.iter();
    told.find(|(own, _)| own == rule)
        .map(|(_, why)| why.as_str())
}

fn found(ruling: &Ruling, rule: &str) -> bool {
    ruling.findings.iter().any(|finding| finding.rule == rule)
}

#[test]
fn too_little_is_not_judged_and_how_much_there_was_is_told() {
    let limits = [
        (Figure::Errors5xx, Bound::Percent(10.0)),
        (
            Figure::Latency,
            Bound::Time(Quantile::P95, Duration::from_secs(1)),
        ),
    ];
    let answered = |times: usize, status: u16| {
        let mut play = play(&limits);
        play.asks("client", "ada", "ships", ships(status));
        for _ in 2..times {
            play.asks("client", "ada", "ships", ships(200));
        }
        play.judged()
    };
    let few = answered(9, 502);
    assert!(!found(&few, "FIGURE-4"));
    assert_eq!(
        not_judged(&few, "FIGURE-4"),
        Some("too little for `errors-5xx`: 9 of at least 10")
    );
    assert_eq!(
        not_judged(&few, "FIGURE-5"),
        Some("too little for `latency`: 9 of at least 20, for p95")
    );
    let enough = answered(10, 502);
    assert!(!found(&enough, "FIGURE-4"), "one of ten is a tenth");
    assert_eq!(not_judged(&enough, "FIGURE-4"), None);
    assert_eq!(not_judged(&answered(20, 200), "FIGURE-5"), None);
}

#[test]
fn what_the_harness_asks_is_no_figure_of_the_clients() {
    let mut play = play(&[(Figure::Errors5xx, Bound::Number(0))]);
    play.reads("client", "ada", "ships", json!({"ships": []}));
    play.fact(json!({"harness": {"probe": {"question": "own"}}}));
    play.asks("probe", "ada", "ships", ships(500));
    let ruling = play.judged();
    assert!(!found(&ruling, "FIGURE-4"), "{:#?}", ruling.findings);
    let figures = &ruling.figures;
    assert_eq!((figures.load.requests, figures.by_harness), (2, 1));
    assert_eq!(figures.routes["ships"].load.requests, 1);
    let mut resources = ruling.coverage.of(Kind::Resources);
    let (_, covered) = resources.find(|(name, _)| *name == "ships").unwrap();
    assert_eq!((covered.by_client, covered.by_harness), (1, 0));
}

#[test]
fn what_the_harness_provokes_counts_for_nothing() {
    let limits = [(Figure::Errors5xx, Bound::Number(0))];
    let fails = |disturbed: bool| {
        let mut play = play(&limits);
        if disturbed {
            play.fact(json!({"harness": {"changed": {"change": {"backend": {"running": false}}, "how": "mock"}}}));
        }
        play.asks("client", "ada", "ships", ships(502));
        play.judged()
    };
    let (own, provoked) = (fails(false), fails(true));
    assert!(found(&own, "FIGURE-4"));
    assert!(!found(&provoked, "FIGURE-4"));
    let route = &provoked.figures.routes["ships"];
    assert_eq!(
        (route.answered, route.provoked, route.status_5xx),
        (0, 1, 0)
    );
}

#[test]
fn a_finding_names_figure_limit_and_what_shows_it() {
    let mut play = play(&[(Figure::Errors403, Bound::Number(1))]);
    for status in [403, 200, 403] {
        play.asks("client", "ada", "ships", ships(status));
    }
    let ruling = play.judged();
    let mut findings = ruling.findings.iter();
    let finding = findings.find(|own| own.rule == "FIGURE-3").unwrap();
    assert_eq!(
        finding.message,
        "`errors-403` is more than the contract allows"
    );
    assert_eq!(finding.expected, "at most 1 (`figures.errors-403`)");
    assert_eq!(finding.observed, "2 of 3");
    assert_eq!(finding.evidence.len(), 4);
}

#[test]
fn what_nobody_declared_has_a_route_of_its_own() {
    let mut play = play(&[]);
    let request = json!({"service": "deck", "method": "GET", "target": "/v2/harbours"});
    play.exchange("client", request, None, json!({"status": 404}));
    let ruling = play.judged();
    assert_eq!(ruling.figures.routes[OTHER].load.requests, 1);
}

#[test]
fn a_contract_without_limits_has_figures_and_no_rule_for_them() {
    for (_, name, entries) in journals("keeps") {
        if name.contains("limited") {
            continue;
        }
        let ruling = plainly(&name, &entries);
        let mut open = ruling.coverage.of(Kind::Rules);
        assert!(!open.any(|(rule, _)| rule.starts_with("FIGURE")), "{name}");
        assert_eq!(
            not_judged(&ruling, "FIGURE-1"),
            Some("the contract sets no limit to the figure"),
            "{name}"
        );
    }
}

/// What the time to come back is judged by, after this.
fn comes_back(story: impl Fn(&mut Play)) -> bool {
    let most = Bound::Time(Quantile::Max, Duration::from_secs(12));
    let mut play = play(&[(Figure::TimeToReturn, most)]);
    asks_switch(&mut play, "open");
    play.joins(1, "ada");
    story(&mut play);
    play.joins(2, "ada").ended();
    found(&play.judged(), "FIGURE-11")
}

fn asks_switch(play: &mut Play, word: &str) {
    let request =
        json!({"service": "gate", "method": "GET", "target": "/beacon", "role": "status"});
    let body = json!({"json": {"value": {"harbour": word}, "bytes": 9}});
    play.exchange(
        "client",
        request,
        None,
        json!({"status": 200, "body": body}),
    );
}

fn closed() -> Value {
    json!({"socket-closed": {"socket": 1, "end": "gateway"}})
}

#[test]
fn a_feed_that_a_process_left_behind_is_no_loss_of_the_next_one() {
    const AWAY: Duration = Duration::from_secs(30);
    assert!(comes_back(|play| {
        play.fact(closed()).after(AWAY);
    }));
    // In real time its connection ends a little later than it does.
    assert!(!comes_back(|play| {
        play.fact(json!({"act": "kill"}))
            .fact(json!({"act": "launch"}));
        play.fact(closed()).after(AWAY);
    }));
    // Whoever says late that a process began says nothing of what it loses long after.
    assert!(comes_back(|play| {
        play.fact(json!({"act": "launch"})).after(AWAY);
        play.fact(closed()).after(AWAY);
    }));
}

#[test]
fn an_app_that_was_told_that_it_is_blocked_comes_back_once_it_was_told_that_it_is_not() {
    let switched =
        |on: bool| json!({"harness": {"changed": {"change": {"maintenance": on}, "how": "mock"}}});
    let takes = |after: Duration| {
        comes_back(|play| {
            play.fact(switched(true));
            asks_switch(play, "closed");
            play.fact(closed()).fact(switched(false));
            play.after(Duration::from_secs(25));
            asks_switch(play, "open");
            play.after(after);
        })
    };
    assert!(!takes(Duration::from_secs(1)));
    assert!(takes(Duration::from_secs(25)));
}
