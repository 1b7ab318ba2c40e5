//! A WebSocket on its way into an archive: the exchange that opened it, and its messages.

use std::io::{self, Seek, SeekFrom, Write};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::SpooledTempFile;

use super::exchange::url;
use super::packet;
use crate::domain::journal::{Direction, Frame, Request};

/// How many bytes of messages are held in memory.
const HELD: usize = 256 * 1024;

/// A WebSocket that is open.
pub(super) struct Socket {
    /// The service that it goes to.
    pub(super) service: String,
    /// When it began, since the journal did.
    pub(super) began: Duration,
    entry: Value,
    messages: SpooledTempFile,
    any: bool,
}

impl Socket {
    /// What this exchange has opened.
    pub(super) fn new(request: &Request, mut entry: Value, began: Duration) -> Self {
        entry["_resourceType"] = json!("websocket");
        entry["request"]["url"] = json!(url(request, "ws"));
        Self {
            service: request.service.clone(),
            began,
            entry,
            messages: SpooledTempFile::new(HELD),
            any: false,
        }
    }

    /// Takes a packet; `at` is since 1970.
    pub(super) fn message(
        &mut self,
        direction: Direction,
        at: Duration,
        packet: &Frame,
    ) -> io::Result<()> {
        let message = json!({
            "type": match direction {
                Direction::Up => "send",
                Direction::Down => "receive",
            },
            "time": at.as_micros() as f64 / 1e6,
            "opcode": 1,
            "data": packet::text(packet),
        });
        let before = if self.any { "," } else { "" };
        self.any = true;
        write!(self.messages, "{before}{message}")
    }

    /// Writes it as an entry; `ended` is since the journal began.
    pub(super) fn write(mut self, ended: Duration, out: &mut dyn Write) -> io::Result<()> {
        let took = ended.saturating_sub(self.began).as_micros() as f64 / 1_000.0;
        self.entry["time"] = json!(took);
        self.entry["timings"]["receive"] = json!(took);
        self.entry["timings"]["wait"] = json!(0);
        let entry = self.entry.to_string();
        // The messages go in as the last key.
        out.write_all(
            entry
                .trim_end()
                .strip_suffix('}')
                .unwrap_or(&entry)
                .as_bytes(),
        )?;
        out.write_all(b",\"_webSocketMessages\":[")?;
        self.messages.seek(SeekFrom::Start(0))?;
        io::copy(&mut self.messages, out)?;
        out.write_all(b"]}")
    }
}
