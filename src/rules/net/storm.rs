//! NET-12: clients that lost their feed together do not come back in one moment.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::domain::duration::show;
use crate::domain::journal::{EntryId, Fact, SocketEnd};
use crate::rules::context::Context;
use crate::rules::moment::Moment;
use crate::rules::rule::{Rule, rule};
use crate::rules::state::UNSEEN;
use crate::rules::violation::Violation;

rule! {
    /// Clients that are cut together come back spread over time
    ///
    /// # Why
    /// A deployment cuts every socket at once. If all clients come back in the same moment, or each
    /// of them several times a second, the backend that has just started falls again.
    ///
    /// # How it is judged
    /// Judged in the minute after feeds broke within one second of each other: in no second more
    /// handshakes than two for each of them and two more; and where ten or more broke, and the
    /// contract agrees on jitter, not more than half of them within a tenth of a second.
    ///
    /// # How to keep it
    /// Keep the jitter of the client library, and raise the first delay with the number of clients.
    ///
    /// # Source
    /// Socket.IO client options (`randomizationFactor`); runbook S9.6
    pub(super) STORM: "NET-12", App, from [Wire],
        needs [Feed],
        set by ["realtime.client"]
}

/// What counts as together.
const TOGETHER: Duration = Duration::from_secs(1);
/// How long the return is looked at.
const RETURN: Duration = Duration::from_secs(60);
/// From so many on, clients can be seen to be in step.
const MANY: usize = 10;
const IN_STEP: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(super) struct Storm {
    cut: Option<Cut>,
}

/// Feeds that broke together.
struct Cut {
    moment: Moment,
    sockets: BTreeSet<u64>,
    /// The handshakes of the last second.
    handshakes: VecDeque<(EntryId, Duration, u64)>,
    found: bool,
}

impl Rule for Storm {
    fn see(&mut self, context: &Context<'_>) {
        let entry = context.entry;
        let Some(feed) = &context.contract.realtime else {
            context.unable(&STORM, "the contract has no live feed");
            return;
        };
        if context.world.is_closed_by(entry) {
            context.unprobed(STORM.id, UNSEEN);
        }
        if let Fact::SocketClosed { socket, end } = &entry.fact
            && *end != SocketEnd::Client
        {
            match &mut self.cut {
                Some(cut) if entry.at <= cut.moment.at + TOGETHER => {
                    cut.sockets.insert(*socket);
                }
                _ => {
                    self.cut = Some(Cut {
                        moment: Moment::of(entry),
                        sockets: BTreeSet::from([*socket]),
                        handshakes: VecDeque::new(),
                        found: false,
                    });
                }
            }
        }
        let Some(request) = context.request().filter(|request| request.is_handshake()) else {
            return;
        };
        // Whoever was refused comes back for another reason, which is SYNC-8's and SESSION-3's to judge.
        let refused = context.sockets.refused;
        self.cut.take_if(|cut| {
            entry.at > cut.moment.at + RETURN
                || context.world.acted_since(cut.moment.id)
                || refused.is_some_and(|refused| refused.at + TOGETHER >= cut.moment.at)
        });
        let Some(cut) = self.cut.as_mut().filter(|cut| !cut.found) else {
            return;
        };
        context.exercised(&STORM);
        cut.handshakes
            .push_back((entry.id, entry.at, request.exchange));
        while cut
            .handshakes
            .front()
            .is_some_and(|(_, at, _)| *at + TOGETHER <= entry.at)
        {
            cut.handshakes.pop_front();
        }
        let clients = cut.sockets.len();
        let bound = clients * 2 + 2;
        let at_once = cut
            .handshakes
            .iter()
            .filter(|(_, at, _)| *at + IN_STEP >= entry.at)
            .count();
        let in_step = clients >= MANY && feed.client.jitter > 0.0 && at_once * 2 > clients;
        let (count, span) = if in_step {
            (at_once, IN_STEP)
        } else if cut.handshakes.len() > bound {
            (cut.handshakes.len(), TOGETHER)
        } else {
            return;
        };
        cut.found = true;
        let evidence = cut.handshakes.iter().map(|(id, ..)| *id);
        context.violated(
            &STORM,
            Violation::new("clients that were cut together come back in one moment")
                .kind("storm")
                .expected(if in_step {
                    format!("at most half of {clients} clients within {}", show(IN_STEP))
                } else {
                    format!("at most {bound} handshakes in a second")
                })
                .observed(format!("{count} within {}", show(span)))
                .evidence(std::iter::once(cut.moment.id).chain(evidence))
                .exchanges(cut.handshakes.iter().map(|(.., own)| *own)),
        );
    }
}
