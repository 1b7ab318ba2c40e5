//! TOML into the same tree of nodes as YAML.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::node::{Content, Entry, Node};
use super::problem::{Problem, Problems};
use super::source::Source;

/// Reads a TOML file.
///
/// # Errors
/// Every error of syntax.
pub(crate) fn parse(source: &Arc<Source>) -> Result<Node, Problems> {
    let (table, errors) = DeTable::parse_recoverable(source.text());
    let mut problems = Problems::default();
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let message = format!("not readable as TOML: {}", error.message());
        problems.push(Problem::new(message).at(source, span));
    }
    let span = table.span();
    problems.or(Some(Node {
        span,
        content: map(table.get_ref()),
    }))
}

fn map(table: &DeTable<'_>) -> Content {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            key_span: key.span(),
            value: node(value),
        })
        .collect();
    // The table is sorted by name; people expect the order of the file.
    entries.sort_by_key(|entry| entry.key_span.start);
    Content::Map(entries)
}

fn node(value: &Spanned<DeValue<'_>>) -> Node {
    let content = match value.get_ref() {
        DeValue::String(text) => Content::Quoted(text.to_string()),
        DeValue::Integer(number) => Content::Plain(match number.radix() {
            16 => format!("0x{}", number.as_str()),
            8 => format!("0o{}", number.as_str()),
            2 => u64::from_str_radix(number.as_str(), 2)
                .map_or_else(|_| number.as_str().to_owned(), |number| number.to_string()),
            _ => number.as_str().to_owned(),
        }),
        DeValue::Float(number) => Content::Plain(number.as_str().to_owned()),
        DeValue::Boolean(value) => Content::Plain(value.to_string()),
        DeValue::Datetime(moment) => Content::Plain(moment.to_string()),
        DeValue::Array(items) => Content::List(items.iter().map(node).collect()),
        DeValue::Table(table) => map(table),
    };
    Node {
        span: value.span(),
        content,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_becomes_a_tree_in_its_own_order() {
        let text = "z = 1\n[b.c]\nd = [true, \"x\", 0x1f, 0b11, 1.5]\n[a]\n";
        let node = parse(&Source::new("t.toml", text)).unwrap();
        let value = node.to_json();
        assert_eq!(
            value,
            json!({"z": 1, "b": {"c": {"d": [true, "x", 31, 3, 1.5]}}, "a": {}})
        );
        let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["z", "b", "a"]);
    }

    #[test]
    fn every_error_of_syntax_is_told() {
        let problems = parse(&Source::new("t.toml", "a = \nb = 1\nb = 2\nc = [1,\n")).unwrap_err();
        assert!(problems.all().len() >= 2, "{problems}");
    }
}
