//! `services`: who is called, and below which paths.

use crate::domain::contract::Service;
use crate::suite::cursor::Cursor;
use crate::suite::problem::Problem;
use crate::suite::trace::Seen;

/// Reads every service.
pub(super) fn read_all(cursor: &Cursor<'_>) -> Option<Vec<Service>> {
    let entries = cursor.entries()?;
    if entries.is_empty() {
        return cursor.refuse(
            "a contract needs a service",
            "write `services: { api: {} }`",
        );
    }
    let services: Vec<Option<Service>> = entries
        .iter()
        .map(|(entry, cursor)| {
            if entry.key.contains(char::is_whitespace) || entry.key == "*" || entry.key.is_empty() {
                cursor.diagnostics.note(
                    &entry.key_span,
                    Problem::new(format!("`{}` cannot be a service's name", entry.key))
                        .hint("write one word: requests are written `METHOD service /path`"),
                );
            }
            if cursor.node.is_null() {
                cursor.takes(|| Seen::Nothing);
                return Some(Service {
                    name: entry.key.clone(),
                    variable: None,
                    base_path: String::new(),
                });
            }
            let fields = cursor.fields("a service")?;
            let variable = fields.maybe("variable", Cursor::name_text);
            let base_path = fields.or("base-path", String::new(), |cursor| {
                let text = cursor.text()?;
                let path = text.trim_end_matches('/');
                if path.is_empty() {
                    return Some(String::new());
                }
                cursor.path(path)
            });
            Some(Service {
                name: entry.key.clone(),
                variable: variable?,
                base_path: base_path?,
            })
        })
        .collect();
    services.into_iter().collect()
}
