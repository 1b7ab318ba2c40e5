//! `GET /journal`: what happened, at once, after a wait, or as a stream of server-sent events.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream;
use http::HeaderMap;
use hyper::body::Frame;
use serde_json::Value;
use url::form_urlencoded;

use super::Refusal;
use super::tape::{MOST_AT_ONCE, Page, Tape};

/// The most seconds that an answer is waited for.
pub(super) const MOST_WAIT: u64 = 60;

/// How often a stream says that it is still there while nothing happens, so that nothing on the way ends it.
const STILL_THERE: Duration = Duration::from_secs(15);

/// Server-sent events (HTML standard, §9.2).
pub(super) const EVENT_STREAM: &str = "text/event-stream";

/// A stream that a body is made of.
pub(super) type Frames = Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>;

/// What is asked for.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    since: u64,
    kinds: Vec<String>,
    wait: Duration,
    /// How many entries at most.
    most: usize,
    /// Whether it is to be a stream.
    pub(super) streams: bool,
}

impl Asked {
    /// Reads the query, and what the headers say beside it.
    pub(super) fn read(query: &str, headers: &HeaderMap) -> Result<Self, Refusal> {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let mut asked = Self {
            since: 0,
            kinds: Vec::new(),
            wait: Duration::ZERO,
            most: MOST_AT_ONCE,
            streams: text("accept").is_some_and(|accept| accept.contains(EVENT_STREAM)),
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "since" => asked.since = number(&name, &value, u64::MAX)?,
                "wait" => asked.wait = Duration::from_secs(number(&name, &value, MOST_WAIT)?),
                "limit" => {
                    let most = number(&name, &value, MOST_AT_ONCE as u64)?;
                    asked.most = usize::try_from(most).unwrap_or(MOST_AT_ONCE).max(1);
                }
                "kind" => asked.kinds.extend(value.split(',').map(str::to_owned)),
                _ => {
                    let why =
                        format!("there is no `{name}` here: `since`, `kind`, `wait`, `limit`");
                    return Err(Refusal(400, "bad-query", why));
                }
            }
        }
        // A browser that connects again says where it was, and does not change the address.
        if let Some(last) = text("last-event-id") {
            asked.since = number("last-event-id", last, u64::MAX)?;
        }
        Ok(asked)
    }

    /// The answer, once there is one or the wait is over.
    pub(super) async fn page(&self, tape: &Tape) -> Value {
        if !self.wait.is_zero() {
            let after = tape.after(self.since, &self.kinds);
            let _ = tokio::time::timeout(self.wait, after).await;
        }
        let page = tape.since(self.since, &self.kinds, self.most);
        let Page { notes, next, lost } = page;
        let entries = notes.iter().map(|note| serde_json::from_str(&note.text));
        let entries: Vec<Value> = entries.filter_map(Result::ok).collect();
        serde_json::json!({ "entries": entries, "next": next, "lost": lost })
    }

    /// The stream, which ends when nobody reads it any more, or with the tape. It holds what it is about to send and nothing else.
    pub(super) fn stream(self, tape: Arc<Tape>) -> Frames {
        let Self { since, kinds, .. } = self;
        let begin = (since, kinds, tape);
        Box::pin(stream::unfold(begin, |(since, kinds, tape)| async move {
            let after = tape.after(since, &kinds);
            let (text, next) = match tokio::time::timeout(STILL_THERE, after).await {
                Ok(page) if page.notes.is_empty() && page.lost == 0 => return None,
                Ok(page) => (events(&page), page.next),
                Err(_) => (
                    ": still there\n\n".to_owned(),
                    tape.since(since, &kinds, MOST_AT_ONCE).next,
                ),
            };
            let frame = Frame::data(Bytes::from(text));
            Some((Ok(frame), (next, kinds, tape)))
        }))
    }
}

fn events(page: &Page) -> String {
    let mut text = String::new();
    if page.lost > 0 {
        let lost = page.lost;
        text.push_str(&format!("event: lost\ndata: {{\"lost\":{lost}}}\n\n"));
    }
    for note in &page.notes {
        // JSON has no line breaks of its own, so one line of data holds all of it.
        let (number, kind, data) = (note.number, &note.kind, &note.text);
        text.push_str(&format!("id: {number}\nevent: {kind}\ndata: {data}\n\n"));
    }
    text
}

pub(super) fn number(name: &str, value: &str, most: u64) -> Result<u64, Refusal> {
    let number = value.parse().ok().filter(|number| *number <= most);
    number.ok_or_else(|| {
        let why = match most {
            u64::MAX => format!("`{name}` is a whole number"),
            _ => format!("`{name}` is a whole number up to {most}"),
        };
        Refusal(400, "bad-query", why)
    })
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use serde_json::json;

    use super::*;

    fn asked(query: &str, headers: &[(&'static str, &str)]) -> Result<Asked, String> {
        let headers = headers.iter();
        let headers = headers
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
        Asked::read(query, &headers.collect()).map_err(|Refusal(_, _, why)| why)
    }

    #[test]
    fn what_cannot_be_understood_is_refused_in_words() {
        let read = asked("since=3&kind=request,event&wait=5", &[]).unwrap();
        assert_eq!((read.since, read.kinds.len(), read.streams), (3, 2, false));
        let again = [("accept", EVENT_STREAM), ("last-event-id", "9")];
        let read = asked("since=3", &again).unwrap();
        assert_eq!((read.since, read.streams), (9, true));
        for (query, part) in [
            ("since=-1", "whole number"),
            ("wait=61", "up to 60"),
            ("limit=1001", "up to 1000"),
            ("sinse=1", "no `sinse` here"),
        ] {
            let why = asked(query, &[]).unwrap_err();
            assert!(why.contains(part), "{why}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_tells_each_entry_once_and_that_it_is_still_there() {
        let tape = Arc::new(Tape::default());
        tape.add("request", |number| json!({ "n": number }).to_string());
        let mut stream = asked("", &[]).unwrap().stream(Arc::clone(&tape));
        let mut next = async || {
            let frame = stream.next().await.unwrap().unwrap();
            String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
        };
        assert_eq!(next().await, "id: 1\nevent: request\ndata: {\"n\":1}\n\n");
        assert_eq!(next().await, ": still there\n\n");
        tape.add("event", |number| json!({ "n": number }).to_string());
        assert_eq!(next().await, "id: 2\nevent: event\ndata: {\"n\":2}\n\n");
        tape.add("end", |number| json!({ "n": number }).to_string());
        tape.close();
        assert_eq!(next().await, "id: 3\nevent: end\ndata: {\"n\":3}\n\n");
        assert!(stream.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_nothing_when_nothing_happens() {
        let tape = Tape::default();
        let page = asked("wait=5", &[]).unwrap().page(&tape).await;
        assert_eq!(page, json!({"entries": [], "next": 0, "lost": 0}));
        for n in [1, 2] {
            tape.add("request", |_| json!({ "n": n }).to_string());
        }
        let page = asked("since=1&limit=1", &[]).unwrap().page(&tape).await;
        assert_eq!(page, json!({"entries": [{"n": 2}], "next": 2, "lost": 0}));
    }
}
