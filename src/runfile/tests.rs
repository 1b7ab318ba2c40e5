//! Files that are whole, cut off, damaged, foreign and newer; shards in any order.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::block::{Head, pack};
use super::*;
use crate::domain::coverage::Coverage;
use crate::domain::figures::Figures;
use crate::domain::journal::file::{Case, ContractMark, Header};
use crate::domain::result::{RunResult, ScenarioResult};
use crate::domain::runbook::{Answer, Basis, Shown};
use crate::domain::verdict::{Outcome, ScopeTally, Verdict};

fn manifest(id: &str, selected: &[&str]) -> Manifest {
    let listed = |name: &&str| Listed {
        id: (*name).to_owned(),
        usual: true,
        selected: selected.contains(name),
        ..Listed::default()
    };
    Manifest {
        rehearsal: "0.0.0".to_owned(),
        id: id.to_owned(),
        seed: 7,
        scenarios: ["one", "two", "three"].iter().map(listed).collect(),
        ..Manifest::default()
    }
}

fn header(id: &str) -> Header {
    Header {
        journal: 2,
        rehearsal: "0.0.0".to_owned(),
        contract: ContractMark::default(),
        target: "mock".to_owned(),
        seed: 7,
        epoch: 1,
        virtual_time: true,
        enforced: true,
        quirks: Vec::new(),
        defects: Vec::new(),
        case: Case {
            id: id.to_owned(),
            ..Case::default()
        },
    }
}

fn result(id: &str, verdict: Verdict) -> ScenarioResult {
    ScenarioResult {
        id: id.to_owned(),
        name: id.to_uppercase(),
        file: String::new(),
        runbook: Vec::new(),
        shown: Shown::default(),
        outcome: Outcome {
            verdict,
            findings: Vec::new(),
            not_judged: Vec::new(),
            remarks: Vec::new(),
            scope: ScopeTally::default(),
            duration: Duration::from_nanos(1_234_567_891),
        },
        duration_wall: Duration::from_micros(5),
        excerpt: Vec::new(),
        journal_entries: 3,
        levers: Vec::new(),
        figures: Figures::default(),
        coverage: Coverage::default(),
        attempts: Vec::new(),
        down: None,
    }
}

fn end() -> RunResult {
    RunResult {
        seed: 7,
        target: "mock".to_owned(),
        virtual_time: true,
        quirks: Vec::new(),
        defects: Vec::new(),
        scenarios: Vec::new(),
        runbook: Answer::default(),
        scope: ScopeTally::default(),
        figures: Figures::default(),
        coverage: Coverage::default(),
        verdict: Verdict::Passed,
        interrupted: false,
        changes: None,
        duration_wall: Duration::from_millis(3),
    }
}

/// Writes a run of these scenarios with a line of journal each.
fn written(folder: &TempDir, id: &str, played: &[(&str, Verdict)], whole: bool) -> PathBuf {
    let path = folder.path().join(format!("{id}-{whole}.run.gz"));
    let selected: Vec<&str> = played.iter().map(|(name, _)| *name).collect();
    let writer = Writer::create(&path, &manifest(id, &selected)).unwrap();
    writer.basis(&Basis::default());
    for (at, (name, verdict)) in played.iter().enumerate() {
        writer
            .journal(&header(name))
            .line(format!("{{\"by\":\"{id}\"}}\n").as_bytes());
        if whole || at + 1 < played.len() {
            writer.scenario(&result(name, verdict.clone()));
        }
    }
    if whole {
        writer.end(&end()).unwrap();
    }
    path
}

fn journal(run: &Recorded, scenario: &str) -> String {
    let of = run
        .journals()
        .into_iter()
        .find(|own| own.scenario == scenario)
        .unwrap();
    let mut text = String::new();
    run.journal(&of).unwrap().read_to_string(&mut text).unwrap();
    text
}

fn passed(names: &[&'static str]) -> Vec<(&'static str, Verdict)> {
    names.iter().map(|name| (*name, Verdict::Passed)).collect()
}

#[test]
fn a_run_comes_back_as_it_was_written_and_any_gzip_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(&folder, "a", &passed(&["one", "two"]), true);
    let run = Recorded::open(&path).unwrap();
    assert_eq!(run.flaw, None);
    assert_eq!(run.manifest, manifest("a", &["one", "two"]));
    let ids: Vec<&str> = run.scenarios.iter().map(|own| own.id.as_str()).collect();
    assert_eq!(ids, ["one", "two"]);
    assert_eq!(
        run.scenarios[0].outcome,
        result("one", Verdict::Passed).outcome
    );
    assert_eq!(
        run.end.as_ref().unwrap().duration_wall,
        Duration::from_millis(3)
    );
    let lines: Vec<String> = journal(&run, "two").lines().map(str::to_owned).collect();
    assert!(
        lines[0].starts_with("{\"journal\":2,") && lines[1] == "{\"by\":\"a\"}",
        "{lines:?}"
    );
    let mut all = String::new();
    flate2::read::MultiGzDecoder::new(fs::File::open(&path).unwrap())
        .read_to_string(&mut all)
        .unwrap();
    assert!(
        all.starts_with("{\"block\":\"manifest\",\"rehearsal_run\":1}\n"),
        "{all}"
    );
    assert!(all.contains("{\"block\":\"end\"}\n"), "{all}");
}

#[test]
fn a_journal_of_many_blocks_between_those_of_others_is_read_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.run.gz");
    let writer = Writer::create(&path, &manifest("a", &["one", "two"])).unwrap();
    let (mut one, mut two) = (
        writer.journal(&header("one")),
        writer.journal(&header("two")),
    );
    for number in 0..60_000 {
        one.line(format!("{{\"one\":{number}}}\n").as_bytes());
        two.line(format!("{{\"two\":{number}}}\n").as_bytes());
    }
    drop((one, two));
    let run = Recorded::open(&path).unwrap();
    assert!(run.blocks.len() > 8, "{} blocks", run.blocks.len());
    let text = journal(&run, "two");
    let numbers = text.lines().skip(1).enumerate();
    assert!(
        numbers
            .clone()
            .all(|(at, line)| line == format!("{{\"two\":{at}}}"))
    );
    assert_eq!(numbers.count(), 60_000);
}

#[test]
fn what_comes_of_a_scenario_that_was_given_up_does_not_follow_its_result() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stuck.run.gz");
    let writer = Writer::create(&path, &manifest("a", &["one"])).unwrap();
    let mut stuck = writer.journal(&header("one"));
    stuck.flush();
    writer.scenario(&result("one", Verdict::Errored("stuck".to_owned())));
    stuck.line(b"{\"late\":true}\n");
    drop(stuck);
    let run = Recorded::open(&path).unwrap();
    assert!(!journal(&run, "one").contains("late"));
}

#[test]
fn a_report_is_made_from_the_journal_that_decided_and_not_from_one_that_said_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again.run.gz");
    let writer = Writer::create(&path, &manifest("a", &["one", "two"])).unwrap();
    for said in ["first", "second"] {
        let mut journal = writer.journal(&header("one"));
        journal.line(format!("{{\"{said}\":true}}\n").as_bytes());
    }
    assert_eq!(writer.deciding("one"), 2);
    writer.decides("one", 1);
    writer.scenario(&result("one", Verdict::Failed));
    // One that was stopped has no result.
    (0..2).for_each(|_| drop(writer.journal(&header("two"))));
    let run = Recorded::open(&path).unwrap();
    let of = |scenario: &str, attempt| JournalOf {
        scenario: scenario.to_owned(),
        attempt,
    };
    assert_eq!(run.deciding_journals(), [of("one", 1), of("two", 2)]);
    assert_eq!(run.journals().len(), 4);
}

#[test]
fn a_file_that_is_cut_anywhere_loses_no_more_than_its_last_block() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(&folder, "a", &passed(&["one", "two"]), true);
    let whole = fs::read(&path).unwrap();
    let blocks = Recorded::open(&path).unwrap().blocks;
    let first = usize::try_from(blocks[0].length).unwrap();
    let cut = folder.path().join("cut.run.gz");
    for length in 0..whole.len() {
        fs::write(&cut, &whole[..length]).unwrap();
        let read = Recorded::open(&cut);
        if length < first {
            assert!(matches!(read, Err(Unreadable::Foreign { .. })), "{length}");
            continue;
        }
        let read = read.unwrap();
        let kept = blocks
            .iter()
            .filter(|own| own.at + own.length <= length as u64);
        assert_eq!(read.blocks.len(), kept.count(), "{length}");
        assert!(read.end.is_none() && read.flaw.is_some(), "{length}");
    }
}

#[test]
fn damage_is_told_with_its_place_and_what_stands_before_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(&folder, "a", &passed(&["one", "two"]), true);
    let blocks = Recorded::open(&path).unwrap().blocks;
    let result = blocks
        .iter()
        .rposition(|own| matches!(own.head, Head::Scenario { .. }))
        .unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let inside = usize::try_from(blocks[result].at + blocks[result].length - 6).unwrap();
    bytes[inside] ^= 0xff;
    fs::write(&path, bytes).unwrap();
    let run = Recorded::open(&path).unwrap();
    assert_eq!(run.scenarios.len(), 1);
    let flaw = run.flaw.unwrap();
    assert!(
        matches!(flaw, Flaw::Damaged { at, .. } if at == blocks[result].at),
        "{flaw}"
    );
}

#[test]
fn what_is_no_run_file_is_called_by_what_it_seems_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for (bytes, told) in [
        (&b""[..], "it is empty"),
        (
            b"{\"journal\":2,\"rehearsal\":\"0\"}\n",
            "it is a journal, which `rehearsal judge` judges",
        ),
        (b"{\n  \"version\": 2", "it is JSON"),
        (
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
            "it is packed, and not by rehearsal",
        ),
        (b"name: a suite\n", "it does not begin as one"),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = Recorded::open(&path).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    let error = Recorded::open(folder.path()).unwrap_err().to_string();
    assert!(error.ends_with("it is a folder"), "{error}");
    let error = Recorded::open(&folder.path().join("none")).unwrap_err();
    assert!(matches!(error, Unreadable::Unopened { .. }));
    let error = Recorded::open(Path::new("/dev/zero"))
        .unwrap_err()
        .to_string();
    assert!(error.ends_with("it does not begin as one"), "{error}");
}

#[test]
fn a_newer_file_is_refused_with_the_way_out_and_unknown_blocks_and_keys_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("newer.run.gz");
    let newer = Head::Manifest {
        rehearsal_run: VERSION + 1,
    };
    let text = b"{\"rehearsal\":\"9.9.9\",\"everything\":\"else\"}\n";
    fs::write(&path, pack(&newer, text).unwrap()).unwrap();
    let error = Recorded::open(&path).unwrap_err().to_string();
    assert!(
        error.contains("version 2, written by rehearsal 9.9.9")
            && error.ends_with("or a newer one"),
        "{error}"
    );
    let path = written(&folder, "a", &passed(&["one"]), false);
    let mut bytes = fs::read(&path).unwrap();
    let later = b"{\"block\":\"weather\",\"fine\":true}\nsun\n";
    let packed = pack(&Head::Unknown, later).unwrap();
    bytes.extend(packed);
    fs::write(&path, bytes).unwrap();
    assert_eq!(Recorded::open(&path).unwrap().flaw, Some(Flaw::NoEnd));
}

#[cfg(unix)]
#[test]
fn a_run_file_is_its_owners_and_takes_the_place_of_nothing_but_another_one() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let path = written(&folder, "a", &passed(&["one"]), true);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    Writer::create(&path, &manifest("b", &[])).unwrap();
    assert_eq!(Recorded::open(&path).unwrap().manifest.id, "b");
    let notes = folder.path().join("notes.txt");
    fs::write(&notes, "mine").unwrap();
    let link = folder.path().join("link.run.gz");
    symlink(&path, &link).unwrap();
    for (place, told) in [
        (notes.as_path(), "no run file"),
        (folder.path(), "it is a folder"),
        (&link, "it is a link"),
        (Path::new("/dev/null"), "it is a pipe or a device"),
    ] {
        let error = Writer::create(place, &manifest("c", &[])).unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    }
    assert_eq!(fs::read_to_string(&notes).unwrap(), "mine");
    assert_eq!(Recorded::open(&path).unwrap().manifest.id, "b");
}

fn open(paths: &[&PathBuf]) -> Vec<Recorded> {
    paths
        .iter()
        .map(|path| Recorded::open(path).unwrap())
        .collect()
}

/// What a merge holds, whatever the file looks like.
fn held(folder: &TempDir, paths: &[&PathBuf]) -> (Vec<(String, Verdict, String)>, Merged) {
    let to = folder.path().join("merged.run.gz");
    let merged = merge(open(paths), &to, "m".to_owned()).unwrap();
    let run = Recorded::open(&to).unwrap();
    let mut held: Vec<_> = run
        .scenarios
        .iter()
        .map(|own| {
            (
                own.id.clone(),
                own.outcome.verdict.clone(),
                journal(&run, &own.id),
            )
        })
        .collect();
    held.sort_by(|one, other| one.0.cmp(&other.0));
    (held, merged)
}

#[test]
fn shards_are_merged_in_any_order_partial_and_twice() {
    let folder = tempfile::tempdir().unwrap();
    let first = written(&folder, "a", &passed(&["one", "two"]), true);
    let partial = written(&folder, "a", &passed(&["one", "two"]), false);
    let second = written(&folder, "b", &passed(&["three"]), true);
    let (all, merged) = held(&folder, &[&first, &second]);
    assert_eq!(all.len(), 3);
    assert!(merged.missing.is_empty() && merged.unasked.is_empty() && merged.twice.is_empty());
    for order in [
        &[&second, &first][..],
        &[&second, &partial, &first, &second],
        &[&partial, &first, &second],
    ] {
        assert_eq!(held(&folder, order).0, all);
    }
    let (some, merged) = held(&folder, &[&partial]);
    assert_eq!(some.len(), 1);
    assert_eq!(
        (merged.missing, merged.unasked),
        (vec!["two".to_owned()], vec!["three".to_owned()])
    );
}

#[test]
fn a_failure_does_not_vanish_by_being_played_again() {
    let folder = tempfile::tempdir().unwrap();
    let failed = written(
        &folder,
        "a",
        &[("one", Verdict::Failed), ("two", Verdict::Passed)],
        true,
    );
    let again = written(&folder, "b", &passed(&["one"]), true);
    for order in [[&failed, &again], [&again, &failed]] {
        let (held, merged) = held(&folder, &order);
        assert_eq!(held[0].1, Verdict::Failed);
        assert!(held[0].2.contains("{\"by\":\"a\"}"), "{}", held[0].2);
        assert_eq!(merged.twice, ["one"]);
    }
}

#[test]
fn runs_of_different_things_are_not_merged_and_every_difference_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let one = written(&folder, "a", &passed(&["one"]), true);
    let path = folder.path().join("other.run.gz");
    let other = Manifest {
        seed: 8,
        target: "staging".to_owned(),
        contract: ContractMark {
            name: "other".to_owned(),
            sha256: "ff".to_owned(),
        },
        ..manifest("b", &["two"])
    };
    Writer::create(&path, &other).unwrap();
    let to = folder.path().join("merged.run.gz");
    let error = merge(open(&[&one, &path]), &to, "m".to_owned())
        .unwrap_err()
        .to_string();
    for told in [
        "contract “” () and “other” (ff)",
        "seed 7 and 8",
        "target  and staging",
    ] {
        assert!(error.contains(told), "{error}");
    }
    assert!(!to.exists());
}
