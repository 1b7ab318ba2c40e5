//! What the user, the network and the harness did to the client and its world.

use std::collections::BTreeSet;

use crate::domain::journal::{Act, Entry, EntryId, Fact, HarnessFact, LeverHow};
use crate::rules::moment::Moment;

/// Why attempts were not judged.
pub(in crate::rules) const UNSEEN: &str =
    "the gateway itself was closed, so what the app tried meanwhile reached nobody";

/// What was done to the client and its world.
pub(in crate::rules) struct World {
    /// Whether the client says anything about itself.
    pub(in crate::rules) simulated: bool,
    /// Whether anybody marks what the user does.
    pub(in crate::rules) acts_marked: bool,
    /// Whether the client's process runs.
    pub(in crate::rules) running: bool,
    pub(in crate::rules) launched: Option<Moment>,
    /// When the process last ended.
    pub(in crate::rules) killed: Option<Moment>,
    /// Whether the run is over, so nothing that follows is the client's doing.
    pub(in crate::rules) ended: bool,
    pub(in crate::rules) visible: bool,
    pub(in crate::rules) foreground: Option<Moment>,
    pub(in crate::rules) online: bool,
    /// When the network last went or came.
    pub(in crate::rules) network: Option<Moment>,
    /// The last thing that the user did.
    pub(in crate::rules) acted: Option<Moment>,
    /// The last time that a lever or a fault changed the world.
    pub(in crate::rules) changed: Option<Moment>,
    /// The kill-switch, as the lever stands, and since when.
    pub(in crate::rules) maintenance: Option<(bool, Moment)>,
    /// When access tokens were last declared expired by lever.
    pub(in crate::rules) tokens_expired: Option<Moment>,
    faults: BTreeSet<String>,
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
            foreground: None,
            online: true,
            network: None,
            acted: None,
            changed: None,
            maintenance: None,
            tokens_expired: None,
            faults: BTreeSet::new(),
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
            Act::Background => self.visible = false,
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

    pub(super) fn harness(&mut self, entry: &Entry, fact: &HarnessFact) {
        let moment = Moment::of(entry);
        match fact {
            HarnessFact::Lever { lever, value, how } => {
                self.changed = Some(moment);
                match lever.as_str() {
                    "maintenance" => self.maintenance = Some((is_on(value), moment)),
                    "backend" => self.stopped = (!is_on(value)).then_some(*how),
                    "expire-tokens" => self.tokens_expired = Some(moment),
                    _ => {}
                }
            }
            HarnessFact::Fault { fault, on } => {
                self.changed = Some(moment);
                if *on {
                    self.faults.insert(fault.clone());
                } else {
                    self.faults.remove(fault);
                }
            }
            HarnessFact::Ended => self.ended = true,
            _ => {}
        }
    }

    /// Whether a fault is switched on at the gateway.
    pub(in crate::rules) fn is_disturbed(&self) -> bool {
        !self.faults.is_empty()
    }

    /// Whether the client's attempts may not even reach the gateway.
    pub(in crate::rules) fn is_blind(&self) -> bool {
        !self.online
            || self.stopped == Some(LeverHow::Gateway)
            || self.faults.iter().any(|fault| {
                fault == "network" || fault.contains("refuse") || fault.contains("untrusted")
            })
    }

    /// Whether this entry closes the gateway's own doors: what a client that says nothing about
    /// itself tries until they open reaches nobody.
    pub(in crate::rules) fn is_closed_by(&self, entry: &Entry) -> bool {
        let closes = matches!(
            &entry.fact,
            Fact::Harness(HarnessFact::Lever { .. } | HarnessFact::Fault { on: true, .. })
        );
        closes && !self.simulated && self.online && self.is_blind()
    }

    /// Whether a lever holds the backend stopped.
    pub(in crate::rules) fn backend_is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    // What follows takes an entry and no time: in virtual time all that follows from an act can bear
    // the same moment as the act itself, and only the order tells them apart.

    /// Whether the process that lived at this entry still lives.
    pub(in crate::rules) fn same_process_since(&self, entry: EntryId) -> bool {
        is_before(self.launched, entry) && is_before(self.killed, entry)
    }

    /// Whether the network neither went nor came since this entry.
    pub(in crate::rules) fn same_network_since(&self, entry: EntryId) -> bool {
        self.online && is_before(self.network, entry)
    }

    /// Whether the process that lives and its network are those of this entry.
    pub(in crate::rules) fn same_life_since(&self, entry: EntryId) -> bool {
        self.same_process_since(entry) && self.same_network_since(entry)
    }

    /// Whether the user did not come back to the app since this entry.
    pub(in crate::rules) fn same_visit_since(&self, entry: EntryId) -> bool {
        is_before(self.foreground, entry)
    }

    /// Whether the user did something after this entry.
    pub(in crate::rules) fn acted_since(&self, entry: EntryId) -> bool {
        self.acted.is_some_and(|moment| moment.id > entry)
    }
}

/// Whether something happened before this entry, or never.
fn is_before(moment: Option<Moment>, entry: EntryId) -> bool {
    moment.is_none_or(|moment| moment.id < entry)
}

/// How levers say that something is there or on. `stopped`, `off`, `false` and `down` say it is not;
/// a value may name the service beside it.
fn is_on(value: &str) -> bool {
    !value
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .any(|word| matches!(word, "off" | "false" | "stopped" | "stop" | "down" | "no"))
}
