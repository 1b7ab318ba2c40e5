//! What one user leaves to the next on the same device, although all of it should go with the session.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{App, Bindings, Body, Effect, Operation, Quirk, SocketId, Template};
use crate::app::event::Answer;

/// What outlives a session.
#[derive(Debug, Default)]
pub(super) struct Inheritance {
    /// The entity tags of the session that is open, by resource.
    tags: BTreeMap<usize, String>,
    /// Those of the session before.
    inherited: BTreeMap<usize, String>,
    /// The cursors of the session before, by resource.
    cursors: BTreeMap<usize, String>,
    /// What the requests of the session before were made with.
    bindings: Option<Bindings>,
    /// Whose session the one before was.
    username: Option<String>,
    /// The socket of the session before.
    socket: Option<SocketId>,
}

impl App {
    /// The session ends: what quirks keep of it stays.
    pub(in crate::app) fn leave_behind(&mut self) {
        let tags = std::mem::take(&mut self.quirk_state.inheritance.tags);
        self.quirk_state.inheritance.inherited = tags;
        if self.quirks.has(Quirk::KeepsCursors) {
            let pages = self.data.iter().map(|data| data.pages.next.clone());
            let cursors = pages.enumerate().filter_map(|(at, next)| Some((at, next?)));
            self.quirk_state.inheritance.cursors = cursors.collect();
        }
        if self.quirks.has(Quirk::KeepsToken) {
            self.quirk_state.inheritance.bindings = Some(self.bindings());
        }
        if self.quirks.has(Quirk::NamesUserBefore) {
            self.quirk_state.inheritance.username = self.bindings().username;
        }
        self.emit_after_leaving();
    }

    /// A quirk: the user of the session before, to be named in the query of reads.
    pub(in crate::app) fn user_before(&self) -> Option<(String, String)> {
        let username = self.quirk_state.inheritance.username.clone();
        username.map(|username| ("user".to_owned(), username))
    }

    /// A quirk: an answer's entity tag is kept.
    pub(in crate::app) fn note_entity_tag(&mut self, resource: usize, answer: &Answer) {
        if self.quirks.has(Quirk::KeepsEntityTags) {
            let tag = answer.header_pairs().find(|(name, _)| *name == "etag");
            let tag = tag.map(|(_, tag)| (resource, tag.to_owned()));
            self.quirk_state.inheritance.tags.extend(tag);
        }
    }

    /// A quirk: more of the session is sent than the operation asks for.
    pub(in crate::app) fn whole_session<'a>(&self, operation: &'a Operation) -> Cow<'a, Operation> {
        if !self.quirks.has(Quirk::SendsWholeObjects) {
            return Cow::Borrowed(operation);
        }
        let more = ("signedInAs".to_owned(), "{username}".to_owned());
        let body = match &operation.body {
            Body::Form(fields) => Body::Form(fields.iter().cloned().chain([more]).collect()),
            Body::Json(Template(Value::Object(fields))) => {
                let mut fields = fields.clone();
                fields.insert(more.0, Value::from(more.1));
                Body::Json(Template(Value::Object(fields)))
            }
            Body::Json(_) | Body::Empty => Body::Json(Template(json!({ more.0: more.1 }))),
        };
        Cow::Owned(Operation {
            body,
            ..operation.clone()
        })
    }

    /// A read, under a condition or from a page on if a quirk has kept an entity tag or a cursor from the
    /// session before.
    pub(in crate::app) fn conditional<'a>(
        &mut self,
        resource: usize,
        operation: &'a Operation,
    ) -> Cow<'a, Operation> {
        let inheritance = &mut self.quirk_state.inheritance;
        let tag = inheritance.inherited.remove(&resource);
        let cursor = inheritance.cursors.remove(&resource);
        if tag.is_none() && cursor.is_none() {
            return Cow::Borrowed(operation);
        }
        let mut operation = operation.clone();
        let tag = tag.map(|tag| ("if-none-match".to_owned(), tag));
        operation.headers.extend(tag);
        let paging = self.contract.resources[resource].paging.as_ref();
        let cursor = paging.zip(cursor);
        let cursor = cursor.map(|(paging, cursor)| (paging.next.query().to_owned(), cursor));
        operation.query.extend(cursor);
        Cow::Owned(operation)
    }

    /// What a read is made with; a quirk sends the first one as the user before.
    pub(in crate::app) fn bindings_for_read(&mut self) -> Bindings {
        let inherited = self.quirk_state.inheritance.bindings.take();
        inherited.unwrap_or_else(|| self.bindings())
    }

    /// Closes a socket for good; a quirk keeps it, to be joined again.
    pub(in crate::app) fn leave(&mut self, socket: SocketId) {
        if self.quirks.has(Quirk::KeepsSocket) {
            self.quirk_state.inheritance.socket = Some(socket);
            self.out.push(Effect::LeaveSocket(socket));
        } else {
            self.out.push(Effect::CloseSocket(socket));
        }
    }

    /// Whether a quirk joins the socket again that it has left.
    pub(in crate::app) fn rejoin(&mut self) -> bool {
        let kept = self.quirk_state.inheritance.socket.take();
        self.feed.socket = kept;
        self.out.extend(kept.map(Effect::RejoinSocket));
        kept.is_some()
    }

    /// A quirk: something is emitted on the socket that was left, and waits there for whoever joins
    /// it next.
    fn emit_after_leaving(&mut self) {
        let contract = Arc::clone(&self.contract);
        if let Some(socket) = self.quirk_state.inheritance.socket
            && let Some(realtime) = &contract.realtime
            && let Some(emit) = realtime.subscribe.first()
        {
            let bindings = self.bindings();
            let args = emit.args.iter().map(|arg| bindings.value(arg)).collect();
            self.emit(socket, realtime, &emit.event, args, false);
        }
    }
}
