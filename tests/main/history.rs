//! The history of runs, as whoever uses the command sees it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use rehearsal::internals::history::{Asked, History, Purpose, Series};
use rehearsal::internals::runfile::{Manifest, Recorded, Writer};

use crate::commands::{ends, rehearsal};
use crate::local::{self, Mock, PASSWORD, config, impatient_suite};

/// The only run file in a folder's state.
fn kept(folder: &Path) -> PathBuf {
    let mut runs = fs::read_dir(folder.join(".rehearsal/runs")).unwrap();
    runs.next().unwrap().unwrap().path()
}

fn series(database: &Path) -> Vec<Series> {
    let history = History::open(database, Purpose::Read).unwrap();
    history.series(&Asked::default()).unwrap()
}

/// The files of runs that came to the same, each under a name of its own.
pub(crate) fn copies(run: &Path, number: u64) -> Vec<PathBuf> {
    let run = Recorded::open(run).unwrap();
    let copy = |at: u64| {
        let path = run.path.with_file_name(format!("{at}.run.gz"));
        let manifest = Manifest {
            id: format!("{at:016}"),
            started: run.manifest.started + at * 86_400,
            ..run.manifest.clone()
        };
        let writer = Writer::create(&path, &manifest).unwrap();
        run.scenarios.iter().for_each(|own| writer.scenario(own));
        writer.end(run.end.as_ref().unwrap()).unwrap();
        path
    };
    (0..number).map(copy).collect()
}

#[test]
fn a_run_with_a_configuration_is_remembered_and_one_without_litters_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = ["run", "--seed", "1", "-q", "--scenario", "sign-in"];
    ends(folder.path(), &run, 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let (_, err) = ends(folder.path(), &["history"], 1);
    assert!(err.contains("there is no history") && err.contains("history add"));

    let config = folder.path().join("rehearsal.toml");
    fs::write(&config, "").unwrap();
    let database = folder.path().join(".rehearsal/history.db");
    ends(folder.path(), &[&run[..], &["--no-history"]].concat(), 0);
    ends(folder.path(), &[&run[..], &["--no-run-file"]].concat(), 0);
    assert!(!database.exists());
    ends(folder.path(), &run, 0);
    let known = series(&database);
    assert_eq!((known.len(), known[0].runs.len()), (1, 1));

    // What was left out is taken in later, and what is known counts once.
    let files = fs::read_dir(folder.path().join(".rehearsal/runs")).unwrap();
    let mut words = vec!["history".to_owned(), "add".to_owned()];
    words.extend(files.map(|file| file.unwrap().path().to_str().unwrap().to_owned()));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (out, _) = ends(folder.path(), &words, 0);
    assert!(
        out.contains("taken in") && out.contains("known before"),
        "{out}"
    );
    assert_eq!(series(&database)[0].runs.len(), 2);

    fs::write(&config, "[history]\npath = \"other.db\"\n").unwrap();
    ends(folder.path(), &run, 0);
    assert!(folder.path().join("other.db").exists());
    fs::write(&config, "[history]\nrecord = false\n").unwrap();
    ends(folder.path(), &run, 0);
    assert_eq!(series(&database)[0].runs.len(), 2);
}

#[test]
fn the_page_of_a_run_holds_its_history_and_so_does_every_later_one() {
    let folder = tempfile::tempdir().unwrap();
    let run = ["run", "--seed", "1", "-q", "--scenario", "sign-in"];
    let page = |words: &[&str]| {
        let words = [&run[..], words].concat();
        ends(folder.path(), &words, 0);
        fs::read_to_string(folder.path().join(words[words.len() - 1])).unwrap()
    };
    let has_history = |page: &str| page.contains("data-kind=\"history\"");
    assert!(!has_history(&page(&["--html", "none.html"])));
    fs::write(folder.path().join("rehearsal.toml"), "").unwrap();
    page(&["--html", "first.html"]);
    let second = ["--run-file", "b.run.gz", "--html", "second.html"];
    let second = page(&second);
    assert!(has_history(&second));
    // Whatever is remembered later: a report of the run says what the run said.
    page(&["--html", "third.html"]);
    ends(
        folder.path(),
        &["report", "b.run.gz", "--html", "again.html"],
        0,
    );
    let again = fs::read_to_string(folder.path().join("again.html")).unwrap();
    assert_eq!(again, second);
    let recorded = Recorded::open(&folder.path().join("b.run.gz")).unwrap();
    let history: Value = serde_json::from_slice(&recorded.history().unwrap()).unwrap();
    assert_eq!(history["runs"].as_array().unwrap().len(), 2);
    assert_eq!(history["scenarios"][0]["id"], "sign-in");
}

#[test]
fn a_run_that_was_played_in_shards_is_compared_and_remembered_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("rehearsal.toml"), "").unwrap();
    let some = ["--scenario", "sign-in", "--scenario", "sign-out"];
    let night = |words: &[&str], code: i32| {
        ends(
            at,
            &[&["run", "--seed", "1", "-q"], &some[..], words].concat(),
            code,
        );
    };
    night(&REGRESSION, 4);
    for shard in ["1/2", "2/2"] {
        let file = format!("{}.run.gz", &shard[..1]);
        night(&["--shard", shard, "--run-file", &file], 0);
    }
    let merge = ["merge", "1.run.gz", "2.run.gz", "-o", "both.run.gz"];
    ends(at, &merge, 0);
    let (told, _) = ends(at, &["report", "both.run.gz", "--json", "-"], 0);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert!(
        !told["changes"]["fixed"].as_array().unwrap().is_empty(),
        "{told}"
    );
    let recorded = Recorded::open(&at.join("both.run.gz")).unwrap();
    let page: Value = serde_json::from_slice(&recorded.history().unwrap()).unwrap();
    assert_eq!(page["runs"].as_array().unwrap().len(), 2, "{page}");
    let (told, _) = ends(at, &["history", "--json"], 0);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        told["series"][0]["runs"].as_array().unwrap().len(),
        2,
        "{told}"
    );
    // Elsewhere, and in none.
    let elsewhere = [&merge[..], &["--database", "other.db"]].concat();
    fs::remove_file(at.join("both.run.gz")).unwrap();
    ends(at, &elsewhere, 0);
    assert!(at.join("other.db").exists());
    fs::remove_file(at.join("other.db")).unwrap();
    fs::remove_file(at.join("both.run.gz")).unwrap();
    ends(
        at,
        &[&merge[..], &["--no-history", "--database", "other.db"]].concat(),
        0,
    );
    assert!(!at.join("other.db").exists());
}

#[test]
fn a_history_that_cannot_be_used_is_told_and_changes_nothing_of_a_run() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rehearsal.toml"), "").unwrap();
    fs::create_dir(folder.path().join(".rehearsal")).unwrap();
    let database = folder.path().join(".rehearsal/history.db");
    fs::write(&database, "no database").unwrap();
    let run = ["run", "--seed", "1", "-q", "--scenario", "sign-in"];
    let (_, err) = ends(folder.path(), &run, 0);
    assert!(err.contains("note: the run is not in the history"), "{err}");
    assert_eq!(fs::read_to_string(&database).unwrap(), "no database");
    for command in [
        &["history"][..],
        &["history", "prune", "--older-than", "1d"],
    ] {
        let (_, err) = ends(folder.path(), command, 1);
        assert!(
            err.contains("it is no database") && err.contains("hint:"),
            "{err}"
        );
    }
    let file = kept(folder.path());
    let words = ["history", "add", file.to_str().unwrap(), "none.run.gz"];
    let words = [&words[..], &["--database", "new.db"]].concat();
    let (out, err) = ends(folder.path(), &words, 1);
    assert!(
        out.contains("taken in") && err.contains("none.run.gz"),
        "{err}"
    );
}

#[test]
fn a_process_that_is_killed_while_it_writes_leaves_whole_runs() {
    let folder = tempfile::tempdir().unwrap();
    let run = ["run", "--seed", "1", "-q", "--scenario", "sign-in"];
    let run = [&run[..], &["--run-file", "a.run.gz"]].concat();
    ends(folder.path(), &run, 0);
    let files = copies(&folder.path().join("a.run.gz"), 24);
    let mut words = vec!["history", "add"];
    words.extend(files.iter().map(|file| file.to_str().unwrap()));
    let database = folder.path().join(".rehearsal/history.db");
    for round in 0..12_u32 {
        let mut adding = rehearsal(folder.path(), &words);
        let mut adding = adding.stdout(Stdio::piped()).spawn().unwrap();
        let mut told = BufReader::new(adding.stdout.take().unwrap()).lines();
        told.by_ref().take(round as usize).for_each(drop);
        // Somewhere within the run after that.
        let somewhere = Duration::from_micros(u64::from(round * 397 % 1_500));
        let since = Instant::now();
        while since.elapsed() < somewhere {
            std::hint::spin_loop();
        }
        adding.kill().unwrap();
        adding.wait().unwrap();
        if !database.exists() {
            continue;
        }
        for own in History::open(&database, Purpose::Write)
            .unwrap()
            .series(&Asked::default())
            .unwrap()
        {
            let whole = own
                .things
                .iter()
                .all(|thing| thing.told.len() == own.runs.len());
            assert!(whole, "a run is there in part");
        }
    }
    ends(folder.path(), &words, 0);
    assert_eq!(series(&database)[0].runs.len(), 24);
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn three_nights_tell_what_is_new_since_when_and_whose_fault_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let suite = folder.path();
    impatient_suite(suite);
    let night = |config: &str, name: &str, code: i32| {
        let more = ["--scenario", "sign-in", "--seed", "1", "--json", name];
        let run = ["--run-file", &format!("{name}.run.gz")];
        let (ended, out, err) = local::run(suite, config, PASSWORD, &[&more[..], &run].concat());
        assert_eq!(ended, Some(code), "{out}\n{err}");
        (out, read(&suite.join(name)))
    };
    let good = Mock::start(suite);
    let (out, report) = night(&config(&good, ""), "clean", 0);
    assert!(report.get("changes").is_none(), "{out}");
    drop(good);

    let bad = Mock::start_with(suite, &["--defect", "no-request-id"]);
    let last = config(&bad, "");
    let (out, report) = night(&last, "regression", 4);
    let new = report["changes"]["new"].as_array().unwrap();
    let is = |kind: &str, id: &str| new.iter().any(|own| own["kind"] == kind && own["id"] == id);
    assert!(is("scenario", "sign-in") && is("rule", "NET-13"), "{new:?}");
    assert_eq!(report["changes"]["before"]["verdict"], "passed");
    assert_eq!(report["scenarios"][0]["class"]["name"], "product");
    assert!(
        out.contains("before    passed on") && out.contains("class     product, by NET-13"),
        "{out}"
    );
    drop(bad);

    // Nobody listens there any more.
    let (_, report) = night(&last, "down", 3);
    let scenario = &report["scenarios"][0];
    assert_eq!(scenario["verdict"], "inconclusive");
    assert_eq!(scenario["class"]["name"], "target-down");
    assert_eq!(report["changes"]["before"]["verdict"], "failed");
    assert_eq!(report["changes"]["new"], Value::Array(Vec::new()));

    // Whatever was remembered since, a report says what the run said.
    let again = ["report", "regression.run.gz", "--json", "again"];
    ends(suite, &again, 0);
    assert!(fs::read(suite.join("regression")).unwrap() == fs::read(suite.join("again")).unwrap());

    three_nights_are_remembered(suite);
}

fn three_nights_are_remembered(suite: &Path) {
    let (out, _) = ends(suite, &["history", "--target", "local"], 0);
    assert!(out.contains("✓✗?") && out.contains("fails since"), "{out}");
    assert!(
        out.contains("target-down") && out.contains("last green"),
        "{out}"
    );
    let (out, _) = ends(suite, &["history", "--json", "--scenario", "sign-in"], 0);
    let told: Value = serde_json::from_str(&out).unwrap();
    let scenario = &told["series"][0]["scenarios"][0];
    let row = serde_json::json!(["passed", "failed", "inconclusive"]);
    assert_eq!(scenario["row"], row);
    assert_eq!(scenario["last"]["class"], "target-down");
    assert_eq!(
        scenario["first_seen"],
        told["series"][0]["runs"][1]["started"]
    );
    assert_eq!(told["series"][0]["rules"], Value::Array(Vec::new()));
}

/// Listens for what somebody is told, and answers with this status.
fn hook(status: u16) -> (String, mpsc::Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/s3cr3t", listener.local_addr().unwrap());
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let line = line.trim().to_lowercase();
                if let Some(number) = line.strip_prefix("content-length:") {
                    length = number.trim().parse().unwrap();
                }
                if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            // Nobody may be there any more to hear it.
            let _ = tell.send(serde_json::from_slice(&body).unwrap());
            let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (url, told)
}

/// Plays one scenario with these words more, and with the URL in the environment.
fn night(folder: &Path, url: &str, more: &[&str], code: i32) -> String {
    let words = ["run", "--seed", "1", "-q", "--scenario", "sign-in"];
    let mut run = rehearsal(folder, &[&words[..], more].concat());
    for proxy in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        run.env_remove(proxy);
    }
    let output = run.env("HOOK", url).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{err}");
    assert!(!err.contains("s3cr3t"), "{err}");
    err
}

const REGRESSION: [&str; 2] = ["--defect", "no-request-id"];

#[test]
fn somebody_is_told_when_something_changes_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let notify = "[[notify]]\nurl-env = \"HOOK\"\n[[notify]]\nkind = \"slack\"\nurl-env = \"HOOK\"\n\
                  [[notify]]\nurl-env = \"HOOK\"\ntargets = [\"stag*\"]\n";
    fs::write(folder.path().join("rehearsal.toml"), notify).unwrap();
    let (url, told) = hook(200);
    let all = || told.try_iter().collect::<Vec<Value>>();
    night(folder.path(), &url, &[], 0);
    assert!(all().is_empty(), "there was nothing to compare it with");
    let dry = [&REGRESSION[..], &["--notify-dry-run", "--no-history"]].concat();
    let err = night(folder.path(), &url, &dry, 4);
    assert!(all().is_empty() && err.contains("nobody is told"), "{err}");

    night(folder.path(), &url, &REGRESSION, 4);
    let told = all();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0]["verdict"], "failed");
    assert_eq!(told[0]["changes"]["new"][0]["class"], "product");
    let text = told[1]["text"].as_str().unwrap();
    assert!(
        text.contains("1 scenario failing anew") && text.contains("NET-13"),
        "{text}"
    );

    night(folder.path(), &url, &REGRESSION, 4);
    assert!(all().is_empty(), "it fails as it did");
    let err = night(folder.path(), &url, &["--notify-dry-run"], 0);
    assert!(
        all().is_empty() && err.contains("HOOK would be told"),
        "{err}"
    );
    assert!(err.contains("1 scenario fixed"), "{err}");
}

#[test]
fn whoever_cannot_be_told_is_no_verdict() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let hangs = format!("http://{}/s3cr3t", silent.local_addr().unwrap());
    let (refuses, _told) = hook(500);
    for (url, told) in [
        (hangs.as_str(), "it did not answer within 200ms"),
        (&refuses, "it answered 500"),
        ("s3cr3t", "builder error"),
        ("", "the variable is not set"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let notify = "[[notify]]\nurl-env = \"HOOK\"\ntimeout = \"200ms\"\n";
        fs::write(folder.path().join("rehearsal.toml"), notify).unwrap();
        night(folder.path(), url, &REGRESSION, 4);
        let err = night(folder.path(), url, &[], 0);
        let note = format!("note: nobody was told by HOOK: {told}");
        assert!(err.contains(&note), "{err}");
    }
}
