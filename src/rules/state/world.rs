//! What the user, the network and the harness did to the client and its world.

use std::collections::BTreeSet;

use crate::domain::change::{Change, Fault, RequestMatch};
use crate::domain::contract::Contract;
use crate::domain::journal::{Act, Changed, Entry, EntryId, HarnessFact, LeverHow};
use crate::rules::moment::Moment;

/// Why attempts were not judged.
pub(crate) const UNSEEN: &str =
    "the gateway itself was closed, so what the app tried meanwhile reached nobody";

/// What was done to the client and its world.
pub(crate) struct World {
    /// Whether the client says anything about itself.
    pub(crate) simulated: bool,
    /// Whether anybody marks what the user does.
    pub(crate) acts_marked: bool,
    /// Whether the client's process runs.
    pub(crate) running: bool,
    pub(crate) launched: Option<Moment>,
    /// When the process last ended.
    pub(crate) killed: Option<Moment>,
    /// Whether the run is over, so nothing that follows is the client's doing.
    pub(crate) ended: bool,
    pub(crate) visible: bool,
    /// Whether anybody marks that the app goes to the background.
    leaving_marked: bool,
    pub(crate) foreground: Option<Moment>,
    pub(crate) online: bool,
    /// When the network last went or came.
    pub(crate) network: Option<Moment>,
    /// The last thing that the user did.
    pub(crate) acted: Option<Moment>,
    /// The last time that a lever or a fault changed the world.
    pub(crate) changed: Option<Moment>,
    /// The last time that one did so by which answers, or the feed, can be kept from the client.
    pub(crate) disturbed: Option<Moment>,
    /// The last time that one did so by which the backend itself may have come to harm.
    pub(crate) shaken: Option<Moment>,
    /// The kill-switch, as the lever stands, and since when.
    pub(crate) maintenance: Option<(bool, Moment)>,
    /// When access tokens were last declared expired by lever.
    pub(crate) tokens_expired: Option<Moment>,
    /// Resources that are answered with bad data on purpose.
    spoilt: BTreeSet<String>,
    network_gone: bool,
    websocket_blocked: bool,
    socket_blocked: bool,
    /// The faults that are on, by what they are on.
    faults: Vec<(RequestMatch, Fault)>,
    /// Whether the lever stopped the backend, by closing the gateway's own listener or not.
    stopped: Option<LeverHow>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            simulated: false,
            acts_marked: false,
            running: true,
            launched: None,
            killed: None,
            ended: false,
            visible: true,
            leaving_marked: false,
            foreground: None,
            online: true,
            network: None,
            acted: None,
            changed: None,
            disturbed: None,
            shaken: None,
            maintenance: None,
            tokens_expired: None,
            spoilt: BTreeSet::new(),
            network_gone: false,
            websocket_blocked: false,
            socket_blocked: false,
            faults: Vec::new(),
            stopped: None,
        }
    }
}

impl World {
    pub(super) fn act(&mut self, entry: &Entry, act: &Act) {
        let moment = Moment::of(entry);
        self.acts_marked = true;
        self.acted = Some(moment);
        match act {
            Act::Launch => {
                self.running = true;
                self.visible = true;
                self.launched = Some(moment);
            }
            Act::Kill => {
                self.running = false;
                self.killed = Some(moment);
            }
            Act::Background => {
                self.visible = false;
                self.leaving_marked = true;
            }
            Act::Foreground => {
                self.visible = true;
                self.foreground = Some(moment);
            }
            Act::Offline => {
                self.online = false;
                self.network = Some(moment);
            }
            Act::Online => {
                self.online = true;
                self.network = Some(moment);
            }
            Act::SignIn { .. }
            | Act::SignOut
            | Act::Refresh
            | Act::Open { .. }
            | Act::LoadMore { .. }
            | Act::Storage { .. }
            | Act::Clock { .. } => {}
        }
    }

    /// Whether a mark says what is known anyway: somebody who marks twice changes nothing.
    pub(crate) fn is_so_already(&self, act: &Act) -> bool {
        match act {
            Act::Online => self.online,
            Act::Offline => !self.online,
            Act::Kill => !self.running,
            Act::Background => !self.visible,
            Act::Foreground => self.visible && self.leaving_marked,
            _ => false,
        }
    }

    pub(super) fn harness(&mut self, entry: &Entry, fact: &HarnessFact, contract: &Contract) {
        let moment = Moment::of(entry);
        match fact {
            HarnessFact::Changed(changed) => {
                self.changed = Some(moment);
                if disturbs(&changed.change) {
                    self.disturbed = Some(moment);
                }
                if shakes(&changed.change, contract) {
                    self.shaken = Some(moment);
                }
                self.change(moment, changed);
            }
            HarnessFact::Ended => self.ended = true,
            _ => {}
        }
    }

    fn change(&mut self, moment: Moment, Changed { change, how }: &Changed) {
        match change {
            // Whoever sets again what is set changes nothing.
            Change::Maintenance(on) if self.maintenance.is_some_and(|(own, _)| own == *on) => {}
            Change::Maintenance(on) => self.maintenance = Some((*on, moment)),
            Change::Backend { running, .. } => self.stopped = (!running).then_some(*how),
            Change::ExpireTokens => self.tokens_expired = Some(moment),
            Change::Network(there) => self.network_gone = !there,
            Change::Websocket(open) => self.websocket_blocked = !open,
            Change::Socket(open) => self.socket_blocked = !open,
            Change::Fault { on, fault } => {
                self.faults.retain(|(own, _)| own != on);
                self.faults
                    .extend(fault.clone().map(|fault| (on.clone(), fault)));
            }
            Change::Malform { resource, class } => {
                if class.is_some() {
                    self.spoilt.insert(resource.clone());
                } else {
                    self.spoilt.remove(resource);
                }
            }
            Change::Push { .. } | Change::Own(_) | Change::DropSockets | Change::ForgetSessions => {
            }
        }
    }

    /// Whether the harness has a resource answered with bad data.
    pub(crate) fn is_spoilt(&self, resource: &str) -> bool {
        self.spoilt.contains(resource)
    }

    /// Whether a fault is switched on at the gateway.
    pub(crate) fn is_disturbed(&self) -> bool {
        self.network_gone
            || self.websocket_blocked
            || self.socket_blocked
            || !self.faults.is_empty()
    }

    /// Whether the gateway keeps reads from their answers, and not only packets of the feed.
    pub(crate) fn reads_are_disturbed(&self) -> bool {
        let mut faults = self.faults.iter();
        self.network_gone || faults.any(|(_, fault)| !matches!(fault, Fault::Withhold(_)))
    }

    /// Whether the client has a network.
    pub(crate) fn has_network(&self) -> bool {
        self.online && !self.network_gone
    }

    /// Whether a service shows a certificate that no client may trust.
    pub(crate) fn is_untrusted(&self) -> bool {
        let mut faults = self.faults.iter();
        faults.any(|(_, fault)| *fault == Fault::Untrusted)
    }

    /// Whether the client's attempts may not even reach the gateway.
    pub(crate) fn is_blind(&self) -> bool {
        let mut faults = self.faults.iter();
        !self.online
            || self.network_gone
            || self.stopped == Some(LeverHow::Gateway)
            || faults.any(|(_, fault)| matches!(fault, Fault::Refuse | Fault::Untrusted))
    }

    /// Whether this entry closes the gateway's own doors: what a client that says nothing about
    /// itself tries until they open reaches nobody.
    pub(crate) fn is_closed_by(&self, entry: &Entry) -> bool {
        let change = entry.fact.change();
        change.is_some_and(|change| !change.ends_fault())
            && !self.simulated
            && self.online
            && self.is_blind()
    }

    /// Whether a lever holds the backend stopped.
    pub(crate) fn backend_is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    // What follows takes an entry and no time: in virtual time all that follows from an act can bear
    // the same moment as the act itself, and only the order tells them apart.

    /// Whether the process that lived at this entry still lives.
    pub(crate) fn same_process_since(&self, entry: EntryId) -> bool {
        is_before(self.launched, entry) && is_before(self.killed, entry)
    }

    /// Whether the network neither went nor came since this entry.
    pub(crate) fn same_network_since(&self, entry: EntryId) -> bool {
        self.online && is_before(self.network, entry)
    }

    /// Whether the process that lives and its network are those of this entry.
    pub(crate) fn same_life_since(&self, entry: EntryId) -> bool {
        self.same_process_since(entry) && self.same_network_since(entry)
    }

    /// Whether the user did not come back to the app since this entry.
    pub(crate) fn same_visit_since(&self, entry: EntryId) -> bool {
        is_before(self.foreground, entry)
    }

    /// Whether the user did something after this entry.
    pub(crate) fn acted_since(&self, entry: EntryId) -> bool {
        self.acted.is_some_and(|moment| moment.id > entry)
    }
}

/// Whether a change can keep answers, or the feed, from the client. Tokens that are declared expired can
/// only be refused.
fn disturbs(change: &Change) -> bool {
    !matches!(
        change,
        Change::Push { .. } | Change::Own(_) | Change::ExpireTokens
    )
}

/// Whether the backend may come to harm by a change. One of its own that the contract has an event for is
/// an everyday one; what another does nobody knows.
fn shakes(change: &Change, contract: &Contract) -> bool {
    let Change::Own(name) = change else {
        return disturbs(change);
    };
    let mut everyday = contract.events().flat_map(|event| &event.promise.after);
    !everyday.any(|after| after.lever == *name)
}

/// Whether something happened before this entry, or never.
fn is_before(moment: Option<Moment>, entry: EntryId) -> bool {
    moment.is_none_or(|moment| moment.id < entry)
}
