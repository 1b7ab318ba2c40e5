//! What a contract can have, and an item of a runbook can be about.

use crate::domain::contract::{Contract, Token, TransportName};

/// Something that a contract has or has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// A live feed.
    Realtime,
    /// A live feed whose client may use WebSocket.
    Websocket,
    /// A live feed whose client may use long-polling.
    LongPolling,
    /// Polling in the place of a feed.
    Polling,
    /// A list that is read page by page.
    Paging,
    /// A kill-switch.
    Switch,
    /// A kill-switch that the backend enforces itself.
    SwitchRefusal,
    /// Access tokens that can be read and verified.
    Jwt,
    /// A request that renews a session.
    Refresh,
    /// A request that ends a session.
    SignOut,
    /// Where the backend says whose session it is.
    Identity,
    /// Answers that no two accounts share.
    Personal,
    /// A schema of an answer or an event.
    Schema,
    /// A header that names each request.
    RequestId,
    /// A health request.
    Health,
    /// Variables by which the app finds its services.
    Variables,
    /// Calls that must never be made.
    Forbidden,
    /// Another client whose data has to be the app's.
    Parity,
}

impl Capability {
    /// Every one with the word that a runbook uses.
    pub const ALL: [(&'static str, Self); 18] = [
        ("realtime", Self::Realtime),
        ("realtime.websocket", Self::Websocket),
        ("realtime.long-polling", Self::LongPolling),
        ("polling", Self::Polling),
        ("paging", Self::Paging),
        ("switch", Self::Switch),
        ("switch.data-refusal", Self::SwitchRefusal),
        ("session.jwt", Self::Jwt),
        ("session.refresh", Self::Refresh),
        ("session.sign-out", Self::SignOut),
        ("session.identity", Self::Identity),
        ("personal", Self::Personal),
        ("schema", Self::Schema),
        ("request-id", Self::RequestId),
        ("health", Self::Health),
        ("variables", Self::Variables),
        ("scope.forbid", Self::Forbidden),
        ("parity", Self::Parity),
    ];

    /// The word that a runbook uses.
    #[must_use]
    pub fn word(self) -> &'static str {
        let mut all = Self::ALL.into_iter();
        all.find(|(_, own)| *own == self)
            .map_or("", |(word, _)| word)
    }

    /// What a contract that lacks it lacks.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Realtime => "no live feed",
            Self::Websocket => "no live feed over WebSocket",
            Self::LongPolling => "no live feed over long-polling",
            Self::Polling => "no polling",
            Self::Paging => "no list that is read page by page",
            Self::Switch => "no kill-switch",
            Self::SwitchRefusal => "no word on how data is refused while the kill-switch is on",
            Self::Jwt => "no access tokens that can be read: they are opaque",
            Self::Refresh => "no refresh request",
            Self::SignOut => "no sign-out request",
            Self::Identity => "no word on where the backend says whose session it is",
            Self::Personal => "no resource that is a person's own",
            Self::Schema => "no schema",
            Self::RequestId => "no name for the request id's header",
            Self::Health => "no health request",
            Self::Variables => "no variable that carries a service's URL",
            Self::Forbidden => "nothing that is forbidden",
            Self::Parity => "no other client to compare with",
        }
    }

    /// Whether a contract has it.
    #[must_use]
    pub fn is_in(self, contract: &Contract) -> bool {
        let feed = contract.realtime.as_ref();
        let over = |transport| feed.is_some_and(|feed| feed.client.transports.contains(&transport));
        let mut resources = contract.resources.iter();
        match self {
            Self::Realtime => feed.is_some(),
            Self::Websocket => over(TransportName::Websocket),
            Self::LongPolling => over(TransportName::Polling),
            Self::Polling => contract.polling.is_some(),
            Self::Paging => resources.any(|own| own.paging.is_some()),
            Self::Switch => contract.kill_switch.is_some(),
            Self::SwitchRefusal => {
                let switch = contract.kill_switch.as_ref();
                switch.is_some_and(|switch| switch.data_refusal.is_some())
            }
            Self::Jwt => matches!(contract.session.token, Token::Jwt(_)),
            Self::Refresh => contract.session.refresh.is_some(),
            Self::SignOut => contract.session.sign_out.is_some(),
            Self::Identity => contract.session.identity.is_some(),
            Self::Personal => resources.any(|own| own.personal),
            Self::Schema => {
                resources.any(|own| own.schema.is_some())
                    || feed.is_some_and(|feed| feed.events.iter().any(|own| own.schema.is_some()))
            }
            Self::RequestId => contract.request_id.is_some(),
            Self::Health => !contract.health.is_empty(),
            Self::Parity => contract.parity.is_some(),
            Self::Variables => contract.services.iter().any(|own| own.variable.is_some()),
            Self::Forbidden => {
                let scope = &contract.scope;
                !scope.forbid.is_empty()
                    || !scope.forbid_emits.is_empty()
                    || !scope.forbid_namespaces.is_empty()
            }
        }
    }
}

impl std::fmt::Display for Capability {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.word())
    }
}
