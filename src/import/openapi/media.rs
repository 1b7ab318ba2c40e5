//! Bodies: which of several media types counts, and its example.

use serde_json::{Map, Value};

use super::Reading;
use crate::import::api::{Answer, Body, is_json};

impl<'d> Reading<'d> {
    /// The body that a request has, JSON before forms.
    pub(super) fn body(&mut self, own: &'d Value, what: &str) -> Option<Body> {
        let own = self.resolved(own, what)?;
        let content = own.get("content")?.as_object()?;
        let form = "application/x-www-form-urlencoded";
        let (form, media) = match json_of(content) {
            Some((_, media)) => (false, media),
            None => (true, content.get(form)?),
        };
        let schema = media.get("schema")?;
        Some(Body {
            form,
            schema: self.schema(schema, what),
            sample: self.example(media, what),
        })
    }

    /// The first answer of success, and the statuses of refusal.
    pub(super) fn answers(&mut self, own: &'d Value, what: &str) -> (Option<Answer>, Vec<u16>) {
        let all = own.get("responses").and_then(Value::as_object);
        let mut answer = None;
        let mut refusals = Vec::new();
        for (status, own) in all.into_iter().flatten() {
            match status.as_bytes().first() {
                Some(b'2') if answer.is_none() => answer = self.answer(own, what),
                Some(b'4') => refusals.extend(status.parse::<u16>().ok()),
                _ => {}
            }
        }
        // Some only say what is answered by default.
        if answer.is_none()
            && refusals.is_empty()
            && let Some(own) = all.and_then(|all| all.get("default"))
        {
            answer = self.answer(own, what);
        }
        (answer, refusals)
    }

    fn answer(&mut self, own: &'d Value, what: &str) -> Option<Answer> {
        let own = self.resolved(own, what)?;
        let headers = own.get("headers").and_then(Value::as_object);
        let headers = headers.into_iter().flatten();
        let mut answer = Answer {
            headers: headers.map(|(name, _)| name.to_ascii_lowercase()).collect(),
            ..Answer::default()
        };
        let content = own.get("content").and_then(Value::as_object);
        if let Some(content) = content {
            match json_of(content) {
                Some((kind, media)) => {
                    kind.clone_into(&mut answer.kind);
                    let schema = media.get("schema");
                    answer.schema = schema.map(|own| self.schema(own, what));
                    answer.sample = self.example(media, what);
                }
                None => {
                    let kind = content.keys().next();
                    answer.kind = kind.cloned().unwrap_or_default();
                }
            }
        }
        Some(answer)
    }

    /// The example of a body.
    fn example(&mut self, media: &'d Value, what: &str) -> Option<Value> {
        let first = media.get("examples").and_then(Value::as_object);
        let first = first.and_then(|own| own.values().next());
        if let Some(own) = media.get("example") {
            return Some(own.clone());
        }
        if let Some(own) = first {
            return self.resolved(own, what)?.get("value").cloned();
        }
        let schema = media.get("schema")?;
        let schema = match schema.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.document.at(reference)?,
            None => schema,
        };
        let listed = schema.get("examples").and_then(Value::as_array);
        let listed = listed.and_then(|own| own.first());
        schema.get("example").or(listed).cloned()
    }
}

fn json_of(content: &Map<String, Value>) -> Option<(&str, &Value)> {
    let all = content.iter().map(|(kind, media)| (kind.as_str(), media));
    let mut json = all.clone().filter(|(kind, _)| is_json(kind));
    let any = all.clone().find(|(kind, _)| *kind == "*/*");
    json.next()
        .or(any.map(|(_, media)| ("application/json", media)))
}
