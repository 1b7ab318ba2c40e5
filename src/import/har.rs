//! An HTTP archive, version 1.2, as a recording: of Chromium, of mitmproxy, of Charles, or of this program.
//!
//! WebSocket messages stand in `_webSocketMessages`, as Chromium has them. Whatever may be a secret has a label in its
//! place before anything else sees it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use url::Url;

use super::api::{Left, is_json};
use super::document::Document;
use super::hide::Hide;
use super::recording::{Exchange, Recording, Sent};
use crate::suite::{Problem, Problems, Source};

mod socket;

/// Reads an archive.
///
/// # Errors
/// What makes it none, all at once.
pub(super) fn read(source: &Arc<Source>) -> Result<Recording, Problems> {
    let document = Document::read(source)?;
    let entries = entries(&document)?;
    let mut problems = Problems::default();
    let mut recording = Recording::default();
    let mut unanswered = 0;
    for (at, entry) in entries.iter().enumerate() {
        // What this program asked on its own account is no traffic of an app.
        let asked_itself = entry.get("_sender").is_some_and(|own| own != "client");
        let answered_itself = entry
            .pointer("/response/_from")
            .is_some_and(|own| own != "backend");
        // Nor is what a target answers because it was told to answer badly.
        let was_spoilt = entry.get("_malformed") == Some(&Value::Bool(true));
        if asked_itself || answered_itself || was_spoilt {
            continue;
        }
        let number = at.to_string();
        let path = ["log", "entries", number.as_str()];
        match exchange(entry) {
            Ok(exchange) => {
                let is_answered = exchange.status != 0;
                unanswered += usize::from(!is_answered);
                socket::packets(entry, &exchange, &mut recording.packets);
                if exchange.method != "OPTIONS" && is_answered {
                    recording.exchanges.push(exchange);
                }
            }
            Err(why) => problems.push(document.problem(why, &path)),
        }
        if problems.all().len() >= 20 {
            break;
        }
    }
    if unanswered > 0 {
        let what = format!("requests: {unanswered}");
        recording
            .left
            .push(Left::new(what, "they have no answer in the archive"));
    }
    let recording = problems.or(Some(recording))?;
    Ok(ordered(recording))
}

/// The same, in order and without secrets.
fn ordered(mut recording: Recording) -> Recording {
    recording
        .exchanges
        .sort_by(|own, other| own.at.total_cmp(&other.at));
    recording
        .packets
        .sort_by(|own, other| own.at.total_cmp(&other.at));
    let mut hide = Hide::default();
    for exchange in &recording.exchanges {
        hide.learn(exchange);
    }
    for exchange in &mut recording.exchanges {
        hide.exchange(exchange);
    }
    for packet in &mut recording.packets {
        hide.packet(packet);
    }
    recording
}

fn entries(document: &Document) -> Result<&Vec<Value>, Problems> {
    let Some(log) = document.root.get("log") else {
        return Err(document
            .problem("this is no HTTP archive: it has no `log`", &[])
            .hint("save the traffic as HAR: browsers, mitmproxy and Charles do")
            .into());
    };
    let own = log.get("entries").and_then(Value::as_array);
    let own = own.ok_or_else(|| -> Problem {
        document.problem("an HTTP archive has a list of `entries`", &["log"])
    })?;
    if own.is_empty() {
        let problem = document.problem("there is nothing in this archive", &["log", "entries"]);
        return Err(problem.into());
    }
    Ok(own)
}

fn exchange(entry: &Value) -> Result<Exchange, String> {
    let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str);
    let method = text("/request/method").ok_or("this entry has no `request` with a `method`")?;
    let written = text("/request/url").ok_or("this entry has no `request` with a `url`")?;
    let url = Url::parse(written).map_err(|why| format!("`url` of the request: {why}"))?;
    let status = entry.pointer("/response/status").and_then(Value::as_i64);
    let kind = text("/response/content/mimeType")
        .unwrap_or_default()
        .to_owned();
    let answer = content(entry).filter(|_| is_json(&kind) || kind.is_empty());
    let port = url
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    let scheme = match url.scheme() {
        "wss" => "https",
        "ws" => "http",
        other => other,
    };
    let query = url.query_pairs();
    Ok(Exchange {
        at: moment(text("/startedDateTime").unwrap_or_default()),
        took: entry
            .get("time")
            .and_then(Value::as_f64)
            .unwrap_or_default()
            .max(0.0),
        held_up: entry.get("_delayed") == Some(&Value::Bool(true)),
        method: method.to_ascii_uppercase(),
        origin: format!("{scheme}://{}{port}", url.host_str().unwrap_or_default()),
        path: url.path().to_owned(),
        query: query
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect(),
        headers: headers(entry, "/request/headers"),
        body: body(entry),
        status: status.and_then(|own| u16::try_from(own).ok()).unwrap_or(0),
        answer_headers: headers(entry, "/response/headers"),
        answer: answer.and_then(|text| serde_json::from_str(&text).ok()),
        kind,
        page: text("/pageref").map(str::to_owned),
    })
}

/// The text of the answer, decoded if it stands there in base64.
fn content(entry: &Value) -> Option<String> {
    let content = entry.pointer("/response/content")?;
    let text = content.get("text")?.as_str()?;
    match content.get("encoding").and_then(Value::as_str) {
        Some("base64") => String::from_utf8(STANDARD.decode(text).ok()?).ok(),
        _ => Some(text.to_owned()),
    }
}

/// What was sent, if it is JSON or a form.
fn body(entry: &Value) -> Option<Sent> {
    let data = entry.pointer("/request/postData")?;
    let kind = data
        .get("mimeType")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let text = data.get("text").and_then(Value::as_str).unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") {
        let mut fields: serde_json::Map<String, Value> =
            url::form_urlencoded::parse(text.as_bytes())
                .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
                .collect();
        let listed = data
            .get("params")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        if fields.is_empty() {
            fields.extend(listed.filter_map(|own| {
                let word = |key: &str| own.get(key).and_then(Value::as_str);
                Some((word("name")?.to_owned(), Value::from(word("value")?)))
            }));
        }
        return Some(Sent {
            form: true,
            value: fields.into(),
        });
    }
    let value = serde_json::from_str(text).ok()?;
    Some(Sent { form: false, value })
}

fn headers(entry: &Value, pointer: &str) -> Vec<(String, String)> {
    let own = entry.pointer(pointer).and_then(Value::as_array);
    let own = own.into_iter().flatten();
    own.filter_map(|own| {
        let word = |key: &str| own.get(key).and_then(Value::as_str);
        Some((
            word("name")?.to_ascii_lowercase(),
            word("value")?.to_owned(),
        ))
    })
    .collect()
}

/// A moment in milliseconds since 1970; 0 where it cannot be read.
fn moment(text: &str) -> f64 {
    let parsed: Result<jiff::Timestamp, _> = text.parse();
    parsed.map_or(0.0, |own| own.as_microsecond() as f64 / 1_000.0)
}
