//! Runs that are taken in once and whole, files that are left alone, and what the past says.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::*;

const DAY: u64 = 24 * 60 * 60;

fn line(kind: Kind, name: &str, sign: Sign, value: Option<u64>) -> Kept {
    Kept {
        kind,
        name: name.to_owned(),
        title: String::new(),
        sign,
        class: None,
        note: None,
        value,
    }
}

/// A run of a night with what two scenarios came to.
fn night(id: &str, night: u64, one: Sign, two: Sign) -> Past {
    Past {
        run: PastRun {
            id: id.to_owned(),
            started: night * DAY,
            target: "staging".to_owned(),
            contract: "harbour".to_owned(),
            verdict: one.word().to_owned(),
            ..PastRun::default()
        },
        kept: vec![
            line(Kind::Scenario, "one", one, Some(1_000 * night)),
            line(Kind::Scenario, "two", two, None),
        ],
    }
}

fn begun(folder: &TempDir) -> History {
    History::open(&folder.path().join("history.db"), Purpose::Write).unwrap()
}

fn all(history: &History) -> Vec<Series> {
    history.series(&Asked::default()).unwrap()
}

#[test]
fn a_run_stands_at_the_end_of_its_own_series_and_what_began_later_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = begun(&folder);
    let own = night("own", 3, Sign::Failed, Sign::Passed);
    for past in [
        night("a", 1, Sign::Passed, Sign::Passed),
        night("late", 9, Sign::Passed, Sign::Passed),
        night("b", 2, Sign::Flaky, Sign::Open),
    ] {
        history.take(&past).unwrap();
    }
    let before = nights(&all(&history), &own);
    history.take(&own).unwrap();
    // Whether it has been taken in already makes no difference.
    assert_eq!(nights(&all(&history), &own), before);
    let ids: Vec<&str> = before.runs.iter().map(|run| run.id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "own"]);
    let signs = before.things.iter().map(|thing| {
        let told = thing.told.iter().map(|(place, told)| (*place, told.sign));
        told.collect::<Vec<_>>()
    });
    let expected = [
        [(0, Sign::Passed), (1, Sign::Flaky), (2, Sign::Failed)],
        [(0, Sign::Passed), (1, Sign::Open), (2, Sign::Passed)],
    ];
    assert_eq!(signs.collect::<Vec<_>>(), expected);
    let first = nights(&[], &own);
    assert_eq!((first.runs.len(), first.things.len()), (1, 2));
}

#[test]
fn a_run_that_is_taken_in_twice_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = begun(&folder);
    let past = night("a", 1, Sign::Passed, Sign::Failed);
    assert_eq!(history.take(&past).unwrap(), Taken::New);
    assert_eq!(history.take(&past).unwrap(), Taken::Known);
    let series = all(&history);
    assert_eq!(series[0].runs, [past.run]);
    let names: Vec<&str> = series[0]
        .things
        .iter()
        .map(|own| own.name.as_str())
        .collect();
    assert_eq!(names, ["one", "two"]);
}

#[test]
fn a_merged_run_stands_in_the_place_of_its_parts_and_they_do_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = begun(&folder);
    let merged = |id: &str, parts: &[&str]| {
        let mut past = night(id, 1, Sign::Passed, Sign::Passed);
        past.run.parts = parts.iter().map(|own| (*own).to_owned()).collect();
        past
    };
    history
        .take(&night("a", 1, Sign::Passed, Sign::Passed))
        .unwrap();
    history.take(&merged("m", &["a", "b"])).unwrap();
    for known in [
        night("b", 1, Sign::Passed, Sign::Passed),
        // Another merge of the same shards is the same run.
        merged("n", &["b", "a"]),
        merged("o", &["a"]),
    ] {
        assert_eq!(history.take(&known).unwrap(), Taken::Known, "{known:?}");
    }
    let ids = |history: &History| -> Vec<String> {
        let runs = all(history).remove(0).runs.into_iter();
        runs.map(|run| run.id).collect()
    };
    assert_eq!(ids(&history), ["m"]);
    history.take(&merged("p", &["a", "b", "c"])).unwrap();
    assert_eq!(ids(&history), ["p"]);
}

#[test]
fn runs_are_compared_with_nothing_but_their_own_contract_and_target() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = begun(&folder);
    let mut mock = night("a", 1, Sign::Passed, Sign::Passed);
    mock.run.target = "mock".to_owned();
    history.take(&mock).unwrap();
    history
        .take(&night("b", 2, Sign::Passed, Sign::Passed))
        .unwrap();
    let series = all(&history);
    let targets: Vec<&str> = series.iter().map(|own| own.target.as_str()).collect();
    assert_eq!(targets, ["mock", "staging"]);
    let asked = Asked {
        target: Some("mock".to_owned()),
        names: vec![(Kind::Scenario, "t*".to_owned())],
        ..Asked::default()
    };
    let series = history.series(&asked).unwrap();
    assert_eq!((series.len(), series[0].things.len()), (1, 1));
}

#[test]
fn the_past_says_since_when_something_fails_and_when_it_was_mended() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = begun(&folder);
    use Sign::{Errored, Failed, Flaky, Open, Passed};
    let signs = [Passed, Failed, Open, Failed, Passed, Flaky, Errored];
    // Whatever the order in which they are handed in.
    for (at, sign) in signs.iter().enumerate().rev() {
        let at = at as u64;
        history
            .take(&night(
                &format!("{at}"),
                at,
                *sign,
                if at < 3 { Passed } else { Open },
            ))
            .unwrap();
    }
    let series = all(&history).remove(0);
    let told = trend(&series, &series.things[0]);
    let row: Vec<Sign> = told.row.iter().flatten().copied().collect();
    assert_eq!(row, signs);
    assert_eq!((told.tested, told.flaky, told.flips), (5, 1, 3));
    let moments = (told.first_seen, told.last_seen, told.fixed, told.last_good);
    assert_eq!(moments, (Some(5 * DAY), Some(5 * DAY), None, Some(4 * DAY)));
    assert_eq!(told.untested_nights, 1);
    assert_eq!((told.value, told.usual), (Some(6_000), Some(3_000)));
    let told = trend(&series, &series.things[1]);
    assert_eq!((told.untested_nights, told.last_good), (4, Some(2 * DAY)));

    // What is shown ends earlier, and what is known since when goes on.
    let asked = Asked {
        since: Some(Duration::from_secs(2 * DAY)),
        ..Asked::default()
    };
    let series = history.series(&asked).unwrap().remove(0);
    let told = trend(&series, &series.things[0]);
    assert_eq!((told.row.len(), told.tested), (3, 2));
    assert_eq!(told.last_good, Some(4 * DAY));
}

#[test]
fn a_failure_that_was_mended_says_when() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = begun(&folder);
    let signs = [Sign::Failed, Sign::Failed, Sign::Passed, Sign::Passed];
    for (at, sign) in signs.into_iter().enumerate() {
        let at = at as u64;
        history
            .take(&night(&format!("{at}"), at, sign, Sign::Passed))
            .unwrap();
    }
    let series = all(&history).remove(0);
    let told = trend(&series, &series.things[0]);
    let moments = (told.first_seen, told.last_seen, told.fixed);
    assert_eq!(moments, (Some(0), Some(DAY), Some(2 * DAY)));
}

/// Whatever it does to the file, it is refused both ways and left as it is.
fn refused(folder: &TempDir, spoil: impl Fn(&Path), told: &str) {
    let path = folder.path().join("spoilt.db");
    let mut history = History::open(&path, Purpose::Write).unwrap();
    for at in 0..40 {
        let past = night(&format!("{at}"), at, Sign::Passed, Sign::Passed);
        history.take(&past).unwrap();
    }
    drop(history);
    spoil(&path);
    let before = fs::read(&path).unwrap();
    for purpose in [Purpose::Read, Purpose::Write] {
        let error = History::open(&path, purpose).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    assert!(before == fs::read(&path).unwrap(), "it was written over");
    fs::remove_file(&path).unwrap();
}

#[test]
fn what_is_newer_damaged_or_something_else_is_refused_and_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let pragma = |name: &'static str, value: u32| {
        move |path: &Path| {
            let db = rusqlite::Connection::open(path).unwrap();
            db.pragma_update(None, name, value).unwrap();
        }
    };
    refused(&folder, pragma("user_version", 2), "of version 2");
    refused(&folder, pragma("application_id", 7), "of another program");
    refused(
        &folder,
        |path| fs::write(path, "{\"journal\":2}\n").unwrap(),
        "it is no database",
    );
    let cut = |path: &Path| {
        let whole = fs::read(path).unwrap();
        fs::write(path, &whole[..whole.len() - 4_096]).unwrap();
    };
    refused(&folder, cut, "is damaged");
    let overwritten = |path: &Path| {
        let mut whole = fs::read(path).unwrap();
        let half = whole.len() / 2;
        whole[half..].fill(0x55);
        fs::write(path, whole).unwrap();
    };
    refused(&folder, overwritten, "is damaged");
    let error = History::open(folder.path(), Purpose::Write).unwrap_err();
    assert!(error.to_string().contains("it is a folder"), "{error}");
    let nowhere = folder.path().join("none.db");
    let error = History::open(&nowhere, Purpose::Read).unwrap_err();
    assert!(matches!(error, Unusable::Missing { .. }), "{error}");
    assert!(!nowhere.exists());
    fs::write(folder.path().join("file"), "").unwrap();
    let below = folder.path().join("file/history.db");
    let error = History::open(&below, Purpose::Write).unwrap_err();
    assert!(error.to_string().contains("cannot be written"), "{error}");
}

#[test]
fn a_full_disk_keeps_a_run_out_and_takes_nothing_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = begun(&folder);
    history
        .take(&night("a", 1, Sign::Passed, Sign::Passed))
        .unwrap();
    history
        .db
        .pragma_update(None, "max_page_count", 12)
        .unwrap();
    let mut large = night("b", 2, Sign::Passed, Sign::Passed);
    large.kept[0].note = Some("x".repeat(100_000));
    let error = history.take(&large).unwrap_err();
    assert!(error.to_string().contains("cannot be written"), "{error}");
    let kept = all(&history).remove(0).runs;
    assert_eq!(kept.len(), 1);
}

#[test]
fn two_that_write_at_once_wait_for_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    std::thread::scope(|scope| {
        for name in ["a", "b", "c"] {
            let path = &path;
            scope.spawn(move || {
                for at in 0..10 {
                    let mut history = History::open(path, Purpose::Write).unwrap();
                    let past = night(&format!("{name}{at}"), at, Sign::Passed, Sign::Failed);
                    history.take(&past).unwrap();
                }
            });
        }
    });
    let history = History::open(&path, Purpose::Read).unwrap();
    let series = all(&history).remove(0);
    assert_eq!(series.runs.len(), 30);
    assert!(series.things.iter().all(|own| own.told.len() == 30));
}

#[test]
fn old_runs_are_forgotten_by_the_newest_of_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = begun(&folder);
    for at in 0..10 {
        let past = night(&format!("{at}"), at, Sign::Passed, Sign::Passed);
        history.take(&past).unwrap();
    }
    let pruned = history.prune(Duration::from_secs(3 * DAY)).unwrap();
    assert_eq!(pruned, Pruned { runs: 6, left: 4 });
    let series = all(&history).remove(0);
    assert_eq!(series.things[0].told.len(), 4);
    assert_eq!(history.prune(Duration::from_secs(3 * DAY)).unwrap().runs, 0);
}

#[test]
fn a_run_is_compared_with_what_was_known_before_it() {
    use Sign::{Failed, Open, Passed};
    let folder = tempfile::tempdir().unwrap();
    let mut history = begun(&folder);
    let first = night("0", 0, Passed, Failed);
    assert_eq!(changes(&all(&history), &first), None);
    for (at, (one, two)) in [(Passed, Failed), (Passed, Failed), (Open, Open)]
        .into_iter()
        .enumerate()
    {
        let at = at as u64;
        history
            .take(&night(&format!("{at}"), at, one, two))
            .unwrap();
    }
    let told = |past: &Past| {
        let changes = changes(&all(&history), past).unwrap();
        let names = |all: &[crate::domain::changes::Change]| {
            let all = all.iter().map(|own| (own.id.clone(), own.since / DAY));
            all.collect::<Vec<_>>()
        };
        let (new, fixed) = (names(&changes.new), names(&changes.fixed));
        (changes.before.id, new, fixed, names(&changes.still))
    };
    let is = |name: &str, since: u64| vec![(name.to_owned(), since)];
    let none = Vec::new;
    // What was open yesterday is compared with the night before.
    let next = night("3", 3, Failed, Passed);
    assert_eq!(
        told(&next),
        ("2".to_owned(), is("one", 3), is("two", 0), none())
    );
    let next = night("3", 3, Passed, Failed);
    assert_eq!(told(&next), ("2".to_owned(), none(), none(), is("two", 0)));
    // A run that is handed in late is compared with what was before it.
    let late = night("x", 1, Failed, Passed);
    assert_eq!(
        told(&late),
        ("1".to_owned(), is("one", 1), is("two", 0), none())
    );
}
