//! Where steps stand among all steps of a scenario, and what they are called.

use crate::domain::runbook::Labelled;
use crate::suite::cursor::{Cursor, Fields};
use crate::suite::flow::Library;
use crate::suite::suggest::suggest;

/// How many steps a scenario may come to, flows and repetitions counted as often as they are used.
const MOST_STEPS: usize = 10_000;

/// Where steps stand among all steps of a scenario, and what they are called.
pub(super) struct Places<'a> {
    /// The flows that steps may use.
    pub(super) flows: &'a Library,
    /// What steps may call on by `check`.
    pub(super) code: &'a [String],
    /// The scenario's devices; `None` when they could not be read.
    devices: Option<Vec<String>>,
    number: usize,
    labels: Vec<Labelled>,
    /// Whether the contract lacks what the whole file is about, so that only labels are read.
    pub(super) are_left_out: bool,
    /// The flows that the steps which are read now stand in, the outermost first.
    within: Vec<Use>,
    /// How many steps there are by now, those that stand for others among them.
    count: usize,
}

/// One use of a flow.
pub(super) struct Use {
    flow: String,
    label: Option<String>,
    on: usize,
}

impl Use {
    /// A use on the device at this place among the scenario's.
    pub(super) fn of(flow: &str, label: Option<String>, on: usize) -> Self {
        let flow = flow.to_owned();
        Self { flow, label, on }
    }
}

impl<'a> Places<'a> {
    pub(super) fn new(
        flows: &'a Library,
        code: &'a [String],
        devices: Option<Vec<String>>,
    ) -> Self {
        Self {
            flows,
            code,
            devices,
            number: 0,
            labels: Vec::new(),
            are_left_out: false,
            within: Vec::new(),
            count: 0,
        }
    }

    /// The labels that were given, in the order of the steps.
    pub(super) fn into_labels(self) -> Vec<Labelled> {
        self.labels
    }

    /// The place of the step that is read now.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Whether no more steps are read.
    pub(super) fn are_too_many(&self) -> bool {
        self.count > MOST_STEPS
    }

    /// Goes on to the next step.
    pub(super) fn begin(&mut self, step: &Cursor<'_>) -> Option<()> {
        self.number += 1;
        self.add(step, 1)
    }

    /// Counts steps that one as written comes to.
    pub(super) fn add(&mut self, step: &Cursor<'_>, steps: usize) -> Option<()> {
        self.count = self.count.saturating_add(steps);
        if self.are_too_many() {
            return step.refuse(
                format!("here this scenario comes to more than {MOST_STEPS} steps"),
                "repeat less; what flows use counts as often as it is used",
            );
        }
        Some(())
    }

    /// The device that a step is about, as a place among the scenario's: the one that it names, else that
    /// of the flow's use, else the first.
    pub(super) fn device(&self, step: &Fields<'_>) -> Option<usize> {
        let Some(cursor) = step.get("on") else {
            return Some(self.within.last().map_or(0, |used| used.on));
        };
        let name = cursor.name_text()?;
        let devices = self.devices.as_ref()?;
        if let Some(at) = devices.iter().position(|own| *own == name) {
            return Some(at);
        }
        let known = devices.iter().map(String::as_str);
        cursor.refuse(
            format!("there is no device `{name}`"),
            match devices.first() {
                Some(_) => suggest(&name, known),
                None => {
                    format!("this scenario has one: name several by `devices: [phone, {name}]`")
                }
            },
        )
    }

    /// The place of the code that a step calls on.
    pub(super) fn code_named(&self, step: &Fields<'_>) -> Option<usize> {
        let cursor = step.need("check")?;
        let name = cursor.written()?;
        if let Some(at) = self.code.iter().position(|own| *own == name) {
            return Some(at);
        }
        let known = self.code.iter().map(String::as_str);
        cursor.refuse(format!("no code is called `{name}`"), suggest(&name, known))
    }

    /// Begins to read the steps of a flow, unless they are read already.
    pub(super) fn enter(&mut self, place: &Cursor<'_>, used: Use) -> Option<()> {
        let flow = &used.flow;
        if let Some(at) = self.within.iter().position(|own| own.flow == *flow) {
            let chain = self.within[at..].iter().map(|own| own.flow.as_str());
            let chain: Vec<&str> = chain.chain([flow.as_str()]).collect();
            return place.refuse(
                format!("the flow `{flow}` uses itself: {}", chain.join(" -> ")),
                "take this use away",
            );
        }
        self.within.push(used);
        Some(())
    }

    /// Ends it.
    pub(super) fn leave(&mut self) {
        self.within.pop();
    }

    /// Takes down what a step is called, if it has a name; `is_there` says whether the contract has the
    /// part that it depends on.
    pub(super) fn label(&mut self, step: &Fields<'_>, is_there: bool) {
        let Some((cursor, own)) = read_label(step) else {
            return;
        };
        let uses = self.within.iter().filter_map(|used| used.label.as_deref());
        let parts: Vec<&str> = uses.chain([own.as_str()]).collect();
        let label = parts.join(".");
        if self.labels.iter().any(|own| own.label == label) {
            cursor.refuse::<()>(
                format!("the label `{label}` is given twice"),
                match self.within.last() {
                    Some(used) => format!(
                        "give the step that uses `{}` a label of its own, like `again`: this one is then `again.{own}`",
                        used.flow
                    ),
                    None => "name each expectation by its own label".to_owned(),
                },
            );
        }
        let step = is_there.then_some(self.number);
        self.labels.push(Labelled { label, step });
    }

    /// Takes down the names of what the contract has no part for: of the step, or of those that it stands
    /// for. But for the parameters of flows, what they say otherwise is not looked at.
    pub(super) fn leave_out(&mut self, step: &Fields<'_>) {
        if let Some(cursor) = step.get("use") {
            let Some(name) = cursor.name_text() else {
                return;
            };
            let label = read_label(step).map(|(_, label)| label);
            let with = step.get("with");
            if let Some(flow) = self.flows.flow(&cursor, &name)
                && let Some(arguments) = flow.arguments(&cursor, with.as_ref())
                && self.enter(&cursor, Use::of(&name, label, 0)).is_some()
            {
                let span = cursor.node.span.clone();
                let base = cursor.diagnostics.include(flow.source(), span);
                let steps = flow.filled(base, &arguments);
                self.leave_out_all(&cursor.within(&steps));
                self.leave();
            }
        } else if let Some(body) = step.get("steps") {
            self.leave_out_all(&body);
        } else {
            self.label(step, false);
        }
    }

    fn leave_out_all(&mut self, steps: &Cursor<'_>) {
        for item in steps.list().into_iter().flatten() {
            if self.begin(&item).is_none() {
                return;
            }
            if let Some(fields) = item.fields("a step") {
                fields.ignore_rest();
                self.leave_out(&fields);
            }
        }
    }
}

/// What a step is called.
pub(super) fn read_label<'a>(step: &Fields<'a>) -> Option<(Cursor<'a>, String)> {
    let cursor = step.get("label")?;
    let label = cursor.name_text()?;
    if label.contains(|char: char| char.is_whitespace() || char == '/') {
        cursor.refuse::<()>(
            format!("`{label}` is no label"),
            "write one word, like `blocks-at-once`",
        );
    }
    Some((cursor, label))
}
