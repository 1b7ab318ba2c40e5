//! KILL: the kill-switch is asked, obeyed, enforced and forgotten again.

use crate::rules::rule::Registration;

mod asking;
mod effect;
mod fail_mode;
mod recovery;
mod retry_after;

pub(super) const RULES: &[Registration] = &[
    (&[&asking::ASKED_FIRST], |_| {
        Box::new(asking::AskedFirst::default())
    }),
    (&[&asking::FLOOR], |_| Box::new(asking::Floor::default())),
    (&[&effect::EFFECT], |_| Box::new(effect::Effect::default())),
    (&[&effect::ENFORCED], |_| {
        Box::new(effect::Enforced::default())
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
