//! What becomes of values: whatever an answer hands out and later requests are authorized with opens a session,
//! and what a request brings back that hands out the next one renews it. Names prove less.

use std::collections::BTreeMap;

use serde_json::Value;

use super::api::{Carrier, Known, Traced};
use super::recording::Exchange;
use super::schemas::segment;
use crate::domain::secrets::holds_label;

/// How long a text is at least that nobody would send twice by chance.
const TELLING: usize = 20;

/// What stands for a password that was hidden.
const PASSWORD: &str = "‹password";

/// Headers that say where a client comes from, and authorize nobody.
const ELSEWHERE: [&str; 5] = ["host", "origin", "referer", "user-agent", "if-none-match"];

/// What the values of each group of exchanges were, and the header that carried what one had handed out.
pub(super) fn trace(groups: &[Vec<&Exchange>]) -> (Vec<Traced>, Option<Known<Carrier>>) {
    let mut all: Vec<(usize, &Exchange)> = (groups.iter().enumerate())
        .flat_map(|(group, all)| all.iter().map(move |own| (group, *own)))
        .collect();
    all.sort_by(|(_, left), (_, right)| left.at.total_cmp(&right.at));
    let mut trail = Trail {
        traced: vec![Traced::default(); groups.len()],
        ..Trail::default()
    };
    for (group, exchange) in all {
        trail.sent(group, exchange);
        trail.answered(group, exchange);
    }
    trail.renewals();
    (trail.traced, trail.carrier)
}

#[derive(Default)]
struct Trail {
    traced: Vec<Traced>,
    carrier: Option<Known<Carrier>>,
    /// What was handed out: by which group, and where.
    handed: BTreeMap<String, (usize, String)>,
    /// Who brought back what: the group that handed it out and where, and the one that brought it.
    brought: Vec<(usize, String, usize)>,
}

impl Trail {
    fn sent(&mut self, group: usize, exchange: &Exchange) {
        for (name, value) in &exchange.headers {
            if ELSEWHERE.contains(&name.as_str()) {
                continue;
            }
            let found = parts(value).find_map(|part| Some((part, self.handed.get(part)?)));
            let Some((token, (from, pointer))) = found else {
                continue;
            };
            self.traced[*from].access.get_or_insert(pointer.clone());
            if name != "cookie" && self.carrier.is_none() {
                let template = value.replacen(token, "{access-token}", 1);
                self.carrier = Some(Known {
                    value: Carrier::Header(name.clone(), template),
                    why: format!("requests carried in `{name}` what an answer had handed out"),
                });
            }
        }
        let Some(body) = &exchange.body else {
            return;
        };
        each(&body.value, String::new(), &mut |pointer, text| {
            if text.starts_with(PASSWORD) {
                self.traced[group]
                    .password
                    .get_or_insert(pointer.to_owned());
            }
            if let Some((from, handed)) = self.handed.get(text) {
                self.traced[group].brings.get_or_insert(pointer.to_owned());
                self.brought.push((*from, handed.clone(), group));
            }
        });
    }

    fn answered(&mut self, group: usize, exchange: &Exchange) {
        let Some(answer) = exchange.answer.as_ref().filter(|_| exchange.succeeded()) else {
            return;
        };
        each(answer, String::new(), &mut |pointer, text| {
            let is_label = holds_label(text) && text.ends_with(['›', '»']);
            let is_long = text.len() >= TELLING && !text.contains(char::is_whitespace);
            if is_label || is_long {
                let place = (group, pointer.to_owned());
                self.handed.entry(text.to_owned()).or_insert(place);
            }
        });
    }

    /// What was brought back by a request that handed out a token renews a session.
    fn renewals(&mut self) {
        for (from, pointer, by) in &self.brought {
            if self.traced[*by].access.is_some()
                && self.traced[*from].access.as_ref() != Some(pointer)
            {
                self.traced[*from].refresh.get_or_insert(pointer.clone());
            }
        }
    }
}

/// What of a header's value may be a credential: all of it, what follows a scheme, and the value of each cookie.
fn parts(value: &str) -> impl Iterator<Item = &str> {
    let after = value.split_once(' ').map(|(_, rest)| rest.trim());
    let cookies = value
        .split(';')
        .filter_map(|pair| Some(pair.split_once('=')?.1.trim()));
    [value].into_iter().chain(after).chain(cookies)
}

/// Shows each text of a value with its place, as a JSON Pointer.
fn each(value: &Value, place: String, see: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::String(text) => see(&place, text),
        // Items of a list are many things and not one.
        Value::Object(fields) => {
            for (name, field) in fields {
                each(field, format!("{place}/{}", segment(name)), see);
            }
        }
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::recording::Sent;
    use super::*;

    fn exchange(at: f64, body: Value, header: Option<&str>, answer: Value) -> Exchange {
        Exchange {
            at,
            method: "POST".to_owned(),
            status: 200,
            headers: header
                .map(|own| ("x-rider-key".to_owned(), own.to_owned()))
                .into_iter()
                .collect(),
            body: Some(Sent {
                form: false,
                value: body,
            }),
            answer: Some(answer),
            ..Exchange::default()
        }
    }

    #[test]
    fn values_tell_what_names_do_not() {
        let opens = exchange(
            1.0,
            json!({"card": "K-7", "losung": "‹password tester-a›"}),
            None,
            json!({"pass": {"value": "«secret-1»", "next": "«secret-2»"}, "desk": "7f31a9c04d11-7f31a9c04d11"}),
        );
        let reads = exchange(
            2.0,
            json!({"desk": "7f31a9c04d11-7f31a9c04d11"}),
            Some("Key «secret-1»"),
            json!({"bikes": 3}),
        );
        let renews = exchange(
            3.0,
            json!({"with": "«secret-2»"}),
            None,
            json!({"pass": {"value": "«secret-3»", "next": "«secret-4»"}}),
        );
        let again = exchange(4.0, json!({}), Some("Key «secret-3»"), json!({"bikes": 4}));
        let (traced, carrier) = trace(&[vec![&opens], vec![&reads, &again], vec![&renews]]);
        let text = |own: &str| Some(own.to_owned());
        assert_eq!(traced[0].access, text("/pass/value"));
        assert_eq!(traced[0].refresh, text("/pass/next"));
        assert_eq!(traced[0].password, text("/losung"));
        assert_eq!(traced[2].access, text("/pass/value"));
        assert_eq!(traced[2].brings, text("/with"));
        let carrier = carrier.map(|own| own.value);
        let template = "Key {access-token}".to_owned();
        assert_eq!(
            carrier,
            Some(Carrier::Header("x-rider-key".to_owned(), template))
        );
    }
}
