//! Both directions of the live feed's WebSocket: what comes is read, judged, and passed on or not.

use std::convert::Infallible;

use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::feed::{End, Feed, Reader, Writer, release};
use super::large::Way;
use super::wire::Incoming;
use crate::domain::journal::{Direction, SocketEnd};
use crate::gateway::sessions::Passage;

impl Feed {
    /// From the client to the backend, until the direction ends; packets that are kept back are answered
    /// by the other direction.
    pub(super) async fn carry_up(
        &self,
        from: &mut Reader,
        to: &mut Writer,
        answers: &mpsc::Sender<Message>,
    ) -> Result<Infallible, End> {
        let mut held = Vec::new();
        while let Some(incoming) = from.next().await {
            let message = match incoming {
                Incoming::Whole(message) => message,
                Incoming::Signal(signal, payload) => {
                    self.signal(signal, payload, to, SocketEnd::Client).await?;
                    continue;
                }
                Incoming::Large(kind, piece) => {
                    let way = Way {
                        direction: Direction::Up,
                        from,
                        to,
                        held: &mut held,
                    };
                    if let Some(packet) = self.stream(way, kind, piece).await? {
                        self.answer(packet, answers).await;
                    }
                    continue;
                }
                // Whoever takes a large message takes it to its end.
                Incoming::More(_) => continue,
            };
            if self.controls().is_frozen() {
                continue;
            }
            match self.observe(Direction::Up, &message) {
                None => {}
                Some(Passage::Over) => return Err(End::broken("the session was over")),
                Some(Passage::Hold) => held.push(message),
                Some(Passage::Drop { answer }) => {
                    held.clear();
                    if let Some(packet) = answer {
                        self.answer(packet, answers).await;
                    }
                }
                Some(Passage::Forward) if release(to, &mut held, Some(message)).await => {
                    for packet in self.left_owing() {
                        self.answer(packet, answers).await;
                    }
                }
                Some(Passage::Forward) => return Err(End::lost(&SocketEnd::Client)),
            }
        }
        Err(End::of(from, &SocketEnd::Client))
    }

    /// From the backend to the client, with answers of the gateway's own, until the direction ends.
    pub(super) async fn carry_down(
        &self,
        from: &mut Reader,
        to: &mut Writer,
        answered: &mut mpsc::Receiver<Message>,
    ) -> Result<Infallible, End> {
        let mut held = Vec::new();
        loop {
            let incoming = tokio::select! {
                biased;
                Some(answer) = answered.recv() => {
                    if to.message(&answer).await.is_err() {
                        return Err(End::lost(&SocketEnd::Backend));
                    }
                    continue;
                }
                incoming = from.next() => incoming,
            };
            let message = match incoming {
                Some(Incoming::Whole(message)) => message,
                Some(Incoming::Signal(signal, payload)) => {
                    self.signal(signal, payload, to, SocketEnd::Backend).await?;
                    continue;
                }
                Some(Incoming::Large(kind, piece)) => {
                    let way = Way {
                        direction: Direction::Down,
                        from,
                        to,
                        held: &mut held,
                    };
                    self.stream(way, kind, piece).await?;
                    continue;
                }
                Some(Incoming::More(_)) => continue,
                None => {
                    // A dead line does not tell one end that the other has left.
                    self.controls().thawed().await;
                    return Err(End::of(from, &SocketEnd::Backend));
                }
            };
            if self.controls().is_frozen() {
                continue;
            }
            match self.observe(Direction::Down, &message) {
                None | Some(Passage::Drop { .. }) => {}
                Some(Passage::Over) => return Err(End::broken("the session was over")),
                Some(Passage::Hold) => held.push(message),
                Some(Passage::Forward) if release(to, &mut held, Some(message)).await => {}
                Some(Passage::Forward) => return Err(End::lost(&SocketEnd::Backend)),
            }
        }
    }
}
