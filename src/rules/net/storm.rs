//! NET-12: clients that lost their feed together do not come back in one moment.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::domain::duration::show;
use crate::domain::journal::{Fact, SocketEnd};
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
    handshakes: VecDeque<(Moment, u64)>,
    found: bool,
}

/// More handshakes than clients make that are spread over time.
struct Crowd {
    count: usize,
    within: Duration,
    expected: String,
}

impl Rule for Storm {
    fn see(&mut self, context: &Context<'_>) {
        if context.world.is_closed_by(context.entry) {
            context.unprobed(STORM.id, UNSEEN);
        }
        if let Fact::SocketClosed { socket, end } = &context.entry.fact
            && *end != SocketEnd::Client
        {
            self.broke(*socket, context.moment());
        }
        if let Some(request) = context.request()
            && request.is_handshake()
        {
            self.forget(context);
            self.returns(request.exchange, context);
        }
    }
}

impl Storm {
    fn broke(&mut self, socket: u64, moment: Moment) {
        match &mut self.cut {
            Some(cut) if moment.at <= cut.moment.at + TOGETHER => {
                cut.sockets.insert(socket);
            }
            _ => {
                self.cut = Some(Cut {
                    moment,
                    sockets: BTreeSet::from([socket]),
                    handshakes: VecDeque::new(),
                    found: false,
                });
            }
        }
    }

    /// Forgets a cut that is no longer why clients come. Whoever was refused comes back for another
    /// reason, which is SYNC-8's and SESSION-3's to judge.
    fn forget(&mut self, context: &Context<'_>) {
        let refused = context.sockets.refused;
        self.cut.take_if(|cut| {
            context.now > cut.moment.at + RETURN
                || context.world.acted_since(cut.moment.id)
                || refused.is_some_and(|refused| refused.at + TOGETHER >= cut.moment.at)
        });
    }

    fn returns(&mut self, exchange: u64, context: &Context<'_>) {
        let (Some(cut), Some(feed)) = (&mut self.cut, &context.contract.realtime) else {
            return;
        };
        if cut.found {
            return;
        }
        context.exercised(&STORM);
        let now = context.now;
        cut.handshakes.push_back((context.moment(), exchange));
        cut.handshakes.retain(|(own, _)| own.at + TOGETHER > now);
        let Some(crowd) = cut.crowd(feed.client.jitter > 0.0, now) else {
            return;
        };
        cut.found = true;
        let handshakes = cut.handshakes.iter().map(|(own, _)| own.id);
        context.violated(
            &STORM,
            Violation::new(match cut.sockets.len() {
                1 => "a client that was cut comes back many times in one moment",
                _ => "clients that were cut together come back in one moment",
            })
            .kind("crowd")
            .expected(crowd.expected)
            .observed(format!("{} within {}", crowd.count, show(crowd.within)))
            .evidence(std::iter::once(cut.moment.id).chain(handshakes))
            .exchanges(cut.handshakes.iter().map(|(_, exchange)| *exchange)),
        );
    }
}

impl Cut {
    fn crowd(&self, has_jitter: bool, now: Duration) -> Option<Crowd> {
        let clients = self.sockets.len();
        let is_now = |(own, _): &&(Moment, u64)| own.at + IN_STEP >= now;
        let at_once = self.handshakes.iter().filter(is_now).count();
        if clients >= MANY && has_jitter && at_once * 2 > clients {
            return Some(Crowd {
                count: at_once,
                within: IN_STEP,
                expected: format!("at most half of {clients} clients within {}", show(IN_STEP)),
            });
        }
        let bound = clients * 2 + 2;
        (self.handshakes.len() > bound).then(|| Crowd {
            count: self.handshakes.len(),
            within: TOGETHER,
            expected: format!("at most {bound} handshakes in a second"),
        })
    }
}
