//! How fast and how much a target is asked, and what of it was used.

use super::console;
use crate::domain::duration;
use crate::net::Pace;
use crate::run::{Plan, Target};

/// What the configuration allows a run.
pub(super) fn of(target: &Target) -> Pace {
    match target {
        Target::Mock => Pace::default(),
        Target::Deployment(target) => Pace::new(target.rate, target.budget),
    }
}

/// The same for what goes on until a person ends it.
pub(super) fn without_end(target: &Target) -> Pace {
    match target {
        Target::Mock => Pace::default(),
        Target::Deployment(target) => Pace::new(target.rate, None),
    }
}

/// Says what a run has used.
pub(super) fn tell(plan: &Plan, quiet: bool) {
    let (Target::Deployment(target), false) = (&plan.target, quiet) else {
        return;
    };
    let used = plan.course.pace.used();
    let mut told = format!("{} was asked {}", target.name, times(used.requests));
    if let Some(budget) = target.budget {
        told.push_str(&format!(" of {budget}"));
    }
    if let Some(rate) = target.rate {
        let waited = duration::show(used.waited);
        told.push_str(&format!(
            ", at most {rate} a second, for which requests waited {waited} in all"
        ));
    }
    console::tell(&format!("{told}\n"));
}

fn times(number: u64) -> String {
    match number {
        1 => "once".to_owned(),
        number => format!("{number} times"),
    }
}
