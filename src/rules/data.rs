//! DATA: bad data stays bad data, and nothing else.

use std::time::Duration;

use crate::rules::rule::{Registration, rule};
use crate::rules::violation::Violation;

mod quality;

mod answers;
mod events;

pub(super) const RULES: &[Registration] = &[
    (&[&SURVIVES], |_| Box::new(answers::Answers::default())),
    (&[&SURVIVES], |_| Box::new(events::Events::default())),
];

rule! {
    /// Bad data is set aside: the last good data stays, a bad record takes no list with it, and
    /// nothing is asked in a storm
    ///
    /// # Why
    /// Truncated, mislabelled or half-wrong answers happen, by proxies, releases and one bad row in
    /// a table.
    ///
    /// # How it is judged
    /// Judged on answers of success for a resource that are no JSON, say that they are a page, or
    /// lack the contract's list, and on lists in which some records have no identity. What such an
    /// answer brought must not be shown as data: not at all when it cannot be read, and never as an
    /// empty list when good records stand beside the bad. More than five requests for the same
    /// resource within ten seconds of an unreadable answer, with no act of the user's between, are
    /// a storm. An event that cannot change its resource, because its list is missing or it is of
    /// another kind, is judged alike: it is not shown, takes no list with it, and causes no storm;
    /// and an app that leaves its feed just after each packet of no use to it, twice at least (such
    /// an event, one that the contract does not have, an acknowledgement that nobody asked for)
    /// does not survive them. Of each event's name the first 256 are looked into, then each
    /// sixteenth. That a session is kept is SESSION-7's to judge. Which values are on the screen no
    /// journal says.
    ///
    /// # How to keep it
    /// Parse into a checked type before anything is replaced; keep the last good value and mark it
    /// stale; drop single records with a log line; treat an unreadable answer as a failed one, with
    /// back-off.
    ///
    /// # Source
    /// RFC 8259 §8 and §9; crashes and emptied lists in public issue trackers
    SURVIVES: "DATA-1", App, from [Wire, Sim],
        set by ["resources[].items", "resources[].key", "realtime.events[].items"]
}

/// How many requests may follow what cannot be read, and for how long they are counted.
const REPEATS: u32 = 5;
const STORM: Duration = Duration::from_secs(10);

/// Counts one more request after what cannot be read, and says what is observed once they are a
/// storm.
fn storm(repeats: &mut u32, resource: &str) -> Option<String> {
    *repeats += 1;
    (*repeats == REPEATS + 1).then(|| format!("{repeats} requests for `{resource}`"))
}

fn violation(kind: &str, observed: String) -> Violation {
    Violation::new("the app makes more of bad data than bad data")
        .kind(kind)
        .expected("the last good data, and good records beside bad ones")
        .observed(observed)
}
