//! How a list is read page by page.

use std::borrow::Cow;

use serde_json::Value;

use crate::domain::selector::Selector;

/// How pages of a list are asked for.
#[derive(Debug, Clone)]
pub struct Paging {
    /// The query parameter and value that ask for a page's size, if the app says one.
    pub size: Option<(String, u64)>,
    /// How the next page is found.
    pub next: NextPage,
    /// In the answer: how many items the whole list has.
    pub total: Option<Selector>,
    /// Statuses by which a cursor is refused that was never handed out to who asks; none if the
    /// backend promises nothing.
    pub refused_by: Vec<u16>,
}

/// How the next page is found.
#[derive(Debug, Clone)]
pub enum NextPage {
    /// The answer brings a cursor (absent, null or empty on the last page) that goes into this
    /// query parameter.
    Cursor {
        /// The query parameter.
        query: String,
        /// Where the cursor stands in the answer, or a link whose query holds it.
        from: Selector,
        /// Where the answer says by `false` that this page is the last, whatever `from` brings.
        more: Option<Selector>,
    },
    /// Pages are numbered; a page with fewer items than the size, or none, is the last.
    Page {
        /// The query parameter.
        query: String,
        /// The first page's number.
        first: u64,
    },
    /// Items are counted; a page with fewer items than the size, or none, is the last.
    Offset {
        /// The query parameter.
        query: String,
    },
}

impl NextPage {
    /// The query parameter that asks for a later page.
    #[must_use]
    pub fn query(&self) -> &str {
        match self {
            Self::Cursor { query, .. } | Self::Page { query, .. } | Self::Offset { query } => query,
        }
    }

    /// The cursor that an answer brings; none on the last page, and where pages have none.
    #[must_use]
    pub fn cursor<'h>(
        &self,
        headers: impl Iterator<Item = (&'h str, &'h str)> + Clone,
        body: Option<&Value>,
    ) -> Option<String> {
        let Self::Cursor { query, from, more } = self else {
            return None;
        };
        let told = more
            .as_ref()
            .and_then(|more| more.in_answer(headers.clone(), body));
        if matches!(told, Some(told) if told == false || told == "false") {
            return None;
        }
        if *from == Selector::Header("link".to_owned()) {
            let links = headers.filter(|(name, _)| name.eq_ignore_ascii_case("link"));
            let mut targets = links.filter_map(|(_, value)| next_link(value));
            return targets.find_map(|target| in_query(target, query));
        }
        match from.in_answer(headers, body)? {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(in_query(&text, query).unwrap_or(text)),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

/// The target of the link whose relation is `next`, in a `Link` header (RFC 8288 §3). Targets and
/// quoted parameters may hold commas and semicolons.
fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    loop {
        let (target, after) = rest.split_once('<')?.1.split_once('>')?;
        let mut is_quoted = false;
        let end = after.find(|letter| {
            is_quoted ^= letter == '"';
            letter == ',' && !is_quoted
        });
        let parameters = &after[..end.unwrap_or(after.len())];
        let is_next = parameters.split(';').any(|parameter| {
            let Some((name, value)) = parameter.split_once('=') else {
                return false;
            };
            let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
            name.trim().eq_ignore_ascii_case("rel")
                && relations.any(|relation| relation.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target);
        }
        rest = &after[end?..];
    }
}

/// What a link's query says of `name`. A cursor that is no link has no query.
fn in_query(link: &str, name: &str) -> Option<String> {
    let query = link.split_once('?')?.1;
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(own, _)| own == name)
        .map(|(_, value)| Cow::into_owned(value))
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn cursor(from: &str, headers: &[(&str, &str)], body: &Value) -> Option<String> {
        let next = NextPage::Cursor {
            query: "after".to_owned(),
            from: Selector::parse(from).unwrap(),
            more: Some(Selector::parse("/more").unwrap()),
        };
        next.cursor(headers.iter().copied(), Some(body))
    }

    #[rstest]
    #[case(json!({"next": "c 1"}), Some("c 1"))]
    #[case(json!({"next": 17}), Some("17"))]
    #[case(json!({"next": "/+a=="}), Some("/+a=="))]
    #[case(json!({"next": "https://api.test/x?limit=2&after=c%201#top"}), Some("c 1"))]
    #[case(json!({"next": "?after=c"}), Some("c"))]
    #[case(json!({"next": "c", "more": true}), Some("c"))]
    #[case(json!({"next": "c", "more": false}), None)]
    #[case(json!({"next": ""}), None)]
    #[case(json!({"next": null}), None)]
    #[case(json!({}), None)]
    fn a_cursor_stands_in_the_body_as_itself_or_in_a_link(
        #[case] body: Value,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(cursor("/next", &[], &body).as_deref(), expected);
    }

    #[rstest]
    #[case("</x?after=c>; rel=\"next\"", Some("c"))]
    #[case(
        "</x?after=b>; rel=prev, </x?a=1,2&after=c>; title=\"a, b; c\"; rel=\"last NEXT\"",
        Some("c")
    )]
    #[case("</x?after=b>; rel=prev", None)]
    #[case("</x>; rel=next", None)]
    #[case("</x?after=c; rel=next", None)]
    #[case("next", None)]
    fn a_link_header_brings_the_cursor_of_its_next_link(
        #[case] header: &str,
        #[case] expected: Option<&str>,
    ) {
        let headers = [("x", "y"), ("Link", header)];
        assert_eq!(
            cursor("header:link", &headers, &json!([])).as_deref(),
            expected
        );
    }
}
