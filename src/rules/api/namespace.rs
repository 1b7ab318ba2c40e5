//! API-10: the namespace of the feed is there.

use crate::domain::contract::Reason;
use crate::domain::journal::Frame;
use crate::rules::context::Context;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// The namespace that the contract names for the live feed exists
    ///
    /// # Why
    /// A server that does not know the namespace refuses every CONNECT, whatever its token. An app
    /// can do nothing about it, and must not be blamed for trying.
    ///
    /// # How it is judged
    /// By the words with which a Socket.IO server refuses a namespace that it does not have:
    /// `Invalid namespace`. While a lever holds the backend stopped, and for ten seconds afterwards,
    /// nothing is judged, since a namespace may be registered late.
    ///
    /// # How to keep it
    /// Register the namespace before the server listens; or correct `realtime.namespace` in the
    /// contract.
    ///
    /// # Source
    /// Socket.IO protocol v5, CONNECT_ERROR; socket.io server, `client.ts`
    pub(super) NAMESPACE: "API-10", Backend, from [Wire],
        needs [Feed],
        set by ["realtime.namespace"]
}

pub(super) struct Namespace;

impl Rule for Namespace {
    fn see(&mut self, context: &Context<'_>) {
        let (Some(feed), Some((_, packet))) = (&context.contract.realtime, context.packet_down())
        else {
            return;
        };
        match packet {
            Frame::Connect { namespace, .. } if context.is_feed(namespace) => {
                context.exercised(&NAMESPACE);
            }
            Frame::ConnectError { namespace, payload } if context.is_feed(namespace) => {
                let provoked = context.is_provoked_since(context.now);
                if feed.refusal(payload.json()) == Reason::NoNamespace && !provoked {
                    context.violated(
                        &NAMESPACE,
                        Violation::new(format!("the backend has no namespace `{namespace}`"))
                            .expected(
                                "the namespace that the contract's `realtime.namespace` names",
                            )
                            .observed("CONNECT was refused with `Invalid namespace`")
                            .evidence([context.entry.id]),
                    );
                }
            }
            _ => {}
        }
    }
}
