//! What the contract promises of events and of the age of data, kept, and what defects make of it.

use std::time::Duration;

use serde_json::Value;

use super::backend::{Backend, Core};
use super::defect::Defect;
use super::reply::Reply;
use super::writing::put;
use crate::domain::contract::{EventRule, Resource, kinds_at};
use crate::domain::moment;
use crate::domain::selector::Selector;

/// When a feed dries up that does so, since the run began.
const DRIES_UP: Duration = Duration::from_secs(150);
/// By how much a time lies back that does so.
const BACK: Duration = Duration::from_secs(5 * 60);

impl Backend {
    /// Whether a defect keeps an event from everybody.
    pub(super) fn withholds(&self, core: &Core, rule: &EventRule) -> bool {
        let promised = |own: &&EventRule| own.promise.at_least_every.is_some();
        let is_first = || {
            let first = self.contract.events().find(promised);
            first.is_some_and(|first| first.name == rule.name)
        };
        self.has(Defect::SilentFeed)
            || (self.has(Defect::FeedDiesWithRestart) && core.sockets.have_restarted())
            || (self.has(Defect::FeedDriesUp) && self.clock.elapsed() >= DRIES_UP)
            || (self.has(Defect::OneEventNever) && is_first())
    }

    /// Says in an event of which moment it is.
    pub(super) fn date_event(&self, rule: &EventRule, payload: &mut Value) {
        let Some(as_of) = &rule.promise.as_of else {
            return;
        };
        let unix = self.dated_back(Defect::OldTimes);
        let sample = as_of.at.in_body(payload);
        let time = written(unix, sample, rule.schema.as_ref(), &as_of.at);
        put(payload, &as_of.at, time);
    }

    /// Says in an answer of which moment it is.
    pub(super) fn date_answer(&self, resource: &Resource, reply: &mut Reply) {
        let Some(as_of) = &resource.as_of else {
            return;
        };
        let unix = self.dated_back(Defect::OldAnswers);
        let body = reply.body_mut();
        let sample = body.and_then(|body| as_of.at.in_body(body).cloned());
        let time = written(unix, sample.as_ref(), resource.schema.as_ref(), &as_of.at);
        reply.put(&as_of.at, time);
    }

    fn dated_back(&self, defect: Defect) -> Duration {
        let now = self.clock.unix();
        match self.has(defect) {
            true => now.saturating_sub(BACK),
            false => now,
        }
    }
}

/// A moment in the form of the one that stood there before, or in milliseconds where the schema
/// wants a number; else as RFC 3339 has it.
fn written(unix: Duration, sample: Option<&Value>, schema: Option<&Value>, at: &Selector) -> Value {
    let is_number = |schema: &Value| {
        let kinds = kinds_at(schema, at).unwrap_or_default();
        !kinds.is_empty()
            && kinds
                .iter()
                .all(|kind| kind == "integer" || kind == "number")
    };
    let unit =
        match sample.and_then(|sample| Some((moment::number(sample)?, moment::unix(sample)?))) {
            Some((number, seconds)) if seconds > 0.0 => Some((number / seconds).round()),
            _ if schema.is_some_and(is_number) => Some(1e3),
            _ => None,
        };
    let Some(unit) = unit else {
        return moment::rfc3339(unix).map_or(Value::Null, Value::from);
    };
    let nanos_in_one = 1e9 / unit;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a unit is a second or a part of it, so this is a whole number of nanoseconds"
    )]
    let number = unix.as_nanos() / (nanos_in_one as u128).max(1);
    let number = u64::try_from(number).unwrap_or(u64::MAX);
    match sample {
        Some(Value::String(_)) => number.to_string().into(),
        _ => number.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_written_as_the_one_that_stood_there() {
        let unix = Duration::from_millis(1_767_603_601_500);
        let at = Selector::Pointer("/t".to_owned());
        let schema = json!({"properties": {"t": {"type": "integer"}}});
        for (sample, wanted) in [
            (json!(1_700_000_000), json!(1_767_603_601)),
            (json!(1_700_000_000_000_u64), json!(1_767_603_601_500_u64)),
            (json!("1700000000000"), json!("1767603601500")),
            (
                json!("2020-01-01T00:00:00Z"),
                json!("2026-01-05T09:00:01.5Z"),
            ),
        ] {
            assert_eq!(written(unix, Some(&sample), None, &at), wanted);
        }
        let by_schema = written(unix, None, Some(&schema), &at);
        assert_eq!(by_schema, json!(1_767_603_601_500_u64));
        assert_eq!(
            written(unix, None, None, &at),
            json!("2026-01-05T09:00:01.5Z")
        );
    }
}
