//! TENANT: nobody sees what is another's.
//!
//! Reading order: `distinctive` tells what is one account's own, `observed` keeps what each
//! account was seen to read and to be sent. Then comes what compares: `search` looks through what is
//! just being sent, `cross_account` looks back from the end, `bola` at what the harness asked with
//! another's things. `cached` and `next_user` need no comparison.

use crate::domain::journal::{Direction, Fact, Frame};
use crate::rules::context::Context;
use crate::rules::rule::{Registration, Rule};

mod distinctive;

mod observed;

mod leak;
mod word_index;

mod search;

mod isolation;

mod cross_account;

mod bola;
mod cached;
mod next_user;
#[cfg(test)]
mod tests;

use bola::{OF_ANOTHER, OwnTags, TAG};
use cached::{CACHED, Cached};
use distinctive::Distinctive;
use isolation::{ALTERNATING, ISOLATION, Isolation};
use next_user::{NEXT_USER, NextUser};
use observed::{Answered, Observed};

pub(super) const RULES: &[Registration] = &[
    (&[&CACHED], |_| Box::new(Cached)),
    (&[&ISOLATION, &ALTERNATING, &OF_ANOTHER, &TAG], |_| {
        Box::new(Tenants::default())
    }),
    (&[&NEXT_USER], |_| Box::new(NextUser::default())),
];

/// The rules that compare accounts, over one store of what was observed of them.
#[derive(Default)]
struct Tenants {
    observed: Observed,
    isolation: Isolation,
    tags: OwnTags,
}

impl Rule for Tenants {
    fn see(&mut self, context: &Context<'_>) {
        self.observed.sockets.follow(context);
        match &context.entry.fact {
            Fact::TokenIssued(token) => self.observed.signed_in(token, context),
            Fact::Answer(_) => self.answered(context),
            Fact::Frame {
                socket,
                direction: Direction::Down,
                packet: Frame::Event { name, .. },
                ..
            } => {
                if let Some(account) = self.observed.sockets.of(*socket) {
                    self.observed.event(&account, name, context.entry);
                    let observed = &self.observed;
                    if !observed.is_alone()
                        && isolation::event(&account, context.entry, observed, context)
                    {
                        self.observed.event_leaked(context.entry.id);
                    }
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, context: &Context<'_>) {
        for (account, event) in self.observed.unsuspected_events() {
            isolation::event(account, event, &self.observed, context);
        }
        isolation::looked_back(&self.observed, context);
    }

    fn hears_routine(&self) -> bool {
        true
    }

    fn hears_probes(&self) -> bool {
        true
    }

    fn compares_accounts(&self) -> bool {
        true
    }
}

impl Tenants {
    fn answered(&mut self, context: &Context<'_>) {
        bola::judge(&self.observed, &mut self.tags, context);
        let Some(answered) = Answered::of(context) else {
            return;
        };
        let own = if self.observed.knows_enough(&answered) {
            None
        } else {
            let body = answered.answer.body.json();
            let values = body.map(Distinctive::of).unwrap_or_default();
            let observed = &self.observed;
            let leaks = self.isolation.leaks(&answered, &values, observed, context);
            (!leaks).then_some(values)
        };
        self.observed.answered(&answered, own, context);
    }
}
