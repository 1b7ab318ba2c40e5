//! Snapshots of whole reports.

use super::*;
use crate::report::samples;

fn look(detail: Detail, width: usize) -> Look {
    Look {
        detail,
        width,
        again: Again::Play(Vec::new()),
    }
}

fn report(result: &RunResult, look: Look) -> String {
    let mut terminal = Terminal::new(anstream::StripStream::new(Vec::new()), look);
    terminal
        .begin(&Opening {
            target: result.target.clone(),
            seed: result.seed,
            virtual_time: result.virtual_time,
            scenarios: result.scenarios.iter().map(|one| one.id.clone()).collect(),
            deviations: result.quirks.clone(),
        })
        .unwrap();
    for scenario in &result.scenarios {
        terminal.scenario(scenario).unwrap();
    }
    terminal.end(result).unwrap();
    String::from_utf8(terminal.into_inner().into_inner()).unwrap()
}

#[test]
fn a_run_that_passed_is_short() {
    insta::assert_snapshot!(report(&samples::passed(), look(Detail::Normal, 100)));
}

#[test]
fn findings_read_like_bug_reports() {
    insta::assert_snapshot!(report(&samples::failed(), look(Detail::Normal, 100)));
}

#[test]
fn a_forbidden_write_is_told_as_such_and_its_bytes_are_harmless() {
    let told = report(&samples::forbidden(), look(Detail::Normal, 100));
    assert!(!told.contains('\u{1b}'));
    insta::assert_snapshot!(told);
}

#[test]
fn every_kind_of_verdict_has_its_line_and_its_account() {
    insta::assert_snapshot!(report(&samples::mixed(), look(Detail::Normal, 100)));
}

#[test]
fn a_quiet_report_tells_only_what_went_wrong() {
    insta::assert_snapshot!(report(&samples::passed(), look(Detail::Quiet, 100)), @"passed: 2 passed in 214ms, seed 42");
}

#[test]
fn a_verbose_report_adds_remarks_and_what_was_not_judged() {
    let told = report(&samples::passed(), look(Detail::Verbose, 100));
    assert!(
        told.contains("NET-1  Retries back off, with jitter"),
        "{told}"
    );
    assert!(told.contains("SESSION-4 not judged"), "{told}");
}

#[test]
fn a_verbose_report_has_every_item_of_the_runbook_below_its_group() {
    let told = report(&samples::mixed(), look(Detail::Verbose, 80));
    let from = told.find("  runbook ").unwrap();
    let table = told[from..].split("  levers ").next().unwrap();
    insta::assert_snapshot!(table);
}

#[test]
fn nothing_but_the_command_to_copy_is_wider_than_the_terminal() {
    for width in [60, 80, 120] {
        for result in [samples::mixed(), samples::forbidden()] {
            for detail in [Detail::Normal, Detail::Verbose] {
                let told = report(&result, look(detail, width));
                let wide = told
                    .lines()
                    .find(|line| line.chars().count() > width && !line.contains("replay with:"));
                assert_eq!(wide, None, "at {width} columns");
            }
        }
    }
}

#[test]
fn a_replay_carries_everything_that_changed_the_run() {
    let mut result = samples::forbidden();
    result.target = "local".to_owned();
    result.virtual_time = false;
    let mut look = look(Detail::Normal, 100);
    look.again = Again::Play(vec!["--suite".to_owned(), "my suite".to_owned()]);
    let told = report(&result, look);
    let command = "replay with: rehearsal run --target local --scenario scope --seed 42 --quirk closes-positions --suite 'my suite'";
    assert!(told.contains(command), "{told}");
}

#[test]
fn colours_are_in_the_stream_for_those_who_can_show_them() {
    let mut terminal = Terminal::new(Vec::new(), look(Detail::Normal, 80));
    terminal.end(&samples::passed()).unwrap();
    let told = String::from_utf8(terminal.into_inner()).unwrap();
    assert!(told.contains("\u{1b}[32mpassed\u{1b}[0m"), "{told}");
}

#[test]
fn a_rule_that_is_broken_twice_shows_both_and_advises_once() {
    let mut result = samples::forbidden();
    let outcome = &mut result.scenarios[0].outcome;
    let mut second = outcome.findings[0].clone();
    second.observed = "the second one".to_owned();
    outcome.findings.push(second);
    let told = report(&result, look(Detail::Normal, 100));
    assert!(told.contains("the second one"), "{told}");
    assert_eq!(told.matches("explain ").count(), 1, "{told}");
    assert_eq!(told.matches("▸").count() % 2, 0, "{told}");
    assert!(!told.contains("as in"), "{told}");
}
