//! What is asked for and how it is answered, route by route.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ledger::{ANY, Ledger};
use super::peak::Peak;
use crate::domain::contract::Role;
use crate::domain::figures::{Attempts, Figure, OTHER};
use crate::domain::journal::{Answerer, EntryId, LossReason, Request};
use crate::rules::context::Context;
use crate::rules::exchange::Ended;

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// Counts and times requests.
pub(super) struct Traffic {
    all: Peak,
    routes: BTreeMap<String, Peak>,
    connects: Peak,
    slowest: BTreeMap<String, Duration>,
    /// Whether the last renewal may have been granted without the app's hearing of it.
    renewal_provoked: bool,
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            all: Peak::within(MINUTE),
            routes: BTreeMap::new(),
            connects: Peak::within(SECOND),
            slowest: BTreeMap::new(),
            renewal_provoked: false,
        }
    }
}

impl Traffic {
    pub(super) fn see(&mut self, context: &Context<'_>, ledger: &mut Ledger) {
        if let Some(request) = context.request() {
            self.asked(request, context, ledger);
        } else if let Some(ended) = context.ended() {
            self.ended(&ended, context, ledger);
        }
    }

    fn asked(&mut self, request: &Request, context: &Context<'_>, ledger: &mut Ledger) {
        let (id, at) = (context.entry.id, context.entry.at);
        let name = name(request.role.as_ref());
        let figures = &mut ledger.figures;
        let mut all = None;
        if !carries_on(request) {
            figures.load.requests += 1;
            all = self.all.count(at);
            figures.load.peak_minute = all.unwrap_or(figures.load.peak_minute);
        }
        let route = figures.routes.entry(name.clone()).or_default();
        route.load.requests += 1;
        let peak = self.routes.entry(name.clone());
        let own = peak.or_insert_with(|| Peak::within(MINUTE)).count(at);
        route.load.peak_minute = own.unwrap_or(route.load.peak_minute);
        if own.is_some() {
            ledger.show(Figure::RequestsPerMinute, &name, &[id]);
        } else if all.is_some() {
            ledger.show(Figure::RequestsPerMinute, ANY, &[id]);
        }
        if request.is_handshake() {
            ledger.figures.sockets.connects += 1;
            if let Some(peak) = self.connects.count(at) {
                ledger.figures.sockets.peak_second = peak;
                ledger.show(Figure::SocketConnectsPerSecond, ANY, &[id]);
            }
        }
    }

    fn ended(&mut self, ended: &Ended<'_>, context: &Context<'_>, ledger: &mut Ledger) {
        if matches!(ended.lost, Some(LossReason::ClientGone)) {
            // Whoever gives up says nothing about the backend, which may have granted what was asked.
            self.renewal_provoked |= ended.request.role == Some(Role::Refresh);
            return;
        }
        let provoked = is_provoked(ended, context);
        self.session(ended, provoked, context, ledger);
        let name = name(ended.request.role.as_ref());
        let route = ledger.figures.routes.entry(name.clone()).or_default();
        if provoked {
            route.provoked += 1;
            return;
        }
        let Some(status) = ended.status() else {
            route.lost += 1;
            return;
        };
        route.answered += 1;
        let shown = [ended.opened.id(), context.entry.id];
        let figure = match status {
            401 => Some((&mut route.status_401, Figure::Errors401)),
            403 => Some((&mut route.status_403, Figure::Errors403)),
            500.. => Some((&mut route.status_5xx, Figure::Errors5xx)),
            _ => None,
        };
        if let Some((count, figure)) = figure {
            *count += 1;
            ledger.show(figure, &name, &shown);
        }
        if !waits_on_purpose(ended.request) {
            let took = context.entry.at.saturating_sub(ended.opened.at());
            self.took(took, &name, &shown, ledger);
        }
    }

    fn took(&mut self, took: Duration, name: &str, shown: &[EntryId], ledger: &mut Ledger) {
        let figures = &mut ledger.figures;
        let route = figures.routes.entry(name.to_owned()).or_default();
        route.latency.record(took);
        for own in [ANY, name] {
            let slowest = self.slowest.entry(own.to_owned()).or_default();
            if took > *slowest {
                *slowest = took;
                ledger.replace(Figure::Latency, own, shown);
            }
        }
    }

    /// Sign-ins and renewals, by what came of them.
    fn session(
        &mut self,
        ended: &Ended<'_>,
        provoked: bool,
        context: &Context<'_>,
        ledger: &mut Ledger,
    ) {
        let agreed = &context.contract.session;
        let is_refresh = match ended.request.role {
            Some(Role::SignIn) => false,
            Some(Role::Refresh) => true,
            _ => return,
        };
        let overtaken = is_refresh && context.session.is_leaving();
        let succeeded = ended.succeeded();
        let (attempts, refused_by) = if is_refresh {
            (&mut ledger.figures.refreshes, &agreed.ended_by)
        } else {
            (&mut ledger.figures.sign_ins, &agreed.refused_by)
        };
        let refused = ended.status().is_some_and(|own| refused_by.contains(&own));
        let began = ended.opened.at();
        // Tokens that a lever has ended are refused, and so is whoever never heard of a new one. No answer of
        // 500 comes of either.
        let levers = match refused {
            true => context.is_provoked_since(began),
            false => context.is_disturbed_since(began),
        };
        let spent = is_refresh && refused && self.renewal_provoked;
        let provoked = provoked || levers || overtaken || spent;
        if is_refresh {
            // An answer may not have reached a process that ended, or lost its network, meanwhile.
            let unheard = !context.world.same_life_since(ended.opened.id());
            self.renewal_provoked = unheard || (provoked && !succeeded);
        }
        *place(attempts, succeeded, provoked, refused) += 1;
        let figure = match (is_refresh, refused) {
            (true, _) => Figure::RefreshFailures,
            (false, true) => Figure::SignInRefusals,
            (false, false) => Figure::SignInFailures,
        };
        if !succeeded && !provoked {
            ledger.show(figure, ANY, &[ended.opened.id(), context.entry.id]);
        }
    }
}

/// Under what an attempt is counted.
fn place(attempts: &mut Attempts, succeeded: bool, provoked: bool, refused: bool) -> &mut u64 {
    match (succeeded, provoked, refused) {
        (true, ..) => &mut attempts.succeeded,
        (false, true, _) => &mut attempts.provoked,
        (false, false, true) => &mut attempts.refused,
        (false, false, false) => &mut attempts.failed,
    }
}

/// The route of a request: what it is for.
fn name(role: Option<&Role>) -> String {
    role.map_or_else(|| OTHER.to_owned(), ToString::to_string)
}

/// Whether it carries a socket on by long-polling: how often that is asked for is the backend's doing,
/// since each event ends a poll.
fn carries_on(request: &Request) -> bool {
    request.role == Some(Role::Realtime) && !request.is_handshake()
}

/// Whether an answer comes when there is something to say, and not when it is ready.
fn waits_on_purpose(request: &Request) -> bool {
    carries_on(request) || (request.is_handshake() && request.wants_websocket())
}

/// Whether the harness, or whoever moves its levers, may be behind how an exchange ended.
fn is_provoked(ended: &Ended<'_>, context: &Context<'_>) -> bool {
    let expired = ended.status() == Some(401) && context.tokens_were_expired(ended.opened.id());
    ended
        .answer
        .is_some_and(|answer| answer.from != Answerer::Backend)
        || matches!(ended.lost, Some(LossReason::Fault))
        || expired
        || context.is_blocked_by_lever()
        || context.may_be_blocked()
        || context.is_disturbed_since(ended.opened.at())
}
