//! Whatever happens in whatever order: the app beside an oracle that holds the truth.
//!
//! A script of random steps is played to the app: answers of now and of before, packets that are
//! lost, swapped and repeated, timers, process deaths, the storage, the network, two users. After
//! every event what is shown, sent and kept is compared with what is true; at the end all trouble
//! ends and the app must show exactly that. Scripts are the same in every run; `PROPTEST_CASES`
//! makes it more of them and `PROPTEST_RNG_SEED` others.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};

use super::*;

mod play;
mod promises;
mod script;
mod truth;
mod world;

use play::{ANEW, play};
use script::{Act, Packet, Script, Start, Step, Storage, With, script};
use truth::{Holdings, Owner, Truth};
use world::{Breach, Flight, Marks, Outcome, World, ensure, received};

/// Scripts that every run of the tests plays.
const CASES: u32 = 1_500;

/// Scripts within which each quirk must be found.
const CASES_FOR_A_QUIRK: u32 = 20_000;

/// A shrunk script is no longer than this.
const READABLE: usize = 25;

fn runner(cases: u32) -> TestRunner {
    let mut config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 500,
        ..Config::default()
    };
    if matches!(config.rng_seed, RngSeed::Random) {
        config.rng_seed = RngSeed::Fixed(20_260_105);
    }
    TestRunner::new(config)
}

#[test]
fn no_order_of_events_parts_what_is_shown_from_what_is_true() {
    let cases = std::env::var("PROPTEST_CASES").ok();
    let cases = cases.and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let outcome = runner(cases).run(&script(), |script| {
        play(&script, &[])
            .map_err(|Breach { rule, what }| TestCaseError::fail(format!("{rule}: {what}")))
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// The shrunk script by which the property finds that a quirk breaks a rule.
fn found(quirk: Quirk, rule: &str) -> Script {
    let outcome =
        runner(CASES_FOR_A_QUIRK).run(&script(), |script| match play(&script, &[quirk]) {
            Err(breach) if breach.rule == rule => Err(TestCaseError::fail(breach.what)),
            _ => Ok(()),
        });
    match outcome {
        Err(TestError::Fail(_, script)) => script,
        other => panic!("{quirk} is not found to break {rule}: {other:?}"),
    }
}

#[test]
fn the_same_property_finds_apps_that_misbehave_with_a_script_that_can_be_read() {
    for (quirk, rule) in [
        (Quirk::IgnoresGaps, "SYNC-6"),
        (Quirk::OldAnswersWin, "SYNC-6"),
        (Quirk::AppliesLateAnswers, "NET-11"),
        (Quirk::ParallelRefreshes, "SESSION-4"),
        (Quirk::GoesOnAfterSignOut, "SESSION-11"),
        (Quirk::DataBeforeSession, "SESSION-14"),
        (Quirk::ShowsPreviousUser, "TENANT-6"),
        (Quirk::TwoSockets, "SYNC-10"),
        (Quirk::OverlappingPolls, "SYNC-4"),
        (Quirk::SignsOutOnTrouble, "SESSION-7"),
    ] {
        let script = found(quirk, rule);
        assert!(script.steps.len() <= READABLE, "{quirk}: {script:?}");
    }
}
