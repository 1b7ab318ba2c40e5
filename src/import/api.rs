//! What is known of a backend, wherever it was learnt: from a document that describes it, or from its traffic.

use std::collections::BTreeMap;

use serde_json::Value;

/// A backend, as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct Api {
    /// For people.
    pub(super) name: String,
    pub(super) services: Vec<Service>,
    /// In the order in which they were described or first seen.
    pub(super) operations: Vec<Operation>,
    /// How requests carry the access token, where that is known.
    pub(super) carrier: Option<Known<Carrier>>,
    /// Schemas that others refer to as `#/$defs/<name>`.
    pub(super) definitions: BTreeMap<String, Value>,
    /// Whether its schemas were concluded from what was seen.
    pub(super) concluded: bool,
    /// What could not be taken over.
    pub(super) left: Vec<Left>,
}

/// Something together with what it was concluded from.
#[derive(Debug, Clone)]
pub(super) struct Known<T> {
    pub(super) value: T,
    /// A sentence without a full stop, for a comment.
    pub(super) why: String,
}

/// An origin, and where it stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Service {
    pub(super) name: String,
    /// The path below which its requests stand; empty at the root.
    pub(super) base_path: String,
    /// Where it is deployed: a URL each, with what is said of it.
    pub(super) deployed: Vec<(String, String)>,
}

/// How the access token travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Carrier {
    /// In a header, by a template.
    Header(String, String),
    /// In a cookie of this name.
    Cookie(String),
}

/// One request that the backend knows.
#[derive(Debug, Default, Clone)]
pub(super) struct Operation {
    pub(super) method: String,
    pub(super) service: String,
    /// Below the service's URL, with `{parameters}`.
    pub(super) path: String,
    /// The group that it belongs to.
    pub(super) group: Option<String>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    pub(super) answer: Option<Answer>,
    /// The statuses of refusal that are known.
    pub(super) refusals: Vec<u16>,
    /// Whether it is known to need no session.
    pub(super) is_open: bool,
    /// What its values turned out to be, where traffic was seen.
    pub(super) traced: Traced,
}

/// What the values of a request and its answer turned out to be, by what became of them: JSON Pointers.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Traced {
    /// Where the answer has what later requests were authorized with.
    pub(super) access: Option<String>,
    /// Where it has what a request brought back that handed out the next one.
    pub(super) refresh: Option<String>,
    /// Where the body has a password.
    pub(super) password: Option<String>,
    /// Where the body has what an answer before had handed out.
    pub(super) brings: Option<String>,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    Header,
    Cookie,
}

/// One parameter of a request.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    pub(super) place: Place,
    pub(super) name: String,
    pub(super) required: bool,
    pub(super) schema: Value,
    /// A value that is known to be one.
    pub(super) sample: Option<Value>,
}

/// The body of a request.
#[derive(Debug, Clone)]
pub(super) struct Body {
    /// Whether it is a form, not JSON.
    pub(super) form: bool,
    pub(super) schema: Value,
    pub(super) sample: Option<Value>,
}

/// The answer of success.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    /// Its media type; empty where it has no body.
    pub(super) kind: String,
    pub(super) schema: Option<Value>,
    pub(super) sample: Option<Value>,
    /// The headers that it has, in lower case.
    pub(super) headers: Vec<String>,
}

/// Something that could not be taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    /// What, as it stands in the source.
    pub(crate) what: String,
    /// Why, without a full stop.
    pub(crate) why: String,
}

impl Left {
    pub(super) fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            why: why.into(),
        }
    }
}

impl Operation {
    /// Method and path, as people write them.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The words of its path, the parameters left out.
    pub(super) fn path_words(&self) -> Vec<String> {
        let fixed = self.path.split('/').filter(|part| !part.starts_with('{'));
        fixed.flat_map(words).collect()
    }

    /// Whether it changes nothing, by its method.
    pub(super) fn is_read(&self) -> bool {
        self.method == "GET"
    }
}

impl Answer {
    /// Whether it is JSON.
    pub(super) fn is_json(&self) -> bool {
        is_json(&self.kind)
    }
}

/// Whether a media type is one of JSON.
pub(super) fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    kind == "application/json" || kind.ends_with("+json") || kind == "text/json"
}

/// The words of a name in lower case: of `accessToken`, `access-token` and `ACCESS_TOKEN` alike.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for char in name.chars() {
        let begins = !before.is_alphanumeric() || (char.is_uppercase() && !before.is_uppercase());
        if char.is_alphanumeric() {
            if begins {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(char.to_lowercase());
            }
        }
        before = char;
    }
    words
}

/// A name without case and separators, for comparing: `accesstoken`.
pub(super) fn plain(name: &str) -> String {
    let own = name.chars().filter(|char| char.is_alphanumeric());
    own.flat_map(char::to_lowercase).collect()
}

/// A name in lower case with hyphens.
pub(super) fn kebab(name: &str) -> String {
    words(name).join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_same_words_however_they_are_written() {
        for name in [
            "accessToken",
            "access-token",
            "ACCESS_TOKEN",
            "Access Token",
        ] {
            assert_eq!(words(name), ["access", "token"], "{name}");
            assert_eq!(plain(name), "accesstoken");
        }
        assert_eq!(kebab("/Me/Orders"), "me-orders");
        assert!(is_json("application/problem+json; charset=utf-8") && !is_json("text/html"));
    }
}
