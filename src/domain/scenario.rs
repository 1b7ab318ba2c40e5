//! One behaviour: steps that act, change the world or expect.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::contract::{RequestPattern, Role, TransportName, is_safe};
use super::journal::{FeedState, LinkState};
use super::malformed::Malformed;
use super::runbook::RunbookId;

/// One behaviour, as read from a scenario file.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its id: the file's name without extension.
    pub id: String,
    /// What it shows, for people.
    pub name: String,
    /// The file, as given or as embedded.
    pub file: String,
    /// The runbook items that it proves.
    pub runbook: Vec<RunbookId>,
    /// Words by which it can be selected.
    pub tags: Vec<String>,
    /// Levers that a target must have: those that its steps move, and those named by `needs`.
    pub needs: Vec<Lever>,
    /// Rules that are not judged here, with the reason.
    pub waivers: Vec<Waiver>,
    /// Why it is expected to fail, if it is.
    pub known_failure: Option<String>,
    /// What happens.
    pub steps: Vec<Step>,
    /// What happens at the end in every case, also after a failure or an interrupt.
    pub finally: Vec<Step>,
}

impl Scenario {
    /// The accounts that sign in, each once.
    #[must_use]
    pub fn accounts(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for step in self.steps.iter().chain(&self.finally) {
            if let StepKind::Do(Action::SignIn { account, .. }) = &step.kind
                && !names.contains(&account.as_str())
            {
                names.push(account.as_str());
            }
        }
        names
    }
}

/// A rule that a scenario does not want judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// The rule's id.
    pub rule: String,
    /// Why.
    pub reason: String,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its place among all steps of the file, `finally` included, from 1.
    pub number: usize,
    /// The line in the file, from 1.
    pub line: usize,
    /// As written, on one line, for reports.
    pub text: String,
    /// What it does.
    pub kind: StepKind,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// The user of the client does something.
    Do(Action),
    /// The world changes.
    Set(Setting),
    /// Something must come or stay true.
    Expect {
        /// All of these together.
        all: Vec<Expectation>,
        /// When.
        timing: Timing,
        /// From where on the journal is looked at.
        since: Since,
    },
}

/// What the user of the client does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Starts the app's process.
    Launch,
    /// Kills it, as a user or the system would: nothing is said good-bye to.
    Kill,
    /// Signs in.
    SignIn {
        /// The account's name.
        account: String,
        /// Whether a wrong password is given.
        wrong_password: bool,
    },
    /// Signs out.
    SignOut,
    /// Pulls to refresh.
    Refresh,
    /// Opens a screen of the contract.
    Open(String),
    /// Leaves the app.
    Background,
    /// Comes back to it.
    Foreground,
    /// Asks for older items of a resource until there are none.
    LoadAll(String),
    /// Does nothing for a while.
    Wait(Duration),
    /// Something happens to the secure storage of a device whose app is not running.
    Storage(StorageAccident),
    /// The device's clock is set: so many seconds ahead of the right time, or behind it.
    Clock(i64),
}

/// What can happen to the secure storage of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageAccident {
    /// Everything in it is gone, as after a reinstall.
    Lost,
    /// Its content is damaged.
    Corrupt,
    /// The device key is gone, so nothing can be decrypted.
    Undecryptable,
    /// Its content is larger than any platform keeps reliably.
    Oversized,
}

impl StorageAccident {
    /// Its name in files and in the journal.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Corrupt => "corrupt",
            Self::Undecryptable => "undecryptable",
            Self::Oversized => "oversized",
        }
    }
}

/// How the world changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// The kill-switch.
    Maintenance(bool),
    /// A service of the backend runs, or is stopped: its listener really closes.
    Backend {
        /// The service; all of them without one.
        service: Option<String>,
        /// Whether it runs.
        running: bool,
    },
    /// The backend emits an event to every connected client.
    Push {
        /// The event's name.
        event: String,
        /// Its first argument; without one the mock makes it up from its state.
        payload: Option<Value>,
    },
    /// The backend answers a resource with bad data of one class, or with good data again.
    Malform {
        /// The resource.
        resource: String,
        /// What is wrong with it.
        class: Option<Malformed>,
    },
    /// The backend closes one position.
    CloseTrade,
    /// The backend declares every access token expired.
    ExpireTokens,
    /// The backend drops every socket.
    DropSockets,
    /// The client's network is there, or is gone (airplane mode).
    Network(bool),
    /// The gateway lets WebSocket upgrades through, or answers them with an error.
    Websocket(bool),
    /// The gateway lets the socket's path through at all, or refuses it.
    Socket(bool),
    /// The ids of Engine.IO sessions on long-polling are unknown from now on, as behind a load
    /// balancer that leads their clients to another server.
    ForgetSessions,
    /// A fault at the gateway is switched.
    Fault {
        /// Which requests.
        on: RequestMatch,
        /// What happens to them; `None` ends it.
        fault: Option<Fault>,
    },
}

/// A fault that the gateway can apply to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// The answer comes later.
    Delay(Duration),
    /// The gateway answers.
    Respond {
        /// The status.
        status: u16,
        /// Headers.
        headers: Vec<(String, String)>,
        /// The body, sent as JSON unless it is a text.
        body: Option<Value>,
    },
    /// The connection is refused: the service's listener closes.
    Refuse,
    /// The request is taken and never answered.
    BlackHole,
    /// The connection breaks after the request.
    Reset,
    /// On the live feed, packets of one kind never arrive; the rest does.
    Withhold(Withheld),
    /// The services show a certificate that no client may trust.
    Untrusted,
}

/// The packets that a fault can withhold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// The server's heartbeat, on either transport.
    Ping,
    /// The client's probe of a WebSocket that it wants to move to.
    Probe,
}

/// A lever: one way to change the target's world that a target may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lever {
    /// Switches the kill-switch.
    Maintenance,
    /// Stops and starts services.
    Backend,
    /// Emits an event.
    Push,
    /// Closes a position.
    CloseTrade,
    /// Expires access tokens.
    ExpireTokens,
    /// Drops sockets.
    DropSockets,
    /// Answers with bad data.
    Malform,
}

impl Lever {
    /// Every lever with the name that files use.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Malform, "malform"),
        (Self::Maintenance, "maintenance"),
        (Self::Backend, "backend"),
        (Self::Push, "push"),
        (Self::CloseTrade, "close-trade"),
        (Self::ExpireTokens, "expire-tokens"),
        (Self::DropSockets, "drop-sockets"),
    ];

    /// The name that files use.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(lever, _)| *lever == self)
            .map_or("", |(_, name)| name)
    }
}

impl Fault {
    /// Its name in the journal: the word that files use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Delay(_) => "delay",
            Self::Respond { .. } => "respond",
            Self::Refuse => "refuse",
            Self::BlackHole => "black-hole",
            Self::Reset => "reset",
            Self::Withhold(Withheld::Ping) => "withhold-ping",
            Self::Withhold(Withheld::Probe) => "withhold-probe",
            Self::Untrusted => "untrusted",
        }
    }
}

impl std::fmt::Display for Lever {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name())
    }
}

impl Setting {
    /// The lever that this moves, if it is the target that must move.
    #[must_use]
    pub fn lever(&self) -> Option<Lever> {
        match self {
            Self::Maintenance(_) => Some(Lever::Maintenance),
            Self::Backend { .. } => Some(Lever::Backend),
            Self::Push { .. } => Some(Lever::Push),
            Self::Malform { .. } => Some(Lever::Malform),
            Self::CloseTrade => Some(Lever::CloseTrade),
            Self::ExpireTokens => Some(Lever::ExpireTokens),
            Self::DropSockets => Some(Lever::DropSockets),
            Self::Network(_)
            | Self::Websocket(_)
            | Self::Socket(_)
            | Self::ForgetSessions
            | Self::Fault { .. } => None,
        }
    }
}

/// When an expectation is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// At once.
    Now,
    /// It must come true within this time.
    Within(Duration),
    /// It must hold for this time without a break.
    For(Duration),
}

/// From where on the journal is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Since {
    /// From the last step that acted or changed the world.
    #[default]
    Change,
    /// From the beginning of the scenario.
    Start,
    /// From the beginning of this step.
    Now,
}

/// Something that must be true.
#[derive(Debug, Clone, PartialEq)]
pub enum Expectation {
    /// The app shows this screen: one of the contract's, `signed-out`, `loading` or `maintenance`.
    Screen(String),
    /// What the app thinks of the network.
    Link(LinkState),
    /// How data arrives.
    Feed(FeedState),
    /// Whether there is a session.
    Session(bool),
    /// A message is shown to the user, by its stable name.
    Notice(String),
    /// Data of this resource is shown.
    Shows(String),
    /// Newer data of this resource was shown.
    Updates(String),
    /// Every page of this resource was read, no item twice.
    Complete(String),
    /// A value in the shown data, by pointer into the resource's answer.
    Value {
        /// The resource.
        resource: String,
        /// The pointer.
        pointer: String,
        /// What must stand there.
        equals: Value,
    },
    /// The socket's transport.
    Transport(TransportName),
    /// Requests were seen, so many of them.
    Requests {
        /// Which.
        which: RequestMatch,
        /// How many at least.
        at_least: u64,
        /// How many at most.
        at_most: Option<u64>,
    },
    /// An event of the server was seen.
    Event(String),
    /// An event of the server was not seen.
    NoEvent(String),
}

/// Which requests are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestMatch {
    /// Those of a role: `sign-in`, `refresh`, `status`, a resource's name, `realtime`.
    Role(Role),
    /// All data: resources and the live feed.
    Data,
    /// Those that may change something, sign-in, refresh, sign-out and polling posts excepted.
    Writes,
    /// All of them.
    Any,
    /// Those under a pattern.
    Pattern(RequestPattern),
}

impl RequestMatch {
    /// Whether a request is meant. `path` is canonical and below the service's URL.
    #[must_use]
    pub fn matches(&self, role: Option<&Role>, method: &str, service: &str, path: &str) -> bool {
        match self {
            Self::Role(wanted) => role == Some(wanted),
            Self::Data => role.is_some_and(Role::is_data),
            Self::Writes => {
                let session = [Role::SignIn, Role::Refresh, Role::SignOut, Role::Realtime];
                !is_safe(method) && !role.is_some_and(|role| session.contains(role))
            }
            Self::Any => true,
            Self::Pattern(pattern) => pattern.matches(method, service, path),
        }
    }
}

impl RequestMatch {
    /// Whether everything that a service could be asked is meant.
    #[must_use]
    pub fn covers_service(&self, service: &str) -> bool {
        self.is_of_whole_services()
            && match self {
                Self::Pattern(pattern) => pattern.service.as_ref().is_none_or(|own| own == service),
                _ => true,
            }
    }

    /// Whether it is said of whole services rather than of some of their requests.
    #[must_use]
    pub fn is_of_whole_services(&self) -> bool {
        match self {
            Self::Any => true,
            Self::Pattern(pattern) => pattern.method.is_none() && pattern.path.to_string() == "/**",
            Self::Role(_) | Self::Data | Self::Writes => false,
        }
    }
}

impl std::fmt::Display for RequestMatch {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Role(role) => write!(out, "{role}"),
            Self::Data => out.write_str("data"),
            Self::Writes => out.write_str("writes"),
            Self::Any => out.write_str("any"),
            Self::Pattern(pattern) => write!(out, "{pattern}"),
        }
    }
}
