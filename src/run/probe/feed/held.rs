//! A socket of the harness's own that stays in the live feed while the world is changed: it answers
//! heartbeats, and tells what it hears when it is asked.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use super::listener::{Listener, Socket};
use super::nothing_heard;
use crate::domain::bindings::Bindings;
use crate::domain::contract::Realtime;
use crate::domain::journal::Heard;

/// A socket that is held open. Dropping it ends it.
pub(in crate::run::probe) struct Held {
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    heard: Mutex<Heard>,
    /// Tells that something was heard.
    news: Notify,
    /// Whether the server has ended it.
    over: AtomicBool,
    /// Has the socket emit its subscriptions once more.
    emit: Notify,
}

impl State {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Joins the feed by an open socket, in the background.
    pub(super) fn new(socket: Socket, realtime: Realtime, bindings: Bindings) -> Self {
        let state = Arc::new(State {
            heard: Mutex::new(nothing_heard()),
            news: Notify::new(),
            over: AtomicBool::new(false),
            emit: Notify::new(),
        });
        let own = Arc::clone(&state);
        let task = tokio::spawn(async move { stay(socket, &realtime, &bindings, &own).await });
        Self { state, task }
    }

    /// What came of joining, and the first event that changes data.
    pub(super) async fn first(&self, patience: Duration) -> Heard {
        self.wait(patience).await;
        self.state.heard().clone()
    }

    /// What comes from now on, after the subscriptions were emitted once more.
    pub(super) async fn again(&self, patience: Duration) -> Heard {
        {
            let mut heard = self.state.heard();
            heard.events.clear();
            heard.answers.clear();
            if heard.joined {
                self.state.emit.notify_one();
            }
        }
        self.wait(patience).await;
        self.state.heard().clone()
    }

    /// Waits for an event, or for the end.
    async fn wait(&self, patience: Duration) {
        let over = async {
            loop {
                let news = self.state.news.notified();
                let over = self.state.over.load(Ordering::Acquire);
                if over || !self.state.heard().events.is_empty() {
                    return;
                }
                news.await;
            }
        };
        // What was heard when time is up is what there was to hear.
        let _ = tokio::time::timeout(patience, over).await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens until the server ends it.
async fn stay(mut socket: Socket, realtime: &Realtime, bindings: &Bindings, state: &State) {
    let mut listener = Listener::new(realtime, bindings);
    loop {
        let replies = tokio::select! {
            message = socket.next() => {
                let Some(Ok(message)) = message else { break };
                let Message::Text(text) = message else { continue };
                let mut heard = state.heard();
                match listener.hear(text.as_str(), &mut heard) {
                    ControlFlow::Continue(replies) => replies,
                    ControlFlow::Break(()) if heard.joined => {
                        // One of many is enough to know.
                        heard.events.truncate(1);
                        Vec::new()
                    }
                    ControlFlow::Break(()) => break,
                }
            }
            () = state.emit.notified() => listener.subscribe(),
        };
        state.news.notify_waiters();
        for reply in replies {
            if socket.send(Message::text(reply)).await.is_err() {
                break;
            }
        }
    }
    let mut heard = state.heard();
    if heard.joined {
        "joined and ended".clone_into(&mut heard.how);
    }
    heard.joined = false;
    drop(heard);
    state.over.store(true, Ordering::Release);
    state.news.notify_waiters();
}
