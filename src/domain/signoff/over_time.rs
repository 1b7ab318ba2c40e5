//! Items, triggers and findings over time: what was known of each on which day.

use jiff::civil::Date;

use super::Night;
use crate::domain::runbook::{Answered, Attestation, Exhibit, State, Status, Triggered};
use crate::domain::subject::Subject;

/// An item of the runbook over time.
#[derive(Debug, Clone)]
pub struct ItemOverTime {
    /// Its id.
    pub id: String,
    /// What has to be so.
    pub title: String,
    /// The id of its group.
    pub group: String,
    /// What was known on each day of the period; nothing where no run was asked.
    pub days: Vec<Option<Status>>,
    /// What that comes to.
    pub standing: Standing,
    /// Why it does not hold, if it does not.
    pub why: Option<String>,
    /// The person's word, if there is one.
    pub attested: Option<Attestation>,
}

/// What an item comes to over a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was proven or attested, last of all on the last day that was played, and violated on none.
    Holds,
    /// The contract has no such thing.
    NotApplicable,
    /// It was violated on some day.
    Violated,
    /// It was proven on some day, and not on the last one that was played.
    Open,
    /// It was proven on no day.
    NotTested,
    /// No run of the period was asked.
    NotScored,
}

impl Standing {
    /// The word for reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::NotApplicable => "not applicable",
            Self::Violated => "violated",
            Self::Open => "open",
            Self::NotTested => "not tested",
            Self::NotScored => "not scored",
        }
    }

    /// Whether it keeps a period from being complete.
    #[must_use]
    pub fn is_lacking(self) -> bool {
        !matches!(self, Self::Holds | Self::NotApplicable)
    }
}

/// A rollback trigger over time.
#[derive(Debug, Clone)]
pub struct TriggerOverTime {
    /// Its id.
    pub id: String,
    /// What has gone wrong when it fires.
    pub title: String,
    /// What is to be done then.
    pub actions: Vec<String>,
    /// What was known on each day of the period; nothing where no run was asked.
    pub days: Vec<Option<State>>,
    /// What fired it, with the day.
    pub evidence: Vec<(Date, Exhibit)>,
}

/// A likely cause over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFinding {
    /// The rule's id.
    pub rule: String,
    /// Who broke it.
    pub subject: Subject,
    /// The first day on which it was seen.
    pub first: Date,
    /// The last one.
    pub last: Date,
    /// On how many days.
    pub days: usize,
    /// The scenarios in which it was seen last.
    pub scenarios: Vec<String>,
    /// Whether it was seen in the last run.
    pub is_open: bool,
}

/// The days of a period with the places of their nights.
type Days = [(Date, Vec<usize>)];

/// Ids in the order of the newest runbook, then those that only older ones have.
fn ids<'a>(nights: &'a [Night], of: impl Fn(&'a Night) -> Vec<&'a str>) -> Vec<&'a str> {
    let mut all: Vec<&str> = Vec::new();
    for id in nights.iter().rev().flat_map(of) {
        if !all.contains(&id) {
            all.push(id);
        }
    }
    all
}

pub(super) fn items(nights: &[Night], days: &Days) -> Vec<ItemOverTime> {
    let ids = ids(nights, |night| {
        night
            .answer
            .items
            .iter()
            .map(|own| own.id.as_str())
            .collect()
    });
    ids.into_iter()
        .filter_map(|id| item(nights, days, id))
        .collect()
}

fn item(nights: &[Night], days: &Days, id: &str) -> Option<ItemOverTime> {
    let of = |at: usize| nights[at].answer.items.iter().find(|own| own.id == id);
    let places = || (0..nights.len()).rev();
    let newest = places().find_map(of)?;
    let known: Vec<Option<Status>> = days
        .iter()
        .map(|(_, of_day)| {
            let told = of_day.iter().filter_map(|at| of(*at));
            told.map(|own| own.status).min_by_key(|own| rank(*own))
        })
        .collect();
    let standing = standing(&known, days);
    let why = match standing {
        Standing::Holds | Standing::NotApplicable => None,
        Standing::Violated => {
            let violated = |own: &&Answered| own.status == Status::Violated;
            let told = places().find_map(|at| Some((at, of(at).filter(violated)?)));
            told.map(|(at, own)| {
                let why = own.reasons.first().map_or("", String::as_str);
                format!("on {}: {why}", nights[at].day)
            })
        }
        Standing::Open | Standing::NotTested | Standing::NotScored => newest.reason(),
    };
    Some(ItemOverTime {
        id: id.to_owned(),
        title: newest.title.clone(),
        group: newest.group.clone(),
        days: known,
        standing,
        why,
        attested: newest.attested.clone(),
    })
}

/// Of several runs of a day: what is violated in one is, and what is proven in one is proven else.
fn rank(status: Status) -> u8 {
    match status {
        Status::Violated => 0,
        Status::Proven => 1,
        Status::Attested => 2,
        Status::Inconclusive => 3,
        Status::NotApplicable => 4,
        Status::NotScored => 5,
    }
}

fn standing(known: &[Option<Status>], days: &Days) -> Standing {
    let has = |wanted: &[Status]| known.iter().flatten().any(|own| wanted.contains(own));
    let last = known.iter().zip(days).rev();
    let last = last.filter(|(_, (_, nights))| !nights.is_empty());
    let last = last.map(|(own, _)| *own).next().flatten();
    if has(&[Status::Violated]) {
        return Standing::Violated;
    }
    match last {
        Some(Status::Proven | Status::Attested) => Standing::Holds,
        Some(Status::NotApplicable) => Standing::NotApplicable,
        _ if has(&[Status::Proven, Status::Attested]) => Standing::Open,
        _ if has(&[Status::Inconclusive]) => Standing::NotTested,
        _ => Standing::NotScored,
    }
}

pub(super) fn triggers(nights: &[Night], days: &Days) -> Vec<TriggerOverTime> {
    let ids = ids(nights, |night| {
        night
            .answer
            .rollback
            .iter()
            .map(|own| own.id.as_str())
            .collect()
    });
    let of = |at: usize, id: &str| -> Option<&Triggered> {
        nights[at].answer.rollback.iter().find(|own| own.id == id)
    };
    let trigger = |id: &str| {
        let newest = (0..nights.len()).rev().find_map(|at| of(at, id))?;
        let known = days.iter().map(|(_, of_day)| {
            let told = of_day.iter().filter_map(|at| of(*at, id));
            told.map(|own| own.state).min()
        });
        let fired = (0..nights.len()).filter_map(|at| Some((nights[at].day, of(at, id)?)));
        let shown =
            fired.flat_map(|(day, own)| own.evidence.iter().map(move |own| (day, own.clone())));
        Some(TriggerOverTime {
            id: id.to_owned(),
            title: newest.title.clone(),
            actions: newest.actions.clone(),
            days: known.collect(),
            evidence: shown.collect(),
        })
    };
    ids.into_iter().filter_map(trigger).collect()
}

pub(super) fn findings(nights: &[Night]) -> Vec<OpenFinding> {
    let mut all: Vec<OpenFinding> = Vec::new();
    let newest = nights.last().map(|own| own.run.as_str());
    for night in nights {
        for cause in &night.causes {
            let known = all
                .iter_mut()
                .find(|own| own.rule == cause.rule && own.subject == cause.subject);
            let is_open = newest == Some(night.run.as_str());
            match known {
                Some(known) => {
                    known.days += usize::from(known.last != night.day);
                    known.last = night.day;
                    known.scenarios.clone_from(&cause.scenarios);
                    known.is_open |= is_open;
                }
                None => all.push(OpenFinding {
                    rule: cause.rule.clone(),
                    subject: cause.subject,
                    first: night.day,
                    last: night.day,
                    days: 1,
                    scenarios: cause.scenarios.clone(),
                    is_open,
                }),
            }
        }
    }
    all.sort_by_key(|own| !own.is_open);
    all
}
