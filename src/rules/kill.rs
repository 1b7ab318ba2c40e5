//! KILL: the kill-switch is asked, obeyed, enforced and forgotten again.

use super::{Rule, RuleInfo};
use crate::domain::contract::Contract;

mod asking;
mod effect;
mod fail_mode;
mod recovery;
mod retry_after;

pub(super) const RULES: &[&RuleInfo] = &[
    &asking::ASKED_FIRST,
    &effect::EFFECT,
    &fail_mode::FAIL_MODE,
    &recovery::RECOVERY,
    &retry_after::RETRY_AFTER,
    &asking::FLOOR,
    &effect::ENFORCED,
];

pub(super) fn rules(_contract: &Contract) -> Vec<Box<dyn Rule>> {
    vec![
        Box::new(asking::AskedFirst::default()),
        Box::new(asking::Floor::default()),
        Box::new(effect::Effect::default()),
        Box::new(effect::Enforced::default()),
        Box::new(fail_mode::Silent::default()),
        Box::new(recovery::Recovery::default()),
        Box::new(retry_after::RetryAfter::default()),
    ]
}
