//! A copy of the file for diagnostics, with everything blotted out that may be a secret.
//!
//! Diagnostics show lines of the file. Passwords and tokens should not stand in it, but the
//! diagnostic that says so must not be the one that spreads them. Every byte keeps its place.

use std::sync::Arc;

use crate::suite::Source;
use crate::suite::node::{Content, Node, Span};

/// Words in keys whose values are hidden.
const TELLTALE: [&str; 8] = [
    "password",
    "passwd",
    "secret",
    "token",
    "authorization",
    "cookie",
    "api-key",
    "apikey",
];

/// Blots out the values that the tree says may be secrets.
pub(super) fn values(source: &Arc<Source>, root: &Node) -> Arc<Source> {
    let mut spans = Vec::new();
    collect(root, Suspicion::None, &mut spans);
    blot(source, &spans)
}

/// Blots out what follows a telltale key on its line, for a file that cannot be read as TOML.
pub(super) fn lines(source: &Arc<Source>) -> Arc<Source> {
    let mut spans = Vec::new();
    let mut start = 0;
    for line in source.text().split_inclusive('\n') {
        let lower = line.to_ascii_lowercase();
        let telltale = TELLTALE.iter().filter_map(|word| lower.find(word)).min();
        let value = telltale.and_then(|at| line[at..].find('=').map(|equals| at + equals + 1));
        let url = line.contains("://").then(|| line.find('=')).flatten();
        if let Some(from) = value.or(url.map(|at| at + 1)) {
            spans.push(start + from..start + line.trim_end().len().max(from));
        }
        start += line.len();
    }
    blot(source, &spans)
}

#[derive(Clone, Copy, PartialEq)]
enum Suspicion {
    None,
    /// Below a telltale key, or among headers.
    Value,
}

fn collect(node: &Node, suspicion: Suspicion, spans: &mut Vec<Span>) {
    match &node.content {
        Content::Plain(text) | Content::Quoted(text) => {
            // A text that only names a variable is what it should be.
            let harmless = text.contains("{env:") && !text.contains(":-");
            let has_credentials = text.contains("://") && text.contains('@');
            if has_credentials || (suspicion == Suspicion::Value && !harmless) {
                spans.push(node.span.clone());
            }
        }
        Content::List(items) => {
            for item in items {
                collect(item, suspicion, spans);
            }
        }
        Content::Map(entries) => {
            for entry in entries {
                collect(
                    &entry.value,
                    suspicion_of(&entry.key, &entry.value, suspicion),
                    spans,
                );
            }
        }
    }
}

fn suspicion_of(key: &str, value: &Node, above: Suspicion) -> Suspicion {
    let key = key.to_ascii_lowercase();
    if matches!(key.as_str(), "password-env" | "username-env") {
        // A name is shown; what cannot be a name may be the value itself.
        let is_name = value.scalar().is_some_and(super::secrets::is_name);
        return if is_name {
            Suspicion::None
        } else {
            Suspicion::Value
        };
    }
    // Levers and accounts may well be called `expire-tokens` or `secret-agent`: only texts count.
    let is_text = value.scalar().is_some() && key != "secrets-file";
    if matches!(key.as_str(), "headers" | "environment")
        || (is_text && TELLTALE.iter().any(|word| key.contains(word)))
    {
        return Suspicion::Value;
    }
    above
}

fn blot(source: &Arc<Source>, spans: &[Span]) -> Arc<Source> {
    if spans.is_empty() {
        return Arc::clone(source);
    }
    let text: String = source
        .text()
        .char_indices()
        .flat_map(|(at, character)| {
            let hidden = character != '\n' && spans.iter().any(|span| span.contains(&at));
            let (shown, times) = match hidden {
                true => ('*', character.len_utf8()),
                false => (character, 1),
            };
            std::iter::repeat_n(shown, times)
        })
        .collect();
    Source::new(source.name(), text)
}
