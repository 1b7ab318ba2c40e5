//! Every rule has journals that keep it and journals that break it.
//!
//! They are `fixtures/journals/<RULE>.keeps.jsonl` and `<RULE>.breaks.jsonl`, with `-2`, `-3` … for
//! further ones, written for the contract below, whose names are those of no other app here. A word
//! in the place of the number, as in `-closed`, is an agreement that differs in that.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{Judge, JudgeSettings, Ruling, catalogue, find};
use crate::domain::change::Change;
use crate::domain::contract::Contract;
use crate::domain::journal::{
    Changed, Class, Direction, Entry, EntryId, Fact, Frame, HarnessFact, LeverHow, NonCanonical,
};
use crate::domain::scenario::Waiver;
use crate::domain::verdict::{Finding, Severity, Subject};

mod beside;
mod blame;
mod descent;
mod driven;
mod excused;
mod figures;
mod marks;
mod names;
mod play;
mod remarks;
mod said;
mod waits;

pub(super) use crate::domain::contract::harbour::{agreed_in, harbour};
pub(super) use play::Play;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/journals")
}

/// The journals of a rule that end in `kind`, by name and content.
fn journals(kind: &str) -> Vec<(String, String, Vec<Arc<Entry>>)> {
    journals_in(&folder(), kind)
}

fn journals_in(folder: &Path, kind: &str) -> Vec<(String, String, Vec<Arc<Entry>>)> {
    let mut found: Vec<(String, String, Vec<Arc<Entry>>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter_map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let (rule, rest) = name.split_once('.').unwrap();
            rest.starts_with(kind).then(|| {
                let text = std::fs::read_to_string(&path).unwrap();
                let entries = text
                    .lines()
                    .map(|line| {
                        Arc::new(
                            serde_json::from_str(line)
                                .unwrap_or_else(|error| panic!("{name}: {error}")),
                        )
                    })
                    .collect();
                (rule.to_owned(), name.clone(), entries)
            })
        })
        .collect();
    found.sort_by(|left, right| left.1.cmp(&right.1));
    found
}

#[test]
fn every_entry_is_called_what_it_is_called_in_a_journal() {
    let mut seen = BTreeSet::new();
    for (_, name, entries) in journals("") {
        for entry in entries {
            let written = serde_json::to_value(&entry.fact).unwrap();
            let written = written.as_object().unwrap().keys().next().unwrap();
            assert_eq!(entry.fact.kind(), written, "{name}");
            seen.insert(entry.fact.kind());
        }
    }
    assert!(seen.len() > 10, "{seen:?}");
}

fn judge(journal: &str, entries: &[Arc<Entry>], settings: JudgeSettings) -> Ruling {
    judge_by(agreed_in(journal), entries, settings)
}

fn judge_by(contract: Contract, entries: &[Arc<Entry>], settings: JudgeSettings) -> Ruling {
    let mut judge = Judge::new(Arc::new(contract), settings);
    for entry in entries {
        judge.observe(entry);
    }
    judge.finish()
}

fn plainly(journal: &str, entries: &[Arc<Entry>]) -> Ruling {
    judge(journal, entries, JudgeSettings::default())
}

#[test]
fn a_journal_that_keeps_a_rule_trips_nothing_and_gives_the_rule_an_occasion() {
    let mut wrong = Vec::new();
    for (rule, name, entries) in journals("keeps") {
        let judged = plainly(&name, &entries);
        let found = apart_from_remarks(&judged, &rule);
        if !found.is_empty() {
            wrong.push(format!("{name}: {found:#?}"));
        }
        if judged.not_exercised.contains(&rule.as_str()) {
            wrong.push(format!("{name} does not put its rule to the test"));
        }
        if let Some(unable) = judged.not_judged.iter().find(|(own, _)| *own == rule) {
            wrong.push(format!("{name}: {unable:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_journal_that_breaks_a_rule_trips_that_rule_once_and_no_other() {
    let mut wrong = Vec::new();
    for (rule, name, entries) in journals("breaks") {
        let judged = plainly(&name, &entries);
        let known: BTreeSet<EntryId> = entries.iter().map(|entry| entry.id).collect();
        let found = apart_from_remarks(&judged, &rule);
        let right = matches!(&found[..], [finding] if finding.rule == rule
            && names(find(&rule).unwrap().subject, finding.subject)
            && !finding.evidence.is_empty()
            && finding.evidence.iter().all(|id| known.contains(id)));
        if !right {
            wrong.push(format!("{name}: {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What was found, without what other rules than this one say in passing.
fn apart_from_remarks<'r>(judged: &'r Ruling, rule: &str) -> Vec<&'r Finding> {
    let found = judged.findings.iter();
    found
        .filter(|finding| finding.rule == rule || finding.severity != Severity::Information)
        .collect()
}

#[test]
fn a_journal_of_version_1_is_judged_as_it_is_in_version_2() {
    let old = folder().with_file_name("journals-v1");
    let old: Vec<_> = journals_in(&old, "")
        .into_iter()
        .map(|(_, name, entries)| (plainly(&name, &entries), name))
        .collect();
    assert!(old.len() >= 10);
    let new = journals("");
    for (judged, name) in old {
        let (.., entries) = new.iter().find(|(_, own, _)| *own == name).unwrap();
        assert_eq!(judged, plainly(&name, entries), "{name}");
    }
}

#[test]
fn an_event_may_name_somebody_whom_an_answer_of_this_session_has_named() {
    let file = folder().join("TENANT-6.breaks-6.jsonl");
    let text = std::fs::read_to_string(file).unwrap();
    let own = r#""id":"sailor-8","mail":"bob@port.example""#;
    let contact = r#""id":"sailor-8","mail":"bob@port.example","friend":"ada@port.example""#;
    let entries = |text: &str| -> Vec<Arc<Entry>> {
        text.lines()
            .map(|line| Arc::new(serde_json::from_str(line).unwrap()))
            .collect()
    };
    let leaks = |text: &str| {
        let judged = plainly("TENANT-6.breaks-6.jsonl", &entries(text));
        judged
            .findings
            .iter()
            .any(|finding| finding.rule == "TENANT-6")
    };
    assert!(leaks(&text) && text.contains(own));
    assert!(!leaks(&text.replace(own, contact)));
}

/// Whether a finding about `culprit` fits a rule for `bound`.
fn names(bound: Subject, culprit: Subject) -> bool {
    (bound == culprit && culprit != Subject::Both)
        || (bound == Subject::Both && matches!(culprit, Subject::App | Subject::Backend))
}

#[test]
fn every_rule_has_a_keeper_and_a_breaker_and_every_journal_a_rule() {
    let rules: BTreeSet<String> = catalogue().map(|rule| rule.id.to_owned()).collect();
    for kind in ["keeps", "breaks"] {
        let with: BTreeSet<String> = journals(kind).into_iter().map(|(rule, ..)| rule).collect();
        assert_eq!(with, rules, "{kind}");
    }
}

#[test]
fn the_entries_of_every_journal_are_numbered_and_in_order() {
    for (_, name, entries) in journals("keeps").into_iter().chain(journals("breaks")) {
        for (at, pair) in entries.windows(2).enumerate() {
            assert_eq!(
                pair[1].id.0,
                pair[0].id.0 + 1,
                "{name} after line {}",
                at + 1
            );
            assert!(pair[1].at >= pair[0].at, "{name} after line {}", at + 1);
        }
    }
}

#[test]
fn every_rule_explains_itself_under_an_id_of_its_own() {
    let mut ids = BTreeSet::new();
    for rule in catalogue() {
        assert!(ids.insert(rule.id), "{} stands twice", rule.id);
        let sections = [
            rule.title(),
            rule.why(),
            rule.how_judged(),
            rule.fix(),
            rule.source(),
        ];
        assert!(
            sections.iter().all(|section| !section.is_empty()),
            "{} lacks a section: {sections:#?}",
            rule.id
        );
        assert!(
            rule.why().len() + rule.how_judged().len() > 80 && rule.fix().len() > 20,
            "{}",
            rule.id
        );
        assert!(!rule.judged_from.is_empty(), "{}", rule.id);
    }
    assert_eq!(find("session-4").map(|rule| rule.id), Some("SESSION-4"));
    assert_eq!(find("SESSION-99"), None);
}

#[test]
fn the_same_journal_is_judged_the_same_twice() {
    for (_, name, entries) in journals("breaks") {
        assert_eq!(plainly(&name, &entries), plainly(&name, &entries), "{name}");
    }
}

#[test]
fn a_waived_rule_is_named_as_not_judged_instead_of_found() {
    let (rule, name, entries) = journals("breaks").remove(0);
    let settings = JudgeSettings {
        waived: vec![Waiver {
            rule: rule.clone(),
            reason: "agreed until spring".to_owned(),
        }],
        ..JudgeSettings::default()
    };
    let judged = judge(&name, &entries, settings);
    assert_eq!(judged.findings, []);
    assert!(
        judged
            .not_judged
            .contains(&(rule, "waived: agreed until spring".to_owned()))
    );
}

#[test]
fn a_forbidden_request_and_a_forbidden_emit_weigh_most_and_are_counted() {
    for (rule, name, entries) in journals("breaks") {
        let judged = plainly(&name, &entries);
        assert!(!judged.findings.is_empty(), "{name}");
        if rule == "SCOPE-1" || name == "SCOPE-4.breaks.jsonl" {
            assert_eq!(
                judged.findings[0].severity,
                Severity::ForbiddenWrite,
                "{name}"
            );
            assert!(judged.tally.forbidden > 0, "{name}");
        } else {
            assert!(judged.findings[0].severity <= Severity::Violation, "{name}");
        }
    }
}

#[test]
fn a_finding_names_the_request_ids_of_answers_that_come_after_it() {
    let (_, name, entries) = journals("breaks")
        .into_iter()
        .find(|(_, name, _)| name == "SESSION-1.breaks.jsonl")
        .unwrap();
    let judged = plainly(&name, &entries);
    assert!(!judged.findings[0].request_ids.is_empty());
}

#[test]
fn without_anything_to_judge_no_rule_is_said_to_hold() {
    let judged = plainly("", &[]);
    assert_eq!(judged.findings, []);
    assert_eq!(
        judged.not_exercised.len() + judged.not_judged.len(),
        catalogue().count()
    );
}

#[test]
fn a_long_feed_of_events_finds_nothing() {
    let (.., entries) = journals("keeps")
        .into_iter()
        .find(|(_, name, _)| name == "SYNC-13.keeps.jsonl")
        .unwrap();
    let event = entries
        .iter()
        .find(|entry| {
            matches!(
                &entry.fact,
                Fact::Frame {
                    direction: Direction::Down,
                    packet: Frame::Event { .. },
                    ..
                }
            )
        })
        .unwrap();
    let mut judge = Judge::new(Arc::new(harbour()), JudgeSettings::default());
    for entry in &entries {
        judge.observe(entry);
    }
    let last = entries.last().unwrap();
    for number in 1..=60_000 {
        judge.observe(&Arc::new(Entry {
            id: EntryId(last.id.0 + number),
            at: last.at + Duration::from_millis(number),
            device: None,
            fact: event.fact.clone(),
        }));
    }
    assert_eq!(judge.finish().findings, []);
}

#[test]
fn polling_is_judged_without_a_feed_too() {
    for (rule, name, entries) in journals("breaks").into_iter().chain(journals("keeps")) {
        // The third is about a socket that fails, and its polls are few.
        if rule != "SYNC-4" || name == "SYNC-4.breaks-3.jsonl" {
            continue;
        }
        let contract = Contract {
            realtime: None,
            ..harbour()
        };
        let judged = judge_by(contract, &entries, JudgeSettings::default());
        let found = judged
            .findings
            .iter()
            .any(|finding| finding.rule == "SYNC-4");
        assert_eq!(found, name.contains("breaks"), "{name}");
        assert!(
            !judged.not_judged.iter().any(|(own, _)| *own == rule),
            "{name}"
        );
    }
}

#[test]
fn where_the_gateway_was_closed_retries_are_named_as_not_judged() {
    let (_, name, mut entries) = journals("keeps")
        .into_iter()
        .find(|(_, name, _)| name == "KILL-6.keeps-3.jsonl")
        .unwrap();
    let why = |judged: &Ruling| -> BTreeSet<String> {
        let closed = judged
            .not_judged
            .iter()
            .filter(|(_, why)| why.contains("the gateway itself was closed"));
        closed.map(|(rule, _)| rule.clone()).collect()
    };
    assert_eq!(
        why(&judge(&name, &entries, JudgeSettings::default())),
        BTreeSet::new()
    );
    let last = entries.pop().unwrap();
    entries.push(Arc::new(Entry {
        device: None,
        fact: Fact::Harness(HarnessFact::Changed(Changed {
            change: Change::Network(false),
            how: LeverHow::Gateway,
        })),
        ..(*last).clone()
    }));
    assert_eq!(
        why(&judge(&name, &entries, JudgeSettings::default())),
        ["NET-1", "NET-12", "NET-2"].map(str::to_owned).into()
    );
}

#[test]
fn a_disguised_forbidden_request_is_forbidden_and_disguised() {
    let (_, name, mut entries) = journals("breaks")
        .into_iter()
        .find(|(_, name, _)| name == "SCOPE-1.breaks.jsonl")
        .unwrap();
    for entry in &mut entries {
        if let Fact::Request(request) = &mut Arc::make_mut(entry).fact
            && request.judgement.class == Class::Forbidden
        {
            request.target = "/v2//orders".to_owned();
            request.judgement.non_canonical = Some(NonCanonical {
                canonical: "POST /v2/orders".to_owned(),
                steps: vec!["merged slashes".to_owned()],
            });
        }
    }
    let judged = plainly(&name, &entries);
    let tripped: Vec<&str> = judged
        .findings
        .iter()
        .map(|finding| finding.rule.as_str())
        .collect();
    assert_eq!(tripped, ["SCOPE-1", "SCOPE-3"]);
}

/// What is said about each journal, to the letter. A change of words is seen here, and a change of
/// what is found as well.
///
/// Only what a journal put to the test stands here, and what an agreement alone leaves unjudged
/// stands once: a new rule changes the lines of those journals that say something of it.
#[test]
fn every_journal_is_found_to_be_what_it_was() {
    let mut text = String::new();
    let mut by_agreement: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (_, name, entries) in journals("breaks").into_iter().chain(journals("keeps")) {
        let agreement = name.rsplit_once('.').unwrap().0.split_once('.').unwrap().1;
        let agreement = agreement
            .split('-')
            .filter(|word| word.parse::<u32>().is_err())
            .skip(1)
            .collect::<Vec<_>>()
            .join("-");
        let always = by_agreement
            .entry(agreement)
            .or_insert_with(|| plainly(&name, &[]).not_judged);
        let mut judged = plainly(&name, &entries);
        judged.not_judged.retain(|told| !always.contains(told));
        let _ = writeln!(text, "{name}");
        tell(&mut text, &judged, always);
    }
    let mut always = String::new();
    for (agreement, unable) in &by_agreement {
        for (rule, why) in unable {
            let _ = writeln!(always, "by the agreement `{agreement}`, {rule}: {why}");
        }
    }
    insta::assert_snapshot!(always + &text);
}

/// Findings, what was not judged, remarks, and which rules were kept, a line a family.
fn tell(text: &mut String, judged: &Ruling, always: &[(String, String)]) {
    for finding in &judged.findings {
        let evidence = finding.evidence.iter().map(|id| id.0.to_string());
        let _ = writeln!(
            text,
            "  {} {} {:?} {} {:?}\n    {}\n    expected: {}\n    observed: {}",
            finding.rule,
            finding.subject.name(),
            finding.severity,
            evidence.collect::<Vec<_>>().join(","),
            finding.request_ids,
            finding.message,
            finding.expected,
            finding.observed
        );
    }
    for (rule, why) in &judged.not_judged {
        let _ = writeln!(text, "  {rule} not judged: {why}");
    }
    for (about, remark) in &judged.remarks {
        let _ = writeln!(text, "  {about} remark: {remark}");
    }
    let mut kept: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let unable = judged.not_judged.iter().chain(always);
    let others: BTreeSet<&str> = unable
        .map(|(rule, _)| rule.as_str())
        .chain(judged.findings.iter().map(|found| found.rule.as_str()))
        .chain(judged.not_exercised.iter().copied())
        .collect();
    for rule in catalogue().filter(|rule| !others.contains(rule.id)) {
        let (family, number) = rule.id.split_once('-').unwrap();
        kept.entry(family).or_default().push(number);
    }
    for (family, numbers) in kept {
        let _ = writeln!(text, "  kept {family} {}", numbers.join(" "));
    }
}
