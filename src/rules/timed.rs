//! Rules that compare times: what breaks one may have been late, or too soon, by the harness's own clock.
//!
//! Whatever is not here is judged by order, by numbers or by content, which no lag can change.

/// The rules that compare times, by their ids.
const TIMED: [&str; 32] = [
    "SESSION-5",
    "SESSION-11",
    "SESSION-12",
    "SESSION-13",
    "SESSION-18",
    "SESSION-19",
    "SESSION-20",
    "KILL-2",
    "KILL-3",
    "KILL-4",
    "KILL-5",
    "KILL-6",
    "NET-1",
    "NET-2",
    "NET-3",
    "NET-4",
    "NET-5",
    "NET-7",
    "NET-10",
    "NET-12",
    "SYNC-1",
    "SYNC-2",
    "SYNC-3",
    "SYNC-4",
    "SYNC-8",
    "SYNC-9",
    "SYNC-11",
    "SYNC-15",
    "SYNC-17",
    "SYNC-18",
    "API-3",
    "API-16",
];

/// Whether a rule compares times. Figures do by what they are.
#[must_use]
pub fn is_timed(id: &str) -> bool {
    TIMED.contains(&id) || id.starts_with("FIGURE-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_that_compares_times_is_one_and_none_is_about_scope_or_tenants() {
        for id in TIMED {
            assert!(crate::rules::find(id).is_some(), "{id}");
            assert!(
                !id.starts_with("SCOPE") && !id.starts_with("TENANT"),
                "{id}"
            );
        }
    }
}
