//! Every status, and what turns an item and what does not.

use jiff::civil::date;

use super::*;
use crate::app::Quirk;
use crate::domain::contract::Token;
use crate::domain::result::{RunResult, ScenarioResult};
use crate::domain::runbook::{Attestation, Build, Came, CheckEnd, Shown, State, Vouching};
use crate::mock::Defect;
use crate::run::{Interrupt, JudgedBy, Plan, Target, judge, perform};
use crate::suite::{Source, read_runbook};

/// A team's own: other ids, other groups.
const OWN: &str = r#"
name: Ours
version: "2"
groups: { SEC: Security, APP: The app }
items:
  TOKEN: { group: SEC, title: Tokens are genuine, needs: session.jwt, rules: SESSION-15 }
  PAGES: { group: SEC, title: Nothing is lost, needs: paging, rules: SYNC-12 }
  NEVER: { group: SEC, title: Nothing is written, rules: [SCOPE-1, PROOF] }
  LANDS: { group: APP, title: It signs in, expectations: sign-in/lands-live }
  WHOLE: { group: APP, title: All of it holds, scenarios: sign-in }
  BACK: { group: APP, title: It comes back, rules: KILL-4, expectations: kill-switch/recovers }
  WORD: { group: APP, title: Somebody looked, rules: SESSION-15, attest: on }
  TALK: { group: APP, title: Somebody spoke, since: "2", attest: on }
"#;

fn own() -> Runbook {
    let read = read_runbook(&Source::new("runbook.yaml", OWN));
    read.unwrap_or_else(|problems| panic!("{problems}"))
}

fn plan(runbook: Runbook, scenarios: &[&str], defect: Option<Defect>) -> Plan {
    let mut suite = Suite::shipped().unwrap();
    suite.runbook = runbook;
    let mut plan = Plan {
        defects: defect.into_iter().collect(),
        jobs: 2,
        ..Plan::of(suite, Target::Mock, 7)
    };
    plan.scenarios
        .retain(|own| scenarios.is_empty() || scenarios.contains(&own.id.as_str()));
    plan
}

fn played(plan: &Plan) -> RunResult {
    perform(plan, &Interrupt::new(), &mut |_| {}).unwrap()
}

fn statuses(answer: &Answer) -> Vec<(&str, &str)> {
    let items = answer.items.iter();
    items
        .map(|item| (item.id.as_str(), item.status.name()))
        .collect()
}

fn violated(answer: &Answer) -> Vec<&str> {
    let items = answer.items.iter();
    let items = items.filter(|item| item.status == Status::Violated);
    items.map(|item| item.id.as_str()).collect()
}

fn reason(answer: &Answer, id: &str) -> String {
    let item = answer.items.iter().find(|item| item.id == id);
    item.unwrap().reason().unwrap_or_default()
}

fn word(until: Option<jiff::civil::Date>, expired: bool) -> Attestation {
    Attestation {
        runbook: None,
        item: "WORD".to_owned(),
        by: "Ada".to_owned(),
        note: "looked at it".to_owned(),
        on: date(2026, 3, 1),
        until,
        expired,
    }
}

#[test]
fn one_finding_turns_the_items_that_its_rule_proves_and_no_other() {
    let answer = played(&plan(own(), &["sign-in"], Some(Defect::WrongAudience))).runbook;
    assert_eq!(
        statuses(&answer),
        [
            ("TOKEN", "violated"),
            ("PAGES", "proven"),
            ("NEVER", "proven"),
            ("LANDS", "proven"),
            ("WHOLE", "proven"),
            ("BACK", "inconclusive"),
            ("WORD", "violated"),
            ("TALK", "inconclusive"),
        ]
    );
    let why = reason(&answer, "TOKEN");
    assert!(
        why.starts_with("SESSION-15 (backend) in sign-in: "),
        "{why}"
    );
    assert_eq!(
        reason(&answer, "BACK"),
        "kill-switch was not played; nothing put KILL-4 to the test"
    );
    assert_eq!(reason(&answer, "TALK"), "nobody vouched");
}

#[test]
fn an_expectation_that_does_not_come_true_turns_its_items_and_leaves_open_what_comes_after_it() {
    let answer = played(&plan(own(), &["sign-in"], Some(Defect::SocketsRefused))).runbook;
    assert_eq!(violated(&answer), ["LANDS", "WHOLE"]);
    let why = reason(&answer, "LANDS");
    assert!(
        why.starts_with("STEP (backend) in sign-in: step at line"),
        "{why}"
    );
    let shipped = Suite::shipped().unwrap().runbook;
    let answer = played(&plan(shipped, &["sign-in"], Some(Defect::SocketsRefused))).runbook;
    let why = reason(&answer, "S2.3");
    assert!(
        why.contains("because a step before it did not come true"),
        "{why}"
    );
}

#[test]
fn a_check_proves_by_its_exit_code_and_open_is_what_was_not_run() {
    let text = r#"
name: Checks
version: "1"
groups: { P: Before }
items:
  ALL: { group: P, title: All is green, checks: each }
  LINT: { group: P, title: It is tidy, checks: lint }
  BOTH: { group: P, title: It is sound, checks: [lint, verify] }
"#;
    let check = |name: &str, ended: CheckEnd| Check {
        name: name.to_owned(),
        command: "npm run".to_owned(),
        ended,
        duration: std::time::Duration::from_secs(1),
        output: vec!["2 problems".to_owned()],
    };
    let known = |checks: Vec<Check>| -> Vec<(Status, Option<String>)> {
        let mut runbook = read_runbook(&Source::new("runbook.yaml", text)).unwrap();
        runbook.checks = checks;
        let answer = played(&plan(runbook, &["user-switch"], None)).runbook;
        let items = answer.items.iter();
        items.map(|item| (item.status, item.reason())).collect()
    };
    let green = |name: &str| check(name, CheckEnd::Exited(0));
    let proven = || (Status::Proven, None);
    let not_run = |name: &str| {
        let why = format!(
            "check {name} was not run: it stands in `rehearsal.toml` under `checks`, and `run --checks` runs it"
        );
        (Status::Inconclusive, Some(why))
    };
    let none = known(Vec::new());
    assert!(
        none.iter()
            .all(|(status, _)| *status == Status::Inconclusive),
        "{none:?}"
    );
    assert_eq!(
        known(vec![green("lint")]),
        [proven(), proven(), not_run("verify")]
    );
    let red = check("verify", CheckEnd::Exited(2));
    let violated = || {
        let why = "check verify ended with 2: 2 problems".to_owned();
        (Status::Violated, Some(why))
    };
    assert_eq!(
        known(vec![green("lint"), red]),
        [violated(), proven(), violated()]
    );
    let cut = known(vec![check("lint", CheckEnd::Interrupted)]);
    assert!(
        cut.iter()
            .all(|(status, _)| *status == Status::Inconclusive),
        "{cut:?}"
    );
}

#[test]
fn the_shipped_suite_answers_the_shipped_runbook() {
    let shipped = Suite::shipped().unwrap().runbook;
    let answer = played(&plan(shipped.clone(), &[], None)).runbook;
    let lines = answer.items.iter().map(|item| {
        let why = item
            .reason()
            .map_or_else(String::new, |why| format!(": {why}"));
        format!("{} {}{why}\n", item.id, item.status.name())
    });
    insta::assert_snapshot!(lines.collect::<String>());
    assert_eq!(answer.build(), Some(Build::Keep), "{:?}", answer.rollback);
    let answer = played(&plan(shipped, &[], Some(Defect::WrongAudience))).runbook;
    assert_eq!(violated(&answer), ["S2.4", "S2.5"]);
    assert_eq!(answer.build(), Some(Build::Keep));
}

#[test]
fn a_run_and_its_journals_answer_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan(
        own(),
        &["sign-in", "kill-switch"],
        Some(Defect::WrongAudience),
    );
    plan.journal_dir = Some(folder.path().to_owned());
    let live = played(&plan);
    let files = live.scenarios.iter();
    let files: Vec<_> = files
        .map(|own| folder.path().join(format!("{}.jsonl", own.id)))
        .collect();
    let by = JudgedBy {
        contract: &plan.suite.contract,
        fingerprint: &plan.suite.fingerprint,
        runbook: &plan.suite.runbook,
    };
    let (offline, _) = judge(&files, by, &mut |_| {}).unwrap();
    assert_eq!(offline.runbook, live.runbook);
    assert_eq!(offline.scenarios[0].runbook, live.scenarios[0].runbook);
}

#[test]
fn what_a_contract_lacks_is_not_asked_of_its_app() {
    let mut suite = Suite::shipped().unwrap();
    let contract = Arc::make_mut(&mut suite.contract);
    contract.session.token = Token::Opaque;
    contract.realtime = None;
    for resource in &mut contract.resources {
        resource.paging = None;
    }
    let answer = answer(&Book::of(&suite).basis(), &[]);
    let applicable = |item: &&Answered| item.status == Status::NotApplicable;
    let ids: Vec<&str> = answer
        .items
        .iter()
        .filter(applicable)
        .map(|item| item.id.as_str())
        .collect();
    for id in ["S2.4", "S5.9", "S5.4"] {
        assert!(ids.contains(&id), "{id} is not among {ids:?}");
    }
    assert_eq!(
        reason(&answer, "S2.4"),
        "the contract has no access tokens that can be read: they are opaque"
    );
    assert!(!ids.contains(&"S2.1"), "{ids:?}");
}

#[test]
fn a_rule_that_the_contract_leaves_no_room_for_is_not_waited_for() {
    let mut suite = Suite::shipped().unwrap();
    Arc::make_mut(&mut suite.contract).kill_switch = None;
    suite.runbook = own();
    suite.runbook.items.retain(|item| item.id == "BACK");
    suite.runbook.items[0].proofs.truncate(1);
    let answer = answer(&Book::of(&suite).basis(), &[]);
    assert_eq!(statuses(&answer), [("BACK", "not applicable")]);
    assert_eq!(reason(&answer, "BACK"), "the contract has no kill-switch");
}

#[test]
fn a_person_vouches_until_the_word_ends() {
    let mut plan = plan(own(), &["sign-in"], None);
    let mut answered = |word: Attestation| {
        let mut suite = (*plan.suite).clone();
        suite.runbook.attestations = vec![word];
        plan.suite = Arc::new(suite);
        played(&plan).runbook
    };
    let answer = answered(word(None, false));
    let item = answer.items.iter().find(|item| item.id == "WORD").unwrap();
    assert_eq!(item.status, Status::Attested);
    assert_eq!(item.attested.as_ref().unwrap().by, "Ada");
    let answer = answered(word(Some(date(2026, 3, 9)), true));
    assert_eq!(
        reason(&answer, "WORD"),
        "the word of Ada ended on 2026-03-09"
    );
}

#[test]
fn what_came_after_the_version_that_is_asked_for_is_not_scored() {
    let mut suite = Suite::shipped().unwrap();
    suite.runbook = own();
    suite.runbook.published = vec!["1".to_owned()];
    suite.runbook.asked = Some("1".to_owned());
    let answer = answer(&Book::of(&suite).basis(), &[]);
    assert_eq!((answer.version.as_str(), answer.published), ("1", true));
    assert_eq!(answer.items.last().unwrap().status, Status::NotScored);
    assert_eq!(answer.count(Status::NotScored), 1);
}

#[test]
fn what_a_target_has_no_lever_for_is_not_waited_for_where_another_scenario_has_shown_it() {
    let mut runbook = own();
    let expects = |scenario: &str, label: &str| Proof::Expectation {
        scenario: scenario.to_owned(),
        label: label.to_owned(),
    };
    for item in &mut runbook.items {
        item.proofs = match item.id.as_str() {
            "LANDS" => vec![
                expects("sign-in", "lands-live"),
                expects("kill-switch", "recovers"),
            ],
            // A rule alone is kept in scenarios that show nothing of what was skipped.
            _ => vec![
                Proof::Rule("KILL-1".to_owned()),
                expects("kill-switch", "recovers"),
            ],
        };
        item.attest = Vouching::Nobody;
    }
    let mut result = played(&plan(own(), &["sign-in"], None));
    let mut skipped = result.scenarios[0].clone();
    skipped.id = "kill-switch".to_owned();
    skipped.journal_entries = 0;
    skipped.shown = Shown {
        steps: Came::Skipped,
        ..Shown::default()
    };
    skipped.outcome.verdict = Verdict::Skipped("the target has no lever".to_owned());
    result.scenarios.push(skipped);
    let suite = Suite::shipped().unwrap();
    let book = Book {
        runbook: &runbook,
        contract: &suite.contract,
    };
    let basis = book.basis();
    let lands = |scenarios: &[ScenarioResult]| {
        let answer = answer(&basis, scenarios);
        let own = answer.items.into_iter().find(|item| item.id == "LANDS");
        own.unwrap().status
    };
    assert_eq!(lands(&result.scenarios), Status::Proven);
    assert_eq!(
        reason(&answer(&basis, &result.scenarios), "BACK"),
        "kill-switch was skipped: the target has no lever"
    );
    // Neither is what the contract leaves no room for; what could have been played is.
    result.scenarios[1].shown.steps = Came::LeftOut;
    assert_eq!(lands(&result.scenarios), Status::Proven);
    result.scenarios[1].shown.steps = Came::Open;
    assert_eq!(lands(&result.scenarios), Status::Inconclusive);
}

#[test]
fn a_scenario_that_ended_in_an_error_proves_nothing() {
    let mut result = played(&plan(own(), &["sign-in"], None));
    let suite = Suite::shipped().unwrap();
    let runbook = own();
    let book = Book {
        runbook: &runbook,
        contract: &suite.contract,
    };
    let why = "the backend was gone".to_owned();
    result.scenarios[0].outcome.verdict = Verdict::Errored(why);
    let answer = answer(&book.basis(), &result.scenarios);
    assert_eq!(answer.count(Status::Proven), 0);
    assert_eq!(
        reason(&answer, "LANDS"),
        "sign-in is errored: the backend was gone"
    );
}

#[test]
fn the_never_called_proof_must_hold_wherever_something_was_played() {
    let mut result = played(&plan(own(), &["sign-in"], None));
    let suite = Suite::shipped().unwrap();
    let runbook = own();
    let book = Book {
        runbook: &runbook,
        contract: &suite.contract,
    };
    let mut second = result.scenarios[0].clone();
    second.id = "quiet".to_owned();
    second.shown.kept.clear();
    let doubt = "too little was seen".to_owned();
    second.shown.open.insert(PROOF.to_owned(), doubt);
    result.scenarios.push(second);
    let answer = answer(&book.basis(), &result.scenarios);
    assert_eq!(
        reason(&answer, "NEVER"),
        "PROOF was not judged in quiet: too little was seen"
    );
}

/// The triggers of the shipped runbook that fire when somebody misbehaves in these scenarios.
fn fired(wrong: &str, scenarios: &[&str]) -> Vec<String> {
    let shipped = Suite::shipped().unwrap().runbook;
    let mut plan = plan(shipped, scenarios, Defect::named(wrong));
    plan.quirks.extend(Quirk::named(wrong));
    assert_eq!(plan.quirks.len() + plan.defects.len(), 1, "{wrong}");
    let answer = played(&plan).runbook;
    let fired = answer.triggers_in(State::Fired);
    fired.map(|own| own.id.clone()).collect()
}

#[test]
fn each_rollback_trigger_is_fired_by_what_it_is_for_and_none_by_what_harms_nobody() {
    for (wrong, scenarios, triggers) in [
        ("never-lands", &["sign-in"][..], &["R.1"][..]),
        ("sign-in-broken", &["sign-in"], &["R.1"]),
        ("sign-in-on-restore", &["session-restore"], &["R.1"]),
        ("shows-previous-user", &["user-switch"], &["R.2"]),
        ("stuck-on-damage", &["storage-corrupt"], &["R.3"]),
        ("old-answers", &["sign-in"], &["R.4"]),
        ("denies-a-route", &["every-tab"], &["R.5"]),
        ("polls-too-fast", &["polling-fallback"], &[]),
        ("wrong-audience", &["sign-in"], &[]),
    ] {
        let fired = fired(wrong, scenarios);
        let has = |id: &&str| fired.iter().any(|own| own == id);
        assert!(triggers.iter().all(has), "{wrong}: {fired:?}");
        assert_eq!(triggers.is_empty(), fired.is_empty(), "{wrong}: {fired:?}");
    }
}

#[test]
fn a_trigger_that_nothing_could_have_fired_is_not_judged_and_one_that_fired_has_its_evidence() {
    let shipped = Suite::shipped().unwrap().runbook;
    let result = played(&plan(
        shipped.clone(),
        &["sign-in"],
        Some(Defect::OldAnswers),
    ));
    let answer = &result.runbook;
    assert_eq!(answer.build(), Some(Build::Pull));
    let one = answer.triggers_in(State::Fired).next().unwrap();
    assert_eq!(one.id, "R.4");
    let shown = &one.evidence[0];
    assert_eq!((&*shown.scenario, &*shown.rule), ("sign-in", "API-16"));
    assert!(!shown.entries.is_empty() && !shown.request_ids.is_empty());
    let answer = played(&plan(shipped, &["forgotten-sockets"], None)).runbook;
    assert_eq!(answer.build(), Some(Build::Open));
    let open: Vec<&str> = answer
        .triggers_in(State::NotJudged)
        .map(|own| own.id.as_str())
        .collect();
    assert!(open.contains(&"R.3"), "{open:?}");
}

#[test]
fn an_item_fires_the_trigger_that_names_it_and_only_where_the_contract_has_it() {
    let text = OWN.to_owned()
        + "rollback:\n  PULL: { title: Forged, actions: Stop, items: [TOKEN, TALK] }\n  LATE: { title: Later, actions: Stop, rules: SESSION-15, since: \"2\" }\n";
    let mut runbook = read_runbook(&Source::new("runbook.yaml", text)).unwrap();
    let states = |runbook: &Runbook, opaque: bool| -> Vec<(State, Vec<String>)> {
        let mut plan = plan(runbook.clone(), &["sign-in"], Some(Defect::WrongAudience));
        let result = played(&plan);
        let suite = Arc::make_mut(&mut plan.suite);
        if opaque {
            Arc::make_mut(&mut suite.contract).session.token = Token::Opaque;
        }
        let answer = answer(&Book::of(suite).basis(), &result.scenarios);
        let triggers = answer.rollback.into_iter();
        triggers.map(|own| (own.state, own.reasons)).collect()
    };
    let known = states(&runbook, false);
    assert_eq!(known[0].0, State::Fired);
    assert!(known[0].1[0].starts_with("SESSION-15 (backend) in sign-in: "));
    let known = states(&runbook, true);
    assert_eq!(known[0].0, State::NotApplicable);
    runbook.published = vec!["1".to_owned()];
    runbook.asked = Some("1".to_owned());
    let known = states(&runbook, false);
    assert_eq!(
        known[1],
        (State::NotScored, vec!["it came with version 2".to_owned()])
    );
}
