//! The shipped suite as a judge: it passes an app and a backend that behave, whatever the seed, and
//! finds every quirk and every defect by the rules that they name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rehearsal::app::Quirk;
use rehearsal::cli::Exit;
use rehearsal::domain::result::RunResult;
use rehearsal::domain::rules;
use rehearsal::domain::verdict::{Finding, Severity, Subject, Verdict};
use rehearsal::mock::Defect;
use rehearsal::run::{Interrupt, Plan, Target, perform};
use rehearsal::suite::Suite;

/// The rules for which the shipped suite must have an occasion.
const FIRST_SET: [&str; 20] = [
    "SESSION-1",
    "SESSION-2",
    "SESSION-4",
    "SESSION-8",
    "SESSION-14",
    "SESSION-15",
    "KILL-1",
    "KILL-2",
    "KILL-4",
    "NET-1",
    "NET-10",
    "SYNC-1",
    "SYNC-2",
    "SYNC-3",
    "SYNC-4",
    "SYNC-5",
    "SCOPE-1",
    "SCOPE-2",
    "SCOPE-3",
    "SCOPE-4",
];

/// Defects that the six scenarios cannot show, and why. One that is found after all must leave this
/// list.
const NOT_SHOWN: [(Defect, &str); 5] = [
    (
        Defect::DataDuringMaintenance,
        "no app that behaves asks for data then; only a probe of the harness would",
    ),
    (
        Defect::EventsAfterExpiry,
        "no scenario outlives a token, which takes too long in real time",
    ),
    (
        Defect::LostPageItem,
        "one walk cannot tell an item that was left out from one that does not exist",
    ),
    (
        Defect::RefreshReuse,
        "no app that behaves sends a used token; only a probe of the harness would",
    ),
    (
        Defect::SignOutKeepsSession,
        "no app that behaves sends the token again; only a probe of the harness would",
    ),
];

/// Defects whose rule needs a lever that no shipped scenario moves: an expectation finds them.
const BY_EXPECTATION: [Defect; 1] = [Defect::SilentFeed];

/// A scenario in which the quirk shows.
fn stage_of(quirk: Quirk) -> &'static str {
    match quirk {
        Quirk::TokenInQuery
        | Quirk::SocketTokenInQuery
        | Quirk::DataBeforeSession
        | Quirk::NoStatusFirst
        | Quirk::CallsForbidden
        | Quirk::UndeclaredWrite
        | Quirk::DisguisedRead
        | Quirk::DisguisedWrite
        | Quirk::UndeclaredEmit
        | Quirk::ForbiddenNamespace => "sign-in",
        Quirk::ParallelRefreshes
        | Quirk::RefreshLoop
        | Quirk::RefreshOn403
        | Quirk::SignOutOn403
        | Quirk::SignInOnRestore
        | Quirk::RetryWithoutBackoff => "session-restore",
        Quirk::DataWhileBlocked | Quirk::SignOutOnMaintenance | Quirk::MaintenanceForGood => {
            "kill-switch"
        }
        Quirk::AttemptsWhileOffline => "degraded-backend",
        Quirk::ReconnectWithoutBackoff
        | Quirk::NoFallback
        | Quirk::StaysOnPolling
        | Quirk::NeverStopsPolling
        | Quirk::TwoPollers
        | Quirk::OverlappingPolls
        | Quirk::PollsTooFast
        | Quirk::NoSnapshot => "polling-fallback",
        Quirk::PollsBesideSocket => "read-only-scope",
    }
}

/// A scenario in which the defect shows; nothing, if it must be looked for in all of them.
fn stage_of_defect(defect: Defect) -> Option<&'static str> {
    match defect {
        Defect::ForeignKey
        | Defect::WrongAudience
        | Defect::ExpiredAtIssue
        | Defect::ForeignProfile
        | Defect::SocketsRefused
        | Defect::NoRequestId
        | Defect::NumberAsText
        | Defect::CacheableData => Some("sign-in"),
        Defect::StatusIgnoresSwitch => Some("kill-switch"),
        Defect::RepeatedPageItem | Defect::SilentFeed => Some("read-only-scope"),
        Defect::RefreshBroken => Some("session-restore"),
        Defect::SessionsLostOnRestart => Some("degraded-backend"),
        Defect::DataDuringMaintenance
        | Defect::EventsAfterExpiry
        | Defect::LostPageItem
        | Defect::RefreshReuse
        | Defect::SignOutKeepsSession => None,
    }
}

fn plan(seed: u64) -> Plan {
    let suite = Suite::shipped().unwrap_or_else(|_| panic!("the shipped suite is valid"));
    Plan {
        scenarios: suite.scenarios.clone(),
        suite: Arc::new(suite),
        target: Target::Mock,
        real_time: false,
        seed,
        quirks: Vec::new(),
        defects: Vec::new(),
        jobs: 1,
        journal_dir: None,
    }
}

fn only(mut plan: Plan, id: &str) -> Plan {
    plan.scenarios.retain(|scenario| scenario.id == id);
    assert_eq!(plan.scenarios.len(), 1, "{id}");
    plan
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

/// What was found, for the message of a failed test.
fn told(result: &RunResult) -> String {
    let found = violations(result).into_iter().map(|finding| {
        let Finding {
            rule,
            subject,
            message,
            observed,
            ..
        } = finding;
        format!("{rule} {subject:?}: {message}: {observed}")
    });
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

/// The culprit is named, by these rules among others, and nothing passes.
fn assert_found(name: &str, result: &RunResult, trips: &[&str], culprit: Subject) {
    let found = violations(result);
    let told = told(result);
    for rule in trips {
        let info = rules::find(rule).unwrap_or_else(|| panic!("{name}: there is no rule {rule}"));
        assert_eq!(info.subject, culprit, "{name}: {rule} is about another one");
        assert!(
            found.iter().any(|finding| finding.rule == *rule),
            "{name}: {rule} did not notice\n{told}"
        );
    }
    assert!(!found.is_empty(), "{name} was not noticed\n{told}");
    for finding in &found {
        assert_eq!(finding.subject, culprit, "{name}\n{told}");
    }
    for scenario in &result.scenarios {
        let verdict = &scenario.outcome.verdict;
        assert_eq!(*verdict, Verdict::Failed, "{name}\n{told}");
    }
    let forbidden = found
        .iter()
        .any(|finding| finding.severity == Severity::ForbiddenWrite);
    let exit = if forbidden {
        Exit::ForbiddenWrite
    } else {
        Exit::NonConformance
    };
    assert_eq!(Exit::of(result), exit, "{name}\n{told}");
}

#[test]
fn every_quirk_trips_the_rules_that_it_names() {
    let forbidden = Mutex::new(BTreeSet::new());
    for_each(Quirk::ALL, |quirk| {
        let mut plan = only(plan(3), stage_of(*quirk));
        plan.quirks = vec![*quirk];
        let result = play(&plan);
        assert_found(quirk.name(), &result, quirk.trips(), Subject::App);
        if Exit::of(&result) == Exit::ForbiddenWrite {
            forbidden.lock().unwrap().insert(quirk.name());
        }
    });
    let writes = ["calls-forbidden", "disguised-write"];
    assert_eq!(*forbidden.lock().unwrap(), BTreeSet::from(writes));
}

#[test]
fn every_defect_trips_the_rules_that_it_names_or_is_known_not_to_be_shown() {
    for_each(&Defect::ALL, |defect| {
        let mut plan = plan(3);
        plan.defects = vec![*defect];
        if let Some(id) = stage_of_defect(*defect) {
            let result = play(&only(plan, id));
            let trips = if BY_EXPECTATION.contains(defect) {
                let found = violations(&result);
                assert!(found.iter().all(|finding| finding.rule == "STEP"));
                &[]
            } else {
                defect.trips()
            };
            assert_found(defect.name(), &result, trips, Subject::Backend);
            return;
        }
        let why = NOT_SHOWN.iter().find(|(own, _)| own == defect);
        let result = play(&plan);
        assert!(why.is_some(), "{defect} has no scenario");
        assert_eq!(
            result.verdict,
            Verdict::Passed,
            "{defect} is found after all"
        );
    });
}

#[test]
fn each_rule_of_the_first_set_is_tripped_by_something_in_the_shipped_suite() {
    // That what is named here does trip its rules is what the two tests above show.
    let quirks = Quirk::ALL.iter().flat_map(|quirk| quirk.trips());
    let defects = Defect::ALL
        .iter()
        .filter(|defect| stage_of_defect(**defect).is_some() && !BY_EXPECTATION.contains(*defect))
        .flat_map(|defect| defect.trips());
    let tripped: BTreeSet<&str> = quirks.chain(defects).copied().collect();
    for rule in FIRST_SET {
        assert!(tripped.contains(rule), "{rule}");
    }
}

#[test]
fn an_app_and_a_backend_that_behave_pass_under_every_seed_and_nothing_at_all_is_found() {
    let seeds: Vec<u64> = (100..120).collect();
    for_each(&seeds, |seed| {
        let result = play(&plan(*seed));
        let findings = || {
            let scenarios = result.scenarios.iter();
            scenarios.flat_map(|scenario| &scenario.outcome.findings)
        };
        assert_eq!(findings().next(), None, "seed {seed}\n{}", told(&result));
        assert_eq!(Exit::of(&result), Exit::Passed, "seed {seed}");
        assert_eq!(result.scenarios.len(), 6);
    });
}

#[test]
fn the_same_seed_gives_the_same_journal_to_the_byte_and_another_seed_another_one() {
    let written = |seed: u64| {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan {
            journal_dir: Some(folder.path().to_owned()),
            jobs: 2,
            ..plan(seed)
        };
        play(&plan);
        journals(folder.path())
    };
    let (first, again, other) = (written(7), written(7), written(8));
    assert_eq!(first.len(), 6);
    for (name, journal) in &first {
        let same = again.get(name).is_some_and(|again| again == journal);
        assert!(same, "{name} is another one the second time");
        assert_ne!(other.get(name), Some(journal), "{name} ignores the seed");
    }
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
