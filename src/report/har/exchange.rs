//! One exchange as an entry of an archive.

use std::time::Duration;

use serde_json::{Value, json};

use crate::domain::journal::{Answer, Content, Headers, Request};
use crate::report::rfc3339;

/// How an exchange ended.
pub(super) enum Ending<'a> {
    /// With an answer.
    Answered(&'a Answer),
    /// Without one, for this reason.
    Lost(String),
}

/// An entry; `began` is since 1970.
pub(super) fn entry(
    began: Duration,
    took: Duration,
    request: &Request,
    ending: &Ending<'_>,
) -> Value {
    let millis = took.as_micros() as f64 / 1_000.0;
    let mut entry = json!({
        "startedDateTime": rfc3339(began),
        "time": millis,
        "request": asked(request),
        "response": answered(ending),
        "cache": {},
        "timings": {"send": 0, "wait": millis, "receive": 0},
        "_resourceType": "fetch",
        "_exchange": request.exchange,
        "_sender": request.sender,
        "_judgement": request.judgement,
    });
    if let Ending::Lost(why) = ending {
        entry["_error"] = json!(why);
    }
    entry
}

/// Where a request went, as far as the wire tells: a scheme never stands in it.
pub(super) fn url(request: &Request, scheme: &str) -> String {
    if request.target.contains("://") {
        return request.target.clone();
    }
    format!("{scheme}://{}{}", request.host, request.target)
}

fn asked(request: &Request) -> Value {
    let query = request
        .target
        .split_once('?')
        .map_or("", |(_, query)| query);
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let query: Vec<Value> = pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            json!({"name": name, "value": value})
        })
        .collect();
    let (text, bytes, comment) = told(&request.body);
    let mut value = json!({
        "method": request.method,
        "url": url(request, "http"),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers(&request.headers),
        "queryString": query,
        "headersSize": -1,
        "bodySize": bytes,
    });
    if request.body != Content::Empty {
        let kind = request.headers.get("content-type").unwrap_or_default();
        value["postData"] = json!({"mimeType": kind, "text": text.unwrap_or_default()});
        if let Some(comment) = comment {
            value["postData"]["comment"] = json!(comment);
        }
    }
    value
}

fn answered(ending: &Ending<'_>) -> Value {
    let none = Headers::default();
    let (status, all, body) = match ending {
        Ending::Answered(answer) => (answer.status, &answer.headers, &answer.body),
        Ending::Lost(_) => (0, &none, &Content::Empty),
    };
    let (text, bytes, comment) = told(body);
    let kind = all.get("content-type").unwrap_or_default();
    let mut content = json!({"size": bytes, "mimeType": kind});
    if let Some(text) = text {
        content["text"] = json!(text);
    }
    if let Some(comment) = comment {
        content["comment"] = json!(comment);
    }
    let mut value = json!({
        "status": status,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers(all),
        "content": content,
        "redirectURL": all.get("location").unwrap_or_default(),
        "headersSize": -1,
        "bodySize": bytes,
    });
    match ending {
        Ending::Answered(answer) => value["_from"] = json!(answer.from),
        Ending::Lost(why) => value["_error"] = json!(why),
    }
    value
}

fn headers(all: &Headers) -> Vec<Value> {
    let each = all.iter();
    each.map(|(name, value)| json!({"name": name, "value": value}))
        .collect()
}

/// The text of a body, its length on the wire, and what is to be said where not all of it is there.
pub(super) fn told(body: &Content) -> (Option<String>, u64, Option<String>) {
    match body {
        Content::Empty => (None, 0, None),
        Content::Json { value, bytes } => (serde_json::to_string(value).ok(), *bytes, None),
        Content::Text { text, bytes } => (Some(text.clone()), *bytes, None),
        Content::Binary { bytes, sha256 } => {
            let comment = format!("{bytes} bytes that are no text, SHA-256 {sha256}");
            (None, *bytes, Some(comment))
        }
        Content::Truncated {
            beginning,
            bytes,
            sha256,
        } => {
            let comment = format!("only its beginning is kept, SHA-256 of the whole {sha256}");
            (Some(beginning.clone()), *bytes, Some(comment))
        }
        Content::Unread { why, bytes, .. } => (None, *bytes, Some(why.clone())),
    }
}
