//! Real routers, each of which says whether a request reached a forbidden endpoint.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rehearsal::internals::domain::contract::{Contract, RequestPattern};
use rehearsal::internals::mock::{Defects, Mock, Pages, Settings};
use rehearsal::internals::net::{Clock, Endpoint, Net};
use rehearsal::internals::suite::{Source, read_world};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a router may take for one answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The paths that the corpus puts before its endpoints.
const BASES: [&str; 2] = ["", "/backend"];

/// Every router. They end with this.
pub(super) struct Routers {
    pub(super) all: Vec<Router>,
    _node: Node,
    _nginx: Nginx,
}

/// One router.
pub(super) struct Router {
    pub(super) name: String,
    place: Place,
}

enum Place {
    Tcp(u16),
    Unix(PathBuf),
    /// The mock says nothing in its answers; it counts.
    Mock(Box<Counting>),
}

impl Router {
    /// The forbidden endpoint that these bytes reach, if they do.
    pub(super) fn reaches(&self, request: &[u8]) -> Option<String> {
        let answer = match &self.place {
            Place::Tcp(port) => exchange(TcpStream::connect(("127.0.0.1", *port)), request),
            Place::Unix(path) => exchange(UnixStream::connect(path), request),
            Place::Mock(mock) => return mock.reaches(request),
        };
        let head = answer.split("\r\n\r\n").next().unwrap_or_default();
        head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("x-reached")
                .then(|| value.to_owned())
        })
    }
}

/// Sends bytes and reads whatever comes back until the router closes.
fn exchange<S: Read + Write + Timed>(stream: std::io::Result<S>, request: &[u8]) -> String {
    let mut stream = stream.expect("the router listens");
    stream.give_up_after(PATIENCE);
    let mut answer = Vec::new();
    // A router may refuse the bytes before it has read them all.
    let _ = stream.write_all(request);
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

trait Timed {
    fn give_up_after(&self, time: Duration);
}

impl Timed for TcpStream {
    fn give_up_after(&self, time: Duration) {
        self.set_read_timeout(Some(time)).unwrap();
    }
}

impl Timed for UnixStream {
    fn give_up_after(&self, time: Duration) {
        self.set_read_timeout(Some(time)).unwrap();
    }
}

/// Starts every router for the forbidden endpoints of a contract.
pub(super) fn routers(contract: &Arc<Contract>) -> Routers {
    let node = Node::start(contract);
    let nginx = Nginx::start(contract, node.port("express"));
    let mut all: Vec<Router> = node
        .ports
        .iter()
        .map(|(name, port)| Router {
            name: name.clone(),
            place: Place::Tcp(*port),
        })
        .collect();
    all.extend(Nginx::SITES.iter().map(|site| Router {
        name: (*site).to_owned(),
        place: Place::Unix(nginx.socket(site)),
    }));
    all.push(Router {
        name: "the mock".to_owned(),
        place: Place::Mock(Box::new(Counting::start(contract))),
    });
    Routers {
        all,
        _node: node,
        _nginx: nginx,
    }
}

/// The process that holds Express and the parsers.
struct Node {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    ports: Vec<(String, u16)>,
}

impl Node {
    fn start(contract: &Contract) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
        assert!(
            folder.join("node_modules/express").is_dir(),
            "Express is not installed: run `npm ci --prefix tests/interop`"
        );
        let forbidden: Vec<[String; 2]> = contract
            .scope
            .forbid
            .iter()
            .map(|own| {
                let method = own.method.clone().unwrap_or_else(|| "*".to_owned());
                [method, own.path.to_string()]
            })
            .collect();
        let mut child = Command::new("node")
            .arg("evasion.mjs")
            .arg(json!({"forbidden": forbidden, "bases": BASES}).to_string())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node 20 or later is needed to run Express");
        let stdin = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let ports = ready["ready"].as_object().unwrap().iter();
        let ports = ports
            .map(|(name, port)| {
                let port = u16::try_from(port.as_u64().unwrap()).unwrap();
                (name.clone(), port)
            })
            .collect();
        Self {
            child,
            stdin,
            lines,
            ports,
        }
    }

    fn port(&self, name: &str) -> u16 {
        let (_, port) = self.ports.iter().find(|(own, _)| own == name).unwrap();
        *port
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The real parsers of Engine.IO and Socket.IO.
pub(super) struct Parsers(Node);

/// What they find in a polling body.
#[derive(Deserialize)]
pub(super) struct Found {
    /// Namespace and name of each event.
    pub(super) events: Vec<(String, String)>,
    /// The namespaces that are joined.
    pub(super) joins: Vec<String>,
}

impl Parsers {
    pub(super) fn start(contract: &Contract) -> Self {
        Self(Node::start(contract))
    }

    pub(super) fn read(&mut self, body: &str) -> Found {
        writeln!(self.0.stdin, "{}", json!({"body": body})).unwrap();
        serde_json::from_str(&self.0.lines.next().unwrap().unwrap()).unwrap()
    }
}

/// nginx with one site that routes by its own locations and two that pass on to Express.
struct Nginx {
    child: Child,
    folder: TempDir,
}

impl Nginx {
    const SITES: [&str; 3] = [
        "nginx",
        "nginx before express",
        "nginx before express, with a path of its own",
    ];

    fn start(contract: &Contract, express: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        fs::write(at.join("nginx.conf"), configuration(contract, at, express)).unwrap();
        let mut child = Command::new("nginx")
            .arg("-p")
            .arg(at)
            .arg("-c")
            .arg(at.join("nginx.conf"))
            .args(["-e", "stderr"])
            .stderr(Stdio::piped())
            .spawn()
            .expect("nginx is needed: `apt-get install nginx-light`, or the like");
        // The process is there before its sockets are: it says so when it is ready.
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let ready = lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.contains("start worker") || line.contains("[emerg]"));
        assert!(
            ready.as_ref().is_some_and(|line| !line.contains("[emerg]")),
            "nginx does not start: {ready:?}"
        );
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, folder }
    }

    fn socket(&self, site: &str) -> PathBuf {
        socket(self.folder.path(), site)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let _ = self.child.wait();
    }
}

fn socket(folder: &Path, site: &str) -> PathBuf {
    folder.join(format!("{}.sock", site.replace([' ', ','], "-")))
}

fn configuration(contract: &Contract, folder: &Path, express: u16) -> String {
    let [own, raw, normal] = Nginx::SITES.map(|site| socket(folder, site).display().to_string());
    let locations: String = contract.scope.forbid.iter().map(location).collect();
    let folder = folder.display();
    format!(
        "daemon off;\nworker_processes 1;\npid {folder}/pid;\nerror_log stderr notice;\n\
         events {{ worker_connections 64; }}\n\
         http {{\n access_log off;\n client_body_temp_path {folder}/body;\n \
         proxy_temp_path {folder}/proxy;\n ignore_invalid_headers off;\n\
         server {{\n listen unix:{own};\n{locations} location / {{ return 404; }}\n}}\n\
         server {{\n listen unix:{raw};\n location / {{ proxy_pass http://127.0.0.1:{express}; }}\n}}\n\
         server {{\n listen unix:{normal};\n location / {{ proxy_pass http://127.0.0.1:{express}/; }}\n}}\n}}\n"
    )
}

/// A forbidden endpoint as a location, in any case: the widest that an operator may write.
fn location(pattern: &RequestPattern) -> String {
    let path = pattern.path.to_string();
    let path = match path.strip_suffix("/**") {
        Some(root) => format!("{root}(/.*)?"),
        None => format!("{path}/?"),
    };
    let segments = path.split('/').map(|segment| {
        if segment.starts_with('{') {
            "[^/]+"
        } else {
            segment
        }
    });
    let path = segments.collect::<Vec<_>>().join("/");
    let reached = format!("add_header x-reached \"{pattern}\" always; return 200;");
    let body = match &pattern.method {
        Some(method) => {
            format!("if ($request_method = {method}) {{ {reached} }} return 404;")
        }
        None => reached,
    };
    let base = BASES.join("|");
    format!(" location ~* \"^({base}){path}$\" {{ {body} }}\n")
}

/// The mock on its own thread.
struct Counting {
    mock: Mock,
    port: u16,
    runtime: tokio::runtime::Runtime,
}

impl Counting {
    fn start(contract: &Arc<Contract>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let Ok(source) = Source::read(&crate::corpus::fixture("world.yaml"), "world") else {
            panic!("the corpus' world cannot be read");
        };
        let Ok(world) = read_world(&source, contract) else {
            panic!("the corpus' world is not valid");
        };
        let mock = runtime
            .block_on(async {
                Mock::start(Settings {
                    contract: Arc::clone(contract),
                    world: Arc::new(world),
                    clock: Clock::real_time(),
                    net: Net::Real,
                    listeners: BTreeMap::new(),
                    pages: Pages::Ignored,
                    secured: None,
                    faults: None,
                    live: false,
                    seed: 1,
                    defects: Defects::none(),
                })
            })
            .unwrap();
        let Some(Endpoint::Tcp(address)) = mock.endpoint("trading") else {
            panic!("the mock listens on TCP");
        };
        Self {
            port: address.port(),
            mock,
            runtime,
        }
    }

    fn reaches(&self, request: &[u8]) -> Option<String> {
        let before = self.mock.forbidden_calls();
        let request = request.to_owned();
        let port = self.port;
        self.runtime.block_on(async move {
            let asked = tokio::task::spawn_blocking(move || {
                exchange(TcpStream::connect(("127.0.0.1", port)), &request)
            });
            let _ = asked.await;
        });
        (self.mock.forbidden_calls() > before).then(|| "a forbidden endpoint".to_owned())
    }
}
