//! `set`: how the world changes.

use super::{Names, requests};
use crate::domain::malformed::Malformed;
use crate::domain::scenario::{Change, Fault, Withheld};
use crate::suite::cursor::{Cursor, Fields};
use crate::suite::node::Content;
use crate::suite::trace::Seen;

const FORM: &str = "write it like `{ maintenance: on }` or `drop-sockets`";

/// The settings that are said in one word, beside the changes that the world names.
const WORDS: [(&str, Change); 3] = [
    ("expire-tokens", Change::ExpireTokens),
    ("drop-sockets", Change::DropSockets),
    ("forget-sessions", Change::ForgetSessions),
];

/// Reads the setting of one step.
pub(super) fn read(step: &Fields<'_>, names: &Names<'_>) -> Option<Change> {
    let place = step.need("set")?;
    if !matches!(place.node.content, Content::Map(_)) {
        let own = names.changes().iter();
        let own = own.map(|name| (*name, Change::Own((*name).to_owned())));
        let words: Vec<_> = WORDS.into_iter().chain(own).collect();
        place.takes(|| Seen::OtherNames);
        return place.word(&words);
    }
    let fields = place.fields("a setting")?;
    fields.wants_one();
    let settings = [
        fields
            .get("maintenance")
            .map(|place| place.switch().map(Change::Maintenance)),
        fields.get("backend").map(|place| backend(&place, names)),
        fields.get("push").map(|place| push(&place, names)),
        fields.get("malform").map(|place| malform(&place, names)),
        fields
            .get("change")
            .map(|place| names.change(&place).map(Change::Own)),
        fields.get("network").map(|place| {
            place
                .word(&[("offline", false), ("online", true)])
                .map(Change::Network)
        }),
        fields
            .get("websocket")
            .map(|place| open(&place).map(Change::Websocket)),
        fields
            .get("socket")
            .map(|place| open(&place).map(Change::Socket)),
        fields.get("fault").map(|place| fault(&place, names)),
    ];
    let mut given = settings.into_iter().flatten();
    match (given.next(), given.next(), fields.keys().count()) {
        (Some(setting), None, 1) => setting,
        (Some(_), Some(_), _) => {
            fields.refuse("a step sets one thing", "make it one step a setting")
        }
        (None, _, 0) => fields.refuse("this setting is empty", FORM),
        // Whatever is wrong otherwise is noted by itself.
        _ => None,
    }
}

fn open(place: &Cursor<'_>) -> Option<bool> {
    place.word(&[("blocked", false), ("open", true)])
}

fn running(place: &Cursor<'_>) -> Option<bool> {
    place.word(&[("stopped", false), ("running", true)])
}

/// `stopped`, or `{ trading: stopped }`.
fn backend(place: &Cursor<'_>, names: &Names<'_>) -> Option<Change> {
    if place.node.scalar().is_some() {
        return Some(Change::Backend {
            service: None,
            running: running(place)?,
        });
    }
    let entries = place.entries()?;
    let [(entry, state)] = &entries[..] else {
        return place.refuse(
            "`backend` is about one service, or about all",
            "write `backend: stopped`, or `backend: { trading: stopped }`",
        );
    };
    let running = running(state);
    Some(Change::Backend {
        service: Some(names.service(place, &entry.key)?),
        running: running?,
    })
}

/// `{ resource: watched, as: truncated }`, or `as: good`.
fn malform(place: &Cursor<'_>, names: &Names<'_>) -> Option<Change> {
    let fields = place.fields("`malform`")?;
    let resource = fields
        .need("resource")
        .and_then(|place| names.resource(&place));
    let class = fields.need("as").and_then(|place| {
        let classes = Malformed::ALL
            .iter()
            .map(|(name, class)| (*name, Some(*class)));
        let words: Vec<_> = classes.chain([("good", None)]).collect();
        place.word(&words)
    });
    Some(Change::Malform {
        resource: resource?,
        class: class?,
    })
}

/// `positions_update`, or `{ event: positions_update, payload: … }`.
fn push(place: &Cursor<'_>, names: &Names<'_>) -> Option<Change> {
    if place.node.scalar().is_some() {
        return Some(Change::Push {
            event: names.event(place)?,
            payload: None,
        });
    }
    let fields = place.fields("`push`")?;
    let event = fields.need("event").and_then(|place| names.event(&place));
    let payload = fields.maybe("payload", Cursor::json);
    Some(Change::Push {
        event: event?,
        payload: payload?,
    })
}

/// `{ on: history, delay: 2s }`; `off` ends it.
fn fault(place: &Cursor<'_>, names: &Names<'_>) -> Option<Change> {
    const FORM: &str = "write one of `delay: 2s`, `respond: { status: 500 }`, `refuse`, `black-hole`, `reset`, `withhold: ping`, `untrusted` or `off`, like `{ on: data, refuse: on }`";
    let fields = place.fields("`fault`")?;
    let on = fields
        .need("on")
        .and_then(|place| requests::read(&place, names));
    let flag = |key: &'static str, fault: Option<Fault>| {
        let place = fields.get(key)?;
        Some(match place.switch() {
            Some(true) => Some(fault),
            Some(false) if fault.is_none() => place.refuse("`off` cannot be off", "leave it away"),
            Some(false) => Some(None),
            None => None,
        })
    };
    let faults = [
        fields.get("delay").map(|place| {
            place
                .positive_duration()
                .map(|delay| Some(Fault::Delay(delay)))
        }),
        fields
            .get("respond")
            .map(|place| respond(&place, names).map(Some)),
        flag("refuse", Some(Fault::Refuse)),
        flag("black-hole", Some(Fault::BlackHole)),
        flag("reset", Some(Fault::Reset)),
        fields
            .get("withhold")
            .map(|place| withhold(&place).map(Some)),
        flag("untrusted", Some(Fault::Untrusted)),
        flag("off", None),
    ];
    let mut given = faults.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(fault), None) => {
            let (on, fault) = (on?, fault?);
            if fault == Some(Fault::Untrusted) && !on.is_of_whole_services() {
                return fields.refuse(
                    "a certificate is shown for a whole service, before any request",
                    "write `{ on: any, untrusted: on }`, or `{ on: \"* trading /**\", untrusted: on }` for one service",
                );
            }
            Some(Change::Fault { on, fault })
        }
        _ => fields.refuse("a fault is one thing", FORM),
    }
}

fn withhold(place: &Cursor<'_>) -> Option<Fault> {
    place
        .word(&[("ping", Withheld::Ping), ("probe", Withheld::Probe)])
        .map(Fault::Withhold)
}

/// The word for the status by which a refresh says that the session is over.
const ENDED: &str = "ended";

fn respond(place: &Cursor<'_>, names: &Names<'_>) -> Option<Fault> {
    if place.node.scalar().is_some() {
        let status = match place.node.scalar() {
            Some(ENDED) => {
                place.takes(|| Seen::Words(vec![ENDED.to_owned()]));
                names.ended()
            }
            _ => place.status(),
        };
        return Some(Fault::Respond {
            status: status?,
            headers: Vec::new(),
            body: None,
        });
    }
    let fields = place.fields("`respond`")?;
    let status = fields.need("status").and_then(|place| place.status());
    let headers = fields.or("headers", Vec::new(), |place| {
        place
            .entries()?
            .iter()
            .map(|(entry, value)| Some((entry.key.clone(), value.text()?)))
            .collect()
    });
    let body = fields.maybe("body", Cursor::json);
    Some(Fault::Respond {
        status: status?,
        headers: headers?,
        body: body?,
    })
}
