//! Telling operations apart that share method and path, as sign-in and refresh do at the token
//! endpoint of OAuth (RFC 6749 §3.2).

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Body, Contract, Operation, Role};
use crate::domain::selector::Template;

impl Contract {
    /// What a request is for, by its query and body too. `path` is as in [`Contract::role_of`];
    /// `query` is as sent, without `?`. Where nothing tells operations apart, the first one counts;
    /// where what tells them apart says that this is none of them, none does.
    #[must_use]
    pub fn role_of_call(
        &self,
        method: &str,
        service: &str,
        path: &str,
        query: &str,
        body: Option<&[u8]>,
    ) -> Option<Role> {
        let first = self.role_of(method, service, path)?;
        if first == Role::Realtime {
            return Some(first);
        }
        let sharing: Vec<(Role, &Operation)> = self
            .operations()
            .filter(|(_, operation)| operation.covers(method, service, path))
            .collect();
        if sharing.len() < 2 {
            return Some(first);
        }
        let sent = Sent::of(query, body);
        if sent.is_none_of(&sharing) {
            return None;
        }
        let fitting = sharing
            .into_iter()
            .filter_map(|(role, operation)| Some((sent.likeness(operation)?, role)));
        let best = fitting.reduce(|best, other| if other.0 > best.0 { other } else { best });
        best.map_or(Some(first), |(_, role)| Some(role))
    }
}

/// What a request brings along.
struct Sent {
    query: BTreeMap<String, String>,
    json: Option<Value>,
    form: BTreeMap<String, String>,
}

impl Sent {
    fn of(query: &str, body: Option<&[u8]>) -> Self {
        let body = body.unwrap_or_default();
        let pairs = |bytes: &[u8]| url::form_urlencoded::parse(bytes).into_owned().collect();
        Self {
            query: pairs(query.as_bytes()),
            json: serde_json::from_slice(body).ok(),
            form: pairs(body),
        }
    }

    /// Whether a field that has a fixed value of its own in each operation has yet another one here.
    fn is_none_of(&self, sharing: &[(Role, &Operation)]) -> bool {
        let fixed: Vec<Vec<(Place<'_>, Value)>> = sharing
            .iter()
            .map(|(_, operation)| fixed(operation))
            .collect();
        let Some((first, others)) = fixed.split_first() else {
            return false;
        };
        first.iter().any(|(place, own)| {
            let Some(sent) = self.at(place) else {
                return false;
            };
            let others: Option<Vec<&Value>> = others
                .iter()
                .map(|fields| fields.iter().find(|(other, _)| other == place))
                .map(|field| field.map(|(_, value)| value))
                .collect();
            others.is_some_and(|others| {
                let values = || others.iter().copied().chain([own]);
                values().any(|value| value != own) && values().all(|value| *value != sent)
            })
        })
    }

    /// What was sent there.
    fn at(&self, place: &Place<'_>) -> Option<Value> {
        match place {
            Place::Query(name) => self.query.get(*name).map(|text| Value::from(text.as_str())),
            Place::Form(name) => self.form.get(*name).map(|text| Value::from(text.as_str())),
            Place::Json(name) => self.json.as_ref()?.get(name).cloned(),
        }
    }

    /// In how many parts this is the operation: fixed values weigh more than fields that are there.
    /// `None` when a part is missing or different.
    fn likeness(&self, operation: &Operation) -> Option<u32> {
        let mut likeness = 0;
        for (name, template) in &operation.query {
            let template = Template(Value::from(template.as_str()));
            likeness += part(&template, &Value::from(self.query.get(name)?.as_str()))?;
        }
        match &operation.body {
            Body::Empty => {}
            Body::Form(fields) => {
                for (name, template) in fields {
                    let template = Template(Value::from(template.as_str()));
                    likeness += part(&template, &Value::from(self.form.get(name)?.as_str()))?;
                }
            }
            Body::Json(template) => likeness += part(template, self.json.as_ref()?)?,
        }
        Some(likeness)
    }
}

/// Where a field of a request stands.
#[derive(PartialEq)]
enum Place<'a> {
    Query(&'a str),
    Form(&'a str),
    Json(&'a str),
}

/// The fields that always have the same value.
fn fixed(operation: &Operation) -> Vec<(Place<'_>, Value)> {
    let mut fields: Vec<(Place<'_>, Value)> = Vec::new();
    for (name, text) in &operation.query {
        fields.push((Place::Query(name), Value::from(text.as_str())));
    }
    match &operation.body {
        Body::Form(pairs) => {
            for (name, text) in pairs {
                fields.push((Place::Form(name), Value::from(text.as_str())));
            }
        }
        Body::Json(Template(Value::Object(own))) => {
            for (name, value) in own {
                fields.push((Place::Json(name), value.clone()));
            }
        }
        Body::Json(_) | Body::Empty => {}
    }
    let filled = fields.into_iter().filter_map(|(place, value)| {
        let template = Template(value);
        template
            .names()
            .is_empty()
            .then(|| (place, template.fill(&|_| None)))
    });
    filled.collect()
}

/// How much of `sent` the template explains.
fn part(template: &Template, sent: &Value) -> Option<u32> {
    match (&template.0, sent) {
        (Value::Object(wanted), Value::Object(own)) => {
            let mut likeness = 0;
            for (name, wanted) in wanted {
                likeness += part(&Template(wanted.clone()), own.get(name)?)?;
            }
            Some(likeness)
        }
        (_, _) if !template.names().is_empty() => Some(1),
        (_, sent) if template.fill(&|_| None) == *sent => Some(2),
        _ => None,
    }
}
