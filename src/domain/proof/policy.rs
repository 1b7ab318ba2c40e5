//! Which entries of the forbid list the proof really tests: drop one, and its marked call must no
//! longer be caught.

use std::sync::Arc;

use crate::domain::contract::{Contract, RequestPattern};
use crate::domain::journal::Class;
use crate::domain::scope::{RequestView, judge};

/// The contract with one entry of its forbid list dropped.
#[must_use]
pub fn without(contract: &Contract, entry: usize) -> Arc<Contract> {
    let mut less = contract.clone();
    less.scope.forbid.remove(entry);
    Arc::new(less)
}

/// The entries that the marked calls do not test: nobody would notice if one of these were dropped,
/// because other entries forbid its call too.
#[must_use]
pub fn untested(contract: &Contract) -> Vec<&RequestPattern> {
    let forbid = contract.scope.forbid.iter().enumerate();
    forbid
        .filter(|(at, entry)| {
            let less = without(contract, *at);
            let services = contract.services.iter().filter(|service| {
                let own = entry.service.as_ref();
                own.is_none_or(|own| *own == service.name)
            });
            let mut services = services.peekable();
            services.peek().is_some()
                && services.all(|service| is_forbidden(&less, &service.name, entry))
        })
        .map(|(_, entry)| entry)
        .collect()
}

/// Whether the marked call of an entry falls under the forbid list.
fn is_forbidden(contract: &Contract, service: &str, entry: &RequestPattern) -> bool {
    let request = RequestView {
        service,
        base_path: "",
        method: entry.method.as_deref().unwrap_or("POST"),
        target: &entry.path.example(),
        host: "",
        expected_authority: "",
        headers: &[],
        body: Some(b"{}"),
    };
    judge(contract, &request).judgement.class == Class::Forbidden
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::scope::sample;

    #[test]
    fn an_entry_that_another_one_covers_is_untested() {
        let mut contract = sample::contract();
        assert_eq!(untested(&contract), Vec::<&RequestPattern>::new());
        let narrow = RequestPattern::parse("POST trading /internal/trading/orders").unwrap();
        contract.scope.forbid.push(narrow.clone());
        assert_eq!(untested(&contract), [&narrow]);
        contract.scope.forbid.push(narrow.clone());
        assert_eq!(untested(&contract), [&narrow, &narrow]);
    }
}
