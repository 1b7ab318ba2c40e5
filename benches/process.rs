//! Whole-process figures: what somebody who types the command waits for and pays.
//!
//! `cargo bench --bench process` prints, per case, the median over several runs of wall time and of
//! CPU time (user and system, from the operating system's own accounting), and the largest peak of
//! memory so far. Nothing here asserts a time: machines differ, and a shared one from minute to
//! minute. Compare figures that were taken side by side. `-- judge` runs only the cases of judging, `-- soak`
//! only those of days.

#![expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// An account of the shipped world.
const USERNAME: &str = "ada.lindqvist@tradedesk.example";
const PASSWORD: &str = "mock-heron-41";

const REHEARSAL: &str = env!("CARGO_BIN_EXE_rehearsal");

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, rest @ ..] = &arguments[..]
        && first == ALONE
    {
        let alone = sample(Command::new(REHEARSAL).args(rest));
        println!("{}", alone.peak_kb);
        return;
    }
    println!(
        "{:<44} {:>10} {:>10} {:>9}",
        "case (median)", "wall", "cpu", "peak"
    );
    if arguments.iter().any(|argument| argument == "soak") {
        return soak();
    }
    judging();
    if arguments.iter().any(|argument| argument == "judge") {
        return;
    }
    case("help", 20, &["--help"]);
    case("shipped suite", 10, &["run", "--quiet", "--seed", "1"]);
    case(
        "five minutes, a price every second",
        10,
        &[
            "run",
            "--quiet",
            "--seed",
            "1",
            "--suite",
            "benches/suites/five-minutes",
            "--contract",
            "shipped",
        ],
    );
    case(
        "seven days of one app",
        1,
        &[
            "run",
            "--quiet",
            "--seed",
            "1",
            "--suite",
            "benches/suites/seven-days",
            "--contract",
            "shipped",
        ],
    );
    soak();
    against_curl();
}

/// The shipped soak, over one, seven and 28 days: what a day costs must not grow with those before it.
fn soak() {
    let shipped = include_str!("../scenarios/live/soak.yaml");
    for days in [1, 7, 28] {
        let text = shipped.replace("repeat: 7", &format!("repeat: {days}"));
        let suite = suite_of("soak", &text);
        let folder = suite.path().to_string_lossy();
        let run = ["run", "--quiet", "--seed", "1", "--tag", "soak"];
        let of_it = ["--contract", "shipped", "--suite", &*folder];
        let peak_kb = peak_alone(&[&run[..], &of_it].concat());
        let sample = Sample {
            peak_kb,
            ..sample(Command::new(REHEARSAL).args(run).args(of_it))
        };
        report(&format!("the soak, {days} days"), vec![sample]);
    }
}

/// A suite of one scenario and the shipped flows.
fn suite_of(name: &str, scenario: &str) -> tempfile::TempDir {
    let suite = tempfile::tempdir().expect("a folder for the suite");
    let flows = suite.path().join("flows");
    std::fs::create_dir(&flows).expect("a folder for the flows");
    for flow in std::fs::read_dir("scenarios/flows").expect("the shipped flows") {
        let flow = flow.expect("a flow");
        std::fs::copy(flow.path(), flows.join(flow.file_name())).expect("a copy");
    }
    let file = suite.path().join(format!("{name}.yaml"));
    std::fs::write(file, scenario).expect("a scenario");
    suite
}

fn case(name: &str, runs: usize, arguments: &[&str]) -> Sample {
    let samples: Vec<Sample> = (0..runs)
        .map(|_| sample(Command::new(REHEARSAL).args(arguments)))
        .collect();
    report(name, samples)
}

/// A recorded journal of minutes, and one of days, judged offline.
fn judging() {
    let folder = tempfile::tempdir().expect("a folder for the journals");
    for (suite, runs) in [("five-minutes", 10), ("seven-days", 5)] {
        let recorded = sample(
            Command::new(REHEARSAL)
                .args(["run", "--quiet", "--seed", "1", "--contract", "shipped"])
                .arg("--suite")
                .arg(format!("benches/suites/{suite}"))
                .arg("--journal")
                .arg(folder.path()),
        );
        if !recorded.ok {
            println!("the journal of {suite} was not written");
        }
        let journal = folder.path().join(format!("{suite}.jsonl"));
        let entries = lines(&journal).expect("a journal").saturating_sub(1);
        let file = journal.to_string_lossy();
        let judge = ["judge", "--quiet", "--contract", "shipped", &*file];
        let peak_kb = peak_alone(&judge);
        let samples = (0..runs).map(|_| Sample {
            peak_kb,
            ..sample(Command::new(REHEARSAL).args(judge))
        });
        let median = report(&format!("judge {entries} entries"), samples.collect());
        if entries > 1_000_000 {
            let of_a_million = |time: Duration| time.as_secs_f64() * 1e6 / entries as f64;
            println!(
                "    a million: {:.2} s, CPU {:.2} s (target: 2 s)",
                of_a_million(median.wall),
                of_a_million(median.cpu)
            );
        }
    }
}

/// What this program is called with to measure one command and nothing before it.
const ALONE: &str = "--alone";

/// The peak of memory of one command. The system keeps one peak for all that a process has run, so
/// a process of its own asks.
fn peak_alone(arguments: &[&str]) -> i64 {
    let asked = std::env::current_exe().and_then(|own| {
        Command::new(own)
            .arg(ALONE)
            .args(arguments)
            .stderr(Stdio::null())
            .output()
    });
    let output = asked.expect("this program runs again");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().unwrap_or_default()
}

fn lines(file: &std::path::Path) -> std::io::Result<u64> {
    let mut from = std::io::BufReader::new(std::fs::File::open(file)?);
    let (mut line, mut lines) = (Vec::new(), 0);
    while std::io::BufRead::read_until(&mut from, b'\n', &mut line)? > 0 {
        line.clear();
        lines += 1;
    }
    Ok(lines)
}

/// One scenario of ten requests against a mock in a process of its own, beside ten `curl`
/// processes that make the same ten requests.
fn against_curl() {
    let folder = tempfile::tempdir().expect("a folder for the configuration");
    let mut mock = Command::new(REHEARSAL)
        .args(["mock", "--json", "--seed", "1", "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the mock starts");
    let mut line = String::new();
    let out = mock.stdout.take().expect("piped");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line)
        .expect("a ready line");
    let ready: serde_json::Value = serde_json::from_str(&line).expect("JSON when ready");
    let url = |service: &str| {
        ready["services"][service]
            .as_str()
            .expect("a URL")
            .to_owned()
    };
    let config = folder.path().join("rehearsal.toml");
    let text = include_str!("suites/ten-requests/rehearsal.toml.template")
        .replace("{platform}", &url("platform"))
        .replace("{trading}", &url("trading"));
    std::fs::write(&config, text).expect("a configuration");
    let run = |_| {
        sample(
            Command::new(REHEARSAL)
                .args(["run", "--quiet", "--seed", "1", "--target", "bench"])
                .args([
                    "--suite",
                    "benches/suites/ten-requests",
                    "--contract",
                    "shipped",
                ])
                .arg("--config")
                .arg(&config)
                .env("BENCH_PASSWORD", PASSWORD),
        )
    };
    let ours = report(
        "ten requests and twenty checks, over TCP",
        (0..10).map(run).collect(),
    );
    let theirs = report(
        "ten curl processes",
        (0..10).map(|_| ten_curls(&url, folder.path())).collect(),
    );
    println!(
        "cpu, ours / curl: {:.2}",
        ours.cpu.as_secs_f64() / theirs.cpu.as_secs_f64()
    );
    let _ = mock.kill();
    let _ = mock.wait();
}

/// A sign-in, the status and eight reads, each by a process of its own.
fn ten_curls(url: &impl Fn(&str) -> String, folder: &std::path::Path) -> Sample {
    let mut total = Sample {
        ok: true,
        ..Sample::default()
    };
    let mut curl = |arguments: &[&str]| {
        let one = sample(Command::new("curl").args(["-sSf", "-o"]).args(arguments));
        total.wall += one.wall;
        total.cpu += one.cpu;
        total.peak_kb = total.peak_kb.max(one.peak_kb);
        total.ok &= one.ok;
    };
    let answer = folder.join("session.json");
    let answer = answer.to_string_lossy().into_owned();
    let sessions = format!("{}/api/v1/sessions", url("platform"));
    let credentials = serde_json::json!({
        "email": USERNAME, "password": PASSWORD, "product": "tradedesk",
    })
    .to_string();
    let json = "content-type: application/json";
    curl(&[&answer, "-H", json, "-d", &credentials, &sessions]);
    let session: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&answer).unwrap_or_default()).unwrap_or_default();
    let token = session["tokens"]["access"].as_str().unwrap_or_default();
    let bearer = format!("authorization: Bearer {token}");
    let status = format!("{}/api/v1/status?product=tradedesk", url("platform"));
    curl(&["/dev/null", &status]);
    for path in [
        "feature-flags",
        "me/profile",
        "overview",
        "positions",
        "history?limit=20",
        "strategies",
        "me/preferences",
        "overview",
    ] {
        let place = format!("{}/api/{path}", url("trading"));
        curl(&["/dev/null", "-H", &bearer, &place]);
    }
    total
}

#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    wall: Duration,
    cpu: Duration,
    peak_kb: i64,
    ok: bool,
}

fn sample(command: &mut Command) -> Sample {
    let before = children_cpu();
    let began = Instant::now();
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    Sample {
        wall: began.elapsed(),
        cpu: children_cpu().saturating_sub(before),
        peak_kb: getrusage(UsageWho::RUSAGE_CHILDREN).map_or(0, |usage| usage.max_rss()),
        ok: status.is_ok_and(|status| status.success()),
    }
}

fn children_cpu() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else {
        return Duration::ZERO;
    };
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

fn report(name: &str, mut samples: Vec<Sample>) -> Sample {
    let failed = samples.iter().filter(|sample| !sample.ok).count();
    let mut median = |of: fn(&Sample) -> Duration| {
        samples.sort_by_key(of);
        of(&samples[samples.len() / 2])
    };
    let (wall, cpu) = (median(|sample| sample.wall), median(|sample| sample.cpu));
    let peak_kb = samples
        .iter()
        .map(|sample| sample.peak_kb)
        .max()
        .unwrap_or_default();
    println!(
        "{name:<44} {:>7.1} ms {:>7.1} ms {:>6.1} MB{}",
        wall.as_secs_f64() * 1e3,
        cpu.as_secs_f64() * 1e3,
        peak_kb as f64 / 1024.0,
        if failed > 0 {
            format!("   {failed} runs failed")
        } else {
            String::new()
        }
    );
    Sample {
        wall,
        cpu,
        peak_kb,
        ok: failed == 0,
    }
}
