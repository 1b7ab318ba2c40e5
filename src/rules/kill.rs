//! KILL: the kill-switch is asked, obeyed, enforced and forgotten again.

use crate::rules::rule::Registration;

mod asking;
mod cacheable;
mod effect;
mod enforced;
mod fail_mode;
mod feed;
mod floor;
mod lingers;
mod recovery;
mod retry_after;

pub(super) const RULES: &[Registration] = &[
    (&[&asking::ASKED_FIRST], |_| {
        Box::new(asking::AskedFirst::default())
    }),
    (&[&cacheable::CACHEABLE], |_| Box::new(cacheable::Cacheable)),
    (&[&floor::FLOOR], |_| Box::new(floor::Floor::default())),
    (&[&effect::EFFECT], |_| Box::new(effect::Effect::default())),
    (&[&enforced::ENFORCED], |_| {
        Box::new(enforced::Enforced::default())
    }),
    (&[&enforced::ENFORCED], |_| Box::new(feed::Feed::default())),
    (&[&enforced::ENFORCED], |_| {
        Box::new(lingers::Lingers::default())
    }),
    (&[&fail_mode::FAIL_MODE], |_| {
        Box::new(fail_mode::Silent::default())
    }),
    (&[&recovery::RECOVERY], |_| {
        Box::new(recovery::Recovery::default())
    }),
    (&[&retry_after::RETRY_AFTER], |_| {
        Box::new(retry_after::RetryAfter::default())
    }),
];
