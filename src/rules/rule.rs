//! How a rule is judged, and by which list it is found.

use super::context::Context;
pub(super) use super::info::{RuleInfo, rule};
use crate::domain::contract::Contract;

/// How rules are judged: a fold over the entries of a journal. Most judge one rule; some judge two
/// that look at the same things.
pub(super) trait Rule: Send {
    /// Is shown one entry, in the state to which the journal has led with it.
    fn see(&mut self, context: &Context<'_>);

    /// Is told that time has passed, before an entry that changes the world: what is overdue by then
    /// is overdue whatever follows. The context's entry stands for that moment and says nothing.
    fn time_passes(&mut self, context: &Context<'_>) {
        self.see(context);
    }

    /// Is told that nothing more will come. The context's entry is the last one.
    fn end(&mut self, _context: &Context<'_>) {}

    /// Whether it wants to hear routine packets too.
    fn hears_routine(&self) -> bool {
        false
    }

    /// Whether it compares accounts, and so wants to hear of all devices of a scenario that has several.
    fn compares_accounts(&self) -> bool {
        false
    }

    /// Whether it wants to hear what the harness itself asks, and is answered.
    fn hears_probes(&self) -> bool {
        false
    }
}

/// An entry of a family's list: rules, and what judges them under a contract.
pub(super) type Registration = (&'static [&'static RuleInfo], fn(&Contract) -> Box<dyn Rule>);
