//! YAML for people: comments where something was concluded, short values on one line, long ones below.

use serde_json::Value;

/// How long a line may be that holds a whole value.
const WIDTH: usize = 100;

/// A value with comments in it.
#[derive(Debug, Clone)]
pub(super) enum Yaml {
    /// Data without comments.
    Data(Value),
    /// A map in this order.
    Map(Map),
    /// A list.
    List(Vec<Yaml>),
}

/// A map whose entries may have comments.
#[derive(Debug, Clone, Default)]
pub(super) struct Map(Vec<Entry>);

#[derive(Debug, Clone)]
struct Entry {
    key: String,
    value: Yaml,
    above: Vec<String>,
    apart: bool,
    below: bool,
}

impl Map {
    /// Adds an entry.
    pub(super) fn add(&mut self, key: &str, value: impl Into<Yaml>) -> &mut Self {
        self.0.push(Entry {
            key: key.to_owned(),
            value: value.into(),
            above: Vec::new(),
            apart: false,
            below: false,
        });
        self
    }

    /// Says something above the entry that was added last.
    pub(super) fn saying(&mut self, comment: impl Into<String>) -> &mut Self {
        let comment = comment.into();
        if let Some(last) = self.0.last_mut()
            && !comment.is_empty()
        {
            last.above.push(comment);
        }
        self
    }

    /// Leaves a line above the entry that was added last.
    pub(super) fn apart(&mut self) -> &mut Self {
        if let Some(last) = self.0.last_mut() {
            last.apart = true;
        }
        self
    }

    /// Has the entries stand below each other, each on a line.
    pub(super) fn below(&mut self) -> &mut Self {
        if let Some(last) = self.0.last_mut() {
            last.below = true;
        }
        self
    }

    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The whole document.
    pub(super) fn document(&self) -> String {
        let mut out = String::new();
        write_map(self, 0, &mut out);
        out
    }
}

impl From<Value> for Yaml {
    fn from(value: Value) -> Self {
        Self::Data(value)
    }
}

impl From<&str> for Yaml {
    fn from(text: &str) -> Self {
        Self::Data(Value::from(text))
    }
}

impl From<String> for Yaml {
    fn from(text: String) -> Self {
        Self::Data(Value::from(text))
    }
}

impl From<Map> for Yaml {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl Yaml {
    fn has_comments(&self) -> bool {
        match self {
            Self::Data(_) => false,
            Self::List(items) => items.iter().any(Self::has_comments),
            Self::Map(map) => map.0.iter().any(|own| {
                !own.above.is_empty() || own.apart || own.below || own.value.has_comments()
            }),
        }
    }

    /// The value on one line.
    fn flow(&self) -> String {
        match self {
            Self::Data(value) => flow(value),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::flow).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Map(map) => braced(map.0.iter().map(|own| (&own.key, own.value.flow()))),
        }
    }
}

fn braced<'a>(entries: impl Iterator<Item = (&'a String, String)>) -> String {
    let entries: Vec<String> = entries
        .map(|(key, value)| format!("{}: {value}", self::key(key)))
        .collect();
    match entries.is_empty() {
        true => "{}".to_owned(),
        false => format!("{{ {} }}", entries.join(", ")),
    }
}

fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => braced(fields.iter().map(|(key, value)| (key, flow(value)))),
        other => other.to_string(),
    }
}

/// A value on one line.
pub(super) fn inline(value: &Yaml) -> String {
    value.flow()
}

/// A value below others, indented so far. Of a map, each entry has a line.
pub(super) fn block(value: &Yaml, indent: usize) -> String {
    let mut out = String::new();
    match value {
        Yaml::Data(Value::Object(fields)) => {
            let mut map = Map::default();
            for (key, value) in fields {
                map.add(key, value.clone());
            }
            write_map(&map, indent, &mut out);
        }
        other => out.push_str(&format!("{}{}\n", " ".repeat(indent), other.flow())),
    }
    out
}

/// A key; every word is a text there.
fn key(text: &str) -> String {
    match text {
        "on" | "off" => text.to_owned(),
        other => scalar(other),
    }
}

/// A text, quoted where it would be read as something else.
fn scalar(text: &str) -> String {
    let words = [
        "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf",
    ];
    let is_time = text
        .trim_end_matches(|own: char| own.is_ascii_lowercase())
        .parse::<u32>()
        .is_ok()
        && ["ms", "s", "m", "h", "d"]
            .iter()
            .any(|unit| text.ends_with(unit));
    if is_time {
        return text.to_owned();
    }
    let is_plain = text
        .starts_with(|first: char| first.is_ascii_alphabetic() || "/_$".contains(first))
        && text
            .chars()
            .all(|own| own.is_ascii_alphanumeric() || " _./-+$@".contains(own))
        && !text.ends_with(' ')
        && !words.contains(&text.to_ascii_lowercase().as_str());
    match is_plain {
        true => text.to_owned(),
        // What JSON quotes, YAML reads as well.
        false => Value::from(text).to_string(),
    }
}

fn write_map(map: &Map, indent: usize, out: &mut String) {
    for (at, entry) in map.0.iter().enumerate() {
        if entry.apart && at > 0 {
            out.push('\n');
        }
        let pad = " ".repeat(indent);
        for comment in &entry.above {
            for line in wrapped(comment, WIDTH.saturating_sub(indent + 2)) {
                out.push_str(&format!("{pad}# {line}\n"));
            }
        }
        out.push_str(&format!("{pad}{}:", key(&entry.key)));
        write_below(&entry.value, indent, indent + entry.key.len() + 2, out);
    }
}

/// The value of a key or an item, on its line if it fits there, and else below.
fn write_below(value: &Yaml, indent: usize, column: usize, out: &mut String) {
    if !value.has_comments() {
        let line = value.flow();
        let is_scalar = matches!(value, Yaml::Data(Value::Array(own)) if own.is_empty())
            || matches!(value, Yaml::Data(own) if !own.is_array() && !own.is_object())
            || line == "{}";
        if is_scalar || column + line.chars().count() <= WIDTH {
            out.push_str(&format!(" {line}\n"));
            return;
        }
    }
    out.push('\n');
    match value {
        Yaml::Map(map) => write_map(map, indent + 2, out),
        Yaml::List(items) => write_list(items.iter().cloned(), indent + 2, out),
        Yaml::Data(Value::Object(fields)) => {
            let mut map = Map::default();
            for (key, value) in fields {
                map.add(key, value.clone());
            }
            write_map(&map, indent + 2, out);
        }
        Yaml::Data(Value::Array(items)) => {
            write_list(items.iter().cloned().map(Yaml::Data), indent + 2, out);
        }
        Yaml::Data(_) => {}
    }
}

fn write_list(items: impl Iterator<Item = Yaml>, indent: usize, out: &mut String) {
    for item in items {
        let mut own = String::new();
        match &item {
            Yaml::Data(Value::Object(fields)) if column_of(&item, indent) > WIDTH => {
                let mut map = Map::default();
                for (key, value) in fields {
                    map.add(key, value.clone());
                }
                write_map(&map, indent + 2, &mut own);
            }
            Yaml::Map(map) if item.has_comments() || column_of(&item, indent) > WIDTH => {
                write_map(map, indent + 2, &mut own);
            }
            item => {
                own.push_str(&" ".repeat(indent + 1));
                write_below(item, indent, indent + 2, &mut own);
            }
        }
        // The first line of the item stands beside its dash, comments above it.
        let (comments, rest) = split_comments(&own);
        out.push_str(comments);
        let pad = " ".repeat(indent);
        out.push_str(&format!("{pad}- {}", rest.trim_start_matches(' ')));
    }
}

fn column_of(item: &Yaml, indent: usize) -> usize {
    indent + 2 + item.flow().chars().count()
}

fn split_comments(text: &str) -> (&str, &str) {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim_start().starts_with("# ") {
            break;
        }
        at += line.len();
    }
    text.split_at(at)
}

/// A text in lines of this width.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let word: String = word.chars().filter(|own| !own.is_control()).collect();
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(&word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::suite::{Source, parse_up_to};

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let long =
            "a text that is so long that nothing else can stand beside it on one line, at all";
        let value = json!({
            "on": "off", "number": "12", "real": 1.5, "none": null, "empty": {}, "list": [],
            "text": "a: b # c", "line\nbreak": "two\nlines", "braces": "{username}", "*": "*",
            "deep": [{"id": "1", "rows": [long, long, [1, 2, {"x": long, "y": [long, long]}]]}, {}],
            "word": "plain words", "trailing ": "ends ", "-": "- x", "?": "? y", "é": "…",
        });
        let mut map = Map::default();
        for (key, value) in value.as_object().unwrap() {
            map.add(key, value.clone())
                .saying(format!("about {long} {long}"))
                .apart();
        }
        let text = map.document();
        let read = parse_up_to(&Source::new("t", &text), 10_000);
        assert_eq!(
            read.unwrap_or_else(|why| panic!("{why}\n{text}")).to_json(),
            value,
            "{text}"
        );
    }
}
