//! SYNC-1 and -2: what takes the socket's place, and that it comes back.

use std::time::Duration;

use crate::domain::change::Change;
use crate::domain::contract::{Realtime, Role, TransportName};
use crate::domain::duration::show;
use crate::domain::journal::{
    AppFact, Changed, ClientExchange, EntryId, Fact, FeedState, HarnessFact, Report,
};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// When the WebSocket is blocked data keeps arriving, by long-polling or by the app's own
    /// polling
    ///
    /// # Why
    /// Hotels, offices and some carriers let no WebSocket pass.
    ///
    /// # How it is judged
    /// Judged while a visible app has a session and a network but no joined socket: a polled
    /// resource is asked for within the agreed grace and one interval, and then at least every one
    /// and a half intervals and one request's timeout; after an answer with `Retry-After`, an interval
    /// after the time that it named. Where whoever drives the app says that its
    /// screen calls its data live (`POST /app`), a socket is joined, or something has come within
    /// `stale-after`.
    ///
    /// # How to keep it
    /// Keep long-polling among the transports, or start a poller when the socket has been gone for
    /// the agreed time.
    ///
    /// # Source
    /// runbook S6.5; Engine.IO transports
    pub(super) KEEPS_ARRIVING: "SYNC-1", App, from [Wire],
        needs [FeedAndPolling],
        set by ["polling.after", "polling.every", "request-timeout", "stale-after"]
}

rule! {
    /// Once the WebSocket is let through again the app returns to it
    ///
    /// # Why
    /// An Engine.IO session probes the upgrade once, when it opens. A client that was refused then
    /// stays on polling until it is restarted, at several times the load.
    ///
    /// # How it is judged
    /// Judged from the moment the harness lifts its block, for an app that had been refused: a
    /// WebSocket opens within the agreed time and one reconnection delay.
    ///
    /// # How to keep it
    /// Close and reopen a session that stayed on polling after a while, or when the network
    /// changes.
    ///
    /// # Source
    /// runbook S6.6; Engine.IO probes an upgrade once per session
    pub(super) RETURNS: "SYNC-2", App, from [Wire],
        needs [Feed, Websocket],
        set by ["realtime.live-within", "realtime.client"]
}

/// What queues and latencies may add.
const SLACK: Duration = Duration::from_secs(3);

#[derive(Default)]
pub(super) struct Fallback {
    /// When the client asked for anything, up to the entry that is judged.
    heard: Duration,
    /// When it did before that entry, in this process.
    asked: Duration,
    /// Since when nothing has brought data.
    dry: Option<Moment>,
    /// Whether the app tried to open the feed in this process.
    tried: bool,
    /// Whether it polled since the socket was gone.
    polled: bool,
    failing: bool,
    found: bool,
    /// When an answer last brought data.
    brought: Option<Duration>,
}

impl Rule for Fallback {
    fn see(&mut self, context: &Context<'_>) {
        if context.request().is_some() {
            self.heard = context.now;
        }
        self.overdue(context);
        if let Fact::App(AppFact::Reported(Report::Feed(FeedState::Live))) = &context.entry.fact {
            self.shown_as_live(context);
        }
        if let Some(ended) = context.ended()
            && matches!(ended.request.role, Some(Role::Resource(_)))
            && ended.succeeded()
        {
            self.brought = Some(context.now);
        }
        let polls = self.polls(context);
        if let Some(ended) = context.ended()
            && context.polling_of(ended.request.role.as_ref()).is_some()
        {
            self.failing = ended.failed();
        }
        // What follows a kill is judged as KILL-4 until the app opens its feed again.
        if !context.world.running || context.may_be_blocked() {
            *self = Self {
                heard: self.heard,
                brought: self.brought,
                ..Self::default()
            };
        }
        if context.sockets.live() > 0 {
            self.found = false;
            self.polled = false;
        }
        self.follow(polls, context);
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
        if let (Some(dry), Some(limit), false) = (self.dry, self.limit(context), self.found) {
            let had = context.now.saturating_sub(dry.at);
            context.lacked(&KEEPS_ARRIVING, "the feed was gone", had, limit);
        }
    }
}

impl Fallback {
    /// The screen calls live what it shows.
    fn shown_as_live(&self, context: &Context<'_>) {
        let stale_after = context.contract.stale_after;
        let Some(lost) = context.sockets.lost.filter(|_| context.sockets.live() == 0) else {
            return;
        };
        context.exercised(&KEEPS_ARRIVING);
        let fresh = self.brought.map_or(lost.at, |brought| brought.max(lost.at));
        if context.now <= fresh + stale_after {
            return;
        }
        context.violated(
            &KEEPS_ARRIVING,
            Violation::new("the screen calls its data live although nothing has brought any")
                .expected(format!(
                    "a joined socket, or an answer within {}, or a word that the data is old",
                    show(stale_after)
                ))
                .observed(format!("neither for {}", show(context.now - fresh)))
                .evidence([lost.id, context.entry.id]),
        );
    }

    /// Whether the app asks for something that is polled.
    fn polls(&mut self, context: &Context<'_>) -> bool {
        if let Fact::App(AppFact::Exchange(exchange)) = &context.entry.fact {
            return was_tried(exchange, context);
        }
        let Some(request) = context.request() else {
            return false;
        };
        self.tried |= request.role == Some(Role::Realtime);
        self.asked = context.now;
        context.polling_of(request.role.as_ref()).is_some()
    }

    /// Follows since when nothing has brought data, while something should.
    fn follow(&mut self, polls: bool, context: &Context<'_>) {
        let wanted = self.tried && context.app_is_free() && context.sockets.live() == 0;
        if !wanted {
            self.dry = None;
            return;
        }
        if polls && self.dry.is_some() {
            context.exercised(&KEEPS_ARRIVING);
            self.polled = true;
        }
        if polls || self.dry.is_none() {
            self.dry = Some(context.moment());
        }
    }

    /// How long nothing may be asked for. The first poll is due an interval after the grace; the next
    /// follow one another's answers.
    fn limit(&self, context: &Context<'_>) -> Option<Duration> {
        let polling = context.contract.polling.as_ref()?;
        Some(match self.polled {
            false => polling.after + polling.every + SLACK,
            true => polling.every.mul_f64(1.5) + context.contract.request_timeout,
        })
    }

    fn overdue(&mut self, context: &Context<'_>) {
        let (Some(dry), Some(limit), Some(polling)) =
            (self.dry, self.limit(context), &context.contract.polling)
        else {
            return;
        };
        let told = context.waits.until(&polling.resources);
        let due = match told > dry.at {
            true => (dry.at + limit).max(told + polling.every + SLACK),
            false => dry.at + limit,
        };
        if self.found || self.failing || context.now <= due {
            return;
        }
        if !context.world.simulated && self.heard <= dry.at {
            context.unable(
                &KEEPS_ARRIVING,
                "the app fell silent altogether, and nobody marked whether it was still running",
            );
            return;
        }
        self.found = true;
        if !context.world.acts_marked && self.asked <= dry.at + SLACK {
            context.unable(
                &KEEPS_ARRIVING,
                "the client fell silent, and nobody marked whether it was in the foreground",
            );
            return;
        }
        let lost = context.sockets.lost.filter(|lost| lost.id < dry.id);
        context.violated(
            &KEEPS_ARRIVING,
            Violation::new("without its socket the app stops receiving data")
                .expected(format!(
                    "a joined socket, or a request for {}, within {}",
                    polling.resources.join(", "),
                    show(limit)
                ))
                .observed(format!("neither for {}", show(context.now - dry.at)))
                .evidence(lost.into_iter().chain([dry]).map(|moment| moment.id)),
        );
    }
}

/// Whether the app says that it tried to ask for something that is polled. A request that could not
/// even be sent was tried all the same.
fn was_tried(exchange: &ClientExchange, context: &Context<'_>) -> bool {
    let contract = &context.contract;
    let mut polled = contract
        .polling
        .iter()
        .flat_map(|polling| &polling.resources);
    polled.any(|name| {
        let resource = contract.resource(name);
        resource.is_some_and(|own| exchange.path.ends_with(&own.operation.path))
    })
}

#[derive(Default)]
pub(super) struct Return {
    refused: Option<EntryId>,
    allowed: Option<Moment>,
}

impl Rule for Return {
    fn see(&mut self, context: &Context<'_>) {
        self.overdue(context);
        match &context.entry.fact {
            Fact::Harness(HarnessFact::Changed(Changed {
                change: Change::Websocket(open) | Change::Socket(open),
                ..
            })) => self.switched(*open, context),
            Fact::SocketUpgraded { .. }
            | Fact::SocketOpened {
                transport: TransportName::Websocket,
                ..
            } => self.returned(context),
            _ => {}
        }
        if context.ended().is_some_and(|ended| is_refusal(&ended)) {
            self.refused = Some(context.entry.id);
        }
        let expected = context.app_is_free()
            && !context.world.is_disturbed()
            && !context.world.backend_is_stopped();
        if !expected {
            self.allowed = None;
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
        if let (Some(allowed), Some(feed)) = (self.allowed, &context.contract.realtime) {
            let (had, takes) = (context.now - allowed.at, return_limit(feed));
            context.lacked(&RETURNS, "the WebSocket was let through again", had, takes);
        }
    }
}

impl Return {
    fn switched(&mut self, allowed: bool, context: &Context<'_>) {
        if !allowed {
            self.refused = None;
        }
        self.allowed = self.refused.map(|_| context.moment());
    }

    fn returned(&mut self, context: &Context<'_>) {
        if self.allowed.take().is_some() {
            context.exercised(&RETURNS);
        }
        self.refused = None;
    }

    fn overdue(&mut self, context: &Context<'_>) {
        let (Some(allowed), Some(feed)) = (self.allowed, &context.contract.realtime) else {
            return;
        };
        let limit = return_limit(feed);
        if context.now <= allowed.at + limit {
            return;
        }
        self.allowed = None;
        context.violated(
            &RETURNS,
            Violation::new("the app does not return to WebSocket although it is let through again")
                .expected(format!("a WebSocket within {}", show(limit)))
                .observed(format!("none for {}", show(context.now - allowed.at)))
                .evidence(self.refused.into_iter().chain([allowed.id])),
        );
    }
}

/// How long a return to WebSocket may take.
fn return_limit(feed: &Realtime) -> Duration {
    feed.live_within + feed.client.delay_max + SLACK
}

/// Whether the feed was refused a WebSocket, or anything at all.
fn is_refusal(ended: &Ended<'_>) -> bool {
    let status = ended.status();
    ended.request.role == Some(Role::Realtime)
        && status != Some(101)
        && (ended.request.wants_websocket() || status.is_none_or(|status| status >= 400))
}
