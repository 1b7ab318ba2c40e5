//! What it costs to open a packed body: ten megabytes of rows, and bombs.
//!
//! `cargo bench --bench decode` prints, per coding, the length on the wire, the median time of one
//! body and the largest peak of memory of a process that opens it once. Node packs gzip, deflate and
//! br, and the command `zstd` packs zstd; what is not installed is left out. Nothing here asserts a
//! time.

#![expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rehearsal::internals::domain::coding;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What this program is called with to open one file and nothing before it.
const ALONE: &str = "--alone";
const RUNS: usize = 9;
/// How long a body of rows is, and how long a bomb.
const ROWS: usize = 10_000_000;
const BOMB: usize = 200_000_000;
/// How much of a body is kept, as at the gateway.
const ROOM: usize = 16 * 1024 * 1024;

/// How Node packs a file.
const BY_NODE: &str = "const [, how, from, to] = process.argv, fs = require('fs'); \
    fs.writeFileSync(to, require('zlib')[how + 'Sync'](fs.readFileSync(from)));";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, coding, file] = &arguments[..]
        && first == ALONE
    {
        let packed = std::fs::read(file).expect("a packed file");
        let _ = opened(coding, &packed);
        println!("{}", peak());
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    println!(
        "{:<24} {:>12} {:>12} {:>10} {:>10}  told",
        "body", "on the wire", "opened", "median", "peak"
    );
    for (name, bytes) in [("rows", rows()), ("bomb", vec![b' '; BOMB])] {
        let plain = folder.path().join(name);
        std::fs::write(&plain, &bytes).expect("written");
        for (coding, how) in [
            ("identity", ""),
            ("gzip", "gzip"),
            ("deflate", "deflate"),
            ("br", "brotliCompress"),
            ("zstd", "zstd"),
        ] {
            let packed = folder.path().join(format!("{name}.{coding}"));
            if pack(how, &plain, &packed) {
                row(name, coding, &packed);
            } else {
                println!("{name}, {coding}: nothing here packs it");
            }
        }
    }
}

/// The peak of memory of this process, in kilobytes. The usual accounting would count what its
/// parent had before it began.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or("unknown", |peak| peak.trim().trim_end_matches(" kB"))
        .to_owned()
}

fn rows() -> Vec<u8> {
    let mut text = String::from("[");
    for number in 0u64.. {
        if text.len() >= ROWS {
            break;
        }
        let moves = number.wrapping_mul(2_654_435_761) % 1_000_003;
        let _ = write!(
            text,
            "{{\"id\":\"trade-{number}\",\"symbol\":\"{}\",\"price\":{}.{:02},\"open\":{}}},",
            ["EURUSD", "XAUUSD", "BTCUSD"][(moves % 3) as usize],
            moves / 7,
            moves % 100,
            moves.is_multiple_of(2)
        );
    }
    text.push_str("{}]");
    text.into_bytes()
}

fn pack(how: &str, from: &Path, to: &Path) -> bool {
    let done = match how {
        "" => return std::fs::copy(from, to).is_ok(),
        "zstd" => Command::new("zstd")
            .args(["-q", "-f", "-o"])
            .arg(to)
            .arg(from)
            .status(),
        how => Command::new("node")
            .args(["-e", BY_NODE, how])
            .arg(from)
            .arg(to)
            .status(),
    };
    done.is_ok_and(|status| status.success())
}

/// What is told of a body, and how long it is when it is open.
fn opened(coding: &str, packed: &[u8]) -> (usize, &'static str) {
    let headers = [
        ("content-encoding", coding),
        ("content-type", "application/json"),
    ];
    match coding::read(headers.iter().copied(), packed, true, ROOM) {
        Ok(opened) => (opened.bytes.len(), "read"),
        Err(coding::Unread::Bomb { opened, .. }) => (opened, "a bomb"),
        Err(_) => (0, "not read"),
    }
}

fn row(name: &str, coding: &str, file: &Path) {
    let packed = std::fs::read(file).expect("a packed file");
    let mut times: Vec<Duration> = Vec::new();
    let mut last = (0, "");
    for _ in 0..RUNS {
        let begun = Instant::now();
        last = opened(coding, &packed);
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let alone = std::env::current_exe()
        .and_then(|own| Command::new(own).args([ALONE, coding]).arg(file).output());
    let peak = alone.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    println!(
        "{:<24} {:>12} {:>12} {:>8.1}ms {:>8}kB  {}",
        format!("{name}, {coding}"),
        packed.len(),
        last.0,
        times[RUNS / 2].as_secs_f64() * 1e3,
        peak.unwrap_or_default(),
        last.1
    );
}
