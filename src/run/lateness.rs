//! The check on virtual time itself: what the mock emits must be at the gateway in the same instant.
//!
//! A paused clock may only move when nothing is under way. Should it ever move while a message is,
//! every later judgement about time would be worthless, so a late packet makes the scenario
//! *errored*, never a finding against the client.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::contract::TransportName;
use crate::domain::journal::{Direction, Entry, Fact, Frame, HarnessFact, Observer};

/// Tells when the mock last emitted an event.
pub(crate) type LastEmitted = Box<dyn Fn(&str) -> Option<Duration> + Send>;

/// Compares the journal's stamps with the mock's.
pub(crate) struct LatenessCheck {
    last_emitted: LastEmitted,
    /// What came latest so far, and by how much.
    worst: Option<(String, Duration)>,
}

impl LatenessCheck {
    /// A check that has seen nothing late yet.
    pub(crate) fn new(last_emitted: LastEmitted) -> Self {
        Self {
            last_emitted,
            worst: None,
        }
    }

    /// The latest arrival, as a fact for the journal.
    pub(crate) fn worst(&self) -> Option<HarnessFact> {
        let worst = self.worst.as_ref();
        worst.map(|(what, by)| HarnessFact::Late {
            what: what.clone(),
            by_us: u64::try_from(by.as_micros()).unwrap_or(u64::MAX),
        })
    }
}

impl Observer for LatenessCheck {
    fn observe(&mut self, entry: &Arc<Entry>) {
        // On polling a packet may rightly wait for the next poll; on WebSocket nothing waits.
        let Fact::Frame {
            direction: Direction::Down,
            transport: TransportName::Websocket,
            packet: Frame::Event { name, .. },
            ..
        } = &entry.fact
        else {
            return;
        };
        let Some(late) =
            (self.last_emitted)(name).and_then(|emitted| entry.at.checked_sub(emitted))
        else {
            return;
        };
        let worst = self.worst.as_ref();
        if !late.is_zero() && worst.is_none_or(|(_, worst)| late > *worst) {
            self.worst = Some((format!("event `{name}` at {}", entry.id), late));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::journal::{Content, Journal};

    fn lateness_of_an_event_emitted_at(emitted: Duration, seen: Duration) -> Option<HarnessFact> {
        let mut check = LatenessCheck::new(Box::new(move |_| Some(emitted)));
        let packet = Frame::Event {
            namespace: "/live".to_owned(),
            name: "tick".to_owned(),
            args: Content::Empty,
            ack: None,
            attachments: 0,
        };
        let fact = Fact::Frame {
            socket: 1,
            direction: Direction::Down,
            transport: TransportName::Websocket,
            bytes: 1,
            packet,
            judgement: None,
        };
        check.observe(&Journal::new().append(seen, fact));
        check.worst()
    }

    #[test]
    fn an_event_that_is_seen_after_it_was_emitted_is_late_by_the_difference() {
        let second = Duration::from_secs(1);
        assert_eq!(lateness_of_an_event_emitted_at(second, second), None);
        let late = lateness_of_an_event_emitted_at(second, second + Duration::from_millis(7));
        let Some(HarnessFact::Late { by_us, .. }) = late else {
            panic!("it was not noticed");
        };
        assert_eq!(by_us, 7_000);
    }
}
