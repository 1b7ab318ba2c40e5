//! KILL-7 on the live feed: what sockets hear while the kill-switch is on, those that were open before it
//! was moved among them.

use std::time::Duration;

use super::enforced::ENFORCED;
use crate::domain::contract::{Apply, FeedWhileOn, Role};
use crate::domain::duration::show;
use crate::domain::journal::{Direction, Fact, Frame, HarnessFact, Heard, Question};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::Rule;
use crate::rules::violation::Violation;

/// How long the parts of a backend may take to hear of the switch, and packets to arrive.
const SETTLED: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct Feed {
    /// When the backend itself first said *blocked*, to whomever.
    since: Option<Moment>,
    /// What a socket of the harness's own heard before the switch was moved.
    before: Option<Heard>,
}

impl Rule for Feed {
    fn see(&mut self, context: &Context<'_>) {
        match &context.entry.fact {
            Fact::Harness(HarnessFact::Listened(heard)) => self.listened(heard, context),
            Fact::Frame {
                socket,
                direction: Direction::Down,
                packet,
                ..
            } => self.came(*socket, packet, context),
            _ => self.follow(context),
        }
    }

    fn hears_routine(&self) -> bool {
        true
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

impl Feed {
    fn follow(&mut self, context: &Context<'_>) {
        if matches!(context.world.maintenance, Some((false, _))) {
            self.since = None;
            return;
        }
        let (Some(switch), Some(ended)) =
            (&context.contract.kill_switch, context.ended_by_anyone())
        else {
            return;
        };
        if ended.request.role != Some(Role::Status) {
            return;
        }
        match ended.by_backend().and_then(|answer| answer.blocks(switch)) {
            Some(true) => {
                self.since.get_or_insert(context.moment());
            }
            Some(false) => self.since = None,
            None => {}
        }
    }

    /// A packet came down to a socket of the client's.
    fn came(&self, socket: u64, packet: &Frame, context: &Context<'_>) {
        let Some(since) = self.since.filter(|own| own.at + SETTLED <= context.now) else {
            return;
        };
        let joined = context.sockets.get(socket).and_then(|own| own.connected);
        let Some(joined) = joined else {
            return;
        };
        let is_new = joined.id > since.id;
        let agreed = agreed(context);
        match packet {
            Frame::Connect { namespace, .. } if context.is_feed(namespace) => {
                if matches!(agreed, Some(FeedWhileOn::Refused | FeedWhileOn::Ended)) {
                    self.goes_on("a socket was let in".to_owned(), since, context);
                }
            }
            Frame::Event {
                namespace, name, ..
            } if context.is_feed(namespace) && changes_data(name, context) => {
                let what = format!("`{name}` came to a socket that is still joined");
                match agreed {
                    Some(FeedWhileOn::Ended) => self.goes_on(what, since, context),
                    Some(FeedWhileOn::Refused) | None if is_new => {
                        self.goes_on(what, since, context);
                    }
                    None => said_nothing(context),
                    Some(_) => {}
                }
            }
            Frame::Ack { namespace, .. }
                if context.is_feed(namespace) && agreed == Some(FeedWhileOn::Ended) =>
            {
                let what = "what was emitted was acknowledged on a socket that is still joined";
                self.goes_on(what.to_owned(), since, context);
            }
            _ => {}
        }
    }

    fn goes_on(&self, what: String, since: Moment, context: &Context<'_>) {
        let after = show(context.now - since.at);
        let observed = format!("{what}, {after} after the backend had said *blocked*");
        context.violated(
            &ENFORCED,
            goes_on(observed).evidence([since.id, context.entry.id]),
        );
    }

    /// A socket of the harness's own, before the switch was moved and while it is on.
    fn listened(&mut self, heard: &Heard, context: &Context<'_>) {
        match heard.question {
            Question::SocketBeforeMaintenance => self.before = Some(heard.clone()),
            Question::SocketInMaintenance => {
                let lever = context.world.maintenance;
                let settled = lever.is_some_and(|(on, at)| on && at.at + SETTLED <= context.now);
                if let Some(before) = self.before.take()
                    && before.joined
                    && settled
                    && self.since.is_some()
                {
                    still_hears(&before, heard, context);
                }
            }
            _ => {}
        }
    }
}

fn still_hears(before: &Heard, now: &Heard, context: &Context<'_>) {
    let answered = !now.answers.is_empty() && now.answers == before.answers;
    let agreed = agreed(context);
    if !now.joined {
        context.exercised(&ENFORCED);
        return;
    }
    match agreed {
        Some(FeedWhileOn::Ended) if !now.events.is_empty() || answered => {
            let mut observed = format!("of a socket that was open before: {}", now.words());
            if now.events.is_empty() {
                observed.push_str(", and what it emits is acknowledged as before");
            }
            context.violated(&ENFORCED, goes_on(observed).evidence([context.entry.id]));
        }
        Some(FeedWhileOn::Ended) if before.events.is_empty() => {
            let why = "a socket that was open before the kill-switch was moved stays joined, and was sent \
                       nothing before either";
            context.unable(&ENFORCED, why);
        }
        Some(FeedWhileOn::Ended) => context.exercised(&ENFORCED),
        None if !now.events.is_empty() => said_nothing(context),
        _ => {}
    }
}

fn goes_on(observed: String) -> Violation {
    Violation::new("the backend goes on with the live feed although its kill-switch is on")
        .expected("no socket is let in, and those that are open are sent nothing, as the contract's `kill-switch.feed` says")
        .observed(observed)
}

/// What the contract leaves open is told, and nobody is blamed.
fn said_nothing(context: &Context<'_>) {
    context.remark(
        &ENFORCED,
        "sockets that were open before the kill-switch was moved go on hearing the live feed; whether they may is \
         not judged, because the contract does not say it (`kill-switch.feed`)",
    );
}

fn agreed(context: &Context<'_>) -> Option<FeedWhileOn> {
    context.contract.kill_switch.as_ref()?.feed
}

/// Whether an event of this name changes data.
fn changes_data(name: &str, context: &Context<'_>) -> bool {
    let feed = context.contract.realtime.as_ref();
    let mut events = feed.into_iter().flat_map(|feed| &feed.events);
    events.any(|rule| rule.name == name && rule.updates.is_some() && rule.apply != Apply::Ignore)
}
