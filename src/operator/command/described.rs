//! What each command does, and what it takes, for whoever reads the API's description.

use serde_json::{Value, json};

use super::Command;
use crate::domain::change::Lever;
use crate::domain::malformed::Malformed;

impl Command {
    /// What it does, in a sentence without its full stop.
    pub(in crate::operator) fn summary(&self) -> &'static str {
        match self {
            Self::Lever(Lever::Maintenance) => "Moves the kill-switch",
            Self::Lever(Lever::Backend) => "Stops or starts one service, or all of them",
            Self::Lever(Lever::Push) => {
                "Emits an event to everybody who listens, with this payload or with one made up"
            }
            Self::Lever(Lever::Malform) => {
                "Answers a resource with bad data of one class, or with good data again"
            }
            Self::Lever(Lever::ExpireTokens) => "Ends every access token that was handed out",
            Self::Lever(Lever::DropSockets) => "Cuts every socket without a word",
            Self::Lever(Lever::Own(_)) => "Makes a change that the world names",
            Self::SendAway => "Sends the sockets of one user away, or those of everybody",
            Self::Ask => "Emits an event and waits for its acknowledgements",
            Self::Keep => "Keeps the world as it is, under a name",
            Self::Restore => "Has a world again that was kept",
            Self::World(edits) => edits.summary(),
            Self::Network => "Takes the app's network away, or gives it back",
            Self::Websocket => "Refuses WebSocket, or lets it through",
            Self::Socket => "Keeps the live feed back, or lets it through",
            Self::Fault => "Switches a fault for some requests, in the words of a scenario",
            Self::Mark => "Writes into the journal what the user did",
            Self::App => "Writes into the journal what the app shows",
            Self::End => "Ends the session, and answers with the verdict",
        }
    }

    /// Whether it needs to be said how.
    pub(in crate::operator) fn needs_body(&self) -> bool {
        let required = &self.schema()["required"];
        required.as_array().is_some_and(|names| !names.is_empty())
    }

    /// What a body looks like.
    pub(in crate::operator) fn schema(&self) -> Value {
        let text = json!({ "type": "string" });
        let or_none = json!({ "type": ["string", "null"] });
        let switch = json!({ "type": "boolean" });
        match self {
            Self::Lever(Lever::Maintenance) | Self::Network | Self::Websocket | Self::Socket => {
                object(&["on"], json!({ "on": switch }))
            }
            Self::Lever(Lever::Backend) => {
                let properties = json!({ "service": or_none, "running": switch });
                object(&["running"], properties)
            }
            Self::Lever(Lever::Push) => object(&["event"], json!({ "event": text, "payload": {} })),
            Self::Lever(Lever::Malform) => {
                let classes = Malformed::ALL.iter().map(|(name, _)| *name);
                let classes: Vec<&str> = classes.chain(["good"]).collect();
                let properties = json!({ "resource": text, "as": { "enum": classes } });
                object(&["resource", "as"], properties)
            }
            Self::Lever(Lever::ExpireTokens | Lever::DropSockets | Lever::Own(_)) | Self::End => {
                object(&[], json!({}))
            }
            Self::SendAway => object(&[], json!({ "user": or_none, "connection": switch })),
            Self::Ask => {
                let args = json!({ "type": "array", "items": {} });
                object(&["event"], json!({ "event": text, "args": args }))
            }
            Self::Keep | Self::Restore => object(&["name"], json!({ "name": text })),
            Self::World(edits) => edits.schema(),
            Self::Fault => {
                let mut schema = object(&["on"], json!({ "on": {}, "off": { "const": true } }));
                // What a fault can be stands in the schema of scenarios.
                schema["additionalProperties"] = true.into();
                schema
            }
            Self::Mark => {
                let mut schema = object(&["act"], json!({ "act": text }));
                schema["additionalProperties"] = true.into();
                schema
            }
            Self::App => json!({ "type": "object" }),
        }
    }
}

pub(super) fn object(required: &[&str], properties: Value) -> Value {
    json!({
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": false,
    })
}
