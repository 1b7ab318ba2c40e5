//! Joining a binary packet's header with its attachments.

use bytes::Bytes;

use super::{Args, Body, DecodeError, Header, Limits, Packet};

/// Collects the attachments of binary packets. Keep one per session and per direction, never per polling body: a
/// packet may arrive spread over several of them.
///
/// After an error the state is clean again; a peer that behaves as the official ones do closes the session anyway.
#[derive(Debug, Default)]
pub struct Reassembler {
    limits: Limits,
    pending: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    header: Header,
    attachments: Vec<Bytes>,
    bytes: usize,
}

/// What one more piece has led to.
#[derive(Debug, PartialEq)]
pub enum Progress<'a> {
    /// A whole packet.
    Complete(Packet),
    /// A binary packet whose attachments are still on their way. Its name is known, so a policy can decide now and
    /// apply the same decision to the binary pieces that follow.
    Pending {
        /// The packet so far; its arguments hold placeholders and no attachments.
        packet: &'a Packet,
        /// How many attachments are still missing.
        missing: usize,
    },
}

impl Reassembler {
    /// One with its own limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            pending: None,
        }
    }

    /// Takes the data of an [`EnginePacket::Text`](super::EnginePacket::Text).
    ///
    /// # Errors
    /// If it is no Socket.IO packet, or if attachments were due.
    pub fn text(&mut self, text: &str) -> Result<Progress<'_>, DecodeError> {
        if self.pending.take().is_some() {
            return Err(DecodeError::TextAmidAttachments);
        }
        let header = Packet::decode(text, self.limits)?;
        if header.attachments == 0 {
            return Ok(Progress::Complete(header.packet));
        }
        let pending = self.pending.insert(Pending {
            attachments: Vec::with_capacity(header.attachments),
            header,
            bytes: text.len(),
        });
        Ok(pending.progress())
    }

    /// Takes the data of an [`EnginePacket::Binary`](super::EnginePacket::Binary).
    ///
    /// # Errors
    /// If no packet waits for it, if it is too much, or if a placeholder of the now whole packet leads nowhere.
    pub fn binary(&mut self, bytes: Bytes) -> Result<Progress<'_>, DecodeError> {
        let mut pending = self.pending.take().ok_or(DecodeError::StrayAttachment)?;
        pending.bytes = pending.bytes.saturating_add(bytes.len());
        if pending.bytes > self.limits.bytes {
            return Err(DecodeError::TooLarge);
        }
        pending.attachments.push(bytes);
        if pending.missing() == 0 {
            return pending.finish().map(Progress::Complete);
        }
        Ok(self.pending.insert(pending).progress())
    }

    /// How many attachments are due before the next text packet may come.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.pending.as_ref().map_or(0, Pending::missing)
    }

    /// Forgets a half-received packet, as both peers do when the connection ends.
    pub fn reset(&mut self) {
        self.pending = None;
    }
}

impl Pending {
    fn missing(&self) -> usize {
        self.header.attachments - self.attachments.len()
    }

    fn progress(&self) -> Progress<'_> {
        Progress::Pending {
            packet: &self.header.packet,
            missing: self.missing(),
        }
    }

    fn finish(self) -> Result<Packet, DecodeError> {
        let mut packet = self.header.packet;
        if let Body::Event { args, .. } | Body::Ack { args, .. } = &mut packet.body {
            *args = Args {
                values: std::mem::take(&mut args.values),
                attachments: self.attachments,
            };
            if !args.is_complete() {
                return Err(DecodeError::Placeholder);
            }
        }
        Ok(packet)
    }
}
