//! Reports and journals that no run wrote: a very long one, and one that says what it should not.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::report_of;

/// What would run, if it became markup anywhere: it marks the window.
pub(super) const HOSTILE: [&str; 5] = [
    "</script><script>window.hit = 1</script>",
    "<img src=x onerror=\"window.hit = 1\">",
    "\"><svg onload=window.hit=1>",
    "javascript:window.hit=1",
    "${window.hit = 1}`${window.hit = 1}`",
];

/// The report of a scenario of this many entries, a finding in the middle.
pub(super) fn long_report(entries: u64) -> Value {
    report_of(&json!({
        "id": "long", "name": "A very long day", "file": "long.yaml", "runbook": [],
        "verdict": "failed", "reason": null, "attempts": [], "duration_virtual_ms": 21_600_000,
        "duration_wall_ms": 21_600_000, "not_judged": [], "remarks": [], "levers": [],
        "scope": {}, "journal_entries": entries, "excerpt": [], "figures": {},
        "findings": [finding(entries / 2), finding(entries - 5)]
    }))
}

fn finding(entry: u64) -> Value {
    json!({
        "rule": "SYNC-1", "title": "Data keeps arriving", "subject": "app", "severity": "violation",
        "symptom_of": null, "message": "data stops", "expected": "data", "observed": "none",
        "source": null, "fix": null, "request_ids": [],
        "evidence": [{"id": entry, "at_us": null, "line": null}]
    })
}

/// A journal as a day of polling and a live feed writes it: requests with headers, answers with
/// bodies that differ, packets, and what the app says of itself.
pub(super) fn long_journal(out: &mut dyn Write, entries: u64) -> io::Result<()> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut at = 0;
    writeln!(out, "{}", json!({"journal": 2}))?;
    for id in 1..=entries {
        at += random.u64(0..430_000);
        let exchange = id / 10 + 1;
        let fact = match id % 10 {
            1 => request(exchange),
            2 => answer(exchange, &mut random),
            3 => {
                json!({"app": {"shown": {"resource": "positions", "items": 20, "source": "request"}}})
            }
            4 if id % 4_000 == 4 => json!({"app": {"feed": {"feed": feed(&mut random)}}}),
            5 if id % 9_000 == 5 => json!({"app": {"screen": {"screen": "overview"}}}),
            6 => packet("up", &json!("pong")),
            _ => packet(
                "down",
                &json!({"event": {"namespace": "/live", "name": "price_update",
                "args": {"json": {"value": [{"symbol": "EURUSD", "bid": random.u32(..), "ask": random.u32(..)}], "bytes": 96}}}}),
            ),
        };
        writeln!(out, "{}", json!({"id": id, "at_us": at, "fact": fact}))?;
    }
    Ok(())
}

fn feed(random: &mut fastrand::Rng) -> &'static str {
    ["live", "polling", "stale"][random.usize(0..3)]
}

fn packet(direction: &str, packet: &Value) -> Value {
    let packet = if packet == "pong" {
        &json!({"pong": {"probe": false}})
    } else {
        packet
    };
    json!({"frame": {"socket": 1, "direction": direction, "transport": "websocket", "bytes": 96, "packet": packet}})
}

fn request(exchange: u64) -> Value {
    json!({"request": {
        "exchange": exchange, "sender": "client", "service": "api", "method": "GET",
        "target": format!("/data/positions?page={exchange}"), "path": "/data/positions", "host": "api.example",
        "headers": [["accept", "application/json"], ["authorization", "Bearer ‹access-1›"], ["user-agent", "app/1.0"],
            ["x-request-id", format!("req-{exchange:06}")]],
        "role": {"resource": "positions"}, "judgement": {"class": "allowed", "reason": "declared as positions"}
    }})
}

fn answer(exchange: u64, random: &mut fastrand::Rng) -> Value {
    let items: Vec<Value> = (0..6)
        .map(|at| json!({"id": format!("pos_{:08x}", random.u32(..)), "place": at, "size": random.u16(..), "profit": random.i32(..)}))
        .collect();
    json!({"answer": {
        "exchange": exchange, "status": if random.u8(..) == 0 { 503 } else { 200 }, "from": "backend",
        "headers": [["content-type", "application/json"], ["date", "Mon, 05 Jan 2026 09:00:00 GMT"], ["etag", format!("\"{:016x}\"", random.u64(..))]],
        "body": {"json": {"value": {"positions": items, "next": null}, "bytes": 512}}, "request_id": format!("req-{exchange:06}")
    }})
}

/// A report every text of which would run if it became markup.
pub(super) fn hostile_report() -> Value {
    let all = HOSTILE.join(" ");
    let mut report = report_of(&json!({
        "id": format!("hostile {all}"), "name": all, "file": all, "runbook": [all], "tags": [all],
        "verdict": "failed", "reason": all, "attempts": [], "duration_virtual_ms": 1, "duration_wall_ms": 1,
        "not_judged": [{"rule": all, "reason": all}], "remarks": [{"about": all, "remark": all}],
        "levers": [all], "scope": {}, "journal_entries": 9, "excerpt": [], "figures": {},
        "findings": [{
            "rule": all, "title": all, "subject": "app", "severity": "violation", "symptom_of": null,
            "message": all, "expected": all, "observed": all, "source": all, "fix": all,
            "request_ids": [all], "evidence": [{"id": 1, "at_us": 0, "line": all}]
        }]
    }));
    report["target"] = json!(all);
    report["reason"] = json!(all);
    report["quirks"] = json!([all]);
    report["causes"] = json!([{"rule": all, "subject": all, "scenarios": [all]}]);
    report["coverage"] =
        json!({all.clone(): {all.clone(): {"by_client": 0, "by_harness": 0, "why": all}}});
    report["runbook"] = json!({
        "name": all, "version": all, "published": false, "checks": [], "groups": [{"id": "A", "title": all}],
        "items": [{"id": all, "title": all, "group": "A", "status": "violated", "reason": all, "attested": null,
            "by": [{"kind": all, "name": all, "came": "broken", "scenarios": [all], "why": all}]}]
    });
    report
}

/// A journal of the same kind, in all places where a client or a backend has a word.
pub(super) fn hostile_journal() -> String {
    let all = HOSTILE.join(" ");
    let content = json!({"json": {"value": {all.clone(): [all]}, "bytes": 9}});
    let facts = [
        json!({"request": {"exchange": 1, "sender": "client", "service": all, "method": all, "target": all, "path": all,
            "host": all, "headers": [[all, all]], "body": content, "judgement": {"class": "forbidden", "reason": all}}}),
        json!({"answer": {"exchange": 1, "status": 200, "headers": [["location", "javascript:window.hit=1"], [all, all]],
            "body": {"text": {"text": all, "bytes": 9}}, "from": "backend", "request_id": all}}),
        json!({"frame": {"socket": 1, "direction": "down", "transport": "websocket", "bytes": 9,
            "packet": {"event": {"namespace": all, "name": all, "args": content}}}}),
        json!({"app": {"screen": {"screen": all}}}),
        json!({"app": {"notice": {"name": all}}}),
        json!({"harness": {"step": {"step": 1, "text": all, "phase": "began"}}}),
        json!({"unreadable": {"service": all, "speaks": "http", "why": all, "beginning": all}}),
    ];
    let entry =
        |(at, fact): (usize, &Value)| json!({"id": at + 1, "at_us": at, "fact": fact}).to_string();
    let mut lines: Vec<String> = facts.iter().enumerate().map(entry).collect();
    lines.push(all);
    lines.join("\n")
}
