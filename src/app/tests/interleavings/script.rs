//! What can happen, as scripts that read well when they have been shrunk.

use super::*;

/// Where a script begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Start {
    Live,
    SignedIn,
    Launched,
}

/// One life of a device.
#[derive(Clone)]
pub(super) struct Script {
    pub(super) start: Start,
    pub(super) steps: Vec<Step>,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:?}", self.start)?;
        for step in &self.steps {
            write!(out, " · {step:?}")?;
        }
        Ok(())
    }
}

/// What a request is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum With {
    /// What is true as the answer arrives.
    Fresh,
    /// What was true as the request was sent.
    AsWhenAsked,
    Unauthorized,
    Forbidden,
    Trouble,
    RetryAfter,
    Page,
    Broken,
}

/// What the secure storage says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Storage {
    Whole,
    Corrupt,
    Undecryptable,
}

/// What becomes of the packets that wait in the connection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Packet {
    Next,
    Lost,
    /// The second one comes first.
    Swapped,
    /// The last one comes once more.
    Again,
}

/// What a user does. A user is a number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    SignIn(usize),
    SignOut,
    Refresh,
    OpenHistory,
    OpenOverview,
    LoadAllTrades,
    Background,
    Foreground,
}

/// One thing that happens. A number says which one of several, counted round.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Answer(usize, With),
    /// An answer to a request that was cancelled, lost or answered already.
    LateAnswer(usize),
    Lose(usize),
    /// Seconds; timers are due in their order.
    Pass(u64),
    /// A timer that was cleared or was due already.
    LateTimer(usize),
    StorageRead(Storage),
    Kill,
    Network(bool),
    Maintenance(bool),
    /// The wall clock jumps by so many hours.
    Clock(i64),
    User(Act),
    Connect {
        recovered: bool,
        by: TransportName,
    },
    ConnectFails,
    Upgraded,
    Disconnect(DisconnectReason),
    Refused {
        token: bool,
    },
    /// Positions change at the backend, so many times.
    Changes(u8),
    /// A trade is closed at the backend.
    TradeClosed,
    Deliver(Packet),
    /// A packet on a socket that was closed.
    LatePacket(usize),
}

fn with() -> impl Strategy<Value = With> {
    prop_oneof![
        6 => Just(With::Fresh),
        5 => Just(With::AsWhenAsked),
        1 => Just(With::Unauthorized),
        1 => prop_oneof![
            Just(With::Forbidden),
            Just(With::Trouble),
            Just(With::RetryAfter),
            Just(With::Page),
            Just(With::Broken),
        ],
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0..2_usize).prop_map(Act::SignIn),
        1 => Just(Act::SignOut),
        5 => Just(Act::Refresh),
        1 => Just(Act::OpenHistory),
        1 => Just(Act::OpenOverview),
        1 => Just(Act::LoadAllTrades),
        1 => Just(Act::Background),
        2 => Just(Act::Foreground),
    ]
}

fn device() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop_oneof![
            6 => Just(Storage::Whole),
            1 => Just(Storage::Corrupt),
            1 => Just(Storage::Undecryptable),
        ]
        .prop_map(Step::StorageRead),
        1 => Just(Step::Kill),
        2 => any::<bool>().prop_map(Step::Network),
        1 => any::<bool>().prop_map(Step::Maintenance),
        1 => (-30..30_i64).prop_map(Step::Clock),
    ]
}

fn socket() -> impl Strategy<Value = Step> {
    let reason = prop_oneof![
        2 => Just(DisconnectReason::TransportClose),
        1 => Just(DisconnectReason::PingTimeout),
        1 => Just(DisconnectReason::IoServerDisconnect),
    ];
    let by = prop_oneof![Just(TransportName::Websocket), Just(TransportName::Polling)];
    let connect = (any::<bool>(), by).prop_map(|(recovered, by)| Step::Connect { recovered, by });
    let packet = prop_oneof![
        6 => Just(Packet::Next),
        1 => Just(Packet::Lost),
        1 => Just(Packet::Swapped),
        1 => Just(Packet::Again),
    ];
    prop_oneof![
        6 => packet.prop_map(Step::Deliver),
        4 => (1..4_u8).prop_map(Step::Changes),
        1 => Just(Step::TradeClosed),
        4 => connect,
        2 => reason.prop_map(Step::Disconnect),
        1 => (0..4_usize).prop_map(Step::LatePacket),
        1 => prop_oneof![
            Just(Step::ConnectFails),
            Just(Step::Upgraded),
            any::<bool>().prop_map(|token| Step::Refused { token }),
        ],
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..4_usize, with()).prop_map(|(which, with)| Step::Answer(which, with)),
        9 => socket(),
        4 => act().prop_map(Step::User),
        3 => prop_oneof![3 => 1..12_u64, 1 => 12..700_u64].prop_map(Step::Pass),
        2 => device(),
        1 => (0..8_usize).prop_map(Step::LateAnswer),
        1 => (0..8_usize).prop_map(Step::LateTimer),
        1 => (0..4_usize).prop_map(Step::Lose),
    ]
}

/// All scripts.
pub(super) fn script() -> impl Strategy<Value = Script> {
    let start = prop_oneof![
        3 => Just(Start::Live),
        2 => Just(Start::SignedIn),
        1 => Just(Start::Launched),
    ];
    (start, prop::collection::vec(step(), 1..40)).prop_map(|(start, steps)| Script { start, steps })
}
