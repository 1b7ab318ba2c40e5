//! What past runs tell together, for people: a row of signs a thing, and what needs a word.

mod document;

use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::text::{clip, count, took, visible, wrap};
use crate::history::{Kind, PastRun, Series, Sign, Trend, trend};
pub use document::{of_page, render};

const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const OPEN: Style = AnsiColor::Yellow.on_default();
const FAINT: Style = Style::new().dimmed();
const STRONG: Style = Style::new().bold();

/// How many runs a row shows.
const SHOWN: usize = 30;

/// By how much a figure is another one than is usual, in percent.
const NOTABLE: i64 = 25;

/// The database that was asked.
#[derive(Debug, Clone)]
pub struct Database {
    /// Where it stands.
    pub path: String,
    /// How much room it takes, in bytes.
    pub size: u64,
}

/// How the history is shown.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Whether what never needed a word is shown, too.
    pub everything: bool,
    /// The columns of the terminal.
    pub width: usize,
}

/// Writes what series tell.
///
/// # Errors
/// When the stream takes no more.
pub fn tell(
    out: &mut impl Write,
    database: &Database,
    series: &[Series],
    look: Look,
) -> io::Result<()> {
    let runs: usize = series.iter().map(|own| own.runs.len()).sum();
    writeln!(
        out,
        "{STRONG}rehearsal history{STRONG:#} · {} · {}, {} kB",
        visible(&database.path),
        count(runs as u64, "run"),
        database.size.div_ceil(1_000)
    )?;
    series.iter().try_for_each(|own| one(out, own, look))
}

fn one(out: &mut impl Write, series: &Series, look: Look) -> io::Result<()> {
    let (Some(first), Some(last)) = (series.runs.first(), series.runs.last()) else {
        return Ok(());
    };
    writeln!(
        out,
        "\n{STRONG}{}{STRONG:#} · {} · {} from {} to {}",
        visible(&series.target),
        visible(&series.contract),
        count(series.runs.len() as u64, "run"),
        moment(first.started),
        moment(last.started),
    )?;
    let shown = &series.runs[series.shown.max(series.runs.len().saturating_sub(SHOWN))..];
    write!(out, "  ")?;
    for run in shown {
        sign(out, Sign::of_word(&run.verdict))?;
    }
    writeln!(
        out,
        "  {}",
        clip(
            &standing(series, last),
            look.width.saturating_sub(shown.len() + 4)
        )
    )?;
    let green = series.last_green().map_or_else(
        || "never green".to_owned(),
        |run| format!("last green {} ({})", moment(run.started), run.id),
    );
    writeln!(out, "  {FAINT}{green}{FAINT:#}")?;
    for (kind, title) in [
        (Kind::Scenario, "scenarios"),
        (Kind::Rule, "rules"),
        (Kind::Item, "runbook"),
    ] {
        things(out, series, (kind, title), look)?;
    }
    figures(out, series, look)
}

/// What the newest run came to, and since when that is so.
fn standing(series: &Series, last: &PastRun) -> String {
    let mut told = last.verdict.clone();
    if let Some(since) = series.verdict_since() {
        told.push_str(&format!(" since {}", moment(since)));
    }
    if !last.deviations.is_empty() {
        let deviations = last.deviations.join(", ");
        told.push_str(&format!(", misbehaving on purpose: {deviations}"));
    }
    if let Some(reason) = &last.reason {
        told.push_str(&format!(": {reason}"));
    }
    told
}

fn things(
    out: &mut impl Write,
    series: &Series,
    (kind, title): (Kind, &str),
    look: Look,
) -> io::Result<()> {
    let all = series.things.iter().filter(|thing| thing.kind == kind);
    let all: Vec<Trend<'_>> = all.map(|thing| trend(series, thing)).collect();
    if all.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n  {STRONG}{title}{STRONG:#}")?;
    let told: Vec<&Trend<'_>> = all
        .iter()
        .filter(|own| look.everything || needs_a_word(own))
        .collect();
    let names = told.iter().map(|own| own.thing.name.chars().count());
    let column = names.max().unwrap_or(0).min(40);
    for own in &told {
        write!(out, "    ")?;
        for cell in &own.row[own.row.len().saturating_sub(SHOWN)..] {
            sign(out, *cell)?;
        }
        let name = clip(&own.thing.name, column);
        let used = own.row.len().min(SHOWN) + column + 8;
        let lines = wrap(&words(own), look.width.saturating_sub(used).max(30));
        writeln!(out, "  {STRONG}{name:<column$}{STRONG:#}  {}", lines[0])?;
        for line in &lines[1..] {
            writeln!(out, "{:used$}{line}", "")?;
        }
    }
    let untold = all
        .iter()
        .filter(|own| !look.everything && !needs_a_word(own));
    let (never, rest): (Vec<_>, Vec<_>) = untold.partition(|own| was_never_tested(own));
    if !never.is_empty() {
        let names: Vec<&str> = never.iter().map(|own| own.thing.name.as_str()).collect();
        let line = format!("never tested: {}", names.join(", "));
        for line in wrap(&line, look.width.saturating_sub(4).max(30)) {
            writeln!(out, "    {FAINT}{line}{FAINT:#}")?;
        }
    }
    match rest.len() {
        0 => Ok(()),
        rest => {
            let more = if told.is_empty() { "" } else { " more" };
            writeln!(
                out,
                "    {FAINT}{rest}{more} that never needed a word{FAINT:#}"
            )
        }
    }
}

/// Whether no run put it to the test, although none left it out.
fn was_never_tested(trend: &Trend<'_>) -> bool {
    trend.first_seen.is_none() && trend.last_good.is_none() && !is_left_out(trend)
}

fn is_left_out(trend: &Trend<'_>) -> bool {
    let last = trend.last;
    last.is_none_or(|last| matches!(last.sign, Sign::Skipped))
}

fn needs_a_word(trend: &Trend<'_>) -> bool {
    let was_bad = trend.row.iter().flatten().any(|sign| sign.is_bad());
    let is_bad = trend.first_seen.is_some() && trend.fixed.is_none();
    let was_tested = !was_never_tested(trend) && !is_left_out(trend);
    was_bad || is_bad || (trend.untested_nights > 0 && was_tested)
}

/// All that is known of it, in words.
fn words(trend: &Trend<'_>) -> String {
    let mut told = Vec::new();
    match (trend.first_seen, trend.last_seen, trend.fixed) {
        (Some(first), Some(last), Some(fixed)) => told.push(format!(
            "fixed {} (failed {} to {})",
            moment(fixed),
            moment(first),
            moment(last)
        )),
        (Some(first), ..) => told.push(format!("fails since {}", moment(first))),
        _ => {}
    }
    if trend.flaky > 0 {
        let percent = 100 * trend.flaky / trend.tested.max(1);
        told.push(format!(
            "flaky {} of {} ({percent} %)",
            trend.flaky, trend.tested
        ));
    }
    if trend.untested_nights > 0 {
        let nights = count(trend.untested_nights as u64, "night");
        told.push(format!("not tested for {nights}"));
    }
    if let (Some(value), Some(usual)) = (trend.value, trend.usual)
        && is_notable(value, usual)
    {
        told.push(format!("takes {}", against_usual(value, usual)));
    }
    if let Some(last) = trend.last
        && !last.sign.is_good()
    {
        let class = last.class.iter().cloned();
        let note = last.note.iter().cloned();
        told.push(class.chain(note).collect::<Vec<_>>().join(": "));
    }
    told.retain(|own| !own.is_empty());
    told.join(" · ")
}

fn figures(out: &mut impl Write, series: &Series, look: Look) -> io::Result<()> {
    let all = series.things.iter();
    let all = all.filter(|thing| thing.kind == Kind::Figure);
    let all: Vec<Trend<'_>> = all.map(|thing| trend(series, thing)).collect();
    let told: Vec<String> = all
        .iter()
        .filter_map(|own| {
            let (value, usual) = (own.value?, own.usual.or(own.value)?);
            let is_told = look.everything || is_notable(value, usual);
            is_told.then(|| format!("{:<28}  {}", own.thing.name, against_usual(value, usual)))
        })
        .collect();
    if all.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n  {STRONG}figures{STRONG:#}, 95 of 100")?;
    for line in &told {
        writeln!(out, "    {line}")?;
    }
    match all.len() - told.len() {
        0 => Ok(()),
        rest => writeln!(out, "    {FAINT}{rest} as usual{FAINT:#}"),
    }
}

fn is_notable(value: u64, usual: u64) -> bool {
    // A change of a millisecond is none, whatever it is in percent.
    value.abs_diff(usual) > 1_000 && percent(value, usual).abs() >= NOTABLE
}

/// How much more this is than that, in percent.
fn percent(value: u64, usual: u64) -> i64 {
    let number = |micros: u64| i64::try_from(micros).unwrap_or(i64::MAX);
    let more = number(value).saturating_sub(number(usual));
    more.saturating_mul(100) / number(usual.max(1))
}

fn against_usual(value: u64, usual: u64) -> String {
    let value_told = took(Duration::from_micros(value));
    match percent(value, usual) {
        0 => value_told,
        more => format!(
            "{value_told}, {more:+} % of {}",
            took(Duration::from_micros(usual))
        ),
    }
}

fn sign(out: &mut impl Write, sign: Option<Sign>) -> io::Result<()> {
    let Some(sign) = sign else {
        return write!(out, "{FAINT}·{FAINT:#}");
    };
    let style = match sign {
        Sign::Passed => GOOD,
        Sign::Failed | Sign::Errored => BAD,
        Sign::Flaky | Sign::Known | Sign::Unexpected | Sign::Open => OPEN,
        Sign::Skipped | Sign::Measured => FAINT,
    };
    write!(out, "{style}{}{style:#}", sign.mark())
}

/// `2026-11-28 03:00`, in UTC.
pub(super) fn moment(seconds: u64) -> String {
    let at = i64::try_from(seconds).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_second(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests;
