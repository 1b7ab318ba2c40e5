//! What happens at the mock, a line each, for whoever looks at the terminal.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use crate::cli::console;
use crate::mock::Mock;

const FAINT: Style = Style::new().dimmed();
const WRONG: Style = AnsiColor::Red.on_default();

/// Tells from now on, on a thread of its own: a terminal that takes nothing may not hold up the mock. What it
/// misses meanwhile is counted.
pub(super) fn follow(mock: &Mock) -> io::Result<()> {
    let tape = mock.followed();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let thread = thread::Builder::new().name("lines".to_owned());
    let told = move || {
        let mut read = 0;
        loop {
            let page = runtime.block_on(tape.after(read, &[]));
            read = page.next;
            let mut text = String::new();
            if page.lost > 0 {
                text.push_str(&format!("{FAINT}… {} lines left out{FAINT:#}\n", page.lost));
            }
            text.extend(page.notes.iter().filter_map(|note| line(&note.text)));
            if write(&text).is_err() {
                return;
            }
        }
    };
    thread.spawn(told).map(drop)
}

fn write(text: &str) -> io::Result<()> {
    let mut out = console::out();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// One entry; nothing for what a line would not say more of.
fn line(entry: &str) -> Option<String> {
    let entry: Value = serde_json::from_str(entry).ok()?;
    let at = Duration::from_millis(entry["at_ms"].as_u64()?);
    let told = request(&entry["request"])
        .or_else(|| event(&entry["event"]))
        .or_else(|| socket(&entry["socket"]))
        .or_else(|| refused(&entry["refused"]))
        .or_else(|| Some(format!("operator {}", entry["operator"]["asked"].as_str()?)))?;
    Some(format!(
        "{FAINT}{:>9.3}s{FAINT:#}  {told}\n",
        at.as_secs_f64()
    ))
}

fn request(request: &Value) -> Option<String> {
    let text = |key: &str| request[key].as_str();
    let (service, method, path) = (text("service")?, text("method")?, text("path")?);
    let (status, took) = (request["status"].as_u64()?, request["took_ms"].as_u64()?);
    let style = if status < 400 { Style::new() } else { WRONG };
    let user = text("user").unwrap_or("nobody");
    Some(format!(
        "{style}{status}{style:#}  {method} {service} {path}  {FAINT}{user}, {took}ms{FAINT:#}"
    ))
}

fn event(event: &Value) -> Option<String> {
    let (name, sockets) = (event["event"].as_str()?, event["sockets"].as_u64()?);
    let sockets = match sockets {
        1 => "1 socket".to_owned(),
        many => format!("{many} sockets"),
    };
    Some(format!("event {name}  {FAINT}to {sockets}{FAINT:#}"))
}

fn socket(socket: &Value) -> Option<String> {
    let user = socket["user"].as_str()?;
    let what = match socket["open"].as_bool()? {
        true => "connected",
        false => "left",
    };
    Some(format!("socket {what}  {FAINT}{user}{FAINT:#}"))
}

fn refused(refused: &Value) -> Option<String> {
    let (service, why) = (refused["service"].as_str()?, refused["why"].as_str()?);
    Some(format!(
        "{WRONG}a client of {service} was not served{WRONG:#}: {why}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(entry: &str) -> Option<String> {
        line(entry).map(|line| anstream::adapter::strip_str(&line).to_string())
    }

    #[test]
    fn a_line_says_what_happened_and_to_whom() {
        for (entry, told) in [
            (
                r#"{"id":1,"at_ms":1500,"request":{"service":"desk","method":"GET","path":"/me","status":200,"user":"ann","took_ms":3}}"#,
                "    1.500s  200  GET desk /me  ann, 3ms\n",
            ),
            (
                r#"{"id":2,"at_ms":0,"request":{"service":"desk","method":"GET","path":"/me","status":401,"user":null,"took_ms":0}}"#,
                "    0.000s  401  GET desk /me  nobody, 0ms\n",
            ),
            (
                r#"{"id":3,"at_ms":20,"event":{"event":"price","sockets":1}}"#,
                "    0.020s  event price  to 1 socket\n",
            ),
            (
                r#"{"id":4,"at_ms":20,"socket":{"user":"ann","open":false}}"#,
                "    0.020s  socket left  ann\n",
            ),
            (
                r#"{"id":4,"at_ms":20,"refused":{"service":"desk","why":"it does not trust the certificate"}}"#,
                "    0.020s  a client of desk was not served: it does not trust the certificate\n",
            ),
        ] {
            assert_eq!(plain(entry).as_deref(), Some(told));
        }
        assert_eq!(plain(r#"{"id":5,"at_ms":20,"world":{"changed":[]}}"#), None);
    }
}
