//! What the client side says: the simulated app about itself, and what its user did.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ScreenName;

/// What the simulated app says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppFact {
    /// Another screen is shown.
    Screen {
        /// The one that is shown from now on.
        screen: ScreenName,
    },
    /// What the app thinks of the network.
    Link {
        /// The state.
        link: LinkState,
    },
    /// How data arrives.
    Feed {
        /// The state.
        feed: FeedState,
    },
    /// A resource's data is shown, new or changed.
    Shown {
        /// The resource.
        resource: String,
        /// How many items, or 1 for an object.
        items: usize,
        /// Where it came from.
        source: DataSource,
        /// Its position in the stream of changes, if the backend numbers them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sequence: Option<i64>,
    },
    /// A resource's data is said to be old.
    Stale {
        /// The resource.
        resource: String,
        /// Since when, on the journal's time in microseconds.
        since_us: u64,
    },
    /// The session changed.
    Session {
        /// The state.
        state: SessionState,
    },
    /// A message to the user.
    Notice {
        /// Its stable name: `sign-in-refused`, `offline`, `data-unreadable` …
        name: String,
    },
    /// One exchange, as the client saw it: what reconciliation compares with the gateway.
    Exchange(ClientExchange),
    /// An event that the app emitted over the socket.
    Emitted {
        /// The namespace.
        namespace: String,
        /// The event's name.
        event: String,
    },
    /// Something that the app did not expect and survived.
    Unexpected {
        /// What it was, in words for a person.
        what: String,
    },
    /// What whoever drives another app reads off its screen, or knows of its storage.
    Reported(Report),
}

/// What can be told of an app that says nothing about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// The screen that is shown.
    Screen(ScreenName),
    /// How the screen says that its data arrives.
    Feed(FeedState),
    /// The account whose name or data the screen shows, by its name in the configuration.
    User(String),
    /// Whether a start has found a session in storage.
    Restored(bool),
}

/// Where shown data came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataSource {
    /// An answer.
    Request,
    /// An event of the live feed.
    Event,
    /// What the app kept.
    Storage,
}

/// The word for it.
impl fmt::Display for DataSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Request => "request",
            Self::Event => "event",
            Self::Storage => "storage",
        })
    }
}

/// One exchange, as the client saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientExchange {
    /// The service.
    pub service: String,
    /// The method.
    pub method: String,
    /// The path below the service's origin, without query.
    pub path: String,
    /// How it ended.
    pub outcome: ClientOutcome,
}

/// How an exchange ended for the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientOutcome {
    /// With an answer.
    Answered {
        /// Its status.
        status: u16,
    },
    /// No connection could be made: nothing was sent.
    NotSent {
        /// Why.
        why: String,
    },
    /// It was sent and broke, timed out or was given up.
    Broken {
        /// Why.
        why: String,
    },
}

/// What the app thinks of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// It can be used.
    Online,
    /// It is gone.
    Offline,
}

/// How data arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedState {
    /// Nothing is expected: signed out, blocked or not connected yet.
    Off,
    /// Over the socket.
    Live,
    /// By polling.
    Polling,
    /// Not at all: what is shown is ageing.
    Stale,
}

/// What happened to the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionState {
    /// Opened by credentials.
    Opened,
    /// Found in storage.
    Restored,
    /// Renewed.
    Refreshed,
    /// Over.
    Ended {
        /// Why.
        why: String,
    },
    /// There was none, or none that could be read, in storage.
    NotFound {
        /// Why.
        why: String,
    },
}

/// What the user of the client did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Started the app's process.
    Launch,
    /// Asked to sign in.
    SignIn {
        /// The account's name in the configuration, never its password.
        account: String,
    },
    /// Asked to sign out.
    SignOut,
    /// Killed the process.
    Kill,
    /// Left the app.
    Background,
    /// Came back to it.
    Foreground,
    /// Pulled to refresh.
    Refresh,
    /// Opened a screen.
    Open {
        /// Its name in the contract.
        screen: String,
    },
    /// Asked for older items.
    LoadMore {
        /// Of which resource.
        resource: String,
    },
    /// Lost the network (airplane mode).
    Offline,
    /// Got it back.
    Online,
    /// Something happened to the secure storage while the app did not run.
    Storage {
        /// What became of what was kept.
        accident: StorageAccident,
    },
    /// The device's clock was set.
    Clock {
        /// How far it is ahead of the run's clock, in seconds; behind, if negative.
        offset: i64,
    },
}

/// What can happen to the secure storage of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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

/// The word for it, in files and in sentences.
impl fmt::Display for StorageAccident {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Lost => "lost",
            Self::Corrupt => "corrupt",
            Self::Undecryptable => "undecryptable",
            Self::Oversized => "oversized",
        })
    }
}
