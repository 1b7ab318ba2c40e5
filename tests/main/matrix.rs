//! The shipped suite as a judge: it passes an app and a backend that behave, whatever the seed, and
//! finds every quirk and every defect by the rules that they name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rehearsal::internals::app::Quirk;
use rehearsal::internals::cli::Exit;
use rehearsal::internals::domain::result::RunResult;
use rehearsal::internals::domain::runbook::Proof;
use rehearsal::internals::domain::verdict::{Finding, Severity, Subject};
use rehearsal::internals::mock::Defect;
use rehearsal::internals::rules;
use rehearsal::internals::run::{
    Interrupt, Matrix, Misbehaviour, Plan, Target, perform, self_test,
};
use rehearsal::internals::suite::Suite;

fn plan(seed: u64) -> Plan {
    let suite = Suite::shipped().unwrap_or_else(|_| panic!("the shipped suite is valid"));
    Plan::of(suite, Target::Mock, seed)
}

fn play(plan: &Plan) -> RunResult {
    perform(plan, &Interrupt::new(), &mut |_| {}).unwrap()
}

fn violations(result: &RunResult) -> Vec<&Finding> {
    let scenarios = result.scenarios.iter();
    scenarios
        .flat_map(|scenario| &scenario.outcome.findings)
        .filter(|finding| finding.severity > Severity::Information)
        .collect()
}

fn line(finding: &Finding) -> String {
    let Finding {
        rule,
        subject,
        message,
        observed,
        ..
    } = finding;
    format!("{rule} {subject:?}: {message}: {observed}")
}

/// What was found, for the message of a failed test.
fn told(result: &RunResult) -> String {
    let found = violations(result).into_iter().map(line);
    let verdicts = result.scenarios.iter().map(|scenario| {
        let verdict = &scenario.outcome.verdict;
        format!("{}: {verdict:?}", scenario.id)
    });
    verdicts.chain(found).collect::<Vec<_>>().join("\n")
}

/// Does a job for each item, on two threads.
fn for_each<T: Sync>(items: &[T], job: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    job(item);
                }
            });
        }
    });
}

#[test]
fn every_misbehaviour_is_caught_by_the_rules_that_it_names_and_nobody_else_is_blamed() {
    let suite = Suite::with_stages().unwrap_or_else(|_| panic!("the shipped files are valid"));
    let matrix = Matrix {
        suite: Arc::new(suite),
        seed: 3,
        jobs: 2,
    };
    let trials = self_test(&matrix, &Interrupt::new(), &mut |_| {}).unwrap();
    let clean = matrix.suite.usual().len();
    assert_eq!(trials.len(), clean + Misbehaviour::all().count());
    for trial in &trials {
        let found: Vec<String> = trial.findings.iter().map(line).collect();
        let told = format!("{trial:?}\n{}", found.join("\n"));
        assert_eq!(trial.false_findings().next(), None, "{told}");
        assert!(trial.is_right(), "{told}");
    }
    // What nothing turns is proven by nothing that was ever seen to notice. Checks of a project are
    // no misbehaviour's to turn.
    let wrong = trials.iter().filter(|trial| trial.misbehaviour.is_some());
    let turned: BTreeSet<&String> = wrong.flat_map(|trial| &trial.violated).collect();
    let items = matrix.suite.runbook.items.iter();
    let is_played = |proof: &Proof| !matches!(proof, Proof::Check(_));
    let mut never =
        items.filter(|item| item.proofs.iter().any(is_played) && !turned.contains(&item.id));
    assert_eq!(never.next().map(|item| &*item.id), None);
}

#[test]
fn a_socket_that_outlives_its_session_asks_to_recover_it_for_the_next_user() {
    let mut suite = Suite::with_stages().unwrap_or_else(|_| panic!("the shipped files are valid"));
    let contract = Arc::make_mut(&mut suite.contract);
    let feed = contract.realtime.as_mut().expect("the shipped feed");
    feed.client.recovery = Some(Duration::from_secs(120));
    let stage = Quirk::KeepsSocket.stage();
    suite.scenarios.retain(|scenario| scenario.id == stage);
    let suite = Arc::new(suite);
    let played = |quirks: Vec<Quirk>| {
        play(&Plan {
            scenarios: suite.scenarios.clone(),
            suite: Arc::clone(&suite),
            quirks,
            ..plan(3)
        })
    };
    let clean = played(Vec::new());
    assert!(violations(&clean).is_empty(), "{}", told(&clean));
    let result = played(vec![Quirk::KeepsSocket]);
    let mut found = violations(&result).into_iter();
    let asks = found.any(|finding| {
        finding.rule == "TENANT-6" && finding.observed.contains("asks for the recovery")
    });
    assert!(asks, "{}", told(&result));
}

#[test]
fn a_used_refresh_token_is_good_within_its_grace_and_not_after_it() {
    let mut suite = Suite::shipped().unwrap_or_else(|_| panic!("the shipped suite is valid"));
    let contract = Arc::make_mut(&mut suite.contract);
    contract.session.reuse_grace = Duration::from_secs(10);
    let stage = Defect::RefreshReuse.stage();
    suite.scenarios.retain(|scenario| scenario.id == stage);
    let suite = Arc::new(suite);
    let played = |defects: Vec<Defect>| {
        play(&Plan {
            scenarios: suite.scenarios.clone(),
            suite: Arc::clone(&suite),
            defects,
            ..plan(3)
        })
    };
    let clean = played(Vec::new());
    assert!(violations(&clean).is_empty(), "{}", told(&clean));
    let result = played(vec![Defect::RefreshReuse]);
    let mut found = violations(&result).into_iter();
    assert!(
        found.any(|finding| finding.rule == "SESSION-6"),
        "{}",
        told(&result)
    );
}

#[test]
fn whoever_is_named_as_culprit_is_the_one_that_the_rule_is_about() {
    for one in Misbehaviour::all() {
        for rule in one.trips() {
            let info = rules::find(rule).unwrap_or_else(|| panic!("{rule} of {}", one.name()));
            // Some rules are about what either side can cause, and blame neither.
            let open = [Subject::Both, Subject::Unclear].contains(&info.subject);
            let bound = open || info.subject == one.culprit();
            assert!(bound, "{rule} of {}", one.name());
        }
    }
}

#[test]
fn only_forbidden_writes_end_with_their_own_exit_code() {
    let mut ended = BTreeMap::new();
    for quirk in [
        Quirk::CallsForbidden,
        Quirk::DisguisedWrite,
        Quirk::DisguisedRead,
    ] {
        let mut plan = plan(3);
        plan.scenarios
            .retain(|scenario| scenario.id == quirk.stage());
        plan.quirks = vec![quirk];
        ended.insert(quirk, Exit::of(&play(&plan)));
    }
    let expected = [
        (Quirk::CallsForbidden, Exit::ForbiddenWrite),
        (Quirk::DisguisedWrite, Exit::ForbiddenWrite),
        (Quirk::DisguisedRead, Exit::NonConformance),
    ];
    assert_eq!(ended, BTreeMap::from(expected));
}

#[test]
fn every_rule_is_tripped_by_some_misbehaviour() {
    // That what is named does trip its rules is what the first test shows.
    let tripped: BTreeSet<&str> = Misbehaviour::all()
        .flat_map(Misbehaviour::trips)
        .copied()
        .collect();
    for rule in rules::catalogue() {
        assert!(tripped.contains(rule.id), "nothing trips {}", rule.id);
    }
}

#[test]
fn an_app_and_a_backend_that_behave_pass_under_every_seed_and_nothing_is_found() {
    let seeds: Vec<u64> = (100..120).collect();
    let all = plan(0).scenarios.len();
    for_each(&seeds, |seed| {
        let result = play(&plan(*seed));
        let findings = || {
            let scenarios = result.scenarios.iter();
            scenarios.flat_map(|scenario| &scenario.outcome.findings)
        };
        // Minutes without a socket come to the cap of the stock schedule, which is worth a remark.
        let stock = |finding: &&Finding| {
            finding.rule == "NET-1" && finding.severity == Severity::Information
        };
        let found = findings().find(|finding| !stock(finding));
        assert_eq!(found, None, "seed {seed}\n{}", told(&result));
        for scenario in &result.scenarios {
            let scope = &scenario.outcome.scope;
            let caught = (scope.canaries_sent, scope.canaries_caught);
            assert!(caught.0 > 0 && caught.0 == caught.1, "{caught:?}");
        }
        assert_eq!(Exit::of(&result), Exit::Passed, "seed {seed}");
        assert_eq!(result.scenarios.len(), all);
    });
}

#[test]
fn the_same_seed_gives_the_same_journal_to_the_byte_and_another_seed_another_one() {
    let written = |seed: u64| {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan {
            journal_dir: Some(folder.path().to_owned()),
            run_file: None,
            lease: None,
            jobs: 2,
            ..plan(seed)
        };
        play(&plan);
        journals(folder.path())
    };
    let (first, again, other) = (written(7), written(7), written(8));
    assert_eq!(first.len(), plan(7).scenarios.len());
    for (name, journal) in &first {
        let again = again
            .get(name)
            .unwrap_or_else(|| panic!("{name} is missing the second time"));
        let lines = journal
            .split(|byte| *byte == b'\n')
            .zip(again.split(|byte| *byte == b'\n'));
        for (first, again) in lines.map(|(first, again)| (lossy(first), lossy(again))) {
            assert_eq!(first, again, "{name} is another one the second time");
        }
        assert_eq!(journal.len(), again.len(), "{name} ended earlier once");
        assert_ne!(other.get(name), Some(journal), "{name} ignores the seed");
    }
}

fn lossy(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

fn journals(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}
