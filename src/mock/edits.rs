//! What an operator has written into the world, one step after the other, so that it can be undone and done again.

use std::collections::VecDeque;
use std::fmt;

use serde_json::{Value, json};

/// How many steps can be undone.
const MOST: usize = 100;

/// The steps that can be undone, and those that can be done again.
#[derive(Debug, Default)]
pub(super) struct Edits {
    done: VecDeque<Step>,
    undone: Vec<Step>,
    /// Why there are none any more.
    cleared: Option<&'static str>,
}

/// One value in the place of another.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    pub(super) resource: String,
    /// Whose; nobody's where it is everybody's.
    pub(super) user: Option<String>,
    pub(super) place: Place,
    /// What was there; nothing for a row that is new.
    pub(super) before: Option<Value>,
    /// What is there; nothing for a row that is gone.
    pub(super) after: Option<Value>,
}

/// Where a value stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    /// It is the whole answer.
    Whole,
    /// It is a row, which has this key and was here when it was written.
    Row { key: Option<Value>, at: usize },
}

impl Step {
    /// The step that takes this one back.
    pub(super) fn backwards(&self) -> Self {
        Self {
            before: self.after.clone(),
            after: self.before.clone(),
            ..self.clone()
        }
    }

    /// In a word.
    pub(super) fn verb(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "add",
            (_, None) => "remove",
            _ => "put",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resource, user, .. } = self;
        write!(out, "{} {resource}", self.verb())?;
        match &self.place {
            Place::Row { key: Some(key), .. } => match key.as_str() {
                Some(key) => write!(out, " {key}")?,
                None => write!(out, " {key}")?,
            },
            Place::Row { key: None, at } => write!(out, " row {at}")?,
            Place::Whole => {}
        }
        match user {
            Some(user) => write!(out, " of {user}"),
            None => Ok(()),
        }
    }
}

impl Edits {
    /// Something was written. What was undone before cannot be done again.
    pub(super) fn add(&mut self, step: Step) {
        self.undone.clear();
        self.push(step);
    }

    fn push(&mut self, step: Step) {
        self.cleared = None;
        self.done.push_back(step);
        if self.done.len() > MOST {
            self.done.pop_front();
        }
    }

    /// The step to be undone; it leaves the steps.
    pub(super) fn take_last(&mut self) -> Option<Step> {
        self.done.pop_back()
    }

    /// The step to be done again; it leaves the steps.
    pub(super) fn take_undone(&mut self) -> Option<Step> {
        self.undone.pop()
    }

    /// A step was undone.
    pub(super) fn undid(&mut self, step: Step) {
        self.undone.push(step);
    }

    /// A step was done again.
    pub(super) fn redid(&mut self, step: Step) {
        self.push(step);
    }

    /// What the steps are about is not there any more.
    pub(super) fn clear(&mut self, why: &'static str) {
        if !self.done.is_empty() || !self.undone.is_empty() {
            *self = Self {
                cleared: Some(why),
                ..Self::default()
            };
        }
    }

    /// Why nothing can be undone, if something could be.
    pub(super) fn cleared(&self) -> Option<&'static str> {
        self.cleared
    }

    /// What can be undone and done again next.
    pub(super) fn shown(&self) -> Value {
        json!({
            "undo": self.done.back().map(Step::to_string),
            "redo": self.undone.last().map(Step::to_string),
            "steps": self.done.len(),
            "cleared": self.cleared,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(at: usize) -> Step {
        Step {
            resource: "ships".to_owned(),
            user: None,
            place: Place::Row { key: None, at },
            before: None,
            after: Some(json!(at)),
        }
    }

    #[test]
    fn the_oldest_steps_go_first_and_a_new_one_ends_what_was_undone() {
        let mut edits = Edits::default();
        for at in 0..=MOST {
            edits.add(step(at));
        }
        assert_eq!(edits.shown()["steps"], MOST);
        let last = edits.take_last().unwrap();
        assert_eq!(last.to_string(), "add ships row 100");
        assert_eq!(last.backwards().to_string(), "remove ships row 100");
        edits.undid(last);
        assert_eq!(edits.shown()["redo"], "add ships row 100");
        edits.add(step(7));
        assert_eq!(edits.shown()["redo"], Value::Null);
        edits.clear("it was read again");
        assert_eq!(edits.shown()["cleared"], "it was read again");
        assert!(edits.take_last().is_none() && edits.take_undone().is_none());
    }
}
