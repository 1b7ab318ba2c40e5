//! What happens behind the proxy, as it happens: every entry of the journal, and what is found in it.

use std::sync::{Arc, Weak};

use serde_json::{Value, json};

use crate::domain::journal::{Entry, Observer};
use crate::domain::verdict::Finding;
use crate::operator::Tape;
use crate::run::environment::Environment;

/// Puts every entry of the journal onto the tape, and each finding after the entry that decided it. What is in the
/// journal is free of secrets, and so is the tape.
pub(super) struct Follower {
    tape: Arc<Tape>,
    /// Whose judge is asked. The environment holds the journal, and the journal this.
    around: Weak<Environment>,
    /// How many findings were told.
    told: usize,
}

impl Follower {
    pub(super) fn new(tape: Arc<Tape>, around: &Arc<Environment>) -> Self {
        Self {
            tape,
            around: Arc::downgrade(around),
            told: 0,
        }
    }
}

impl Observer for Follower {
    fn observe(&mut self, entry: &Arc<Entry>) {
        let Some(around) = self.around.upgrade() else {
            return;
        };
        // Written at once: bodies are long, and a tree of one is many times as long.
        let text = around.line_of(entry);
        self.tape.add(entry.fact.kind(), |_| text);
        // Who judges was shown the entry before.
        for finding in around.found(self.told) {
            self.told += 1;
            let at = u64::try_from(entry.at.as_micros()).unwrap_or(u64::MAX);
            let brief = finding_in_brief(&finding);
            self.tape.add("finding", |_| {
                json!({ "at_us": at, "finding": brief }).to_string()
            });
        }
    }
}

/// A finding for whoever drives an app: all that it says, and the numbers of the journal's entries
/// that show it, the decisive one last.
#[must_use]
pub fn finding_in_brief(finding: &Finding) -> Value {
    json!({
        "rule": finding.rule,
        "subject": finding.subject.name(),
        "severity": finding.severity.name(),
        "message": finding.message,
        "expected": finding.expected,
        "observed": finding.observed,
        "evidence": finding.evidence,
        "request_ids": finding.request_ids,
    })
}
