//! An app that is said to be used, and of which nothing crosses the gateway: it goes another way, and a
//! proof about its traffic would be one about nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::change::Change;
use crate::domain::journal::{
    Act, Changed, Direction, Entry, Fact, HarnessFact, Sender, Spoken, Unreadable,
};

/// So many acts in a row that move nothing are no chance.
const ACTS: usize = 2;
/// How long an app may take before it does what it is asked for.
const SLOW: Duration = Duration::from_secs(2);

const SIGN_IN: &str = "sign-in";

/// What to do about it.
const HOW: &str = "start the app with the URLs that `rehearsal proxy` prints, in its build or its environment, and on a device forward their ports or use --bind and --name (docs/PROXY.md says how)";

/// Follows acts and what crosses after them.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// The acts since something last crossed.
    acts: Vec<&'static str>,
    /// When the first of them was marked, and how far the journal goes.
    since: Duration,
    now: Duration,
    crossed: bool,
    acted: bool,
    offline: bool,
    /// What is switched off.
    off: BTreeSet<String>,
    tls: bool,
}

impl Silence {
    pub(super) fn observe(&mut self, entry: &Entry) {
        match &entry.fact {
            Fact::Request(request) if request.sender == Sender::Client => self.crosses(),
            Fact::Frame {
                direction: Direction::Up,
                ..
            } => self.crosses(),
            Fact::Unreadable(Unreadable { speaks, .. }) => self.tls |= *speaks == Spoken::Tls,
            Fact::Act(act) => self.act(entry.at, act),
            Fact::Harness(HarnessFact::Changed(Changed { change, .. })) => self.change(change),
            Fact::Harness(HarnessFact::Ended) => self.now = entry.at,
            _ => {}
        }
    }

    /// What is switched off may keep an app from sending anything, before anything could be seen.
    fn change(&mut self, change: &Change) {
        let (what, off) = match change {
            Change::Network(on) => ("network".to_owned(), !on),
            Change::Maintenance(on) => ("maintenance".to_owned(), *on),
            Change::Backend { service, running } => (format!("backend {service:?}"), !running),
            Change::Fault { on, fault } => (format!("fault {on:?}"), fault.is_some()),
            _ => return,
        };
        if off {
            self.off.insert(what);
            self.acts.clear();
        } else if what == "backend None" {
            self.off.retain(|what| !what.starts_with("backend"));
        } else {
            self.off.remove(&what);
        }
    }

    fn crosses(&mut self) {
        self.crossed = true;
        self.acts.clear();
    }

    fn act(&mut self, at: Duration, act: &Act) {
        let asks = match act {
            Act::Offline => {
                self.offline = true;
                None
            }
            Act::Online => {
                self.offline = false;
                None
            }
            Act::Launch => Some("launch"),
            Act::SignIn { .. } => Some(SIGN_IN),
            Act::Refresh => Some("refresh"),
            _ => None,
        };
        self.acted |= asks.is_some();
        if let Some(act) = asks.filter(|_| !self.offline && self.off.is_empty()) {
            if self.acts.is_empty() {
                self.since = at;
            }
            if self.acts.len() < ACTS * 2 {
                self.acts.push(act);
            }
        }
    }

    /// Why nothing is proven of the app, if nothing of it crossed that should have.
    pub(super) fn doubt(&self) -> Option<String> {
        let tls = if self.tls {
            "; it spoke TLS to a port that is served in the clear, so its URLs must begin with http://, or --tls-cert and --tls-key be given"
        } else {
            ""
        };
        if !self.crossed && self.acted {
            return Some(format!(
                "the app was used, and nothing of it crossed the gateway{tls}: {HOW}"
            ));
        }
        let silent = self.acts.len() >= ACTS
            // A launch alone may have nothing to ask, nor has a reload of what is blocked.
            && self.acts.contains(&SIGN_IN)
            && self.now.saturating_sub(self.since) >= SLOW;
        silent.then(|| {
            format!(
                "nothing crossed the gateway after the last acts that were marked ({}){tls}: {HOW}",
                self.acts.join(", ")
            )
        })
    }
}
