//! Android's bridge: whether it is there, what is connected to it, and whether ports lead back here.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::run::{Examined, State};

/// How long a question may take; the first one starts a server.
const PATIENCE: Duration = Duration::from_secs(15);

const WHAT: &str = "adb";

/// Says what there is, and what to type for these ports.
pub(super) fn examine(ports: &[u16]) -> Vec<Examined> {
    let listed = match ask("adb", &["devices"]) {
        Ok(listed) => listed,
        Err(why) => {
            let next = "only for Android on a cable: install the platform tools of the Android SDK, or have the phone in this network";
            return vec![Examined::new(WHAT, State::NotTried, why).next(next)];
        }
    };
    let devices: Vec<(&str, &str)> = devices(&listed).collect();
    if devices.is_empty() {
        let next = "only for Android on a cable: connect a device with USB debugging, or start an emulator";
        return vec![Examined::new(WHAT, State::NotTried, "no device is connected").next(next)];
    }
    let examined = devices.into_iter().map(|(serial, state)| {
        let what = format!("{WHAT} {serial}");
        if state != "device" {
            let next = "accept this machine on the device's screen, then try again";
            return Examined::new(what, State::Warning, format!("it is {state}")).next(next);
        }
        let reversed = ask("adb", &["-s", serial, "reverse", "--list"]).unwrap_or_default();
        let missing = missing(ports, &reversed);
        if missing.is_empty() {
            return Examined::ok(what, "its ports lead here: the app may call localhost");
        }
        let typed = missing
            .iter()
            .map(|port| format!("adb -s {serial} reverse tcp:{port} tcp:{port}"));
        let typed = typed.collect::<Vec<_>>().join(" && ");
        let said = "it is connected, and its localhost does not lead here";
        Examined::new(what, State::Warning, said)
            .next(format!("unless it comes by the network: {typed}"))
    });
    examined.collect()
}

/// The serial number and the state of each device.
fn devices(listed: &str) -> impl Iterator<Item = (&str, &str)> {
    listed.lines().filter_map(|line| {
        let mut words = line.split('\t');
        Some((words.next()?.trim(), words.next()?.trim()))
    })
}

/// The ports of which the same one of the device does not lead here.
fn missing(ports: &[u16], reversed: &str) -> Vec<u16> {
    let leads = |port: &u16| {
        let pair = format!("tcp:{port} tcp:{port}");
        reversed.lines().any(|line| line.trim().ends_with(&pair))
    };
    ports.iter().copied().filter(|port| !leads(port)).collect()
}

/// What a program says; it is given up after a while.
pub(super) fn ask(program: &str, words: &[&str]) -> Result<String, String> {
    let mut child = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("`{program}` cannot be started: {error}"))?;
    let said = heard(&mut child);
    if said.is_none() {
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    match said {
        Some(said) if status.success() => Ok(said),
        Some(_) => Err(format!("`{program} {}` failed", words.join(" "))),
        None => Err(format!("`{program} {}` does not end", words.join(" "))),
    }
}

fn heard(child: &mut Child) -> Option<String> {
    let mut out = child.stdout.take()?;
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut said = Vec::new();
        let _ = out.read_to_end(&mut said);
        let _ = send.send(String::from_utf8_lossy(&said).into_owned());
    });
    receive.recv_timeout(PATIENCE).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_and_their_ports_are_read_as_adb_lists_them() {
        let listed = "List of devices attached\nemulator-5554\tdevice\nR58N\tunauthorized\n\n";
        let all: Vec<_> = devices(listed).collect();
        assert_eq!(all, [("emulator-5554", "device"), ("R58N", "unauthorized")]);
        assert_eq!(devices("List of devices attached\n\n").count(), 0);
        let reversed = "host-12 tcp:4010 tcp:4010\nhost-12 tcp:4011 tcp:4999\n";
        assert_eq!(missing(&[4010, 4011], reversed), [4011]);
    }
}
