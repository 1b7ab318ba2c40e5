//! What an answer to a read means: pure judgement.

use serde_json::Value;

use crate::domain::media_type;

use super::event::Answer;

/// How a request ended.
#[derive(Debug)]
pub(super) enum Reply {
    /// With an answer.
    Answer(Answer),
    /// Without one; how does not matter, as the app may do the same about all of it.
    Lost,
}

/// What a reply to a read means for the app.
#[derive(Debug, PartialEq)]
pub(super) enum Meaning {
    /// JSON with a status of success.
    Data(Value),
    /// The access token is not accepted.
    Unauthorized,
    /// The user may not have it.
    Forbidden,
    /// It may work later.
    Trouble,
    /// Something that is no answer of the backend, or one that cannot be read: a captive portal, a
    /// proxy's page, broken JSON.
    Unreadable,
    /// The backend does not want this request, now or later.
    Rejected,
}

impl Answer {
    /// The headers as pairs of texts.
    pub(super) fn header_pairs(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether the body says that it is a page for people.
    pub(super) fn is_page(&self) -> bool {
        self.header_pairs().any(|(name, value)| {
            name.eq_ignore_ascii_case("content-type") && media_type::is_html(value)
        })
    }

    /// The body as JSON, unless it says that it is a page.
    pub(super) fn json(&self) -> Option<Value> {
        if self.is_page() {
            return None;
        }
        serde_json::from_slice(&self.body).ok()
    }

    /// Whether the status is one of success.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Reply {
    /// What this means for a read.
    pub(super) fn meaning(&self) -> Meaning {
        let answer = match self {
            Self::Answer(answer) => answer,
            Self::Lost => return Meaning::Trouble,
        };
        match answer.status {
            200..300 => answer.json().map_or(Meaning::Unreadable, Meaning::Data),
            // A page with one of these statuses comes from something between app and backend.
            401 | 403 if answer.is_page() => Meaning::Unreadable,
            401 => Meaning::Unauthorized,
            403 => Meaning::Forbidden,
            300..=399 | 511 => Meaning::Unreadable,
            408 | 425 | 429 | 500.. => Meaning::Trouble,
            _ => Meaning::Rejected,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    fn reply(status: u16, kind: &str, body: &'static [u8]) -> Reply {
        Reply::Answer(Answer {
            status,
            headers: vec![("Content-Type".into(), kind.into())],
            body: Bytes::from_static(body),
        })
    }

    #[test]
    fn a_captive_portal_is_neither_data_nor_the_end_of_a_session() {
        for portal in [
            reply(200, "text/html", b"<html>"),
            reply(200, "TEXT/HTML; charset=utf-8", b"{}"),
            reply(302, "text/plain", b""),
            reply(511, "text/html", b"<html>"),
            reply(401, "text/html", b"<html>"),
        ] {
            assert_eq!(portal.meaning(), Meaning::Unreadable);
        }
    }

    #[test]
    fn broken_bodies_are_unreadable_and_never_a_crash() {
        let deep = "[".repeat(100_000);
        let bodies: [&[u8]; 6] = [
            b"",
            b"{\"a\":",
            b"\xff\xfe\x00",
            b"\xef\xbb\xbf{}",
            b"NaN",
            deep.as_bytes(),
        ];
        for body in bodies {
            let reply = Reply::Answer(Answer {
                status: 200,
                headers: vec![],
                body: Bytes::copy_from_slice(body),
            });
            assert_eq!(reply.meaning(), Meaning::Unreadable);
        }
    }

    #[test]
    fn statuses_are_told_apart_by_what_the_app_can_do_about_them() {
        for (status, meaning) in [
            (200, Meaning::Data(json!({}))),
            (401, Meaning::Unauthorized),
            (403, Meaning::Forbidden),
            (404, Meaning::Rejected),
            (429, Meaning::Trouble),
            (503, Meaning::Trouble),
        ] {
            assert_eq!(reply(status, "application/json", b"{}").meaning(), meaning);
        }
        assert_eq!(Reply::Lost.meaning(), Meaning::Trouble);
    }
}
