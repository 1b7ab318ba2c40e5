//! Journals from disk are judged as they were when they were written; damaged ones up to the damage.

use std::path::{Path, PathBuf};

use rstest::rstest;

use super::*;
use crate::domain::contract::harbour::{agreed_in, harbour};
use crate::domain::journal::Entry;
use crate::domain::verdict::Verdict;
use crate::rules::{Judge, JudgeSettings};
use crate::run::{Interrupt, Misbehaviour, Plan, Target, play};
use crate::suite::Suite;

fn judged(files: &[PathBuf], contract: &Arc<Contract>) -> Result<ScenarioResult, Unjudgeable> {
    let by = JudgedBy {
        contract,
        fingerprint: "",
        runbook: &Runbook::default(),
    };
    let (mut result, _) = judge(files, by, &mut |_| {})?;
    Ok(result.scenarios.remove(0))
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/journals");
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn a_journal_from_disk_is_judged_as_one_in_memory() {
    for path in fixtures() {
        let contract = Arc::new(agreed_in(&path.file_name().unwrap().to_string_lossy()));
        let mut judge = Judge::new(Arc::clone(&contract), JudgeSettings::default());
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines() {
            judge.observe(&Arc::new(serde_json::from_str::<Entry>(line).unwrap()));
        }
        let mut in_memory = judge.finish();
        crate::run::verdict::arrange(&mut in_memory.findings);
        let offline = judged(std::slice::from_ref(&path), &contract).unwrap();
        let name = path.display();
        assert_eq!(offline.outcome.findings, in_memory.findings, "{name}");
        assert_eq!(offline.outcome.scope, in_memory.tally, "{name}");
        for unable in &in_memory.not_judged {
            assert!(offline.outcome.not_judged.contains(unable), "{name}");
        }
        let cited = offline.outcome.findings.iter().flat_map(|it| &it.evidence);
        for id in cited {
            let shown = offline.excerpt.iter().any(|entry| entry.id == *id);
            assert!(shown, "{name} does not show {id}");
        }
    }
}

/// What was done wrong on purpose: nothing, and every third quirk and defect.
fn deviations() -> impl Iterator<Item = Option<Misbehaviour>> {
    let some = Misbehaviour::all().step_by(3).map(Some);
    std::iter::once(None).chain(some)
}

#[test]
fn a_run_and_its_journal_come_to_the_same() {
    let suite = Arc::new(Suite::with_stages().unwrap());
    let folder = tempfile::tempdir().unwrap();
    for deviation in deviations() {
        let id = deviation.map_or("sign-in", Misbehaviour::stage);
        let scenario = suite.scenarios.iter().find(|own| own.id == id).unwrap();
        let mut plan = Plan {
            scenarios: vec![Arc::clone(scenario)],
            journal_dir: Some(folder.path().to_owned()),
            ..Plan::of(Arc::clone(&suite), Target::Mock, 5)
        };
        match deviation {
            Some(Misbehaviour::Quirk(quirk)) => plan.quirks.push(quirk),
            Some(Misbehaviour::Defect(defect)) => plan.defects.push(defect),
            None => {}
        }
        let live = play::play(&plan, scenario, &Interrupt::new());
        let file = folder.path().join(format!("{id}.jsonl"));
        let offline = judged(&[file], &suite.contract).unwrap();
        assert_eq!(offline.outcome, live.outcome, "{deviation:?}");
        assert_eq!(offline.levers, live.levers, "{deviation:?}");
        assert_eq!(offline.runbook, live.runbook, "{deviation:?}");
        assert_eq!(offline.shown, live.shown, "{deviation:?}");
        assert_eq!(offline.journal_entries, live.journal_entries);
        assert_eq!((offline.id, offline.file), (live.id, live.file));
    }
}

/// A good journal, header and all, as lines.
fn lines() -> Vec<String> {
    let fixture = fixtures().into_iter().find(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name == "SESSION-4.breaks.jsonl"
    });
    let text = std::fs::read_to_string(fixture.unwrap()).unwrap();
    let header = serde_json::to_string(&bare_header(Path::new("x"))).unwrap();
    let entries = text.lines().map(str::to_owned);
    std::iter::once(header).chain(entries).collect()
}

fn written(bytes: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.jsonl");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

#[rstest]
#[case::empty("", "is empty")]
#[case::blank("\n\n", "is empty")]
#[case::prose("Dear diary,\n", "it is no journal")]
#[case::har(r#"{"log": {"entries": []}}"#, "it is no journal")]
#[case::newer(r#"{"journal": 4, "all": "else"}"#, "use a newer rehearsal")]
#[case::bytes("\u{0}\u{1}\u{2}", "it is no journal")]
#[case::cut_header(r#"{"journal": 2, "rehear"#, "it is no journal")]
fn what_is_no_journal_is_refused(#[case] text: &str, #[case] why: &str) {
    let (_folder, path) = written(text);
    let error = judged(std::slice::from_ref(&path), &Arc::new(harbour())).unwrap_err();
    let told = error.to_string();
    assert!(told.contains(why), "{told}");
    assert!(told.contains(&path.display().to_string()), "{told}");
}

#[test]
fn a_missing_file_and_a_folder_are_named() {
    let contract = Arc::new(harbour());
    let folder = tempfile::tempdir().unwrap();
    let error = judged(&[folder.path().join("none.jsonl")], &contract).unwrap_err();
    assert!(error.to_string().contains("none.jsonl cannot be read"));
    let error = judged(&[folder.path().to_owned()], &contract).unwrap_err();
    assert!(error.to_string().contains("is a folder"));
}

#[rstest]
#[case::not_json("oops", "expected value")]
#[case::empty("", "it is empty")]
#[case::no_fact(r#"{"id":3,"at_us":1}"#, "missing field `fact`")]
#[case::unknown_fact(
    r#"{"id":3,"at_us":1,"fact":{"weather":{}}}"#,
    "unknown variant `weather`"
)]
#[case::gap(
    r#"{"id":9,"at_us":999999999,"fact":{"act":"launch"}}"#,
    "entry #9 follows #2"
)]
fn a_broken_line_is_named_and_what_stands_before_it_is_judged(
    #[case] broken: &str,
    #[case] why: &str,
) {
    let mut lines = lines();
    lines[3] = broken.to_owned();
    let (_folder, path) = written(lines.join("\n"));
    let result = judged(&[path], &Arc::new(harbour())).unwrap();
    let Verdict::Errored(told) = result.outcome.verdict else {
        panic!("{:?}", result.outcome.verdict);
    };
    assert!(
        told.starts_with("line 4 of ") && told.contains(why),
        "{told}"
    );
    assert_eq!(result.journal_entries, 2);
}

#[test]
fn findings_from_before_a_broken_line_are_kept() {
    let contract = Arc::new(harbour());
    let mut lines = lines();
    let (_folder, path) = written(lines.join("\n"));
    let whole = judged(&[path], &contract).unwrap();
    assert_eq!(whole.outcome.verdict, Verdict::Failed);
    lines.push("{}".to_owned());
    let (_folder, path) = written(lines.join("\n"));
    let broken = judged(&[path], &contract).unwrap();
    assert_eq!(broken.outcome.findings, whole.outcome.findings);
    assert_eq!(broken.excerpt, whole.excerpt);
    // Beside a verdict that does not tell it, what is wrong with the journal is said all the same.
    assert_eq!(whole.outcome.remarks, []);
    let [(about, said)] = &broken.outcome.remarks[..] else {
        panic!("{:?}", broken.outcome.remarks);
    };
    assert_eq!(about, "journal");
    assert!(said.contains("is not an entry"), "{said}");
}

#[test]
fn a_line_without_end_is_refused_before_it_takes_all_memory() {
    let (_folder, path) = written(lines().join("\n") + "\n");
    let whole = judged(std::slice::from_ref(&path), &Arc::new(harbour())).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    // A file with a hole: it takes no room on the disk.
    let length = file.metadata().unwrap().len();
    file.set_len(length + 1024 * 1024 * 1024).unwrap();
    let result = judged(&[path], &Arc::new(harbour())).unwrap();
    assert_eq!(result.journal_entries, whole.journal_entries);
    let told = format!("{:?}", result.outcome);
    assert!(told.contains("longer than 64 MiB"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_device_is_no_journal() {
    let error = judged(&["/dev/zero".into()], &Arc::new(harbour())).unwrap_err();
    assert!(error.to_string().contains("is a device"), "{error}");
}

#[test]
fn a_journal_that_was_cut_off_anywhere_is_judged_up_to_there() {
    let contract = Arc::new(harbour());
    let text = lines().join("\n");
    let header = text.find('\n').unwrap() + 1;
    for end in (header + 1..text.len()).step_by(211) {
        let (_folder, path) = written(&text.as_bytes()[..end]);
        let result = judged(&[path], &contract).unwrap();
        let lines = text.as_bytes()[header..end].iter();
        let whole_lines = lines.filter(|byte| **byte == b'\n').count() as u64;
        let last = u64::from(text.as_bytes()[end - 1] != b'\n');
        let entries = result.journal_entries;
        assert!(entries == whole_lines || entries == whole_lines + last);
        match result.outcome.verdict {
            Verdict::Inconclusive(why) => assert!(
                entries == whole_lines + last || why.contains("breaks off in the middle of line"),
                "{why}"
            ),
            Verdict::Failed => assert!(!result.outcome.findings.is_empty()),
            other => panic!("{other:?} for {end}"),
        }
    }
}

#[test]
fn a_journal_of_many_blocks_is_read_in_order() {
    let contract = Arc::new(harbour());
    let mut text = lines()[..2].join("\n");
    for id in 2..=8_000 {
        let padding = "x".repeat(id % 400);
        text.push_str(&format!(
            "\n{{\"id\":{id},\"at_us\":{id},\"fact\":{{\"app\":{{\"notice\":{{\"name\":\"{padding}\"}}}}}}}}"
        ));
    }
    let (_folder, path) = written(&text);
    let result = judged(&[path], &contract).unwrap();
    assert_eq!(result.journal_entries, 8_000);
    // A line in a later block, too, is named by its number in the file.
    let broken = text.replace("{\"id\":7001,", "{\"id\":7001;");
    let (_folder, path) = written(broken);
    let result = judged(&[path], &contract).unwrap();
    let Verdict::Errored(told) = result.outcome.verdict else {
        panic!("{:?}", result.outcome.verdict);
    };
    assert!(told.starts_with("line 7002 of "), "{told}");
    assert_eq!(result.journal_entries, 7_000);
}

#[test]
fn a_journal_of_another_contract_is_judged_with_a_remark() {
    let contract = Arc::new(harbour());
    let (_folder, path) = written(lines().join("\n"));
    let remarks = |fingerprint| {
        let by = JudgedBy {
            contract: &contract,
            fingerprint,
            runbook: &Runbook::default(),
        };
        judge(std::slice::from_ref(&path), by, &mut |_| {})
            .unwrap()
            .1
    };
    assert_eq!(remarks(""), Vec::<String>::new());
    assert!(remarks("abc")[0].contains("name the right one with --contract"));
}
