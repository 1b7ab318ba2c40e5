//! One open WebSocket: a task that carries frames both ways until either side ends it.

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Upgraded;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Arrival, CLOSE_GRACE};
use crate::protocol::client::{Input, SocketId};
use crate::protocol::packet::Frame;

/// The shell's end of an open WebSocket.
pub(super) struct Handle {
    /// In boxes, because a channel keeps room for many.
    frames: mpsc::UnboundedSender<Box<Frame>>,
    /// Dropped with the handle, which tells the task that it is being closed.
    _open: oneshot::Sender<()>,
    task: AbortHandle,
}

impl Handle {
    /// Queues a frame.
    pub(super) fn send(&self, frame: Frame) {
        let _ = self.frames.send(Box::new(frame));
    }

    /// Ends the connection at once: nothing more is sent, no close frame either.
    pub(super) fn abort(&self) {
        self.task.abort();
    }

    /// Lets the task send what is queued and close the connection; returns its handle.
    pub(super) fn close(self) -> AbortHandle {
        self.task
    }
}

/// Carries a fresh connection. What it brings goes to `arrived`.
pub(super) fn open(
    connection: Upgraded,
    socket: SocketId,
    arrived: mpsc::UnboundedSender<Box<Arrival>>,
) -> Handle {
    let (frames, queue) = mpsc::unbounded_channel();
    let (open, closing) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        let overdue = async {
            let _ = closing.await;
            tokio::time::sleep(CLOSE_GRACE).await;
        };
        tokio::select! {
            biased;
            () = carry(connection, socket, queue, &arrived) => {}
            () = overdue => {}
        }
    });
    Handle {
        frames,
        _open: open,
        task: task.abort_handle(),
    }
}

async fn carry(
    connection: Upgraded,
    socket: SocketId,
    mut queue: mpsc::UnboundedReceiver<Box<Frame>>,
    arrived: &mpsc::UnboundedSender<Box<Arrival>>,
) {
    // The default read buffer would be most of what an idle app weighs; it grows for what is larger.
    let config = WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(0);
    let mut stream = WebSocketStream::from_raw_socket(connection, Role::Client, Some(config)).await;
    let brought = |input| {
        let _ = arrived.send(Box::new(Arrival::Brought(input)));
    };
    loop {
        tokio::select! {
            biased;
            frame = queue.recv() => match frame {
                Some(frame) => {
                    if stream.send(message(*frame)).await.is_err() {
                        return brought(Input::WsClosed { socket });
                    }
                }
                None => {
                    let _ = stream.close(None).await;
                    while let Some(Ok(_)) = stream.next().await {}
                    return;
                }
            },
            message = stream.next() => match message {
                Some(Ok(Message::Text(text))) => brought(Input::WsFrame {
                    socket,
                    frame: Frame::Text(text.as_str().to_owned()),
                }),
                Some(Ok(Message::Binary(bytes))) => brought(Input::WsFrame {
                    socket,
                    frame: Frame::Binary(bytes),
                }),
                Some(Ok(_)) => {}
                Some(Err(error)) if is_broken_protocol(&error) => {
                    return brought(Input::WsFailed { socket });
                }
                Some(Err(_)) | None => return brought(Input::WsClosed { socket }),
            },
        }
    }
}

/// Whether the other side did something wrong, other than to leave without a word.
fn is_broken_protocol(error: &Error) -> bool {
    match error {
        Error::Protocol(error) => *error != ProtocolError::ResetWithoutClosingHandshake,
        Error::Utf8(_) | Error::Capacity(_) => true,
        _ => false,
    }
}

fn message(frame: Frame) -> Message {
    match frame {
        Frame::Text(text) => Message::text(text),
        Frame::Binary(bytes) => Message::binary(bytes),
    }
}
