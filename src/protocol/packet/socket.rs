//! Socket.IO packets: type, attachment count, namespace, acknowledgement id, JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::{Args, Auth, DecodeError, Frame, Limits};

/// One Socket.IO packet. Binary events and acknowledgements are ordinary ones whose [`Args`] carry attachments.
#[derive(Debug, Clone, PartialEq)]
pub struct Packet {
    /// The namespace, `/` for the main one.
    pub namespace: String,
    /// What it says.
    pub body: Body,
}

/// What a Socket.IO packet says.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// `0`: from the client its auth payload, from the server `{"sid":…}` and, with recovery, `pid`.
    Connect(Option<Auth>),
    /// `1`: this namespace is left.
    Disconnect,
    /// `2` or `5`: an event.
    Event {
        /// Present when the sender wants an acknowledgement.
        id: Option<u64>,
        /// The event's name; empty if the packet had no payload at all, which the official parser lets pass.
        name: String,
        /// Everything after the name.
        args: Args,
    },
    /// `3` or `6`: the acknowledgement of an event.
    Ack {
        /// The event's id; one without an id is let pass and acknowledges nothing.
        id: Option<u64>,
        /// The answer.
        args: Args,
    },
    /// `4`: the server refuses this namespace.
    ConnectError(Refusal),
}

/// Why a server refuses a namespace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Refusal {
    /// The error's message.
    pub message: String,
    /// What a middleware attached to it.
    pub data: Option<Value>,
}

/// A decoded text packet that may still want attachments.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// The packet, its placeholders not yet backed by bytes.
    pub packet: Packet,
    /// How many binary packets follow; zero: it is complete.
    pub attachments: usize,
}

/// Names an application may not emit, because the library gives them a meaning of its own.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    matches!(
        name,
        "connect"
            | "connect_error"
            | "disconnect"
            | "disconnecting"
            | "newListener"
            | "removeListener"
    )
}

impl Packet {
    /// Decodes the text of an Engine.IO message. Attachments are counted, not awaited: that is the
    /// [`Reassembler`](super::Reassembler)'s part.
    ///
    /// # Errors
    /// Whatever the official parser refuses, as a [`DecodeError`].
    pub fn decode(text: &str, limits: Limits) -> Result<Header, DecodeError> {
        if text.len() > limits.bytes {
            return Err(DecodeError::TooLarge);
        }
        let kind = text.chars().next().ok_or(DecodeError::Empty)?;
        if !matches!(kind, '0'..='6') {
            return Err(DecodeError::SocketType(kind));
        }
        let rest = &text[1..];
        let (attachments, rest) = match kind {
            '5' | '6' => split_attachments(rest, limits)?,
            _ => (0, rest),
        };
        let (namespace, rest) = split_namespace(rest);
        let (id, json) = split_id(rest)?;
        let body = match kind {
            '0' => Body::Connect(parse_object(json)?.map(Auth)),
            '1' if json.is_empty() => Body::Disconnect,
            '1' => return Err(DecodeError::Payload),
            '2' | '5' => parse_event(id, json)?,
            '3' | '6' => Body::Ack {
                id,
                args: parse_array(json)?.into(),
            },
            _ => Body::ConnectError(parse_refusal(json)?),
        };
        let namespace = namespace.to_owned();
        Ok(Header {
            packet: Self { namespace, body },
            attachments,
        })
    }

    /// Decodes as much as the beginning of a text says that was cut short: an event's name or that it is an
    /// acknowledgement, without their arguments, which begin with the text that comes along.
    ///
    /// # Errors
    /// As [`Packet::decode`], and [`DecodeError::TooLarge`] for a packet whose beginning does not say what it asks.
    pub fn beginning(text: &str, limits: Limits) -> Result<(Header, &str), DecodeError> {
        let kind = text.chars().next().unwrap_or_default();
        if !matches!(kind, '2' | '3' | '5' | '6') {
            return Err(DecodeError::TooLarge);
        }
        let rest = match kind {
            '5' | '6' => split_attachments(&text[1..], limits)?.1,
            _ => &text[1..],
        };
        let (_, rest) = split_namespace(rest);
        let (_, json) = split_id(rest)?;
        let head = &text[..text.len() - json.len()];
        let list = json.strip_prefix('[').ok_or(DecodeError::TooLarge)?;
        let (name, args) = match kind {
            '2' | '5' => split_first(list).ok_or(DecodeError::TooLarge)?,
            _ => ("", list),
        };
        let header = Self::decode(&format!("{head}[{name}]"), limits)?;
        Ok((header, args))
    }

    /// Encodes the packet as Engine.IO messages: one text frame, then one binary frame per attachment.
    #[must_use]
    pub fn encode(&self) -> Vec<Frame> {
        let mut text = String::with_capacity(64);
        text.push('4');
        let args = match &self.body {
            Body::Event { args, .. } | Body::Ack { args, .. } => Some(args),
            _ => None,
        };
        let attachments = args.map_or(&[][..], |args| &args.attachments);
        text.push(match (&self.body, attachments.is_empty()) {
            (Body::Connect(_), _) => '0',
            (Body::Disconnect, _) => '1',
            (Body::Event { .. }, true) => '2',
            (Body::Ack { .. }, true) => '3',
            (Body::ConnectError(_), _) => '4',
            (Body::Event { .. }, false) => '5',
            (Body::Ack { .. }, false) => '6',
        });
        if !attachments.is_empty() {
            write_into(&mut text, format_args!("{}-", attachments.len()));
        }
        if self.namespace != "/" {
            text.push_str(&self.namespace);
            text.push(',');
        }
        self.body.write(&mut text);
        let mut frames = Vec::with_capacity(1 + attachments.len());
        frames.push(Frame::Text(text));
        frames.extend(attachments.iter().cloned().map(Frame::Binary));
        frames
    }
}

impl Body {
    fn write(&self, text: &mut String) {
        match self {
            Self::Connect(None) | Self::Disconnect => {}
            Self::Connect(Some(fields)) => write_object(text, fields),
            Self::Event { id, name, args } => {
                write_id(text, *id);
                text.push('[');
                write_string(text, name);
                for value in &args.values {
                    write_into(text, format_args!(",{value}"));
                }
                text.push(']');
            }
            Self::Ack { id, args } => {
                write_id(text, *id);
                text.push('[');
                for (index, value) in args.values.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write_into(text, format_args!("{comma}{value}"));
                }
                text.push(']');
            }
            Self::ConnectError(refusal) => {
                text.push_str("{\"message\":");
                write_string(text, &refusal.message);
                if let Some(data) = &refusal.data {
                    write_into(text, format_args!(",\"data\":{data}"));
                }
                text.push('}');
            }
        }
    }
}

/// Writing into a `String` cannot fail, so the result says nothing.
fn write_into(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(arguments);
}

fn write_id(text: &mut String, id: Option<u64>) {
    if let Some(id) = id {
        write_into(text, format_args!("{id}"));
    }
}

/// A JSON string; `Value` owns the escaping, and names rarely need any.
fn write_string(text: &mut String, string: &str) {
    let plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if string.bytes().all(plain) {
        write_into(text, format_args!("\"{string}\""));
    } else {
        write_into(text, format_args!("{}", Value::from(string)));
    }
}

fn write_object(text: &mut String, fields: &Map<String, Value>) {
    text.push('{');
    for (index, (key, value)) in fields.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write_string(text, key);
        write_into(text, format_args!(":{value}"));
    }
    text.push('}');
}

fn split_attachments(rest: &str, limits: Limits) -> Result<(usize, &str), DecodeError> {
    let (count, rest) = rest.split_once('-').ok_or(DecodeError::AttachmentCount)?;
    if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DecodeError::AttachmentCount);
    }
    let count = count.parse().unwrap_or(u64::MAX);
    match usize::try_from(count) {
        Ok(0) => Err(DecodeError::AttachmentCount),
        Ok(allowed) if allowed <= limits.attachments => Ok((allowed, rest)),
        _ => Err(DecodeError::TooManyAttachments(count)),
    }
}

fn split_namespace(rest: &str) -> (&str, &str) {
    if rest.starts_with('/') {
        rest.split_once(',').unwrap_or((rest, ""))
    } else {
        ("/", rest)
    }
}

/// The official parser takes blanks for digits, since JavaScript reads a blank as zero; what looks like an event
/// with an odd gap is therefore an event with an id, and has to be seen as one.
fn split_id(rest: &str) -> Result<(Option<u64>, &str), DecodeError> {
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && !c.is_whitespace() && c != '\u{feff}')
        .unwrap_or(rest.len());
    let (id, json) = rest.split_at(end);
    if id.is_empty() {
        return Ok((None, json));
    }
    let digits = id.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if digits.is_empty() {
        return Ok((Some(0), json));
    }
    let id = digits.parse().map_err(|_| DecodeError::AckId)?;
    Ok((Some(id), json))
}

/// The first element of a list, if it is a text or a number and another one follows, and all that follows.
fn split_first(list: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let mut quoted = false;
    for (at, byte) in list.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b',' => return Some((&list[..at], &list[at + 1..])),
            b'[' | b'{' | b']' | b'}' => return None,
            _ => {}
        }
    }
    None
}

/// JavaScript accepts half of a surrogate pair in a string and serde_json does not; such text is read a second time
/// with the half replaced, so that one odd character does not cost the connection.
fn parse<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, DecodeError> {
    serde_json::from_str(json).or_else(|_| {
        let mended = mend_surrogates(json).ok_or(DecodeError::Payload)?;
        serde_json::from_str(&mended).map_err(|_| DecodeError::Payload)
    })
}

fn parse_array(json: &str) -> Result<Vec<Value>, DecodeError> {
    if json.is_empty() {
        return Ok(Vec::new());
    }
    parse(json)
}

fn parse_object(json: &str) -> Result<Option<Map<String, Value>>, DecodeError> {
    if json.is_empty() {
        return Ok(None);
    }
    parse(json).map(Some)
}

fn parse_event(id: Option<u64>, json: &str) -> Result<Body, DecodeError> {
    let mut values = parse_array(json)?.into_iter();
    let name = match values.next() {
        None if json.is_empty() => String::new(),
        Some(Value::String(name)) if is_reserved(&name) => return Err(DecodeError::Reserved(name)),
        Some(Value::String(name)) => name,
        // An emitter keys its listeners by text, so the numbers 1 and 1.0 and the text "1" name one event.
        Some(Value::Number(number)) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 => format!("{float:.0}"),
            _ => number.to_string(),
        },
        _ => return Err(DecodeError::Payload),
    };
    let args = values.collect::<Vec<_>>().into();
    Ok(Body::Event { id, name, args })
}

fn parse_refusal(json: &str) -> Result<Refusal, DecodeError> {
    if json.is_empty() {
        return Ok(Refusal::default());
    }
    match parse(json)? {
        Value::Object(mut fields) => Ok(Refusal {
            message: match fields.remove("message") {
                None => String::new(),
                Some(Value::String(message)) => message,
                Some(other) => other.to_string(),
            },
            data: fields.remove("data"),
        }),
        Value::String(message) => Ok(Refusal {
            message,
            data: None,
        }),
        _ => Err(DecodeError::Payload),
    }
}

/// Replaces each escaped half of a surrogate pair by the replacement character; `None` if there is none.
fn mend_surrogates(json: &str) -> Option<String> {
    let unit = |at: usize| -> Option<u16> {
        let escape = json.get(at..at + 6)?;
        let digits = escape.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut mended = String::with_capacity(json.len());
    let (mut at, mut copied, mut found) = (0, 0, false);
    let bytes = json.as_bytes();
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        match unit(at) {
            Some(0xD800..=0xDBFF) if matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(0xD800..=0xDFFF) => {
                mended.push_str(&json[copied..at]);
                mended.push_str("\\ufffd");
                at += 6;
                copied = at;
                found = true;
            }
            Some(_) => at += 6,
            // Any other escape: the escaped character may itself be a backslash.
            None => at += 2,
        }
    }
    mended.push_str(&json[copied..]);
    found.then_some(mended)
}
