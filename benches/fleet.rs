//! What a fleet weighs and what an event costs it: 1,000 and 10,000 apps beside one mock in a process of its own,
//! which sends each of them about an event a second.
//!
//! `cargo bench --bench fleet` lets `rehearsal fleet` print kilobytes of resident memory an app, over what the process
//! held before the first one, and microseconds of processor time an event, with everything else that the apps
//! did meanwhile. Nothing here asserts a figure. Not counted are the kernel's socket buffers.
//!
//! `cargo bench --bench fleet -- 500` holds as many as that instead.

#![expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

const REHEARSAL: &str = env!("CARGO_BIN_EXE_rehearsal");

fn main() {
    // Pages of two megabytes would hide what an app weighs; children have what this sets.
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_thp_disable(true).expect("small pages");
    let asked: Vec<u64> = std::env::args()
        .filter_map(|word| word.parse().ok())
        .collect();
    let all = if asked.is_empty() {
        vec![1_000, 10_000]
    } else {
        asked
    };
    for apps in all {
        hold(apps);
    }
}

/// Holds a fleet of so many apps, each in turn with an account of the mock's.
fn hold(apps: u64) {
    let mut mock = Command::new(REHEARSAL)
        .args(["mock", "--json", "--seed", "1", "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the mock starts");
    let folder = tempfile::tempdir().expect("a folder");
    let ready = ready(&mut mock);
    let mut fleet = Command::new(REHEARSAL);
    let mut config = "[targets.local.services]\n".to_owned();
    for (name, url) in ready["services"].as_object().expect("services") {
        config.push_str(&format!("{name} = {url}\n"));
    }
    for (number, account) in ready["accounts"]
        .as_array()
        .expect("accounts")
        .iter()
        .enumerate()
    {
        let (name, username) = (&account["name"], &account["username"]);
        let variable = format!("FLEET_{number}");
        config.push_str(&format!(
            "[targets.local.accounts.{name}]\nusername = {username}\npassword-env = \"{variable}\"\n"
        ));
        fleet.env(variable, account["password"].as_str().expect("a password"));
    }
    let path = folder.path().join("rehearsal.toml");
    std::fs::write(&path, config).expect("a configuration");
    println!("\n{apps} apps");
    let ended = fleet
        .args(["fleet", "--target", "local", "--seed", "1"])
        .args(["--apps", &apps.to_string(), "--ramp"])
        .arg(format!("{}s", (apps / 200).max(1)))
        .args(["--hold", "30s", "--storm", "sockets", "--config"])
        .arg(&path)
        .status();
    println!("{}", ended.expect("the fleet starts"));
    let _ = mock.kill();
    let _ = mock.wait();
}

fn ready(mock: &mut Child) -> Value {
    let out = mock.stdout.take().expect("piped");
    let mut line = String::new();
    BufReader::new(out)
        .read_line(&mut line)
        .expect("a ready line");
    serde_json::from_str(&line).expect("JSON when ready")
}
