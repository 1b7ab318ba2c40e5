//! The fuzz targets on a stable compiler: what coverage-guided search left in `fuzz/seeds`, and hostile
//! input made from that and the evasion corpus, some with every test run, more on demand.
//!
//! `REHEARSAL_FUZZ_SECONDS=180 cargo test --test main hostile -- --nocapture` looks longer and says how
//! much it tried. Coverage-guided search is `just fuzz TARGET` (see `fuzz/`).

use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;
use rstest::rstest;
use serde_json::Value;

#[expect(
    unreachable_pub,
    reason = "the library of `fuzz` offers them to its targets"
)]
#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// Inputs that each target is given with every test run.
const INPUTS: u64 = 4_000;

/// Pieces that mean something to a decoder.
const WORDS: [&[u8]; 26] = [
    b"40/trading,",
    b"42[\"",
    b"451-",
    b"0{\"sid\":\"",
    b"b",
    b"\x1e",
    b"\xff",
    b"AAAA",
    b"==",
    b"\"]",
    b"{\"_placeholder\":true,\"num\":0}",
    b"99999999999999999999",
    b"\\ud800",
    b"[[[[[[[[",
    b"%2f",
    b"%252e",
    b"..;/",
    b"//",
    b"/./",
    b"%00",
    b"?",
    b"#",
    b"http://",
    b"/api/trade",
    b"\\",
    b"\xc0\xae",
];

fn seeds() -> Vec<Vec<u8>> {
    let frames = include_str!("../../fixtures/evasion/frames.json");
    let requests = include_str!("../../fixtures/evasion/requests.json");
    let texts = |text: &str, key: &str| -> Vec<Vec<u8>> {
        let cases: Vec<Value> = serde_json::from_str(text).unwrap();
        let found = cases.iter().filter_map(|case| case[key].as_str());
        found.map(|text| text.as_bytes().to_vec()).collect()
    };
    let mut seeds = texts(frames, "body");
    seeds.extend(texts(requests, "target"));
    seeds.extend(texts(requests, "body"));
    // Without its Engine.IO type, a frame is a Socket.IO packet.
    let packets: Vec<Vec<u8>> = texts(frames, "body")
        .into_iter()
        .filter(|body| body.starts_with(b"4"))
        .map(|body| body[1..].to_vec())
        .collect();
    seeds.extend(packets);
    seeds
}

/// What coverage-guided search has kept for this target, in the order of the files' names.
fn kept(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let files = std::fs::read_dir(folder.join(target)).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    let read = |path| std::fs::read(path).unwrap();
    paths.into_iter().map(read).collect()
}

/// A seed with up to eight changes: bytes, pieces that mean something, parts of other seeds.
fn input(seeds: &[Vec<u8>], dice: &mut Rng) -> Vec<u8> {
    let mut data = dice.choice(seeds).cloned().unwrap_or_default();
    for _ in 0..dice.usize(0..8) {
        let at = dice.usize(0..=data.len());
        match dice.u8(..6) {
            0 if at < data.len() => data[at] = dice.u8(..),
            1 if at < data.len() => drop(data.remove(at)),
            2 => data.insert(at, dice.u8(..)),
            3 => {
                let word = WORDS[dice.usize(..WORDS.len())];
                data.splice(at..at, word.iter().copied());
            }
            4 => data.truncate(at),
            _ => {
                let other = dice.choice(seeds).cloned().unwrap_or_default();
                let from = dice.usize(0..=other.len());
                data.splice(at.., other[from..].iter().copied());
            }
        }
    }
    data
}

#[rstest]
#[case::codec("codec", targets::codec)]
#[case::payload("payload", targets::payload)]
#[case::reassembler("reassembler", targets::reassembler)]
#[case::canonical("canonical", targets::canonical_form)]
#[case::scope("scope", targets::scope)]
#[case::wire("wire", targets::wire)]
#[case::files("files", targets::files)]
fn no_input_breaks_what_must_hold_for_any(#[case] name: &str, #[case] target: fn(&[u8])) {
    let longer = std::env::var("REHEARSAL_FUZZ_SECONDS").ok();
    let seconds = longer.map(|text| text.parse().unwrap());
    let began = Instant::now();
    let until = seconds.map(|seconds| began + Duration::from_secs(seconds));
    let kept = kept(name);
    assert!(!kept.is_empty());
    for data in &kept {
        let held = std::panic::catch_unwind(|| target(data));
        assert!(held.is_ok(), "{:?}", data.escape_ascii().to_string());
    }
    let mut seeds = seeds();
    seeds.extend(kept);
    let seed = if until.is_some() {
        fastrand::u64(..)
    } else {
        1
    };
    let mut dice = Rng::with_seed(seed);
    let mut tried = 0_u64;
    while until.map_or(tried < INPUTS, |until| Instant::now() < until) {
        let data = input(&seeds, &mut dice);
        let held = std::panic::catch_unwind(|| target(&data));
        assert!(
            held.is_ok(),
            "seed {seed}: {:?}",
            data.escape_ascii().to_string()
        );
        tried += 1;
    }
    if until.is_some() {
        tell(tried, seeds.len(), began.elapsed());
    }
}

#[expect(
    clippy::print_stderr,
    reason = "how much was tried is what the long run is for"
)]
fn tell(tried: u64, seeds: usize, took: Duration) {
    eprintln!("{tried} inputs from {seeds} seeds in {took:?}");
}
