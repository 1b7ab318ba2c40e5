//! The live feed, and polling while it is gone.

use std::time::Duration;

use serde_json::{Value, json};

use super::context::Context;
use super::{event, resource};
use crate::domain::contract::{
    Condition, Emit, EventRule, Polling, Realtime, Resource, Screen, SocketClient, TokenChecked,
    TokenRenewal, TransportName,
};
use crate::domain::selector::{Selector, Template};
use crate::suite::cursor::{Cursor, Fields};
use crate::suite::node::Content;
use crate::suite::trace::Seen;

/// How long a backend keeps a lost connection's state unless it is told otherwise, as `socket.io` has it.
const RECOVERY: Duration = Duration::from_secs(120);

pub(super) fn read(
    cursor: &Cursor<'_>,
    context: &Context<'_>,
    resources: Option<&[Resource]>,
) -> Option<Realtime> {
    let fields = cursor.fields("`realtime`")?;
    let service = fields
        .need("service")
        .and_then(|cursor| cursor.known_name("service", &context.services));
    let path = fields.or("path", "/socket.io/".to_owned(), |cursor| {
        cursor.path(&cursor.text()?)
    });
    let namespace = fields.or("namespace", "/".to_owned(), namespace);
    let live = context.placeholders(&["access-token"]);
    let auth = fields.or(
        "auth",
        Template(json!({"token": "{access-token}"})),
        |cursor| live.template(cursor),
    );
    let query = fields.or("query", Vec::new(), |cursor| live.pairs(cursor));
    let client = fields.or("client", SocketClient::default(), client);
    let subscribe = fields.or("subscribe", Vec::new(), |cursor| {
        let emits: Vec<Option<Emit>> = cursor
            .one_or_more()
            .iter()
            .map(|item| emit(item, context))
            .collect();
        emits.into_iter().collect()
    });
    let events = fields.or("events", Vec::new(), |cursor| {
        let events: Vec<Option<EventRule>> = cursor
            .entries()?
            .iter()
            .map(|(entry, cursor)| event::read(entry, cursor, context, resources))
            .collect();
        events.into_iter().collect()
    });
    let live_within = fields.or(
        "live-within",
        Duration::from_secs(10),
        Cursor::positive_duration,
    );
    let refused_by = fields.maybe("refused-by", refused_by);
    let token_checked = fields.or("token-checked", TokenChecked::Expiry, |cursor| {
        cursor.word(&[
            ("expiry", TokenChecked::Expiry),
            ("handshake", TokenChecked::Handshake),
        ])
    });
    let renewal = fields.maybe("renewal", |cursor| renewal(cursor, context));
    Some(Realtime {
        service: service?,
        path: path?,
        namespace: namespace?,
        auth: auth?,
        query: query?,
        client: client?,
        subscribe: subscribe?,
        events: events?,
        live_within: live_within?,
        refused_by: refused_by?,
        token_checked: token_checked?,
        renewal: renewal?,
    })
}

/// How a CONNECT_ERROR says that it is about the token: by its message, or by whatever stands at a
/// place of its payload.
fn refused_by(cursor: &Cursor<'_>) -> Option<Condition> {
    const EMPTY: &str = "without any word no refusal would be about the token: name one, or leave \
        `refused-by` away";
    if !matches!(cursor.node.content, Content::Map(_)) {
        let words = cursor.one_or_more();
        if words.is_empty() {
            return cursor.refuse(format!("{} is empty", cursor.name), EMPTY);
        }
        let messages: Option<Vec<Value>> = words
            .iter()
            .map(|item| item.name_text().map(Value::from))
            .collect();
        let message = Selector::Pointer("/message".to_owned());
        return Some(Condition::OneOf(message, messages?));
    }
    let fields = cursor.fields("`refused-by`")?;
    let at = fields.need("at").and_then(|cursor| cursor.body_selector());
    let is = fields.need("is").and_then(|cursor| {
        let values = cursor.one_or_more();
        if values.is_empty() {
            return cursor.refuse(format!("{} is empty", cursor.name), EMPTY);
        }
        let value = |item: &Cursor<'_>| {
            item.takes(|| Seen::Json);
            item.node.to_json()
        };
        Some(values.iter().map(value).collect())
    });
    Some(Condition::OneOf(at?, is?))
}

/// A namespace, which starts with `/` and has no comma (the wire could not tell them apart).
pub(super) fn namespace(cursor: &Cursor<'_>) -> Option<String> {
    let text = cursor.text()?;
    if !text.starts_with('/') || text.contains([',', '?']) {
        return cursor.refuse(
            format!("`{text}` is not a Socket.IO namespace"),
            "it starts with `/` and has no comma, like `/orders`; `/` is the main one",
        );
    }
    Some(text)
}

fn preset(cursor: &Cursor<'_>) -> Option<SocketClient> {
    let only = |transport| SocketClient {
        transports: vec![transport],
        upgrade: false,
        ..SocketClient::default()
    };
    cursor.word(&[
        ("default", SocketClient::default()),
        ("websocket-only", only(TransportName::Websocket)),
        ("polling-only", only(TransportName::Polling)),
        (
            "try-all-transports",
            SocketClient {
                transports: vec![TransportName::Websocket, TransportName::Polling],
                try_all_transports: true,
                ..SocketClient::default()
            },
        ),
        (
            "recovery",
            SocketClient {
                recovery: Some(RECOVERY),
                ..SocketClient::default()
            },
        ),
    ])
}

/// Words for a client that does not recover.
const OFF: [&str; 3] = ["off", "false", "no"];

fn is_off(text: &str) -> bool {
    OFF.contains(&text.to_ascii_lowercase().as_str())
}

fn client(cursor: &Cursor<'_>) -> Option<SocketClient> {
    if !matches!(cursor.node.content, Content::Map(_)) {
        return preset(cursor);
    }
    let fields = cursor.fields("`client`")?;
    let named = fields.or("preset", SocketClient::default(), preset);
    let base = named.clone().unwrap_or_default();
    let transports = fields.or("transports", base.transports, |cursor| {
        let items = cursor.one_or_more();
        if items.is_empty() {
            return cursor.refuse(
                "a client needs a transport",
                "write `polling` or `websocket`",
            );
        }
        items
            .iter()
            .map(|item| {
                item.word(&[
                    ("polling", TransportName::Polling),
                    ("websocket", TransportName::Websocket),
                ])
            })
            .collect()
    });
    let upgrade = fields.or("upgrade", base.upgrade, Cursor::switch);
    let try_all = fields.or(
        "try-all-transports",
        base.try_all_transports,
        Cursor::switch,
    );
    let remember = fields.or("remember-upgrade", base.remember_upgrade, Cursor::switch);
    let delay = fields.or("delay", base.delay, Cursor::positive_duration);
    let delay_max = fields.or("delay-max", base.delay_max, Cursor::positive_duration);
    let jitter = fields.or("jitter", base.jitter, |cursor| {
        cursor.number_between(0.0, 1.0)
    });
    let timeout = fields.or("timeout", base.timeout, Cursor::positive_duration);
    let recovery = fields.or("recovery", base.recovery, |cursor| {
        cursor.takes(|| Seen::Words(OFF.map(str::to_owned).into()));
        if cursor.node.scalar().is_some_and(is_off) {
            return Some(None);
        }
        cursor.positive_duration().map(Some)
    });
    named?;
    Some(SocketClient {
        transports: transports?,
        upgrade: upgrade?,
        try_all_transports: try_all?,
        remember_upgrade: remember?,
        delay: delay?,
        delay_max: delay_max?,
        jitter: jitter?,
        timeout: timeout?,
        recovery: recovery?,
    })
}

fn emit(cursor: &Cursor<'_>, context: &Context<'_>) -> Option<Emit> {
    if cursor.node.scalar().is_some() {
        return Some(Emit {
            event: cursor.name_text()?,
            args: Vec::new(),
            ack: false,
        });
    }
    emit_of(&cursor.fields("something to emit")?, context)
}

/// How a connected client hands over a renewed token: something to emit that carries it.
fn renewal(cursor: &Cursor<'_>, context: &Context<'_>) -> Option<TokenRenewal> {
    let fields = cursor.fields("`renewal`")?;
    let emit = emit_of(&fields, context);
    let ahead = fields.maybe("ahead", Cursor::duration);
    let emit = emit?;
    let mut names = emit.args.iter().flat_map(Template::names);
    if !names.any(|name| name == "access-token") {
        return fields.refuse(
            "`renewal` hands over no `{access-token}`",
            "say where the token stands in what is emitted: `args: [{ token: \"{access-token}\" }]`",
        );
    }
    Some(TokenRenewal {
        emit,
        ahead: ahead?,
    })
}

fn emit_of(fields: &Fields<'_>, context: &Context<'_>) -> Option<Emit> {
    let event = fields.need("event").and_then(|cursor| cursor.name_text());
    let args = fields.or("args", Vec::new(), |cursor| {
        let live = context.placeholders(&["access-token"]);
        cursor
            .one_or_more()
            .iter()
            .map(|item| live.template(item))
            .collect()
    });
    let ack = fields.or("ack", false, Cursor::switch);
    Some(Emit {
        event: event?,
        args: args?,
        ack: ack?,
    })
}

pub(super) fn read_polling(
    cursor: &Cursor<'_>,
    context: &Context<'_>,
    screens: Option<&[Screen]>,
) -> Option<Polling> {
    let fields = cursor.fields("`polling`")?;
    let after = fields.or("after", Duration::from_secs(5), Cursor::duration);
    let every = fields.or("every", Duration::from_secs(15), Cursor::positive_duration);
    let floor = fields.maybe("floor", Cursor::positive_duration);
    let home = screens
        .and_then(<[Screen]>::first)
        .map(|screen| screen.resources.clone())
        .unwrap_or_default();
    let resources = fields.or("resources", home, |cursor| resource::names(cursor, context));
    let every = every?;
    let floor = floor?.unwrap_or(every / 2);
    if every < floor {
        return fields.refuse(
            "`every` is below the `floor`",
            "nobody may poll more often than the floor says, this app included",
        );
    }
    Some(Polling {
        after: after?,
        every,
        floor,
        resources: resources?,
    })
}
