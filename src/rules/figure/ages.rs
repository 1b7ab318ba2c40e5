//! How old shown data is when it is replaced or leaves the screen.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ledger::Ledger;
use crate::domain::figures::Figure;
use crate::domain::journal::{Act, AppFact, DataSource, Fact, ScreenName, SessionState};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::state::AFTERMATH;

/// Measures the ages of shown data.
#[derive(Default)]
pub(super) struct Ages {
    screen: Option<ScreenName>,
    /// When it was opened.
    opened: Duration,
    /// When each resource was last brought.
    brought: BTreeMap<String, Moment>,
    oldest: BTreeMap<String, Duration>,
}

impl Ages {
    pub(super) fn see(&mut self, context: &Context<'_>, ledger: &mut Ledger) {
        match &context.entry.fact {
            Fact::App(AppFact::Shown {
                resource,
                source: DataSource::Request | DataSource::Event,
                ..
            }) => {
                if self.is_on_screen(resource, context) {
                    let just = self.opened + AFTERMATH > context.entry.at;
                    let is_older = self
                        .brought
                        .get(resource)
                        .is_some_and(|own| own.at < self.opened);
                    // What a screen showed until it had its own data was on its way out.
                    if !(just && is_older) {
                        self.measure(resource, context, ledger);
                    }
                }
                match self.brought.get_mut(resource) {
                    Some(brought) => *brought = context.moment(),
                    None => {
                        self.brought.insert(resource.clone(), context.moment());
                    }
                }
            }
            Fact::App(AppFact::Screen { screen }) => {
                self.leave(Some(screen), context, ledger);
                if self.screen.as_ref() != Some(screen) {
                    self.opened = context.entry.at;
                }
                self.screen = Some(screen.clone());
            }
            // Whoever has no network cannot have anything fresher.
            Fact::Act(Act::Background | Act::Kill | Act::Offline)
            | Fact::App(AppFact::Session {
                state: SessionState::Ended { .. },
            }) => self.end(context, ledger),
            _ => {}
        }
    }

    /// Nothing is shown any more.
    pub(super) fn end(&mut self, context: &Context<'_>, ledger: &mut Ledger) {
        self.leave(None, context, ledger);
        self.brought.clear();
    }

    /// Measures what the next screen does not show.
    fn leave(&mut self, next: Option<&ScreenName>, context: &Context<'_>, ledger: &mut Ledger) {
        let shows = |screen: Option<&ScreenName>, resource: &str| {
            screen.is_some_and(|screen| is_on(screen, resource, context))
        };
        let leaving: Vec<String> = self
            .brought
            .keys()
            .filter(|own| shows(self.screen.as_ref(), own) && !shows(next, own))
            .cloned()
            .collect();
        for resource in leaving {
            self.measure(&resource, context, ledger);
        }
    }

    fn is_on_screen(&self, resource: &str, context: &Context<'_>) -> bool {
        let screen = self.screen.as_ref();
        screen.is_some_and(|screen| is_on(screen, resource, context))
    }

    fn measure(&mut self, resource: &str, context: &Context<'_>, ledger: &mut Ledger) {
        let Some(brought) = self.brought.get(resource).copied() else {
            return;
        };
        if context.is_disturbed_since(brought.at) || context.is_blocked_by_lever() {
            return;
        }
        let age = context.entry.at.saturating_sub(brought.at);
        match ledger.figures.ages.get_mut(resource) {
            Some(ages) => ages.record(age),
            None => {
                let ages = ledger.figures.ages.entry(resource.to_owned());
                ages.or_default().record(age);
            }
        }
        let oldest = self.oldest.get(resource).copied().unwrap_or_default();
        if age > oldest {
            self.oldest.insert(resource.to_owned(), age);
            let shown = [brought.id, context.entry.id];
            ledger.replace(Figure::Freshness, resource, &shown);
        }
    }
}

/// Whether a screen shows a resource.
fn is_on(screen: &ScreenName, resource: &str, context: &Context<'_>) -> bool {
    let screen = context.contract.screen(screen.as_str());
    screen.is_some_and(|screen| screen.resources.iter().any(|own| own == resource))
}
