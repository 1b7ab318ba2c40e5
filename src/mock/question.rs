//! Questions: events that the backend wants acknowledged, and what the clients answer.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::backend::Backend;
use crate::protocol::packet::Args;
use crate::protocol::server::{Delivery, Emit, Input, PeerId};

/// How long a client may think about an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A question that is under way to one socket.
pub(super) struct PendingAnswer {
    user: String,
    answer: oneshot::Receiver<Args>,
}

impl PendingAnswer {
    /// Who answered, and what; `null` when nothing came in time.
    pub(super) async fn settled(self) -> Value {
        let answer = tokio::time::timeout(PATIENCE, self.answer).await;
        let answer = answer.ok().and_then(Result::ok);
        json!({ "user": self.user, "args": answer.map(outward) })
    }
}

impl Backend {
    /// Emits to every socket that listens, each with an acknowledgement asked for.
    pub(super) fn ask(&self, event: &str, args: Vec<Value>) -> Result<Vec<PendingAnswer>, String> {
        let args = inward(args)?;
        let mut core = self.core();
        let core = &mut *core;
        core.sockets.awaited.retain(|_, asked| !asked.is_closed());
        let present: Vec<(PeerId, usize)> = core
            .sockets
            .peers
            .iter()
            .filter(|(_, peer)| peer.listens && !peer.away)
            .map(|(peer, of)| (*peer, of.user))
            .collect();
        let mut questions = Vec::new();
        for (peer, user) in present {
            let (sender, answer) = oneshot::channel();
            let token = core.sockets.ask(sender);
            let emit = Emit {
                name: event.to_owned(),
                args: args.clone(),
                ack: Some(token),
                delivery: Delivery::Buffered,
            };
            self.feed_machine(core, Input::Emit { peer, emit });
            questions.push(PendingAnswer {
                user: core.people[user].user.name.clone(),
                answer,
            });
        }
        Ok(questions)
    }
}

/// Arguments as an operator writes them: `{"$binary": "<base64>"}` stands for bytes.
fn inward(values: Vec<Value>) -> Result<Args, String> {
    let mut args = Args::none();
    for value in values {
        args = match value.get("$binary").and_then(Value::as_str) {
            Some(text) => args.and_binary(
                STANDARD
                    .decode(text)
                    .map_err(|error| format!("`$binary` is not base64: {error}"))?,
            ),
            None => args.and(value),
        };
    }
    Ok(args)
}

/// The other way round; bytes deeper inside keep their placeholders.
fn outward(args: Args) -> Vec<Value> {
    let shown = |value: &Value| match args.binary(value) {
        Some(bytes) => json!({ "$binary": STANDARD.encode(bytes) }),
        None => value.clone(),
    };
    args.values.iter().map(shown).collect()
}
