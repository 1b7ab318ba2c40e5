//! The real server of npm, on a free port.

use std::ops::{Deref, DerefMut};

use serde_json::Value;

use super::script::Script;

/// The running server.
pub(super) struct Node {
    script: Script,
    pub(super) port: u16,
}

impl Node {
    /// Starts a server with these options of `socket.io`.
    pub(super) async fn start(options: &Value) -> Self {
        let mut script = Script::start("server.mjs", options);
        let ready = script.says("ready").await;
        let port = u16::try_from(ready["port"].as_u64().unwrap()).unwrap();
        Self { script, port }
    }
}

impl Deref for Node {
    type Target = Script;

    fn deref(&self) -> &Script {
        &self.script
    }
}

impl DerefMut for Node {
    fn deref_mut(&mut self) -> &mut Script {
        &mut self.script
    }
}
