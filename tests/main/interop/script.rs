//! A Node process: commanded over stdin, listened to on stdout, one JSON value a line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

/// How long anything may take, the start of Node included, on a machine that is very busy. Only
/// what hangs for good comes to feel it.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// A running script of `tests/interop`. It ends with this, and with the test process in any case.
pub(super) struct Script {
    child: Child,
    stdin: ChildStdin,
    lines: mpsc::UnboundedReceiver<Value>,
    heard: Vec<Value>,
    taken: usize,
    marks: u64,
}

impl Script {
    /// Starts a script with this argument. The first thing that it says is `ready`.
    pub(super) fn start(file: &str, argument: &Value) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
        for package in ["socket.io", "socket.io-client"] {
            assert!(
                folder.join("node_modules").join(package).is_dir(),
                "the real {package} is not installed: run `npm ci --prefix tests/interop`"
            );
        }
        let mut child = Command::new("node")
            .arg(file)
            .arg(argument.to_string())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node 20 or later is needed to run the real peers");
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
        Self {
            child,
            stdin,
            lines,
            heard: Vec::new(),
            taken: 0,
            marks: 0,
        }
    }

    /// Gives a command.
    #[expect(clippy::needless_pass_by_value, reason = "called with `json!`")]
    pub(super) fn tell(&mut self, command: Value) {
        writeln!(self.stdin, "{command}").unwrap();
    }

    /// Waits until it says something under this key, and returns it. What it says under
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

    /// Waits until something of this name has been said under this key at any time.
    pub(super) async fn ever(&mut self, key: &str, name: &str) {
        let wanted = |line: &Value| line.get(key).is_some_and(|news| news["name"] == name);
        while !self.heard.iter().any(wanted) {
            self.hear(key).await;
        }
    }

    /// Everything that it has said under this key so far. Asks for a mark and waits for it, because
    /// what a client has heard over its socket may overtake what is said here.
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

    /// Everything that it has said and that was heard so far.
    pub(super) fn lines(&self) -> &[Value] {
        &self.heard
    }

    /// Waits for one more thing that it says.
    pub(super) async fn hear(&mut self, key: &str) {
        match tokio::time::timeout(PATIENCE, self.lines.recv()).await {
            Ok(Some(line)) => self.heard.push(line),
            Ok(None) => panic!("the script ended; it had said {:?}", self.heard),
            Err(_) => panic!("the script never said {key:?}, but {:?}", self.heard),
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
