//! The transports of an engine: where a polling or WebSocket link stands, and what fits into one post.

use std::collections::VecDeque;

use super::{RequestId, SocketId};
use crate::protocol::packet::Frame;

/// The transport of an engine.
#[derive(Debug)]
pub(super) enum Link {
    Polling(Polling),
    WebSocket {
        socket: SocketId,
        open: bool,
    },
    /// Nothing is left to close. A WebSocket that was open still counts as writable, so that the real client buffers
    /// volatile events after its loss.
    Gone {
        writable: bool,
    },
}

/// Where long-polling stands, and its requests under way.
#[derive(Debug)]
pub(super) struct Polling {
    pub(super) stage: Stage,
    pub(super) poll: Option<RequestId>,
    pub(super) post: Option<RequestId>,
}

/// How far a polling link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Opening,
    Open,
    /// No further poll is sent; the upgrade follows when poll and post have returned.
    Pausing,
    Paused,
}

/// A WebSocket that may take the place of polling.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) socket: SocketId,
    pub(super) stage: ProbeStage,
}

/// How far a probe is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProbeStage {
    Opening,
    Probing,
    Pausing,
    /// It got a wrong answer: the real client leaves the socket open and makes nothing of it.
    Spent,
}

/// How many packets fit into one body. The first always goes, however large: the server shall be the one to refuse it.
pub(super) fn sendable(buffer: &VecDeque<Frame>, max_payload: u64) -> usize {
    if max_payload == 0 {
        return buffer.len();
    }
    let mut size = 1;
    for (index, frame) in buffer.iter().enumerate() {
        size += match frame {
            Frame::Text(text) => text.len() as u64 - 1,
            // The real client's estimate of base64.
            Frame::Binary(bytes) => (bytes.len() as f64 * 1.33).ceil() as u64,
        };
        if index > 0 && size > max_payload {
            return index;
        }
        size += 2;
    }
    buffer.len()
}
