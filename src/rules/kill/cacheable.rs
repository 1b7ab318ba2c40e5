//! KILL-8: no cache answers for the kill-switch.

use std::time::Duration;

use crate::domain::contract::Role;
use crate::domain::duration::show;
use crate::domain::journal::Answer;
use crate::domain::moment;
use crate::rules::context::Context;
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// An answer for the kill-switch is not kept for longer than a kill may take
    ///
    /// # Why
    /// HTTP libraries keep what they may, without the app's hearing of it, and so do caches on the
    /// way. An app that asks in time is then told what was true minutes ago, and no line of its code
    /// shows it.
    ///
    /// # How it is judged
    /// On each answer that says whether the switch is on, whoever asked: by `Cache-Control`
    /// (`max-age`, or `s-maxage` where it is longer), or without one by `Expires`, it may be kept no
    /// longer than `takes-effect-within`. `no-store`, `no-cache` and answers that say nothing are
    /// kept by nobody.
    ///
    /// # How to keep it
    /// `Cache-Control: no-store` for the status route, in the application and at the CDN before it.
    ///
    /// # Source
    /// RFC 9111 §4.2 and §5.2.2
    pub(super) CACHEABLE: "KILL-8", Backend, from [Wire, Probe],
        needs [KillSwitch],
        set by ["kill-switch.takes-effect-within"]
}

pub(super) struct Cacheable;

impl Rule for Cacheable {
    fn see(&mut self, context: &Context<'_>) {
        let Some(switch) = &context.contract.kill_switch else {
            return;
        };
        let Some(ended) = context.ended_by_anyone() else {
            return;
        };
        let Some(answer) = ended.by_backend() else {
            return;
        };
        if ended.request.role != Some(Role::Status) || answer.blocks(switch).is_none() {
            return;
        }
        context.exercised(&CACHEABLE);
        let kept = kept_for(answer);
        if kept <= switch.takes_effect_within {
            return;
        }
        context.violated(
            &CACHEABLE,
            Violation::new("the backend lets its answers for the kill-switch be kept")
                .expected(format!(
                    "`no-store`, or a `max-age` of at most {}",
                    show(switch.takes_effect_within)
                ))
                .observed(format!("{}, good for {}", ended.words(), show(kept)))
                .evidence([ended.opened.id(), context.entry.id])
                .exchanges([answer.exchange]),
        );
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

/// For how long an answer may be given again without asking.
fn kept_for(answer: &Answer) -> Duration {
    let fields = answer.headers.iter();
    let fields = fields.filter(|(name, _)| name.eq_ignore_ascii_case("cache-control"));
    let directives: Vec<String> = fields
        .flat_map(|(_, value)| value.split(','))
        .map(|directive| directive.trim().to_ascii_lowercase())
        .collect();
    if directives
        .iter()
        .any(|own| own == "no-store" || own == "no-cache")
    {
        return Duration::ZERO;
    }
    let seconds = |name: &str| {
        let mut own = directives.iter().filter_map(|own| own.strip_prefix(name));
        own.find_map(|value| value.trim_matches('"').parse::<u64>().ok())
    };
    let fresh = match (seconds("max-age="), seconds("s-maxage=")) {
        (None, None) => until_expiry(answer).unwrap_or_default(),
        (private, shared) => private.max(shared).unwrap_or_default(),
    };
    let age = answer.headers.get("age").and_then(|age| age.parse().ok());
    Duration::from_secs(fresh.saturating_sub(age.unwrap_or_default()))
}

/// How many seconds lie between an answer's date and its end.
fn until_expiry(answer: &Answer) -> Option<u64> {
    let at = |name: &str| moment::date(answer.headers.get(name)?);
    let seconds = at("expires")?.as_second() - at("date")?.as_second();
    u64::try_from(seconds).ok()
}
