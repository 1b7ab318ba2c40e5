//! Measures all figures while the journal grows, and judges them when it has ended.

use super::ages::Ages;
use super::feed::FeedClock;
use super::judged;
use super::ledger::Ledger;
use super::spans::Spans;
use super::traffic::Traffic;
use crate::rules::context::Context;
use crate::rules::rule::Rule;

/// Measures all figures.
#[derive(Default)]
pub(in crate::rules) struct Meter {
    ledger: Ledger,
    traffic: Traffic,
    feed: FeedClock,
    ages: Ages,
    spans: Spans,
}

impl Rule for Meter {
    fn see(&mut self, context: &Context<'_>) {
        self.ages.see(context, &mut self.ledger);
        if context.entry.fact.is_routine() {
            return;
        }
        self.traffic.see(context, &mut self.ledger);
        self.feed.see(context, &mut self.ledger);
        self.spans.see(context, &mut self.ledger);
    }

    fn time_passes(&mut self, _: &Context<'_>) {}

    fn end(&mut self, context: &Context<'_>) {
        self.ages.end(context, &mut self.ledger);
        self.feed.close(context.entry.at, &mut self.ledger);
        let pending = self.spans.end(context, &mut self.ledger);
        self.ledger.figures.watched = context.entry.at;
        judged::judge(context, &self.ledger, &pending);
        context.measured(std::mem::take(&mut self.ledger.figures));
    }

    fn hears_routine(&self) -> bool {
        true
    }
}
