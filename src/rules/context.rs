//! What a rule is shown: one entry, the state to which the journal has led, and where to tell.

use std::cell::RefCell;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::collector::Collector;
use super::exchange::{Ended, Reception};
use super::info::RuleInfo;
use super::moment::Moment;
use super::state::State;
use super::violation::Violation;
use crate::domain::contract::{Resource, Role};
use crate::domain::duration::show;
use crate::domain::figures::Figures;
use crate::domain::journal::{
    Answer, Content, Direction, Entry, Fact, Frame, Question, Request, Sender,
};

/// One entry, in the state to which the journal has led with it. What the state knows is read as if
/// it stood here: `context.session`, `context.world`.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    /// The entry that is judged; at the end of a journal, its last.
    pub(super) entry: &'a Arc<Entry>,
    state: &'a State,
    collector: &'a RefCell<Collector>,
}

/// An answer of the backend's own to a request for a resource.
pub(super) struct Read<'a> {
    pub(super) ended: Ended<'a>,
    pub(super) answer: &'a Answer,
    pub(super) resource: &'a Resource,
}

/// A CONNECT of the client's to the live feed.
pub(super) struct Connect<'a> {
    pub(super) socket: u64,
    pub(super) namespace: &'a str,
    pub(super) payload: &'a Content,
}

impl Deref for Context<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        self.state
    }
}

impl<'a> Context<'a> {
    pub(super) fn new(
        entry: &'a Arc<Entry>,
        state: &'a State,
        collector: &'a RefCell<Collector>,
    ) -> Self {
        Self {
            entry,
            state,
            collector,
        }
    }

    /// When the entry was written, and where in the order of things.
    pub(super) fn moment(&self) -> Moment {
        Moment::of(self.entry)
    }

    /// The client's request in the entry.
    pub(super) fn request(&self) -> Option<&'a Request> {
        match &self.entry.fact {
            Fact::Request(request) if request.sender == Sender::Client => Some(request),
            _ => None,
        }
    }

    /// The packet in the entry that the client sent, and its socket.
    pub(super) fn packet_up(&self) -> Option<(u64, &'a Frame)> {
        match &self.entry.fact {
            Fact::Frame {
                socket,
                direction: Direction::Up,
                packet,
                ..
            } => Some((*socket, packet)),
            _ => None,
        }
    }

    /// The client's CONNECT in the entry to the namespace of the feed.
    pub(super) fn feed_connect(&self) -> Option<Connect<'a>> {
        match self.packet_up()? {
            (socket, Frame::Connect { namespace, payload }) if self.is_feed(namespace) => {
                Some(Connect {
                    socket,
                    namespace,
                    payload,
                })
            }
            _ => None,
        }
    }

    /// The packet in the entry that came down to the client, and its socket.
    pub(super) fn packet_down(&self) -> Option<(u64, &'a Frame)> {
        match &self.entry.fact {
            Fact::Frame {
                socket,
                direction: Direction::Down,
                packet,
                ..
            } => Some((*socket, packet)),
            _ => None,
        }
    }

    /// The event in the entry that came down the feed: its socket, name and arguments.
    pub(super) fn event_down(&self) -> Option<(u64, &'a String, &'a Content)> {
        let (socket, packet) = self.packet_down()?;
        match packet {
            Frame::Event {
                namespace,
                name,
                args,
                ..
            } if self.is_feed(namespace) => Some((socket, name, args)),
            _ => None,
        }
    }

    /// The exchange that the entry ends, whoever began it.
    pub(super) fn ended_by_anyone(&self) -> Option<Ended<'a>> {
        self.state.ended(self.entry)
    }

    /// The client's exchange that the entry ends.
    pub(super) fn ended(&self) -> Option<Ended<'a>> {
        self.state.ended_by_client(self.entry)
    }

    /// The backend's answer in the entry to the client's request for a resource.
    pub(super) fn read(&self) -> Option<Read<'a>> {
        Read::of(self.ended()?, self.state)
    }

    /// The backend's answer in the entry to anybody's request for a resource.
    pub(super) fn read_by_anyone(&self) -> Option<Read<'a>> {
        Read::of(self.ended_by_anyone()?, self.state)
    }

    /// The answered question of the harness that the entry ends.
    pub(super) fn answered(&self) -> Option<(&'a Question, Ended<'a>)> {
        self.state.answered(self.entry)
    }

    /// Says that something put the rule to the test.
    pub(super) fn exercised(&self, rule: &'static RuleInfo) {
        self.collector.borrow_mut().exercised(rule);
    }

    /// Says that the rule could not be judged, and why. What is said most often is told first.
    pub(super) fn unable(&self, rule: &'static RuleInfo, why: impl Into<String>) {
        self.collector.borrow_mut().unable(rule, why.into());
    }

    /// Says that the rule could not be judged for a reason that whoever reads the verdict must know:
    /// it stands among the remarks, too.
    pub(super) fn doubtful(&self, rule: &'static RuleInfo, why: impl Into<String>) {
        self.collector.borrow_mut().doubtful(rule, why.into());
    }

    /// Says what changes no verdict and must be known before it is believed. The same is told once.
    pub(super) fn remark(&self, about: &'static RuleInfo, text: impl Into<String>) {
        self.collector.borrow_mut().remark(about, text.into());
    }

    /// Judges a question of the harness that is to be refused; what is violated where it is granted.
    pub(super) fn expects_refusal(
        &self,
        rule: &'static RuleInfo,
        ended: &Ended<'_>,
        granted: Violation,
    ) {
        match ended.reception() {
            Reception::Refused => self.exercised(rule),
            Reception::Unclear(why) => self.unable(rule, why),
            Reception::Granted => self.violated(
                rule,
                granted
                    .observed(ended.words())
                    .evidence([ended.opened.id(), self.entry.id])
                    .exchanges([ended.request.exchange]),
            ),
        }
    }

    /// Says that a rule did not get the quiet that it needs: since what, how much of it was had, and
    /// how much it takes. It counts where nothing else put the rule to the test.
    pub(super) fn lacked(
        &self,
        rule: &'static RuleInfo,
        since: &str,
        had: Duration,
        takes: Duration,
    ) {
        let why = format!(
            "it takes {} of quiet after {since}, and {} were had, so {} are missing: leave the app \
             alone for longer",
            show(takes),
            show(had),
            show(takes.saturating_sub(had))
        );
        self.unprobed(rule.id, &why);
    }

    /// Says that nothing was asked for a rule, or nothing could be seen of it, and why. It counts
    /// where nothing else put the rule to the test.
    pub(super) fn unprobed(&self, rule: &str, why: &str) {
        self.collector.borrow_mut().unprobed(rule, why);
    }

    /// Hands over what was measured.
    pub(super) fn measured(&self, figures: Figures) {
        self.collector.borrow_mut().measured(figures);
    }

    /// Writes a violation down.
    pub(super) fn violated(&self, rule: &'static RuleInfo, violation: Violation) {
        self.collector.borrow_mut().violated(rule, violation);
    }
}

impl<'a> Read<'a> {
    fn of(ended: Ended<'a>, state: &'a State) -> Option<Self> {
        let answer = ended.by_backend()?;
        let Some(Role::Resource(name)) = &ended.request.role else {
            return None;
        };
        Some(Self {
            answer,
            resource: state.contract.resource(name)?,
            ended,
        })
    }
}
