//! What an operator can ask for: an address, and the JSON that says the rest.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ALL, Refusal};
use crate::domain::change::{Change, Lever};
use crate::domain::contract::Contract;
use crate::domain::malformed::Malformed;

mod described;
mod edit;

pub(crate) use edit::{Edit, Edits, Row};

/// Something that can be asked for, at an address of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// To move a lever of the target.
    Lever(Lever),
    /// To have sockets of users end.
    SendAway,
    /// To emit an event and wait for its acknowledgements.
    Ask,
    /// To keep the world as it is, under a name.
    Keep,
    /// To have a world again that was kept.
    Restore,
    /// To change the data of the world.
    World(Edits),
    /// To take the client's network away, or give it back.
    Network,
    /// To block WebSocket, or let it through.
    Websocket,
    /// To block the live feed, or let it through.
    Socket,
    /// To switch a fault.
    Fault,
    /// To write down what the user did.
    Mark,
    /// To write down what the app shows.
    App,
    /// To end the session.
    End,
}

/// What was asked for.
#[derive(Debug)]
pub(crate) enum Order {
    /// To change the world.
    Change(Change),
    /// To switch a fault, in the words of a scenario.
    Fault(Value),
    /// To have sockets end.
    SendAway {
        /// Whose; everybody's without one.
        user: Option<String>,
        /// Whether the connection ends with them.
        connection: bool,
    },
    /// To emit an event and wait for its acknowledgements.
    Ask {
        /// The event's name.
        event: String,
        /// Its arguments.
        args: Vec<Value>,
    },
    /// To keep the world under this name.
    Keep(String),
    /// To have the world of this name again.
    Restore(String),
    /// To change the data of the world.
    World(Edit),
    /// To write down what the user did.
    Mark(Value),
    /// To write down what the app shows.
    App(Value),
    /// To end the session.
    End,
}

/// What was asked for, in a few words.
impl fmt::Display for Order {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Change(change) => change.fmt(out),
            Self::SendAway { user: None, .. } => out.write_str("send-away"),
            Self::SendAway {
                user: Some(user), ..
            } => write!(out, "send-away {user}"),
            Self::Ask { event, .. } => write!(out, "ask {event}"),
            Self::Keep(name) => write!(out, "keep {name}"),
            Self::Restore(name) => write!(out, "restore {name}"),
            Self::World(edit) => edit.fmt(out),
            Self::Fault(_) => out.write_str("fault"),
            Self::Mark(_) => out.write_str("mark"),
            Self::App(_) => out.write_str("app"),
            Self::End => out.write_str("end"),
        }
    }
}

/// Something is switched on or off.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    on: bool,
}

/// Services are stopped or started.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Backend {
    #[serde(default)]
    service: Option<String>,
    running: bool,
}

/// An event is emitted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Push {
    event: String,
    #[serde(default)]
    payload: Option<Value>,
}

/// Answers are bad data.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Malform {
    resource: String,
    #[serde(rename = "as")]
    class: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendAway {
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    connection: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    event: String,
    #[serde(default)]
    args: Vec<Value>,
}

/// Something is named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

/// There is nothing to say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl Command {
    /// The address.
    pub(crate) fn path(&self) -> String {
        let name = match self {
            Self::Lever(Lever::Own(name)) => return format!("/change/{name}"),
            Self::World(edits) => return format!("/world/{}", edits.name()),
            Self::Lever(lever) => lever.name(),
            Self::SendAway => "send-away",
            Self::Ask => "ask",
            Self::Keep => "keep",
            Self::Restore => "restore",
            Self::Network => "network",
            Self::Websocket => "websocket",
            Self::Socket => "socket",
            Self::Fault => "fault",
            Self::Mark => "mark",
            Self::App => "app",
            Self::End => "end",
        };
        format!("/{name}")
    }

    /// Whether it is what stands at this address. A change that the world names has a short one, too.
    pub(crate) fn is_at(&self, path: &str) -> bool {
        let own = match self {
            Self::Lever(Lever::Own(name)) => Some(name.as_str()),
            _ => None,
        };
        path == self.path() || (own.is_some() && path.strip_prefix('/') == own)
    }

    /// A body that has it done, for people.
    pub(crate) fn example(&self) -> &'static str {
        match self {
            Self::Lever(Lever::Maintenance) => r#"{"on": true}"#,
            Self::Lever(Lever::Backend) => {
                r#"{"service": "<name, or null for all>", "running": false}"#
            }
            Self::Lever(Lever::Push) => r#"{"event": "<name>", "payload": "<any, or absent>"}"#,
            Self::Lever(Lever::Malform) => r#"{"resource": "<name>", "as": "<class, or good>"}"#,
            Self::Lever(Lever::ExpireTokens | Lever::DropSockets | Lever::Own(_)) | Self::End => {
                "{}"
            }
            Self::SendAway => r#"{"user": "<name, or null for all>", "connection": false}"#,
            Self::Ask => r#"{"event": "<name>", "args": ["<any>", {"$binary": "<base64>"}]}"#,
            Self::Keep | Self::Restore => r#"{"name": "<name of a world>"}"#,
            Self::World(edits) => edits.example(),
            Self::Network | Self::Websocket | Self::Socket => r#"{"on": false}"#,
            Self::Fault => {
                r#"{"on": "data", "respond": {"status": 503}}, or {"on": "data", "off": true}"#
            }
            Self::Mark => r#"{"act": "launch"}"#,
            Self::App => r#"{"screen": "loading"}"#,
        }
    }

    /// All of them; the one that stands for the changes that a world names says so in its address.
    #[cfg(test)]
    pub(super) fn all() -> Vec<Self> {
        let levers = Lever::ALL.iter().map(|(lever, _)| lever.clone());
        let levers = levers.chain([Lever::Own("{name}".to_owned())]);
        let own = [
            Self::SendAway,
            Self::Ask,
            Self::Keep,
            Self::Restore,
            Self::Network,
            Self::Websocket,
            Self::Socket,
            Self::Fault,
            Self::Mark,
            Self::App,
            Self::End,
        ];
        let edits = Edits::ALL.map(Self::World);
        levers.map(Self::Lever).chain(own).chain(edits).collect()
    }

    /// Those that change the data of a world.
    pub(crate) fn edits() -> [Self; 5] {
        Edits::ALL.map(Self::World)
    }

    /// Whether it changes the data of a world.
    pub(crate) fn is_edit(&self) -> bool {
        matches!(self, Self::World(_))
    }

    /// Why the contract leaves it nothing to move, if it does.
    pub(crate) fn pointless(&self, contract: &Contract) -> Option<String> {
        let feed = contract.realtime.as_ref();
        let what = match self {
            Self::Lever(Lever::Maintenance) if contract.kill_switch.is_none() => "kill-switch",
            Self::Lever(Lever::Push) if feed.is_none_or(|feed| feed.events.is_empty()) => "events",
            Self::Lever(Lever::DropSockets) | Self::Websocket | Self::Socket if feed.is_none() => {
                "live feed"
            }
            _ => return None,
        };
        Some(format!("the contract has no {what}"))
    }

    /// What is asked for by this body; none at all is an empty object.
    ///
    /// # Errors
    /// With what is wrong, and what it takes.
    pub(crate) fn read(&self, body: &[u8]) -> Result<Order, Refusal> {
        let switched = |change: fn(bool) -> Change| {
            let Switch { on } = self.parse(body)?;
            Ok(Order::Change(change(on)))
        };
        let done = |order: Order| {
            let Nothing {} = self.parse(body)?;
            Ok(order)
        };
        match self {
            Self::Lever(Lever::Maintenance) => switched(Change::Maintenance),
            Self::Lever(Lever::Backend) => {
                let Backend { service, running } = self.parse(body)?;
                // A configuration's `{service}` stands for all of them so.
                let service = service.filter(|service| service != ALL);
                Ok(Order::Change(Change::Backend { service, running }))
            }
            Self::Lever(Lever::Push) => {
                let Push { event, payload } = self.parse(body)?;
                Ok(Order::Change(Change::Push { event, payload }))
            }
            Self::Lever(Lever::Malform) => self.malform(body),
            Self::Lever(Lever::Own(name)) => done(Order::Change(Change::Own(name.clone()))),
            Self::Lever(Lever::ExpireTokens) => done(Order::Change(Change::ExpireTokens)),
            Self::Lever(Lever::DropSockets) => done(Order::Change(Change::DropSockets)),
            Self::SendAway => {
                let SendAway { user, connection } = self.parse(body)?;
                Ok(Order::SendAway { user, connection })
            }
            Self::Ask => {
                let Ask { event, args } = self.parse(body)?;
                Ok(Order::Ask { event, args })
            }
            Self::Keep => self.named(body).map(Order::Keep),
            Self::Restore => self.named(body).map(Order::Restore),
            Self::World(edits) => edits.read(body).map(Order::World),
            Self::Network => switched(Change::Network),
            Self::Websocket => switched(Change::Websocket),
            Self::Socket => switched(Change::Socket),
            Self::Fault => Ok(Order::Fault(self.parse(body)?)),
            Self::Mark => Ok(Order::Mark(self.parse(body)?)),
            Self::App => Ok(Order::App(self.parse(body)?)),
            Self::End => done(Order::End),
        }
    }

    fn malform(&self, body: &[u8]) -> Result<Order, Refusal> {
        let Malform { resource, class } = self.parse(body)?;
        let known = Malformed::ALL.iter().find(|(name, _)| *name == class);
        if known.is_none() && class != "good" {
            let names: Vec<&str> = Malformed::ALL.iter().map(|(name, _)| *name).collect();
            let why = format!("`as` is `good` or one of: {}", names.join(", "));
            return Err(Refusal(400, "bad-body", why));
        }
        let class = known.map(|(_, class)| *class);
        Ok(Order::Change(Change::Malform { resource, class }))
    }

    fn named(&self, body: &[u8]) -> Result<String, Refusal> {
        let Named { name } = self.parse(body)?;
        Ok(name)
    }

    fn parse<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Refusal> {
        let body = if body.trim_ascii().is_empty() {
            b"{}"
        } else {
            body
        };
        serde_json::from_slice(body).map_err(|error| self.misread(&error.to_string()))
    }

    /// What is said about a body that cannot be used.
    pub(crate) fn misread(&self, why: &str) -> Refusal {
        let (path, example) = (self.path(), self.example());
        let message = format!("{why}. POST {path} takes JSON like {example}");
        Refusal(400, "bad-body", message)
    }
}
