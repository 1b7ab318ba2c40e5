//! What of a contract was put to the test, and what was not, with why.
//!
//! Coverages of scenarios add up to that of a run, and those of nights to one of weeks: what was
//! tested once is tested.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Of what kind something is that can be put to the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The requests that a contract declares.
    Endpoints,
    /// What the app reads: an answer of success brought it.
    Resources,
    /// What the backend emits.
    Events,
    /// What the app emits.
    Emits,
    /// What must never be called, emitted or joined: somebody tried.
    Forbidden,
    /// Ways to change the target's world.
    Levers,
    /// Ways to disturb what passes the gateway.
    Faults,
    /// What is judged.
    Rules,
}

impl Kind {
    /// Every one, in the order in which they are told.
    pub const ALL: [Self; 8] = [
        Self::Endpoints,
        Self::Resources,
        Self::Events,
        Self::Emits,
        Self::Forbidden,
        Self::Levers,
        Self::Faults,
        Self::Rules,
    ];

    /// The word for reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Endpoints => "endpoints",
            Self::Resources => "resources",
            Self::Events => "events",
            Self::Emits => "emits",
            Self::Forbidden => "forbidden",
            Self::Levers => "levers",
            Self::Faults => "faults",
            Self::Rules => "rules",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// How often something was put to the test.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// … by what the client did, or was told.
    pub by_client: u64,
    /// … by what the harness did.
    pub by_harness: u64,
    /// Why it was not, if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Covered {
    /// Whether it was put to the test at all.
    #[must_use]
    pub fn is_tested(&self) -> bool {
        self.by_client + self.by_harness > 0
    }

    /// What was put to the test needs no word on why it was not.
    fn forget_why(&mut self) {
        if self.is_tested() {
            self.why = None;
        }
    }

    fn add(&mut self, other: &Self) {
        let both = [self.why.take(), other.why.clone()];
        self.by_client += other.by_client;
        self.by_harness += other.by_harness;
        // A word that is told by neither order nor number, so that it matters to nobody which half of
        // a run is added first. What says more than that there was no occasion goes before.
        let told = both.into_iter().flatten();
        self.why = told.min_by_key(|why| (why == NO_OCCASION, why.clone()));
        self.forget_why();
    }
}

/// Why something was not put to the test, where nothing kept it from being so.
pub const NO_OCCASION: &str = "no occasion in this run";

/// What of a contract was put to the test, by kind and name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Coverage(BTreeMap<Kind, BTreeMap<String, Covered>>);

impl Coverage {
    /// Says that there is something to be put to the test.
    pub fn expect(&mut self, kind: Kind, name: impl Into<String>) {
        let covered = self.0.entry(kind).or_default().entry(name.into());
        covered.or_insert_with(|| Covered {
            why: Some(NO_OCCASION.to_owned()),
            ..Covered::default()
        });
    }

    /// Says that the client, or what it was told, put this to the test so many times. What nobody
    /// expects counts for nothing.
    pub fn by_client(&mut self, kind: Kind, name: &str, times: u64) {
        if let Some(covered) = self.find(kind, name) {
            covered.by_client += times;
            covered.forget_why();
        }
    }

    /// Says that the harness put this to the test so many times.
    pub fn by_harness(&mut self, kind: Kind, name: &str, times: u64) {
        if let Some(covered) = self.find(kind, name) {
            covered.by_harness += times;
            covered.forget_why();
        }
    }

    /// Says why something could not be put to the test, unless it was.
    pub fn because(&mut self, kind: Kind, name: &str, why: &str) {
        if let Some(covered) = self.find(kind, name)
            && !covered.is_tested()
        {
            covered.why = Some(why.to_owned());
        }
    }

    fn find(&mut self, kind: Kind, name: &str) -> Option<&mut Covered> {
        self.0.get_mut(&kind)?.get_mut(name)
    }

    /// Adds what was seen elsewhere.
    pub fn add(&mut self, other: &Self) {
        for (kind, all) in &other.0 {
            let own = self.0.entry(*kind).or_default();
            for (name, covered) in all {
                match own.get_mut(name) {
                    Some(known) => known.add(covered),
                    None => {
                        own.insert(name.clone(), covered.clone());
                    }
                }
            }
        }
    }

    /// All of one kind, by name.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = (&str, &Covered)> {
        let all = self.0.get(&kind).into_iter().flatten();
        all.map(|(name, covered)| (name.as_str(), covered))
    }

    /// What of one kind was put to the test, and how much there is.
    #[must_use]
    pub fn count(&self, kind: Kind) -> (usize, usize) {
        let tested = self.of(kind).filter(|(_, covered)| covered.is_tested());
        (tested.count(), self.of(kind).count())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some() -> impl Strategy<Value = Coverage> {
        let one = (0..3_usize, "[ab]", 0..3_u8, prop::option::of("[xyz]"));
        prop::collection::vec(one, 0..6).prop_map(|all| {
            let mut coverage = Coverage::default();
            for (kind, name, how, why) in all {
                let kind = Kind::ALL[kind];
                coverage.expect(kind, name.clone());
                match how {
                    0 => coverage.by_client(kind, &name, 1),
                    1 => coverage.by_harness(kind, &name, 1),
                    _ => {}
                }
                if let Some(why) = why {
                    coverage.because(kind, &name, &why);
                }
            }
            coverage
        })
    }

    fn sum(left: &Coverage, right: &Coverage) -> Coverage {
        let mut sum = left.clone();
        sum.add(right);
        sum
    }

    proptest! {
        #[test]
        fn it_does_not_matter_in_which_order_coverages_are_added(a in some(), b in some(), c in some()) {
            prop_assert_eq!(sum(&a, &b), sum(&b, &a));
            prop_assert_eq!(sum(&sum(&a, &b), &c), sum(&a, &sum(&b, &c)));
            prop_assert_eq!(sum(&a, &Coverage::default()), a);
        }
    }

    #[test]
    fn what_was_tested_once_is_tested_and_what_kept_the_rest_from_it_is_told() {
        let mut first = Coverage::default();
        for name in ["a", "b", "c"] {
            first.expect(Kind::Rules, name);
        }
        let mut second = first.clone();
        first.because(Kind::Rules, "a", "waived");
        first.because(Kind::Rules, "b", "the contract has no feed");
        second.by_client(Kind::Rules, "a", 1);
        second.by_client(Kind::Rules, "unheard-of", 1);
        let sum = sum(&first, &second);
        let whys: Vec<Option<&str>> = sum
            .of(Kind::Rules)
            .map(|(_, own)| own.why.as_deref())
            .collect();
        assert_eq!(
            whys,
            [None, Some("the contract has no feed"), Some(NO_OCCASION)]
        );
        assert_eq!(sum.count(Kind::Rules), (1, 3));
    }

    #[test]
    fn a_coverage_is_read_as_it_was_written() {
        let mut coverage = Coverage::default();
        coverage.expect(Kind::Faults, "delay");
        coverage.expect(Kind::Levers, "push");
        coverage.by_harness(Kind::Levers, "push", 1);
        let text = serde_json::to_string(&coverage).unwrap();
        assert_eq!(serde_json::from_str::<Coverage>(&text).unwrap(), coverage);
    }
}
