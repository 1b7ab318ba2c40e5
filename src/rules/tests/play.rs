//! A journal written by its story: who signs in, what they ask for, what they are sent.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::{Judge, JudgeSettings, Ruling};
use crate::domain::contract::Contract;
use crate::domain::journal::{Entry, EntryId};

/// A journal that grows by what happens.
pub(crate) struct Play {
    contract: Arc<Contract>,
    entries: Vec<Arc<Entry>>,
    now: Duration,
    exchanges: u64,
}

impl Play {
    pub(crate) fn of(contract: Contract) -> Self {
        let mut play = Self {
            contract: Arc::new(contract),
            entries: Vec::new(),
            now: Duration::ZERO,
            exchanges: 0,
        };
        play.fact(json!({"harness": {"began": {"scenario": "play", "seed": 1, "target": "mock", "epoch": 1_767_603_600, "virtual_time": true}}}));
        play
    }

    /// Any fact at all, ten milliseconds after the one before.
    pub(crate) fn fact(&mut self, fact: Value) -> &mut Self {
        self.now += Duration::from_millis(10);
        let entry = Entry {
            id: EntryId(self.entries.len() as u64 + 1),
            at: self.now,
            device: None,
            fact: serde_json::from_value(fact).unwrap(),
        };
        self.entries.push(Arc::new(entry));
        self
    }

    pub(crate) fn after(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self
    }

    /// Somebody gets a token, labelled by their name.
    pub(crate) fn signs_in(&mut self, sender: &str, name: &str, subject: Value) -> &mut Self {
        let token = json!({"label": format!("‹{sender} {name}›"), "kind": "access", "header": {"alg": "ES256"},
            "claims": {"iss": "https://gate.example", "aud": ["deck"], "sub": subject, "watch": "port", "iat": 1_767_603_600, "exp": 1_767_607_200},
            "signature": "verified", "seen_at": 1_767_603_600, "username": format!("{name}@port.example")});
        self.exchange(
            sender,
            json!({"service": "gate", "method": "POST", "target": "/board", "role": "sign-in"}),
            Some(token),
            json!({"status": 200, "body": {"json": {"value": {"pass": format!("‹{sender} {name}›"), "stub": format!("‹{sender} {name} stub›")}, "bytes": 2}}}),
        )
    }

    /// Somebody reads a resource and gets this.
    pub(crate) fn reads(
        &mut self,
        sender: &str,
        name: &str,
        resource: &str,
        body: Value,
    ) -> &mut Self {
        if sender == "probe" {
            self.fact(json!({"harness": {"probe": {"question": "own"}}}));
        }
        let answer = json!({"status": 200, "body": {"json": {"value": body, "bytes": 9}}});
        self.asks(sender, name, resource, answer)
    }

    /// Somebody asks for a resource and is answered.
    pub(crate) fn asks(
        &mut self,
        sender: &str,
        name: &str,
        resource: &str,
        answer: Value,
    ) -> &mut Self {
        let operation = &self.contract.resource(resource).unwrap().operation;
        let request = json!({"service": operation.service, "method": "GET", "target": operation.path,
            "role": {"resource": resource}, "authorization": format!("Bearer ‹{sender} {name}›")});
        self.exchange(sender, request, None, answer)
    }

    /// A later page of a list, by a cursor of the account's own.
    pub(crate) fn pages(&mut self, name: &str, resource: &str, body: Value) -> &mut Self {
        self.fact(json!({"harness": {"probe": {"question": "own"}}}));
        let operation = &self.contract.resource(resource).unwrap().operation;
        let target = format!("{}?after={name}", operation.path);
        let request = json!({"service": operation.service, "method": "GET", "target": target,
            "role": {"resource": resource}, "authorization": format!("Bearer ‹probe {name}›")});
        let answer = json!({"status": 200, "body": {"json": {"value": body, "bytes": 9}}});
        self.exchange("probe", request, None, answer)
    }

    /// One request and its answer, and the token that it brings.
    pub(crate) fn exchange(
        &mut self,
        sender: &str,
        request: Value,
        token: Option<Value>,
        answer: Value,
    ) -> &mut Self {
        self.exchanges += 1;
        let number = self.exchanges;
        let headers: Vec<Value> = request
            .get("authorization")
            .map(|value| json!(["authorization", value]))
            .into_iter()
            .collect();
        let whole = json!({"exchange": number, "sender": sender, "host": "x.example", "headers": headers,
            "path": request["target"], "judgement": {"class": "allowed", "reason": "declared"}});
        self.fact(json!({"request": merged(whole, &request)}));
        if let Some(token) = token {
            self.fact(json!({"token-issued": merged(json!({"exchange": number}), &token)}));
        }
        let whole = json!({"exchange": number, "from": "backend", "request_id": format!("t-{number}"),
            "headers": [["content-type", "application/json"], ["x-trace", format!("t-{number}")]]});
        self.fact(json!({"answer": merged(whole, &answer)}))
    }

    /// The client's socket is joined with somebody's token, and subscribed.
    pub(crate) fn joins(&mut self, socket: u64, name: &str) -> &mut Self {
        let frame = |direction: &str, payload: Value| {
            json!({"frame": {"socket": socket, "direction": direction, "transport": "websocket", "bytes": 9,
                "packet": {"connect": {"namespace": "/tide", "payload": {"json": {"value": payload, "bytes": 9}}}}}})
        };
        self.fact(json!({"socket-opened": {"socket": socket, "service": "deck", "transport": "websocket"}}));
        self.fact(frame("up", json!({"pass": format!("‹client {name}›")})));
        self.fact(frame("down", json!({"sid": "s"})));
        let feed = self.contract.realtime.iter();
        let subscribed: Vec<String> = feed
            .flat_map(|feed| &feed.subscribe)
            .map(|emit| emit.event.clone())
            .collect();
        for event in subscribed {
            self.fact(json!({"frame": {"socket": socket, "direction": "up", "transport": "websocket", "bytes": 9,
                "packet": {"event": {"namespace": "/tide", "name": event, "args": {"json": {"value": [], "bytes": 2}}}}}}));
        }
        self
    }

    /// An event comes down.
    pub(crate) fn event(&mut self, socket: u64, name: &str, body: Value) -> &mut Self {
        self.fact(json!({"frame": {"socket": socket, "direction": "down", "transport": "websocket", "bytes": 9,
            "packet": {"event": {"namespace": "/tide", "name": name, "args": {"json": {"value": [body], "bytes": 9}}}}}}))
    }

    /// The client is gone; what follows is the harness's.
    pub(crate) fn ended(&mut self) -> &mut Self {
        self.fact(json!({"harness": "ended"}))
    }

    pub(crate) fn judged(&self) -> Ruling {
        let mut judge = Judge::new(Arc::clone(&self.contract), JudgeSettings::default());
        for entry in &self.entries {
            judge.observe(entry);
        }
        judge.finish()
    }

    /// What of a rule was found, in one line each.
    pub(crate) fn found(&self, rule: &str) -> Vec<String> {
        let findings = self.judged().findings;
        let own = findings.into_iter().filter(|finding| finding.rule == rule);
        own.map(|finding| finding.observed).collect()
    }
}

fn merged(mut whole: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        if key != "authorization" {
            whole[key] = value.clone();
        }
    }
    whole
}
