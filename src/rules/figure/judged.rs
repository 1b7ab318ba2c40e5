//! Figures held against the limits that the contract sets to them.

use std::time::Duration;

use super::ledger::{ANY, Ledger};
use super::rule_of;
use super::spans::Pending;
use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::figures::{Bound, Distribution, Figure, Figures, Limit, Of, Quantile, Route};
use crate::domain::journal::EntryId;
use crate::rules::context::Context;
use crate::rules::violation::Violation;

/// How much undisturbed time it takes for a share of it to mean something.
const LEAST_TIME: Duration = Duration::from_secs(60);

/// A figure as it was measured, of one route or of all together.
enum Reading {
    Failures { failed: u64, of: u64 },
    Peak(u64),
    Portion { part: Duration, of: Duration },
    Times(Distribution, Option<Duration>),
}

/// What a limit makes of a reading.
enum Held {
    /// There is nothing to be held against it.
    Nothing,
    /// There is too little, and how much.
    TooLittle(String),
    Kept,
    /// It is above the limit, and how far.
    Crossed(String),
}

/// Judges all limits, once the journal has ended.
pub(super) fn judge(context: &Context<'_>, ledger: &Ledger, pending: &Pending) {
    for limit in &context.contract.limits {
        for (route, reading) in readings(limit, &context.contract.limits, ledger, pending) {
            tell(limit, &route, &reading, context, ledger, pending);
        }
    }
}

fn tell(
    limit: &Limit,
    route: &str,
    reading: &Reading,
    context: &Context<'_>,
    ledger: &Ledger,
    pending: &Pending,
) {
    let (figure, rule) = (limit.figure, rule_of(limit.figure));
    let of = match route {
        ANY => String::new(),
        route => format!(" of {route}"),
    };
    match held(limit.bound, reading) {
        Held::Nothing => {}
        Held::Kept => context.exercised(rule),
        Held::TooLittle(how) => {
            context.unable(rule, format!("too little for `{figure}`{of}: {how}"));
        }
        Held::Crossed(how) => {
            let mut shown = ledger.shown(figure, route);
            shown.extend(waited_since(figure, pending));
            if shown.is_empty() {
                shown.push(context.entry.id);
            }
            shown.sort_unstable();
            shown.dedup();
            context.violated(
                rule,
                Violation::new(format!("`{figure}`{of} is more than the contract allows"))
                    .expected(format!(
                        "{} (`figures.{}`)",
                        most(limit.bound),
                        limit.place()
                    ))
                    .observed(how)
                    .evidence(shown),
            );
        }
    }
}

/// What a limit is about, route by route.
fn readings(
    limit: &Limit,
    all: &[Limit],
    ledger: &Ledger,
    pending: &Pending,
) -> Vec<(String, Reading)> {
    let figures = &ledger.figures;
    let own = |name: &str| {
        all.iter()
            .any(|other| other.figure == limit.figure && other.of == Of::Route(name.to_owned()))
    };
    match &limit.of {
        Of::Any => {
            let reading = of_all(limit.figure, figures, pending);
            reading
                .map(|own| (ANY.to_owned(), own))
                .into_iter()
                .collect()
        }
        Of::Each => {
            let names = names(limit.figure, figures);
            let names = names.into_iter().filter(|name| !own(name));
            names
                .filter_map(|name| Some((name.clone(), of_one(limit.figure, &name, figures)?)))
                .collect()
        }
        Of::Route(name) => {
            let reading = of_one(limit.figure, name, figures);
            reading.map(|own| (name.clone(), own)).into_iter().collect()
        }
    }
}

/// The routes that a figure is known of.
fn names(figure: Figure, figures: &Figures) -> Vec<String> {
    match figure {
        Figure::Freshness => figures.ages.keys().cloned().collect(),
        _ => {
            let left_out = left_out(figure);
            let names = figures.routes.keys();
            names
                .filter(|name| !left_out.contains(name))
                .cloned()
                .collect()
        }
    }
}

/// The routes that only count for a figure where they are named. Long polls are as many as there are
/// events, and refusals of credentials have a figure of their own.
fn left_out(figure: Figure) -> Vec<String> {
    let roles: &[Role] = match figure {
        Figure::RequestsPerMinute => &[Role::Realtime],
        Figure::Errors401 | Figure::Errors403 => &[Role::SignIn, Role::Refresh],
        _ => &[],
    };
    roles.iter().map(ToString::to_string).collect()
}

fn of_one(figure: Figure, name: &str, figures: &Figures) -> Option<Reading> {
    if figure == Figure::Freshness {
        return Some(Reading::Times(figures.ages.get(name)?.clone(), None));
    }
    of_route(figure, figures.routes.get(name)?)
}

fn of_route(figure: Figure, route: &Route) -> Option<Reading> {
    let failures = |failed| Reading::Failures {
        failed,
        of: route.answered,
    };
    Some(match figure {
        Figure::Errors401 => failures(route.status_401),
        Figure::Errors403 => failures(route.status_403),
        Figure::Errors5xx => failures(route.status_5xx),
        Figure::Latency => Reading::Times(route.latency.clone(), None),
        Figure::RequestsPerMinute => Reading::Peak(route.load.peak_minute),
        _ => return None,
    })
}

fn of_all(figure: Figure, figures: &Figures, pending: &Pending) -> Option<Reading> {
    let waited = |own: Option<(Duration, _)>| own.map(|(waited, _)| waited);
    let steady = figures.feed.steady;
    Some(match figure {
        Figure::SignInFailures => Reading::Failures {
            failed: figures.sign_ins.failed,
            of: figures.sign_ins.counted(),
        },
        Figure::SignInRefusals => Reading::Failures {
            failed: figures.sign_ins.refused,
            of: figures.sign_ins.counted(),
        },
        Figure::RefreshFailures => Reading::Failures {
            failed: figures.refreshes.failed + figures.refreshes.refused,
            of: figures.refreshes.counted(),
        },
        Figure::SocketConnectsPerSecond => Reading::Peak(figures.sockets.peak_second),
        Figure::TimePolling => Reading::Portion {
            part: steady.polling,
            of: steady.total(),
        },
        Figure::TimeStale => Reading::Portion {
            part: steady.stale,
            of: steady.total(),
        },
        Figure::TimeToFallback => {
            Reading::Times(figures.fallback.clone(), waited(pending.fallback))
        }
        Figure::TimeToReturn => Reading::Times(figures.comeback.clone(), waited(pending.comeback)),
        Figure::KillLatency => Reading::Times(figures.kill.clone(), None),
        Figure::Freshness => {
            let mut all = Distribution::default();
            figures.ages.values().for_each(|ages| all.add(ages));
            Reading::Times(all, None)
        }
        Figure::RequestsPerMinute => Reading::Peak(figures.load.peak_minute),
        figure => return of_route(figure, &figures.routes_but(&left_out(figure))),
    })
}

/// The entry since which something is waited for that did not come.
fn waited_since(figure: Figure, pending: &Pending) -> Option<EntryId> {
    let waited = match figure {
        Figure::TimeToFallback => pending.fallback,
        Figure::TimeToReturn => pending.comeback,
        _ => None,
    };
    waited.map(|(_, since)| since)
}

fn held(bound: Bound, reading: &Reading) -> Held {
    match (bound, reading) {
        (_, Reading::Failures { of: 0, .. } | Reading::Peak(0)) => Held::Nothing,
        (Bound::Number(most), Reading::Failures { failed, of }) => {
            crossed(failed > &most, || format!("{failed} of {of}"))
        }
        (Bound::Percent(most), Reading::Failures { failed, of }) => {
            let least = least_for(most);
            if *of < least {
                return Held::TooLittle(format!("{of} of at least {least}"));
            }
            let share = *failed as f64 * 100.0 / *of as f64;
            crossed(share > most, || {
                format!("{}: {failed} of {of}", percent(share))
            })
        }
        (Bound::Number(most), Reading::Peak(number)) => {
            crossed(number > &most, || number.to_string())
        }
        (Bound::Percent(most), Reading::Portion { part, of }) => portion(most, *part, *of),
        (Bound::Time(quantile, most), Reading::Times(times, waited)) => {
            in_time(quantile, most, times, *waited)
        }
        // Nothing else is read from a contract.
        _ => Held::Nothing,
    }
}

fn portion(most: f64, part: Duration, of: Duration) -> Held {
    if of.is_zero() {
        return Held::Nothing;
    }
    if of < LEAST_TIME {
        let how = format!("{} of at least {}", show(of), show(LEAST_TIME));
        return Held::TooLittle(how);
    }
    let share = part.as_secs_f64() * 100.0 / of.as_secs_f64();
    crossed(share > most, || {
        format!("{}: {} of {}", percent(share), show(part), show(of))
    })
}

fn in_time(
    quantile: Quantile,
    most: Duration,
    times: &Distribution,
    waited: Option<Duration>,
) -> Held {
    if let Some(waited) = waited.filter(|waited| *waited > most) {
        return Held::Crossed(format!("it did not come within {}", show(waited)));
    }
    let count = times.count();
    let Some(took) = times.at(quantile) else {
        return Held::Nothing;
    };
    let least = quantile.least_samples();
    if count < least {
        return Held::TooLittle(format!("{count} of at least {least}, for {quantile}"));
    }
    crossed(took > most, || {
        format!("{quantile} is {}, of {count}", show(took))
    })
}

fn crossed(is: bool, how: impl FnOnce() -> String) -> Held {
    if is { Held::Crossed(how()) } else { Held::Kept }
}

/// From how many on one failure can be within a share.
fn least_for(percent: f64) -> u64 {
    // The cast takes what is infinite for the greatest number there is.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share is more than 0, and a cast from a float saturates"
    )]
    let least = (100.0 / percent).ceil() as u64;
    if percent > 0.0 { least } else { 1 }
}

/// The most that a bound allows, in words.
fn most(bound: Bound) -> String {
    match bound {
        Bound::Number(most) => format!("at most {most}"),
        Bound::Percent(most) => format!("at most {}", percent(most)),
        Bound::Time(Quantile::Max, most) => format!("at most {}", show(most)),
        Bound::Time(quantile, most) => format!("{quantile} at most {}", show(most)),
    }
}

fn percent(share: f64) -> String {
    let text = format!("{share:.1}");
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}
