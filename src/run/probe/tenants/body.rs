//! Bodies that name another user beside what the contract has in them.

use serde_json::Value;

use crate::domain::contract::Body;
use crate::domain::selector::Template;

/// The body with these names, each saying `value`, wherever it has named fields and this one is not among
/// them; `None` for a body that has none.
pub(super) fn naming(body: &Body, names: &[&str], value: &str) -> Option<Body> {
    match body {
        Body::Empty => None,
        Body::Form(fields) => {
            let mut fields = fields.clone();
            for name in names {
                if !fields.iter().any(|(own, _)| own == name) {
                    fields.push(((*name).to_owned(), literal(value)));
                }
            }
            Some(Body::Form(fields))
        }
        Body::Json(Template(template)) => {
            let mut template = template.clone();
            name_in(&mut template, names, &literal(value)).then_some(Body::Json(Template(template)))
        }
    }
}

/// Adds the names to every object, and says whether there was one.
fn name_in(template: &mut Value, names: &[&str], value: &str) -> bool {
    match template {
        Value::Array(items) => {
            let named = items.iter_mut().map(|item| name_in(item, names, value));
            named.fold(false, |any, own| any | own)
        }
        Value::Object(fields) => {
            for field in fields.values_mut() {
                name_in(field, names, value);
            }
            for name in names {
                let free = fields.entry(*name);
                free.or_insert_with(|| Value::from(value));
            }
            true
        }
        _ => false,
    }
}

/// A value in which a template finds no placeholder; a name with braces in it is nobody's.
fn literal(value: &str) -> String {
    value.replace(['{', '}'], "")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_object_of_a_body_names_the_user_and_keeps_what_stands_there() {
        let body = Body::Json(Template(
            json!({"method": "trips", "params": {"user": "{username}", "page": 1}}),
        ));
        let named = naming(&body, &["user", "owner"], "ann");
        let wanted = json!({
            "method": "trips", "user": "ann", "owner": "ann",
            "params": {"user": "{username}", "page": 1, "owner": "ann"},
        });
        assert!(matches!(named, Some(Body::Json(Template(value))) if value == wanted));
        let form = Body::Form(vec![("user".to_owned(), "x".to_owned())]);
        let named = naming(&form, &["user", "owner"], "ann");
        let wanted = [("user", "x"), ("owner", "ann")];
        let wanted = wanted.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert!(matches!(named, Some(Body::Form(fields)) if fields == wanted));
        assert!(naming(&Body::Empty, &["user"], "ann").is_none());
        assert!(naming(&Body::Json(Template(json!([1]))), &["user"], "ann").is_none());
    }
}
