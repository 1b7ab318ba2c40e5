//! The page of a run in a real browser: pages are made here, `tests/interop/report` opens and uses
//! them. Needs Chromium, which `.ci/run` installs; `REHEARSAL_CHROMIUM` names another one.

mod made;
mod nights;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;

use rehearsal::internals::report::html;
use serde_json::{Value, json};

use crate::commands::ends;
use crate::history::copies;

/// The most that a page may have.
const MOST: u64 = 15_000_000;

#[test]
fn the_page_of_a_run_is_used_in_chromium() {
    let folder = tempfile::tempdir().unwrap();
    played(folder.path());
    let hostile = folder.path().join("hostile.html");
    let words = nights::hostile(&made::HOSTILE.concat());
    let (report, journal) = (made::hostile_report(), made::hostile_journal());
    write(&hostile, (&report, Some(&words)), &|out| {
        out.write_all(journal.as_bytes())
    });
    quarter(folder.path());
    browse("page.test.mjs", folder.path());
}

#[test]
fn the_documents_of_an_incident_and_of_a_period_are_read_in_chromium() {
    let folder = tempfile::tempdir().unwrap();
    documents(folder.path());
    browse("document.test.mjs", folder.path());
}

#[test]
fn a_hundred_thousand_entries_open_and_scroll_in_chromium() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("long.html");
    let report = made::long_report(100_000);
    write(&page, (&report, None), &|out| {
        made::long_journal(out, 100_000)
    });
    let size = fs::metadata(&page).unwrap().len();
    assert!(size <= MOST, "the page has {size} bytes");
    browse("long.test.mjs", folder.path());
}

/// Pages of real runs, one of which fails.
fn played(folder: &Path) {
    for (name, more) in [
        ("failing", ["--quirk", "no-fallback"].as_slice()),
        ("clean", &[]),
    ] {
        let run = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
            .args(["run", "--seed", "1", "--scenario", "polling-fallback"])
            .args(["--scenario", "two-devices", "--scenario", "sign-in"])
            .args(more)
            .arg("--html")
            .arg(folder.join(format!("{name}.html")))
            .output()
            .unwrap();
        assert!(folder.join(format!("{name}.html")).exists(), "{run:?}");
    }
}

/// The incident report of a run in which the app lost its session, and sign-offs of a few nights like that
/// and of a month.
fn documents(folder: &Path) {
    let words = |words: &[&str], code: i32| ends(folder, words, code);
    let run = ["run", "-q", "--seed", "1", "--scenario", "session-restore"];
    let lost = ["--quirk", "forgets-session", "--run-file", "lost.run.gz"];
    words(&[&run[..], &lost].concat(), 4);
    words(&["incident", "lost.run.gz", "--html", "incident.html"], 0);
    let nights = copies(&folder.join("lost.run.gz"), 31);
    for (page, number) in [("nights", 3), ("month", 31)] {
        let page = format!("{page}.html");
        let files = nights[..number].iter().map(|own| own.to_str().unwrap());
        let signoff = ["signoff", "--html", &page].into_iter().chain(files);
        words(&signoff.collect::<Vec<_>>(), 8);
    }
}

/// A page with three months of history, and what that adds to it.
fn quarter(folder: &Path) {
    let report = made::long_report(40);
    let history = nights::quarter("long");
    let size = |name: &str, history| {
        let page = folder.join(name);
        write(&page, (&report, history), &|out| {
            made::long_journal(out, 40)
        });
        fs::metadata(&page).unwrap().len()
    };
    let added = size("nights.html", Some(&history[..])) - size("alone.html", None);
    assert!(added < 100_000, "three months add {added} bytes");
}

/// Writes a page of one scenario whose journal `fill` writes.
fn write(
    page: &Path,
    (report, history): (&Value, Option<&[u8]>),
    fill: &dyn Fn(&mut dyn Write) -> std::io::Result<()>,
) {
    let journal = page.with_extension("jsonl");
    let mut out = BufWriter::new(File::create(&journal).unwrap());
    fill(&mut out).unwrap();
    out.flush().unwrap();
    drop(out);
    let scenario = report["scenarios"][0]["id"].as_str().unwrap().to_owned();
    let journal = html::Journal {
        scenario,
        device: None,
        open: Box::new(move || {
            let file = std::io::BufReader::new(File::open(journal)?);
            Ok(Box::new(file) as Box<dyn std::io::BufRead>)
        }),
    };
    let mut out = BufWriter::new(File::create(page).unwrap());
    let report = serde_json::to_vec(report).unwrap();
    html::write(&mut out, &report, history, vec![journal]).unwrap();
    out.flush().unwrap();
}

/// Runs a test of Node on the pages in a folder.
fn browse(test: &str, pages: &Path) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
    assert!(
        folder.join("node_modules/playwright-core").is_dir(),
        "playwright-core is not installed: run `npm ci --prefix tests/interop`"
    );
    let ran = Command::new("node")
        .args(["--test", "--test-reporter=spec"])
        .arg(folder.join("report").join(test))
        .env("REHEARSAL_PAGES", pages)
        .output()
        .expect("Node 20 or later is needed");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    // What was measured is worth reading where all is well, too.
    for line in said
        .lines()
        .filter(|line| line.contains(" ms of computing"))
    {
        writeln!(std::io::stdout(), "{line}").unwrap();
    }
}

/// A JSON report with this one scenario in it.
fn report_of(scenario: &Value) -> Value {
    json!({
        "version": 2, "rehearsal": "test", "seed": 1, "target": "mock", "virtual_time": false,
        "quirks": [], "defects": [], "verdict": scenario["verdict"], "reason": null, "interrupted": false,
        "duration_wall_ms": 1, "causes": [], "scenarios": [scenario],
        "runbook": {"name": "none", "version": "1", "published": false, "groups": [], "items": [], "checks": []},
        "scope": {"requests_judged": 1, "frames_judged": 1, "forbidden": 0, "undeclared": 0,
            "canary_caught": true, "canaries_sent": 1, "canaries_caught": 1},
        "figures": {
            "watched_ms": 1.0, "requests": {"count": 1, "mean_per_minute": null, "peak_minute": 1},
            "sign_ins": {"succeeded": 1, "refused": 0, "failed": 0, "provoked": 0},
            "refreshes": {"succeeded": 0, "refused": 0, "failed": 0, "provoked": 0},
            "routes": {}, "sockets": {"connects": 1, "peak_second": 1},
            "feed": {"all": {"live_ms": 1.0, "polling_ms": 0.0, "stale_ms": 0.0}, "offline_ms": 0.0},
            "freshness": {}, "time_to_fallback": {"count": 0}, "time_to_return": {"count": 0},
            "kill_latency": {"count": 0}, "harness_requests": 1
        },
        "coverage": {}
    })
}
