//! What an answer to the question for the kill-switch says.

use serde_json::Value;

use super::{Condition, KillSwitch};
use crate::domain::equal::is_among;
use crate::domain::selector::Selector;

/// What judges an answer needs to know of it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The status.
    pub status: u16,
    /// Whether it is a page for people, which nobody's backend gives to an app.
    pub is_page: bool,
    /// The body, where it is JSON.
    pub body: Option<&'a Value>,
}

/// What becomes of the live feed while the kill-switch is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedWhileOn {
    /// It goes on.
    Open,
    /// No socket is let in; those that are open may go on.
    Refused,
    /// No socket is let in, and those that are open are ended.
    Ended,
}

impl KillSwitch {
    /// Whether the answer means *blocked*; nothing if it says neither. `find` is what stands at a
    /// selector of it.
    pub fn says(
        &self,
        answer: Asked<'_>,
        find: impl FnOnce(&Selector) -> Option<Value>,
    ) -> Option<bool> {
        let by_status = matches!(self.blocked_when, Condition::Status(_));
        let expected = answer.is_success() || answer.status == self.status_on;
        (by_status || (expected && !answer.is_page))
            .then(|| self.blocked_when.holds(self.absent, answer, find))
            .flatten()
    }
}

impl Condition {
    /// Whether it holds for an answer that is one of the backend's own; `absent` is what it means
    /// that nothing stands where it looks.
    pub fn holds(
        &self,
        absent: Option<bool>,
        answer: Asked<'_>,
        find: impl FnOnce(&Selector) -> Option<Value>,
    ) -> Option<bool> {
        let (selector, values, listed) = match self {
            Self::Status(statuses) if statuses.contains(&answer.status) => return Some(true),
            // Nothing is looked for in the body, so it may be empty; a page is somebody else's.
            Self::Status(_) => return (answer.is_success() && !answer.is_page).then_some(false),
            Self::OneOf(selector, values) => (selector, values, true),
            Self::NoneOf(selector, values) => (selector, values, false),
        };
        if let Some(found) = find(selector) {
            return Some(is_among(&found, values) == listed);
        }
        // Nothing can be missing from what could not be read.
        let readable = match selector {
            Selector::Header(_) | Selector::Cookie(_) => answer.is_success(),
            Selector::Pointer(_) | Selector::Path(_) => answer
                .body
                .is_some_and(|body| body.is_object() || body.is_array()),
        };
        absent.filter(|_| readable)
    }
}

impl Asked<'_> {
    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::contract::harbour::harbour;

    fn says(absent: Option<bool>, condition: Condition, status: u16, body: &Value) -> Option<bool> {
        let mut switch = harbour().kill_switch.unwrap();
        (switch.absent, switch.blocked_when) = (absent, condition);
        let answer = Asked {
            status,
            is_page: false,
            body: Some(body),
        };
        switch.says(answer, |selector| selector.in_body(body).cloned())
    }

    fn listed() -> Condition {
        let selector = Selector::parse("$.on[?@=='maintenance']").unwrap();
        Condition::OneOf(selector, vec![json!("maintenance")])
    }

    #[test]
    fn what_is_missing_says_what_the_contract_says_of_it() {
        let (none, on) = (json!({"on": []}), json!({"on": ["maintenance"]}));
        assert_eq!(says(Some(false), listed(), 200, &on), Some(true));
        assert_eq!(says(Some(false), listed(), 200, &none), Some(false));
        assert_eq!(says(None, listed(), 200, &none), None);
        let present = Condition::NoneOf(Selector::parse("/until").unwrap(), vec![json!(null)]);
        let absent = |body: Value| says(Some(true), present.clone(), 200, &body);
        assert_eq!(absent(json!({})), Some(true));
        assert_eq!(absent(json!({"until": null})), Some(false));
    }

    #[test]
    fn a_number_means_the_same_however_it_is_written() {
        let nine = Condition::OneOf(Selector::parse("/gate").unwrap(), vec![json!(9)]);
        let gate = |value: Value| says(None, nine.clone(), 200, &json!({"gate": value}));
        assert_eq!(gate(json!(9.0)), Some(true));
        assert_eq!(gate(json!(0.0)), Some(false));
        assert_eq!(gate(json!("9")), Some(false));
    }

    #[test]
    fn nothing_is_missing_from_what_could_not_be_read() {
        assert_eq!(says(Some(false), listed(), 502, &json!({})), None);
        assert_eq!(says(Some(false), listed(), 200, &json!("oops")), None);
    }
}
