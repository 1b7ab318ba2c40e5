//! Telling operations apart that share method and path, as sign-in and refresh do at the token
//! endpoint of OAuth (RFC 6749 §3.2).

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Body, Contract, Operation, Role};
use crate::domain::selector::Template;

impl Contract {
    /// What a request is for, by its query and body too. `path` is as in [`Contract::role_of`];
    /// `query` is as sent, without `?`.
    ///
    /// An operation that has all its parts goes before one that has some. What lacks its parts is
    /// still the operation whose fixed values it has, wherever they stand, so that a refresh in a URL
    /// is a refresh. Where what tells operations apart says that this is none of them, none is it.
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
        let covers = |(_, operation): &(Role, &Operation)| operation.covers(method, service, path);
        let mut sharing: Vec<(Role, &Operation)> = self.operations().filter(covers).collect();
        if sharing.iter().any(|(_, own)| !own.path.contains('{')) {
            sharing.retain(|(_, own)| !own.path.contains('{'));
        }
        let sent = Sent::of(query, body);
        if let [(role, operation)] = &sharing[..] {
            let is_another = sent.names_another_act(operation);
            return (!is_another).then(|| role.clone());
        }
        if sent.is_none_of(&sharing) {
            return None;
        }
        let likeness = sharing
            .into_iter()
            .filter_map(|(role, operation)| Some((sent.likeness(operation)?, role)));
        let best = likeness.reduce(|best, other| if other.0 > best.0 { other } else { best });
        best.map(|(_, role)| role)
    }
}

/// Fields by which one path serves many operations: JSON-RPC 2.0 §4, GraphQL over HTTP §5.1, and what
/// others call the same.
pub(in crate::domain) const DISPATCH: [&str; 6] = [
    "method",
    "operationName",
    "action",
    "command",
    "cmd",
    "operation",
];

/// How much a request is like an operation: first whether all parts are there, then how many.
type Likeness = (bool, u32);

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

    /// Whether a field that names what is to be done has another text here than in the operation.
    /// Other fields may differ: that is the same operation, done otherwise than agreed.
    fn names_another_act(&self, operation: &Operation) -> bool {
        self.is_batch_of(operation)
            || fixed(operation).into_iter().any(|(place, own)| {
                DISPATCH.contains(&place.name())
                    && own.is_string()
                    && self.at(&place).is_some_and(|sent| sent != own)
            })
    }

    /// Whether a list was sent where the operation has one object: JSON-RPC 2.0 §6 has servers do all that
    /// stands in it.
    fn is_batch_of(&self, operation: &Operation) -> bool {
        let is_object = matches!(&operation.body, Body::Json(Template(Value::Object(_))));
        is_object && matches!(self.json, Some(Value::Array(_)))
    }

    /// What was sent there; what belongs into the body is found in the query, too.
    fn at(&self, place: &Place<'_>) -> Option<Value> {
        let in_query = |name: &str| self.query.get(name).map(|text| Value::from(text.as_str()));
        match place {
            Place::Query(name) => in_query(name),
            Place::Form(name) => {
                let text = self.form.get(*name).map(|text| Value::from(text.as_str()));
                text.or_else(|| in_query(name))
            }
            Place::Json(name) => {
                let value = self.json.as_ref().and_then(|body| body.get(name)).cloned();
                value.or_else(|| in_query(name))
            }
        }
    }

    /// In how many parts this is the operation: fixed values weigh more than fields that are there.
    /// `None` when nothing of it is.
    fn likeness(&self, operation: &Operation) -> Option<Likeness> {
        if let Some(parts) = self.whole(operation) {
            return Some((true, parts));
        }
        let parts = fields(operation).into_iter().map(|(place, template)| {
            let sent = self.at(&place)?;
            part(&template, &sent).or_else(|| template.names().is_empty().then_some(0))
        });
        let parts: u32 = parts.flatten().sum();
        (parts > 0).then_some((false, parts))
    }

    /// In how many parts this is the operation, if none is missing or different.
    fn whole(&self, operation: &Operation) -> Option<u32> {
        let mut parts = 0;
        for (name, template) in &operation.query {
            let template = Template(Value::from(template.as_str()));
            parts += part(&template, &Value::from(self.query.get(name)?.as_str()))?;
        }
        match &operation.body {
            Body::Empty => {}
            Body::Form(fields) => {
                for (name, template) in fields {
                    let template = Template(Value::from(template.as_str()));
                    parts += part(&template, &Value::from(self.form.get(name)?.as_str()))?;
                }
            }
            Body::Json(template) => parts += part(template, self.json.as_ref()?)?,
        }
        Some(parts)
    }
}

/// Where a field of a request stands.
#[derive(PartialEq)]
enum Place<'a> {
    Query(&'a str),
    Form(&'a str),
    Json(&'a str),
}

impl<'a> Place<'a> {
    fn name(&self) -> &'a str {
        match self {
            Self::Query(name) | Self::Form(name) | Self::Json(name) => name,
        }
    }
}

/// The fields of an operation; those of a JSON body as far as its outermost object goes.
fn fields(operation: &Operation) -> Vec<(Place<'_>, Template)> {
    let text = |text: &str| Template(Value::from(text));
    let query = operation.query.iter();
    let mut fields: Vec<(Place<'_>, Template)> = query
        .map(|(name, own)| (Place::Query(name), text(own)))
        .collect();
    match &operation.body {
        Body::Form(pairs) => {
            let pairs = pairs.iter();
            fields.extend(pairs.map(|(name, own)| (Place::Form(name), text(own))));
        }
        Body::Json(Template(Value::Object(own))) => {
            let own = own.iter();
            fields.extend(own.map(|(name, value)| (Place::Json(name), Template(value.clone()))));
        }
        Body::Json(_) | Body::Empty => {}
    }
    fields
}

/// The fields that always have the same value.
fn fixed(operation: &Operation) -> Vec<(Place<'_>, Value)> {
    let fields = fields(operation).into_iter();
    let fixed = fields.filter(|(_, template)| template.names().is_empty());
    fixed
        .map(|(place, template)| (place, template.fill(&|_| None)))
        .collect()
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
