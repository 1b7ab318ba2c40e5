//! Which part of a run a machine plays. Each machine deals the same list out alike, so none has to ask the
//! others.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The most parts that a run is cut into.
const MOST: u32 = 100_000;

/// What a scenario counts for if nobody knows how long it takes, and the least that one counts for.
const LEAST: Duration = Duration::from_micros(1);

/// One of the parts of a run: `2/3`, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Shard {
    number: u32,
    of: u32,
}

impl Shard {
    /// The part with this number, from 1.
    ///
    /// # Errors
    /// Says in words why there is no such part.
    pub fn new(number: u32, of: u32) -> Result<Self, String> {
        if of > MOST {
            return Err(format!("a run is cut into {MOST} shards at most"));
        }
        match number {
            0 => Err("shards are counted from 1".to_owned()),
            number if number > of => Err(format!("there is no shard {number} of {of}")),
            number => Ok(Self { number, of }),
        }
    }

    /// Which one it is, from 1.
    #[must_use]
    pub fn number(self) -> u32 {
        self.number
    }

    /// How many there are.
    #[must_use]
    pub fn of(self) -> u32 {
        self.of
    }

    /// Which of these names fall to it. `cost` says how long one takes, where that is known.
    ///
    /// The longest are dealt first, each to whoever has the least so far; what takes equally long goes round
    /// by name. What is not known counts as much as what is known does on average.
    #[must_use]
    pub fn share<'n>(
        self,
        names: &[&'n str],
        cost: impl Fn(&str) -> Option<Duration>,
    ) -> BTreeSet<&'n str> {
        let known: Vec<Duration> = names.iter().filter_map(|name| cost(name)).collect();
        let number = u32::try_from(known.len()).unwrap_or(u32::MAX);
        let usual = known.iter().sum::<Duration>().checked_div(number);
        let cost = |name: &str| cost(name).or(usual).unwrap_or_default().max(LEAST);
        let mut dealt: Vec<(Reverse<Duration>, &str)> = names
            .iter()
            .map(|name| (Reverse(cost(name)), *name))
            .collect();
        dealt.sort_unstable();
        let mut loads: BTreeSet<(Duration, u32)> =
            (1..=self.of).map(|to| (Duration::ZERO, to)).collect();
        let mut own = BTreeSet::new();
        for (Reverse(cost), name) in dealt {
            let Some((load, to)) = loads.pop_first() else {
                break;
            };
            if to == self.number {
                own.insert(name);
            }
            loads.insert((load + cost, to));
        }
        own
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = text.split_once('/').and_then(|(number, of)| {
            let whole = |text: &str| text.trim().parse::<u32>().ok();
            Some((whole(number)?, whole(of)?))
        });
        let (number, of) = read.ok_or("write which shard of how many, like `2/3`")?;
        Self::new(number, of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(of: u32, names: &[&str], cost: impl Fn(&str) -> Option<u64>) -> Vec<Vec<String>> {
        let parts = (1..=of).map(|number| {
            let shard = Shard::new(number, of).unwrap();
            let share = shard.share(names, |name| cost(name).map(Duration::from_secs));
            share.into_iter().map(str::to_owned).collect()
        });
        parts.collect()
    }

    #[test]
    fn shards_hold_everything_once_and_equally_many_whatever_the_order_of_the_list() {
        let names = ["e", "a", "d", "b", "c"];
        let dealt = shares(2, &names, |_| None);
        assert_eq!(dealt, [vec!["a", "c", "e"], vec!["b", "d"]]);
        let mut turned = names;
        turned.reverse();
        assert_eq!(shares(2, &turned, |_| None), dealt);
        for of in 1..9 {
            let mut all = shares(of, &names, |_| None).concat();
            all.sort();
            assert_eq!(all, ["a", "b", "c", "d", "e"], "{of} shards");
        }
    }

    #[test]
    fn where_there_are_more_shards_than_names_some_have_none() {
        assert_eq!(
            shares(3, &["a", "b"], |_| None),
            [vec!["a"], vec!["b"], vec![]]
        );
        assert_eq!(shares(2, &[], |_| None), [Vec::<String>::new(), Vec::new()]);
    }

    #[test]
    fn the_longest_are_dealt_first_and_what_is_unknown_counts_as_usual() {
        let cost = |name: &str| match name {
            "week" => Some(9),
            "day" => Some(5),
            "hour" => Some(4),
            _ => None,
        };
        // `new` counts for 6, the mean of what is known.
        assert_eq!(
            shares(2, &["day", "hour", "new", "week"], cost),
            [vec!["hour", "week"], vec!["day", "new"]]
        );
        let nothing = |_: &str| Some(0);
        assert_eq!(shares(2, &["a", "b"], nothing), [vec!["a"], vec!["b"]]);
    }

    #[test]
    fn a_shard_that_cannot_be_is_refused_in_words() {
        assert_eq!("2/3".parse(), Shard::new(2, 3));
        assert_eq!(Shard::new(2, 3).unwrap().to_string(), "2/3");
        for (text, told) in [
            ("0/3", "counted from 1"),
            ("4/3", "no shard 4 of 3"),
            ("1/0", "no shard 1 of 0"),
            ("1/100001", "100000 shards at most"),
            ("2", "like `2/3`"),
            ("-1/3", "like `2/3`"),
            ("1/3/5", "like `2/3`"),
            ("99999999999/3", "like `2/3`"),
        ] {
            let refused = text.parse::<Shard>().unwrap_err();
            assert!(refused.contains(told), "{text}: {refused}");
        }
    }
}
