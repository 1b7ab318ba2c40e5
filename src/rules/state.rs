//! What is going on, as far as the journal tells: what several rules ask for.
//!
//! The state is bounded: exchanges under way, a few that just ended, the sockets that are open, the
//! tokens seen last. Everything else a rule remembers itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::exchange::{Ended, Opened};
use super::labels;
use super::moment::Moment;
use crate::domain::change::Change;
use crate::domain::contract::{Contract, FailMode, Polling, Role};
use crate::domain::journal::{
    Answer, AppFact, Class, Entry, EntryId, Fact, HarnessFact, Question, Request, Sender,
    TokenIssued,
};
use crate::domain::secrets::is_hollow;
use crate::domain::verdict::ScopeTally;

mod accounts;
mod probing;
mod session;
mod sockets;
mod switch;
mod waits;
mod world;

pub(super) use accounts::{Account, Accounts};
use probing::Probing;
pub(super) use session::{Session, Token};
pub(super) use sockets::{Socket, Sockets};
pub(super) use switch::{Switch, Told};
pub(super) use waits::{Waits, wait_named};
pub(super) use world::{UNSEEN, World};

/// How many ended exchanges stay known.
const RECENT: usize = 128;

/// How long what a lever or a fault did may go on.
pub(super) const AFTERMATH: Duration = Duration::from_secs(10);

/// How long a cause may take to show on the wire.
pub(super) const CAUSE: Duration = Duration::from_secs(5);

/// What is going on.
pub(super) struct State {
    pub(super) contract: Arc<Contract>,
    /// The moment of the entry that was taken in last.
    pub(super) now: Duration,
    /// The run's clock at the journal's zero, in seconds since 1970.
    pub(super) epoch: Option<u64>,
    /// What the scope saw so far.
    pub(super) tally: ScopeTally,
    pub(super) session: Session,
    pub(super) sockets: Sockets,
    pub(super) switch: Switch,
    pub(super) world: World,
    /// What the backend asked the client to wait for.
    pub(super) waits: Waits,
    /// What everybody who got a token is called.
    pub(super) accounts: Accounts,
    probing: Probing,
    /// The exchanges under way by number, and those that ended last.
    open: BTreeMap<u64, Opened>,
    recent: VecDeque<(u64, Opened)>,
    /// Resources that an event makes the app read again.
    refetched: BTreeSet<String>,
}

impl State {
    pub(super) fn new(contract: Arc<Contract>) -> Self {
        let refetched = contract
            .realtime
            .iter()
            .flat_map(|realtime| &realtime.events)
            .filter(|event| event.apply == crate::domain::contract::Apply::Refetch)
            .filter_map(|event| event.updates.clone())
            .collect();
        Self {
            contract,
            now: Duration::ZERO,
            epoch: None,
            tally: ScopeTally::default(),
            session: Session::default(),
            sockets: Sockets::default(),
            switch: Switch::default(),
            world: World::default(),
            waits: Waits::default(),
            accounts: Accounts::default(),
            probing: Probing::default(),
            open: BTreeMap::new(),
            recent: VecDeque::new(),
            refetched,
        }
    }

    /// Takes an entry in before the rules see it.
    pub(super) fn before(&mut self, entry: &Arc<Entry>) {
        self.now = entry.at;
        match &entry.fact {
            Fact::Request(request) => self.request(entry, request),
            Fact::TokenIssued(token) => self.token(entry, token),
            Fact::Uploaded { .. } => {}
            Fact::Answer(_) | Fact::Lost { .. } => self.exchange_ended(entry),
            Fact::Frame {
                packet, judgement, ..
            } => {
                if let Some(judgement) = judgement {
                    self.tally.frames_judged += 1;
                    self.count(judgement.class);
                }
                self.sockets.packet(entry, packet, &self.contract);
            }
            Fact::SocketOpened { .. } | Fact::SocketUpgraded { .. } | Fact::SocketClosed { .. } => {
                self.sockets.engine(entry);
            }
            Fact::TlsRefused { .. } | Fact::Unreadable(_) | Fact::Limited { .. } => {}
            Fact::App(AppFact::Reported(_)) => {}
            Fact::App(fact) => {
                self.world.simulated = true;
                if let AppFact::Session { state } = fact {
                    self.session.said(state);
                }
            }
            Fact::Act(act) => {
                self.world.act(entry, act);
                self.session.act(act);
                self.sockets.act(entry, act);
                self.switch.act(act);
            }
            Fact::Harness(fact) => self.harness(entry, fact),
        }
    }

    fn token(&mut self, entry: &Arc<Entry>, token: &TokenIssued) {
        self.accounts.issued(entry.id, token, &self.contract);
        if self.is_of_the_harness(entry) {
            self.probing.issued(token);
            return;
        }
        let asked = self.opened(token.exchange).and_then(Opened::request);
        let by_refresh = asked.is_some_and(|own| own.role == Some(Role::Refresh));
        self.session.issued(entry, token, by_refresh);
    }

    fn exchange_ended(&mut self, entry: &Arc<Entry>) {
        let mut switch = std::mem::take(&mut self.switch);
        let mut session = std::mem::take(&mut self.session);
        let mut waits = std::mem::take(&mut self.waits);
        if let Some(ended) = self.ended_by_client(entry) {
            if let Some(kill_switch) = &self.contract.kill_switch {
                switch.ended(entry, &ended, kill_switch);
            }
            session.ended(entry, &ended, &self.contract);
            waits.ended(&ended, entry.at, self.unix(entry.at), &self.contract);
        }
        self.switch = switch;
        self.session = session;
        self.waits = waits;
    }

    /// Counts what the harness still does when the client is gone.
    pub(super) fn afterwards(&mut self, entry: &Entry) {
        match &entry.fact {
            Fact::Request(request) if request.sender == Sender::Canary => {
                self.tally.canaries_sent += 1;
            }
            Fact::Harness(HarnessFact::Canary { caught: true, .. }) => {
                self.tally.canaries_caught += 1;
            }
            _ => {}
        }
    }

    /// Forgets what is over once the rules have seen it.
    pub(super) fn after(&mut self, entry: &Arc<Entry>) {
        match &entry.fact {
            Fact::Answer(Answer { exchange, .. }) | Fact::Lost { exchange, .. } => {
                if let Some(opened) = self.open.remove(exchange) {
                    if self.recent.len() == RECENT {
                        self.recent.pop_front();
                    }
                    self.recent.push_back((*exchange, opened));
                }
            }
            Fact::SocketClosed { socket, .. } => self.sockets.forget(*socket),
            _ => {}
        }
    }

    fn request(&mut self, entry: &Arc<Entry>, request: &Request) {
        match request.sender {
            Sender::Client => {
                self.tally.requests_judged += 1;
                self.count(request.judgement.class);
            }
            Sender::Canary => self.tally.canaries_sent += 1,
            Sender::Probe => {}
        }
        let credential = credential(request, &self.contract);
        let account = credential
            .as_deref()
            .and_then(|credential| self.account_of(credential));
        let question = match request.sender {
            Sender::Probe => self.probing.asked(),
            Sender::Client | Sender::Canary => None,
        };
        if request.sender == Sender::Client {
            self.session.requested(request, credential.as_deref());
        }
        self.open.insert(
            request.exchange,
            Opened {
                entry: Arc::clone(entry),
                credential,
                question,
                account,
            },
        );
    }

    fn count(&mut self, class: Class) {
        match class {
            Class::Forbidden => self.tally.forbidden += 1,
            Class::UndeclaredWrite => self.tally.undeclared += 1,
            Class::Allowed | Class::UndeclaredRead | Class::NotJudgeable => {}
        }
    }

    fn harness(&mut self, entry: &Arc<Entry>, fact: &HarnessFact) {
        match fact {
            HarnessFact::Began {
                epoch, accounts, ..
            } => {
                self.epoch = Some(*epoch);
                self.accounts.configured(entry.id, accounts);
            }
            HarnessFact::Probe { question } => self.probing.asks(question),
            HarnessFact::Canary { caught: true, .. } => self.tally.canaries_caught += 1,
            _ => {}
        }
        self.world.harness(entry, fact, &self.contract);
        if let Some(Change::Backend { service, .. }) = entry.fact.change()
            && self.world.backend_is_stopped()
        {
            self.sockets.stopped(entry, service.as_deref());
        }
    }

    /// The exchange of this number, if it is under way or has just ended.
    pub(super) fn opened(&self, exchange: u64) -> Option<&Opened> {
        self.open.get(&exchange).or_else(|| {
            self.recent
                .iter()
                .rev()
                .find(|(own, _)| *own == exchange)
                .map(|(_, opened)| opened)
        })
    }

    /// The client's exchanges under way, in order.
    pub(super) fn under_way(&self) -> impl Iterator<Item = (&Opened, &Request)> {
        self.open.values().filter_map(|opened| {
            let request = opened.request()?;
            (request.sender == Sender::Client).then_some((opened, request))
        })
    }

    /// Whether a request of the client's for this is under way.
    pub(super) fn is_asking(&self, role: &Role) -> bool {
        self.under_way()
            .any(|(_, request)| request.role.as_ref() == Some(role))
    }

    /// What a request sent under the header that authorizes.
    pub(super) fn credential(&self, exchange: u64) -> Option<&str> {
        self.opened(exchange)?.credential.as_deref()
    }

    /// The exchange that this entry ends, whoever began it.
    pub(super) fn ended<'a>(&'a self, entry: &'a Entry) -> Option<Ended<'a>> {
        let (exchange, answer, lost) = match &entry.fact {
            Fact::Answer(answer) => (answer.exchange, Some(answer), None),
            Fact::Lost { exchange, reason } => (*exchange, None, Some(reason)),
            _ => return None,
        };
        let opened = self.open.get(&exchange)?;
        Some(Ended {
            opened,
            request: opened.request()?,
            answer,
            lost,
        })
    }

    /// The client's exchange that this entry ends.
    pub(super) fn ended_by_client<'a>(&'a self, entry: &'a Entry) -> Option<Ended<'a>> {
        self.ended(entry)
            .filter(|ended| ended.request.sender == Sender::Client)
    }

    /// The answered question of the harness that this entry ends.
    pub(super) fn answered<'a>(&'a self, entry: &'a Entry) -> Option<(&'a Question, Ended<'a>)> {
        let ended = self.ended(entry)?;
        Some((ended.opened.question.as_ref()?, ended))
    }

    /// Who a token was handed out to, by its label and what they sign in with.
    pub(super) fn account_of(&self, label: &str) -> Option<Arc<str>> {
        self.probing.account(labels::bare(label)).or_else(|| {
            self.session
                .token(label)?
                .username
                .as_deref()
                .map(Arc::from)
        })
    }

    /// Whether an entry is about an exchange of the harness's own.
    pub(super) fn is_of_the_harness(&self, entry: &Entry) -> bool {
        let exchange = match &entry.fact {
            Fact::Request(request) => return request.sender == Sender::Probe,
            Fact::Answer(answer) => answer.exchange,
            Fact::Lost { exchange, .. } => *exchange,
            Fact::TokenIssued(token) => token.exchange,
            _ => return false,
        };
        let opened = self.opened(exchange).and_then(Opened::request);
        opened.is_some_and(|request| request.sender == Sender::Probe)
    }

    /// Whether this is the namespace of the live feed.
    pub(super) fn is_feed(&self, namespace: &str) -> bool {
        let feed = self.contract.realtime.as_ref();
        feed.is_some_and(|feed| feed.namespace == namespace)
    }

    /// What is agreed on polling, if this is a resource that is polled.
    pub(super) fn polling_of(&self, role: Option<&Role>) -> Option<&Polling> {
        let Some(Role::Resource(name)) = role else {
            return None;
        };
        let polling = self.contract.polling.as_ref();
        polling.filter(|polling| polling.resources.contains(name))
    }

    /// Seconds since 1970 at a moment of the journal.
    pub(super) fn unix(&self, at: Duration) -> Option<u64> {
        Some(self.epoch? + at.as_secs())
    }

    /// Whether an event of the server makes the app read this resource again.
    pub(super) fn is_refetched(&self, role: Option<&Role>) -> bool {
        matches!(role, Some(Role::Resource(name)) if self.refetched.contains(name))
    }

    /// Whether the live feed is joined with the access token.
    pub(super) fn feed_takes_token(&self) -> bool {
        let feed = self.contract.realtime.as_ref();
        feed.is_some_and(|feed| feed.auth.names().iter().any(|name| name == "access-token"))
    }

    /// Whether the kill-switch may keep the app from its data: because it was told so, or because it
    /// could not ask and the contract has it block then.
    pub(super) fn may_be_blocked(&self) -> bool {
        let closed = self
            .contract
            .kill_switch
            .as_ref()
            .is_some_and(|switch| switch.fail_mode == FailMode::Closed);
        self.switch.told.is_some() || (closed && self.switch.is_silent())
    }

    /// Whether the harness, or whoever moves its levers, may be behind what came of what began then.
    pub(super) fn is_provoked_since(&self, began: Duration) -> bool {
        self.is_in_trouble_since(self.world.changed, began)
    }

    /// Whether the harness kept answers, or the feed, from the client since then, or just before.
    pub(super) fn is_disturbed_since(&self, began: Duration) -> bool {
        self.is_in_trouble_since(self.world.disturbed, began)
    }

    /// Whether the backend may have come to harm by what the harness did since then, or just before.
    pub(super) fn is_shaken_since(&self, began: Duration) -> bool {
        self.is_in_trouble_since(self.world.shaken, began)
    }

    fn is_in_trouble_since(&self, moved: Option<Moment>, began: Duration) -> bool {
        self.world.is_disturbed()
            || self.world.backend_is_stopped()
            || moved.is_some_and(|moved| moved.at + AFTERMATH > began)
    }

    /// Whether anybody says when the app is left: otherwise one that is away cannot be told from one
    /// that does nothing.
    pub(super) fn absences_are_known(&self) -> bool {
        self.world.simulated || self.world.acts_marked
    }

    /// Whether the lever holds the kill-switch on.
    pub(super) fn is_blocked_by_lever(&self) -> bool {
        self.world.maintenance.is_some_and(|(on, _)| on)
    }

    /// Whether the user, or a session that was renewed, may have made the app ask: both show on the
    /// wire for a while.
    pub(super) fn was_caused(&self) -> bool {
        let is_recent = |moment: Moment| moment.at + CAUSE >= self.now;
        self.world.acted.is_some_and(is_recent) || self.session.renewed.is_some_and(is_recent)
    }

    /// Whether access tokens were declared expired by lever, and what was asked for then may carry one
    /// of them.
    pub(super) fn tokens_were_expired(&self, asked: EntryId) -> bool {
        let renewed = self.session.renewed.map(|moment| moment.id);
        let expired = self.world.tokens_expired.map(|moment| moment.id);
        expired.is_some() && !renewed.is_some_and(|own| Some(own) > expired && own < asked)
    }

    /// Whether the app ought to be working: its process runs, is visible and can reach the network.
    pub(super) fn app_is_awake(&self) -> bool {
        self.world.running && self.world.visible && self.world.online
    }

    /// Whether the app ought to have been working ever since this entry.
    pub(super) fn app_is_awake_since(&self, entry: EntryId) -> bool {
        self.app_is_awake()
            && self.world.same_life_since(entry)
            && self.world.same_visit_since(entry)
    }

    /// Whether nothing keeps the app from its feed and its data: it is awake and signed in, nobody
    /// blocks it, it has a token to ask with, and what it sends reaches the gateway.
    pub(super) fn app_is_free(&self) -> bool {
        self.app_is_awake()
            && self.session.is_wanted()
            && !self.may_be_blocked()
            && !self.world.is_blind()
            && !self.is_without_token()
    }

    /// Whether the token in use was refused and no other can be had: the renewals fail.
    pub(super) fn is_without_token(&self) -> bool {
        let by_feed = self.sockets.refused_token.as_deref();
        self.session.is_token_refused(by_feed) && self.session.is_renewal_failing(self.now)
    }
}

/// What a request sends under the header that authorizes: the first label in it, or all of it. What
/// stands for a missing value is none.
fn credential(request: &Request, contract: &Contract) -> Option<String> {
    let name = contract.session.authorize.0.to_ascii_lowercase();
    let value = request.header(&name).filter(|value| !is_hollow(value))?;
    Some(match labels::first(value) {
        Some(label) => labels::bare(label).to_owned(),
        None => value.to_owned(),
    })
}
