//! Media types, as `Content-Type` headers write them.

/// Whether a `Content-Type` names HTML: a page for people, and nothing that an app asked for.
#[must_use]
pub fn is_html(content_type: &str) -> bool {
    content_type
        .trim_start()
        .get(..9)
        .is_some_and(|start| start.eq_ignore_ascii_case("text/html"))
}
