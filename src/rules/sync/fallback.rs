//! SYNC-1 and -2: what takes the socket's place, and that it comes back.

use std::time::Duration;

use crate::domain::change::Change;
use crate::domain::contract::{Role, TransportName};
use crate::domain::duration::show;
use crate::domain::journal::{AppFact, Changed, Entry, EntryId, Fact, HarnessFact};
use crate::rules::context::Context;
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
    /// and a half intervals and one request's timeout.
    ///
    /// # How to keep it
    /// Keep long-polling among the transports, or start a poller when the socket has been gone for
    /// the agreed time.
    ///
    /// # Source
    /// runbook S6.5; Engine.IO transports
    pub(super) KEEPS_ARRIVING: "SYNC-1", App, from [Wire],
        needs [FeedAndPolling],
        set by ["polling.after", "polling.every", "request_timeout"]
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
        needs [Feed],
        set by ["realtime.live_within", "realtime.client"]
}

/// What queues and latencies may add.
const SLACK: Duration = Duration::from_secs(3);

#[derive(Default)]
pub(super) struct Fallback {
    /// When the client last asked for anything.
    asked: Duration,
    /// Since when nothing has brought data.
    dry: Option<Moment>,
    /// Whether the app tried to open the feed in this process.
    tried: bool,
    /// Whether it polled since the socket was gone.
    polled: bool,
    failing: bool,
    found: bool,
    /// When anything at all was last asked for.
    heard: Duration,
}

impl Rule for Fallback {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        let contract = &context.contract;
        let (Some(_), Some(polling)) = (&contract.realtime, &contract.polling) else {
            context.unable(
                &KEEPS_ARRIVING,
                "the contract has no live feed with polling in its place",
            );
            return;
        };
        let polled = |role: &Option<Role>| matches!(role, Some(Role::Resource(name)) if polling.resources.contains(name));
        if context.request().is_some() {
            self.heard = entry.at;
        }
        self.overdue(context);
        let attempted = match &entry.fact {
            // A request that could not even be sent was tried all the same.
            Fact::App(AppFact::Exchange(exchange)) => polling.resources.iter().any(|name| {
                contract
                    .resource(name)
                    .is_some_and(|resource| exchange.path.ends_with(&resource.operation.path))
            }),
            _ => context.request().is_some_and(|request| {
                self.tried |= request.role == Some(Role::Realtime);
                self.asked = entry.at;
                polled(&request.role)
            }),
        };
        if let Some(ended) = context.ended()
            && polled(&ended.request.role)
        {
            self.failing = ended.failed();
        }
        // What follows a kill is judged as KILL-4 until the app opens its feed again.
        if !context.world.running || context.may_be_blocked() {
            *self = Self {
                heard: self.heard,
                ..Self::default()
            };
        }
        if context.sockets.live() > 0 {
            self.found = false;
            self.polled = false;
        }
        let wanted = self.tried
            && context.session.is_wanted()
            && context.app_is_awake()
            && !context.world.is_blind()
            && !context.may_be_blocked()
            && context.sockets.live() == 0;
        if !wanted {
            self.dry = None;
        } else if attempted || self.dry.is_none() {
            if attempted && self.dry.is_some() {
                context.exercised(&KEEPS_ARRIVING);
                self.polled = true;
            }
            self.dry = Some(Moment::of(entry));
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
    }
}

impl Fallback {
    fn overdue(&mut self, context: &Context<'_>) {
        let (Some(dry), Some(polling)) = (self.dry, &context.contract.polling) else {
            return;
        };
        // The first poll is due an interval after the grace; the next follow one another's answers.
        let limit = match self.polled {
            false => polling.after + polling.every + SLACK,
            true => polling.every.mul_f64(1.5) + context.contract.request_timeout,
        };
        if self.found || self.failing || context.now <= dry.at + limit {
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
        let lost = context.sockets.lost.map(|moment| moment.id);
        context.violated(
            &KEEPS_ARRIVING,
            Violation::new("without its socket the app stops receiving data")
                .kind("silence")
                .expected(format!(
                    "a joined socket, or a request for {}, within {}",
                    polling.resources.join(", "),
                    show(limit)
                ))
                .observed(format!("neither for {}", show(context.now - dry.at)))
                .evidence(
                    lost.into_iter()
                        .filter(|lost| *lost < dry.id)
                        .chain([dry.id]),
                ),
        );
    }
}

#[derive(Default)]
pub(super) struct Return {
    refused: Option<EntryId>,
    allowed: Option<Moment>,
}

impl Rule for Return {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        let Some(feed) = &context.contract.realtime else {
            context.unable(&RETURNS, "the contract has no live feed");
            return;
        };
        let client = &feed.client;
        let first = client.transports.first() == Some(&TransportName::Websocket);
        let wants =
            client.transports.contains(&TransportName::Websocket) && (client.upgrade || first);
        if !wants {
            context.unable(&RETURNS, "by the contract the app does not use WebSocket");
            return;
        }
        self.overdue(context);
        match &entry.fact {
            Fact::Harness(HarnessFact::Changed(Changed {
                change: Change::Websocket(open) | Change::Socket(open),
                ..
            })) => self.switched(entry, *open),
            Fact::SocketUpgraded { .. } => self.returned(context),
            Fact::SocketOpened {
                transport: TransportName::Websocket,
                ..
            } => self.returned(context),
            _ => {}
        }
        if let Some(ended) = context.ended()
            && ended.request.role == Some(Role::Realtime)
            && ended.status() != Some(101)
            && (ended.request.wants_websocket()
                || ended.status().is_none_or(|status| status >= 400))
        {
            self.refused = Some(entry.id);
        }
        let expected = context.app_is_awake()
            && context.session.is_wanted()
            && !context.world.is_blind()
            && !context.world.is_disturbed()
            && !context.world.backend_is_stopped()
            && !context.may_be_blocked();
        if !expected {
            self.allowed = None;
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        self.overdue(context);
    }
}

impl Return {
    fn switched(&mut self, entry: &Entry, allowed: bool) {
        if !allowed {
            self.refused = None;
        }
        self.allowed = (allowed && self.refused.is_some()).then(|| Moment::of(entry));
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
        let limit = feed.live_within + feed.client.delay_max + SLACK;
        if context.now <= allowed.at + limit {
            return;
        }
        self.allowed = None;
        context.violated(
            &RETURNS,
            Violation::new("the app does not return to WebSocket although it is let through again")
                .kind("return")
                .expected(format!("a WebSocket within {}", show(limit)))
                .observed(format!("none for {}", show(context.now - allowed.at)))
                .evidence(self.refused.into_iter().chain([allowed.id])),
        );
    }
}
