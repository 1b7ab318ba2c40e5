//! `[mock]`: how `rehearsal mock` serves a developer, unless told otherwise.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::domain::beginning::Beginning;
use crate::suite::cursor::Cursor;

/// What `rehearsal mock` does unless told otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MockDefaults {
    /// The address that the services listen on.
    pub bind: Option<IpAddr>,
    /// The port of the first service; each further one has the next.
    pub port: Option<u16>,
    /// Ports of single services.
    pub ports: BTreeMap<String, u16>,
    /// The port of the operator's API.
    pub operator_port: Option<u16>,
    /// Whether there is a console.
    pub console: Option<bool>,
    /// The port of the console.
    pub console_port: Option<u16>,
    /// How many MiB of what happened are kept on disk.
    pub tape: Option<u16>,
    /// When the world begins.
    pub clock: Option<Beginning>,
    /// Whether the services are served over TLS.
    pub tls: bool,
    /// The file that the app's variables are written into.
    pub env_file: Option<PathBuf>,
    /// The folder that the world is read from, and again when it is saved.
    pub data: Option<PathBuf>,
    /// The file of what outlives a restart.
    pub state: Option<PathBuf>,
}

pub(super) fn read(
    cursor: &Cursor<'_>,
    path: impl Fn(&Cursor<'_>) -> Option<PathBuf>,
) -> Option<MockDefaults> {
    let fields = cursor.fields("`mock`")?;
    let bind = fields.maybe("bind", |cursor| {
        let text = cursor.name_text()?;
        match text.parse() {
            Ok(address) => Some(address),
            Err(_) => cursor.refuse(
                format!("`{text}` is not an address"),
                "write `0.0.0.0` for the whole network, or the address of one interface",
            ),
        }
    });
    let first = fields.maybe("port", port);
    let ports = fields.or("ports", BTreeMap::new(), |cursor| {
        let entries = cursor.entries()?.into_iter();
        let ports: Vec<Option<(String, u16)>> = entries
            .map(|(entry, cursor)| Some((entry.key.clone(), port(&cursor)?)))
            .collect();
        ports.into_iter().collect()
    });
    let operator = fields.maybe("operator-port", port);
    let console = fields.maybe("console", Cursor::switch);
    let console_port = fields.maybe("console-port", port);
    let tape = fields.maybe("tape", |cursor| {
        let most = cursor.whole(0)?;
        u16::try_from(most).ok().or_else(|| {
            cursor.refuse(
                format!("{most} MiB are more than can be kept"),
                "write a number of MiB from 0 to 65535",
            )
        })
    });
    let clock = fields.maybe("clock", Cursor::beginning);
    let tls = fields.maybe("tls", Cursor::switch);
    let env_file = fields.maybe("env-file", &path);
    let data = fields.maybe("data", &path);
    let state = fields.maybe("state", &path);
    Some(MockDefaults {
        bind: bind?,
        port: first?,
        ports: ports?,
        operator_port: operator?,
        console: console?,
        console_port: console_port?,
        tape: tape?,
        clock: clock?,
        tls: tls?.unwrap_or_default(),
        env_file: env_file?,
        data: data?,
        state: state?,
    })
}

/// A port; 0 stands for any free one.
fn port(cursor: &Cursor<'_>) -> Option<u16> {
    let number = cursor.whole(0)?;
    match u16::try_from(number) {
        Ok(port) => Some(port),
        Err(_) => cursor.refuse(
            format!("{number} is not a port"),
            "write a number from 0 to 65535; 0 is any free one",
        ),
    }
}
