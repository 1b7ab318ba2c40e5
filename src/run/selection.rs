//! Which scenarios are played.

use std::sync::Arc;

use crate::domain::scenario::{SOAK, Scenario};
use crate::domain::wildcard::matches;

/// Why a selection cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unselected {
    /// Something was asked for that is not there.
    #[error("there is no {kind} `{name}`; there are: {}", known.join(", "))]
    Unknown {
        /// What was meant to be named.
        kind: &'static str,
        /// The name or pattern as given.
        name: String,
        /// Every name there is.
        known: Vec<String>,
    },
    /// Nothing is left.
    #[error("no scenario is left to play: {why}")]
    Nothing {
        /// How it came to that.
        why: String,
        /// Every scenario there is.
        known: Vec<String>,
    },
}

/// What was asked for: any of the patterns, and any of the tags.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// Patterns of ids, in which `*` stands for any run of characters and `?` for one.
    pub patterns: &'a [String],
    /// Tags.
    pub tags: &'a [String],
    /// Patterns of ids that are left out, whatever else asks for them.
    pub skipped: &'a [String],
}

impl Selection<'_> {
    /// The selected scenarios in the suite's order. A pattern or tag that matches nothing is an
    /// error even if others match: a typing mistake must not quietly shrink a run.
    ///
    /// # Errors
    /// When something that was asked for is not there, or nothing is left.
    pub fn of(&self, scenarios: &[Arc<Scenario>]) -> Result<Vec<Arc<Scenario>>, Unselected> {
        let ids = || {
            scenarios
                .iter()
                .map(|scenario| scenario.id.clone())
                .collect()
        };
        for pattern in self.patterns.iter().chain(self.skipped) {
            if !scenarios
                .iter()
                .any(|scenario| matches(pattern, &scenario.id))
            {
                return Err(Unselected::Unknown {
                    kind: "scenario",
                    name: pattern.clone(),
                    known: ids(),
                });
            }
        }
        for tag in self.tags {
            if !scenarios.iter().any(|scenario| scenario.tags.contains(tag)) {
                let mut known: Vec<String> = scenarios
                    .iter()
                    .flat_map(|scenario| scenario.tags.clone())
                    .collect();
                known.sort();
                known.dedup();
                return Err(Unselected::Unknown {
                    kind: "scenario with the tag",
                    name: tag.clone(),
                    known,
                });
            }
        }
        // Of a suite that has nothing else, the long ones are what is wanted.
        let only_long = !scenarios.iter().any(|scenario| scenario.is_usual());
        let selected: Vec<Arc<Scenario>> = scenarios
            .iter()
            .filter(|scenario| self.covers(scenario))
            .filter(|scenario| only_long || scenario.is_usual() || self.names(scenario))
            .cloned()
            .collect();
        if selected.is_empty() {
            let why = if scenarios.is_empty() {
                "the suite has none".to_owned()
            } else {
                let left_out = match self.skipped {
                    [] => "",
                    _ => " and is not skipped",
                };
                format!("none has both a selected id and a selected tag{left_out}")
            };
            return Err(Unselected::Nothing { why, known: ids() });
        }
        Ok(selected)
    }

    /// Whether a scenario of days is asked for.
    fn names(&self, scenario: &Scenario) -> bool {
        let mut patterns = self.patterns.iter();
        patterns.any(|pattern| matches(pattern, &scenario.id))
            || self.tags.iter().any(|tag| tag == SOAK)
    }

    fn covers(&self, scenario: &Scenario) -> bool {
        let named = |pattern: &String| matches(pattern, &scenario.id);
        let tagged = |tag: &String| scenario.tags.contains(tag);
        !self.skipped.iter().any(named)
            && (self.patterns.is_empty() || self.patterns.iter().any(named))
            && (self.tags.is_empty() || self.tags.iter().any(tagged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(id: &str, tags: &[&str]) -> Arc<Scenario> {
        Arc::new(Scenario {
            id: id.to_owned(),
            name: String::new(),
            file: String::new(),
            runbook: Vec::new(),
            labels: Vec::new(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            lacks: None,
            needs: Vec::new(),
            waivers: Vec::new(),
            known_failure: None,
            devices: Vec::new(),
            steps: Vec::new(),
            finally: Vec::new(),
        })
    }

    fn select(patterns: &[&str], tags: &[&str]) -> Result<Vec<String>, Unselected> {
        let suite = [
            scenario("sign-in", &["session"]),
            scenario("sign-out", &["session", "slow"]),
            scenario("polling", &["feed"]),
        ];
        let own = |words: &[&str]| {
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        let (patterns, tags) = (own(patterns), own(tags));
        let selection = Selection {
            patterns: &patterns,
            tags: &tags,
            skipped: &[],
        };
        let selected = selection.of(&suite)?;
        Ok(selected
            .iter()
            .map(|scenario| scenario.id.clone())
            .collect())
    }

    #[test]
    fn scenarios_of_days_are_played_only_when_they_are_asked_for() {
        let suite = [
            scenario("sign-in", &["daily"]),
            scenario("week", &["daily", "soak"]),
        ];
        let own = |word: &str| vec![word.to_owned()];
        let select = |patterns: &[String], tags: &[String], suite: &[Arc<Scenario>]| {
            let selected = Selection {
                patterns,
                tags,
                skipped: &[],
            }
            .of(suite)
            .unwrap();
            let ids = selected.iter().map(|scenario| scenario.id.clone());
            ids.collect::<Vec<_>>()
        };
        assert_eq!(select(&[], &[], &suite), ["sign-in"]);
        assert_eq!(select(&[], &own("daily"), &suite), ["sign-in"]);
        assert_eq!(select(&[], &own("soak"), &suite), ["week"]);
        assert_eq!(select(&own("wee*"), &[], &suite), ["week"]);
        assert_eq!(select(&[], &[], &suite[1..]), ["week"]);
    }

    #[test]
    fn nothing_asked_for_means_everything() {
        assert_eq!(
            select(&[], &[]).unwrap(),
            ["sign-in", "sign-out", "polling"]
        );
    }

    #[test]
    fn patterns_add_up_and_tags_narrow() {
        assert_eq!(select(&["sign-*"], &[]).unwrap(), ["sign-in", "sign-out"]);
        assert_eq!(
            select(&["polling", "sign-in"], &[]).unwrap(),
            ["sign-in", "polling"]
        );
        assert_eq!(select(&["sign-*"], &["slow"]).unwrap(), ["sign-out"]);
    }

    #[test]
    fn what_is_skipped_is_left_out_and_must_be_there() {
        let suite = [scenario("sign-in", &[]), scenario("sign-out", &[])];
        let skip = |word: &str| {
            let skipped = [word.to_owned()];
            let selection = Selection {
                patterns: &[],
                tags: &[],
                skipped: &skipped,
            };
            let selected = selection.of(&suite)?;
            Ok::<_, Unselected>(
                selected
                    .iter()
                    .map(|own| own.id.clone())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(skip("*-out").unwrap(), ["sign-in"]);
        assert!(matches!(skip("poling"), Err(Unselected::Unknown { .. })));
        assert!(matches!(skip("*"), Err(Unselected::Nothing { .. })));
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_refused_though_another_matches() {
        let problem = select(&["sign-in", "poling"], &[]).unwrap_err();
        assert!(
            matches!(&problem, Unselected::Unknown { name, known, .. } if name == "poling" && known.len() == 3),
            "{problem}"
        );
    }

    #[test]
    fn ids_and_tags_that_never_meet_leave_nothing() {
        let problem = select(&["polling"], &["session"]).unwrap_err();
        assert!(matches!(problem, Unselected::Nothing { .. }), "{problem}");
    }

    #[test]
    fn stars_and_question_marks_match_as_in_a_shell() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b", false),
            ("s?gn-in", "sign-in", true),
            ("sign", "sign-in", false),
            ("*in", "sign-in", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
