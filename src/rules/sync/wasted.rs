//! SYNC-16: nothing is read that was told already.

use crate::domain::journal::EntryId;
use crate::domain::verdict::Severity;
use crate::rules::context::Context;
use crate::rules::rule::rule;
use crate::rules::violation::Violation;

mod deltas;
mod pages;
mod whole;

pub(super) use deltas::Deltas;
pub(super) use pages::PastTheEnd;
pub(super) use whole::Whole;

rule! {
    /// The app reads nothing that it was told already
    ///
    /// # Why
    /// A page past the last one, a list that is read again for every change that was sent, a whole
    /// answer in the place of a 304: each is a request that brings nothing, many times over for every
    /// device.
    ///
    /// # How it is judged
    /// A page of a list counts that is asked for within a minute of the answer which said that there
    /// is no further one, with the same token in the same process, and that brings no item which the walk
    /// had not brought, and so does one that is asked for a second time in a walk. Of events that carry a change (`merge`, `replace`) five in a row count that are
    /// each followed by a read of their resource within two seconds (one for several that come together), although nothing else explains
    /// one: no act, no connect, no gap in the numbers. Both are information, and findings where the
    /// contract says `reads: needed`. Where it calls a resource `conditional`, an answer counts that
    /// brings the entity tag of the one before, to a request with the same token in the same process
    /// that did not say which it has; without marks of starts that is information, too. The first read of
    /// a start or a session never counts.
    ///
    /// # How to keep it
    /// Keep whether there is a further page beside the list, and ask the list's end once; apply what
    /// an event carries; send `If-None-Match` with whatever is still held.
    ///
    /// # Source
    /// RFC 9110 §13.1.2; runbook S9.7
    pub(in crate::rules) WASTED: "SYNC-16", App, from [Wire],
        set by [
            "resources[].paging", "resources[].conditional", "realtime.events", "scope.reads"
        ]
}

/// How grave a read is that brought nothing, where only the contract's `reads` speaks of it.
fn severity(context: &Context<'_>) -> Severity {
    match context.contract.scope.reads_needed {
        true => Severity::Violation,
        false => Severity::Information,
    }
}

/// What is told of a read that brought nothing.
struct Waste {
    kind: String,
    message: String,
    expected: &'static str,
    observed: String,
    evidence: Vec<EntryId>,
    exchange: u64,
    severity: Severity,
}

impl Waste {
    fn tell(self, context: &Context<'_>) {
        context.violated(
            &WASTED,
            Violation::new(self.message)
                .kind(self.kind)
                .expected(self.expected)
                .observed(self.observed)
                .evidence(self.evidence)
                .exchanges([self.exchange])
                .severity(self.severity),
        );
    }
}
