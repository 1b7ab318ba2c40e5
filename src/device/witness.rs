//! Who hears what a device does: a journal, or whoever counts what thousands of devices do.

use tokio::sync::Semaphore;

use crate::domain::journal::{AppFact, ClientExchange, Fact};
use crate::domain::scope::RequestView;
use crate::net::{Clock, Pace, Recorder};
use crate::protocol::client::Event;

/// What a witness wants to be told when an exchange ends; nobody else reads it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ticket(pub u64);

/// Who hears what a device does.
pub trait Witness: Send + Sync {
    /// The time.
    fn clock(&self) -> Clock;

    /// Something happened, or was done.
    fn tell(&self, fact: Fact);

    /// A request is about to be sent.
    ///
    /// # Errors
    /// Why it must not be.
    fn asks(&self, _request: &RequestView<'_>) -> Result<Ticket, String> {
        Ok(Ticket::default())
    }

    /// An exchange has ended.
    fn ended(&self, _ticket: Ticket, exchange: ClientExchange) {
        self.tell(Fact::App(AppFact::Exchange(exchange)));
    }

    /// Whether the text of a WebSocket frame may be sent.
    fn lets_frame(&self, _text: &str) -> bool {
        true
    }

    /// A socket has something to say.
    fn heard(&self, _event: &Event) {}

    /// The pace at which the target is asked, where nothing between it and the device keeps one.
    fn pace(&self) -> Option<&Pace> {
        None
    }

    /// Room for connections beside those of sockets, where many devices share what the system gives.
    fn room(&self) -> Option<&Semaphore> {
        None
    }
}

/// A journal takes in everything. Behind its device stands a gateway that judges, and keeps the pace.
impl Witness for Recorder {
    fn clock(&self) -> Clock {
        Recorder::clock(self)
    }

    fn tell(&self, fact: Fact) {
        self.record(fact);
    }
}
