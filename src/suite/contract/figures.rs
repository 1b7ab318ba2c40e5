//! `figures`: the limits that are set to what is measured.

use super::context::Context;
use crate::domain::figures::{Bound, Figure, Limit, Measure, OTHER, Of, Quantile, Routes};
use crate::suite::cursor::{Cursor, Fields};
use crate::suite::node::{Content, Entry};
use crate::suite::problem::Problem;
use crate::suite::suggest::suggest;
use crate::suite::trace::Seen;

/// What requests are for, beside the names of resources.
const ROLES: [&str; 8] = [
    "sign-in", "refresh", "sign-out", "status", "health", "keys", "realtime", OTHER,
];
/// All together, and each by itself.
const WHOLE: [&str; 2] = ["any", "each"];

/// Reads what stands at the top of a contract: `figures`.
pub(super) fn read(contract: &Fields<'_>, context: &Context<'_>) -> Option<Vec<Limit>> {
    let parts = Parts::of(contract);
    contract.or("figures", Vec::new(), |cursor| {
        limits(cursor, context, &parts)
    })
}

fn limits(cursor: &Cursor<'_>, context: &Context<'_>, parts: &Parts) -> Option<Vec<Limit>> {
    let mut limits = Some(Vec::new());
    let words = || Figure::ALL.iter().map(|(word, _)| *word);
    for (entry, value) in cursor.entries_among("`figures`", words())? {
        let own = Figure::ALL.iter().find(|(word, _)| *word == entry.key);
        let read = match own {
            Some((word, figure)) => match parts.lack(*figure) {
                Some(lacks) => refuse_key(
                    &value,
                    entry,
                    format!("the contract has {lacks}, so nothing has a `{word}`"),
                    "take the limit away",
                ),
                None => of_figure(*figure, &value, context),
            },
            None => refuse_key(
                &value,
                entry,
                format!("there is no figure `{}`", entry.key),
                suggest(&entry.key, words()),
            ),
        };
        limits = limits.zip(read).map(|(mut all, own)| {
            all.extend(own);
            all
        });
    }
    limits
}

/// What a contract must have for some figures to exist, whether or not it can be read.
struct Parts {
    refresh: bool,
    kill_switch: bool,
    realtime: bool,
    polling: bool,
}

impl Parts {
    fn of(contract: &Fields<'_>) -> Self {
        let has = |key| contract.get(key).is_some();
        let refresh = contract.get("session").is_none_or(|session| {
            let Content::Map(entries) = &session.node.content else {
                return true;
            };
            entries.iter().any(|entry| entry.key == "refresh")
        });
        Self {
            refresh,
            kill_switch: has("kill-switch"),
            realtime: has("realtime"),
            polling: has("polling"),
        }
    }

    /// What is lacking for a figure to exist.
    fn lack(&self, figure: Figure) -> Option<&'static str> {
        let (has, what) = match figure {
            Figure::RefreshFailures => (self.refresh, "no `refresh`"),
            Figure::KillLatency => (self.kill_switch, "no `kill-switch`"),
            Figure::TimeToFallback if !self.polling => (false, "no `polling`"),
            Figure::TimeToFallback | Figure::TimeToReturn | Figure::SocketConnectsPerSecond => {
                (self.realtime, "no `realtime`")
            }
            _ => (true, ""),
        };
        (!has).then_some(what)
    }
}

/// Refuses a key of the author's choice where it stands.
fn refuse_key<T>(
    value: &Cursor<'_>,
    entry: &Entry,
    message: String,
    hint: impl Into<String>,
) -> Option<T> {
    let problem = Problem::new(message).hint(hint);
    value.diagnostics.note(&entry.key_span, problem);
    None
}

/// The limits to one figure: one bound, or one for each route.
fn of_figure(figure: Figure, cursor: &Cursor<'_>, context: &Context<'_>) -> Option<Vec<Limit>> {
    cursor.takes(|| Seen::Shared(shared(figure)));
    let Content::Map(_) = &cursor.node.content else {
        return Some(vec![limit(figure, Of::Any, bound(figure, cursor)?)]);
    };
    let mut limits = Some(Vec::new());
    for (entry, value) in cursor.entries()? {
        let read = match quantile(&entry.key) {
            Some(quantile) => time(figure, quantile, entry, &value)
                .map(|bound| vec![limit(figure, Of::Any, bound)]),
            None => of_route(figure, entry, &value, context),
        };
        limits = limits.zip(read).map(|(mut all, own)| {
            all.extend(own);
            all
        });
    }
    let limits = limits?;
    let twice = limits.iter().enumerate().any(|(at, own)| {
        let mut before = limits[..at].iter();
        before.any(|other| other.of == own.of && quantile_of(other) == quantile_of(own))
    });
    if twice {
        let message = format!("{} has two limits to the same", cursor.name);
        return cursor.refuse(message, "`p95` is that of `any`: write it once");
    }
    Some(limits)
}

fn of_route(
    figure: Figure,
    entry: &Entry,
    cursor: &Cursor<'_>,
    context: &Context<'_>,
) -> Option<Vec<Limit>> {
    let known: Vec<&str> = match figure.routes() {
        Routes::Nothing => {
            let message = format!("`{figure}` is one figure: there is none of `{}`", entry.key);
            return refuse_key(cursor, entry, message, how(figure));
        }
        Routes::Requests => {
            let all = WHOLE.into_iter().chain(ROLES);
            all.chain(context.resources.iter().copied()).collect()
        }
        Routes::Resources => {
            let all = WHOLE.into_iter();
            all.chain(context.resources.iter().copied()).collect()
        }
    };
    if !known.contains(&entry.key.as_str()) {
        let message = format!("there is no `{figure}` of `{}`", entry.key);
        return refuse_key(
            cursor,
            entry,
            message,
            suggest(&entry.key, known.into_iter()),
        );
    }
    let of = match entry.key.as_str() {
        "any" => Of::Any,
        "each" => Of::Each,
        name => Of::Route(name.to_owned()),
    };
    let Content::Map(_) = &cursor.node.content else {
        return Some(vec![limit(figure, of, bound(figure, cursor)?)]);
    };
    let all = cursor.entries()?;
    let bounds = all.iter().map(|(entry, value)| {
        let Some(quantile) = quantile(&entry.key) else {
            let message = format!("{} has no `{}`", cursor.name, entry.key);
            return refuse_key(value, entry, message, how(figure));
        };
        time(figure, quantile, entry, value)
    });
    let bounds: Vec<Option<Bound>> = bounds.collect();
    let bounds: Option<Vec<Bound>> = bounds.into_iter().collect();
    Some(
        bounds?
            .into_iter()
            .map(|bound| limit(figure, of.clone(), bound))
            .collect(),
    )
}

fn limit(figure: Figure, of: Of, bound: Bound) -> Limit {
    Limit { figure, of, bound }
}

fn quantile(word: &str) -> Option<Quantile> {
    let mut all = Quantile::ALL.iter();
    all.find(|(own, _)| *own == word).map(|(_, own)| *own)
}

fn quantile_of(limit: &Limit) -> Option<Quantile> {
    match limit.bound {
        Bound::Time(quantile, _) => Some(quantile),
        Bound::Number(_) | Bound::Percent(_) => None,
    }
}

/// A percentile of a figure, which must be one of durations.
fn time(figure: Figure, quantile: Quantile, entry: &Entry, cursor: &Cursor<'_>) -> Option<Bound> {
    if figure.measure() != Measure::Times {
        let message = format!("there is no `{quantile}` of `{figure}`: it is no duration");
        return refuse_key(cursor, entry, message, how(figure));
    }
    Some(Bound::Time(quantile, cursor.positive_duration()?))
}

/// One bound: what it can be depends on how the figure is measured.
fn bound(figure: Figure, cursor: &Cursor<'_>) -> Option<Bound> {
    cursor.takes(|| Seen::Form(form(figure)));
    let text = cursor.node.scalar().unwrap_or_default().trim();
    let share = text.strip_suffix('%').map(str::trim_end);
    let refused = || cursor.refuse(format!("{} cannot be `{text}`", cursor.name), how(figure));
    match (figure.measure(), share) {
        (Measure::Times, None) => Some(Bound::Time(Quantile::Max, cursor.positive_duration()?)),
        (Measure::Failures | Measure::Portion, Some(share)) => {
            let percent = share.parse().ok();
            let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
            percent.map(Bound::Percent).or_else(refused)
        }
        (Measure::Failures, None) => text.parse().ok().map(Bound::Number).or_else(refused),
        (Measure::Peak, None) => {
            let number = text.parse().ok().filter(|number| *number > 0);
            number.map(Bound::Number).or_else(refused)
        }
        (Measure::Times | Measure::Peak, Some(_)) | (Measure::Portion, None) => refused(),
    }
}

/// What limits of one form are called in the schema.
fn shared(figure: Figure) -> &'static str {
    match figure.measure() {
        Measure::Failures => "limit-of-failures",
        Measure::Peak => "limit-of-peak",
        Measure::Portion => "limit-of-portion",
        Measure::Times => "limit-of-durations",
    }
}

/// How a limit to a figure looks to a schema.
fn form(figure: Figure) -> &'static str {
    match figure.measure() {
        Measure::Failures => r"^\s*[0-9]+(\.[0-9]+)?\s*%?\s*$",
        Measure::Peak => r"^\s*0*[1-9][0-9]*\s*$",
        Measure::Portion => r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*$",
        Measure::Times => r"^\s*0*[1-9][0-9]*(ms|s|m|h|d)\s*$",
    }
}

/// How a limit to a figure is written.
fn how(figure: Figure) -> &'static str {
    match figure.measure() {
        Measure::Failures => "write how many there may be, like `0`, or which share, like `1%`",
        Measure::Peak => "write how many there may be, like `60`",
        Measure::Portion => "write a share of the time, like `5%`",
        Measure::Times => {
            "write a duration, like `5s`, or percentiles, like `{ p95: 800ms, max: 3s }`"
        }
    }
}
