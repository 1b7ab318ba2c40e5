//! API-8: who signs in with something wrong is not told what.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::domain::journal::{EntryId, Question};
use crate::rules::context::Context;
use crate::rules::exchange::{Ended, Reception};
use crate::rules::rule::{Rule, rule};
use crate::rules::violation::Violation;

rule! {
    /// A sign-in with a wrong name or a wrong password is refused, and both are refused alike
    ///
    /// # Why
    /// Whoever is told that a name is unknown, or that only the password was wrong, learns who has an
    /// account; and a refusal by another status than agreed is shown as an error of the app's.
    ///
    /// # How it is judged
    /// As the mock's tester or the target's disposable account, which was let in before, the harness
    /// signs in with a name that nobody has and with a wrong password, once each. Both must be refused
    /// by the contract's `session.refused-by`, with the same status, and with the same words in the
    /// same places, none of which only one of them may have; numbers, ids and moments may differ. 429
    /// and errors of the server are not judged.
    ///
    /// # How to keep it
    /// One answer for both, made in one place, after the same work: hash a password for unknown names
    /// too.
    ///
    /// # Source
    /// CWE-204; OWASP authentication cheat sheet
    pub(super) ALIKE: "API-8", Backend, from [Probe],
        set by ["session.refused-by"]
}

#[derive(Default)]
pub(super) struct Alike {
    unknown: Option<Refusal>,
}

/// How a sign-in was refused.
struct Refusal {
    status: u16,
    /// What it says, by its place.
    texts: BTreeMap<String, String>,
    /// Every place where it has a text, also one that is this request's own.
    places: BTreeSet<String>,
    id: EntryId,
    exchange: u64,
}

impl Rule for Alike {
    fn see(&mut self, context: &Context<'_>) {
        let Some((question, ended)) = context.answered() else {
            return;
        };
        let what = match question {
            Question::UnknownUser => "a name that nobody has",
            Question::WrongPassword => "a wrong password",
            _ => return,
        };
        let granted = Violation::new(format!("the backend lets somebody in with {what}"))
            .expected("a refusal, as the contract's `session.refused-by` says");
        context.expects_refusal(&ALIKE, &ended, granted);
        if ended.reception() != Reception::Refused {
            return;
        }
        let Some(refusal) = Refusal::of(&ended, context) else {
            return;
        };
        refusal.judge(what, &ended, context);
        match question {
            Question::UnknownUser => self.unknown = Some(refusal),
            _ => {
                if let Some(unknown) = &self.unknown {
                    compare(unknown, &refusal, context);
                }
            }
        }
    }

    fn hears_probes(&self) -> bool {
        true
    }
}

impl Refusal {
    fn of(ended: &Ended<'_>, context: &Context<'_>) -> Option<Self> {
        let answer = ended.by_backend()?;
        let (mut texts, mut places) = (BTreeMap::new(), BTreeSet::new());
        if let Some(body) = answer.body.json() {
            collect(body, String::new(), &mut texts, &mut places);
        }
        Some(Self {
            status: answer.status,
            texts,
            places,
            id: context.entry.id,
            exchange: answer.exchange,
        })
    }

    /// Whether it is one that the app knows.
    fn judge(&self, what: &str, ended: &Ended<'_>, context: &Context<'_>) {
        let agreed = &context.contract.session.refused_by;
        if agreed.contains(&self.status) {
            return;
        }
        context.violated(
            &ALIKE,
            Violation::new(format!("the backend refuses {what} otherwise than agreed"))
                .kind("refused otherwise")
                .expected(format!(
                    "one of {agreed:?}, as the contract's `session.refused-by` says"
                ))
                .observed(ended.words())
                .evidence([ended.opened.id(), self.id])
                .exchanges([self.exchange]),
        );
    }
}

/// The words of an answer by their places. What holds a digit or an address may be one request's own.
fn collect(
    value: &Value,
    place: String,
    texts: &mut BTreeMap<String, String>,
    places: &mut BTreeSet<String>,
) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                collect(field, format!("{place}/{name}"), texts, places);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                collect(item, format!("{place}/{at}"), texts, places);
            }
        }
        Value::String(text) => {
            let is_own = |sign: char| sign.is_ascii_digit() || sign == '@' || sign == '‹';
            places.insert(place.clone());
            if !text.contains(is_own) {
                texts.insert(place, text.clone());
            }
        }
        _ => {}
    }
}

/// What one refusal says and the other does not.
fn difference(unknown: &Refusal, wrong: &Refusal) -> Option<String> {
    let told = |place: &str, one: Option<&String>, other: Option<&String>| {
        let words = |text: Option<&String>| {
            text.map_or_else(|| "not there".to_owned(), |text| format!("`{text}`"))
        };
        format!(
            "`{place}` is {} for the one and {} for the other",
            words(one),
            words(other)
        )
    };
    let mut places = unknown.places.union(&wrong.places);
    places.find_map(|place| {
        let (one, other) = (unknown.texts.get(place), wrong.texts.get(place));
        // Where something stands in both, what is one request's own may have been left out of one.
        let in_both = unknown.places.contains(place) && wrong.places.contains(place);
        let differs = match (one, other) {
            (Some(one), Some(other)) => one != other,
            (None, None) => false,
            _ => !in_both,
        };
        differs.then(|| told(place, one, other))
    })
}

fn compare(unknown: &Refusal, wrong: &Refusal, context: &Context<'_>) {
    let differs = difference(unknown, wrong);
    let observed = match differs {
        _ if unknown.status != wrong.status => {
            format!(
                "{} for the one and {} for the other",
                unknown.status, wrong.status
            )
        }
        Some(observed) => observed,
        None => return,
    };
    context.violated(
        &ALIKE,
        Violation::new("the backend tells an unknown name from a wrong password")
            .expected("one answer for both")
            .observed(observed)
            .evidence([unknown.id, wrong.id])
            .exchanges([unknown.exchange, wrong.exchange]),
    );
}
