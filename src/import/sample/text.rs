//! Texts that fit a format, a pattern, or a length.

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::Value;

/// A text of a schema; `number` tells those of one list apart.
pub(super) fn of(schema: &Value, number: usize) -> String {
    let word = |key: &str| schema.get(key).and_then(Value::as_str);
    let size = |key: &str| schema.get(key).and_then(Value::as_u64);
    if let Some(made) = word("pattern").and_then(by_pattern) {
        return made;
    }
    let day = 1 + (number - 1) % 28;
    let known = match word("format").unwrap_or_default() {
        "date-time" => format!("2026-01-{day:02}T09:30:00Z"),
        "date" => format!("2026-01-{day:02}"),
        "time" => "09:30:00Z".to_owned(),
        "duration" => "PT15M".to_owned(),
        "email" | "idn-email" => format!("user-{number}@example.com"),
        "uuid" => format!("00000000-0000-4000-8000-{number:012}"),
        "uri" | "url" | "iri" => format!("https://example.com/{number}"),
        "uri-reference" => format!("/{number}"),
        "hostname" => "example.com".to_owned(),
        "ipv4" => "192.0.2.1".to_owned(),
        "ipv6" => "2001:db8::1".to_owned(),
        "byte" => "dGV4dA==".to_owned(),
        _ => String::new(),
    };
    if !known.is_empty() {
        return known;
    }
    let mut text = format!("text {number}");
    if let Some(least) = size("minLength") {
        while text.chars().count() < least.min(10_000) as usize {
            text.push_str(" and more");
        }
    }
    let most = size("maxLength").map_or(usize::MAX, |most| most as usize);
    match text.chars().count() > most {
        true if most < 4 => number.to_string().chars().cycle().take(most).collect(),
        true => {
            let number = number.to_string();
            let kept = most.saturating_sub(number.len());
            "t".repeat(kept) + &number
        }
        false => text,
    }
}

/// The plainest text that a pattern matches, where it can be told.
fn by_pattern(pattern: &str) -> Option<String> {
    let parsed = regex_syntax::parse(pattern).ok()?;
    let mut text = String::new();
    write(&parsed, &mut text)?;
    Some(text)
}

fn write(part: &Hir, text: &mut String) -> Option<()> {
    if text.len() > 10_000 {
        return None;
    }
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => text.push(member(class)?),
        HirKind::Repetition(own) => {
            // Of what may be left out once is a text that says more.
            let least = if own.max == Some(1) || own.min > 0 {
                own.min
            } else {
                1
            };
            for _ in 0..least.min(1_000) {
                write(&own.sub, text)?;
            }
        }
        HirKind::Capture(own) => write(&own.sub, text)?,
        HirKind::Concat(parts) => {
            for own in parts {
                write(own, text)?;
            }
        }
        HirKind::Alternation(parts) => write(parts.first()?, text)?,
    }
    Some(())
}

/// A member of a class, a letter or digit if it has one.
fn member(class: &Class) -> Option<char> {
    let usual = "aA10_-. /".chars().find(|own| has(class, *own));
    usual.or_else(|| match class {
        Class::Unicode(own) => own.iter().next().map(|range| range.start()),
        Class::Bytes(own) => own.iter().next().map(|range| char::from(range.start())),
    })
}

fn has(class: &Class, own: char) -> bool {
    match class {
        Class::Unicode(class) => class
            .iter()
            .any(|range| range.start() <= own && own <= range.end()),
        Class::Bytes(class) => class
            .iter()
            .any(|range| char::from(range.start()) <= own && own <= char::from(range.end())),
    }
}
