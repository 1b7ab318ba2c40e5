//! The Node process: started on a free port, commanded over stdin, listened to on stdout.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

/// How long anything may take on a machine that is very busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The running server. It ends with this, and with the test process in any case.
pub(super) struct Node {
    child: Child,
    stdin: ChildStdin,
    lines: mpsc::UnboundedReceiver<Value>,
    heard: Vec<Value>,
    taken: usize,
    marks: u64,
    pub(super) port: u16,
}

impl Node {
    /// Starts a server with these options of `socket.io`.
    pub(super) async fn start(options: &Value) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
        assert!(
            folder.join("node_modules/socket.io").is_dir(),
            "the real socket.io server is not installed: run `npm ci --prefix tests/interop`"
        );
        let mut child = Command::new("node")
            .arg("server.mjs")
            .arg(options.to_string())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node 20 or later is needed to run the real socket.io server");
        let stdin = child.stdin.take().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (heard, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if heard.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        let mut node = Self {
            child,
            stdin,
            lines,
            heard: Vec::new(),
            taken: 0,
            marks: 0,
            port: 0,
        };
        let ready = node.says("ready").await;
        node.port = u16::try_from(ready["port"].as_u64().unwrap()).unwrap();
        node
    }

    /// Gives a command.
    #[expect(clippy::needless_pass_by_value, reason = "called with `json!`")]
    pub(super) fn tell(&mut self, command: Value) {
        writeln!(self.stdin, "{command}").unwrap();
    }

    /// Waits until the server says something under this key, and returns it. What it says under
    /// other keys before is passed over.
    pub(super) async fn says(&mut self, key: &str) -> Value {
        loop {
            while self.taken < self.heard.len() {
                self.taken += 1;
                if let Some(value) = self.heard[self.taken - 1].get(key) {
                    return value.clone();
                }
            }
            self.hear(key).await;
        }
    }

    /// Everything that it has said under this key so far. Asks for a mark and waits for it, because
    /// what a client has heard over its socket may overtake what the server says here.
    pub(super) async fn said(&mut self, key: &str) -> Vec<Value> {
        self.marks += 1;
        let mark = json!({"mark": self.marks});
        self.tell(json!({"do": "mark", "n": self.marks}));
        while self.heard.last() != Some(&mark) {
            self.hear(key).await;
        }
        let said = self.heard.iter().filter_map(|line| line.get(key));
        said.cloned().collect()
    }

    async fn hear(&mut self, key: &str) {
        match tokio::time::timeout(PATIENCE, self.lines.recv()).await {
            Ok(Some(line)) => self.heard.push(line),
            Ok(None) => panic!("the server ended; it had said {:?}", self.heard),
            Err(_) => panic!("the server never said {key:?}, but {:?}", self.heard),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
