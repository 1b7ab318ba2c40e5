//! One foreign backend: the Node process on free ports, and its two files in a folder of their own.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Which backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// OAuth forms, opaque tokens, numbered pages, two origins and a proxy's path.
    Portfolio,
    /// ES256 tokens in a header, a cookie to renew them, offsets, WebSocket only.
    Fleet,
    /// One key, two lists.
    Notes,
}

impl Kind {
    /// Its folder under `tests/interop/backends`.
    fn folder(self) -> &'static str {
        match self {
            Self::Portfolio => "portfolio",
            Self::Fleet => "fleet",
            Self::Notes => "notes",
        }
    }

    /// The name of its target.
    fn target(self) -> &'static str {
        match self {
            Self::Portfolio => "folio",
            Self::Fleet => "fleet",
            Self::Notes => "notes",
        }
    }

    /// Its services, and the ports that its configuration has for them.
    fn ports(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Portfolio => &[("id", ":4101"), ("desk", ":4102"), ("ops", ":4103")],
            Self::Fleet => &[("auth", ":4201"), ("fleet", ":4202"), ("ops", ":4203")],
            Self::Notes => &[("notes", ":4301")],
        }
    }
}

/// What the backends and the configurations take from the environment.
const SECRETS: [(&str, &str); 7] = [
    ("FOLIO_WANDA", "larch-3"),
    ("FOLIO_PIET", "beech-5"),
    ("FOLIO_OPS", "hazel-7"),
    ("FLEET_NADIA", "quartz-9"),
    ("FLEET_OMAR", "basalt-1"),
    ("FLEET_OPS", "rowan-2"),
    ("NOTES_IDA", "opal-4"),
];

/// The running backend. It ends with this, and with the test process in any case.
pub(super) struct Backend {
    kind: Kind,
    child: Child,
    files: TempDir,
}

impl Backend {
    /// Starts it, and writes its files with the ports that it got.
    pub(super) fn start(kind: Kind, misbehaviour: Option<&str>) -> Self {
        let interop = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
        assert!(
            interop.join("node_modules/socket.io").is_dir(),
            "the real socket.io server is not installed: run `npm ci --prefix tests/interop`"
        );
        let home = interop.join("backends").join(kind.folder());
        let mut child = Command::new("node")
            .arg("server.mjs")
            .args(misbehaviour)
            .envs(SECRETS)
            .current_dir(&home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node 20 or later is needed to run the foreign backends");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let said: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("{kind:?} {misbehaviour:?} did not get ready: {line:?}"));

        let files = tempfile::tempdir().unwrap();
        copy(&home, files.path());
        let backend = Self { kind, child, files };
        let own = |service: &str| {
            let url = said["ready"][service].as_str().unwrap();
            let (_, rest) = url.rsplit_once(':').unwrap();
            rest.split('/').next().unwrap()
        };
        backend.configure(|config| with_ports(&config, kind, own));
        backend
    }

    /// Rewrites its configuration.
    pub(super) fn configure(&self, change: impl FnOnce(String) -> String) {
        let config = self.folder().join("rehearsal.toml");
        let changed = change(fs::read_to_string(&config).unwrap());
        fs::write(config, changed).unwrap();
    }

    /// Where its files are.
    pub(super) fn folder(&self) -> &Path {
        self.files.path()
    }

    /// The name of its target.
    pub(super) fn target(&self) -> &'static str {
        self.kind.target()
    }

    /// The command, where the files are and with the secrets that they name.
    pub(super) fn rehearsal(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehearsal"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("REHEARSAL_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(self.folder())
            .args(arguments)
            .envs(SECRETS);
        command
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Copies what rehearsal reads: everything but the programs.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let there = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&there).unwrap();
            copy(&path, &there);
        } else if path.extension().is_none_or(|kind| kind != "mjs") {
            fs::copy(&path, there).unwrap();
        }
    }
}

/// The configuration with the ports that the services got, put in in one pass: a port that was put in
/// may begin like one that is still to be looked for.
fn with_ports<'a>(config: &str, kind: Kind, own: impl Fn(&str) -> &'a str) -> String {
    let ports = kind.ports();
    for (_, port) in ports {
        assert!(config.contains(port), "{port} is not in {config}");
    }
    let mut pieces = config.split(':');
    let mut written = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        let (port, rest) = piece.split_at(digits);
        let service = ports.iter().find(|(_, known)| known[1..] == *port);
        let port = service.map_or(port, |(service, _)| own(service));
        written.extend([":", port, rest]);
    }
    written
}

#[test]
fn a_port_that_begins_like_another_is_not_mistaken_for_it() {
    let config = "a = \"http://h:4201\"\nb = \"http://h:4202/api\"\nc = \"http://h:4203\"";
    let own = |service: &str| match service {
        "auth" => "42029",
        "fleet" => "42031",
        _ => "37163",
    };
    assert_eq!(
        with_ports(config, Kind::Fleet, own),
        "a = \"http://h:42029\"\nb = \"http://h:42031/api\"\nc = \"http://h:37163\""
    );
}
