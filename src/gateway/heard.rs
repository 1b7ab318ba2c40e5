//! What a connection has brought since it was last answered: if that is no request, its first bytes are
//! all that there is to be journalled of it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::bounds::Seat;
use super::headers;
use super::lock::lock;
use super::scribe::Scribe;
use super::upstream::describe;
use crate::domain::journal::{Spoken, Unreadable};
use crate::net::HANDSHAKE;

/// How many bytes are remembered.
const KEPT: usize = 2 * 1024;
/// How much of them is shown.
const SHOWN: usize = 512;
/// What HTTP/2 begins with (RFC 9113 §3.4).
const HTTP2: &[u8] = b"PRI * HTTP/2.0";

/// Remembers what a connection has brought since it was last answered.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<Mutex<Bytes>>);

#[derive(Default)]
struct Bytes {
    now: Vec<u8>,
    /// What came before the answer that is being given.
    before: Vec<u8>,
}

impl Heard {
    /// The stream, of which this remembers.
    pub(super) fn listen_to<S>(&self, stream: S, seat: Seat) -> Listened<S> {
        Listened {
            stream,
            heard: self.clone(),
            _seat: seat,
        }
    }

    /// Whether something came that was not answered.
    pub(super) fn is_amid(&self) -> bool {
        !lock(&self.0).now.is_empty()
    }

    fn came(&self, bytes: &[u8]) {
        let mut heard = lock(&self.0);
        let room = KEPT.saturating_sub(heard.now.len()).min(bytes.len());
        heard.now.extend_from_slice(&bytes[..room]);
    }

    fn answered(&self) {
        let mut heard = lock(&self.0);
        if !heard.now.is_empty() {
            heard.before = std::mem::take(&mut heard.now);
        }
    }

    /// What came last, which could not be read as a request.
    pub(super) fn unreadable(
        &self,
        service: &str,
        error: &hyper::Error,
        scribe: &Scribe,
    ) -> Unreadable {
        let mut heard = lock(&self.0);
        let Bytes { now, before } = std::mem::take(&mut *heard);
        drop(heard);
        let bytes = if now.is_empty() { before } else { now };
        let speaks = match bytes.as_slice() {
            [HANDSHAKE, 3, ..] => Spoken::Tls,
            start if start.starts_with(HTTP2) => Spoken::Http2,
            _ => Spoken::Http,
        };
        let beginning = match speaks {
            Spoken::Http => beginning(&bytes, scribe),
            Spoken::Http2 | Spoken::Tls => String::new(),
        };
        Unreadable {
            service: service.to_owned(),
            speaks,
            why: why(&bytes, error),
            beginning,
        }
    }
}

/// What is wrong with a head, in words that say more than the parser's where that can be.
fn why(bytes: &[u8], error: &hyper::Error) -> String {
    let text = String::from_utf8_lossy(bytes);
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let lines = || head.lines().skip(1);
    let lengths = lines().filter(|line| named(line, "content-length")).count();
    if error.is_parse_too_large() {
        "its head is longer, or has more headers, than any server takes".to_owned()
    } else if lengths > 1 {
        format!("it has {lengths} content-length headers")
    } else if lines().any(|line| line.starts_with([' ', '\t'])) {
        "a header is folded over several lines".to_owned()
    } else {
        describe(error)
    }
}

fn named(line: &str, name: &str) -> bool {
    line.split_once(':')
        .is_some_and(|(own, _)| own.trim().eq_ignore_ascii_case(name))
}

/// The head as text without secrets. What stands where no secret could be told from the rest is left
/// out: the query, what a folded header goes on with, the body, and a last line that was cut.
fn beginning(bytes: &[u8], scribe: &Scribe) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<&str> = text.split('\n').collect();
    if bytes.len() >= KEPT {
        lines.pop();
    }
    let lines = lines.iter().map(|line| line.trim_end_matches('\r'));
    let mut shown = String::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        if !shown.is_empty() {
            shown.push_str(" ⏎ ");
        }
        let line = safe(line, scribe);
        shown.extend(line.chars().map(|letter| {
            if letter.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                letter
            }
        }));
        if shown.len() > SHOWN {
            shown.truncate(shown.floor_char_boundary(SHOWN));
            shown.push('…');
            break;
        }
    }
    shown
}

/// One line of a head without secrets.
fn safe(line: &str, scribe: &Scribe) -> String {
    if line.starts_with([' ', '\t']) {
        return " …".to_owned();
    }
    match line.split_once(':') {
        Some((name, value)) if !name.contains([' ', '/', '?']) => {
            let pair = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
            let redacted = headers::redacted(scribe, vec![pair]);
            let value: String = redacted.into_iter().map(|(_, value)| value).collect();
            format!("{}: {value}", scribe.redact(name))
        }
        _ => match line.split_once('?') {
            Some((path, _)) => format!("{}?…", request_line(path, scribe)),
            None => request_line(line, scribe),
        },
    }
}

/// A request line, whose method may be any word.
fn request_line(line: &str, scribe: &Scribe) -> String {
    let (method, rest) = line.split_once(' ').unwrap_or((line, ""));
    let method = scribe.vault().conceal_method(method);
    let line = format!("{method} {}", scribe.redact(rest));
    line.trim_end().to_owned()
}

/// A stream that is listened to.
pub(super) struct Listened<S> {
    stream: S,
    heard: Heard,
    /// It is left with the last who holds the connection: a tunnel goes on after its request.
    _seat: Seat,
}

impl<S: AsyncRead + Unpin> AsyncRead for Listened<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let listened = self.get_mut();
        let before = into.filled().len();
        let polled = Pin::new(&mut listened.stream).poll_read(cx, into);
        if polled.is_ready() {
            listened.heard.came(&into.filled()[before..]);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Listened<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let listened = self.get_mut();
        listened.heard.answered();
        Pin::new(&mut listened.stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let listened = self.get_mut();
        listened.heard.answered();
        Pin::new(&mut listened.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
