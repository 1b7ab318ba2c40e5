//! TENANT: nobody sees what is another's.

use std::sync::Arc;

use super::ledger::{Breach, Ledger};
use super::scene::Scene;
use super::{JudgedFrom, Rule, RuleInfo};
use crate::domain::contract::{Contract, Role};
use crate::domain::journal::{Answer, Answerer, Entry};
use crate::domain::verdict::Subject;

mod canaries;
mod isolation;
mod next_user;
mod others;

pub(super) const RULES: &[&RuleInfo] = &[
    &isolation::CANARIES,
    &others::OF_ANOTHER,
    &isolation::ALTERNATING,
    &CACHED,
    &others::TAG,
    &next_user::NEXT_USER,
];

static CACHED: RuleInfo = RuleInfo {
    id: "TENANT-4",
    title: "A user's answers are not offered to shared caches",
    subject: Subject::Backend,
    judged_from: &[JudgedFrom::Wire],
    source: "RFC 9111 §3.5 and §5.2.2; runbook S9.3",
    explanation: "An answer to a request with authorization may be kept by a proxy, and given to the next user, once it says `public`, `s-maxage` or `must-revalidate` without `private` or `no-store`; a cache that says HIT has already done so. Judged on successful answers for resources that need authorization.",
    fix: "Answer user data with `Cache-Control: no-store` (or `private`), and exclude these routes from the CDN.",
    parameters: &["resources[].authorized"],
};

pub(super) fn rules(_contract: &Contract) -> Vec<Box<dyn Rule>> {
    vec![
        Box::new(Cached),
        Box::new(isolation::Isolation::default()),
        Box::new(others::Others::default()),
        Box::new(next_user::NextUser::default()),
    ]
}

struct Cached;

impl Rule for Cached {
    fn hears_probes(&self) -> bool {
        true
    }

    fn see(&mut self, entry: &Arc<Entry>, scene: &Scene, ledger: &mut Ledger) {
        let Some(ended) = scene.ended(entry).filter(super::scene::Ended::succeeded) else {
            return;
        };
        let (Some(answer), Some(Role::Resource(name))) = (ended.answer, &ended.request.role) else {
            return;
        };
        let authorized = scene
            .contract
            .resource(name)
            .is_some_and(|resource| resource.operation.authorized);
        if answer.from != Answerer::Backend || !authorized || ended.opened.credential.is_none() {
            return;
        }
        ledger.occasion(&CACHED);
        if let Some(fault) = offered(answer) {
            ledger.breach(
                &CACHED,
                Breach {
                    kind: "cache".to_owned(),
                    message: "a user's answer is offered to shared caches".to_owned(),
                    expected: "`no-store` or `private`".to_owned(),
                    observed: format!("{} {}: {fault}", ended.request.method, ended.request.target),
                    evidence: vec![ended.opened.id(), entry.id],
                    exchanges: vec![answer.exchange],
                    ..Breach::default()
                },
            );
        }
    }
}

fn offered(answer: &Answer) -> Option<String> {
    let values = |name: &'static str| {
        answer
            .headers
            .iter()
            .filter(move |(own, _)| own == name)
            .map(|(_, value)| value.to_ascii_lowercase())
    };
    for name in ["x-cache", "cf-cache-status", "x-vercel-cache"] {
        if let Some(value) =
            values(name).find(|value| value.split([' ', ',']).any(|word| word == "hit"))
        {
            return Some(format!("`{name}: {value}`"));
        }
    }
    let control: String = values("cache-control").collect::<Vec<_>>().join(",");
    let directives: Vec<&str> = control
        .split(',')
        .map(|part| part.split('=').next().unwrap_or_default().trim())
        .collect();
    let kept = directives
        .iter()
        .any(|own| matches!(*own, "private" | "no-store"));
    let shared = directives
        .iter()
        .find(|own| matches!(**own, "public" | "s-maxage" | "must-revalidate"))?;
    (!kept).then(|| format!("`cache-control: {control}` ({shared})"))
}
