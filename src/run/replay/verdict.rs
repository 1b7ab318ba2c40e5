//! How what was recorded and what the mock answers to it differ, by what each request is for.

use std::collections::BTreeMap;

use serde_json::Value;

use super::headers::{HeaderDiffers, differing};
use super::{Replay, cursor_of};
use crate::domain::contract::{Apply, Contract, Role};
use crate::import::{Difference, Evidence, Exchange, Recording, Says, breaks, shapes};

/// How long answers took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Timing {
    pub(crate) answers: usize,
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) most_ms: f64,
}

/// What a comparison came to.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// How many requests were asked again.
    pub(crate) asked: usize,
    /// How many events were compared.
    pub(crate) events: usize,
    pub(crate) differences: Vec<Difference>,
    /// What was not asked again, with the reason; events among it.
    pub(crate) skipped: Vec<(String, String)>,
    /// Headers that a client may go by and that differ.
    pub(crate) headers: Vec<HeaderDiffers>,
    /// How long the recorded answers took, by role: without what the harness held up.
    pub(crate) timings: BTreeMap<String, Timing>,
}

/// Compares all of it.
pub(crate) fn compare(contract: &Contract, recording: &Recording, replay: &Replay) -> Compared {
    let mut compared = Compared {
        asked: replay.asked.len(),
        skipped: replay.skipped.clone(),
        headers: differing(recording, replay),
        ..Compared::default()
    };
    statuses(recording, replay, &mut compared);
    let mut by_role: BTreeMap<String, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
    for asked in &replay.asked {
        let own = &recording.exchanges[asked.exchange];
        let mocked = asked
            .answer
            .as_ref()
            .filter(|_| (200..300).contains(&asked.status));
        let seen = own.answer.as_ref().filter(|_| own.succeeded());
        if let (Some(seen), Some(mocked)) = (seen, mocked) {
            match &asked.role {
                Role::Resource(_) | Role::Status => {
                    let (all, others) = by_role.entry(asked.role.to_string()).or_default();
                    all.push(seen);
                    others.push(mocked);
                }
                Role::SignIn | Role::Refresh => tokens(contract, &asked.role, own, &mut compared),
                _ => {}
            }
        }
    }
    for (role, (seen, mocked)) in &by_role {
        let resource = contract.resource(role);
        let schema = resource.and_then(|own| own.schema.as_ref());
        let broken = schema
            .map(|schema| breaks(role, schema, seen))
            .unwrap_or_default();
        compared.differences.extend(broken);
        // Where the next page begins is another place at every backend, and nowhere on the last one.
        let cursor = resource
            .and_then(cursor_of)
            .map(|(_, from)| from.to_string());
        let found = shapes(role, seen, mocked).into_iter();
        compared
            .differences
            .extend(found.filter(|own| cursor.as_ref() != Some(&own.at)));
    }
    headers(contract, recording, replay, &mut compared);
    events(contract, recording, replay, &mut compared);
    timings(recording, replay, &mut compared);
    compared.differences.sort();
    compared.differences.dedup();
    compared
}

fn statuses(recording: &Recording, replay: &Replay, compared: &mut Compared) {
    for asked in &replay.asked {
        let own = &recording.exchanges[asked.exchange];
        let is_same = own.status == asked.status
            // Which success it is, no contract says.
            || (own.succeeded() && (200..300).contains(&asked.status))
            || (300..400).contains(&own.status);
        if !is_same {
            compared.differences.push(Difference {
                about: asked.role.to_string(),
                at: String::new(),
                recorded: format!("status {}", own.status),
                mock: format!("status {}", asked.status),
                change: status_change(&asked.role).to_owned(),
            });
        }
    }
}

fn status_change(role: &Role) -> &'static str {
    match role {
        Role::SignIn => "say the target's status under `session.refused-by`",
        Role::Refresh => "say the target's status under `session.ended-by`",
        Role::Resource(_) => {
            "ask for something that the world has, or say it under `session.expired-by`"
        }
        _ => "see whether this request is what the contract takes it for",
    }
}

/// Whether a recorded answer has its tokens where the contract says.
fn tokens(contract: &Contract, role: &Role, own: &Exchange, compared: &mut Compared) {
    let session = &contract.session;
    let answer = match role {
        Role::Refresh => session.refresh.as_ref().map(|own| &own.answer),
        _ => Some(&session.sign_in.answer),
    };
    let Some(answer) = answer else { return };
    let headers = own.answer_headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_str()));
    for selector in std::iter::once(&answer.access_token).chain(&answer.refresh_token) {
        let is_there = selector
            .in_answer(headers.clone(), own.answer.as_ref())
            .is_some();
        // A renewal need not bring a new refresh token.
        let must = *role == Role::SignIn || *selector == answer.access_token;
        if !is_there && must {
            compared.differences.push(Difference {
                about: role.to_string(),
                at: selector.to_string(),
                recorded: "no token there".to_owned(),
                mock: "a token".to_owned(),
                change: "say under `answer` where the target has its tokens".to_owned(),
            });
        }
    }
}

/// The header of the request id, where the contract promises one.
fn headers(contract: &Contract, recording: &Recording, replay: &Replay, compared: &mut Compared) {
    let Some(name) = &contract.request_id else {
        return;
    };
    let mut lacking: BTreeMap<String, usize> = BTreeMap::new();
    for asked in &replay.asked {
        let own = &recording.exchanges[asked.exchange];
        let mocked = asked.headers.iter().any(|(own, _)| own == name);
        if mocked && !own.answer_headers.iter().any(|(own, _)| own == name) {
            *lacking.entry(asked.role.to_string()).or_default() += 1;
        }
    }
    // An archive that has no header of answers at all tells nothing of them.
    let any = recording
        .exchanges
        .iter()
        .any(|own| !own.answer_headers.is_empty());
    for (about, times) in lacking.into_iter().filter(|_| any) {
        compared.differences.push(Difference {
            about,
            at: format!("header {name}"),
            recorded: format!("not there ({times} times)"),
            mock: "there".to_owned(),
            change: "take `request-id` out of the contract, or have the target send it".to_owned(),
        });
    }
}

fn events(contract: &Contract, recording: &Recording, replay: &Replay, compared: &mut Compared) {
    let mut seen: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for packet in recording.packets.iter().filter(|own| !own.up) {
        if let Says::Event { name, args, .. } = &packet.says {
            seen.entry(name).or_default().extend(args.first());
        }
    }
    for (name, payloads) in seen {
        let about = format!("event {name}");
        let Some(rule) = contract.event(name) else {
            compared.differences.push(Difference {
                about,
                at: String::new(),
                recorded: format!("came {} times", payloads.len()),
                mock: "the contract does not name it".to_owned(),
                change: "name it under `realtime.events`".to_owned(),
            });
            continue;
        };
        compared.events += 1;
        if let Some(schema) = &rule.schema {
            compared
                .differences
                .extend(breaks(&about, schema, &payloads));
        }
        let brings = matches!(rule.apply, Apply::Merge | Apply::Replace) && rule.updates.is_some();
        let Some(mocked) = replay.heard.get(name).filter(|_| brings) else {
            match brings {
                true => compared.differences.push(Difference {
                    about,
                    at: String::new(),
                    recorded: format!("came {} times", payloads.len()),
                    mock: "it was not emitted".to_owned(),
                    change: "see whether the world has items that it could bring".to_owned(),
                }),
                false => compared.skipped.push((
                    about,
                    "it changes nothing that the mock could make a payload of: only its schema was compared".to_owned(),
                )),
            }
            continue;
        };
        let mocked: Vec<&Value> = mocked.iter().collect();
        compared
            .differences
            .extend(shapes(&about, &payloads, &mocked));
    }
}

/// What was recorded, by what it is about: from this a contract and a world can be mended.
pub(crate) fn evidence<'r>(recording: &'r Recording, replay: &Replay) -> Evidence<'r> {
    let mut evidence = Evidence::default();
    for asked in &replay.asked {
        let own = &recording.exchanges[asked.exchange];
        let is_refused = (400..500).contains(&own.status);
        match (&asked.role, &own.answer) {
            (Role::SignIn, _) if is_refused => {
                evidence.refused.insert(own.status);
            }
            (Role::Refresh, _) if is_refused => {
                evidence.ended.insert(own.status);
            }
            (Role::Resource(name), Some(answer)) if own.succeeded() => {
                evidence
                    .answers
                    .entry(name.clone())
                    .or_default()
                    .push(answer);
            }
            _ => {}
        }
    }
    for packet in recording.packets.iter().filter(|own| !own.up) {
        if let Says::Event { name, args, .. } = &packet.says {
            evidence
                .events
                .entry(name.clone())
                .or_default()
                .extend(args.first());
        }
    }
    evidence
}

fn timings(recording: &Recording, replay: &Replay, compared: &mut Compared) {
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for asked in &replay.asked {
        let own = &recording.exchanges[asked.exchange];
        if !own.held_up {
            all.entry(asked.role.to_string())
                .or_default()
                .push(own.took);
        }
    }
    for (role, mut own) in all {
        own.sort_by(f64::total_cmp);
        let at = |part: f64| own[((own.len() - 1) as f64 * part).round() as usize];
        let timing = Timing {
            answers: own.len(),
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            most_ms: at(1.0),
        };
        compared.timings.insert(role, timing);
    }
}
