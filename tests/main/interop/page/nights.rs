//! Histories that no nights made: three months of a whole suite, and one whose words would run if they became
//! markup.

use rehearsal::internals::history::{Kind, PastRun, Series, Sign, Thing, Told};
use rehearsal::internals::report::history::of_page;

const DAY: u64 = 24 * 60 * 60;
const FIRST: u64 = 1_788_318_000;

/// As many nights as a page shows, of as many scenarios, rules, items and figures as a large suite has. The first
/// scenario is that of the page, and fails since the night before the last; the second was flaky once; the third
/// was fixed; the fourth is not tested of late.
pub(super) fn quarter(scenario: &str) -> Vec<u8> {
    let mut things = Vec::new();
    for (kind, number) in [
        (Kind::Scenario, 45),
        (Kind::Rule, 105),
        (Kind::Item, 55),
        (Kind::Figure, 30),
    ] {
        let name = |at| match (kind, at) {
            (Kind::Scenario, 0) => scenario.to_owned(),
            _ => format!("{}-{at}", kind.word()),
        };
        things.extend((0..number).map(|at| thing(kind, &name(at), at)));
    }
    of_page(&series(90, things))
}

/// Two nights of a scenario that says this wherever it can say anything.
pub(super) fn hostile(words: &str) -> Vec<u8> {
    let mut thing = thing(Kind::Scenario, words, 0);
    thing.title = words.to_owned();
    thing.told.truncate(2);
    for (_, told) in &mut thing.told {
        told.sign = Sign::Failed;
        told.note = Some(words.to_owned());
        told.class = Some(words.to_owned());
    }
    let mut series = series(2, vec![thing]);
    series.target = words.to_owned();
    series.contract = words.to_owned();
    of_page(&series)
}

fn series(nights: u64, things: Vec<Thing>) -> Series {
    let run = |at: u64| PastRun {
        id: format!("{at:016x}"),
        started: FIRST + at * DAY,
        verdict: if at + 2 < nights { "passed" } else { "failed" }.to_owned(),
        ..PastRun::default()
    };
    Series {
        target: "staging".to_owned(),
        contract: "Harbour".to_owned(),
        runs: (0..nights).map(run).collect(),
        shown: 0,
        things,
    }
}

fn thing(kind: Kind, name: &str, at: usize) -> Thing {
    let mut random = fastrand::Rng::with_seed(at as u64);
    let mut told = |night: usize| {
        let sign = match (kind, at, night) {
            (Kind::Figure, ..) => Sign::Measured,
            (_, 0, 88..) | (_, 2, 40..44) => Sign::Failed,
            (_, 1, 60) => Sign::Flaky,
            (_, 3, 80..) => Sign::Open,
            _ => Sign::Passed,
        };
        let told = Told {
            sign,
            class: sign.is_bad().then(|| "product".to_owned()),
            note: sign.is_bad().then(|| "SYNC-1: no data comes".to_owned()),
            value: matches!(kind, Kind::Scenario | Kind::Figure)
                .then(|| random.u64(900_000..1_400_000)),
        };
        (night, told)
    };
    Thing {
        kind,
        name: name.to_owned(),
        title: String::new(),
        told: (0..90).map(&mut told).collect(),
    }
}
