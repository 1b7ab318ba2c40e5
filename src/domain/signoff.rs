//! Whether a period of nights can be signed off: what is known of every item of a runbook over time, and
//! everything that keeps the whole from being complete.
//!
//! It is a pure decision over what each night's run came to. Nothing is complete by silence: a night that
//! is missing, a version that changed and an item that nobody tested are each said.

mod lacks;
mod over_time;
#[cfg(test)]
mod tests;

use jiff::civil::Date;

use super::runbook::Answer;
use super::subject::Subject;
use super::verdict::Verdict;

pub use lacks::Lack;
pub use over_time::{ItemOverTime, OpenFinding, Standing, TriggerOverTime};

/// What a night's run came to: one run, or the shards of one.
#[derive(Debug, Clone)]
pub struct Night {
    /// The run's name.
    pub run: String,
    /// The day on which it began, in UTC.
    pub day: Date,
    /// When it began, in seconds since 1970.
    pub started: u64,
    /// The run files that it was read from.
    pub files: Vec<ReadFile>,
    /// What it was played from: each file's name and SHA-256, hex.
    pub hashes: Vec<(String, String)>,
    /// The versions of all that it was played by, each by its name.
    pub versions: Vec<(&'static str, String)>,
    /// The verdict on everything.
    pub verdict: Verdict,
    /// Why it is not a whole run, if it is none.
    pub partial: Option<String>,
    /// Deliberate misbehaviours that were in force.
    pub misbehaving: Vec<String>,
    /// What it says of the runbook, with the words of people that count at the sign-off.
    pub answer: Answer,
    /// The likely causes of what failed.
    pub causes: Vec<Cause>,
    /// Rules that could not be judged, with the reason.
    pub not_judged: Vec<(String, String)>,
}

/// A run file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFile {
    /// Its name.
    pub name: String,
    /// Its SHA-256, hex.
    pub sha256: String,
}

/// A likely cause of what failed in a night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The rule's id.
    pub rule: String,
    /// Who broke it.
    pub subject: Subject,
    /// The scenarios in which it was seen.
    pub scenarios: Vec<String>,
}

/// A file that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// Its name.
    pub name: String,
    /// Why it is none.
    pub why: String,
}

/// The days that are signed off, both among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first one.
    pub first: Date,
    /// The last one.
    pub last: Date,
}

/// All that a sign-off is made from.
#[derive(Debug, Clone)]
pub struct Gathered {
    /// The target that the runs were played against.
    pub target: String,
    /// The days.
    pub period: Period,
    /// What was played in them, in the order in which it began.
    pub nights: Vec<Night>,
    /// Files that cannot be used.
    pub unusable: Vec<Unusable>,
    /// How many runs were passed over, because they are of other targets or other days.
    pub passed_over: usize,
}

/// A period, and whether it can be signed off.
#[derive(Debug, Clone)]
pub struct SignOff {
    /// What it is made from.
    pub gathered: Gathered,
    /// The days of the period, in order, each with the places of its nights.
    pub days: Vec<(Date, Vec<usize>)>,
    /// Every item over time, in the order of the newest runbook.
    pub items: Vec<ItemOverTime>,
    /// Every rollback trigger over time.
    pub triggers: Vec<TriggerOverTime>,
    /// Every likely cause that was seen, those that are still open first.
    pub findings: Vec<OpenFinding>,
    /// All that keeps it from being complete. Nothing, and it is.
    pub lacks: Vec<Lack>,
}

impl Period {
    /// Every day of it, in order.
    pub fn days(self) -> impl Iterator<Item = Date> {
        std::iter::successors(Some(self.first), |day| day.tomorrow().ok())
            .take_while(move |day| *day <= self.last)
    }

    /// Whether a day is one of it.
    #[must_use]
    pub fn has(self, day: Date) -> bool {
        (self.first..=self.last).contains(&day)
    }
}

impl SignOff {
    /// Whether a name can be put under it.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.lacks.is_empty()
    }

    /// The newest night, if there is any.
    #[must_use]
    pub fn newest(&self) -> Option<&Night> {
        self.gathered.nights.last()
    }
}

/// What a period comes to.
#[must_use]
pub fn sign_off(mut gathered: Gathered) -> SignOff {
    gathered
        .nights
        .sort_by_key(|own| (own.started, own.run.clone()));
    let nights = &gathered.nights;
    let on = |day: Date| -> Vec<usize> {
        let all = nights.iter().enumerate();
        let of_it = all.filter(|(_, own)| own.day == day);
        of_it.map(|(at, _)| at).collect()
    };
    let days: Vec<(Date, Vec<usize>)> = gathered.period.days().map(|day| (day, on(day))).collect();
    let items = over_time::items(nights, &days);
    let triggers = over_time::triggers(nights, &days);
    let findings = over_time::findings(nights);
    let lacks = lacks::all(&lacks::Known {
        gathered: &gathered,
        days: &days,
        items: &items,
        triggers: &triggers,
        findings: &findings,
    });
    SignOff {
        days,
        items,
        triggers,
        findings,
        lacks,
        gathered,
    }
}
