//! Everything that keeps a period from being complete.

use std::fmt;

use jiff::civil::Date;

use super::over_time::{ItemOverTime, OpenFinding, Standing, TriggerOverTime};
use super::{Gathered, Night};
use crate::domain::runbook::State;
use crate::domain::subject::Subject;
use crate::domain::verdict::Verdict;

/// One thing that keeps a period from being complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// No run began on these days.
    Missing(Vec<Date>),
    /// A run is not whole, or says nothing.
    Unproven {
        /// The day.
        day: Date,
        /// Why.
        why: String,
    },
    /// A file that cannot be used, so its night counts as missing.
    Unusable {
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
    /// Somebody misbehaved on purpose, so what was played was not the app.
    Misbehaved {
        /// The day.
        day: Date,
        /// The names of the misbehaviours.
        names: Vec<String>,
    },
    /// Not all runs were played by the same.
    Differs {
        /// What differs.
        what: &'static str,
        /// Each value, with the day on which it was first in use.
        values: Vec<(Date, String)>,
    },
    /// Items were not asked of the runs before a runbook that has them.
    NotScored(Vec<String>),
    /// Items were violated.
    Violated(Vec<String>),
    /// Items are proven no more.
    Open(Vec<String>),
    /// Items were proven in no run.
    NotTested(Vec<String>),
    /// A trigger fired.
    Fired {
        /// Its id and title.
        trigger: String,
        /// The days.
        days: Vec<Date>,
    },
    /// A trigger was judged in no run.
    NotWatched(Vec<String>),
    /// A cause of failures was seen, and in the last run still is.
    Finding {
        /// The rule's id.
        rule: String,
        /// Who breaks it.
        subject: Subject,
    },
}

/// What lacks are found in.
pub(super) struct Known<'a> {
    pub(super) gathered: &'a Gathered,
    pub(super) days: &'a [(Date, Vec<usize>)],
    pub(super) items: &'a [ItemOverTime],
    pub(super) triggers: &'a [TriggerOverTime],
    pub(super) findings: &'a [OpenFinding],
}

/// All of them, the gravest first.
pub(super) fn all(known: &Known<'_>) -> Vec<Lack> {
    let mut lacks = fired(known);
    let of_items = [
        (
            Standing::Violated,
            Lack::Violated as fn(Vec<String>) -> Lack,
        ),
        (Standing::Open, Lack::Open),
        (Standing::NotTested, Lack::NotTested),
    ];
    for (standing, lack) in of_items {
        lacks.extend(some(standing_so(known.items, standing)).map(lack));
    }
    lacks.extend(some(not_scored(known)).map(Lack::NotScored));
    let open = known.findings.iter().filter(|own| own.is_open);
    lacks.extend(open.map(|own| Lack::Finding {
        rule: own.rule.clone(),
        subject: own.subject,
    }));
    lacks.extend(nights(known));
    lacks.extend(differences(&known.gathered.nights));
    lacks
}

fn some(ids: Vec<String>) -> Option<Vec<String>> {
    (!ids.is_empty()).then_some(ids)
}

fn standing_so(items: &[ItemOverTime], standing: Standing) -> Vec<String> {
    let items = items.iter().filter(|own| own.standing == standing);
    items.map(|own| own.id.clone()).collect()
}

/// Items of which some run that was played knows nothing: they came later, or were given up.
fn not_scored(known: &Known<'_>) -> Vec<String> {
    let is_unasked = |item: &&ItemOverTime| {
        let days = item.days.iter().zip(known.days);
        let mut played = days.filter(|(_, (_, nights))| !nights.is_empty());
        played.any(|(status, _)| {
            status.is_none_or(|own| own == crate::domain::runbook::Status::NotScored)
        })
    };
    let items = known.items.iter().filter(is_unasked);
    items.map(|own| own.id.clone()).collect()
}

fn fired(known: &Known<'_>) -> Vec<Lack> {
    let mut lacks = Vec::new();
    let mut unwatched = Vec::new();
    for trigger in known.triggers {
        let days = trigger.days.iter().zip(known.days);
        let days = days.filter(|(state, _)| **state == Some(State::Fired));
        let days: Vec<Date> = days.map(|(_, (day, _))| *day).collect();
        let named = format!("{} {}", trigger.id, trigger.title);
        let mut states = trigger.days.iter().flatten();
        if !days.is_empty() {
            lacks.push(Lack::Fired {
                trigger: named,
                days,
            });
        } else if !states.any(|own| matches!(own, State::Quiet | State::NotApplicable)) {
            unwatched.push(named);
        }
    }
    lacks.extend(some(unwatched).map(Lack::NotWatched));
    lacks
}

/// What is wrong with the nights themselves.
fn nights(known: &Known<'_>) -> Vec<Lack> {
    let mut lacks = Vec::new();
    let empty = known.days.iter().filter(|(_, nights)| nights.is_empty());
    let missing: Vec<Date> = empty.map(|(day, _)| *day).collect();
    if !missing.is_empty() {
        lacks.push(Lack::Missing(missing));
    }
    lacks.extend(known.gathered.unusable.iter().map(|own| Lack::Unusable {
        name: own.name.clone(),
        why: own.why.clone(),
    }));
    for (day, of_day) in known.days {
        let of_day = || of_day.iter().map(|at| &known.gathered.nights[*at]);
        // A run that was cut short takes nothing from another one of its day that was not.
        let whole = of_day().any(|own| unproven(own).is_none());
        if !whole && let Some(why) = of_day().find_map(unproven) {
            lacks.push(Lack::Unproven { day: *day, why });
        }
        lacks.extend(
            of_day()
                .filter(|own| !own.misbehaving.is_empty())
                .map(|own| Lack::Misbehaved {
                    day: *day,
                    names: own.misbehaving.clone(),
                }),
        );
    }
    lacks
}

/// Why a run does not count as a whole night, if it does not. What failed in it is told elsewhere.
fn unproven(night: &Night) -> Option<String> {
    if let Some(why) = &night.partial {
        return Some(why.clone());
    }
    match &night.verdict {
        Verdict::Errored(why) | Verdict::Misconfigured(why) => Some(format!("errored: {why}")),
        Verdict::Inconclusive(why) => Some(format!("inconclusive: {why}")),
        _ => None,
    }
}

/// What not all runs were played by.
fn differences(nights: &[Night]) -> Vec<Lack> {
    let mut all: Vec<(&'static str, Vec<(Date, String)>)> = Vec::new();
    for night in nights {
        for (what, value) in &night.versions {
            let place = all.iter().position(|(own, _)| own == what);
            let values = match place {
                Some(at) => &mut all[at].1,
                None => {
                    all.push((what, Vec::new()));
                    let last = all.len() - 1;
                    &mut all[last].1
                }
            };
            if values.last().is_none_or(|(_, own)| own != value) {
                values.push((night.day, value.clone()));
            }
        }
    }
    let differing = all.into_iter().filter(|(_, values)| values.len() > 1);
    differing
        .map(|(what, values)| Lack::Differs { what, values })
        .collect()
}

fn days(all: &[Date]) -> String {
    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
    all.join(", ")
}

impl fmt::Display for Lack {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(all) => write!(out, "no run began on {}", days(all)),
            Self::Unproven { day, why } => write!(out, "the night of {day} is not whole: {why}"),
            Self::Unusable { name, why } => {
                write!(out, "{name} cannot be used, and counts as missing: {why}")
            }
            Self::Misbehaved { day, names } => write!(
                out,
                "on {day} somebody misbehaved on purpose ({}): that is not the app that goes out",
                names.join(", ")
            ),
            Self::Differs { what, values } => {
                let values = values
                    .iter()
                    .map(|(day, value)| format!("{value} from {day}"));
                let values: Vec<String> = values.collect();
                write!(
                    out,
                    "not all nights have the same {what}: {}",
                    values.join(", ")
                )
            }
            Self::NotScored(ids) => write!(
                out,
                "not scored in every night, because the runbook changed: {}",
                ids.join(", ")
            ),
            Self::Violated(ids) => write!(out, "violated in the period: {}", ids.join(", ")),
            Self::Open(ids) => write!(
                out,
                "proven before, and not in the last night: {}",
                ids.join(", ")
            ),
            Self::NotTested(ids) => write!(out, "proven in no night: {}", ids.join(", ")),
            Self::Fired { trigger, days: all } => {
                write!(out, "the rollback trigger {trigger} fired on {}", days(all))
            }
            Self::NotWatched(triggers) => write!(
                out,
                "rollback triggers that no night judged: {}",
                triggers.join("; ")
            ),
            Self::Finding { rule, subject } => {
                write!(out, "{rule} ({}) is still found", subject.name())
            }
        }
    }
}
