//! What may and what must never be called, and whether that agrees with what is declared.

use super::context::Context;
use super::realtime;
use crate::domain::contract::{Contract, Queries, Realtime, RequestPattern, Scope, TrafficFloor};
use crate::suite::cursor::{Cursor, Fields};

/// Requests that an app makes even in its shortest scenario: fewer prove nothing.
const USUAL_FLOOR: u64 = 5;

pub(super) fn read(contract: &Fields<'_>, context: &Context<'_>) -> Option<Scope> {
    let Some(cursor) = contract.get("scope") else {
        return Some(unsaid());
    };
    let fields = cursor.fields("`scope`")?;
    let patterns = |cursor: &Cursor<'_>| -> Option<Vec<RequestPattern>> {
        let patterns: Vec<Option<RequestPattern>> = cursor
            .one_or_more()
            .iter()
            .map(|item| item.request_pattern(&context.services))
            .collect();
        patterns.into_iter().collect()
    };
    let texts = |cursor: &Cursor<'_>| -> Option<Vec<String>> {
        cursor.one_or_more().iter().map(Cursor::name_text).collect()
    };
    let forbid = fields.or("forbid", Vec::new(), patterns);
    let allow = fields.or("allow", Vec::new(), patterns);
    let allow_emits = fields.or("allow-emits", Vec::new(), texts);
    let forbid_emits = fields.or("forbid-emits", Vec::new(), texts);
    let forbid_namespaces = fields.or("forbid-namespaces", Vec::new(), |cursor| {
        cursor
            .one_or_more()
            .iter()
            .map(realtime::namespace)
            .collect()
    });
    let beside = |cursor: &Cursor<'_>| {
        cursor.word(&[("any", Queries::Any), ("declared", Queries::Declared)])
    };
    let queries = fields.or("queries", Queries::Any, beside);
    let bodies = fields.or("bodies", Queries::Any, beside);
    let reads_needed = fields.or("reads", false, |cursor| {
        cursor.word(&[("any", false), ("needed", true)])
    });
    let requests = fields.or("least-requests", USUAL_FLOOR, least_requests);
    Some(Scope {
        forbid: forbid?,
        allow: allow?,
        allow_emits: allow_emits?,
        forbid_emits: forbid_emits?,
        forbid_namespaces: forbid_namespaces?,
        queries: queries?,
        bodies: bodies?,
        reads_needed: reads_needed?,
        floor: TrafficFloor {
            requests: requests?,
        },
    })
}

/// What holds where a contract says nothing of its scope.
fn unsaid() -> Scope {
    Scope {
        forbid: Vec::new(),
        allow: Vec::new(),
        allow_emits: Vec::new(),
        forbid_emits: Vec::new(),
        forbid_namespaces: Vec::new(),
        queries: Queries::Any,
        bodies: Queries::Any,
        reads_needed: false,
        floor: TrafficFloor {
            requests: USUAL_FLOOR,
        },
    }
}

/// How few requests prove nothing.
fn least_requests(cursor: &Cursor<'_>) -> Option<u64> {
    let requests = cursor.whole(1)?;
    if requests > 1_000 {
        return cursor.refuse(
            format!("no short scenario makes {requests} requests"),
            "every scenario must reach this number, or its verdict is `inconclusive`",
        );
    }
    Some(requests)
}

/// Whether something is forbidden that the contract itself makes the app do.
pub(super) fn check(contract: &Fields<'_>, read: &Contract) {
    let Some(fields) = contract
        .get("scope")
        .and_then(|cursor| cursor.fields("`scope`"))
    else {
        return;
    };
    fields.ignore_rest();
    for item in fields.get("forbid").iter().flat_map(Cursor::one_or_more) {
        check_forbid(&item, read);
    }
    if let Some(realtime) = &read.realtime {
        check_feed(&fields, read, realtime);
    }
}

/// An entry of the forbid list must hit none of the contract's own requests.
fn check_forbid(item: &Cursor<'_>, read: &Contract) {
    let services: Vec<&str> = read.services.iter().map(|own| own.name.as_str()).collect();
    let text = item.node.scalar().unwrap_or_default();
    let Ok(pattern) = RequestPattern::parse_among(text, &services) else {
        return;
    };
    let hit = read.operations().find(|(_, operation)| {
        pattern.matches(&operation.method, &operation.service, &operation.path)
    });
    if let Some((role, operation)) = hit {
        let declared = format!(
            "{} {} {}",
            operation.method, operation.service, operation.path
        );
        item.refuse::<()>(
            format!("`{pattern}` forbids `{declared}`, which this contract declares ({role})"),
            "narrow the pattern, or take the request out of the contract",
        );
    } else if let Some(realtime) = &read.realtime
        && pattern.matches("GET", &realtime.service, &realtime.path)
    {
        item.refuse::<()>(
            format!("`{pattern}` forbids the live feed itself"),
            "narrow the pattern",
        );
    }
}

/// No forbidden event and no forbidden namespace may be one that the feed needs.
fn check_feed(fields: &Fields<'_>, read: &Contract, realtime: &Realtime) {
    let listed = |key| {
        fields
            .get(key)
            .map_or_else(Vec::new, |list| list.one_or_more())
    };
    for item in listed("forbid-emits") {
        let name = item.node.scalar().unwrap_or_default();
        if realtime.emits().any(|emit| emit.event == name)
            || read.scope.allow_emits.iter().any(|allowed| allowed == name)
        {
            item.refuse::<()>(
                format!("`{name}` is forbidden here and emitted or allowed elsewhere"),
                "an event is one or the other",
            );
        }
    }
    for item in listed("forbid-namespaces") {
        if item.node.scalar() == Some(realtime.namespace.as_str()) {
            item.refuse::<()>(
                format!("`{}` is the namespace of the live feed", realtime.namespace),
                "take it off this list",
            );
        }
    }
}
