//! A packet as the text that went over the socket, put together again from what the journal keeps.

use super::exchange::told;
use crate::domain::journal::{Content, Frame};

/// Engine.IO's digit, then Socket.IO's.
pub(super) fn text(packet: &Frame) -> String {
    match packet {
        Frame::Open {
            ping_interval,
            ping_timeout,
        } => format!("0{{\"pingInterval\":{ping_interval},\"pingTimeout\":{ping_timeout}}}"),
        Frame::Close => "1".to_owned(),
        Frame::Ping { probe } => format!("2{}", probed(*probe)),
        Frame::Pong { probe } => format!("3{}", probed(*probe)),
        Frame::Upgrade => "5".to_owned(),
        Frame::Noop => "6".to_owned(),
        Frame::Connect { namespace, payload } => format!("40{}{}", of(namespace), body(payload)),
        Frame::Disconnect { namespace } => format!("41{}", of(namespace)),
        Frame::Event {
            namespace,
            name,
            args,
            ack,
            attachments,
        } => {
            let kind = match attachments {
                0 => "42".to_owned(),
                some => format!("45{some}-"),
            };
            let ack = ack.map_or_else(String::new, |id| id.to_string());
            format!("{kind}{}{ack}{}", of(namespace), event(name, args))
        }
        Frame::Ack { namespace, id } => format!("43{}{id}[]", of(namespace)),
        Frame::ConnectError { namespace, payload } => {
            format!("44{}{}", of(namespace), body(payload))
        }
        Frame::Unreadable { why } => format!("(unreadable: {why})"),
    }
}

fn probed(probe: bool) -> &'static str {
    if probe { "probe" } else { "" }
}

fn of(namespace: &str) -> String {
    match namespace {
        "/" | "" => String::new(),
        namespace => format!("{namespace},"),
    }
}

fn body(content: &Content) -> String {
    let (text, _, comment) = told(content);
    let comment = comment.map_or_else(String::new, |comment| format!("({comment})"));
    text.unwrap_or_default() + &comment
}

/// The name and the arguments after it, as one list.
fn event(name: &str, args: &Content) -> String {
    let name = serde_json::Value::from(name);
    let args = body(args);
    match args.strip_prefix('[') {
        Some("]") => format!("[{name}]"),
        Some(rest) => format!("[{name},{rest}"),
        None if args.is_empty() => format!("[{name}]"),
        None => format!("[{name},{args}]"),
    }
}
