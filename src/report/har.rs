//! The traffic of a run as an HTTP archive, version 1.2, with WebSocket messages as Chromium keeps them:
//! its network panel opens it. A scenario is a page.
//!
//! It is written entry by entry as journals are read. What is not known yet of an exchange is held
//! until it ends, and the messages of an open socket stand in a temporary file, so that a journal of
//! days needs no more memory than one of minutes. Secrets are labels, as in the journal.

mod exchange;
mod packet;
mod socket;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use self::exchange::{Ending, entry};
use self::socket::Socket;
use super::rfc3339;
use crate::domain::change::{Change, Fault, RequestMatch};
use crate::domain::contract::{Role, TransportName};
use crate::domain::journal::file::Header;
use crate::domain::journal::{Answer, Direction, Entry, Fact, Frame, LossReason, Request};

/// Writes one archive from many journals.
pub struct Archive<'w> {
    out: &'w mut dyn Write,
    entries: u64,
    pages: Vec<Value>,
    journal: Open,
}

/// What is held of the journal that is being read.
#[derive(Default)]
struct Open {
    page: String,
    epoch: Duration,
    /// Requests without an answer yet, by their exchange.
    requests: BTreeMap<u64, Asked>,
    /// What the harness holds up by a fault.
    delayed: Vec<RequestMatch>,
    /// Resources that the target answers with bad data because the harness wants it so.
    malformed: BTreeSet<String>,
    /// WebSockets: the exchange that opened each, by the number of the session.
    sockets: BTreeMap<u64, Socket>,
    /// Handshakes of WebSockets of which the journal has not said yet which session they are.
    handshakes: Vec<Socket>,
}

/// A request without an answer yet.
struct Asked {
    began: Duration,
    request: Request,
    delayed: bool,
    malformed: bool,
}

impl<'w> Archive<'w> {
    /// Begins an archive.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn begin(out: &'w mut dyn Write) -> io::Result<Self> {
        let creator = json!({"name": "rehearsal", "version": env!("CARGO_PKG_VERSION")});
        write!(
            out,
            "{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"entries\":["
        )?;
        Ok(Self {
            out,
            entries: 0,
            pages: Vec::new(),
            journal: Open::default(),
        })
    }

    /// Begins with the next journal.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn journal(&mut self, header: &Header) -> io::Result<()> {
        self.close_journal()?;
        let case = &header.case;
        let number = self
            .pages
            .iter()
            .filter(|page| page["_scenario"] == case.id)
            .count();
        self.journal.page = match number {
            0 => case.id.clone(),
            before => format!("{} ({})", case.id, before + 1),
        };
        self.journal.epoch = Duration::from_secs(header.epoch);
        self.pages.push(json!({
            "startedDateTime": rfc3339(self.journal.epoch),
            "id": self.journal.page,
            "title": format!("{}: {}", case.id, case.name),
            "pageTimings": {},
            "_scenario": case.id,
        }));
        Ok(())
    }

    /// Is shown every entry of the journal, in order.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn entry(&mut self, entry: &Arc<Entry>) -> io::Result<()> {
        match &entry.fact {
            Fact::Request(request) => {
                let held = Asked {
                    began: entry.at,
                    request: (**request).clone(),
                    delayed: !self.journal.delayed.is_empty(),
                    malformed: self.is_malformed(request),
                };
                self.journal.requests.insert(request.exchange, held);
            }
            Fact::Answer(answer) => self.answered(entry, answer)?,
            Fact::Lost { exchange, reason } => {
                if let Some(asked) = self.journal.requests.remove(exchange) {
                    let value = self.value(entry, &asked, &Ending::Lost(told(reason)));
                    self.write(&value)?;
                }
            }
            Fact::SocketOpened {
                socket,
                service,
                transport: TransportName::Websocket,
            } => self.adopt(*socket, service),
            Fact::Frame {
                socket,
                direction,
                transport: TransportName::Websocket,
                packet,
                ..
            } => {
                self.frame(*socket, *direction, entry.at, packet)?;
            }
            Fact::SocketClosed { socket, .. } => {
                if let Some(own) = self.journal.sockets.remove(socket) {
                    self.write_socket(own, entry.at)?;
                }
            }
            _ => self.changed(entry),
        }
        Ok(())
    }

    fn is_malformed(&self, request: &Request) -> bool {
        let role = request.role.as_ref();
        matches!(role, Some(Role::Resource(name)) if self.journal.malformed.contains(name))
    }

    /// Takes in that the harness holds answers up or spoils them from now on, or does so no longer.
    fn changed(&mut self, entry: &Entry) {
        match entry.fact.change() {
            Some(Change::Fault { on, fault }) => {
                let delayed = &mut self.journal.delayed;
                delayed.retain(|own| own != on);
                if matches!(fault, Some(Fault::Delay(_))) {
                    delayed.push(on.clone());
                }
            }
            Some(Change::Malform { resource, class }) => {
                match class {
                    Some(_) => self.journal.malformed.insert(resource.clone()),
                    None => self.journal.malformed.remove(resource),
                };
            }
            _ => {}
        }
    }

    fn answered(&mut self, entry: &Entry, answer: &Answer) -> io::Result<()> {
        let Some(asked) = self.journal.requests.remove(&answer.exchange) else {
            return Ok(());
        };
        let value = self.value(entry, &asked, &Ending::Answered(answer));
        if answer.status == 101 && asked.request.wants_websocket() {
            let opened = Socket::new(&asked.request, value, asked.began);
            self.journal.handshakes.push(opened);
            return Ok(());
        }
        self.write(&value)
    }

    fn frame(
        &mut self,
        socket: u64,
        direction: Direction,
        at: Duration,
        packet: &Frame,
    ) -> io::Result<()> {
        if !self.journal.sockets.contains_key(&socket) {
            // A session that moved over from polling: the oldest handshake is its own.
            self.adopt_oldest(socket);
        }
        let at = self.journal.epoch + at;
        match self.journal.sockets.get_mut(&socket) {
            Some(own) => own.message(direction, at, packet),
            None => Ok(()),
        }
    }

    /// Ends the archive.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn end(mut self) -> io::Result<()> {
        self.close_journal()?;
        let pages = Value::Array(std::mem::take(&mut self.pages));
        writeln!(self.out, "],\"pages\":{pages}}}}}")
    }

    fn value(&self, end: &Entry, asked: &Asked, ending: &Ending<'_>) -> Value {
        let mut value = entry(
            self.journal.epoch + asked.began,
            end.at - asked.began.min(end.at),
            &asked.request,
            ending,
        );
        if asked.delayed {
            value["_delayed"] = json!(true);
        }
        if asked.malformed || self.is_malformed(&asked.request) {
            value["_malformed"] = json!(true);
        }
        value["pageref"] = json!(self.journal.page);
        if let Some(device) = &end.device {
            value["_device"] = json!(device);
        }
        value
    }

    fn adopt(&mut self, socket: u64, service: &str) {
        let handshakes = &mut self.journal.handshakes;
        if let Some(at) = handshakes.iter().position(|own| own.service == service) {
            let own = handshakes.remove(at);
            self.journal.sockets.insert(socket, own);
        }
    }

    fn adopt_oldest(&mut self, socket: u64) {
        if !self.journal.handshakes.is_empty() {
            let own = self.journal.handshakes.remove(0);
            self.journal.sockets.insert(socket, own);
        }
    }

    /// What is open when a journal ends has no end that anybody knows.
    fn close_journal(&mut self) -> io::Result<()> {
        let open = std::mem::take(&mut self.journal);
        let page = open.page;
        for asked in open.requests.into_values() {
            let ending = Ending::Lost("the journal ends before it does".to_owned());
            let began = open.epoch + asked.began;
            let mut value = entry(began, Duration::ZERO, &asked.request, &ending);
            value["pageref"] = json!(page);
            self.write(&value)?;
        }
        for socket in open.sockets.into_values().chain(open.handshakes) {
            let at = socket.began;
            self.write_socket(socket, at)?;
        }
        Ok(())
    }

    fn write(&mut self, entry: &Value) -> io::Result<()> {
        self.separate()?;
        write!(self.out, "{entry}")
    }

    fn write_socket(&mut self, socket: Socket, ended: Duration) -> io::Result<()> {
        self.separate()?;
        socket.write(ended, self.out)
    }

    fn separate(&mut self) -> io::Result<()> {
        self.entries += 1;
        let before = if self.entries == 1 { "\n" } else { ",\n" };
        self.out.write_all(before.as_bytes())
    }
}

fn told(reason: &LossReason) -> String {
    match reason {
        LossReason::Upstream { detail } => format!("the backend gave no answer: {detail}"),
        LossReason::ClientGone => "the client went away".to_owned(),
        LossReason::Fault => "a fault broke the connection".to_owned(),
    }
}

#[cfg(test)]
mod tests;
