//! TENANT-1 and -3: nothing of one account in anything that is sent to another.

use super::cross_account::{Pair, Side};
use super::distinctive::Distinctive;
use super::observed::{Answered, Observed};
use super::search::Sent;
use crate::domain::journal::{Entry, Question};
use crate::rules::context::Context;
use crate::rules::rule::{RuleInfo, rule};

rule! {
    /// Nothing of one account is in anything that is sent to another
    ///
    /// # Why
    /// What belongs to an account is learnt from its own session: the names it signs in with and is
    /// known by (the token's subject, the contract's `identity`), and distinctive texts and
    /// decimals that its answers held before the other account's own answer to the same request
    /// lacked them. They are searched in every byte that goes to another account, headers, errors
    /// and socket packets included. Distinctive that both accounts get from the start are common and
    /// give nobody away; decimals count only where they stand still, so that shared prices do not. In a row
    /// of a list with a `key` it is the key that is the account's; anything else in it counts with the whole
    /// row, for two accounts may come to have the same instrument at the same price.
    /// A resource that the contract calls `personal` must not answer two accounts alike.
    ///
    /// # How it is judged
    /// Judged once a run knows two accounts: the harness reads as both where the target allows it. What
    /// both had from the first answer on is said to belong to one of them at most. Whose items an event
    /// brings is judged for `personal` lists only, and of others it is remarked that it is not.
    ///
    /// # How to keep it
    /// Key every cache and every query by the account of the verified token, never by path alone;
    /// scope row access in the data layer rather than in each handler.
    ///
    /// # Source
    /// OWASP API Security Top 10 2023, API1 and API3; runbook S9.1
    pub(super) ISOLATION: "TENANT-1", Backend, from [Wire, Probe],
        set by ["session.identity", "resources[].personal"]
}

rule! {
    /// Two accounts that take turns on the same connections get each their own data
    ///
    /// # Why
    /// A server or proxy that remembers who a connection belongs to, instead of asking each
    /// request's own token, answers the second user with the first one's data.
    ///
    /// # How it is judged
    /// The harness sends the requests of two accounts by turns over one connection per service, for
    /// several rounds, and looks for what gives each account away (TENANT-1) in the other's
    /// answers.
    ///
    /// # How to keep it
    /// Authenticate every request by its own credential; keep nothing about the user on the
    /// connection or in a thread's or worker's globals.
    ///
    /// # Source
    /// connection-bound identity behind pooling proxies; runbook S9.2
    pub(super) ALTERNATING: "TENANT-3", Backend, from [Probe],
        set by ["session.identity"]
}

/// Whether accounts are kept apart.
#[derive(Default)]
pub(super) struct Isolation {
    /// Whether something of one account was found in an answer to another, on a connection of its
    /// own.
    leaks: bool,
}

impl Isolation {
    /// Judges an answer, and says whether something of another account is in it.
    pub(super) fn leaks(
        &mut self,
        answered: &Answered<'_>,
        values: &Distinctive,
        observed: &Observed,
        context: &Context<'_>,
    ) -> bool {
        if observed.is_alone() {
            return false;
        }
        let rule = self.rule(answered);
        let mut others = observed.others(answered.account);
        let is_comparable = others.any(|(_, other)| other.has_own(&answered.line));
        if answered.ended.succeeded() && is_comparable {
            context.exercised(rule);
        }
        let sent = Sent::answer(answered, values, context.entry.id, &context.contract);
        let Some((owner, leak)) = sent.leak(answered.account, observed) else {
            return false;
        };
        self.leaks |= rule.id == ISOLATION.id;
        context.violated(rule, leak.violation(&owner, answered.account));
        true
    }

    /// The rule that an answer is judged by. What leaks on connections of one's own is not the
    /// shared connection's doing.
    fn rule(&self, answered: &Answered<'_>) -> &'static RuleInfo {
        match &answered.ended.opened.question {
            Some(Question::Alternately { .. }) if !self.leaks => &ALTERNATING,
            _ => &ISOLATION,
        }
    }
}

/// Judges an event that came over an account's socket, and says whether something of another account
/// is in it.
pub(super) fn event(
    account: &str,
    entry: &Entry,
    observed: &Observed,
    context: &Context<'_>,
) -> bool {
    context.exercised(&ISOLATION);
    let sent = Sent::event(entry, &context.contract);
    let Some((owner, leak)) = sent.and_then(|sent| sent.leak(account, observed)) else {
        return false;
    };
    context.violated(&ISOLATION, leak.violation(&owner, account));
    true
}

/// Says which events cannot be compared between accounts: they change lists that may be everybody's.
fn say_not_compared(observed: &Observed, context: &Context<'_>) {
    let lists = context.contract.events().filter_map(|event| {
        let resource = context.contract.resource(event.updates.as_deref()?)?;
        let accounts = observed.accounts.values();
        let sent = accounts.filter(|account| account.events.contains_key(&event.name));
        (resource.key.is_some() && !resource.personal && sent.count() >= 2).then_some(resource)
    });
    for list in lists {
        let name = &list.name;
        context.remark(
            &ISOLATION,
            format!(
                "whose items the events of `{name}` bring is not judged, because the contract does \
                 not call `{name}` `personal`"
            ),
        );
    }
}

/// Judges what accounts turn out to have in common.
pub(super) fn looked_back(observed: &Observed, context: &Context<'_>) {
    say_not_compared(observed, context);
    let accounts = observed.accounts.iter().filter(|_| !observed.is_alone());
    let sides: Vec<Side<'_>> = accounts
        .map(|(name, account)| Side::of(name, account, &context.contract))
        .collect();
    for owner in &sides {
        for other in sides.iter().filter(|other| other.name != owner.name) {
            let pair = Pair::of(&context.contract, owner, other);
            if pair.is_compared() {
                context.exercised(&ISOLATION);
            }
            for leak in pair.leaks() {
                context.violated(&ISOLATION, leak.violation(owner.name, other.name));
            }
        }
    }
}
