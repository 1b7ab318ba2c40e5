//! The tutorial's transcript: each line of it is typed in one folder, and prints what stands below it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};

use serde_json::Value;

use super::commands::rehearsal;
use super::ports::Reserved;
use super::sources::root;

/// A command of the transcript, and the lines that it is said to print.
struct Typed {
    line: String,
    printed: Vec<String>,
}

/// A proxy that goes on while others talk to it.
struct Served {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_tutorial_prints_what_it_says() {
    let text = fs::read_to_string(root().join("docs/TUTORIAL.md")).unwrap();
    // The tutorial's ports may be somebody's.
    let reserved = [(); 2].map(|()| Reserved::new());
    let [backend, control] = reserved.each_ref().map(|own| own.port().to_string());
    let text = text.replace("4110", &backend).replace("4100", &control);
    let folder = tempfile::tempdir().unwrap();
    let mut served = None;
    let mut answer = String::new();
    let mut token = String::new();
    let mut seen = BTreeSet::new();
    for (kind, block) in blocks(&text) {
        match kind.as_str() {
            "yaml" => write(folder.path(), &block),
            "console" => {
                for Typed { line, printed } in typed(&block) {
                    let line = line.replace("$TOKEN", &token);
                    let words = words(&line);
                    seen.insert(words[0].clone());
                    if words[0].starts_with("TOKEN=") {
                        let said: Value = serde_json::from_str(&answer).unwrap();
                        token = said["access"].as_str().unwrap().to_owned();
                        continue;
                    }
                    answer = match (words[0].as_str(), words[1].as_str()) {
                        ("rehearsal", "proxy") => {
                            let (own, told) = serve(folder.path(), &words[1..]);
                            served = Some(own);
                            told
                        }
                        ("rehearsal", _) => play(folder.path(), &words[1..]),
                        ("curl", _) => ask(&words[1..]),
                        other => panic!("{other:?} is nothing that the test can type"),
                    };
                    holds(&line, &printed, &answer);
                }
            }
            // What the proxy says in the end.
            "text" => {
                let Served { child, out } = served.as_mut().unwrap();
                let mut told = String::new();
                out.read_to_string(&mut told).unwrap();
                assert_eq!(child.wait().unwrap().code(), Some(5), "{told}");
                let printed: Vec<String> = block.lines().map(str::to_owned).collect();
                holds("the proxy's report", &printed, &told);
            }
            other => panic!("{other} is no kind of block that the test knows"),
        }
    }
    assert!(seen.len() == 3 && !token.is_empty(), "{seen:?}");
}

/// The fenced blocks, with their kinds.
fn blocks(text: &str) -> Vec<(String, String)> {
    let fences = text.split("\n```").skip(1).step_by(2);
    let own = fences.map(|fence| fence.split_once('\n').unwrap());
    own.map(|(kind, block)| (kind.to_owned(), block.to_owned()))
        .collect()
}

fn typed(block: &str) -> Vec<Typed> {
    let mut all: Vec<Typed> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), all.last_mut()) {
            (Some(line), _) => all.push(Typed {
                line: line.to_owned(),
                printed: Vec::new(),
            }),
            (None, Some(last)) => last.printed.push(line.to_owned()),
            (None, None) => panic!("{line} is printed by no command"),
        }
    }
    all
}

/// The words of a line, as a shell splits them.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for own in line.chars() {
        match (own, quote) {
            (' ', None) => words.push(String::new()),
            ('"' | '\'', None) => quote = Some(own),
            (_, Some(open)) if own == open => quote = None,
            _ => words.last_mut().unwrap().push(own),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Writes a file that names itself in its first line.
fn write(folder: &Path, block: &str) {
    let name = block.lines().next().unwrap().trim_start_matches("# ");
    fs::write(folder.join(name), block).unwrap();
}

fn play(folder: &Path, words: &[String]) -> String {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = rehearsal(folder, &words).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Starts a command that goes on, and waits for the line that says that it is ready.
fn serve(folder: &Path, words: &[String]) -> (Served, String) {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = rehearsal(folder, &words);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let mut served = Served { child, out };
    let mut told = String::new();
    while !told.contains("ready;") {
        let read = served.out.read_line(&mut told).unwrap();
        assert!(read > 0, "it ended before it was ready:\n{told}");
    }
    (served, told)
}

/// What `curl` does, as far as the tutorial needs it.
fn ask(words: &[String]) -> String {
    let after = |flag: &str| {
        let at = words.iter().position(|word| word == flag)?;
        words.get(at + 1).map(String::as_str)
    };
    let (host, path) = words[0].split_once('/').unwrap();
    let (method, body) = match after("--json") {
        Some(body) => ("POST", body),
        None => ("GET", ""),
    };
    let header = after("-H").map_or_else(String::new, |own| format!("{own}\r\n"));
    let length = body.len();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{header}\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    // It may have come in a chunk, with its length before it.
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    body[body.find('{').unwrap()..=body.rfind('}').unwrap()].to_owned()
}

/// Whether each line that is said to be printed is, in this order; `…` in it is anything.
fn holds(line: &str, printed: &[String], told: &str) {
    let mut rest = told.lines();
    for wanted in printed {
        if wanted.trim() == "⋮" {
            continue;
        }
        let found = rest.any(|own| fits(wanted, own));
        assert!(
            found,
            "{line}: `{wanted}` is not printed, or not there:\n{told}"
        );
    }
}

fn fits(wanted: &str, own: &str) -> bool {
    let mut rest = own;
    wanted
        .split('…')
        .all(|piece| match rest.find(piece.trim()) {
            Some(at) => {
                rest = &rest[at + piece.trim().len()..];
                true
            }
            None => false,
        })
}
