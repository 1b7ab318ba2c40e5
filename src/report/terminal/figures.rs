//! What was measured, and what of the contract was put to the test: a few lines, or all of it.

use std::io::{self, Write};
use std::time::Duration;

use super::{Detail, FAINT, Terminal};
use crate::domain::coverage::{Coverage, Kind};
use crate::domain::duration::show;
use crate::domain::figures::{Attempts, Distribution, Figures, Quantile, Route};
use crate::domain::result::RunResult;
use crate::report::text::{clip, count};

/// How wide the name of a route is in a table.
const NAME: usize = 18;
/// How wide a terminal must be for all columns of a table.
const WHOLE: usize = 80;

impl<W: Write> Terminal<W> {
    /// The figures that matter; the table of all routes is for those who ask for it.
    pub(super) fn figures(&mut self, result: &RunResult) -> io::Result<()> {
        let figures = &result.figures;
        if figures.load.requests == 0 {
            return Ok(());
        }
        self.field(2, "figures", &session(figures))?;
        self.field(2, "", &load(figures))?;
        self.field(2, "", &latency(figures, result.virtual_time))?;
        for line in [feed(figures), spans(figures)].into_iter().flatten() {
            self.field(2, "", &line)?;
        }
        if self.look.detail == Detail::Verbose {
            self.routes(figures)?;
            self.ages(figures)?;
        }
        Ok(())
    }

    /// Every route in a line.
    fn routes(&mut self, figures: &Figures) -> io::Result<()> {
        writeln!(self.out)?;
        let heads = ["requests", "peak/min", "401", "403", "5xx"];
        self.row("route", heads, ["p50 ms", "p95 ms", "max ms"])?;
        for (name, route) in &figures.routes {
            let numbers = [
                route.load.requests,
                route.load.peak_minute,
                route.status_401,
                route.status_403,
                route.status_5xx,
            ];
            self.row(name, numbers, times(&route.latency))?;
        }
        writeln!(self.out)
    }

    /// How old shown data was, by resource.
    fn ages(&mut self, figures: &Figures) -> io::Result<()> {
        if figures.ages.is_empty() {
            return Ok(());
        }
        let blank = [""; 5];
        self.row("age of shown data", blank, ["p50 ms", "p95 ms", "max ms"])?;
        for (name, ages) in &figures.ages {
            self.row(name, blank, times(ages))?;
        }
        writeln!(self.out)
    }

    fn row<N: std::fmt::Display>(
        &mut self,
        name: &str,
        numbers: [N; 5],
        times: [impl std::fmt::Display; 3],
    ) -> io::Result<()> {
        let name = clip(name, NAME);
        let [requests, peak, refused, denied, failed] = numbers;
        let [median, high, most] = times;
        if self.look.width < WHOLE {
            return writeln!(
                self.out,
                "  {FAINT}{name:<NAME$}{FAINT:#} {requests:>8} {peak:>8} {failed:>4} {high:>8}"
            );
        }
        writeln!(
            self.out,
            "  {FAINT}{name:<NAME$}{FAINT:#} {requests:>8} {peak:>8} {refused:>4} {denied:>4} {failed:>4} {median:>8} {high:>8} {most:>8}"
        )
    }

    /// How much of the contract was put to the test, in one line; what was not and why is for those
    /// who ask for it.
    pub(super) fn coverage(&mut self, coverage: &Coverage) -> io::Result<()> {
        let counts = Kind::ALL.iter().filter_map(|kind| {
            let (tested, of) = coverage.count(*kind);
            (of > 0).then(|| format!("{kind} {tested}/{of}"))
        });
        let counts: Vec<String> = counts.collect();
        self.field(2, "coverage", &counts.join(", "))?;
        if self.look.detail != Detail::Verbose {
            return Ok(());
        }
        for kind in Kind::ALL {
            for (name, covered) in coverage.of(kind) {
                if let Some(why) = &covered.why {
                    self.field(4, kind.name(), &format!("{name}: {why}"))?;
                }
            }
            if kind == Kind::Forbidden {
                self.tried(coverage)?;
            }
        }
        Ok(())
    }

    /// By whom what is forbidden was tried.
    fn tried(&mut self, coverage: &Coverage) -> io::Result<()> {
        for (name, covered) in coverage.of(Kind::Forbidden) {
            let by = match (covered.by_client > 0, covered.by_harness > 0) {
                (true, true) => "by the client and by the harness",
                (true, false) => "by the client",
                (false, true) => "by the harness alone",
                (false, false) => continue,
            };
            self.field(4, Kind::Forbidden.name(), &format!("{name}: tried {by}"))?;
        }
        Ok(())
    }
}

fn session(figures: &Figures) -> String {
    let all = figures.all_routes();
    format!(
        "{}, {}, {} of {} of 500 or more",
        attempts(figures.sign_ins, "sign-in"),
        attempts(figures.refreshes, "refresh"),
        all.status_5xx,
        count(all.answered, "answer"),
    )
}

fn attempts(attempts: Attempts, noun: &str) -> String {
    let mut parts = Vec::new();
    for (number, word) in [
        (attempts.refused, "refused"),
        (attempts.failed, "failed"),
        (attempts.provoked, "kept from working"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {word}"));
        }
    }
    let all = attempts.counted() + attempts.provoked;
    let noun = match (all, noun) {
        (1, noun) => noun.to_owned(),
        (_, "refresh") => "refreshes".to_owned(),
        (_, noun) => format!("{noun}s"),
    };
    if parts.is_empty() {
        return format!("{all} {noun}");
    }
    format!("{all} {noun} ({})", parts.join(", "))
}

fn load(figures: &Figures) -> String {
    let mean = figures.per_minute(figures.load);
    let mean = mean.map_or_else(String::new, |mean| format!(", {mean:.1} a minute"));
    format!(
        "{}{mean}, {} in the peak minute; {}, {} in the peak second",
        count(figures.load.requests, "request"),
        figures.load.peak_minute,
        count(figures.sockets.connects, "socket"),
        figures.sockets.peak_second,
    )
}

fn latency(figures: &Figures, virtual_time: bool) -> String {
    let all = figures.all_routes().latency;
    let time = if virtual_time {
        "virtual time, as the mock has it"
    } else {
        "real time"
    };
    let slowest = figures.routes.iter();
    let slowest = slowest.max_by_key(|(_, route)| worst(route));
    let (Some(high), Some(most), Some((name, _))) =
        (all.at(Quantile::P95), all.at(Quantile::Max), slowest)
    else {
        return format!("no latency was measured ({time})");
    };
    format!(
        "latency p95 {}, most {} ({name}), {time}",
        show(high),
        show(most)
    )
}

fn worst(route: &Route) -> Option<Duration> {
    route.latency.at(Quantile::Max)
}

fn feed(figures: &Figures) -> Option<String> {
    let ways = figures.feed.all;
    let total = ways.total();
    if total.is_zero() {
        return None;
    }
    let share = |part: Duration| part.as_secs_f64() * 100.0 / total.as_secs_f64();
    let mut told = format!(
        "data live {:.0}%, by polling {:.0}%, stale {:.0}% of {}",
        share(ways.live),
        share(ways.polling),
        share(ways.stale),
        show(total),
    );
    if !figures.feed.offline.is_zero() {
        told.push_str(&format!("; offline {}", show(figures.feed.offline)));
    }
    Some(told)
}

fn spans(figures: &Figures) -> Option<String> {
    let all = [
        ("to polling", &figures.fallback),
        ("back to live", &figures.comeback),
        ("kill-switch to the last read", &figures.kill),
    ];
    let all = all.into_iter();
    let told: Vec<String> = all
        .filter_map(|(word, times)| Some(format!("{word} {}", show(times.at(Quantile::Max)?))))
        .collect();
    (!told.is_empty()).then(|| format!("at most: {}", told.join(", ")))
}

/// Percentiles in milliseconds, for a table.
fn times(times: &Distribution) -> [String; 3] {
    [Quantile::P50, Quantile::P95, Quantile::Max].map(|quantile| {
        let took = times.at(quantile);
        took.map_or_else(
            || "-".to_owned(),
            |took| format!("{:.1}", took.as_secs_f64() * 1_000.0),
        )
    })
}
