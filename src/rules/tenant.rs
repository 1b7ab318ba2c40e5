//! TENANT: nobody sees what is another's.

use crate::domain::journal::{EntryId, Request};
use crate::rules::rule::Registration;
use crate::rules::violation::Violation;

mod bola;
mod cached;
mod cross_account;
mod distinctive;
mod flattened;
mod isolation;
mod next_user;
mod socket_owners;
#[cfg(test)]
mod tests;
mod word_index;

use distinctive::Fingerprint;

pub(super) const RULES: &[Registration] = &[
    (&[&cached::CACHED], |_| Box::new(cached::Cached)),
    (&[&isolation::ISOLATION, &isolation::ALTERNATING], |_| {
        Box::new(isolation::Isolation::default())
    }),
    (&[&isolation::ISOLATION], |_| {
        Box::new(cross_account::CrossAccount::default())
    }),
    (&[&bola::OF_ANOTHER, &bola::TAG], |_| {
        Box::new(bola::Bola::default())
    }),
    (&[&next_user::NEXT_USER], |_| {
        Box::new(next_user::NextUser::default())
    }),
];

/// What tells requests apart: the same one brings two accounts answers that can be compared.
fn key(request: &Request) -> String {
    request.line()
}

/// Something of one account in what was sent to another.
fn violation(
    to: &str,
    owner: &str,
    fingerprint: &Fingerprint,
    observed: &str,
    entry: EntryId,
) -> Violation {
    Violation::new("the backend sends one account what belongs to another")
        .kind(format!("{owner} to {to}"))
        .expected(format!("nothing of `{owner}` in what is sent to `{to}`"))
        .observed(format!("{observed}, holding {}", fingerprint.value))
        .evidence([fingerprint.learnt, entry])
}
