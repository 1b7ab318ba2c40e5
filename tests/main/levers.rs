//! What is switched at a target is put back, however the process ends that switched it.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use serde_json::Value;

use crate::local::Mock;

mod commands;

const RUN: [&str; 5] = ["run", "--target", "local", "--suite", "."];

/// Switches and stops all there is, and stays so until somebody ends it.
const SWITCHES: &str = "\
name: Everything is switched and stays so
steps:
  - do: launch
  - set: { maintenance: on }
  - set: { backend: { trading: stopped } }
  - do: { wait: 10m }
";

/// A suite with that one scenario, and a target whose levers are a mock's, moved by HTTP through a relay.
struct Target {
    folder: tempfile::TempDir,
    mock: Mock,
    news: Receiver<News>,
    tell: Sender<News>,
    stopped: Arc<AtomicBool>,
    relay: String,
}

/// What a test waits for.
enum News {
    Call(Call),
    /// A process has ended.
    Ended,
}

/// A call of an operator on its way to the mock. It goes on once this is let go of.
struct Call {
    go_on: Sender<()>,
    over: Receiver<()>,
}

impl Call {
    /// Lets it go on, and waits until it was answered or nobody was left to be answered.
    fn passes(self) {
        drop(self.go_on);
        // The relay lets go of the other end.
        let _ = self.over.recv();
    }
}

/// Passes calls on, and tells of each before it does. Where nobody listens any more it just passes them.
/// Whether services run it keeps to itself: a port that is really closed may be anybody's when it is to
/// be opened again.
fn relay(to: String, tell: Sender<News>, stopped: Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (tell, to, stopped) = (tell.clone(), to.clone(), stopped.clone());
            thread::spawn(move || pass_on(stream.unwrap(), &tell, &to, &stopped));
        }
    });
    authority
}

fn pass_on(mut client: TcpStream, tell: &Sender<News>, to: &str, stopped: &AtomicBool) {
    let request = message(&mut client);
    if request.is_empty() {
        return;
    }
    let ((go_on, wait), (end, over)) = (channel(), channel::<()>());
    let _ = tell.send(News::Call(Call { go_on, over }));
    // Whoever lets go of the other end lets it go on.
    let _ = wait.recv();
    let text = String::from_utf8_lossy(&request).into_owned();
    let answer = if text.starts_with("POST /backend ") {
        stopped.store(text.contains(r#""running":false"#), Ordering::SeqCst);
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec()
    } else {
        let mut mock = TcpStream::connect(to).unwrap();
        mock.write_all(&request).unwrap();
        message(&mut mock)
    };
    // Whoever asked may be gone.
    let _ = client.write_all(&answer);
    drop(end);
}

/// One message of HTTP, to the end of its body.
fn message(stream: &mut TcpStream) -> Vec<u8> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lengths = head
                .lines()
                .filter_map(|line| line.strip_prefix("content-length: "));
            let length = { lengths }
                .next_back()
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return bytes;
            }
        }
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => bytes.extend_from_slice(&buffer[..read]),
            _ => return bytes,
        }
    }
}

impl Target {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let copy = |from: &str, to: &str| {
            fs::copy(root.join(from), folder.path().join(to)).unwrap();
        };
        copy("scenarios/contract.yaml", "contract.yaml");
        copy("fixtures/world.yaml", "world.yaml");
        fs::write(folder.path().join("switches.yaml"), SWITCHES).unwrap();
        let mock = Mock::start(folder.path());
        let (tell, news) = channel();
        let stopped = Arc::new(AtomicBool::new(false));
        let relay = relay(authority(&mock).to_owned(), tell.clone(), stopped.clone());
        let own = Self {
            folder,
            mock,
            news,
            tell,
            stopped,
            relay: format!("http://{relay}"),
        };
        own.configure(&own.relay);
        own
    }

    /// Lets the levers be moved at an operator's API.
    fn configure(&self, operator: &str) {
        let mock = &self.mock;
        let config = format!(
            r#"
[targets.local.services]
platform = "{}"
trading = "{}"

[targets.local.levers]
maintenance.on = {{ request = "POST {operator}/maintenance", json = {{ on = true }} }}
maintenance.off = {{ request = "POST {operator}/maintenance", json = {{ on = false }} }}
backend.stop = {{ request = "POST {operator}/backend", json = {{ service = "{{service}}", running = false }} }}
backend.start = {{ request = "POST {operator}/backend", json = {{ service = "{{service}}", running = true }} }}
"#,
            mock.url("/services/platform"),
            mock.url("/services/trading"),
        );
        fs::write(self.folder.path().join("rehearsal.toml"), config).unwrap();
    }

    fn rehearsal(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehearsal"));
        command.current_dir(self.folder.path()).args(words);
        command
    }

    fn run(&self) -> Child {
        let mut command = self.rehearsal(&RUN);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// What the mock's operator API answers.
    fn asked(&self, line: &str, body: &str) -> Value {
        let authority = authority(&self.mock);
        let mut stream = TcpStream::connect(authority).unwrap();
        let length = body.len();
        write!(
            stream,
            "{line} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    fn is_switched(&self) -> bool {
        self.asked("GET /state", "")["maintenance"] == true
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    fn is_as_it_was(&self) -> bool {
        !self.is_switched() && !self.is_stopped()
    }

    /// The next call that comes.
    fn call(&self) -> Call {
        match self.news.recv().unwrap() {
            News::Call(call) => call,
            News::Ended => unreachable!("nobody waits for an end"),
        }
    }

    /// Waits until everything is switched, which takes two calls, and lets whatever comes next pass.
    fn switched(&self) {
        for _ in 0..2 {
            self.call().passes();
        }
        assert!(self.is_switched() && self.is_stopped());
    }

    /// What the next command comes to, while all of its calls pass.
    fn ends(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let mut command = self.rehearsal(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.end_of(command.spawn().unwrap())
    }

    /// What a process comes to, while all of its calls pass.
    fn end_of(&self, child: Child) -> (Option<i32>, String, String) {
        let tell = self.tell.clone();
        let waiting = thread::spawn(move || {
            let output = child.wait_with_output().unwrap();
            tell.send(News::Ended).unwrap();
            output
        });
        while let News::Call(call) = self.news.recv().unwrap() {
            call.passes();
        }
        text(waiting.join().unwrap())
    }

    /// The lease files that are left.
    fn leases(&self) -> Vec<String> {
        let files = fs::read_dir(self.folder.path().join(".rehearsal/leases"));
        // A process that was ended early enough has not made the folder.
        let names = files
            .into_iter()
            .flatten()
            .map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".lease")).collect()
    }
}

fn authority(mock: &Mock) -> &str {
    mock.url("/operator").strip_prefix("http://").unwrap()
}

fn signal(child: &Child, name: &str) {
    let told = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status();
    assert!(told.unwrap().success());
}

fn text(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code();
    (code, text(output.stdout), text(output.stderr))
}

#[test]
fn whoever_asks_a_run_to_end_finds_the_target_as_it_was() {
    for name in ["INT", "TERM", "HUP"] {
        let target = Target::start();
        let child = target.run();
        target.switched();
        signal(&child, name);
        let (code, _, err) = target.end_of(child);
        assert_eq!(code, Some(3), "{name}: {err}");
        assert!(target.is_as_it_was(), "{name}: {err}");
        assert!(!err.contains("still switched"), "{name}: {err}");
        assert_eq!(target.leases(), [""; 0], "{name}");
    }
}

/// A run that was killed when it had switched everything.
fn killed() -> (Target, u32) {
    let target = Target::start();
    let mut child = target.run();
    target.switched();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(target.is_switched() && target.is_stopped());
    let pid = child.id();
    (target, pid)
}

#[test]
fn what_a_killed_run_leaves_is_listed_and_put_back() {
    let (target, pid) = killed();
    let (code, out, _) = target.ends(&["levers"]);
    assert_eq!(code, Some(0));
    let left = format!("left switched by process {pid}");
    assert!(out.contains(&left), "{out}");
    assert!(
        out.contains("maintenance on, backend trading stopped"),
        "{out}"
    );

    let (code, out, err) = target.ends(&["levers", "restore"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("put back at local"), "{out}");
    assert!(target.is_as_it_was());
    assert_eq!(target.leases(), [""; 0]);

    let (code, out, err) = target.ends(&["levers", "restore"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("nothing is left switched"), "{out}");
}

#[test]
fn the_next_run_puts_back_first_what_a_killed_one_left() {
    let (target, _) = killed();
    // It has nothing to play, and needs no more to settle.
    let nothing = "name: Nothing\nsteps:\n  - do: launch\n";
    fs::write(target.folder.path().join("switches.yaml"), nothing).unwrap();
    let (_, _, err) = target.ends(&RUN);
    assert!(
        err.contains("put back at local: maintenance on, backend trading stopped"),
        "{err}"
    );
    assert!(target.is_as_it_was());
    assert_eq!(target.leases(), [""; 0]);
}

/// Where a process is when a signal comes: before, while or after each of its calls moves a lever.
#[test]
fn ended_at_any_moment_a_run_leaves_nothing_that_is_not_put_back() {
    for name in ["INT", "TERM", "HUP", "KILL"] {
        let target = Target::start();
        for moment in 0..4 {
            // Nothing waits for what a process that was killed had just sent.
            if name == "KILL" && moment == 1 {
                continue;
            }
            let mut child = target.run();
            for _ in 0..moment / 2 {
                target.call().passes();
            }
            let call = target.call();
            let call = match moment % 2 {
                // What is on its way moves the lever when nobody waits for it any more.
                0 => Some(call),
                _ => {
                    call.passes();
                    None
                }
            };
            signal(&child, name);
            if name == "KILL" {
                child.wait().unwrap();
            }
            if let Some(call) = call {
                call.passes();
            }
            target.end_of(child);
            let (code, out, err) = target.ends(&["levers", "restore"]);
            assert_eq!(code, Some(0), "{name} {moment}: {out}{err}");
            assert!(target.is_as_it_was(), "{name} {moment}: {out}{err}");
            assert_eq!(target.leases(), [""; 0], "{name} {moment}");
        }
    }
}

#[test]
fn a_target_is_played_by_one_run_at_a_time() {
    let target = Target::start();
    let first = target.run();
    target.switched();
    let (code, _, err) = target.ends(&RUN);
    assert_eq!(code, Some(3), "{err}");
    let by = format!("the target `local` is in use by process {}", first.id());
    assert!(err.contains(&by), "{err}");
    assert!(
        target.is_switched(),
        "the second run has put back the first one's"
    );
    let (code, _, err) = target.ends(&["levers", "restore"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains(&by), "{err}");
    signal(&first, "INT");
    target.end_of(first);
}

#[test]
fn what_cannot_be_put_back_is_said_and_kept() {
    let (target, _) = killed();
    // Nobody listens there.
    target.configure("http://127.0.0.1:9");
    for words in [&["levers", "restore"][..], &RUN] {
        let (code, _, err) = target.ends(words);
        assert_eq!(code, Some(3), "{err}");
        assert!(err.contains("could not be put back"), "{err}");
        assert_eq!(target.leases().len(), 1);
    }
    target.configure(&target.relay);
    let (code, _, err) = target.ends(&["levers", "restore"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(target.is_as_it_was());
}

#[test]
fn a_target_that_somebody_else_has_switched_is_not_played() {
    let target = Target::start();
    target.asked("POST /maintenance", r#"{"on": true}"#);
    let (code, _, err) = target.ends(&RUN);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("in maintenance already"), "{err}");
    assert!(target.is_switched());
}

#[test]
fn a_lease_that_cannot_be_read_is_named_with_its_line() {
    let target = Target::start();
    let leases = target.folder.path().join(".rehearsal/leases");
    fs::create_dir_all(&leases).unwrap();
    let first = r#"{"lease":{"version":1,"by":{"pid":1,"since":1}}}"#;
    fs::write(leases.join("local.1-1.lease"), format!("{first}\n{{}}\n")).unwrap();
    let (code, _, err) = target.ends(&["levers", "restore"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(
        err.contains("line 2 of") && err.contains("local.1-1.lease"),
        "{err}"
    );
}

#[test]
fn a_lease_that_cannot_be_kept_hinders_only_what_has_to_be_put_back() {
    let target = Target::start();
    let nothing = "name: Nothing\nsteps:\n  - do: launch\n";
    fs::write(target.folder.path().join("switches.yaml"), nothing).unwrap();
    fs::write(target.folder.path().join(".rehearsal"), "in the way").unwrap();
    let (code, _, err) = target.ends(&RUN);
    assert_eq!(code, Some(3), "{err}");
    assert!(
        err.contains("cannot be kept") && err.contains("`state`"),
        "{err}"
    );

    let file = target.folder.path().join("rehearsal.toml");
    let config = fs::read_to_string(&file).unwrap();
    let without = config.split("[targets.local.levers]").next().unwrap();
    fs::write(&file, without).unwrap();
    let (code, _, err) = target.ends(&RUN);
    assert!(err.contains("nobody else is kept from the target"), "{err}");
    assert_ne!(code, Some(3), "{err}");
}
